r"""Proportional odds: cumulative logits of an ordinal outcome, shifted alike at every threshold.

:math:`P(Y \le j | x) = \mathrm{expit}(\alpha_j - x'\beta)` for levels 0..J-1 and thresholds
:math:`\alpha_0 < \dots < \alpha_{J-2}`: a positive coefficient moves the outcome up, and
:math:`e^\beta` is the odds ratio of lying above any threshold.

References
----------
.. [1] McCullagh P (1980). Regression models for ordinal data. J R Stat Soc B 42:109-142.
   doi:10.1111/j.2517-6161.1980.tb01109.x
.. [2] Brant R (1990). Assessing proportionality in the proportional odds model for ordinal
   logistic regression. Biometrics 46:1171-1178. doi:10.2307/2532457
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels.newton import dependent_columns, inverse, maximise
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["OrdinalFit", "fit_proportional_odds", "ordinal_sandwich"]

_MOVING = 1e-2
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class OrdinalFit:
    """A fitted model.

    Attributes
    ----------
    thresholds : ndarray of float, shape (J - 1,)
        Cut points, increasing.
    coefficients : ndarray of float, shape (p,)
        Log odds ratios of higher outcomes.
    variance : ndarray of float, shape (J - 1 + p, J - 1 + p)
        Inverse of the observed information, thresholds first.
    scores : ndarray of float, shape (n, J - 1 + p)
        Derivative of each row's log-likelihood, its weight included.
    loglik : float
        Log-likelihood.
    converged : bool
        Whether the maximum was reached.
    infinite : ndarray of bool, shape (p,)
        Columns along which the likelihood rises for ever.
    dependent : ndarray of int
        Columns that the others and the thresholds determine. If there are any, nothing was
        fitted, and the numbers are NaN.
    """

    thresholds: FloatArray
    coefficients: FloatArray
    variance: FloatArray
    scores: FloatArray
    loglik: float
    converged: bool
    infinite: BoolArray
    dependent: IntArray


@dataclass(frozen=True, slots=True)
class _Data:
    """Rows of a model: levels, covariates and weights."""

    level: IntArray
    x: FloatArray
    w: FloatArray
    n_levels: int

    def likelihood(self, at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Log-likelihood, each row's score, and the observed information."""
        n, p = self.x.shape
        cuts = self.n_levels - 1
        eta = self.x @ at[cuts:]
        edge = np.concatenate([[-np.inf], at[:cuts], [np.inf]])
        upper, lower = edge[self.level + 1] - eta, edge[self.level] - eta
        f_up, f_low = special.expit(upper), special.expit(lower)
        # the probability between two cut points, without cancellation in the upper tail
        flip = lower > 0
        chance = np.where(flip, special.expit(-lower) - special.expit(-upper), f_up - f_low)
        if (np.diff(at[:cuts]) <= 0).any() or (chance <= 0).any():
            size = cuts + p
            return -np.inf, np.zeros((n, size)), _nan(size, size)
        d_up, d_low = f_up * special.expit(-upper), f_low * special.expit(-lower)
        e_up = d_up * (special.expit(-upper) - f_up)
        e_low = d_low * (special.expit(-lower) - f_low)
        up, low = d_up / chance, d_low / chance
        # rows of the derivative of both ends in all parameters
        ends_up = np.zeros((n, cuts + p))
        ends_low = np.zeros((n, cuts + p))
        inner = np.flatnonzero(self.level < cuts)
        ends_up[inner, self.level[inner]] = 1.0
        inner = np.flatnonzero(self.level > 0)
        ends_low[inner, self.level[inner] - 1] = 1.0
        ends_up[:, cuts:] = -self.x
        ends_low[:, cuts:] = -self.x
        score = up[:, None] * ends_up - low[:, None] * ends_low
        curve_up, curve_low = e_up / chance, e_low / chance
        second = (ends_up * (self.w * curve_up)[:, None]).T @ ends_up
        second -= (ends_low * (self.w * curve_low)[:, None]).T @ ends_low
        information = (score * self.w[:, None]).T @ score - second
        return float(self.w @ np.log(chance)), score * self.w[:, None], information


def _nan(*shape: int) -> FloatArray:
    """Return numbers that are not known."""
    return np.full(shape, np.nan)


def _no(p: int) -> BoolArray:
    """Return p times no."""
    return np.zeros(p, dtype=np.bool_)


def fit_proportional_odds(
    level: IntArray, matrix: FloatArray, n_levels: int, *, weights: FloatArray | None = None
) -> OrdinalFit:
    """Maximise the likelihood by Newton's method.

    Parameters
    ----------
    level : ndarray of int, shape (n,)
        The outcome, 0..n_levels - 1; every level must occur.
    matrix : ndarray of float, shape (n, p)
        Covariates, without intercept.
    n_levels : int
        J, at least 2.
    weights : ndarray of float, shape (n,), optional
        Case weights.

    Returns
    -------
    OrdinalFit
        The fit. R: ``ordinal::clm(outcome ~ ...)``.

    Examples
    --------
    >>> level = np.array([0, 0, 1, 2, 0, 1, 2, 2])
    >>> arm = np.array([[0.0]] * 4 + [[1.0]] * 4)
    >>> round(np.exp(fit_proportional_odds(level, arm, 3).coefficients[0]).item(), 3)
    3.0
    """
    n, p = matrix.shape
    w = np.ones(n) if weights is None else weights
    total = float(w.sum())
    center = (w @ matrix) / total
    centred = matrix - center
    scale = np.sqrt(w @ centred**2 / total)
    scale = np.where(scale > _ROUNDING * np.abs(center), scale, 1.0)
    scaled = centred / scale
    dependent = dependent_columns((scaled * w[:, None]).T @ scaled)
    cuts = n_levels - 1
    size = cuts + p
    if len(dependent):
        nothing = _nan(size, size)
        return OrdinalFit(
            _nan(cuts), _nan(p), nothing, _nan(n, size),
            np.nan, False, _no(p), dependent,
        )  # fmt: skip
    data = _Data(level, scaled, w, n_levels)

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, score, information = data.likelihood(at)
        return value, score.sum(axis=0), information

    shares = np.cumsum(np.bincount(level, w, minlength=n_levels))[:-1] / total
    start = np.concatenate([special.logit(np.clip(shares, 1e-9, 1 - 1e-9)), np.zeros(p)])
    end = maximise(evaluate, start)
    infinite = _no(p)
    if end.runaway is not None:
        moved = np.abs(end.runaway)
        infinite = moved[cuts:] > _MOVING * moved.max()
    # back to the columns' own units and origin: alpha = alpha* + center'beta, beta = beta* / scale
    back = np.eye(size)
    back[cuts:, cuts:] = np.diag(1 / scale)
    back[:cuts, cuts:] = center / scale
    parameters = back @ end.parameters
    _, scores, _ = data.likelihood(end.parameters)
    variance = back @ inverse(end.information) @ back.T
    return OrdinalFit(
        parameters[:cuts], parameters[cuts:], (variance + variance.T) / 2,
        scores @ np.linalg.inv(back), end.value, end.converged, infinite, dependent,
    )  # fmt: skip


def ordinal_sandwich(fit: OrdinalFit, weights: FloatArray | None = None) -> FloatArray:
    """Return the variance of all parameters that does not trust the model's.

    Parameters
    ----------
    fit : OrdinalFit
        The fit.
    weights : ndarray of float, shape (n,), optional
        Case weights: a row of weight 2 counts as two rows.

    Returns
    -------
    ndarray of float, shape (J - 1 + p, J - 1 + p)
        The variance, thresholds first.
    """
    w = np.ones(len(fit.scores)) if weights is None else np.where(weights > 0, weights, 1.0)
    return fit.variance @ ((fit.scores / w[:, None]).T @ fit.scores) @ fit.variance
