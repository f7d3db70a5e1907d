"""Draws of the missing outcomes of a trial, kept so that they can be shifted without drawing anew.

Every draw is kept as a number on the scale on which it is shifted: the outcome's own, or that of
the log odds, with the thresholds that make levels of it. A tipping-point analysis then uses the
same draws at every shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from evalkit.kernels.chained_equations import fill_once
from evalkit.kernels.imputation_models import LogitFit, draw_logit, fit_logit
from evalkit.kernels.visit_models import (
    Rule,
    VisitParameters,
    at_least_squares,
    draw_visits,
    fit_visits,
    locate,
)
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["OutcomeData", "OutcomeDraws", "draw_outcomes", "expected_outcomes"]


@dataclass(frozen=True, slots=True)
class OutcomeData:
    """A trial's outcomes and what they are imputed from; n rows in an order that is settled.

    Attributes
    ----------
    outcome : ndarray of float, shape (n,)
        The outcome, or its level 0, 1, ...; NaN where missing.
    n_levels : int
        0 for a number, otherwise the number of levels.
    earlier : ndarray of float, shape (n, J)
        Earlier measurements in order of time, NaN where missing.
    earlier_levels : tuple of int, length J
        0 for a number, otherwise the number of levels.
    predictors : ndarray of float, shape (n, p)
        Complete baseline variables, without intercept.
    incomplete : ndarray of float, shape (n, q)
        Baseline variables with missing values.
    incomplete_levels : tuple of int, length q
        0 for a number, otherwise the number of levels.
    arm : ndarray of int, shape (n,)
        Arms 0, 1, ...
    leaves : ndarray of bool, shape (n,)
        Rows that follow ``rule`` if their outcome is missing; the others are missing at random.
    rule : str
        The rule.
    reference : int
        The reference arm.
    """

    outcome: FloatArray
    n_levels: int
    earlier: FloatArray
    earlier_levels: tuple[int, ...]
    predictors: FloatArray
    incomplete: FloatArray
    incomplete_levels: tuple[int, ...]
    arm: IntArray
    leaves: BoolArray
    rule: Rule
    reference: int

    @property
    def missing(self) -> IntArray:
        """Positions of the rows without outcome."""
        return np.flatnonzero(np.isnan(self.outcome))

    @property
    def last(self) -> IntArray:
        """Number of measurements up to the last one that is there, the outcome included."""
        there = ~np.isnan(np.column_stack([self.earlier, self.outcome]))
        n_visits = there.shape[1]
        return np.where(there.any(axis=1), n_visits - np.argmax(there[:, ::-1], axis=1), 0)

    @property
    def has_gaps(self) -> bool:
        """Whether a measurement is missing before one that is there."""
        gone = np.isnan(self.earlier)
        places = np.arange(gone.shape[1], dtype=np.int64)
        return bool(np.any(gone & (places < self.last[:, None])))

    def rows(self, kept: IntArray) -> OutcomeData:
        """Return the data of some rows, each as often as it is named.

        Parameters
        ----------
        kept : ndarray of int
            Positions.

        Returns
        -------
        OutcomeData
            Those rows.
        """
        return replace(
            self,
            outcome=self.outcome[kept],
            earlier=self.earlier[kept],
            predictors=self.predictors[kept],
            incomplete=self.incomplete[kept],
            arm=self.arm[kept],
            leaves=self.leaves[kept],
        )


@dataclass(frozen=True, slots=True)
class OutcomeDraws:
    """Imputed outcomes, before they are shifted.

    Attributes
    ----------
    rows : ndarray of int, shape (r,)
        Positions of the rows imputed.
    latent : ndarray of float, shape (r, m)
        The draws: outcomes, or log odds with logistic noise.
    thresholds : ndarray of float, shape (r, m, K - 1)
        The level is the number of thresholds below the draw; no thresholds for a number.
    baseline : ndarray of float, shape (m, n, q) or (1, n, q)
        The incomplete baseline variables, filled in; one copy if there are none.
    """

    rows: IntArray
    latent: FloatArray
    thresholds: FloatArray
    baseline: FloatArray

    def values(self, shift: FloatArray | float = 0.0) -> FloatArray:
        """Return the imputed outcomes.

        Parameters
        ----------
        shift : float or ndarray of float, shape (r,)
            What is added to the draws, on their own scale.

        Returns
        -------
        ndarray of float, shape (r, m)
            Outcomes or levels.
        """
        moved = self.latent + np.reshape(shift, (-1, 1))
        if not self.thresholds.shape[2]:
            return moved
        return (moved[:, :, None] > self.thresholds).sum(axis=2).astype(np.float64)


def draw_outcomes(
    data: OutcomeData, m: int, rng: np.random.Generator, *, n_cycles: int = 10
) -> OutcomeDraws:
    """Draw the missing outcomes m times.

    Incomplete baseline variables, and measurements missing before one that is there, are filled
    in first by chained equations in each arm; without any, nothing is iterated.

    Parameters
    ----------
    data : OutcomeData
        The trial.
    m : int
        Number of imputations.
    rng : numpy.random.Generator
        Source of randomness.
    n_cycles : int, default 10
        Cycles of the chained equations.

    Returns
    -------
    OutcomeDraws
        The draws.
    """
    n, q, n_visits = len(data.outcome), data.incomplete.shape[1], data.earlier.shape[1]
    gone = np.isnan(data.earlier)
    chained = q > 0 or data.has_gaps or (data.n_levels > 0 and bool(gone.any()))
    if chained:
        kinds = (*data.incomplete_levels, *data.earlier_levels, data.n_levels)
        columns = np.column_stack([data.incomplete, data.earlier, data.outcome])
        filled = np.stack(
            [
                fill_once(columns, kinds, data.predictors, data.arm, rng, n_cycles=n_cycles)
                for _ in range(m)
            ]
        )
        baseline, earlier = filled[:, :, :q], filled[:, :, q : q + n_visits]
    else:
        baseline, earlier = data.incomplete[None], data.earlier[None]
    predictors = np.broadcast_to(data.predictors, (len(baseline), *data.predictors.shape))
    design = np.concatenate([np.ones((len(baseline), n, 1)), predictors, baseline], axis=2)
    if data.n_levels:
        latent, thresholds = _draw_levels(data, design[:, :, 1:], earlier, m, rng)
    else:
        latent = _draw_numbers(data, design, earlier, m, rng)
        thresholds = np.zeros((*latent.shape, 0))
    return OutcomeDraws(data.missing, latent, thresholds, baseline)


def _parts(data: OutcomeData) -> list[tuple[int, bool, int, IntArray]]:
    """Sort the rows imputed by arm, whether they follow the rule, and measurements they have."""
    rows = data.missing
    last = data.last[rows]
    parts: list[tuple[int, bool, int, IntArray]] = []
    for arm in range(int(data.arm.max()) + 1):
        for follows in (False, True):
            for known in range(data.earlier.shape[1] + 1):
                inside = (data.arm[rows] == arm) & (data.leaves[rows] == follows)
                places = np.flatnonzero(inside & (last == known))
                if len(places):
                    parts.append((arm, follows, known, places))
    return parts


def _arms_needed(data: OutcomeData) -> list[int]:
    """Return the arms whose models are drawn from."""
    needed: set[int] = set()
    for arm, follows, _, _ in _parts(data):
        needed |= {arm, data.reference} if follows else {arm}
    return sorted(needed)


def _draw_numbers(
    data: OutcomeData, design: FloatArray, earlier: FloatArray, m: int, rng: np.random.Generator
) -> FloatArray:
    """Draw numbers by the chains of regressions of the arms."""
    copies, q = len(design), design.shape[2]
    outcome = np.broadcast_to(data.outcome[None, :, None], (copies, len(data.outcome), 1))
    visits = np.concatenate([earlier, outcome], axis=2)
    chains: dict[int, VisitParameters] = {}
    for arm in _arms_needed(data):
        mine = data.arm == arm
        last = data.last[mine]
        drawn = [
            draw_visits(fit_visits(design[c, mine], visits[c, mine], last), q, m // copies, rng)
            for c in range(copies)
        ]
        chains[arm] = VisitParameters(
            np.concatenate([one.constants for one in drawn]),
            np.concatenate([one.slopes for one in drawn]),
            np.concatenate([one.sigma for one in drawn]),
        )
    latent = np.empty((len(data.missing), m))
    for arm, mean, sd, places in _located(data, design, visits, chains, m):
        del arm
        latent[places] = mean + sd * rng.standard_normal(mean.shape)
    return latent


def _located(
    data: OutcomeData,
    design: FloatArray,
    visits: FloatArray,
    chains: dict[int, VisitParameters],
    m: int,
) -> list[tuple[int, FloatArray, FloatArray, IntArray]]:
    """Return arm, means (k, m), standard deviations (m,) and places of every part."""
    found: list[tuple[int, FloatArray, FloatArray, IntArray]] = []
    for arm, follows, known, places in _parts(data):
        rows = data.missing[places]
        here = np.broadcast_to(design[:, rows], (m, len(rows), design.shape[2]))
        history = np.broadcast_to(visits[:, rows, :known], (m, len(rows), known))
        reference = chains[data.reference if follows else arm]
        rule: Rule = data.rule if follows else "mar"
        mean, sd = locate(rule, chains[arm], reference, here, history)
        found.append((arm, mean, sd, places))
    return found


def _draw_levels(
    data: OutcomeData, x: FloatArray, earlier: FloatArray, m: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw levels: at random given all measurements, or by the reference arm given baseline."""
    copies = len(x)
    with_history = np.concatenate([x, np.broadcast_to(earlier, (copies, *earlier.shape[1:]))], 2)
    latent = np.empty((len(data.missing), m))
    thresholds = np.empty((len(data.missing), m, data.n_levels - 1))
    for arm, follows, places in _level_parts(data):
        source, used = (data.reference, x) if follows else (arm, with_history)
        for c in range(copies):
            columns = slice(None) if copies == 1 else slice(c, c + 1)
            drawn = draw_logit(_fit_levels(data, used[c], source), m // copies, rng)
            predictor = drawn.predictor(used[c, data.missing[places]])
            latent[places, columns] = predictor + rng.logistic(size=predictor.shape)
            thresholds[places, columns] = drawn.thresholds
    return latent, thresholds


def _level_parts(data: OutcomeData) -> list[tuple[int, bool, IntArray]]:
    """Sort the rows imputed by arm and whether they follow the rule."""
    joined: dict[tuple[int, bool], list[IntArray]] = {}
    for arm, follows, _, places in _parts(data):
        joined.setdefault((arm, follows), []).append(places)
    return [(*key, np.sort(np.concatenate(value))) for key, value in joined.items()]


def _fit_levels(data: OutcomeData, x: FloatArray, arm: int) -> LogitFit:
    """Fit the levels seen in an arm."""
    seen = (data.arm == arm) & ~np.isnan(data.outcome)
    return fit_logit(x[seen], data.outcome[seen].astype(np.int64), data.n_levels)


def expected_outcomes(data: OutcomeData, shift: FloatArray, scores: Sequence[float]) -> FloatArray:
    """Return the outcomes with the missing ones at their conditional means, nothing drawn.

    The models are those that :func:`draw_outcomes` draws from, at their estimates.

    Parameters
    ----------
    data : OutcomeData
        The trial, with complete baseline and without gaps.
    shift : ndarray of float, shape (r,)
        What is added to the rows imputed, on the scale of the draws.
    scores : sequence of float, length K
        What each level counts; not used for numbers.

    Returns
    -------
    ndarray of float, shape (n,)
        The outcomes.
    """
    rows = data.missing
    if data.n_levels:
        value = np.asarray(scores, dtype=np.float64)
        known = np.where(np.isnan(data.outcome), 0, data.outcome).astype(np.int64)
        filled = value[known]
        x, history = data.predictors, np.hstack([data.predictors, data.earlier])
        for arm, follows, places in _level_parts(data):
            source, used = (data.reference, x) if follows else (arm, history)
            model = _fit_levels(data, used, source).at_mode()
            eta = model.predictor(used[rows[places]])[:, 0] + shift[places]
            above = np.asarray(special.expit(eta[:, None] - model.thresholds[0]), np.float64)
            filled[rows[places]] = value[0] + above @ np.diff(value)
        return filled
    design = np.hstack([np.ones((len(data.outcome), 1)), data.predictors])
    visits = np.column_stack([data.earlier, data.outcome])
    chains: dict[int, VisitParameters] = {}
    for arm in _arms_needed(data):
        mine = data.arm == arm
        fits = fit_visits(design[mine], visits[mine], data.last[mine])
        chains[arm] = at_least_squares(fits, design.shape[1])
    filled = data.outcome.copy()
    for _, mean, _, places in _located(data, design[None], visits[None], chains, 1):
        filled[rows[places]] = mean[:, 0] + shift[places]
    return filled
