"""Yes, no and undecided: both bases, codes and labels, and the published counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.kernels.proportions import wilson
from evalkit.scales import SurveyData, yes_no

# Counts as published in diagram 8 of the AMiA evaluation: 55 yes, 90 no, 7 without a stand.
CLOSE = pd.Series(["Ja"] * 55 + ["Nej"] * 90 + ["Inte tagit ställning"] * 7, name="q")


def estimates(result: Any) -> pd.DataFrame:
    """Return the summary by base and term."""
    return result.summary().to_frame().set_index(["base", "term"])


def test_both_bases() -> None:
    result = yes_no(CLOSE, undecided="Inte tagit ställning")
    found = estimates(result)
    for base, n in (("decided", 145), ("all", 152)):
        for term, x in (("positive", 55), ("negative", 90)):
            row, limits = found.loc[(base, term)], wilson(x, n)
            assert row["estimate"] == pytest.approx(x / n, rel=1e-12)
            assert row["conf_low"] == pytest.approx(float(limits.low), rel=1e-12)
            assert row["conf_high"] == pytest.approx(float(limits.high), rel=1e-12)
            assert row["n"] == n
    table = result.table(base="all").iloc[0]
    assert table["Ja"] == "36\u00a0%"  # as published
    assert table["Nej"] == "59\u00a0%"
    assert table["Inte tagit ställning"] == "5\u00a0%"
    assert result.table().iloc[0]["Inte tagit ställning"] == "7"
    assert found.loc[("all", "net"), "estimate"] == pytest.approx(-35 / 152)
    assert result.notes == ("Beside the scale, in the base 'all' only: Inte tagit ställning 7.",)


@pytest.mark.parametrize(
    ("codes", "named"),
    [
        ({"Ja": 1, "Nej": 2, "Inte tagit ställning": 3}, {"yes": 1, "no": 2, "undecided": 3}),
        (
            {"Ja": 1, "Nej": 0, "Inte tagit ställning": 9},
            {"yes": 1, "no": 0, "undecided": {9: "?"}},
        ),
        (
            {"Ja": True, "Nej": False, "Inte tagit ställning": "?"},
            {"yes": True, "no": False, "undecided": ["?"]},
        ),
        (
            {"Ja": 4, "Nej": 5, "Inte tagit ställning": 6},
            {"yes": {4: "Ja"}, "no": {5: "Nej"}, "undecided": [6]},
        ),
    ],
)
def test_codes(codes: dict[str, object], named: dict[str, Any]) -> None:
    result = yes_no(CLOSE.map(codes), **named)
    assert result.counts.levels.labels == ("Nej", "Ja")
    plain = estimates(yes_no(CLOSE, undecided="Inte tagit ställning"))["estimate"]
    pd.testing.assert_series_equal(estimates(result)["estimate"], plain)


def test_several_answers_mean_yes() -> None:
    answers = pd.Series(["Ja, helt", "Ja, delvis", "Nej", "Vet ej"])
    result = yes_no(answers, yes=["Ja, helt", "Ja, delvis"], undecided=["Vet ej"])
    assert result.to_frame().query("base == 'all'")["count"].tolist() == [1, 2, 1]
    assert result.counts.levels.labels == ("Nej", "Ja")


def test_kinds_of_missing_can_be_undecided() -> None:
    df = pd.DataFrame({"q": [1, 2, 8, 9, None]})
    codes = {8: "vet ej", 9: "ej aktuellt"}
    survey = SurveyData.from_frame(df, missing_codes=codes, labels={"q": {1: "Ja", 2: "Nej"}})
    result = yes_no(survey, "q", undecided="Vet ej")
    assert result.to_frame().query("base == 'all'")["count"].tolist() == [1, 1, 1]
    assert result.missing_frame()[["kind", "n"]].to_dict("records") == [
        {"kind": "ej aktuellt", "n": 1},
        {"kind": "not answered", "n": 1},
    ]
    same = yes_no(df, "q", yes=1, no=2, missing_codes=codes, undecided="Vet ej")
    assert same.to_frame()["count"].tolist() == result.to_frame()["count"].tolist()


def test_groups_weights_and_population() -> None:
    df = pd.DataFrame({"q": ["Ja", "Nej", "Ja", "Ja"], "del": list("NNSS"), "w": [1, 2, 3, 0]})
    result = yes_no(df, {"q": "Hjälpt?"}, by="del", total="Alla", weights="w",
                    population={"N": 3, "S": 4})  # fmt: skip
    found = result.summary().to_frame().query("base == 'all' and term == 'positive'")
    assert found["estimate"].tolist() == [1 / 3, 1.0, 4 / 6]
    assert found["n"].tolist() == [3, 3, 6]
    assert found["conf_low"].iloc[0] == found["conf_high"].iloc[0]  # all of three are known
    assert result.table(base="all")["Ja"].tolist() == ["1 av 3", "3 av 3", "4 av 6"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {},
            r"7 answers that are no level \('Inte tagit ställning' x 7\).*Add them to yes, no or",
        ),
        ({"items": "q"}, "items: must be left out for a series"),
        ({"yes": "Nej"}, "yes: must be answers that mean one thing only; got 'Nej' twice"),
        ({"undecided": ["Ja"]}, "undecided: must be answers that mean one thing only"),
        ({"yes": []}, "yes: must be at least one answer"),
        ({"undecided": {7: "Ja"}}, "labels other than those of yes and no"),
        ({"level": 2}, "level"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        yes_no(CLOSE, **change)


def test_a_frame_needs_items() -> None:
    with pytest.raises(InputError, match="items: must be the columns with the answers"):
        yes_no(CLOSE.to_frame())
    with pytest.raises(InputError, match=r"q: 2 answers that are no level \(1 x 1, 2 x 1\)"):
        yes_no(pd.DataFrame({"q": [1, 2]}), "q")


def test_plot_and_print() -> None:
    result = yes_no(CLOSE, undecided="Inte tagit ställning")
    assert len(repr(result).splitlines()) <= 15
    axes: Any = result.plot()
    assert any("38" in text.get_text() for text in axes.texts)
