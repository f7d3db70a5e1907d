"""Rows split at a treatment's start or at given times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival.splitting import split_rows

SPELLS = pd.DataFrame(
    {
        "days": [90, 50, 30, 60, 20],
        "ended": [1, 0, 1, 1, 1],
        "redo_day": [60, np.nan, 0, 60, 45],
        "sex": list("mwwmw"),
    },
    index=[5, 6, 7, 8, 9],
)
NAMES: dict[str, Any] = {"duration": "days", "event": "ended"}


def test_each_case_at_the_start_of_a_treatment() -> None:
    out = split_rows(SPELLS, at="redo_day", **NAMES)
    assert out[["entry", "days", "ended", "after_redo_day"]].to_numpy().tolist() == [
        [0, 60, 0, 0], [60, 90, 1, 1],  # treated on day 60
        [0, 50, 0, 0],  # never
        [0, 30, 1, 1],  # from the beginning
        [0, 60, 1, 0],  # on the day of exit: not yet
        [0, 20, 1, 0],  # after the exit
    ]  # fmt: skip
    assert out.index.tolist() == [5, 5, 6, 7, 8, 9]
    assert out["sex"].tolist() == list("mmwwmw")
    assert out["days"].dtype == np.int64
    assert out["entry"].dtype == np.int64


def test_given_times_and_delayed_entry() -> None:
    late = SPELLS.assign(start=[10, 0, 5, 45, 0])
    out = split_rows(late, at=[10, 45], entry="start", indicator="step", **NAMES)
    assert out[["start", "days", "ended", "step"]].to_numpy().tolist() == [
        [10, 45, 0, 1], [45, 90, 1, 2],
        [0, 10, 0, 0], [10, 45, 0, 1], [45, 50, 0, 2],
        [5, 10, 0, 0], [10, 30, 1, 1],
        [45, 60, 1, 2],
        [0, 10, 0, 0], [10, 20, 1, 1],
    ]  # fmt: skip


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=5, unique=True))
def test_pieces_make_up_the_rows(times: list[float]) -> None:
    out = split_rows(SPELLS, at=sorted(times), **NAMES)
    length = (out["days"] - out["entry"]).groupby(level=0).sum()
    np.testing.assert_allclose(length, SPELLS["days"])
    assert (out["days"] > out["entry"]).all()
    assert out["ended"].groupby(level=0).sum().tolist() == SPELLS["ended"].tolist()
    assert out.groupby(level=0)["ended"].last().tolist() == SPELLS["ended"].tolist()


def test_splitting_twice_is_splitting_at_both() -> None:
    once = split_rows(SPELLS, at=[20, 40], **NAMES)
    twice = split_rows(split_rows(SPELLS, at=[20], **NAMES), at=[40], entry="entry",
                       indicator="second", **NAMES)  # fmt: skip
    columns = ["entry", "days", "ended"]
    pd.testing.assert_frame_equal(once[columns], twice[columns])


@pytest.mark.parametrize(
    ("df", "more", "words"),
    [
        (SPELLS, {"at": "redo"}, "Did you mean 'redo_day'"),
        (SPELLS, {"at": [30, 20]}, "increasing finite times"),
        (SPELLS, {"at": [30], "indicator": "sex"}, "the name of no column; got 'sex'"),
        (SPELLS.assign(entry=0), {"at": [30]}, "Say entry='entry'"),
        (SPELLS.assign(days=[0, 1, 2, 3, 4]), {"at": [2]}, "1 exits at time 0"),
        (SPELLS.assign(days=[np.nan, 1, 2, 3, 4]), {"at": [2]}, "missing days: 1"),
    ],
)
def test_bad_input(df: pd.DataFrame, more: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        split_rows(df, **NAMES, **more)


def test_input_is_not_changed() -> None:
    before = SPELLS.copy(deep=True)
    split_rows(SPELLS, at="redo_day", **NAMES)
    pd.testing.assert_frame_equal(SPELLS, before)
