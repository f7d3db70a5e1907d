"""Concordance, against all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.concordance import concordance, ranks, window_sums


def pairs(
    time: Any, event: Any, score: Any, entry: Any, strata: Any, weights: Any
) -> tuple[float, float, float]:
    """Add up all comparable pairs by definition."""
    found = [0.0, 0.0, 0.0]
    for i in np.flatnonzero(event):
        for j in range(len(time)):
            at_risk = strata[i] == strata[j] and entry[j] < time[i] <= time[j]
            if not at_risk or (event[j] and time[j] == time[i]):
                continue
            which = 2 if score[i] == score[j] else int(score[i] < score[j])
            found[which] += weights[i] * weights[j]
    return found[0], found[1], found[2]


@given(st.integers(0, 2**31), st.integers(2, 40), st.booleans(), st.booleans(), st.booleans())
def test_all_pairs(seed: int, n: int, entry: bool, strata: bool, weights: bool) -> None:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 5, n) * 1.0 if entry else np.full(n, -1.0)
    time = np.maximum(start, 0) + rng.integers(1, 8, n)
    event, score = rng.integers(0, 2, n), rng.integers(0, 6, n) / 3
    layer = rng.integers(0, 3, n) if strata else np.zeros(n, dtype=np.int64)
    v = rng.choice([0.5, 1.0, 3.0], n) if weights else np.ones(n)
    found = concordance(
        time,
        event,
        score,
        entry=start if entry else None,
        strata=layer if strata else None,
        weights=v if weights else None,
    )
    wanted = pairs(time, event, score, start, layer, v)
    assert (found.concordant, found.discordant, found.tied_score) == pytest.approx(wanted)
    if sum(wanted):
        assert found.estimate == pytest.approx((wanted[0] + wanted[2] / 2) / sum(wanted))


def test_standard_error_is_the_derivative() -> None:
    rng = np.random.default_rng(5)
    n = 30
    start = rng.integers(0, 5, n) * 1.0
    time, event = start + rng.integers(1, 9, n), rng.integers(0, 2, n)
    score, v = rng.integers(0, 6, n) / 3, rng.choice([0.5, 1.0, 3.0], n)
    common: dict[str, Any] = {"entry": start, "strata": rng.integers(0, 2, n)}
    found = concordance(time, event, score, weights=v, **common)
    slopes = np.empty(n)
    for i, h in enumerate(np.eye(n) * 1e-5):
        up = concordance(time, event, score, weights=v + h, **common).estimate
        down = concordance(time, event, score, weights=v - h, **common).estimate
        slopes[i] = (up - down) / 2e-5
    assert found.std_error == pytest.approx(float(np.sqrt(((v * slopes) ** 2).sum())), rel=1e-7)
    cluster = np.arange(n) // 3
    clustered = concordance(time, event, score, weights=v, cluster=cluster, **common)
    sums = np.bincount(cluster, v * slopes)
    assert clustered.std_error == pytest.approx(float(np.sqrt(sums @ sums)), rel=1e-7)


@given(st.integers(0, 2**31), st.integers(0, 30), st.integers(1, 20), st.booleans())
def test_window_sums(seed: int, m: int, n_ranks: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    rank = rng.integers(0, n_ranks, m)
    weight = rng.random(m) if weighted else None
    asked, low, high = (
        rng.integers(0, n_ranks, 9),
        rng.integers(0, m + 1, 9),
        rng.integers(0, m + 1, 9),
    )
    below, equal, above = window_sums(rank, weight, n_ranks, asked, low, high)
    w = np.ones(m) if weight is None else weight
    for k in range(9):
        part, mass = rank[low[k] : high[k]], w[low[k] : high[k]]
        assert below[k] == pytest.approx(mass[part < asked[k]].sum())
        assert equal[k] == pytest.approx(mass[part == asked[k]].sum())
        assert above[k] == pytest.approx(mass[part > asked[k]].sum(), abs=1e-12)


def test_rounding_errors_are_ties() -> None:
    found, count = ranks(np.array([0.1 + 0.2, 0.3, 5.0, 0.1]))
    assert found.tolist() == [1, 1, 2, 0]
    assert count == 3


def test_no_pairs() -> None:
    nobody = concordance(np.array([1.0, 2.0]), np.array([0, 0]), np.array([1.0, 2.0]))
    assert np.isnan(nobody.estimate)
