"""Optimal and full matching reach the total distance of an exact solver, and honour every rule."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import evalkit.kernels.optimal_matching as optimal
from evalkit.kernels.optimal_matching import full_match, optimal_match
from evalkit.kernels.pair_space import PairRules, PairSpace

Edge = tuple[int, int, float]


def edges_of(space: PairSpace) -> list[Edge]:
    """List every pair that is allowed."""
    found: list[Edge] = []
    for t in range(space.n_focal):
        others, distances = space.row(t)
        found += [(t, int(c), float(d)) for c, d in zip(others, distances, strict=True)]
    return found


def problem(seed: int) -> PairSpace:
    """Draw a small problem with ties, rules, strata and calipers."""
    r = np.random.default_rng(seed)
    n1, n0 = int(r.integers(0, 8)), int(r.integers(0, 14))
    grid, kind = int(r.integers(2, 30)), r.random()
    other: Any = None
    if kind < 0.2:
        focal = r.integers(0, 5, (n1, n0)).astype(np.float64)
        focal[r.random((n1, n0)) < 0.2] = np.inf
    elif kind < 0.6:
        focal, other = r.integers(0, grid, n1) / grid, r.integers(0, grid, n0) / grid
    else:
        focal, other = r.integers(0, grid, (n1, 2)) / grid, r.integers(0, grid, (n0, 2)) / grid
    strata: Any = (None, None)
    if r.random() < 0.3:
        strata = r.integers(0, 3, n1), r.integers(0, 3, n0)
    rule, rules = r.random(), PairRules()
    if rule < 0.2:
        rules = PairRules((r.integers(0, 2, n1),), (r.integers(0, 2, n0),))
    elif rule < 0.3:
        rules = PairRules((), (), (r.random(n1),), (r.random(n0),), (0.5,))
    caliper = [np.inf, 0.1, 0.2, 0.5][r.integers(4)]
    return PairSpace(focal, other, *strata, caliper=caliper, rules=rules)


def best_pairs(space: PairSpace, ratio: int) -> tuple[int, int, float]:
    """Find the most pairs, of the most units, at the least total, by integer programming."""
    edges = edges_of(space)
    m, n1, n0 = len(edges), space.n_focal, space.n_other
    if not m:
        return 0, 0, 0.0
    a = np.zeros((2 * n1 + n0, m + n1))
    for k, (t, c, _) in enumerate(edges):
        a[t, k], a[n1 + t, k], a[2 * n1 + c, k] = 1, -1, 1
    a[n1 + np.arange(n1), m + np.arange(n1)] = 1
    high = np.concatenate([np.full(n1, ratio), np.zeros(n1), np.ones(n0)])
    cost = np.array([d - 1000 for _, _, d in edges] + [-1000.0] * n1)
    solver: Any = optimize
    answer = solver.milp(
        cost,
        constraints=solver.LinearConstraint(a, -np.inf, high),
        integrality=np.ones(m + n1),
        bounds=solver.Bounds(0, 1),
    )
    x = np.round(answer.x)
    total = sum(d for (_, _, d), used in zip(edges, x[:m], strict=True) if used)
    return int(x[:m].sum()), int(x[m:].sum()), total


def best_cover(space: PairSpace, most_others: float, most_focal: float, least: int) -> float | None:
    """Find the least total of sets that hold everybody by integer programming."""
    edges = edges_of(space)
    if not edges:
        return 0.0
    n1, n0 = space.n_focal, space.n_other
    a = np.zeros((n1 + n0, len(edges)))
    for k, (t, c, _) in enumerate(edges):
        a[t, k] = a[n1 + c, k] = 1
    some = a.any(axis=1)
    low = np.concatenate([np.full(n1, float(least)), np.ones(n0)])[some]
    shared = 1.0 if least > 1 else most_focal
    high = np.concatenate([np.full(n1, most_others), np.full(n0, shared)])[some]
    solver: Any = optimize
    answer = solver.milp(
        np.array([d for _, _, d in edges]),
        constraints=solver.LinearConstraint(a[some], low, high),
        integrality=np.ones(len(edges)),
        bounds=solver.Bounds(0, 1),
    )
    return float(answer.fun) if answer.status == 0 else None


@pytest.mark.parametrize("block", range(3))
def test_optimal_pairs_reach_the_exact_total(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(400 * block, 400 * block + 400):
        space, ratio = problem(seed), 1 + seed % 3
        monkeypatch.setattr(optimal, "_FIRST", 1 + seed % 4)
        found = optimal_match(space, ratio)
        n, units, total = best_pairs(space, ratio)
        assert (len(found), len(np.unique(found.focal))) == (n, units), seed
        assert found.distance.sum() == pytest.approx(total, abs=1e-9), seed
        assert len(np.unique(found.other)) == len(found)
        assert {(t, c) for t, c, _ in edges_of(space)} >= set(
            zip(found.focal.tolist(), found.other.tolist(), strict=True)
        )
        assert np.bincount(found.focal).max(initial=0) <= ratio


LIMITS = [(np.inf, np.inf, 1), (2, np.inf, 1), (np.inf, 2, 1), (3, 2, 1), (4, np.inf, 2)]


@pytest.mark.parametrize("limits", LIMITS)
def test_full_matching_reaches_the_exact_total(limits: tuple[float, float, int]) -> None:
    for seed in range(500 if limits == LIMITS[0] else 150):
        space = problem(seed)
        most_others, most_focal, least = limits
        found = full_match(space, most_others=most_others, most_focal=most_focal, least=least)
        total = best_cover(space, *limits)
        assert (found is None) == (total is None), seed
        if found is None or total is None:
            continue
        assert found.distance.sum() == pytest.approx(total, abs=1e-9), seed
        of_focal = np.bincount(found.focal, minlength=space.n_focal)
        of_other = np.bincount(found.other, minlength=space.n_other)
        edges = edges_of(space)
        assert {t for t, _, _ in edges} == set(found.focal.tolist())
        assert {c for _, c, _ in edges} == set(found.other.tolist())
        if least == 1:  # one of the two groups has one member in every set
            assert not ((of_focal[found.focal] > 1) & (of_other[found.other] > 1)).any()
        assert of_focal.max(initial=0) <= most_others
        assert of_other.max(initial=0) <= (1 if least > 1 else most_focal)


small = st.lists(st.integers(0, 12), min_size=1, max_size=4)


@given(one=small, zero=st.lists(st.integers(0, 12), min_size=4, max_size=6))
def test_optimal_pairs_reach_the_total_of_all_assignments(one: list[int], zero: list[int]) -> None:
    focal, other = np.array(one, dtype=float), np.array(zero, dtype=float)
    least = min(
        sum(abs(x - zero[c]) for x, c in zip(one, chosen, strict=True))
        for chosen in permutations(range(len(zero)), len(one))
    )
    assert optimal_match(PairSpace(focal, other)).distance.sum() == pytest.approx(least)
    points = PairSpace(focal[:, None], other[:, None])
    assert optimal_match(points).distance.sum() == pytest.approx(least)


@given(small, small, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_the_total(one: Any, zero: Any, random: Any) -> None:
    focal, other = np.array(one, dtype=float), np.array(zero, dtype=float)
    mixed1, mixed0 = random.sample(one, len(one)), random.sample(zero, len(zero))
    again = PairSpace(np.array(mixed1, dtype=float), np.array(mixed0, dtype=float))
    for method in (optimal_match, full_match):
        first, second = method(PairSpace(focal, other)), method(again)
        assert first is not None
        assert second is not None
        assert first.distance.sum() == pytest.approx(second.distance.sum())


def test_the_line_and_the_assignment_agree_on_a_larger_problem() -> None:
    r = np.random.default_rng(5)
    focal, other = r.normal(0.8, 1, 150), r.normal(0, 1, 700)
    for caliper in (np.inf, 0.05):
        line = optimal_match(PairSpace(focal, other, caliper=caliper), 2)
        nobody = PairRules((np.zeros(150, dtype=int),), (np.ones(700, dtype=int),))
        other_way = optimal_match(PairSpace(focal, other, caliper=caliper, rules=nobody), 2)
        assert len(line) == len(other_way)
        assert line.distance.sum() == pytest.approx(other_way.distance.sum(), rel=1e-9)
