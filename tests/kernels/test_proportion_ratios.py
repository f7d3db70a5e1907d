"""Ratios, odds ratios and exact intervals of two proportions.

Every value of ratios_expected.csv, which ratios.R wrote; beyond it symmetries and coverage, by
enumeration of all tables. Score limits agree to 1e-8 (R's roots end at about 1e-10); fisher.test
stops its search at about 1e-4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evalkit.kernels.agresti_caffo import agresti_caffo
from evalkit.kernels.conditional_exact import conditional_odds_ratio
from evalkit.kernels.proportion_differences import score_difference
from evalkit.kernels.proportion_ratios import (
    odds_ratio_statistic,
    ratio_statistic,
    score_odds_ratio,
    score_ratio,
)
from evalkit.kernels.unconditional_exact import exact_difference, exact_ratio

EXPECTED = pd.read_csv(Path(__file__).parents[1] / "reference" / "trials" / "ratios_expected.csv")
CASES = list(EXPECTED.groupby(["x1", "n1", "x0", "n0", "level"], sort=False))

counts = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))


def table(quarter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    x1, f1, x0, f0 = quarter
    return x1, max(x1 + f1, 1), x0, max(x0 + f0, 1)


@pytest.mark.parametrize(
    ("key", "rows"), CASES, ids=["{}/{} v {}/{}, {}".format(*key) for key, _ in CASES]
)
def test_equals_r(key: tuple[float, ...], rows: pd.DataFrame) -> None:
    a, level = tuple(int(value) for value in key[:4]), key[4]
    found: dict[str, object] = {}
    for name, corrected in (("corrected", True), ("plain", False)):
        ratio = score_ratio(*a, level, corrected=corrected)
        odds = score_odds_ratio(*a, level, corrected=corrected)
        found |= {f"ratio_{name}_low": ratio.low, f"ratio_{name}_high": ratio.high}
        found |= {f"odds_{name}_low": odds.low, f"odds_{name}_high": odds.high}
        found["plain_p"] = ratio.p_value
    ac = agresti_caffo(*a, level)
    found |= {"agresti_caffo_low": ac.low, "agresti_caffo_high": ac.high}
    for name, mid_p in (("exact", False), ("mid_p", True)):
        odds = conditional_odds_ratio(*a, level, mid_p=mid_p)
        found |= {f"{name}_estimate": odds.estimate, f"{name}_p": odds.p_value}
        found |= {f"{name}_low": odds.low, f"{name}_high": odds.high}
        if not mid_p:
            found |= {"fisher_estimate": odds.estimate}
            found |= {"fisher_low": odds.low, "fisher_high": odds.high}
        if a[1] * a[3] <= 49:
            difference = exact_difference(*a, level, mid_p=mid_p)
            ratio = exact_ratio(*a, level, mid_p=mid_p)
            found |= {
                f"{name}_difference_low": difference.low,
                f"{name}_difference_high": difference.high,
                f"{name}_difference_p": difference.p_value,
                f"{name}_ratio_low": ratio.low,
                f"{name}_ratio_high": ratio.high,
            }
    for quantity, value in zip(rows["quantity"], rows["value"], strict=True):
        fisher = quantity.startswith("fisher")
        np.testing.assert_allclose(
            found[quantity],
            value,
            rtol=3e-3 if fisher else 1e-8,
            atol=1e-4 if fisher else 0,
            err_msg=quantity,
        )


@settings(max_examples=40)
@given(counts)
def test_exchanging_the_groups_inverts_ratios(quarter: tuple[int, int, int, int]) -> None:
    x1, n1, x0, n0 = table(quarter)
    for method in (score_ratio, score_odds_ratio, conditional_odds_ratio):
        one, other = method(x1, n1, x0, n0), method(x0, n0, x1, n1)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(one.low, 1 / other.high, rtol=1e-9)
            np.testing.assert_allclose(one.high, 1 / other.low, rtol=1e-9)
        np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-9)


@settings(max_examples=40)
@given(counts)
def test_failures_invert_odds_ratios(quarter: tuple[int, int, int, int]) -> None:
    x1, n1, x0, n0 = table(quarter)
    for method in (score_odds_ratio, conditional_odds_ratio):
        one, other = method(x1, n1, x0, n0), method(n1 - x1, n1, n0 - x0, n0)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(one.low, 1 / other.high, rtol=1e-9)


@settings(max_examples=40)
@given(counts)
def test_no_effect_is_one_test_in_every_measure(quarter: tuple[int, int, int, int]) -> None:
    x1, n1, x0, n0 = table(quarter)
    if not 0 < x1 + x0 < n1 + n0:
        return
    difference = score_difference(x1, n1, x0, n0)
    np.testing.assert_allclose(ratio_statistic(x1, n1, x0, n0), difference.statistic, atol=1e-9)
    np.testing.assert_allclose(
        odds_ratio_statistic(x1, n1, x0, n0), difference.statistic, atol=1e-9
    )
    inside = [
        bool(result.low < null < result.high)
        for result, null in (
            (difference, 0),
            (score_ratio(x1, n1, x0, n0), 1),
            (score_odds_ratio(x1, n1, x0, n0), 1),
        )
    ]
    assert len(set(inside)) == 1


def test_empty_cells_bound_one_side_and_nothing_is_added() -> None:
    none = score_ratio(0, 10, 3, 10)
    assert (none.estimate, none.low) == (0, 0)
    assert 0 < none.high < np.inf
    no_control = score_ratio(3, 10, 0, 10)
    assert (no_control.estimate, no_control.high) == (np.inf, np.inf)
    assert no_control.low > 0
    nobody = score_ratio(0, 10, 0, 10)
    assert np.isnan(nobody.estimate)
    assert np.isnan(nobody.p_value)
    assert (nobody.low, nobody.high) == (0, np.inf)


@pytest.mark.parametrize(("n1", "n0", "p1", "p0"), [(3, 4, 0.3, 0.6), (4, 2, 0.9, 0.7)])
def test_exact_intervals_cover(n1: int, n0: int, p1: float, p0: float) -> None:
    covered = dict.fromkeys(("difference", "ratio", "odds"), 0.0)
    odds = p1 / (1 - p1) / (p0 / (1 - p0))
    for x1 in range(n1 + 1):
        for x0 in range(n0 + 1):
            chance = float(stats.binom.pmf(x1, n1, p1) * stats.binom.pmf(x0, n0, p0))
            difference = exact_difference(x1, n1, x0, n0)
            ratio = exact_ratio(x1, n1, x0, n0)
            conditional = conditional_odds_ratio(x1, n1, x0, n0)
            covered["difference"] += chance * (difference.low <= p1 - p0 <= difference.high)
            covered["ratio"] += chance * (ratio.low <= p1 / p0 <= ratio.high)
            covered["odds"] += chance * bool(conditional.low <= odds <= conditional.high)
    assert min(covered.values()) >= 0.95


@settings(max_examples=5)
@given(counts)
def test_mid_p_is_inside_exact(quarter: tuple[int, int, int, int]) -> None:
    a = table(tuple(min(value, 3) for value in quarter))
    for method in (exact_difference, exact_ratio):
        exact, mid_p = method(*a), method(*a, mid_p=True)
        assert exact.low <= mid_p.low + 1e-9
        assert mid_p.high <= exact.high + 1e-9 * abs(exact.high)
        assert mid_p.p_value <= exact.p_value + 1e-12


def test_large_counts_are_fast_and_finite() -> None:
    ratio = conditional_odds_ratio(3000, 10_000, 2500, 10_000)
    score = score_odds_ratio(3000, 10_000, 2500, 10_000)
    np.testing.assert_allclose(ratio.low, score.low, rtol=1e-2)
