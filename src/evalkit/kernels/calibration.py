r"""Calibration: weights as near as possible to given ones whose totals equal targets exactly.

A weight is :math:`w_i = d_i F(x_i'\lambda)`, with the coefficients such that
:math:`\sum_i w_i x_i = t` [1]_. F is

* linear: :math:`1 + u` (generalised regression; weights may be negative),
* raking: :math:`e^u` (entropy; positive),
* logit: :math:`\{L(U-1) + U(1-L)e^{Au}\} / \{(U-1) + (1-L)e^{Au}\}` with
  :math:`A = (U-L) / \{(1-L)(U-1)\}` (between the bounds L and U),

and with bounds the first two are cut off at them. The coefficients maximise the concave
:math:`t'\lambda - \sum_i d_i G(x_i'\lambda)` with :math:`G' = F`, by Newton's method.

References
----------
.. [1] Deville J-C, Särndal C-E (1992). Calibration estimators in survey sampling. J Am Stat Assoc
   87:376-382. doi:10.1080/01621459.1992.10475217
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from scipy import special

from evalkit.kernels.newton import dependent_columns, maximise
from evalkit.kernels.numeric import binned
from evalkit.typing import FloatArray, IntArray

__all__ = ["Calibrated", "Distance", "calibrate_weights", "calibrated_mean"]

Distance: TypeAlias = Literal["linear", "raking", "logit"]
"""How far a weight is from the one given."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Calibrated weights, and how near they came.

    Attributes
    ----------
    weights : ndarray of float, shape (n,)
        The weights.
    slopes : ndarray of float, shape (n,)
        Their derivatives with respect to the linear predictor, :math:`d_i F'(x_i'\\lambda)`.
    coefficients : ndarray of float, shape (p,)
        The coefficients; 0 for columns that are linear combinations of those before them.
    rounds : int
        Newton steps.
    gaps : ndarray of float, shape (p,)
        Total minus target, as a share of the larger of the target and the sum of the weighted
        sizes of the column.
    converged : bool
        Whether all gaps are within the tolerance.
    """

    weights: FloatArray
    slopes: FloatArray
    coefficients: FloatArray
    rounds: int
    gaps: FloatArray
    converged: bool


def calibrate_weights(
    start: FloatArray,
    matrix: FloatArray,
    totals: FloatArray,
    *,
    distance: Distance = "raking",
    bounds: tuple[float, float] | None = None,
    tolerance: float = 1e-9,
    max_rounds: int = 100,
) -> Calibrated:
    """Calibrate weights to totals of columns.

    Parameters
    ----------
    start : ndarray of float, shape (n,)
        Weights to start from, at least 0.
    matrix : ndarray of float, shape (n, p)
        The columns; a column of ones fixes the sum of the weights.
    totals : ndarray of float, shape (p,)
        Their wanted totals.
    distance : {"linear", "raking", "logit"}
        Which F; "logit" needs bounds.
    bounds : tuple of float, optional
        Least and largest weight as a multiple of the start, the one below 1 and the other above.
    tolerance : float, default 1e-9
        Largest gap that counts as none.
    max_rounds : int, default 100
        Newton steps after which to give up.

    Returns
    -------
    Calibrated
        The weights. With targets that no weights meet ``converged`` is False, and the weights
        mean nothing.

    Notes
    -----
    R: ``survey::calibrate(design, formula, totals, calfun = "linear" | "raking" | "logit",
    bounds = c(L, U))``. Columns that depend linearly on others are left out, and their gaps
    looked at like all others: margins with all their levels may stand beside a column of ones.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> calibrate_weights(np.ones(3), x, np.array([3.0, 4.5])).weights.round(4).tolist()
    [0.3486, 0.8028, 1.8486]
    """
    d = np.asarray(start, dtype=np.float64)
    x = np.asarray(matrix, dtype=np.float64)
    wanted = np.asarray(totals, dtype=np.float64)
    p = len(wanted)
    kept = np.setdiff1d(np.arange(p), dependent_columns((x * d[:, None]).T @ x))
    free = x if len(kept) == p else x[:, kept]
    target = wanted[kept]

    def evaluate(coefficients: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        u = free @ coefficients
        value, factor, slope = _functions(u, distance, bounds)
        return (
            float(target @ coefficients - d @ value),
            target - free.T @ (d * factor),
            (free * (d * slope)[:, None]).T @ free,
        )

    with np.errstate(over="ignore", invalid="ignore"):
        found = maximise(evaluate, np.zeros(len(kept)), max_iterations=max_rounds, quadratic=False)
        _, factor, slope = _functions(free @ found.parameters, distance, bounds)
        weights = d * factor
        size = np.maximum(np.abs(wanted), np.abs(x).T @ np.abs(weights))
        gaps = (x.T @ weights - wanted) / np.where(size > 0, size, 1.0)
    coefficients = np.zeros(p)
    coefficients[kept] = found.parameters
    converged = bool(np.isfinite(gaps).all() and np.abs(gaps).max(initial=0.0) <= tolerance)
    return Calibrated(weights, d * slope, coefficients, found.iterations, gaps, converged)


def _functions(
    u: FloatArray, distance: Distance, bounds: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return G, F and F' of each linear predictor."""
    if distance == "logit":
        assert bounds is not None  # checked by the caller
        low, high = bounds
        steep = (high - low) / ((1 - low) * (high - 1))
        # The weight as a share of the way from the lower to the upper bound.
        shift = np.log1p(-low) - np.log(high - 1)
        share = np.asarray(special.expit(steep * u + shift), dtype=np.float64)
        value = low * u + (high - low) / steep * np.logaddexp(0.0, steep * u + shift)
        return value, low + (high - low) * share, (high - low) * steep * share * (1 - share)
    factor = 1 + u if distance == "linear" else np.exp(u)
    value = u + u * u / 2 if distance == "linear" else factor
    slope = np.ones_like(u) if distance == "linear" else factor
    if bounds is None:
        return value, factor, slope
    ends = np.asarray(bounds, dtype=np.float64)
    at = ends - 1 if distance == "linear" else np.log(np.maximum(ends, np.finfo(float).tiny))
    area = at + at * at / 2 if distance == "linear" else ends
    below, above = u < at[0], u > at[1]
    value = np.where(below, area[0] + ends[0] * (u - at[0]), value)
    value = np.where(above, area[1] + ends[1] * (u - at[1]), value)
    inside = ~(below | above)
    return value, np.clip(factor, *ends), np.where(inside, slope, 0.0)


def calibrated_mean(
    found: Calibrated,
    matrix: FloatArray,
    totals: FloatArray,
    outcome: FloatArray,
    index: IntArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    r"""Return weighted means, and the first-order effect of each row on them.

    With the targets fixed, a row's effect is that of its outcome, less what the coefficients of
    the weights take up: :math:`w_i (y_i - \bar y - x_i'b) / \sum w` with b the regression of y on
    x by the weights' slopes.

    Parameters
    ----------
    found : Calibrated
        The weights.
    matrix : ndarray of float, shape (n, p) or (C, p)
        The columns that they were calibrated on, by row or by cell.
    totals : ndarray of float, shape (p,)
        The targets.
    outcome : ndarray of float, shape (n, q)
        Outcomes.
    index : ndarray of int, shape (n,), optional
        Cell of each row.

    Returns
    -------
    mean : ndarray of float, shape (q,)
        The weighted means.
    influence : ndarray of float, shape (n, q)
        The effects, which sum to 0; the sum of their squares is the variance.

    Notes
    -----
    R: for linear calibration, n / (n - 1) times this variance is that of ``survey::svymean``.
    """
    whole = found.weights.sum()
    mean = found.weights @ outcome / whole
    residual = outcome - mean
    shares = np.asarray(totals, dtype=np.float64) / whole
    x = matrix - shares  # of a column of ones nothing is left: the sum of weights cancels
    slopes, pulled = found.slopes, residual * found.slopes[:, None]
    if index is not None:
        slopes = binned(index, slopes, len(x))
        pulled = np.stack([binned(index, column, len(x)) for column in pulled.T], axis=1)
    information = (x * slopes[:, None]).T @ x
    back = cast("Any", np.linalg).pinv(information, rcond=1e-11, hermitian=True)
    taken_up: FloatArray = x @ (back @ (x.T @ pulled))
    fitted = taken_up if index is None else taken_up[index]
    influence = found.weights[:, None] * (residual - fitted) / whole
    return mean, influence
