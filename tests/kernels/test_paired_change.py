"""Standardised change: relations between the variants, invariants, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evalkit.kernels.paired_change import spread, standardised_change

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


def test_rounding_is_no_spread() -> None:
    level = np.array([0.1, 0.2, 0.35, 0.7, 1.9]) + 3
    assert np.std((level + 1.7) - level) > 0  # although all move by 1.7
    moved = standardised_change(level, level + 1.7, 0.95)
    assert np.isnan(moved.estimate).tolist() == [True, False, False, True]
    np.testing.assert_allclose(moved.estimate[1:3], 1.7 / level.std(ddof=1), rtol=1e-12)
    constant = np.full(7, 0.1)
    assert constant.std() > 0
    assert spread(constant) == 0
    flat = standardised_change(constant, np.arange(7.0), 0.95)
    assert np.isnan(flat.estimate).all()
    # a perfect correlation leaves no error within people
    twice = standardised_change(level, 2 * level, 0.95)
    assert np.isnan(twice.estimate).tolist() == [False, False, False, True]


def test_limits_of_large_and_small_effects() -> None:
    # the noncentrality of which t is the 97.5 % and the 2.5 % point
    for n, d in ((4, 3.0), (30, -1.2), (30, 0.0), (5_000, 0.7)):
        rng = np.random.default_rng(n)
        moved = rng.normal(size=n)
        moved = (moved - moved.mean()) / moved.std(ddof=1) + d
        before = rng.normal(size=n)
        found = standardised_change(before, before + moved, 0.95)
        t = d * np.sqrt(n)
        for limit, p in ((found.low[0], 0.975), (found.high[0], 0.025)):
            assert stats.nct.cdf(t, n - 1, limit * np.sqrt(n)) == pytest.approx(p, abs=1e-7)
