r"""The difference of two shares, from the interval of each.

With intervals :math:`(l_1, u_1)` and :math:`(l_0, u_0)` at the same level, the limits of
:math:`p_1 - p_0` are :math:`p_1 - p_0 - \{(p_1 - l_1)^2 + (u_0 - p_0)^2\}^{1/2}` and
:math:`p_1 - p_0 + \{(u_1 - p_1)^2 + (p_0 - l_0)^2\}^{1/2}`, where from each square sum
:math:`2r` times the product is taken if the two estimates have the correlation r [1]_. From
intervals that are symmetric this is the usual one.

A share of 0 or 1 has no variance of its own, which says nothing about how small or large it may be:
its open limit is Wilson's, :math:`z^2/(n + z^2)` from 0 or from 1, with the number n of those who
are not censored before.

References
----------
.. [1] Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a general
   approach. Stat Med 27:1693-1702. doi:10.1002/sim.3095
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evalkit.kernels.event_times import EventTimes
from evalkit.kernels.numeric import bisect, two_sided_p
from evalkit.kernels.time_index import TIE, last_at_or_before
from evalkit.kernels.wald import critical_values
from evalkit.typing import FloatArray

__all__ = [
    "Intervals",
    "difference_columns",
    "difference_limits",
    "difference_statistic",
    "known_number",
    "with_wilson",
]

Intervals = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Limits of shares, given the normal quantile of each."""

_LARGEST = 40.0  # a normal tail beyond it is 0 in a float


def difference_columns(
    p1: FloatArray,
    p0: FloatArray,
    of1: Intervals,
    of0: Intervals,
    level: float,
    df: FloatArray,
    correlation: FloatArray | float = 0.0,
) -> dict[str, FloatArray]:
    """Return the interval of the difference of two shares and the test that agrees with it.

    Parameters
    ----------
    p1, p0 : ndarray of float, shape (m,)
        The shares.
    of1, of0 : callable
        Their intervals.
    level : float
        Confidence level.
    df : ndarray of float, shape (m,)
        Degrees of freedom of the quantiles, infinite for normal ones; with none there is neither
        interval nor test.
    correlation : ndarray of float, shape (m,), or float
        Correlation of the two estimates.

    Returns
    -------
    dict
        Columns of an effect table, ``statistic`` to ``conf_high``.
    """
    z = critical_values(level, df)
    low, high = difference_limits(p1, p0, of1, of0, z, correlation)
    told = np.where(np.isnan(z), np.nan, 0.0)
    statistic = difference_statistic(p1, p0, of1, of0, correlation) + told
    return {
        "statistic": statistic,
        "df": np.where(np.isinf(df), np.nan, df),
        "p_value": two_sided_p(statistic, df),
        "conf_low": low + told,
        "conf_high": high + told,
    }


def known_number(table: EventTimes, times: FloatArray, effective: float | None) -> FloatArray:
    """Count those who are not censored before given times: at one time censorings come last.

    Parameters
    ----------
    table : EventTimes
        Who leaves and enters when.
    times : ndarray of float, shape (m,)
        The times.
    effective : float or None
        What all of them together count for, where clusters or sampling weights make it less than
        their sum.

    Returns
    -------
    ndarray of float, shape (m,)
        The number.
    """
    gone = np.concatenate([[0.0], np.cumsum(table.censored)])
    number = -gone[np.searchsorted(table.times, times * (1 - TIE), side="left")]
    total = float(table.events.sum() + table.censored.sum())
    if len(table.entry_times):
        came = np.concatenate([[0.0], np.cumsum(table.entered)])
        number = number + came[last_at_or_before(table.entry_times, times) + 1]
    else:
        number = number + total
    return number if effective is None else number * (effective / total)


def with_wilson(share: FloatArray, number: FloatArray, limits: Intervals) -> Intervals:
    """Give shares of 0 and 1 a limit of their own.

    Parameters
    ----------
    share : ndarray of float, shape (m,)
        The shares.
    number : ndarray of float, shape (m,)
        Number that each rests on.
    limits : callable
        Limits of the other shares.

    Returns
    -------
    callable
        Limits of all.
    """

    def of(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        low, high = limits(z)
        room = z * z / (number + z * z)
        low = np.where(share == 1, 1 - room, np.where(share == 0, 0.0, low))
        return low, np.where(share == 0, room, np.where(share == 1, 1.0, high))

    return of


def difference_limits(
    p1: FloatArray,
    p0: FloatArray,
    of1: Intervals,
    of0: Intervals,
    z: FloatArray,
    correlation: FloatArray | float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Combine the intervals of two shares into that of their difference.

    Parameters
    ----------
    p1, p0 : ndarray of float, shape (m,)
        The shares.
    of1, of0 : callable
        Their intervals; NaN where there is none counts as no width.
    z : ndarray of float, shape (m,)
        Normal quantiles.
    correlation : ndarray of float, shape (m,), or float
        Correlation of the two estimates.

    Returns
    -------
    tuple of ndarray of float, shape (m,)
        Lower and upper limits of p1 - p0.
    """
    low1, high1 = (np.where(np.isnan(limit), p1, limit) for limit in of1(z))
    low0, high0 = (np.where(np.isnan(limit), p0, limit) for limit in of0(z))
    difference = p1 - p0
    return (
        difference - _side(p1 - low1, high0 - p0, correlation),
        difference + _side(high1 - p1, p0 - low0, correlation),
    )


def _side(a: FloatArray, b: FloatArray, correlation: FloatArray | float) -> FloatArray:
    """Length of one side of the interval, from those of the two shares."""
    return np.sqrt(np.maximum(a * a + b * b - 2 * correlation * a * b, 0))


def difference_statistic(
    p1: FloatArray,
    p0: FloatArray,
    of1: Intervals,
    of0: Intervals,
    correlation: FloatArray | float = 0.0,
) -> FloatArray:
    """Find the normal quantile at which the interval of the difference just reaches 0.

    Parameters
    ----------
    p1, p0 : ndarray of float, shape (m,)
        The shares.
    of1, of0 : callable
        Their intervals.
    correlation : ndarray of float, shape (m,), or float
        Correlation of the two estimates.

    Returns
    -------
    ndarray of float, shape (m,)
        The quantile with the sign of the difference: a test that agrees with the interval. It is
        infinite where neither share has a variance, and 0 where there is no difference.
    """
    difference = p1 - p0

    def not_there(z: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        low, high = difference_limits(p1, p0, of1, of0, z, correlation)
        return np.where(difference > 0, low > 0, high < 0)

    root = bisect(not_there, np.zeros(len(difference)), np.full(len(difference), _LARGEST))
    root = np.where(not_there(np.full(len(difference), _LARGEST)), np.inf, root)
    return np.where(difference == 0, 0.0, np.where(np.isnan(difference), np.nan, root)) * np.where(
        difference < 0, -1.0, 1.0
    )
