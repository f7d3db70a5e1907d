r"""Weights from propensity scores, for two groups or several.

With scores :math:`e_k(x)` of the groups and the own group g, a row's weight is
:math:`h(x) / e_g(x)`, where h says over whom effects are averaged [1]_: 1 over all (ATE),
:math:`e_f` over group f (ATT, ATC), and :math:`(\sum_k 1/e_k)^{-1}` over those who could be in any
group (overlap, ATO [2]_); for two groups that is e(1 - e).

References
----------
.. [1] Li F, Morgan KL, Zaslavsky AM (2018). Balancing covariates via propensity score weighting.
   J Am Stat Assoc 113:390-400. doi:10.1080/01621459.2016.1260466
.. [2] Li F, Li F (2019). Propensity score weighting for causal inference with multiple
   treatments. Ann Appl Stat 13:2389-2415. doi:10.1214/19-AOAS1282
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.multinomial_logit import MultinomialFit
from evalkit.kernels.propensity import PropensityFit
from evalkit.kernels.weight_fit import WeightFit
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Target", "generalised_weights", "propensity_weights"]

Target: TypeAlias = Literal["ATT", "ATE", "ATC", "ATO"]
"""Over whom effects are averaged."""


def propensity_weights(
    fit: PropensityFit,
    matrix: FloatArray,
    treated: BoolArray,
    target: Target,
    *,
    survey: FloatArray | None = None,
) -> WeightFit:
    """Turn the propensity scores of two groups into weights.

    Parameters
    ----------
    fit : PropensityFit
        The scores, fitted with the same survey weights.
    matrix : ndarray of float, shape (n, p)
        The covariates of the fit.
    treated : ndarray of bool, shape (n,)
        Who took part.
    target : {"ATT", "ATE", "ATC", "ATO"}
        Over whom effects are averaged.
    survey : ndarray of float, shape (n,), optional
        Survey weights.

    Returns
    -------
    WeightFit
        The weights; 1 (times the survey weight) for those who took part if the target is ATT.
    """
    p = fit.probability
    q = 1 - p if fit.link != "logit" else special.expit(-fit.linear)  # keeps its digits near 1
    density = _density(fit, p, q)
    # Weight of the treated and of the others, and their slopes in the score.
    one: FloatArray = np.ones_like(p)
    zero: FloatArray = np.zeros_like(p)
    forms = {
        "ATT": (one, p / q, zero, 1 / q**2),
        "ATC": (q / p, one, -1 / p**2, zero),
        "ATE": (1 / p, 1 / q, -1 / p**2, 1 / q**2),
        "ATO": (q, p, -one, one),
    }
    w1, w0, d1, d0 = forms[target]
    each = np.ones_like(p) if survey is None else survey
    return WeightFit(
        weights=each * np.where(treated, w1, w0),
        matrix=matrix,
        center=np.zeros(int(matrix.shape[1])),
        intercept=True,
        slope=(each * np.where(treated, d1, d0) * density)[:, None],
        score=(each * (treated - p) * (density / (p * q)))[:, None],
        bread=fit.variance,
        score_of=p,
    )


def _density(fit: PropensityFit, p: FloatArray, q: FloatArray) -> FloatArray:
    """Return the derivative of the score in the linear predictor."""
    if fit.link == "logit":
        return p * q
    if fit.link == "probit":
        return np.exp(-0.5 * fit.linear**2) / np.sqrt(2 * np.pi)
    return np.exp(fit.linear - np.exp(fit.linear))


def generalised_weights(
    fit: MultinomialFit,
    matrix: FloatArray,
    group: IntArray,
    target: Target,
    *,
    focal: int = 0,
    survey: FloatArray | None = None,
) -> WeightFit:
    """Turn the scores of several groups into weights.

    Parameters
    ----------
    fit : MultinomialFit
        The scores, fitted with the same survey weights.
    matrix : ndarray of float, shape (n, p)
        The covariates of the fit.
    group : ndarray of int, shape (n,)
        The group of each row, 0 to K - 1.
    target : {"ATT", "ATE", "ATO"}
        Over whom effects are averaged; ATT means the focal group.
    focal : int, default 0
        The group over which ATT averages.
    survey : ndarray of float, shape (n,), optional
        Survey weights.

    Returns
    -------
    WeightFit
        The weights.
    """
    e = fit.probability
    n, n_groups = e.shape
    own = e[np.arange(n), group]
    each = np.ones(n) if survey is None else survey
    own_column = np.zeros((n, n_groups))
    own_column[np.arange(n), group] = 1.0
    # d log(e_l) / d eta_k = 1{k = l} - e_k: so has the log of a weight slopes in each eta_k.
    if target == "ATE":
        log_weight = -np.log(own)
        move = e - own_column
    elif target == "ATT":
        log_weight = np.log(e[:, focal]) - np.log(own)
        move = np.eye(n_groups)[focal] - own_column
    else:
        inverse = 1 / e
        h = 1 / inverse.sum(axis=1)
        log_weight = np.log(h) - np.log(own)
        move = inverse * h[:, None] - own_column
    weights = each * np.exp(log_weight)
    return WeightFit(
        weights=weights,
        matrix=matrix,
        center=np.zeros(int(matrix.shape[1])),
        intercept=True,
        slope=weights[:, None] * move[:, 1:],
        score=each[:, None] * (own_column[:, 1:] - e[:, 1:]),
        bread=fit.variance,
    )
