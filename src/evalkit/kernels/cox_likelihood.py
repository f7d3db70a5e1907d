r"""Cox's partial likelihood, its score and its information, in one or two passes over the rows.

Let copy l = 0..d-1 of the d events at event time g stand for the tie fraction :math:`f = l / d`
(Efron) or 0 (Breslow), and :math:`S^{(0)}, S^{(1)}` and :math:`D^{(0)}, D^{(1)}` for the sums of
:math:`w = v e^\eta` and of :math:`w x` over those at risk and over those with the event. With
:math:`q_l = S^{(0)} - f D^{(0)}`, the mean covariate :math:`m_l = (S^{(1)} - f D^{(1)}) / q_l` and
:math:`\bar v` the mean weight of the d events, the log-likelihood is

.. math:: \sum_i v_i \delta_i \eta_i - \sum_g \bar v_g \sum_l \log q_l .

Nothing of the size rows x p x p is formed. Row i has the weight

.. math:: c_i = w_i \{H(exit_i) - H(entry_i) - \delta_i h_2(exit_i)\} \ge 0, \qquad
   H(g) = \sum_{g' \le g} \bar v \sum_l 1 / q_l, \qquad h_2 = \bar v \sum_l f / q_l,

and the information is :math:`X' diag(c) X - \sum_g \bar v \sum_l m_l m_l'`, where the second sum
has rank two at each event time, however many events are tied.

Rows that stay in risk sets after they have left (:mod:`~evalkit.kernels.carried`) add to the same
sums, and have weights of the same form: with them the likelihood is that of a subdistribution
hazard.

References
----------
.. [1] Cox DR (1972). Regression models and life-tables. J R Stat Soc B 34:187-220.
   doi:10.1111/j.2517-6161.1972.tb00899.x
.. [2] Efron B (1977). The efficiency of Cox's likelihood function for censored data.
   J Am Stat Assoc 72:557-565. doi:10.1080/01621459.1977.10480613
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.cox_data import CoxData
from evalkit.kernels.risk_sets import cumulate
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "Moments",
    "by_cell",
    "carried_weights",
    "information",
    "moments",
    "risk_sums",
    "row_weights",
]

_CHUNK = 1 << 13  # rows of a few columns that fit in a processor's second-level cache
_SAFE = 500.0  # exp of this is far from overflow


@dataclass(frozen=True, slots=True)
class Moments:
    r"""The partial likelihood at one coefficient vector, and the sums that it is made of.

    Attributes
    ----------
    coefficients : ndarray of float, shape (p,)
        Where.
    loglik : float
        Log partial likelihood.
    score : ndarray of float, shape (p,)
        Its gradient.
    w : ndarray of float, shape (m,)
        Weight times :math:`e^\eta`, of the centred covariates, divided by :math:`e^{shift}`.
    shift : float
        Taken from the linear predictor so that nothing overflows; 0 in ordinary cases.
    s0 : ndarray of float, shape (G,)
        Sum of ``w`` over those at risk.
    s1 : ndarray of float, shape (p, G)
        Sum of ``w x`` over those at risk.
    d0, d1 : ndarray of float, shapes (G,) and (p, G)
        The same over the events; all 0 unless ties are treated by Efron's method.
    a1, a1f : ndarray of float, shape (G,)
        Sums over the copies of :math:`1/q` and :math:`f/q`.
    a2, a2f, a2ff : ndarray of float, shape (G,)
        Sums over the copies of :math:`1/q^2`, :math:`f/q^2` and :math:`f^2/q^2`.
    carried : ndarray of float, shape (number of carried rows,)
        :math:`e^\eta`, over :math:`e^{shift}`, of the rows that stay after they have left.
    """

    coefficients: FloatArray
    loglik: float
    score: FloatArray
    w: FloatArray
    shift: float
    s0: FloatArray
    s1: FloatArray
    d0: FloatArray
    d1: FloatArray
    a1: FloatArray
    a1f: FloatArray
    a2: FloatArray
    a2f: FloatArray
    a2ff: FloatArray
    carried: FloatArray


def moments(data: CoxData, coefficients: FloatArray) -> Moments:
    """Evaluate the log-likelihood and its score, in one pass over the rows.

    Parameters
    ----------
    data : CoxData
        The data.
    coefficients : ndarray of float, shape (p,)
        Where.

    Returns
    -------
    Moments
        The value, the score and the sums over the risk sets.
    """
    risk = data.risk
    w = _predictor(data.x, coefficients, data.offset)
    behind = _predictor(data.carried_x, coefficients, data.carried_offset)
    top = max(float(w.max(initial=-np.inf)), float(behind.max(initial=-np.inf)))
    shift = top if abs(top) > _SAFE and np.isfinite(top) else 0.0
    for part in (w, behind):
        if shift:
            part -= shift
        np.exp(part, out=part)
    if risk.weights is not None:
        w *= risk.weights
    sums, dead = risk_sums(data, data.x, w)
    if data.carried is not None:
        sums[:-1] += data.carried.sums(data.carried_x * behind)
        sums[-1] += data.carried.sums(behind[None])[0]
    s1, s0, d1, d0 = sums[:-1], sums[-1], dead[:-1], dead[-1]
    if data.efron:
        first = np.cumsum(risk.deaths) - risk.deaths
        q = np.repeat(s0, risk.deaths)
        q -= data.fraction * np.repeat(d0, risk.deaths)
        log_q = np.add.reduceat(np.log(q), first)
        np.divide(1.0, q, out=q)
        a1, a1f = _by_time(q, data.fraction, first)
        q *= q
        a2, a2f = _by_time(q, data.fraction, first)
        a2ff = np.add.reduceat(q * data.fraction * data.fraction, first)
    else:
        a1, a2 = risk.deaths / s0, risk.deaths / s0**2
        log_q = risk.deaths * np.log(s0)
        a1f = a2f = a2ff = np.zeros(len(s0))
    mean = data.mean_weight
    loglik = float(coefficients @ data.dead_x) + data.dead_offset - float(mean @ log_q)
    loglik -= shift * float(risk.death_weight.sum())
    score = data.dead_x - s1 @ (mean * a1)
    if data.efron:
        score += d1 @ (mean * a1f)
    return Moments(
        coefficients, loglik, score, w, shift, s0, s1, d0, d1, a1, a1f, a2, a2f, a2ff, behind
    )


def _predictor(x: FloatArray, coefficients: FloatArray, offset: FloatArray | None) -> FloatArray:
    """Return the linear predictor of rows."""
    linear = np.empty(x.shape[1])
    for begin in range(0, len(linear), _CHUNK):  # in pieces, so that no threads are started for it
        end = begin + _CHUNK
        np.matmul(coefficients, x[:, begin:end], out=linear[begin:end])
    if offset is not None:
        linear += offset
    return linear


def _by_time(q: FloatArray, fraction: FloatArray, first: IntArray) -> tuple[FloatArray, FloatArray]:
    """Sum a quantity of the copies, and the quantity times the tie fraction, by event time."""
    return np.add.reduceat(q, first), np.add.reduceat(q * fraction, first)


def risk_sums(data: CoxData, x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum over the risk sets.

    Parameters
    ----------
    data : CoxData
        The data.
    x : ndarray of float, shape (k, m)
        Quantities of the sorted rows.
    w : ndarray of float, shape (m,)
        Weights of the sorted rows.

    Returns
    -------
    tuple of ndarray of float, shapes (k + 1, G) and (k + 1, G) or (k + 1, 0)
        Sums of ``w x``, and last of ``w``, over those at risk at each event time; and the same
        over the events, if ties are treated by Efron's method. Rows that have left are not in it.
    """
    risk = data.risk
    p, m = x.shape
    size = len(risk.times)
    cells = np.zeros((p + 1, len(data.starts)))
    block = np.empty((p + 1, min(_CHUNK, m)))
    for begin in range(0, m, _CHUNK):
        end = min(begin + _CHUNK, m)
        part = block[:, : end - begin]
        np.multiply(x[:, begin:end], w[begin:end], out=part[:-1])
        part[-1] = w[begin:end]
        low = int(np.searchsorted(data.starts, begin, side="right")) - 1
        high = int(np.searchsorted(data.starts, end))
        where = np.maximum(data.starts[low:high] - begin, 0)
        cells[:, low:high] += np.add.reduceat(part, where, axis=1)
    if data.efron:
        both = np.zeros((p + 1, 2 * size))
        both[:, data.cells] = cells
        dead = both[:, ::2]
        leaving = dead + both[:, 1::2]
    else:
        leaving, dead = cells, np.zeros((p + 1, 0))  # each event time has an exit
    if risk.entry is not None:
        # those who enter after the first event time of their segment are not yet at risk before
        for j in range(p + 1):
            product = w if j == p else x[j] * w
            entering = np.bincount(risk.entry, product, minlength=size)
            leaving[j, :-1] -= entering[1:]
            last = risk.segments[1:] - 1
            leaving[j, last] += entering[last + 1]
    return cumulate(leaving, risk.segments, backwards=True), dead


def row_weights(data: CoxData, at: Moments, by_time: FloatArray | None = None) -> FloatArray:
    r"""Return the weights :math:`c_i`, of shape (m,), optionally with a factor at each event time.

    Without a factor they are the expected numbers of events, times the case weight.
    """
    risk = data.risk
    factor = data.mean_weight if by_time is None else by_time * data.mean_weight
    h1, h2 = factor * at.a1, factor * at.a1f
    total = cumulate(h1, risk.segments)
    c = np.repeat(by_cell(data, total, h2), data.lengths)
    if risk.entry is not None:
        c -= (total - h1)[risk.entry]
    c *= at.w
    return c


def carried_weights(data: CoxData, at: Moments, by_time: FloatArray) -> FloatArray:
    """Sum values of the event times over those at which rows stay, times the rows' weights.

    Parameters
    ----------
    data : CoxData
        The data, with rows that stay after they have left.
    at : Moments
        The sums at the coefficients in question.
    by_time : ndarray of float, shape (G,)
        Values of the event times.

    Returns
    -------
    ndarray of float, shape (number of carried rows,)
        The sums; none where no row stays.
    """
    return at.carried if data.carried is None else at.carried * data.carried.spread(by_time)


def by_cell(data: CoxData, at_exit: FloatArray, less_if_died: FloatArray | None) -> FloatArray:
    """Give every cell, rows of one exit (and with Efron's ties of one ending), what stands there.

    Parameters
    ----------
    data : CoxData
        The data.
    at_exit : ndarray of float, shape (G,)
        Values of the event times.
    less_if_died : ndarray of float, shape (G,), or None
        Taken away for rows with an event; ignored unless ties are treated by Efron's method.

    Returns
    -------
    ndarray of float, shape (len(data.starts),)
        The values; repeated ``data.lengths`` times they are those of the sorted rows.
    """
    if data.efron:
        both = np.stack([at_exit if less_if_died is None else at_exit - less_if_died, at_exit])
        at_exit = both.T.ravel()  # in the order of the cells
    return at_exit[data.cells]


def information(data: CoxData, at: Moments, by_time: FloatArray | None = None) -> FloatArray:
    r"""Return the information, in a second pass over the rows.

    Parameters
    ----------
    data : CoxData
        The data.
    at : Moments
        The sums at the coefficients in question.
    by_time : ndarray of float, shape (G,), optional
        Factors :math:`\varphi` for the event times.

    Returns
    -------
    ndarray of float, shape (p, p)
        Minus the second derivatives of the log-likelihood, :math:`\sum_g V_g`, or
        :math:`\sum_g \varphi_g V_g`.
    """
    x = data.x
    p, m = x.shape
    c = row_weights(data, at, by_time)
    total = np.zeros((p, p))
    block = np.empty((p, min(_CHUNK, m)))
    for begin in range(0, m, _CHUNK):
        end = min(begin + _CHUNK, m)
        part = np.multiply(x[:, begin:end], c[begin:end], out=block[:, : end - begin])
        total += part @ x[:, begin:end].T
    factor = data.mean_weight if by_time is None else by_time * data.mean_weight
    if data.carried is not None:
        total += (data.carried_x * carried_weights(data, at, factor * at.a1)) @ data.carried_x.T
    if data.efron:
        ratio = at.a2f / at.a2
        middle = at.s1 - ratio * at.d1
        total -= (middle * (factor * at.a2)) @ middle.T
        total -= (at.d1 * (factor * np.maximum(at.a2ff - ratio * at.a2f, 0.0))) @ at.d1.T
    else:
        total -= (at.s1 * (factor * at.a2)) @ at.s1.T
    return (total + total.T) / 2
