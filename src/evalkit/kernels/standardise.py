r"""Survival, cumulative incidence and time lost averaged over covariates, with their derivatives.

With C cause-specific hazards whose steps at time u are :math:`h_c(u) = e^{x'\beta_c} d\Lambda_c(u)`
and h their sum, somebody with covariates x has

.. math:: S(t) = \exp\{-\sum_{u \le t} h(u)\}, \qquad
   F_c(t) = \sum_{u \le t} S(u-) \frac{1 - e^{-h(u)}}{h(u)} h_c(u),

so that :math:`S + \sum_c F_c = 1` at all times, whatever the steps (it is the product of the matrix
exponentials of the steps). The derivatives are

.. math:: \frac{\partial S(t)}{\partial h_c(v)} = -S(t), \qquad
   \frac{\partial F_k(t)}{\partial h_c(v)} = S(v-)\{\delta_{ck} \varphi(h) + h_k \varphi'(h)\}(v)
   + F_k(v) - F_k(t) \qquad (v \le t),

with :math:`\varphi(h) = (1 - e^{-h}) / h`; averages over people and areas under the curves are sums
of these. People with the same hazards are worked out once, so that the cost is that of the distinct
patterns times the event times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.hazard_fit import HazardFit
from evalkit.kernels.numeric import binned
from evalkit.kernels.time_index import TIE, last_at_or_before
from evalkit.typing import FloatArray, IntArray

__all__ = ["Averages", "Patterns", "average", "influences", "patterns"]

_CELLS = 1 << 20  # patterns times event times that are worked out at once


@dataclass(frozen=True, slots=True)
class Patterns:
    """People, put together where they have the same stratum and the same hazards.

    Attributes
    ----------
    stratum : ndarray of int, shape (Q,)
        Stratum of each pattern.
    risk : ndarray of float, shape (Q, C)
        Relative hazards :math:`e^{x'\beta_c}` of each cause.
    weight : ndarray of float, shape (Q,)
        Summed weight of the people, 1 in all.
    covariates : tuple of C ndarrays of float, shape (Q, p_c)
        Summed weight times covariates.
    index : ndarray of int, shape (m,)
        Pattern of each person.
    """

    stratum: IntArray
    risk: FloatArray
    weight: FloatArray
    covariates: tuple[FloatArray, ...]
    index: IntArray


@dataclass(frozen=True, slots=True)
class Averages:
    """Values of L quantities for each pattern, and how the averages move with the models.

    With T times and A ends of areas the quantities are: survival at the times and the areas under
    the survival curve up to the ends; with several causes, then for each cause its cumulative
    incidence at the times, and the areas under that.

    Attributes
    ----------
    values : ndarray of float, shape (Q, L)
        Value of each pattern.
    steps : tuple of C ndarrays of float, shape (J_c, L)
        Derivatives of the averages with respect to the steps of the baseline hazards.
    slopes : tuple of C ndarrays of float, shape (p_c, L)
        Derivatives with respect to the coefficients.
    """

    values: FloatArray
    steps: tuple[FloatArray, ...]
    slopes: tuple[FloatArray, ...]


def patterns(
    models: Sequence[HazardFit],
    rows: Sequence[FloatArray],
    strata: IntArray,
    weights: FloatArray,
) -> Patterns:
    """Put people with the same hazards together.

    Parameters
    ----------
    models : sequence of HazardFit, length C
        The model of each cause.
    rows : sequence of ndarray of float, shape (m, p_c)
        The people's covariates, centred as each model's.
    strata : ndarray of int, shape (m,)
        Their strata.
    weights : ndarray of float, shape (m,)
        Their weights, 1 in all.

    Returns
    -------
    Patterns
        The patterns.
    """
    linear = [model.linear(matrix) for model, matrix in zip(models, rows, strict=True)]
    keys = np.stack([strata.astype(np.float64), *linear], axis=1)
    distinct, index = np.unique(keys, axis=0, return_inverse=True)
    index = index.ravel()
    size = len(distinct)
    sums = tuple(
        np.stack([binned(index, weights * x, size) for x in matrix.T], axis=1) for matrix in rows
    )
    return Patterns(
        distinct[:, 0].astype(np.int64),
        np.exp(distinct[:, 1:]),
        binned(index, weights, size),
        sums,
        index,
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    """Steps of all hazards in one stratum, and the quantities as sums over the steps."""

    own: tuple[IntArray, ...]  # positions of its steps in each cause's model
    place: tuple[IntArray, ...]  # their places on the grid
    steps: FloatArray  # (C, K)
    reached: FloatArray  # (C, K), cumulative
    lengths: FloatArray  # (K, M), factor of the curve after each step in each quantity
    later: FloatArray  # (K, M), their sums from each step on
    before: FloatArray  # (M,), factor of the curve before the first step


def _grid(models: Sequence[HazardFit], stratum: int, times: FloatArray, ends: FloatArray) -> _Grid:
    """Lay the steps of the models side by side, up to the last time that counts."""
    horizon = np.concatenate([times, ends]).max(initial=0.0) * (1 + TIE)
    own = tuple(slots[model.time[slots] <= horizon] for model, slots in
                ((model, model.own(stratum)) for model in models))  # fmt: skip
    present = [model.time[slots] for model, slots in zip(models, own, strict=True)]
    if len(models) == 1 and not len(ends):
        # Survival at a few times depends on the steps between them by their sum alone.
        grid = np.unique(times)
        place = (np.searchsorted(grid * (1 + TIE), present[0]),)
    else:
        grid = np.unique(np.concatenate(present))
        place = tuple(np.searchsorted(grid, part) for part in present)
    steps = np.stack([
        binned(there, model.step[slots], len(grid))
        for model, slots, there in zip(models, own, place, strict=True)
    ])  # fmt: skip
    last = last_at_or_before(grid, times)
    at = (np.arange(len(grid))[:, None] == last).astype(np.float64)
    following = np.append(grid[1:], np.inf)[: len(grid), None]
    areas = np.maximum(np.minimum(following, ends) - np.minimum(grid[:, None], ends), 0.0)
    lengths = np.concatenate([at, areas], axis=1)
    before = np.concatenate([(last < 0).astype(np.float64), ends - areas.sum(axis=0)])
    return _Grid(own, place, steps, np.cumsum(steps, axis=1), lengths, _from(lengths), before)


def _from(values: FloatArray) -> FloatArray:
    """Sum from each position to the end, along the first axis."""
    return np.cumsum(values[::-1], axis=0)[::-1]


@dataclass(frozen=True, slots=True)
class _Curve:
    """A curve X of B patterns, with derivatives 1(v <= t) {gain_c(v) - X(t)} by step."""

    start: float  # value before the first step
    value: FloatArray  # (B, K)
    gain: FloatArray | None  # (B, K), for every cause; None for 0
    extra: tuple[int, FloatArray] | None  # what is added to the gain of one cause


def _curves(hazard: FloatArray, parts: Sequence[FloatArray]) -> Iterator[_Curve]:
    """Give survival, and with several causes the cumulative incidence of each.

    ``hazard`` (B, K) is the sum of the causes' ``parts``.
    """
    survival = np.exp(-np.cumsum(hazard, axis=1))
    yield _Curve(1.0, survival, None, None)
    if len(parts) == 1:
        return
    ahead = np.concatenate([np.ones((len(survival), 1)), survival[:, :-1]], axis=1)
    safe = np.where(hazard > 0, hazard, 1.0)
    share = np.where(hazard > 0, -ahead * np.expm1(-hazard) / safe, ahead)
    loss = (survival - share) / safe
    for k, part in enumerate(parts):
        incidence = np.cumsum(share * part, axis=1)
        yield _Curve(0.0, incidence, incidence + loss * part, (k, share))


def average(
    models: Sequence[HazardFit], people: Patterns, times: FloatArray, ends: FloatArray
) -> Averages:
    """Average over people.

    Parameters
    ----------
    models : sequence of HazardFit, length C
        The model of each cause; event times of one sample, so that equal times are equal numbers.
    people : Patterns
        Over whom to average.
    times : ndarray of float, shape (T,)
        Times of the survival and the cumulative incidence.
    ends : ndarray of float, shape (A,)
        Ends of the areas under the curves.

    Returns
    -------
    Averages
        The values and the derivatives.
    """
    n_curves = 1 if len(models) == 1 else 1 + len(models)
    each = len(times) + len(ends)
    values = np.zeros((len(people.stratum), n_curves * each))
    steps = tuple(np.zeros((len(model.time), n_curves * each)) for model in models)
    slopes = tuple(np.zeros((len(model.beta), n_curves * each)) for model in models)
    for s in np.unique(people.stratum).tolist():
        grid = _grid(models, s, times, ends)
        mine = np.flatnonzero(people.stratum == s)
        block = max(1, _CELLS // max(1, grid.steps.shape[1]))
        for begin in range(0, len(mine), block):
            part = mine[begin : begin + block]
            risk = people.risk[part]
            weighed = people.weight[part, None] * risk  # (B, C)
            parts = [risk[:, [c]] * grid.steps[c] for c in range(len(models))]
            for number, curve in enumerate(_curves(risk @ grid.steps, parts)):
                here = slice(number * each, (number + 1) * each)
                values[part, here] = curve.start * grid.before + curve.value @ grid.lengths
                for c in range(len(models)):
                    by_step, by_person = _derivatives(grid, curve, c, weighed[:, c])
                    steps[c][grid.own[c], here] += by_step[grid.place[c]]
                    pulled = people.covariates[c][part] * risk[:, [c]]
                    slopes[c][:, here] += pulled.T @ by_person
    return Averages(values, steps, slopes)


def _derivatives(
    grid: _Grid, curve: _Curve, cause: int, weighed: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Differentiate the quantities of a curve with respect to the hazard of one cause.

    Returns the derivatives by step, summed over the patterns (K, M), and by the linear predictor
    of each pattern, over its relative hazard (B, M).
    """
    by_step = -_from((weighed @ curve.value)[:, None] * grid.lengths)
    by_person = -curve.value @ (grid.lengths * grid.reached[cause][:, None])
    gains = [] if curve.gain is None else [curve.gain]
    if curve.extra is not None and curve.extra[0] == cause:
        gains.append(curve.extra[1])
    for gain in gains:
        by_step += (weighed @ gain)[:, None] * grid.later
        by_person += gain @ (grid.later * grid.steps[cause][:, None])
    return by_step, by_person


def influences(models: Sequence[HazardFit], averages: Averages) -> FloatArray:
    """What each row of the models' sample adds to the averages, people held fixed.

    Parameters
    ----------
    models : sequence of HazardFit, length C
        The models.
    averages : Averages
        What was averaged.

    Returns
    -------
    ndarray of float, shape (n, L)
        Contributions, weights included.
    """
    total = 0.0
    for model, steps, slopes in zip(models, averages.steps, averages.slopes, strict=True):
        total = total + model.moved(steps)
        total += model.influence @ slopes
    return np.asarray(total)
