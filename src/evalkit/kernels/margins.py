"""How margins hang together, and the cells that they leave no choice about.

Published margins form a graph: two variables are neighbours when a table crosses them. The graph
falls apart into cliques that meet in separators (:func:`junction_tree`). Often the margins leave no
choice about a clique's table (:func:`forced_cells`); where they do, it is chosen near
:func:`proportional_seed`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["Forced", "JunctionTree", "forced_cells", "junction_tree", "proportional_seed"]


@dataclass(frozen=True, slots=True)
class JunctionTree:
    """Cliques of the triangulated graph of margins, in an order that has running intersection.

    Attributes
    ----------
    cliques : tuple of tuple of int
        Variables of each clique, ascending.
    parents : tuple of int
        Index of the earlier clique that each clique hangs on; -1 for the first.
    separators : tuple of tuple of int
        Variables that each clique shares with everything before it.
    """

    cliques: tuple[tuple[int, ...], ...]
    parents: tuple[int, ...]
    separators: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Forced:
    """Cells that the margins leave no choice about.

    Attributes
    ----------
    table : ndarray of int, shape (n_cells,)
        The cell counts; -1 where the margins leave a choice.
    consistent : bool
        Whether no margin is contradicted.
    """

    table: IntArray
    consistent: bool


def junction_tree(sets: Sequence[Collection[int]]) -> JunctionTree:
    """Arrange sets of variables into a tree of cliques.

    Parameters
    ----------
    sets : sequence of collection of int
        The variables that each margin crosses.

    Returns
    -------
    JunctionTree
        If the margins are decomposable, its cliques are the largest of `sets`; otherwise the graph
        is triangulated, by eliminating the variable that adds the fewest edges first.

    Examples
    --------
    >>> junction_tree([{0, 1}, {1, 2}]).separators
    ((), (1,))
    >>> junction_tree([{0, 1}, {1, 2}, {0, 2}]).cliques
    ((0, 1, 2),)
    """
    graph: dict[int, set[int]] = {}
    for members in sets:
        for variable in members:
            graph.setdefault(variable, set()).update(set(members) - {variable})
    cliques: list[set[int]] = []
    while graph:
        chosen = min(graph, key=lambda v: (_missing_edges(graph, v), v))
        around = graph.pop(chosen)
        for variable in around:
            graph[variable] |= around - {variable}
            graph[variable].discard(chosen)
        if not any(around | {chosen} <= clique for clique in cliques):
            cliques.append(around | {chosen})
    waiting = sorted(tuple(sorted(clique)) for clique in cliques)
    order: list[tuple[int, ...]] = [waiting.pop(0)] if waiting else [()]
    parents, separators = [-1], [()]
    while waiting:
        # Prim's tree of the largest overlaps has running intersection.
        pairs = [(i, j) for i in range(len(order)) for j in range(len(waiting))]
        i, j = max(pairs, key=lambda pair: len(set(order[pair[0]]) & set(waiting[pair[1]])))
        new = waiting.pop(j)
        parents.append(i)
        separators.append(tuple(sorted(set(order[i]) & set(new))))
        order.append(new)
    return JunctionTree(tuple(order), tuple(parents), tuple(separators))


def _missing_edges(graph: dict[int, set[int]], variable: int) -> int:
    around = graph[variable]
    return sum(len(around - graph[other]) - 1 for other in around)


def forced_cells(A: IntArray, low: IntArray, high: IntArray) -> Forced:
    """Solve margins as far as each in turn leaves one unknown cell.

    Parameters
    ----------
    A : ndarray of int, shape (n_margins, n_cells)
        1 where a margin counts a cell, else 0.
    low, high : ndarray of int, shape (n_margins,)
        Bounds of each margin; equal where it is exact.

    Returns
    -------
    Forced
        The cells that follow; cells that no margin counts are 0.
    """
    table = np.where(A.any(axis=0), np.int64(-1), np.int64(0))
    exact = low == high
    while True:
        unknown = table < 0
        rows = np.flatnonzero((A @ unknown == 1) & exact)
        if rows.size == 0:
            break
        value = low[rows] - A[rows] @ np.where(unknown, 0, table)
        if (value < 0).any():
            return Forced(table, consistent=False)
        table[(A[rows] * unknown).argmax(axis=1)] = value
    settled = A @ (table < 0) == 0
    total = A @ np.maximum(table, 0)
    held = (total <= high) & ((total >= low) | ~settled)
    return Forced(table, consistent=bool(held.all()))


def proportional_seed(
    A: IntArray, low: IntArray, high: IntArray, *, max_sweeps: int = 200, tolerance: float = 1e-6
) -> FloatArray:
    """Fit margins by iterative proportional scaling, from a table of equal cells.

    Parameters
    ----------
    A : ndarray of int, shape (n_margins, n_cells)
        1 where a margin counts a cell, else 0.
    low, high : ndarray of int, shape (n_margins,)
        Bounds of each margin.
    max_sweeps : int, default 200
        Sweeps over all margins at most.
    tolerance : float, default 1e-6
        Largest change of a cell at which to stop.

    Returns
    -------
    ndarray of float, shape (n_cells,)
        A table near the margins, not whole and not exact; cells that no margin counts are 0.
    """
    x: FloatArray = np.asarray(A.any(axis=0), dtype=np.float64)
    members = [np.flatnonzero(row) for row in A]
    for _ in range(max_sweeps):
        before = x.copy()
        for cells, least, most in zip(members, low, high, strict=True):
            total = float(x[cells].sum())
            if total > 0:
                x[cells] *= min(max(total, least), most) / total
        if np.abs(x - before).max(initial=0.0) < tolerance:
            break
    return np.round(x, 6)
