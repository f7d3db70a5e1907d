"""Cause-specific Cox models and what they predict together, against R and by identities.

Reference values are made by tests/reference/survival/standardised.R.
"""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival.cause_specific import CauseSpecificCox, cause_specific_cox
from evalkit.survival.cox_regression import SeparationWarning, cox

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
WHO = pd.DataFrame({"x": [0.0, 1.0], "z": [1, 0], "region": ["A", "C"]})


def days(n: int | None = None) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "fine_gray_spells.csv").iloc[:n]


def fit(df: pd.DataFrame, formula: Any = "x + z", **more: Any) -> CauseSpecificCox:
    return cause_specific_cox(formula, df, duration="days", cause="cause", **more)


def expected(case: str) -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "standardised_expected.csv", dtype={"contrast": str})
    return frame[frame["case"] == case]


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_coefficients_equal_r(ties: str) -> None:
    got = fit(days(), entry="entry", ties=ties).to_frame().set_index(["cause", "term"])
    for row in expected(f"states_{ties}").itertuples():
        here = got.loc[(row.cause, row.contrast)]
        assert here["estimate"] == pytest.approx(row.estimate, rel=1e-6)
        assert here["std_error"] == pytest.approx(row.std_error, rel=1e-6)


def test_published_values_of_mgus2() -> None:
    got = fit(pd.read_csv(REFERENCE / "fine_gray_mgus2.csv"), "age + sex").to_frame()
    first = got[got["cause"] == 1]["estimate"]
    np.testing.assert_allclose(first, [0.0130386, -0.0251378], atol=1e-7)


def test_incidence_equals_r() -> None:
    got = fit(days(), ties="breslow").cumulative_incidence(WHO, [30, 90])
    got = got.set_index(["row", "cause", "time"])["cumulative_incidence"]
    for row in expected("survfit").itertuples():
        value = got[(int(row.contrast), row.cause, row.time)]
        assert value == pytest.approx(row.estimate, rel=1e-6)


def test_standard_errors_of_incidence_equal_r_nearly() -> None:
    # riskRegression takes the hazard itself for the share of a step: the order of the steps.
    df = pd.read_csv(REFERENCE / "standardised_spells.csv")
    model = fit(df, "C(arm, contr.treatment(base='usual')) + age + sex", ties="breslow")
    new = pd.DataFrame({"arm": ["usual", "new"], "age": [40, 55], "sex": [0, 1]})
    got = model.cumulative_incidence(new, [50, 120]).set_index(["row", "cause", "time"])
    for row in expected("predict_causes").itertuples():
        here = got.loc[(int(row.contrast), row.cause, row.time)]
        assert here["cumulative_incidence"] == pytest.approx(row.estimate, rel=0.02)
        assert here["std_error"] == pytest.approx(row.std_error, rel=0.03)


def test_each_cause_is_a_cox_model_of_its_own() -> None:
    df = days().assign(one=lambda d: (d["cause"] == 1).astype(int))
    options: dict[str, Any] = {"entry": "entry", "strata": "region", "weights": "w"}
    alone = cox("x + z", df, duration="days", event="one", cluster="office", **options)
    model = fit(df, cluster="office", **options)
    pd.testing.assert_frame_equal(
        model.models[1].to_frame(), alone.to_frame(), check_exact=False, rtol=1e-12
    )
    assert model.causes == (1, 2, 3)


def test_formulas_by_cause() -> None:
    df = days()
    model = fit(df, {1: "x", 2: "x + z", 3: "region"})
    assert model.to_frame()["term"].tolist() == ["x", "x", "z", "region[T.B]", "region[T.C]"]
    new = model.cumulative_incidence(WHO, [30])
    assert new["cumulative_incidence"].between(0, 1).all()


def test_exits_and_stay_sum_to_one_whatever_the_steps() -> None:
    # Few rows and large covariates: steps of the hazard far above 1.
    df = days(25)
    model = fit(df)
    new = pd.DataFrame({"x": [-3.0, 6.0], "z": [0, 1]})
    times = np.unique(df["days"])
    incidence = model.cumulative_incidence(new, times)["cumulative_incidence"].to_numpy()
    total = incidence.reshape(2, 3, -1).sum(axis=1)
    hazard = sum(
        one.survival(new, times)["cumulative_hazard"].to_numpy().reshape(2, -1)
        for one in model.models.values()
    )
    np.testing.assert_allclose(1 - total, np.exp(-hazard), rtol=1e-9, atol=1e-13)
    assert (np.diff(incidence.reshape(2, 3, -1), axis=2) >= 0).all()


def test_days_lost_is_the_area_under_the_incidence() -> None:
    model = fit(days())
    lost = model.days_lost(WHO, [40, 90])
    assert lost.columns.tolist() == [
        "row", "cause", "tau", "time_lost", "std_error", "conf_low", "conf_high",
    ]  # fmt: skip
    grid = model.cumulative_incidence(WHO, np.arange(90))["cumulative_incidence"].to_numpy()
    area = grid.reshape(2, 3, 90).sum(axis=2)
    np.testing.assert_allclose(lost["time_lost"].to_numpy().reshape(2, 3, 2)[:, :, 1], area)


def test_one_cause() -> None:
    df = days().assign(cause=lambda d: (d["cause"] > 0).astype(int))
    model = fit(df)
    got = model.cumulative_incidence(WHO, [30, 90])
    alone = cox("x + z", df, duration="days", event="cause")
    survival = alone.survival(WHO, [30, 90])
    np.testing.assert_allclose(got["cumulative_incidence"], 1 - survival["survival"], rtol=1e-12)
    # The jackknife and the model's formula differ little where the model holds.
    np.testing.assert_allclose(got["std_error"], survival["std_error"], rtol=0.3)
    lost = model.days_lost(WHO, 60)["time_lost"]
    assert (lost < 60).all()


def test_limits_and_the_end_of_follow_up() -> None:
    df = days()
    model = fit(df, strata="region")
    end = df.groupby("region")["days"].max()
    got = model.cumulative_incidence(WHO, [0, 50, float(end["C"]) + 1])
    inside = got[got["time"] == 50]
    assert (inside["conf_low"] < inside["cumulative_incidence"]).all()
    assert (inside["conf_high"] > inside["cumulative_incidence"]).all()
    late = got[got["time"] > end["C"]]
    assert late["cumulative_incidence"].isna().tolist() == [False] * 3 + [True] * 3
    start = got[got["time"] == 0]
    assert (start[["cumulative_incidence", "std_error", "conf_low", "conf_high"]] == 0).all(
        axis=None
    )
    wide = model.cumulative_incidence(WHO, 50, level=0.99)
    assert (wide["conf_high"].to_numpy() > inside["conf_high"].to_numpy()).all()


@settings(max_examples=10)
@given(st.integers(0, 2**31 - 1), st.sampled_from([1e-12, 30.0, 1e12]))
def test_order_of_rows_and_unit_of_time_do_not_matter(seed: int, unit: float) -> None:
    df = days(120)
    other = df.sample(frac=1, random_state=seed).assign(days=lambda d: d["days"] * unit)
    one, two = fit(df), fit(other)
    np.testing.assert_allclose(two.to_frame()["estimate"], one.to_frame()["estimate"], rtol=1e-8)
    a, b = (
        one.cumulative_incidence(WHO, [30, 60]),
        two.cumulative_incidence(WHO, np.array([30, 60]) * unit),
    )
    np.testing.assert_allclose(b["std_error"], a["std_error"], rtol=1e-8)


def test_case_weights_and_clusters() -> None:
    df = days(150).assign(times=lambda d: d["id"] % 3)
    again = df.loc[df.index.repeat(df["times"])]
    one = fit(df, weights="times", ties="breslow")
    two = fit(again, ties="breslow")
    assert one.sample.n_dropped == {"weight 0": 50}
    a, b = (m.cumulative_incidence(WHO, [30, 60]) for m in (one, two))
    np.testing.assert_allclose(a["std_error"], b["std_error"], rtol=1e-7)
    clustered = fit(again, ties="breslow", cluster="id").cumulative_incidence(WHO, [30, 60])
    assert (clustered["std_error"] > b["std_error"]).all()
    both = fit(df, cluster="office", id="id").cumulative_incidence(WHO, [30])
    office = fit(df, cluster="office").cumulative_incidence(WHO, [30])
    np.testing.assert_allclose(both["std_error"], office["std_error"], rtol=1e-10)


def test_results() -> None:
    model = fit(days(), exponentiate=True)
    assert (model.to_frame()["estimate"] > 0).all()
    assert model.to_frame(exponentiate=False)["estimate"].min() < 0
    assert len(repr(model).splitlines()) <= 15
    assert "Hazard ratios of every cause; events 1: 86, 2: 87, 3: 34" in repr(model)
    assert "<table>" in model._repr_html_()
    model.cumulative_incidence(WHO, [30])
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.to_frame(), model.to_frame())


def bad(match: str, df: pd.DataFrame | None = None, formula: Any = "x + z", **more: Any) -> None:
    with pytest.raises(InputError, match=match):
        fit(days() if df is None else df, formula, **more)


def test_bad_input() -> None:
    df = days()
    bad("cause: must be a cause in at least one row .'cause'.; got all 256 rows censored",
        df.assign(cause=0))  # fmt: skip
    bad("formula: must be one formula for all causes, or one for each", formula={1: "x"})
    bad("formula: must be written with columns of df; got 'y'", formula="x + y")
    bad("formula: must be of at least one covariate", formula="1")
    bad("ties: must be one of", ties="exact")
    bad("level: must be", level=2)
    bad("entry: must be a column of df", entry="start")
    bad("the same for everybody in every risk set", df.assign(y=1), "x + y")
    model = fit(df)
    with pytest.raises(InputError, match="times: must be finite numbers of at least 0; got -1"):
        model.cumulative_incidence(WHO, [-1])
    with pytest.raises(InputError, match="tau: must be finite numbers of at least 0; got -1"):
        model.days_lost(WHO, [-1])
    with pytest.raises(
        InputError,
        match="newdata: must be a frame with the variables of the formula; got one without 'x'",
    ):
        model.cumulative_incidence(WHO[["z"]], [1])
    strata = fit(df, strata="region")
    with pytest.raises(InputError, match="newdata: must be of the strata of the fit in region"):
        strata.days_lost(WHO.assign(region="Q"), [1])


def test_separation_is_warned_of_and_predictions_refused() -> None:
    df = days().assign(y=lambda d: ((d["cause"] != 3) & (d["x"] > 0)).astype(int))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = fit(df, "z + y")
    assert any(issubclass(one.category, SeparationWarning) for one in caught)
    with pytest.raises(InputError, match="a fit without maximum for cause 3"):
        model.cumulative_incidence(df.iloc[:1], [30])
