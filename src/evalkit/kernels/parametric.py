r"""Parametric survival models for log times, with delayed entry and a share that never leaves.

.. math:: \log T = x'\beta + \sigma w, \qquad S(t) = \pi + (1 - \pi) S_w(w),
   \qquad \operatorname{logit} \pi = z'\gamma

with w from one of ``lifetimes.FAMILIES``; without a cured share :math:`\pi = 0`. A row at risk on
(entry, time] contributes its log density or log survival minus its log survival at entry. All first
and second derivatives are exact (those in the generalised gamma's shape to 1e-9), first with regard
to the location, the log scale, the shape and the logit of the cured share, then through the design
matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from evalkit.kernels.newton import Optimum, inverse, maximise
from evalkit.kernels.parametric_terms import CURE, LOCATION, SCALE, Model, local_terms
from evalkit.typing import BoolArray, FloatArray

__all__ = ["Lifetimes", "ParametricFit", "fit_parametric"]

_LOG_SCALES = (-8.0, 8.0)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The data of a parametric model.

    Attributes
    ----------
    log_time : ndarray of float, shape (n,)
        Log of the exit times; minus infinity for a censoring at 0.
    event : ndarray of bool, shape (n,)
        Whether the exit is an event.
    log_entry : ndarray of float, shape (n,), or None
        Log of the entry times; minus infinity for an entry at 0.
    X : ndarray of float, shape (n, p)
        Covariates of the location.
    Z : ndarray of float, shape (n, r), or None
        Covariates of the cured share.
    weights : ndarray of float, shape (n,), or None
        Case weights.
    """

    log_time: FloatArray
    event: BoolArray
    log_entry: FloatArray | None
    X: FloatArray
    Z: FloatArray | None = None
    weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class ParametricFit:
    """A fitted parametric model.

    Attributes
    ----------
    model : Model
        What was fitted.
    parameters : ndarray of float, shape (P,)
        Location, log scale, shape, cured share.
    vcov : ndarray of float, shape (P, P)
        Inverse of minus the second derivatives; NaN where they are not negative definite.
    loglik : float
        Log-likelihood of the times (not of their logs).
    scores : ndarray of float, shape (n, P)
        Each row's derivative of the log-likelihood, its weight included.
    optimum : Optimum
        How the iterations ended.
    """

    model: Model
    parameters: FloatArray
    vcov: FloatArray
    loglik: float
    scores: FloatArray
    optimum: Optimum


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that contribute alike: events, censorings, or entries (with sign -1)."""

    is_event: bool
    sign: float
    rows: BoolArray
    y: FloatArray
    designs: Mapping[int, FloatArray]
    weights: FloatArray | None


def fit_parametric(model: Model, data: Lifetimes, *, max_iterations: int = 200) -> ParametricFit:
    """Fit the model by Newton's method from several starts.

    Parameters
    ----------
    model : Model
        What to fit.
    data : Lifetimes
        The data; at least one event, no event at time 0.
    max_iterations : int, default 200
        Steps after which to give up.

    Returns
    -------
    ParametricFit
        The best of the optima that were reached.
    """
    # Times are measured against their geometric mean: then no unit of time changes the course.
    centre = float(np.average(data.log_time[data.event]))
    shifted = replace(
        data,
        log_time=data.log_time - centre,
        log_entry=None if data.log_entry is None else data.log_entry - centre,
    )
    parts = _parts(shifted)

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        return _evaluate(theta, model, parts)

    best: Optimum | None = None
    for start in _starts(model, shifted):
        reached = maximise(evaluate, start, max_iterations=max_iterations)
        better = best is None or (reached.converged, reached.value) > (best.converged, best.value)
        best = reached if better else best
        if reached.converged and not model.n_cure:
            break
    assert best is not None  # there is always a start
    events = data.event if data.weights is None else data.weights * data.event
    scores = _scores(best.parameters, model, parts, len(data.event))
    parameters = best.parameters.copy()
    parameters[0] += centre
    return ParametricFit(
        model,
        parameters,
        inverse(best.information),
        best.value - centre * float(events.sum()),
        scores,
        best,
    )


def _parts(data: Lifetimes) -> list[_Part]:
    """Sort the rows by what they contribute; nothing has happened yet at time 0."""

    def part(rows: BoolArray, y: FloatArray, *, is_event: bool = False, sign: float = 1.0) -> _Part:
        designs = {LOCATION: data.X[rows]}
        if data.Z is not None:
            designs[CURE] = data.Z[rows]
        weights = None if data.weights is None else data.weights[rows]
        return _Part(is_event, sign, rows, y[rows], designs, weights)

    found = [
        part(data.event, data.log_time, is_event=True),
        part(~data.event & np.isfinite(data.log_time), data.log_time),
    ]
    if data.log_entry is not None:
        found.append(part(np.isfinite(data.log_entry), data.log_entry, sign=-1.0))
    return [one for one in found if len(one.y)]


def _starts(model: Model, data: Lifetimes) -> list[FloatArray]:
    """Begin at a constant hazard; the richer models begin at the poorer ones' estimates."""
    theta = np.zeros(model.n_parameters)
    if model.n_cure:
        uncured = Model(model.distribution, model.n_location)
        leavers = replace(data, Z=None, event=np.ones(len(data.event), dtype=bool))
        chosen = data.event
        base = _fit_centred(uncured, _subset(leavers, chosen)).parameters
        share = 1 - float(np.average(data.event, weights=data.weights))
        plain = _fit_centred(uncured, replace(data, Z=None)).parameters
        starts: list[FloatArray] = []
        for latency, cured in ((base, 0.9 * share), (base, 0.5 * share), (plain, 0.3 * share)):
            start = theta.copy()
            start[: len(latency)] = latency
            start[len(latency)] = special.logit(min(max(cured, 0.01), 0.95))
            starts.append(start)
        return starts
    if model.distribution == "generalised-gamma":
        # The better of its special cases comes first: from there the likelihood can only rise.
        fitted = [
            (_fit_centred(Model(simpler, model.n_location), data), shape)
            for simpler, shape in (("weibull", 1.0), ("log-normal", 0.0))
        ]
        fitted.sort(key=lambda one: -one[0].value)
        return [np.append(optimum.parameters, shape) for optimum, shape in fitted]
    span = np.exp(np.minimum(data.log_time, 700))
    if data.log_entry is not None:
        span = span - np.exp(data.log_entry)
    weights = np.ones(len(span)) if data.weights is None else data.weights
    theta[0] = np.log(float(weights @ span) / float(weights @ data.event))
    return [theta]


def _fit_centred(model: Model, data: Lifetimes) -> Optimum:
    """Fit a simpler model for a start."""
    parts = _parts(data)
    starts = _starts(model, data)
    optima = [maximise(lambda theta: _evaluate(theta, model, parts), start) for start in starts]
    return max(optima, key=lambda optimum: optimum.value)


def _subset(data: Lifetimes, rows: BoolArray) -> Lifetimes:
    """Keep some of the rows."""
    return Lifetimes(
        data.log_time[rows],
        data.event[rows],
        None if data.log_entry is None else data.log_entry[rows],
        data.X[rows],
        None if data.Z is None else data.Z[rows],
        None if data.weights is None else data.weights[rows],
    )


def _evaluate(
    theta: FloatArray, model: Model, parts: list[_Part]
) -> tuple[float, FloatArray, FloatArray]:
    """Return the log-likelihood, its gradient, and minus its second derivatives."""
    blocks = model.blocks
    value, gradient = 0.0, np.zeros(len(theta))
    information = np.zeros((len(theta), len(theta)))
    if SCALE in blocks and not _LOG_SCALES[0] < theta[blocks[SCALE]][0] < _LOG_SCALES[1]:
        return -np.inf, gradient, information
    for part in parts:
        local = local_terms(theta, model, part.y, part.designs, is_event=part.is_event)
        factor = part.sign if part.weights is None else part.sign * part.weights
        value += float((factor * local.value).sum())
        for kind, first in local.first.items():
            gradient[blocks[kind]] += _project(part.designs.get(kind), factor * first)
        for (one, other), second in local.second.items():
            weight = -factor * second
            left, right = part.designs.get(one), part.designs.get(other)
            if left is not None and right is not None:
                block = (left * weight[:, None]).T @ right
            elif left is None and right is None:
                block = np.array([[weight.sum()]])
            else:
                block = _project(left if left is not None else right, weight)[:, None]
                block = block if left is not None else block.T
            information[blocks[one], blocks[other]] += block
            if one != other:
                information[blocks[other], blocks[one]] += block.T
    return value, gradient, information


def _project(design: FloatArray | None, values: FloatArray) -> FloatArray:
    """Carry derivatives over to the parameters: a sum where there is one parameter."""
    return np.array([values.sum()]) if design is None else values @ design


def _scores(theta: FloatArray, model: Model, parts: list[_Part], n: int) -> FloatArray:
    """Return each row's gradient."""
    scores = np.zeros((n, len(theta)))
    for part in parts:
        local = local_terms(theta, model, part.y, part.designs, is_event=part.is_event)
        factor = part.sign if part.weights is None else part.sign * part.weights
        for kind, first in local.first.items():
            design, each = part.designs.get(kind), (factor * first)[:, None]
            scores[part.rows, model.blocks[kind]] += each if design is None else each * design
    return scores
