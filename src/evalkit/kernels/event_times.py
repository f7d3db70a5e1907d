"""Who is at risk, leaves and is censored at each distinct time: the base of every survival method.

A row is at risk on ``(entry, time]``; without entries, from the beginning, so that an event at time
0 counts. At one and the same time events come first, then censorings, then entries. Times are
assumed to be checked: finite, at least 0, and each entry before its exit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.kernels.time_index import (
    SHORT_GRID,
    TIE,
    TimeIndex,
    distinct,
    index_times,
    last_at_or_before,
    starts,
)
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "TIE",
    "EventTimes",
    "TimeIndex",
    "count_days",
    "event_times",
    "event_times_by_group",
    "event_times_of_counts",
    "index_times",
    "last_at_or_before",
]

_CODE_BITS = 62
_PORTION = 1 << 15
_LARGEST_TABLE = 1 << 25


@dataclass(frozen=True, slots=True)
class EventTimes:
    """Events, censorings and the risk set at each distinct exit time.

    Attributes
    ----------
    times : ndarray of float, shape (K,)
        Distinct exit times, of events and of censorings, increasing.
    at_risk : ndarray of float, shape (K,)
        Weight of the rows with ``entry < times[k] <= time``.
    events : ndarray of float, shape (K, C)
        Weight of the events of each cause.
    censored : ndarray of float, shape (K,)
        Weight of the censored rows.
    events2 : ndarray of float, shape (K, C)
        Sum of the squared weights of the events; ``events`` itself without weights.
    entry_times : ndarray of float, shape (J,)
        Distinct entry times, increasing; empty if nobody enters late.
    entered : ndarray of float, shape (J,)
        Weight of the rows that enter at each of them.
    """

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray
    events2: FloatArray
    entry_times: FloatArray
    entered: FloatArray

    @property
    def all_events(self) -> FloatArray:
        """Weight of the events of any cause, shape (K,)."""
        return self.events[:, 0] if self.events.shape[1] == 1 else self.events.sum(axis=1)

    def at_risk_at(self, t: npt.ArrayLike) -> FloatArray:
        """Weight of the rows with ``entry < t <= time`` for any times.

        Parameters
        ----------
        t : array_like, shape (m,)
            The times.

        Returns
        -------
        ndarray of float, shape (m,)
            The weight at risk; 0 after the last exit.
        """
        asked = np.asarray(t, dtype=np.float64)
        leaving = _sums_from(self.all_events + self.censored)
        later = leaving[np.searchsorted(self.times, asked * (1 - TIE), side="left")]
        if len(self.entry_times) == 0:
            return later
        entering = _sums_from(self.entered)
        rest = later - entering[np.searchsorted(self.entry_times, asked * (1 - TIE), side="left")]
        # What is left of a sum of weights where nobody is at risk is a rounding error.
        return np.where(np.abs(rest) <= 1e-12 * leaving[0], 0.0, rest)


def event_times(
    time: FloatArray | IntArray,
    event: IntArray,
    n_causes: int,
    *,
    entry: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> EventTimes:
    """Count events, censorings and the risk set at each distinct exit time.

    Parameters
    ----------
    time : ndarray of float or int, shape (n,)
        Exit times.
    event : ndarray of int, shape (n,)
        0 for a censored row, else its cause 1..C.
    n_causes : int
        C, the number of causes.
    entry : ndarray of float, shape (n,), optional
        Entry times; without them everybody is at risk from the beginning.
    weights : ndarray of float, shape (n,), optional
        Weights of the rows, 1 if left out.

    Returns
    -------
    EventTimes
        The counts. A risk set that empties is exactly 0, also with weights and delayed entry.

    Examples
    --------
    >>> table = event_times(np.array([2.0, 2.0, 5.0]), np.array([1, 0, 1]), 1)
    >>> table.times.tolist(), table.at_risk.tolist(), table.events[:, 0].tolist()
    ([2.0, 5.0], [3.0, 1.0], [1.0, 1.0])
    """
    width = n_causes + 1
    if entry is None and weights is None:
        days = count_days(time, event, width)
        if days is not None:
            return _from_days(days[0])
    exits = time.astype(np.float64, copy=False)
    if entry is None and weights is None:
        packed = _from_packed(exits, event, width)
        if packed is not None:
            return packed
    return _from_index(index_times(exits, entry), event, width, entry, weights)


def event_times_by_group(
    time: FloatArray | IntArray,
    event: IntArray,
    n_causes: int,
    *,
    groups: IntArray,
    n_groups: int,
    entry: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> tuple[EventTimes, ...]:
    """Count as :func:`event_times` does, in every group, each on its own grid of times.

    Parameters
    ----------
    time : ndarray of float or int, shape (n,)
        Exit times.
    event : ndarray of int, shape (n,)
        0 for a censored row, else its cause 1..C.
    n_causes : int
        C, the number of causes.
    groups : ndarray of int, shape (n,)
        Group of each row, 0..n_groups - 1.
    n_groups : int
        Number of groups.
    entry, weights : ndarray of float, shape (n,), optional
        Entry times and weights.

    Returns
    -------
    tuple of EventTimes
        One for each group.
    """
    if n_groups == 1:
        return (event_times(time, event, n_causes, entry=entry, weights=weights),)
    if entry is None and weights is None:
        days = count_days(time, event, n_causes + 1, groups, n_groups)
        if days is not None:
            return tuple(_from_days(rows) for rows in days)
    order = np.argsort(groups, kind="stable")
    ends = np.cumsum(np.bincount(groups, minlength=n_groups))
    return tuple(
        event_times(
            time[rows],
            event[rows],
            n_causes,
            entry=None if entry is None else entry[rows],
            weights=None if weights is None else weights[rows],
        )
        for rows in np.split(order, ends[:-1])
    )


def event_times_of_counts(
    day: FloatArray, events: FloatArray, censored: FloatArray, entered: FloatArray | None = None
) -> EventTimes:
    """Build the table from counts by day; equal to that of the rows behind them.

    Parameters
    ----------
    day : ndarray of float, shape (m,)
        Times; the same one may come more than once.
    events : ndarray of float, shape (m, C)
        Events of each cause at that time.
    censored : ndarray of float, shape (m,)
        Censorings at that time.
    entered : ndarray of float, shape (m,), optional
        How many enter at that time, to be at risk after it; without them everybody is at risk from
        the beginning. As many must enter as leave.

    Returns
    -------
    EventTimes
        The table.

    Examples
    --------
    >>> day, none = np.array([2.0, 5.0]), np.zeros(2)
    >>> event_times_of_counts(day, np.array([[1.0], [2.0]]), none).at_risk.tolist()
    [3.0, 2.0]
    """
    grid, codes = distinct(day)
    k = len(grid)
    columns = [censored, *events.T]
    sums = np.stack([_totals(codes, column, k) for column in columns])
    leaving = sums.sum(axis=0)
    present = leaving > 0
    sums = sums[:, present]
    if entered is None:
        return _assemble(grid[present], sums, sums)
    entering = _totals(codes, entered, k)
    at_risk = np.cumsum(entering - leaving) + leaving - entering  # enter after, leave at
    new = entering > 0
    return EventTimes(
        times=grid[present],
        at_risk=at_risk[present],
        events=sums[1:].T,
        censored=sums[0],
        events2=sums[1:].T,
        entry_times=grid[new],
        entered=entering[new],
    )


def count_days(
    time: FloatArray | IntArray,
    event: IntArray,
    width: int,
    groups: IntArray | None = None,
    n_groups: int = 1,
) -> IntArray | None:
    """Count rows by group, day and cause, if all times are days and those are not too many.

    The rows are taken in portions that stay in the processor's cache.

    Parameters
    ----------
    time : ndarray of float or int, shape (n,)
        Exit times.
    event : ndarray of int, shape (n,)
        0 for a censored row, else its cause.
    width : int
        One more than the number of causes.
    groups : ndarray of int, shape (n,), optional
        Group of each row, 0..n_groups - 1.
    n_groups : int, default 1
        Number of groups.

    Returns
    -------
    ndarray of int, shape (n_groups, days, width), or None
        The counts from day 0 to the last.
    """
    n = len(time)
    span = float(time.max(initial=-1)) + 1
    if not 0 < span * width * n_groups <= max(SHORT_GRID, min(8 * n, _LARGEST_TABLE)):
        return None
    size = int(span) * width * n_groups
    counts = np.zeros(size, dtype=np.int64)
    whole = time.dtype.kind == "i"
    portion = max(_PORTION, 4 * size)
    for start in range(0, n, portion):
        part = slice(start, start + portion)
        cells = time[part].astype(np.int64)
        if not whole and not np.array_equal(cells, time[part]):
            return None
        cells *= width
        cells += event[part]
        if groups is not None:
            cells += groups[part] * (int(span) * width)
        counts += np.bincount(cells, minlength=size)
    return counts.reshape(n_groups, int(span), width)


def _from_days(rows: IntArray) -> EventTimes:
    """Finish from the number of rows by day and cause, shape (days, width)."""
    days = np.flatnonzero(rows.any(axis=1))
    counts = rows[days].T.astype(np.float64)
    return _assemble(days.astype(np.float64), counts, counts)


def _from_packed(time: FloatArray, event: IntArray, width: int) -> EventTimes | None:
    """Sort times and causes as one whole number each, where there is room for both.

    Floats of at least 0 sort like the whole numbers that their bits spell, and sorting values is
    twice as fast as sorting positions.
    """
    if len(time) == 0:
        return None
    bits = (time + 0.0).view(np.int64)  # -0.0 becomes 0.0
    base = int(bits.min())
    shift = (width - 1).bit_length()
    if (int(bits.max()) - base).bit_length() + shift > _CODE_BITS:
        return None
    bits -= base
    bits <<= shift
    bits |= event
    bits.sort()
    causes = bits & ((1 << shift) - 1)
    bits >>= shift
    bits += base
    exits = bits.view(np.float64)
    new = starts(exits)
    first = np.flatnonzero(new)
    leading = causes[first]
    sums = np.empty((width, len(first)))
    for cause in range(width):
        np.equal(leading, cause, out=sums[cause])
    tied = np.flatnonzero(~new)
    if len(tied):
        np.add.at(sums, (causes[tied], np.searchsorted(first, tied) - 1), 1.0)
    at_risk = np.subtract(len(time), first, dtype=np.float64)
    return EventTimes(
        exits[first], at_risk, sums[1:].T, sums[0], sums[1:].T, np.zeros(0), np.zeros(0)
    )


def _from_index(
    grid: TimeIndex,
    event: IntArray,
    width: int,
    entry: FloatArray | None,
    weights: FloatArray | None,
) -> EventTimes:
    """Count rows that are placed on the grid."""
    k = len(grid.times)
    cells = event * k + grid.index
    rows = _totals(cells, None, k * width).reshape(width, k)
    sums = squares = rows
    if weights is not None:
        sums = _totals(cells, weights, k * width).reshape(width, k)
        squares = _totals(cells, weights * weights, k * width).reshape(width, k)
    if entry is None or grid.entered is None:
        return _assemble(grid.times, sums, squares)
    entry_times, codes = distinct(entry)
    at_risk = np.cumsum(_totals(grid.entered, weights, k + 1)[:k], dtype=np.longdouble)
    at_risk[1:] -= np.cumsum(sums.sum(axis=0), dtype=np.longdouble)[:-1]
    people = np.cumsum(_totals(grid.entered, None, k + 1)[:k])
    people[1:] -= np.cumsum(rows.sum(axis=0))[:-1]
    return EventTimes(
        times=grid.times,
        at_risk=np.where(people > 0, at_risk, 0).astype(np.float64),
        events=sums[1:].T,
        censored=sums[0],
        events2=squares[1:].T,
        entry_times=entry_times,
        entered=_totals(codes, weights, len(entry_times)),
    )


def _totals(cells: IntArray, weights: FloatArray | None, size: int) -> FloatArray:
    """Sum the weights, or count the rows, of each cell."""
    return np.bincount(cells, weights, minlength=size).astype(np.float64, copy=False)


def _assemble(times: FloatArray, sums: FloatArray, squares: FloatArray) -> EventTimes:
    """Finish a table in which everybody is at risk from the beginning; sums are (width, K)."""
    at_risk = _sums_from(sums.sum(axis=0))[:-1]
    nobody = np.zeros(0)
    return EventTimes(times, at_risk, sums[1:].T, sums[0], squares[1:].T, nobody, nobody)


def _sums_from(values: FloatArray) -> FloatArray:
    """Sum the values from each position to the end; one entry more than values, the last 0."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values[::-1], out=sums[-2::-1])
    return sums
