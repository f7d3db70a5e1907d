r"""Means of survey answers with raked weights, and how much the weights cost.

Raked weights make respondents resemble the population in the margins. What the margins explain of
the answers then adds nothing to the variance, which rests on the residuals from them [1]_. If n of
a population of N have answered, as a random part of it within the margins, the variance is further
multiplied by :math:`1 - n/N` [2]_.

References
----------
.. [1] Deville J-C, Sarndal C-E, Sautory O (1993). Generalized raking procedures in survey
   sampling. J Am Stat Assoc 88:1013-1020. doi:10.1080/01621459.1993.10476369
.. [2] Cochran WG (1977). Sampling Techniques, 3rd ed. New York: Wiley.
.. [3] Kish L (1965). Survey Sampling. New York: Wiley.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.numeric import binned
from evalkit.kernels.proportions import wilson
from evalkit.kernels.raking import cells_of
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["RakedMean", "effective_number", "raked_mean", "raked_share_limits"]


@dataclass(frozen=True, slots=True)
class RakedMean:
    """A weighted mean and its standard error."""

    estimate: float
    std_error: float


def effective_number(weights: FloatArray) -> float:
    r"""Return Kish's [3]_ effective number of respondents, :math:`(\sum w)^2 / \sum w^2`.

    Parameters
    ----------
    weights : ndarray of float, shape (n,)
        Weights of at least 0, not all 0.

    Returns
    -------
    float
        Between 1 and n.

    Examples
    --------
    >>> effective_number(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    scaled = weights / weights.max()
    return float(scaled.sum() ** 2 / (scaled @ scaled))


def raked_mean(
    y: FloatArray,
    weights: FloatArray,
    start: FloatArray,
    codes: Sequence[IntArray],
    sizes: Sequence[int],
    population: float = math.inf,
    answered: BoolArray | None = None,
) -> RakedMean:
    r"""Return a mean with raked weights, and its linearised standard error.

    With :math:`e_i` the residual of :math:`y_i - \bar y` from its regression on the margins,
    weighted by the weights before raking, the variance is
    :math:`(1 - m/N)\, \frac{n}{n-1} \sum_i (u_i - \bar u)^2` with :math:`u_i = w_i e_i / W`, where
    m of n respondents have answered this question and W is the sum of their weights. Who has not
    answered it counts with 0 for :math:`y_i - \bar y`: the weights meet the margins with these
    respondents, and without them do not.

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        Answers, n >= 2; any number, or NaN, where there is none.
    weights, start : ndarray of float, shape (n,)
        Weights after and before raking, all positive.
    codes : sequence of ndarray of int, shape (n,)
        Level of each respondent in each margin, at least one margin.
    sizes : sequence of int
        Number of levels of each margin.
    population : float, default inf
        N, at least m.
    answered : ndarray of bool, shape (n,), optional
        Who has answered this question, everybody by default.

    Returns
    -------
    RakedMean
        The mean. R: ``survey::svymean`` after ``survey::calibrate(calfun = "raking")``; after
        ``survey::rake`` it differs if weights before raking do.
    """
    there = np.ones(len(y), dtype=np.bool_) if answered is None else answered
    total = float(weights[there].sum())
    mean = float(weights[there] @ y[there]) / total
    residuals = np.where(there, y - mean, 0.0)
    residuals = residuals - _fitted(residuals, start, codes, sizes)
    parts = weights * residuals / total
    n = len(y)
    spread = n / (n - 1) * float(((parts - parts.mean()) ** 2).sum())
    return RakedMean(mean, math.sqrt((1 - there.sum() / population) * spread))


def _fitted(
    y: FloatArray, start: FloatArray, codes: Sequence[IntArray], sizes: Sequence[int]
) -> FloatArray:
    """Return what the margins explain of y, by least squares over the cells that they form."""
    cells = cells_of(codes, sizes)
    size = len(cells.levels[0])
    mass = binned(cells.index, start, size)
    mean = binned(cells.index, start * y, size) / mass
    design = np.hstack([np.eye(k)[level] for k, level in zip(sizes, cells.levels, strict=True)])
    root = np.sqrt(mass)
    found = np.linalg.lstsq(design * root[:, None], mean * root, rcond=None)[0]
    return np.asarray(design @ found, dtype=np.float64)[cells.index]


def raked_share_limits(
    found: RakedMean, kish: float, left: float, level: float
) -> tuple[float, float]:
    """Return Wilson's limits of a share, with as many answers as its variance is worth.

    Parameters
    ----------
    found : RakedMean
        The share and its standard error.
    kish : float
        Effective number of respondents, used where nobody or everybody is counted.
    left : float
        Share of the population that has not answered, 1 - n/N; with 0 the share is known.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        Lower and upper limit.
    """
    p = min(max(found.estimate, 0.0), 1.0)
    if left <= 0:
        return p, p
    inside = 0 < p < 1 and found.std_error > 0
    number = p * (1 - p) / found.std_error**2 if inside else kish / left
    limits = wilson(p * number, number, level)
    return float(limits.low), 1.0 if p == 1 else float(limits.high)
