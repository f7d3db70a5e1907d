"""Baseline by arm: the numbers of base R, differences without tests, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.baseline_differences import category_distance, standardised_difference, welch
from evalkit.trials.baseline import baseline_table

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
NUMBERS = {"age": "mean", "days": "median"}
LEVELS = ["sex", "education", "region"]


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "baseline_people.csv")


def table(people: pd.DataFrame, **options):
    names = [*NUMBERS, *LEVELS]
    return baseline_table(people, arm="arm", control="B", variables=names, kinds=NUMBERS, **options)


def test_equal_to_base_r(people: pd.DataFrame) -> None:
    expected = pd.read_csv(REFERENCE / "baseline_expected.csv")
    found = table(people, tests=True)
    numbers = found.to_frame().query("arm == 'A' and level == ''").set_index("variable")
    apart = found.smd().set_index("variable")
    for variable, quantity, value in expected.itertuples(index=False):
        of = apart if quantity in ("smd", "p_value") else numbers
        assert of.loc[variable, quantity] == pytest.approx(value, rel=1e-10), (variable, quantity)
    assert len(expected) == 22


def test_no_p_values_unless_asked_for(people: pd.DataFrame) -> None:
    assert list(table(people).smd().columns) == ["variable", "contrast", "smd"]
    assert "p-value" not in repr(table(people))
    asked = table(people, tests=True)
    assert "p_value" in asked.smd()
    assert "CONSORT 2025 asks to leave them out" in asked._repr_html_()


def test_counts_make_up_the_arms(people: pd.DataFrame) -> None:
    frame = table(people).to_frame()
    shares = frame[frame["kind"] == "share"].groupby(["variable", "arm"])
    assert (shares["count"].sum() == shares["n"].first()).all()
    np.testing.assert_allclose(shares["share"].sum(), 1)
    sizes = people["arm"].value_counts()
    whole = (frame["n"] + frame["n_missing"]).groupby(frame["arm"]).unique()
    assert {arm: set(n) for arm, n in whole.items()} == {
        "A": {sizes["A"]}, "B": {sizes["B"]}, "all": {len(people)},
    }  # fmt: skip
    assert frame.query("variable == 'education' and arm == 'all'")["n_missing"].eq(3).all()
    assert table(people).n_randomised == sizes.to_dict()


def test_the_printed_table_says_what_it_shows(people: pd.DataFrame) -> None:
    found = table(people)
    text = found.side_by_side()
    assert text.columns.tolist()[1:] == [
        f"A (n={found.n_randomised['A']})", f"B (n={found.n_randomised['B']})", "all (n=90)", "SMD",
    ]  # fmt: skip
    labels = text["variable"].tolist()
    assert labels[:4] == ["age, mean (SD)", "  not known", "days, median [quartiles]", "sex, n (%)"]
    assert labels.count("  not known") == 2
    assert len(repr(found).splitlines()) <= 15


def test_categories_keep_their_order_without_unused_levels(people: pd.DataFrame) -> None:
    order = ["low", "mid", "high", "unknown"]
    df = people.assign(education=pd.Categorical(people["education"], order))
    frame = baseline_table(df, arm="arm", control="B", variables=["education"]).to_frame()
    assert frame.loc[frame["arm"] == "all", "level"].tolist() == order[:3]
    plain = table(people).smd().set_index("variable").loc["education", "smd"]
    ordered = baseline_table(df, arm="arm", control="B", variables=["education"]).smd()
    assert ordered["smd"].item() == pytest.approx(plain)


@pytest.mark.parametrize("kind", ["object", "nullable", "pyarrow", "category"])
def test_the_type_of_columns_is_nothing(people: pd.DataFrame, kind: str) -> None:
    df = people.assign(begun=people["age"] > 40)
    change = {
        "object": lambda: df.astype(object),
        "nullable": lambda: df.convert_dtypes(),
        "pyarrow": lambda: df.convert_dtypes(dtype_backend="pyarrow"),
        "category": lambda: df.astype(dict.fromkeys(["arm", *LEVELS], "category")),
    }[kind]()
    names = [*NUMBERS, *LEVELS, "begun"]
    options = {"arm": "arm", "control": "B", "variables": names, "tests": True}
    wanted, found = baseline_table(df, **options), baseline_table(change, **options)
    pd.testing.assert_frame_equal(found.to_frame(), wanted.to_frame(), check_dtype=False)
    pd.testing.assert_frame_equal(found.smd(), wanted.smd())
    assert repr(found) == repr(wanted)


def test_numbers_and_texts_that_look_alike_stay_apart(people: pd.DataFrame) -> None:
    df = people.assign(code=np.resize(np.array([1, "1", "x"], dtype=object), len(people)))
    frame = baseline_table(df, arm="arm", control="B", variables=["code"]).to_frame()
    assert frame.query("arm == 'all'")["level"].tolist() == ["1", "'1'", "'x'"]


def test_printed_numbers_are_rounded_exactly_and_have_digits_enough() -> None:
    df = pd.DataFrame({
        "arm": ["A"] * 8 + ["B"] * 8,
        "sick": [1] + [0] * 7 + [1] * 3 + [0] * 5,
        "share": np.tile([0.041, 0.043, 0.047, 0.052], 4),
        "pay": np.tile([1234567.5, 1234569.5, 1300000.0, 1500000.0], 4),
    })  # fmt: skip
    found = baseline_table(
        df, arm="arm", control="B", variables=["sick", "share", "pay"], kinds={"pay": "median"},
        tests=True,
    )  # fmt: skip
    text = found.side_by_side().set_index("variable")
    assert text.loc["  1", "A (n=8)"] == "1 (13)"  # 12.5
    assert text.loc["  1", "B (n=8)"] == "3 (38)"  # 37.5
    assert text.loc["share, mean (SD)", "A (n=8)"] == "0.0457 (0.0045)"
    assert text.loc["share, mean (SD)", "SMD"] == "0.00"
    assert text.loc["pay, median [quartiles]", "all (n=16)"].startswith("1267284.75 [1234569-")
    assert text.loc["share, mean (SD)", "p"] == "1.0000"


def test_a_small_difference_has_no_minus_zero() -> None:
    df = pd.DataFrame({"arm": ["A", "A", "B", "B"], "x": [1.0, 2.0, 1.001, 2.001]})
    text = baseline_table(df, arm="arm", control="B", variables=["x"], kinds={"x": "mean"})
    assert text.side_by_side()["SMD"].tolist() == ["0.00"]
    around = df.assign(x=[-1.001, 1.0, -1.0, 1.0])
    found = baseline_table(around, arm="arm", control="B", variables=["x"]).side_by_side()
    assert found["A (n=2)"].tolist() == ["0.0 (1.4)"]


def test_one_person_in_an_arm() -> None:
    df = pd.DataFrame({"arm": ["A", "B", "B"], "x": [1.0, 2.0, 4.0]})
    found = baseline_table(df, arm="arm", control="B", variables=["x"], tests=True)
    assert found.smd()[["smd", "p_value"]].isna().all(axis=None)
    assert found.side_by_side()["A (n=1)"].tolist() == ["1.0 (-)"]
    assert "SMD" not in found.side_by_side().iloc[0].tolist()


def test_several_arms_are_each_held_against_control(people: pd.DataFrame) -> None:
    df = people.assign(arm=np.resize(["C", "A", "B"], len(people)))
    found = baseline_table(df, arm="arm", control="C", variables=["age"])
    assert found.smd()["contrast"].tolist() == ["A - C", "B - C"]
    assert found.arms == ("A", "B", "C")
    assert {"SMD A - C", "SMD B - C"} <= set(found.side_by_side().columns)


def test_zeros_and_ones_are_levels(people: pd.DataFrame) -> None:
    df = people.assign(woman=(people["sex"] == "f").astype(int))
    found = baseline_table(df, arm="arm", control="B", variables=["woman", "sex"])
    smd = found.smd()["smd"]
    assert smd[0] == pytest.approx(-smd[1])  # level 1 is f, and m comes after f


@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=12),
    st.lists(st.floats(-50, 50), min_size=2, max_size=12),
    st.floats(0.1, 10),
)
def test_differences_turn_with_the_arms_and_do_not_mind_units(one, other, unit) -> None:
    a, b = np.round(one, 3), np.round(other, 3)
    there = standardised_difference(a, b)
    assert standardised_difference(b, a) == pytest.approx(-there, nan_ok=True)
    if np.isfinite(there):
        assert standardised_difference(unit * a, unit * b) == pytest.approx(
            there, rel=1e-6, abs=1e-9
        )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5))
def test_a_distance_of_levels_does_not_mind_their_order(counts) -> None:
    one, other = np.array(counts).T
    there = category_distance(one, other)
    back = category_distance(one[::-1].copy(), other[::-1].copy())
    assert abs(back) == pytest.approx(abs(there), rel=1e-6, abs=1e-7, nan_ok=True)
    twice = category_distance(2 * one, 2 * other)
    assert twice == pytest.approx(there, rel=1e-6, abs=1e-7, nan_ok=True)


def test_two_levels_are_a_special_case_of_several() -> None:
    two = category_distance(np.array([10, 30]), np.array([20, 20]))
    p, q = 0.75, 0.5
    assert two == pytest.approx((p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2))
    with_an_empty_level = category_distance(np.array([10, 0, 30]), np.array([20, 0, 20]))
    assert with_an_empty_level == pytest.approx(two)


def test_edges() -> None:
    same = np.array([3.0, 3.0])
    assert standardised_difference(same, same) == 0
    assert standardised_difference(same, same + 1) == -np.inf
    assert np.isnan(standardised_difference(same, np.array([1.0])))
    assert category_distance(np.array([4, 0]), np.array([0, 4])) == -np.inf
    assert category_distance(np.array([4, 0, 0]), np.array([0, 2, 2])) == np.inf
    assert category_distance(np.array([4]), np.array([3])) == 0
    assert np.isnan(category_distance(np.array([0, 0]), np.array([1, 2])))
    equal, more = np.full(3, 0.1), np.full(6, 0.1)  # whose means differ by rounding alone
    assert standardised_difference(equal, more) == 0
    assert np.isnan(welch(equal, more))
    assert standardised_difference(equal, more + 0.2) == -np.inf
    tiny = 1e-120 * np.array([1.0, 2.0, 4.0])
    assert welch(tiny, 2 * tiny) == pytest.approx(welch(1e120 * tiny, 2e120 * tiny))
    assert np.isnan(welch(same, same))
    assert np.isnan(welch(same, np.array([1.0])))


def test_the_frame_is_not_changed(people: pd.DataFrame) -> None:
    before = people.copy()
    found = table(people)
    copy = found.to_frame()
    copy["n"] = 0
    assert found.to_frame()["n"].sum() > 0
    pd.testing.assert_frame_equal(people, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variables": ["age", "age"]}, "variables: must be at least one column, each once"),
        ({"variables": []}, "variables: must be at least one column"),
        ({"variables": ["agee"]}, "Did you mean 'age'"),
        ({"control": "C"}, r"control: must be one of at least two arms.*Arms found: 'A', 'B'"),
        ({"kinds": {"sx": "mean"}}, "kinds: must be kinds of variables; got 'sx'"),
        ({"kinds": {"age": "average"}}, "'mean', 'median', 'share'"),
        ({"kinds": {"sex": "mean"}}, "must be a column of numbers"),
    ],
)
def test_bad_requests_are_refused(people: pd.DataFrame, change, message: str) -> None:
    options = {"arm": "arm", "control": "B", "variables": ["age", "sex"], **change}
    with pytest.raises(InputError, match=message):
        baseline_table(people, **options)


def test_bad_data_are_refused(people: pd.DataFrame) -> None:
    options = {"arm": "arm", "control": "B", "variables": ["age"]}
    with pytest.raises(InputError, match=r"arm: must be known .*row 0.*Leave out those"):
        baseline_table(people.assign(arm=people["arm"].mask(people.index == 0)), **options)
    with pytest.raises(InputError, match="variables: must be known for somebody; got 'age'"):
        baseline_table(people.assign(age=np.nan), **options)
    with pytest.raises(
        InputError, match=r"variables: must be finite \('age'\).*such as inf.*row 3"
    ):
        baseline_table(people.assign(age=people["age"].where(people.index != 3, np.inf)), **options)
    with pytest.raises(InputError, match="no arm called 'all'"):
        baseline_table(people.replace({"arm": {"A": "all"}}), **options)


def test_an_arm_without_values_is_shown_empty(people: pd.DataFrame) -> None:
    df = people.assign(age=people["age"].where(people["arm"] == "A"))
    df["sex"] = df["sex"].where(df["arm"] == "A")
    found = baseline_table(df, arm="arm", control="B", variables=["age", "sex"], tests=True)
    assert found.smd()[["smd", "p_value"]].isna().all(axis=None)
    printed = found.side_by_side()
    column = f"B (n={found.n_randomised['B']})"
    assert printed[column].tolist()[:1] == ["-"]
