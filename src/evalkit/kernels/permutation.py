"""Assignments drawn or listed anew as they could have come out, and sums over those assigned.

Units (persons or clusters) lie in urns: strata, blocks of strata, or one urn for all. Every
arrangement of an urn's labels was equally likely, given how many units of it were assigned. Where
assignments do not come from urns (minimisation), they are given as a matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Protocol

import numpy as np
from scipy import special

from evalkit.kernels.subset_draws import all_subsets, draw_subsets, subset_sums
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Draws", "MatrixDraws", "UrnDraws", "Urns", "enumerate_urns"]

_CELLS = 1 << 22  # of a matrix of floats held at a time


@dataclass(frozen=True, slots=True)
class Urns:
    """Within which units labels can change places.

    Attributes
    ----------
    assigned : ndarray of bool, shape (G,)
        Whether a unit is in the arm (and not in the control arm).
    stratum : ndarray of int, shape (G,)
        Strata over which sums are taken apart, 0 to S - 1.
    members : tuple of (int, ndarray of int)
        For every urn its stratum, and its units.
    """

    assigned: BoolArray
    stratum: IntArray
    members: tuple[tuple[int, IntArray], ...]

    @classmethod
    def of(cls, assigned: BoolArray, stratum: IntArray, urn: IntArray) -> Urns:
        """Collect the units of every urn.

        Parameters
        ----------
        assigned : ndarray of bool, shape (G,)
            Whether a unit is in the arm.
        stratum : ndarray of int, shape (G,)
            Strata, 0 to S - 1.
        urn : ndarray of int, shape (G,)
            Urns; an urn that lies in several strata is cut at their borders.

        Returns
        -------
        Urns
            The urns.
        """
        order = np.lexsort((urn, stratum))
        new = (np.diff(stratum[order]) != 0) | (np.diff(urn[order]) != 0)
        parts = np.split(order, np.flatnonzero(new) + 1)
        return cls(assigned, stratum, tuple((int(stratum[p[0]]), p) for p in parts))

    @property
    def n_strata(self) -> int:
        """Number of strata, S."""
        return int(self.stratum.max()) + 1

    @property
    def log10_assignments(self) -> float:
        """The logarithm to base 10 of how many assignments there are, all equally likely."""
        sizes = np.array([len(units) for _, units in self.members], dtype=np.float64)
        chosen = np.array([self.assigned[units].sum() for _, units in self.members])
        logs = [special.gammaln(k + 1) for k in (sizes, chosen, sizes - chosen)]
        return float((logs[0] - logs[1] - logs[2]).sum() / np.log(10))

    @property
    def n_assignments(self) -> int:
        """How many assignments there are; slow where they are very many."""
        product = 1
        for _, units in self.members:
            product *= comb(len(units), int(self.assigned[units].sum()))
        return product


class Draws(Protocol):
    """Assignments that could have come out."""

    @property
    def n_draws(self) -> int:
        """Number of assignments, R."""
        ...

    def sums(self, columns: FloatArray, stratum: int) -> FloatArray:
        """Sum columns, shape (G, k), over the units of a stratum that are assigned: (R, k)."""
        ...

    def matrices(self, n_rows: int) -> Iterator[BoolArray]:
        """Go through the assignments in parts, shape (r, G), small enough for n_rows columns."""
        ...


class UrnDraws:
    """Independent random assignments from urns.

    The same draws can be gone through once: by all strata in turn, or by all matrices.

    Parameters
    ----------
    urns : Urns
        The urns.
    n_draws : int
        Number of assignments, R.
    rng : numpy.random.Generator
        Source of randomness.
    """

    def __init__(self, urns: Urns, n_draws: int, rng: np.random.Generator) -> None:
        self.urns = urns
        self.n_draws = n_draws
        self.rng = rng
        self._of: list[list[IntArray]] = [[] for _ in range(urns.n_strata)]
        for stratum, units in urns.members:
            self._of[stratum].append(units)

    def sums(self, columns: FloatArray, stratum: int) -> FloatArray:
        """Sum columns over the units of a stratum that are assigned.

        Parameters
        ----------
        columns : ndarray of float, shape (G, k)
            The columns, by unit.
        stratum : int
            The stratum; each can be asked for once.

        Returns
        -------
        ndarray of float, shape (R, k)
            The sums, a row for each assignment.
        """
        total = np.zeros((self.n_draws, columns.shape[1]))
        for units in self._of[stratum]:
            size = int(self.urns.assigned[units].sum())
            total += subset_sums(columns[units], size, self.n_draws, self.rng)
        return total

    def matrices(self, n_rows: int) -> Iterator[BoolArray]:
        """Go through the assignments in parts.

        Parameters
        ----------
        n_rows : int
            Rows of the data that a part is to be multiplied with.

        Yields
        ------
        ndarray of bool, shape (r, G)
            Whether a unit is assigned.
        """
        step = max(_CELLS // max(n_rows, 1), 1)
        for start in range(0, self.n_draws, step):
            size = min(step, self.n_draws - start)
            part = np.zeros((size, len(self.urns.assigned)), dtype=np.bool_)
            for _, units in self.urns.members:
                wanted = int(self.urns.assigned[units].sum())
                part[:, units] = draw_subsets(len(units), wanted, size, self.rng)
            yield part


class MatrixDraws:
    """Assignments that are there as a matrix: all that are possible, or drawn one by one.

    Parameters
    ----------
    assigned : ndarray of bool, shape (R, G)
        Whether a unit is assigned.
    stratum : ndarray of int, shape (G,)
        Strata over which sums are taken apart.
    """

    def __init__(self, assigned: BoolArray, stratum: IntArray) -> None:
        self.assigned = assigned
        self.n_draws = len(assigned)
        self._stratum = stratum

    def sums(self, columns: FloatArray, stratum: int) -> FloatArray:
        """Sum columns over the units of a stratum that are assigned.

        Parameters
        ----------
        columns : ndarray of float, shape (G, k)
            The columns, by unit.
        stratum : int
            The stratum.

        Returns
        -------
        ndarray of float, shape (R, k)
            The sums, a row for each assignment.
        """
        units = np.flatnonzero(self._stratum == stratum)
        values = columns[units]
        parts = [part[:, units].astype(np.float64) @ values for part in self.matrices(len(units))]
        return np.concatenate(parts)

    def matrices(self, n_rows: int) -> Iterator[BoolArray]:
        """Go through the assignments in parts.

        Parameters
        ----------
        n_rows : int
            Rows of the data that a part is to be multiplied with.

        Yields
        ------
        ndarray of bool, shape (r, G)
            Whether a unit is assigned.
        """
        step = max(_CELLS // max(n_rows, 1), 1)
        for start in range(0, self.n_draws, step):
            yield self.assigned[start : start + step]


def enumerate_urns(urns: Urns) -> MatrixDraws:
    """List every assignment that the urns could have given.

    Parameters
    ----------
    urns : Urns
        The urns; see ``n_assignments`` for how many there will be.

    Returns
    -------
    MatrixDraws
        All assignments, the one that came out among them.
    """
    n = urns.n_assignments
    listed = np.zeros((n, len(urns.assigned)), dtype=np.bool_)
    each = n
    for _, units in urns.members:
        subsets = all_subsets(len(units), int(urns.assigned[units].sum()))
        each //= len(subsets)
        number = np.arange(n) // each % len(subsets)
        listed[:, units] = subsets[number]
    return MatrixDraws(listed, urns.stratum)
