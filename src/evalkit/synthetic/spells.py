"""Synthetic sickness-insurance spells with a known truth, for survival analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.core.checks import check_columns, check_counts, resolve_rng
from evalkit.errors import InputError
from evalkit.typing import FloatArray, IntArray, RandomSource

__all__ = ["CAUSES", "SPELLS_NOTICE", "SpellTruth", "spell_truth", "synthetic_spells"]

SPELLS_NOTICE = (
    "Syntetiska data. The spells are drawn from a model; no person in them exists, and nothing "
    "in them says anything about the sickness insurance."
)

CAUSES: Mapping[int, str] = {
    1: "arbete", 2: "studier", 3: "program hos Af", 4: "sjuk- eller aktivitetsersättning",
}  # fmt: skip
"""The codes of ``cause`` and what they stand for; 0 is a spell that goes on."""

_BREAKS = (0.0, 90.0, 180.0, 365.0, 914.0)
_COLUMNS = (
    "person", "sex", "age", "diagnosis", "benefit", "office", "arm", "start", "entry", "duration",
    "event", "cause", "exit",
)  # fmt: skip
# Hazard a day, by interval (rows) and cause (columns), of the reference person.
_BASELINE = (
    (0.0028, 0.0002, 0.0003, 0.00003),
    (0.0021, 0.0002, 0.0004, 0.00005),
    (0.0013, 0.0002, 0.0004, 0.00015),
    (0.0007, 0.0001, 0.0003, 0.00030),
    (0.0003, 0.0001, 0.0008, 0.00040),
)
_DIAGNOSES = ("rörelseorganen", "psykisk", "övrig")
_BENEFITS = ("sjukpenning", "aktivitetsersättning")
# Log hazard ratios by cause (columns, as in CAUSES). Age is in years from 40.
_EFFECTS: Mapping[str, tuple[float, float, float, float]] = {
    "sex[man]": (0.10, -0.20, 0.15, 0.00),
    "age - 40": (-0.010, -0.060, -0.015, 0.025),
    "diagnosis[psykisk]": (-0.25, 0.10, 0.20, 0.15),
    "diagnosis[övrig]": (-0.05, 0.00, 0.00, 0.10),
    "benefit[aktivitetsersättning]": (-0.60, 0.70, 0.10, 0.50),
    "arm[samverkan]": (0.30, 0.10, 0.40, -0.10),
}


@dataclass(frozen=True, eq=False)
class SpellTruth:
    """What :func:`synthetic_spells` draws from, so that estimates can be held against it.

    Parameters
    ----------
    breaks : tuple of float, length 5
        First days of the intervals in which the hazards are constant: 0, 90, 180, 365 and 914.
    baseline : ndarray of float, shape (5, 4)
        Hazard a day in each interval (rows) by each cause (columns) of a woman of 40 with a
        diagnosis of the musculoskeletal system, sjukpenning and no co-operation.
    effects : pandas.DataFrame
        Log hazard ratios: one row for each covariate, one column for each cause.
    office_sd : float
        Standard deviation of the offices' log hazards, which are common to all causes.
    offices : ndarray of float, shape (n_offices,)
        The offices' log hazards as drawn.
    """

    breaks: tuple[float, ...]
    baseline: FloatArray
    effects: pd.DataFrame
    office_sd: float
    offices: FloatArray

    def survival(self, df: pd.DataFrame, times: npt.ArrayLike) -> FloatArray:
        """Return the share still in the insurance at whole days, averaged over people.

        Parameters
        ----------
        df : pandas.DataFrame
            People with the covariates of :func:`synthetic_spells`.
        times : array_like of float, shape (m,)
            Days from the start of the spell.

        Returns
        -------
        ndarray of float, shape (m,)
            The average of P(T > t).
        """
        total = self._hazards(df).sum(axis=2)
        return np.array([np.exp(-(total @ self._within(t))).mean() for t in _days(times)])

    def cumulative_incidence(self, df: pd.DataFrame, times: npt.ArrayLike) -> FloatArray:
        """Return the share that has left by each cause at whole days, averaged over people.

        Parameters
        ----------
        df : pandas.DataFrame
            People with the covariates of :func:`synthetic_spells`.
        times : array_like of float, shape (m,)
            Days from the start of the spell.

        Returns
        -------
        ndarray of float, shape (m, 4)
            The average of P(T <= t, cause).
        """
        hazards = self._hazards(df)
        total = hazards.sum(axis=2)
        rows: list[FloatArray] = []
        for t in _days(times):
            within = self._within(t)
            before = np.exp(-(np.cumsum(total * within, axis=1) - total * within))
            leaves = before * -np.expm1(-total * within) / total
            rows.append((leaves[:, :, None] * hazards).sum(axis=1).mean(axis=0))
        return np.array(rows).reshape(-1, len(CAUSES))

    def rmst(self, df: pd.DataFrame, tau: int) -> float:
        """Return the mean number of days in the insurance up to a horizon, averaged over people.

        Parameters
        ----------
        df : pandas.DataFrame
            People with the covariates of :func:`synthetic_spells`.
        tau : int
            The horizon, in whole days.

        Returns
        -------
        float
            The mean of min(T, tau), where T is a whole day: the sum of P(T > t) over the days
            t = 0, ..., tau - 1.
        """
        (horizon,) = check_counts("tau", tau).tolist()
        return float(self.survival(df, np.arange(horizon, dtype=np.int64)).sum())

    def _within(self, t: float) -> FloatArray:
        """Return how many days of each interval lie before a day."""
        edges = np.append(self.breaks, np.inf)
        return np.clip(t - edges[:-1], 0, np.diff(edges))

    def _hazards(self, df: pd.DataFrame) -> FloatArray:
        """Return hazards, shape (people, intervals, causes)."""
        factors = np.exp(_design(df) @ self.effects.to_numpy(dtype=np.float64))
        offices = np.exp(self.offices[df["office"].to_numpy(dtype=np.int64)])
        return factors[:, None, :] * offices[:, None, None] * self.baseline


def _days(times: npt.ArrayLike) -> FloatArray:
    """Return whole days as an array."""
    return check_counts("times", times).astype(np.float64)


def _design(df: pd.DataFrame) -> FloatArray:
    """Return the covariates in the order of the effects."""
    names = ["sex", "age", "diagnosis", "benefit", "arm", "office"]
    check_columns(df, covariates=names)
    return np.column_stack(
        [
            df["sex"] == "man",
            df["age"].to_numpy(dtype=np.float64) - 40,
            df["diagnosis"] == _DIAGNOSES[1],
            df["diagnosis"] == _DIAGNOSES[2],
            df["benefit"] == _BENEFITS[1],
            df["arm"] == "samverkan",
        ]
    ).astype(np.float64)


def spell_truth(
    *, n_offices: int = 40, office_sd: float = 0.0, effect: float | Sequence[float] | None = None,
    rng: RandomSource = None,
) -> SpellTruth:  # fmt: skip
    """Return the truth behind the synthetic spells.

    Parameters
    ----------
    n_offices : int, default 40
        Number of offices.
    office_sd : float, default 0.0
        Standard deviation of the offices' log hazards; 0 for offices that are all alike.
    effect : float or sequence of float, optional
        Log hazard ratio of co-operation, for all causes or for each of the four; 0.30, 0.10, 0.40
        and -0.10 if left out.
    rng : int, numpy.random.Generator or None
        Source of the offices' log hazards.

    Returns
    -------
    SpellTruth
        Hazards, effects and offices.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> truth = spell_truth(effect=0.2)
    >>> truth.effects.loc["arm[samverkan]"].tolist()
    [0.2, 0.2, 0.2, 0.2]
    """
    (n_offices,) = check_counts("n_offices", n_offices, minimum=1).tolist()
    if not 0 <= office_sd < np.inf:
        raise InputError.of("office_sd", required="at least 0", got=office_sd)
    effects = pd.DataFrame.from_dict(dict(_EFFECTS), orient="index", columns=list(CAUSES.values()))
    if effect is not None:
        given = np.asarray(effect, dtype=np.float64)
        if given.shape not in ((), (len(CAUSES),)):
            raise InputError.of("effect", required=f"one or {len(CAUSES)} numbers", got=given.shape)
        if not np.isfinite(given).all():
            raise InputError.of("effect", required="finite", got=repr(effect))
        effects.loc["arm[samverkan]"] = given
    offices = office_sd * resolve_rng(rng).standard_normal(n_offices)
    return SpellTruth(_BREAKS, np.array(_BASELINE), effects, float(office_sd), offices)


def synthetic_spells(
    n: int,
    *,
    rng: RandomSource,
    truth: SpellTruth | None = None,
    sample: Literal["inflow", "stock", "both"] = "inflow",
    confounding: float = 0.0,
    window: int = 730,
    follow_up: int = 1461,
) -> pd.DataFrame:
    """Draw sickness-insurance spells, one a person, from a known truth.

    The data are synthetic. A window of calendar time is observed: spells that begin in its first
    `window` days (the inflow) and, if asked for, spells that were already going on when it opened
    (the stock), which are under observation only from the day they had reached by then. Whoever
    is still in the insurance when the window closes, after `follow_up` days, is censored.

    Parameters
    ----------
    n : int
        Number of spells.
    rng : int, numpy.random.Generator or None
        Source of randomness; the same seed gives the same spells.
    truth : SpellTruth, optional
        What to draw from; :func:`spell_truth` without office differences if left out.
    sample : {"inflow", "stock", "both"}
        Which spells; "both" draws half of each.
    confounding : float, default 0.0
        How much co-operation depends on the person: its log odds change by this much with a
        psychiatric diagnosis and by this much per ten years of age. 0 is a randomised trial with
        two equal arms.
    window : int, default 730
        Days in which spells begin; the stock began in the twice as many days before them.
    follow_up : int, default 1461
        Days until the window of observation closes.

    Returns
    -------
    pandas.DataFrame, n rows
        ``person, sex, age, diagnosis, benefit, office, arm, start`` (day on which the spell
        begins, the opening of the window being day 0), ``entry`` (day of the spell from which it
        is under observation, 0 in the inflow), ``duration`` (its last observed day), ``event`` (1
        if it ended), ``cause`` (0 if it goes on, else a code of :data:`CAUSES`) and ``exit`` (the
        cause in words). ``df.attrs["notice"]`` says that the data are synthetic.

    Raises
    ------
    InputError
        If a number is out of range or `sample` is none of the three.

    Notes
    -----
    Person i leaves by cause c with the hazard ``baseline[interval(t), c] * exp(x_i @ effects[:, c]
    + office)`` a day, in continuous time; the duration is rounded up to whole days. Because the
    hazards change on whole days, Kaplan-Meier and Aalen-Johansen estimates at whole days are
    estimates of ``truth.survival`` and ``truth.cumulative_incidence``. Coefficients of
    cause-specific Cox models estimate ``truth.effects`` up to the rounding. In the stock a spell
    is found in proportion to how long it lasts; entry times make up for that.

    Examples
    --------
    >>> spells = synthetic_spells(500, rng=1)
    >>> spells[["duration", "event", "cause"]].head(2).values.tolist()
    [[..., ..., ...], [..., ..., ...]]
    >>> spells.attrs["notice"][:16]
    'Syntetiska data.'
    """
    (n,) = check_counts("n", n, minimum=1).tolist()
    (window,) = check_counts("window", window).tolist()
    (follow_up,) = check_counts("follow_up", follow_up).tolist()
    if not np.isfinite(confounding):
        raise InputError.of("confounding", required="finite", got=confounding)
    if sample not in ("inflow", "stock", "both"):
        raise InputError.of("sample", required="'inflow', 'stock' or 'both'", got=repr(sample))
    if not 0 < window <= follow_up:
        raise InputError.of(
            "window", required="at least 1 day and within follow_up", got=f"{window} of {follow_up}"
        )
    source = resolve_rng(rng)
    truth = spell_truth() if truth is None else truth
    n_stock = {"inflow": 0, "stock": n, "both": n // 2}[sample]
    parts = [_inflow(n - n_stock, source, truth, confounding, window)]
    while n_stock:
        found = _inflow(4 * n_stock + 100, source, truth, confounding, 2 * window)
        found["start"] -= 2 * window
        found["entry"] = -found["start"]
        found = found[found["duration"] > found["entry"]].head(n_stock)
        parts.append(found)
        n_stock -= len(found)
    spells = pd.concat([part for part in parts if len(part)], ignore_index=True)
    spells = spells.iloc[source.permutation(n)].reset_index(drop=True)
    closes = follow_up - spells["start"].to_numpy(dtype=np.int64)
    duration = spells["duration"].to_numpy(dtype=np.int64)
    ended = duration <= closes
    cause = np.where(ended, spells["cause"].to_numpy(dtype=np.int64), 0)
    words = np.array(["pågår", *CAUSES.values()], dtype=object)
    spells = spells.assign(
        duration=np.minimum(duration, closes),
        event=ended.astype(np.int64),
        cause=cause,
        exit=pd.Categorical(words[cause], categories=words),
    )
    spells["person"] = np.arange(1, n + 1)
    spells = spells[list(_COLUMNS)]
    spells.attrs["notice"] = SPELLS_NOTICE
    return spells


def _inflow(
    n: int, source: np.random.Generator, truth: SpellTruth, confounding: float, window: int
) -> pd.DataFrame:
    """Draw spells that begin evenly over a window, and last as long as they last."""
    young = source.random(n) < 0.18
    age = np.where(young, source.integers(19, 30, n), source.integers(20, 65, n))
    diagnosis = source.choice(3, size=n, p=(0.28, 0.47, 0.25))
    logit = confounding * ((diagnosis == 1) - 0.47 + (age - 40) / 10)
    people = pd.DataFrame(
        {
            "sex": _words(("kvinna", "man"), (source.random(n) < 0.37).astype(np.int64)),
            "age": age,
            "diagnosis": _words(_DIAGNOSES, diagnosis),
            "benefit": _words(_BENEFITS, young.astype(np.int64)),
            "office": source.integers(0, len(truth.offices), n),
            "arm": _words(
                ("ordinarie", "samverkan"),
                (source.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int64),
            ),
            "start": source.integers(0, window, n),
            "entry": np.zeros(n, dtype=np.int64),
        }
    )
    duration, cause = _draw(people, source, truth)
    return people.assign(duration=duration, cause=cause)


def _words(levels: Sequence[str], codes: IntArray) -> pd.Categorical:
    """Return a categorical column."""
    return cast("pd.Categorical", cast("Any", pd.Categorical).from_codes(codes, list(levels)))


def _draw(
    people: pd.DataFrame, source: np.random.Generator, truth: SpellTruth
) -> tuple[IntArray, IntArray]:
    """Draw whole days until the exit, and its cause."""
    if people.empty:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    factors = np.exp(_design(people) @ truth.effects.to_numpy(dtype=np.float64))
    factors *= np.exp(truth.offices[people["office"].to_numpy(dtype=np.int64)])[:, None]
    total = factors @ truth.baseline.T  # people x intervals
    until = np.cumsum(total[:, :-1] * np.diff(truth.breaks), axis=1)
    spent = source.standard_exponential(len(people))
    interval = (spent[:, None] > until).sum(axis=1)
    rows = np.arange(len(people))
    before = np.where(interval > 0, until[rows, np.maximum(interval - 1, 0)], 0.0)
    time = np.asarray(truth.breaks)[interval] + (spent - before) / total[rows, interval]
    shares = np.cumsum(factors * truth.baseline[interval], axis=1)
    cause = 1 + (source.random(len(people))[:, None] * shares[:, -1:] > shares).sum(axis=1)
    return np.maximum(np.ceil(time), 1).astype(np.int64), cast("IntArray", cause.astype(np.int64))
