"""The correlation of each item with the sum of the others."""

from __future__ import annotations

import numpy as np

from evalkit.typing import FloatArray

__all__ = ["item_rest"]


def item_rest(points: FloatArray) -> FloatArray:
    """Correlate each item with the sum of the other items.

    With C the covariance matrix, the covariance of an item with the rest is its row sum less its
    variance, and the variance of the rest is the sum of C without the item's row and column.

    Parameters
    ----------
    points : ndarray of float, shape (n, k)
        The points, none missing; n at least 2.

    Returns
    -------
    ndarray of float, shape (k,)
        The correlations; NaN where an item, or the rest, does not vary.

    Examples
    --------
    >>> item_rest(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])).round(12).tolist()
    [-1.0, -1.0]
    """
    centred = points - points.mean(axis=0)
    covariance = centred.T @ centred
    variance = np.diag(covariance)
    row = covariance.sum(axis=1)
    rest = covariance.sum() - 2 * row + variance
    scale = variance * rest
    # What rounding leaves of a constant is no variation.
    small = scale <= (1e-12 * max(float(variance.max(initial=0.0)), 1e-300)) ** 2
    divisor = np.sqrt(np.where(small, 1.0, scale))
    return np.where(small, np.nan, np.clip((row - variance) / divisor, -1.0, 1.0))
