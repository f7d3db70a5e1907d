"""Covariates beside the risk sets, sorted and centred: what a partial likelihood is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.carried import Carried
from evalkit.kernels.risk_sets import RiskSets
from evalkit.typing import FloatArray, IntArray

__all__ = ["CoxData", "prepare"]


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
    carried : Carried or None
        Rows that stay in risk sets after they have left; for hazards None.
    carried_x : ndarray of float, shape (p, number of carried rows)
        Their covariates, less ``center``.
    carried_offset : ndarray of float, shape (number of carried rows,), or None
        Their offset.
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
    carried: Carried | None
    carried_x: FloatArray
    carried_offset: FloatArray | None

    @property
    def mean_weight(self) -> FloatArray:
        """Mean weight of the events at each event time, shape (G,)."""
        return self.risk.death_weight / self.risk.deaths


def prepare(
    risk: RiskSets,
    matrix: FloatArray,
    *,
    offset: FloatArray | None = None,
    ties: str = "efron",
    carried: Carried | None = None,
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
    carried : Carried, optional
        Rows that stay in risk sets after they have left.
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
    behind = np.zeros(0, dtype=np.int64) if carried is None else carried.rows
    later = whole[:, behind]
    center = np.zeros(p)
    column = np.empty(m)
    for j in range(p):
        np.take(whole[j], risk.rows, out=column, mode="clip")  # "raise" would copy once more
        center[j] = column.mean() if m else 0.0
        if m and (column == column[0]).all():  # exactly constant stays exactly constant
            center[j] = column[0]
        np.subtract(column, center[j], out=x[j])
        later[j] -= center[j]
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
        carried=carried,
        carried_x=later,
        carried_offset=None if offset is None else offset[behind],
    )
