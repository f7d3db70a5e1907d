"""The participants as counts by project and cell, from rows of persons or from counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_choice
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
from evalkit.core.results import STANDARD_COLUMNS
from evalkit.errors import InputError
from evalkit.kernels.numeric import binned
from evalkit.matching.reference_table import ReferenceTable, cell_names, check_names, place_cells
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ParticipantCells",
    "WeightsKind",
    "check_covered",
    "count_groups",
    "read_participants",
    "read_weights",
]

WeightsKind: TypeAlias = Literal["case", "sampling"]

_CELL_COLUMNS = {"n", "observed", "rate", "reference_n", "reference_rate", "expected"}
_RESULT_COLUMNS = {
    *_CELL_COLUMNS, *STANDARD_COLUMNS, "scale", "share", "share_low", "share_high", "lower",
    "upper",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ParticipantCells:
    """Participants, counted by group and cell of riket; J cells, one group a row.

    Parameters
    ----------
    by : tuple of str
        Columns that make up the groups; empty if there is but one.
    groups : tuple
        The groups; ``((),)`` without ``by``.
    n, successes, size : ndarray of float, shape (G, J)
        Persons, successes, and effective number of persons in each cell.
    whole : bool
        Whether these are counts of persons, so that exact tests make sense.
    n_rows : ndarray of int, shape (G,)
        Persons (or rows, if weighted) used.
    cluster : ndarray of int, shape (n,), or None
        Cluster of each row used.
    rows : tuple of ndarray
        Of each row used: group, cell, success, weight; what clusters need.
    n_dropped : mapping of str to int
        Persons left out, by reason.
    """

    by: tuple[str, ...]
    groups: tuple[tuple[object, ...], ...]
    n: FloatArray
    successes: FloatArray
    size: FloatArray
    whole: bool
    n_rows: IntArray
    cluster: IntArray | None
    rows: tuple[IntArray, IntArray, FloatArray, FloatArray]
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])


def read_participants(
    df: pd.DataFrame,
    table: ReferenceTable,
    *,
    outcome: str,
    n: str | None = None,
    by: Names | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    cluster: str | None = None,
) -> ParticipantCells:
    """Count participants in riket's cells.

    Parameters
    ----------
    df : pandas.DataFrame
        One row a person, or one row a cell if ``n`` is given.
    table : ReferenceTable
        Riket's cells.
    outcome : str
        1 for success and 0 for none; with ``n`` the number of successes.
    n : str, optional
        Column with the number of persons of each row.
    by : str or sequence of str, optional
        Columns that make up the groups, such as delprojekt.
    weights : str, optional
        Weights of persons, at least 0.
    weights_kind : {"case", "sampling"}
        Whether a weight repeats a person or makes up for unequal sampling.
    cluster : str, optional
        Column that says which persons belong together.

    Returns
    -------
    ParticipantCells
        The counts.

    Raises
    ------
    evalkit.errors.InputError
        If a column is absent or holds what it must not, or nobody is left.
    """
    check_choice("weights_kind", weights_kind, ("case", "sampling"))
    if n is not None:
        for name, value in (("weights", weights), ("cluster", cluster)):
            if value is not None:
                raise InputError.of(
                    name, required="left out where `n` makes rows of counts", got=repr(value)
                )
    if weights is None and weights_kind != "case":
        raise InputError.of(
            "weights_kind", required="left out without `weights`", got=repr(weights_kind)
        )
    check_names("outcome", [outcome])
    groups = as_names(by)
    check_known(df, outcome=outcome, n=n, by=groups, weights=weights, cluster=cluster)
    _refuse_result_names("by", groups, _RESULT_COLUMNS)
    _refuse_result_names("strata", table.strata, _CELL_COLUMNS)
    cells, lacking = place_cells(df, table)
    keep = cells >= 0
    success, persons = _outcomes(df, outcome, n)
    dropped: Counter[str] = Counter()
    for name, people in zip(lacking, persons[~keep].astype(int).tolist(), strict=True):
        dropped[f"missing {name}"] += people
    coded = [labels(df[name]) for name in groups]
    units = None if cluster is None else labels(df[cluster], ordered=False)
    weight = read_weights(df, weights)
    missing: list[tuple[str, BoolArray]] = [(outcome, np.isnan(success))]
    missing += [(name, one.codes < 0) for name, one in zip(groups, coded, strict=True)]
    if units is not None and cluster is not None:
        missing.append((cluster, units.codes < 0))
    for name, gone in missing:
        dropped[f"missing {name}"] += int(persons[keep & gone].sum())
        keep &= ~gone
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise InputError.of(
            "df", required="at least one participant with a value in every column used",
            got=f"{len(df)} rows and none complete",
            where=[f"{reason}: {count}" for reason, count in dropped.items() if count],
        )  # fmt: skip
    group, levels = cross(coded, rows, single=False)
    codes = np.zeros(len(rows), dtype=np.int64) if group is None else group
    w, y, m = weight[rows], success[rows], persons[rows]
    shape = (len(levels) or 1, len(table.cells))
    at = codes * shape[1] + cells[rows]
    counted, counted_y = (binned(at, values, shape[0] * shape[1]).reshape(shape)
                          for values in (w * m, w * y))  # fmt: skip
    size = counted
    if weights_kind == "sampling":
        squares = binned(at, w * w, len(counted.ravel())).reshape(shape)
        size = np.divide(counted**2, squares, out=np.zeros(shape), where=squares > 0)
    names = [", ".join(str(part) for part in cast("tuple[object, ...]", one)) for one in levels]
    empty = counted.sum(axis=1) == 0
    if empty.any():
        raise InputError.of(
            "n" if weights is None else "weights", required="positive somewhere in every group",
            got="only zeros",
            where=[name for name, none in zip(names, empty, strict=False) if none],
        )  # fmt: skip
    if units is not None:
        _refuse_lone_clusters(codes, units.codes[rows], names)
    return ParticipantCells(
        tuple(groups),
        cast("tuple[tuple[object, ...], ...]", levels) or ((),),
        counted,
        counted_y,
        size,
        weights_kind == "case" and bool((w == np.round(w)).all()),
        np.bincount(codes, m, shape[0]).astype(np.int64),
        None if units is None else cross([units], rows, single=True)[0],
        (codes, cells[rows], y, w),
        {reason: count for reason, count in dropped.items() if count},
    )


def check_covered(
    table: ReferenceTable, groups: tuple[tuple[object, ...], ...], n: FloatArray
) -> None:
    """Refuse cells of riket without participants.

    Parameters
    ----------
    table : ReferenceTable
        Riket.
    groups : tuple of tuple
        The groups.
    n : ndarray of float, shape (G, J)
        Persons in each cell.

    Raises
    ------
    evalkit.errors.InputError
        If a group has nobody in a cell.
    """
    empty = [
        (f"{', '.join(map(str, group))}: " if group else "")
        + cell_names(table.strata, table.cells[j])
        for group, own in zip(groups, n, strict=True)
        for j in np.flatnonzero(own == 0).tolist()
    ]
    if empty:
        raise InputError.of(
            "df",
            required="people in every cell of riket for direct standardisation",
            got=f"{len(empty)} cells without",
            where=empty,
            remedy="Merge levels, or leave these cells out of riket's table, which then speaks of "
            "the rest of riket only.",
        )


def count_groups(
    df: pd.DataFrame, *, outcome: str, n: str | None, by: Names | None
) -> tuple[tuple[tuple[object, ...], ...], FloatArray, FloatArray, Mapping[str, int]]:
    """Count participants by group alone.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants.
    outcome, n, by
        As for :func:`read_participants`.

    Returns
    -------
    groups : tuple of tuple
        The groups; ``((),)`` without ``by``.
    successes : ndarray of float, shape (G,)
        Successes.
    n : ndarray of float, shape (G,)
        Persons.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """
    everything = ReferenceTable((), ((),), np.zeros(1), None)
    found = read_participants(df, everything, outcome=outcome, n=n, by=by)
    return found.groups, found.successes[:, 0], found.n[:, 0], found.n_dropped


def _outcomes(df: pd.DataFrame, outcome: str, n: str | None) -> tuple[FloatArray, FloatArray]:
    """Return successes and persons of each row."""
    y = numbers(df, outcome, "outcome")
    if n is None:
        wrong = ~np.isnan(y) & (y != 0) & (y != 1)
        if wrong.any():
            percent = "Counts of successes need `n`, the number of persons. "
            raise InputError.of(
                "outcome",
                required=f"1 for success and 0 for none ({outcome!r})",
                got=", ".join(f"{value:g}" for value in np.unique(y[wrong])[:3]),
                where=rows_where(df, wrong),
                remedy=percent + "Write 100 for success as 1.",
            )
        return y, np.ones(len(df))
    persons = numbers(df, n, "n")
    bad = ~(persons >= 0) | (persons != np.round(persons)) | np.isinf(persons)
    refuse_rows(df, bad, "n", n, "a whole number of persons, at least 0", persons)
    bad = ~np.isnan(y) & ((y < 0) | (y > persons) | (y != np.round(y)))
    refuse_rows(
        df, bad, "outcome", outcome, f"a number of successes, whole and at most {n!r}", y,
        remedy="Shares go to compare_to_riket (share=).",
    )  # fmt: skip
    return y, persons


def read_weights(df: pd.DataFrame, name: str | None) -> FloatArray:
    """Read weights of at least 0.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants.
    name : str or None
        Their column; None for equal weights.

    Returns
    -------
    ndarray of float, shape (n,)
        The weights, 1 without a column.

    Raises
    ------
    evalkit.errors.InputError
        If a weight is missing, negative or infinite.
    """
    if name is None:
        return np.ones(len(df))
    weights = numbers(df, name, "weights")
    refuse_rows(df, np.isnan(weights), "weights", name, "there for every row", None)
    refuse_rows(
        df, (weights < 0) | np.isinf(weights), "weights", name, "finite and at least 0", weights
    )
    return weights


def _refuse_result_names(argument: str, names: Sequence[str], own: set[str]) -> None:
    """Refuse columns whose names the result needs for its own."""
    taken = [name for name in names if name in own]
    if taken:
        raise InputError.of(
            argument,
            required="columns that are not named as those of the result",
            got=", ".join(repr(name) for name in taken),
            remedy=f"Rename: df.rename(columns={{{taken[0]!r}: 'own_{taken[0]}'}}).",
        )


def _refuse_lone_clusters(group: IntArray, cluster: IntArray, names: list[str]) -> None:
    """Refuse groups of one cluster, which say nothing of how clusters vary."""
    pairs = np.unique(np.stack([group, cluster], axis=1), axis=0)
    lone = np.flatnonzero(np.bincount(pairs[:, 0]) < 2).tolist()
    if lone:
        raise InputError.of(
            "cluster",
            required="at least two clusters" + (" in every group" if names else ""),
            got="one",
            where=[names[i] for i in lone] if names else (),
        )
