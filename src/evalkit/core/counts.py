"""Counts by group and day in place of one row a person.

Registers of any size come down to a few thousand cells: how many left for each cause, were
censored and entered, by group and day. Kaplan-Meier curves, cumulative incidences, log-rank tests
and discrete hazards need no more than that, and give the same from counts as from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import Names, as_names, check_known, cross, labels, numbers, refuse_rows
from evalkit.core.printing import html_table, text_block
from evalkit.core.sample import Sample, read_sample
from evalkit.errors import InputError
from evalkit.kernels.event_times import EventTimes, event_times_of_counts, index_times
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Counts"]

_ANY = "events"


@dataclass(frozen=True, eq=False, repr=False)
class Counts:
    """How many left, were censored and entered, by group and day.

    Build one with :meth:`of` from a table of counts, or with :meth:`from_rows` from one row a
    person. Cells may come in any order, and the same cell more than once.

    Parameters
    ----------
    groups : pandas.DataFrame
        One row a cell, one column for each variable that tells the groups apart; the columns may
        be none.
    day : ndarray of float, shape (m,)
        Time of the cell since the beginning.
    events : ndarray of float, shape (m, C)
        How many left at that time for each cause.
    censored : ndarray of float, shape (m,)
        How many were censored at that time.
    entered : ndarray of float, shape (m,), or None
        How many entered at that time, to be at risk after it; None if everybody is at risk from
        the beginning, the exits on day 0 included.
    causes : tuple
        Labels of the causes, ``(1,)`` for a plain event.
    n_dropped : mapping of str to int
        Rows that :meth:`from_rows` left out, by reason.
    """

    groups: pd.DataFrame
    day: FloatArray
    events: FloatArray
    censored: FloatArray
    entered: FloatArray | None
    causes: tuple[object, ...]
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(
        cls,
        df: pd.DataFrame,
        *,
        day: str = "day",
        events: str | Mapping[Any, str] = "events",
        censored: str = "censored",
        entered: str | None = None,
        groups: Names = (),
    ) -> Counts:
        """Take counts from a frame with one row a cell.

        Parameters
        ----------
        df : pandas.DataFrame
            The cells.
        day : str, default "day"
            Column with the time: finite numbers of at least 0.
        events : str or mapping of cause to str, default "events"
            Column with the number of events, or one column for each cause.
        censored : str, default "censored"
            Column with the number of censored.
        entered : str, optional
            Column with the number who enter at that time and are at risk after it.
        groups : str or sequence of str, optional
            Columns that tell the groups apart.

        Returns
        -------
        Counts
            The counts.

        Raises
        ------
        evalkit.errors.InputError
            If a column does not exist, a count is missing, negative or not whole, a day is
            missing, negative or infinite, a group is missing, there are no exits, or in some group
            more leave than have entered.

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"day": [30, 90], "events": [4, 1], "censored": [0, 5]})
        >>> Counts.of(table).n
        10
        """
        if not isinstance(cast("object", events), str | Mapping):
            raise InputError.of(
                "events",
                required="a column, or a mapping of causes to columns",
                got=repr(events),
                remedy="Write {'work': 'n_work', 'studies': 'n_studies'}.",
            )
        named = {1: events} if isinstance(events, str) else dict(events)
        names = as_names(groups)
        check_known(
            df, day=day, events=named.values(), censored=censored, entered=entered, groups=names
        )
        if not named:
            raise InputError.of("events", required="a column for each cause", got="no cause")
        days = numbers(df, day, "day")
        wrong = ~((days >= 0) & (days < np.inf))
        refuse_rows(df, wrong, "day", day, "finite and at least 0", unit="cells")
        for name in names:
            gone = labels(df[name]).codes < 0
            refuse_rows(df, gone, "groups", name, "there for every cell", unit="cells")
        leaving = [_whole(df, name, "events") for name in named.values()]
        counts = cls(
            df[names].reset_index(drop=True),
            days,
            np.stack(leaving, axis=1),
            _whole(df, censored, "censored"),
            None if entered is None else _whole(df, entered, "entered"),
            tuple(named),
        )
        if counts.n == 0:
            raise InputError.of("df", required="a table with exits", got="none")
        if entered is not None:
            _check_entered(counts)
        return counts

    @classmethod
    def from_rows(
        cls,
        df: pd.DataFrame,
        *,
        duration: str,
        event: str | None = None,
        cause: str | None = None,
        entry: str | None = None,
        groups: Names = (),
    ) -> Counts:
        """Count the rows of a frame with one row a person or spell.

        Parameters
        ----------
        df : pandas.DataFrame
            The rows.
        duration, event, cause, entry : str
            Columns, as :func:`evalkit.survival.kaplan_meier` takes them.
        groups : str or sequence of str, optional
            Columns that tell the groups apart.

        Returns
        -------
        Counts
            One cell for each group and time at which somebody leaves or enters, in order.

        Raises
        ------
        evalkit.errors.InputError
            As :func:`evalkit.core.sample.read_sample` does.

        Examples
        --------
        >>> import pandas as pd
        >>> spells = pd.DataFrame({"days": [30, 30, 95], "ended": [1, 1, 0]})
        >>> Counts.from_rows(spells, duration="days", event="ended").to_frame()
            day  events  censored
        0  30.0       2         0
        1  95.0       0         1
        """
        import pandas as pd

        names = as_names(groups)
        sample = read_sample(
            df,
            duration=duration,
            event=event,
            cause=cause,
            entry=entry,
            by=names or None,
            own=False,
        )
        levels = cast("tuple[tuple[Any, ...], ...]", sample.group_levels or ((),))
        late = sample.entry is not None
        grid, codes = _grid(sample)
        offset = 0 if sample.groups is None else np.tile(sample.groups, 1 + late) * len(grid)
        used, position = np.unique(codes + offset, return_inverse=True)
        exits, enters = position[: sample.n], position[sample.n :]
        width = sample.n_causes + 1
        sums = np.bincount(exits * width + sample.event, minlength=len(used) * width)
        sums = sums.reshape(len(used), width).astype(np.float64)
        return cls(
            pd.DataFrame(list(levels), columns=names)
            .iloc[used // len(grid)]
            .reset_index(drop=True),
            grid[used % len(grid)],
            sums[:, 1:],
            sums[:, 0],
            np.bincount(enters, minlength=len(used)).astype(np.float64) if late else None,
            sample.causes,
            sample.n_dropped,
        )

    @property
    def n(self) -> int:
        """Number of persons or spells behind the counts."""
        return int(self.events.sum() + self.censored.sum())

    def tables(self, by: Names | None = None) -> tuple[tuple[object, ...], tuple[EventTimes, ...]]:
        """Add the cells of every group up to a table of event times.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns of ``groups`` that make up the groups.

        Returns
        -------
        levels : tuple
            The groups, in tuples if ``by`` is a list; ``((),)`` without ``by``.
        tables : tuple of EventTimes
            One for each group.
        """
        names = as_names(by)
        check_known(self.groups, by=names)
        coded = [labels(self.groups[name]) for name in names]
        codes, levels = cross(coded, slice(None), isinstance(by, str))
        if codes is None:
            codes, levels = np.zeros(len(self.day), dtype=np.int64), ((),)
        of_group = [codes == group for group in range(len(levels))]
        return levels, tuple(
            event_times_of_counts(
                self.day[rows],
                self.events[rows],
                self.censored[rows],
                None if self.entered is None else self.entered[rows],
            )
            for rows in of_group
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the cells.

        Returns
        -------
        pandas.DataFrame
            The columns of ``groups``, then ``day``, ``events`` (with several causes
            ``events_<cause>`` each), ``censored`` and, with delayed entry, ``entered``.
        """
        frame = self.groups.reset_index(drop=True)
        frame["day"] = self.day
        plain_event = self.causes == (1,)
        for i, cause in enumerate(self.causes):
            name = _ANY if plain_event else f"{_ANY}_{cause}"
            frame[name] = self.events[:, i].astype(np.int64)
        frame["censored"] = self.censored.astype(np.int64)
        if self.entered is not None:
            frame["entered"] = self.entered.astype(np.int64)
        return frame

    def __repr__(self) -> str:
        """Show the first cells as plain text."""
        return text_block(self._head(), self.to_frame(), ())

    def _repr_html_(self) -> str:
        """Show the first cells in a notebook."""
        return html_table(self._head(), self.to_frame(), ())

    def _head(self) -> list[str]:
        """Say how much the counts hold."""
        by = ", ".join(str(name) for name in self.groups.columns)
        return [
            f"Counts of {self.n} exits, {int(self.events.sum())} with an event",
            f"{len(self.day)} cells by {by + ' and ' if by else ''}day",
        ]


def _whole(df: pd.DataFrame, name: str, argument: str) -> FloatArray:
    """Read a column of counts."""
    values = numbers(df, name, argument)
    wrong = ~((values >= 0) & (values == np.floor(values)) & (values < np.inf))
    refuse_rows(df, wrong, argument, name, "whole numbers of at least 0", unit="cells")
    return values


def _check_entered(counts: Counts) -> None:
    """Check that in every group all who leave have entered before, and all who enter leave."""
    for level, table in zip(*counts.tables(list(counts.groups.columns)), strict=True):
        where = [f"group {level!r}"] if level else []
        leaving = table.events.sum(axis=1) + table.censored
        if table.entered.sum() != leaving.sum():
            raise InputError.of(
                "entered",
                required="as many as leave",
                got=f"{table.entered.sum():.0f} who enter and {leaving.sum():.0f} who leave",
                where=where,
                remedy="Count those who are still under observation at the end as censored.",
            )
        short = table.at_risk < leaving
        if short.any():
            raise InputError.of(
                "entered",
                required="before the exit of the same people",
                got=f"more exits than people at risk at {table.times[short][0]:g}",
                where=where,
                remedy="Who enters at a time is at risk after it.",
            )


def _grid(sample: Sample) -> tuple[FloatArray, IntArray]:
    """Place exits, and entries after them, on one grid of times."""
    if sample.entry is None:
        grid = index_times(sample.time)
    else:
        grid = index_times(np.concatenate([sample.time, sample.entry]))
    return grid.times, grid.index
