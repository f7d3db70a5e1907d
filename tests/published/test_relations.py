"""Relations and checks, on a small hand-made table."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.published import audit
from evalkit.published.verdicts import Share

COLUMNS = ["table_id", "row_group", "row", "column_group", "column", "measure", "value", "text"]


def tidy(*rows: tuple[str, str, str, str, str, str]) -> pd.DataFrame:
    """Frame of (row_group, row, column_group, column, measure, text)."""
    frame = pd.DataFrame([("own", *row[:5], float("nan"), row[5]) for row in rows], columns=COLUMNS)
    return frame.drop(columns="value")


def verdicts(frame: pd.DataFrame, *relations: dict[str, Any]) -> list[str]:
    return audit(frame, list(relations)).checks["verdict"].tolist()


SEXES = (
    ("", "Kvinnor", "", "Antal", "count", "12"),
    ("", "Kvinnor", "", "Andel", "percent", "57%"),
    ("", "Män", "", "Antal", "count", "9"),
    ("", "Män", "", "Andel", "percent", "43%"),
    ("", "Totalt", "", "Antal", "count", "21"),
    ("", "Totalt", "", "Andel", "percent", "100%"),
)
SUM = {"sum": {"total": {"row": "Totalt"}, "parts": [{"row": ["Kvinnor", "Män"]}]}}
SHARE = {
    "share": {
        "percent": {"column": "Andel"},
        "count": {"column": "Antal"},
        "base": {"row": "Totalt", "column": "Antal"},
    }
}


THREE_TIMES = {"total": {"row": "a"}, "factors": [{"row": "b"}, 3]}


def with_text(row: str, column: str, text: str) -> pd.DataFrame:
    frame = tidy(*SEXES)
    frame.loc[(frame["row"] == row) & (frame["column"] == column), "text"] = text
    return frame


def test_a_consistent_table_has_no_findings() -> None:
    report = audit(tidy(*SEXES), [SUM, SHARE])
    assert report.findings.empty
    assert report.n_checked == 4


def test_wrong_total_is_located_by_the_percentages() -> None:
    report = audit(with_text("Totalt", "Antal", "27"), [SUM, SHARE])
    finding = report.findings.iloc[0]
    assert len(report.findings) == 1
    assert (finding["row"], finding["column"], finding["possible"]) == ("Totalt", "Antal", "21")
    assert finding["verdict"] == "impossible"
    assert "digit" in finding["message"]


def test_swapped_digits_are_named() -> None:
    report = audit(with_text("Kvinnor", "Antal", "21"), [SUM, SHARE])
    finding = report.findings.iloc[0]
    assert (finding["row"], finding["possible"]) == ("Kvinnor", "12")
    assert "swapped" in finding["message"]


def test_percent_slips_are_named() -> None:
    truncated = audit(with_text("Män", "Andel", "42%"), [SUM, SHARE]).findings.iloc[0]
    assert "Cut off" in truncated["message"]
    assert truncated["possible"] == "43"


def test_rounding_twice() -> None:
    # 9/200 = 4.5 exactly is a tie; 3/67 = 4.478 -> 4.5 -> 5 is a rounding of a rounding.
    assert Share(Fraction(5), Fraction(1, 2), Fraction(3), Fraction(67)).rounded_twice
    assert not Share(Fraction(6), Fraction(1, 2), Fraction(3), Fraction(67)).rounded_twice


def test_ties_follow_the_rule_of_the_source() -> None:
    rows = [("", "Alla", "", "Antal", "count", "200")]
    # 25 of 200 is 12.5; the others print half-up, so 12 is a tie against the rule.
    for label, count, percent in [
        ("a", "25", "13%"), ("b", "27", "14%"), ("c", "29", "15%"), ("d", "25", "12%"),
    ]:  # fmt: skip
        rows.append(("", label, "", "Antal", "count", count))
        rows.append(("", label, "", "Andel", "percent", percent))
    relation = {
        "share": {
            "percent": {"column": "Andel"},
            "count": {"column": "Antal"},
            "base": {"row": "Alla", "column": "Antal"},
        }
    }
    report = audit(tidy(*rows), [relation])
    assert report.rules == {"own": "half-up"}
    assert report.findings[["row", "verdict"]].to_numpy().tolist() == [["d", "tie-rule"]]


def test_truncating_source_is_recognised() -> None:
    rows = [("", "Alla", "", "Antal", "count", "300")]
    for label, count in [("a", 50), ("b", 101), ("c", 149), ("d", 199), ("e", 287)]:
        rows.append(("", label, "", "Antal", "count", str(count)))
        rows.append(("", label, "", "Andel", "percent", f"{100 * count // 300}%"))
    relation = {
        "share": {
            "percent": {"column": "Andel"}, "count": {"column": "Antal"},
            "base": {"row": "Alla", "column": "Antal"},
        }
    }  # fmt: skip
    report = audit(tidy(*rows), [relation])
    assert report.rules == {"own": "truncation"}
    assert report.findings.empty


def test_shares_of_another_base() -> None:
    # Percentages of the 150 who answered, beside a printed total of 180.
    rows = [("", "Totalt", "", "Antal", "count", "180")]
    for label, count in [("Ja", 61), ("Nej", 47), ("Vet ej", 42)]:
        rows.append(("", label, "", "Antal", "count", str(count)))
        rows.append(("", label, "", "Andel", "percent", f"{round(100 * count / 150)}%"))
    report = audit(
        tidy(*rows),
        [
            {"share": {"percent": {"column": "Andel"}, "count": {"column": "Antal"},
                       "base": {"row": "Totalt", "column": "Antal"}}},
            {"order": {"smaller": {"row": ["Ja", "Nej", "Vet ej"], "column": "Antal"},
                       "larger": {"row": "Totalt", "column": "Antal"}}},
            {"equal": [{"row": "Totalt", "column": "Antal"}, 180]},
        ],
    )  # fmt: skip
    shares = report.findings[report.findings["check"] == "percent of the base"]
    assert set(shares["verdict"]) == {"base-mismatch"}
    assert all("149" in text or "150" in text for text in shares["possible"])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("10,2", "20,3", "30,5"), "exact"),
        (("10,2", "20,3", "30,6"), "rounding"),
        (("10,2", "20,3", "30,8"), "impossible"),
        (("10,2", "-", "30,8"), "untestable"),
        (("10,2", "drygt 20", "30,8"), "exact"),
    ],
)
def test_amounts_may_differ_by_rounding(texts: tuple[str, str, str], expected: str) -> None:
    frame = tidy(*[
        ("", label, "", "Belopp", "amount", text)
        for label, text in zip(("a", "b", "Totalt"), texts, strict=True)
    ])  # fmt: skip
    relation = {"sum": {"total": {"row": "Totalt"}, "parts": [{"row": ["a", "b"]}]}}
    assert verdicts(frame, relation) == [expected]


def percents(*texts: str, total: str = "") -> pd.DataFrame:
    rows = [("", f"g{i}", "", "Andel", "percent", text) for i, text in enumerate(texts)]
    if total:
        rows.append(("", "Alla", "", "Andel", "percent", total))
    return tidy(*rows)


@pytest.mark.parametrize(
    ("total", "expected"), [("27", "exact"), ("26", "exact"), ("25", "impossible")]
)
def test_total_lies_within_its_groups(total: str, expected: str) -> None:
    relation = {"mean": {"total": {"row": "Alla"}, "parts": [{"row": "g0"}, {"row": "g1"}]}}
    assert verdicts(percents("26", "30", total=total), relation) == [expected]


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([100, 300], "29", "exact"),  # (26 * 100 + 30 * 300) / 400 = 29
        ([100, 300], "27", "impossible"),
        ([100, None], "27", "exact"),  # an unknown weight leaves the range open
        ([100, None], "33", "impossible"),
    ],
)
def test_weighted_means(weights: list[int | None], total: str, expected: str) -> None:
    relation = {
        "mean": {
            "total": {"row": "Alla"}, "parts": [{"row": "g0"}, {"row": "g1"}], "weights": weights,
        }
    }  # fmt: skip
    assert verdicts(percents("26", "30", total=total), relation) == [expected]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("33", "33", "33"), "rounding"),
        (("34", "33", "33"), "exact"),
        (("30", "33", "33"), "impossible"),
    ],
)  # fmt: skip
def test_exhaustive_percentages(texts: tuple[str, ...], expected: str) -> None:
    relation = {"exhaustive": {"parts": [{"row": ["g0", "g1", "g2"]}]}}
    assert verdicts(percents(*texts), relation) == [expected]


def test_exhaustive_with_a_base_asks_for_whole_counts() -> None:
    # 50 + 25 + 25 add up, but of 7 people 25 % is nobody's share and 50 % neither.
    frame = pd.concat(
        [percents("50", "25", "25"), tidy(("", "n", "", "Antal", "count", "7"))]
    ).reset_index(drop=True)
    relation = {
        "exhaustive": {
            "parts": [{"row": ["g0", "g1", "g2"], "column": "Andel"}],
            "base": {"row": "n", "column": "Antal"},
        }
    }
    assert verdicts(frame, relation) == ["exact", "impossible"]


@pytest.mark.parametrize(
    ("percent", "base", "expected"),
    [
        ("17", "7", "impossible"),
        ("14", "7", "exact"),
        ("64 procent", "18", "impossible"),
        ("67 procent", "18", "exact"),
        ("knappt var femte", "18", "exact"),
        ("42", "54", "impossible"),
        ("42", "ca 50", "exact"),
    ],
)
def test_some_whole_number_must_give_the_percent(percent: str, base: str, expected: str) -> None:
    frame = tidy(
        ("", "svar", "", "Andel", "percent", percent), ("", "n", "", "Antal", "count", base)
    )
    relation = {
        "share": {
            "percent": {"row": "svar", "column": "Andel"}, "base": {"row": "n", "column": "Antal"},
        }
    }  # fmt: skip
    assert verdicts(frame, relation) == [expected]


@pytest.mark.parametrize(
    ("kind", "body", "texts", "expected"),
    [
        ("equal", [{"row": "a"}, {"row": "b"}], ("12", "12"), "exact"),
        ("equal", [{"row": "a"}, {"row": "b"}], ("12", "13"), "impossible"),
        ("equal", [{"row": "a"}, {"row": "b"}], ("ca 300", "312"), "exact"),
        ("equal", [{"row": "a", "times": 0.001}, {"row": "b"}], ("12000", "12"), "exact"),
        ("order", {"smaller": {"row": "a"}, "larger": {"row": "b"}}, ("12", "11"), "impossible"),
        ("order", {"smaller": {"row": "a"}, "larger": 20}, ("12", "11"), "exact"),
        ("product", THREE_TIMES, ("36", "12"), "exact"),
        ("product", THREE_TIMES, ("35", "12"), "impossible"),
    ],
)  # fmt: skip
def test_other_kinds(kind: str, body: Any, texts: tuple[str, str], expected: str) -> None:
    frame = tidy(*[
        ("", label, "", "Antal", "count", text)
        for label, text in zip(("a", "b"), texts, strict=True)
    ])  # fmt: skip
    assert verdicts(frame, {kind: body}) == [expected]


def test_percent_change() -> None:
    frame = tidy(
        ("", "2009", "", "n", "count", "4306"), ("", "2010", "", "n", "count", "4633"),
        ("", "ökning", "", "p", "percent", "8%"), ("", "fel", "", "p", "percent", "7%"),
    )  # fmt: skip
    relation = {
        "change": {
            "percent": {"row": ["ökning", "fel"], "column": "p"},
            "from": {"row": "2009", "column": "n"}, "to": {"row": "2010", "column": "n"},
        }
    }  # fmt: skip
    assert verdicts(frame, relation) == ["exact", "impossible"]


def test_an_explained_deviation_is_a_base_mismatch() -> None:
    report = audit(
        with_text("Totalt", "Antal", "22"), [{**SUM, "explained": "en person utelämnad"}]
    )
    assert report.findings["verdict"].tolist() == ["base-mismatch"]
    assert "en person utelämnad" in report.findings["message"].iloc[0]


def test_an_assumption_is_told_and_is_no_slip() -> None:
    relation = {**SUM, "assumes": "att alla har ett kön"}
    finding = audit(with_text("Totalt", "Antal", "22"), [relation]).findings.iloc[0]
    assert finding["verdict"] == "base-mismatch"
    assert "att alla har ett kön" in finding["message"]


def test_value_and_text() -> None:
    frame = tidy(*SEXES)
    with_values = frame.assign(value=[12.0, 57.0, 9.0, 43.0, 21.0, 100.0])
    assert audit(with_values, [SUM, SHARE]).findings.empty
    with pytest.raises(InputError, match="text: must be the printed form"):
        audit(with_values.assign(value=[13.0, 57.0, 9.0, 43.0, 21.0, 100.0]), [SUM])
    missing = with_values.assign(value=float("nan"))
    assert set(audit(missing, [SUM]).checks["verdict"]) == {"untestable"}
    unrounded = with_values.drop(columns="text").assign(
        value=[12, 100 * 12 / 21, 9, 100 * 9 / 21, 21, 100.0]
    )
    assert audit(unrounded, [SUM, SHARE]).findings.empty
    with pytest.raises(InputError, match="a finite number"):
        audit(with_values.assign(value=float("inf")), [SUM])
    with pytest.raises(InputError, match="each cell once"):
        audit(pd.concat([frame, frame]), [SUM])
    with pytest.raises(InputError, match="a shipped id"):
        audit(None)  # type: ignore[arg-type]


def test_two_equal_suspects_are_both_named() -> None:
    rows = [
        ("", label, "", "Antal", "count", text)
        for label, text in [("a", "40"), ("b", "50"), ("Totalt", "100")]
    ]
    relation = {"sum": {"total": {"row": "Totalt"}, "parts": [{"row": ["a", "b"]}]}}
    finding = audit(tidy(*rows), [relation]).findings.iloc[0]
    assert "could as well be" in finding["message"]


@pytest.mark.parametrize(
    ("relation", "said"),
    [
        ({"sum": {"total": {"row": "Alla"}, "parts": [{"row": "Män"}]}}, "'Alla'"),
        ({"sum": {"total": {"row": "Totalt"}, "part": []}}, "part"),
        ({"summa": {}}, "summa"),
        ({"sum": {"total": {"rad": "Totalt"}, "parts": [{"row": "Män"}]}}, "rad"),
        ({"equal": [{"row": "Totalt"}]}, "at least two"),
        ({"sum": {"total": {"row": "Totalt", "table": "nej"}, "parts": [{"row": "Män"}]}}, "'nej'"),
        ({"sum": {"total": {"row": "Totalt", "measure": "days"}, "parts": []}}, "matches a figure"),
        ({"share": {"percent": {"column": "Andel"}}}, "base"),
        ({"sum": {"total": {"row": "Totalt"}}}, "parts"),
        ({"sum": {"total": 100, "parts": [None]}}, "at least one selector"),
        ({"sum": {"total": True, "parts": [{"row": "Män"}]}}, "selector"),
        ({"sum": {"total": {"row": "Totalt"}, "parts": [], "measure": "cuont"}}, "'cuont'"),
        ({"equal": [{"row": "Totalt", "measure": "cuont"}, 3]}, "'cuont'"),
        ({"equal": [{"row": "Totalt"}, {"row": "Män", "times": "abc"}]}, "'abc'"),
        (
            {
                "order": {
                    "smaller": {"row": "Män", "column": "Antal"},
                    "larger": [{"row": "Totalt"}, {"row": "Kvinnor"}],
                }
            },
            "one figure for each role",
        ),
    ],
)
def test_relations_that_name_what_does_not_exist(relation: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match="relations: must be") as caught:
        audit(tidy(*SEXES), [relation])
    assert said in str(caught.value)


@given(
    parts=st.lists(st.integers(0, 5000), min_size=2, max_size=6).filter(lambda xs: sum(xs) > 0),
    slip=st.sampled_from([-10, -1, 1, 10]),
    data=st.data(),
)
def test_any_slip_in_a_table_of_counts_and_percents_is_found(
    parts: list[int], slip: int, data: st.DataObject
) -> None:
    total = sum(parts)
    labels = [f"g{i}" for i in range(len(parts))]
    shares = [(200 * part + total) // (2 * total) for part in parts]
    rows = [("", "Totalt", "", "Antal", "count", str(total))]
    for label, part, share in zip(labels, parts, shares, strict=True):
        rows.append(("", label, "", "Antal", "count", str(part)))
        rows.append(("", label, "", "Andel", "percent", f"{share}%"))
    relations = [
        {"sum": {"total": {"row": "Totalt"}, "parts": [{"row": labels}]}},
        {**SHARE},
    ]
    frame = tidy(*rows)
    assert audit(frame, relations).findings.empty
    place = data.draw(st.integers(0, len(rows) - 1))
    changed = int(rows[place][5].rstrip("%")) + slip
    if changed >= 0:
        frame.loc[place, "text"] = str(changed)
        assert not audit(frame, relations).findings.empty
