"""Coded answers and their sums, against plain arithmetic on the answers themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.scale_scores import (
    MISSING,
    add_up,
    add_up_values,
    code_answers,
    points_table,
    reverse,
    value_index,
    yes_no_algorithm,
)

answers = st.lists(
    st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=4, max_size=4),
    min_size=1,
    max_size=8,
)


def table_of(rows) -> np.ndarray:
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=float)


@given(st.lists(st.integers(-5, 20), min_size=1), st.integers(-5, 5), st.integers(6, 20))
def test_reversing_twice_is_the_identity(values, low: int, high: int) -> None:
    once = reverse(values, low, high)
    assert (once >= low + high - max(values)).all()
    assert reverse(once, low, high).tolist() == [float(value) for value in values]


def test_reversal_uses_the_declared_range() -> None:
    assert reverse([2, 3, np.nan], 1, 5).tolist()[:2] == [4, 3]  # not 3 and 2
    assert np.isnan(reverse([np.nan], 1, 5)[0])


def test_codes_are_distances_from_the_lowest() -> None:
    coded = code_answers(np.array([1.0, 5.0, np.nan]), 1, 5)
    assert coded.codes.tolist() == [0, 4, MISSING]
    assert coded.refused is None
    assert code_answers(np.array([-2, 3], dtype=np.int8), -2, 3).codes.tolist() == [0, 5]


def test_what_is_no_answer_is_refused_and_never_clipped() -> None:
    coded = code_answers(np.array([0.0, 1, 5, 6, 3.5, -np.inf, np.inf, np.nan]), 1, 5)
    assert coded.refused is not None
    assert coded.refused.tolist() == [True, False, False, True, True, True, True, False]
    assert coded.codes[[1, 2]].tolist() == [0, 4]
    assert (coded.codes[coded.refused] == MISSING).all()


def test_a_missing_code_is_not_refused() -> None:
    values = np.array([1, 99, 2])
    coded = code_answers(values, 1, 5, values == 99)
    assert coded.refused is None
    assert coded.codes.tolist() == [0, MISSING, 1]


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "u8", "f2", "f4"])
def test_every_type_of_number(dtype: str) -> None:
    values = np.array([0, 1, 90, 3], dtype=dtype)
    coded = code_answers(values, -2, 200, values == 90)
    assert coded.codes.tolist() == [2, 3, MISSING, 5]
    assert coded.refused is None
    refused = code_answers(values, 1, 200).refused
    assert refused is not None
    assert refused.tolist() == [True, False, False, False]


def test_blocks_make_no_difference() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(1, 6, 150_000).astype(float)
    values[[70_000, 149_999]] = np.nan, 9
    coded = code_answers(values, 1, 5)
    assert coded.refused is not None
    assert np.flatnonzero(coded.refused).tolist() == [149_999]
    table = points_table([1, 2, 3, 4, 5])
    scored = add_up([coded.codes], [table], mean=False, multiplier=1, min_answered=1)
    assert np.flatnonzero(np.isnan(scored.score)).tolist() == [70_000, 149_999]
    assert np.nansum(scored.score) == np.nansum(values) - 9


def test_no_rows() -> None:
    coded = code_answers(np.array([], dtype=float), 1, 5)
    table = points_table(range(1, 6))
    scored = add_up([coded.codes], [table], mean=True, multiplier=1, min_answered=1)
    assert len(scored.score) == 0


@given(answers, st.booleans(), st.integers(1, 4))
def test_both_ways_of_adding_up_give_the_plain_arithmetic(rows, mean: bool, least: int) -> None:
    table = table_of(rows)
    codes = [code_answers(column, 1, 5).codes for column in table.T]
    worth = points_table([5, 4, 3, 2, 1])
    coded = add_up(codes, [worth] * 4, mean=mean, multiplier=4, min_answered=least)
    plain = add_up_values(list((6 - table).T), mean=mean, multiplier=4, min_answered=least)
    np.testing.assert_array_equal(coded.score, plain.score)
    for i, row in enumerate(rows):
        points = [6 - x for x in row if x is not None]
        assert coded.n_answered[i] == plain.n_answered[i] == len(points)
        if len(points) < least:
            assert np.isnan(coded.score[i])
            assert not coded.rescued[i]
            continue
        average = sum(points) / len(points)
        assert coded.score[i] == pytest.approx(4 * average * (1 if mean else 4), rel=1e-14)
        assert coded.rescued[i] == (len(points) < 4)


@given(answers, st.permutations(range(4)))
def test_the_order_of_items_changes_nothing(rows, order) -> None:
    codes = [code_answers(column, 1, 5).codes for column in table_of(rows).T]
    worth = [points_table(np.arange(1, 6) * (j + 1)) for j in range(4)]
    one = add_up(codes, worth, mean=False, multiplier=1, min_answered=2)
    other = add_up(
        [codes[j] for j in order], [worth[j] for j in order],
        mean=False, multiplier=1, min_answered=2,
    )  # fmt: skip
    np.testing.assert_array_equal(one.score, other.score)


def test_value_index_takes_the_extra_away_once() -> None:
    first = np.array([0, 1, 2, 2, MISSING], dtype=np.uint8)
    second = np.array([0, 0, 0, 2, 0], dtype=np.uint8)
    scored = value_index([first, second], 1.0, [[0, 0.1, 0.2], [0, 0.3, 0.4]], 0.05)
    np.testing.assert_allclose(scored.score, [1, 0.9, 0.75, 0.35, np.nan], rtol=1e-14)
    assert scored.n_answered.tolist() == [2, 2, 2, 2, 1]


def test_the_algorithm_wants_everything_answered() -> None:
    yes = np.array([1, 1, 1, 0], dtype=np.uint8)
    listed = [np.array([1, 0, MISSING, 1], dtype=np.uint8), yes]
    graded = np.array([2, 2, 2, 2], dtype=np.uint8)
    scored = yes_no_algorithm([yes], listed, graded, 2)
    np.testing.assert_array_equal(scored.score, [2, 0, np.nan, 0])
