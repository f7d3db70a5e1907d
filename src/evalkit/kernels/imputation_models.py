"""Models that imputation draws from: normal regression, and the cumulative logit of ordered levels.

Each is fitted once and drawn from as often as needed. Draws are of the parameters first, so that
imputations differ as much as ignorance of the model makes them, and then of the values.

References
----------
.. [1] Rubin DB (1987). Multiple Imputation for Nonresponse in Surveys. Wiley, example 5.1.
   doi:10.1002/9780470316696
.. [2] White IR, Daniel R, Royston P (2010). Avoiding bias due to perfect prediction in multiple
   imputation of incomplete categorical variables. Comput Stat Data Anal 54:2267-2275.
   doi:10.1016/j.csda.2010.04.005
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.proportional_odds import fit_proportional_odds
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "LogitDraws",
    "LogitFit",
    "NormalDraws",
    "NormalFit",
    "draw_logit",
    "draw_normal",
    "fit_logit",
    "fit_normal",
]

_TRIES = 1000
_DEPENDENT = 1e-9
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class NormalFit:
    """A least-squares fit, with what its posterior is made of.

    Attributes
    ----------
    coefficients : ndarray of float, shape (p,)
        Least squares; the shortest solution where columns depend on each other.
    root : ndarray of float, shape (p, r)
        A root of the inverse of X'X, r the rank.
    rss : float
        Sum of squared residuals.
    df : int
        Rows less rank.
    """

    coefficients: FloatArray
    root: FloatArray
    rss: float
    df: int


@dataclass(frozen=True, slots=True)
class NormalDraws:
    """Parameters drawn from the posterior of a normal regression.

    Attributes
    ----------
    coefficients : ndarray of float, shape (m, p)
        One row for each draw.
    sigma : ndarray of float, shape (m,)
        Standard deviations of the errors.
    """

    coefficients: FloatArray
    sigma: FloatArray


def fit_normal(design: FloatArray, y: FloatArray) -> NormalFit:
    """Fit by least squares, through the singular values.

    Parameters
    ----------
    design : ndarray of float, shape (n, p)
        Predictors with their intercept, n larger than their rank.
    y : ndarray of float, shape (n,)
        The variable.

    Returns
    -------
    NormalFit
        The fit.
    """
    scale = np.sqrt((design**2).sum(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    left, size, right = np.linalg.svd(design / scale, full_matrices=False)
    rank = int((size > _DEPENDENT * size[0]).sum())
    root = right[:rank].T / size[:rank]
    inside = left[:, :rank].T @ y
    residuals = y - left[:, :rank] @ inside
    # What rounding leaves of an exact fit is no variation to draw from.
    exact = np.abs(residuals).max() <= _ROUNDING * design.shape[1] * np.abs(y).max()
    rss = 0.0 if exact else float(residuals @ residuals)
    return NormalFit(root @ inside / scale, root / scale[:, None], rss, len(y) - rank)


def draw_normal(fit: NormalFit, m: int, rng: np.random.Generator) -> NormalDraws:
    r"""Draw parameters from the posterior under the prior :math:`1 / \sigma^2` [1]_.

    :math:`\sigma^2` is the residual sum of squares over a :math:`\chi^2`, and the coefficients
    are normal around least squares with variance :math:`\sigma^2 (X'X)^{-1}`.

    Parameters
    ----------
    fit : NormalFit
        The fit, with ``df`` of at least 1.
    m : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    NormalDraws
        The parameters.
    """
    sigma = np.sqrt(fit.rss / rng.chisquare(fit.df, m))
    noise = rng.standard_normal((m, fit.root.shape[1]))
    return NormalDraws(fit.coefficients + sigma[:, None] * (noise @ fit.root.T), sigma)


@dataclass(frozen=True, slots=True)
class LogitFit:
    """A cumulative logit model, P(Y > k) = expit(x'b - a_k), on standardised predictors.

    Attributes
    ----------
    parameters : ndarray of float, shape (K - 1 + p,)
        Thresholds a and slopes b.
    root : ndarray of float, shape (K - 1 + p, K - 1 + p)
        A root of the inverse information.
    n_thresholds : int
        K - 1.
    centre, scale : ndarray of float, shape (p,)
        The predictors enter less ``centre``, over ``scale``.
    converged : bool
        Whether the fit converged.
    """

    parameters: FloatArray
    root: FloatArray
    n_thresholds: int
    centre: FloatArray
    scale: FloatArray
    converged: bool

    def at_mode(self) -> LogitDraws:
        """Return the parameters of the fit, as if they had been drawn once.

        Returns
        -------
        LogitDraws
            One draw.
        """
        return LogitDraws(self.parameters[None, :], self.n_thresholds, self.centre, self.scale)


@dataclass(frozen=True, slots=True)
class LogitDraws:
    """Parameters drawn for a cumulative logit model.

    Attributes
    ----------
    parameters : ndarray of float, shape (m, K - 1 + p)
        One row for each draw.
    n_thresholds : int
        K - 1.
    centre, scale : ndarray of float, shape (p,)
        How predictors are standardised.
    """

    parameters: FloatArray
    n_thresholds: int
    centre: FloatArray
    scale: FloatArray

    @property
    def thresholds(self) -> FloatArray:
        """Thresholds, shape (m, K - 1)."""
        return self.parameters[:, : self.n_thresholds]

    def predictor(self, x: FloatArray) -> FloatArray:
        """Return the linear predictor of new rows.

        Parameters
        ----------
        x : ndarray of float, shape (n, p)
            Their predictors, without intercept.

        Returns
        -------
        ndarray of float, shape (n, m)
            One column for each draw.
        """
        standard = (x - self.centre) / self.scale
        return standard @ self.parameters[:, self.n_thresholds :].T


def fit_logit(x: FloatArray, y: IntArray, n_levels: int) -> LogitFit:
    """Fit the cumulative logit model to data and a little more, so that estimates are finite.

    Pseudo-observations of a total weight of p + 1 are added, spread evenly over the levels and,
    for every predictor, over the points half a standard deviation on either side of the means.
    Where a predictor tells the levels apart perfectly, or nobody has a level, the likelihood of
    the data alone has no maximum, and imputations from it would be certain [2]_. Without
    predictors of a binary variable, this is Jeffreys' prior.

    Parameters
    ----------
    x : ndarray of float, shape (n, p)
        Predictors, without intercept.
    y : ndarray of int, shape (n,)
        Levels 0, 1, ..., ``n_levels`` - 1.
    n_levels : int
        Number of levels, at least 2.

    Returns
    -------
    LogitFit
        The fit; slopes of predictors that do not vary are shrunk to 0 by the additions alone.
    """
    n, p = x.shape
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-12 * (1 + np.abs(centre)), scale, 1.0)
    points = np.vstack([np.eye(p) * 0.5, np.eye(p) * -0.5]) if p else np.zeros((1, 0))
    full = np.vstack([(x - centre) / scale, np.repeat(points, n_levels, axis=0)])
    levels = np.concatenate([y, np.tile(np.arange(n_levels), len(points))])
    weights = np.full(len(levels), (p + 1) / (len(points) * n_levels))
    weights[:n] = 1.0
    found = fit_proportional_odds(levels, full, n_levels, weights=weights)
    values, vectors = np.linalg.eigh(found.variance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    parameters = np.concatenate([found.thresholds, found.coefficients])
    return LogitFit(parameters, root, n_levels - 1, centre, scale, found.converged)


def draw_logit(fit: LogitFit, m: int, rng: np.random.Generator) -> LogitDraws:
    """Draw parameters from the normal approximation of the posterior, thresholds in order.

    Parameters
    ----------
    fit : LogitFit
        The fit.
    m : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    LogitDraws
        The parameters. Draws with thresholds out of order are drawn again.
    """
    found = fit.parameters + rng.standard_normal((m, len(fit.parameters))) @ fit.root.T
    for _ in range(_TRIES):
        wrong = np.flatnonzero((np.diff(found[:, : fit.n_thresholds]) <= 0).any(axis=1))
        if not len(wrong):
            break
        again = rng.standard_normal((len(wrong), len(fit.parameters)))
        found[wrong] = fit.parameters + again @ fit.root.T
    else:  # as likely as losing a thousand tosses: an order that holds is all that is needed
        found[:, : fit.n_thresholds] = np.sort(found[:, : fit.n_thresholds], axis=1)
    return LogitDraws(found, fit.n_thresholds, fit.centre, fit.scale)
