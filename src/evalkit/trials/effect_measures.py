"""The effect of a trial in any measure: reads the columns once, and hands them to the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, check_known
from evalkit.kernels.least_squares import WeightsKind
from evalkit.trials.effect_inputs import check_arguments, check_time_arguments
from evalkit.trials.estimand import Estimand
from evalkit.trials.requests import ADJUSTMENTS, Adjustment, EffectRequest
from evalkit.trials.sample_checks import without_weightless
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import OutcomeKind, TrialSample, as_formula, read_trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "Estimator", "Measure", "effect", "prepare_effect"]

Measure: TypeAlias = Literal[
    "difference",
    "risk_difference",
    "risk_ratio",
    "odds_ratio",
    "nnt",
    "proportional_odds",
    "probabilistic_index",
    "win_ratio",
    "rate_ratio",
    "hazard_ratio",
    "rmst_difference",
]
"""What the effect is measured in."""

Estimator: TypeAlias = Callable[[TrialSample, EffectRequest], TrialEffect]
"""What every method is: the rows and the request in, the effects out."""

_METHODS: dict[str, tuple[OutcomeKind, str, str]] = {
    "difference": ("number", "linear_effects", "linear_effect"),
    "risk_difference": ("binary", "binary_effects", "binary_effect"),
    "risk_ratio": ("binary", "binary_effects", "binary_effect"),
    "odds_ratio": ("binary", "binary_effects", "binary_effect"),
    "nnt": ("binary", "binary_effects", "binary_effect"),
    "proportional_odds": ("ordinal", "ordinal_effects", "ordinal_effect"),
    "probabilistic_index": ("ordinal", "ordinal_effects", "ordinal_effect"),
    "win_ratio": ("ordinal", "ordinal_effects", "ordinal_effect"),
    "rate_ratio": ("count", "count_effects", "count_effect"),
    "hazard_ratio": ("duration", "time_effects", "time_effect"),
    "rmst_difference": ("duration", "time_effects", "time_effect"),
}  # kind of outcome, module and function; imported when first asked for

MEASURES: tuple[str, ...] = tuple(_METHODS)
"""The measures that :func:`effect` knows."""


def effect(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    measure: Measure = "difference",
    covariates: Names | None = None,
    adjustment: Adjustment = "none",
    strata: Names | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    vcov: str | None = None,
    level: float = 0.95,
    event: str | None = None,
    tau: float | None = None,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
    exposure: str | None = None,
    weights_kind: WeightsKind = "case",
) -> TrialEffect:
    r"""Estimate what an arm did to an outcome, compared with the control arm as randomised.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised; it is not changed.
    outcome : str
        Column with the outcome; for time outcomes the time until the event or the end of
        follow-up.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm. Every other arm is compared with it.
    measure : str, default "difference"
        "difference" (in means); for outcomes of 0 and 1 "risk_difference", "risk_ratio",
        "odds_ratio" or "nnt"; for ordered outcomes "proportional_odds", "probabilistic_index" or
        "win_ratio"; for counts "rate_ratio"; for times "hazard_ratio" or "rmst_difference".
    covariates : str or sequence of str, optional
        Baseline covariates: the right-hand side of a formula, or columns.
    adjustment : {"none", "ancova", "lin", "standardised"}
        How covariates and strata enter; see Notes.
    strata : str or sequence of str, optional
        Columns that make up the strata of the randomisation.
    cluster : str, optional
        Column with clusters, such as groups or municipalities. A row where it is missing stands
        alone.
    weights : str, optional
        Column with weights.
    vcov : str, optional
        Variance, or method of the interval. For differences in means "HC2" (the default), "HC0",
        "HC1", "HC3" or "classical" without clusters, "CR2" (the default), "CR0", "CR1", "CR1S"
        (Stata) or "CR3" with. For other measures see the table in Notes.
    level : float, default 0.95
        Confidence level.
    event : str, optional
        Column that says whether the event was seen (1) or not (0); times only.
    tau : float, optional
        Time up to which the restricted mean is taken; "rmst_difference" only.
    higher : {"better", "worse"}, optional
        What a higher outcome means for the person; printed with the contrast.
    estimand : Estimand, optional
        What is estimated. By default: all randomised, arms as randomised.
    unit : str, optional
        Column that identifies persons; repeated values are an error.
    exposure : str, optional
        Column with the time that each count was taken over; "rate_ratio" only.
    weights_kind : {"case", "sampling"}
        Whether a weight of 2 stands for two persons alike, or for one who represents two (such
        as an inverse probability of being followed up); "sampling" for "difference" only.

    Returns
    -------
    TrialEffect
        One row for each arm but the control arm: ``term`` is the measure, ``contrast`` is
        "arm - control"; ratios are on the ratio scale with ``std_error`` on the log scale, as
        ``scale`` says.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, an argument does not go with the
        measure or would have no influence, an arm is missing or has no outcome, or a variance is
        not identified: an arm with one person or one cluster.

    Warns
    -----
    TrialWarning
        If strata without both arms were left out, or there are fewer than five clusters in an
        arm or degrees of freedom.

    Notes
    -----
    Rows without an outcome or covariate are left out, counted by reason and arm, and printed.
    For differences in means:

    - ``adjustment="none"``: Welch's test [1]_. With strata, the strata's differences averaged by
      their size n_s, :math:`\sum_s (n_s/n)(\bar y_{1s} - \bar y_{0s})`, an average effect in the
      trial's persons.
    - "ancova": one slope for all arms, strata as indicators. With strata this weighs strata by
      their information rather than by their size.
    - "lin": slopes that differ between arms, covariates centred on the rows analysed [2]_; never
      less precise in large samples, whether or not the model is true.
    - "standardised": as "lin", with a variance that also counts that the covariates are a
      sample's: an effect in the population that persons came from, not only in them.

    What ``vcov`` may be for the other measures, the default first:

    ================================  ============================================================
    Measure and adjustment            ``vcov``
    ================================  ============================================================
    risk_difference, nnt              miettinen-nurminen, mee, newcombe, agresti-caffo, exact,
                                      mid-p, HC2
    risk_ratio                        miettinen-nurminen, koopman, exact, mid-p, HC2
    odds_ratio                        miettinen-nurminen, cornfield, exact, mid-p, HC2
    these with clusters               CR2
    risk_difference, nnt in strata    miettinen-nurminen, sato, greenland-robins
    risk_ratio in strata              greenland-robins
    odds_ratio in strata              robins-breslow-greenland
    any of these, standardised, lin   Ye; with clusters CR1
    odds_ratio, ancova                model, HC2, HC3, HC0, HC1; with clusters CR1
    risk_ratio, ancova                HC2, HC3, HC0, HC1; with clusters CR1
    rate_ratio                        HC2, HC3, HC0, HC1, model, quasi; without covariates and
                                      strata exact, mid-p; with clusters CR1
    rate_ratio, standardised, lin     Ye; with clusters CR1
    proportional_odds, hazard_ratio   model, HC0; with clusters CR1
    probabilistic_index, win_ratio    brunner-munzel; with clusters CR1
    rmst_difference                   greenwood; with clusters CR1
    ================================  ============================================================

    Anything else is refused with the list of what there is. The methods are described at
    :func:`evalkit.trials.binary_effects.binary_effect`,
    :func:`evalkit.trials.ordinal_effects.ordinal_effect`,
    :func:`evalkit.trials.count_effects.count_effect` and
    :func:`evalkit.trials.time_effects.time_effect`. Rows of weight 0 stand for nobody, and are
    left out.

    Robust variances and their Satterthwaite degrees of freedom (Bell and McCaffrey's, under
    independent errors) [3]_ are computed without matrices as large as a cluster; persons alone
    are clusters of one, for which CR2 is HC2. With clusters in one arm only, CR2 remains valid
    where mixed models need care. An arm whose outcomes all come from one cluster is refused, and
    so is a variance where one cluster or person alone decides a part of the effect, as the only
    one of an arm in a stratum does where strata have effects of their own.

    In R: ``t.test``; ``estimatr::lm_robust`` and ``lm_lin`` (same estimates and standard errors;
    degrees of freedom n - k for HC2); ``clubSandwich::coef_test``.

    References
    ----------
    .. [1] Welch BL (1947). The generalization of 'Student's' problem when several different
       population variances are involved. Biometrika 34:28-35. doi:10.1093/biomet/34.1-2.28
    .. [2] Lin W (2013). Agnostic notes on regression adjustments to experimental data:
       reexamining Freedman's critique. Ann Appl Stat 7:295-318. doi:10.1214/12-AOAS583
    .. [3] Pustejovsky JE, Tipton E (2018). Small-sample methods for cluster-robust variance
       estimation and hypothesis testing in fixed effects models. J Bus Econ Stat 36:672-683.
       doi:10.1080/07350015.2016.1247004

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["ReDO"] * 4 + ["kontroll"] * 4,
    ...         "mastery": [22, 25, 19, 24, 18, 21, None, 17],
    ...     }
    ... )
    >>> effect(df, outcome="mastery", arm="arm", control="kontroll", higher="better")
    Difference in means, ReDO - kontroll, higher = better
    Welch's t test; 95 % intervals
    Analysed of randomised: ReDO 4 of 4, kontroll 3 of 4; 1 dropped (missing mastery: 1)
    term        contrast         estimate  std_error  p_value  conf_low  conf_high  n  scale
    difference  ReDO - kontroll    3.8333     1.7873   0.0854   -0.7768     8.4435  7  difference
    """
    sample, request, estimate = prepare_effect(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        measure=measure,
        covariates=covariates,
        adjustment=adjustment,
        strata=strata,
        cluster=cluster,
        weights=weights,
        vcov=vcov,
        level=level,
        event=event,
        tau=tau,
        higher=higher,
        estimand=estimand,
        unit=unit,
        exposure=exposure,
        weights_kind=weights_kind,
    )
    return estimate(sample, request)


def prepare_effect(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    measure: Measure,
    covariates: Names | None,
    adjustment: Adjustment,
    strata: Names | None,
    cluster: str | None,
    weights: str | None,
    vcov: str | None,
    level: float,
    event: str | None,
    tau: float | None,
    higher: Higher | None,
    estimand: Estimand | None,
    unit: str | None,
    exposure: str | None,
    weights_kind: WeightsKind,
    known: Mapping[str, Names] | None = None,
) -> tuple[TrialSample, EffectRequest, Estimator]:
    """Check the arguments of :func:`effect`, and read the sample that its method needs.

    Parameters
    ----------
    df, outcome, arm, control, measure, covariates, adjustment, strata, cluster, weights, vcov, \
level, event, tau, higher, estimand, unit, exposure, weights_kind : object
        As in :func:`effect`.
    known : mapping of str to str or sequence of str, optional
        Further arguments of the caller that must be columns.

    Returns
    -------
    sample : TrialSample
        The rows.
    request : EffectRequest
        The other choices.
    estimate : callable
        The function that takes both and estimates.
    """
    check_choice("measure", measure, MEASURES)
    check_choice("adjustment", adjustment, ADJUSTMENTS)
    level = check_level(level)
    if strata is not None and not isinstance(strata, str):
        strata = list(strata)  # so that an empty one, of whatever kind, is as none
    if higher is not None:
        check_choice("higher", higher, ("better", "worse"))
    check_arguments(
        measure,
        adjustment,
        adjustable=as_formula(covariates) is not None,
        stratified=bool(strata),
        weighted=weights is not None,
        weights_kind=weights_kind,
    )
    check_time_arguments(measure, event=event, tau=tau, exposure=exposure)
    kind, module, function = _METHODS[measure]
    if known:
        check_known(df, **known)
    sample = read_trial(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        kind=kind,
        covariates=covariates,
        strata=strata or None,
        cluster=cluster,
        weights=weights,
        unit=unit,
        extra_columns=[name for name in (event, exposure) if name is not None],
    )
    sample = without_weightless(sample)
    request = EffectRequest(
        outcome=outcome,
        measure=measure,
        adjustment=adjustment,
        vcov=vcov,
        level=level,
        higher=higher,
        estimand=estimand,
        event=event,
        tau=tau,
        df=df,
        exposure=exposure,
        weights_kind=weights_kind,
    )
    estimate = cast("Estimator", getattr(import_module(f"evalkit.trials.{module}"), function))
    return sample, request, estimate
