r"""Weighted means of groups, plain or adjusted by a regression in each group, and their influences.

With weights w and covariates x (an intercept among them), group g has the least-squares
coefficients :math:`\beta_g = A_g^{-1} \sum_{i \in g} w_i x_i y_i`, and its mean over a target with
weights q is :math:`\mu_g = \sum q_i x_i'\beta_g / \sum q_i`: g-computation. Without covariates
that is the weighted mean. Row i moves it by

.. math:: q_i (x_i'\beta_g - \mu_g)/Q + 1\{i \in g\} w_i \bar x_q' A_g^{-1} x_i (y_i - x_i'\beta_g)

and by what the estimation of the weights adds. If the weights balance x or the regression holds,
the mean is right: it is doubly robust [1]_.

References
----------
.. [1] Bang H, Robins JM (2005). Doubly robust estimation in missing data and causal inference
   models. Biometrics 61:962-972. doi:10.1111/j.1541-0420.2005.00377.x
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.glm import fit_glm, mean_of
from evalkit.kernels.least_squares import dependent_columns
from evalkit.kernels.newton import inverse
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["GroupMeans", "group_means"]

Adjust = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class GroupMeans:
    """Means of K groups over one target, and what each row adds to them.

    Attributes
    ----------
    means : ndarray of float, shape (K,)
        The means.
    influence : ndarray of float, shape (n, K)
        What each row adds to the error of each mean; its squares sum to the variance.
    dependent : ndarray of int
        Covariates that a group cannot tell apart from those before them, or that separate its
        outcomes. If there are any, nothing was fitted.
    where : int
        That group; -1 without one.
    """

    means: FloatArray
    influence: FloatArray
    dependent: IntArray
    where: int = -1


def group_means(
    outcome: FloatArray,
    group: IntArray,
    n_groups: int,
    weights: FloatArray,
    *,
    covariates: FloatArray | None = None,
    target: FloatArray | None = None,
    logistic: bool = False,
    adjust: Adjust | None = None,
    target_is_weights: bool = False,
) -> GroupMeans:
    """Estimate the mean outcome of every group over one target.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome.
    group : ndarray of int, shape (n,)
        The group of each row, 0 to K - 1.
    n_groups : int
        K.
    weights : ndarray of float, shape (n,)
        Weights; each group has some.
    covariates : ndarray of float, shape (n, p), optional
        Covariates of a regression within each group, without intercept.
    target : ndarray of float, shape (n,), optional
        Weights of those over whom the regressions are averaged; needed with covariates.
    logistic : bool, default False
        Use a logistic regression, for outcomes of 0 and 1.
    adjust : callable, optional
        Takes the residual that a row's weight multiplies, and returns what the estimation of the
        weights adds; see :class:`evalkit.kernels.weight_fit.WeightFit`.
    target_is_weights : bool, default False
        The target consists of the same estimated weights, as that of overlap weights does.

    Returns
    -------
    GroupMeans
        The means.
    """
    n = len(outcome)
    means, influence = np.empty(n_groups), np.zeros((n, n_groups))
    for code in range(n_groups):
        inside = (group == code) & (weights > 0)
        # Measured from one of the group's outcomes, equal ones have exactly their mean.
        level = 0.0 if logistic else float(outcome[np.argmax(inside)])
        own = outcome - level
        if covariates is None or target is None:
            total = float(weights[inside].sum())
            mean = float(weights[inside] @ own[inside]) / total
            residual = np.where(inside, (own - mean) / total, 0.0)
        else:
            found = _standardised(own, inside, weights, covariates, target, logistic)
            if isinstance(found, np.ndarray):
                return GroupMeans(np.full(n_groups, np.nan), influence, found, code)
            mean, residual, over = found
            influence[:, code] = target * over
            if adjust is not None and target_is_weights:
                influence[:, code] += adjust(np.where(target > 0, over, 0.0))
        means[code] = level + mean
        influence[:, code] += weights * residual
        if adjust is not None:
            influence[:, code] += adjust(residual)
    return GroupMeans(means, influence, np.empty(0, dtype=np.int64))


def _standardised(
    outcome: FloatArray,
    inside: BoolArray,
    weights: FloatArray,
    covariates: FloatArray,
    target: FloatArray,
    logistic: bool,
) -> tuple[float, FloatArray, FloatArray] | IntArray:
    """Return the mean, and the residuals that the weights and that the target's multiply.

    Covariates that make the regression impossible are returned instead, if there are any.
    """
    share = target / target.sum()
    center: FloatArray = share @ covariates
    used = np.flatnonzero(inside)
    x = np.empty((len(used), covariates.shape[1] + 1))
    x[:, 0] = 1.0
    x[:, 1:] = covariates[used] - center
    w = weights[used]
    dependent = dependent_columns(x)
    if len(dependent):
        return dependent - 1
    everybody = covariates - center
    if logistic:
        fit = fit_glm("binomial", x, outcome[used], weights=w)
        beta, bread = fit.coefficients, fit.variance
        if not fit.converged or fit.infinite.any():
            separating = np.flatnonzero(fit.infinite[1:])
            return separating if len(separating) else np.arange(int(covariates.shape[1]))
        predicted = mean_of("binomial", beta[0] + everybody @ beta[1:])
        slope: FloatArray = share * predicted * (1 - predicted)
    else:
        bread = inverse(x.T @ (w[:, None] * x))
        beta = bread @ (x.T @ (w * outcome[used]))
        predicted = beta[0] + everybody @ beta[1:]
        slope = share
    mean = float(share @ predicted)
    pull: FloatArray = np.concatenate([[slope.sum()], slope @ everybody])
    residual = np.zeros(len(outcome))
    residual[used] = (x @ (bread @ pull)) * (outcome - predicted)[used]
    return mean, residual, (predicted - mean) / float(target.sum())
