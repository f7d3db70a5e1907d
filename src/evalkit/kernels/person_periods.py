"""Person-period data that are never expanded: who is at risk and leaves in each interval.

A row stands for one person, or for a stretch of one person's time with constant covariates. It is
at risk in the intervals ``first`` to ``last``; everything that a discrete-time model needs follows
from these two numbers, from whether the row ends with an event, and from its weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.kernels.event_times import TIE
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Cells", "PersonPeriods", "Rows", "aggregate", "count_cells", "link_rows", "place"]


@dataclass(frozen=True, slots=True)
class PersonPeriods:
    """Rows placed in intervals 0..J-1.

    Attributes
    ----------
    first, last : ndarray of int, shape (n,)
        Intervals in which the row is at risk, both included; none if ``first > last``.
    event : ndarray of bool, shape (n,)
        Whether the event comes in interval ``last``.
    weights : ndarray of float, shape (n,), or None
        Case weights.
    n_intervals : int
        Number of intervals, J.
    enters_inside, ends_inside : ndarray of bool, shape (n,), or None
        Rows without an event in their first, or in their last, interval that are at risk for a
        part of it only, and are to count one half there. None: they count whole.
    """

    first: IntArray
    last: IntArray
    event: BoolArray
    weights: FloatArray | None
    n_intervals: int
    enters_inside: BoolArray | None = None
    ends_inside: BoolArray | None = None


def place(
    time: FloatArray,
    event: BoolArray,
    entry: FloatArray | None,
    inner: FloatArray,
    *,
    closed: str,
    weights: FloatArray | None = None,
    partial: str = "whole",
    late: str = "same",
) -> PersonPeriods:
    """Place rows at risk on (entry, time] in the intervals between breaks.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Exit times.
    event : ndarray of bool, shape (n,)
        Whether the exit is an event.
    entry : ndarray of float, shape (n,), or None
        Entry times.
    inner : ndarray of float, shape (J - 1,)
        The breaks between the intervals, increasing.
    closed : {"left", "right"}
        Whether a break belongs to the interval that it begins or to the one that it ends.
    weights : ndarray of float, shape (n,), or None
        Case weights.
    partial : {"whole", "half"}
        What an interval counts in which a row was at risk for a part and had no event.
    late : {"same", "next"}
        Whether a row that enters inside an interval is at risk in it, or from the next one on.

    Returns
    -------
    PersonPeriods
        The rows. An interval holds a row that is at risk for some of its length, or has its
        event in it: a row censored on a break is not at risk in the interval that the break
        begins. Times that differ from a break by a relative 1e-12 count as equal to it.
    """
    below, above = inner * (1 - TIE), inner * (1 + TIE)
    last = np.searchsorted(above, time, side="left")
    if closed == "left":
        last = np.where(event, np.searchsorted(below, time, side="right"), last)
    first = np.zeros(len(time), dtype=np.int64)
    inside: BoolArray | None = None
    if entry is not None:
        first = np.searchsorted(below, entry, side="right").astype(np.int64)
        inside = entry > np.concatenate([[0.0], above])[first]
        if late == "next":
            first, inside = first + inside, None
    if partial == "whole":
        return PersonPeriods(first, last, event, weights, len(inner) + 1)
    ends_inside = ~event & (time < np.concatenate([below, [np.inf]])[last])
    if inside is not None:
        inside &= ~event | (last > first)
    return PersonPeriods(first, last, event, weights, len(inner) + 1, inside, ends_inside)


def link_rows(periods: PersonPeriods, person: IntArray, entry: FloatArray) -> PersonPeriods:
    """Let each person be at risk once in an interval, with the covariates it begins with.

    Parameters
    ----------
    periods : PersonPeriods, n rows
        The rows of time-varying data; those of one person do not overlap, and only the last one
        may have an event.
    person : ndarray of int, shape (n,)
        Whose row it is.
    entry : ndarray of float, shape (n,)
        Where the row begins, for its place among the person's rows.

    Returns
    -------
    PersonPeriods
        The same rows: a row that begins inside an interval that an earlier row of the person
        already covers is at risk from the next interval on, and its event in that interval
        belongs to the earlier row.
    """
    order = np.lexsort((entry, person))
    who, begun, last = person[order], periods.first[order], periods.last[order]
    event = periods.event[order]
    new = np.concatenate([[True], who[1:] != who[:-1]])
    # Running maximum of `last` within each person: offsets keep the persons apart.
    offset = np.cumsum(new) * (periods.n_intervals + 1)
    reached = np.maximum.accumulate(last + offset) - offset
    covered = np.where(new, -1, np.concatenate([[-1], reached[:-1]]))
    first = np.maximum(begun, covered + 1)
    owns = first <= last
    owner = np.maximum.accumulate(np.where(owns, np.arange(len(order)), -1))
    moved = np.flatnonzero(event & ~owns)
    event = event & owns
    event[owner[moved]] = True
    enters, ends = periods.enters_inside, periods.ends_inside
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    if enters is not None:
        # As in one row: who has the event in the interval of entry counts whole there.
        whole = event[back] & (periods.last == first[back])
        enters = enters & (begun > covered)[back] & ~whole
    if ends is not None:
        # The person is censored inside if nothing of theirs follows in the same interval.
        follows = np.concatenate([(begun[1:] <= last[:-1]) & ~new[1:], [False]])
        closing = owner[ends[order] & ~follows]
        half = np.zeros(len(order), dtype=bool)
        half[closing] = ~event[closing]
        ends = half[back]
    return PersonPeriods(
        first[back],
        periods.last,
        event[back],
        periods.weights,
        periods.n_intervals,
        enters,
        ends,
    )


@dataclass(frozen=True, slots=True)
class Cells:
    """At risk and events of each covariate pattern in each interval.

    Attributes
    ----------
    at_risk, events : ndarray of float, shape (J, U)
        Weight of the rows at risk and of the events: a row for each interval, a column for each
        pattern.
    """

    at_risk: FloatArray
    events: FloatArray

    @property
    def n_intervals(self) -> int:
        """Number of intervals, J."""
        return len(self.at_risk)

    def at(self, interval: int) -> tuple[int, FloatArray, FloatArray]:
        """Return how many patterns to look at, and their numbers at risk and of events.

        Parameters
        ----------
        interval : int
            Which interval.

        Returns
        -------
        tuple of int and two ndarrays of float, shape (U,)
            All patterns, at risk, events.
        """
        return self.at_risk.shape[1], self.at_risk[interval], self.events[interval]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in falling order of their last interval, so that those still at risk come first.

    Attributes
    ----------
    periods : PersonPeriods, n rows
        The rows in that order.
    order : ndarray of int, shape (n,)
        Where each of them stood before.
    still : ndarray of int, shape (J,)
        How many rows have ``last >= j``.
    """

    periods: PersonPeriods
    order: IntArray
    still: IntArray

    @classmethod
    def of(cls, periods: PersonPeriods) -> Rows:
        """Put the rows in order.

        Parameters
        ----------
        periods : PersonPeriods, n rows
            The rows in any order.

        Returns
        -------
        Rows
            The same rows.
        """
        order = np.argsort(-periods.last, kind="stable")
        return cls(
            PersonPeriods(
                periods.first[order],
                periods.last[order],
                periods.event[order],
                _part(periods.weights, order),
                periods.n_intervals,
                _part(periods.enters_inside, order),
                _part(periods.ends_inside, order),
            ),
            order,
            np.searchsorted(-periods.last[order], -np.arange(periods.n_intervals), side="right"),
        )

    @property
    def n_intervals(self) -> int:
        """Number of intervals, J."""
        return self.periods.n_intervals

    def at(self, interval: int) -> tuple[int, FloatArray, FloatArray]:
        """Return how many rows come into question, and their numbers at risk and of events.

        Parameters
        ----------
        interval : int
            Which interval.

        Returns
        -------
        tuple of int and two ndarrays of float, shape (k,)
            The first k rows hold all that are at risk; weight at risk, weight of the event.
        """
        k, rows = int(self.still[interval]), self.periods
        begun, here = rows.first[:k] <= interval, rows.last[:k] == interval
        at_risk = begun.astype(np.float64) if rows.weights is None else rows.weights[:k] * begun
        if rows.enters_inside is not None:
            at_risk[rows.enters_inside[:k] & (rows.first[:k] == interval)] *= 0.5
        if rows.ends_inside is not None:
            part = rows.ends_inside[:k] & here
            if rows.enters_inside is not None:  # one half, not one quarter
                part &= ~(rows.enters_inside[:k] & (rows.first[:k] == interval))
            at_risk[part] *= 0.5
        return k, at_risk, at_risk * (here & rows.event[:k])


def _part(values: Any, order: IntArray) -> Any:
    """Reorder an array that may be None."""
    return None if values is None else values[order]


def aggregate(periods: PersonPeriods, pattern: IntArray, n_patterns: int) -> Cells:
    """Count who is at risk and leaves in each pattern and interval.

    Parameters
    ----------
    periods : PersonPeriods, n rows
        The rows.
    pattern : ndarray of int, shape (n,)
        Covariate pattern of each row, 0..U-1.
    n_patterns : int
        Number of patterns, U.

    Returns
    -------
    Cells
        At risk: those who have begun minus those who have ended before, by cumulative sums. A row
        that is at risk nowhere (``first > last``) counts nowhere.
    """
    shape = (periods.n_intervals, n_patterns)
    counted = periods.first <= periods.last
    whole = bool(counted.all())

    def table(interval: IntArray, which: BoolArray | None) -> FloatArray:
        chosen = which if whole else counted if which is None else which & counted
        rows = slice(None) if chosen is None else chosen
        weights = None if periods.weights is None else periods.weights[rows]
        return _tabulate(interval[rows], pattern[rows], weights, shape)

    at_risk = _still_there(table(periods.first, None), table(periods.last, None))
    events = table(periods.last, periods.event)
    if periods.ends_inside is not None:
        at_risk -= table(periods.last, periods.ends_inside) / 2
    if periods.enters_inside is not None:
        at_risk -= table(periods.first, periods.enters_inside) / 2
        if periods.ends_inside is not None:  # one half, not none
            both = periods.enters_inside & periods.ends_inside & (periods.first == periods.last)
            at_risk += table(periods.last, both) / 2
    if periods.weights is not None:
        # Sums that should cancel leave rounding errors: nothing at risk is exactly nothing.
        at_risk[at_risk < 1e-12 * at_risk.max(axis=0, initial=0.0)] = 0.0
        at_risk = np.maximum(at_risk, events)
    return Cells(at_risk, events)


def count_cells(
    day: FloatArray,
    events: FloatArray,
    censored: FloatArray,
    entered: FloatArray | None,
    pattern: IntArray,
    n_patterns: int,
    inner: FloatArray,
    *,
    closed: str,
    partial: str = "whole",
) -> Cells:
    """Count who is at risk and leaves from counts by day.

    Parameters
    ----------
    day : ndarray of float, shape (m,)
        Times.
    events, censored : ndarray of float, shape (m,)
        How many leave then, and are censored.
    entered : ndarray of float, shape (m,), or None
        How many enter then; None if all are at risk from the beginning.
    pattern : ndarray of int, shape (m,)
        Covariate pattern of each count, 0..U-1.
    n_patterns : int
        Number of patterns, U.
    inner, closed, partial
        As in :func:`place`; not "half" with entries.

    Returns
    -------
    Cells
        The same as from the rows.
    """
    shape = (len(inner) + 1, n_patterns)
    leaving = place(day, np.ones(len(day), dtype=bool), None, inner, closed=closed)
    staying = place(
        day, np.zeros(len(day), dtype=bool), None, inner, closed=closed, partial=partial
    )
    ended = _tabulate(leaving.last, pattern, events, shape)
    happened = ended.copy()
    ended += _tabulate(staying.last, pattern, censored, shape)
    begun = np.zeros(shape)
    if entered is None:
        begun[0] = ended.sum(axis=0)
    else:
        first = np.searchsorted(inner * (1 - TIE), day, side="right").astype(np.int64)
        begun = _tabulate(first, pattern, entered, shape)
    at_risk = _still_there(begun, ended)
    if staying.ends_inside is not None:
        at_risk -= _tabulate(staying.last, pattern, censored * staying.ends_inside, shape) / 2
    return Cells(at_risk, happened)


def _tabulate(
    interval: IntArray, pattern: IntArray, weights: FloatArray | None, shape: tuple[int, int]
) -> FloatArray:
    """Add up weights by interval and pattern."""
    cells = np.bincount(interval * shape[1] + pattern, weights, minlength=shape[0] * shape[1])
    return cells.astype(np.float64, copy=False).reshape(shape)


def _still_there(begun: FloatArray, ended: FloatArray) -> FloatArray:
    """Take those who have ended before an interval off those who have begun by then."""
    at_risk = np.cumsum(begun, axis=0)
    at_risk[1:] -= np.cumsum(ended, axis=0)[:-1]
    return at_risk
