"""Answers in every storage and disorder that survey files bring, and what is said of them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales import Scale, SurveyData, instrument, instruments, reverse_items, score

THREE = Scale("Three", ["q1", "q2", "q3"], (1, 5), reversed=["q2"], min_answered=2)
YES_NO = Scale("Yes", ["q1", "q2", "q3"], (0, 1))
NUMBERS = pd.DataFrame({"q1": [1, 5, 2], "q2": [5, 1, 2], "q3": [1, 5, 2]})


def refusal(*arguments, **options) -> str:
    with pytest.raises(InputError) as error:
        score(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize(
    "dtype",
    [
        "int8", "uint64", "float32", "Int64", "Float32", "int64[pyarrow]", "double[pyarrow]",
        object, "category", pd.ArrowDtype(pa.decimal128(30, 2)),
    ],
)  # fmt: skip
def test_every_storage_of_numbers(dtype) -> None:
    df = NUMBERS.astype(dtype)
    before = df.copy(deep=True)
    assert score(df, THREE).score.tolist() == [3, 15, 8]
    pd.testing.assert_frame_equal(df, before)
    if dtype not in ("int8", "uint64"):
        gaps = df.astype(object).where(NUMBERS != 2).astype(dtype)
        found = score(gaps, THREE)
        np.testing.assert_array_equal(found.score, [3, 15, np.nan])
        assert found.n_answered.tolist() == [3, 3, 0]


def test_decimals_and_every_mark_of_missing_in_objects() -> None:
    answers = pd.Series([Decimal(1), None, np.nan, pd.NA, pd.NaT], dtype=object)
    df = pd.DataFrame({"q1": answers, "q2": 5, "q3": 1})
    assert score(df, THREE).n_answered.tolist() == [3, 2, 2, 2, 2]


@pytest.mark.parametrize("dtype", [object, "str", "Int64", "float64", "category", "boolean"])
def test_columns_without_an_answer(dtype) -> None:
    df = pd.DataFrame({name: pd.Series([None, None], dtype=dtype) for name in THREE.items})
    if dtype == "boolean":
        assert "true and false" in refusal(df, THREE)
        return
    scores = score(df, THREE)
    assert scores.score.isna().all()
    assert scores.reason_missing.tolist() == ["no item answered"] * 2
    assert len(score(df.iloc[:0], THREE).to_frame()) == 0


@pytest.mark.parametrize("dtype", [bool, "boolean", "bool[pyarrow]", object, "category"])
def test_true_and_false_are_mapped_when_the_caller_says_so(dtype) -> None:
    df = pd.DataFrame({"q1": [True, False], "q2": [True, True], "q3": [False, True]}).astype(dtype)
    assert "pass mapping=" in refusal(df, YES_NO)
    assert score(df, YES_NO, mapping={True: 1, False: 0}).score.tolist() == [2, 2]
    assert score(df, YES_NO, mapping={True: 0, False: 1}).score.tolist() == [1, 1]


def test_a_mapping_of_numbers_is_never_ignored() -> None:
    df = pd.DataFrame({"q1": [1, 2], "q2": [2, 2], "q3": [1, 1]})
    scores = score(df, YES_NO, mapping={1: 1, 2: 0})  # 1 = yes, 2 = no
    assert scores.score.tolist() == [2, 1]
    message = refusal(df.replace(1, 3), YES_NO, mapping={1: 1, 2: 0})
    assert "q1: must be labels that mapping= gives a code; got 3" in message
    assert score(df.replace(2, 9), YES_NO, mapping={1: 1}, missing_codes=9).n_answered.tolist() == [
        2, 1,
    ]  # fmt: skip


def test_labels_that_mean_missing() -> None:
    df = pd.DataFrame({"q1": ["Ja", "Vet ej"], "q2": ["Nej", "Ja"], "q3": ["Ja", "Vägrar"]})
    codes = {"Ja": 1, "Nej": 0}
    for mapping, declared in [
        ({**codes, "Vet ej": np.nan, "Vägrar": np.nan}, ()),
        (codes, {"Vet ej": "Vet ej", "Vägrar": "Vägrar"}),
        ({**codes, "Vet ej": 98, "Vägrar": 99}, {98: "Vet ej", 99: "Vägrar"}),
    ]:
        frame = score(df, YES_NO, mapping=mapping, missing_codes=declared).to_frame()
        assert frame["n_answered"].tolist() == [3, 1]
        assert frame["missing_kinds"].tolist() == ["", "Vet ej: 1, Vägrar: 1"]
        assert frame["reason_missing"].tolist()[1] == "too few items answered"


def test_repeated_rows_and_labels_of_several_levels_keep_their_order() -> None:
    for index in ([7, 7, 7], pd.MultiIndex.from_tuples([("b", 2), ("a", 1), ("b", 2)])):
        df = NUMBERS.set_axis(index)
        frame = score(df, THREE).to_frame()
        pd.testing.assert_index_equal(frame.index, df.index)
        assert frame["score"].tolist() == [3, 15, 8]
        assert score(SurveyData.from_frame(df), THREE).score.tolist() == [3, 15, 8]


def test_columns_that_cannot_be_told_apart() -> None:
    twice = pd.DataFrame([[1, 2, 3, 4]], columns=["q1", "q2", "q3", "q3"])
    assert "one column of df; got 'q3', the name of 2 columns" in refusal(twice, THREE)
    assert score(twice.assign(q4=1), Scale("Two", ["q1", "q2"], (1, 5))).score.tolist() == [3]
    with pytest.raises(InputError, match="columns: must be the name of one column of df"):
        SurveyData.from_frame(twice)
    numbered = pd.DataFrame([[1, 2, 3]])
    assert "Names are texts: df.columns = df.columns.astype(str)" in refusal(
        numbered, THREE, items=[0, 1, 2]
    )
    with pytest.raises(InputError, match="Names are texts"):
        SurveyData.from_frame(numbered, missing_codes=99)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"missing_codes": None}, "missing_codes: must be a code, or several; got None"),
        ({"missing_codes": {99: 1}}, "kinds named by words"),
        ({"missing_codes": {99: "not answered"}}, "words other than 'not answered'"),
        ({"items": 3}, "items: must be a list of columns, or a mapping; got 3"),
        ({"missing_codes": [0, 5]}, "got 5, within the declared range (at q1, q2, q3)"),
        ({"missing_codes": 5.0}, "replace it by NaN there first"),
    ],
)
def test_arguments_that_are_refused(options: dict, message: str) -> None:
    assert message in refusal(NUMBERS, THREE, **options)


def test_a_code_within_the_range_of_another_item_is_not_offered_as_missing() -> None:
    scale = Scale("Both", ["a", "b"], {"a": (1, 3), "b": (1, 9)})
    df = pd.DataFrame({"a": [1, 9, 77], "b": [9, 9, 9]})
    assert refusal(df, scale) == (
        "a: 2 values outside 1-3 (9 x 1, 77 x 1). Declare missing_codes={77}, or fix range."
    )
    assert refusal(df.iloc[:2], scale) == (
        "a: 1 value outside 1-3 (9 x 1). Fix range, or the data."
    )


def test_infinity_and_dates_are_no_answers() -> None:
    df = NUMBERS.astype(float)
    df.loc[0, "q1"] = np.inf
    assert "q1: 1 value outside 1-5 (inf x 1)" in refusal(df, THREE)
    df = NUMBERS.assign(q1=pd.Timestamp("2024-01-01"))
    assert "q1: must be codes; got labels such as Timestamp" in refusal(df, THREE)


def test_a_constant_item_raises_no_alarm() -> None:
    df = pd.DataFrame({"q1": [3] * 30, "q2": [3] * 30, "q3": [3] * 30})
    assert score(df, THREE).notes == ()


def test_reversal_in_scores_is_by_the_declared_range() -> None:
    df = pd.DataFrame({"q1": [2, 2], "q2": [2, 3], "q3": [2, 2]})  # nobody chose 1, 4 or 5
    assert score(df, THREE).score.tolist() == [8, 7]


@pytest.mark.parametrize("wide", [5, (5, 1), (1, np.nan), "15", (True, 5), (1, 5, 9), None])
def test_ranges_that_are_none(wide) -> None:
    with pytest.raises(InputError, match=r"range: must be \(lowest, highest\)"):
        reverse_items(NUMBERS, ["q1"], range=wide)
    with pytest.raises(InputError, match=r"range: must be \(lowest, highest\)"):
        Scale("S", ["q1"], wide)


def test_items_turned_around_have_no_answer_that_means_missing() -> None:
    with pytest.raises(InputError, match=r"got 5, within the declared range \(at q1\)"):
        reverse_items(NUMBERS, ["q1"], range=(1, 5), missing_codes=5)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_scores_of_every_instrument_stay_in_range(data: st.DataObject) -> None:
    scale = instrument(data.draw(st.sampled_from(sorted(set(instruments()["name"])))))
    rows = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    item: st.one_of(st.none(), st.integers(*map(int, scale.limits(item))))
                    for item in scale.items
                }
            ),
            min_size=1,
            max_size=4,
        )
    )
    df = pd.DataFrame(rows, dtype=float)
    for value_set in [values.name for values in scale.value_sets] or [None]:
        scores = score(df, scale, value_set=value_set)
        for part in scale.parts:
            found = scores.parts[part.name]
            low, high = scale.score_range(part)
            if value_set is not None:
                values = next(v for v in scale.value_sets if v.name == value_set)
                low = values.start - sum(max(taken) for taken in values.table) - values.worst
                high = values.start
            kept = found.score[~np.isnan(found.score)]
            assert ((kept >= low - 1e-9) & (kept <= high + 1e-9)).all()
            answered = df[list(part.items)].notna().sum(axis=1).to_numpy()
            assert found.n_answered.tolist() == answered.tolist()
            assert (np.isnan(found.score) == (answered < part.needed)).all()
            assert (found.rescued == (answered >= part.needed) & (answered < len(part.items))).all()


codes = st.lists(st.one_of(st.none(), st.integers(1, 7)), min_size=1, max_size=20)


@settings(deadline=None, max_examples=50)
@given(codes)
def test_turning_around_twice_gives_the_answers_back(answers: list) -> None:
    df = pd.DataFrame({"q1": pd.Series(answers, dtype=float)})
    once = reverse_items(df, ["q1"], range=(1, 7))
    forgotten = pd.DataFrame({"q1": once["q1"].to_numpy()})  # an array knows no record
    twice = reverse_items(forgotten, ["q1"], range=(1, 7))
    np.testing.assert_array_equal(twice["q1"], df["q1"])
