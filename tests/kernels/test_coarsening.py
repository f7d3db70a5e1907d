"""Strata, their weights, and samples chosen for their means."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.coarsening import (
    both_groups,
    combine_codes,
    equal_cuts,
    interval_codes,
    kish_ess,
    pair_weights,
    quantile_codes,
    stratum_weights,
)
from evalkit.kernels.profile_matching import cardinality_match, profile_match

rows = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30)


@given(rows)
def test_weights_give_both_groups_one_distribution(drawn: list[tuple[int, bool]]) -> None:
    codes, treated = np.array([r[0] for r in drawn]), np.array([r[1] for r in drawn])
    stratum = both_groups(codes, treated)
    for target in ("ATT", "ATC", "ATE"):
        w = stratum_weights(stratum, treated, target)
        assert (w[stratum < 0] == 0).all()
        inside = stratum >= 0
        if not inside.any():
            continue
        shares = [
            np.bincount(stratum[g], w[g]) / w[g].sum()
            for g in (inside & treated, inside & ~treated)
        ]
        np.testing.assert_allclose(shares[0], shares[1])
        aim = {"ATT": inside & treated, "ATC": inside & ~treated, "ATE": inside}[target]
        np.testing.assert_allclose(shares[0], np.bincount(stratum[aim]) / aim.sum())
        for group in (inside & treated, inside & ~treated):
            assert w[group].sum() == pytest.approx(group.sum())


@given(rows, st.integers(1, 3))
def test_survey_weights_are_repetitions(drawn: list[tuple[int, bool]], times: int) -> None:
    codes, treated = np.array([r[0] for r in drawn]), np.array([r[1] for r in drawn])
    stratum = both_groups(codes, treated)
    weights: Any = 1.0 + (np.arange(len(codes)) % times)
    again = np.repeat(np.arange(len(codes)), weights.astype(int))
    for target in ("ATT", "ATC", "ATE"):
        whole = stratum_weights(stratum, treated, target, weights)
        parts = stratum_weights(stratum[again], treated[again], target)
        np.testing.assert_allclose(np.bincount(again, parts, len(codes)), whole, atol=1e-12)


def test_coding_by_hand() -> None:
    assert interval_codes(np.array([1.0, 2, 2.5, 9]), np.array([2.0, 3])).tolist() == [0, 1, 1, 2]
    assert equal_cuts(np.array([0.0, 10]), 4).tolist() == [2.5, 5, 7.5]
    assert combine_codes([np.array([2, 2, 0]), np.array([1, 0, 1])]).tolist() == [2, 1, 0]
    treated = np.array([True, False, True, False])
    assert both_groups(np.array([5, 5, 7, -1]), treated).tolist() == [0, 0, -1, -1]


def test_subclasses_that_lack_a_group_are_joined() -> None:
    score = np.array([0.1, 0.15, 0.2, 0.6, 0.7, 0.8])
    treated = np.array([False, False, True, True, True, True])
    codes = quantile_codes(score, treated, 4, "ATT")
    assert codes.tolist() == [0] * 6


def test_pair_weights_share_a_unit_among_its_candidates() -> None:
    focal, other = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1])
    mine, theirs = pair_weights(focal, other, 4, 3)
    assert mine.tolist() == [1, 1, 1, 0]
    np.testing.assert_allclose(theirs, np.array([0.5, 2.5, 0]) * 2 / 3)
    assert kish_ess(np.zeros(3)) == 0


def best_subset(x: Any, treated: Any, tolerance: float) -> int:
    """Try every choice of as many treated as controls."""
    one, zero = np.flatnonzero(treated), np.flatnonzero(~treated)
    for m in range(min(len(one), len(zero)), 0, -1):
        for first in combinations(one, m):
            for second in combinations(zero, m):
                away = x[list(first)].mean(axis=0) - x[list(second)].mean(axis=0)
                if (np.abs(away) <= tolerance + 1e-9).all():
                    return 2 * m
    return 0


def test_cardinality_matching_is_the_largest_choice() -> None:
    r = np.random.default_rng(6)
    for _ in range(25):
        x = r.integers(0, 4, (9, 2)).astype(float)
        treated = np.arange(9) < 4
        found = cardinality_match(x, treated, np.array([0.3, 0.3]))
        assert found is not None
        chosen = found.chosen
        assert chosen.sum() == best_subset(x, treated, 0.3)
        if chosen.any():
            away = x[chosen & treated].mean(axis=0) - x[chosen & ~treated].mean(axis=0)
            assert (np.abs(away) <= 0.3 + 1e-9).all()
            assert (chosen & treated).sum() == (chosen & ~treated).sum()


def test_cardinality_matching_honours_the_ratio() -> None:
    r = np.random.default_rng(7)
    x, treated = r.normal(size=(60, 2)), np.arange(60) < 15
    found = cardinality_match(x, treated, np.array([0.05, 0.05]), ratio=2)
    assert found is not None
    one, zero = found.chosen & treated, found.chosen & ~treated
    assert zero.sum() == 2 * one.sum() > 0
    assert (np.abs(x[one].mean(axis=0) - x[zero].mean(axis=0)) <= 0.05 + 1e-8).all()


def test_profile_matching_is_the_largest_choice() -> None:
    r = np.random.default_rng(8)
    for _ in range(25):
        x = r.integers(0, 5, (9, 2)).astype(float)
        found = profile_match(
            x, np.ones(9, dtype=bool), np.array([2.0, 2.0]), np.array([0.25, 0.25])
        )
        sizes = [
            m
            for m in range(10)
            for some in combinations(range(9), m)
            if m == 0 or (np.abs(x[list(some)].mean(axis=0) - 2) <= 0.25).all()
        ]
        assert found is not None
        assert found.chosen.sum() == max(sizes)
