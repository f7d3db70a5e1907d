"""Axes that figures over time share: time, shares, numbers, a title, and limits marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evalkit.core.typography import Typography
from evalkit.plots.style import MUTED

__all__ = [
    "GRID",
    "mark_limits",
    "number_axis",
    "number_grid",
    "percent_axis",
    "time_axis",
    "title_axis",
]

GRID = "#e3e8ea"

_STEPS = (1, 2, 5, 7, 14, 30, 60, 100)  # days between ticks below a thousand days, then years
_YEARS = (365, 730, 1825, 3650)


def mark_limits(axes: Any, limits: Sequence[float], set_in: Typography) -> list[float]:
    """Draw a line at each limit that the axis reaches, with its day above.

    Returns
    -------
    list of float
        The limits drawn.
    """
    low, high = axes.get_xlim()
    drawn = [float(limit) for limit in limits if low < limit < high]
    for limit in drawn:
        axes.axvline(limit, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0.5)
        text = set_in.number(limit, 0 if limit.is_integer() else 1)
        axes.annotate(text, (limit, 1), xycoords=axes.get_xaxis_transform(), xytext=(0, 2),
                      textcoords="offset points", ha="center", va="bottom", fontsize=7.5,
                      color=MUTED, annotation_clip=False)  # fmt: skip
    return drawn


def time_axis(axes: Any, last: float, *, label: str, set_in: Typography) -> None:
    """Let the time axis run from 0 to the last time, with few ticks, at usual steps."""
    axes.set_xlim(0, last)
    steps = [step for step in (_STEPS if last < 1000 else _YEARS) if last / step <= 10]
    if last >= 20 and steps:
        axes.set_xticks(np.arange(0, last * (1 + 1e-9), steps[0]))
    else:
        axes.locator_params(axis="x", nbins=8)

    def tick(value: float, _: int) -> str:
        return set_in.number(value, 0 if float(value).is_integer() else 1)

    axes.xaxis.set_major_formatter(tick)
    axes.set_xlabel(label, fontsize=8, color=MUTED)


def percent_axis(axes: Any, top: float | None, set_in: Typography) -> None:
    """Show shares as percent, from 0 to the top, on a quiet grid."""
    axes.set_ylim(0, top)

    def tick(value: float, _: int) -> str:
        whole = abs(100 * value - round(100 * value)) < 1e-9
        return set_in.percent(round(100 * value, 9), 0 if whole else 1)

    axes.yaxis.set_major_formatter(tick)
    _quiet_grid(axes)


def number_grid(axes: Any, top: float, set_in: Typography) -> None:
    """Show plain numbers, from 0 to the top, on a quiet grid."""
    axes.set_ylim(0, top)
    number_axis(axes.yaxis, set_in)
    _quiet_grid(axes)


def _quiet_grid(axes: Any) -> None:
    """Draw faint lines across, behind everything."""
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def title_axis(axes: Any, text: str, *, raised: bool) -> None:
    """Write what the value axis shows above it, where it can be read without turning the head."""
    axes.annotate(text, (0, 1), xycoords="axes fraction", xytext=(-8, 15 if raised else 6),
                  textcoords="offset points", va="bottom", annotation_clip=False)  # fmt: skip


def number_axis(axis: Any, set_in: Typography) -> None:
    """Show plain numbers with as many decimals as they need, in the house's typography."""

    def tick(value: float, _: int) -> str:
        value = float(f"{value:.6g}")
        decimals = next((d for d in range(7) if abs(value - round(value, d)) < 1e-12), 7)
        return set_in.number(value, decimals)

    axis.set_major_formatter(tick)
