"""Weighted least squares by QR, keeping the orthonormal basis that robust variances need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["LeastSquares", "WeightsKind", "dependent_columns", "least_squares"]

WeightsKind: TypeAlias = Literal["case", "sampling"]
"""A weight of 2 stands for two rows alike ("case"), or for one row that represents two."""

_DEPENDENT = 1e-9  # share of a column's length that is new, below which the column adds nothing
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class LeastSquares:
    r"""A fit of :math:`y = X\beta + e` that minimises :math:`\sum w_i e_i^2`.

    Attributes
    ----------
    coefficients : ndarray of float, shape (k,)
        The estimates.
    residuals : ndarray of float, shape (n,)
        ``y - X @ coefficients``, unweighted; 0 where the fit is exact but for rounding.
    basis : ndarray of float, shape (n, k)
        Orthonormal columns that span :math:`W^{1/2} X`; row i times its transpose is
        :math:`w_i x_i'(X'WX)^{-1}x_i`, the leverage.
    triangle : ndarray of float, shape (k, k)
        Upper triangular R with ``basis @ triangle`` :math:`= W^{1/2} X`, so that
        :math:`(X'WX)^{-1} = R^{-1} R^{-T}`.
    weights : ndarray of float, shape (n,), or None
        The weights; None if every row counts once.
    weights_kind : {"case", "sampling"}
        What a weight means for the number of observations and for variances.
    n : float
        Number of observations: the rows with a positive weight, or the sum of case weights.
    """

    coefficients: FloatArray
    residuals: FloatArray
    basis: FloatArray
    triangle: FloatArray
    weights: FloatArray | None
    weights_kind: WeightsKind
    n: float

    @property
    def k(self) -> int:
        """Number of coefficients."""
        return len(self.coefficients)

    @property
    def df_residual(self) -> float:
        """Observations minus coefficients."""
        return self.n - self.k

    def solve(self, contrasts: FloatArray) -> FloatArray:
        r"""Return :math:`R^{-T} c` for each contrast c: its coordinates in the basis.

        Parameters
        ----------
        contrasts : ndarray of float, shape (q, k)
            Linear combinations of the coefficients.

        Returns
        -------
        ndarray of float, shape (k, q)
            The coordinates; their squared length is :math:`c'(X'WX)^{-1}c`.
        """
        return np.asarray(np.linalg.solve(self.triangle.T, contrasts.T), dtype=np.float64)

    def residual_variance(self) -> float:
        """Return the residual sum of squares over its degrees of freedom.

        Returns
        -------
        float
            NaN if there are no more observations than coefficients.
        """
        squares = self.residuals**2
        total = float(squares.sum() if self.weights is None else self.weights @ squares)
        return total / self.df_residual if self.df_residual > 0 else float("nan")


def dependent_columns(x: FloatArray, weights: FloatArray | None = None) -> IntArray:
    """Find the columns that are sums of multiples of the columns before them.

    Parameters
    ----------
    x : ndarray of float, shape (n, k)
        The design matrix.
    weights : ndarray of float, shape (n,), optional
        Weights; rows with none do not count.

    Returns
    -------
    ndarray of int
        Positions of the columns that add nothing, in order. A column counts as such if less
        than 1e-9 of its length is new.

    Notes
    -----
    Likelihoods that are maximised through their information, a cross-product, cannot tell columns
    apart that QR still can; they look at it by :func:`evalkit.kernels.newton.dependent_columns`.
    """
    rows = x if weights is None else x[weights > 0]
    lengths = np.linalg.norm(rows, axis=0)
    scaled = rows / np.where(lengths > 0, lengths, 1.0)
    gram = scaled.T @ scaled
    # Cheap first: where the Gram matrix is well conditioned, no column can depend on others.
    if not len(gram) or np.linalg.eigvalsh(gram)[0] > 1e-6:
        return np.array([], dtype=np.int64)
    # Plain QR gives a column that adds nothing a direction all the same, which later columns
    # would lose: only those that are kept may have one.
    basis = np.empty((len(rows), 0))
    found: list[int] = []
    for column in range(x.shape[1]):
        new = scaled[:, column]
        for _ in range(2):  # the second time takes out what rounding left
            new = new - basis @ (basis.T @ new)
        length = float(np.linalg.norm(new))
        if length > _DEPENDENT:
            basis = np.column_stack([basis, new / length])
        else:
            found.append(column)
    return np.array(found, dtype=np.int64)


def least_squares(
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None = None,
    weights_kind: WeightsKind = "case",
) -> LeastSquares:
    """Fit a linear model by QR.

    Parameters
    ----------
    x : ndarray of float, shape (n, k)
        The design matrix, of full column rank (see :func:`dependent_columns`), n >= k.
    y : ndarray of float, shape (n,)
        The outcome.
    weights : ndarray of float, shape (n,), optional
        Weights of at least 0.
    weights_kind : {"case", "sampling"}
        What the weights are. The estimates do not depend on it.

    Returns
    -------
    LeastSquares
        The fit. R: ``lm(y ~ x, weights = w)``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the columns are linearly dependent.
    """
    root = None if weights is None else np.sqrt(weights)
    left = x if root is None else x * root[:, None]
    right = y if root is None else y * root
    basis, triangle = np.linalg.qr(left)
    coefficients = np.asarray(np.linalg.solve(triangle, basis.T @ right), dtype=np.float64)
    n = float(len(y))
    if weights is not None:
        n = float(weights.sum() if weights_kind == "case" else np.count_nonzero(weights))
    residuals = y - x @ coefficients
    # What rounding leaves of an exact fit is no variation, and would look like great precision.
    if len(y) and np.abs(residuals).max() <= _ROUNDING * x.shape[1] * np.abs(y).max():
        residuals = np.zeros_like(residuals)
    return LeastSquares(coefficients, residuals, basis, triangle, weights, weights_kind, n)
