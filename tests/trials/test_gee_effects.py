"""Generalised estimating equations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from evalkit.errors import InputError
from evalkit.trials.gee_effects import gee

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
CALL: dict[str, Any] = {"arm": "arm", "control": "CAU", "cluster": "office"}
FAMILY = {"work": "binomial", "visits": "poisson", "score": "normal"}
SM = {"work": sm.families.Binomial(), "visits": sm.families.Poisson(),
      "score": sm.families.Gaussian()}  # fmt: skip


def rows() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "clusters_gee_rows.csv")


@pytest.mark.parametrize("outcome", list(FAMILY))
@pytest.mark.parametrize("covariates", [None, "age"])
def test_independence_equals_geepack(outcome: str, covariates: str | None) -> None:
    table = pd.read_csv(REFERENCE / "clusters_gee_expected.csv")
    r = table[
        (table["outcome"] == outcome)
        & (table["correlation"] == "independence")
        & (table["adjusted"] == (covariates is not None))
    ].iloc[0]
    found = gee(
        rows(), outcome=outcome, family=FAMILY[outcome], correlation="independence",
        correction="none", covariates=covariates, **CALL,
    ).to_frame().iloc[0]  # fmt: skip
    estimate = found["estimate"] if outcome == "score" else np.log(found["estimate"])
    assert estimate == pytest.approx(r["estimate"], rel=1e-8)
    assert found["std_error"] == pytest.approx(r["robust"], rel=1e-8)


@pytest.mark.parametrize("outcome", list(FAMILY))
@pytest.mark.parametrize(
    ("correction", "kind"), [("none", "robust"), ("mancl-derouen", "bias_reduced")]
)
def test_exchangeable_equals_statsmodels(outcome: str, correction: Any, kind: str) -> None:
    df = rows()
    x = sm.add_constant(np.column_stack([df["arm"] == "ReDO", df["age"]]).astype(float))
    groups = pd.factorize(df["office"])[0]
    model = sm.GEE(
        df[outcome], x, groups=groups, family=SM[outcome], cov_struct=sm.cov_struct.Exchangeable()
    )
    peer = model.fit(maxiter=100, ctol=1e-9, cov_type=kind)
    found = gee(
        df, outcome=outcome, family=FAMILY[outcome], correction=correction, covariates="age", **CALL
    ).to_frame().iloc[0]  # fmt: skip
    estimate = found["estimate"] if outcome == "score" else np.log(found["estimate"])
    # statsmodels ends when its estimating equations are below 1e-9.
    assert estimate == pytest.approx(peer.params.iloc[1], rel=1e-7)
    assert found["std_error"] == pytest.approx(peer.bse.iloc[1], rel=1e-7)


def test_corrections_by_hand() -> None:
    """Apply the definitions, with the matrices that the kernel never makes."""
    df = rows()
    x = np.column_stack([np.ones(len(df)), df["arm"] == "ReDO"]).astype(float)
    y = df["score"].to_numpy()
    beta = np.linalg.lstsq(x, y)[0]
    bread = np.linalg.inv(x.T @ x)
    for correction, power in (("mancl-derouen", -1.0), ("kauermann-carroll", -0.5)):
        meat = np.zeros((2, 2))
        for office in df["office"].unique():
            here = (df["office"] == office).to_numpy()
            values, axes = np.linalg.eigh(np.eye(here.sum()) - x[here] @ bread @ x[here].T)
            score = x[here].T @ (axes * values**power @ axes.T) @ (y - x @ beta)[here]
            meat += np.outer(score, score)
        expected = np.sqrt((bread @ meat @ bread)[1, 1])
        found = gee(
            df, outcome="score", family="normal", correlation="independence",
            correction=correction, **CALL,
        ).to_frame()  # fmt: skip
        assert found["std_error"].item() == pytest.approx(expected, rel=1e-10)


def test_row_order_and_labels_do_not_matter() -> None:
    plain = gee(rows(), outcome="work", **CALL).to_frame()
    df = rows().sample(frac=1, random_state=3)
    df["office"] = "office " + df["office"]
    again = gee(df, outcome="work", **CALL).to_frame()
    np.testing.assert_allclose(plain["estimate"], again["estimate"], rtol=1e-8)
    np.testing.assert_allclose(plain["std_error"], again["std_error"], rtol=1e-8)
    swapped = gee(rows(), outcome="work", **{**CALL, "control": "ReDO"}).to_frame()
    assert swapped["estimate"].item() == pytest.approx(1 / plain["estimate"].item(), rel=1e-7)


def test_size_with_few_clusters() -> None:
    source = np.random.default_rng(9)
    office = np.repeat(np.arange(14), 10)
    df = pd.DataFrame({"office": office, "arm": np.where(office % 2, "ReDO", "CAU")})
    rejected, draws = {"kauermann-carroll": 0, "none": 0}, 250
    for _ in range(draws):
        chance = source.beta(4, 6, 14)[office]
        drawn = df.assign(work=source.binomial(1, chance))
        for correction in rejected:
            p = gee(drawn, outcome="work", correction=correction, **CALL).to_frame()["p_value"]  # type: ignore[arg-type]
            rejected[correction] += int(p.item() < 0.05)
    assert stats.binomtest(rejected["kauermann-carroll"], draws, 0.05).pvalue > 0.01
    assert rejected["none"] >= rejected["kauermann-carroll"]


def test_result_says_what_it_is() -> None:
    result = gee(rows(), outcome="work", higher="better", **CALL)
    text = repr(result)
    assert "ReDO - CAU, higher = better" in text
    assert "estimated as" in text
    assert len(text.splitlines()) <= 15


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({}, {"family": "gamma"}, "family: must be one of"),
        ({}, {"correlation": "ar1"}, "correlation: must be one of"),
        ({}, {"outcome": "score"}, "outcome: must be 0 or 1"),
        ({}, {"covariates": "age + I(2 * age)"}, "covariates: must be columns"),
        ({"office": "k1"}, {}, "at least two clusters in every arm"),
        ({}, {"covariates": "C(office)"}, "covariates: must be columns|more clusters than"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gee(rows().assign(**change), **{"outcome": "work", **CALL, **more})


def test_separated_outcomes_are_named() -> None:
    df = rows()
    df["work"] = (df["arm"] == "ReDO").astype(int)
    with pytest.raises(InputError, match="'ReDO'"):
        gee(df, outcome="work", **CALL)


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    df = rows()
    names = ["estimate", "std_error"]
    here = gee(df, outcome="score", family="normal", **CALL).to_frame()[names]
    moved = df.assign(score=df["score"] + 1e6)
    there = gee(moved, outcome="score", family="normal", **CALL).to_frame()[names]
    np.testing.assert_allclose(there, here, rtol=1e-8)


def test_outcomes_that_leave_no_effect_to_estimate_are_named() -> None:
    df = rows()
    control = df["arm"] == "CAU"
    with pytest.raises(InputError, match=r"both 0 and 1 .*'CAU': 0 for all"):
        gee(df.assign(work=df["work"].mask(control, 0)), outcome="work", **CALL)
    with pytest.raises(InputError, match=r"above 0 for somebody .*'CAU': 0 for all"):
        gee(df.assign(visits=df["visits"].mask(control, 0)), outcome="visits", family="poisson",
            **CALL)  # fmt: skip
    with pytest.raises(InputError, match="an exact fit"):
        gee(df.assign(score=1.0 + control), outcome="score", family="normal", **CALL)
