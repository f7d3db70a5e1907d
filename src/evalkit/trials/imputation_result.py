"""Effects after multiple imputation, with the completed data sets behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.printing import text_block
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.outcome_draws import OutcomeDraws
from evalkit.kernels.rubin import Pooled
from evalkit.trials.imputation_analysis import pool_tables, with_progress
from evalkit.trials.incomplete_trial import IncompleteTrial
from evalkit.trials.trial_result import TrialEffect
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ImputedEffect", "missing_columns"]

_OF_MISSING = ["relative_increase", "missing_information", "monte_carlo_error"]


@dataclass(frozen=True, eq=False, repr=False)
class ImputedEffect(TrialEffect):
    """Effects pooled over imputations; the completed data sets can be had, and analysed otherwise.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.trial_result.TrialEffect`.
    n_imputations : int
        Number of completed data sets; 0 if nothing was drawn (jackknife and bootstrap).
    """

    n_imputations: int = field(kw_only=True)
    _trial: IncompleteTrial = field(kw_only=True)
    _draws: OutcomeDraws | None = field(kw_only=True)
    _shift: FloatArray = field(kw_only=True)

    def __repr__(self) -> str:
        """Show the effects in a few lines, without what the missing values do to each."""
        shown = self.data.drop(columns=_OF_MISSING, errors="ignore")
        return text_block(self._head(), shown, self.notes)

    def completed(self, number: int) -> pd.DataFrame:
        """Return one completed data set.

        Parameters
        ----------
        number : int
            Which imputation, from 0.

        Returns
        -------
        pandas.DataFrame
            The caller's frame, in its order, with the outcome and incomplete baseline variables
            filled in.

        Raises
        ------
        evalkit.errors.InputError
            If there is no such imputation.
        """
        if self._draws is None or not 0 <= number < self.n_imputations:
            raise InputError.of(
                "number",
                required=f"from 0 to {self.n_imputations - 1}"
                if self.n_imputations
                else "left alone: conditional means were imputed, and nothing was drawn",
                got=number,
            )
        baseline = self._draws.baseline[number if len(self._draws.baseline) > 1 else 0]
        outcome = self._draws.values(self._shift)[:, number]
        return self._trial.complete(outcome, baseline).iloc[np.argsort(self._trial.place)]

    def pool(
        self,
        analyse: Callable[[pd.DataFrame], EffectTable | pd.DataFrame],
        *,
        level: float | None = None,
        progress: bool = False,
    ) -> EffectTable:
        """Pool another analysis of the completed data sets by Rubin's rules.

        Parameters
        ----------
        analyse : callable
            Takes a completed frame and returns a result, or a frame, with ``estimate`` and
            ``std_error``; ``df`` are degrees of freedom of complete data. Where ``scale`` is
            "ratio", logarithms are pooled.
        level : float, optional
            Confidence level; that of the result by default.
        progress : bool, default False
            Show a progress bar.

        Returns
        -------
        EffectTable
            The pooled rows of the analysis, with ``relative_increase``,
            ``missing_information`` and ``monte_carlo_error``.
        """
        level = self.level if level is None else check_level(level)
        tables = [analyse(frame) for frame in self._frames(progress)]
        columns, pooled, _ = pool_tables(tables, level)
        first = tables[0]
        known = isinstance(first, EffectTable)
        return EffectTable.of(
            columns | missing_columns(pooled),
            estimand=first.estimand if known else self.estimand,
            method=(f"{first.method}; " if known else "")
            + f"{self.n_imputations} imputations, Rubin's rules",
            level=level,
            n_used=self.n_used,
            notes=self.notes,
        )

    def _frames(self, progress: bool) -> Iterator[pd.DataFrame]:
        """Go through the completed data sets."""
        if not self.n_imputations:
            self.completed(0)  # says why there are none
        count = self.n_imputations
        for number in with_progress(range(count), progress, count, "imputations"):
            yield self.completed(number)


def missing_columns(pooled: Pooled) -> dict[str, object]:
    """Return what the missing values do to each estimate.

    Parameters
    ----------
    pooled : Pooled
        The pooled estimates.

    Returns
    -------
    dict
        Columns that stand last in an effect table.
    """
    return {name: getattr(pooled, name) for name in _OF_MISSING}
