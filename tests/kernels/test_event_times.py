"""Events, censorings and risk sets equal a count by definition, however the times are stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.event_times import (
    EventTimes,
    event_times,
    event_times_by_group,
    event_times_of_counts,
    index_times,
    last_at_or_before,
)
from evalkit.kernels.time_index import distinct, starts

ROWS = st.lists(
    st.tuples(
        st.integers(0, 12),  # entry
        st.integers(1, 8),  # length
        st.integers(0, 2),  # cause
        st.integers(1, 3),  # weight
        st.integers(0, 2),  # group
    ),
    min_size=1,
    max_size=40,
)


def arrays(rows: list[tuple[int, ...]]) -> tuple[np.ndarray, ...]:
    """Return entry, time, cause, weight and group as arrays."""
    entry, length, cause, weight, group = np.array(rows, dtype=np.int64).T
    return entry * 1.0, (entry + length) * 1.0, cause, weight * 1.0, group


def by_definition(
    time: np.ndarray, event: np.ndarray, entry: np.ndarray | None, weights: np.ndarray
) -> EventTimes:
    """Count slowly."""
    times = np.unique(time)
    start = np.full(len(time), -1.0) if entry is None else entry
    at_risk = [weights[(start < t) & (time >= t)].sum() for t in times]
    sums = [[weights[(time == t) & (event == c)].sum() for c in range(3)] for t in times]
    squares = [[(weights[(time == t) & (event == c)] ** 2).sum() for c in range(3)] for t in times]
    entry_times = np.zeros(0) if entry is None else np.unique(entry)
    return EventTimes(
        times,
        np.array(at_risk),
        np.array(sums)[:, 1:],
        np.array(sums)[:, 0],
        np.array(squares)[:, 1:],
        entry_times,
        np.array([weights[entry == t].sum() for t in entry_times]),
    )


def same(found: EventTimes, expected: EventTimes, *, rtol: float = 1e-12) -> None:
    """Check that two tables are equal."""
    for name in EventTimes.__slots__:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=rtol)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1, 0.1, 1e12, 1e-12])
@settings(max_examples=15)
@given(rows=ROWS)
def test_counts_are_by_definition(
    rows: list[tuple[int, ...]], scale: float, weighted: bool, late: bool
) -> None:
    entry, time, cause, weight, _ = arrays(rows)
    found = event_times(
        time * scale,
        cause,
        2,
        entry=entry * scale if late else None,
        weights=weight if weighted else None,
    )
    expected = by_definition(
        time, cause, entry if late else None, weight if weighted else np.ones(len(time))
    )
    np.testing.assert_allclose(found.times, expected.times * scale, rtol=1e-12)
    assert found.at_risk.tolist() == expected.at_risk.tolist()
    assert found.events.tolist() == expected.events.tolist()
    assert found.censored.tolist() == expected.censored.tolist()
    assert found.events2.tolist() == expected.events2.tolist()
    assert found.entered.tolist() == expected.entered.tolist()
    moments = np.concatenate([expected.times, expected.times + 0.5, expected.entry_times, [0, 99]])
    start = entry if late else np.full(len(time), -1.0)
    mass = weight if weighted else np.ones(len(time))
    at_risk = [mass[(start < t) & (time >= t)].sum() for t in moments]
    assert found.at_risk_at(moments * scale).tolist() == at_risk


@given(rows=ROWS)
def test_whole_and_other_storage_agree(rows: list[tuple[int, ...]]) -> None:
    _, time, cause, _, _ = arrays(rows)
    days = event_times(time.astype(np.int64), cause, 2)
    same(days, event_times(time, cause, 2))
    sorted_times = event_times(time / 7, cause, 2)
    np.testing.assert_allclose(sorted_times.times * 7, days.times)
    assert sorted_times.at_risk.tolist() == days.at_risk.tolist()
    assert sorted_times.events.tolist() == days.events.tolist()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("scale", [1, 0.37])
@settings(max_examples=25)
@given(rows=ROWS)
def test_groups_are_counted_apart(rows: list[tuple[int, ...]], scale: float, late: bool) -> None:
    entry, time, cause, _, group = arrays(rows)
    _, group = np.unique(group, return_inverse=True)
    starts_at = entry * scale if late else None
    tables = event_times_by_group(
        time * scale, cause, 2, groups=group, n_groups=int(group.max()) + 1, entry=starts_at
    )
    for i, table in enumerate(tables):
        of = group == i
        same(
            table,
            event_times(
                time[of] * scale, cause[of], 2, entry=None if starts_at is None else starts_at[of]
            ),
        )


@pytest.mark.parametrize("late", [False, True])
@settings(max_examples=25)
@given(rows=ROWS)
def test_counts_give_what_rows_give(rows: list[tuple[int, ...]], late: bool) -> None:
    entry, time, cause, _, _ = arrays(rows)
    days = np.arange(21.0)
    events = np.array([[((time == d) & (cause == c)).sum() for c in (1, 2)] for d in days])
    censored = np.array([((time == d) & (cause == 0)).sum() for d in days])
    entered = np.array([(entry == d).sum() for d in days]) if late else None
    same(
        event_times_of_counts(days, events, censored, entered),
        event_times(time, cause, 2, entry=entry if late else None),
    )


def test_rounding_does_not_part_ties_nor_join_what_is_apart() -> None:
    table = event_times(np.array([0.1 + 0.2, 0.3, 0.3 + 1e-9]), np.array([1, 1, 1]), 1)
    assert table.events[:, 0].tolist() == [2, 1]
    tiny = event_times(np.array([1e-300, 2e-300, 0.0]), np.array([1, 1, 1]), 1)
    assert tiny.times.tolist() == [0, 1e-300, 2e-300]


def test_ties_do_not_chain() -> None:
    times = 1 + np.arange(6) * 0.6e-12
    assert starts(times).tolist() == [True, False, True, False, True, False]
    twice = np.repeat(times, 2)
    assert starts(twice).sum() == 3
    grid, codes = distinct(twice[::-1].copy())
    assert grid.tolist() == times[::2].tolist()
    assert codes[::-1].tolist() == np.repeat([0, 1, 2], 4).tolist()


def test_an_entry_that_ties_with_an_exit_is_not_at_risk_there() -> None:
    grid = index_times(np.array([0.3, 0.9, 0.5]), np.array([0.0, 0.1 + 0.2, 0.0]))
    assert grid.index.tolist() == [0, 2, 1]
    assert grid.entered is not None
    assert grid.entered.tolist() == [0, 1, 0]
    days = index_times(np.array([3.0, 9.0]), np.array([0.0, 3 - 1e-13]))
    assert days.entered is not None
    assert days.entered.tolist() == [0, 1]


def test_a_risk_set_that_empties_is_exactly_zero() -> None:
    # 0.1 + 0.2 - 0.3 is not 0 in floats, but nobody is left.
    table = event_times(
        np.array([1.0, 1.0, 5.0]),
        np.array([1, 1, 1]),
        1,
        entry=np.array([0.0, 0.0, 2.0]),
        weights=np.array([0.1, 0.2, 0.7]),
    )
    assert table.at_risk_at([1.5]).tolist() == [0]
    np.testing.assert_allclose(table.at_risk, [0.3, 0.7], rtol=1e-15)


def test_large_numbers_of_days_and_of_distinct_times() -> None:
    rng = np.random.default_rng(4)
    days = rng.integers(1, 3000, 100_000)
    event = rng.integers(0, 3, 100_000)
    table = event_times(days, event, 2)
    assert table.events.sum() + table.censored.sum() == 100_000
    other = event_times(days * 0.001, event, 2)
    assert other.at_risk.tolist() == table.at_risk.tolist()
    assert other.events.tolist() == table.events.tolist()
    apart = event_times(rng.random(1000), event[:1000], 2)
    assert apart.at_risk.tolist() == list(range(1000, 0, -1))


def test_times_so_far_apart_that_they_do_not_fit_one_number() -> None:
    table = event_times(np.array([1e-300, 1e300, 0.0]), np.array([1, 5, 0]), 5)
    assert table.times.tolist() == [0, 1e-300, 1e300]
    assert table.events[2].tolist() == [0, 0, 0, 0, 1]


def test_looking_back() -> None:
    times = np.array([1.0, 2.0])
    assert last_at_or_before(times, [0.5, 1, 1.5, 9]).tolist() == [-1, 0, 0, 1]
    assert last_at_or_before(np.array([3.0]), 3 - 1e-13) == 0
