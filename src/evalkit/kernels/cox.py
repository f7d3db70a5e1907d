r"""Cox's proportional hazards model: the fit, and the baseline hazard with its variance pieces.

The arrays of the baseline hazard have one entry for each event time g, numbered as in
:class:`~evalkit.kernels.risk_sets.RiskSets`: by stratum, then by time. They belong to a row whose
:meth:`CoxFit.relative_risk` is 1. With r the relative risk of somebody with covariates x,

.. math:: H(t | x) = r H(t), \qquad
   \widehat{var} H(t | x) = r^2 \{V(t) + q' \Sigma q\}, \qquad q = (x - \bar x) H(t) - A(t),

where H is ``hazard``, V ``hazard_variance``, A ``mean_hazard`` (the integral of the mean covariate
of those at risk against dH) and :math:`\Sigma` the variance of the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.kernels.cox_data import CoxData
from evalkit.kernels.cox_likelihood import Moments, information, moments
from evalkit.kernels.risk_sets import RiskSets, cumulate
from evalkit.kernels.time_index import last_at_or_before
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["CoxFit", "dependent", "fit_cox", "solve_spd", "with_hazard"]

_DONE = 1e-16  # squared length of a step, in standard errors
_HALVINGS = 40
_QUIET = 1e-4  # below, regular likelihoods converge quadratically and monotone ones do not
_SLOW = 0.05
_PATIENCE = 4
_FLAT = 1e-9  # a monotone likelihood has then reached its limit
_MOVING = 1e-2  # share of the largest movement, in standard deviations
_DEPENDENT = 1e-11
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A fitted model.

    Attributes
    ----------
    data : CoxData
        What was fitted.
    at : Moments
        The sums over the risk sets at the coefficients.
    coefficients : ndarray of float, shape (p,)
        Log hazard ratios.
    information : ndarray of float, shape (p, p)
        Minus the second derivatives of the log-likelihood.
    variance : ndarray of float, shape (p, p)
        Its inverse: the model-based variance.
    loglik, loglik_null : float
        Log partial likelihood, there and at coefficients 0.
    score_test : float
        Statistic of the score test that all coefficients are 0, chi-squared on p.
    iterations : int
        Newton steps taken.
    converged : bool
        Whether the last step was negligible.
    infinite : ndarray of bool, shape (p,)
        Coefficients along which the likelihood rises for ever; their signs are right.
    increment : ndarray of float, shape (G,)
        Increments of the cumulative baseline hazard.
    hazard : ndarray of float, shape (G,)
        Cumulative baseline hazard of the stratum.
    hazard_variance : ndarray of float, shape (G,)
        Its variance if the coefficients were known.
    mean_hazard : ndarray of float, shape (p, G)
        Integral of the mean covariate at risk, less the centre, against the baseline hazard.
    """

    data: CoxData
    at: Moments
    coefficients: FloatArray
    information: FloatArray
    variance: FloatArray
    loglik: float
    loglik_null: float
    score_test: float
    iterations: int
    converged: bool
    infinite: BoolArray
    increment: FloatArray
    hazard: FloatArray
    hazard_variance: FloatArray
    mean_hazard: FloatArray

    @property
    def risk(self) -> RiskSets:
        """Event times and rows."""
        return self.data.risk

    @property
    def center(self) -> FloatArray:
        """Covariates of the row that the baseline hazard belongs to (but for ``at.shift``)."""
        return self.data.center

    def relative_risk(self, x: FloatArray, offset: npt.ArrayLike = 0.0) -> FloatArray:
        """Return what the baseline hazard is to be multiplied by.

        Parameters
        ----------
        x : ndarray of float, shape (k, p)
            Covariates.
        offset : array_like, shape (k,), optional
            Offsets.

        Returns
        -------
        ndarray of float, shape (k,)
            The factors.
        """
        eta = (x - self.data.center) @ self.coefficients + np.asarray(offset, dtype=np.float64)
        return np.exp(eta - self.at.shift)

    def position(self, times: npt.ArrayLike, stratum: int = 0) -> IntArray:
        """Return the last event time of a stratum that is not after each of some times.

        Parameters
        ----------
        times : array_like, shape (k,)
            The times.
        stratum : int, default 0
            The stratum.

        Returns
        -------
        ndarray of int, shape (k,)
            Positions in ``hazard`` and the like; -1 before the stratum's first event.
        """
        low, high = self.risk.first[stratum : stratum + 2]
        found = last_at_or_before(self.risk.times[low:high], times)
        return np.where(found < 0, -1, found + low)

    def cumulative_hazard(self, times: npt.ArrayLike, stratum: int = 0) -> FloatArray:
        """Return the cumulative baseline hazard of a stratum at some times.

        Parameters
        ----------
        times : array_like, shape (k,)
            The times.
        stratum : int, default 0
            The stratum.

        Returns
        -------
        ndarray of float, shape (k,)
            The hazards; 0 before the first event, constant after the last.
        """
        where = self.position(times, stratum)
        return np.where(where < 0, 0.0, np.append(self.hazard, 0.0)[where])


def solve_spd(matrix: FloatArray, right: FloatArray) -> FloatArray | None:
    """Solve with a symmetric positive definite matrix.

    Parameters
    ----------
    matrix : ndarray of float, shape (p, p)
        The matrix; its rows and columns may be of very different size.
    right : ndarray of float, shape (p,) or (p, k)
        Right-hand sides.

    Returns
    -------
    ndarray of float or None
        The solution; None if the matrix is not finite or not positive definite.
    """
    diagonal = np.diagonal(matrix)
    if not (np.isfinite(matrix).all() and (diagonal > 0).all()):
        return None
    scale = np.sqrt(diagonal)
    try:
        # scipy's solver for triangles takes longer to import than most fits
        root = np.linalg.inv(np.linalg.cholesky(matrix / np.outer(scale, scale)))
    except np.linalg.LinAlgError:
        return None
    shaped = scale if right.ndim == 1 else scale[:, None]
    return root.T @ (root @ (right / shaped)) / shaped


def dependent(data: CoxData, at: Moments, info: FloatArray) -> list[tuple[int, list[int]]]:
    """Find the covariates whose coefficients cannot be told from the others'.

    Parameters
    ----------
    data : CoxData
        The data.
    at : Moments
        The sums at coefficients 0.
    info : ndarray of float, shape (p, p)
        The information there.

    Returns
    -------
    list of (int, list of int)
        Each covariate that is a linear combination of earlier ones within the risk sets, and
        those. The list is empty where it is constant within every risk set.
    """
    factor = data.mean_weight
    means = at.s1**2 @ (factor * at.a2)
    if data.efron:
        means += (at.d1**2 @ (factor * at.a2ff)) - 2 * (at.s1 * at.d1) @ (factor * at.a2f)
    whole = np.diagonal(info) + means  # the size of the terms whose difference the information is
    left = info.copy()
    kept: list[int] = []
    found: list[tuple[int, list[int]]] = []
    for j in range(len(info)):
        if info[j, j] <= _ROUNDING * whole[j]:
            found.append((j, []))
        elif left[j, j] <= _DEPENDENT * info[j, j] + _ROUNDING * whole[j]:
            weights = np.linalg.lstsq(info[np.ix_(kept, kept)], info[kept, j])[0]
            share = np.abs(weights) * np.sqrt(np.diagonal(info)[kept] / info[j, j])
            found.append((j, [i for i, s in zip(kept, share, strict=True) if s > 1e-6]))
        else:
            kept.append(j)
            left -= np.outer(left[:, j], left[j]) / left[j, j]
    return found


def fit_cox(
    data: CoxData,
    *,
    null: Moments | None = None,
    null_information: FloatArray | None = None,
    max_iterations: int = 60,
) -> CoxFit:
    """Maximise the partial likelihood by Newton's method with step-halving.

    Parameters
    ----------
    data : CoxData
        The data, with at least one event.
    null : Moments, optional
        The sums at coefficients 0, if they are known.
    null_information : ndarray of float, shape (p, p), optional
        The information there.
    max_iterations : int, default 60
        Steps after which to give up.

    Returns
    -------
    CoxFit
        The fit.

    Notes
    -----
    The iterations end when a step is shorter than 1e-8 standard errors. A likelihood that is
    monotone in some direction shows itself by steps of constant length while the gain falls
    geometrically: the coefficients that move are ``infinite``.
    """
    p = len(data.center)
    at = moments(data, np.zeros(p)) if null is None else null
    info = information(data, at) if null_information is None else null_information
    loglik_null, first = at.loglik, solve_spd(info, at.score)
    score_test = np.nan if first is None else float(at.score @ first)
    decrements: list[float] = []
    infinite = np.zeros(p, dtype=np.bool_)
    converged = False
    iterations = 0
    for iterations in range(max_iterations + 1):
        step = solve_spd(info, at.score)
        if step is None:
            break
        decrements.append(float(at.score @ step))
        if not infinite.any() and _is_monotone(decrements):
            moved = np.abs(step) * np.sqrt(np.einsum("ji,ji->j", data.x, data.x))
            infinite = moved > _MOVING * moved.max()
        if decrements[-1] <= (_FLAT if infinite.any() else _DONE):
            converged = True
            break
        if iterations == max_iterations:
            break
        better = _search(data, at, step)
        if better is None:
            converged = decrements[-1] <= 1e-12 * (1 + abs(at.loglik))
            break
        at, info = better
    inverse = solve_spd(info, np.eye(p))
    variance = np.full((p, p), np.nan) if inverse is None else (inverse + inverse.T) / 2
    return with_hazard(
        data, at, info, variance, loglik_null, score_test, iterations, converged, infinite
    )


def _search(data: CoxData, at: Moments, step: FloatArray) -> tuple[Moments, FloatArray] | None:
    """Take the step, halved until the log-likelihood does not fall."""
    slack = 1e-13 * (abs(at.loglik) + 1)  # its own rounding hides a smaller gain
    for halving in range(_HALVINGS):
        with np.errstate(all="ignore"):
            new = moments(data, at.coefficients + step * 0.5**halving)
            if new.loglik >= at.loglik - slack:
                info = information(data, new)
                if np.isfinite(info).all():
                    return new, info
    return None


def _is_monotone(decrements: list[float]) -> bool:
    """Say whether the last decrements are small but fall no faster than geometrically."""
    if len(decrements) <= _PATIENCE or not 1e-12 < decrements[-1] < _QUIET:
        return False
    last = np.array(decrements[-_PATIENCE - 1 :])
    ratios = last[1:] / last[:-1]
    return bool((ratios > _SLOW).all() and (ratios < 1).all())


def with_hazard(
    data: CoxData,
    at: Moments,
    info: FloatArray,
    variance: FloatArray,
    loglik_null: float,
    score_test: float,
    iterations: int,
    converged: bool,
    infinite: BoolArray,
) -> CoxFit:
    """Add the baseline hazard of every stratum to a finished fit.

    Parameters
    ----------
    data : CoxData
        The data.
    at : Moments
        The sums at the estimates.
    info, variance, loglik_null, score_test, iterations, converged, infinite
        As in :class:`CoxFit`.

    Returns
    -------
    CoxFit
        The fit.
    """
    mean = data.mean_weight
    strata = np.unique(data.risk.first[:-1][np.diff(data.risk.first) > 0])
    increment = mean * at.a1
    means = at.s1 * (mean * at.a2)
    if data.efron:
        means -= at.d1 * (mean * at.a2f)
    return CoxFit(
        data=data,
        at=at,
        coefficients=at.coefficients,
        information=info,
        variance=variance,
        loglik=at.loglik,
        loglik_null=loglik_null,
        score_test=score_test,
        iterations=iterations,
        converged=converged,
        infinite=infinite,
        increment=increment,
        hazard=cumulate(increment, strata),
        hazard_variance=cumulate(mean * at.a2, strata),
        mean_hazard=cumulate(means, strata),
    )
