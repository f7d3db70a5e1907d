"""Differences in means: what is refused, what is said, and what must not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.core.results import STANDARD_COLUMNS
from evalkit.errors import InputError
from evalkit.trials.effect_measures import MEASURES, effect
from evalkit.trials.estimand import Estimand
from evalkit.trials.trial_sample import TrialWarning

WHO = {"outcome": "y", "arm": "arm", "control": "kontroll"}
CHOICES = [
    {},
    {"strata": "office"},
    {"covariates": "x", "adjustment": "ancova"},
    {"covariates": "x", "adjustment": "lin"},
    {"covariates": "x", "adjustment": "standardised"},
    {"covariates": "x", "adjustment": "lin", "strata": "office"},
    {"cluster": "group"},
    {"cluster": "group", "strata": "office"},
    {"covariates": "x", "adjustment": "standardised", "cluster": "group"},
    {"vcov": "HC3"},
    {"vcov": "classical", "strata": "office"},
]
NUMBERS = ["estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high"]


def trial(seed: int = 1, n: int = 80) -> pd.DataFrame:
    """Two arms, three offices, groups in one arm."""
    rng = np.random.default_rng(seed)
    office = np.resize(["Nord", "Syd", "Vast"], n)
    arm = np.resize(["ReDO"] * 3 + ["kontroll"] * 3, n)
    x = rng.normal(size=n)
    y = 20 + x + (arm == "ReDO") * (1 + 0.5 * x) + rng.normal(size=n) * 2
    group = np.where(arm == "ReDO", np.arange(n) // 10, np.nan)
    return pd.DataFrame({"arm": arm, "office": office, "x": x, "y": y, "group": group,
                         "person": np.arange(n)})  # fmt: skip


def numbers(df: pd.DataFrame, **choices: object) -> np.ndarray:
    return effect(df, **WHO | choices).to_frame()[NUMBERS].to_numpy(dtype=float)


def test_the_table() -> None:
    df = trial()
    df.loc[[0, 3, 4], "y"] = np.nan
    result = effect(df, **WHO, higher="better")
    frame = result.to_frame()
    assert tuple(frame.columns) == (*STANDARD_COLUMNS, "scale")
    row = frame.iloc[0]
    assert (row["term"], row["contrast"], row["n"]) == ("difference", "ReDO - kontroll", 77)
    assert row["scale"] == "difference"
    text = str(result).splitlines()
    assert text[0] == "Difference in means, ReDO - kontroll, higher = better"
    assert text[1] == "Welch's t test; 95 % intervals"
    assert text[2].startswith("Analysed of randomised: ReDO 40 of 41, kontroll 37 of 39")
    assert "missing y: 3" in text[2]
    assert result.attributes.treatments == "ReDO - kontroll, as randomised"
    assert result.attributes.variable == "y"
    assert result.n_dropped == {"missing y": 3}


def test_by_hand() -> None:
    df = pd.DataFrame({"arm": list("aaabbb"), "y": [1.0, 2, 3, 2, 4, 9]})
    row = effect(df, outcome="y", arm="arm", control="a").to_frame().iloc[0]
    # Means 2 and 5, variances 1 and 13, df = (14/3)^2 / ((1/9 + 169/9) / 2).
    assert row["estimate"] == pytest.approx(3)
    assert row["std_error"] == pytest.approx(np.sqrt(14 / 3))
    assert row["df"] == pytest.approx((14 / 3) ** 2 / (170 / 18))


def test_strata_by_hand() -> None:
    """Stratum differences 1 and 4, of 4 and 6 persons."""
    df = pd.DataFrame({
        "s": ["p"] * 4 + ["q"] * 6,
        "arm": [1, 1, 0, 0, 1, 1, 1, 0, 0, 0],
        "y": [3.0, 5, 2, 4, 5, 6, 7, 1, 2, 3],
    })  # fmt: skip
    row = effect(df, outcome="y", arm="arm", control=0, strata="s").to_frame().iloc[0]
    assert row["estimate"] == pytest.approx(0.4 * 1 + 0.6 * 4)
    variance = 0.16 * (2 / 2 + 2 / 2) + 0.36 * (1 / 3 + 1 / 3)
    assert row["std_error"] == pytest.approx(np.sqrt(variance))


def test_saturated_ancova_is_the_difference_in_means() -> None:
    df = trial()
    df["sex"] = np.resize([0, 1], len(df))
    lin = numbers(df, covariates="sex", adjustment="lin")
    cells = numbers(df, strata="sex")
    np.testing.assert_allclose(lin[:, :2], cells[:, :2], rtol=1e-10)


def test_standardised_is_lin_with_a_larger_variance() -> None:
    df = trial()
    choice = {"covariates": "x"}
    lin = effect(df, **WHO, **choice, adjustment="lin").to_frame().iloc[0]
    out = effect(df, **WHO, **choice, adjustment="standardised").to_frame().iloc[0]
    assert out["estimate"] == pytest.approx(lin["estimate"], rel=1e-12)
    slopes = [np.polyfit(part["x"], part["y"], 1)[0] for _, part in df.groupby("arm")]
    extra = (slopes[0] - slopes[1]) ** 2 * df["x"].var(ddof=1) / len(df)
    assert out["std_error"] ** 2 - lin["std_error"] ** 2 == pytest.approx(
        extra * (len(df) - 1) / len(df) * len(df) / (len(df) - 1), rel=1e-8
    )


def test_persons_as_clusters_change_little() -> None:
    """One cluster a person gives HC2; standardised effects differ in a term of higher order."""
    df = trial()
    for choice, rel in (({}, 1e-9), ({"covariates": "x", "adjustment": "standardised"}, 1e-2)):
        alone = effect(df, **WHO, **choice).to_frame()
        grouped = effect(df, **WHO, **choice, cluster="person").to_frame()
        for name in ("estimate", "std_error"):
            assert grouped[name].item() == pytest.approx(alone[name].item(), rel=rel)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_order_of_rows(choice: dict, seed: int) -> None:
    df = trial(seed % 5)
    again = df.sample(frac=1, random_state=seed)
    np.testing.assert_allclose(numbers(again, **choice), numbers(df, **choice), rtol=1e-8)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_swapped_arms_change_the_sign(choice: dict) -> None:
    df = trial()
    one = numbers(df, **choice)[0]
    other = numbers(df, **choice, control="ReDO")[0]
    np.testing.assert_allclose(other[[0, 2]], -one[[0, 2]], rtol=1e-9)
    np.testing.assert_allclose(other[[1, 3, 4]], one[[1, 3, 4]], rtol=1e-9)
    np.testing.assert_allclose(other[[5, 6]], -one[[6, 5]], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_unit_of_the_outcome(choice: dict) -> None:
    df = trial()
    scaled = numbers(df.assign(y=100 + 7 * df["y"]), **choice)[0]
    one = numbers(df, **choice)[0]
    np.testing.assert_allclose(scaled[[0, 1, 5, 6]], 7 * one[[0, 1, 5, 6]], rtol=1e-7)
    np.testing.assert_allclose(scaled[[2, 3, 4]], one[[2, 3, 4]], rtol=1e-6)


@pytest.mark.parametrize("choice", [c for c in CHOICES if "cluster" not in c], ids=str)
def test_case_weights_are_repetitions(choice: dict) -> None:
    df = trial(n=66)
    df["w"] = 1 + np.arange(len(df)) % 3
    again = df.loc[df.index.repeat(df["w"])]
    np.testing.assert_allclose(numbers(df, weights="w", **choice), numbers(again, **choice),
                               rtol=1e-8)  # fmt: skip


@pytest.mark.parametrize("choice", [c for c in CHOICES if "strata" in c], ids=str)
def test_names_of_strata_do_not_matter(choice: dict) -> None:
    df = trial()
    other = df.assign(office=df["office"].map({"Nord": "z", "Syd": "b", "Vast": "a"}))
    np.testing.assert_allclose(numbers(other, **choice), numbers(df, **choice), rtol=1e-8)


def test_several_arms_are_each_compared_with_the_control_arm() -> None:
    df = pd.concat([trial(), trial(2).replace({"arm": {"ReDO": "samtal"}})], ignore_index=True)
    both = effect(df, **WHO).to_frame()
    assert both["contrast"].tolist() == ["ReDO - kontroll", "samtal - kontroll"]
    alone = effect(df[df["arm"] != "samtal"], **WHO).to_frame()
    np.testing.assert_allclose(
        both[NUMBERS].iloc[0].astype(float), alone[NUMBERS].iloc[0].astype(float), rtol=1e-12
    )


def test_one_cluster_in_an_arm_is_refused() -> None:
    df = trial().assign(group=lambda d: np.where(d["arm"] == "ReDO", 1.0, np.nan))
    with pytest.raises(InputError, match=r"one in 'ReDO' \(41 rows\): between-group variance not"):
        effect(df, **WHO, cluster="group")


def test_few_clusters_are_warned_of_with_their_degrees_of_freedom() -> None:
    df = trial().assign(group=lambda d: np.where(d["arm"] == "ReDO", d.index % 3, np.nan))
    with pytest.warns(TrialWarning, match="3 clusters in 'ReDO'; degrees of freedom 7"):
        result = effect(df, **WHO, cluster="group")
    assert "Clusters: ReDO 3 (13 to 14 rows), kontroll 39 (1 row)." in result.notes


def test_a_stratum_without_both_arms_is_named_and_counted() -> None:
    df = trial()
    df.loc[:4, "office"] = "Ost"
    df.loc[:4, "arm"] = "ReDO"
    with pytest.warns(TrialWarning, match="1 without both arms, 5 rows left out: 'Ost'"):
        result = effect(df, **WHO, strata="office")
    assert result.n_dropped == {"stratum without both arms": 5}
    assert result.n_used == 75
    rest = effect(df[df["office"] != "Ost"], **WHO, strata="office")
    assert result.to_frame()[NUMBERS].equals(rest.to_frame()[NUMBERS])


def test_no_stratum_with_both_arms() -> None:
    df = trial()
    with pytest.raises(InputError, match="strata in which the control arm and another arm"):
        effect(df.assign(office=df["arm"]), **WHO, strata="office")


def test_strata_with_one_person_in_an_arm_share_their_variance() -> None:
    df = trial()
    small = pd.DataFrame({
        "arm": ["ReDO", "kontroll"] * 4, "office": np.repeat(["a", "b", "c", "d"], 2),
        "y": [21.0, 20, 24, 22, 25, 25, 22, 18],
    })  # fmt: skip
    result = effect(pd.concat([df, small]), **WHO, strata="office")
    assert "4 strata have one person in an arm" in result.notes[0]
    pairs = np.array([1.0, 2, 0, 4])
    share = 8 / 88
    big = effect(df, **WHO, strata="office").to_frame()["std_error"].item()
    expected = share**2 * pairs.var(ddof=1) / 4 + (1 - share) ** 2 * big**2
    assert result.to_frame()["std_error"].item() == pytest.approx(np.sqrt(expected), rel=1e-10)


def test_a_single_stratum_with_one_person_in_an_arm_is_refused() -> None:
    df = pd.concat([trial(), pd.DataFrame({"arm": ["ReDO", "kontroll"], "office": "a", "y": 1.0})])
    with pytest.raises(InputError, match=r"1 strata with one person in an arm \(at 'a'\)"):
        effect(df, **WHO, strata="office")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"vcov": "HC9"}, "vcov: must be one of 'classical', 'HC0'"),
        ({"vcov": "HC2", "cluster": "group"}, "treat persons of a cluster as independent"),
        ({"vcov": "CR2"}, "without `cluster`"),
        ({"covariates": "x"}, "covariates: must be left out where adjustment='none'"),
        ({"adjustment": "lin"}, "covariates: must be given where adjustment='lin'"),
        ({"adjustment": "magic"}, "adjustment: must be one of"),
        ({"measure": "magic"}, "measure: must be one of 'difference'"),
        ({"higher": "more"}, "higher: must be one of 'better', 'worse'"),
        ({"level": 95}, "level"),
        ({"event": "x"}, "event: must be left out for measure='difference'"),
        ({"tau": 3.0}, "tau: must be left out"),
        ({"exposure": "x"}, "exposure: must be left out"),
        ({"weights_kind": "sampling"}, "weights: must be a column"),
        ({"control": "CAU"}, "control: must be one of the arms in 'arm': 'ReDO', 'kontroll'"),
        ({"outcome": "yy"}, "Did you mean 'y'"),
        ({"measure": "hazard_ratio"}, "event: must be the column"),
        ({"covariates": ["x", "twice"], "adjustment": "ancova"}, "at twice"),
        ({"covariates": "office", "adjustment": "ancova", "strata": "office"}, "office"),
    ],
)
def test_refusals(choice: dict, message: str) -> None:
    df = trial().assign(twice=lambda d: 2 * d["x"])
    with pytest.raises(InputError, match=message):
        effect(df, **WHO | choice)


def test_an_arm_without_outcomes() -> None:
    df = trial()
    df.loc[df["arm"] == "ReDO", "y"] = np.nan
    with pytest.raises(InputError, match="missing for all 41 randomised to 'ReDO'"):
        effect(df, **WHO)


def test_duplicate_persons() -> None:
    df = trial().assign(person=lambda d: d["person"] // 2)
    with pytest.raises(InputError, match="40 identifiers that stand in several rows"):
        effect(df, **WHO, unit="person")


def test_one_person_in_an_arm() -> None:
    df = pd.DataFrame({"arm": list("abbb"), "y": [1.0, 2, 3, 4]})
    with pytest.raises(InputError, match="1 in 'a'"):
        effect(df, outcome="y", arm="arm", control="b")


def test_more_covariates_than_persons() -> None:
    df = trial(n=6).assign(a=range(6), b=[1, 0, 0, 1, 1, 0], c=[0, 0, 1, 1, 0, 1])
    with pytest.raises(InputError, match="fewer coefficients than rows"):
        effect(df, **WHO, covariates=["x", "a", "b", "c"], adjustment="ancova")


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_an_outcome_that_never_varies_has_no_test(choice: dict) -> None:
    result = effect(trial().assign(y=0.1), **WHO, **choice)
    assert np.isnan(result.to_frame()["p_value"].item())
    assert any(note.startswith("The outcome does not vary within") for note in result.notes)


def test_an_estimand_of_ones_own() -> None:
    mine = Estimand("those who started", "a - b", "y", "difference in means")
    assert effect(trial(), **WHO, estimand=mine).attributes is mine


def test_measures_have_their_methods() -> None:
    assert MEASURES[0] == "difference"
    assert {"risk_difference", "win_ratio", "rate_ratio", "rmst_difference"} < set(MEASURES)


def test_the_plot_is_linear() -> None:
    axes = effect(trial(), **WHO).plot(lang="en")
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel() == "Difference, 95% confidence interval"


@pytest.mark.parametrize("icc", [0.0, 0.15])
def test_type_one_error_with_groups_in_one_arm(icc: float) -> None:
    """Ten groups of five against fifty alone: 4 to 6 %, where the naive t test has too many."""
    from evalkit.kernels.least_squares import least_squares
    from evalkit.kernels.sandwich import sandwich

    rng = np.random.default_rng(20120301)
    cluster = np.r_[np.repeat(np.arange(10), 5), 10 + np.arange(50)]
    x = np.column_stack([np.ones(100), np.r_[np.ones(50), np.zeros(50)]])
    runs = 1000
    rejected, naive = 0, 0
    contrast = np.array([[0.0, 1.0]])
    for _ in range(runs):
        shared = rng.normal(size=10)[cluster[:50]] * np.sqrt(icc)
        y = np.r_[shared + rng.normal(size=50) * np.sqrt(1 - icc), rng.normal(size=50)]
        fit = least_squares(x, y)
        made = sandwich(fit, "CR2", cluster=cluster, contrasts=contrast)
        rejected += made.columns(0.95)["p_value"][0] < 0.05
        alone = sandwich(fit, "HC2", contrasts=contrast)
        naive += alone.columns(0.95)["p_value"][0] < 0.05
    # Three standard errors of a simulated 5 % are 2 points; 200,000 runs give 4.9 and 5.3 %.
    assert 0.03 < rejected / runs < 0.07
    assert naive / runs > 0.075 or icc == 0


def test_sampling_weights_of_one_are_none() -> None:
    df = trial().assign(w=1.0)
    for choice in ({"vcov": "HC3"}, {"covariates": "x", "adjustment": "standardised"}):
        weighted = numbers(df, weights="w", weights_kind="sampling", **choice)
        np.testing.assert_allclose(weighted, numbers(df, **choice), rtol=1e-9)
    weighted = effect(df, **WHO, weights="w", weights_kind="sampling").to_frame()
    welch = effect(df, **WHO).to_frame()
    assert weighted["std_error"].item() == pytest.approx(welch["std_error"].item(), rel=1e-10)


def test_sampling_weights_of_another_size_change_nothing() -> None:
    df = trial().assign(w=lambda d: 1 + d["x"] ** 2, v=lambda d: 9 * (1 + d["x"] ** 2))
    choices = [{}, {"strata": "office"}, {"covariates": "x", "adjustment": "standardised"}]
    for choice in choices:
        one = numbers(df, weights="w", weights_kind="sampling", **choice)
        other = numbers(df, weights="v", weights_kind="sampling", **choice)
        np.testing.assert_allclose(other, one, rtol=1e-8)


def test_three_arms_with_clusters_in_strata_not_all_complete() -> None:
    """An arm is compared in the strata that have it and the control arm."""
    df = pd.concat([trial(), trial(2).replace({"arm": {"ReDO": "samtal"}})], ignore_index=True)
    df = df[~((df["arm"] == "samtal") & (df["office"] == "Vast"))]
    df["group"] = np.where(df["arm"] == "kontroll", np.nan, df.index // 5)
    both = effect(df, **WHO, strata="office", cluster="group").to_frame()
    plain = effect(df, **WHO, strata="office").to_frame()
    np.testing.assert_allclose(both["estimate"], plain["estimate"], rtol=1e-10)
    part = df[(df["arm"] != "ReDO") & (df["office"] != "Vast")]
    size = df[df["office"] != "Vast"].groupby("office").size()
    means = part.pivot_table(index="office", columns="arm", values="y")
    by_hand = ((means["samtal"] - means["kontroll"]) * size).sum() / size.sum()
    assert both["estimate"][1] == pytest.approx(by_hand)


def test_an_arm_that_loses_its_only_stratum() -> None:
    df = pd.concat([trial(), pd.DataFrame({"arm": "samtal", "office": "Ost", "y": [1.0, 2, 3]})])
    with (
        pytest.warns(TrialWarning, match="without both arms, 3 rows"),
        pytest.raises(InputError, match="at least one row that can be used in every arm"),
    ):
        effect(df, **WHO, strata="office")


@pytest.mark.parametrize("kind", ["HC1", "classical"])
def test_swapping_the_unit_of_a_covariate_changes_nothing(kind: str) -> None:
    df = trial().assign(far=lambda d: 1e4 + 1e-3 * d["x"])
    one = numbers(df, covariates="x", adjustment="lin", vcov=kind)
    other = numbers(df, covariates="far", adjustment="lin", vcov=kind)
    np.testing.assert_allclose(other, one, rtol=1e-6)


def paired_clusters() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    office = np.repeat(np.arange(12), 10)
    return pd.DataFrame(
        {
            "arm": np.where(office % 2 == 0, "ReDO", "kontroll"),
            "office": office,
            "pair": office // 2,
            "y": rng.normal(size=120) + rng.normal(size=12)[office],
        }
    )


@pytest.mark.parametrize("adjustment", ["none", "lin", "standardised"])
@pytest.mark.parametrize("vcov", ["CR0", "CR1", "CR2", "CR3"])
def test_one_cluster_that_decides_a_stratum_has_no_variance(adjustment: Any, vcov: str) -> None:
    who: dict[str, Any] = {"outcome": "y", "arm": "arm", "control": "kontroll", "strata": "pair"}
    df = paired_clusters()
    with pytest.raises(InputError, match=r"^cluster: .*not identified \(at ReDO - kontroll\)"):
        effect(df, **who, cluster="office", adjustment=adjustment, vcov=vcov)
    # Slopes that the arms share borrow the spread: the paired t test of the offices' means.
    row = effect(df, **who, cluster="office", adjustment="ancova").to_frame().iloc[0]
    means = df.groupby(["pair", "arm"])["y"].mean().unstack()
    change = means["ReDO"] - means["kontroll"]
    assert row["df"] == pytest.approx(5, rel=1e-9)
    assert row["std_error"] == pytest.approx(change.std() / np.sqrt(6), rel=1e-9)


@pytest.mark.parametrize("vcov", ["HC0", "HC1", "HC3"])
def test_one_person_that_decides_a_stratum_has_no_variance(vcov: str) -> None:
    rng = np.random.default_rng(2)
    df = pd.DataFrame(
        {
            "arm": ["ReDO"] + ["kontroll"] * 5 + ["ReDO"] * 6 + ["kontroll"] * 6,
            "site": [0] * 6 + [1] * 12,
            "y": rng.normal(size=18),
        }
    )
    with pytest.raises(InputError, match=r"^strata: .*a single person that decides"):
        effect(df, outcome="y", arm="arm", control="kontroll", strata="site", vcov=vcov)


def test_one_person_that_decides_a_covariates_level_is_the_covariates_matter() -> None:
    df = pd.DataFrame(
        {"arm": ["a", "b"] * 8, "y": np.arange(16.0) ** 2, "site": ["k"] * 2 + ["m"] * 14}
    )
    with pytest.raises(InputError, match=r"^covariates: .*a single person that decides"):
        effect(df, outcome="y", arm="arm", control="a", covariates="site", adjustment="lin")


def test_a_horizon_that_is_no_number_is_refused() -> None:
    df = pd.DataFrame(
        {"arm": list("AAABBB"), "days": [3, 6, 9, 2, 6, 9], "back": [1, 1, 0, 1, 0, 0]}
    )
    for tau in ("9", None, 0, np.inf):
        with pytest.raises(InputError, match=r"^tau: must be the positive time"):
            effect(
                df, outcome="days", event="back", arm="arm", control="B", tau=tau,  # pyright: ignore[reportArgumentType]
                measure="rmst_difference",
            )  # fmt: skip
