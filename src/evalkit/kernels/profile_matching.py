"""The largest samples whose covariate means agree, by integer programming.

Cardinality matching keeps as many of both groups as their means allow [1]_; profile matching keeps
as many as have the means of a given profile [2]_. Rows with the same covariates are one integer
variable.

References
----------
.. [1] Zubizarreta JR, Paredes RD, Rosenbaum PR (2014). Matching for balance, pairing for
   heterogeneity in an observational study of the effectiveness of for-profit and not-for-profit
   high schools in Chile. Ann Appl Stat 8:204-231. doi:10.1214/13-AOAS713
.. [2] Cohn ER, Zubizarreta JR (2022). Profile matching for the generalization and personalization
   of causal inferences. Epidemiology 33:678-688. doi:10.1097/EDE.0000000000001517
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Subset", "cardinality_match", "profile_match"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Subset:
    """Rows that were chosen.

    Attributes
    ----------
    chosen : ndarray of bool, shape (n,)
        Whether the row was chosen.
    optimal : bool
        Whether it was proved that no more could be.
    bound : float
        No choice has more rows than this.
    """

    chosen: BoolArray
    optimal: bool
    bound: float


def cardinality_match(
    matrix: FloatArray,
    treated: BoolArray,
    tolerance: FloatArray,
    *,
    ratio: int = 1,
    seconds: float = 60.0,
) -> Subset | None:
    r"""Choose as many rows as possible so that the means of the two groups agree.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    treated : ndarray of bool, shape (n,)
        The two groups.
    tolerance : ndarray of float, shape (p,)
        Largest difference of means allowed, in the units of the covariates.
    ratio : int, default 1
        Controls for each treated row.
    seconds : float, default 60.0
        Time after which the best choice so far is taken.

    Returns
    -------
    Subset or None
        The choice; None if none was found in time. R:
        ``matchit(method = "cardinality", ratio = ratio)``.

    Notes
    -----
    With counts z of cells, :math:`|\sum_1 z x / m - \sum_0 z x / (rm)| \le \tau` is multiplied by
    the number m of treated rows, which makes it linear.

    Examples
    --------
    >>> x = np.array([[0.0], [1], [0], [0], [5]])
    >>> found = cardinality_match(x, np.array([1, 1, 0, 0, 0], bool), np.array([0.5]))
    >>> found.chosen.tolist()
    [True, True, True, True, False]
    """
    cells = [_cells(matrix, treated), _cells(matrix, ~treated)]
    ones, zeros = len(cells[0].counts), len(cells[1].counts)
    difference = np.hstack([cells[0].points.T, -cells[1].points.T / ratio])
    slack = np.hstack(
        [np.repeat(tolerance[:, None], ones, axis=1), np.zeros((len(tolerance), zeros))]
    )
    equal = np.concatenate([np.full(ones, float(ratio)), -np.ones(zeros)])
    rows = np.vstack([difference - slack, -difference - slack, equal, -equal])
    return _solve(cells, rows, len(treated), seconds)


def profile_match(
    matrix: FloatArray,
    rows: BoolArray,
    target: FloatArray,
    tolerance: FloatArray,
    *,
    seconds: float = 60.0,
) -> Subset | None:
    """Choose as many rows of one group as possible whose means are those of a profile.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    rows : ndarray of bool, shape (n,)
        Rows that may be chosen.
    target, tolerance : ndarray of float, shape (p,)
        The profile, and how far the means may be from it, in the units of the covariates.
    seconds : float, default 60.0
        Time after which the best choice so far is taken.

    Returns
    -------
    Subset or None
        The choice; None if none was found in time. R: ``matchit(method = "cardinality", ratio =
        NA)``.

    Examples
    --------
    >>> x = np.array([[0.0], [1], [2], [3], [9]])
    >>> found = profile_match(x, np.ones(5, bool), np.array([2.0]), np.array([0.5]))
    >>> found.chosen.tolist()
    [True, True, True, True, False]
    """
    cells = [_cells(matrix, rows)]
    away = cells[0].points.T - target[:, None]
    limits = np.vstack([away - tolerance[:, None], -away - tolerance[:, None]])
    return _solve(cells, limits, len(rows), seconds)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Distinct points, (k, p), how many rows have each, and those rows one cell after another."""

    points: FloatArray
    counts: IntArray
    order: IntArray


def _cells(matrix: FloatArray, rows: BoolArray) -> _Cells:
    """Collapse some rows to their distinct points."""
    which = np.flatnonzero(rows)
    points, inverse, counts = np.unique(
        matrix[which], axis=0, return_inverse=True, return_counts=True
    )
    return _Cells(points, counts, which[np.argsort(inverse.ravel(), kind="stable")])


def _solve(cells: Sequence[_Cells], rows: FloatArray, n: int, seconds: float) -> Subset | None:
    """Choose the most rows so that linear combinations of the cells' counts are at most 0."""
    from scipy import optimize

    counts = np.concatenate([c.counts for c in cells])
    size = np.abs(rows).max(axis=1)
    scaled = rows[size > 0] / size[size > 0, None]
    solver: Any = optimize
    answer = solver.milp(
        -np.ones(len(counts)),
        integrality=np.ones(len(counts)),
        bounds=solver.Bounds(0, counts.astype(np.float64)),
        constraints=solver.LinearConstraint(scaled, -np.inf, np.full(len(scaled), _ROUNDING)),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return None
    picked: IntArray = np.asarray(np.round(answer.x), dtype=np.int64)
    chosen = np.zeros(n, dtype=np.bool_)
    at = 0
    for cell in cells:
        mine = picked[at : at + len(cell.counts)]
        at += len(mine)
        place = np.arange(len(cell.order)) - np.repeat(
            np.cumsum(cell.counts) - cell.counts, cell.counts
        )
        chosen[cell.order[place < np.repeat(mine, cell.counts)]] = True
    bound = float(-answer.mip_dual_bound) if answer.mip_dual_bound is not None else np.inf
    return Subset(chosen, bool(answer.status == 0), bound)
