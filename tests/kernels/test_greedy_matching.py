"""Greedy matching does what its rule says: the nearest that is left, one unit after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit.kernels.vector_matching as vectors
from evalkit.kernels.greedy_matching import Pairs, greedy_match, variable_quota
from evalkit.kernels.pair_space import PairRules, PairSpace
from evalkit.kernels.vector_matching import average_ranks, robust_whitening, vector_match, whitening


def naive(space: PairSpace, quota: Any, order: Any, reuse: int) -> list[tuple[int, int]]:
    """Look at every pair at every step."""
    used = np.zeros(space.n_other, dtype=int)
    mine: list[list[int]] = [[] for _ in range(space.n_focal)]
    rows = [
        list(zip(*(part.tolist() for part in space.row(t)), strict=True))
        for t in range(space.n_focal)
    ]

    def candidates(t: int) -> list[tuple[float, int, int]]:
        return [
            (d, t, c) for c, d in rows[t] if (reuse == 0 or used[c] < reuse) and c not in mine[t]
        ]

    def take(pair: tuple[float, int, int]) -> None:
        mine[pair[1]].append(pair[2])
        used[pair[2]] += 1

    for turn in range(int(quota.max(initial=0))):
        todo = [t for t in range(space.n_focal) if quota[t] > turn and len(mine[t]) == turn]
        if order is not None:
            for t in order:
                if t in todo and (pairs := candidates(t)):
                    take(min(pairs))
            continue
        while pairs := [pair for t in todo for pair in candidates(t)]:
            closest = min(pairs)
            take(closest)
            todo.remove(closest[1])
    return [(t, c) for t in range(space.n_focal) for c in mine[t]]


def problem(seed: int, kind: str) -> tuple[PairSpace, Any, Any, int]:
    """Draw a small problem with many ties, rules, strata and calipers."""
    r = np.random.default_rng(seed)
    n1, n0 = int(r.integers(0, 9)), int(r.integers(0, 16))
    grid = int(r.integers(2, 30))
    other: Any = None
    if kind == "line":
        focal, other = r.integers(0, grid, n1) / grid, r.integers(0, grid, n0) / grid
    elif kind == "points":
        d = int(r.integers(1, 4))
        focal, other = r.integers(0, grid, (n1, d)) / grid, r.integers(0, grid, (n0, d)) / grid
    else:
        focal = r.integers(0, 5, (n1, n0)).astype(np.float64)
        focal[r.random((n1, n0)) < 0.2] = np.inf
    strata: Any = (None, None)
    if r.random() < 0.5:
        strata = r.integers(0, 3, n1), r.integers(0, 3, n0)
    rules = PairRules()
    if (kind_of_rule := r.random()) < 0.4:
        apart = (r.integers(0, 2, n1),), (r.integers(0, 2, n0),)
        window: Any = ((), (), ())
        if kind_of_rule < 0.2:
            window = (r.random(n1),), (r.random(n0),), (0.5,)
        rules = PairRules(*apart, *window)
    caliper = [np.inf, 0.2, 0.5][r.integers(3)]
    space = PairSpace(focal, other, *strata, caliper=caliper, rules=rules)
    order = None if r.random() < 0.3 else r.permutation(n1)
    return space, r.integers(1, 4, n1), order, int(r.integers(0, 4))


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    """Return the pairs as a list."""
    return list(zip(pairs.focal.tolist(), pairs.other.tolist(), strict=True))


@pytest.mark.parametrize("block", range(4))
def test_thousands_of_problems_on_a_line(block: int) -> None:
    for seed in range(1000 * block, 1000 * block + 1000):
        space, quota, order, reuse = problem(seed, "line")
        found = greedy_match(space, quota, order=order, reuse=reuse)
        assert listed(found) == naive(space, quota, order, reuse), seed


@pytest.mark.parametrize("kind", ["points", "table"])
def test_thousands_of_problems_in_a_space(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(1500):
        monkeypatch.setattr(vectors, "_FIRST", 1 + seed % 9)
        space, quota, order, reuse = problem(seed, kind)
        found = vector_match(space, quota, order=order, reuse=reuse)
        assert listed(found) == naive(space, quota, order, reuse), seed


def test_compiled_loops_give_the_same_pairs() -> None:
    for seed in range(300):
        space, quota, order, reuse = problem(seed, "line")
        plain = greedy_match(space, quota, order=order, reuse=reuse, compiled=False)
        compiled = greedy_match(space, quota, order=order, reuse=reuse, compiled=True)
        assert listed(plain) == listed(compiled), seed


def test_a_large_problem_gives_the_same_compiled() -> None:
    r = np.random.default_rng(1)
    focal, other = r.beta(3, 2, 3000), r.beta(2, 5, 9000)
    strata = r.integers(0, 7, 3000), r.integers(0, 7, 9000)
    space = PairSpace(focal, other, *strata, caliper=0.02)
    order = np.argsort(-focal, kind="stable")
    quota = np.full(3000, 2)
    plain = greedy_match(space, quota, order=order, compiled=False)
    compiled = greedy_match(space, quota, order=order, compiled=True)
    assert listed(plain) == listed(compiled)
    assert len(np.unique(plain.other)) == len(plain)
    assert (plain.distance <= 0.02).all()


scores = st.lists(st.floats(0, 1, allow_subnormal=False), max_size=12).map(np.array)


@given(focal=scores, other=scores, caliper=st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_a_caliper_is_a_guarantee(focal: Any, other: Any, caliper: float) -> None:
    space = PairSpace(focal.astype(float), other.astype(float), caliper=caliper)
    found = greedy_match(space, np.ones(len(focal), dtype=int), order=None)
    assert (np.abs(focal[found.focal] - other[found.other]) <= caliper).all()
    assert len(np.unique(found.other)) == len(found) == len(np.unique(found.focal))


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=12), st.lists(st.integers(0, 40), max_size=12)
)
@settings(max_examples=200, deadline=None)
def test_points_on_a_line_are_matched_as_scores(one: list[int], zero: list[int]) -> None:
    focal, other = np.array(one, dtype=float), np.array(zero, dtype=float)
    quota, order = np.ones(len(one), dtype=int), np.arange(len(one))
    line = greedy_match(PairSpace(focal, other), quota, order=order)
    space = PairSpace(focal[:, None], other.reshape(-1, 1))
    assert listed(vector_match(space, quota, order=order)) == listed(line)


def test_ties_go_to_the_lower_position() -> None:
    space = PairSpace(np.array([0.5]), np.array([0.75, 0.25, 0.25]))
    assert greedy_match(space, np.array([3]), order=None).other.tolist() == [0, 1, 2]


def test_a_variable_ratio_adds_up() -> None:
    score = np.random.default_rng(2).random(37)
    quota = variable_quota(score, 2.3, 1, 5)
    assert quota.sum() == round(2.3 * 37)
    assert set(quota.tolist()) <= set(range(1, 6))
    assert (np.diff(quota[np.argsort(score)]) <= 0).all()


def test_whitened_distances_are_mahalanobis() -> None:
    r = np.random.default_rng(3)
    x = r.normal(size=(30, 3)) @ r.normal(size=(3, 3)) + [1e6, 0, -5]
    treated = r.random(30) < 0.4
    pooled = sum(np.cov(x[g].T) * (g.sum() - 1) for g in (treated, ~treated)) / 28
    moved = x[0] - x[1]
    points = whitening(x, treated).points
    direct = np.sqrt(moved @ np.linalg.solve(pooled, moved))
    np.testing.assert_allclose(np.linalg.norm(points[0] - points[1]), direct, rtol=1e-7)
    other = whitening(x * [2.0, 1e-3, 50.0], treated).points
    np.testing.assert_allclose(
        np.linalg.norm(points[:, None] - points, axis=2),
        np.linalg.norm(other[:, None] - other, axis=2),
        rtol=1e-6, atol=1e-9,
    )  # fmt: skip


def test_robust_distances_depend_on_ranks_only() -> None:
    x = np.random.default_rng(4).normal(size=(25, 2))
    np.testing.assert_allclose(
        robust_whitening(x).points, robust_whitening(np.exp(3 * x)).points, rtol=1e-10
    )
    assert average_ranks(np.array([2.0, 2.0, 1.0])).tolist() == [2.5, 2.5, 1.0]


def test_a_covariate_that_does_not_vary_within_groups_lowers_the_rank() -> None:
    treated = np.array([True, True, False, False, False])
    x = np.column_stack([treated * 1.0, [1.0, 4, 2, 9, 5]])
    assert whitening(x, treated).rank == 1
