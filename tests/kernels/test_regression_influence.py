"""Kernels of regression: risk sets as transposes, weights, and influences as derivatives.

Influences are compared with central differences of refitted models: relative 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.at_risk import Slots, add_by, place_rows, spread, sums
from evalkit.kernels.censoring import censoring_curve, entry_before
from evalkit.kernels.cox import fit_cox
from evalkit.kernels.cox_likelihood import prepare
from evalkit.kernels.fine_gray import count_censoring, subdistribution, vanished
from evalkit.kernels.hazard_fit import (
    HazardFit,
    at_coefficients,
    cumulative_hazard,
    from_cox,
    standardised_columns,
    steps_until,
)
from evalkit.kernels.newton import maximise
from evalkit.kernels.partial_likelihood import Ties, evaluate, moments, score_residuals
from evalkit.kernels.risk_sets import risk_sets
from evalkit.kernels.standardise import average, influences, patterns
from evalkit.kernels.time_index import index_times

N = 60


def sample(seed: int, n: int = N) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 15, n).astype(float)
    entry = np.where(rng.random(n) < 0.3, np.floor(time * rng.random(n)), 0.0)
    return {
        "time": time,
        "entry": np.where(entry < time, entry, 0.0),
        "event": rng.integers(0, 3, n),
        "strata": rng.integers(0, 2, n),
        "group": rng.integers(0, 2, n),
        "weights": rng.uniform(0.5, 2, n),
        "X": np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)]),
    }


def carried(seed: int, **more: Any) -> tuple[dict[str, Any], Slots]:
    d = sample(seed)
    grid = index_times(d["time"], d["entry"])
    model = subdistribution(grid, d["event"], strata=d["strata"], group=d["group"], **more)
    return d, model.sets


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_sums_and_spread_are_transposes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = sample(seed)
    grid = index_times(d["time"], d["entry"])
    whole = place_rows(grid, d["event"] == 1, strata=d["strata"])
    for sets in (whole, carried(seed)[1]):
        if sets.carried is not None and not np.isfinite(sets.carried.factor).all():
            continue
        real = np.isfinite(sets.time)
        by_slot = np.where(real, rng.normal(size=sets.n_slots), 0.0)
        by_row = rng.normal(size=N)
        assert sums(sets, by_row) @ by_slot == pytest.approx(
            by_row @ spread(sets, by_slot), rel=1e-9, abs=1e-9
        )


def test_sums_by_brute_force() -> None:
    d = sample(5)
    sets = place_rows(index_times(d["time"], d["entry"]), d["event"] == 1, strata=d["strata"])
    values = np.column_stack([d["weights"], d["X"]])
    got = sums(sets, values)
    for slot in np.flatnonzero(np.isfinite(sets.time)):
        t = sets.time[slot]
        here = (d["strata"] == sets.stratum[slot]) & (d["entry"] < t) & (d["time"] >= t)
        np.testing.assert_allclose(got[slot], values[here].sum(axis=0), rtol=1e-12)


def test_carried_rows_by_brute_force() -> None:
    d, sets = carried(3)
    got = sums(sets, d["weights"])
    for slot in np.flatnonzero(np.isfinite(sets.time)):
        t, total = sets.time[slot], 0.0
        for i in range(N):
            if d["strata"][i] != sets.stratum[slot]:
                continue
            if d["entry"][i] < t <= d["time"][i]:
                total += d["weights"][i]
            elif d["event"][i] == 2 and d["time"][i] < t:
                one, other = (observed(d, int(d["group"][i]), u) for u in (t, d["time"][i]))
                total += d["weights"][i] * one / other
        assert got[slot] == pytest.approx(total, rel=1e-12)


def observed(d: dict[str, Any], group: int, t: float) -> float:
    """G(t-) H(t-) of one group, from the definitions; 0 beyond its last time."""
    mine = d["group"] == group
    time, entry, event = d["time"][mine], d["entry"][mine], d["event"][mine]
    if t > time.max():
        return 0.0
    g = h = 1.0
    for c in np.unique(time[event == 0]):
        if c < t:
            risk = ((entry < c) & ((time > c) | ((time == c) & (event == 0)))).sum()
            g *= 1 - ((time == c) & (event == 0)).sum() / risk
    for e in np.unique(entry):
        if e >= t:
            h *= 1 - (entry == e).sum() / ((entry <= e) & (time > e)).sum()
    return g * h


def test_censoring_and_entry_curves_by_hand() -> None:
    #   entry  exit
    #   0      2     event
    #   0      2     censored
    #   1      4     censored
    #   2      5     event
    time, entry = np.array([2.0, 2.0, 4.0, 5.0]), np.array([0.0, 0.0, 1.0, 2.0])
    event = np.array([True, False, False, True])
    grid = index_times(time, entry)
    # Of those at risk at 2 one has the event first: 1 of 2 is censored; at 4 it is 1 of 2.
    assert censoring_curve(grid, event, ~event).before.tolist() == [1.0, 1 / 2, 1 / 4, 1 / 4]
    later = censoring_curve(grid, event, ~event, events_first=False)
    np.testing.assert_allclose(later.before, [1, 2 / 3, 1 / 3, 1 / 3])
    # Backwards: at 2 one enters beside one (those who leave at 2 have left), at 1 one beside two.
    np.testing.assert_allclose(entry_before(grid), [1 / 2, 1, 1, 1])
    assert entry_before(index_times(time)).tolist() == [1, 1, 1, 1]
    curve = censoring_curve(grid, event, ~event)
    stretch = curve.between(np.array([0, 1, 2]), np.array([3, 2, 2]))
    np.testing.assert_allclose(stretch, [1 / 4, 1 / 2, 1])


def test_a_curve_of_zero_matters_only_where_events_follow() -> None:
    time = np.array([1.0, 2, 3, 3, 5, 6])
    entry = np.array([0.0, 0, 0, 0, 4, 4])
    event = np.array([1, 2, 0, 0, 2, 1])
    # Nobody is left after 3, so that who leaves at 5 cannot be weighed by the censoring before,
    # nor who left at 2 by the entries after.
    assert vanished(subdistribution(index_times(time, entry), event)).tolist() == [1, 4]
    last = np.array([1, 1, 0, 0, 1, 2])
    assert vanished(subdistribution(index_times(time, entry), last)).tolist() == []


def differences(run: Any, weights: np.ndarray) -> np.ndarray:
    """Derivatives with respect to the logarithms of the weights."""
    step, rows = 1e-5, []
    for i in range(len(weights)):
        up, down = weights.copy(), weights.copy()
        up[i] *= 1 + step
        down[i] *= 1 - step
        rows.append((run(up) - run(down)) / (2 * step))
    return np.array(rows)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize("count", [False, True])
def test_influences_of_the_subdistribution(ties: Ties, entry: bool, count: bool) -> None:
    d = sample(8, 40)
    grid = index_times(d["time"], d["entry"] if entry else None)
    times = np.array([3, 7.5, 12])
    if count and entry:
        return  # the entry curve is taken as known

    def fit(weights: np.ndarray) -> tuple[HazardFit, np.ndarray]:
        model = subdistribution(
            grid, d["event"], strata=d["strata"], group=d["group"], weights=weights,
            weigh_censoring=count,
        )  # fmt: skip
        X, centre, scale = standardised_columns(d["X"])
        best = maximise(lambda b: evaluate(model.sets, X, b, ties), np.zeros(2))
        found = at_coefficients(model.sets, X, centre, scale, best.parameters, ties)
        hazard = count_censoring(model, found) if count else found.hazard()
        baseline = [cumulative_hazard(hazard, times, s) for s in (0, 1)]
        return hazard, np.concatenate([hazard.beta, *baseline])

    hazard, _ = fit(d["weights"])
    moved = [hazard.moved(steps_until(hazard, times, s)) for s in (0, 1)]
    got = np.column_stack([hazard.influence, *moved])
    known = differences(lambda w: fit(w)[1], d["weights"])
    np.testing.assert_allclose(got, known, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("causes", [1, 2])
def test_influences_of_averages(ties: Ties, causes: int) -> None:
    d = sample(2, 45)
    times, ends = np.array([0.0, 3, 7.5, 12]), np.array([5.0, 11.5])

    def fit(weights: np.ndarray) -> tuple[list[HazardFit], Any, np.ndarray]:
        models = []
        for cause in range(1, causes + 1):
            risk = risk_sets(
                d["time"], (d["event"] == cause).astype(np.int64), entry=d["entry"],
                strata=d["strata"], n_strata=2, weights=weights,
            )  # fmt: skip
            models.append(from_cox(fit_cox(prepare(risk, d["X"], ties=ties))))
        rows = [model.rows(d["X"]) for model in models]
        people = patterns(models, rows, d["strata"], np.full(45, 1 / 45))
        found = average(models, people, times, ends)
        return models, found, people.weight @ found.values

    models, found, _ = fit(d["weights"])
    known = differences(lambda w: fit(w)[2], d["weights"])
    np.testing.assert_allclose(influences(models, found), known, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_two_likelihoods_are_one(ties: Ties) -> None:
    d = sample(4)
    sets = place_rows(
        index_times(d["time"], d["entry"]), d["event"] == 1, strata=d["strata"],
        weights=d["weights"],
    )  # fmt: skip
    risk = risk_sets(
        d["time"], (d["event"] == 1).astype(np.int64), entry=d["entry"], strata=d["strata"],
        n_strata=2, weights=d["weights"],
    )  # fmt: skip
    other = fit_cox(prepare(risk, d["X"], ties=ties))
    value, gradient, information = evaluate(sets, d["X"], other.coefficients, ties)
    assert value == pytest.approx(other.loglik, rel=1e-12)
    np.testing.assert_allclose(gradient, 0, atol=1e-9)
    np.testing.assert_allclose(information, other.information, rtol=1e-9)
    at = moments(sets, d["X"], other.coefficients, ties)
    mine = score_residuals(sets, d["X"], at) @ other.variance
    np.testing.assert_allclose(mine, from_cox(other).influence, atol=1e-12)


def test_strata_without_events_and_sums_by_cluster() -> None:
    d = sample(6)
    event = (d["event"] == 1) & (d["strata"] == 1)
    sets = place_rows(index_times(d["time"]), event, strata=d["strata"])
    assert np.isinf(sets.time[0])
    assert (sets.stratum[1:] == 1).all()
    codes = np.array([0, 2, 0])
    np.testing.assert_array_equal(
        add_by(codes, np.array([[1.0], [2.0], [3.0]])), [[4.0], [0.0], [2.0]]
    )
