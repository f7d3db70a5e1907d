"""Gray's test of the cumulative incidences of groups."""

from __future__ import annotations

import warnings

from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.sample import EmptyRiskSetWarning
from evalkit.kernels.gray import emptied, gray_scores
from evalkit.kernels.rank_tests import chi_square
from evalkit.survival.rank_test_results import RankTestTable
from evalkit.survival.risk_tables import ComparedGroups, read_compared
from evalkit.survival.tests import check_powers

__all__ = ["gray_test"]


def gray_test(
    df: Data,
    *,
    by: Names,
    duration: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    strata: Names | None = None,
    rho: float = 0.0,
) -> RankTestTable:
    r"""Test for each cause whether its cumulative incidence differs between groups.

    Do as many leave for work in one group as in the other? The log-rank test with other causes
    censored is about the rate among those still in the spell; this one is about how many leave for
    the cause in the end, which also depends on the other causes.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        One row for each person or spell; or counts, which take `by` and `strata` only.
    by : str or sequence of str
        Columns that make up the groups.
    duration : str
        Column with the time of exit, in any unit.
    cause : str
        Column with the cause of the exit: 0 where it is censored, any other value names a cause.
    entry : str, optional
        Column with the time from which the row is at risk: on (entry, duration].
    strata : str or sequence of str, optional
        Columns that make up strata: groups are compared within them only.
    rho : float, default 0
        Power of 1 - F(t-) in the weight of a time; above 0 early differences weigh more.

    Returns
    -------
    RankTestTable
        One row for each cause: ``cause, statistic, df, p_value, n``; ``.statistic, .df, .p_value``
        are arrays in the same order.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, rho is negative, there is one group
        only, all rows are censored, or the groups are never compared.

    Warns
    -----
    EmptyRiskSetWarning
        If all of a group who are at risk at some time leave then, and others of it enter later:
        the group is left out of the comparison from there on.

    Notes
    -----
    Subdistribution hazards are compared as a log-rank test compares hazards, with the risk set
    :math:`n_g \{1 - F_g(t-)\} / S_g(t-)`, which with delayed entry is the sum of Geskus's weights
    [2]_. A cause without events in the strata compared has missing values. R:
    ``cmprsk::cuminc(ftime, fstatus, group, strata, rho)$Tests``, which has no entry; the weights
    are those of ``survival::finegray`` in each group.

    References
    ----------
    .. [1] Gray RJ (1988). A class of K-sample tests for comparing the cumulative incidence of a
       competing risk. Ann Stat 16:1141-1154. doi:10.1214/aos/1176350951
    .. [2] Geskus RB (2011). Cause-specific cumulative incidence estimation and the Fine and Gray
       model under both left truncation and right censoring. Biometrics 67:39-49.
       doi:10.1111/j.1541-0420.2010.01420.x

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "exit": ["work", "studies", 0, "work", "work", 0, "work", "work", "studies", "work"],
    ...     "arm": ["CAU"] * 6 + ["ReDO"] * 4,
    ... })
    >>> gray_test(spells, duration="days", cause="exit", by="arm").to_frame().round(4)
         cause  statistic  df  p_value   n
    0  studies     0.0125   1   0.9110  10
    1     work     0.2874   1   0.5919  10
    """
    import pandas as pd

    found = read_compared(df, duration=duration, cause=cause, entry=entry, by=by, strata=strata)
    check_powers(rho=rho)
    _warn_of_emptied(found)
    rows: list[dict[str, object]] = []
    for position, label in enumerate(found.causes):
        scores = gray_scores(found.tables, position, rho=rho)
        statistic, degrees, p = chi_square(scores.observed - scores.expected, scores.covariance)
        rows.append(
            {
                "cause": label,
                "statistic": statistic,
                "df": degrees,
                "p_value": p,
                "n": found.n_used,
            }
        )
    best = max(rows, key=lambda row: int(str(row["df"])))
    found.tested((0.0, int(str(best["df"])), 1.0))
    return RankTestTable(
        hypothesis=f"the groups of {', '.join(found.by)} have the same cumulative incidence",
        method="Gray's test"
        + (f", rho = {rho:g}" if rho else "")
        + (f", stratified by {', '.join(found.strata)}" if found.strata else ""),
        data=pd.DataFrame(rows),
        n_used=found.n_used,
        n_dropped=found.n_dropped,
    )


def _warn_of_emptied(found: ComparedGroups) -> None:
    """Warn of groups that are out of the comparison from some time on."""
    for table in found.tables:
        for group, time, later in emptied(table):
            warnings.warn(
                f"All of {', '.join(found.by)} {found.levels[group]!r}"
                + (" in a stratum" if found.strata else "")
                + f" who are at risk at {time:g} leave then, although {later:g} of it leave later: "
                "the group is out of the comparison from there on. Begin the clock at a time from "
                "which on more are at risk.",
                EmptyRiskSetWarning,
                stacklevel=3,
            )
