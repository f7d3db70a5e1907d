r"""Shares of survey answers, weighted or not, with intervals that know the size of the population.

A share :math:`p = \sum w y / \sum w` has the variance :math:`v = \sum w^2 (y - p)^2 / (\sum w)^2`.
The answers count for as many as would have this variance without weights, :math:`p(1-p)/v`, but for
no more than Kish's :math:`(\sum w)^2 / \sum w^2`: in small samples v is too small at times, and 0
where nobody or everybody is counted. If n of N persons in the population have answered, that number
is divided by :math:`(N-n)/(N-1)`, the factor of a hypergeometric variance, and the interval is
Wilson's [1]_: all p with :math:`(\hat p - p)^2 \le z^2 p(1-p)/n \cdot (N-n)/(N-1)`. With everybody
asked it has no width.

The limits of a difference of two shares of the same answers are put together from those of the
shares and their correlation [2]_.

References
----------
.. [1] Wilson EB (1927). Probable inference, the law of succession, and statistical inference.
   J Am Stat Assoc 22:209-212. doi:10.1080/01621459.1927.10502953
.. [2] Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a general
   approach. Stat Med 27:1693-1702. doi:10.1002/sim.3095
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.kernels.numeric import floats
from evalkit.kernels.proportions import wilson
from evalkit.kernels.share_differences import difference_limits
from evalkit.typing import FloatArray

__all__ = ["SurveyShares", "finite_correction", "share_balance", "survey_shares"]


@dataclass(frozen=True)
class SurveyShares:
    """Shares with their intervals; arrays of one shape, NaN where the base is empty.

    Attributes
    ----------
    estimate, low, high : ndarray of float
        Shares and limits.
    effective : ndarray of float
        Answers that each counts for, without the population's size.
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    effective: FloatArray


def finite_correction(n: npt.ArrayLike, population: npt.ArrayLike) -> FloatArray:
    """Return (N - n) / (N - 1), by which sampling without replacement shrinks a variance.

    Parameters
    ----------
    n : array_like
        Persons who have answered.
    population : array_like
        All persons, at least as many; NaN where the population has no end.

    Returns
    -------
    ndarray of float
        The factor: 1 without an end, 0 if everybody has answered.
    """
    answered, everybody = floats(n, population)
    factor = (everybody - answered) / np.maximum(everybody - 1, 1)
    return np.where(np.isnan(everybody), 1.0, factor)


def survey_shares(
    weighted: npt.ArrayLike,
    squared: npt.ArrayLike,
    total: npt.ArrayLike,
    total_squared: npt.ArrayLike,
    *,
    level: float,
    correction: npt.ArrayLike = 1.0,
) -> SurveyShares:
    """Estimate shares from sums of weights.

    Parameters
    ----------
    weighted, squared : array_like
        Sums of the weights, and of their squares, over the answers counted. Without weights both
        are their number.
    total, total_squared : array_like
        The same over all answers of the base.
    level : float
        Confidence level.
    correction : array_like, default 1
        The factor of :func:`finite_correction`.

    Returns
    -------
    SurveyShares
        Estimates and limits, of the arguments' common shape.

    Examples
    --------
    >>> shares = survey_shares(55, 55, 145, 145, level=0.95)
    >>> [round(float(value), 4) for value in (shares.estimate, shares.low, shares.high)]
    [0.3793, 0.3044, 0.4604]
    """
    x, x2, base, base2, factor = floats(weighted, squared, total, total_squared, correction)
    empty = base <= 0
    whole = np.where(empty, 1.0, base)
    whole2 = np.where(empty, 1.0, base2)
    p = np.clip(x / whole, 0.0, 1.0)
    spread = ((1 - p) ** 2 * x2 + p**2 * np.maximum(whole2 - x2, 0)) / whole**2
    inside = (p > 0) & (p < 1) & (spread > 0)
    kish = whole**2 / whole2
    alike = np.where(inside, p * (1 - p) / np.where(inside, spread, 1.0), np.inf)
    effective = np.minimum(alike, kish)
    return _limits(p, effective, factor, empty, level)


def _limits(
    p: FloatArray,
    effective: FloatArray,
    factor: FloatArray,
    empty: npt.NDArray[np.bool_],
    level: float,
) -> SurveyShares:
    """Return Wilson's limits, none for an empty base, and no width if everybody is known."""
    everybody = factor <= 0
    number = effective / np.where(everybody, 1.0, factor)
    found = wilson(p * number, number, level)
    low = np.where(everybody, p, np.where(p == 0, 0.0, found.low))
    high = np.where(everybody, p, np.where(p == 1, 1.0, found.high))
    gone = np.where(empty, np.nan, 0.0)
    return SurveyShares(p + gone, low + gone, high + gone, np.where(empty, 0.0, effective))


def share_balance(
    positive: tuple[npt.ArrayLike, npt.ArrayLike],
    negative: tuple[npt.ArrayLike, npt.ArrayLike],
    total: npt.ArrayLike,
    total_squared: npt.ArrayLike,
    *,
    level: float,
    correction: npt.ArrayLike = 1.0,
) -> SurveyShares:
    """Estimate the difference of two shares of the same answers that exclude each other.

    Parameters
    ----------
    positive, negative : tuple of array_like
        Sums of the weights and of their squares over the answers of either share.
    total, total_squared : array_like
        The same over all answers of the base.
    level : float
        Confidence level.
    correction : array_like, default 1
        The factor of :func:`finite_correction`.

    Returns
    -------
    SurveyShares
        Positive minus negative, from -1 to 1. Limits from those of the two shares and the
        correlation of the two.
    """
    x1, s1, x0, s0, base, base2, factor = floats(
        *positive, *negative, total, total_squared, correction
    )
    first = survey_shares(x1, s1, base, base2, level=level, correction=factor)
    second = survey_shares(x0, s0, base, base2, level=level, correction=factor)
    whole = np.where(base <= 0, 1.0, base)
    p, q = x1 / whole, x0 / whole
    squares = (1 - p) ** 2 * s1 + p**2 * (base2 - s1), (1 - q) ** 2 * s0 + q**2 * (base2 - s0)
    product = squares[0] * squares[1]
    known = product > 0
    shared = p * q * base2 - q * s1 - p * s0
    r = np.where(known, shared / np.sqrt(np.where(known, product, 1.0)), 0.0)
    low, high = difference_limits(
        first.estimate,
        second.estimate,
        lambda _: (first.low, first.high),
        lambda _: (second.low, second.high),
        np.zeros_like(p),
        np.clip(r, -1.0, 1.0),
    )
    low, high = np.maximum(low, -1.0), np.minimum(high, 1.0)
    gone = np.where(base <= 0, np.nan, 0.0)
    return SurveyShares(
        first.estimate - second.estimate,
        low + gone,
        high + gone,
        np.minimum(first.effective, second.effective),
    )
