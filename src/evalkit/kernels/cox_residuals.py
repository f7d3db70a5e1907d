r"""Residuals of a Cox fit, and the variance that allows for dependence within clusters.

With the pieces of :mod:`~evalkit.kernels.cox_likelihood`, the score residual of row i is

.. math:: \delta_i (x_i - \bar m) - e^{\eta_i} \{x_i \Delta H_i - \Delta A_i\},

where :math:`\bar m` is the mean of :math:`m_l` over the copies at the row's event time,
:math:`\Delta H_i` and :math:`\Delta A_i` are what the cumulative hazard and its integral of the
mean covariate gain while the row is at risk, and the row's own tie is counted with 1 - f (Efron).
Everything is prefix sums: the cost is rows x p.

References
----------
.. [1] Lin DY, Wei LJ (1989). The robust inference for the Cox proportional hazards model.
   J Am Stat Assoc 84:1074-1078. doi:10.1080/01621459.1989.10478874
.. [2] Therneau TM, Grambsch PM, Fleming TR (1990). Martingale-based residuals for survival
   models. Biometrika 77:147-160. doi:10.1093/biomet/77.1.147
.. [3] Cameron AC, Gelbach JB, Miller DL (2011). Robust inference with multiway clustering.
   J Bus Econ Stat 29:238-249. doi:10.1198/jbes.2010.07136
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.cox import CoxFit
from evalkit.kernels.cox_data import CoxData
from evalkit.kernels.cox_likelihood import Moments, by_cell, carried_weights, row_weights
from evalkit.kernels.risk_sets import cumulate
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "Schoenfeld",
    "deviance_residuals",
    "martingale_residuals",
    "robust_variance",
    "schoenfeld_residuals",
    "score_residuals",
    "score_sums",
]

_CHUNK = 1 << 15


@dataclass(frozen=True, slots=True)
class Schoenfeld:
    """Schoenfeld residuals, one row for each event.

    Attributes
    ----------
    rows : ndarray of int, shape (number of events,)
        Positions of the events among the rows given, by stratum and time.
    event_time : ndarray of int, shape (number of events,)
        Number of each one's event time.
    residuals : ndarray of float, shape (number of events, p)
        Covariates less their mean over those at risk.
    """

    rows: IntArray
    event_time: IntArray
    residuals: FloatArray


def martingale_residuals(fit: CoxFit) -> FloatArray:
    r"""Return the event less its expected number, :math:`\delta_i - e^{\eta_i} \Delta H_i`.

    Parameters
    ----------
    fit : CoxFit
        The fit.

    Returns
    -------
    ndarray of float, shape (n,)
        Residuals of the rows given; 0 for those that are at risk at no event time.
    """
    risk = fit.risk
    expected = row_weights(fit.data, fit.at)
    if risk.weights is not None:
        expected /= risk.weights
    residuals = np.zeros(risk.n)
    residuals[risk.rows] = risk.died - expected
    return residuals


def deviance_residuals(martingale: FloatArray, event: IntArray) -> FloatArray:
    r"""Return martingale residuals on the scale of the deviance.

    Parameters
    ----------
    martingale : ndarray of float, shape (n,)
        Martingale residuals M.
    event : ndarray of int, shape (n,)
        1 for an event.

    Returns
    -------
    ndarray of float, shape (n,)
        :math:`sign(M) \sqrt{-2 \{M + \delta \log(\delta - M)\}}`.
    """
    expected = np.where(event > 0, event - martingale, 1.0)
    inside = martingale + np.where(event > 0, np.log(np.maximum(expected, 1e-300)), 0.0)
    return np.sign(martingale) * np.sqrt(np.maximum(-2 * inside, 0.0))


def schoenfeld_residuals(fit: CoxFit) -> Schoenfeld:
    """Return the covariates of each event less their mean over the risk set.

    Parameters
    ----------
    fit : CoxFit
        The fit.

    Returns
    -------
    Schoenfeld
        The residuals; tied events share one mean (Efron: the mean of the copies' means).
    """
    data, risk = fit.data, fit.risk
    dead = np.flatnonzero(risk.died)
    g = risk.exit[dead].astype(np.int64)
    mean = _mean_at_event(data, fit.at)
    return Schoenfeld(risk.rows[dead], g, (data.x[:, dead] - mean[:, g]).T)


def _mean_at_event(data: CoxData, at: Moments) -> FloatArray:
    """Return the mean covariate at each event time, shape (p, G)."""
    mean = at.s1 * (at.a1 / data.risk.deaths)
    if data.efron:
        mean -= at.d1 * (at.a1f / data.risk.deaths)
    return mean


def _score_columns(data: CoxData, at: Moments) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Give the weighted score residuals, one covariate at a time.

    First those of the sorted rows, in an array that is used again for the next covariate; then what
    is added to the rows that stay after they have left.
    """
    risk = data.risk
    factor = data.mean_weight
    dead = risk.died.astype(np.float64)
    if risk.weights is not None:
        dead *= risk.weights
    multiple = dead - row_weights(data, at)
    later = carried_weights(data, at, factor * at.a1)
    means = _mean_at_event(data, at)
    cell = np.repeat(np.arange(len(data.starts)), data.lengths)
    m = len(cell)
    out, spare = np.empty(m), np.empty(min(_CHUNK, m))
    for j, x in enumerate(data.x):
        gain = at.s1[j] * (factor * at.a2)
        own = None
        if data.efron:
            gain -= at.d1[j] * (factor * at.a2f)
            own = at.s1[j] * (factor * at.a2f) - at.d1[j] * (factor * at.a2ff)
        total = cumulate(gain, risk.segments)
        before = total - gain
        at_exit, mean = by_cell(data, total, own), by_cell(data, means[j], None)
        for begin in range(0, m, _CHUNK):  # pieces that fit in a processor's cache
            rows = slice(begin, min(begin + _CHUNK, m))
            u, part = out[rows], spare[: rows.stop - begin]
            np.take(at_exit, cell[rows], out=part, mode="clip")
            if risk.entry is not None:
                part -= before[risk.entry[rows]]
            part *= at.w[rows]
            np.multiply(multiple[rows], x[rows], out=u)
            u += part
            np.take(mean, cell[rows], out=part, mode="clip")
            part *= dead[rows]
            u -= part
        yield out, carried_weights(data, at, gain) - later * data.carried_x[j]


def score_residuals(fit: CoxFit) -> FloatArray:
    """Return what each row contributes to the score, weights included.

    Parameters
    ----------
    fit : CoxFit
        The fit.

    Returns
    -------
    ndarray of float, shape (n, p)
        The residuals of the rows given; their sum is 0.
    """
    risk, carried = fit.risk, fit.data.carried
    out = np.zeros((risk.n, len(fit.coefficients)), order="F")
    for j, (u, later) in enumerate(_score_columns(fit.data, fit.at)):
        out[risk.rows, j] = u
        if carried is not None:
            out[carried.rows, j] += later
    return out


def score_sums(data: CoxData, at: Moments, cluster: IntArray, n_clusters: int) -> FloatArray:
    """Sum the weighted score residuals within clusters.

    Parameters
    ----------
    data : CoxData
        The data.
    at : Moments
        The sums at the coefficients in question.
    cluster : ndarray of int, shape (n,)
        Cluster of each row, 0..n_clusters - 1.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    ndarray of float, shape (n_clusters, p)
        The sums.
    """
    codes = cluster[data.risk.rows]
    out = np.empty((n_clusters, len(data.center)), order="F")
    for j, (u, later) in enumerate(_score_columns(data, at)):
        out[:, j] = np.bincount(codes, u, minlength=n_clusters)
        if data.carried is not None:
            out[:, j] += np.bincount(cluster[data.carried.rows], later, minlength=n_clusters)
    return out


def robust_variance(fit: CoxFit, clusters: Sequence[tuple[IntArray, int]]) -> FloatArray:
    r"""Return the sandwich variance for one or two ways of clustering.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    clusters : sequence of (ndarray of int of shape (n,), int)
        For each way its codes and the number of clusters. Two ways give
        :math:`V_1 + V_2 - V_{12}` [3]_, where 12 are the cells of both.

    Returns
    -------
    ndarray of float, shape (p, p)
        The variance :math:`\mathcal I^{-1} (\sum_c U_c U_c') \mathcal I^{-1}` [1]_, without a
        correction for few clusters.
    """
    total = np.zeros_like(fit.variance)
    for codes, count in clusters:
        total += _meat(fit, codes, count)
    if len(clusters) == 2:
        (one, _), (two, n_two) = clusters
        cells, codes = np.unique(one * n_two + two, return_inverse=True)
        total -= _meat(fit, codes, len(cells))
    variance = fit.variance @ total @ fit.variance
    return (variance + variance.T) / 2


def _meat(fit: CoxFit, codes: IntArray, count: int) -> FloatArray:
    """Sum the products of the clusters' scores."""
    sums = score_sums(fit.data, fit.at, codes, count)
    return sums.T @ sums
