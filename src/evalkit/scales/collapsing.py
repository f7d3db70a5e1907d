"""Merges the answers of a scale into a few groups, with cut points that the caller states."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from evalkit.core.checks import check_labels
from evalkit.core.columns import check_known
from evalkit.errors import InputError
from evalkit.scales.answers import read_item
from evalkit.scales.cut_points import CutPoints, Cuts, read_cuts, refuse_values
from evalkit.scales.missing_codes import MissingCodes, check_missing_codes
from evalkit.scales.survey_data import SurveyData
from evalkit.scales.suspicion import ScaleWarning
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OpenEndsWarning", "collapse", "numbers_of", "place_answers"]


class OpenEndsWarning(ScaleWarning):
    """Cut points without the ends of the scale, so that no answer is outside it."""


@overload
def collapse(
    series: pd.Series[Any],
    cuts: Cuts,
    labels: Sequence[str],
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: MissingCodes = (),
    mapping: Mapping[object, float] | None = None,
) -> pd.Series[Any]: ...  # numpydoc ignore=GL08
@overload
def collapse(
    series: SurveyData,
    cuts: Cuts,
    labels: Sequence[str],
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: MissingCodes = (),
    mapping: Mapping[object, float] | None = None,
    columns: Sequence[str],
) -> SurveyData: ...  # numpydoc ignore=GL08
def collapse(
    series: pd.Series[Any] | SurveyData,
    cuts: Cuts,
    labels: Sequence[str],
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: MissingCodes = (),
    mapping: Mapping[object, float] | None = None,
    columns: Sequence[str] | None = None,
) -> pd.Series[Any] | SurveyData:
    """Merge the answers of a scale into a few groups.

    How many answered 1-4, 5-7 and 8-10? Which answers belong together is the evaluator's choice: a
    scale from 1 to 10 has no midpoint, and nothing is guessed. How much the choice matters,
    :func:`evalkit.scales.collapse_table` shows.

    Parameters
    ----------
    series : pandas.Series or SurveyData
        The answers; not changed.
    cuts : str or sequence
        ``"1-4/5-7/8-10"`` or ``[(1, 4), (5, 7), (8, 10)]``: the answers of each group, in the order
        of the labels, upwards or downwards. Or ``[1, 4, 7, 10]``: the lowest answer, then the last
        of every group. Or ``[4, 7]``: the last of every group but the last, with ``item_range``.
    labels : sequence of str
        Names of the groups.
    item_range : tuple of (float, float), optional
        Lowest and highest answer on the form. The first three ways of writing the cuts state it.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        Codes that stand for missing answers.
    mapping : mapping of label to number, optional
        Codes of the labels, for columns that hold labels.
    columns : sequence of str, optional
        The columns to merge, for a :class:`~evalkit.scales.SurveyData` and only then.

    Returns
    -------
    pandas.Series or SurveyData
        As many answers as there were. A series becomes ordered categories, unused ones too, and
        is empty where an answer is missing. A survey gets the codes 1, 2, ... with the labels, and
        keeps the kinds of its missing answers apart.

    Raises
    ------
    evalkit.errors.InputError
        If an answer is in no group, cut points and labels are not equally many, or groups overlap
        or leave a gap. Nothing is clipped.

    Warns
    -----
    evalkit.scales.collapsing.OpenEndsWarning
        If neither the cuts nor ``item_range`` say where the scale ends: a 99 is an answer then.

    Notes
    -----
    R: ``cut(x, c(0, 4, 7, 10), labels, ordered_result = TRUE)``, which empties answers outside
    without a word.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.Series([1, 4, 5, 7, 8, 10, None])
    >>> collapse(answers, "1-4/5-7/8-10", ["låg", "varken", "hög"]).tolist()
    ['låg', 'låg', 'varken', 'varken', 'hög', 'hög', nan]
    """
    import pandas as pd

    if isinstance(labels, str):
        check_labels("labels", labels, length=1)
    names = check_labels("labels", labels, length=len(labels))
    groups = read_cuts(cuts, len(names), item_range=item_range)
    if isinstance(series, SurveyData):
        return _collapsed_survey(series, groups, names, missing_codes, mapping, columns)
    if not isinstance(cast("object", series), pd.Series):
        raise InputError.of(
            "series", required="a pandas Series", got=type(series).__name__,
            remedy="Pass one column, df['q1'].",
        )  # fmt: skip
    if columns is not None:
        raise InputError.of("columns", required="left out for a series", got=repr(columns))
    name = "series" if series.name is None else str(series.name)
    values = numbers_of(pd.DataFrame({name: series}), name, missing_codes, mapping)
    codes = place_answers(name, values, groups)
    merged: Any = cast("Any", pd.Categorical).from_codes(codes, categories=names, ordered=True)
    return pd.Series(merged, index=series.index, name=series.name)


def numbers_of(
    df: pd.DataFrame,
    column: str,
    missing_codes: MissingCodes = (),
    mapping: Mapping[object, float] | None = None,
) -> FloatArray:
    """Return the answers of a column as numbers, NaN where they are missing.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    column : str
        The column.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        Codes that stand for missing answers.
    mapping : mapping of label to number, optional
        Codes of the labels.

    Returns
    -------
    ndarray of float, shape (n,)
        The answers.
    """
    kinds, _ = check_missing_codes(missing_codes)
    read = read_item(df, column, kinds, mapping)
    values = read.values.astype(np.float64)
    if read.missing is not None:
        values[read.missing] = np.nan
    return values


def place_answers(
    column: str, values: FloatArray, groups: CutPoints, *, coded: bool = True
) -> IntArray:
    """Return the position of each answer's group, -1 where it is missing.

    Parameters
    ----------
    column : str
        Name of the column.
    values : ndarray of float, shape (n,)
        The answers, NaN where missing.
    groups : CutPoints
        The groups.
    coded : bool, default True
        Whether the caller can declare codes of missing answers.

    Returns
    -------
    ndarray of int, shape (n,)
        The positions.

    Raises
    ------
    evalkit.errors.InputError
        If an answer is in no group.

    Warns
    -----
    evalkit.scales.collapsing.OpenEndsWarning
        If the ends of the scale are not declared.
    """
    codes = groups.place(values)
    answered = ~np.isnan(values)
    refuse_values(column, values, answered & (codes < 0), groups, coded=coded)
    if not groups.declared and answered.any():
        low, high = np.min(values[answered]), np.max(values[answered])
        warnings.warn(
            f"{column}: the ends of the scale are not declared; answers from {low:g} to {high:g} "
            "were found, and all were taken. Pass item_range=(lowest, highest), or write the cuts "
            "as '1-4/5-7/8-10'.",
            OpenEndsWarning,
            stacklevel=3,
        )
    return codes


def _collapsed_survey(
    survey: SurveyData,
    groups: CutPoints,
    names: Sequence[str],
    missing_codes: MissingCodes,
    mapping: Mapping[object, float] | None,
    columns: Iterable[str] | None,
) -> SurveyData:
    """Merge the answers of columns of a survey, which keeps its kinds of missing."""
    if columns is None or isinstance(columns, str):
        raise InputError.of("columns", required="the columns to merge, in a list",
                            got=repr(columns))  # fmt: skip
    chosen = list(columns)
    check_known(survey.codes, columns=chosen)
    declared, _ = check_missing_codes(missing_codes)
    merged: dict[str, FloatArray] = {}
    for column in chosen:
        survey = survey.with_missing(column, declared)
        values = numbers_of(survey.codes, column, (), mapping)
        codes = place_answers(column, values, groups)
        merged[column] = np.where(codes < 0, np.nan, codes + 1.0)
    labels = {float(i): name for i, name in enumerate(names, start=1)}
    return replace(
        survey.with_blanks(),
        codes=survey.codes.assign(**merged),
        labels={**survey.labels, **dict.fromkeys(chosen, labels)},
    )
