"""Effects on ordinal, count and time outcomes: traps, identities, and what must not change them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.kernels.probabilistic_index import placements
from evalkit.trials.effect_measures import effect
from evalkit.trials.trial_sample import TrialWarning

NUMBERS = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
OUTCOMES = {
    "proportional_odds": "health",
    "probabilistic_index": "health",
    "win_ratio": "health",
    "rate_ratio": "spells",
    "hazard_ratio": "days",
    "rmst_difference": "days",
}


def made(seed: int = 1, n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2)
    age = rng.normal(45, 9, n)
    days = np.ceil(rng.exponential(150 * np.exp(-0.4 * arm)))
    years = rng.uniform(0.5, 2, n)
    return pd.DataFrame(
        {
            "arm": np.where(arm == 1, "ReDO", "kontroll"),
            "health": np.clip(np.floor(3 + rng.logistic(size=n) + 0.5 * arm), 1, 5),
            "spells": rng.poisson(years * np.exp(0.5 - 0.3 * arm)),
            "years": years,
            "days": np.minimum(days, 365),
            "back": (days <= 365).astype(int),
            "age": age,
            "region": rng.choice(["a", "b"], n),
            "group": np.where(arm == 1, np.arange(n) % 8, np.nan),
            "copies": rng.integers(1, 4, n),
        }
    )


def of(df: pd.DataFrame, measure: str, **options: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"outcome": OUTCOMES[measure], "arm": "arm", "control": "kontroll"}
    if OUTCOMES[measure] == "days":
        settings["event"] = "back"
    if measure == "rmst_difference":
        settings["tau"] = 200
    return effect(df, measure=measure, **{**settings, **options}).to_frame()  # pyright: ignore[reportArgumentType]


WAYS: list[tuple[str, dict[str, Any]]] = [
    ("proportional_odds", {}),
    ("proportional_odds", {"covariates": "age", "adjustment": "ancova", "strata": "region"}),
    ("proportional_odds", {"cluster": "group"}),
    ("probabilistic_index", {}),
    ("probabilistic_index", {"strata": "region"}),
    ("probabilistic_index", {"cluster": "group"}),
    ("win_ratio", {}),
    ("win_ratio", {"strata": "region", "cluster": "group"}),
    ("rate_ratio", {"exposure": "years"}),
    ("rate_ratio", {"exposure": "years", "covariates": "age", "adjustment": "ancova"}),
    ("rate_ratio", {"covariates": "age", "adjustment": "standardised"}),
    ("rate_ratio", {"exposure": "years", "cluster": "group"}),
    ("rate_ratio", {"exposure": "years", "vcov": "exact"}),
    ("hazard_ratio", {}),
    ("hazard_ratio", {"strata": "region", "cluster": "group"}),
    ("hazard_ratio", {"covariates": "age", "adjustment": "ancova", "vcov": "HC0"}),
    ("rmst_difference", {}),
    ("rmst_difference", {"strata": "region"}),
    ("rmst_difference", {"cluster": "group"}),
]
each_way = pytest.mark.parametrize(
    ("measure", "options"), WAYS, ids=[f"{m}-{'-'.join(o) or 'plain'}" for m, o in WAYS]
)


@each_way
def test_exchanging_the_arms_turns_the_sign(measure: str, options: dict[str, Any]) -> None:
    df = made()
    one = of(df, measure, **options).iloc[0]
    other = of(df, measure, **options, control="ReDO").iloc[0]
    if measure == "rmst_difference":
        turned = -other["estimate"]
    else:
        turned = (
            1 - other["estimate"] if measure == "probabilistic_index" else 1 / other["estimate"]
        )
    np.testing.assert_allclose(one["estimate"], turned, rtol=1e-6)
    np.testing.assert_allclose(one["p_value"], other["p_value"], rtol=1e-6)
    assert one["conf_low"] <= one["estimate"] <= one["conf_high"]


@each_way
def test_order_of_rows_and_units_do_not_matter(measure: str, options: dict[str, Any]) -> None:
    df = made()
    moved = df.sample(frac=1, random_state=3).assign(
        region=lambda d: d["region"].map({"a": "z", "b": "y"}),
        age=lambda d: 12 * d["age"] - 500,
        years=lambda d: d["years"] * 365.25,
        health=lambda d: d["health"] ** 2,
    )
    np.testing.assert_allclose(
        of(moved, measure, **options)[NUMBERS].to_numpy(dtype=float),
        of(df, measure, **options)[NUMBERS].to_numpy(dtype=float),
        rtol=1e-6,
        atol=1e-12,
    )


# not the hazard ratio: with Efron's ties two rows are tied, and one of weight 2 is not
@pytest.mark.parametrize(("measure", "options"), [way for way in WAYS if way[0] != "hazard_ratio"])
def test_a_weight_of_two_is_two_rows(measure: str, options: dict[str, Any]) -> None:
    df = made()
    if "cluster" in options:
        df = df.assign(group=lambda d: d["group"].fillna(100 + pd.Series(d.index, d.index)))
    twice = df.loc[df.index.repeat(df["copies"])]
    np.testing.assert_allclose(
        of(df, measure, weights="copies", **options)[NUMBERS].to_numpy(dtype=float),
        of(twice, measure, **options)[NUMBERS].to_numpy(dtype=float),
        rtol=1e-6,
    )


def test_the_probabilistic_index_is_brunner_and_munzel() -> None:
    df = made()
    one, zero = (df.loc[df["arm"] == a, "health"] for a in ("ReDO", "kontroll"))
    row = of(df, "probabilistic_index").iloc[0]
    peer = stats.brunnermunzel(zero, one)
    np.testing.assert_allclose([row["statistic"], row["p_value"]], [peer.statistic, peer.pvalue])
    u = stats.mannwhitneyu(one, zero).statistic
    assert row["estimate"] == pytest.approx(u / len(one) / len(zero))
    assert row["wins"] + row["ties"] + row["losses"] == pytest.approx(1)


def test_influence_gives_the_plain_variance_of_singletons() -> None:
    df = made().assign(person=range(80))
    for measure in ("probabilistic_index", "win_ratio"):
        np.testing.assert_allclose(
            of(df, measure, cluster="person")[NUMBERS], of(df, measure)[NUMBERS], rtol=1e-10
        )


def test_placements_of_larger_data_by_brute_force() -> None:
    rng = np.random.default_rng(5)
    y, arm = rng.integers(0, 6, 60).astype(float), rng.uniform(size=60) < 0.4
    found = placements(y, arm)
    assert found.wins == pytest.approx((y[arm][:, None] > y[~arm]).mean())
    assert found.losses == pytest.approx((y[arm][:, None] < y[~arm]).mean())
    assert found.influence[arm].sum() == pytest.approx(0, abs=1e-12)


def test_ordered_categories_keep_their_order() -> None:
    df = made()
    words = {1: "poor", 2: "fair", 3: "good", 4: "very good", 5: "excellent"}
    named = df.assign(
        health=pd.Categorical(df["health"].map(words), list(words.values()), ordered=True)
    )
    for measure in ("proportional_odds", "win_ratio"):
        np.testing.assert_allclose(of(named, measure)[NUMBERS], of(df, measure)[NUMBERS])


def test_a_weight_of_zero_is_no_row() -> None:
    df = made()
    df.loc[0, "health"] = 9
    for measure in ("proportional_odds", "win_ratio", "hazard_ratio"):
        weighted = of(df.assign(w=(df.index > 0) * 1.0), measure, weights="w")
        np.testing.assert_allclose(weighted[NUMBERS], of(df.iloc[1:], measure)[NUMBERS], rtol=1e-6)


def test_arms_that_do_not_overlap() -> None:
    df = made().assign(health=lambda d: np.where(d["arm"] == "ReDO", 5, d["health"].clip(upper=4)))
    with pytest.raises(InputError, match="the odds ratio is infinite"):
        of(df, "proportional_odds")
    with pytest.warns(TrialWarning, match="the arm loses no pair"):
        assert of(df, "win_ratio")["estimate"].item() == np.inf
    with pytest.warns(TrialWarning, match="do not overlap"):
        assert of(df, "probabilistic_index")["estimate"].item() == 1


def test_a_stratum_with_one_person_of_an_arm_has_no_variance() -> None:
    df = made()
    df.loc[df.index[:4], "region"] = "far"
    df.loc[df.index[:4], "arm"] = ["ReDO", "kontroll", "kontroll", "kontroll"]
    with pytest.warns(TrialWarning, match="combine strata"):
        row = of(df, "probabilistic_index", strata="region").iloc[0]
    assert np.isfinite(row["estimate"])
    assert np.isnan(row["conf_low"])


def test_counts_without_events() -> None:
    df = made().assign(spells=lambda d: np.where(d["arm"] == "ReDO", 0, d["spells"]))
    with pytest.raises(InputError, match="spells = 0 for all 40 in 'ReDO'"):
        of(df, "rate_ratio")
    row = of(df, "rate_ratio", vcov="exact").iloc[0]
    assert (row["estimate"], row["conf_low"]) == (0, 0)
    assert 0 < row["conf_high"] < 1
    nobody = df.assign(spells=0)
    with pytest.warns(TrialWarning, match="any ratio is possible"):
        row = of(nobody, "rate_ratio", vcov="mid-p").iloc[0]
    assert (row["conf_low"], row["conf_high"]) == (0, np.inf)


def test_a_rate_ratio_is_the_ratio_of_rates() -> None:
    row = of(made(), "rate_ratio", exposure="years").iloc[0]
    assert row["estimate"] == pytest.approx(row["rate"] / row["rate_control"])
    sums = made().groupby("arm")[["spells", "years"]].sum()
    assert row["rate"] == pytest.approx(sums.loc["ReDO", "spells"] / sums.loc["ReDO", "years"])


def test_no_events_in_an_arm() -> None:
    df = made().assign(back=lambda d: np.where(d["arm"] == "ReDO", 0, d["back"]))
    with pytest.raises(InputError, match="no event among 40 in 'ReDO'"):
        of(df, "hazard_ratio")
    assert of(df, "rmst_difference")["mean"].item() == 200
    with pytest.raises(InputError, match="tau: must be within the follow-up"):
        of(df.assign(days=df["days"].clip(upper=100)), "rmst_difference")


@pytest.mark.parametrize(
    ("measure", "options", "message"),
    [
        ("rmst_difference", {"tau": None}, "tau: must be the positive time"),
        ("rmst_difference", {"covariates": "age", "adjustment": "ancova"}, "adjustment: must be"),
        ("hazard_ratio", {"covariates": "age", "adjustment": "lin"}, "adjustment: must be one of"),
        ("hazard_ratio", {"event": "age"}, "event: must be 0 or 1"),
        ("hazard_ratio", {"vcov": "CR2", "cluster": "group"}, "vcov: must be one of 'CR1'"),
        ("win_ratio", {"covariates": "age", "adjustment": "ancova"}, "Make strata"),
        (
            "proportional_odds",
            {"covariates": "age + older", "adjustment": "ancova"},
            "that they do",
        ),
        ("rate_ratio", {"exposure": "gone"}, "exposure: must be positive"),
        (
            "rate_ratio",
            {"exposure": "years", "covariates": "age", "adjustment": "standardised"},
            "exposure: must be None",
        ),
        ("rate_ratio", {"covariates": "age", "adjustment": "ancova", "vcov": "exact"}, "vcov"),
        ("probabilistic_index", {"outcome": "same"}, "at least two levels"),
    ],
)
def test_what_does_not_go_together_is_refused(
    measure: str, options: dict[str, Any], message: str
) -> None:
    df = made().assign(older=lambda d: d["age"] + 1, gone=0.0, same=3)
    with pytest.raises(InputError, match=message):
        of(df, measure, **options)


def test_one_cluster_in_an_arm_is_refused() -> None:
    df = made().assign(group=lambda d: np.where(d["arm"] == "ReDO", 1.0, np.nan))
    for measure in OUTCOMES:
        with pytest.raises(InputError, match=r"one in 'ReDO'.*not identified"):
            of(df, measure, cluster="group")


def test_several_arms() -> None:
    df = made(n=120)
    df.loc[df.index[:40], "arm"] = "halv"
    for measure in ("probabilistic_index", "rate_ratio", "hazard_ratio", "rmst_difference"):
        table = of(df, measure)
        assert table["contrast"].to_list() == ["ReDO - kontroll", "halv - kontroll"]
        if measure != "hazard_ratio":  # other arms are in the risk sets of ties only
            pair = of(df[df["arm"] != "halv"], measure)
            np.testing.assert_allclose(table.loc[0, "estimate"], pair.loc[0, "estimate"])


def test_the_print_out_names_estimand_and_method() -> None:
    text = repr(
        effect(
            made(),
            outcome="days",
            arm="arm",
            control="kontroll",
            measure="rmst_difference",
            event="back",
            tau=200,
            higher="worse",
        )
    )
    assert "Difference in restricted mean time up to 200, ReDO - kontroll, higher = worse" in text
    assert "Kaplan-Meier" in text


def test_a_robust_rate_needs_two_persons_in_every_arm() -> None:
    df = pd.DataFrame({"arm": ["ReDO"] + ["kontroll"] * 8, "spells": [3, 1, 2, 0, 4, 1, 1, 2, 5]})
    who: dict[str, Any] = {"outcome": "spells", "arm": "arm", "control": "kontroll"}
    with pytest.raises(InputError, match=r"two persons .* in every arm; got 1 in 'ReDO'"):
        effect(df, **who, measure="rate_ratio")
    assert effect(df, **who, measure="rate_ratio", vcov="exact").to_frame()["conf_low"].item() > 0


def test_contrasts_stay_in_print_where_arms_are_several() -> None:
    rng = np.random.default_rng(4)
    df = pd.DataFrame(
        {"arm": rng.choice(["a", "b", "c"], 90), "days": rng.exponential(9, 90), "back": 1}
    )
    shown = repr(effect(df, outcome="days", event="back", arm="arm", control="a",
                        measure="hazard_ratio"))  # fmt: skip
    assert "b - a  " in shown.splitlines()[4]
    assert "c - a  " in shown.splitlines()[5]


def test_strata_may_come_as_an_index_and_an_empty_one_is_none() -> None:
    df = pd.DataFrame(
        {"arm": ["a", "b"] * 20, "y": np.arange(40.0) ** 2, "site": [0] * 20 + [1] * 20}
    )
    who: dict[str, Any] = {"outcome": "y", "arm": "arm", "control": "a"}
    inside = effect(df, **who, strata="site").to_frame()
    pd.testing.assert_frame_equal(effect(df, **who, strata=df.columns[2:]).to_frame(), inside)
    plain = effect(df, **who).to_frame()
    pd.testing.assert_frame_equal(effect(df, **who, strata=df.columns[:0]).to_frame(), plain)
