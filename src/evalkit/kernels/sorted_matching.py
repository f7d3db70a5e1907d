"""Optimal pairs of two sorted lists of scores, by a recursion over both.

The distance, infinite beyond the caliper, is a convex function of the difference. So some optimal
matching keeps the order of the scores: the first rows with the first candidates are a problem of
the same kind. Every pair earns a gain that outweighs all distances, a row's first one twice as
much, so that most pairs are made, and among these for most units.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["match_sorted"]


def match_sorted(x: FloatArray, y: FloatArray, ratio: int, caliper: float) -> IntArray:
    """Pair sorted scores with sorted candidates.

    Parameters
    ----------
    x : ndarray of float, shape (n1,)
        Scores in increasing order.
    y : ndarray of float, shape (n0,)
        Scores of the candidates, in increasing order; at least one.
    ratio : int
        Candidates for each x.
    caliper : float
        Largest distance allowed.

    Returns
    -------
    ndarray of int, shape (n1 * ratio,)
        Places in y of the candidates of the first x, then of the second and so on; -1 for none.

    Examples
    --------
    >>> match_sorted(np.array([0.4, 0.5]), np.array([0.1, 0.45]), 1, np.inf).tolist()
    [0, 1]
    """
    rows = np.repeat(x, ratio)
    m, n = len(rows), len(y)
    place = np.searchsorted(y, rows, "left")
    reach = caliper * (1 + 1e-9) + 1e-300
    low, high = _windows(
        place, np.searchsorted(y, rows - reach, "left"), np.searchsorted(y, rows + reach, "right")
    )
    ends = np.stack([y[np.minimum(low, n - 1)], y[np.maximum(high - 1, 0)]])
    farthest = float(np.abs(ends - rows).max())
    gain = (m + 1) * min(farthest, caliper) + 1.0
    first_copy = np.arange(m) % ratio == 0
    # value[j]: smallest total, less the gains, of the rows so far with the first j candidates.
    value, known = np.zeros(n + 1), 0
    taken: list[tuple[Any, Any]] = []  # packed bits
    for i in range(m):
        a, b = int(low[i]), int(high[i])
        if b > known:
            value[known + 1 : b + 1] = value[known]
            known = b
        if a >= b:
            taken.append((None, None))
            continue
        cost = np.abs(y[a:b] - rows[i])
        with_it = value[a:b] + cost - (2 * gain if first_copy[i] else gain)
        with_it[cost > caliper] = np.inf
        best = np.minimum.accumulate(with_it)
        better = best < value[a + 1 : b + 1]
        newest = np.empty(b - a, dtype=np.bool_)
        newest[0] = True
        newest[1:] = with_it[1:] < best[:-1]
        np.minimum(value[a + 1 : b + 1], best, out=value[a + 1 : b + 1])
        taken.append((np.packbits(better), np.packbits(newest)))
    chosen = np.full(m, -1, dtype=np.int64)
    left = n
    for i in range(m - 1, -1, -1):
        a, b = int(low[i]), int(high[i])
        at = min(left, b) - a - 1
        if at < 0 or a >= b:
            continue
        better = np.unpackbits(taken[i][0], count=b - a)
        if better[at]:
            newest = np.unpackbits(taken[i][1][: at // 8 + 1])[: at + 1]
            left = a + int(np.flatnonzero(newest)[-1])
            chosen[i] = left
    return chosen


def _windows(place: IntArray, first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
    """Return between which places each row's candidate is to be looked for.

    A row of a cluster of c rows needs only the c candidates to either side, if no other cluster
    looks there: the others of the cluster occupy at most c - 1 of its c nearest ones. Clusters are
    joined until they keep apart.
    """
    size = np.ones(len(place), dtype=np.int64)
    while True:
        low, high = np.maximum(place - size, first), np.minimum(place + size, last)
        farthest = np.maximum.accumulate(np.maximum(high, low))
        new = np.append(True, low[1:] >= farthest[:-1])
        cluster = np.cumsum(new) - 1
        grown = np.maximum(np.bincount(cluster)[cluster], size)
        if (grown == size).all():
            return low, high
        size = grown
