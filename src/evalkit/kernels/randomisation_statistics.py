"""Differences between arms as functions of who was assigned, and of a shift that is taken off.

If everybody assigned gained t, taking t off them gives the outcomes that all would have had. For
every assignment the difference between the arms in these outcomes is linear in t, and its
estimated variance quadratic; the coefficients are sums over those assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from evalkit.kernels.permutation import Draws, MatrixDraws, Urns
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Adjusted",
    "AdjustedStudentised",
    "Differences",
    "Unadjusted",
    "evaluate",
    "observed",
]

_RANK = 1e-10  # singular values below this share of the largest are none
_CANCELS = 1e-13  # share of its terms that a sum must reach to be anything
_ALIASED = 1e-9  # share of the arm's variance that covariates must leave
Watch: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Differences:
    """The difference between the arms by assignment, with a shift t taken off those assigned.

    Attributes
    ----------
    constant, slope : ndarray of float, shape (R,)
        The difference is ``constant - slope * t``; NaN where an arm has nobody observed.
    variance : ndarray of float, shape (R, 3), or None
        Its estimated variance is ``variance @ (1, t, t**2)``; None if it is not studentised.
    """

    constant: FloatArray
    slope: FloatArray
    variance: FloatArray | None

    @property
    def defined(self) -> BoolArray:
        """Whether the difference (and its variance) could be computed."""
        fine = np.isfinite(self.constant) & np.isfinite(self.slope)
        return fine if self.variance is None else fine & np.isfinite(self.variance).all(axis=1)


class Unadjusted:
    """Difference in means, stratum by stratum, weighted by the size of the stratum.

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        Outcomes of the rows observed.
    unit : ndarray of int, shape (n,)
        Unit (person or cluster) of each row.
    urns : Urns
        The units.
    studentised : bool
        Whether variances are wanted.
    """

    def __init__(self, y: FloatArray, unit: IntArray, urns: Urns, *, studentised: bool) -> None:
        units = len(urns.assigned)
        size = np.bincount(unit, minlength=units).astype(np.float64)
        total: FloatArray = np.bincount(unit, weights=y - y.mean(), minlength=units).astype(float)
        z = urns.assigned.astype(np.float64)
        columns = [size, total, size * z]
        if studentised:
            columns += [
                np.minimum(size, 1), total**2, total * size, size**2, total * size * z, size**2 * z,
            ]  # fmt: skip
        self.columns = np.stack(columns, axis=1)
        self._studentised = studentised
        self._totals = [self.columns[urns.stratum == s].sum(axis=0) for s in range(urns.n_strata)]
        self._share = np.array([part[0] for part in self._totals]) / len(y)

    def start(self, n_draws: int) -> list[FloatArray]:
        """Return what sums up over strata: constant, slope, variance."""
        return [np.zeros(n_draws), np.zeros(n_draws), np.zeros((n_draws, 3))]

    def add(self, state: list[FloatArray], stratum: int, sums: FloatArray) -> None:
        """Add what one stratum contributes."""
        share = self._share[stratum]
        if share == 0:  # nobody in it was observed
            return
        for sign, part in ((1.0, sums), (-1.0, self._totals[stratum] - sums)):
            size = np.where(part[:, 0] > 0, part[:, 0], np.nan)
            mean, assigned = part[:, 1] / size, part[:, 2] / size
            state[0] += sign * share * mean
            state[1] += sign * share * assigned
            if self._studentised:
                state[2] += share**2 * _between(part, size, mean, assigned)

    def finish(self, state: list[FloatArray]) -> Differences:
        """Return the differences."""
        return Differences(state[0], state[1], state[2] if self._studentised else None)


def _between(
    part: FloatArray, size: FloatArray, mean: FloatArray, assigned: FloatArray
) -> FloatArray:
    """Return the variance of an arm's mean as a polynomial of t, from sums over its units.

    A unit's deviation is (total - size mean) - t (size z - size mean of z).
    """
    units, yy, yn, nn, ynz, nnz = part.T[3:]
    constant = _total(yy, -2 * mean * yn, mean**2 * nn)
    linear = -2 * _total(ynz, -assigned * yn, -mean * nnz, mean * assigned * nn)
    square = _total(nnz, -2 * assigned * nnz, assigned**2 * nn)
    factor = np.where(units > 1, units, np.nan) / np.where(units > 1, units - 1, 1) / size**2
    return np.column_stack([constant, linear, square]) * factor[:, None]


def _total(*terms: FloatArray) -> FloatArray:
    """Add terms; what is left of terms that cancel is rounding, and 0 instead."""
    total = np.sum(terms, axis=0)
    return np.where(np.abs(total) <= _CANCELS * np.abs(terms).sum(axis=0), 0.0, total)


@dataclass(frozen=True, slots=True)
class _Residuals:
    """Rows with strata and covariates taken out."""

    y: FloatArray
    z: FloatArray
    basis: FloatArray


def _take_out(
    y: FloatArray, X: FloatArray, stratum: IntArray, z: FloatArray, n_strata: int
) -> _Residuals:
    """Regress outcome and assignment on strata and covariates."""
    counts = np.maximum(np.bincount(stratum, minlength=n_strata), 1)

    def within(values: FloatArray) -> FloatArray:
        means = np.bincount(stratum, weights=values, minlength=n_strata) / counts
        return values - means[stratum]

    inside = np.column_stack([within(column) for column in X.T])
    scale = np.linalg.norm(X - X.mean(axis=0), axis=0)
    inside = inside[:, np.linalg.norm(inside, axis=0) > _RANK * np.where(scale > 0, scale, 1)]
    inside /= np.linalg.norm(inside, axis=0)
    left, singular, _ = np.linalg.svd(inside, full_matrices=False)
    basis = left[:, singular > _RANK * singular.max(initial=0.0)]

    def out(values: FloatArray) -> FloatArray:
        centred = within(values)
        return centred - basis @ (basis.T @ centred)

    return _Residuals(out(y), out(z), basis)


class Adjusted:
    """Coefficient of the arm in a regression on strata and covariates (Frisch, Waugh, Lovell).

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        Outcomes of the rows observed.
    X : ndarray of float, shape (n, p)
        Covariates.
    unit : ndarray of int, shape (n,)
        Unit of each row.
    urns : Urns
        The units.
    """

    def __init__(self, y: FloatArray, X: FloatArray, unit: IntArray, urns: Urns) -> None:
        units, stratum = len(urns.assigned), urns.stratum[unit]
        rest = _take_out(y, X, stratum, urns.assigned[unit].astype(np.float64), urns.n_strata)
        columns = [np.ones(len(y)), rest.y, rest.z, *rest.basis.T]
        totals: list[FloatArray] = [
            np.bincount(unit, weights=column, minlength=units).astype(np.float64)
            for column in columns
        ]
        self.columns = np.stack(totals, axis=1)
        self._n = np.bincount(stratum, minlength=urns.n_strata).astype(np.float64)

    def start(self, n_draws: int) -> list[FloatArray]:
        """Return what sums up over strata: cross-products with the arm."""
        width = self.columns.shape[1]
        return [np.zeros(n_draws), np.zeros((n_draws, width - 1))]

    def add(self, state: list[FloatArray], stratum: int, sums: FloatArray) -> None:
        """Add what one stratum contributes."""
        if self._n[stratum]:
            state[0] += sums[:, 0] - sums[:, 0] ** 2 / self._n[stratum]
        state[1] += sums[:, 1:]

    def finish(self, state: list[FloatArray]) -> Differences:
        """Return the coefficients."""
        left = state[0] - (state[1][:, 2:] ** 2).sum(axis=1)
        left = np.where(left > _ALIASED * np.maximum(state[0], 1), left, np.nan)
        return Differences(state[1][:, 0] / left, state[1][:, 1] / left, None)


class AdjustedStudentised:
    """Coefficient of the arm in a regression, with its robust variance (HC0, CR0 by unit).

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        Outcomes of the rows observed, sorted by unit, and units by stratum.
    X : ndarray of float, shape (n, p)
        Covariates.
    unit : ndarray of int, shape (n,)
        Unit of each row.
    urns : Urns
        The units.
    """

    def __init__(self, y: FloatArray, X: FloatArray, unit: IntArray, urns: Urns) -> None:
        self.n_rows = len(y)
        self._unit = unit
        stratum = urns.stratum[unit]
        z = urns.assigned[unit].astype(np.float64)
        self._rest = _take_out(y, X, stratum, z, urns.n_strata)
        self._strata = np.flatnonzero(np.diff(stratum, prepend=-1))
        self._rows = np.diff(self._strata, append=len(y))
        self._units = np.flatnonzero(np.diff(unit, prepend=-1))

    def evaluate(self, assigned: BoolArray) -> Differences:
        """Return the coefficients and variances of some assignments.

        Parameters
        ----------
        assigned : ndarray of bool, shape (r, G)
            Whether a unit is assigned.

        Returns
        -------
        Differences
            One entry for each assignment.
        """
        rest = self._rest
        z = assigned[:, self._unit].astype(np.float64)
        means = np.add.reduceat(z, self._strata, axis=1) / self._rows
        z -= np.repeat(means, self._rows, axis=1)
        within = np.einsum("rn,rn->r", z, z)
        z -= (z @ rest.basis) @ rest.basis.T
        left = np.einsum("rn,rn->r", z, z)
        left = np.where(left > _ALIASED * np.maximum(within, 1), left, np.nan)
        constant, slope = z @ rest.y / left, z @ rest.z / left
        outcome = self._scores(z, rest.y, constant)
        shift = self._scores(z, rest.z, slope)
        variance = np.column_stack(
            [
                np.einsum("ru,ru->r", outcome, outcome),
                -2 * np.einsum("ru,ru->r", outcome, shift),
                np.einsum("ru,ru->r", shift, shift),
            ]
        )
        return Differences(constant, slope, variance / left[:, None] ** 2)

    def _scores(self, z: FloatArray, values: FloatArray, coefficient: FloatArray) -> FloatArray:
        """Sum residual times residual arm over the rows of each unit."""
        scores = z * (values - coefficient[:, None] * z)
        return scores if len(self._units) == self.n_rows else self._summed(scores)

    def _summed(self, scores: FloatArray) -> FloatArray:
        """Sum over the rows of each unit."""
        return np.add.reduceat(scores, self._units, axis=1)


def evaluate(
    statistics: Sequence[Unadjusted | Adjusted | AdjustedStudentised],
    urns: Urns,
    draws: Draws,
    watch: Watch = iter,
) -> list[Differences]:
    """Evaluate statistics of one trial on the same assignments.

    Parameters
    ----------
    statistics : sequence of Unadjusted, Adjusted or AdjustedStudentised
        One for each outcome, all of one kind.
    urns : Urns
        The units; they tell how many strata there are.
    draws : Draws
        The assignments.
    watch : callable, optional
        Wrapped around the steps, for a progress bar.

    Returns
    -------
    list of Differences
        One for each statistic.
    """
    explicit = [s for s in statistics if isinstance(s, AdjustedStudentised)]
    if explicit:
        return _evaluate_explicitly(explicit, draws, watch)
    summed = [s for s in statistics if not isinstance(s, AdjustedStudentised)]
    columns = np.concatenate([statistic.columns for statistic in summed], axis=1)
    ends = np.cumsum([statistic.columns.shape[1] for statistic in summed])
    states = [statistic.start(draws.n_draws) for statistic in summed]
    for stratum in watch(range(urns.n_strata)):
        parts = np.split(draws.sums(columns, stratum), ends[:-1], axis=1)
        for statistic, state, part in zip(summed, states, parts, strict=True):
            statistic.add(state, stratum, part)
    return [statistic.finish(state) for statistic, state in zip(summed, states, strict=True)]


def _evaluate_explicitly(
    statistics: Sequence[AdjustedStudentised], draws: Draws, watch: Watch
) -> list[Differences]:
    """Evaluate statistics that need every assignment in full."""
    parts: list[list[Differences]] = [[] for _ in statistics]
    for assigned in watch(draws.matrices(max(s.n_rows for s in statistics))):
        for statistic, done in zip(statistics, parts, strict=True):
            done.append(statistic.evaluate(assigned))
    return [
        Differences(
            np.concatenate([d.constant for d in done]),
            np.concatenate([d.slope for d in done]),
            np.concatenate([d.variance for d in done if d.variance is not None]),
        )
        for done in parts
    ]


def observed(
    statistics: Sequence[Unadjusted | Adjusted | AdjustedStudentised], urns: Urns
) -> list[Differences]:
    """Evaluate statistics on the assignment that came out.

    Parameters
    ----------
    statistics : sequence of Unadjusted, Adjusted or AdjustedStudentised
        One for each outcome.
    urns : Urns
        The units.

    Returns
    -------
    list of Differences
        One for each statistic, with a single entry.
    """
    return evaluate(statistics, urns, MatrixDraws(urns.assigned[None], urns.stratum))
