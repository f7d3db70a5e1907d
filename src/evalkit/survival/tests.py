"""Log-rank tests and their weighted, stratified, trend and pairwise forms."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from numbers import Real
from typing import cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.errors import InputError
from evalkit.kernels.multiple_tests import Adjustment, adjust
from evalkit.kernels.rank_tests import RankScores, chi_square, pair, rank_scores, trend
from evalkit.survival.rank_test_results import RankTest, RankTestTable
from evalkit.survival.risk_tables import ComparedGroups, read_compared

__all__ = ["check_powers", "logrank", "logrank_pairwise", "logrank_trend"]

_ADJUSTMENTS = {
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "bh": "Benjamini-Hochberg",
    "none": "not adjusted",
}


def logrank(
    df: Data,
    *,
    by: Names,
    duration: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    strata: Names | None = None,
    weights: str | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> RankTest:
    r"""Test whether groups differ in survival.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        One row for each person or spell; or counts, which take `by` and `strata` only, and of
        which events of any cause count.
    by : str or sequence of str
        Columns that make up the groups.
    duration : str
        Column with the time of exit, in any unit.
    event : str
        Column that is 1 for an event and 0 for censoring.
    entry : str, optional
        Column with the time from which the row is at risk: on (entry, duration].
    strata : str or sequence of str, optional
        Columns that make up strata: groups are compared within them only.
    weights : str, optional
        Column with case weights: whole numbers of repetitions of rows.
    rho, gamma : float, default 0
        Powers of S(t-) and 1 - S(t-) in the weight of a time: 0 and 0 is the log-rank test,
        which is best where hazards are proportional; ``rho=1`` weighs early differences up (Peto
        and Peto's Wilcoxon test), ``gamma=1`` late ones.

    Returns
    -------
    RankTest
        ``.statistic, .df, .p_value``, ``.groups`` with observed and expected events.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, rho or gamma is negative, there is
        one group only, there are no events, or the groups are never at risk together when one
        happens.

    Notes
    -----
    :math:`(O - E)^\top V^- (O - E)` with the hypergeometric variance at each time. The degrees of
    freedom are one less than the number of groups that are ever compared. Choose rho and gamma
    before looking at the curves. R: ``survival::survdiff(..., rho)`` (without entry and gamma).

    References
    ----------
    .. [1] Fleming TR, Harrington DP (1991). Counting processes and survival analysis, chapter 7.
       doi:10.1002/9781118150672

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "ended": [1, 1, 0, 1, 1, 0, 1, 1, 1, 1],
    ...     "arm": ["CAU"] * 6 + ["ReDO"] * 4,
    ... })
    >>> logrank(spells, duration="days", event="ended", by="arm")
    Log-rank test
    Null hypothesis: the groups of arm have the same survival
    n: 10 used, 0 dropped
    Chi-squared 1.0721 on 1 df, p = 0.3005
    arm   n  observed  expected
    CAU   6         4    5.2893
    ReDO  4         4    2.7107
    """
    found = _read(df, duration, event, by, entry, strata, weights)
    check_powers(rho=rho, gamma=gamma)
    scores = rank_scores(found.tables, rho=rho, gamma=gamma)
    result = found.tested(chi_square(scores.observed - scores.expected, scores.covariance))
    return _result(found, scores, result, _method("Log-rank test", rho, gamma, found))


def logrank_trend(
    df: Data,
    *,
    by: str,
    scores: Sequence[float] | None = None,
    duration: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    strata: Names | None = None,
    weights: str | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> RankTest:
    r"""Test for a trend of survival over ordered groups.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        As for :func:`logrank`.
    by : str
        Column with the groups. Their order is that of the labels, or of the categories.
    scores : sequence of float, optional
        Position of each group on the scale of the trend, in the order of the groups; 1, 2, ... by
        default.
    duration, event, entry : str, optional
        As for :func:`logrank`.
    strata : str or sequence of str, optional
        As for :func:`logrank`.
    weights : str, optional
        As for :func:`logrank`.
    rho, gamma : float, default 0.0
        As for :func:`logrank`.

    Returns
    -------
    RankTest
        The test, on one degree of freedom.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`logrank`, or if `scores` are not one finite number for each group, or all alike.

    Notes
    -----
    :math:`\{s^\top (O - E)\}^2 / s^\top V s` with the scores s; without ties it is the score test
    of the scores in Cox's model. R: ``coxph(Surv(time, event) ~ score, ties = "exact")$score``.

    References
    ----------
    .. [1] Tarone RE (1975). Tests for trend in life table analysis. Biometrika 62:679-690.
       doi:10.1093/biomet/62.3.679

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "ended": [1, 1, 0, 1, 1, 0, 1, 1, 1, 1],
    ...     "meetings": [1, 2, 3, 3, 2, 3, 1, 1, 2, 2],
    ... })
    >>> test = logrank_trend(spells, duration="days", event="ended", by="meetings")
    >>> round(test.statistic, 4), test.df
    (7.478, 1)
    """
    found = _read(df, duration, event, by, entry, strata, weights)
    check_powers(rho=rho, gamma=gamma)
    n_groups = len(found.levels)
    try:
        levels = np.arange(1.0, n_groups + 1) if scores is None else np.asarray(scores, np.float64)
    except (TypeError, ValueError):
        levels = np.zeros(0)
    if levels.shape != (n_groups,) or not np.isfinite(levels).all() or np.ptp(levels) == 0:
        raise InputError.of(
            "scores",
            required=f"{n_groups} finite numbers that differ, one for each group",
            got=repr(scores),
            where=(repr(level) for level in found.levels),
        )
    sums = rank_scores(found.tables, rho=rho, gamma=gamma)
    result = found.tested(trend(sums, levels))
    return _result(found, sums, result, _method("Log-rank test for trend", rho, gamma, found))


def logrank_pairwise(
    df: Data,
    *,
    by: Names,
    adjustment: Adjustment = "holm",
    duration: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    strata: Names | None = None,
    weights: str | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> RankTestTable:
    """Compare every pair of groups by a log-rank test, with p-values adjusted for their number.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        As for :func:`logrank`.
    by : str or sequence of str
        Columns that make up the groups.
    adjustment : {"holm", "bonferroni", "bh", "none"}
        Holm's step-down method and Bonferroni's guard against any false rejection, Benjamini and
        Hochberg's (``"bh"``) keeps the share of false among the rejections.
    duration, event, entry : str, optional
        As for :func:`logrank`.
    strata : str or sequence of str, optional
        As for :func:`logrank`.
    weights : str, optional
        As for :func:`logrank`.
    rho, gamma : float, default 0.0
        As for :func:`logrank`.

    Returns
    -------
    RankTestTable
        One row a pair: ``group, reference, statistic, df, p_value, p_adjusted, n``. Groups that
        are never at risk together when an event happens have missing values, and do not count in
        the adjustment.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`logrank`, or if `adjustment` is none that exists.

    Notes
    -----
    Each pair is tested as if the other groups did not exist. R: ``survdiff`` on the pair and
    ``p.adjust``, as ``survminer::pairwise_survdiff``.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "ended": [1, 1, 0, 1, 1, 0, 1, 1, 1, 1],
    ...     "meetings": [1, 2, 3, 3, 2, 3, 1, 1, 2, 2],
    ... })
    >>> tests = logrank_pairwise(spells, duration="days", event="ended", by="meetings")
    >>> tests.to_frame()[["group", "reference", "statistic", "p_adjusted"]].round(4)
       group  reference  statistic  p_adjusted
    0      2          1     6.6237      0.0302
    1      3          1     5.0517      0.0492
    2      3          2     1.0349      0.3090
    """
    import pandas as pd

    check_choice("adjustment", adjustment, tuple(_ADJUSTMENTS))
    found = _read(df, duration, event, by, entry, strata, weights)
    check_powers(rho=rho, gamma=gamma)
    rows: list[dict[str, object]] = []
    for reference, group in combinations(range(len(found.levels)), 2):
        scores = rank_scores(pair(found.tables, reference, group), rho=rho, gamma=gamma)
        statistic, degrees, p = chi_square(scores.observed - scores.expected, scores.covariance)
        rows.append(
            {
                "group": found.levels[group],
                "reference": found.levels[reference],
                "statistic": statistic,
                "df": degrees,
                "p_value": p,
                "n": found.sizes[group] + found.sizes[reference],
            }
        )
    data = pd.DataFrame(rows)
    data.insert(5, "p_adjusted", adjust(data["p_value"].to_numpy(dtype=np.float64), adjustment))
    return RankTestTable(
        hypothesis=f"the two groups of {', '.join(found.by)} have the same survival",
        method=f"{_method('Pairwise log-rank tests', rho, gamma, found)}; p-values "
        + ("" if adjustment == "none" else "adjusted by ")
        + _ADJUSTMENTS[adjustment],
        data=data,
        n_used=found.n_used,
        n_dropped=found.n_dropped,
    )


def _read(
    df: Data,
    duration: str | None,
    event: str | None,
    by: Names,
    entry: str | None,
    strata: Names | None,
    weights: str | None,
) -> ComparedGroups:
    """Read groups and strata."""
    return read_compared(
        df,
        duration=duration,
        event=event,
        by=by,
        entry=entry,
        strata=strata,
        weights=weights,
    )


def check_powers(**powers: float) -> None:
    """Refuse powers of the weight that are negative or no numbers.

    Parameters
    ----------
    **powers : float
        The arguments by name.

    Raises
    ------
    evalkit.errors.InputError
        If one is.
    """
    for argument, value in powers.items():
        if not (isinstance(cast("object", value), Real) and 0 <= value < np.inf):
            raise InputError.of(argument, required="a number of at least 0", got=repr(value))


def _method(name: str, rho: float, gamma: float, found: ComparedGroups) -> str:
    """Name the test."""
    if rho or gamma:
        name += f", Fleming-Harrington weights with rho = {rho:g}, gamma = {gamma:g}"
    return name + (f", stratified by {', '.join(found.strata)}" if found.strata else "")


def _result(
    found: ComparedGroups, scores: RankScores, result: tuple[float, int, float], method: str
) -> RankTest:
    """Put a test together."""
    groups = found.key_frame()
    groups["n"] = found.sizes
    groups["observed"], groups["expected"] = scores.observed, scores.expected
    statistic, degrees, p = result
    return RankTest(
        hypothesis=f"the groups of {', '.join(found.by)} have the same survival",
        method=method,
        statistic=statistic,
        df=degrees,
        p_value=p,
        groups=groups,
        n_used=found.n_used,
        n_dropped=found.n_dropped,
    )
