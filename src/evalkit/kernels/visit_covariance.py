r"""Linear models of repeated measurements: REML with a covariance that is linear in its parameters.

Unit i has outcomes at some of T visits, :math:`y_i \sim N(X_i\beta, V_i)`, where :math:`V_i` is the
part of :math:`\Sigma = \sum_k \theta_k G_k` that belongs to its visits. Units with the same visits
share :math:`V_i`, so that the cross products of their rows are taken once, in time linear in the
units, and a step of the fit costs the same whatever their number.

References
----------
.. [1] Kenward MG, Roger JH (1997). Small sample inference for fixed effects from restricted
   maximum likelihood. Biometrics 53:983-997. doi:10.2307/2533558
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.newton import inverse
from evalkit.kernels.variance_components import Moments, RemlFit, restricted_likelihood
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["JointTest", "Pattern", "fit_visits", "group_by_pattern", "joint_test", "structure"]

_STEPS = 200
_HALVINGS = 40
_TOLERANCE = 1e-10  # of the Newton decrement, about twice the log-likelihood that is left to gain
_ALLOWED_FALL = 1e-12


@dataclass(frozen=True, slots=True)
class Pattern:
    """Units that were seen at the same visits.

    Attributes
    ----------
    visits : ndarray of int, shape (t,)
        The visits, from 0.
    n_units : int
        The units.
    products : ndarray of float, shape (t, t, p + 1, p + 1)
        Sums over units of the products of W = [X, y] at each pair of visits.
    """

    visits: IntArray
    n_units: int
    products: FloatArray


@dataclass(frozen=True, slots=True)
class JointTest:
    """A test that linear combinations of the coefficients are 0.

    Attributes
    ----------
    statistic : float
        Scaled F.
    df : (float, float)
        Degrees of freedom.
    """

    statistic: float
    df: tuple[float, float]


def structure(n_visits: int, kind: str) -> FloatArray:
    """Return the matrices that span a covariance structure.

    Parameters
    ----------
    n_visits : int
        Number of visits T.
    kind : {"unstructured", "compound"}
        A variance for each visit and a covariance for each pair, or one of each.

    Returns
    -------
    ndarray of float, shape (q, T, T)
        The matrices G_k.
    """
    if kind == "compound":
        return np.stack([np.eye(n_visits), np.ones((n_visits, n_visits)) - np.eye(n_visits)])
    rows, columns = np.triu_indices(n_visits)
    basis = np.zeros((len(rows), n_visits, n_visits))
    basis[np.arange(len(rows)), rows, columns] = 1
    basis[np.arange(len(rows)), columns, rows] = 1
    return basis


def group_by_pattern(
    unit: IntArray, visit: IntArray, x: FloatArray, y: FloatArray, n_visits: int
) -> list[Pattern]:
    """Group units by the visits at which they were seen.

    Parameters
    ----------
    unit, visit : ndarray of int, shape (n,)
        Codes of units and of visits; no pair twice.
    x : ndarray of float, shape (n, p)
        Covariates.
    y : ndarray of float, shape (n,)
        Outcomes.
    n_visits : int
        Number of visits.

    Returns
    -------
    list of Pattern
        The patterns that occur.
    """
    order = np.lexsort((visit, unit))
    unit, visit = unit[order], visit[order]
    w = np.column_stack([x, y])[order]
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    # One row of booleans a unit rather than a number, which would overflow with many visits.
    seen: BoolArray = np.zeros((len(starts), n_visits), dtype=np.bool_)
    seen[np.repeat(np.arange(len(starts)), np.diff(starts, append=len(unit))), visit] = True
    kinds, which = np.unique(seen, axis=0, return_inverse=True)
    patterns: list[Pattern] = []
    for k, kind in enumerate(kinds):
        rows = starts[which.ravel() == k][:, None] + np.arange(int(kind.sum()))
        here = w[rows]
        products = np.einsum("map,mbq->abpq", here, here, optimize=True)
        patterns.append(Pattern(np.flatnonzero(kind), len(rows), products))
    return patterns


def fit_visits(patterns: Sequence[Pattern], basis: FloatArray) -> RemlFit:
    """Fit coefficients and covariance by restricted maximum likelihood.

    Parameters
    ----------
    patterns : sequence of Pattern
        The data.
    basis : ndarray of float, shape (q, T, T)
        The matrices G_k of the covariance structure.

    Returns
    -------
    RemlFit
        The fit; ``components`` are the theta. Scoring steps with halving keep the covariance
        positive definite.
    """

    def moments(theta: FloatArray) -> Moments:
        """Add up the patterns."""
        parts = [_moments(pattern, theta, basis) for pattern in patterns]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def definite(theta: FloatArray) -> bool:
        """Say whether theta makes a covariance."""
        return bool((np.linalg.eigvalsh(np.einsum("k,kab->ab", theta, basis)) > 0).all())

    theta = _start(patterns, basis)
    here = restricted_likelihood(moments, theta)
    converged = False
    for _ in range(_STEPS):
        step = np.linalg.solve(here.expected, here.score)
        if float(here.score @ step) < _TOLERANCE:
            converged = True
            break
        there = here
        for _ in range(_HALVINGS):
            if definite(theta + step):
                there = restricted_likelihood(moments, theta + step)
                if there.value >= here.value - _ALLOWED_FALL:
                    break
            step = step / 2
        else:
            break
        theta, here = theta + step, there
    return RemlFit(theta, here, np.ones(len(theta), dtype=np.bool_), converged, np.nan)


def _start(patterns: Sequence[Pattern], basis: FloatArray) -> FloatArray:
    """Return the parameters of independent outcomes with the variance that least squares leaves."""
    gram = np.sum([np.einsum("aapq->pq", pattern.products) for pattern in patterns], axis=0)
    p = len(gram) - 1
    n = sum(pattern.n_units * len(pattern.visits) for pattern in patterns)
    left = gram[p, p] - gram[:p, p] @ inverse(gram[:p, :p]) @ gram[:p, p]
    diagonal = np.einsum("kaa->k", basis) > 0
    return np.where(diagonal, float(left) / max(n - p, 1), 0.0)


def _moments(pattern: Pattern, theta: FloatArray, basis: FloatArray) -> Moments:
    """Return the moments of one pattern at one theta."""
    here = basis[:, pattern.visits[:, None], pattern.visits[None, :]]
    v = np.einsum("k,kab->ab", theta, here)
    inverted = inverse(v)
    moved = np.einsum("ab,kbc->kac", inverted, here)  # V^-1 G_k
    first = np.einsum("kac,cd->kad", moved, inverted)  # V^-1 G_k V^-1
    second = np.einsum("jac,kcd->jkad", moved, first)
    return Moments(
        pattern.n_units * float(np.linalg.slogdet(v)[1]),
        np.einsum("ab,abpq->pq", inverted, pattern.products),
        np.einsum("kab,abpq->kpq", first, pattern.products),
        np.einsum("jkab,abpq->jkpq", (second + second.swapaxes(0, 1)) / 2, pattern.products),
        pattern.n_units * np.einsum("kaa->k", moved),
        pattern.n_units * np.einsum("jac,kca->jk", moved, moved),
    )


def joint_test(fit: RemlFit, contrasts: FloatArray) -> JointTest:
    """Test that several contrasts are 0, by Kenward and Roger [1]_.

    Parameters
    ----------
    fit : RemlFit
        The fit.
    contrasts : ndarray of float, shape (r, p)
        Linear combinations of the coefficients, linearly independent.

    Returns
    -------
    JointTest
        Scaled F with its degrees of freedom.
    """
    at, (r, p) = fit.at, contrasts.shape
    spread = inverse(at.expected)
    slopes = at.moments.first[:, :p, :p]
    middle: FloatArray = np.einsum("jk,jkab->ab", spread, at.moments.second[:, :, :p, :p])
    middle -= np.einsum("jk,jab,bc,kcd->ad", spread, slopes, at.vcov, slopes, optimize=True)
    adjusted = at.vcov + 2 * at.vcov @ middle @ at.vcov
    tilted: FloatArray = np.einsum("ab,kbc,cd->kad", at.vcov, slopes, at.vcov, optimize=True)
    inner = contrasts @ at.vcov @ contrasts.T
    projector: FloatArray = contrasts.T @ (inverse(inner) @ contrasts)
    parts: FloatArray = np.einsum("ab,kbc->kac", projector, tilted)
    trace: FloatArray = np.trace(parts, axis1=1, axis2=2)
    a1 = float(trace @ spread @ trace)
    a2 = float(np.einsum("kab,kl,lba->", parts, spread, parts, optimize=True))
    effects = contrasts @ at.coefficients
    wald = float(effects @ inverse(contrasts @ adjusted @ contrasts.T) @ effects) / r
    scale, second = _scaled(r, a1, a2)
    return JointTest(scale * wald, (float(r), second))


def _scaled(r: int, a1: float, a2: float) -> tuple[float, float]:
    """Return scale and denominator degrees of freedom that match the statistic's two moments."""
    b = (a1 + 6 * a2) / (2 * r)
    g = ((r + 1) * a1 - (r + 4) * a2) / ((r + 2) * a2)
    base = 3 * r + 2 * (1 - g)
    c1, c2, c3 = g / base, (r - g) / base, (r + 2 - g) / base
    mean = 1 / (1 - a2 / r)
    spread = 2 / r * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    ratio = spread / (2 * mean**2)
    df = 4 + (r + 2) / (r * ratio - 1)
    return df / (mean * (df - 2)), df
