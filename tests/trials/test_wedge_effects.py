"""Stepped-wedge trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.sandwich import sandwich
from evalkit.trials.trial_sample import TrialWarning
from evalkit.trials.wedge_effects import stepped_wedge

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
CALL: dict[str, Any] = {
    "outcome": "days", "exposed": "exposed", "cluster": "office", "period": "period",
}  # fmt: skip


def rows() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "wedge_rows.csv")


@pytest.mark.parametrize("covariates", [None, "age"])
def test_mixed_model_equals_lmer_with_kenward_roger(covariates: str | None) -> None:
    expected = pd.read_csv(REFERENCE / "wedge_expected.csv")
    r = expected[expected["adjusted"] == (covariates is not None)].iloc[0]
    result = stepped_wedge(rows(), **CALL, covariates=covariates)
    found = result.to_frame().iloc[0]
    # lmer's optimiser leaves the variances good for about 1e-6.
    assert found["estimate"] == pytest.approx(r["estimate"], abs=1e-6 * r["std_error"])
    assert found["std_error"] == pytest.approx(r["std_error"], rel=1e-6)
    assert found["df"] == pytest.approx(r["df"], rel=1e-6)
    assert result.icc == pytest.approx(r["between"] / (r["between"] + r["within"]), rel=1e-5)


def test_cr2_is_that_of_the_linear_model() -> None:
    df = rows()
    x = np.column_stack([np.eye(4)[df["period"] - 1], df["exposed"]])
    codes = pd.factorize(df["office"])[0].astype(np.int64)
    expected = sandwich(least_squares(x, df["days"].to_numpy()), "CR2", cluster=codes)
    found = stepped_wedge(df, **CALL).to_frame().iloc[1]
    assert found["std_error"] == pytest.approx(expected.std_error[-1], rel=1e-10)
    assert found["df"] == pytest.approx(expected.df[-1], rel=1e-8)


def test_sequences_are_counted_and_rows_may_be_shuffled() -> None:
    result = stepped_wedge(rows(), **CALL, higher="worse")
    assert result.sequences["clusters"].tolist() == [3, 3, 3]
    again = stepped_wedge(rows().sample(frac=1, random_state=1), **CALL)
    np.testing.assert_allclose(
        result.to_frame()["estimate"], again.to_frame()["estimate"], rtol=1e-8
    )
    assert "clusters 9 of 9" in repr(result)
    assert "higher = worse" in repr(result)
    assert len(repr(result).splitlines()) <= 15


def test_type_one_error() -> None:
    source = np.random.default_rng(6)
    office = np.repeat(np.arange(12), 20)
    period = np.tile(np.repeat(np.arange(4), 5), 12)
    exposed = (period > office % 3).astype(int)
    df = pd.DataFrame({"office": office, "period": period, "exposed": exposed})
    rejected, draws = np.zeros(2), 300
    for _ in range(draws):
        y = source.normal(0, 0.6, 12)[office] + 0.5 * period + source.normal(size=len(office))
        rejected += stepped_wedge(df.assign(days=y), **CALL).to_frame()["p_value"] < 0.05
    for count in rejected:
        assert stats.binomtest(int(count), draws, 0.05).pvalue > 0.01


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({"exposed": 2}, {}, "exposed: must be 0 or 1"),
        ({"exposed": 1}, {}, "exposed: must be no combination of the periods"),
        ({}, {"covariates": "C(period)"}, "covariates: must be no combination"),
        ({}, {"cluster": "ofice"}, "Did you mean 'office'"),
        ({"period": None}, {}, "period: must be known for every row"),
        ({"office": "k1"}, {}, "cells with both"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        stepped_wedge(rows().assign(**change), **{**CALL, **more})


def test_clusters_that_go_back_are_named() -> None:
    df = rows()
    df.loc[(df["office"] == "k1") & (df["period"] == 4), "exposed"] = 0
    with pytest.raises(InputError, match=r"clusters that go back \(at 'k1'"):
        stepped_wedge(df, **CALL)


def test_few_clusters_are_warned_of() -> None:
    df = rows()
    with pytest.warns(TrialWarning, match="4 clusters"):
        stepped_wedge(df[df["office"].isin(["k1", "k2", "k3", "k4"])], **CALL)


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    df = rows()
    moved = df.assign(days=df["days"] + 1e6, age=df["age"] + 1e6)
    names = ["estimate", "std_error", "df"]
    here = stepped_wedge(df, **CALL, covariates="age").to_frame()[names]
    there = stepped_wedge(moved, **CALL, covariates="age").to_frame()[names]
    np.testing.assert_allclose(there, here, rtol=1e-7)


def test_outcomes_without_spread_within_clusters_are_refused() -> None:
    df = rows()
    constant = df["office"].rank(method="dense")
    for days in (1.0, constant, df["period"] + 2.0 * df["exposed"]):
        with pytest.raises(InputError, match="no spread within any cluster"):
            stepped_wedge(df.assign(days=days), **CALL)
    with pytest.raises(InputError, match="one row in each cluster"):
        stepped_wedge(df.assign(office=np.arange(len(df))), **CALL)


def test_periods_that_are_texts_are_refused() -> None:
    df = rows()
    texts = df.assign(period="p" + df["period"].astype(str))
    with pytest.raises(InputError, match="texts, which have no order"):
        stepped_wedge(texts, **CALL)
    ordered = texts.assign(period=pd.Categorical(texts["period"]))
    pd.testing.assert_frame_equal(
        stepped_wedge(ordered, **CALL).to_frame(), stepped_wedge(df, **CALL).to_frame()
    )


def test_two_clusters_have_no_robust_interval() -> None:
    office, period = np.repeat([0, 1], 20), np.tile(np.repeat(np.arange(4), 5), 2)
    exposed = (period > office).astype(int)
    days = np.random.default_rng(2).normal(size=40) + exposed
    df = pd.DataFrame({"office": office, "period": period, "exposed": exposed, "days": days})
    with pytest.warns(TrialWarning, match="2 clusters"):
        found = stepped_wedge(df, **CALL)
    robust = found.to_frame().set_index("model").loc["CR2"]
    assert robust[["std_error", "p_value", "conf_low"]].isna().all()
    assert "Row CR2 has no standard error" in str(found)
