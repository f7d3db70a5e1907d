"""Logistic, Poisson and proportional odds regression, and the variance of arms' means.

The models are compared with R through the effects, in tests/trials/test_outcomes_reference.py.
Here: derivatives, units, separation, and degrees of freedom pinned with clubSandwich.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from evalkit.kernels.arm_means import (
    cluster_variance,
    clustered_mean,
    contrast_df,
    standardised_influence,
    standardised_means,
)
from evalkit.kernels.glm import Family, fit_glm, influence, mean_of, sandwich
from evalkit.kernels.proportional_odds import fit_proportional_odds


def made(seed: int = 3, n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2).astype(float)
    x = np.column_stack([np.ones(n), arm, rng.normal(size=n)])
    y = (rng.uniform(size=n) < mean_of("binomial", x @ [-0.3, 0.6, 0.8])).astype(float)
    return x, arm.astype(np.int64), y


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_the_score_is_zero_and_the_variance_its_inverse_slope(family: Family) -> None:
    x, _, y = made()
    fit = fit_glm(family, x, y)
    np.testing.assert_allclose(x.T @ (y - fit.mean), 0, atol=1e-9)
    slope = optimize.approx_fprime(
        fit.coefficients, lambda b: x.T @ (y - mean_of(family, x @ b)), 1e-7
    )
    np.testing.assert_allclose(np.linalg.inv(-slope), fit.variance, rtol=1e-4)
    np.testing.assert_allclose(influence(fit).sum(axis=0), 0, atol=1e-9)
    moves = influence(fit)
    np.testing.assert_allclose(moves.T @ moves, sandwich(fit, "HC0"))


def test_units_far_from_zero_do_not_matter() -> None:
    x, _, y = made()
    moved = x.copy()
    moved[:, 2] = 1e4 + 1e-3 * x[:, 2]
    np.testing.assert_allclose(
        fit_glm("binomial", moved, y).coefficients[1],
        fit_glm("binomial", x, y).coefficients[1],
        rtol=1e-6,
    )
    level = (y + (x[:, 2] > 0.5)).astype(np.int64)
    np.testing.assert_allclose(
        fit_proportional_odds(level, moved[:, 1:], 3).coefficients[0],
        fit_proportional_odds(level, x[:, 1:], 3).coefficients[0],
        rtol=1e-6,
    )


def test_two_levels_are_logistic_regression() -> None:
    x, _, y = made()
    ordinal = fit_proportional_odds(y.astype(np.int64), x[:, 1:], 2)
    binary = fit_glm("binomial", x, y)
    np.testing.assert_allclose(ordinal.coefficients, binary.coefficients[1:], rtol=1e-8)
    np.testing.assert_allclose(ordinal.variance[1:, 1:], binary.variance[1:, 1:], rtol=1e-6)
    np.testing.assert_allclose(ordinal.scores.sum(axis=0), 0, atol=1e-8)


def test_separation_and_dependence_are_found() -> None:
    x, _, y = made()
    one = np.where(x[:, 1] == 1, 1.0, y)
    assert fit_glm("binomial", x, one).infinite.tolist() == [False, True, False]
    none = np.where(x[:, 1] == 1, 0.0, y)
    assert fit_glm("poisson", x, none).infinite[1]
    both = np.column_stack([x, x[:, 1] - 2 * x[:, 2]])
    assert fit_glm("binomial", both, y).dependent.tolist() == [3]
    assert fit_proportional_odds(y.astype(np.int64), both[:, 1:], 2).dependent.tolist() == [2]
    level = np.where(x[:, 1] == 1, 2, y.astype(np.int64))
    assert fit_proportional_odds(level, x[:, 1:], 3).infinite[0]


@pytest.mark.parametrize(
    ("sizes", "controls", "df"),
    [([5] * 10, 50, 30.4138), ([6] * 9, 54, 27.8033), ([6] * 4 + [5] * 6, 54, 30.538)],
)
def test_degrees_of_freedom_pinned_with_clubsandwich(
    sizes: list[int], controls: int, df: float
) -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    one = clustered_mean(rng.normal(size=len(groups)), groups)
    zero = clustered_mean(rng.normal(size=controls), np.arange(controls))
    assert contrast_df((one, zero), np.array([1.0, -1.0])) == pytest.approx(df, abs=5e-4)


def test_singletons_have_the_sample_variance() -> None:
    y = np.random.default_rng(2).normal(size=30)
    mean = clustered_mean(y, np.arange(30))
    assert mean.variance == pytest.approx(y.var(ddof=1) / 30)
    assert np.isnan(clustered_mean(y, np.zeros(30, dtype=np.int64)).variance)


def test_equal_groups_have_the_variance_of_their_means() -> None:
    y, groups = np.random.default_rng(2).normal(size=30), np.repeat(np.arange(6), 5)
    means = y.reshape(6, 5).mean(axis=1)
    assert clustered_mean(y, groups).variance == pytest.approx(means.var(ddof=1) / 6)


def test_without_covariates_standardisation_is_the_plain_comparison() -> None:
    _, arm, y = made()
    raw = np.array([y[arm == a].mean() for a in (0, 1)])
    fitted = np.tile(raw, (len(y), 1))
    means = standardised_means(y, arm, fitted)
    np.testing.assert_allclose(means.mean, raw)
    np.testing.assert_allclose(
        np.diag(means.variance), [y[arm == a].var(ddof=1) / (arm == a).sum() for a in (0, 1)]
    )
    moves = standardised_influence(y, arm, fitted) @ [-1.0, 1.0]
    variance, df = cluster_variance(moves, arm, np.arange(len(y)))
    assert variance == pytest.approx(means.variance.trace())
    assert df < len(y) - 2 + 1e-9


def test_clusters_across_arms_are_independent_draws_of_one_kind() -> None:
    _, arm, y = made()
    moves, cluster = y - y.mean(), np.arange(len(y)) // 6
    sums = np.bincount(cluster, moves)
    variance, df = cluster_variance(moves, arm, cluster)
    assert variance == pytest.approx(20 / 19 * sums @ sums)
    assert df == pytest.approx(19)


@pytest.mark.parametrize("icc", [0.0, 0.15])
def test_type_one_error_with_groups_in_one_arm(icc: float) -> None:
    """Ten groups of five against fifty alone, 4,000 draws: 5 % within four standard errors."""
    rng = np.random.default_rng(round(100 * icc) + 1)
    groups, alone = np.repeat(np.arange(10), 5), np.arange(50)
    beyond = 0
    for _ in range(4000):
        shared = np.sqrt(icc) * rng.normal(size=10)[groups]
        one = (shared + np.sqrt(1 - icc) * rng.normal(size=50) > 0).astype(float)
        zero = (rng.normal(size=50) > 0).astype(float)
        arm, control = clustered_mean(one, groups), clustered_mean(zero, alone)
        df = contrast_df((arm, control), np.array([1.0, -1.0]))
        t = (arm.mean - control.mean) / np.sqrt(arm.variance + control.variance)
        beyond += abs(t) > special.stdtrit(df, 0.975)
    assert abs(beyond / 4000 - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 4000)
