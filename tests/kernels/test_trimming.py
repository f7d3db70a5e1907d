"""Trimming bounds worked by hand, with ties and fractions; their variance; intervals of sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from evalkit.kernels.set_intervals import imbens_manski
from evalkit.kernels.trimming import lower_tail_mean, trimmed_bounds


def bounds(treated: list[float], n1: int, control: list[float], n0: int, **more: bool):
    gone = [np.nan]
    values = treated + gone * (n1 - len(treated)) + control + gone * (n0 - len(control))
    arm = np.repeat([True, False], [n1, n0])
    cell = np.zeros(n1 + n0, dtype=int)
    return trimmed_bounds(np.array(values), arm, cell, trims_arm=more.get("trims_arm", True))


def test_ties_at_the_end_of_a_whole_share() -> None:
    """5 of 5 and 3 of 5 seen: three of 1 2 2 2 5 are kept, 1 2 2 or 2 2 5."""
    found = bounds([1, 2, 2, 2, 5], 5, [0, 1, 2], 5)
    assert (found.lower, found.upper) == pytest.approx((5 / 3 - 1, 3 - 1))
    assert found.share[0] == pytest.approx(0.4)


def test_ties_and_a_fraction() -> None:
    """4 of 4 and 2 of 3 seen: 8/3 of 1 2 2 6 are kept, the third by two thirds."""
    found = bounds([6, 2, 1, 2], 4, [3, 5], 3)
    lower, upper = (1 + 2 + 2 * 2 / 3) / (8 / 3), (6 + 2 + 2 * 2 / 3) / (8 / 3)
    assert (found.lower, found.upper) == pytest.approx((lower - 4, upper - 4))


def test_the_control_arm_is_trimmed_where_more_of_it_are_seen() -> None:
    found = bounds([3, 5], 3, [6, 2, 1, 2], 4, trims_arm=False)
    mirrored = bounds([6, 2, 1, 2], 4, [3, 5], 3)
    assert (found.lower, found.upper) == pytest.approx((-mirrored.upper, -mirrored.lower))


def test_equal_rates_give_the_difference() -> None:
    found = bounds([1, 3], 4, [2, 3], 4)
    assert found.lower == found.upper == pytest.approx(-0.5)


def test_influences_sum_to_nothing() -> None:
    found = bounds([6, 2, 1, 2, 9], 6, [3, 5, 1], 6)
    assert found.lower_influence.sum() == pytest.approx(0, abs=1e-12)
    assert found.upper_influence.sum() == pytest.approx(0, abs=1e-12)


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=12),
    st.integers(1, 12),
    st.integers(1, 6),
)
def test_lower_tail_mean_is_that_of_replicated_values(
    values: list[int], numerator: int, copies: int
) -> None:
    many = np.sort(np.repeat(np.array(values, dtype=float), copies))
    kept = 1 + (numerator - 1) % len(many)
    mean, _ = lower_tail_mean(np.array(values, dtype=float), kept / len(many))
    assert mean == pytest.approx(many[:kept].mean(), abs=1e-12)


def test_standard_errors_are_those_of_repeated_samples() -> None:
    rng = np.random.default_rng(7)
    n, found = 400, []
    for _ in range(400):
        treated = rng.random(n) < 0.5
        cell = rng.integers(0, 2, n)
        y = rng.normal(1.0 * treated + cell, 1)
        y[rng.random(n) > np.where(treated, 0.9, 0.6) - 0.1 * cell] = np.nan
        one = trimmed_bounds(y, treated, cell, trims_arm=True)
        errors = [np.sqrt((i**2).sum()) for i in (one.lower_influence, one.upper_influence)]
        found.append([one.lower, one.upper, *errors])
    table = np.array(found)
    np.testing.assert_allclose(table[:, 2:].mean(axis=0), table[:, :2].std(axis=0), rtol=0.1)


def test_imbens_manski_between_one_and_two_sides() -> None:
    assert imbens_manski(0, 0, 1, 1, 0.95) == pytest.approx((-1.959964, 1.959964), abs=1e-6)
    low, high = imbens_manski(0, 100, 1, 2, 0.95)
    assert (low, high) == pytest.approx((-1.644854, 100 + 2 * 1.644854), abs=1e-6)
    low, high = imbens_manski(0, 1, 1, 0.5, 0.9)
    assert special.ndtr(-low + 1) - special.ndtr(low) == pytest.approx(0.9)
    assert imbens_manski(1, 2, 0, 0, 0.95) == (1, 2)


def test_unequal_shares_of_the_arms_do_not_bias_the_cells_weights() -> None:
    rng = np.random.default_rng(3)
    n, found = 600, []
    for _ in range(300):
        cell = (rng.random(n) < 0.4).astype(np.int64)
        treated = rng.random(n) < np.where(cell == 1, 0.7, 0.3)
        y = rng.normal(3.0 * cell + treated, 1)
        y[rng.random(n) > np.where(treated, 0.9, np.where(cell == 1, 0.5, 0.8))] = np.nan
        one = trimmed_bounds(y, treated, cell, trims_arm=True)
        found.append([one.weight[0], one.lower, np.sqrt((one.lower_influence**2).sum())])
        assert one.lower_influence.sum() == pytest.approx(0, abs=1e-9)
    table = np.array(found)
    assert table[:, 0].mean() == pytest.approx(0.48 / 0.68, abs=0.005)
    assert table[:, 2].mean() == pytest.approx(table[:, 1].std(), rel=0.1)
