"""Two proportions: score and Newcombe intervals against R, and by complete enumeration.

Reference values are made by tests/reference/proportions.R. Limits are bisected to the last digit;
an absolute 1e-12 covers what R's root finder leaves. epiR stops its own search at 1e-7.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, xlog1py, xlogy
from scipy.stats import binom

from evalkit.kernels.proportion_differences import (
    ProportionDifference,
    constrained_proportions,
    newcombe,
    score_difference,
    score_statistic,
)

REFERENCE = Path(__file__).parents[1] / "reference"
TOLERANCE = {"epiR::epi.2by2": 2e-7}
COLUMNS = ["x1", "n1", "x0", "n0"]


def miettinen_nurminen(*counts, level: float = 0.95) -> ProportionDifference:
    return score_difference(*counts, level)


def mee(*counts, level: float = 0.95) -> ProportionDifference:
    return score_difference(*counts, level, corrected=False)


def hybrid(*counts, level: float = 0.95) -> ProportionDifference:
    return newcombe(*counts, level)


METHODS = {"miettinen_nurminen": miettinen_nurminen, "mee": mee, "newcombe": hybrid}
SCORE = {"miettinen_nurminen": True, "mee": False}

levels = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Up to twenty two-by-two tables at once, as x1, n1, x0, n0."""
    group = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    drawn = draw(st.lists(st.tuples(group, group), min_size=1, max_size=20))
    return tuple(np.array([[*arm, *control] for arm, control in drawn]).T)


def reference() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "proportions_two_expected.csv")


def by_source_and_quantity() -> list[tuple[str, str]]:
    return sorted(reference().groupby(["source", "quantity"]).groups)


def test_every_case_has_every_interval() -> None:
    cases = pd.read_csv(REFERENCE / "proportions_two_cases.csv")
    assert len(cases) >= 40
    for method in METHODS:
        for end in ("low", "high"):
            rows = reference().query(f"quantity == '{method}_{end}' and source != 'epiR::epi.2by2'")
            assert rows[COLUMNS].to_numpy().tolist() == cases[COLUMNS].to_numpy().tolist()


@pytest.mark.parametrize(("source", "quantity"), by_source_and_quantity())
def test_equals_r(source: str, quantity: str) -> None:
    for level, rows in (
        reference().query("source == @source and quantity == @quantity").groupby("level")
    ):
        counts = [rows[name] for name in COLUMNS]
        if quantity == "mee_p":
            np.testing.assert_allclose(mee(*counts).p_value, rows["value"], rtol=1e-10)
        elif quantity == "mee_chi_squared":
            np.testing.assert_allclose(mee(*counts).statistic ** 2, rows["value"], rtol=1e-10)
        else:
            method, _, end = quantity.rpartition("_")
            got = getattr(METHODS[method](*counts, level=level), end)
            atol = TOLERANCE.get(source, 1e-12)
            np.testing.assert_allclose(got, rows["value"], rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((56, 70, 48, 80), [(0.0528, 0.3382), (0.0533, 0.3377), (0.0524, 0.3339)]),
        ((7, 34, 1, 34), [(0.0270, 0.3453), (0.0284, 0.3439), (0.0189, 0.3404)]),
        ((0, 10, 0, 20), [(-0.1658, 0.2844), (-0.1611, 0.2775), (-0.1611, 0.2775)]),
        ((10, 10, 0, 10), [(0.6636, 1), (0.6777, 1), (0.6075, 1)]),
    ],
)
def test_published_comparisons(counts, expected) -> None:
    for method, limits in zip(METHODS.values(), expected, strict=True):
        result = method(*counts)
        assert (result.low, result.high) == pytest.approx(limits, abs=5e-5)


def test_rare_events_in_a_population_keep_their_digits() -> None:
    # 50-digit arithmetic, likelihood maximised by bisection: at shares of 1e-7 the closed form
    # alone would leave three digits, and none of shares close to 1.
    rare = miettinen_nurminen(3, 10**7, 1, 10**7)
    assert (rare.low, rare.high) == pytest.approx((-2.910419857612986e-07, 7.924856039011359e-07))
    common = miettinen_nurminen(10**7 - 1, 10**7, 10**7 - 3, 10**7)
    assert (common.low, common.high) == pytest.approx((rare.low, rare.high), rel=1e-9)


@pytest.mark.parametrize("method", METHODS.values())
@settings(max_examples=30)
@given(tables(), levels)
def test_interval_lies_in_range_and_holds_the_estimate(method, counts, level: float) -> None:
    result = method(*counts, level=level)
    assert (result.low >= -1).all()
    assert (result.high <= 1).all()
    assert (result.low <= result.estimate).all()
    assert (result.estimate <= result.high).all()
    assert (result.low < result.high).all()


@pytest.mark.parametrize("method", METHODS.values())
@settings(max_examples=30)
@given(tables(), levels)
def test_swapping_arms_or_outcomes_flips_the_sign(method, counts, level: float) -> None:
    x1, n1, x0, n0 = counts
    one = method(*counts, level=level)
    for other in (
        method(x0, n0, x1, n1, level=level),
        method(n1 - x1, n1, n0 - x0, n0, level=level),
    ):
        np.testing.assert_allclose(one.estimate, -other.estimate, atol=1e-15)
        np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(one.low, -other.high, atol=1e-12)
        np.testing.assert_allclose(one.high, -other.low, atol=1e-12)
        np.testing.assert_allclose(one.statistic, -other.statistic, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-9)


@pytest.mark.parametrize("method", SCORE)
@settings(max_examples=30)
@given(tables(), levels)
def test_score_test_at_the_ends_gives_alpha(method: str, counts, level: float) -> None:
    result = METHODS[method](*counts, level=level)
    for end in (result.low, result.high):
        z = score_statistic(*counts, end, corrected=SCORE[method])
        p_value = 2 * ndtr(-np.abs(z))
        np.testing.assert_allclose(p_value[np.abs(end) < 1], 1 - level, rtol=1e-6)


@pytest.mark.parametrize("method", SCORE)
@settings(max_examples=30)
@given(tables(), levels)
def test_p_value_and_interval_agree_about_zero(method: str, counts, level: float) -> None:
    result = METHODS[method](*counts, level=level)
    rejected = (result.low > 0) | (result.high < 0)
    assert rejected[result.p_value < (1 - level) * (1 - 1e-9)].all()
    assert not rejected[result.p_value > (1 - level) * (1 + 1e-9)].any()


@settings(max_examples=30)
@given(tables(), levels)
def test_the_correction_makes_the_interval_wider(counts, level: float) -> None:
    wide, narrow = miettinen_nurminen(*counts, level=level), mee(*counts, level=level)
    assert (wide.low <= narrow.low + 1e-12).all()
    assert (narrow.high <= wide.high + 1e-12).all()


@settings(max_examples=30)
@given(tables(), st.floats(-0.999, 0.999))
def test_constrained_proportions_are_the_most_likely(counts, delta: float) -> None:
    x1, n1, x0, n0 = (column.astype(float) for column in counts)
    p1, p0 = constrained_proportions(x1, n1, x0, n0, np.full(len(x1), delta))
    np.testing.assert_allclose(p1 - p0, delta, atol=1e-12)

    def log_likelihood(p: np.ndarray) -> np.ndarray:
        arm = xlogy(x1, p + delta) + xlog1py(n1 - x1, np.maximum(-p - delta, -1))
        return arm + xlogy(x0, p) + xlog1py(n0 - x0, -p)

    others = np.linspace(max(0, -delta), min(1, 1 - delta), 101)[1:-1, None]
    assert (log_likelihood(others) <= log_likelihood(p0) + 1e-7).all()


def test_statistic_falls_as_the_difference_grows() -> None:
    # So the interval has no holes: every table with groups of 1 to 6.
    grid = np.linspace(-1, 1, 401)
    for n1 in range(1, 7):
        for n0 in range(1, 7):
            x1, x0 = np.mgrid[: n1 + 1, : n0 + 1].reshape(2, -1, 1)
            z = score_statistic(x1, n1, x0, n0, grid)
            assert (z[:, 1:] <= z[:, :-1] + 1e-7).all()


def test_arrays_give_what_scalars_give() -> None:
    x1, x0 = np.mgrid[:4, :6]
    for method in METHODS.values():
        together = method(x1, 3, x0, 5)
        assert together.low.shape == (4, 6)
        for place in np.ndindex(4, 6):
            alone = method(x1[place], 3, x0[place], 5)
            assert (together.low[place], together.high[place]) == (alone.low, alone.high)


def coverage(method, n1: int, n0: int, grid: np.ndarray) -> np.ndarray:
    """Exact probability that the interval holds p1 - p0, by all outcomes, over a grid of both."""
    x1, x0 = np.mgrid[: n1 + 1, : n0 + 1]
    limits = method(x1, n1, x0, n0)
    chance1 = binom.pmf(np.arange(n1 + 1), n1, grid[:, None])
    chance0 = binom.pmf(np.arange(n0 + 1), n0, grid[:, None])
    delta = (grid[:, None] - grid)[..., None, None]
    inside = (limits.low <= delta + 1e-12) & (delta - 1e-12 <= limits.high)
    return np.einsum("ix,jy,ijxy->ij", chance1, chance0, inside)


@pytest.mark.parametrize(("n1", "n0"), [(10, 10), (15, 30)])
def test_coverage_by_complete_enumeration(n1: int, n0: int) -> None:
    grid = np.arange(1, 20) / 20
    found = {name: coverage(method, n1, n0, grid) for name, method in METHODS.items()}
    means = {name: chances.mean() for name, chances in found.items()}
    assert means == pytest.approx(dict.fromkeys(METHODS, 0.95), abs=0.01)
    assert means["miettinen_nurminen"] >= 0.95
    assert found["miettinen_nurminen"].min() >= 0.92
    assert found["newcombe"].min() >= 0.90
