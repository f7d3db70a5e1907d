r"""How far a hidden bias could change what matched pairs say: Rosenbaum's bounds.

Within a pair the odds of being the one who took part may differ by a factor of at most
:math:`\Gamma` because of what was not observed. Then each difference between pair mates is
positive, under no effect, with a probability between :math:`p^- = 1/(1 + \Gamma)` and
:math:`p^+ = \Gamma/(1 + \Gamma)` [1]_, which bounds the null distribution of the sign statistic
and of Wilcoxon's signed-rank statistic. Shifts of the differences at which the statistic equals
its expectation bound the Hodges-Lehmann estimate; they are order statistics of the N = n(n + 1)/2
Walsh averages :math:`(d_i + d_j)/2`.

References
----------
.. [1] Rosenbaum PR (2002). Observational studies, 2nd ed., ch. 4. Springer.
   doi:10.1007/978-1-4757-3692-2
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from evalkit.kernels.vector_matching import average_ranks
from evalkit.typing import FloatArray

__all__ = [
    "hodges_lehmann_bounds",
    "largest_gamma",
    "shift_limits",
    "sign_bounds",
    "signed_rank_bounds",
    "walsh_average",
]

_EXACT = 200  # pairs up to which the signed-rank distribution is exact
_DIRECT = 1500  # pairs up to which all Walsh averages are computed
_WHOLE = 1e-9
_CLOSE = 1e-13
_LARGEST = 1e6


def sign_bounds(differences: FloatArray, gamma: float) -> tuple[float, float]:
    """Bound the one-sided p-value of the sign test against no effect.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        Treated minus control; zeros do not count.
    gamma : float
        The largest odds ratio of hidden bias, at least 1.

    Returns
    -------
    low : float
        The lower bound.
    high : float
        Bounds of P(as many positive differences, or more).

    Examples
    --------
    >>> low, high = sign_bounds(np.array([1.0, 2.0, 3.0]), 2.0)
    >>> round(low, 6), round(high, 6)
    (0.037037, 0.296296)
    """
    n, positive = int((differences != 0).sum()), int((differences > 0).sum())
    if positive == 0:
        return 1.0, 1.0
    p = gamma / (1 + gamma)
    low, high = (float(special.betainc(positive, n - positive + 1, s)) for s in (1 - p, p))
    return low, high


def signed_rank_bounds(differences: FloatArray, gamma: float) -> tuple[float, float]:
    """Bound the one-sided p-value of Wilcoxon's signed-rank test against no effect.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        Treated minus control; equal sizes share their mean rank. Zeros have the lowest ranks,
        which count on neither side (as in [1]_ and by Pratt; Wilcoxon ranks without them).
    gamma : float
        The largest odds ratio of hidden bias, at least 1.

    Returns
    -------
    low : float
        The lower bound.
    high : float
        Bounds of P(a statistic as large, or larger): exact up to 200 pairs (and more, if few of
        them differ), normal beyond.
        R: ``rbounds::psens``, which takes the normal approximation.
    """
    apart = differences != 0
    if not apart.any():
        return 1.0, 1.0
    ranks = average_ranks(np.abs(differences))[apart]
    statistic = float(ranks[differences[apart] > 0].sum())
    p = gamma / (1 + gamma)
    low, high = (_upper_tail(ranks, statistic, s) for s in (1 - p, p))
    return low, high


def _upper_tail(ranks: FloatArray, statistic: float, p: float) -> float:
    """Return P(T >= t), each rank counting with probability p."""
    whole = np.rint(2 * ranks).astype(np.int64)  # mean ranks are halves
    unit = int(np.gcd.reduce(whole))
    whole //= unit
    if len(ranks) > _EXACT or whole.sum() > _EXACT * (_EXACT + 1):
        spread = np.sqrt(p * (1 - p) * float(ranks @ ranks))
        return float(special.ndtr((p * float(ranks.sum()) - statistic) / float(spread)))
    chance = np.zeros(int(whole.sum()) + 1)
    chance[0] = 1.0
    top = 0
    for r in whole.tolist():
        moved = chance[: top + 1] * p
        chance[: top + 1] *= 1 - p
        chance[r : top + r + 1] += moved
        top += r
    return min(float(chance[round(2 * statistic / unit) :].sum()), 1.0)


def walsh_average(differences: FloatArray, k: int) -> float:
    """Return the k-th smallest of the averages of all pairs of values, each with itself too.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        The values.
    k : int
        From 1 to n (n + 1) / 2; beyond them the result is infinite.

    Returns
    -------
    float
        The average. Beyond 1,500 values it is found by counting, without computing them all.

    Examples
    --------
    >>> walsh_average(np.array([1.0, 2.0, 6.0]), 4)
    3.5
    """
    d = np.sort(differences)
    n = len(d)
    if k < 1 or k > n * (n + 1) // 2:
        return -np.inf if k < 1 else np.inf
    if n <= _DIRECT:
        first, second = np.triu_indices(n)
        return float(np.partition((d[first] + d[second]) / 2, k - 1)[k - 1])
    place = np.arange(n)
    low, high = float(d[0]), float(d[-1])
    if k <= int(np.maximum(np.searchsorted(d, 2 * low - d, "right") - place, 0).sum()):
        return low
    near = _CLOSE * max(abs(low), abs(high))  # not nearer: at 0 floats have no end
    while high - low > near:
        middle = low + (high - low) / 2
        count = int(np.maximum(np.searchsorted(d, 2 * middle - d, "right") - place, 0).sum())
        low, high = (low, middle) if count >= k else (middle, high)
    partner = np.maximum(np.searchsorted(d, 2 * low - d, "right"), place)
    there = partner < n
    return min(high, float(((d[there] + d[partner[there]]) / 2).min()))  # the first beyond low


def hodges_lehmann_bounds(differences: FloatArray, gamma: float) -> tuple[float, float]:
    """Bound the Hodges-Lehmann estimate of a constant effect.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        Treated minus control.
    gamma : float
        The largest odds ratio of hidden bias, at least 1.

    Returns
    -------
    low : float
        The lower bound.
    high : float
        The bounds; both the median of the Walsh averages for ``gamma`` 1. R: ``rbounds::hlsens``.
    """
    n = len(differences)
    size = n * (n + 1) / 2
    ends: list[float] = []
    for share in (gamma / (1 + gamma), 1 / (1 + gamma)):
        beyond = size * (1 - share)
        near = round(beyond)
        if abs(beyond - near) < _WHOLE * size:
            one, two = walsh_average(differences, near), walsh_average(differences, near + 1)
            ends.append((one + two) / 2)
        else:
            ends.append(walsh_average(differences, int(np.ceil(beyond))))
    return ends[0], ends[1]


def shift_limits(differences: FloatArray, gamma: float, level: float) -> tuple[float, float]:
    """Return a confidence interval of a constant effect that allows for hidden bias.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        Treated minus control.
    gamma : float
        The largest odds ratio of hidden bias, at least 1.
    level : float
        Confidence level.

    Returns
    -------
    low : float
        The lower bound.
    high : float
        Shifts that neither one-sided signed-rank test rejects, by the normal approximation;
        infinite where there are too few pairs.
    """
    n = len(differences)
    size = n * (n + 1) / 2
    p = gamma / (1 + gamma)
    reach = float(special.ndtri((1 + level) / 2)) * np.sqrt(
        p * (1 - p) * n * (n + 1) * (2 * n + 1) / 6
    )
    low = walsh_average(differences, int(np.ceil(size * (1 - p) - reach)))
    high = walsh_average(differences, int(np.floor(size * p + 1 + reach)))
    return low, high


def largest_gamma(p_high: Callable[[float], float], alpha: float) -> float:
    """Return the hidden bias up to which a test still rejects.

    Parameters
    ----------
    p_high : callable
        The upper bound of the p-value as a function of gamma; it does not fall.
    alpha : float
        Level of the test.

    Returns
    -------
    float
        The largest gamma; NaN if the test does not even reject without bias, infinite if it does
        at a million.
    """
    if p_high(1.0) > alpha:
        return np.nan
    if p_high(_LARGEST) <= alpha:
        return np.inf
    low, high = 1.0, _LARGEST
    while high - low > 1e-9 * low:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if p_high(middle) <= alpha else (low, middle)
    return low
