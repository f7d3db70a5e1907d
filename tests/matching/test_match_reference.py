"""Matching against MatchIt, Matching and R itself; ``tests/reference/matching/matched.R``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.propensity import fit_propensity
from evalkit.kernels.vector_matching import robust_whitening, whitening
from evalkit.matching import match

FORM = "took ~ age + days + income + woman"
LALONDE = "treat ~ age + educ + race + married + nodegree + re74 + re75"


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "tests/reference/matching"


@pytest.fixture(scope="module")
def people(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "matched_people.csv")


@pytest.fixture(scope="module")
def lalonde(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "matched_lalonde.csv")


@pytest.fixture(scope="module")
def pairs(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "matched_pairs.csv")


@pytest.fixture(scope="module")
def expected(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "matched_expected.csv")


def pair_set(frame: pd.DataFrame) -> set[tuple[int, int]]:
    """Return the pairs of a frame."""
    return set(map(tuple, frame[["treated", "control"]].to_numpy().tolist()))


NEAREST: dict[str, dict[str, Any]] = {
    "people_1": {},
    "people_caliper_20": {"caliper": 0.2},
    "people_caliper_05": {"caliper": 0.05},
    "people_ratio_2": {"ratio": 2},
    "people_ratio_2_caliper": {"ratio": 2, "caliper": 0.1},
    "people_exact": {"exact": "region"},
    "people_exact_caliper": {"exact": ["region", "woman"], "caliper": 0.2},
    "people_replace": {"replace": True},
    "people_replace_caliper": {"replace": True, "caliper": 0.05},
    "people_antiexact": {"antiexact": "region"},
    "people_linear": {"distance": "linear_propensity", "caliper": 0.1},
    "people_mahalanobis": {"distance": "mahalanobis", "order": "data"},
    "people_mahalanobis_exact": {"distance": "mahalanobis", "order": "data", "exact": "region"},
    "people_robust": {"distance": "robust_mahalanobis", "order": "data"},
    "matching_replace_1": {"replace": True},
    "matching_replace_3": {"replace": True, "ratio": 3},
    "matching_replace_caliper": {"replace": True, "caliper": 0.05},
    "matching_data_order": {"order": "data"},
    "matching_data_order_caliper": {"order": "data", "caliper": 0.1},
}


@pytest.mark.parametrize("case", NEAREST)
def test_nearest_pairs_are_those_of_r(people: pd.DataFrame, pairs: pd.DataFrame, case: str) -> None:
    found = match(FORM, people, **NEAREST[case])
    assert pair_set(found.pairs) == pair_set(pairs[pairs["case"] == case])


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("lalonde_1", {}),
        ("lalonde_caliper_20", {"caliper": 0.2}),
        ("lalonde_caliper_10", {"caliper": 0.1}),
    ],
)
def test_nearest_pairs_of_tied_scores_are_those_of_r(
    lalonde: pd.DataFrame, pairs: pd.DataFrame, case: str, options: dict[str, Any]
) -> None:
    found = match(LALONDE, lalonde, **options)
    assert pair_set(found.pairs) == pair_set(pairs[pairs["case"] == case])


STRATA: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("treat ~ race + married + nodegree", {"method": "exact"}),
    "cem": ("treat ~ age + educ + race + re74", {"method": "cem"}),
    "cem_cut": (
        "treat ~ age + educ + race + married",
        {"method": "cem", "cutpoints": {"age": 4, "educ": [8.5, 11.5]}},
    ),
}


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE"])
@pytest.mark.parametrize("case", STRATA)
def test_weights_of_strata_are_those_of_matchit(
    lalonde: pd.DataFrame, expected: pd.DataFrame, case: str, estimand: Any
) -> None:
    formula, options = STRATA[case]
    found = match(formula, lalonde, estimand=estimand, **options)
    wanted = expected.loc[expected["case"] == f"{case}_{estimand}", "value"]
    np.testing.assert_allclose(found.row_weights, wanted, rtol=1e-10)


@pytest.mark.parametrize(
    ("subclasses", "estimand"), [(5, "ATT"), (8, "ATT"), (4, "ATC"), (3, "ATE")]
)
def test_weights_of_subclasses_are_those_of_matchit(
    lalonde: pd.DataFrame, expected: pd.DataFrame, subclasses: int, estimand: Any
) -> None:
    found = match(LALONDE, lalonde, method="subclass", subclasses=subclasses, estimand=estimand)
    wanted = expected.loc[expected["case"] == f"subclass_{subclasses}_{estimand}", "value"]
    np.testing.assert_allclose(found.row_weights, wanted, rtol=1e-10)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_coefficients_are_those_of_glm(
    people: pd.DataFrame, expected: pd.DataFrame, link: Any
) -> None:
    x = people[["age", "days", "income", "woman"]].to_numpy(dtype=np.float64)
    fit = fit_propensity(x, people["took"].to_numpy() == 1, link=link)
    wanted = expected.loc[expected["case"] == f"coefficients_{link}", "value"]
    np.testing.assert_allclose(fit.coefficients, wanted, rtol=1e-6)


@pytest.mark.parametrize("case", ["distance_mahalanobis", "distance_robust"])
def test_distances_are_those_of_r(people: pd.DataFrame, expected: pd.DataFrame, case: str) -> None:
    x = people[["age", "days", "income", "woman"]].to_numpy(dtype=np.float64)
    took = people["took"].to_numpy() == 1
    mapped = whitening(x, took) if case == "distance_mahalanobis" else robust_whitening(x)
    one, zero = mapped.points[took][:10], mapped.points[~took][:12]
    distances = np.sqrt(((one[:, None] - zero) ** 2).sum(axis=2))
    wanted = expected.loc[expected["case"] == case, "value"].to_numpy().reshape(10, 12)
    np.testing.assert_allclose(distances, wanted, rtol=1e-9)


# What the comparison of MatchIt 4.5.4 and brute force gave for lalonde, ties in row order.
@pytest.mark.parametrize(
    ("options", "n", "difference"),
    [
        ({}, 185, 894.3675),
        ({"caliper": 0.2}, 113, 1571.7445),
        ({"caliper": 0.1}, 111, 1835.4077),
        ({"exact": "race"}, 116, 1472.6874),
        ({"ratio": 2}, 185, 220.2886),
        ({"distance": "mahalanobis", "order": "data"}, 185, 516.6367),
        ({"method": "subclass", "subclasses": 5}, 185, 663.8873),
    ],
)
def test_lalonde(lalonde: pd.DataFrame, options: dict[str, Any], n: int, difference: float) -> None:
    found = match(LALONDE, lalonde, **options)
    data = found.data
    means = [
        np.average(part["re78"], weights=part["weights"])
        for part in (data[data["treat"] == 1], data[data["treat"] == 0])
    ]
    assert found.n.loc["matched", "treated"] == n
    assert means[0] - means[1] == pytest.approx(difference, abs=5e-5)


def test_lalonde_balance_after_matching(lalonde: pd.DataFrame) -> None:
    table = match(LALONDE, lalonde).balance().to_frame().set_index("variable")["smd_adjusted"]
    wanted = {"distance": 0.9739, "age": 0.0718, "educ": -0.1290, "re74": -0.0505, "re75": -0.0257}
    for name, value in wanted.items():
        assert table[name] == pytest.approx(value, abs=5e-5)


def test_lalonde_exact_strata(lalonde: pd.DataFrame) -> None:
    found = match("treat ~ race + married + nodegree", lalonde, method="exact")
    assert found.row_subclass.max() + 1 == 12
    assert found.ess[0] == pytest.approx(111.5254, abs=5e-5)
    effect = found.effect("re78").to_frame()
    assert effect["estimate"].item() == pytest.approx(1309.8972, abs=5e-5)
    clustered = found.effect("re78", cluster="subclass").to_frame()
    assert clustered["std_error"].item() == pytest.approx(573.5395, abs=5e-5)


@pytest.mark.parametrize(
    "case", ["people_1", "people_caliper_05", "people_ratio_2", "people_ratio_2_caliper"]
)
def test_errors_by_pair_are_those_of_sandwich(
    people: pd.DataFrame, expected: pd.DataFrame, case: str
) -> None:
    wanted = expected.loc[expected["case"] == f"effect_{case}", "value"].to_numpy()
    found = match(FORM, people, **NEAREST[case]).effect("income").to_frame()
    np.testing.assert_allclose(found[["estimate", "std_error"]].to_numpy()[0], wanted, rtol=1e-10)


def test_errors_by_stratum_are_those_of_sandwich(
    lalonde: pd.DataFrame, expected: pd.DataFrame
) -> None:
    wanted = expected.loc[expected["case"] == "effect_exact", "value"].to_numpy()
    strata = match("treat ~ race + married + nodegree", lalonde, method="exact")
    found = strata.effect("re78", cluster="subclass").to_frame()
    np.testing.assert_allclose(found[["estimate", "std_error"]].to_numpy()[0], wanted, rtol=1e-10)
