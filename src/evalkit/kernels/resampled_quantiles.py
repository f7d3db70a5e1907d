"""Quantiles of weighted data, and how they vary when whole clusters are drawn again.

A quantile is the midpoint of the values with at least a share q of the weight at or below them and
at least 1 - q at or above: R's ``quantile(type = 2)``.

References
----------
.. [1] Hyndman RJ, Fan Y (1996). Sample quantiles in statistical packages. Am Stat 50:361-365.
   doi:10.1080/00031305.1996.10473566
.. [2] Efron B, Tibshirani RJ (1993). An introduction to the bootstrap. Chapman & Hall.
   doi:10.1201/9780429246593
"""

from __future__ import annotations

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["quantiles", "resampled_quantiles"]

_EDGE = 1e-9  # share of the weight that rounding of q times the weight may amount to
_CELLS = 4_000_000


def quantiles(ordered: FloatArray, weights: FloatArray, q: FloatArray) -> FloatArray:
    """Return quantiles for one or several sets of weights.

    Parameters
    ----------
    ordered : ndarray of float, shape (n,)
        The values, increasing.
    weights : ndarray of float, shape (R, n)
        Weights of the values, R sets of them, not all 0.
    q : ndarray of float, shape (k,)
        Shares, each between 0 and 1.

    Returns
    -------
    ndarray of float, shape (R, k)
        The quantiles.

    Examples
    --------
    >>> quantiles(np.array([0.0, 0, 4, 10]), np.ones((1, 4)), np.array([0.25, 0.5])).tolist()
    [[0.0, 2.0]]
    """
    up_to = np.cumsum(weights, axis=1)
    total = up_to[:, -1:]
    out = np.empty((len(weights), len(q)))
    for j, share in enumerate(q):
        below = np.argmax(up_to >= (share - _EDGE) * total, axis=1)
        above = np.argmax(up_to > (share + _EDGE) * total, axis=1)
        out[:, j] = (ordered[below] + ordered[above]) / 2
    return out


def resampled_quantiles(
    values: FloatArray, cluster: IntArray, q: FloatArray, n_resamples: int, rng: np.random.Generator
) -> FloatArray:
    """Draw clusters with replacement, as many as there are, and take the quantiles each time [2]_.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The values.
    cluster : ndarray of int, shape (n,)
        Codes of the clusters; a row that stands alone has one of its own.
    q : ndarray of float, shape (k,)
        Shares.
    n_resamples : int
        R, how often to draw.
    rng : numpy.random.Generator
        Source of randomness. What is drawn does not depend on the order of the rows.

    Returns
    -------
    ndarray of float, shape (R, k)
        The quantiles of each resample.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    codes = np.unique(cluster[order], return_inverse=True)[1]
    size = int(codes.max()) + 1
    # Number the clusters by what is in them, so that the order of the rows does not matter.
    sums, counts = np.bincount(codes, ordered), np.bincount(codes)
    squares = np.bincount(codes, ordered**2)
    rank = np.empty(size, dtype=np.int64)
    rank[np.lexsort((squares, counts, sums))] = np.arange(size)
    codes = rank[codes]
    portion = max(1, _CELLS // len(ordered))
    out = np.empty((n_resamples, len(q)))
    for begin in range(0, n_resamples, portion):
        here = min(portion, n_resamples - begin)
        times = rng.multinomial(size, np.full(size, 1 / size), size=here)
        weights = times[:, codes].astype(np.float64)
        out[begin : begin + here] = quantiles(ordered, weights, q)
    return out
