r"""How far the items of a scale agree: alpha, its relatives, and what single items add.

Everything follows from the items' covariance matrix C of k items, with total :math:`V = 1'C1`:

.. math:: \alpha = \frac{k}{k-1}\left(1 - \frac{\mathrm{tr}\,C}{V}\right), \qquad
    \lambda_6 = 1 - \frac{\sum_i (1 - \mathrm{smc}_i)}{1'R1},

where R is the correlation matrix and smc the squared multiple correlation of an item with the
others.

References
----------
.. [1] Cronbach LJ (1951). Coefficient alpha and the internal structure of tests.
   Psychometrika 16:297-334. doi:10.1007/BF02310555
.. [2] Feldt LS, Woodruff DJ, Salih FA (1987). Statistical inference for coefficient alpha.
   Appl Psychol Meas 11:93-103. doi:10.1177/014662168701100107
.. [3] Guttman L (1945). A basis for analyzing test-retest reliability. Psychometrika 10:255-282.
   doi:10.1007/BF02288892
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "ItemCovariances",
    "against_the_others",
    "alpha_if_dropped",
    "bootstrap_alpha",
    "correlations",
    "cronbach_alpha",
    "feldt_interval",
    "item_covariances",
    "item_rest_correlations",
    "lambda_6",
]

_BLOCK = 1 << 22  # weights that are held at a time
_PRODUCTS = 1 << 24  # products of answers that are held at a time
_AT_LEAST = 16  # samples that share the products of one block of people
_CLEAR = 0.2  # a correlation with the rest that is no accident
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class ItemCovariances:
    """Moments of k items.

    Attributes
    ----------
    n : ndarray of int, shape (k, k)
        People who answered both items; on the diagonal, who answered the item.
    mean : ndarray of float, shape (k,)
        Means of the answers to each item; NaN without answers.
    covariance : ndarray of float, shape (k, k)
        Covariances over n - 1, each from the people who answered both; NaN for fewer than two.
    """

    n: IntArray
    mean: FloatArray
    covariance: FloatArray


def item_covariances(answers: FloatArray) -> ItemCovariances:
    """Compute the covariances of items, each pair from the people who answered both.

    Parameters
    ----------
    answers : ndarray of float, shape (n, k)
        Answers; NaN where missing. Rows without any missing answer give ordinary covariances.

    Returns
    -------
    ItemCovariances
        Numbers, means and covariances. R: ``cov(x, use = "pairwise")``.
    """
    there = ~np.isnan(answers)
    own = there.sum(axis=0)
    zeros = np.where(there, answers, 0.0)
    mean = np.divide(zeros.sum(axis=0), own, out=np.full(len(own), np.nan), where=own > 0)
    centred = np.where(there, answers - np.where(own > 0, mean, 0.0), 0.0)
    if there.all():
        n = np.full((len(own), len(own)), len(answers), dtype=np.int64)
        sums = np.broadcast_to(centred.sum(axis=0)[:, None], n.shape)
    else:
        mask = there.astype(np.float64)
        n = np.rint(mask.T @ mask).astype(np.int64)
        sums = centred.T @ mask
    covariance = _covariance(centred.T @ centred, sums, n.astype(np.float64))
    tiny = np.diag(covariance) <= (_ROUNDING * np.abs(np.where(own > 0, mean, 0.0))) ** 2
    covariance[tiny] = np.where(np.isnan(covariance[tiny]), np.nan, 0.0)
    covariance[:, tiny] = np.where(np.isnan(covariance[:, tiny]), np.nan, 0.0)
    return ItemCovariances(n, mean, covariance)


def _covariance(products: FloatArray, sums: FloatArray, n: FloatArray) -> FloatArray:
    """Covariances of pairs from sums of products, sums of the first with the second, and counts."""
    less = np.where(n > 1, n - 1, np.nan)
    return (products - sums * np.swapaxes(sums, -1, -2) / np.where(n > 0, n, np.nan)) / less


def correlations(covariance: FloatArray) -> FloatArray:
    """Turn covariances into correlations; NaN for an item without variance.

    Parameters
    ----------
    covariance : ndarray of float, shape (..., k, k)
        Covariances.

    Returns
    -------
    ndarray of float, shape (..., k, k)
        Correlations, 1 on the diagonal.
    """
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    spread = np.sqrt(np.where(variance > 0, variance, np.nan))
    out = covariance / spread[..., :, None] / spread[..., None, :]
    places: IntArray = np.arange(variance.shape[-1], dtype=np.int64)
    out[..., places, places] = np.where(np.isnan(spread), np.nan, 1.0)
    return out


def cronbach_alpha(covariance: FloatArray) -> FloatArray:
    """Compute alpha [1]_; of a correlation matrix it is the standardised alpha.

    Parameters
    ----------
    covariance : ndarray of float, shape (..., k, k)
        Covariances or correlations of at least two items.

    Returns
    -------
    ndarray of float, shape (...)
        Alpha; NaN for one item, or where the sum of the items does not vary.
    """
    k = covariance.shape[-1]
    total = covariance.sum(axis=(-2, -1))
    own = np.trace(covariance, axis1=-2, axis2=-1)
    scale = np.where(total > _ROUNDING * own, total, np.nan)
    return k / (k - 1) * (1 - own / scale) if k > 1 else np.full(np.shape(total), np.nan)


def alpha_if_dropped(covariance: FloatArray) -> FloatArray:
    """Compute the alpha of the others, for every item.

    Parameters
    ----------
    covariance : ndarray of float, shape (k, k)
        Covariances or correlations.

    Returns
    -------
    ndarray of float, shape (k,)
        Alpha without the item; NaN for fewer than three items.
    """
    k = len(covariance)
    if k < 3:
        return np.full(k, np.nan)
    variance = np.diag(covariance)
    total = covariance.sum() - 2 * covariance.sum(axis=1) + variance
    own = variance.sum() - variance
    return (k - 1) / (k - 2) * (1 - own / np.where(total > _ROUNDING * own, total, np.nan))


def item_rest_correlations(covariance: FloatArray) -> FloatArray:
    """Correlate every item with the sum of the others.

    Parameters
    ----------
    covariance : ndarray of float, shape (k, k)
        Covariances of the items.

    Returns
    -------
    ndarray of float, shape (k,)
        Correlations; NaN for an item, or a rest, that does not vary. R: ``psych::alpha``'s r.drop.
    """
    variance, row = np.diag(covariance), covariance.sum(axis=1)
    rest = covariance.sum() - 2 * row + variance
    product = variance * rest
    enough = (variance > 0) & (rest > _ROUNDING * (variance.sum() - variance))
    return (row - variance) / np.sqrt(np.where(enough, product, np.nan))


def against_the_others(covariance: FloatArray) -> BoolArray:
    """Say which items run against the others, as if their codes were turned around.

    The signs of the first principal component part the items in two camps. If any item
    correlates below 0 with the rest, the items of the smaller camp that do so, or that would
    correlate above 0.2 with the rest once their camp is turned, are named; and where there is only
    one camp, or alpha is negative and the smaller camp names nobody, all below 0.

    Parameters
    ----------
    covariance : ndarray of float, shape (k, k)
        Covariances of the items.

    Returns
    -------
    ndarray of bool, shape (k,)
        The items; none if fewer than three, or if the correlations are not known.
    """
    k = len(covariance)
    rest = item_rest_correlations(covariance)
    r = correlations(covariance)
    if k < 3 or np.isnan(r).any() or not (rest < 0).any():
        return np.zeros(k, dtype=np.bool_)
    first = np.linalg.eigh(r)[1][:, -1]
    balance = (first > 0).sum() - (first < 0).sum()
    sign = float(balance) if balance else float(first.sum())
    camp = first * (1.0 if sign >= 0 else -1.0) < 0
    if not camp.any():
        return rest < 0
    turned = np.where(camp, -1.0, 1.0)
    aligned = item_rest_correlations(covariance * np.outer(turned, turned))
    found = camp & ((rest < 0) | (aligned > _CLEAR))
    return found if found.any() or not cronbach_alpha(covariance) < 0 else rest < 0


def lambda_6(covariance: FloatArray) -> float:
    """Compute Guttman's lambda 6 [3]_ from the correlations.

    Parameters
    ----------
    covariance : ndarray of float, shape (k, k)
        Covariances of the items.

    Returns
    -------
    float
        Lambda 6; NaN if an item does not vary or is a combination of the others.
    """
    r = correlations(covariance)
    if np.isnan(r).any() or len(r) < 2 or float(np.linalg.eigvalsh(r)[0]) <= 1e-12:
        return float("nan")
    unexplained = 1 / np.diag(np.linalg.inv(r))
    return float(1 - unexplained.sum() / r.sum())


def feldt_interval(alpha: float, n: int, k: int, level: float) -> tuple[float, float]:
    r"""Return Feldt's interval for alpha [2]_.

    .. math:: 1 - (1 - \alpha) F_{(1 \pm \mathrm{level})/2}\{n - 1, (n - 1)(k - 1)\}

    Parameters
    ----------
    alpha : float
        The estimate.
    n, k : int
        People and items.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        The limits; NaN for fewer than two people or items. R: ``psych::alpha.ci``.
    """
    if n < 2 or k < 2 or alpha != alpha:
        return float("nan"), float("nan")
    df = (n - 1, (n - 1) * (k - 1))
    upper, lower = (float(special.fdtri(*df, p)) for p in ((1 + level) / 2, (1 - level) / 2))
    return 1 - (1 - alpha) * upper, 1 - (1 - alpha) * lower


def bootstrap_alpha(
    answers: FloatArray, draws: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw people anew, and compute raw and standardised alpha of each sample.

    A sample is a row of weights: how often each person was drawn. All moments of a block of
    samples come from matrix products of the weights with the products of the answers, taken over
    blocks of people where there are many.

    Parameters
    ----------
    answers : ndarray of float, shape (n, k)
        Answers; NaN where missing. Covariances are pairwise, as in :func:`item_covariances`.
    draws : int
        Number of samples.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    raw : ndarray of float, shape (draws,)
        Alpha of each sample; NaN for samples that have none, as when nothing varies in them.
    standardised : ndarray of float, shape (draws,)
        Standardised alpha; NaN also if an item does not vary.
    """
    n, k = answers.shape
    there = ~np.isnan(answers)
    complete = bool(there.all())
    counts = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, answers, 0.0).sum(axis=0) / counts
    centred = np.where(there, answers - mean, 0.0)
    first, second = np.triu_indices(k)
    width = len(first) + (k if complete else k * k + len(first))
    people = max(1, _PRODUCTS // width)
    blocks = [slice(low, low + people) for low in range(0, n, people)]

    def products(block: slice) -> FloatArray:
        some = None if complete else there[block].astype(np.float64)
        return _products(centred[block], some, first, second)

    kept = products(blocks[0]) if len(blocks) == 1 else None
    raw, standardised = np.empty(draws), np.empty(draws)
    rows = max(1 if kept is not None else _AT_LEAST, _BLOCK // n)
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        drawn = rng.integers(0, n, size=(size, n))
        drawn += n * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        sums = np.zeros((size, width))
        for block in blocks:
            here = weights[:, block].astype(np.float64)
            sums += here @ (products(block) if kept is None else kept)
        pairs = _symmetric(sums[:, : len(first)], first, second, k)
        rest = sums[:, len(first) :]
        if complete:
            own = np.broadcast_to(rest[:, :, None], (size, k, k))
            both = np.full((size, k, k), float(n))
        else:
            own = rest[:, : k * k].reshape(size, k, k)
            both = _symmetric(rest[:, k * k :], first, second, k)
        covariance = _covariance(pairs, own, both)
        raw[start : start + size] = cronbach_alpha(covariance)
        standardised[start : start + size] = cronbach_alpha(correlations(covariance))
    return raw, standardised


def _products(
    centred: FloatArray, there: FloatArray | None, first: IntArray, second: IntArray
) -> FloatArray:
    """Lay out what every person adds to the sums of pairs of items, one person a row."""
    parts = [centred[:, first] * centred[:, second]]
    if there is None:
        parts.append(centred)
    else:
        n, k = centred.shape
        parts.append((centred[:, :, None] * there[:, None, :]).reshape(n, k * k))
        parts.append(there[:, first] * there[:, second])
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _symmetric(values: FloatArray, first: IntArray, second: IntArray, k: int) -> FloatArray:
    """Lay upper triangles out as symmetric matrices."""
    out = np.empty((len(values), k, k))
    out[:, first, second] = values
    out[:, second, first] = values
    return out
