"""The data of a discrete-time model: covariate patterns, and who is at risk in which interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evalkit.core.columns import check_known, labels, rows_where
from evalkit.core.counts import Counts
from evalkit.core.formula import Coding, design, formula_variables
from evalkit.core.sample import Sample, WeightsKind, read_sample
from evalkit.errors import InputError
from evalkit.kernels.event_times import TIE
from evalkit.kernels.person_periods import (
    Cells,
    PersonPeriods,
    Rows,
    aggregate,
    count_cells,
    link_rows,
    place,
)
from evalkit.survival.cox_input import weighted_rows
from evalkit.survival.discrete_partial import weight_inside
from evalkit.survival.groups import asked_times
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "DiscreteData", "Intervals", "from_counts", "from_rows"]

_LOOK = 20_000  # rows that tell whether covariate patterns repeat
_SHARE = 0.25  # patterns a row, up to which it pays to add them up


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a discrete-time model.

    Parameters
    ----------
    inner : ndarray of float, shape (J - 1,)
        Breaks between the intervals; the first begins at 0 and the last has no end.
    closed : str
        "left" if a break belongs to the interval that it begins, "right" if to the one it ends.
    """

    inner: FloatArray
    closed: str

    @classmethod
    def of(cls, breaks: npt.ArrayLike, closed: str) -> Intervals:
        """Check the breaks.

        Parameters
        ----------
        breaks : array_like
            Increasing positive numbers; a 0 in front and an infinity at the end are passed over.
        closed : str
            Which end belongs to an interval.

        Returns
        -------
        Intervals
            The intervals.
        """
        try:
            given = asked_times(breaks, "breaks")
        except InputError:
            given = np.array([np.nan])
        inner = given[(given != 0) | (np.arange(len(given)) > 0)]
        inner = inner[:-1] if len(inner) and inner[-1] == np.inf else inner
        ordered = np.isfinite(inner).all() and (inner > 0).all()
        if not (len(inner) and ordered and (inner[1:] > inner[:-1] * (1 + TIE)).all()):
            raise InputError.of(
                "breaks",
                required="positive numbers that increase, such as (90, 180, 365, 914)",
                got=repr(breaks),
            )
        return cls(inner, closed)

    @property
    def starts(self) -> FloatArray:
        """Where the intervals begin, shape (J,)."""
        return np.concatenate([[0.0], self.inner])

    @property
    def ends(self) -> FloatArray:
        """Where the intervals end, shape (J,); infinity for the last."""
        return np.concatenate([self.inner, [np.inf]])

    @property
    def labels(self) -> list[str]:
        """Names of the intervals, ``[0, 90)``."""
        opening, closing = ("[", ")") if self.closed == "left" else ("(", "]")
        pairs = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        names = [f"{opening}{low:g}, {high:g}{closing}" for low, high in pairs]
        names[0] = "[" + names[0][1:]
        names[-1] = names[-1][:-1] + ")"
        return names


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a frame, as the caller gave them, and how to count.

    Parameters
    ----------
    duration, event, entry, person, cluster, weights : str or None
        Columns.
    weights_kind : {"case", "sampling"}
        What the weights mean.
    partial, late_entry : str
        See :func:`evalkit.survival.discrete.discrete_hazard`.
    """

    duration: str | None
    event: str | None
    entry: str | None
    person: str | None
    cluster: str | None
    weights: str | None
    weights_kind: WeightsKind
    partial: str
    late_entry: str


@dataclass(frozen=True, eq=False)
class DiscreteData:
    """What the fit and its predictions need.

    Parameters
    ----------
    X : ndarray of float, shape (U, p)
        Covariates of the patterns, in the order of ``counted``.
    counted : Cells or Rows
        At risk and events.
    coding : Coding
        How X was made.
    periods : PersonPeriods or None
        The rows, for robust standard errors; None for counts.
    pattern : ndarray of int, shape (n,)
        Pattern of each row, or cell.
    cluster : ndarray of int, shape (n,), or None
        Cluster of each row.
    people : pandas.DataFrame
        The formula's variables, a line for each pattern.
    size : ndarray of float, shape (U,)
        Weight of the persons that begin in each pattern; NaN if their covariates vary.
    inside : ndarray of float, shape (J,)
        Weight of those at risk for a part of each interval, without an event in it.
    last : float
        The last time observed.
    n_used : int
        Rows used.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        What should be said of the data.
    """

    X: FloatArray
    counted: Cells | Rows
    coding: Coding
    periods: PersonPeriods | None
    pattern: IntArray
    cluster: IntArray | None
    people: pd.DataFrame
    size: FloatArray
    inside: FloatArray
    last: float
    n_used: int
    n_dropped: Mapping[str, int]
    notes: tuple[str, ...] = ()


def from_rows(
    formula: str, df: pd.DataFrame, intervals: Intervals, columns: Columns
) -> DiscreteData:
    """Read one row a person, or (start, stop] rows.

    Parameters
    ----------
    formula : str
        The right-hand side.
    df : pandas.DataFrame
        The rows.
    intervals : Intervals
        The intervals.
    columns : Columns
        Which columns hold what.

    Returns
    -------
    DiscreteData
        Counts by covariate pattern if patterns repeat, else the rows.
    """
    variables = formula_variables(formula, df)
    extra = [*variables, *([] if columns.person is None else [columns.person])]
    check_known(df, id=columns.person)
    sample = weighted_rows(
        read_sample(
            df,
            duration=_needed("duration", columns.duration),
            event=_needed("event", columns.event),
            entry=columns.entry,
            weights=columns.weights,
            weights_kind=columns.weights_kind,
            cluster=columns.cluster,
            extra_columns=dict.fromkeys(extra),
        )
    )
    made = design(formula, df, rows=sample.rows)
    periods = place(
        sample.time,
        sample.event > 0,
        sample.entry,
        intervals.inner,
        closed=intervals.closed,
        weights=sample.weights,
        partial="half",
        late=columns.late_entry,
    )
    person = None
    if columns.person is not None:
        person = labels(df[columns.person].iloc[sample.rows], ordered=False).codes
        entry = np.zeros(sample.n) if sample.entry is None else sample.entry
        _check_persons(df, sample, person, entry)
        periods = link_rows(periods, person, entry)
    inside = weight_inside(periods)
    if columns.partial == "whole":
        periods = replace(periods, enters_inside=None, ends_inside=None)
    cluster = sample.cluster
    if cluster is None and columns.weights_kind == "sampling":
        cluster = np.arange(sample.n) if person is None else person
    X = made.matrix
    pattern, first = _patterns(X)
    if first is None:
        rows = Rows.of(periods)
        order, counted, pattern = rows.order, rows, np.empty(sample.n, dtype=np.int64)
        pattern[order] = np.arange(sample.n)
    else:
        order, counted = first, aggregate(periods, pattern, len(first))
    return DiscreteData(
        np.ascontiguousarray(X[order]),
        counted,
        made.coding,
        periods,
        pattern,
        cluster,
        df[list(variables)].iloc[sample.rows[order]].reset_index(drop=True),
        _persons(sample, person, pattern, len(order)),
        inside,
        float(sample.time.max()),
        sample.n,
        sample.n_dropped,
    )


def _needed(argument: str, name: str | None) -> str:
    """Return the name of a column that microdata must have."""
    if name is None:
        raise InputError.of(argument, required="a column of df", got="None")
    return name


def _check_persons(df: pd.DataFrame, sample: Sample, person: IntArray, entry: FloatArray) -> None:
    """Refuse rows of one person that overlap or go on after an event."""
    order = np.lexsort((entry, person))
    again = np.flatnonzero(person[order][1:] == person[order][:-1])
    before, after = order[again], order[again + 1]
    for wrong, required in (
        (entry[after] < sample.time[before] * (1 - TIE), "of rows that do not overlap"),
        (sample.event[before] > 0, "without rows after the event"),
    ):
        if wrong.any():
            mask = np.zeros(len(df), dtype=bool)
            mask[sample.rows[after[wrong]]] = True
            raise InputError.of(
                "id",
                required=f"of persons {required}",
                got=f"{int(wrong.sum())} rows that are otherwise",
                where=rows_where(df, mask),
            )


def _patterns(X: FloatArray) -> tuple[IntArray, IntArray | None]:
    """Number the distinct rows in sorted order; None in place of their places if few repeat."""
    import pandas as pd

    n, p = X.shape
    if n > _LOOK:
        probe = np.arange(_LOOK) * n // _LOOK
        if len(np.unique(X[probe], axis=0)) > _SHARE * _LOOK:
            return np.arange(n, dtype=np.int64), None
    codes = np.zeros(n, dtype=np.int64)
    for column in range(p):
        values, levels = pd.factorize(X[:, column], sort=True)
        codes, _ = pd.factorize(codes * len(levels) + values, sort=True)
    n_patterns = int(codes.max(initial=0)) + 1
    if n > _LOOK and n_patterns > _SHARE * n:
        return np.arange(n, dtype=np.int64), None
    first = np.empty(n_patterns, dtype=np.int64)
    first[codes[::-1]] = np.arange(n)[::-1]
    return np.asarray(codes, dtype=np.int64), first


def _persons(
    sample: Sample, person: IntArray | None, pattern: IntArray, n_patterns: int
) -> FloatArray:
    """Count the persons of each pattern; NaN if somebody has more than one."""
    weights = np.ones(sample.n) if sample.weights is None else sample.weights
    if person is not None:
        first = np.unique(person, return_index=True)[1]
        if (pattern != pattern[first][person]).any():
            return np.full(n_patterns, np.nan)
        pattern, weights = pattern[first], weights[first]
    return np.bincount(pattern, weights, minlength=n_patterns).astype(np.float64, copy=False)


def from_counts(
    formula: str, counts: Counts, intervals: Intervals, columns: Columns
) -> DiscreteData:
    """Read counts by group and day; the groups are the covariates.

    Parameters
    ----------
    formula : str
        The right-hand side.
    counts : Counts
        The counts. Several causes are taken together: the event is leaving for any of them.
    intervals : Intervals
        The intervals.
    columns : Columns
        How to count; it names no columns.

    Returns
    -------
    DiscreteData
        Counts by covariate pattern.
    """
    named = ("duration", "event", "entry", "person", "cluster", "weights")
    for argument in named:
        if getattr(columns, argument) is not None:
            raise InputError.of(
                "id" if argument == "person" else argument,
                required="left out, since df holds counts",
                got=repr(getattr(columns, argument)),
            )
    late = counts.entered is not None and bool((counts.entered[counts.day > 0] > 0).any())
    if late and (columns.partial, columns.late_entry) != ("whole", "same"):
        raise InputError.of(
            "partial" if columns.partial != "whole" else "late_entry",
            required="its default for counts with delayed entry",
            got="another value",
            remedy="Counts do not tell who enters and leaves within one interval; use one row a "
            "person.",
        )
    made = design(formula, counts.groups)
    pattern, first = _patterns(made.matrix)
    if first is None:
        raise InputError.of(
            "formula", required="of the variables that tell the groups apart", got=repr(formula)
        )

    def count(partial: str, entered: FloatArray | None = None) -> Cells:
        leave = counts.events.sum(axis=1), counts.censored
        return count_cells(
            counts.day, *leave, entered, pattern, len(first), intervals.inner,
            closed=intervals.closed, partial=partial,
        )  # fmt: skip

    whole, half = count("whole"), count("half")
    cells = count("whole", counts.entered) if late else half if columns.partial == "half" else whole
    leaving = counts.events.sum(axis=1) + counts.censored
    notes: tuple[str, ...] = ()
    if len(counts.causes) > 1:
        causes: Sequence[object] = counts.causes
        notes = ("The event is leaving for any cause: " + ", ".join(map(str, causes)) + ".",)
    return DiscreteData(
        np.ascontiguousarray(made.matrix[first]),
        cells,
        made.coding,
        None,
        pattern,
        None,
        counts.groups[list(made.coding.variables)].iloc[first].reset_index(drop=True),
        np.bincount(pattern, leaving, minlength=len(first)).astype(np.float64, copy=False),
        2 * (whole.at_risk - half.at_risk).sum(axis=1),
        float(counts.day[leaving > 0].max()),
        counts.n,
        counts.n_dropped,
        notes,
    )
