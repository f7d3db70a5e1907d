"""One proportion: intervals and exact tests against R, exact fractions, and complete enumeration.

Reference values are made by tests/reference/proportions.R. Everything is closed form or bisected
to the last digit; relative 1e-10 covers the two libraries' incomplete beta functions.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import binom

from evalkit.kernels.proportions import (
    binomial_test,
    clopper_pearson,
    mid_p_interval,
    mid_p_test,
    wilson,
)

REFERENCE = Path(__file__).parents[1] / "reference"
INTERVALS = {"exact": clopper_pearson, "wilson": wilson, "mid_p": mid_p_interval}
TESTS = {"exact": binomial_test, "mid_p": mid_p_test}
DIRECTIONS = {"two_sided": "two-sided", "less": "less", "greater": "greater"}

levels = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
shares = st.floats(0.001, 0.999)


@st.composite
def counts(draw: st.DrawFn, largest: int = 500) -> tuple[int, int]:
    n = draw(st.integers(1, largest))
    return draw(st.integers(0, n)), n


def reference() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "proportions_one_expected.csv")


def quantities() -> list[str]:
    return sorted(reference()["quantity"].unique())


def test_every_case_has_every_quantity() -> None:
    cases = pd.read_csv(REFERENCE / "proportions_one_cases.csv")
    expected = reference()
    assert len(cases) >= 40
    assert len(expected) == len(cases) * len(quantities())
    pd.testing.assert_frame_equal(
        expected[["x", "n", "p", "level"]].drop_duplicates(ignore_index=True), cases
    )


@pytest.mark.parametrize("quantity", quantities())
def test_equals_r(quantity: str) -> None:
    rows = reference().query("quantity == @quantity")
    for direction, alternative in DIRECTIONS.items():
        if quantity.endswith(f"_{direction}"):
            test = TESTS[quantity.removesuffix(f"_{direction}")]
            got = test(rows["x"], rows["n"], rows["p"], alternative)
            np.testing.assert_allclose(got, rows["value"], rtol=1e-10)
            return
    method, _, end = quantity.rpartition("_")
    for level, at_level in rows.groupby("level"):
        interval = INTERVALS[method](at_level["x"], at_level["n"], level)
        np.testing.assert_allclose(getattr(interval, end), at_level["value"], rtol=1e-10)


def test_two_sided_test_equals_exact_fractions() -> None:
    for n in (1, 2, 5, 8, 12):
        for tenths in range(1, 20):
            p = Fraction(tenths, 20)
            pmf = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
            truth = [float(sum(q for q in pmf if q <= pmf[x])) for x in range(n + 1)]
            np.testing.assert_allclose(binomial_test(range(n + 1), n, float(p)), truth, rtol=1e-12)


@given(counts(), shares)
def test_one_sided_p_values_overlap_in_the_observed_count(xn: tuple[int, int], p: float) -> None:
    x, n = xn
    both = binomial_test(x, n, p, "less") + binomial_test(x, n, p, "greater")
    assert both == pytest.approx(1 + binom.pmf(x, n, p), abs=1e-12)
    mid = mid_p_test(x, n, p, "less") + mid_p_test(x, n, p, "greater")
    assert mid == pytest.approx(1, abs=1e-12)


@given(counts(), shares)
def test_counting_failures_instead_changes_nothing(xn: tuple[int, int], p: float) -> None:
    x, n = xn
    assert binomial_test(x, n, p) == pytest.approx(float(binomial_test(n - x, n, 1 - p)), rel=1e-9)
    less, greater = binomial_test(x, n, p, "less"), binomial_test(n - x, n, 1 - p, "greater")
    assert less == pytest.approx(float(greater), rel=1e-9)


@pytest.mark.parametrize("interval", INTERVALS.values())
@given(counts(), levels)
def test_failures_mirror_the_interval(interval, xn: tuple[int, int], level: float) -> None:
    x, n = xn
    one, other = interval(x, n, level), interval(n - x, n, level)
    assert one.low == pytest.approx(1 - other.high, abs=1e-12)
    assert one.high == pytest.approx(1 - other.low, abs=1e-12)
    assert 0 <= one.low <= one.estimate <= one.high <= 1


@given(counts(), levels)
def test_ends_of_the_intervals_are_where_the_tests_reject(
    xn: tuple[int, int], level: float
) -> None:
    x, n = xn
    tail = (1 - level) / 2
    for interval, test in ((clopper_pearson, binomial_test), (mid_p_interval, mid_p_test)):
        limits = interval(x, n, level)
        if x > 0:
            assert test(x, n, limits.low, "greater") == pytest.approx(tail, rel=1e-8)
        if x < n:
            assert test(x, n, limits.high, "less") == pytest.approx(tail, rel=1e-8)
    limits = wilson(x, n, level)
    for p in {float(limits.low), float(limits.high)} - {0.0, 1.0}:
        z = abs(x / n - p) / np.sqrt(p * (1 - p) / n)
        assert 2 * ndtr(-z) == pytest.approx(1 - level, rel=1e-8)


@given(counts(), levels)
def test_mid_p_interval_lies_within_the_exact_one(xn: tuple[int, int], level: float) -> None:
    exact, mid = clopper_pearson(*xn, level), mid_p_interval(*xn, level)
    assert exact.low <= mid.low + 1e-12
    assert mid.high <= exact.high + 1e-12


def test_arrays_give_what_scalars_give() -> None:
    x, n = np.array([[0, 3], [7, 10]]), 10
    together = clopper_pearson(x, n)
    assert together.low.shape == (2, 2)
    for place, count in np.ndenumerate(x):
        assert together.low[place] == clopper_pearson(count, n).low
        assert binomial_test(x, n, 0.3)[place] == binomial_test(count, n, 0.3)


def coverage(interval, n: int, grid: np.ndarray) -> np.ndarray:
    """Exact probability that the interval holds p, from all n + 1 outcomes."""
    x = np.arange(n + 1)
    limits = interval(x, n)
    inside = (limits.low <= grid[:, None]) & (grid[:, None] <= limits.high)
    return (binom.pmf(x, n, grid[:, None]) * inside).sum(axis=1)


@pytest.mark.parametrize("n", [5, 17, 50])
def test_coverage_by_complete_enumeration(n: int) -> None:
    grid = np.arange(1, 1000) / 1000
    assert coverage(clopper_pearson, n, grid).min() >= 0.95
    exact, mid, score = (
        coverage(interval, n, grid).mean() for interval in (clopper_pearson, mid_p_interval, wilson)
    )
    assert 0.95 <= mid <= exact
    assert score == pytest.approx(0.95, abs=0.01)
