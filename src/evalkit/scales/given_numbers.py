"""Checks of numbers that callers give beside their data: standard deviations, cut-offs, codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np

from evalkit.core.columns import plain
from evalkit.errors import InputError
from evalkit.scales.finite_numbers import is_finite_number, numbers_of

__all__ = ["by_level", "check_codes", "check_finite", "check_mean_and_sd", "check_truth"]


def check_finite(argument: str, value: object, required: str = "a finite number") -> float:
    """Return a finite number as a float.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        What the caller gave; True and False are no numbers.
    required : str, default "a finite number"
        What it must be, for the message.

    Returns
    -------
    float
        The number.

    Raises
    ------
    evalkit.errors.InputError
        If it is none, or not finite.
    """
    if is_finite_number(value):
        return float(cast("float", value))
    raise InputError.of(argument, required=required, got=repr(value))


def check_mean_and_sd(argument: str, value: object) -> tuple[float, float]:
    """Return the mean and the standard deviation of a group.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        Two numbers, the second above 0.

    Returns
    -------
    tuple of float
        Mean and standard deviation.

    Raises
    ------
    evalkit.errors.InputError
        If it is something else.
    """
    required = "a mean and a standard deviation above 0"
    given = numbers_of(value)
    if len(given) != 2 or not given[1] > 0:
        raise InputError.of(argument, required=required, got=repr(value))
    return given[0], given[1]


def check_truth(argument: str, value: object) -> bool:
    """Return True or False.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        What the caller gave.

    Returns
    -------
    bool
        The value.

    Raises
    ------
    evalkit.errors.InputError
        If it is neither True nor False: a text such as "no" would count as true.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InputError.of(argument, required="True or False", got=repr(value))
    return bool(cast("bool", value))


def check_codes(argument: str, value: object) -> list[float]:
    """Return codes as a list of numbers.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        One code, or several; also a mapping from codes to what they mean.

    Returns
    -------
    list of float
        The codes.

    Raises
    ------
    evalkit.errors.InputError
        If one is no number.
    """
    codes: list[object] = [value]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        codes = list(cast("Iterable[object]", value))
    return [check_finite(argument, code, "numbers such as 99") for code in codes]


def by_level(argument: str, value: object) -> dict[object, object] | None:
    """Return what a mapping or a Series says of each level.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        What the caller gave, such as ``{"Nord": 210}`` or ``register["project"].value_counts()``.

    Returns
    -------
    dict or None
        What stands there by level, not checked; None if it is neither a mapping nor a Series.

    Raises
    ------
    evalkit.errors.InputError
        If a level stands twice.
    """
    import pandas as pd

    if isinstance(value, pd.Series):
        series = cast("pd.Series[float]", value)
        pairs = list(zip(series.index.tolist(), series.tolist(), strict=True))
    elif isinstance(value, Mapping):
        pairs = list(cast("Mapping[object, object]", value).items())
    else:
        return None
    found = {plain(level): part for level, part in pairs}
    if len(found) < len(pairs):
        levels = [plain(level) for level, _ in pairs]
        raise InputError.of(argument, required="each level once", got="repeats",
                            where=(one for one in found if levels.count(one) > 1))  # fmt: skip
    return found
