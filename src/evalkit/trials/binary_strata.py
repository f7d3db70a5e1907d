"""Effects on a binary outcome within strata: Mantel-Haenszel, and the stratified score."""

from __future__ import annotations

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.mantel_haenszel import (
    Tables,
    breslow_day,
    mantel_haenszel_test,
    pooled_difference,
    pooled_odds_ratio,
    pooled_ratio,
    stratified_score,
)
from evalkit.trials.effect_columns import Row, difference_row, finish, needed_to_treat, ratio_row
from evalkit.trials.effect_inputs import check_vcov, weight_of
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import warn, without_one_armed_strata
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample

__all__ = ["stratified_effect"]

_DIFFERENCES = {
    "miettinen-nurminen": "Mantel-Haenszel weights, stratified Miettinen-Nurminen score interval",
    "sato": "Mantel-Haenszel with Sato's variance",
    "greenland-robins": "Mantel-Haenszel with Greenland and Robins' variance",
}
_RATIOS = {"greenland-robins": "Mantel-Haenszel with Greenland and Robins' variance"}
_ODDS_RATIOS = {
    "robins-breslow-greenland": "Mantel-Haenszel with Robins, Breslow and Greenland's variance"
}
_SUMMARIES = {
    "risk_difference": "risk difference within strata",
    "risk_ratio": "risk ratio within strata",
    "odds_ratio": "odds ratio within strata",
    "nnt": "number needed to treat for one more with the outcome, within strata",
}


def stratified_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    r"""Estimate an effect on a binary outcome that the strata share.

    Parameters
    ----------
    sample : TrialSample
        The trial, with strata.
    request : EffectRequest
        ``vcov`` is, for differences and numbers needed to treat, "miettinen-nurminen" (the
        default), "sato" or "greenland-robins"; for risk ratios "greenland-robins"; for odds
        ratios "robins-breslow-greenland".

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra columns ``scale``, ``risk`` and
        ``risk_control`` (raw risks) and ``cmh_p_value``, the Mantel-Haenszel test of no effect
        in any stratum.

    Raises
    ------
    evalkit.errors.InputError
        If the rows come in clusters, or no stratum holds both arms.

    Notes
    -----
    Stratum i weighs :math:`n_{1i} n_{0i} / N_i`: if effects differ between strata this is not
    the mean effect over everybody, which ``adjustment="standardised"`` estimates. The test of
    the stratified score interval is the Mantel-Haenszel test. Strata without both arms are left
    out with a warning that names them; a pooled ratio in which one side has no successes is 0 or
    infinite, without an interval.

    R: ``metafor::rma.mh``, ``mantelhaen.test(correct = FALSE)``.
    """
    if sample.cluster is not None:
        raise InputError.of(
            "cluster",
            required="None with strata and no adjustment",
            got="clusters",
            remedy='Use adjustment="standardised", whose variance counts clusters.',
        )
    methods = {"risk_ratio": _RATIOS, "odds_ratio": _ODDS_RATIOS}.get(request.measure, _DIFFERENCES)
    kind = check_vcov(request, tuple(methods))
    sample = without_one_armed_strata(sample)
    notes: list[str] = []
    rows: list[Row] = []
    for code in range(1, len(sample.arm_levels)):
        tables = _tables(sample, code)
        if len(tables.complete().n1) == 0:
            raise InputError.of(
                "strata",
                required="strata that hold both arms",
                got=f"none with both {sample.arm_levels[code]!r} and {sample.control!r}",
                remedy="Combine strata.",
            )
        notes += _lone(sample, tables, code)
        row = _row(request, kind, tables)
        if np.isnan(row.std_error) and request.measure in ("risk_ratio", "odds_ratio"):
            note = (
                f"{sample.contrasts[code - 1]}: an empty cell in every stratum leaves the ratio "
                "without an interval; the risk difference has one."
            )
            warn(note)
            notes.append(note)
        rows.append(row)
        if request.measure == "odds_ratio":
            test = breslow_day(tables)
            if test.df > 0 and not np.isnan(test.p_value):
                notes.append(
                    f"{sample.contrasts[code - 1]}: equal odds ratios in all strata: "
                    f"Breslow-Day (Tarone) chi-squared {test.statistic:.3f}, df {test.df}, "
                    f"p {test.p_value:.4f}."
                )
    return finish(
        sample,
        request,
        rows,
        summary=_SUMMARIES[request.measure],
        scale={"risk_difference": "difference", "nnt": "number"}.get(request.measure, "ratio"),
        method=methods[kind],
        notes=notes,
    )


def _tables(sample: TrialSample, code: int) -> Tables:
    """Count successes and persons of an arm and the control, by stratum."""
    assert sample.strata is not None
    weight, size = weight_of(sample), len(sample.strata_levels)

    def count(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        assert sample.strata is not None
        return np.bincount(sample.strata[rows], values[rows], minlength=size)

    one, zero = sample.arm == code, sample.arm == 0
    success = weight * sample.outcome
    tables = Tables(
        count(one, success), count(one, weight), count(zero, success), count(zero, weight)
    )
    there = tables.n1 + tables.n0 > 0
    return Tables(tables.x1[there], tables.n1[there], tables.x0[there], tables.n0[there])


def _lone(sample: TrialSample, tables: Tables, code: int) -> list[str]:
    """Say how many persons a contrast of several arms cannot use."""
    lone = (tables.n1 == 0) | (tables.n0 == 0)
    if not lone.any():
        return []
    lost = float((tables.n1 + tables.n0)[lone].sum())
    note = (
        f"{sample.contrasts[code - 1]}: {lost:g} persons stand in {int(lone.sum())} strata with "
        "one of the two arms only, and add nothing."
    )
    warn(note)
    return [note]


def _row(request: EffectRequest, kind: str, tables: Tables) -> Row:
    """Return the pooled effect of one contrast."""
    level = request.level
    extra: dict[str, object] = {
        "risk": float(tables.x1.sum() / tables.n1.sum()),
        "risk_control": float(tables.x0.sum() / tables.n0.sum()),
        "cmh_p_value": mantel_haenszel_test(tables)[1],
    }
    if request.measure in ("risk_ratio", "odds_ratio"):
        pool = pooled_ratio if request.measure == "risk_ratio" else pooled_odds_ratio
        pooled = pool(tables)
        if np.isnan(pooled.std_error):
            nan = np.nan
            return Row(pooled.estimate, nan, nan, nan, nan, nan, nan, extra)
        return ratio_row(np.log(pooled.estimate), pooled.std_error**2, np.inf, level, extra)
    if kind == "miettinen-nurminen":
        score = stratified_score(tables, level)
        spread = pooled_difference(tables, variance="greenland-robins").std_error
        row = Row(
            score.estimate, spread, score.statistic, np.nan, score.p_value, score.low,
            score.high, extra,
        )  # fmt: skip
    else:
        pooled = pooled_difference(tables, variance=kind)
        row = difference_row(pooled.estimate, pooled.std_error**2, np.inf, level, extra)
    return needed_to_treat(row) if request.measure == "nnt" else row
