r"""The piecewise exponential model: a constant hazard in each interval, and proportional effects.

.. math:: \lambda(t \mid x) = \exp(\alpha_j + x'\beta), \quad t \text{ in interval } j

Only the time at risk in each interval enters the likelihood, and it is computed anew in each pass
instead of being stored: memory grows with the rows, not with rows times intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.event_times import TIE
from evalkit.kernels.newton import Optimum, inverse, maximise
from evalkit.kernels.parametric_terms import LogTerms
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Exposure", "PiecewiseFit", "fit_piecewise", "piecewise_quantile", "piecewise_terms"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """The data of a piecewise exponential model.

    Attributes
    ----------
    time : ndarray of float, shape (n,)
        Exit times.
    event : ndarray of bool, shape (n,)
        Whether the exit is an event.
    entry : ndarray of float, shape (n,), or None
        Entry times.
    X : ndarray of float, shape (n, p)
        Covariates, without a constant.
    inner : ndarray of float, shape (J - 1,)
        Breaks between the intervals.
    closed : str
        "left" if an event on a break belongs to the interval that the break begins, else "right".
    weights : ndarray of float, shape (n,), or None
        Case weights.
    """

    time: FloatArray
    event: BoolArray
    entry: FloatArray | None
    X: FloatArray
    inner: FloatArray
    closed: str
    weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class PiecewiseFit:
    """A fitted piecewise exponential model.

    Attributes
    ----------
    intervals : ndarray of int, shape (q,)
        Intervals with events; the hazard of the others is 0.
    parameters : ndarray of float, shape (q + p,)
        Log hazards at covariates 0, then log hazard ratios.
    vcov : ndarray of float, shape (q + p, q + p)
        Inverse of minus the second derivatives.
    loglik : float
        Log-likelihood.
    scores : ndarray of float, shape (n, q + p)
        Each row's derivative of the log-likelihood, its weight included.
    events, at_risk : ndarray of float, shape (J,)
        Weight of the events and time at risk in each interval.
    optimum : Optimum
        How the iterations ended.
    """

    intervals: IntArray
    parameters: FloatArray
    vcov: FloatArray
    loglik: float
    scores: FloatArray
    events: FloatArray
    at_risk: FloatArray
    optimum: Optimum


def _spent(time: FloatArray, entry: FloatArray | None, inner: FloatArray) -> Iterator[FloatArray]:
    """Go through the intervals, and give each row's time at risk there."""
    low = np.concatenate([[0.0], inner])
    high = np.concatenate([inner, [np.inf]])
    for begin, end in zip(low.tolist(), high.tolist(), strict=True):
        start = begin if entry is None else np.maximum(entry, begin)
        yield np.maximum(np.minimum(time, end) - start, 0.0)


def _chosen(
    used: IntArray, clock: tuple[FloatArray, FloatArray | None, FloatArray]
) -> Iterator[tuple[int, FloatArray]]:
    """Go through the intervals that are used, with their numbers."""
    chosen = set(used.tolist())
    return ((j, spent) for j, spent in enumerate(_spent(*clock)) if j in chosen)


def fit_piecewise(data: Exposure, *, max_iterations: int = 100) -> PiecewiseFit:
    """Fit the model by Newton's method; the likelihood is concave.

    Parameters
    ----------
    data : Exposure
        The data; at least one event.
    max_iterations : int, default 100
        Steps after which to give up.

    Returns
    -------
    PiecewiseFit
        The fit.
    """
    X, weights, n_intervals = data.X, data.weights, len(data.inner) + 1
    left = data.closed == "left"
    where = np.searchsorted(
        data.inner * (1 - TIE if left else 1 + TIE), data.time, side="right" if left else "left"
    )
    happened = data.event.astype(np.float64) if weights is None else weights * data.event
    events = np.asarray(np.bincount(where, happened, minlength=n_intervals), dtype=np.float64)
    unit = float(np.mean(data.time)) or 1.0
    entry = None if data.entry is None else data.entry / unit
    clock = (data.time / unit, entry, data.inner / unit)
    total = np.array([float(s.sum() if weights is None else weights @ s) for s in _spent(*clock)])
    used = np.flatnonzero(events > 0)
    q, p = len(used), X.shape[1]

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        rates, risk = np.exp(theta[:q]), np.exp(X @ theta[q:])
        if weights is not None:
            risk = risk * weights
        information = np.zeros((q + p, q + p))
        gradient = np.zeros(q + p)
        cumulative = np.zeros(len(risk))
        for k, (j, spent) in enumerate(_chosen(used, clock)):
            share = rates[k] * spent
            cumulative += share
            expected = risk * share
            information[k, k] = expected.sum()
            information[k, q:] = information[q:, k] = expected @ X
            gradient[k] = events[j] - information[k, k]
        expected = risk * cumulative
        gradient[q:] = (happened - expected) @ X
        information[q:, q:] = (X * expected[:, None]).T @ X
        value = events[used] @ theta[:q] + happened @ (X @ theta[q:]) - expected.sum()
        return float(value), gradient, information

    start = np.zeros(q + p)
    start[:q] = np.log(events[used] / total[used])
    optimum = maximise(evaluate, start, max_iterations=max_iterations)
    theta = optimum.parameters
    risk = np.exp(X @ theta[q:]) * (1.0 if weights is None else weights)
    scores = np.zeros((len(risk), q + p))
    cumulative = np.zeros(len(risk))
    for k, (j, spent) in enumerate(_chosen(used, clock)):
        share = np.exp(theta[k]) * spent
        cumulative += share
        scores[:, k] = happened * (where == j) - risk * share
    scores[:, q:] = (happened - risk * cumulative)[:, None] * X
    parameters = theta.copy()
    parameters[:q] -= np.log(unit)
    return PiecewiseFit(
        used,
        parameters,
        inverse(optimum.information),
        optimum.value - np.log(unit) * float(happened.sum()),
        scores,
        events,
        total * unit,
        optimum,
    )


def piecewise_terms(
    theta: FloatArray, intervals: IntArray, inner: FloatArray, time: FloatArray, X: FloatArray
) -> LogTerms:
    """Evaluate a model at times, one for each row of covariates.

    Parameters
    ----------
    theta : ndarray of float, shape (q + p,)
        Parameters.
    intervals : ndarray of int, shape (q,)
        Intervals with events.
    inner : ndarray of float, shape (J - 1,)
        Breaks between the intervals.
    time : ndarray of float, shape (m,)
        Times; a break belongs to the interval that it begins.
    X : ndarray of float, shape (m, p)
        Covariates.

    Returns
    -------
    LogTerms
        Logs of survival and density; the density is 0 in intervals without events.
    """
    q = len(intervals)
    linear = X @ theta[q:]
    risk = np.exp(linear)
    gradient = np.zeros((len(time), len(theta)))
    for k, (_, spent) in enumerate(_chosen(intervals, (time, None, inner))):
        gradient[:, k] = -risk * np.exp(theta[k]) * spent
    log_survival = gradient[:, :q].sum(axis=1)
    gradient[:, q:] = log_survival[:, None] * X
    at = np.searchsorted(inner, time, side="right")
    here = at[:, None] == intervals
    log_hazard = np.where(here.any(axis=1), here @ theta[:q] + linear, -np.inf)
    density_gradient = gradient.copy()
    density_gradient[:, :q] += here
    density_gradient[:, q:] += X
    return LogTerms(log_survival, log_hazard + log_survival, gradient, density_gradient)


def piecewise_quantile(
    theta: FloatArray, intervals: IntArray, inner: FloatArray, survival: FloatArray, X: FloatArray
) -> FloatArray:
    """Return the times at which the survival function falls to given values.

    Parameters
    ----------
    theta, intervals, inner, X
        As in :func:`piecewise_terms`.
    survival : ndarray of float, shape (m,)
        Probabilities of surviving.

    Returns
    -------
    ndarray of float, shape (m,)
        The times; infinity where the survival never falls so far.
    """
    q = len(intervals)
    rates = np.zeros(len(inner) + 1)
    rates[intervals] = np.exp(theta[:q])
    begins = np.concatenate([[0.0], inner])
    reached = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(begins))])
    with np.errstate(divide="ignore"):
        wanted = -np.log(survival) * np.exp(-X @ theta[q:])
        at = np.maximum(np.searchsorted(reached, wanted, side="left") - 1, 0)
        rest = wanted - reached[at]
        return begins[at] + np.where(rest > 0, rest / np.where(rest > 0, rates[at], 1.0), 0.0)
