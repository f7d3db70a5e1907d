"""Outcomes over visits as a chain of regressions, and what one arm's chain says of another's rows.

The outcome at each visit is regressed on baseline and all visits before it. Where people leave for
good, this is the whole likelihood of the normal model, so that parameters and predictions are exact
without iteration.

References
----------
.. [1] Carpenter JR, Roger JH, Kenward MG (2013). Analysis of longitudinal trials with protocol
   deviation: a framework for relevant, accessible assumptions, and inference via multiple
   imputation. J Biopharm Stat 23:1352-1371. doi:10.1080/10543406.2013.834911
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.kernels.imputation_models import NormalFit, draw_normal, fit_normal
from evalkit.typing import FloatArray, IntArray

__all__ = ["Rule", "VisitParameters", "at_least_squares", "draw_visits", "fit_visits", "locate"]

Rule: TypeAlias = Literal["mar", "jump to reference", "copy increments", "copy reference"]
"""What is taken to happen to the outcome after the last visit seen."""


@dataclass(frozen=True, slots=True)
class VisitParameters:
    """Parameters of one arm's chain: y_j = x'c_j + sum over k < j of g_jk y_k + s_j noise.

    Attributes
    ----------
    constants : ndarray of float, shape (m, J, q)
        c, one set for each of m draws.
    slopes : ndarray of float, shape (m, J, J)
        g, 0 on and above the diagonal.
    sigma : ndarray of float, shape (m, J)
        s.
    """

    constants: FloatArray
    slopes: FloatArray
    sigma: FloatArray

    def given(self, visit: int, known: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the law of a visit given baseline and the first visits.

        Parameters
        ----------
        visit : int
            Which visit, from 0.
        known : int
            How many visits are given, at most ``visit`` + 1.

        Returns
        -------
        constants : ndarray of float, shape (m, q)
            Coefficients of baseline in the conditional mean.
        weights : ndarray of float, shape (m, known)
            Coefficients of the visits given.
        variance : ndarray of float, shape (m,)
            The conditional variance.
        """
        m, n_visits, q = self.constants.shape
        weights = np.zeros((m, n_visits))
        weights[:, visit] = 1.0
        constants, variance = np.zeros((m, q)), np.zeros(m)
        for j in range(visit, known - 1, -1):
            passed = weights[:, j].copy()
            constants += passed[:, None] * self.constants[:, j]
            variance += (passed * self.sigma[:, j]) ** 2
            weights[:, j] = 0.0
            weights += passed[:, None] * self.slopes[:, j]
        return constants, weights[:, :known], variance


def fit_visits(design: FloatArray, visits: FloatArray, last: IntArray) -> list[NormalFit]:
    """Fit one arm's chain of regressions.

    Parameters
    ----------
    design : ndarray of float, shape (n, q)
        Baseline with its intercept.
    visits : ndarray of float, shape (n, J)
        Outcomes; in each row the first ``last`` are there.
    last : ndarray of int, shape (n,)
        Number of visits of each row.

    Returns
    -------
    list of NormalFit, length J
        One regression a visit, on the rows that have it.
    """
    fits: list[NormalFit] = []
    for j in range(visits.shape[1]):
        seen = last > j
        fits.append(fit_normal(np.hstack([design[seen], visits[seen, :j]]), visits[seen, j]))
    return fits


def draw_visits(
    fits: Sequence[NormalFit], n_baseline: int, m: int, rng: np.random.Generator
) -> VisitParameters:
    """Draw a chain's parameters from their posterior.

    Parameters
    ----------
    fits : sequence of NormalFit
        The chain.
    n_baseline : int
        Number of columns of baseline, q.
    m : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    VisitParameters
        The draws.
    """
    found = [draw_normal(fit, m, rng) for fit in fits]
    return _chain([one.coefficients for one in found], [one.sigma for one in found], n_baseline)


def at_least_squares(fits: Sequence[NormalFit], n_baseline: int) -> VisitParameters:
    """Return a chain's least-squares estimates in place of draws.

    Parameters
    ----------
    fits : sequence of NormalFit
        The chain.
    n_baseline : int
        Number of columns of baseline, q.

    Returns
    -------
    VisitParameters
        One set.
    """
    sigma = [np.array([np.sqrt(fit.rss / max(fit.df, 1))]) for fit in fits]
    return _chain([fit.coefficients[None, :] for fit in fits], sigma, n_baseline)


def _chain(
    coefficients: Sequence[FloatArray], sigma: Sequence[FloatArray], n_baseline: int
) -> VisitParameters:
    """Arrange the coefficients of all visits, (m, q + j) each, as one chain."""
    m, n_visits = len(coefficients[0]), len(coefficients)
    slopes = np.zeros((m, n_visits, n_visits))
    for j, one in enumerate(coefficients):
        slopes[:, j, :j] = one[:, n_baseline:]
    constants = np.stack([one[:, :n_baseline] for one in coefficients], axis=1)
    return VisitParameters(constants, slopes, np.stack(sigma, axis=1))


def locate(
    rule: Rule,
    own: VisitParameters,
    reference: VisitParameters,
    design: FloatArray,
    history: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    r"""Return mean and standard deviation of the last visit of rows that left.

    With :math:`\mu(x)` the marginal mean of a visit in an arm, :math:`y` the visits seen and
    :math:`w` the reference arm's regression of the last visit on them, the mean is

    - mar: the own arm's regression on x and y;
    - jump to reference: :math:`\mu_R(x) + w'(y - \mu_A(x))`;
    - copy increments: the same plus :math:`\mu_A - \mu_R` at the last visit seen; at baseline
      arms do not differ, so that nothing is added where no visit was seen;
    - copy reference: :math:`\mu_R(x) + w'(y - \mu_R(x))`, the reference arm's regression [1]_.

    Parameters
    ----------
    rule : {"mar", "jump to reference", "copy increments", "copy reference"}
        What is taken to happen.
    own, reference : VisitParameters
        Chains of the rows' own arm and of the reference arm, m draws each.
    design : ndarray of float, shape (m, n, q)
        Baseline of the rows in each imputation.
    history : ndarray of float, shape (m, n, d)
        The d visits that the rows have.

    Returns
    -------
    mean : ndarray of float, shape (n, m)
        Conditional means.
    sd : ndarray of float, shape (m,)
        Conditional standard deviations.
    """
    end, known = own.constants.shape[1] - 1, history.shape[2]
    source = own if rule == "mar" else reference
    constants, weights, variance = source.given(end, known)
    if rule in ("mar", "copy reference"):
        around = history
    else:
        constants = reference.given(end, 0)[0]
        means = [own.given(j, 0)[0] for j in range(known)]
        around = history - _means(means, design)
        if rule == "copy increments" and known:
            constants = constants + means[-1] - reference.given(known - 1, 0)[0]
    mean = np.einsum("mnq,mq->nm", design, constants)
    return mean + np.einsum("mnd,md->nm", around, weights), np.sqrt(variance)


def _means(constants: Sequence[FloatArray], design: FloatArray) -> FloatArray:
    """Return the marginal means of visits, shape (m, n, d)."""
    if not constants:
        return np.zeros((*design.shape[:2], 0))
    return np.einsum("mnq,mqd->mnd", design, np.stack(constants, axis=-1))
