"""Aalen-Johansen and its influences: against difference quotients, and the numerical tail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.aalen_johansen import (
    INTERVALS,
    aalen_johansen,
    aalen_variance,
    functional,
    greenwood_functional_variance,
    greenwood_variance,
    incidence_interval,
)
from evalkit.kernels.event_times import event_times, index_times
from evalkit.kernels.influence import Rows, cluster_sums, influence, jackknife_variance

CAUSES = 3


def sample(seed: int, n: int) -> tuple[Any, Any, Any, Any, Any]:
    """Draw times with ties, causes, entries, weights and clusters."""
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 30, n).astype(float)
    entry = np.maximum(time - rng.integers(1, 40, n), 0.0)
    return (
        time,
        rng.integers(0, CAUSES + 1, n),
        entry,
        rng.uniform(0.5, 2, n),
        rng.integers(0, 9, n),
    )


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", ["case", "sampling"])
@pytest.mark.parametrize("clustered", [False, True])
def test_jackknife_is_made_of_derivatives(late: bool, kind: Any, clustered: bool) -> None:
    time, cause, entry, weights, cluster = sample(1, 120)
    start = entry if late else None

    def incidence(w: Any) -> Any:
        return aalen_johansen(event_times(time, cause, CAUSES, entry=start, weights=w)).incidence

    derivatives = []
    for i in range(len(time)):
        step = np.zeros(len(time))
        step[i] = 1e-5
        derivatives.append((incidence(weights + step) - incidence(weights - step)) / 2e-5)
    U = np.array(derivatives)
    grid = index_times(time, start)
    rows = Rows(grid.index, grid.entered, cause, weights, cluster if clustered else None, kind)
    if clustered:
        sums = np.zeros((9, *U.shape[1:]))
        np.add.at(sums, cluster, weights[:, None, None] * U)
        expected = (sums**2).sum(axis=0)
    else:
        power = 1 if kind == "case" else 2
        expected = np.einsum("i,ikc->kc", weights**power, U**2)
    curve = aalen_johansen(event_times(time, cause, CAUSES, entry=start, weights=weights))
    np.testing.assert_allclose(jackknife_variance(curve, rows), expected, rtol=1e-6, atol=1e-12)
    until = (curve.times[:, None] <= curve.times).astype(float)
    parts = influence(curve, rows, until)
    for j in range(CAUSES):
        np.testing.assert_allclose(parts[j], U[:, :, j], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(weights @ parts[j], 0, atol=1e-12)
        squares = (cluster_sums(parts[j], rows) ** 2).sum(axis=0)
        np.testing.assert_allclose(squares, expected[:, j], rtol=1e-6, atol=1e-12)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 60))
def test_without_late_entry_the_jackknife_is_greenwood(seed: int, n: int) -> None:
    time, cause, _, _, _ = sample(seed, n)
    curve = aalen_johansen(event_times(time, cause, CAUSES))
    rows = Rows(index_times(time).index, None, cause)
    greenwood = greenwood_variance(curve)
    np.testing.assert_allclose(jackknife_variance(curve, rows), greenwood, rtol=1e-9, atol=1e-15)
    until = (curve.times[:, None] <= curve.times).astype(float)
    matrices = greenwood_functional_variance(curve, until)
    np.testing.assert_allclose(np.einsum("mii->mi", matrices), greenwood, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(functional(curve, until), curve.incidence, rtol=1e-12)
    # Survival is one minus all incidences: its variance is the sum of all covariances, Greenwood's.
    d, n_k = curve.events.sum(axis=1), curve.at_risk
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = curve.survival**2 * np.cumsum(d / (n_k * (n_k - d)))
    known = curve.survival > 0
    np.testing.assert_allclose(
        matrices.sum(axis=(1, 2))[known], plain[known], rtol=1e-9, atol=1e-15
    )


def test_variances_keep_their_precision_in_a_long_tail() -> None:
    n = 20_000
    cause = 1 + np.arange(n) % 2
    time = np.arange(1.0, n + 1)
    curve = aalen_johansen(event_times(time, cause, 2))
    # Without censoring an incidence is a binomial share of n.
    share = curve.incidence
    for variance in (greenwood_variance(curve), jackknife_variance(
        curve, Rows(index_times(time).index, None, cause)
    )):  # fmt: skip
        np.testing.assert_allclose(variance, share * (1 - share) / n, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(
        aalen_variance(curve)[n // 2], (share * (1 - share) / n)[n // 2], rtol=1e-3
    )


def test_weights_that_do_not_add_up_exactly_still_empty_the_risk_set() -> None:
    time = np.array([1.0, 2.0, 3.0])
    curve = aalen_johansen(
        event_times(time, np.array([1, 2, 1]), 2, weights=np.array([0.1, 0.2, 0.3]))
    )
    assert curve.survival[-1] == 0
    assert curve.incidence[-1].sum() == pytest.approx(1, abs=1e-15)
    assert np.isfinite(greenwood_variance(curve)).all()


@pytest.mark.parametrize("kind", INTERVALS)
def test_limits_enclose_the_estimate_within_zero_and_one(kind: Any) -> None:
    F = np.array([0.0, 1e-9, 0.01, 0.5, 0.999, 1.0])
    variance = np.array([0.0, 1e-9, 0.01, 0.25, 0.01, 0.0])
    low, high = incidence_interval(F, variance, 1.96, kind)
    assert (low <= F).all()
    assert (high >= F).all()
    assert low.min() >= 0
    assert high.max() <= 1
    assert low[[0, -1]].tolist() == high[[0, -1]].tolist() == [0, 1]
