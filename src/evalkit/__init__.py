"""Evaluation of labour-market and rehabilitation programmes, with every number traceable.

Sub-packages are imported when they are first used, so that ``import evalkit`` alone costs next to
nothing: ``evalkit.published.load("000.t1")`` and ``from evalkit import published`` both work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from evalkit import core as core
    from evalkit import errors as errors
    from evalkit import kernels as kernels
    from evalkit import matching as matching
    from evalkit import plots as plots
    from evalkit import published as published
    from evalkit import report as report
    from evalkit import scales as scales
    from evalkit import survival as survival
    from evalkit import synthetic as synthetic
    from evalkit import trials as trials
    from evalkit import typing as typing

__version__ = "0.1.0"

__all__ = [
    "core",
    "errors",
    "kernels",
    "matching",
    "plots",
    "published",
    "report",
    "scales",
    "survival",
    "synthetic",
    "trials",
    "typing",
]


def __getattr__(name: str) -> ModuleType:
    """Import a sub-package when it is first asked for."""
    if name in __all__:
        return import_module(f"evalkit.{name}")
    raise AttributeError(f"module 'evalkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the sub-packages too, whether or not they have been imported yet."""
    return sorted({*globals(), *__all__})
