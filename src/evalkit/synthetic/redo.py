"""The truth behind the synthetic ReDO trial: what it draws from, and what ReDO does in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from scipy import special

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.typing import FloatArray

__all__ = ["KINDS", "REDO_NOTICE", "SCALES", "TIMES", "RedoTruth", "ScaleTruth", "redo_truth"]

REDO_NOTICE = (
    "Syntetiska data. No person in them exists, and nothing in them says whether ReDO works. "
    "Published, and kept: 10 groups, 54 who started, 31 who completed and 23 who broke off; of the "
    "31, 23 went on to another activity and 8 needed further medical treatment. Invented: how many "
    "were randomised to each arm, those who never started, the waves, the sizes of the groups, how "
    "many broke off for which of the published reasons, and all backgrounds, outcomes and "
    "follow-up."
)

ARMS = ("kontroll", "ReDO")
KINDS = ("never started", "broke off", "completed")
"""What a person does, or would have done, if randomised to ReDO."""
TIMES = ("16w", "6m", "12m")
"""Times of the questionnaires after the start, which is ``0``."""

IN_ARM, NEVER_STARTED, BROKE_OFF, COMPLETED, WENT_ON = 60, 6, 23, 31, 23
"""Persons in an arm and never starting, which are invented; and those published."""

YEAR = 365


@dataclass(frozen=True, slots=True)
class ScaleTruth:
    """A questionnaire scale: where its scores lie, and what ReDO does to them.

    Attributes
    ----------
    low, high : int
        Lowest and highest score possible.
    sd : float
        Standard deviation before rounding, of persons of one kind.
    means : tuple of float, length 4
        Means at the start and at each of :data:`TIMES` without ReDO.
    shifts : tuple of tuple of float, shape (3, 3)
        What ReDO adds at each of :data:`TIMES` (rows) to persons of each kind (columns), in
        standard deviations.
    better : int
        1 if a high score is good, -1 if it is bad.
    """

    low: int
    high: int
    sd: float
    means: tuple[float, float, float, float]
    shifts: tuple[tuple[float, float, float], ...]
    better: int


SCALES: Mapping[str, ScaleTruth] = {
    "mastery": ScaleTruth(7, 28, 3.8, (18.4, 18.6, 18.8, 18.9),
                          ((0, 0.10, 0.55), (0, 0.10, 0.50), (0, 0.05, 0.45)), 1),
    "rses": ScaleTruth(0, 30, 5.2, (16.8, 17.2, 17.5, 17.6),
                       ((0, 0.05, 0.40), (0, 0.05, 0.40), (0, 0.05, 0.35)), 1),
    "pss": ScaleTruth(0, 56, 7.5, (31.0, 30.2, 29.6, 29.4),
                      ((0, -0.10, -0.50), (0, -0.05, -0.40), (0, -0.05, -0.35)), -1),
}  # fmt: skip
"""Pearlin mastery (7 items, 7-28), Rosenberg's self-esteem scale (10 items, 0-30) and PSS-14
(14 items, 0-56)."""

_KIND_SHIFT = (-0.20, -0.25, 0.20)  # how the kinds differ without ReDO, in the good direction
# In an activity after 16 weeks, by kind: with ReDO, and what of it is ReDO's doing.
_ACTIVITY, _ACTIVITY_GAIN = (0.30, 0.30, WENT_ON / COMPLETED), (0.0, 0.05, 0.24)
# Chance to leave the insurance on a day, by kind, without ReDO, and what ReDO multiplies it by.
_LEAVES, _LEAVES_RATIO = (0.0010, 0.0008, 0.0013), (1.0, 1.10, 1.50)
LONG_SHARE, _LONG_RATIO = 0.6, (1.3, 0.7)  # sick for over a year: less likely to leave
WORK = (0.08, 0.80)  # in work or education on day 365, if still in the insurance and if not

_OUTCOMES = (*(f"{scale}_{time}" for scale in SCALES for time in TIMES),
             "in_activity_16w", "in_work_12m", "days_12m")  # fmt: skip


@dataclass(frozen=True)
class RedoTruth:
    """What :func:`evalkit.synthetic.synthetic_redo` draws from, to hold estimates against.

    A person is of one of three kinds, whether or not randomised to ReDO: one who would never
    start, one who would break off, or one who would complete. ReDO does nothing to the first.
    Self-rated health has no entry here: its levels have no mean.

    Parameters
    ----------
    effect : float
        Size of ReDO's effects: 1 for those of the shipped file, 0 for none.
    icc : float
        Intraclass correlation of the scales in the groups.
    shares : tuple of float, length 3
        Shares of the three kinds among those randomised: 6, 23 and 31 of 60.
    """

    effect: float = 1.0
    icc: float = 0.05
    shares: tuple[float, float, float] = (
        NEVER_STARTED / IN_ARM, BROKE_OFF / IN_ARM, COMPLETED / IN_ARM,
    )  # fmt: skip

    def mean(self, outcome: str, arm: str, kind: str | None = None) -> float:
        """Return the expected outcome of those randomised to an arm.

        Parameters
        ----------
        outcome : str
            A scale and a time such as ``mastery_16w``, or ``in_activity_16w``, ``in_work_12m``
            or ``days_12m``.
        arm : {"ReDO", "kontroll"}
            The arm.
        kind : {"never started", "broke off", "completed"}, optional
            Only persons of this kind; all if left out.

        Returns
        -------
        float
            The mean, exact but for the precision of the computer: rounding to whole scores and
            the ends of the scales are counted in.
        """
        check_choice("outcome", outcome, _OUTCOMES)
        check_choice("arm", arm, ARMS)
        by_kind = [self._mean(outcome, ARMS.index(arm), k) for k in range(len(KINDS))]
        if kind is not None:
            return by_kind[KINDS.index(check_choice("kind", kind, KINDS))]
        return float(np.dot(self.shares, by_kind))

    def itt(self, outcome: str) -> float:
        """Return the effect of being randomised to ReDO.

        Parameters
        ----------
        outcome : str
            As in :meth:`mean`.

        Returns
        -------
        float
            ReDO minus kontroll, over all who were randomised.
        """
        return self.mean(outcome, ARMS[1]) - self.mean(outcome, ARMS[0])

    def among(self, outcome: str, *kinds: str) -> float:
        """Return the effect of ReDO on persons of some kinds.

        Parameters
        ----------
        outcome : str
            As in :meth:`mean`.
        *kinds : str
            For instance "broke off" and "completed": those who would start.

        Returns
        -------
        float
            The average of ReDO minus kontroll.
        """
        weights = [self.shares[KINDS.index(check_choice("kinds", kind, KINDS))] for kind in kinds]
        if not weights:
            raise InputError.of("kinds", required=f"some of {', '.join(KINDS)}", got="none")
        gains = [self.mean(outcome, ARMS[1], k) - self.mean(outcome, ARMS[0], k) for k in kinds]
        return float(np.average(gains, weights=weights))

    def to_frame(self) -> pd.DataFrame:
        """Return the true effects of all outcomes.

        Returns
        -------
        pandas.DataFrame
            One row for each ``outcome``: its mean in either arm (``control``, ``redo``), the
            effect among all (``itt``), those who would start (``started``) and those who would
            complete (``completed``), and ``itt_by_completion``, the first divided by the share
            that completes: what an instrumental-variable estimate finds that takes completion
            for the treatment, although those who break off gain something too.
        """
        rows = [
            {
                "outcome": outcome,
                "control": self.mean(outcome, ARMS[0]),
                "redo": self.mean(outcome, ARMS[1]),
                "itt": self.itt(outcome),
                "started": self.among(outcome, *KINDS[1:]),
                "completed": self.among(outcome, KINDS[2]),
                "itt_by_completion": self.itt(outcome) / self.shares[2],
            }
            for outcome in _OUTCOMES
        ]
        return pd.DataFrame(rows)

    def _mean(self, outcome: str, arm: int, kind: int) -> float:
        """Return the mean of one kind of person in one arm."""
        if outcome == "in_activity_16w":
            return self.activity(arm)[kind]
        if outcome in ("in_work_12m", "days_12m"):
            return float(np.average(self._register(outcome, arm, kind),
                                    weights=(1 - LONG_SHARE, LONG_SHARE)))  # fmt: skip
        name, time = outcome.split("_")
        scale, place = SCALES[name], float(self.place(name, TIMES.index(time), arm)[kind])
        spread = scale.sd * sqrt(1 + self.between() * (arm == 1 and kind > 0))
        edges = np.arange(scale.low + 1, scale.high + 1, dtype=np.float64) - 0.5
        above: FloatArray = special.ndtr((place - edges) / spread)
        return scale.low + float(above.sum())

    def _register(self, outcome: str, arm: int, kind: int) -> FloatArray:
        """Return the mean of a register outcome for short and for long spells."""
        leaves = self.leaving(arm)[kind]
        left = -np.expm1(YEAR * np.log1p(-leaves))
        return left / leaves if outcome == "days_12m" else WORK[0] + left * (WORK[1] - WORK[0])

    def between(self) -> float:
        """Return the variance between groups, in variances within them.

        Returns
        -------
        float
            ICC / (1 - ICC).
        """
        return self.icc / (1 - self.icc)

    def place(self, scale: str, time: int, arm: int) -> FloatArray:
        """Return where the scores of the kinds of persons are centred before rounding.

        Parameters
        ----------
        scale : str
            Name of the scale.
        time : int
            Position in :data:`TIMES`; -1 for the start.
        arm : int
            0 for kontroll, 1 for ReDO.

        Returns
        -------
        ndarray of float, shape (3,)
            The centres.
        """
        one = SCALES[scale]
        shift = one.better * np.array(_KIND_SHIFT)
        if time >= 0 and arm == 1:
            shift = shift + self.effect * np.array(one.shifts[time])
        return one.means[time + 1] + one.sd * shift

    def activity(self, arm: int) -> FloatArray:
        """Return the probability of an activity after 16 weeks, by kind.

        Parameters
        ----------
        arm : int
            0 for kontroll, 1 for ReDO.

        Returns
        -------
        ndarray of float, shape (3,)
            In ReDO 23/31 of those who complete, as published, whatever the effect.
        """
        return np.array(_ACTIVITY) - (arm == 0) * self.effect * np.array(_ACTIVITY_GAIN)

    def leaving(self, arm: int) -> FloatArray:
        """Return the probability to leave the insurance on any one day.

        Parameters
        ----------
        arm : int
            0 for kontroll, 1 for ReDO.

        Returns
        -------
        ndarray of float, shape (3, 2)
            By kind (rows), and for those who had been sick for a year at most and for longer.
        """
        power = self.effect * (arm == 1)
        daily = np.array(_LEAVES) * np.array(_LEAVES_RATIO) ** power
        return daily[:, None] * np.array(_LONG_RATIO)


def redo_truth(*, effect: float = 1.0, icc: float = 0.05) -> RedoTruth:
    """Return the truth behind the synthetic ReDO trial.

    Parameters
    ----------
    effect : float, default 1.0
        Size of ReDO's effects, as a multiple of those of the shipped file; 0 for none.
    icc : float, default 0.05
        Intraclass correlation of the scales in the groups, at least 0 and below 1.

    Returns
    -------
    RedoTruth
        What :func:`evalkit.synthetic.synthetic_redo` draws from.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> truth = redo_truth()
    >>> round(truth.itt("mastery_16w"), 2), round(truth.among("mastery_16w", "completed"), 2)
    (1.19, 2.03)
    >>> redo_truth(effect=0).itt("days_12m")
    0.0
    """
    if not 0 <= effect <= 2:
        raise InputError.of("effect", required="from 0 to 2", got=effect)
    if not 0 <= icc < 1:
        raise InputError.of("icc", required="at least 0 and below 1", got=icc)
    return RedoTruth(float(effect), float(icc))
