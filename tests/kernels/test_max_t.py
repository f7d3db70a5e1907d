"""The largest of several t statistics: three ways to integrate, one answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.kernels import max_t
from evalkit.kernels.max_t import MaxT
from evalkit.kernels.student import student_quantile, student_tail

DF = [1.0, 2.5, 7.0, 30.0, 1e4, np.inf]
POINTS = np.array([0.1, 1.0, 2.0, 3.0, 8.0])


def equal(m: int, rho: float) -> np.ndarray:
    return np.full((m, m), rho) + (1 - rho) * np.eye(m)


@pytest.mark.parametrize("df", DF)
def test_one_statistic_is_students(df: float) -> None:
    one = MaxT(np.ones((2, 2)), df)  # twice the same
    np.testing.assert_allclose(one.tail(POINTS), 2 * student_tail(POINTS, df), rtol=1e-12)
    assert one.quantile(0.95) == pytest.approx(float(student_quantile(0.95, df)), rel=1e-9)


@pytest.mark.parametrize("df", DF)
@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_angle_and_common_factor_agree(df: float, rho: float) -> None:
    angle = MaxT(equal(2, rho), df)
    factor = max_t._factored(np.full(2, np.sqrt(rho)), df)
    expected = np.array([factor(float(t)) for t in POINTS])
    np.testing.assert_allclose(angle.tail(POINTS), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("df", DF)
def test_directions_and_common_factor_agree(df: float) -> None:
    correlation = equal(4, 0.5)
    exact = MaxT(correlation, df)
    assert exact.exact
    values, vectors = np.linalg.eigh(correlation)
    sampled = max_t._sampled(vectors * np.sqrt(values), df)
    expected = np.array([sampled(float(t)) for t in POINTS])
    np.testing.assert_allclose(exact.tail(POINTS), expected, atol=5e-5)


def test_uncorrelated_normal_statistics_multiply() -> None:
    two = MaxT(np.eye(2), np.inf)
    inside = 1 - 2 * stats.norm.sf(POINTS)
    np.testing.assert_allclose(two.tail(POINTS), 1 - inside**2, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("arms", [3, 5])
@pytest.mark.parametrize("df", [4.0, 20.0])
def test_all_pairs_of_equal_arms_are_tukeys(arms: int, df: float) -> None:
    """Three arms by an integral; five by directions."""
    pairs = [np.eye(arms)[i] - np.eye(arms)[j] for j in range(arms) for i in range(j + 1, arms)]
    correlation = np.array(pairs) @ np.array(pairs).T / 2
    made = MaxT(correlation, df)
    assert made.exact == (arms == 3)
    expected = stats.studentized_range.sf(np.sqrt(2) * POINTS[:4], arms, df)
    np.testing.assert_allclose(made.tail(POINTS[:4]), expected, atol=1e-9 if made.exact else 5e-5)


def test_dunnetts_table() -> None:
    """Dunnett (1964), two-sided 5 %: 2.38 for two arms and 2.54 for three, 20 df."""
    assert MaxT(equal(2, 0.5), 20.0).quantile(0.95) == pytest.approx(2.38, abs=0.005)
    assert MaxT(equal(3, 0.5), 20.0).quantile(0.95) == pytest.approx(2.54, abs=0.005)


def test_signs_do_not_matter() -> None:
    flip = np.array([1.0, -1.0, 1.0, -1.0])
    one = MaxT(equal(4, 0.4), 9.0)
    other = MaxT(equal(4, 0.4) * np.outer(flip, flip), 9.0)
    assert other.exact
    np.testing.assert_allclose(one.tail(POINTS), other.tail(POINTS), rtol=1e-10)


@pytest.mark.parametrize("m", [2, 3, 6])
def test_between_one_test_and_bonferroni(m: int) -> None:
    made = MaxT(equal(m, 0.3), 11.0)
    single = 2 * student_tail(POINTS, 11.0)
    assert (made.tail(POINTS) >= single - 1e-12).all()
    assert (made.tail(POINTS) <= np.minimum(m * single, 1) + 1e-12).all()
    assert made.tail(np.array([made.quantile(0.9)]))[0] == pytest.approx(0.1, rel=1e-8)


def test_an_unknown_statistic_has_no_p_value() -> None:
    assert np.isnan(MaxT(equal(2, 0.5), 5.0).tail(np.array([np.nan]))[0])
