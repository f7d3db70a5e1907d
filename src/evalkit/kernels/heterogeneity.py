"""Whether independent estimates are of the same effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.typing import FloatArray

__all__ = ["Heterogeneity", "heterogeneity"]


@dataclass(frozen=True)
class Heterogeneity:
    """A test that all estimates are of one effect: F, or chi-squared over its df if df2 is inf."""

    statistic: float
    df: tuple[float, float]
    p_value: float


def heterogeneity(estimate: FloatArray, std_error: FloatArray, df: FloatArray) -> Heterogeneity:
    r"""Test that independent estimates with variances of their own are of one effect.

    With :math:`w_i = 1/se_i^2` and their weighted mean :math:`\bar\theta`, Welch's test compares

    .. math:: F = \frac{\sum w_i(\hat\theta_i - \bar\theta)^2 / (L-1)}
        {1 + \frac{2(L-2)}{L^2-1}\Lambda}, \qquad
        \Lambda = \sum_i \frac{(1 - w_i/\sum w)^2}{\nu_i}

    with F(L - 1, :math:`(L^2-1)/(3\Lambda)`). For two estimates it is the t test with
    Satterthwaite's degrees of freedom; with infinite :math:`\nu_i` it is Cochran's Q.

    Parameters
    ----------
    estimate, std_error : ndarray of float, shape (L,)
        Estimates, at least two, and their standard errors.
    df : ndarray of float, shape (L,)
        Degrees of freedom of the standard errors; infinite for normal estimates.

    Returns
    -------
    Heterogeneity
        The test; NaN where a standard error is 0 or unknown.

    References
    ----------
    .. [1] Welch BL (1951). On the comparison of several mean values: an alternative approach.
       Biometrika 38:330-336. doi:10.1093/biomet/38.3-4.330
    """
    levels = len(estimate)
    nothing = Heterogeneity(float("nan"), (float(levels - 1), float("nan")), float("nan"))
    if levels < 2 or not np.isfinite(estimate).all() or not (std_error > 0).all():
        return nothing
    if np.isnan(df).any():
        return nothing
    weight = std_error**-2.0
    share = weight / weight.sum()
    q = float(weight @ (estimate - share @ estimate) ** 2)
    spread = float(((1 - share) ** 2 / df).sum())
    first = float(levels - 1)
    if spread == 0:
        return Heterogeneity(q / first, (first, float("inf")), float(special.chdtrc(first, q)))
    statistic = q / first / (1 + 2 * (levels - 2) / (levels**2 - 1) * spread)
    second = (levels**2 - 1) / (3 * spread)
    beyond = float(special.betainc(second / 2, first / 2, second / (second + first * statistic)))
    return Heterogeneity(statistic, (first, second), beyond)
