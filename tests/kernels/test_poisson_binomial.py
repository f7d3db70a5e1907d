"""The Poisson-binomial distribution: by enumeration, against the binomial, and far tails."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from evalkit.kernels.poisson_binomial import poisson_binomial, poisson_binomial_test
from evalkit.kernels.proportions import binomial_test


def full(n, rate):
    """All probabilities from 0 to the number of persons."""
    found = poisson_binomial(np.array(n), np.array(rate))
    out = np.zeros(sum(n) + 1)
    out[found.first : found.first + len(found.probability)] = found.probability
    return out


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10)), min_size=1, max_size=4))
def test_enumeration(strata) -> None:
    """In exact fractions over all outcomes of all persons."""
    people = [Fraction(tenths, 10) for n, tenths in strata for _ in range(n)]
    exact = [Fraction(0)] * (len(people) + 1)
    for outcome in product((0, 1), repeat=len(people)):
        weight = Fraction(1)
        for success, p in zip(outcome, people, strict=True):
            weight *= p if success else 1 - p
        exact[sum(outcome)] += weight
    found = full([n for n, _ in strata], [tenths / 10 for _, tenths in strata])
    assert found == pytest.approx([float(value) for value in exact], rel=1e-12, abs=1e-300)


@given(st.integers(1, 300), st.floats(0.01, 0.99), st.data())
def test_one_stratum_is_the_binomial_test(n, p, data) -> None:
    x = data.draw(st.integers(0, n))
    for alternative in ("two-sided", "less", "greater"):
        split = poisson_binomial_test(x, np.array([n - n // 3, n // 3]), np.array([p, p]),
                                      alternative)  # fmt: skip
        assert split == pytest.approx(float(binomial_test(x, n, p, alternative)), rel=1e-8)


def test_the_anchor() -> None:
    """58 of 100 against 44 percent: p = .0062 in R's binom.test."""
    p = poisson_binomial_test(58, np.array([100]), np.array([0.44]))
    assert p == pytest.approx(0.0062, abs=5e-5)


def test_tails_keep_their_precision() -> None:
    n, rate = np.array([2000, 1000]), np.array([0.3, 0.3])
    found = poisson_binomial_test(1500, n, rate, "greater")
    assert found == pytest.approx(special.betainc(1500, 1501, 0.3), rel=1e-9)
    assert found < 1e-100


def test_mean_and_variance_at_size() -> None:
    rng = np.random.default_rng(4)
    n, rate = rng.integers(1, 4000, 60), rng.uniform(0.02, 0.9, 60)
    found = poisson_binomial(n, rate)
    k = found.first + np.arange(len(found.probability))
    assert found.probability.sum() == pytest.approx(1, rel=1e-11)
    mean = (k * found.probability).sum()
    assert mean == pytest.approx(n @ rate, rel=1e-11)
    variance = ((k - mean) ** 2 * found.probability).sum()
    assert variance == pytest.approx((n * rate * (1 - rate)).sum(), rel=1e-9)


def test_certain_outcomes() -> None:
    assert full([2, 3, 0], [1.0, 0.0, 0.5]).tolist() == [0, 0, 1, 0, 0, 0]
    assert poisson_binomial_test(3, np.array([2, 3]), np.array([1.0, 0.0])) == 0
    assert poisson_binomial_test(2, np.array([2, 3]), np.array([1.0, 0.0])) == 1
