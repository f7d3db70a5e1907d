"""P-values and confidence sets against a direct computation over every assignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.permutation import UrnDraws, Urns, enumerate_urns
from evalkit.kernels.randomisation_inference import Reference, confidence_set, p_value, step_down
from evalkit.kernels.randomisation_statistics import Unadjusted, evaluate, observed


def directly(y: np.ndarray, z: np.ndarray, s: np.ndarray, *, studentised: bool) -> float:
    """Difference in means, stratum by stratum, by itself or over its standard error."""
    value = variance = 0.0
    for level in np.unique(s):
        one, other = y[(s == level) & z], y[(s == level) & ~z]
        share = np.mean(s == level)
        value += share * (one.mean() - other.mean())
        if studentised:
            parts = one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)
            variance += share**2 * parts
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(value / np.sqrt(variance)) if studentised else float(value)


def small_trial(seed: int, n_strata: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, arms and strata of a dozen persons, some of them tied."""
    source = np.random.default_rng(seed)
    n = {1: 9, 2: 10, 3: 12}[n_strata]
    s = np.arange(n) % n_strata
    z = np.zeros(n, dtype=bool)
    for level in range(n_strata):
        inside = np.flatnonzero(s == level)
        z[source.choice(inside, max(2, len(inside) // 2), replace=False)] = True
    y = source.integers(0, 6, n) if seed % 2 else source.standard_normal(n)
    return y + 1.0 * z, z, s


def reference(y: np.ndarray, z: np.ndarray, s: np.ndarray, *, studentised: bool) -> Reference:
    urns = Urns.of(z, s, np.zeros(len(y), dtype=np.int64))
    statistic = [Unadjusted(y, np.arange(len(y)), urns, studentised=studentised)]
    drawn = evaluate(statistic, urns, enumerate_urns(urns))
    return Reference(observed(statistic, urns)[0], drawn[0], True, float(y.std()))


@pytest.mark.parametrize("studentised", [False, True])
@pytest.mark.parametrize("n_strata", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_sets_hold_the_shifts_that_are_not_rejected(
    seed: int, n_strata: int, studentised: bool
) -> None:
    y, z, s = small_trial(seed, n_strata)
    if studentised and directly(y, z, s, studentised=True) in (np.inf, -np.inf):
        pytest.skip("no variation")
    tested = reference(y, z, s, studentised=studentised)
    urns = Urns.of(z, s, np.zeros(len(y), dtype=np.int64))
    listed = enumerate_urns(urns).assigned
    assert len(listed) == urns.n_assignments
    assert np.log10(len(listed)) == pytest.approx(urns.log10_assignments)

    def share(shift: float) -> float:
        left = y - shift * z
        seen = abs(directly(left, z, s, studentised=studentised))
        far = np.array([abs(directly(left, k, s, studentised=studentised)) for k in listed])
        return float(np.mean(np.where(np.isnan(far), np.inf, far) >= seen * (1 - 1e-9)))

    assert p_value(tested) == pytest.approx(share(0.0), abs=1e-12)
    for alpha in (0.05, 0.1):
        pieces = confidence_set(tested, alpha)
        assert (pieces[:, 0] <= pieces[:, 1]).all()
        centre = tested.observed.constant[0]
        assert ((pieces[:, 0] <= centre) & (centre <= pieces[:, 1])).any()
        ends = [(low, -1) for low in pieces[:, 0]] + [(high, 1) for high in pieces[:, 1]]
        for end, outwards in ends:
            if np.isfinite(end):
                assert share(end - outwards * 1e-7) > alpha
                assert share(end + outwards * 1e-7) <= alpha


@settings(max_examples=25, deadline=None)
@given(
    y=st.lists(st.integers(-3, 3), min_size=6, max_size=7),
    size=st.integers(2, 4),
    studentised=st.booleans(),
)
def test_p_values_are_exact_under_the_null(y: list[int], size: int, studentised: bool) -> None:
    """P(p <= a) <= a, with equality at the attainable levels: over every assignment."""
    outcomes, n = np.array(y, dtype=float), len(y)
    stratum = np.zeros(n, dtype=np.int64)
    z = np.arange(n) < size
    listed = enumerate_urns(Urns.of(z, stratum, stratum)).assigned
    values = []
    for assigned in listed:
        urns = Urns.of(assigned, stratum, stratum)
        statistic = [Unadjusted(outcomes, np.arange(n), urns, studentised=studentised)]
        drawn = evaluate(statistic, urns, enumerate_urns(urns))[0]
        seen = observed(statistic, urns)[0]
        values.append(p_value(Reference(seen, drawn, True, float(outcomes.std()))))
    found = np.array(values)
    for level in np.unique(found):
        assert np.mean(found <= level + 1e-12) == pytest.approx(level, abs=1e-12)
    for level in (0.01, 0.05, 0.1, 0.37):
        assert np.mean(found <= level) <= level


def test_random_assignments_keep_the_level_exactly() -> None:
    """With R random assignments P(p <= k / (R + 1)) is k / (R + 1) where there are no ties."""
    source = np.random.default_rng(4)
    n, draws, runs = 12, 19, 1500
    y = source.standard_normal(n)
    stratum = np.zeros(n, dtype=np.int64)
    values = np.empty(runs)
    for i in range(runs):
        urns = Urns.of(source.permutation(n) < 5, stratum, stratum)
        statistic = [Unadjusted(y, np.arange(n), urns, studentised=False)]
        drawn = evaluate(statistic, urns, UrnDraws(urns, draws, source))[0]
        values[i] = p_value(Reference(observed(statistic, urns)[0], drawn, False, 1.0))
    for level in (0.05, 0.1, 0.5):
        error = np.sqrt(level * (1 - level) / runs)
        assert np.mean(values <= level + 1e-12) < level + 4 * error
    assert np.mean(values <= 0.1 + 1e-12) == pytest.approx(0.1, abs=0.03)


def test_too_few_assignments_reject_no_shift() -> None:
    y, z, s = small_trial(0, 1)
    pieces = confidence_set(reference(y, z, s, studentised=False), 1 / 200)
    assert pieces.tolist() == [[-np.inf, np.inf]]


def test_sets_may_be_in_pieces() -> None:
    # Three intervals that overlap twice, on either side of where only one is.
    from evalkit.kernels.randomisation_inference import _covered

    starts, ends = np.array([0.0, 0.0, 3.0]), np.array([5.0, 1.0, 4.0])
    assert _covered(starts, ends, 2).tolist() == [[0, 1], [3, 4]]
    assert _covered(starts, ends, 1).tolist() == [[0, 5]]
    assert _covered(starts, ends, 3).tolist() == []
    touching = _covered(np.array([0.0, 1.0]), np.array([1.0, 2.0]), 2)
    assert touching.tolist() == [[1, 1]]
    assert _covered(np.array([-np.inf]), np.array([np.inf]), 1).tolist() == [[-np.inf, np.inf]]


def test_step_down_keeps_the_order_and_single_outcomes() -> None:
    source = np.random.default_rng(1)
    drawn = np.abs(source.standard_normal((999, 3)))
    seen = np.array([1.0, 3.0, 2.0])
    adjusted = step_down(seen, drawn, complete=False)
    assert adjusted[1] <= adjusted[2] <= adjusted[0]
    assert adjusted[1] == (1 + (drawn.max(axis=1) >= 3).sum()) / 1000
    assert adjusted[0] >= (1 + (drawn[:, 0] >= 1).sum()) / 1000
    alone = step_down(seen[:1], drawn[:, :1], complete=False)
    assert alone[0] == (1 + (drawn[:, 0] >= 1).sum()) / 1000
