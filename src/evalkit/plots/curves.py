"""What figures over time share: step curves, bands, names at the ends, limits, numbers at risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import Typography
from evalkit.errors import InputError
from evalkit.plots.axes import mark_limits, time_axis, title_axis
from evalkit.plots.style import ACCENT, INK, MUTED, canvas
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "DAYS",
    "HEIGHT_CM",
    "LINES",
    "WIDTH_CM",
    "Curve",
    "draw_at_risk",
    "draw_curves",
    "figure_over_time",
    "highest",
    "last_time",
    "name_curves",
    "name_ends",
    "read_curves",
    "spread",
]

LINES = (ACCENT, "#d9772b", "#6aa5b5", "#7b4b94", "#8b9399", "#a39a2b")
"""Colours of at most six curves; dashes tell them apart where colours do not."""

DAYS = {"sv": "Dagar", "en": "Days"}
"""What the time axis is called."""

WIDTH_CM, HEIGHT_CM = 16.0, 8.0

_POINTS = 3000  # more steps than a figure has dots only make its file large
_ROW = 11.0  # points from one line of text to the next
_HALF_DIGIT = 2.6  # points, so that names keep clear of numbers centred at the axis' beginning
_BELOW = 42.0  # points from the axis to the first line of the table under it
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.6, 1.4)), (0, (7, 1.6, 1.6, 1.6)))


@dataclass(frozen=True, slots=True)
class Curve:
    """One step curve.

    Parameters
    ----------
    name : str
        What it is called in the figure.
    time, value, low, high : ndarray of float, shape (k,)
        Steps: from each time on, the value and its limits; limits may be NaN.
    risk_time, at_risk : ndarray of float, shape (m,), or None
        Times, all of them, and how many are at risk just before each.
    """

    name: str
    time: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray
    risk_time: FloatArray | None = None
    at_risk: FloatArray | None = None


def read_curves(
    frame: pd.DataFrame,
    *,
    value: str,
    start: float,
    by: str | Sequence[str] | None,
    names: Mapping[Any, str] | None,
) -> list[Curve]:
    """Take the curves apart, one for each combination of the key columns.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns, ``time``, `value`, and ``conf_low, conf_high, at_risk`` where there are any.
    value : str
        Column with the curve.
    start : float
        Its value before the first time.
    by : str or sequence of str, optional
        The key columns; those before ``time`` if left out.
    names : mapping, optional
        Names to show instead of the keys.

    Returns
    -------
    list of Curve
        In the frame's order.

    Raises
    ------
    InputError
        If a column is missing, there are no rows, or more curves than a figure can hold apart.
    """
    check_columns(frame, frame=["time", value], by=by)
    if frame.empty:
        raise InputError.of("frame", required="at least one row", got="none")
    before = list(frame.columns)[: list(frame.columns).index("time")]
    keys = before if by is None else [by] if isinstance(by, str) else list(by)
    groups: list[tuple[Any, Any]] = [((), frame)]
    if keys:
        groups = list(frame.groupby(keys, sort=False, observed=True))
    if len(groups) > len(LINES):
        raise InputError.of(
            "frame", required=f"at most {len(LINES)} curves", got=f"{len(groups)}",
            remedy="Draw fewer groups, or several figures.",
        )  # fmt: skip
    return [_curve(part, key, value, start, names or {}) for key, part in groups]


def _curve(
    part: pd.DataFrame, key: Any, value: str, start: float, names: Mapping[Any, str]
) -> Curve:
    """Order one curve by time, begin it at 0, and leave out steps too small to be seen."""
    parts = cast("tuple[Any, ...]", key if isinstance(key, tuple) else (key,))
    alone = parts[0] if len(parts) == 1 else parts
    joined = ", ".join(names.get(one, str(one)) for one in parts)
    part = part.sort_values("time", kind="stable")
    blank = np.full(len(part), np.nan)
    columns = [
        part[name].to_numpy(dtype=np.float64) if name in part else blank
        for name in ("time", value, "conf_low", "conf_high")
    ]
    time = columns[0]
    if not np.isfinite(time).all():
        raise InputError.of("frame['time']", required="finite", got="missing or infinite values")
    at_risk = part["at_risk"].to_numpy(dtype=np.float64) if "at_risk" in part else None
    if len(time) > _POINTS:
        bins = np.linspace(float(time[0]), float(time[-1]), _POINTS, dtype=np.float64)[1:]
        last = np.flatnonzero(np.diff(np.searchsorted(bins, time), append=_POINTS))
        columns = [column[last] for column in columns]
    if columns[0][0] > 0 and not np.isnan(columns[1][0]):
        first = (0.0, start, start, start)
        columns = [np.insert(column, 0, x) for column, x in zip(columns, first, strict=True)]
    shown, level, low, high = columns
    return Curve(names.get(alone, joined), shown, level, low, high, time, at_risk)


def draw_curves(axes: Any, curves: Sequence[Curve], *, band: bool = True) -> None:
    """Draw step curves, each in its own colour and dash, with its band."""
    for number, curve in enumerate(curves):
        style = {"color": LINES[number], "linestyle": _DASHES[number % len(_DASHES)]}
        axes.plot(curve.time, curve.value, drawstyle="steps-post", linewidth=1.5, **style)
        if band and not np.isnan(curve.low).all():
            axes.fill_between(curve.time, curve.low, curve.high, step="post", alpha=0.16,
                              color=LINES[number], linewidth=0)  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart until no two are nearer than a gap, keeping their order and centre.

    Parameters
    ----------
    places : sequence of float
        Where the labels would like to be.
    gap : float
        Smallest distance.

    Returns
    -------
    list of float
        Where they can be, in the given order.
    """
    blocks: list[tuple[float, list[int]]] = []  # the middle of each block of labels that touch
    for place in sorted(range(len(places)), key=lambda k: places[k]):
        block = (float(places[place]), [place])
        while blocks:
            middle, members = blocks[-1]
            room = gap * (len(members) + len(block[1])) / 2
            if block[0] - middle >= room - 1e-12:
                break
            blocks.pop()
            both = members + block[1]
            block = (float(np.mean([places[i] for i in both])), both)
        blocks.append(block)
    moved = [0.0] * len(places)
    for middle, members in blocks:
        for rank, member in enumerate(members):
            moved[member] = middle + gap * (rank - (len(members) - 1) / 2)
    return moved


def name_ends(
    axes: Any, names: Sequence[str], ends: Sequence[float], colours: Sequence[str]
) -> None:
    """Write names beside the right end of the axes, at the height where each curve ends."""
    low, high = axes.get_ylim()
    points = 72 * axes.figure.get_figure(root=True).get_size_inches()[1] * 0.6
    places = spread([(end - low) / (high - low) for end in ends], _ROW / points)
    for name, place, colour in zip(names, places, colours, strict=True):
        axes.annotate(name, (1, place), xycoords="axes fraction", xytext=(5, 0), color=colour,
                      textcoords="offset points", va="center_baseline", fontsize=8,
                      annotation_clip=False)  # fmt: skip


def draw_at_risk(axes: Any, curves: Sequence[Curve], *, heading: str, set_in: Typography) -> None:
    """Write under the axis how many are at risk at each tick, one line for each curve.

    Between two times in the frame, the number just before the later one is written.
    """
    known = [curve for curve in curves if curve.at_risk is not None]
    low, high = axes.get_xlim()
    ticks = [float(tick) for tick in axes.get_xticks() if low <= tick <= high]
    across = axes.get_xaxis_transform()
    common = {"textcoords": "offset points", "annotation_clip": False, "fontsize": 8}
    largest = max(float(np.max(cast("FloatArray", curve.at_risk))) for curve in known)
    left = -8 - _HALF_DIGIT * len(set_in.number(largest, 0))
    axes.annotate(heading, (0, 0), xycoords="axes fraction", xytext=(left, -_BELOW), ha="right",
                  va="baseline", color=MUTED, **common)  # fmt: skip
    for row, curve in enumerate(known, 1 if len(known) > 1 or known[0].name else 0):
        y = -_BELOW - _ROW * row
        colour = LINES[list(curves).index(curve)]
        if curve.name:
            axes.annotate(curve.name, (0, 0), xycoords="axes fraction", xytext=(left, y),
                          ha="right", va="baseline", color=colour, **common)  # fmt: skip
        times = cast("FloatArray", curve.risk_time)
        numbers = np.append(cast("FloatArray", curve.at_risk), 0.0)
        for tick in ticks:
            number = numbers[np.searchsorted(times, tick * (1 - 1e-12), side="left")]
            text = set_in.number(number, 0 if float(number).is_integer() else 1)
            axes.annotate(text, (tick, 0), xycoords=across, xytext=(0, y), ha="center",
                          va="baseline", color=INK, **common)  # fmt: skip


def last_time(curves: Sequence[Curve], until: float | None) -> float:
    """Return where the time axis ends."""
    if until is not None:
        return float(until)
    return max(float(curve.time[-1]) for curve in curves) or 1.0


def highest(curves: Sequence[Curve], last: float, *, band: bool) -> float:
    """Return the highest that curves, and their bands if drawn, reach on the time axis."""
    sides = [
        side[curve.time <= last]
        for curve in curves
        for side in ((curve.value, curve.high) if band else (curve.value,))
    ]
    return float(np.nanmax(np.concatenate([*sides, [0.0]])))


def figure_over_time(
    curves: Sequence[Curve],
    *,
    last: float,
    title: str,
    value_axis: Callable[[Any], None],
    limits: Sequence[float],
    band: bool,
    label: str | None,
    time_label: str | None,
    room_cm: float,
    ax: Axes | None,
    set_in: Typography,
) -> Any:
    """Draw step curves over time: axes, bands, limits, and names at the ends.

    Parameters
    ----------
    curves : sequence of Curve
        The curves.
    last : float
        Where the time axis ends.
    title : str
        What the value axis shows, unless `label` says otherwise.
    value_axis : callable
        Sets up the value axis of the axes that it is given.
    limits : sequence of float
        Days to mark.
    band : bool
        Draw the confidence bands.
    label, time_label : str or None
        The caller's names of the axes.
    room_cm : float
        Height of what is to come under the axis.
    ax : matplotlib.axes.Axes or None
        Where to draw; a new figure if None.
    set_in : Typography
        Language of numbers and of the time axis.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    axes: Any = canvas(WIDTH_CM, HEIGHT_CM + room_cm) if ax is None else ax
    time_axis(axes, last, label=time_label or DAYS[set_in.lang], set_in=set_in)
    value_axis(axes)
    draw_curves(axes, curves, band=band)
    marked = mark_limits(axes, limits, set_in)
    title_axis(axes, label or title, raised=bool(marked))
    name_curves(axes, curves)
    return axes


def name_curves(axes: Any, curves: Sequence[Curve]) -> None:
    """Name the curves at their right ends, if there are several or the one has a name."""
    last = axes.get_xlim()[1]
    ends: list[float] = []
    for curve in curves:
        seen = np.flatnonzero((curve.time <= last) & ~np.isnan(curve.value))
        ends.append(float(curve.value[seen[-1]]) if len(seen) else 0.0)
    if any(curve.name for curve in curves):
        name_ends(axes, [curve.name for curve in curves], ends, LINES[: len(curves)])
