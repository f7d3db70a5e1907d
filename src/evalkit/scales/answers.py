"""Answers as they stand in a frame: which column is which item, its codes, what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_columns
from evalkit.core.columns import check_known
from evalkit.errors import InputError
from evalkit.scales.missing_codes import BLANK, is_number
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.scales.definition import Scale

__all__ = ["ItemColumn", "ItemNames", "columns_of_items", "outside_range", "read_item"]

ItemNames: TypeAlias = Sequence[str] | Mapping[str, str]

_SHOWN = 3
_FEW = 8


@dataclass(frozen=True)
class ItemColumn:
    """The column of one item.

    Attributes
    ----------
    column : str
        Name of the column.
    values : ndarray of int or float, shape (n,)
        The answers as numbers, NaN where nothing stands.
    missing : ndarray of bool, shape (n,), or None
        Where a declared code stands for a missing answer; None if nowhere.
    kinds : mapping of str to ndarray of bool, shape (n,)
        Where each kind of missing stands, those that occur; the blank ones too.
    found : frozenset
        The declared codes that occur.
    """

    column: str
    values: npt.NDArray[np.generic]
    missing: BoolArray | None
    kinds: Mapping[str, BoolArray]
    found: frozenset[float | str]


def columns_of_items(
    df: pd.DataFrame, scale: Scale, items: ItemNames | None, wanted: Sequence[str]
) -> dict[str, str]:
    """Find the column of every item that is wanted.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    scale : Scale
        The scale.
    items : sequence of str, mapping of str to str, or None
        The columns in the order of the items, or by item; None if columns are named as the items.
    wanted : sequence of str
        Items that the scores need.

    Returns
    -------
    dict of str to str
        Columns by item.

    Raises
    ------
    evalkit.errors.InputError
        If a column is missing, or stands for two items.
    """
    if items is None:
        absent = [item for item in wanted if item not in df.columns]
        if absent:
            raise InputError.of(
                "items",
                required=f"given, since the columns are not named as the items of {scale.name}",
                got="None",
                where=absent,
                remedy=f"Pass the {len(scale.items)} columns in the order of the form, or "
                "items={'" + absent[0] + "': 'your column', ...}.",
            )
        return {item: item for item in wanted}
    if isinstance(items, Mapping):
        chosen = {str(item): column for item, column in items.items()}
        unknown = [item for item in chosen if item not in scale.items]
        lacking = [item for item in wanted if item not in chosen]
        if unknown or lacking:
            raise InputError.of(
                "items", required=f"the items of {scale.name} with their columns",
                got=f"{'unknown' if unknown else 'no column for some'} items",
                where=unknown or lacking,
            )  # fmt: skip
    else:
        if not isinstance(cast("object", items), Iterable):
            raise InputError.of("items", required="a list of columns, or a mapping", got=items)
        given = [items] if isinstance(items, str) else list(items)
        if len(given) != len(scale.items):
            raise InputError.of(
                "items",
                required=f"{len(scale.items)} columns, one for each item of {scale.name}",
                got=f"{len(given)}",
                remedy="To score some subscales only, pass items as a mapping and subscales=.",
            )
        chosen = dict(zip(scale.items, given, strict=True))
    used = {item: chosen[item] for item in wanted}
    check_known(df, items=list(used.values()))
    twice = [column for column, times in Counter(used.values()).items() if times > 1]
    if twice:
        raise InputError.of("items", required="one column for each item", got="repeats",
                            where=twice)  # fmt: skip
    return used


def read_item(
    df: pd.DataFrame,
    column: str,
    kinds: Mapping[float | str, str],
    mapping: Mapping[object, float] | None,
) -> ItemColumn:
    """Read the answers to one item.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    column : str
        The column.
    kinds : mapping
        Kinds of missing by code, as :func:`check_missing_codes` gives them.
    mapping : mapping of label to number, or None
        Codes of the labels, for columns that hold labels; NaN for a label that stands for a
        missing answer. Numbers are codes already, unless the mapping has numbers for labels.

    Returns
    -------
    ItemColumn
        The answers as numbers.

    Raises
    ------
    evalkit.errors.InputError
        If the column holds labels, and there is no code for one; or true and false.
    """
    check_columns(df, items=[column])
    series = df[column]
    known = {} if mapping is None else dict(mapping)
    recodes = any(isinstance(label, Real) for label in known)  # numbers, or true and false
    numbers = None if recodes else _plain_numbers(series)
    if numbers is None:
        return _read_labels(series, column, kinds, known, own=not recodes)
    found: set[float | str] = set()
    by_kind: dict[str, BoolArray] = {}
    missing: BoolArray | None = None
    for code, kind in kinds.items():
        if isinstance(code, str):
            continue
        here: BoolArray = numbers == code
        if here.any():
            found.add(code)
            by_kind[kind] = here | by_kind[kind] if kind in by_kind else here
            missing = here if missing is None else missing | here
    if numbers.dtype.kind == "f":
        blank = np.isnan(cast("FloatArray", numbers))
        if blank.any():
            by_kind[BLANK] = blank
    return ItemColumn(column, numbers, missing, by_kind, frozenset(found))


def _plain_numbers(series: pd.Series[Any]) -> npt.NDArray[np.generic] | None:
    """Return a column's numbers; None if it holds labels."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        if series.cat.categories.dtype.kind not in "iuf":
            return None
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    kind = series.dtype.kind
    if isinstance(series.dtype, np.dtype) and kind in "iuf":
        return series.to_numpy()
    if kind in "iuf":  # nullable numbers
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "b":
        raise InputError.of(
            str(series.name), required="codes", got="true and false",
            remedy="Say which code each is: df[column].astype(int), or pass mapping=.",
        )  # fmt: skip
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    if inferred in {"integer", "floating", "mixed-integer-float", "decimal", "empty"}:
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if inferred == "boolean" or any(isinstance(value, (bool, np.bool_)) for value in series):
        raise InputError.of(
            str(series.name), required="codes", got="true and false",
            remedy="Say which code each is: df[column].astype(int), or pass mapping=.",
        )  # fmt: skip
    return None


def _read_labels(
    series: pd.Series[Any],
    column: str,
    kinds: Mapping[float | str, str],
    known: Mapping[object, float],
    *,
    own: bool,
) -> ItemColumn:
    """Read a column of labels through a mapping to codes; a number may be its own code."""
    import pandas as pd

    positions, levels = pd.factorize(series, use_na_sentinel=True)
    where = np.asarray(cast("Any", positions), dtype=np.int64)
    labels: list[object] = list(cast("Iterable[object]", levels))
    strange = [
        label
        for label in labels
        if label not in known and _key(label) not in kinds and not (own and is_number(label))
    ]
    if not known and strange:
        raise InputError.of(
            column, required="codes", got=f"labels such as {_quoted(strange)}",
            remedy="Labels have no order of their own: pass mapping={label: code, ...}.",
        )  # fmt: skip
    if strange:
        raise InputError.of(
            column, required="labels that mapping= gives a code", got=_quoted(strange),
            remedy="Add them to mapping, or declare them in missing_codes.",
        )  # fmt: skip
    codes = np.full(len(labels) + 1, np.nan)
    by_kind: dict[str, BoolArray] = {}
    found: set[float | str] = set()
    missing: BoolArray | None = None
    for i, label in enumerate(labels):
        key = _key(label)
        if key not in kinds:
            key = _code(known.get(label, label), label)
        if key in kinds or key != key:
            here: BoolArray = where == i
            kind = kinds.get(key, str(label))  # one that the mapping gives NaN is its own kind
            by_kind[kind] = here | by_kind[kind] if kind in by_kind else here
            missing = here if missing is None else missing | here
            found |= {key} & set(kinds)
        else:
            codes[i] = key
    blank: BoolArray = where < 0
    if blank.any():
        by_kind[BLANK] = blank
    return ItemColumn(column, codes[where], missing, by_kind, frozenset(found))


def _key(label: object) -> float | str:
    """Return a label as missing codes are kept: numbers as floats."""
    return float(cast("float", label)) if is_number(label) else str(label)


def _code(code: object, label: object) -> float:
    """Return the code that a mapping gives a label."""
    if isinstance(code, bool) or not isinstance(code, (Real, Decimal)):
        raise InputError.of("mapping", required="numbers by label", got=f"{label!r}: {code!r}")
    return float(code)


def _quoted(values: Sequence[object]) -> str:
    """Show the first few values."""
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(repr(value) for value in values[:_SHOWN]) + more


def outside_range(
    refused: Mapping[str, tuple[ItemColumn, BoolArray]],
    limits: Mapping[str, tuple[float, float]],
) -> InputError:
    """Word the error for values that no answer can have.

    Parameters
    ----------
    refused : mapping of str to (ItemColumn, ndarray of bool)
        By item, its column and where the values stand.
    limits : mapping of str to tuple of float
        The declared range of each item, also of those whose values are allowed.

    Returns
    -------
    InputError
        The error: how many, which, and what to do. Values are never clipped.
    """
    texts: list[str] = []
    outside: list[float] = []
    fractional = False
    for item, (read, wrong) in refused.items():
        low, high = limits[item]
        values = read.values[wrong].astype(np.float64)
        beyond = values[(values < low) | (values > high)]
        if len(beyond):
            text = f"{_so_many(beyond)} outside {low:g}-{high:g} ({_counted(beyond)})"
            outside.extend(beyond.tolist())
        else:
            fractional = True
            text = f"{_so_many(values)} not whole ({_counted(values)})"
        texts.append(f"{read.column}: {text}")
    first, *others = texts
    ends = limits.values()
    free = [code for code in dict.fromkeys(outside) if not any(a <= code <= b for a, b in ends)]
    remedy = "Fix range, or the data." if outside else ""
    if free:
        listed = ", ".join(f"{code:g}" for code in free[:_FEW])
        remedy = f"Declare missing_codes={{{listed}}}, or fix range."
    if fractional:
        remedy += " Fractions need a Scale with fractions=True."
    more = f" Also {'; '.join(others[:4])}" + (
        f"; and {len(others) - 4} more items." if len(others) > 4 else "."
    )
    return InputError(f"{first}. {remedy.strip()}{more if others else ''}")


def _so_many(values: FloatArray) -> str:
    """Say how many values there are."""
    return "1 value" if len(values) == 1 else f"{len(values)} values"


def _counted(values: FloatArray) -> str:
    """Show values with how often they occur, the most frequent first."""
    listed: list[float] = values.tolist()
    counts = Counter(listed).most_common()
    shown = ", ".join(f"{value:g} x {times}" for value, times in counts[:_FEW])
    return shown + (f" and {len(counts) - _FEW} other values" if len(counts) > _FEW else "")
