"""Definitions: what they accept, what they refuse, and that files say the same as arguments."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from evalkit.errors import InputError
from evalkit.scales import Cutoffs, Scale, Subscale, ValueSet, read_scale

ITEMS = ["a", "b", "c"]


def test_lists_become_tuples_and_ranges_stand_by_item() -> None:
    scale = Scale("S", ITEMS, (1, 5), reversed=["b"])
    assert scale.items == ("a", "b", "c")
    assert scale.limits("b") == (1, 5)
    assert scale.points("b") == {1: 5, 2: 4, 3: 3, 4: 2, 5: 1}
    assert scale.score_range() == (3, 15)
    assert scale.parts[0].needed == 3
    assert pickle.loads(pickle.dumps(scale)) == scale


def test_ranges_by_item_and_points_by_code() -> None:
    scale = Scale(
        "S", ITEMS, {"a": (0, 1), "b": (1, 3), "c": (0, 1)}, recode={"b": {1: 0, 2: 50, 3: 100}}
    )
    assert scale.score_range() == (0, 102)
    assert scale.to_frame()["recoded"].tolist() == [False, True, False]


def test_repr_is_short() -> None:
    parts = [Subscale(f"s{i}", ["a"]) for i in range(40)]
    assert len(repr(Scale("S", ITEMS, (1, 5), subscales=parts)).splitlines()) == 15
    assert "x 4, 0 to 60" in repr(Scale("S", ITEMS, (0, 5), multiplier=4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"items": "abc"}, "items: must be a list of item names; got 'abc'"),
        ({"items": ["a", "a"]}, "items: must be names that differ; got repeats (at a)"),
        ({"items": []}, "items: must be at least one item"),
        ({"range": (5, 1)}, "range: must be (lowest, highest) with lowest < highest; got (5, 1)"),
        ({"range": {"a": (1, 5)}}, "range: must be given for every item; got none for some"),
        ({"range": (0, 1000)}, "With fractions=True it may be wider"),
        ({"reversed": ["z"]}, "reversed: must be items of the scale; got others (at z)"),
        ({"recode": {"a": {1: 0, 2: 1}}}, "points for each code from 1 to 5 of a"),
        (
            {"recode": {"a": dict.fromkeys(range(1, 6), 0)}, "reversed": ["a"]},
            "recode: must be apart from reversed",
        ),
        ({"formula": "median"}, "formula: must be one of 'sum', 'mean'"),
        ({"min_answered": 4}, "min_answered: must be None or a whole number from 1 to 3"),
        ({"min_answered": True}, "min_answered"),
        ({"subscales": [Subscale("s", ["z"])]}, "subscale s: must be items of the scale"),
        (
            {"subscales": [Subscale("s", ["a"])], "min_answered": 2},
            "subscales: must be the only place of formula",
        ),
        (
            {"subscales": [Subscale("s", ["a"])], "multiplier": 4},
            "subscales: must be the only place of formula, multiplier",
        ),
        ({"multiplier": 0}, "multiplier: must be a positive number; got 0"),
        ({"multiplier": "4"}, "multiplier: must be a positive number; got '4'"),
        ({"multiplier": float("nan")}, "multiplier: must be a positive number; got nan"),
        ({"range": {"a": (1, 5), "b": 5, "c": (1, 5)}}, "lowest < highest; got 5 (at b)"),
        ({"fractions": "no"}, "fractions: must be True or False; got 'no'"),
        ({"formula": "s-UMS"}, "'s-UMS' of eight items 0-1 and one 0-2; got 1-5, 1-5, 1-5"),
        ({"formula": "value set", "fractions": True}, "fractions: must be False for value set"),
        (
            {"formula": "value set", "value_sets": [ValueSet("v", 1, {"a": [0.1, 0.2]})]},
            "of the dimensions a, b, c with 5 levels; got a with 3 levels",
        ),
    ],
)
def test_what_is_refused(arguments: dict, message: str) -> None:
    given = {"items": ITEMS, "range": (1, 5), **arguments}
    with pytest.raises(InputError) as error:
        Scale("S", **given)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_scale_has_a_name(name) -> None:
    with pytest.raises(InputError, match="name: must be a name"):
        Scale(name, ITEMS, (1, 5))


def test_an_algorithm_rescues_nothing() -> None:
    with pytest.raises(InputError, match="needs every item"):
        Subscale("s", ["a", "b"], formula="value set", min_answered=1)


def test_cut_offs_of_another_version_are_refused() -> None:
    short = Cutoffs("SMBQ", [4.4], ["below", "4.4 or more"], version="18 items")
    with pytest.raises(InputError, match=r"of the version '18 items'.*another version is refused"):
        Scale("SMBQ", ITEMS, (1, 7), formula="mean", version="22 items", cutoffs=[short])
    own = Scale("SMBQ", ITEMS, (1, 7), formula="mean", version="18 items").with_cutoffs(short)
    assert own.parts[0].cutoffs == (short,)
    with pytest.raises(InputError, match="cut-offs of KEDS"):
        own.with_cutoffs(Cutoffs("KEDS", [19], ["a", "b"], version="18 items"))


def test_limits_belong_above_or_below() -> None:
    scores = [27.5, 28, 29, float("nan")]
    assert Cutoffs("S", [28], ["x", "y"]).band_of(scores).tolist() == [0, 1, 1, -1]
    right = Cutoffs("S", [28], ["x", "y"], closed="right")
    assert right.band_of(scores).tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize(
    ("bounds", "labels", "message"),
    [
        ([2, 1], ["a", "b", "c"], "ascending numbers"),
        ([], ["a"], "ascending numbers"),
        ([1], ["a"], "2 labels, one a group; got 1"),
        ([1], ["a", "a"], "labels that differ; got repeats"),
        ([float("nan")], ["a", "b"], "ascending numbers"),
        ("12", ["a", "b", "c"], "ascending numbers"),
        (5, ["a", "b"], "ascending numbers"),
        ([1], "ab", "a sequence of labels"),
    ],
)
def test_cut_offs_that_do_not_fit(bounds: list, labels: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cutoffs("S", bounds, labels)


def test_value_sets_have_as_many_levels_everywhere() -> None:
    with pytest.raises(InputError, match="as many levels for every dimension"):
        ValueSet("mine", 1, {"a": [0.1], "b": [0.1, 0.2]})
    for start, taken in [(float("nan"), 0.1), (1, float("inf")), ("1", 0.1), (1, "x")]:
        with pytest.raises(InputError, match="decrements: must be numbers, as start and worst"):
            ValueSet("mine", start, {"a": [taken]})  # type: ignore[arg-type, list-item]


YAML = """
name: Trust
items: [a, b, c, 4]
range: {a: [1, 5], b: [1, 5], c: [0, 1], 4: [0, 1]}
reversed: [b]
recode:
  - {items: [4], points: {0: 1, 1: 0}}
version: "2"
subscales:
  first:
    items: [a, b]
    formula: mean
    min_answered: 1
    cutoffs: {bounds: [3], labels: [low, high], source: a paper}
  second: {items: [c, 4], multiplier: 50}
"""


def test_a_file_says_the_same_as_arguments(tmp_path: Path) -> None:
    file = tmp_path / "trust.yaml"
    file.write_text(YAML, "utf-8")
    expected = Scale(
        "Trust",
        ["a", "b", "c", "q4"],
        {"a": (1, 5), "b": (1, 5), "c": (0, 1), "q4": (0, 1)},
        reversed=["b"],
        recode={"q4": {0: 1, 1: 0}},
        version="2",
        subscales=[
            Subscale(
                "first", ["a", "b"], "mean", min_answered=1,
                cutoffs=[Cutoffs("first", [3], ["low", "high"], version="2", source="a paper")],
            ),
            Subscale("second", ["c", "q4"], multiplier=50),
        ],
    )  # fmt: skip
    assert read_scale(file) == expected


HEAD = "name: T\nitems: 3\nrange: [1, 5]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "trust.yaml: must be a mapping; got list"),
        ("name: [", "trust.yaml: must be YAML"),
        ("name: T\nitems: 3", "a mapping with name, items, range; got no range"),
        ("name: T\nitems: 3\nrange: [1, 5]\nreverse: [1]", "got reverse"),
        ("name: T\nitems: 3\nrange: [1, 5]\nreversed: 1", "reversed: must be a list of items"),
        ("name: T\nitems: 3\nrange: [1, 5]\ncutoffs: {bounds: [1], labels: [a, b]}", "no source"),
        ("name: T\nitems: 3\nrange: [1, 5]\nrecode: {1: 2}", "a list of items and points"),
        (f"{HEAD}reversed: [9]", "trust.yaml: reversed: must be items of the scale"),
        (f"{HEAD}reversed: [1]\nreversed: [2]", "keys differ; got repeats (at reversed)"),
        (f"{HEAD}subscales:\n  a: {{items: [1], items: [2]}}", "got repeats (at items)"),
        (f"{HEAD}recode: [{{items: [1], points: {{1: 2, 1: 3}}}}]", "got repeats (at 1)"),
        ("name: T\nitems: 3\nrange: 5", "trust.yaml: range: must be (lowest, highest)"),
        ("name: T\nitems: true\nrange: [1, 5]", "items: must be a list of items; got True"),
        ("name: T\nitems: [on, b]\nrange: [1, 5]", "got True. YAML takes yes, no, on and off"),
        ("name:\nitems: 3\nrange: [1, 5]", "trust.yaml: name: must be a text; got None"),
        (f"{HEAD}multiplier: x", "trust.yaml: multiplier: must be a positive number"),
        (f"{HEAD}cutoffs: {{bounds: 5, labels: [a, b], source: x}}", "must be a list; got 5"),
        (f"{HEAD}cutoffs: {{bounds: [x], labels: [a, b], source: x}}", "must be a number; got 'x'"),
        (f"{HEAD}cutoffs: {{bounds: [5], labels: [no, yes], source: x}}", "got False. YAML takes"),
        (f"{HEAD}recode: [{{items: [1], points: [1, 2]}}]", "points by code; got [1, 2]"),
        (f"{HEAD}recode: [{{items: [1], points: {{yes: 1}}}}]", "a number; got True"),
        (
            f"{HEAD}recode:\n" + "- {items: [1], points: {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}}\n" * 2,
            "recode: must be one block for each item; got two (at q1)",
        ),
        (f"{HEAD}value_sets: {{v: {{start: x, decrements: {{}}, source: s}}}}", "got 'x'"),
    ],
)
def test_files_that_do_not_define_a_scale(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "trust.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as error:
        read_scale(file)
    assert message in str(error.value)


def test_a_version_may_look_like_a_number(tmp_path: Path) -> None:
    file = tmp_path / "trust.yaml"
    file.write_text(f"{HEAD}version: 2\ncutoffs: {{bounds: [5], labels: [1, 2], source: 2014}}")
    scale = read_scale(file)
    assert scale.version == "2"
    assert scale.cutoffs == (Cutoffs("T", [5], ["1", "2"], version="2", source="2014"),)


def test_a_file_that_is_not_in_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "trust.yaml"
    file.write_bytes("name: Förtroende".encode("cp1252"))
    with pytest.raises(InputError, match=r"trust\.yaml: must be YAML in UTF-8"):
        read_scale(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a file that exists"):
        read_scale(tmp_path / "none.yaml")
