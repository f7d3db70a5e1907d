"""Effects on a count: the rate ratio, with or without an exposure."""

from __future__ import annotations

import numpy as np

from evalkit.core.columns import numbers, rows_where
from evalkit.errors import InputError
from evalkit.kernels.glm import GlmFit, fit_glm, influence, pearson_dispersion, sandwich
from evalkit.kernels.proportions import binomial_test, clopper_pearson, mid_p_interval, mid_p_test
from evalkit.trials.binary_models import standardised_effect
from evalkit.trials.effect_columns import Row, finish, ratio_row
from evalkit.trials.effect_inputs import (
    ArmDesign,
    arm_design,
    check_adjustment,
    check_vcov,
    clustered,
    refuse_dependent,
    refuse_separated,
    weight_of,
)
from evalkit.trials.requests import EffectRequest
from evalkit.trials.sample_checks import check_clusters, check_persons, warn
from evalkit.trials.trial_result import TrialEffect
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import FloatArray

__all__ = ["count_effect"]

_ROBUST = ("HC2", "HC3", "HC0", "HC1")
_METHODS = {
    "model": "Poisson regression, model-based variance",
    "quasi": "Poisson regression, variance times Pearson's dispersion",
    "CR1": "Poisson regression, CR1 variance, Satterthwaite",
    "exact": "Conditional exact interval and test of two Poisson counts",
    "mid-p": "Conditional mid-p interval and test of two Poisson counts",
}


def count_effect(sample: TrialSample, request: EffectRequest) -> TrialEffect:
    r"""Estimate the effect on a count, each arm against the control.

    Parameters
    ----------
    sample : TrialSample
        The trial, with counts as outcome.
    request : EffectRequest
        ``measure`` is "rate_ratio"; ``exposure`` names the column with the time, or the like, in
        which each person's events were counted. ``vcov`` is "HC2" (the default), "HC3", "HC0",
        "HC1", "model", "quasi" or, without covariates and strata, "exact" or "mid-p"; with
        clusters "CR1".

    Returns
    -------
    TrialEffect
        One row for each arm but the control, with the extra columns ``scale``, and without
        "standardised" ``rate`` and ``rate_control``: events by exposure. The standard error is
        that of the log ratio.

    Raises
    ------
    evalkit.errors.InputError
        If exposures are not positive, the combination does not exist, nobody in an arm has an
        event (but for exact methods), or covariates are dependent.

    Notes
    -----
    The estimate maximises a Poisson likelihood, :math:`\log E(Y) = \log(exposure) + \alpha +
    \tau A + x'\beta`, and is consistent whatever the distribution of the counts. Counts in
    rehabilitation vary more than Poisson counts: hence the robust default, HC2 with n - p
    degrees of freedom. The exact methods condition on the number of events of both arms.

    R: ``glm(y ~ arm + offset(log(exposure)), poisson)`` with ``sandwich::vcovHC``; for "exact"
    ``poisson.test``.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.trials.effect_measures import effect
    >>> df = pd.DataFrame({"arm": list("AAABBB"), "spells": [2, 3, 1, 1, 0, 2],
    ...                    "years": [1.0, 2, 1, 1, 1, 2]})
    >>> table = effect(df, outcome="spells", arm="arm", control="B", measure="rate_ratio",
    ...                exposure="years", vcov="mid-p").to_frame()
    >>> round(table["estimate"].item(), 3), round(table["rate"].item(), 3)
    (2.0, 1.5)
    """
    allowed = ("none", "ancova", "standardised", "lin")
    check_adjustment(sample, request, allowed)
    exposure = request.exposure
    time = _exposure(sample, request, exposure)
    if request.adjustment in ("standardised", "lin"):
        if exposure is not None:
            raise InputError.of(
                "exposure",
                required=f"None with adjustment={request.adjustment!r}",
                got=repr(exposure),
                remedy='Use adjustment="ancova".',
            )
        return standardised_effect(sample, request)
    plain = request.adjustment == "none" and sample.strata is None
    kinds = (*_ROBUST, "model", "quasi", *(("exact", "mid-p") if plain else ()))
    grouped = sample.cluster is not None
    kind = check_vcov(request, ("CR1",) if grouped else kinds, clustered=grouped)
    check_clusters(sample)
    if kind in _ROBUST:
        check_persons(sample)
    if kind in ("exact", "mid-p"):
        rows = _exact(sample, request, time, kind)
        method = _METHODS[kind]
    else:
        design = arm_design(sample)
        fit = _fit(sample, request, design, time)
        rows = _ratios(sample, request, design, fit, time, kind)
        method = _METHODS.get(kind, f"Poisson regression, robust variance ({kind})")
    notes = () if exposure is None else (f"Exposure: {exposure}.",)
    conditional = request.adjustment == "ancova"
    return finish(
        sample,
        request,
        rows,
        summary="rate ratio given the covariates" if conditional else "rate ratio",
        scale="ratio",
        method=method,
        notes=notes,
    )


def _exposure(sample: TrialSample, request: EffectRequest, exposure: str | None) -> FloatArray:
    """Read the exposures of the rows used; 1 without any."""
    if exposure is None:
        return np.ones(sample.n)
    values = numbers(request.df, exposure, "exposure")
    wrong = np.zeros(len(values), dtype=np.bool_)
    wrong[sample.rows] = ~((values[sample.rows] > 0) & np.isfinite(values[sample.rows]))
    if wrong.any():
        raise InputError.of(
            "exposure",
            required=f"positive and known ({exposure!r})",
            got=f"{int(wrong.sum())} rows where it is not",
            where=rows_where(request.df, wrong),
        )
    return values[sample.rows]


def _fit(
    sample: TrialSample, request: EffectRequest, design: ArmDesign, time: FloatArray
) -> GlmFit:
    """Fit the log-linear model, and refuse what cannot be estimated."""
    for code, label in enumerate(sample.arm_levels):
        if not sample.outcome[sample.arm == code].any():
            raise InputError.of(
                "outcome",
                required="above 0 for somebody in every arm, for a ratio by regression",
                got=f"{request.outcome} = 0 for all {sample.n_analysed[code]} in {label!r}",
                remedy='vcov="exact" gives the bound that the data set.',
            )
    fit = fit_glm(
        "poisson", design.matrix, sample.outcome, weights=sample.weights, offset=np.log(time)
    )
    refuse_dependent(design, fit.dependent)
    refuse_separated(
        design, sample.outcome, fit.infinite, request, "Leave the covariate out, or merge levels."
    )
    return fit


def _ratios(
    sample: TrialSample,
    request: EffectRequest,
    design: ArmDesign,
    fit: GlmFit,
    time: FloatArray,
    kind: str,
) -> list[Row]:
    """Return the ratio of every arm to the control."""
    weight = weight_of(sample)
    free = float(weight.sum()) - len(design.names)
    variance, df = fit.variance, np.inf
    if kind == "quasi":
        variance, df = pearson_dispersion(fit) * variance, free
    elif kind in _ROBUST:
        variance, df = sandwich(fit, kind), free
    moves = influence(fit)
    rates = _rates(sample, time)
    rows: list[Row] = []
    for code in range(1, design.n_arms):
        spread = float(variance[code, code])
        if kind == "CR1":
            spread, df = clustered(sample, moves[:, code])
        extra = {"rate": rates[code], "rate_control": rates[0]}
        rows.append(ratio_row(float(fit.coefficients[code]), spread, df, request.level, extra))
    return rows


def _rates(sample: TrialSample, time: FloatArray) -> list[float]:
    """Return events by exposure in every arm."""
    weight, size = weight_of(sample), len(sample.arm_levels)
    events = np.bincount(sample.arm, weight * sample.outcome, minlength=size)
    return (events / np.bincount(sample.arm, weight * time, minlength=size)).tolist()


def _exact(sample: TrialSample, request: EffectRequest, time: FloatArray, kind: str) -> list[Row]:
    """Compare Poisson counts, given the events of both arms together."""
    weight, size = weight_of(sample), len(sample.arm_levels)
    events = np.bincount(sample.arm, weight * sample.outcome, minlength=size)
    exposed = np.bincount(sample.arm, weight * time, minlength=size)
    rates = (events / exposed).tolist()
    if (events != np.round(events)).any():
        raise InputError.of(
            "weights",
            required="whole numbers with an exact method",
            got="weights that add up to fractions of events",
            remedy='Use vcov="HC2".',
        )
    rows: list[Row] = []
    for code in range(1, size):
        x1, x0, ratio = float(events[code]), float(events[0]), float(exposed[0] / exposed[code])
        extra = {"rate": rates[code], "rate_control": rates[0]}
        total = x1 + x0
        if total == 0:
            warn(f"Nobody in {sample.contrasts[code - 1]} has an event: any ratio is possible.")
            rows.append(Row(np.nan, np.nan, np.nan, np.nan, 1.0, 0.0, np.inf, extra))
            continue
        null = float(exposed[code] / (exposed[code] + exposed[0]))
        if kind == "exact":
            share = clopper_pearson(x1, total, request.level)
            p_value = float(binomial_test(x1, total, null))
        else:
            share = mid_p_interval(x1, total, request.level)
            p_value = float(mid_p_test(x1, total, null))
        with np.errstate(divide="ignore"):
            low, high = (
                float(np.float64(p) / (1 - np.float64(p))) * ratio for p in (share.low, share.high)
            )
            estimate = float(np.float64(x1) / x0) * ratio
        spread = float(np.sqrt(1 / x1 + 1 / x0)) if x1 > 0 and x0 > 0 else np.nan
        rows.append(Row(estimate, spread, np.nan, np.nan, p_value, low, high, extra))
    return rows
