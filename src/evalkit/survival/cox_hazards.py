"""Are hazards proportional: the test of a Cox fit, and the residuals that show how they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.sample import Sample
from evalkit.errors import InputError
from evalkit.kernels.cox import CoxFit
from evalkit.kernels.cox_hazards import proportional_hazards_test
from evalkit.kernels.cox_residuals import schoenfeld_residuals
from evalkit.kernels.event_times import event_times
from evalkit.kernels.numeric import chi_square_tail
from evalkit.kernels.product_limit import product_limit
from evalkit.kernels.time_index import distinct, last_at_or_before
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["ProportionalHazards", "Transform", "hazards_test"]

Transform: TypeAlias = Literal["km", "rank", "identity", "log"]

_GLOBAL = "GLOBAL"


@dataclass(frozen=True, eq=False, repr=False)
class ProportionalHazards:
    """Score tests that the coefficients of a Cox model do not change over time.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``term, statistic, df, p_value``; the last row, ``GLOBAL``, is for all terms.
    fit : CoxFit
        What was tested.
    names : tuple of str
        Names of the coefficients.
    transformed : ndarray of float, shape (G,)
        The transform of each event time.
    transform : str
        How time is measured in the alternative.
    n_used : int
        Rows that the test rests on.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    table: pd.DataFrame
    fit: CoxFit
    names: tuple[str, ...]
    transformed: FloatArray
    transform: str
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the tests.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, statistic, df, p_value``.
        """
        return self.table.copy()

    @cached_property
    def residuals(self) -> pd.DataFrame:
        """Scaled Schoenfeld residuals, whose mean at a time estimates the coefficient there.

        Columns ``term`` (a coefficient), ``time, transformed, residual``.
        """
        import pandas as pd

        fit = self.fit
        found = schoenfeld_residuals(fit)
        scaled = found.residuals @ fit.variance * len(found.rows) + fit.coefficients
        order = np.argsort(fit.risk.times[found.event_time], kind="stable")
        g = found.event_time[order]
        return pd.DataFrame(
            {
                "term": np.repeat(self.names, len(order)),
                "time": np.tile(fit.risk.times[g], len(self.names)),
                "transformed": np.tile(self.transformed[g], len(self.names)),
                "residual": scaled[order].T.ravel(),
            }
        )

    def plot(self, term: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the scaled Schoenfeld residuals of one coefficient over time.

        Parameters
        ----------
        term : str, optional
            The coefficient; needed if there are several.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.survival import schoenfeld

        chosen = self.names[0] if term is None and len(self.names) == 1 else term
        where = [j for j, name in enumerate(self.names) if name == chosen]
        p_values = self.table.loc[self.table["term"] == chosen, "p_value"].tolist()
        return schoenfeld(
            self.residuals,
            term=chosen,
            estimate=float(self.fit.coefficients[where[0]]) if where else None,
            p_value=p_values[0] if p_values else None,
            ax=ax,
        )

    def __repr__(self) -> str:
        """Show the tests in at most fifteen lines of plain text."""
        return text_block(self._head(), self.table, ())

    def _repr_html_(self) -> str:
        """Show the tests in a notebook."""
        return html_table(self._head(), self.table, ())

    def _head(self) -> list[str]:
        """Say what was tested, how, and on how many."""
        return [
            f"Score test of proportional hazards, time transform: {self.transform}",
            "Null hypothesis: the coefficients do not change over time",
            sample_line(self.n_used, self.n_dropped),
        ]


def hazards_test(
    fit: CoxFit,
    sample: Sample,
    transform: Transform,
    groups: Mapping[str, tuple[int, ...]],
    names: tuple[str, ...],
) -> ProportionalHazards:
    """Test a fit, and collect the residuals.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    sample : Sample
        The rows of the fit.
    transform : {"km", "rank", "identity", "log"}
        How time is measured.
    groups : mapping of str to tuple of int
        Coefficients that are tested together, by name.
    names : tuple of str
        Names of the coefficients.

    Returns
    -------
    ProportionalHazards
        The tests.
    """
    import pandas as pd

    check_choice("transform", transform, ("km", "rank", "identity", "log"))
    phi = _transformed(fit.risk.times, sample, transform)
    result = proportional_hazards_test(fit, phi, list(groups.values()))
    table = pd.DataFrame(
        {
            "term": [*groups, _GLOBAL],
            "statistic": result.statistic,
            "df": result.df,
            "p_value": chi_square_tail(result.statistic, result.df),
        }
    )
    return ProportionalHazards(table, fit, names, phi, transform, sample.n, sample.n_dropped)


def _transformed(times: FloatArray, sample: Sample, transform: Transform) -> FloatArray:
    """Transform event times."""
    if transform == "identity":
        return times
    if transform == "log":
        if (times <= 0).any():
            raise InputError.of(
                "transform",
                required="other than 'log' with an event at time 0",
                got="'log'",
                remedy="Use 'km', which does not depend on the unit of time.",
            )
        return np.log(times)
    if transform == "rank":
        grid, codes = distinct(sample.time)
        counts = np.bincount(codes)
        ranks = np.cumsum(counts) - (counts - 1) / 2  # ties share their mean rank
        return ranks[last_at_or_before(grid, times)]
    table = event_times(sample.time, (sample.event > 0).astype(np.int64), 1, entry=sample.entry)
    before = np.concatenate([[1.0], product_limit(table).survival])
    return 1 - before[last_at_or_before(table.times, times)]
