"""Counts in tables as they are published: numbers, and what stands for a number too small."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import rows_where
from evalkit.errors import InputError
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["count_intervals"]

_BELOW = re.compile(r"^<\s*(\d+)$")
_AT_MOST = re.compile(r"^(?:≤|<=)\s*(\d+)$")
_RANGE = re.compile(r"^(\d+)\s*[-\u2013]\s*(\d+)$")
_NUMBER = re.compile(r"^\d+(?:[\s\u00a0]\d{3})*$")
_SUPPRESSED = {"..", "...", "x", "X", "*"}


def count_intervals(
    df: pd.DataFrame, name: str, n: FloatArray, argument: str, suppressed_from: int
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest number that each cell can stand for.

    Parameters
    ----------
    df : pandas.DataFrame
        The table.
    name : str
        Column with the counts: numbers; ``"<5"``, ``"<=5"`` or ``"1-4"`` for a suppressed one; or
        ``".."``, ``"x"`` or ``"*"`` for one of which nothing is said.
    n : ndarray of float, shape (J,)
        Persons in each cell.
    argument : str
        Name of the caller's argument, for messages.
    suppressed_from : int
        Smallest number behind ``"<5"``, ``"<=5"`` and ``".."``.

    Returns
    -------
    low : ndarray of float, shape (J,)
        The least.
    high : ndarray of float, shape (J,)
        The greatest, at most n.

    Raises
    ------
    evalkit.errors.InputError
        If a cell is none of these, missing, or larger than its n.
    """
    values = cast("list[object]", df[name].tolist())
    ends = [_ends(value, suppressed_from) for value in values]
    wrong = np.array([end is None for end in ends], dtype=np.bool_)
    if wrong.any():
        bad = [repr(value) for value, none in zip(values, wrong, strict=True) if none]
        raise InputError.of(
            argument,
            required=f"numbers, '<5', '1-4' or '..' ({name!r})",
            got=", ".join(bad[:3]),
            where=rows_where(df, wrong),
        )
    found = np.array([end for end in ends if end is not None], dtype=np.float64).reshape(-1, 2)
    low, high = found[:, 0], np.minimum(found[:, 1], n)
    above = low > high
    if above.any():
        raise InputError.of(
            argument,
            required=f"at most the number of persons ({name!r})",
            got=f"{int(above.sum())} cells above it",
            where=rows_where(df, above),
        )
    return low, high


def _ends(value: object, smallest: int) -> tuple[float, float] | None:
    """Return the ends of one cell; None if it cannot be read."""
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        number = float(cast("float", value))
        return (number, number) if number >= 0 and number.is_integer() else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text in _SUPPRESSED:
        return float(smallest), np.inf
    if _NUMBER.match(text):
        number = float(re.sub(r"[\s\u00a0]", "", text))
        return number, number
    for pattern, less in ((_BELOW, 1), (_AT_MOST, 0)):
        match = pattern.match(text)
        if match:
            top = float(match[1]) - less
            return (float(smallest), top) if top >= smallest else None
    match = _RANGE.match(text)
    return (float(match[1]), float(match[2])) if match else None
