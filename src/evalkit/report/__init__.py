"""Reports: Swedish typography, tables, figures, pages, and the runner of notebooks."""

from __future__ import annotations

from evalkit.core.typography import Typography
from evalkit.report.counting import frequency_table
from evalkit.report.document import Document
from evalkit.report.html import Block, Line
from evalkit.report.runner import Reproduction, reproduce
from evalkit.report.tables import Listing, ReportTable

__all__ = [
    "Block",
    "Document",
    "Line",
    "Listing",
    "ReportTable",
    "Reproduction",
    "Typography",
    "frequency_table",
    "reproduce",
]
