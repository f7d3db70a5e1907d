"""One way to read rows or counts into a table of event times for every group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from evalkit.core.columns import Names, as_names
from evalkit.core.counts import Counts
from evalkit.core.sample import Sample, WeightsKind, read_sample
from evalkit.errors import InputError
from evalkit.kernels.event_times import EventTimes, event_times_by_group

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Data", "GroupTables", "read_tables"]

Data: TypeAlias = "pd.DataFrame | Counts"
"""One row a person, or counts."""


@dataclass(frozen=True, eq=False)
class GroupTables:
    """Event times of every group, from rows or from counts.

    Parameters
    ----------
    by : tuple of str
        Names of the key columns; empty if there is but one group.
    levels : tuple
        The groups: values, or tuples of values if ``by`` came as a list; ``((),)`` without ``by``.
    tables : tuple of EventTimes
        One for each group.
    causes : tuple
        Labels of the causes.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    sample : Sample or None
        The rows; None if the data came as counts. Without weights and clusters its arrays may be
        columns of the frame, not to be kept beyond the call.
    """

    by: tuple[str, ...]
    levels: tuple[object, ...]
    tables: tuple[EventTimes, ...]
    causes: tuple[object, ...]
    n_used: int
    n_dropped: Mapping[str, int]
    sample: Sample | None

    def keys(self, group: int) -> dict[str, object]:
        """Return the values of the key columns of one group.

        Parameters
        ----------
        group : int
            Position of the group in ``levels``.

        Returns
        -------
        dict
            Value by column name; empty without ``by``.
        """
        level = self.levels[group]
        values = cast("tuple[object, ...]", level) if isinstance(level, tuple) else (level,)
        return dict(zip(self.by, values, strict=True))


def read_tables(
    data: Data,
    *,
    duration: str | None = None,
    event: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    by: Names | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weights_kind: WeightsKind = "case",
) -> GroupTables:
    """Count events, censorings and risk sets by group, from rows or from counts.

    Parameters
    ----------
    data : pandas.DataFrame or Counts
        One row a person, or counts, which take no other argument than ``by``.
    duration, event, cause, entry : str, optional
        Columns, as in :func:`evalkit.core.sample.read_sample`.
    by : str or sequence of str, optional
        Columns that make up the groups.
    weights, cluster : str, optional
        Columns, as in :func:`evalkit.core.sample.read_sample`.
    weights_kind : {"case", "sampling"}
        Whether weights are repetitions or inverse sampling probabilities.

    Returns
    -------
    GroupTables
        A table for each group, in the order of their labels.

    Raises
    ------
    evalkit.errors.InputError
        As ``read_sample`` does, or if a group has no weight, or counts come with arguments that
        only rows have.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [30, 30, 95], "ended": [1, 1, 0], "sex": ["w", "m", "w"]})
    >>> counts = Counts.from_rows(spells, duration="days", event="ended", groups="sex")
    >>> read_tables(counts, by="sex").levels
    ('m', 'w')
    """
    names = as_names(by)
    if isinstance(data, Counts):
        given = {
            "duration": duration,
            "event": event,
            "cause": cause,
            "entry": entry,
            "weights": weights,
            "cluster": cluster,
        }
        for argument, value in given.items():
            if value is not None:
                raise InputError.of(
                    argument,
                    required="left out with Counts",
                    got=repr(value),
                    remedy="The counts hold days, events and entries already.",
                )
        levels, tables = data.tables(by)
        return GroupTables(tuple(names), levels, tables, data.causes, data.n, data.n_dropped, None)
    if duration is None:
        raise InputError.of("duration", required="a column of df", got="None")
    sample = read_sample(
        data,
        duration=duration,
        event=event,
        cause=cause,
        entry=entry,
        by=by if names else None,
        weights=weights,
        cluster=cluster,
        weights_kind=weights_kind,
        own=weights is not None or cluster is not None,
    )
    found = event_times_by_group(
        sample.exits,
        sample.event,
        sample.n_causes,
        groups=np.zeros(0, dtype=np.int64) if sample.groups is None else sample.groups,
        n_groups=max(len(sample.group_levels), 1),
        entry=sample.entry,
        weights=sample.weights,
    )
    empty = [
        i for i, table in enumerate(found) if not table.all_events.sum() + table.censored.sum()
    ]
    if empty:
        raise InputError.of(
            "weights",
            required=f"positive somewhere in every group ({weights!r})",
            got="groups with only zeros",
            where=[repr(sample.group_levels[i]) for i in empty],
            remedy="Leave these groups out: nothing can be said of them.",
        )
    return GroupTables(
        tuple(names),
        sample.group_levels or ((),),
        found,
        sample.causes,
        sample.n,
        sample.n_dropped,
        sample,
    )
