r"""Covariate balancing propensity scores: a logit whose weights balance the covariates exactly.

The score :math:`p = 1/(1 + e^{-\eta})`, :math:`\eta = z'\beta`, solves

.. math:: \sum_i s_i \{t_i w_1(\eta_i) - (1 - t_i) w_0(\eta_i)\} z_i = 0

(the just-identified form [1]_), with weights :math:`w_1 = 1, w_0 = e^\eta` over those who took
part, :math:`w_1 = e^{-\eta}, w_0 = 1` over the others, and :math:`1 + e^{-\eta}, 1 + e^\eta` over
all. The left-hand side is the gradient of a concave function, which Newton's method maximises.

References
----------
.. [1] Imai K, Ratkovic M (2014). Covariate balancing propensity score. J R Stat Soc B 76:243-263.
   doi:10.1111/rssb.12027
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.newton import Evaluate, inverse, maximise
from evalkit.kernels.weight_fit import WeightFit
from evalkit.typing import BoolArray, FloatArray

__all__ = ["BalancedScore", "balancing_scores"]

BalanceTarget: TypeAlias = Literal["ATT", "ATC", "ATE"]

_CHUNK = 1 << 15
_MOVING = 1e-2
_HIGHEST = 500.0  # of eta, beyond which its exponential would overflow


@dataclass(frozen=True, eq=False)
class BalancedScore:
    """A covariate balancing propensity score.

    Attributes
    ----------
    weights : WeightFit
        Its weights.
    coefficients : ndarray of float, shape (1 + p,)
        Intercept and slopes.
    converged : bool
        Whether the equations are solved.
    infinite : ndarray of bool, shape (1 + p,)
        Columns along which no balance can be had: the groups do not overlap there.
    """

    weights: WeightFit
    coefficients: FloatArray
    converged: bool
    infinite: BoolArray


def balancing_scores(
    matrix: FloatArray,
    treated: BoolArray,
    target: BalanceTarget,
    *,
    survey: FloatArray | None = None,
) -> BalancedScore:
    """Fit a score whose weights give both groups the same means.

    Parameters
    ----------
    matrix : ndarray of float, shape (n, p)
        Covariates, none of them constant or dependent, without an intercept.
    treated : ndarray of bool, shape (n,)
        Who took part.
    target : {"ATT", "ATC", "ATE"}
        Over whom effects are averaged.
    survey : ndarray of float, shape (n,), optional
        Survey weights.

    Returns
    -------
    BalancedScore
        The score and its weights. R: ``CBPS(method = "exact")``.
    """
    n, p = len(matrix), int(matrix.shape[1])
    each = np.ones(n) if survey is None else survey
    center, scale = matrix.mean(axis=0), matrix.std(axis=0)
    design = np.column_stack([np.ones(n), (matrix - center) / scale])
    share = float(each[treated].sum() / each.sum())
    start = np.zeros(1 + p)
    start[0] = np.log(share / (1 - share))
    end = maximise(_concave(design, treated, target, each), start)
    infinite = np.zeros(1 + p, dtype=np.bool_)
    if end.runaway is not None or not end.converged:
        moving = end.parameters if end.runaway is None else end.runaway
        size = np.abs(moving)
        size[0] = 0.0 if p else size[0]
        infinite = size > _MOVING * size.max()
    eta: FloatArray = np.clip(design @ end.parameters, -_HIGHEST, _HIGHEST)
    value1, value0, curve1, curve0 = _forms(target, eta)
    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -center / scale
    fit = WeightFit(
        weights=each * np.where(treated, value1, value0),
        matrix=matrix,
        center=np.zeros(p),
        intercept=True,
        slope=(each * np.where(treated, -curve1, curve0))[:, None],
        score=(each * np.where(treated, value1, -value0))[:, None],
        bread=back @ inverse(end.information) @ back.T,
        score_of=np.asarray(special.expit(eta), dtype=np.float64),
    )
    return BalancedScore(fit, back @ end.parameters, end.converged and not infinite.any(), infinite)


def _forms(
    target: BalanceTarget, eta: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the weights of the treated and of the others, and how fast they fall and rise."""
    one, zero = np.ones_like(eta), np.zeros_like(eta)
    if target == "ATT":
        odds = np.exp(eta)
        return one, odds, zero, odds
    if target == "ATC":
        odds = np.exp(-eta)
        return odds, one, odds, zero
    up, down = np.exp(eta), np.exp(-eta)
    return 1 + down, 1 + up, down, up


def _concave(
    design: FloatArray, treated: BoolArray, target: BalanceTarget, each: FloatArray
) -> Evaluate:
    """Return the concave function, its gradient, and minus its curvature."""
    n, q = design.shape

    def evaluate(at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, score, information = 0.0, np.zeros(q), np.zeros((q, q))
        for first in range(0, n, _CHUNK):
            part = slice(first, min(first + _CHUNK, n))
            z, t, s = design[part], treated[part], each[part]
            eta = z @ at
            if np.abs(eta).max() > _HIGHEST:
                return -np.inf, score, information
            value1, value0, curve1, curve0 = _forms(target, eta)
            # The function whose slope is t value1 - (1 - t) value0.
            level1 = eta - curve1 if target != "ATC" else -curve1
            level0 = eta + curve0 if target != "ATT" else curve0
            value += float(s @ np.where(t, level1, -level0))
            score += z.T @ (s * np.where(t, value1, -value0))
            information += z.T @ ((s * np.where(t, curve1, curve0))[:, None] * z)
        return value, score, information

    return evaluate
