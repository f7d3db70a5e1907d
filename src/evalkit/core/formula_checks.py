"""Checks of the frames that formulas are computed from: variables, levels, missing values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import plain
from evalkit.core.terms import is_numeric
from evalkit.errors import InputError
from evalkit.typing import BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_newdata", "check_variables", "is_missing", "refuse_dates", "row_names"]

_SHOWN = 5
_LISTED = 20
_ALMOST = 0.6  # similarity from which another column's name is worth suggesting


def check_newdata(
    newdata: pd.DataFrame, variables: Iterable[str], levels: Mapping[str, tuple[object, ...]]
) -> None:
    """Refuse new data that do not hold what the data of the fit held.

    Parameters
    ----------
    newdata : pandas.DataFrame
        The new data.
    variables : iterable of str
        The formula's variables.
    levels : mapping of str to tuple
        Levels of those that are categorical.

    Raises
    ------
    evalkit.errors.InputError
        If a variable is absent, has missing values, a level that the fit did not see, or text
        where the fit had numbers.
    """
    check_variables(variables, newdata, "newdata")
    for name in variables:
        missing = np.flatnonzero(is_missing(newdata[name]))
        if len(missing):
            raise InputError.of(
                f"newdata[{name!r}]",
                required="without missing values",
                got=f"{len(missing)} missing",
                where=row_names(newdata, missing),
            )
        if name in levels:
            _check_levels(newdata, name, levels[name])
        elif not is_numeric(_uncoded(newdata[name])):
            raise InputError.of(
                f"newdata[{name!r}]",
                required="numbers, as in the data of the fit",
                got=f"{newdata[name].dtype}",
            )


def refuse_dates(values: pd.Series[Any], name: str) -> None:
    """Refuse a column of dates or time spans as a covariate by itself.

    Parameters
    ----------
    values : pandas.Series
        The column.
    name : str
        Its name.

    Raises
    ------
    evalkit.errors.InputError
        If it holds dates or time spans.
    """
    if values.dtype.kind in "mM":
        raise InputError.of(
            f"formula: {name}",
            required="numbers, bools, text or categories",
            got=f"{values.dtype}",
            remedy="Subtract a date and use .dt.days, or write C() for a level a date.",
        )


def check_variables(names: Iterable[str], df: pd.DataFrame, argument: str) -> None:
    """Refuse variables that are no columns, with the nearest column's name.

    Parameters
    ----------
    names : iterable of str
        The variables.
    df : pandas.DataFrame
        The frame.
    argument : str
        Name of the caller's argument: ``"df"``, or that of new data.

    Raises
    ------
    evalkit.errors.InputError
        If `df` is no frame, or a variable is no column of it or the name of several.
    """
    import pandas as pd

    if not isinstance(cast("object", df), pd.DataFrame):
        raise InputError.of(argument, required="a pandas DataFrame", got=type(df).__name__)
    known = [str(column) for column in df.columns]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=_ALMOST)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            listed = ", ".join(known[:_LISTED]) or "none"
            remedy = f"{hint}Columns available: {listed}."
            if argument != "df":
                raise InputError.of(
                    argument,
                    required="a frame with the variables of the formula",
                    got=f"one without {name!r}",
                    remedy=remedy,
                )
            raise InputError.of(
                "formula", required="written with columns of df", got=repr(name), remedy=remedy
            )
        if known.count(name) > 1:
            raise InputError.of(
                "formula",
                required="written with names of one column each",
                got=f"{name!r}, the name of {known.count(name)} columns",
                remedy="Give every column a name of its own.",
            )


def _uncoded(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the categories of a category, other columns as they are."""
    import pandas as pd

    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.categories.to_series()
    return values


def _check_levels(newdata: pd.DataFrame, name: str, levels: tuple[object, ...]) -> None:
    """Refuse levels of a categorical variable that the fit did not see."""
    unseen = np.flatnonzero(~newdata[name].isin(list(levels)).to_numpy(dtype=bool))
    if len(unseen):
        values = dict.fromkeys(newdata[name].iloc[unseen].tolist())
        raise InputError.of(
            f"newdata[{name!r}]",
            required="one of the levels " + ", ".join(repr(level) for level in levels[:_LISTED]),
            got=", ".join(repr(value) for value in list(values)[:_SHOWN]),
            where=row_names(newdata, unseen),
            remedy="Only levels that the fit has seen can be predicted.",
        )


def is_missing(values: pd.Series[Any]) -> BoolArray:
    """Say which values of a column are missing."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iub":
        return np.zeros(len(values), dtype=bool)
    return values.isna().to_numpy(dtype=bool)


def row_names(df: pd.DataFrame, positions: IntArray) -> list[str]:
    """Name rows for a message by their index labels."""
    shown = [f"row {plain(label)!r}" for label in df.index[positions[:_SHOWN]].tolist()]
    return shown + [""] * (len(positions) - len(shown))  # the others are only counted
