"""Calibration: closed forms, targets met, bounds kept, derivatives by differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.calibration import calibrate_weights, calibrated_mean
from evalkit.kernels.raking import rake_weights

DISTANCES = [
    ("linear", None), ("raking", None), ("logit", (0.2, 4.0)), ("linear", (0.3, 3.0)),
    ("raking", (0.3, 3.0)),
]  # fmt: skip


def people(seed: int, n: int = 60):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)])
    d = rng.uniform(0.5, 2, n)
    totals = (d * rng.uniform(0.7, 1.4, n)) @ x  # of other weights, so that weights exist
    return rng, d, x, totals


def test_linear_is_generalised_regression() -> None:
    _, d, x, totals = people(1)
    found = calibrate_weights(d, x, totals, distance="linear")
    closed = d * (1 + x @ np.linalg.solve((x * d[:, None]).T @ x, totals - d @ x))
    assert found.weights == pytest.approx(closed, rel=1e-12)
    assert found.slopes == pytest.approx(d)


@given(st.integers(0, 2**32 - 1), st.sampled_from(DISTANCES))
def test_targets_are_met_within_the_bounds(seed: int, how) -> None:
    distance, bounds = how
    _, d, x, totals = people(seed)
    found = calibrate_weights(d, x, totals, distance=distance, bounds=bounds)
    assert found.converged
    assert found.weights @ x == pytest.approx(totals, rel=1e-8, abs=1e-6)
    if bounds is not None:
        ratio = found.weights / d
        assert ratio.min() >= bounds[0] - 1e-12
        assert ratio.max() <= bounds[1] + 1e-12


def test_raking_margins_both_ways() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 2, 80), rng.integers(0, 3, 80)
    targets = [np.array([300.0, 700.0]), np.array([200.0, 350.0, 450.0])]
    x = np.column_stack([a == 0, a == 1, b == 0, b == 1, b == 2]).astype(float)
    found = calibrate_weights(np.ones(80), x, np.concatenate(targets))
    raked = rake_weights(np.ones(80), [a, b], targets)
    assert found.weights == pytest.approx(raked.weights, rel=1e-8)
    assert found.coefficients[4] == 0  # the last column depends on the others


def test_logit_with_wide_bounds_is_near_raking() -> None:
    _, d, x, totals = people(5)
    wide = calibrate_weights(d, x, totals, distance="logit", bounds=(0.0, 1e7))
    assert wide.weights == pytest.approx(calibrate_weights(d, x, totals).weights, rel=1e-4)


@pytest.mark.parametrize("how", DISTANCES)
def test_targets_out_of_reach(how) -> None:
    distance, bounds = how
    x = np.column_stack([np.ones(5), np.arange(5.0)])
    found = calibrate_weights(np.ones(5), x, np.array([5.0, 50.0]), distance=distance,
                              bounds=bounds)  # fmt: skip
    assert found.converged is (distance == "linear" and bounds is None)


def test_contradictory_targets() -> None:
    x = np.ones((4, 2))
    found = calibrate_weights(np.ones(4), x, np.array([4.0, 5.0]))
    assert not found.converged
    assert found.gaps == pytest.approx([0.0, -0.2])


@pytest.mark.parametrize("distance", ["linear", "raking"])
def test_effects_of_rows_are_derivatives(distance) -> None:
    rng, d, x, totals = people(7)
    y = rng.normal(size=(60, 2)) + x[:, [1]]
    found = calibrate_weights(d, x, totals, distance=distance)
    mean, influence = calibrated_mean(found, x, totals, y)
    assert mean == pytest.approx(found.weights @ y / found.weights.sum())
    step = 1e-5
    for row in (0, 17):
        moved = d.copy()
        moved[row] *= 1 + step
        again = calibrate_weights(moved, x, totals, distance=distance)
        change = (again.weights @ y / again.weights.sum() - mean) / step
        assert influence[row] == pytest.approx(change, rel=1e-3, abs=1e-8)
