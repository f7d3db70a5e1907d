"""Intraclass correlations: sums of squares, invariants, and what is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.intraclass import intraclass, mean_squares

seeds = st.integers(0, 10_000)


def ratings(seed: int, n: int = 12, k: int = 3) -> np.ndarray:
    """Draw ratings of people by raters."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=k) + 0.6 * rng.normal(size=(n, k))


@given(seeds)
def test_squares_add_up(seed: int) -> None:
    x = ratings(seed)
    s = mean_squares(x)
    total = ((x - x.mean()) ** 2).sum()
    assert 11 * s.between + 24 * s.within == pytest.approx(total, rel=1e-12)
    assert 2 * s.raters + 22 * s.error == pytest.approx(24 * s.within, rel=1e-12)


@given(seeds)
def test_invariants(seed: int) -> None:
    x = ratings(seed)
    rng = np.random.default_rng(seed)
    first = intraclass(mean_squares(x), 0.95)
    again = intraclass(mean_squares(3 * x[rng.permutation(12)][:, rng.permutation(3)] - 40), 0.95)
    np.testing.assert_allclose(first.estimate, again.estimate, rtol=1e-9)
    np.testing.assert_allclose(first.low, again.low, rtol=1e-8, atol=1e-9)
    assert (first.low <= first.estimate + 1e-12).all()
    assert (first.estimate <= first.high + 1e-12).all()
    shifted = intraclass(mean_squares(x + np.array([0.0, 5.0, -3.0])), 0.95)
    np.testing.assert_allclose(shifted.estimate[[2, 5]], first.estimate[[2, 5]], rtol=1e-9)
    assert shifted.estimate[1] < first.estimate[1]


@given(seeds)
def test_consistency_of_means_is_alpha(seed: int) -> None:
    x = ratings(seed)
    covariance = np.cov(x.T)
    alpha = 3 / 2 * (1 - np.trace(covariance) / covariance.sum())
    assert intraclass(mean_squares(x), 0.95).estimate[5] == pytest.approx(alpha, abs=1e-10)


def test_nothing_varies_and_perfect_agreement() -> None:
    flat = intraclass(mean_squares(np.full((4, 3), 0.1)), 0.95)
    assert np.isnan(flat.estimate).all()
    same = np.repeat([[1.0], [2.0], [4.0]], 2, axis=1)
    perfect = intraclass(mean_squares(same), 0.95)
    assert perfect.estimate.tolist() == [1.0] * 6
    assert mean_squares(same).sem_agreement == 0


def test_standard_errors_of_measurement() -> None:
    x = ratings(5, k=2)
    s = mean_squares(x)
    difference = x[:, 1] - x[:, 0]
    assert s.sem_consistency == pytest.approx(difference.std(ddof=1) / np.sqrt(2), rel=1e-12)
    # all variance within people, over raters drawn anew
    raters = max((s.raters - s.error) / s.n, -np.inf)
    assert s.sem_agreement == pytest.approx(np.sqrt(raters + s.error), rel=1e-12)
