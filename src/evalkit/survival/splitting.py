"""Split rows at the time at which a covariate changes, so that nobody is treated in advance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import check_known, numbers
from evalkit.core.sample import read_sample
from evalkit.errors import InputError
from evalkit.kernels.time_index import TIE
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["split_rows"]


def split_rows(
    df: pd.DataFrame,
    *,
    duration: str,
    event: str,
    at: str | Sequence[float],
    entry: str | None = None,
    indicator: str | None = None,
) -> pd.DataFrame:
    """Split rows at the start of a treatment, or at given times, into (entry, duration] pieces.

    Whoever starts a treatment on day 60 is untreated on days 1 to 60, and only then treated. Rows
    split in this way answer what treatment does to the rate of leaving without counting the wait
    for it in its favour (immortal time).

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each spell, or pieces already. It is not changed.
    duration : str
        Column with the time of exit.
    event : str
        Column that is 1 if the exit is the event, and 0 if it is censored.
    at : str or sequence of float
        Column with the time at which a treatment starts, missing where it never does; or times at
        which all rows are split.
    entry : str, optional
        Column with the time from which a row is at risk; 0 if left out.
    indicator : str, optional
        Name of the new column that says which piece it is: 0 until the time and 1 after it, or the
        number of given times passed. ``"after_" + at``, or ``"interval"``, if left out.

    Returns
    -------
    pandas.DataFrame
        The pieces in the order of the rows, each with its row's label and columns; in all but
        the last piece `event` is 0. The column of entries is `entry`, or ``entry`` if there was
        none.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, such as an exit at time 0 where there
        is no entry; a value is missing; or a new column has the name of one that exists.

    Notes
    -----
    A treatment that starts at the exit has not begun: the row stays whole and untreated. One that
    starts at or before the entry is there throughout. Coefficients and model-based standard errors
    of :func:`evalkit.survival.cox` do not change by splitting alone; robust ones need the person
    as ``cluster``. In R: ``survival::survSplit`` and ``survival::tmerge``.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"days": [90, 50], "ended": [1, 0], "redo_day": [60, None]})
    >>> split_rows(spells, duration="days", event="ended", at="redo_day", indicator="redo")[
    ...     ["entry", "days", "ended", "redo"]
    ... ].values.tolist()
    [[0, 60, 0, 0], [60, 90, 1, 1], [0, 50, 0, 0]]
    """
    sample = read_sample(df, duration=duration, event=event, entry=entry)
    if sample.n < len(df):
        raise InputError.of(
            "df",
            required="without missing durations and events",
            got=", ".join(f"{reason}: {n}" for reason, n in sample.n_dropped.items()),
        )
    start = np.zeros(len(df)) if sample.entry is None else sample.entry
    if not (sample.time > start).all():
        raise InputError.of(
            "duration",
            required=f"after 0 where there is no entry ({duration!r})",
            got=f"{int((sample.time <= start).sum())} exits at time 0",
            remedy="A piece is at risk on (entry, duration]: add half a day to exits on day 0.",
        )
    cuts = _cuts(df, at, len(df))
    named = indicator or (f"after_{at}" if isinstance(at, str) else "interval")
    begins = entry or "entry"
    for name in {named, begins} - {entry}:
        if name in df.columns:
            raise InputError.of(
                "indicator" if name == named else "entry",
                required="the name of no column",
                got=repr(name),
                remedy="Choose another name." if name == named else "Say entry='entry'.",
            )
    # the bounds of each row's pieces: its start, the cuts inside it, its exit
    inside = (cuts > start[:, None] * (1 + TIE)) & (cuts < sample.time[:, None] * (1 - TIE))
    pieces = inside.sum(axis=1) + 1
    row = np.repeat(np.arange(len(df)), pieces)
    number = np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    inner = np.sort(np.where(inside, cuts, np.inf), axis=1)
    bounds = np.concatenate([start[:, None], inner, np.full((len(df), 1), np.inf)], axis=1)
    last = number == pieces[row] - 1
    begin = bounds[row, number]
    end = np.where(last, sample.time[row], bounds[row, number + 1])
    passed = (cuts <= start[:, None] * (1 + TIE)).sum(axis=1)
    out = df.iloc[row].copy()
    out[begins] = _like(begin, df, [duration, *([entry] if entry else [])])
    out[duration] = _like(end, df, [duration])
    out[event] = np.where(last, sample.event[row], 0)
    out[named] = passed[row] + number
    return out


def _cuts(df: pd.DataFrame, at: str | Sequence[float], n: int) -> FloatArray:
    """Return the times at which each row is split, shape (n, k); infinite where never."""
    if isinstance(at, str):
        check_known(df, at=at)
        values = numbers(df, at, "at")
        return np.where(np.isnan(values), np.inf, values)[:, None]
    times = np.asarray(at, dtype=np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise InputError.of(
            "at", required="the name of a column, or increasing finite times", got=repr(at)
        )
    return np.broadcast_to(times, (n, len(times)))


def _like(values: FloatArray, df: pd.DataFrame, names: Sequence[str]) -> FloatArray | np.ndarray:
    """Return whole numbers as integers if the columns in question are such."""
    whole = all(df[name].dtype.kind in "iu" for name in names)
    if whole and (values == np.floor(values)).all():
        return values.astype(np.int64)
    return values
