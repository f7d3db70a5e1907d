"""Cumulative incidence by group, with all that contrasts and functionals of it need.

The public functions are in the modules that use this one: curves and their differences, days lost,
pseudo-values.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import Names
from evalkit.core.group_tables import Data, GroupTables, read_tables
from evalkit.core.sample import EmptyRiskSetWarning, Sample, WeightsKind
from evalkit.errors import InputError
from evalkit.kernels.aalen_johansen import (
    AalenJohansen,
    aalen_johansen,
    aalen_variance,
    functional,
    greenwood_functional_variance,
    greenwood_variance,
)
from evalkit.kernels.event_times import TIE, EventTimes, index_times, last_at_or_before
from evalkit.kernels.influence import Rows, cluster_sums, influence, jackknife_variance
from evalkit.kernels.product_limit import empty_risk_set, product_limit
from evalkit.kernels.share_differences import known_number
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "GroupCurve",
    "IncidenceCurves",
    "Variance",
    "Weight",
    "reference_level",
    "rows_of",
    "warn_if_empty",
]

Variance: TypeAlias = Literal["jackknife", "greenwood", "aalen"]
Weight: TypeAlias = Callable[[FloatArray], FloatArray]
"""A function of the distinct times (K,) that is integrated over the incidence, (K, M)."""

_METHODS = {
    "jackknife": "infinitesimal jackknife variance",
    "greenwood": "Greenwood variance",
    "aalen": "Aalen's delta-method variance",
}


@dataclass(frozen=True, eq=False)
class GroupCurve:
    """The cumulative incidences of one group.

    Parameters
    ----------
    level : object
        The group: a value, a tuple of values, or ``()`` if there is but one group.
    keys : mapping of str to object
        Value of each key column.
    curve : AalenJohansen
        The estimate.
    table : EventTimes
        What it was made from.
    rows : Rows or None
        The rows on the curve's grid, where functionals need them: the variance is the jackknife
        and differs from Greenwood's.
    n : int
        Rows, or people counted.
    variance : ndarray of float, shape (K, C)
        Variance of the incidences.
    """

    level: object
    keys: Mapping[str, object]
    curve: AalenJohansen
    table: EventTimes
    rows: Rows | None
    n: int
    variance: FloatArray

    @property
    def name(self) -> str:
        """The group as a contrast says it."""
        return ", ".join(str(value) for value in self.keys.values())

    @property
    def last(self) -> float:
        """Time up to which the curve is known: infinite once nobody is left without an event."""
        return np.inf if self.curve.survival[-1] == 0 else float(self.curve.times[-1])

    @property
    def df(self) -> float:
        """Degrees of freedom of a variance over clusters: their number less one."""
        return float("inf") if self.rows is None else self.rows.df

    @property
    def first(self) -> float:
        """First entry, before which nothing is known."""
        return float(self.table.entry_times[0]) if len(self.table.entry_times) else -np.inf

    def at(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Incidences and variances, (m, C) each; NaN before the first entry and after the last."""
        position = last_at_or_before(self.curve.times, times)
        known = (times >= self.first * (1 - TIE)) & (times <= self.last * (1 + TIE))
        start = (position < 0)[:, None]
        unknown = np.where(known, 0.0, np.nan)[:, None]
        incidence = np.where(start, 0.0, self.curve.incidence[position]) + unknown
        return incidence, np.where(start, 0.0, self.variance[position]) + unknown

    def known(self, times: FloatArray) -> FloatArray:
        """Effective number of those who are not censored before given times, (m,)."""
        # clusters, or sampling weights, count for less than their sum
        effective = None if self.rows is None else self.rows.effective_number
        return known_number(self.table, times, effective)

    def integrate(self, weight: Weight) -> tuple[FloatArray, FloatArray]:
        """Functionals of the incidences, (M, C), and their covariances among causes, (M, C, C)."""
        phi = weight(self.curve.times)
        value = functional(self.curve, phi)
        if self.rows is None:
            return value, greenwood_functional_variance(self.curve, phi)
        sums = [cluster_sums(part, self.rows) for part in influence(self.curve, self.rows, phi)]
        return value, np.einsum("igm,jgm->mij", sums, sums)


@dataclass(frozen=True, eq=False)
class IncidenceCurves:
    """The curves of all groups, and how they came about.

    Parameters
    ----------
    groups : tuple of GroupCurve
        In the order of the group labels.
    by : tuple of str
        Names of the key columns.
    causes : tuple
        Labels of the causes.
    method : str
        The variance, in words.
    clustered : bool
        Whether rows of different groups may belong to one cluster.
    n_used : int
        Rows, or people counted.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    groups: tuple[GroupCurve, ...]
    by: tuple[str, ...]
    causes: tuple[object, ...]
    method: str
    clustered: bool
    n_used: int
    n_dropped: Mapping[str, int]

    @classmethod
    def read(
        cls,
        data: Data,
        *,
        duration: str | None,
        cause: str | None,
        event: str | None = None,
        entry: str | None = None,
        by: Names | None = None,
        weights: str | None = None,
        weights_kind: WeightsKind = "case",
        cluster: str | None = None,
        variance: Variance | None = None,
        stacklevel: int = 4,
    ) -> IncidenceCurves:
        """Read rows or counts and estimate the curves; see ``cumulative_incidence``."""
        if variance is not None:
            check_choice("variance", variance, tuple(_METHODS))
        if weights_kind == "sampling" and weights is None:
            raise InputError.of(
                "weights", required="a column where weights_kind is 'sampling'", got="None"
            )
        found = read_tables(
            data,
            duration=duration,
            event=event,
            cause=cause,
            entry=entry,
            by=by,
            weights=weights,
            cluster=cluster,
            weights_kind=weights_kind,
        )
        if not found.causes or not any(table.events.any() for table in found.tables):
            raise InputError.of(
                "cause" if event is None else "event",
                required="not censored in every row",
                got=f"{found.n_used} rows, all censored",
                remedy="Without an event no incidence can be estimated.",
            )
        kind = _variance_kind(found, variance)
        clustered = found.sample is not None and found.sample.cluster is not None
        curves = [aalen_johansen(table) for table in found.tables]
        for g, table in enumerate(found.tables):
            where = f" in group {found.levels[g]!r}" if found.by else ""
            warn_if_empty(table, where, stacklevel=stacklevel)
        return cls(
            groups=tuple(_group(found, g, curve, kind) for g, curve in enumerate(curves)),
            by=found.by,
            causes=found.causes,
            method=_METHODS[kind] + (" over clusters, Student's t" if clustered else ""),
            clustered=clustered,
            n_used=found.n_used,
            n_dropped=found.n_dropped,
        )

    def contrast(
        self, other: GroupCurve, reference: GroupCurve, weight: Weight
    ) -> tuple[FloatArray, FloatArray]:
        """Differences of functionals, other minus reference, (M, C), and their covariances."""
        value1, covariance1 = other.integrate(weight)
        value0, covariance0 = reference.integrate(weight)
        if not (self.clustered and other.rows is not None and reference.rows is not None):
            return value1 - value0, covariance1 + covariance0
        both: list[list[FloatArray]] = []
        size = 1 + max(
            int(g.rows.cluster.max())
            for g in self.groups
            if g.rows is not None and g.rows.cluster is not None
        )
        for group in (other, reference):
            assert group.rows is not None  # checked above
            parts = influence(group.curve, group.rows, weight(group.curve.times))
            both.append([cluster_sums(part, group.rows, size=size) for part in parts])
        sums = [one - zero for one, zero in zip(*both, strict=True)]
        return value1 - value0, np.einsum("igm,jgm->mij", sums, sums)


def _variance_kind(found: GroupTables, variance: Variance | None) -> Variance:
    """Settle which variance is computed, and refuse what it cannot do."""
    from_counts = found.sample is None and any(len(t.entry_times) for t in found.tables)
    if variance is None:
        return "greenwood" if from_counts else "jackknife"
    if variance == "jackknife":
        if from_counts:
            raise InputError.of(
                "variance",
                required="'greenwood' or 'aalen' for Counts with delayed entry",
                got="'jackknife'",
                remedy="Counts do not say who of those who entered late has left.",
            )
        return variance
    sample = found.sample
    if sample is not None and (
        sample.cluster is not None
        or (sample.weights is not None and sample.weights_kind == "sampling")
    ):
        raise InputError.of(
            "variance",
            required="'jackknife' with clusters or sampling weights",
            got=repr(variance),
        )
    return variance


def _group(found: GroupTables, g: int, curve: AalenJohansen, kind: Variance) -> GroupCurve:
    """Add rows and variance to the curve of one group."""
    sample, rows = found.sample, None
    if kind == "jackknife" and sample is not None and not _is_greenwood(sample):
        groups = np.zeros(sample.n, dtype=np.int64) if sample.groups is None else sample.groups
        rows = rows_of(sample, np.flatnonzero(groups == g), sample.event)
    if rows is not None:
        variance = jackknife_variance(curve, rows)
    elif kind == "aalen":
        variance = aalen_variance(curve)
    else:
        variance = greenwood_variance(curve)
    if sample is None:
        n = int((curve.events.sum() + found.tables[g].censored.sum()).item())
    elif sample.groups is None:
        n = sample.n
    else:
        n = int((sample.groups == g).sum())
    return GroupCurve(found.levels[g], found.keys(g), curve, found.tables[g], rows, n, variance)


def _is_greenwood(sample: Sample) -> bool:
    """Say whether the jackknife variance is Greenwood's: no late entry, no clusters."""
    return (
        sample.entry is None
        and sample.cluster is None
        and (sample.weights is None or sample.weights_kind == "case")
    )


def rows_of(sample: Sample, mine: IntArray, event: IntArray) -> Rows:
    """Place some rows of a sample on the grid of their own times.

    Parameters
    ----------
    sample : Sample
        The sample.
    mine : ndarray of int, shape (n,)
        Positions of the rows.
    event : ndarray of int
        Event codes of the whole sample: its own, or with causes merged.

    Returns
    -------
    Rows
        In the order of ``mine``.
    """
    grid = index_times(sample.time[mine], None if sample.entry is None else sample.entry[mine])
    return Rows(
        index=grid.index,
        entered=grid.entered,
        cause=event[mine],
        weights=None if sample.weights is None else sample.weights[mine],
        cluster=None if sample.cluster is None else sample.cluster[mine],
        weights_kind=sample.weights_kind,
    )


def warn_if_empty(table: EventTimes, where: str, *, stacklevel: int) -> None:
    """Warn of a risk set that empties while others are observed later.

    Parameters
    ----------
    table : EventTimes
        Event times of a group or stratum.
    where : str
        Which one, as the message is to say it; empty if there is but one.
    stacklevel : int
        Calls from the user's line to this function.

    Warns
    -----
    EmptyRiskSetWarning
        If there is one.
    """
    if not len(table.entry_times):
        return
    empty = empty_risk_set(product_limit(table))
    if empty is None:
        return
    if empty.by_event:
        found = (
            f"All who are at risk at {empty.time:g}{where} have an event then, so that nothing "
            f"comes after it, although {empty.later:g} are observed later."
        )
    else:
        found = (
            f"Nobody is at risk just after {empty.time:g}{where}, although {empty.later:g} are "
            "observed later: the curves take it that no event happens in between."
        )
    remedy = " Begin the clock at a time from which on more are at risk."
    warnings.warn(found + remedy, EmptyRiskSetWarning, stacklevel=stacklevel)


def reference_level(curves: IncidenceCurves, reference: object) -> GroupCurve:
    """Find the group that the others are compared with.

    Parameters
    ----------
    curves : IncidenceCurves
        All groups.
    reference : object
        The reference group's label.

    Returns
    -------
    GroupCurve
        The group.

    Raises
    ------
    evalkit.errors.InputError
        If there is only one group, or none of that name.
    """
    if len(curves.groups) < 2:
        raise InputError.of("by", required="at least two groups", got=f"{len(curves.groups)}")
    for group in curves.groups:
        if group.level == reference:
            return group
    raise InputError.of(
        "reference",
        required="one of the groups",
        got=repr(reference),
        remedy="Groups: " + ", ".join(repr(group.level) for group in curves.groups) + ".",
    )
