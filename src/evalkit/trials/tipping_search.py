"""The search for shifts of missing outcomes at which a conclusion changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.kernels.student import student
from evalkit.trials.imputation_analysis import LinearEffects, with_progress
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ShiftedEffects", "tipping_frames"]

_HALVINGS = 50


@dataclass(frozen=True, eq=False)
class ShiftedEffects:
    """The effect of the arm at any pair of shifts.

    Parameters
    ----------
    linear : LinearEffects
        The imputations with their analysis.
    level : float
        Confidence level.
    """

    linear: LinearEffects
    level: float

    def at(self, delta: float, control_delta: float) -> dict[str, float]:
        """Return estimate, interval and test.

        Parameters
        ----------
        delta, control_delta : float
            Shifts of the arm and of the control arm.

        Returns
        -------
        dict
            Columns ``estimate`` to ``conf_high``.
        """
        data = self.linear.trial.data
        inside = data.arm[data.missing] == 0
        pooled = self.linear.pooled(np.where(inside, control_delta, delta))
        found = student(pooled.estimate, np.sqrt(pooled.total), pooled.df, self.level)
        return {name: float(values[0]) for name, values in found.items()}

    def conclusion(self, found: dict[str, float]) -> str:
        """Say on which side of 0 the interval lies.

        Parameters
        ----------
        found : dict
            As :meth:`at` returns it.

        Returns
        -------
        str
            "higher", "lower" or "inconclusive".
        """
        if found["conf_low"] > 0:
            return "higher"
        return "lower" if found["conf_high"] < 0 else "inconclusive"


def tipping_frames(
    effects: ShiftedEffects,
    over: FloatArray,
    beside: FloatArray,
    *,
    refine: bool,
    progress: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the effect at every pair of shifts, and where the conclusion changes.

    Parameters
    ----------
    effects : ShiftedEffects
        The effects.
    over, beside : ndarray of float
        Shifts of the arm and of the control arm, in order.
    refine : bool
        Whether to go on between two shifts, where the effect changes steadily.
    progress : bool
        Show a progress bar.

    Returns
    -------
    data : pandas.DataFrame
        One row for each pair.
    tips : pandas.DataFrame
        Two rows for each shift of the control arm.
    """
    import pandas as pd

    rows: list[dict[str, object]] = []
    tips: list[dict[str, object]] = []
    for k in with_progress(range(len(beside)), progress, len(beside), "shifts"):
        fixed = float(beside[k])
        start = effects.conclusion(effects.at(0.0, fixed))
        conclusions: list[str] = []
        for delta in over.tolist():
            found = effects.at(delta, fixed)
            conclusions.append(effects.conclusion(found))
            keys: dict[str, object] = {"delta_arm": delta, "delta_control": fixed}
            rows.append(keys | found | {"conclusion": conclusions[-1]})
        tips += [
            {"delta_control": fixed, "direction": way, "conclusion": start}
            | _tip(effects, over, conclusions, fixed, (start, way), refine)
            for way in ("down", "up")
        ]
    return pd.DataFrame(rows), pd.DataFrame(tips)


def _tip(
    effects: ShiftedEffects,
    over: FloatArray,
    conclusions: Sequence[str],
    fixed: float,
    start: tuple[str, str],
    refine: bool,
) -> dict[str, object]:
    """Find the nearest shift at which the conclusion is another, going up or down from 0."""
    conclusion, way = start
    places = [i for i in range(len(over)) if (over[i] > 0 if way == "up" else over[i] < 0)]
    inner = 0.0
    for i in places if way == "up" else reversed(places):
        outer = float(over[i])
        if conclusions[i] == conclusion:
            inner = outer
            continue
        for _ in range(_HALVINGS if refine else 0):
            middle = (inner + outer) / 2
            if effects.conclusion(effects.at(middle, fixed)) == conclusion:
                inner = middle
            else:
                outer = middle
        return {"tipping_delta": outer, "conclusion_beyond": conclusions[i]}
    return {"tipping_delta": float("nan"), "conclusion_beyond": ""}
