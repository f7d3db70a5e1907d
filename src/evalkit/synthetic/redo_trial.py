"""A synthetic ReDO trial, drawn from a known truth, with every count that was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from evalkit.core.checks import resolve_rng
from evalkit.synthetic.redo import (
    ARMS,
    BROKE_OFF,
    COMPLETED,
    IN_ARM,
    LONG_SHARE,
    REDO_NOTICE,
    SCALES,
    TIMES,
    WENT_ON,
    WORK,
    YEAR,
    RedoTruth,
    redo_truth,
)
from evalkit.typing import BoolArray, FloatArray, IntArray, RandomSource

TextArray: TypeAlias = npt.NDArray[np.str_]

__all__ = ["synthetic_redo"]

_GROUPS, _MEETINGS = 10, 22  # meetings: two a week for ten weeks, and two more
_WAVES = ("mars–april 2012", "maj–juni 2012", "aug–sep 2012", "okt–nov 2012", "jan–feb 2013")
_IN_WAVE = 2 * IN_ARM // len(_WAVES)
_SPELLS = ("högst 1 år", "mer än 1 år")

_STABILITY, _PERSON = 0.60, 0.50  # correlation with the start; share of the rest that stays
_COMMON = 0.4  # of the variance at the start, what health and the scales share
_HEALTH_CUTS, _HEALTH_SHIFT = (-1.3, -0.2, 0.8, 1.9), (0.0, 0.1, 0.4)
# No answer to the questionnaires: by kind in ReDO, in the control arm, and what is added.
_SILENT, _SILENT_CONTROL = (0.45, 0.26, 0.04), 0.15
_SILENT_STRESSED, _SILENT_LATER, _STRESSED = 0.08, (0.0, 0.05, 0.11), 34


def synthetic_redo(*, rng: RandomSource, truth: RedoTruth | None = None) -> pd.DataFrame:
    """Draw a ReDO trial of 120 persons from a known truth.

    The data are synthetic; :data:`evalkit.synthetic.REDO_NOTICE` says what in them was published.

    Parameters
    ----------
    rng : int, numpy.random.Generator or None
        Source of randomness; the same seed gives the same trial.
    truth : RedoTruth, optional
        What to draw from; :func:`redo_truth` if left out.

    Returns
    -------
    pandas.DataFrame, 120 rows
        One row for each person randomised, in the order of randomisation.

        - ``person, wave`` (stratum of the randomisation), ``block`` (within the wave), ``arm``.
        - ``started, completed`` (1 or 0), ``group`` (missing in the control arm and for those
          who never started), ``meetings`` (attended, of 22), ``not_started, broke_off`` (reasons)
          and ``after_programme`` (of those who completed).
        - ``sex, age, diagnosis, education, spell``.
        - ``health_0, health_16w`` (self-rated, 1 very bad to 5 very good), ``mastery``, ``rses``
          and ``pss`` at the start (``_0``) and at each of ``16w``, ``6m`` and ``12m``, missing
          where the questionnaire did not come back; ``no_answer_16w`` and so on say why not.
        - From registers, complete: ``in_activity_16w, in_work_12m`` (1 or 0), ``days_12m`` (days
          in the insurance in the 365 days from randomisation), ``left_12m`` (1 if left by then).

        ``df.attrs["notice"]`` says that the data are synthetic.

    Notes
    -----
    Kinds of persons are drawn in both arms with the same shares, in the ReDO arm exactly those
    that were published. Scores are normal within kind, correlated over time, with a random effect
    of the group for those who are in one, rounded and held within the scale. Whether a
    questionnaire comes back depends on the arm, the stress at the start and, in the ReDO arm, on
    how far the person came: outcomes are missing at random given the arm, ``started``,
    ``completed`` and ``pss_0``. Once missing, a person stays missing. Exits from the insurance
    have the same probability every day.

    Examples
    --------
    >>> trial = synthetic_redo(rng=1)
    >>> trial.groupby("arm")[["started", "completed"]].sum().loc["ReDO"].tolist()
    [54, 31]
    >>> trial.loc[trial["completed"] == 1, "in_activity_16w"].sum()
    np.int64(23)
    """
    source = resolve_rng(rng)
    truth = redo_truth() if truth is None else truth
    people = _randomised(source)
    kind = _kinds(people, source, truth)
    group = _groups(people, kind, source)
    arm = (people["arm"] == ARMS[1]).to_numpy(dtype=np.int64)
    people = _programme(people, kind, group, source)
    people = _background(people, source)
    people = _questionnaires(people, kind, group, source, truth)
    long = (people["spell"] == _SPELLS[1]).to_numpy(dtype=np.int64)
    people["in_activity_16w"] = _activity(people, kind, source, truth)
    daily = np.where(arm == 1, truth.leaving(1)[kind, long], truth.leaving(0)[kind, long])
    day = np.ceil(np.log(_uniform(source, len(people))) / np.log1p(-daily)).astype(np.int64)
    left = (day <= YEAR).astype(np.int64)
    work = _uniform(source, len(people)) < np.array(WORK)[left]
    people = people.assign(in_work_12m=work.astype(np.int64), days_12m=np.minimum(day, YEAR),
                           left_12m=left)  # fmt: skip
    people.attrs["notice"] = REDO_NOTICE
    return people


def _uniform(source: np.random.Generator, n: int) -> FloatArray:
    """Draw from (0, 1), neither end included."""
    return (np.floor(source.random(n) * 2**52) + 0.5) / 2**52


def _normal(source: np.random.Generator, n: int) -> FloatArray:
    """Draw standard normals by inversion: the same on every platform once they are rounded."""
    return special.ndtri(_uniform(source, n))


def _shuffled(source: np.random.Generator, n: int) -> IntArray:
    """Return the positions 0..n-1 in random order."""
    return np.argsort(_uniform(source, n), kind="stable")


def _choose(source: np.random.Generator, n: int, shares: Mapping[str, float]) -> list[str]:
    """Draw labels with given shares."""
    place = np.searchsorted(np.cumsum(list(shares.values()))[:-1], _uniform(source, n))
    return [list(shares)[i] for i in place]


def _randomised(source: np.random.Generator) -> pd.DataFrame:
    """Randomise in blocks of four or six within each wave, half of each block to either arm."""
    rows: list[tuple[str, str, str]] = []
    for number, wave in enumerate(_WAVES, 1):
        room, block = _IN_WAVE, 0
        while room:
            size = room if room <= 6 else (4, 6)[int(source.random() * 2)]
            size = 4 if room == 8 else size  # never a last block of two
            block, room = block + 1, room - size
            arms = np.array([0, 1] * (size // 2))[_shuffled(source, size)]
            rows += [(wave, f"{number}.{block}", ARMS[arm]) for arm in arms]
    people = pd.DataFrame(rows, columns=["wave", "block", "arm"])
    people.insert(0, "person", np.arange(1, len(people) + 1))
    return people


def _kinds(people: pd.DataFrame, source: np.random.Generator, truth: RedoTruth) -> IntArray:
    """Draw what every person does or would do; the published numbers in the ReDO arm."""
    drawn = np.searchsorted(np.cumsum(truth.shares)[:-1], _uniform(source, len(people)))
    redo = people["arm"] == ARMS[1]
    # One who never starts in every wave and one more in one of them, so that groups are of 5 or 6.
    second = int(source.random() * len(_WAVES))
    for number, wave in enumerate(_WAVES):
        rows = np.flatnonzero(redo & (people["wave"] == wave))
        drawn[rows] = -1
        drawn[rows[_shuffled(source, len(rows))[: 1 + (number == second)]]] = 0
    rest = np.flatnonzero(drawn < 0)
    kinds = np.repeat([1, 2], [BROKE_OFF, COMPLETED])
    drawn[rest] = kinds[_shuffled(source, len(rest))]
    return drawn.astype(np.int64)


def _groups(people: pd.DataFrame, kind: IntArray, source: np.random.Generator) -> IntArray:
    """Divide those who start in a wave over two groups at random; -1 without a group."""
    group = np.full(len(people), -1, dtype=np.int64)
    starts = (people["arm"] == ARMS[1]).to_numpy() & (kind > 0)
    per_wave = _GROUPS // len(_WAVES)
    for number, wave in enumerate(_WAVES):
        rows = np.flatnonzero(starts & (people["wave"] == wave).to_numpy())
        group[rows[_shuffled(source, len(rows))]] = number * per_wave + np.arange(len(rows)) % 2
    return group


_NOT_STARTED = {"tackade nej": 0.5, "blev sjukare": 0.3, "fick arbete eller flyttade": 0.2}
# The reasons are those on page 57 of the handbook; how many gave which is not printed.
_BREAKS_OFF = {"återinsjuknade": 0.5, "annat behov": 0.2, "svårt att förstå språket": 0.3}
_NO_ANSWER = {"svarade inte": 0.6, "avböjde": 0.25, "gick inte att nå": 0.15}
_DIAGNOSES = {
    "depression eller ångest": 0.35,
    "stressrelaterad": 0.25,
    "smärta": 0.25,
    "annan": 0.15,
}
_EDUCATIONS = {"förgymnasial": 0.20, "gymnasial": 0.52, "eftergymnasial": 0.28}


def _programme(
    people: pd.DataFrame, kind: IntArray, group: IntArray, source: np.random.Generator
) -> pd.DataFrame:
    """Say who started, completed and broke off, in which group, and why not."""
    n = len(people)
    redo = (people["arm"] == ARMS[1]).to_numpy()
    never, broke, done = (redo & (kind == k) for k in range(3))
    share = _uniform(source, n)
    few = 1 + np.floor(share * 12)  # those who break off come to twelve meetings at most
    most = 16 + np.floor(share * (_MEETINGS - 15))
    went_on = np.zeros(n, dtype=np.bool_)
    rows = np.flatnonzero(done)
    went_on[rows[_shuffled(source, len(rows))[:WENT_ON]]] = True
    after = np.where(went_on, "annan verksamhet", "medicinsk behandling")
    names = np.array([*(f"G{number:02}" for number in range(1, _GROUPS + 1)), ""])
    return people.assign(
        started=(broke | done).astype(np.int64),
        completed=done.astype(np.int64),
        group=_where(group >= 0, names[group]),
        meetings=np.where(done, most, np.where(broke, few, 0)).astype(np.int64),
        not_started=_where(never, np.array(_choose(source, n, _NOT_STARTED))),
        broke_off=_where(broke, np.array(_choose(source, n, _BREAKS_OFF))),
        after_programme=_where(done, after),
    )


def _where(applies: BoolArray, values: TextArray) -> pd.Series[str]:
    """Return texts where they apply, and nothing elsewhere."""
    return pd.Series(values).where(applies)


def _background(people: pd.DataFrame, source: np.random.Generator) -> pd.DataFrame:
    """Draw background; only the length of the spell has a part in later outcomes."""
    n = len(people)
    age = np.clip(np.round(43 + 10 * _normal(source, n)), 20, 64).astype(np.int64)
    education = pd.Series(_choose(source, n, _EDUCATIONS))
    return people.assign(
        sex=_choose(source, n, {"kvinna": 0.64, "man": 0.36}),
        age=age,
        diagnosis=_choose(source, n, _DIAGNOSES),
        education=education.where(_uniform(source, n) > 0.03),
        spell=_choose(source, n, {_SPELLS[0]: 1 - LONG_SHARE, _SPELLS[1]: LONG_SHARE}),
    )


def _questionnaires(
    people: pd.DataFrame,
    kind: IntArray,
    group: IntArray,
    source: np.random.Generator,
    truth: RedoTruth,
) -> pd.DataFrame:
    """Draw health and the scales at all times, then who does not answer."""
    n, arm = len(people), (people["arm"] == ARMS[1]).to_numpy(dtype=np.int64)
    trait = _normal(source, n)
    later = _STABILITY * trait + np.sqrt(1 - _STABILITY**2) * _normal(source, n)
    gain = arm * truth.effect * np.array(_HEALTH_SHIFT)[kind]
    columns: dict[str, IntArray | FloatArray | pd.Series[str]] = {
        "health_0": 1 + np.searchsorted(_HEALTH_CUTS, trait),
        "health_16w": 1 + np.searchsorted(_HEALTH_CUTS, later + gain),
    }
    for name, one in SCALES.items():
        alone, person = _normal(source, n), _normal(source, n)
        start = one.better * np.sqrt(_COMMON) * trait + np.sqrt(1 - _COMMON) * alone
        shared = np.sqrt(truth.between()) * np.append(_normal(source, _GROUPS), 0.0)[group]
        for time, label in enumerate(("0", *TIMES), -1):
            score = start
            if time >= 0:
                own = np.sqrt(_PERSON) * person + np.sqrt(1 - _PERSON) * _normal(source, n)
                score = _STABILITY * start + np.sqrt(1 - _STABILITY**2) * own + shared
            places = np.column_stack([truth.place(name, time, a) for a in (0, 1)])
            whole = np.floor(places[kind, arm] + one.sd * score + 0.5)
            columns[f"{name}_{label}"] = np.clip(whole, one.low, one.high).astype(np.int64)
    silent = np.where(arm == 1, np.array(_SILENT)[kind], _SILENT_CONTROL)
    silent = silent + _SILENT_STRESSED * (np.asarray(columns["pss_0"]) > _STRESSED)
    luck, why = _uniform(source, n), np.array(_choose(source, n, _NO_ANSWER))
    for time, more in zip(TIMES, _SILENT_LATER, strict=True):
        gone = luck < silent + more
        for name in ("health", *SCALES) if time == TIMES[0] else SCALES:
            columns[f"{name}_{time}"] = np.where(gone, np.nan, columns[f"{name}_{time}"])
        columns[f"no_answer_{time}"] = _where(gone, why)
    return people.assign(**columns)


def _activity(
    people: pd.DataFrame,
    kind: IntArray,
    source: np.random.Generator,
    truth: RedoTruth,
) -> IntArray:
    """Draw who is in an activity after 16 weeks; those who completed as published."""
    redo = (people["arm"] == ARMS[1]).to_numpy()
    chance = np.where(redo, truth.activity(1)[kind], truth.activity(0)[kind])
    drawn = _uniform(source, len(people)) < chance
    known = people["after_programme"].notna().to_numpy()
    went_on = (people["after_programme"] == "annan verksamhet").to_numpy()
    return np.where(known, went_on, drawn).astype(np.int64)
