"""Restricted likelihood of normal models whose variance is a sum of known parts.

The model is y ~ N(X b, V) with V = sum_k theta_k V_k: the first components are residual variances
(positive), the others are variances of random effects (which may be 0). The likelihood, its
derivatives and the small-sample theory need only a few cross-products of [X, y] with V^-1, V^-1
V_k V^-1 and V^-1 V_j V^-1 V_k V^-1; a *structure* gives these, however V looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

import numpy as np

from evalkit.kernels.newton import inverse, maximise
from evalkit.typing import BoolArray, FloatArray

__all__ = [
    "Likelihood",
    "Moments",
    "RemlFit",
    "Structure",
    "fit_reml",
    "restricted_likelihood",
    "strata_moments",
]

_SHARES = (0.01, 0.05, 0.2, 0.5)  # of the residual variance, where random effects may begin
_NOTHING = 1e-9  # of the residual variance: an effect's variance that is on its way to 0
_LEVEL = 1e-10  # log-likelihoods that differ less are equal


@dataclass(frozen=True, slots=True)
class Moments:
    """Cross-products of W = [X, y], p + 1 columns, at one value of r components.

    Attributes
    ----------
    log_determinant : float
        log |V|.
    cross : ndarray of float, shape (p + 1, p + 1)
        W'V^-1 W.
    first : ndarray of float, shape (r, p + 1, p + 1)
        W'V^-1 V_j V^-1 W.
    second : ndarray of float, shape (r, r, p + 1, p + 1)
        W'V^-1 V_j V^-1 V_k V^-1 W, its symmetric part.
    traces : ndarray of float, shape (r,)
        tr(V^-1 V_j).
    pair_traces : ndarray of float, shape (r, r)
        tr(V^-1 V_j V^-1 V_k).
    """

    log_determinant: float
    cross: FloatArray
    first: FloatArray
    second: FloatArray
    traces: FloatArray
    pair_traces: FloatArray

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of two independent sets of rows together."""
        return Moments(
            self.log_determinant + other.log_determinant,
            self.cross + other.cross,
            self.first + other.first,
            self.second + other.second,
            self.traces + other.traces,
            self.pair_traces + other.pair_traces,
        )


Structure: TypeAlias = Callable[[FloatArray], Moments]
"""Takes the components, shape (r,), and returns the moments."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The restricted log-likelihood at some components, with what follows from it.

    Attributes
    ----------
    value : float
        Restricted log-likelihood without its constant; minus infinity where V is not positive.
    score : ndarray of float, shape (r,)
        Its gradient.
    observed, expected : ndarray of float, shape (r, r)
        Minus its second derivatives, and their expectation.
    coefficients : ndarray of float, shape (p,)
        Generalised least squares.
    vcov : ndarray of float, shape (p, p)
        (X'V^-1 X)^-1.
    moments : Moments
        The cross-products.
    """

    value: float
    score: FloatArray
    observed: FloatArray
    expected: FloatArray
    coefficients: FloatArray
    vcov: FloatArray
    moments: Moments


@dataclass(frozen=True, slots=True)
class RemlFit:
    """Components at the largest restricted likelihood.

    Attributes
    ----------
    components : ndarray of float, shape (r,)
        The variances.
    at : Likelihood
        The likelihood there.
    active : ndarray of bool, shape (r,)
        False for the random effects whose variance is 0 at the boundary.
    converged : bool
        Whether a maximum was found.
    value_without : float
        Largest restricted log-likelihood with every random effect at 0.
    """

    components: FloatArray
    at: Likelihood
    active: BoolArray
    converged: bool
    value_without: float


def strata_moments(
    products: FloatArray, counts: FloatArray, loadings: FloatArray, components: FloatArray
) -> Moments:
    """Return the moments where V is a multiple of the identity on orthogonal subspaces.

    Parameters
    ----------
    products : ndarray of float, shape (s, p + 1, p + 1)
        Cross-product of W projected on each subspace.
    counts : ndarray of float, shape (s,)
        Dimensions of the subspaces.
    loadings : ndarray of float, shape (s, r)
        The variance in each subspace is ``loadings @ components``.
    components : ndarray of float, shape (r,)
        The components.

    Returns
    -------
    Moments
        The moments.
    """
    variance = loadings @ components
    share = loadings / variance[:, None]
    by_stratum = products / variance[:, None, None]
    pairs = np.einsum("sj,sk->sjk", share, share)
    return Moments(
        float(counts @ np.log(variance)),
        by_stratum.sum(axis=0),
        np.einsum("sj,sab->jab", share, by_stratum),
        np.einsum("sjk,sab->jkab", pairs, by_stratum),
        counts @ share,
        np.einsum("s,sjk->jk", counts, pairs),
    )


def restricted_likelihood(structure: Structure, components: FloatArray) -> Likelihood:
    r"""Evaluate the restricted log-likelihood and its derivatives.

    Parameters
    ----------
    structure : callable
        Gives the moments.
    components : ndarray of float, shape (r,)
        The components.

    Returns
    -------
    Likelihood
        Value, derivatives, coefficients and their covariance.

    Notes
    -----
    With P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1 the score is :math:`-\tfrac12\{tr(PV_j) -
    y'PV_jPy\}`, the expected information :math:`\tfrac12 tr(PV_jPV_k)` and the observed one
    :math:`y'PV_jPV_kPy - \tfrac12 tr(PV_jPV_k)`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # outside: said by the value
        m = structure(components)
    p = len(m.cross) - 1
    vcov = inverse(m.cross[:p, :p])
    coefficients = vcov @ m.cross[:p, p]
    residual = np.append(-coefficients, 1.0)  # W @ residual = y - X b
    pulled = m.first @ residual  # (r, p + 1)
    quadratic = pulled @ residual
    inner = m.first[:, :p, :p] @ vcov
    trace = m.traces - np.einsum("jaa->j", inner)
    pair_trace = (
        m.pair_traces
        - 2 * np.einsum("jkab,ab->jk", m.second[:, :, :p, :p], vcov)
        + np.einsum("jab,kba->jk", inner, inner)
    )
    double = np.einsum("jkab,a,b->jk", m.second, residual, residual) - np.einsum(
        "ja,ab,kb->jk", pulled[:, :p], vcov, pulled[:, :p]
    )
    sign, log_information = np.linalg.slogdet(m.cross[:p, :p])
    fit = float(residual @ m.cross @ residual)
    value = -0.5 * (m.log_determinant + float(log_information) + fit)
    if not (sign > 0 and np.isfinite(value)):
        value = -np.inf
    return Likelihood(
        value,
        -0.5 * (trace - quadratic),
        double - 0.5 * pair_trace,
        0.5 * pair_trace,
        coefficients,
        vcov,
        m,
    )


def fit_reml(structure: Structure, residual: FloatArray, n_random: int) -> RemlFit:
    """Maximise the restricted likelihood over components of at least 0.

    Parameters
    ----------
    structure : callable
        Gives the moments; its components are the residual variances, then the random effects'.
    residual : ndarray of float, shape (r - n_random,)
        Where the residual variances begin.
    n_random : int
        Number of random effects.

    Returns
    -------
    RemlFit
        The best point that no component above 0 can improve.

    Notes
    -----
    Every set of random effects that may be above 0 is tried, and a set stands only if its
    variances are above 0 and the likelihood does not rise where one left at 0 leaves it. So a
    variance of 0 is 0 exactly, and never a small number where the iterations happened to stop.
    """
    r0 = len(residual)
    start = np.append(residual, np.zeros(n_random))
    none = best = _fit_active(structure, [start], r0, [*range(r0)])
    for size in range(1, n_random + 1):
        for chosen in combinations(range(r0, r0 + n_random), size):
            starts = _starts(residual, none.components[:r0], n_random, list(chosen))
            values = [restricted_likelihood(structure, point).value for point in starts]
            if best.converged and max(values) <= best.at.value:
                continue  # a maximum already, and nothing seen here that improves on it
            order = np.argsort(values)[::-1].tolist()
            fit = _fit_active(structure, [starts[i] for i in order], r0, [*range(r0), *chosen])
            better = not best.converged or fit.at.value > best.at.value + _LEVEL
            if fit.converged and better:
                best = fit
    return replace(best, value_without=none.at.value)


def _starts(
    residual: FloatArray, of_none: FloatArray, n_random: int, chosen: list[int]
) -> list[FloatArray]:
    """Return where to begin: several shares of two guesses of the residual variances."""
    points: list[FloatArray] = []
    for variances in (residual, of_none):
        for share in _SHARES:
            point = np.append(variances, np.zeros(n_random))
            point[chosen] = share * variances.min()
            points.append(point)
    return points


def _fit_active(
    structure: Structure, starts: list[FloatArray], r0: int, chosen: list[int]
) -> RemlFit:
    """Maximise over some components, the others 0, from one start after the other until one ends.

    Residual variances are sought by their logarithms, those of random effects by their roots:
    where the likelihood falls from 0 on, a root of 0 is a maximum like any other, and the
    iterations reach it as fast.
    """
    r = len(starts[0])
    random = np.arange(len(chosen)) >= r0

    def spread(parameters: FloatArray) -> FloatArray:
        components = np.zeros(r)
        components[chosen] = np.append(np.exp(parameters[:r0]), parameters[r0:] ** 2)
        return components

    def evaluate(parameters: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        components = spread(parameters)
        at = restricted_likelihood(structure, components)
        scale = np.append(components[:r0], 2 * parameters[r0:])
        plain = at.score[chosen]
        score = plain * scale
        information = at.observed[np.ix_(chosen, chosen)] * np.outer(scale, scale)
        return at.value, score, information - np.diag(np.where(random, 2 * plain, score))

    fits: list[RemlFit] = []
    for start in starts:
        begin = np.append(np.log(start[:r0]), np.sqrt(start[chosen][r0:]))
        optimum = maximise(evaluate, begin, quadratic=False)
        fits.append(_judged(structure, spread(optimum.parameters), r0, chosen, optimum.converged))
        if fits[-1].converged:
            break
    return fits[-1]


def _judged(
    structure: Structure, components: FloatArray, r0: int, chosen: list[int], ended: bool
) -> RemlFit:
    """Say whether the point is a maximum: effects above 0, and none at 0 that would leave it."""
    at = restricted_likelihood(structure, components)
    active = np.zeros(len(components), dtype=np.bool_)
    active[chosen] = True
    above = components[r0:][active[r0:]] > _NOTHING * components[:r0].max()
    # A score in units of its own spread: rounding alone may not send an effect off its boundary.
    spread = np.sqrt(np.maximum(np.diagonal(at.expected), 0))
    held = bool((at.score[~active] <= _NOTHING * spread[~active]).all())
    return RemlFit(components, at, active, ended and bool(above.all()) and held, np.nan)
