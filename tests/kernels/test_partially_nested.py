"""Restricted likelihood of partially nested models: against dense matrices and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from evalkit.kernels.partially_nested import (
    NestedFit,
    exact_icc_interval,
    fit_partially_nested,
    residual_spread,
)
from evalkit.kernels.student import student_tail

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def draw(
    sizes: list[int], n_controls: int, *, icc: float = 0.2, sd0: float = 1.3, seed: int = 0
) -> Data:
    """Return X, y, treated, group."""
    rng = np.random.default_rng(seed)
    group = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(n_controls, -1)])
    treated = group >= 0
    x = rng.normal(size=len(group))
    shared = rng.normal(size=len(sizes)) * np.sqrt(icc)
    own = rng.normal(size=len(group)) * np.where(treated, np.sqrt(1 - icc), sd0)
    y = 20 + 0.4 * x + 0.5 * treated + own + np.where(treated, shared[group], 0)
    return np.column_stack([np.ones(len(y)), treated, x]), y, treated, group


def dense_parts(treated: np.ndarray, group: np.ndarray) -> list[np.ndarray]:
    """Return the matrices that the components multiply."""
    same = (group[:, None] == group[None, :]) & (group >= 0)[:, None]
    return [np.diag(~treated + 0.0), np.diag(treated + 0.0), same + 0.0]


def dense_loglik(X: np.ndarray, y: np.ndarray, V: np.ndarray) -> float:
    """Return the restricted log-likelihood, by matrices as large as the data."""
    inverted = np.linalg.inv(V)
    information = X.T @ inverted @ X
    rest = y - X @ np.linalg.solve(information, X.T @ inverted @ y)
    logs = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    return -0.5 * ((len(y) - X.shape[1]) * np.log(2 * np.pi) + logs + float(rest @ inverted @ rest))


def gradient(f: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """Return derivatives by central differences of fourth order."""
    columns = []
    for k in range(len(at)):
        h = 1e-3 * at[k]
        step = np.zeros_like(at)
        step[k] = h
        near, far = f(at + step) - f(at - step), f(at + 2 * step) - f(at - 2 * step)
        columns.append((8 * near - far) / (12 * h))
    return np.array(columns)


@pytest.mark.parametrize("sizes", [[4, 5, 3, 6, 2, 1, 1], [5] * 6])
def test_the_maximum_is_that_of_the_dense_likelihood(sizes: list[int]) -> None:
    X, y, treated, group = draw(sizes, 30, icc=0.4, seed=4)
    fit = fit_partially_nested(X, y, treated, group)
    parts = dense_parts(treated, group)

    def loglik(components: np.ndarray) -> np.ndarray:
        total = sum(c * part for c, part in zip(components, parts, strict=True))
        return np.array(dense_loglik(X, y, total))

    at = fit.components
    assert fit.converged
    assert fit.active.all()
    assert fit.loglik == pytest.approx(float(loglik(at)), rel=1e-12)
    slope = gradient(loglik, at)
    assert np.abs(slope * at).max() < 1e-8
    # The observed information, by differences of differences.
    curvature = gradient(lambda c: gradient(loglik, c), at)
    np.testing.assert_allclose(np.linalg.inv(-curvature), fit.component_vcov, rtol=1e-5)


def test_satterthwaite_is_twice_squared_variance_over_its_variance() -> None:
    """Its definition, with derivatives of the dense covariance by differences."""
    X, y, treated, group = draw([4, 5, 3, 6, 2, 1, 1], 30, icc=0.4, seed=4)
    fit = fit_partially_nested(X, y, treated, group)
    parts = dense_parts(treated, group)
    combination = np.array([0.0, 1.0, 0.0])

    def variance(components: np.ndarray) -> np.ndarray:
        total = sum(c * part for c, part in zip(components, parts, strict=True))
        return combination @ np.linalg.inv(X.T @ np.linalg.inv(total) @ X) @ combination

    slope = gradient(variance, fit.components)
    expected = 2 * variance(fit.components) ** 2 / (slope @ fit.component_vcov @ slope)
    found = fit.contrast(combination)
    assert found.df == pytest.approx(expected, rel=1e-8)
    assert found.std_error**2 == pytest.approx(float(variance(fit.components)), rel=1e-10)
    assert found.estimate == pytest.approx(fit.coefficients[1], rel=1e-12)


def test_equal_groups_are_welch_on_group_means() -> None:
    X, y, treated, group = draw([5] * 8, 30, icc=0.4, seed=2)
    X = X[:, :2]
    fit = fit_partially_nested(X, y, treated, group)
    assert fit.active.all()
    means = np.array([y[group == g].mean() for g in range(8)])
    controls = y[~treated]
    welch = stats.ttest_ind(means, controls, equal_var=False)
    for method in ("satterthwaite", "kenward-roger"):
        found = fit.contrast(np.array([0.0, 1.0]), method=method)
        assert found.estimate == pytest.approx(means.mean() - controls.mean(), rel=1e-10)
        assert found.estimate / found.std_error == pytest.approx(welch.statistic, rel=1e-8)
        assert found.df == pytest.approx(welch.df, rel=1e-8)
    within = np.concatenate([y[group == g] - means[g] for g in range(8)])
    inside = float(within @ within) / 32
    assert fit.components == pytest.approx(
        [controls.var(ddof=1), inside, means.var(ddof=1) - inside / 5], rel=1e-7
    )


def test_at_the_boundary_it_is_welch_on_persons() -> None:
    X, y, treated, group = draw([5] * 8, 30, icc=0.0, seed=3)
    X = X[:, :2]
    for g in range(8):  # groups more alike than chance allows
        y[group == g] += 20 - y[group == g].mean()
    fit = fit_partially_nested(X, y, treated, group)
    assert fit.components[2] == 0
    assert fit.active.tolist() == [True, True, False]
    welch = stats.ttest_ind(y[treated], y[~treated], equal_var=False)
    found = fit.contrast(np.array([0.0, 1.0]))
    assert found.df == pytest.approx(welch.df, rel=1e-8)
    assert found.estimate / found.std_error == pytest.approx(welch.statistic, rel=1e-8)
    counted = fit.contrast(np.array([0.0, 1.0]), boundary_counts=True)
    assert counted.df < found.df
    assert counted.std_error == found.std_error


def test_the_way_to_the_boundary_is_continuous() -> None:
    """Just inside, the variance is small and counted; log-likelihoods join."""
    X, y, treated, group = draw([5] * 8, 30, icc=0.0, seed=3)
    X = X[:, :2]
    centred = y - np.where(treated, [y[group == g].mean() if g >= 0 else 0 for g in group], 0)
    spread = float((centred[treated] ** 2).sum() / 32)
    unit = np.array([1, -1, 1, -1, 1, -1, 1, -1.0])
    edge = np.sqrt(spread / 5 * 7 / 8)  # means whose variance is exactly that of chance
    values = []
    for factor in (0.999, 1.0001, 1.01):
        moved = np.where(treated, centred + factor * edge * unit[np.maximum(group, 0)], y)
        fit = fit_partially_nested(X, moved, treated, group)
        assert fit.converged
        values.append((fit.components[2], fit.loglik - fit.loglik_without_groups))
    assert values[0] == (0, 0)
    assert 0 < values[1][0] < 1e-3 * spread
    assert 0 <= values[1][1] < 1e-4
    assert values[2][0] == pytest.approx(spread / 5 * (1.01**2 - 1), rel=1e-6)


def test_offset_and_scale_leave_the_inference_alone() -> None:
    X, y, treated, group = draw([6, 4, 5, 3, 7], 25, icc=0.3, seed=6)
    base = fit_partially_nested(X, y, treated, group)
    moved = fit_partially_nested(X, 1e6 + 1e-4 * y, treated, group)
    a, b = (f.contrast(np.array([0, 1.0, 0])) for f in (base, moved))
    assert b.estimate == pytest.approx(1e-4 * a.estimate, rel=1e-4)  # 1e6 takes twelve digits
    assert b.df == pytest.approx(a.df, rel=1e-4)


def test_a_factor_with_a_level_for_every_group_adds_nothing() -> None:
    """The dense path equals the diagonal one where the crossed variance is at its boundary."""
    X, y, treated, group = draw([6, 4, 5, 3, 7, 5], 25, icc=0.3, seed=6)
    simple = fit_partially_nested(X, y, treated, group)
    crossed = fit_partially_nested(X, y, treated, group, crossed=[np.full(6, -1)])
    assert crossed.loglik == pytest.approx(simple.loglik, rel=1e-10)
    assert crossed.components[:3] == pytest.approx(simple.components, rel=1e-6)


def test_no_fit_fails_on_odd_data() -> None:
    rng = np.random.default_rng(1)
    for k in range(60):
        sizes = rng.integers(1, 9, rng.integers(2, 12)).tolist()
        sizes[0] = max(sizes[0], 3)
        X, y, treated, group = draw(
            sizes,
            int(rng.integers(5, 60)),
            icc=float(rng.choice([0, 0.01, 0.1, 0.5, 0.9])),
            sd0=float(rng.choice([0.2, 1, 5])),
            seed=k,
        )
        fit = fit_partially_nested(X, y * 10 ** rng.uniform(-3, 3), treated, group)
        assert fit.converged, k
        assert fit.loglik >= fit.loglik_without_groups - 1e-9


def test_residual_spread_sees_what_is_missing() -> None:
    X, y, treated, group = draw([3, 3, 3], 5, seed=1)
    y = np.where(treated, 5.0 * group, y)
    assert residual_spread(X[:, :2], y, treated, group, common_variance=False)[1] == 0
    assert residual_spread(X[:, :2], y, treated, group, common_variance=True)[0] > 0


def test_exact_interval_of_equal_groups_is_the_closed_form() -> None:
    X, y, _, group = draw([5] * 8, 0, icc=0.3, seed=9)
    means = np.array([y[group == g].mean() for g in range(8)])
    inside = sum(float(((y[group == g] - means[g]) ** 2).sum()) for g in range(8)) / 32
    ratio = 5 * means.var(ddof=1) / inside
    ends = [ratio / stats.f.ppf(q, 7, 32) for q in (0.975, 0.025)]
    expected = [max((end - 1) / (end - 1 + 5), 0.0) for end in ends]
    found = exact_icc_interval(X[:, :1], y, group, 0.95)
    assert found == pytest.approx(expected, rel=1e-9)
    both = exact_icc_interval(X[:, :2], y, group, 0.95)  # the arm's own column is constant
    assert both == pytest.approx(expected, rel=1e-9)


def test_exact_interval_covers_with_unequal_groups_and_a_covariate() -> None:
    inside = 0
    for seed in range(200):
        X, y, _, group = draw([2, 7, 4, 5, 1, 1, 6, 3], 0, icc=0.3, seed=seed)
        low, high = exact_icc_interval(X[:, [0, 2]], y, group, 0.8)
        inside += low <= 0.3 <= high
    assert stats.binomtest(inside, 200, 0.8).pvalue > 0.001


def test_exact_interval_needs_groups() -> None:
    X, y, _, group = draw([1, 1, 1, 1], 0)
    assert np.isnan(exact_icc_interval(X[:, :1], y, group, 0.95)).all()


def rejections(icc: float, n: int) -> int:
    """Count rejections at 5 % of the true effect on a design like ReDO's."""
    count = 0
    for seed in range(n):
        X, y, treated, group = draw([6, 5, 4, 6, 5, 5, 6, 4, 7, 6], 45, icc=icc, seed=seed)
        fit: NestedFit = fit_partially_nested(X, y, treated, group)
        found = fit.contrast(np.array([0.0, 1.0, 0.0]))
        t = abs(found.estimate - 0.5) / found.std_error
        count += 2 * float(student_tail(t, found.df)) < 0.05
    return count


@pytest.mark.parametrize("icc", [0.0, 0.15])
def test_type_one_error(icc: float) -> None:
    assert stats.binomtest(rejections(icc, 100), 100, 0.045).pvalue > 0.001
