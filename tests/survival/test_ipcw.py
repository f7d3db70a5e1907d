"""Inverse-probability-of-censoring weights against R, exact identities and bad input.

Reference values are made by tests/reference/survival/ipcw.R.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival.censoring_weights import CensoringWeights, ipcw
from evalkit.survival.curves import kaplan_meier
from evalkit.survival.incidence import cumulative_incidence

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"


def days() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "fine_gray_spells.csv")


def spells() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "standardised_spells.csv")


def weigh(df: pd.DataFrame, **more: Any) -> CensoringWeights:
    return ipcw(df, duration="days", cause="cause", **more)


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "km": (days, {}),
    "km_by": (days, {"by": "region"}),
    "entry": (days, {"entry": "entry"}),
    "cox": (spells, {"formula": "arm + age + sex"}),
    "cox_strata": (spells, {"formula": "age", "by": "site"}),
}


@pytest.mark.parametrize("horizon", [None, 90])
@pytest.mark.parametrize("case", CASES)
def test_equals_r(case: str, horizon: float | None) -> None:
    read, options = CASES[case]
    rows = pd.read_csv(REFERENCE / "ipcw_expected.csv")
    same = rows["horizon"].isna() if horizon is None else rows["horizon"] == horizon
    rows = rows[(rows["case"] == case) & same]
    df = read()
    frame = weigh(df, horizon=horizon, **options).to_frame()
    assert rows["id"].tolist() == df["id"].tolist()
    rel = 1e-6 if case.startswith("cox") else 1e-10
    np.testing.assert_allclose(frame["uncensored"], rows["uncensored"], rtol=rel)
    known = frame["known"]
    np.testing.assert_allclose(frame["weight"][known], 1 / frame["uncensored"][known])
    assert (frame["weight"][~known] == 0).all()


def test_weighted_shares_are_the_product_limit_estimates() -> None:
    df = days()
    for horizon in (1, 20, 90, 150):
        found = weigh(df, horizon=horizon)
        assert found.weights.sum() == pytest.approx(len(df), rel=1e-12)
        aj = cumulative_incidence(df, duration="days", cause="cause").at(horizon)
        for cause, incidence in zip(aj["cause"], aj["cumulative_incidence"], strict=True):
            left = (df["cause"] == cause) & (df["days"] <= horizon)
            share = (found.weights * left).sum() / len(df)
            assert share == pytest.approx(incidence, rel=1e-10, abs=1e-14)
    km = kaplan_meier(df.assign(event=df["cause"] > 0), duration="days", event="event").at(90)
    stay = (weigh(df, horizon=90).weights * (df["days"] >= 90) * ~((df["days"] == 90)
            & (df["cause"] > 0))).sum() / len(df)  # fmt: skip
    assert stay == pytest.approx(km["survival"].item(), rel=1e-10)


def test_case_weights_are_repetitions() -> None:
    df = days().assign(times=lambda d: d["id"] % 3 + 1)
    again = df.loc[df.index.repeat(df["times"])]
    one = weigh(df, weights="times", by="region", entry="entry").to_frame()["uncensored"]
    two = weigh(again, by="region", entry="entry").to_frame()["uncensored"]
    np.testing.assert_allclose(one, two.groupby(level=0).first(), rtol=1e-10)


def test_a_covariate_without_variation_in_censoring_gives_kaplan_meier_nearly() -> None:
    rng = np.random.default_rng(0)
    df = spells().assign(noise=lambda d: rng.normal(size=len(d)) * 1e-9)
    one, two = weigh(df, horizon=90), weigh(df, horizon=90, formula="noise")
    ratio = two.to_frame()["uncensored"] / one.to_frame()["uncensored"]
    assert abs(ratio.mean() - 1) < 0.02


def test_stabilised_and_truncated() -> None:
    df = spells()
    plain, cut = (weigh(df, horizon=120, formula="age", truncate=t) for t in (None, 0.9))
    limit = np.quantile(plain.weights[plain.weights > 0], 0.9)
    np.testing.assert_allclose(cut.weights, np.minimum(plain.weights, limit))
    assert cut.n_truncated == (plain.weights > limit).sum() > 0
    assert cut.ess > plain.ess
    stable = weigh(df, horizon=120, formula="age", stabilise=True)
    known = stable.to_frame()["known"]
    expected = plain.weights * weigh(df, horizon=120).to_frame()["uncensored"]
    np.testing.assert_allclose(stable.weights[known], expected[known])
    assert stable.weights[known].std() < plain.weights[known].std()


def test_nobody_censored() -> None:
    df = days().assign(cause=1)
    for formula in (None, "x"):
        assert (weigh(df, formula=formula).weights == 1).all()


def test_results() -> None:
    df = days().sample(frac=1, random_state=1)
    found = weigh(df.assign(region=df["region"].where(df["id"] > 4)), horizon=90, by="region")
    assert found.n_dropped == {"missing region": 4}
    assert found.weights.index.tolist() == [i for i in df.index if df.loc[i, "id"] > 4]
    assert len(repr(found).splitlines()) <= 15
    assert "<table>" in found._repr_html_()
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).to_frame(), found.to_frame())
    event = df.assign(event=(df["cause"] > 0).astype(int))
    same = ipcw(event, duration="days", event="event", horizon=90)
    pd.testing.assert_series_equal(same.weights, weigh(df, horizon=90).weights)


@settings(max_examples=15)
@given(st.integers(0, 2**31 - 1), st.sampled_from([1e-12, 7.0, 1e12]))
def test_order_of_rows_and_unit_of_time_do_not_matter(seed: int, unit: float) -> None:
    df = days()
    other = df.sample(frac=1, random_state=seed)
    other = other.assign(days=other["days"] * unit, entry=other["entry"] * unit)
    for formula in (None, "x"):
        one = weigh(df, horizon=90, entry="entry", formula=formula)
        two = weigh(other, horizon=90 * unit, entry="entry", formula=formula)
        np.testing.assert_allclose(two.weights[df.index], one.weights, rtol=1e-9)


def bad(match: str, df: pd.DataFrame | None = None, **more: Any) -> None:
    with pytest.raises(InputError, match=match):
        weigh(days() if df is None else df, **more)


def test_bad_input() -> None:
    df = days()
    bad("horizon: must be a positive number; got 0", horizon=0)
    bad("horizon: must be a positive number; got inf", horizon=np.inf)
    bad("horizon: must be such that the outcome of some row is known",
        df[(df["cause"] == 0) & (df["days"] < 100)], horizon=400)  # fmt: skip
    bad("event: must be such that", df.assign(cause=0))
    bad("truncate: must be a number strictly between 0 and 1", truncate=99)
    bad("stabilise: must be False without a formula", stabilise=True)
    bad("by: must be a column of df; got 'regio'. Did you mean 'region'", by="regio")
    bad("formula: must be written with columns of df", formula="x + y")
    bad("that add nothing .at y", df.assign(y=1), formula="x + y")
    never = df.assign(y=((df["cause"] > 0) & (df["x"] > 0.5)).astype(int))
    bad("values at which some are censored and some are not.*at y", never, formula="x + y")


def test_everybody_at_risk_censored_once() -> None:
    # At 3; those who come later count from their own entry on.
    early = pd.DataFrame(
        {"entry": [0, 0, 0, 4, 4], "days": [2, 3, 3, 5, 6], "cause": [1, 0, 0, 1, 0]}
    )
    assert weigh(early, entry="entry").weights.tolist() == [1, 0, 0, 1, 0]
    unweighted = early.assign(entry=0, w=[1, 1, 1, 0, 0])
    with pytest.raises(InputError, match="1 rows followed beyond a time when all others were"):
        weigh(unweighted, weights="w")
