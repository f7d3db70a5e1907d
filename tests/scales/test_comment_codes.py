"""Coded comments: counts beside another question, several codes or none, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.comment_codes import comment_table

NAMED = {"code": "comment", "answer": "better"}
SIDES = {"negative": -1, "neutral": 0, "positive": 1}
ANSWERS = ["Ja", "Nej", "Inte tagit ställning"]
# The report prints the margins (55, 90, 7 and 62, 71, 19) and one cell: 23 who said no and wrote
# something positive. The other cells are one way among many to fill the table.
CELLS = [[37, 17, 1], [23, 50, 17], [2, 4, 1]]


def closing_survey() -> pd.DataFrame:
    """Return one row for each of the 152 people."""
    rows = [
        (answer, code)
        for answer, counts in zip(ANSWERS, CELLS, strict=True)
        for code, n in zip(["positive", "neutral", "negative"], counts, strict=True)
        for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=["better", "comment"])


def test_margins_of_the_published_diagram() -> None:
    found = comment_table(closing_survey(), **NAMED, codes=SIDES, answers=ANSWERS)
    table = found.cross_table()
    assert table.loc["all"].to_dict() == {"negative": 19, "neutral": 71, "positive": 62, "n": 152}
    assert table["n"].to_dict() == {"Ja": 55, "Nej": 90, "Inte tagit ställning": 7, "all": 152}
    assert table.loc["Nej", "positive"] == 23
    frame = found.to_frame().set_index(["answer", "code"])
    one = frame.loc[("Nej", "positive")]
    assert one["estimate"] == pytest.approx(23 / 90)
    assert (one["count"], one["n"]) == (23, 90)
    # R: prop.test(23, 90, correct = FALSE)$conf.int
    assert one["conf_low"] == pytest.approx(0.176747593734, rel=1e-10)
    assert one["conf_high"] == pytest.approx(0.354376489876, rel=1e-10)


def test_no_comment_counts_as_neutral_only_if_said() -> None:
    df = closing_survey()
    df.loc[df["comment"] == "neutral", "comment"] = None
    with pytest.raises(InputError, match=r"^code: must be given in every row \('comment'\); got 71 "
                       r"rows.*uncoded='neutral'"):  # fmt: skip
        comment_table(df, **NAMED, codes=SIDES)
    merged = comment_table(df, **NAMED, codes=SIDES, uncoded="neutral", answers=ANSWERS)
    plain = comment_table(closing_survey(), **NAMED, codes=SIDES, answers=ANSWERS)
    pd.testing.assert_frame_equal(merged.to_frame(), plain.to_frame())
    apart = comment_table(df, **NAMED, codes=SIDES, uncoded="no comment", answers=ANSWERS)
    assert apart.codes == ("negative", "neutral", "positive", "no comment")
    assert apart.cross_table().loc["all"].tolist() == [19, 0, 62, 71, 152]


def test_several_codes_and_none() -> None:
    df = pd.DataFrame(
        {
            "better": ["yes", "yes", "no", "no"],
            "comment": [["positive", "negative"], ["positive"], [], ["negative", "negative"]],
        }
    )
    found = comment_table(df, **NAMED)
    assert found.n_several == 1
    assert found.codes == ("negative", "positive", "no code")
    assert found.cross_table().loc["yes"].tolist() == [1, 2, 0, 2]
    assert found.cross_table().loc["no"].tolist() == [1, 0, 1, 2]
    assert found.table.notes[0].endswith("several codes, which count once for each: 1.")
    texts = df.assign(comment=["positive; negative", "positive", "none", "negative;negative"])
    other = comment_table(texts, **NAMED, separator=";")
    assert other.cross_table().loc["yes"].tolist() == [1, 0, 2, 2]
    with pytest.raises(InputError, match=r"^code: must be one for each comment.*cross_table"):
        found.plot()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.sampled_from("xyz"), max_size=3)), min_size=1
    ).filter(lambda rows: any(codes for _, codes in rows))
)
def test_nobody_is_lost(rows: list[tuple[str, list[str]]]) -> None:
    df = pd.DataFrame({"better": [a for a, _ in rows], "comment": [c for _, c in rows]})
    found = comment_table(df, **NAMED, codes=["x", "y", "z"])
    assert found.n.sum() == len(rows)
    assert found.counts.sum() == sum(max(len({*codes}), 1) for _, codes in rows)
    assert (found.counts <= found.n[:, None]).all()


def test_missing_answers_are_counted() -> None:
    df = closing_survey()
    df.loc[df["better"] == "Inte tagit ställning", "better"] = None
    found = comment_table(df, **NAMED, codes=SIDES)
    assert found.table.n_dropped == {"better missing": 7}
    assert found.answers == ("Ja", "Nej")
    more = comment_table(df, **NAMED, codes=SIDES, answers=["Nej", "Ja", "Vet ej"])
    assert more.answers == ("Nej", "Ja", "Vet ej")
    assert more.n.tolist() == [90, 55, 0]
    assert more.to_frame()["estimate"].isna().sum() == 3


def test_drawing() -> None:
    turned = {"positive": 1, "neutral": 0, "negative": -1}
    found = comment_table(closing_survey(), **NAMED, codes=turned, answers=ANSWERS)
    axes = found.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ANSWERS
    texts = {text.get_text() for text in axes.texts}
    assert {"67\u00a0%", "26\u00a0%"} <= texts  # 37 of 55 and 23 of 90; 7 are counts
    widths = [bar.get_width() for bar in axes.containers[0]]
    assert widths[1] == pytest.approx(100 * 17 / 90)
    blank = closing_survey().assign(comment=lambda df: df["comment"].replace("neutral", None))
    apart = comment_table(
        blank, **NAMED, codes={"negative": -1, "positive": 1}, uncoded="ingen", answers=ANSWERS
    )
    assert apart.plot().has_data()
    with pytest.raises(InputError, match=r"^codes: must be a mapping with -1, 0 or 1"):
        comment_table(closing_survey(), **NAMED).plot()


def test_results_print_and_pickle() -> None:
    found = comment_table(closing_survey(), **NAMED, codes=SIDES)
    assert len(repr(found).splitlines()) <= 15
    assert "<table" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codes": ["positive", "neutral"]}, (r"^code: must be codes among 'positive', 'neutral'; "
         r"got 'negative' \(at 'comment', row 54.*and 14 more\)")),
        ({"codes": ["postive", "neutral", "negative"]}, r"got 'positive'.*Did you mean 'postive'"),
        ({"codes": "positive"}, r"^codes: must be two or more codes"),
        ({"codes": ["positive", "positive"]}, r"^codes: must be two or more codes, once each"),
        ({"codes": SIDES | {"neutral": 2}}, r"^codes: must be a mapping to -1, 0 or 1"),
        ({"codes": SIDES | {"neutral": True}}, r"^codes: must be a mapping to -1, 0 or 1"),
        ({"answers": ["Ja", "Nej"]}, r"^answers: must be all answers.*'Inte tagit ställning'"),
        ({"answers": "Ja"}, r"^answers: must be all answers that occur"),
        ({"code": "comments"}, r"^code: must be a column of df.*Did you mean 'comment'"),
        ({"level": 0}, r"^level: must be"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        comment_table(closing_survey(), **(NAMED | arguments))  # type: ignore[arg-type]


def test_empty_columns_are_refused() -> None:
    with pytest.raises(InputError, match=r"^code: must be columns with codes; got none"):
        comment_table(closing_survey().assign(comment=np.nan), **NAMED)
    with pytest.raises(InputError, match=r"^answer: must be a column with answers; got none"):
        comment_table(closing_survey().assign(better=None), **NAMED)
