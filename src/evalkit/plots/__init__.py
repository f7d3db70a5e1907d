"""Figures: data in, matplotlib axes out."""

from __future__ import annotations

from evalkit.plots.differences import difference_forest
from evalkit.plots.shares import stacked_shares

__all__ = ["difference_forest", "stacked_shares"]
