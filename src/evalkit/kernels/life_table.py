"""Survival by intervals of time: the actuarial estimate.

References
----------
.. [1] Gehan EA (1969). Estimating survival functions from the life table. J Chronic Dis
   21:629-644. doi:10.1016/0021-9681(69)90035-6
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.event_times import EventTimes
from evalkit.kernels.time_index import TIE
from evalkit.typing import FloatArray

__all__ = ["LifeTable", "life_table_of"]


@dataclass(frozen=True, slots=True)
class LifeTable:
    """A life table; arrays of shape (m,), one entry for each interval [start, end).

    Attributes
    ----------
    start, end : ndarray of float
        The intervals; the last one ends at infinity.
    at_risk : ndarray of float
        At risk at the start.
    events, censored : ndarray of float
        Events and censorings in the interval.
    exposed : ndarray of float
        At risk less half of the censored.
    risk : ndarray of float
        Probability of the event in the interval for those who reach it; NaN where nobody does.
    survival : ndarray of float
        Probability of no event up to the end; NaN where nobody is left to tell it by.
    log_variance : ndarray of float
        Variance of log survival; infinite where survival is 0.
    hazard, hazard_std_error : ndarray of float
        Events per unit of time, NaN in the last interval.
    """

    start: FloatArray
    end: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray
    exposed: FloatArray
    risk: FloatArray
    survival: FloatArray
    log_variance: FloatArray
    hazard: FloatArray
    hazard_std_error: FloatArray


def life_table_of(table: EventTimes, limits: FloatArray) -> LifeTable:
    """Sum event times up to intervals.

    Parameters
    ----------
    table : EventTimes
        Events and censorings, everybody at risk from the beginning.
    limits : ndarray of float, shape (m - 1,)
        Positive, increasing limits between the intervals.

    Returns
    -------
    LifeTable
        The life table [1]_. R: ``KMsurv::lifetab``.
    """
    start, end = np.append(0.0, limits), np.append(limits, np.inf)
    interval = np.searchsorted(limits, table.times * (1 + TIE), side="right")
    events = np.bincount(interval, table.all_events, minlength=len(start)).astype(np.float64)
    censored = np.bincount(interval, table.censored, minlength=len(start)).astype(np.float64)
    leaving = events + censored
    at_risk = np.cumsum(leaving[::-1])[::-1]
    exposed = at_risk - censored / 2
    stay = exposed - events
    with np.errstate(divide="ignore", invalid="ignore"):
        risk = events / exposed
        survival = np.cumprod(1 - np.where(exposed > 0, risk, 0.0), dtype=np.float64)
        survival = np.where((at_risk > 0) | (survival == 0), survival, np.nan)
        steps = np.where(events > 0, events / (exposed * stay), 0.0)
        hazard = np.where(np.isinf(end), np.nan, events / ((end - start) * (exposed - events / 2)))
        half = hazard * (end - start) / 2
        error = np.where(events > 0, hazard * np.sqrt((1 - half**2) / events), 0.0 * hazard)
    return LifeTable(
        start=start,
        end=end,
        at_risk=at_risk,
        events=events,
        censored=censored,
        exposed=exposed,
        risk=risk,
        survival=survival,
        log_variance=np.cumsum(steps),
        hazard=hazard,
        hazard_std_error=error,
    )
