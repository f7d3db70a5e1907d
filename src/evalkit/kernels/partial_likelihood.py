r"""The partial likelihood of proportional hazards over risk sets, and what each row adds to it.

Everything is written with the two maps of :mod:`evalkit.kernels.at_risk`, so that it holds for
hazards and, with rows that are carried on, for subdistribution hazards. With
:math:`r_i = v_i e^{x_i'\beta}`, the sums :math:`S_0, S_1` over the risk set and :math:`D_0, D_1`
over the events of one time, and for copy l of d tied events (Efron: :math:`f = l / d`; Breslow:
f = 0) the denominator :math:`S_0 - f D_0`, five numbers a time are enough:

.. math:: h_1 = \bar v \sum_l \frac{1}{S_0 - f D_0}, \quad
   h_2 = \bar v \sum_l \frac{f}{S_0 - f D_0}, \quad
   (a, b, c) = \bar v \sum_l \frac{(1, f, f^2)}{(S_0 - f D_0)^2}.

The hazard's step is :math:`h_1`; the score is :math:`\sum v x - \sum (h_1 S_1 - h_2 D_1)`; the
information is :math:`X' \mathrm{diag}(w) X - \sum (a S_1 S_1' - b S_1 D_1' - b D_1 S_1' +
c D_1 D_1')`, where w spreads the hazard over the rows. No matrix of second moments by time is ever
formed.

References
----------
.. [1] Efron B (1977). The efficiency of Cox's likelihood function for censored data.
   J Am Stat Assoc 72:557-565. doi:10.1080/01621459.1977.10480613
.. [2] Lin DY, Wei LJ (1989). The robust inference for the Cox proportional hazards model.
   J Am Stat Assoc 84:1074-1078. doi:10.1080/01621459.1989.10478874
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.kernels.at_risk import Slots, binned, by_slot, spread, sums
from evalkit.typing import FloatArray

__all__ = [
    "Moments",
    "Ties",
    "evaluate",
    "hazard_influence",
    "information",
    "moments",
    "score",
    "score_residuals",
]

Ties: TypeAlias = Literal["efron", "breslow"]

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Moments:
    """What the partial likelihood needs of each event time, at one value of the coefficients.

    Attributes
    ----------
    risk : ndarray of float, shape (n,)
        Weight times relative hazard of each row.
    S1, D1 : ndarray of float, shape (J, p)
        Sums of ``risk`` times covariates over the risk set, and over the events (0 without ties).
    h1, h2, a, b, c : ndarray of float, shape (J,)
        The numbers named in the module's docstring; 0 in empty slots. ``h1`` is the step of the
        cumulative hazard at covariates 0.
    events : ndarray of float, shape (J,)
        Weight of the events.
    loglik : float
        Log partial likelihood.
    """

    risk: FloatArray
    S1: FloatArray
    D1: FloatArray
    h1: FloatArray
    h2: FloatArray
    a: FloatArray
    b: FloatArray
    c: FloatArray
    events: FloatArray
    loglik: float


def moments(sets: Slots, matrix: FloatArray, beta: FloatArray, ties: Ties) -> Moments:
    """Sum the risk sets at given coefficients.

    Parameters
    ----------
    sets : Slots
        The rows on the event times.
    matrix : ndarray of float, shape (n, p)
        Covariates; centre them, so that exponentials stay moderate.
    beta : ndarray of float, shape (p,)
        Coefficients.
    ties : {"efron", "breslow"}
        How tied events count.

    Returns
    -------
    Moments
        The sums.
    """
    linear = matrix @ beta
    risk = np.exp(linear)
    if sets.weights is not None:
        risk *= sets.weights
    size = sets.n_slots
    S0 = sums(sets, risk)
    first = np.stack([sums(sets, risk * column) for column in matrix.T], axis=1)
    tied = np.zeros_like(first)
    number = np.bincount(sets.slot, minlength=size)
    if sets.weights is None:
        died, events = np.ones(len(sets.deaths)), number.astype(np.float64)
    else:
        died = sets.weights[sets.deaths]
        events = binned(sets.slot, died, size)
    some = number > 0
    if ties == "breslow" or number.max(initial=0) <= 1:
        denominator = np.where(some, S0, 1.0)
        h1 = events / denominator
        a = h1 / denominator
        h2, b, c = np.zeros(size), np.zeros(size), np.zeros(size)
        value = -float(events @ np.log(denominator))
    else:
        D0 = by_slot(sets, risk)
        tied = np.stack([by_slot(sets, risk * column) for column in matrix.T], axis=1)
        begin = np.cumsum(number) - number
        share = (np.arange(len(sets.slot)) - begin[sets.slot]) / number[sets.slot]
        copies = S0[sets.slot] - share * D0[sets.slot]
        mean = (events[some] / number[some])[np.cumsum(some)[sets.slot] - 1]
        value = -float(mean @ np.log(copies))
        one, two = mean / copies, mean / copies**2
        h1, h2, a, b, c = (
            binned(sets.slot, part, size)
            for part in (one, one * share, two, two * share, two * share**2)
        )
    value += float(died @ linear[sets.deaths])
    return Moments(risk, first, tied, h1, h2, a, b, c, events, value)


def score(sets: Slots, matrix: FloatArray, at: Moments) -> FloatArray:
    """Return the gradient of the log partial likelihood, shape (p,)."""
    covariates = matrix[sets.deaths]
    if sets.weights is not None:
        covariates = covariates * sets.weights[sets.deaths, None]
    return covariates.sum(axis=0) - at.h1 @ at.S1 + at.h2 @ at.D1


def information(sets: Slots, matrix: FloatArray, at: Moments) -> FloatArray:
    """Return minus the second derivatives of the log partial likelihood, shape (p, p)."""
    hazard = _row_hazard(sets, at)
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    for begin in range(0, len(matrix), _CHUNK):
        part = matrix[begin : begin + _CHUNK]
        total += (part * hazard[begin : begin + _CHUNK, None]).T @ part
    cross = at.S1.T @ (at.D1 * at.b[:, None])
    total -= at.S1.T @ (at.S1 * at.a[:, None]) - cross - cross.T
    total -= at.D1.T @ (at.D1 * at.c[:, None])
    return (total + total.T) / 2


def _row_hazard(sets: Slots, at: Moments) -> FloatArray:
    """Weight times expected number of events of each row, shape (n,)."""
    hazard = spread(sets, at.h1)
    hazard[sets.deaths] -= at.h2[sets.slot]
    return hazard * at.risk


def evaluate(
    sets: Slots, matrix: FloatArray, beta: FloatArray, ties: Ties
) -> tuple[float, FloatArray, FloatArray]:
    """Return the log partial likelihood, its gradient and its information."""
    at = moments(sets, matrix, beta, ties)
    return at.loglik, score(sets, matrix, at), information(sets, matrix, at)


def score_residuals(sets: Slots, matrix: FloatArray, at: Moments) -> FloatArray:
    """What each row adds to the score, weights included.

    Parameters
    ----------
    sets : Slots
        The rows on the event times.
    matrix : ndarray of float, shape (n, p)
        Covariates.
    at : Moments
        The sums at the estimates.

    Returns
    -------
    ndarray of float, shape (n, p)
        Residuals. They sum to the score, 0 at the estimates. R:
        ``residuals(fit, "score", weighted = TRUE)``.
    """
    deaths, slot = sets.deaths, sets.slot
    means = at.a[:, None] * at.S1 - at.b[:, None] * at.D1
    tied = at.b[:, None] * at.S1 - at.c[:, None] * at.D1
    result = spread(sets, means)
    result[deaths] -= tied[slot]
    result *= at.risk[:, None]
    hazard = _row_hazard(sets, at)
    for column, covariate in enumerate(matrix.T):
        result[:, column] -= hazard * covariate
    some = at.events > 0
    centre = np.zeros_like(at.S1)
    centre[some] = (at.h1[:, None] * at.S1 - at.h2[:, None] * at.D1)[some] / at.events[some, None]
    weights = 1.0 if sets.weights is None else sets.weights[deaths, None]
    result[deaths] += weights * (matrix[deaths] - centre[slot])
    return result


def hazard_influence(
    sets: Slots, at: Moments, influence: FloatArray, functional: FloatArray
) -> FloatArray:
    r"""What each row adds to a sum over the steps of the cumulative hazard, weights included.

    Parameters
    ----------
    sets : Slots
        The rows on the event times.
    at : Moments
        The sums at the estimates.
    influence : ndarray of float, shape (n, p)
        What each row adds to the coefficients: score residuals times the inverse information.
    functional : ndarray of float, shape (J, m)
        Numbers :math:`\phi` that define the sums :math:`\sum_j \phi_j d\Lambda_j`.

    Returns
    -------
    ndarray of float, shape (n, m)
        Derivatives with respect to the logarithm of the rows' weights. They sum to 0 over rows
        where ``influence`` does, but for the steps' own dependence on the weights being exact.
    """
    deaths, slot = sets.deaths, sets.slot
    slope = (functional * at.a[:, None]).T @ at.S1 - (functional * at.b[:, None]).T @ at.D1
    result = spread(sets, functional * at.a[:, None])
    result[deaths] -= (functional * at.b[:, None])[slot]
    result *= -at.risk[:, None]
    some = at.events > 0
    gain = np.zeros_like(at.h1)
    gain[some] = at.h1[some] / at.events[some]
    weights = 1.0 if sets.weights is None else sets.weights[deaths, None]
    result[deaths] += weights * (functional * gain[:, None])[slot]
    result -= influence @ slope.T
    return result
