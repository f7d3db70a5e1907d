"""Weights, their estimates and standard errors against R: see reference/matching/weighting.R."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.matching.weighting import weight

FOLDER = Path(__file__).parents[1] / "reference" / "matching"
PEOPLE = pd.read_csv(FOLDER / "balance_rows.csv").assign(won=lambda d: (d["re78"] > 0).astype(int))
EXPECTED = pd.read_csv(FOLDER / "weighting_expected.csv").set_index("case")
FULL = "treat ~ age + educ + race + married + nodegree + re74 + re75"
FEW = "treat ~ age + educ + married + nodegree + re74"
RACE = "race ~ age + educ + married"

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ipw_att": (FULL, {}, {}),
    "ipw_ate": (FULL, {"estimand": "ATE"}, {}),
    "ipw_atc": (FULL, {"estimand": "ATC"}, {}),
    "overlap": (FULL, {"method": "overlap"}, {}),
    "probit_att": (FULL, {"link": "probit"}, {}),
    "cloglog_ate": (FULL, {"link": "cloglog", "estimand": "ATE"}, {}),
    "survey_att": (FULL, {"survey_weights": "s"}, {}),
    "survey_ate": (FULL, {"survey_weights": "s", "estimand": "ATE"}, {}),
    "ratio_ate": (FULL, {"estimand": "ATE"}, {"outcome": "won", "measure": "ratio"}),
    "odds_att": (FULL, {}, {"outcome": "won", "measure": "odds_ratio"}),
    "cluster_att": (FULL, {}, {"cluster": "educ"}),
    "trim_ate": (FULL, {"estimand": "ATE", "trim": 0.98}, {}),
    "regression_att": (FULL, {}, {"covariates": "age + educ + re74"}),
    "entropy_att": (FEW, {"method": "entropy"}, {}),
    "entropy_ate": (FEW, {"method": "entropy", "estimand": "ATE"}, {}),
    "entropy_survey": (FEW, {"method": "entropy", "survey_weights": "s"}, {}),
    "cbps_ate": (FEW, {"method": "cbps", "estimand": "ATE"}, {}),
    "cbps_atc": (FEW, {"method": "cbps", "estimand": "ATC"}, {}),
    "stable_exact": (FULL, {"method": "stable"}, {}),
    "stable_near": (FULL, {"method": "stable", "tolerance": 0.05}, {}),
    **{
        f"three_{target.lower()}_{row + 2}": (
            RACE,
            {"method": "overlap"} if target == "ATO" else {"estimand": target}
            if target == "ATE" else {"estimand": target, "focal": "white"},
            {},
        )
        for target in ("ATE", "ATO", "ATT")
        for row in (0, 1)
    },
}  # fmt: skip


def test_every_case_of_r_is_checked():
    assert sorted(CASES) == sorted(EXPECTED.index)


@pytest.mark.parametrize("case", sorted(CASES))
def test_weights_estimates_and_errors_are_those_of_r(case: str):
    formula, call, options = CASES[case]
    wanted = EXPECTED.loc[case]
    weighted = weight(formula, PEOPLE, **call)
    outcome = {"outcome": "re78", **options}
    found = weighted.effect(**outcome).to_frame()
    row = found.iloc[int(case[-1]) - 2 if case.startswith("three") else 0]
    sizes = weighted.to_frame()  # the highest group first
    np.testing.assert_allclose(
        [row["estimate"], *sizes["ess"].iloc[[-1, 0]], *sizes["largest_share"].iloc[[-1, 0]]],
        wanted[["estimate", "ess_low", "ess_high", "share_low", "share_high"]].astype(float),
        rtol=1e-6,
    )
    if not np.isnan(wanted["std_error"]):
        assert row["std_error"] == pytest.approx(wanted["std_error"], rel=1e-6)
