"""Sharp bounds on the average effect of a received treatment, without assumptions on who takes it.

Outcome, received treatment and assignment are each 0 or 1. Assignment is random and acts on the
outcome only through the received treatment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.typing import FloatArray

__all__ = ["EffectBounds", "balke_pearl"]

# Each row: constant, then the coefficients of P(y, d | z) in the order 00.0, 01.0, 10.0, 11.0,
# 00.1, 01.1, 10.1, 11.1, where the digits are y, d and z.
_LOWER = np.array(
    [
        [-1, 1, 0, 0, 0, 0, 0, 0, 1],
        [-1, 0, 0, 0, 1, 1, 0, 0, 0],
        [0, 0, -1, -1, 1, 0, 0, -1, -1],
        [0, 0, 0, -1, -1, 0, -1, -1, 1],
        [0, 0, 0, 0, 0, 0, -1, -1, 0],
        [0, 0, -1, -1, 0, 0, 0, 0, 0],
        [0, -1, -1, 0, 0, 1, -1, -1, 0],
        [0, 1, -1, -1, 0, -1, -1, 0, 0],
    ],
    dtype=np.float64,
)
_UPPER = np.array(
    [
        [1, 0, 0, -1, 0, 0, -1, 0, 0],
        [1, 0, -1, 0, 0, 0, 0, -1, 0],
        [0, 1, -1, 0, 1, 1, 1, 0, 0],
        [0, 1, 1, 0, 0, 1, -1, 0, 1],
        [0, 0, 0, 0, 0, 1, 0, 0, 1],
        [0, 1, 0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 0, -1, 1],
        [0, 1, 0, -1, 1, 0, 0, 1, 1],
    ],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True)
class EffectBounds:
    """Bounds and a confidence interval that holds the effect.

    Attributes
    ----------
    lower, upper : float
        The bounds at the observed shares; ``lower`` may exceed ``upper`` where the shares
        contradict the assumptions.
    conf_low, conf_high : float
        Limits that hold whatever effect the assumptions allow, with at least the level asked
        for in large samples.
    violation : float
        By how much the instrumental inequality fails; 0 where it holds.
    """

    lower: float
    upper: float
    conf_low: float
    conf_high: float
    violation: float


def balke_pearl(counts: FloatArray, level: float) -> EffectBounds:
    r"""Bound P(Y = 1) if all received the treatment minus P(Y = 1) if nobody did.

    Parameters
    ----------
    counts : ndarray of float, shape (2, 2, 2)
        Persons by assignment, outcome and received treatment: ``counts[z, y, d]``.
    level : float
        Confidence level.

    Returns
    -------
    EffectBounds
        The bounds.

    Notes
    -----
    The bounds are the largest of eight linear expressions in the shares, and the smallest of
    eight others [1]_. A limit takes each expression's own one-sided normal limit at 1/8 of half
    the error, and then the best of them, so that it holds by Bonferroni whichever expression
    binds. The instrumental inequality is :math:`\sum_y \max_z P(y, d | z) \le 1` for each d.

    References
    ----------
    .. [1] Balke A, Pearl J (1997). Bounds on treatment effects from studies with imperfect
       compliance. JASA 92:1171-1176. doi:10.1080/01621459.1997.10474074
    """
    n = counts.sum(axis=(1, 2))
    shares = (counts / n[:, None, None]).reshape(2, 4)  # y, d in the order 00, 01, 10, 11
    z = -float(special.ndtri((1 - level) / 2 / len(_LOWER)))
    low, low_spread = _expressions(_LOWER, shares, n)
    high, high_spread = _expressions(_UPPER, shares, n)
    largest = shares.max(axis=0).reshape(2, 2)  # over z; y in rows, d in columns
    return EffectBounds(
        float(low.max()),
        float(high.min()),
        max(float((low - z * low_spread).max()), -1.0),
        min(float((high + z * high_spread).min()), 1.0),
        max(float(largest.sum(axis=0).max()) - 1, 0.0),
    )


def _expressions(
    table: FloatArray, shares: FloatArray, n: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the values of linear expressions in the shares and their standard errors."""
    values = table[:, 0].copy()
    variance = np.zeros(len(table))
    for z in range(2):
        factors = table[:, 1 + 4 * z : 5 + 4 * z]
        mean = factors @ shares[z]
        values += mean
        variance += (factors**2 @ shares[z] - mean**2) / n[z]
    return values, np.sqrt(np.maximum(variance, 0))
