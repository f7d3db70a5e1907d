"""Agreement of self-report and register: what is reported, noted, and refused."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.agreement_tables import Agreement, agreement

PAIR = {"a": "said", "b": "register"}
WORDS = ["no", "yes"]


def cells(neither: int, only_b: int, only_a: int, both: int) -> pd.DataFrame:
    """Return a 2x2 table as a frame of counts."""
    return pd.DataFrame(
        {
            "said": ["no", "no", "yes", "yes"],
            "register": ["no", "yes", "no", "yes"],
            "n": [neither, only_b, only_a, both],
        }
    )


def value(found: Agreement, term: str, column: str = "estimate", category: object = "") -> float:
    """Return a number of a table."""
    frame = found.to_frame()
    rows = frame["term"] == term
    if "category" in frame:
        rows &= frame["category"].map(lambda one: one == category)
    return float(frame.loc[rows, column].iloc[0])


def test_by_hand() -> None:
    found = agreement(cells(65, 6, 9, 40), **PAIR, count="n", positive="yes")
    assert found.cross_table().to_numpy().tolist() == [[65, 6], [9, 40]]
    assert found.cross_table().index.name == "said"
    assert found.observed == pytest.approx(105 / 120)
    expected = (71 * 74 + 49 * 46) / 120**2
    assert value(found, "expected_agreement") == pytest.approx(expected)
    assert found.kappa == pytest.approx((105 / 120 - expected) / (1 - expected))
    assert value(found, "kappa_max") == pytest.approx((117 / 120 - expected) / (1 - expected))
    assert value(found, "pabak") == pytest.approx(2 * 105 / 120 - 1)
    assert value(found, "sensitivity") == pytest.approx(40 / 46)
    assert value(found, "sensitivity", "n") == 46
    assert value(found, "specificity") == pytest.approx(65 / 74)
    assert value(found, "ppv") == pytest.approx(40 / 49)
    assert value(found, "npv") == pytest.approx(65 / 71)
    assert value(found, "positive_agreement") == pytest.approx(80 / 95)
    assert value(found, "negative_agreement") == pytest.approx(130 / 145)
    assert value(found, "marginal_difference") == pytest.approx(3 / 120)
    assert value(found, "share_a") - value(found, "share_b") == pytest.approx(3 / 120)
    assert "truth" not in repr(found)
    assert found.table.notes == ("Relative to register, which may err too.",)


def test_people_and_counts_agree() -> None:
    counted = cells(65, 6, 9, 40)
    people = counted.loc[counted.index.repeat(counted["n"])].drop(columns="n")
    one = agreement(people, **PAIR, positive="yes")
    two = agreement(counted, **PAIR, count="n", positive="yes")
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())
    flags = people.apply(lambda column: (column == "yes").astype(int))
    pd.testing.assert_frame_equal(agreement(flags, **PAIR).to_frame(), one.to_frame())
    pd.testing.assert_frame_equal(agreement(flags == 1, **PAIR).to_frame(), one.to_frame())


@settings(max_examples=40)
@given(st.tuples(*[st.integers(0, 50)] * 4).filter(lambda four: sum(four) > 0))
def test_exchanges(four: tuple[int, int, int, int]) -> None:
    frame = cells(*four)
    found = agreement(frame, **PAIR, count="n", positive="yes", order=WORDS)
    turned = agreement(frame, a="register", b="said", count="n", positive="yes", order=WORDS)
    other = agreement(frame, **PAIR, count="n", positive="no", order=WORDS)
    for term, name, place, sign in (
        ("kappa", "kappa", turned, 1),
        ("kappa", "kappa", other, 1),
        ("sensitivity", "ppv", turned, 1),
        ("sensitivity", "specificity", other, 1),
        ("marginal_difference", "marginal_difference", turned, -1),
        ("marginal_difference", "marginal_difference", other, -1),
    ):
        assert value(found, term) == pytest.approx(sign * value(place, name), nan_ok=True, abs=1e-9)
    for _, one in found.to_frame().iterrows():
        if not np.isnan(one["conf_low"]):
            assert one["conf_low"] - 1e-9 <= one["estimate"] <= one["conf_high"] + 1e-9
    bounds = value(found, "kappa_max")
    if not np.isnan(bounds):
        assert found.kappa <= bounds + 1e-9


def test_missing_values_are_counted_by_column() -> None:
    frame = cells(65, 6, 9, 40)
    frame.loc[len(frame)] = [None, "yes", 3]
    frame.loc[len(frame)] = ["yes", None, 2]
    frame.loc[len(frame)] = [None, None, 1]
    found = agreement(frame, **PAIR, count="n", positive="yes")
    assert found.table.n_dropped == {"said missing": 4, "register missing": 2}
    assert "6 dropped" in repr(found)


def test_high_agreement_and_low_kappa() -> None:
    found = agreement(cells(900, 30, 25, 5), **PAIR, count="n", positive="yes")
    assert found.observed > 0.9
    assert found.kappa < 0.2
    assert "High agreement and low kappa" in " ".join(found.table.notes)
    assert value(found, "prevalence_index") == pytest.approx(-895 / 960)


def test_degenerate_tables_are_explained() -> None:
    everybody = agreement(cells(0, 0, 0, 9), **PAIR, count="n", positive="yes", order=WORDS)
    assert np.isnan(everybody.kappa)
    assert "Kappa is undefined" in " ".join(everybody.table.notes)
    assert "No specificity: nobody is 'no' in register" in " ".join(everybody.table.notes)
    assert np.isnan(value(everybody, "specificity"))
    assert everybody.tests()["p_value"].tolist()[2:] == [1, 1]
    constant = agreement(cells(5, 0, 9, 0), **PAIR, count="n", positive="yes", order=WORDS)
    assert constant.kappa == pytest.approx(0)
    assert np.isnan(value(constant, "kappa", "conf_low"))
    assert "one of the two never varies" in " ".join(constant.table.notes)
    assert "No sensitivity: nobody is 'yes' in register" in " ".join(constant.table.notes)
    zeros = pd.DataFrame({"said": [0, 0], "register": [0, 0]})
    assert agreement(zeros, **PAIR).categories == (0, 1)


GRADES = pd.DataFrame(
    {"said": [1, 2, 3, 4, 2, 3, 1, 4, 4, 2], "register": [1, 2, 3, 4, 1, 4, 1, 3, 2, 2]}
)


def test_several_categories() -> None:
    found = agreement(GRADES, **PAIR)
    assert found.categories == (1, 2, 3, 4)
    assert value(found, "sensitivity", category=4) == pytest.approx(1 / 2)
    assert value(found, "ppv", category=2) == pytest.approx(2 / 3)
    assert value(found, "marginal_difference", category=4) == pytest.approx(0.1)
    assert found.tests()["method"].tolist() == ["Bowker"]
    linear = agreement(GRADES, **PAIR, near="linear")
    wanted = np.mean(1 - np.abs(GRADES["said"] - GRADES["register"]) / 3)
    assert linear.observed == pytest.approx(wanted)
    assert "pabak" not in set(linear.to_frame()["term"])
    assert len(repr(linear).splitlines()) <= 15


def test_categories_of_one_column_are_remarked() -> None:
    frame = GRADES.assign(said=GRADES["said"].replace(4, 5))
    notes = " ".join(agreement(frame, **PAIR).table.notes)
    assert "In one of the two only: 4, 5. Are categories written alike?" in notes
    assert len(agreement(GRADES, **PAIR).table.notes) == 1


def test_order_of_categories() -> None:
    words = GRADES.replace({1: "none", 2: "some", 3: "much", 4: "full"})
    order = ["none", "some", "much", "full"]
    numbers = agreement(GRADES, **PAIR, near="quadratic")
    by_order = agreement(words, **PAIR, near="quadratic", order=order)
    assert by_order.kappa == pytest.approx(numbers.kappa)
    more = ["none", "unseen", "some", "much", "full"]
    dtype = pd.CategoricalDtype(more, ordered=True)
    typed = agreement(words.astype(dtype), **PAIR, near="quadratic")
    longer = agreement(words, **PAIR, near="quadratic", order=more)
    assert typed.kappa == pytest.approx(longer.kappa)
    assert typed.kappa != pytest.approx(numbers.kappa)
    assert agreement(words.astype(dtype), **PAIR).categories == tuple(order)


def test_results_print_and_pickle() -> None:
    found = agreement(cells(65, 6, 9, 40), **PAIR, count="n", positive="yes")
    assert len(repr(found).splitlines()) <= 15
    assert "npv" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


MARGINS = pd.DataFrame({"said": [208, 112], "register": [180, 140]})
TWO = cells(65, 6, 9, 40)


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (MARGINS, {}, (r"^a, b: must be columns with the same categories, one row for each person; "
         r"got 112, 208 in 'said' and 140, 180 in 'register'.*nobody can say from them who agrees: "
         r"agreement_bounds gives what margins allow, and no more")),
        (TWO.assign(said=[1, 2, 3, 4]), {}, r"Write the categories alike"),
        (TWO, {"b": "said"}, r"^b: must be another column than a"),
        (TWO, {"b": "registre"}, r"^b: must be a column of df.*Did you mean 'register'"),
        (TWO, {"count": "n"}, (r"^positive: must be one of the two categories; got None \(at 'no', "
         r"'yes'\)")),
        (TWO, {"positive": "ja"}, r"^positive: must be one of the two categories; got 'ja'"),
        (TWO.assign(n=[1, 2, 3, 4.5]), {"count": "n"}, r"^count: must be whole numbers.*row 3"),
        (TWO.assign(n=[1, 2, 3, -4]), {"count": "n"}, r"^count: must be whole numbers.*such as -4"),
        (TWO.assign(n=0), {"count": "n"}, r"^df: must be people with both said and register"),
        (TWO.assign(said=None), {}, r"^df: must be people with both said and register; got none"),
        (TWO.head(1), {}, r"^order: must be given, since there is but one category"),
        (GRADES, {"positive": 4}, r"^positive: must be given for two categories only; got 4 of 4"),
        (GRADES, {"order": [1, 2, 3]}, r"^order: must be all categories.*\(at 4 is lacking\)"),
        (GRADES, {"order": [1, 2, 3, 4, 4]}, r"^order: must be all categories, once each"),
        (GRADES, {"order": "1234"}, r"^order: must be all categories"),
        (GRADES.replace(3, 5), {"near": "linear"}, (r"^order: must be given, since some numbers "
         r"between never occur; got 1, 2, 4, 5")),
        (GRADES.astype(str), {"near": "linear"}, r"^order: must be given, since near misses need"),
        (GRADES, {"near": "cubic"}, r"^near: must be one of 'none', 'linear', 'quadratic'"),
        (GRADES, {"level": 95}, r"^level: must be"),
        (GRADES.assign(said=np.inf), {}, r"^a: must be finite \('said'\)"),
    ],
)  # fmt: skip
def test_what_is_refused(frame: pd.DataFrame, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        agreement(frame, **(PAIR | arguments))  # type: ignore[arg-type]


def test_a_category_written_in_two_ways_is_named() -> None:
    people = pd.DataFrame({"a": ["ja", "nej", "ja"], "b": ["Ja", "nej", "Ja"]})
    with pytest.raises(InputError, match=r"positive: .*got 'ja' of 3 \(at 'Ja', 'ja', 'nej'\)"):
        agreement(people, a="a", b="b", positive="ja")
