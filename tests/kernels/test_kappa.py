"""Kappa: published examples, the delta method by numbers, and tables without spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalkit.kernels.kappa import agreement_weights, cohen_kappa, fleiss_kappa

# Fourteen raters, ten things, five categories: a worked example that circulates widely; 0.210.
WORKED = np.array([
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
], dtype=float)  # fmt: skip

tables = st.lists(st.integers(0, 30), min_size=9, max_size=9).map(
    lambda cells: np.array(cells, dtype=float).reshape(3, 3)
)


def test_worked_example_of_fleiss() -> None:
    found = fleiss_kappa(WORKED)
    assert found.observed == pytest.approx(0.37802197802197803, rel=1e-12)
    assert found.expected == pytest.approx(0.21275510204081632, rel=1e-12)
    assert round(found.estimate, 3) == 0.210


def test_weights() -> None:
    assert agreement_weights(2).tolist() == [[1, 0], [0, 1]]
    assert agreement_weights(4, "linear")[0] == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert agreement_weights(4, "quadratic")[0] == pytest.approx([1, 8 / 9, 5 / 9, 0])


@pytest.mark.parametrize("near", ["none", "linear", "quadratic"])
def test_standard_error_is_the_delta_method(near: str) -> None:
    table = np.array([[11, 4, 2], [6, 22, 5], [1, 7, 19.0]])
    weights = agreement_weights(3, near)  # type: ignore[arg-type]
    n = table.sum()
    slopes = np.empty((3, 3))
    for place in np.ndindex(3, 3):
        ends = []
        for step in (1e-5, -1e-5):
            moved = table.copy()
            moved[place] += step * n
            ends.append(cohen_kappa(moved, weights).estimate)
        slopes[place] = (ends[0] - ends[1]) / 2e-5
    p = table / n
    variance = ((p * slopes**2).sum() - (p * slopes).sum() ** 2) / n
    assert cohen_kappa(table, weights).std_error == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_two_raters_with_equal_margins_agree_both_ways() -> None:
    table = np.array([[20, 5], [5, 10.0]])
    counts = np.repeat([[2, 0], [1, 1], [0, 2]], [20, 10, 10], axis=0).astype(float)
    cohen, fleiss = cohen_kappa(table, agreement_weights(2)), fleiss_kappa(counts)
    assert cohen.estimate == pytest.approx(fleiss.estimate, rel=1e-12)


@given(tables, st.sampled_from(["none", "linear", "quadratic"]))
def test_invariants(table: np.ndarray, near: str) -> None:
    assume(table.sum() > 0)
    weights = agreement_weights(3, near)  # type: ignore[arg-type]
    found = cohen_kappa(table, weights)
    assume(not np.isnan(found.estimate))
    exchanged, reversed_ = cohen_kappa(table.T, weights), cohen_kappa(table[::-1, ::-1], weights)
    assert exchanged.estimate == pytest.approx(found.estimate, abs=1e-9)
    assert reversed_.estimate == pytest.approx(found.estimate, abs=1e-9)
    assert -1 - 1e-9 <= found.estimate <= 1 + 1e-9
    if not np.isnan(found.low):
        assert found.low - 1e-9 <= found.estimate <= found.high + 1e-9
    more = cohen_kappa(4 * table, weights)
    assert more.estimate == pytest.approx(found.estimate, abs=1e-9)
    if found.std_error > 1e-6:
        assert more.std_error == pytest.approx(found.std_error / 2, rel=1e-6)


def test_all_agree_and_none_agree() -> None:
    alike = cohen_kappa(np.diag([6.0, 4.0]), agreement_weights(2))
    assert alike.estimate == pytest.approx(1)
    assert np.isnan(alike.std_error)
    # Wilson's lower limit of 10 of 10 is 1 / (1 + z^2 / 10)
    wilson = 10 / (10 + 1.959963984540054**2)
    assert alike.low == pytest.approx((wilson - 0.52) / 0.48)
    assert alike.high == pytest.approx(1)
    apart = cohen_kappa(np.array([[0, 5], [5, 0.0]]), agreement_weights(2))
    assert apart.estimate == pytest.approx(-1)
    assert apart.low == -1
    assert apart.high > -0.6


def test_one_category_only() -> None:
    nothing = cohen_kappa(np.array([[7, 0], [0, 0.0]]), agreement_weights(2))
    assert np.isnan([nothing.estimate, nothing.std_error, nothing.low]).all()
    constant = cohen_kappa(np.array([[7, 3], [0, 0.0]]), agreement_weights(2))
    assert constant.estimate == pytest.approx(0)
    assert np.isnan([constant.std_error, constant.low, constant.high]).all()
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [3, 0.0]])).estimate)


def test_one_thing_has_no_standard_error() -> None:
    found = fleiss_kappa(np.array([[2.0, 1.0]]))
    assert np.isnan([found.std_error, found.low, found.high]).all()
