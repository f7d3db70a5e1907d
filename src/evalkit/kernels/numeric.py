"""Small numerical tools that several kernels share, tails and quantiles of tests among them.

Normal and chi-squared tails need no more than the standard library. ``scipy.special``, which takes
longer to import than most fits, is loaded only for t distributions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "add_by",
    "binned",
    "bisect",
    "chi_square_tail",
    "critical_value",
    "floats",
    "normal_quantile",
    "two_sided_p",
]

_HALVINGS = 60  # a bracket of width 1 shrinks below 1e-18
_FAR = 1e100  # as good as infinite, with a square that is finite


def floats(*values: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Broadcast the arguments to float arrays of one shape."""
    return tuple(np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values)))


def normal_quantile(level: float) -> float:
    """Return the z that has probability ``level`` between -z and z."""
    return -NormalDist().inv_cdf((1 - level) / 2)


def critical_value(level: float, df: float = math.inf) -> float:
    """Return the t that has probability ``level`` between -t and t.

    Parameters
    ----------
    level : float
        The probability.
    df : float, default inf
        Degrees of freedom of Student's t; infinitely many make it normal. With none there is no
        spread to go by, and no value: NaN.

    Returns
    -------
    float
        The quantile.

    Examples
    --------
    >>> round(critical_value(0.95), 4), round(critical_value(0.95, 49), 4)
    (1.96, 2.0096)
    """
    if math.isinf(df):
        return normal_quantile(level)
    if not df > 0:
        return math.nan
    from evalkit.kernels.student import student_quantile

    return float(student_quantile(level, df))


def two_sided_p(statistic: npt.ArrayLike, df: npt.ArrayLike = math.inf) -> FloatArray:
    """Return the two-sided p-value of estimates over their standard errors.

    Parameters
    ----------
    statistic : array_like
        The ratios; NaN gives NaN.
    df : array_like, default inf
        Degrees of freedom of Student's t; infinitely many make it normal. None give NaN.

    Returns
    -------
    ndarray of float64
        The p-values, in the shape that ``statistic`` and ``df`` have together.

    Examples
    --------
    >>> two_sided_p([-1.96, 0.0]).round(4).tolist()
    [0.05, 1.0]
    """
    distance, degrees = floats(np.abs(np.asarray(statistic, dtype=np.float64)), df)
    tails = [math.erfc(value / math.sqrt(2)) for value in distance.ravel().tolist()]
    normal = np.array(tails, dtype=np.float64).reshape(distance.shape)
    if np.isposinf(degrees).all():
        return normal
    from evalkit.kernels.student import student_tail

    some = np.where(degrees > 0, degrees, np.nan)
    return np.where(
        np.isposinf(degrees), normal, 2 * student_tail(np.minimum(distance, _FAR), some)
    )


def chi_square_tail(statistic: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    r"""Return the probability that a chi-squared variable exceeds a statistic.

    Parameters
    ----------
    statistic : array_like
        Statistics of at least 0; NaN gives NaN.
    df : array_like of int
        Degrees of freedom; NaN where there is none.

    Returns
    -------
    ndarray of float64
        The p-values, in the shape that ``statistic`` and ``df`` have together.

    Notes
    -----
    The tail of df degrees is that of df - 2 plus :math:`e^{-h} h^{a} / \Gamma(a + 1)`, where h is
    half the statistic and a = df / 2 - 1.

    Examples
    --------
    >>> chi_square_tail([3.841459, 5.991465], [1, 2]).round(6).tolist()
    [0.05, 0.05]
    """
    value, degrees = floats(statistic, df)
    pairs = zip(value.ravel().tolist(), degrees.ravel().tolist(), strict=True)
    return np.array([_chi_square_tail(*one) for one in pairs]).reshape(value.shape)


def _chi_square_tail(statistic: float, df: float) -> float:
    """Tail of one statistic."""
    if math.isnan(statistic) or not df >= 1:
        return math.nan
    half = max(statistic, 0.0) / 2
    if half == 0 or math.isinf(half):
        return float(half == 0)
    terms = [
        math.exp(k / 2 * math.log(half) - half - math.lgamma(k / 2 + 1))
        for k in range(int(df) - 2, -1, -2)
    ]
    first = math.erfc(math.sqrt(half)) if df % 2 else 0.0
    return min(math.fsum(terms) + first, 1.0)


def bisect(
    root_is_above: Callable[[FloatArray], BoolArray], low: npt.ArrayLike, high: npt.ArrayLike
) -> FloatArray:
    """Halve every bracket [low, high] towards its root.

    Parameters
    ----------
    root_is_above : callable
        Says for an array of points, one in each bracket, whether the root lies above them.
    low, high : array_like
        Ends of the brackets.

    Returns
    -------
    ndarray of float64
        The roots.
    """
    lower, upper = floats(low, high)
    for _ in range(_HALVINGS):
        middle = (lower + upper) / 2
        above = root_is_above(middle)
        lower, upper = np.where(above, middle, lower), np.where(above, upper, middle)
    return (lower + upper) / 2


def binned(index: IntArray, values: FloatArray | None, size: int) -> FloatArray:
    """Add values up by position.

    Parameters
    ----------
    index : ndarray of int, shape (m,)
        Positions from 0 up.
    values : ndarray of float, shape (m,), or None
        What is added; None for ones.
    size : int
        Number of positions.

    Returns
    -------
    ndarray of float, shape (size,)
        The sums.
    """
    return np.bincount(index, values, minlength=size).astype(np.float64, copy=False)


def add_by(codes: IntArray | None, values: FloatArray) -> FloatArray:
    """Add rows up by cluster.

    Parameters
    ----------
    codes : ndarray of int, shape (n,), or None
        Cluster of each row, 0, 1, ...; None where every row is its own.
    values : ndarray of float, shape (n, m)
        What is added.

    Returns
    -------
    ndarray of float, shape (g, m)
        The sums, by cluster.
    """
    if codes is None:
        return values
    size = int(codes.max()) + 1
    return np.stack([binned(codes, column, size) for column in values.T], axis=1)
