"""Agreement from margins: bounds that hold and are reached, and no estimate."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.agreement_tables import agreement
from evalkit.scales.margin_agreement import AgreementBounds, agreement_bounds

FOURS = st.tuples(*[st.integers(0, 30)] * 4).filter(lambda four: sum(four) > 0)


def ends(found: AgreementBounds, term: str, category: object = "") -> tuple[float, float]:
    """Return the bounds of a term."""
    frame = found.to_frame()
    rows = frame[(frame["term"] == term) & frame["category"].map(lambda one: one == category)]
    return float(rows["low"].iloc[0]), float(rows["high"].iloc[0])


def tabulated(neither: int, only_b: int, only_a: int, both: int) -> dict[str, float]:
    """Return what microdata with this table give."""
    frame = pd.DataFrame(
        {"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "n": [neither, only_b, only_a, both]}
    )
    data = agreement(frame, a="a", b="b", count="n", order=[0, 1]).to_frame()
    found = dict(zip(data["term"], data["estimate"], strict=True))
    return {
        "joint": both / (neither + only_b + only_a + both),
        "agreement": found["observed_agreement"],
        **{term: found[term] for term in ("kappa", "sensitivity", "specificity", "ppv", "npv")},
    }


@settings(max_examples=40)
@given(FOURS)
def test_the_table_behind_lies_within(four: tuple[int, int, int, int]) -> None:
    _, only_b, only_a, both = four
    found = agreement_bounds(both + only_a, both + only_b, n=sum(four))
    for term, value in tabulated(*four).items():
        low, high = ends(found, term)
        if not np.isnan(value):
            assert low - 1e-9 <= value <= high + 1e-9, term


@settings(max_examples=40)
@given(st.integers(1, 30), st.data())
def test_bounds_are_reached(n: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    found = agreement_bounds(a, b, n=n)
    for both, end in ((max(0, a + b - n), 0), (min(a, b), 1)):
        for term, value in tabulated(n - a - b + both, b - both, a - both, both).items():
            assert ends(found, term)[end] == pytest.approx(value, nan_ok=True, abs=1e-9), term


def test_shares_counts_and_mappings_agree() -> None:
    counted = agreement_bounds(40, 55, n=100, names=("self-report", "register"))
    shared = agreement_bounds(0.4, 0.55)
    mapped = agreement_bounds({"no": 60, "yes": 40}, {"yes": 55, "no": 45})
    for term in ("agreement", "kappa"):
        assert ends(shared, term) == pytest.approx(ends(counted, term))
        assert ends(mapped, term) == pytest.approx(ends(counted, term))
    assert ends(mapped, "sensitivity", "yes") == pytest.approx(ends(counted, "sensitivity"))
    assert ends(mapped, "sensitivity", "no") == pytest.approx(ends(counted, "specificity"))
    assert ends(mapped, "ppv", "no") == pytest.approx(ends(counted, "npv"))
    assert (counted.n, shared.n, mapped.n) == (100, None, 100)
    assert agreement_bounds({"x": 0.25, "y": 0.75}, {"x": 0.5, "y": 0.5}).n is None


def test_nothing_more_than_bounds() -> None:
    found = agreement_bounds(40, 55, n=100, names=("self-report", "register"))
    assert "estimate" not in found.to_frame()
    for term in ("joint", "agreement", "kappa", "sensitivity"):
        with pytest.raises(InputError, match=rf"^{term}: must be determined by the margins to be "
                           r"estimated; got any value from .* Margins alone give bounds and "
                           r"nothing more: pair the answers by person"):  # fmt: skip
            found.estimate(term)
    text = repr(found)
    assert "Bounds, not estimates" in text
    assert "relative to register" in text
    assert "truth" not in text
    assert len(text.splitlines()) <= 15
    assert "<table" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


def test_what_the_margins_determine() -> None:
    everybody = agreement_bounds(30, 100, n=100)
    assert everybody.estimate("agreement") == pytest.approx(0.3)
    assert everybody.estimate("kappa") == pytest.approx(0)
    assert everybody.estimate("sensitivity") == pytest.approx(0.3)
    with pytest.raises(InputError, match=r"^specificity: .*any value from nan to nan"):
        everybody.estimate("specificity")
    mapped = agreement_bounds({"x": 5, "y": 0}, {"x": 5, "y": 0})
    assert mapped.estimate("joint", "x") == 1
    with pytest.raises(InputError, match=r"^term: must be one of the bounds; got 'kapa'"):
        mapped.estimate("kapa")


@pytest.mark.parametrize(
    ("a", "b", "n", "message"),
    [
        (65, 80, None, r"^a: must be a share from 0 to 1, as n is not given; got 65.*0\.65"),
        (0.5, -0.1, None, r"^b: must be a share from 0 to 1"),
        (0.5, True, None, r"^b: must be a share from 0 to 1"),
        (0.5, 40, 100, r"^a: must be whole numbers"),
        (40, 101, 100, r"^b: must be at most n \(100\); got 101"),
        (0, 0, 0, r"^n: must be whole numbers of at least 1"),
        ({"x": 1, "y": 2}, 0.5, None, r"^a, b: must be both numbers, or both mappings"),
        ({"x": 1, "y": 2}, {"x": 1, "z": 2}, None, r"^a, b: must be mappings with the same two"),
        ({"x": 1}, {"x": 1}, None, r"^a, b: must be mappings with the same two or more"),
        ({"x": 1, "y": 2}, {"x": 1, "y": 2}, 3, r"^n: must be left out with mappings"),
        ({"x": 208, "y": 112}, {"x": 300, "y": 298}, None,
         r"^a, b: must be margins of the same people, with the same positive sum; got 320 and 598"),
        ({"x": 0, "y": 0}, {"x": 0, "y": 0}, None, r"the same positive sum; got 0 and 0"),
        ({"x": 65.5, "y": 34.5}, {"x": 50, "y": 50}, None, (r"^a, b: must be whole numbers, or "
         r"shares that add up to 1; got parts that add up to 100\. Divide percentages")),
        ({"x": -1, "y": 2}, {"x": 1, "y": 0}, None, r"^a: must be numbers or shares of at least 0"),
        ({"x": 1, "y": 2}, {"x": "1", "y": 2}, None, r"^b: must be numbers or shares of at least"),
    ],
)  # fmt: skip
def test_what_is_refused(a: object, b: object, n: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        agreement_bounds(a, b, n=n)  # type: ignore[arg-type]


def test_margins_as_counted_by_pandas() -> None:
    own = pd.Series(["ja"] * 40 + ["nej"] * 60).value_counts()
    register = pd.Series(["nej"] * 45 + ["ja"] * 55).value_counts()
    found = agreement_bounds(own, register, names=("self-report", "register"))
    same = agreement_bounds({"nej": 60, "ja": 40}, {"ja": 55, "nej": 45})
    assert found.n == 100
    pd.testing.assert_frame_equal(found.to_frame(), same.to_frame())
    with pytest.raises(InputError, match="names: must be 2 labels"):
        agreement_bounds(40, 55, n=100, names=("self-report",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="names: must be a sequence"):
        agreement_bounds(40, 55, n=100, names="ab")  # type: ignore[arg-type]
