r"""A fitted model of proportional hazards, and how every row moves what is computed from it.

Survival, cumulative incidence, restricted means and their averages over covariates are functions of
the coefficients and of the steps of the baseline hazard. Their derivative with respect to the
weight of a row follows from the row's influence on the coefficients and, for any sum
:math:`\sum_j \phi_j d\Lambda_j` over the steps, from one pass over the rows: variances of
everything, at any number of times, cost O(n) a number.

References
----------
.. [1] Reid N, Crepeau H (1985). Influence functions for proportional hazards regression.
   Biometrika 72:1-9. doi:10.1093/biomet/72.1.1
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from evalkit.kernels.cox import CoxFit
from evalkit.kernels.cox_likelihood import carried_weights
from evalkit.kernels.cox_residuals import score_residuals
from evalkit.kernels.risk_sets import cumulate
from evalkit.kernels.time_index import last_at_or_before
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "HazardFit",
    "cumulative_hazard",
    "from_cox",
    "hazard_influence",
    "log_hazard_variance",
    "steps_until",
]


@dataclass(frozen=True, slots=True)
class HazardFit:
    r"""A fitted model, of a hazard or a subdistribution hazard, as what follows from it needs it.

    Attributes
    ----------
    time : ndarray of float, shape (J,)
        Time of each step of the baseline hazard, by stratum.
    stratum : ndarray of int, shape (J,)
        Stratum of each step.
    step : ndarray of float, shape (J,)
        Steps of the hazard of somebody whose :meth:`linear` is 0.
    centre : ndarray of float, shape (p,)
        What is taken off covariates.
    shift : float
        What is taken off the linear predictor.
    beta : ndarray of float, shape (p,)
        Coefficients.
    influence : ndarray of float, shape (n, p)
        What each row of the sample adds to ``beta``, weights included.
    moved : callable
        Takes numbers :math:`\phi` of shape (J, m) and returns what each row adds to the sums
        :math:`\sum_j \phi_j d\Lambda_j`, weights included, shape (n, m).
    """

    time: FloatArray
    stratum: IntArray
    step: FloatArray
    centre: FloatArray
    shift: float
    beta: FloatArray
    influence: FloatArray
    moved: Callable[[FloatArray], FloatArray]

    def rows(self, covariates: FloatArray) -> FloatArray:
        """Centre covariates, shape (m, p)."""
        return covariates - self.centre

    def linear(self, rows: FloatArray) -> FloatArray:
        """Return the linear predictor of centred covariates, shape (m,)."""
        return rows @ self.beta - self.shift

    def own(self, stratum: int) -> IntArray:
        """Return the positions of a stratum's steps, in the order of time."""
        return np.flatnonzero(self.stratum == stratum)


def from_cox(fit: CoxFit) -> HazardFit:
    """Take over a fit, and compute every row's influence.

    Parameters
    ----------
    fit : CoxFit
        The fit, of a hazard or, with rows that stay, of a subdistribution hazard.

    Returns
    -------
    HazardFit
        The same fit. Rows that are at risk at no event time add nothing.
    """
    influence = score_residuals(fit) @ fit.variance
    return HazardFit(
        fit.risk.times,
        fit.risk.stratum,
        fit.increment,
        fit.center,
        fit.at.shift,
        fit.coefficients,
        influence,
        partial(hazard_influence, fit, influence),
    )


def hazard_influence(fit: CoxFit, influence: FloatArray, functional: FloatArray) -> FloatArray:
    r"""What each row adds to sums over the steps of the cumulative hazard, weights included.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    influence : ndarray of float, shape (n, p)
        What each row adds to the coefficients.
    functional : ndarray of float, shape (G, m)
        Numbers :math:`\phi` that define the sums :math:`\sum_g \phi_g d\Lambda_g`.

    Returns
    -------
    ndarray of float, shape (n, m)
        Derivatives with respect to the logarithm of the rows' weights.
    """
    risk, at = fit.risk, fit.at
    factor = fit.data.mean_weight
    a, b = factor * at.a2, factor * at.a2f
    gain = at.a1 / risk.deaths
    result = np.zeros((risk.n, functional.shape[1]), order="F")
    died = risk.died
    last = risk.exit[died]
    weights = 1.0 if risk.weights is None else risk.weights[died]
    for column, phi in enumerate(functional.T):
        change = phi * a
        total = cumulate(change, risk.segments)
        moved = total[risk.exit]
        if risk.entry is not None:
            moved -= (total - change)[risk.entry]
        moved[died] -= (phi * b)[last]
        moved *= -at.w
        moved[died] += weights * (phi * gain)[last]
        result[risk.rows, column] = moved
        if fit.data.carried is not None:
            result[fit.data.carried.rows, column] -= carried_weights(fit.data, at, change)
    slope = at.s1 @ (functional * a[:, None])
    if fit.data.efron:
        slope -= at.d1 @ (functional * b[:, None])
    return result - influence @ slope


def steps_until(model: HazardFit, times: FloatArray, stratum: int = 0) -> FloatArray:
    """Mark the steps of a stratum's hazard that lie at or before each time.

    Parameters
    ----------
    model : HazardFit
        The fit.
    times : ndarray of float, shape (T,)
        Times.
    stratum : int, default 0
        The stratum.

    Returns
    -------
    ndarray of float, shape (J, T)
        1 where the step is one of the stratum's at or before the time, else 0.
    """
    own = model.own(stratum)
    result = np.zeros((len(model.time), len(times)))
    for column, last in enumerate(last_at_or_before(model.time[own], times)):
        result[own[: last + 1], column] = 1.0
    return result


def cumulative_hazard(model: HazardFit, times: FloatArray, stratum: int = 0) -> FloatArray:
    """Return the baseline cumulative hazard at times, for a linear predictor of 0.

    Parameters
    ----------
    model : HazardFit
        The fit.
    times : ndarray of float, shape (T,)
        Times.
    stratum : int, default 0
        The stratum.

    Returns
    -------
    ndarray of float, shape (T,)
        The hazard.
    """
    own = model.own(stratum)
    total = np.concatenate([[0.0], np.cumsum(model.step[own])])
    return total[last_at_or_before(model.time[own], times) + 1]


def log_hazard_variance(
    hazard: FloatArray, hazard_influences: FloatArray, influence: FloatArray, rows: FloatArray
) -> FloatArray:
    r"""Variance of the logarithm of the cumulative hazard at covariates.

    Parameters
    ----------
    hazard : ndarray of float, shape (T,)
        Baseline cumulative hazards, above 0.
    hazard_influences : ndarray of float, shape (g, T)
        What each row, or cluster of rows, adds to them.
    influence : ndarray of float, shape (g, p)
        What each adds to the coefficients.
    rows : ndarray of float, shape (m, p)
        Covariates, centred.

    Returns
    -------
    ndarray of float, shape (m, T)
        Sums of squares of :math:`d\Lambda_0 / \Lambda_0 + x'd\beta`.
    """
    relative = hazard_influences / hazard
    covariance = influence.T @ influence
    own = np.einsum("mp,pq,mq->m", rows, covariance, rows)
    return (relative**2).sum(axis=0) + 2 * rows @ (influence.T @ relative) + own[:, None]
