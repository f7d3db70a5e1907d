r"""Shares standardised over strata: estimate, variance and interval from the strata's own shares.

A standardised share is :math:`p = \sum_j a_j p_j` with weights a that sum to 1: the group's own mix
for indirect standardisation (so that p is its plain share, and only what it is compared with is
standardised), the reference's mix for direct standardisation. The variance is

.. math:: \sum_j a_j^2 \tilde p_j (1 - \tilde p_j) c_j / m_j, \qquad
   \tilde p_j = \frac{m_j p_j + p}{m_j + 1}, \qquad
   c_j = \frac{1 - M / (M + 1)^2}{1 - m_j / (m_j + 1)^2}, \quad M = \sum_j m_j

with m the persons of each stratum (their effective number, if weighted): a stratum of one or of
equal outcomes tells nothing of its own variance, so that each share is drawn to that of all by one
person, and c makes up for it. With one stratum it is p (1 - p) / m. The interval is Clopper and
Pearson's with the number of persons that would have that variance, as in [1]_.

References
----------
.. [1] Korn EL, Graubard BI (1998). Confidence intervals for proportions with small expected number
   of positive counts estimated from survey data. Survey Methodology 24:193-201.
.. [2] Hoeffding W (1956). On the distribution of the number of successes in independent trials.
   Ann Math Stat 27:713-721. doi:10.1214/aoms/1177728178
.. [3] Newcombe RG (2016). MOVER-R confidence intervals for ratios and products of two
   independently estimated quantities. Stat Methods Med Res 25:1774-1778.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit.kernels.numeric import critical_value, normal_quantile
from evalkit.typing import FloatArray

__all__ = [
    "StandardisedShare",
    "difference_interval",
    "effective_interval",
    "poisson_interval",
    "ratio_interval",
    "standardised_share",
]


@dataclass(frozen=True, slots=True)
class StandardisedShare:
    """A standardised share.

    Attributes
    ----------
    share, variance : float
        The share and its variance.
    df : float
        Degrees of freedom of the variance; infinite without clusters.
    low, high : float
        Its interval.
    """

    share: float
    variance: float
    df: float
    low: float
    high: float


def standardised_share(
    share: FloatArray,
    size: FloatArray,
    weight: FloatArray,
    level: float,
    *,
    residual_sums: FloatArray | None = None,
    at_least: float = 0.0,
) -> StandardisedShare:
    """Standardise shares, with an interval.

    Parameters
    ----------
    share : ndarray of float, shape (J,)
        Share of successes in each stratum.
    size : ndarray of float, shape (J,)
        Persons in each stratum, or their effective number.
    weight : ndarray of float, shape (J,)
        Weights, 1 in all; positive only where there are persons.
    level : float
        Confidence level.
    residual_sums : ndarray of float, shape (G,), optional
        What each cluster adds to the share, less the mean: the variance comes from these, with
        G - 1 degrees of freedom, and the interval's number of persons shrinks by the squared
        ratio of Student's quantiles of n - 1 and G - 1 degrees [1]_.
    at_least : float, default 0
        Fewest persons that the interval may take the share for: n where the group's own mix is
        the weight, since unlike probabilities vary less than equal ones [2]_.

    Returns
    -------
    StandardisedShare
        The share.
    """
    used = weight > 0
    p, m, a = share[used], size[used], weight[used]
    whole = float(a @ p)
    df = math.inf
    if residual_sums is not None:
        clusters = len(residual_sums)
        df = clusters - 1.0
        centred = residual_sums - residual_sums.mean()
        variance = math.nan if clusters < 2 else clusters / df * float(centred @ centred)
    else:
        drawn = (m * p + whole) / (m + 1)
        total = float(m.sum())
        made_up = (1 - total / (total + 1) ** 2) / (1 - m / (m + 1) ** 2)
        variance = float((a * a * drawn * (1 - drawn) * made_up / m).sum())
    spread = whole * (1 - whole)
    if spread <= 0 or variance == 0:
        effective = 1 / float((a * a / m).sum())
    else:
        effective = max(spread / variance, at_least)
        variance = spread / effective
    if math.isnan(variance):
        return StandardisedShare(whole, variance, df, math.nan, math.nan)
    if math.isfinite(df):
        rows = max(float(m.sum()) - 1, 1.0)
        effective *= (critical_value(level, rows) / critical_value(level, df)) ** 2
    low, high = effective_interval(whole, effective, level)
    return StandardisedShare(whole, variance, df, low, high)


def effective_interval(share: float, persons: float, level: float) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a share of so many persons, whole or not.

    Parameters
    ----------
    share : float
        The share.
    persons : float
        Number of persons.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        The limits.
    """
    from scipy import special

    tail = (1 - level) / 2
    x, rest = share * persons, (1 - share) * persons
    low = 0.0 if share <= 0 else float(special.betaincinv(x, rest + 1, tail))
    high = 1.0 if share >= 1 else float(special.betainccinv(x + 1, rest, tail))
    return low, high


def poisson_interval(count: float, level: float) -> tuple[float, float]:
    """Return the exact interval of a Poisson count; R: ``poisson.test(count)$conf.int``.

    Parameters
    ----------
    count : float
        The count.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        The limits.
    """
    from scipy import special

    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(special.gammaincinv(count, tail))
    return low, float(special.gammainccinv(count + 1, tail))


def difference_interval(
    value: tuple[float, float, float], reference: float, variance: float, level: float
) -> tuple[float, float]:
    """Return the interval of a difference from a reference with a variance of its own.

    Parameters
    ----------
    value : tuple of float
        A share and its limits.
    reference, variance : float
        The reference and its variance, 0 if it is known.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        The limits; the distances of the parts' limits are added by their squares [3]_.
    """
    share, low, high = value
    own = normal_quantile(level) ** 2 * variance
    middle = share - reference
    return middle - math.sqrt((share - low) ** 2 + own), middle + math.sqrt(
        (high - share) ** 2 + own
    )


def ratio_interval(
    value: tuple[float, float, float], reference: float, variance: float, level: float
) -> tuple[float, float]:
    """Return the interval of a ratio to a reference with a variance of its own.

    Parameters
    ----------
    value : tuple of float
        A share and its limits.
    reference, variance : float
        The reference, positive, and its variance, 0 if it is known.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        The limits [3]_: 0 and infinity where the reference's own interval holds 0.
    """
    share, low, high = value
    if variance == 0:
        return low / reference, high / reference
    z2 = normal_quantile(level) ** 2 * variance
    square, room = share * reference, reference**2 - z2
    if room <= 0:
        return 0.0, math.inf
    below = math.sqrt(max(square**2 - low * (2 * share - low) * room, 0.0))
    above = math.sqrt(max(square**2 - high * (2 * share - high) * room, 0.0))
    return max((square - below) / room, 0.0), (square + above) / room
