"""Discrete-time hazard models, fitted from counts without person-period rows.

The hazard of pattern u in interval j is h = F(B_j'gamma + x_u'beta_j), where B_j is a row of the
baseline's basis and beta_j holds slopes that are common to all intervals or an interval's own. The
likelihood is binomial in each pattern and interval; per interval only one weighted cross-product
of the p covariates is formed, and spread to the parameters afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evalkit.kernels.newton import Optimum, inverse, maximise
from evalkit.kernels.person_periods import PersonPeriods
from evalkit.typing import FloatArray, IntArray

__all__ = ["LINKS", "DiscreteFit", "Layout", "Link", "cluster_scores", "fit_discrete"]

_STEP = 1e-5  # of the differences that give the penalised curvature
_LARGEST = 30.0  # beyond this a linear predictor means a hazard of 1 to the last bit


class Link(Protocol):
    """What a link has to tell, elementwise, of a linear predictor."""

    def start(self, share: FloatArray) -> FloatArray:
        """Linear predictor of a hazard."""
        ...

    def hazard(self, eta: FloatArray) -> FloatArray:
        """Probability of the event in the interval."""
        ...

    def log_survival(self, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Minus the log of one minus the hazard, and its derivative."""
        ...

    def likelihood(
        self, eta: FloatArray, n: FloatArray, d: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log-likelihood of d events among n, its derivative, and minus its second derivative."""
        ...

    def expected(self, eta: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Expected information, and the derivative of its logarithm."""
        ...


class _Logit:
    """Log odds: proportional odds of leaving, interval by interval."""

    def start(self, share: FloatArray) -> FloatArray:
        return np.log(share) - np.log1p(-share)

    def hazard(self, eta: FloatArray) -> FloatArray:
        return 1 / (1 + np.exp(-eta))

    def log_survival(self, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.logaddexp(0, eta), self.hazard(eta)

    def likelihood(
        self, eta: FloatArray, n: FloatArray, d: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        h = self.hazard(eta)
        return d * eta - n * np.logaddexp(0, eta), d - n * h, n * h * (1 - h)

    def expected(self, eta: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        h = self.hazard(eta)
        return n * h * (1 - h), 1 - 2 * h


class _Cloglog:
    """Complementary log-log: proportional hazards in continuous time, seen by interval.

    With t = exp(eta), the integrated hazard of the interval: h = 1 - exp(-t), and
    a = t / (exp(t) - 1).
    """

    def start(self, share: FloatArray) -> FloatArray:
        return np.log(-np.log1p(-share))

    def hazard(self, eta: FloatArray) -> FloatArray:
        return -np.expm1(-np.exp(np.minimum(eta, _LARGEST)))

    def log_survival(self, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
        t = np.exp(np.minimum(eta, _LARGEST))
        return t, t

    def likelihood(
        self, eta: FloatArray, n: FloatArray, d: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        t = np.exp(np.minimum(eta, _LARGEST))
        h = -np.expm1(-t)
        a = t * np.exp(-t) / h
        stay = (n - d) * t
        log_h = np.where(d > 0, np.log(h), 0.0)
        return d * log_h - stay, d * a - stay, stay - d * a * (1 - t - a)

    def expected(self, eta: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
        t = np.exp(np.minimum(eta, _LARGEST))
        h = -np.expm1(-t)
        return n * t * t * np.exp(-t) / h, 2 - t / h


LINKS: Mapping[str, Link] = {"cloglog": _Cloglog(), "logit": _Logit()}
"""The links by name."""


class Counted(Protocol):
    """At risk and events by interval: :class:`Cells` of patterns, or :class:`Rows`."""

    @property
    def n_intervals(self) -> int:
        """Number of intervals."""
        ...

    def at(self, interval: int) -> tuple[int, FloatArray, FloatArray]:
        """How many patterns to look at, their numbers at risk, and their events."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parameters stand: the baseline's, the common slopes, the slopes by interval.

    Attributes
    ----------
    basis : ndarray of float, shape (J, q)
        The baseline's basis: a row for each interval.
    common : ndarray of int
        Columns of X with one slope for all intervals.
    own : ndarray of int
        Columns of X with a slope in each interval.
    intervals : ndarray of int
        Intervals that enter the likelihood.
    """

    basis: FloatArray
    common: IntArray
    own: IntArray
    intervals: IntArray

    @property
    def n_parameters(self) -> int:
        """Number of parameters, P."""
        return self.basis.shape[1] + len(self.common) + len(self.own) * len(self.intervals)

    def slopes(self, interval: int) -> IntArray:
        """Return the parameters that multiply the columns of X in one interval.

        Parameters
        ----------
        interval : int
            One of ``intervals``.

        Returns
        -------
        ndarray of int, shape (p,)
            Their positions.
        """
        q, c = self.basis.shape[1], len(self.common)
        where = np.empty(c + len(self.own), dtype=np.int64)
        where[self.common] = q + np.arange(c)
        position = int(np.searchsorted(self.intervals, interval))
        where[self.own] = q + c + position * len(self.own) + np.arange(len(self.own))
        return where

    def steps(self) -> Iterable[tuple[int, IntArray, FloatArray, IntArray]]:
        """Go through the intervals.

        Yields
        ------
        tuple
            The interval; the baseline's parameters that count in it and their factors; the
            parameters of the columns of X.
        """
        for j in self.intervals.tolist():
            used = np.flatnonzero(self.basis[j])
            yield j, used, self.basis[j, used], self.slopes(j)


@dataclass(frozen=True, slots=True)
class DiscreteFit:
    """A fitted discrete-time hazard model.

    Attributes
    ----------
    parameters : ndarray of float, shape (P,)
        Baseline, common slopes, slopes by interval.
    information : ndarray of float, shape (P, P)
        Expected information of the likelihood (without penalty).
    vcov : ndarray of float, shape (P, P)
        Its inverse.
    loglik : float
        Log-likelihood, as of 0/1 rows: without binomial coefficients.
    optimum : Optimum
        How the iterations ended.
    """

    parameters: FloatArray
    information: FloatArray
    vcov: FloatArray
    loglik: float
    optimum: Optimum


def fit_discrete(
    X: FloatArray,
    counted: Counted,
    layout: Layout,
    link: Link,
    *,
    penalised: bool = False,
    max_iterations: int = 100,
) -> DiscreteFit:
    r"""Fit the model by Newton's method.

    Parameters
    ----------
    X : ndarray of float, shape (U, p)
        Covariates of the patterns, in the order of ``counted``.
    counted : Cells or Rows
        At risk and events.
    layout : Layout
        Where the parameters stand.
    link : Link
        One of ``LINKS``.
    penalised : bool, default False
        Whether :math:`\tfrac12\log|I(\theta)|` is added to the log-likelihood (Firth 1993,
        doi:10.1093/biomet/80.1.27), which keeps the estimates finite.
    max_iterations : int, default 100
        Steps after which to give up.

    Returns
    -------
    DiscreteFit
        The fit; see ``optimum`` for whether it converged.
    """

    def plain(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        return _evaluate(theta, X, counted, layout, link, expected=False)

    def penalised_score(theta: FloatArray) -> tuple[float, FloatArray]:
        value, score, information = _evaluate(theta, X, counted, layout, link, expected=True)
        sign, log_determinant = np.linalg.slogdet(information)
        if sign <= 0:
            return -np.inf, score
        pull = _penalty(theta, X, counted, layout, link, inverse(information))
        return value + float(log_determinant) / 2, score + pull

    def with_penalty(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        # The penalty's curvature has no short form; scoring without it can go round in circles.
        slopes = np.empty((len(theta), len(theta)))
        for k in range(len(theta)):
            ahead, behind = theta.copy(), theta.copy()
            ahead[k] += _STEP
            behind[k] -= _STEP
            slopes[k] = penalised_score(behind)[1] - penalised_score(ahead)[1]
        slopes /= 2 * _STEP
        return *penalised_score(theta), (slopes + slopes.T) / 2

    optimum = maximise(
        with_penalty if penalised else plain,
        _start(counted, layout, link),
        max_iterations=max_iterations,
        quadratic=not penalised,
    )
    value, _, information = _evaluate(optimum.parameters, X, counted, layout, link, expected=True)
    return DiscreteFit(optimum.parameters, information, inverse(information), value, optimum)


def _start(counted: Counted, layout: Layout, link: Link) -> FloatArray:
    """Begin at the crude hazard of each interval, projected on the baseline, and slopes of 0."""
    totals = np.array(
        [[part.sum() for part in counted.at(j)[1:]] for j in layout.intervals.tolist()]
    )
    at_risk, events = totals[:, 0], totals[:, 1]
    eta = link.start((events + 0.5) / (at_risk + 1))
    root = np.sqrt(at_risk + 1)
    rows = layout.basis[layout.intervals]
    theta = np.zeros(layout.n_parameters)
    theta[: rows.shape[1]] = np.linalg.lstsq(rows * root[:, None], eta * root, rcond=None)[0]
    return theta


def _evaluate(
    theta: FloatArray,
    X: FloatArray,
    counted: Counted,
    layout: Layout,
    link: Link,
    *,
    expected: bool,
) -> tuple[float, FloatArray, FloatArray]:
    """Return the log-likelihood, the score, and the observed or expected information."""
    value = 0.0
    score = np.zeros(len(theta))
    information = np.zeros((len(theta), len(theta)))
    for j, used, factors, where in layout.steps():
        k, n, d = counted.at(j)
        x = X[:k]
        eta = factors @ theta[used] + x @ theta[where]
        terms, slope, curve = link.likelihood(eta, n, d)
        if expected:
            curve = link.expected(eta, n)[0]
        value += float(terms.sum())
        score[used] += factors * slope.sum()
        score[where] += slope @ x
        weighted = x * curve[:, None]
        information[np.ix_(used, used)] += np.outer(factors, factors) * curve.sum()
        cross = np.outer(factors, weighted.sum(axis=0))
        information[np.ix_(used, where)] += cross
        information[np.ix_(where, used)] += cross.T
        information[np.ix_(where, where)] += weighted.T @ x
    return value, score, (information + information.T) / 2


def _penalty(
    theta: FloatArray,
    X: FloatArray,
    counted: Counted,
    layout: Layout,
    link: Link,
    vcov: FloatArray,
) -> FloatArray:
    """Return the gradient of half the log determinant of the expected information."""
    pull = np.zeros(len(theta))
    for j, used, factors, where in layout.steps():
        k, n, _ = counted.at(j)
        x = X[:k]
        eta = factors @ theta[used] + x @ theta[where]
        weight, change = link.expected(eta, n)
        leverage = (
            factors @ vcov[np.ix_(used, used)] @ factors
            + 2 * x @ (vcov[np.ix_(where, used)] @ factors)
            + np.einsum("up,pq,uq->u", x, vcov[np.ix_(where, where)], x, optimize=True)
        )
        half = weight * leverage * change / 2
        pull[used] += factors * half.sum()
        pull[where] += half @ x
    return pull


def cluster_scores(
    theta: FloatArray,
    X: FloatArray,
    pattern: IntArray,
    periods: PersonPeriods,
    cluster: IntArray,
    layout: Layout,
    link: Link,
) -> FloatArray:
    """Add up the scores of all person-periods in each cluster.

    Parameters
    ----------
    theta : ndarray of float, shape (P,)
        Parameters.
    X : ndarray of float, shape (U, p)
        Covariates of the patterns.
    pattern : ndarray of int, shape (n,)
        Pattern of each row.
    periods : PersonPeriods, n rows
        The rows, in falling order of their last interval (see :class:`Rows`).
    cluster : ndarray of int, shape (n,)
        Cluster of each row, 0..G-1.
    layout, link
        As fitted.

    Returns
    -------
    ndarray of float, shape (G, P)
        The sums; together they add up to the score, 0 at the estimates.
    """
    from evalkit.kernels.person_periods import Rows

    size = int(cluster.max(initial=-1)) + 1
    scores = np.zeros((size, len(theta)))
    rows = Rows.of(periods)
    pattern, cluster = pattern[rows.order], cluster[rows.order]
    for j, used, factors, where in layout.steps():
        k, n, d = rows.at(j)
        present = np.flatnonzero(n > 0)
        which, group = pattern[:k][present], cluster[:k][present]
        eta = (factors @ theta[used] + X @ theta[where])[which]
        slope = link.likelihood(eta, n[present], d[present])[1]
        total = np.bincount(group, slope, minlength=size)
        scores[:, used] += total[:, None] * factors
        for column, parameter in enumerate(where.tolist()):
            scores[:, parameter] += np.bincount(group, slope * X[which, column], minlength=size)
    return scores
