"""The table that planning a trial gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from evalkit.trials.planned_design import PlannedDesign

__all__ = ["PowerTable"]


@dataclass(frozen=True, eq=False, repr=False)
class PowerTable:
    """Power by effect, or the one row that was looked for.

    Parameters
    ----------
    data : pandas.DataFrame
        Columns ``measure, effect, n_arm, n_control, diluted, std_error, df, power``: the true
        effect of being treated; persons to randomise; the effect between the arms as randomised
        (of risks always the difference), its standard error (of the log for hazard ratios), and
        the degrees of freedom of the test.
    title, method, assumptions : str
        What was asked, how power was computed, and what the plan takes into account.
    """

    data: pd.DataFrame
    title: str
    method: str
    assumptions: str

    @classmethod
    def of(
        cls, question: str, plan: PlannedDesign, rows: Sequence[dict[str, object]]
    ) -> PowerTable:
        """Lay out the rows of a plan.

        Parameters
        ----------
        question : str
            What was asked.
        plan : PlannedDesign
            The plan.
        rows : sequence of dict
            The rows.

        Returns
        -------
        PowerTable
            The table.
        """
        import pandas as pd

        measure, method, assumptions = plan.sentence()
        return cls(pd.DataFrame(rows), f"{question}, {measure}", method, assumptions)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            A copy of ``data``.
        """
        return self.data.copy()

    @property
    def power(self) -> float:
        """The power, where there is one row."""
        return float(self._only("power"))

    @property
    def effect(self) -> float:
        """The effect, where there is one row."""
        return float(self._only("effect"))

    @property
    def n_arm(self) -> int:
        """Persons to randomise to the arm, where there is one row."""
        return int(self._only("n_arm"))

    @property
    def n_control(self) -> int:
        """Persons to randomise to the control arm, where there is one row."""
        return int(self._only("n_control"))

    def _only(self, column: str) -> Any:
        """Return the only value of a column."""
        if len(self.data) != 1:
            raise InputError.of(
                column,
                required="asked of a table with one row",
                got=f"{len(self.data)} rows",
                remedy="to_frame() has them all.",
            )
        return self.data[column].iloc[0]

    def plot(self, ax: Axes | None = None, *, lang: Any = "sv") -> Axes:
        """Draw power against effect.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        lang : {"sv", "en"}, default "sv"
            Language of words and numbers.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.power import power_curve

        return power_curve(self.data, ax=ax, lang=lang)

    def __repr__(self) -> str:
        """Show the table in at most fifteen lines."""
        return text_block(self._head(), self.data, ())

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(self._head(), self.data, ())

    def _head(self) -> list[str]:
        """Say what was asked, how it was computed, and under which assumptions."""
        return [self.title, self.method, self.assumptions]
