r"""What each row contributes to a cumulative incidence: the infinitesimal jackknife in O(n).

The derivative of :math:`\int \varphi \, dF_j` with respect to the weight of a row that is at risk
on (entry, exit] is

.. math:: U_{ij} = \int \varphi(u) \frac{S(u-)}{n(u)} \, dM_{ij}(u)
   - \int \frac{\int_u^\infty \varphi \, dF_j}{n(u) \{1 - dA(u)\}} \, dM_i(u),

where :math:`M_{ij}` counts the row's event of cause j less :math:`\int dA_j` over its time at
risk, and M is the sum over the causes. Both integrals are a value at the exit less prefix sums
between entry and exit, so that no row is ever set against a time. Clustered sums follow by adding
rows of one cluster. For one horizon every row has one number; for the variance of the whole curve
the squares are summed by time, which costs O(n) once for each cause.

References
----------
.. [1] Jaeckel LA (1972). The infinitesimal jackknife. Bell Laboratories MM 72-1215-11.
.. [2] Therneau T, Crowson C, Atkinson E. Methods formulae (vignette of R's survival package).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from evalkit.kernels.aalen_johansen import AalenJohansen, after, divide
from evalkit.kernels.wald import cluster_df
from evalkit.typing import FloatArray, IntArray

__all__ = ["Rows", "cluster_sums", "influence", "jackknife_variance"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows placed on the grid of a curve.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        Position of each exit in the curve's times.
    entered : ndarray of int, shape (n,), or None
        How many of the curve's times are at or before each entry; None without late entry.
    cause : ndarray of int, shape (n,)
        0 for a censored row, else its cause 1..C.
    weights : ndarray of float, shape (n,), or None
        Weights of the rows.
    cluster : ndarray of int, shape (n,), or None
        Codes of the clusters; None where every row is its own.
    weights_kind : {"case", "sampling"}
        A row of case weight 2 stands for two independent rows; a row of sampling weight 2 is one
        row that counts twice.
    """

    index: IntArray
    entered: IntArray | None
    cause: IntArray
    weights: FloatArray | None = None
    cluster: IntArray | None = None
    weights_kind: Literal["case", "sampling"] = "case"

    @property
    def has_variance(self) -> bool:
        """Whether there are two clusters at least; without clusters, whatever the rows."""
        return self.df > 0

    @property
    def df(self) -> float:
        """Clusters less one; infinite where every row is its own."""
        return cluster_df(self.cluster, self.weights)

    @property
    def effective_number(self) -> float:
        """Number of clusters; without them of rows, by Kish for sampling weights."""
        if self.cluster is not None:
            return self.df + 1
        if self.weights is None:
            return float(len(self.index))
        total = float(self.weights.sum())
        if self.weights_kind == "case":
            return total
        return total * total / float(self.weights @ self.weights)

    @property
    def scale(self) -> FloatArray | None:
        """Factor of an influence before it is squared; None for 1."""
        if self.weights is None or self.cluster is not None or self.weights_kind == "sampling":
            return self.weights
        return np.sqrt(self.weights)


def influence(curve: AalenJohansen, rows: Rows, weight: npt.ArrayLike) -> list[FloatArray]:
    r"""Influence of every row on a functional of the cumulative incidences.

    Parameters
    ----------
    curve : AalenJohansen
        The estimate.
    rows : Rows
        The rows that it was made from.
    weight : array_like, shape (K,) or (K, M)
        Functions :math:`\varphi`, as in :func:`evalkit.kernels.aalen_johansen.functional`.

    Returns
    -------
    list of ndarray, each of shape (n, M)
        For each cause the derivatives with respect to the weights of the rows. They sum to 0
        over the rows, weighted. R: ``residuals(survfit(...), times, type = "pstate")``.
    """
    phi = np.asarray(weight, dtype=np.float64)
    phi = phi[:, None] if phi.ndim == 1 else phi
    total = curve.events.sum(axis=1)[:, None]
    # Where S falls to 0 nothing comes after, and the second integral is 0.
    slope = divide(curve.step, curve.survival)[:, None]
    n = curve.at_risk[:, None]
    n_causes = curve.events.shape[1]
    result: list[FloatArray] = []
    for j in range(n_causes):
        d = curve.events[:, j, None]
        gain = phi * curve.step[:, None]
        loss = slope * after(gain * d)
        drift = np.cumsum(divide(gain * d - loss * total, n), axis=0)
        exits = np.repeat(-drift[:, None, :], n_causes + 1, axis=1)
        exits[:, 1:] -= loss[:, None, :]
        exits[:, j + 1] += gain
        value = exits[rows.index, rows.cause]
        if rows.entered is not None:
            value += _at_entry(drift)[rows.entered]
        result.append(value)
    return result


def _at_entry(sums: FloatArray) -> FloatArray:
    """Put the sum over nothing before the prefix sums, shape (K + 1, ...)."""
    return np.concatenate([np.zeros_like(sums[:1]), sums])


def cluster_sums(values: FloatArray, rows: Rows, *, size: int | None = None) -> FloatArray:
    """Weigh influences and add them up by cluster, ready to be squared and summed.

    Parameters
    ----------
    values : ndarray, shape (n, M)
        Influences.
    rows : Rows
        The rows.
    size : int, optional
        Number of clusters, where some have rows elsewhere only.

    Returns
    -------
    ndarray, shape (G, M)
        One row a cluster, or a row where there are no clusters.
    """
    scale = rows.scale
    weighed = values if scale is None else values * scale[:, None]
    if rows.cluster is None:
        return weighed
    if not rows.has_variance:
        weighed = np.full_like(weighed, np.nan)
    n_clusters = int(rows.cluster.max()) + 1 if size is None else size
    sums = np.empty((n_clusters, weighed.shape[1]))
    for m, column in enumerate(weighed.T):
        sums[:, m] = np.bincount(rows.cluster, column, minlength=n_clusters)
    return sums


def jackknife_variance(curve: AalenJohansen, rows: Rows) -> FloatArray:
    """Infinitesimal jackknife variance of the whole curve.

    The influence of a row on F_j(t) is X + Y * later(t) - N * {Z(t) + G(t) * later(t)}: X and Y
    change when the row enters and when it leaves, N says whether it is at risk, Z and G are prefix
    sums over the curve. The squares of clusters' sums of (X, Y, N) are updated at each change.

    Parameters
    ----------
    curve : AalenJohansen
        The estimate.
    rows : Rows
        The rows that it was made from.

    Returns
    -------
    ndarray, shape (K, C)
        Variances; missing if all rows are of one cluster. R: ``survfit``'s ``std.err`` (squared)
        of a multi-state model; with clusters the sums of ``residuals(..., type = "pstate")``.
    """
    if not rows.has_variance:
        return np.full_like(curve.events, np.nan)
    total = curve.events.sum(axis=1)
    slope = divide(curve.step, curve.survival)
    n, later = curve.at_risk, curve.later
    G = np.cumsum(divide(slope * total, n))
    changes = _Changes.of(rows, len(n))
    had_event = (rows.cause > 0).astype(np.float64)
    ones = np.ones(len(rows.index))
    N = changes.states(ones, -ones)
    Y = changes.states(
        None if rows.entered is None else _at_entry(G)[rows.entered],
        had_event * slope[rows.index] - G[rows.index],
    )
    yy, yn, nn = changes.products(Y, Y), changes.products(Y, N), changes.products(N, N)
    result = np.empty_like(curve.events)
    for j in range(curve.events.shape[1]):
        f = later[:, j]
        lost = slope * f
        Z = np.cumsum(divide(curve.step * curve.events[:, j] - lost * total, n))
        leaves = -Z[rows.index] - had_event * lost[rows.index]
        leaves += np.where(rows.cause == j + 1, curve.step[rows.index], 0.0)
        X = changes.states(None if rows.entered is None else _at_entry(Z)[rows.entered], leaves)
        w = Z + G * f
        result[:, j] = changes.products(X, X) + f * (2 * changes.products(X, Y) + f * yy)
        result[:, j] += w * (w * nn - 2 * (changes.products(X, N) + f * yn))
    return np.where(curve.incidence > 0, np.maximum(result, 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes of the rows' states, in the order in which clusters add them up.

    The n entries come first, then the n exits; without late entry all enter at time 0.
    """

    when: IntArray  # (2n,) position in the curve's times, in the order of the sequence
    sequence: IntArray | None  # (2n,) by cluster, then time; None where rows are their own cluster
    starts: IntArray  # positions in the sequence where clusters begin
    scale: FloatArray | None
    n_times: int

    @classmethod
    def of(cls, rows: Rows, n_times: int) -> _Changes:
        """Order entries and exits by cluster and time."""
        entered = np.zeros_like(rows.index) if rows.entered is None else rows.entered
        when = np.concatenate([entered, rows.index])
        scale = rows.scale
        if rows.cluster is None:
            return cls(when, None, np.zeros(0, dtype=np.int64), scale, n_times)
        cluster = np.concatenate([rows.cluster, rows.cluster])
        sequence = np.lexsort((when, cluster))
        ordered = cluster[sequence]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        return cls(when[sequence], sequence, starts, scale, n_times)

    def states(self, enter: FloatArray | None, leave: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Clusters' sums before and after each change, of what rows gain on entry and on exit."""
        n = len(leave)
        gain = np.concatenate([np.zeros(n) if enter is None else enter, leave])
        if self.scale is not None:
            gain *= np.concatenate([self.scale, self.scale])
        if self.sequence is None:
            old = np.concatenate([np.zeros(n), gain[:n]])
            return old, old + gain
        gain = gain[self.sequence]
        sums = np.cumsum(gain) - gain
        sizes = np.diff(np.append(self.starts, len(gain)))
        old = sums - np.repeat(sums[self.starts], sizes)
        return old, old + gain

    def products(
        self, a: tuple[FloatArray, FloatArray], b: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Sum the products of two states over clusters, after the changes at each time."""
        change = a[1] * b[1] - a[0] * b[0]
        return np.cumsum(np.bincount(self.when, change, minlength=self.n_times), dtype=np.float64)
