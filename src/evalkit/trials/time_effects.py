"""Effects on the time until an event: the hazard ratio, and the difference of restricted means."""

from __future__ import annotations

from numbers import Real

import numpy as np

from evalkit.core.columns import numbers, rows_where
from evalkit.errors import InputError
from evalkit.kernels.cox import CoxFit, dependent, fit_cox
from evalkit.kernels.cox_data import prepare
from evalkit.kernels.cox_likelihood import information, moments
from evalkit.kernels.cox_residuals import score_residuals
from evalkit.kernels.curve_functionals import restricted_mean
from evalkit.kernels.curve_influence import CurveRows
from evalkit.kernels.event_times import event_times
from evalkit.kernels.product_limit import product_limit
from evalkit.kernels.risk_sets import risk_sets
from evalkit.kernels.time_index import TIE, index_times
from evalkit.trials.effect_columns import Row, difference_row, finish, ratio_row
from evalkit.trials.effect_inputs import check_adjustment, check_vcov, clustered
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import check_clusters, warn, without_one_armed_strata
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["TIME_MEASURES", "time_effect"]

TIME_MEASURES = ("hazard_ratio", "rmst_difference")
"""What :func:`time_effect` estimates."""


def time_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    r"""Estimate the effect on the time until an event, each arm against the control.

    Parameters
    ----------
    sample : TrialSample
        The trial, with times as outcome.
    request : EffectRequest
        ``measure`` is "hazard_ratio" or "rmst_difference", ``event`` the column that is 1 where
        the event was seen and 0 where the time is censored, ``tau`` the horizon of the restricted
        mean.

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra columns ``scale``, ``events`` and
        ``events_control``, for restricted means also ``tau``, ``mean`` and ``mean_control``.

    Raises
    ------
    evalkit.errors.InputError
        If an event is not 0 or 1, ``tau`` is missing or beyond what an arm was followed for, an
        arm has no events (hazard ratio), covariates are dependent, or the combination does not
        exist.

    Notes
    -----
    *Hazard ratio*: Cox's model with Efron's ties, stratified by the strata, with the covariates
    if ``adjustment="ancova"``; conditional on them. ``vcov`` is "model" (the default) or "HC0"
    (Lin and Wei's). *Restricted mean*: the area under each arm's Kaplan-Meier curve up to
    ``tau``, with Greenwood's variance; strata are compared within and weighted by their size,
    which estimates the mean effect in everybody. It has no covariates.

    With clusters the influence of the rows is summed within them: "CR1" with Satterthwaite's
    degrees of freedom. Weights are case weights.

    R: ``survival::coxph``, ``survRM2::rmst2`` or ``print(survfit(...), rmean = tau)``.

    References
    ----------
    .. [1] Lin DY, Wei LJ (1989). The robust inference for the Cox proportional hazards model.
       J Am Stat Assoc 84:1074-1078. doi:10.1080/01621459.1989.10478874
    .. [2] Royston P, Parmar MKB (2013). Restricted mean survival time. BMC Med Res Methodol
       13:152. doi:10.1186/1471-2288-13-152

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.trials.effect_measures import effect
    >>> df = pd.DataFrame({"arm": list("AAABBB"), "days": [30, 60, 90, 20, 60, 90],
    ...                    "back": [1, 1, 0, 1, 0, 0]})
    >>> table = effect(df, outcome="days", event="back", arm="arm", control="B", tau=90,
    ...                measure="rmst_difference").to_frame()
    >>> round(table["estimate"].item(), 3)
    -6.667
    """
    event = _events(sample, request)
    if request.measure == "rmst_difference":
        check_adjustment(
            sample, request, ("none",), "Make strata of the covariates, or use a hazard ratio."
        )
        return _restricted_means(sample, request, event)
    check_adjustment(
        sample, request, ("none", "ancova"), "evalkit.survival standardises survival curves."
    )
    return _hazard_ratio(sample, request, event)


def _events(sample: TrialSample, request: EffectRequest) -> IntArray:
    """Read the events of the rows used."""
    if request.event is None:
        raise InputError.of(
            "event",
            required=f"the column that says whether the event was seen, for {request.measure!r}",
            got="None",
        )
    values = numbers(request.df, request.event, "event")
    wrong = np.zeros(len(values), dtype=np.bool_)
    wrong[sample.rows] = ~np.isin(values[sample.rows], (0.0, 1.0))
    if wrong.any():
        raise InputError.of(
            "event",
            required=f"0 or 1 ({request.event!r})",
            got=", ".join(f"{value:g}" for value in np.unique(values[wrong])[:5]),
            where=rows_where(request.df, wrong),
            remedy="1 where the event was seen, 0 where the time is censored.",
        )
    return values[sample.rows].astype(np.int64)


def _hazard_ratio(sample: TrialSample, request: EffectRequest, event: IntArray) -> TrialEffect:
    """Fit Cox's model."""
    counts = np.bincount(sample.arm, event, minlength=len(sample.arm_levels))
    for code, label in enumerate(sample.arm_levels):
        if counts[code] == 0:
            raise InputError.of(
                "event",
                required="seen for somebody in every arm, for a hazard ratio",
                got=f"no event among {sample.n_analysed[code]} in {label!r}",
                remedy='The hazard ratio is 0 or infinite; measure="rmst_difference" exists.',
            )
    grouped = sample.cluster is not None
    kind = check_vcov(request, ("CR1",) if grouped else ("model", "HC0"), clustered=grouped)
    check_clusters(sample)
    fit = _fit(sample, event)
    arms = len(sample.arm_levels) - 1
    variance = fit.variance
    moves = score_residuals(fit) @ fit.variance
    if kind == "HC0":
        w = np.ones(sample.n) if sample.weights is None else sample.weights
        variance = (moves / w[:, None]).T @ moves
    rows: list[Row] = []
    for j in range(arms):
        spread, df = float(variance[j, j]), np.inf
        if kind == "CR1":
            spread, df = clustered(sample, moves[:, j])
        extra = {"events": int(counts[j + 1]), "events_control": int(counts[0])}
        rows.append(ratio_row(float(fit.coefficients[j]), spread, df, request.level, extra))
    said = {
        "model": "model-based variance",
        "HC0": "robust variance (HC0)",
        "CR1": "CR1 variance, Satterthwaite",
    }[kind]
    by = "" if sample.strata is None else ", stratified baseline hazards"
    conditional = sample.covariates is not None
    return finish(
        sample,
        request,
        rows,
        summary="hazard ratio" + (" given the covariates (conditional)" if conditional else ""),
        scale="ratio",
        method=f"Cox regression, ties by Efron{by}, {said}",
        notes=(f"Covariates: {', '.join(sample.covariates.names)}.",)
        if sample.covariates is not None
        else (),
    )


def _fit(sample: TrialSample, event: IntArray) -> CoxFit:
    """Fit Cox's model, and refuse what cannot be estimated."""
    risk = risk_sets(
        sample.outcome,
        event,
        strata=sample.strata,
        n_strata=max(len(sample.strata_levels), 1),
        weights=sample.weights,
    )
    codes = range(1, len(sample.arm_levels))
    arms = np.column_stack([(sample.arm == code).astype(np.float64) for code in codes])
    matrix = np.asfortranarray(np.column_stack([arms, sample.matrix]))
    names = [str(label) for label in sample.arm_levels[1:]]
    names += [] if sample.covariates is None else list(sample.covariates.names)
    data = prepare(risk, matrix)
    null = moments(data, np.zeros(len(names)))
    info = information(data, null)
    found = dependent(data, null, info)
    if found:
        raise InputError.of(
            "covariates",
            required="columns that vary among those at risk, and that others do not determine",
            got=", ".join(repr(names[j]) for j, _ in found[:5]),
            remedy="Leave them out, or combine strata.",
        )
    fit = fit_cox(data, null=null, null_information=info)
    if fit.infinite.any() or not fit.converged:
        some = ", ".join(repr(names[j]) for j in np.flatnonzero(fit.infinite).tolist())
        raise InputError.of(
            "outcome",
            required="times that arms and covariates do not separate",
            got=f"infinite estimates of {some}" if some else "iterations that did not end",
            remedy='Leave out covariates that do, or use measure="rmst_difference".',
        )
    return fit


def _restricted_means(sample: TrialSample, request: EffectRequest, event: IntArray) -> TrialEffect:
    """Compare areas under Kaplan-Meier curves, stratum by stratum."""
    tau = float(request.tau) if isinstance(request.tau, Real) else np.nan
    if not (tau > 0 and np.isfinite(tau)):
        raise InputError.of(
            "tau",
            required="the positive time up to which means are taken, for 'rmst_difference'",
            got=repr(request.tau),
            remedy="Choose it beforehand, within the follow-up of every arm.",
        )
    grouped = sample.cluster is not None
    kind = check_vcov(request, ("CR1",) if grouped else ("greenwood",), clustered=grouped)
    check_clusters(sample)
    kept = without_one_armed_strata(sample)
    event = event[np.isin(sample.rows, kept.rows)]
    sample = kept
    w = np.ones(sample.n) if sample.weights is None else sample.weights
    strata = np.zeros(sample.n, dtype=np.int64) if sample.strata is None else sample.strata
    share = np.bincount(strata, w) / w.sum()
    size = len(sample.arm_levels)
    mean, variance = np.zeros(size), np.zeros(size)
    influence = np.zeros((sample.n, size))
    for stratum in np.flatnonzero(share > 0).tolist():
        for code in range(size):
            inside = (strata == stratum) & (sample.arm == code)
            if not inside.any():
                raise InputError.of(
                    "strata",
                    required="strata that hold every arm, for restricted means",
                    got=f"{sample.strata_levels[stratum]!r} without {sample.arm_levels[code]!r}",
                    remedy="Combine strata.",
                )
            value, spread, moves = _area(sample, event, w, inside, tau)
            mean[code] += share[stratum] * value
            variance[code] += share[stratum] ** 2 * spread
            influence[inside, code] = share[stratum] * moves
    counts = np.bincount(sample.arm, event, minlength=size).tolist()
    rows: list[Row] = []
    for code in range(1, size):
        spread, df = float(variance[code] + variance[0]), np.inf
        if kind == "CR1":
            spread, df = clustered(sample, influence[:, code] - influence[:, 0])
        extra = {
            "tau": tau,
            "mean": float(mean[code]),
            "mean_control": float(mean[0]),
            "events": int(counts[code]),
            "events_control": int(counts[0]),
        }
        difference = float(mean[code] - mean[0])
        rows.append(difference_row(difference, spread, df, request.level, extra))
        if spread == 0:
            warn(f"{sample.contrasts[code - 1]}: no event by tau, and so no variance.")
    said = "Greenwood's variance" if kind == "greenwood" else "CR1 variance, Satterthwaite"
    by = "" if sample.strata is None else " in strata weighted by size"
    return finish(
        sample,
        request,
        rows,
        summary=f"difference in restricted mean time up to {tau:g}",
        scale="difference",
        method=f"Areas under Kaplan-Meier curves{by}, {said}",
    )


def _area(
    sample: TrialSample, event: IntArray, w: FloatArray, inside: BoolArray, tau: float
) -> tuple[float, float, FloatArray]:
    """Return one curve's restricted mean, its variance and what each row adds to it."""
    time, died = sample.outcome[inside], event[inside]
    curve = product_limit(event_times(time, died, 1, weights=w[inside]))
    if tau > curve.end * (1 + TIE):
        label = sample.arm_levels[int(sample.arm[inside][0])]
        raise InputError.of(
            "tau",
            required=f"within the follow-up of every arm; {label!r} ends at {curve.end:g}",
            got=f"{tau:g}",
            remedy="Choose an earlier horizon (in strata, one that every stratum reaches).",
        )
    alone = np.arange(len(time), dtype=np.int64)
    rows = CurveRows.of(index_times(time), died, w[inside], alone, len(time))
    moves = restricted_mean(curve, tau, rows).influence
    assert moves is not None
    plain = restricted_mean(curve, tau)
    return plain.value, plain.variance, moves
