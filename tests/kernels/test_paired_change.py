"""Standardised change: relations between the variants, invariants, and coverage."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.paired_change import standardised_change

seeds = st.integers(0, 10_000)


def pair(seed: int, n: int = 30, shift: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Draw two scores of each person."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=n)
    return before, 0.6 * before + 0.8 * rng.normal(size=n) + shift


@given(seeds)
def test_invariants(seed: int) -> None:
    before, after = pair(seed)
    first = standardised_change(before, after, 0.95)
    scaled = standardised_change(5 * before - 3, 5 * after - 3, 0.95)
    swapped = standardised_change(after, before, 0.95)
    np.testing.assert_allclose(scaled.estimate, first.estimate, rtol=1e-9)
    np.testing.assert_allclose(scaled.std_error, first.std_error, rtol=1e-9)
    keep = [0, 2, 3]  # all but the one that looks at before alone
    np.testing.assert_allclose(swapped.estimate[keep], -first.estimate[keep], rtol=1e-9)
    np.testing.assert_allclose(swapped.low[keep], -first.high[keep], rtol=1e-6, atol=1e-9)
    assert (first.low < first.estimate).all()
    assert (first.estimate < first.high).all()


def test_variants_agree_at_equal_spread_and_half_correlation() -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal(size=(60, 2))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    both = white @ np.linalg.cholesky(np.array([[1, 0.5], [0.5, 1]])).T
    found = standardised_change(both[:, 0], both[:, 1] + 0.4, 0.95)
    np.testing.assert_allclose(found.estimate, [0.4] * 4, rtol=1e-10)


def test_exact_interval_covers() -> None:
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        before = rng.normal(size=12)
        found = standardised_change(before, before + 0.8 + rng.normal(size=12), 0.95)
        covered += found.low[0] <= 0.8 <= found.high[0]
    assert 0.92 <= covered / 300 <= 0.98


def test_no_spread() -> None:
    same = standardised_change(np.ones(4), np.array([1.0, 2, 3, 4]), 0.95)
    assert np.isnan(same.estimate).all()
    assert np.isnan(same.low).all()
    assert np.isnan(standardised_change(np.array([1.0, 2]), np.array([2.0, 5]), 0.95).hedges)
