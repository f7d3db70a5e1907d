"""Reads who took part and what they were like into one checked sample, for every comparison.

A row is a person (or a spell) who took part or could have. Everything that can be wrong with the
columns is found here, once, and said with the column, the rows or levels and the remedy; rows that
lack a value are dropped and counted by reason; covariates that tell nothing are left out and
named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import (
    check_known,
    numbers,
    refuse_rows,
    rows_where,
)
from evalkit.core.formula import Coding, design, formula_variables
from evalkit.errors import InputError
from evalkit.kernels.least_squares import dependent_columns
from evalkit.matching.treatment_groups import read_groups, split_formula
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MatchingWarning", "TreatmentSample", "treatment_sample"]


class MatchingWarning(UserWarning):
    """Something about a comparison that a careful reader should know."""


@dataclass(frozen=True, eq=False)
class TreatmentSample:
    """Who took part and the covariates, checked and coded; one entry for each row used.

    Parameters
    ----------
    formula : str
        The formula as given.
    treatment : str
        Column that says who took part.
    group : ndarray of int, shape (n,)
        Position of the row's group in ``levels``; with two groups 1 for those who took part.
    levels : tuple
        Labels of the groups; with two groups those who did not take part come first.
    matrix : ndarray of float, shape (n, p)
        The covariates as columns, without intercept, stored by column; none of them is constant
        or a linear combination of those before it.
    names : tuple of str, length p
        Names of the columns of ``matrix``.
    terms : mapping of str to tuple of int
        For each term of the formula, the columns of ``matrix`` that belong to it.
    variables : tuple of str
        Columns of the frame that the covariates use.
    coding : Coding or None
        How the formula made the columns, before any was left out; None without covariates.
    weights : ndarray of float, shape (n,), or None
        Survey weights; None if every row counts once.
    frame : pandas.DataFrame
        The rows used, with the frame's own index and columns.
    rows : ndarray of int, shape (n,)
        Positions in the frame of the rows used.
    n_all : tuple of int
        Rows of the frame by group, before any was dropped.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        Sentences on covariates that were left out.
    """

    formula: str
    treatment: str
    group: IntArray
    levels: tuple[object, ...]
    matrix: FloatArray
    names: tuple[str, ...]
    terms: Mapping[str, tuple[int, ...]]
    variables: tuple[str, ...]
    coding: Coding | None
    weights: FloatArray | None
    frame: pd.DataFrame
    rows: IntArray
    n_all: tuple[int, ...]
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of rows used."""
        return len(self.group)

    @cached_property
    def treated(self) -> BoolArray:
        """Whether the row took part, shape (n,); for two groups."""
        return self.group == 1

    @cached_property
    def rank(self) -> IntArray:
        """Position of each row in the order of the index labels, by which ties are broken."""
        index = self.frame.index
        # Categories have an order of their own, by which pandas too says whether they are sorted.
        categories = index.dtype.name == "category"
        labels: Any = cast("Any", index).codes if categories else index.to_numpy()
        try:
            order = np.argsort(labels, kind="stable")
        except TypeError:  # labels of unlike types have no order of their own
            order = np.argsort(np.array([str(label) for label in index]), kind="stable")
        rank = np.empty(self.n, dtype=np.int64)
        rank[order] = np.arange(self.n)
        return rank

    def counts(self) -> tuple[int, ...]:
        """Return the rows used by group.

        Returns
        -------
        tuple of int
            In the order of ``levels``.
        """
        return tuple(np.bincount(self.group, minlength=len(self.levels)).tolist())


def treatment_sample(
    formula: str,
    df: pd.DataFrame,
    *,
    treated: object = None,
    weights: str | None = None,
    columns: Iterable[str] = (),
    several: bool = False,
    unique_index: bool = False,
    weights_argument: str = "weights",
) -> TreatmentSample:
    """Read the treatment and the covariates of a comparison.

    Parameters
    ----------
    formula : str
        ``took_part ~ covariates``; the right-hand side as for every model (``C(x)``, ``log(x)``,
        interactions). ``took_part ~ 1`` has no covariates.
    df : pandas.DataFrame
        One row for each person. It is not changed.
    treated : object, optional
        Label of those who took part; needed unless the column holds 1 and 0.
    weights : str, optional
        Column with survey weights of at least 0.
    columns : iterable of str, optional
        Further columns that must not be missing, such as exact strata.
    several : bool, default False
        Allow more than two groups.
    unique_index : bool, default False
        Refuse an index that repeats a label: rows are to be named by it.
    weights_argument : str, default "weights"
        What the caller's argument for ``weights`` is called, for messages.

    Returns
    -------
    TreatmentSample
        The rows that have a value in every column used.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, a group is missing somewhere or has
        no complete row, the index repeats a label though it must not, or the treatment is among
        the covariates.

    Notes
    -----
    Rows that lack a covariate or one of ``columns``, or whose weight is 0, are dropped and counted
    once each, under the first such column; missing values in other columns do not matter. A
    missing group or weight is an error. Covariates that are constant, or linear combinations of
    those before them, are left out and named in ``notes``.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"amia": [1, 0, 0, 1], "age": [41, 38, None, 52], "sex": list("kmkm")})
    >>> sample = treatment_sample("amia ~ age + sex", df)
    >>> sample.names, sample.treated.tolist(), dict(sample.n_dropped)
    (('age', 'sex[T.m]'), [True, False, True], {'missing age': 1})
    """
    import pandas as pd

    treatment, right = split_formula(formula)
    extra = list(columns)
    check_known(df, formula=treatment, columns=extra, **{weights_argument: weights})
    if unique_index:
        _refuse_repeated_index(df)
    codes, levels = read_groups(df, treatment, treated=treated, several=several)
    survey = None if weights is None else _read_weights(df, weights, weights_argument)
    bare = right.replace(" ", "") == "1"
    variables = () if bare else formula_variables(right, df)
    if treatment in variables:
        raise InputError.of(
            "formula",
            required="covariates that were settled before the choice to take part",
            got=f"the treatment {treatment!r} on both sides",
        )
    n_all = tuple(np.bincount(codes, minlength=len(levels)).tolist())
    rows, n_dropped = _complete(df, (*variables, *extra), survey, weights)
    counts = np.bincount(codes[rows], minlength=len(levels))
    if (counts == 0).any():
        empty = [repr(level) for level, n in zip(levels, counts, strict=True) if n == 0]
        raise InputError.of(
            "df",
            required="at least one complete row in every group",
            got=f"none in {', '.join(empty)}",
            where=(f"{reason}: {n}" for reason, n in n_dropped.items()),
            remedy="Leave out the covariate that is missing, or fill it by a method that you name.",
        )
    if bare:
        matrix, names, terms, coding = np.empty((len(rows), 0)), (), {}, None
        notes: tuple[str, ...] = ()
    else:
        made = design(right, df, rows=rows)
        coding = made.coding
        matrix, names, terms, notes = _informative(made.matrix, made.names, made.terms)
    whole = len(rows) == len(df)
    # From pandas 3 on a shallow copy is safe from later changes of the frame.
    frame = df.copy(deep=pd.__version__ < "3") if whole else df.iloc[rows]
    return TreatmentSample(
        formula=formula,
        treatment=treatment,
        group=codes if whole else codes[rows],
        levels=levels,
        matrix=matrix,
        names=names,
        terms=terms,
        variables=variables,
        coding=coding,
        weights=None if survey is None else survey[rows],
        frame=frame,
        rows=rows,
        n_all=n_all,
        n_dropped=n_dropped,
        notes=notes,
    )


def _refuse_repeated_index(df: pd.DataFrame) -> None:
    """Refuse labels that name several rows: who was compared with whom could not be told."""
    if df.index.is_unique:
        return
    again = np.asarray(df.index.duplicated(keep=False), dtype=np.bool_)
    raise InputError.of(
        "df",
        required="an index that names each row once",
        got=f"{int(again.sum())} rows that share their label with another",
        where=list(dict.fromkeys(rows_where(df, again))),
        remedy="df.reset_index(drop=True), or set the person's id as index: the same person in "
        "both groups must be decided on first.",
    )


def _read_weights(df: pd.DataFrame, name: str, argument: str) -> FloatArray:
    """Read survey weights of at least 0."""
    values = numbers(df, name, argument)
    wrong = ~((values >= 0) & np.isfinite(values))
    refuse_rows(df, wrong, argument, name, "finite and at least 0", None)
    if len(values) and not values.any():
        raise InputError.of(argument, required=f"positive somewhere ({name!r})", got="only zeros")
    return values


def _complete(
    df: pd.DataFrame, names: Iterable[str], survey: FloatArray | None, weights: str | None
) -> tuple[IntArray, dict[str, int]]:
    """Return the complete rows that count, and how many others there are by reason, once each."""
    keep = np.ones(len(df), dtype=np.bool_)
    dropped: dict[str, int] = {}
    reasons = (
        (f"missing {name}", df[name].isna().to_numpy(dtype=bool)) for name in dict.fromkeys(names)
    )
    zero = () if survey is None else ((f"{weights} is 0", survey == 0.0),)
    for reason, gone in chain(reasons, zero):
        count = int((keep & gone).sum())
        if count:
            dropped[reason] = count
            keep &= ~gone
    return np.flatnonzero(keep), dropped


def _informative(
    matrix: FloatArray, names: tuple[str, ...], terms: Mapping[str, tuple[int, ...]]
) -> tuple[FloatArray, tuple[str, ...], dict[str, tuple[int, ...]], tuple[str, ...]]:
    """Leave out columns that are constant or combinations of those before them, and name them."""
    constant = np.array([column.min() == column.max() for column in matrix.T], dtype=np.bool_)
    varying = np.flatnonzero(~constant)
    gone = constant.copy()
    if len(varying):
        some = matrix[:, varying] if constant.any() else matrix
        spread = some - some.mean(axis=0)
        gone[varying[dependent_columns(spread)]] = True
    if not gone.any():
        return matrix, names, dict(terms), ()
    notes = [f"{names[k]} is left out: " + ("it is the same for everybody." if constant[k] else
             "the covariates before it determine it.") for k in np.flatnonzero(gone)]  # fmt: skip
    kept = np.flatnonzero(~gone)
    place = {int(old): new for new, old in enumerate(kept)}
    left = {term: tuple(place[k] for k in ks if k in place) for term, ks in terms.items()}
    return (
        np.asfortranarray(matrix[:, kept]),
        tuple(names[k] for k in kept),
        {term: ks for term, ks in left.items() if ks},
        tuple(notes),
    )
