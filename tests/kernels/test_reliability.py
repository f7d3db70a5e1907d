"""Alpha and its relatives: definitions, invariants, and the bootstrap by weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.half_scores import all_halves, split_scores
from evalkit.kernels.reliability import (
    against_the_others,
    alpha_if_dropped,
    bootstrap_alpha,
    correlations,
    cronbach_alpha,
    feldt_interval,
    item_covariances,
    item_rest_correlations,
    lambda_6,
)

seeds = st.integers(0, 10_000)
sizes = st.integers(3, 8)


def answers(seed: int, k: int, n: int = 60) -> np.ndarray:
    """Draw answers 1-5 that share a factor."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 1)) + rng.normal(size=(n, k))
    return np.clip(np.rint(raw + 3), 1, 5)


@given(seeds, sizes)
def test_covariances_are_numpys(seed: int, k: int) -> None:
    x = answers(seed, k)
    np.testing.assert_allclose(item_covariances(x).covariance, np.cov(x.T), rtol=1e-12, atol=1e-12)


def test_pairwise_covariances_pair_by_pair() -> None:
    x = answers(3, 4)
    x[np.random.default_rng(4).random(x.shape) < 0.2] = np.nan
    moments = item_covariances(x)
    for i in range(4):
        for j in range(4):
            both = ~np.isnan(x[:, i]) & ~np.isnan(x[:, j])
            assert moments.n[i, j] == both.sum()
            expected = np.cov(x[both, i], x[both, j])[0, 1]
            assert moments.covariance[i, j] == pytest.approx(expected, rel=1e-12)
    assert item_covariances(np.full((3, 2), np.nan)).mean.tolist() == pytest.approx(
        [np.nan, np.nan], nan_ok=True
    )


@given(seeds, sizes)
def test_alpha_is_invariant(seed: int, k: int) -> None:
    x = answers(seed, k)
    rng = np.random.default_rng(seed)
    alpha = cronbach_alpha(np.cov(x.T))
    shifted = 7.5 * (x[:, rng.permutation(k)] + rng.normal(size=k))
    assert cronbach_alpha(item_covariances(shifted).covariance) == pytest.approx(alpha, abs=1e-10)
    turned = item_covariances(6 - x).covariance
    assert cronbach_alpha(turned) == pytest.approx(alpha, abs=1e-10)
    twice = item_covariances(np.repeat(x, 2, axis=0)).covariance
    assert cronbach_alpha(twice) == pytest.approx(alpha, abs=1e-10)


@given(seeds, sizes)
def test_dropping_and_rest_by_hand(seed: int, k: int) -> None:
    x = answers(seed, k)
    covariance = np.cov(x.T)
    for i in range(k):
        others = np.delete(x, i, axis=1)
        r = np.corrcoef(x[:, i], others.sum(axis=1))[0, 1]
        assert item_rest_correlations(covariance)[i] == pytest.approx(r, abs=1e-12)
        dropped = cronbach_alpha(np.cov(others.T))
        assert alpha_if_dropped(covariance)[i] == pytest.approx(dropped, abs=1e-12)


@given(seeds, st.sampled_from([2, 4, 6]))
def test_mean_of_all_halves_is_alpha(seed: int, k: int) -> None:
    covariance = np.cov(answers(seed, k).T)
    halves = all_halves(k)
    assert (halves.sum(axis=1) == k // 2).all()
    assert len({tuple(row) for row in halves.tolist()}) == len(halves)
    mean = split_scores(covariance, halves).lambda_4.mean()
    assert mean == pytest.approx(cronbach_alpha(covariance), abs=1e-12)


def test_number_of_splits() -> None:
    assert [len(all_halves(k)) for k in (2, 3, 4, 5, 8)] == [1, 3, 3, 10, 35]


@given(seeds, sizes)
def test_lambda_6_by_regression(seed: int, k: int) -> None:
    x = answers(seed, k)
    r = np.corrcoef(x.T)
    left = 0.0
    for i in range(k):
        others = np.column_stack([np.ones(len(x)), np.delete(x, i, axis=1)])
        fit = others @ np.linalg.lstsq(others, x[:, i], rcond=None)[0]
        left += np.var(x[:, i] - fit) / np.var(x[:, i])
    assert lambda_6(np.cov(x.T)) == pytest.approx(1 - left / r.sum(), abs=1e-9)


def test_undefined_values() -> None:
    constant = np.column_stack([answers(1, 2), np.full(60, 0.1)])
    covariance = item_covariances(constant).covariance
    assert covariance[2].tolist() == [0, 0, 0]
    assert np.isnan(item_rest_correlations(covariance)[2])
    assert np.isnan(correlations(covariance)[2]).all()
    assert np.isnan(lambda_6(covariance))
    assert np.isnan(cronbach_alpha(np.array([[2.0]])))
    opposite = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert np.isnan(cronbach_alpha(opposite))
    assert np.isnan(alpha_if_dropped(opposite)).all()
    assert np.isnan(feldt_interval(0.5, 1, 4, 0.95)).all()
    assert not against_the_others(covariance).any()


@given(seeds, st.integers(5, 8), st.integers(1, 2))
def test_turned_items_are_found(seed: int, k: int, turned: int) -> None:
    x = answers(seed, k, n=400)
    assert not against_the_others(np.cov(x.T)).any()
    x[:, :turned] = 6 - x[:, :turned]
    assert against_the_others(np.cov(x.T)).tolist() == [True] * turned + [False] * (k - turned)


@pytest.mark.parametrize("holes", [0.0, 0.1])
def test_bootstrap_is_resampling(holes: float) -> None:
    x = answers(8, 4, n=50)
    x[np.random.default_rng(1).random(x.shape) < holes] = np.nan
    raw, standardised = bootstrap_alpha(x, 5, np.random.default_rng(42))
    rows = np.random.default_rng(42).integers(0, 50, size=(5, 50))
    for draw in range(5):
        covariance = item_covariances(x[rows[draw]]).covariance
        assert raw[draw] == pytest.approx(cronbach_alpha(covariance), abs=1e-12)
        again = cronbach_alpha(correlations(covariance))
        assert standardised[draw] == pytest.approx(again, abs=1e-12)


def test_feldt_covers() -> None:
    rng = np.random.default_rng(7)
    loading, k, n = 0.7, 5, 40
    true = k * loading**2 / (1 + (k - 1) * loading**2)
    covered = 0
    for _ in range(400):
        x = loading * rng.normal(size=(n, 1)) + np.sqrt(1 - loading**2) * rng.normal(size=(n, k))
        low, high = feldt_interval(float(cronbach_alpha(np.cov(x.T))), n, k, 0.95)
        covered += low <= true <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_halves_that_do_not_vary() -> None:
    for seed in range(20):
        x = np.random.default_rng(seed).random((6, 4))
        x[:, 2] = 1.3 - x[:, 0]  # the first half is 1.3 but for rounding
        covariance = item_covariances(x).covariance
        found = split_scores(covariance, [[True, False, True, False]])
        assert np.isnan(found.correlation[0])
        assert found.lambda_4[0] == pytest.approx(0, abs=1e-12)
    flat = split_scores(np.array([[1.0, -1.0], [-1.0, 1.0]]), [[True, False]])
    assert np.isnan(flat.lambda_4[0])
    assert np.isnan(flat.spearman_brown[0])


@pytest.mark.parametrize("holes", [0.0, 0.1])
def test_bootstrap_in_blocks_of_people(holes: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x = answers(8, 4, n=50)
    x[np.random.default_rng(1).random(x.shape) < holes] = np.nan
    whole = bootstrap_alpha(x, 40, np.random.default_rng(2))
    monkeypatch.setattr("evalkit.kernels.reliability._PRODUCTS", 300)
    monkeypatch.setattr("evalkit.kernels.reliability._BLOCK", 100)
    again = bootstrap_alpha(x, 40, np.random.default_rng(2))
    np.testing.assert_allclose(again, whole, rtol=1e-12)


def test_a_negative_alpha_always_names_somebody() -> None:
    x = np.random.default_rng(1128)
    k, n = int(x.integers(3, 8)), int(x.integers(5, 60))
    covariance = item_covariances(x.integers(1, 6, (n, k)).astype(float)).covariance
    assert cronbach_alpha(covariance) < 0
    rest = item_rest_correlations(covariance)
    assert against_the_others(covariance).tolist() == (rest < 0).tolist()
