"""Pseudo-values and their regression: identities, invariants, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.pseudo import LINKS
from evalkit.survival.incidence import cumulative_incidence
from evalkit.survival.incidence_differences import incidence_difference
from evalkit.survival.pseudo import pseudo_values
from evalkit.survival.pseudo_models import pseudo_regression

FEW = settings(max_examples=25)


def spells(seed: int, n: int, *, censored: bool = True) -> pd.DataFrame:
    """Draw spells with two causes; exit 1 is likelier in arm b and with x."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    x = rng.normal(size=n)
    days = rng.exponential(60 * np.exp(-0.4 * arm - 0.2 * x)) + 0.01
    end = rng.uniform(5, 160, n) if censored else np.full(n, np.inf)
    cause = rng.choice([1, 2], n, p=[0.7, 0.3])
    return pd.DataFrame(
        {
            "days": np.minimum(days, end).round(2) + 0.01,
            "exit": np.where(days <= end, cause, 0),
            "arm": np.where(arm, "b", "a"),
            "x": x.round(3),
            "late": 0.0,
        }
    )


def test_by_hand_without_censoring_they_are_the_outcomes() -> None:
    frame = pd.DataFrame({"days": [1.0, 3, 3, 7], "exit": [1, 2, 1, 2]}, index=list("wxyz"))
    made = pseudo_values(frame, duration="days", cause="exit", times=[2, 5])
    assert made.to_frame().round(12).to_dict("list") == {2: [0, 1, 1, 1], 5: [0, 0, 0, 1]}
    assert made.to_frame().index.tolist() == list("wxyz")
    lost = pseudo_values(
        frame, duration="days", cause="exit", times=5, measure="days_lost", event_of_interest=1
    )
    np.testing.assert_allclose(lost.values[:, 0], [4, 0, 2, 0], atol=1e-12)
    mean = pseudo_values(frame, duration="days", cause="exit", times=5, measure="rmst")
    np.testing.assert_allclose(mean.values[:, 0], [1, 3, 3, 5], atol=1e-12)


@FEW
@given(st.integers(0, 10**6), st.booleans())
def test_they_average_to_the_estimate(seed: int, stratified: bool) -> None:
    frame = spells(seed, 80)
    strata = "arm" if stratified else None
    made = pseudo_values(
        frame,
        duration="days",
        cause="exit",
        times=[10, 30],
        measure="cumulative_incidence",
        event_of_interest=2,
        strata=strata,
    ).to_frame()
    curve = cumulative_incidence(frame, duration="days", cause="exit", by=strata).at([10, 30])
    curve = curve[curve["cause"] == 2]["cumulative_incidence"].to_numpy()
    means = made.groupby(frame["arm"]).mean().to_numpy() if stratified else made.mean().to_numpy()
    np.testing.assert_allclose(means.ravel(), curve, atol=1e-12)


@FEW
@given(st.integers(0, 10**6), st.sampled_from(["survival", "rmst"]))
def test_order_unit_and_late_entry_at_zero_do_not_matter(seed: int, measure: Any) -> None:
    frame = spells(seed, 60)
    one = pseudo_values(frame, duration="days", cause="exit", times=20, measure=measure).to_frame()
    other = frame.sample(frac=1, random_state=3)
    moved = other.assign(days=other["days"] * 1e-9)
    unit = 1e-9 if measure == "rmst" else 1.0
    two = pseudo_values(moved, duration="days", cause="exit", times=20e-9, measure=measure)
    np.testing.assert_allclose(
        two.to_frame().loc[frame.index].to_numpy() / unit, one.to_numpy(), rtol=1e-8, atol=1e-9
    )
    late = pseudo_values(
        other, duration="days", cause="exit", times=20, measure=measure, entry="late"
    ).to_frame()
    np.testing.assert_allclose(late.loc[frame.index], one, rtol=1e-9, atol=1e-9)


def test_they_are_nearly_leave_one_out() -> None:
    frame = spells(5, 400)
    made = pseudo_values(
        frame, duration="days", cause="exit", times=40, measure="cumulative_incidence",
        event_of_interest=1,
    ).to_frame()[40]  # fmt: skip

    def incidence(rows: pd.DataFrame) -> float:
        at = cumulative_incidence(rows, duration="days", cause="exit").at(40)
        return float(at["cumulative_incidence"].iloc[0])

    whole = incidence(frame)
    for i in range(0, 400, 80):
        left_out = 400 * whole - 399 * incidence(frame.drop(index=i))
        assert made[i] == pytest.approx(left_out, abs=0.01)


def test_regression_on_a_group_is_the_difference_of_its_curves() -> None:
    frame = spells(7, 500)
    fit = pseudo_regression(
        "arm", frame, duration="days", cause="exit", times=[30, 60], strata="arm",
        measure="cumulative_incidence", event_of_interest=1,
    )  # fmt: skip
    one = pseudo_regression(
        "arm", frame, duration="days", cause="exit", times=60, strata="arm",
        measure="cumulative_incidence", event_of_interest=1,
    ).to_frame()  # fmt: skip
    table = incidence_difference(
        frame, duration="days", cause="exit", by="arm", reference="a", times=60
    ).to_frame()
    assert one["estimate"].iloc[1] == pytest.approx(table["estimate"].iloc[0], rel=1e-10)
    assert one["std_error"].iloc[1] == pytest.approx(table["std_error"].iloc[0], rel=1e-10)
    assert fit.to_frame()["term"].tolist() == ["Intercept[30]", "Intercept[60]", "arm[T.b]"]
    assert (np.diag(fit.vcov) > 0).all()


@pytest.mark.parametrize("link", ["identity", "log", "logit", "cloglog"])
@pytest.mark.parametrize("measure", ["survival", "cumulative_incidence"])
def test_prediction(link: Any, measure: Any) -> None:
    frame = spells(1, 400)
    fit = pseudo_regression(
        "arm", frame, duration="days", cause="exit", times=[20, 50], strata="arm", link=link,
        measure=measure, event_of_interest=1 if measure != "survival" else None,
    )  # fmt: skip
    new = pd.DataFrame({"arm": ["a", "b"]}, index=["one", "two"])
    made = fit.predict(new)
    assert made["row"].tolist() == ["one", "one", "two", "two"]
    assert made["time"].tolist() == [20, 50, 20, 50]
    assert (made["conf_low"] < made["estimate"]).all()
    assert (made["estimate"] < made["conf_high"]).all()
    rising = made["estimate"].diff().iloc[[1, 3]] > 0
    assert rising.all() if measure == "cumulative_incidence" else not rising.any()
    if link != "identity":
        ratio = fit.to_frame(exponentiate=True)
        assert ratio["estimate"].item() == pytest.approx(
            np.exp(fit.to_frame()["estimate"].iloc[-1])
        )
        assert "log scale" in ratio["scale"].item()


@pytest.mark.parametrize("name", list(LINKS))
def test_links_are_inverse_and_their_slopes_right(name: Any) -> None:
    link = LINKS[name]
    eta = np.linspace(-3, 1, 9)
    np.testing.assert_allclose(link.forward(link.mean(eta)), eta, atol=1e-12)
    numeric = (link.mean(eta + 1e-6) - link.mean(eta - 1e-6)) / 2e-6
    np.testing.assert_allclose(link.slope(eta), numeric, rtol=1e-6)


def test_hazard_ratio_of_proportional_hazards_is_found() -> None:
    rng = np.random.default_rng(12)
    arm = rng.integers(0, 2, 4000)
    days = rng.exponential(np.exp(-0.7 * arm))
    end = rng.uniform(0, 3, 4000)
    frame = pd.DataFrame({
        "days": np.minimum(days, end), "ended": (days <= end).astype(int), "arm": arm,
    })  # fmt: skip
    fit = pseudo_regression(
        "arm", frame, duration="days", event="ended", times=[0.3, 0.8, 1.5], link="cloglog"
    ).to_frame()
    estimate, error = fit["estimate"].iloc[-1], fit["std_error"].iloc[-1]
    assert abs(estimate - 0.7) < 3 * error
    assert error < 0.1


def test_results_print_and_pickle() -> None:
    frame = spells(2, 100).assign(days=lambda d: d["days"].where(d.index != 5))
    values = pseudo_values(frame, duration="days", cause="exit", times=[10, 20])
    fit = pseudo_regression("arm + x", frame, duration="days", cause="exit", times=[10, 20])
    for made in (values, fit):
        again = pickle.loads(pickle.dumps(made))
        pd.testing.assert_frame_equal(again.to_frame(), made.to_frame())
        assert len(repr(made).splitlines()) <= 15
        assert "n: 99 used, 1 dropped (missing days: 1)" in repr(made)
        assert "<table>" in made._repr_html_()
    assert (fit.n_used, dict(fit.n_dropped)) == (99, {"missing days": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "hazard"}, "one of 'survival'"),
        ({"measure": "rmst", "link": "cloglog"}, "'identity' or 'log'"),
        ({"measure": "days_lost"}, "Causes: 1, 2"),
        ({"event_of_interest": 1}, "left out for measure 'survival'"),
        ({"times": [10, 500]}, "at most"),
        ({"times": [10, 10]}, "horizons that differ"),
        ({"times": [0, 10], "measure": "rmst"}, "times: must be positive and finite .* got 0, 10"),
        ({"cluster": "five"}, "cluster: must be of at least two clusters"),
        ({"formula": "arm + five"}, "five"),
        ({"formula": "armm"}, "Did you mean 'arm'"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    frame = spells(3, 80).assign(five=5)
    frame.loc[0, ["days", "exit"]] = [170, 0]
    given_options: dict[str, Any] = {"duration": "days", "cause": "exit", "times": 10}
    given_options |= {"formula": "arm"} | options
    with pytest.raises(InputError, match=message):
        pseudo_regression(given_options.pop("formula"), frame, **given_options)


def test_all_censored_is_said_of_the_column_given() -> None:
    frame = pd.DataFrame({"days": [1, 2], "exit": 0})
    for argument in ("event", "cause"):
        with pytest.raises(InputError, match=f"{argument}: must be not censored in every row"):
            pseudo_values(frame, duration="days", times=1, **{argument: "exit"})


def test_clusters_make_intervals_those_of_students_t() -> None:
    frame = spells(2, 100).assign(team=lambda d: d.index % 9)
    fit = pseudo_regression("x", frame, duration="days", cause="exit", times=10, cluster="team")
    table = fit.to_frame()
    t = scipy.stats.t.ppf(0.975, 8)
    assert table["df"].eq(8).all()
    np.testing.assert_allclose(table["conf_high"], table["estimate"] + t * table["std_error"])
    p = 2 * scipy.stats.t.sf(table["statistic"].abs(), 8)
    np.testing.assert_allclose(table["p_value"], p, rtol=1e-9)
    made = fit.predict(pd.DataFrame({"x": [0.0]})).iloc[0]
    assert made["conf_high"] == pytest.approx(made["estimate"] + t * made["std_error"])
    alone = pseudo_regression("x", frame, duration="days", cause="exit", times=10).to_frame()
    assert alone["df"].isna().all()


def test_a_model_without_solution_is_said() -> None:
    frame = pd.DataFrame({
        "days": [5.0] * 20, "ended": [0, 1] * 5 + [0] * 10, "arm": ["a"] * 10 + ["b"] * 10,
    })  # fmt: skip
    with pytest.raises(InputError, match="without events"):
        pseudo_regression(
            "arm", frame, duration="days", event="ended", times=5, strata="arm", link="log",
            measure="cumulative_incidence",
        )  # fmt: skip
