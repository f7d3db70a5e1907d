"""Imputation models: their draws against the posterior in closed form, and chained equations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from evalkit.kernels.chained_equations import fill_once, shortages
from evalkit.kernels.contrast_variance import prepare_contrasts
from evalkit.kernels.imputation_models import draw_logit, draw_normal, fit_logit, fit_normal
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.rubin import pool
from evalkit.kernels.sandwich import sandwich
from evalkit.kernels.visit_models import at_least_squares, draw_visits, fit_visits

MANY = 40_000


def sample(n: int = 30, p: int = 2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(3, 2, (n, p))])
    return x, x @ np.arange(1.0, p + 2) + rng.normal(0, 2, n)


def test_fit_is_least_squares() -> None:
    x, y = sample()
    fit = fit_normal(x, y)
    np.testing.assert_allclose(fit.coefficients, np.linalg.lstsq(x, y)[0], rtol=1e-10)
    np.testing.assert_allclose(fit.root @ fit.root.T, np.linalg.inv(x.T @ x), rtol=1e-9)
    assert fit.df == 27
    repeated = fit_normal(np.column_stack([x, x[:, 1]]), y)
    assert repeated.df == 27
    assert repeated.rss == pytest.approx(fit.rss)


def test_normal_draws_follow_their_posterior() -> None:
    x, y = sample()
    fit = fit_normal(x, y)
    drawn = draw_normal(fit, MANY, np.random.default_rng(2))
    expected = fit.rss / (fit.df - 2) * np.linalg.inv(x.T @ x)
    error = np.sqrt(np.diag(expected) / MANY)
    assert (np.abs(drawn.coefficients.mean(axis=0) - fit.coefficients) < 4 * error).all()
    np.testing.assert_allclose(np.diag(np.cov(drawn.coefficients.T)), np.diag(expected), rtol=0.04)
    assert (drawn.sigma**2).mean() == pytest.approx(fit.rss / (fit.df - 2), rel=0.02)
    # rss / sigma^2 is chi-squared: mean df, variance 2 df
    assert np.var(fit.rss / drawn.sigma**2) == pytest.approx(2 * fit.df, rel=0.05)


def test_logit_without_predictors_is_jeffreys_prior() -> None:
    y = np.repeat([0, 1], [18, 2])
    fit = fit_logit(np.empty((20, 0)), y, 2)
    assert special.expit(-fit.parameters[0]) == pytest.approx(2.5 / 21)
    information = 21 * 2.5 / 21 * 18.5 / 21
    assert fit.root[0, 0] ** 2 == pytest.approx(1 / information)


def test_logit_stays_finite_where_levels_are_separated_or_absent() -> None:
    x = np.arange(20.0)[:, None]
    for y in (np.repeat([0, 1], 10), np.ones(20, dtype=int)):
        fit = fit_logit(x, y, 2)
        assert fit.converged
        assert np.abs(fit.parameters).max() < 20
        draws = draw_logit(fit, 500, np.random.default_rng(1))
        assert np.isfinite(draws.parameters).all()


def test_thresholds_stay_in_order() -> None:
    rng = np.random.default_rng(4)
    fit = fit_logit(rng.normal(size=(12, 1)), np.array([0, 1, 2, 3] * 3), 4)
    draws = draw_logit(fit, 5000, rng)
    assert (np.diff(draws.thresholds, axis=1) > 0).all()


def test_chain_of_visits_is_the_joint_normal_model() -> None:
    """Constants and weights from the chain equal those from mean and covariance."""
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(40), rng.normal(size=40)])
    y = x @ rng.normal(size=(2, 3)) + rng.multivariate_normal(np.zeros(3), np.eye(3) + 0.5, 40)
    chain = at_least_squares(fit_visits(x, y, np.full(40, 3)), 2)
    # complete data: least squares visit by visit, and the residuals' covariance
    marginal = np.linalg.lstsq(x, y)[0]
    residuals = y - x @ marginal
    sigma = residuals.T @ residuals
    for visit, known in ((2, 0), (2, 1), (2, 2), (1, 0), (1, 1)):
        constants, weights, _ = chain.given(visit, known)
        slope = np.linalg.solve(sigma[:known, :known], sigma[:known, visit])
        np.testing.assert_allclose(weights[0], slope, rtol=1e-8, atol=1e-12)
        wanted = marginal[:, visit] - marginal[:, :known] @ slope
        np.testing.assert_allclose(constants[0], wanted, rtol=1e-8, atol=1e-12)
    drawn = draw_visits(fit_visits(x, y, np.full(40, 3)), 2, 4000, rng)
    mean = drawn.given(2, 0)[0].mean(axis=0)
    np.testing.assert_allclose(mean, marginal[:, 2], atol=0.03)
    errors = residuals[:, 2] @ residuals[:, 2] / 36
    assert drawn.given(2, 0)[2].mean() == pytest.approx(errors, rel=0.1)


def test_one_incomplete_variable_needs_no_iteration() -> None:
    x, y = sample(40)
    y[30:] = np.nan
    values = np.column_stack([x[:, 1:], y])
    rng = np.random.default_rng(1)
    filled = np.array(
        [
            fill_once(values, (0, 0, 0), np.empty((40, 0)), np.zeros(40, dtype=int), rng)[30:, 2]
            for _ in range(4000)
        ]
    )
    fit = fit_normal(x[:30], y[:30])
    hat = np.einsum("ij,jk,ik->i", x[30:], fit.root @ fit.root.T, x[30:])
    variance = fit.rss / (fit.df - 2) * (1 + hat)
    assert (np.abs(filled.mean(0) - x[30:] @ fit.coefficients) < 4 * np.sqrt(variance / 4000)).all()
    np.testing.assert_allclose(filled.var(axis=0), variance, rtol=0.12)


def test_chained_equations_recover_what_is_missing_at_random() -> None:
    """Dropping incomplete rows biases the mean of y; the chain, given x, does not."""
    rng = np.random.default_rng(5)
    n = 6000
    x, u = rng.normal(size=n), rng.normal(size=n)
    y = 1 + 0.8 * x + 0.6 * u + rng.normal(0, 0.6, n)
    group = rng.integers(0, 2, n)
    y = y + group
    level = (x + rng.logistic(size=n) > 0).astype(float)
    values = np.column_stack([u, y, level])
    values[rng.random(n) < special.expit(x), 1] = np.nan
    values[rng.random(n) < 0.3, 0] = np.nan
    values[rng.random(n) < special.expit(x - 1), 2] = np.nan
    filled = fill_once(values, (0, 0, 2), x[:, None], group, rng, n_cycles=8)
    kept = ~np.isnan(values)
    np.testing.assert_array_equal(filled[kept], values[kept])
    assert set(np.unique(filled[:, 2])) == {0.0, 1.0}
    assert filled[:, 1].mean() == pytest.approx(y.mean(), abs=0.06)
    assert np.nanmean(values[:, 1]) < y.mean() - 0.25
    assert filled[:, 2].mean() == pytest.approx(level.mean(), abs=0.03)
    slope = np.linalg.lstsq(np.column_stack([np.ones(n), x, filled[:, 0], group]), filled[:, 1])[0]
    np.testing.assert_allclose(slope, [1, 0.8, 0.6, 1], atol=0.08)


def test_shortages_are_found() -> None:
    values = np.array([[1.0, np.nan], [2, 1], [3, 2], [4, np.nan]])
    assert shortages(values, (0, 0), 1, np.array([0, 0, 1, 1])) == [(1, 0, 1, 6), (1, 1, 1, 6)]
    assert shortages(values, (0, 2), 1, np.array([0, 0, 1, 1])) == []


@pytest.mark.parametrize("clustered", [False, True])
def test_contrasts_equal_the_sandwich(clustered: bool) -> None:
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(30), np.arange(30) < 14, rng.normal(size=30)])
    outcomes = rng.normal(size=(30, 4))
    cluster = np.append(np.repeat(np.arange(5), 4), np.arange(5, 15)) if clustered else None
    made = prepare_contrasts(x, np.array([1, 2]), cluster)
    estimates, variances = made.of(outcomes)
    for m in range(4):
        fit = least_squares(x, outcomes[:, m])
        kind = "CR2" if clustered else "HC2"
        wanted = sandwich(fit, kind, cluster=cluster, contrasts=np.eye(3)[1:])
        np.testing.assert_allclose(estimates[:, m], wanted.estimate, rtol=1e-10)
        np.testing.assert_allclose(variances[:, m], wanted.std_error**2, rtol=1e-10)
        np.testing.assert_allclose(made.df, wanted.df, rtol=1e-10)


def test_pooling_without_spread_between_imputations() -> None:
    found = pool(np.full((1, 5), 2.0), np.full((1, 5), 0.25), 20)
    assert found.total[0] == 0.25
    assert found.df[0] == pytest.approx(20 * 21 / 23)
    assert found.missing_information[0] == 0
    assert pool(np.full((1, 5), 2.0), np.full((1, 5), 0.25)).df[0] == np.inf
