"""Discrete-time hazards: hand-made cases, counts, invariances, diagnoses and coverage."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.core.counts import Counts
from evalkit.core.sample import SurvivalWarning
from evalkit.errors import InputError
from evalkit.survival.discrete import discrete_hazard

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
BREAKS = (90, 180, 365, 914)


def episodes() -> pd.DataFrame:
    """Return rows of constant covariates, several a person."""
    return pd.read_csv(REFERENCE / "discrete_episodes.csv")


def small() -> pd.DataFrame:
    """Six spells: on breaks, and entering late."""
    return pd.DataFrame(
        {
            "start": [0, 0, 0, 5, 10, 0],
            "stop": [2, 10, 10, 12, 25, 30],
            "left": [1, 1, 0, 1, 0, 0],
        }
    )


def test_small_case_by_hand() -> None:
    with pytest.warns(SurvivalWarning, match="nobody has an event in \\[20, inf\\)"):
        fit = discrete_hazard(
            "1", small(), duration="stop", event="left", entry="start", breaks=(10, 20)
        )
    # The event on day 10 belongs to [10, 20); who is censored that day is not at risk there, and
    # who enters that day is.
    assert fit.intervals["at_risk"].tolist() == [5, 4, 2]
    assert fit.intervals["events"].tolist() == [1, 2, 0]
    assert fit.intervals["interval"].tolist() == ["[0, 10)", "[10, 20)", "[20, inf)"]


def test_small_case_closed_on_the_right() -> None:
    with pytest.warns(SurvivalWarning, match="nobody has an event in \\(20, inf\\)"):
        fit = discrete_hazard(
            "1",
            small(),
            duration="stop",
            event="left",
            entry="start",
            breaks=(10, 20),
            closed="right",
        )
    assert fit.intervals["at_risk"].tolist() == [5, 3, 2]
    assert fit.intervals["events"].tolist() == [2, 1, 0]
    hazard = fit.hazard(pd.DataFrame({"x": [1]}))
    np.testing.assert_allclose(hazard["hazard"], [2 / 5, 1 / 3, 0], rtol=1e-10)
    assert hazard["conf_low"].isna().tolist() == [False, False, True]
    survival = fit.survival(pd.DataFrame({"x": [1]}), [0, 10, 20])
    np.testing.assert_allclose(survival["survival"], [1, 3 / 5, 2 / 5], rtol=1e-10)


def test_half_intervals_are_the_actuarial_rule() -> None:
    df = pd.DataFrame({"stop": [3, 5, 7, 20, 20], "left": [1, 0, 0, 1, 0]})
    fit = discrete_hazard("1", df, duration="stop", event="left", breaks=[10], partial="half")
    assert fit.intervals["at_risk"].tolist() == [4, 1.5]


def test_event_at_time_0_counts() -> None:
    df = pd.DataFrame({"stop": [0, 5, 12, 30], "left": [1, 0, 1, 0]})
    for closed in ("left", "right"):
        fit = discrete_hazard(
            "1", df, duration="stop", event="left", breaks=[10], closed=closed, link="logit"
        )
        assert fit.intervals["at_risk"].tolist() == [4, 2]
        np.testing.assert_allclose(fit.to_frame()["estimate"], [np.log(1 / 3), 0], atol=1e-12)


def test_interval_in_which_everybody_leaves() -> None:
    df = pd.DataFrame({"stop": [3, 5, 12, 14], "left": [1, 0, 1, 1]})
    with pytest.warns(SurvivalWarning, match="everybody at risk has an event in"):
        fit = discrete_hazard("1", df, duration="stop", event="left", breaks=[10, 20])
    survival = fit.survival(df.head(1), [10, 20])
    np.testing.assert_allclose(survival["survival"], [3 / 4, 0])
    np.testing.assert_allclose(survival["std_error"].iloc[1], 0)


def test_nobody_at_risk_beyond_the_last_time() -> None:
    df = pd.DataFrame({"stop": [3, 5, 12, 14], "left": [1, 0, 1, 0]})
    fit = discrete_hazard("1", df, duration="stop", event="left", breaks=[10, 20, 40])
    assert fit.intervals["at_risk"].tolist() == [4, 2, 0, 0]
    assert fit.survival(df.head(1))["survival"].isna().tolist() == [False, False, True]


def simulated(seed: int, n: int = 300) -> pd.DataFrame:
    """Whole days, ties, late entries."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({"treated": rng.integers(0, 2, n), "region": rng.choice(list("ABC"), n)})
    time = np.ceil(rng.exponential(200 - 80 * df["treated"]))
    censored = np.ceil(rng.uniform(30, 600, n))
    df["days"] = np.minimum(time, censored)
    df["left"] = (time <= censored).astype(int)
    df["entry"] = np.where(rng.random(n) < 0.3, np.floor(df["days"] * rng.random(n)), 0.0)
    df["weight"] = rng.integers(1, 4, n)
    return df


def same(a, b, *, rtol: float = 1e-9, errors: bool = True) -> None:
    columns = ["estimate", "std_error"] if errors else ["estimate"]
    left, right = a.to_frame(), b.to_frame()
    assert left["term"].tolist() == right["term"].tolist()
    np.testing.assert_allclose(left[columns], right[columns], rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("link", ["cloglog", "logit"])
@pytest.mark.parametrize("entry", [None, "entry"])
@pytest.mark.parametrize("closed", ["left", "right"])
def test_counts_equal_rows(link, entry, closed) -> None:
    df = simulated(3)
    options = {"breaks": BREAKS[:3], "link": link, "closed": closed}
    counts = Counts.from_rows(
        df, duration="days", event="left", entry=entry, groups=["treated", "region"]
    )
    micro = discrete_hazard(
        "treated * region", df, duration="days", event="left", entry=entry, **options
    )
    counted = discrete_hazard("treated * region", counts, **options)
    same(micro, counted, rtol=1e-12)
    np.testing.assert_array_equal(micro.intervals.iloc[:, 1:], counted.intervals.iloc[:, 1:])
    for method in ("standardised",):
        pd.testing.assert_frame_equal(
            getattr(micro, method)("treated").to_frame(),
            getattr(counted, method)("treated").to_frame(),
            rtol=1e-12,
        )


def test_counts_with_half_intervals() -> None:
    df = simulated(4)
    counts = Counts.from_rows(df, duration="days", event="left", groups="treated")
    options = {"breaks": BREAKS[:3], "partial": "half"}
    same(
        discrete_hazard("treated", df, duration="days", event="left", **options),
        discrete_hazard("treated", counts, **options),
        rtol=1e-12,
    )


def test_rows_without_repeating_patterns_equal_patterns(monkeypatch) -> None:
    df = simulated(5)
    options = {"duration": "days", "event": "left", "entry": "entry", "breaks": BREAKS[:3]}
    for more in ({}, {"partial": "half"}, {"weights": "weight", "cluster": "region"}):
        added = discrete_hazard("treated + region", df, **options, **more)
        with monkeypatch.context() as patch:
            patch.setattr("evalkit.survival.discrete_data._LOOK", 10)
            patch.setattr("evalkit.survival.discrete_data._SHARE", 0.0)
            single = discrete_hazard("treated + region", df, **options, **more)
        assert len(single._data.X) == len(df) > len(added._data.X)
        same(added, single)
        pd.testing.assert_frame_equal(
            added.standardised("treated").to_frame(), single.standardised("treated").to_frame()
        )


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(["cloglog", "logit"]))
def test_invariances(seed: int, link: str) -> None:
    df = simulated(seed, 150)
    options = {"duration": "days", "event": "left", "entry": "entry", "link": link}
    fit = discrete_hazard("treated + region", df, breaks=(60, 150), **options)
    shuffled = df.sample(frac=1, random_state=seed % 1000)
    same(fit, discrete_hazard("treated + region", shuffled, breaks=(60, 150), **options))
    unit = 1e-12 if seed % 2 else 7.0
    scaled = df.assign(days=df["days"] * unit, entry=df["entry"] * unit)
    rescaled = discrete_hazard(
        "treated + region", scaled, breaks=(60 * unit, 150 * unit), **options
    )
    np.testing.assert_allclose(
        fit.to_frame()["estimate"], rescaled.to_frame()["estimate"], rtol=1e-9
    )
    renamed = df.assign(region=df["region"].map({"A": "x", "B": "y", "C": "z"}))
    again = discrete_hazard("treated + region", renamed, breaks=(60, 150), **options)
    np.testing.assert_allclose(again.to_frame()["estimate"], fit.to_frame()["estimate"])
    weighted = discrete_hazard(
        "treated + region", df, breaks=(60, 150), weights="weight", **options
    )
    repeated = df.loc[df.index.repeat(df["weight"])]
    same(weighted, discrete_hazard("treated + region", repeated, breaks=(60, 150), **options))
    # Rows split on breaks, and anywhere if persons are known, are the same data.
    for cuts, person in (((60, 150), None), ((37, 60, 99, 220), "id")):
        pieces = split(df.assign(id=range(len(df))), cuts)
        same(
            fit,
            discrete_hazard("treated + region", pieces, breaks=(60, 150), id=person, **options),
        )


def split(df: pd.DataFrame, cuts: tuple[int, ...]) -> pd.DataFrame:
    """Cut rows at times."""
    parts = []
    edges = [0, *cuts, np.inf]
    for low, high in pairwise(edges):
        part = df[(df["days"] > low) & (df["entry"] < high)].copy()
        part["left"] = part["left"] * (part["days"] <= high)
        part["days"] = part["days"].clip(upper=high)
        part["entry"] = part["entry"].clip(lower=low)
        parts.append(part)
    whole = pd.concat(parts)
    return whole[whole["entry"] < whole["days"]]


def test_one_cell_for_each_interval_is_the_share() -> None:
    df = simulated(8)
    fit = discrete_hazard("1", df, duration="days", event="left", breaks=(60, 150))
    counted = fit.intervals
    np.testing.assert_allclose(fit.hazard(df.head(1))["hazard"], counted["hazard"], rtol=1e-12)


def test_cloglog_effect_does_not_depend_on_the_intervals() -> None:
    rng = np.random.default_rng(0)
    treated = np.arange(200_000) % 2
    time = rng.exponential(300 * np.exp(-0.5 * treated))
    df = pd.DataFrame({"days": np.minimum(time, 914.0), "left": time <= 914, "treated": treated})
    for breaks in ((90, 180, 365), (200,), range(30, 900, 30)):
        fit = discrete_hazard("treated", df, duration="days", event="left", breaks=breaks)
        estimate = fit.to_frame().set_index("term").loc["treated"]
        assert abs(estimate["estimate"] - 0.5) < 3 * estimate["std_error"]


def test_bad_input_is_named() -> None:
    df = simulated(1)
    good = {"duration": "days", "event": "left", "breaks": (90, 180)}
    for change, message in (
        ({"breaks": (180, 90)}, "breaks: must be positive numbers that increase"),
        ({"breaks": ()}, "breaks: must be positive numbers"),
        ({"breaks": ("a",)}, "breaks: must be positive numbers"),
        ({"link": "probit"}, "link: must be one of 'cloglog', 'logit'"),
        ({"duration": "dys"}, "Did you mean 'days'"),
        ({"duration": None}, "duration: must be a column of df"),
        ({"by_interval": ["age"]}, "by_interval: must be terms of the formula"),
        ({"formula": "treated + I(1 - treated)"}, "none a combination of the others"),
        ({"formula": "treated + I(0 * treated)"}, r"\(constant\)"),
        ({"baseline": "polynomial", "baseline_df": 9}, "baseline_df: must be a whole number from"),
        ({"penalty": "firth", "cluster": "region"}, "penalty: must be 'none'"),
        ({"id": "persn"}, "id: must be a column of df"),
    ):
        given_ = {"formula": "treated", **good, **change}
        with pytest.raises(InputError, match=message):
            discrete_hazard(given_.pop("formula"), df, **given_)
    with pytest.raises(InputError, match="no event at all"):
        discrete_hazard("treated", df.assign(left=0), **good)
    counts = Counts.from_rows(df, duration="days", event="left", entry="entry", groups="treated")
    with pytest.raises(InputError, match="duration: must be left out, since df holds counts"):
        discrete_hazard("treated", counts, duration="days", breaks=(90,))
    with pytest.raises(InputError, match="partial: must be its default"):
        discrete_hazard("treated", counts, breaks=(90,), partial="half")
    fit = discrete_hazard("treated", df, **good)
    with pytest.raises(InputError, match="times: must be breaks of the model"):
        fit.survival(df.head(1), [100])
    with pytest.raises(InputError, match="reference: must be a value of 'treated'"):
        fit.standardised("treated", reference=2)


def test_persons_rows_must_follow_each_other() -> None:
    df = episodes()
    options = {"duration": "stop", "event": "left", "entry": "start", "breaks": (90,), "id": "id"}
    again = df.groupby("id").cumcount() > 0
    overlapping = df.assign(start=df["start"].where(~again, df["start"] - 1))
    with pytest.raises(InputError, match="id: must be of persons of rows that do not overlap"):
        discrete_hazard("degree", overlapping, **options)
    with pytest.raises(InputError, match="without rows after the event"):
        discrete_hazard("degree", df.assign(left=1), **options)


def test_missing_values_are_counted() -> None:
    df = simulated(2).astype({"treated": float})
    df.loc[[3, 7], "treated"] = np.nan
    df.loc[11, "days"] = np.nan
    fit = discrete_hazard("treated", df, duration="days", event="left", breaks=(90,))
    assert fit.coefficients.n_dropped == {"missing days": 1, "missing treated": 2}
    assert fit.coefficients.n_used == len(df) - 3


def test_result_prints_pickles_and_leaves_the_input_alone() -> None:
    df = simulated(2)
    before = df.copy(deep=True)
    fit = discrete_hazard("treated + region", df, duration="days", event="left", breaks=(90,))
    fit.standardised("treated")
    pd.testing.assert_frame_equal(df, before)
    assert len(repr(fit).splitlines()) <= 15
    assert "<table>" in fit._repr_html_()
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.to_frame(), fit.to_frame())
    pd.testing.assert_frame_equal(again.survival(df.head(2)), fit.survival(df.head(2)))
    ratio = fit.to_frame(exponentiate=True)
    assert ratio["term"].tolist() == ["treated", "region[T.B]", "region[T.C]"]
    np.testing.assert_allclose(np.log(ratio["estimate"]), fit.to_frame()["estimate"].iloc[2:])
    assert fit.vcov.index.tolist() == fit.to_frame()["term"].tolist()


def test_intervals_reach_their_level() -> None:
    """About half censored; the full table is made by benchmarks/coverage_discrete.py."""
    rng = np.random.default_rng(11)
    inside, n_samples, n = 0, 200, 500
    for _ in range(n_samples):
        treated = np.arange(n) % 2
        time = rng.exponential(300 * np.exp(-0.4 * treated))
        censored = rng.uniform(50, 700, n)
        df = pd.DataFrame(
            {
                "days": np.minimum(time, censored),
                "left": (time <= censored).astype(int),
                "treated": treated,
            }
        )
        fit = discrete_hazard(
            "treated", df, duration="days", event="left", breaks=(90, 180), partial="half"
        )
        row = fit.to_frame().iloc[-1]
        inside += row["conf_low"] <= 0.4 <= row["conf_high"]
    assert abs(inside / n_samples - 0.95) < 3 * np.sqrt(0.95 * 0.05 / n_samples)


def partial_notes(fit) -> list[str]:
    """Return the notes on those who are censored inside intervals."""
    return [note for note in fit.coefficients.notes if "inside an interval" in note]


def test_a_note_where_partial_intervals_matter() -> None:
    rng = np.random.default_rng(4)
    days, end = rng.exponential(200, 2000).round() + 1, rng.uniform(1, 400, 2000).round()
    df = pd.DataFrame(
        {"days": np.minimum(days, end), "left": (days <= end).astype(int), "id": np.arange(2000)}
    )
    names = {"duration": "days", "event": "left"}
    fit = discrete_hazard("1", df, **names, breaks=(180, 300))
    (note,) = partial_notes(fit)
    half = discrete_hazard("1", df, **names, breaks=(180, 300), partial="half")
    who = df.head(1)
    apart = fit.survival(who)["survival"] - half.survival(who)["survival"]
    size = (apart / fit.survival(who)["std_error"]).to_numpy()
    at = int(np.argmax(size))
    assert f"survival at {(180, 300)[at]} is too high by {apart[at]:.2g} " in note
    assert f"({size[at]:.1f} standard errors)" in note
    assert "inside an interval" in repr(fit)
    # none where it is counted half, where everybody is censored on a break, or where it is little
    assert not partial_notes(half)
    on_break = df.assign(days=df["days"].where(df["left"] == 1, 180))
    with pytest.warns(SurvivalWarning, match="everybody at risk"):
        assert not partial_notes(discrete_hazard("1", on_break, **names, breaks=(180, 300)))
    fine = discrete_hazard("1", df, **names, breaks=np.arange(5, 300, 5))
    assert not partial_notes(fine)
    # the same from counts, and from rows that are split inside intervals
    counts = Counts.from_rows(df.assign(all=0), groups=["all"], **names)
    assert partial_notes(discrete_hazard("1", counts, breaks=(180, 300))) == [note]
    first = df.assign(entry=0.0, days=df["days"].clip(upper=50), left=0)
    first["left"] = df["left"].where(df["days"] <= 50, 0)
    rest = df[df["days"] > 50].assign(entry=50.0)
    again = discrete_hazard(
        "1", pd.concat([first, rest]), **names, entry="entry", id="id", breaks=(180, 300)
    )
    assert partial_notes(again) == [note]


def test_a_note_where_follow_up_ends_inside_an_interval() -> None:
    df = simulated(3)
    last = df["days"].max()
    names = {"duration": "days", "event": "left"}
    end = float(last + 100)
    fit = discrete_hazard("1", df, **names, breaks=(90, end), partial="half")
    (note,) = [note for note in fit.coefficients.notes if "Nobody is followed" in note]
    assert note.startswith(f"Nobody is followed to {end:g}: the last time observed is {last:g},")
    fine = discrete_hazard("1", df, **names, breaks=(90, 300))
    assert not any("Nobody is followed" in note for note in fine.coefficients.notes)
    counts = Counts.from_rows(df.assign(all=0), groups=["all"], **names)
    same = discrete_hazard("1", counts, breaks=(90, end), partial="half")
    assert note in same.coefficients.notes


@pytest.mark.parametrize("wrong", ["90", ["90", "180"], [[90, 180]], pd.Timestamp("2020-01-01")])
def test_breaks_are_numbers(wrong) -> None:
    with pytest.raises(InputError, match="breaks: must be positive numbers that increase"):
        discrete_hazard("1", simulated(1), duration="days", event="left", breaks=wrong)


@pytest.mark.parametrize("cluster", [None, "region"])
def test_rows_of_weight_zero_are_dropped(cluster) -> None:
    df = simulated(2).assign(w=lambda d: np.where(d["treated"] == 1, d["weight"], 0))
    names = {"duration": "days", "event": "left", "breaks": (60, 150), "weights": "w"}
    fit = discrete_hazard("region", df, **names, cluster=cluster)
    rest = discrete_hazard("region", df[df["treated"] == 1], **names, cluster=cluster)
    pd.testing.assert_frame_equal(fit.to_frame(), rest.to_frame())
    assert fit.coefficients.n_dropped == {"weight 0": int((df["treated"] == 0).sum())}
