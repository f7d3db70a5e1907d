"""Synthetic participants of AMiA beside a synthetic riket, whose chances are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from evalkit.core.checks import check_counts, resolve_rng
from evalkit.typing import BoolArray, FloatArray, IntArray, RandomSource

__all__ = ["RIKET_NOTICE", "synthetic_amia_riket"]

RIKET_NOTICE = (
    "Syntetiska data. The people do not exist, and what they are like is invented: who came to "
    "AMiA, how they differ from riket, and what AMiA did for them. Of the participants, the shares "
    "that moved on in each delprojekt and the persons with 90 days in Nord, Väst and Syd are the "
    "published ones (document 004, pp. 172, 189-205); the 207 of Öst are the number with which "
    "the published total, 58 per cent, is exact. Riket's share, 44 per cent, is published too "
    "(p. 176)."
)

_PROJECTS = {"Nord": (116, 90), "Väst": (258, 111), "Syd": (284, 162), "Öst": (207, 139)}
_RIKET_SHARE = 0.44
_DIAGNOSES = ("annan", "psykisk", "rörelseorgan")
_EDUCATION = ("förgymnasial", "gymnasial", "eftergymnasial")
_AGE = (20, 63)
_STEPS, _SETTLED = 100, 1e-13

# How people in riket are spread, how much likelier each is to come to AMiA (on the log scale), and
# how the chance of moving on without AMiA depends on them (on the logit scale).
_COMING = {"woman": 0.35, "age": 0.10, "psykisk": 0.55, "rörelseorgan": -0.10, "years": 0.30,
           "employed": -0.60, "gymnasial": 0.10, "eftergymnasial": 0.05}  # fmt: skip
_MOVING_ON = {"woman": -0.10, "age": -0.25, "psykisk": -0.35, "rörelseorgan": -0.30,
              "years": -0.35, "employed": 0.70, "gymnasial": 0.25, "eftergymnasial": 0.45,
              "old_psykisk": -0.25}  # fmt: skip


def synthetic_amia_riket(*, rng: RandomSource, n_riket: int = 12_000) -> pd.DataFrame:
    """Draw participants of AMiA and people in riket whose benefit ended in the same year.

    The data are synthetic; :data:`RIKET_NOTICE` says what in them was published. Everybody's
    chance of moving on with and without AMiA is known, so a comparison can be held against the
    truth. The participants differ from riket in what the columns hold, and in nothing else.

    Parameters
    ----------
    rng : int, numpy.random.Generator or None
        Source of randomness; the same seed gives the same people.
    n_riket : int, default 12,000
        People in riket who did not take part, at least 1,000.

    Returns
    -------
    pandas.DataFrame, 865 + n_riket rows
        One row for each person, in random order.

        - ``person``, ``amia`` (1 or 0), ``delprojekt`` (missing in riket).
        - ``sex, age`` (20-63), ``diagnosis, education``, ``years`` (in sickness insurance) and
          ``employed`` (1 if employed when the benefit ended).
        - ``moved_on``: 1 if in work, studies or an activity at Arbetsförmedlingen 90 days after
          arbetslivsintroduktion.
        - ``registered_before``: 1 if registered at Arbetsförmedlingen a year before; AMiA cannot
          have touched it, and it is as common among participants as their background makes it.
        - ``chance_without, chance_with``: the chance of moving on without and with AMiA. No real
          register has them. ``chance_with`` is missing in riket.

        ``df.attrs["notice"]`` says that the data are synthetic.

    Raises
    ------
    evalkit.errors.InputError
        If ``n_riket`` is not a whole number of at least 1,000.

    Examples
    --------
    >>> people = synthetic_amia_riket(rng=1, n_riket=2000)
    >>> people.groupby("amia")["moved_on"].agg(["size", "mean"]).round(2).values.tolist()
    [[2000.0, 0.44], [865.0, 0.58]]
    """
    check_counts("n_riket", n_riket, minimum=1000)
    source = resolve_rng(rng)
    n_amia = sum(n for n, _ in _PROJECTS.values())
    riket = _background(source, n_riket)
    pool = _background(source, 40 * n_amia)
    pull = np.exp(_score(pool, _COMING))
    # With probability proportional to the pull: those who came are a tilted part of riket.
    came = source.choice(len(pool), size=n_amia, replace=False, p=pull / pull.sum())
    amia = pool.iloc[np.sort(came)].reset_index(drop=True)
    intercept = _calibrated(_score(riket, _MOVING_ON), _RIKET_SHARE * n_riket)
    riket = riket.assign(
        amia=0,
        delprojekt=None,
        chance_without=special.expit(intercept + _score(riket, _MOVING_ON)),
        chance_with=np.nan,
    )
    riket["moved_on"] = _exactly(
        source, riket["chance_without"].to_numpy(), round(_RIKET_SHARE * n_riket)
    ).astype(np.int64)
    parts: list[pd.DataFrame] = []
    first = 0
    for name, (n, moved) in _PROJECTS.items():
        part = amia.iloc[first : first + n]
        first += n
        score = _score(part, _MOVING_ON)
        chance = special.expit(_calibrated(score, moved) + score)
        parts.append(part.assign(
            amia=1,
            delprojekt=name,
            chance_without=special.expit(intercept + score),
            chance_with=chance,
            moved_on=_exactly(source, chance, moved).astype(np.int64),
        ))  # fmt: skip
    people = pd.concat([riket, *parts], ignore_index=True)
    before = special.expit(-0.4 + 0.5 * _score(people, _MOVING_ON))
    people["registered_before"] = (source.random(len(people)) < before).astype(np.int64)
    people = people.iloc[source.permutation(len(people))].reset_index(drop=True)
    people.insert(0, "person", np.arange(1, len(people) + 1))
    columns = ["person", "amia", "delprojekt", "sex", "age", "diagnosis", "education", "years",
               "employed", "moved_on", "registered_before", "chance_without",
               "chance_with"]  # fmt: skip
    people = people[columns]
    people.attrs["notice"] = RIKET_NOTICE
    return people


def _background(source: np.random.Generator, n: int) -> pd.DataFrame:
    """Draw people as they are in riket: what they are like hangs together."""
    woman = source.random(n) < 0.62
    drawn: FloatArray = source.normal(47 - 2 * woman, 10.0)
    age: IntArray = np.clip(np.round(drawn), *_AGE).astype(np.int64)
    psychic = special.expit(-0.1 + 0.4 * woman - 0.035 * (age - 45))
    where = source.random(n)
    diagnosis = np.where(where < psychic, 1, np.where(where < psychic + (1 - psychic) * 0.5, 2, 0))
    level = source.random(n) + 0.004 * (45 - age)
    education: IntArray = np.searchsorted([0.22, 0.78], level).astype(np.int64)
    years = np.round(np.clip(source.gamma(3.0, 1.0 + 0.02 * (age - 20)), 0.5, 15), 1)
    employed = source.random(n) < special.expit(-0.2 - 0.15 * (years - 4) + 0.3 * (education - 1))
    return pd.DataFrame({
        "sex": np.where(woman, "kvinna", "man"),
        "age": age,
        "diagnosis": np.array(_DIAGNOSES)[diagnosis],
        "education": pd.Categorical(
            np.array(_EDUCATION)[education], categories=list(_EDUCATION), ordered=True
        ),
        "years": years,
        "employed": employed.astype(np.int64),
    })  # fmt: skip


def _score(people: pd.DataFrame, coefficients: dict[str, float]) -> FloatArray:
    """Add up what the columns contribute; age by ten years and years by two, from the middle."""
    age = (people["age"].to_numpy(dtype=np.float64) - 45) / 10
    psychic = (people["diagnosis"] == "psykisk").to_numpy(dtype=np.float64)
    columns: dict[str, Any] = {
        "woman": people["sex"] == "kvinna",
        "age": age,
        "psykisk": psychic,
        "rörelseorgan": people["diagnosis"] == "rörelseorgan",
        "years": (people["years"].to_numpy(dtype=np.float64) - 4) / 2,
        "employed": people["employed"],
        "gymnasial": people["education"] == "gymnasial",
        "eftergymnasial": people["education"] == "eftergymnasial",
        "old_psykisk": psychic * np.maximum(age, 0.0),
    }
    score = np.zeros(len(people))
    for name, value in coefficients.items():
        score += value * np.asarray(columns[name], dtype=np.float64)
    return score


def _calibrated(score: FloatArray, total: float) -> float:
    """Return the intercept with which the chances add up to a total, by Newton's method."""
    intercept = 0.0
    for _ in range(_STEPS):
        chance = special.expit(intercept + score)
        step = (total - float(chance.sum())) / float((chance * (1 - chance)).sum())
        intercept += min(max(step, -1.0), 1.0)
        if abs(step) < _SETTLED:
            break
    return intercept


def _exactly(source: np.random.Generator, chance: FloatArray, total: int) -> BoolArray:
    """Draw independent events, given that there are exactly so many of them."""
    n = len(chance)
    if n <= 1000:
        while True:
            drawn = source.random(n) < chance
            if drawn.sum() == total:
                return drawn
    drawn = source.random(n) < chance
    surplus = int(drawn.sum()) - total
    # Of many, a few are turned round: with chances that leave each one's odds as they were.
    sign = 1 if surplus > 0 else -1
    rows: IntArray = np.flatnonzero(drawn == (surplus > 0))
    odds = (chance / (1 - chance))[rows] ** -sign
    turned = source.choice(rows, size=abs(surplus), replace=False, p=odds / odds.sum())
    drawn[turned] = ~drawn[turned]
    return drawn
