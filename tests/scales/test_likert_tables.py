"""Likert tables: bases, sides, unused levels, missing by kind, small groups, weights, R."""

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
from evalkit.kernels.survey_shares import finite_correction, share_balance, survey_shares
from evalkit.scales import LikertTable, SurveyData, likert_table

HERE = Path(__file__).parents[1] / "reference" / "scales"
ANSWERS = pd.read_csv(HERE / "survey_tables_answers.csv")
EXPECTED = pd.read_csv(HERE / "survey_tables_expected.csv", dtype={"category": str})
FIVE = {1: "Inte alls", 2: "Litet", 3: "Varken", 4: "Ganska", 5: "Helt"}
BESIDE = {9: "Vet ej"}
LEVELS: dict[str, Any] = {"levels": FIVE, "neutral": [3], "outside": BESIDE}

# Twelve answers to one statement: 2, 2, 0, 3, 1 on the scale, 2 beside it, 2 missing.
SMALL = pd.DataFrame({
    "q": [1, 1, 2, 2, 4, 4, 4, 5, 9, 9, 99, None],
    "del": ["Nord"] * 5 + ["Syd"] * 6 + [None],
})  # fmt: skip


def known(table: str) -> pd.DataFrame:
    """Return R's values of a table, by base, category and quantity."""
    rows = EXPECTED[EXPECTED["table"] == table]
    return rows.set_index(["base", "category", "quantity"])["value"].unstack("quantity")


def check_against_r(result: LikertTable, item: str, expected: pd.DataFrame, rel: float) -> None:
    """Compare every level, both sides and the balance with R."""
    codes = {label: str(code) for code, label in (FIVE | BESIDE).items()}
    cells = result.to_frame()
    cells = cells[cells["item"] == item]
    cells = cells.assign(category=cells["category"].map(codes)).rename(
        columns={"share": "estimate"}
    )
    sides = result.summary().to_frame().rename(columns={"term": "category"})
    sides = sides[sides["item"] == item]
    for frame in (cells, sides):
        for row in frame.to_dict("records"):
            key = (row["base"], row["category"])
            if key not in expected.index:
                assert row["category"] == "net"
                continue
            want = expected.loc[key]
            for mine, name in (
                ("estimate", "estimate"),
                ("conf_low", "low"),
                ("conf_high", "high"),
            ):
                assert row[mine] == pytest.approx(want[name], rel=rel, abs=1e-14), (key, mine)


@pytest.mark.parametrize("item", ["q1", "q2"])
def test_shares_sides_and_balance_as_in_r(item: str) -> None:
    result = likert_table(ANSWERS, ["q1", "q2"], **LEVELS)
    check_against_r(result, item, known(item), 1e-10)
    narrow = likert_table(ANSWERS, ["q1", "q2"], **LEVELS, level=0.9)
    check_against_r(narrow, item, known(f"{item}_90"), 1e-10)


@pytest.mark.parametrize("item", ["q1", "q2"])
def test_finite_population_as_in_r(item: str) -> None:
    result = likert_table(ANSWERS, [item], **LEVELS, population=120)
    check_against_r(result, item, known(f"{item}_finite"), 1e-7)  # roots found by iteration
    assert "finite population" in repr(result)


@pytest.mark.parametrize("item", ["q1", "q2"])
def test_sampling_weights_as_in_r(item: str) -> None:
    result = likert_table(ANSWERS, [item], **LEVELS, weights="w", weights_kind="sampling")
    check_against_r(result, item, known(f"{item}_weighted"), 1e-9)
    scaled = likert_table(
        ANSWERS.assign(w=7 * ANSWERS["w"]), [item], **LEVELS, weights="w", weights_kind="sampling"
    )
    columns = ["share", "conf_low", "conf_high", "n"]
    pd.testing.assert_frame_equal(scaled.to_frame()[columns], result.to_frame()[columns])


def test_cuts_as_in_r() -> None:
    for first in (4, 3):
        result = likert_table(
            ANSWERS, {"ten": "Tio steg"}, cuts=[1, first, 7, 10], levels=["low", "middle", "high"],
            neutral=["middle"],
        )  # fmt: skip
        frame = result.to_frame().query("base == 'decided'")
        assert frame["category"].tolist()[1] == f"middle ({first + 1}–7)"
        expected = known(f"ten_{first}").droplevel("base").loc[["low", "middle", "high"]]
        for mine, name in (("share", "estimate"), ("conf_low", "low"), ("conf_high", "high")):
            assert frame[mine].to_numpy() == pytest.approx(expected[name].to_numpy(), rel=1e-10)
        assert frame["side"].tolist() == ["negative", "neutral", "positive"]


def test_a_hand_counted_table() -> None:
    result = likert_table(SMALL, {"q": "Stöd"}, **LEVELS, missing_codes={99: "ej aktuellt"})
    frame = result.to_frame()
    decided = frame[frame["base"] == "decided"]
    assert decided["category"].tolist() == list(FIVE.values())
    assert decided["count"].tolist() == [2, 2, 0, 3, 1]
    assert decided["share"].tolist() == [0.25, 0.25, 0.0, 0.375, 0.125]
    assert decided["n"].eq(8).all()
    assert decided["small"].all()
    everybody = frame[frame["base"] == "all"]
    assert everybody["category"].tolist() == [*FIVE.values(), "Vet ej"]
    assert everybody["side"].iloc[-1] == "outside"
    assert everybody["share"].tolist() == [0.2, 0.2, 0.0, 0.3, 0.1, 0.2]
    sides = result.summary().to_frame().set_index(["base", "term"])["estimate"]
    assert sides["decided"].to_dict() == {"positive": 0.5, "negative": 0.5, "net": 0.0}
    assert sides["all"].to_dict() == {"positive": 0.4, "negative": 0.4, "net": 0.0}
    assert result.missing_frame().to_dict("records") == [
        {"item": "q", "statement": "Stöd", "kind": "ej aktuellt", "n": 1},
        {"item": "q", "statement": "Stöd", "kind": "not answered", "n": 1},
    ]
    assert result.notes == (
        "Beside the scale, in the base 'all' only: Vet ej 2.",
        "Without an answer, in no base: ej aktuellt 1, not answered 1.",
    )


def test_the_table_of_the_report() -> None:
    named = {"missing_codes": 99, **LEVELS}
    small = likert_table(SMALL, {"q": "Stöd"}, **named).table()
    assert small.iloc[0].to_dict() == {
        "Påstående": "Stöd", "Inte alls": "2 av 8", "Litet": "2 av 8", "Varken": "0 av 8",
        "Ganska": "3 av 8", "Helt": "1 av 8", "n": "8", "Vet ej": "2", "Svar saknas": "2",
        "Positiva": "4 av 8", "Balans": "0 av 8",
    }  # fmt: skip
    shown = likert_table(SMALL, {"q": "Stöd"}, **named, small=5)
    assert shown.table().iloc[0].to_dict() | {"n": ""} == {
        "Påstående": "Stöd", "Inte alls": "25\u00a0%", "Litet": "25\u00a0%",
        "Varken": "0\u00a0%", "Ganska": "38\u00a0%", "Helt": "13\u00a0%", "n": "",
        "Vet ej": "2", "Svar saknas": "2", "Positiva": "50\u00a0%", "Balans": "0",
    }  # fmt: skip
    english = shown.table(base="all", lang="en", decimals=1).iloc[0]
    assert english["Vet ej"] == "20.0%"
    assert english["n"] == "10"
    assert english["Positive"] == "40.0%"


def test_groups_and_total() -> None:
    named = {"missing_codes": 99, "small": 3, **LEVELS}
    result = likert_table(SMALL, {"q": "Stöd"}, by="del", total="Samtliga", **named)
    frame = result.to_frame().query("base == 'decided'")
    counts = frame.groupby("del", sort=False)["count"].agg(list).to_dict()
    assert counts == {"Nord": [2, 2, 0, 1, 0], "Syd": [0, 0, 0, 2, 1], "Samtliga": [2, 2, 0, 3, 1]}
    assert result.counts.n_dropped == {"del missing": 1}
    assert result.table()["del"].tolist() == ["Nord", "Syd", "Samtliga"]
    assert result.notes[0].endswith("Vet ej 2.")
    assert list(result.summary().to_frame().columns[:4]) == ["del", "item", "statement", "base"]
    sized = likert_table(SMALL, "q", by="del", total="Samtliga", population={"Nord": 5, "Syd": 9},
                         **named).to_frame()  # fmt: skip
    nord = sized.query("base == 'decided' and `del` == 'Nord'")
    assert nord["conf_low"].tolist() == nord["share"].tolist() == nord["conf_high"].tolist()
    every = sized.query("base == 'all' and `del` == 'Samtliga'")
    limits = survey_shares(3, 3, 10, 10, level=0.95, correction=finite_correction(10, 14))
    assert every["conf_high"].iloc[3] == pytest.approx(float(limits.high))


def test_levels_come_from_ordered_categories() -> None:
    answers = pd.Categorical(
        ["Ja, helt", "Nej", "Vet ej"], categories=["Nej", "Delvis", "Ja, helt", "Vet ej"],
        ordered=True,
    )  # fmt: skip
    df = pd.DataFrame({"q": answers})
    result = likert_table(df, "q", outside=["Vet ej"], positive=["Ja, helt"], neutral=["Delvis"])
    assert result.counts.levels.labels == ("Nej", "Delvis", "Ja, helt")
    assert result.to_frame()["count"].tolist() == [1, 0, 1, 1, 0, 1, 1]
    with pytest.raises(InputError, match="answers have no order of their own"):
        likert_table(df.astype(str), "q")
    with pytest.raises(InputError, match="answers have no order of their own"):
        likert_table(df.assign(q=df["q"].cat.as_unordered()), "q")


def test_levels_and_kinds_come_from_a_survey() -> None:
    labels = {1.0: "Nej", 2.0: "Varken", 3.0: "Ja", 8.0: "Vet ej"}
    survey = SurveyData.from_frame(
        pd.DataFrame({"q": [1.0, 3.0, 3.0, 8.0, np.nan], "ort": [1, 1, 2, 2, 2]}),
        labels={"q": labels, "ort": {1: "Malmö", 2: "Lund"}}, questions={"q": "Stöd?"},
        missing_codes={8: "Vet ej"}, columns=["q"], not_asked={"q": [False] * 4 + [True]},
    )  # fmt: skip
    result = likert_table(survey, "q", neutral=["Varken"])
    assert result.counts.levels.labels == ("Nej", "Varken", "Ja")
    assert result.counts.statements == ("Stöd?",)
    assert result.missing_frame()["kind"].tolist() == ["Vet ej", "not asked"]
    assert result.table()["Svar saknas"].tolist() == ["1"]
    beside = likert_table(survey, "q", neutral=["Varken"], outside=["vet ej"], by="ort")
    assert beside.to_frame().query("side == 'outside'")["count"].tolist() == [0, 1]
    assert beside.to_frame()["ort"].unique().tolist() == ["Malmö", "Lund"]
    assert beside.missing_frame().query("n > 0")["kind"].tolist() == ["not asked"]
    by_label = likert_table(survey, "q", levels=["Nej", "Varken", "Ja"])
    assert by_label.to_frame().query("base == 'all'")["count"].tolist() == [1, 0, 2]


def test_questions_with_other_answers_are_refused() -> None:
    first = pd.Categorical(["a"], categories=["a", "b"], ordered=True)
    second = pd.Categorical(["a"], categories=["b", "a"], ordered=True)
    with pytest.raises(InputError, match="questions with the same answers; got a, b and b, a"):
        likert_table(pd.DataFrame({"q": first, "r": second}), ["q", "r"])


def test_answers_that_are_no_level_are_named() -> None:
    with pytest.raises(InputError) as error:
        likert_table(SMALL, "q", levels=[1, 2, 3, 4, 5])
    assert str(error.value) == (
        "q: 3 answers that are no level (9 x 2, 99 x 1); the levels are '1', '2', '3', '4', '5'. "
        "Add them to levels or outside, or declare them in missing_codes."
    )
    words = pd.DataFrame({"q": ["Ja", "nej"]})
    with pytest.raises(InputError, match=r"1 answer that is no level .* Did you mean 'Nej'\?"):
        likert_table(words, "q", levels=["Nej", "Ja"])
    with pytest.raises(InputError, match="True x 1"):
        likert_table(pd.DataFrame({"q": [True, False]}), "q", levels=[0, 1])
    with pytest.raises(InputError, match=r"ten: 2 values outside 1-10 \(99 x 2\)"):
        likert_table(pd.DataFrame({"ten": [1, 99, 99]}), "ten", cuts="1-4/5-10", levels=["a", "b"])


def test_no_side_is_guessed() -> None:
    result = likert_table(SMALL, "q", levels=FIVE, outside=BESIDE, missing_codes=99)
    assert result.sides is None
    assert "Positiva" not in result.table()
    assert result.to_frame()["side"].unique().tolist() == ["", "outside"]
    assert "No level is said to be positive" in result.notes[-1]
    with pytest.raises(InputError, match="which levels are positive"):
        result.summary()
    with pytest.raises(InputError, match="A scale has no midpoint by itself"):
        result.plot(kind="diverging")


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({"neutral": [3]}, (-1, -1, 0, 1, 1)),
        ({"neutral": ["Varken"]}, (-1, -1, 0, 1, 1)),
        ({"positive": [4, 5], "neutral": []}, (-1, -1, -1, 1, 1)),
        ({"positive": [5], "negative": [1]}, (-1, 0, 0, 0, 1)),
        ({"negative": [1], "neutral": [2, 3], "positive": ["Ganska", "Helt"]}, (-1, 0, 0, 1, 1)),
    ],
)
def test_sides(sides: dict[str, Any], expected: tuple[int, ...]) -> None:
    result = likert_table(SMALL, "q", levels=FIVE, outside=BESIDE, missing_codes=99, **sides)
    assert result.sides == expected


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ({"positive": [4, 5]}, "neutral: must be given beside positive"),
        ({"neutral": []}, "given where no level is neutral"),
        ({"positive": [6], "neutral": []}, "levels of the scale; got 6"),
        ({"positive": ["Vet ej"], "neutral": []}, "levels of the scale; got 'Vet ej'"),
        ({"positive": [4], "neutral": [4]}, "each level on one side"),
        ({"positive": [1, 2], "neutral": [3]}, "from the negative to the positive end"),
    ],
)
def test_sides_that_contradict(sides: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        likert_table(SMALL, "q", levels=FIVE, outside=BESIDE, missing_codes=99, **sides)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": "abc"}, "levels: must be a sequence of answers"),
        ({"levels": [1]}, "at least two levels"),
        ({"levels": [1, 1]}, "labels that differ"),
        ({"outside": [5]}, "other answers than those on the scale"),
        ({"item_range": (1, 5)}, "item_range: must be left out without cuts"),
        ({"cuts": "1-3/4-9"}, "levels: must be the labels of the groups, with cuts"),
        ({"cuts": [3], "levels": ["a", "b"]}, "item_range: must be given with such cuts"),
        ({"total": "Alla"}, "total: must be left out without groups"),
        ({"by": "del", "total": "Syd"}, "total: must be a name that no group has"),
        ({"by": "dell"}, "Did you mean 'del'"),
        ({"population": 9}, "at least the 10 who answered; got 9"),
        ({"population": 9.5}, "whole numbers of persons"),
        ({"population": {"Nord": 10}}, "one number without groups"),
        ({"by": "del", "population": 30}, "a mapping by group"),
        ({"by": "del", "population": {"Nord": 10}}, "given for every group"),
        ({"small": -1}, "small: must be whole numbers"),
        ({"level": 95}, "level"),
        ({"weights_kind": "frequency"}, "weights_kind: must be one of 'case', 'sampling'"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        likert_table(SMALL, "q", **({**LEVELS, "missing_codes": 99, "neutral": None} | change))


def test_bad_items_and_names() -> None:
    with pytest.raises(InputError, match="items: must be at least one column"):
        likert_table(SMALL, [], **LEVELS)
    with pytest.raises(InputError, match="items: must be columns that differ"):
        likert_table(SMALL, ["q", "q"], **LEVELS)
    with pytest.raises(InputError, match="a column of df"):
        likert_table(SMALL, "q7", **LEVELS)
    with pytest.raises(InputError, match="by: must be a column with a name of its own"):
        likert_table(SMALL.assign(n=1), "q", by="n", missing_codes=99, **LEVELS)


def test_weights() -> None:
    df = ANSWERS[["q1", "case"]]
    weighted = likert_table(df, "q1", **LEVELS, weights="case")
    repeated = likert_table(df.loc[df.index.repeat(df["case"])], "q1", **LEVELS)
    pd.testing.assert_frame_equal(weighted.to_frame(), repeated.to_frame())
    with pytest.raises(InputError, match='are weights_kind="sampling"'):
        likert_table(ANSWERS, "q1", **LEVELS, weights="w")
    with pytest.raises(InputError, match="finite and at least 0"):
        likert_table(ANSWERS.assign(w=-1), "q1", **LEVELS, weights="w")
    with pytest.raises(InputError, match="positive somewhere"):
        likert_table(ANSWERS.assign(w=0), "q1", **LEVELS, weights="w")
    missing = ANSWERS.assign(w=ANSWERS["w"].where(ANSWERS.index > 4))
    result = likert_table(missing, "q1", **LEVELS, weights="w", weights_kind="sampling")
    assert result.counts.n_dropped == {"w missing": 5}
    same = likert_table(ANSWERS.assign(w=0.37), "q1", **LEVELS, weights="w",
                        weights_kind="sampling").to_frame()  # fmt: skip
    plain = likert_table(ANSWERS, "q1", **LEVELS).to_frame()
    for column in ("share", "conf_low", "conf_high"):
        assert same[column].to_numpy() == pytest.approx(plain[column].to_numpy(), rel=1e-12)


def test_nobody_answered() -> None:
    df = pd.DataFrame({"q": [None, 9.0], "r": [1.0, 2.0]})
    result = likert_table(df, ["q", "r"], **LEVELS)
    empty = result.to_frame().query("item == 'q' and base == 'decided'")
    assert empty["share"].isna().all()
    assert empty["conf_high"].isna().all()
    assert result.table().iloc[0]["Positiva"] == "\u2013"
    assert result.summary().to_frame().query("item == 'q'")["estimate"].notna().sum() == 3
    with pytest.raises(InputError, match="at least one respondent"):
        likert_table(df.iloc[:0], "q", **LEVELS)


def test_the_frame_is_not_changed_and_prints_short() -> None:
    before = ANSWERS.copy()
    result = likert_table(ANSWERS, ["q1", "q2"], **LEVELS, by="group", total="Samtliga")
    pd.testing.assert_frame_equal(ANSWERS, before)
    assert len(repr(result).splitlines()) <= 15
    assert "Vet ej" in repr(result)
    assert "<table>" in result._repr_html_()
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(again.to_frame(), result.to_frame())


def test_plots() -> None:
    result = likert_table(ANSWERS, {"q1": "Ett", "q2": "Två"}, **LEVELS)
    axes = result.plot(sort=False)
    words = {text.get_text() for text in axes.texts}  # type: ignore[union-attr]
    assert len(axes.patches) >= 9  # type: ignore[union-attr]
    assert any("86" in word for word in words)
    groups = likert_table(ANSWERS, "q1", **LEVELS, by="group")
    assert len(groups.plot(kind="stacked").axes) >= 2  # type: ignore[union-attr]
    with pytest.raises(InputError, match="ax: must be left out with groups"):
        groups.plot(ax=axes)  # type: ignore[arg-type]
    weighted = likert_table(SMALL.assign(w=100.5), "q", **LEVELS, missing_codes=99, weights="w",
                            weights_kind="sampling")  # fmt: skip
    assert weighted.chart_rows().counts.tolist() == [[2, 2, 0, 3, 1]]


def test_the_balance_has_the_limits_of_its_parts() -> None:
    alone = share_balance((30, 30), (0, 0), 50, 50, level=0.95)
    share = survey_shares(30, 30, 50, 50, level=0.95)
    assert float(alone.estimate) == pytest.approx(0.6)
    assert float(alone.low) < float(share.low)
    whole = share_balance((50, 50), (0, 0), 50, 50, level=0.95)
    assert float(whole.high) == 1
    census = share_balance((30, 30), (10, 10), 50, 50, level=0.95, correction=0.0)
    assert float(census.low) == float(census.high) == pytest.approx(0.4)
    assert finite_correction([10, 120, 5], [120, 120, np.nan]).tolist() == [110 / 119, 0, 1]
    assert float(finite_correction(1, 1)) == 0


def test_finite_intervals_cover() -> None:
    ways = np.random.default_rng(5).hypergeometric(30, 45, 54, 4000)
    found = survey_shares(ways, ways, 54, 54, level=0.95, correction=finite_correction(54, 75))
    inside = (found.low <= 30 / 75) & (found.high >= 30 / 75)
    assert 0.93 < inside.mean() < 0.985
    plain = survey_shares(ways, ways, 54, 54, level=0.95)
    assert (found.high - found.low < 0.62 * (plain.high - plain.low)).all()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from([1, 2, 3, 4, 5, 9, None]), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_counts_add_up_and_order_does_not_matter(answers: list[int | None], dice: Any) -> None:
    df = pd.DataFrame({"q": pd.Series(answers, dtype="float64")})
    frame = likert_table(df, "q", **LEVELS).to_frame()
    for base, outside in (("decided", ()), ("all", (9,))):
        part = frame[frame["base"] == base]
        n = sum(answer in (1, 2, 3, 4, 5, *outside) for answer in answers)
        assert part["count"].sum() == n == part["n"].iloc[0]
        if n:
            assert part["share"].sum() == pytest.approx(1)
            assert (part["conf_low"] <= part["share"]).all()
            assert (part["share"] <= part["conf_high"]).all()
    shuffled = answers.copy()
    dice.shuffle(shuffled)
    again = likert_table(pd.DataFrame({"q": pd.Series(shuffled, dtype="float64")}), "q", **LEVELS)
    pd.testing.assert_frame_equal(again.to_frame(), frame)


def test_headings_never_cover_a_level_or_the_groups() -> None:
    frame = pd.DataFrame({
        "q": ["Negativ"] * 3 + ["Positiva"] * 4 + ["Mycket positiv"] * 2 + ["Svar saknas", None],
        "Påstående": ["Nord", "Syd"] * 5 + ["Nord"],
    })  # fmt: skip
    table = likert_table(
        frame, {"q": "Stöd"}, levels=["Negativ", "Positiva", "Mycket positiv"], neutral=[],
        negative=["Negativ"], outside=["Svar saknas"], by="Påstående", total="Samtliga", small=0,
    ).table()  # fmt: skip
    assert table["Påstående"].tolist() == ["Nord", "Syd", "Samtliga"]
    last = table.iloc[-1]
    assert (last["Fråga"], last["Positiva"], last["Positiva svar"]) == (
        "Stöd", "44\u00a0%", "67\u00a0%",
    )  # fmt: skip
    assert (last["Svar saknas"], last["Inget svar"]) == ("1", "1")


@pytest.mark.parametrize("name", ["Negativ", "estimate", "std_error"])
def test_groups_in_a_column_called_like_one_of_the_table(name: str) -> None:
    frame = pd.DataFrame({"q": ["Negativ", "Positiv"] * 15, name: ["Nord", "Syd"] * 15})
    with pytest.raises(InputError, match="by: must be a column with a name of its own"):
        likert_table(frame, "q", levels=["Negativ", "Positiv"], by=name)


def test_the_population_of_all_has_groups_of_which_nobody_answered() -> None:
    frame = pd.DataFrame({"q": [1, 2] * 15, "del": ["Nord"] * 20 + ["Syd"] * 10})
    sizes = {"Nord": 20, "Syd": 10, "Väst": 30}
    table = likert_table(frame, "q", levels=[1, 2], neutral=[], positive=[2], by="del",
                         total="Samtliga", population=sizes)  # fmt: skip
    found = table.summary().to_frame().query("term == 'positive' and base == 'all'")
    wide = (found["conf_high"] - found["conf_low"]).to_numpy()
    assert wide[:2] == pytest.approx([0, 0])
    assert wide[2] > 0.1
    with pytest.raises(InputError, match="population: must be whole numbers"):
        likert_table(frame, "q", levels=[1, 2], by="del", population=sizes | {"Väst": 0.5})


def test_two_levels_have_no_second_column_of_the_positive_share() -> None:
    frame = pd.DataFrame({"q": ["Nej", "Ja"] * 15})
    table = likert_table(frame, "q", levels=["Nej", "Ja"], neutral=[], positive=["Ja"]).table()
    assert list(table) == ["Påstående", "Nej", "Ja", "n", "Svar saknas", "Balans"]


def test_long_levels_are_numbered_in_print() -> None:
    levels = {i: f"Instämmer i mycket hög grad {i}" for i in range(1, 8)}
    table = likert_table(pd.DataFrame({"q": [1, 2, 7] * 10}), "q", levels=levels, neutral=[4])
    lines = repr(table).splitlines()
    assert "levels 1. Instämmer i mycket hög grad 1, 2. Inst" in lines[0]
    assert lines[3].split()[-9:] == ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "No", "answer"]
    assert lines[4].split()[-8:] == ["33%", "33%", "0%", "0%", "0%", "0%", "33%", "0"]
    assert all(label in table._repr_html_() for label in levels.values())


def test_a_set_has_no_order() -> None:
    frame = pd.DataFrame({"q": ["Ja", "Nej"]})
    with pytest.raises(InputError, match=r"levels: must be a sequence.*A set has no order"):
        likert_table(frame, "q", levels={"Ja", "Nej"})  # type: ignore[arg-type]


def test_axes_come_first_as_everywhere() -> None:
    from matplotlib.figure import Figure

    table = likert_table(pd.DataFrame({"q": [1, 2] * 15}), "q", levels=[1, 2])
    axes = Figure(figsize=(8, 3)).subplots()
    assert table.plot(axes) is axes
