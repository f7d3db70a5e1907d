"""Groups and strata, from rows or counts, in the form in which rank tests compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import Names, as_names, refuse_rows
from evalkit.core.counts import Counts
from evalkit.core.group_tables import Data
from evalkit.core.sample import read_sample
from evalkit.errors import InputError
from evalkit.kernels.rank_tests import RiskTable, risk_tables, risk_tables_of_counts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ComparedGroups", "read_compared"]


_WHOLE = (
    "The variance of a rank test is that of counts. With sampling weights, use cox with "
    "weights_kind='sampling'."
)


@dataclass(frozen=True, eq=False)
class ComparedGroups:
    """Risk sets and events by stratum, time and group.

    Parameters
    ----------
    tables : tuple of RiskTable
        One for each stratum.
    by, strata : tuple of str
        Names of the columns that make up groups and strata.
    levels : tuple
        The groups: values, or tuples of values if ``by`` came as a list.
    sizes : list of int
        Rows in each group, or people counted.
    causes : tuple
        Labels of the causes.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    tables: tuple[RiskTable, ...]
    by: tuple[str, ...]
    strata: tuple[str, ...]
    levels: tuple[object, ...]
    sizes: list[int]
    causes: tuple[object, ...]
    n_used: int
    n_dropped: Mapping[str, int]

    def key_frame(self) -> pd.DataFrame:
        """Return the key columns, one row a group."""
        import pandas as pd

        return pd.DataFrame([_as_tuple(level) for level in self.levels], columns=list(self.by))

    def tested(self, result: tuple[float, int, float]) -> tuple[float, int, float]:
        """Return a test that compares something, or raise."""
        if result[1] > 0:
            return result
        raise InputError.of(
            "by",
            required="groups that are at risk together when an event happens",
            got="none" + (" within a stratum" if self.strata else ""),
            where=(repr(level) for level in self.levels),
            remedy="Check groups"
            + (" against strata" if self.strata else " against entries")
            + ": there is nothing to compare.",
        )


def _as_tuple(level: object) -> tuple[object, ...]:
    """Return the values of the key columns that a group has."""
    return cast("tuple[object, ...]", level) if isinstance(level, tuple) else (level,)


def read_compared(
    df: Data,
    *,
    by: Names,
    duration: str | None = None,
    event: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    strata: Names | None = None,
    weights: str | None = None,
) -> ComparedGroups:
    """Read rows or counts by group and stratum.

    Parameters
    ----------
    df : pandas.DataFrame or Counts
        The data; counts take `by` and `strata` only.
    by : str or sequence of str
        Columns that make up the groups.
    duration, event, cause, entry, strata, weights
        As in :func:`evalkit.core.sample.read_sample`.

    Returns
    -------
    ComparedGroups
        The tables.

    Raises
    ------
    evalkit.errors.InputError
        If there is one group only, or no event, or the data are not what they must be.
    """
    groups, layers = as_names(by), as_names(strata)
    if not groups:
        raise InputError.of("by", required="a column that makes up groups", got=repr(by))
    if isinstance(df, Counts):
        given = {"duration": duration, "event": event, "cause": cause, "entry": entry}
        found = _from_counts(df, by, layers, {**given, "weights": weights})
    else:
        found = _from_rows(df, duration, event, cause, entry, by, layers, weights)
    if len(found.levels) < 2:
        raise InputError.of(
            "by",
            required="at least two groups",
            got=" and ".join(repr(level) for level in found.levels),
            where=[f"column {name!r}" for name in groups],
        )
    if not any(table.events.any() for table in found.tables):
        raise InputError.of(
            "cause" if cause is not None else "event",
            required="not censored in every row",
            got=f"{found.n_used} rows, all censored",
        )
    return found


def _from_rows(
    df: pd.DataFrame,
    duration: str | None,
    event: str | None,
    cause: str | None,
    entry: str | None,
    by: Names,
    strata: list[str],
    weights: str | None,
) -> ComparedGroups:
    """Read one row a person."""
    if duration is None:
        raise InputError.of("duration", required="a column of df", got="None")
    sample = read_sample(
        df,
        duration=duration,
        event=event,
        cause=cause,
        entry=entry,
        by=by,
        strata=strata or None,
        weights=weights,
        own=False,
    )
    assert sample.groups is not None  # by was given
    if weights is not None and sample.weights is not None:
        broken = np.zeros(len(df), dtype=np.bool_)
        broken[sample.rows] = sample.weights % 1 != 0
        refuse_rows(df, broken, "weights", weights, "whole numbers of repetitions", remedy=_WHOLE)
    tables = risk_tables(
        sample.exits,
        sample.event,
        sample.groups,
        len(sample.group_levels),
        n_causes=sample.n_causes,
        strata=sample.strata,
        n_strata=max(len(sample.strata_levels), 1),
        entry=sample.entry,
        weights=sample.weights,
    )
    if weights is None:
        sizes = np.sum([table.size for table in tables], axis=0)
    else:
        sizes = np.bincount(sample.groups, minlength=len(sample.group_levels))
    return ComparedGroups(
        tables,
        tuple(as_names(by)),
        tuple(strata),
        sample.group_levels,
        [int(size) for size in sizes],
        sample.causes,
        sample.n,
        sample.n_dropped,
    )


def _from_counts(
    counts: Counts, by: Names, strata: list[str], given: Mapping[str, str | None]
) -> ComparedGroups:
    """Read counts: one table for each group and stratum, joined stratum by stratum."""
    for argument, value in given.items():
        if value is not None:
            raise InputError.of(
                argument,
                required="left out with Counts",
                got=repr(value),
                remedy="The counts hold days, events and entries already.",
            )
    groups = as_names(by)
    levels, _ = counts.tables(by)
    cells, found = counts.tables([*groups, *strata])
    cells = cast("tuple[tuple[object, ...], ...]", cells)
    position = {_as_tuple(level): g for g, level in enumerate(levels)}
    layers = list(dict.fromkeys(cell[len(groups) :] for cell in cells))
    tables = [
        risk_tables_of_counts(
            {
                position[cell[: len(groups)]]: table
                for cell, table in zip(cells, found, strict=True)
                if cell[len(groups) :] == layer
            },
            len(levels),
            len(counts.causes),
        )
        for layer in layers
    ]
    sizes = np.sum([table.size for table in tables], axis=0)
    return ComparedGroups(
        tuple(tables),
        tuple(groups),
        tuple(strata),
        levels,
        [int(size) for size in sizes],
        counts.causes,
        counts.n,
        counts.n_dropped,
    )
