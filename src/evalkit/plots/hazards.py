"""Hazards over the spell, by day with the days marked at which the rules change, and cumulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.core.typography import Lang, Typography
from evalkit.errors import InputError
from evalkit.plots.axes import number_grid
from evalkit.plots.curves import Curve, figure_over_time, highest, last_time, read_curves
from evalkit.plots.style import in_house_style
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["cumulative_hazards", "hazard_by_day"]

_WORDS: dict[str, dict[str, str]] = {
    "sv": {"hazard": "Avslut per {per} kvarvarande", "cumulative": "Kumulativ intensitet"},
    "en": {"hazard": "Exits per {per} remaining", "cumulative": "Cumulative hazard"},
}


@in_house_style
def hazard_by_day(
    frame: pd.DataFrame,
    *,
    value: str = "hazard",
    by: str | Sequence[str] | None = None,
    names: Mapping[Any, str] | None = None,
    limits: Sequence[float] = (90, 180, 365, 914),
    until: float | None = None,
    per: float = 1000.0,
    probability: bool = False,
    label: str | None = None,
    time_label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    r"""Draw the hazard over the spell, with the days marked at which the rules change.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns, then either ``start, end`` and `value`, a hazard that is constant in each
        interval, or ``time`` and `value`, one on each day. ``conf_low, conf_high`` make the bands.
        A column ``interval`` is passed over.
    value : str, default "hazard"
        Column with the hazard.
    by : str or sequence of str, optional
        The key columns; those before the time if left out.
    names : mapping, optional
        Names to show instead of the values of the key columns.
    limits : sequence of float, default (90, 180, 365, 914)
        Days to mark.
    until : float, optional
        Where the time axis ends; at the last finite time if left out.
    per : float, default 1000
        The hazard is shown as exits per this many who remain.
    probability : bool, default False
        The hazard is the probability h of leaving in the whole interval, as in discrete-time
        models: what is drawn is the rate a day that leads to it, ``-log(1 - h) / (end - start)``.
        Intervals without an end are left out.
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
    >>> rates = pd.DataFrame({"start": [0, 90], "end": [90, 180], "hazard": [0.01, 0.005]})
    >>> axes = hazard_by_day(rates)
    >>> [text.get_text() for text in axes.texts]
    ['90', 'Avslut per 1\xa0000 kvarvarande']
    """
    set_in, words = Typography(lang), _WORDS[lang]
    if probability:
        frame = _as_rates(frame, value)
    steps = _as_steps(frame, value, until)
    curves = read_curves(steps, value=value, start=np.nan, by=by, names=names)
    scaled = [
        Curve(curve.name, curve.time, per * curve.value, per * curve.low, per * curve.high)
        for curve in curves
    ]
    last = last_time(scaled, until)
    most, limit = (highest(scaled, np.inf, band=band) for band in (False, True))
    top = 1.05 * max(most, min(limit, 2.5 * most), 1e-12)
    per_text = set_in.number(per, 0 if float(per).is_integer() else 2)
    axes = figure_over_time(
        scaled, last=last, title=words["hazard"].format(per=per_text),
        value_axis=lambda axes: number_grid(axes, top, set_in), limits=limits, band=True,
        label=label, time_label=time_label, room_cm=0.0, ax=ax, set_in=set_in,
    )  # fmt: skip
    return cast("Axes", axes)


@in_house_style
def cumulative_hazards(
    frame: pd.DataFrame,
    *,
    value: str = "cumulative_hazard",
    by: str | Sequence[str] | None = None,
    names: Mapping[Any, str] | None = None,
    limits: Sequence[float] = (),
    until: float | None = None,
    band: bool = True,
    label: str | None = None,
    time_label: str | None = None,
    ax: Axes | None = None,
    lang: Lang = "sv",
) -> Axes:
    """Draw cumulative hazards with their bands: where a curve is steep, many leave.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns, then ``time`` and `value`; ``conf_low, conf_high`` make the bands.
    value : str, default "cumulative_hazard"
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
        Draw the confidence bands, as far as two and a half times the highest curve.
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
    >>> hazard = pd.DataFrame({"time": [30, 90], "cumulative_hazard": [0.25, 0.6]})
    >>> axes = cumulative_hazards(hazard)
    >>> [text.get_text() for text in axes.texts][:1]
    ['Kumulativ intensitet']
    """
    curves = read_curves(frame, value=value, start=0.0, by=by, names=names)
    set_in, words = Typography(lang), _WORDS[lang]
    last = last_time(curves, until)
    most, limit = (highest(curves, last, band=with_band) for with_band in (False, band))
    top = 1.05 * max(min(limit, 2.5 * most), 1e-12)
    axes = figure_over_time(
        curves, last=last, title=words["cumulative"],
        value_axis=lambda axes: number_grid(axes, top, set_in), limits=limits, band=band,
        label=label, time_label=time_label, room_cm=0.0, ax=ax, set_in=set_in,
    )  # fmt: skip
    return cast("Axes", axes)


def _as_rates(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Turn the probability of leaving in an interval into a rate a day."""
    check_columns(frame, frame=["start", "end", value])
    width = (frame["end"] - frame["start"]).to_numpy(dtype=np.float64)
    closed = cast("pd.DataFrame", frame[np.isfinite(width)]).copy()
    if closed.empty:
        raise InputError.of("frame", required="at least one interval with an end", got="none")
    width = width[np.isfinite(width)]
    for name in (value, "conf_low", "conf_high"):
        if name in closed:
            share = np.minimum(closed[name].to_numpy(dtype=np.float64), 1 - 1e-12)
            closed[name] = -np.log1p(-share) / width
    return closed


def _as_steps(frame: pd.DataFrame, value: str, until: float | None) -> pd.DataFrame:
    """Write intervals of constant hazard as steps; the last one of each curve is closed."""
    import pandas as pd

    if "time" in frame:
        return frame
    check_columns(frame, frame=["start", "end", value])
    frame = frame.drop(columns="interval", errors="ignore")
    keys = list(frame.columns[: frame.columns.get_indexer(pd.Index(["start", "end"])).min()])
    starts = frame["start"].to_numpy(dtype=np.float64)
    ends = frame["end"].to_numpy(dtype=np.float64)
    finite = ends[np.isfinite(ends)]
    reached = float(finite.max(initial=0.0))
    furthest = max(1.2 * float(starts.max(initial=0.0)), reached, until or 0.0)
    opens = frame.assign(time=starts)
    finish: FloatArray = np.where(np.isfinite(ends), ends, furthest)
    closes = frame.assign(time=finish)
    closes = closes.sort_values("time", kind="stable")
    last = closes.groupby(keys, sort=False, observed=True).tail(1) if keys else closes.tail(1)
    both = pd.concat([opens, last], ignore_index=True)
    others = [name for name in both.columns if name not in (*keys, "time", "start", "end")]
    return both[[*keys, "time", *others]]
