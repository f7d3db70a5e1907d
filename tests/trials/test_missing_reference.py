"""Missing outcomes against R; values made by tests/reference/trials/missing_outcomes.R."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.imputation_models import fit_logit
from evalkit.kernels.rubin import pool
from evalkit.kernels.student import student
from evalkit.trials.attrition import attrition_test
from evalkit.trials.attrition_bounds import lee_bounds
from evalkit.trials.imputation import multiple_imputation
from evalkit.trials.response_weighting import attrition_weights

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
TRIAL: dict[str, Any] = {"arm": "arm", "control": "CAU"}


@cache
def rows() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "missing_trial.csv")


@cache
def expected() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "missing_expected.csv")


def from_r(case: str, quantity: str) -> np.ndarray:
    table = expected()
    found = table[(table["case"] == case) & (table["quantity"] == quantity)]["value"]
    assert len(found), (case, quantity)
    return found.to_numpy()


@pytest.mark.parametrize("case", range(5))
def test_pool_equals_mice(case: int) -> None:
    cases = pd.read_csv(REFERENCE / "missing_pool_cases.csv")
    mine = cases[cases["case"] == case]
    wanted = pd.read_csv(REFERENCE / "missing_pool_expected.csv").iloc[case]
    found = pool(
        mine["estimate"].to_numpy()[None],
        mine["variance"].to_numpy()[None],
        mine["df_complete"].iloc[0],
    )
    for name in (
        "estimate", "within", "between", "total", "df", "relative_increase", "missing_information",
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(found, name)[0], wanted[name], rtol=1e-12, err_msg=name)


def test_pooled_regression_equals_mice() -> None:
    data = pd.read_csv(REFERENCE / "missing_nhanes.csv")
    estimates, variances = [], []
    for _, one in data.groupby(".imp"):
        x = np.column_stack([np.ones(len(one)), one["bmi"], one["age"]])
        y = one["chl"].to_numpy(dtype=float)
        beta = np.linalg.solve(x.T @ x, x.T @ y)
        spread = ((y - x @ beta) ** 2).sum() / (len(y) - 3)
        estimates.append(beta)
        variances.append(spread * np.diag(np.linalg.inv(x.T @ x)))
    found = pool(np.array(estimates).T, np.array(variances).T, len(one) - 3)
    columns = student(found.estimate, np.sqrt(found.total), found.df, 0.95)
    for name, values in {
        "estimate": found.estimate,
        "std.error": columns["std_error"],
        "df": found.df,
        "riv": found.relative_increase,
        "fmi": found.missing_information,
        "2.5 %": columns["conf_low"],
        "97.5 %": columns["conf_high"],
    }.items():
        np.testing.assert_allclose(values, from_r("nhanes", name), rtol=1e-8, err_msg=name)


@pytest.mark.parametrize(("case", "column", "levels"), [("logit", "b", 2), ("cumulative", "o", 4)])
def test_logit_fits_equal_weighted_fits(case: str, column: str, levels: int) -> None:
    df = rows().dropna(subset=column)
    x = np.column_stack([df["x"], df["arm"] == "ReDO"]).astype(float)
    y = df[column].to_numpy().astype(int) - (levels > 2)
    fit = fit_logit(x, y, levels)
    np.testing.assert_allclose(fit.parameters, from_r(case, "parameters"), rtol=1e-6)
    variance = fit.root @ fit.root.T
    np.testing.assert_allclose(variance.ravel(), from_r(case, "variance"), rtol=1e-5, atol=1e-9)


def visits(method: str, **options: Any) -> pd.Series:
    options = {"covariates": "x + site", "earlier": "y1", "inference": "jackknife"} | options
    result = multiple_imputation(rows(), outcome="y2", **TRIAL, method=method, **options)
    return result.to_frame().iloc[0]


@pytest.mark.parametrize(
    "method", ["mar", "jump to reference", "copy increments", "copy reference"]
)
def test_conditional_means_equal_regressions(method: Any) -> None:
    row = visits(method)
    assert row["estimate"] == pytest.approx(from_r("mean", method)[0], rel=1e-10)
    assert row["std_error"] == pytest.approx(from_r("jackknife", method)[0], rel=1e-10)
    assert row["df"] == 118
    shifted = visits(method, delta=-1.5)
    assert shifted["estimate"] == pytest.approx(from_r("mean_shifted", method)[0], rel=1e-10)


def test_jackknife_of_clusters() -> None:
    row = visits("copy increments", cluster="g")
    wanted = from_r("jackknife_clusters", "copy increments")[0]
    assert row["std_error"] == pytest.approx(wanted, rel=1e-10)
    assert row["df"] == 10 + 56 - 2


def test_conditional_probabilities() -> None:
    row = (
        multiple_imputation(
            rows(), outcome="b", **TRIAL, kind="binary", covariates="x",
            method="jump to reference", inference="jackknife",
        )
        .to_frame()
        .iloc[0]
    )  # fmt: skip
    name = "binary jump to reference"
    assert row["estimate"] == pytest.approx(from_r("mean", name)[0], rel=1e-7)
    assert row["std_error"] == pytest.approx(from_r("jackknife", name)[0], rel=1e-6)


CASES: dict[str, dict[str, Any]] = {
    "weights": {},
    "weights_adjusted": {"covariates": "x"},
    "weights_clusters": {"cluster": "g"},
}


@pytest.mark.parametrize("case", CASES)
def test_weights_equal_svyglm(case: str) -> None:
    df = rows()
    options = CASES[case] | {"response": "x + site", "outcome": "y2"} | TRIAL
    known = attrition_weights(df, **options, variance="known")
    row = known.to_frame()[["estimate", "std_error", "statistic", "p_value", "df"]].iloc[0]
    np.testing.assert_allclose(row.to_numpy(dtype=float), from_r(case, "known"), rtol=1e-8)
    linear = attrition_weights(df, **options, variance="estimated").to_frame()
    row = linear[["estimate", "std_error"]].iloc[0]
    # The reference differentiates numerically.
    np.testing.assert_allclose(row.to_numpy(dtype=float), from_r(case, "estimated"), rtol=1e-6)
    weight = known.weights["weight"].to_numpy()
    np.testing.assert_allclose(weight[weight > 0], from_r("weights", "weight"), rtol=1e-8)


def test_lee_bounds_equal_their_definition() -> None:
    result = lee_bounds(rows(), outcome="whole", **TRIAL)
    frame = result.to_frame()
    np.testing.assert_allclose(frame["estimate"][:2], from_r("lee", "bounds"), rtol=1e-12)
    np.testing.assert_allclose(frame["std_error"][:2], from_r("lee", "std_error"), rtol=1e-12)
    np.testing.assert_allclose(
        frame[["conf_low", "conf_high"]].iloc[2], from_r("lee", "effect"), rtol=1e-9
    )
    assert result.trimmed["ReDO - CAU"] == pytest.approx(from_r("lee", "trimmed")[0], rel=1e-12)


def test_lee_bounds_in_strata() -> None:
    df = rows().assign(half=rows()["x"] < 20)
    frame = lee_bounds(df, outcome="whole", **TRIAL, strata="half").to_frame()
    np.testing.assert_allclose(frame["estimate"][:2], from_r("lee_strata", "bounds"), rtol=1e-12)


def test_attrition_tests() -> None:
    df = rows()
    score = attrition_test(df, outcome="y2", **TRIAL)
    np.testing.assert_allclose(
        [score.statistic, score.p_value], from_r("attrition", "score"), rtol=1e-10
    )
    for case, cluster in (("attrition_hc2", None), ("attrition_cr2", "g")):
        test = attrition_test(df, outcome="y2", **TRIAL, covariates="x", cluster=cluster)
        assert isinstance(test.df, tuple)
        np.testing.assert_allclose(
            [test.statistic, *test.df, test.p_value], from_r(case, "test"), rtol=1e-8
        )
