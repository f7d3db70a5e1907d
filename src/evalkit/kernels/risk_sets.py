"""Rows placed on the event times of their stratum, sorted for sums over risk sets.

A row is at risk at event time ``g`` if ``entry < times[g] <= time``. Event times are numbered
through all strata, by stratum and then by time, so that one pass over the rows serves all strata.
Rows whose time at risk holds no event add nothing and are left out. Sums over the risk sets are
sums by exit accumulated from the last event time back, less the sums of those who have not yet
entered; the accumulation starts anew wherever a risk set empties, so that nothing is left over
from those who are gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.time_index import index_times
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["RiskSets", "cumulate", "risk_sets", "stable_order"]

_DENSE = 4  # a table of strata times distinct times may be so many times as long as the rows


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Event times of all strata, and the rows at risk at them.

    Attributes
    ----------
    n : int
        Rows given.
    times : ndarray of float, shape (G,)
        Event times, increasing within each stratum.
    stratum : ndarray of int, shape (G,)
        Stratum of each event time.
    first : ndarray of int, shape (n_strata + 1,)
        The event times of stratum s are ``first[s]`` up to, not including, ``first[s + 1]``.
    deaths : ndarray of int, shape (G,)
        Number of events at each event time, at least 1.
    death_weight : ndarray of float, shape (G,)
        Their summed weight.
    at_risk : ndarray of int, shape (G,)
        Number of rows at risk.
    segments : ndarray of int, shape (J,)
        Event times at which nobody is at risk who was so at the one before; the first is 0.
    rows : ndarray of int, shape (m,)
        Positions of the rows that are at risk at some event time, sorted by the last one at which
        they are, events before others.
    exit : ndarray of int32, shape (m,)
        Last event time at which each of ``rows`` is at risk.
    entry : ndarray of int32, shape (m,), or None
        First event time at which each is at risk; None if that is always its stratum's first.
    died : ndarray of bool, shape (m,)
        Whether each has its event at ``exit``.
    weights : ndarray of float, shape (m,), or None
        Weights; None if all are 1.
    start : ndarray of float, shape (n_strata,)
        Earliest entry of each stratum's rows, events or not; -inf without entries.
    end : ndarray of float, shape (n_strata,)
        Latest exit of each stratum's rows; -inf if it has none.
    """

    n: int
    times: FloatArray
    stratum: IntArray
    first: IntArray
    deaths: IntArray
    death_weight: FloatArray
    at_risk: IntArray
    segments: IntArray
    rows: IntArray
    exit: np.ndarray[tuple[int], np.dtype[np.int32]]
    entry: np.ndarray[tuple[int], np.dtype[np.int32]] | None
    died: BoolArray
    weights: FloatArray | None
    start: FloatArray
    end: FloatArray

    @property
    def n_strata(self) -> int:
        """Number of strata."""
        return len(self.first) - 1


def risk_sets(
    time: FloatArray,
    event: IntArray,
    *,
    entry: FloatArray | None = None,
    strata: IntArray | None = None,
    n_strata: int = 1,
    weights: FloatArray | None = None,
) -> RiskSets:
    """Number the event times, and sort the rows by the last at which they are at risk.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Exit times, finite and at least 0.
    event : ndarray of int, shape (n,)
        1 for an event at the exit, 0 for censoring.
    entry : ndarray of float, shape (n,), optional
        Entry times, before the exits.
    strata : ndarray of int, shape (n,), optional
        Stratum of each row, 0..n_strata - 1.
    n_strata : int, default 1
        Number of strata.
    weights : ndarray of float, shape (n,), optional
        Positive weights.

    Returns
    -------
    RiskSets
        The event times and the sorted rows.

    Examples
    --------
    Nobody is at risk at both 1 and 3, so that a segment starts at 3:

    >>> sets = risk_sets(np.array([1.0, 3, 4]), np.array([1, 1, 0]), entry=np.array([0.0, 2, 2]))
    >>> sets.times.tolist(), sets.at_risk.tolist(), sets.segments.tolist()
    ([1.0, 3.0], [1, 2], [0, 1])
    """
    died = event > 0
    grid = index_times(time, entry)
    k = len(grid.times)
    cell = grid.index if strata is None else strata * k + grid.index
    began: IntArray | None = grid.entered
    if strata is not None:
        began = strata * k + (0 if began is None else began)
    # The event times, as cells of the table stratum x distinct time, and for each row the number
    # of event times up to its exit and up to its entry.
    if n_strata * k <= max(1 << 16, _DENSE * len(time)):
        counts = np.bincount(cell[died], minlength=n_strata * k)
        cells = np.flatnonzero(counts)
        up_to = np.zeros(n_strata * k + 1, dtype=np.int32)
        np.cumsum(counts > 0, out=up_to[1:])
        leaves = up_to[1:][cell]
        enters = None if began is None else up_to[began]
    else:
        cells = np.unique(cell[died])
        leaves = np.searchsorted(cells, cell, side="right").astype(np.int32)
        enters = None if began is None else np.searchsorted(cells, began).astype(np.int32)
    stratum = cells // k
    first = np.searchsorted(stratum, np.arange(n_strata + 1))
    rows, last, begin, death = _sorted_rows(leaves, enters, died)
    weight = None if weights is None else weights[rows]
    size = len(cells)
    deaths = np.bincount(last[death], minlength=size)
    mass = deaths if weight is None else np.bincount(last[death], weight[death], minlength=size)
    leaving = np.bincount(last, minlength=size)
    entering = np.zeros(size, dtype=np.int64)
    if begin is not None:
        entering = np.bincount(begin, minlength=size)
    elif size:
        entering[0] = len(rows)
    at_risk = np.cumsum(entering) - (np.cumsum(leaving) - leaving)
    start, end = np.full(n_strata, -np.inf), np.full(n_strata, -np.inf)
    if strata is None:
        end[0] = time.max(initial=-np.inf)
        start[0] = -np.inf if entry is None else entry.min(initial=np.inf)
    else:
        np.maximum.at(end, strata, time)
        if entry is not None:
            start[:] = np.inf
            np.minimum.at(start, strata, entry)
    late = begin is not None and bool((begin != first[stratum[last]]).any())
    return RiskSets(
        n=len(time),
        times=grid.times[cells % k] if k else grid.times,
        stratum=stratum,
        first=first,
        deaths=deaths,
        death_weight=mass.astype(np.float64),
        at_risk=at_risk,
        segments=np.flatnonzero(at_risk == entering),
        rows=rows,
        exit=last,
        entry=begin if late else None,
        died=death,
        weights=weight,
        start=start,
        end=end,
    )


def _sorted_rows(
    leaves: np.ndarray[tuple[int], np.dtype[np.int32]],
    enters: np.ndarray[tuple[int], np.dtype[np.int32]] | None,
    died: BoolArray,
) -> tuple[
    IntArray,
    np.ndarray[tuple[int], np.dtype[np.int32]],
    np.ndarray[tuple[int], np.dtype[np.int32]] | None,
    BoolArray,
]:
    """Sort the rows that are at risk at some event time by their last one, events first."""
    key = leaves * 2
    key -= died
    used = leaves > (0 if enters is None else enters)
    if used.all():
        rows = stable_order(key)
    else:
        kept = np.flatnonzero(used)
        rows = kept[stable_order(key[kept])]
    last = leaves[rows]
    last -= 1
    return rows, last, None if enters is None else enters[rows], died[rows]


def stable_order(key: np.ndarray[tuple[int], np.dtype[np.int32]]) -> IntArray:
    """Return the positions that sort whole numbers of at least 0, ties in their order.

    Parameters
    ----------
    key : ndarray of int32, shape (n,)
        The numbers.

    Returns
    -------
    ndarray of int64, shape (n,)
        The positions; found in one or two passes over 16 bits each.
    """
    # numpy sorts 16 bits by counting, longer numbers by comparing
    order = np.argsort((key & 0xFFFF).astype(np.uint16), kind="stable")
    if key.max(initial=0) > 0xFFFF:
        upper = (key >> 16).astype(np.uint16)
        order = order[np.argsort(upper[order], kind="stable")]
    return order


def cumulate(values: FloatArray, segments: IntArray, *, backwards: bool = False) -> FloatArray:
    """Sum along the last axis, from the start of each segment, or from its end backwards.

    Parameters
    ----------
    values : ndarray of float, shape (..., G)
        What is summed.
    segments : ndarray of int, shape (J,)
        Where the segments start; the first at 0.
    backwards : bool, default False
        Whether each sum runs from its position to the end of the segment.

    Returns
    -------
    ndarray of float, shape (..., G)
        The sums.

    Examples
    --------
    >>> cumulate(np.array([1.0, 2, 3, 4]), np.array([0, 2])).tolist()
    [1.0, 3.0, 3.0, 7.0]
    >>> cumulate(np.array([1.0, 2, 3, 4]), np.array([0, 2]), backwards=True).tolist()
    [3.0, 2.0, 7.0, 4.0]
    """
    size = values.shape[-1]
    if backwards:
        ends = np.append(segments[1:], size)
        return cumulate(values[..., ::-1], (size - ends)[::-1])[..., ::-1]
    if len(segments) <= 1:
        return np.cumsum(values, axis=-1)
    out = np.empty(values.shape)
    lengths = np.diff(segments, append=size)
    # segments of similar length side by side, so that each takes one call
    for power in np.unique(np.ceil(np.log2(lengths))):
        longest = int(2**power)
        chosen = (lengths <= longest) & (2 * lengths > longest)
        if longest >= size // 4:
            for start, length in zip(segments[chosen], lengths[chosen], strict=True):
                piece = slice(int(start), int(start + length))
                np.cumsum(values[..., piece], axis=-1, out=out[..., piece])
            continue
        steps = np.arange(longest)
        inside = steps < lengths[chosen][:, None]
        where = np.where(inside, segments[chosen][:, None] + steps, 0)
        block = np.cumsum(np.where(inside, values[..., where], 0.0), axis=-1)
        out[..., where[inside]] = block[..., inside]
    return out
