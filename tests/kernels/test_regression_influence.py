"""Kernels of regression: risk sets as transposes, weights, and influences as derivatives.

Influences are compared with central differences of refitted models: relative 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.censoring import censoring_curve, entry_before
from evalkit.kernels.cox import fit_cox
from evalkit.kernels.cox_data import CoxData, prepare
from evalkit.kernels.cox_likelihood import information, moments
from evalkit.kernels.cox_residuals import score_residuals, score_sums
from evalkit.kernels.fine_gray import count_censoring, subdistribution, vanished
from evalkit.kernels.hazard_fit import HazardFit, cumulative_hazard, from_cox, steps_until
from evalkit.kernels.numeric import add_by
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


def carried(seed: int, ties: str = "efron") -> tuple[dict[str, Any], CoxData]:
    d = sample(seed)
    model = subdistribution(
        d["time"], d["event"], entry=d["entry"], strata=d["strata"], group=d["group"],
        weights=d["weights"],
    )  # fmt: skip
    return d, prepare(model.risk, d["X"], ties=ties, carried=model.carried)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_carried_sums_and_spread_are_transposes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stay = carried(seed)[1].carried
    assert stay is not None
    if not np.isfinite(stay.factor).all():
        return
    by_time, by_row = rng.normal(size=stay.kept.shape[1]), rng.normal(size=(2, len(stay.rows)))
    np.testing.assert_allclose(
        stay.sums(by_row) @ by_time, by_row @ stay.spread(by_time), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_subdistribution_by_brute_force(ties: str) -> None:
    d, data = carried(3, ties)
    beta = np.array([0.4, -0.3])
    at, risk = moments(data, beta), data.risk
    x = d["X"] - data.center
    value, gradient, second = 0.0, np.zeros(2), np.zeros((2, 2))
    for k, t in enumerate(risk.times):
        mine = (d["strata"] == risk.stratum[k]) & (d["entry"] < t)
        weight = np.where(mine & (d["time"] >= t), d["weights"], 0.0)
        for i in np.flatnonzero(mine & (d["event"] == 2) & (d["time"] < t)):
            one, other = (observed(d, int(d["group"][i]), u) for u in (t, d["time"][i]))
            weight[i] = d["weights"][i] * one / other
        r = weight * np.exp(x @ beta)
        np.testing.assert_allclose(at.s0[k], r.sum(), rtol=1e-12)
        np.testing.assert_allclose(at.s1[:, k], r @ x, rtol=1e-9, atol=1e-12)
        died = mine & (d["event"] == 1) & (d["time"] == t)
        value += float((d["weights"] * died) @ (x @ beta))
        gradient += (d["weights"] * died) @ x
        for copy in range(int(died.sum())):
            share = copy / died.sum() if ties == "efron" else 0.0
            left = r * (1 - share * died)
            mean = left @ x / left.sum()
            v = d["weights"][died].mean()
            value -= v * np.log(left.sum())
            gradient -= v * mean
            second += v * ((x.T * left) @ x / left.sum() - np.outer(mean, mean))
    assert at.loglik == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(at.score, gradient, rtol=1e-9)
    np.testing.assert_allclose(information(data, at), second, rtol=1e-9)


def test_rows_that_stay_by_cluster() -> None:
    data = carried(7)[1]
    fit = fit_cox(data)
    codes = np.random.default_rng(1).integers(0, 5, N)
    whole = score_residuals(fit)
    np.testing.assert_allclose(whole.sum(axis=0), fit.at.score, atol=1e-12)
    np.testing.assert_allclose(
        score_sums(data, fit.at, codes, 5), add_by(codes, whole), rtol=1e-9, atol=1e-12
    )
    # those that stay count although they were at risk at no event time before
    assert data.carried is not None
    early = np.setdiff1d(data.carried.rows, data.risk.rows)
    assert len(early)
    assert (whole[early] != 0).any(axis=1).all()


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
    assert vanished(subdistribution(time, event, entry=entry)).tolist() == [1, 4]
    last = np.array([1, 1, 0, 0, 1, 2])
    assert vanished(subdistribution(time, last, entry=entry)).tolist() == []


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
def test_influences_of_the_subdistribution(ties: str, entry: bool, count: bool) -> None:
    d = sample(8, 40)
    times = np.array([3, 7.5, 12])
    if count and entry:
        return  # the entry curve is taken as known

    def fit(weights: np.ndarray) -> tuple[HazardFit, np.ndarray]:
        model = subdistribution(
            d["time"], d["event"], entry=d["entry"] if entry else None, strata=d["strata"],
            group=d["group"], weights=weights, weigh_censoring=count,
        )  # fmt: skip
        found = fit_cox(prepare(model.risk, d["X"], ties=ties, carried=model.carried))
        hazard = count_censoring(model, found) if count else from_cox(found)
        baseline = [cumulative_hazard(hazard, times, s) for s in (0, 1)]
        return hazard, np.concatenate([hazard.beta, *baseline])

    hazard, _ = fit(d["weights"])
    moved = [hazard.moved(steps_until(hazard, times, s)) for s in (0, 1)]
    got = np.column_stack([hazard.influence, *moved])
    known = differences(lambda w: fit(w)[1], d["weights"])
    np.testing.assert_allclose(got, known, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("causes", [1, 2])
def test_influences_of_averages(ties: str, causes: int) -> None:
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


def test_strata_without_events_and_sums_by_cluster() -> None:
    d = sample(6)
    event = np.where((d["event"] == 1) & (d["strata"] == 0), 0, d["event"])
    model = subdistribution(d["time"], event, strata=d["strata"])
    assert (model.risk.stratum == 1).all()
    assert (d["strata"][model.carried.rows] == 1).all()
    codes = np.array([0, 2, 0])
    np.testing.assert_array_equal(
        add_by(codes, np.array([[1.0], [2.0], [3.0]])), [[4.0], [0.0], [2.0]]
    )
