r"""Survival as a product of conditional probabilities, its intervals and its quantiles.

With :math:`n_k` at risk and :math:`d_k` events at the distinct times :math:`t_k`,

.. math:: S(t) = \prod_{t_k \le t} \left(1 - \frac{d_k}{n_k}\right), \qquad
    \widehat{\operatorname{var}} \log S(t) = \sum_{t_k \le t} \frac{d_k}{n_k (n_k - d_k)}

(Kaplan and Meier [1]_, Greenwood [2]_).

References
----------
.. [1] Kaplan EL, Meier P (1958). Nonparametric estimation from incomplete observations.
   J Am Stat Assoc 53:457-481. doi:10.1080/01621459.1958.10501452
.. [2] Greenwood M (1926). The natural duration of cancer. Reports on Public Health and Medical
   Subjects 33:1-26.
.. [3] Brookmeyer R, Crowley J (1982). A confidence interval for the median survival time.
   Biometrics 38:29-41. doi:10.2307/2530286
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evalkit.kernels.event_times import EventTimes
from evalkit.kernels.time_index import TIE, last_at_or_before
from evalkit.typing import FloatArray

__all__ = [
    "EmptyRiskSet",
    "ProductLimit",
    "after_time",
    "empty_risk_set",
    "product_limit",
    "quantile",
    "step",
    "survival_limits",
]

_ROUNDING = 1e-12  # a remainder of the risk set this small comes from adding up weights
_FLAT = 1.5e-8  # a curve this near a probability is at it, as in R


@dataclass(frozen=True, slots=True)
class ProductLimit:
    """A survival curve: constant from each time to the next.

    Attributes
    ----------
    table : EventTimes
        What it was computed from.
    events : ndarray of float, shape (K,)
        Events of any cause.
    survival : ndarray of float, shape (K,)
        Probability of no event up to and at each time.
    steps : ndarray of float, shape (K,)
        Greenwood's terms d / (n (n - d)); infinite where everybody at risk has an event.
    start : float
        Time from which the curve is defined: the first entry; minus infinity where nobody enters
        late.
    end : float
        The last observed time; infinite if survival has come to 0.
    """

    table: EventTimes
    events: FloatArray
    survival: FloatArray
    steps: FloatArray
    start: float
    end: float

    @property
    def times(self) -> FloatArray:
        """Distinct exit times, shape (K,)."""
        return self.table.times

    def at(self, t: npt.ArrayLike) -> FloatArray:
        """P(T > t): 1 before the first event, NaN outside the time observed.

        Parameters
        ----------
        t : array_like, shape (m,)
            Times.

        Returns
        -------
        ndarray of float, shape (m,)
            Survival.
        """
        return step(self, self.survival, 1.0, t)


@dataclass(frozen=True, slots=True)
class EmptyRiskSet:
    """The first time at which nobody is left at risk although others are observed later.

    Attributes
    ----------
    time : float
        That time.
    later : float
        Weight of those observed later.
    by_event : bool
        Whether survival is 0 from there on, since all who were left had an event.
    """

    time: float
    later: float
    by_event: bool


def product_limit(table: EventTimes) -> ProductLimit:
    """Estimate survival; events of all causes count alike.

    Parameters
    ----------
    table : EventTimes
        Events and risk sets.

    Returns
    -------
    ProductLimit
        The curve. R: ``survfit(Surv(entry, time, event) ~ 1)$surv``.

    Examples
    --------
    >>> from evalkit.kernels.event_times import event_times
    >>> product_limit(event_times(np.array([1.0, 2.0, 2.0]), np.array([1, 1, 0]), 1)).survival
    array([0.66666667, 0.33333333])
    """
    n, events = table.at_risk, table.all_events
    stay = n - events
    stay[stay <= _ROUNDING * n] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        remaining: FloatArray = stay / n
        steps: FloatArray = events / (n * stay)
    if len(n) and n.min() == 0:  # only weights of 0
        remaining[n == 0], steps[n == 0] = 1.0, 0.0
    survival = np.cumprod(remaining, dtype=np.float64)
    late = len(table.entry_times) > 0
    ended = len(survival) > 0 and survival[-1] == 0
    return ProductLimit(
        table=table,
        events=events,
        survival=survival,
        steps=steps,
        start=float(table.entry_times[0]) if late else -np.inf,
        end=np.inf if ended else float(table.times[-1]) if len(table.times) else -np.inf,
    )


def step(curve: ProductLimit, values: FloatArray, before: float, t: npt.ArrayLike) -> FloatArray:
    """Read the values of a curve at any times.

    Parameters
    ----------
    curve : ProductLimit
        Where the curve is defined.
    values : ndarray of float, shape (K,)
        Its values from each time on.
    before : float
        Its value before the first time.
    t : array_like, shape (m,)
        Times.

    Returns
    -------
    ndarray of float, shape (m,)
        The values; NaN before ``start`` and after ``end``.
    """
    asked = np.asarray(t, dtype=np.float64)
    found = np.concatenate([[before], values])[last_at_or_before(curve.times, asked) + 1]
    outside = (asked < curve.start * (1 - TIE)) | (asked > curve.end * (1 + TIE))
    return np.where(outside | np.isnan(asked), np.nan, found)


def after_time(table: EventTimes, t: float) -> EventTimes:
    """Keep what happens after ``t`` to those at risk then or later.

    Parameters
    ----------
    table : EventTimes
        Events and risk sets.
    t : float
        The time.

    Returns
    -------
    EventTimes
        The table of the times after ``t``: those at risk then enter at ``t``.
    """
    kept = slice(int(last_at_or_before(table.times, t)) + 1, None)
    late = slice(int(last_at_or_before(table.entry_times, t)) + 1, None)
    entry_times, entered = table.entry_times[late], table.entered[late]
    leave = table.events[kept].sum() + table.censored[kept].sum()
    there = leave - entered.sum()
    if there > _ROUNDING * leave:
        entry_times, entered = np.append(t, entry_times), np.append(there, entered)
    return replace(
        table,
        times=table.times[kept],
        at_risk=table.at_risk[kept],
        events=table.events[kept],
        censored=table.censored[kept],
        events2=table.events2[kept],
        entry_times=entry_times,
        entered=entered,
    )


def empty_risk_set(curve: ProductLimit) -> EmptyRiskSet | None:
    """Find the first time after which nobody is at risk although others are observed later.

    Parameters
    ----------
    curve : ProductLimit
        The curve.

    Returns
    -------
    EmptyRiskSet or None
        None if the risk set empties only at the end.
    """
    table = curve.table
    if len(table.entry_times) == 0 and (len(curve.survival) < 2 or curve.survival[-2] > 0):
        return None
    leaving = table.all_events + table.censored
    later = np.cumsum(leaving[::-1])[::-1] - leaving
    coming = np.zeros(len(later))
    if len(table.entry_times):
        sums = np.concatenate([np.cumsum(table.entered[::-1])[::-1], [0.0]])
        coming = sums[last_at_or_before(table.entry_times, table.times) + 1]
    least = _ROUNDING * leaving.sum()
    empty = np.flatnonzero(((later - coming <= least) | (curve.survival == 0)) & (later > least))
    if len(empty) == 0:
        return None
    k = int(empty[0])
    return EmptyRiskSet(float(table.times[k]), float(later[k]), bool(curve.survival[k] == 0))


def survival_limits(
    survival: FloatArray,
    log_variance: FloatArray,
    z: float | FloatArray,
    ci: str,
    *,
    truncate: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Pointwise limits of a survival probability, by the delta method on a transformed scale.

    Parameters
    ----------
    survival : ndarray of float
        Probabilities.
    log_variance : ndarray of float
        Variances of their logarithms.
    z : float or ndarray of float
        Normal quantile of the interval.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale on which the interval is symmetric: log(-log S), log S, S or arcsin(sqrt(S)).
    truncate : bool, default True
        Cut the limits at 0 and 1.

    Returns
    -------
    tuple of ndarray of float
        Lower and upper limits: both 1 where survival is 1 with no variance, NaN where it is 0.
    """
    s = np.where(survival > 0, survival, np.nan)
    half = z * np.sqrt(log_variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if ci == "log-log":
            wide = half / np.abs(np.log(s))
            low, high = s ** np.exp(wide), s ** np.exp(-wide)
        elif ci == "log":
            low, high = s * np.exp(-half), s * np.exp(half)
        elif ci == "plain":
            low, high = s - s * half, s + s * half
        else:
            middle = np.arcsin(np.sqrt(s))
            wide = half / 2 * np.sqrt(s / (1 - s))
            low = np.sin(np.maximum(middle - wide, 0)) ** 2
            high = np.sin(np.minimum(middle + wide, np.pi / 2)) ** 2
    certain = (survival == 1) & (log_variance == 0)
    low, high = np.where(certain, 1.0, low), np.where(certain, 1.0, high)
    return (np.maximum(low, 0), np.minimum(high, 1)) if truncate else (low, high)


def quantile(times: FloatArray, survival: FloatArray, q: float) -> float:
    """Time by which a share ``q`` has had the event.

    The first time at which survival is at most 1 - q; where the curve stays level at exactly
    1 - q, the midpoint of that stretch, as in R. Applied to the two limits of a curve it gives the
    interval of Brookmeyer and Crowley [3]_.

    Parameters
    ----------
    times : ndarray of float, shape (K,)
        Increasing times.
    survival : ndarray of float, shape (K,)
        The curve from each time on, or one of its limits; NaN where there is none.
    q : float
        Share, strictly between 0 and 1.

    Returns
    -------
    float
        The quantile; NaN if the curve does not come down to 1 - q.
    """
    known = ~np.isnan(survival)
    x, lost = times[known], 1 - survival[known]
    reached = np.flatnonzero(lost >= q - _FLAT)
    if len(reached) == 0:
        return float("nan")
    first = x[reached[0]]
    beyond = np.flatnonzero(lost >= q + _FLAT)
    if len(beyond):
        return float((first + x[beyond[0]]) / 2)
    # The curve ends level at 1 - q: up to the last observed time, if it is known until then.
    return float((first + times[-1]) / 2) if known[-1] else float("nan")
