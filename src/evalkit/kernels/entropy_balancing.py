r"""Entropy balancing: the weights nearest to equal that give a group the target's means.

Among weights with :math:`\sum w_i x_i / \sum w_i = m` the one with the least
:math:`\sum w_i \log(w_i / s_i)` is :math:`w_i \propto s_i \exp\{\lambda'(x_i - m)\}`, s the base
weights [1]_; :math:`\lambda` minimises the convex :math:`\log \sum s_i \exp\{\lambda'(x_i - m)\}`
by Newton's method. It has no minimum if m lies outside the hull of the group's covariates.

References
----------
.. [1] Hainmueller J (2012). Entropy balancing for causal effects. Political Anal 20:25-46.
   doi:10.1093/pan/mpr025
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.newton import Evaluate, inverse, maximise
from evalkit.kernels.weight_fit import WeightFit
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["EntropyFit", "entropy_fit", "entropy_weights"]

_CHUNK = 1 << 15
_PART = 50_000
_MOVING = 1e-2
_REACHED = 1e-6  # standard deviations of the group that a mean may miss the target by


@dataclass(frozen=True, slots=True)
class EntropyFit:
    """Weights that give one group the target's means.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        Weights, which sum to 1; 0 for rows outside the group.
    tilt : ndarray of float, shape (p,)
        lambda.
    curvature : ndarray of float, shape (p, p)
        Weighted covariance of the covariates around the target.
    reached : bool
        Whether the target lies within the hull of the covariates, so that the means are met.
    missed : ndarray of bool, shape (p,)
        Columns along which the target lies outside.
    """

    weights: FloatArray
    tilt: FloatArray
    curvature: FloatArray
    reached: bool
    missed: BoolArray


def entropy_fit(
    matrix: FloatArray, inside: BoolArray, target: FloatArray, base: FloatArray | None = None
) -> EntropyFit:
    """Weight one group to a target's means.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates, none of them a combination of the others.
    inside : ndarray of bool, shape (n,)
        The group that is weighted.
    target : ndarray of float, shape (p,)
        Means to be met.
    base : ndarray of float, shape (n,), optional
        Base weights.

    Returns
    -------
    EntropyFit
        The weights. R: ``ebal::ebalance``, ``WeightIt`` with ``method = "ebal"``.
    """
    n, p = matrix.shape
    rows = np.flatnonzero(inside)
    start = np.ones(len(rows)) if base is None else base[rows]
    spread = np.array([_deviation(matrix[:, k], rows, start) for k in range(p)])
    flat = spread == 0.0
    spread = np.where(flat, 1.0, spread)
    x = np.empty((len(rows), p), order="F")
    for k in range(p):
        x[:, k] = (matrix[rows, k] - target[k]) / spread[k]
    constant = flat & (np.abs(x).max(axis=0, initial=0.0) > _REACHED)
    used = np.flatnonzero(~flat)
    tilt = np.zeros(p)
    z = x[:, used] if flat.any() else x
    begin = np.zeros(len(used))
    if len(rows) > 4 * _PART:  # most of the way on some of the rows
        step = len(rows) // _PART
        near = maximise(_dual(np.ascontiguousarray(z[::step]), start[::step]), begin)
        begin = near.parameters if near.converged else begin
    end = maximise(_dual(z, start), begin)
    tilt[used] = end.parameters
    exponent = x @ tilt
    w = start * np.exp(exponent - exponent.max())
    w /= w.sum()
    gap = np.abs(w @ x)
    missed = constant | (gap > _REACHED)
    if end.runaway is not None:
        size = np.zeros(p)
        size[used] = np.abs(end.runaway)
        missed |= size > _MOVING * size.max()
    weights = np.zeros(n)
    weights[rows] = w
    curvature = np.outer(spread, spread) * (x.T @ (w[:, None] * x))
    return EntropyFit(weights, tilt / spread, curvature, not missed.any(), missed)


def _deviation(column: FloatArray, rows: IntArray, weights: FloatArray) -> float:
    """Return the standard deviation of a column in a group, 0 if it is constant there."""
    values = column[rows]
    if values.min() == values.max():
        return 0.0
    mean = float(weights @ values) / float(weights.sum())
    return float(np.sqrt(weights @ (values - mean) ** 2 / weights.sum()))


def _dual(x: FloatArray, base: FloatArray) -> Evaluate:
    """Return minus the dual, its gradient and curvature, scaled as a log-likelihood would be."""
    n, p = x.shape
    size = float(base.sum()) ** 2 / float(base @ base)

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        exponent = x @ at
        top = float(exponent.max(initial=0.0))
        w = base * np.exp(exponent - top)
        total = float(w.sum())
        mean = x.T @ w / total
        second = np.zeros((p, p))
        for first in range(0, n, _CHUNK):
            part = x[first : first + _CHUNK]
            second += part.T @ (w[first : first + _CHUNK, None] * part)
        value = -size * (top + np.log(total))
        return value, -size * mean, size * (second / total - np.outer(mean, mean))

    return evaluate


def entropy_weights(
    matrix: FloatArray,
    group: IntArray,
    n_groups: int,
    *,
    focal: int | None,
    survey: FloatArray | None = None,
) -> tuple[WeightFit, list[EntropyFit | None]]:
    """Weight every group to the means of the focal group, or of all.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates.
    group : ndarray of int, shape (n,)
        The group of each row, 0 to K - 1.
    n_groups : int
        K.
    focal : int or None
        The group whose means are the target; None for those of all rows.
    survey : ndarray of float, shape (n,), optional
        Survey weights, which are the base weights.

    Returns
    -------
    weights : WeightFit
        The weights. In each group that is weighted they sum to its survey weights' sum; those of
        the focal group are its survey weights.
    fits : list of K EntropyFit or None
        The fit in each group; None in the focal group.
    """
    each = np.ones(len(matrix)) if survey is None else survey
    aim = np.ones(len(matrix), dtype=np.bool_) if focal is None else group == focal
    share = np.where(aim, each, 0.0) / each[aim].sum()
    target: FloatArray = share @ matrix
    fits: list[EntropyFit | None] = []
    weights = np.zeros(len(matrix))
    slopes: list[FloatArray] = []
    scores: list[FloatArray] = []
    breads: list[FloatArray] = []
    for code in range(n_groups):
        inside = group == code
        if code == focal:
            weights[inside] = each[inside]
            fits.append(None)
            continue
        fit = entropy_fit(matrix, inside, target, each)
        fits.append(fit)
        weights[inside] = fit.weights[inside] * each[inside].sum()
        # The equations sum w (x - m) = 0, w summing to 1, and m the target's mean, solved
        # together: the derivative in lambda is the curvature.
        slopes.append(np.where(inside, weights, 0.0))
        scores.append(share - fit.weights)
        breads.append(inverse(fit.curvature))
    p = matrix.shape[1]
    bread = np.zeros((p * len(breads), p * len(breads)))
    for k, block in enumerate(breads):
        bread[k * p : (k + 1) * p, k * p : (k + 1) * p] = block
    found = WeightFit(
        weights=weights,
        matrix=matrix,
        center=target,
        intercept=False,
        slope=np.column_stack(slopes),
        score=np.column_stack(scores),
        bread=bread,
    )
    return found, fits
