r"""Numbers read off a survival curve: the restricted mean, and shares between two times.

The restricted mean up to a horizon is :math:`\mu(\tau) = \int_0^\tau S(t)\,dt`, with variance

.. math:: \sum_{t_k \le \tau} \Bigl\{\int_{t_k}^\tau S(t)\,dt\Bigr\}^2
    \frac{d_k}{n_k (n_k - d_k)}

(Andersen and others [1]_, example IV.3.8). This is the variance of the mean's estimate; the
variance of :math:`\min(T, \tau)` itself, at times reported in its place, is n times too large.

References
----------
.. [1] Andersen PK, Borgan O, Gill RD, Keiding N (1993). Statistical models based on counting
   processes. doi:10.1007/978-1-4612-4348-9
.. [2] Royston P, Parmar MKB (2013). Restricted mean survival time: an alternative to the hazard
   ratio for the design and analysis of randomized trials with a time-to-event outcome.
   BMC Med Res Methodol 13:152. doi:10.1186/1471-2288-13-152
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evalkit.kernels.curve_influence import (
    CurveRows,
    Increments,
    influence,
    log_survival_increments,
    variance,
)
from evalkit.kernels.product_limit import ProductLimit
from evalkit.kernels.time_index import TIE, last_at_or_before
from evalkit.typing import FloatArray

__all__ = ["Estimate", "class_shares", "covariance", "log_variance", "restricted_mean"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and the variance of its estimate.

    Attributes
    ----------
    value, variance : float
        The number and its variance.
    influence : ndarray of float, shape (n_clusters,), or None
        What each cluster contributes, where rows come in clusters.
    """

    value: float
    variance: float
    influence: FloatArray | None = None


def log_variance(curve: ProductLimit, rows: CurveRows | None = None) -> FloatArray:
    """Variance of log survival at every time.

    Parameters
    ----------
    curve : ProductLimit
        The curve.
    rows : CurveRows, optional
        The rows behind it, for a variance that holds with sampling weights and in clusters;
        without them the variance is Greenwood's.

    Returns
    -------
    ndarray of float, shape (K,)
        The variances; infinite where survival is 0.
    """
    if rows is None:
        return np.cumsum(curve.steps)
    robust = variance(rows, log_survival_increments(curve))
    return np.where(curve.survival > 0, robust, np.inf)


def restricted_mean(curve: ProductLimit, tau: float, rows: CurveRows | None = None) -> Estimate:
    """Mean time without the event, up to a horizon.

    Parameters
    ----------
    curve : ProductLimit
        The curve; before it starts, survival counts as 1.
    tau : float
        The horizon, within the time that the curve is known.
    rows : CurveRows, optional
        The rows behind the curve, for the robust variance.

    Returns
    -------
    Estimate
        The mean. R: ``print(survfit(Surv(time, event) ~ 1), rmean = tau)``.

    Examples
    --------
    >>> from evalkit.kernels.event_times import event_times
    >>> from evalkit.kernels.product_limit import product_limit
    >>> curve = product_limit(event_times(np.array([1.0, 3.0]), np.array([1, 1]), 1))
    >>> restricted_mean(curve, 2.0).value
    1.5
    """
    m = int(last_at_or_before(curve.times, tau)) + 1
    ends = np.concatenate([np.minimum(curve.times[:m], tau), [tau]])
    first = float(ends[0])
    rectangles = np.diff(ends) * curve.survival[:m]
    ahead = np.cumsum(rectangles[::-1])[::-1]  # from each time to the horizon
    value = first + float(rectangles.sum())
    if rows is None:
        terms = np.where(ahead > 0, ahead, 0.0) ** 2
        return Estimate(value, float((terms * _finite(curve.steps[:m])).sum()))
    moves = log_survival_increments(curve)
    shared, own = np.zeros(len(moves.shared)), np.zeros(len(moves.own))
    shared[:m], own[:m] = moves.shared[:m] * ahead, moves.own[:m] * ahead
    contributions = influence(rows, Increments(shared, own), m - 1)
    together = None if rows.cluster is None else contributions
    return Estimate(value, _sum_of_squares(contributions, rows), together)


def covariance(one: FloatArray | None, other: FloatArray | None) -> float:
    """Covariance of two numbers whose rows share clusters; 0 without clusters.

    Parameters
    ----------
    one, other : ndarray of float, shape (n_clusters,), or None
        What each cluster contributes to either number.

    Returns
    -------
    float
        The covariance.
    """
    return 0.0 if one is None or other is None else float(one @ other)


def class_shares(
    curve: ProductLimit, limits: FloatArray, rows: CurveRows | None = None
) -> list[Estimate]:
    """Probabilities that the time falls into half-open classes.

    Parameters
    ----------
    curve : ProductLimit
        The curve.
    limits : ndarray of float, shape (m,)
        Increasing limits: the classes are [0, first), [first, second), ..., [last, infinity).
    rows : CurveRows, optional
        The rows behind the curve, for the robust variance.

    Returns
    -------
    list of Estimate
        One for each class, m + 1 of them; NaN for classes whose limits lie outside the time that
        the curve is known.
    """
    # P(T >= limit) is survival just before the limit, known up to the last observed time itself.
    before = np.searchsorted(curve.times, limits * (1 - TIE), side="left") - 1
    known = (limits >= curve.start) & (limits <= curve.end * (1 + TIE))
    known = np.concatenate([[curve.start <= 0], known, [True]])
    edges: list[int] = [-1, *before.tolist()]
    shares = [_share(curve, first, last, rows) for first, last in pairwise(edges)]
    shares.append(_share(curve, edges[-1], None, rows))
    nothing = Estimate(np.nan, np.nan)
    both = (known[:-1] & known[1:]).tolist()
    return [share if there else nothing for share, there in zip(shares, both, strict=True)]


def _share(curve: ProductLimit, first: int, last: int | None, rows: CurveRows | None) -> Estimate:
    """Probability of the event after one time of the curve and up to another, or to infinity."""
    s1 = 1.0 if first < 0 else float(curve.survival[first])
    s2 = 0.0 if last is None else 1.0 if last < 0 else float(curve.survival[last])
    until = first if last is None else last
    if rows is None:
        # log S(last) adds what happens within, independently of what came before.
        greenwood = np.concatenate([[0.0], np.cumsum(_finite(curve.steps))])
        before, within = greenwood[first + 1], greenwood[until + 1] - greenwood[first + 1]
        return Estimate(s1 - s2, float((s1 - s2) ** 2 * before + s2**2 * within))
    moves = log_survival_increments(curve)
    contributions = s1 * influence(rows, moves, first)
    if last is not None:
        contributions -= s2 * influence(rows, moves, last)
    return Estimate(s1 - s2, _sum_of_squares(contributions, rows))


def _sum_of_squares(contributions: FloatArray, rows: CurveRows) -> float:
    """Variance from what independent rows or clusters contribute; NaN with one cluster."""
    return float((contributions**2).sum()) if rows.df > 0 else float("nan")


def _finite(steps: FloatArray) -> FloatArray:
    """Greenwood's terms, 0 where survival comes to 0: what they multiply is 0 there."""
    return np.where(np.isfinite(steps), steps, 0.0)
