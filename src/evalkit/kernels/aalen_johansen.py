r"""Cumulative incidence by cause, any number of causes, with its variance by prefix sums.

Of the persons at risk on (entry, time] just before the distinct times :math:`u` the table of
:mod:`evalkit.kernels.event_times` has the weight :math:`n(u)`, and of the events of cause
:math:`j` there the weight :math:`d_j(u)`; :math:`d = \sum_j d_j`. With
:math:`S(u) = \prod_{v \le u} \{1 - d(v)/n(v)\}`,

.. math:: F_j(t) = \sum_{u \le t} S(u-) \, d_j(u) / n(u) .

Ties stay ties, and :math:`S + \sum_j F_j = 1` at every time. The variances are sums over
:math:`u \le t` of squares of :math:`F_j(t) - F_j(u)`: they expand to three prefix sums a cause,
so that the whole curve costs O(K) for K times. To keep their precision in the tail, where few are
at risk, they are written in what is still to come, :math:`F_j(\infty) - F_j(u)`.

References
----------
.. [1] Aalen O (1978). Nonparametric estimation of partial transition probabilities in multiple
   decrement models. Ann Stat 6:534-545. doi:10.1214/aos/1176344198
.. [2] Andersen PK, Borgan O, Gill RD, Keiding N (1993). Statistical models based on counting
   processes, section IV.4. doi:10.1007/978-1-4612-4348-9
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.kernels.event_times import EventTimes
from evalkit.typing import FloatArray

__all__ = [
    "INTERVALS",
    "AalenJohansen",
    "IncidenceInterval",
    "aalen_johansen",
    "aalen_variance",
    "after",
    "divide",
    "functional",
    "greenwood_functional_variance",
    "greenwood_variance",
    "incidence_interval",
    "ties",
]

IncidenceInterval: TypeAlias = Literal["log-log", "log", "plain", "arcsine"]
INTERVALS = ("log-log", "log", "plain", "arcsine")

_LARGEST = 700.0  # exponent that a float still holds
_EMPTY = 1e-12  # a remainder of the risk set that is this small is rounding of the weights


@dataclass(frozen=True, slots=True)
class AalenJohansen:
    """Cumulative incidence, and the pieces that its variances and influences are made of.

    Parameters
    ----------
    times : ndarray, shape (K,)
        Distinct times, increasing.
    at_risk : ndarray, shape (K,)
        Weight of those at risk just before.
    events : ndarray, shape (K, C)
        Weight of the events of each cause.
    before : ndarray, shape (K,)
        Probability of no event of any cause before each time, S(u-).
    survival : ndarray, shape (K,)
        The same up to and with each time, S(u).
    incidence : ndarray, shape (K, C)
        Cumulative incidence up to and with each time.
    step : ndarray, shape (K,)
        S(u-) / n(u), what one event adds to an incidence; 0 where nobody is at risk.
    """

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    before: FloatArray
    survival: FloatArray
    incidence: FloatArray
    step: FloatArray

    @property
    def later(self) -> FloatArray:
        """Incidence still to come after each time, F(inf) - F(u), shape (K, C)."""
        return after(self.step[:, None] * self.events)


def after(parts: FloatArray) -> FloatArray:
    """Sum what comes after each row; exactly 0 once nothing comes."""
    sums = np.zeros_like(parts)
    sums[:-1] = np.cumsum(parts[:0:-1], axis=0)[::-1]
    return sums


def divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide, with 0 where the denominator is 0."""
    if denominator.size and denominator.min() > 0:
        return numerator / denominator
    return np.divide(
        numerator,
        denominator,
        out=np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape)),
        where=denominator > 0,
    )


def aalen_johansen(table: EventTimes) -> AalenJohansen:
    """Estimate the cumulative incidence of every cause.

    Where a risk set empties by events, survival is 0 from there on, and incidences stay.

    Parameters
    ----------
    table : EventTimes
        At risk and events at the distinct times.

    Returns
    -------
    AalenJohansen
        The curves. R: ``survfit(Surv(entry, time, cause) ~ 1, id = id)$pstate``.
    """
    # Stored by cause, so that sums over time run along the memory.
    n, events = table.at_risk, np.asfortranarray(table.events)
    total = events.sum(axis=1)
    stay = np.maximum(n - total, 0.0)
    stay[stay <= _EMPTY * n] = 0.0
    survival = np.cumprod(np.where(n > 0, divide(stay, n), 1.0), dtype=np.float64)
    before = np.concatenate(([1.0], survival[:-1]))
    step = divide(before, n)
    incidence = np.cumsum(step[:, None] * events, axis=0)
    return AalenJohansen(table.times, n, events, before, survival, incidence, step)


def _coefficients(curve: AalenJohansen) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What an event at u weighs in F_j(t): own + slope * later(t), or that less step.

    With later(t) the incidence of cause j still to come after t, an event of cause j at u weighs
    ``step * {1 - (F(t) - F(u)) / S(u)}`` and one of another cause ``step`` less.
    """
    slope = divide(curve.step, curve.survival)
    own = curve.step[:, None] - slope[:, None] * curve.later
    return own, slope, curve.step


def _squares(p: FloatArray, q: FloatArray, mass: FloatArray, later: FloatArray) -> FloatArray:
    """Sum mass * (p + q * later(t))**2 over all rows up to each t."""
    first = np.cumsum(mass * p * p, axis=0)
    second = np.cumsum(mass * p * q, axis=0)
    third = np.cumsum(mass * q * q, axis=0)
    return first + later * (2 * second + later * third)


def greenwood_variance(curve: AalenJohansen) -> FloatArray:
    r"""Variance with multinomial increments, Greenwood's for any number of causes [2]_.

    Unweighted and without delayed entry it equals the infinitesimal jackknife to the last digit,
    because the martingale parts of different times are orthogonal in the sample then.
    R: ``survfit``'s ``std.err`` (squared) of a multi-state model, in that case;
    ``etm::etm`` in general.

    Parameters
    ----------
    curve : AalenJohansen
        The estimate.

    Returns
    -------
    ndarray, shape (K, C)
        Variances.
    """
    own, slope, step = _coefficients(curve)
    later = curve.later
    d = curve.events
    total = d.sum(axis=1)
    stay = 1 - divide(total, curve.at_risk)
    # An event of cause j weighs own + slope * later(t), another one step less; the square of their
    # mean is taken off. These are the sums of the squares' constant, linear and square parts.
    gain, loss = own * d, (own - step[:, None]) * (total[:, None] - d)
    mean = gain + loss
    first = gain * own + loss * (own - step[:, None])
    first -= mean * divide(mean, curve.at_risk[:, None])
    second = (slope * stay)[:, None] * mean
    third = np.cumsum(slope * slope * total * stay)[:, None]
    variance = np.cumsum(first, axis=0) + later * (2 * np.cumsum(second, axis=0) + later * third)
    return _tidy(variance, curve)


def aalen_variance(curve: AalenJohansen) -> FloatArray:
    r"""Variance by the delta method with independent causes and a correction for ties [1]_.

    At each time the events of cause j and those of all other causes count as independent, with
    variance :math:`d (n - d) / (n - 1)` each. R: ``cmprsk::cuminc``'s ``var``.

    Parameters
    ----------
    curve : AalenJohansen
        The estimate.

    Returns
    -------
    ndarray, shape (K, C)
        Variances.
    """
    own, slope, step = _coefficients(curve)
    later = curve.later
    d = curve.events
    others = d.sum(axis=1, keepdims=True) - d
    n = curve.at_risk[:, None]
    q = slope[:, None]
    variance = _squares(own, q, d * ties(d, n), later)
    last = (curve.survival == 0)[:, None]  # where all leave, another cause says nothing of F_j
    variance += _squares(
        own - step[:, None], q, np.where(last, 0.0, others * ties(others, n)), later
    )
    return _tidy(variance, curve)


def ties(d: FloatArray, n: FloatArray) -> FloatArray:
    """Correct the variance of d of n without replacement: (n - d) / (n - 1), 1 up to one event."""
    return np.where(d > 1, 1 - divide(d - 1, n - 1), 1.0)


def _tidy(variance: FloatArray, curve: AalenJohansen) -> FloatArray:
    """Clear rounding: no variance before the first event, none below 0."""
    return np.where(curve.incidence > 0, np.maximum(variance, 0.0), 0.0)


def functional(curve: AalenJohansen, weight: npt.ArrayLike) -> FloatArray:
    r"""Integrate a function of time over the cumulative incidences.

    Parameters
    ----------
    curve : AalenJohansen
        The estimate.
    weight : array_like, shape (K,) or (K, M)
        The function :math:`\varphi` at the distinct times: :math:`1(u \le t)` gives the incidence
        at t, :math:`(\tau - u)^+` the time lost to the cause before :math:`\tau`.

    Returns
    -------
    ndarray, shape (M, C)
        :math:`\sum_u \varphi(u) \, dF_j(u)`; M = 1 for one function.
    """
    phi = _as_columns(weight)
    return phi.T @ (curve.step[:, None] * curve.events)


def _as_columns(weight: npt.ArrayLike) -> FloatArray:
    """See one function as a column, several as columns."""
    phi = np.asarray(weight, dtype=np.float64)
    return phi[:, None] if phi.ndim == 1 else phi


def greenwood_functional_variance(curve: AalenJohansen, weight: npt.ArrayLike) -> FloatArray:
    """Covariances among causes of :func:`functional`, with multinomial increments.

    Parameters
    ----------
    curve : AalenJohansen
        The estimate.
    weight : array_like, shape (K,) or (K, M)
        The functions.

    Returns
    -------
    ndarray, shape (M, C, C)
        Covariance matrices.
    """
    phi = _as_columns(weight)
    d, n = curve.events, curve.at_risk
    increments = curve.step[:, None] * d
    n_causes = d.shape[1]
    result = np.empty((phi.shape[1], n_causes, n_causes))
    slope = divide(curve.step, curve.survival)
    for m in range(phi.shape[1]):
        rest = slope[:, None] * after(phi[:, m, None] * increments)
        # weigh[u, c, j]: what an event of cause c at u weighs in the functional of cause j
        weigh = np.repeat(-rest[:, None, :], n_causes, axis=1)
        weigh[:, range(n_causes), range(n_causes)] += (phi[:, m] * curve.step)[:, None]
        mean = np.einsum("kc,kcj->kj", d, weigh)
        result[m] = np.einsum("kc,kci,kcj->ij", d, weigh, weigh)
        result[m] -= np.einsum("ki,kj,k->ij", mean, mean, divide(np.ones_like(n), n))
    return result


def incidence_interval(
    incidence: FloatArray,
    variance: FloatArray,
    z: FloatArray | float,
    kind: IncidenceInterval,
    *,
    truncate: bool = True,
) -> tuple[FloatArray, FloatArray]:
    r"""Limits of a confidence interval of an incidence.

    Parameters
    ----------
    incidence, variance : ndarray of float
        Estimates and their variances, of one shape.
    z : ndarray of float or float
        Normal quantile of the level.
    kind : {"log-log", "log", "plain", "arcsine"}
        Scale on which the interval is symmetric: :math:`\log\{-\log(1 - F)\}`, so that one cause
        has one minus the log-log interval of the survival; :math:`\log F`, R's default for
        multi-state models; F itself; :math:`\arcsin\sqrt F`.
    truncate : bool, default True
        Cut the limits to [0, 1].

    Returns
    -------
    tuple of ndarray
        Lower and upper limits. At incidences of 0 and 1 both equal the estimate; both are missing
        where the variance is.
    """
    F = np.asarray(incidence, dtype=np.float64)
    half = z * np.sqrt(variance)
    inside = (F > 0) & (F < 1)
    p = np.where(inside, F, 0.5)
    if kind == "log-log":
        hazard = -np.log1p(-p)
        factor = np.exp(np.minimum(half / ((1 - p) * hazard), _LARGEST))
        low, high = -np.expm1(-hazard / factor), -np.expm1(-hazard * factor)
    elif kind == "log":
        factor = np.exp(np.minimum(half / p, _LARGEST))
        low, high = p / factor, p * factor
    elif kind == "plain":
        low, high = p - half, p + half
    else:
        angle, arc = np.arcsin(np.sqrt(p)), half / (2 * np.sqrt(p * (1 - p)))
        low = np.sin(np.maximum(angle - arc, 0.0)) ** 2
        high = np.sin(np.minimum(angle + arc, np.pi / 2)) ** 2
    if truncate:
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    told = inside | np.isnan(half)
    return np.where(told, low, F), np.where(told, high, F)
