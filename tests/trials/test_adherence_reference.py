"""Two-stage least squares and Anderson-Rubin tests equal estimatr, AER and clubSandwich.

The committed script is tests/reference/trials/adherence.R. Everything is a closed form: 1e-9 of
its size; a weak first stage loses some digits by division, so 1e-7 there.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.student import student_quantile
from evalkit.trials.adherence import cace
from evalkit.trials.adherence_result import AdherenceEffect
from evalkit.trials.as_treated import as_treated
from evalkit.trials.dose import dose_response
from evalkit.trials.trial_sample import TrialWarning

HERE = Path(__file__).parents[1] / "reference" / "trials"
ROWS = pd.read_csv(HERE / "adherence_rows.csv")
EXPECTED = pd.read_csv(HERE / "adherence_expected.csv", keep_default_na=False)
TWO_STAGE = EXPECTED[
    EXPECTED["quantity"].isin(["estimate", "std_error", "df"]) & (EXPECTED["what"] != "as_treated")
]
CASES = list(TWO_STAGE.groupby(["set", "covariates", "what", "kind"], sort=False).groups)
OURS = {"AER": "classical", "stata": "CR1S"}


def fit(name: str, covariates: str, what: str, kind: str) -> AdherenceEffect:
    common = {
        "outcome": "y",
        "assigned": "arm",
        "control": "CAU",
        "covariates": covariates.removeprefix("+ ") or None,
        "cluster": "cluster" if kind.startswith("CR") else None,
        "vcov": kind,
    }
    rows = ROWS[ROWS["set"] == name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrialWarning)  # weak first stages are the point here
        if what == "received":
            return cace(rows, received="received", **common)
        return dose_response(rows, sessions="sessions", **common)


@pytest.mark.parametrize(("name", "covariates", "what", "kind"), CASES)
def test_two_stage_least_squares_equals_r(name: str, covariates: str, what: str, kind: str) -> None:
    rows = TWO_STAGE.query(
        "set == @name and covariates == @covariates and what == @what and kind == @kind"
    )
    result = fit(name, covariates, what, OURS.get(kind, kind)).to_frame().iloc[0]
    rel = 1e-9 if name == "strong" else 1e-7
    for quantity, value in zip(rows["quantity"], rows["value"], strict=True):
        assert result[quantity] == pytest.approx(value, rel=rel), quantity


@pytest.mark.parametrize("name", ["strong", "weak", "none"])
@pytest.mark.parametrize("covariates", ["", "+ x"])
@pytest.mark.parametrize("kind", ["HC2", "CR2"])
def test_the_set_holds_what_the_test_does_not_reject(name: str, covariates: str, kind: str) -> None:
    rows = EXPECTED.query(
        "set == @name and covariates == @covariates and kind == @kind and what == 'received'"
    )
    values = dict(zip(rows["quantity"], rows["value"], strict=True))
    result = fit(name, covariates, "received", kind)
    tested = {float(key.split()[-1]): t for key, t in values.items() if key.startswith("t at")}
    assert len(tested) == 6
    for delta, t in tested.items():
        df = values[f"df at {delta:g}"]
        assert result.anderson_rubin.df == pytest.approx(df, rel=1e-8)
        accepted = abs(t) <= float(student_quantile(0.95, df))
        assert result.anderson_rubin.contains(delta) is accepted, delta
    # At 0 the test is that of the assignment's effect on the outcome.
    itt = result.to_frame().set_index("term").loc["itt"]
    assert itt["statistic"] == pytest.approx(tested[0.0], rel=1e-9)


@pytest.mark.parametrize("kind", ["HC2", "CR2"])
def test_the_ends_of_the_set_are_just_rejected(kind: str) -> None:
    """Both forms, against the test itself: shift the outcome by an end, and p is 0.05."""
    for name, form in (("strong", "interval"), ("weak", "two rays")):
        result = fit(name, "+ x", "received", kind)
        assert result.anderson_rubin.form == form
        ends = [e for part in result.anderson_rubin.intervals for e in part if np.isfinite(e)]
        assert len(ends) == 2
        for end in ends:
            rows = ROWS[ROWS["set"] == name].copy()
            rows["y"] -= end * rows["received"]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TrialWarning)
                shifted = cace(
                    rows,
                    outcome="y",
                    assigned="arm",
                    control="CAU",
                    received="received",
                    covariates="x",
                    cluster="cluster" if kind == "CR2" else None,
                )
            p_value = shifted.to_frame().set_index("term").loc["itt", "p_value"]
            assert p_value == pytest.approx(0.05, rel=1e-8)


@pytest.mark.parametrize("covariates", ["", "+ x"])
@pytest.mark.parametrize("kind", ["HC2", "CR2"])
def test_as_treated_equals_r(covariates: str, kind: str) -> None:
    for name in ("strong", "weak", "none"):
        rows = EXPECTED.query(
            "set == @name and covariates == @covariates and kind == @kind and what == 'as_treated'"
        )
        result = as_treated(
            ROWS[ROWS["set"] == name],
            outcome="y",
            assigned="arm",
            control="CAU",
            received="received",
            covariates=covariates.removeprefix("+ ") or None,
            cluster="cluster" if kind == "CR2" else None,
        )
        found = result.to_frame().iloc[0]
        for quantity, value in zip(rows["quantity"], rows["value"], strict=True):
            assert found[quantity] == pytest.approx(value, rel=1e-8), quantity
