"""Who is where over time: shares in each state, with leaving, relapse and return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Labels, Names, check_known, labels
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import Sample, read_sample
from evalkit.errors import InputError
from evalkit.kernels.aalen_johansen import INTERVALS, IncidenceInterval, incidence_interval
from evalkit.kernels.event_times import TIE, last_at_or_before
from evalkit.kernels.multistate import (
    StateCurves,
    StateRows,
    occupation_influence,
)
from evalkit.kernels.multistate import (
    state_occupation as estimate,
)
from evalkit.kernels.numeric import normal_quantile
from evalkit.survival.groups import asked_times, lay_out
from evalkit.survival.persons import rows_used
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["StateOccupation", "state_occupation"]

_STEPS = 5
_NONE = 1e-12


@dataclass(frozen=True, eq=False)
class _Group:
    """One group: its keys, its rows, and its curves."""

    keys: Mapping[str, object]
    rows: StateRows
    curves: StateCurves

    @property
    def last(self) -> float:
        """Last time at which the shares are known: infinite if all are where nobody leaves."""
        left = np.unique(self.rows.state)
        if self.curves.probability[-1, left].sum() <= _NONE:
            return np.inf
        return float(self.curves.times[-1])

    def at(self, times: FloatArray) -> FloatArray:
        """Shares, (m, S); NaN beyond the last time."""
        position = last_at_or_before(self.curves.times, times)
        value = np.where(
            position[:, None] < 0, self.curves.start, self.curves.probability[position]
        )
        return np.where((times <= self.last * (1 + TIE))[:, None], value, np.nan)


@dataclass(frozen=True, eq=False, repr=False)
class StateOccupation:
    """Shares in each state over time.

    Build one with :func:`state_occupation`.

    Parameters
    ----------
    states : tuple
        Labels of the states.
    by : tuple of str
        Names of the key columns.
    level : float
        Confidence level of the intervals.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale of the intervals.
    n_used : int
        Rows used.
    n_persons : int
        Persons whose rows they are.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    states: tuple[object, ...]
    by: tuple[str, ...]
    level: float
    ci: IncidenceInterval
    n_used: int
    n_persons: int
    n_dropped: Mapping[str, int]
    _groups: tuple[_Group, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the shares at all times at which somebody moves or leaves.

        Returns
        -------
        pandas.DataFrame
            ``[by], state, time, probability``. At each time the shares of all states sum to 1;
            intervals are in :meth:`at`.
        """
        return self._frame([(g.curves.times, g.curves.probability) for g in self._groups])

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Return the shares at given times, with intervals.

        Parameters
        ----------
        times : float or array_like of float
            The times.

        Returns
        -------
        pandas.DataFrame
            ``[by], state, time, probability, std_error, conf_low, conf_high``. Missing beyond the
            group's last time, unless everybody has reached a state that nobody leaves by then.

        Raises
        ------
        evalkit.errors.InputError
            If a time is missing or no number.
        """
        asked = asked_times(times)
        frame = self._frame([(asked, g.at(asked)) for g in self._groups])
        variance = np.concatenate(
            [
                np.stack(
                    [(occupation_influence(g.curves, g.rows, t) ** 2).sum(axis=0) for t in asked]
                ).T.ravel()
                for g in self._groups
            ]
        )
        share = frame["probability"].to_numpy()
        variance = np.where(np.isnan(share), np.nan, variance)
        frame["std_error"] = np.sqrt(variance)
        low, high = incidence_interval(share, variance, normal_quantile(self.level), self.ci)
        frame["conf_low"], frame["conf_high"] = low, high
        return frame

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the shares stacked over time; for one group.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        **options
            Passed on to :func:`evalkit.plots.survival.stacked_exits`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes: the first state is what is left open.

        Raises
        ------
        evalkit.errors.InputError
            If there are several groups.
        """
        from evalkit.plots.survival import stacked_exits

        frame = self.to_frame().rename(columns={"state": "cause"})
        frame = frame[frame["cause"] != self.states[0]]
        options.setdefault("still", str(self.states[0]))
        return stacked_exits(frame, value="probability", ax=ax, **options)

    def _frame(self, parts: list[tuple[FloatArray, FloatArray]]) -> pd.DataFrame:
        """Stack groups, states within them, and times within those."""
        return lay_out(
            [
                ({**group.keys, "state": state}, {"time": times, "probability": shares[:, j]})
                for group, (times, shares) in zip(self._groups, parts, strict=True)
                for j, state in enumerate(self.states)
            ]
        )

    def __repr__(self) -> str:
        """Show the shares at a few times in plain text."""
        return text_block(self._head(), self._some(), ())

    def _repr_html_(self) -> str:
        """Show the shares at a few times in a notebook."""
        return html_table(self._head(), self._some(), ())

    def _some(self) -> pd.DataFrame:
        """Return the shares at a few times."""
        last = min(float(group.curves.times[-1]) for group in self._groups)
        return self.at(last * np.arange(1, _STEPS + 1) / _STEPS)

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        by = f" by {', '.join(self.by)}" if self.by else ""
        variance = f"jackknife over {self.n_persons} persons"
        return [
            f"Share in each of {len(self.states)} states{by}",
            f"Aalen-Johansen, {variance}; {self.ci} {100 * self.level:g} % intervals",
            sample_line(self.n_used, self.n_dropped),
        ]


def state_occupation(
    df: pd.DataFrame,
    *,
    duration: str,
    cause: str,
    state: str | None = None,
    initial: object = "in spell",
    entry: str | None = None,
    id: str | None = None,  # noqa: A002 (the word that users of R know)
    by: Names | None = None,
    level: float = 0.95,
    ci: IncidenceInterval = "log-log",
) -> StateOccupation:
    r"""Estimate the share in each state over time, with leaving, relapse and return.

    On day 365, how many are in the spell, how many at work, how many in a programme, when some
    come back? With one row a person the states are the spell and its exits, and the shares are
    those of :func:`evalkit.survival.cumulative_incidence`; with several rows persons may move
    between states any number of times.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each stay of a person in a state, on (entry, duration].
    duration : str
        Column with the time since the person's beginning at which the stay ends.
    cause : str
        Column with the state that the person moves to then; 0 where the stay is only seen up to
        there, because the person is censored or the next row continues it.
    state : str, optional
        Column with the state during the stay; `initial` in every row by default.
    initial : object, default "in spell"
        Label of the state in every row, if there is no `state`.
    entry : str, optional
        Column with the time at which the stay begins; 0 by default.
    id : str, optional
        Column that says whose stay it is; needed if persons have several.
    by : str or sequence of str, optional
        Columns that make up the groups.
    level : float, default 0.95
        Confidence level.
    ci : {"log-log", "log", "plain", "arcsine"}
        Scale of the intervals, as for :func:`evalkit.survival.cumulative_incidence`.

    Returns
    -------
    StateOccupation
        ``.to_frame()``, ``.at(times)`` with intervals, ``.plot(ax)``.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, a person's stays overlap or do not
        join (a stay begins in another state than the one moved to), or nobody is seen from the
        beginning.

    Notes
    -----
    The shares at the beginning are those of the persons seen from the earliest entry on; then
    :math:`p(t) = p(0) \prod_{u \le t} \{I + dA(u)\}` with the matrices of transitions per person at
    risk. The shares are right whether or not the process is Markov, provided that censoring and
    late entry do not depend on the state. Standard errors are infinitesimal jackknives over
    persons. R: ``survival::survfit(Surv(entry, duration, cause) ~ 1, id, istate)``; where persons
    begin in different states, R takes their shares as known, and its standard errors are smaller.

    References
    ----------
    .. [1] Putter H, Fiocco M, Geskus RB (2007). Tutorial in biostatistics: competing risks and
       multi-state models. Stat Med 26:2389-2430. doi:10.1002/sim.2712

    Examples
    --------
    >>> import pandas as pd
    >>> stays = pd.DataFrame({
    ...     "person": [1, 1, 1, 2, 3, 3],
    ...     "start": [0, 30, 60, 0, 0, 45],
    ...     "end": [30, 60, 100, 80, 45, 90],
    ...     "state": ["sick", "work", "sick", "sick", "sick", "work"],
    ...     "to": ["work", "sick", 0, "work", "work", 0],
    ... })
    >>> shares = state_occupation(
    ...     stays, duration="end", cause="to", state="state", entry="start", id="person"
    ... )
    >>> shares.at([50, 70])[["state", "time", "probability", "std_error"]].round(3)
      state  time  probability  std_error
    0  sick  50.0        0.333      0.272
    1  sick  70.0        0.667      0.272
    2  work  50.0        0.667      0.272
    3  work  70.0        0.333      0.272
    """
    check_choice("ci", ci, INTERVALS)
    check_known(df, state=state, id=id)
    extra = [name for name in (state, id) if name is not None]
    sample = read_sample(df, duration=duration, cause=cause, entry=entry, by=by,
                         extra_columns=extra)  # fmt: skip
    here = None if state is None else labels(df[state].iloc[sample.rows])
    states, code, to = _code_states(sample, here, initial)
    person = (
        np.arange(sample.n) if id is None else labels(df[id].iloc[sample.rows], ordered=False).codes
    )
    if id is not None:
        _check_stays(df, sample, code, to, person)
    groups = np.zeros(sample.n, dtype=np.int64) if sample.groups is None else sample.groups
    names = () if by is None else ((by,) if isinstance(by, str) else tuple(by))
    made = [
        _group(sample, groups == g, level_, names, code, to, person, len(states))
        for g, level_ in enumerate(sample.group_levels or ((),))
    ]
    return StateOccupation(
        states=states,
        by=names,
        level=check_level(level),
        ci=ci,
        n_used=sample.n,
        n_persons=len(np.unique(person)),
        n_dropped=sample.n_dropped,
        _groups=tuple(made),
    )


def _code_states(
    sample: Sample, here: Labels | None, initial: object
) -> tuple[tuple[object, ...], IntArray, IntArray]:
    """Number the states: those that persons are seen in, then those that are only moved to."""
    seen = (initial,) if here is None else here.levels
    states = (*seen, *(cause for cause in sample.causes if cause not in seen))
    code = np.zeros(sample.n, dtype=np.int64) if here is None else here.codes
    table = np.array([-1, *(states.index(cause) for cause in sample.causes)], dtype=np.int64)
    to = table[sample.event]
    return states, code, np.where(to < 0, code, to)


def _check_stays(
    df: pd.DataFrame, sample: Sample, code: IntArray, to: IntArray, person: IntArray
) -> None:
    """Check that the stays of a person follow each other, and begin where the last one led."""
    entry = np.full(sample.n, -np.inf) if sample.entry is None else sample.entry
    order = np.lexsort((sample.time, person))
    earlier, later = order[:-1], order[1:]
    same = person[earlier] == person[later]
    gap = entry[later] - sample.time[earlier]
    overlap = same & (gap < -TIE * sample.time[earlier])
    _refuse(df, sample, later[overlap], "stays of a person that follow each other",
            "stays that begin before the one before has ended")  # fmt: skip
    joined = same & (np.abs(gap) <= TIE * sample.time[earlier]) & (to[earlier] != code[later])
    _refuse(df, sample, later[joined], "stays that begin in the state moved to",
            "stays in another state")  # fmt: skip


def _refuse(df: pd.DataFrame, sample: Sample, wrong: IntArray, required: str, got: str) -> None:
    """Raise an error that names the rows, if there are any."""
    if len(wrong):
        where = rows_used(df, sample, wrong)
        raise InputError.of("id", required=required, got=f"{len(wrong)} {got}", where=where)


def _group(
    sample: Sample,
    mine: BoolArray,
    level: object,
    names: tuple[str, ...],
    code: IntArray,
    to: IntArray,
    person: IntArray,
    n_states: int,
) -> _Group:
    """Estimate the curves of one group."""
    entry = None if sample.entry is None else sample.entry[mine]
    first = np.ones(int(mine.sum())) if entry is None else (entry == entry.min()).astype(float)
    rows = StateRows(
        time=sample.time[mine],
        entry=entry,
        state=code[mine],
        to=to[mine],
        person=np.unique(person[mine], return_inverse=True)[1],
        first=first,
    )
    values = cast("tuple[object, ...]", level) if isinstance(level, tuple) else (level,)
    return _Group(dict(zip(names, values, strict=True)), rows, estimate(rows, n_states))
