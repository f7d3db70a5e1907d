r"""Optimal pairs and optimal full matching: the smallest total distance, exactly.

Pairs on a line are found along the sorted scores. Other distances make a sparse assignment problem,
first with a few nearest candidates of each unit. Its dual solution proves that the pairs left out
could not have helped, or says whose candidates to add.

A full matching divides everybody into sets of one unit and any number of the other group. That is
a minimum-weight edge cover: an edge whose two ends are covered otherwise is not worth having. It
is found by one assignment problem on the edges that are shorter than the two that they save; with
limits on the size of the sets by a linear program, whose matrix is totally unimodular, so that its
vertices are whole numbers.

References
----------
.. [1] Rosenbaum PR (1989). Optimal matching for observational studies. J Am Stat Assoc
   84:1024-1032. doi:10.1080/01621459.1989.10478868
.. [2] Hansen BB, Klopfer SO (2006). Optimal full matching and related designs via network flows.
   J Comput Graph Stat 15:609-627. doi:10.1198/106186006X137047
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.kernels.greedy_matching import Pairs
from evalkit.kernels.pair_space import PairSpace
from evalkit.kernels.sorted_matching import match_sorted
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["full_match", "optimal_match"]

_FIRST = 12  # candidates of each unit at first
_MORE = 4
_CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class _Edges:
    """Pairs that may be used: unit, candidate, distance, each of shape (m,)."""

    focal: IntArray
    other: IntArray
    distance: FloatArray


def optimal_match(space: PairSpace, ratio: int = 1) -> Pairs:
    """Pair units with candidates, each used once, at the smallest total distance.

    Parameters
    ----------
    space : PairSpace
        The distances, and which pairs are allowed.
    ratio : int, default 1
        Candidates for each unit.

    Returns
    -------
    Pairs
        As many pairs as are possible; among these sets of pairs those in which most units have at
        least one, and among these one of the smallest total distance.

    Notes
    -----
    That the first two aims do not conflict follows from the matroid of places that a matching can
    fill. R without a caliper: ``optmatch::pairmatch(distance, controls = ratio)``.

    Examples
    --------
    >>> space = PairSpace(np.array([0.4, 0.5]), np.array([0.1, 0.45]))
    >>> found = optimal_match(space)
    >>> found.other.tolist(), round(float(found.distance.sum()), 2)
    ([0, 1], 0.35)
    """
    if space.on_a_line and not space.rules.any:
        return _on_a_line(space, ratio)
    return _by_assignment(space, ratio)


def _pairs(space: PairSpace, focal: IntArray, other: IntArray) -> Pairs:
    """Sort pairs by unit, then by distance, then by candidate."""
    distance = space.pair_distances(focal, other)
    order = np.lexsort((other, distance, focal))
    return Pairs(focal[order], other[order], distance[order])


def _on_a_line(space: PairSpace, ratio: int) -> Pairs:
    """Match within each stratum along the sorted scores."""
    assert space.other is not None
    first, last = space.bounds
    by_score = np.lexsort((np.arange(space.n_focal), space.focal, first))
    by_score = by_score[last[by_score] > first[by_score]]  # others have no candidates
    units: list[IntArray] = []
    others: list[IntArray] = []
    if len(by_score):
        for group in np.split(by_score, np.flatnonzero(np.diff(first[by_score])) + 1):
            candidates = space.order[int(first[group[0]]) : int(last[group[0]])]
            chosen = match_sorted(space.focal[group], space.other[candidates], ratio, space.caliper)
            got = chosen >= 0
            units.append(np.repeat(group, ratio)[got])
            others.append(candidates[chosen[got]])
    none = np.empty(0, dtype=np.int64)
    return _pairs(space, np.concatenate([none, *units]), np.concatenate([none, *others]))


def _by_assignment(space: PairSpace, ratio: int) -> Pairs:
    """Solve sparse assignments on ever more candidates until nobody else could help."""
    n1 = space.n_focal
    asked = np.full(n1, max(_FIRST, 2 * ratio), dtype=np.int64)
    near: list[tuple[IntArray, FloatArray, float]] = [
        _nearest(space, t, int(asked[t])) for t in range(n1)
    ]
    while True:
        sizes = [len(others) for others, _, _ in near]
        edges = _Edges(
            np.repeat(np.arange(n1), sizes),
            np.concatenate([np.empty(0, np.int64), *(others for others, _, _ in near)]),
            np.concatenate([np.empty(0), *(distances for _, distances, _ in near)]),
        )
        chosen, price = _assign_copies(edges, n1, space.n_other, ratio)
        reach = np.array([r for _, _, r in near])
        short = np.flatnonzero(price > reach * (1 + _CLOSE))
        if not len(short):
            focal, copy = np.nonzero(chosen >= 0)
            return _pairs(space, focal.astype(np.int64), chosen[focal, copy])
        asked[short] *= _MORE
        for t in short.tolist():
            near[t] = _nearest(space, t, int(asked[t]))


def _nearest(space: PairSpace, t: int, k: int) -> tuple[IntArray, FloatArray, float]:
    """Return the k nearest candidates, and the distance within which they are all."""
    others, distances = space.row(t)
    if len(others) <= k:
        return others, distances, np.inf
    part = np.argpartition(distances, k - 1)[:k]
    return others[part], distances[part], float(distances[part].max())


def _assign_copies(edges: _Edges, n1: int, n0: int, ratio: int) -> tuple[IntArray, FloatArray]:
    """Return the candidates of each unit, shape (n1, ratio), and the price of its last one."""
    m = len(edges.focal)
    farthest = float(edges.distance.max(initial=0.0))
    gain = (n1 * ratio + 1) * farthest + 1.0
    copies = np.arange(ratio)
    row = (edges.focal[:, None] * ratio + copies).ravel()
    column = np.repeat(edges.other, ratio)
    cost = np.repeat(edges.distance, ratio)
    alone = np.where(np.arange(n1 * ratio) % ratio == 0, 2 * gain, gain)
    match, v = _assign(row, column, cost, alone, n0)
    used = match >= 0
    matched_cost = alone.copy()
    if m and used.any():
        key = row * n0 + column
        order = np.argsort(key, kind="stable")
        wanted = np.flatnonzero(used) * n0 + match[used]
        matched_cost[used] = cost[order[np.searchsorted(key[order], wanted)]]
    price = matched_cost - v[match]
    return match.reshape(n1, ratio), price.reshape(n1, ratio).max(axis=1, initial=-np.inf)


def _assign(
    row: IntArray, column: IntArray, cost: FloatArray, alone: FloatArray, n_columns: int
) -> tuple[IntArray, FloatArray]:
    """Assign rows to columns at least cost, a row without one at its own cost.

    Returns the column of each row, -1 for none, and the columns' dual prices: the largest that are
    at most 0, are 0 for columns left over, and make no edge cheaper than the solution.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    n = len(alone)
    v = np.zeros(n_columns + 1)  # and a zero for rows without a column
    if not n or not len(row):
        return np.full(n, -1, dtype=np.int64), v
    # The solver takes a zero for no edge: every row has one edge, so that all may be raised alike.
    raised = 1.0 - min(float(cost.min()), float(alone.min()))
    weights = np.concatenate([cost, alone]) + raised
    rows = np.concatenate([row, np.arange(n)])
    columns = np.concatenate([column, n_columns + np.arange(n)])
    graph = csr_array((weights, (rows, columns)), shape=(n, n_columns + n))
    _, found = min_weight_full_bipartite_matching(graph)
    match = np.where(found < n_columns, found, -1).astype(np.int64)
    by_column = np.argsort(column, kind="stable")
    r, c, w = row[by_column], column[by_column], cost[by_column]
    starts = np.flatnonzero(np.r_[True, c[1:] != c[:-1]])
    own = alone.copy()
    same = match[r] == c
    own[r[same]] = w[same]
    scale = _CLOSE * max(1.0, float(np.abs(weights).max()))
    for _ in range(n + 1):
        u = own - v[match]
        bound = np.minimum(np.minimum.reduceat(w - u[r], starts), 0.0)
        lower = v[c[starts]]
        if not (bound < lower - scale).any():
            break
        v[c[starts]] = np.minimum(lower, bound)
    return match, v


def full_match(
    space: PairSpace, *, most_others: float = np.inf, most_focal: float = np.inf, least: int = 1
) -> Pairs | None:
    """Divide everybody into sets of one unit of either group, at the smallest total distance.

    Parameters
    ----------
    space : PairSpace
        The distances, and which pairs are allowed.
    most_others : float, default inf
        Most candidates in a set with one focal unit.
    most_focal : float, default inf
        Most focal units in a set with one candidate.
    least : int, default 1
        Fewest candidates of each focal unit; above 1 nobody shares a candidate.

    Returns
    -------
    Pairs or None
        The pairs of the one unit of each set with the others; units whom the calipers allow no
        pair are in none. None if the limits cannot all be honoured.

    Examples
    --------
    >>> space = PairSpace(np.array([0.1, 0.5]), np.array([0.1, 0.2, 0.45]))
    >>> found = full_match(space)
    >>> list(zip(found.focal.tolist(), found.other.tolist()))
    [(0, 0), (0, 1), (1, 2)]
    """
    if np.isinf(most_others) and np.isinf(most_focal) and least == 1:
        chosen = _cover(space)
    else:
        edges = _all_edges(space)
        kept = _bounded_cover(edges, space, most_others, most_focal, least)
        if kept is None:
            return None
        chosen = _Edges(edges.focal[kept], edges.other[kept], edges.distance[kept])
    stars = _stars(chosen, space.n_focal, space.n_other, least)
    return _pairs(space, chosen.focal[stars], chosen.other[stars])


def _cover(space: PairSpace) -> _Edges:
    """Return a minimum-weight edge cover of everybody who has an edge."""
    n1, n0 = space.n_focal, space.n_other
    near_focal, near_other = np.full(n1, np.inf), np.full(n0, np.inf)
    of_focal, of_other = np.full(n1, -1, dtype=np.int64), np.full(n0, -1, dtype=np.int64)
    for t in range(n1):
        others, distances = space.row(t)
        if not len(others):
            continue
        near_focal[t] = nearest = distances.min()
        of_focal[t] = others[distances == nearest].min()
        closer = distances < near_other[others]
        near_other[others[closer]] = distances[closer]
        of_other[others[closer]] = t
    parts: list[_Edges] = []
    for t in range(n1):
        others, distances = space.row(t)
        worth = distances < near_focal[t] + near_other[others]
        parts.append(_Edges(np.full(int(worth.sum()), t), others[worth], distances[worth]))
    edges = _together(parts)
    saved = edges.distance - near_focal[edges.focal] - near_other[edges.other]
    match, _ = _assign(edges.focal, edges.other, saved, np.zeros(n1), n0)
    matched = match >= 0
    used = np.zeros(n0, dtype=np.bool_)
    used[match[matched]] = True
    alone = np.flatnonzero(~matched & (of_focal >= 0))
    left = np.flatnonzero(~used & (of_other >= 0))
    focal = np.concatenate([np.flatnonzero(matched), alone, of_other[left]])
    other = np.concatenate([match[matched], of_focal[alone], left])
    pairs = np.unique(np.stack([focal, other]), axis=1)
    return _Edges(pairs[0], pairs[1], space.pair_distances(pairs[0], pairs[1]))


def _all_edges(space: PairSpace) -> _Edges:
    """Return every pair that is allowed."""
    parts: list[_Edges] = []
    for t in range(space.n_focal):
        others, distances = space.row(t)
        parts.append(_Edges(np.full(len(others), t), others, distances))
    return _together(parts)


def _together(parts: list[_Edges]) -> _Edges:
    """Put edges one after the other."""
    none = np.empty(0, dtype=np.int64)
    return _Edges(
        np.concatenate([none, *(p.focal for p in parts)]),
        np.concatenate([none, *(p.other for p in parts)]),
        np.concatenate([np.empty(0), *(p.distance for p in parts)]),
    )


def _bounded_cover(
    edges: _Edges, space: PairSpace, most_others: float, most_focal: float, least: int
) -> BoolArray | None:
    """Say which edges are in a cheapest cover whose degrees have bounds; None if there is none."""
    from scipy import optimize
    from scipy.sparse import csr_array, vstack

    m = len(edges.focal)
    if not m:
        return np.zeros(0, dtype=np.bool_)
    ones, columns = np.ones(m), np.arange(m)
    of_focal = csr_array((ones, (edges.focal, columns)), shape=(space.n_focal, m))
    of_other = csr_array((ones, (edges.other, columns)), shape=(space.n_other, m))
    some_focal = np.flatnonzero(np.bincount(edges.focal, minlength=space.n_focal))
    some_other = np.flatnonzero(np.bincount(edges.other, minlength=space.n_other))
    of_focal, of_other = of_focal[some_focal], of_other[some_other]
    rows = [-of_focal, -of_other]
    bound = [np.full(len(some_focal), -float(least)), np.full(len(some_other), -1.0)]
    if np.isfinite(most_others):
        rows.append(of_focal)
        bound.append(np.full(len(some_focal), most_others))
    shared = 1.0 if least > 1 else most_focal
    if np.isfinite(shared):
        rows.append(of_other)
        bound.append(np.full(len(some_other), shared))
    solver: Any = optimize
    answer = solver.linprog(
        edges.distance, A_ub=vstack(rows), b_ub=np.concatenate(bound), bounds=(0, 1),
        method="highs-ds",
    )  # fmt: skip
    if answer.status == 2:
        return None
    if answer.status != 0:
        raise RuntimeError(f"the linear program of full matching failed: {answer.message}")
    return np.asarray(answer.x > 0.5, dtype=np.bool_)


def _stars(edges: _Edges, n1: int, n0: int, least: int) -> BoolArray:
    """Say which edges to keep so that every set has one unit of either group."""
    of_focal = np.bincount(edges.focal, minlength=n1)
    of_other = np.bincount(edges.other, minlength=n0)
    keep = np.ones(len(edges.focal), dtype=np.bool_)
    for e in np.lexsort((edges.other, edges.focal, -edges.distance)).tolist():
        t, c = edges.focal[e], edges.other[e]
        if of_focal[t] > least and of_other[c] > 1:
            keep[e] = False
            of_focal[t] -= 1
            of_other[c] -= 1
    return keep
