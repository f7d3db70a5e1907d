"""The propensity score: collapsed cells give what all rows give, and separation is noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

import evalkit.kernels.propensity as propensity
from evalkit.kernels.propensity import collapse, fit_propensity


def drawn(n: int = 2000) -> tuple[Any, Any]:
    """Draw covariates, two of them with few values, and a treatment."""
    r = np.random.default_rng(1)
    x = np.column_stack([r.normal(size=n), r.integers(0, 3, n), r.integers(0, 2, n)])
    return x, r.random(n) < 1 / (1 + np.exp(1 - x @ [0.5, 0.3, -0.4]))


LINKS = {
    "logit": sm.families.links.Logit(),
    "probit": sm.families.links.Probit(),
    "cloglog": sm.families.links.CLogLog(),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_maximum_is_that_of_iterated_least_squares(link: Any, weighted: bool) -> None:
    x, treated = drawn()
    w = np.random.default_rng(2).integers(1, 4, len(x)).astype(float) if weighted else None
    fit = fit_propensity(x, treated, link=link, weights=w)
    family = sm.families.Binomial(LINKS[link])
    there = sm.GLM(treated.astype(float), sm.add_constant(x), family=family, freq_weights=w)
    wanted = there.fit(tol=1e-12)
    np.testing.assert_allclose(fit.coefficients, wanted.params, rtol=1e-6)
    np.testing.assert_allclose(fit.probability, wanted.fittedvalues, rtol=1e-6)
    assert fit.loglik == pytest.approx(wanted.llf)
    assert fit.converged


def test_cells_give_the_fit_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x, treated = drawn()
    by_cell = fit_propensity(x[:, 1:], treated)
    assert by_cell.n_cells == 6
    monkeypatch.setattr(propensity, "_WORTH", -1.0)
    by_row = fit_propensity(x[:, 1:], treated)
    assert by_row.n_cells == 2000
    np.testing.assert_allclose(by_cell.coefficients, by_row.coefficients, rtol=1e-10)
    np.testing.assert_allclose(by_cell.variance, by_row.variance, rtol=1e-8)
    # People with the same covariates have the same score exactly, so that ties are ties.
    assert len(np.unique(by_cell.probability)) == 6


def test_a_start_from_some_rows_ends_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    x, treated = drawn()
    plain = fit_propensity(x, treated)
    monkeypatch.setattr(propensity, "_PART", 200)
    np.testing.assert_allclose(
        fit_propensity(x, treated).coefficients, plain.coefficients, rtol=1e-9
    )


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_separation_is_noticed_and_its_column_named(link: Any, share: float) -> None:
    x, treated = drawn()
    sure = treated & (np.random.default_rng(3).random(len(x)) < share)
    fit = fit_propensity(np.column_stack([x, sure]), treated, link=link)
    assert fit.infinite.tolist() == [False, False, False, False, True]
    assert not fit.converged


def test_firths_penalty_keeps_estimates_finite() -> None:
    # Two-by-two table with an empty cell: adding a half to every cell is Firth's estimate.
    x = np.repeat([[0.0], [1.0]], [20, 10], axis=0)
    treated = np.arange(30) % 2 == 0
    treated[20:] = True
    fit = fit_propensity(x, treated, firth=True)
    assert fit.converged
    low = np.log(10.5 / 10.5)
    np.testing.assert_allclose(fit.coefficients, [low, np.log(10.5 / 0.5) - low], atol=1e-9)


def test_firths_estimates_solve_his_equations_in_the_smallest_samples() -> None:
    r = np.random.default_rng(5)
    for _ in range(300):
        n = int(r.integers(4, 12))
        x: Any = np.column_stack([r.integers(0, 5, n), r.normal(size=n).round(1)])
        treated = r.random(n) < 0.5
        if treated.all() or not treated.any():
            continue
        fit = fit_propensity(x, treated, firth=True)
        if len(fit.dependent):
            continue
        assert fit.converged
        design = np.column_stack([np.ones(n), x])
        p = fit.probability
        w = p * (1 - p)
        leverage = w * np.einsum("ij,jk,ik->i", design, fit.variance, design)
        score = design.T @ (treated - p + leverage * (0.5 - p))
        assert np.abs(score).max() < 1e-5


def test_units_do_not_matter() -> None:
    x, treated = drawn()
    plain, scaled = fit_propensity(x, treated), fit_propensity(x * [1e6, 1, 1e-6] + 1e3, treated)
    np.testing.assert_allclose(plain.probability, scaled.probability, rtol=1e-6)
    np.testing.assert_allclose(
        scaled.coefficients[1:] * [1e6, 1, 1e-6], plain.coefficients[1:], rtol=1e-6
    )


def test_dependent_columns_are_reported() -> None:
    x, treated = drawn()
    fit = fit_propensity(np.column_stack([x, x[:, 0] + 2 * x[:, 1]]), treated)
    assert fit.dependent.tolist() == [4]
    assert np.isnan(fit.probability).all()


def test_without_covariates_everybody_has_the_same() -> None:
    fit = fit_propensity(np.empty((8, 0)), np.arange(8) < 2)
    np.testing.assert_allclose(fit.probability, 0.25)


def test_rows_that_hardly_repeat_are_not_collapsed() -> None:
    x = np.random.default_rng(4).normal(size=(50, 2))
    assert collapse(x).of_row is None
    twice = np.vstack([x, x])
    cells = collapse(twice)
    assert len(cells.matrix) == 50
    assert cells.of_row is not None
    np.testing.assert_array_equal(cells.matrix[cells.of_row], twice)
