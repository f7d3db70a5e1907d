"""Several arms at once: all with the control arm, or all pairs, with simultaneous intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.errors import InputError
from evalkit.kernels.max_t import MaxT
from evalkit.kernels.sandwich import Sandwich, hotelling, sandwich
from evalkit.kernels.student import student
from evalkit.trials.estimand import Estimand
from evalkit.trials.linear_effects import fit_linear, refuse_undecided, variance_kind
from evalkit.trials.requests import Adjustment, EffectRequest
from evalkit.trials.sample_checks import (
    check_clusters,
    check_persons,
    cluster_note,
    warn_few,
    without_one_armed_strata,
)
from evalkit.trials.trial_result import Higher, TrialEffect, as_randomised
from evalkit.trials.trial_sample import TrialSample, as_formula, read_trial
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_arms"]


def compare_arms(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    contrasts: Literal["control", "all"] = "control",
    simultaneous: bool = True,
    covariates: Names | None = None,
    adjustment: Adjustment = "none",
    strata: Names | None = None,
    cluster: str | None = None,
    vcov: str | None = None,
    level: float = 0.95,
    higher: Higher | None = None,
    estimand: Estimand | None = None,
    unit: str | None = None,
) -> TrialEffect:
    r"""Compare the means of several arms, with intervals and p-values that hold all at once.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised; it is not changed.
    outcome : str
        Column with the outcome, a number.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    contrasts : {"control", "all"}
        Every other arm with the control arm (Dunnett), or all pairs of arms (Tukey-Kramer).
    simultaneous : bool, default True
        Make intervals and p-values hold for all contrasts together. Otherwise each stands for
        itself.
    covariates : str or sequence of str, optional
        Baseline covariates, for the adjustments "ancova" and "lin".
    adjustment : {"none", "ancova", "lin"}
        How covariates and strata enter, as in :func:`evalkit.trials.effect_measures.effect`.
    strata : str or sequence of str, optional
        Columns that make up the strata of the randomisation.
    cluster : str, optional
        Column with clusters.
    vcov : str, optional
        Variance, as in :func:`evalkit.trials.effect_measures.effect`; HC2, or CR2 with clusters,
        by default. "classical" gives the tests as Dunnett and Tukey wrote them.
    level : float, default 0.95
        Confidence level, of all intervals together if simultaneous.
    higher : {"better", "worse"}, optional
        What a higher outcome means.
    estimand : Estimand, optional
        What is estimated. By default: all randomised, arms as randomised.
    unit : str, optional
        Column that identifies persons; repeated values are an error.

    Returns
    -------
    TrialEffect
        One row for each contrast, with ``p_value``, ``conf_low`` and ``conf_high`` simultaneous,
        and ``p_single`` for the contrast by itself. A note gives the joint test that all
        arms have the same mean.

    Raises
    ------
    evalkit.errors.InputError
        As :func:`evalkit.trials.effect_measures.effect`; and if a stratum lacks one of the arms.

    Warns
    -----
    TrialWarning
        If strata were left out, or there are fewer than five clusters in an arm or
        degrees of freedom.

    Notes
    -----
    The p-value of a contrast with statistic t is :math:`P(\max_j |T_j| \ge |t|)`, T multivariate
    t with the correlations of the estimates [1]_ [2]_. Robust variances have degrees of freedom
    that differ between contrasts: the fewest are used for all, and shown. Contrasts with a
    control arm, and all pairs of three arms, are integrated to about 1e-12; others by a fixed
    quasi-random rule to better than 1e-4.

    In R: ``summary(multcomp::glht(lm(y ~ arm), mcp(arm = "Dunnett")))`` with vcov="classical".

    References
    ----------
    .. [1] Dunnett CW (1955). A multiple comparison procedure for comparing several treatments
       with a control. J Am Stat Assoc 50:1096-1121. doi:10.1080/01621459.1955.10501294
    .. [2] Hothorn T, Bretz F, Westfall P (2008). Simultaneous inference in general parametric
       models. Biom J 50:346-363. doi:10.1002/bimj.200810425

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame(
    ...     {
    ...         "arm": ["A", "B", "kontroll"] * 4,
    ...         "y": [5, 7, 4, 6, 9, 5, 4, 8, 3, 7, 8, 4],
    ...     }
    ... )
    >>> both = compare_arms(df, outcome="y", arm="arm", control="kontroll", vcov="classical")
    >>> both.to_frame()[["contrast", "estimate", "p_value"]].round(4)
           contrast  estimate  p_value
    0  A - kontroll       1.5   0.1093
    1  B - kontroll       4.0   0.0006
    """
    check_choice("contrasts", contrasts, ("control", "all"))
    check_choice("adjustment", adjustment, ("none", "ancova", "lin"))
    level = check_level(level)
    if strata is not None and not isinstance(strata, str):
        strata = list(strata)
    formula = as_formula(covariates)
    if (adjustment == "none") is not (formula is None) and not (strata and adjustment != "none"):
        raise InputError.of(
            "covariates",
            required="given together with adjustment='ancova' or 'lin'",
            got=f"{formula!r} with adjustment={adjustment!r}",
        )
    sample = read_trial(
        df,
        outcome=outcome,
        arm=arm,
        control=control,
        covariates=covariates,
        strata=strata or None,
        cluster=cluster,
        unit=unit,
    )
    kind = variance_kind(vcov, clustered=cluster is not None)
    check_persons(sample)
    sample = without_one_armed_strata(sample)
    check_clusters(sample)
    _refuse_incomplete_strata(sample)
    request = EffectRequest(
        outcome, "difference", adjustment, vcov, level, higher, estimand, None, None, df
    )
    made, fit = fit_linear(sample, request)
    rows, names, pairs = _contrasts(sample, made.contrasts, contrasts)
    result = sandwich(fit, kind, cluster=sample.cluster, contrasts=rows)
    refuse_undecided(result, names, sample)
    columns, notes = _inference(result, level, simultaneous)
    joint = hotelling(
        sandwich(fit, kind, cluster=sample.cluster, contrasts=made.contrasts, joint=True)
    )
    notes.append(
        f"All arms alike: F({joint.df[0]:g}, {joint.df[1]:.1f}) = {joint.statistic:.3f}, "
        f"p = {joint.p_value:.4f}."
    )
    if sample.cluster is not None:
        notes.insert(0, cluster_note(sample))
        warn_few(columns["df"], names, sample)
    how = {"none": "means", "ancova": "ANCOVA", "lin": "Lin's ANCOVA"}[adjustment]
    name = "Dunnett" if contrasts == "control" else "Tukey-Kramer"
    method = f"{name}'s comparisons" if simultaneous else "Comparisons one by one"
    counted = sample.n_analysed
    table = TrialEffect.from_sample(
        {
            "term": "difference",
            "contrast": names,
            **columns,
            "n": [counted[i] + counted[j] for i, j in pairs],
            "scale": "difference",
            "p_single": result.columns(level)["p_value"],
        },
        sample,
        attributes=estimand
        or as_randomised(sample, outcome=outcome, summary="difference in means"),
        higher=higher,
        method=f"{method} of {how}, {kind} variance",
        level=level,
        notes=notes,
    )
    if contrasts == "control":
        return table
    listed = ", ".join(str(one) for one in (*sample.arm_levels[1:], sample.control))
    tail = "" if higher is None else f", higher = {higher}"
    return replace(table, estimand=f"Differences in means, all pairs of {listed}{tail}")


def _refuse_incomplete_strata(sample: TrialSample) -> None:
    """Refuse strata without one of the arms: the contrasts would be of different persons."""
    if sample.strata is None:
        return
    n_arms = len(sample.arm_levels)
    cells = np.bincount(
        sample.strata * n_arms + sample.arm, minlength=n_arms * len(sample.strata_levels)
    ).reshape(-1, n_arms)
    lacking = [i for i, row in enumerate(cells) if row.any() and not row.all()]
    if lacking:
        raise InputError.of(
            "strata",
            required="strata in which every arm has outcomes",
            got=f"{len(lacking)} without",
            where=(repr(sample.strata_levels[i]) for i in lacking),
            remedy="Merge strata; contrasts would otherwise be of different persons.",
        )


def _contrasts(
    sample: TrialSample, with_control: FloatArray, contrasts: str
) -> tuple[FloatArray, list[str], list[tuple[int, int]]]:
    """Return the contrasts, their names, and the arms that they compare."""
    pairs = [(i, 0) for i in range(1, len(sample.arm_levels))]
    rows = list(with_control)
    if contrasts == "all":
        for j in range(1, len(sample.arm_levels)):
            for i in range(j + 1, len(sample.arm_levels)):
                pairs.append((i, j))
                rows.append(with_control[i - 1] - with_control[j - 1])
    names = [f"{sample.arm_levels[i]} - {sample.arm_levels[j]}" for i, j in pairs]
    return np.array(rows), names, pairs


def _inference(
    result: Sandwich, level: float, simultaneous: bool
) -> tuple[dict[str, FloatArray], list[str]]:
    """Return the columns from estimates to limits, and notes on how they were made."""
    error = result.std_error
    if (error <= 0).any() or np.isnan(result.df).any():
        raise InputError.of(
            "outcome",
            required="an outcome that varies within the arms",
            got="no variation",
            remedy="There is nothing to test.",
        )
    columns = student(result.estimate, error, result.df, level)
    if not simultaneous:
        return columns, []
    df = float(result.df.min())
    largest = MaxT(result.variance / np.outer(error, error), df)
    reach = largest.quantile(level)
    columns["df"] = np.full(len(error), df)
    columns["p_value"] = largest.tail(np.abs(columns["statistic"]))
    columns["conf_low"] = result.estimate - reach * error
    columns["conf_high"] = result.estimate + reach * error
    notes = [f"Simultaneous: intervals of {reach:.4f} standard errors, {df:.1f} df."]
    if not largest.exact:
        notes.append("Simultaneous p-values are accurate to better than 0.0001.")
    return columns, notes
