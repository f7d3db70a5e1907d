"""What is said of intervals in which people are at risk for a part only."""

from __future__ import annotations

import numpy as np

from evalkit.kernels.numeric import binned
from evalkit.kernels.person_periods import PersonPeriods
from evalkit.kernels.time_index import TIE
from evalkit.typing import FloatArray

__all__ = ["follow_up_note", "partial_note", "weight_inside"]

_MATTERS = 0.5  # of a standard error; a bias of so much takes an interval from 95 to 92 %


def weight_inside(periods: PersonPeriods) -> FloatArray:
    """Add up, for each interval, the rows that are at risk for a part of it and have no event.

    Parameters
    ----------
    periods : PersonPeriods
        The rows, marked where they are to count one half.

    Returns
    -------
    ndarray of float, shape (J,)
        Their weight.
    """
    total = np.zeros(periods.n_intervals)
    counted = periods.first <= periods.last
    enters, ends = periods.enters_inside, periods.ends_inside
    if enters is not None and ends is not None:
        ends = ends & ~(enters & (periods.first == periods.last))
    for where, inside in ((periods.first, enters), (periods.last, ends)):
        if inside is not None:
            rows = np.flatnonzero(inside & counted)
            weights = None if periods.weights is None else periods.weights[rows]
            total += binned(where[rows], weights, len(total))
    return total


def partial_note(totals: FloatArray, inside: FloatArray, ends: FloatArray) -> tuple[str, ...]:
    """Say by how much survival is too high, where that is much beside its standard error.

    Parameters
    ----------
    totals : ndarray of float, shape (J, 2)
        At risk and events in each interval.
    inside : ndarray of float, shape (J,)
        Of those at risk, who count whole without being at risk throughout.
    ends : ndarray of float, shape (J,)
        Ends of the intervals; infinite for the last.

    Returns
    -------
    tuple of str
        One sentence or none.

    Examples
    --------
    >>> totals = np.array([[1000.0, 200.0], [500.0, 100.0], [300.0, 20.0]])
    >>> (note,) = partial_note(totals, np.array([300.0, 100, 280]), np.array([90, 180, np.inf]))
    >>> note[note.index("survival") : note.index(". partial")]
    'survival at 90 is too high by 0.035 (2.8 standard errors)'
    """
    at_risk, events = totals[:-1].T
    some = (at_risk > 0) & (events < at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(some, events / at_risk, 0.0)
        right = np.where(some, events / np.maximum(at_risk - inside[:-1] / 2, events), 0.0)
        survival = np.cumprod(1 - share)
        spread = np.sqrt(np.cumsum(np.where(some, share / (at_risk * (1 - share)), 0.0)))
        excess = survival - np.cumprod(1 - right)
        errors = np.where(spread > 0, excess / (survival * spread), 0.0)
    if not len(errors) or not errors.max() > _MATTERS:
        return ()
    worst = int(np.argmax(errors))
    note = (
        "Who is censored, or enters, inside an interval counts there whole, as in R's glm: going "
        f"by the crude shares, survival at {ends[worst]:g} is too high by {excess[worst]:.2g} "
        f'({errors[worst]:.1f} standard errors). partial="half" takes most of that away.'
    )
    return (note,)


def follow_up_note(last: float, starts: FloatArray, ends: FloatArray) -> tuple[str, ...]:
    """Say if the follow-up ends inside an interval that has an end.

    Parameters
    ----------
    last : float
        The last time observed.
    starts, ends : ndarray of float, shape (J,)
        Where the intervals begin and end.

    Returns
    -------
    tuple of str
        One sentence or none.

    Examples
    --------
    >>> follow_up_note(700, np.array([0.0, 365, 914]), np.array([365, 914, np.inf]))
    ('Nobody is followed to 914: the last time observed is 700, and survival at 914 takes the hazard
      until then for that of the whole interval from 365.',)
    >>> follow_up_note(914, np.array([0.0, 365, 914]), np.array([365, 914, np.inf]))
    ()
    """
    inside = np.flatnonzero((starts < last) & (last < ends * (1 - TIE)) & np.isfinite(ends))
    if not len(inside):
        return ()
    start, end = starts[inside[0]], ends[inside[0]]
    note = (
        f"Nobody is followed to {end:g}: the last time observed is {last:g}, and survival at "
        f"{end:g} takes the hazard until then for that of the whole interval from {start:g}."
    )
    return (note,)
