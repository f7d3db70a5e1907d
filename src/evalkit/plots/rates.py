"""Shares of groups as points with their intervals, and small groups as counts in words."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import GRID, title_axis
from evalkit.plots.statement_text import STATEMENT_SIZE, width_cm, write_statements
from evalkit.plots.style import ACCENT, MUTED, canvas, in_house_style
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_rates"]

_WIDTH_CM, _ROW_CM, _LINE_CM, _HEAD_CM = 16.0, 0.35, 0.35, 1.9
_GAP_CM = 0.2  # between the labels and the axis
_LONGEST = 34  # characters of a label's line
_WORDS = {
    "sv": {"rate": "Svarsfrekvens", "level": "konfidensintervall"},
    "en": {"rate": "Response rate", "level": "confidence interval"},
}


@in_house_style
def draw_rates(
    labels: Sequence[str],
    points: FloatArray,
    beside: Sequence[str],
    *,
    level: float = 0.95,
    title: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw shares as points with their intervals, one line each, and the numbers beside them.

    Parameters
    ----------
    labels : sequence of str
        Names of the lines, wrapped.
    points : ndarray of float, shape (k, 3)
        Shares and limits from 0 to 1; a line whose share is NaN has its text alone.
    beside : sequence of str
        What stands to the right of each line.
    level : float, default 0.95
        Confidence level, named on the axis.
    title : str, optional
        What the figure shows, written above it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, from 0 to 100 percent.

    Raises
    ------
    evalkit.errors.InputError
        If there are no rows, or not as many points and texts as labels.

    Examples
    --------
    >>> points = np.array([[0.72, 0.61, 0.81], [np.nan] * 3])
    >>> draw_rates(["Nord", "Syd"], points, ["72 %", "7 av 11"], lang="en").get_xlabel()
    'Response rate, 95% confidence interval'
    """
    rows = len(labels)
    if rows == 0 or points.shape != (rows, 3) or len(beside) != rows:
        raise InputError.of(
            "points",
            required="one row of three numbers, and one text, for each label",
            got=f"shape {points.shape}, {len(beside)} texts and {rows} labels",
        )
    set_in, words = Typography(lang), _WORDS[lang]
    names = [fill(label, _LONGEST) for label in labels]
    lines = max(name.count("\n") for name in names) + 1
    height = _HEAD_CM + (_ROW_CM + _LINE_CM * lines) * rows
    axes = cast("Any", canvas(_WIDTH_CM, height) if ax is None else ax)
    places = np.arange(rows)
    axes.hlines(places, points[:, 1], points[:, 2], color=ACCENT, linewidth=1.6)
    axes.plot(points[:, 0], places, "o", color=ACCENT, markersize=5, linestyle="none",
              clip_on=False)  # fmt: skip
    for place, text in enumerate(beside):
        axes.text(1.03, place, text, fontsize=8, va="center_baseline",
                  transform=axes.get_yaxis_transform())  # fmt: skip
    pieces = [name.split("\n") for name in names]
    widest = max(width_cm(line, STATEMENT_SIZE) for piece in pieces for line in piece)
    write_statements(axes, places.tolist(), pieces, pad=widest + _GAP_CM)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.arange(0, 1.01, 0.25))

    def tick(value: float, _: int) -> str:
        return set_in.percent(round(100 * value, 9))

    axes.xaxis.set_major_formatter(tick)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    percentage = round(100 * level, 6)
    share = set_in.percent(percentage, 0 if percentage.is_integer() else 1)
    axes.set_xlabel(f"{words['rate']}, {share} {words['level']}", fontsize=8, color=MUTED)
    if title:
        title_axis(axes, title, raised=False)
    return cast("Axes", axes)
