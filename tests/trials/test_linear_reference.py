"""Differences in means against estimatr, clubSandwich, sandwich and multcomp.

Reference values are made by tests/reference/trials/linear.R. Closed forms agree to 1e-8; adjusted
p-values are multcomp's by quasi-Monte Carlo, which was asked for 1e-6.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.max_t import MaxT
from evalkit.kernels.sandwich import hotelling, sandwich
from evalkit.trials.effect_measures import effect
from evalkit.trials.many_arms import compare_arms
from evalkit.trials.subgroups import subgroup_effects

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
KINDS = ("CR0", "CR1", "CR1S", "CR2", "CR3")
WHO = {"outcome": "mastery", "arm": "arm", "control": "kontroll"}
COVARIATES = ["age", "pre", "education"]


def rows() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "linear_rows.csv")


def two() -> pd.DataFrame:
    df = rows()
    return df[df["arm"] != "samtal"]


def cars() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "linear_cars.csv")


def expected(case: str, source: str) -> pd.DataFrame:
    table = pd.read_csv(REFERENCE / "linear_expected.csv", keep_default_na=False)
    chosen = table[(table["case"] == case) & (table["source"] == source)]
    assert len(chosen), case
    chosen = chosen.astype({"value": float})
    return chosen.pivot(index="term", columns="quantity", values="value")


def check(result, case: str, source: str, *, rtol: float = 1e-8) -> None:
    """Compare every quantity of every arm that R gave."""
    frame = result.to_frame().set_index("contrast")
    want = expected(case, source)
    assert len(want) == len(frame)
    for term, values in want.iterrows():
        mine = frame.loc[f"{str(term).removeprefix('arm')} - kontroll"]
        for quantity, value in values.items():
            assert mine[quantity] == pytest.approx(value, rel=rtol), (case, term, quantity)


@pytest.mark.parametrize("kind", KINDS)
def test_plain_with_clusters(kind: str) -> None:
    check(effect(rows(), **WHO, cluster="cluster", vcov=kind), f"plain cluster {kind}",
          "clubSandwich")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", ["cluster", "site"])
def test_ancova_with_clusters(kind: str, column: str) -> None:
    result = effect(
        rows(), **WHO, covariates=COVARIATES, adjustment="ancova", cluster=column, vcov=kind
    )
    check(result, f"ancova {column} {kind}", "clubSandwich")


@pytest.mark.parametrize("kind", KINDS)
def test_lin_with_clusters(kind: str) -> None:
    result = effect(
        rows(), **WHO, covariates="age + pre", adjustment="lin", cluster="cluster", vcov=kind
    )
    check(result, f"lin cluster {kind}", "clubSandwich")


def test_a_missing_cluster_is_a_person_alone() -> None:
    result = effect(rows(), **WHO, cluster="group")
    check(result, "plain cluster CR2", "clubSandwich")


@pytest.mark.parametrize(("kind", "alone"), [("CR0", "HC0"), ("CR2", "HC2"), ("CR3", "HC3")])
def test_persons_alone_have_satterthwaite_degrees_too(kind: str, alone: str) -> None:
    result = effect(rows(), **WHO, covariates=COVARIATES, adjustment="ancova", vcov=alone)
    check(result, f"ancova alone {kind}", "clubSandwich")


def test_lin_alone_has_satterthwaite_degrees_by_default() -> None:
    result = effect(rows(), **WHO, covariates="age + pre", adjustment="lin")
    check(result, "lin alone CR2", "clubSandwich")


def test_strata_as_indicators() -> None:
    result = effect(
        rows(), **WHO, covariates="pre", adjustment="ancova", strata="office", cluster="cluster"
    )
    check(result, "strata ancova cluster CR2", "clubSandwich")


@pytest.mark.parametrize("kind", ["CR0", "CR2", "CR3"])
def test_case_weights(kind: str) -> None:
    result = effect(
        rows(), **WHO, covariates="pre", adjustment="ancova", weights="times", cluster="cluster",
        vcov=kind,
    )  # fmt: skip
    check(result, f"repeated cluster {kind}", "clubSandwich")


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_ancova_alone(kind: str) -> None:
    result = effect(rows(), **WHO, covariates=COVARIATES, adjustment="ancova", vcov=kind)
    check(result, f"ancova {kind}", "sandwich")


@pytest.mark.parametrize("kind", ["HC0", "HC2", "HC3"])
def test_lin_alone(kind: str) -> None:
    result = effect(rows(), **WHO, covariates=COVARIATES, adjustment="lin", vcov=kind)
    check(result, f"lin {kind}", "estimatr")


@pytest.mark.parametrize("kind", ["HC0", "HC2", "HC3"])
def test_sampling_weights(kind: str) -> None:
    result = effect(
        rows(), **WHO, covariates="pre", adjustment="ancova", weights="weight",
        weights_kind="sampling", vcov=kind,
    )  # fmt: skip
    check(result, f"sampling {kind}", "estimatr")


def test_classical() -> None:
    result = effect(rows(), **WHO, covariates=COVARIATES, adjustment="ancova", vcov="classical")
    check(result, "ancova classical", "stats")


def test_two_arms_with_clusters_as_estimatr() -> None:
    result = effect(two(), **WHO, covariates="pre", adjustment="ancova", cluster="cluster")
    check(result, "two cluster", "estimatr")


def test_welch() -> None:
    check(effect(rows(), **WHO), "welch", "stats")


def test_strata() -> None:
    check(effect(two(), **WHO, strata="office"), "strata", "estimatr")


def test_pairs() -> None:
    pairs = pd.read_csv(REFERENCE / "linear_pairs.csv")
    result = effect(pairs, **WHO, strata="pair")
    check(result, "pairs", "estimatr")
    paired = expected("pairs", "stats").loc["paired", "p_value"]
    assert result.to_frame()["p_value"].item() == pytest.approx(paired, rel=1e-8)


@pytest.mark.parametrize(
    ("case", "choices", "printed"),
    [
        ("star none", {}, (-0.036, 0.158)),
        ("star ancova", {"covariates": "gpa0", "adjustment": "ancova"}, (-0.083, 0.146)),
        ("star lin", {"covariates": "gpa0", "adjustment": "lin"}, (-0.081, 0.146)),
    ],
)
def test_lins_table_2(case: str, choices: dict, printed: tuple[float, float]) -> None:
    star = pd.read_csv(REFERENCE / "linear_star.csv")
    result = effect(star, outcome="GPA_year1", arm="sfsp", control=0, vcov="HC0", **choices)
    frame = result.to_frame()
    want = expected(case, "estimatr").loc["sfsp"]
    for quantity in ("estimate", "std_error"):
        assert frame[quantity].item() == pytest.approx(want[quantity], rel=1e-8)
    assert frame["estimate"].item() == pytest.approx(printed[0], abs=5e-4)
    assert frame["std_error"].item() == pytest.approx(printed[1], abs=1e-3)  # printed from HC0


def fitted(columns: list[str]):
    df = cars()
    x = np.column_stack([np.ones(len(df)), df[columns].to_numpy(dtype=float)])
    return df, least_squares(x, df["mpg"].to_numpy(dtype=float))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("case", "columns", "by"),
    [("cars cylinders", ["hp"], "cyl"), ("cars carburettors", ["hp", "wt", "am"], "carb")],
)
def test_cars_in_clusters(kind: str, case: str, columns: list[str], by: str) -> None:
    df, fit = fitted(columns)
    result = sandwich(fit, kind, cluster=np.unique(df[by], return_inverse=True)[1])
    want = expected(f"{case} {kind}", "clubSandwich").loc[columns]
    np.testing.assert_allclose(result.std_error[1:], want["std_error"], rtol=1e-8)
    np.testing.assert_allclose(result.df[1:], want["df"], rtol=1e-8)
    np.testing.assert_allclose(result.columns(0.95)["p_value"][1:], want["p_value"], rtol=1e-8)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_cars_alone(kind: str) -> None:
    _, fit = fitted(["hp"])
    want = expected(f"cars {kind}", "sandwich").loc["hp", "std_error"]
    assert sandwich(fit, kind).std_error[1] == pytest.approx(want, rel=1e-8)


def test_printed_values_of_cars() -> None:
    df, fit = fitted(["hp"])
    by = np.unique(df["cyl"], return_inverse=True)[1]
    for kind, value in (("HC1", 0.00018388), ("HC2", 0.00021652), ("HC3", 0.00027562)):
        assert sandwich(fit, kind).vcov[1, 1] == pytest.approx(value, abs=5e-9)
    for kind, value in (("CR1", 0.00033757), ("CR1S", 0.00034882)):
        assert sandwich(fit, kind, cluster=by).vcov[1, 1] == pytest.approx(value, abs=5e-9)
    two_sided = sandwich(fit, "CR2", cluster=by)
    assert two_sided.std_error[1] == pytest.approx(0.0265246, abs=5e-8)
    assert two_sided.df[1] == pytest.approx(1.39371, abs=5e-6)


@pytest.mark.parametrize(
    ("case", "columns", "by", "tested"),
    [
        ("hotelling arms", [], "cluster", [1, 2]),
        ("hotelling ancova", ["age", "pre", "gymn", "hog"], "cluster", [1, 2]),
        ("hotelling site", ["age", "pre", "gymn", "hog"], "site", [3, 4, 5, 6]),
    ],
)
def test_hotelling(case: str, columns: list[str], by: str, tested: list[int]) -> None:
    df = rows()
    for level in ("gymn", "hog"):
        df[level] = df["education"] == level
    arms = [df["arm"] == "ReDO", df["arm"] == "samtal"]
    x = np.column_stack([np.ones(len(df)), *arms, df[columns].to_numpy(dtype=float)])
    fit = least_squares(x, df["mastery"].to_numpy())
    codes = np.unique(df[by], return_inverse=True)[1]
    made = sandwich(fit, "CR2", cluster=codes, contrasts=np.eye(fit.k)[tested], joint=True)
    check_joint(hotelling(made), case)


def test_hotelling_of_cars() -> None:
    df, fit = fitted(["hp", "wt", "am"])
    by = np.unique(df["carb"], return_inverse=True)[1]
    made = sandwich(fit, "CR2", cluster=by, contrasts=np.eye(4)[1:], joint=True)
    check_joint(hotelling(made), "hotelling cars")


@pytest.mark.parametrize("column", ["office", "education"])
def test_interaction_with_clusters_in_several_subgroups(column: str) -> None:
    found = subgroup_effects(two(), **WHO, subgroups=column, cluster="cluster").interactions.iloc[0]
    want = expected(f"interaction {column}", "clubSandwich").loc["joint"]
    for quantity in ("statistic", "df", "df_denominator", "p_value"):
        assert found[quantity] == pytest.approx(want[quantity], rel=1e-7)


def check_joint(test, case: str) -> None:
    want = expected(case, "clubSandwich").loc["joint"]
    assert test.statistic == pytest.approx(want["statistic"], rel=1e-7)
    assert test.df == pytest.approx((want["df"], want["df_denominator"]), rel=1e-7)
    assert test.p_value == pytest.approx(want["p_value"], rel=1e-7)


@pytest.mark.parametrize("contrasts", ["control", "all"])
@pytest.mark.parametrize("adjustment", ["none", "ancova"])
def test_several_arms(contrasts: str, adjustment: str) -> None:
    covariates = COVARIATES if adjustment == "ancova" else None
    result = compare_arms(
        rows(), **WHO, contrasts=contrasts, adjustment=adjustment, covariates=covariates,
        vcov="classical",
    )  # fmt: skip
    name = ("dunnett " if contrasts == "control" else "tukey ") + (
        "plain" if adjustment == "none" else "ancova"
    )
    compare_with_glht(result, expected(name, "multcomp"))


@pytest.mark.parametrize(("contrasts", "case"), [("control", "dunnett"), ("all", "tukey")])
def test_five_groups_of_cars(contrasts: str, case: str) -> None:
    df = cars()
    result = compare_arms(
        df[df["carb"] < 6], outcome="mpg", arm="carb", control=1, contrasts=contrasts,
        vcov="classical",
    )  # fmt: skip
    compare_with_glht(result, expected(f"{case} cars", "multcomp"), atol=5e-5)


def compare_with_glht(result, want: pd.DataFrame, *, atol: float = 2e-6) -> None:
    frame = result.to_frame().set_index("contrast").loc[want.index]
    for quantity in ("estimate", "std_error", "statistic"):
        np.testing.assert_allclose(frame[quantity], want[quantity], rtol=1e-8)
    np.testing.assert_allclose(frame["p_value"], want["p_value"], atol=atol)


def test_all_pairs_of_equal_arms_as_ptukey() -> None:
    want = expected("tukey equal", "stats")
    made = MaxT(np.array([[1, 0.5, -0.5], [0.5, 1, 0.5], [-0.5, 0.5, 1]]), 129.0)
    points = want["p_value"].dropna()
    found = made.tail(points.index.to_numpy(dtype=float))
    np.testing.assert_allclose(found, points, rtol=1e-8, atol=1e-11)
    assert made.quantile(0.95) == pytest.approx(want.loc["0.95", "quantile"], rel=1e-7)
