"""Natural cubic splines: their basis, and a smooth line through points by least squares."""

from __future__ import annotations

import numpy as np

from evalkit.typing import FloatArray

__all__ = ["natural_basis", "smooth"]


def smooth(
    x: FloatArray, y: FloatArray, at: FloatArray, *, df: int = 4
) -> tuple[FloatArray, FloatArray]:
    """Fit a natural cubic spline by least squares.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        The points.
    at : ndarray of float, shape (m,)
        Where the line is wanted.
    df : int, default 4
        Degrees of freedom with the constant: ``df`` knots at equally spaced quantiles of `x`, the
        outermost at its ends. Fewer if `x` has too few distinct values.

    Returns
    -------
    tuple of ndarray of float, shape (m,)
        The line and its standard error, from the residual variance; NaN where that has no degrees
        of freedom.

    Notes
    -----
    The basis is the truncated-power one; any other of the same knots gives the same line, as does
    ``lm(y ~ splines::ns(x, knots = ...))`` in R.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> line, _ = smooth(x, 2 * x + 1, np.array([4.5]))
    >>> round(float(line[0]), 9)
    10.0
    """
    distinct = len(np.unique(x))
    knots = np.unique(np.quantile(x, np.linspace(0, 1, max(2, min(df, distinct)))))
    design, wanted = natural_basis(x, knots), natural_basis(at, knots)
    q, r = np.linalg.qr(design)
    coefficients = np.linalg.solve(r, q.T @ y)
    free = len(y) - design.shape[1]
    residuals = y - design @ coefficients
    variance = float(residuals @ residuals) / free if free > 0 else np.nan
    spread = np.linalg.solve(r.T, wanted.T)
    return wanted @ coefficients, np.sqrt(variance * (spread**2).sum(axis=0))


def natural_basis(x: FloatArray, knots: FloatArray) -> FloatArray:
    """Return the constant, the line, and a cubic for each inner knot, straight beyond the ends.

    Parameters
    ----------
    x : ndarray of float, shape (n,)
        Where.
    knots : ndarray of float, shape (q,)
        The knots, increasing, the outermost at the ends.

    Returns
    -------
    ndarray of float, shape (n, q)
        The columns; of `x` less the first knot, over the distance between the outermost.

    Examples
    --------
    >>> natural_basis(np.array([0.0, 1.0, 4.0]), np.array([0.0, 2.0]))
    array([[1. , 0. ],
           [1. , 0.5],
           [1. , 2. ]])
    """
    low, width = knots[0], float(knots[-1] - knots[0]) or 1.0
    x, knots = (x - low) / width, (knots - low) / width

    def cubic(knot: float) -> FloatArray:
        ends = np.maximum(x - knot, 0) ** 3 - np.maximum(x - knots[-1], 0) ** 3
        return ends / (knots[-1] - knot)

    line = [x] if len(knots) > 1 else []
    bent = [cubic(float(knot)) - cubic(float(knots[-2])) for knot in knots[:-2]]
    return np.column_stack([np.ones_like(x), *line, *bent])
