"""Newton's method: optima of known form, infinite estimates, and dependent columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.newton import dependent_columns, inverse, maximise


def test_quadratic_takes_one_step() -> None:
    information = np.array([[4.0, 1.0], [1.0, 3.0]])
    top = np.array([2.0, -1.0])

    def evaluate(at):
        off = at - top
        return float(-off @ information @ off / 2), -information @ off, information

    found = maximise(evaluate, np.zeros(2))
    np.testing.assert_allclose(found.parameters, top, rtol=1e-14)
    assert found.converged
    assert found.iterations == 1


def test_start_where_the_information_is_negative() -> None:
    def evaluate(at):  # maxima at +-1, a minimum at 0
        x = at[0]
        return float(2 * x**2 - x**4), np.array([4 * x - 4 * x**3]), np.array([[12 * x**2 - 4]])

    found = maximise(evaluate, np.array([0.1]))
    np.testing.assert_allclose(found.parameters, [1.0], rtol=1e-10)


def test_infinite_estimate_is_told_from_a_slow_one() -> None:
    X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    y = np.array([0.0, 1.0, 0.0, 0.0])

    def evaluate(theta):
        h = 1 / (1 + np.exp(-X @ theta))
        value = float(np.log(np.where(y == 1, h, 1 - h)).sum())
        return value, X.T @ (y - h), (X * (h * (1 - h))[:, None]).T @ X

    found = maximise(evaluate, np.zeros(2))
    assert not found.converged
    np.testing.assert_allclose(found.runaway / np.abs(found.runaway).max(), [0, -1], atol=1e-6)


def test_iterations_run_out() -> None:
    def evaluate(theta):
        return float(-((theta[0] - 5) ** 2)), -2 * (theta - 5), np.array([[2000.0]])

    found = maximise(evaluate, np.zeros(1), max_iterations=3)
    assert not found.converged
    assert found.iterations == 3
    assert found.runaway is None


@given(st.integers(0, 1000), st.floats(-12, 12))
def test_dependent_columns_whatever_their_scale(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 5))
    X[:, 3] = X[:, 0] - 2 * X[:, 1]
    X[:, 4] = 0.0
    X = X * 10.0 ** (power * rng.random(5))
    X[:, 3] = X[:, 0] - 2 * X[:, 1]
    assert dependent_columns(X.T @ X).tolist() == [3, 4]


def test_inverse_of_a_badly_scaled_matrix() -> None:
    matrix = np.diag([1e-12, 1.0, 1e12]) + 1e-13
    np.testing.assert_allclose(inverse(matrix) @ matrix, np.eye(3), atol=1e-3)
    assert np.isnan(inverse(np.array([[1.0, 1.0], [1.0, 1.0]]))).all()
    assert np.isnan(inverse(np.array([[-1.0]]))).all()
    np.testing.assert_array_equal(inverse(np.array([[4.0]])), [[0.25]])


@pytest.mark.parametrize("size", [1, 4])
def test_inverse_is_symmetric(size: int) -> None:
    rng = np.random.default_rng(size)
    X = rng.normal(size=(20, size))
    inverted = inverse(X.T @ X)
    np.testing.assert_array_equal(inverted, inverted.T)
