"""Junction trees, forced cells, whole-number tables and the location of clashes."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.integer_margins import find_clash, integer_table
from evalkit.kernels.margins import forced_cells, junction_tree, proportional_seed


def pairs_of(shape: tuple[int, ...]) -> np.ndarray:
    """Rows that count every two-way margin of a table, for the table raveled."""
    codes = np.indices(shape).reshape(len(shape), -1)
    return np.array(
        [
            (codes[i] == a) & (codes[j] == b)
            for i, j in combinations(range(len(shape)), 2)
            for a in range(shape[i])
            for b in range(shape[j])
        ]
    ).astype(np.int64)


@given(st.lists(st.sets(st.integers(0, 6), max_size=4), min_size=1, max_size=8))
def test_cliques_cover_the_margins_and_have_running_intersection(sets: list[set[int]]) -> None:
    tree = junction_tree(sets)
    assert all(any(members <= set(clique) for clique in tree.cliques) for members in sets)
    before: set[int] = set()
    for clique, parent, separator in zip(tree.cliques, tree.parents, tree.separators, strict=True):
        assert set(separator) == before & set(clique)
        assert set(separator) <= (set(tree.cliques[parent]) if parent >= 0 else set())
        before |= set(clique)


def test_decomposable_margins_keep_their_own_cliques() -> None:
    tree = junction_tree([{0, 5}, {1, 5}, {5}, {2, 5, 6}, {6, 3}])
    assert set(tree.cliques) == {(0, 5), (1, 5), (2, 5, 6), (3, 6)}


def test_a_square_is_triangulated() -> None:
    tree = junction_tree([{0, 1}, {1, 2}, {2, 3}, {3, 0}])
    assert [len(clique) for clique in tree.cliques] == [3, 3]


def test_margins_without_common_variables_meet_in_the_empty_separator() -> None:
    assert junction_tree([{0}, {1}]).separators == ((), ())


# Two rows by two columns, worked by hand: the cell (0, 0) is printed, the rest follows.
TWO_WAY = np.array(
    [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0]]
)


def test_cells_that_follow() -> None:
    margins = np.array([10, 6, 4, 7, 3, 5])
    forced = forced_cells(TWO_WAY, margins, margins)
    assert forced.consistent
    assert forced.table.tolist() == [5, 1, 2, 2]


def test_cells_that_do_not_follow_are_open() -> None:
    margins = np.array([10, 6, 4, 7, 3])
    forced = forced_cells(TWO_WAY[:5], margins, margins)
    assert forced.consistent
    assert forced.table.tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize("wrong", [[11, 6, 4, 7, 3, 5], [10, 6, 4, 7, 3, 7]])
def test_contradictions_are_seen(wrong: list[int]) -> None:
    assert not forced_cells(TWO_WAY, np.array(wrong), np.array(wrong)).consistent


def test_proportional_seed_of_two_margins_is_the_product() -> None:
    margins = np.array([10, 6, 4, 7, 3])
    seed = proportional_seed(TWO_WAY[:5], margins, margins)
    np.testing.assert_allclose(seed, [4.2, 1.8, 2.8, 1.2], atol=1e-6)


@settings(max_examples=30)
@given(st.data())
def test_cyclic_margins_are_honoured(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(2, 4)] * 3))
    size = int(np.prod(shape))
    truth = np.array(data.draw(st.lists(st.integers(0, 30), min_size=size, max_size=size)))
    A = pairs_of(shape)
    width = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(A), max_size=len(A))))
    low, high = np.maximum(A @ truth - width, 0), A @ truth + width
    found = integer_table(A, low, high, seed=proportional_seed(A, low, high))
    assert found is not None
    assert (found.table >= 0).all()
    assert ((A @ found.table >= low) & (A @ found.table <= high)).all()


def test_the_relaxation_is_not_whole_but_the_table_is() -> None:
    # Every two-way margin of a 2 x 2 x 2 table is 1: the only proportional table is all halves.
    A = pairs_of((2, 2, 2))
    one = np.ones(len(A), dtype=np.int64)
    seed = proportional_seed(A, one, one)
    assert set(seed.tolist()) == {0.5}
    found = integer_table(A, one, one, seed=seed)
    assert found is not None
    assert sorted(found.table.tolist()) == [0] * 4 + [1] * 4
    assert (A @ found.table == 1).all()


def test_impossible_margins_have_no_table() -> None:
    margins = np.array([10, 6, 5, 7, 3])
    assert integer_table(TWO_WAY[:5], margins, margins, seed=np.zeros(4)) is None


def test_margins_that_hold_have_no_clash() -> None:
    margins = np.array([10, 6, 4, 7, 3, 5])
    assert find_clash(TWO_WAY, margins, margins) is None
    assert find_clash(TWO_WAY[:0], margins[:0], margins[:0]) is None


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 10**6), st.sampled_from([-30, -7, -1, 1, 10, 27]))
def test_a_planted_error_is_outvoted(seed: int, where: int, slip: int) -> None:
    # A table printed with its cells, rows, columns and total.
    truth = np.random.default_rng(seed).integers(40, 200, 12)
    rows = np.kron(np.eye(3, dtype=np.int64), np.ones(4, dtype=np.int64))
    columns = np.tile(np.eye(4, dtype=np.int64), 3)
    A = np.vstack([np.eye(12, dtype=np.int64), rows, columns, np.ones((1, 12), dtype=np.int64)])
    printed = A @ truth
    wrong = where % len(A)
    printed[wrong] += slip
    clash = find_clash(A, printed, printed)
    assert clash is not None
    assert clash.alternatives
    assert (clash.rows, clash.excess) == ((wrong,), (slip,))


def test_two_margins_that_disagree_are_both_listed() -> None:
    # Rows sum to 11, columns to 10, and nothing else is known.
    margins = np.array([7, 4, 7, 3])
    clash = find_clash(TWO_WAY[1:5], margins, margins)
    assert clash is not None
    assert clash.alternatives
    assert dict(zip(clash.rows, clash.excess, strict=True)) == {0: 1, 1: 1, 2: -1, 3: -1}


def test_two_errors_must_give_way_together() -> None:
    # Two tables that know nothing of each other, with a wrong total in each.
    nothing = np.zeros_like(TWO_WAY)
    A = np.block([[TWO_WAY, nothing], [nothing, TWO_WAY]])
    margins = np.array([17, 6, 4, 7, 3, 5, 7, 6, 4, 7, 3, 5])
    clash = find_clash(A, margins, margins)
    assert clash is not None
    assert not clash.alternatives
    assert (clash.rows, clash.excess) == ((0, 6), (7, -3))


def test_intervals_give_way_only_as_far_as_needed() -> None:
    low, high = np.array([10, 4, 9]), np.array([10, 6, 9])
    A = np.array([[1, 1], [1, 0], [0, 1]])
    clash = find_clash(A, low, high)
    assert clash is not None
    assert dict(zip(clash.rows, clash.excess, strict=True)) == {0: -3, 1: 3, 2: 3}


def test_wholeness_alone_can_be_the_clash() -> None:
    # 2x = 1 in disguise: x + y = 1 with x = y, the link never giving way.
    clash = find_clash(np.array([[1, 1]]), np.array([1]), np.array([1]), links=np.array([[1, -1]]))
    assert clash is not None
    assert clash.rows == (0,)
    assert abs(clash.excess[0]) == 1


def test_matching_needs_neither_scipy_nor_pandas() -> None:
    code = (
        "import sys, evalkit.kernels.margins, evalkit.kernels.record_matching;"
        "import evalkit.kernels.integer_margins;"
        "print({'scipy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
