"""Columns of durations are read once, and everything wrong with them is said with its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.core.columns import cross, labels
from evalkit.core.sample import Sample, read_sample
from evalkit.errors import InputError

FRAME = pd.DataFrame(
    {
        "days": [30, 60, 60, 95],
        "ended": [1, 0, 1, 1],
        "exit": ["work", 0, "studies", "work"],
        "start": [0, 10, 0, 20],
        "sex": ["w", "m", "w", "m"],
        "office": [7, 7, 3, 3],
        "w": [1.0, 0.5, 2.0, 1.0],
    },
    index=["a", "b", "c", "d"],
)


def read(df: pd.DataFrame = FRAME, **columns: Any) -> Sample:
    """Read a sample of the usual columns."""
    usual = {"duration": "days"} | ({} if "cause" in columns else {"event": "ended"})
    return read_sample(df, **(usual | columns))


def test_a_sample() -> None:
    sample = read(entry="start", by="sex", strata=["sex", "office"], weights="w", cluster="office")
    assert sample.time.tolist() == [30, 60, 60, 95]
    assert sample.event.tolist() == [1, 0, 1, 1]
    assert sample.causes == (1,)
    assert sample.group_levels == ("m", "w")
    assert sample.strata_levels == (("m", 3), ("m", 7), ("w", 3), ("w", 7))
    assert sample.groups is not None
    assert sample.groups.tolist() == [1, 0, 1, 0]
    assert sample.cluster is not None
    assert len(set(sample.cluster.tolist())) == 2
    assert sample.rows.tolist() == [0, 1, 2, 3]
    assert (sample.n, sample.n_causes) == (4, 1)


def test_causes_are_in_the_order_of_their_labels() -> None:
    sample = read(cause="exit")
    assert sample.causes == ("studies", "work")
    assert sample.event.tolist() == [2, 0, 1, 2]
    ordered = FRAME.assign(exit=pd.Categorical(FRAME["exit"], ["work", 0, "studies", "never"]))
    assert read(ordered, cause="exit").causes == ("work", "studies")
    assert read(FRAME.assign(exit=[2.0, 0.0, 1.0, 2.0]), cause="exit").causes == (1, 2)


def test_incomplete_rows_are_counted_once_by_reason() -> None:
    df = FRAME.assign(
        days=[30, None, 60, 95], ended=[1, None, None, 1], sex=["w", "m", "w", None], age=40.0
    )
    sample = read(df, by="sex", extra_columns=["age"])
    assert sample.n_dropped == {"missing days": 1, "missing ended": 1, "missing sex": 1}
    assert sample.rows.tolist() == [0]
    assert sample.group_levels == ("w",)


CONVERSIONS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "float": lambda s: s.astype(float),
    "int32": lambda s: s.astype("int32"),
    "uint8": lambda s: s.astype("uint8"),
    "nullable": lambda s: s.astype("Int64"),
    "nullable float": lambda s: s.astype("Float64"),
    "category": lambda s: s.astype("category"),
    "object": lambda s: s.astype(object),
}


@pytest.mark.parametrize("kind", CONVERSIONS)
def test_storage_does_not_matter(kind: str) -> None:
    df = FRAME.assign(exit=[1, 0, 2, 1], sex=[1, 0, 1, 0])
    usual = {"duration": "days", "entry": "start", "by": "sex", "cluster": "office"}
    expected = read_sample(df, cause="exit", **usual)
    other = df.assign(**{name: CONVERSIONS[kind](df[name]) for name in df.columns[:-1]})
    found = read_sample(other, cause="exit", **usual)
    for name in ("time", "event", "entry", "groups", "rows"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    assert found.cluster is not None
    assert len(set(zip(found.cluster.tolist(), df["office"], strict=True))) == 2
    assert (found.causes, found.group_levels) == (expected.causes, expected.group_levels)
    plain = read_sample(other.assign(ended=CONVERSIONS[kind](df["ended"])), event="ended", **usual)
    assert plain.event.tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("dtype", [bool, "boolean"])
def test_true_is_an_event(dtype: str) -> None:
    assert read(FRAME.assign(ended=FRAME["ended"].astype(dtype))).event.tolist() == [1, 0, 1, 1]


def test_arrow_storage_does_not_matter() -> None:
    pytest.importorskip("pyarrow")
    arrow = FRAME.drop(columns="exit").convert_dtypes(dtype_backend="pyarrow")
    sample = read(arrow, by="sex", entry="start", weights="w")
    assert sample.time.tolist() == [30, 60, 60, 95]
    assert sample.group_levels == ("m", "w")


def test_the_frame_is_not_changed() -> None:
    before = FRAME.copy(deep=True)
    sample = read(entry="start", by="sex", weights="w", cluster="office")
    pd.testing.assert_frame_equal(FRAME, before)
    assert sample.time.tolist() == [30, 60, 60, 95]


def changed(**columns: Any) -> pd.DataFrame:
    """Return the frame with other columns."""
    return FRAME.assign(**columns)


@pytest.mark.parametrize(
    ("df", "columns", "message"),
    [
        (FRAME, {"duration": "day"}, r"duration: .*got 'day'\. Did you mean 'days'\?"),
        (FRAME, {"by": ["sex", "offices"]}, r"by: .*Did you mean 'office'\?"),
        (FRAME, {"entry": "xyz"}, "entry: must be a column of df.*Columns available: days"),
        (FRAME, {"cause": "exit", "event": "ended"}, "cause: .*one of event and cause; got both"),
        (FRAME, {"event": None}, "event: .*got neither"),
        (changed(days=[1, -2, 3, -4]), {}, r"'days'\); got 2 rows .*-2 \(at row 'b', row 'd'\)"),
        (changed(days=[1, np.inf, 3, 4]), {}, r"duration: must be finite .*row 'b'"),
        (changed(days=["1", "2", "3", "4"]), {}, r"duration: must be a column of numbers .*'1'"),
        (changed(days=pd.to_timedelta([1, 2, 3, 4], "D")), {}, r"number of days.*\.dt\.days"),
        (
            changed(ended=[1, 2, 1, 2]),
            {},
            r"event: .*got 2 \(at row 'b', row 'd'\).*'\] ==",
        ),
        (
            changed(exit=["work", None, "work", 0]),
            {"cause": "exit"},
            r"row 'b'\)\. Write 0",
        ),
        (changed(exit=["work", "censored", "work", "x"]), {"cause": "exit"}, r"replace\({'cens"),
        (changed(start=[0, None, 0, 0]), {"entry": "start"}, r"entry: must be there .*row 'b'"),
        (
            changed(start=[0, 60, 0, 99]),
            {"entry": "start"},
            r"2 rows .*60 and 60 \(at row 'b', ",
        ),
        (changed(start=[0, -1, 0, 0]), {"entry": "start"}, r"entry: .*at least 0"),
        (changed(w=[1, -1, 1, 1]), {"weights": "w"}, r"weights: .*such as -1 \(at row 'b'\)"),
        (changed(w=[1, None, 1, 1]), {"weights": "w"}, r"weights: must be there .*row 'b'"),
        (changed(w=0), {"weights": "w"}, "weights: must be positive somewhere"),
        (FRAME, {"weights": "w", "weights_kind": "freq"}, "weights_kind: .*'case', 'sampling'"),
        (FRAME[:0], {}, "df: must be at least one row .*got 0 rows"),
        (changed(days=np.nan), {}, r"4 rows and none complete \(at missing days: 4\)"),
        ({"days": [1]}, {}, "df: must be a pandas DataFrame; got dict"),
        (FRAME, {"event": FRAME["ended"]}, "event: .*a column; got a Series"),
        (FRAME, {"duration": ["days"]}, "duration: .*a column; got a list"),
        (FRAME, {"by": [FRAME["sex"]]}, "by: .* or several; got a Series"),
        (FRAME, {"by": ["sex", "sex"]}, "by: must be columns that differ; got 'sex' twice"),
        (FRAME, {"duration": 0}, r"duration: .*got 0\. Names are texts"),
    ],
)
def test_what_is_wrong_is_said(df: Any, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(df, **columns)


def test_an_entry_within_rounding_of_the_exit_is_refused() -> None:
    with pytest.raises(InputError, match="entry: must be before the duration"):
        read(changed(days=[0.1 + 0.2, 9, 9, 9], start=[0.3, 0, 0, 0]), entry="start")


def test_at_most_five_rows_are_named() -> None:
    df = pd.DataFrame({"days": [-1.0] * 8, "ended": 1})
    with pytest.raises(InputError, match=r"8 rows .*row 0, row 1, row 2, row 3, row 4 and 3 more"):
        read(df)


def test_a_sample_keeps_what_it_read() -> None:
    df = pd.DataFrame({"days": [1, 2, 3], "ended": [1, 0, 1], "w": [1.0, 2, 3], "k": [0, 1, 1]})
    names: dict[str, Any] = {"by": "k", "strata": "k", "weights": "w", "cluster": "k"}
    sample = read_sample(df, duration="days", event="ended", **names)
    for name in df:
        df.loc[:, name] = 0
    assert (sample.exits.tolist(), sample.event.tolist()) == ([1, 2, 3], [1, 0, 1])
    for codes in (sample.groups, sample.strata, sample.cluster):
        assert codes is not None
        assert codes.tolist() == [0, 1, 1]
    assert sample.weights is not None
    assert sample.weights.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "codes", "levels"),
    [
        ([0, 1, 1], [0, 1, 1], (0, 1)),
        ([7, 7, 7], [0, 0, 0], (7,)),
        ([5, 4, 5], [1, 0, 1], (4, 5)),
        ([9, -3, 2], [2, 0, 1], (-3, 2, 9)),
        (np.array([2, 0, 2], dtype=np.uint8), [1, 0, 1], (0, 2)),
        ([1.5, None, 0.5], [1, -1, 0], (0.5, 1.5)),
        (pd.Categorical(["b", "c"], categories=["c", "b", "a"]), [1, 0], ("c", "b", "a")),
        ([2**62, -(2**62)], [1, 0], (-(2**62), 2**62)),
    ],
)
def test_labels(values: Any, codes: list[int], levels: tuple[object, ...]) -> None:
    series = pd.Series(values)
    coded = labels(series)
    assert (coded.codes.tolist(), coded.levels) == (codes, levels)
    assert coded.any_missing == series.isna().any()
    assert coded.all_present <= (set(coded.codes.tolist()) - {-1} == set(range(len(levels))))
    assert cross([coded], coded.codes >= 0, True)[1] == tuple(
        level for k, level in enumerate(levels) if k in codes
    )
