r"""The cumulative hazard as a sum over event times, and its interval.

With :math:`n_k` at risk and :math:`d_k` events at the distinct times :math:`t_k`, Nelson's and
Aalen's [1]_ estimate is :math:`H(t) = \sum_{t_k \le t} d_k / n_k`, with variance
:math:`\sum d_k / n_k^2`. Fleming and Harrington [2]_ let the tied events of one time happen one
after the other: :math:`\sum_{j < d_k} 1 / (n_k - j)` with variance
:math:`\sum_{j < d_k} 1 / (n_k - j)^2`.

References
----------
.. [1] Aalen O (1978). Nonparametric inference for a family of counting processes.
   Ann Stat 6:701-726. doi:10.1214/aos/1176344247
.. [2] Fleming TR, Harrington DP (1984). Nonparametric estimation of the survival distribution in
   censored data. Commun Stat Theory Methods 13:2469-2486. doi:10.1080/03610928408828837
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.event_times import EventTimes
from evalkit.typing import FloatArray

__all__ = ["CumulativeHazard", "cumulative_hazard", "hazard_limits"]


@dataclass(frozen=True, slots=True)
class CumulativeHazard:
    """A cumulative hazard: constant from each time to the next.

    Attributes
    ----------
    hazard : ndarray of float, shape (K,)
        Sum of the hazards up to and at each time.
    variance : ndarray of float, shape (K,)
        Its variance.
    """

    hazard: FloatArray
    variance: FloatArray


def cumulative_hazard(table: EventTimes, *, fleming_harrington: bool = False) -> CumulativeHazard:
    """Estimate the cumulative hazard; events of all causes count alike.

    Parameters
    ----------
    table : EventTimes
        Events and risk sets.
    fleming_harrington : bool, default False
        Let tied events happen one after the other; their numbers must be whole.

    Returns
    -------
    CumulativeHazard
        The hazard. R: ``survfit(..., ctype = 1)`` (or 2), ``$cumhaz`` and ``$std.chaz``.

    Examples
    --------
    >>> from evalkit.kernels.event_times import event_times
    >>> cumulative_hazard(event_times(np.array([1.0, 2.0, 2.0]), np.array([1, 1, 0]), 1)).hazard
    array([0.33333333, 0.83333333])
    """
    n, events = table.at_risk, table.all_events
    some = events > 0
    if not fleming_harrington:
        hazard = np.divide(events, n, out=np.zeros(len(n)), where=some)
        variance = np.divide(hazard, n, out=np.zeros(len(n)), where=some)
        return CumulativeHazard(np.cumsum(hazard), np.cumsum(variance))
    tied = events[some].astype(np.int64)
    first = np.cumsum(tied) - tied
    earlier = np.arange(int(tied.sum())) - np.repeat(first, tied)  # events before, at the same time
    single = 1 / (np.repeat(n[some], tied) - earlier)
    hazard, variance = np.zeros(len(n)), np.zeros(len(n))
    if len(first):
        hazard[some] = np.add.reduceat(single, first)
        variance[some] = np.add.reduceat(single * single, first)
    return CumulativeHazard(np.cumsum(hazard), np.cumsum(variance))


def hazard_limits(
    hazard: FloatArray, variance: FloatArray, z: float, ci: str
) -> tuple[FloatArray, FloatArray]:
    """Pointwise limits of a cumulative hazard.

    Parameters
    ----------
    hazard, variance : ndarray of float
        Cumulative hazards and their variances.
    z : float
        Normal quantile of the interval.
    ci : {"log", "plain"}
        Scale on which the interval is symmetric.

    Returns
    -------
    tuple of ndarray of float
        Lower and upper limits, at least 0; both 0 where the hazard is 0.
    """
    half = z * np.sqrt(variance)
    if ci == "plain":
        return np.maximum(hazard - half, 0), hazard + half
    factor = np.exp(np.divide(half, hazard, out=np.zeros(hazard.shape), where=hazard > 0))
    return hazard / factor, hazard * factor
