"""Whom a unit may be paired with, and how far away they are: strata, calipers, keeping apart.

Units of the focal group look for candidates of the other. Positions are ranks: of candidates that
are equally near, the one that comes first is the nearer. Distances on a line are differences of
scores, those in a space are Euclidean, and any others come as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["PairRules", "PairSpace", "no_rules"]

_SMALL = 1 << 15  # stratum numbers below this are sorted by radix
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class PairRules:
    """Which pairs are forbidden, whatever their distance.

    Attributes
    ----------
    apart_focal, apart_other : tuple of ndarray of int, shapes (n1,) and (n0,)
        Codes of variables on which a pair must differ.
    window_focal, window_other : tuple of ndarray of float, shapes (n1,) and (n0,)
        Variables on which a pair may not differ by more than a width.
    widths : tuple of float
        The widths.
    """

    apart_focal: tuple[IntArray, ...] = ()
    apart_other: tuple[IntArray, ...] = ()
    window_focal: tuple[FloatArray, ...] = ()
    window_other: tuple[FloatArray, ...] = ()
    widths: tuple[float, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is any rule."""
        return bool(self.apart_focal or self.widths)

    def allowed(self, focal: int, others: IntArray) -> BoolArray | None:
        """Say which candidates one unit may be paired with.

        Parameters
        ----------
        focal : int
            Position of the unit.
        others : ndarray of int, shape (k,)
            Positions of candidates.

        Returns
        -------
        ndarray of bool, shape (k,), or None
            The answer; None if there is no rule.
        """
        if not self.any:
            return None
        keep = np.ones(len(others), dtype=np.bool_)
        for mine, theirs in zip(self.apart_focal, self.apart_other, strict=True):
            keep &= theirs[others] != mine[focal]
        for mine, theirs, width in zip(
            self.window_focal, self.window_other, self.widths, strict=True
        ):
            keep &= np.abs(theirs[others] - mine[focal]) <= width
        return keep


def no_rules() -> PairRules:
    """Return no rules.

    Returns
    -------
    PairRules
        Everybody may be paired with everybody.
    """
    return PairRules()


@dataclass(frozen=True, eq=False)
class PairSpace:
    """Two groups, the distances between their members, and the pairs that are allowed.

    Attributes
    ----------
    focal : ndarray of float, shape (n1,), (n1, d) or (n1, n0)
        Scores, or points, of those who look for candidates; or the table of distances.
    other : ndarray of float, shape (n0,) or (n0, d), or None
        Scores or points of the candidates; None if ``focal`` is a table.
    stratum_focal, stratum_other : ndarray of int, shapes (n1,) and (n0,), or None
        Strata that pairs must share, numbered 0, 1, ...; None if there are none.
    caliper : float
        Largest distance allowed.
    rules : PairRules
        Other pairs that are forbidden.
    """

    focal: FloatArray
    other: FloatArray | None
    stratum_focal: IntArray | None = None
    stratum_other: IntArray | None = None
    caliper: float = np.inf
    rules: PairRules = field(default_factory=no_rules)

    @property
    def n_focal(self) -> int:
        """Number of those who look for candidates."""
        return len(self.focal)

    @property
    def n_other(self) -> int:
        """Number of candidates."""
        return self.focal.shape[1] if self.other is None else len(self.other)

    @property
    def on_a_line(self) -> bool:
        """Whether distances are differences of scores."""
        return self.focal.ndim == 1

    @cached_property
    def _key(self) -> tuple[FloatArray, FloatArray, float] | None:
        """Focal and other values on a line whose difference is bounded, and the bound."""
        if self.on_a_line and self.other is not None:
            return self.focal, self.other, self.caliper
        if self.rules.widths:
            return self.rules.window_focal[0], self.rules.window_other[0], self.rules.widths[0]
        return None

    @cached_property
    def order(self) -> IntArray:
        """Candidates by stratum, then by score or first window variable, then by position."""
        found = np.arange(self.n_other, dtype=np.int64)
        if self._key is not None:
            found = _sorted_places(self._key[1])
        if self.stratum_other is not None:
            codes = self.stratum_other[found]
            if len(codes) and codes.max() < _SMALL:
                codes = codes.astype(np.int16)
            found = found[np.argsort(codes, kind="stable")]
        return found

    @cached_property
    def bounds(self) -> tuple[IntArray, IntArray]:
        """Where in ``order`` each focal unit's stratum begins and ends."""
        n1, n0 = self.n_focal, self.n_other
        if self.stratum_focal is None or self.stratum_other is None:
            return np.zeros(n1, dtype=np.int64), np.full(n1, n0, dtype=np.int64)
        size = 1 + int(max(self.stratum_focal.max(initial=-1), self.stratum_other.max(initial=-1)))
        counts = np.bincount(self.stratum_other, minlength=size)
        last = np.cumsum(counts)
        return (last - counts)[self.stratum_focal], last[self.stratum_focal]

    @cached_property
    def _sorted_key(self) -> FloatArray:
        """The key of the candidates in their order."""
        return np.empty(0) if self._key is None else self._key[1][self.order]

    def row(self, focal: int) -> tuple[IntArray, FloatArray]:
        """Return everybody whom one unit may be paired with.

        Parameters
        ----------
        focal : int
            Position of the unit.

        Returns
        -------
        others : ndarray of int, shape (k,)
            Positions of the candidates.
        distances : ndarray of float, shape (k,)
            Their distances.
        """
        first, last = int(self.bounds[0][focal]), int(self.bounds[1][focal])
        if self._key is not None and np.isfinite(self._key[2]):
            at, width = float(self._key[0][focal]), self._key[2]
            width += _SLACK * (abs(at) + width)  # the exact comparison comes below
            part = self._sorted_key[first:last]
            begin = int(np.searchsorted(part, at - width, "left"))
            last = first + int(np.searchsorted(part, at + width, "right"))
            first += begin
        others = self.order[first:last]
        if self.rules.any:
            keep = self.rules.allowed(focal, others)
            others = others if keep is None else others[keep]
        distances = self.distances(focal, others)
        if np.isfinite(self.caliper) or self.other is None:
            near = distances <= self.caliper
            if self.other is None:  # a table may say that a pair is impossible
                near &= np.isfinite(distances)
            if not near.all():
                others, distances = others[near], distances[near]
        return others, distances

    def distances(self, focal: int, others: IntArray) -> FloatArray:
        """Return the distances between one unit and some candidates.

        Parameters
        ----------
        focal : int
            Position of the unit.
        others : ndarray of int, shape (k,)
            Positions of candidates.

        Returns
        -------
        ndarray of float, shape (k,)
            The distances.
        """
        if self.other is None:
            return self.focal[focal, others]
        if self.on_a_line:
            return np.abs(self.other[others] - self.focal[focal])
        moved = self.other[others] - self.focal[focal]
        return np.sqrt(np.einsum("ij,ij->i", moved, moved))

    def pair_distances(self, focal: IntArray, others: IntArray) -> FloatArray:
        """Return the distances of pairs.

        Parameters
        ----------
        focal, others : ndarray of int, shape (m,)
            Positions of the members of each pair.

        Returns
        -------
        ndarray of float, shape (m,)
            The distances.
        """
        if self.other is None:
            return self.focal[focal, others]
        if self.on_a_line:
            return np.abs(self.other[others] - self.focal[focal])
        moved = self.other[others] - self.focal[focal]
        return np.sqrt(np.einsum("ij,ij->i", moved, moved))


def _sorted_places(values: FloatArray) -> IntArray:
    """Sort floats, equal ones by position: faster than a stable sort where few are equal."""
    order = np.argsort(values)
    same = np.diff(values[order]) == 0
    if same.any():
        tied = np.append(same, False)
        tied[1:] |= same
        run = np.cumsum(np.append(True, ~same))[tied]
        part = order[tied]
        order[tied] = part[np.lexsort((part, run))]
    return order
