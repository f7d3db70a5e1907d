"""Bounds from margins: sharp by linear programming, and no table lies outside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from evalkit.kernels.frechet_bounds import margin_bounds
from evalkit.kernels.kappa import agreement_weights, cohen_kappa

TABLES = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.integers(0, 12), min_size=k * k, max_size=k * k).map(
        lambda cells: np.array(cells, dtype=float).reshape(k, k)
    )
)


def extremes(a: np.ndarray, b: np.ndarray, goal: np.ndarray) -> tuple[float, float]:
    """Minimise and maximise a sum of cells over all tables with these margins."""
    k = len(a)
    rows = np.kron(np.eye(k), np.ones(k))
    columns = np.kron(np.ones(k), np.eye(k))
    found = [
        linprog(sign * goal.ravel(), A_eq=np.vstack([rows, columns]), b_eq=[*a, *b]).fun
        for sign in (1, -1)
    ]
    return float(found[0]), -float(found[1])


@given(TABLES)
def test_bounds_are_sharp_and_hold(table: np.ndarray) -> None:
    n = table.sum()
    assume(n > 0)
    a, b = table.sum(axis=1), table.sum(axis=0)
    found = margin_bounds(a, b)
    low, high = extremes(a, b, np.eye(len(a)))
    assert found.agreement == pytest.approx((low / n, high / n), abs=1e-9)
    first = np.zeros((len(a), len(a)))
    first[0, 0] = 1
    low, high = extremes(a, b, first)
    assert (found.joint[0][0], found.joint[1][0]) == pytest.approx((low / n, high / n), abs=1e-9)
    kappa = cohen_kappa(table, agreement_weights(len(a))).estimate
    if not np.isnan(kappa):
        assert found.kappa[0] - 1e-9 <= kappa <= found.kappa[1] + 1e-9


def test_kappa_is_undefined_where_both_are_constant() -> None:
    found = margin_bounds(np.array([0.0, 9.0]), np.array([0.0, 9.0]))
    assert np.isnan(found.kappa).all()
    assert found.agreement == (1, 1)
