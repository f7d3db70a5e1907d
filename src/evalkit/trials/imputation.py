"""Effects with missing outcomes imputed: at random, or as in another arm, and shifted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from scipy import special

from evalkit.core.checks import check_choice, check_counts, check_level, resolve_rng
from evalkit.core.columns import Names
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.outcome_draws import OutcomeDraws, draw_outcomes
from evalkit.kernels.rubin import Pooled
from evalkit.kernels.student import student
from evalkit.kernels.visit_models import Rule
from evalkit.trials.estimand import Estimand
from evalkit.trials.imputation_analysis import (
    LinearEffects,
    check_finite,
    pool_tables,
    with_progress,
)
from evalkit.trials.imputation_data import read_incomplete
from evalkit.trials.imputation_resampling import bootstrap, jackknife, refuse_draws
from evalkit.trials.imputation_result import ImputedEffect, missing_columns
from evalkit.trials.imputation_words import (
    SUMMARIES,
    choose_measure,
    imputed_estimand,
    method_text,
    notes_on,
)
from evalkit.trials.incomplete_trial import IncompleteTrial, ValueKind, shifts
from evalkit.trials.sample_checks import warn, warn_few
from evalkit.trials.trial_result import Higher, TrialEffect
from evalkit.trials.trial_sample import TrialWarning
from evalkit.typing import FloatArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["multiple_imputation"]

_INFERENCES = ("rubin", "jackknife", "bootstrap")


def multiple_imputation(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    kind: ValueKind = "number",
    covariates: Names | None = None,
    auxiliary: Names | None = None,
    earlier: Names | None = None,
    method: Rule = "mar",
    reference: object = None,
    after: str | None = None,
    delta: float | Mapping[Any, float] = 0.0,
    measure: str | None = None,
    inference: Literal["rubin", "jackknife", "bootstrap"] = "rubin",
    n_imputations: int = 50,
    n_cycles: int = 10,
    n_bootstrap: int = 1000,
    cluster: str | None = None,
    unit: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    rng: RandomSource = None,
    progress: bool = False,
) -> ImputedEffect:
    r"""Estimate the effect among all randomised, with missing outcomes imputed.

    Missing outcomes are drawn several times, each completed data set is analysed, and the results
    are pooled. What the draws assume of those who left is an argument: that they go on like those
    of their arm who stayed (missing at random), that they do like the reference arm from then on,
    or either with a shift.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised; nobody is dropped.
    outcome : str
        Column with the outcome, missing for some in any arm.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    kind : {"number", "binary", "ordinal"}
        What the outcome is: numbers; 0 and 1; numbers or an ordered category whose order counts.
    covariates : str or sequence of str, optional
        Formula, or columns, of baseline variables. They predict missing outcomes and adjust the
        analysis; numeric, two-valued or ordered ones may be missing themselves.
    auxiliary : str or sequence of str, optional
        Baseline variables that predict missing outcomes and do not adjust the analysis.
    earlier : str or sequence of str, optional
        Columns with earlier measurements after randomisation, in order of time.
    method : {"mar", "jump to reference", "copy increments", "copy reference"}
        What is assumed after the last measurement seen; see Notes.
    reference : object, optional
        Label of the arm that people are taken to continue in; the control arm by default.
    after : str, optional
        True-or-false column: whose missing outcomes follow the method, for instance those who
        broke off. The others are missing at random. Everybody outside the reference arm by
        default.
    delta : float or mapping, default 0
        Added to every imputed outcome: a number for all arms but the control arm, or numbers by
        arm. In the unit of the outcome; in log odds (of a higher level) for levels.
    measure : str, optional
        "difference" for numbers; "risk_difference" (the default), "risk_ratio" or "odds_ratio"
        for binary outcomes; "proportional_odds" (the default), "probabilistic_index",
        "win_ratio" or, if the levels are numbers, "difference" for ordinal ones. Other measures
        than differences are those of :func:`evalkit.trials.effect`.
    inference : {"rubin", "jackknife", "bootstrap"}
        How standard errors are found; see Notes.
    n_imputations : int, default 50
        Number of imputations, at least 2. ``monte_carlo_error`` says if they were enough.
    n_cycles : int, default 10
        Cycles of the chained equations, where several variables are incomplete.
    n_bootstrap : int, default 1000
        Replications of the bootstrap.
    cluster : str, optional
        Column with clusters; missing for those who stand alone. The analysis respects them (CR2;
        the jackknife and the bootstrap take whole clusters), the imputation models do not.
    unit : str, optional
        Column that identifies persons; the index by default. Draws are made in its order, so that
        they do not depend on the order of the rows.
    level : float, default 0.95
        Confidence level.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated; by default the effect of the arms as randomised, under the scenario of
        a reference-based method for those whose outcome is missing. See Notes.
    rng : int, numpy.random.Generator or None
        Source of randomness; a seed makes the result reproducible.
    progress : bool, default False
        Show a progress bar where the work is long.

    Returns
    -------
    ImputedEffect
        One row for each arm but the control arm, with ``relative_increase`` (of the variance by
        the missing values), ``missing_information`` (their share of the information) and
        ``monte_carlo_error`` (of the estimate, by the number of imputations).
        ``completed(i)`` gives the data sets, ``pool(analyse)`` pools any other analysis.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not serve, an arm has too few outcomes for the models, identifiers
        repeat, the method has no meaning for the outcome, an argument would have no effect, or
        a ratio is infinite in an imputation.

    Warns
    -----
    TrialWarning
        If fewer than five degrees of freedom remain, or the analysis of an imputation warns.

    Notes
    -----
    Outcomes that are numbers are regressed in each arm on baseline and earlier measurements, one
    measurement after the other; parameters are drawn from their posterior, then outcomes. With
    one follow-up this is Bayesian regression in each arm. Beyond the last measurement y of a
    person with baseline x, in arm A with reference arm R, the outcome's mean is [1]_

    - mar: the regression in arm A;
    - jump to reference: :math:`\mu_R(x) + w'\{y - \mu_A(x)\}`, w from R's regression;
    - copy increments: that plus :math:`\mu_A - \mu_R` at the last measurement;
    - copy reference: the regression in R.

    Levels are drawn from cumulative logit models of each arm with weakly informative additions
    that keep them finite; "jump to reference" uses R's model given baseline. Incomplete baseline
    variables and gaps between measurements are filled in by chained equations in each arm [2]_.

    What the reference-based methods estimate is the effect had those whose outcome is missing
    gone on as the reference arm: a hypothetical strategy in ICH E9(R1), and the default estimand
    says so. Where that is a guess of what did happen to them (they stopped, and had the usual
    measures), the strategy is treatment policy and the method an assumption about missing values:
    say which by ``estimand``.

    Numbers and risks are compared by linear regression on arm and covariates with HC2 variances
    and Satterthwaite's degrees of freedom, in clusters CR2; pooled by Rubin's rules with the
    degrees of freedom of Barnard and Rubin [3]_, as ``mice::pool`` in R does. For reference-based
    methods Rubin's variance is larger than the variance over repeated trials, because imputer and
    analyst assume different things: it keeps the information of a trial analysed under missing
    at random [4]_, and intervals are conservative. "jackknife" and "bootstrap" impute conditional
    means instead, where nothing is drawn [5]_, and estimate the variance over repeated trials;
    the bootstrap's interval is of percentiles. They need complete baseline variables and no gaps.

    References
    ----------
    .. [1] Carpenter JR, Roger JH, Kenward MG (2013). Analysis of longitudinal trials with
       protocol deviation. J Biopharm Stat 23:1352-1371. doi:10.1080/10543406.2013.834911
    .. [2] White IR, Royston P, Wood AM (2011). Multiple imputation using chained equations.
       Stat Med 30:377-399. doi:10.1002/sim.4067
    .. [3] Barnard J, Rubin DB (1999). Small-sample degrees of freedom with multiple imputation.
       Biometrika 86:948-955. doi:10.1093/biomet/86.4.948
    .. [4] Cro S, Carpenter JR, Kenward MG (2019). Information-anchored sensitivity analysis.
       J R Stat Soc A 182:623-645. doi:10.1111/rssa.12423
    .. [5] Wolbers M, Noci A, Delmar P, Gower-Page C, Yiu S, Bartlett JW (2022). Standard and
       reference-based conditional mean imputation. Pharm Stat 21:1246-1257.
       doi:10.1002/pst.2234

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["ReDO"] * 6 + ["CAU"] * 6,
    ...         "mastery": [21, 24, 20, 23, None, None, 19, 18, 22, 20, 19, None],
    ...     }
    ... )
    >>> multiple_imputation(
    ...     df, outcome="mastery", arm="arm", control="CAU", method="jump to reference",
    ...     inference="jackknife", higher="better",
    ... )
    Difference in means, ReDO - CAU, higher = better
    Missing outcomes by jump to reference, at their conditional means; jackknife; 95 % intervals
    Analysed of randomised: ReDO 6 of 6, CAU 6 of 6
    term        contrast    estimate  std_error  statistic  df  p_value  conf_low  conf_high   n
    difference  ReDO - CAU    1.6000     ...
    Imputed outcomes: ReDO 2 of 6, CAU 1 of 6.
    """
    check_choice("inference", inference, _INFERENCES)
    level = check_level(level)
    for name, value in (("n_cycles", n_cycles), ("n_bootstrap", n_bootstrap)):
        check_counts(name, value, minimum=1)
    check_counts("n_imputations", n_imputations, minimum=2)
    generator = resolve_rng(rng)
    trial = read_incomplete(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        kind=kind,
        covariates=covariates,
        auxiliary=auxiliary,
        earlier=earlier,
        rule=method,
        reference=reference,
        after=after,
        cluster=cluster,
        unit=unit,
    )
    shift = shifts(trial, delta)
    chosen = choose_measure(trial, measure)
    linear = chosen in SUMMARIES
    if inference != "rubin":
        refuse_draws(trial, inference)
        if not linear:
            raise InputError.of(
                "inference",
                required=f"'rubin' with measure={chosen!r}",
                got=repr(inference),
                remedy="Conditional means serve differences only.",
            )
    draws: OutcomeDraws | None = None
    pooled: Pooled | None = None
    sample = trial.sample
    columns: dict[str, object] = {"term": chosen, "contrast": list(sample.contrasts)}
    summary = SUMMARIES.get(chosen, chosen.replace("_", " "))
    if inference == "jackknife":
        found = jackknife(trial, shift, progress=progress)
        warn_few(found[2], sample.contrasts)
        columns |= student(*found, level)
    elif inference == "bootstrap":
        resampled = bootstrap(trial, shift, n_bootstrap, generator, progress=progress)
        columns |= _percentiles(*resampled, level)
    else:
        draws = draw_outcomes(trial.data, n_imputations, generator, n_cycles=n_cycles)
        if linear:
            effects = LinearEffects.of(trial, draws)
            warn_few(effects.df, sample.contrasts)
            pooled = effects.pooled(shift)
            columns |= student(pooled.estimate, np.sqrt(pooled.total), pooled.df, level)
    columns["n"] = sample.n
    notes = notes_on(trial, cluster, inference)
    if draws is not None and not linear:
        tables = _analyses(trial, draws, shift, chosen, (arm, cluster), level, progress)
        columns, pooled, _ = pool_tables(tables, level, "measure")
    attributes = estimand or imputed_estimand(trial, summary, after)
    return _result(
        TrialEffect.from_sample(
            columns | ({} if pooled is None else missing_columns(pooled)),
            sample,
            attributes=attributes,
            higher=higher,
            method=method_text(trial, inference, n_imputations, n_bootstrap, cluster, delta),
            level=level,
            notes=notes,
        ),
        trial,
        draws,
        shift,
    )


def _result(
    effect: TrialEffect, trial: IncompleteTrial, draws: OutcomeDraws | None, shift: FloatArray
) -> ImputedEffect:
    """Join an effect with the imputations behind it."""
    return ImputedEffect(
        effect.data,
        effect.estimand,
        effect.method,
        effect.level,
        effect.n_used,
        effect.n_dropped,
        effect.notes,
        attributes=effect.attributes,
        arms=effect.arms,
        n_imputations=0 if draws is None else draws.latent.shape[1],
        _trial=trial,
        _draws=draws,
        _shift=shift,
    )


def _analyses(
    trial: IncompleteTrial,
    draws: OutcomeDraws,
    shift: FloatArray,
    measure: str,
    names: tuple[str, str | None],
    level: float,
    progress: bool,
) -> list[EffectTable]:
    """Analyse every completed data set by ``effect``."""
    from evalkit.trials.effect_measures import effect

    sample = trial.sample
    values, count = draws.values(shift), draws.latent.shape[1]
    arm, cluster = names
    tables: list[EffectTable] = []
    said: list[str] = []
    for i in with_progress(range(count), progress, count, "imputations"):
        frame = trial.complete(values[:, i], draws.baseline[i if len(draws.baseline) > 1 else 0])
        options: dict[str, Any] = {"covariates": trial.covariates, "cluster": cluster}
        if trial.covariates is not None:
            options["adjustment"] = "standardised" if trial.kind == "binary" else "ancova"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", TrialWarning)
            table = effect(
                frame,
                outcome=trial.outcome,
                arm=arm,
                control=sample.control,
                measure=cast("Any", measure),
                level=level,
                **options,
            )
        said += [str(one.message) for one in caught[:1]]
        tables.append(table)
    check_finite(tables, "measure")
    if said:
        warn(f"In {len(said)} of {count} imputations, for instance: {said[0]}")
    return tables


def _percentiles(
    estimate: FloatArray, replications: FloatArray, level: float
) -> dict[str, FloatArray]:
    """Return the columns of a percentile interval, with the normal test beside it."""
    std_error = (replications - estimate).std(axis=0, ddof=1)
    statistic = estimate / np.where(std_error > 0, std_error, np.nan)
    low, high = np.quantile(replications, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": 2 * special.ndtr(-np.abs(statistic)),
        "conf_low": low,
        "conf_high": high,
    }
