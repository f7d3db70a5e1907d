"""Checks of arguments that every domain package shares, with one shape of message.

Each check returns the argument in the form that the caller needs, or raises an
:class:`evalkit.errors.InputError` that names the argument, what it must be, what came instead,
where, and what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evalkit.errors import InputError
from evalkit.typing import IntArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "check_choice",
    "check_columns",
    "check_counts",
    "check_labels",
    "check_level",
    "check_share",
    "check_successes",
    "resolve_rng",
]

_LISTED = 20
_LARGEST_COUNT = 2**53  # beyond this a float no longer holds every whole number


def check_columns(df: pd.DataFrame, **columns: str | Iterable[str] | None) -> list[str]:
    """Check that the columns named by the arguments stand in a frame, once each.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame to look in.
    **columns : str, iterable of str or None
        The caller's arguments by name: ``check_columns(df, outcome=outcome, strata=strata)``.

    Returns
    -------
    list of str
        The names in the order asked for, each once; ``None`` is passed over.

    Raises
    ------
    evalkit.errors.InputError
        If a name is no column of ``df``, or the name of several.
    """
    times = Counter(df.columns)
    names: dict[str, None] = {}
    for argument, value in columns.items():
        if value is None:
            continue
        asked = [value] if isinstance(value, str) else list(value)
        absent = [name for name in asked if times[name] == 0]
        if absent:
            known = [str(name) for name in df.columns]
            more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
            raise InputError.of(
                argument,
                required="a column of df",
                got=", ".join(repr(name) for name in absent),
                remedy=f"Columns available: {', '.join(known[:_LISTED]) or 'none'}{more}.",
            )
        repeated = [name for name in asked if times[name] > 1]
        if repeated:
            raise InputError.of(
                argument,
                required="the name of one column of df",
                got=f"{repeated[0]!r}, the name of {times[repeated[0]]} columns",
                remedy="Give every column a name of its own.",
            )
        names |= dict.fromkeys(asked)
    return list(names)


def check_counts(argument: str, values: npt.ArrayLike, *, minimum: int = 0) -> IntArray:
    """Return counts as a one-dimensional array of integers.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    values : array_like
        One count or a sequence of them; ``3.0`` is a count, ``3.5``, ``True`` and missing are not.
    minimum : int, default 0
        Smallest count allowed.

    Returns
    -------
    ndarray of int64, shape (k,)
        The counts.

    Raises
    ------
    evalkit.errors.InputError
        If a value is not a whole number of at least ``minimum``.
    """
    given = np.atleast_1d(np.asarray(values, dtype=object))
    if given.ndim != 1:
        raise InputError.of(
            argument, required="one number or a flat sequence", got=f"shape {given.shape}"
        )
    wrong = [i for i, value in enumerate(given) if not _is_count(value, minimum)]
    if wrong:
        raise InputError.of(
            argument,
            required=f"whole numbers of at least {minimum}",
            got=", ".join(repr(given[i]) for i in wrong[:3]),
            where=(f"position {i}" for i in wrong),
        )
    return given.astype(np.int64)


def _is_count(value: object, minimum: int) -> bool:
    """Say whether one value is a whole number from ``minimum`` up."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        return False
    number = float(value)
    return number.is_integer() and minimum <= number <= _LARGEST_COUNT


def check_successes(
    successes: npt.ArrayLike, n: npt.ArrayLike, *, names: tuple[str, str] = ("successes", "n")
) -> tuple[IntArray, IntArray]:
    """Return successes and numbers of trials, of the same length, with successes <= n.

    Parameters
    ----------
    successes, n : array_like
        Counts; ``n`` at least 1.
    names : tuple of str, default ("successes", "n")
        Names of the two arguments, for the message.

    Returns
    -------
    tuple of ndarray of int64, shape (k,)
        The two arrays; a single number is repeated to the length of the other.

    Raises
    ------
    evalkit.errors.InputError
        If either is not a count, the lengths differ, or a count exceeds its ``n``.
    """
    x = check_counts(names[0], successes)
    total = check_counts(names[1], n, minimum=1)
    if len(x) != len(total) and 1 not in (len(x), len(total)):
        raise InputError.of(
            names[0], required=f"as long as {names[1]} ({len(total)})", got=f"{len(x)} values"
        )
    shape = np.broadcast_shapes(x.shape, total.shape)
    x, total = np.broadcast_to(x, shape).copy(), np.broadcast_to(total, shape).copy()
    wrong = np.flatnonzero(x > total)
    if len(wrong):
        raise InputError.of(
            names[0],
            required=f"at most {names[1]}",
            got=", ".join(f"{x[i]} of {total[i]}" for i in wrong[:3]),
            where=(f"position {i}" for i in wrong),
        )
    return x, total


def check_share(argument: str, value: object) -> float:
    """Return a share as a float.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        A number strictly between 0 and 1.

    Returns
    -------
    float
        The share.

    Raises
    ------
    evalkit.errors.InputError
        If ``value`` is not a number strictly between 0 and 1.
    """
    if isinstance(value, Real) and 0 < float(value) < 1:
        return float(value)
    raise InputError.of(
        argument,
        required="a number strictly between 0 and 1",
        got=repr(value),
        remedy="Write a percentage as a share, 0.95 for 95 %.",
    )


def check_level(level: object) -> float:
    """Return a confidence level as a float.

    Parameters
    ----------
    level : object
        A number strictly between 0 and 1.

    Returns
    -------
    float
        The level.

    Raises
    ------
    evalkit.errors.InputError
        If ``level`` is not a number strictly between 0 and 1.
    """
    return check_share("level", level)


def check_choice(argument: str, value: object, choices: Sequence[str]) -> str:
    """Return the value if it is one of the choices.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        What the caller gave.
    choices : sequence of str
        What is allowed.

    Returns
    -------
    str
        The value.

    Raises
    ------
    evalkit.errors.InputError
        If the value is none of the choices.
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError.of(
            argument,
            required="one of " + ", ".join(repr(choice) for choice in choices),
            got=repr(value),
        )
    return value


def check_labels(argument: str, labels: Iterable[object], *, length: int) -> list[str]:
    """Return labels as strings, one for each of ``length`` groups, no two alike.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    labels : iterable
        The labels.
    length : int
        How many there must be.

    Returns
    -------
    list of str
        The labels.

    Raises
    ------
    evalkit.errors.InputError
        If there are too many, too few or the same one twice, or they came as one string.
    """
    if isinstance(labels, str):
        raise InputError.of(
            argument, required="a sequence of labels", got=repr(labels), remedy="Put it in a list."
        )
    texts = [str(label) for label in labels]
    if len(texts) != length:
        raise InputError.of(
            argument, required=f"{length} labels, one a group", got=f"{len(texts)}", where=texts
        )
    twice = [text for text, times in Counter(texts).items() if times > 1]
    if twice:
        raise InputError.of(argument, required="labels that differ", got="repeats", where=twice)
    return texts


def resolve_rng(rng: RandomSource) -> np.random.Generator:
    """Return the random generator that an ``rng`` argument stands for.

    Parameters
    ----------
    rng : int, numpy.random.Generator or None
        A seed, a generator that is used as it is, or None for one seeded by the system.

    Returns
    -------
    numpy.random.Generator
        The generator.

    Raises
    ------
    evalkit.errors.InputError
        If ``rng`` is something else, such as a negative number or a ``RandomState``.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or _is_seed(rng):
        return np.random.default_rng(rng)
    raise InputError.of(
        "rng",
        required="a whole number of at least 0, a numpy.random.Generator or None",
        got=repr(rng),
    )


def _is_seed(value: object) -> bool:
    """Say whether a value is a whole number that can seed a generator."""
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 0
