"""Participants under weights that were estimated, and means with the errors that this gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.columns import numbers, refuse_rows
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.calibration import Calibrated, calibrated_mean
from evalkit.kernels.numeric import critical_value, two_sided_p
from evalkit.kernels.raked_means import effective_number
from evalkit.kernels.standardised_shares import effective_interval
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WeightedParticipants", "mean_table"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WeightedParticipants(ABC):
    """Participants weighted so that they are like riket: what margins and means have in common.

    Parameters
    ----------
    weights : pandas.Series
        Weight of each row used, by its index label.
    ess : float
        Effective sample size, :math:`(\\sum w)^2 / \\sum w^2`.
    largest_share : float
        Share of the largest weight in the sum of all.
    n_used : int
        Rows used.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        What is assumed.
    found : Calibrated
        The weights with their derivatives, for standard errors.
    """

    weights: pd.Series[Any]
    ess: float
    largest_share: float
    n_used: int
    n_dropped: Mapping[str, int]
    notes: tuple[str, ...]
    found: Calibrated = field(repr=False)

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return what was aimed at, and the participants before and after."""

    @abstractmethod
    def mean(
        self, outcome: pd.Series[Any], *, reference: float | None = None, level: float = 0.95
    ) -> EffectTable:
        """Estimate the mean (or share) of an outcome, had the participants what is aimed at."""

    @abstractmethod
    def _what(self) -> str:
        """Say what was done."""

    def extremes(self, count: int = 5) -> pd.Series[Any]:
        """Return the largest weights as multiples of their mean.

        Parameters
        ----------
        count : int, default 5
            How many.

        Returns
        -------
        pandas.Series
            The largest first; equal ones by index label.
        """
        ordered = self.weights.sort_index(kind="stable") / self.weights.mean()
        return ordered.sort_values(ascending=False, kind="stable").head(count)

    def _head(self) -> list[str]:
        """Say what was done, and how unequal the weights are."""
        spread = f"effective sample size {self.ess:.1f}"
        largest = f"largest weight {100 * self.largest_share:.1f} % of all"
        whole = f"{self.weights.sum():.6g} in all"
        return [
            self._what(),
            f"{sample_line(self.n_used, self.n_dropped)}; {spread}, {largest}",
            f".weights: one by index label, {whole}; .mean(outcome) estimates with them",
        ]

    def __repr__(self) -> str:
        """Show the targets in at most fifteen lines of plain text."""
        return text_block(self._head(), self.to_frame(), self.notes)

    def _repr_html_(self) -> str:
        """Show the targets in a notebook."""
        return html_table(self._head(), self.to_frame(), self.notes)


def mean_table(
    weights: pd.Series[Any],
    found: Calibrated,
    matrix: FloatArray,
    totals: FloatArray,
    outcome: pd.Series[Any],
    index: IntArray | None,
    *,
    reference: float | None,
    level: float,
    n_dropped: Mapping[str, int],
    estimand: str,
    method: str,
    notes: Sequence[str],
) -> EffectTable:
    """Lay out a weighted mean, and its difference from a reference.

    Parameters
    ----------
    weights : pandas.Series
        Weights by index label, the labels all different.
    found : Calibrated
        The same weights with their derivatives.
    matrix, totals, index
        As :func:`evalkit.kernels.calibration.calibrated_mean`.
    outcome : pandas.Series
        Outcomes by index label.
    reference : float, optional
        What the mean is compared with.
    level : float
        Confidence level.
    n_dropped, estimand, method, notes
        What the table says.

    Returns
    -------
    EffectTable
        Term ``mean``, and with a reference ``reference`` and ``difference``.
    """
    values = _aligned(weights, outcome)
    mean, influence = calibrated_mean(found, matrix, totals, values[:, None], index)
    n = int((found.weights != 0).sum())
    estimate, df = float(mean[0]), n - 1.0
    spread = float(influence[:, 0] @ influence[:, 0])
    variance = spread * n / df if df > 0 else np.nan
    error = float(np.sqrt(variance))
    half = critical_value(level, df) * error
    low, high = estimate - half, estimate + half
    share = bool(np.isin(values, (0.0, 1.0)).all())
    # Where nobody or everybody succeeds the variance says nothing: as many as the weights leave.
    persons = effective_number(found.weights)
    if share and 1e-12 < estimate < 1 - 1e-12 and variance > 0:
        persons = estimate * (1 - estimate) / variance
        low, high = effective_interval(estimate, persons, level)
    elif share and min(abs(estimate), abs(1 - estimate)) <= 1e-12:
        estimate, error = float(round(estimate)), 0.0
        low, high = effective_interval(estimate, persons, level)
    rows: list[tuple[object, ...]] = [("mean", "", estimate, error, np.nan, np.nan, low, high)]
    if reference is not None:
        fixed = _number(reference, share)
        difference = estimate - fixed
        spread = error
        if share and error == 0:
            spread = float(np.sqrt(fixed * (1 - fixed) / persons))
        statistic = difference / spread if spread > 0 else np.nan
        p_value = float(two_sided_p(statistic, df))
        rows.append(("reference", "", fixed, np.nan, np.nan, np.nan, np.nan, np.nan))
        rows.append((
            "difference", "participants - riket", difference, error, statistic, p_value,
            low - fixed, high - fixed,
        ))  # fmt: skip
    names = (
        "term", "contrast", "estimate", "std_error", "statistic", "p_value", "conf_low",
        "conf_high",
    )  # fmt: skip
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return EffectTable.of(
        columns | {"df": df, "n": len(values)},
        estimand=estimand, method=method, level=level, n_used=len(values), n_dropped=n_dropped,
        notes=notes,
    )  # fmt: skip


def _aligned(weights: pd.Series[Any], outcome: pd.Series[Any]) -> FloatArray:
    """Return the outcome of each row that has a weight."""
    import pandas as pd

    if not isinstance(outcome, pd.Series):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError.of(
            "outcome", required="a Series by index label", got=type(outcome).__name__,
            remedy="Give the column itself: df['outcome'].",
        )  # fmt: skip
    if outcome.index.equals(weights.index):
        found = outcome
    else:
        if not (weights.index.is_unique and outcome.index.is_unique):
            raise InputError.of(
                "outcome", required="indexed by labels that are all different", got="repeats",
                remedy="Use df.reset_index(drop=True) from the start.",
            )  # fmt: skip
        found = outcome.reindex(weights.index)
    frame = found.to_frame("outcome")
    values = numbers(frame, "outcome", "outcome")
    refuse_rows(frame, np.isinf(values), "outcome", "outcome", "finite", values)
    missing = np.isnan(values)
    if missing.any():
        raise InputError.of(
            "outcome",
            required="there for every row that has a weight",
            got=f"{int(missing.sum())} missing",
            where=[f"row {label!r}" for label in weights.index[missing].tolist()],
            remedy="Drop these rows before weighting, so that the weights hold for the others.",
        )
    return values


def _number(reference: float, share: bool) -> float:
    """Return the reference in the units of the outcome."""
    fixed = float(reference)
    if share and not 0 <= fixed <= 1:
        raise InputError.of(
            "reference", required="a share from 0 to 1, as the outcome is", got=f"{fixed:g}",
            remedy="Divide percentages by 100 (58 % is 0.58)." if 1 < fixed <= 100 else "",
        )  # fmt: skip
    if not np.isfinite(fixed):
        raise InputError.of("reference", required="a finite number", got=f"{fixed:g}")
    return fixed
