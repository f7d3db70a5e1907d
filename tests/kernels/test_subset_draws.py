"""Random subsets: their law, and sums over them by every way in which they are made."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evalkit.kernels.subset_draws import all_subsets, draw_subsets, subset_sums


@pytest.mark.parametrize(("n", "size"), [(6, 3), (7, 2), (9, 7), (8, 1), (10, 5)])
def test_every_subset_is_as_likely(n: int, size: int) -> None:
    drawn = draw_subsets(n, size, 60_000, np.random.default_rng(n))
    assert (drawn.sum(axis=1) == size).all()
    found = np.unique(drawn @ (1 << np.arange(n)), return_counts=True)[1]
    assert len(found) == comb(n, size)
    assert stats.chisquare(found).pvalue > 0.001


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 300), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_subsets_have_their_size(n: int, share: float, seed: int) -> None:
    size = round(share * n)
    drawn = draw_subsets(n, size, 20, np.random.default_rng(seed))
    assert drawn.shape == (20, n)
    assert (drawn.sum(axis=1) == size).all()


def test_pairs_are_together_as_often_wherever_they_stand() -> None:
    # Members that share a byte must not be more or less together than others.
    n, size, draws = 40, 12, 40_000
    drawn = draw_subsets(n, size, draws, np.random.default_rng(1)).astype(float)
    together = (drawn.T @ drawn)[np.triu_indices(n, 1)] / draws
    expected = size * (size - 1) / (n * (n - 1))
    z = (together - expected) / np.sqrt(expected * (1 - expected) / draws)
    assert np.abs(z).max() < 4.5  # of 780 pairs
    assert z.std() == pytest.approx(1, abs=0.25)
    first, second = np.triu_indices(n, 1)
    assert abs(z[first // 8 == second // 8].mean()) < 0.35


def moments(values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of sums over subsets, from sampling without replacement."""
    n = len(values)
    return size * values.mean(axis=0), size * (n - size) / n * np.atleast_2d(np.cov(values.T))


@pytest.mark.parametrize(
    ("n", "size", "kind"),
    [
        (8, 4, "numbers"),  # by number
        (500, 250, "classes"),  # counts of equal members
        (300, 100, "numbers"),  # bits
        (300, 290, "numbers"),
        (2000, 7, "numbers"),
    ],
)
def test_sums_have_their_moments(n: int, size: int, kind: str) -> None:
    source = np.random.default_rng(7)
    values = source.standard_normal((n, 2))
    if kind == "classes":
        values = source.integers(0, 3, (n, 2)).astype(float)
    draws = 20_000
    sums = subset_sums(values, size, draws, source)
    mean, covariance = moments(values, size)
    z = (sums.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / draws)
    assert np.abs(z).max() < 4
    np.testing.assert_allclose(np.cov(sums.T), covariance, atol=0.05 * covariance.diagonal().max())


def test_sums_are_of_the_subsets_drawn() -> None:
    values = np.random.default_rng(2).standard_normal((130, 3))
    sums = subset_sums(values, 50, 40, np.random.default_rng(5))
    drawn = draw_subsets(130, 50, 40, np.random.default_rng(5))
    np.testing.assert_allclose(sums, drawn @ values, rtol=1e-12, atol=1e-12)


def test_constant_and_repeated_columns_are_summed_once_and_right() -> None:
    y = np.random.default_rng(3).standard_normal(90)
    sums = subset_sums(np.column_stack([y, np.ones(90), y]), 30, 10, np.random.default_rng(1))
    np.testing.assert_array_equal(sums[:, 0], sums[:, 2])
    np.testing.assert_array_equal(sums[:, 1], 30)


def test_nobody_and_everybody() -> None:
    values = np.arange(5.0)[:, None]
    source = np.random.default_rng(1)
    assert subset_sums(values, 0, 3, source).ravel().tolist() == [0, 0, 0]
    assert subset_sums(values, 5, 3, source).ravel().tolist() == [10, 10, 10]


def test_all_subsets() -> None:
    for n, size in ((5, 2), (5, 4), (4, 0), (4, 4)):
        listed = all_subsets(n, size)
        assert listed.shape == (comb(n, size), n)
        assert (listed.sum(axis=1) == size).all()
        assert len(np.unique(listed, axis=0)) == len(listed)
