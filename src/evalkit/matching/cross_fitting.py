"""Predictions for every row from models that were fitted without it: cross-fitting."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.doubly_robust import fit_outcome
from evalkit.kernels.propensity import fit_propensity, probability_of
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["assign_folds", "check_learner", "out_of_fold_outcomes", "out_of_fold_scores"]


def check_learner(argument: str, learner: object, *, weighted: bool, scores: bool) -> None:
    """Check that an object can be fitted and predict as scikit-learn's estimators do.

    Parameters
    ----------
    argument : str
        Name of the argument.
    learner : object
        The estimator; None is passed over.
    weighted : bool
        Whether there are survey weights, which it then has to take.
    scores : bool
        Whether it has to predict probabilities.

    Raises
    ------
    evalkit.errors.InputError
        If it cannot.
    """
    if learner is None:
        return
    needed = "predict_proba" if scores else "predict"
    if isinstance(learner, type) or not (hasattr(learner, "fit") and hasattr(learner, needed)):
        shown = f"the class {learner.__name__}" if isinstance(learner, type) else (
            f"a {type(learner).__name__}")  # fmt: skip
        raise InputError.of(
            argument,
            required=f"an estimator with the methods fit and {needed}",
            got=shown,
            remedy="For instance scikit-learn's "
            + ("LogisticRegression()." if scores else "GradientBoostingRegressor()."),
        )
    made: Any = learner
    if weighted and "sample_weight" not in inspect.signature(made.fit).parameters:
        raise InputError.of(
            argument,
            required="an estimator whose fit takes sample_weight, since survey_weights are given",
            got=f"a {type(learner).__name__}",
        )


def assign_folds(
    group: IntArray,
    n_folds: int,
    rng: np.random.Generator,
    *,
    rank: IntArray,
    cluster: IntArray | None = None,
) -> IntArray:
    """Split rows at random into folds that hold each group, or whole clusters.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
        The group of each row.
    n_folds : int
        Number of folds.
    rng : numpy.random.Generator
        Where chance comes from.
    rank : ndarray of int, shape (n,)
        Position of each row in the order of the index, so that the order of rows does not matter.
    cluster : ndarray of int, shape (n,), optional
        Clusters, which stay whole.

    Returns
    -------
    ndarray of int, shape (n,)
        The fold of each row.

    Raises
    ------
    evalkit.errors.InputError
        If there are too few rows of a group, or clusters, for so many folds.
    """
    draw: Any = rng
    order = np.argsort(rank, kind="stable")
    folds = np.empty(len(group), dtype=np.int64)
    if cluster is None:
        smallest = int(np.bincount(group).min())
        if smallest < n_folds:
            raise InputError.of(
                "folds",
                required=f"at most {smallest}, the rows of the smaller group",
                got=n_folds,
            )
        for code in range(int(group.max()) + 1):
            rows = order[group[order] == code]
            folds[draw.permutation(rows)] = np.arange(len(rows)) % n_folds
        return folds
    _, first, codes = np.unique(cluster[order], return_index=True, return_inverse=True)
    if len(first) < n_folds:
        raise InputError.of(
            "folds", required=f"at most {len(first)}, the number of clusters", got=n_folds
        )
    by_appearance = np.argsort(first)  # clusters by their first row
    fold_of = np.empty(len(first), dtype=np.int64)
    fold_of[draw.permutation(by_appearance)] = np.arange(len(first)) % n_folds
    folds[order] = fold_of[codes]
    for fold in range(n_folds):
        if len(np.unique(group[folds != fold])) < len(np.unique(group)):
            raise InputError.of(
                "folds",
                required="such that every part without a fold holds both groups",
                got=f"{n_folds} folds of whole clusters in which one holds a whole group",
                remedy="Use fewer folds, or another rng.",
            )
    return folds


def out_of_fold_scores(
    matrix: FloatArray,
    treated: BoolArray,
    folds: IntArray,
    learner: object,
    survey: FloatArray | None,
    *,
    order: IntArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Predict who takes part by models fitted on the other folds.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    treated : ndarray of bool, shape (n,)
        Who took part.
    folds : ndarray of int, shape (n,)
        The folds.
    learner : object
        A classifier; None for logistic regression.
    survey : ndarray of float, shape (n,), or None
        Survey weights.
    order : ndarray of int, shape (n,)
        Rows in the order in which models are to see them.
    rng : numpy.random.Generator
        Where learners without a seed get one.

    Returns
    -------
    ndarray of float, shape (n,)
        The scores.

    Raises
    ------
    evalkit.errors.InputError
        If covariates separate the groups within a fold, or the learner predicts no shares.
    """
    scores = np.empty(len(treated))
    for train, test in _splits(folds, order):
        weights = None if survey is None else survey[train]
        if learner is None:
            fit = fit_propensity(matrix[train], treated[train], weights=weights)
            if not fit.converged or len(fit.dependent):
                raise InputError.of(
                    "folds",
                    required="such that a logistic regression can be fitted without each fold",
                    got="covariates that separate the groups, or are dependent, without one",
                    remedy="Leave out rare levels, or use fewer folds.",
                )
            linear = fit.coefficients[0] + matrix[test] @ fit.coefficients[1:]
            scores[test] = probability_of("logit", linear)
            continue
        made = _fitted(learner, matrix[train], treated[train].astype(np.int64), weights, rng)
        scores[test] = _shares(made, matrix[test])
    _refuse_odd("propensity_learner", scores, shares=True)
    return scores


def out_of_fold_outcomes(
    matrix: FloatArray,
    outcome: FloatArray,
    inside: BoolArray,
    folds: IntArray,
    learner: object,
    survey: FloatArray | None,
    *,
    logistic: bool,
    order: IntArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Predict outcomes in a group by models fitted on the group's rows in the other folds.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    outcome : ndarray of float, shape (n,)
        The outcome.
    inside : ndarray of bool, shape (n,)
        Rows of the group.
    folds, survey, order, rng
        As for :func:`out_of_fold_scores`.
    learner : object
        An estimator; None for a linear or logistic regression.
    logistic : bool
        Which of the two.

    Returns
    -------
    ndarray of float, shape (n,)
        Predicted outcome of every row.

    Raises
    ------
    evalkit.errors.InputError
        If a regression cannot be fitted without a fold, or a learner predicts no numbers.
    """
    predicted = np.empty(len(outcome))
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    if learner is not None and hasattr(learner, "predict_proba") and not binary:
        raise InputError.of(
            "outcome_learner",
            required="a regressor for an outcome that is not 0 or 1 (or is scaled by 'tmle')",
            got=f"the classifier {type(learner).__name__}",
        )
    for train, test in _splits(folds, order):
        own = train[inside[train]]
        if learner is None:
            each = np.ones(len(outcome)) if survey is None else survey
            chosen = np.zeros(len(outcome), dtype=np.bool_)
            chosen[own] = True
            fit = fit_outcome(matrix, outcome, chosen, each, logistic=logistic)
            if isinstance(fit, np.ndarray):
                raise InputError.of(
                    "folds",
                    required="such that the regression can be fitted without each fold",
                    got="covariates that are dependent, or separate outcomes, without one",
                    remedy="Leave out rare levels, or use fewer folds.",
                )
            predicted[test] = fit.predicted[test]
            continue
        weights = None if survey is None else survey[own]
        y = outcome[own].astype(np.int64) if hasattr(learner, "predict_proba") else outcome[own]
        made = _fitted(learner, matrix[own], y, weights, rng)
        if hasattr(made, "predict_proba"):
            predicted[test] = _shares(made, matrix[test])
        else:
            predicted[test] = np.asarray(made.predict(matrix[test]), dtype=np.float64).ravel()
    _refuse_odd("outcome_learner", predicted, shares=False)
    return predicted


def _splits(folds: IntArray, order: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Return the rows outside and inside each fold."""
    ranked = folds[order]
    return [(order[ranked != k], order[ranked == k]) for k in range(int(folds.max()) + 1)]


def _fitted(
    learner: object, x: FloatArray, y: Any, weights: FloatArray | None, rng: np.random.Generator
) -> Any:
    """Fit a copy of a learner, seeded if it has a seed to set."""
    made: Any = copy.deepcopy(learner)
    if hasattr(made, "get_params") and hasattr(made, "set_params"):
        settings: dict[str, Any] = made.get_params(deep=False)
        if "random_state" in settings and settings["random_state"] is None:
            made.set_params(random_state=int(rng.integers(2**31)))
    if weights is None:
        made.fit(x, y)
    else:
        made.fit(x, y, sample_weight=weights)
    return made


def _shares(made: Any, x: FloatArray) -> FloatArray:
    """Return the predicted probability of class 1."""
    table = np.asarray(made.predict_proba(x), dtype=np.float64)
    classes: list[Any] = list(getattr(made, "classes_", (0, 1)))
    if 1 not in classes:
        return np.zeros(len(x))
    return table[:, classes.index(1)]


def _refuse_odd(argument: str, values: FloatArray, *, shares: bool) -> None:
    """Refuse predictions that are no numbers, or no shares."""
    wrong = ~np.isfinite(values) | (shares & ((values < 0) | (values > 1)))
    if wrong.any():
        raise InputError.of(
            argument,
            required="an estimator that predicts " + ("shares" if shares else "finite numbers"),
            got=f"{int(wrong.sum())} predictions that are none",
        )
