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

from evalkit.kernels.at_risk import Carried, Slots, binned, place_rows
from evalkit.kernels.censoring import CensoringCurve, censoring_curve, entry_before
from evalkit.kernels.hazard_fit import HazardFit, SlotFit
from evalkit.kernels.partial_likelihood import Moments, hazard_influence
from evalkit.kernels.time_index import TimeIndex
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
    sets : Slots
        The risk sets; rows with a competing event are carried on.
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

    sets: Slots
    grid: TimeIndex
    curves: tuple[CensoringCurve, ...]
    group: IntArray | None
    censored: BoolArray
    event: BoolArray
    strata: IntArray | None
    events_first: bool
    censoring_weights: FloatArray | None


def subdistribution(
    grid: TimeIndex,
    event: IntArray,
    *,
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
    grid : TimeIndex
        Where the n rows enter and leave.
    event : ndarray of int, shape (n,)
        1 for the event of interest, 2 for a competing event, else 0.
    first, last : ndarray of bool, shape (n,), optional
        First and last row of each subject; a row that is not last is not censored at its end.
    strata : ndarray of int, shape (n,), optional
        Strata with baseline hazards of their own.
    group : ndarray of int, shape (n,), optional
        Groups with censoring and entry curves of their own.
    weights : ndarray of float, shape (n,), optional
        Weights of the rows.
    weigh_censoring : bool, default False
        Whether the weights count in the censoring and entry curves as well.
    events_first : bool, default True
        See :func:`evalkit.kernels.censoring.censoring_curve`.

    Returns
    -------
    Subdistribution
        The risk sets.
    """
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
    sets = place_rows(grid, event == 1, strata=strata, weights=weights)
    rows = np.flatnonzero(event == 2)
    own = np.zeros(len(rows), dtype=np.int64) if group is None else group[rows]
    slots = np.zeros((n_groups, sets.n_slots))
    real = np.isfinite(sets.time)
    slots[:, real] = factors[:, np.searchsorted(grid.times, sets.time[real])]
    closing = np.flatnonzero(~real)
    end = closing[np.zeros(len(rows), dtype=np.int64) if strata is None else strata[rows]]
    at_exit = factors[own, grid.index[rows]]
    with np.errstate(divide="ignore"):
        factor = 1 / at_exit
    # Where nothing follows, a curve that has reached 0 does no harm.
    follows = sets.stop[rows] < end
    rows, own, end, factor = rows[follows], own[follows], end[follows], factor[follows]
    carried = Carried(rows, sets.stop[rows], end, factor, own, slots)
    return Subdistribution(
        replace(sets, carried=carried),
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
    carried = model.sets.carried
    if carried is None:
        return np.zeros(0, dtype=np.int64)
    return carried.rows[~np.isfinite(carried.factor)]


def censoring_influence(
    model: Subdistribution, matrix: FloatArray, at: Moments, functional: FloatArray | None = None
) -> FloatArray:
    """What each row adds to the score through the estimated censoring curve.

    With this added, the variance is that of Fine and Gray (1999) and R's ``cmprsk::crr``. It holds
    for data without delayed entry.

    Parameters
    ----------
    model : Subdistribution
        The risk sets.
    matrix : ndarray of float, shape (n, p)
        Covariates.
    at : Moments
        The sums at the estimates.
    functional : ndarray of float, shape (J, m), optional
        Instead of the score, sums over the steps of the cumulative hazard, as in
        :func:`evalkit.kernels.partial_likelihood.hazard_influence`.

    Returns
    -------
    ndarray of float, shape (n, p) or (n, m)
        Contributions, by row.
    """
    width = matrix.shape[1] if functional is None else functional.shape[1]
    result = np.zeros((len(at.risk), width))
    carried = model.sets.carried
    if carried is None:
        return result
    size = len(model.grid.times)
    n_strata = 1 if model.strata is None else int(model.strata.max()) + 1
    for g, curve in enumerate(model.curves):
        slope = np.zeros((size, width))
        for s in range(n_strata):
            mine = carried.group == g
            if model.strata is not None:
                mine &= model.strata[carried.rows] == s
            rows = carried.rows[mine]
            slots = np.flatnonzero((model.sets.stratum == s) & np.isfinite(model.sets.time))
            weight = at.risk[rows] * carried.factor[mine]
            position = model.grid.index[rows]
            left = _carried_at(model, position, weight)
            side = "right" if model.events_first else "left"
            later = np.searchsorted(model.sets.time[slots], model.grid.times, side=side)
            through = carried.kept[g, slots]
            if functional is not None:
                change = functional[slots] * (at.a[slots] * through)[:, None]
                slope += left[:, None] * _from(change)[later]
                continue
            hazard = _from((at.h1[slots] * through)[:, None])[later]
            means = at.a[slots, None] * at.S1[slots] - at.b[slots, None] * at.D1[slots]
            centre = _from(means * through[:, None])[later]
            for column, covariate in enumerate(matrix[rows].T):
                moment = _carried_at(model, position, weight * covariate)
                slope[:, column] += moment * hazard[:, 0] - left * centre[:, column]
        result += _martingale(model, g, curve, slope)
    return result


def count_censoring(model: Subdistribution, fit: SlotFit) -> HazardFit:
    """Add to the influences of a fit what rows do through the estimated censoring curve.

    Parameters
    ----------
    model : Subdistribution
        The risk sets.
    fit : SlotFit
        The fit, with the weights taken as known.

    Returns
    -------
    HazardFit
        The fit, with the influences of Fine and Gray (1999).
    """
    through = censoring_influence(model, fit.matrix, fit.moments) @ fit.inverse
    influence = fit.influence + through
    return replace(fit.hazard(), influence=influence, moved=partial(_moved, model, fit, influence))


def _moved(
    model: Subdistribution, fit: SlotFit, influence: FloatArray, functional: FloatArray
) -> FloatArray:
    """What each row adds to sums over the steps of the hazard."""
    direct = hazard_influence(fit.sets, fit.moments, influence, functional)
    return direct + censoring_influence(model, fit.matrix, fit.moments, functional)


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
