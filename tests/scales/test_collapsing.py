"""Cut points: how they are written, what is refused, and how much the choice matters."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales import OpenEndsWarning, SurveyData, collapse, collapse_table

THREE = ["låg", "varken", "hög"]
PAIRS = [(1, 4), (5, 7), (8, 10)]
EVERY = pd.Series([*range(1, 11), None], name="q", index=range(20, 31))
MERGED = ["låg"] * 4 + ["varken"] * 3 + ["hög"] * 3


@pytest.mark.parametrize(
    "cuts",
    [
        np.array(PAIRS),
        np.array([1, 4, 7, 10]),
        "1-4/5-7/8-10",
        "1\u20134 / 5\u20137 / 8\u201310",
        PAIRS,
        tuple(PAIRS),
        [1, 4, 7, 10],
    ],
)
def test_ways_of_writing_cuts(cuts: object) -> None:
    result = collapse(EVERY, cuts, THREE)  # type: ignore[call-overload]
    assert result.tolist()[:-1] == MERGED
    assert pd.isna(result.iloc[-1])
    assert result.name == "q"
    assert result.index.equals(EVERY.index)
    assert result.cat.ordered
    assert result.cat.categories.tolist() == THREE
    assert EVERY.tolist()[:3] == [1, 2, 3]


def test_inner_cuts_need_the_range() -> None:
    assert collapse(EVERY, [4, 7], THREE, item_range=(1, 10)).tolist()[:-1] == MERGED
    with pytest.warns(OpenEndsWarning, match="answers from 1 to 10 were found, and all were taken"):
        assert collapse(EVERY, [4, 7], THREE).tolist()[:-1] == MERGED
    with pytest.warns(OpenEndsWarning, match="answers from 1 to 99"):
        collapse(pd.Series([1, 99]), [4, 7], THREE)
    with pytest.raises(InputError, match=r"series: 1 value outside 1-10 \(99 x 1\)"):
        collapse(pd.Series([1, 99]), [4, 7], THREE, item_range=(1, 10))
    with pytest.raises(InputError, match=r"inf x 1"):
        collapse(pd.Series([1, np.inf]), [4, 7], THREE)


def test_a_negative_item_is_cut_downwards() -> None:
    result = collapse(EVERY, "8-10/5-7/1-4", THREE)
    assert result.tolist()[0] == "hög"
    assert result.tolist()[9] == "låg"


def test_unused_groups_are_kept() -> None:
    result = collapse(pd.Series([1, 2, 9]), PAIRS, THREE)
    assert result.value_counts(sort=False).to_dict() == {"låg": 2, "varken": 0, "hög": 1}


def test_values_outside_are_an_error_that_names_them() -> None:
    series = pd.Series([1] * 3 + [99] * 14 + [0], name="q3")
    with pytest.raises(InputError) as error:
        collapse(series, PAIRS, THREE)
    assert str(error.value) == (
        "q3: 15 values outside 1-10 (99 x 14, 0 x 1). Declare missing_codes={99, 0}, or fix the "
        "cuts."
    )
    kept = collapse(series, PAIRS, THREE, missing_codes={99: "vet ej", 0: "ej aktuellt"})
    assert kept.isna().sum() == 15
    with pytest.raises(InputError, match=r"between the groups of 1-4/5-7/8-10 \(4.5 x 1\)"):
        collapse(pd.Series([4.5, 1]), PAIRS, THREE)


@pytest.mark.parametrize(
    ("cuts", "labels", "message"),
    [
        (PAIRS, ["a", "b"], "cuts: must be 2 groups, one for each label; got 3"),
        ("1-4/6-10", ["a", "b"], "follow on each other, each answer in one; got 1-4/6-10"),
        ("1-5/5-10", ["a", "b"], r"between 5 and 5"),
        ("4-1/5-10", ["a", "b"], "with the lowest answer first"),
        ("low/high", ["a", "b"], "groups such as '1-4/5-7/8-10'; got 'low/high'"),
        ([1, 5, 8], THREE, "2 numbers .* or 4"),
        ([7, 4], THREE, "numbers that rise"),
        ([4.5, 7], THREE, "whole numbers, or pairs"),
        ([True, 7], THREE, "explicit cut points"),
        (None, THREE, "explicit cut points; got None"),
        ([(1, 4), (5, 7, 9)], ["a", "b"], "pairs of two numbers"),
        (["1-4", "high"], ["a", "b"], "groups such as '1-4/5-7/8-10'"),
        (PAIRS, ["a", "a", "b"], "labels that differ"),
        (PAIRS, "abc", "a sequence of labels"),
    ],
)
def test_cuts_are_never_guessed(cuts: object, labels: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        collapse(EVERY, cuts, labels)  # type: ignore[call-overload]


def test_the_range_must_agree() -> None:
    with pytest.raises(
        InputError, match="groups from 0 to 10, as item_range is; got groups from 1"
    ):
        collapse(EVERY, PAIRS, THREE, item_range=(0, 10))
    with pytest.raises(InputError, match="item_range: must be two numbers, the lower first"):
        collapse(EVERY, [4, 7], THREE, item_range=(10, 1))


def test_what_is_no_series_or_no_number() -> None:
    with pytest.raises(InputError, match="series: must be a pandas Series"):
        collapse([1, 2], PAIRS, THREE)  # type: ignore[call-overload]
    with pytest.raises(InputError, match="true and false"):
        collapse(pd.Series([True, False], name="q"), PAIRS, THREE)
    words = pd.Series(["1 (lägst)", "10 (högst)"], name="q")
    with pytest.raises(InputError, match="pass mapping="):
        collapse(words, PAIRS, THREE)
    mapped = collapse(words, PAIRS, THREE, mapping={"1 (lägst)": 1, "10 (högst)": 10})
    assert mapped.tolist() == ["låg", "hög"]


def test_a_survey_keeps_its_kinds_of_missing() -> None:
    df = pd.DataFrame({"q": [1, 5, 98, None, 10], "r": [1, 2, 3, 4, 5]})
    survey = SurveyData.from_frame(df, missing_codes={98: "vet ej"}, columns=["q"])
    result = collapse(survey, PAIRS, THREE, columns=["q"])
    assert result.labelled()["q"].tolist()[:2] == ["låg", "varken"]
    assert result.missing_table().to_dict("records") == [
        {"column": "q", "kind": "vet ej", "n": 1},
        {"column": "q", "kind": "not answered", "n": 1},
    ]
    assert result.codes["r"].tolist() == [1, 2, 3, 4, 5]
    assert survey.codes["q"].iloc[1] == 5
    later = collapse(SurveyData.from_frame(df), PAIRS, THREE, columns=["q"],
                     missing_codes={98: "vet ej"})  # fmt: skip
    assert sorted(later.missing_table()["kind"]) == ["not answered", "vet ej"]
    assert later.codes["q"].dropna().tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="columns: must be the columns to merge"):
        collapse(survey, PAIRS, THREE)  # type: ignore[call-overload]
    with pytest.raises(InputError, match="left out for a series"):
        collapse(EVERY, PAIRS, THREE, columns=["q"])  # type: ignore[call-overload]


@given(st.lists(st.one_of(st.integers(1, 10), st.none()), max_size=40), st.integers(1, 8))
def test_collapse_preserves_n(answers: list[int | None], last: int) -> None:
    series = pd.Series(answers, dtype="float64")
    result = collapse(series, [1, last, last + 1, 10], THREE)
    assert len(result) == len(series)
    assert result.isna().tolist() == series.isna().tolist()
    assert result.value_counts().sum() == series.notna().sum()
    ranks = result.cat.codes.to_numpy()
    for low in range(last + 1, 11):
        assert ((series >= low) & (ranks == 0)).sum() == 0


# Eighteen answers, as from steering groups: seven of them at the low end by the first cut.
STEERING = pd.DataFrame(
    {
        "a": [3] + [4] * 6 + [5] * 6 + [7] * 2 + [8] * 3,
        "b": [1] * 9 + [6] * 4 + [9] * 5,
        "c": [99] * 18,
    }
)
TWO_CUTS = ["1-4/5-7/8-10", "1-3/4-7/8-10"]


def test_cuts_side_by_side() -> None:
    result = collapse_table(STEERING, {"a": "Återgång", "b": "Samverkan"}, TWO_CUTS, THREE)
    frame = result.to_frame()
    assert frame["cut"].tolist() == [cut for cut in TWO_CUTS for _ in range(3)] * 2
    assert frame["answers"].tolist()[:6] == ["1-4", "5-7", "8-10", "1-3", "4-7", "8-10"]
    assert frame["count"].tolist() == [7, 8, 3, 1, 14, 3, 9, 4, 5, 9, 4, 5]
    assert frame["n"].eq(18).all()
    assert frame["small"].all()
    assert frame["share"].to_numpy() == pytest.approx(frame["count"].to_numpy() / 18)
    merged = collapse(STEERING["a"], TWO_CUTS[1], THREE).value_counts(sort=False)
    assert merged.tolist() == frame["count"].tolist()[3:6]


def test_where_the_conclusion_changes() -> None:
    result = collapse_table(STEERING, {"a": "Återgång", "b": "Samverkan"}, TWO_CUTS, THREE,
                            population=22)  # fmt: skip
    found = result.conclusions()
    assert found["largest"].tolist() == ["varken", "varken", "låg", "låg"]
    assert found["direction"].tolist() == ["negative", "positive", "negative", "negative"]
    assert found["moved"].tolist() == [0, 6, 0, 0]
    said = (
        "Återgång: 1-4/5-7/8-10 v 1-3/4-7/8-10 changes the conclusion (6 of 18 answers move): "
        "balance 'negative' v 'positive'."
    )
    assert result.changes == (said,)
    assert "changes the conclusion" in " ".join(repr(result).split())
    same = collapse_table(STEERING, "b", {"rapporten": PAIRS, "snäv": [1, 3, 7, 10]}, THREE)
    assert same.changes == ()
    assert "The conclusion is the same by every cut." in repr(same)
    assert same.conclusions()["cut"].tolist() == ["rapporten", "snäv"]
    largest = collapse_table(pd.DataFrame({"q": [4] * 30 + [6] * 20}), "q", TWO_CUTS, THREE)
    assert "largest group 'låg' v 'varken'" in largest.changes[0]
    majority = collapse_table(pd.DataFrame({"q": [7] * 60 + [9] * 40}), "q",
                              ["1-4/5-7/8-10", "1-4/5-6/7-10"], THREE)  # fmt: skip
    assert "majority in 'hög' 'no' v 'yes'" in majority.changes[0]
    tie = collapse_table(pd.DataFrame({"q": [1] * 10 + [9] * 10}), "q", TWO_CUTS, THREE)
    assert tie.conclusions()["largest"].tolist() == ["låg = hög"] * 2


def test_cut_tables_refuse_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="c: 18 values outside 1-10"):
        collapse_table(STEERING, "c", TWO_CUTS, THREE)
    with pytest.raises(InputError, match="at least two cuts, in a list"):
        collapse_table(STEERING, "a", "1-4/5-7/8-10", THREE)
    with pytest.raises(InputError, match="at least two cuts"):
        collapse_table(STEERING, "a", ["1-4/5-7/8-10"], THREE)
    with pytest.raises(InputError, match="cuts that differ"):
        collapse_table(STEERING, "a", ["1-4/5-7/8-10", PAIRS], THREE)
    with pytest.raises(InputError, match="cuts of one scale, with the same ends"):
        collapse_table(STEERING, "a", ["1-4/5-7/8-10", "0-4/5-7/8-10"], THREE)
    with pytest.raises(InputError, match="item_range: must be given with such cuts"):
        collapse_table(STEERING, "a", [[4, 7], [3, 7]], THREE)
    ranged = collapse_table(STEERING, "a", [[4, 7], [3, 7]], THREE, item_range=(1, 10))
    assert ranged.names == tuple(TWO_CUTS)
    with pytest.raises(InputError, match=r"cuts\[1\]: must be 3 groups"):
        collapse_table(STEERING, "a", ["1-4/5-7/8-10", "1-5/6-10"], THREE)


def test_nobody_answered() -> None:
    empty = collapse_table(pd.DataFrame({"q": [np.nan] * 3}), "q", TWO_CUTS, THREE)
    assert repr(empty).endswith("Nobody answered.")
    assert empty.conclusions()["direction"].tolist() == ["unclear"] * 2
    assert empty.conclusions()["largest"].tolist() == ["", ""]


def test_cut_tables_print_and_draw() -> None:
    result = collapse_table(STEERING, {"a": "Återgång", "b": "Samverkan"}, TWO_CUTS, THREE)
    assert len(repr(result).splitlines()) <= 15
    assert "7 of 18" in repr(result)
    assert "<table>" in result._repr_html_()
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(again.to_frame(), result.to_frame())
    figure = result.plot()
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert any("1-3/4-7/8-10" in word for word in words) or any(
        "1-3/4-7/8-10" in axes.get_title(loc="left") for axes in figure.axes
    )
