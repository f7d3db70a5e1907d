"""Reads the columns of a frame into one checked sample of durations, for every survival method.

A row is at risk on ``(entry, duration]``; without an entry, from the beginning. Everything that
can be wrong with the columns is found here, once, and said with the column, the rows and the
remedy; rows that lack a value are dropped and counted by reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

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
from evalkit.errors import InputError
from evalkit.kernels.time_index import TIE
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EmptyRiskSetWarning",
    "Sample",
    "SurvivalWarning",
    "WeightsKind",
    "read_sample",
]

WeightsKind: TypeAlias = Literal["case", "sampling"]


class SurvivalWarning(UserWarning):
    """Something about a duration sample that a careful reader should know."""


class EmptyRiskSetWarning(SurvivalWarning):
    """Nobody was left at risk at some time, and others came or stayed under observation later."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Durations, checked and coded; every array has one entry for each row used.

    Parameters
    ----------
    exits : ndarray of float or int, shape (n,)
        Exit times as they are stored; ``time`` has them as floats.
    event : ndarray of int, shape (n,)
        0 where the row is censored, else 1..C, the code of its cause.
    entry : ndarray of float, shape (n,), or None
        Entry times; None if nobody enters late.
    weights : ndarray of float, shape (n,), or None
        Weights; None if every row counts once.
    groups : ndarray of int, shape (n,), or None
        Position of the row's group in ``group_levels``.
    group_levels : tuple
        The groups in sorted order; tuples if they come from a list of columns.
    strata : ndarray of int, shape (n,), or None
        Position of the row's stratum in ``strata_levels``.
    strata_levels : tuple
        The strata in sorted order.
    cluster : ndarray of int, shape (n,), or None
        Code of the row's cluster, 0, 1, ...
    causes : tuple
        Labels of the causes: the first has code 1. ``(1,)`` for a plain event.
    kept : ndarray of int, shape (n,), or None
        Positions in the frame of the rows used, None if all are; ``rows`` has them in any case.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    weights_kind : {"case", "sampling"}
        Whether a weight stands for repetitions or for a sampling probability.
    """

    exits: FloatArray | IntArray
    event: IntArray
    entry: FloatArray | None
    weights: FloatArray | None
    groups: IntArray | None
    group_levels: tuple[object, ...]
    strata: IntArray | None
    strata_levels: tuple[object, ...]
    cluster: IntArray | None
    causes: tuple[object, ...]
    kept: IntArray | None
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    weights_kind: WeightsKind = "case"

    @cached_property
    def time(self) -> FloatArray:
        """Exit times, shape (n,)."""
        return self.exits.astype(np.float64, copy=False)

    @cached_property
    def rows(self) -> IntArray:
        """Positions in the frame of the rows used, shape (n,)."""
        return np.arange(self.n) if self.kept is None else self.kept

    @property
    def n(self) -> int:
        """Number of rows used."""
        return len(self.exits)

    @property
    def n_causes(self) -> int:
        """Number of causes."""
        return len(self.causes)


def read_sample(
    df: pd.DataFrame,
    *,
    duration: str,
    event: str | None = None,
    cause: str | None = None,
    entry: str | None = None,
    by: Names | None = None,
    strata: Names | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    weights_kind: WeightsKind = "case",
    extra_columns: Iterable[str] = (),
    own: bool = True,
) -> Sample:
    """Read and check the columns of a survival analysis.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person, spell or interval. It is not changed.
    duration : str
        Column with the time of exit: finite numbers of at least 0.
    event, cause : str, optional
        One of the two: a column that is 1 (or True) for an event and 0 for censoring, or one that
        holds 0 for censoring and otherwise the cause.
    entry : str, optional
        Column with the time from which the row is at risk, before its exit.
    by, strata : str or sequence of str, optional
        Columns that make up the groups and the strata.
    weights : str, optional
        Column with weights of at least 0.
    cluster : str, optional
        Column that says which rows belong together.
    weights_kind : {"case", "sampling"}
        Whether weights are repetitions or inverse sampling probabilities.
    extra_columns : iterable of str, optional
        Further columns that must not be missing, such as the variables of a formula.
    own : bool, default True
        Hold copies, which later changes of ``df`` do not reach. False spares them where nothing
        of the sample outlives the call.

    Returns
    -------
    Sample
        The rows that have a value in every column used.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist, is not numeric where it must be, or holds durations that are
        negative or infinite, events other than 0 and 1, missing causes, entries that are missing,
        negative or not before the exit, or weights that are missing, negative or infinite; or if
        no row is left.

    Notes
    -----
    Rows that lack a duration, an event, a group, a stratum, a cluster or one of ``extra_columns``
    are dropped, and counted once each, under the first column that they lack. A missing cause,
    entry or weight is an error, since it cannot be told what dropping it would do.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [30, 95, None], "ended": [1, 0, 1], "sex": ["w", "m", "w"]})
    >>> sample = read_sample(spells, duration="days", event="ended", by="sex")
    >>> sample.group_levels, sample.groups.tolist(), dict(sample.n_dropped)
    (('m', 'w'), [1, 0], {'missing days': 1})
    """
    check_choice("weights_kind", weights_kind, ("case", "sampling"))
    if (event is None) == (cause is None):
        raise InputError.of(
            "event" if cause is None else "cause",
            required="one of event and cause",
            got="neither" if event is None else "both",
        )
    groups, layers, extra = as_names(by), as_names(strata), list(extra_columns)
    check_known(
        df,
        duration=duration,
        event=event,
        cause=cause,
        entry=entry,
        by=groups,
        strata=layers,
        weights=weights,
        cluster=cluster,
        formula=extra,
    )
    time = _durations(df, duration)
    happened = _events(df, event) if event is not None else None
    starts = None if entry is None else _entries(df, entry, time)
    case_weights = None if weights is None else _weights(df, weights)
    cause_codes, causes = (None, (1,)) if cause is None else _causes(df, cause)

    missing: dict[str, BoolArray] = {}
    if time.dtype.kind == "f" and np.isnan(time.min(initial=0.0)):
        missing[duration] = np.isnan(time)
    if event is not None and happened is not None and happened.min(initial=0) < 0:
        missing[event] = happened < 0
    coded = {name: labels(df[name]) for name in {*groups, *layers}}
    for name in (*groups, *layers):
        if coded[name].any_missing:
            missing[name] = coded[name].codes < 0
    units = None if cluster is None else labels(df[cluster], ordered=False)
    if cluster is not None and units is not None and units.any_missing:
        missing[cluster] = units.codes < 0
    for name in extra:
        gone = df[name].isna().to_numpy(dtype=bool)
        if gone.any():
            missing[name] = gone

    complete, n_dropped = _complete(len(df), missing)
    if len(df) == 0 or (complete is not None and len(complete) == 0):
        raise InputError.of(
            "df",
            required="at least one row with a value in every column used",
            got=f"{len(df)} rows" + (" and none complete" if len(df) else ""),
            where=(f"{reason}: {n}" for reason, n in n_dropped.items()),
        )
    kept: Any = slice(None) if complete is None else complete

    outcome = happened if cause_codes is None else cause_codes
    assert outcome is not None  # one of event and cause was given
    outcome = outcome[kept]
    if cause_codes is not None:
        outcome, causes = _only_used(outcome, causes)
    group_codes, group_levels = cross([coded[n] for n in groups], kept, isinstance(by, str))
    strata_codes, strata_levels = cross([coded[n] for n in layers], kept, isinstance(strata, str))
    sample = Sample(
        exits=time[kept],
        event=outcome,
        entry=None if starts is None else starts[kept],
        weights=None if case_weights is None else case_weights[kept],
        groups=group_codes,
        group_levels=group_levels,
        strata=strata_codes,
        strata_levels=strata_levels,
        cluster=None if units is None else cross([units], kept, single=True)[0],
        causes=causes,
        kept=complete,
        n_dropped=n_dropped,
        weights_kind=weights_kind,
    )
    return _owning(sample) if own and complete is None else sample


def _owning(sample: Sample) -> Sample:
    """Copy the arrays, some of which are columns of the frame."""
    names = ("exits", "event", "entry", "weights", "groups", "strata", "cluster")
    arrays = {name: getattr(sample, name) for name in names}
    return replace(sample, **{k: v.copy() for k, v in arrays.items() if v is not None})


def _durations(df: pd.DataFrame, name: str) -> FloatArray | IntArray:
    """Read times of exit; NaN where they are missing."""
    stored = df[name].dtype
    if isinstance(stored, np.dtype) and stored.kind == "i":
        time = df[name].to_numpy(dtype=np.int64)
    else:
        time = numbers(df, name, "duration")
    if len(time) and not (time.min() >= 0 and time.max() < np.inf):  # NaN fails as well
        refuse_rows(df, time < 0, "duration", name, "of at least 0", time)
        refuse_rows(df, np.isinf(time), "duration", name, "finite", time)
    return time


def _entries(df: pd.DataFrame, name: str, time: FloatArray | IntArray) -> FloatArray:
    """Read times of entry, each before its exit."""
    entry = numbers(df, name, "entry")
    refuse_rows(
        df, np.isnan(entry), "entry", name, "there for every row", None, remedy=_ENTRY_REMEDY
    )
    refuse_rows(df, ~(entry >= 0) | np.isinf(entry), "entry", name, "finite and at least 0", entry)
    late = time - entry <= TIE * time
    if late.any():
        first = int(np.flatnonzero(late)[0])
        raise InputError.of(
            "entry",
            required=f"before the duration ({name!r})",
            got=f"{int(late.sum())} rows where it is not, such as {entry[first]:g} and "
            f"{time[first]:g}",
            where=rows_where(df, late),
            remedy="A row is at risk on (entry, duration]; leave out rows of no length.",
        )
    return entry


_ENTRY_REMEDY = "Give 0 to those who are followed from the beginning."


def _weights(df: pd.DataFrame, name: str) -> FloatArray:
    """Read weights of at least 0."""
    weights = numbers(df, name, "weights")
    refuse_rows(df, np.isnan(weights), "weights", name, "there for every row", None)
    refuse_rows(
        df, (weights < 0) | np.isinf(weights), "weights", name, "finite and at least 0", weights
    )
    if len(weights) and not weights.any():
        raise InputError.of("weights", required="positive somewhere", got="only zeros")
    return weights


def _events(df: pd.DataFrame, name: str) -> IntArray:
    """Read events as 1 and 0; -1 where they are missing."""
    series = df[name]
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biu":
        event = series.to_numpy(dtype=np.int64)
        if len(event) == 0 or (event.min() >= 0 and event.max() <= 1):
            return event
    values = numbers(df, name, "event")
    wrong = (values != 0) & (values != 1) & ~np.isnan(values)
    if wrong.any():
        raise InputError.of(
            "event",
            required=f"1 for an event and 0 for censoring ({name!r})",
            got=", ".join(f"{value:g}" for value in np.unique(values[wrong])[:5]),
            where=rows_where(df, wrong),
            remedy="For a coding of 1 and 2 compare with the code of the event "
            f"(df[{name!r}] == 2); several kinds of exit belong in `cause`.",
        )
    return np.where(np.isnan(values), -1, values).astype(np.int64)


def _causes(df: pd.DataFrame, name: str) -> tuple[IntArray, tuple[object, ...]]:
    """Read causes as 1..C in the order of their labels, and 0 where the row is censored."""
    coded = labels(df[name])
    refuse_rows(
        df, coded.codes < 0, "cause", name, "there for every row", None, remedy=_CAUSE_REMEDY
    )
    for level in coded.levels:
        if isinstance(level, str) and level.strip().lower() in _CENSORED_WORDS:
            raise InputError.of(
                "cause",
                required=f"0 for a censored row ({name!r})",
                got=repr(level),
                remedy=f"Write df[{name!r}].replace({{{level!r}: 0}}).",
            )
    censored = [i for i, level in enumerate(coded.levels) if level in (0, "0")]
    kept = [i for i in range(len(coded.levels)) if i not in censored]
    new = np.zeros(len(coded.levels), dtype=np.int64)
    new[kept] = np.arange(1, len(kept) + 1)
    return new[coded.codes], tuple(coded.levels[i] for i in kept)


_CAUSE_REMEDY = "Write 0 for a row that is censored, and the cause for one that ended."
_CENSORED_WORDS = {"", "cens", "censor", "censored", "censurerad"}


def _complete(n: int, missing: Mapping[str, BoolArray]) -> tuple[IntArray | None, dict[str, int]]:
    """Return the complete rows, None for all, and how many others lack which column, once each."""
    if not missing:
        return None, {}
    keep = np.ones(n, dtype=np.bool_)
    dropped: dict[str, int] = {}
    for name, gone in missing.items():
        count = int((keep & gone).sum())
        if count:
            dropped[f"missing {name}"] = count
            keep &= ~gone
    return np.flatnonzero(keep), dropped


def _only_used(event: IntArray, causes: tuple[object, ...]) -> tuple[IntArray, tuple[object, ...]]:
    """Leave out causes that no row has."""
    present = np.bincount(event, minlength=len(causes) + 1) > 0
    present[0] = True
    if present.all():
        return event, causes
    return (np.cumsum(present) - 1)[event], tuple(
        label for label, used in zip(causes, present[1:], strict=True) if used
    )
