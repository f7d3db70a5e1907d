"""Whole-number tables that honour margins, and the margins to suspect where none can.

Margins in a cycle and margins known within bounds need integer programming: the linear relaxation
is not whole, and rounding it breaks the margins. Margins that cannot hold together are located by
letting each give way. scipy is imported only when a program is solved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.errors import InputError
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Clash", "IntegerTable", "find_clash", "integer_table"]

_NODES = 20_000
# Among tables whose cells are the seed's rounded up or down, any will do.
_ANY: Any = {"node_limit": _NODES, "mip_rel_gap": 1e6}
# Elsewhere, to be near the seed is enough: to prove a table the nearest may take minutes.
_NEAR: Any = {"node_limit": _NODES, "mip_rel_gap": 1.0}
_NEAREST: Any = {"node_limit": _NODES}
_INFEASIBLE = 2

_Block = tuple[Any, Any, Any]
"""Coefficients and their lower and upper bounds."""


@dataclass(frozen=True, slots=True)
class IntegerTable:
    """A whole-number table that honours every margin.

    Attributes
    ----------
    table : ndarray of int, shape (n_cells,)
        The cell counts.
    distance : float
        Sum of absolute differences to the seed.
    """

    table: IntArray
    distance: float


@dataclass(frozen=True, slots=True)
class Clash:
    """Margins that cannot hold together.

    Attributes
    ----------
    rows : tuple of int
        Margins to suspect.
    excess : tuple of int
        For each of them, the published figure minus what the other margins need.
    alternatives : bool
        True if correcting any one of `rows` alone resolves the clash (with a single row, that row
        is the culprit); False if all of them must give way together.
    """

    rows: tuple[int, ...]
    excess: tuple[int, ...]
    alternatives: bool


def integer_table(
    A: IntArray, low: IntArray, high: IntArray, *, seed: FloatArray, links: IntArray | None = None
) -> IntegerTable | None:
    """Find a whole-number table near a seed that honours all margins.

    Parameters
    ----------
    A : ndarray of int, shape (n_margins, n_cells)
        1 where a margin counts a cell, else 0.
    low, high : ndarray of int, shape (n_margins,)
        Bounds of each margin; a rounded percentage is an interval.
    seed : ndarray of float, shape (n_cells,)
        The table to stay near: its cells are rounded up or down if that can be done; otherwise
        the sum of absolute differences to it is kept small.
    links : ndarray of int, shape (n_links, n_cells), optional
        Rows that must sum to 0, with 1 and -1.

    Returns
    -------
    IntegerTable or None
        None if no table of whole numbers honours the margins.

    Raises
    ------
    InputError
        If the search ends before it has found a table or shown that there is none.
    """
    from scipy.sparse import csr_array, eye_array

    n = A.shape[1]
    floor = np.floor(seed).astype(np.int64)
    below = A @ floor
    blocks: list[_Block] = [(csr_array(A), low - below, high - below)]
    if links is not None and len(links):
        gap = -(links @ floor)
        blocks.append((csr_array(links), gap, gap))
    up = _solve(1 - 2 * (seed - floor), blocks, whole=n, most=1, search=_ANY, must=False)
    if up is None:
        one = eye_array(n)
        margins = (_wide(A, 2 * n), low, high)
        # x - more + less = seed, and the cost is more + less.
        distance = (_side(one, -one, one), seed, seed)
        cost = np.concatenate([np.zeros(n), np.ones(2 * n)])
        whole = _solve(cost, [margins, distance, *_link_rows(links, 2 * n)], whole=n, search=_NEAR)
        if whole is None:
            return None
        table = np.rint(whole[:n]).astype(np.int64)
    else:
        table = floor + np.rint(up).astype(np.int64)
    total = A @ table
    if ((total < low) | (total > high)).any():
        raise InputError.of(
            "low, high", required="margins that the solver's precision can hold",
            got=f"a largest figure of {int(high.max(initial=0))}",
        )  # fmt: skip
    return IntegerTable(table, float(np.abs(table - seed).sum()))


def find_clash(
    A: IntArray, low: IntArray, high: IntArray, *, links: IntArray | None = None
) -> Clash | None:
    """Locate the margins that cannot hold together.

    Parameters
    ----------
    A : ndarray of int, shape (n_margins, n_cells)
        1 where a margin counts a cell, else 0.
    low, high : ndarray of int, shape (n_margins,)
        Bounds of each margin.
    links : ndarray of int, shape (n_links, n_cells), optional
        Rows that must sum to 0; they never give way.

    Returns
    -------
    Clash or None
        None if all hold together. Otherwise every margin that alone explains the clash - one if
        the other margins outvote it, several if the culprit cannot be told - or, where no single
        one does, margins that resolve it together with the least total change.
    """
    m = len(A)
    if m == 0:
        return None
    change, evidence = _give_way(A, low, high, links, np.arange(m))
    if change is None or not change.any():
        return None
    # A margin that alone explains the clash is in every proof that the margins contradict each
    # other, so only the rows of one such proof need to be tried.
    suspects: dict[int, int] = {}
    for row in np.flatnonzero(evidence):
        alone, _ = _give_way(A, low, high, links, np.array([row]))
        if alone is not None:
            suspects[int(row)] = int(alone[0])
    if suspects:
        return Clash(tuple(suspects), tuple(suspects.values()), alternatives=True)
    rows = np.flatnonzero(change)
    return Clash(tuple(rows.tolist()), tuple(change[rows].tolist()), alternatives=False)


def _give_way(
    A: IntArray, low: IntArray, high: IntArray, links: IntArray | None, rows: IntArray
) -> tuple[IntArray | None, BoolArray]:
    """Least change of the given rows that lets all margins hold, and which rows prove the need.

    The change is published minus needed; None if no change of these rows suffices.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, vstack

    m, n = A.shape
    k = rows.size
    slack = csr_array((np.ones(k), (rows, np.arange(k))), shape=(m, k))
    block = _side(csr_array(A), slack, -slack)
    cost = np.concatenate([np.zeros(n), np.ones(2 * k)])
    equal = _link_rows(links, 2 * k)
    whole = _solve(cost, [(block, low, high), *equal], whole=n)
    evidence = np.ones(m, dtype=np.bool_)
    if whole is None:
        return None, evidence
    change = np.rint(whole[n : n + k] - whole[n + k :]).astype(np.int64)
    if k == m and change.any():
        # The prices of the relaxed program are a proof of the contradiction, unless it is only
        # wholeness that stands in the way.
        relaxed: Any = linprog(
            cost,
            A_ub=vstack([block, -block]),
            b_ub=np.concatenate([high, -low]),
            A_eq=equal[0][0] if equal else None,
            b_eq=equal[0][1] if equal else None,
            method="highs",
        )
        if relaxed.fun > 1e-6:
            prices = np.abs(np.asarray(relaxed.ineqlin.marginals)).reshape(2, m)
            evidence = prices.max(axis=0) > 1e-7
    return change, evidence


def _side(*blocks: Any) -> Any:
    from scipy.sparse import hstack

    return hstack(blocks, format="csr")


def _wide(block: IntArray, more: int) -> Any:
    """Pad a block with columns of zeros."""
    from scipy.sparse import csr_array

    return _side(csr_array(block), csr_array((len(block), more)))


def _link_rows(links: IntArray | None, more: int) -> list[_Block]:
    if links is None or len(links) == 0:
        return []
    zero = np.zeros(len(links), dtype=np.int64)
    return [(_wide(links, more), zero, zero)]


def _solve(
    cost: FloatArray,
    blocks: Sequence[_Block],
    *,
    whole: int,
    most: float = np.inf,
    search: Any = _NEAREST,
    must: bool = True,
) -> FloatArray | None:
    """Run the integer program, variables from 0 to `most`, the first `whole` of them whole.

    None if there is no solution, or if none is found and none `must` be found.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    integrality = np.zeros(cost.size, dtype=np.int64)
    integrality[:whole] = 1
    result: Any = milp(
        cost,
        constraints=[LinearConstraint(*block) for block in blocks],
        integrality=integrality,
        bounds=Bounds(0, most),
        options=search,
    )
    if result.x is not None:
        return np.asarray(result.x, dtype=np.float64)
    if result.status == _INFEASIBLE or not must:
        return None
    raise InputError.of(
        "margins", required="an integer program that can be solved", got=str(result.message),
        remedy="Use fewer tables, or tables with fewer levels, at a time.",
    )  # fmt: skip
