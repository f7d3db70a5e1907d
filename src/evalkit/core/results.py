"""Results that every analysis hands back: a table of effects, and a test.

Both are frozen. They say what was estimated, how, and on how many; ``to_frame()`` gives the
numbers, printing shows them in a few plain lines, and notebooks show them as an HTML table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STANDARD_COLUMNS", "EffectTable", "TestResult"]

STANDARD_COLUMNS = (
    "term",
    "contrast",
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "conf_low",
    "conf_high",
    "n",
)
"""Columns of every effect table, in this order."""

_TEXT_COLUMNS = ("term", "contrast")


@dataclass(frozen=True, eq=False, repr=False)
class EffectTable:
    """Estimates with their intervals and tests, and what they are estimates of.

    Build one with :meth:`of`. The table cannot be changed: :meth:`to_frame` gives a copy.

    Parameters
    ----------
    data : pandas.DataFrame
        The columns: keys (such as a group or a horizon), the standard columns, then others.
    estimand : str
        What is estimated, in words, with the direction of the contrast.
    method : str
        How the estimates, intervals and p-values were computed.
    level : float
        Confidence level of the intervals.
    n_used : int
        Observations that the estimates rest on.
    n_dropped : mapping of str to int
        Observations left out, by reason.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    data: pd.DataFrame
    estimand: str
    method: str
    level: float
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        columns: Mapping[str, object],
        *,
        estimand: str,
        method: str,
        level: float,
        n_used: int,
        n_dropped: Mapping[str, int] | None = None,
        notes: Sequence[str] = (),
    ) -> EffectTable:
        """Lay out a table from its columns.

        Parameters
        ----------
        columns : mapping of str to sequence or scalar
            The columns by name; a scalar fills its column. Columns that are not standard are
            keys if they come before the first standard one, and stand last (such as ``scale``
            for ratios) if they come after it. Standard columns that are left out are empty.
        estimand : str
            What is estimated, in words, with the direction of the contrast.
        method : str
            How the estimates, intervals and p-values were computed.
        level : float
            Confidence level of the intervals.
        n_used : int
            Observations that the estimates rest on.
        n_dropped : mapping of str to int, optional
            Observations left out, by reason.
        notes : sequence of str, optional
            Sentences that belong with the numbers.

        Returns
        -------
        EffectTable
            The table.

        Raises
        ------
        evalkit.errors.InputError
            If there is no ``estimate``, or columns have different lengths.

        Examples
        --------
        >>> table = EffectTable.of(
        ...     {"term": "age", "contrast": "ReDO - CAU", "estimate": [1.5], "n": 97},
        ...     estimand="Difference in means, ReDO - CAU",
        ...     method="Welch",
        ...     level=0.95,
        ...     n_used=97,
        ... )
        >>> table.to_frame()["estimate"].item()
        1.5
        """
        if "estimate" not in columns:
            raise InputError.of(
                "columns", required="a mapping with an 'estimate'", got=", ".join(columns) or "none"
            )
        return cls(
            _lay_out(columns),
            estimand,
            method,
            level,
            n_used,
            {} if n_dropped is None else dict(n_dropped),
            tuple(notes),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            Key columns, then ``term, contrast, estimate, std_error, statistic, df, p_value,
            conf_low, conf_high, n``, then columns of the method's own.
        """
        return self.data.copy()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.data)

    def __repr__(self) -> str:
        """Show the table in at most fifteen lines of plain text."""
        return text_block(self._head(), self.data, self.notes)

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(self._head(), self.data, self.notes)

    def _head(self) -> list[str]:
        """Say what was estimated, how, and on how many."""
        return [
            self.estimand,
            f"{self.method}; {100 * self.level:g} % intervals",
            sample_line(self.n_used, self.n_dropped),
        ]


def _lay_out(columns: Mapping[str, object]) -> pd.DataFrame:
    """Order the columns, spread the scalars, and fill in the standard columns left out."""
    import pandas as pd

    names = list(columns)
    first = min(names.index(name) for name in names if name in STANDARD_COLUMNS)
    others = [name for name in names[first:] if name not in STANDARD_COLUMNS]
    values = {name: _as_list(value) for name, value in columns.items()}
    lengths = {len(column) for column in values.values()} - {1}
    if len(lengths) > 1:
        raise InputError.of(
            "columns",
            required="of one length",
            got=" and ".join(str(length) for length in sorted(lengths)),
            where=(f"{name}: {len(column)}" for name, column in values.items()),
        )
    rows = lengths.pop() if lengths else 1
    data: dict[str, list[object]] = {}
    for name in (*names[:first], *STANDARD_COLUMNS, *others):
        blank: list[object] = [""] if name in _TEXT_COLUMNS else [float("nan")]
        column = values.get(name, blank)
        data[name] = column if len(column) == rows else column * rows
    return pd.DataFrame(data)


def _as_list(value: object) -> list[object]:
    """Make a list of a column's values, or of the scalar that fills it."""
    if isinstance(value, np.ndarray):
        return cast("list[object]", value.ravel().tolist())
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    return list(cast("Iterable[object]", value))


@dataclass(frozen=True, eq=False, repr=False)
class TestResult:
    """One test of one hypothesis.

    Parameters
    ----------
    hypothesis : str
        The null hypothesis, in words.
    method : str
        Name of the test.
    statistic : float
        Its statistic.
    df : float or tuple of float or None
        Degrees of freedom; None where there are none.
    p_value : float
        The p-value, two-sided unless ``method`` says otherwise.
    n_used : int
        Observations that the test rests on.
    n_dropped : mapping of str to int
        Observations left out, by reason.
    """

    __test__: ClassVar[bool] = False  # the name is no sign that pytest should collect it

    hypothesis: str
    method: str
    statistic: float
    df: float | tuple[float, float] | None
    p_value: float
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def to_frame(self) -> pd.DataFrame:
        """Return the test as a frame of one row.

        Returns
        -------
        pandas.DataFrame
            Columns ``method, statistic, df, p_value, n``; with two degrees of freedom ``df``
            is the first and ``df_denominator`` the second.
        """
        import pandas as pd

        df = self.df if isinstance(self.df, tuple) else (self.df,)
        row: dict[str, object] = {"method": self.method, "statistic": self.statistic}
        row["df"] = float("nan") if df[0] is None else df[0]
        if len(df) > 1:
            row["df_denominator"] = df[1]
        return pd.DataFrame([row | {"p_value": self.p_value, "n": self.n_used}])

    def __repr__(self) -> str:
        """Show the test in a few lines of plain text."""
        return text_block(self._head(), self.to_frame().drop(columns="method"), ())

    def _repr_html_(self) -> str:
        """Show the test in a notebook."""
        return html_table(self._head(), self.to_frame().drop(columns="method"), ())

    def _head(self) -> list[str]:
        """Say what was tested, how, and on how many."""
        return [
            self.method,
            f"Null hypothesis: {self.hypothesis}",
            sample_line(self.n_used, self.n_dropped),
        ]
