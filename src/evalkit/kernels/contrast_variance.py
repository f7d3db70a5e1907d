"""Regression contrasts of many outcomes on one design at once, with robust variances.

The design is the same for all outcomes, so everything that depends on it alone is worked out once:
a contrast is a weighted sum of the outcome, its HC2 or CR2 variance a sum of squares of weighted
residuals, and its degrees of freedom do not depend on the outcome at all.

References
----------
.. [1] Bell RM, McCaffrey DF (2002). Bias reduction in standard errors for linear regression with
   multi-stage samples. Survey Methodology 28:169-181.
.. [2] Pustejovsky JE, Tipton E (2018). Small-sample methods for cluster-robust variance
   estimation and hypothesis testing in fixed effects models. J Bus Econ Stat 36:672-683.
   doi:10.1080/07350015.2016.1247004
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["Contrasts", "prepare_contrasts"]

_SATURATED = 1e-10
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Contrasts:
    """What a design settles about some of its coefficients.

    Attributes
    ----------
    basis : ndarray of float, shape (n, k)
        Orthonormal basis of the design's columns.
    estimate_weights : ndarray of float, shape (n, c)
        The estimates are ``estimate_weights.T @ y``.
    residual_weights : ndarray of float, shape (n, c)
        The variance is the sum over clusters of the squared sum of weighted residuals.
    cluster : ndarray of int, shape (n,), or None
        Clusters 0, 1, ...; None if every row is one.
    df : ndarray of float, shape (c,)
        Satterthwaite's degrees of freedom under a working model of independent errors [1]_.
    """

    basis: FloatArray
    estimate_weights: FloatArray
    residual_weights: FloatArray
    cluster: IntArray | None
    df: FloatArray

    def of(self, outcomes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return estimates and variances for many outcomes.

        Parameters
        ----------
        outcomes : ndarray of float, shape (n, m)
            The outcomes, one a column.

        Returns
        -------
        estimates : ndarray of float, shape (c, m)
            One row for each contrast.
        variances : ndarray of float, shape (c, m)
            Their variances.
        """
        estimates = self.estimate_weights.T @ outcomes
        residuals = outcomes - self.basis @ (self.basis.T @ outcomes)
        # What rounding leaves of an exact fit is no variation, and would look like precision.
        least = _ROUNDING * self.basis.shape[1] * np.abs(outcomes).max(axis=0)
        residuals[:, np.abs(residuals).max(axis=0) <= least] = 0.0
        estimates[np.abs(estimates) <= least] = 0.0
        if self.cluster is None:
            return estimates, (self.residual_weights**2).T @ residuals**2
        variances = np.empty_like(estimates)
        n_clusters = int(self.cluster.max()) + 1
        for c in range(len(variances)):
            sums = np.zeros((n_clusters, outcomes.shape[1]))
            np.add.at(sums, self.cluster, self.residual_weights[:, c, None] * residuals)
            variances[c] = (sums**2).sum(axis=0)
        return estimates, variances


def prepare_contrasts(
    design: FloatArray, columns: IntArray, cluster: IntArray | None = None
) -> Contrasts:
    """Work out what a design settles about some of its coefficients.

    Parameters
    ----------
    design : ndarray of float, shape (n, k)
        Of full column rank.
    columns : ndarray of int, shape (c,)
        The coefficients wanted.
    cluster : ndarray of int, shape (n,), optional
        Clusters 0, 1, ...: the variance is then CR2 [2]_, otherwise HC2. Where a cluster leaves
        nothing over of a direction, the generalised inverse is taken.

    Returns
    -------
    Contrasts
        Weights and degrees of freedom.
    """
    n, k = design.shape
    basis, triangle = _factors(design)
    picked = np.eye(k)[:, columns]
    # In the basis, a contrast of coefficients is u'Q'y with R'u = the contrast.
    directions = np.asarray(np.linalg.solve(triangle.T, picked), dtype=np.float64)
    weights = basis @ directions
    residual_weights = np.empty_like(weights)
    groups: IntArray
    if cluster is None:
        left = 1 - (basis**2).sum(axis=1)
        scale = np.where(left > _SATURATED, 1 / np.sqrt(np.maximum(left, _SATURATED)), 0.0)
        residual_weights = weights * scale[:, None]
        groups = np.arange(n, dtype=np.int64)
    else:
        groups = cluster
        order = np.argsort(cluster, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1):
            residual_weights[rows] = _adjusted(basis[rows], weights[rows])
    df = np.array([_satterthwaite(basis, w, groups) for w in residual_weights.T])
    return Contrasts(basis, weights, residual_weights, cluster, df)


def _factors(design: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the factors of the QR decomposition, of the design's size."""
    basis, triangle = np.linalg.qr(design)
    return np.asarray(basis, dtype=np.float64), np.asarray(triangle, dtype=np.float64)


def _adjusted(part: FloatArray, weights: FloatArray) -> FloatArray:
    """Multiply by (I - UU')^(-1/2) for the rows U of a basis, through the small matrix U'U."""
    values, vectors = np.linalg.eigh(part.T @ part)
    left = 1 - values
    root = np.where(left > _SATURATED, 1 / np.sqrt(np.maximum(left, _SATURATED)), 0.0)
    # UU' has the same values > 0, with vectors Uv/sqrt(value); elsewhere the factor is 1.
    factor = np.where(values > _SATURATED, (root - 1) / np.maximum(values, _SATURATED), 0.0)
    turned = part @ vectors
    return weights + turned @ (factor[:, None] * (turned.T @ weights))


def _satterthwaite(basis: FloatArray, weights: FloatArray, groups: IntArray) -> float:
    """Match the first two moments of the variance's quadratic form to a multiple of chi-square."""
    own = np.bincount(groups, weights=weights**2)
    sums = np.zeros((len(own), basis.shape[1]))
    np.add.at(sums, groups, basis * weights[:, None])
    diagonal = own - (sums**2).sum(axis=1)
    gram = sums.T @ sums
    # The forms' matrix is diag(own) - SS'; its trace and the trace of its square need no more.
    square = (own**2).sum() - 2 * (own * (sums**2).sum(axis=1)).sum() + (gram**2).sum()
    return float(diagonal.sum() ** 2 / square)
