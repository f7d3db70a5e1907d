"""The one-factor model: exact recovery, scale invariance, and degenerate matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.one_factor import fit_indices, fit_one_factor


@given(st.integers(0, 10_000), st.integers(3, 9))
def test_a_true_matrix_is_recovered(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    loadings, psi = rng.uniform(0.4, 3, k), rng.uniform(0.5, 3, k)
    sigma = np.outer(loadings, loadings) + np.diag(psi)
    fit = fit_one_factor(sigma)
    assert fit is not None
    assert fit.converged
    np.testing.assert_allclose(fit.loadings, loadings, rtol=1e-6)
    np.testing.assert_allclose(fit.uniqueness, psi, rtol=1e-6)
    omega = loadings.sum() ** 2 / sigma.sum()
    assert fit.omega == pytest.approx(omega, rel=1e-8)
    indices = fit_indices(fit, sigma, 200)
    assert indices.chi_square == pytest.approx(0, abs=1e-8)
    assert indices.srmr == pytest.approx(0, abs=1e-8)
    assert indices.cfi == pytest.approx(1, abs=1e-10)


@given(st.integers(0, 10_000))
def test_units_and_order_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(80, 1)) + rng.normal(size=(80, 5))
    units, order = rng.uniform(0.1, 10, 5), rng.permutation(5)
    fit = fit_one_factor(np.cov(x.T))
    again = fit_one_factor(np.cov((x * units)[:, order].T))
    assert fit is not None
    assert again is not None
    np.testing.assert_allclose(again.loadings, (fit.loadings * units)[order], rtol=1e-6)
    assert again.discrepancy == pytest.approx(fit.discrepancy, abs=1e-9)


def test_three_items_fit_exactly() -> None:
    sigma = np.array([[1, 0.5, 0.4], [0.5, 1, 0.3], [0.4, 0.3, 1]])
    fit = fit_one_factor(sigma)
    assert fit is not None
    np.testing.assert_allclose(fit.loadings**2, [0.5 * 0.4 / 0.3, 0.375, 0.24], rtol=1e-8)
    indices = fit_indices(fit, sigma, 100)
    assert indices.df == 0
    assert np.isnan([indices.p_value, indices.tli, indices.rmsea, indices.rmsea_low]).all()


def test_heywood_case_is_told() -> None:
    sigma = np.array([[1, 0.9, 0.8], [0.9, 1, 0.5], [0.8, 0.5, 1]])
    fit = fit_one_factor(sigma)
    assert fit is not None
    assert fit.uniqueness[0] == pytest.approx(1 - 0.9 * 0.8 / 0.5, rel=1e-6)


def test_no_finite_minimum_is_told() -> None:
    # one correlation is below 0 and two are above: loadings would have to be imaginary
    fit = fit_one_factor(np.array([[1, 0.5, 0.5], [0.5, 1, -0.1], [0.5, -0.1, 1]]))
    assert fit is not None
    assert not fit.converged


def test_matrices_without_a_fit() -> None:
    assert fit_one_factor(np.eye(2)) is None
    assert fit_one_factor(np.ones((4, 4))) is None
    assert fit_one_factor(np.diag([1.0, 1.0, 0.0])) is None
    assert fit_one_factor(np.full((3, 3), np.nan)) is None


def test_a_minimum_around_which_scoring_runs_in_circles_is_found() -> None:
    # expected and observed curvature differ by a factor of two here
    s = np.array([
        [1.0, 0.127, 0.518, 0.361],
        [0.127, 1.0, 0.414, 0.229],
        [0.518, 0.414, 1.0, 0.159],
        [0.361, 0.229, 0.159, 1.0],
    ])  # fmt: skip
    fit = fit_one_factor(s)
    assert fit is not None
    assert fit.converged
    rng = np.random.default_rng(1)
    for _ in range(50):  # no neighbour is better
        near = np.concatenate([fit.loadings, fit.uniqueness]) + rng.normal(scale=1e-3, size=8)
        sigma = np.outer(near[:4], near[:4]) + np.diag(near[4:])
        other = np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, s))
        assert other - np.linalg.slogdet(s)[1] - 4 > fit.discrepancy


@given(st.integers(0, 10_000))
def test_fitted_variances_are_the_observed_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 1.5, 6) * rng.normal(size=(100, 1)) + rng.normal(size=(100, 6))
    s = np.cov(x.T)
    fit = fit_one_factor(s)
    assert fit is not None
    assert fit.converged
    np.testing.assert_allclose(fit.loadings**2 + fit.uniqueness, np.diag(s), rtol=1e-8)
