r"""The probabilities of not being censored and of having entered, as weights need them.

Rows stand on the grid of :func:`evalkit.kernels.time_index.index_times`. At one and the same time
events come first, then censorings, then entries: whoever has the event at t is no longer there to
be censored at t. With :math:`c_k` censored and :math:`r_k` at risk of censoring at time k,

.. math:: G(t) = \prod_{t_k \le t} (1 - c_k / r_k), \qquad
    H(t) = \prod_{d > t} (1 - e_d / q_d),

where :math:`e_d` rows enter at time d and :math:`q_d` have entered and not left by then: H is the
Kaplan-Meier estimate in reversed time of the probability of having entered by t [1]_.

References
----------
.. [1] Geskus RB (2011). Cause-specific cumulative incidence estimation and the Fine and Gray model
   under both left truncation and right censoring. Biometrics 67:39-49.
   doi:10.1111/j.1541-0420.2010.01420.x
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.time_index import TimeIndex
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["CensoringCurve", "censoring_curve", "entry_before"]

_NOBODY = 1e-13  # shares below this are rounding errors of 0


@dataclass(frozen=True, slots=True)
class CensoringCurve:
    """The probability G of not being censored, on a grid of K times.

    Attributes
    ----------
    before : ndarray of float, shape (K + 1,)
        G just before each time of the grid, G(t-); the last entry is G after all of them.
    at_risk : ndarray of float, shape (K,)
        Weight at risk of being censored at each time.
    censored : ndarray of float, shape (K,)
        Weight censored at each time.
    """

    before: FloatArray
    at_risk: FloatArray
    censored: FloatArray

    def between(self, first: IntArray, last: IntArray) -> FloatArray:
        """Probability of staying uncensored over a stretch of the grid.

        Parameters
        ----------
        first, last : ndarray of int, shape (m,)
            The stretch holds the times ``first <= k < last``.

        Returns
        -------
        ndarray of float, shape (m,)
            The probabilities; also right after times at which all were censored.
        """
        some = self.at_risk > 0
        kept = np.ones(len(self.at_risk))
        kept[some] = 1 - self.censored[some] / self.at_risk[some]
        lost = kept < _NOBODY
        product = np.concatenate([[1.0], np.cumprod(np.where(lost, 1.0, kept))])
        ends = np.concatenate([[0], np.cumsum(lost)])
        return np.where(ends[last] == ends[first], product[last] / product[first], 0.0)


def _sums(
    grid: TimeIndex, rows: BoolArray | None, weights: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Weight that leaves at each time (K,), and that enters after so many of them (K,)."""
    size = len(grid.times)
    index, entered = grid.index, grid.entered
    if rows is not None:
        index = index[rows]
        entered = None if entered is None else entered[rows]
        weights = None if weights is None else weights[rows]
    leaving = np.bincount(index, weights, minlength=size).astype(np.float64)
    if entered is None:
        entering = np.zeros(size)
        entering[:1] = leaving.sum()
    else:
        # Nobody enters after the last exit: entries lie before exits.
        entering = np.bincount(entered, weights, minlength=size).astype(np.float64)
    return leaving, entering


def _at_risk(leaving: FloatArray, entering: FloatArray) -> FloatArray:
    """Weight at risk at each time, from what enters before and what leaves after it."""
    before = np.cumsum(entering, dtype=np.longdouble)
    gone = np.concatenate([[0], np.cumsum(leaving, dtype=np.longdouble)[:-1]])
    left = np.asarray(before - gone, dtype=np.float64)
    return np.where(left <= _NOBODY * leaving.sum(), 0.0, left)


def censoring_curve(
    grid: TimeIndex,
    event: BoolArray,
    censored: BoolArray,
    *,
    weights: FloatArray | None = None,
    rows: BoolArray | None = None,
    events_first: bool = True,
) -> CensoringCurve:
    """Estimate the probability of not being censored.

    Parameters
    ----------
    grid : TimeIndex
        Where the n rows enter and leave.
    event, censored : ndarray of bool, shape (n,)
        Whether a row ends in an event, of whatever cause, or in censoring. A row that is neither
        is continued by another row.
    weights : ndarray of float, shape (n,), optional
        Weights of the rows, 1 if left out.
    rows : ndarray of bool, shape (n,), optional
        The rows to use; all if left out.
    events_first : bool, default True
        Whether events at the time of a censoring have left the risk set of the censorings, as in
        R's ``survival::finegray``, or not, as in ``cmprsk::crr``.

    Returns
    -------
    CensoringCurve
        The curve. It stays 0 after a time at which everybody at risk was censored.

    Examples
    --------
    >>> from evalkit.kernels.time_index import index_times
    >>> grid = index_times(np.array([1.0, 2.0, 2.0, 3.0]))
    >>> censored = np.array([False, False, True, True])
    >>> censoring_curve(grid, ~censored, censored).before.tolist()
    [1.0, 1.0, 0.5, 0.0]
    """
    part = censored if rows is None else censored & rows
    lost, _ = _sums(grid, part, weights)
    at_risk = _at_risk(*_sums(grid, rows, weights))
    if events_first:
        ended, _ = _sums(grid, event if rows is None else event & rows, weights)
        at_risk = at_risk - ended
    some = lost > 0
    kept = np.ones(len(lost))
    # A censored row is at risk of being censored, so that the rest is 0 only if all of them are.
    kept[some] = np.maximum(1 - lost[some] / at_risk[some], 0.0)
    kept[kept < _NOBODY] = 0.0
    return CensoringCurve(np.concatenate([[1.0], np.cumprod(kept)]), at_risk, lost)


def entry_before(
    grid: TimeIndex,
    first: BoolArray | None = None,
    *,
    weights: FloatArray | None = None,
    rows: BoolArray | None = None,
) -> FloatArray:
    """Estimate the probability of having entered before each time of the grid.

    Parameters
    ----------
    grid : TimeIndex
        Where the n rows enter and leave.
    first : ndarray of bool, shape (n,), optional
        Whether a row is the first of its subject; all are if left out.
    weights : ndarray of float, shape (n,), optional
        Weights of the rows, 1 if left out.
    rows : ndarray of bool, shape (n,), optional
        The rows to use; all if left out.

    Returns
    -------
    ndarray of float, shape (K + 1,)
        H just before each time, H(t-), relative to the end of the grid; the last entry is 1.

    Examples
    --------
    >>> from evalkit.kernels.time_index import index_times
    >>> grid = index_times(np.array([2.0, 4.0, 5.0]), np.array([0.0, 1.0, 3.0]))
    >>> entry_before(grid).tolist()
    [0.5, 1.0, 1.0, 1.0]
    """
    size = len(grid.times)
    result = np.ones(size + 1)
    if grid.entered is None:
        return result
    at_risk = _at_risk(*_sums(grid, rows, weights))
    starts = rows if first is None else (first if rows is None else first & rows)
    _, entering = _sums(grid, starts, weights)
    # Between two exits the factors of several entries telescope to one.
    some = entering > 0
    before = np.ones(size)
    before[some] = np.maximum(1 - entering[some] / at_risk[some], 0.0)
    before[before < _NOBODY] = 0.0
    result[: size - 1] = np.cumprod(before[:0:-1])[::-1]
    return result
