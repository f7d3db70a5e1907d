"""Codes that stand for missing answers: which they are, and what kind of missing each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Real
from typing import Any, TypeAlias, cast

from evalkit.errors import InputError

__all__ = ["BLANK", "MissingCodes", "check_codes_apart", "check_missing_codes", "is_number"]

MissingCodes: TypeAlias = float | str | Iterable[float | str] | Mapping[Any, str]

BLANK = "not answered"
"""The kind of a missing answer that has no code."""


def check_missing_codes(missing_codes: MissingCodes) -> tuple[dict[float | str, str], bool]:
    """Return the kind of missing that each declared code stands for.

    Parameters
    ----------
    missing_codes : number, str, iterable of them, or mapping of them to str
        The codes; a mapping names what kind of missing each is.

    Returns
    -------
    kinds : dict
        Kinds by code.
    named : bool
        Whether the caller named the kinds.

    Raises
    ------
    evalkit.errors.InputError
        If a code is neither a number nor a label.
    """
    named = isinstance(missing_codes, Mapping)
    if isinstance(missing_codes, (str, Real)):
        codes: list[object] = [missing_codes]
    elif isinstance(cast("object", missing_codes), Iterable):
        codes = list(cast("Iterable[object]", missing_codes))
    else:
        raise InputError.of("missing_codes", required="a code, or several", got=repr(missing_codes))
    kinds: dict[float | str, str] = {}
    for code in codes:
        if isinstance(code, str):
            key: float | str = code
        elif is_number(code):
            key = float(cast("float", code))
        else:
            raise InputError.of(
                "missing_codes", required="numbers such as 99, or labels", got=repr(code)
            )
        own = f"code {key}" if isinstance(key, str) else f"code {key:g}"
        given = cast("Mapping[Any, str]", missing_codes)[code] if named else own
        if given == BLANK or not isinstance(cast("object", given), str):
            raise InputError.of(
                "missing_codes", required=f"kinds named by words other than {BLANK!r}",
                got=repr(given),
            )  # fmt: skip
        kinds[key] = given
    return kinds, named


def check_codes_apart(
    kinds: Mapping[float | str, str], limits: Mapping[str, tuple[float, float]]
) -> None:
    """Refuse a missing code that is a possible answer.

    Parameters
    ----------
    kinds : mapping
        Kinds of missing by code, as :func:`check_missing_codes` gives them.
    limits : mapping of str to tuple of float
        The declared range of each column.

    Raises
    ------
    evalkit.errors.InputError
        If a code lies within the range of a column.
    """
    for code in kinds:
        if isinstance(code, str):
            continue
        possible = [column for column, (low, high) in limits.items() if low <= code <= high]
        if possible:
            raise InputError.of(
                "missing_codes", required="codes that no answer can have",
                got=f"{code:g}, within the declared range", where=possible,
                remedy="If it does mean missing in these columns, replace it by NaN there first.",
            )  # fmt: skip


def is_number(value: object) -> bool:
    """Say whether a value is a number.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    bool
        False for true and false, and for what is missing.
    """
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        return False
    return float(value) == float(value)
