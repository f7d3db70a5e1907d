r"""Kappa: agreement between raters beyond what their own frequencies would give by chance.

Cohen's kappa [1]_ of two raters is :math:`(p_o - p_e)/(1 - p_e)` with the observed agreement
:math:`p_o = \sum w_{ij} p_{ij}` and :math:`p_e = \sum w_{ij} p_{i.} p_{.j}`; the weights w are 1 on
the diagonal, and 0 elsewhere unless near misses count in part. Fleiss's kappa [2]_ of any number
of raters takes for :math:`p_o` the share of pairs of raters that agree, and for :math:`p_e` the sum
of squared frequencies over all raters. Standard errors are those of large samples that do not
presume kappa to be 0 [3]_.

References
----------
.. [1] Cohen J (1960). A coefficient of agreement for nominal scales. Educ Psychol Meas 20:37-46.
   doi:10.1177/001316446002000104
.. [2] Fleiss JL (1971). Measuring nominal scale agreement among many raters. Psychol Bull
   76:378-382. doi:10.1037/h0031619
.. [3] Fleiss JL, Cohen J, Everitt BS (1969). Large sample standard errors of kappa and weighted
   kappa. Psychol Bull 72:323-327. doi:10.1037/h0028106
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.kernels.numeric import critical_value
from evalkit.kernels.proportions import wilson
from evalkit.typing import FloatArray

__all__ = ["Kappa", "NearMisses", "agreement_weights", "cohen_kappa", "fleiss_kappa"]

NearMisses: TypeAlias = Literal["none", "linear", "quadratic"]
"""How much neighbouring categories count as agreement."""

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement, and agreement beyond chance.

    Attributes
    ----------
    observed, expected : float
        Observed agreement, and that expected by chance.
    estimate : float
        Kappa; NaN if chance alone would give perfect agreement.
    std_error : float
        Its standard error; NaN if a rater uses one category only, or all or none agree.
    low, high : float
        Limits of its interval, within -1 to 1. Where all or none agree they come from Wilson's
        interval of the observed agreement; where a rater uses one category only there are none.
    n : int
        Number of things rated.
    """

    observed: float
    expected: float
    estimate: float
    std_error: float
    low: float
    high: float
    n: int


def agreement_weights(k: int, near: NearMisses = "none") -> FloatArray:
    r"""Return how much each pair of categories counts as agreement.

    Parameters
    ----------
    k : int
        Number of categories, at least 2.
    near : {"none", "linear", "quadratic"}
        Only equal categories agree, or :math:`1 - |i-j|/(k-1)`, or :math:`1 - (i-j)^2/(k-1)^2`.

    Returns
    -------
    ndarray of float, shape (k, k)
        The weights.

    Examples
    --------
    >>> agreement_weights(3, "linear").tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    """
    if near == "none":
        return np.eye(k)
    place = np.arange(k)
    apart = np.abs(place[:, None] - place) / (k - 1)
    return 1 - (apart if near == "linear" else apart**2)


def cohen_kappa(table: FloatArray, weights: FloatArray, level: float = 0.95) -> Kappa:
    """Return Cohen's kappa of two raters.

    Parameters
    ----------
    table : ndarray of float, shape (k, k)
        Counts; rows are the first rater's categories, columns the second's. At least one.
    weights : ndarray of float, shape (k, k)
        Agreement of each pair of categories, as :func:`agreement_weights` gives it.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Kappa
        The agreement. R: ``psych::cohen.kappa(table, w)``.

    Examples
    --------
    >>> found = cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]]), agreement_weights(2))
    >>> round(found.estimate, 4), round(found.low, 4), round(found.high, 4)
    (0.4, 0.1511, 0.6489)
    """
    n = float(table.sum())
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed = float((weights * p).sum())
    expected = float(rows @ weights @ columns)
    constant = bool(min(np.count_nonzero(rows), np.count_nonzero(columns)) < 2)
    room = 1 - expected
    chance = (weights @ columns)[:, None] + rows @ weights
    terms = weights * room - chance * (1 - observed)
    spread = float((p * terms**2).sum()) - (observed * expected - 2 * expected + observed) ** 2
    error = math.sqrt(max(spread, 0.0) / n) / room**2 if room > _ROUNDING else math.nan
    return _with_limits(observed, expected, error, constant, int(n), level, math.inf)


def fleiss_kappa(counts: FloatArray, level: float = 0.95) -> Kappa:
    r"""Return Fleiss's kappa of two or more raters.

    Parameters
    ----------
    counts : ndarray of float, shape (n, k)
        How many raters put each thing into each category; every thing has at least two raters,
        not necessarily the same number or the same raters.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Kappa
        The agreement; each thing counts alike. The standard error is the infinitesimal jackknife
        over things, :math:`\{\sum_i u_i^2 / (n(n-1))\}^{1/2}` with
        :math:`u_i = \{p_i - p_o - (1-\kappa) (e_i - 2 p_e)\}/(1-p_e)`, where :math:`p_i` is the
        share of agreeing pairs at i and :math:`e_i = 2\sum_j \pi_j r_{ij}/r_i`; its t has n - 1
        degrees of freedom.

    Examples
    --------
    >>> found = fleiss_kappa(np.array([[3.0, 0.0], [0.0, 3.0], [2.0, 1.0], [3.0, 0.0]]))
    >>> round(found.observed, 4), round(found.expected, 4), round(found.estimate, 4)
    (0.8333, 0.5556, 0.625)
    """
    n = len(counts)
    raters = counts.sum(axis=1)
    shares = counts / raters[:, None]
    agreeing = (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))
    used = shares.mean(axis=0)
    observed, expected = float(agreeing.mean()), float(used @ used)
    room = 1 - expected
    error = math.nan
    if room > _ROUNDING and n > 1:
        kappa = (observed - expected) / room
        moved = agreeing - observed - (1 - kappa) * (2 * shares @ used - 2 * expected)
        error = math.sqrt(float(moved @ moved) / (n * (n - 1))) / room
    constant = bool(np.count_nonzero(used) < 2)
    return _with_limits(observed, expected, error, constant, n, level, n - 1.0)


def _with_limits(
    observed: float, expected: float, error: float, constant: bool, n: int, level: float, df: float
) -> Kappa:
    """Put kappa together with its interval."""
    room = 1 - expected
    if room <= _ROUNDING:
        return Kappa(observed, expected, math.nan, math.nan, math.nan, math.nan, n)
    kappa = (observed - expected) / room
    if constant:
        return Kappa(observed, expected, kappa, math.nan, math.nan, math.nan, n)
    if min(observed, 1 - observed) <= _ROUNDING:
        limits = wilson(round(observed) * n, n, level)
        low, high = ((float(end) - expected) / room for end in (limits.low, limits.high))
        return Kappa(observed, expected, kappa, math.nan, max(low, -1.0), min(high, 1.0), n)
    half = critical_value(level, df) * error
    return Kappa(
        observed, expected, kappa, error, max(kappa - half, -1.0), min(kappa + half, 1.0), n
    )
