"""Effects on an outcome once groups have been made comparable: by matching or by weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, as_names, check_known, labels, numbers, refuse_rows
from evalkit.core.formula import design
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.group_means import GroupMeans, group_means
from evalkit.matching.balance_result import Estimand
from evalkit.matching.contrast_tables import MEASURES, Measure, contrast_table
from evalkit.matching.effect_clusters import cluster_sums
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.kernels.group_means import Adjust
    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["effect_after", "read_outcome", "refuse_adjusted", "without_spread"]

WHOM = {
    "ATT": "those who took part",
    "ATC": "those who did not take part",
    "ATE": "everybody",
    "ATO": "those who could well have been in either group (overlap weights)",
}


def read_outcome(df: pd.DataFrame, outcome: object, measure: str) -> FloatArray:
    """Read an outcome, and check that the measure fits it.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    outcome : str
        The column.
    measure : {"difference", "ratio", "odds_ratio"}
        What is to be estimated.

    Returns
    -------
    ndarray of float, shape (n,)
        The outcome; NaN where it is missing.

    Raises
    ------
    evalkit.errors.InputError
        If it does not exist, is no number, infinite, missing everywhere, negative where a ratio
        is asked for, or not 0 and 1 where odds are.
    """
    check_choice("measure", measure, MEASURES)
    if not isinstance(outcome, str):
        raise InputError.of("outcome", required="the name of a column", got=repr(outcome))
    check_known(df, outcome=outcome)
    values = numbers(df, outcome, "outcome")
    refuse_rows(df, np.isinf(values), "outcome", outcome, "finite", None)
    known = values[~np.isnan(values)]
    if not len(known):
        raise InputError.of(
            "outcome", required=f"there for somebody ({outcome!r})", got="missing for all"
        )
    if measure == "ratio":
        refuse_rows(df, values < 0, "outcome", outcome, "at least 0 for a ratio", values)
    if measure == "odds_ratio":
        refuse_rows(
            df, ~np.isnan(values) & (values != 0) & (values != 1), "outcome", outcome,
            "0 or 1 for odds", values,
        )  # fmt: skip
    return values


def refuse_adjusted(sample: TreatmentSample, outcome: str, further: Sequence[str] = ()) -> None:
    """Refuse an outcome that is the treatment itself, or one of the covariates.

    Parameters
    ----------
    sample : TreatmentSample
        The comparison.
    outcome : str
        The column.
    further : sequence of str, optional
        Covariates of a regression, beside those of the comparison.

    Raises
    ------
    evalkit.errors.InputError
        If it is.
    """
    if outcome == sample.treatment or outcome in (*sample.variables, *further):
        what = "the treatment" if outcome == sample.treatment else "one of the covariates"
        raise InputError.of(
            "outcome",
            required="a column that is neither the treatment nor adjusted for",
            got=f"{outcome!r}, {what}",
            remedy="Covariates are alike by design.",
        )


def effect_after(
    sample: TreatmentSample,
    weights: FloatArray,
    *,
    outcome: str,
    estimand: Estimand,
    method: str,
    adjust: Adjust | None = None,
    focal: int = 1,
    covariates: str | None = None,
    model: Literal["linear", "logit"] = "linear",
    measure: Measure = "difference",
    cluster: IntArray | None = None,
    by: Names | None = None,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> EffectTable:
    """Estimate the effect on an outcome from weights, with or without a regression after them.

    Parameters
    ----------
    sample : TreatmentSample
        Who took part.
    weights : ndarray of float, shape (n,)
        Weights after the adjustment, survey weights included; 0 for those who were left out.
    outcome : str
        Column of the sample's frame: numbers, or 0 and 1.
    estimand : {"ATT", "ATE", "ATC", "ATO"}
        Over whom the effect is averaged.
    method : str
        How the weights came about, for the result.
    adjust : callable, optional
        What the estimation of the weights adds to an influence.
    focal : int, default 1
        The group over which ATT averages.
    covariates : str, optional
        Right-hand side of a regression within each group, averaged over the estimand's people.
    model : {"linear", "logit"}, default "linear"
        That regression.
    measure : {"difference", "ratio", "odds_ratio"}, default "difference"
        What is compared.
    cluster : ndarray of int, shape (n,), optional
        Rows that belong together, such as matched pairs.
    by : str or sequence of str, optional
        Columns whose levels get an effect each.
    level : float, default 0.95
        Confidence level.
    notes : sequence of str, optional
        Sentences that belong with the numbers.

    Returns
    -------
    EffectTable
        One row for each group and contrast, with ``mean_treated`` and ``mean_control``.

    Raises
    ------
    evalkit.errors.InputError
        If a column is not what it must be, a group has no outcome, or the regression cannot be
        fitted.
    """
    check_level(level)
    check_choice("model", model, ("linear", "logit"))
    if model == "logit" and covariates is None:
        raise InputError.of(
            "model",
            required="left out without covariates",
            got=repr(model),
            remedy="Give covariates for the regression.",
        )
    frame = sample.frame
    values = read_outcome(frame, outcome, "odds_ratio" if model == "logit" else measure)
    check_choice("measure", measure, MEASURES)
    used = ~np.isnan(values)
    dropped: dict[str, int] = dict(sample.n_dropped)
    if not used.all():
        dropped[f"missing {outcome}"] = int((~used & (weights > 0)).sum())
    matrix, columns, used = _covariates(frame, covariates, used, weights, dropped)
    keys, groups_of = _levels(frame, by, used, weights, dropped)
    if not (used & (weights > 0)).any():
        raise InputError.of("df", required="rows that are complete", got="none")
    filled = np.where(used, values, 0.0)
    own = np.where(used, weights, 0.0)
    target = _target(sample, own, estimand, focal)
    n_coefficients = len(sample.levels) * (1 + len(columns))
    spread = cluster_sums(cluster, used & (weights > 0), n_coefficients)
    notes = [*notes]
    parts: list[dict[str, object]] = []
    for key, inside in groups_of:
        w = np.where(inside, own, 0.0)
        at = " and ".join(f"{name} is {level}" for name, level in zip(keys, key, strict=True))
        at = f" where {at}" if at else ""
        _refuse_empty(sample, w, outcome, at)
        found = group_means(
            filled, sample.group, len(sample.levels), w,
            covariates=matrix, target=np.where(inside, target, 0.0), logistic=model == "logit",
            adjust=adjust, target_is_weights=estimand == "ATO",
        )  # fmt: skip
        _refuse_dependent(sample, found, columns, covariates, model)
        found = without_spread(sample, found, filled, w, 1 + len(columns), outcome, at, notes)
        n = int((w > 0).sum())
        sums = cluster_sums(cluster, w > 0, n_coefficients) if by else spread
        parts.append({"key": key, "found": found, "n": n, "sums": sums})
    whom = WHOM[estimand]
    if len(sample.levels) > 2 and estimand == "ATT":
        whom = str(sample.levels[focal])
    return contrast_table(
        sample.levels,
        parts,
        keys=keys,
        outcome=outcome,
        measure=measure,
        level=level,
        sums=spread,
        estimand=f"{_WORD[measure]} of {outcome}, {{contrast}}, over {whom}",
        method=method
        + (f"; {model} regression on {covariates} in each group" if covariates else "")
        + (f"; variance from {spread.n_clusters} clusters" if spread else ""),
        n_used=int((used & (weights > 0)).sum()),
        n_dropped=dropped,
        notes=notes,
    )


_WORD = {
    "difference": "Difference in the mean",
    "ratio": "Ratio of the means",
    "odds_ratio": "Ratio of the odds",
}


def _covariates(
    frame: pd.DataFrame,
    covariates: str | None,
    used: BoolArray,
    weights: FloatArray,
    dropped: dict[str, int],
) -> tuple[FloatArray | None, tuple[str, ...], BoolArray]:
    """Return the matrix of the regression, zeros in rows without it, and the rows that have it."""
    if covariates is None:
        return None, (), used
    made = design(covariates, frame)
    complete = np.zeros(len(frame), dtype=np.bool_)
    complete[made.rows] = True
    matrix = np.zeros((len(frame), made.matrix.shape[1]))
    matrix[made.rows] = made.matrix
    for reason in made.n_dropped:
        count = int((used & ~complete & (weights > 0)).sum())
        if count:
            dropped[reason] = count
        used = used & complete
    return matrix, made.names, used


def _levels(
    frame: pd.DataFrame,
    by: Names | None,
    used: BoolArray,
    weights: FloatArray,
    dropped: dict[str, int],
) -> tuple[tuple[str, ...], list[tuple[tuple[object, ...], BoolArray]]]:
    """Split the rows by the levels of columns; one part with all of them without."""
    keys = tuple(as_names(by))
    if not keys:
        return (), [((), np.ones(len(frame), dtype=np.bool_))]
    check_known(frame, by=keys)
    coded = [labels(frame[name]) for name in keys]
    for name, one in zip(keys, coded, strict=True):
        gone = used & (one.codes < 0) & (weights > 0)
        if gone.any():
            dropped[f"missing {name}"] = int(gone.sum())
        used &= one.codes >= 0
    codes = np.column_stack([one.codes for one in coded])
    found = np.unique(codes[used & (weights > 0)], axis=0)
    return keys, [
        (
            tuple(one.levels[int(code)] for one, code in zip(coded, row, strict=True)),
            np.asarray((codes == row).all(axis=1), dtype=np.bool_),
        )
        for row in found
    ]


def _target(sample: TreatmentSample, own: FloatArray, estimand: Estimand, focal: int) -> FloatArray:
    """Return weights of those over whom a regression is averaged."""
    survey = np.ones(sample.n) if sample.weights is None else sample.weights
    if estimand == "ATO":
        return own
    if estimand == "ATE":
        return np.where(own > 0, survey, 0.0)
    of = focal if estimand == "ATT" else 1 - focal
    return np.where(sample.group == of, own, 0.0)


def _refuse_empty(sample: TreatmentSample, weights: FloatArray, outcome: str, at: str) -> None:
    """Refuse a group that nobody with an outcome is left in."""
    for code, name in enumerate(sample.levels):
        if not weights[sample.group == code].any():
            raise InputError.of(
                "outcome",
                required=f"there for somebody in every group ({outcome!r})",
                got=f"nobody in {name!r}{at}",
            )


def _refuse_dependent(
    sample: TreatmentSample,
    found: GroupMeans,
    columns: Sequence[str],
    covariates: str | None,
    model: str,
) -> None:
    """Refuse a regression that some group cannot tell the coefficients of."""
    if len(found.dependent):
        separate = ", or separate the outcomes" if model == "logit" else ""
        raise InputError.of(
            "covariates",
            required=f"such that a {model} regression can be fitted within each group",
            got=f"{covariates!r}, of which some cannot be told from the others{separate}, "
            f"in {sample.levels[found.where]!r}",
            where=[columns[int(k)] for k in found.dependent],
            remedy="Leave out covariates, or join levels.",
        )


def without_spread(
    sample: TreatmentSample,
    found: GroupMeans,
    outcome: FloatArray,
    weights: FloatArray,
    n_coefficients: int | Sequence[int],
    name: str,
    at: str,
    notes: list[str],
) -> GroupMeans:
    """Say whose outcomes show no spread, and give no variance where they could not show any.

    Parameters
    ----------
    sample : TreatmentSample
        The groups.
    found : GroupMeans
        Their means and influences.
    outcome : ndarray of float, shape (n,)
        The outcome.
    weights : ndarray of float, shape (n,)
        Weights; 0 for rows that do not count here.
    n_coefficients : int or sequence of int
        Coefficients that each group's rows determine.
    name : str
        Name of the outcome.
    at : str
        Which part of the rows this is, for the sentences.
    notes : list of str
        Sentences, to which more are added.

    Returns
    -------
    GroupMeans
        The same, without influence where there is no spread to learn a variance from.
    """
    influence = found.influence
    needed = np.broadcast_to(n_coefficients, len(sample.levels))
    for code, level in enumerate(sample.levels):
        own = outcome[(sample.group == code) & (weights > 0)]
        if len(own) <= needed[code]:
            influence = influence.copy()
            influence[:, code] = np.nan
            people, show = (
                ("1 person", "shows") if len(own) == 1 else (f"{len(own)} people", "show")
            )
            notes.append(f"No standard error: {people} in {level}{at} {show} no spread.")
        elif (own == own[0]).all():
            notes.append(
                f"Everybody in {level}{at} has the same {name}: the standard error holds only the "
                "uncertainty of the others."
            )
    return replace(found, influence=influence)
