"""Frequency tables against tables made by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.published import audit
from evalkit.report.counting import frequency_table
from evalkit.report.tables import MISSING

PEOPLE = pd.DataFrame(
    {
        "kön": ["Kvinnor"] * 5 + ["Män"] * 3,
        "ålder": pd.Categorical(
            ["18-24", "18-24", "25-34", "25-34", "25-34", "18-24", "25-34", "25-34"],
            ["18-24", "25-34", ">64"],
        ),
        "status": ["Arbete", "Arbete", "Program", "Övriga", "Övriga", "Arbete", "Övriga", "Övriga"],
    }
)


def cells(table, row):
    group, label = row
    found = next(r for r in table.rows if (r.group, r.label) == (group, label))
    return list(zip(found.counts, found.bases, strict=True))


def test_by_hand_with_row_percent() -> None:
    table = frequency_table(
        PEOPLE,
        rows={"kön": "", "ålder": "Ålder"},
        columns="status",
        levels={"status": ["Arbete", "Program", "Övriga"]},
    )
    assert table.columns == ("Arbete", "Program", "Övriga", "Summa")
    assert cells(table, ("", "Totalt")) == [(3, 8), (1, 8), (4, 8), (8, 8)]
    assert cells(table, ("", "Kvinnor")) == [(2, 5), (1, 5), (2, 5), (5, 5)]
    assert cells(table, ("Ålder", "18-24")) == [(3, 3), (0, 3), (0, 3), (3, 3)]
    assert table.percents.loc[("", "Totalt")].tolist() == [38, 13, 50, 100]  # 37.5 and 12.5
    assert [remark.kind for remark in table.remarks] == ["rounding"]  # 38 + 13 + 50


def test_an_empty_level_is_kept_and_has_a_dash() -> None:
    table = frequency_table(PEOPLE, rows={"ålder": "Ålder"}, columns="status")
    assert cells(table, ("Ålder", ">64")) == [(0, 0)] * 4
    tidy = table.to_tidy().set_index(["row", "column", "measure"])
    assert tidy.loc[(">64", "Arbete", "percent"), "text"] == "–"
    assert pd.isna(tidy.loc[(">64", "Arbete", "percent"), "value"])
    assert tidy.loc[(">64", "Arbete", "count"), "text"] == "0"


def test_column_percent() -> None:
    table = frequency_table(PEOPLE, rows=["kön"], columns="status", percent="column")
    assert cells(table, ("kön", "Kvinnor")) == [(2, 3), (1, 1), (2, 4), (5, 8)]
    assert cells(table, ("", "Totalt")) == [(3, 3), (1, 1), (4, 4), (8, 8)]


def test_without_a_column_variable() -> None:
    table = frequency_table(PEOPLE, rows={"kön": "", "ålder": "Ålder"})
    assert cells(table, ("", "Män")) == [(3, 8)]
    assert table.to_tidy().iloc[:4, 1:].values.tolist() == [
        ["Totalt", "", "Antal", "count", 8, "8"],
        ["Totalt", "", "Andel", "percent", 100, "100\u00a0%"],
        ["Kvinnor", "", "Antal", "count", 5, "5"],
        ["Kvinnor", "", "Andel", "percent", 63, "63\u00a0%"],
    ]


def test_levels_not_shown_count_in_the_base_and_it_is_said() -> None:
    table = frequency_table(
        PEOPLE, rows={"kön": ""}, columns="status", levels={"status": ["Arbete", "Program"]}
    )
    assert cells(table, ("", "Män")) == [(1, 3), (0, 3), (1, 3)]
    assert "rounding" not in [remark.kind for remark in table.remarks]
    assert "samtliga i raden" in table.to_html()


def test_decimals_below_one() -> None:
    people = pd.DataFrame({"a": ["x"] * 436, "b": ["u"] + ["v"] * 435})
    table = frequency_table(people, rows={"a": ""}, columns="b", decimals_below_one=1)
    texts = table.to_tidy().query("row == 'x' and measure == 'percent'")["text"].tolist()
    assert texts == ["0,2\u00a0%", "100\u00a0%", "100\u00a0%"]


def test_missing_is_a_level_and_is_said() -> None:
    people = PEOPLE.assign(kön=PEOPLE["kön"].where(PEOPLE.index != 0))
    table = frequency_table(people, rows={"kön": "Kön"}, columns="status")
    assert cells(table, ("Kön", MISSING)) == [(1, 1), (0, 1), (0, 1), (1, 1)]
    assert "Antal personer utan uppgift om kön, som redovisas särskilt: 1." in table.to_html()


def test_missing_is_left_out_and_is_said() -> None:
    people = PEOPLE.assign(kön=PEOPLE["kön"].where(PEOPLE.index != 0))
    table = frequency_table(people, rows={"kön": "Kön"}, missing="drop")
    assert [row.label for row in table.rows] == ["Totalt", "Kvinnor", "Män"]
    assert cells(table, ("", "Totalt")) == [(7, 7)]
    assert cells(table, ("Kön", "Kvinnor")) == [(4, 7)]
    assert "som inte ingår: 1." in table.to_html()
    assert "Sammanlagt" not in table.to_html()


def test_whoever_misses_any_variable_is_left_out_of_all_rows() -> None:
    people = PEOPLE.assign(
        kön=PEOPLE["kön"].where(~PEOPLE.index.isin([0, 1])),
        ålder=PEOPLE["ålder"].where(~PEOPLE.index.isin([1, 7])),
    )
    rows = {"kön": "Kön", "ålder": "Ålder"}
    table = frequency_table(people, rows=rows, columns="status", missing="drop")
    assert table.counts["Summa"].tolist() == [5, 3, 2, 1, 4, 0]
    html = table.to_html()
    assert "utan uppgift om kön, som inte ingår: 2." in html
    assert "utan uppgift om ålder, som inte ingår: 2." in html
    assert "Sammanlagt 3 personer" in html
    assert "In all, 3 persons" in table.to_html("en")


@pytest.mark.parametrize("percent", ["row", "column"])
@pytest.mark.parametrize("columns", [None, "status"])
def test_a_table_without_those_missing_passes_the_audit(columns: str | None, percent: str) -> None:
    many = pd.concat([PEOPLE] * 40, ignore_index=True)
    rng = np.random.default_rng(1)
    for name in many.columns:
        many[name] = many[name].where(rng.random(len(many)) > 0.1)
    table = frequency_table(
        many, rows={"kön": "", "ålder": "Ålder"}, columns=columns, percent=percent, missing="drop"
    )
    report = audit(table.to_tidy().assign(table_id="made"))
    assert len(report.guessed) >= 3
    assert report.n_inconsistent == 0


def test_missing_in_the_column_variable_is_left_out_of_every_base() -> None:
    people = PEOPLE.assign(status=PEOPLE["status"].where(PEOPLE.index != 0))
    table = frequency_table(people, rows={"kön": ""}, columns="status", missing="drop")
    assert cells(table, ("", "Totalt")) == [(2, 7), (1, 7), (4, 7), (7, 7)]
    assert cells(table, ("", "Kvinnor"))[0] == (1, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": ["län"]}, "'län'"),
        ({"rows": ["kön"], "columns": "utfall"}, "kön, ålder, status"),
        ({"rows": []}, "at least one column"),
        ({"rows": ["kön"], "missing": "ignore"}, "'level', 'drop', 'error'"),
        ({"rows": "kön"}, "rows: .*in a list"),
        ({"rows": ["kön", "kön"]}, "rows: .*once"),
        ({"rows": ["kön", "status"], "levels": {"status": ["Arbet"]}},
         "levels: .*'Arbet'"),
        ({"rows": ["kön"], "columns": ["status"]}, "columns: must be the name of one"),
        ({"rows": ["kön"], "notes": "abc"}, "notes: .*in a list"),
        ({"rows": ["kön"], "decimals": 1.5}, r"decimals: .*1\.5"),
        ({"rows": ["kön"], "decimals": True}, "decimals: .*True"),
        ({"rows": ["kön"], "decimals_below_one": -1}, "decimals_below_one: .*-1"),
        ({"rows": ["kön"], "lang": "de"}, "lang"),
        ({"rows": ["kön"], "levels": {"köön": ["Kvinnor"]}}, "levels: .*'köön'"),
        ({"rows": ["kön"], "levels": {"kön": "Kvinnor"}}, "levels: .*in a list"),
        ({"rows": ["kön"], "levels": {"kön": ["Män", "Män"]}}, "levels: .*repeats .at Män"),
        ({"rows": ["kön"], "levels": {"kön": ["Kvinna", "Män"]}}, "'Kvinna'.*not listed: Kvinnor"),
        ({"rows": ["ålder"], "levels": {"ålder": ["18-24", "25-35"]}}, "'25-35'"),
    ],
)  # fmt: skip
def test_refuses(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        frequency_table(PEOPLE, **arguments)


def test_a_level_called_missing_beside_missing_values() -> None:
    people = pd.DataFrame({"kön": ["Kvinnor", MISSING, None]})
    with pytest.raises(InputError, match="missing: must be 'drop' or 'error' where kön has"):
        frequency_table(people, rows=["kön"])
    assert len(frequency_table(people, rows=["kön"], missing="drop").rows) == 3
    placed = frequency_table(
        people.iloc[[0, 2]], rows=["kön"], levels={"kön": [MISSING, "Kvinnor"]}
    )
    assert [row.label for row in placed.rows] == ["Totalt", MISSING, "Kvinnor"]
    assert cells(placed, ("kön", MISSING)) == [(1, 2)]


def test_labels_that_cannot_be_told_apart() -> None:
    with pytest.raises(InputError, match=r"look alike \(at 1, '1'"):
        frequency_table(pd.DataFrame({"a": [1, "1"]}), rows=["a"])
    people = pd.DataFrame({"a": ["Ja", "Nej"], "b": ["Ja", "Summa"]})
    with pytest.raises(InputError, match=r"rows: .*\(at Ja"):
        frequency_table(people, rows={"a": "", "b": ""})
    with pytest.raises(InputError, match=r"columns: .*\(at Summa"):
        frequency_table(people, rows=["a"], columns="b")


@pytest.mark.parametrize("values", [[10, 2, 1], [10.0, 2.0, 1.0, None], ["10", "2", "1"]])
def test_numbers_are_sorted_as_numbers(values: list) -> None:
    table = frequency_table(pd.DataFrame({"a": values}), rows=["a"], missing="drop")
    assert [row.label for row in table.rows] == ["Totalt", "1", "2", "10"]


def test_a_level_that_nobody_has_may_be_listed_beside_all_others() -> None:
    table = frequency_table(PEOPLE, rows=["kön"], levels={"kön": ["Kvinnor", "Män", "Annat"]})
    assert cells(table, ("kön", "Annat")) == [(0, 8)]
    table = frequency_table(PEOPLE, rows=["ålder"], levels={"ålder": [">64", "18-24"]})
    assert cells(table, ("ålder", ">64")) == [(0, 8)]


def test_missing_can_be_an_error() -> None:
    people = PEOPLE.assign(kön=PEOPLE["kön"].where(PEOPLE.index != 0))
    with pytest.raises(InputError, match="1 missing"):
        frequency_table(people, rows=["kön"], missing="error")


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["u", "v", "w", None])),
        max_size=40,
    ),
    st.sampled_from(["row", "column"]),
    st.sampled_from(["level", "drop"]),
)
def test_margins_add_up(people: list, percent: str, missing: str) -> None:
    df = pd.DataFrame(people, columns=["r", "c"], dtype=object)
    table = frequency_table(df, rows={"r": "R"}, columns="c", percent=percent, missing=missing)
    assert (table.counts.iloc[:, :-1].sum(axis=1) == table.counts["Summa"]).all()
    assert (table.counts.iloc[1:].sum() == table.counts.iloc[0]).all()
    assert (table.counts <= table.base).all(axis=None)
    shuffled = df.sample(frac=1, random_state=1)
    again = frequency_table(
        shuffled, rows={"r": "R"}, columns="c", percent=percent, missing=missing
    )
    assert again == table
