"""Parametric models against R: survreg, glm, and likelihoods written down and maximised there.

Reference values are made by tests/reference/survival/parametric.R. Iterative results agree to
1e-6; standard errors that R takes from numerical second derivatives to 1e-5.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.core.sample import SurvivalWarning
from evalkit.survival.parametric_models import parametric

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
LOG_TIME = ("exponential", "weibull", "log-logistic", "log-normal", "generalised-gamma")
PERSON = pd.DataFrame({"treated": [1], "age": [50]})


def rows() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "parametric_rows.csv")


def expected(case: str) -> dict[str, pd.Series]:
    table = pd.read_csv(REFERENCE / "parametric_expected.csv", keep_default_na=False)
    chosen = table[table["case"] == case].astype({"value": float})
    assert len(chosen), case
    return {q: part.set_index("term")["value"] for q, part in chosen.groupby("quantity")}


def fit_rows(**options):
    with warnings.catch_warnings():
        # Some of the reference cases have a poor plateau; what is compared are the numbers.
        warnings.simplefilter("ignore", SurvivalWarning)
        return parametric("treated + age", rows(), duration="stop", event="left", **options)


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOG_TIME[:4])
def test_right_censored_equals_survreg(name, weighted, robust) -> None:
    fit = fit_rows(
        distribution=name,
        weights="weight" if weighted else None,
        cluster="cluster" if robust else None,
    )
    want = expected(
        f"survreg {name} {'weights' if weighted else 'plain'} {'robust' if robust else 'model'}"
    )
    frame = fit.to_frame()
    assert frame["term"].str.replace("Intercept", "(Intercept)").tolist() == list(
        want["estimate"].index
    )
    np.testing.assert_allclose(frame["estimate"], want["estimate"], rtol=1e-6)
    np.testing.assert_allclose(frame["std_error"], want["std_error"], rtol=1e-6)
    np.testing.assert_allclose(fit.loglik, want["loglik"].item(), rtol=1e-10)
    for q in (0.1, 0.5, 0.9):
        got = fit.quantile(PERSON, q)
        np.testing.assert_allclose(np.log(got["estimate"]), want["log_quantile"][str(q)], rtol=1e-6)
        if "log_quantile_error" in want:
            error = got["std_error"] / got["estimate"]
            np.testing.assert_allclose(error, want["log_quantile_error"][str(q)], rtol=1e-6)


def optim_cases() -> list[str]:
    table = pd.read_csv(REFERENCE / "parametric_expected.csv", keep_default_na=False)
    return sorted(case for case in set(table["case"]) if case.startswith("optim"))


@pytest.mark.parametrize("case", optim_cases())
def test_entries_shapes_and_cured_shares_equal_optim(case) -> None:
    _, name, cure, entry, weighted = case.split()
    options = {
        "distribution": name,
        "cure": "treated" if cure == "cure" else False,
        "entry": "start" if entry == "entry" else None,
        "weights": "weight" if weighted == "weights" else None,
    }
    fit, want = fit_rows(**options), expected(case)
    frame = fit.to_frame()
    assert frame["term"].tolist() == list(want["estimate"].index)
    np.testing.assert_allclose(fit.loglik, want["loglik"].item(), rtol=1e-9)
    np.testing.assert_allclose(frame["estimate"], want["estimate"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(frame["std_error"], want["std_error"], rtol=1e-5)
    if "robust_error" in want:
        robust = fit_rows(**options, cluster="cluster").to_frame()
        np.testing.assert_allclose(robust["std_error"], want["robust_error"], rtol=1e-5)
    if "survival" not in want:
        return
    survival = fit.survival(PERSON, [30, 365, 1000])
    np.testing.assert_allclose(survival["survival"], want["survival"], rtol=1e-6)
    np.testing.assert_allclose(survival["std_error"], want["survival_error"], rtol=1e-5)
    mean = fit.rmst(PERSON, 365)
    np.testing.assert_allclose(mean["estimate"], want["rmst"], rtol=1e-6)
    np.testing.assert_allclose(mean["std_error"], want["rmst_error"], rtol=1e-5)
    median = fit.quantile(PERSON)
    np.testing.assert_allclose(median["estimate"], want["median"], rtol=1e-6)
    np.testing.assert_allclose(median["std_error"], want["median_error"], rtol=1e-5)
    np.testing.assert_allclose(fit.hazard(PERSON, 100)["hazard"], want["hazard"], rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("entry", [False, True])
def test_piecewise_exponential_equals_poisson_regression(entry, weighted) -> None:
    fit = fit_rows(
        distribution="piecewise-exponential",
        breaks=(90, 180, 365),
        closed="right",
        entry="start" if entry else None,
        weights="weight" if weighted else None,
    )
    want = expected(f"piecewise {'entry' if entry else 'all'} {'weights' if weighted else 'plain'}")
    frame = fit.to_frame()
    np.testing.assert_allclose(frame["estimate"], want["estimate"], rtol=1e-6)
    np.testing.assert_allclose(frame["std_error"], want["std_error"], rtol=1e-6)
    np.testing.assert_allclose(fit.loglik, want["loglik"].item(), rtol=1e-10)
    survival = fit.survival(PERSON, [30, 365, 1000])
    np.testing.assert_allclose(survival["survival"], want["survival"], rtol=1e-6)
    np.testing.assert_allclose(fit.quantile(PERSON)["estimate"], want["median"], rtol=1e-6)
    np.testing.assert_allclose(fit.rmst(PERSON, 365)["estimate"], want["rmst"], rtol=1e-6)
