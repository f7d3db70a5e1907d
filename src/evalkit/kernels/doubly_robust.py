r"""Means over a target from a regression and weights together: augmented, and targeted.

For group g with regression :math:`m_g`, weights w of its rows and a target with weights q of sum
Q, the augmented mean [1]_ is

.. math:: \frac{\sum q_i m_g(x_i)}{Q} + \frac{\sum_{i \in g} w_i \{y_i - m_g(x_i)\}}{D},

D being the sum of the group's w (normalised) or Q. The targeted mean [2]_ shifts the regression on
the logit scale until the second sum is 0, and takes the first; so it stays within the range of
the outcome. Both are right if either the regression or the weights are, and have the influence

.. math:: q_i \{m_g(x_i) - a\} / Q + 1\{i \in g\} w_i \{y_i - m_g(x_i) - b\} / D,

a and b being the two parts. If the regression and the score were estimated by likelihood on the
same rows, what their estimation adds is included too (M-estimation); with cross-fitting [3]_ it
is negligible.

References
----------
.. [1] Robins JM, Rotnitzky A, Zhao LP (1994). Estimation of regression coefficients when some
   regressors are not always observed. J Am Stat Assoc 89:846-866.
   doi:10.1080/01621459.1994.10476818
.. [2] van der Laan MJ, Rubin D (2006). Targeted maximum likelihood learning. Int J Biostat 2(1).
   doi:10.2202/1557-4679.1043
.. [3] Chernozhukov V, Chetverikov D, Demirer M, Duflo E, Hansen C, Newey W, Robins J (2018).
   Double/debiased machine learning for treatment and structural parameters. Econom J 21:C1-C68.
   doi:10.1111/ectj.12097
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.glm import fit_glm, mean_of
from evalkit.kernels.least_squares import dependent_columns
from evalkit.kernels.newton import inverse, maximise
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "OutcomeFit",
    "augmented_mean",
    "fit_outcome",
    "known_outcome",
    "score_weights",
    "targeted_mean",
]

Adjust = Callable[[FloatArray], FloatArray]
Target: TypeAlias = Literal["ATT", "ATE", "ATC"]


@dataclass(frozen=True, eq=False)
class OutcomeFit:
    """Predicted outcomes in one group, and how their estimation moves them.

    Attributes
    ----------
    predicted : ndarray of float, shape (n,)
        Predicted outcome of every row, had it been in the group.
    slope : ndarray of float, shape (n,)
        Derivative of the prediction in the linear predictor.
    matrix : ndarray of float, shape (n, k), or None
        The regression's columns; None if the predictions are taken as given.
    bread : ndarray of float, shape (k, k)
        Inverse of the regression's information.
    score : ndarray of float, shape (n,)
        Weighted residual of each row of the fit, 0 elsewhere.
    """

    predicted: FloatArray
    slope: FloatArray
    matrix: FloatArray | None
    bread: FloatArray
    score: FloatArray

    def moved(self, pull: FloatArray) -> FloatArray:
        """Return what the estimation of the regression adds to an influence.

        Parameters
        ----------
        pull : ndarray of float, shape (n,)
            Derivative of the estimate in the linear predictor of each row.

        Returns
        -------
        ndarray of float, shape (n,)
            The further influence; zeros where predictions are taken as given.
        """
        if self.matrix is None:
            return np.zeros(len(pull))
        gradient: FloatArray = self.matrix.T @ pull
        return (self.matrix @ (self.bread @ gradient)) * self.score


def fit_outcome(
    covariates: FloatArray,
    outcome: FloatArray,
    inside: BoolArray,
    survey: FloatArray,
    *,
    logistic: bool,
) -> OutcomeFit | IntArray:
    """Regress the outcome on covariates in one group, and predict it for everybody.

    Parameters
    ----------
    covariates : ndarray of float, shape (n, p)
        Covariates, without intercept.
    outcome : ndarray of float, shape (n,)
        The outcome; from 0 to 1 if logistic.
    inside : ndarray of bool, shape (n,)
        Rows of the group.
    survey : ndarray of float, shape (n,)
        Survey weights.
    logistic : bool
        Use a logistic regression instead of a linear one.

    Returns
    -------
    OutcomeFit or ndarray of int
        The fit; or positions of covariates that make it impossible: the group cannot tell them
        from those before them, or they separate its outcomes.
    """
    n, p = covariates.shape
    center = survey @ covariates / survey.sum()
    x = np.empty((n, p + 1))
    x[:, 0] = 1.0
    x[:, 1:] = covariates - center
    used = np.flatnonzero(inside & (survey > 0))
    dependent = dependent_columns(x[used])
    if len(dependent):
        return dependent - 1
    score, w, y = np.zeros(n), survey[used], outcome[used]
    if logistic:
        fit = fit_glm("binomial", x[used], y, weights=w)
        if not fit.converged or fit.infinite.any():
            separating = np.flatnonzero(fit.infinite[1:])
            return separating if len(separating) else np.arange(p, dtype=np.int64)
        predicted = mean_of("binomial", x @ fit.coefficients)
        slope, bread = predicted * (1 - predicted), fit.variance
    else:
        bread = inverse(x[used].T @ (w[:, None] * x[used]))
        predicted = x @ (bread @ (x[used].T @ (w * y)))
        slope = np.ones(n)
    score[used] = w * (y - predicted[used])
    return OutcomeFit(predicted, slope, x, bread, score)


def known_outcome(predicted: FloatArray) -> OutcomeFit:
    """Take predictions as given, such as those of cross-fitted learners.

    Parameters
    ----------
    predicted : ndarray of float, shape (n,)
        Predicted outcome of every row, had it been in the group.

    Returns
    -------
    OutcomeFit
        The predictions.
    """
    none = np.zeros(len(predicted))
    return OutcomeFit(predicted, none, None, np.zeros((0, 0)), none)


def score_weights(
    score: FloatArray, treated: BoolArray, target: Target, survey: FloatArray
) -> FloatArray:
    """Return inverse probability weights of given scores.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        Probability of taking part, strictly between 0 and 1.
    treated : ndarray of bool, shape (n,)
        Who took part.
    target : {"ATT", "ATE", "ATC"}
        Over whom effects are averaged.
    survey : ndarray of float, shape (n,)
        Survey weights.

    Returns
    -------
    ndarray of float, shape (n,)
        The weights, survey weights included.

    Examples
    --------
    >>> score_weights(np.array([0.2, 0.2]), np.array([True, False]), "ATT", np.ones(2)).tolist()
    [1.0, 0.25]
    """
    if target == "ATE":
        return survey / np.where(treated, score, 1 - score)
    odds = score / (1 - score)
    if target == "ATT":
        return survey * np.where(treated, 1.0, odds)
    return survey * np.where(treated, 1 / odds, 1.0)


def augmented_mean(
    outcome: FloatArray,
    inside: BoolArray,
    weights: FloatArray,
    target: FloatArray,
    fit: OutcomeFit,
    *,
    adjust: Adjust | None = None,
    normalised: bool = True,
) -> tuple[float, FloatArray]:
    """Estimate the mean outcome of a group over a target by regression and weights.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome.
    inside : ndarray of bool, shape (n,)
        Rows of the group that count here.
    weights : ndarray of float, shape (n,)
        Weights that make the group like the target.
    target : ndarray of float, shape (n,)
        Weights of those over whom the mean is taken.
    fit : OutcomeFit
        The regression.
    adjust : callable, optional
        What the estimation of the weights adds; see
        :class:`evalkit.kernels.weight_fit.WeightFit`.
    normalised : bool, default True
        Divide the weighted residuals by the sum of the weights, rather than of the target's.

    Returns
    -------
    mean : float
        The mean.
    influence : ndarray of float, shape (n,)
        What each row adds to its error.
    """
    total, own = float(target.sum()), np.where(inside, weights, 0.0)
    divisor = float(own.sum()) if normalised else total
    residual = outcome - fit.predicted
    level = float(target @ fit.predicted) / total
    extra = float(own @ residual) / divisor
    each: FloatArray = np.where(inside, (residual - (extra if normalised else 0.0)) / divisor, 0.0)
    influence: FloatArray = target * (fit.predicted - level) / total + weights * each
    if not normalised:
        influence -= target * (extra / total)
    if adjust is not None:
        influence += adjust(each)
    influence += fit.moved(fit.slope * (target / total - own / divisor))
    return level + extra, influence


def targeted_mean(
    outcome: FloatArray,
    inside: BoolArray,
    weights: FloatArray,
    target: FloatArray,
    fit: OutcomeFit,
    *,
    adjust: Adjust | None = None,
) -> tuple[float, FloatArray]:
    """Estimate the mean outcome of a group over a target by a regression shifted by weights.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome, scaled to lie from 0 to 1.
    inside, weights, target, adjust
        As for :func:`augmented_mean`.
    fit : OutcomeFit
        The regression, its predictions strictly between 0 and 1.

    Returns
    -------
    mean : float
        The mean, on the outcome's scale; NaN if no shift exists because all outcomes of the
        group are 0, or 1.
    influence : ndarray of float, shape (n,)
        What each row adds to its error.
    """
    total, own = float(target.sum()), np.where(inside, weights, 0.0)
    used = np.flatnonzero(own > 0)
    w, y, base = own[used], outcome[used], special.logit(fit.predicted[used])
    if not 0 < float(w @ y) < float(w.sum()):
        return np.nan, np.full(len(outcome), np.nan)
    scale = float(w.sum())

    def likelihood(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        eta: FloatArray = base + at[0]
        mean: FloatArray = special.expit(eta)
        value = float(w @ (y * eta - np.logaddexp(0.0, eta)))
        gradient = np.array([float(w @ (y - mean))])
        return value / scale, gradient / scale, np.array([[float(w @ (mean * (1 - mean)))]]) / scale

    shift = float(maximise(likelihood, np.zeros(1)).parameters[0])
    moved = special.expit(special.logit(fit.predicted) + shift)
    steep = moved * (1 - moved)
    level = float(target @ moved) / total
    # The shift moves the mean by `pull`, and the equation that it solves by `information`.
    pull, information = float(target @ steep) / total, float(own @ steep)
    each: FloatArray = np.where(inside, (outcome - moved) * (pull / information), 0.0)
    influence: FloatArray = target * (moved - level) / total + weights * each
    if adjust is not None:
        influence += adjust(each)
    if fit.matrix is not None:
        ratio = fit.slope / (fit.predicted * (1 - fit.predicted))  # of logits
        influence += fit.moved(steep * ratio * (target / total - own * (pull / information)))
    return level, influence
