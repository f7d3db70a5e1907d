r"""Risk sets and variance of the Fine-Gray model of the subdistribution hazard.

A row with a competing event at T stays in the risk set of the event of interest, at time t with the
weight :math:`G(t-)H(t-) / \{G(T-)H(T-)\}`: the probability of not yet being censored, and of
having entered, relative to when it left. Estimating an equation costs O(n p + n p^2) and memory
O(n p), because no row is split where its weight changes: R's ``finegray`` makes one row of each
competing event for every censoring time that follows it.

References
----------
.. [1] Fine JP, Gray RJ (1999). A proportional hazards model for the subdistribution of a competing
   risk. J Am Stat Assoc 94:496-509. doi:10.1080/01621459.1999.10474144
.. [2] Geskus RB (2011). Cause-specific cumulative incidence estimation and the Fine and Gray model
   under both left truncation and right censoring. Biometrics 67:39-49.
   doi:10.1111/j.1541-0420.2010.01420.x
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from evalkit.kernels.carried import Carried
from evalkit.kernels.censoring import CensoringCurve, censoring_curve, entry_before
from evalkit.kernels.cox import CoxFit
from evalkit.kernels.hazard_fit import HazardFit, from_cox, hazard_influence
from evalkit.kernels.numeric import binned
from evalkit.kernels.risk_sets import RiskSets, risk_sets
from evalkit.kernels.time_index import TimeIndex, index_times
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Subdistribution",
    "censoring_influence",
    "count_censoring",
    "subdistribution",
    "vanished",
]


@dataclass(frozen=True, slots=True)
class Subdistribution:
    """Rows of a competing risks sample on the event times of the cause of interest.

    Attributes
    ----------
    risk : RiskSets
        The risk sets, but for rows that stay in them.
    carried : Carried
        Rows with a competing event, which stay.
    grid : TimeIndex
        All exit times.
    curves : tuple of CensoringCurve, length g
        The probability of not being censored, in each group.
    group : ndarray of int, shape (n,), or None
        Group of each row; None if there is one.
    censored : ndarray of bool, shape (n,)
        Rows that are censored.
    event : ndarray of bool, shape (n,)
        Rows that end in an event of any cause.
    strata : ndarray of int, shape (n,), or None
        Stratum of each row.
    events_first : bool
        Whether events leave before censorings at the same time.
    censoring_weights : ndarray of float, shape (n,), or None
        Weights of the rows in the censoring curves.
    """

    risk: RiskSets
    carried: Carried
    grid: TimeIndex
    curves: tuple[CensoringCurve, ...]
    group: IntArray | None
    censored: BoolArray
    event: BoolArray
    strata: IntArray | None
    events_first: bool
    censoring_weights: FloatArray | None


def subdistribution(
    time: FloatArray,
    event: IntArray,
    *,
    entry: FloatArray | None = None,
    first: BoolArray | None = None,
    last: BoolArray | None = None,
    strata: IntArray | None = None,
    group: IntArray | None = None,
    weights: FloatArray | None = None,
    weigh_censoring: bool = False,
    events_first: bool = True,
) -> Subdistribution:
    """Build the risk sets of the subdistribution hazard.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Exit times.
    event : ndarray of int, shape (n,)
        1 for the event of interest, 2 for a competing event, else 0.
    entry : ndarray of float, shape (n,), optional
        Entry times.
    first, last : ndarray of bool, shape (n,), optional
        First and last row of each subject; a row that is not last is not censored at its end.
    strata : ndarray of int, shape (n,), optional
        Strata with baseline hazards of their own.
    group : ndarray of int, shape (n,), optional
        Groups with censoring and entry curves of their own.
    weights : ndarray of float, shape (n,), optional
        Positive weights of the rows.
    weigh_censoring : bool, default False
        Whether the weights count in the censoring and entry curves as well.
    events_first : bool, default True
        See :func:`evalkit.kernels.censoring.censoring_curve`.

    Returns
    -------
    Subdistribution
        The risk sets.
    """
    grid = index_times(time, entry)
    ended = event > 0
    censored = ~ended if last is None else ~ended & last
    inner = weights if weigh_censoring else None
    n_groups = 1 if group is None else int(group.max()) + 1
    curves: list[CensoringCurve] = []
    kept: list[FloatArray] = []
    for g in range(n_groups):
        rows = None if group is None else group == g
        curve = censoring_curve(
            grid, ended, censored, weights=inner, rows=rows, events_first=events_first
        )
        entered = entry_before(grid, first, weights=inner, rows=rows)
        curves.append(curve)
        factor = curve.before[:-1] * entered[:-1]
        # Of a group nothing is known beyond its own last time: its rows count until then.
        factor[grid.index[slice(None) if rows is None else rows].max() + 1 :] = 0.0
        kept.append(factor)
    factors = np.stack(kept)  # (g, K), just before each exit time
    n_strata = 1 if strata is None else int(strata.max()) + 1
    risk = risk_sets(
        time, (event == 1).astype(np.int64), entry=entry, strata=strata, n_strata=n_strata,
        weights=weights,
    )  # fmt: skip
    size = len(grid.times)
    at = np.searchsorted(grid.times, risk.times)
    rows = np.flatnonzero(event == 2)
    own = np.zeros(len(rows), dtype=np.int64) if group is None else group[rows]
    layer = np.zeros(len(rows), dtype=np.int64) if strata is None else strata[rows]
    exit_cell = layer * size + grid.index[rows]
    start = np.searchsorted(risk.stratum * size + at, exit_cell, side="right")
    with np.errstate(divide="ignore"):
        factor = (1.0 if weights is None else weights[rows]) / factors[own, grid.index[rows]]
    # Where nothing follows, a curve that has reached 0 does no harm.
    follows = start < risk.first[layer + 1]
    carried = Carried(
        rows=rows[follows],
        start=start[follows],
        factor=factor[follows],
        group=own[follows],
        kept=factors[:, at],
        strata=np.unique(risk.first[:-1][np.diff(risk.first) > 0]),
    )
    return Subdistribution(
        risk,
        carried,
        grid,
        tuple(curves),
        group,
        censored,
        ended,
        strata,
        events_first,
        inner,
    )


def vanished(model: Subdistribution) -> IntArray:
    """Find rows whose weight is undefined.

    Parameters
    ----------
    model : Subdistribution
        The risk sets.

    Returns
    -------
    ndarray of int
        Rows with a competing event at a time when nobody could still have been uncensored, or
        nobody could yet have entered, though others have events later: the curve is 0 there.
    """
    return model.carried.rows[~np.isfinite(model.carried.factor)]


def censoring_influence(
    model: Subdistribution, fit: CoxFit, functional: FloatArray | None = None
) -> FloatArray:
    """What each row adds to the score through the estimated censoring curve.

    With this added, the variance is that of Fine and Gray (1999) and R's ``cmprsk::crr``. It holds
    for data without delayed entry.

    Parameters
    ----------
    model : Subdistribution
        The risk sets.
    fit : CoxFit
        The fit to them.
    functional : ndarray of float, shape (G, m), optional
        Instead of the score, sums over the steps of the cumulative hazard, as in
        :func:`evalkit.kernels.hazard_fit.hazard_influence`.

    Returns
    -------
    ndarray of float, shape (n, p) or (n, m)
        Contributions, by row.
    """
    risk, carried, at = model.risk, model.carried, fit.at
    width = len(fit.coefficients) if functional is None else functional.shape[1]
    result = np.zeros((risk.n, width))
    factor = fit.data.mean_weight
    a, h1 = factor * at.a2, factor * at.a1
    means = at.s1 * a
    if fit.data.efron:
        means -= at.d1 * (factor * at.a2f)
    weight = at.carried * carried.factor
    for g, curve in enumerate(model.curves):
        slope = np.zeros((len(model.grid.times), width))
        for s in range(risk.n_strata):
            mine = carried.group == g
            if model.strata is not None:
                mine &= model.strata[carried.rows] == s
            there = slice(int(risk.first[s]), int(risk.first[s + 1]))
            position = model.grid.index[carried.rows[mine]]
            left = _carried_at(model, position, weight[mine])
            side = "right" if model.events_first else "left"
            later = np.searchsorted(risk.times[there], model.grid.times, side=side)
            through = carried.kept[g, there]
            if functional is not None:
                change = functional[there] * (a[there] * through)[:, None]
                slope += left[:, None] * _from(change)[later]
                continue
            hazard = _from((h1[there] * through)[:, None])[later]
            centre = _from((means[:, there] * through).T)[later]
            for column, covariate in enumerate(fit.data.carried_x[:, mine]):
                moment = _carried_at(model, position, weight[mine] * covariate)
                slope[:, column] += moment * hazard[:, 0] - left * centre[:, column]
        result += _martingale(model, g, curve, slope)
    return result


def count_censoring(model: Subdistribution, fit: CoxFit) -> HazardFit:
    """Add to the influences of a fit what rows do through the estimated censoring curve.

    Parameters
    ----------
    model : Subdistribution
        The risk sets.
    fit : CoxFit
        The fit to them.

    Returns
    -------
    HazardFit
        The fit, with the influences of Fine and Gray (1999).
    """
    hazard = from_cox(fit)
    influence = hazard.influence + censoring_influence(model, fit) @ fit.variance
    return replace(hazard, influence=influence, moved=partial(_moved, model, fit, influence))


def _moved(
    model: Subdistribution, fit: CoxFit, influence: FloatArray, functional: FloatArray
) -> FloatArray:
    """What each row adds to sums over the steps of the hazard."""
    direct = hazard_influence(fit, influence, functional)
    return direct + censoring_influence(model, fit, functional)


def _carried_at(model: Subdistribution, position: IntArray, weight: FloatArray) -> FloatArray:
    """Sum over the rows whose weight falls if censoring at a time rises, shape (K,).

    A weight is the curve just before a time over the curve just before the row's exit, so that a
    censoring at the exit itself counts. ``cmprsk`` counts later ones, and those tied with an event.
    """
    here = binned(position, weight, len(model.grid.times))
    return np.cumsum(here) - (0 if model.events_first else here)


def _from(values: FloatArray) -> FloatArray:
    """Sums from each position to the end; one more than values, the last 0."""
    return np.concatenate([np.cumsum(values[::-1], axis=0)[::-1], np.zeros_like(values[:1])])


def _martingale(
    model: Subdistribution, g: int, curve: CensoringCurve, slope: FloatArray
) -> FloatArray:
    """Integrate slope / at risk against each row's censoring martingale.

    The derivative of the Kaplan-Meier curve's logarithm has those at risk who are not censored
    below the line; ``cmprsk`` takes that of the Nelson-Aalen estimate.
    """
    left = curve.at_risk - (curve.censored if model.events_first else 0.0)
    some = (curve.censored > 0) & (left > 1e-12 * curve.at_risk)  # the slope is 0 after the last
    jump = np.zeros_like(slope)
    jump[some] = slope[some] / left[some, None]
    drift = np.zeros_like(slope)
    drift[some] = jump[some] * (curve.censored[some] / curve.at_risk[some])[:, None]
    total = np.concatenate([np.zeros_like(slope[:1]), np.cumsum(drift, axis=0)])
    index = model.grid.index
    # Those with an event at a censoring time are not at risk of being censored then.
    seen = index + 1 - (model.event if model.events_first else 0)
    result = jump[index] * model.censored[:, None] - total[seen]
    if model.grid.entered is not None:
        result += total[model.grid.entered]
    if model.group is not None:
        result[model.group != g] = 0.0
    if model.censoring_weights is not None:
        result *= model.censoring_weights[:, None]
    return result
