"""The units of a trial as they were randomised, for tests that randomise them anew.

Units are put into an order of their own (strata, then outcomes), so that a seed gives the same
result whatever the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import labels, plain, rows_where
from evalkit.errors import InputError
from evalkit.kernels.assignment import minimise
from evalkit.kernels.permutation import Draws, MatrixDraws, UrnDraws, Urns, enumerate_urns
from evalkit.trials.allocation_log import Allocation
from evalkit.trials.sample_checks import warn, without_one_armed_strata
from evalkit.trials.trial_sample import TrialSample
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Pair",
    "comparable",
    "draw_pair",
    "group_codes",
    "pair_of_arms",
    "shown_number",
]

_EXACT_DIGITS = 8.3  # of assignments times units that are listed at most


@dataclass(frozen=True, eq=False)
class Pair:
    """An arm and the control arm.

    Attributes
    ----------
    urns : Urns
        The units, and within which of them labels can change places.
    rows : ndarray of int, shape (m,)
        Rows of the sample, sorted by unit.
    unit : ndarray of int, shape (m,)
        Unit of each of these rows.
    whole : bool
        Whether units are clusters.
    log : ndarray of int, shape (G,), or None
        Position of each unit in the allocation log, if assignments are drawn by minimisation.
    """

    urns: Urns
    rows: IntArray
    unit: IntArray
    whole: bool
    log: IntArray | None


def group_codes(df: pd.DataFrame, names: Sequence[str], rows: IntArray) -> IntArray:
    """Code the combinations of columns that occur in some rows.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    names : sequence of str
        Columns without missing values; none for one group of all.
    rows : ndarray of int, shape (n,)
        Rows of the frame.

    Returns
    -------
    ndarray of int, shape (n,)
        Codes 0, 1, ...
    """
    codes = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        column = labels(df[name])
        codes = codes * len(column.levels) + column.codes[rows]
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return codes


def comparable(sample: TrialSample, Y: FloatArray) -> tuple[TrialSample, FloatArray]:
    """Leave out strata that hold no comparison, with a warning that names them.

    Parameters
    ----------
    sample : TrialSample
        The trial.
    Y : ndarray of float, shape (n, J)
        Its outcomes; NaN where missing.

    Returns
    -------
    sample : TrialSample
        The rows of strata that have the control arm and another.
    Y : ndarray of float, shape (m, J)
        Their outcomes.

    Raises
    ------
    evalkit.errors.InputError
        If no stratum has, or an arm loses all its rows.
    """
    kept = without_one_armed_strata(sample)
    return kept, Y[np.isin(sample.rows, kept.rows)]


def _rows_of_pair(sample: TrialSample, arm: int) -> IntArray:
    """Return the rows of an arm and the control arm, in strata that have both."""
    rows = np.flatnonzero((sample.arm == arm) | (sample.arm == 0))
    if sample.strata is None:
        return rows
    cells = np.zeros((len(sample.strata_levels), 2), dtype=np.int64)
    np.add.at(cells, (sample.strata[rows], (sample.arm[rows] == arm).astype(np.int64)), 1)
    both: BoolArray = (cells[:, 0] > 0) & (cells[:, 1] > 0)
    lacking = np.flatnonzero((cells.sum(axis=1) > 0) & ~both)
    if not len(lacking):
        return rows
    contrast, named = sample.contrasts[arm - 1], [repr(sample.strata_levels[s]) for s in lacking]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    warn(
        f"strata: {int(cells[lacking].sum())} rows left out of {contrast}, of strata that lack "
        f"one of the two arms: {', '.join(named[:5])}{more}"
    )
    return rows[both[sample.strata[rows]]]


def pair_of_arms(
    df: pd.DataFrame,
    sample: TrialSample,
    Y: FloatArray,
    arm: int,
    block: IntArray,
    position: IntArray | None,
) -> Pair:
    """Collect the units of one arm and the control arm.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame, to name rows.
    sample : TrialSample
        The trial.
    Y : ndarray of float, shape (n, J)
        Outcomes.
    arm : int
        Code of the arm.
    block : ndarray of int, shape (n,)
        Blocks, within which labels stay.
    position : ndarray of int, shape (n,), or None
        Position of each row's unit in the allocation log.

    Returns
    -------
    Pair
        The units.

    Raises
    ------
    evalkit.errors.InputError
        If a cluster has rows of several arms, strata or blocks.

    Warns
    -----
    TrialWarning
        If strata have only one of the two arms: their rows are left out.
    """
    rows = _rows_of_pair(sample, arm)
    z = (sample.arm[rows] == arm).astype(np.int64)
    stratum = np.zeros(len(rows), dtype=np.int64)
    if sample.strata is not None:
        stratum = np.unique(sample.strata[rows], return_inverse=True)[1].astype(np.int64)
    # An order that the rows' own does not matter for, down to rows alike in all that is used.
    keys = [*sample.matrix[rows].T, z, *Y[rows].T, block[rows], stratum]
    first = np.lexsort(keys)
    rows, z, stratum = rows[first], z[first], stratum[first]
    unit, head = np.arange(len(rows)), np.arange(len(rows))
    if sample.cluster is not None:
        unit = _cluster_order(sample.cluster[rows], stratum, block[rows], z, Y[rows])
        order = np.argsort(unit, kind="stable")
        rows, z, stratum, unit = rows[order], z[order], stratum[order], unit[order]
        head = np.flatnonzero(np.diff(unit, prepend=-1))
        _refuse_mixed(df, sample, rows, head[unit], {"arm": z, "strata": stratum}, block)
    urns = Urns.of(z[head] == 1, stratum[head], block[rows[head]])
    log = None if position is None else position[rows[head]]
    return Pair(urns, rows, unit, sample.cluster is not None, log)


def _cluster_order(
    cluster: IntArray, stratum: IntArray, block: IntArray, z: IntArray, Y: FloatArray
) -> IntArray:
    """Number the clusters by stratum, block and what is in them."""
    codes = np.unique(cluster, return_inverse=True)[1]
    n = int(codes.max()) + 1
    size = np.bincount(codes, minlength=n)
    keys = [size]
    for y in Y.T:
        there = np.nan_to_num(y)
        keys += [np.bincount(codes, weights=there**p, minlength=n) for p in (3, 2, 1)]
    head = np.full(n, len(codes))
    np.minimum.at(head, codes, np.arange(len(codes)))
    order = np.lexsort([*keys, z[head], block[head], stratum[head]])
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    return rank[codes]


def _refuse_mixed(
    df: pd.DataFrame,
    sample: TrialSample,
    rows: IntArray,
    head: IntArray,
    codes: Mapping[str, IntArray],
    block: IntArray,
) -> None:
    """Refuse clusters that were not randomised whole."""
    for name, values in {**codes, "blocks": block[rows]}.items():
        wrong = values != values[head]
        if wrong.any():
            mask = np.zeros(len(df), dtype=np.bool_)
            mask[sample.rows[rows[wrong]]] = True
            raise InputError.of(
                name,
                required="the same in all rows of a cluster",
                got=f"{len(np.unique(head[wrong]))} clusters with several",
                where=rows_where(df, mask),
                remedy="Clusters are randomised whole; leave cluster out if persons were.",
            )


def draw_pair(
    pair: Pair,
    design: Allocation | None,
    n_permutations: int,
    exact: bool | None,
    rng: np.random.Generator,
) -> tuple[Draws, bool]:
    """List or draw the assignments that could have come out.

    Parameters
    ----------
    pair : Pair
        The units.
    design : Allocation or None
        The allocation, which matters here if it was by minimisation.
    n_permutations : int
        Random assignments to draw.
    exact : bool or None
        List all; None lists them if they are at most ``n_permutations``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    draws : Draws
        The assignments.
    complete : bool
        Whether they are all there are.

    Raises
    ------
    evalkit.errors.InputError
        If all are asked for, and there are too many or no list of them.
    """
    if pair.log is not None and design is not None:
        if exact:
            raise InputError.of(
                "exact", required="None or False after minimisation", got="True",
                remedy="Its assignments are not equally likely, and are drawn at random.",
            )  # fmt: skip
        factors = np.column_stack([labels(design.log[name]).codes for name in design.strata])
        certainty = float(str(design.settings["certainty"]))
        drawn = minimise(factors, 2, certainty, n_permutations, rng)
        control = _minimised_code(pair, design)
        return MatrixDraws(drawn[:, pair.log] != control, pair.urns.stratum), False
    digits = pair.urns.log10_assignments
    listable = digits + np.log10(len(pair.urns.assigned)) <= _EXACT_DIGITS
    if exact and not listable:
        raise InputError.of(
            "exact",
            required=f"None or False with so many assignments as {shown_number(pair.urns)}",
            got="True",
            remedy="Random assignments give a valid test too.",
        )
    if exact or (exact is None and listable and pair.urns.n_assignments <= n_permutations):
        return enumerate_urns(pair.urns), True
    return UrnDraws(pair.urns, n_permutations, rng), False


def _minimised_code(pair: Pair, design: Allocation) -> int:
    """Return the number that the control arm had in the allocation."""
    at = np.flatnonzero(~pair.urns.assigned)[0]
    label = plain(design.log["arm"].to_numpy()[pair.log[at] if pair.log is not None else at])
    return [plain(name) for name in design.arms].index(label)


def shown_number(urns: Urns) -> str:
    """Write how many assignments there are, however many.

    Parameters
    ----------
    urns : Urns
        The units.

    Returns
    -------
    str
        In full up to a million, as a power of ten beyond.
    """
    digits = urns.log10_assignments
    if digits <= 6:
        return f"{urns.n_assignments:,}".replace(",", " ")
    return f"about 10^{digits:.0f}"
