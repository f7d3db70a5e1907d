"""Curves of several groups: read from rows or counts, and laid out as one frame."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evalkit.core.columns import Names
from evalkit.core.counts import Counts
from evalkit.core.group_tables import Data, GroupTables, read_tables
from evalkit.core.sample import EmptyRiskSetWarning, WeightsKind
from evalkit.errors import InputError
from evalkit.kernels.curve_functionals import log_variance
from evalkit.kernels.curve_influence import CurveRows
from evalkit.kernels.event_times import EventTimes
from evalkit.kernels.product_limit import ProductLimit, after_time, empty_risk_set, product_limit
from evalkit.kernels.share_differences import known_number
from evalkit.kernels.time_index import index_times, last_at_or_before
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "GroupCurve",
    "asked_times",
    "group_curves",
    "lay_out",
    "name_of",
    "read_groups",
    "restart",
    "since_last",
]


@dataclass(frozen=True, eq=False)
class GroupCurve:
    """The survival curve of one group.

    Parameters
    ----------
    keys : mapping of str to object
        Values of the key columns; empty without groups.
    limit : ProductLimit
        The curve.
    log_variance : ndarray of float, shape (K,)
        Variance of log survival; infinite where survival is 0.
    rows : CurveRows or None
        The rows behind the curve, where the variance is robust.
    """

    keys: Mapping[str, object]
    limit: ProductLimit
    log_variance: FloatArray
    rows: CurveRows | None

    @property
    def n(self) -> float:
        """Weight of all who are ever observed."""
        return float(self.limit.events.sum() + self.limit.table.censored.sum())

    @property
    def df(self) -> float:
        """Degrees of freedom of a variance over clusters: their number less one."""
        return float("inf") if self.rows is None else self.rows.df

    def known(self, times: FloatArray) -> FloatArray:
        """Effective number of those who are not censored before given times, (m,)."""
        effective = None if self.rows is None else self.rows.effective_number
        return known_number(self.limit.table, times, effective)

    def after(self, time: float) -> GroupCurve:
        """Begin the curve anew at a time, for those who are at risk then or later.

        Parameters
        ----------
        time : float
            The time.

        Returns
        -------
        GroupCurve
            The curve of what happens after it.
        """
        first = int(last_at_or_before(self.limit.times, time)) + 1
        limit = product_limit(after_time(self.limit.table, time))
        rows = None if self.rows is None else self.rows.after(first)
        return GroupCurve(self.keys, limit, log_variance(limit, rows), rows)


def read_groups(
    df: Data,
    *,
    duration: str | None,
    event: str | None,
    entry: str | None,
    by: Names | None,
    weights: str | None,
    cluster: str | None,
    weights_kind: WeightsKind,
) -> GroupTables:
    """Read rows or counts of a plain event.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        Rows or counts.
    duration, event, entry : str or None
        Columns, as in :func:`evalkit.survival.kaplan_meier`.
    by : str or sequence of str, or None
        Columns that make up the groups.
    weights, cluster : str or None
        Columns likewise.
    weights_kind : {"case", "sampling"}
        What the weights are.

    Returns
    -------
    GroupTables
        Event times by group.

    Raises
    ------
    evalkit.errors.InputError
        If the data are not as they must be.
    """
    if not isinstance(df, Counts) and event is None:
        raise InputError.of(
            "event",
            required="a column that is 1 for an event and 0 for censoring",
            got="None",
            remedy="Only counts come without columns.",
        )
    if weights_kind == "sampling" and weights is None:
        raise InputError.of(
            "weights", required="a column where weights_kind is 'sampling'", got="None"
        )
    return read_tables(
        df,
        duration=duration,
        event=event,
        entry=entry,
        by=by,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
    )


def group_curves(
    groups: GroupTables, *, robust: bool, stacklevel: int = 4
) -> tuple[GroupCurve, ...]:
    """Estimate survival in every group.

    Parameters
    ----------
    groups : GroupTables
        Event times by group.
    robust : bool
        Keep the rows, for variances that hold with sampling weights and in clusters.
    stacklevel : int, default 4
        Calls from the user's line to where a warning is given.

    Returns
    -------
    tuple of GroupCurve
        One for each group.

    Warns
    -----
    EmptyRiskSetWarning
        If nobody is left at risk in a group although others are observed later.
    """
    curves: list[GroupCurve] = []
    for i, table in enumerate(groups.tables):
        limit = product_limit(table)
        rows = _rows(groups, i) if robust else None
        curves.append(GroupCurve(groups.keys(i), limit, log_variance(limit, rows), rows))
        _warn_if_empty(curves[-1], stacklevel)
    return tuple(curves)


def _rows(groups: GroupTables, group: int) -> CurveRows:
    """Place the rows of one group on the grid of its curve."""
    sample = groups.sample
    assert sample is not None  # robust variances are refused for counts, which have no rows
    of_group = slice(None) if sample.groups is None else np.flatnonzero(sample.groups == group)
    grid = index_times(
        sample.time[of_group], None if sample.entry is None else sample.entry[of_group]
    )
    return CurveRows.of(
        grid,
        sample.event[of_group],
        None if sample.weights is None else sample.weights[of_group],
        None if sample.cluster is None else sample.cluster[of_group],
        0 if sample.cluster is None else int(sample.cluster.max()) + 1,
    )


def _warn_if_empty(curve: GroupCurve, stacklevel: int) -> None:
    """Warn of a risk set that empties while others are still to come or to leave."""
    empty = empty_risk_set(curve.limit)
    if empty is None:
        return
    where = f" in {name_of(curve.keys)}" if curve.keys else ""
    if empty.by_event:
        found = (
            f"All who are at risk at {empty.time:g}{where} have the event then, so that survival "
            f"is 0 from there on, although {empty.later:g} are observed later."
        )
    else:
        found = (
            f"Nobody is at risk just after {empty.time:g}{where}, although {empty.later:g} are "
            "observed later: the curve takes it that no event happens in between."
        )
    remedy = f" kaplan_meier(...).conditional({empty.time:g}) follows those who are there later."
    warnings.warn(found + remedy, EmptyRiskSetWarning, stacklevel=stacklevel)


def name_of(keys: Mapping[str, object]) -> str:
    """Say which group the key columns describe.

    Parameters
    ----------
    keys : mapping of str to object
        Values of the key columns.

    Returns
    -------
    str
        For instance ``sex = 1, region = Syd``; empty without groups.
    """
    return ", ".join(f"{name} = {value}" for name, value in keys.items())


def lay_out(
    parts: Sequence[tuple[Mapping[str, object], Mapping[str, FloatArray]]],
) -> pd.DataFrame:
    """Set the columns of every group below each other, after the group's keys.

    Parameters
    ----------
    parts : sequence of (mapping, mapping)
        For every group its keys, and its columns by name, all of one length.

    Returns
    -------
    pandas.DataFrame
        Key columns, then the others.

    Raises
    ------
    evalkit.errors.InputError
        If a key has the name of another column.
    """
    import pandas as pd

    keys, columns = parts[0]
    for name in keys:
        if name in columns:
            raise InputError.of(
                "by",
                required=f"other names than the result's own ({', '.join(columns)})",
                got=repr(name),
                remedy="Rename the column.",
            )
    lengths = [len(np.atleast_1d(next(iter(part.values())))) for _, part in parts]
    data: dict[str, Any] = {}
    for name in keys:
        values = pd.Series([part[name] for part, _ in parts], dtype=object).infer_objects()
        data[name] = values.repeat(lengths).reset_index(drop=True)
    for name in columns:
        data[name] = np.concatenate([np.atleast_1d(part[name]) for _, part in parts])
    return pd.DataFrame(data)


def asked_times(times: npt.ArrayLike, argument: str = "times") -> FloatArray:
    """Return the times that a method was asked for as a flat array of floats.

    Parameters
    ----------
    times : array_like
        One time or a sequence.
    argument : str, default "times"
        Name of the argument, for the message.

    Returns
    -------
    ndarray of float, shape (m,)
        The times.

    Raises
    ------
    evalkit.errors.InputError
        If a time is missing or no number, or there are none.
    """
    given: Any = times
    array: Any = np.asarray(given)
    if array.dtype.kind not in "iuf" or array.size == 0 or array.ndim > 1:
        raise InputError.of(
            argument, required="a number or a flat sequence of them", got=f"{given!r}"
        )
    asked: FloatArray = np.atleast_1d(array).astype(np.float64)
    if np.isnan(asked).any():
        raise InputError.of(argument, required="numbers", got="a missing value")
    return asked


def since_last(table: EventTimes, asked: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Count events and censorings since the time asked for before.

    Parameters
    ----------
    table : EventTimes
        Events and censorings.
    asked : ndarray of float, shape (m,)
        Times in any order.

    Returns
    -------
    events : ndarray of float, shape (m,)
        Events in (the next smaller time asked for, this time]; from the beginning for the first.
    censored : ndarray of float, shape (m,)
        Censorings likewise.
    """
    ordered, place = np.unique(asked, return_inverse=True)
    upto = last_at_or_before(table.times, ordered) + 1
    found: list[FloatArray] = []
    for values in (table.all_events, table.censored):
        sums = np.concatenate([[0.0], np.cumsum(values)])[upto]
        found.append(np.diff(sums, prepend=0.0)[place])
    return found[0], found[1]


def restart(curves: Sequence[GroupCurve], time: float) -> tuple[GroupCurve, ...]:
    """Begin every curve anew at a time.

    Parameters
    ----------
    curves : sequence of GroupCurve
        The curves.
    time : float
        The time; somebody must be observed later in every group.

    Returns
    -------
    tuple of GroupCurve
        The curves of what happens after that time.

    Raises
    ------
    evalkit.errors.InputError
        If nobody is observed after ``time`` in some group.
    """
    over = [curve for curve in curves if not (curve.limit.times > time).any()]
    if over:
        raise InputError.of(
            "time",
            required="before the last observed time",
            got=f"{time:g}",
            where=[
                f"{name_of(curve.keys) or 'all'}: observed to {curve.limit.times[-1]:g}"
                for curve in over
            ],
        )
    return tuple(curve.after(time) for curve in curves)
