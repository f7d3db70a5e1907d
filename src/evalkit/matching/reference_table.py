"""Riket as a table: a share (and a number of persons) for each cell, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import Names, as_names, check_known, cross, labels, numbers, plain
from evalkit.errors import InputError
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ReferenceTable",
    "cell_names",
    "check_frame",
    "check_names",
    "check_shares",
    "place_cells",
    "read_reference",
]

Cell = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class ReferenceTable:
    """Riket's cells.

    Parameters
    ----------
    strata : tuple of str
        Columns that make up the cells.
    cells : tuple of tuple
        The cells, in the order of the table.
    rate : ndarray of float, shape (J,)
        Share of successes in each cell.
    n : ndarray of float, shape (J,), or None
        Persons in each cell.
    """

    strata: tuple[str, ...]
    cells: tuple[Cell, ...]
    rate: FloatArray
    n: FloatArray | None

    def persons(self, why: str) -> FloatArray:
        """Return the persons in each cell; an error that says why they are needed if unknown."""
        if self.n is None:
            raise InputError.of(
                "reference",
                required=f"a table with a column 'n' (persons in each cell), which {why} needs",
                got="a table without it",
            )
        return self.n


def read_reference(reference: pd.DataFrame, strata: Names) -> ReferenceTable:
    """Read and check a table of riket.

    Parameters
    ----------
    reference : pandas.DataFrame
        The strata columns, ``rate`` (shares from 0 to 1), and ``n`` unless only rates are known.
    strata : str or sequence of str
        Columns that make up the cells.

    Returns
    -------
    ReferenceTable
        The cells.

    Raises
    ------
    evalkit.errors.InputError
        If a column is absent, a cell stands twice, a rate is missing or no share (58 for 0.58),
        or ``n`` is no positive number.
    """
    check_names("strata", [strata] if isinstance(strata, str) else strata)
    names = as_names(strata)
    if not names:
        raise InputError.of(
            "strata", required="at least one column", got="none",
            remedy="Give riket's share as a figure to compare_to_riket if it has no cells.",
        )  # fmt: skip
    known = _read_frame(reference, names)
    persons = None
    if "n" in reference.columns:
        persons = numbers(reference, "n", "reference")
        wrong = ~(persons > 0) | np.isinf(persons)
        if wrong.any():
            raise InputError.of(
                "reference['n']",
                required="positive in every cell",
                got=", ".join(f"{value:g}" for value in persons[wrong][:3]),
                where=_named(names, known, wrong),
                remedy="Leave out cells of nobody: reference[reference['n'] > 0].",
            )
    rate = numbers(reference, "rate", "reference")
    check_shares("reference['rate']", rate, [cell_names(names, cell) for cell in known])
    return ReferenceTable(tuple(names), tuple(known), rate, persons)


def check_names(argument: str, names: object) -> None:
    """Refuse what names no columns.

    Parameters
    ----------
    argument : str
        The caller's argument.
    names : object
        What was given.

    Raises
    ------
    evalkit.errors.InputError
        If it is no list or tuple of texts.
    """
    given = cast("list[object]", names) if isinstance(names, (list, tuple)) else [None]
    wrong = [name for name in given if not isinstance(name, str)]
    if wrong:
        raise InputError.of(argument, required="the name of a column", got=repr(wrong[0]))


def _read_frame(reference: pd.DataFrame, names: list[str]) -> list[Cell]:
    """Return the cells of a table, each of which stands there once."""
    check_frame("reference", reference)
    if reference.columns.duplicated().any():
        twice = reference.columns[reference.columns.duplicated()].tolist()
        raise InputError.of("reference", required="columns that differ", got=f"{twice[0]!r} twice")
    absent = [name for name in (*names, "rate") if name not in reference.columns]
    if absent:
        raise InputError.of(
            "reference",
            required=f"a table with the columns {', '.join((*names, 'rate'))} (and n)",
            got=f"one without {', '.join(absent)}",
            remedy=f"Columns available: {', '.join(map(str, reference.columns))}.",
        )
    if not len(reference):
        raise InputError.of("reference", required="at least one cell", got="an empty table")
    gone = [name for name in names if reference[name].isna().any()]
    if gone:
        raise InputError.of(
            "reference", required="without missing strata", got="missing values", where=gone
        )
    cells = [
        tuple(plain(value) for value in row)
        for row in zip(*(reference[name].tolist() for name in names), strict=True)
    ]
    twice = [cell for cell, times in Counter(cells).items() if times > 1]
    if twice:
        raise InputError.of(
            "reference",
            required="a table in which every cell stands once",
            got=f"{len(twice)} cells that stand several times",
            where=[cell_names(names, cell) for cell in twice],
            remedy="Add them up first, or name all columns that tell them apart in `strata`.",
        )
    return cells


def check_frame(argument: str, table: object) -> None:
    """Refuse what is no frame.

    Parameters
    ----------
    argument : str
        The caller's argument.
    table : object
        What was given.

    Raises
    ------
    evalkit.errors.InputError
        If it is no pandas DataFrame.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise InputError.of(argument, required="a pandas DataFrame", got=type(table).__name__)


def check_shares(argument: str, values: FloatArray, where: Sequence[str]) -> None:
    """Refuse values that are no shares.

    Parameters
    ----------
    argument : str
        What the values are, for the message.
    values : ndarray of float, shape (J,)
        The values.
    where : sequence of str
        Names of their places.

    Raises
    ------
    evalkit.errors.InputError
        If one is missing, below 0 or above 1.
    """
    missing = np.isnan(values)
    if missing.any():
        raise InputError.of(
            argument,
            required="there in every cell",
            got=f"{int(missing.sum())} missing",
            where=[name for name, gone in zip(where, missing, strict=True) if gone],
            remedy="For suppressed or rounded cells give rate_low and rate_high to "
            "standardise_bounds.",
        )
    wrong = (values < 0) | (values > 1)
    if wrong.any():
        percent = bool((values[wrong] <= 100).all() and (values >= 0).all())
        raise InputError.of(
            argument,
            required="shares from 0 to 1",
            got=", ".join(f"{value:g}" for value in values[wrong][:3]),
            where=[name for name, bad in zip(where, wrong, strict=True) if bad],
            remedy="These look like percentages: divide by 100 (58 % is 0.58)." if percent else "",
        )


def cell_names(strata: Sequence[str], cell: Cell) -> str:
    """Name a cell, for instance ``sex=woman, age=30-39``."""
    return ", ".join(f"{name}={value}" for name, value in zip(strata, cell, strict=True))


def _named(strata: Sequence[str], cells: Sequence[Cell], which: BoolArray) -> list[str]:
    """Name the cells that a mask marks."""
    return [cell_names(strata, cell) for cell, own in zip(cells, which, strict=True) if own]


def place_cells(
    df: pd.DataFrame, table: ReferenceTable, *, argument: str = "df"
) -> tuple[IntArray, list[str]]:
    """Find the cell of each row.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants.
    table : ReferenceTable
        Riket's cells.
    argument : str, default "df"
        Name of the frame, for messages.

    Returns
    -------
    codes : ndarray of int, shape (n,)
        Position of each row's cell in the table; -1 where a stratum is missing.
    missing : list of str
        For each row of code -1 the first column that it lacks.

    Raises
    ------
    evalkit.errors.InputError
        If rows are in levels or cells that the table does not have; the message lists them.
    """
    check_known(df, strata=list(table.strata))
    if not table.strata:  # one cell of everybody
        return np.zeros(len(df), dtype=np.int64), []
    position = {cell: i for i, cell in enumerate(table.cells)}
    coded = [labels(df[name]) for name in table.strata]
    unseen: list[str] = []
    complete = np.ones(len(df), dtype=np.bool_)
    lacking = np.full(len(df), "", dtype=object)
    for k, (name, one) in enumerate(zip(table.strata, coded, strict=True)):
        riket = {cell[k] for cell in table.cells}
        present = np.unique(one.codes[one.codes >= 0]).tolist()
        unseen += [f"{name}={one.levels[i]!r}" for i in present if one.levels[i] not in riket]
        lacking[complete & (one.codes < 0)] = name
        complete &= one.codes >= 0
    if unseen:
        kinds = sorted({type(value).__name__ for cell in table.cells for value in cell})
        raise InputError.of(
            argument,
            required="in levels that riket's table has",
            got=f"{len(unseen)} levels that it has not",
            where=unseen,
            remedy="Write the levels alike in both (riket's are of type "
            f"{', '.join(kinds)}), or add what the table lacks.",
        )
    rows = np.flatnonzero(complete)
    inside, found = cross(coded, rows, single=False)
    levels = cast("tuple[Cell, ...]", found)
    absent = [cell for cell in levels if cell not in position]
    if absent:
        raise InputError.of(
            argument,
            required="in cells that riket's table has",
            got=f"{len(absent)} cells that it has not",
            where=[cell_names(table.strata, cell) for cell in absent],
            remedy="Merge levels until riket has a share for every cell with participants.",
        )
    codes = np.full(len(df), -1, dtype=np.int64)
    if len(rows):
        codes[rows] = np.array([position[cell] for cell in levels], dtype=np.int64)[inside]
    return codes, [str(name) for name in lacking[~complete]]
