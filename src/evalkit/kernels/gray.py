r"""Gray's test that the cumulative incidence of a cause is the same in all groups.

With :math:`R_g = n_g \{1 - F_g(t-)\} / S_g(t-)`, the risk set of the subdistribution, the score of
group g is :math:`\sum w (d_g - d \, R_g / R)`: the log-rank comparison of subdistribution hazards,
weighted by :math:`w = \{1 - F(t-)\}^\rho`. The variance follows from the influence of the events
of either kind on the scores when all groups have the incidence F, estimated from all of them:
with :math:`a_{gk} = w \, n_g S_g^{-1} (\delta_{gk} - n_k S_k^{-1} / \sum n S^{-1})` and
:math:`c_{gk} = \int a_{gk} \, dF / (1 - F)`, an event of the cause in group k weighs
:math:`a_{gk} + \{c_{gk}(\infty) - c_{gk}\} \{1 - (1 - F)/S_k\}`, one of another cause
:math:`-\{c_{gk}(\infty) - c_{gk}\} (1 - F)/S_k`. Strata add up.

With delayed entry :math:`n_g` are those at risk on (entry, time], and S and F the product-limit
estimates from them. Nothing else changes, as every step rests on the hazards of the causes among
those at risk: :math:`R_g` is the sum of Geskus's weights [2]_, which keep whom other causes took as
long as they would have been seen.

References
----------
.. [1] Gray RJ (1988). A class of K-sample tests for comparing the cumulative incidence of a
   competing risk. Ann Stat 16:1141-1154. doi:10.1214/aos/1176350951
.. [2] Geskus RB (2011). Cause-specific cumulative incidence estimation and the Fine and Gray model
   under both left truncation and right censoring. Biometrics 67:39-49.
   doi:10.1111/j.1541-0420.2010.01420.x
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.kernels.aalen_johansen import divide, ties
from evalkit.kernels.rank_tests import RankScores, RiskTable
from evalkit.typing import FloatArray

__all__ = ["emptied", "gray_scores"]


def gray_scores(tables: Sequence[RiskTable], cause: int, *, rho: float = 0.0) -> RankScores:
    """Compare the subdistribution hazards of a cause between groups.

    Parameters
    ----------
    tables : sequence of RiskTable
        The strata. A group whose risk set has emptied by events, so that its S is 0, is out of
        the comparison from there on; see :func:`emptied`.
    cause : int
        Position of the cause among those of the tables, from 0.
    rho : float, default 0
        Power of 1 - F(t-) in the weight.

    Returns
    -------
    RankScores
        Observed and expected events of the cause, and the covariance of their difference.
        R: ``cmprsk::cuminc(..., strata, rho)$Tests``.
    """
    n_groups = tables[0].at_risk.shape[1]
    observed, expected = np.zeros(n_groups), np.zeros(n_groups)
    covariance = np.zeros((n_groups, n_groups))
    for table in tables:
        if len(table.at_risk) == 0:
            continue
        parts = _stratum(table, cause, rho)
        observed += parts.observed
        expected += parts.expected
        covariance += parts.covariance
    return RankScores(observed, expected, covariance)


def emptied(table: RiskTable) -> list[tuple[int, float, float]]:
    """Find groups whose risk set empties by events while others enter later.

    Parameters
    ----------
    table : RiskTable
        One stratum.

    Returns
    -------
    list of (int, float, float)
        The group, the time, and the weight of its events later on.
    """
    leaving = table.events.sum(axis=2)
    found: list[tuple[int, float, float]] = []
    for g in range(leaving.shape[1]):
        over = np.flatnonzero((leaving[:, g] > 0) & (leaving[:, g] >= table.at_risk[:, g]))
        later = float(leaving[int(over[0]) + 1 :, g].sum()) if len(over) else 0.0
        if later > 0:
            found.append((g, float(table.times[over[0]]), later))
    return found


def _before(after: FloatArray, start: float) -> FloatArray:
    """Shift right-continuous values to those just before each time."""
    return np.concatenate([np.full_like(after[:1], start), after[:-1]])


def _stratum(table: RiskTable, cause: int, rho: float) -> RankScores:
    """Score one stratum; all arrays are times by groups."""
    n, d1 = table.at_risk, table.events[:, :, cause]
    d2 = table.events.sum(axis=2) - d1
    stay = np.maximum(n - d1 - d2, 0.0)
    S = np.cumprod(np.where(n > 0, divide(stay, n), 1.0), axis=0, dtype=np.float64)
    S_before = _before(S, 1.0)
    compared = S_before > 0
    n, d1, d2 = n * compared, d1 * compared, d2 * compared
    F_before = _before(np.cumsum(S_before * divide(d1, n), axis=0, dtype=np.float64), 0.0)

    inflated = divide(n, S_before)  # those at risk, and those whom other causes took
    total = inflated.sum(axis=1)
    events = d1.sum(axis=1)
    pooled = np.cumsum(divide(events, total))
    pooled_before = _before(pooled, 0.0)
    w = np.maximum(1 - pooled_before, 0.0) ** rho
    risk = inflated * (1 - F_before)
    expected = (w * events) @ divide(risk, risk.sum(axis=1)[:, None])

    hazard = divide(events, total * np.maximum(1 - pooled_before, 0.0))
    ratio = divide(np.maximum(1 - pooled, 0.0)[:, None], S)
    # The variance of d1 / n in each group is that under the common incidence.
    mass1 = divide(events[:, None], total[:, None] * inflated)
    mass1 *= ties(np.broadcast_to(events[:, None], n.shape), total[:, None] * S_before)
    mass2 = divide(S_before, n) ** 2 * d2 * ties(d2, n)

    n_groups = n.shape[1]
    covariance = np.zeros((n_groups, n_groups))
    for k in range(n_groups):  # what the events of group k weigh in the scores of all groups
        a = -divide(inflated[:, k], total)[:, None] * inflated
        a[:, k] += inflated[:, k]
        a *= w[:, None]
        c = np.cumsum(a * hazard[:, None], axis=0)
        rest = c[-1] - c
        other = -rest * ratio[:, k, None]
        own = a + rest + other
        covariance += (own * mass1[:, k, None]).T @ own
        covariance += (other * mass2[:, k, None]).T @ other
    return RankScores(w @ d1, expected, covariance)
