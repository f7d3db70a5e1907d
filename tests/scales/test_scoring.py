"""Scoring: what comes back, and what each of the usual slips is told."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales import (
    Cutoffs,
    Scale,
    ScaleWarning,
    Subscale,
    SurveyData,
    ValueSet,
    instrument,
    reverse_items,
    score,
)

THREE = Scale("Three", ["q1", "q2", "q3"], (1, 5), reversed=["q2"], min_answered=2)


def refusal(*arguments, **options) -> str:
    with pytest.raises(InputError) as error:
        score(*arguments, **options)
    return str(error.value)


def test_scores_stand_in_the_order_of_the_rows() -> None:
    df = pd.DataFrame(
        {"q1": [1, 5, np.nan, np.nan], "q2": [5, 1, 2, np.nan], "q3": [1, 5, 4, np.nan],
         "other": list("wxyz")},
        index=[30, 10, 20, 10],
    )  # fmt: skip
    before = df.copy(deep=True)
    scores = score(df, THREE)
    frame = scores.to_frame()
    assert frame.columns.tolist() == ["score", "n_answered", "reason_missing", "rescued"]
    assert frame.index.tolist() == [30, 10, 20, 10]
    np.testing.assert_array_equal(frame["score"], [3, 15, 12, np.nan])  # (4 + 4) x 3 / 2
    assert frame["n_answered"].tolist() == [3, 3, 2, 0]
    assert frame["rescued"].tolist() == [False, False, True, False]
    assert frame["reason_missing"].astype(object).where(lambda s: s.notna(), None).tolist() == [
        None, None, None, "no item answered",
    ]  # fmt: skip
    assert scores.n_rescued == {"Three": 1}
    np.testing.assert_array_equal(scores["score"], scores.score)
    assert scores.n_answered.tolist() == [3, 3, 2, 0]
    assert len(scores) == 4
    pd.testing.assert_frame_equal(df, before)
    assert (df.attrs, len(repr(scores).splitlines()) <= 15) == ({}, True)
    assert "<table>" in scores._repr_html_()
    again = pickle.loads(pickle.dumps(scores)).to_frame()
    pd.testing.assert_frame_equal(again, frame)


def test_all_missing_is_never_zero() -> None:
    df = pd.DataFrame({"q1": [None], "q2": [None], "q3": [None]})
    scores = score(df, THREE)
    assert np.isnan(scores.score.iloc[0])
    assert scores.reason_missing.tolist() == ["no item answered"]


def test_too_few_is_another_reason() -> None:
    df = pd.DataFrame({"q1": [1.0], "q2": [np.nan], "q3": [np.nan]})
    assert score(df, THREE).reason_missing.tolist() == ["too few items answered"]


def test_values_outside_the_range() -> None:
    df = pd.DataFrame({"q1": [1] * 20, "q2": [2] * 20, "q3": [99] * 14 + [3] * 6})
    message = refusal(df, THREE)
    assert message == (
        "q3: 14 values outside 1-5 (99 x 14). Declare missing_codes={99}, or fix range."
    )
    scores = score(df, THREE, missing_codes={99})
    assert scores.to_frame()["rescued"].sum() == 14


def test_several_columns_with_other_values() -> None:
    df = pd.DataFrame({"q1": [0, 1], "q2": [9, 99], "q3": [3, 3]})
    message = refusal(df, THREE)
    assert message.startswith("q1: 1 value outside 1-5 (0 x 1). Declare missing_codes={0, 9, 99}")
    assert "Also q2: 2 values outside 1-5 (9 x 1, 99 x 1)." in message


def test_a_code_that_was_never_there_is_told() -> None:
    df = pd.DataFrame({"q1": [0, 1], "q2": [2, 2], "q3": [3, 3]})
    assert "(0 x 1)" in refusal(df, THREE, missing_codes=99)  # 0 was the code, not 99
    notes = score(df, THREE, missing_codes=[0, 99]).notes
    assert notes == ("Declared as missing but never there: 99.",)


def test_a_possible_answer_cannot_be_missing() -> None:
    df = pd.DataFrame({"q1": [3], "q2": [3], "q3": [3]})
    assert "got 3, within the declared range (at q1, q2, q3)" in refusal(
        df, THREE, missing_codes={3}
    )


@pytest.mark.parametrize("wrong", [float("nan"), True, None])
def test_missing_codes_are_numbers_or_labels(wrong) -> None:
    df = pd.DataFrame({"q1": [3], "q2": [3], "q3": [3]})
    assert "missing_codes: must be numbers such as 99" in refusal(df, THREE, missing_codes=[wrong])


def test_labels_need_a_mapping() -> None:
    labels = ["Nej", "Delvis", "Ja", "Vet ej"]
    scale = Scale("L", ["a", "b"], (1, 3), min_answered=1)
    for dtype in (object, "str", "category"):
        df = pd.DataFrame({"a": labels, "b": ["Ja"] * 4}, dtype=dtype)
        message = refusal(df, scale)
        assert "a: must be codes; got labels such as 'Nej', 'Delvis', 'Ja' and 1 more" in message
        assert "pass mapping={label: code, ...}" in message
        codes = {"Nej": 1, "Delvis": 2, "Ja": 3}
        assert "labels that mapping= gives a code; got 'Vet ej'" in refusal(
            df, scale, mapping=codes
        )
        scores = score(df, scale, mapping=codes, missing_codes={"Vet ej": "vet ej"})
        assert scores.score.tolist() == [4, 5, 6, 6]
        assert scores["missing_kinds"].tolist() == ["", "", "", "vet ej: 1"]


def test_a_mapping_gives_numbers() -> None:
    df = pd.DataFrame({"a": ["x"], "b": ["x"]})
    scale = Scale("L", ["a", "b"], (1, 3))
    assert "numbers by label" in refusal(df, scale, mapping={"x": "1"})
    assert "outside 1-3" in refusal(df, scale, mapping={"x": 7})


@pytest.mark.parametrize("values", [[True, False], [True, None], [1, True]])
def test_true_and_false_are_no_codes(values: list) -> None:
    df = pd.DataFrame({"q1": pd.Series(values), "q2": [1, 1], "q3": [1, 1]})
    assert "must be codes; got true and false" in refusal(df, THREE)


def test_fractions_are_refused_unless_allowed() -> None:
    df = pd.DataFrame({"q1": [3.5, 2], "q2": [1, 1], "q3": [1, 1]})
    message = refusal(df, THREE)
    assert "q1: 1 value not whole (3.5 x 1)" in message
    assert "fractions=True" in message
    half = Scale("Half", ["q1", "q2", "q3"], (1, 5), reversed=["q2"], fractions=True)
    assert score(df, half).score.tolist() == [9.5, 8]
    assert "1 value outside 1-5 (5.5 x 1)" in refusal(df.replace(3.5, 5.5), half)
    assert score(df.replace(3.5, 99), half, missing_codes=99).n_answered.tolist() == [2, 3]


@pytest.mark.parametrize("dtype", ["int8", "Int64", "Float64", object, "float32"])
def test_all_kinds_of_numbers(dtype) -> None:
    df = pd.DataFrame({"q1": [1, 5], "q2": [5, 1], "q3": [1, 5]}).astype(dtype)
    assert score(df, THREE).score.tolist() == [3, 15]


def test_categories_of_numbers_and_numbers_among_labels() -> None:
    df = pd.DataFrame({"q1": [1, 5, 2], "q2": [5, 1, 2], "q3": [1, 5, 2]})
    assert score(df.astype("category"), THREE).score.tolist() == [3, 15, 8]
    mixed = df.astype(object)
    mixed.loc[2, "q3"] = "Vet ej"
    assert "labels such as 'Vet ej'" in refusal(mixed, THREE)
    frame = score(mixed, THREE, missing_codes={"Vet ej": "vet ej"}).to_frame()
    assert frame["score"].tolist() == [3, 15, 9]
    assert frame["missing_kinds"].tolist() == ["", "", "vet ej: 1"]
    mixed.loc[2, "q3"] = 7
    assert "q3: 1 value outside 1-5 (7 x 1)" in refusal(mixed, THREE)


def test_double_reversal_is_refused_from_its_record() -> None:
    df = pd.DataFrame({"q1": [1, 5], "q2": [5, 1], "q3": [1, 5]})
    turned = reverse_items(df, ["q2"], range=(1, 5))
    message = refusal(turned, THREE)
    assert "not reversed yet: the scale reverses them itself" in message
    assert "(at q2)" in message
    assert "not reversed yet" in refusal(turned[turned["q1"] > 0].reset_index(), THREE)
    plain = Scale("Plain", ["q1", "q2", "q3"], (1, 5))
    assert score(turned, plain).score.tolist() == [3, 15]


def answers_of_one_trait(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    trait = rng.normal(size=n)
    made = {f"q{i}": np.clip(np.round(3 + trait + rng.normal(size=n)), 1, 5) for i in (1, 2, 3)}
    return pd.DataFrame(made)


def test_an_item_that_runs_against_the_others_is_named() -> None:
    df = answers_of_one_trait()
    plain = Scale("Plain", ["q1", "q2", "q3"], (1, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clean = score(df, plain)
    assert clean.notes == ()
    with pytest.warns(
        ScaleWarning, match=r"q2 \(r = -0\.\d\d\) runs against.*Reversed twice, or never"
    ):
        scores = score(df, THREE)
    assert "q2" in scores.notes[0]
    assert scores.score.tolist() == (df["q1"] + 6 - df["q2"] + df["q3"]).tolist()  # never changed


def test_subscales_stand_below_each_other() -> None:
    df = pd.DataFrame({"a": [1, 2], "b": [3, np.nan], "c": [5, 5]}, index=["x", "y"])
    parts = [Subscale("first", ["a", "b"], min_answered=1), Subscale("second", ["c", "a"], "mean")]
    both = Scale("Both", ["a", "b", "c"], (1, 5), subscales=parts)
    frame = score(df, both).to_frame()
    assert frame.columns[0] == "scale"
    assert frame["scale"].tolist() == ["first", "first", "second", "second"]
    assert frame.index.tolist() == ["x", "y", "x", "y"]
    assert frame["score"].tolist() == [4, 4, 3, 3.5]
    scores = score(df, both)
    assert scores[scores["scale"] == "second"]["score"].tolist() == [3, 3.5]
    assert scores.items == {"a": "a", "b": "b", "c": "c"}
    assert score(df, both).to_wide().loc["y"].tolist() == [4, 3.5]
    one = score(df[["a", "c"]], both, subscales=["second"])
    assert one.score.tolist() == [3, 3.5]
    with pytest.raises(InputError, match="of one scale; got 2"):
        _ = score(df, both).score
    assert "one of 'first', 'second'" in refusal(df, both, subscales=["third"])
    assert "at least one name" in refusal(df, both, subscales=[])


def test_columns_by_position_by_name_and_not_at_all() -> None:
    df = pd.DataFrame({"x": [1], "y": [5], "z": [2]})
    assert score(df, THREE, items=["x", "y", "z"]).score.tolist() == [4]
    assert score(df, THREE, items={"q3": "z", "q1": "x", "q2": "y"}).score.tolist() == [4]
    assert "items: must be given, since the columns are not named" in refusal(df, THREE)
    assert "3 columns, one for each item of Three; got 2" in refusal(df, THREE, items=["x", "y"])
    assert "one column for each item" in refusal(df, THREE, items=["x", "y", "y"])
    assert "no column for some items (at q3)" in refusal(df, THREE, items={"q1": "x", "q2": "y"})
    assert "unknown items (at q4)" in refusal(df, THREE, items={"q4": "x"})
    assert "'w'" in refusal(df, THREE, items=["x", "y", "w"])


def test_what_is_no_frame_or_no_scale() -> None:
    assert "df: must be a pandas DataFrame; got list" in refusal([1], THREE)
    assert "scale: must be a Scale or the name" in refusal(pd.DataFrame(), 3)


def test_no_rows() -> None:
    df = pd.DataFrame({"q1": [], "q2": [], "q3": []}, dtype=float)
    assert len(score(df, THREE).to_frame()) == 0
    assert "Three" in repr(score(df, THREE))


def test_the_value_set_is_always_named() -> None:
    dimensions = instrument("EQ-5D-5L").items
    df = pd.DataFrame([[1, 2, 3, 4, 5]], columns=list(dimensions))
    message = refusal(df, "EQ-5D-5L")
    assert "value_set: must be named: an index has no default value set" in message
    assert "'Sweden 2020', 'Sweden 2022'" in message
    assert "'Sweden 2020', 'Sweden 2022'" in refusal(df, "EQ-5D-5L", value_set="Sweden 2014")
    assert "has no value sets" in refusal(df, Scale("S", dimensions, (1, 5)), value_set="UK")
    own = ValueSet("own", 1, dict.fromkeys(dimensions, (0.01, 0.02, 0.03, 0.04)))
    scores = score(df, "EQ-5D-5L", value_set=own)
    assert scores.score.iloc[0] == pytest.approx(0.9)
    assert scores.value_set == "own"
    three = ValueSet("three", 1, dict.fromkeys(dimensions, (0.1, 0.2)))
    assert "levels" in refusal(df, "EQ-5D-5L", value_set=three)


def test_99_on_a_scale_to_100_is_an_answer() -> None:
    df = pd.DataFrame({"vas": [99, 100]})
    assert score(df, "EQ-VAS").score.tolist() == [99, 100]
    assert "99, within the declared range (at vas)" in refusal(df, "EQ-VAS", missing_codes=99)


def test_cut_offs_of_another_version_are_refused() -> None:
    df = pd.DataFrame({"q1": [1], "q2": [5], "q3": [2]})
    old = Cutoffs("Three", [5], ["low", "high"], version="1990")
    with pytest.raises(InputError, match="another version is refused"):
        score(df, THREE).bands(old)
    with pytest.raises(InputError, match="Three has none"):
        score(df, THREE).bands()
    with pytest.raises(InputError, match="cut-offs of Four"):
        score(df, THREE).bands(Cutoffs("Four", [5], ["low", "high"]))
    assert score(df, THREE).bands(Cutoffs("Three", [5], ["low", "high"]))["band"].tolist() == [
        "low"
    ]


def test_kinds_of_missing_stay_apart() -> None:
    df = pd.DataFrame({"q1": [1, 98, 99, np.nan], "q2": [2, 98, 2, 98], "q3": [3, 3, 3, 3]})
    codes = {98: "vet ej", 99: "ej aktuellt"}
    frame = score(df, THREE, missing_codes=codes).to_frame()
    assert frame["missing_kinds"].tolist() == [
        "", "vet ej: 2", "ej aktuellt: 1", "vet ej: 1, not answered: 1",
    ]  # fmt: skip
    survey = SurveyData.from_frame(df, missing_codes=codes)
    pd.testing.assert_frame_equal(score(survey, THREE).to_frame(), frame)


def test_kinds_are_told_of_many_rows_as_of_few() -> None:
    rng = np.random.default_rng(11)
    names = [f"q{i}" for i in range(1, 13)]
    df = pd.DataFrame(rng.choice([1, 2, 97, 98, 99, np.nan], (400, 12)), columns=names)
    kinds = {97: "c", 98: "a", 99: "b"}
    frame = score(df, Scale("T", names, (1, 2), min_answered=1), missing_codes=kinds).to_frame()
    for row, words in zip(df.to_numpy(), frame["missing_kinds"], strict=True):
        numbers = {kind: int((row == code).sum()) for code, kind in kinds.items()}
        numbers["not answered"] = int(np.isnan(row).sum())
        expected = {f"{kind}: {number}" for kind, number in numbers.items() if number}
        assert set(words.split(", ")) - {""} == expected
        assert not numbers["not answered"] or words.endswith(f": {numbers['not answered']}")


forms = st.lists(
    st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=3, max_size=3),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=50)
@given(forms, st.booleans())
def test_scores_stay_in_range_whatever_is_missing(rows, mean: bool) -> None:
    scale = Scale(
        "S", ["q1", "q2", "q3"], (1, 5), reversed=["q3"], formula="mean" if mean else "sum",
        min_answered=1,
    )  # fmt: skip
    frame = score(pd.DataFrame(rows, columns=list(scale.items), dtype=float), scale).to_frame()
    low, high = scale.score_range()
    kept = frame["score"].dropna()
    assert ((kept >= low - 1e-12) & (kept <= high + 1e-12)).all()
    assert (frame["score"].isna() == (frame["n_answered"] == 0)).all()
    assert (frame["reason_missing"].isna() == frame["score"].notna()).all()


@settings(deadline=None, max_examples=50)
@given(forms, st.permutations(["q1", "q2", "q3"]))
def test_permuting_items_and_rows_changes_nothing(rows, order) -> None:
    df = pd.DataFrame(rows, columns=["q1", "q2", "q3"], dtype=float)
    one = score(df, THREE).score
    other = Scale("Three", list(order), (1, 5), reversed=["q2"], min_answered=2)
    np.testing.assert_array_equal(score(df, other).score, one)
    backwards = score(df.iloc[::-1], THREE).score
    np.testing.assert_array_equal(backwards.iloc[::-1], one)
