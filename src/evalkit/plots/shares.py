"""How groups divide over outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.style import INK, MUTED, SERIES, canvas, in_house_style, text_on, write_lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["stacked_shares"]

_WIDTH_CM, _ROW_CM, _HEAD_CM = 16.0, 0.56, 1.9
_HEADING_STEP = 1.15
_NARROWEST = 0.045  # of the width: where a percentage still fits


@in_house_style
def stacked_shares(
    counts: pd.DataFrame,
    *,
    goal: float | None = None,
    goal_label: str = "",
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw each group as one bar of 100 percent, divided by outcome.

    Parameters
    ----------
    counts : pandas.DataFrame
        One row per group and one column per outcome, at most four, which make up everybody in
        the row. The index is the group's label, or block heading and label; a line break in a
        column's name is kept.
    goal : float, optional
        A goal for the first outcome, in percent, drawn as a line.
    goal_label : str, optional
        What the line is called.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If there are no rows, no outcomes, or more than four outcomes.
    """
    if not 1 <= counts.shape[1] <= len(SERIES) or counts.empty:
        raise InputError.of(
            "counts", required=f"rows, and one to {len(SERIES)} columns", got=f"{counts.shape}",
            remedy="Merge outcomes, or draw several figures.",
        )  # fmt: skip
    set_in = Typography(lang)
    rows = counts.index.to_frame(index=False).astype(str)
    labels = rows.iloc[:, -1].tolist()
    places, headings = _places(rows.iloc[:, 0].tolist() if rows.shape[1] > 1 else [""] * len(rows))
    axes = cast("Any", canvas(_WIDTH_CM, _HEAD_CM + _ROW_CM * places[-1]) if ax is None else ax)
    numbers = counts.to_numpy(dtype=np.int64)
    totals = numbers.sum(axis=1)
    shares = 100 * numbers / np.maximum(totals, 1)[:, None]
    starts = np.cumsum(shares, axis=1) - shares
    for series in range(shares.shape[1]):
        colour = SERIES[series]
        axes.barh(
            places, shares[:, series], left=starts[:, series], height=0.78, color=colour,
            edgecolor="white", linewidth=0.8,
        )  # fmt: skip
        for row, place in enumerate(places):
            if shares[row, series] >= 100 * _NARROWEST:
                axes.text(
                    starts[row, series] + shares[row, series] / 2, place,
                    set_in.share(int(numbers[row, series]), int(totals[row])),
                    ha="center", va="center_baseline", fontsize=8, color=text_on(colour),
                )  # fmt: skip
    _name_series(axes, [str(name) for name in counts.columns], starts[0], shares[0])
    for place, total in zip(places, totals, strict=True):
        axes.text(101.5, place, f"n\u00a0=\u00a0{set_in.integer(int(total))}", va="center_baseline",
                  fontsize=8, color=MUTED)  # fmt: skip
    for place, heading in headings:
        axes.text(-0.012, place, heading, transform=axes.get_yaxis_transform(), ha="right",
                  va="center_baseline", fontweight="bold")  # fmt: skip
    axes.set_yticks(places, labels)
    axes.set_ylim(places[-1] + 0.6, -0.5)
    axes.set_xlim(0, 112)
    axes.set_xticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    if goal is not None:
        axes.axvline(goal, color=INK, linewidth=1.2, zorder=0)  # behind the bars: texts stay clear
        axes.text(goal, places[-1] + 0.75, goal_label, ha="center", va="top", fontsize=8)
    return cast("Axes", axes)


def _places(groups: Sequence[str]) -> tuple[list[float], list[tuple[float, str]]]:
    """Places of the bars from the top, with room for each block's heading."""
    places: list[float] = []
    headings: list[tuple[float, str]] = []
    place, before = -1.0, groups[0]
    for group in groups:
        place += 1
        if group != before or (not places and group):
            if group:
                headings.append((place + 0.1, group))
                place += _HEADING_STEP
            else:
                place += 0.3
        places.append(place)
        before = group
    return places, headings


def _name_series(axes: Any, names: Sequence[str], starts: Any, widths: Any) -> None:
    """Write the outcomes' names above the first bar, each over its own part."""
    for name, start, width in zip(names, starts, widths, strict=True):
        text = name if "\n" in name else fill(name, max(10, int(width * 0.6)))
        place = (start + width / 2, -0.4)
        write_lines(axes, text, place, shift=(0, 3), ha="center", va="bottom", fontsize=8)
