"""Columns of a trial, each read and checked for what it is: arm, outcome, weights, clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.columns import Labels, labels, numbers, plain, rows_where
from evalkit.errors import InputError
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "OutcomeKind",
    "read_arms",
    "read_clusters",
    "read_outcome",
    "read_weights",
    "refuse_duplicates",
    "refuse_empty_arms",
]

OutcomeKind: TypeAlias = Literal["number", "binary", "ordinal", "count", "duration"]


def read_arms(df: pd.DataFrame, arm: str, control: object) -> tuple[IntArray, tuple[object, ...]]:
    """Code the arms, the control arm as 0.

    Parameters
    ----------
    df : pandas.DataFrame
        The trial.
    arm : str
        Column with the arm.
    control : object
        Label of the control arm.

    Returns
    -------
    codes : ndarray of int, shape (n,)
        Position of each row's arm in the levels.
    levels : tuple
        The control arm, then the others sorted.

    Raises
    ------
    evalkit.errors.InputError
        If an arm is missing somewhere, or `control` is no arm or the only one.
    """
    coded = labels(df[arm])
    if (coded.codes < 0).any():
        raise InputError.of(
            "arm",
            required=f"known for everybody randomised ({arm!r})",
            got=f"{int((coded.codes < 0).sum())} rows where it is missing",
            where=rows_where(df, coded.codes < 0),
            remedy="Leave out those who were never randomised; consort() counts them.",
        )
    present = np.bincount(coded.codes, minlength=len(coded.levels)) > 0
    levels = [level for level, used in zip(coded.levels, present, strict=True) if used]
    wanted = plain(control)
    listed = ", ".join(repr(level) for level in levels[:5])
    if wanted not in levels or isinstance(wanted, bool) is not isinstance(
        levels[levels.index(wanted)], bool
    ):
        raise InputError.of(
            "control",
            required=f"one of the arms in {arm!r}: {listed}",
            got=repr(control),
            remedy="Name the arm that the others are compared with.",
        )
    if len(levels) < 2:
        raise InputError.of(
            "arm",
            required=f"at least two arms ({arm!r})",
            got=f"only {listed}",
            remedy="An effect is a comparison: keep the rows of the other arm.",
        )
    order = [wanted, *(level for level in levels if level != wanted)]
    code_of = {level: i for i, level in enumerate(order)}
    recode = np.array([code_of.get(level, -1) for level in coded.levels], dtype=np.int64)
    return recode[coded.codes], tuple(order)


def refuse_duplicates(df: pd.DataFrame, unit: str) -> None:
    """Refuse a person in several rows.

    Parameters
    ----------
    df : pandas.DataFrame
        The trial.
    unit : str
        Column that identifies the persons.

    Raises
    ------
    evalkit.errors.InputError
        If an identifier is missing or repeated.
    """
    if df[unit].isna().any():
        gone = df[unit].isna().to_numpy(dtype=bool)
        raise InputError.of(
            "unit",
            required=f"known for every row ({unit!r})",
            got=f"{int(gone.sum())} rows where it is missing",
            where=rows_where(df, gone),
        )
    again = df[unit].duplicated()
    if again.any():
        repeated = df.loc[again, unit].drop_duplicates().tolist()
        raise InputError.of(
            "unit",
            required=f"different in every row ({unit!r})",
            got=f"{len(repeated)} identifiers that stand in several rows",
            where=(repr(plain(value)) for value in repeated),
            remedy="One row for each person randomised: join repeated measurements side by side.",
        )


def read_outcome(
    df: pd.DataFrame, name: str, kind: OutcomeKind
) -> tuple[FloatArray, tuple[object, ...]]:
    """Read the outcome as its kind asks.

    Parameters
    ----------
    df : pandas.DataFrame
        The trial.
    name : str
        Column with the outcome.
    kind : {"number", "binary", "ordinal", "count", "duration"}
        What it must be.

    Returns
    -------
    values : ndarray of float, shape (n,)
        The outcome, the rank of its level if ordinal; NaN where it is missing.
    levels : tuple
        The ordered levels of an ordinal outcome; empty otherwise.

    Raises
    ------
    evalkit.errors.InputError
        If a value is not what the kind asks for.
    """
    import pandas as pd

    if kind == "ordinal":
        series: pd.Series[Any] = df[name]
        dtype = series.dtype
        if isinstance(dtype, pd.CategoricalDtype) and not dtype.ordered:
            raise InputError.of(
                "outcome",
                required=f"numbers or an ordered category ({name!r})",
                got="categories without an order",
                remedy=f"df[{name!r}].cat.set_categories([...], ordered=True) orders them.",
            )
        if not isinstance(dtype, pd.CategoricalDtype):
            infinite = np.isinf(numbers(df, name, "outcome"))  # text has no order of its own
            if infinite.any():
                raise InputError.of(
                    "outcome",
                    required=f"finite ({name!r})",
                    got=f"{int(infinite.sum())} infinite values",
                    where=rows_where(df, infinite),
                )
        coded = labels(series)
        used = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.levels)) > 0
        rank = np.append(np.cumsum(used) - 1.0, np.nan)  # the last one is for the missing, -1
        levels = tuple(lv for lv, u in zip(coded.levels, used, strict=True) if u)
        return rank[coded.codes], levels
    values = numbers(df, name, "outcome")
    wrong, required = np.isinf(values), "finite"
    if kind == "binary":
        wrong, required = (values != 0) & (values != 1) & ~np.isnan(values), "0 or 1"
    elif kind == "count":
        whole = np.floor(values) == values
        wrong = ~np.isnan(values) & ~(whole & (values >= 0) & np.isfinite(values))
        required = "whole numbers of at least 0"
    elif kind == "duration":
        wrong, required = ~np.isnan(values) & ~((values >= 0) & np.isfinite(values)), "at least 0"
    if wrong.any():
        shown = ", ".join(f"{value:g}" for value in np.unique(values[wrong])[:5])
        raise InputError.of(
            "outcome",
            required=f"{required} ({name!r})",
            got=shown,
            where=rows_where(df, wrong),
            remedy="Compare with the value that means success, such as df[...] == 2."
            if kind == "binary"
            else "",
        )
    return values, ()


def read_weights(df: pd.DataFrame, name: str) -> FloatArray:
    """Read weights of at least 0.

    Parameters
    ----------
    df : pandas.DataFrame
        The trial.
    name : str
        Column with the weights.

    Returns
    -------
    ndarray of float, shape (n,)
        The weights.

    Raises
    ------
    evalkit.errors.InputError
        If one is missing, negative or infinite.
    """
    values = numbers(df, name, "weights")
    wrong = ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        raise InputError.of(
            "weights",
            required=f"finite and at least 0 ({name!r})",
            got=f"{int(wrong.sum())} rows where it is not",
            where=rows_where(df, wrong),
        )
    return values


def refuse_empty_arms(
    values: FloatArray, codes: IntArray, levels: tuple[object, ...], outcome: str
) -> None:
    """Refuse an arm in which nobody has an outcome.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The outcome.
    codes : ndarray of int, shape (n,)
        The arm.
    levels : tuple
        Labels of the arms.
    outcome : str
        Name of the outcome.

    Raises
    ------
    evalkit.errors.InputError
        If there is such an arm.
    """
    for code, level in enumerate(levels):
        inside = codes == code
        if np.isnan(values[inside]).all():
            raise InputError.of(
                "outcome",
                required=f"there for somebody in every arm ({outcome!r})",
                got=f"missing for all {int(inside.sum())} randomised to {level!r}",
                remedy="Without outcomes in an arm there is no effect to estimate.",
            )


def read_clusters(coded: Labels, rows: IntArray) -> IntArray:
    """Code clusters; a row without one becomes a cluster of its own.

    Parameters
    ----------
    coded : Labels
        The column.
    rows : ndarray of int
        Positions of the rows used.

    Returns
    -------
    ndarray of int
        Codes 0, 1, ...
    """
    codes = coded.codes[rows].astype(np.int64, copy=True)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = len(coded.levels) + np.arange(len(alone))
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)
