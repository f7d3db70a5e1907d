"""Raking: targets met, the form of the weights, cells against rows, targets out of reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.raking import cells_of, rake_weights


def by_rows(start, codes, targets, rounds=2000):
    """Rake row by row, with no cells."""
    weights = np.array(start, dtype=float)
    for _ in range(rounds):
        for code, target in zip(codes, targets, strict=True):
            for level, total in enumerate(target):
                inside = code == level
                if weights[inside].sum() > 0:
                    weights[inside] *= total / weights[inside].sum()
    return weights


def test_two_margins_by_hand() -> None:
    """Start 1 in each of 2 x 2 cells: the raked table is the product of the margins."""
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    raked = rake_weights(np.ones(4), [a, b], [np.array([3.0, 7.0]), np.array([4.0, 6.0])])
    assert raked.weights == pytest.approx([1.2, 1.8, 2.8, 4.2], rel=1e-12)
    assert raked.converged
    assert raked.rounds == 1
    assert raked.largest_gap <= 1e-10


def test_odds_ratios_are_kept() -> None:
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    start = np.array([5.0, 2.0, 1.0, 7.0])
    raked = rake_weights(start, [a, b], [np.array([30.0, 70.0]), np.array([55.0, 45.0])])
    w = raked.weights
    assert w[0] * w[3] / (w[1] * w[2]) == pytest.approx(35 / 2, rel=1e-10)
    assert [w[0] + w[1], w[0] + w[2]] == pytest.approx([30, 55], rel=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_cells_and_rows_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [2, 3, 2]
    codes = [np.concatenate([rng.integers(0, k, 40), np.arange(12) % k]) for k in sizes]
    start = rng.uniform(0.5, 2, 52)
    # Targets that weights exist for: the totals of other weights.
    other = rng.uniform(0.3, 3, 52)
    targets = [np.bincount(c, other, k) for c, k in zip(codes, sizes, strict=True)]
    raked = rake_weights(start, codes, targets)
    assert raked.converged
    assert raked.weights == pytest.approx(by_rows(start, codes, targets, 400), rel=1e-7)
    order = rng.permutation(52)
    again = rake_weights(start[order], [c[order] for c in codes], targets)
    assert again.weights == pytest.approx(raked.weights[order], rel=1e-9)


def test_a_row_of_weight_two_is_two_rows() -> None:
    code, target = np.array([0, 1, 1]), np.array([4.0, 6.0])
    other, wanted = np.array([0, 0, 1]), np.array([7.0, 3.0])
    once = rake_weights(np.array([1.0, 2.0, 1.0]), [code, other], [target, wanted])
    twice = rake_weights(
        np.ones(4), [np.array([0, 1, 1, 1]), np.array([0, 0, 0, 1])], [target, wanted]
    )
    assert once.weights == pytest.approx(
        [twice.weights[0], twice.weights[1:3].sum(), twice.weights[3]], rel=1e-12
    )


def test_a_target_of_nothing_takes_the_weight_away() -> None:
    raked = rake_weights(np.ones(3), [np.array([0, 1, 1])], [np.array([0.0, 5.0])])
    assert raked.weights.tolist() == [0.0, 2.5, 2.5]
    assert raked.converged


def test_targets_out_of_reach_are_said() -> None:
    absent = rake_weights(np.ones(2), [np.array([0, 0])], [np.array([1.0, 1.0])])
    assert not absent.converged
    assert absent.largest_gap == pytest.approx(0.5)
    contradictory = rake_weights(
        np.ones(2), [np.array([0, 1]), np.array([0, 1])], [np.array([1.0, 3.0]), np.ones(2) * 2]
    )
    assert not contradictory.converged
    assert contradictory.largest_gap == pytest.approx(0.25)
    assert contradictory.rounds < 1000


def test_many_margins_overflow_nothing() -> None:
    rng = np.random.default_rng(1)
    codes = [rng.integers(0, 50, 300) for _ in range(14)]  # 50**14 > 2**63
    cells = cells_of(codes, [50] * 14)
    rebuilt = np.stack([level[cells.index] for level in cells.levels])
    assert (rebuilt == np.stack(codes)).all()
    assert len(cells.levels[0]) == 300


def test_a_million_rows_are_collapsed() -> None:
    rng = np.random.default_rng(2)
    codes = [rng.integers(0, k, 1_000_000) for k in (2, 5, 21)]
    targets = [np.full(k, 1e6 / k) for k in (2, 5, 21)]
    raked = rake_weights(np.ones(1_000_000), codes, targets)
    assert raked.converged
    assert np.bincount(codes[2], raked.weights) == pytest.approx(targets[2], rel=1e-8)
