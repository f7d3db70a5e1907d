"""Reads repeated measurements of a trial: one row for each person and visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import Labels, Names, check_known, labels, rows_where
from evalkit.core.formula import Design, design, formula_variables
from evalkit.errors import InputError
from evalkit.trials.trial_columns import read_arms, read_outcome
from evalkit.trials.trial_sample import as_formula
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VisitSample", "read_visits"]


@dataclass(frozen=True, eq=False)
class VisitSample:
    """Repeated measurements, checked and coded; every array has one entry for each row used.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome.
    arm : ndarray of int, shape (n,)
        Position of the person's arm in ``arm_levels``, the control arm first.
    arm_levels : tuple
        Labels of the arms.
    visit : ndarray of int, shape (n,)
        Position of the visit in ``visit_levels``.
    visit_levels : tuple
        The visits in order.
    unit : ndarray of int, shape (n,)
        Code of the person.
    covariates : Design or None
        Design matrix of the covariates, without intercept.
    arms : tuple of (object, int, int)
        Label, persons randomised and persons with at least one row used, the control arm last.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    outcome: FloatArray
    arm: IntArray
    arm_levels: tuple[object, ...]
    visit: IntArray
    visit_levels: tuple[object, ...]
    unit: IntArray
    covariates: Design | None
    arms: tuple[tuple[object, int, int], ...]
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])

    def persons_at(self, visit: int) -> int:
        """Return how many persons were seen at a visit.

        Parameters
        ----------
        visit : int
            Position of the visit.

        Returns
        -------
        int
            The persons.
        """
        return int((self.visit == visit).sum())


def read_visits(
    df: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    unit: str,
    visit: str,
    visits: Sequence[object] | None = None,
    covariates: Names | None = None,
) -> VisitSample:
    """Read and check repeated measurements.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person and visit, those without an outcome too. It is not changed.
    outcome : str
        Column with the outcome.
    arm : str
        Column with the arm as randomised, the same in all rows of a person.
    control : object
        Label of the control arm.
    unit : str
        Column that identifies the persons.
    visit : str
        Column with the visit.
    visits : sequence, optional
        The visits in order. By default the order of the categories, or sorted numbers; texts
        without an order are refused.
    covariates : str or sequence of str, optional
        Right-hand side of a formula, or columns.

    Returns
    -------
    VisitSample
        The rows that have a value in every column used.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist or holds what it must not, a person is in two arms or twice at
        a visit, a visit is not among `visits`, or an arm has no outcome at some visit.
    """
    check_known(df, outcome=outcome, arm=arm, unit=unit, visit=visit)
    if len(df) == 0:
        raise InputError.of("df", required="at least one row", got="0 rows")
    codes, arm_levels = read_arms(df, arm, control)
    values, _ = read_outcome(df, outcome, "number")
    person = labels(df[unit], ordered=False)
    _present(df, person.codes < 0, "unit", unit)
    when, visit_levels = _visits(df, visit, visits)
    _one_arm_each(person, codes, unit)
    pair = person.codes * len(visit_levels) + when
    again = np.zeros(len(df), dtype=bool)
    again[np.setdiff1d(np.arange(len(df)), np.unique(pair, return_index=True)[1])] = True
    if again.any():
        raise InputError.of(
            "visit",
            required=f"different in all rows of a person ({visit!r})",
            got=f"{int(again.sum())} rows that repeat a visit",
            where=rows_where(df, again),
        )
    formula = as_formula(covariates)
    missing: dict[str, BoolArray] = {outcome: np.isnan(values)}
    for name in formula_variables(formula, df) if formula else ():
        missing[name] = df[name].isna().to_numpy(dtype=bool)
    keep, dropped = np.ones(len(df), dtype=bool), dict[str, int]()
    for name, gone in missing.items():
        if count := int((keep & gone).sum()):
            dropped[f"rows missing {name}"] = count
            keep &= ~gone
    rows = np.flatnonzero(keep)
    _seen_in_every_arm(codes[rows], arm_levels, when[rows], visit_levels)
    counts = [
        (
            arm_levels[i],
            len(np.unique(person.codes[codes == i])),
            len(np.unique(person.codes[keep & (codes == i)])),
        )
        for i in (*range(1, len(arm_levels)), 0)
    ]
    return VisitSample(
        outcome=values[rows],
        arm=codes[rows],
        arm_levels=arm_levels,
        visit=when[rows],
        visit_levels=visit_levels,
        unit=person.codes[rows],
        covariates=None if formula is None else design(formula, df, rows=rows),
        arms=tuple(counts),
        n_dropped=dropped,
    )


def _present(df: pd.DataFrame, gone: BoolArray, argument: str, name: str) -> None:
    """Refuse missing labels."""
    if gone.any():
        raise InputError.of(
            argument,
            required=f"known for every row ({name!r})",
            got=f"{int(gone.sum())} rows where it is missing",
            where=rows_where(df, gone),
        )


def _visits(
    df: pd.DataFrame, name: str, order: Sequence[object] | None
) -> tuple[IntArray, tuple[object, ...]]:
    """Code the visits in their order."""
    import pandas as pd

    coded = labels(df[name])
    _present(df, coded.codes < 0, "visit", name)
    used = [
        level
        for level, n in zip(coded.levels, np.bincount(coded.codes, minlength=1), strict=False)
        if n
    ]
    if order is None:
        dtype = df[name].dtype
        if isinstance(dtype, pd.CategoricalDtype) or not any(isinstance(v, str) for v in used):
            levels = tuple(used)
        else:
            raise InputError.of(
                "visits",
                required=f"given where {name!r} holds texts, which have no order",
                got="nothing",
                remedy=f"visits=[{', '.join(repr(level) for level in used[:5])}] in their order.",
            )
    else:
        levels = tuple(order)
        strange = [level for level in used if level not in levels]
        if strange or len(set(levels)) < len(levels):
            raise InputError.of(
                "visits",
                required=f"all visits in {name!r}, each once",
                got=repr(list(levels)),
                where=(repr(level) for level in strange),
            )
        levels = tuple(level for level in levels if level in used)
    if len(levels) < 2:
        raise InputError.of(
            "visit",
            required=f"at least two visits ({name!r})",
            got=", ".join(repr(level) for level in levels),
            remedy="effect() analyses one measurement.",
        )
    place = {level: i for i, level in enumerate(levels)}
    recode = np.array([place.get(level, -1) for level in coded.levels], dtype=np.int64)
    return recode[coded.codes], levels


def _one_arm_each(person: Labels, codes: IntArray, name: str) -> None:
    """Refuse persons in two arms."""
    first = np.full(len(person.levels), -1, dtype=np.int64)
    first[person.codes[::-1]] = codes[::-1]
    moved = first[person.codes] != codes
    if moved.any():
        who = dict.fromkeys(person.levels[i] for i in person.codes[moved].tolist())
        raise InputError.of(
            "arm",
            required="the arm as randomised, the same in all rows of a person",
            got=f"{len(who)} persons in two arms",
            where=(f"{name} {value!r}" for value in who),
        )


def _seen_in_every_arm(
    codes: IntArray,
    arm_levels: tuple[object, ...],
    when: IntArray,
    visit_levels: tuple[object, ...],
) -> None:
    """Refuse a visit at which an arm has no outcome."""
    table = np.zeros((len(arm_levels), len(visit_levels)), dtype=np.int64)
    np.add.at(table, (codes, when), 1)
    empty = np.argwhere(table == 0)
    if len(empty):
        raise InputError.of(
            "outcome",
            required="there for somebody in every arm at every visit",
            got=f"{len(empty)} combinations without",
            where=(f"{arm_levels[i]!r} at {visit_levels[j]!r}" for i, j in empty.tolist()),
            remedy="Leave out the rows of visits that an arm did not have.",
        )
