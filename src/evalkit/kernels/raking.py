r"""Raking: weights in proportion to given ones whose totals by each margin equal targets.

Iterative proportional fitting [1]_ multiplies the weights by target over total, margin by margin,
until no total moves. The result is the start times a factor for each level of each margin, and of
all weights that meet the targets the one nearest to the start in
:math:`\sum_i \{w_i \log(w_i / d_i) - w_i + d_i\}` [2]_. Factors depend on a row's levels only, so
that rows are put together into cells first and the rounds cost what the cells cost.

References
----------
.. [1] Deming WE, Stephan FF (1940). On a least squares adjustment of a sampled frequency table
   when the expected marginal totals are known. Ann Math Stat 11:427-444.
   doi:10.1214/aoms/1177731829
.. [2] Deville J-C, Särndal C-E (1992). Calibration estimators in survey sampling. J Am Stat Assoc
   87:376-382. doi:10.1080/01621459.1992.10475217
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.numeric import binned
from evalkit.typing import FloatArray, IntArray

__all__ = ["Cells", "Raked", "cells_of", "rake_weights"]

_STUCK = 1e-13  # relative change of the gap that is none
_CELLS = 1 << 20  # cells, possible ones included, that are cheap to list


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows put together where they agree in every margin.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        Cell of each row.
    levels : tuple of ndarray of int, shape (C,)
        Level of each cell, one array for each margin.
    """

    index: IntArray
    levels: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True)
class Raked:
    """Raked weights, and how near they came.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        The weights.
    rounds : int
        Rounds over all margins.
    largest_gap : float
        Largest distance of a total from its target, as a share of the sum of the targets.
    converged : bool
        Whether that is within the tolerance.
    """

    weights: FloatArray
    rounds: int
    largest_gap: float
    converged: bool


def cells_of(codes: Sequence[IntArray], sizes: Sequence[int]) -> Cells:
    """Put rows together that agree in every margin.

    Parameters
    ----------
    codes : sequence of ndarray of int, shape (n,)
        Level of each row, 0, 1, ..., one array for each margin; at least one.
    sizes : sequence of int
        Number of levels of each margin.

    Returns
    -------
    Cells
        The cells that occur, in the order of their levels.
    """
    room = max(_CELLS, 4 * len(codes[0]))
    index = np.asarray(codes[0], dtype=np.int64)
    levels: tuple[IntArray, ...] = (np.arange(sizes[0]),)
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        if len(levels[0]) * size > room:
            index, levels = _occurring(index, levels)
        index = index * size + code
        count = len(levels[0])
        levels = (*(np.repeat(one, size) for one in levels), np.tile(np.arange(size), count))
    index, levels = _occurring(index, levels)
    return Cells(index, levels)


def _occurring(
    index: IntArray, levels: tuple[IntArray, ...]
) -> tuple[IntArray, tuple[IntArray, ...]]:
    """Keep the cells that have rows, in their order."""
    there = np.zeros(len(levels[0]), dtype=np.bool_)
    there[index] = True
    position = np.cumsum(there) - 1
    return position[index], tuple(one[there] for one in levels)


def rake_weights(
    start: FloatArray,
    codes: Sequence[IntArray],
    targets: Sequence[FloatArray],
    *,
    tolerance: float = 1e-10,
    max_rounds: int = 1000,
) -> Raked:
    """Rake weights to the totals of one or more margins.

    Parameters
    ----------
    start : ndarray of float, shape (n,)
        Weights to start from, at least 0.
    codes : sequence of ndarray of int, shape (n,)
        Level of each row, 0, 1, ..., one array for each margin; at least one.
    targets : sequence of ndarray of float, shape (levels,)
        Wanted totals of each margin, at least 0. All should have the same sum: totals cannot meet
        targets that contradict each other, and what remains is in ``largest_gap``.
    tolerance : float, default 1e-10
        Largest gap that counts as none, as a share of the sum of the targets.
    max_rounds : int, default 1000
        Rounds after which to give up.

    Returns
    -------
    Raked
        The weights. A level that has a target and no weight stays short of it; with levels that
        never occur together the targets may be out of reach altogether. ``converged`` is False
        then.

    Notes
    -----
    R: ``survey::rake``; ``survey::calibrate(calfun = "raking")`` reaches the same weights.

    Examples
    --------
    >>> women = np.array([0, 0, 0, 1])
    >>> raked = rake_weights(np.ones(4), [women], [np.array([2.0, 2.0])])
    >>> raked.weights.round(4).tolist(), raked.converged
    ([0.6667, 0.6667, 0.6667, 2.0], True)
    """
    wanted = [np.asarray(target, dtype=np.float64) for target in targets]
    cells = cells_of(codes, [len(target) for target in wanted])
    first = binned(cells.index, start, len(cells.levels[0]))
    weight = first.copy()
    whole = max(float(target.sum()) for target in wanted) or 1.0
    rounds, gap = 0, _gap(weight, cells, wanted) / whole
    while gap > tolerance and rounds < max_rounds:
        for level, target in zip(cells.levels, wanted, strict=True):
            total = binned(level, weight, len(target))
            weight *= np.divide(target, total, out=np.zeros_like(total), where=total > 0)[level]
        rounds += 1
        before, gap = gap, _gap(weight, cells, wanted) / whole
        if gap > tolerance and abs(before - gap) <= _STUCK * gap:
            break  # targets that cannot be met: further rounds go round in a circle
    factor = np.divide(weight, first, out=np.zeros_like(first), where=first > 0)
    return Raked(start * factor[cells.index], rounds, gap, bool(gap <= tolerance))


def _gap(weight: FloatArray, cells: Cells, wanted: Sequence[FloatArray]) -> float:
    """Return the largest distance of a total from its target."""
    return max(
        float(np.abs(binned(level, weight, len(target)) - target).max())
        for level, target in zip(cells.levels, wanted, strict=True)
    )
