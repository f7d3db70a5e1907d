"""Effects that are right if either the score or the outcome regression is: AIPW and TMLE."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level, check_share, resolve_rng
from evalkit.core.columns import Names, as_names, check_known, labels
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.doubly_robust import OutcomeFit, augmented_mean, targeted_mean
from evalkit.kernels.group_means import GroupMeans
from evalkit.kernels.weight_fit import WeightFit
from evalkit.matching.contrast_tables import Measure, contrast_table
from evalkit.matching.cross_fitting import check_learner
from evalkit.matching.effect_clusters import cluster_codes, cluster_sums
from evalkit.matching.matched_effects import (
    WHOM,
    read_outcome,
    refuse_adjusted,
    without_spread,
)
from evalkit.matching.nuisance_fits import (
    NuisanceTask,
    averaged_over,
    cross_fitted_nuisances,
    kept_inside,
    outcome_matrix,
    outcome_variables,
    parametric_nuisances,
)
from evalkit.matching.treatment_sample import TreatmentSample, treatment_sample
from evalkit.typing import BoolArray, FloatArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["aipw"]

_FOLDS = 5
_INSIDE = {"regression": 1e-9, "learner": 5e-4}  # how far targeted predictions stay from 0 and 1
_MUCH, _FEW = 0.05, 2
_WORD = {
    "difference": "Difference in the mean",
    "ratio": "Ratio of the means",
    "odds_ratio": "Ratio of the odds",
}


def aipw(
    formula: str,
    df: pd.DataFrame,
    *,
    outcome: str,
    outcome_formula: str | None = None,
    estimand: Literal["ATT", "ATE", "ATC"] = "ATT",
    method: Literal["aipw", "tmle"] = "aipw",
    treated: object = None,
    model: Literal["linear", "logit"] | None = None,
    propensity_learner: object = None,
    outcome_learner: object = None,
    folds: int | None = None,
    rng: RandomSource = None,
    trim: float | None = None,
    normalise: bool = True,
    measure: Measure = "difference",
    survey_weights: str | None = None,
    cluster: str | None = None,
    by: Names | None = None,
    level: float = 0.95,
) -> EffectTable:
    r"""Estimate an effect by outcome regressions and propensity scores together.

    Answers "what did taking part change?" with two chances of being right: the estimate holds if
    either the regression of the outcome or the model of who takes part does.

    Parameters
    ----------
    formula : str
        ``took_part ~ covariates``, the model of who takes part.
    df : pandas.DataFrame
        One row for each person, with an index that names each row once. It is not changed.
    outcome : str
        Column of numbers, or of 0 and 1.
    outcome_formula : str, optional
        Right-hand side of the outcome regressions; the covariates of ``formula`` if left out.
    estimand : {"ATT", "ATE", "ATC"}, default "ATT"
        Over whom the effect is averaged: those who took part, all, those who did not.
    method : {"aipw", "tmle"}, default "aipw"
        Augmented inverse probability weighting, or targeted maximum likelihood: regressions
        shifted on the logit scale, the outcome scaled to 0-1, so that means stay in its range.
    treated : object, optional
        Label of those who took part, unless the column holds 1 and 0.
    model : {"linear", "logit"}, optional
        Outcome regression of "aipw" without a learner: linear by default, "logit" for 0 and 1.
        Those of "tmle" are logistic.
    propensity_learner, outcome_learner : object, optional
        scikit-learn estimators (the extra ``[ml]``), or others with ``fit`` and
        ``predict_proba`` or ``predict``, in place of logistic and linear regression. A copy is
        fitted; one without a ``random_state`` gets it from ``rng``.
    folds : int, optional
        Folds of cross-fitting: every row is predicted by models fitted without its fold. None
        without learners by default; 5 with them, since they need it.
    rng : int, numpy.random.Generator or None
        Draws the folds, stratified by group, in the order of the index; whole clusters if there
        are any.
    trim : float, optional
        Scores outside [trim, 1 - trim] are set to these bounds; nobody is dropped. Below 0.5.
    normalise : bool, default True
        Divide the weighted residuals of "aipw" by the sum of their weights.
    measure : {"difference", "ratio", "odds_ratio"}, default "difference"
        What is compared. Ratios have their interval on the ratio scale and ``std_error`` on the
        log scale.
    survey_weights : str, optional
        Column with sampling weights. They enter all fits and means.
    cluster : str, optional
        Column that says which rows belong together. A row without one stands alone.
    by : str or sequence of str, optional
        Columns whose levels get an effect each, with the same regressions and scores.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        The effect with ``mean_treated`` and ``mean_control``.

    Raises
    ------
    evalkit.errors.InputError
        If a column or argument is not what it must be, an argument does not belong to the
        method, covariates separate the groups or outcomes, scores reach 0 or 1, or a group is
        empty.

    Notes
    -----
    The estimates are in :mod:`evalkit.kernels.doubly_robust`. Those who took part need no
    regression for "ATT" (nor the others for "ATC"): their mean is seen. Rows that lack the outcome
    or a covariate are dropped and counted. Without cross-fitting standard errors are those of
    scores, regressions and means solved together (M-estimation), without small-sample correction;
    with it those of the influence function. With clusters variances are multiplied by
    G / (G - 1) (n - 1) / (n - 2), with Student's t on G - 1 degrees of freedom, G and n being those
    of the level with ``by``. With learners the predictions of "tmle" are kept between 0.0005 and
    0.9995 of the outcome's range. Standard errors hold if both models do; if one of them fails,
    those of parametric fits still do.

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), doi:10.1080/01621459.1994.10476818. Van der Laan and Rubin
    (2006), doi:10.2202/1557-4679.1043. Chernozhukov et al. (2018), doi:10.1111/ectj.12097. In R:
    ``AIPW``, ``tmle``, ``DoubleML``.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({
    ...     "amia": [1, 1, 1, 0, 0, 0, 0, 0],
    ...     "women": [1, 1, 0, 1, 0, 0, 0, 1],
    ...     "ended": [1, 0, 1, 1, 0, 1, 0, 0],
    ... })
    >>> round(aipw("amia ~ women", df, outcome="ended").to_frame()["estimate"].item(), 4)
    0.2222
    """
    check_choice("estimand", estimand, ("ATT", "ATE", "ATC"))
    check_choice("method", method, ("aipw", "tmle"))
    check_level(level)
    logistic = _settle_model(method, model, outcome_learner, normalise)
    weighted = survey_weights is not None
    check_learner("propensity_learner", propensity_learner, weighted=weighted, scores=True)
    check_learner("outcome_learner", outcome_learner, weighted=weighted, scores=False)
    learned = propensity_learner is not None or outcome_learner is not None
    n_folds = _settle_folds(folds, learned, rng)
    if trim is not None and check_share("trim", trim) >= 0.5:
        raise InputError.of("trim", required="a share above 0 and below 0.5", got=trim)
    check_known(df, outcome=outcome, by=by)
    extra = () if outcome_formula is None else outcome_variables(outcome_formula, df)
    keys = tuple(as_names(by))
    sample = treatment_sample(
        formula, df, treated=treated, weights=survey_weights, columns=(*extra, outcome, *keys),
        weights_argument="survey_weights",
    )  # fmt: skip
    refuse_adjusted(sample, outcome, extra)
    strict = logistic and method == "aipw"
    values = read_outcome(sample.frame, outcome, "odds_ratio" if strict else measure)
    x, names = (
        (sample.matrix, sample.names)
        if outcome_formula is None
        else outcome_matrix(outcome_formula, sample)
    )
    codes = None if cluster is None else cluster_codes(sample.frame, cluster)
    # Least squares from the smallest outcome up, so that outcomes that are all equal stay so.
    low = 0.0 if strict or outcome_learner is not None else float(values.min())
    spread = _range(values) if method == "tmle" else 1.0
    low = float(values.min()) if method == "tmle" else low
    task = NuisanceTask(
        sample, x, names, (values - low) / spread, estimand, logistic, trim,
        propensity_learner, outcome_learner,
    )  # fmt: skip
    if n_folds is None:
        argument = "formula" if outcome_formula is None else "outcome_formula"
        weights, fits, cut = parametric_nuisances(task, argument)
    else:
        weights, fits, cut = cross_fitted_nuisances(task, n_folds, codes, resolve_rng(rng))
    if method == "tmle":
        margin = _INSIDE["regression" if outcome_learner is None else "learner"]
        fits = [kept_inside(fit, margin) for fit in fits]
    fitted = 1 if keys or n_folds is not None else 1 + x.shape[1]
    n_coefficients = [1 if averaged_over(estimand, code) else fitted for code in range(2)]
    notes = [*sample.notes]
    parts: list[dict[str, Any]] = []
    for key, inside in _levels(sample, keys):
        found = _means(task, weights, fits, inside, method, normalise, outcome, key)
        moved = GroupMeans(low + spread * found.means, spread * found.influence, found.dependent)
        at = " and ".join(f"{name} is {one}" for name, one in zip(keys, key, strict=True))
        moved = without_spread(
            sample, moved, values, inside.astype(np.float64), n_coefficients, outcome,
            f" where {at}" if at else "", notes,
        )  # fmt: skip
        own = cluster_sums(codes, inside, len(sample.levels))
        parts.append({"key": key, "found": moved, "n": int(inside.sum()), "sums": own})
    sums = cluster_sums(codes, np.ones(sample.n, dtype=np.bool_), len(sample.levels))
    return contrast_table(
        sample.levels,
        parts,
        keys=keys,
        outcome=outcome,
        measure=measure,
        level=level,
        sums=sums,
        estimand=f"{_WORD[measure]} of {outcome}, {{contrast}}, over {WHOM[estimand]}",
        method=_words(method, task, n_folds)
        + (f"; variance from {sums.n_clusters} clusters" if sums else ""),
        n_used=sample.n,
        n_dropped=sample.n_dropped,
        notes=[*notes, *_notes(sample, weights.weights, cut, trim)],
    )


def _settle_model(method: str, model: str | None, learner: object, normalise: bool) -> bool:
    """Say whether regressions are logistic, and refuse arguments that the method does not use."""
    if model is not None:
        check_choice("model", model, ("linear", "logit"))
        if method == "tmle" or learner is not None:
            raise InputError.of(
                "model",
                required="left out with method='tmle' (its regressions are logistic) and with an "
                "outcome_learner",
                got=repr(model),
            )
    if not normalise and method == "tmle":
        raise InputError.of("normalise", required="left out with method='tmle'", got=normalise)
    return method == "tmle" or model == "logit"


def _settle_folds(folds: object, learned: bool, rng: RandomSource) -> int | None:
    """Settle the number of folds."""
    if folds is None and not learned:
        if rng is not None:
            raise InputError.of("rng", required="left out without folds", got=repr(rng))
        return None
    number = _FOLDS if folds is None else folds
    if isinstance(number, bool) or not isinstance(number, Integral) or int(number) < 2:
        raise InputError.of(
            "folds",
            required="a whole number of at least 2",
            got=repr(folds),
            remedy="Learners need cross-fitting: fitted to the rows that they predict, they leave "
            "too little over for the weights." if learned else "",
        )  # fmt: skip
    return int(number)


def _range(values: FloatArray) -> float:
    """Return how far the largest outcome is from the smallest."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        raise InputError.of("outcome", required="an outcome that varies", got=f"{low:g} for all")
    return high - low


def _levels(
    sample: TreatmentSample, keys: tuple[str, ...]
) -> list[tuple[tuple[object, ...], BoolArray]]:
    """Split the rows by the levels of columns; one part with all of them without."""
    if not keys:
        return [((), np.ones(sample.n, dtype=np.bool_))]
    coded = [labels(sample.frame[name]) for name in keys]
    codes = np.column_stack([one.codes for one in coded])
    return [
        (
            tuple(one.levels[int(code)] for one, code in zip(coded, row, strict=True)),
            np.asarray((codes == row).all(axis=1), dtype=np.bool_),
        )
        for row in np.unique(codes, axis=0)
    ]


def _means(
    task: NuisanceTask,
    weights: WeightFit,
    fits: list[OutcomeFit],
    inside: BoolArray,
    method: str,
    normalise: bool,
    outcome: str,
    key: tuple[object, ...],
) -> GroupMeans:
    """Estimate the mean outcome of both groups over the target, in one part of the rows."""
    sample = task.sample
    whom = {"ATE": np.ones(sample.n, dtype=np.bool_), "ATT": sample.treated}
    target = np.where(whom.get(task.estimand, ~sample.treated) & inside, task.survey, 0.0)
    adjust = None if weights.slope is None else weights.adjust
    means, influence = np.empty(2), np.empty((sample.n, 2))
    groups = [(sample.group == code) & inside for code in range(2)]
    for code, own in enumerate(groups):
        if not own.any():
            raise InputError.of(
                "by",
                required="levels with somebody in both groups",
                got=f"nobody in {sample.levels[code]!r} where by is {', '.join(map(repr, key))}",
            )
    for code, own in enumerate(groups):
        if method == "tmle":
            means[code], influence[:, code] = targeted_mean(
                task.outcome, own, weights.weights, target, fits[code], adjust=adjust
            )
        else:
            means[code], influence[:, code] = augmented_mean(
                task.outcome, own, weights.weights, target, fits[code], adjust=adjust,
                normalised=normalise,
            )  # fmt: skip
        if not np.isfinite(means[code]):
            raise InputError.of(
                "outcome",
                required="an outcome that varies in both groups, for method='tmle'",
                got=f"{outcome!r} at one end of its range for all in {sample.levels[code]!r}",
                remedy="method='aipw' needs no variation.",
            )
    return GroupMeans(means, influence, np.empty(0, dtype=np.int64))


def _words(method: str, task: NuisanceTask, n_folds: int | None) -> str:
    """Say how the effect was estimated."""
    first = {
        "aipw": "Augmented inverse probability weighting",
        "tmle": "Targeted maximum likelihood",
    }[method]
    score = task.propensity_learner
    by_score = "logit" if score is None else type(score).__name__
    if task.outcome_learner is not None:
        by_outcome = type(task.outcome_learner).__name__
    else:
        by_outcome = "logit" if task.logistic else "linear"
    how = "M-estimation" if n_folds is None else f"cross-fitted in {n_folds} folds"
    return f"{first}; score {by_score}, outcome {by_outcome}, {how}"


def _notes(
    sample: TreatmentSample, weights: FloatArray, cut: BoolArray, trim: float | None
) -> list[str]:
    """Say how many scores were truncated, and whose weight is so large that it decides."""
    notes: list[str] = []
    if trim is not None:
        notes.append(
            f"{int(cut.sum())} scores outside [{trim:g}, {1 - trim:g}] were set to these bounds."
        )
    for code in (1, 0):
        own = weights[sample.group == code]
        share = float(own.max() / own.sum()) if own.any() else 0.0
        if share > _MUCH and len(own) * _MUCH > _FEW:
            notes.append(
                f"One person has {100 * share:.0f} % of the weight of {sample.levels[code]!r}: "
                "there is little overlap."
            )
    return notes
