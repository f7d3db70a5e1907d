"""Time until an event after matching or weighting: restricted means, survival, hazard ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import check_known, numbers, refuse_rows
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.cox import fit_cox
from evalkit.kernels.cox_data import prepare
from evalkit.kernels.cox_residuals import score_residuals
from evalkit.kernels.curve_functionals import restricted_mean
from evalkit.kernels.curve_influence import CurveRows, influence, log_survival_increments
from evalkit.kernels.event_times import event_times
from evalkit.kernels.group_means import Adjust, GroupMeans
from evalkit.kernels.product_limit import ProductLimit, product_limit
from evalkit.kernels.risk_sets import risk_sets
from evalkit.kernels.time_index import TIE, index_times, last_at_or_before
from evalkit.kernels.wald import wald
from evalkit.matching.contrast_tables import Sums, contrast_table
from evalkit.matching.effect_clusters import (
    broken_pairs,
    check_compared,
    cluster_codes,
    cluster_sums,
)
from evalkit.matching.matched_effects import WHOM, without_spread
from evalkit.matching.matched_result import Matched
from evalkit.matching.survival_horizons import settle_horizons
from evalkit.matching.weighted_result import Weighted
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["survival_effect"]

_PAIRED = ("nearest", "optimal", "full")


def survival_effect(
    compared: Weighted | Matched,
    *,
    duration: str,
    event: str,
    measure: Literal["rmst", "survival", "hazard_ratio"] = "rmst",
    tau: float | None = None,
    times: float | Sequence[float] | None = None,
    cluster: str | None = None,
    level: float = 0.95,
) -> EffectTable:
    r"""Estimate the effect on the time until an event, after matching or weighting.

    Answers "how much longer did those who took part stay, beside people like them?" when not
    everybody was followed to the end.

    Parameters
    ----------
    compared : Weighted or Matched
        The comparison, from :func:`evalkit.matching.weight` or :func:`evalkit.matching.match`.
    duration : str
        Column of times until the event or the end of follow-up, at least 0.
    event : str
        Column that is 1 where the event was seen and 0 where follow-up ended first.
    measure : {"rmst", "survival", "hazard_ratio"}, default "rmst"
        Differences of the restricted mean time up to ``tau``, or of the shares without the event
        at ``times``, from weighted Kaplan-Meier curves; or the hazard ratio of a weighted Cox
        regression on the group alone.
    tau : float, optional
        Horizon of "rmst", within the follow-up of every group. Needed for it.
    times : float or sequence of float, optional
        Times of "survival", within the follow-up of every group. Needed for it.
    cluster : str, optional
        Column that says which rows belong together; a row without one stands alone. Pairs and
        sets of a matching are clusters if it is left out.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        Differences with ``mean_treated`` and ``mean_control``, the two restricted means or
        shares, and for "survival" the key ``time``; or hazard ratios, with ``std_error`` on the
        log scale.

    Raises
    ------
    evalkit.errors.InputError
        If a column is not what it must be, an argument does not belong to the measure or is
        missing, a horizon lies beyond a group's follow-up, or a group has no event (hazard
        ratio).

    Notes
    -----
    Variances are sums of squared influences, of rows or clusters, with the weights' estimation
    included where it is smooth (M-estimation), and without small-sample correction; with clusters
    multiplied by G / (G - 1) (n - 1) / (n - k), Student's t on G - 1 degrees of freedom. Stable
    weights, and weights after matching, are taken as given. Ties of "hazard_ratio" are Efron's,
    and the total weight that entropy balancing gives a group is taken as given.
    Censoring must not depend on what was balanced, within groups. Rows that lack the time or the
    event are dropped and counted. A hazard ratio compares those who are still left, who with time
    become less alike.

    References
    ----------
    Austin (2014). The use of propensity score methods with survival or time-to-event outcomes.
    Stat Med 33:1242-1258. doi:10.1002/sim.5984. In R: ``survival::survfit`` and
    ``survival::coxph(..., weights, cluster)``.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.matching import weight
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0, 0],
    ...     "women": [1, 1, 0, 1, 0, 0, 0, 1],
    ...     "days": [90, 200, 140, 60, 150, 365, 220, 250],
    ...     "ended": [1, 1, 1, 1, 1, 0, 1, 1],
    ... })
    >>> weighted = weight("amia ~ women", df)
    >>> table = survival_effect(weighted, duration="days", event="ended", tau=200).to_frame()
    >>> round(table["estimate"].item(), 2)
    -4.44
    """
    check_choice("measure", measure, ("rmst", "survival", "hazard_ratio"))
    check_level(level)
    check_compared(compared)
    points = settle_horizons(measure, tau, times)
    task = _read(compared, duration, event, cluster)
    if measure == "hazard_ratio":
        return _hazard_ratios(task, level)
    curves = [_Curve.of(task, code) for code in range(len(task.sample.levels))]
    parts: list[dict[str, Any]] = []
    notes = [*task.notes]
    for t in points:
        means = np.empty(len(curves))
        moves = np.zeros((task.sample.n, len(curves)))
        for code, curve in enumerate(curves):
            _refuse_beyond(task, code, curve.limit, t, "tau" if measure == "rmst" else "times")
            means[code], own = curve.mean(t) if measure == "rmst" else curve.share(t)
            moves[curve.rows, code] = own
            moves[:, code] += task.moved(moves[:, code])
        found = GroupMeans(means, moves, np.empty(0, dtype=np.int64))
        # Without an event by t, or with all at once, a curve has no influence.
        lived = np.where((task.event == 1) & (task.time <= t), task.time, t)
        found = without_spread(
            task.sample, found, lived, np.where(task.used, task.weights, 0.0), 1,
            f"{duration} up to {t:g}, as far as it was seen", "", notes,
        )  # fmt: skip
        key = () if measure == "rmst" else (t,)
        parts.append({"key": key, "found": found, "n": int(task.used.sum())})
    what = (
        f"restricted mean of {duration} up to {points[0]:g}"
        if measure == "rmst"
        else f"share without {event} by {duration}"
    )
    return contrast_table(
        task.sample.levels,
        parts,
        keys=() if measure == "rmst" else ("time",),
        outcome=duration,
        measure="difference",
        level=level,
        sums=task.sums,
        estimand=f"Difference in the {what}, {{contrast}}, over {task.whom}",
        method=f"Weighted Kaplan-Meier; {task.method}",
        n_used=int(task.used.sum()),
        n_dropped=task.n_dropped,
        notes=list(dict.fromkeys(notes)),
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """Rows with times, events and weights, and what goes into every variance."""

    sample: TreatmentSample
    weights: FloatArray
    time: FloatArray
    event: IntArray
    used: BoolArray
    sums: Sums | None
    adjust: Adjust | None
    duration: str
    whom: str
    method: str
    n_dropped: dict[str, int]
    notes: list[str]

    def moved(self, own: FloatArray) -> FloatArray:
        """Return what the estimation of the weights adds to an influence."""
        if self.adjust is None:
            return np.zeros(len(own))
        there = self.used & (self.weights > 0)
        return self.adjust(np.divide(own, self.weights, out=np.zeros(len(own)), where=there))


@dataclass(frozen=True, eq=False)
class _Curve:
    """One group's curve, and the rows behind it."""

    curve: ProductLimit
    behind: CurveRows
    rows: IntArray

    @classmethod
    def of(cls, task: _Task, code: int) -> _Curve:
        """Estimate the curve of a group."""
        rows = np.flatnonzero(task.used & (task.sample.group == code))
        time, died, w = task.time[rows], task.event[rows], task.weights[rows]
        curve = product_limit(event_times(time, died, 1, weights=w))
        alone = np.arange(len(rows), dtype=np.int64)
        return cls(curve, CurveRows.of(index_times(time), died, w, alone, len(rows)), rows)

    @property
    def limit(self) -> float:
        """The last time that the curve is known."""
        return float(self.curve.end)

    def mean(self, tau: float) -> tuple[float, FloatArray]:
        """Return the restricted mean, and what each row adds to it."""
        found = restricted_mean(self.curve, tau, self.behind)
        assert found.influence is not None
        return found.value, -found.influence

    def share(self, t: float) -> tuple[float, FloatArray]:
        """Return the share without the event, and what each row adds to it."""
        value = float(self.curve.at([t])[0])
        last = int(last_at_or_before(self.curve.times, np.array([t]))[0])
        return value, -value * influence(self.behind, log_survival_increments(self.curve), last)


def _read(compared: Weighted | Matched, duration: str, event: str, cluster: str | None) -> _Task:
    """Read the times and events of the rows that were compared."""
    sample = compared.sample
    frame = sample.frame
    check_known(frame, duration=duration, event=event)
    time, died = numbers(frame, duration, "duration"), numbers(frame, event, "event")
    refuse_rows(
        frame, (time < 0) | np.isinf(time), "duration", duration, "finite and at least 0", time
    )
    refuse_rows(
        frame, ~np.isnan(died) & (died != 0) & (died != 1), "event", event, "0 or 1", died,
        remedy="1 where the event was seen, 0 where follow-up ended first.",
    )  # fmt: skip
    matched = isinstance(compared, Matched)
    weights = compared.row_weights if matched else compared.fit.weights
    used = weights > 0
    dropped = dict(sample.n_dropped)
    for name, values in ((duration, time), (event, died)):
        gone = used & np.isnan(values)
        if gone.any():
            dropped[f"missing {name}"] = int(gone.sum())
        used &= ~np.isnan(values)
    for code, name in enumerate(sample.levels):
        if not (used & (sample.group == code)).any():
            raise InputError.of(
                "duration", required="there for somebody in every group", got=f"nobody in {name!r}"
            )
    notes = [*compared.notes]
    if matched:
        notes += broken_pairs(int((weights > 0).sum()) - int(used.sum()))
    codes: IntArray | None = None
    if cluster is not None:
        codes = cluster_codes(frame, cluster)
    elif matched and compared.method in _PAIRED and not compared.replace:
        codes = np.maximum(compared.row_subclass, 0)
    smooth = not matched and compared.fit.slope is not None
    if not smooth:
        notes.append("The standard error takes the weights as given.")
    if matched and not compared.target.startswith(f"{compared.estimand},"):
        notes.insert(0, compared.target)
    whom = WHOM[compared.estimand]
    if len(sample.levels) > 2 and not matched and compared.estimand == "ATT":
        whom = str(sample.levels[compared.focal])
    sums = cluster_sums(codes, used, len(sample.levels))
    return _Task(
        sample=sample,
        weights=weights,
        time=np.where(used, time, 0.0),
        event=np.where(used, died, 0.0).astype(np.int64),
        used=used,
        sums=sums,
        adjust=compared.fit.adjust if not matched and smooth else None,
        duration=duration,
        whom=whom,
        method=(compared.description if matched else compared.method)
        + (f"; variance from {sums.n_clusters} clusters" if sums else ""),
        n_dropped=dropped,
        notes=notes,
    )


def _refuse_beyond(task: _Task, code: int, end: float, t: float, argument: str) -> None:
    """Refuse a time that a group was not followed to."""
    if t > end * (1 + TIE):
        raise InputError.of(
            argument,
            required=f"within the follow-up of every group; {task.sample.levels[code]!r} ends at "
            f"{end:g}",
            got=f"{t:g}",
            remedy="Choose an earlier time.",
        )


def _hazard_ratios(task: _Task, level: float) -> EffectTable:
    """Fit Cox's model to the groups, weighted, with the variance that weights need."""
    sample = task.sample
    rows = np.flatnonzero(task.used)
    group, died = sample.group[rows], task.event[rows]
    for code, name in enumerate(sample.levels):
        if not died[group == code].any():
            raise InputError.of(
                "event",
                required="seen for somebody in every group, for a hazard ratio",
                got=f"no event among {int((group == code).sum())} in {name!r}",
                remedy="The hazard ratio is 0 or infinite; measure='rmst' exists.",
            )
    risk = risk_sets(task.time[rows], died, weights=task.weights[rows])
    codes = range(1, len(sample.levels))
    matrix = np.asfortranarray(np.column_stack([(group == code).astype(float) for code in codes]))
    fit = fit_cox(prepare(risk, matrix))
    if fit.infinite.any() or not fit.converged:
        raise InputError.of(
            "duration",
            required="times at which somebody of every group is left when events happen",
            got="an infinite hazard ratio",
            remedy="measure='rmst' exists.",
        )
    moves = np.zeros((sample.n, len(codes)))
    moves[rows] = score_residuals(fit) @ fit.variance
    errors: list[float] = []
    notes = [*task.notes]
    people = np.bincount(group, minlength=len(sample.levels))
    notes += [f"No standard error: 1 person in {sample.levels[k]} shows no spread."
              for k in np.flatnonzero(people == 1)]  # fmt: skip
    for j in range(len(codes)):
        if people[0] == 1 or people[j + 1] == 1:
            errors.append(float("nan"))
            continue
        own = moves[:, j] + task.moved(moves[:, j])
        if task.sums is None:
            errors.append(float(np.sqrt(own @ own)))
            continue
        there = task.sums.codes >= 0
        totals = np.bincount(task.sums.codes[there], own[there], minlength=task.sums.n_clusters)
        alone = own[~there]
        errors.append(
            float(np.sqrt(task.sums.factor * float(totals @ totals) + float(alone @ alone)))
        )
    degrees = np.inf if task.sums is None else task.sums.n_clusters - 1.0
    columns = wald(np.asarray(fit.coefficients), np.array(errors), level, degrees)
    for name in ("estimate", "conf_low", "conf_high"):
        columns[name] = np.exp(columns[name])
    first = sample.levels[0]
    contrasts = [f"{sample.levels[code]} - {first}" for code in codes]
    events = np.bincount(group, died, minlength=len(sample.levels)).astype(int)
    shown = contrasts[0] if len(contrasts) == 1 else "against the first"
    return EffectTable.of(
        {
            "term": task.duration,
            "contrast": contrasts,
            **columns,
            "n": len(rows),
            "events": events[1:],
            "events_control": int(events[0]),
            "scale": "ratio",
        },
        estimand=f"Hazard ratio of {task.duration}, {shown}, over {task.whom}",
        method=f"Weighted Cox regression, ties by Efron, robust variance; {task.method}",
        level=level,
        n_used=len(rows),
        n_dropped=task.n_dropped,
        notes=notes,
    )
