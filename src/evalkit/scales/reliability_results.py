"""What an item analysis hands back: coefficients of reliability, and the items one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.scales.suspicion import ScaleWarning
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reliability", "ReversedItemWarning", "SplitHalf"]


class ReversedItemWarning(ScaleWarning):
    """Items run against the others, as if reversed twice, or not at all."""


@dataclass(frozen=True, eq=False, repr=False)
class Reliability:
    """Reliability of a scale, from the covariances of its items.

    Attributes
    ----------
    table : EffectTable
        The coefficients with their intervals.
    item_frame : pandas.DataFrame
        One row for each item; see :func:`evalkit.scales.reliability`.
    covariance : pandas.DataFrame
        The covariances that everything rests on.
    suspects : tuple of str
        Items that run against the others.
    reason : str
        Why alpha is undefined; empty if it is not.
    bootstrap : ndarray of float, shape (draws, 2)
        Raw and standardised alpha of each bootstrap sample; no rows without a bootstrap.
    """

    table: EffectTable
    item_frame: pd.DataFrame
    covariance: pd.DataFrame
    suspects: tuple[str, ...]
    reason: str
    bootstrap: FloatArray

    def _value(self, term: str, column: str = "estimate") -> float:
        """Read a number off the table."""
        data = self.table.data
        return float(data.loc[data["term"] == term, column].iloc[0])

    @property
    def alpha(self) -> float:
        """Cronbach's alpha of the items as they are."""
        return self._value("alpha")

    @property
    def alpha_interval(self) -> tuple[float, float]:
        """Feldt's confidence interval of alpha."""
        return self._value("alpha", "conf_low"), self._value("alpha", "conf_high")

    @property
    def alpha_std(self) -> float:
        """Alpha of the items with equal variances, from their correlations."""
        return self._value("alpha_std")

    @property
    def omega(self) -> float:
        """McDonald's omega of one factor, from the covariances."""
        return self._value("omega")

    @property
    def omega_std(self) -> float:
        """McDonald's omega of one factor, from the correlations."""
        return self._value("omega_std")

    @property
    def lambda6(self) -> float:
        """Guttman's lambda 6."""
        return self._value("lambda6")

    @property
    def mean_correlation(self) -> float:
        """Mean correlation between the items."""
        return self._value("mean_r")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong with the numbers."""
        return self.table.notes

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients.

        Returns
        -------
        pandas.DataFrame
            The columns of an effect table and ``interval``, one row for each coefficient and
            kind of interval.
        """
        return self.table.to_frame()

    def __repr__(self) -> str:
        """Show the coefficients in at most fifteen lines."""
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Show coefficients and items in a notebook."""
        above = self.table._repr_html_()  # pyright: ignore[reportPrivateUsage]
        return above + html_table(["Items"], self.item_frame, ())


@dataclass(frozen=True, eq=False, repr=False)
class SplitHalf:
    """Reliability from halves of a scale.

    Attributes
    ----------
    method : str
        How the items were split.
    correlation, spearman_brown, lambda_4 : float
        Correlation of the halves, the same stepped up to the whole length, and Guttman's
        coefficient; over all splits, their means. The first two are NaN if a half does not vary.
    lambda_4_low, lambda_4_high : float
        Smallest and largest lambda 4 of the splits.
    halves : tuple
        Items of the first and the second half; of the split with the largest lambda 4.
    n_used : int
        People who answered all items.
    n_splits : int
        Number of splits.
    n_dropped : mapping of str to int
        People left out, by reason.
    """

    method: str
    correlation: float
    spearman_brown: float
    lambda_4: float
    lambda_4_low: float
    lambda_4_high: float
    halves: tuple[tuple[str, ...], tuple[str, ...]]
    n_used: int
    n_splits: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the coefficients.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, estimate, n``.
        """
        import pandas as pd

        rows: dict[str, Any] = {
            "correlation": self.correlation,
            "spearman_brown": self.spearman_brown,
            "lambda_4": self.lambda_4,
            "lambda_4_lowest": self.lambda_4_low,
            "lambda_4_highest": self.lambda_4_high,
        }
        return pd.DataFrame(
            {"term": list(rows), "estimate": list(rows.values()), "n": [self.n_used] * len(rows)}
        )

    def _head(self) -> list[str]:
        """Say how the items were split."""
        return [
            "Split-half reliability",
            f"{self.method}; {self.n_splits} split{'s' if self.n_splits > 1 else ''}",
            sample_line(self.n_used, self.n_dropped),
        ]

    def _notes(self) -> tuple[str, ...]:
        """Name the halves."""
        first, second = (", ".join(half) for half in self.halves)
        which = " of the split with the largest lambda 4" if self.n_splits > 1 else ""
        halves = f"Halves{which}: {first} | {second}."
        if self.correlation == self.correlation:
            return (halves,)
        half = "a half" if self.n_splits == 1 else "a half of some split"
        return (halves, f"Correlation and Spearman-Brown are undefined: {half} does not vary.")

    def __repr__(self) -> str:
        """Show the coefficients in a few lines."""
        return text_block(self._head(), self.to_frame(), self._notes())

    def _repr_html_(self) -> str:
        """Show the coefficients in a notebook."""
        return html_table(self._head(), self.to_frame(), self._notes())
