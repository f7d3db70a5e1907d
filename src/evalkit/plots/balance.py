"""Balance before and after: standardised differences, and where the groups' scores overlap."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import GRID, number_axis
from evalkit.plots.style import ACCENT, INK, MUTED, SERIES, canvas, in_house_style
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["love_alt", "love_plot", "quantile_plot", "score_overlap"]

_WIDTH_CM, _ROW_CM, _LINE_CM, _HEAD_CM = 16.0, 0.48, 0.34, 2.3
_LONGEST = 46  # characters of a label's line
_LINES = 2
_BINS = 30
_OTHER = "#b4530f"  # apart from the accent for every colour vision, and in grey by its lightness
_WORDS = {
    "sv": {
        "smd": "Standardiserad skillnad (absolut värde)",
        "before": "före",
        "after": "efter",
        "share": "Andel av gruppen",
        "alt": "Standardiserade skillnader, absoluta värden; {far} av {rows} över {threshold}. ",
        "change": "{label}: från {before} till {after}",
        "none": "okänd",
    },
    "en": {
        "smd": "Standardised difference (absolute value)",
        "before": "before",
        "after": "after",
        "share": "Share of the group",
        "alt": "Standardised differences, absolute values; {far} of {rows} above {threshold}. ",
        "change": "{label}: from {before} to {after}",
        "none": "unknown",
    },
}


@in_house_style
def love_plot(
    labels: Sequence[str],
    *,
    before: FloatArray,
    after: FloatArray | None = None,
    threshold: float = 0.1,
    lang: Lang = "sv",
    ax: Axes | None = None,
) -> Axes:
    """Draw absolute standardised differences, the largest before the adjustment on top.

    Parameters
    ----------
    labels : sequence of str
        The rows' names.
    before : ndarray of float, shape (rows,)
        Standardised differences; NaN where there is none.
    after : ndarray of float, shape (rows,), optional
        The same after matching or weighting.
    threshold : float, default 0.1
        Where the line stands.
    lang : {"sv", "en"}, default "sv"
        Language.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. Open circles are before, filled ones after.

    Raises
    ------
    evalkit.errors.InputError
        If there is no row.
    """
    if not len(labels):
        raise InputError.of("labels", required="at least one row", got="none")
    set_in, words = Typography(lang), _WORDS[lang]
    rows = len(labels)
    order = _worst_first(before)
    size = np.abs(before)
    shown = [_broken(labels[int(i)]) for i in order]
    tall = _ROW_CM + _LINE_CM * max(text.count("\n") for text in shown)
    axes = cast("Any", canvas(_WIDTH_CM, _HEAD_CM + tall * rows) if ax is None else ax)
    places = np.arange(rows)
    values = [size[order], *([np.abs(after)[order]] if after is not None else [])]
    if after is not None:
        axes.hlines(places, values[0], values[1], color=SERIES[1], linewidth=0.8, zorder=1)
    axes.plot(values[0], places, "o", markersize=5, markerfacecolor="white", zorder=2,
              markeredgecolor=_OTHER, linestyle="none", clip_on=False)  # fmt: skip
    if after is not None:
        axes.plot(values[1], places, "o", markersize=5, color=ACCENT, linestyle="none", zorder=3,
                  clip_on=False)  # fmt: skip
    finite = np.concatenate([v[~np.isnan(v)] for v in values])
    right = max(float(finite.max(initial=0.0)) * 1.06, 2.5 * threshold)
    axes.axvline(threshold, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0.5)
    axes.set_xlim(0, right)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks(places, shown)
    number_axis(axes.xaxis, set_in)
    axes.grid(axis="both", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(words["smd"], fontsize=8, color=MUTED)
    _key(axes, words, adjusted=after is not None)
    return cast("Axes", axes)


def _key(axes: Any, words: dict[str, str], *, adjusted: bool) -> None:
    """Say above the axes which points are before and which after."""
    marks = [("○ ", words["before"], _OTHER), ("● ", words["after"], ACCENT)]
    for number, (mark, word, colour) in enumerate(marks[: 2 if adjusted else 1]):
        axes.annotate(mark + word, (0, 1), xycoords="axes fraction", xytext=(60 * number, 6),
                      textcoords="offset points", color=colour, va="bottom",
                      annotation_clip=False)  # fmt: skip


def love_alt(
    labels: Sequence[str],
    *,
    before: FloatArray,
    after: FloatArray | None = None,
    threshold: float = 0.1,
    lang: Lang = "sv",
) -> str:
    """Tell a love plot in words, for those who cannot see it.

    Parameters
    ----------
    labels, before, after, threshold, lang : object
        As in :func:`love_plot`.

    Returns
    -------
    str
        How many differences are large, then all of them in the order of the figure.

    Examples
    --------
    >>> love_alt(["Age"], before=np.array([-0.31]), after=np.array([0.02]), lang="en")
    'Standardised differences, absolute values; 0 of 1 above 0.1. Age: from 0.31 to 0.02.'
    """
    set_in, words = Typography(lang), _WORDS[lang]

    def number(value: float) -> str:
        return words["none"] if np.isnan(value) else set_in.number(abs(value), 2)

    told: list[str] = []
    for i in _worst_first(before).tolist():
        first = number(float(before[i]))
        told.append(
            f"{labels[i]}: {first}"
            if after is None
            else words["change"].format(
                label=labels[i], before=first, after=number(float(after[i]))
            )
        )
    far = int((np.abs(before if after is None else after) > threshold).sum())
    limit = set_in.number(threshold, 2).rstrip("0")
    return words["alt"].format(far=far, rows=len(labels), threshold=limit) + "; ".join(told) + "."


def _worst_first(values: FloatArray) -> IntArray:
    """Return the order of differences by their size, the largest first and unknown ones last."""
    size = np.abs(values)
    return np.argsort(-np.where(np.isnan(size), -1.0, size), kind="stable")


def _broken(label: str) -> str:
    """Break a label over two lines; what is too long for them loses its middle."""
    most = _LINES * _LONGEST - 8  # lines seldom break where they are full
    if len(label) > most:
        label = label[: most // 2] + "…" + label[-(most // 2) :]
    return fill(label, _LONGEST)


@in_house_style
def score_overlap(
    scores: Sequence[tuple[str, FloatArray, FloatArray | None]],
    *,
    label: str,
    support: tuple[float, float] | None = None,
    lang: Lang = "sv",
    ax: Axes | None = None,
) -> Axes:
    """Draw how the scores of two groups are spread, one upwards and the other downwards.

    Parameters
    ----------
    scores : sequence of (name, scores, weights)
        Two groups: those who took part first; weights or None.
    label : str
        What the score is.
    support : (float, float), optional
        Limits of the common support, drawn as lines.
    lang : {"sv", "en"}, default "sv"
        Language.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; a bar is the share of its own group.

    Raises
    ------
    evalkit.errors.InputError
        If there are not two groups with somebody in each.
    """
    if len(scores) != 2 or any(len(values) == 0 for _, values, _ in scores):
        raise InputError.of("scores", required="two groups with somebody in each", got=len(scores))
    set_in, words = Typography(lang), _WORDS[lang]
    axes = cast("Any", canvas(_WIDTH_CM, 8.0) if ax is None else ax)
    low = min(float(values.min()) for _, values, _ in scores)
    high = max(float(values.max()) for _, values, _ in scores)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    top = 0.0
    for (name, values, weights), sign, colour in zip(
        scores, (1, -1), (ACCENT, _OTHER), strict=True
    ):
        height, _ = np.histogram(values, bins=edges, weights=weights)
        share = height / height.sum() if height.sum() > 0 else height.astype(np.float64)
        top = max(top, float(share.max()))
        axes.bar(edges[:-1], sign * share, width=np.diff(edges), align="edge", color=colour,
                 edgecolor="white", linewidth=0.4)  # fmt: skip
        axes.annotate(name, (1, 1 if sign > 0 else 0), xycoords="axes fraction", ha="right",
                      va="top" if sign > 0 else "bottom", xytext=(-2, -2 * sign),
                      textcoords="offset points", color=colour)  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.6)
    for limit in support or ():
        axes.axvline(limit, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_ylim(-1.15 * top, 1.15 * top)

    def tick(value: float, _: int) -> str:
        return set_in.percent(round(100 * abs(value), 9), 0)

    axes.yaxis.set_major_formatter(tick)
    number_axis(axes.xaxis, set_in)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(label, fontsize=8, color=MUTED)
    axes.annotate(words["share"], (0, 1), xycoords="axes fraction", xytext=(-8, 6), va="bottom",
                  textcoords="offset points", annotation_clip=False)  # fmt: skip
    return cast("Axes", axes)


@in_house_style
def quantile_plot(
    treated: FloatArray,
    control: FloatArray,
    *,
    label: str,
    groups: tuple[str, str],
    treated_weights: FloatArray | None = None,
    control_weights: FloatArray | None = None,
    lang: Lang = "sv",
    ax: Axes | None = None,
) -> Axes:
    """Draw the quantiles of a covariate in one group against those in the other.

    Parameters
    ----------
    treated, control : ndarray of float
        Values in the two groups.
    label : str
        What they are.
    groups : (str, str)
        Names of the groups.
    treated_weights, control_weights : ndarray of float, optional
        Weights of the groups.
    lang : {"sv", "en"}, default "sv"
        Language of numbers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: points on the line mean that the groups are alike.

    Raises
    ------
    evalkit.errors.InputError
        If a group is empty, or has no positive weight.
    """
    set_in = Typography(lang)
    axes = cast("Any", canvas(9.0, 9.0) if ax is None else ax)
    x = _quantiles(control, control_weights)
    y = _quantiles(treated, treated_weights)
    ends = (float(min(x.min(), y.min())), float(max(x.max(), y.max())))
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, zorder=1)
    axes.plot(x, y, "o", color=ACCENT, markersize=3, linestyle="none", zorder=2)
    number_axis(axes.xaxis, set_in)
    number_axis(axes.yaxis, set_in)
    axes.set_aspect("equal", adjustable="datalim")
    axes.locator_params(nbins=4)
    axes.set_xlabel(f"{label}, {groups[1]}", fontsize=8, color=MUTED)
    axes.annotate(f"{label}, {groups[0]}", (0, 1), xycoords="axes fraction", xytext=(-8, 6),
                  va="bottom", textcoords="offset points", annotation_clip=False)  # fmt: skip
    return cast("Axes", axes)


def _quantiles(values: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Return a hundred quantiles: the first values at which the weights reach them."""
    each = np.ones(len(values)) if weights is None else weights
    if not each.any():
        raise InputError.of("groups", required="somebody in each group", got="an empty group")
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(each[order]) / each.sum()
    shares = (np.arange(100) + 0.5) / 100
    return values[order][np.minimum(np.searchsorted(reached, shares * (1 - 1e-12)), len(order) - 1)]
