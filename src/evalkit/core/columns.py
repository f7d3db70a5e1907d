"""Columns of a frame as arrays: numbers, labels, and the words for what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_columns
from evalkit.errors import InputError
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Labels",
    "Names",
    "as_names",
    "check_known",
    "cross",
    "labels",
    "numbers",
    "plain",
    "refuse_rows",
    "rows_where",
]

Names: TypeAlias = str | Sequence[str]
"""One column, or several."""

_NUMERIC_OBJECTS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}
_SHORT_RANGE = 1024
_SINGLE = {
    "duration", "event", "cause", "entry", "weights", "cluster", "id", "state", "day", "censored",
    "entered",
}  # fmt: skip
_APART = {"by", "strata", "groups"}


@dataclass(frozen=True, slots=True)
class Labels:
    """A column coded as whole numbers.

    Attributes
    ----------
    codes : ndarray of int, shape (n,)
        Position of each row's value in ``levels``; -1 where it is missing.
    levels : tuple
        The distinct values as plain Python objects: sorted, or in the order of the categories.
        Whole floats are written as integers.
    all_present : bool
        Whether it is known that every level occurs.
    any_missing : bool
        Whether a value is missing.
    """

    codes: IntArray
    levels: tuple[object, ...]
    all_present: bool
    any_missing: bool


def check_known(df: pd.DataFrame, **columns: str | Iterable[str] | None) -> None:
    """Check that columns exist, and suggest the nearest name for one that does not.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame to look in.
    **columns : str, iterable of str or None
        The caller's arguments by name.

    Raises
    ------
    evalkit.errors.InputError
        If ``df`` is no frame, or a name is no column of it or the name of several.
    """
    import pandas as pd

    if not isinstance(cast("object", df), pd.DataFrame):
        raise InputError.of("df", required="a pandas DataFrame", got=type(df).__name__)
    known = [str(name) for name in df.columns]
    for argument, value in columns.items():
        _check_names(argument, value)
        for name in [value] if isinstance(value, str) else list(value or ()):
            near = [] if name in df.columns else difflib.get_close_matches(str(name), known, n=1)
            if near:
                raise InputError.of(
                    argument,
                    required="a column of df",
                    got=repr(name),
                    remedy=f"Did you mean {near[0]!r}?",
                )
    check_columns(df, **columns)


def rows_where(df: pd.DataFrame, mask: BoolArray) -> list[str]:
    """Name the rows that a mask marks, by their index labels.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    mask : ndarray of bool, shape (n,)
        The rows to name.

    Returns
    -------
    list of str
        For instance ``["row 3", "row 17"]``.
    """
    names: list[object] = df.index[mask].tolist()
    return [f"row {plain(name)!r}" for name in names]


def _check_names(argument: str, value: object) -> None:
    """Check that an argument names columns, rather than being one."""
    if value is None or isinstance(value, str):
        return
    whole: object = value
    values = hasattr(value, "dtype") or hasattr(value, "columns")  # an array or a frame
    several = isinstance(value, Iterable) and not values
    items: list[object] = list(cast("Iterable[object]", value)) if several else [value]
    wrong = [item for item in items if not isinstance(item, str)]
    if argument in _SINGLE or wrong:
        shown = wrong[0] if wrong and argument not in _SINGLE else whole
        number = isinstance(shown, Real)
        raise InputError.of(
            argument,
            required="the name of a column" + ("" if argument in _SINGLE else ", or several"),
            got=repr(shown) if number else f"a {type(shown).__name__}",
            remedy="Names are texts: df.columns = df.columns.astype(str)."
            if number
            else "Put the values into a column of the frame, and give its name.",
        )
    twice = [item for i, item in enumerate(items) if item in items[:i]]
    if twice and argument in _APART:
        raise InputError.of(argument, required="columns that differ", got=f"{twice[0]!r} twice")


def refuse_rows(
    df: pd.DataFrame,
    wrong: BoolArray,
    argument: str,
    name: str,
    required: str,
    values: FloatArray | IntArray | None = None,
    *,
    remedy: str = "",
    unit: str = "rows",
) -> None:
    """Raise an error that names the rows, if any is wrong.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    wrong : ndarray of bool, shape (n,)
        The rows that are wrong.
    argument, name : str
        The caller's argument, and the column that it names.
    required : str
        What the column must be.
    values : ndarray, shape (n,), optional
        The column, of which the message shows the first wrong value.
    remedy : str, optional
        What to do.
    unit : str, default "rows"
        What a row of the frame is.

    Raises
    ------
    evalkit.errors.InputError
        If any is wrong.
    """
    if not wrong.any():
        return
    shown = "" if values is None else f", such as {values[wrong][0]:g}"
    raise InputError.of(
        argument,
        required=f"{required} ({name!r})",
        got=f"{int(wrong.sum())} {unit} where it is not{shown}",
        where=rows_where(df, wrong),
        remedy=remedy,
    )


def plain(value: object) -> object:
    """Return a numpy scalar as the plain Python object, a whole float as an integer.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    object
        The plain value.
    """
    scalar: object = cast("Any", value).item() if isinstance(value, np.generic) else value
    if isinstance(scalar, float) and scalar.is_integer():
        return int(scalar)
    return scalar


def numbers(df: pd.DataFrame, name: str, argument: str) -> FloatArray:
    """Return a numeric column of any storage as floats.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    name : str
        The column.
    argument : str
        Name of the caller's argument, for the message.

    Returns
    -------
    ndarray of float, shape (n,)
        The values; NaN where they are missing.

    Raises
    ------
    evalkit.errors.InputError
        If the column holds text, dates or time spans.
    """
    import pandas as pd

    series: pd.Series[Any] = df[name]
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return series.to_numpy(dtype=np.float64)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    kind = series.dtype.kind
    if kind in "mM":
        raise InputError.of(
            argument,
            required=f"a column of numbers ({name!r})",
            got=f"{series.dtype}",
            remedy="Give the number of days: subtract dates, and use .dt.days.",
        )
    if kind == "O" and not isinstance(series.dtype, np.dtype):
        kind = "f" if pd.api.types.is_numeric_dtype(series.dtype) else "U"
    if kind == "O" and pd.api.types.infer_dtype(series, skipna=True) in _NUMERIC_OBJECTS:
        return pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan)
    if kind not in "biuf":
        values = [repr(value) for value in series.dropna().unique()[:3].tolist()]
        raise InputError.of(
            argument,
            required=f"a column of numbers ({name!r})",
            got=f"{series.dtype} such as {', '.join(values)}" if values else f"{series.dtype}",
        )
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def labels(series: pd.Series[Any], *, ordered: bool = True) -> Labels:
    """Code a column of any type by its distinct values.

    Parameters
    ----------
    series : pandas.Series
        The column.
    ordered : bool, default True
        Sort the levels; where it does not matter, leaving them in order of appearance is faster.

    Returns
    -------
    Labels
        The codes and the levels.

    Examples
    --------
    >>> import pandas as pd
    >>> coded = labels(pd.Series(["Syd", None, "Nord"]))
    >>> coded.codes.tolist(), coded.levels
    ([1, -1, 0], ('Nord', 'Syd'))
    """
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = tuple(plain(value) for value in series.cat.categories)
        codes: IntArray = np.asarray(cast("Any", series.cat.codes), dtype=np.int64)
        return Labels(codes, levels, False, bool((codes < 0).any()))
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu" and len(series):
        values = series.to_numpy()
        low, high = int(values.min()), int(values.max())
        if high - low < max(_SHORT_RANGE, len(values)):
            return _whole_labels(values, low, high)
    found_codes, uniques = pd.factorize(series, use_na_sentinel=True)
    codes = np.asarray(cast("Any", found_codes), dtype=np.int64)
    levels = tuple(plain(value) for value in uniques)
    missing = bool((codes < 0).any())
    if not ordered:
        return Labels(codes, levels, True, missing)
    order = _sorted_positions(levels)
    rank = np.empty(len(levels) + 1, dtype=np.int64)
    rank[order] = np.arange(len(levels))
    rank[-1] = -1  # of a missing value, whose code is -1
    return Labels(rank[codes], tuple(levels[i] for i in order), True, missing)


def _whole_labels(values: IntArray, low: int, high: int) -> Labels:
    """Code whole numbers between two that occur; numbers that are codes already as they stand."""
    offsets = values
    if low or values.dtype != np.int64:
        offsets = np.subtract(values, low, dtype=np.int64, casting="unsafe")
    if high - low <= 1:  # the two ends, or the one
        return Labels(offsets, tuple(range(low, high + 1)), True, False)
    present = np.bincount(offsets) > 0
    found = tuple(map(low.__add__, np.flatnonzero(present).tolist()))
    if not present.all():
        offsets = (np.cumsum(present, dtype=np.int64) - 1)[offsets]
    return Labels(offsets, found, True, False)


def _sorted_positions(levels: tuple[object, ...]) -> list[int]:
    """Return the positions of the levels in sorted order; values of unlike types by their text."""
    items: Any = levels
    try:
        return sorted(range(len(items)), key=lambda i: items[i])
    except TypeError:
        return sorted(range(len(items)), key=lambda i: (type(items[i]).__name__, str(items[i])))


def as_names(names: Names | None) -> list[str]:
    """Return the names that an argument stands for.

    Parameters
    ----------
    names : str, sequence of str or None
        The argument.

    Returns
    -------
    list of str
        The names; none for None.
    """
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def cross(
    columns: Sequence[Labels], kept: Any, single: bool
) -> tuple[IntArray | None, tuple[object, ...]]:
    """Code the combinations of columns that occur.

    Parameters
    ----------
    columns : sequence of Labels
        The columns, none missing in the rows kept.
    kept : slice or ndarray of int
        The rows to use.
    single : bool
        Whether the levels of the only column are to stand alone, not in tuples.

    Returns
    -------
    codes : ndarray of int, shape (n,), or None
        Position of each row's combination; None without columns.
    levels : tuple
        The combinations, sorted as their columns are.
    """
    if not columns:
        return None, ()
    codes = columns[0].codes[kept]
    if len(columns) == 1 and columns[0].all_present and len(codes) == len(columns[0].codes):
        found = columns[0].levels
        return codes, found if single else tuple((level,) for level in found)
    levels: list[tuple[object, ...]] = [()]
    for i, column in enumerate(columns):
        if i:
            codes = codes * len(column.levels) + column.codes[kept]
        present = np.bincount(codes, minlength=len(levels) * len(column.levels)) > 0
        levels = [
            (*levels[cell // len(column.levels)], column.levels[cell % len(column.levels)])
            for cell in np.flatnonzero(present)
        ]
        if not present.all():
            codes = (np.cumsum(present) - 1)[codes]
    return codes, tuple(level[0] for level in levels) if single else tuple(levels)
