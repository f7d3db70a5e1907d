r"""Reliability from halves: how far the sums of two halves of a scale agree.

For halves A and B with correlation r, Spearman and Brown step r up to the whole length,
:math:`2r/(1+r)`; Guttman's :math:`\lambda_4 = 4\,\mathrm{cov}(A, B) / \mathrm{var}(A + B)` lets
the halves' variances differ.

References
----------
.. [1] Guttman L (1945). A basis for analyzing test-retest reliability. Psychometrika 10:255-282.
   doi:10.1007/BF02288892
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from evalkit.typing import BoolArray, FloatArray

__all__ = ["Halves", "all_halves", "split_scores"]


_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Halves:
    """What splits of a scale into two halves give; arrays of shape (splits,).

    Attributes
    ----------
    correlation : ndarray of float
        Correlation of the two half scores.
    spearman_brown : ndarray of float
        The correlation stepped up to the whole length, 2 r / (1 + r).
    lambda_4 : ndarray of float
        Guttman's (Flanagan and Rulon's) coefficient, which lets the halves' variances differ.
    """

    correlation: FloatArray
    spearman_brown: FloatArray
    lambda_4: FloatArray


def all_halves(k: int) -> BoolArray:
    """List every way to split items into two halves.

    Parameters
    ----------
    k : int
        Number of items, at least 2; with an odd number one half has one item more.

    Returns
    -------
    ndarray of bool, shape (splits, k)
        Whether the item is in the first half; each split once.
    """
    chosen = combinations(range(1, k), k // 2 - 1) if k % 2 == 0 else combinations(range(k), k // 2)
    places = [(0, *one) if k % 2 == 0 else one for one in chosen]
    out = np.zeros((len(places), k), dtype=np.bool_)
    for row, place in enumerate(places):
        out[row, list(place)] = True
    return out


def split_scores(covariance: FloatArray, first: npt.ArrayLike) -> Halves:
    """Compute what splits into halves give.

    Parameters
    ----------
    covariance : ndarray of float, shape (k, k)
        Covariances of the items.
    first : array_like of bool, shape (splits, k)
        Whether the item is in the first half.

    Returns
    -------
    Halves
        Correlation, Spearman-Brown and lambda 4 of each split; NaN where a half does not vary.
    """
    a = np.atleast_2d(np.asarray(first, dtype=np.float64))
    b = 1 - a
    within_a = np.einsum("si,ij,sj->s", a, covariance, a, optimize=True)
    within_b = np.einsum("si,ij,sj->s", b, covariance, b, optimize=True)
    between = np.einsum("si,ij,sj->s", a, covariance, b, optimize=True)
    variance = np.diag(covariance)
    floor_a, floor_b = _ROUNDING * (a @ variance), _ROUNDING * (b @ variance)
    product = within_a * within_b
    r = between / np.sqrt(np.where((within_a > floor_a) & (within_b > floor_b), product, np.nan))
    total = within_a + within_b + 2 * between
    return Halves(
        r,
        2 * r / np.where(1 + r > _ROUNDING, 1 + r, np.nan),
        4 * between / np.where(total > floor_a + floor_b, total, np.nan),
    )
