"""Scores and distances by which people are compared: from the formula, or given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.columns import numbers
from evalkit.errors import InputError
from evalkit.kernels.propensity import Link, PropensityFit, fit_propensity
from evalkit.kernels.vector_matching import robust_whitening, whitening
from evalkit.matching.common_support import apart
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.matching.treatment_sample import TreatmentSample

__all__ = ["Distance", "DistanceName", "Distances", "fit_score", "no_overlap", "read_distances"]

DistanceName: TypeAlias = Literal[
    "propensity", "linear_propensity", "mahalanobis", "robust_mahalanobis"
]
"""Distances that are computed from the formula."""

Distance: TypeAlias = "DistanceName | pd.Series[Any] | pd.DataFrame | Callable[..., Any]"
"""A distance by name, a score, a table of distances, or a function that computes one."""

NAMES = ("propensity", "linear_propensity", "mahalanobis", "robust_mahalanobis")
_WORDS = {
    "propensity": "the propensity score",
    "linear_propensity": "the linear predictor of the propensity score",
    "mahalanobis": "Mahalanobis's distance",
    "robust_mahalanobis": "the rank-based Mahalanobis distance",
}
_NO_COVARIATES = (
    "On columns alone people are matched by method='exact' with those columns in the formula."
)
_MOST = 250_000_000  # entries of a table of distances


@dataclass(frozen=True, eq=False)
class Distances:
    """How far apart rows of a sample are.

    Attributes
    ----------
    words : str
        What the distance is.
    score : ndarray of float, shape (n,), or None
        The score whose differences are the distances, or None.
    points : ndarray of float, shape (n, d), or None
        Points whose Euclidean distances they are, or None.
    table : ndarray of float, shape (n treated, n control), or None
        The distances themselves, rows and columns in the sample's order, or None.
    fit : PropensityFit or None
        The propensity model, if one was fitted.
    """

    words: str
    score: FloatArray | None = None
    points: FloatArray | None = None
    table: FloatArray | None = None
    fit: PropensityFit | None = None


def fit_score(sample: TreatmentSample, link: Link, *, firth: bool) -> PropensityFit:
    """Fit the propensity score, and refuse what cannot be fitted.

    Parameters
    ----------
    sample : TreatmentSample
        The sample; its survey weights weigh the likelihood.
    link : {"logit", "probit", "cloglog"}
        The link.
    firth : bool
        Penalise the likelihood.

    Returns
    -------
    PropensityFit
        The fit.

    Raises
    ------
    evalkit.errors.InputError
        If there are no covariates, they separate the groups, or the fit does not converge.
    """
    if not sample.names:
        raise InputError.of(
            "formula",
            required="at least one covariate that varies",
            got=repr(sample.formula),
            remedy=_NO_COVARIATES,
        )
    # Rows in the order of their labels: sums, and with them ties, do not depend on the rows' order.
    order = _label_order(sample)
    survey, matrix = sample.weights, np.asfortranarray(sample.matrix)
    if order is None:
        fit = fit_propensity(matrix, sample.treated, link=link, weights=survey, firth=firth)
    else:
        fit = fit_propensity(
            np.asfortranarray(matrix[order]),
            sample.treated[order],
            link=link,
            weights=None if survey is None else survey[order],
            firth=firth,
        )
        back = sample.rank
        fit = replace(fit, probability=fit.probability[back], linear=fit.linear[back])
    if fit.infinite.any():
        names = [name for name, far in zip(sample.names, fit.infinite[1:], strict=True) if far]
        raise InputError.of(
            "formula",
            required="covariates that do not tell for certain who took part",
            got=f"separation by {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}",
            where=[_level_text(sample, name) for name in names],
            remedy="Leave it out, compare within its levels (exact=...), or use firth=True.",
        )
    if not fit.converged or len(fit.dependent):
        raise InputError.of(
            "formula",
            required="covariates to which a propensity score can be fitted",
            got="a likelihood whose maximum was not found",
            remedy="Look for covariates with extreme values, or use firth=True.",
        )
    return fit


def _label_order(sample: TreatmentSample) -> IntArray | None:
    """Return the rows in the order of their labels; None if they stand in it."""
    return None if sample.frame.index.is_monotonic_increasing else np.argsort(sample.rank)


def no_overlap(sample: TreatmentSample) -> list[str]:
    """Name the covariates on which the groups' ranges have nothing in common.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.

    Returns
    -------
    list of str
        A sentence, if there are any.
    """
    names = [
        name
        for name, column in zip(sample.names, sample.matrix.T, strict=True)
        if apart(column, sample.treated)
    ]
    if not names:
        return []
    shown = "; ".join(_level_text(sample, name) for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"The groups do not overlap: {shown}{more}. Give a caliper."]


def _level_text(sample: TreatmentSample, name: str) -> str:
    """Tell how a covariate that separates is distributed."""
    column = sample.matrix[:, sample.names.index(name)]
    one, zero = column[sample.treated], column[~sample.treated]
    return (
        f"{name}: participants {one.min():g} to {one.max():g}, controls {zero.min():g} to "
        f"{zero.max():g}"
    )


def read_distances(
    sample: TreatmentSample, df: pd.DataFrame, distance: object, link: Link, *, firth: bool
) -> Distances:
    """Compute the distance that was asked for.

    Parameters
    ----------
    sample : TreatmentSample
        The sample.
    df : pandas.DataFrame
        The frame that it was read from.
    distance : object
        A name, a score for every row, a table of distances, or a function.
    link : {"logit", "probit", "cloglog"}
        Link of the propensity score.
    firth : bool
        Penalise its likelihood.

    Returns
    -------
    Distances
        The distance.

    Raises
    ------
    evalkit.errors.InputError
        If it is none of these, or lacks a row, or has a value that is no distance.
    """
    import pandas as pd

    if isinstance(distance, str) and distance in NAMES:
        if distance in ("propensity", "linear_propensity"):
            fit = fit_score(sample, link, firth=firth)
            score = fit.probability if distance == "propensity" else fit.linear
            words = f"{_WORDS[distance]} ({link}{', Firth' if firth else ''})"
            return Distances(words, score=score, fit=fit)
        return Distances(_WORDS[distance], points=_points(sample, distance))
    if isinstance(distance, pd.Series):
        return Distances("a given score", score=_given_score(sample, cast("Any", distance)))
    if isinstance(distance, pd.DataFrame):
        return Distances("a given table of distances", table=_given_table(sample, distance))
    if callable(distance):
        one, zero = sample.matrix[sample.treated], sample.matrix[~sample.treated]
        _refuse_large(len(one), len(zero))
        made: object = distance(one, zero)
        table = _check_table(made, (len(one), len(zero)))
        return Distances(f"the distance {getattr(distance, '__name__', 'given')}", table=table)
    raise InputError.of(
        "distance",
        required=f"one of {', '.join(map(repr, NAMES))}, a Series of scores, a DataFrame of "
        "distances (participants x controls), or a function of two matrices",
        got=repr(distance) if isinstance(distance, str) else f"a {type(distance).__name__}",
        remedy="A column of scores is given as df['score']."
        if isinstance(distance, str) and distance in df.columns
        else "",
    )


def _points(sample: TreatmentSample, distance: str) -> FloatArray:
    """Map the covariates so that the Mahalanobis distance is Euclidean."""
    if not sample.names:
        raise InputError.of(
            "formula",
            required="at least one covariate that varies",
            got=repr(sample.formula),
            remedy=_NO_COVARIATES,
        )
    order = _label_order(sample)
    matrix = np.ascontiguousarray(sample.matrix if order is None else sample.matrix[order])
    treated = sample.treated if order is None else sample.treated[order]
    robust = distance == "robust_mahalanobis"
    mapped = robust_whitening(matrix) if robust else whitening(matrix, treated)
    if not robust and mapped.rank < len(sample.names):
        spread = np.diagonal(mapped.covariance)
        flat = [name for name, v in zip(sample.names, spread, strict=True) if not v > 0]
        raise InputError.of(
            "formula",
            required="covariates whose covariance within the groups can be inverted",
            got=f"{', '.join(flat)} constant within both groups"
            if flat
            else "covariates that determine each other within the groups",
            remedy="Leave one of them out: with it nobody can be compared.",
        )
    return mapped.points if order is None else mapped.points[sample.rank]


def _given_score(sample: TreatmentSample, series: pd.Series[Any]) -> FloatArray:
    """Read a score for every row by its index label."""
    index = sample.frame.index
    lacking = index.difference(series.index)
    if len(lacking) or not series.index.is_unique:
        raise InputError.of(
            "distance",
            required="one score for each row of df, by its index label",
            got=f"none for {len(lacking)} rows" if len(lacking) else "repeated labels",
            where=[f"row {label!r}" for label in lacking[:5].tolist()],
        )
    values = numbers(series.reindex(index).to_frame("score"), "score", "distance")
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise InputError.of(
            "distance",
            required="a finite score for every row",
            got=f"{int(wrong.sum())} that are missing or infinite",
            where=[f"row {label!r}" for label in index[wrong][:5].tolist()],
        )
    return values


def _given_table(sample: TreatmentSample, table: pd.DataFrame) -> FloatArray:
    """Read a table of distances by the labels of its rows and columns."""
    one = sample.frame.index[sample.treated]
    zero = sample.frame.index[~sample.treated]
    for labels, axis, name in ((one, table.index, "rows"), (zero, table.columns, "columns")):
        lacking = labels.difference(axis)
        if len(lacking) or not axis.is_unique:
            who = "participants" if name == "rows" else "controls"
            raise InputError.of(
                "distance",
                required=f"a table whose {name} are the index labels of the {who}",
                got=f"none for {len(lacking)} of them" if len(lacking) else "repeated labels",
                where=[repr(label) for label in lacking[:5].tolist()],
            )
    return _check_table(table.loc[one, zero], (len(one), len(zero)))


def _check_table(given: object, shape: tuple[int, int]) -> FloatArray:
    """Check that distances are numbers of at least 0; infinite ones forbid a pair."""
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError.of("distance", required="a table of numbers", got=str(error)) from error
    if values.shape != shape:
        raise InputError.of(
            "distance",
            required=f"distances of shape {shape}: participants x controls",
            got=f"shape {values.shape}",
        )
    wrong = ~(values >= 0)
    if wrong.any():
        raise InputError.of(
            "distance",
            required="distances of at least 0 (infinite ones forbid a pair)",
            got=f"{int(wrong.sum())} that are negative or missing",
        )
    return values


def _refuse_large(n1: int, n0: int) -> None:
    """Refuse a table of distances that would fill the memory."""
    if n1 * n0 > _MOST:
        raise InputError.of(
            "distance",
            required=f"a function for at most {_MOST:,} pairs",
            got=f"{n1} x {n0}",
            remedy="Use distance='mahalanobis' or a score, which need no table.",
        )
