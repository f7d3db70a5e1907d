"""Partially nested models equal nlme, lme4, lmerTest, pbkrtest and clubSandwich.

The committed script is tests/reference/trials/nested.R. Log-likelihoods agree to 1e-9 of their
size and closed forms to 1e-9. R's optimisers stop where the likelihood is flat to rounding, which
leaves its variances known to about 1e-6 of their size, and with them whatever is computed from
them; lmerTest's degrees of freedom are from numerical second derivatives besides.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from evalkit.trials.nested_groups import partially_nested
from evalkit.trials.nested_result import NestedEffect
from evalkit.trials.trial_sample import TrialWarning

HERE = Path(__file__).parents[1] / "reference" / "trials"
ROWS = pd.read_csv(HERE / "nested_rows.csv")
EXPECTED = pd.read_csv(HERE / "nested_expected.csv", keep_default_na=False)
CASES = list(EXPECTED.groupby(["set", "covariates", "fit"], sort=False).groups)
TOLERANCE = {
    "minus_2_log_reml": 1e-9,
    "estimate": 1e-6,
    "std_error": 1e-6,
    "std_error_kenward_roger": 1e-6,
    "df": 1e-9,
}


def fit(name: str, covariates: str, model: str, small_sample: str) -> NestedEffect:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrialWarning)  # some never started: tested elsewhere
        return partially_nested(
            ROWS[ROWS["set"] == name],
            outcome="y",
            arm="arm",
            control="CAU",
            group="group",
            covariates=covariates.removeprefix("+ ") or None,
            variances="common" if model == "lmer common" else "by arm",
            small_sample=small_sample,
            leader="leader" if name == "leaders" else None,
        )


@pytest.mark.parametrize(("name", "covariates", "model"), CASES)
def test_equals_r(name: str, covariates: str, model: str) -> None:
    rows = EXPECTED.query("set == @name and covariates == @covariates and fit == @model")
    values = dict(zip(rows["quantity"], rows["value"], strict=True))
    result = fit(name, covariates, model, "satterthwaite")
    frame = result.to_frame().set_index("term")
    variances = result.variances.set_index("component")["variance"]
    if model == "cr2":
        row = frame.loc["difference_cr2"]
        for quantity in ("estimate", "std_error", "df"):
            assert row[quantity] == pytest.approx(values[quantity], rel=1e-9), quantity
        return
    found = {
        "estimate": frame.loc["difference", "estimate"],
        "std_error": frame.loc["difference", "std_error"],
        "df_satterthwaite": frame.loc["difference", "df"],
        "minus_2_log_reml": -2 * result.loglik,
        "between": variances["between groups"],
    }
    if "std_error_kenward_roger" in values:
        adjusted = fit(name, covariates, model, "kenward-roger").to_frame().iloc[0]
        found["std_error_kenward_roger"] = adjusted["std_error"]
        found["df_kenward_roger"] = adjusted["df"]
    if "residual_arm" in values:
        found["residual_arm"] = variances["residual, ReDO"]
        found["residual_control"] = variances["residual, CAU"]
    if "leader" in values:
        found["leader"] = variances["between leader"]
    for quantity, value in values.items():
        rel = TOLERANCE.get(quantity, 1e-5)
        assert found[quantity] == pytest.approx(value, rel=rel, abs=1e-12), quantity


def test_boundary_is_where_lme4_and_gls_have_it() -> None:
    for covariates in ("", "+ x + site"):
        result = fit("boundary", covariates, "gls", "satterthwaite")
        assert result.icc == 0
        assert result.variances["at_boundary"].tolist() == [False, False, True]
        assert any("ICC = 0 at the boundary" in note for note in result.notes)
        assert result.loglik == result.loglik_without_groups
