"""Reads two measurements of the same people: who answered before, who after, who both times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import check_known, labels, numbers, plain, refuse_rows, rows_where
from evalkit.errors import InputError
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PairedWaves", "read_pairs", "refuse_infinite"]


@dataclass(frozen=True, eq=False)
class PairedWaves:
    """Scores of the people who have both, and the numbers of those who do not.

    Attributes
    ----------
    people : tuple
        Who has both scores: their ids, or row labels without ids.
    before, after : ndarray of float, shape (n,)
        Their scores.
    n_before, n_after : int
        People with a score before, and after.
    lost_mean : float
        Mean score before of those without one after; NaN if there are none.
    n_dropped : mapping of str to int
        People left out, by reason.
    """

    people: tuple[object, ...]
    before: FloatArray
    after: FloatArray
    n_before: int
    n_after: int
    lost_mean: float
    n_dropped: Mapping[str, int]

    @property
    def n(self) -> int:
        """People with both scores."""
        return len(self.before)

    def counts(self) -> str:
        """Say how many answered when."""
        said = f"{self.n_before} before, {self.n_after} after, {self.n} paired."
        if self.lost_mean == self.lost_mean:
            lost = self.n_before - self.n
            said += (
                f" The {lost} without a score after had a mean of {self.lost_mean:.2f} before, the"
                f" paired {self.before.mean():.2f}."
            )
        return said


def read_pairs(
    df: pd.DataFrame,
    *,
    before: object,
    after: object,
    id: str | None,  # noqa: A002 (the word of the public functions)
    wave: str | None,
    score: str | None,
) -> PairedWaves:
    """Read the two measurements of each person.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person, or for each person and wave.
    before, after : object
        The columns with the scores; with `wave`, the values of that column.
    id : str or None
        Column with the person.
    wave, score : str or None
        Columns with the wave and the score.

    Returns
    -------
    PairedWaves
        The pairs, in the order of the people's first rows.

    Raises
    ------
    evalkit.errors.InputError
        If columns do not exist, ids or waves are missing, ids are repeated, or the waves cannot
        be paired.
    """
    if wave is None and score is None:
        return _wide(df, before, after, id)
    if wave is None or score is None:
        raise InputError.of("wave, score", required="given together",
                            got=f"only {'score' if wave is None else 'wave'}")  # fmt: skip
    if id is None:
        raise InputError.of(
            "id",
            required="a column with the person",
            got="None",
            remedy="Without ids answers cannot be paired; wave_difference() compares the waves.",
        )
    return _long(df, before, after, id, wave, score)


def _wide(df: pd.DataFrame, before: object, after: object, person: str | None) -> PairedWaves:
    """Read one row for each person."""
    if not isinstance(before, str) or not isinstance(after, str):
        raise InputError.of("before, after", required="names of columns",
                            got=f"{before!r} and {after!r}",
                            remedy="Rows by wave need wave= and score=.")  # fmt: skip
    check_known(df, before=before, after=after, id=person)
    if before == after:
        raise InputError.of("after", required="another column than before", got=repr(after))
    people: list[object] = df.index.tolist()
    if person is not None:
        people = _once(df, person)
    return _pair(people, _scores(df, before, "before"), _scores(df, after, "after"))


def _once(df: pd.DataFrame, person: str) -> list[object]:
    """Return the ids, each of which must stand once."""
    coded = labels(df[person])
    refuse_rows(df, coded.codes < 0, "id", person, "there in every row")
    times = np.bincount(coded.codes, minlength=len(coded.levels))
    _refuse_repeats(df, times[coded.codes] > 1, person, coded.codes, coded.levels, "once")
    return [coded.levels[code] for code in coded.codes]


def _refuse_repeats(
    df: pd.DataFrame,
    wrong: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    person: str,
    codes: IntArray,
    levels: tuple[object, ...],
    required: str,
) -> None:
    """Refuse people who stand more often than they may."""
    if wrong.any():
        which = levels[int(codes[wrong][0])]
        raise InputError.of(
            "id",
            required=f"each person {required} ({person!r})",
            got=f"{which!r} more often",
            where=rows_where(df, wrong),
            remedy="Keep one answer of each person and wave.",
        )


def _long(
    df: pd.DataFrame, before: object, after: object, person: str, wave: str, score: str
) -> PairedWaves:
    """Read one row for each person and wave."""
    check_known(df, id=person, wave=wave, score=score)
    people, waves = labels(df[person], ordered=False), labels(df[wave])
    refuse_rows(df, people.codes < 0, "id", person, "there in every row")
    refuse_rows(df, waves.codes < 0, "wave", wave, "there in every row")
    places: list[int] = []
    for argument, value in (("before", before), ("after", after)):
        if plain(value) not in waves.levels:
            raise InputError.of(
                argument,
                required=f"a value of {wave!r}",
                got=repr(value),
                remedy="Values: " + ", ".join(repr(level) for level in waves.levels[:10]) + ".",
            )
        places.append(waves.levels.index(plain(value)))
    if places[0] == places[1]:
        raise InputError.of("after", required="another wave than before", got=repr(after))
    values = _scores(df, score, "score")
    sides: list[FloatArray] = []
    for place in places:
        rows = waves.codes == place
        times = np.bincount(people.codes[rows], minlength=len(people.levels))
        _refuse_repeats(df, rows & (times[people.codes] > 1), person, people.codes, people.levels,
                        "once in a wave")  # fmt: skip
        side = np.full(len(people.levels), np.nan)
        side[people.codes[rows]] = values[rows]
        sides.append(side)
    seen = np.isin(waves.codes, places)
    there = np.bincount(people.codes[seen], minlength=len(people.levels)) > 0
    names = [level for level, here in zip(people.levels, there, strict=True) if here]
    return _pair(names, sides[0][there], sides[1][there])


def _pair(people: list[object], before: FloatArray, after: FloatArray) -> PairedWaves:
    """Keep those who have both scores."""
    first, second = ~np.isnan(before), ~np.isnan(after)
    both = first & second
    reasons = {
        "no score after": int((first & ~second).sum()),
        "no score before": int((second & ~first).sum()),
        "no score at all": int((~first & ~second).sum()),
    }
    lost = before[first & ~second]
    return PairedWaves(
        tuple(person for person, kept in zip(people, both, strict=True) if kept),
        before[both],
        after[both],
        int(first.sum()),
        int(second.sum()),
        float(lost.mean()) if len(lost) else float("nan"),
        {why: count for why, count in reasons.items() if count},
    )


def _scores(df: pd.DataFrame, column: str, argument: str) -> FloatArray:
    """Return a column of finite numbers, NaN where missing."""
    values = numbers(df, column, argument)
    refuse_infinite(df, column, argument, values)
    return values


def refuse_infinite(df: pd.DataFrame, column: str, argument: str, values: FloatArray) -> None:
    """Refuse infinite numbers, and say where they stand.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    column : str
        Column of the numbers.
    argument : str
        Name of the caller's argument.
    values : ndarray of float, shape (n,)
        The numbers.

    Raises
    ------
    evalkit.errors.InputError
        If one is infinite.
    """
    refuse_rows(df, np.isinf(values), argument, column, "finite", values)
