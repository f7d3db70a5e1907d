"""Kernels of parametric models: derivatives by differences, limits, and far tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from evalkit.kernels import generalised_gamma
from evalkit.kernels.lifetimes import FAMILIES
from evalkit.kernels.parametric import Lifetimes, _evaluate, _parts, fit_parametric
from evalkit.kernels.parametric_terms import Model, log_terms
from evalkit.kernels.piecewise_exponential import (
    Exposure,
    fit_piecewise,
    piecewise_quantile,
    piecewise_terms,
)

SHAPES = (2.0, 1.0, 0.3, 0.1000001, 0.0999999, 0.05, 1e-3, 0.0, -1e-3, -0.0999999, -0.7, -2.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_generalised_gamma_is_smooth_in_its_shape(shape) -> None:
    w, h = np.linspace(-4, 4, 17), 1e-5

    def slope(f, column=0, *, in_shape):
        ahead = f(w, shape + h) if in_shape else f(w + h, shape)
        behind = f(w, shape - h) if in_shape else f(w - h, shape)
        return (ahead[column] - behind[column]) / (2 * h)

    density = generalised_gamma.log_density
    _, in_w, in_ww, in_q, in_wq, in_qq = density(w, shape)
    near = {"rtol": 1e-7, "atol": 1e-8}
    np.testing.assert_allclose(slope(density, in_shape=False), in_w, **near)
    np.testing.assert_allclose(slope(density, 1, in_shape=False), in_ww, **near)
    np.testing.assert_allclose(slope(density, in_shape=True), in_q, **near)
    np.testing.assert_allclose(slope(density, 1, in_shape=True), in_wq, **near)
    np.testing.assert_allclose(slope(density, 3, in_shape=True), in_qq, **near)
    value, first, second = generalised_gamma.shape_derivatives(w, shape)
    wide = 0.02
    up, down = (generalised_gamma.log_survival(w, shape + s) for s in (wide, -wide))
    np.testing.assert_allclose(first, (up - down) / (2 * wide), rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(second, (up + down - 2 * value) / wide**2, rtol=0.05, atol=0.02)
    s = np.exp(generalised_gamma.log_survival(w, shape))
    inside = (s > 1e-10) & (s < 1 - 1e-6)
    back = generalised_gamma.inverse_survival(s[inside], shape)
    np.testing.assert_allclose(back, w[inside], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_generalised_gamma_survival_is_the_integral_of_its_density(shape) -> None:
    for w in (-2.0, -0.5, 0.0, 1.0, 2.0):
        area, _ = integrate.quad(
            lambda v: np.exp(generalised_gamma.log_density(np.array([v]), shape)[0][0]),
            w,
            40,
            epsabs=1e-13,
            epsrel=1e-11,
            points=[5.0, 12.0],
            limit=200,
        )
        log_s = generalised_gamma.log_survival(np.array([w]), shape)
        np.testing.assert_allclose(np.exp(log_s), area, rtol=1e-8, atol=1e-12)


def test_generalised_gamma_special_cases() -> None:
    w = np.linspace(-30, 5, 30)
    np.testing.assert_allclose(generalised_gamma.log_density(w, 1.0)[0], w - np.exp(w), rtol=1e-12)
    np.testing.assert_allclose(
        generalised_gamma.log_survival(w, 1.0), -np.exp(w), rtol=1e-9, atol=1e-15
    )
    np.testing.assert_allclose(
        generalised_gamma.log_density(w, 0.0)[0], stats.norm.logpdf(w), rtol=1e-12
    )
    np.testing.assert_allclose(
        generalised_gamma.log_survival(w, 0.0), special.log_ndtr(-w), rtol=1e-12
    )
    k = 0.4**-2  # gamma: Q is the scale of log time
    want = stats.gamma.logsf(k * np.exp(0.4 * w), k)
    np.testing.assert_allclose(generalised_gamma.log_survival(w, 0.4), want, rtol=1e-8, atol=1e-15)
    far = generalised_gamma.log_survival(np.array([30.0, 60.0]), 0.5)
    assert np.isfinite(far).all()
    assert far[1] < far[0] < -1e6


@pytest.mark.parametrize("name", FAMILIES)
def test_families_by_differences(name) -> None:
    family, h = FAMILIES[name], 1e-5
    w = np.linspace(-5, 3, 15)
    for part in (family.density, family.survival):
        at, up, down = part(w, 0.6), part(w + h, 0.6), part(w - h, 0.6)
        np.testing.assert_allclose(at.w, (up.value - down.value) / (2 * h), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(at.ww, (up.w - down.w) / (2 * h), rtol=1e-6, atol=1e-7)
    density, survival = family.density(w, 0.6), family.survival(w, 0.6)
    hazard = np.exp(density.value - survival.value)
    np.testing.assert_allclose(survival.w, -hazard, rtol=1e-8)
    s = np.exp(survival.value)
    np.testing.assert_allclose(family.inverse(s, 0.6), w, rtol=1e-6, atol=1e-8)


def lifetimes(cure: bool) -> Lifetimes:
    rng = np.random.default_rng(3)
    n = 400
    X = np.column_stack([np.ones(n), rng.integers(0, 2, n), rng.normal(size=n)])
    time = np.exp(0.5 * X[:, 1] - 0.3 * X[:, 2] + 0.7 * np.log(rng.exponential(size=n)))
    time[rng.random(n) < 0.2] = np.inf
    censored = rng.uniform(0, 6, n)
    out = np.minimum(time, censored)
    entry = np.where(rng.random(n) < 0.4, out * rng.random(n), 0.0)
    with np.errstate(divide="ignore"):
        return Lifetimes(
            np.log(out),
            time <= censored,
            np.log(entry),
            X,
            X[:, :2] if cure else None,
            rng.integers(1, 4, n).astype(float),
        )


@pytest.mark.parametrize("cure", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
def test_likelihood_by_differences(name, cure) -> None:
    data, h = lifetimes(cure), 1e-5
    model = Model(name, 3, 2 if cure else 0)
    parts = _parts(data)
    theta = np.linspace(-0.3, 0.4, model.n_parameters)
    _, gradient, information = _evaluate(theta, model, parts)
    for k in range(model.n_parameters):
        step = np.zeros(model.n_parameters)
        step[k] = h
        up, down = _evaluate(theta + step, model, parts), _evaluate(theta - step, model, parts)
        np.testing.assert_allclose(gradient[k], (up[0] - down[0]) / (2 * h), rtol=1e-6, atol=1e-5)
        slopes = (up[1] - down[1]) / (2 * h)
        np.testing.assert_allclose(information[k], -slopes, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_add_up_to_nothing(name) -> None:
    fit = fit_parametric(Model(name, 3, 2), lifetimes(cure=True))
    assert fit.optimum.converged
    np.testing.assert_allclose(fit.scores.sum(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_log_terms_are_survival_and_its_slope(name) -> None:
    model, rng = Model(name, 2, 1), np.random.default_rng(1)
    theta = rng.normal(size=model.n_parameters) * 0.3
    X, Z = np.column_stack([np.ones(6), rng.normal(size=6)]), np.ones((6, 1))
    time, h = np.array([0.1, 0.5, 1.0, 2.0, 5.0, 9.0]), 1e-6
    at = log_terms(model, theta, time, X, Z)
    ahead, behind = (np.exp(log_terms(model, theta, time + s, X, Z).survival) for s in (h, -h))
    np.testing.assert_allclose(np.exp(at.density), (behind - ahead) / (2 * h), rtol=1e-6)
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = h
        up, down = (log_terms(model, theta + s, time, X, Z) for s in (step, -step))
        for part in ("survival", "density"):
            slope = (getattr(up, part) - getattr(down, part)) / (2 * h)
            got = getattr(at, f"{part}_gradient")[:, k]
            np.testing.assert_allclose(got, slope, rtol=1e-6, atol=1e-8)
    start = log_terms(model, theta, np.zeros(6), X, Z)
    np.testing.assert_array_equal(start.survival, 0)
    np.testing.assert_array_equal(start.survival_gradient, 0)


def test_piecewise_exponential_without_covariates_is_events_over_time() -> None:
    time = np.array([1.0, 2.0, 3.0, 6.0, 8.0])
    event = np.array([True, False, True, True, False])
    entry = np.array([0.0, 0.5, 0.0, 4.0, 1.0])
    inner = np.array([3.0, 5.0, 20.0])
    for closed, counts in (("left", [1, 1, 1]), ("right", [2, 0, 1])):
        fit = fit_piecewise(Exposure(time, event, entry, np.empty((5, 0)), inner, closed))
        np.testing.assert_allclose(fit.events, [*counts, 0])
        np.testing.assert_allclose(fit.at_risk, [1 + 1.5 + 3 + 2, 1 + 2, 1 + 3, 0])
        used = np.flatnonzero(np.array(counts))
        want = np.log(fit.events[used] / fit.at_risk[used])
        np.testing.assert_allclose(fit.parameters, want, rtol=1e-10)
        np.testing.assert_allclose(fit.scores.sum(axis=0), 0, atol=1e-10)


def test_piecewise_exponential_curve_and_quantiles() -> None:
    theta, used, inner = np.log([0.1, 0.3]), np.array([0, 2]), np.array([2.0, 4.0, 6.0])
    none = np.empty((7, 0))
    time = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 99.0])
    at = piecewise_terms(theta, used, inner, time, none)
    np.testing.assert_allclose(at.survival, [0, -0.1, -0.2, -0.2, -0.5, -0.8, -0.8])
    assert np.isinf(at.density[[2, 3, 5, 6]]).all()
    s = np.exp([0.0, -0.1, -0.2, -0.5, -0.8, -0.9, -0.2 - 1e-9])
    got = piecewise_quantile(theta, used, inner, s, none)
    np.testing.assert_allclose(got, [0, 1, 2, 5, 6, np.inf, 4], atol=1e-6)
