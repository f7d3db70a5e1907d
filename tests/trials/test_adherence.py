"""Non-adherence: effects on compliers, weak first stages, and comparisons that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.trials.adherence import cace
from evalkit.trials.adherence_bounds import balke_pearl_bounds
from evalkit.trials.adherence_result import AndersonRubinSet
from evalkit.trials.as_treated import as_treated, per_protocol
from evalkit.trials.dose import dose_response
from evalkit.trials.trial_sample import TrialWarning


def trial(seed: int = 1, n: int = 100, take: float = 0.8) -> pd.DataFrame:
    """Return a trial in which some of the arm never start, and some who start break off."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["ReDO", "CAU"], n // 2)
    start = (arm == "ReDO") & (rng.random(n) < take)
    done = start & (rng.random(n) < 0.6)
    sessions = np.where(start, rng.integers(1, 12, n), 0) + np.where(done, 12, 0)
    x = rng.normal(size=n)
    y = 20 + 2.0 * start + 0.5 * x + rng.normal(size=n)
    return pd.DataFrame(
        {
            "arm": arm,
            "started": start.astype(int),
            "completed": done.astype(int),
            "sessions": sessions,
            "x": x,
            "y": y,
            "work": (y > 21).astype(int),
            "group": np.where(start, np.arange(n) % 8, np.nan),
        }
    )


COLUMNS = {"outcome": "y", "assigned": "arm", "control": "CAU"}


def test_what_the_result_says() -> None:
    result = cace(trial(), received="started", higher="better", covariates="x", **COLUMNS)
    text = str(result)
    assert text.startswith("Complier average causal effect, ReDO - CAU, higher = better\n")
    assert "Two-stage least squares, adjusted, HC2 variance; 95 % intervals" in text
    assert "Analysed of randomised: ReDO 50 of 50, CAU 50 of 50" in text
    assert "Anderson-Rubin 95 % set:" in text
    assert "Exclusion restriction" in text
    assert len(text.splitlines()) <= 15
    assert result.attributes.population.startswith("compliers")
    assert result.attributes.intercurrent == {
        "not having 'started' as assigned": "principal stratum"
    }
    frame = result.to_frame().set_index("term")
    assert frame.index.tolist() == ["cace", "itt", "first_stage"]
    assert frame.loc["cace", "estimate"] == pytest.approx(
        frame.loc["itt", "estimate"] / frame.loc["first_stage", "estimate"], rel=1e-9
    )
    low, high = frame.loc["cace", ["ar_low", "ar_high"]]
    assert result.anderson_rubin.intervals == ((low, high),)
    assert result.anderson_rubin.contains(frame.loc["cace", "estimate"])
    assert frame["ar_form"].tolist() == ["interval", "", ""]


def test_full_adherence_is_the_difference_in_means() -> None:
    df = trial()
    df["started"] = (df["arm"] == "ReDO").astype(int)
    result = cace(df, received="started", **COLUMNS)
    frame = result.to_frame().set_index("term")
    assert frame.loc["cace", "estimate"] == pytest.approx(frame.loc["itt", "estimate"], rel=1e-12)
    assert frame.loc["cace", "std_error"] == pytest.approx(frame.loc["itt", "std_error"], rel=1e-9)
    assert result.first_stage_f == np.inf
    assert result.anderson_rubin.intervals[0] == pytest.approx(
        tuple(frame.loc["itt", ["conf_low", "conf_high"]]), rel=1e-9
    )


def test_groups_are_clusters_and_the_rest_stand_alone() -> None:
    df = trial()
    result = cace(df, received="started", cluster="group", **COLUMNS)
    assert "CR2 variance" in result.method
    assert result.anderson_rubin.df < 50
    with pytest.raises(InputError, match="one of CR0, CR1S, CR2 with cluster"):
        cace(df, received="started", cluster="group", vcov="HC2", **COLUMNS)
    with pytest.raises(InputError, match="one of classical, HC0, HC1, HC2 without cluster"):
        cace(df, received="started", vcov="CR2", **COLUMNS)


def test_one_cluster_in_an_arm_is_refused() -> None:
    df = trial()
    df["team"] = np.where(df["arm"] == "ReDO", "a", "b")
    with pytest.raises(InputError, match="between-group variance not identified"):
        cace(df, received="started", cluster="team", **COLUMNS)


# Completion ----------------------------------------------------------------------------------


def test_completion_is_flagged_and_starting_given_beside() -> None:
    df = trial()
    with pytest.warns(TrialWarning, match="Completion .'completed'. as the received treatment br"):
        alone = cace(df, received="completed", received_as="completed", **COLUMNS)
    assert "exclusion restriction" in str(alone)
    broke_off = int((df["started"] - df["completed"]).sum())
    with pytest.warns(TrialWarning, match=f"the {broke_off} of {df['started'].sum()} in 'ReDO'"):
        both = cace(df, received="completed", started="started", **COLUMNS)
    frame = both.to_frame().set_index("term")
    beside = cace(df, received="started", received_as="started", **COLUMNS).to_frame()
    for name in ("estimate", "std_error", "ar_low", "ar_high"):
        assert frame.loc["cace_started", name] == beside[name][0]
    # With the exclusion restriction broken, completers get the credit of those who broke off.
    assert frame.loc["cace", "estimate"] > frame.loc["cace_started", "estimate"]


def test_nobody_completes_without_starting() -> None:
    df = trial()
    df.loc[df.index[-1], "completed"] = 1
    with pytest.raises(InputError, match=r"1 wherever 'completed' is.*row 99"):
        cace(df, received="completed", started="started", **COLUMNS)
    with pytest.raises(InputError, match="left out where received_as='started'"):
        cace(df, received="started", received_as="started", started="started", **COLUMNS)


# First stages --------------------------------------------------------------------------------


def test_a_weak_first_stage_says_what_the_set_is() -> None:
    df = trial(take=0.1)
    df["y"] += 2.0 * (df["arm"] == "ReDO")
    df.loc[df["arm"] == "CAU", "started"] = ([1] + [0] * 24) * 2
    with pytest.warns(TrialWarning, match=r"Weak first stage \(F = .*unbounded \((two rays|whole)"):
        result = cace(df, received="started", **COLUMNS)
    assert not result.anderson_rubin.bounded
    row = result.to_frame().iloc[0]
    assert (row["ar_low"], row["ar_high"]) == (-np.inf, np.inf)


def test_no_first_stage_leaves_the_effect_undefined() -> None:
    df = trial()
    df["started"] = [1, 0] * 50
    with pytest.warns(TrialWarning, match=r"CACE undefined: 'started' is as common in 'ReDO'"):
        result = cace(df, received="started", **COLUMNS)
    frame = result.to_frame().set_index("term")
    assert np.isnan(frame.loc["cace", "estimate"])
    assert frame.loc["first_stage", "estimate"] == 0
    assert frame.loc["itt", "estimate"] == pytest.approx(
        df.groupby("arm")["y"].mean().diff().iloc[-1], rel=1e-12
    )


def test_a_negative_first_stage_is_warned_of() -> None:
    df = trial()
    df["started"] = 1 - df["started"]
    with pytest.warns(TrialWarning, match="is less common in 'ReDO' than in 'CAU'"):
        cace(df, received="started", **COLUMNS)


def test_sets_of_every_form_are_written_out() -> None:
    infinite = float("inf")
    texts = {
        ((1.0, 2.0),): "1.0000 to 2.0000",
        ((-infinite, 1.0),): "ray: below 1.0000",
        ((1.0, infinite),): "ray: above 1.0000",
        ((-infinite, 1.0), (2.0, infinite)): "two rays: below 1.0000 or above 2.0000",
        ((-infinite, infinite),): "whole line: every effect fits",
        (): "empty: no effect fits",
    }
    for intervals, text in texts.items():
        assert repr(AndersonRubinSet(intervals, 0.95, 30.0)) == text


# Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"started": 0}, {}, "0 for all 100"),
        ({"started": 2}, {}, r"0 or 1 \('started'\); got 2.*dose_response"),
        ({}, {"control": None}, "control: must be one of the arms in 'arm': 'CAU', 'ReDO'"),
        ({}, {"received": "startad"}, "Did you mean 'started'"),
        ({}, {"vcov": "HC4"}, "vcov"),
        ({}, {"received_as": "finished"}, "received_as"),
        ({}, {"unit": "arm"}, "stand in several rows"),
    ],
)
def test_bad_input(change, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cace(trial().assign(**change), **({"received": "started"} | COLUMNS | options))


def test_arms_written_as_numbers_need_no_control() -> None:
    df = trial()
    named = cace(df, received="started", **COLUMNS).to_frame()["estimate"]
    for kind in (int, bool, float):
        coded = df.assign(arm=(df["arm"] == "ReDO").astype(kind))
        found = cace(coded, outcome="y", assigned="arm", received="started").to_frame()
        np.testing.assert_array_equal(found["estimate"], named)


def test_missing_values_are_counted() -> None:
    df = trial()
    df["started"] = df["started"].astype(float)
    df.loc[[0, 60], "started"] = None
    df.loc[1, "y"] = None
    result = cace(df, received="started", **COLUMNS)
    assert dict(result.n_dropped) == {"missing y": 1, "missing started": 2}


# Sessions ------------------------------------------------------------------------------------


def test_sessions_scale_with_their_unit() -> None:
    df = trial()
    options = COLUMNS | {"sessions": "sessions", "covariates": "x"}
    one = dose_response(df, **options).to_frame().set_index("term")
    ten = dose_response(df, per=10, **options).to_frame().set_index("term")
    row = one.loc["per_session"]
    for name in ("estimate", "std_error", "ar_low", "ar_high"):
        assert ten.loc["per_session", name] == pytest.approx(10 * row[name], rel=1e-9)
    assert ten.loc["first_stage", "estimate"] == pytest.approx(
        one.loc["first_stage", "estimate"] / 10, rel=1e-12
    )
    with pytest.raises(InputError, match="per: must be a positive number"):
        dose_response(df, per=0, **options)
    with pytest.raises(InputError, match="sessions: must be finite and at least 0"):
        dose_response(df.assign(sessions=df["sessions"] - 1), **options)


# Comparisons that are not randomised ---------------------------------------------------------


def test_as_treated_and_per_protocol_are_labelled_as_what_they_are() -> None:
    df = trial()
    options = COLUMNS | {"received": "started", "higher": "better"}
    treated, protocol = as_treated(df, **options), per_protocol(df, **options)
    for result in (treated, protocol):
        assert "Not a comparison of randomised groups" in result.notes[0]
        assert "higher = better" in result.estimand
    assert "started - not started" in treated.estimand
    by_start = df.groupby("started")["y"].mean()
    assert treated.to_frame()["estimate"].item() == pytest.approx(by_start[1] - by_start[0])
    kept = df[(df["started"] == 1) | (df["arm"] == "CAU")]
    by_arm = kept.groupby("arm")["y"].mean()
    assert protocol.to_frame()["estimate"].item() == pytest.approx(by_arm["ReDO"] - by_arm["CAU"])
    left_out = len(df) - len(kept)
    assert dict(protocol.n_dropped) == {"did not follow the assignment": left_out}
    welch = kept.groupby("arm")["y"].agg(lambda v: v.var() / len(v)).sum() ** 0.5
    assert protocol.to_frame()["std_error"].item() == pytest.approx(welch, rel=1e-10)


def test_dependent_covariates_are_refused() -> None:
    df = trial().assign(copy=lambda d: d["started"] * 2.0)
    with pytest.raises(InputError, match="covariates: must be not combinations"):
        as_treated(df, received="started", covariates="copy", **COLUMNS)


# Bounds --------------------------------------------------------------------------------------


def test_bounds_hold_the_effects_of_full_adherence() -> None:
    df = trial()
    df["started"] = (df["arm"] == "ReDO").astype(int)
    options = {"outcome": "work", "assigned": "arm", "control": "CAU", "received": "started"}
    frame = balke_pearl_bounds(df, **options).to_frame().set_index("term")
    shares = df.groupby("arm")["work"].mean()
    assert frame["estimate"].tolist() == pytest.approx([shares["ReDO"] - shares["CAU"]] * 2)
    frame = balke_pearl_bounds(trial(), **options).to_frame().set_index("term")
    low, high = frame["estimate"]
    assert low < high
    assert frame.loc["lower_bound", "conf_low"] < low
    assert frame.loc["upper_bound", "conf_high"] > high


def test_a_failing_instrument_is_said() -> None:
    df = pd.DataFrame(
        {"arm": [0, 1] * 20, "started": [0] * 38 + [0, 1], "work": [0, 1] * 19 + [0, 1]}
    )
    with pytest.warns(TrialWarning, match="instrumental inequality fails by 0.95"):
        balke_pearl_bounds(df, outcome="work", assigned="arm", received="started")
    with pytest.raises(InputError, match="0 or 1"):
        balke_pearl_bounds(df.assign(work=2), outcome="work", assigned="arm", received="started")


# Invariances ---------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.01, 30.0]))
def test_order_units_and_exchanged_arms(seed: int, unit: float) -> None:
    df = trial(seed)
    base = cace(df, received="started", **COLUMNS).to_frame().iloc[0]
    moved = df.sample(frac=1, random_state=seed).assign(y=lambda d: unit * d["y"] + 7)
    found = cace(moved, received="started", **COLUMNS).to_frame().iloc[0]
    for name in ("estimate", "std_error", "conf_low", "ar_low", "ar_high"):
        assert found[name] == pytest.approx(unit * base[name], rel=1e-7)
    assert found["df"] == pytest.approx(base["df"], rel=1e-9)
    # The other arm as control, and not starting as the treatment: the effect of not starting.
    other = df.assign(started=1 - df["started"])
    swapped = cace(other, received="started", **(COLUMNS | {"control": "ReDO"})).to_frame().iloc[0]
    assert swapped["estimate"] == pytest.approx(-base["estimate"], rel=1e-9)
    assert swapped["ar_high"] == pytest.approx(-base["ar_low"], rel=1e-7)


def test_groups_of_one_person_show_no_spread() -> None:
    df = trial()
    lone = pd.concat([df[df["arm"] == "ReDO"].head(1), df[df["arm"] == "CAU"]])
    for analyse in (cace, as_treated, per_protocol):
        with pytest.raises(InputError, match="at least two persons"):
            analyse(lone.assign(started=lone["arm"] == "ReDO"), received="started", **COLUMNS)
    one = df.assign(started=np.arange(len(df)) == 0)
    for analyse in (as_treated, per_protocol):
        with pytest.raises(InputError, match="at least two persons"):
            analyse(one, received="started", **COLUMNS)
    one_cluster = df.assign(
        started=np.arange(len(df)) < 5, office=np.where(np.arange(len(df)) < 5, -1, df.index // 4)
    )
    with pytest.raises(InputError, match=r"one in 'started' \(5 rows"):
        as_treated(one_cluster, received="started", cluster="office", **COLUMNS)


def test_outcomes_and_doses_without_spread_or_end_are_refused() -> None:
    df = trial()
    with pytest.raises(InputError, match="outcome: must be different among those analysed"):
        cace(df.assign(y=1.0), received="started", **COLUMNS)
    endless = df.assign(sessions=df["sessions"].where(df["sessions"] < 15, np.inf))
    with pytest.raises(InputError, match="sessions: must be finite and at least 0"):
        dose_response(endless, sessions="sessions", **COLUMNS)
    with pytest.raises(InputError, match="per: must be a positive number"):
        dose_response(df, sessions="sessions", per="ten", **COLUMNS)  # type: ignore[arg-type]
    nobody = df.assign(work=0)
    call = {"outcome": "work", "assigned": "arm", "control": "CAU", "received": "started"}
    assert balke_pearl_bounds(nobody, **call).to_frame()["estimate"].between(-1, 1).all()


def test_arms_written_as_truth_values_need_no_control() -> None:
    df = trial()
    inside = df["arm"] == "ReDO"
    for arm in (inside, inside.astype(object), inside.astype(int), inside.astype("boolean")):
        found = cace(df.assign(arm=arm), outcome="y", assigned="arm", received="started")
        expected = cace(df, received="started", **COLUMNS)
        assert found.to_frame()["estimate"].tolist() == pytest.approx(
            expected.to_frame()["estimate"].tolist()
        )
