"""Discrete-time kernels: derivatives by differences, and likelihoods on rows written out."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.kernels.baseline_basis import baseline_basis
from evalkit.kernels.discrete import LINKS, Layout, cluster_scores, fit_discrete
from evalkit.kernels.discrete_curves import predict, standardise
from evalkit.kernels.person_periods import aggregate, place

BREAKS = np.array([90.0, 180.0, 365.0])


def data(n: int = 300):
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.integers(0, 2, n), rng.integers(0, 3, n)]).astype(float)
    time = rng.exponential(250 * np.exp(-0.4 * X[:, 0]))
    censored = rng.uniform(0, 900, n)
    periods = place(np.minimum(time, censored), time <= censored, None, BREAKS, closed="left")
    patterns, pattern = np.unique(X, axis=0, return_inverse=True)
    return patterns, pattern.ravel(), periods


def layouts() -> list[Layout]:
    none = np.array([], dtype=np.int64)
    both, j = np.array([0, 1]), np.arange(4)
    return [
        Layout(np.eye(4), both, none, j),
        Layout(np.eye(4), both[1:], both[:1], j),
        Layout(baseline_basis("polynomial", 4, np.ones(4), 2)[0], both[:1], both[1:], j),
    ]


@pytest.mark.parametrize("link", LINKS)
def test_links_by_differences(link) -> None:
    link, h = LINKS[link], 1e-5
    eta = np.linspace(-6, 2.5, 9)
    n, d = np.full(9, 7.0), np.arange(9) % 8.0
    _, slope, curve = link.likelihood(eta, n, d)
    up, down = link.likelihood(eta + h, n, d), link.likelihood(eta - h, n, d)
    np.testing.assert_allclose(slope, (up[0] - down[0]) / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(curve, -(up[1] - down[1]) / (2 * h), rtol=1e-6, atol=1e-8)
    stay, rate = link.log_survival(eta)
    np.testing.assert_allclose(np.exp(-stay), 1 - link.hazard(eta), rtol=1e-10)
    stepped = (link.log_survival(eta + h)[0] - link.log_survival(eta - h)[0]) / (2 * h)
    np.testing.assert_allclose(rate, stepped, rtol=1e-6)
    weight, change = link.expected(eta, n)
    mean = link.likelihood(eta, n, n * link.hazard(eta))
    np.testing.assert_allclose(mean[1], 0, atol=1e-12)
    np.testing.assert_allclose(mean[2], weight, rtol=1e-8)  # observed is expected at the mean
    ahead, behind = link.expected(eta + h, n)[0], link.expected(eta - h, n)[0]
    np.testing.assert_allclose(change, (np.log(ahead) - np.log(behind)) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(link.start(link.hazard(eta)), eta, rtol=1e-8)
    far = link.likelihood(np.array([-700.0, 60.0]), np.ones(2), np.array([0.0, 1.0]))
    assert all(np.isfinite(part).all() for part in far)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("which", range(3))
def test_score_of_rows_written_out_is_zero(link, which) -> None:
    X, pattern, periods = data()
    layout = layouts()[which]
    fit = fit_discrete(X, aggregate(periods, pattern, len(X)), layout, LINKS[link])
    rows = [
        (i, j) for i in range(len(pattern)) for j in range(periods.first[i], periods.last[i] + 1)
    ]
    i, j = np.array(rows).T
    y = (periods.last[i] == j) & periods.event[i]
    design = np.zeros((len(i), layout.n_parameters))
    for row, (one, interval) in enumerate(rows):
        design[row, : layout.basis.shape[1]] = layout.basis[interval]
        design[row, layout.slopes(interval)] = X[pattern[one]]
    eta = design @ fit.parameters
    terms, slope, _ = LINKS[link].likelihood(eta, np.ones(len(i)), y.astype(float))
    np.testing.assert_allclose(fit.loglik, terms.sum(), rtol=1e-12)
    np.testing.assert_allclose(design.T @ slope, 0, atol=1e-6)
    weight = LINKS[link].expected(eta, np.ones(len(i)))[0]
    np.testing.assert_allclose(fit.information, (design * weight[:, None]).T @ design, rtol=1e-10)
    group = np.arange(len(pattern)) // 7
    scores = cluster_scores(fit.parameters, X, pattern, periods, group, layout, LINKS[link])
    brute = np.zeros_like(scores)
    np.add.at(brute, group[i], slope[:, None] * design)
    np.testing.assert_allclose(scores, brute, atol=1e-10)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("which", range(3))
def test_gradients_of_survival_by_differences(link, which) -> None:
    X, pattern, periods = data()
    layout, h = layouts()[which], 1e-6
    fit = fit_discrete(X, aggregate(periods, pattern, len(X)), layout, LINKS[link])
    size = np.bincount(pattern).astype(float)

    def at(theta):
        one = predict(X, theta, fit.vcov, layout, LINKS[link]).cumulative
        return one, standardise(X, size, theta, layout, LINKS[link])

    curves = predict(X, fit.parameters, fit.vcov, layout, LINKS[link])
    mean = at(fit.parameters)[1]
    np.testing.assert_allclose(
        mean.survival, size @ np.exp(-curves.cumulative) / size.sum(), rtol=1e-12
    )
    slopes, means = [], []
    for k in range(len(fit.parameters)):
        step = np.zeros(len(fit.parameters))
        step[k] = h
        up, down = at(fit.parameters + step), at(fit.parameters - step)
        slopes.append((up[0] - down[0]) / (2 * h))
        means.append((up[1].survival - down[1].survival) / (2 * h))
    np.testing.assert_allclose(mean.gradient, np.array(means).T, atol=1e-8)
    gradient = np.moveaxis(np.array(slopes), 0, -1)
    error = np.sqrt(np.einsum("ujp,pq,ujq->uj", gradient, fit.vcov, gradient))
    np.testing.assert_allclose(curves.cumulative_error, error, rtol=1e-6)


def test_intervals_without_events_are_passed_over() -> None:
    X, pattern, periods = data()
    none = np.array([], dtype=np.int64)
    full = layouts()[0]
    cells = aggregate(periods, pattern, len(X))
    part = Layout(full.basis[:, [0, 2, 3]], full.common, none, np.array([0, 2, 3]))
    fit = fit_discrete(X, cells, part, LINKS["logit"])
    curves = predict(X, fit.parameters, fit.vcov, part, LINKS["logit"])
    np.testing.assert_array_equal(curves.cumulative[:, 1], curves.cumulative[:, 0])
    np.testing.assert_array_equal(curves.cumulative_error[:, 1], curves.cumulative_error[:, 0])
    assert np.isinf(curves.predictor[:, 1]).all()
    mean = standardise(X, np.ones(len(X)), fit.parameters, part, LINKS["logit"])
    assert mean.survival[1] == mean.survival[0]


@pytest.mark.parametrize("kind", ["intervals", "constant", "log", "polynomial", "spline"])
def test_baselines_hold_the_constant(kind) -> None:
    events = np.array([5.0, 3, 2, 1, 1, 0, 1])
    basis, names = baseline_basis(kind, 7, events, 3)
    ones = np.ones(7)
    np.testing.assert_allclose(basis @ np.linalg.lstsq(basis, ones, rcond=None)[0], ones)
    assert np.linalg.matrix_rank(basis) == basis.shape[1]
    assert len(names) == (0 if kind == "intervals" else basis.shape[1])
