r"""Weights that were estimated, and what their estimation adds to the variance of what they weight.

Every smooth weighting method here solves :math:`\sum_i b_i(\theta) z_i = 0` for one or several
vectors :math:`\theta_k`, z the covariates, and gives weights :math:`w_i(\theta)` whose slope in
:math:`\theta_k` is :math:`a_{ik} z_i`. An estimate with influence :math:`w_i r_i` then has the
further influence

.. math:: \sum_k b_{ik} z_i' \, \Big[A^{-1} \sum_j a_{jk} r_j z_j\Big]_k

of row i, A the derivative of the equations with its sign turned [1]_. So two numbers for each row
and vector, and one small matrix, say all that the estimation of the weights adds.

References
----------
.. [1] Stefanski LA, Boos DD (2002). The calculus of M-estimation. Am Stat 56:29-38.
   doi:10.1198/000313002753631330
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["WeightFit", "cap_weights"]


@dataclass(frozen=True, eq=False)
class WeightFit:
    """Estimated weights.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        The weights, survey weights included.
    matrix : ndarray of float, shape (n, p)
        The covariates.
    center : ndarray of float, shape (p,)
        What is taken from them: z is ``matrix - center``.
    intercept : bool
        Whether z has a first entry 1.
    slope : ndarray of float, shape (n, m), or None
        a: how the weight moves with each of m vectors of parameters, beside z. None for methods
        that are not smooth; the weights are then taken as given.
    score : ndarray of float, shape (n, m)
        b: the row's part of the equations, beside z.
    bread : ndarray of float, shape (m q, m q)
        Inverse of A, q the length of z.
    score_of : ndarray of float, shape (n,), or None
        The propensity score, where there is one.
    n_capped : int
        Weights that were cut.
    """

    weights: FloatArray
    matrix: FloatArray
    center: FloatArray
    intercept: bool
    slope: FloatArray | None
    score: FloatArray
    bread: FloatArray
    score_of: FloatArray | None = None
    n_capped: int = 0

    def adjust(self, residual: FloatArray) -> FloatArray:
        """Return what the estimation of the weights adds to an influence.

        Parameters
        ----------
        residual : ndarray of float, shape (n,)
            r: what a row's weight multiplies in the influence of the estimate.

        Returns
        -------
        ndarray of float, shape (n,)
            The further influence of each row; zeros where the weights are taken as given.
        """
        if self.slope is None:
            return np.zeros(len(residual))
        n_sets = self.slope.shape[1]
        pull = np.concatenate([self._down(self.slope[:, k] * residual) for k in range(n_sets)])
        back = (self.bread @ pull).reshape(n_sets, -1)
        added = np.zeros(len(residual))
        for k in range(n_sets):
            added += self.score[:, k] * self._across(back[k])
        return added

    def _down(self, values: FloatArray) -> FloatArray:
        """Return the sum of the rows' z times their values."""
        total = float(values.sum())
        inner: FloatArray = self.matrix.T @ values - self.center * total
        return np.concatenate([[total], inner]) if self.intercept else inner

    def _across(self, vector: FloatArray) -> FloatArray:
        """Return z times a vector for each row."""
        slopes = vector[1:] if self.intercept else vector
        level = float(vector[0]) if self.intercept else 0.0
        return self.matrix @ slopes + (level - float(self.center @ slopes))


def cap_weights(
    weights: FloatArray, group: IntArray, share: float, survey: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Cut weights at a quantile of those in the same group.

    Parameters
    ----------
    weights : ndarray of float, shape (n,)
        The weights, survey weights included.
    group : ndarray of int, shape (n,)
        The group of each row.
    share : float
        The quantile, between 0.5 and 1.
    survey : ndarray of float, shape (n,), optional
        Survey weights: what is cut is the weight beside them.

    Returns
    -------
    capped : ndarray of float, shape (n,)
        The weights after the cut.
    kept : ndarray of float, shape (n,)
        1 where a weight is as it was, 0 where it was cut and no longer moves.
    """
    own = weights if survey is None else weights / np.where(survey > 0, survey, 1.0)
    capped, kept = weights.copy(), np.ones(len(weights))
    for code in np.unique(group):
        inside = np.flatnonzero(group == code)
        limit = float(np.quantile(own[inside], share))
        high = inside[own[inside] > limit * (1 + 1e-12)]
        capped[high] = limit if survey is None else limit * survey[high]
        kept[high] = 0.0
    return capped, kept
