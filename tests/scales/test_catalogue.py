"""What is shipped and what is not, and that neither holds the wording of an item."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from evalkit.errors import InputError
from evalkit.scales import Scale, eq5d_value_sets, instrument, instruments, not_shipped


def test_every_instrument_says_where_it_comes_from() -> None:
    listed = instruments()
    for column in ("title", "anchors", "direction", "missing_rule", "licence", "source"):
        assert (listed[column].str.len() > 3).all(), column
    assert listed["name"].is_unique
    for name in listed["name"]:
        scale = instrument(name)
        assert isinstance(scale, Scale)
        for part in scale.parts:
            assert all(cutoff.source for cutoff in part.cutoffs)
        assert all(values.source for values in scale.value_sets)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("PSS-10", 0, 40), ("PSS-14", 0, 56), ("SOC-13", 13, 91), ("GSE", 10, 40),
        ("WHO-5", 0, 100), ("RSES", 0, 30), ("Pearlin Mastery", 7, 28), ("KEDS", 0, 54),
        ("K10", 10, 50), ("PHQ-9", 0, 27), ("GAD-7", 0, 21), ("WHODAS-12", 12, 60),
        ("GHQ-12 0-0-1-1", 0, 12), ("GHQ-12 0-1-2-3", 0, 36), ("WAS", 0, 10), ("s-UMS", 0, 2),
        ("K10 0-4", 0, 40), ("RSES agree = 0", 0, 30), ("EQ-VAS", 0, 100), ("HADS", 0, 21),
        ("OLBI", 8, 32), ("RAND-36", 0, 100), ("WHODAS-12 0-4", 0, 48),
    ],
)  # fmt: skip
def test_ranges_are_the_published_ones(name: str, low: float, high: float) -> None:
    scale = instrument(name)
    assert {scale.score_range(part) for part in scale.parts} == {(low, high)}


def test_items_of_subscales() -> None:
    olbi = instrument("OLBI")
    both = [item for part in olbi.parts for item in part.items]
    assert sorted(both) == sorted(olbi.items)
    rand = instrument("rand-36")
    used = {item for part in rand.parts for item in part.items}
    assert set(rand.items) - used == {"q2"}


# The marks [V] of shared facts, once more: items, codes, reversed items, cut-offs.
FACTS = {
    "PSS-14": (14, 0, 4, [4, 5, 6, 7, 9, 10, 13], None),
    "PSS-10": (10, 0, 4, [4, 5, 7, 8], None),
    "SOC-13": (13, 1, 7, [1, 2, 3, 7, 10], None),
    "WHO-5": (5, 0, 5, [], (28, 50)),
    "GSE": (10, 1, 4, [], None),
    "RSES": (10, 0, 3, [3, 5, 8, 9, 10], None),
    "RSES agree = 0": (10, 0, 3, [1, 2, 4, 6, 7], None),
    "Pearlin Mastery": (7, 1, 4, [1, 2, 3, 5, 7], None),
    "HADS": (14, 0, 3, [], None),
    "GHQ-12 0-0-1-1": (12, 0, 3, [], None),
    "GHQ-12 0-1-2-3": (12, 0, 3, [], None),
    "KEDS": (9, 0, 6, [], (19,)),
    "s-UMS": (9, 0, 2, [], (1, 2)),
    "OLBI": (16, 1, 4, [2, 3, 4, 6, 8, 9, 11, 12], None),
    "K10": (10, 1, 5, [], (16, 22, 30)),
    "K10 0-4": (10, 0, 4, [], None),
    "PHQ-9": (9, 0, 3, [], (5, 10, 15, 20)),
    "GAD-7": (7, 0, 3, [], (5, 10, 15)),
    "WHODAS-12": (12, 1, 5, [], None),
    "WHODAS-12 0-4": (12, 0, 4, [], None),
    "WAS": (1, 0, 10, [], (6, 8, 10)),
    "EQ-VAS": (1, 0, 100, [], None),
    "EQ-5D-3L": (5, 1, 3, [], None),
    "EQ-5D-5L": (5, 1, 5, [], None),
    "RAND-36": (36, 1, 6, [], None),
}


def test_items_codes_reversals_and_cut_offs() -> None:
    listed = instruments().set_index("name")
    assert set(listed.index) == set(FACTS)
    for name, (k, low, high, turned, bounds) in FACTS.items():
        scale = instrument(name)
        assert listed.loc[name, ["n_items", "low", "high"]].tolist() == [k, low, high], name
        assert scale.reversed == tuple(f"q{number}" for number in turned), name
        found = [cutoff.bounds for part in scale.parts for cutoff in part.cutoffs]
        assert found == ([] if bounds is None else [bounds]), name


def test_rules_from_memory_are_not_applied_and_that_is_said() -> None:
    for name in ("PHQ-9", "GAD-7", "WHODAS-12", "WHODAS-12 0-4", "HADS"):
        scale = instrument(name)
        assert "not verified" in scale.missing_rule
        assert all(part.needed == len(part.items) for part in scale.parts)
    for name in ("SOC-13", "WHO-5"):
        assert "no rule for missing items was found" in instrument(name).missing_rule
    assert "8 and 11" in instrument("HADS").notes
    assert "reject cut-offs" in instrument("GSE").notes
    assert "informal" in instrument("PSS-10").notes
    assert instrument("GSE").parts[0].needed == 7


def test_cut_offs_of_the_codes_1_to_5_are_refused_for_the_codes_0_to_4() -> None:
    (published,) = instrument("K10").cutoffs
    with pytest.raises(InputError, match="cut-offs of K10"):
        instrument("K10 0-4").with_cutoffs(published)


def test_names_that_are_not_shipped_are_told_why() -> None:
    with pytest.raises(InputError, match=r"SMBQ is not shipped: .*no source"):
        instrument("smbq")
    with pytest.raises(InputError, match="must not be called SF-36"):
        instrument("SF-36")
    with pytest.raises(InputError, match="Did you mean 'KEDS'"):
        instrument("KED")
    with pytest.raises(InputError, match=r"Did you mean 'GHQ-12 0-.-.-.' or 'GHQ-12 0-.-.-.'"):
        instrument("GHQ-12")
    assert instrument("who 5") is instrument("WHO-5")
    with pytest.raises(InputError, match=r"Define it with Scale"):
        instrument("zzzzzz")
    with pytest.raises(InputError):
        instrument(3)  # type: ignore[arg-type]


def test_nothing_is_both_shipped_and_not() -> None:
    absent = not_shipped()
    assert {
        "WAI", "SMBQ", "SDO-13", "RTWSE-19", "Empowerment Scale", "OVal-pd", "SF-36",
        "RSES original order",
    } == set(absent["name"])  # fmt: skip
    assert not set(absent["name"]) & set(instruments()["name"])
    assert (absent["reason"].str.len() > 20).all()


def test_files_hold_no_wordings() -> None:
    allowed = {
        "name", "items", "range", "reversed", "formula", "multiplier", "min_answered", "recode",
        "subscales", "cutoffs", "value_sets", "version", "title", "anchors", "direction",
        "missing_rule", "source", "licence", "notes",
    }  # fmt: skip
    folder = files("evalkit.scales").joinpath("instruments")
    for file in folder.iterdir():
        if file.name.endswith(".yaml") and file.name != "not_shipped.yaml":
            content = yaml.safe_load(file.read_text("utf-8"))
            assert set(content) <= allowed, file.name
            names = content["items"]
            assert isinstance(names, int) or all(len(name) < 20 for name in names)


def test_value_sets_are_listed() -> None:
    listed = eq5d_value_sets()
    assert listed["instrument"].tolist() == ["EQ-5D-3L", "EQ-5D-5L", "EQ-5D-5L"]
    assert listed["worst"].tolist() == [0.3402, 0.2433, -0.314]
