"""Differences between survival curves: of restricted means, and of the shares still in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data
from evalkit.core.results import EffectTable
from evalkit.core.sample import WeightsKind
from evalkit.kernels.curve_functionals import Estimate, covariance, restricted_mean
from evalkit.kernels.curve_influence import CurveRows, influence, log_survival_increments
from evalkit.kernels.product_limit import step, survival_limits
from evalkit.kernels.share_differences import Intervals, difference_columns, with_wilson
from evalkit.kernels.time_index import last_at_or_before
from evalkit.kernels.wald import difference_df, wald
from evalkit.survival.comparisons import compare_groups
from evalkit.survival.curve_results import CI_SCALES, CurveCI, check_horizons
from evalkit.survival.groups import GroupCurve, asked_times
from evalkit.typing import FloatArray

__all__ = ["rmst_difference", "survival_difference"]

_SCALES = (
    ("rmst_difference", "-", "difference"),
    ("rmst_ratio", "/", "ratio (std_error of its logarithm)"),
)


def rmst_difference(
    df: Data,
    *,
    duration: str | None = None,
    event: str | None = None,
    by: Names,
    reference: object,
    tau: npt.ArrayLike,
    entry: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weights_kind: WeightsKind = "case",
    level: float = 0.95,
) -> EffectTable:
    r"""Compare restricted mean times between groups, by difference and by ratio.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        One row for each person or spell, or counts, which take no other column than ``by``.
    duration : str
        Column with the time of exit, in any unit: finite and at least 0.
    event : str
        Column that is 1 (or True) for an event and 0 for censoring.
    by : str or sequence of str
        Columns that make up the groups.
    reference : object
        The group that the others are compared with; a tuple if ``by`` names several columns.
    tau : float or array_like of float
        Horizons, positive and within the time observed in every group.
    entry : str, optional
        Column with the time from which the row is at risk.
    weights : str, optional
        Column with weights of at least 0.
    cluster : str, optional
        Column that says which rows belong together; the variance is then robust.
    weights_kind : {"case", "sampling"}
        Whether weights are repetitions or inverse sampling probabilities; the variance of the
        latter is robust.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        For every horizon (key column ``tau``) and every other group two rows: term
        ``rmst_difference``, other minus reference in the unit of the durations, and term
        ``rmst_ratio``, other over reference, with ``std_error`` and test on the log scale, and
        missing where a mean is 0. The
        column ``scale`` says on which scale the standard error is.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.kaplan_meier` does; also if ``reference`` is no group or there
        is no other, or a horizon is not positive or beyond the time observed in a group.

    Notes
    -----
    The restricted mean is the area under the survival curve up to the horizon; its variance is
    that of :meth:`evalkit.survival.KaplanMeier.rmst`. Groups are independent, so that variances
    add, unless clusters reach across them, whose covariance is then allowed for; the ratio uses
    :math:`\operatorname{var} \log\mu = \operatorname{var}(\mu)/\mu^2` (Royston and Parmar
    [1]_). No hazards need be proportional. With clusters intervals and tests are those of Student's
    t, with Welch and Satterthwaite's degrees of freedom from the clusters of either group less one,
    at most those of both together less one.

    R: ``survRM2::rmst2(time, status, arm, tau)``.

    References
    ----------
    .. [1] Royston P, Parmar MKB (2013). Restricted mean survival time: an alternative to the
       hazard ratio for the design and analysis of randomized trials with a time-to-event outcome.
       BMC Med Res Methodol 13:152. doi:10.1186/1471-2288-13-152

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 90, 200, 40, 120, 200, 300],
    ...     "ended": [1, 1, 1, 0, 1, 1, 0, 0],
    ...     "arm": ["new"] * 4 + ["usual"] * 4,
    ... })
    >>> table = rmst_difference(
    ...     spells, duration="days", event="ended", by="arm", reference="usual", tau=180
    ... )
    >>> table.to_frame()[["term", "contrast", "estimate"]]
                  term     contrast   estimate
    0  rmst_difference  new - usual -40.000000
    1       rmst_ratio  new / usual   0.692308
    """
    level = check_level(level)
    compared = compare_groups(
        df,
        duration=duration,
        event=event,
        entry=entry,
        by=by,
        reference=reference,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
    )
    curves, labels = compared.curves, compared.labels
    horizons = asked_times(tau, "tau")
    check_horizons(curves, horizons)
    parts: list[dict[str, object]] = []
    for horizon in horizons.tolist():
        means = [restricted_mean(curve.limit, horizon, curve.rows) for curve in curves]
        for other, mean, label in zip(curves[1:], means[1:], labels[1:], strict=True):
            found = _mean_contrasts(mean, means[0], other.rows, curves[0].rows, level)
            n = other.n + curves[0].n
            for term, sign, scale in _SCALES:
                key = {"tau": horizon, "term": term, "contrast": f"{label} {sign} {labels[0]}"}
                parts.append(key | found[term] | {"n": n, "scale": scale})
    return EffectTable.of(
        {name: [part[name] for part in parts] for name in parts[0]},
        estimand=f"Restricted mean time up to tau, against {labels[0]}",
        method=f"Area under Kaplan-Meier, {compared.variance}",
        level=level,
        n_used=compared.n_used,
        n_dropped=compared.n_dropped,
    )


def survival_difference(
    df: Data,
    *,
    duration: str | None = None,
    event: str | None = None,
    by: Names,
    reference: object,
    times: npt.ArrayLike,
    entry: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weights_kind: WeightsKind = "case",
    level: float = 0.95,
    ci: CurveCI = "log-log",
) -> EffectTable:
    r"""Compare between groups how large a share is still in at given times.

    Parameters
    ----------
    df : pandas.DataFrame or evalkit.core.counts.Counts
        One row for each person or spell, or counts, which take no other column than ``by``.
    duration : str
        Column with the time of exit, in any unit: finite and at least 0.
    event : str
        Column that is 1 (or True) for an event and 0 for censoring.
    by : str or sequence of str
        Columns that make up the groups.
    reference : object
        The group that the others are compared with; a tuple if ``by`` names several columns.
    times : float or array_like of float
        Times at which to compare.
    entry : str, optional
        Column with the time from which the row is at risk.
    weights : str, optional
        Column with weights of at least 0.
    cluster : str, optional
        Column that says which rows belong together; the variance is then robust.
    weights_kind : {"case", "sampling"}
        Whether weights are repetitions or inverse sampling probabilities; the variance of the
        latter is robust.
    level : float, default 0.95
        Confidence level.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale of the intervals of the two shares that the interval of their difference is made of;
        with "plain" it is the usual difference plus and minus z standard errors.

    Returns
    -------
    EffectTable
        One row for every time (key column ``time``) and every other group: term
        ``survival_difference``, S(other) - S(reference); negative where the others leave sooner.
        Missing where a curve is not known. ``std_error`` is the plain one. ``statistic`` is the
        quantile at which the interval just reaches 0, so that the two-sided ``p_value`` is
        below 1 - ``level`` exactly where the interval leaves out 0.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.survival.kaplan_meier` does; also if ``reference`` is no group or there
        is no other.

    Notes
    -----
    With intervals :math:`(l_1, u_1)` and :math:`(l_0, u_0)` of the two shares, the limits of the
    difference are :math:`S_1 - S_0 - \{(S_1 - l_1)^2 + (u_0 - S_0)^2\}^{1/2}` and
    :math:`S_1 - S_0 + \{(u_1 - S_1)^2 + (S_0 - l_0)^2\}^{1/2}` (Zou and Donner [1]_), with their
    correlation where clusters reach across groups. Where nobody in a group has had the event yet,
    or everybody has, its variance is 0 and says nothing: its limit is then Wilson's,
    :math:`z^2/(n + z^2)` from 1 or from 0, with n not censored before (clusters count once each).

    With clusters z is a quantile of Student's t, with Welch and Satterthwaite's degrees of freedom
    from the clusters of either group less one, at most those of both together less one.

    References
    ----------
    .. [1] Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a
       general approach. Stat Med 27:1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({
    ...     "days": [30, 60, 90, 200, 40, 120, 200, 300],
    ...     "ended": [1, 1, 1, 0, 1, 1, 0, 0],
    ...     "arm": ["new"] * 4 + ["usual"] * 4,
    ... })
    >>> table = survival_difference(
    ...     spells, duration="days", event="ended", by="arm", reference="usual", times=[90, 180]
    ... )
    >>> table.to_frame()["estimate"].tolist()
    [-0.5, -0.25]
    """
    check_choice("ci", ci, CI_SCALES)
    level = check_level(level)
    compared = compare_groups(
        df,
        duration=duration,
        event=event,
        entry=entry,
        by=by,
        reference=reference,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
    )
    curves, labels = compared.curves, compared.labels
    asked = asked_times(times)
    base, base_variance = _shares_at(curves[0], asked)
    columns: list[dict[str, FloatArray]] = []
    contrasts: list[str] = []
    for other, label in zip(curves[1:], labels[1:], strict=True):
        share, variance = _shares_at(other, asked)
        r = _correlations(other, curves[0], asked)
        error, base_error = share * np.sqrt(variance), base * np.sqrt(base_variance)
        degrees = difference_df(error**2, other.rows, base_error**2, curves[0].rows)
        ends = (
            _intervals(other, asked, share, variance, ci),
            _intervals(curves[0], asked, base, base_variance, ci),
        )
        columns.append(
            {
                "time": asked,
                "estimate": share - base,
                "std_error": np.sqrt(error**2 + base_error**2 - 2 * r * error * base_error),
                **difference_columns(share, base, *ends, level, degrees, r),
                "n": np.full(len(asked), other.n + curves[0].n),
            }
        )
        contrasts += [f"{label} - {labels[0]}"] * len(asked)
    data = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    return EffectTable.of(
        {"time": data["time"], "term": "survival_difference", "contrast": contrasts} | data,
        estimand=f"Difference of the shares still in, against {labels[0]}",
        method=f"Kaplan-Meier, {compared.variance}, {ci} intervals combined",
        level=level,
        n_used=compared.n_used,
        n_dropped=compared.n_dropped,
    )


def _shares_at(curve: GroupCurve, asked: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Survival at the times, and the variance of its logarithm: 0 where survival is 0."""
    share = curve.limit.at(asked)
    variance = step(curve.limit, curve.log_variance, 0.0, asked)
    return share, np.where(share == 0, 0.0, variance)


def _correlations(one: GroupCurve, other: GroupCurve, asked: FloatArray) -> FloatArray:
    """Correlation of two curves at the times; 0 unless clusters reach across groups."""
    found = np.zeros(len(asked))
    if one.rows is None or other.rows is None or one.rows.cluster is None:
        return found
    for i, time in enumerate(asked):
        parts = [
            influence(
                rows, log_survival_increments(limit), int(last_at_or_before(limit.times, time))
            )
            for limit, rows in ((one.limit, one.rows), (other.limit, other.rows))
        ]
        size = float(np.sqrt((parts[0] @ parts[0]) * (parts[1] @ parts[1])))
        found[i] = covariance(*parts) / size if size > 0 else 0.0
    return found


def _intervals(
    curve: GroupCurve, asked: FloatArray, share: FloatArray, variance: FloatArray, ci: str
) -> Intervals:
    """Limits of the shares for any quantiles; Wilson's where nobody or everybody is out."""

    def of(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        return survival_limits(share, variance, z, ci, truncate=False)

    return with_wilson(share, curve.known(asked), of)


def _mean_contrasts(
    mean: Estimate,
    base: Estimate,
    rows: CurveRows | None,
    base_rows: CurveRows | None,
    level: float,
) -> dict[str, dict[str, object]]:
    """Difference and ratio of two restricted means, with their intervals and tests."""
    shared = covariance(mean.influence, base.influence)
    apart = wald(
        np.array([mean.value - base.value]),
        np.sqrt([mean.variance + base.variance - 2 * shared]),
        level,
        difference_df(mean.variance, rows, base.variance, base_rows),
    )
    # a mean of 0, where everybody leaves at once, makes no ratio
    value, base_value = (m.value if m.value > 0 else np.nan for m in (mean, base))
    relative, base_relative = mean.variance / value**2, base.variance / base_value**2
    ratio = wald(
        np.log([value / base_value]),
        np.sqrt([relative + base_relative - 2 * shared / (value * base_value)]),
        level,
        difference_df(relative, rows, base_relative, base_rows),
    )
    ratio |= {name: np.exp(ratio[name]) for name in ("estimate", "conf_low", "conf_high")}
    found = {"rmst_difference": apart, "rmst_ratio": ratio}
    return {term: {k: float(v[0]) for k, v in part.items()} for term, part in found.items()}
