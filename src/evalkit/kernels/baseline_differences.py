"""How far apart two groups are in a variable: standardised differences, and Welch's test."""

from __future__ import annotations

from math import copysign, inf, nan, sqrt

import numpy as np
from scipy import special

from evalkit.typing import FloatArray, IntArray

__all__ = ["category_distance", "standardised_difference", "welch"]


def standardised_difference(one: FloatArray, other: FloatArray) -> float:
    """Return the difference of two means in standard deviations.

    Parameters
    ----------
    one, other : ndarray of float, shapes (n1,) and (n0,)
        Values of the two groups; NaN is left out.

    Returns
    -------
    float
        The first mean minus the second, divided by the root of the average variance (divisor
        n - 1). 0 if the means are equal, infinite if they differ and neither group varies, NaN if
        a group has fewer than two values.
    """
    first, second = one[~np.isnan(one)], other[~np.isnan(other)]
    if min(len(first), len(second)) < 2:
        return nan
    (m1, v1), (m0, v0) = _moments(first), _moments(second)
    return _ratio(m1 - m0, sqrt((v1 + v0) / 2))


def category_distance(one: IntArray, other: IntArray) -> float:
    """Return how far two groups are apart in the shares of levels, in standard deviations.

    Parameters
    ----------
    one, other : ndarray of int, shape (k,)
        Persons of each level in the two groups.

    Returns
    -------
    float
        With two levels the difference of the shares of the second, divided by the root of the
        average of p (1 - p); with more the Mahalanobis distance of all shares but the first,
        which has no sign. Levels that nobody has count for nothing. 0 with one level, NaN if a
        group is empty, infinite if the groups share no level and neither varies.
    """
    used = (one + other) > 0
    first, second = one[used].astype(np.float64), other[used].astype(np.float64)
    if not first.sum() or not second.sum():
        return nan
    p, q = first / first.sum(), second / second.sum()
    if len(p) == 1:
        return 0.0
    if len(p) == 2:
        return _ratio(float(p[1] - q[1]), sqrt(float(p[0] * p[1] + q[0] * q[1]) / 2))
    difference = (p - q)[1:]
    spread = sum(np.diag(shares[1:]) - np.outer(shares[1:], shares[1:]) for shares in (p, q)) / 2
    # Shares may be tied so that no inverse exists: where they do not vary they must not differ.
    values, vectors = np.linalg.eigh(spread)
    along: FloatArray = difference @ vectors
    flat = values <= 1e-12 * values.max()
    if (np.abs(along[flat]) > 1e-12).any():
        return inf
    steep = np.asarray(along[~flat], dtype=np.float64)
    return sqrt(float(np.sum(steep**2 / values[~flat])))


def welch(one: FloatArray, other: FloatArray) -> float:
    """Return the two-sided p-value of Welch's t test.

    Parameters
    ----------
    one, other : ndarray of float, shapes (n1,) and (n0,)
        Values of the two groups; NaN is left out.

    Returns
    -------
    float
        The p-value; NaN if a group has fewer than two values or neither varies.
    """
    first, second = one[~np.isnan(one)], other[~np.isnan(other)]
    if min(len(first), len(second)) < 2:
        return nan
    (m1, v1), (m0, v0) = _moments(first), _moments(second)
    a, b = v1 / len(first), v0 / len(second)
    if a + b == 0:
        return nan
    t = abs(m1 - m0) / sqrt(a + b)
    part = a / (a + b)  # of the variance: no square of a small number vanishes
    df = 1 / (part**2 / (len(first) - 1) + (1 - part) ** 2 / (len(second) - 1))
    return float(2 * special.stdtr(df, -t))


def _moments(values: FloatArray) -> tuple[float, float]:
    """Return mean and variance (divisor n - 1); the variance of equal values is exactly 0."""
    apart = values - values[0]
    return float(values[0] + apart.mean()), float(apart.var(ddof=1))


def _ratio(difference: float, spread: float) -> float:
    """Divide, with 0 by 0 as 0 and anything else by 0 as infinite."""
    if spread > 0:
        return difference / spread
    return copysign(inf, difference) if difference else 0.0
