"""Differences in means: unadjusted, stratified, and adjusted by linear models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.least_squares import LeastSquares, least_squares
from evalkit.kernels.mean_differences import cell_moments, stratified_difference, welch
from evalkit.kernels.sandwich import CLUSTERED, UNCLUSTERED, Sandwich, sandwich
from evalkit.kernels.student import student
from evalkit.trials.linear_design import LinearDesign, ancova_design, cell_design, lin_design
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import (
    check_clusters,
    check_persons,
    cluster_note,
    warn_few,
    without_one_armed_strata,
)
from evalkit.trials.trial_result import TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray, IntArray

__all__ = ["design_of", "fit_linear", "linear_effect", "refuse_undecided", "variance_kind"]

_ROUNDING = 1e-13
_VARIANCES = {
    "classical": "variance under equal spread",
    "CR1S": "CR1 variance with Stata's factor",
}


def linear_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    """Estimate differences in means of every arm and the control arm.

    Parameters
    ----------
    sample : TrialSample
        The rows, read for an outcome of numbers.
    request : EffectRequest
        The adjustment ("none", "ancova", "lin" or "standardised"), the variance and the rest.

    Returns
    -------
    TrialEffect
        One row for each arm but the control arm, with term ``difference``. The method is said
        in full at :func:`evalkit.trials.effect_measures.effect`.

    Raises
    ------
    evalkit.errors.InputError
        If an arm has a single person or cluster, a stratum's variance is not identified, a
        covariate adds nothing to the others, or the variance does not fit the data.

    Warns
    -----
    TrialWarning
        If strata without both arms were left out, or there are fewer than five clusters in an
        arm or degrees of freedom.
    """
    kind = variance_kind(request.vcov, clustered=sample.cluster is not None)
    check_persons(sample)
    sample = without_one_armed_strata(sample)
    check_clusters(sample)
    if (
        request.adjustment == "none"
        and kind == "HC2"
        and (sample.weights is None or request.weights_kind == "case")
    ):
        columns, method, notes = _means(sample, request.level)
    else:
        columns, method, notes = _model(sample, request, kind)
    if sample.cluster is not None:
        notes = [cluster_note(sample), _df_note(columns["df"]), *notes]
        warn_few(columns["df"], sample.contrasts, sample)
    if not np.isfinite(columns["statistic"]).all():
        notes.append(
            "The outcome does not vary within the arms, or is fitted exactly: there is no test."
        )
    return TrialEffect.from_sample(
        {
            "term": "difference",
            "contrast": list(sample.contrasts),
            **columns,
            "n": [n + sample.n_analysed[0] for n in sample.n_analysed[1:]],
            "scale": "difference",
        },
        sample,
        attributes=request.estimand
        or as_randomised(sample, outcome=request.outcome, summary="difference in means"),
        higher=request.higher,
        method=method,
        level=request.level,
        notes=notes,
    )


def variance_kind(asked: str | None, *, clustered: bool) -> str:
    """Return the variance to use: CR2 with clusters and HC2 without, unless asked for another.

    Parameters
    ----------
    asked : str or None
        What the caller asked for.
    clustered : bool
        Whether rows belong to clusters.

    Returns
    -------
    str
        The kind.

    Raises
    ------
    evalkit.errors.InputError
        If there is no such kind, or it does not go with the data.
    """
    if asked is None:
        return "CR2" if clustered else "HC2"
    if asked not in (*UNCLUSTERED, *CLUSTERED):
        choices = ", ".join(repr(kind) for kind in (*UNCLUSTERED, *CLUSTERED))
        raise InputError.of("vcov", required=f"one of {choices}", got=repr(asked))
    if clustered and asked in UNCLUSTERED:
        raise InputError.of(
            "vcov",
            required="a variance for clusters, such as 'CR2', where `cluster` is given",
            got=repr(asked),
            remedy="It would treat persons of a cluster as independent.",
        )
    if not clustered and asked in CLUSTERED:
        raise InputError.of(
            "vcov",
            required="a variance for rows that stand alone, such as 'HC2', without `cluster`",
            got=repr(asked),
            remedy="Name the column with the clusters in `cluster`.",
        )
    return asked


def design_of(sample: TrialSample, request: EffectRequest) -> LinearDesign:
    """Return the design of an adjustment.

    Parameters
    ----------
    sample : TrialSample
        The rows.
    request : EffectRequest
        The adjustment.

    Returns
    -------
    LinearDesign
        The design, with the contrasts that are the effects.
    """
    if request.adjustment == "none":
        return cell_design(sample)
    return ancova_design(sample) if request.adjustment == "ancova" else lin_design(sample)


def fit_linear(sample: TrialSample, request: EffectRequest) -> tuple[LinearDesign, LeastSquares]:
    """Fit the linear model of an adjustment.

    Parameters
    ----------
    sample : TrialSample
        The rows.
    request : EffectRequest
        The adjustment and the kind of weights.

    Returns
    -------
    LinearDesign
        The design, with the contrasts that are the effects.
    LeastSquares
        The fit.
    """
    made = design_of(sample, request)
    fit = least_squares(made.matrix, sample.outcome, sample.weights, request.weights_kind)
    return made, fit


def refuse_undecided(result: Sandwich, contrasts: Sequence[str], sample: TrialSample) -> None:
    """Refuse contrasts of which a single cluster or person decides a part.

    Parameters
    ----------
    result : Sandwich
        The contrasts with their variance.
    contrasts : sequence of str
        What they are called.
    sample : TrialSample
        The rows: whether they belong to clusters, and have strata, is for the message.

    Raises
    ------
    evalkit.errors.InputError
        If there are any: their variance is not identified.
    """
    if not result.undecided.any():
        return
    one = "person" if sample.cluster is None else "cluster"
    argument = "covariates" if sample.strata is None else "strata"
    raise InputError.of(
        argument if sample.cluster is None else "cluster",
        required=f"at least two {one}s of each arm in every stratum, or wherever else the model "
        "gives the arm a mean of its own",
        got=f"a single {one} that decides a part of the effect: its variance is not identified",
        where=(contrasts[int(i)] for i in np.flatnonzero(result.undecided)),
        remedy="Merge strata or levels, or use adjustment='ancova', which shares slopes.",
    )


def _means(sample: TrialSample, level: float) -> tuple[dict[str, FloatArray], str, list[str]]:
    """Compare means, each with its own variance."""
    n_arms = len(sample.arm_levels)
    if sample.strata is None:
        result = welch(cell_moments(sample.outcome, sample.arm, n_arms, sample.weights))
        columns = student(result.estimate, result.std_error, result.df, level)
        return columns, "Welch's t test", []
    cell: IntArray = sample.strata * n_arms + sample.arm
    n_strata = len(sample.strata_levels)
    moments = cell_moments(sample.outcome, cell, n_strata * n_arms, sample.weights)
    result = stratified_difference(moments.reshape(n_strata, n_arms))
    lone = [repr(sample.strata_levels[int(i)]) for i in np.flatnonzero(result.pooled)]
    if np.isnan(result.std_error).any():
        raise InputError.of(
            "strata",
            required="two persons from each arm in every stratum, or at least three strata "
            "without, none of them larger than the others together",
            got=f"{len(lone)} strata with one person in an arm",
            where=lone,
            remedy="Merge strata, or use adjustment='ancova', which needs no variance within.",
        )
    notes: list[str] = []
    if lone:
        notes.append(
            f"{len(lone)} strata have one person in an arm: their variance comes from the spread "
            "of their differences."
        )
    columns = student(result.estimate, result.std_error, result.df, level)
    method = "Stratum differences by stratum size, Satterthwaite df"
    return columns, method, notes


def _model(
    sample: TrialSample, request: EffectRequest, kind: str
) -> tuple[dict[str, FloatArray], str, list[str]]:
    """Estimate by a linear model."""
    made, fit = fit_linear(sample, request)
    result = sandwich(fit, kind, cluster=sample.cluster, contrasts=made.contrasts)
    refuse_undecided(result, sample.contrasts, sample)
    notes: list[str] = []
    if request.adjustment == "standardised":
        result = _with_sampled_covariates(result, sample, request, made, fit)
    variance = _VARIANCES.get(kind, f"{kind} variance")
    degrees = "" if kind == "classical" else ", Satterthwaite df"
    named = _adjusted_for(sample)
    if request.adjustment == "none":
        how = "Means" if sample.strata is None else "Stratum differences by stratum size"
    elif request.adjustment == "ancova":
        how = "ANCOVA"
        notes.append(f"Adjusted for {named}, with the same slopes in all arms.")
    else:
        how = "Lin's ANCOVA" if request.adjustment == "lin" else "Linear standardisation"
        notes.append(f"Adjusted for {named}, centred, with slopes of its own in each arm.")
        if request.adjustment == "standardised":
            notes.append("The variance counts that the covariates are those of a sample.")
    if sample.cluster is not None:
        variance += " by cluster"
    return result.columns(request.level), f"{how}, {variance}{degrees}", notes


def _adjusted_for(sample: TrialSample) -> str:
    """Name what the effects are adjusted for."""
    parts = [] if sample.covariates is None else [sample.covariates.coding.formula]
    if sample.strata is not None:
        parts.append("strata")
    return " and ".join(parts)


def _with_sampled_covariates(
    result: Sandwich,
    sample: TrialSample,
    request: EffectRequest,
    made: LinearDesign,
    fit: LeastSquares,
) -> Sandwich:
    r"""Add to the variance that the covariates' means are those of a sample.

    With slopes that differ by :math:`\delta` between two arms, the average effect in the
    population varies with :math:`\bar x'\delta`; clusters share their part of it.
    """
    p = made.centred.shape[1]
    n_arms = len(sample.arm_levels)
    weights = np.ones(sample.n) if sample.weights is None else sample.weights
    total = weights.sum()
    error, df = result.std_error.copy(), result.df.copy()
    coordinates = fit.solve(made.contrasts)
    scaled = fit.residuals * np.sqrt(weights)
    for arm in range(1, n_arms):
        first = n_arms + arm * p  # after intercept, arms, covariates and the arms before
        shift = made.centred @ fit.coefficients[first : first + p]
        if np.abs(shift).max() <= _ROUNDING * np.abs(sample.outcome).max():
            shift = np.zeros_like(shift)  # slopes that differ by rounding only
        if sample.cluster is None:
            if sample.weights is not None and request.weights_kind == "sampling":
                n = float(np.count_nonzero(weights))
                extra = n / (n - 1) * float((weights * shift) @ (weights * shift)) / total**2
            else:
                n = total
                extra = float(weights @ shift**2) / (total * (total - 1))
        else:
            n = float(result.n_clusters)
            moved = np.bincount(sample.cluster, weights=weights * shift) / total
            own = np.bincount(
                sample.cluster, weights=(fit.basis @ coordinates[:, arm - 1]) * scaled
            )
            extra = n / (n - 1) * float(moved @ moved + 2 * (moved @ own))
        within = error[arm - 1] ** 2
        both = max(within + extra, 0.0)
        parts = within**2 / df[arm - 1] + extra**2 / (n - 1)
        error[arm - 1] = np.sqrt(both)
        df[arm - 1] = both**2 / parts if parts > 0 else np.nan
    return replace(result, std_error=error, df=df)


def _df_note(df: FloatArray) -> str:
    """Say how many degrees of freedom there are, where they tell how far clusters carry."""
    return f"Degrees of freedom: {', '.join(f'{value:.1f}' for value in df)}."
