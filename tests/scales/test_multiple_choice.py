"""Multi-select questions: who ticked, who ticked nothing, who was not asked, and both shares."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.survey_shares import finite_correction, survey_shares
from evalkit.scales import SurveyData, multiple_choice

HERE = Path(__file__).parents[1] / "reference" / "scales"
ANSWERS = pd.read_csv(HERE / "survey_tables_answers.csv")
EXPECTED = pd.read_csv(HERE / "survey_tables_expected.csv", dtype={"category": str})
OPTIONS = {"a": "Friskvård", "b": "Arbetsprövning", "c": "Annat"}

# Ticks and empty cells, as forms export them; the last two people were not asked.
TICKS = pd.DataFrame({
    "a": [1, 1, None, None, None, None],
    "b": [1, None, 1, None, None, None],
    "c": [None] * 6,
    "asked": [1, 1, 1, 1, 0, 0],
})  # fmt: skip


def people(result: Any) -> dict[str, int]:
    """Return the numbers of respondents by kind."""
    return result.respondents.set_index("kind")["n"].to_dict()


@pytest.mark.parametrize("weights", [None, "case"])
def test_as_in_r(weights: str | None) -> None:
    frame = multiple_choice(ANSWERS, OPTIONS, weights=weights).to_frame()
    table = "ticks" if weights is None else "ticks_case"
    rows = EXPECTED[(EXPECTED["table"] == table) & (EXPECTED["base"] == "respondents")]
    expected = rows.pivot(index="category", columns="quantity", values="value")
    for mine, name in (("share", "estimate"), ("conf_low", "low"), ("conf_high", "high")):
        assert frame[mine].to_numpy() == pytest.approx(expected[name].to_numpy(), rel=1e-10)
    if weights is None:
        parts = EXPECTED[(EXPECTED["table"] == "ticks") & (EXPECTED["base"] == "answers")]
        assert frame["share_of_answers"].to_numpy() == pytest.approx(parts["value"].to_numpy())
        assert frame["n"].eq(97).all()


def test_nobody_guesses_what_an_empty_row_means() -> None:
    items = ["a", "b", "c"]
    with pytest.raises(InputError) as error:
        multiple_choice(TICKS, items)
    assert "3 respondents without any tick" in str(error.value)
    assert "Nobody can tell those who ticked nothing from those who did not answer" in str(
        error.value
    )
    nothing = multiple_choice(TICKS, items, empty="not ticked")
    assert people(nothing) == {"ticked": 3, "ticked nothing": 3}
    assert nothing.to_frame()["share"].tolist() == [2 / 6, 2 / 6, 0]
    assert nothing.notes == ("Without any tick, taken to have ticked nothing: 3.",)
    missing = multiple_choice(TICKS, items, empty="missing")
    assert people(missing) == {"ticked": 3, "ticked nothing": 0, "not answered": 3}
    assert missing.to_frame()["share"].tolist() == [2 / 3, 2 / 3, 0]
    assert missing.to_frame()["share_of_answers"].tolist() == [0.5, 0.5, 0]
    everybody = multiple_choice(TICKS.iloc[:3], items)
    assert people(everybody) == {"ticked": 3, "ticked nothing": 0}


def test_not_asked_is_apart() -> None:
    result = multiple_choice(TICKS, OPTIONS, asked="asked")
    assert people(result) == {"ticked": 3, "ticked nothing": 1, "not asked": 2}
    assert result.to_frame()["share"].tolist() == [0.5, 0.5, 0]
    assert result.to_frame()["n"].tolist() == [4, 4, 4]
    assert "Those not asked are in no base." in result.notes
    strict = multiple_choice(TICKS, OPTIONS, asked="asked", empty="missing")
    assert people(strict) == {"ticked": 3, "ticked nothing": 0, "not asked": 2, "not answered": 1}
    wrong = TICKS.assign(asked=[0, 1, 1, 1, 0, 0])
    with pytest.raises(InputError, match=r"1 who were not asked and answered \(at row 0\)"):
        multiple_choice(wrong, OPTIONS, asked="asked")
    with pytest.raises(InputError, match=r"asked: .*1 or 0, true or false"):
        multiple_choice(TICKS.assign(asked=2), OPTIONS, asked="asked")


def test_marks_of_both_kinds() -> None:
    df = pd.DataFrame({"a": [1, 0, 0, None, 1], "b": [0, 0, None, None, 98]})
    result = multiple_choice(df, ["a", "b"], missing_codes={98: "vet ej"})
    assert people(result) == {"ticked": 2, "ticked nothing": 2, "not answered": 1}
    assert result.to_frame()["n"].tolist() == [4, 2]
    assert result.notes == ("Answered some options only, so that n differs: 2.",)
    filled = multiple_choice(df, ["a", "b"], missing_codes={98: "vet ej"}, empty="not ticked")
    assert filled.to_frame()["n"].tolist() == [5, 4]
    assert "Empty cells, taken as not ticked: 3." in filled.notes
    truth = multiple_choice(pd.DataFrame({"a": [True, False], "b": [False, False]}), ["a", "b"])
    assert truth.to_frame()["count"].tolist() == [1, 0]
    words = pd.DataFrame({"a": ["Ja", "Nej"], "b": ["Nej", "Nej"]})
    with pytest.raises(InputError, match=r"a: must be ticks.*'Ja' x 1, 'Nej' x 1.*Name them"):
        multiple_choice(words, ["a", "b"])
    named = multiple_choice(words, ["a", "b"], ticked="Ja", not_ticked="Nej")
    assert named.to_frame()["count"].tolist() == [1, 0]
    with pytest.raises(InputError, match=r"b: must be ticks.*2 x 1"):
        multiple_choice(pd.DataFrame({"a": [1, 0], "b": [1, 2]}), ["a", "b"])
    with pytest.raises(InputError, match="not_ticked: must be other marks"):
        multiple_choice(words, ["a", "b"], ticked="Ja", not_ticked=["Ja", "Nej"])
    with pytest.raises(InputError, match="empty: must be one of"):
        multiple_choice(TICKS, ["a", "b"], empty="no")  # type: ignore[arg-type]


def test_declared_kinds_are_no_empty_ticks() -> None:
    df = pd.DataFrame({"a": [1, 98, None], "b": [None, None, None]})
    result = multiple_choice(df, ["a", "b"], missing_codes={98: "vet ej"}, empty="not ticked")
    assert people(result) == {"ticked": 1, "ticked nothing": 1, "vet ej": 1}
    survey = SurveyData.from_frame(
        pd.DataFrame({"a": [1, 0, None], "b": [1, 1, None]}),
        not_asked={"a": [False, False, True], "b": [False, False, True]},
        questions={"a": "Friskvård", "b": "Praktik"},
    )
    gated = multiple_choice(survey, ["a", "b"])
    assert people(gated) == {"ticked": 2, "ticked nothing": 0, "not asked": 1}
    assert gated.to_frame()["option"].tolist() == ["Friskvård", "Praktik"]


def test_texts_of_their_own() -> None:
    df = pd.DataFrame({"a": ["Friskvård", None], "b": ["Praktik", "Praktik"]})
    assert multiple_choice(df, ["a", "b"]).to_frame()["count"].tolist() == [1, 2]
    with pytest.raises(InputError, match="a: must be ticks"):
        multiple_choice(pd.DataFrame({"a": ["Nej", None], "b": ["Nej", "Nej"]}), ["a", "b"])


def test_options_in_one_column() -> None:
    df = pd.DataFrame({"q": ["Praktik;Kurs", "Kurs; Friskvård", None, "Kurs"]})
    options = ["Friskvård", "Praktik", "Kurs", "Resor"]
    result = multiple_choice(df, "q", sep=";", options=options, empty="missing")
    assert result.to_frame()["count"].tolist() == [1, 1, 3, 0]
    assert result.to_frame()["share_of_answers"].tolist() == [0.2, 0.2, 0.6, 0]
    assert people(result) == {"ticked": 3, "ticked nothing": 0, "not answered": 1}
    with pytest.raises(InputError, match=r"options joined by ';'; got 'Friskvård' x 1"):
        multiple_choice(df, "q", sep=";", options=["Praktik", "Kurs"], empty="missing")
    with pytest.raises(InputError, match="options: must be given with sep"):
        multiple_choice(df, "q", sep=";")
    with pytest.raises(InputError, match="options: must be left out without sep"):
        multiple_choice(df, "q", options=options)
    with pytest.raises(InputError, match="items: must be one column, with sep"):
        multiple_choice(df, ["q"], sep=";", options=options)
    with pytest.raises(InputError, match="names that no column of df has"):
        multiple_choice(df.assign(Kurs=1), "q", sep=";", options=options)
    with pytest.raises(InputError, match="got 3 x 1"):
        multiple_choice(pd.DataFrame({"q": ["Kurs", 3]}), "q", sep=";", options=options)


def test_an_exclusive_option_stands_alone() -> None:
    df = pd.DataFrame({"a": [1, 0], "none": [1, 1]})
    with pytest.raises(InputError, match=r"1 who ticked others too \(at row 0\)"):
        multiple_choice(df, ["a", "none"], exclusive="none")
    with pytest.raises(InputError, match="exclusive: must be one of the options"):
        multiple_choice(df, ["a"], exclusive="none")
    assert multiple_choice(df.iloc[1:], ["a", "none"], exclusive="none").n_used == 1


def test_groups_weights_and_population() -> None:
    result = multiple_choice(
        ANSWERS, OPTIONS, by="group", total="Alla", weights="w", weights_kind="sampling",
        population={"Nord": 30, "Syd": 90},
    )  # fmt: skip
    frame = result.to_frame()
    assert frame["group"].unique().tolist() == ["Nord", "Syd", "Alla"]
    last = frame.iloc[6]
    w, y = ANSWERS["w"], ANSWERS["a"]
    expected = survey_shares((w * y).sum(), (w**2 * y).sum(), w.sum(), (w**2).sum(), level=0.95,
                             correction=finite_correction(97, 120))  # fmt: skip
    assert last["share"] == pytest.approx(float(expected.estimate))
    assert last["conf_low"] == pytest.approx(float(expected.low))
    assert "effective n, finite population" in repr(result)
    some = int(ANSWERS[["a", "b", "c"]].any(axis=1).sum())
    assert f"Respondents: ticked {some}, ticked nothing {97 - some}" in repr(result)
    assert frame.groupby("group")["share_of_answers"].sum().to_numpy() == pytest.approx(1)
    with pytest.raises(InputError, match="at least the 97 who answered; got 50"):
        multiple_choice(ANSWERS, OPTIONS, population=50)
    apart = multiple_choice(ANSWERS, OPTIONS, by="group")
    with pytest.raises(InputError, match="group: must be one of the groups by group; got None"):
        apart.plot()
    assert len(result.plot(group="Syd").get_yticklabels()) >= 3


def test_table_print_and_plot() -> None:
    result = multiple_choice(ANSWERS, OPTIONS)
    table = result.table()
    assert table.columns.tolist() == [
        "Svarsalternativ", "Andel av svarande", "Andel av svaren", "n",
    ]  # fmt: skip
    counts = {label: int(ANSWERS[name].sum()) for name, label in OPTIONS.items()}
    assert table["Svarsalternativ"].tolist() == sorted(counts, key=lambda key: -counts[key])
    assert result.table(sort=False)["Svarsalternativ"].tolist() == list(OPTIONS.values())
    few = multiple_choice(ANSWERS.iloc[:12], OPTIONS)
    assert few.table(sort=False).iloc[0, 1] == f"{int(ANSWERS['a'].iloc[:12].sum())} av 12"
    assert len(repr(result).splitlines()) <= 15
    assert "<table>" in result._repr_html_()
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(again.to_frame(), result.to_frame())
    assert "Andel av de svarande, 95" in result.plot().get_xlabel()
    assert "Share of respondents" in few.plot(lang="en").get_xlabel()
    with pytest.raises(InputError, match="group: must be left out without groups"):
        result.plot(group="Nord")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from([0, 1])] * 3), min_size=1, max_size=30))
def test_ticks_add_up(rows: list[tuple[int, int, int]]) -> None:
    df = pd.DataFrame(rows, columns=["a", "b", "c"])
    result = multiple_choice(df, ["a", "b", "c"])
    frame = result.to_frame()
    assert frame["count"].tolist() == df.sum().tolist()
    assert result.respondents["n"].sum() == len(df)
    total = int(np.sum(rows))
    if total:
        assert frame["share_of_answers"].sum() == pytest.approx(1)
    else:
        assert frame["share_of_answers"].isna().all()
    empties = df.where(df == 1)
    same = multiple_choice(empties, ["a", "b", "c"], empty="not ticked").to_frame()
    pd.testing.assert_frame_equal(same, frame)


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow", "object"])
def test_options_in_one_column_of_any_storage(backend: str) -> None:
    df = pd.DataFrame({"q": ["Kurs; Praktik", None, "99", "", "Kurs"]})
    plain = df.astype(object).where(df.notna(), pd.NA)
    stored = plain if backend == "object" else df.convert_dtypes(dtype_backend=backend)  # type: ignore[call-overload]
    given: dict[str, Any] = {
        "sep": ";", "options": ["Kurs", "Praktik"], "empty": "missing",
        "missing_codes": {"99": "vill inte svara"},
    }  # fmt: skip
    result = multiple_choice(stored, "q", **given)
    assert result.to_frame()["count"].tolist() == [2, 1]
    assert people(result) == {
        "ticked": 2, "ticked nothing": 0, "vill inte svara": 1, "not answered": 2,
    }  # fmt: skip
    survey = SurveyData.from_frame(stored, missing_codes={"99": "vill inte svara"})
    again = multiple_choice(survey, "q", **given)
    pd.testing.assert_frame_equal(again.to_frame(), result.to_frame())
    assert people(again) == people(result)
    assert len(stored.columns) == 1
    with pytest.raises(InputError, match="ticked: must be left out with sep"):
        multiple_choice(df, "q", ticked="x", **given)


def test_groups_keep_their_column_and_its_name() -> None:
    frame = ANSWERS.rename(columns={"group": "Svarsalternativ"})
    result = multiple_choice(frame, OPTIONS, by="Svarsalternativ", total="Samtliga")
    table = result.table()
    assert table["Svarsalternativ"].drop_duplicates().tolist() == ["Nord", "Syd", "Samtliga"]
    assert set(table["Alternativ"]) == set(OPTIONS.values())
    with pytest.raises(InputError, match="by: must be a column with a name of its own"):
        multiple_choice(ANSWERS.rename(columns={"group": "share_of_answers"}), OPTIONS,
                        by="share_of_answers")  # fmt: skip


def test_marks_by_the_labels_of_a_survey() -> None:
    rows = pd.DataFrame({"a": [1, 2, 1, 2], "b": [2, 2, 1, 1]})
    texts = {1: "Vald", 2: "Ej vald"}
    survey = SurveyData.from_frame(rows, labels={"a": texts, "b": texts})
    result = multiple_choice(survey, ["a", "b"], ticked="Vald", not_ticked="Ej vald")
    coded = multiple_choice(rows, ["a", "b"], ticked=1, not_ticked=2)
    pd.testing.assert_frame_equal(result.to_frame(), coded.to_frame())


def test_the_group_of_all_is_drawn_unless_another_is_named() -> None:
    result = multiple_choice(ANSWERS, OPTIONS, by="group", total="Samtliga")
    shares = result.to_frame().query("group == 'Samtliga'")["share"].sort_values(ascending=False)
    drawn = result.plot().lines[0].get_xdata()
    assert list(drawn) == pytest.approx(shares.tolist())
