r"""Ratios and odds ratios of two binomial proportions: score intervals and score tests.

Every function takes counts that broadcast against each other and returns float arrays of their
common shape. Group 1 is the arm and group 0 the control; ratios are p1 / p0 and odds ratios
p1 (1 - p0) / {p0 (1 - p1)}. Counts are assumed to be checked: whole (or sums of case weights),
``0 <= x <= n``, ``n >= 1``. Nothing is added to empty cells: where the data bound a ratio on one
side only, the other end of its interval is 0 or infinite.

References
----------
.. [1] Koopman PAR (1984). Confidence intervals for the ratio of two binomial proportions.
   Biometrics 40:513-517. doi:10.2307/2531405
.. [2] Miettinen O, Nurminen M (1985). Comparative analysis of two rates. Stat Med 4:213-226.
   doi:10.1002/sim.4780040211
.. [3] Cornfield J (1956). A statistical problem arising from retrospective studies. Proc Third
   Berkeley Symp Math Stat Prob 4:135-148.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.kernels.numeric import bisect, floats, normal_quantile
from evalkit.typing import FloatArray

__all__ = [
    "ProportionRatio",
    "constrained_by_odds_ratio",
    "constrained_by_ratio",
    "odds_ratio_statistic",
    "ratio_statistic",
    "score_odds_ratio",
    "score_ratio",
]

_FARTHEST = 60.0  # log of a ratio that no counts a float can hold come near


@dataclass(frozen=True, slots=True)
class ProportionRatio:
    """Ratios with an interval each; arrays of the counts' common shape.

    Attributes
    ----------
    estimate : ndarray of float
        The ratio; infinite if only the control's denominator vanishes, NaN if it is 0 / 0.
    std_error : ndarray of float
        Delta-method standard error of its logarithm, for information: neither interval nor test
        is built from it. NaN where an empty cell leaves it undefined.
    low, high : ndarray of float
        Ends of the interval, 0 and infinite where the data set no bound.
    statistic, p_value : ndarray of float
        Score test that the ratio is 1, and its two-sided p-value; NaN where nobody or everybody
        succeeded, which says nothing about a ratio.
    """

    estimate: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    statistic: FloatArray
    p_value: FloatArray


def constrained_by_ratio(
    x1: FloatArray, n1: FloatArray, x0: FloatArray, n0: FloatArray, ratio: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Most likely (p1, p0) among those with p1 / p0 = ratio.

    :math:`p_0` is the smaller root of :math:`N\theta p^2 - \{\theta(n_1 + x_0) + n_0 + x_1\} p
    + x_1 + x_0 = 0`.

    Parameters
    ----------
    x1, n1, x0, n0 : ndarray of float64
        Successes and trials of the two groups.
    ratio : ndarray of float64
        The ratio that is imposed, positive.

    Returns
    -------
    tuple of ndarray of float64
        p1 and p0.
    """
    b = ratio * (n1 + x0) + n0 + x1
    c = x1 + x0
    # b^2 - 4 N theta c, as a sum of terms of which none cancels another
    gap = ratio * (n1 + x0) - (n0 + x1)
    inside = gap**2 + 4 * ratio * (n1 - x1) * (n0 - x0)
    p0 = np.minimum(2 * c / (b + np.sqrt(inside)), np.minimum(1.0, 1 / ratio))
    return np.minimum(ratio * p0, 1.0), p0


def ratio_statistic(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    ratio: npt.ArrayLike = 1.0,
    *,
    corrected: bool = True,
) -> FloatArray:
    r"""Score statistic for p1 / p0 = ratio.

    :math:`z = (\hat p_1 - \theta \hat p_0) / \sqrt V` with
    :math:`V = \tilde p_1(1-\tilde p_1)/n_1 + \theta^2 \tilde p_0(1-\tilde p_0)/n_0` at the
    proportions of :func:`constrained_by_ratio`, times :math:`N/(N-1)` if ``corrected``.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    ratio : array_like, default 1
        Ratio under the null hypothesis, positive.
    corrected : bool, default True
        Whether V has Miettinen and Nurminen's factor N / (N - 1).

    Returns
    -------
    ndarray of float64
        z; 0 where the ratio of the samples equals ``ratio``.
    """
    x1, n1, x0, n0, theta = floats(x1, n1, x0, n0, ratio)
    p1, p0 = constrained_by_ratio(x1, n1, x0, n0, theta)
    variance = p1 * (1 - p1) / n1 + theta**2 * p0 * (1 - p0) / n0
    if corrected:
        variance = variance * ((n1 + n0) / (n1 + n0 - 1))
    gap = x1 / n1 - theta * (x0 / n0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gap == 0, 0.0, gap / np.sqrt(variance))


def constrained_by_odds_ratio(
    x1: FloatArray, n1: FloatArray, x0: FloatArray, n0: FloatArray, odds_ratio: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Most likely (p1, p0) among those whose odds ratio is as given.

    :math:`p_0` solves :math:`n_0(\psi-1)p^2 + \{n_1\psi + n_0 - (x_1+x_0)(\psi-1)\}p
    - (x_1+x_0) = 0`, and :math:`p_1 = \psi p_0 / (1 - p_0 + \psi p_0)`.

    Parameters
    ----------
    x1, n1, x0, n0 : ndarray of float64
        Successes and trials of the two groups.
    odds_ratio : ndarray of float64
        The odds ratio that is imposed, positive.

    Returns
    -------
    tuple of ndarray of float64
        p1 and p0.
    """
    m = x1 + x0
    a = n0 * (odds_ratio - 1)
    b = odds_ratio * (n1 - m) + n0 + m
    root = np.sqrt(np.maximum(b**2 + 4 * a * m, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        # one of the two forms of the root cancels nothing
        p0 = np.where(b > 0, 2 * m / (b + root), (root - b) / (2 * a))
    p0 = np.clip(p0, 0.0, 1.0)
    return odds_ratio * p0 / (1 - p0 + odds_ratio * p0), p0


def odds_ratio_statistic(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    odds_ratio: npt.ArrayLike = 1.0,
    *,
    corrected: bool = True,
) -> FloatArray:
    r"""Score statistic for an odds ratio.

    :math:`z = n_1 (\hat p_1 - \tilde p_1) \sqrt{1/\{n_1\tilde p_1(1-\tilde p_1)\}
    + 1/\{n_0\tilde p_0(1-\tilde p_0)\}}` at the proportions of
    :func:`constrained_by_odds_ratio`, times :math:`\sqrt{(N-1)/N}` if ``corrected``.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    odds_ratio : array_like, default 1
        Odds ratio under the null hypothesis, positive.
    corrected : bool, default True
        Whether the variance has Miettinen and Nurminen's factor N / (N - 1).

    Returns
    -------
    ndarray of float64
        z.
    """
    x1, n1, x0, n0, psi = floats(x1, n1, x0, n0, odds_ratio)
    p1, p0 = constrained_by_odds_ratio(x1, n1, x0, n0, psi)
    gap = x1 - n1 * p1
    with np.errstate(divide="ignore", invalid="ignore"):
        z = gap * np.sqrt(1 / (n1 * p1 * (1 - p1)) + 1 / (n0 * p0 * (1 - p0)))
    if corrected:
        z = z * np.sqrt((n1 + n0 - 1) / (n1 + n0))
    return np.where(np.abs(gap) <= 1e-14 * (n1 + n0), 0.0, z)


def score_ratio(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    level: float = 0.95,
    *,
    corrected: bool = True,
) -> ProportionRatio:
    """Score interval and test of a ratio: Miettinen-Nurminen [2]_, or Koopman [1]_.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    level : float, default 0.95
        Confidence level.
    corrected : bool, default True
        Miettinen-Nurminen if True, Koopman if False.

    Returns
    -------
    ProportionRatio
        Estimates, limits and the test of a ratio of 1.

    Examples
    --------
    Nobody succeeded among ten controls, so that the ratio has no upper bound:

    >>> result = score_ratio(4, 10, 0, 10)
    >>> result.high.item(), bool(result.low > 0)
    (inf, True)
    """
    x1, n1, x0, n0 = floats(x1, n1, x0, n0)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (x1 / n1) / (x0 / n0)
        std_error = np.sqrt((1 - x1 / n1) / x1 + (1 - x0 / n0) / x0)

    def statistic(ratio: FloatArray) -> FloatArray:
        return ratio_statistic(x1, n1, x0, n0, ratio, corrected=corrected)

    return _interval(estimate, std_error, statistic, x1 + x0 > 0, x1 + x0 < n1 + n0, level)


def score_odds_ratio(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    level: float = 0.95,
    *,
    corrected: bool = True,
) -> ProportionRatio:
    """Score interval and test of an odds ratio [2]_; uncorrected, Cornfield's [3]_.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    level : float, default 0.95
        Confidence level.
    corrected : bool, default True
        Whether the variance has the factor N / (N - 1).

    Returns
    -------
    ProportionRatio
        Estimates, limits and the test of an odds ratio of 1.

    Examples
    --------
    >>> round(score_odds_ratio(56, 70, 48, 80).estimate.item(), 4)
    2.6667
    """
    x1, n1, x0, n0 = floats(x1, n1, x0, n0)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (x1 * (n0 - x0)) / (x0 * (n1 - x1))
        std_error = np.sqrt(1 / x1 + 1 / (n1 - x1) + 1 / x0 + 1 / (n0 - x0))

    def statistic(odds_ratio: FloatArray) -> FloatArray:
        return odds_ratio_statistic(x1, n1, x0, n0, odds_ratio, corrected=corrected)

    informative = (x1 + x0 > 0) & (x1 + x0 < n1 + n0)
    return _interval(estimate, std_error, statistic, informative, informative, level)


def _interval(
    estimate: FloatArray,
    std_error: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    bounded: npt.NDArray[np.bool_],
    varied: npt.NDArray[np.bool_],
    level: float,
) -> ProportionRatio:
    """Invert a statistic that falls in the ratio, on the log scale."""
    z = normal_quantile(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.clip(np.log(estimate), -_FARTHEST, _FARTHEST)
    middle = np.where(np.isnan(middle), 0.0, middle)
    far = np.full_like(middle, _FARTHEST)
    target = np.reshape([z, -z], (2, *(1,) * middle.ndim))
    ends = bisect(
        lambda at: statistic(np.exp(at)) > target,
        np.stack([-far, middle]),
        np.stack([middle, far]),
    )
    low = np.where(bounded & (estimate > 0), np.exp(ends[0]), 0.0)
    high = np.where(bounded & (estimate < np.inf), np.exp(ends[1]), np.inf)
    test = np.where(bounded & varied, statistic(np.ones_like(middle)), np.nan)
    p_value = 2 * special.ndtr(-np.abs(test))
    defined = np.where(np.isfinite(std_error), std_error, np.nan)
    return ProportionRatio(estimate, defined, low, high, test, p_value)
