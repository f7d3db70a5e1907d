r"""Effects pooled over strata of two-by-two tables: Mantel-Haenszel, and stratified scores.

Each stratum i has successes and trials of the arm (x1, n1) and of the control (x0, n0), and
:math:`N = n_1 + n_0`. A stratum without both arms, or (for ratios) without successes, weighs
nothing. Counts may be sums of case weights.

References
----------
.. [1] Mantel N, Haenszel W (1959). Statistical aspects of the analysis of data from retrospective
   studies of disease. J Natl Cancer Inst 22:719-748. doi:10.1093/jnci/22.4.719
.. [2] Greenland S, Robins JM (1985). Estimation of a common effect parameter from sparse follow-up
   data. Biometrics 41:55-68. doi:10.2307/2530643
.. [3] Robins J, Breslow N, Greenland S (1986). Estimators of the Mantel-Haenszel variance
   consistent in both sparse data and large-strata limiting models. Biometrics 42:311-323.
   doi:10.2307/2531052
.. [4] Sato T (1989). On the variance estimator for the Mantel-Haenszel risk difference.
   Biometrics 45:1323-1324.
.. [5] Miettinen O, Nurminen M (1985). Comparative analysis of two rates. Stat Med 4:213-226.
   doi:10.1002/sim.4780040211
.. [6] Breslow NE, Day NE (1980). Statistical methods in cancer research I. IARC.
.. [7] Tarone RE (1985). On heterogeneity tests based on efficient scores. Biometrika 72:91-95.
   doi:10.1093/biomet/72.1.91
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels.numeric import bisect, normal_quantile
from evalkit.kernels.proportion_differences import constrained_proportions
from evalkit.kernels.proportion_ratios import constrained_by_odds_ratio
from evalkit.typing import FloatArray

__all__ = [
    "Homogeneity",
    "Pooled",
    "StratifiedScore",
    "Tables",
    "breslow_day",
    "mantel_haenszel_test",
    "pooled_difference",
    "pooled_odds_ratio",
    "pooled_ratio",
    "stratified_score",
]


@dataclass(frozen=True, slots=True)
class Tables:
    """Two-by-two tables, one for each stratum; arrays of float, shape (S,).

    Attributes
    ----------
    x1, n1 : ndarray of float, shape (S,)
        Successes and trials of the arm.
    x0, n0 : ndarray of float, shape (S,)
        Successes and trials of the control.
    """

    x1: FloatArray
    n1: FloatArray
    x0: FloatArray
    n0: FloatArray

    def complete(self) -> Tables:
        """Return the strata that have both arms.

        Returns
        -------
        Tables
            Those strata.
        """
        both = (self.n1 > 0) & (self.n0 > 0)
        return Tables(self.x1[both], self.n1[both], self.x0[both], self.n0[both])


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled effect.

    Attributes
    ----------
    estimate : float
        The effect.
    std_error : float
        Its standard error, or that of its logarithm for a ratio; NaN where it is undefined.
    """

    estimate: float
    std_error: float


@dataclass(frozen=True, slots=True)
class StratifiedScore:
    """A stratified score interval and test of a difference.

    Attributes
    ----------
    estimate, low, high : float
        The difference and its interval.
    statistic, p_value : float
        The score test of no difference.
    """

    estimate: float
    low: float
    high: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """A test that the strata share one odds ratio.

    Attributes
    ----------
    statistic, p_value : float
        Breslow and Day's statistic with Tarone's correction, chi-squared.
    df : int
        Strata that can tell, less one.
    """

    statistic: float
    df: int
    p_value: float


def pooled_difference(tables: Tables, *, variance: str = "sato") -> Pooled:
    r"""Mantel-Haenszel risk difference, with weights :math:`n_1 n_0 / N`.

    Sato's variance [4]_ is consistent both for few large strata and for many small ones, if the
    difference is the same in all; Greenland and Robins' [2]_ is for few large strata and allows
    the difference to vary.

    Parameters
    ----------
    tables : Tables
        The strata.
    variance : {"sato", "greenland-robins"}
        The variance.

    Returns
    -------
    Pooled
        The difference. R: ``metafor::rma.mh(measure = "RD")`` for Sato's variance.
    """
    t = tables.complete()
    n = t.n1 + t.n0
    weight = t.n1 * t.n0 / n
    total = weight.sum()
    difference = float((t.x1 * t.n0 - t.x0 * t.n1) @ (1 / n)) / total
    if variance == "sato":
        p = (t.n1**2 * t.x0 - t.n0**2 * t.x1 + t.n1 * t.n0 * (t.n0 - t.n1) / 2) / n**2
        q = (t.x1 * (t.n0 - t.x0) + t.x0 * (t.n1 - t.x1)) / (2 * n)
        spread = (difference * p.sum() + q.sum()) / total**2
    else:
        within = t.x1 * (t.n1 - t.x1) / t.n1**3 + t.x0 * (t.n0 - t.x0) / t.n0**3
        spread = float(weight**2 @ within) / total**2
    return Pooled(float(difference), float(np.sqrt(max(spread, 0.0))))


def pooled_ratio(tables: Tables) -> Pooled:
    """Mantel-Haenszel risk ratio with Greenland and Robins' variance of its logarithm [2]_.

    Parameters
    ----------
    tables : Tables
        The strata.

    Returns
    -------
    Pooled
        The ratio. R: ``metafor::rma.mh(measure = "RR")``.
    """
    t = tables.complete()
    n = t.n1 + t.n0
    up, down = float((t.x1 * t.n0 / n).sum()), float((t.x0 * t.n1 / n).sum())
    top = float(((t.n1 * t.n0 * (t.x1 + t.x0) - t.x1 * t.x0 * n) / n**2).sum())
    if up == 0 or down == 0:
        return Pooled(_quotient(up, down), np.nan)
    return Pooled(up / down, float(np.sqrt(top / (up * down))))


def pooled_odds_ratio(tables: Tables) -> Pooled:
    """Mantel-Haenszel odds ratio with Robins, Breslow and Greenland's variance [3]_.

    Parameters
    ----------
    tables : Tables
        The strata.

    Returns
    -------
    Pooled
        The odds ratio. R: ``mantelhaen.test(table)$estimate``.
    """
    t = tables.complete()
    n = t.n1 + t.n0
    f1, f0 = t.n1 - t.x1, t.n0 - t.x0
    r, s = t.x1 * f0 / n, t.x0 * f1 / n
    p, q = (t.x1 + f0) / n, (t.x0 + f1) / n
    up, down = float(r.sum()), float(s.sum())
    if up == 0 or down == 0:
        return Pooled(_quotient(up, down), np.nan)
    spread = (
        float(p @ r) / (2 * up**2)
        + float(p @ s + q @ r) / (2 * up * down)
        + float(q @ s) / (2 * down**2)
    )
    return Pooled(up / down, float(np.sqrt(spread)))


def _quotient(up: float, down: float) -> float:
    """Divide, with infinity where only the denominator is 0 and NaN where both are."""
    return np.nan if up == down == 0 else np.inf if down == 0 else up / down


def mantel_haenszel_test(tables: Tables, *, corrected: bool = False) -> tuple[float, float]:
    """Mantel-Haenszel test of no effect in any stratum [1]_.

    Parameters
    ----------
    tables : Tables
        The strata.
    corrected : bool, default False
        Whether to take 1/2 from the difference of observed and expected successes.

    Returns
    -------
    tuple of float
        Chi-squared on 1 degree of freedom and its p-value; NaN where nobody or everybody
        succeeded in each stratum. R: ``mantelhaen.test(table, correct = corrected)``.
    """
    t = tables.complete()
    n, m = t.n1 + t.n0, t.x1 + t.x0
    more = n > 1
    expected = t.n1 * m / n
    spread = (t.n1 * t.n0 * m * (n - m))[more] / (n**2 * (n - 1))[more]
    total = float(spread.sum())
    if total == 0:
        return np.nan, np.nan
    gap = abs(float((t.x1 - expected).sum()))
    statistic = max(gap - 0.5 * corrected, 0.0) ** 2 / total
    return statistic, float(special.chdtrc(1, statistic))


def stratified_score(
    tables: Tables, level: float = 0.95, *, corrected: bool = True
) -> StratifiedScore:
    r"""Score interval of a difference common to the strata, with Mantel-Haenszel weights.

    It holds every :math:`\delta` with :math:`|\sum w_i(\hat p_{1i} - \hat p_{0i} - \delta)|
    \le z \sqrt{\sum w_i^2 V_i(\delta)}`, where :math:`w_i = n_{1i} n_{0i} / N_i` and
    :math:`V_i(\delta)` is Miettinen and Nurminen's variance [5]_ in the stratum. With one stratum
    it is their interval; it exists also where nobody succeeded.

    Parameters
    ----------
    tables : Tables
        The strata.
    level : float, default 0.95
        Confidence level.
    corrected : bool, default True
        Whether each variance has the factor N / (N - 1).

    Returns
    -------
    StratifiedScore
        The interval and the test.
    """
    t = tables.complete()
    n = t.n1 + t.n0
    weight = t.n1 * t.n0 / n
    factor = n / np.maximum(n - 1, 1) if corrected else np.ones_like(n)
    observed = float(weight @ (t.x1 / t.n1 - t.x0 / t.n0)) / weight.sum()
    # Count what is rarer, success or failure: see kernels.proportion_differences.
    flip = 2 * (t.x1 + t.x0) > n
    x1, x0 = np.where(flip, t.n1 - t.x1, t.x1), np.where(flip, t.n0 - t.x0, t.x0)

    def statistic(delta: FloatArray) -> FloatArray:
        shift = np.asarray(delta)[..., None]
        p1, p0 = constrained_proportions(x1, t.n1, x0, t.n0, np.where(flip, -shift, shift))
        spread = factor * (p1 * (1 - p1) / t.n1 + p0 * (1 - p0) / t.n0)
        gap = (observed - np.asarray(delta)) * weight.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(gap == 0, 0.0, gap / np.sqrt((weight**2 * spread).sum(axis=-1)))

    z = normal_quantile(level)
    ends = bisect(
        lambda delta: statistic(delta) > np.array([z, -z]),
        np.array([-1.0, observed]),
        np.array([observed, 1.0]),
    )
    at_zero = float(statistic(np.zeros(1))[0])
    p_value = float(2 * special.ndtr(-abs(at_zero)))
    return StratifiedScore(observed, float(ends[0]), float(ends[1]), at_zero, p_value)


def breslow_day(tables: Tables) -> Homogeneity:
    """Test that the strata share one odds ratio: Breslow and Day [6]_, corrected by Tarone [7]_.

    Parameters
    ----------
    tables : Tables
        The strata.

    Returns
    -------
    Homogeneity
        The test; NaN where fewer than two strata can tell or the pooled odds ratio is 0 or
        infinite. R: ``metafor::rma.mh(measure = "OR")$TA``.
    """
    t = tables.complete()
    m = t.x1 + t.x0
    tells = (m > 0) & (m < t.n1 + t.n0)
    odds_ratio = pooled_odds_ratio(t).estimate
    df = int(tells.sum()) - 1
    if df < 1 or not 0 < odds_ratio < np.inf:
        return Homogeneity(np.nan, df, np.nan)
    x1, n1, x0, n0 = t.x1[tells], t.n1[tells], t.x0[tells], t.n0[tells]
    p1, p0 = constrained_by_odds_ratio(x1, n1, x0, n0, np.full_like(x1, odds_ratio))
    gap = x1 - n1 * p1
    spread = 1 / (1 / (n1 * p1 * (1 - p1)) + 1 / (n0 * p0 * (1 - p0)))
    statistic = float((gap**2 / spread).sum() - gap.sum() ** 2 / spread.sum())
    return Homogeneity(statistic, df, float(special.chdtrc(df, statistic)))
