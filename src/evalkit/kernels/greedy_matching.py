"""Greedy matching on a score: each unit in turn takes the nearest candidate that is left.

Candidates stand sorted by stratum and score. Two disjoint-set forests give the next one that is
free to either side, bounded by the stratum; the nearer of the two is taken, and at the same
distance the one that comes first. Ratio k is k rounds. So n1 units and n0 candidates need one sort
and about n1 steps, whatever the caliper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from evalkit.kernels.greedy_loops import (
    compiled_loops,
    compiled_plain,
    plain_sweep,
    python_loops,
)
from evalkit.kernels.pair_space import PairSpace
from evalkit.typing import FloatArray, IntArray

__all__ = ["Pairs", "collect_pairs", "greedy_match", "variable_quota"]

_COMPILE = 400_000  # searches for a candidate, above which compiling pays
_COMPILE_RULES = 50_000_000  # pairs, where rules may make a search long


@dataclass(frozen=True, slots=True)
class Pairs:
    """Who was paired with whom.

    Attributes
    ----------
    focal, other : ndarray of int, shape (m,)
        Positions of the members of each pair, sorted by focal unit and then in the order in which
        they were found.
    distance : ndarray of float, shape (m,)
        Their distances.
    """

    focal: IntArray
    other: IntArray
    distance: FloatArray

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.focal)


def variable_quota(score: FloatArray, ratio: float, low: int, high: int) -> IntArray:
    """Say how many candidates each unit is to get, where few have many.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        Scores of those who are to get candidates; the lower, the more candidates there are.
    ratio : float
        Candidates per unit on average.
    low, high : int
        Fewest and most.

    Returns
    -------
    ndarray of int, shape (n,)
        Numbers that add up to ``round(ratio * n)``: ``high`` for the lowest scores, ``low`` for
        the highest, at most one unit between.

    Notes
    -----
    Extremal matching of Ming and Rosenbaum (2000, doi:10.1111/j.0006-341X.2000.00118.x); R:
    ``matchit(..., ratio, min.controls, max.controls)``.

    Examples
    --------
    >>> variable_quota(np.array([0.9, 0.1, 0.5, 0.3]), 2.0, 1, 4).tolist()
    [1, 4, 1, 2]
    """
    n = len(score)
    quota = np.full(n, low, dtype=np.int64)
    spare = round(ratio * n) - low * n
    if high > low and spare > 0:
        full, rest = divmod(spare, high - low)
        by_score = np.argsort(score, kind="stable")
        quota[by_score[:full]] = high
        if rest:
            quota[by_score[full]] += rest
    return quota


def greedy_match(
    space: PairSpace,
    quota: IntArray,
    *,
    order: IntArray | None,
    reuse: int = 1,
    compiled: bool | None = None,
) -> Pairs:
    """Match each unit with the nearest candidates on a score.

    Parameters
    ----------
    space : PairSpace
        The scores, and which pairs are allowed.
    quota : ndarray of int, shape (n1,)
        How many candidates each unit is to get, one a round.
    order : ndarray of int, shape (n1,), or None
        Who comes first; None for the closest pair of all at every step.
    reuse : int, default 1
        How often a candidate may be taken, by different units; 0 for any number.
    compiled : bool, optional
        Whether numba compiles the loops; by default where there is enough to do.

    Returns
    -------
    Pairs
        The pairs. At the same distance the candidate with the lower position is taken, and among
        closest pairs the unit with the lower position.

    Examples
    --------
    >>> space = PairSpace(np.array([0.50, 0.52]), np.array([0.1, 0.51, 0.6]), caliper=0.2)
    >>> found = greedy_match(space, np.array([1, 1]), order=np.array([1, 0]))
    >>> found.focal.tolist(), found.other.tolist(), found.distance.round(2).tolist()
    ([0, 1], [2, 1], [0.1, 0.01])
    """
    assert space.other is not None
    n1, n0 = space.n_focal, space.n_other
    score = space.other[space.order]
    first, last = space.bounds
    place = _places(space, score, first, last)
    new_block = np.ones(n0, dtype=np.bool_)
    new_block[1:] = score[1:] != score[:-1]
    starts = np.unique(first) if n1 else np.empty(0, dtype=np.int64)
    new_block[starts[starts < n0]] = True
    block = np.maximum.accumulate(np.where(new_block, np.arange(n0), 0))
    rules = space.rules
    apart = [_flat(rules.apart_focal, np.int64), _flat(rules.apart_other, np.int64, space.order)]
    window = [_flat(rules.window_focal, np.float64)]
    window.append(_flat(rules.window_other, np.float64, space.order))
    most = int(quota.max(initial=0))
    chosen = np.full(n1 * most, -1, dtype=np.int64)
    filled, used = np.zeros(n1, dtype=np.int64), np.zeros(n0, dtype=np.int64)
    arrays = [
        np.ascontiguousarray(space.focal, dtype=np.float64), score, first, last, place, block,
        space.order, np.arange(n0 + 1), np.arange(n0 + 1), *apart, *window,
        np.asarray(rules.widths, dtype=np.float64), np.array([space.caliper]), chosen, filled,
        np.array([n1, n0, most], dtype=np.int64),
    ]  # fmt: skip
    if compiled is None:
        compiled = int(quota.sum()) > _COMPILE or (rules.any and n1 * n0 > _COMPILE_RULES)
    work = [quota, chosen, filled, used]
    if not compiled:  # Python reads a memoryview much faster than an array
        arrays, work = [_view(a) for a in arrays], [_view(a) for a in work]
    sweep, closest = compiled_loops() if compiled else python_loops()
    if reuse == 1 and not rules.any:
        sweep = compiled_plain() if compiled else cast("Any", plain_sweep)
    if order is None:
        closest(tuple(arrays), *work, reuse, most)
    else:
        sweep(tuple(arrays), order if compiled else order.tolist(), *work, reuse, most)
    return collect_pairs(space, chosen.reshape(n1, most), space.order)


def _places(space: PairSpace, score: FloatArray, first: IntArray, last: IntArray) -> IntArray:
    """Find where each unit's score falls among the candidates of its stratum."""
    focal = space.focal
    if space.stratum_focal is None:
        return np.searchsorted(score, focal, "left").astype(np.int64, copy=False)
    place = np.empty(len(focal), dtype=np.int64)
    by_stratum = np.argsort(space.stratum_focal, kind="stable")
    codes = space.stratum_focal[by_stratum]
    for units in np.split(by_stratum, np.flatnonzero(np.diff(codes)) + 1) if len(codes) else ():
        low, high = first[units[0]], last[units[0]]
        place[units] = low + np.searchsorted(score[low:high], focal[units], "left")
    return place


def _flat(columns: tuple[Any, ...], dtype: Any, order: IntArray | None = None) -> Any:
    """Put columns one after the other, in an order."""
    parts = [np.asarray(c if order is None else c[order], dtype=dtype) for c in columns]
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _view(array: Any) -> Any:
    """Return a view that Python indexes fast; an empty array as a list."""
    contiguous: Any = np.ascontiguousarray(array)
    return memoryview(contiguous) if array.size else []


def collect_pairs(space: PairSpace, chosen: IntArray, order: IntArray | None) -> Pairs:
    """Lay out the pairs that a greedy loop chose.

    Parameters
    ----------
    space : PairSpace
        The distances.
    chosen : ndarray of int, shape (n1, k)
        Candidates of each unit, -1 where there is none.
    order : ndarray of int, shape (n0,), or None
        Position of each candidate, if they were numbered in another order.

    Returns
    -------
    Pairs
        The pairs.
    """
    focal, column = np.nonzero(chosen >= 0)
    other = chosen[focal, column]
    if order is not None:
        other = order[other]
    return Pairs(focal.astype(np.int64), other, space.pair_distances(focal, other))
