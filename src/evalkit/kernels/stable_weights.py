r"""Stable balancing weights: the least variable weights that bring means within a tolerance.

.. math:: \min_w \tfrac12 \sum_i w_i^2 / s_i \quad\text{where}\quad \sum_i w_i = 1,\; w_i \ge 0,\;
   |\sum_i w_i x_{ik} - m_k| \le \delta_k

[1]_. The dual has one variable for each covariate and one for the sum, however many rows there
are: :math:`w_i = s_i (\alpha + \lambda'(x_i - m))_+` where :math:`\alpha, \lambda` maximise
:math:`\alpha - \sum_k \delta_k |\lambda_k| - \tfrac12 \sum_i s_i (\alpha + \lambda'(x_i - m))_+^2`.

References
----------
.. [1] Zubizarreta JR (2015). Stable weights that balance covariates for estimation with incomplete
   outcome data. J Am Stat Assoc 110:910-922. doi:10.1080/01621459.2015.1023805
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from evalkit.kernels.newton import Evaluate, maximise
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["StableFit", "stable_fit"]

_REACHED = 1e-6  # standard deviations that a mean may be off its tolerance by
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class StableFit:
    """Weights that bring one group's means within a tolerance of the target.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        Weights, which sum to 1; 0 for rows outside the group.
    gap : ndarray of float, shape (p,)
        Weighted mean minus target.
    reached : bool
        Whether all means are within their tolerance.
    missed : ndarray of bool, shape (p,)
        Columns whose mean is not.
    """

    weights: FloatArray
    gap: FloatArray
    reached: bool
    missed: BoolArray


def stable_fit(
    matrix: FloatArray,
    inside: BoolArray,
    target: FloatArray,
    tolerance: FloatArray,
    base: FloatArray | None = None,
) -> StableFit:
    """Weight one group to within a tolerance of a target's means.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    inside : ndarray of bool, shape (n,)
        The group that is weighted.
    target : ndarray of float, shape (p,)
        Means to come near.
    tolerance : ndarray of float, shape (p,)
        How near, in the covariates' units; 0 is exactly.
    base : ndarray of float, shape (n,), optional
        Base weights.

    Returns
    -------
    StableFit
        The weights. R: ``optweight``, ``sbw``.
    """
    rows = np.flatnonzero(inside)
    n, p = len(rows), int(matrix.shape[1])
    s = np.ones(n) if base is None else base[rows].astype(np.float64)
    s = s / s.sum()
    x = matrix[rows] - target
    spread = np.sqrt(s @ (x - s @ x) ** 2)
    spread = np.where(spread > 0, spread, 1.0)
    x /= spread
    delta = tolerance / spread
    z = np.column_stack([np.ones(n), x])
    free = np.concatenate([[True], delta == 0.0])
    if free.all():
        at = _newton(z, s, np.zeros(1 + p), np.arange(1 + p), np.zeros(1 + p))
    else:
        at = _with_tolerance(z, s, np.concatenate([[0.0], delta]))
    w = s * np.maximum(z @ at, 0.0)
    total = float(w.sum())
    w = w / total if total > 0 else s
    gap: FloatArray = w @ x
    missed = np.abs(gap) > delta + _REACHED
    weights = np.zeros(len(matrix))
    weights[rows] = w
    return StableFit(weights, gap * spread, not missed.any(), missed)


def _newton(
    z: FloatArray, s: FloatArray, at: FloatArray, active: IntArray, pull: FloatArray
) -> FloatArray:
    """Maximise the dual over some of its variables, with a linear pull on each."""
    part = z[:, active]
    n = len(z)

    def evaluate(here: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        level = np.maximum(part @ here, 0.0)
        w = s * level
        linear = -pull[active]
        linear[active == 0] += 1.0
        value = float(linear @ here) - 0.5 * float(w @ level)
        curved = part[level > 0]
        information = curved.T @ (s[level > 0, None] * curved)
        return n * value, n * (linear - part.T @ w), n * information

    start = np.where(active == 0, 1.0, 0.0) if not at.any() else at[active]
    rule: Evaluate = evaluate
    end = maximise(rule, start, quadratic=False)
    out = np.zeros(z.shape[1])
    out[active] = end.parameters
    return out


def _with_tolerance(z: FloatArray, s: FloatArray, delta: FloatArray) -> FloatArray:
    """Maximise the dual with its penalty: first roughly, then exactly on the active covariates."""
    q = int(z.shape[1])

    def minus(pair: FloatArray) -> tuple[float, FloatArray]:
        at = pair[:q] - np.concatenate([[0.0], pair[q:]])
        level = np.maximum(z @ at, 0.0)
        w = s * level
        slope = z.T @ w
        slope[0] -= 1.0
        value = 0.5 * float(w @ level) - at[0] + float(delta @ pair[:q] + delta[1:] @ pair[q:])
        return value, np.concatenate([slope + delta, -slope[1:] + delta[1:]])

    bounds = [(None, None), *[(0.0, None)] * (2 * (q - 1))]
    start = np.concatenate([[1.0], np.zeros(2 * (q - 1))])
    rough = optimize.minimize(
        minus, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9},
    )  # fmt: skip
    at: FloatArray = rough.x[:q] - np.concatenate([[0.0], rough.x[q:]])
    for _ in range(_ROUNDS):
        w = s * np.maximum(z @ at, 0.0)
        slope = z.T @ w
        slope[0] -= 1.0
        # A covariate is active if its multiplier is not 0, or its mean is beyond the tolerance.
        beyond = (at == 0.0) & (np.abs(slope) > delta + 1e-9)
        sign = np.where(at != 0.0, np.sign(at), -np.sign(slope))
        active = np.flatnonzero((np.abs(at) > 1e-9) | beyond | (np.arange(q) == 0))
        at = _newton(z, s, np.where(np.isin(np.arange(q), active), at, 0.0), active, delta * sign)
        flipped = (np.sign(at) == -sign) & (np.arange(q) > 0) & (delta > 0)
        at[flipped] = 0.0
        w = s * np.maximum(z @ at, 0.0)
        slope = z.T @ w
        if not flipped.any() and (np.abs(slope[1:]) <= delta[1:] + 1e-8).all():
            return at
    return at
