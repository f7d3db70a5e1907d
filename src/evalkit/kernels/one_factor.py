r"""One common factor behind several items, by maximum likelihood.

The model of the covariance matrix is :math:`\Sigma = \lambda\lambda' + \Psi`, with loadings
:math:`\lambda` and a diagonal matrix of unique variances. It minimises

.. math:: F = \log|\Sigma| + \mathrm{tr}(S\Sigma^{-1}) - \log|S| - k

by Newton's method with halved steps (by Fisher scoring where F is not convex), in the metric of
correlations, which changes nothing as the model is invariant to the items' scales. Unique
variances may go below 0 as long as :math:`\Sigma` is positive definite, and are then reported, as
in lavaan.

References
----------
.. [1] Joreskog KG (1969). A general approach to confirmatory maximum likelihood factor analysis.
   Psychometrika 34:183-202. doi:10.1007/BF02289343
.. [2] McDonald RP (1999). Test theory: a unified treatment. Mahwah: Erlbaum.
.. [3] Hu L, Bentler PM (1999). Cutoff criteria for fit indexes in covariance structure analysis.
   Struct Equ Modeling 6:1-55. doi:10.1080/10705519909540118
.. [4] Browne MW, Cudeck R (1992). Alternative ways of assessing model fit.
   Sociol Methods Res 21:230-258. doi:10.1177/0049124192021002005
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels.numeric import chi_square_tail
from evalkit.kernels.reliability import correlations
from evalkit.typing import FloatArray

__all__ = ["FactorFit", "FitIndices", "fit_indices", "fit_one_factor"]

_STEPS = 1000
_HALVINGS = 40
_CONVEX = 1e-8  # smallest curvature of F with which Newton's method is used
_SMALL = 1e-10  # of the largest gradient, in the metric of correlations
_NEAR = 1e-9  # of the decrease that a step promises
_ENOUGH = 0.1  # share of that decrease that must come true; a whole Newton step gives half


@dataclass(frozen=True, eq=False)
class FactorFit:
    """A one-factor model of k items, in the items' own units.

    Attributes
    ----------
    loadings, uniqueness : ndarray of float, shape (k,)
        Loadings (their sum is positive) and unique variances.
    covariance : ndarray of float, shape (2 k, 2 k)
        Covariance of the loadings and then the unique variances, for one observation: divide it
        by the number of people. NaN if the information is singular.
    discrepancy : float
        The minimum of F.
    omega, omega_gradient : float and ndarray of float, shape (2 k,)
        McDonald's omega of the sum, and its derivatives by the parameters.
    converged : bool
        Whether the gradient vanished.
    """

    loadings: FloatArray
    uniqueness: FloatArray
    covariance: FloatArray
    discrepancy: float
    omega: float
    omega_gradient: FloatArray
    converged: bool


@dataclass(frozen=True, slots=True)
class FitIndices:
    """How well a one-factor model reproduces the covariances.

    Attributes
    ----------
    chi_square, df, p_value : float, int, float
        Test of exact fit; p is NaN without degrees of freedom.
    cfi, tli : float
        Comparison with items that have nothing in common; NaN if those fit as well.
    rmsea, rmsea_low, rmsea_high : float
        Misfit for each degree of freedom, with its interval; NaN without degrees of freedom.
    srmr : float
        Root mean square of the residual correlations.
    """

    chi_square: float
    df: int
    p_value: float
    cfi: float
    tli: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    srmr: float


def fit_one_factor(covariance: FloatArray) -> FactorFit | None:
    """Fit the model to a covariance matrix.

    Parameters
    ----------
    covariance : ndarray of float, shape (k, k)
        Covariances of at least three items.

    Returns
    -------
    FactorFit or None
        The fit; None for fewer than three items, or a matrix that is not positive definite.
        R: ``lavaan::cfa(std.lv = TRUE)``, or ``factanal(factors = 1)``.
    """
    k = len(covariance)
    if k < 3 or not np.isfinite(covariance).all() or not (np.diag(covariance) > 0).all():
        return None
    spread = np.sqrt(np.diag(covariance))
    s = correlations(covariance)
    if float(np.linalg.eigvalsh(s)[0]) <= 1e-10:
        return None
    psi = (1 - 0.5 / k) / np.diag(np.linalg.inv(s))
    values, vectors = np.linalg.eigh(s / np.sqrt(np.outer(psi, psi)))
    lam = np.sqrt(psi) * vectors[:, -1] * np.sqrt(max(float(values[-1]) - 1, 1e-4))
    theta: FloatArray = np.concatenate([lam, psi]).astype(np.float64)
    value, converged = _discrepancy(theta, s), False
    for _ in range(_STEPS):
        gradient, information, curvature = _derivatives(theta, s)
        if float(np.abs(gradient).max()) < _SMALL:
            converged = True
            break
        convex = float(np.linalg.eigvalsh(curvature)[0]) > _CONVEX
        direction = np.asarray(
            np.linalg.lstsq(curvature if convex else information, -gradient, rcond=None)[0],
            dtype=np.float64,
        )
        decrease = -float(gradient @ direction)
        step = 1.0
        for _ in range(_HALVINGS):
            near = _discrepancy(theta + step * direction, s)
            # close to the minimum F no longer tells steps apart, and whole ones are safe
            promised = _ENOUGH * step * decrease
            if near <= value - promised or (decrease < _NEAR and np.isfinite(near)):
                break
            step /= 2
        else:
            break
        theta = theta + step * direction
        value = near
    theta[:k] *= 1.0 if theta[:k] @ spread >= 0 else -1.0
    _, information, _ = _derivatives(theta, s)
    whole = np.linalg.cond(information) < 1e13
    inverse = np.full((2 * k, 2 * k), np.nan)
    if whole:
        inverse[:] = np.linalg.inv(information)
    units = np.concatenate([spread, spread**2])
    lam, psi = theta[:k] * spread, theta[k:] * spread**2
    common, rest = lam.sum() ** 2, psi.sum()
    by_loading = 2 * lam.sum() * rest / (common + rest) ** 2
    slope = np.concatenate([np.full(k, by_loading), np.full(k, -common / (common + rest) ** 2)])
    return FactorFit(
        lam,
        psi,
        2 * inverse * np.outer(units, units),
        max(value, 0.0),
        float(common / (common + rest)),
        slope,
        converged,
    )


def _discrepancy(theta: FloatArray, s: FloatArray) -> float:
    """F of the parameters; infinite where the model's matrix is not positive definite."""
    k = len(s)
    sigma = np.outer(theta[:k], theta[:k]) + np.diag(theta[k:])
    values = np.linalg.eigvalsh(sigma)
    if float(values[0]) <= 1e-12:
        return float("inf")
    log_s = float(np.linalg.slogdet(s)[1])
    return float(np.log(values).sum() + np.trace(np.linalg.solve(sigma, s)) - log_s - k)


def _derivatives(theta: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gradient of F, the expectation of its second derivatives, and these themselves."""
    k = len(s)
    lam = theta[:k]
    sigma = np.outer(lam, lam) + np.diag(theta[k:])
    w: FloatArray = np.asarray(np.linalg.inv(sigma), dtype=np.float64)
    b = w @ s @ w
    a = w - b
    gradient = np.concatenate([2 * a @ lam, np.diag(a)])
    information = _traces(w, w, lam)
    mixed = _traces(w, b, lam)
    curvature = mixed + mixed.T - information
    curvature[:k, :k] += 2 * a
    return gradient, information, (curvature + curvature.T) / 2


def _traces(p: FloatArray, q: FloatArray, lam: FloatArray) -> FloatArray:
    """tr(P D_i Q D_j) of symmetric P and Q, with D_i the derivative of Sigma by a parameter."""
    k = len(lam)
    pl, ql = p @ lam, q @ lam
    out = np.empty((2 * k, 2 * k))
    out[:k, :k] = np.outer(pl, ql) + np.outer(ql, pl) + float(lam @ ql) * p + float(lam @ pl) * q
    out[:k, k:] = p * ql[None, :] + q * pl[None, :]
    out[k:, :k] = out[:k, k:].T
    out[k:, k:] = p * q
    return out


def fit_indices(
    fit: FactorFit, covariance: FloatArray, n: int, *, rmsea_level: float = 0.9
) -> FitIndices:
    """Compute the test of fit and the usual indices.

    Parameters
    ----------
    fit : FactorFit
        The model.
    covariance : ndarray of float, shape (k, k)
        The covariances that it was fitted to.
    n : int
        People.
    rmsea_level : float, default 0.9
        Confidence level of the interval of RMSEA.

    Returns
    -------
    FitIndices
        The indices, defined as in lavaan with ``likelihood = "normal"``.
    """
    k = len(covariance)
    df, df0 = k * (k - 3) // 2, k * (k - 1) // 2
    chi2 = n * fit.discrepancy
    s = correlations(covariance)
    null = -n * float(np.linalg.slogdet(s)[1])
    excess, excess0 = max(chi2 - df, 0.0), max(null - df0, 0.0)
    worst = max(excess, excess0)
    nan = float("nan")
    spread = np.sqrt(np.diag(covariance))
    model = np.outer(fit.loadings, fit.loadings) + np.diag(fit.uniqueness)
    residual = (s - model / np.outer(spread, spread))[np.tril_indices(k)]
    low, high = _noncentrality(chi2, df, rmsea_level) if df else (nan, nan)
    ratio0 = null / df0
    return FitIndices(
        chi2,
        df,
        float(chi_square_tail(chi2, df)) if df else nan,
        1 - excess / worst if worst > 0 else nan,
        (ratio0 - chi2 / df) / (ratio0 - 1) if df and ratio0 != 1 else nan,
        float(np.sqrt(excess / (n * df))) if df else nan,
        float(np.sqrt(low / (n * df))) if df else nan,
        float(np.sqrt(high / (n * df))) if df else nan,
        float(np.sqrt(np.mean(residual**2))),
    )


def _noncentrality(chi2: float, df: int, level: float) -> tuple[float, float]:
    """Limits of the noncentrality of which a statistic is a draw."""
    limits: list[float] = []
    for tail in ((1 + level) / 2, (1 - level) / 2):
        if float(special.chdtr(df, chi2)) <= tail:
            limits.append(0.0)
            continue
        low, high = 0.0, 2 * chi2 + 50.0
        while float(special.chndtr(chi2, df, high)) > tail:
            high *= 2
        for _ in range(200):
            middle = (low + high) / 2
            above = float(special.chndtr(chi2, df, middle)) > tail
            low, high = (middle, high) if above else (low, middle)
        limits.append((low + high) / 2)
    return limits[0], limits[1]
