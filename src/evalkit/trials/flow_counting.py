"""Counts the stages of a trial's flow from its rows, and finds rows that contradict themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import Labels, labels, numbers, refuse_rows, rows_where
from evalkit.errors import InputError
from evalkit.trials.flow_counts import COLUMNS, STAGES, Count
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NOT_STATED", "FlowCounter", "ProgrammeCounter", "flow_frame"]

NOT_STATED = "not stated"
"""The reason of those whose reason is missing."""


class FlowCounter:
    """Counts people by stage and reason.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person.
    arm : str
        Column with the arm.
    control : object
        Label of the control arm.
    excluded : str or None
        Column with reasons for not being randomised.
    reasons : mapping of str to sequence of str
        Reasons in their order, by column.

    Attributes
    ----------
    df : pandas.DataFrame
        One row for each person.
    arms : tuple of str
        The arms, the control arm last.
    codes : ndarray of int, shape (n,)
        Position of each person's arm in ``arms``; -1 for those who were not randomised.
    """

    def __init__(
        self,
        df: pd.DataFrame,
        arm: str,
        control: object,
        excluded: str | None,
        reasons: Mapping[str, Sequence[str]],
    ) -> None:
        self.df = df
        self._arm, self._excluded, self._reasons = arm, excluded, reasons
        strange = [name for name in reasons if name not in df.columns]
        if strange:
            raise InputError.of(
                "reasons", required="reasons by column of df", got=", ".join(map(repr, strange))
            )
        coded = labels(df[arm])
        here = _present(coded)
        if control not in here or len(here) < 2:
            raise InputError.of(
                "control", required=f"one of at least two arms in {arm!r}", got=repr(control),
                remedy=f"Arms found: {', '.join(map(repr, here)) or 'none'}.",
            )  # fmt: skip
        # The level as it is found: the control may have been given as 0.0 or False, and be 0.
        order = sorted(here, key=lambda level: level == control)
        alike = [str(level) for level in order]
        if len(set(alike)) < len(alike):
            raise InputError.of(
                "arm", required=f"arms that can be told apart ({arm!r})",
                got=", ".join(map(repr, order)), remedy="Write numbers and texts in one way.",
            )  # fmt: skip
        place = {level: order.index(level) for level in here}
        of_level = [place.get(level, -1) for level in coded.levels]
        self.codes = np.array([*of_level, -1], dtype=np.int64)[coded.codes]
        self.arms = tuple(alike)
        self._check_enrolment()

    def _check_enrolment(self) -> None:
        """Refuse people who were both excluded and randomised, or neither."""
        randomised = self.codes >= 0
        out = np.zeros(len(self.df), dtype=np.bool_)
        if self._excluded is not None:
            out = self._there(self._excluded)
        refuse_rows(
            self.df, out & randomised, "excluded", self._excluded or "",
            "missing for those who were randomised",
        )  # fmt: skip
        refuse_rows(
            self.df, ~out & ~randomised, "arm", self._arm, "known for all who were not excluded",
            remedy="Leave out those who were not randomised, or give consort() their excluded=.",
        )  # fmt: skip

    def enrolled(self) -> Iterator[Count]:
        """Count those assessed, excluded and randomised.

        Yields
        ------
        Count
            The numbers before the arms part.
        """
        randomised = self.codes >= 0
        if self._excluded is not None:
            yield Count("assessed", len(self.df))
            yield from self.divided("excluded", ~randomised, ~randomised, self._excluded, "")
        yield Count("randomised", int(randomised.sum()))

    def divided(
        self,
        stage: str,
        people: BoolArray,
        among: BoolArray,
        column: str | None,
        arm: str,
        time: str = "",
    ) -> Iterator[Count]:
        """Count people of a stage, and by reason where there is a column with reasons.

        Parameters
        ----------
        stage : str
            Name of the stage.
        people : ndarray of bool, shape (n,)
            Those of the stage.
        among : ndarray of bool, shape (n,)
            Those who could have been: the arm.
        column : str or None
            Column with reasons.
        arm : str
            The arm; empty before the randomisation.
        time : str, default ""
            The follow-up.

        Yields
        ------
        Count
            The stage's number, then one for each reason, those that nobody had as 0.
        """
        yield Count(stage, int(people.sum()), arm, time=time)
        if column is None:
            return
        whom = f"those who are not {stage}" + (f" at {time}" if time else "")
        self.refuse_reasons(column, among & ~people, f"missing for {whom}")
        coded = labels(self.df[column])
        names = [str(level).strip() for level in coded.levels]
        blank = np.isin(coded.codes, [i for i, name in enumerate(names) if not name])
        refuse_rows(self.df, blank, column, column, "a reason, or missing")
        found = dict.fromkeys(self._order(column, _present(coded)), 0)
        for code, n in enumerate(np.bincount(coded.codes[people] + 1).tolist()):
            reason = names[code - 1] if code else NOT_STATED
            if n:
                found[reason] = found.get(reason, 0) + n
        for reason, n in found.items():
            yield Count(stage, n, arm, reason, time)

    def _order(self, column: str, present: Sequence[object]) -> list[str]:
        """Return the reasons of a column in their order; those that anybody had, if not said."""
        occurring = list(dict.fromkeys(str(reason).strip() for reason in present))
        occurring = [reason for reason in occurring if reason != NOT_STATED]
        if column not in self._reasons:
            return occurring
        listed = [str(reason) for reason in self._reasons[column]]
        strange = [reason for reason in occurring if reason not in listed]
        if strange:
            raise InputError.of(
                "reasons", required=f"every reason of {column!r}", got="some left out",
                where=strange,
            )  # fmt: skip
        return [reason for reason in listed if reason != NOT_STATED]

    def refuse_reasons(self, column: str, people: BoolArray, required: str) -> None:
        """Refuse reasons of people whom they do not concern.

        Parameters
        ----------
        column : str
            Column with reasons.
        people : ndarray of bool, shape (n,)
            Those who must have none.
        required : str
            What the column must be.
        """
        refuse_rows(self.df, self._there(column) & people, column, column, required)

    def _there(self, column: str) -> BoolArray:
        """Say who has a value."""
        return self.df[column].notna().to_numpy(dtype=bool)

    def binary(self, column: str, argument: str) -> FloatArray:
        """Read a column of 0 and 1.

        Parameters
        ----------
        column, argument : str
            The column, and the argument that names it.

        Returns
        -------
        ndarray of float, shape (n,)
            0, 1 or NaN.
        """
        values = numbers(self.df, column, argument)
        wrong = ~np.isnan(values) & (values != 0) & (values != 1)
        refuse_rows(self.df, wrong, argument, column, "0, 1 or missing", values)
        return values


class ProgrammeCounter:
    """Counts who started, completed and broke off, and in which groups.

    Parameters
    ----------
    counter : FlowCounter
        The people and their arms.
    started, completed, group : str or None
        Columns.
    """

    def __init__(
        self, counter: FlowCounter, started: str | None, completed: str | None, group: str | None
    ) -> None:
        self._counter, self._group, self._completes = counter, group, completed is not None
        self._starts = started is not None
        df, n = counter.df, len(counter.df)
        nothing = np.full(n, np.nan)
        begun = nothing if started is None else counter.binary(started, "started")
        ended = nothing if completed is None else counter.binary(completed, "completed")
        refuse_rows(
            df, (ended == 1) & ~(begun == 1), "completed", completed or "",
            f"1 only for those who started ({started} = 1)",
        )  # fmt: skip
        self._begun, self._ended = begun, ended
        refuse_rows(
            df, (begun == 1) & (counter.codes < 0), "started", started or "",
            "0 or missing for those who were not randomised",
        )  # fmt: skip
        if group is not None:
            there = df[group].notna().to_numpy(dtype=bool)
            programme = counter.codes < len(counter.arms) - 1
            refuse_rows(
                df, (begun == 1) & ~there & programme, "group", group,
                "known for those who started",
                remedy="A missing group means never started; give those whose group is not known "
                "a label such as 'unknown'.",
            )  # fmt: skip
            refuse_rows(
                df, there & ~(begun == 1), "group", group, "missing for those who never started",
                remedy="Nor has the control arm groups, unless its persons started the programme.",
            )  # fmt: skip

    def counts(
        self, arm: str, inside: BoolArray, not_started: str | None, broke_off: str | None
    ) -> Iterator[Count]:
        """Count one arm's way through the programme.

        Parameters
        ----------
        arm : str
            The arm.
        inside : ndarray of bool, shape (n,)
            Its people.
        not_started, broke_off : str or None
            Columns with reasons.

        Yields
        ------
        Count
            The numbers.
        """
        if not self._starts:
            return
        counter = self._counter
        began, never = inside & (self._begun == 1), inside & (self._begun == 0)
        if arm == counter.arms[-1]:
            for column, people, whom in (
                (not_started, inside, "the control arm"),
                (broke_off, inside & ~(began & (self._ended == 0)), "those who did not break off"),
            ):
                if column is not None:
                    counter.refuse_reasons(column, people, f"missing for {whom}")
            yield Count("crossed over", int(began.sum()), arm)
            return
        yield Count("started", int(began.sum()), arm)
        yield from counter.divided("not started", never, inside, not_started, arm)
        unknown = inside & np.isnan(self._begun)
        if unknown.any():
            yield Count("start not known", int(unknown.sum()), arm)
        if self._group is not None:
            yield from self._groups(arm, began)
        if self._completes:
            ended, broke = began & (self._ended == 1), began & (self._ended == 0)
            yield Count("completed", int(ended.sum()), arm)
            yield from counter.divided("broke off", broke, inside, broke_off, arm)
            if (unknown := began & np.isnan(self._ended)).any():
                yield Count("completion not known", int(unknown.sum()), arm)

    def _groups(self, arm: str, began: BoolArray) -> Iterator[Count]:
        """Count the groups of those who started, and the people in the smallest and largest."""
        sizes = self._counter.df[str(self._group)][began].value_counts()
        sizes = sizes[sizes > 0]  # of a category also those groups that nobody here is in
        yield Count("groups", len(sizes), arm)
        if len(sizes):
            yield Count("smallest group", int(sizes.min()), arm)
            yield Count("largest group", int(sizes.max()), arm)


def _present(coded: Labels) -> list[object]:
    """Return the levels that occur, in their order."""
    return [coded.levels[i] for i in np.unique(coded.codes).tolist() if i >= 0]


def flow_frame(counts: Iterable[Count], arms: Sequence[str], times: Sequence[str]) -> pd.DataFrame:
    """Lay the numbers out from assessment to analysis.

    Parameters
    ----------
    counts : iterable of Count
        The numbers.
    arms : sequence of str
        The arms, in order.
    times : sequence of str
        The follow-ups, in order.

    Returns
    -------
    pandas.DataFrame
        Columns ``stage, time, arm, reason, n``; a stage's reasons in the order given.
    """
    import pandas as pd

    follow_ups = {"followed up", "lost"}
    places = {name: place for place, name in enumerate(("", *arms))}
    when = {name: place for place, name in enumerate(("", *times))}

    def key(one: Count) -> tuple[int, int, int, int]:
        stage = STAGES.index("followed up" if one.stage in follow_ups else one.stage)
        return (stage, when[one.time], STAGES.index(one.stage), places[one.arm])

    ordered = sorted(counts, key=key)
    rows = [(one.stage, one.time, one.arm, one.reason, one.n) for one in ordered]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def refuse_repeats(df: pd.DataFrame, unit: str) -> None:
    """Refuse persons who stand in several rows, or have no name.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person.
    unit : str
        Column that identifies them.
    """
    refuse_rows(df, df[unit].isna().to_numpy(dtype=bool), "unit", unit, "known for everybody")
    repeated = df[unit].duplicated(keep=False).to_numpy(dtype=bool)
    if repeated.any():
        twice = list(dict.fromkeys(df.loc[repeated, unit].tolist()))
        raise InputError.of(
            "unit", required=f"one row a person ({unit!r})",
            got=f"{len(twice)} persons in several rows", where=map(repr, twice),
            remedy=f"The first are {', '.join(rows_where(df, repeated)[:2])}.",
        )  # fmt: skip
