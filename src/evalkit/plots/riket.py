"""Shares by group with their intervals, against national figures as lines."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import GRID
from evalkit.plots.style import ACCENT, INK, MUTED, canvas, in_house_style, write_lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["shares_against_riket"]

_WIDTH_CM, _ROW_CM, _HEAD_CM, _LINE_CM = 16.0, 0.8, 1.3, 0.42
_LONGEST = 26  # characters of a group's name on one line
_LINES = ("solid", (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
_GOAL = (0, (5, 2))
_NAMES = {
    "sv": ("Mål", "Andel, procent", "lodrätt streck: riket"),
    "en": ("Goal", "Share, per cent", "upright mark: riket"),
}
_MIXES = {
    "sv": {"own": "", "participants": " med deltagarnas sammansättning",
           "riket": "; båda med rikets sammansättning"},
    "en": {"own": "", "participants": " with the participants' mix",
           "riket": "; both with riket's mix"},
}  # fmt: skip

Mix: TypeAlias = Literal["own", "participants", "riket"]


@in_house_style
def shares_against_riket(
    groups: pd.DataFrame,
    figures: Mapping[str, tuple[float, float]],
    *,
    goal: float | None = None,
    mix: Mix = "own",
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw shares as points with intervals, and national figures as lines across all groups.

    Parameters
    ----------
    groups : pandas.DataFrame
        One row per group, from the top: ``group``, ``share, low, high`` (0-1; the limits missing
        where there is no interval), ``n`` (missing where unknown) and ``riket`` (a mark of the
        group's own, used where there are no figures).
    figures : mapping of str to (float, float)
        Bounds of each national figure by label; a band if they differ.
    goal : float, optional
        A goal, drawn as a line of its own.
    mix : {"own", "participants", "riket"}, default "own"
        Whose mix of people both shares are for, which the axis says: each its own, or that of one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of words and numbers.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, in percent.

    Raises
    ------
    InputError
        If a column is missing or there are no rows.
    """
    check_columns(groups, groups=["group", "share", "low", "high", "n", "riket"])
    if groups.empty:
        raise InputError.of("groups", required="at least one row", got="none")
    set_in = Typography(lang)

    def tick(value: float, _: int) -> str:
        return set_in.number(value, 0)

    rows, above = len(groups), len(figures) + (goal is not None)
    height = _HEAD_CM + _ROW_CM * rows + _LINE_CM * above
    axes = cast("Any", canvas(_WIDTH_CM, height) if ax is None else ax)
    numbers = groups[["share", "low", "high", "n", "riket"]].to_numpy(dtype=np.float64)
    percent = 100 * numbers[:, [0, 1, 2, 4]]
    goal_name, title, mark = _NAMES[lang]
    styles = cycle(_LINES)
    lines = [
        (label, 100 * low, 100 * high, INK, next(styles) if low == high else _LINES[0])
        for label, (low, high) in figures.items()
    ]
    if goal is not None:
        lines.append((goal_name, 100 * goal, 100 * goal, MUTED, _GOAL))
    for _, low, high, colour, style in lines:
        if high > low:
            axes.axvspan(low, high, color=GRID, linewidth=0, zorder=0.4)
        else:
            axes.axvline(low, color=colour, linewidth=1.0, linestyle=style, zorder=0.6)
    places = np.arange(rows)
    axes.hlines(places, percent[:, 1], percent[:, 2], color=ACCENT, linewidth=1.6)
    axes.plot(percent[:, 0], places, "o", color=ACCENT, markersize=5, linestyle="none")
    if not figures:
        axes.plot(percent[:, 3], places, "|", color=INK, markersize=12, markeredgewidth=1.4,
                  linestyle="none")  # fmt: skip
    beside = axes.get_yaxis_transform()
    for place, (share, low, high, _) in enumerate(percent):
        text = set_in.percent(share, 0)
        if np.isfinite(low):
            text += f"  ({set_in.interval(low, high, decimals=0)})"
        if np.isfinite(numbers[place, 3]):
            text += f"  n\u00a0=\u00a0{set_in.integer(int(numbers[place, 3]))}"
        axes.text(1.02, place, text, fontsize=8, va="center_baseline", transform=beside)
        name = fill(str(groups["group"].iloc[place]), _LONGEST)
        write_lines(axes, name, (0, place), shift=(-8, 0), xycoords=beside, ha="right",
                    va="center_baseline")  # fmt: skip
    for i, (label, low, high, colour, _) in enumerate(lines):
        shown = (
            set_in.percent(low, 0)
            if low == high
            else set_in.interval(low, high, decimals=0) + set_in.percent(0).removeprefix("0")
        )
        place = (low + high) / 2
        axes.annotate(f"{label} {shown}", (place, 1), xycoords=axes.get_xaxis_transform(),
                      xytext=(0, 3 + 12 * (len(lines) - 1 - i)), textcoords="offset points",
                      ha="left" if place < 50 else "right", va="bottom", fontsize=8, color=colour,
                      annotation_clip=False)  # fmt: skip
    axes.set_yticks([])
    axes.set_xlim(0, 100)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.xaxis.set_major_formatter(tick)
    axes.set_xlabel(
        title if figures else f"{title} ({mark}{_MIXES[lang][mix]})", fontsize=8, color=MUTED
    )
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    return cast("Axes", axes)
