"""Parametric models: invariances, special cases, cured shares, diagnoses and coverage."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from evalkit.core.sample import SurvivalWarning
from evalkit.errors import InputError
from evalkit.survival.parametric_comparison import compare_parametric
from evalkit.survival.parametric_models import parametric

LOG_TIME = ("exponential", "weibull", "log-logistic", "log-normal", "generalised-gamma")
PERSON = pd.DataFrame({"treated": [1], "age": [50]})


def simulated(seed: int, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({"treated": rng.integers(0, 2, n), "age": rng.normal(40, 10, n)})
    time = np.exp(
        5 - 0.4 * df["treated"] + 0.01 * df["age"] + 0.7 * np.log(rng.exponential(size=n))
    )
    censored = rng.uniform(50, 700, n)
    df["days"] = np.minimum(time, censored)
    df["left"] = (time <= censored).astype(int)
    df["entry"] = np.where(rng.random(n) < 0.3, df["days"] * rng.random(n), 0.0)
    df["weight"] = rng.integers(1, 4, n)
    return df


def fit_simulated(df: pd.DataFrame, name: str, **options):
    given_ = {"breaks": (60, 150)} if name.startswith("piecewise") else {}
    return parametric(
        "treated + age",
        df,
        duration="days",
        event="left",
        entry="entry",
        distribution=name,
        **{**given_, **options},
    )


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([*LOG_TIME, "piecewise-exponential"]))
def test_invariances(seed: int, name: str) -> None:
    df = simulated(seed)
    fit = fit_simulated(df, name)
    estimate, error = (fit.to_frame()[c].to_numpy() for c in ("estimate", "std_error"))
    tight = {"rtol": 1e-6, "atol": 1e-7}
    shuffled = fit_simulated(df.sample(frac=1, random_state=seed % 1000), name)
    np.testing.assert_allclose(shuffled.to_frame()["estimate"], estimate, **tight)
    # Replication is what case weights stand for.
    weighted = fit_simulated(df, name, weights="weight")
    repeated = fit_simulated(df.loc[df.index.repeat(df["weight"])], name)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(
            weighted.to_frame()[column], repeated.to_frame()[column], **tight
        )
    # Another unit of time moves the intercept (all log hazards of the piecewise model) alone.
    for unit in (1e-12, 7.0, 1e12):
        scaled = df.assign(days=df["days"] * unit, entry=df["entry"] * unit)
        breaks = {"breaks": (60 * unit, 150 * unit)} if name.startswith("piecewise") else {}
        again = fit_simulated(scaled, name, **breaks)
        moved = again.to_frame()["estimate"].to_numpy() - estimate
        shift = np.zeros(len(estimate))
        if name.startswith("piecewise"):
            shift[:3] = -np.log(unit)
        else:
            shift[0] = np.log(unit)
        np.testing.assert_allclose(moved, shift, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(again.to_frame()["std_error"], error, rtol=1e-6)
        log_of_days = df["left"].sum() * np.log(unit)
        np.testing.assert_allclose(again.loglik, fit.loglik - log_of_days, rtol=1e-8)


@pytest.mark.parametrize("name", ["exponential", "weibull", "piecewise-exponential"])
def test_splitting_rows_changes_nothing(name) -> None:
    df = simulated(5).assign(cut=77.0)
    early = df[df["entry"] < 77].assign(
        left=lambda d: d["left"] * (d["days"] <= 77), days=lambda d: d["days"].clip(upper=77)
    )
    late = df[df["days"] > 77].assign(entry=lambda d: d["entry"].clip(lower=77))
    whole, pieces = fit_simulated(df, name), fit_simulated(pd.concat([early, late]), name)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(
            pieces.to_frame()[column], whole.to_frame()[column], rtol=1e-8, atol=1e-10
        )


def test_generalised_gamma_holds_its_special_cases() -> None:
    df = simulated(1, 2000)
    general = fit_simulated(df, "generalised-gamma")
    for name in ("weibull", "log-normal", "exponential"):
        assert general.loglik > fit_simulated(df, name).loglik
    shape = general.to_frame().set_index("term").loc["Q"]
    assert shape["conf_low"] < 1 < shape["conf_high"]  # the data are Weibull


def test_piecewise_exponential_of_one_interval_is_the_exponential() -> None:
    df = simulated(2)
    constant = fit_simulated(df, "exponential").to_frame()["estimate"].to_numpy()
    piecewise = fit_simulated(df, "piecewise-exponential", breaks=[1e9])
    np.testing.assert_allclose(piecewise.to_frame()["estimate"], -constant, rtol=1e-8)


def test_exponential_by_hand() -> None:
    df = pd.DataFrame({"days": [0.0, 2.0, 3.0, 5.0], "left": [0, 1, 1, 0], "x": 1})
    fit = parametric("1", df, duration="days", event="left", distribution="exponential")
    np.testing.assert_allclose(fit.to_frame()["estimate"], np.log(10 / 2), rtol=1e-12)
    np.testing.assert_allclose(fit.to_frame()["std_error"], 1 / np.sqrt(2), rtol=1e-10)
    np.testing.assert_allclose(fit.loglik, 2 * np.log(0.2) - 2, rtol=1e-12)
    np.testing.assert_allclose(fit.survival(df.head(1), [0, 5])["survival"], [1, np.exp(-1)])
    at_zero = df.assign(left=[1, 1, 1, 0])
    fit = parametric("1", at_zero, duration="days", event="left", distribution="exponential")
    np.testing.assert_allclose(fit.to_frame()["estimate"], np.log(10 / 3), rtol=1e-10)
    np.testing.assert_allclose(fit.loglik, 3 * np.log(0.3) - 3, rtol=1e-10)
    fit = parametric(
        "1",
        at_zero,
        duration="days",
        event="left",
        distribution="piecewise-exponential",
        breaks=[4],
    )
    np.testing.assert_allclose(fit.to_frame()["estimate"], np.log(3 / 9), rtol=1e-10)
    assert "No event in [4, inf)" in repr(fit)


def test_restricted_mean_of_the_weibull_is_an_incomplete_gamma() -> None:
    df = simulated(3)
    fit = fit_simulated(df, "weibull")
    estimate = fit.to_frame().set_index("term")["estimate"]
    x = estimate[["Intercept", "treated", "age"]] @ [1, 1, 50]
    k, scale = np.exp(-estimate["log(scale)"]), np.exp(x)
    for tau in (1e-3, 10, 365, 1e6):
        exact = scale / k * special.gamma(1 / k) * special.gammainc(1 / k, (tau / scale) ** k)
        np.testing.assert_allclose(fit.rmst(PERSON, tau)["estimate"], exact, rtol=1e-9)


def test_time_and_hazard_ratios() -> None:
    df = simulated(4)
    ratios = fit_simulated(df, "weibull").to_frame(exponentiate=True)
    assert ratios["term"].tolist() == ["treated", "age"]
    assert ratios["scale"].iloc[0] == "time ratio (std_error of its logarithm)"
    ratios = fit_simulated(df, "piecewise-exponential").to_frame(exponentiate=True)
    assert ratios["term"].tolist() == ["treated", "age"]
    assert ratios["scale"].iloc[0] == "hazard ratio (std_error of its logarithm)"


def leavers_and_stayers(seed: int = 0, n: int = 800, end: float = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 2
    never = rng.random(n) < special.expit(-1 + 0.8 * treated)
    time = np.where(never, np.inf, rng.weibull(1.2, n) * 150)
    censored = rng.uniform(0.5 * end, end, n)
    return pd.DataFrame(
        {
            "days": np.minimum(time, censored),
            "left": (time <= censored).astype(int),
            "treated": treated,
        }
    )


def test_cured_share_is_found() -> None:
    df = leavers_and_stayers()
    options = {"duration": "days", "event": "left"}
    fit = parametric("1", df, cure="treated", **options)
    share = fit.cured(pd.DataFrame({"treated": [0, 1]}))
    truth = special.expit([-1, -0.2])
    assert (share["conf_low"] < truth).all()
    assert (truth < share["conf_high"]).all()
    assert "Maller-Zhou" in repr(fit)
    assert np.isinf(fit.quantile(pd.DataFrame({"treated": [1]}), 0.9)["estimate"]).all()
    ratios = fit.to_frame(exponentiate=True)
    assert ratios["term"].tolist() == ["cure: treated"]
    alone = parametric("1", df, cure=True, **options)
    assert alone.to_frame()["term"].tolist() == ["Intercept", "log(scale)", "cure: Intercept"]
    with pytest.raises(InputError, match="cure: must be asked for"):
        parametric("1", df, **options).cured(df.head(1))


def test_cured_share_that_is_not_identified_warns() -> None:
    options = {"duration": "days", "event": "left", "cure": True}
    short = leavers_and_stayers(end=250)
    with pytest.warns(SurvivalWarning, match="has no plateau"):
        parametric("1", short, **options)
    with pytest.warns(SurvivalWarning, match="estimated at its boundary"):
        parametric("1", leavers_and_stayers(end=150), **options)
    last = leavers_and_stayers()
    last.loc[last["days"].idxmax(), "left"] = 1
    with pytest.warns(SurvivalWarning, match="longest duration is an event"):
        parametric("1", last, **options)


def test_comparison_is_ordered_by_aic() -> None:
    df = simulated(6)
    options = {"duration": "days", "event": "left", "entry": "entry"}
    comparison = compare_parametric("treated", df, **options, breaks=(60, 150))
    table = comparison.to_frame()
    assert len(table) == 6
    assert table["aic"].is_monotonic_increasing
    np.testing.assert_allclose(table["weight"].sum(), 1)
    np.testing.assert_allclose(table["aic"], 2 * table["n_parameters"] - 2 * table["loglik"])
    assert comparison.best.distribution == table["distribution"].iloc[0]
    assert len(repr(comparison).splitlines()) <= 15
    assert "<table>" in comparison._repr_html_()
    zero = df.assign(days=df["days"].where(df.index > 0, 0.0), left=1, entry=0.0)
    partly = compare_parametric("treated", zero, duration="days", event="left").to_frame()
    assert partly["distribution"].iloc[0] == "exponential"
    assert partly["problem"].iloc[1:].str.contains("above 0 where there is an event").all()
    with pytest.raises(InputError, match="columns of df"):
        compare_parametric("tretaed", df, **options)


def test_bad_input_is_named() -> None:
    df = simulated(1)
    good = {"duration": "days", "event": "left"}
    for change, message in (
        ({"distribution": "gompertz"}, "distribution: must be one of"),
        ({"distribution": "piecewise-exponential"}, "breaks: must be given for"),
        ({"breaks": (90,)}, "breaks: must be given for 'piecewise-exponential', and for no other"),
        (
            {"distribution": "piecewise-exponential", "breaks": (9,), "cure": True},
            "cure: must be False for this distribution",
        ),
        ({"formula": "I(0 * age)"}, r"\(constant\)"),
        ({"formula": "age + I(2 * age)"}, "none a combination of the others"),
        ({"formula": "ae"}, "Did you mean 'age'"),
        ({"cure": "tretaed"}, "Did you mean 'treated'"),
    ):
        given_ = {"formula": "treated", **good, **change}
        with pytest.raises(InputError, match=message):
            parametric(given_.pop("formula"), df, **given_)
    with pytest.raises(InputError, match="no event at all"):
        parametric("treated", df.assign(left=0), **good)
    zero = df.assign(days=df["days"].where(df.index > 2, 0.0), left=1)
    with pytest.raises(InputError, match=r"got 3 events at time 0 \(at row 0, row 1, row 2\)"):
        parametric("treated", zero, **good)
    separated = df.assign(left=df["left"] * df["treated"])
    for name in ("weibull", "log-normal", "piecewise-exponential"):
        breaks = {"breaks": (90,)} if name.startswith("piecewise") else {}
        with pytest.raises(InputError, match=r"run to infinity \(at treated\)"):
            parametric("treated + age", separated, **good, distribution=name, **breaks)
    fit = parametric("treated", df, **good)
    for call, message in (
        (lambda: fit.survival(df.head(1), -1), "times: must be"),
        (lambda: fit.hazard(df.head(1), 0), "times: must be above 0"),
        (lambda: fit.quantile(df.head(1), 1.5), "q: must be"),
        (lambda: fit.rmst(df.head(1), 0), "tau: must be"),
        (lambda: fit.rmst(df.head(1), -1), "tau: must be finite numbers of at least 0; got -1"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_result_prints_pickles_and_leaves_the_input_alone() -> None:
    df = leavers_and_stayers()
    before = df.copy(deep=True)
    fit = parametric("treated", df, duration="days", event="left", cure=True)
    pd.testing.assert_frame_equal(df, before)
    assert len(repr(fit).splitlines()) <= 15
    assert "<table>" in fit._repr_html_()
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.to_frame(), fit.to_frame())
    pd.testing.assert_frame_equal(
        again.survival(df.head(2), [10, 20]), fit.survival(df.head(2), [10, 20])
    )
    assert fit.vcov.columns.tolist() == fit.to_frame()["term"].tolist()


def test_missing_values_are_counted() -> None:
    df = simulated(2).astype({"treated": float})
    df.loc[[3, 7], "treated"] = np.nan
    fit = parametric("age", df, duration="days", event="left")
    assert fit.coefficients.n_used == len(df)
    fit = parametric("treated + age", df, duration="days", event="left")
    assert fit.coefficients.n_dropped == {"missing treated": 2}


def test_intervals_reach_their_level() -> None:
    rng = np.random.default_rng(12)
    inside, n_samples, n = np.zeros(2), 200, 500
    for _ in range(n_samples):
        treated = np.arange(n) % 2
        time = rng.weibull(1 / 0.8, n) * np.exp(5.5 - 0.3 * treated)
        censored = rng.uniform(50, 600, n)
        df = pd.DataFrame(
            {
                "days": np.minimum(time, censored),
                "left": (time <= censored).astype(int),
                "treated": treated,
            }
        )
        fit = parametric("treated", df, duration="days", event="left")
        row = fit.to_frame().iloc[1]
        inside[0] += row["conf_low"] <= -0.3 <= row["conf_high"]
        median = fit.quantile(df.head(1)).iloc[0]
        truth = np.exp(5.5) * np.log(2) ** 0.8
        inside[1] += median["conf_low"] <= truth <= median["conf_high"]
    assert (np.abs(inside / n_samples - 0.95) < 3 * np.sqrt(0.95 * 0.05 / n_samples)).all()


@pytest.mark.parametrize("name", ["weibull", "piecewise-exponential"])
def test_rows_of_weight_zero_are_dropped(name) -> None:
    df = simulated(4).assign(office=lambda d: np.arange(len(d)) % 9)
    df["w"] = np.where(df["office"] == 0, 0, df["weight"])
    fit = fit_simulated(df, name, weights="w", cluster="office")
    rest = fit_simulated(df[df["office"] > 0], name, weights="w", cluster="office")
    pd.testing.assert_frame_equal(fit.to_frame(), rest.to_frame())
    assert fit.coefficients.n_dropped == {"weight 0": int((df["office"] == 0).sum())}
    assert "8 clusters" in fit.coefficients.method
