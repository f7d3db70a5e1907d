"""Placing rows in intervals, against the definition written out row by row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalkit.kernels.person_periods import Rows, aggregate, count_cells, link_rows, place

BREAKS = np.array([3.0, 5.0, 9.0])
EDGES = [0.0, 3.0, 5.0, 9.0, np.inf]


@st.composite
def spells(draw: st.DrawFn):
    n = draw(st.integers(1, 12))
    exits = draw(st.lists(st.integers(1, 12), min_size=n, max_size=n))
    time = np.array(exits, dtype=float)
    entry = np.array([draw(st.integers(0, t - 1)) for t in exits], dtype=float)
    event = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    pattern = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    return time, event, entry, pattern


def by_definition(time, event, entry, pattern, closed, partial, late):
    """Count with loops."""
    at_risk, events = np.zeros((4, 3)), np.zeros((4, 3))
    for t, d, e, u in zip(time, event, entry, pattern, strict=True):
        for j, (low, high) in enumerate(pairwise(EDGES)):
            inside = low <= t < high if closed == "left" else low < t <= high
            happens = d and inside
            if not happens and min(t, high) <= max(e, low):
                continue
            if late == "next" and low < e < high:
                continue
            part = not happens and (e > low or (not d and t < high))
            at_risk[j, u] += 0.5 if part and partial == "half" else 1
            events[j, u] += happens
    return at_risk, events


@pytest.mark.parametrize("late", ["same", "next"])
@pytest.mark.parametrize("partial", ["whole", "half"])
@pytest.mark.parametrize("closed", ["left", "right"])
@given(spells())
def test_cells_and_rows_follow_the_definition(closed, partial, late, sample) -> None:
    time, event, entry, pattern = sample
    want = by_definition(time, event, entry, pattern, closed, partial, late)
    periods = place(time, event, entry, BREAKS, closed=closed, partial=partial, late=late)
    cells = aggregate(periods, pattern, 3)
    np.testing.assert_array_equal(cells.at_risk, want[0])
    np.testing.assert_array_equal(cells.events, want[1])
    rows = Rows.of(periods)
    for j in range(4):
        k, n, d = rows.at(j)
        which = pattern[rows.order[:k]]
        np.testing.assert_array_equal(np.bincount(which, n, minlength=3), want[0][j])
        np.testing.assert_array_equal(np.bincount(which, d, minlength=3), want[1][j])


@pytest.mark.parametrize("closed", ["left", "right"])
@given(spells())
def test_counts_equal_rows(closed, sample) -> None:
    time, event, entry, pattern = sample
    want = aggregate(place(time, event, entry, BREAKS, closed=closed), pattern, 3)
    day = np.concatenate([time, entry])
    zero = np.zeros(len(time))
    got = count_cells(
        day,
        np.concatenate([event.astype(float), zero]),
        np.concatenate([1.0 - event, zero]),
        np.concatenate([zero, zero + 1]),
        np.tile(pattern, 2),
        3,
        BREAKS,
        closed=closed,
    )
    np.testing.assert_array_equal(got.at_risk, want.at_risk)
    np.testing.assert_array_equal(got.events, want.events)


def test_weights_that_cancel_leave_nothing() -> None:
    time = np.array([1.0, 2.0, 4.0])
    periods = place(
        time,
        np.ones(3, dtype=bool),
        None,
        BREAKS,
        closed="left",
        weights=np.array([0.1, 0.2, 0.3]),
    )
    cells = aggregate(periods, np.zeros(3, dtype=np.int64), 1)
    np.testing.assert_array_equal(cells.at_risk[2:], 0.0)
    assert (cells.at_risk >= cells.events).all()


@given(spells(), st.lists(st.integers(1, 11), max_size=4))
@example((np.array([8.0]), np.array([True]), np.array([6.0]), np.array([0])), [7])
def test_rows_of_a_person_are_one_person(sample, cuts) -> None:
    time, event, entry, _ = sample
    whole = aggregate(
        place(time, event, entry, BREAKS, closed="left", partial="half"),
        np.zeros(len(time), dtype=np.int64),
        1,
    )
    pieces = []
    for person, (t, d, e) in enumerate(zip(time, event, entry, strict=True)):
        edges = [e, *sorted({c for c in cuts if e < c < t}), t]
        pieces += [(person, a, b, d and b == t) for a, b in pairwise(edges)]
    person, start, stop, happened = (np.array(column) for column in zip(*pieces, strict=True))
    periods = place(stop, happened, start, BREAKS, closed="left", partial="half")
    shuffle = np.random.default_rng(0).permutation(len(stop))
    periods = place(
        stop[shuffle], happened[shuffle], start[shuffle], BREAKS, closed="left", partial="half"
    )
    linked = link_rows(periods, person[shuffle], start[shuffle])
    joined = aggregate(linked, np.zeros(len(stop), dtype=np.int64), 1)
    np.testing.assert_array_equal(joined.at_risk, whole.at_risk)
    np.testing.assert_array_equal(joined.events, whole.events)
