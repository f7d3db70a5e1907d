r"""Rows that stay in risk sets after they have left, with weights that change over time.

A subdistribution hazard keeps who had a competing event at T in the later risk sets, at time t with
the weight :math:`G(t-)H(t-) / \{G(T-)H(T-)\}`. Since the weight is a factor of the row times a
factor of the time, sums over the rows are one more prefix sum over the times, and no row is ever
split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.numeric import binned
from evalkit.kernels.risk_sets import cumulate
from evalkit.typing import FloatArray, IntArray

__all__ = ["Carried"]


@dataclass(frozen=True, slots=True)
class Carried:
    """Rows that count again from some event time on, until their stratum's last.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        The rows, as positions among those given.
    start : ndarray of int, shape (m,)
        First event time at which each counts again.
    factor : ndarray of float, shape (m,)
        Factor of the row, its weight over G(T-)H(T-).
    group : ndarray of int, shape (m,)
        Row of ``kept`` that holds.
    kept : ndarray of float, shape (g, G)
        Factor of each event time, G(t-)H(t-), in each group.
    strata : ndarray of int, shape (J,)
        Where the event times of each stratum that has any begin.
    """

    rows: IntArray
    start: IntArray
    factor: FloatArray
    group: IntArray
    kept: FloatArray
    strata: IntArray

    def _groups(self) -> list[tuple[IntArray | slice, FloatArray]]:
        """Return the rows of each group, with the factors of the event times."""
        if len(self.kept) == 1:
            return [(slice(None), self.kept[0])]
        return [(np.flatnonzero(self.group == g), kept) for g, kept in enumerate(self.kept)]

    def sums(self, values: FloatArray) -> FloatArray:
        """Add the values of the rows up, at each event time.

        Parameters
        ----------
        values : ndarray of float, shape (k, m)
            Values of the rows, but for ``factor``.

        Returns
        -------
        ndarray of float, shape (k, G)
            The weighted sums.
        """
        size = self.kept.shape[1]
        result = np.zeros((len(values), size))
        for mine, kept in self._groups():
            start, factor = self.start[mine], self.factor[mine]
            joining = np.stack([binned(start, row[mine] * factor, size) for row in values])
            result += cumulate(joining, self.strata) * kept
        return result

    def spread(self, values: FloatArray) -> FloatArray:
        """Add the values of the event times up over those at which each row counts.

        Parameters
        ----------
        values : ndarray of float, shape (G,)
            Values of the event times.

        Returns
        -------
        ndarray of float, shape (m,)
            The weighted sums, ``factor`` included: the transpose of :meth:`sums`.
        """
        result = np.empty(len(self.rows))
        for mine, kept in self._groups():
            through = cumulate(values * kept, self.strata, backwards=True)
            result[mine] = self.factor[mine] * through[self.start[mine]]
        return result
