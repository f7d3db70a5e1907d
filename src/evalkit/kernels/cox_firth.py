r"""Firth's penalised partial likelihood, and intervals by profile likelihood.

The penalty :math:`\frac12 \log\det \mathcal I(\beta)` keeps estimates finite where the likelihood
is monotone, and takes away the first-order bias of small samples [1]_ [2]_. Its derivative needs
third moments of the risk sets, :math:`\sum_i p_i (x_i - m)_j (x_i - m)' \mathcal I^{-1}
(x_i - m)`. Multiplied out, every part is a sum over the rows with weights known from prefix sums,
so that its cost is rows x p x p as for the information.

References
----------
.. [1] Firth D (1993). Bias reduction of maximum likelihood estimates. Biometrika 80:27-38.
   doi:10.1093/biomet/80.1.27
.. [2] Heinze G, Schemper M (2001). A solution to the problem of monotone likelihood in Cox
   regression. Biometrics 57:114-119. doi:10.1111/j.0006-341X.2001.00114.x
.. [3] Venzon DJ, Moolgavkar SH (1988). A method for computing profile-likelihood-based
   confidence intervals. J R Stat Soc C 37:87-94. doi:10.2307/2347496
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from evalkit.kernels.cox import CoxFit, solve_spd, with_hazard
from evalkit.kernels.cox_data import CoxData
from evalkit.kernels.cox_likelihood import Moments, information, moments, risk_sums, row_weights
from evalkit.kernels.risk_sets import cumulate
from evalkit.typing import FloatArray

__all__ = ["Likelihood", "Profile", "firth_likelihood", "fit_firth", "likelihood", "profile"]

Likelihood: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]
"""Log-likelihood, score (p,) and information (p, p) at coefficients (p,)."""

_DONE = 1e-16
_HALVINGS = 30
_MOST = 400  # steps of the other coefficients in a profile
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Profile:
    """What the profile likelihood says about one coefficient.

    Attributes
    ----------
    low, high : float
        Limits of the interval; infinite where the likelihood never falls far enough.
    ratio : float
        Likelihood-ratio statistic of the coefficient being 0.
    """

    low: float
    high: float
    ratio: float


def likelihood(data: CoxData) -> Likelihood:
    """Return the partial likelihood as a function of the coefficients.

    Parameters
    ----------
    data : CoxData
        The data.

    Returns
    -------
    callable
        The function.
    """

    def evaluate(beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        at = moments(data, beta)
        return at.loglik, at.score, information(data, at)

    return evaluate


def firth_likelihood(data: CoxData) -> Likelihood:
    """Return Firth's penalised partial likelihood as a function of the coefficients.

    Parameters
    ----------
    data : CoxData
        The data.

    Returns
    -------
    callable
        The function; it is -inf where the information is singular.
    """

    def evaluate(beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        at = moments(data, beta)
        info = information(data, at)
        inverse = solve_spd(info, np.eye(len(info)))
        if inverse is None:
            return -np.inf, at.score, info
        half = 0.5 * float(np.linalg.slogdet(info)[1])
        return at.loglik + half, at.score + _penalty_gradient(data, at, inverse) / 2, info

    return evaluate


def _penalty_gradient(data: CoxData, at: Moments, inverse: FloatArray) -> FloatArray:
    """Return the derivatives of the log determinant of the information, shape (p,)."""
    risk, x = data.risk, data.x
    factor = data.mean_weight
    turned = inverse @ x
    square = np.einsum("ji,ji->i", x, turned)  # x' A x of each row
    third = x @ (row_weights(data, at) * square)
    # what the mean covariate, times the hazard, gains while each row is at risk
    gain = at.s1 * (factor * at.a2)
    if data.efron:
        gain = gain - at.d1 * (factor * at.a2f)
    total = cumulate(gain, risk.segments)
    gained = total[:, risk.exit]
    if risk.entry is not None:
        gained -= (total - gain)[:, risk.entry]
    if data.efron:
        own = at.s1 * (factor * at.a2f) - at.d1 * (factor * at.a2ff)
        gained[:, risk.died] -= own[:, risk.exit[risk.died]]
    third -= 2 * x @ (at.w * np.einsum("ji,ji->i", turned, gained))
    # the copies of the events, one column each
    s, d = risk_sums(data, square[None], at.w)
    copies = np.repeat(np.arange(len(risk.times)), risk.deaths)
    s1, s0, s2 = at.s1[:, copies], at.s0[copies], s[0, copies]
    if data.efron:
        f = data.fraction
        s1, s0, s2 = s1 - f * at.d1[:, copies], s0 - f * at.d0[copies], s2 - f * d[0, copies]
    mean = s1 / s0
    inner = 2 * np.einsum("jl,jk,kl->l", mean, inverse, mean) - s2 / s0
    return third + mean @ (factor[copies] * inner)


def fit_firth(data: CoxData, *, max_iterations: int = 400) -> CoxFit:
    """Maximise Firth's penalised partial likelihood.

    Parameters
    ----------
    data : CoxData
        The data, with at least one event and covariates that are not collinear.
    max_iterations : int, default 400
        Steps after which to give up; the penalised iterations converge linearly.

    Returns
    -------
    CoxFit
        The fit; its log-likelihoods are penalised, its variance is the inverse information of the
        partial likelihood, and it has no score test.
    """
    evaluate = firth_likelihood(data)
    p = len(data.center)
    value, gradient, info = evaluate(np.zeros(p))
    null = value
    beta = np.zeros(p)
    converged, iterations = False, 0
    while iterations < max_iterations:
        step = solve_spd(info, gradient)
        if step is None or gradient @ step <= _DONE:
            converged = step is not None
            break
        for halving in range(_HALVINGS):
            with np.errstate(all="ignore"):
                found = evaluate(beta + step * 0.5**halving)
            if found[0] >= value - 1e-13 * (abs(value) + 1):
                break
        else:
            converged = bool(gradient @ step < 1e-12 * (abs(value) + 1))
            break
        beta = beta + step * 0.5**halving
        value, gradient, info = found
        iterations += 1
    inverse = solve_spd(info, np.eye(p))
    variance = np.full((p, p), np.nan) if inverse is None else (inverse + inverse.T) / 2
    at = moments(data, beta)
    finite = np.zeros(p, dtype=np.bool_)
    fit = with_hazard(data, at, info, variance, null, np.nan, iterations, converged, finite)
    return replace(fit, loglik=value)


def profile(evaluate: Likelihood, fit: CoxFit, j: int, z: float) -> Profile:
    r"""Profile the likelihood of one coefficient.

    Parameters
    ----------
    evaluate : callable
        The likelihood that ``fit`` maximises.
    fit : CoxFit
        The fit.
    j : int
        The coefficient.
    z : float
        Normal quantile of the interval.

    Returns
    -------
    Profile
        The values at which :math:`2 \{\ell(\hat\beta) - \ell_p(\beta_j)\} = z^2`, where the
        other coefficients are at their best, and the test of 0.
    """
    known = float(np.sqrt(fit.variance[j, j]))
    column = fit.data.x[j]
    spread = float(np.sqrt(column @ column / len(column)))
    unit = known if np.isfinite(known) and known * spread < 1e3 else 1 / spread
    limits: list[float] = []
    for side in (-1.0, 1.0):
        if fit.infinite[j] and np.sign(fit.coefficients[j]) == side:
            limits.append(side * np.inf)
        else:
            limits.append(_limit(evaluate, fit, j, z, side * unit))
    at_zero = _constrained(evaluate, fit.coefficients, j, 0.0)[0]
    return Profile(limits[0], limits[1], max(2 * (fit.loglik - at_zero), 0.0))


def _limit(evaluate: Likelihood, fit: CoxFit, j: int, z: float, step: float) -> float:
    """Find where the profile has fallen far enough, beyond the estimate in the step's direction."""
    inside, beyond = float(fit.coefficients[j]), np.inf * step
    at, beta = inside + z * step, fit.coefficients
    for _ in range(_STEPS):
        value, slope, beta = _constrained(evaluate, beta, j, at)
        fallen = np.sqrt(max(2 * (fit.loglik - value), 0.0))
        if abs(fallen - z) < 1e-10 * z:
            return at
        inside, beyond = (at, beyond) if fallen < z else (inside, at)
        # the root of twice the fall is nearly linear, and its slope is known
        change = (fallen - z) * fallen / slope if slope else np.nan
        trial = at + change
        low, high = sorted((inside, beyond))
        if not (low < trial < high and abs(change) <= 10 * abs(at - fit.coefficients[j] + step)):
            trial = at + 2 * z * step if np.isinf(beyond) else (inside + beyond) / 2
        if abs(trial - at) <= 1e-13 * (abs(at) + abs(step)):
            return at
        at = float(trial)
    return float(np.sign(step)) * np.inf if np.isinf(beyond) else at


def _constrained(
    evaluate: Likelihood, start: FloatArray, j: int, value: float
) -> tuple[float, float, FloatArray]:
    """Maximise over the other coefficients; return the value, the slope in j, and the place."""
    beta = start.copy()
    beta[j] = value
    free = np.delete(np.arange(len(beta)), j)
    found = evaluate(beta)
    for _ in range(_MOST):
        gradient = found[1][free]
        step = solve_spd(found[2][np.ix_(free, free)], gradient)
        if len(free) == 0 or step is None or gradient @ step <= 1e-14:
            break
        for halving in range(_HALVINGS):
            moved = beta.copy()
            moved[free] += step * 0.5**halving
            with np.errstate(all="ignore"):
                new = evaluate(moved)
            if new[0] >= found[0] - 1e-13 * (abs(found[0]) + 1):
                break
        else:
            break
        beta, found = moved, new
    return found[0], float(found[1][j]), beta
