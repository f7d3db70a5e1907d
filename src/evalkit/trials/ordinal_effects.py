"""Effects on an ordered outcome: proportional odds, probabilistic index, win ratio."""

from __future__ import annotations

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.probabilistic_index import Placements, placements
from evalkit.kernels.proportional_odds import fit_proportional_odds, ordinal_sandwich
from evalkit.trials.effect_columns import Row, difference_row, finish, ratio_row
from evalkit.trials.effect_inputs import (
    arm_design,
    check_adjustment,
    check_vcov,
    clustered,
)
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import check_clusters, warn, without_one_armed_strata
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray

__all__ = ["ORDINAL_MEASURES", "ordinal_effect"]

ORDINAL_MEASURES = ("proportional_odds", "probabilistic_index", "win_ratio")
"""What :func:`ordinal_effect` estimates."""


def ordinal_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    r"""Estimate the effect on an outcome of which the order counts, each arm against the control.

    Parameters
    ----------
    sample : TrialSample
        The trial; the outcome's levels are coded 0, 1, ... in their order.
    request : EffectRequest
        ``measure`` is "proportional_odds", "probabilistic_index" or "win_ratio".

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra column ``scale``; for the
        comparisons of pairs also ``wins``, ``ties`` and ``losses``, as shares of the pairs.

    Raises
    ------
    evalkit.errors.InputError
        If covariates come with a comparison of pairs, levels are separated by arms or
        covariates, or an arm has one cluster only.

    Notes
    -----
    *Proportional odds*: the odds of lying above any level are multiplied by the same ratio. The
    model needs ``adjustment="ancova"`` for covariates; strata enter it as categories. ``vcov`` is
    "model" (the default, with the normal distribution) or "HC0".

    *Probabilistic index*: :math:`P(Y_1 > Y_0) + P(Y_1 = Y_0)/2` for a person of either arm, 0.5
    without effect, with Brunner and Munzel's variance and degrees of freedom; the interval is cut
    off at 0 and 1. *Win ratio*: :math:`P(Y_1 > Y_0) / P(Y_1 < Y_0)`, ties left out. Strata are
    compared within, and weigh :math:`n_1 n_0 / (n_1 + n_0)`.

    With clusters the influence of the rows is summed within them: "CR1" with Satterthwaite's
    degrees of freedom. Weights are case weights.

    R: ``ordinal::clm``, ``lawstat::brunner.munzel.test``; without covariates the score test of
    proportional odds is the Wilcoxon-Mann-Whitney test.

    References
    ----------
    .. [1] Brunner E, Munzel U (2000). The nonparametric Behrens-Fisher problem. Biom J 42:17-25.
       doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U
    .. [2] Dong G, Qiu J, Wang D, Vandemeulebroecke M (2018). The stratified win ratio.
       J Biopharm Stat 28:778-796. doi:10.1080/10543406.2017.1397007

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.trials.effect_measures import effect
    >>> df = pd.DataFrame({"arm": list("AAAABBBB"), "health": [2, 3, 3, 1, 1, 2, 1, 3]})
    >>> table = effect(df, outcome="health", arm="arm", control="B", higher="better",
    ...                measure="probabilistic_index")
    >>> table.to_frame()[["estimate", "wins", "losses"]].values.tolist()
    [[0.65625, 0.5, 0.1875]]
    """
    if len(np.unique(sample.outcome)) < 2:
        raise InputError.of(
            "outcome",
            required=f"at least two levels ({request.outcome!r})",
            got="the same for everybody",
            remedy="Without any difference between persons there is none between arms.",
        )
    if request.measure == "proportional_odds":
        check_adjustment(sample, request, ("none", "ancova"))
        return _proportional_odds(sample, request)
    check_adjustment(
        sample,
        request,
        ("none",),
        'Make strata of the covariates, or use measure="proportional_odds".',
    )
    return _pairs(sample, request)


def _proportional_odds(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    """Fit the proportional odds model."""
    grouped = sample.cluster is not None
    kind = check_vcov(request, ("CR1",) if grouped else ("model", "HC0"), clustered=grouped)
    check_clusters(sample)
    design = arm_design(sample)
    found, level = np.unique(sample.outcome, return_inverse=True)
    _refuse_separated_arms(sample, request)
    fit = fit_proportional_odds(
        level.astype(np.int64), design.matrix[:, 1:], len(found), weights=sample.weights
    )
    names = design.names[1:]
    if len(fit.dependent):
        raise InputError.of(
            "covariates",
            required="columns that the arms and the other columns do not determine",
            got=f"{len(fit.dependent)} that they do",
            where=(repr(names[int(j)]) for j in fit.dependent),
            remedy="Leave them out.",
        )
    if fit.infinite.any() or not fit.converged:
        raise InputError.of(
            "outcome",
            required=f"levels that arms and covariates do not separate ({request.outcome!r})",
            got="infinite estimates of "
            + (", ".join(names[j] for j in np.flatnonzero(fit.infinite).tolist()) or "thresholds"),
            remedy='Leave the covariate out, or use measure="probabilistic_index".',
        )
    cuts = len(found) - 1
    variance = fit.variance if kind != "HC0" else ordinal_sandwich(fit, sample.weights)
    rows: list[Row] = []
    for code in range(1, design.n_arms):
        at = cuts + code - 1
        spread, df = float(variance[at, at]), np.inf
        if kind == "CR1":
            spread, df = clustered(sample, fit.scores @ fit.variance[:, at])
        rows.append(ratio_row(float(fit.coefficients[code - 1]), spread, df, request.level))
    covariates = design.names[design.n_arms :]
    said = {
        "model": "model-based variance",
        "HC0": "robust variance (HC0)",
        "CR1": "CR1 variance, Satterthwaite",
    }[kind]
    return finish(
        sample,
        request,
        rows,
        summary="odds ratio of a higher level (proportional odds)",
        scale="ratio",
        method=f"Proportional odds model, {said}",
        notes=(f"Covariates: {', '.join(covariates)}.",) if covariates else (),
    )


def _refuse_separated_arms(sample: TrialSample, request: EffectRequest) -> None:
    """Refuse arms of which one lies above the other altogether."""
    for code in range(1, len(sample.arm_levels)):
        mine, control = (sample.outcome[sample.arm == c] for c in (code, 0))
        if mine.min() >= control.max() or mine.max() <= control.min():
            raise InputError.of(
                "outcome",
                required=f"levels that the arms share ({request.outcome!r})",
                got=f"no person in one of {sample.arm_levels[code]!r} and {sample.control!r} "
                "beyond anybody in the other: the odds ratio is infinite",
                remedy='Use measure="probabilistic_index".',
            )


def _pairs(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    """Compare every person of an arm with every control of the same stratum."""
    grouped = sample.cluster is not None
    check_vcov(request, ("CR1",) if grouped else ("brunner-munzel",), clustered=grouped)
    check_clusters(sample)
    sample = without_one_armed_strata(sample)
    notes, rows = list[str](), list[Row]()
    ratio = request.measure == "win_ratio"
    for code in range(1, len(sample.arm_levels)):
        both = (sample.arm == code) | (sample.arm == 0)
        found = placements(
            sample.outcome[both],
            sample.arm[both] == code,
            strata=None if sample.strata is None else sample.strata[both],
            weights=None if sample.weights is None else sample.weights[both],
        )
        if np.isnan(found.wins):
            raise InputError.of(
                "strata",
                required="strata that hold both arms",
                got=f"none with both {sample.arm_levels[code]!r} and {sample.control!r}",
                remedy="Combine strata.",
            )
        influence = np.zeros((sample.n, 2))
        influence[both] = found.influence
        row, note = _pair_row(sample, request, found, influence, ratio)
        rows.append(row)
        if note:
            notes.append(f"{sample.contrasts[code - 1]}: {note}")
            warn(notes[-1])
    summary = (
        "win ratio, P(arm higher) / P(arm lower)"
        if ratio
        else "probabilistic index, P(arm higher) + P(equal) / 2"
    )
    how = "CR1 variance" if grouped else "Brunner-Munzel variance"
    where = "" if sample.strata is None else " within strata"
    return finish(
        sample,
        request,
        rows,
        summary=summary,
        scale="ratio" if ratio else "probability",
        method=f"All pairs{where}, {how}, Satterthwaite",
        notes=notes,
    )


def _pair_row(
    sample: TrialSample,
    request: EffectRequest,
    found: Placements,
    influence: FloatArray,
    ratio: bool,
) -> tuple[Row, str]:
    """Return one contrast's numbers, and what is to be said of them."""
    wins, losses = found.wins, found.losses
    extra: dict[str, object] = {
        "wins": wins,
        "ties": max(0.0, 1 - wins - losses),
        "losses": losses,
    }
    nan = np.nan
    if ratio and (wins == 0 or losses == 0):
        estimate = np.inf if losses == 0 and wins > 0 else 0.0 if wins == 0 < losses else nan
        side = "loses" if losses == 0 else "wins"
        return (
            Row(estimate, nan, nan, nan, nan, nan, nan, extra),
            f"the arm {side} no pair: the win ratio has no interval, the probabilistic index has.",
        )
    gradient = np.array([1 / wins, -1 / losses]) if ratio else np.array([0.5, -0.5])
    if sample.cluster is None:
        variance, df = found.spread(gradient)
    else:
        variance, df = clustered(sample, influence @ gradient)
    index = 0.5 + (wins - losses) / 2
    if np.isnan(variance):
        return (
            Row(wins / losses if ratio else index, nan, nan, nan, nan, nan, nan, extra),
            "a stratum has one person of an arm, whose variance is unknown: combine strata.",
        )
    if ratio:
        return ratio_row(float(np.log(wins / losses)), variance, df, request.level, extra), ""
    row = difference_row(index, variance, df, request.level, extra, null=0.5)
    note = ""
    if variance == 0:
        note = "the arms do not overlap: the index has no variance, and no interval worth the name."
    row = Row(
        row.estimate, row.std_error, row.statistic, row.df, row.p_value,
        max(row.low, 0.0), min(row.high, 1.0), extra,
    )  # fmt: skip
    return row, note
