"""Comparison with a reference population or a goal: matching, weighting, standardisation."""

from __future__ import annotations

from evalkit.matching.goal import goal_attainment

__all__ = ["goal_attainment"]
