r"""What each row contributes to a curve, for variances that hold with weights and in clusters.

Weighing row i up by an infinitesimal amount moves a cumulative curve
:math:`\sum_{t_k \le t} a_k` by

.. math:: U_i(t) = w_i \left\{ \delta_i b_{k(i)} 1(T_i \le t)
    - \sum_{E_i < t_k \le \min(T_i, t)} a_k \right\}

where for minus log survival :math:`a = d / \{n (n - d)\}` and :math:`b = 1 / (n - d)`, and for the
cumulative hazard :math:`a = d / n^2` and :math:`b = 1 / n`. The variance is the sum over
independent rows, or clusters of rows, of the squares of :math:`U` (the infinitesimal jackknife).
While it is at risk a row moves with the sum that all share, so that the variance at every time
comes from three prefix sums: O(n + K), O(n log n) with clusters.

References
----------
.. [1] Jaeckel LA (1972). The infinitesimal jackknife. Bell Laboratories MM 72-1215-11.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evalkit.kernels.event_times import EventTimes
from evalkit.kernels.product_limit import ProductLimit
from evalkit.kernels.time_index import TimeIndex
from evalkit.kernels.wald import cluster_df
from evalkit.typing import FloatArray, IntArray

__all__ = ["CurveRows", "Increments", "hazard_increments", "influence", "log_survival_increments"]


@dataclass(frozen=True, slots=True)
class CurveRows:
    """The rows behind one curve.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        Position of each exit in the curve's times.
    entered : ndarray of int, shape (n,)
        How many of the curve's times are at or before each entry; 0 without entry.
    event : ndarray of bool, shape (n,)
        Whether the row has an event.
    weights : ndarray of float, shape (n,)
        Weights.
    cluster : ndarray of int, shape (n,), or None
        Cluster of each row, 0..n_clusters - 1; None where every row stands alone.
    n_clusters : int
        Number of clusters, of all curves together.
    """

    index: IntArray
    entered: IntArray
    event: FloatArray
    weights: FloatArray
    cluster: IntArray | None
    n_clusters: int

    @property
    def df(self) -> float:
        """Clusters less one; infinite where every row stands alone."""
        return cluster_df(self.cluster, self.weights)

    @property
    def effective_number(self) -> float:
        """Number of clusters; without them of rows, by Kish."""
        if self.cluster is not None:
            return self.df + 1
        return float(self.weights.sum()) ** 2 / float(self.weights @ self.weights)

    @classmethod
    def of(
        cls,
        grid: TimeIndex,
        event: IntArray,
        weights: FloatArray | None,
        cluster: IntArray | None,
        n_clusters: int = 0,
    ) -> CurveRows:
        """Bring rows into the form that this module needs.

        Parameters
        ----------
        grid : TimeIndex
            The rows on the grid of the curve's times.
        event : ndarray of int, shape (n,)
            0 where the row is censored.
        weights : ndarray of float, shape (n,), or None
            Weights.
        cluster : ndarray of int, shape (n,), or None
            Clusters.
        n_clusters : int, default 0
            Number of clusters, of all curves together.

        Returns
        -------
        CurveRows
            The rows.
        """
        n = len(grid.index)
        return cls(
            grid.index,
            np.zeros(n, dtype=np.int64) if grid.entered is None else grid.entered,
            (event > 0).astype(np.float64),
            np.ones(n) if weights is None else weights,
            cluster,
            n_clusters,
        )

    def after(self, k: int) -> CurveRows:
        """Keep what happens after the first times, which then no longer count.

        Parameters
        ----------
        k : int
            Number of times to leave out.

        Returns
        -------
        CurveRows
            The rows that leave later.
        """
        kept = self.index >= k
        return replace(
            self,
            index=self.index[kept] - k,
            entered=np.maximum(self.entered[kept] - k, 0),
            event=self.event[kept],
            weights=self.weights[kept],
            cluster=None if self.cluster is None else self.cluster[kept],
        )


@dataclass(frozen=True, slots=True)
class Increments:
    """How a curve moves: see the module.

    Attributes
    ----------
    shared : ndarray of float, shape (K,)
        The a of all who are at risk.
    own : ndarray of float, shape (K,)
        The b of a row that has its event.
    """

    shared: FloatArray
    own: FloatArray


def log_survival_increments(curve: ProductLimit) -> Increments:
    """Increments of minus log survival; 0 where survival comes to 0, and its logarithm ends.

    Parameters
    ----------
    curve : ProductLimit
        The curve.

    Returns
    -------
    Increments
        How it moves.
    """
    left = curve.table.at_risk - curve.events
    there = np.isfinite(curve.steps) & (left > 0)
    own = np.divide(1.0, left, out=np.zeros(len(left)), where=there)
    return Increments(np.where(there, curve.steps, 0.0), own)


def hazard_increments(table: EventTimes) -> Increments:
    """Increments of the cumulative hazard.

    Parameters
    ----------
    table : EventTimes
        Events and risk sets.

    Returns
    -------
    Increments
        How it moves.
    """
    n = table.at_risk
    own = np.divide(1.0, n, out=np.zeros(len(n)), where=n > 0)
    return Increments(table.all_events * own * own, own)


def influence(rows: CurveRows, increments: Increments, last: int | None = None) -> FloatArray:
    """What each row, or cluster, contributes to the curve at one time.

    Parameters
    ----------
    rows : CurveRows
        The rows.
    increments : Increments
        How the curve moves.
    last : int, optional
        Position of the time, -1 for before the first; the last of all if left out.

    Returns
    -------
    ndarray of float, shape (n,) or (number of clusters,)
        The contributions, weighted; their squares add up to the variance.
    """
    k = len(increments.shared) - 1 if last is None else last
    sums = np.concatenate([[0.0], np.cumsum(increments.shared)])
    until = np.minimum(rows.index, k) + 1
    spent = np.where(until > rows.entered, sums[until] - sums[np.minimum(rows.entered, until)], 0.0)
    own = np.where(rows.index <= k, rows.event * increments.own[rows.index], 0.0)
    contribution = rows.weights * (own - spent)
    if rows.cluster is None:
        return contribution
    return _sum_by(rows.cluster, contribution, rows.n_clusters)


def variance(rows: CurveRows, increments: Increments) -> FloatArray:
    """Variance of the curve at every time.

    Parameters
    ----------
    rows : CurveRows
        The rows.
    increments : Increments
        How the curve moves.

    Returns
    -------
    ndarray of float, shape (K,)
        Sum over rows, or clusters, of the squared contributions up to each time; NaN with one
        cluster, which cannot vary.
    """
    if rows.df <= 0:
        return np.full(len(increments.shared), np.nan)
    sums = np.cumsum(increments.shared)
    # A row at risk contributes offset - w * sums(t); after its exit the offset is all there is.
    w = rows.weights
    offset = w * np.concatenate([[0.0], sums])[rows.entered]
    done = offset + w * (rows.event * increments.own[rows.index] - sums[rows.index])
    k = len(sums)
    if rows.cluster is None:
        inside = np.concatenate([rows.entered, rows.index])
        parts = [(w * w, -w * w), (w * offset, -w * offset), (offset**2, done**2 - offset**2)]
        square, cross, alone = (
            np.cumsum(_sum_by(inside, np.concatenate(part), k)) for part in parts
        )
    else:
        square, cross, alone = _clustered(rows, rows.cluster, offset, done - offset, k)
    return np.maximum(alone - 2 * sums * cross + sums * sums * square, 0.0)


def _clustered(
    rows: CurveRows, cluster: IntArray, offset: FloatArray, rest: FloatArray, k: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums over clusters of W^2, W B and B^2 up to every time, from the steps of each cluster."""
    cluster = np.concatenate([cluster, cluster])
    time = np.concatenate([rows.entered, rows.index])
    order = np.lexsort((time, cluster))
    cluster, time = cluster[order], time[order]
    first = np.concatenate([[True], cluster[1:] != cluster[:-1]])
    at_risk, at_risk_before = _running(np.concatenate([rows.weights, -rows.weights])[order], first)
    settled, settled_before = _running(np.concatenate([offset, rest])[order], first)

    def up_to(after: FloatArray, before: FloatArray) -> FloatArray:
        return np.cumsum(_sum_by(time, after - before, k))

    return (
        up_to(at_risk**2, at_risk_before**2),
        up_to(at_risk * settled, at_risk_before * settled_before),
        up_to(settled**2, settled_before**2),
    )


def _running(steps: FloatArray, first: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum the steps of each cluster so far, with and without the step at hand."""
    total = np.cumsum(steps)
    starts = np.flatnonzero(first)
    base = np.repeat(total[starts] - steps[starts], np.diff(np.append(starts, len(steps))))
    return total - base, total - base - steps


def _sum_by(codes: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Sum the values of each code 0, 1, ..."""
    return np.bincount(codes, values, minlength=size).astype(np.float64, copy=False)
