"""Hazards and survival that a discrete-time model predicts, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.discrete import Layout, Link
from evalkit.typing import FloatArray

__all__ = ["Curves", "Standardised", "predict", "standardise"]

_CHUNK = 4_000_000  # floats in a block of gradients


@dataclass(frozen=True, slots=True)
class Curves:
    """Predictions for U patterns in J intervals.

    Attributes
    ----------
    predictor, predictor_error : ndarray of float, shape (U, J)
        Linear predictor of the hazard and its standard error; minus infinity and 0 in intervals
        without events, which are not in the likelihood.
    cumulative, cumulative_error : ndarray of float, shape (U, J)
        Minus the log of the probability of staying beyond each interval, and its standard error.
    """

    predictor: FloatArray
    predictor_error: FloatArray
    cumulative: FloatArray
    cumulative_error: FloatArray


def predict(
    X: FloatArray, theta: FloatArray, vcov: FloatArray, layout: Layout, link: Link
) -> Curves:
    """Predict for each row of X.

    Parameters
    ----------
    X : ndarray of float, shape (U, p)
        Covariates.
    theta, vcov : ndarray of float, shapes (P,) and (P, P)
        The estimates and their covariance.
    layout, link
        As fitted.

    Returns
    -------
    Curves
        The predictions.
    """
    shape = (len(X), len(layout.basis))
    eta, eta_error = np.full(shape, -np.inf), np.zeros(shape)
    total, total_error = np.zeros(shape), np.zeros(shape)
    step = max(1, _CHUNK // max(len(theta), 1))
    for begin in range(0, len(X), step):
        rows = slice(begin, begin + step)
        x = X[rows]
        sums = np.zeros(len(x))
        gradient = np.zeros((len(x), len(theta)))
        previous = 0
        for j, used, factors, where in layout.steps():
            total[rows, previous:j] = sums[:, None]
            if previous < j and previous > 0:
                total_error[rows, previous:j] = total_error[rows, previous - 1 : previous]
            here = np.zeros_like(gradient)
            here[:, used] = factors
            here[:, where] = x
            eta[rows, j] = here @ theta
            eta_error[rows, j] = _error(here, vcov)
            hazard, slope = link.log_survival(eta[rows, j])
            sums = sums + hazard
            gradient += slope[:, None] * here
            total[rows, j] = sums
            total_error[rows, j] = _error(gradient, vcov)
            previous = j + 1
        total[rows, previous:] = sums[:, None]
        if previous > 0:
            total_error[rows, previous:] = total_error[rows, previous - 1 : previous]
    return Curves(eta, eta_error, total, total_error)


def _error(gradient: FloatArray, vcov: FloatArray) -> FloatArray:
    """Return the standard errors that the delta method gives, one for each row."""
    return np.sqrt(np.maximum(((gradient @ vcov) * gradient).sum(axis=1), 0.0))


@dataclass(frozen=True, slots=True)
class Standardised:
    """Mean survival over a population, and what it owes to each parameter.

    Attributes
    ----------
    survival : ndarray of float, shape (J,)
        Mean probability of staying beyond each interval.
    gradient : ndarray of float, shape (J, P)
        Its derivatives.
    """

    survival: FloatArray
    gradient: FloatArray


def standardise(
    X: FloatArray, weights: FloatArray, theta: FloatArray, layout: Layout, link: Link
) -> Standardised:
    """Average the predicted survival over patterns.

    Parameters
    ----------
    X : ndarray of float, shape (U, p)
        Covariates of the patterns.
    weights : ndarray of float, shape (U,)
        Persons in each pattern.
    theta : ndarray of float, shape (P,)
        The estimates.
    layout, link
        As fitted.

    Returns
    -------
    Standardised
        The mean at the end of each interval.
    """
    J, P = len(layout.basis), len(theta)
    share = weights / weights.sum()
    mean, slope = np.zeros(J), np.zeros((J, P))
    step = max(1, _CHUNK // max(P, 1))
    for begin in range(0, len(X), step):
        x, w = X[begin : begin + step], share[begin : begin + step]
        sums, gradient = np.zeros(len(x)), np.zeros((len(x), P))
        value, derivative = float(w.sum()), np.zeros(P)
        previous = 0
        for j, used, factors, where in layout.steps():
            mean[previous:j] += value
            slope[previous:j] += derivative
            hazard, rate = link.log_survival(factors @ theta[used] + x @ theta[where])
            sums = sums + hazard
            gradient[:, used] += rate[:, None] * factors
            gradient[:, where] += rate[:, None] * x
            stay = w * np.exp(-sums)
            value, derivative = float(stay.sum()), -(stay @ gradient)
            mean[j] += value
            slope[j] += derivative
            previous = j + 1
        mean[previous:] += value
        slope[previous:] += derivative
    return Standardised(mean, slope)
