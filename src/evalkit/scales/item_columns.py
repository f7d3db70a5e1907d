"""Reads the items of a scale into one matrix of numbers, and says what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.columns import check_known, plain
from evalkit.errors import InputError
from evalkit.scales.answers import read_item
from evalkit.scales.given_numbers import check_codes
from evalkit.scales.missing_codes import check_codes_apart
from evalkit.scales.subscale import checked_range
from evalkit.scales.survey_data import SurveyData
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ItemAnswers", "codes_of", "read_items"]

_VALUES = 3


@dataclass(frozen=True, eq=False)
class ItemAnswers:
    """The answers to the items of a scale.

    Attributes
    ----------
    items : tuple of str
        Names of the items.
    values : ndarray of float, shape (n, k)
        Answers by row and item; NaN where missing.
    item_range : tuple of float or None
        Lowest and highest code, as declared.
    rows : pandas.Index
        Labels of the rows.
    """

    items: tuple[str, ...]
    values: FloatArray
    item_range: tuple[float, float] | None
    rows: pd.Index[Any]


def codes_of(df: pd.DataFrame | SurveyData) -> pd.DataFrame:
    """Return the frame of a survey, or the frame itself.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        What the caller gave.

    Returns
    -------
    pandas.DataFrame
        The codes, empty where an answer is missing.
    """
    return df.codes if isinstance(df, SurveyData) else df


def read_items(
    df: pd.DataFrame,
    items: Sequence[str] | None,
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: float | Iterable[float] = (),
    mapping: Mapping[Any, float] | None = None,
    allow_fractions: bool = False,
    argument: str = "items",
) -> ItemAnswers:
    """Read items as numbers, and check them.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person. It is not changed.
    items : sequence of str, optional
        Columns with the items; all columns if left out.
    item_range : tuple of float, optional
        Lowest and highest code that the items can have.
    missing_codes : float or iterable of float, optional
        Codes that stand for missing answers, such as 99.
    mapping : mapping, optional
        Number of each label, for columns of text.
    allow_fractions : bool, default False
        Accept codes that are not whole numbers.
    argument : str, default "items"
        Name of the caller's argument.

    Returns
    -------
    ItemAnswers
        The answers.

    Raises
    ------
    evalkit.errors.InputError
        If there are no rows, or a column does not exist, holds text without a mapping, truth
        values, codes outside the range or fractions that are not allowed.
    """
    check_known(df)
    if not len(df):
        raise InputError.of("df", required="a frame with rows", got="none")
    if isinstance(items, str):
        raise InputError.of(
            argument, required="a list of columns", got=repr(items), remedy="Put it in a list."
        )
    if items is None:  # columns may have numbers for names, as those of an array have
        df = df.set_axis([str(name) for name in df.columns], axis=1)
    names = [str(name) for name in df.columns] if items is None else list(items)
    check_known(df, **{argument: names})
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice or not names:
        raise InputError.of(
            argument, required="items that differ", got="repeats" if twice else "none", where=twice
        )
    limits = None if item_range is None else checked_range(item_range, argument="item_range")
    kinds: dict[float | str, str] = {
        code: f"code {code:g}" for code in check_codes("missing_codes", missing_codes)
    }
    if limits is not None:
        check_codes_apart(kinds, dict.fromkeys(names, limits))
    values = np.empty((len(df), len(names)))
    for place, name in enumerate(names):
        read = read_item(df, name, kinds, mapping)
        column = read.values.astype(np.float64)
        if read.missing is not None:
            column[read.missing] = np.nan
        _refuse(name, column, limits, allow_fractions=allow_fractions)
        values[:, place] = column
    return ItemAnswers(tuple(names), values, limits, df.index)


def _refuse(
    name: str,
    column: FloatArray,
    limits: tuple[float, float] | None,
    *,
    allow_fractions: bool,
) -> None:
    """Refuse infinite codes, codes outside the range, and fractions."""
    there = column[~np.isnan(column)]
    if limits is not None:
        outside = there[(there < limits[0]) | (there > limits[1])]
        if len(outside):
            found: list[float] = outside.tolist()
            times = Counter(found).most_common()
            listed = ", ".join(f"{plain(code)} x {count}" for code, count in times[:_VALUES])
            codes = ", ".join(str(plain(code)) for code, _ in times[:_VALUES])
            more = ", ..." if len(times) > _VALUES else ""
            ends = f"{plain(limits[0])}-{plain(limits[1])}"
            raise InputError(
                f"{name}: {len(outside)} value{'s' if len(outside) > 1 else ''} outside {ends} "
                f"({listed}{more}). Declare missing_codes={{{codes}{more}}}, or fix item_range."
            )
    if np.isinf(there).any():
        raise InputError.of(name, required="finite codes", got="infinite ones")
    fractions = there[there != np.rint(there)]
    if len(fractions) and not allow_fractions:
        raise InputError.of(
            name,
            required="whole codes",
            got=f"{len(fractions)} that are not, such as {fractions[0]:g}",
            remedy="Pass allow_fractions=True if the scale has them.",
        )
