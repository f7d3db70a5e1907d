"""What rank tests hand back: one test with its groups, or a table of tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.core.printing import html_table, sample_line, text_block

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RankTest", "RankTestTable"]


@dataclass(frozen=True, eq=False, repr=False)
class RankTest:
    """A test that groups do not differ, with what was observed and expected in each.

    Parameters
    ----------
    hypothesis : str
        The null hypothesis, in words.
    method : str
        Name of the test.
    statistic : float
        Chi-squared statistic.
    df : int
        Its degrees of freedom.
    p_value : float
        Two-sided p-value.
    groups : pandas.DataFrame
        ``[by], n, observed, expected``: rows, events and expected events by group, both weighted
        with the test's weights over time.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    hypothesis: str
    method: str
    statistic: float
    df: int
    p_value: float
    groups: pd.DataFrame
    n_used: int
    n_dropped: Mapping[str, int]

    def to_frame(self) -> pd.DataFrame:
        """Return the test as a frame of one row.

        Returns
        -------
        pandas.DataFrame
            Columns ``method, statistic, df, p_value, n``.
        """
        import pandas as pd

        row = {"method": self.method, "statistic": self.statistic, "df": self.df}
        return pd.DataFrame([row | {"p_value": self.p_value, "n": self.n_used}])

    def __repr__(self) -> str:
        """Show the test and the groups in plain text."""
        return text_block(self._head(), self.groups, ())

    def _repr_html_(self) -> str:
        """Show the test and the groups in a notebook."""
        return html_table(self._head(), self.groups, ())

    def _head(self) -> list[str]:
        """Say what was tested, how, on how many, and with what result."""
        p = f"p = {self.p_value:.4f}" if self.p_value >= 0.0001 else "p < 0.0001"
        return [
            self.method,
            f"Null hypothesis: {self.hypothesis}",
            sample_line(self.n_used, self.n_dropped),
            f"Chi-squared {self.statistic:.4f} on {self.df} df, {p}",
        ]


@dataclass(frozen=True, eq=False, repr=False)
class RankTestTable:
    """Several tests of one kind.

    Parameters
    ----------
    hypothesis : str
        The null hypotheses, in words.
    method : str
        Name of the test.
    data : pandas.DataFrame
        One row a test.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    hypothesis: str
    method: str
    data: pd.DataFrame
    n_used: int
    n_dropped: Mapping[str, int]

    @property
    def statistic(self) -> Any:
        """Chi-squared statistics, one for each row of :meth:`to_frame`."""
        return self.data["statistic"].to_numpy(copy=True)

    @property
    def df(self) -> Any:
        """Degrees of freedom, one for each row of :meth:`to_frame`."""
        return self.data["df"].to_numpy(copy=True)

    @property
    def p_value(self) -> Any:
        """P-values, not adjusted, one for each row of :meth:`to_frame`."""
        return self.data["p_value"].to_numpy(copy=True)

    def to_frame(self) -> pd.DataFrame:
        """Return the tests.

        Returns
        -------
        pandas.DataFrame
            What was compared, then ``statistic, df, p_value``, for pairs ``p_adjusted``, and
            ``n``.
        """
        return self.data.copy()

    def __repr__(self) -> str:
        """Show the tests in plain text."""
        return text_block(self._head(), self.data, ())

    def _repr_html_(self) -> str:
        """Show the tests in a notebook."""
        return html_table(self._head(), self.data, ())

    def _head(self) -> list[str]:
        """Say what was tested, how, and on how many."""
        return [
            self.method,
            f"Null hypothesis: {self.hypothesis}",
            sample_line(self.n_used, self.n_dropped),
        ]
