r"""Log-rank tests and their family: groups compared time by time with what is expected of them.

At each time with events, :math:`d` of the :math:`n` at risk have one, :math:`n_g` of them in
group g. If the groups do not differ, the events are a draw without replacement, so that
:math:`O_g - E_g = \sum w (d_g - d\, n_g/n)` has the covariance

.. math:: V_{gh} = \sum w^2 \, \frac{n_g}{n} \left(\delta_{gh} - \frac{n_h}{n}\right)
   \frac{d (n - d)}{n - 1} .

The weight is Fleming and Harrington's :math:`w = S(t-)^\rho \{1 - S(t-)\}^\gamma`, with the
product-limit estimate S of all groups together in the stratum. Strata add up.

References
----------
.. [1] Mantel N (1966). Evaluation of survival data and two new rank order statistics arising in
   its consideration. Cancer Chemother Rep 50:163-170.
.. [2] Harrington DP, Fleming TR (1982). A class of rank test procedures for censored survival
   data. Biometrika 69:553-566. doi:10.1093/biomet/69.3.553
.. [3] Tarone RE (1975). Tests for trend in life table analysis. Biometrika 62:679-690.
   doi:10.1093/biomet/62.3.679
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.kernels.aalen_johansen import divide
from evalkit.kernels.event_times import (
    EventTimes,
    count_days,
    distinct,
    event_times_by_group,
    index_times,
    last_at_or_before,
)
from evalkit.kernels.numeric import chi_square_tail
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "RankScores",
    "RiskTable",
    "chi_square",
    "pair",
    "rank_scores",
    "risk_tables",
    "risk_tables_of_counts",
    "trend",
]

_RANK = 1e-10  # eigenvalues this far below the largest count as 0


@dataclass(frozen=True, slots=True)
class RiskTable:
    """One stratum: who is at risk and who has an event, by group.

    Attributes
    ----------
    times : ndarray of float, shape (K,)
        Times with events, increasing.
    at_risk : ndarray of float, shape (K, G)
        Weight at risk in each group just before each time with events.
    events : ndarray of float, shape (K, G, C)
        Weight of the events there, by group and cause.
    size : ndarray of float, shape (G,)
        Weight of all rows of each group.
    """

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    size: FloatArray


@dataclass(frozen=True, slots=True)
class RankScores:
    """Weighted sums over the times, all strata together.

    Attributes
    ----------
    observed, expected : ndarray of float, shape (G,)
        Events in each group, and those expected of it if the groups do not differ.
    covariance : ndarray of float, shape (G, G)
        Covariance matrix of ``observed - expected``.
    """

    observed: FloatArray
    expected: FloatArray
    covariance: FloatArray


def risk_tables(
    time: FloatArray | IntArray,
    event: IntArray,
    groups: IntArray,
    n_groups: int,
    *,
    n_causes: int = 1,
    strata: IntArray | None = None,
    n_strata: int = 1,
    entry: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> tuple[RiskTable, ...]:
    """Count who is at risk and who has an event, by stratum, time and group.

    Parameters
    ----------
    time : ndarray of float or int, shape (n,)
        Exit times.
    event : ndarray of int, shape (n,)
        0 for a censored row, else its cause 1..C.
    groups : ndarray of int, shape (n,)
        Group of each row, 0..G - 1.
    n_groups, n_causes, n_strata : int
        G, C and the number of strata.
    strata : ndarray of int, shape (n,), optional
        Stratum of each row, 0..n_strata - 1.
    entry : ndarray of float, shape (n,), optional
        Entry times.
    weights : ndarray of float, shape (n,), optional
        Case weights.

    Returns
    -------
    tuple of RiskTable
        One for each stratum; times without events are left out.
    """
    if entry is not None:
        stratum = np.zeros_like(groups) if strata is None else strata
        return tuple(
            _with_entry(
                time[rows].astype(np.float64, copy=False),
                event[rows],
                groups[rows],
                n_groups,
                n_causes,
                entry[rows],
                None if weights is None else weights[rows],
            )
            for rows in (np.flatnonzero(stratum == s) for s in range(n_strata))
        )
    ways = n_causes + 1
    if weights is None:
        cells = groups if strata is None else strata * n_groups + groups
        days = count_days(time, event, ways, cells, n_groups * n_strata)
        if days is not None:
            by_stratum = days.reshape(n_strata, n_groups, -1, ways).transpose(0, 2, 1, 3)
            every = np.arange(days.shape[1], dtype=np.float64)
            return tuple(
                _without_entry(every, leaving) for leaving in by_stratum.astype(np.float64)
            )
    # Every way to leave a group, censoring too, is a cause of its own in one pooled table; the
    # first, censored in group 0, is what the table calls censored.
    tables = event_times_by_group(
        time,
        groups * ways + event,
        n_groups * ways - 1,
        groups=groups if strata is None else strata,
        n_groups=1 if strata is None else n_strata,
        weights=weights,
    )
    return tuple(
        _without_entry(
            table.times,
            np.column_stack([table.censored, table.events]).reshape(-1, n_groups, ways),
        )
        for table in tables
    )


def risk_tables_of_counts(
    tables: Mapping[int, EventTimes], n_groups: int, n_causes: int
) -> RiskTable:
    """Join the tables of one stratum's groups on their common times.

    Parameters
    ----------
    tables : mapping of int to EventTimes
        Table of each group that the stratum has.
    n_groups, n_causes : int
        G and C.

    Returns
    -------
    RiskTable
        The stratum.
    """
    times, _ = distinct(np.concatenate([table.times for table in tables.values()]))
    at_risk = np.zeros((len(times), n_groups))
    events = np.zeros((len(times), n_groups, n_causes))
    size = np.zeros(n_groups)
    for group, table in tables.items():
        size[group] = table.events.sum() + table.censored.sum()
        at_risk[:, group] = table.at_risk_at(times)
        events[last_at_or_before(times, table.times), group] = table.events
    return _with_events(times, at_risk, events, size)


def _with_entry(
    time: FloatArray,
    event: IntArray,
    groups: IntArray,
    n_groups: int,
    n_causes: int,
    entry: FloatArray,
    weights: FloatArray | None,
) -> RiskTable:
    """Count one stratum with delayed entry."""
    grid = index_times(time, entry)
    assert grid.entered is not None  # there is an entry
    k, ways = len(grid.times), n_causes + 1
    exits, enters = grid.index * n_groups + groups, grid.entered * n_groups + groups
    leaving = np.bincount(exits * ways + event, weights, minlength=k * n_groups * ways)
    leaving = leaving.reshape(k, n_groups, ways).astype(np.float64)

    def risk_set(weights: FloatArray | None) -> FloatArray:
        came = np.bincount(enters, weights, minlength=k * n_groups)[: k * n_groups]
        left = np.bincount(exits, weights, minlength=k * n_groups)
        inside = np.cumsum(came.reshape(k, n_groups), axis=0).astype(np.float64)
        inside[1:] -= np.cumsum(left.reshape(k, n_groups), axis=0)[:-1]
        return inside

    people = risk_set(None)
    at_risk = people if weights is None else np.where(people > 0, risk_set(weights), 0.0)
    return _with_events(grid.times, at_risk, leaving[:, :, 1:], leaving.sum(axis=(0, 2)))


def _without_entry(times: FloatArray, leaving: FloatArray) -> RiskTable:
    """Finish a stratum in which nobody enters late from who leaves, by time, group and way."""
    at_risk = np.cumsum(leaving.sum(axis=2)[::-1], axis=0)[::-1]
    return _with_events(times, at_risk, leaving[:, :, 1:], leaving.sum(axis=(0, 2)))


def _with_events(
    times: FloatArray, at_risk: FloatArray, events: FloatArray, size: FloatArray
) -> RiskTable:
    """Leave out the times without events."""
    some = events.any(axis=(1, 2))
    return RiskTable(times[some], at_risk[some], events[some], size)


def rank_scores(tables: Sequence[RiskTable], *, rho: float = 0.0, gamma: float = 0.0) -> RankScores:
    """Compare observed and expected events of any cause, weighted over time.

    Parameters
    ----------
    tables : sequence of RiskTable
        The strata.
    rho, gamma : float, default 0
        Powers of S(t-) and of 1 - S(t-) in the weight.

    Returns
    -------
    RankScores
        The sums. R: ``survdiff(..., rho = rho)``'s ``obs``, ``exp`` and ``var``.
    """
    n_groups = tables[0].at_risk.shape[1]
    observed, expected = np.zeros(n_groups), np.zeros(n_groups)
    covariance = np.zeros((n_groups, n_groups))
    for table in tables:
        if len(table.at_risk) == 0:
            continue
        d_g = table.events.sum(axis=2)
        n, d = table.at_risk.sum(axis=1), d_g.sum(axis=1)
        share = divide(table.at_risk, n[:, None])
        w = _weight(n, d, rho, gamma)
        observed += w @ d_g
        expected += (w * d) @ share
        spread = w * w * d * divide(np.maximum(n - d, 0.0), np.where(n > 1, n - 1, 0.0))
        covariance += np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return RankScores(observed, expected, covariance)


def _weight(n: FloatArray, d: FloatArray, rho: float, gamma: float) -> FloatArray:
    """Fleming and Harrington's weight at each time."""
    if rho == 0 and gamma == 0:
        return np.ones(len(n))
    stay = 1 - divide(d, n)
    before = np.concatenate([[1.0], np.cumprod(np.maximum(stay, 0.0))[:-1]])
    return before**rho * (1 - before) ** gamma


def pair(tables: Sequence[RiskTable], first: int, second: int) -> tuple[RiskTable, ...]:
    """Keep two groups of all.

    Parameters
    ----------
    tables : sequence of RiskTable
        The strata.
    first, second : int
        The two groups.

    Returns
    -------
    tuple of RiskTable
        The strata with the two groups, in that order.
    """
    both = [first, second]
    return tuple(
        _with_events(t.times, t.at_risk[:, both], t.events[:, both], t.size[both]) for t in tables
    )


def chi_square(score: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[float, int, float]:
    """Test that scores have mean 0.

    Parameters
    ----------
    score : array_like, shape (G,)
        Scores that sum to 0.
    covariance : array_like, shape (G, G)
        Their covariance matrix; its rank is the degrees of freedom.

    Returns
    -------
    tuple of float, int and float
        Statistic, degrees of freedom and p-value; (nan, 0, nan) where nothing can be compared.
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, dtype=np.float64))
    used = values > _RANK * max(float(values[-1]), 0.0)
    if not used.any() or values[-1] <= 0:
        return float("nan"), 0, float("nan")
    along = vectors[:, used].T @ np.asarray(score, dtype=np.float64)
    statistic = float(np.sum(along * along / values[used]))
    df = int(used.sum())
    return statistic, df, float(chi_square_tail(statistic, df))


def trend(scores: RankScores, levels: npt.ArrayLike) -> tuple[float, int, float]:
    """Test for a trend over ordered groups, by Tarone.

    Parameters
    ----------
    scores : RankScores
        Observed and expected events.
    levels : array_like, shape (G,)
        Position of each group on the scale of the trend.

    Returns
    -------
    tuple of float, int and float
        Statistic, degrees of freedom (1) and p-value; (nan, 0, nan) without any spread.
    """
    position = np.asarray(levels, dtype=np.float64)
    position = position - position.mean()
    value = float(position @ (scores.observed - scores.expected))
    variance = float(position @ scores.covariance @ position)
    if variance <= _RANK * float(position @ position) * float(np.trace(scores.covariance)):
        return float("nan"), 0, float("nan")
    statistic = value * value / variance
    return statistic, 1, float(chi_square_tail(statistic, 1))
