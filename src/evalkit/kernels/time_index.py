"""The grid of distinct times, and where each row enters and leaves it.

Two times are the same if they differ by at most a relative 1e-12, so that ``0.1 + 0.2`` ties with
``0.3`` and no unit of time changes a result. Whole-number times of moderate range, such as days,
are counted without being sorted. Times are assumed to be checked: finite and at least 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "SHORT_GRID",
    "TIE",
    "TimeIndex",
    "distinct",
    "index_times",
    "last_at_or_before",
    "starts",
    "whole_days",
]

TIE = 1e-12
"""Relative difference up to which two times are the same."""

SHORT_GRID = 4096
"""So many days are always counted rather than sorted."""

_LARGEST_GRID = 1 << 24


@dataclass(frozen=True, slots=True)
class TimeIndex:
    """Rows placed on the grid of distinct exit times.

    A row is at risk at ``times[k]`` for ``entered <= k <= index``.

    Attributes
    ----------
    times : ndarray of float, shape (K,)
        Distinct exit times, increasing.
    index : ndarray of int, shape (n,)
        Position of each row's exit in ``times``.
    entered : ndarray of int, shape (n,), or None
        How many of ``times`` are at or before each row's entry; None if nobody enters late.
    """

    times: FloatArray
    index: IntArray
    entered: IntArray | None


def last_at_or_before(times: FloatArray, t: npt.ArrayLike) -> IntArray:
    """Find the last of increasing times that is not after ``t``, ties included.

    Parameters
    ----------
    times : ndarray of float, shape (K,)
        Increasing times.
    t : array_like, shape (m,)
        Where to look.

    Returns
    -------
    ndarray of int, shape (m,)
        Positions in ``times``; -1 where all of them are later.

    Examples
    --------
    >>> last_at_or_before(np.array([0.1 + 0.2, 1.0]), [0.2, 0.3, 5.0]).tolist()
    [-1, 0, 1]
    """
    asked = np.asarray(t, dtype=np.float64)
    return np.searchsorted(times, asked * (1 + TIE), side="right") - 1


def index_times(time: FloatArray, entry: FloatArray | None = None) -> TimeIndex:
    """Place every row on the grid of distinct exit times.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Exit times.
    entry : ndarray of float, shape (n,), optional
        Entry times.

    Returns
    -------
    TimeIndex
        The grid, and where each row enters and leaves it.

    Examples
    --------
    >>> grid = index_times(np.array([5.0, 2.0, 5.0]), np.array([0.0, 0.0, 2.0]))
    >>> grid.times.tolist(), grid.index.tolist(), grid.entered.tolist()
    ([2.0, 5.0], [1, 0, 1], [0, 0, 1])
    """
    if entry is None:
        return TimeIndex(*distinct(time), None)
    days = whole_days(time)
    if days is not None:
        present = np.bincount(days) > 0
        before = np.zeros(len(present) + 1, dtype=np.int64)  # exit times < day, by day
        np.cumsum(present, out=before[1:])
        grid = np.flatnonzero(present).astype(np.float64)
        return TimeIndex(grid, before[days], before[_days_started(entry, len(present))])
    both, codes = distinct(np.concatenate([time, entry]))
    exits, enters = codes[: len(time)], codes[len(time) :]
    present = np.bincount(exits, minlength=len(both)) > 0
    up_to = np.cumsum(present, dtype=np.int64)  # exit times <= both[code]
    return TimeIndex(both[present], up_to[exits] - 1, up_to[enters])


def whole_days(time: FloatArray) -> IntArray | None:
    """Return whole-number times of moderate range as integers, other times not at all.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Times.

    Returns
    -------
    ndarray of int, shape (n,), or None
        The times, if all are whole and the largest is not far beyond ``n``.
    """
    if len(time) == 0:
        return None
    last = float(time.max())
    if not last < max(SHORT_GRID, min(4 * len(time), _LARGEST_GRID)):
        return None
    days = time.astype(np.int64)
    return days if np.array_equal(days, time) else None


def _days_started(entry: FloatArray, n_days: int) -> IntArray:
    """How many of the days 0, 1, ..., n_days - 1 are at or before each entry."""
    # An entry that is a rounding error short of a day is at that day.
    upwards = np.floor(entry * (1 + TIE)) + 1
    return np.clip(upwards, 0, n_days).astype(np.int64)


def distinct(values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct values, increasing, and the position of each value among them.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Times.

    Returns
    -------
    tuple of ndarray
        The distinct values, shape (K,), and the positions, shape (n,).
    """
    days = whole_days(values)
    if days is not None:
        present = np.bincount(days) > 0
        return np.flatnonzero(present).astype(np.float64), (np.cumsum(present, dtype=np.int64) - 1)[
            days
        ]
    if len(values) == 0:
        return values.astype(np.float64), np.zeros(0, dtype=np.int64)
    order = np.argsort(values)
    ordered = values[order]
    new = starts(ordered)
    codes = np.empty(len(values), dtype=np.int64)
    codes[order] = np.cumsum(new) - 1
    return ordered[new], codes


def starts(ordered: FloatArray) -> BoolArray:
    """Mark the first of each set of values that tie.

    Parameters
    ----------
    ordered : ndarray of float, shape (n,)
        At least one value, in increasing order.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a value does not tie with the last one marked: ties do not chain.
    """
    new = np.ones(len(ordered), dtype=np.bool_)
    step = np.diff(ordered)
    near = TIE * ordered[1:]
    np.greater(step, near, out=new[1:])
    if np.count_nonzero(step) == np.count_nonzero(new) - 1:
        return new
    for i in (np.flatnonzero((step > 0) & ~new[1:]) + 1).tolist():
        first = i - 1
        while not new[first]:
            first -= 1
        new[i] = ordered[i] - ordered[first] > TIE * ordered[i]
    return new
