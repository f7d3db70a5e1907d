"""What R 4.2.2 gave for lalonde, in one table: every analysis of one data set beside the others.

MatchIt's lalonde (614 people) for matching and weighting, Matching's (445, the experiment) for
matching with replacement. How nearest neighbours fall depends on ties, and is in
test_match_reference.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit import matching, trials
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.propensity import fit_propensity
from evalkit.kernels.sandwich import sandwich
from evalkit.matching.matched_effects import effect_after
from evalkit.matching.treatment_sample import treatment_sample

FOLDER = Path(__file__).parents[1] / "reference" / "matching"
LALONDE = pd.read_csv(FOLDER / "balance_rows.csv").set_index("id")
EXPERIMENT = pd.read_csv(FOLDER / "abadie_imbens_rows.csv")
COVARIATES = "age + educ + race + married + nodegree + re74 + re75"
FULL = f"treat ~ {COVARIATES}"
EXPERIMENTAL = "treat ~ age + educ + black + hisp + married + nodegr + re74 + re75"


def first(table: pd.DataFrame, column: str) -> float:
    return float(table[column].iloc[0])


def neighbours(column: str, **call: object) -> float:
    table = matching.matching_estimator(
        EXPERIMENTAL, EXPERIMENT, outcome="re78", variance="homoscedastic", **call  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    return first(table.to_frame(), column)


def experiment(column: str) -> float:
    arms = EXPERIMENT.assign(arm=EXPERIMENT["treat"].map({1: "NSW", 0: "control"}))
    found = trials.effect(arms, outcome="re78", arm="arm", control="control")
    return first(found.to_frame(), column)


def score(what: str) -> float:
    sample = treatment_sample(FULL, LALONDE)
    fit = fit_propensity(sample.matrix, sample.treated)
    if what == "sd":
        return float(np.std(fit.probability, ddof=1))
    # R's first level of race is black, as here.
    return float(fit.coefficients[0 if what == "intercept" else 1 + sample.names.index(what)])


def after_nothing(column: str, covariates: str | None = None) -> float:
    sample = treatment_sample(FULL, LALONDE)
    found = effect_after(
        sample, np.ones(sample.n), outcome="re78", estimand="ATT", method="none",
        covariates=covariates,
    )  # fmt: skip
    return first(found.to_frame(), column)


def ordinary(robust: bool) -> float:
    sample = treatment_sample(FULL, LALONDE)
    x = np.column_stack([np.ones(sample.n), sample.treated.astype(np.float64), sample.matrix])
    fit = least_squares(x, LALONDE["re78"].to_numpy(dtype=np.float64))
    if not robust:
        return float(fit.coefficients[1])
    contrast = np.zeros((1, x.shape[1]))
    contrast[0, 1] = 1.0
    return float(sandwich(fit, "HC2", contrasts=contrast).std_error[0])


CASES: dict[str, tuple[float, int, Callable[[], float]]] = {
    "SD of the score": (0.290313372, 9, lambda: score("sd")),
    # glm(control = glm.control(epsilon = 1e-15)); with glm's default, which stops earlier, the
    # last digits are -1.663281595 and 0.1613068770.
    "score, intercept": (-1.6632815977, 10, lambda: score("intercept")),
    "score, educ": (0.1613068774, 10, lambda: score("educ")),
    "difference of means": (-635.0262, 4, lambda: after_nothing("estimate")),
    "g-computation": (1647.5833, 4, lambda: after_nothing("estimate", COVARIATES)),
    "least squares": (1548.2438, 4, lambda: ordinary(False)),
    "least squares, HC2": (742.1817, 4, lambda: ordinary(True)),
    "experiment": (1794.3431, 4, lambda: experiment("estimate")),
    "experiment, HC2": (670.9967, 4, lambda: experiment("std_error")),
    "neighbours, ATT": (2108.9037, 4, lambda: neighbours("estimate")),
    "neighbours, ATT, error": (887.0187, 4, lambda: neighbours("std_error")),
    "bias-adjusted": (2119.6559, 4, lambda: neighbours("estimate", bias_adjusted=True)),
    "bias-adjusted, error": (876.4229, 4, lambda: neighbours("std_error", bias_adjusted=True)),
    "neighbours, ATE": (1916.2064, 4, lambda: neighbours("estimate", estimand="ATE")),
    "neighbours, ATE, error": (806.4496, 4, lambda: neighbours("std_error", estimand="ATE")),
    "Mahalanobis": (2453.079, 3, lambda: neighbours("estimate", distance="mahalanobis")),
    "Mahalanobis, error": (803.7604, 4, lambda: neighbours("std_error", distance="mahalanobis")),
}


@pytest.mark.parametrize("case", CASES)
def test_values_of_r(case: str):
    value, decimals, compute = CASES[case]
    assert compute() == pytest.approx(value, abs=0.51 * 10.0**-decimals)
