"""Binary, ordinal, count and time effects against R: outcomes_expected.csv, by outcomes.R.

Iterative values agree to 1e-6, most of them to 1e-9.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.proportional_odds import fit_proportional_odds
from evalkit.trials.effect_measures import effect
from evalkit.trials.trial_sample import TrialWarning

HERE = Path(__file__).parents[1] / "reference" / "trials"
AT_LEAST = 100


@cache
def people() -> pd.DataFrame:
    return pd.read_csv(HERE / "outcomes_rows.csv")


@cache
def expected() -> dict[tuple[str, str], float]:
    table = pd.read_csv(HERE / "outcomes_expected.csv")
    return {(row.case, row.quantity): row.value for row in table.itertuples()}


def row(measure: str, **options: Any) -> pd.Series[Any]:
    frame = options.pop("df", people())
    outcome = {
        "proportional_odds": "health",
        "probabilistic_index": "health",
        "win_ratio": "health",
        "rate_ratio": "spells",
        "hazard_ratio": "days",
        "rmst_difference": "days",
    }.get(measure, "work")
    if outcome == "days":
        options["event"] = "back"
    settings: dict[str, Any] = {"outcome": outcome, "arm": "arm", "control": "kontroll"}
    table = effect(frame, measure=measure, **settings, **options)  # pyright: ignore[reportArgumentType]
    return table.to_frame().iloc[0]


def close(actual: object, case: str, quantity: str) -> None:
    np.testing.assert_allclose(
        actual, expected()[case, quantity], rtol=1e-6, err_msg=f"{case} {quantity}"
    )


@pytest.mark.parametrize("measure", ["risk_difference", "risk_ratio", "odds_ratio"])
def test_clusters_in_one_arm(measure: str) -> None:
    found = row(measure, cluster="group")
    for name in ("estimate", "std_error", "df"):
        close(found[name], f"{measure}.cr2", name)


ADJUSTED = {"covariates": "region + age + woman"}


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("standardised", {"adjustment": "standardised", **ADJUSTED}),
        ("lin", {"adjustment": "lin", **ADJUSTED}),
        ("standardised.copies", {"adjustment": "standardised", "weights": "copies", **ADJUSTED}),
    ],
)
def test_standardised_means(case: str, options: dict[str, Any]) -> None:
    difference = row("risk_difference", **options)
    close(difference["estimate"], case, "difference")
    close(difference["std_error"], case, "difference_se")
    close(difference["risk"], case, "mean_arm")
    close(difference["risk_control"], case, "mean_control")
    for measure, name in (("risk_ratio", "log_ratio"), ("odds_ratio", "log_odds_ratio")):
        found = row(measure, **options)
        close(np.log(found["estimate"]), case, name)
        close(found["std_error"], case, f"{name}_se")


def test_standardised_means_of_three_arms() -> None:
    counts = pd.read_csv(HERE / "outcomes_three_arms.csv")
    df = counts.loc[counts.index.repeat(counts["n"])]
    options: dict[str, Any] = {"covariates": "s1", "adjustment": "lin"}
    settings: dict[str, Any] = {"outcome": "y", "arm": "treatment", "control": "pbo"}
    table = effect(df, measure="risk_difference", **settings, **options).to_frame()
    close(table["estimate"][0], "three_arms", "difference")
    close(table["std_error"][0], "three_arms", "difference_se")
    ratio = effect(df, measure="risk_ratio", **settings, **options).to_frame()
    close(np.log(ratio["estimate"][0]), "three_arms", "log_ratio")
    close(ratio["std_error"][0], "three_arms", "log_ratio_se")
    # as RobinCar2 prints them for y_b ~ treatment * s1, simple randomisation
    np.testing.assert_allclose(table["risk_control"][0], 0.366007, atol=5e-7)
    np.testing.assert_allclose(expected()["three_arms", "std_error_control"], 0.033864, atol=5e-7)
    np.testing.assert_allclose(
        table.loc[0, ["estimate", "std_error"]].to_list(), [0.214978, 0.048633], atol=5e-7
    )
    np.testing.assert_allclose(
        [np.log(ratio["estimate"][0]), ratio["std_error"][0]], [0.462072, 0.110251], atol=5e-7
    )


@pytest.mark.parametrize(
    ("case", "measure", "options"),
    [
        ("odds_ratio.ancova", "odds_ratio", ADJUSTED),
        ("odds_ratio.ancova.copies", "odds_ratio", {"weights": "copies", **ADJUSTED}),
        ("risk_ratio.ancova", "risk_ratio", ADJUSTED),
        ("rate_ratio", "rate_ratio", {"exposure": "years"}),
        ("rate_ratio.ancova", "rate_ratio", {"exposure": "years", "covariates": "region + age"}),
        ("proportional_odds", "proportional_odds", {}),
        ("proportional_odds.ancova", "proportional_odds", ADJUSTED),
        ("hazard_ratio", "hazard_ratio", {}),
        ("hazard_ratio.ancova", "hazard_ratio", {"covariates": "age + woman"}),
        ("hazard_ratio.strata", "hazard_ratio", {"strata": "region"}),
    ],
)
def test_regression_with_every_variance(case: str, measure: str, options: dict[str, Any]) -> None:
    adjustment = "ancova" if "covariates" in options else "none"
    kinds = ["model", "HC0"]
    if measure in ("odds_ratio", "risk_ratio", "rate_ratio"):
        kinds += ["HC1", "HC2", "HC3"]
    if measure == "risk_ratio":
        kinds.remove("model")
    for kind in kinds:
        found = row(measure, adjustment=adjustment, vcov=kind, **options)
        close(found["estimate"], case, "estimate")
        close(found["std_error"], case, kind)
    if "weights" not in options:
        found = row(measure, adjustment=adjustment, cluster="office", **options)
        close(found["std_error"], case, "CR1")
        np.testing.assert_allclose(found["df"], people()["office"].nunique() - 1)


def test_other_variances_of_counts() -> None:
    close(row("rate_ratio", exposure="years", vcov="quasi")["std_error"], "rate_ratio", "quasi")
    exact = row("rate_ratio", exposure="years", vcov="exact")
    for name in ("estimate", "conf_low", "conf_high", "p_value"):
        close(exact[name], "rate_ratio.exact", name)
    found = row("rate_ratio", covariates="region + age", adjustment="standardised")
    close(found["estimate"], "rate_ratio.standardised", "estimate")
    close(found["std_error"], "rate_ratio.standardised", "std_error")


def test_likelihood_of_proportional_odds() -> None:
    df = people()
    level = (df["health"] - 1).to_numpy(dtype=np.int64)
    arm = (df["arm"] == "ReDO").to_numpy(dtype=float)[:, None]
    close(fit_proportional_odds(level, arm, 5).loglik, "proportional_odds", "loglik")


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("pairs", {}),
        ("pairs.strata", {"strata": "region"}),
        ("pairs.copies", {"weights": "copies"}),
    ],
)
def test_all_pairs(case: str, options: dict[str, Any]) -> None:
    for measure, name in (("probabilistic_index", "index"), ("win_ratio", "win_ratio")):
        found = row(measure, **options)
        close(found["estimate"], case, name)
        close(found["std_error"], case, f"{name}_se")
        close(found["df"], case, f"{name}_df")


def test_restricted_means() -> None:
    found = row("rmst_difference", tau=300)
    for name in ("estimate", "std_error", "mean", "mean_control"):
        close(found[name], "rmst_difference", name)
    found = row("rmst_difference", tau=300, weights="copies")
    close(found["estimate"], "rmst_difference.copies", "estimate")
    close(found["std_error"], "rmst_difference.copies", "std_error")
    found = row("rmst_difference", tau=300, strata="region")
    close(found["estimate"], "rmst_difference.strata", "estimate")
    close(found["std_error"], "rmst_difference.strata", "std_error")


def test_singleton_clusters_are_nearly_the_plain_variance() -> None:
    found = row("rmst_difference", tau=300, cluster="person")
    close_to = expected()["rmst_difference", "std_error"]
    np.testing.assert_allclose(found["std_error"], close_to, rtol=0.02)


def test_there_are_enough_cases() -> None:
    assert len(expected()) >= AT_LEAST
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrialWarning)
        row("risk_difference")
