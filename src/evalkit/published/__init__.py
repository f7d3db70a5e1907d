"""Published tables: load them, audit them, compare with them, reconstruct their microdata."""

from __future__ import annotations

from evalkit.published.audit import AuditReport, audit, audit_all
from evalkit.published.compare import Comparison, compare
from evalkit.published.files import audit_file, read_table
from evalkit.published.power import audit_power
from evalkit.published.reconstruct import reconstruct
from evalkit.published.store import PublishedTable, load, not_available, tables
from evalkit.published.tabulate import tabulate

__all__ = [
    "AuditReport",
    "Comparison",
    "PublishedTable",
    "audit",
    "audit_all",
    "audit_file",
    "audit_power",
    "compare",
    "load",
    "not_available",
    "read_table",
    "reconstruct",
    "tables",
    "tabulate",
]
