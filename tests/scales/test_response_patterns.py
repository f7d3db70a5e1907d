"""Straight lines, staircases and contradictions, row by row."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.response_patterns import answer_patterns

NAMES = ["a", "b", "c", "d", "e", "f"]


def found(rows: list[list[float]], **options: object) -> pd.DataFrame:
    """Return the patterns of some rows of six answers from 1 to 5."""
    df = pd.DataFrame(rows, columns=NAMES[: len(rows[0])], dtype=float)
    return answer_patterns(df, item_range=(1, 5), **options).people  # type: ignore[arg-type]


def test_row_by_row() -> None:
    nan = np.nan
    people = found([
        [3, 3, 3, 3, 3, 3],
        [1, 2, 3, 4, 5, 1],
        [5, 4, 3, 2, 1, 2],
        [2, 3, 4, 3, 4, 5],  # turns in the middle of the range
        [4, 4, nan, 4, 4, 2],
        [nan, nan, nan, nan, 2, 2],
        [nan] * 6,
    ])  # fmt: skip
    assert people["n_answered"].tolist() == [6, 6, 6, 6, 5, 2, 0]
    assert people["longest_run"].tolist() == [6, 1, 1, 1, 4, 2, 0]
    assert people["straight_line"].tolist() == [True] + [False] * 6
    assert people["staircase"].tolist() == [False, True, True, False, False, False, False]
    assert people["same_share"].tolist()[:6] == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 0.8, 1])
    assert np.isnan(people["same_share"].iloc[6])
    assert people["spread"].iloc[1] == pytest.approx(np.std([1, 2, 3, 4, 5, 1], ddof=1))
    assert np.isnan(people["spread"].iloc[6])


def test_contradiction_needs_both_directions() -> None:
    rows = [[4, 4, 4, 4, 4, 4], [3, 3, 3, 3, 3, 3], [4, 4, 4, 4, np.nan, np.nan]]
    people = found(rows, reversed_items=["e", "f"])
    assert people["contradiction"].tolist() == [True, False, False]
    assert not found(rows)["contradiction"].any()


def test_summary() -> None:
    df = pd.DataFrame([[4, 4, 4, 4], [1, 2, 3, 4], [5, 1, 4, 2], [2, 2, None, None]],
                      columns=NAMES[:4], index=["w", "x", "y", "z"])  # fmt: skip
    result = answer_patterns(df, item_range=(1, 5), reversed_items=["b"])
    frame = result.to_frame().set_index("pattern")
    assert frame["count"].to_dict() == {"straight_line": 1, "staircase": 1, "contradiction": 1}
    assert frame["n"].tolist() == [3, 3, 3]
    assert result.people.index.tolist() == ["w", "x", "y", "z"]
    assert "1 reversed" in str(result)
    assert "<table>" in result._repr_html_()
    plain = answer_patterns(df, item_range=(1, 5))
    assert "honest answer" in str(plain)
    assert "contradiction" not in plain.to_frame()["pattern"].tolist()


@given(st.lists(st.lists(st.integers(1, 5), min_size=5, max_size=5), min_size=1, max_size=6))
def test_longest_run_by_hand(rows: list[list[int]]) -> None:
    people = found([list(map(float, row)) for row in rows])
    for row, run in zip(rows, people["longest_run"].tolist(), strict=True):
        best = now = 1
        for before, after in itertools.pairwise(row):
            now = now + 1 if before == after else 1
            best = max(best, now)
        assert run == best


def test_refusals() -> None:
    df = pd.DataFrame([[1, 2], [9, 2]], columns=["a", "b"])
    with pytest.raises(InputError, match=r"^a: 1 value outside 1-5 \(9 x 1\)"):
        answer_patterns(df, item_range=(1, 5))
    with pytest.raises(InputError, match=r"^reversed_items: must be some of the items; got 'x'"):
        answer_patterns(df, item_range=(1, 9), reversed_items=["x"])
    with pytest.raises(InputError, match=r"^shortest: "):
        answer_patterns(df, item_range=(1, 9), shortest=1)
