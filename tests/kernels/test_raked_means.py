"""Means with raked weights: equivalences in which the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.kernels.raked_means import (
    RakedMean,
    effective_number,
    raked_mean,
    raked_share_limits,
)
from evalkit.kernels.raking import rake_weights


def test_effective_number() -> None:
    assert effective_number(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_number(np.array([1.0, 0.0, 0.0])) == 1
    assert effective_number(np.array([1e300, 1e300])) == pytest.approx(2)


def test_without_margins_it_is_the_usual_standard_error() -> None:
    y = np.array([1.0, 4.0, 2.0, 7.0, 7.0])
    one = np.ones(5)
    found = raked_mean(y, one, one, [np.zeros(5, dtype=int)], [1])
    assert found.estimate == pytest.approx(y.mean())
    assert found.std_error == pytest.approx(y.std(ddof=1) / math.sqrt(5))
    finite = raked_mean(y, one, one, [np.zeros(5, dtype=int)], [1], 8)
    assert finite.std_error == pytest.approx(found.std_error * math.sqrt(3 / 8))
    assert raked_mean(y, one, one, [np.zeros(5, dtype=int)], [1], 5).std_error == 0


def test_one_margin_is_poststratification() -> None:
    rng = np.random.default_rng(3)
    group = rng.integers(0, 3, 60)
    y = rng.normal(size=60) + group
    wanted = np.array([50.0, 20.0, 30.0])
    weights = rake_weights(np.ones(60), [group], [wanted]).weights
    found = raked_mean(y, weights, np.ones(60), [group], [3])
    means = np.array([y[group == g].mean() for g in range(3)])
    assert found.estimate == pytest.approx(wanted @ means / 100)
    spread = sum(
        (wanted[g] / 100 / (group == g).sum()) ** 2 * ((y[group == g] - means[g]) ** 2).sum()
        for g in range(3)
    )
    assert found.std_error == pytest.approx(math.sqrt(60 / 59 * spread))


def test_what_margins_explain_has_no_variance() -> None:
    group = np.repeat([0, 1], [6, 4])
    weights = rake_weights(np.ones(10), [group], [np.array([5.0, 5.0])]).weights
    found = raked_mean(group.astype(float), weights, np.ones(10), [group], [2])
    assert found.estimate == pytest.approx(0.5)
    assert found.std_error == pytest.approx(0, abs=1e-12)


def test_limits_of_shares() -> None:
    low, high = raked_share_limits(RakedMean(0.5, 0.05), 90.0, 1.0, 0.95)
    assert low == pytest.approx(1 - high)
    assert 0.4 < low < 0.5
    assert raked_share_limits(RakedMean(0.0, 0.0), 20.0, 1.0, 0.95)[0] == 0
    zero = raked_share_limits(RakedMean(0.0, 0.0), 20.0, 1.0, 0.95)[1]
    assert zero == pytest.approx(1.959963984540054**2 / (20 + 1.959963984540054**2))
    assert raked_share_limits(RakedMean(1.0, 0.0), 20.0, 0.5, 0.95)[1] == 1
    assert raked_share_limits(RakedMean(0.25, 0.0), 20.0, 0.0, 0.95) == (0.25, 0.25)
