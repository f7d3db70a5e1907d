"""The difference between groups of their cumulative incidences at given times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.results import EffectTable
from evalkit.core.sample import WeightsKind
from evalkit.kernels.aalen_johansen import (
    INTERVALS,
    IncidenceInterval,
    divide,
    incidence_interval,
)
from evalkit.kernels.share_differences import Intervals, difference_columns, with_wilson
from evalkit.kernels.time_index import TIE
from evalkit.kernels.wald import difference_df
from evalkit.survival.groups import asked_times
from evalkit.survival.incidence_curves import (
    GroupCurve,
    IncidenceCurves,
    Variance,
    reference_level,
)
from evalkit.typing import FloatArray

__all__ = ["incidence_difference"]


def incidence_difference(
    df: Data,
    *,
    by: Names,
    reference: object,
    times: npt.ArrayLike,
    duration: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    cluster: str | None = None,
    variance: Variance | None = None,
    level: float = 0.95,
    ci: IncidenceInterval = "log-log",
) -> EffectTable:
    r"""Estimate the difference between groups of the cumulative incidences at given times.

    How many percentage points more have left for work by day 365 in the programme than in the
    comparison group?

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        As for :func:`cumulative_incidence`.
    by : str or sequence of str
        Columns that make up the groups.
    reference : object
        Label of the group that the others are compared with; a tuple if `by` is a list.
    times : float or array_like of float
        Times at which to compare.
    duration, cause, entry, weights : str, optional
        As for :func:`cumulative_incidence`.
    weights_kind : {"case", "sampling"}
        As for :func:`cumulative_incidence`.
    cluster : str, optional
        As for :func:`cumulative_incidence`.
    variance : {"jackknife", "greenwood", "aalen"}, optional
        As for :func:`cumulative_incidence`.
    level : float, default 0.95
        Confidence level.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale of the intervals of the two incidences that the interval of their difference is made
        of; with "plain" it is the usual difference plus and minus z standard errors.

    Returns
    -------
    EffectTable
        One row for each other group, cause and time: keys ``cause, time``, term
        ``incidence_difference``, F(other) - F(reference). Missing where a curve is not known at
        the time. ``std_error`` is the plain one. ``statistic`` is the quantile at which the
        interval just reaches 0, so that the two-sided ``p_value`` is below 1 - ``level`` exactly
        where the interval leaves out 0.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`cumulative_incidence`, or if there is one group only, or none called
        `reference`.

    Notes
    -----
    With intervals :math:`(l_1, u_1)` and :math:`(l_0, u_0)` of the two incidences, the limits are
    :math:`F_1 - F_0 - \{(F_1 - l_1)^2 + (u_0 - F_0)^2\}^{1/2}` and
    :math:`F_1 - F_0 + \{(u_1 - F_1)^2 + (F_0 - l_0)^2\}^{1/2}` [1]_, with the correlation of
    the two where clusters reach across the groups. Where a group has no exits for the cause yet
    (or nothing but), its variance is 0 and says nothing: its limit is then Wilson's,
    :math:`z^2/(n + z^2)`, with n not censored before (clusters count once each). With
    clusters z is a quantile of Student's t, with Welch and Satterthwaite's degrees of freedom from
    the clusters of either group less one, at most those of both together less one. R: the
    difference of ``summary(survfit(...), times)$pstate``.

    References
    ----------
    .. [1] Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a
       general approach. Stat Med 27:1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 60, 90, 120, 120, 20, 45, 80, 120],
    ...     "exit": ["work", "studies", 0, "work", "work", 0, "work", "work", "studies", "work"],
    ...     "arm": ["CAU"] * 6 + ["ReDO"] * 4,
    ... })
    >>> incidence_difference(
    ...     spells, duration="days", cause="exit", by="arm", reference="CAU", times=90
    ... ).to_frame()[["cause", "time", "contrast", "estimate", "std_error"]].round(4)
         cause  time    contrast  estimate  std_error
    0  studies  90.0  ReDO - CAU    0.0833     0.2646
    1     work  90.0  ReDO - CAU    0.1111     0.3322
    """
    check_choice("ci", ci, INTERVALS)
    asked = asked_times(times)
    level = check_level(level)
    curves = IncidenceCurves.read(
        df,
        duration=duration,
        cause=cause,
        entry=entry,
        by=by,
        weights=weights,
        weights_kind=weights_kind,
        cluster=cluster,
        variance=variance,
    )
    base = reference_level(curves, reference)
    others = [group for group in curves.groups if group is not base]
    parts = [_compare(curves, other, base, asked, level, ci) for other in others]
    rows = len(curves.causes) * len(asked)
    return EffectTable.of(
        {
            "cause": [c for _ in others for c in curves.causes for _ in asked],
            "time": np.tile(asked, len(others) * len(curves.causes)),
            "term": "incidence_difference",
            "contrast": [f"{other.name} - {base.name}" for other in others for _ in range(rows)],
            **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
            "n": [other.n + base.n for other in others for _ in range(rows)],
        },
        estimand=f"Difference of cumulative incidence, against {base.name}",
        method=f"Aalen-Johansen, {curves.method}, {ci} intervals combined",
        level=level,
        n_used=curves.n_used,
        n_dropped=curves.n_dropped,
    )


def _compare(
    curves: IncidenceCurves,
    other: GroupCurve,
    base: GroupCurve,
    asked: FloatArray,
    level: float,
    ci: IncidenceInterval,
) -> dict[str, FloatArray]:
    """Compare two groups; columns of an effect table with causes, and times within them."""
    (one, variance1), (zero, variance0) = other.at(asked), base.at(asked)
    both = variance1 + variance0
    together = both
    if curves.clustered:
        _, covariance = curves.contrast(
            other, base, lambda u: (u[:, None] <= asked * (1 + TIE)).astype(np.float64)
        )
        together = np.einsum("mii->mi", covariance) + 0 * both
    correlation = divide(both - together, 2 * np.sqrt(variance1 * variance0)).T.ravel()
    share1, share0 = one.T.ravel(), zero.T.ravel()
    of1, of0 = _interval(other, asked, ci), _interval(base, asked, ci)
    df = difference_df(variance1.T.ravel(), other.rows, variance0.T.ravel(), base.rows)
    return {
        "estimate": share1 - share0,
        "std_error": np.sqrt(together.T.ravel()),
        **difference_columns(share1, share0, of1, of0, level, df, correlation),
    }


def _interval(group: GroupCurve, asked: FloatArray, ci: IncidenceInterval) -> Intervals:
    """Limits of incidences for any normal quantiles; Wilson's where nobody or everybody is out."""
    incidence, variance = group.at(asked)
    share, spread = incidence.T.ravel(), variance.T.ravel()
    n = np.tile(group.known(asked), incidence.shape[1])

    def limits(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        return incidence_interval(share, spread, z, ci, truncate=False)

    return with_wilson(share, n, limits)
