"""Multiple imputation by chained equations: each incomplete variable drawn given all the others.

References
----------
.. [1] van Buuren S, Brand JPL, Groothuis-Oudshoorn CGM, Rubin DB (2006). Fully conditional
   specification in multivariate imputation. J Stat Comput Simul 76:1049-1064.
   doi:10.1080/10629360600810434
.. [2] White IR, Royston P, Wood AM (2011). Multiple imputation using chained equations: issues
   and guidance for practice. Stat Med 30:377-399. doi:10.1002/sim.4067
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.kernels.imputation_models import draw_logit, draw_normal, fit_logit, fit_normal
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["fill_once", "shortages"]


def shortages(
    values: FloatArray, n_levels: Sequence[int], n_predictors: int, group: IntArray
) -> list[tuple[int, int, int, int]]:
    """Find variables that too few rows of a group tell anything about.

    A regression needs three rows more than it has coefficients, or the variance that its error
    is drawn with has no mean; a cumulative logit needs one row.

    Parameters
    ----------
    values, n_levels, group
        As :func:`fill_once`.
    n_predictors : int
        Number of complete predictors.

    Returns
    -------
    list of (int, int, int, int)
        Column, group, rows with a value, and rows needed.
    """
    found: list[tuple[int, int, int, int]] = []
    for column, levels in enumerate(n_levels):
        if not np.isnan(values[:, column]).any():
            continue
        needed = 1 if levels else n_predictors + len(n_levels) + 3
        for g in range(int(group.max()) + 1):
            inside = values[group == g, column]
            known = int((~np.isnan(inside)).sum())
            if known < len(inside) and known < needed:
                found.append((column, g, known, needed))
    return found


def fill_once(
    values: FloatArray,
    n_levels: Sequence[int],
    predictors: FloatArray,
    group: IntArray,
    rng: np.random.Generator,
    *,
    n_cycles: int = 10,
) -> FloatArray:
    """Fill in the missing values once, every group by models of its own [1]_.

    A chain begins with values drawn from those observed in the group. In each cycle every
    incomplete variable, the one with the fewest missing values first, is regressed on all the
    others among the rows that have it; parameters are drawn, then the missing values. Chains
    for different imputations are independent.

    Parameters
    ----------
    values : ndarray of float, shape (n, q)
        Variables, NaN where missing. Categorical ones are coded 0, 1, ...
    n_levels : sequence of int, length q
        0 for a number, otherwise the number of ordered levels. As predictors, levels count by
        their number.
    predictors : ndarray of float, shape (n, p)
        Complete variables, without intercept.
    group : ndarray of int, shape (n,)
        Groups 0, 1, ...
    rng : numpy.random.Generator
        Source of randomness.
    n_cycles : int, default 10
        Cycles; one is enough, and taken, if a single variable of a group is incomplete.

    Returns
    -------
    ndarray of float, shape (n, q)
        The values, complete.
    """
    filled = values.copy()
    for g in range(int(group.max()) + 1):
        rows = np.flatnonzero(group == g)
        filled[rows] = _fill_group(values[rows], n_levels, predictors[rows], rng, n_cycles)
    return filled


def _fill_group(
    values: FloatArray,
    n_levels: Sequence[int],
    predictors: FloatArray,
    rng: np.random.Generator,
    n_cycles: int,
) -> FloatArray:
    """Run one chain in one group."""
    missing: BoolArray = np.isnan(values)
    counts = missing.sum(axis=0)
    order = [int(k) for k in np.argsort(counts, kind="stable") if counts[k]]
    filled = values.copy()
    for k in order:
        filled[missing[:, k], k] = rng.choice(values[~missing[:, k], k], counts[k])
    for _ in range(n_cycles if len(order) > 1 else len(order)):
        for k in order:
            x = np.column_stack([predictors, np.delete(filled, k, axis=1)])
            seen, gone = ~missing[:, k], missing[:, k]
            filled[gone, k] = _draw(x[seen], values[seen, k], x[gone], n_levels[k], rng)
    return filled


def _draw(
    x: FloatArray, y: FloatArray, new: FloatArray, n_levels: int, rng: np.random.Generator
) -> FloatArray:
    """Draw parameters given the observed values, then values for new rows."""
    if n_levels:
        drawn = draw_logit(fit_logit(x, y.astype(np.int64), n_levels), 1, rng)
        latent = drawn.predictor(new)[:, 0] + rng.logistic(size=len(new))
        return (latent[:, None] > drawn.thresholds[0]).sum(axis=1).astype(np.float64)
    ones = np.ones((len(x), 1))
    normal = draw_normal(fit_normal(np.hstack([ones, x]), y), 1, rng)
    slope = normal.coefficients[0]
    noise = normal.sigma[0] * rng.standard_normal(len(new))
    return slope[0] + new @ slope[1:] + noise
