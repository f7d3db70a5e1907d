"""Reads the items of a scale into one matrix of numbers, and says what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import check_known, numbers, plain
from evalkit.errors import InputError
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ItemAnswers", "read_items"]

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


def read_items(
    df: pd.DataFrame,
    items: Sequence[str] | None,
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: Iterable[float] = (),
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
    missing_codes : iterable of float, optional
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
        If a column does not exist, holds text without a mapping, truth values, codes outside the
        range or fractions that are not allowed.
    """
    check_known(df)
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
    limits = None if item_range is None else _limits(item_range)
    codes = [float(code) for code in missing_codes]
    values = np.empty((len(df), len(names)))
    for place, name in enumerate(names):
        column = _numbers(df, name, mapping, argument)
        column[np.isin(column, codes)] = np.nan
        _refuse(name, column, limits, allow_fractions=allow_fractions)
        values[:, place] = column
    return ItemAnswers(tuple(names), values, limits, df.index)


def _limits(item_range: tuple[float, float]) -> tuple[float, float]:
    """Return the declared range, lowest first."""
    low, high = (float(end) for end in item_range)
    if not low < high:
        raise InputError.of("item_range", required="(lowest, highest)", got=repr(item_range))
    return low, high


def _numbers(
    df: pd.DataFrame, name: str, mapping: Mapping[Any, float] | None, argument: str
) -> FloatArray:
    """Return one item as a new array of numbers."""
    import pandas as pd

    series: pd.Series[Any] = df[name]
    if mapping is not None:
        missing = series.isna().to_numpy()
        labels = cast("list[object]", series.tolist())
        found = [
            np.nan if gone else mapping.get(label, np.nan)
            for label, gone in zip(labels, missing, strict=True)
        ]
        strangers = {
            str(label): None
            for label, gone in zip(labels, missing, strict=True)
            if not gone and label not in mapping
        }
        if strangers:
            raise InputError.of(
                name,
                required="labels that mapping= has a code for",
                got=", ".join(repr(label) for label in [*strangers][:_VALUES]),
                remedy="Add them to mapping=, with NaN for those that stand for no answer.",
            )
        return np.array(found, dtype=np.float64)
    if pd.api.types.is_bool_dtype(series.dtype) or any(
        isinstance(value, (bool, np.bool_))
        for value in (series.dropna().tolist() if series.dtype == object else ())
    ):
        raise InputError.of(
            name,
            required="codes",
            got="truth values",
            remedy="If they are answers, pass mapping={False: 0, True: 1}.",
        )
    if not pd.api.types.is_numeric_dtype(series.dtype):
        text = series.dropna()
        sample = cast("list[object]", text.unique().tolist())[:_VALUES]
        if any(isinstance(value, str) for value in sample):
            raise InputError.of(
                name,
                required="numeric codes",
                got="labels such as " + ", ".join(repr(value) for value in sample),
                remedy="pass mapping= with the code of each label.",
            )
    return numbers(df, name, argument).copy()


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
