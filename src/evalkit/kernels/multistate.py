r"""State-occupation probabilities of a multi-state process, and each row's influence on them.

Rows say: in state h on (entry, exit], then to state l, or no longer seen. With :math:`n_h(u)` in
state h just before u and :math:`d_{hl}(u)` transitions there, the matrices :math:`dA(u)` have
:math:`d_{hl}/n_h` off the diagonal and rows that sum to 0, and

.. math:: p(t) = p(0) \prod_{u \le t} \{I + dA(u)\} .

It estimates the share in each state at t whether or not the process is Markov, as long as
censoring and late entry do not depend on the state. The influence of a row is that of its jump,
carried on to t by the product over the later times, less prefix sums over its time at risk: one
backward sweep for each t, then O(n).

References
----------
.. [1] Aalen O, Johansen S (1978). An empirical transition matrix for non-homogeneous Markov
   chains based on censored observations. Scand J Stat 5:141-150.
.. [2] Datta S, Satten GA (2001). Validity of the Aalen-Johansen estimators of stage occupation
   probabilities and Nelson-Aalen estimators of integrated transition hazards for non-Markov
   models. Stat Probab Lett 55:403-411. doi:10.1016/S0167-7152(01)00155-9
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.aalen_johansen import divide
from evalkit.kernels.event_times import TimeIndex, index_times, last_at_or_before
from evalkit.typing import FloatArray, IntArray

__all__ = ["StateCurves", "StateRows", "occupation_influence", "state_occupation"]


@dataclass(frozen=True, slots=True)
class StateRows:
    """Rows of a multi-state process.

    Attributes
    ----------
    time : ndarray of float, shape (n,)
        Exit times.
    entry : ndarray of float, shape (n,), or None
        Entry times; None if all are seen from the beginning.
    state : ndarray of int, shape (n,)
        State while at risk, 0..S - 1.
    to : ndarray of int, shape (n,)
        State entered at the exit; the same state where the row only ends.
    person : ndarray of int, shape (n,)
        Whose row it is, 0..N - 1.
    first : ndarray of bool, shape (n,)
        Rows that begin at the beginning: their states make up p(0).
    """

    time: FloatArray
    entry: FloatArray | None
    state: IntArray
    to: IntArray
    person: IntArray
    first: FloatArray


@dataclass(frozen=True, slots=True)
class StateCurves:
    """The estimate.

    Attributes
    ----------
    times : ndarray of float, shape (K,)
        Distinct exit times.
    start : ndarray of float, shape (S,)
        p(0).
    probability : ndarray of float, shape (K, S)
        p(t) at the times.
    at_risk : ndarray of float, shape (K, S)
        In each state just before the times.
    hazard : ndarray of float, shape (K, S, S)
        dA(u).
    grid : TimeIndex
        Where the rows are.
    """

    times: FloatArray
    start: FloatArray
    probability: FloatArray
    at_risk: FloatArray
    hazard: FloatArray
    grid: TimeIndex


def state_occupation(rows: StateRows, n_states: int) -> StateCurves:
    """Estimate the probability of being in each state.

    Parameters
    ----------
    rows : StateRows
        The rows.
    n_states : int
        S.

    Returns
    -------
    StateCurves
        R: ``survfit(Surv(entry, time, to) ~ 1, id = id, istate = state)$pstate``.
    """
    grid = index_times(rows.time, rows.entry)
    k, s = len(grid.times), n_states
    entered = np.zeros_like(grid.index) if grid.entered is None else grid.entered
    came = np.bincount(entered * s + rows.state, minlength=(k + 1) * s)[: k * s]
    left = np.bincount(grid.index * s + rows.state, minlength=k * s)
    at_risk = np.cumsum(came.reshape(k, s), axis=0).astype(np.float64)
    at_risk[1:] -= np.cumsum(left.reshape(k, s), axis=0)[:-1]
    moved = rows.to != rows.state
    cells = (grid.index[moved] * s + rows.state[moved]) * s + rows.to[moved]
    jumps = np.bincount(cells, minlength=k * s * s).reshape(k, s, s).astype(np.float64)
    hazard = divide(jumps, at_risk[:, :, None])
    hazard[:, range(s), range(s)] = -hazard.sum(axis=2)
    start = np.bincount(rows.state, rows.first, minlength=s) / rows.first.sum()
    probability = np.empty((k, s))
    p = start
    for i in range(k):
        p = np.maximum(p + p @ hazard[i], 0.0)  # all who leave a state leave exactly 0
        probability[i] = p
    return StateCurves(grid.times, start, probability, at_risk, hazard, grid)


def occupation_influence(curves: StateCurves, rows: StateRows, time: float) -> FloatArray:
    """Influence of every person on the probabilities at one time.

    Parameters
    ----------
    curves : StateCurves
        The estimate.
    rows : StateRows
        The rows.
    time : float
        The time.

    Returns
    -------
    ndarray of float, shape (N, S)
        Derivatives with respect to the weights of persons. R:
        ``residuals(survfit(...), time, type = "pstate")``.
    """
    k, s = curves.probability.shape
    last = int(last_at_or_before(curves.times, [time])[0])
    ahead = np.zeros((k, s, s))  # product over (u, time], for u up to it
    product = np.eye(s)
    for i in range(last, -1, -1):
        ahead[i] = product
        product = product + curves.hazard[i] @ product
    before = np.concatenate([curves.start[None], curves.probability[:-1]])
    step = divide(before, curves.at_risk)  # (K, S)
    drift = np.cumsum(step[:, :, None] * (curves.hazard @ ahead), axis=0)
    drift = np.concatenate([np.zeros((1, s, s)), drift])
    index, entered = curves.grid.index, curves.grid.entered
    jump = ahead[index, rows.to] - ahead[index, rows.state]
    value = step[index, rows.state][:, None] * jump - drift[index + 1, rows.state]
    if entered is not None:
        value += drift[entered, rows.state]
    value += (rows.first / rows.first.sum())[:, None] * (
        product[rows.state] - curves.start @ product
    )
    sums = np.empty((int(rows.person.max()) + 1, s))
    for j in range(s):
        sums[:, j] = np.bincount(rows.person, value[:, j], minlength=len(sums))
    return sums
