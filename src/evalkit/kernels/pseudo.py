r"""Regression on pseudo-values: one mean for each horizon, one set of coefficients for all.

A pseudo-value is :math:`\hat\theta + n U_i`, with the infinitesimal jackknife :math:`U_i` of
:mod:`evalkit.kernels.influence`; it stands for a person's own outcome where that is censored. For
pseudo-values :math:`y_{it}` of persons i at horizons t the model is
:math:`g(E\,y_{it}) = \alpha_t + x_i^\top \beta`. The estimating equations with independence as
working correlation and constant variance are those of nonlinear least squares,

.. math:: \sum_i w_i \sum_t \dot\mu_{it} \, (e_t, x_i) \, (y_{it} - \mu_{it}) = 0,

solved by Gauss-Newton steps; the design matrix is never repeated for the horizons. The
covariance matrix is the sandwich, with scores added up by cluster.

References
----------
.. [1] Andersen PK, Klein JP, Rosthoj S (2003). Generalised linear models for correlated
   pseudo-observations, with applications to multi-state models. Biometrika 90:15-27.
   doi:10.1093/biomet/90.1.15
.. [2] Liang KY, Zeger SL (1986). Longitudinal data analysis using generalized linear models.
   Biometrika 73:13-22. doi:10.1093/biomet/73.1.13
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.newton import dependent_columns, inverse, maximise
from evalkit.typing import FloatArray, IntArray

__all__ = ["LINKS", "Link", "LinkName", "PseudoFit", "fit_pseudo"]

LinkName: TypeAlias = Literal["identity", "log", "logit", "cloglog", "loglog"]

_CONSTANT = 1e-12  # spread of a column, relative to its mean, that is rounding


@dataclass(frozen=True, slots=True)
class Link:
    """A link: the linear predictor of a mean, the mean, and its derivative."""

    forward: Callable[[FloatArray], FloatArray]
    mean: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    low: float = -np.inf
    high: float = np.inf


def _same(x: FloatArray) -> FloatArray:
    """Return the argument."""
    return x


LINKS: Mapping[LinkName, Link] = {
    "identity": Link(_same, _same, np.ones_like),
    "log": Link(np.log, np.exp, np.exp, low=0.0),
    "logit": Link(
        special.logit,
        special.expit,
        lambda eta: special.expit(eta) * special.expit(-eta),
        low=0.0,
        high=1.0,
    ),
    # log(-log(1 - p)) for an incidence
    "cloglog": Link(
        lambda p: np.log(-np.log1p(-p)),
        lambda eta: -np.expm1(-np.exp(eta)),
        lambda eta: np.exp(eta - np.exp(eta)),
        low=0.0,
        high=1.0,
    ),
    # log(-log(p)) for a survival
    "loglog": Link(
        lambda p: np.log(-np.log(p)),
        lambda eta: np.exp(-np.exp(eta)),
        lambda eta: -np.exp(eta - np.exp(eta)),
        low=0.0,
        high=1.0,
    ),
}
"""The links by name."""


@dataclass(frozen=True, slots=True)
class PseudoFit:
    """A fitted model.

    Attributes
    ----------
    coefficients : ndarray of float, shape (T + p,)
        The T intercepts, then the coefficients of the design matrix.
    vcov : ndarray of float, shape (T + p, T + p)
        Sandwich covariance matrix.
    n_iterations : int
        Gauss-Newton steps.
    converged : bool
        Whether the last step was negligible beside the standard errors.
    dependent : ndarray of int
        Columns of the design matrix that are constant or that the columns before them explain;
        unless it is empty, nothing was fitted and the numbers are missing.
    """

    coefficients: FloatArray
    vcov: FloatArray
    n_iterations: int
    converged: bool
    dependent: IntArray


def fit_pseudo(
    y: FloatArray,
    X: FloatArray,
    link: LinkName,
    *,
    weights: FloatArray | None = None,
    cluster: IntArray | None = None,
) -> PseudoFit:
    """Fit the mean of pseudo-values at T horizons.

    Parameters
    ----------
    y : ndarray of float, shape (n, T)
        Pseudo-values.
    X : ndarray of float, shape (n, p)
        Design matrix without an intercept.
    link : {"identity", "log", "logit", "cloglog", "loglog"}
        The link.
    weights : ndarray of float, shape (n,), optional
        Weights of the rows in the equations.
    cluster : ndarray of int, shape (n,), optional
        Clusters of rows; every row by itself without them.

    Returns
    -------
    PseudoFit
        R: ``geepack::geese`` with ``corstr = "independence"``, ``scale.fix = TRUE`` and the
        horizon as a factor.
    """
    g = LINKS[link]
    n, horizons = y.shape
    w = np.ones(n) if weights is None else weights
    # Columns in units of their spread about the mean: the coefficients are turned back at the end.
    centre = np.average(X, axis=0, weights=w)
    centred = X - centre
    spread = np.sqrt(np.average(centred**2, axis=0, weights=w))
    spread[spread <= _CONSTANT * np.abs(centre)] = 0.0
    scaled = centred / np.where(spread > 0, spread, 1.0)
    scaled[:, spread == 0] = 0.0
    size = horizons + X.shape[1]
    dependent = dependent_columns((scaled * w[:, None]).T @ scaled)
    if len(dependent):
        nothing = np.full(size, np.nan)
        return PseudoFit(nothing, np.full((size, size), np.nan), 0, False, dependent)

    level = np.average(y, axis=0, weights=w)
    inside = 0.01 if np.isinf(g.high) else 0.01 * (g.high - g.low)
    start = g.forward(np.clip(level, g.low + inside, g.high - inside))
    noise = float(w @ ((y - level) ** 2).sum(axis=1)) / (n * horizons)
    equations = _Equations(y, scaled, w, g, noise if noise > 0 else 1.0)
    found = maximise(
        equations.evaluate, np.concatenate([start, np.zeros(X.shape[1])]), quadratic=False
    )
    vcov = equations.sandwich(found.parameters, cluster)
    back = np.diag(np.concatenate([np.ones(horizons), 1 / spread]))
    back[:horizons, horizons:] = -centre / spread
    return PseudoFit(
        back @ found.parameters, back @ vcov @ back.T, found.iterations, found.converged, dependent
    )


@dataclass(frozen=True, slots=True)
class _Equations:
    """The estimating equations; ``noise`` is the unit in which squares are measured."""

    y: FloatArray
    X: FloatArray
    w: FloatArray
    g: Link
    noise: float

    def _eta(self, theta: FloatArray) -> FloatArray:
        """Linear predictor, shape (n, T)."""
        horizons = self.y.shape[1]
        return (self.X @ theta[horizons:])[:, None] + theta[:horizons]

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Minus half the sum of squares, its gradient, and the expected second derivatives."""
        eta = self._eta(theta)
        slope = self.g.slope(eta)
        residual = self.y - self.g.mean(eta)
        value = -float(self.w @ (residual * residual).sum(axis=1)) / 2
        if not np.isfinite(value):
            value = -np.inf
        pull = self.w[:, None] * slope * residual
        score = np.concatenate([pull.sum(axis=0), self.X.T @ pull.sum(axis=1)])
        return value / self.noise, score / self.noise, self._information(slope) / self.noise

    def _information(self, slope: FloatArray) -> FloatArray:
        """Sum of w * slope**2 * (e_t, x)(e_t, x)'."""
        mass = self.w[:, None] * slope * slope
        cross = mass.T @ self.X
        inner = (self.X * mass.sum(axis=1)[:, None]).T @ self.X
        return np.block([[np.diag(mass.sum(axis=0)), cross], [cross.T, inner]])

    def sandwich(self, theta: FloatArray, cluster: IntArray | None) -> FloatArray:
        """Covariance matrix from rows or clusters."""
        eta = self._eta(theta)
        slope = self.g.slope(eta)
        pull = self.w[:, None] * slope * (self.y - self.g.mean(eta))
        scores = np.concatenate([pull, self.X * pull.sum(axis=1)[:, None]], axis=1)
        if cluster is not None:
            sums = np.empty((int(cluster.max()) + 1, scores.shape[1]))
            for j, column in enumerate(scores.T):
                sums[:, j] = np.bincount(cluster, column, minlength=len(sums))
            scores = sums
        bread = inverse(self._information(slope))
        return bread @ (scores.T @ scores) @ bread
