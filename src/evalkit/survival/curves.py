"""Survival curves by group: how large a share is still in, at every time since the beginning."""

from __future__ import annotations

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.sample import WeightsKind
from evalkit.survival.curve_results import CI_SCALES, CurveCI, KaplanMeier
from evalkit.survival.groups import group_curves, read_groups

__all__ = ["kaplan_meier"]


def kaplan_meier(
    df: Data,
    *,
    duration: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    by: Names | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weights_kind: WeightsKind = "case",
    level: float = 0.95,
    ci: CurveCI = "log-log",
) -> KaplanMeier:
    r"""Estimate how large a share is still in, at every time since the beginning.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        One row for each person or spell, or counts by day, which take no other column than ``by``.
        With counts of several causes, an exit for any of them is an event.
    duration : str
        Column with the time of exit, in any unit: finite and at least 0.
    event : str
        Column that is 1 (or True) for an event and 0 for censoring.
    entry : str, optional
        Column with the time from which the row is at risk: it is at risk on (entry, duration].
        Without it, from the beginning, so that an event at time 0 counts.
    by : str or sequence of str, optional
        Columns that make up the groups, each with a curve of its own.
    weights : str, optional
        Column with weights of at least 0.
    cluster : str, optional
        Column that says which rows belong together; the variance is then robust.
    weights_kind : {"case", "sampling"}
        Whether a weight of 2 stands for two rows, or for one that represents two; the variance is
        then robust.
    level : float, default 0.95
        Confidence level.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale on which the intervals are symmetric. Intervals on the scale of log(-log S) stay
        within 0 and 1 and hold their level in small samples; plain ones do not.

    Returns
    -------
    KaplanMeier
        The curves; see its methods ``to_frame``, ``at``, ``quantile``, ``rmst``, ``shares``,
        ``conditional`` and ``plot``.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds values that it must not; see
        :func:`evalkit.core.sample.read_sample`. Also if counts come with weights or clusters.

    Warns
    -----
    EmptyRiskSetWarning
        If nobody is left at risk at some time, which is named, although others are observed later.
        Survival is 0 from there on, or level, whatever happens to those who come later.

    Notes
    -----
    With :math:`n_k` at risk and :math:`d_k` events at the distinct times :math:`t_k`, survival is
    :math:`S(t) = \prod_{t_k \le t} (1 - d_k/n_k)` [1]_ and its standard error
    :math:`S(t) \{\sum_{t_k \le t} d_k / (n_k (n_k - d_k))\}^{1/2}` (Greenwood [2]_). At one and
    the same time events come first, then censorings, then entries. With sampling weights or
    clusters the variance is the sum of squared contributions of rows or clusters, the
    infinitesimal jackknife. With clusters, intervals use quantiles of Student's t with one degree
    of freedom less than the group has clusters (R has normal ones); with ten clusters 95 %
    intervals of a mean hold the truth in about 93 % of samples, and a single one has no variance.
    Case weights give what repeated rows give.

    Rows that lack a duration, an event or a group are dropped and counted. Where survival is 0,
    standard error and limits are missing; where nobody has had the event they are 0 and 1, which
    says nothing about how small a risk may be: see :func:`evalkit.trials.proportion_difference`
    for groups without events and censoring.

    R: ``survfit(Surv(entry, duration, event) ~ by, weights, robust, conf.type = "log-log")``.

    References
    ----------
    .. [1] Kaplan EL, Meier P (1958). Nonparametric estimation from incomplete observations.
       J Am Stat Assoc 53:457-481. doi:10.1080/01621459.1958.10501452
    .. [2] Greenwood M (1926). The natural duration of cancer. Reports on Public Health and Medical
       Subjects 33:1-26.

    Examples
    --------
    Six spells, two of them still going on when they were last seen:

    >>> import pandas as pd
    >>> spells = pd.DataFrame(
    ...     {"days": [30, 60, 60, 95, 200, 400], "ended": [1, 1, 0, 1, 1, 0]}
    ... )
    >>> km = kaplan_meier(spells, duration="days", event="ended")
    >>> km
    Survival P(T > t)
    Kaplan-Meier, Greenwood's variance, log-log scale; 95 % intervals
    n: 6 used, 0 dropped
    n  events   median  conf_low
    6       4  95.0000   30.0000
    >>> km.at([90, 365])[["time", "at_risk", "survival"]]
       time  at_risk  survival
    0  90.0      3.0  0.666667
    1 365.0      1.0  0.222222
    """
    check_choice("ci", ci, CI_SCALES)
    level = check_level(level)
    groups = read_groups(
        df,
        duration=duration,
        event=event,
        entry=entry,
        by=by,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
    )
    robust = cluster is not None or weights_kind == "sampling"
    variance = "robust" if robust else "Greenwood's"
    variance += " variance over clusters, Student's t" if cluster is not None else " variance"
    return KaplanMeier(
        by=groups.by,
        curves=group_curves(groups, robust=robust),
        level=level,
        ci=ci,
        estimand="Survival P(T > t)",
        method=f"Kaplan-Meier, {variance}, {ci} scale",
        n_used=groups.n_used,
        n_dropped=groups.n_dropped,
    )
