"""Attrition: table, test, weights, and bounds; what they say, keep and refuse."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.trials.attrition import attrition_table, attrition_test
from evalkit.trials.attrition_bounds import lee_bounds, manski_bounds
from evalkit.trials.effect_measures import effect
from evalkit.trials.proportions import proportion_difference
from evalkit.trials.response_weighting import attrition_weights

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
TRIAL: dict[str, Any] = {"arm": "arm", "control": "CAU"}


@cache
def shipped() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "missing_trial.csv").set_index("id")


def rows() -> pd.DataFrame:
    return shipped().copy()


def small(treated: list[Any], control: list[Any]) -> pd.DataFrame:
    arms = ["ReDO"] * len(treated) + ["CAU"] * len(control)
    return pd.DataFrame({"arm": arms, "y": treated + control})


def test_table() -> None:
    table = attrition_table(rows(), outcome="y2", **TRIAL, covariates="x + site")
    frame = table.to_frame()
    assert frame["arm"].tolist() == ["ReDO", "CAU"]
    assert frame["n_missing"].tolist() == [25, 18]
    assert (frame["n_randomised"] == frame["n_observed"] + frame["n_missing"]).all()
    wanted = proportion_difference(25, 64, 18, 56, arm="ReDO", control="CAU").to_frame()
    pd.testing.assert_frame_equal(table.differences.to_frame(), wanted)
    base = table.baseline.set_index(["arm", "variable"])
    df = rows().query("arm == 'ReDO'")
    lost, seen = df.loc[df["y2"].isna(), "x"], df.loc[df["y2"].notna(), "x"]
    smd = (lost.mean() - seen.mean()) / np.sqrt((lost.var() + seen.var()) / 2)
    assert base.loc[("ReDO", "x"), "smd"] == pytest.approx(smd)
    assert "Difference of the shares, ReDO - CAU: 0.0692" in repr(table)
    assert "<table>" in table._repr_html_()


def test_table_with_nobody_lost_in_an_arm() -> None:
    table = attrition_table(
        small([1.0, 2, 3], [1.0, None, 3]).assign(x=[1, 2, 3, 4, 5, 6]),
        outcome="y", **TRIAL, covariates="x",
    )  # fmt: skip
    assert table.to_frame()["share_missing"].tolist() == [0, pytest.approx(1 / 3)]
    assert np.isnan(table.baseline["smd"]).all()
    assert np.isfinite(table.differences.to_frame()["conf_low"]).all()


def test_score_test_is_that_of_the_interval() -> None:
    test = attrition_test(rows(), outcome="y2", **TRIAL)
    wanted = proportion_difference(25, 64, 18, 56).to_frame()["p_value"].item()
    assert test.p_value == pytest.approx(wanted, rel=1e-10)


def test_test_of_three_arms() -> None:
    df = rows()
    df.loc[df.index[::4], "arm"] = "SE"
    test = attrition_test(df, outcome="y2", **TRIAL)
    assert test.df == 2
    with_x = attrition_test(df, outcome="y2", **TRIAL, covariates="x")
    assert isinstance(with_x.df, tuple)
    assert with_x.df[0] == 4


def test_weights_remove_the_bias_of_those_lost() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    df = pd.DataFrame({"arm": rng.choice(["ReDO", "CAU"], n), "long": rng.random(n) < 0.5})
    treated = df["arm"] == "ReDO"
    df["y"] = 10 - 4 * df["long"] + treated * (1 + 2 * df["long"]) + rng.normal(size=n)
    lost = rng.random(n) < np.where(df["long"], 0.6, 0.1)
    df.loc[lost, "y"] = np.nan
    weighted = attrition_weights(df, outcome="y", **TRIAL, response="long").to_frame()
    plain = effect(df, outcome="y", **TRIAL).to_frame()
    assert weighted["estimate"].item() == pytest.approx(2, abs=0.15)
    assert plain["estimate"].item() < 1.8
    # saturated: weighting is standardisation over the strata
    cells = df.groupby(["arm", "long"])["y"].mean().unstack()
    shares = df.groupby("arm")["long"].mean()
    means = {a: cells.loc[a, False] * (1 - s) + cells.loc[a, True] * s for a, s in shares.items()}
    assert weighted["estimate"].item() == pytest.approx(means["ReDO"] - means["CAU"], rel=1e-8)


def test_variances_of_weighted_effects() -> None:
    """The jackknife is on the safe side of the spread; weights taken as known cost more."""
    rng = np.random.default_rng(2)
    kinds = ("jackknife", "estimated", "known")
    found = []
    for _ in range(60):
        n = 120
        x = rng.normal(size=n)
        df = pd.DataFrame({"arm": np.repeat(["ReDO", "CAU"], n // 2), "x": x})
        df["y"] = 2 * x + rng.normal(size=n)
        df.loc[rng.random(n) < 1 / (1 + np.exp(1 - x)), "y"] = np.nan
        for variance in kinds:
            row = attrition_weights(df, outcome="y", **TRIAL, response="x", variance=variance)
            found.append(row.to_frame()[["estimate", "std_error"]].iloc[0].to_numpy(dtype=float))
    table = np.array(found).reshape(60, 3, 2)
    truth = table[:, 0, 0].std()
    error = dict(zip(kinds, table[:, :, 1].mean(axis=0), strict=True))
    assert error["estimated"] < error["jackknife"] < error["known"]
    assert error["jackknife"] == pytest.approx(truth, rel=0.25)


@pytest.mark.parametrize("clustered", [False, True])
def test_jackknife_is_that_of_refitting(clustered: bool) -> None:
    df = rows()
    more: dict[str, Any] = {"cluster": "g"} if clustered else {}
    options = TRIAL | {"outcome": "y2", "response": "x", "covariates": "site"}
    row = attrition_weights(df, **options, **more).to_frame().iloc[0]
    alone = pd.Series(1000 + np.arange(len(df)), index=df.index)
    units = df["g"].fillna(alone) if clustered else alone
    without = [
        attrition_weights(df[units != unit], **options, variance="known").to_frame()["estimate"][0]
        for unit in units.unique()
    ]
    n_units = len(without)
    wanted = np.sqrt(np.var(without) * (n_units - 1))
    # one Newton step in place of a new response model
    assert row["std_error"] == pytest.approx(wanted, rel=0.01)


def test_many_units_are_linearised() -> None:
    rng = np.random.default_rng(5)
    n = 2200
    df = pd.DataFrame({"arm": rng.choice(["ReDO", "CAU"], n), "x": rng.normal(size=n)})
    df["y"] = np.where(rng.random(n) < 0.7, df["x"] + rng.normal(size=n), np.nan)
    result = attrition_weights(df, outcome="y", **TRIAL, response="x")
    assert "linearised" in result.method
    linear = attrition_weights(df, outcome="y", **TRIAL, response="x", variance="estimated")
    pd.testing.assert_frame_equal(result.to_frame(), linear.to_frame())


def test_one_person_seen_in_an_arm_is_refused() -> None:
    df = small([1.0, None, None], [1.0, 2.0, None]).assign(x=[1, 2, 3, 1, 3, 2])
    with pytest.raises(InputError, match="seen for at least two persons in every arm; got 1"):
        attrition_weights(df, outcome="y", **TRIAL, response="x")


def test_weights_are_said_and_truncated() -> None:
    df = rows()
    result = attrition_weights(df, outcome="y2", **TRIAL, response="x", higher="better")
    assert "Analysed of randomised: ReDO 39 of 64, CAU 38 of 56" in repr(result)
    assert result.weights.index.equals(df.index)
    assert (result.weights["weight"] == 0).equals(df["y2"].isna())
    weight = result.weights["weight"]
    ess = {a: w.sum() ** 2 / (w**2).sum() for a, w in weight.groupby(df["arm"])}
    np.testing.assert_allclose(result.effective["effective_n"], [ess["ReDO"], ess["CAU"]])
    cut = attrition_weights(df, outcome="y2", **TRIAL, response="x", truncate=0.9)
    assert cut.weights["weight"].max() == pytest.approx(np.quantile(weight[weight > 0], 0.9))
    assert any("Weights truncated: 8" in note for note in cut.notes)


def test_rare_persons_are_pointed_out() -> None:
    rng = np.random.default_rng(3)
    n = 400
    df = pd.DataFrame({"arm": np.repeat(["ReDO", "CAU"], n // 2), "x": rng.normal(0, 2, n)})
    df["y"] = np.where(rng.random(n) < 1 / (1 + np.exp(2 * df["x"])), rng.normal(size=n), np.nan)
    result = attrition_weights(df, outcome="y", **TRIAL, response="x")
    assert any("probability of it below 0.05" in note for note in result.notes)


def test_separation_of_those_lost_is_named() -> None:
    df = rows()
    df.loc[(df["arm"] == "ReDO") & (df["x"] > 20), "y2"] = np.nan
    df.loc[(df["arm"] == "ReDO") & (df["x"] <= 20), "y2"] = 1.0
    with pytest.raises(InputError, match="lost in 'ReDO'; got separation by x"):
        attrition_weights(df, outcome="y2", **TRIAL, response="x")


def test_what_attrition_refuses() -> None:
    df = rows()
    with pytest.raises(InputError, match="outcome: must be missing for somebody"):
        attrition_test(df.dropna(subset="y2"), outcome="y2", **TRIAL)
    with pytest.raises(InputError, match=r"covariates: must be known for everybody.*missing y1"):
        attrition_table(df, outcome="y2", **TRIAL, covariates="y1")
    with pytest.raises(InputError, match="columns that do not determine each other in any arm"):
        attrition_test(df, outcome="y2", **TRIAL, covariates="x + I(2 * x)")
    with pytest.raises(InputError, match="response: must be columns that vary"):
        attrition_weights(df, outcome="y2", **TRIAL, response="x + I(2 * x)")
    with pytest.raises(InputError, match="truncate: must be a number strictly between 0 and 1"):
        attrition_weights(df, outcome="y2", **TRIAL, response="x", truncate=99)
    df.loc[df["arm"] == "ReDO", "y2"] = np.nan
    for call in (lee_bounds, attrition_table):
        with pytest.raises(InputError, match="missing for all 64 randomised to 'ReDO'"):
            call(df, outcome="y2", **TRIAL)


def test_lee_bounds_by_hand() -> None:
    """5 of 5 and 3 of 5 seen, with ties: 1 2 2 or 2 2 5 are kept of 1 2 2 2 5."""
    df = small([1, 2, 2, 2, 5], [0, 1, 2, None, None])
    result = lee_bounds(df, outcome="y", **TRIAL)
    frame = result.to_frame().set_index("term")
    assert frame.loc[["lower", "upper"], "estimate"].tolist() == pytest.approx([2 / 3, 2])
    low, high = frame.loc["effect", ["conf_low", "conf_high"]]
    assert frame.loc["lower", "conf_low"] < low < 2 / 3 < 2 < high < frame.loc["upper", "conf_high"]
    assert result.trimmed == {"ReDO - CAU": pytest.approx(0.4)}
    assert "40.0 % of those seen in ReDO trimmed" in result.notes[0]
    assert "principal stratum" in repr(result.attributes)
    assert "Analysed of randomised: ReDO 5 of 5, CAU 3 of 5" in repr(result)
    swapped = lee_bounds(df, outcome="y", arm="arm", control="ReDO").to_frame()["estimate"]
    assert swapped[:2].tolist() == pytest.approx([-2, -2 / 3])


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([2, 3]))
def test_lee_bounds_and_replication(seed: int, copies: int) -> None:
    df = rows().sample(50, random_state=seed)
    one = lee_bounds(df, outcome="whole", **TRIAL).to_frame()
    more = lee_bounds(pd.concat([df] * copies), outcome="whole", **TRIAL).to_frame()
    np.testing.assert_allclose(more["estimate"][:2], one["estimate"][:2], rtol=1e-10, atol=1e-12)
    ratio = (one["std_error"] / more["std_error"])[:2]
    np.testing.assert_allclose(ratio, np.sqrt(copies), rtol=1e-8)
    assert one["estimate"][0] <= one["estimate"][1] + 1e-12
    observed = df.groupby("arm")["whole"].mean()
    difference = observed["ReDO"] - observed["CAU"]
    assert one["estimate"][0] - 1e-12 <= difference <= one["estimate"][1] + 1e-12


def test_lee_bounds_in_clusters_and_for_several_arms() -> None:
    df = rows()
    alone = lee_bounds(df, outcome="y2", **TRIAL).to_frame()
    clustered = lee_bounds(df, outcome="y2", **TRIAL, cluster="g").to_frame()
    np.testing.assert_allclose(clustered["estimate"], alone["estimate"])
    assert (clustered["std_error"][:2] != alone["std_error"][:2]).all()
    df.loc[df.index[::4], "arm"] = "SE"
    frame = lee_bounds(df, outcome="y2", **TRIAL).to_frame()
    assert frame["contrast"].tolist() == ["ReDO - CAU"] * 3 + ["SE - CAU"] * 3


def test_strata_tighten_and_must_agree() -> None:
    df = rows()
    with pytest.raises(InputError, match="strata: must be strata in which the same arm"):
        lee_bounds(df, outcome="y2", **TRIAL, strata="site")
    df["alone"] = np.where(df.index == df.index[df["y2"].isna()][0], "one", "others")
    with pytest.raises(InputError, match=r"somebody seen in both arms; got 1 without \(at 'one'"):
        lee_bounds(df, outcome="y2", **TRIAL, strata="alone")
    df.loc[df.index[0], "site"] = None
    with pytest.raises(InputError, match="strata: must be known for everybody"):
        lee_bounds(df, outcome="y2", **TRIAL, strata="site")


def test_worst_case_bounds_by_hand() -> None:
    df = small([1, 1, 0, None], [0, 0, 1, None])
    result = manski_bounds(df, outcome="y", **TRIAL, lowest=0, highest=1)
    frame = result.to_frame().set_index("term")
    assert frame.loc[["lower", "upper"], "estimate"].tolist() == [0, 0.5]
    # lower: 1 1 0 0 against 0 0 1 1; upper: 1 1 1 0 against 0 0 1 0
    assert frame.loc["lower", "std_error"] == pytest.approx(np.sqrt(2 * 0.25 / 4))
    assert frame.loc["upper", "std_error"] == pytest.approx(np.sqrt(2 * 0.1875 / 4))
    assert "Missing outcomes set to 0 or 1: ReDO 1 of 4, CAU 1 of 4." in result.notes


def test_worst_case_bounds_are_as_far_apart_as_shares_missing() -> None:
    df = rows()
    frame = manski_bounds(df, outcome="y2", **TRIAL, lowest=0, highest=40, cluster="g").to_frame()
    lower, upper = frame["estimate"][:2]
    missing = df["y2"].isna().groupby(df["arm"]).mean().sum()
    assert upper - lower == pytest.approx(40 * missing)
    lee = lee_bounds(df, outcome="y2", **TRIAL).to_frame()["estimate"]
    assert lower < lee[0] < lee[1] < upper


def test_worst_case_bounds_need_a_scale() -> None:
    df = rows()
    with pytest.raises(InputError, match=r"outcome: must be between lowest \(0\) and highest"):
        manski_bounds(df, outcome="y2", **TRIAL, lowest=0, highest=20)
    with pytest.raises(InputError, match="lowest: must be finite and below highest"):
        manski_bounds(df, outcome="y2", **TRIAL, lowest=1, highest=0)


@pytest.mark.parametrize("call", [lee_bounds, attrition_weights, manski_bounds])
def test_row_order_and_units(call: Any) -> None:
    df = rows()
    more: dict[str, Any] = {"response": "x"} if call is attrition_weights else {}
    scales = ({"lowest": 0, "highest": 40}, {"lowest": 5, "highest": 85})
    first, second = scales if call is manski_bounds else ({}, {})
    plain = call(df, outcome="y2", **TRIAL, **more, **first).to_frame()
    mixed = call(df.sample(frac=1, random_state=1), outcome="y2", **TRIAL, **more, **first)
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_allclose(mixed.to_frame()[columns], plain[columns], rtol=1e-9)
    scaled = call(df.assign(y2=5 + 2 * df["y2"]), outcome="y2", **TRIAL, **more, **second)
    np.testing.assert_allclose(scaled.to_frame()[columns], 2 * plain[columns], rtol=1e-8)


def test_bounds_do_not_depend_on_how_strata_share_out_the_arms() -> None:
    """A stratum counts by its always seen, not by those of them who went to one arm."""
    first = small([0, 2, None, None], [1, 3, None, None])
    second = small([10, 12, 14, 16], [5, 7, 9, 11])
    even = pd.concat([first.assign(s=0), second.assign(s=1)], ignore_index=True)
    more = pd.concat([first, small([0, 2, None, None] * 3, [])], ignore_index=True)
    less = pd.concat([second, small([], [5, 7, 9, 11] * 3)], ignore_index=True)
    uneven = pd.concat([more.assign(s=0), less.assign(s=1)], ignore_index=True)
    for df in (even, uneven):
        frame = lee_bounds(df, outcome="y", **TRIAL, strata="s").to_frame()
        # Differences -1 and 5; half of the first stratum and all of the second are always seen.
        np.testing.assert_allclose(frame["estimate"][:2], [3, 3])


@pytest.mark.parametrize("call", [lee_bounds, manski_bounds])
def test_one_person_of_an_arm_gives_no_interval(call: Any) -> None:
    scale = {"lowest": 0, "highest": 9} if call is manski_bounds else {}
    with pytest.raises(InputError, match="at least two persons in every arm; got 1 in 'ReDO'"):
        call(small([1, None], [1, 2, 3]), outcome="y", **TRIAL, **scale)


def test_equal_outcomes_show_no_precision() -> None:
    df = rows().assign(y2=lambda d: d["y2"] * 0 + 5.1)
    for variance in ("jackknife", "estimated", "known"):
        result = attrition_weights(df, outcome="y2", **TRIAL, response="x", variance=variance)
        row = result.to_frame().iloc[0]
        assert row["estimate"] == row["std_error"] == 0
        assert np.isnan(row["p_value"])
    lee = lee_bounds(df, outcome="y2", **TRIAL).to_frame()["estimate"][:2]
    assert not np.signbit(lee).any()


def test_what_only_one_person_tells_of_can_be_left_out() -> None:
    """Without that person the covariate is a constant, and drops out."""
    df = rows()
    person = df.index[df["y2"].notna()][3]
    df["only"] = (df.index == person).astype(float)
    options: dict[str, Any] = {"outcome": "y2", **TRIAL, "response": "x"}
    with_it = attrition_weights(df, **options, covariates="only").to_frame().iloc[0]
    scaled = df.assign(only=1e6 * df["only"] + 3)
    again = attrition_weights(scaled, **options, covariates="only").to_frame().iloc[0]
    assert again["std_error"] == pytest.approx(with_it["std_error"], rel=1e-6)
    without = attrition_weights(df, **options).to_frame().iloc[0]
    assert with_it["std_error"] == pytest.approx(without["std_error"], rel=0.1)


def test_what_attrition_refuses_is_named() -> None:
    df = rows()
    df.loc[df.index[0], "x"] = np.nan
    with pytest.raises(InputError, match="response: must be known for everybody"):
        attrition_weights(df, outcome="y2", **TRIAL, response="x")
    for lowest in ("low", None, np.nan):
        with pytest.raises(InputError, match="lowest: must be finite and below highest"):
            manski_bounds(df, outcome="y2", **TRIAL, lowest=lowest, highest=40)
    df = rows()
    df.loc[df.index[::4], "arm"] = "SE"
    whole = df["arm"] != "SE"
    df.loc[whole, "y2"] = df.loc[whole, "y2"].fillna(20.0)
    with pytest.raises(InputError, match="got all of 'CAU' seen, all of 'ReDO' seen"):
        attrition_test(df, outcome="y2", **TRIAL, covariates="x")
