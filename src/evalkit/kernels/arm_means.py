r"""Means of the arms of a trial, with a variance that counts covariates drawn and clusters.

*Clusters.* The mean of arm a over clusters of :math:`n_g` rows has the bias-reduced variance
:math:`n^{-2} \sum_g u_g^2 / (1 - n_g/n)`, where :math:`u_g` sums the residuals of cluster g: what
CR2 comes to in a regression on the arms alone. Under equal independent errors its degrees of
freedom have a closed form that needs no G x G matrix.

*Standardised means.* The mean that arm a would have if everybody were in it is the mean of the
fitted values :math:`\mu_a(x_i)` over all rows; with an intercept for each arm and a canonical link
the residuals of each arm sum to 0. Its variance counts that covariates are a draw too:

.. math:: n V_{aa} = \{\widehat{var}_a(Y) + \widehat{var}(\mu_a) - 2\widehat{cov}_a(Y, \mu_a)\}
    / \pi_a + 2\widehat{cov}_a(Y, \mu_a) - \widehat{var}(\mu_a), \quad
    n V_{ab} = \widehat{cov}_a(Y, \mu_b) + \widehat{cov}_b(Y, \mu_a) - \widehat{cov}(\mu_a, \mu_b),

with moments with index a taken over the rows of arm a, the others over all (Ye and others [2]_).
It holds whether or not the model does.

References
----------
.. [1] Bell RM, McCaffrey DF (2002). Bias reduction in standard errors for linear regression with
   multi-stage samples. Surv Methodol 28:169-181.
.. [2] Ye T, Bannick M, Yi Y, Shao J (2023). Robust variance estimation for covariate-adjusted
   unconditional treatment effect in randomized clinical trials with binary outcomes.
   Stat Theory Relat Fields 7:159-163. doi:10.1080/24754269.2023.2205802
.. [3] Tsiatis AA, Davidian M, Zhang M, Lu X (2008). Covariate adjustment for two-sample treatment
   comparisons in randomized clinical trials. Stat Med 27:4658-4677. doi:10.1002/sim.3113
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = [
    "ArmMeans",
    "ClusteredMean",
    "cluster_variance",
    "clustered_mean",
    "contrast_df",
    "standardised_influence",
    "standardised_means",
]


@dataclass(frozen=True, slots=True)
class ArmMeans:
    """Means of the arms and their covariance.

    Attributes
    ----------
    mean : ndarray of float, shape (K,)
        One for each arm, the control first.
    variance : ndarray of float, shape (K, K)
        Their covariance matrix.
    """

    mean: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True)
class ClusteredMean:
    """The mean of one arm's rows in clusters.

    Attributes
    ----------
    mean, variance : float
        The mean and its variance; NaN with one cluster.
    working : float
        Its variance under equal independent errors of variance 1.
    squares : float
        Sum of the squared eigenvalues of the variance as a quadratic form, under the same.
    n_clusters : int
        Clusters.
    """

    mean: float
    variance: float
    working: float
    squares: float
    n_clusters: int


def clustered_mean(
    outcome: FloatArray, cluster: IntArray, weights: FloatArray | None = None
) -> ClusteredMean:
    """Mean of rows in clusters, with the bias-reduced variance [1]_.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcomes of one arm.
    cluster : ndarray of int, shape (n,)
        Codes of the clusters.
    weights : ndarray of float, shape (n,), optional
        Case weights.

    Returns
    -------
    ClusteredMean
        The mean. R: ``clubSandwich::vcovCR(lm(outcome ~ 1), cluster, "CR2")``.
    """
    w = np.ones(len(outcome)) if weights is None else weights
    codes = np.unique(cluster, return_inverse=True)[1]
    n, mean = float(w.sum()), float(w @ outcome / w.sum())
    size = np.bincount(codes, w)
    size, sums = size[size > 0], np.bincount(codes, w * (outcome - mean))[size > 0]
    if len(size) < 2:
        return ClusteredMean(mean, np.nan, 1 / n, np.nan, len(size))
    left = 1 - size / n
    u = (size / n) ** 2 / left
    squares = float((size**2).sum()) / n**4 + (u.sum() ** 2 - float(u @ u)) / n**2
    return ClusteredMean(
        mean, float((sums**2 / left).sum()) / n**2, 1 / n, float(squares), len(size)
    )


def contrast_df(arms: tuple[ClusteredMean, ...], gradient: FloatArray) -> float:
    """Satterthwaite degrees of freedom of a combination of the arms' means.

    Parameters
    ----------
    arms : tuple of ClusteredMean, length K
        The arms.
    gradient : ndarray of float, shape (K,)
        Weights of the means.

    Returns
    -------
    float
        The degrees of freedom under equal independent errors.
    """
    trace = sum(g**2 * arm.working for g, arm in zip(gradient, arms, strict=True))
    squares = sum(g**4 * arm.squares for g, arm in zip(gradient, arms, strict=True))
    return float(trace**2 / squares)


def standardised_means(
    outcome: FloatArray, arm: IntArray, fitted: FloatArray, weights: FloatArray | None = None
) -> ArmMeans:
    """Means of fitted values over everybody, with the variance of Ye and others [2]_.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcomes.
    arm : ndarray of int, shape (n,)
        Arm of each row, 0..K-1.
    fitted : ndarray of float, shape (n, K)
        Fitted value of each row in each arm.
    weights : ndarray of float, shape (n,), optional
        Case weights.

    Returns
    -------
    ArmMeans
        The means. R: ``RobinCar2::robin_glm`` with simple randomisation.
    """
    w = np.ones(len(outcome)) if weights is None else weights
    n, arms = float(w.sum()), fitted.shape[1]
    mean = w @ fitted / n
    spread = _covariance(fitted, fitted, w)
    with_outcome = np.empty((arms, arms))  # row a: covariance in arm a of Y with every mu
    own = np.zeros((arms, arms))
    for a in range(arms):
        inside = arm == a
        y, v = outcome[inside, None], w[inside]
        with_outcome[a] = _covariance(y, fitted[inside], v)[0]
        residual = float(_covariance(y, y, v)[0, 0]) + spread[a, a] - 2 * with_outcome[a, a]
        own[a, a] = residual * n / float(v.sum())
    return ArmMeans(mean, (own + with_outcome + with_outcome.T - spread) / n)


def _covariance(one: FloatArray, other: FloatArray, w: FloatArray) -> FloatArray:
    """Sample covariances of the columns of two matrices; case weights."""
    n = float(w.sum())
    left, right = one - w @ one / n, other - w @ other / n
    return (left * w[:, None]).T @ right / (n - 1)


def standardised_influence(
    outcome: FloatArray, arm: IntArray, fitted: FloatArray, weights: FloatArray | None = None
) -> FloatArray:
    r"""Return what each row adds to the means of fitted values over everybody.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcomes.
    arm : ndarray of int, shape (n,)
        Arm of each row, 0..K-1.
    fitted : ndarray of float, shape (n, K)
        Fitted value of each row in each arm.
    weights : ndarray of float, shape (n,), optional
        Case weights.

    Returns
    -------
    ndarray of float, shape (n, K)
        :math:`\{1(A_i = a)(Y_i - \mu_a(x_i))/\pi_a + \mu_a(x_i) - \hat\theta_a\}/n`, times the
        weight.
    """
    w = np.ones(len(outcome)) if weights is None else weights
    n = float(w.sum())
    moves = fitted - w @ fitted / n
    for a in range(fitted.shape[1]):
        share = float(w[arm == a].sum()) / n
        moves[:, a] += (arm == a) * (outcome - fitted[:, a]) / share
    return moves * (w / n)[:, None]


def cluster_variance(
    influence: FloatArray, arm: IntArray, cluster: IntArray
) -> tuple[float, float]:
    r"""Variance of an estimate whose rows come in clusters, and its degrees of freedom.

    The clusters' sums of the influence vary independently. If each cluster lies in one arm, the
    variance is :math:`\sum_a G_a/(G_a - 1) \sum_g u_g^2` with Satterthwaite's degrees of freedom
    from :math:`G_a - 1`; a row that stands alone is a cluster of one. Otherwise it is
    :math:`G/(G-1) \sum_g u_g^2` on G - 1.

    Parameters
    ----------
    influence : ndarray of float, shape (n,)
        What each row adds to the estimate.
    arm : ndarray of int, shape (n,)
        Arm of each row.
    cluster : ndarray of int, shape (n,)
        Codes of the clusters.

    Returns
    -------
    tuple of float
        The variance and its degrees of freedom; NaN if an arm has one cluster.
    """
    codes = np.unique(cluster, return_inverse=True)[1]
    sums = np.bincount(codes, influence)
    low, high = np.full(len(sums), np.iinfo(np.int64).max), np.full(len(sums), -1)
    np.minimum.at(low, codes, arm)
    np.maximum.at(high, codes, arm)
    if (low != high).any():
        low[:] = 0  # clusters that span arms are independent draws of one kind
    variance = below = 0.0
    for group in np.unique(low):
        inside = sums[low == group]
        if len(inside) < 2:
            return np.nan, np.nan
        part = len(inside) / (len(inside) - 1) * float(inside @ inside)
        variance, below = variance + part, below + part**2 / (len(inside) - 1)
    return variance, (variance**2 / below if below > 0 else np.inf)
