r"""Standardised change of people measured twice.

The mean change is divided by a standard deviation, and the variants differ in which: that of the
change (standardised response mean, :math:`d_z`), of the first measurement (Glass's :math:`\Delta`),
the root of the mean of the two variances (:math:`d_{av}`), or :math:`d_{rm}`, that of the change
over :math:`\sqrt{2(1 - r)}`. For d_z the interval is exact under normality, from the noncentral
t distribution; for the others it is from the delta method with normal fourth moments.

References
----------
.. [1] Bonett DG (2008). Confidence intervals for standardized linear contrasts of means.
   Psychol Methods 13:99-109. doi:10.1037/1082-989X.13.2.99
.. [2] Lakens D (2013). Calculating and reporting effect sizes to facilitate cumulative science.
   Front Psychol 4:863. doi:10.3389/fpsyg.2013.00863
.. [3] Steiger JH, Fouladi RT (1997). Noncentrality interval estimation and the evaluation of
   statistical models. In Harlow LL and others (eds) What if there were no significance tests?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels.numeric import normal_quantile
from evalkit.typing import FloatArray

__all__ = ["VARIANTS", "StandardisedChange", "spread", "standardised_change"]

VARIANTS = ("srm", "d_before", "d_av", "d_rm")
"""The variants, in the order of every array here."""

_ROUNDING = 64 * float(np.finfo(np.float64).eps)
_ALIKE = 1e-12  # a correlation this near to 1 is 1


def spread(values: FloatArray, size: float | None = None) -> float:
    """Compute a standard deviation, 0 where it is nothing but rounding.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The values; n at least 2.
    size : float, optional
        Size of the numbers that the values were computed from, such as the scores behind
        differences; that of the values if left out.

    Returns
    -------
    float
        Standard deviation over n - 1.
    """
    largest = float(np.abs(values).max()) if size is None else size
    found = float(values.std(ddof=1))
    return found if found > _ROUNDING * largest else 0.0


@dataclass(frozen=True, eq=False)
class StandardisedChange:
    """Standardised changes; arrays of shape (4,), in the order of ``VARIANTS``.

    Attributes
    ----------
    estimate : ndarray of float
        Mean change over the standard deviation of the variant; NaN where that is 0.
    std_error : ndarray of float
        Large-sample standard errors.
    low, high : ndarray of float
        Confidence limits.
    hedges : float
        Factor against small-sample bias, from n - 1 degrees of freedom: exact under normality for
        ``srm`` and ``d_before``, a little too strong for the others.
    """

    estimate: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    hedges: float


def standardised_change(before: FloatArray, after: FloatArray, level: float) -> StandardisedChange:
    """Compute the variants of the standardised mean change.

    Parameters
    ----------
    before, after : ndarray of float, shape (n,)
        The two measurements of each person; n at least 2.
    level : float
        Confidence level.

    Returns
    -------
    StandardisedChange
        The variants with their intervals; for d_before and d_av those of Bonett [1]_.
    """
    n = len(before)
    df = n - 1
    moved = after - before
    change = float(np.mean(moved))
    moments = np.cov(np.stack([before, after]))
    estimate, error = np.full(4, np.nan), np.full(4, np.nan)
    size = float(max(np.abs(before).max(), np.abs(after).max()))
    v = spread(moved, size) ** 2  # not from the moments: nearly equal changes cancel in them
    varies = spread(before) > 0 and spread(after) > 0
    for place, (scale, slope) in enumerate(_scales(moments, v) if varies else ()):
        if not scale > 0:
            continue
        ratio = change / scale
        # the log of the standard deviation moves with the covariances, independently of the mean
        variance = float(slope @ _fourth(moments) @ slope) / df
        estimate[place] = ratio
        error[place] = np.sqrt(v / df / scale**2 + ratio**2 * variance)
    z = normal_quantile(level)
    low, high = estimate - z * error, estimate + z * error
    low[0], high[0] = _exact(float(estimate[0]), n, level)
    hedges = float("nan")
    if df > 1:
        ratio_of_gammas = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2))
        hedges = float(ratio_of_gammas * np.sqrt(2 / df))
    return StandardisedChange(estimate, error, low, high, hedges)


def _scales(moments: FloatArray, v: float) -> list[tuple[float, FloatArray]]:
    """Return standard deviations, 0 if undefined, and slopes of their logs by v1, v2 and c."""
    v1, v2, c = float(moments[0, 0]), float(moments[1, 1]), float(moments[0, 1])
    root = float(np.sqrt(v1 * v2))
    r = c / root
    apart = v > 0 and 1 - r > _ALIKE
    change = np.array([1.0, 1.0, -2.0]) / (2 * v if v > 0 else np.nan)
    by_r = np.array([-r / (2 * v1), -r / (2 * v2), 1 / root]) / (2 * (1 - r) if apart else np.nan)
    return [
        (v**0.5, change),
        (float(np.sqrt(v1)), np.array([1 / (2 * v1), 0.0, 0.0])),
        (float(np.sqrt((v1 + v2) / 2)), np.array([1.0, 1.0, 0.0]) / (2 * (v1 + v2))),
        ((v / (2 * (1 - r))) ** 0.5 if apart else 0.0, change + by_r),
    ]


def _fourth(moments: FloatArray) -> FloatArray:
    """Covariance of v1, v2 and the covariance of normal variables, times the df."""
    v1, v2, c = float(moments[0, 0]), float(moments[1, 1]), float(moments[0, 1])
    return np.array(
        [
            [2 * v1**2, 2 * c**2, 2 * v1 * c],
            [2 * c**2, 2 * v2**2, 2 * v2 * c],
            [2 * v1 * c, 2 * v2 * c, v1 * v2 + c**2],
        ]
    )


def _noncentral_t(t: float, df: float, noncentrality: float) -> float:
    """P(T <= t) of the noncentral t distribution."""
    return float(special.nctdtr(df, noncentrality, t))


def _exact(d: float, n: int, level: float) -> tuple[float, float]:
    """Limits of d_z: the noncentralities of which its t is an extreme draw."""
    if d != d:
        return d, d
    t = float(d * np.sqrt(n))
    limits: list[float] = []
    for tail in ((1 + level) / 2, (1 - level) / 2):
        reach = 10.0 + abs(t)
        low, high = t - reach, t + reach
        for _ in range(200):
            middle = (low + high) / 2
            above = _noncentral_t(t, n - 1, middle) > tail
            low, high = (middle, high) if above else (low, middle)
        limits.append(float((low + high) / 2 / np.sqrt(n)))
    return limits[0], limits[1]
