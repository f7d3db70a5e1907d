r"""Distances between people over several covariates, and greedy matching on them.

Mahalanobis's distance :math:`\sqrt{(x - y)' S^{-1} (x - y)}` is Euclidean after the covariates
have been multiplied by the inverse of a Cholesky factor of S, the covariance pooled within the two
groups (divisor n - 2). Rosenbaum's robust form replaces the covariates by their ranks. Nearest
candidates come from a k-d tree of the distinct points of each stratum, asked for twice as many
when those that it gave are taken; where a score or a covariate has a caliper, and in many
dimensions, everybody inside it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.kernels.greedy_loops import greedy_loops
from evalkit.kernels.greedy_matching import Pairs, collect_pairs
from evalkit.kernels.pair_space import PairSpace
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Whitening", "average_ranks", "robust_whitening", "vector_match", "whitening"]

_TREE_DIMENSIONS = 10
_FIRST = 8  # neighbours that are asked for at first
_SURE = 1 - 1e-12
_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True)
class Whitening:
    """A linear map after which Mahalanobis's distance is Euclidean.

    Attributes
    ----------
    points : ndarray of float, shape (n, r)
        The mapped rows.
    covariance : ndarray of float, shape (p, p)
        The covariance that was used.
    rank : int
        Its rank r; below p some covariate does not vary within the groups.
    """

    points: FloatArray
    covariance: FloatArray
    rank: int


def whitening(matrix: FloatArray, treated: BoolArray) -> Whitening:
    """Map covariates so that Mahalanobis's distance is Euclidean.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    treated : ndarray of bool, shape (n,)
        The two groups.

    Returns
    -------
    Whitening
        With the covariance pooled within groups. R: ``MatchIt::mahalanobis_dist``.

    Examples
    --------
    >>> x = np.array([[0.0], [2.0], [5.0], [7.0]])
    >>> w = whitening(x, np.array([True, True, False, False]))
    >>> w.covariance.tolist(), np.diff(w.points[:2, 0]).round(6).tolist()
    ([[2.0]], [1.414214])
    """
    n, p = matrix.shape
    pooled = np.zeros((p, p))
    for group in (treated, ~treated):
        part = matrix[group]
        moved = part - part.mean(axis=0)
        pooled += moved.T @ moved
    return _whiten(matrix, pooled / max(n - 2, 1))


def robust_whitening(matrix: FloatArray) -> Whitening:
    """Map covariates so that Rosenbaum's rank-based Mahalanobis distance is Euclidean.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.

    Returns
    -------
    Whitening
        Of the average ranks, with their covariance scaled so that every variable has the variance
        of ranks without ties, which keeps rare levels from weighing most. R:
        ``MatchIt::robust_mahalanobis_dist``.
    """
    n = len(matrix)
    ranks = np.column_stack([average_ranks(column) for column in matrix.T])
    moved = ranks - ranks.mean(axis=0)
    covariance = moved.T @ moved / (n - 1)
    spread = np.sqrt(np.diagonal(covariance))
    untied = np.sqrt(n * (n + 1) / 12)
    factor = untied / np.where(spread > 0, spread, 1.0)
    return _whiten(ranks, covariance * np.outer(factor, factor))


def average_ranks(values: FloatArray) -> FloatArray:
    """Rank values from 1, equal ones by the mean of their ranks.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The values.

    Returns
    -------
    ndarray of float, shape (n,)
        The ranks.

    Examples
    --------
    >>> average_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, code, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[code]


def _whiten(matrix: FloatArray, covariance: FloatArray) -> Whitening:
    """Multiply by the inverse of a factor of the covariance; by its pseudo-inverse if singular."""
    spread = np.sqrt(np.diagonal(covariance))
    scale = np.where(spread > 0, spread, 1.0)
    correlation = covariance / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    kept = values > _SINGULAR * max(float(values.max(initial=0.0)), 1.0)
    rank = int(kept.sum())
    if rank == len(values):
        factor = np.linalg.cholesky(correlation)
        mapped = np.linalg.solve(factor, (matrix / scale).T).T
    else:
        mapped = (matrix / scale) @ (vectors[:, kept] / np.sqrt(values[kept]))
    return Whitening(np.ascontiguousarray(mapped, dtype=np.float64), covariance, rank)


def vector_match(
    space: PairSpace, quota: IntArray, *, order: IntArray | None, reuse: int = 1
) -> Pairs:
    """Match each unit with the nearest candidates in a space, or by a table of distances.

    Parameters
    ----------
    space : PairSpace
        The points or the table, and which pairs are allowed.
    quota : ndarray of int, shape (n1,)
        How many candidates each unit is to get, one a round.
    order : ndarray of int, shape (n1,), or None
        Who comes first; None for the closest pair of all at every step.
    reuse : int, default 1
        How often a candidate may be taken, by different units; 0 for any number.

    Returns
    -------
    Pairs
        The pairs, ties broken by position as in
        :func:`evalkit.kernels.greedy_matching.greedy_match`.

    Examples
    --------
    >>> space = PairSpace(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [1.0, 1.0]]))
    >>> vector_match(space, np.array([1]), order=None).other.tolist()
    [1]
    """
    most = int(quota.max(initial=0))
    chosen = [-1] * (space.n_focal * most)
    points = space.other is not None and not space.rules.widths
    small = space.focal.ndim > 1 and space.focal.shape[1] <= _TREE_DIMENSIONS
    kind = _TreeSearch if points and small else _RowSearch
    sweep, closest = greedy_loops(_ask, _tell, lambda loop: loop)
    work = [quota.tolist(), chosen, [0] * space.n_focal, [0] * space.n_other]
    state = kind(space, chosen, most)
    if order is None:
        closest(state, *work, reuse, most)
    else:
        sweep(state, order.tolist(), *work, reuse, most)
    return collect_pairs(space, np.array(chosen, dtype=np.int64).reshape(space.n_focal, most), None)


def _ask(state: Any, t: int) -> tuple[float, int]:
    """Return the nearest candidate that is left."""
    return state.best(t)


def _tell(state: Any, c: int) -> None:
    """Say that a candidate can be taken no more."""
    state.exhaust(c)


class _RowSearch:
    """Looks at everybody inside the calipers."""

    def __init__(self, space: PairSpace, chosen: list[int], most: int) -> None:
        self.space, self.chosen, self.most = space, chosen, most
        self.free = np.ones(space.n_other, dtype=np.bool_)

    def best(self, t: int) -> tuple[float, int]:
        others, distances = self.space.row(t)
        usable = self.free[others]
        for c in self.chosen[t * self.most : (t + 1) * self.most]:
            if c >= 0:
                usable &= others != c
        if not usable.any():
            return np.inf, -1
        distances = np.where(usable, distances, np.inf)
        nearest = float(distances.min())
        return nearest, int(others[usable & (distances == nearest)].min())

    def exhaust(self, c: int) -> None:
        self.free[c] = False


class _TreeSearch:
    """Asks a tree of the distinct points of the stratum for more and more neighbours."""

    def __init__(self, space: PairSpace, chosen: list[int], most: int) -> None:
        self.space, self.chosen, self.most = space, chosen, most
        assert space.other is not None
        self.cells = _Cells(space)
        self.near: list[tuple[list[float], list[int], float] | None] = [None] * space.n_focal
        self.asked = [0] * space.n_focal
        self.passed = [0] * space.n_focal
        for units in self.cells.units:
            self._query(units, _FIRST)

    def _query(self, units: IntArray, k: int) -> None:
        """Ask for the k nearest cells of units of one stratum."""
        from scipy.spatial import KDTree

        space, cells = self.space, self.cells
        stratum = int(cells.stratum[units[0]])
        low, high = cells.first[stratum], cells.first[stratum + 1]
        tree = cells.trees.get(stratum)
        if tree is None:
            tree = cells.trees[stratum] = KDTree(cells.points[low:high])
        k = min(k, high - low)
        bound = space.caliper * (1 + 1e-9) if np.isfinite(space.caliper) else np.inf
        found: Any = tree.query(space.focal[units], k=range(1, k + 1), distance_upper_bound=bound)
        raw, index = found
        there = np.isfinite(raw)
        place = low + np.where(there, index, 0)
        moved = cells.points[place] - space.focal[units][:, None, :]
        exact = np.sqrt(np.einsum("ijk,ijk->ij", moved, moved))
        exact = np.where(there & (exact <= space.caliper), exact, np.inf)
        by_distance = np.argsort(exact, axis=1, kind="stable")
        exact = np.take_along_axis(exact, by_distance, axis=1)
        place = np.take_along_axis(place, by_distance, axis=1)
        complete = ~there[:, -1] | (k == high - low)
        sure = np.where(complete, np.inf, raw[:, -1] * _SURE)
        n_there = np.isfinite(exact).sum(axis=1)
        for i, t in enumerate(units.tolist()):
            some = int(n_there[i])
            self.near[t] = exact[i, :some].tolist(), place[i, :some].tolist(), float(sure[i])
            self.asked[t] = k
            self.passed[t] = 0

    def best(self, t: int) -> tuple[float, int]:
        while True:
            now = self.near[t]
            if now is None:
                return np.inf, -1
            distances, cells, sure = now
            i = self.passed[t]
            empty = True  # whether every cell so far has nobody left
            while i < len(cells) and distances[i] < sure:
                nearest, found = distances[i], -1
                while i < len(cells) and distances[i] == nearest:
                    left = self.cells.members(cells[i])
                    empty = empty and not left
                    c = self._first(t, left)
                    found = c if found < 0 or 0 <= c < found else found
                    i += 1
                if found >= 0:
                    return nearest, found
                if empty:
                    self.passed[t] = i
            if sure == np.inf:
                return np.inf, -1
            self._query(np.array([t]), 2 * self.asked[t])

    def _first(self, t: int, members: list[int]) -> int:
        """Return the first member that t may still be paired with; -1 for none."""
        mine = self.chosen[t * self.most : (t + 1) * self.most]
        if not self.space.rules.any:
            return next((c for c in members if c not in mine), -1)
        allowed = self.space.rules.allowed(t, np.array(members, dtype=np.int64))
        assert allowed is not None
        pairs = zip(members, allowed.tolist(), strict=True)
        return next((c for c, yes in pairs if yes and c not in mine), -1)

    def exhaust(self, c: int) -> None:
        self.cells.remove(c)


class _Cells:
    """The distinct points of each stratum, and who stands there."""

    def __init__(self, space: PairSpace) -> None:
        assert space.other is not None
        n1, n0 = space.n_focal, space.n_other
        none = space.stratum_focal is None or space.stratum_other is None
        mine = np.zeros(n1, dtype=np.int64) if none else space.stratum_focal
        theirs = np.zeros(n0, dtype=np.int64) if none else space.stratum_other
        assert mine is not None
        assert theirs is not None
        self.stratum: IntArray = mine
        order = np.lexsort((*space.other.T, theirs))
        points, codes = space.other[order], theirs[order]
        new = np.ones(n0, dtype=np.bool_)
        new[1:] = (codes[1:] != codes[:-1]) | (points[1:] != points[:-1]).any(axis=1)
        starts = np.flatnonzero(new)
        self.points: FloatArray = points[starts]
        self._order, self._starts = order, np.append(starts, n0)
        self._cell_of = np.empty(n0, dtype=np.int64)
        self._cell_of[order] = np.cumsum(new) - 1
        self._left: dict[int, list[int]] = {}
        size = 1 + int(max(mine.max(initial=0), theirs.max(initial=0)))
        self.first = np.searchsorted(codes[starts], np.arange(size + 1)).tolist()
        by_stratum = np.argsort(mine, kind="stable")
        edges = np.searchsorted(mine[by_stratum], np.arange(1, size))
        groups = np.split(by_stratum, edges)
        there = np.diff(self.first) > 0
        self.units = [g for g, some in zip(groups, there, strict=True) if some and len(g)]
        self.trees: dict[int, Any] = {}

    def members(self, cell: int) -> list[int]:
        """Return who is left in a cell, by position."""
        now = self._left.get(cell)
        if now is None:
            now = self._left[cell] = self._order[
                self._starts[cell] : self._starts[cell + 1]
            ].tolist()
        return now

    def remove(self, c: int) -> None:
        """Take somebody out of the cell."""
        self.members(int(self._cell_of[c])).remove(c)
