"""Newton's method for log-likelihoods, with step-halving and a diagnosis of runaway estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import linalg

from evalkit.typing import FloatArray, IntArray

__all__ = ["Evaluate", "Optimum", "dependent_columns", "inverse", "maximise"]

Evaluate: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]
"""Log-likelihood, its gradient (P,) and its information (P, P) at parameters (P,)."""

_DONE = 1e-20  # squared length of a step in standard errors
_QUIET = 1e-4  # from here on a regular problem converges quadratically, a runaway one does not
_SLOW = 0.05  # ratio of successive decrements that quadratic convergence has long passed
_PATIENCE = 4
_HALVINGS = 30
_DEPENDENT = 1e-11
_FLAT = 1e-6  # smallest curvature beside the largest, where the information is not positive


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the iterations ended.

    Attributes
    ----------
    parameters : ndarray of float, shape (P,)
        The parameters.
    value : float
        Log-likelihood there.
    gradient : ndarray of float, shape (P,)
        Its gradient.
    information : ndarray of float, shape (P, P)
        What the evaluation gave for minus the second derivatives.
    iterations : int
        Steps taken.
    converged : bool
        Whether the last step was negligible beside the standard errors.
    runaway : ndarray of float, shape (P,), or None
        If the likelihood still rises, ever less, along one direction while the step does not
        shrink: that direction. The estimates along it are infinite.
    """

    parameters: FloatArray
    value: float
    gradient: FloatArray
    information: FloatArray
    iterations: int
    converged: bool
    runaway: FloatArray | None


def maximise(
    evaluate: Evaluate,
    start: FloatArray,
    *,
    max_iterations: int = 100,
    quadratic: bool = True,
) -> Optimum:
    r"""Maximise a log-likelihood.

    Each step is :math:`I^{-1} g`, halved until the log-likelihood does not fall; where the
    information is not positive definite, its eigenvalues are taken by their size. The
    iterations end when the decrement :math:`g'I^{-1}g`, the squared length of the step in
    standard errors, is below 1e-20 or no longer falls.

    Parameters
    ----------
    evaluate : callable
        Takes parameters and returns the log-likelihood, its gradient and its information.
    start : ndarray of float, shape (P,)
        Where to begin; the log-likelihood must be finite there.
    max_iterations : int, default 100
        Steps after which to give up.
    quadratic : bool, default True
        Whether the information is the exact matrix of second derivatives, so that slow
        convergence is a sign of infinite estimates. With an expected information it is not.

    Returns
    -------
    Optimum
        The last point.
    """
    at = np.asarray(start, dtype=np.float64)
    value, gradient, information = evaluate(at)
    decrements: list[float] = []
    for iteration in range(max_iterations):
        step = _step(gradient, information)
        decrement = float(gradient @ step)
        if decrement <= _DONE or not np.isfinite(decrement):
            return Optimum(at, value, gradient, information, iteration, True, None)
        decrements.append(decrement)
        if quadratic and _is_runaway(decrements):
            return Optimum(at, value, gradient, information, iteration, False, step)
        # Near the top the log-likelihood's own rounding hides the gain: the step is taken then.
        slack = 1e-13 * (abs(value) + 1)
        for halving in range(_HALVINGS):
            candidate = at + step * 0.5**halving
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                new = evaluate(candidate)
            if new[0] >= value - slack and np.isfinite(new[2]).all():
                break
        else:
            converged = decrement < 1e-12 * (abs(value) + 1)
            return Optimum(at, value, gradient, information, iteration, converged, None)
        at, (value, gradient, information) = candidate, new
        if decrement < 1e-14 and len(decrements) > 1 and decrements[-2] < 2 * decrement:
            return Optimum(at, value, gradient, information, iteration + 1, True, None)
    return Optimum(at, value, gradient, information, max_iterations, False, None)


def _step(gradient: FloatArray, information: FloatArray) -> FloatArray:
    """Solve for the step; curvature of the wrong sign counts by its size."""
    diagonal = np.abs(np.diagonal(information))
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = information / np.outer(scale, scale)
    try:
        factor = linalg.cho_factor(scaled, check_finite=False)
    except linalg.LinAlgError:
        values, vectors = np.linalg.eigh(scaled)
        size = np.maximum(np.abs(values), _FLAT * np.abs(values).max(initial=1.0))
        return vectors @ ((vectors.T @ (gradient / scale)) / size) / scale
    solved: FloatArray = linalg.cho_solve(factor, gradient / scale, check_finite=False)
    return solved / scale


def _is_runaway(decrements: list[float]) -> bool:
    """Say whether the last decrements are small but shrink no faster than geometrically."""
    if len(decrements) <= _PATIENCE or decrements[-1] > _QUIET or decrements[-1] < 1e-13:
        return False
    last = np.array(decrements[-_PATIENCE - 1 :])
    ratios = last[1:] / last[:-1]
    return bool((ratios > _SLOW).all() and (ratios < 1).all())


def inverse(information: FloatArray) -> FloatArray:
    """Invert a symmetric positive definite matrix; NaN throughout if it is not.

    Parameters
    ----------
    information : ndarray of float, shape (P, P)
        The matrix.

    Returns
    -------
    ndarray of float, shape (P, P)
        Its inverse, exactly symmetric.
    """
    diagonal = np.diagonal(information)
    if not (np.isfinite(information).all() and (diagonal > 0).all()):
        return np.full_like(information, np.nan)
    scale = np.sqrt(diagonal)
    try:
        factor = linalg.cho_factor(information / np.outer(scale, scale), check_finite=False)
    except linalg.LinAlgError:
        return np.full_like(information, np.nan)
    inverted: FloatArray = linalg.cho_solve(factor, np.eye(len(scale)), check_finite=False)
    inverted = inverted / np.outer(scale, scale)
    return (inverted + inverted.T) / 2


def dependent_columns(cross_product: FloatArray) -> IntArray:
    """Find the columns that are linear combinations of those before them.

    Parameters
    ----------
    cross_product : ndarray of float, shape (P, P)
        X'WX of the columns, W positive on the rows that count.

    Returns
    -------
    ndarray of int
        Positions of the columns that add nothing, in order; constant zero columns too.
    """
    left = np.array(cross_product, dtype=np.float64)
    whole = np.diagonal(left).copy()
    found: list[int] = []
    for k in range(len(left)):
        pivot = left[k, k]
        if pivot <= _DEPENDENT * whole[k] or whole[k] == 0:
            found.append(k)
            left[:, k] = left[k, :] = 0.0
            continue
        left[k + 1 :, k + 1 :] -= np.outer(left[k + 1 :, k], left[k, k + 1 :]) / pivot
    return np.array(found, dtype=np.int64)
