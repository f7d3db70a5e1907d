r"""Matching with replacement: nearest neighbours with ties, and Abadie and Imbens's variances.

Everybody whom the estimand is about is compared with the M nearest people of the other group, and
with all who are as near as the M-th: :math:`\hat\tau_i = \pm(Y_i - \bar Y_{J(i)})`. A person who
is used as a match has the weight :math:`K_j = \sum_{i: j \in J(i)} 1/|J(i)|`, and
:math:`K'_j = \sum 1/|J(i)|^2`. The variance of the mean [1]_ over n people is

.. math:: n^{-2}\Big\{\sum (\hat\tau_i - \hat\tau)^2 + \sum (K_j^2 + a_j K_j - K'_j)
    \sigma_j^2\Big\},

a being 2 for the ATE, 0 otherwise. Bias adjustment [2]_ imputes
:math:`Y_j + (x_i - x_j)'\hat\beta` instead, from a regression among the matches weighted by K.
Where the score that is matched on was estimated, the variance changes by a quadratic form in the
score's variance [3]_: for the ATE it falls.

References
----------
.. [1] Abadie A, Imbens GW (2006). Large sample properties of matching estimators for average
   treatment effects. Econometrica 74:235-267. doi:10.1111/j.1468-0262.2006.00655.x
.. [2] Abadie A, Imbens GW (2011). Bias-corrected matching estimators for average treatment
   effects. J Bus Econ Stat 29:1-11. doi:10.1198/jbes.2009.07333
.. [3] Abadie A, Imbens GW (2016). Matching on the estimated propensity score. Econometrica
   84:781-807. doi:10.3982/ECTA11293
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from evalkit.kernels.least_squares import dependent_columns
from evalkit.kernels.tied_neighbours import nearest_with_ties
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "MatchingEstimate",
    "estimated_score_term",
    "match_means",
    "neighbour_variance",
]

Target: TypeAlias = Literal["ATT", "ATE", "ATC"]


@dataclass(frozen=True, eq=False)
class MatchingEstimate:
    """A mean effect by matching with replacement.

    Attributes
    ----------
    estimate : float
        The mean of the unit effects.
    effects : ndarray of float, shape (n,)
        Effect of each person whom the estimand is about, treated minus control.
    treated_mean, control_mean : float
        Means of outcomes, seen or imputed, over them.
    within : float
        Mean variance of the outcomes that each person is compared with.
    uses, square_uses : ndarray of float, shape (n,)
        K and K' of everybody; 0 for those never used.
    coefficients : tuple of ndarray
        Slopes of the bias adjustment among controls and among treated, where there were any.
    dependent : ndarray of int
        Covariates that the matches cannot tell from those before them.
    """

    estimate: float
    effects: FloatArray
    treated_mean: float
    control_mean: float
    within: float
    uses: FloatArray
    square_uses: FloatArray
    coefficients: tuple[FloatArray, ...]
    dependent: IntArray

    def variance(self, sigma: FloatArray | None, target: Target) -> float:
        """Return the variance of the estimate.

        Parameters
        ----------
        sigma : ndarray of float, shape (n,), or None
            Variance of each person's outcome; None for one variance for all, half the mean
            square of the differences between matched people less the estimate.
        target : {"ATT", "ATE", "ATC"}
            Over whom the effect is averaged.

        Returns
        -------
        float
            The variance.
        """
        off = self.effects - self.estimate
        n = len(off)
        own = float(off @ off)
        factor = self.uses**2 - self.square_uses
        if target == "ATE":
            factor = factor + 2 * self.uses
        if sigma is None:
            return (own + float(factor.sum()) * (own / n + self.within) / 2) / n**2
        return (own + float(factor @ sigma)) / n**2


def match_means(
    outcome: FloatArray,
    treated: BoolArray,
    points: FloatArray,
    n_matches: int,
    target: Target,
    *,
    covariates: FloatArray | None = None,
) -> MatchingEstimate:
    """Estimate a mean effect by matching with replacement.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome.
    treated : ndarray of bool, shape (n,)
        Who took part.
    points : ndarray of float, shape (n, d)
        Points whose Euclidean distances are matched on.
    n_matches : int
        Matches of each person, M.
    target : {"ATT", "ATE", "ATC"}
        Over whom the effect is averaged.
    covariates : ndarray of float, shape (n, p), optional
        Covariates of the bias adjustment, without intercept.

    Returns
    -------
    MatchingEstimate
        The estimate. R: ``Matching::Match``.
    """
    n = len(outcome)
    effects, seen, within = np.zeros(n), np.zeros(n), np.zeros(n)
    uses, squares = np.zeros(n), np.zeros(n)
    slopes: list[FloatArray] = []
    whom = {"ATT": (True,), "ATC": (False,), "ATE": (True, False)}[target]
    focal = np.zeros(n, dtype=np.bool_)
    for side in whom:
        mine, theirs = np.flatnonzero(treated == side), np.flatnonzero(treated != side)
        focal[mine] = True
        links = nearest_with_ties(points[mine], points[theirs], n_matches)
        uses[theirs], squares[theirs] = links.uses(), links.uses(2)
        if covariates is None:
            rest, moved = outcome[theirs], np.zeros(len(mine))
        else:
            beta = _slopes(covariates[theirs], outcome[theirs], uses[theirs])
            if beta.dtype.kind == "i":
                return _impossible(n, beta)
            slopes.append(beta)
            rest = outcome[theirs] - covariates[theirs] @ beta
            moved = covariates[mine] @ beta
        center = float(rest.mean())
        middle = links.means(rest - center)
        imputed = middle + center + moved
        within[mine] = np.maximum(links.means((rest - center) ** 2) - middle**2, 0.0)
        effects[mine] = outcome[mine] - imputed if side else imputed - outcome[mine]
        seen[mine] = outcome[mine] if side else imputed
    effects, seen = effects[focal], seen[focal]
    mean = float(effects.mean())
    return MatchingEstimate(
        mean, effects, float(seen.mean()), float(seen.mean()) - mean, float(within[focal].mean()),
        uses, squares, tuple(slopes), np.empty(0, dtype=np.int64),
    )  # fmt: skip


def _impossible(n: int, dependent: IntArray) -> MatchingEstimate:
    """Say which covariates make the bias adjustment impossible."""
    none = np.full(n, np.nan)
    return MatchingEstimate(np.nan, none, np.nan, np.nan, np.nan, none, none, (), dependent)


def _slopes(x: FloatArray, y: FloatArray, weights: FloatArray) -> Any:
    """Return least-squares slopes among those with a weight, or the columns that prevent them."""
    used = np.flatnonzero(weights > 0)
    w = weights[used]
    inner = np.empty((len(used), x.shape[1] + 1))
    inner[:, 0] = 1.0
    inner[:, 1:] = x[used] - w @ x[used] / w.sum()
    dependent = dependent_columns(inner)
    if len(dependent):
        return dependent - 1
    root = np.sqrt(w)
    return np.linalg.lstsq(inner * root[:, None], y[used] * root)[0][1:].astype(np.float64)


def neighbour_variance(
    outcome: FloatArray,
    treated: BoolArray,
    points: FloatArray,
    neighbours: int,
    *,
    who: BoolArray | None = None,
) -> FloatArray:
    """Estimate each person's outcome variance from the nearest people of the same group.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome.
    treated : ndarray of bool, shape (n,)
        The groups, each of more than ``neighbours`` people.
    points : ndarray of float, shape (n, d)
        Points whose distances say who is near.
    neighbours : int
        How many others beside the person.
    who : ndarray of bool, shape (n,), optional
        Whose variance is wanted; everybody's if left out.

    Returns
    -------
    ndarray of float, shape (n,)
        Sample variance among the person, the nearest others, and all who are as near; 0 for
        those for whom it was not wanted.
    """
    sigma = np.zeros(len(outcome))
    for side in (True, False):
        group = np.flatnonzero(treated == side)
        mine = group if who is None else group[who[group]]
        if not len(mine):
            continue
        links = nearest_with_ties(points[mine], points[group], neighbours + 1)
        y = outcome[group] - outcome[group].mean()
        size, mean = links.size[links.point], links.means(y)
        sigma[mine] = np.maximum(links.means(y * y) - mean**2, 0.0) * size / (size - 1)
    return sigma


def estimated_score_term(
    outcome: FloatArray,
    treated: BoolArray,
    score: FloatArray,
    design: FloatArray,
    information_inverse: FloatArray,
    target: Target,
    estimate: float,
    *,
    points: FloatArray,
    neighbours: int = 2,
) -> float:
    r"""Return what the estimation of a logistic score adds to the variance; often negative.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome.
    treated : ndarray of bool, shape (n,)
        Who took part.
    score : ndarray of float, shape (n,)
        The score that was matched on.
    design : ndarray of float, shape (n, q)
        The score's columns, intercept included.
    information_inverse : ndarray of float, shape (q, q)
        Variance of the score's coefficients.
    target : {"ATT", "ATE", "ATC"}
        Over whom the effect is averaged.
    estimate : float
        The effect.
    points : ndarray of float, shape (n, d)
        Points that say who is near in all covariates; used unless the target is ATE.
    neighbours : int, default 2
        People on whom each local covariance rests, in each group; at least 2.

    Returns
    -------
    float
        The term. For the ATE :math:`-c'I^{-1}c` with
        :math:`c = E[f\{cov(x, Y|1, e)/e + cov(x, Y|0, e)/(1 - e)\}]`, f = e(1 - e).
    """
    if target == "ATC":  # that of the other group's participation
        return estimated_score_term(
            outcome, ~treated, 1 - score, design, information_inverse, "ATT", -estimate,
            points=points, neighbours=neighbours,
        )  # fmt: skip
    n, steep = len(outcome), score * (1 - score)
    one = _local_covariance(outcome, treated, True, score, design, neighbours)
    zero = _local_covariance(outcome, treated, False, score, design, neighbours)
    if target == "ATE":
        c = ((one / score[:, None] + zero / (1 - score)[:, None]) * steep[:, None]).mean(axis=0)
        return -float(c @ information_inverse @ c)
    share = float(treated.mean())
    odds = (score / (1 - score))[:, None]
    by_score = _unit_effects(outcome, treated, score[:, None], neighbours) - estimate
    by_all = _unit_effects(outcome, treated, points, neighbours) - estimate
    c = (design * (steep * by_score)[:, None]).sum(axis=0)
    c += ((one + odds * zero) * steep[:, None]).sum(axis=0)
    slope = (design * (steep * by_all)[:, None]).sum(axis=0)
    c, slope = c / (n * share), slope / (n * share)
    return float(slope @ information_inverse @ slope - c @ information_inverse @ c)


def _local_covariance(
    outcome: FloatArray,
    treated: BoolArray,
    side: bool,
    score: FloatArray,
    design: FloatArray,
    neighbours: int,
) -> FloatArray:
    """Return the covariance of covariates and outcome among those of a group near each score."""
    theirs = np.flatnonzero(treated == side)
    links = nearest_with_ties(score[:, None], score[theirs, None], neighbours)
    y = outcome[theirs] - outcome[theirs].mean()
    size, mean = links.size[links.point], links.means(y)
    found = np.empty(design.shape)
    for j, column in enumerate(design.T):
        x = column[theirs]
        found[:, j] = links.means(x * y) - links.means(x) * mean
    return found * (size / (size - 1))[:, None]


def _unit_effects(
    outcome: FloatArray, treated: BoolArray, points: FloatArray, neighbours: int
) -> FloatArray:
    """Return everybody's effect by matching."""
    return match_means(outcome, treated, points, neighbours, "ATE").effects
