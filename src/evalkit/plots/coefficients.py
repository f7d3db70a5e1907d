"""Coefficients of a model with their intervals, and how constant they are over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from evalkit.core.checks import check_choice, check_columns
from evalkit.core.typography import NBSP, Lang, Typography
from evalkit.errors import InputError
from evalkit.kernels.natural_spline import smooth
from evalkit.plots.axes import GRID, mark_limits, number_axis, time_axis, title_axis
from evalkit.plots.style import ACCENT, MUTED, canvas, in_house_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["coefficient_forest", "schoenfeld"]

_WIDTH_CM, _HEIGHT_CM, _ROW_CM, _LINE_CM, _HEAD_CM = 16.0, 8.0, 0.3, 0.3, 1.9
_LONGEST = 34  # characters of a label's line
_MANY = 1000  # points from which they are drawn lightly
_RATIO_TICKS = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "ratio": "Kvot, logaritmisk skala", "coefficient": "Koefficient", "time": "Dagar",
        "schoenfeld": "Koefficient för {term} över tid", "p": " (prövning av konstans: {p})",
    },
    "en": {
        "ratio": "Ratio, log scale", "coefficient": "Coefficient", "time": "Days",
        "schoenfeld": "Coefficient of {term} over time", "p": " (test of constancy: {p})",
    },
}  # fmt: skip


@in_house_style
def coefficient_forest(
    frame: pd.DataFrame,
    *,
    scale: Literal["log", "ratio", "plain"] = "log",
    term: str = "term",
    names: Mapping[str, str] | None = None,
    label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw coefficients as points with their intervals, and the numbers beside them.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each coefficient, with `term` and ``estimate, conf_low, conf_high``; an
        ``EffectTable`` frame will do. Rows without an estimate are left out.
    scale : {"log", "ratio", "plain"}
        What the estimates are: logarithms of ratios, which are drawn as ratios; ratios; or
        neither, drawn as they are around 0.
    term : str, default "term"
        Column with the names.
    names : mapping, optional
        Names to show instead of the terms.
    label : str, optional
        What the axis shows; "Kvot" or "Koefficient" if left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, logarithmic for ratios. Intervals that go beyond a factor of a thousand from
        the nearest estimate end in an arrow.

    Raises
    ------
    InputError
        If a column is missing, no row has an estimate, or a ratio is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"term": ["age"], "estimate": [0.1], "conf_low": [0.0], "conf_high": [0.2]}
    ... )
    >>> coefficient_forest(table).get_xscale()
    'log'
    """
    check_columns(frame, term=term, frame=["estimate", "conf_low", "conf_high"])
    check_choice("scale", scale, ("log", "ratio", "plain"))
    points = frame[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=np.float64)
    there = np.isfinite(points[:, 0])
    if not there.any():
        raise InputError.of("frame", required="at least one row with an estimate", got="none")
    points = points[there]
    called = [(names or {}).get(str(name), str(name)) for name in frame.loc[there, term]]
    set_in, ratios = Typography(lang), scale != "plain"
    if scale == "log":
        points = np.exp(np.clip(points, -600, 600))
    elif scale == "ratio" and (points[:, 0] <= 0).any():
        raise InputError.of("frame['estimate']", required="positive ratios", got=points[:, 0].min())
    labels = [fill(name, _LONGEST) for name in called]
    rows = len(labels)
    lines = max(name.count("\n") for name in labels) + 1
    height = _HEAD_CM + (_ROW_CM + _LINE_CM * lines) * rows
    axes = cast("Any", canvas(_WIDTH_CM, height) if ax is None else ax)
    places = np.arange(rows)
    least, most = _range(points, ratios)
    axes.axvline(1 if ratios else 0, color=MUTED, linewidth=0.8)
    shown = np.clip(points, least, most)
    axes.hlines(places, shown[:, 1], shown[:, 2], color=ACCENT, linewidth=1.6)
    axes.plot(points[:, 0], places, "o", color=ACCENT, markersize=5, linestyle="none")
    for side, marker, beyond in ((1, "<", points[:, 1] < least), (2, ">", points[:, 2] > most)):
        axes.plot(shown[beyond, side], places[beyond], marker, color=ACCENT, markersize=4,
                  linestyle="none")  # fmt: skip
    for place, point in enumerate(points):
        axes.text(1.02, place, _beside(point, set_in), fontsize=8, va="center_baseline",
                  transform=axes.get_yaxis_transform())  # fmt: skip
    if ratios:
        _ratio_axis(axes, least, most, set_in)
    else:
        number_axis(axes.xaxis, set_in)
    axes.set_yticks(places, labels)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    words = _WORDS[lang]
    axes.set_xlabel(label or words["ratio" if ratios else "coefficient"], fontsize=8, color=MUTED)
    return cast("Axes", axes)


def _range(points: np.ndarray[Any, np.dtype[np.float64]], ratios: bool) -> tuple[float, float]:
    """Return the ends of the axis: all estimates, and intervals that are not endless."""
    finite = points[np.isfinite(points)]
    least, most = float(finite.min()), float(finite.max())
    if ratios:
        estimates = points[:, 0]
        least = max(least, float(estimates.min()) / 1000)
        most = min(most, float(estimates.max()) * 1000)
    return least, most


def _ratio_axis(axes: Any, least: float, most: float, set_in: Typography) -> None:
    """Make the axis logarithmic, around 1, with ticks that people read without thinking."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_xscale("log")
    widest = max(most, 1 / least, 1.1)
    low, high = min(least, 1.0), max(most, 1.0)
    pad = (high / low) ** 0.04
    axes.set_xlim(low / pad, high * pad)
    if widest > _RATIO_TICKS[-1]:
        stride = max(1, int(np.ceil(np.log10(high / low) / 6)))
        ticks = [10.0 ** (stride * k) for k in range(7)]
    else:
        ticks = [tick for tick in _RATIO_TICKS if tick <= widest]
    if len(ticks) < 3:
        ticks = [1.0, 1.1, 1.2, 1.3] if widest < 1.5 else [1.0, 1.25, 1.5, 2.0]
    while len(ticks) > 5 and widest <= _RATIO_TICKS[-1]:
        ticks = [ticks[0], *ticks[2::2]]
    both = sorted({*ticks, *(1 / tick for tick in ticks)})
    axes.xaxis.set_major_locator(FixedLocator([x for x in both if low / pad <= x <= high * pad]))
    axes.xaxis.set_minor_locator(NullLocator())

    def tick_text(value: float, _: int) -> str:
        wide = widest > _RATIO_TICKS[-1] and value != 1
        return f"1e{round(np.log10(value))}" if wide else _figures([value], set_in)[0]

    axes.xaxis.set_major_formatter(tick_text)


def _figures(values: Sequence[float], set_in: Typography) -> list[str]:
    """Set numbers that belong together with equally many decimals, enough to tell them apart."""
    sizes = [abs(value) for value in values if np.isfinite(value)]
    largest = max(sizes, default=0.0)
    decimals = 2 if largest >= 0.1 or largest == 0 else min(6, 1 - int(np.floor(np.log10(largest))))
    return [
        f"{value:.1e}".replace(".", set_in.number(0.5)[1])
        if np.isfinite(value) and (abs(value) >= 1e5 or 0 < abs(value) < 1e-5)
        else set_in.number(value, decimals)
        for value in values
    ]


def _beside(point: Any, set_in: Typography) -> str:
    """Set an estimate with its interval."""
    estimate, low, high = _figures([float(value) for value in point], set_in)
    word = set_in.interval(0, 1).split(NBSP)[1]
    return f"{estimate}  ({low}{NBSP}{word}{NBSP}{high})"


@in_house_style
def schoenfeld(
    frame: pd.DataFrame,
    *,
    term: str | None = None,
    estimate: float | None = None,
    p_value: float | None = None,
    name: str | None = None,
    df: int = 4,
    level: float = 0.95,
    limits: tuple[float, ...] = (),
    time_label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw scaled Schoenfeld residuals over time, with the smooth line that should be level.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``time`` and ``residual``, one row for each event: the residual scaled by the
        variance, plus the coefficient, so that its mean at a time estimates the coefficient there
        (as in R's ``cox.zph(...)$y``). With a column ``term``, for several coefficients.
    term : str, optional
        Which coefficient; needed if the frame has several.
    estimate : float, optional
        The coefficient of the model, drawn as a line.
    p_value : float, optional
        Of the test that the coefficient is constant; written above.
    name : str, optional
        What the coefficient is called in the figure; the term if left out.
    df : int, default 4
        Degrees of freedom of the smooth line.
    level : float, default 0.95
        Level of its pointwise band, which assumes that residuals are independent.
    limits : tuple of float, optional
        Days to mark.
    time_label : str, optional
        What the time axis shows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes. The value axis follows the line and the bulk of the residuals; the farthest
        one per cent may lie outside.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, or several terms and none chosen.

    Examples
    --------
    >>> import pandas as pd
    >>> residuals = pd.DataFrame({"time": [1.0, 2, 3, 4, 5, 6], "residual": [0.0, 1, 0, 1, 0, 1]})
    >>> len(schoenfeld(residuals, name="age", estimate=0.5).lines)
    4
    """
    from statistics import NormalDist

    check_columns(frame, frame=["time", "residual"])
    if "term" in frame:
        known = [str(one) for one in dict.fromkeys(frame["term"])]
        chosen = known[0] if term is None and len(known) == 1 else term
        if chosen not in known:
            raise InputError.of(
                "term", required="one of the coefficients", got=repr(term), where=known,
                remedy="Draw one figure for each.",
            )  # fmt: skip
        frame = frame[frame["term"].astype(str) == chosen]
        name = name or chosen
    if frame.empty:
        raise InputError.of("frame", required="at least one row", got="none")
    time = frame["time"].to_numpy(dtype=np.float64)
    residual = frame["residual"].to_numpy(dtype=np.float64)
    at = np.linspace(float(time.min()), float(time.max()), 80, dtype=np.float64)
    line, error = smooth(time, residual, at, df=df)
    width = NormalDist().inv_cdf((1 + level) / 2) * error
    set_in, words = Typography(lang), _WORDS[lang]
    axes = cast("Any", canvas(_WIDTH_CM, _HEIGHT_CM) if ax is None else ax)
    time_axis(axes, float(time.max()) or 1.0, label=time_label or words["time"], set_in=set_in)
    many = len(time) > _MANY
    axes.plot(time, residual, "o", color="#8b9399", markersize=1.5 if many else 3,
              alpha=0.25 if many else 0.6, markeredgewidth=0, rasterized=many)  # fmt: skip
    axes.fill_between(at, line - width, line + width, color=ACCENT, alpha=0.16, linewidth=0)
    axes.plot(at, line, color=ACCENT, linewidth=1.8)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    if estimate is not None:
        axes.axhline(estimate, color="#d9772b", linewidth=1.2, linestyle=(0, (5, 2)))
        axes.annotate(_figures([estimate], set_in)[0], (1, estimate), color="#b55c17", fontsize=8,
                      xycoords=axes.get_yaxis_transform(), xytext=(5, 0), annotation_clip=False,
                      textcoords="offset points", va="center_baseline")  # fmt: skip
    low, high = np.quantile(residual, [0.005, 0.995])
    low, high = min(float(low), float(line.min())), max(float(high), float(line.max()))
    pad = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - pad, high + pad)
    number_axis(axes.yaxis, set_in)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    marked = mark_limits(axes, limits, set_in)
    title = words["schoenfeld"].format(term=name or "")
    if p_value is not None:
        title += words["p"].format(p=set_in.p_value(p_value))
    title_axis(axes, title, raised=bool(marked))
    return cast("Axes", axes)
