"""Counts by group and day hold what the rows behind them say."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.core.counts import Counts
from evalkit.core.group_tables import read_tables
from evalkit.errors import InputError

ROWS = pd.DataFrame(
    {
        "days": [3, 3, 3, 5, 5, 8, 8, 9],
        "exit": ["work", "work", 0, "studies", 0, "work", "studies", 0],
        "ended": [1, 1, 0, 1, 0, 1, 1, 0],
        "start": [0, 1, 1, 0, 3, 3, 0, 5],
        "sex": list("wmwmwmwm"),
        "region": list("NNSSNNSS"),
    }
)


def test_cells() -> None:
    counts = Counts.from_rows(ROWS, duration="days", cause="exit", groups=["sex"])
    frame = counts.to_frame()
    assert frame.columns.tolist() == ["sex", "day", "events_studies", "events_work", "censored"]
    assert frame[["sex", "day"]].apply(tuple, axis=1).tolist() == [
        ("m", 3), ("m", 5), ("m", 8), ("m", 9), ("w", 3), ("w", 5), ("w", 8),
    ]  # fmt: skip
    assert (counts.n, counts.causes) == (8, ("studies", "work"))
    assert "Counts of 8 exits, 5 with an event" in repr(counts)
    assert counts._repr_html_().startswith("<table>")
    assert repr(pickle.loads(pickle.dumps(counts))) == repr(counts)


def test_a_table_of_counts_is_read_as_it_is_written() -> None:
    counts = Counts.from_rows(
        ROWS, duration="days", cause="exit", entry="start", groups=["sex", "region"]
    )
    again = Counts.of(
        counts.to_frame().sample(frac=1, random_state=3),
        events={cause: f"events_{cause}" for cause in counts.causes},
        entered="entered",
        groups=["sex", "region"],
    )
    for by in (None, "sex", ["region"], ["sex", "region"]):
        expected = read_tables(ROWS, duration="days", cause="exit", entry="start", by=by)
        for found in (read_tables(counts, by=by), read_tables(again, by=by)):
            assert found.levels == expected.levels
            assert [found.keys(i) for i in range(len(found.levels))] == [
                expected.keys(i) for i in range(len(found.levels))
            ]
            for one, other in zip(found.tables, expected.tables, strict=True):
                for name in ("times", "at_risk", "events", "censored", "entry_times", "entered"):
                    assert getattr(one, name).tolist() == getattr(other, name).tolist()


def test_without_entries_an_exit_on_day_0_counts() -> None:
    counts = Counts.of(pd.DataFrame({"day": [0, 4], "events": [1, 1], "censored": [0, 2]}))
    (table,) = read_tables(counts).tables
    assert table.at_risk.tolist() == [4, 3]


def test_rows_dropped_are_remembered() -> None:
    df = ROWS.assign(days=[np.nan, *ROWS["days"][1:]])
    counts = Counts.from_rows(df, duration="days", event="ended")
    assert counts.n_dropped == {"missing days": 1}
    assert read_tables(counts).n_dropped == {"missing days": 1}


CELLS = pd.DataFrame(
    {"day": [2, 5], "events": [1, 1], "censored": [0, 0], "entered": [1, 1], "sex": ["w", "w"]}
)


@pytest.mark.parametrize(
    ("cells", "columns", "message"),
    [
        (CELLS, {"day": "dag"}, r"day: must be a column of df; got 'dag'\. Did you mean 'day'"),
        (CELLS.assign(day=[2, None]), {}, r"day: must be finite and at least 0 .*row 1"),
        (CELLS.assign(events=[1, 0.5]), {}, r"events: must be whole numbers .*row 1"),
        (CELLS.assign(censored=[-1, 0]), {}, r"censored: must be whole numbers .*row 0"),
        (CELLS.assign(sex=["w", None]), {"groups": "sex"}, "groups: must be there for every cell"),
        (CELLS.assign(events=0), {}, "df: must be a table with exits; got none"),
        (CELLS, {"events": {}}, "events: must be a column for each cause"),
        (CELLS, {"events": ["events"]}, r"events: must be .* mapping of causes .*got \['events'\]"),
        (CELLS, {"entered": "entered"}, "entered: .*more exits than people at risk at 2"),
        (
            CELLS.assign(entered=[3, 0]),
            {"entered": "entered", "groups": "sex"},
            r"3 who enter and 2 who leave \(at group \('w',\)\)",
        ),
    ],
)
def test_what_is_wrong_is_said(cells: pd.DataFrame, columns: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Counts.of(cells, **columns)


def test_counts_take_no_columns() -> None:
    counts = Counts.from_rows(ROWS, duration="days", event="ended", groups="sex")
    with pytest.raises(InputError, match="duration: must be left out with Counts; got 'days'"):
        read_tables(counts, duration="days")
    with pytest.raises(InputError, match=r"by: .*'region'"):
        read_tables(counts, by="region")
    with pytest.raises(InputError, match="duration: must be a column of df"):
        read_tables(ROWS, event="ended")
