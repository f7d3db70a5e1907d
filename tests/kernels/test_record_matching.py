"""Matching of records: exact within groups, forbidden pairs kept apart, the same everywhere."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from evalkit.errors import InputError
from evalkit.kernels.record_matching import match_records, random_order

ORDER = [0, 3, 6, 5, 7, 9, 1, 2, 8, 4]


def test_a_seed_gives_one_order_forever() -> None:
    # Raw words of PCG64 and a stable sort: if this changes, every shipped file changes.
    assert random_order(10, np.random.PCG64(20120615)).tolist() == ORDER


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(0, 2**32))
def test_partners_are_a_permutation_within_groups(groups: list[int], seed: int) -> None:
    left = np.array(groups, dtype=np.int64)
    right = left[::-1].copy()
    partner = match_records(left, right, np.random.PCG64(seed)).partner
    assert sorted(partner) == list(range(len(groups)))
    assert np.array_equal(right[partner], left)


def test_every_matching_is_as_likely() -> None:
    bits = np.random.PCG64(7)
    zero = np.zeros(3, dtype=np.int64)
    seen = Counter(tuple(match_records(zero, zero, bits).partner) for _ in range(6000))
    # Six permutations, 1000 of each expected; the standard deviation is 29.
    assert len(seen) == 6
    assert all(abs(n - 1000) < 150 for n in seen.values())


@st.composite
def with_forbidden_pairs(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    n = draw(st.integers(1, 15))
    kinds = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    allowed = draw(st.lists(st.booleans(), min_size=16, max_size=16))
    groups = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    return (
        np.array(groups),
        np.array(draw(kinds)),
        np.array(draw(kinds)),
        np.array(allowed).reshape(4, 4),
    )


@given(with_forbidden_pairs(), st.integers(0, 2**32))
def test_forbidden_pairs_never_meet_if_there_is_a_way(
    case: tuple[np.ndarray, ...], seed: int
) -> None:
    groups, left, right, allowed = case
    matched = match_records(
        groups, groups, np.random.PCG64(seed), left_kind=left, right_kind=right, allowed=allowed
    )
    assert sorted(matched.partner) == list(range(len(groups)))
    assert np.array_equal(groups[matched.partner], groups)
    for group in np.unique(groups):
        member = np.flatnonzero(groups == group)
        cost = ~allowed[np.ix_(left[member], right[member])]
        least = int(cost[linear_sum_assignment(cost)].sum())
        assert matched.unplaced.get(int(group), 0) == least
        if least == 0:
            assert allowed[left[member], right[matched.partner[member]]].all()


def test_groups_of_different_size_are_refused() -> None:
    with pytest.raises(InputError, match="right_group"):
        match_records(np.array([0, 0]), np.array([0, 1]), np.random.PCG64(1))
