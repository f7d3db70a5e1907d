"""Riket's means, standard deviations and shares as targets, and whether weights can meet them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from evalkit.core.columns import check_known, labels, numbers, plain, refuse_rows
from evalkit.errors import InputError
from evalkit.matching.margin_targets import is_mapping, said_briefly
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AggregateTargets", "Targets", "outside_hull", "read_targets"]

Targets: TypeAlias = "Mapping[str, float | tuple[float, float] | Mapping[Any, float]]"
"""For each column a mean, a mean and a standard deviation, or shares by level."""

_ROUNDED = 0.02  # shares that are printed in whole percent add up to 1 within this
_ADDED = 50  # rows that the linear programme takes in at once
_NO_GAIN = 1e-9  # reduced cost that is none
_FEASIBLE = 1e-7  # distance from the targets, in standard deviations, that is none


@dataclass(frozen=True, eq=False)
class AggregateTargets:
    """Targets, and the columns whose means are to equal them.

    Parameters
    ----------
    names : tuple of str, length p
        What each column is: ``age``, ``age (sd)``, ``sex=woman``.
    variables : tuple of str, length p
        The variable that each belongs to.
    is_spread, is_level : ndarray of bool, shape (p,)
        Which are standard deviations, and which shares of levels.
    values : ndarray of float, shape (p,)
        Targets in the units of the data: means, standard deviations, shares.
    matrix : ndarray of float, shape (n, p)
        The columns, in units of the data's standard deviation from the target; squares of these
        for standard deviations.
    goal : ndarray of float, shape (p,)
        The targets on that scale.
    raw : ndarray of float, shape (n, p)
        The columns in the units of the data (the variable itself for a standard deviation).
    rows : ndarray of int, shape (n,)
        Positions of the rows used.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        What was assumed.
    """

    names: tuple[str, ...]
    variables: tuple[str, ...]
    is_spread: BoolArray
    is_level: BoolArray
    values: FloatArray
    matrix: FloatArray
    goal: FloatArray
    raw: FloatArray
    rows: IntArray
    n_dropped: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def absent(self) -> BoolArray:
        """Rows in levels that riket has nobody in, whose weight is 0; shape (n,)."""
        none = self.is_level & (self.values == 0)
        return np.asarray(self.raw[:, none].any(axis=1), dtype=np.bool_)

    def attained(self, weights: FloatArray) -> FloatArray:
        """Return weighted means, standard deviations and shares; shape (p,)."""
        share = weights / weights.sum()
        mean = share @ self.raw
        spread = np.sqrt(np.maximum(share @ (self.raw - mean) ** 2, 0.0))
        return np.asarray(np.where(self.is_spread, spread, mean), dtype=np.float64)


def read_targets(df: pd.DataFrame, targets: Targets) -> AggregateTargets:
    """Read and check the targets.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants.
    targets : mapping
        Mean, (mean, sd) or shares by level, for each column.

    Returns
    -------
    AggregateTargets
        The targets.

    Raises
    ------
    evalkit.errors.InputError
        If a target is not of one of these forms, a column does not fit it, or it lies outside
        the values that the participants have.
    """
    if not is_mapping(targets):
        raise InputError.of(
            "targets", required="a mapping of columns to means", got=said_briefly(targets),
            remedy="For instance {'age': (41.2, 10.5), 'sex': {'woman': 0.58, 'man': 0.42}}.",
        )  # fmt: skip
    targets = dict(targets.items())
    check_known(df, targets=list(targets))
    complete = np.ones(len(df), dtype=np.bool_)
    dropped: dict[str, int] = {}
    for name in targets:
        gone = complete & df[name].isna().to_numpy(dtype=bool)
        if gone.any():
            dropped[f"missing {name}"] = int(gone.sum())
            complete &= ~gone
    rows = np.flatnonzero(complete)
    if not len(rows):
        raise InputError.of(
            "df", required="at least one row with a value in every column used",
            got=f"{len(df)} rows and none such",
        )  # fmt: skip
    used = df.iloc[rows]
    parts: list[_Column] = []
    notes: list[str] = []
    for name, target in targets.items():
        if hasattr(target, "items"):
            parts += _shares(used, name, cast("Mapping[Any, float]", target), notes)
        else:
            parts += _moments(used, name, target)
    return AggregateTargets(
        tuple(part.name for part in parts),
        tuple(part.variable for part in parts),
        np.array([part.is_spread for part in parts], dtype=np.bool_),
        np.array([part.is_level for part in parts], dtype=np.bool_),
        np.array([part.value for part in parts]),
        np.stack([part.scaled for part in parts], axis=1),
        np.array([part.goal for part in parts]),
        np.stack([part.raw for part in parts], axis=1),
        rows,
        dropped,
        tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Column:
    """One column with its target."""

    name: str
    variable: str
    value: float
    scaled: FloatArray
    goal: float
    raw: FloatArray
    is_spread: bool = False
    is_level: bool = False


def _moments(df: pd.DataFrame, name: str, target: object) -> list[_Column]:
    """Return the columns of a mean, and of a standard deviation if it is given."""
    parts = cast("tuple[object, ...]", target) if isinstance(target, tuple) else (target,)
    found = [_finite(name, part) for part in parts]
    if not 1 <= len(found) <= 2 or (len(found) == 2 and found[1] <= 0):
        raise InputError.of(
            f"targets[{name!r}]", required="a mean, or a mean and a positive standard deviation",
            got=", ".join(f"{one:g}" for one in found) or "nothing",
        )  # fmt: skip
    x = numbers(df, name, f"targets[{name!r}]")
    refuse_rows(df, np.isinf(x), "df", name, "finite", x)
    mean = found[0]
    low, high = float(x.min()), float(x.max())
    if not low <= mean <= high:
        percent = low >= 0 and high <= 1 < mean <= 100
        raise InputError.of(
            f"targets[{name!r}]",
            required=f"between the participants' {low:g} and {high:g}",
            got=f"{mean:g}",
            remedy="This looks like a percentage: divide by 100 (58 % is 0.58)." if percent else
            "No weights of the participants have such a mean: it lies outside their range.",
        )  # fmt: skip
    scale = float(x.std()) or 1.0
    z = (x - mean) / scale
    columns = [_Column(name, name, mean, z, 0.0, x)]
    if len(found) == 2:
        goal = (found[1] / scale) ** 2
        columns.append(_Column(f"{name} (sd)", name, found[1], z * z, goal, x, is_spread=True))
    return columns


def _finite(name: str, value: object) -> float:
    """Return a target as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise InputError.of(
            f"targets[{name!r}]",
            required="a mean, a mean and a standard deviation, or shares by level",
            got=repr(value),
        )
    number = float(cast("float", value))
    if not np.isfinite(number):
        raise InputError.of(f"targets[{name!r}]", required="finite", got=repr(number))
    return number


def _shares(
    df: pd.DataFrame, name: str, target: Mapping[Any, float], notes: list[str]
) -> list[_Column]:
    """Return an indicator column for each level."""
    wanted = {plain(level): _finite(name, share) for level, share in target.items()}
    total = sum(wanted.values())
    if abs(total - 1) > _ROUNDED or any(share < 0 for share in wanted.values()):
        raise InputError.of(
            f"targets[{name!r}]", required="shares that add up to 1", got=f"{total:g}",
            remedy="Divide percentages by 100 (58 % is 0.58)." if 98 <= total <= 102 else "",
        )  # fmt: skip
    if abs(total - 1) > 1e-9:
        notes.append(f"Shares of {name} add up to {total:g}: divided by their sum.")
    coded = labels(df[name])
    present = [coded.levels[i] for i in np.unique(coded.codes).tolist()]
    unseen = [level for level in present if level not in wanted]
    if unseen:
        raise InputError.of(
            "df",
            required=f"in levels that targets[{name!r}] has",
            got=f"{len(unseen)} levels that it has not",
            where=[f"{name}={level!r}" for level in unseen],
            remedy="Write the levels alike in both, or add what the targets lack.",
        )
    absent = [level for level, share in wanted.items() if share > 0 and level not in present]
    if absent:
        raise InputError.of(
            "df",
            required=f"with people in every level of targets[{name!r}]",
            got=f"{len(absent)} levels without",
            where=[f"{name}={level!r}" for level in absent],
            remedy="Nobody can stand for them: merge levels.",
        )
    columns: list[_Column] = []
    for level, share in wanted.items():
        own = (
            (coded.codes == coded.levels.index(level)).astype(np.float64)
            if level in present
            else np.zeros(len(df))
        )
        value = share / total
        columns.append(_Column(f"{name}={level}", name, value, own, value, own, is_level=True))
    return columns


def outside_hull(targets: AggregateTargets) -> list[str]:
    """Say which targets no weights can meet together, by linear programming.

    Parameters
    ----------
    targets : AggregateTargets
        The targets.

    Returns
    -------
    list of str
        Each target missed by the weights that come nearest (least sum of distances in standard
        deviations), with the nearest value; then the variables without which the others can be
        met. Empty if all can be met.
    """
    matrix = targets.matrix
    gaps = _gaps(matrix, targets.goal)
    missed = np.flatnonzero(np.abs(gaps) > _FEASIBLE)
    if not len(missed):
        return []
    said = [
        f"{targets.names[j]} {targets.values[j]:g}, {'at most' if gaps[j] < 0 else 'at least'} "
        f"{_in_units(targets, j, float(targets.goal[j] + gaps[j])):.4g} possible"
        for j in missed.tolist()
    ]
    variables = list(dict.fromkeys(targets.variables))
    if len(variables) > 1:
        for variable in variables:
            kept = np.array([one != variable for one in targets.variables])
            if np.abs(_gaps(matrix[:, kept], targets.goal[kept])).max() <= _FEASIBLE:
                said.append(f"possible without {variable}")
    return said


def _gaps(matrix: FloatArray, goal: FloatArray) -> FloatArray:
    """Return what is left to the targets by the weights that come nearest.

    The linear programme begins with the extreme rows of each column, and takes in rows as long as
    one has a negative reduced cost: few of a million rows ever matter.
    """
    from scipy import optimize

    solve = cast("Any", optimize).linprog
    p = matrix.shape[1]
    scale = np.maximum(matrix.std(axis=0), 1e-12)
    x, t = matrix / scale, np.append(goal / scale, 1.0)
    slack = np.concatenate([np.concatenate([-np.eye(p), np.eye(p)], axis=1), np.zeros((1, 2 * p))])
    chosen = np.unique(np.concatenate([x.argmin(axis=0), x.argmax(axis=0)]))
    while True:
        size = len(chosen)
        rows = np.concatenate([x[chosen].T, np.ones((1, size))])
        cost = np.concatenate([np.zeros(size), np.ones(2 * p)])
        solved = solve(
            cost, A_eq=np.concatenate([rows, slack], axis=1), b_eq=t, bounds=(0, None),
            method="highs",
        )  # fmt: skip
        price = np.asarray(solved.eqlin.marginals, dtype=np.float64)
        gain = x @ price[:p] + price[p]
        most = min(_ADDED, len(gain))
        better = np.setdiff1d(np.argpartition(-gain, most - 1)[:most], chosen)
        if not len(better) or gain[better].max() <= _NO_GAIN:
            above, below = solved.x[size : size + p], solved.x[size + p :]
            return np.asarray((above - below) * scale, dtype=np.float64)
        chosen = np.concatenate([chosen, better])


def _in_units(targets: AggregateTargets, column: int, value: float) -> float:
    """Return a value of a column's scale in the units of its target."""
    if targets.is_spread[column]:
        return float(targets.values[column] * np.sqrt(max(value, 0) / targets.goal[column]))
    x, z = targets.raw[:, column], targets.matrix[:, column]
    if float(np.ptp(z)) == 0:
        return float(x[0])
    slope = float(np.ptp(x) / np.ptp(z))
    return float(x[0] + (value - z[0]) * slope)
