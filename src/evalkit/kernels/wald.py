r"""Wald intervals and tests from estimates and standard errors, and their degrees of freedom.

A variance that is summed over G clusters is itself an estimate from G numbers. That is allowed for
as for a mean of G numbers, by Student's t with G - 1 degrees of freedom. For the difference of two
groups, whose variances :math:`V_1` and :math:`V_0` rest on :math:`G_1` and :math:`G_0` clusters,
the degrees of freedom are Welch and Satterthwaite's [1]_,

.. math:: \frac{(V_1 + V_0)^2}{V_1^2 / (G_1 - 1) + V_0^2 / (G_0 - 1)},

but not more than the clusters of both together less one, which matters where clusters reach across
the groups. Without clusters they are infinite, and the quantiles normal.

References
----------
.. [1] Satterthwaite FE (1946). An approximate distribution of estimates of variance components.
   Biometrics Bull 2:110-114. doi:10.2307/3002019
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from evalkit.kernels.numeric import critical_value, two_sided_p
from evalkit.typing import FloatArray, IntArray

__all__ = ["Clustered", "cluster_df", "critical_values", "difference_df", "wald"]


def wald(
    estimate: FloatArray, std_error: FloatArray, level: float, df: npt.ArrayLike = np.inf
) -> dict[str, FloatArray]:
    """Return the columns of a Wald interval and test that a difference is 0.

    Parameters
    ----------
    estimate, std_error : ndarray of float, shape (k,)
        Estimates and standard errors; without spread there is no test.
    level : float
        Confidence level.
    df : array_like, shape (k,), default inf
        Degrees of freedom of Student's t; infinitely many make it normal.

    Returns
    -------
    dict
        Columns of an effect table, ``estimate`` to ``conf_high``; ``df`` is missing where it is
        infinite.
    """
    spread = np.where(std_error > 0, std_error, np.nan)
    statistic = estimate / spread
    degrees = np.broadcast_to(np.asarray(df, dtype=np.float64), np.shape(estimate))
    half = critical_values(level, degrees) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "df": np.where(np.isinf(degrees), np.nan, degrees),
        "p_value": two_sided_p(statistic, degrees),
        "conf_low": estimate - half,
        "conf_high": estimate + half,
    }


def critical_values(level: float, df: npt.ArrayLike) -> FloatArray:
    """Return the quantiles of several degrees of freedom.

    Parameters
    ----------
    level : float
        Probability between minus and plus the quantile.
    df : array_like, shape (k,)
        Degrees of freedom.

    Returns
    -------
    ndarray of float, shape (k,)
        The quantiles of :func:`evalkit.kernels.numeric.critical_value`.
    """
    degrees, place = np.unique(np.asarray(df, dtype=np.float64), return_inverse=True)
    values = np.array([critical_value(level, value) for value in degrees.tolist()])
    return values[place].reshape(np.shape(df))


def cluster_df(cluster: IntArray | None, weights: FloatArray | None = None) -> float:
    """Count the clusters that a variance rests on, less one.

    Parameters
    ----------
    cluster : ndarray of int, shape (n,), or None
        Cluster of each row; None where every row stands alone.
    weights : ndarray of float, shape (n,), optional
        Weights; a cluster that has none does not count.

    Returns
    -------
    float
        Degrees of freedom, infinite without clusters.

    Examples
    --------
    >>> cluster_df(np.array([0, 0, 7])), cluster_df(None)
    (1.0, inf)
    """
    if cluster is None:
        return float("inf")
    counted = cluster if weights is None else cluster[weights > 0]
    return float(np.count_nonzero(np.bincount(counted)) - 1) if len(counted) else -1.0


class Clustered(Protocol):
    """Rows that may belong to clusters, as kernels of curves place them."""

    @property
    def cluster(self) -> IntArray | None:
        """Cluster of each row."""
        ...

    @property
    def weights(self) -> FloatArray | None:
        """Weight of each row."""
        ...


def difference_df(
    variance1: npt.ArrayLike,
    rows1: Clustered | None,
    variance0: npt.ArrayLike,
    rows0: Clustered | None,
) -> FloatArray:
    """Return the degrees of freedom of the difference of two groups.

    Parameters
    ----------
    variance1, variance0 : array_like, shape (k,)
        Variances in the two groups.
    rows1, rows0 : Clustered or None
        Their rows; without clusters the degrees of freedom are infinite.

    Returns
    -------
    ndarray of float, shape (k,)
        The degrees of freedom; 0 where a group has but one cluster.
    """
    one, zero = np.asarray(variance1, dtype=np.float64), np.asarray(variance0, dtype=np.float64)
    shape = np.broadcast(one, zero).shape
    if rows1 is None or rows0 is None or rows1.cluster is None or rows0.cluster is None:
        return np.full(shape, np.inf)
    df1, df0 = (cluster_df(rows.cluster, rows.weights) for rows in (rows1, rows0))
    if df1 <= 0 or df0 <= 0:
        return np.zeros(shape)
    weights = [
        np.ones(len(cluster)) if w is None else w
        for cluster, w in ((rows1.cluster, rows1.weights), (rows0.cluster, rows0.weights))
    ]
    together = cluster_df(np.concatenate([rows1.cluster, rows0.cluster]), np.concatenate(weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        welch = (one + zero) ** 2 / (one * one / df1 + zero * zero / df0)
    return np.minimum(np.where(np.isnan(welch), df1 + df0, welch), together)
