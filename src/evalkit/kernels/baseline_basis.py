"""Shapes of a discrete-time baseline hazard: a basis over the numbers of the intervals."""

from __future__ import annotations

import numpy as np

from evalkit.kernels.natural_spline import natural_basis
from evalkit.typing import FloatArray

__all__ = ["baseline_basis"]


def baseline_basis(
    kind: str, n_intervals: int, events: FloatArray, df: int
) -> tuple[FloatArray, tuple[str, ...]]:
    """Build the basis of a baseline.

    Parameters
    ----------
    kind : {"intervals", "constant", "log", "polynomial", "spline"}
        One parameter for each interval; a constant; a line in the log of the interval's number
        (1, 2, ...); a polynomial of degree `df`; a natural cubic spline of `df` columns beside
        the constant, its knots at quantiles of the intervals of the events, its ends at the first
        and last interval with an event.
    n_intervals : int
        Number of intervals, J.
    events : ndarray of float, shape (J,)
        Events in each interval.
    df : int
        Degree, or number of columns.

    Returns
    -------
    basis : ndarray of float, shape (J, q)
        A row for each interval.
    names : tuple of str, length q
        Names of the parameters; none for "intervals", where the intervals name them.

    Examples
    --------
    >>> baseline_basis("polynomial", 3, np.ones(3), 2)[0]
    array([[1., 1., 1.],
           [1., 2., 4.],
           [1., 3., 9.]])
    """
    t = np.arange(1.0, n_intervals + 1)
    if kind == "intervals":
        return np.eye(n_intervals), ()
    if kind == "constant":
        return np.ones((n_intervals, 1)), ("(baseline)",)
    if kind == "log":
        return np.column_stack([np.ones_like(t), np.log(t)]), ("(baseline)", "log(interval)")
    if kind == "polynomial":
        names = ["(baseline)", "interval", *(f"interval^{k}" for k in range(2, df + 1))]
        return t[:, None] ** np.arange(df + 1), tuple(names[: df + 1])
    share = np.cumsum(events) / events.sum()
    wanted = np.linspace(0, 1, df + 1)
    knots = np.unique(t[np.minimum(np.searchsorted(share, wanted[1:] - 1e-12), n_intervals - 1)])
    knots = np.unique(np.concatenate([t[events > 0][:1], knots]))
    columns = natural_basis(t, knots)
    return columns, ("(baseline)", *(f"spline {k}" for k in range(1, columns.shape[1])))
