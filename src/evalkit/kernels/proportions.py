"""Binomial proportions: intervals and exact tests.

Every function takes counts that broadcast against each other and returns float arrays of their
common shape. Counts are assumed to be checked: whole, ``0 <= x <= n``, ``n >= 1``; levels and
null values lie strictly between 0 and 1. Tail probabilities come from the incomplete beta
function, so small ones keep their relative precision.

References
----------
.. [1] Wilson EB (1927). Probable inference, the law of succession, and statistical inference.
   J Am Stat Assoc 22:209-212. doi:10.1080/01621459.1927.10502953
.. [2] Clopper CJ, Pearson ES (1934). The use of confidence or fiducial limits illustrated in the
   case of the binomial. Biometrika 26:404-413. doi:10.1093/biomet/26.4.404
.. [3] Lancaster HO (1961). Significance tests in discrete distributions.
   J Am Stat Assoc 56:223-234. doi:10.1080/01621459.1961.10482105
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.kernels.numeric import bisect, floats, normal_quantile
from evalkit.typing import Alternative, FloatArray

__all__ = [
    "Proportion",
    "at_least",
    "at_most",
    "binomial_test",
    "clopper_pearson",
    "mid_p_interval",
    "mid_p_test",
    "wilson",
]

_TIE = 1 + 1e-7  # probabilities this close count as equal, as in R's binom.test


@dataclass(frozen=True)
class Proportion:
    """Observed proportions with an interval each; arrays of the counts' common shape."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray


def at_most(x: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    """P(X <= x) for X binomial(n, p); x may lie outside 0..n."""
    inside = special.betaincc(np.maximum(x + 1, 1), np.maximum(n - x, 1), p)
    return np.where(x >= n, 1.0, np.where(x < 0, 0.0, inside))


def at_least(x: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    """P(X >= x) for X binomial(n, p); x may lie outside 0..n."""
    inside = special.betainc(np.maximum(x, 1), np.maximum(n - x + 1, 1), p)
    return np.where(x <= 0, 1.0, np.where(x > n, 0.0, inside))


def _log_pmf(x: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    """Log of P(X = x) for X binomial(n, p)."""
    ways = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    return ways + special.xlogy(x, p) + special.xlog1py(n - x, -p)


def wilson(x: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Proportion:
    r"""Wilson's score interval [1]_: all p with :math:`|x/n - p| \le z \sqrt{p(1-p)/n}`.

    R: ``prop.test(x, n, correct = FALSE)$conf.int``.

    Parameters
    ----------
    x, n : array_like
        Successes and trials.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Proportion
        Estimates and limits.
    """
    successes, trials = floats(x, n)
    z2 = normal_quantile(level) ** 2
    failures = trials - successes
    middle = successes + z2 / 2
    half = np.sqrt(z2 * (successes * failures / trials + z2 / 4))
    # Where the limit is 0 or 1, subtracting would leave a rounding error of the wrong sign.
    low = np.where(successes == 0, 0.0, (middle - half) / (trials + z2))
    high = np.where(failures == 0, 1.0, (middle + half) / (trials + z2))
    return Proportion(successes / trials, low, high)


def clopper_pearson(x: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Proportion:
    """Exact central interval [2]_: each end has (1 - level) / 2 of probability beyond ``x``.

    The limits are quantiles of beta(x, n - x + 1) and beta(x + 1, n - x), with 0 below ``x = 0``
    and 1 above ``x = n``. R: ``binom.test(x, n)$conf.int``.

    Parameters
    ----------
    x, n : array_like
        Successes and trials.
    level : float, default 0.95
        Confidence level; the coverage is never below it.

    Returns
    -------
    Proportion
        Estimates and limits.
    """
    successes, trials = floats(x, n)
    failures = trials - successes
    tail = (1 - level) / 2
    low = special.betaincinv(np.maximum(successes, 1), failures + 1, tail)
    high = special.betainccinv(successes + 1, np.maximum(failures, 1), tail)
    return Proportion(
        successes / trials,
        np.where(successes == 0, 0.0, low),
        np.where(failures == 0, 1.0, high),
    )


def _mid_at_most(x: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    """P(X < x) + P(X = x) / 2, as the mean of P(X <= x - 1) and P(X <= x)."""
    return (at_most(x - 1, n, p) + at_most(x, n, p)) / 2


def _mid_at_least(x: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    """P(X > x) + P(X = x) / 2."""
    return (at_least(x, n, p) + at_least(x + 1, n, p)) / 2


def mid_p_interval(x: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Proportion:
    """Mid-p interval: as Clopper-Pearson, with only half the probability of ``x`` itself counted.

    Shorter than the exact interval, with a coverage near the level on average but at times
    below it; see Lancaster (1961), doi:10.1080/01621459.1961.10482105.

    Parameters
    ----------
    x, n : array_like
        Successes and trials.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Proportion
        Estimates and limits.
    """
    successes, trials = floats(x, n)
    tail = (1 - level) / 2
    estimate = successes / trials
    low = bisect(lambda p: _mid_at_least(successes, trials, p) < tail, 0.0, estimate)
    high = bisect(lambda p: _mid_at_most(successes, trials, p) > tail, estimate, 1.0)
    return Proportion(estimate, low, high)


def binomial_test(
    x: npt.ArrayLike,
    n: npt.ArrayLike,
    p: npt.ArrayLike,
    alternative: Alternative = "two-sided",
) -> FloatArray:
    """Exact test that the proportion is ``p``.

    The two-sided p-value is the total probability of all outcomes that are no more probable than
    the one observed (probabilities within a relative 1e-7 count as equal). R:
    ``binom.test(x, n, p, alternative)$p.value``.

    Parameters
    ----------
    x, n : array_like
        Successes and trials.
    p : array_like
        Proportion under the null hypothesis, strictly between 0 and 1.
    alternative : {"two-sided", "less", "greater"}
        Direction: "less" asks whether the true proportion is below ``p``.

    Returns
    -------
    ndarray of float64
        The p-values.
    """
    successes, trials, null = floats(x, n, p)
    if alternative == "less":
        return at_most(successes, trials, null)
    if alternative == "greater":
        return at_least(successes, trials, null)
    # Count from the side that x lies on, so that the other tail is always the upper one.
    flip = successes > trials * null
    near = np.where(flip, trials - successes, successes)
    null = np.where(flip, 1 - null, null)
    bar = _log_pmf(near, trials, null) + np.log(_TIE)
    # The probabilities fall from ceil(np) on: bisect for the first that is low enough.
    first, beyond = np.ceil(trials * null), trials + 1
    while np.any(first < beyond):
        middle = np.floor((first + beyond) / 2)
        low_enough = _log_pmf(np.minimum(middle, trials), trials, null) <= bar
        beyond = np.where(low_enough & (first < beyond), middle, beyond)
        first = np.where(low_enough, first, np.minimum(middle + 1, beyond))
    far = np.maximum(first, near + 1)  # x itself is counted once
    return np.minimum(at_most(near, trials, null) + at_least(far, trials, null), 1.0)


def mid_p_test(
    x: npt.ArrayLike,
    n: npt.ArrayLike,
    p: npt.ArrayLike,
    alternative: Alternative = "two-sided",
) -> FloatArray:
    """Mid-p test that the proportion is ``p``; the counterpart of :func:`mid_p_interval`.

    Half the probability of the observed count is left out of each tail; the two-sided p-value is
    twice the smaller tail.

    Parameters
    ----------
    x, n : array_like
        Successes and trials.
    p : array_like
        Proportion under the null hypothesis, strictly between 0 and 1.
    alternative : {"two-sided", "less", "greater"}
        Direction.

    Returns
    -------
    ndarray of float64
        The p-values.
    """
    counts = floats(x, n, p)
    if alternative == "less":
        return _mid_at_most(*counts)
    if alternative == "greater":
        return _mid_at_least(*counts)
    return np.minimum(2 * np.minimum(_mid_at_most(*counts), _mid_at_least(*counts)), 1.0)
