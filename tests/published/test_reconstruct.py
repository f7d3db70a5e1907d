"""Microdata rebuilt from tables give the tables back, and impossible tables are refused."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.published.microdata import Layout, layout, read_layout
from evalkit.published.numbers import parse_figure
from evalkit.published.reconstruct import reconstruct, reconstruct_layouts
from evalkit.published.store import Cell, Key, PublishedTable, load
from evalkit.published.tabulate import tabulate, tabulate_layout

PLACE = ["row_group", "row", "column_group", "column", "measure"]

# The tables that describe one population each, and the cells that a reading corrects.
POPULATIONS: dict[str, tuple[list[str], set[tuple[str, str, float]]]] = {
    "mappings_2012": (["000.t1"], set()),
    "starters_2012": (
        ["000.t2"],
        {("Totalt", "Ung arb.lös med aktivitetsersättning", 11)},
    ),
    "followed_up_2012": (["000.t3", "000.t4", "000.t5", "000.t6"], set()),
    "new_participants_2010": (["001.t4a"], {("Arbetslösa sjukskrivna", "Procent", 38)}),
    "new_participants_2009": (["001.t4b"], {("Arbetslösa sjukskrivna", "Procent", 46)}),
    "measured_2010": (["001.t7a", "001.t8", "001.t9"], {("Totalt", "Män", 5759)}),
    "measured_2009": (["001.t7b", "001.t8", "001.t9"], set()),
    "leavers_2017": (["003.t1"], {("30-65 år", "Ingen uppgift", 7)}),
    "leavers_after_work_oriented_2017": (["003.t2"], set()),
}


def made(
    table_id: str,
    cells: Sequence[tuple[str, str, str, str]],
    spec: Mapping[str, Any],
    *,
    population: str = "people",
) -> Layout:
    """Make a table of (row, column, measure, text) with a microdata entry."""
    figures = tuple(
        Cell(Key(table_id, "", row, "", column, measure), parse_figure(text))
        for row, column, measure, text in cells
    )
    entry = {"population": population, **spec}
    return read_layout(PublishedTable(table_id, "made", {"microdata": entry}, figures))


def crossed(df: pd.DataFrame, row: str, column: str) -> Layout:
    """Publish the crossing of two variables, without totals."""
    sizes = df.groupby([row, column]).size()
    cells = [
        (str(a), str(b), "count", str(sizes.get((a, b), 0)))
        for a in sorted(df[row].unique())
        for b in sorted(df[column].unique())
    ]
    return made(f"{row}.{column}", cells, {"rows": {"*": row}, "columns": {"*": column}})


def same_crossing(one: pd.DataFrame, other: pd.DataFrame, names: list[str]) -> bool:
    """Compare the crossings of two sets of people."""
    return one.value_counts(names).to_dict() == other.value_counts(names).to_dict()


@st.composite
def people(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 60))
    return pd.DataFrame(
        {
            name: draw(st.lists(st.sampled_from("klm"), min_size=n, max_size=n))
            for name in ("a", "b", "c", "d")
        }
    )


@pytest.mark.parametrize("population", POPULATIONS)
def test_every_cell_of_the_tables_is_reproduced(population: str) -> None:
    tables, readings = POPULATIONS[population]
    df = reconstruct(tables, rng=1, population=population)
    corrected: set[tuple[str, str, float]] = set()
    compared = 0
    for table in tables:
        published = load(table).to_frame()
        computed = tabulate(df, table, population=population)
        if len(layout(table).populations) == 1:
            assert len(computed) == len(published)
        both = computed.merge(published, on=PLACE, suffixes=("", "_published"))
        assert len(both) == len(computed)
        for cell in both[both["value"] != both["value_published"]].itertuples():
            corrected.add((cell.row, cell.column, cell.value))
        compared += len(both)
    assert corrected == readings
    assert compared > 0


@pytest.mark.parametrize("population", ["followed_up_2012", "measured_2009"])
def test_a_seed_decides_the_people(population: str) -> None:
    tables, _ = POPULATIONS[population]
    first = reconstruct(tables, rng=4, population=population)
    generator = np.random.Generator(np.random.PCG64(4))
    assert first.equals(reconstruct(tables, rng=4, population=population))
    assert first.equals(reconstruct(tables, rng=generator, population=population))
    assert not first.equals(reconstruct(tables, rng=5, population=population))


def test_structural_zeros_are_kept() -> None:
    young = "Ung arb.lös med aktivitetsersättning"
    tables, _ = POPULATIONS["followed_up_2012"]
    for seed in range(3):
        df = reconstruct(tables, rng=seed)
        ages = set(df.loc[df["target_group"] == young, "age_group"])
        assert ages == {"18-24 år", "25-34 år"}
    starters = reconstruct("000.t2", rng=1)
    ages = starters.loc[starters["target_group"] == young, "age_group"].value_counts()
    assert ages.to_dict() == {"25-34 år": 173, "18-24 år": 132, "55-64 år": 1}


def test_the_person_of_the_footnote_is_there() -> None:
    tables, _ = POPULATIONS["followed_up_2012"]
    pila = reconstruct(tables, rng=1).query("target_group == 'PILA'")
    assert pila["status_day_365"].tolist() == ["Öppet arbetslösa"]
    # Without table 3 nothing shows that person.
    assert "PILA" not in set(reconstruct(["000.t5", "000.t6"], rng=1)["target_group"])


def test_outcomes_occur_only_with_their_status() -> None:
    df = reconstruct(["000.t3", "000.t4"], rng=1)
    in_work = df["status_day_365"] == "Till arbete och utbildning"
    assert df.loc[in_work, "outcome"].notna().all()
    assert df.loc[~in_work, "outcome"].isna().all()


def test_what_the_source_lost_is_missing() -> None:
    df = reconstruct(["001.t7b", "001.t9"], rng=1)
    assert df["outcome"].isna().sum() == 334
    assert set(df.loc[df["outcome"].isna(), "result"]) == {"Ej arbete eller utbildning"}


def test_what_was_not_published_is_independent_given_the_separator() -> None:
    # Sex by age among the openly unemployed: no crossing is published.
    df = reconstruct(["000.t3"], rng=1).query("status_day_365 == 'Övriga'")
    table = pd.crosstab(df["sex"], df["age_group"])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.to_numpy().sum()
    # Chi-square on 4 degrees of freedom; 23.5 is its 0.9999 quantile.
    assert ((table - expected) ** 2 / expected).to_numpy().sum() < 23.5


@settings(max_examples=40)
@given(people(), st.integers(0, 2**32))
def test_decomposable_margins_are_reproduced(df: pd.DataFrame, seed: int) -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "d")]
    rebuilt = reconstruct_layouts([crossed(df, *pair) for pair in pairs], rng=seed)
    assert len(rebuilt) == len(df)
    assert all(same_crossing(df, rebuilt, list(pair)) for pair in pairs)


@settings(max_examples=25)
@given(people(), st.integers(0, 2**32))
def test_margins_in_a_cycle_are_reproduced(df: pd.DataFrame, seed: int) -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("a", "c")]
    layouts = [crossed(df, *pair) for pair in pairs]
    rebuilt = reconstruct_layouts(layouts, rng=seed)
    assert all(same_crossing(df, rebuilt, list(pair)) for pair in pairs)
    assert rebuilt.equals(reconstruct_layouts(layouts, rng=seed))


@settings(max_examples=40)
@given(people(), st.integers(0, 1), st.integers(0, 2**32))
def test_rounded_percentages_are_honoured(df: pd.DataFrame, decimals: int, seed: int) -> None:
    spec = {"rows": {"Totalt": {}, "*": "a"}, "columns": {"Summa": {}, "*": "b"}, "given": ["a"]}
    bases = {"Totalt": len(df), **df["a"].value_counts().to_dict()}
    counts = [(str(row), "Summa", "count", str(n)) for row, n in bases.items()]
    shape = [(str(row), b, "percent", f"{0:.{decimals}f}%") for row in bases for b in "klm"]
    printed = tabulate_layout(df, made("t", [*counts, *shape], spec)).iloc[len(counts) :]
    percents = [
        (cell.row, cell.column, "percent", f"{cell.value:.{decimals}f}%".replace(".", ","))
        for cell in printed.itertuples()
    ]
    table = made("t", [*counts, *percents], spec)
    rebuilt = reconstruct_layouts([table], rng=seed)
    assert len(rebuilt) == len(df)
    computed = tabulate_layout(rebuilt, table).iloc[len(counts) :]
    assert computed["value"].tolist() == printed["value"].tolist()


def test_ten_tables_with_margins_in_cycles() -> None:
    # 480 possible kinds of people, all ten two-way tables: an integer program.
    rng = np.random.default_rng(1)
    levels = {"a": 2, "b": 5, "c": 4, "d": 3, "e": 4}
    df = pd.DataFrame({name: rng.integers(0, k, 3000).astype(str) for name, k in levels.items()})
    pairs = list(combinations(levels, 2))
    rebuilt = reconstruct_layouts([crossed(df, *pair) for pair in pairs], rng=1)
    assert all(same_crossing(df, rebuilt, list(pair)) for pair in pairs)


def test_vague_and_suppressed_counts_are_intervals() -> None:
    spec = {"rows": {"Totalt": {}, "*": "a"}}
    cells = [("Totalt", "Antal", "count", "100"), ("k", "Antal", "count", "drygt 70"),
             ("l", "Antal", "count", "<5"), ("m", "Antal", "count", "minst 22"),
             ("n", "Antal", "count", "-")]  # fmt: skip
    sizes = reconstruct_layouts([made("t", cells, spec)], rng=1)["a"].value_counts()
    assert sizes.sum() == 100
    assert 70 <= sizes["k"] <= 80
    assert 1 <= sizes["l"] <= 4
    assert sizes["m"] >= 22
    assert "n" not in sizes or sizes["n"] >= 0


def planted(table_id: str, row: str, column: str, text: str) -> Layout:
    """A shipped table with one count misprinted, and without any reading."""
    table = load(table_id)
    spec = {name: value for name, value in table.spec["microdata"].items() if name != "reading"}
    cells = tuple(
        Cell(cell.key, parse_figure(text))
        if (cell.key.row, cell.key.column, cell.key.measure) == (row, column, "count")
        else cell
        for cell in table.cells
    )
    assert sum(cell not in table.cells for cell in cells) == 1
    return read_layout(replace(table, spec={"microdata": spec}, cells=cells))


@pytest.mark.parametrize(
    ("table", "row", "column", "text", "others"),
    [
        ("000.t3", "18-24 år", "Öppet arbetslösa", "73", "37"),
        ("000.t3", "Totalt", "Summa", "3730", "3740"),
        ("000.t4", "Kvinnor", "Arbete utan stöd", "163", "162"),
        ("000.t5", "Sjukskriven arbetslös", "Övriga", "621", "611"),
        ("000.t6", "Totalt", "Summa", "986", "968"),
    ],
)
def test_a_misprint_is_located(table: str, row: str, column: str, text: str, others: str) -> None:
    shipped, _ = POPULATIONS["followed_up_2012"]
    layouts = [
        planted(table, row, column, text) if name == table else layout(name) for name in shipped
    ]
    with pytest.raises(InputError) as error:
        reconstruct_layouts(layouts, rng=1)
    message = str(error.value)
    assert message.count(", where the other figures give") == 1
    assert f"{row} / {column}: {text}, where the other figures give {others})" in message
    assert f"off by {abs(int(text) - int(others))} " in message
    assert "outvote" in message


def test_the_printed_total_of_men_is_located() -> None:
    table = load("001.t7a")
    spec = {name: value for name, value in table.spec["microdata"].items() if name != "reading"}
    with pytest.raises(InputError, match="2759, where the other figures give 5759"):
        reconstruct_layouts([read_layout(replace(table, spec={"microdata": spec}))], rng=1)


def test_two_tables_that_disagree_are_both_named() -> None:
    one = made("one", [("k", "", "count", "6"), ("l", "", "count", "5")], {"rows": {"*": "a"}})
    two = made("two", [("x", "", "count", "7"), ("y", "", "count", "3")], {"rows": {"*": "b"}})
    with pytest.raises(InputError, match=r"off by 1 \(at one k.*two y.*nothing outvotes"):
        reconstruct_layouts([one, two], rng=1)


def test_zeros_that_leave_no_room_are_refused() -> None:
    one = made("one", [("k", "", "count", "6"), ("l", "", "count", "5")], {"rows": {"*": "a"}})
    spec = {"rows": {"*": "b"}, "zeros": [{"a": "k", "b": "x", "why": "none"}]}
    two = made("two", [("x", "", "count", "7"), ("y", "", "count", "4")], spec)
    with pytest.raises(InputError, match="2 persons who fit nowhere"):
        reconstruct_layouts([one, two], rng=1)


def test_a_percentage_that_no_count_gives_is_refused() -> None:
    cells = [("Totalt", "", "count", "7"), ("k", "", "percent", "17%"), ("l", "", "percent", "83%")]
    table = made("t", cells, {"rows": {"Totalt": {}, "*": "a"}})
    with pytest.raises(InputError, match="17% of 7"):
        reconstruct_layouts([table], rng=1)


def test_a_percentage_without_a_base_is_refused() -> None:
    table = made("t", [("k", "", "percent", "17%")], {"rows": {"*": "a"}})
    with pytest.raises(InputError, match="base is printed as a count"):
        reconstruct_layouts([table], rng=1)


@pytest.mark.parametrize(
    ("tables", "remedy"),
    [
        (["000.t4"], r"at 000\.t4 .*Add 000\.t3\.$"),
        (["000.t6"], r"at 000\.t6 .*Add 000\.t5\.$"),
        (["000.t4", "000.t5", "000.t6"], r"at 000\.t4 .*Add 000\.t3\.$"),
        (["000.t4", "000.t6"], r"Add 000\.t3 and 000\.t5\.$"),
    ],
)
def test_the_table_with_the_base_of_the_percentages_is_named(
    tables: list[str], remedy: str
) -> None:
    with pytest.raises(InputError, match=rf"^table_ids: .*base is printed as a count.*{remedy}"):
        reconstruct(tables, rng=1)


def test_a_base_that_is_the_sum_of_its_parts_is_known() -> None:
    cells = [("k", "n", "count", "6"), ("l", "n", "count", "5"),
             ("k", "%", "percent", "55%"), ("l", "%", "percent", "45%")]  # fmt: skip
    spec = {"rows": {"*": "a"}}
    table = made("t", cells, spec)
    people = reconstruct_layouts([table], rng=1)
    assert tabulate_layout(people, table)["value"].tolist() == [6, 5, 55, 45]
    with pytest.raises(InputError, match=r"t k / % \(percent\)"):
        reconstruct_layouts([made("t", [*cells[:2], ("k", "%", "percent", "50%")], spec)], rng=1)


def test_many_structural_zeros_take_no_room() -> None:
    # As a matrix over all sets of 70 zeros it would not fit in any memory.
    levels = [f"v{i}" for i in range(70)]
    one = made("one", [(v, "", "count", "2") for v in levels], {"rows": {"*": "a"}})
    zeros = [{"a": v, "b": v, "why": "never"} for v in levels]
    two = made("two", [(v, "", "count", "2") for v in levels], {"rows": {"*": "b"}, "zeros": zeros})
    people = reconstruct_layouts([one, two], rng=1)
    assert (people["a"] != people["b"]).all()
    assert people["b"].value_counts().to_dict() == dict.fromkeys(levels, 2)


def test_too_many_kinds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[reconstruct.__module__], "_MOST_PAIRS", 3)
    with pytest.raises(InputError, match="structural zeros that make at most 3 pairs"):
        reconstruct(POPULATIONS["followed_up_2012"][0], rng=1)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([], "at least one table"),
        (["000.t99"], "000.t99"),
        (["000.t8"], "counts persons"),
        (["000.t2", "000.t3"], "same people"),
        (["001.t7a", "001.t7b"], "same people"),
        (["001.t9"], "several populations"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tables: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        reconstruct(tables, rng=1)


@pytest.mark.parametrize("rng", [-1, 1.5, "seed"])
def test_other_seeds_are_refused(rng: Any) -> None:
    with pytest.raises(InputError, match="rng"):
        reconstruct("000.t1", rng=rng)


def test_tabulate_needs_the_variables_and_the_population() -> None:
    df = reconstruct("000.t3", rng=1)
    with pytest.raises(InputError, match="outcome"):
        tabulate(df, "000.t4")
    with pytest.raises(InputError, match="population"):
        tabulate(reconstruct("001.t7b", rng=1).assign(outcome="Program"), "001.t9")


def test_an_empty_base_has_no_percentage() -> None:
    df = reconstruct("000.t3", rng=1).query("sex == 'Kvinnor'")
    men = tabulate(df, "000.t3").query("row == 'Män'")
    assert men.loc[men["measure"] == "percent", "value"].isna().all()
    assert (men.loc[men["measure"] == "count", "value"] == 0).all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"row": {}}, "keys among"),
        ({"rows": {"k": "a"}}, "a meaning"),
        ({"rows": {"*": 3}}, "a variable"),
        ({"rows": {"*": "a"}, "given": ["b"]}, "variables of its rows"),
        ({"rows": {"*": "a"}, "columns": {"*": {"a": "m"}}}, "agree on a"),
        ({"rows": {"*": "a"}, "population": ""}, "a population"),
        ({"rows": {"*": "a"}, "reading": [{"row": "q", "column": "", "measure": "count",
                                           "text": "1", "why": ""}]}, "exactly one cell"),
    ],
)  # fmt: skip
def test_faults_of_a_microdata_entry_are_named(spec: dict[str, Any], message: str) -> None:
    cells = [("k", "", "count", "6"), ("l", "", "count", "5")]
    with pytest.raises(InputError, match=rf"microdata of t.*{message}"):
        made("t", cells, spec)
