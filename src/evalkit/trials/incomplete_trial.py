"""A trial whose missing outcomes are to be imputed, and how it looks once they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from evalkit.core.columns import numbers, plain
from evalkit.core.formula import design
from evalkit.errors import InputError
from evalkit.kernels.outcome_draws import OutcomeData
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IncompleteTrial", "ValueKind", "refuse_lone_units", "shifts"]

ValueKind: TypeAlias = Literal["number", "binary", "ordinal"]
"""What an outcome that can be imputed is."""


@dataclass(frozen=True, eq=False)
class IncompleteTrial:
    """A trial whose missing outcomes are to be imputed; rows in the order of their identifiers.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows, sorted.
    place : ndarray of int, shape (n,)
        Position in the caller's frame of each sorted row.
    sample : TrialSample
        The checked sample, of all rows.
    outcome : str
        Name of the outcome.
    kind : {"number", "binary", "ordinal"}
        What it is.
    scores : tuple of float
        What each level of a categorical outcome counts in means; empty if they are not numbers.
    data : OutcomeData
        What is imputed, and from what.
    covariates : str or None
        Formula of the covariates of the analysis.
    incomplete : tuple of str
        Baseline columns with missing values.
    incomplete_values : tuple of tuple
        Levels of each of them; empty for numbers.
    """

    frame: pd.DataFrame
    place: IntArray
    sample: TrialSample
    outcome: str
    kind: ValueKind
    scores: tuple[float, ...]
    data: OutcomeData
    covariates: str | None
    incomplete: tuple[str, ...]
    incomplete_values: tuple[tuple[object, ...], ...]

    def complete(self, outcome: FloatArray, baseline: FloatArray) -> pd.DataFrame:
        """Return the sorted frame with missing values filled in.

        Parameters
        ----------
        outcome : ndarray of float, shape (r,)
            Imputed outcomes or levels, for ``data.missing``.
        baseline : ndarray of float, shape (n, q)
            The incomplete baseline variables, filled in.

        Returns
        -------
        pandas.DataFrame
            A copy.
        """
        frame = self.frame.copy()
        for k, name in enumerate(self.incomplete):
            gone = frame[name].isna().to_numpy(dtype=bool)
            frame[name] = _filled(frame[name], gone, baseline[gone, k], self.incomplete_values[k])
        gone = np.isnan(self.data.outcome)
        levels = self.sample.outcome_levels
        frame[self.outcome] = _filled(frame[self.outcome], gone, outcome, levels)
        return frame

    def analysis_design(self, baseline: FloatArray) -> FloatArray:
        """Return intercept, arms and centred covariates, after baseline is filled in.

        Parameters
        ----------
        baseline : ndarray of float, shape (n, q)
            The incomplete baseline variables, filled in.

        Returns
        -------
        ndarray of float, shape (n, K + p)
            The design matrix of the analysis; columns 1..K - 1 are the other arms.
        """
        arms = np.eye(len(self.sample.arm_levels))[self.sample.arm]
        arms[:, 0] = 1.0
        if self.covariates is None:
            return arms
        frame = self.frame
        if self.incomplete:
            frame = frame.copy()
            for k, name in enumerate(self.incomplete):
                gone = frame[name].isna().to_numpy(dtype=bool)
                frame[name] = _filled(
                    frame[name], gone, baseline[gone, k], self.incomplete_values[k]
                )
        made = design(self.covariates, frame).matrix
        return np.hstack([arms, made - made.mean(axis=0)])


def _filled(
    series: pd.Series[Any], gone: BoolArray, values: FloatArray, levels: tuple[object, ...]
) -> pd.Series[Any]:
    """Return a column with its missing values filled in, levels as what they stand for."""
    import pandas as pd

    texts = bool(levels) and all(isinstance(level, str) for level in levels)
    if texts or isinstance(series.dtype, pd.CategoricalDtype):
        filled = series.copy()
        filled[gone] = [levels[code] for code in values.astype(np.int64)]
        return filled
    whole = numbers(series.to_frame("values"), "values", "df").copy()
    whole[gone] = values
    if levels:
        whole[gone] = np.array([float(str(level)) for level in levels])[values.astype(np.int64)]
    return pd.Series(whole, index=series.index, name=series.name)


def refuse_lone_units(sample: TrialSample, observed: BoolArray) -> None:
    """Refuse an arm of which a single person, or persons of a single cluster, were seen.

    Parameters
    ----------
    sample : TrialSample
        The trial.
    observed : ndarray of bool, shape (n,)
        Whether the outcome is there.

    Raises
    ------
    evalkit.errors.InputError
        If an arm has fewer than two units: one shows no spread.
    """
    for code, label in enumerate(sample.arm_levels):
        mine = observed & (sample.arm == code)
        units = int(mine.sum()) if sample.cluster is None else len(np.unique(sample.cluster[mine]))
        if units < 2:
            unit = "persons" if sample.cluster is None else "clusters"
            raise InputError.of(
                "outcome",
                required=f"seen for at least two {unit} in every arm",
                got=f"{units} in {label!r}",
                remedy="One shows no spread, without which there is no interval.",
            )


def _shift(argument: str, value: object) -> float:
    """Return a shift as a float."""
    if isinstance(value, Real) and np.isfinite(float(value)):
        return float(value)
    raise InputError.of(
        argument, required="finite: a number, or numbers by arm in a dict", got=repr(value)
    )


def shifts(
    trial: IncompleteTrial, delta: float | Mapping[Any, float], argument: str = "delta"
) -> FloatArray:
    """Return the shift of each row imputed.

    Parameters
    ----------
    trial : IncompleteTrial
        The trial.
    delta : float or mapping
        A number for every arm but the control arm, or numbers by arm.
    argument : str, default "delta"
        Name of the caller's argument, for messages.

    Returns
    -------
    ndarray of float, shape (r,)
        The shifts.

    Raises
    ------
    evalkit.errors.InputError
        If a shift is no finite number, or a key no arm.
    """
    levels = trial.sample.arm_levels
    by_arm = np.zeros(len(levels))
    if isinstance(delta, Mapping):
        given = {plain(key): value for key, value in delta.items()}
        unknown = [repr(key) for key in given if key not in levels]
        if unknown:
            raise InputError.of(
                argument,
                required="keyed by arms " + ", ".join(repr(level) for level in levels),
                got=", ".join(unknown),
            )
        for key, value in given.items():
            by_arm[levels.index(key)] = _shift(argument, value)
    else:
        by_arm[1:] = _shift(argument, delta)
    return by_arm[trial.data.arm[trial.data.missing]]
