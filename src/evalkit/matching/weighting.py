"""Weights that make those who took part and the others comparable."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.kernels.covariate_balancing import balancing_scores
from evalkit.kernels.entropy_balancing import entropy_weights
from evalkit.kernels.multinomial_logit import fit_multinomial
from evalkit.kernels.propensity import Link, fit_propensity
from evalkit.kernels.propensity_weights import generalised_weights, propensity_weights
from evalkit.kernels.stable_weights import stable_fit
from evalkit.kernels.weight_fit import WeightFit, cap_weights
from evalkit.matching.balance_result import Estimand
from evalkit.matching.treatment_sample import TreatmentSample, treatment_sample
from evalkit.matching.weighted_result import Weighted, weight_notes
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["weight"]

Method: TypeAlias = Literal["ipw", "entropy", "overlap", "cbps", "stable"]

_FAR = 1e3  # of its range, from zero: squares of a covariate would lose digits
_METHODS = ("ipw", "entropy", "overlap", "cbps", "stable")
_WORDS = {
    "ipw": "Inverse probability weights",
    "entropy": "Entropy balancing to the means",
    "overlap": "Overlap weights",
    "cbps": "Covariate balancing propensity score, just identified",
    "stable": "Stable balancing weights",
}


def weight(
    formula: str,
    df: pd.DataFrame,
    *,
    method: Method = "ipw",
    estimand: Estimand | None = None,
    treated: object = None,
    focal: object = None,
    survey_weights: str | None = None,
    link: Link | None = None,
    firth: bool = False,
    stabilise: bool = False,
    trim: float | None = None,
    tolerance: float | None = None,
) -> Weighted:
    r"""Weight people so that those who took part and the others are comparable.

    Answers "what would the others' outcomes have been, had they been like the participants?"
    (ATT), and the like for other estimands, without discarding anybody.

    Parameters
    ----------
    formula : str
        ``took_part ~ covariates``. The left-hand side holds 1 and 0, or labels.
    df : pandas.DataFrame
        One row for each person, with an index that names each row once. It is not changed.
    method : {"ipw", "entropy", "overlap", "cbps", "stable"}, default "ipw"
        Inverse probability weights by logistic regression; entropy balancing, the weights
        nearest to equal with the target's means; overlap weights; a covariate balancing
        propensity score, fitted so that the means agree; stable balancing weights, the least
        variable with the target's means to within ``tolerance``.
    estimand : {"ATT", "ATE", "ATC", "ATO"}, optional
        Over whom effects are averaged: those who took part (the default), all, those who did
        not. Overlap weights have their own estimand, ATO, those who could well have been in
        either group, and no other.
    treated : object, optional
        Label of those who took part, for two groups that are not 1 and 0.
    focal : object, optional
        With more than two groups and ATT: the group over which effects are averaged.
    survey_weights : str, optional
        Column with sampling weights. They enter the fit and multiply the weights; rows where they
        are 0 are left out.
    link : {"logit", "probit", "cloglog"}, optional
        Link of the propensity score of "ipw" and "overlap" for two groups; logit by default.
    firth : bool, default False
        Penalise the propensity score (logit, two groups), which keeps it finite under separation.
        Standard errors leave the penalty's own, small part out.
    stabilise : bool, default False
        Multiply the weights of "ipw" for ATE by the share of the own group. Means do not change.
    trim : float, optional
        Cut the weights of "ipw" at this quantile (0.5 to 1) of their group. That changes the
        estimand a little, which the result says; standard errors take the limit as given.
    tolerance : float, optional
        How far means may stay apart under "stable", in standard deviations of the target; 0 by
        default.

    Returns
    -------
    Weighted
        ``.weights``, ``.data``, ``.ess``, ``.balance()``, ``.effect(outcome, covariates)``,
        ``.extreme()``, ``.plot()``, ``.plot_overlap()``, ``.plot_quantiles(variable)``.

    Raises
    ------
    evalkit.errors.InputError
        If the formula or the data are not what they must be, an argument does not belong to the
        method, covariates separate the groups (they are named), or the target's means cannot be
        reached by weights (the covariates are named).

    Notes
    -----
    With score e(x): ATT weights are 1 and e/(1 - e), ATC (1 - e)/e and 1, ATE 1/e and 1/(1 - e),
    ATO 1 - e and e. Entropy balancing takes :math:`w \propto s \exp\{\lambda'(x - m)\}`, stable
    weights minimise :math:`\sum w^2/s`; both meet the means m of the target. Balance in means is
    not balance in everything: put squares and products into the formula. Rows that lack a
    covariate are dropped and counted; missing values elsewhere do not matter.

    References
    ----------
    Hainmueller (2012), doi:10.1093/pan/mpr025. Imai and Ratkovic (2014), doi:10.1111/rssb.12027.
    Li, Morgan and Zaslavsky (2018), doi:10.1080/01621459.2016.1260466. Zubizarreta (2015),
    doi:10.1080/01621459.2015.1023805. In R: ``WeightIt::weightit``.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0],
    ...     "women": [1, 1, 0, 1, 0, 0, 0],
    ...     "ended": [1, 0, 1, 1, 0, 1, 0],
    ... })
    >>> weighted = weight("amia ~ women", df, method="entropy")
    >>> weighted.weights.round(3).tolist()
    [1.0, 1.0, 1.0, 2.667, 0.444, 0.444, 0.444]
    >>> round(weighted.effect("ended").to_frame()["estimate"].item(), 3)
    -0.111
    """
    check_choice("method", method, _METHODS)
    estimand = _estimand(method, estimand)
    _refuse_unused(
        method,
        {"link": (link, ("ipw", "overlap")), "firth": (firth, ("ipw", "overlap")),
         "stabilise": (stabilise, ("ipw",)), "trim": (trim, ("ipw",)),
         "tolerance": (tolerance, ("stable",))},
    )  # fmt: skip
    sample = treatment_sample(
        formula, df, treated=treated, weights=survey_weights, several=True,
        weights_argument="survey_weights",
    )  # fmt: skip
    place = _focal(sample, estimand, focal)
    near = _near_zero(sample)
    if method in ("ipw", "overlap"):
        fit, words = _by_score(near, estimand, place, link, firth)
    elif method == "cbps":
        fit, words = _by_balanced_score(near, estimand), ""
    elif method == "entropy":
        fit, words = _by_entropy(near, estimand, place), ""
    else:
        fit, words = _stable(near, estimand, place, tolerance or 0.0)
    notes = [*sample.notes]
    if survey_weights:
        notes.append(f"Survey weights ({survey_weights}) enter the fit and multiply the weights.")
    if stabilise:
        fit = _stabilised(sample, fit, estimand)
    if trim is not None:
        fit, note = _trimmed(sample, fit, trim)
        notes.append(note)
    found = Weighted(
        sample=sample,
        fit=fit,
        estimand=estimand,
        method=_WORDS[method] + words + (", stabilised" if stabilise else ""),
        focal=place,
        n_dropped=dict(sample.n_dropped),
        notes=tuple(notes),
    )
    return replace(found, notes=(*notes, *weight_notes(found)))


def _near_zero(sample: TreatmentSample) -> TreatmentSample:
    """Shift covariates that vary little beside their size: weights do not change, digits stay."""
    low, high = sample.matrix.min(axis=0), sample.matrix.max(axis=0)
    far = np.abs(low) > _FAR * (high - low)
    if not far.any():
        return sample
    return replace(sample, matrix=np.asfortranarray(sample.matrix - np.where(far, low, 0.0)))


def _estimand(method: str, estimand: str | None) -> Estimand:
    """Settle the estimand; overlap weights have their own."""
    if estimand is None:
        return "ATO" if method == "overlap" else "ATT"
    check_choice("estimand", estimand, ("ATT", "ATE", "ATC", "ATO"))
    if (method == "overlap") != (estimand == "ATO"):
        raise InputError.of(
            "estimand",
            required="'ATO' for overlap weights, and only for them",
            got=f"{estimand!r} with method={method!r}",
            remedy="Overlap weights average over those who could well have been in either group; "
            "for other estimands choose another method.",
        )
    return estimand  # pyright: ignore[reportReturnType]


def _refuse_unused(method: str, given: dict[str, tuple[object, tuple[str, ...]]]) -> None:
    """Refuse arguments that the method does not use."""
    for name, (value, methods) in given.items():
        if value is not None and value is not False and method not in methods:
            raise InputError.of(
                name,
                required=f"left out unless method is {' or '.join(map(repr, methods))}",
                got=f"{value!r} with method={method!r}",
            )


def _focal(sample: TreatmentSample, estimand: str, focal: object) -> int:
    """Return the position of the group over which ATT averages."""
    two = len(sample.levels) == 2
    if focal is None and (two or estimand != "ATT"):
        return 1
    if two or estimand != "ATT":
        raise InputError.of(
            "focal",
            required="left out unless there are more than two groups and estimand is 'ATT'",
            got=repr(focal),
            remedy="With two groups say treated=.",
        )
    if focal not in sample.levels:
        raise InputError.of(
            "focal",
            required=f"one of the groups {', '.join(map(repr, sample.levels[:5]))}",
            got=repr(focal),
        )
    return sample.levels.index(focal)


def _refuse_several(sample: TreatmentSample, argument: str, value: object) -> None:
    """Refuse what is for two groups only."""
    if len(sample.levels) > 2:
        raise InputError.of(
            argument, required="left out with more than two groups", got=repr(value),
        )  # fmt: skip


def _by_score(
    sample: TreatmentSample, estimand: Estimand, focal: int, link: Link | None, firth: bool
) -> tuple[WeightFit, str]:
    """Weight by propensity scores."""
    if len(sample.levels) > 2:
        if link not in (None, "logit") or firth or estimand == "ATC":
            _refuse_several(sample, "link" if link else "firth" if firth else "estimand",
                            link or firth or estimand)  # fmt: skip
        scores = fit_multinomial(
            sample.matrix, sample.group, len(sample.levels), weights=sample.weights
        )
        _refuse_separation(sample, scores.infinite, scores.converged)
        fit = generalised_weights(
            scores, sample.matrix, sample.group, estimand, focal=focal, survey=sample.weights
        )
        return fit, ", multinomial logit"
    used: Link = "logit" if link is None else link
    check_choice("link", used, ("logit", "probit", "cloglog"))
    if firth and used != "logit":
        raise InputError.of("firth", required="used with link='logit'", got=f"link={used!r}")
    score = fit_propensity(
        sample.matrix, sample.treated, link=used, weights=sample.weights, firth=firth
    )
    if not firth:
        _refuse_separation(sample, score.infinite, score.converged)
    fit = propensity_weights(score, sample.matrix, sample.treated, estimand, survey=sample.weights)
    return fit, f", {used}" + (" with Firth's penalty" if firth else "")


def _refuse_separation(sample: TreatmentSample, infinite: BoolArray, converged: bool) -> None:
    """Refuse scores of 0 and 1, and name the covariates that give them."""
    if infinite.any() or not converged:
        raise InputError.of(
            "formula",
            required="covariates that do not tell for certain who took part",
            got="separation: the propensity score tends to 0 or 1",
            where=_ranges(sample, infinite[1:]),
            remedy="Leave them out, compare only those who share their levels, or pass firth=True.",
        )


def _by_balanced_score(sample: TreatmentSample, estimand: Estimand) -> WeightFit:
    """Weight by a covariate balancing propensity score."""
    _refuse_several(sample, "method", "cbps")
    found = balancing_scores(
        sample.matrix, sample.treated, estimand, survey=sample.weights  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    if not found.converged:
        _refuse_unreachable(sample, found.infinite[1:], "the two groups")
    return found.weights


def _by_entropy(sample: TreatmentSample, estimand: Estimand, focal: int) -> WeightFit:
    """Weight by entropy balancing."""
    _refuse_no_covariates(sample, "entropy")
    target = {"ATT": focal, "ATE": None, "ATC": 0}[estimand]
    if estimand == "ATC":
        _refuse_several(sample, "estimand", estimand)
    fit, fits = entropy_weights(
        sample.matrix, sample.group, len(sample.levels), focal=target, survey=sample.weights
    )
    for code, one in enumerate(fits):
        if one is not None and not one.reached:
            _refuse_unreachable(sample, one.missed, repr(sample.levels[code]))
    return fit


def _stable(
    sample: TreatmentSample, estimand: Estimand, focal: int, tolerance: float
) -> tuple[WeightFit, str]:
    """Weight by the least variable weights that bring the means near."""
    _refuse_no_covariates(sample, "stable")
    if not (isinstance(tolerance, Real) and np.isfinite(tolerance) and tolerance >= 0):
        raise InputError.of("tolerance", required="a number of at least 0", got=tolerance)
    if estimand == "ATC":
        _refuse_several(sample, "estimand", estimand)
    each = np.ones(sample.n) if sample.weights is None else sample.weights
    place = {"ATT": focal, "ATE": None, "ATC": 0}[estimand]
    aim = np.ones(sample.n, dtype=np.bool_) if place is None else sample.group == place
    share: FloatArray = np.where(aim, each, 0.0) / each[aim].sum()
    target: FloatArray = share @ sample.matrix
    spread = np.sqrt(share @ (sample.matrix - target) ** 2)
    weights = np.where(aim, each, 0.0)
    for code in range(len(sample.levels)):
        if code == place:
            continue
        inside = sample.group == code
        found = stable_fit(sample.matrix, inside, target, tolerance * spread, each)
        if not found.reached:
            _refuse_unreachable(sample, found.missed, repr(sample.levels[code]))
        weights[inside] = found.weights[inside] * each[inside].sum()
    no = np.zeros((0, 0))
    fit = WeightFit(weights, sample.matrix, target, False, slope=None, score=no, bread=no)
    return fit, f", means within {tolerance:g} SD of the target's"


def _refuse_no_covariates(sample: TreatmentSample, method: str) -> None:
    """Refuse balancing on nothing."""
    if sample.matrix.shape[1] == 0:
        required = f"at least one covariate for method={method!r}"
        raise InputError.of("formula", required=required, got=repr(sample.formula))


def _refuse_unreachable(sample: TreatmentSample, missed: BoolArray, who: str) -> None:
    """Refuse a target outside what the group's covariates reach, and name the covariates."""
    raise InputError.of(
        "formula",
        required="covariates whose means the weighted group can reach",
        got=f"no weights of {who} that meet the target's means",
        where=_ranges(sample, missed),
        remedy="There is too little overlap: leave covariates out, restrict the comparison to "
        "people who occur in all groups, or allow a tolerance (method='stable').",
    )


def _ranges(sample: TreatmentSample, chosen: BoolArray) -> list[str]:
    """Name covariates with their range in every group, and how many lie outside the others'."""
    found: list[str] = []
    for k in np.flatnonzero(chosen):
        told: list[str] = []
        for code, level in enumerate(sample.levels):
            inside = sample.group == code
            own, others = sample.matrix[inside, k], sample.matrix[~inside, k]
            n_out = int(((own < others.min()) | (own > others.max())).sum())
            outside = f", {n_out} of {len(own)} beyond the others" if n_out else ""
            told.append(f"{level} has {own.min():.4g} to {own.max():.4g}{outside}")
        found.append(f"{sample.names[k]}: {'; '.join(told)}")
    return found


def _stabilised(sample: TreatmentSample, fit: WeightFit, estimand: str) -> WeightFit:
    """Multiply the weights by the share of the own group."""
    if estimand != "ATE":
        raise InputError.of("stabilise", required="used with estimand='ATE'", got=estimand)
    totals = np.bincount(sample.group, weights=sample.weights).astype(np.float64)
    share = (totals / totals.sum())[sample.group]
    slope = None if fit.slope is None else fit.slope * share[:, None]
    return replace(fit, weights=fit.weights * share, slope=slope)


def _trimmed(sample: TreatmentSample, fit: WeightFit, trim: float) -> tuple[WeightFit, str]:
    """Cut large weights, and say how many."""
    if not (isinstance(trim, Real) and 0.5 <= trim < 1):
        raise InputError.of("trim", required="a quantile of at least 0.5 and below 1", got=trim)
    capped, kept = cap_weights(fit.weights, sample.group, trim, sample.weights)
    n_cut = int((kept == 0).sum())
    slope = None if fit.slope is None else fit.slope * kept[:, None]
    note = (
        f"{n_cut} weights were cut at the {100 * trim:g}th percentile of their group: the estimand "
        "is no longer exactly the one named."
        if n_cut
        else f"No weight was above the {100 * trim:g}th percentile of its group."
    )
    return replace(fit, weights=capped, slope=slope, n_capped=n_cut), note
