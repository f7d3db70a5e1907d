r"""Sums over risk sets and their transpose, for hazards and for subdistribution hazards.

Every model of proportional hazards needs two maps between rows and event times. :func:`sums` adds a
value of each row up over the rows at risk at each time; :func:`spread` adds a value of each time up
over the times at which a row is at risk. They are each other's transpose, and cost O(n + K).

For a subdistribution hazard a row that had a competing event stays in the risk set with the weight
:math:`G(t-)H(t-) / \{G(T-)H(T-)\}` after its time T. Since the weight is a factor of the row times
a factor of the time, both maps take it in with one more prefix sum: no row is ever split.

Times stand in slots. The event times of one stratum follow each other, and one empty slot closes
each stratum, so that a row of a stratum never counts in another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.time_index import TimeIndex
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Carried", "Slots", "add_by", "binned", "by_slot", "place_rows", "spread", "sums"]


@dataclass(frozen=True, slots=True)
class Carried:
    """Rows that stay in the risk set after they have left, with weights that change over time.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        The rows.
    slot : ndarray of int, shape (m,)
        First slot at which the row counts again.
    end : ndarray of int, shape (m,)
        The empty slot that closes the row's stratum.
    factor : ndarray of float, shape (m,)
        Factor of the row, 1 / {G(T-)H(T-)}.
    group : ndarray of int, shape (m,)
        Row of ``kept`` that holds.
    kept : ndarray of float, shape (g, J)
        Factor of each slot, G(t-)H(t-), in each group.
    """

    rows: IntArray
    slot: IntArray
    end: IntArray
    factor: FloatArray
    group: IntArray
    kept: FloatArray


@dataclass(frozen=True, slots=True)
class Slots:
    """Which rows are at risk at which event times, in J slots.

    A row is at risk in the slots ``start <= j < stop``.

    Attributes
    ----------
    start : ndarray of int, shape (n,), or None
        First slot at risk; None if there is one stratum and nobody enters late.
    stop : ndarray of int, shape (n,)
        One past the last slot at risk.
    deaths : ndarray of int, shape (d,)
        Rows with an event of weight above 0, ordered by slot.
    slot : ndarray of int, shape (d,)
        Their slots, increasing.
    time : ndarray of float, shape (J,)
        Time of each slot; infinite for empty ones.
    stratum : ndarray of int, shape (J,)
        Stratum of each slot.
    weights : ndarray of float, shape (n,), or None
        Weights of the rows.
    carried : Carried or None
        Rows that stay after they have left.
    """

    start: IntArray | None
    stop: IntArray
    deaths: IntArray
    slot: IntArray
    time: FloatArray
    stratum: IntArray
    weights: FloatArray | None
    carried: Carried | None = None

    @property
    def n_slots(self) -> int:
        """Number of slots, J."""
        return len(self.time)


def place_rows(
    grid: TimeIndex,
    event: BoolArray,
    *,
    strata: IntArray | None = None,
    weights: FloatArray | None = None,
) -> Slots:
    """Place rows on the slots of the event times.

    Parameters
    ----------
    grid : TimeIndex
        Where the n rows enter and leave.
    event : ndarray of bool, shape (n,)
        Whether a row ends in the event.
    strata : ndarray of int, shape (n,), optional
        Stratum of each row, 0, 1, ...; one stratum if left out.
    weights : ndarray of float, shape (n,), optional
        Weights of the rows; events of weight 0 are no events.

    Returns
    -------
    Slots
        The rows on the slots. Strata without an event have an empty slot only.

    Examples
    --------
    >>> from evalkit.kernels.time_index import index_times
    >>> sets = place_rows(index_times(np.array([1.0, 2.0, 3.0])), np.array([True, False, True]))
    >>> sums(sets, np.ones(3)).tolist(), spread(sets, np.array([10.0, 1.0, 0.0])).tolist()
    ([3.0, 1.0, 0.0], [10.0, 10.0, 11.0])
    """
    size = len(grid.times)
    counts = event if weights is None else event & (weights > 0)
    deaths = np.flatnonzero(counts)
    if strata is None:
        n_strata = 1
        here = np.bincount(grid.index[deaths], minlength=size) > 0
        before = np.concatenate([[0], np.cumsum(here)])
        stop = before[grid.index + 1]
        start = None if grid.entered is None else before[grid.entered]
        cells = np.flatnonzero(here)
    else:
        n_strata = int(strata.max()) + 1
        cells = np.unique(strata[deaths] * size + grid.index[deaths])
        stop = np.searchsorted(cells, strata * size + grid.index, side="right") + strata
        first = strata * size + (0 if grid.entered is None else grid.entered)
        start = np.searchsorted(cells, first, side="left") + strata
    owner = cells // size
    slots = np.arange(len(cells)) + owner
    time = np.full(len(cells) + n_strata, np.inf)
    time[slots] = grid.times[cells % size]
    closing = np.searchsorted(owner, np.arange(n_strata), side="right") + np.arange(n_strata)
    stratum = np.searchsorted(closing, np.arange(len(time)), side="left")
    order = np.argsort(stop[deaths], kind="stable")
    deaths = deaths[order]
    return Slots(start, stop, deaths, stop[deaths] - 1, time, stratum, weights)


def sums(sets: Slots, values: FloatArray) -> FloatArray:
    """Add the values of the rows at risk up, at each slot.

    Parameters
    ----------
    sets : Slots
        The rows on the slots.
    values : ndarray of float, shape (n,) or (n, q)
        Values of the rows, weights included.

    Returns
    -------
    ndarray of float, shape (J,) or (J, q)
        The sums; what empty slots hold has no meaning.
    """
    if values.ndim == 2:
        return np.stack([sums(sets, column) for column in values.T], axis=1)
    size = sets.n_slots
    leaving = binned(sets.stop, values, size)
    if sets.start is not None:
        leaving = leaving - binned(sets.start, values, size)
    # What leaves after slot j; the longer sum keeps small risk sets exact beside large ones.
    total = np.cumsum(leaving[:0:-1], dtype=np.longdouble)[::-1].astype(np.float64)
    result = np.concatenate([total, [0.0]])
    carried = sets.carried
    if carried is not None:
        flows = values[carried.rows] * carried.factor
        for g, kept in enumerate(carried.kept):
            mine = slice(None) if len(carried.kept) == 1 else carried.group == g
            change = binned(carried.slot[mine], flows[mine], size)
            change -= binned(carried.end[mine], flows[mine], size)
            result += kept * np.cumsum(change, dtype=np.longdouble).astype(np.float64)
    return result


def spread(sets: Slots, values: FloatArray) -> FloatArray:
    """Add the values of the slots up over the slots at which each row is at risk.

    Parameters
    ----------
    sets : Slots
        The rows on the slots.
    values : ndarray of float, shape (J,) or (J, q)
        Values of the slots; those of empty slots must be 0.

    Returns
    -------
    ndarray of float, shape (n,) or (n, q)
        The sums.
    """
    if values.ndim == 2:
        return np.stack([spread(sets, column) for column in values.T], axis=1)
    before = np.concatenate([[0.0], np.cumsum(values)])
    result: FloatArray = before[sets.stop]
    if sets.start is not None:
        result -= before[sets.start]
    carried = sets.carried
    if carried is not None:
        for g, kept in enumerate(carried.kept):
            mine = slice(None) if len(carried.kept) == 1 else carried.group == g
            through = np.concatenate([[0.0], np.cumsum(values * kept)])
            after = through[carried.end[mine]] - through[carried.slot[mine]]
            result[carried.rows[mine]] += carried.factor[mine] * after
    return result


def by_slot(sets: Slots, values: FloatArray) -> FloatArray:
    """Add the values of the rows with an event up, at each slot.

    Parameters
    ----------
    sets : Slots
        The rows on the slots.
    values : ndarray of float, shape (n,) or (n, q)
        Values of the rows, weights included.

    Returns
    -------
    ndarray of float, shape (J,) or (J, q)
        The sums; 0 in empty slots.
    """
    if values.ndim == 2:
        return np.stack([by_slot(sets, column) for column in values.T], axis=1)
    return binned(sets.slot, values[sets.deaths], sets.n_slots)


def binned(index: IntArray, values: FloatArray | None, size: int) -> FloatArray:
    """Add values up by position.

    Parameters
    ----------
    index : ndarray of int, shape (m,)
        Positions from 0 up.
    values : ndarray of float, shape (m,), or None
        What is added; None for ones.
    size : int
        Number of positions.

    Returns
    -------
    ndarray of float, shape (size,)
        The sums.
    """
    return np.bincount(index, values, minlength=size).astype(np.float64, copy=False)


def add_by(codes: IntArray | None, values: FloatArray) -> FloatArray:
    """Add rows up by cluster.

    Parameters
    ----------
    codes : ndarray of int, shape (n,), or None
        Cluster of each row, 0, 1, ...; None where every row is its own.
    values : ndarray of float, shape (n, m)
        What is added.

    Returns
    -------
    ndarray of float, shape (g, m)
        The sums, by cluster.
    """
    if codes is None:
        return values
    size = int(codes.max()) + 1
    return np.stack([binned(codes, column, size) for column in values.T], axis=1)
