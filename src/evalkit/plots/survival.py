"""Figures of time until an exit: survival, exits by cause, hazards; with those of coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import mark_limits, percent_axis, time_axis, title_axis
from evalkit.plots.coefficients import coefficient_forest, schoenfeld
from evalkit.plots.curves import (
    DAYS,
    HEIGHT_CM,
    WIDTH_CM,
    draw_at_risk,
    figure_over_time,
    highest,
    last_time,
    name_ends,
    read_curves,
)
from evalkit.plots.hazards import cumulative_hazards, hazard_by_day
from evalkit.plots.style import INK, canvas, in_house_style, text_on

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "coefficient_forest",
    "cumulative_hazards",
    "hazard_by_day",
    "incidence_curves",
    "schoenfeld",
    "stacked_exits",
    "survival_curves",
]

_ROW_CM = 0.39
_FILLS = ("#0f4c5c", "#6aa5b5", "#e3a73f", "#8f6f9e", "#8b9399", "#c9c27a", "#b5651d", "#55677a")
_STILL = "#f0f3f4"
_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "survival": "Andel kvar", "at risk": "Under risk",
        "incidence": "Kumulativ andel avslutade", "shares": "Andel efter läge",
        "still": "Kvar",
    },
    "en": {
        "survival": "Still in", "at risk": "At risk",
        "incidence": "Cumulative incidence", "shares": "Share in each state",
        "still": "Still in",
    },
}  # fmt: skip


@in_house_style
def survival_curves(
    frame: pd.DataFrame,
    *,
    value: str = "survival",
    by: str | Sequence[str] | None = None,
    names: Mapping[Any, str] | None = None,
    limits: Sequence[float] = (),
    until: float | None = None,
    band: bool = True,
    at_risk: bool = True,
    label: str | None = None,
    time_label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw survival curves with their bands, and the numbers at risk under the axis.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns, then ``time`` and `value`; ``conf_low, conf_high`` make the bands and
        ``at_risk`` the table.
    value : str, default "survival"
        Column with the curve.
    by : str or sequence of str, optional
        The key columns; those before ``time`` if left out.
    names : mapping, optional
        Names to show instead of the values of the key columns.
    limits : sequence of float, optional
        Days to mark, such as 90, 180, 365 and 914.
    until : float, optional
        Where the time axis ends; at the last time if left out.
    band : bool, default True
        Draw the confidence bands.
    at_risk : bool, default True
        Write the table, if the frame has the numbers. Between two times of the frame it has the
        number just before the later one.
    label, time_label : str, optional
        What the axes show; "Andel kvar" and "Dagar" if left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, or more than six curves.

    Examples
    --------
    >>> import pandas as pd
    >>> curve = pd.DataFrame({"time": [30, 90], "at_risk": [4, 2], "survival": [0.5, 0.25]})
    >>> axes = survival_curves(curve, limits=[90], until=120)
    >>> [text.get_text() for text in axes.texts][:2]
    ['90', 'Andel kvar']
    """
    curves = read_curves(frame, value=value, start=1.0, by=by, names=names)
    set_in, words = Typography(lang), _WORDS[lang]
    tabled = at_risk and any(curve.at_risk is not None for curve in curves)
    axes = figure_over_time(
        curves, last=last_time(curves, until), title=words["survival"],
        value_axis=lambda axes: percent_axis(axes, 1.0, set_in), limits=limits, band=band,
        label=label, time_label=time_label, room_cm=_ROW_CM * (len(curves) + 1) * tabled, ax=ax,
        set_in=set_in,
    )  # fmt: skip
    if tabled:
        draw_at_risk(axes, curves, heading=words["at risk"], set_in=set_in)
    return cast("Axes", axes)


@in_house_style
def incidence_curves(
    frame: pd.DataFrame,
    *,
    value: str = "cumulative_incidence",
    by: str | Sequence[str] | None = None,
    names: Mapping[Any, str] | None = None,
    limits: Sequence[float] = (),
    until: float | None = None,
    top: float | None = None,
    band: bool = True,
    label: str | None = None,
    time_label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw cumulative incidences, one curve for each cause and group, with their bands.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns (groups, ``cause``), then ``time`` and `value`; ``conf_low, conf_high`` make
        the bands.
    value : str, default "cumulative_incidence"
        Column with the curve.
    by : str or sequence of str, optional
        The key columns; those before ``time`` if left out.
    names : mapping, optional
        Names to show instead of the values of the key columns.
    limits : sequence of float, optional
        Days to mark, such as 90, 180, 365 and 914.
    until : float, optional
        Where the time axis ends; at the last time if left out.
    top : float, optional
        Where the value axis ends, as a share; a little above the highest curve if left out.
    band : bool, default True
        Draw the confidence bands.
    label, time_label : str, optional
        What the axes show.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, or more than six curves.

    Examples
    --------
    >>> import pandas as pd
    >>> exits = pd.DataFrame({"cause": [1, 2], "time": 30, "cumulative_incidence": [0.2, 0.1]})
    >>> axes = incidence_curves(exits, names={1: "Arbete", 2: "Studier"})
    >>> [text.get_text() for text in axes.texts]
    ['Kumulativ andel avslutade', 'Arbete', 'Studier']
    """
    curves = read_curves(frame, value=value, start=0.0, by=by, names=names)
    set_in, words = Typography(lang), _WORDS[lang]
    last = last_time(curves, until)
    reached = top or min(1.0, 1.05 * max(highest(curves, last, band=band), 1e-6))
    axes = figure_over_time(
        curves, last=last, title=words["incidence"],
        value_axis=lambda axes: percent_axis(axes, reached, set_in), limits=limits, band=band,
        label=label, time_label=time_label, room_cm=0.0, ax=ax, set_in=set_in,
    )  # fmt: skip
    return cast("Axes", axes)


@in_house_style
def stacked_exits(
    frame: pd.DataFrame,
    *,
    value: str = "cumulative_incidence",
    names: Mapping[Any, str] | None = None,
    limits: Sequence[float] = (),
    until: float | None = None,
    still: str | None = None,
    label: str | None = None,
    time_label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw where everybody is over time: out by each cause, or still in.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``cause``, ``time`` and `value`, for one group: the causes are stacked in the
        frame's order.
    value : str, default "cumulative_incidence"
        Column with the share that has left by the cause.
    names : mapping, optional
        Names to show instead of the causes.
    limits : sequence of float, optional
        Days to mark, such as 90, 180, 365 and 914.
    until : float, optional
        Where the time axis ends; at the last time if left out.
    still : str, optional
        What those are called who have not left.
    label, time_label : str, optional
        What the axes show.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if left out.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and labels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, several groups, or more than eight causes.

    Examples
    --------
    >>> import pandas as pd
    >>> exits = pd.DataFrame({"cause": [1, 2], "time": 30, "cumulative_incidence": [0.2, 0.1]})
    >>> len(stacked_exits(exits, names={1: "Arbete", 2: "Studier"}).collections)
    3
    """
    check_columns(frame, frame=["cause", "time", value])
    if frame.empty or frame.duplicated(["cause", "time"]).any():
        raise InputError.of(
            "frame", required="rows of one group, each cause and time once",
            got="none" if frame.empty else "several rows with the same cause and time",
            remedy="Choose the rows of one group, and draw one figure a group.",
        )  # fmt: skip
    wide = frame.pivot(index="time", columns="cause", values=value)
    wide = wide[list(dict.fromkeys(frame["cause"]))].ffill().fillna(0.0)
    if wide.shape[1] > len(_FILLS):
        raise InputError.of(
            "frame", required=f"at most {len(_FILLS)} causes", got=f"{wide.shape[1]}",
            remedy="Merge causes.",
        )  # fmt: skip
    set_in, words = Typography(lang), _WORDS[lang]
    axes = cast("Any", canvas(WIDTH_CM, HEIGHT_CM) if ax is None else ax)
    times = wide.index.to_numpy(dtype=np.float64)
    last = float(times[-1]) if until is None else float(until)
    stack = np.cumsum(wide.to_numpy(dtype=np.float64), axis=1)
    times, stack = np.insert(times, 0, 0.0), np.insert(stack, 0, 0.0, axis=0)
    times, stack = np.append(times, max(last, times[-1])), np.append(stack, stack[-1:], axis=0)
    time_axis(axes, last, label=time_label or DAYS[lang], set_in=set_in)
    percent_axis(axes, 1.0, set_in)
    edges = np.column_stack([np.zeros(len(times)), stack, np.ones(len(times))])
    fills = [*_FILLS[: wide.shape[1]], _STILL]
    for part, colour in enumerate(fills):
        axes.fill_between(times, edges[:, part], edges[:, part + 1], step="post", color=colour,
                          edgecolor="white", linewidth=0.4)  # fmt: skip
    marked = mark_limits(axes, limits, set_in)
    for line in axes.lines:
        line.set(zorder=3, color="white", linewidth=0.9)
    title_axis(axes, label or words["shares"], raised=bool(marked))
    at_end = edges[np.searchsorted(times, last, side="right") - 1]
    shares, middles = np.diff(at_end), (at_end[1:] + at_end[:-1]) / 2
    called = [(names or {}).get(cause, str(cause)) for cause in wide.columns]
    texts = [
        f"{name}, {set_in.percent(100 * share)}"
        for name, share in zip([*called, still or words["still"]], shares, strict=True)
    ]
    name_ends(axes, texts, middles.tolist(), [INK] * len(texts))
    _swatches(axes, middles.tolist(), fills)
    return cast("Axes", axes)


def _swatches(axes: Any, middles: Sequence[float], colours: Sequence[str]) -> None:
    """Frame the names at the right with the colours of their areas, if they moved away."""
    for text, colour in zip(axes.texts[-len(middles) :], colours, strict=True):
        text.set_bbox({"facecolor": colour, "edgecolor": "none", "pad": 1.5})
        text.set_color(text_on(colour))
