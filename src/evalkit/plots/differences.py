"""Differences with their intervals."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.style import ACCENT, MUTED, canvas, in_house_style, write_lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["difference_forest"]

_WIDTH_CM, _ROW_CM, _LINE_CM, _HEAD_CM = 16.0, 0.34, 0.3, 1.8
_LONGEST = 34  # characters of a label's line, which leave half of the width to the numbers


@in_house_style
def difference_forest(
    differences: pd.DataFrame,
    *,
    label: str = "label",
    sides: tuple[str, str] = ("", ""),
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw differences between shares as points with confidence intervals.

    Parameters
    ----------
    differences : pandas.DataFrame
        One row per difference, with `label` and ``estimate, conf_low, conf_high`` as shares
        (0.02 is two percentage points).
    label : str, default "label"
        Column with the rows' names.
    sides : (str, str), optional
        What it means to stand left and right of zero.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, in percentage points.

    Raises
    ------
    InputError
        If a column is missing or there are no rows.
    """
    names = ["estimate", "conf_low", "conf_high"]
    check_columns(differences, label=label, differences=names)
    if differences.empty:
        raise InputError.of("differences", required="at least one row", got="none")
    set_in = Typography(lang)
    rows = len(differences)

    def tick(value: float, _: int) -> str:
        return set_in.points(value, 0, unit=False)

    labels = [fill(str(name), _LONGEST) for name in differences[label]]
    lines = max(text.count("\n") for text in labels) + 1
    height = _HEAD_CM + (_ROW_CM + _LINE_CM * lines) * rows
    axes = cast("Any", canvas(_WIDTH_CM, height) if ax is None else ax)
    points = 100 * differences[names].to_numpy(dtype=np.float64)
    places = list(range(rows))
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.hlines(places, points[:, 1], points[:, 2], color=ACCENT, linewidth=1.6)
    axes.plot(points[:, 0], places, "o", color=ACCENT, markersize=5, linestyle="none")
    for place, (estimate, low, high) in enumerate(points):
        number = set_in.points(estimate, unit=False)
        axes.text(1.02, place, f"{number}  ({set_in.interval(low, high)})", fontsize=8,
                  va="center_baseline", transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set_yticks([])
    beside = {"xycoords": axes.get_yaxis_transform(), "ha": "right", "va": "center_baseline"}
    for place, text in zip(places, labels, strict=True):
        write_lines(axes, text, (0, place), shift=(-8, 0), **beside)
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.set_ylim(rows - 0.4, -0.7)
    axes.xaxis.set_major_formatter(tick)
    axes.grid(axis="x", color="#e3e8ea", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    for text, place, side in zip(sides, (-0.01, 0.01), ("right", "left"), strict=True):
        arrow = f"\u2190 {text}" if side == "right" else f"{text} \u2192"
        if text:
            axes.annotate(arrow, (0, 1), xytext=(400 * place, 2), textcoords="offset points",
                          xycoords=("data", "axes fraction"), ha=side, va="bottom", fontsize=8,
                          color=MUTED)  # fmt: skip
    return cast("Axes", axes)
