"""Nearest people, and all who are as near: matching with replacement in which ties count equally.

People in the same place are one point, so that time and memory grow with the number of points, not
with the square of the number of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["Links", "nearest_with_ties"]

_AS_NEAR = 1e-9  # relative, and beside distances of the order of 1
_MORE = 4


@dataclass(frozen=True, eq=False)
class Links:
    """The nearest people of each person, by distinct points.

    Attributes
    ----------
    point : ndarray of int, shape (n1,)
        Point of each person who looks for matches, 0 to c1 - 1.
    other : ndarray of int, shape (n0,)
        Point of each person who may be a match, 0 to c0 - 1.
    first, second : ndarray of int, shape (links,)
        Pairs of a point that looks and a point that it is matched with.
    size : ndarray of float, shape (c1,)
        People on the points that each point is matched with.
    """

    point: IntArray
    other: IntArray
    first: IntArray
    second: IntArray
    size: FloatArray

    def sums(self, values: FloatArray) -> FloatArray:
        """Add values of the matches up for each person who looks.

        Parameters
        ----------
        values : ndarray of float, shape (n0,)
            A value of each person who may be a match.

        Returns
        -------
        ndarray of float, shape (n1,)
            The sums over the matches.
        """
        there = np.bincount(self.other, values, minlength=int(self.second.max(initial=0)) + 1)
        totals = np.bincount(self.first, there[self.second], minlength=len(self.size))
        return totals[self.point].astype(np.float64, copy=False)

    def means(self, values: FloatArray) -> FloatArray:
        """Average values of the matches for each person who looks.

        Parameters
        ----------
        values : ndarray of float, shape (n0,)
            A value of each person who may be a match.

        Returns
        -------
        ndarray of float, shape (n1,)
            The means.
        """
        return self.sums(values) / self.size[self.point]

    def uses(self, power: int = 1) -> FloatArray:
        """Return how much each person who may be a match is used.

        Parameters
        ----------
        power : int, default 1
            1 for the sum of 1 / size over those who use the person, 2 for that of its squares.

        Returns
        -------
        ndarray of float, shape (n0,)
            The uses.
        """
        people = np.bincount(self.point, minlength=len(self.size))
        each = (people / self.size**power)[self.first]
        points = np.bincount(self.second, each, minlength=int(self.other.max()) + 1)
        return points[self.other].astype(np.float64, copy=False)


def nearest_with_ties(focal: FloatArray, others: FloatArray, n_matches: int) -> Links:
    """Find everybody's M nearest people, and all who are as near as the M-th.

    Parameters
    ----------
    focal : ndarray of float, shape (n1, d)
        Points of those who look.
    others : ndarray of float, shape (n0, d)
        Points of those who may be a match, at least M.
    n_matches : int
        M.

    Returns
    -------
    Links
        The matches. Distances that differ by less than 1e-9 are equal.

    Examples
    --------
    >>> links = nearest_with_ties(np.array([[0.0]]), np.array([[1.0], [-1.0], [3.0]]), 1)
    >>> links.size.tolist(), links.means(np.array([4.0, 8.0, 90.0])).tolist()
    ([2.0], [6.0])
    """
    from scipy.spatial import KDTree

    mine, point = _points(focal)
    theirs, other = _points(others)
    people = np.bincount(other, minlength=len(theirs))
    tree: Any = KDTree(theirs, balanced_tree=False, compact_nodes=False)  # for dummies the faster
    first: list[IntArray] = []
    second: list[IntArray] = []
    size = np.empty(len(mine))
    left: IntArray = np.arange(len(mine))
    k = min(n_matches + _MORE, len(theirs))
    while len(left):
        found: Any = tree.query(mine[left], k=range(1, k + 1))
        index: IntArray = np.asarray(found[1], dtype=np.int64)
        apart = np.sqrt(((theirs[index] - mine[left][:, None, :]) ** 2).sum(axis=2))
        order = np.argsort(apart, axis=1, kind="stable")
        apart = np.take_along_axis(apart, order, axis=1)
        index = np.take_along_axis(index, order, axis=1)
        enough = np.cumsum(people[index], axis=1) >= n_matches
        last = apart[np.arange(len(left)), enough.argmax(axis=1)]
        near = apart <= (last * (1 + _AS_NEAR) + _AS_NEAR)[:, None]
        done = enough[:, -1] & (~near[:, -1] | (k == len(theirs)))
        rows, columns = np.nonzero(near & done[:, None])
        first.append(left[rows])
        second.append(index[rows, columns])
        size[left[done]] = np.where(near, people[index], 0).sum(axis=1)[done]
        left = left[~done]
        k = min(2 * k, len(theirs))
    return Links(point, other, np.concatenate(first), np.concatenate(second), size)


def _points(rows: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct rows, and which of them each row is."""
    order = np.lexsort(rows.T)
    ranked = rows[order]
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    which = np.empty(len(rows), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return np.ascontiguousarray(ranked[new]), which
