"""Robust variances: against the textbook's n_g x n_g matrices, and their invariants."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from evalkit.kernels import sandwich_units
from evalkit.kernels.least_squares import dependent_columns, least_squares
from evalkit.kernels.sandwich import CLUSTERED, UNCLUSTERED, hotelling, sandwich


def trial(seed: int, n: int = 60, k: int = 4, clusters: int = 12):
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, k - 1))])
    cluster = rng.integers(0, clusters, n)
    cluster = np.unique(cluster, return_inverse=True)[1]
    x[:, 1] = cluster % 2  # an arm, randomised by cluster
    y = x @ np.arange(1.0, k + 1) + rng.normal(size=n) * (1 + x[:, 1])
    return x, y, cluster


def power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    there = values > 1e-9
    scaled = np.where(there, np.where(there, values, 1.0) ** exponent, 0.0)
    return (vectors * scaled) @ vectors.T


def textbook(x, y, cluster, exponent: float, contrast):
    """CR variance and Satterthwaite df with matrices of all rows, as they are written down."""
    n = len(y)
    bread = np.linalg.inv(x.T @ x)
    rest = np.eye(n) - x @ bread @ x.T
    residuals = rest @ y
    meat = np.zeros_like(bread)
    columns = []
    for g in np.unique(cluster):
        rows = np.flatnonzero(cluster == g)
        adjust = power(rest[np.ix_(rows, rows)], exponent)
        score = x[rows].T @ adjust @ residuals[rows]
        meat += np.outer(score, score)
        columns.append(rest[:, rows] @ adjust @ x[rows] @ bread @ contrast)
    p = np.column_stack(columns)
    inner = p.T @ p
    return bread @ meat @ bread, np.trace(inner) ** 2 / np.sum(inner**2)


@pytest.mark.parametrize(("kind", "exponent"), [("CR0", 0.0), ("CR2", -0.5), ("CR3", -1.0)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_the_textbook(kind: str, exponent: float, seed: int) -> None:
    x, y, cluster = trial(seed)
    fit = least_squares(x, y)
    result = sandwich(fit, kind, cluster=cluster)
    for i in range(x.shape[1]):
        vcov, df = textbook(x, y, cluster, exponent, np.eye(x.shape[1])[i])
        np.testing.assert_allclose(result.vcov, vcov, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(result.df[i], df, rtol=1e-9)
    np.testing.assert_allclose(result.std_error, np.sqrt(np.diag(result.vcov)), rtol=1e-12)


@pytest.mark.parametrize("kind", ["CR0", "CR2", "CR3"])
def test_a_cluster_that_decides_a_coefficient_alone(kind: str) -> None:
    x, y, cluster = trial(5)
    x[:, 3] = cluster == 3  # its own mean
    fit = least_squares(x, y)
    exponent = {"CR0": 0.0, "CR2": -0.5, "CR3": -1.0}[kind]
    result = sandwich(fit, kind, cluster=cluster)
    vcov, df = textbook(x, y, cluster, exponent, np.eye(4)[1])
    np.testing.assert_allclose(result.vcov, vcov, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(result.df[1], df, rtol=1e-8)


@pytest.mark.parametrize(("alone", "grouped"), [("HC0", "CR0"), ("HC2", "CR2"), ("HC3", "CR3")])
def test_clusters_of_one_are_rows_that_stand_alone(alone: str, grouped: str) -> None:
    x, y, _ = trial(1)
    fit = least_squares(x, y)
    one = sandwich(fit, alone, joint=True)
    other = sandwich(fit, grouped, cluster=np.arange(len(y)), joint=True)
    np.testing.assert_allclose(one.vcov, other.vcov, rtol=1e-12)
    np.testing.assert_allclose(one.df, other.df, rtol=1e-12)
    assert one.joint_df == pytest.approx(other.joint_df, rel=1e-12)


@pytest.mark.parametrize(
    ("sizes", "alone", "df"),
    [([5] * 10, 50, 30.4138), ([6] * 9, 54, 27.8033), ([6] * 4 + [5] * 6, 54, 30.5384)],
)
def test_partially_nested_degrees_of_freedom(sizes: list[int], alone: int, df: float) -> None:
    """The values of clubSandwich, and for equal groups the closed form."""
    nested = sum(sizes)
    cluster = np.r_[np.repeat(np.arange(len(sizes)), sizes), len(sizes) + np.arange(alone)]
    arm = np.r_[np.ones(nested), np.zeros(alone)]
    y = np.random.default_rng(4).normal(size=nested + alone)
    fit = least_squares(np.column_stack([np.ones(nested + alone), arm]), y)
    result = sandwich(fit, "CR2", cluster=cluster)
    assert result.df[1] == pytest.approx(df, abs=5e-5)
    if len(set(sizes)) > 1:
        return
    groups = len(sizes)
    means = y[:nested].reshape(groups, -1).mean(axis=1)
    error = np.sqrt(means.var(ddof=1) / groups + y[nested:].var(ddof=1) / alone)
    assert result.std_error[1] == pytest.approx(error, rel=1e-12)
    closed = (1 / nested + 1 / alone) ** 2 / (
        1 / (nested**2 * (groups - 1)) + 1 / (alone**2 * (alone - 1))
    )
    assert result.df[1] == pytest.approx(closed, rel=1e-12)


@pytest.mark.parametrize("kind", [*UNCLUSTERED, *CLUSTERED])
def test_case_weights_are_repeated_rows(kind: str) -> None:
    x, y, cluster = trial(7)
    times = 1 + np.arange(len(y)) % 3
    again = np.repeat(np.arange(len(y)), times)
    clustered = kind in CLUSTERED
    one = sandwich(
        least_squares(x, y, times.astype(float)),
        kind,
        cluster=cluster if clustered else None,
        joint=True,
    )
    other = sandwich(
        least_squares(x[again], y[again]),
        kind,
        cluster=cluster[again] if clustered else None,
        joint=True,
    )
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-11)
    np.testing.assert_allclose(one.vcov, other.vcov, rtol=1e-10)
    np.testing.assert_allclose(one.df, other.df, rtol=1e-11)
    assert hotelling(one).p_value == pytest.approx(hotelling(other).p_value, rel=1e-8)


def test_rows_without_weight_do_not_count() -> None:
    x, y, _ = trial(8)
    weights = np.ones(len(y))
    weights[:5] = 0
    for kind in ("HC0", "HC1", "HC2", "HC3", "classical"):
        one = sandwich(least_squares(x, y, weights, "sampling"), kind)
        other = sandwich(least_squares(x[5:], y[5:]), kind)
        np.testing.assert_allclose(one.vcov, other.vcov, rtol=1e-10)
        np.testing.assert_allclose(one.df, other.df, rtol=1e-10)


def test_blocks_of_clusters_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, cluster = trial(9)
    cluster[:7] = cluster.max() + 1 + np.arange(7)  # some that stand alone
    cluster = np.unique(cluster, return_inverse=True)[1]
    fit = least_squares(x, y)
    whole = sandwich(fit, "CR2", cluster=cluster, joint=True)
    rows = sandwich(fit, "HC2")
    monkeypatch.setattr(sandwich_units, "_BLOCK", 40)
    parts = sandwich(fit, "CR2", cluster=cluster, joint=True)
    np.testing.assert_allclose(whole.vcov, parts.vcov, rtol=1e-12)
    np.testing.assert_allclose(whole.df, parts.df, rtol=1e-12)
    assert whole.joint_df == pytest.approx(parts.joint_df, rel=1e-12)
    np.testing.assert_allclose(rows.vcov, sandwich(fit, "HC2").vcov, rtol=1e-12)


@given(seed=st.integers(0, 2**20), scale=st.floats(1e-3, 1e3))
def test_order_and_unit(seed: int, scale: float) -> None:
    x, y, cluster = trial(seed, n=40, clusters=8)
    if len(dependent_columns(x)):
        return
    order = np.random.default_rng(seed).permutation(len(y))
    one = sandwich(least_squares(x, y), "CR2", cluster=cluster)
    other = sandwich(least_squares(x[order], scale * y[order]), "CR2", cluster=cluster[order])
    np.testing.assert_allclose(other.std_error, scale * one.std_error, rtol=1e-7)
    np.testing.assert_allclose(other.df, one.df, rtol=1e-7)


def test_hotelling_of_one_contrast_is_the_t_test() -> None:
    x, y, cluster = trial(3)
    fit = least_squares(x, y)
    one = sandwich(fit, "CR2", cluster=cluster, contrasts=np.eye(4)[1:2], joint=True)
    test = hotelling(one)
    assert test.statistic == pytest.approx((one.estimate[0] / one.std_error[0]) ** 2, rel=1e-12)
    assert one.joint_df == pytest.approx(one.df[0], rel=1e-10)
    assert test.p_value == pytest.approx(one.columns(0.95)["p_value"][0], rel=1e-12)


def test_hotelling_does_not_depend_on_how_the_hypothesis_is_written() -> None:
    x, y, cluster = trial(3)
    fit = least_squares(x, y)
    turn = np.array([[2.0, 1.0], [-1.0, 3.0]])
    one = hotelling(sandwich(fit, "CR2", cluster=cluster, contrasts=np.eye(4)[1:3], joint=True))
    other = hotelling(
        sandwich(fit, "CR2", cluster=cluster, contrasts=turn @ np.eye(4)[1:3], joint=True)
    )
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert one.df == pytest.approx(other.df, rel=1e-9)


def test_hotelling_without_an_answer() -> None:
    """More contrasts than clusters can carry: NaN, not a number without a meaning."""
    x, y, _ = trial(3)
    cluster = np.arange(len(y)) % 2
    result = sandwich(least_squares(x, y), "CR2", cluster=cluster, joint=True)
    assert np.isnan(hotelling(result).p_value)


def test_dependent_columns_are_the_later_ones() -> None:
    x, _, _ = trial(1, k=5)
    assert dependent_columns(x).tolist() == []
    x[:, 3] = 2 * x[:, 2] - x[:, 0]
    assert dependent_columns(x).tolist() == [3]
    x[:, 2] = 0
    assert 2 in dependent_columns(x).tolist()
    few = np.random.default_rng(1).normal(size=(3, 5))
    assert dependent_columns(few).tolist() == [3, 4]


def test_least_squares_is_exact_where_normal_equations_are_not() -> None:
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(50), 1e6 + rng.normal(size=50)])
    fit = least_squares(x, x @ np.array([1.0, 2.0]))
    np.testing.assert_allclose(fit.coefficients[1], 2.0, rtol=1e-8)
    np.testing.assert_allclose(linalg.norm(fit.basis.T @ fit.basis - np.eye(2)), 0, atol=1e-12)


def test_memory_grows_with_the_rows_only() -> None:
    """One cluster of 20,000 rows would need 3 GB by the textbook."""
    n = 20_000
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(n), np.arange(n) % 2, rng.normal(size=n)])
    cluster = np.r_[np.zeros(n - 50, dtype=np.int64), 1 + np.arange(50) // 5]
    fit = least_squares(x, rng.normal(size=n))
    tracemalloc.start()
    sandwich(fit, "CR2", cluster=cluster)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("kind", CLUSTERED)
def test_clusters_without_weight_are_not_there(kind: str) -> None:
    x, y, cluster = trial(11)
    cluster = np.unique(cluster, return_inverse=True)[1]
    weights = np.where(cluster == 2, 0.0, 1.0)
    kept = cluster != 2
    one = sandwich(least_squares(x, y, weights), kind, cluster=cluster)
    rest = np.unique(cluster[kept], return_inverse=True)[1]
    other = sandwich(least_squares(x[kept], y[kept]), kind, cluster=rest)
    assert one.n_clusters == other.n_clusters
    np.testing.assert_allclose(one.vcov, other.vcov, rtol=1e-10)
    np.testing.assert_allclose(one.df, other.df, rtol=1e-10)


def test_columns_after_a_dependent_one_keep_what_is_theirs() -> None:
    # A zero column first: plain QR would hand its direction, the first row's, to nobody.
    x = np.array([[0.0, 1.0, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    assert dependent_columns(x).tolist() == [0, 3]
    assert dependent_columns(np.array([[0.0, 1.0], [0.0, 0.0]])).tolist() == [0]
    rng = np.random.default_rng(3)
    wide = rng.normal(size=(40, 5))
    wide[:, 2] = wide[:, 0] - 3 * wide[:, 1]
    assert dependent_columns(wide).tolist() == [2]
    assert dependent_columns(wide[:4]).tolist() == [2]
    weights = (np.arange(40) < 3).astype(float)
    assert dependent_columns(wide, weights).tolist() == [2, 4]


def test_contrasts_that_one_cluster_decides_are_told_from_others() -> None:
    x = np.column_stack([np.ones(8), [0.0] * 4 + [1.0] * 4, [0.0] * 7 + [1.0]])
    fit = least_squares(x, np.array([1.0, 3, 2, 5, 4, 4, 7, 9]))
    for kind in ("HC0", "HC1", "HC2", "HC3"):
        assert sandwich(fit, kind).undecided.tolist() == [False, False, True]
    cluster = np.array([0, 0, 1, 1, 2, 2, 3, 4])
    for kind in ("CR0", "CR1", "CR2", "CR3"):
        assert sandwich(fit, kind, cluster=cluster).undecided.tolist() == [False, False, True]
    assert not sandwich(fit, "classical").undecided.any()
