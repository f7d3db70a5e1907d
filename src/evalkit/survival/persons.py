"""Persons with several rows: which row is the first, which the last, and do they follow on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import labels, rows_where
from evalkit.core.sample import Sample
from evalkit.errors import InputError
from evalkit.kernels.time_index import TIE
from evalkit.typing import BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_persons", "rows_used"]


def read_persons(
    df: pd.DataFrame, sample: Sample, name: str | None
) -> tuple[IntArray | None, BoolArray | None, BoolArray | None]:
    """Code the persons, mark each one's first and last row, and check that the rows follow on.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    sample : Sample
        The rows used.
    name : str or None
        Column that names the persons; None if every row is one.

    Returns
    -------
    tuple of ndarray or None, shape (n,)
        Codes of the persons, None without a column; whether a row is its person's first, and
        last, None if all are.

    Raises
    ------
    evalkit.errors.InputError
        If a person's rows leave gaps or overlap, or an earlier one has an event.
    """
    if name is None:
        return None, None, None
    person = labels(df[name].iloc[sample.rows], ordered=False).codes
    person = np.unique(person, return_inverse=True)[1]
    order = np.lexsort((sample.time, person))
    same = person[order][1:] == person[order][:-1]
    if not same.any():
        return person, None, None
    if sample.entry is None:
        raise InputError.of(
            "entry",
            required=f"given where {name!r} has several rows",
            got="None",
            where=rows_used(df, sample, order[1:][same]),
            remedy="Give the column with the start of each row.",
        )
    start, end = sample.entry[order][1:], sample.time[order][:-1]
    apart = same & (np.abs(start - end) > TIE * np.maximum(np.abs(start), np.abs(end)))
    if apart.any():
        raise InputError.of(
            "id",
            required=f"of persons whose rows follow each other without gap or overlap ({name!r})",
            got=f"{int(apart.sum())} rows that do not begin where the one before ends",
            where=rows_used(df, sample, order[1:][apart]),
            remedy="Rows dropped for missing values leave gaps too.",
        )
    early = same & (sample.event[order][:-1] > 0)
    if early.any():
        raise InputError.of(
            "id",
            required=f"of persons with an event in their last row only ({name!r})",
            got=f"{int(early.sum())} events in earlier rows",
            where=rows_used(df, sample, order[:-1][early]),
        )
    first, last = np.ones(sample.n, dtype=bool), np.ones(sample.n, dtype=bool)
    first[order[1:][same]] = False
    last[order[:-1][same]] = False
    return person, first, last


def rows_used(df: pd.DataFrame, sample: Sample, used: IntArray) -> list[str]:
    """Name rows, given by their positions among those used.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    sample : Sample
        The rows used.
    used : ndarray of int
        Positions.

    Returns
    -------
    list of str
        Names for a message.
    """
    mask = np.zeros(len(df), dtype=bool)
    mask[sample.rows[used]] = True
    return rows_where(df, mask)
