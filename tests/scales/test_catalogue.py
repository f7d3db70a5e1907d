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
        ("HADS", 0, 21), ("OLBI", 8, 32), ("RAND-36", 0, 100),
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
    assert {"WAI", "SMBQ", "SDO-13", "RTWSE-19", "Empowerment Scale", "OVal-pd"} <= set(
        absent["name"]
    )
    assert not set(absent["name"]) & set(instruments()["name"])
    assert (absent["reason"].str.len() > 20).all()


def test_files_hold_no_wordings() -> None:
    allowed = {
        "name", "items", "range", "reversed", "formula", "multiplier", "min_answered", "recode",
        "subscales", "cutoffs", "value_sets", "version", "title", "anchors", "direction",
        "missing_rule", "source", "licence",
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
