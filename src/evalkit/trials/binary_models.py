r"""Effects on a binary outcome or a count with covariates: standardised means, conditional ratios.

*Standardised* ("g-computation"): a logistic (for counts a Poisson) model of outcome on arm, strata
and covariates predicts everybody in every arm; the means of the predictions are compared. The
difference, ratio or odds ratio is then marginal: of the same kind as the unadjusted one, only more
precise. The variance counts that the covariates are drawn with the persons, and holds whether or
not the model does: see :mod:`evalkit.kernels.arm_means`.

*Conditional* ("ancova"): the ratio that the model says two persons with equal covariates differ by.
A conditional odds ratio is farther from 1 than the marginal one, also in a randomised trial.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.arm_means import standardised_influence, standardised_means
from evalkit.kernels.glm import Family, GlmFit, fit_glm, influence, mean_of, sandwich
from evalkit.trials.effect_columns import Row, difference_row, finish, needed_to_treat, ratio_row
from evalkit.trials.effect_inputs import (
    ArmDesign,
    arm_design,
    check_vcov,
    clustered,
    refuse_dependent,
    refuse_separated,
    weight_of,
)
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import check_clusters, check_persons
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import BoolArray, FloatArray

__all__ = ["conditional_effect", "standardised_effect"]

_MARGINAL = {
    "risk_difference": "marginal risk difference",
    "risk_ratio": "marginal risk ratio",
    "odds_ratio": "marginal odds ratio",
    "nnt": "number needed to treat for one more with the outcome (marginal)",
    "rate_ratio": "ratio of marginal means",
}
_CONDITIONAL = {
    "risk_ratio": "risk ratio given the covariates (conditional)",
    "odds_ratio": "odds ratio given the covariates (conditional)",
}
_INSTEAD = (
    'adjustment="none" gives an interval that exists at empty cells; or leave the covariate out, '
    "or merge its levels."
)


class _Prediction(NamedTuple):
    """Fitted means of everybody in every arm, and how many coefficients they took."""

    fitted: FloatArray
    used: int


def standardised_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    r"""Compare the means that a model predicts for everybody in each arm.

    Parameters
    ----------
    sample : TrialSample
        The trial, with covariates or strata.
    request : EffectRequest
        ``adjustment`` is "standardised" (one model with an effect of each arm) or "lin" (a model
        for each arm, so that every covariate may work differently there). ``measure`` is that of
        a binary outcome, or "rate_ratio".

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra columns ``scale``, ``risk`` and
        ``risk_control`` (for counts ``mean`` and ``mean_control``): the standardised means.

    Raises
    ------
    evalkit.errors.InputError
        If outcomes are separated, covariates dependent, or an arm has one cluster.

    Notes
    -----
    Without clusters the variance is Ye and others' (2023), doi:10.1080/24754269.2023.2205802, and
    tests and intervals have n - p degrees of freedom, p the coefficients of the model. With
    clusters the rows' influence is summed within them: ``CR1``, with Satterthwaite's degrees of
    freedom from the clusters of each arm. Ratios are tested on the log scale. Stratified
    randomisation makes the variance, if anything, too large unless the strata are in the model.

    R: ``RobinCar2::robin_glm`` (without clusters).
    """
    family: Family = "poisson" if request.measure == "rate_ratio" else "binomial"
    kinds = ("CR1",) if sample.cluster is not None else ("Ye",)
    check_vcov(request, kinds, clustered=sample.cluster is not None)
    check_clusters(sample)
    check_persons(sample)
    design = arm_design(sample)
    weight = weight_of(sample)
    prediction = _predict(sample, request, design, family)
    means = standardised_means(sample.outcome, sample.arm, prediction.fitted, weight)
    moves = standardised_influence(sample.outcome, sample.arm, prediction.fitted, weight)
    suffix = "mean" if family == "poisson" else "risk"
    df = float(weight.sum()) - prediction.used
    rows: list[Row] = []
    for code in range(1, design.n_arms):
        p1, p0 = float(means.mean[code]), float(means.mean[0])
        gradient = np.zeros(design.n_arms)
        gradient[code], gradient[0] = _slope(request.measure, p1), -_slope(request.measure, p0)
        if sample.cluster is None:
            variance = float(gradient @ means.variance @ gradient)
        else:
            variance, df = clustered(sample, moves @ gradient)
        extra = {suffix: p1, f"{suffix}_control": p0}
        if request.measure in ("risk_difference", "nnt"):
            row = difference_row(p1 - p0, variance, df, request.level, extra)
            rows.append(needed_to_treat(row) if request.measure == "nnt" else row)
            continue
        log = np.log(p1 / p0)
        if request.measure == "odds_ratio":
            log -= np.log1p(-p1) - np.log1p(-p0)
        rows.append(ratio_row(float(log), variance, df, request.level, extra))
    model = "Poisson" if family == "poisson" else "logistic"
    how = f"a {model} model for each arm" if request.adjustment == "lin" else f"one {model} model"
    spread = (
        "CR1 variance, Satterthwaite"
        if sample.cluster is not None
        else "variance of Ye and others (2023)"
    )
    return finish(
        sample,
        request,
        rows,
        summary=_MARGINAL[request.measure],
        scale={"risk_difference": "difference", "nnt": "number"}.get(request.measure, "ratio"),
        method=f"Standardised over everybody, {how}; {spread}",
        notes=(f"Covariates: {', '.join(design.names[design.n_arms :])}.",),
    )


def _slope(measure: str, p: float) -> float:
    """Return the derivative of the scale that a measure is compared on."""
    if measure in ("risk_difference", "nnt"):
        return 1.0
    return 1 / (p * (1 - p)) if measure == "odds_ratio" else 1 / p


def _predict(
    sample: TrialSample, request: EffectRequest, design: ArmDesign, family: Family
) -> _Prediction:
    """Fit the model, or one for each arm, and predict everybody in every arm."""
    _refuse_constant_arms(sample, request, family)
    arms = range(design.n_arms)
    fitted = np.empty((sample.n, design.n_arms))
    if request.adjustment != "lin":
        fit = _fit(sample, request, design, family, np.ones(sample.n, dtype=np.bool_))
        for code in arms:
            fitted[:, code] = mean_of(family, design.in_arm(code) @ fit.coefficients)
        return _Prediction(fitted, design.matrix.shape[1])
    own = ArmDesign(
        np.column_stack([design.matrix[:, :1], design.rest]),
        ("Intercept", *design.names[design.n_arms :]),
        1,
    )
    for code in arms:
        fit = _fit(sample, request, own, family, sample.arm == code)
        fitted[:, code] = mean_of(family, own.matrix @ fit.coefficients)
    return _Prediction(fitted, design.n_arms * own.matrix.shape[1])


def _fit(
    sample: TrialSample,
    request: EffectRequest,
    design: ArmDesign,
    family: Family,
    rows: BoolArray,
) -> GlmFit:
    """Fit the model to some of the rows, and refuse what cannot be estimated."""
    weights = None if sample.weights is None else sample.weights[rows]
    part = ArmDesign(design.matrix[rows], design.names, design.n_arms)
    fit = fit_glm(family, part.matrix, sample.outcome[rows], weights=weights)
    refuse_dependent(design, fit.dependent)
    refuse_separated(part, sample.outcome[rows], fit.infinite, request, _INSTEAD)
    if not fit.converged:
        raise InputError.of(
            "covariates",
            required="a model whose likelihood has a maximum within reach",
            got="iterations that did not end",
            remedy="Look for covariates on very different scales, or extreme values.",
        )
    return fit


def _refuse_constant_arms(sample: TrialSample, request: EffectRequest, family: Family) -> None:
    """Refuse a model where everybody in an arm has the same outcome."""
    for code, label in enumerate(sample.arm_levels):
        seen = np.unique(sample.outcome[sample.arm == code])
        if len(seen) == 1 and (family == "binomial" or seen[0] == 0):
            raise InputError.of(
                "outcome",
                required="different for some persons of every arm, for a model",
                got=f"{request.outcome} = {seen[0]:g} for all {sample.n_analysed[code]} in "
                f"{label!r}",
                remedy=_INSTEAD,
            )


def conditional_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    """Estimate the ratio that a model says two persons with equal covariates differ by.

    Parameters
    ----------
    sample : TrialSample
        The trial, with covariates or strata.
    request : EffectRequest
        ``measure`` is "odds_ratio", from a logistic model, whose ``vcov`` is "model" (the
        default), "HC0", "HC1", "HC2" or "HC3"; or "risk_ratio", from a Poisson model with a
        robust variance (Zou 2004, doi:10.1093/aje/kwh090), "HC2" by default. With clusters
        "CR1".

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra column ``scale``.

    Raises
    ------
    evalkit.errors.InputError
        If outcomes are separated, covariates dependent, or an arm has one cluster.

    Notes
    -----
    The model-based variance is used with the normal distribution, the robust ones with n - p
    degrees of freedom, and CR1 with Satterthwaite's. R: ``glm(outcome ~ arm + ..., binomial)``.
    """
    odds = request.measure == "odds_ratio"
    robust = ("HC2", "HC3", "HC0", "HC1")
    kinds = ("CR1",) if sample.cluster is not None else ("model", *robust) if odds else robust
    kind = check_vcov(request, kinds, clustered=sample.cluster is not None)
    check_clusters(sample)
    family: Family = "binomial" if odds else "poisson"
    design = arm_design(sample)
    _refuse_constant_arms(sample, request, family)
    fit = _fit(sample, request, design, family, np.ones(sample.n, dtype=np.bool_))
    variance = fit.variance if kind in ("model", "CR1") else sandwich(fit, kind)
    moves = influence(fit)
    df = np.inf if kind == "model" else float(weight_of(sample).sum()) - len(design.names)
    rows: list[Row] = []
    for code in range(1, design.n_arms):
        spread = float(variance[code, code])
        if kind == "CR1":
            spread, df = clustered(sample, moves[:, code])
        rows.append(ratio_row(float(fit.coefficients[code]), spread, df, request.level))
    name = "Logistic regression" if odds else "Poisson model of the risk"
    said = {
        "model": "model-based variance",
        "CR1": "CR1 variance, Satterthwaite",
    }.get(kind, f"robust variance ({kind})")
    return finish(
        sample,
        request,
        rows,
        summary=_CONDITIONAL[request.measure],
        scale="ratio",
        method=f"{name}, {said}",
        notes=(f"Covariates: {', '.join(design.names[design.n_arms :])}.",),
    )
