r"""The probability of being in each of several groups: multinomial logistic regression.

.. math:: e_k(x) = \exp(z'\beta_k) / \sum_l \exp(z'\beta_l), \qquad \beta_0 = 0,

z the covariates after an intercept, fitted by Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels.newton import Evaluate, inverse, maximise
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["MultinomialFit", "fit_multinomial"]

_CHUNK = 1 << 14
_MOVING = 1e-2


@dataclass(frozen=True, slots=True)
class MultinomialFit:
    """A fitted multinomial logit.

    Attributes
    ----------
    coefficients : ndarray of float, shape (K - 1, 1 + p)
        Intercept and slopes of each group but the first.
    variance : ndarray of float, shape ((K - 1)(1 + p), (K - 1)(1 + p))
        Inverse of the information, group by group.
    probability : ndarray of float, shape (n, K)
        Score of each row in each group.
    loglik : float
        Log-likelihood.
    converged : bool
        Whether the maximum was reached.
    infinite : ndarray of bool, shape (1 + p,)
        Columns along which the likelihood rises for ever: they separate groups.
    """

    coefficients: FloatArray
    variance: FloatArray
    probability: FloatArray
    loglik: float
    converged: bool
    infinite: BoolArray


def fit_multinomial(
    matrix: FloatArray, group: IntArray, n_groups: int, *, weights: FloatArray | None = None
) -> MultinomialFit:
    """Fit the scores of K groups by maximum likelihood.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates, none of them constant or dependent, without an intercept.
    group : ndarray of int, shape (n,)
        The group of each row, 0 to K - 1.
    n_groups : int
        K.
    weights : ndarray of float, shape (n,), optional
        Weights of at least 0.

    Returns
    -------
    MultinomialFit
        The fit. R: ``nnet::multinom``.
    """
    n, p = matrix.shape
    each = np.ones(n) if weights is None else weights
    center = matrix.mean(axis=0)
    scale = matrix.std(axis=0)
    design = np.column_stack([np.ones(n), (matrix - center) / scale])
    totals = np.bincount(group, weights=each, minlength=n_groups)
    start = np.zeros((n_groups - 1, 1 + p))
    start[:, 0] = np.log(totals[1:] / totals[0])
    end = maximise(_likelihood(design, group, n_groups, each), start.ravel())
    infinite = np.zeros(1 + p, dtype=np.bool_)
    if end.runaway is not None:
        size = np.abs(end.runaway).reshape(n_groups - 1, 1 + p).max(axis=0)
        size[0] = 0.0 if p else size[0]
        infinite = size > _MOVING * size.max()
    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -center / scale
    turn = np.kron(np.eye(n_groups - 1), back)
    beta = end.parameters.reshape(n_groups - 1, 1 + p)
    return MultinomialFit(
        coefficients=beta @ back.T,
        variance=turn @ inverse(end.information) @ turn.T,
        probability=_probability(design, beta),
        loglik=end.value,
        converged=end.converged,
        infinite=infinite,
    )


def _probability(design: FloatArray, beta: FloatArray) -> FloatArray:
    """Return the scores of all groups."""
    eta = np.column_stack([np.zeros(len(design)), design @ beta.T])
    return special.softmax(eta, axis=1)


def _likelihood(design: FloatArray, group: IntArray, n_groups: int, each: FloatArray) -> Evaluate:
    """Return log-likelihood, score and information as a function of the coefficients."""
    n, q = design.shape

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        beta = at.reshape(n_groups - 1, q)
        value, score = 0.0, np.zeros((n_groups - 1, q))
        information = np.zeros((n_groups - 1, q, n_groups - 1, q))
        for first in range(0, n, _CHUNK):
            part = slice(first, min(first + _CHUNK, n))
            z, own, w = design[part], group[part], each[part]
            e = _probability(z, beta)
            with np.errstate(divide="ignore"):
                value += float(w @ np.log(e[np.arange(len(own)), own]))
            for k in range(1, n_groups):
                score[k - 1] += z.T @ (w * ((own == k) - e[:, k]))
                for m in range(k, n_groups):
                    v = w * e[:, k] * ((k == m) - e[:, m])
                    information[k - 1, :, m - 1] += z.T @ (v[:, None] * z)
        for k in range(n_groups - 1):
            for m in range(k):
                information[k, :, m] = information[m, :, k].T
        size = (n_groups - 1) * q
        return value, score.ravel(), information.reshape(size, size)

    return evaluate
