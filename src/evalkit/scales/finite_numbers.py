"""Numbers as a caller gives them: a sequence of finite ones, or not."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from numbers import Real
from typing import cast

__all__ = ["is_finite_number", "numbers_of"]


def is_finite_number(value: object) -> bool:
    """Say whether a value is a finite number; true and false are none.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    bool
        Whether it is.
    """
    return isinstance(value, Real) and value is not True and value is not False and isfinite(value)


def numbers_of(given: object) -> list[float]:
    """Return what a caller gave as a sequence of finite numbers.

    Parameters
    ----------
    given : object
        The argument.

    Returns
    -------
    list of float
        The numbers; empty if it is no sequence, or one of them is no finite number.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        return []
    listed = list(cast("Iterable[object]", given))
    return (
        [float(cast("float", value)) for value in listed]
        if all(map(is_finite_number, listed))
        else []
    )
