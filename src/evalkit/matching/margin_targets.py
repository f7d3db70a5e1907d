"""Riket's margins as targets for weights: read, checked, and coded beside the participants."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from evalkit.core.columns import check_known, cross, labels, plain
from evalkit.errors import InputError
from evalkit.matching.reference_table import cell_names
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MarginTargets", "Margins", "is_mapping", "read_margins", "said_briefly"]

Margins: TypeAlias = "Mapping[Any, Mapping[Any, float] | pd.Series[Any]]"
"""Shares or counts of the levels of each column, or of the joint levels of several."""

Cell = tuple[object, ...]

_ROUNDED = 0.02  # shares of a margin that is printed in whole percent add up to 1 within this


@dataclass(frozen=True, eq=False)
class MarginTargets:
    """Margins, and the levels of each row in them.

    Parameters
    ----------
    variables : tuple of tuple of str
        Columns of each margin.
    levels : tuple of tuple
        Levels of each margin, as tuples of values.
    targets : tuple of ndarray of float
        Totals that the weights are to have.
    codes : tuple of ndarray of int, shape (n,)
        Level of each row used.
    rows : ndarray of int, shape (n,)
        Positions of the rows used.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        What was assumed.
    """

    variables: tuple[tuple[str, ...], ...]
    levels: tuple[tuple[Cell, ...], ...]
    targets: tuple[FloatArray, ...]
    codes: tuple[IntArray, ...]
    rows: IntArray
    n_dropped: Mapping[str, int]
    notes: tuple[str, ...]

    def name(self, margin: int, level: int) -> str:
        """Name a level of a margin, for instance ``sex=woman``."""
        return cell_names(self.variables[margin], self.levels[margin][level])


def read_margins(
    df: pd.DataFrame, margins: Margins, *, total: float | None, start: FloatArray
) -> MarginTargets:
    """Read and check margins.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants.
    margins : mapping
        Shares or counts by level, for each column or tuple of columns.
    total : float, optional
        What weights are to add up to, where margins are shares; else that of the start.
    start : ndarray of float, shape (n,)
        Weights to start from.

    Returns
    -------
    MarginTargets
        The targets.

    Raises
    ------
    evalkit.errors.InputError
        If margins are no shares and no counts with one total, or name levels that nobody has, or
        lack levels that somebody has.
    """
    if not is_mapping(margins):
        raise InputError.of(
            "margins", required="a mapping of columns to shares by level",
            got=said_briefly(margins),
            remedy="For instance {'sex': {'woman': 0.58, 'man': 0.42}}.",
        )  # fmt: skip
    given = [(_columns(key), value) for key, value in margins.items()]
    check_known(df, margins=list(dict.fromkeys(name for names, _ in given for name in names)))
    read = [_one_margin(names, value) for names, value in given]
    coded = {name: labels(df[name]) for names, _ in given for name in names}
    complete = np.ones(len(df), dtype=np.bool_)
    dropped: dict[str, int] = {}
    for name, one in coded.items():
        gone = complete & (one.codes < 0)
        if gone.any():
            dropped[f"missing {name}"] = int(gone.sum())
            complete &= ~gone
    rows = np.flatnonzero(complete)
    if not len(rows) or not start[rows].any():
        raise InputError.of(
            "df", required="at least one row with a weight and a value in every column used",
            got=f"{len(df)} rows and none such",
        )  # fmt: skip
    codes: list[IntArray] = []
    for (names, _), (levels, values) in zip(given, read, strict=True):
        inside, found = cross([coded[name] for name in names], rows, single=False)
        here = cast("tuple[Cell, ...]", found)
        _check_levels(names, levels, values, here)
        position = {level: i for i, level in enumerate(levels)}
        codes.append(np.array([position[level] for level in here], dtype=np.int64)[inside])
        weighed = np.bincount(codes[-1], start[rows], len(levels))
        _refuse_levels(names, levels, (weighed <= 0) & (values > 0), "weights above 0")
    targets, notes = _totals(given, [values for _, values in read], total, start[rows])
    variables = tuple(names for names, _ in given)
    return MarginTargets(
        variables,
        tuple(levels for levels, _ in read),
        targets,
        tuple(codes),
        rows,
        dropped,
        (*notes, *_missing_interactions(variables)),
    )


def is_mapping(given: object) -> bool:
    """Say whether something is a mapping, or a Series, with something in it.

    Parameters
    ----------
    given : object
        What the caller gave.

    Returns
    -------
    bool
        Whether it has keys and values; a frame has not.
    """
    return hasattr(given, "items") and not hasattr(given, "columns") and len(cast("Any", given)) > 0


def said_briefly(given: object) -> str:
    """Name what is not the mapping that it should be, for a message.

    Parameters
    ----------
    given : object
        What the caller gave.

    Returns
    -------
    str
        Its type, or that it is empty.
    """
    empty = hasattr(given, "__len__") and not len(cast("Any", given))
    return f"an empty {type(given).__name__}" if empty else f"a {type(given).__name__}"


def _columns(key: object) -> tuple[str, ...]:
    """Return the columns of a margin."""
    names = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(
        names
    ):  # fmt: skip
        raise InputError.of(
            "margins", required="keyed by columns, or tuples of different columns", got=repr(names)
        )
    return cast("tuple[str, ...]", names)


def _one_margin(names: tuple[str, ...], given: Any) -> tuple[tuple[Cell, ...], FloatArray]:
    """Return the levels of a margin and their numbers."""
    what = f"margins[{names[0] if len(names) == 1 else names!r}]"
    if not is_mapping(given):
        raise InputError.of(
            what, required="a mapping or a Series of levels to shares", got=said_briefly(given)
        )
    levels: list[Cell] = []
    values: list[float] = []
    for key, value in given.items():
        parts = cast("Cell", key) if len(names) > 1 and isinstance(key, tuple) else (key,)
        level = tuple(plain(part) for part in parts)
        number = np.nan if isinstance(value, (str, bool)) else float(value)
        if len(level) != len(names) or not number >= 0 or np.isinf(number):
            raise InputError.of(
                what,
                required="numbers of at least 0 by level" if len(level) == len(names) else
                f"keyed by tuples of {len(names)} levels",
                got=repr(value) if len(level) == len(names) else repr(level),
                where=[cell_names(names, level)] if len(level) == len(names) else (),
            )  # fmt: skip
        levels.append(level)
        values.append(number)
    if len(set(levels)) < len(levels):
        twice = [level for level in set(levels) if levels.count(level) > 1]
        raise InputError.of(
            what, required="levels that differ", got="repeats",
            where=[cell_names(names, level) for level in twice],
        )  # fmt: skip
    return tuple(levels), np.array(values)


def _check_levels(
    names: tuple[str, ...], levels: tuple[Cell, ...], values: FloatArray, here: tuple[Cell, ...]
) -> None:
    """Refuse levels that only one of the two has."""
    unseen = [level for level in here if level not in set(levels)]
    if unseen:
        raise InputError.of(
            "df",
            required="in levels that the margins have",
            got=f"{len(unseen)} levels that they have not",
            where=[
                ", ".join(f"{k}={v!r}" for k, v in zip(names, level, strict=True))
                for level in unseen
            ],
            remedy="Write the levels alike in both, or add what the margin lacks.",
        )
    present = set(here)
    alone = np.array([level not in present for level in levels], dtype=np.bool_)
    _refuse_levels(names, levels, alone & (values > 0), "people")


def _refuse_levels(
    names: tuple[str, ...], levels: tuple[Cell, ...], wrong: BoolArray, what: str
) -> None:
    """Refuse levels of riket that nobody can stand for."""
    if wrong.any():
        raise InputError.of(
            "df",
            required=f"{what} in every level that riket has people in",
            got=f"{int(wrong.sum())} levels without",
            where=[cell_names(names, one) for one, bad in zip(levels, wrong, strict=True) if bad],
            remedy="Nobody can stand for them: merge levels, or leave them out of the margin, "
            "which then speaks of the rest of riket only.",
        )


def _totals(
    given: list[tuple[tuple[str, ...], Any]],
    values: list[FloatArray],
    total: float | None,
    start: FloatArray,
) -> tuple[tuple[FloatArray, ...], list[str]]:
    """Turn shares, or counts with one total, into totals of weights."""
    sums = np.array([float(one.sum()) for one in values])
    where = [f"{', '.join(names)}: {s:g}" for (names, _), s in zip(given, sums, strict=True)]
    if (np.abs(sums - 1) <= _ROUNDED).all():
        whole = float(start.sum()) if total is None else _positive(total)
        notes = [
            "Shares that add up to " + ", ".join(
                f"{s:g} ({', '.join(names)})" for (names, _), s in zip(given, sums, strict=True)
                if abs(s - 1) > 1e-9
            ) + " were taken as rounded and divided by their sum."
        ] if (np.abs(sums - 1) > 1e-9).any() else []  # fmt: skip
        return tuple(whole * one / one.sum() for one in values), notes
    if (np.abs(sums - 100) <= 100 * _ROUNDED).all():
        raise InputError.of(
            "margins", required="shares from 0 to 1, or counts", got="numbers that add up to 100",
            where=where, remedy="Divide percentages by 100 (58 % is 0.58).",
        )  # fmt: skip
    if sums.max() - sums.min() > 1e-6 * sums.max() or sums.max() < 1:
        raise InputError.of(
            "margins",
            required="shares that add up to 1, or counts that add up to one total",
            got="margins that add up to different totals"
            if len(sums) > 1 else "shares that do not",
            where=where,
            remedy="No weights meet margins that contradict each other: divide each by its sum "
            "if they are of the same people.",
        )  # fmt: skip
    if total is not None:
        raise InputError.of(
            "total", required="left out where margins are counts", got=repr(total),
            remedy="Weights add up to the counts.",
        )  # fmt: skip
    return tuple(values), []


def _positive(total: object) -> float:
    """Return the total as a float."""
    if isinstance(total, (int, float)) and 0 < total < np.inf:
        return float(total)
    raise InputError.of("total", required="a positive number", got=repr(total))


def _missing_interactions(variables: tuple[tuple[Hashable, ...], ...]) -> list[str]:
    """Name the pairs of columns whose joint distribution in riket was not used."""
    names = list(dict.fromkeys(name for one in variables for name in one))
    pairs = [
        f"{a} x {b}" for a, b in combinations(names, 2)
        if not any(a in one and b in one for one in variables)
    ]  # fmt: skip
    if not pairs:
        return []
    how = f"{', '.join(pairs)} go together as they do among the participants"
    return [f"Assumed, since riket's joint distribution is not used: {how}."]
