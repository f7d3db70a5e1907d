"""Svensson's measures: ranges, signs, symmetry, and a table by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evalkit.kernels.svensson import paired_ordinal

tables = arrays(np.int64, (4, 4), elements=st.integers(0, 6))


@given(tables)
def test_ranges_and_symmetry(table: np.ndarray) -> None:
    assume(table.sum() > 1)
    found, other = paired_ordinal(table), paired_ordinal(table.T)
    turned = paired_ordinal(table[::-1, ::-1])
    assert -1 <= found.position <= 1
    assert 0 <= found.rank_variance < 2  # below 1 unless the ranks run against each other
    assert other.position == pytest.approx(-found.position, abs=1e-12)
    assert turned.position == pytest.approx(-found.position, abs=1e-12)
    assert other.rank_variance == pytest.approx(found.rank_variance, abs=1e-12)
    assert turned.rank_variance == pytest.approx(found.rank_variance, abs=1e-12)
    if not np.isnan(found.concentration):
        assert -1 - 1e-9 <= found.concentration <= 1 + 1e-9
        assert other.concentration == pytest.approx(-found.concentration, abs=1e-9)
        assert turned.concentration == pytest.approx(found.concentration, abs=1e-9)
    assert found.agreement + found.up + found.down == pytest.approx(1, abs=1e-12)


@given(tables, st.integers(0, 3))
def test_unused_levels_change_nothing(table: np.ndarray, place: int) -> None:
    assume(table.sum() > 1)
    wider = np.insert(np.insert(table, place, 0, axis=0), place, 0, axis=1)
    first, second = paired_ordinal(table), paired_ordinal(wider)
    assert second.position == pytest.approx(first.position, abs=1e-12)
    assert second.rank_variance == pytest.approx(first.rank_variance, abs=1e-12)
    assert second.position_error == pytest.approx(first.position_error, abs=1e-12)


def test_nobody_leaves_the_group() -> None:
    moved = paired_ordinal(np.array([[3, 2, 0], [0, 1, 4], [0, 0, 2]]))
    assert moved.rank_variance == 0  # all follow the rank-preserving pattern
    assert moved.position > 0
    assert moved.up == pytest.approx(6 / 12)


def test_two_by_two_by_hand() -> None:
    # before: 3 low, 3 high; after: 2 low, 4 high
    found = paired_ordinal(np.array([[1, 2], [1, 2]]))
    assert found.position == pytest.approx((3 * 4 - 3 * 2) / 36)
    assert found.concentration == 0  # nothing lies between two answers
    # ranks of X: 1, 2.5, 4, 5.5; of Y: 1, 3+..: cell by cell 1, 3.5, 2, 5.5
    by_hand = 6 / 216 * (2 * (2.5 - 3.5) ** 2 + (4 - 2) ** 2)
    assert found.rank_variance == pytest.approx(by_hand)


def test_few_pairs() -> None:
    assert np.isnan(paired_ordinal(np.zeros((3, 3), dtype=np.int64)).position)
    one = paired_ordinal(np.diag([0, 1, 0]))
    assert (one.position, one.rank_variance) == (0, 0)
    assert np.isnan(one.position_error)
    assert np.isnan(one.concentration)
