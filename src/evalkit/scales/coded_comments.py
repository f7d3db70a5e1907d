"""Codes that people have given to open comments: one, several, or explicitly none for each."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import plain
from evalkit.errors import InputError
from evalkit.typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CodedComments", "check_codes", "read_codes"]


@dataclass(frozen=True)
class CodedComments:
    """Which codes each comment has.

    Attributes
    ----------
    codes : tuple
        All codes, in their order.
    member : ndarray of bool, shape (n, k)
        Whether a comment has a code.
    known : ndarray of bool, shape (n,)
        Whether the comment has been coded, if only with an empty list.
    """

    codes: tuple[object, ...]
    member: BoolArray
    known: BoolArray

    @property
    def several(self) -> BoolArray:
        """Comments with more than one code."""
        return np.asarray(self.member.sum(axis=1) > 1)

    @property
    def none(self) -> BoolArray:
        """Comments that have been coded, with no code."""
        return self.known & ~self.member.any(axis=1)


def check_codes(codes: Collection[object] | None) -> tuple[object, ...] | None:
    """Return the codes that a caller allows.

    Parameters
    ----------
    codes : collection or None
        The codes; a mapping has them as keys.

    Returns
    -------
    tuple or None
        The codes.

    Raises
    ------
    evalkit.errors.InputError
        If they came as one text, are fewer than two, or repeat.
    """
    if codes is None:
        return None
    found = () if isinstance(codes, str) else tuple(plain(one) for one in codes)
    if len(found) < 2 or len({*found}) < len(found):
        raise InputError.of("codes", required="two or more codes, once each", got=repr(codes))
    return found


def read_codes(
    df: pd.DataFrame,
    columns: Sequence[str],
    *,
    codes: tuple[object, ...] | None,
    separator: str | None,
    argument: str,
) -> list[CodedComments]:
    """Read columns of codes.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each comment.
    columns : sequence of str
        Columns whose cells hold a code, a list of codes, or a text of codes.
    codes : tuple or None
        The codes allowed; those that occur, sorted, if None.
    separator : str or None
        What stands between the codes of a text; None if a text is one code.
    argument : str
        Name of the caller's argument.

    Returns
    -------
    list of CodedComments
        One for each column, all with the same codes.

    Raises
    ------
    evalkit.errors.InputError
        If a code is not allowed, or no comment has any.
    """
    cells = {name: [_cell(value, separator) for value in df[name].tolist()] for name in columns}
    met = {code for column in cells.values() for cell in column if cell for code in cell}
    if not met:
        raise InputError.of(argument, required="columns with codes", got="none")
    endless = frozenset({math.inf, -math.inf})
    for name, column in cells.items():
        if any(cell and cell & endless for cell in column):
            raise InputError.of(argument, required=f"finite codes, or texts ({name!r})", got="inf")
    allowed = codes or tuple(sorted(met, key=lambda one: (type(one).__name__, str(one))))
    _refuse_unknown(df, cells, allowed, argument)
    place = {code: i for i, code in enumerate(allowed)}
    read: list[CodedComments] = []
    for column in cells.values():
        member = np.zeros((len(df), len(allowed)), dtype=np.bool_)
        for row, cell in enumerate(column):
            member[row, [place[code] for code in cell or ()]] = True
        known = np.array([cell is not None for cell in column], dtype=np.bool_)
        read.append(CodedComments(allowed, member, known))
    return read


def _cell(value: object, separator: str | None) -> frozenset[object] | None:
    """Return the codes of one cell; None where nothing stands."""
    if isinstance(value, str):
        parts = [value] if separator is None else value.split(separator)
        texts = [part.strip() for part in parts]
        return frozenset(text for text in texts if text) or None
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return frozenset(plain(one) for one in cast("Sequence[object]", value))
    missing: Any = value is None or value != value
    return None if str(value) == "<NA>" or missing else frozenset([plain(value)])


def _refuse_unknown(
    df: pd.DataFrame,
    cells: dict[str, list[frozenset[object] | None]],
    allowed: tuple[object, ...],
    argument: str,
) -> None:
    """Refuse codes that are not allowed, and suggest what was meant."""
    wrong = [
        (name, row, code)
        for name, column in cells.items()
        for row, cell in enumerate(column)
        for code in cell or ()
        if code not in allowed
    ]
    if not wrong:
        return
    strange = str(wrong[0][2])
    near = difflib.get_close_matches(strange, [str(one) for one in allowed], n=1)
    raise InputError.of(
        argument,
        required="codes among " + ", ".join(repr(one) for one in allowed),
        got=repr(wrong[0][2]),
        where=(f"{name!r}, row {plain(df.index[row])!r}" for name, row, _ in wrong),
        remedy=(f"Did you mean {near[0]!r}? " if near else "")
        + "Cells with several codes are lists, or texts with separator=.",
    )
