r"""Generalised estimating equations for outcomes in clusters, with variances for few clusters.

With standardised rows :math:`\tilde X_i = A_i^{-1/2}D_i` and residuals
:math:`\tilde r_i = A_i^{-1/2}(y_i-\mu_i)`, cluster i contributes the score
:math:`u_i = \tilde X_i'R^{-1}\tilde r_i` and the information
:math:`B_i = \tilde X_i'R^{-1}\tilde X_i`. An exchangeable R has an inverse that needs only sums
over the cluster. The corrections for few clusters, :math:`(I-H_i)^{-1}` and
:math:`(I-H_i)^{-1/2}` on the residuals with the leverage :math:`H_i` of the cluster, turn into the
same functions of the p x p matrix :math:`B_iM^{-1}` on the scores, with
:math:`M = \sum_i B_i`: no matrix of a cluster's size is ever made.

References
----------
.. [1] Liang KY, Zeger SL (1986). Longitudinal data analysis using generalized linear models.
   Biometrika 73:13-22. doi:10.1093/biomet/73.1.13
.. [2] Mancl LA, DeRouen TA (2001). A covariance estimator for GEE with improved small-sample
   properties. Biometrics 57:126-134. doi:10.1111/j.0006-341X.2001.00126.x
.. [3] Kauermann G, Carroll RJ (2001). A note on the efficiency of sandwich covariance matrix
   estimation. J Am Stat Assoc 96:1387-1396. doi:10.1198/016214501753382309
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from evalkit.kernels.glm import mean_of
from evalkit.kernels.newton import inverse
from evalkit.typing import FloatArray, IntArray

__all__ = ["Correction", "GeeFamily", "GeeFit", "fit_gee", "gee_variance"]

GeeFamily: TypeAlias = Literal["normal", "binomial", "poisson"]
"""The variance function, with its canonical link: identity, logit or log."""

Correction: TypeAlias = Literal["none", "kauermann-carroll", "mancl-derouen"]
"""How the residuals of few clusters are inflated."""

_STEPS = 100
_TOLERANCE = 1e-10  # of the step, in standard errors
_SMALL = 1e-12


@dataclass(frozen=True, slots=True)
class GeeFit:
    """A fit.

    Attributes
    ----------
    coefficients : ndarray of float, shape (p,)
        Coefficients on the scale of the link.
    bread : ndarray of float, shape (p, p)
        M^-1 without the dispersion.
    scores : ndarray of float, shape (G, p)
        The score of each cluster.
    information : ndarray of float, shape (G, p, p)
        The information of each cluster.
    correlation : float
        The working correlation of two rows of a cluster.
    dispersion : float
        Pearson's dispersion.
    converged : bool
        Whether the last step was next to nothing.
    """

    coefficients: FloatArray
    bread: FloatArray
    scores: FloatArray
    information: FloatArray
    correlation: float
    dispersion: float
    converged: bool


def fit_gee(
    family: GeeFamily,
    x: FloatArray,
    y: FloatArray,
    cluster: IntArray,
    start: FloatArray,
    *,
    exchangeable: bool,
) -> GeeFit:
    """Solve the estimating equations.

    Parameters
    ----------
    family : {"normal", "binomial", "poisson"}
        Variance function and link.
    x : ndarray of float, shape (n, p)
        The design matrix, of full rank.
    y : ndarray of float, shape (n,)
        Outcomes.
    cluster : ndarray of int, shape (n,)
        Codes 0, 1, ... of the clusters.
    start : ndarray of float, shape (p,)
        Coefficients to begin with, those under independence.
    exchangeable : bool
        Estimate one correlation for all pairs of a cluster, by moments; 0 otherwise.

    Returns
    -------
    GeeFit
        The fit. Time is linear in the rows; memory as G p^2.
    """
    size = np.bincount(cluster).astype(np.float64)

    def at(beta: FloatArray) -> GeeFit:
        """Return what the equations are at some coefficients."""
        rows, left = _standardised(family, x, y, beta)
        alpha, dispersion = _moments(left, cluster, size, x.shape[1], exchangeable)
        scores, information = _contributions(rows, left, cluster, size, alpha)
        bread = inverse(information.sum(axis=0))
        return GeeFit(beta, bread, scores, information, alpha, dispersion, converged=False)

    here = at(start)
    for _ in range(_STEPS):
        step = here.bread @ here.scores.sum(axis=0)
        unit = np.sqrt(here.dispersion * np.diag(here.bread) + _SMALL)
        if np.abs(step / unit).max() < _TOLERANCE:
            return replace(here, converged=True)
        here = at(here.coefficients + step)
    return here


def _standardised(
    family: GeeFamily, x: FloatArray, y: FloatArray, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return rows and residuals in units of the standard deviation."""
    eta = x @ beta
    if family == "normal":
        return x, y - eta
    mean = mean_of(family, eta)
    variance = mean * (1 - mean) if family == "binomial" else mean
    root = np.sqrt(np.maximum(variance, _SMALL))
    return x * root[:, None], (y - mean) / root


def _moments(
    left: FloatArray, cluster: IntArray, size: FloatArray, p: int, exchangeable: bool
) -> tuple[float, float]:
    """Return the correlation of pairs and the dispersion, with p taken from their numbers."""
    n = len(left)
    dispersion = float(left @ left) / (n - p)
    pairs = float((size * (size - 1) / 2).sum())
    if not exchangeable or pairs <= p:
        return 0.0, dispersion
    total = np.bincount(cluster, weights=left)
    products = (float(total @ total) - float(left @ left)) / 2
    alpha = products / ((pairs - p) * dispersion)
    low = -1 / (size.max() - 1)  # below it R is no correlation
    return float(np.clip(alpha, 0.99 * low, 0.99)), dispersion


def _contributions(
    rows: FloatArray, left: FloatArray, cluster: IntArray, size: FloatArray, alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Return every cluster's score and information."""
    groups, p = len(size), rows.shape[1]
    shrink = alpha / (1 + (size - 1) * alpha)
    sums = np.column_stack([np.bincount(cluster, weights=c, minlength=groups) for c in rows.T])
    total = np.bincount(cluster, weights=left, minlength=groups)
    plain = np.column_stack(
        [np.bincount(cluster, weights=c * left, minlength=groups) for c in rows.T]
    )
    scores = (plain - (shrink * total)[:, None] * sums) / (1 - alpha)
    information = np.empty((groups, p, p))
    for a in range(p):
        for b in range(a, p):
            within = np.bincount(cluster, weights=rows[:, a] * rows[:, b], minlength=groups)
            value = (within - shrink * sums[:, a] * sums[:, b]) / (1 - alpha)
            information[:, a, b] = information[:, b, a] = value
    return scores, information


def gee_variance(fit: GeeFit, correction: Correction) -> FloatArray:
    """Return the robust variance of the coefficients.

    Parameters
    ----------
    fit : GeeFit
        The fit.
    correction : {"none", "kauermann-carroll", "mancl-derouen"}
        How residuals are inflated for what the cluster's own leverage took from them.

    Returns
    -------
    ndarray of float, shape (p, p)
        The variance. Of a cluster that alone decides a coefficient it is infinite by Mancl and
        DeRouen's correction, which is said as NaN.
    """
    scores = fit.scores
    if correction != "none":
        values, vectors = np.linalg.eigh(fit.bread)
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        back: FloatArray = np.asarray(np.linalg.pinv(root), dtype=np.float64)
        share, axes = np.linalg.eigh(root @ fit.information @ root)
        left = 1 - share  # shares of the information that others give
        power = -1.0 if correction == "mancl-derouen" else -0.5
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(left > 1e-10, left**power, np.nan)
        turned = np.einsum("gba,gb->ga", axes, scores @ root)
        scores = np.einsum("gab,gb->ga", axes, factor * turned) @ back
    return fit.bread @ (scores.T @ scores) @ fit.bread
