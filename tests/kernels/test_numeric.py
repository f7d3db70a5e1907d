"""Tails and quantiles against scipy's, and the degrees of freedom that clusters leave."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from evalkit.kernels.influence import Rows
from evalkit.kernels.numeric import chi_square_tail, critical_value, two_sided_p
from evalkit.kernels.wald import cluster_df, critical_values, difference_df, wald


def test_normal_and_t_tails() -> None:
    z = np.array([[0.0, 1.3, -1.96], [5.0, -20.0, 36.0]])
    np.testing.assert_allclose(two_sided_p(z), 2 * scipy.stats.norm.sf(np.abs(z)), rtol=1e-12)
    for df in (1.0, 4.5, 49.0, 1e6):
        wanted = 2 * scipy.stats.t.sf(np.abs(z), df)
        np.testing.assert_allclose(two_sided_p(z, df), wanted, rtol=1e-9)
    mixed = two_sided_p([1.0, 1.0, 1.0, np.nan], [np.inf, 3.0, 0.0, 5.0])
    wanted = [2 * scipy.stats.norm.sf(1), 2 * scipy.stats.t.sf(1, 3), np.nan, np.nan]
    np.testing.assert_allclose(mixed, wanted, rtol=1e-12)
    np.testing.assert_allclose(two_sided_p([np.inf, -np.inf], [5.0, np.inf]), 0, atol=1e-99)
    assert two_sided_p(np.zeros(0)).shape == (0,)


def test_quantiles() -> None:
    for level in (0.5, 0.9, 0.95, 0.999):
        assert critical_value(level) == pytest.approx(scipy.stats.norm.ppf((1 + level) / 2))
        for df in (1.0, 3.7, 49.0):
            wanted = scipy.stats.t.ppf((1 + level) / 2, df)
            assert critical_value(level, df) == pytest.approx(wanted, rel=1e-10)
    assert np.isnan(critical_value(0.95, 0.0))
    found = critical_values(0.95, [np.inf, 3.0, np.inf, 0.0])
    wanted = [critical_value(0.95), critical_value(0.95, 3.0), critical_value(0.95), np.nan]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 20, 101])
def test_chi_squared_tails(df: int) -> None:
    x = np.array([0.0, 1e-8, 0.3, df, 3.0 * df, 200.0, np.inf])
    np.testing.assert_allclose(chi_square_tail(x, df), scipy.stats.chi2.sf(x, df), rtol=1e-11)
    assert np.isnan(chi_square_tail(np.nan, df))
    assert np.isnan(chi_square_tail(1.0, 0))


def rows(*cluster: int, weights: list[float] | None = None) -> Rows:
    """Return rows of which only the clusters matter."""
    codes, none = np.array(cluster), np.zeros(len(cluster), dtype=np.int64)
    return Rows(none, None, none, None if weights is None else np.array(weights), codes)


def test_degrees_of_freedom_of_clusters() -> None:
    assert cluster_df(None) == np.inf
    assert cluster_df(np.array([3, 3, 9, 9])) == 1
    assert cluster_df(np.array([3, 3, 9, 5]), np.array([1.0, 0, 0, 2])) == 1
    # within the groups: Welch and Satterthwaite
    found = difference_df([1.0, 4.0, 0.0], rows(0, 1, 2), [1.0, 0.0, 0.0], rows(3, 4, 5, 6, 7))
    np.testing.assert_allclose(found, [4 / (1 / 2 + 1 / 4), 2, 6])
    # the same clusters in both groups are no more than they are
    assert difference_df(1.0, rows(0, 1, 2), 1.0, rows(0, 1, 2)) == 2
    assert difference_df(1.0, rows(0, 1, 2), 1.0, rows(2, 3, 4)) == 4
    assert difference_df(1.0, rows(0, 1), 1.0, rows(2, 2)) == 0
    assert difference_df(1.0, None, 1.0, None) == np.inf
    weighed = rows(0, 1, 2, weights=[1.0, 1.0, 0.0])
    assert difference_df(1.0, weighed, 0.0, rows(3, 4)) == 1


def test_wald_says_the_degrees_of_freedom() -> None:
    table = wald(np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.0, 0.0]), 0.9, [np.inf, 4.0, np.inf])
    np.testing.assert_array_equal(table["df"], [np.nan, 4, np.nan])
    t = scipy.stats.t.ppf(0.95, 4)
    assert table["conf_high"][1] == pytest.approx(2 + t)
    assert table["p_value"][1] == pytest.approx(2 * scipy.stats.t.sf(2, 4))
    assert np.isnan(table["p_value"][2])
    assert table["conf_low"][2] == table["conf_high"][2] == 2
