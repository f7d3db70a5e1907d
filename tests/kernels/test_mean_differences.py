"""Differences in means by hand, by stratum, and in pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.kernels.heterogeneity import heterogeneity
from evalkit.kernels.mean_differences import cell_moments, stratified_difference, welch


def test_moments_by_hand() -> None:
    made = cell_moments(np.array([1.0, 2, 3, 9]), np.array([0, 0, 0, 2]), 3)
    assert made.n.tolist() == [3, 0, 1]
    np.testing.assert_array_equal(made.mean, [2, np.nan, 9])
    np.testing.assert_array_equal(made.variance, [1, np.nan, np.nan])


def test_moments_are_exact_far_from_zero() -> None:
    y = 1e9 + np.array([0.0, 1, 2])
    assert cell_moments(y, np.zeros(3, dtype=np.int64), 1).variance[0] == 1.0


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(1)
    arms = [rng.normal(size=12), rng.normal(1, 3, size=20), rng.normal(0, 2, size=7)]
    arm = np.repeat([0, 1, 2], [12, 20, 7])
    made = welch(cell_moments(np.concatenate(arms), arm, 3))
    for k in (1, 2):
        peer = stats.ttest_ind(arms[k], arms[0], equal_var=False)
        assert made.estimate[k - 1] / made.std_error[k - 1] == pytest.approx(peer.statistic)
        assert made.df[k - 1] == pytest.approx(peer.df)


def strata(sizes: list[tuple[int, int]], seed: int = 1):
    """Cells of strata with so many in the arm and in the control arm."""
    rng = np.random.default_rng(seed)
    stratum = np.concatenate([np.full(a + b, i) for i, (a, b) in enumerate(sizes)])
    arm = np.concatenate([np.r_[np.ones(a), np.zeros(b)] for a, b in sizes]).astype(np.int64)
    y = rng.normal(size=len(arm)) + stratum
    return y, stratum * 2 + arm, cell_moments(y, stratum * 2 + arm, 2 * len(sizes)).reshape(-1, 2)


def test_one_stratum_is_welch() -> None:
    _, _, cells = strata([(8, 11)])
    one, other = stratified_difference(cells), welch(cells.reshape(2))
    assert one.estimate[0] == pytest.approx(other.estimate[0])
    assert one.std_error[0] == pytest.approx(other.std_error[0])
    assert one.df[0] == pytest.approx(other.df[0])


def test_pairs_are_the_paired_test() -> None:
    y, cell, cells = strata([(1, 1)] * 9)
    made = stratified_difference(cells)
    peer = stats.ttest_rel(y[cell % 2 == 1], y[cell % 2 == 0])
    assert made.estimate[0] / made.std_error[0] == pytest.approx(peer.statistic)
    assert made.df[0] == 8
    assert made.pooled.all()


@pytest.mark.parametrize("sizes", [[(1, 1)] * 6, [(1, 2), (2, 1), (1, 1), (1, 3), (1, 2)]])
def test_variance_between_strata_is_unbiased(sizes: list[tuple[int, int]]) -> None:
    """Its mean over many trials is the variance of the estimate where effects are equal."""
    rng = np.random.default_rng(3)
    runs = 4000
    found = np.empty((runs, 2))
    y, cell, _ = strata(sizes)
    for i in range(runs):
        cells = cell_moments(rng.normal(size=len(y)), cell, 2 * len(sizes)).reshape(-1, 2)
        made = stratified_difference(cells)
        found[i] = made.estimate[0], made.std_error[0] ** 2
    n = np.array(sizes)
    weight = n.sum(axis=1) / n.sum()
    exact = float(weight**2 @ (1 / n[:, 0] + 1 / n[:, 1]))
    assert found[:, 1].mean() == pytest.approx(exact, rel=0.04)
    assert found[:, 0].var() == pytest.approx(exact, rel=0.08)


@pytest.mark.parametrize("sizes", [[(1, 1), (5, 5)], [(1, 1), (1, 1), (1, 9)]])
def test_too_few_or_unequal_strata_have_no_variance(sizes: list[tuple[int, int]]) -> None:
    made = stratified_difference(strata(sizes)[2])
    assert np.isnan(made.std_error[0])
    assert made.pooled.tolist() == [a < 2 or b < 2 for a, b in sizes]


def test_two_estimates_are_compared_by_welch() -> None:
    test = heterogeneity(np.array([1.0, 3.0]), np.array([0.5, 1.2]), np.array([9.0, 14.0]))
    variance = np.array([0.25, 1.44])
    df = variance.sum() ** 2 / (variance**2 / [9, 14]).sum()
    t = 2 / np.sqrt(variance.sum())
    assert test.statistic == pytest.approx(t**2)
    assert test.df == pytest.approx((1, df))
    assert test.p_value == pytest.approx(2 * stats.t.sf(t, df))


def test_normal_estimates_are_compared_by_cochrans_q() -> None:
    estimate, error = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5, 2.0])
    weight = error**-2
    q = weight @ (estimate - weight @ estimate / weight.sum()) ** 2
    test = heterogeneity(estimate, error, np.full(3, np.inf))
    assert test.p_value == pytest.approx(stats.chi2.sf(q, 2))


def test_means_of_groups_are_compared_by_welchs_anova() -> None:
    """For means, the test is Welch's one-way analysis of variance, oneway.test in R."""
    rng = np.random.default_rng(8)
    groups = [rng.normal(size=6), rng.normal(1, 2, size=9), rng.normal(0, 1, size=15)]
    n = np.array([6, 9, 15])
    means = np.array([g.mean() for g in groups])
    w = n / np.array([g.var(ddof=1) for g in groups])
    grand = w @ means / w.sum()
    lam = ((1 - w / w.sum()) ** 2 / (n - 1)).sum()
    f = (w @ (means - grand) ** 2 / 2) / (1 + 2 * 1 / 8 * lam)
    test = heterogeneity(means, 1 / np.sqrt(w), n - 1.0)
    assert test.statistic == pytest.approx(f)
    assert test.p_value == pytest.approx(stats.f.sf(f, 2, 8 / (3 * lam)))


@pytest.mark.parametrize("error", [0.0, np.nan])
def test_unknown_variances_have_no_test(error: float) -> None:
    test = heterogeneity(np.array([1.0, 2.0]), np.array([1.0, error]), np.array([5.0, 5.0]))
    assert np.isnan(test.p_value)
