"""The participants as shares by group: from persons, from counts, or from published shares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import (
    Names,
    as_names,
    check_known,
    cross,
    labels,
    numbers,
    refuse_rows,
    rows_where,
)
from evalkit.errors import InputError
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EVERYBODY", "GroupShare", "everybody", "published_shares", "shares_of_counts"]

EVERYBODY = "all participants"
"""Name of all groups together."""

_ROUNDING = 1e-9  # of arithmetic, beside that of the printed share


@dataclass(frozen=True)
class GroupShare:
    """One group of participants.

    Parameters
    ----------
    group : str
        Its name.
    share : float
        Share of successes, as printed or as counted.
    n : int or None
        Persons, if known.
    least, greatest : int
        Numbers of successes that are possible; the same if it is known.
    half : float
        Half of what the share is rounded to; 0 if it is exact.
    """

    group: str
    share: float
    n: int | None
    least: int
    greatest: int
    half: float = 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest that the share can be."""
        if self.n is not None:
            return self.least / self.n, self.greatest / self.n
        return max(self.share - self.half, 0.0), min(self.share + self.half, 1.0)


def shares_of_counts(
    groups: tuple[tuple[object, ...], ...], successes: FloatArray, n: FloatArray
) -> list[GroupShare]:
    """Return the shares of groups that were counted.

    Parameters
    ----------
    groups : tuple of tuple
        The groups; ``((),)`` for everybody.
    successes, n : ndarray of float, shape (G,)
        Counts.

    Returns
    -------
    list of GroupShare
        One for each group.
    """
    found: list[GroupShare] = []
    for group, x, total in zip(groups, successes.tolist(), n.tolist(), strict=True):
        name = ", ".join(str(part) for part in group) or EVERYBODY
        found.append(GroupShare(name, x / total, int(total), int(x), int(x)))
    return found


def everybody(groups: list[GroupShare]) -> GroupShare | None:
    """Return all groups as one; None where a group's number of persons is unknown.

    Parameters
    ----------
    groups : list of GroupShare
        The groups.

    Returns
    -------
    GroupShare or None
        All of them.
    """
    known = [(one.n, one.least, one.greatest) for one in groups if one.n is not None]
    if len(known) < len(groups):
        return None
    n, least, greatest = (sum(one[i] for one in known) for i in range(3))
    return GroupShare(EVERYBODY, (least + greatest) / (2 * n), n, least, greatest)


def published_shares(
    df: pd.DataFrame, *, share: str, n: str | None, by: Names | None, rounding: float
) -> tuple[list[GroupShare], Mapping[str, int]]:
    """Read shares as they were published.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each group.
    share : str
        Column with the shares.
    n : str or None
        Column with the numbers of persons, missing where unknown.
    by : str, sequence of str or None
        Columns that name the groups; else the index does.
    rounding : float
        What the shares are rounded to.

    Returns
    -------
    groups : list of GroupShare
        The groups.
    n_dropped : mapping of str to int
        Rows without a share.

    Raises
    ------
    evalkit.errors.InputError
        If shares are percentages, groups stand twice, or no number of successes gives a share.
    """
    if not 0 <= rounding < 1:
        raise InputError.of("rounding", required="from 0 to below 1", got=repr(rounding))
    columns = as_names(by)
    check_known(df, share=share, n=n, by=columns)
    values = numbers(df, share, "share")
    wrong = (values < 0) | (values > 1)
    percent = bool((values[wrong] <= 100).all()) and bool((values[wrong] >= 0).all())
    refuse_rows(
        df, wrong, "share", share, "a share from 0 to 1", values,
        remedy="These look like percentages: divide by 100 (58 % is 0.58)." if percent else "",
    )  # fmt: skip
    persons = np.full(len(df), np.nan) if n is None else numbers(df, n, "n")
    bad = ~np.isnan(persons) & (~(persons >= 1) | (persons != np.round(persons)))
    refuse_rows(df, bad, "n", n or "", "a whole number of persons, at least 1", persons)
    names = _names(df, columns)
    found: list[GroupShare] = []
    impossible = np.zeros(len(df), dtype=np.bool_)
    half = rounding / 2
    for i, (name, p, total) in enumerate(zip(names, values.tolist(), persons.tolist(),
                                             strict=True)):  # fmt: skip
        if math.isnan(p):
            continue
        if math.isnan(total):
            found.append(GroupShare(name, p, None, 0, 0, half))
            continue
        size = int(total)
        least = max(math.ceil((p - half - _ROUNDING) * size), 0)
        greatest = min(math.floor((p + half + _ROUNDING) * size), size)
        impossible[i] = least > greatest
        found.append(GroupShare(name, p, size, least, greatest, half))
    if impossible.any():
        raise InputError.of(
            "share",
            required=f"one that a number of successes of {n!r} gives, rounded to {rounding:g}",
            got=f"{int(impossible.sum())} rows where none does",
            where=rows_where(df, impossible),
            remedy="Check base and rounding: the share may be of other people than n counts.",
        )
    if not found:
        raise InputError.of("share", required="there in some row", got="none")
    gone = int(np.isnan(values).sum())
    return found, {f"missing {share}": gone} if gone else {}


def _names(df: pd.DataFrame, columns: list[str]) -> list[str]:
    """Name the groups, which must differ."""
    if columns:
        coded = [labels(df[name]) for name in columns]
        for name, one in zip(columns, coded, strict=True):
            refuse_rows(df, one.codes < 0, "by", name, "there in every row", None)
        codes, levels = cross(coded, slice(None), single=False)
        assert codes is not None  # there are columns
        cells = cast("tuple[tuple[object, ...], ...]", levels)
        names = [", ".join(str(part) for part in cells[code]) for code in codes.tolist()]
    else:
        names = [str(label) for label in df.index.tolist()] if len(df) > 1 else [EVERYBODY]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError.of(
            "df", required="one row for each group of shares", got="repeats", where=twice
        )
    return names
