"""Power, sample sizes and detectable effects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from scipy import stats

from evalkit.errors import InputError
from evalkit.kernels.power_of_tests import exact_power
from evalkit.kernels.proportion_differences import score_statistic
from evalkit.trials.planning import detectable_effect, power, sample_size

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"


def test_power_equals_r() -> None:
    expected = pd.read_csv(REFERENCE / "planning_power_expected.csv")
    assert len(expected) == 48
    for row in expected.itertuples():
        more = {"sd": 1.3} if row.measure == "difference" else {"control": row.control}
        found = power(n=row.n, effect=row.effect, measure=row.measure, level=row.level, **more)
        assert found.power == pytest.approx(row.power, rel=1e-8)


def test_clusters_by_hand() -> None:
    # 12 clusters of 10 an arm, ICC .05: design effect 1.45, 22 degrees of freedom.
    row = power(n=120, effect=0.4, cluster_size=10, icc=0.05).to_frame().iloc[0]
    error = np.sqrt(2 * 1.45 / 120)
    assert row["std_error"] == pytest.approx(error, rel=1e-12)
    assert row["df"] == pytest.approx(22, rel=1e-12)
    limit = stats.t.ppf(0.975, 22)
    by_hand = stats.nct.sf(limit, 22, 0.4 / error) + stats.nct.cdf(-limit, 22, 0.4 / error)
    assert row["power"] == pytest.approx(by_hand, rel=1e-9)
    uneven = power(n=120, effect=0.4, cluster_size=10, icc=0.05, cluster_size_cv=0.5)
    inflated = np.sqrt(2 * (1 + ((1 + 0.25) * 10 - 1) * 0.05) / 120)
    assert uneven.to_frame()["std_error"].item() == pytest.approx(inflated, rel=1e-12)


def test_groups_in_one_arm_by_hand() -> None:
    # 10 groups of 5 against 50: variances 1.2/50 (df 9) and 1/50 (df 49).
    row = power(n=50, effect=0.5, cluster_size=5, icc=0.05, clusters_in="arm").to_frame().iloc[0]
    arm, control = 1.2 / 50, 1 / 50
    assert row["std_error"] == pytest.approx(np.sqrt(arm + control), rel=1e-12)
    df = (arm + control) ** 2 / (arm**2 / 9 + control**2 / 49)
    assert row["df"] == pytest.approx(df, rel=1e-12)


def test_simulation_agrees_with_the_formula_for_groups_in_one_arm() -> None:
    source = np.random.default_rng(12)
    draws, groups, size, icc = 4000, 10, 5, 0.1
    between = np.sqrt(icc) * source.normal(size=(draws, groups, 1))
    arm = 0.6 + between + np.sqrt(1 - icc) * source.normal(size=(draws, groups, size))
    control = source.normal(size=(draws, groups * size))
    means = arm.mean(axis=2)
    v1, v0 = means.var(axis=1, ddof=1) / groups, control.var(axis=1, ddof=1) / (groups * size)
    t = (means.mean(axis=1) - control.mean(axis=1)) / np.sqrt(v1 + v0)
    df = (v1 + v0) ** 2 / (v1**2 / (groups - 1) + v0**2 / (groups * size - 1))
    simulated = float((2 * stats.t.sf(np.abs(t), df) < 0.05).mean())
    planned = power(n=50, effect=0.6, cluster_size=5, icc=0.1, clusters_in="arm").power
    assert simulated == pytest.approx(planned, abs=0.025)


def test_attrition_and_adherence_dilute() -> None:
    lost = power(n=100, effect=0.5, attrition=(0.2, 0.1)).to_frame().iloc[0]
    assert lost["std_error"] == pytest.approx(np.sqrt(1 / 80 + 1 / 90), rel=1e-12)
    assert lost["df"] == pytest.approx(168, rel=1e-12)
    partly = power(n=100, effect=0.5, adherence=0.57, contamination=0.07).to_frame().iloc[0]
    assert partly["diluted"] == pytest.approx(0.25, rel=1e-12)
    assert partly["power"] == pytest.approx(power(n=100, effect=0.25).power, rel=1e-12)
    hazard = power(
        n=100, effect=1.5, measure="hazard_ratio", event_share=0.6, adherence=0.5
    ).to_frame()
    assert hazard["diluted"].item() == pytest.approx(1.5**0.5, rel=1e-12)


def test_hazards_are_schoenfelds() -> None:
    # 4 (1.959964 + 0.841621)^2 / log(0.7)^2 = 246.8 events with equal arms.
    found = power(n=206, effect=0.7, measure="hazard_ratio", event_share=(0.6, 0.6)).to_frame()
    events = 412 * 0.6
    z = abs(np.log(0.7)) * np.sqrt(events / 4)
    by_hand = stats.norm.sf(stats.norm.ppf(0.975) - z) + stats.norm.cdf(-stats.norm.ppf(0.975) - z)
    assert found["power"].item() == pytest.approx(by_hand, rel=1e-10)


def test_ratios_of_risks_are_the_same_plan_as_their_difference() -> None:
    plain = power(n=80, effect=0.2, measure="risk_difference", control=0.4).power
    assert power(n=80, effect=1.5, measure="risk_ratio", control=0.4).power == pytest.approx(plain)
    odds = (0.6 / 0.4) / (0.4 / 0.6)
    assert power(n=80, effect=odds, measure="odds_ratio", control=0.4).power == pytest.approx(plain)


def test_exact_power_adds_up_every_outcome() -> None:
    total = 0.0
    for x1 in range(8):
        for x0 in range(11):
            z = float(score_statistic(x1, 7, x0, 10))
            if abs(z) >= stats.norm.ppf(0.975):
                total += stats.binom.pmf(x1, 7, 0.8) * stats.binom.pmf(x0, 10, 0.3)
    found = exact_power(0.8, 7, 0.3, 10, delta=0.0, alpha=0.05, sides=2)
    assert found == pytest.approx(total, rel=1e-10)


def test_sample_size_is_the_smallest() -> None:
    # R: power.t.test(delta = .5, power = .8) needs 63.77; power.prop.test(.44, .59) 173.08.
    assert sample_size(effect=0.5).n_arm == 64
    found = sample_size(effect=0.15, measure="risk_difference", control=0.44)
    assert (found.n_arm, found.n_control) == (174, 174)
    assert power(n=173, effect=0.15, measure="risk_difference", control=0.44).power < 0.8
    exact = sample_size(effect=0.15, measure="risk_difference", control=0.44, method="exact")
    assert exact.power >= 0.8
    uneven = sample_size(effect=0.5, allocation=2.0)
    assert uneven.n_arm == 2 * uneven.n_control
    assert uneven.power >= 0.8 > power(n=(uneven.n_arm - 2, uneven.n_control - 1), effect=0.5).power


def test_sample_size_is_whole_clusters() -> None:
    found = sample_size(effect=0.3, cluster_size=10, icc=0.05, attrition=0.1)
    assert found.n_arm % 10 == 0
    assert found.power >= 0.8


def test_too_high_icc_has_no_sample_size_that_shows_an_effect_of_nothing() -> None:
    with pytest.raises(InputError, match="not found with"):
        sample_size(effect=0.0)


@given(
    n=st.integers(5, 400), wanted=st.floats(0.1, 0.95), rate=st.floats(0.05, 0.9),
)  # fmt: skip
def test_detectable_effect_has_the_power(n: int, wanted: float, rate: float) -> None:
    found = detectable_effect(n=n, power=wanted)
    assert found.power == pytest.approx(wanted, abs=1e-6)
    again = power(n=n, effect=found.effect).power
    assert again == pytest.approx(found.power, abs=1e-12)
    hazard = detectable_effect(
        n=n, power=wanted, measure="hazard_ratio", event_share=rate, direction="lower"
    )
    assert hazard.power == pytest.approx(wanted, abs=1e-6)
    assert hazard.effect < 1


def test_non_inferiority_is_one_sided_about_the_margin() -> None:
    found = power(n=100, effect=0.0, margin=0.4, sides=1).power
    shifted = power(n=100, effect=0.4, sides=1).power
    assert found == pytest.approx(shifted, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1, "effect": 1}, "n: must be a whole number of at least 2"),
        ({"n": 20, "effect": 1, "measure": "mean"}, "measure: must be one of"),
        ({"n": 20, "effect": 1, "control": 0.4}, "control: must be an argument that a plan for"),
        ({"n": 20, "effect": 0.1, "measure": "risk_difference"}, "control: must be a share"),
        ({"n": 20, "effect": 0.7, "measure": "risk_difference", "control": 0.5}, "is a share"),
        ({"n": 20, "effect": -1, "measure": "hazard_ratio", "event_share": 0.5}, "ratio above 0"),
        ({"n": 20, "effect": 1, "cluster_size": 5}, "icc: must be given together"),
        ({"n": 20, "effect": 1, "icc": 0.1}, "cluster_size: must be given together with icc"),
        ({"n": 20, "effect": 1, "attrition": 1.0}, "attrition: must be strictly between"),
        ({"n": 20, "effect": 1, "adherence": 0.3, "contamination": 0.3}, "below adherence"),
        ({"n": 20, "effect": 1, "margin": 0.1}, "sides: must be 1 with a margin"),
        ({"n": 20, "effect": 1, "method": "exact"}, "simulate_power"),
        ({"n": 20, "effect": "a"}, "effect: must be a number"),
        ({"n": 20, "effect": 1, "sd": -1}, "sd: must be a number of at least 0"),
    ],
)
def test_errors_name_the_argument(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        power(**arguments)  # type: ignore[arg-type]


def test_unreachable_effect_says_what_the_largest_would_give() -> None:
    with pytest.raises(InputError, match="within reach of the largest possible effect"):
        detectable_effect(n=4, measure="risk_difference", control=0.9, power=0.9)


def test_results_print_and_draw() -> None:
    table = power(n=54, effect=[0.2, 0.4, 0.6])
    assert len(repr(table).splitlines()) <= 15
    assert "<table>" in table._repr_html_()
    assert isinstance(table.plot(), Axes)
    with pytest.raises(InputError, match="one row"):
        _ = table.power
    with pytest.raises(InputError, match="two effects"):
        power(n=54, effect=0.2).plot()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 5, "effect": 0.5, "cluster_size": 5.4, "icc": 0.1}, "n: must be enough for two cl"),
        ({"n": 2, "effect": 0.5, "attrition": 0.9}, "n: must be enough for two persons in the arm"),
        (
            {"n": 3, "effect": 0.2, "measure": "risk_difference", "control": 0.4,
             "attrition": 0.9, "method": "exact"},
            "n: must be enough for two persons",
        ),
        ({"n": "54", "effect": 0.5}, "n: must be a number"),
        ({"n": np.nan, "effect": 0.5}, "n: must be a finite number"),
        ({"n": 50, "effect": []}, "effect: must be at least one number"),
        ({"n": 50, "effect": 0.5, "sides": True}, "sides: must be 1 or 2"),
        (
            {"n": 50, "effect": 0.5, "measure": "hazard_ratio", "event_share": 0.5,
             "correlation": 0.7},
            "correlation: must be an argument that a plan for 'hazard_ratio' has",
        ),
    ],
)  # fmt: skip
def test_plans_without_an_answer_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        power(**options)


def test_what_cannot_be_searched_for_is_said() -> None:
    with pytest.raises(InputError, match="turn the outcome round"):
        sample_size(effect=-0.5, sides=1)
    with pytest.raises(InputError, match="turn the outcome round"):
        detectable_effect(n=50, direction="lower", sides=1)
    with pytest.raises(InputError, match="method: must be left out"):
        detectable_effect(n=50, method="exact")
    for allocation in ("a", np.inf, 0.0):
        with pytest.raises(InputError, match="allocation"):
            sample_size(effect=0.5, allocation=allocation)  # type: ignore[arg-type]


def test_diluted_margin_bounds_the_search() -> None:
    # Half are treated: an effect of -0.6 is one of -0.3 as randomised, well above -0.5.
    found = detectable_effect(n=500, margin=0.5, sides=1, adherence=0.5)
    assert found.power == pytest.approx(0.8, abs=1e-6)
    assert found.effect < -0.5


def test_clustered_risks_and_hazards_count_clusters() -> None:
    # Four clusters an arm: 6 degrees of freedom, whose limit is 2.45 and not 1.96.
    row = power(
        n=80, effect=0.15, measure="risk_difference", control=0.4, cluster_size=20, icc=0.05
    ).to_frame().iloc[0]  # fmt: skip
    error = np.sqrt((0.55 * 0.45 + 0.4 * 0.6) * 1.95 / 80)
    limit = stats.t.ppf(0.975, 6)
    by_hand = stats.nct.sf(limit, 6, 0.15 / error) + stats.nct.cdf(-limit, 6, 0.15 / error)
    assert row["df"] == pytest.approx(6)
    assert row["power"] == pytest.approx(by_hand, rel=1e-9)
    hazard = power(
        n=80, effect=0.5, measure="hazard_ratio", event_share=0.5, cluster_size=20, icc=0.05
    )  # fmt: skip
    assert hazard.to_frame()["df"].item() == pytest.approx(6)
    assert "Noncentral t" in str(hazard)
    mean_df = power(n=80, effect=0.5, cluster_size=20, icc=0.05, clusters_in="arm").to_frame()["df"]
    risk_df = power(
        n=80, effect=0.0, measure="risk_difference", control=0.4, cluster_size=20, icc=0.05,
        clusters_in="arm",
    ).to_frame()["df"]  # fmt: skip
    assert risk_df.item() == pytest.approx(mean_df.item())


def test_the_curve_is_in_the_language_asked_for() -> None:
    table = power(n=54, effect=[0.2, 0.5], cluster_size=5.4, icc=0.05, clusters_in="arm")
    assert table.plot(lang="sv").get_ylabel() == "Styrka"
    assert table.plot(lang="en").get_ylabel() == "Power"
