"""Standardised survival, incidence and restricted means against R, by invariants and simulation.

Reference values are made by tests/reference/survival/standardised.R. Estimates agree to a relative
1e-6; the hand-made standard errors there are central differences, relative 1e-5. riskRegression
takes the hazard itself for the share of a step that goes to a cause, and differs by the order of
the steps: 2 %.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival.cause_specific import cause_specific_cox
from evalkit.survival.cox_regression import cox
from evalkit.survival.curves import kaplan_meier
from evalkit.survival.fine_gray_regression import fine_gray
from evalkit.survival.incidence import cumulative_incidence
from evalkit.survival.standardised import Standardised, standardised_survival

mpl.use("Agg")
REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
KEYS = ["term", "contrast", "cause", "time"]


def expected(case: str) -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "standardised_expected.csv", dtype={"contrast": str})
    return frame[frame["case"] == case].drop(columns="case")


def spells() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "standardised_spells.csv")
    return frame.assign(event=(frame["cause"] > 0).astype(int))


def days(n: int = 90) -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "fine_gray_spells.csv").iloc[:n]
    return frame.assign(any=(frame["cause"] > 0).astype(int))


def by_arm(formula: str, **more: Any) -> Standardised:
    options: dict[str, Any] = {
        "treatment": "arm", "reference": "usual", "times": [50, 120], "ties": "breslow",
        "duration": "days", "event": "event",
    }  # fmt: skip
    return standardised_survival(formula, spells(), **(options | more))


def by_z(formula: str, df: pd.DataFrame | None = None, **more: Any) -> Standardised:
    options: dict[str, Any] = {
        "treatment": "z", "times": [30, 80], "tau": [45, 80], "duration": "days", "event": "any",
    }  # fmt: skip
    return standardised_survival(formula, days() if df is None else df, **(options | more))


ATE = {
    "ate_cox": ("arm + age + sex", {}),
    "ate_strata": ("arm + age", {"strata": "site"}),
    "ate_interaction": ("arm * age + sex", {}),
}


@pytest.mark.parametrize("case", ATE)
def test_equals_risk_regression(case: str) -> None:
    formula, options = ATE[case]
    got = by_arm(formula, **options).to_frame().set_index(["term", "contrast", "time"])
    for row in expected(case).itertuples():
        term = row.term.replace("risk", "survival")
        here = got.loc[(term, row.contrast, row.time)]
        risk = 1 - here["estimate"] if term == "survival" else -here["estimate"]
        assert risk == pytest.approx(row.estimate, rel=1e-6)
        assert here["std_error"] == pytest.approx(row.std_error, rel=1e-6)


def test_equals_risk_regression_for_causes() -> None:
    result = by_arm("arm + age + sex", event=None, cause="cause")
    got = result.to_frame().set_index(["term", "contrast", "cause", "time"])
    for row in expected("ate_causes").itertuples():
        term = row.term.replace("risk", "cumulative_incidence")
        here = got.loc[(term, row.contrast, row.cause, row.time)]
        assert here["estimate"] == pytest.approx(row.estimate, rel=0.02, abs=1e-3)
        assert here["std_error"] == pytest.approx(row.std_error, rel=0.02)


JACKKNIFE: dict[str, tuple[str, dict[str, Any]]] = {
    "jackknife_cox": ("z + x", {}),
    "jackknife_entry": ("z * x", {"entry": "entry", "tau": 80}),
    "jackknife_strata": ("z + x", {"strata": "region", "times": [30, 60], "tau": 60}),
    "jackknife_treated": ("z + x", {"among": 1, "tau": 80}),
    "jackknife_causes": ("z + x", {"event": None, "cause": "cause", "entry": "entry"}),
}


@pytest.mark.parametrize("case", JACKKNIFE)
def test_equals_the_jackknife_by_hand_in_r(case: str) -> None:
    formula, options = JACKKNIFE[case]
    frame = by_z(formula, **options).to_frame()
    causes = "cause" in frame
    frame["cause"] = frame["cause"].replace("", 0).astype(int) if causes else 0
    got = frame.set_index(KEYS)
    rows = expected(case)
    if not causes:  # one cause: its incidence is one minus the survival
        rows = rows[rows["cause"] == 0]
    assert len(rows) >= 6
    for row in rows.itertuples():
        here = got.loc[(row.term, row.contrast, row.cause, row.time)]
        assert here["estimate"] == pytest.approx(row.estimate, rel=1e-6)
        assert here["std_error"] == pytest.approx(row.std_error, rel=1e-5)


def test_equals_a_bootstrap() -> None:
    df = spells()
    got = by_arm("arm + age", tau=120).to_frame().set_index("term")["std_error"]
    rng = np.random.default_rng(3)
    draws = []
    for _ in range(60):
        again = df.iloc[rng.integers(0, len(df), len(df))]
        result = standardised_survival(
            "arm + age", again, treatment="arm", reference="usual", times=120, tau=120,
            duration="days", event="event",
        ).to_frame().set_index("term")["estimate"]  # fmt: skip
        draws.append([result["survival_difference"], result["rmst_difference"]])
    one = by_arm("arm + age", tau=120, times=120).to_frame().set_index("term")["std_error"]
    np.testing.assert_allclose(
        np.std(draws, axis=0), one[["survival_difference", "rmst_difference"]], rtol=0.35
    )
    assert got["rmst_difference"] == one["rmst_difference"]


def test_ratios_and_intervals() -> None:
    frame = by_z("z + x").to_frame().set_index(["term", "contrast", "time"])
    one, other = (frame.loc[("rmst", value, 80), "estimate"] for value in ("1", "0"))
    assert frame.loc[("rmst_difference", "1 - 0", 80), "estimate"] == pytest.approx(one - other)
    ratio = frame.loc[("rmst_ratio", "1 / 0", 80)]
    assert ratio["estimate"] == pytest.approx(one / other)
    half = 1.959963984540054 * ratio["std_error"]
    assert ratio["conf_high"] == pytest.approx(one / other * np.exp(half))
    assert ratio["scale"] == "ratio (std_error of its logarithm)"
    share = frame.loc[("survival", "0", 30)]
    log_log = np.log(-np.log(share[["conf_high", "estimate", "conf_low"]].astype(float)))
    assert log_log.iloc[1] == pytest.approx((log_log.iloc[0] + log_log.iloc[2]) / 2)


def test_treatment_as_stratum_alone_is_the_average_of_predictions() -> None:
    df = spells()
    model = cox("age", df, duration="days", event="event", strata="arm")
    got = standardised_survival(model, df, treatment="arm", times=80).to_frame()
    for value, estimate in zip(["new", "usual"], got["estimate"][:2], strict=True):
        each = model.survival(df.assign(arm=value), 80)["survival"]
        assert estimate == pytest.approx(each.mean(), rel=1e-10)


def test_exits_and_stay_sum_to_one() -> None:
    frame = by_z("z + x", event=None, cause="cause").to_frame()
    for value in ("0", "1"):
        mine = frame[frame["contrast"] == value]
        for t in (30, 80):
            parts = mine[
                (mine["time"] == t) & mine["term"].isin(["survival", "cumulative_incidence"])
            ]
            assert parts["estimate"].sum() == pytest.approx(1, abs=1e-12)
        areas = mine[(mine["time"] == 80) & mine["term"].isin(["rmst", "time_lost"])]
        assert areas["estimate"].sum() == pytest.approx(80, abs=1e-9)


def test_one_cause_is_the_cox_model() -> None:
    df = days()
    one = by_z("z + x").to_frame()
    other = by_z("z + x", df.assign(cause=df["any"]), event=None, cause="cause").to_frame()
    shared = other[~other["term"].str.contains("incidence|lost")]
    np.testing.assert_allclose(shared["estimate"], one["estimate"], rtol=1e-12)
    np.testing.assert_allclose(shared["std_error"], one["std_error"], rtol=1e-10)


def test_close_to_unadjusted_curves_in_large_randomised_samples() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    arm, x = rng.integers(0, 2, n), rng.normal(size=n)
    t = np.ceil(rng.exponential(100 * np.exp(-0.3 * x - 0.4 * arm)))
    c = np.ceil(rng.uniform(50, 300, n))
    df = pd.DataFrame({"days": np.minimum(t, c), "event": (t <= c).astype(int), "arm": arm, "x": x})
    got = standardised_survival(
        "arm + x", df, treatment="arm", times=[30, 90], duration="days", event="event"
    ).to_frame()
    km = kaplan_meier(df, duration="days", event="event", by="arm").at([30, 90])
    np.testing.assert_allclose(got["estimate"][:4], km["survival"], atol=0.02)
    # Adjustment for a covariate that matters gains precision.
    assert (got["std_error"][:4].to_numpy() < km["std_error"].to_numpy()).all()


def test_fine_gray_models() -> None:
    df = days(250)
    model = fine_gray("z + x", df, duration="days", cause="cause", event_of_interest=1)
    got = standardised_survival(model, df, treatment="z", times=[30, 80], tau=80)
    frame = got.to_frame().set_index(["term", "contrast", "time"])
    for z in (0, 1):
        each = model.cumulative_incidence(df.assign(z=z), 80)["cumulative_incidence"]
        here = frame.loc[("cumulative_incidence", str(z), 80)]
        assert here["estimate"] == pytest.approx(each.mean(), rel=1e-10)
    # The area under the incidence, from a grid of every day.
    grid = np.arange(80)
    one = model.cumulative_incidence(df.assign(z=1), grid)["cumulative_incidence"].to_numpy()
    area = one.reshape(len(df), -1).mean(axis=0).sum()
    assert frame.loc[("time_lost", "1", 80), "estimate"] == pytest.approx(area, rel=1e-10)
    both = by_z("z + x", df, event=None, cause="cause").to_frame()
    both = both[both["cause"] == 1].set_index(["term", "contrast", "time"])
    key = ("cumulative_incidence_difference", "1 - 0", 80)
    assert frame.loc[key, "estimate"] == pytest.approx(both.loc[key, "estimate"], abs=0.03)
    assert frame.loc[key, "std_error"] == pytest.approx(both.loc[key, "std_error"], rel=0.15)


def test_other_populations() -> None:
    df = days()
    whole = by_z("z + x", df)
    same = by_z("z + x", df, population=df)
    np.testing.assert_allclose(
        same.to_frame()["estimate"], whole.to_frame()["estimate"], rtol=1e-12
    )
    assert (same.to_frame()["std_error"] <= whole.to_frame()["std_error"] * 1.05).all()
    cells = df.groupby("x", as_index=False).size()  # without a treatment, which need not be known
    counted = by_z("z + x", df, population=cells, population_weights="size")
    np.testing.assert_allclose(counted.to_frame()["estimate"], whole.to_frame()["estimate"])
    np.testing.assert_allclose(counted.to_frame()["std_error"], same.to_frame()["std_error"])
    assert "taken as given" in counted.effects.estimand


frames = st.integers(0, 2**32 - 1).map(np.random.default_rng)
few = settings(max_examples=10)


@few
@given(frames, st.sampled_from([1e-12, 365.25, 1e12]))
def test_order_of_rows_and_unit_of_time_do_not_matter(
    rng: np.random.Generator, unit: float
) -> None:
    df = days()
    other = df.sample(frac=1, random_state=int(rng.integers(2**31)))
    other = other.assign(days=other["days"] * unit)
    one = by_z("z + x", df, strata="region", times=[30], tau=[50]).to_frame()
    two = by_z("z + x", other, strata="region", times=[30 * unit], tau=[50 * unit]).to_frame()
    scale = np.where(one["term"].isin(["rmst", "rmst_difference"]), unit, 1)
    for column in ("estimate", "std_error", "conf_low"):
        np.testing.assert_allclose(two[column] / scale, one[column], rtol=1e-7)


@few
@given(frames)
def test_case_weights_are_repetitions_and_clusters_of_copies_are_not(
    rng: np.random.Generator,
) -> None:
    df = days().assign(w=lambda d: rng.integers(1, 4, len(d)), who=lambda d: d["id"])
    again = df.loc[df.index.repeat(df["w"])]
    one = by_z("z + x", df, weights="w", ties="breslow").to_frame()
    two = by_z("z + x", again, ties="breslow").to_frame()
    np.testing.assert_allclose(one["estimate"], two["estimate"], rtol=1e-7)
    np.testing.assert_allclose(one["std_error"], two["std_error"], rtol=1e-7)
    copies = by_z("z + x", again, ties="breslow", cluster="who").to_frame()
    by_person = by_z("z + x", df, weights="w", ties="breslow", cluster="who").to_frame()
    np.testing.assert_allclose(copies["std_error"], by_person["std_error"], rtol=1e-7)


def test_relabelling_and_choosing_the_reference() -> None:
    df = days()
    words = df.assign(z=df["z"].map({0: "usual", 1: "new"}))
    numbers = by_z("z + x", df).to_frame().set_index("contrast")
    named = by_z("z + x", words, reference="usual").to_frame().set_index("contrast")
    np.testing.assert_allclose(
        named.loc["new - usual", "estimate"], numbers.loc["1 - 0", "estimate"], rtol=1e-9
    )
    swapped = by_z("z + x", df, reference=1).to_frame().set_index("contrast")
    np.testing.assert_allclose(
        swapped.loc["0 - 1", "estimate"], -numbers.loc["1 - 0", "estimate"], rtol=1e-12
    )
    three = by_z("region + x", df, treatment="region", reference="B", times=[30], tau=None)
    assert set(three.to_frame()["contrast"]) == {
        "A", "B", "C", "A - B", "C - B", "A / B", "C / B",
    }  # fmt: skip


def test_dtypes_do_not_matter_and_the_frame_stays() -> None:
    df = days()
    before = df.copy()
    plain = by_z("z + x", df).to_frame()
    pd.testing.assert_frame_equal(df, before)
    for kind in ("bool", "float64", "Int64"):
        other = by_z("z + x", df.assign(z=df["z"].astype(kind))).to_frame()
        np.testing.assert_allclose(other["estimate"], plain["estimate"], rtol=1e-12)


def test_missing_values_and_rows_left_out() -> None:
    df = days()
    holes = df.assign(x=df["x"].where(df.index % 9 > 0))
    one, two = by_z("z + x", holes), by_z("z + x", holes.dropna())
    np.testing.assert_allclose(one.to_frame()["std_error"], two.to_frame()["std_error"])
    assert one.effects.n_dropped == {"missing x": 10}


def test_printing_pickling_and_drawing() -> None:
    one = by_z("z + x")
    assert len(repr(one).splitlines()) <= 15
    assert "survival_difference" in repr(one)
    assert "<table>" in one._repr_html_()
    assert len(one) == 16
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(one)).to_frame(), one.to_frame())
    assert one.curves().columns.tolist()[:3] == ["z", "time", "survival"]
    assert one.plot() is not None
    causes = by_z("z + x", event=None, cause="cause")
    assert causes.curves().columns.tolist()[:4] == ["cause", "z", "time", "cumulative_incidence"]
    assert causes.plot() is not None
    with pytest.raises(InputError, match="times: must be asked for"):
        by_z("z + x", times=None).curves()


def bad(match: str, formula: Any = "z + x", df: pd.DataFrame | None = None, **more: Any) -> None:
    with pytest.raises(InputError, match=match):
        by_z(formula, df, **more)


def test_bad_arguments() -> None:
    df = days()
    bad("times: must be given, or tau", times=None, tau=None)
    bad("times: must be within the follow-up, up to 228", times=[30, 300])
    bad("tau: must be within the follow-up of stratum 'A'", strata="region", tau=[280])
    bad("tau: must be above 0", tau=0)
    bad("tau: must be finite numbers of at least 0", tau=-1)
    bad("times: must be finite numbers of at least 0", times=[-1])
    bad("treatment: must be a column of df; got 'zz'", treatment="zz")
    bad("treatment: must be a covariate or a stratum of the model.*The model has x", "x")
    bad("treatment: must be a column of 2 to 20 values; got 'x' with", treatment="x")
    bad("reference: must be a value of 'z'; got 'new'. Values: 0, 1", reference="new")
    bad("among: must be a value of 'z'", among=7)
    bad("population_weights: must be left out", population_weights="w")
    bad("population: must be a column", population=df[["z"]])
    bad("population: must be of at least one person", population=df.assign(w=0),
        population_weights="w")  # fmt: skip
    bad("duration: must be given with a formula", duration=None)
    bad("event: must be given, or cause, but not both; got None", event=None)
    bad("event: must be given, or cause, but not both; got both", cause="cause")
    bad("level: must be", level=95)
    bad("model: must be a formula, or a fitted", 3.0, duration=None, event=None)
    model = cox("z + x", df, duration="days", event="any")
    bad("duration: must be left out with a fitted model", model, event=None)
    for other in (
        df.sample(frac=1, random_state=1),
        df.reset_index(drop=True).set_index("x", drop=False),
    ):
        with pytest.raises(InputError, match="df: must be the frame that the model was fitted to"):
            standardised_survival(model, other, treatment="z", times=50)
    bad("ties: must be left out with a fitted model", model, event=None, duration=None,
        ties="breslow")  # fmt: skip
    bad("df: must be the frame that the model was fitted to", model, df.iloc[:20], duration=None,
        event=None)  # fmt: skip
    bad(
        "newdata.'region'.: must be one of the levels",
        "z + region",
        population=df.assign(region="D"),
    )


@pytest.mark.filterwarnings("ignore::evalkit.survival.cox_regression.SeparationWarning")
def test_bad_models() -> None:
    df = days().assign(never=lambda d: ((d["any"] == 0) & (d["x"] > 0)).astype(int), off=0.1)
    fits = {
        "without offset": {"offset": "off"},
        "without penalty": {"penalty": "firth"},
    }
    for match, options in fits.items():
        model = cox("z + x", df, duration="days", event="any", **options)
        bad(match, model, df, duration=None, event=None)
    model = cox("z + never", df, duration="days", event="any")
    bad("a fit with finite coefficients", model, df, duration=None, event=None)
    several = cause_specific_cox("z + never", df, duration="days", cause="cause")
    bad("coefficients are finite, to predict", several, df, duration=None, event=None)


def simulate(n: int, rng: np.random.Generator) -> pd.DataFrame:
    x = rng.normal(size=n)
    arm = (rng.random(n) < 1 / (1 + np.exp(-0.7 * x))).astype(int)
    t = rng.exponential(np.exp(-0.5 * x + 0.4 * arm))
    u = rng.exponential(2 * np.exp(0.3 * x))
    c = rng.exponential(2.0, n)
    first = np.minimum(np.minimum(t, u), c)
    cause = np.where(first == c, 0, np.where(first == t, 1, 2))
    return pd.DataFrame({"days": first, "cause": cause, "arm": arm, "x": x,
                         "event": (cause > 0).astype(int)})  # fmt: skip


def truth() -> list[float]:
    """Differences arm 1 - arm 0, averaged over x: cause 1 by time 0.8, time lost to it."""
    grid, weight = np.polynomial.hermite_e.hermegauss(60)
    found = []
    for arm in (0, 1):
        one, two = np.exp(0.5 * grid - 0.4 * arm), np.exp(-0.3 * grid) / 2
        total = one + two
        by_t = one / total * (1 - np.exp(-0.8 * total))
        lost = one / total * (0.8 - (1 - np.exp(-0.8 * total)) / total)
        found.append([(weight * value).sum() / weight.sum() for value in (by_t, lost)])
    return [b - a for a, b in zip(*found, strict=True)]


def test_coverage() -> None:
    # benchmarks/coverage_regression.py has the full table.
    rng = np.random.default_rng(11)
    right, runs = truth(), 40
    inside = np.zeros(2)
    for _ in range(runs):
        frame = standardised_survival(
            "arm + x", simulate(500, rng), treatment="arm", times=0.8, tau=0.8, duration="days",
            cause="cause",
        ).to_frame()  # fmt: skip
        rows = frame[(frame["cause"] == 1) & frame["term"].str.endswith("_difference")]
        inside += (rows["conf_low"].to_numpy() <= right) & (rows["conf_high"].to_numpy() >= right)
    assert np.abs(inside / runs - 0.95).max() < 3 * np.sqrt(0.95 * 0.05 / runs)


def test_saturated_models_are_close_to_nonparametric_ones() -> None:
    # One stratum for each arm and a covariate without effect: Aalen-Johansen by arm.
    rng = np.random.default_rng(4)
    df = simulate(2000, rng).assign(noise=lambda d: rng.normal(size=len(d)))
    model = cause_specific_cox("noise", df, duration="days", cause="cause", strata="arm")
    got = standardised_survival(model, df, treatment="arm", times=[0.5, 1.0]).to_frame()
    got = got[got["term"] == "cumulative_incidence"]
    other = cumulative_incidence(df, duration="days", cause="cause", by="arm").at([0.5, 1.0])
    merged = got.assign(arm=got["contrast"].astype(int)).merge(other, on=["arm", "cause", "time"])
    assert len(merged) == 8
    np.testing.assert_allclose(merged["estimate"], merged["cumulative_incidence"], atol=2e-3)
    np.testing.assert_allclose(merged["std_error_x"], merged["std_error_y"], rtol=0.02)
