"""Rosenbaum's bounds: published values, and all sign patterns of few pairs."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit.kernels.hidden_bias as kernel
from evalkit.kernels.hidden_bias import (
    hodges_lehmann_bounds,
    largest_gamma,
    shift_limits,
    sign_bounds,
    signed_rank_bounds,
    walsh_average,
)
from evalkit.kernels.vector_matching import average_ranks

# Lead in the blood of 33 children whose parents worked with lead, and of 33 neighbours:
# Morton and others (1982), Am J Epidemiol 115:549-555, in Rosenbaum (2002), section 3.2.
EXPOSED = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15, 10, 45, 39, 22, 35,
           49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27]  # fmt: skip
CONTROL = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24, 13, 9, 14, 21, 19,
           7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13]  # fmt: skip
LEAD = np.array(EXPOSED, dtype=float) - np.array(CONTROL)

SMALL = st.lists(st.integers(-4, 6), min_size=1, max_size=8).map(
    lambda values: np.array(values, dtype=float)
)


def test_published_bounds_of_lead():
    # Rosenbaum (2002), section 4.3: Hodges-Lehmann estimates by gamma, and p = 0.0018 at 2.
    wanted = {1: (15, 15), 2: (10.25, 19.5), 3: (8, 23), 4: (6.5, 25), 5: (5, 26.5)}
    for gamma, ends in wanted.items():
        assert hodges_lehmann_bounds(LEAD, gamma) == ends


def test_the_normal_approximation_gives_the_published_p(monkeypatch: pytest.MonkeyPatch):
    # Rosenbaum (2002), section 4.3. One pair has no difference: it holds rank 1, which counts on
    # neither side (without it they would be .0131 at 3 and .0694 at 5).
    exact = signed_rank_bounds(LEAD, 2)[1]
    monkeypatch.setattr(kernel, "_EXACT", 0)
    published = {2: 0.0018, 3: 0.0136, 4: 0.0388, 4.25: 0.0468, 5: 0.0740}
    for gamma, p in published.items():
        assert round(signed_rank_bounds(LEAD, gamma)[1], 4) == p
    assert exact < signed_rank_bounds(LEAD, 2)[1]


def test_outcomes_of_0_and_1_give_the_sign_test_however_many_pairs_agree():
    d = np.zeros(5_000)
    d[:18], d[18:25] = 1.0, -1.0
    for gamma in (1.0, 2.0):
        wanted = sign_bounds(d, gamma)
        assert signed_rank_bounds(d, gamma) == pytest.approx(wanted, rel=1e-12)


@settings(max_examples=80, deadline=None)
@given(SMALL, st.sampled_from([1.0, 1.5, 3.0]))
def test_all_sign_patterns(d: Any, gamma: float):
    # The bounds are the largest and smallest chance over the ends of each pair's probability,
    # here by adding up the patterns of signs.
    kept = d[d != 0]
    ranks = average_ranks(np.abs(d))[d != 0]
    scores = {"rank": ranks, "sign": np.ones(len(kept))}
    for name, bounds in (("rank", signed_rank_bounds), ("sign", sign_bounds)):
        seen = scores[name][kept > 0].sum()
        found = bounds(d, gamma)
        for p, value in zip((1 / (1 + gamma), gamma / (1 + gamma)), found, strict=True):
            chance = 0.0
            for signs in product([0, 1], repeat=len(kept)):
                chosen = np.array(signs)
                if chosen @ scores[name] >= seen - 1e-9:
                    chance += p ** chosen.sum() * (1 - p) ** (len(kept) - chosen.sum())
            assert value == pytest.approx(chance, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(SMALL, st.integers(1, 40))
def test_walsh_averages_by_counting(d: Any, k: int):
    wanted = sorted((d[i] + d[j]) / 2 for i in range(len(d)) for j in range(i, len(d)))
    answer = wanted[k - 1] if k <= len(wanted) else np.inf
    assert walsh_average(d, k) == answer
    direct, kernel._DIRECT = kernel._DIRECT, 0  # pyright: ignore[reportPrivateUsage]
    try:
        assert walsh_average(d, k) == pytest.approx(answer, abs=1e-12)
    finally:
        kernel._DIRECT = direct  # pyright: ignore[reportPrivateUsage]


def statistic(d: Any, shift: float) -> float:
    """Sum ranks of what is positive once shifted, by Walsh averages, ties by half."""
    first, second = np.triu_indices(len(d))
    walsh = (d[first] + d[second]) / 2
    return float((walsh > shift).sum() + 0.5 * (walsh == shift).sum())


@settings(max_examples=80, deadline=None)
@given(SMALL, st.sampled_from([1.0, 1.3, 2.0, 3.0]))
def test_estimates_solve_their_equation(d: Any, gamma: float):
    n = len(d)
    size = n * (n + 1) / 2
    low, high = hodges_lehmann_bounds(d, gamma)
    for shift, share in ((low, gamma / (1 + gamma)), (high, 1 / (1 + gamma))):
        assert statistic(d, shift - 0.125) >= share * size - 1e-9
        assert statistic(d, shift + 0.125) <= share * size + 1e-9
    assert low <= high
    if gamma == 1:
        assert low == high


@settings(max_examples=60, deadline=None)
@given(SMALL, st.sampled_from([1.0, 1.5, 3.0]))
def test_limits_hold_the_estimates_and_turn_with_the_sign(d: Any, gamma: float):
    low, high = shift_limits(d, gamma, 0.9)
    bounds = hodges_lehmann_bounds(d, gamma)
    assert low <= bounds[0] <= bounds[1] <= high
    turned = shift_limits(-d, gamma, 0.9)
    assert turned == (-high, -low)
    wider = shift_limits(d, gamma + 1, 0.9)
    assert wider[0] <= low <= high <= wider[1]


def test_the_largest_gamma_is_where_p_is_alpha():
    for bounds in (signed_rank_bounds, sign_bounds):
        gamma = largest_gamma(lambda g, b=bounds: b(LEAD, g)[1], 0.05)
        assert bounds(LEAD, gamma)[1] == pytest.approx(0.05, abs=1e-6)
    assert np.isnan(largest_gamma(lambda g: sign_bounds(np.array([1.0, -1]), g)[1], 0.05))
    assert largest_gamma(lambda _: 0.0, 0.05) == np.inf


def test_averages_that_are_all_alike_are_found_at_once():
    d = np.zeros(20_000)
    d[:150], d[150:190] = 1.0, -1.0
    start = time.perf_counter()
    assert walsh_average(d, 10**8) == 0.0
    assert hodges_lehmann_bounds(d, 1.5) == (0.0, 0.0)
    assert time.perf_counter() - start < 2.0  # bisecting down to the smallest float took 10 s


def test_many_pairs_take_no_square_of_memory():
    d = np.random.default_rng(1).normal(0.1, 1, 100_000)
    low, high = hodges_lehmann_bounds(d, 1.1)
    assert 0.0 < low < 0.1 < high < 0.2
    p_low, p_high = signed_rank_bounds(d, 1.1)
    assert p_low <= p_high < 1e-6
