"""Several arms: simultaneous intervals, joint test, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.trials.effect_measures import effect
from evalkit.trials.many_arms import compare_arms
from evalkit.trials.trial_sample import TrialWarning

WHO = {"outcome": "y", "arm": "arm", "control": "kontroll"}


def trial(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    arm = np.resize(["kontroll", "ReDO", "samtal"], n)
    x = rng.normal(size=n)
    y = x + (arm == "ReDO") * 1.5 + rng.normal(size=n) * (1 + (arm == "samtal"))
    return pd.DataFrame({"arm": arm, "x": x, "y": y, "office": np.arange(n) // 45,
                         "group": np.where(arm == "ReDO", np.arange(n) // 9, np.nan)})  # fmt: skip


def test_dunnett_is_scipys() -> None:
    df = trial()
    result = compare_arms(df, **WHO, vcov="classical")
    arms = {name: part["y"].to_numpy() for name, part in df.groupby("arm")}
    peer = stats.dunnett(arms["ReDO"], arms["samtal"], control=arms["kontroll"],
                         rng=np.random.default_rng(1))  # fmt: skip
    frame = result.to_frame()
    np.testing.assert_allclose(frame["statistic"], peer.statistic, rtol=1e-10)
    np.testing.assert_allclose(frame["p_value"], peer.pvalue, atol=2e-4)


def test_all_pairs_are_consistent() -> None:
    frame = compare_arms(trial(), **WHO, contrasts="all").to_frame()
    assert frame["contrast"].tolist() == [
        "ReDO - kontroll", "samtal - kontroll", "samtal - ReDO",
    ]  # fmt: skip
    estimate = frame["estimate"]
    assert estimate[2] == pytest.approx(estimate[1] - estimate[0])
    assert (frame["p_value"] >= frame["p_single"] - 1e-12).all()


def test_intervals_and_p_values_agree() -> None:
    """The level at which an interval touches 0 is one minus the p-value."""
    frame = compare_arms(trial(), **WHO).to_frame()
    for row in range(2):
        level = 1 - frame["p_value"][row]
        edge = compare_arms(trial(), **WHO, level=level).to_frame().iloc[row]
        nearest = min(abs(edge["conf_low"]), abs(edge["conf_high"]))
        assert nearest == pytest.approx(0, abs=1e-6)


def test_one_by_one() -> None:
    """Without simultaneity the standard errors are Welch's."""
    frame = compare_arms(trial(), **WHO, simultaneous=False).to_frame()
    alone = effect(trial(), **WHO).to_frame()
    np.testing.assert_allclose(frame["estimate"], alone["estimate"], rtol=1e-12)
    np.testing.assert_allclose(frame["std_error"], alone["std_error"], rtol=1e-10)
    assert frame["p_value"].equals(frame["p_single"])


def test_joint_test_under_equal_variances_is_anova() -> None:
    df = trial()
    note = compare_arms(df, **WHO, vcov="classical").notes[-1]
    peer = stats.f_oneway(*(part["y"] for _, part in df.groupby("arm")))
    assert note == f"All arms alike: F(2, 87.0) = {peer.statistic:.3f}, p = {peer.pvalue:.4f}."


def test_what_is_said() -> None:
    result = compare_arms(trial(), **WHO, contrasts="all", higher="better", cluster="group",
                          covariates="x", adjustment="lin")  # fmt: skip
    text = str(result)
    assert "all pairs of ReDO, samtal, kontroll, higher = better" in text
    assert "Tukey-Kramer's comparisons of Lin's ANCOVA, CR2 variance" in text
    assert "Clusters: ReDO 10 (3 rows), samtal 30 (1 row), kontroll 30 (1 row)." in text


def test_an_estimate_is_the_same_whatever_the_order() -> None:
    df = trial()
    one = compare_arms(df, **WHO, strata="office").to_frame()
    other = compare_arms(df.sample(frac=1, random_state=1), **WHO, strata="office").to_frame()
    np.testing.assert_allclose(one["p_value"], other["p_value"], rtol=1e-9)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"contrasts": "some"}, "contrasts: must be one of"),
        ({"covariates": "x"}, "given together with adjustment"),
        ({"adjustment": "lin"}, "given together with adjustment"),
        ({"adjustment": "standardised"}, "adjustment: must be one of"),
        ({"strata": "place"}, "strata in which every arm has outcomes"),
        ({"outcome": "same"}, "nothing to test"),
    ],
)
def test_refusals(choice: dict, message: str) -> None:
    df = trial().assign(same=1.0, place=lambda d: (d["arm"] == "samtal") & (d.index > 40))
    df["place"] |= (df["arm"] == "kontroll") & (df.index > 40)
    with pytest.raises(InputError, match=message):
        compare_arms(df, **WHO | choice)


def test_few_clusters_are_warned_of() -> None:
    df = trial().assign(group=lambda d: np.where(d["arm"] == "ReDO", d.index % 2, np.nan))
    with pytest.warns(TrialWarning, match="2 clusters in 'ReDO'"):
        compare_arms(df, **WHO, cluster="group")


def test_an_arm_of_one_person_is_refused() -> None:
    df = pd.DataFrame({"arm": ["A"] + ["B"] * 5 + ["C"] * 6, "y": np.arange(12) ** 1.5})
    with pytest.raises(InputError, match=r"two persons .* in every arm; got 1 in 'A'"):
        compare_arms(df, outcome="y", arm="arm", control="C")
