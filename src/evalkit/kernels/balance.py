"""How alike two groups are in a covariate: means, variances and distribution functions, weighted.

Every measure is taken under several sets of weights in one pass, such as before and after
matching, since sorting a column is what costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["ColumnBalance", "balance_columns", "balance_levels", "effective_size"]

_PARALLEL = 100_000
_ALONE = 1e-12  # one row has all the weight: there is no variance
_ROUNDING = 1e-14
_PLACES = 2.0**32 - 1  # into which a column's range is cut
_HALF = np.uint32(0xFFFF)
_CODES = 4096  # whole numbers in a range up to this are counted rather than sorted


@dataclass(frozen=True)
class ColumnBalance:
    """Means, variances and distances of p columns in two groups under S sets of weights.

    Attributes
    ----------
    mean1, mean0 : ndarray of float, shape (S, p)
        Weighted means in the group that took part and in the other.
    var1, var0 : ndarray of float, shape (S, p)
        Weighted variances: m(1 - m) of a column of two values 0 and 1, otherwise
        ``sum w (x - m)^2 / (1 - sum w^2)`` with weights that sum to 1.
    binary : ndarray of bool, shape (p,)
        Whether the column holds only 0 and 1.
    ecdf_mean, ecdf_max : ndarray of float, shape (S, p)
        Mean over the distinct values, and largest, of the distance between the two distribution
        functions; for a binary column both are the distance of the means.
    """

    mean1: FloatArray
    mean0: FloatArray
    var1: FloatArray
    var0: FloatArray
    binary: BoolArray
    ecdf_mean: FloatArray
    ecdf_max: FloatArray


def effective_size(weights: FloatArray) -> float:
    """Return Kish's effective number of observations.

    Parameters
    ----------
    weights : ndarray of float, shape (n,)
        Weights of at least 0.

    Returns
    -------
    float
        ``(sum w)^2 / sum w^2``; 0 without weights.
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def balance_columns(
    columns: Sequence[FloatArray], treated: BoolArray, weights: Sequence[FloatArray]
) -> ColumnBalance:
    """Compare two groups in every one of some columns.

    Parameters
    ----------
    columns : sequence of p ndarrays of float, shape (n,)
        The columns, finite.
    treated : ndarray of bool, shape (n,)
        Who is in the first group.
    weights : sequence of S ndarrays of float, shape (n,)
        Sets of weights of at least 0, with something positive in each group.

    Returns
    -------
    ColumnBalance
        Row s holds what the set s gives.

    Notes
    -----
    Costs a sort per column, O(n log n), two columns at a time from 100,000 rows on; columns of
    whole numbers within a range of 4,096 are counted in O(n). Memory beside the columns is a few
    columns.
    """
    rows = np.concatenate([np.flatnonzero(treated), np.flatnonzero(~treated)])
    n1 = int(treated.sum())
    sets = [_Shares.of(w[rows], n1) for w in weights]

    def one(column: FloatArray) -> tuple[FloatArray, bool]:
        x = np.asarray(column, dtype=np.float64)
        low, high = float(x.min()), float(x.max())
        if high - low >= _CODES or np.any(x != np.floor(x)):
            return _sorted_column(x[rows], n1, sets), False
        n_values = int(high - low) + 1
        cells = (x - low).astype(np.int64)
        cells += n_values * treated
        binary = low >= 0.0 and high <= 1.0
        return _counted_column(
            cells, low + np.arange(n_values, dtype=np.float64), weights, sets, binary
        ), binary

    if len(treated) >= _PARALLEL and len(columns) > 1:
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(one, columns))
    else:
        found = [one(column) for column in columns]
    numbers = np.empty((6, len(sets), len(columns)))
    for k, (values, _) in enumerate(found):
        numbers[:, :, k] = values
    return ColumnBalance(
        mean1=numbers[0],
        mean0=numbers[1],
        var1=numbers[2],
        var0=numbers[3],
        binary=np.array([binary for _, binary in found], dtype=np.bool_),
        ecdf_mean=numbers[4],
        ecdf_max=numbers[5],
    )


def balance_levels(
    codes: IntArray, n_levels: int, treated: BoolArray, weights: Sequence[FloatArray]
) -> ColumnBalance:
    """Compare the shares of every level of a category, as columns of 0 and 1 would be.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Level of each row, 0 to ``n_levels`` - 1.
    n_levels : int
        Number of levels, p.
    treated : ndarray of bool, shape (n,)
        Who is in the first group.
    weights : sequence of S ndarrays of float, shape (n,)
        Sets of weights.

    Returns
    -------
    ColumnBalance
        One column for each level.
    """
    mean1, mean0 = np.empty((2, len(weights), n_levels))
    cell = codes + n_levels * treated
    for s, w in enumerate(weights):
        totals = np.bincount(cell, weights=w, minlength=2 * n_levels).reshape(2, n_levels)
        mean0[s], mean1[s] = totals / totals.sum(axis=1, keepdims=True)
    distance = np.abs(mean1 - mean0)
    return ColumnBalance(
        mean1=mean1,
        mean0=mean0,
        var1=mean1 * (1 - mean1),
        var0=mean0 * (1 - mean0),
        binary=np.ones(n_levels, dtype=np.bool_),
        ecdf_mean=distance,
        ecdf_max=distance,
    )


@dataclass(frozen=True, slots=True)
class _Shares:
    """One set of weights, scaled to a sum of 1 in each group; the rows of the first come first.

    Attributes
    ----------
    signed : ndarray of float, shape (n,)
        The weights; those of the other group are negative.
    left1, left0 : float
        1 - sum w^2 in each group.
    """

    signed: FloatArray
    left1: float
    left0: float

    @classmethod
    def of(cls, weights: FloatArray, n1: int) -> _Shares:
        """Scale weights."""
        one, zero = weights[:n1] / weights[:n1].sum(), weights[n1:] / -weights[n1:].sum()
        return cls(np.concatenate([one, zero]), 1.0 - float(one @ one), 1.0 - float(zero @ zero))


def _counted_column(
    cells: IntArray,
    values: FloatArray,
    weights: Sequence[FloatArray],
    sets: Sequence[_Shares],
    binary: bool,
) -> FloatArray:
    """Measure a column of few whole numbers by counting; cells of the first group come last."""
    size = 2 * len(values)
    occurs = np.bincount(cells, minlength=size).reshape(2, -1).any(axis=0)
    out = np.empty((6, len(weights)))
    for s, (w, shares) in enumerate(zip(weights, sets, strict=True)):
        part0, part1 = np.bincount(cells, w, size).astype(np.float64).reshape(2, -1)
        part0, part1 = part0 / part0.sum(), part1 / part1.sum()
        if binary:
            mean1, mean0 = float(values @ part1), float(values @ part0)
            gap = abs(mean1 - mean0)
            out[:, s] = mean1, mean0, mean1 * (1 - mean1), mean0 * (1 - mean0), gap, gap
            continue
        distance = np.abs(np.cumsum(part1 - part0)[occurs])
        out[[0, 2], s] = _moments(values, part1, shares.left1)
        out[[1, 3], s] = _moments(values, part0, shares.left0)
        out[4:, s] = distance.mean(), distance.max()
    return out


def _sorted_column(x: FloatArray, n1: int, sets: list[_Shares]) -> FloatArray:
    """Measure a column of any numbers by sorting it."""
    order = _order(x)
    ordered = x[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # of equal values
    tied = not last.all()
    out = np.empty((6, len(sets)))
    for s, one in enumerate(sets):
        distance = one.signed[order]
        np.cumsum(distance, out=distance)
        np.abs(distance, out=distance)
        distance = distance[last] if tied else distance
        out[[0, 2], s] = _moments(x[:n1], one.signed[:n1], one.left1)
        out[[1, 3], s] = _moments(x[n1:], -one.signed[n1:], one.left0)
        out[4:, s] = distance.mean(), distance.max()
    return out


def _order(x: FloatArray) -> IntArray:
    """Return an order in which numbers rise: by counting their place in the range, in two halves.

    Sorting 16 bits takes one pass over the rows. Numbers so near to each other that they share
    their 32 bits are put right afterwards, which is quick where few are.
    """
    low = float(x.min())
    width = float(x.max()) - low
    if not 0.0 < width < np.inf:
        return np.argsort(x, kind="stable")
    place = ((x - low) * (_PLACES / width)).astype(np.uint32)
    fine = np.argsort((place & _HALF).astype(np.uint16), kind="stable")
    order: IntArray = fine[np.argsort((place >> 16).astype(np.uint16)[fine], kind="stable")]
    ordered = x[order]
    if (ordered[1:] < ordered[:-1]).any():
        order = order[np.argsort(ordered, kind="stable")]
    return order


def _moments(values: FloatArray, shares: FloatArray, left: float) -> tuple[float, float]:
    """Return mean and variance; ``left`` is 1 - sum w^2 of the rows' shares."""
    mean = float(values @ shares)
    if left <= _ALONE:
        return mean, np.nan
    moved = values - mean
    square = float(moved * moved @ shares)
    return mean, square / left if square > (_ROUNDING * mean) ** 2 else 0.0
