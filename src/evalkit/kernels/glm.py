r"""Logistic and Poisson regression with their canonical links, and variances that the data give.

The log-likelihood of row i is :math:`w_i\{y_i \eta_i - b(\eta_i)\}` with :math:`\eta = o + X\beta`,
so the score is :math:`X' diag(w) (y - \mu)` and the information :math:`X' diag(w v) X`, with
:math:`v = \mu(1 - \mu)` or :math:`\mu`. Weights are case weights: a row of weight 2 is two rows.

References
----------
.. [1] White H (1982). Maximum likelihood estimation of misspecified models. Econometrica 50:1-25.
   doi:10.2307/1912526
.. [2] MacKinnon JG, White H (1985). Some heteroskedasticity-consistent covariance matrix
   estimators with improved finite sample properties. J Econom 29:305-325.
   doi:10.1016/0304-4076(85)90158-7
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.newton import dependent_columns, inverse, maximise
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Family", "GlmFit", "fit_glm", "influence", "mean_of", "pearson_dispersion", "sandwich"]

Family: TypeAlias = Literal["binomial", "poisson"]
"""The distribution, with its canonical link: logit or log."""

_MOVING = 1e-2  # share of the largest movement along an infinite estimate
_NEAR_ONE = 1e-10
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class GlmFit:
    """A fitted model.

    Attributes
    ----------
    family : {"binomial", "poisson"}
        Distribution.
    matrix : ndarray of float, shape (n, p)
        The design matrix, its intercept included.
    outcome, mean : ndarray of float, shape (n,)
        Outcomes and fitted means.
    weights : ndarray of float, shape (n,), or None
        Case weights.
    coefficients : ndarray of float, shape (p,)
        Coefficients.
    variance : ndarray of float, shape (p, p)
        Inverse of the information: the model-based variance.
    loglik : float
        Log-likelihood, without the terms that do not depend on the coefficients.
    converged : bool
        Whether the maximum was reached.
    infinite : ndarray of bool, shape (p,)
        Columns along which the likelihood rises for ever: they separate the outcomes.
    dependent : ndarray of int
        Columns that are linear combinations of those before them. If there are any, nothing was
        fitted, and the numbers are NaN.
    """

    family: Family
    matrix: FloatArray
    outcome: FloatArray
    mean: FloatArray
    weights: FloatArray | None
    coefficients: FloatArray
    variance: FloatArray
    loglik: float
    converged: bool
    infinite: BoolArray
    dependent: IntArray

    @property
    def curvature(self) -> FloatArray:
        """Weight times the variance of the outcome under the model, shape (n,)."""
        v = self.mean * (1 - self.mean) if self.family == "binomial" else self.mean
        return v if self.weights is None else v * self.weights


def _nan(*shape: int) -> FloatArray:
    """Return numbers that are not known."""
    return np.full(shape, np.nan)


def _no(p: int) -> BoolArray:
    """Return p times no."""
    return np.zeros(p, dtype=np.bool_)


def mean_of(family: Family, eta: FloatArray) -> FloatArray:
    """Return the mean that belongs to a linear predictor.

    Parameters
    ----------
    family : {"binomial", "poisson"}
        The distribution.
    eta : ndarray of float
        Linear predictor.

    Returns
    -------
    ndarray of float
        The means.
    """
    return special.expit(eta) if family == "binomial" else np.exp(eta)


def fit_glm(
    family: Family,
    matrix: FloatArray,
    outcome: FloatArray,
    *,
    weights: FloatArray | None = None,
    offset: FloatArray | None = None,
) -> GlmFit:
    """Maximise the likelihood by Newton's method.

    Parameters
    ----------
    family : {"binomial", "poisson"}
        The distribution.
    matrix : ndarray of float, shape (n, p)
        The design matrix; its first column the intercept, if there is one.
    outcome : ndarray of float, shape (n,)
        0 and 1, or counts.
    weights : ndarray of float, shape (n,), optional
        Case weights.
    offset : ndarray of float, shape (n,), optional
        Added to the linear predictor.

    Returns
    -------
    GlmFit
        The fit. R: ``glm(outcome ~ ..., family, weights, offset = offset)``.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [0.0, 0, 1, 1]])
    >>> fit = fit_glm("poisson", x, np.array([1.0, 3, 4, 4]))
    >>> np.round(np.exp(fit.coefficients), 6).tolist()
    [2.0, 2.0]
    """
    n, p = matrix.shape
    w = np.ones(n) if weights is None else weights
    o = np.zeros(n) if offset is None else offset
    # Columns of one size about one origin, so that neither rank nor step depends on their units.
    center = np.zeros(p)
    if (matrix[:, 0] == 1).all():
        center[1:] = w @ matrix[:, 1:] / w.sum()
    centred = matrix - center
    scale = np.sqrt(np.einsum("ij,ij,i->j", centred, centred, w) / w.sum())
    scale = np.where(scale > _ROUNDING * np.abs(center), scale, 1.0)
    scaled = centred / scale
    dependent = dependent_columns((scaled * w[:, None]).T @ scaled)
    if len(dependent):
        nothing = _nan(p)
        return GlmFit(
            family, matrix, outcome, _nan(n), weights, nothing,
            _nan(p, p), np.nan, False, _no(p), dependent,
        )  # fmt: skip

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        eta = o + scaled @ at
        mean = mean_of(family, eta)
        if family == "binomial":
            value, v = outcome * eta - np.logaddexp(0.0, eta), mean * (1 - mean)
        else:
            value, v = outcome * eta - mean, mean
        score = scaled.T @ (w * (outcome - mean))
        return float(w @ value), score, scaled.T @ ((w * v)[:, None] * scaled)

    level = float(w @ outcome / w.sum()) if w.sum() else 0.5
    if family == "poisson":
        level = float(w @ outcome) / float(w @ np.exp(o)) if (w @ outcome) > 0 else 1.0
        target = np.full(n, np.log(level))
    else:
        level = min(max(level, 0.5 / n), 1 - 0.5 / n)
        target = np.full(n, special.logit(level)) - o
    half = np.sqrt(w)
    start: FloatArray = np.linalg.lstsq(scaled * half[:, None], target * half)[0].astype(np.float64)
    end = maximise(evaluate, start)
    mean = mean_of(family, o + scaled @ end.parameters)
    back = np.diag(1 / scale)
    back[0] -= center / scale
    infinite = _no(p)
    if end.runaway is not None:
        size = np.abs(back @ end.runaway) * scale
        infinite = size > _MOVING * size.max()
    variance = back @ inverse(end.information) @ back.T
    return GlmFit(
        family, matrix, outcome, mean, weights, back @ end.parameters, variance, end.value,
        end.converged, infinite, dependent,
    )  # fmt: skip


def pearson_dispersion(fit: GlmFit) -> float:
    """Return Pearson's estimate of the dispersion: chi-squared over its degrees of freedom.

    Parameters
    ----------
    fit : GlmFit
        The fit.

    Returns
    -------
    float
        The dispersion; 1 is what the model says. R: ``summary(glm(..., quasipoisson))$dispersion``.
    """
    w = np.ones(len(fit.mean)) if fit.weights is None else fit.weights
    v = fit.mean * (1 - fit.mean) if fit.family == "binomial" else fit.mean
    df = float(w.sum()) - fit.matrix.shape[1]
    return float(w @ ((fit.outcome - fit.mean) ** 2 / v)) / df if df > 0 else np.nan


def influence(fit: GlmFit) -> FloatArray:
    """Return what each row adds to the coefficients, to first order.

    Parameters
    ----------
    fit : GlmFit
        The fit.

    Returns
    -------
    ndarray of float, shape (n, p)
        The rows' scores, weights included, times the model-based variance. Summed within clusters
        they give the variance of ``sandwich::vcovCL``.
    """
    residual = fit.outcome - fit.mean
    if fit.weights is not None:
        residual = residual * fit.weights
    return (fit.matrix * residual[:, None]) @ fit.variance


def sandwich(fit: GlmFit, kind: str) -> FloatArray:
    r"""Return the variance of the coefficients that does not trust the model's.

    :math:`I^{-1} M I^{-1}` [1]_ with M the sum over the rows of the outer products of their
    scores. HC1 multiplies by :math:`n/(n-p)`; HC2 and HC3 divide the residuals by
    :math:`\sqrt{1-h}` and :math:`1-h` [2]_, with h the leverages of the weighted least squares
    that the last Newton step solves.

    Parameters
    ----------
    fit : GlmFit
        The fit.
    kind : {"HC0", "HC1", "HC2", "HC3"}
        The variance.

    Returns
    -------
    ndarray of float, shape (p, p)
        The variance. R: ``sandwich::vcovHC``.
    """
    x, residual = fit.matrix, fit.outcome - fit.mean
    w = np.ones(len(residual)) if fit.weights is None else fit.weights
    factor = 1.0
    if kind in ("HC2", "HC3"):
        each = fit.curvature / np.where(w > 0, w, 1.0)  # a row of weight 2 is two rows
        leverage = np.einsum("ij,jk,ik->i", x, fit.variance, x) * each
        left = np.maximum(1 - leverage, _NEAR_ONE)
        residual = residual / (np.sqrt(left) if kind == "HC2" else left)
    elif kind == "HC1":
        n = float(w.sum())
        factor = n / (n - x.shape[1])
    meat = x.T @ ((w * residual**2)[:, None] * x)
    return factor * fit.variance @ meat @ fit.variance
