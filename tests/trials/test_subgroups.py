"""Subgroup effects: equal to the analyses one by one, and to the test of interaction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.sandwich import hotelling, sandwich
from evalkit.trials.effect_measures import effect
from evalkit.trials.subgroups import subgroup_effects

WHO = {"outcome": "y", "arm": "arm", "control": "kontroll"}
NUMBERS = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high", "n"]


def trial(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    arm = np.resize(["ReDO", "kontroll"], n)
    sex = np.resize(["kvinna", "kvinna", "man", "man"], n)
    age = np.resize(["-39", "40-49", "50-"], n)
    x = rng.normal(size=n)
    y = 20 + x + (arm == "ReDO") * (1 + (sex == "man")) + rng.normal(size=n)
    group = np.where(arm == "ReDO", np.arange(n) // 9, np.nan)
    return pd.DataFrame({"arm": arm, "sex": sex, "age": age, "x": x, "y": y, "group": group})


@pytest.mark.parametrize("choice", [{}, {"covariates": "x", "adjustment": "ancova"},
                                    {"covariates": "x", "adjustment": "lin"}], ids=str)  # fmt: skip
def test_every_subgroup_is_a_trial(choice: dict) -> None:
    df = trial()
    result = subgroup_effects(df, **WHO, subgroups=["sex", "age"], **choice)
    frame = result.to_frame()
    assert frame["subgroup"].tolist() == ["", "sex", "sex", "age", "age", "age"]
    assert frame["level"].tolist() == ["all", "kvinna", "man", "-39", "40-49", "50-"]
    for name, level, row in zip(frame["subgroup"], frame["level"], frame.index, strict=True):
        part = df if not name else df[df[name] == level]
        alone = effect(part, **WHO, **choice).to_frame()
        np.testing.assert_allclose(
            frame.loc[row, NUMBERS].astype(float), alone.loc[0, NUMBERS].astype(float), rtol=1e-10
        )


def test_the_interaction_of_two_levels_is_a_welch_test() -> None:
    df = trial()
    result = subgroup_effects(df, **WHO, subgroups="sex")
    women, men = result.to_frame().iloc[1], result.to_frame().iloc[2]
    variance = np.array([women["std_error"], men["std_error"]]) ** 2
    t = (women["estimate"] - men["estimate"]) / np.sqrt(variance.sum())
    freedom = variance.sum() ** 2 / (variance**2 / [women["df"], men["df"]]).sum()
    row = result.interactions.iloc[0]
    assert row["statistic"] == pytest.approx(t**2)
    assert row["df_denominator"] == pytest.approx(freedom)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), freedom))
    assert result.notes[-1].startswith("Interaction with sex: F(1, ")


def test_clusters_may_reach_over_subgroups() -> None:
    df = trial()
    result = subgroup_effects(df, **WHO, subgroups="age", cluster="group")
    cells = pd.get_dummies(df["age"] + df["arm"], dtype=float)
    fit = least_squares(cells.to_numpy(), df["y"].to_numpy())
    alone = df["group"].isna()
    code = np.where(alone, 100 + np.arange(len(df)), df["group"])
    cluster = np.unique(code, return_inverse=True)[1]
    rows = np.zeros((3, 6))
    for i, age in enumerate(["-39", "40-49", "50-"]):
        rows[i, cells.columns.get_loc(age + "ReDO")] = 1
        rows[i, cells.columns.get_loc(age + "kontroll")] = -1
    made = sandwich(fit, "CR2", cluster=cluster, contrasts=rows)
    frame = result.to_frame().iloc[1:]
    np.testing.assert_allclose(frame["std_error"], made.std_error, rtol=1e-10)
    np.testing.assert_allclose(frame["df"], made.df, rtol=1e-10)
    joint = hotelling(
        sandwich(fit, "CR2", cluster=cluster, contrasts=rows[1:] - rows[0], joint=True)
    )
    assert result.interactions["p_value"].item() == pytest.approx(joint.p_value, rel=1e-8)
    assert result.notes[0].startswith("Clusters: ReDO 10 (4 to 5 rows)")


def test_several_arms_have_an_interaction_each() -> None:
    df = pd.concat([trial(), trial().replace({"arm": {"ReDO": "samtal"}})], ignore_index=True)
    result = subgroup_effects(df, **WHO, subgroups="sex")
    assert result.interactions["contrast"].tolist() == ["ReDO - kontroll", "samtal - kontroll"]
    assert len(result) == 6


def test_missing_subgroups_are_counted() -> None:
    df = trial()
    df.loc[:3, "sex"] = None
    result = subgroup_effects(df, **WHO, subgroups=["sex", "age"])
    assert result.n_dropped == {"missing sex in subgroups": 4}
    assert "; 4 dropped (missing sex in" in repr(result)
    assert "sex is missing for 4 of those analysed, left out there." in result.notes
    assert result.n_used == 90
    assert result.interactions["n"].tolist() == [86, 90]


def test_swapped_arms_have_the_same_interaction() -> None:
    df = trial()
    one = subgroup_effects(df, **WHO, subgroups="age").interactions["p_value"].item()
    other = subgroup_effects(df, **WHO | {"control": "ReDO"}, subgroups="age")
    assert other.interactions["p_value"].item() == pytest.approx(one, rel=1e-10)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"subgroups": "sx"}, "subgroups: must be a column of df; got 'sx'. Did you mean 'sex'"),
        ({"subgroups": []}, "subgroups: must be at least one column"),
        ({"subgroups": "arm2"}, r"levels with two persons or more in every arm .* 'ReDO' in 'k"),
        ({"subgroups": "one"}, "at least two levels"),
        ({"subgroups": "sex", "measure": "nnt"}, "Compare risk differences"),
        ({"subgroups": "sex", "cluster": "group", "covariates": "x",
          "adjustment": "standardised"}, "adjustment='lin' gives the same"),
    ],
)  # fmt: skip
def test_refusals(choice: dict, message: str) -> None:
    df = trial().assign(arm2=lambda d: d["arm"], one=1)
    with pytest.raises(InputError, match=message):
        subgroup_effects(df, **WHO, **choice)


def test_the_forest_plot_names_subgroups() -> None:
    axes = subgroup_effects(trial(), **WHO, subgroups="sex").plot(names={"sex": "kön"})
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "Alla (n = 90)", "kön: kvinna (n = 46)", "kön: man (n = 44)",
    ]  # fmt: skip


def test_strata_in_one_model_with_clusters() -> None:
    """Rows of strata without both arms leave the model of all subgroups, too."""
    df = trial().assign(office=lambda d: np.where(d.index % 9 < 4, "Nord", "Syd"))
    df["group"] = np.where(df["arm"] == "ReDO", df.index // 6, np.nan)
    result = subgroup_effects(df, **WHO, subgroups="sex", cluster="group", strata="office")
    for row, sex in ((1, "kvinna"), (2, "man")):
        alone = effect(df[df["sex"] == sex], **WHO, strata="office").to_frame()
        assert result.to_frame()["estimate"][row] == pytest.approx(alone["estimate"].item())
    lonely = df.assign(office=lambda d: np.where((d["sex"] == "man") & (d["arm"] == "ReDO")
                                                 & (d.index < 20), "Ost", d["office"]))  # fmt: skip
    with pytest.warns(UserWarning, match="without both arms"):
        part = subgroup_effects(lonely, **WHO, subgroups="sex", cluster="group", strata="office")
    with pytest.warns(UserWarning, match="without both arms"):
        alone = effect(lonely[lonely["sex"] == "man"], **WHO, strata="office").to_frame()
    assert part.to_frame()["estimate"][2] == pytest.approx(alone["estimate"].item())


def test_other_measures_compare_subgroups_on_their_scale() -> None:
    df = trial().assign(works=lambda d: (d["y"] > 20.5).astype(int))
    choice = {"outcome": "works", "arm": "arm", "control": "kontroll", "measure": "odds_ratio"}
    result = subgroup_effects(df, **choice, subgroups="sex")
    rows = result.to_frame().iloc[1:]
    z = np.diff(np.log(rows["estimate"])) / np.sqrt((rows["std_error"] ** 2).sum())
    expected = 2 * stats.norm.sf(abs(z[0]))
    assert result.interactions["p_value"].item() == pytest.approx(expected)
    assert result.notes[-1].startswith("Interaction with sex: chi2(1) = ")
    with pytest.raises(InputError, match="clusters with persons at several levels"):
        subgroup_effects(df, **choice, subgroups="sex", cluster="group")
