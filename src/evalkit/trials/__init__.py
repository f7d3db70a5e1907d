"""Comparison of groups, and analysis of randomised trials."""

from __future__ import annotations

from evalkit.trials.proportions import proportion_difference

__all__ = ["proportion_difference"]
