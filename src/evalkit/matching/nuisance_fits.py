"""Scores and outcome regressions that doubly robust effects are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from scipy import special

from evalkit.core.formula import design, formula_variables
from evalkit.errors import InputError
from evalkit.kernels.doubly_robust import (
    OutcomeFit,
    fit_outcome,
    known_outcome,
    score_weights,
)
from evalkit.kernels.propensity_weights import propensity_weights
from evalkit.kernels.weight_fit import WeightFit
from evalkit.matching.cross_fitting import (
    assign_folds,
    out_of_fold_outcomes,
    out_of_fold_scores,
)
from evalkit.matching.distances import fit_score
from evalkit.matching.treatment_sample import TreatmentSample
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NuisanceTask",
    "averaged_over",
    "cross_fitted_nuisances",
    "kept_inside",
    "outcome_matrix",
    "outcome_variables",
    "parametric_nuisances",
]


@dataclass(frozen=True, eq=False)
class NuisanceTask:
    """What the estimation of scores and regressions needs.

    Parameters
    ----------
    sample : TreatmentSample
        Who took part, and the covariates of the score.
    matrix : ndarray of float, shape (n, p)
        Covariates of the outcome regressions.
    names : tuple of str
        Their names.
    outcome : ndarray of float, shape (n,)
        The outcome.
    estimand : {"ATT", "ATE", "ATC"}
        Over whom the effect is averaged.
    logistic : bool
        Use logistic outcome regressions.
    trim : float or None
        Bound of the scores.
    propensity_learner, outcome_learner : object
        Estimators, or None.
    """

    sample: TreatmentSample
    matrix: FloatArray
    names: tuple[str, ...]
    outcome: FloatArray
    estimand: Literal["ATT", "ATE", "ATC"]
    logistic: bool
    trim: float | None
    propensity_learner: object
    outcome_learner: object

    @property
    def survey(self) -> FloatArray:
        """Survey weights, or ones."""
        given = self.sample.weights
        return np.ones(self.sample.n) if given is None else given

    def seen_mean(self, inside: BoolArray) -> OutcomeFit:
        """Predict the mean outcome of a group: all that is needed where it is averaged over."""
        mean = float(np.average(self.outcome[inside], weights=self.survey[inside]))
        return known_outcome(np.full(self.sample.n, mean))


def averaged_over(estimand: str, code: int) -> bool:
    """Say whether a group is the one over which the effect is averaged.

    Parameters
    ----------
    estimand : {"ATT", "ATE", "ATC"}
        Over whom the effect is averaged.
    code : int
        1 for those who took part, 0 for the others.

    Returns
    -------
    bool
        Whether the group's mean is seen, and needs no regression.
    """
    return estimand == ("ATC", "ATT")[code]


def outcome_variables(outcome_formula: str, df: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns that the outcome regressions need.

    Parameters
    ----------
    outcome_formula : str
        Right-hand side; "1" for regressions on nothing.
    df : pandas.DataFrame
        The frame.

    Returns
    -------
    tuple of str
        The columns.

    Raises
    ------
    evalkit.errors.InputError
        If it is no right-hand side, or names a column that does not exist.
    """
    try:
        return formula_variables(outcome_formula, df)
    except InputError as error:
        found = str(error)
        if not found.startswith("formula:"):
            raise
        raise InputError("outcome_" + found) from error


def outcome_matrix(
    outcome_formula: str, sample: TreatmentSample
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the columns of the outcome regressions.

    Parameters
    ----------
    outcome_formula : str
        Right-hand side.
    sample : TreatmentSample
        The rows.

    Returns
    -------
    matrix : ndarray of float, shape (n, p)
        The columns, without intercept.
    names : tuple of str
        Their names.

    Raises
    ------
    evalkit.errors.InputError
        If the treatment is among them.
    """
    if sample.treatment in formula_variables(outcome_formula, sample.frame):
        raise InputError.of(
            "outcome_formula",
            required="covariates only: each group has a regression of its own",
            got=f"the treatment {sample.treatment!r} among them",
        )
    made = design(outcome_formula, sample.frame)
    return made.matrix, made.names


def _refuse_scores(scores: FloatArray, trim: float | None) -> tuple[FloatArray, BoolArray]:
    """Truncate scores; refuse those that no weight can be made of."""
    if trim is not None:
        cut = np.clip(scores, trim, 1 - trim)
        return cut, cut != scores
    extreme = (scores <= 0) | (scores >= 1)
    if extreme.any():
        raise InputError.of(
            "propensity_learner",
            required="scores strictly between 0 and 1",
            got=f"{int(extreme.sum())} of exactly 0 or 1",
            remedy="There is no overlap for these people, as far as the learner can tell: choose a "
            "smoother one, or pass trim=0.01.",
        )
    return scores, extreme


def parametric_nuisances(
    task: NuisanceTask, argument: str
) -> tuple[WeightFit, list[OutcomeFit], BoolArray]:
    """Fit a logistic score and a regression in each group, on all rows.

    Parameters
    ----------
    task : NuisanceTask
        What to fit.
    argument : str
        The argument that the regressions' covariates came from, for messages.

    Returns
    -------
    weights : WeightFit
        The weights, with what their estimation adds.
    fits : list of OutcomeFit
        The regressions of those who did not take part and of those who did.
    cut : ndarray of bool, shape (n,)
        Whose score was truncated.

    Raises
    ------
    evalkit.errors.InputError
        If covariates separate the groups or outcomes, or are dependent in a group.
    """
    sample = task.sample
    score = fit_score(sample, "logit", firth=False)
    whole = propensity_weights(
        score, sample.matrix, sample.treated, task.estimand, survey=sample.weights
    )
    scores, cut = _refuse_scores(score.probability, task.trim)
    if cut.any():
        kept = replace(score, probability=scores, linear=special.logit(scores))
        now = propensity_weights(
            kept, sample.matrix, sample.treated, task.estimand, survey=sample.weights
        )
        slope = cast("FloatArray", now.slope) * ~cut[:, None]
        whole = replace(whole, weights=now.weights, slope=slope)
    fits: list[OutcomeFit] = []
    for code, name in enumerate(sample.levels):
        inside = sample.group == code
        if averaged_over(task.estimand, code):
            fits.append(task.seen_mean(inside))
            continue
        fit = fit_outcome(task.matrix, task.outcome, inside, task.survey, logistic=task.logistic)
        if isinstance(fit, np.ndarray):
            raise InputError.of(
                argument,
                required="covariates whose regression can be fitted within each group",
                got=f"columns that cannot be told from others, or separate outcomes, in {name!r}",
                where=[task.names[int(k)] for k in fit],
                remedy="Leave them out, or join levels.",
            )
        fits.append(fit)
    return whole, fits, cut


def cross_fitted_nuisances(
    task: NuisanceTask, n_folds: int, codes: IntArray | None, rng: np.random.Generator
) -> tuple[WeightFit, list[OutcomeFit], BoolArray]:
    """Predict scores and outcomes by models fitted without the row's fold.

    Parameters
    ----------
    task : NuisanceTask
        What to fit.
    n_folds : int
        Number of folds.
    codes : ndarray of int, shape (n,), or None
        Clusters, which stay whole.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    weights, fits, cut
        As for :func:`parametric_nuisances`, taken as given.

    Raises
    ------
    evalkit.errors.InputError
        If folds are too small for the models, or scores reach 0 or 1.
    """
    sample = task.sample
    folds = assign_folds(sample.group, n_folds, rng, rank=sample.rank, cluster=codes)
    order: IntArray = np.argsort(sample.rank, kind="stable")
    found = out_of_fold_scores(
        sample.matrix, sample.treated, folds, task.propensity_learner, sample.weights,
        order=order, rng=rng,
    )  # fmt: skip
    scores, cut = _refuse_scores(found, task.trim)
    fits = [
        task.seen_mean(sample.group == code)
        if averaged_over(task.estimand, code)
        else known_outcome(
            out_of_fold_outcomes(
                task.matrix, task.outcome, sample.group == code, folds, task.outcome_learner,
                sample.weights, logistic=task.logistic, order=order, rng=rng,
            )
        )
        for code in range(2)
    ]  # fmt: skip
    weights = WeightFit(
        score_weights(scores, sample.treated, task.estimand, task.survey), sample.matrix,
        np.zeros(0), False, None, np.zeros((sample.n, 0)), np.zeros((0, 0)), score_of=scores,
    )  # fmt: skip
    return weights, fits, cut


def kept_inside(fit: OutcomeFit, margin: float) -> OutcomeFit:
    """Keep predictions of a scaled outcome away from 0 and 1.

    Parameters
    ----------
    fit : OutcomeFit
        The predictions.
    margin : float
        How far.

    Returns
    -------
    OutcomeFit
        The same, moved where they were nearer.
    """
    kept = np.clip(fit.predicted, margin, 1 - margin)
    return replace(fit, predicted=kept, slope=np.where(kept == fit.predicted, fit.slope, 0.0))
