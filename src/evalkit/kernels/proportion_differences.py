"""Differences of two binomial proportions: score intervals, their test, and Newcombe's interval.

Every function takes counts that broadcast against each other and returns float arrays of their
common shape. Group 1 is the arm and group 0 the control; differences are p1 - p0. Counts are
assumed to be checked: whole, ``0 <= x <= n``, ``n >= 1``. Nothing is added to empty cells.

References
----------
.. [1] Miettinen O, Nurminen M (1985). Comparative analysis of two rates. Stat Med 4:213-226.
   doi:10.1002/sim.4780040211
.. [2] Mee RW (1984). Confidence bounds for the difference between two probabilities.
   Biometrics 40:1175-1176.
.. [3] Newcombe RG (1998). Interval estimation for the difference between independent proportions:
   comparison of eleven methods. Stat Med 17:873-890.
   doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.kernels.numeric import bisect, floats, normal_quantile
from evalkit.kernels.proportions import wilson
from evalkit.typing import FloatArray

__all__ = [
    "ProportionDifference",
    "constrained_proportions",
    "newcombe",
    "score_difference",
    "score_statistic",
]


@dataclass(frozen=True)
class ProportionDifference:
    """Differences p1 - p0 with an interval each; arrays of the counts' common shape.

    ``std_error`` is the unrestricted one, sqrt(p1(1-p1)/n1 + p0(1-p0)/n0); neither the intervals
    nor the tests are built from it. ``statistic`` and ``p_value`` (two-sided) test that the
    difference is zero, and are NaN for a method that has no test.
    """

    estimate: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    statistic: FloatArray
    p_value: FloatArray


def constrained_proportions(
    x1: FloatArray, n1: FloatArray, x0: FloatArray, n0: FloatArray, delta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Most likely (p1, p0) among those with p1 - p0 = delta.

    p0 is the root in :math:`[\max(0, -\delta), \min(1, 1 - \delta)]` of the cubic
    :math:`p^3 + b p^2 + c p + d` that the score equation becomes: the trigonometric formula of
    [1]_, appendix I, with its argument kept inside [-1, 1], and two Newton steps that restore
    the digits it loses where the proportions are close to 0.

    Parameters
    ----------
    x1, n1, x0, n0 : ndarray of float64
        Successes and trials of the two groups.
    delta : ndarray of float64
        Difference that is imposed, from -1 to 1.

    Returns
    -------
    tuple of ndarray of float64
        p1 and p0.
    """
    total = n1 + n0
    b = ((n1 + 2 * n0) * delta - total - x1 - x0) / total
    c = ((n0 * delta - total - 2 * x0) * delta + x1 + x0) / total
    d = x0 * delta * (1 - delta) / total
    shift = b / 3
    q = shift**3 - b * c / 6 + d / 2
    radius = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum(shift**2 - c / 3, 0.0))
    angle = (np.pi + np.arccos(np.clip(_ratio(q, radius**3), -1.0, 1.0))) / 3
    p0 = 2 * radius * np.cos(angle) - shift
    low, high = np.maximum(0.0, -delta), np.minimum(1.0, 1 - delta)
    for _ in range(2):
        p0 = np.clip(p0, low, high)
        p0 = p0 - _ratio(((p0 + b) * p0 + c) * p0 + d, (3 * p0 + 2 * b) * p0 + c)
    p0 = np.clip(p0, low, high)
    return np.clip(p0 + delta, 0.0, 1.0), p0


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide, with 0 where the denominator is 0."""
    zeros = np.zeros_like(denominator)
    return np.divide(numerator, denominator, out=zeros, where=denominator != 0)


def score_statistic(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    delta: npt.ArrayLike = 0.0,
    *,
    corrected: bool = True,
) -> FloatArray:
    r"""Score statistic for p1 - p0 = delta.

    :math:`z = (\hat p_1 - \hat p_0 - \delta) / \sqrt{V}` with
    :math:`V = \tilde p_1(1-\tilde p_1)/n_1 + \tilde p_0(1-\tilde p_0)/n_0` at the proportions of
    :func:`constrained_proportions`, times :math:`N/(N-1)` if ``corrected``. Zero where the
    difference equals ``delta``, infinite where only V vanishes.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    delta : array_like, default 0
        Difference under the null hypothesis, from -1 to 1.
    corrected : bool, default True
        Whether V has Miettinen and Nurminen's factor N / (N - 1).

    Returns
    -------
    ndarray of float64
        z.
    """
    x1, n1, x0, n0, delta = floats(x1, n1, x0, n0, delta)
    gap = x1 / n1 - x0 / n0 - delta
    # Count what is rarer, success or failure: shares close to 0 keep more digits than close to 1.
    flip = 2 * (x1 + x0) > n1 + n0
    x1, x0 = np.where(flip, n1 - x1, x1), np.where(flip, n0 - x0, x0)
    p1, p0 = constrained_proportions(x1, n1, x0, n0, np.where(flip, -delta, delta))
    variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    if corrected:
        variance = variance * ((n1 + n0) / (n1 + n0 - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gap == 0, 0.0, gap / np.sqrt(variance))


def score_difference(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    level: float = 0.95,
    *,
    corrected: bool = True,
) -> ProportionDifference:
    """Score interval and test: Miettinen-Nurminen [1]_, or Mee [2]_ without the correction.

    The interval holds every difference whose :func:`score_statistic` is within the normal
    quantile; its ends are found by bisection between the estimate and -1 or 1.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    level : float, default 0.95
        Confidence level.
    corrected : bool, default True
        Miettinen-Nurminen if True, Mee if False.

    Returns
    -------
    ProportionDifference
        Estimates, limits and the test of no difference.
    """
    x1, n1, x0, n0 = floats(x1, n1, x0, n0)
    estimate, std_error = _difference(x1, n1, x0, n0)
    z = normal_quantile(level)

    def statistic(delta: FloatArray) -> FloatArray:
        return score_statistic(x1, n1, x0, n0, delta, corrected=corrected)

    one = np.ones_like(estimate)
    target = np.reshape([z, -z], (2, *(1,) * estimate.ndim))
    low, high = bisect(
        lambda delta: statistic(delta) > target,
        np.stack([-one, estimate]),
        np.stack([estimate, one]),
    )
    at_zero = statistic(np.zeros_like(estimate))
    p_value = 2 * special.ndtr(-np.abs(at_zero))
    return ProportionDifference(estimate, std_error, low, high, at_zero, p_value)


def newcombe(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    level: float = 0.95,
) -> ProportionDifference:
    r"""Newcombe's hybrid score interval [3]_, method 10, without a test.

    With Wilson's limits :math:`(l_i, u_i)` the ends are
    :math:`d - \sqrt{(\hat p_1 - l_1)^2 + (u_0 - \hat p_0)^2}` and
    :math:`d + \sqrt{(u_1 - \hat p_1)^2 + (\hat p_0 - l_0)^2}`.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    ProportionDifference
        Estimates and limits; ``statistic`` and ``p_value`` are NaN.
    """
    x1, n1, x0, n0 = floats(x1, n1, x0, n0)
    estimate, std_error = _difference(x1, n1, x0, n0)
    one, zero = wilson(x1, n1, level), wilson(x0, n0, level)
    low = estimate - np.hypot(one.estimate - one.low, zero.high - zero.estimate)
    high = estimate + np.hypot(one.high - one.estimate, zero.estimate - zero.low)
    no_test = np.full_like(estimate, np.nan)
    return ProportionDifference(estimate, std_error, low, high, no_test, no_test.copy())


def _difference(
    x1: FloatArray, n1: FloatArray, x0: FloatArray, n0: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Observed difference and its unrestricted standard error."""
    p1, p0 = x1 / n1, x0 / n0
    return p1 - p0, np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
