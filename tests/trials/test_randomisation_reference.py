"""Randomisation tests against R: coin, multtest, sandwich, and lists of all assignments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.trials.randomisation_tests import RandomisationTest, randomisation_test

FOLDER = Path(__file__).parents[1] / "reference/trials"
TRIALS = pd.read_csv(FOLDER / "randomisation_trials.csv")
EXPECTED = pd.read_csv(FOLDER / "randomisation_expected.csv")
SHIFTS = pd.read_csv(FOLDER / "randomisation_shifts_expected.csv")


def run(trial: str, **options) -> RandomisationTest:
    df = TRIALS[TRIALS["trial"] == trial]
    return randomisation_test(df, arm="arm", control="CAU", exact=True, rng=1, **options)


@pytest.mark.parametrize("case", EXPECTED.to_dict("records"), ids=lambda c: " ".join(
    [c["trial"], c["outcome"], c["statistic"]]
))  # fmt: skip
def test_p_values(case: dict[str, object]) -> None:
    options: dict[str, object] = {}
    if case["trial"] == "strata":
        options["strata"] = "stratum"
    if case["trial"] == "clusters":
        options["cluster"] = "cluster"
    if "adjusted" in str(case["statistic"]):
        options["covariates"] = "age"
    if "studentised" in str(case["statistic"]):
        options["statistic"] = "studentised"
    row = run(str(case["trial"]), outcome=str(case["outcome"]), **options).to_frame().iloc[0]
    assert row["p_value"] == pytest.approx(case["p_value"], rel=1e-10)
    if case["estimate"] == case["estimate"]:
        assert row["estimate"] == pytest.approx(case["estimate"], rel=1e-10)


def test_westfall_young() -> None:
    expected = pd.read_csv(FOLDER / "randomisation_adjusted_expected.csv")
    frame = run("persons", outcome=expected["outcome"].tolist(), statistic="studentised").to_frame()
    for name in ("statistic", "p_value", "p_adjusted"):
        np.testing.assert_allclose(frame[name], expected[name], rtol=1e-10)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize(("outcome", "statistic"), sorted({*zip(
    SHIFTS["outcome"], SHIFTS["statistic"], strict=True
)}))  # fmt: skip
def test_confidence_sets(outcome: str, statistic: str, level: float) -> None:
    part = SHIFTS[(SHIFTS["outcome"] == outcome) & (SHIFTS["statistic"] == statistic)]
    sets = run("persons", outcome=outcome, statistic=statistic, level=level).confidence_sets()
    inside = np.zeros(len(part), dtype=bool)
    for low, high in zip(sets["conf_low"], sets["conf_high"], strict=True):
        inside |= part["shift"].between(low, high).to_numpy()
    assert (inside == (part["p_value"] > 1 - level + 1e-12)).all()
    assert 0 < inside.sum() < len(inside) or level == 0.95
