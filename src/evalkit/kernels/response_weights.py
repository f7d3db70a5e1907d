r"""Inverse-probability weights for missing outcomes, and regression with them.

References
----------
.. [1] Seaman SR, White IR (2013). Review of inverse probability weighting for dealing with missing
   data. Stat Methods Med Res 22:278-295. doi:10.1177/0962280210395740
.. [2] Robins JM, Rotnitzky A, Zhao LP (1994). Estimation of regression coefficients when some
   regressors are not always observed. J Am Stat Assoc 89:846-866.
   doi:10.1080/01621459.1994.10476818
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["WeightedRegression", "leave_out", "sum_by_unit", "weighted_regression"]

_DEPENDENT = 1e-9
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class WeightedRegression:
    """Weighted least squares on the rows with an outcome.

    Attributes
    ----------
    coefficients : ndarray of float, shape (k,)
        The coefficients.
    influence : ndarray of float, shape (n, k)
        First-order effect of each row, those without outcome included, on the coefficients.
    """

    coefficients: FloatArray
    influence: FloatArray


def weighted_regression(
    design: FloatArray,
    outcome: FloatArray,
    observed: BoolArray,
    weights: FloatArray,
    response: FloatArray | None,
    probability: FloatArray,
    moving: BoolArray,
) -> WeightedRegression:
    r"""Fit by weighted least squares, and linearise it with the model behind the weights.

    With :math:`w = c / p(z)` and p logistic in z, the estimating equations of the coefficients
    and of the response model are stacked: a row's influence is
    :math:`A^{-1}\{R w e x + D I^{-1} (R - p) z\}` with :math:`A = \sum R w x x'` and
    :math:`D = -\sum R w (1 - p) e x z'`. Left at the first term, weights are taken as known, and
    the variance is too large [2]_.

    Parameters
    ----------
    design : ndarray of float, shape (n, k)
        The regression's design matrix.
    outcome : ndarray of float, shape (n,)
        Outcomes; anything where not observed.
    observed : ndarray of bool, shape (n,)
        R.
    weights : ndarray of float, shape (n,)
        w.
    response : ndarray of float, shape (n, q), or None
        z of the response model, its intercept included; None takes weights as known.
    probability : ndarray of float, shape (n,)
        p.
    moving : ndarray of bool, shape (n,)
        Rows whose weight follows their probability; not those at a bound.

    Returns
    -------
    WeightedRegression
        Coefficients and influence.
    """
    used = np.where(observed, weights, 0.0)
    y = np.where(observed, outcome, 0.0)
    bread = np.linalg.inv((design * used[:, None]).T @ design)
    coefficients = bread @ (design.T @ (used * y))
    residuals = np.where(observed, y - design @ coefficients, 0.0)
    # What rounding leaves of an exact fit is no variation, and would look like precision.
    least = _ROUNDING * np.abs(y).max()
    if np.abs(residuals).max() <= least:
        residuals[:] = 0.0
        coefficients[np.abs(coefficients) <= least] = 0.0
    scores = design * (used * residuals)[:, None]
    if response is not None:
        variance = probability * (1 - probability)
        information = (response * variance[:, None]).T @ response
        slope = np.where(moving, used * (1 - probability) * residuals, 0.0)
        derivative = -(design * slope[:, None]).T @ response
        # Columns that only fill in other arms' models have no information: a generalised inverse.
        back = np.linalg.pinv(information, hermitian=True)
        scores = scores + (response * (observed - probability)[:, None]) @ back @ derivative.T
    return WeightedRegression(coefficients, scores @ bread)


def leave_out(
    design: FloatArray,
    outcome: FloatArray,
    observed: BoolArray,
    share: FloatArray,
    response: FloatArray,
    probability: FloatArray,
    unit: IntArray,
    largest: float = np.inf,
) -> FloatArray:
    """Return the coefficients without each unit in turn, its part in the weights removed too.

    The response model is brought up to date by one Newton step, which is close to fitting it
    anew and cannot run away; the regression is solved anew. The time is that of one regression
    for every unit.

    Parameters
    ----------
    design : ndarray of float, shape (n, k)
        The regression's design matrix.
    outcome : ndarray of float, shape (n,)
        Outcomes; anything where not observed.
    observed : ndarray of bool, shape (n,)
        Whether the outcome is there.
    share : ndarray of float, shape (n,)
        Numerators of the weights.
    response : ndarray of float, shape (n, q)
        Design matrix of the response model.
    probability : ndarray of float, shape (n,)
        Its fitted probabilities.
    unit : ndarray of int, shape (n,)
        Units 0, 1, ..., G - 1.
    largest : float, optional
        Bound of the weights.

    Returns
    -------
    ndarray of float, shape (G, k)
        Coefficients without each unit.
    """
    y = np.where(observed, outcome, 0.0)
    variance = probability * (1 - probability)
    information = (response * variance[:, None]).T @ response
    score = response * (observed - probability)[:, None]
    # Where everybody is seen the probability stays 1, and the log odds infinite.
    with np.errstate(divide="ignore"):
        eta = np.asarray(special.logit(probability), dtype=np.float64)
    order = np.argsort(unit, kind="stable")
    size = np.sqrt((design**2).sum(axis=0))
    scaled = design / size
    found = np.empty((int(unit.max()) + 1, design.shape[1]))
    members: list[IntArray] = np.split(order, np.flatnonzero(np.diff(unit[order])) + 1)
    for g, rows in enumerate(members):
        part = response[rows]
        left = information - (part * variance[rows, None]).T @ part
        step = -np.linalg.pinv(left, hermitian=True) @ score[rows].sum(axis=0)
        moved = np.asarray(eta + response @ step, dtype=np.float64)
        chance = np.where(observed, special.expit(moved), 1.0)
        weights = np.where(observed, np.minimum(share / chance, largest), 0.0)
        weights[rows] = 0.0
        # By least squares: a coefficient that only this unit told of is then left at 0.
        root = np.sqrt(weights)
        found[g] = np.linalg.lstsq(scaled * root[:, None], root * y, rcond=_DEPENDENT)[0] / size
    return found


def sum_by_unit(influence: FloatArray, unit: IntArray | None) -> FloatArray:
    """Sum influences over the rows of each independent unit.

    Parameters
    ----------
    influence : ndarray of float, shape (n, k) or (n,)
        Influences of rows.
    unit : ndarray of int, shape (n,), or None
        Units 0, 1, ...; None if every row is one.

    Returns
    -------
    ndarray of float, shape (G, k) or (G,)
        Influences of units.
    """
    if unit is None:
        return influence
    sums = np.zeros((int(unit.max()) + 1, *influence.shape[1:]))
    np.add.at(sums, unit, influence)
    return sums
