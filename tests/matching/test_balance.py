"""Balance tables: against MatchIt's summaries, by hand, by properties, and what they refuse."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.balance import balance_columns, effective_size
from evalkit.matching.balance_table import balance, sample_balance
from evalkit.matching.treatment_sample import treatment_sample
from evalkit.plots.balance import quantile_plot
from evalkit.typing import FloatArray

FOLDER = Path(__file__).parents[1] / "reference" / "matching"
ROWS = pd.read_csv(FOLDER / "balance_rows.csv", dtype={"id": str}).set_index("id")
EXPECTED = pd.read_csv(FOLDER / "balance_expected.csv")
VARIABLES = ["age", "educ", "race", "married", "nodegree", "re74", "re75"]
CASES = {"cem": "ATT", "exact_ate": "ATE", "exact_atc": "ATC", "nearest": "ATT", "surveyed": "ATT"}
MEASURES = ["mean_treated", "mean_control", "smd", "variance_ratio", "ecdf_mean", "ecdf_max"]


@pytest.mark.parametrize("sample", ["all", "matched"])
@pytest.mark.parametrize("case", sorted(CASES))
def test_tables_equal_those_of_matchit(case: str, sample: str):
    survey = "s" if case == "surveyed" else None
    weights = ROWS[f"w_{case}"] * (ROWS["s"] if survey else 1.0)
    found = balance(
        ROWS, treatment="treat", variables=VARIABLES, weights=weights,
        estimand=CASES[case], survey_weights=survey,  # pyright: ignore[reportArgumentType]
    ).to_frame()  # fmt: skip
    found.index = pd.Index(found["variable"] + found["level"])
    wanted = EXPECTED[(EXPECTED["case"] == case) & (EXPECTED["sample"] == sample)]
    wanted = wanted.set_index("name")
    ending = "" if sample == "all" else "_adjusted"
    assert set(wanted.index) == set(found.index)
    for measure in MEASURES:
        np.testing.assert_allclose(
            found.loc[wanted.index, measure + ending].to_numpy(),
            wanted[measure].to_numpy(dtype=float),
            rtol=1e-10,
            atol=1e-14,
            err_msg=measure,
        )


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amia": [1, 1, 1, 0, 0, 0, 0],
            "age": [50.0, 54, 46, 30, 44, 52, 62],
            "sex": ["k", "k", "m", "m", "m", "k", None],
            "score": [0.5, 0.25, 0.75, 0.125, 0.5, 0.625, 0.5],
            "w": [1.0, 1, 1, 0, 1, 1, 0],
        }
    )


def test_by_hand():
    # Treated ages 50, 54, 46: mean 50, SD 4. Controls 30, 44, 52, 62: mean 47; of 44 and 52: 48,
    # variance 32, so the ratio is 16/32. F1 - F0 at 30, 44, 46, 50, 52, 54, 62: -1/4, -1/2, -1/6,
    # 1/6, -1/12, 1/4, 0.
    table = balance(people(), treatment="amia", variables="age", weights="w")
    row = table.to_frame().iloc[0]
    assert row["smd"] == pytest.approx(3 / 4)
    assert row["smd_adjusted"] == pytest.approx(1 / 2)
    assert row["variance_ratio_adjusted"] == pytest.approx(1 / 2)
    assert row["ecdf_max"] == pytest.approx(1 / 2)
    assert row["ecdf_mean"] == pytest.approx((3 + 6 + 2 + 2 + 1 + 3) / 12 / 7)
    assert table.largest == pytest.approx(1 / 2)
    sizes = table.sizes.set_index("group")
    assert list(sizes.loc["0", ["n", "ess", "n_adjusted", "ess_adjusted"]]) == [4, 4, 2, 2]


def test_rows_with_missing_covariates_are_counted():
    table = balance(people(), treatment="amia", variables=["age", "sex"])
    assert table.n_used == 6
    assert dict(table.n_dropped) == {"missing sex": 1}
    assert table.to_frame()["level"].tolist() == ["", "k", "m"]
    assert "n: 6 used, 1 dropped (missing sex: 1)" in repr(table)
    assert "ess_adjusted" not in table.sizes


def test_squares_and_interactions_are_those_of_the_columns():
    df = people().dropna()
    made = df.assign(**{
        "age^2": df["age"] ** 2,
        "score^2": df["score"] ** 2,
        "age * sex=k": df["age"] * (df["sex"] == "k"),
        "age * sex=m": df["age"] * (df["sex"] == "m"),
        "age * score": df["age"] * df["score"],
        "sex=k * score": (df["sex"] == "k") * df["score"],
        "sex=m * score": (df["sex"] == "m") * df["score"],
    })  # fmt: skip
    names = ["age", "sex", "score"]
    found = balance(df, treatment="amia", variables=names, squares=True, interactions=True)
    by_hand = balance(made, treatment="amia", variables=[*names, *made.columns[5:]])
    pd.testing.assert_frame_equal(found.to_frame(), by_hand.to_frame())


def test_a_formula_shows_its_variables_every_level_and_what_it_computes():
    df = people().assign(region=[1, 2, 3, 1, 2, 3, 1])
    sample = treatment_sample("amia ~ np.log(age) + C(region) + age:score", df)
    table = sample_balance(sample, None, estimand="ATE", adjusted="", distance=sample.matrix[:, 0])
    shown = table.to_frame()
    assert shown["variable"].tolist() == [
        "distance", "age", "region", "region", "region", "score", "np.log(age)", "age:score",
    ]  # fmt: skip
    assert shown["level"].tolist() == ["", "", "1", "2", "3", "", "", ""]


def test_several_groups_are_compared_in_pairs():
    df = people().assign(amia=["A", "A", "B", "B", "C", "C", "C"])
    table = balance(df, treatment="amia", variables="age")
    assert table.estimand == "ATE"
    shown = table.to_frame()
    assert shown["contrast"].tolist() == ["B - A", "C - A", "C - B"]
    assert shown["mean_treated"].tolist() == [38, pytest.approx(158 / 3), pytest.approx(158 / 3)]
    # Variances 8, 128 and 244 / 3.
    assert shown["smd"][0] == pytest.approx((38 - 52) / np.sqrt((8 + 128) / 2))
    with pytest.raises(InputError, match="'ATE' or 'ATO' with more than two groups"):
        balance(df, treatment="amia", variables="age", estimand="ATT")
    sample = treatment_sample("amia ~ age", df, several=True)
    of_c = sample_balance(sample, None, estimand="ATT", adjusted="", focal=2)
    np.testing.assert_allclose(
        of_c.to_frame()["smd"], [(38 - 52) / np.sqrt(244 / 3), *(
            (158 / 3 - mean) / np.sqrt(244 / 3) for mean in (52, 38)
        )]
    )  # fmt: skip
    assert "difference of means / SD in C, before" in repr(of_c)


def test_no_spread_gives_no_standardised_difference_and_says_so():
    df = people().assign(age=[50.0, 50, 50, 40, 41, 42, 43])
    table = balance(df, treatment="amia", variables=["age", "score"])
    assert np.isnan(table.to_frame()["smd"][0])
    assert table.notes == ("No standardised difference of age: its standard deviation is 0.",)
    assert table.beyond()["variable"].tolist()[0] == "age"


def test_one_person_in_a_group_has_no_variance():
    df = people().iloc[[0, 3, 4]]
    row = balance(df, treatment="amia", variables="score", estimand="ATC").to_frame().iloc[0]
    assert np.isnan(row["variance_ratio"])
    alone = balance(df, treatment="amia", variables="score")
    assert alone.notes == (
        "No standardised difference of score: its standard deviation is 0, or one person's.",
    )
    assert row["smd"] == pytest.approx((0.5 - 0.3125) / np.sqrt(2 * 0.1875**2))


@pytest.mark.parametrize("far", [1e9, 0.5])
def test_counting_and_sorting_agree_far_from_zero(far: float):
    rng = np.random.default_rng(3)
    x: FloatArray = np.floor(9 * rng.random(400))
    treated = rng.random(400) < 0.3
    w = rng.random(400)
    here = balance_columns([x], treated, [w])
    # Numbers that are not whole, or lie far apart, take the path that sorts.
    there = balance_columns([far + x * 0.25], treated, [w])
    np.testing.assert_allclose(there.var1, here.var1 / 16, rtol=1e-9)
    np.testing.assert_allclose(there.ecdf_mean, here.ecdf_mean, rtol=1e-10)
    np.testing.assert_allclose(there.ecdf_max, here.ecdf_max, rtol=1e-10)


@pytest.mark.parametrize("far", [0.0, -3.0, 1e9, -1e15])
def test_numbers_are_ordered_whatever_their_sign_and_last_digits(far: float):
    rng = np.random.default_rng(8)
    x = far + rng.normal(size=3000) * np.where(rng.random(3000) < 0.5, 1e-6, 1.0)
    treated = rng.random(3000) < 0.3
    found = balance_columns([x], treated, [np.ones(3000)])
    at = np.unique(x)
    steps = (np.searchsorted(np.sort(part), at, side="right") / len(part)
             for part in (x[treated], x[~treated]))  # fmt: skip
    distance = np.abs(np.subtract(*steps))
    assert found.ecdf_max.item() == pytest.approx(distance.max(), rel=1e-12)
    assert found.ecdf_mean.item() == pytest.approx(distance.mean(), rel=1e-12)


def test_the_threads_change_nothing(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(5)
    matrix: FloatArray = rng.normal(size=(300, 3))
    matrix[:, 1] = rng.random(300) < 0.5
    treated = rng.random(300) < 0.4
    alone = balance_columns(list(matrix.T), treated, [np.ones(300)])
    monkeypatch.setattr("evalkit.kernels.balance._PARALLEL", 10)
    together = balance_columns(list(matrix.T), treated, [np.ones(300)])
    np.testing.assert_array_equal(alone.ecdf_mean, together.ecdf_mean)
    np.testing.assert_array_equal(alone.var0, together.var0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_order_units_and_weights_as_repetitions(data: st.DataObject):
    n = data.draw(st.integers(4, 25))
    x = np.array(data.draw(st.lists(st.integers(-30, 30), min_size=n, max_size=n)), dtype=float)
    counts = np.array(data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)))
    treated = np.arange(n) % 2 == 0
    df = pd.DataFrame({"t": treated, "x": x + 0.5, "w": counts.astype(float)})
    base = balance(df, treatment="t", variables="x", weights="w").to_frame().iloc[0]
    order = np.array(data.draw(st.permutations(range(n))))
    mixed = balance(df.iloc[order], treatment="t", variables="x", weights="w").to_frame().iloc[0]
    np.testing.assert_allclose(
        mixed.drop(["variable", "level", "contrast"]).astype(float),
        base.drop(["variable", "level", "contrast"]).astype(float), rtol=1e-9, atol=1e-12,
    )  # fmt: skip
    scaled = df.assign(x=1000 * df["x"])
    unit = balance(scaled, treatment="t", variables="x", weights="w").to_frame().iloc[0]
    for same in ("smd", "smd_adjusted", "variance_ratio_adjusted", "ecdf_mean_adjusted"):
        assert unit[same] == pytest.approx(base[same], nan_ok=True, rel=1e-9, abs=1e-12)
    repeated = df.loc[df.index.repeat(counts)].reset_index(drop=True)
    again = balance(repeated, treatment="t", variables="x").to_frame().iloc[0]
    for same in ("mean_treated", "mean_control", "ecdf_mean", "ecdf_max"):
        assert again[same] == pytest.approx(base[f"{same}_adjusted"], abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"variables": []}, "variables: must be at least one column"),
        ({"variables": ["amia"]}, "and not the treatment; got 'amia'"),
        ({"variables": 5}, "variables: must be the name of a column, or several; got 5"),
        ({"variables": ["day"]}, "variables: must be a column of numbers.*subtract dates"),
        ({"treatment": ["amia"]}, r"treatment: must be the name of a column; got \['amia'\]"),
        ({"weights": ["a"] * 7}, "weights: must be a column of numbers"),
        ({"weights": pd.Series(["a"] * 7)}, "weights: must be a column of numbers"),
        ({"weights": pd.Series([1.0, None] * 4, dtype="Float64")}, "finite and at least 0.*row 1"),
        ({"survey_weights": "ww"}, "survey_weights: must be a column of df; got 'ww'"),
        ({"survey_weights": "score", "weights": "x"}, "weights: must be a column"),
        ({"threshold": "a"}, "threshold: must be a positive number"),
        ({"variables": ["far"]}, r"variables: must be finite \('far'\).*row 2"),
        ({"variables": ["agee"]}, "Did you mean 'age'"),
        ({"weights": "x"}, "weights: must be"),
        ({"weights": [1.0, 2.0]}, r"7 numbers in the rows' order; got an array of shape \(2,\)"),
        ({"weights": pd.Series([1.0], index=[3])}, r"got none for 6 rows.*reindex"),
        ({"weights": [1, 1, 1, 0, 0, 0, 0]}, "positive for somebody in every group.*zeros in 0"),
        ({"weights": [1, 1, 1, 1, -1, 0, 0]}, "finite and at least 0.*row 4"),
        ({"estimand": "LATE"}, "estimand"),
        ({"threshold": 0}, "threshold: must be a positive number"),
    ],
)
def test_bad_input_is_refused(call: dict[str, object], message: str):
    arguments: dict[str, object] = {"treatment": "amia", "variables": ["age"], **call}
    df = people().assign(far=[1, 2, np.inf, 4, 5, 6, 7.0], day=pd.Timestamp("2012-01-01"))
    with pytest.raises(InputError, match=message):
        balance(df, **arguments)  # pyright: ignore[reportArgumentType]


def test_printed_and_pickled():
    table = balance(ROWS, treatment="treat", variables=VARIABLES, weights=ROWS["w_nearest"])
    lines = repr(table).splitlines()
    assert len(lines) <= 15
    assert lines[1] == "1: 185 -> 185 (ESS 185.0); 0: 429 -> 185 (ESS 185.0)"
    assert "race" in lines[5]
    assert "<table>" in table._repr_html_()
    again = pickle.loads(pickle.dumps(table))
    pd.testing.assert_frame_equal(again.to_frame(), table.to_frame())


def test_the_love_plot_shows_both_sets_in_order():
    table = balance(ROWS, treatment="treat", variables=VARIABLES, weights=ROWS["w_nearest"])
    axes = table.plot(names={"age": "Ålder"}, lang="en")
    before, after = (np.asarray(line.get_xdata(), dtype=np.float64) for line in axes.lines[:2])
    assert (np.diff(before) <= 0).all()
    assert not any(line.get_clip_on() for line in axes.lines[:2])  # a point at 0 is drawn whole
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "race: white"
    place = labels.index("Ålder")
    frame = table.to_frame()
    adjusted = frame["smd_adjusted"].abs()[frame["variable"] == "age"]
    assert after[place] == pytest.approx(adjusted.item())


def test_long_labels_are_broken_not_cut_alike():
    names = [f"days of sickness benefit in the year {year} before the programme" for year in (1, 2)]
    df = people().rename(columns={"age": names[0], "score": names[1]})
    axes = balance(df, treatment="amia", variables=names).plot()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert {text.replace("\n", " ") for text in labels} == set(names)
    assert max(len(line) for text in labels for line in text.split("\n")) <= 46


def test_the_love_plot_is_told_in_words():
    table = balance(people(), treatment="amia", variables=["age", "score"], weights="w")
    assert table.alt_text(names={"age": "Ålder"}) == (
        "Standardiserade skillnader, absoluta värden; 2 av 2 över 0,1. "
        "Ålder: från 0,75 till 0,50; score: från 0,25 till 0,25."
    )
    plain = balance(people(), treatment="amia", variables="age", threshold=0.25)
    assert plain.alt_text(lang="en").endswith("1 of 1 above 0.25. age: 0.75.")


def test_weights_of_an_index_that_repeats_labels():
    df = people().set_axis([k % 3 for k in range(len(people()))])
    call = {"treatment": "amia", "variables": ["age", "score"]}
    table = balance(df, **call, weights=df["w"]).to_frame()  # pyright: ignore[reportArgumentType]
    plain = balance(people(), **call, weights="w").to_frame()  # pyright: ignore[reportArgumentType]
    pd.testing.assert_frame_equal(table, plain)
    with pytest.raises(InputError, match="repeated labels"):
        balance(df, **call, weights=df["w"][::-1])  # pyright: ignore[reportArgumentType]


def test_quantiles_are_weighted_in_both_groups():
    values, ones = np.arange(10.0), np.ones(10)
    high: FloatArray = (values > 6).astype(np.float64)
    axes = quantile_plot(values, values, label="x", groups=("a", "b"), treated_weights=high)
    line = axes.lines[1]
    assert set(np.asarray(line.get_ydata()).tolist()) == {7.0, 8.0, 9.0}
    assert len(set(np.asarray(line.get_xdata()).tolist())) == 10
    with pytest.raises(InputError, match="somebody in each group"):
        quantile_plot(values, values, label="x", groups=("a", "b"), control_weights=0 * ones)


def test_effective_size():
    assert effective_size(np.array([1.0, 1, 2])) == pytest.approx(16 / 6)
    assert effective_size(np.zeros(3)) == 0.0
