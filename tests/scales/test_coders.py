"""Coders of the same comments: kappa of pairs and of all, single codes, and the disagreements."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.agreement_tables import agreement
from evalkit.scales.coders import coder_agreement

COMMENTS = pd.DataFrame(
    {
        "anna": ["pos", "pos", "neg", "neu", "neg", "pos", None, "neu"],
        "bo": ["pos", "neu", "neg", "neu", "neg", "pos", "pos", "neg"],
        "cia": ["pos", "pos", "neg", "pos", "neg", "pos", "pos", None],
        "id": ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"],
    }
)
TWO = ["anna", "bo"]
THREE = ["anna", "bo", "cia"]


def test_two_coders_are_an_agreement_table() -> None:
    found = coder_agreement(COMMENTS, coders=TWO)
    table = agreement(COMMENTS, a="anna", b="bo")
    assert found.kappa == pytest.approx(table.kappa)
    frame = found.to_frame()
    assert frame["coders"].unique().tolist() == ["anna - bo"]
    assert frame["code"].unique().tolist() == ["", "neg", "neu", "pos"]
    single = frame[(frame["code"] == "neg") & (frame["term"] == "cohen_kappa")]["estimate"].item()
    flags = COMMENTS[TWO].dropna().apply(lambda column: (column == "neg").astype(int))
    assert single == pytest.approx(agreement(flags, a="anna", b="bo").kappa)
    assert found.table.n_dropped == {"coded by fewer than two": 1}


def test_three_coders() -> None:
    found = coder_agreement(COMMENTS, coders=THREE, id="id")
    frame = found.to_frame()
    whole = frame[frame["code"] == ""]
    assert whole["coders"].tolist()[::2] == ["anna - bo", "anna - cia", "bo - cia", "all"]
    assert whole["n"].tolist()[::2] == [7, 6, 7, 8]
    last = whole[whole["term"] == "fleiss_kappa"]
    assert found.kappa == last["estimate"].item()
    assert found.table.n_used == 8
    assert found.table.n_dropped == {}


def test_disagreements_are_listed() -> None:
    found = coder_agreement(COMMENTS, coders=THREE, id="id")
    assert found.disagreements.fillna("-").to_dict("records") == [
        {"comment": "k2", "anna": "pos", "bo": "neu", "cia": "pos", "versions": 2},
        {"comment": "k4", "anna": "neu", "bo": "neu", "cia": "pos", "versions": 2},
        {"comment": "k8", "anna": "neu", "bo": "neg", "cia": "-", "versions": 2},
    ]
    assert "3 with disagreement" in repr(found)
    none = coder_agreement(COMMENTS.head(1), coders=THREE)
    assert none.disagreements.empty
    assert none.disagreements.columns.tolist() == ["comment", *THREE, "versions"]


def test_several_codes_have_a_kappa_each() -> None:
    df = pd.DataFrame(
        {
            "anna": ["pos;neg", "pos", "neg", "pos;neg", "neg"],
            "bo": ["pos;neg", "pos;neg", "neg", "neg; pos", "pos"],
        }
    )
    found = coder_agreement(df, coders=TWO, separator=";")
    frame = found.to_frame()
    same = frame[frame["code"] == ""]
    assert same["term"].tolist() == ["observed_agreement"]
    assert same["estimate"].item() == pytest.approx(3 / 5)
    assert pd.isna(found.kappa)
    assert "each code has its own kappa" in found.table.notes[0]
    flags = pd.DataFrame({"anna": [1, 1, 0, 1, 0], "bo": [1, 1, 0, 1, 1]})
    single = frame[(frame["code"] == "pos") & (frame["term"] == "cohen_kappa")]["estimate"].item()
    assert single == pytest.approx(agreement(flags, a="anna", b="bo").kappa)
    assert found.disagreements["anna"].tolist() == ["pos", "neg"]
    lists = pd.DataFrame({"anna": [["pos"], [], ["neg"]], "bo": [["pos"], ["neg"], []]})
    empty = coder_agreement(lists, coders=TWO)
    assert empty.disagreements["bo"].tolist() == ["neg", ""]
    assert len(repr(found).splitlines()) <= 15


def test_codes_that_nobody_gave() -> None:
    found = coder_agreement(COMMENTS, coders=TWO, codes=["neg", "neu", "pos", "mixed"])
    assert found.kappa == pytest.approx(coder_agreement(COMMENTS, coders=TWO).kappa)
    assert "Kappa is undefined" in found.table.notes[-1]


def test_near_misses_need_an_order() -> None:
    order = ["neg", "neu", "pos"]
    found = coder_agreement(COMMENTS, coders=TWO, codes=order, near="linear")
    wanted = agreement(COMMENTS, a="anna", b="bo", order=order, near="linear")
    assert found.kappa == pytest.approx(wanted.kappa)
    with pytest.raises(InputError, match=r"^near: must be 'none', unless each comment has one"):
        coder_agreement(COMMENTS, coders=TWO, near="linear")


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from("xyz")] * 3), min_size=2, max_size=30))
def test_names_of_codes_and_order_of_coders_are_nothing(rows: list[tuple[str, str, str]]) -> None:
    df = pd.DataFrame(rows, columns=THREE)
    found = coder_agreement(df, coders=THREE)
    turned = coder_agreement(df.replace({"x": "q", "z": "a"}), coders=THREE[::-1])
    assert turned.kappa == pytest.approx(found.kappa, nan_ok=True)
    assert len(found.disagreements) == sum(len({*row}) > 1 for row in rows)


def test_results_pickle() -> None:
    found = coder_agreement(COMMENTS, coders=THREE)
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())
    pd.testing.assert_frame_equal(again.disagreements, found.disagreements)
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coders": ["anna"]}, r"^coders: must be two or more columns"),
        ({"coders": "anna"}, r"^coders: must be two or more columns"),
        ({"coders": ["anna", "anna"]}, r"^coders: must be two or more columns, once each"),
        ({"coders": ["anna", "bosse"]}, r"^coders: must be a column of df"),
        ({"codes": ["pos", "neg"]}, r"^coders: must be codes among.*got 'neu' \(at 'anna', row 3"),
        ({"near": "cubic"}, r"^near: must be one of"),
        ({"level": 2}, r"^level: must be"),
    ],
)
def test_what_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        coder_agreement(COMMENTS, **({"coders": TWO} | arguments))  # type: ignore[arg-type]


def test_coders_without_comments_in_common() -> None:
    df = pd.DataFrame({"anna": [1, 2, None], "bo": [1, 1, 2], "cia": [None, None, 2]})
    frame = coder_agreement(df, coders=THREE).to_frame()
    assert "anna - cia" not in frame["coders"].tolist()
    assert frame["coders"].iloc[-1] == "all"
    with pytest.raises(InputError, match=r"^coders: must be finite codes.*'bo'"):
        coder_agreement(df.assign(bo=float("inf")), coders=THREE)


def test_nothing_coded_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"^coders: must be comments that two of them have coded"):
        coder_agreement(pd.DataFrame({"anna": ["x", None], "bo": [None, "y"]}), coders=TWO)
