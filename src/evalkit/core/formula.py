"""The boundary to formulas: a right-hand side and a frame in, a named design matrix out.

:func:`design` builds the matrix, drops and counts the rows with missing values, and remembers the
coding (levels, spline knots, means), so that :meth:`Design.apply` gives the same columns for new
data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.formula_checks import (
    check_newdata,
    check_variables,
    is_missing,
    refuse_dates,
    row_names,
)
from evalkit.core.terms import (
    Term,
    categorical,
    column_names,
    encode,
    is_numeric,
    learn_coding,
    levels_of,
    numbers,
    plain_dtypes,
    read_terms,
)
from evalkit.errors import InputError
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Coding", "Design", "design", "formula_variables"]


@dataclass(frozen=True, eq=False)
class Coding:
    """How a formula turns the columns of a frame into the columns of a design matrix.

    Attributes
    ----------
    formula : str
        The right-hand side.
    variables : tuple of str
        Columns of the frame that the formula uses.
    names : tuple of str, length p
        Names of the matrix's columns.
    terms : mapping of str to tuple of int
        For each term of the formula, the columns of the matrix that belong to it.
    levels : mapping of str to tuple
        Levels of each variable that is treated as categorical; the first is the reference.
    """

    formula: str
    variables: tuple[str, ...]
    names: tuple[str, ...]
    terms: Mapping[str, tuple[int, ...]]
    levels: Mapping[str, tuple[object, ...]]
    _direct: tuple[tuple[str, int], ...]  # variables that are terms by themselves, first column
    _spec: Any  # formulaic's coding of the other terms, or None
    _encoded: tuple[tuple[int, int], ...]  # column of the encoded matrix, column of ours
    _others: tuple[str, ...]  # variables of the other terms

    def apply(self, newdata: pd.DataFrame) -> FloatArray:
        """Return the design matrix of new data, coded as the data of the fit were.

        Parameters
        ----------
        newdata : pandas.DataFrame, n rows
            Holds the formula's variables; other columns are ignored.

        Returns
        -------
        ndarray of float64, shape (n, p)
            The matrix.

        Raises
        ------
        evalkit.errors.InputError
            If a variable is absent, has missing values, or a level that the fit did not see.
        """
        check_newdata(newdata, self.variables, self.levels)
        return self.matrix(newdata, np.arange(len(newdata)))

    def matrix(self, df: pd.DataFrame, rows: IntArray) -> FloatArray:
        """Return the matrix of some rows of a frame that are known to be complete.

        Parameters
        ----------
        df : pandas.DataFrame
            Holds the formula's variables.
        rows : ndarray of int64, shape (n,)
            Positions of the rows.

        Returns
        -------
        ndarray of float64, shape (n, p)
            The matrix, stored by column.

        Raises
        ------
        evalkit.errors.InputError
            If the formula cannot be computed, or gives something infinite.
        """
        matrix = np.ones((len(rows), len(self.names)), order="F")
        for name, first in self._direct:
            values = _column(df, name, rows)
            if name not in self.levels:
                matrix[:, first] = numbers(values)
                continue
            levels = self.levels[name]
            codes = categorical(values, levels).codes
            for code in range(1, len(levels)):
                matrix[:, first + code - 1] = codes == code
        if self._spec is not None:
            data = plain_dtypes(_part(df, self._others, rows), self._others, self.levels)
            made = encode(self._spec, data)
            for source, column in self._encoded:
                matrix[:, column] = made[:, source]
        for column, name in enumerate(self.names):
            if np.isfinite(matrix[:, column].sum()):  # then so is every value
                continue
            wrong = np.flatnonzero(~np.isfinite(matrix[:, column]))
            if len(wrong):
                raise InputError.of(
                    f"formula: {name}",
                    required="finite in every row",
                    got=f"{len(wrong)} infinite or undefined values",
                    where=row_names(df, rows[wrong]),
                )
        return matrix


@dataclass(frozen=True, eq=False)
class Design:
    """A design matrix, its columns' names, and the rows of the frame that it holds.

    Attributes
    ----------
    matrix : ndarray of float64, shape (n, p)
        The matrix, stored by column.
    coding : Coding
        How it was made.
    rows : ndarray of int64, shape (n,)
        Positions in the frame of the rows kept, in the frame's order.
    n_dropped : mapping of str to int
        Rows left out, by reason (``"missing age"``).
    """

    matrix: FloatArray
    coding: Coding
    rows: IntArray
    n_dropped: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.coding.names

    @property
    def terms(self) -> Mapping[str, tuple[int, ...]]:
        """Columns that belong to each term of the formula."""
        return self.coding.terms

    def apply(self, newdata: pd.DataFrame) -> FloatArray:
        """Return the design matrix of new data; see :meth:`Coding.apply`.

        Parameters
        ----------
        newdata : pandas.DataFrame, n rows
            Holds the formula's variables.

        Returns
        -------
        ndarray of float64, shape (n, p)
            The matrix.
        """
        return self.coding.apply(newdata)


def formula_variables(formula: str, df: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns of a frame that a formula uses, in the formula's order.

    Parameters
    ----------
    formula : str
        The right-hand side, such as ``"age + C(region) + log(income)"``.
    df : pandas.DataFrame
        The frame.

    Returns
    -------
    tuple of str
        The columns.

    Raises
    ------
    evalkit.errors.InputError
        If the formula cannot be read, or uses a name that is no column of ``df``.

    Examples
    --------
    >>> import pandas as pd
    >>> formula_variables("age + log(income)", pd.DataFrame({"age": [1], "income": [2]}))
    ('age', 'income')
    """
    return _variables(read_terms(formula), df)


def design(
    formula: str, df: pd.DataFrame, *, intercept: bool = False, rows: IntArray | None = None
) -> Design:
    """Build the design matrix of a formula.

    Parameters
    ----------
    formula : str
        The right-hand side. Numeric and bool columns enter as they are; strings and categories
        by treatment contrasts against their first level; ``C(x)`` makes any column categorical,
        ``C(x, contr.treatment(base="b"))`` chooses the reference. Names that are no Python names
        stand in backticks. Levels that no row has are left out.
    df : pandas.DataFrame
        The data; not changed.
    intercept : bool, default False
        Whether the matrix has a first column of ones, ``Intercept``. Without it categories are
        still coded against their reference, whatever the formula says of 0 or -1.
    rows : ndarray of int, optional
        Positions of the rows to use. All by default.

    Returns
    -------
    Design
        The matrix without the rows that miss a value of one of the formula's variables.

    Raises
    ------
    evalkit.errors.InputError
        If the formula cannot be read or computed, a variable is not in ``df``, or a column of the
        matrix is not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"age": [30, 40, None], "region": ["A", "B", "A"]})
    >>> made = design("age + region", df)
    >>> made.names, dict(made.n_dropped)
    (('age', 'region[T.B]'), {'missing age': 1})
    >>> made.matrix
    array([[30.,  0.],
           [40.,  1.]])
    """
    terms = read_terms(formula)
    variables = _variables(terms, df)
    kept = np.arange(len(df), dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
    dropped: dict[str, int] = {}
    for name in variables:
        missing = is_missing(df[name])
        if missing.any() and (gone := missing[kept]).any():
            dropped[f"missing {name}"] = int(gone.sum())
            kept = kept[~gone]
    coding = _learn(formula, terms, variables, df, kept, intercept)
    return Design(coding.matrix(df, kept), coding, kept, dropped)


def _learn(
    formula: str,
    terms: Sequence[Term],
    variables: tuple[str, ...],
    df: pd.DataFrame,
    rows: IntArray,
    intercept: bool,
) -> Coding:
    """Settle the coding on the rows that are used."""
    # A variable that is one term and in no other is coded here, everything else by formulaic: so
    # large plain columns are copied once, and the coding of the others does not depend on them.
    uses = [factor for term in terms for factor in term.factors]
    direct = [term for term in terms if term.is_name and uses.count(term.label) == 1]
    others = [term for term in terms if term not in direct]
    inside = tuple(dict.fromkeys(name for term in others for name in term.variables))
    levels: dict[str, tuple[object, ...]] = {}
    for term in direct:
        refuse_dates(df[term.label], term.label)
        if not is_numeric(df[term.label]):
            levels[term.label] = levels_of(_column(df, term.label, rows))
    spec: Any = None
    columns: dict[str, list[int]] = {}
    if others:
        part = _part(df, inside, rows)
        spec, columns, categorical = learn_coding(others, plain_dtypes(part, inside, {}))
        levels |= {name: levels_of(part[name]) for name in categorical}
    names = ["Intercept"] if intercept else []
    groups: dict[str, tuple[int, ...]] = {}
    encoded: list[tuple[int, int]] = []
    for term in terms:
        first = len(names)
        if term not in direct:
            names += column_names(spec, columns[term.label])
            encoded += zip(columns[term.label], range(first, len(names)), strict=True)
        elif term.label in levels:
            names += [f"{term.label}[T.{level}]" for level in levels[term.label][1:]]
        else:
            names.append(term.label)
        groups[term.label] = tuple(range(first, len(names)))
    starts = tuple((term.label, groups[term.label][0]) for term in direct if groups[term.label])
    return Coding(
        formula, variables, tuple(names), groups, levels, starts, spec, tuple(encoded), inside
    )


def _part(df: pd.DataFrame, names: Sequence[str], rows: IntArray) -> pd.DataFrame:
    """Return some columns and rows of a frame; without a copy if the rows are all."""
    part = df[list(names)]
    return part if len(rows) == len(df) else part.iloc[rows]


def _column(df: pd.DataFrame, name: str, rows: IntArray) -> pd.Series[Any]:
    """Return some rows of a column; without a copy if the rows are all."""
    return df[name] if len(rows) == len(df) else df[name].iloc[rows]


def _variables(terms: Sequence[Term], df: pd.DataFrame) -> tuple[str, ...]:
    """Return the variables of the terms, having checked that the frame has them."""
    names = tuple(dict.fromkeys(name for term in terms for name in term.variables))
    check_variables(names, df, "df")
    return names
