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

from evalkit.kernels.risk_sets import RiskSets, cumulate
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "CoxData",
    "Moments",
    "information",
    "moments",
    "prepare",
    "risk_sums",
    "row_weights",
    "spread",
]

_CHUNK = 1 << 13  # rows of a few columns that fit in a processor's second-level cache
_SAFE = 500.0  # exp of this is far from overflow


@dataclass(frozen=True, slots=True)
class CoxData:
    """Covariates beside the risk sets, ready for the partial likelihood.

    Attributes
    ----------
    risk : RiskSets
        Event times and rows.
    x : ndarray of float, shape (p, m)
        Covariates of ``risk.rows``, less ``center``.
    center : ndarray of float, shape (p,)
        Mean of each covariate over the rows.
    offset : ndarray of float, shape (m,), or None
        Added to the linear predictor.
    efron : bool
        Whether ties are treated by Efron's method (else by Breslow's). False if there are none.
    fraction : ndarray of float, shape (number of events,)
        Tie fraction of each copy, by event time; empty if not ``efron``.
    starts : ndarray of int
        Where, in the sorted rows, a new exit begins; if ``efron``, also where the rows without
        event begin.
    cells : ndarray of int
        For each of ``starts`` its event time; if ``efron``, twice that, plus 1 without event.
    lengths : ndarray of int
        How many rows there are from each of ``starts`` to the next.
    dead_x : ndarray of float, shape (p,)
        Weighted sum of ``x`` over the events.
    dead_offset : float
        Weighted sum of the offset over the events.
    """

    risk: RiskSets
    x: FloatArray
    center: FloatArray
    offset: FloatArray | None
    efron: bool
    fraction: FloatArray
    starts: IntArray
    cells: IntArray
    lengths: IntArray
    dead_x: FloatArray
    dead_offset: float

    @property
    def mean_weight(self) -> FloatArray:
        """Mean weight of the events at each event time, shape (G,)."""
        return self.risk.death_weight / self.risk.deaths


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


def prepare(
    risk: RiskSets,
    matrix: FloatArray,
    *,
    offset: FloatArray | None = None,
    ties: str = "efron",
    overwrite: bool = False,
) -> CoxData:
    """Set the covariates beside the risk sets.

    Parameters
    ----------
    risk : RiskSets
        Event times and rows.
    matrix : ndarray of float, shape (n, p)
        Covariates of the rows that ``risk`` was made of.
    offset : ndarray of float, shape (n,), optional
        Added to the linear predictor.
    ties : {"efron", "breslow"}
        Treatment of ties.
    overwrite : bool, default False
        Whether ``matrix`` may be used as working space; it saves a copy if stored by column.

    Returns
    -------
    CoxData
        The covariates, sorted as the rows of ``risk`` and centred.
    """
    p, m = matrix.shape[1], len(risk.rows)
    whole = matrix.T
    x = whole[:, :m] if overwrite and whole.flags.c_contiguous else np.empty((p, m))
    center = np.zeros(p)
    column = np.empty(m)
    for j in range(p):
        np.take(whole[j], risk.rows, out=column, mode="clip")  # "raise" would copy once more
        center[j] = column.mean() if m else 0.0
        if m and (column == column[0]).all():  # exactly constant stays exactly constant
            center[j] = column[0]
        np.subtract(column, center[j], out=x[j])
    moved = None if offset is None else offset[risk.rows]
    efron = ties == "efron" and bool((risk.deaths > 1).any())
    cell = risk.exit
    fraction = np.zeros(0)
    if efron:
        cell = 2 * risk.exit + ~risk.died
        before = np.repeat(np.cumsum(risk.deaths) - risk.deaths, risk.deaths)
        fraction = np.arange(len(before), dtype=np.float64)
        fraction -= before
        fraction /= np.repeat(risk.deaths, risk.deaths)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    dead = risk.died.astype(np.float64)
    if risk.weights is not None:
        dead *= risk.weights
    return CoxData(
        risk=risk,
        x=x,
        center=center,
        offset=moved,
        efron=efron,
        fraction=fraction,
        starts=starts,
        cells=cell[starts].astype(np.int64),
        lengths=np.diff(starts, append=m),
        dead_x=x @ dead,
        dead_offset=0.0 if moved is None else float(moved @ dead),
    )


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
    m = data.x.shape[1]
    w = np.empty(m)
    for begin in range(0, m, _CHUNK):  # in pieces, so that no threads are started for it
        end = begin + _CHUNK
        np.matmul(coefficients, data.x[:, begin:end], out=w[begin:end])
    if data.offset is not None:
        w += data.offset
    top = float(w.max(initial=-np.inf))
    shift = top if abs(top) > _SAFE and np.isfinite(top) else 0.0
    if shift:
        w -= shift
    np.exp(w, out=w)
    if risk.weights is not None:
        w *= risk.weights
    sums, dead = risk_sums(data, data.x, w)
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
    return Moments(coefficients, loglik, score, w, shift, s0, s1, d0, d1, a1, a1f, a2, a2f, a2ff)


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
        over the events, if ties are treated by Efron's method.
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
    c = spread(data, total, h2)
    if risk.entry is not None:
        c -= (total - h1)[risk.entry]
    c *= at.w
    return c


def spread(data: CoxData, at_exit: FloatArray, less_if_died: FloatArray | None) -> FloatArray:
    """Give every sorted row what stands at its exit.

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
    ndarray of float, shape (m,)
        The values.
    """
    if data.efron:
        both = np.stack([at_exit if less_if_died is None else at_exit - less_if_died, at_exit])
        at_exit = both.T.ravel()  # in the order of the cells
    return np.repeat(at_exit[data.cells], data.lengths)


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
    if data.efron:
        ratio = at.a2f / at.a2
        middle = at.s1 - ratio * at.d1
        total -= (middle * (factor * at.a2)) @ middle.T
        total -= (at.d1 * (factor * np.maximum(at.a2ff - ratio * at.a2f, 0.0))) @ at.d1.T
    else:
        total -= (at.s1 * (factor * at.a2)) @ at.s1.T
    return (total + total.T) / 2
