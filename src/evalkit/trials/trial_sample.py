"""Reads the columns of a randomised trial into one checked sample, for every analysis.

A row is a person who was randomised. Everything that can be wrong with the columns is found here,
once, and said with the column, the rows or levels and the remedy; rows that lack a value are
dropped, and counted by reason and by arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import Names, as_names, check_known, cross, labels
from evalkit.core.formula import Design, design, formula_variables
from evalkit.errors import InputError
from evalkit.trials.trial_columns import (
    OutcomeKind,
    read_arms,
    read_clusters,
    read_outcome,
    read_weights,
    refuse_duplicates,
    refuse_empty_arms,
)
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OutcomeKind", "TrialSample", "TrialWarning", "as_formula", "read_trial"]


class TrialWarning(UserWarning):
    """Something about a trial's data that a careful reader should know."""


@dataclass(frozen=True, eq=False)
class TrialSample:
    """A trial's rows, checked and coded; every array has one entry for each row used.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome; 0 and 1 if binary, the rank of its level from 0 if ordinal.
    outcome_levels : tuple
        The ordered levels of an ordinal outcome; empty otherwise.
    arm : ndarray of int, shape (n,)
        0 in the control arm, 1..K in the others: the position in ``arm_levels``.
    arm_levels : tuple
        Labels of the arms, the control arm first, the others sorted.
    strata : ndarray of int, shape (n,), or None
        Position of the row's stratum in ``strata_levels``.
    strata_levels : tuple
        The strata; tuples if they come from a list of columns.
    cluster : ndarray of int, shape (n,), or None
        Code of the row's cluster, 0, 1, ...; None if every row stands alone.
    weights : ndarray of float, shape (n,), or None
        Weights; None if every row counts once.
    covariates : Design or None
        The design matrix of the covariates, without intercept; its rows are those used.
    rows : ndarray of int, shape (n,)
        Positions in the frame of the rows used.
    n_randomised : tuple of int
        Rows of the frame by arm, in the order of ``arm_levels``, before any was dropped.
    n_analysed : tuple of int
        Rows used by arm.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    outcome: FloatArray
    outcome_levels: tuple[object, ...]
    arm: IntArray
    arm_levels: tuple[object, ...]
    strata: IntArray | None
    strata_levels: tuple[object, ...]
    cluster: IntArray | None
    weights: FloatArray | None
    covariates: Design | None
    rows: IntArray
    n_randomised: tuple[int, ...]
    n_analysed: tuple[int, ...]
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def n(self) -> int:
        """Number of rows used."""
        return len(self.arm)

    @property
    def control(self) -> object:
        """Label of the control arm."""
        return self.arm_levels[0]

    @property
    def contrasts(self) -> tuple[str, ...]:
        """The contrasts of every other arm with the control arm, in words."""
        return tuple(f"{level} - {self.control}" for level in self.arm_levels[1:])

    @property
    def matrix(self) -> FloatArray:
        """Covariates as columns, shape (n, p); no columns if there are none."""
        return np.empty((self.n, 0)) if self.covariates is None else self.covariates.matrix

    def analysed_line(self) -> str:
        """Say how many of those randomised were analysed, by arm.

        Returns
        -------
        str
            For instance "Analysed of randomised: ReDO 49 of 60, kontroll 52 of 60".
        """
        order = [*range(1, len(self.arm_levels)), 0]
        parts = [
            f"{self.arm_levels[i]} {self.n_analysed[i]} of {self.n_randomised[i]}" for i in order
        ]
        return "Analysed of randomised: " + ", ".join(parts)


def as_formula(covariates: Names | None) -> str | None:
    """Return covariates as a formula's right-hand side.

    Parameters
    ----------
    covariates : str, sequence of str or None
        A formula, or a list of columns.

    Returns
    -------
    str or None
        The formula; None without covariates.
    """
    if covariates is None or isinstance(covariates, str):
        return covariates
    names = [name if name.isidentifier() else f"`{name}`" for name in covariates]
    return " + ".join(names) or None


def read_trial(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    kind: OutcomeKind = "number",
    covariates: Names | None = None,
    strata: Names | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    unit: str | None = None,
    extra_columns: Iterable[str] = (),
    need_outcome: bool = True,
) -> TrialSample:
    """Read and check the columns of a randomised trial.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person randomised. It is not changed.
    outcome : str
        Column with the outcome.
    arm : str
        Column with the arm as randomised.
    control : object
        Label of the control arm.
    kind : {"number", "binary", "ordinal", "count", "duration"}
        What the outcome must be: finite numbers; 0 and 1 (or bool); numbers or an ordered
        category; whole numbers of at least 0; numbers of at least 0.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns.
    strata : str or sequence of str, optional
        Columns that make up the strata of the randomisation.
    cluster : str, optional
        Column that says which rows belong together. Missing means a row that stands alone: it
        becomes a cluster of its own.
    weights : str, optional
        Column with weights of at least 0.
    unit : str, optional
        Column that identifies the persons; repeated values are an error.
    extra_columns : iterable of str, optional
        Further columns that must not be missing.
    need_outcome : bool, default True
        Drop rows without an outcome. Otherwise their outcome is NaN, for methods that deal with
        missing outcomes themselves.

    Returns
    -------
    TrialSample
        The rows that have a value in every column used.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, an arm is missing somewhere,
        ``control`` is no arm, there is no other arm, an arm has no outcome at all, or a person
        stands in several rows.

    Notes
    -----
    Rows that lack an outcome, a covariate, a stratum or one of ``extra_columns`` are dropped and
    counted once each, under the first column that they lack. A missing arm or weight is an error:
    whoever was randomised has an arm.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"arm": ["ReDO", "CAU", "CAU", "ReDO"], "mastery": [21, 19, None, 24]})
    >>> sample = read_trial(df, outcome="mastery", arm="arm", control="CAU")
    >>> sample.contrasts, sample.n_randomised, sample.n_analysed, dict(sample.n_dropped)
    (('ReDO - CAU',), (2, 2), (1, 2), {'missing mastery': 1})
    """
    check_choice("kind", kind, ("number", "binary", "ordinal", "count", "duration"))
    layers, extra = as_names(strata), list(extra_columns)
    check_known(
        df,
        outcome=outcome,
        arm=arm,
        strata=layers,
        cluster=cluster,
        weights=weights,
        unit=unit,
        extra_columns=extra,
    )
    if len(df) == 0:
        raise InputError.of("df", required="at least one row", got="0 rows")
    codes, arm_levels = read_arms(df, arm, control)
    if unit is not None:
        refuse_duplicates(df, unit)
    values, outcome_levels = read_outcome(df, outcome, kind)
    case_weights = None if weights is None else read_weights(df, weights)
    n_randomised = _by_arm(codes, arm_levels)
    refuse_empty_arms(values, codes, arm_levels, outcome)

    formula = as_formula(covariates)
    missing: dict[str, BoolArray] = {}
    if need_outcome:
        missing[outcome] = np.isnan(values)
    coded = {name: labels(df[name]) for name in layers}
    for name in layers:
        missing[name] = coded[name].codes < 0
    for name in (*(formula_variables(formula, df) if formula else ()), *extra):
        missing[name] = df[name].isna().to_numpy(dtype=bool)
    rows, n_dropped = _complete(len(df), missing)
    n_analysed = _by_arm(codes[rows], arm_levels)
    if 0 in n_analysed:
        empty = [i for i, n in enumerate(n_analysed) if n == 0]
        raise InputError.of(
            "df",
            required="at least one complete row in every arm",
            got=f"none in {', '.join(repr(arm_levels[i]) for i in empty)}",
            where=(f"{reason}: {n}" for reason, n in n_dropped.items()),
        )
    strata_codes, strata_levels = cross(
        [coded[name] for name in layers], rows, isinstance(strata, str)
    )
    return TrialSample(
        outcome=values[rows],
        outcome_levels=outcome_levels,
        arm=codes[rows],
        arm_levels=arm_levels,
        strata=strata_codes,
        strata_levels=strata_levels,
        cluster=None
        if cluster is None
        else read_clusters(labels(df[cluster], ordered=False), rows),
        weights=None if case_weights is None else case_weights[rows],
        covariates=None if formula is None else design(formula, df, rows=rows),
        rows=rows,
        n_randomised=n_randomised,
        n_analysed=n_analysed,
        n_dropped=n_dropped,
    )


def _by_arm(codes: IntArray, levels: tuple[object, ...]) -> tuple[int, ...]:
    """Count rows by arm."""
    return tuple(np.bincount(codes, minlength=len(levels)).tolist())


def _complete(n: int, missing: Mapping[str, BoolArray]) -> tuple[IntArray, dict[str, int]]:
    """Return the complete rows, and how many others lack which column, once each."""
    keep = np.ones(n, dtype=np.bool_)
    dropped: dict[str, int] = {}
    for name, gone in missing.items():
        count = int((keep & gone).sum())
        if count:
            dropped[f"missing {name}"] = count
            keep &= ~gone
    return np.flatnonzero(keep), dropped
