"""Effects on an outcome that is 0 or 1: risk difference, risk ratio, odds ratio, number needed."""

from __future__ import annotations

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.arm_means import ClusteredMean, clustered_mean, contrast_df
from evalkit.trials.binary_models import conditional_effect, standardised_effect
from evalkit.trials.binary_strata import stratified_effect
from evalkit.trials.effect_columns import (
    Row,
    difference_row,
    finish,
    needed_to_treat,
    ratio_row,
)
from evalkit.trials.effect_inputs import (
    check_adjustment,
    check_vcov,
    weight_of,
)
from evalkit.trials.proportion_methods import (
    compare_proportions,
    methods_of,
    refuse_large_groups,
)
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import check_clusters, check_persons, warn
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample

__all__ = ["BINARY_MEASURES", "binary_effect"]

BINARY_MEASURES = ("risk_difference", "risk_ratio", "odds_ratio", "nnt")
"""What :func:`binary_effect` estimates."""

_SUMMARIES = {
    "risk_difference": "risk difference",
    "risk_ratio": "risk ratio",
    "odds_ratio": "odds ratio",
    "nnt": "number needed to treat for one more with the outcome",
}


def binary_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    r"""Estimate the effect on a binary outcome, each arm against the control.

    Parameters
    ----------
    sample : TrialSample
        The trial, with an outcome of 0 and 1.
    request : EffectRequest
        ``measure`` is "risk_difference", "risk_ratio", "odds_ratio" or "nnt" (the reciprocal of
        the difference). What ``adjustment`` and ``vcov`` mean is in the Notes.

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra columns ``scale``, ``risk`` and
        ``risk_control``, for "nnt" also ``conf_set``. Ratios have their standard error on the
        log scale.

    Raises
    ------
    evalkit.errors.InputError
        If the combination does not exist, an arm has one cluster only, no stratum holds both
        arms, or (in models) outcomes are separated or covariates dependent.

    Notes
    -----
    *No adjustment.* ``vcov`` names the interval: "miettinen-nurminen" (the default), for
    differences "mee", "newcombe", "agresti-caffo", for ratios "koopman", for odds ratios
    "cornfield", and for all "exact" and "mid-p". Where a group has no successes (or, for odds
    ratios, no failures), a ratio is bounded on one side only, which a warning says; nothing is
    added to empty cells.

    *Strata.* Mantel-Haenszel estimates: see
    :func:`evalkit.trials.binary_strata.stratified_effect`.

    *Clusters.* Risks with the bias-reduced variance CR2 and Satterthwaite's degrees of freedom;
    ratios by the delta method from them. ``vcov="HC2"`` gives the same of persons that stand
    alone, with Welch's degrees of freedom.

    *"standardised", "lin".* Means of a logistic model's fitted risks over everybody, with one
    effect for all or a model for each arm; "ancova": conditional ratios. See
    :mod:`evalkit.trials.binary_models`.

    Weights are case weights: a row of weight 2 counts as two.

    R: ``prop.test``, ``fisher.test``, ``metafor::rma.mh``, ``RobinCar2::robin_glm``.

    References
    ----------
    .. [1] Miettinen O, Nurminen M (1985). Comparative analysis of two rates.
       Stat Med 4:213-226. doi:10.1002/sim.4780040211

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.trials.effect_measures import effect
    >>> df = pd.DataFrame({"arm": ["ReDO"] * 70 + ["CAU"] * 80,
    ...                    "work": [1] * 56 + [0] * 14 + [1] * 48 + [0] * 32})
    >>> table = effect(df, outcome="work", arm="arm", control="CAU", measure="risk_difference")
    >>> table.to_frame()[["conf_low", "conf_high"]].round(4).values.tolist()
    [[0.0528, 0.3382]]
    """
    if request.adjustment in ("standardised", "lin"):
        check_adjustment(sample, request, ("none", "standardised", "lin"))
        return standardised_effect(sample, request)
    if request.adjustment == "ancova":
        if request.measure not in ("odds_ratio", "risk_ratio"):
            raise InputError.of(
                "adjustment",
                required=f'"none", "standardised" or "lin" for {request.measure!r}',
                got='"ancova"',
                remedy='measure="difference" gives the linear model of a binary outcome.',
            )
        check_adjustment(sample, request, ("none", "ancova"))
        return conditional_effect(sample, request)
    check_adjustment(sample, request, ("none", "standardised"))
    if sample.strata is not None:
        return stratified_effect(sample, request)
    if sample.cluster is not None or request.vcov == "HC2":
        return _robust_risks(sample, request)
    return _two_by_two(sample, request)


def _two_by_two(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    """Compare risks without adjustment, by the method that ``vcov`` names."""
    methods = methods_of(request.measure)
    kind = check_vcov(request, (*methods, "HC2"))
    weight = weight_of(sample)
    rows: list[Row] = []
    notes: list[str] = []
    for code in range(1, len(sample.arm_levels)):
        counts = _counts(sample, weight, code)
        if kind in ("exact", "mid-p"):
            _check_exact(counts, request.measure)
        rows.append(_row(request, kind, counts))
        if request.measure in ("risk_ratio", "odds_ratio"):
            notes += _empty_cells(sample, request, counts, code)
    if request.measure == "nnt":
        notes += _needed_notes(rows)
    for note in notes if request.measure != "nnt" else ():
        warn(note)
    return finish(
        sample,
        request,
        rows,
        summary=_SUMMARIES[request.measure],
        scale=_scale(request.measure),
        method=methods[kind],
        notes=notes,
    )


def _counts(
    sample: TrialSample, weight: np.ndarray, code: int
) -> tuple[float, float, float, float]:
    """Return successes and persons of an arm, then of the control."""
    one, zero = sample.arm == code, sample.arm == 0
    return (
        float(weight[one] @ sample.outcome[one]),
        float(weight[one].sum()),
        float(weight[zero] @ sample.outcome[zero]),
        float(weight[zero].sum()),
    )


def _row(request: EffectRequest, kind: str, counts: tuple[float, float, float, float]) -> Row:
    """Return the estimate, interval and test of one contrast."""
    x1, n1, x0, n0 = counts
    result = compare_proportions(request.measure, kind, counts, request.level)
    row = Row(
        result.estimate.item(),
        result.std_error.item(),
        result.statistic.item(),
        np.nan,
        result.p_value.item(),
        result.low.item(),
        result.high.item(),
        {"risk": x1 / n1, "risk_control": x0 / n0},
    )
    return needed_to_treat(row) if request.measure == "nnt" else row


def _check_exact(counts: tuple[float, float, float, float], measure: str) -> None:
    """Refuse exact methods where counts are not whole or too large."""
    if any(value != round(value) for value in counts):
        raise InputError.of(
            "weights",
            required="whole numbers with an exact method",
            got="weights that add up to fractions of persons",
            remedy='Use vcov="miettinen-nurminen".',
        )
    refuse_large_groups("vcov", measure, counts[1], counts[3])


def _empty_cells(
    sample: TrialSample,
    request: EffectRequest,
    counts: tuple[float, float, float, float],
    code: int,
) -> list[str]:
    """Name the empty cells that leave a ratio bounded on one side only."""
    x1, n1, x0, n0 = counts
    label, control = sample.arm_levels[code], sample.control
    cells: list[tuple[object, str, float, str]] = []
    if x1 == 0:
        cells.append((label, "0", n1, "lower"))
    if x0 == 0:
        cells.append((control, "0", n0, "upper"))
    if request.measure == "odds_ratio":
        if x1 == n1:
            cells.append((label, "1", n1, "upper"))
        if x0 == n0:
            cells.append((control, "1", n0, "lower"))
    return [
        f"{request.outcome} is {value} for all {n:g} in {arm!r}: the {_SUMMARIES[request.measure]} "
        f"has no {side} bound but {'0' if side == 'lower' else 'infinity'}."
        for arm, value, n, side in cells
    ]


def _needed_notes(rows: list[Row]) -> list[str]:
    """Say how numbers needed to treat are read."""
    notes = ["Persons for one more with the outcome; negative: for one fewer."]
    if any(row.extra["conf_set"] == "outside" for row in rows):
        notes.append(
            "Where conf_set is 'outside', the numbers that agree with the data are those below "
            "conf_low and above conf_high, through infinity (no effect)."
        )
    return notes


def _robust_risks(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    """Compare risks by the delta method from variances of their own: CR2, or HC2 of persons."""
    grouped = sample.cluster is not None
    if grouped:
        check_vcov(request, ("CR2",), clustered=True)
        check_clusters(sample)
        _refuse_shared_clusters(sample)
    else:
        check_persons(sample)
    means = _arm_risks(sample)
    control, rows, notes = means[0], list[Row](), list[str]()
    for code in range(1, len(means)):
        arm = means[code]
        p1, p0 = arm.mean, control.mean
        extra = {"risk": p1, "risk_control": p0}
        ratio = request.measure in ("risk_ratio", "odds_ratio")
        if ratio and (p1 in (0.0, 1.0) or p0 in (0.0, 1.0)):
            _refuse_empty_cell(sample, request, code, p1)
        odds = request.measure == "odds_ratio"
        slopes = [1 / (p * (1 - p) if odds else p) if ratio else 1.0 for p in (p1, p0)]
        gradient = np.array([slopes[0], -slopes[1]])
        parts = np.array([slopes[0] ** 2 * arm.variance, slopes[1] ** 2 * control.variance])
        variance = float(parts.sum())
        if grouped:
            df = contrast_df((arm, control), gradient)
        else:  # Welch's, as for any other difference in means
            below = parts**2 / np.array([1 / arm.working - 1, 1 / control.working - 1])
            df = variance**2 / float(below.sum()) if variance > 0 else np.nan
        if variance == 0:
            notes.append(
                f"{sample.contrasts[code - 1]}: the outcome does not vary within the arms, which "
                "leaves no variance and no interval worth the name"
                + ("." if grouped else "; the score interval has one.")
            )
            warn(notes[-1])
        if ratio:
            log = np.log(p1 / p0) if not odds else np.log(p1 / (1 - p1)) - np.log(p0 / (1 - p0))
            rows.append(ratio_row(float(log), variance, df, request.level, extra))
        else:
            row = difference_row(p1 - p0, variance, df, request.level, extra)
            rows.append(needed_to_treat(row) if request.measure == "nnt" else row)
    notes += _needed_notes(rows) if request.measure == "nnt" else []
    return finish(
        sample,
        request,
        rows,
        summary=_SUMMARIES[request.measure],
        scale=_scale(request.measure),
        method=f"Risks with {'CR2' if grouped else 'HC2'} variance, Satterthwaite df",
        notes=notes,
    )


def _refuse_shared_clusters(sample: TrialSample) -> None:
    """Refuse clusters that have persons in several arms, whose risks are not independent."""
    assert sample.cluster is not None
    with_control = np.unique(sample.cluster[sample.arm == 0])
    if np.isin(sample.cluster[sample.arm > 0], with_control).any():
        raise InputError.of(
            "cluster",
            required="clusters that lie in one arm each, without adjustment",
            got="clusters with persons of several arms",
            remedy='Make the clusters the strata, or use measure="difference" with vcov="CR2".',
        )


def _arm_risks(sample: TrialSample) -> list[ClusteredMean]:
    """Return the risk in each arm, of persons in clusters or by themselves."""
    weight = weight_of(sample)
    risks: list[ClusteredMean] = []
    for code in range(len(sample.arm_levels)):
        rows = sample.arm == code
        if sample.cluster is not None:
            one = clustered_mean(sample.outcome[rows], sample.cluster[rows], weight[rows])
        else:
            n = float(weight[rows].sum())
            p = float(weight[rows] @ sample.outcome[rows]) / n
            squares = 1 / (n * n * (n - 1))
            one = ClusteredMean(p, p * (1 - p) / (n - 1), 1 / n, squares, round(n))
        risks.append(one)
    return risks


def _refuse_empty_cell(sample: TrialSample, request: EffectRequest, code: int, risk: float) -> None:
    """Refuse a ratio by the delta method where everybody in an arm has the same outcome."""
    where = code if risk in (0.0, 1.0) else 0
    raise InputError.of(
        "outcome",
        required=f"0 and 1 in every arm for a {_SUMMARIES[request.measure]} by the delta method",
        got=f"{request.outcome!r} the same for all in {sample.arm_levels[where]!r}",
        remedy='measure="risk_difference" exists all the same.',
    )


def _scale(measure: str) -> str:
    """Return the scale of a measure."""
    return {"risk_difference": "difference", "nnt": "number"}.get(measure, "ratio")
