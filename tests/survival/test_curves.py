"""Survival curves: hand-derived data, conventions, invariants, and what is refused or warned of."""

from __future__ import annotations

import dataclasses
import pickle
from fractions import Fraction
from math import exp, inf, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import survival
from evalkit.core.counts import Counts
from evalkit.core.sample import EmptyRiskSetWarning
from evalkit.errors import InputError
from evalkit.survival.curve_results import KaplanMeier
from evalkit.survival.curves import kaplan_meier
from evalkit.survival.differences import rmst_difference, survival_difference
from evalkit.survival.hazards import nelson_aalen
from evalkit.survival.life_tables import life_table

Z = 1.959963984540054

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    """Return survival::lung with 1 for a death."""
    return pd.read_csv(REFERENCE / "curves_lung.csv").rename(columns={"status": "event"})


# Two events at the same time, an event at time 0, a censoring that ties with an event.
SIX = pd.DataFrame({"time": [0, 2, 2, 5, 5, 8], "event": [1, 1, 0, 1, 1, 0]})


def km(df: pd.DataFrame = SIX, **options: Any) -> KaplanMeier:
    """Fit the usual columns."""
    return kaplan_meier(df, duration="time", event="event", **options)


def test_six_rows_by_hand() -> None:
    frame = km().to_frame()
    columns = "time at_risk events censored survival std_error conf_low conf_high"
    assert frame.columns.tolist() == columns.split()
    assert frame["time"].tolist() == [0, 2, 5, 8]
    assert frame["at_risk"].tolist() == [6, 5, 3, 1]
    assert frame["events"].tolist() == [1, 1, 2, 0]
    assert frame["censored"].tolist() == [0, 1, 0, 1]
    survival = [5 / 6, 2 / 3, 2 / 9, 2 / 9]
    greenwood = [1 / 30, 1 / 30 + 1 / 20, 1 / 30 + 1 / 20 + 2 / 3, 1 / 30 + 1 / 20 + 2 / 3]
    np.testing.assert_allclose(frame["survival"], survival, rtol=1e-14)
    errors = [s * sqrt(v) for s, v in zip(survival, greenwood, strict=True)]
    np.testing.assert_allclose(frame["std_error"], errors, rtol=1e-14)
    low = [
        exp(-exp(log(-log(s)) + Z * sqrt(v) / -log(s)))
        for s, v in zip(survival, greenwood, strict=True)
    ]
    np.testing.assert_allclose(frame["conf_low"], low, rtol=1e-12)


def test_delayed_entry_by_hand() -> None:
    # Therneau and Grambsch's test2.
    df = pd.DataFrame(
        {
            "start": [1, 2, 5, 2, 1, 7, 3, 4, 8, 8],
            "time": [2, 3, 6, 7, 8, 9, 9, 9, 14, 17],
            "event": [1] * 7 + [0] * 3,
        }
    )
    frame = km(df, entry="start").to_frame()
    expected = [Fraction(1, 2), Fraction(1, 3), Fraction(4, 15), Fraction(1, 5), Fraction(3, 20)]
    expected += [Fraction(9, 100)] * 3
    np.testing.assert_allclose(frame["survival"], [float(f) for f in expected], rtol=1e-14)
    assert km(df, entry="start").at(1)["survival"].item() == 1
    assert km(df, entry="start").at(0.9)["survival"].isna().all()


def test_published_restricted_means_of_lung(lung: pd.DataFrame) -> None:
    found = km(lung, by="sex").rmst(365)
    columns = "sex tau estimate std_error conf_low conf_high"
    assert found.columns.tolist() == columns.split()
    np.testing.assert_allclose(found["estimate"], [241.495085, 297.465410], rtol=1e-8)
    np.testing.assert_allclose(found["std_error"], [10.358227, 10.791324], rtol=1e-7)
    np.testing.assert_allclose(
        found["conf_high"] - found["conf_low"], 2 * Z * found["std_error"], rtol=1e-12
    )


def test_survival_at_a_time_is_right_continuous() -> None:
    found = km().at([9, 8, 1.9, 2, 0, -1, 5])
    assert found["time"].tolist() == [9, 8, 1.9, 2, 0, -1, 5]
    np.testing.assert_allclose(
        found["survival"], [np.nan, 2 / 9, 5 / 6, 2 / 3, 5 / 6, 1, 2 / 9], rtol=1e-14
    )
    assert found["at_risk"].tolist() == [0, 1, 5, 5, 6, 6, 3]
    assert found["events"].tolist() == [0, 0, 0, 1, 1, 0, 2]
    assert found["conf_low"].tolist()[5] == found["conf_high"].tolist()[5] == 1
    assert found["std_error"].tolist()[5] == 0
    ended = km(SIX.assign(event=1)).at([8, 99, inf])
    assert ended["survival"].tolist() == [0, 0, 0]
    assert ended[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)


def test_a_time_within_rounding_of_an_event() -> None:
    df = pd.DataFrame({"time": [0.1 + 0.2, 0.5], "event": [1, 1]})
    assert km(df).at(0.3)["survival"].item() == 0.5


def test_at_risk_between_two_exits_counts_those_who_entered() -> None:
    df = pd.DataFrame({"time": [4, 9, 9], "event": [1, 1, 0], "start": [0, 0, 7]})
    found = km(df, entry="start").at([4, 6, 7, 7.5])
    assert found["at_risk"].tolist() == [2, 1, 1, 2]


def test_quantiles_take_the_midpoint_of_a_level_stretch() -> None:
    df = pd.DataFrame({"time": [1, 2, 3, 4], "event": 1})
    assert km(df).quantile([0.5, 0.6, 0.25])["estimate"].tolist() == [2.5, 3, 1.5]
    open_end = pd.DataFrame({"time": [1, 2, 9, 9], "event": [1, 1, 0, 0]})
    found = km(open_end).quantile([0.5, 0.51])
    assert found.columns.tolist() == ["q", "estimate", "conf_low", "conf_high"]
    assert found["estimate"].tolist()[0] == 5.5
    assert np.isnan(found["estimate"].tolist()[1])


def test_the_mean_is_the_area_under_the_curve() -> None:
    found = km().rmst([4, 8])
    areas = [2 * 5 / 6 + 2 * 2 / 3, 2 * 5 / 6 + 3 * 2 / 3 + 3 * 2 / 9]
    np.testing.assert_allclose(found["estimate"], areas, rtol=1e-14)
    after = [areas[1], 2 + 2 / 3, 2 / 3]  # from time 0, 2 and 5 to 8
    variance = after[0] ** 2 / 30 + after[1] ** 2 / 20 + after[2] ** 2 * 2 / 3
    np.testing.assert_allclose(found["std_error"][1], sqrt(variance), rtol=1e-14)
    complete = pd.DataFrame({"time": [1.0, 4, 5], "event": 1})
    single = km(complete).rmst(50)
    np.testing.assert_allclose(single["estimate"], 10 / 3, rtol=1e-14)
    # Without censoring the variance is that of a mean.
    np.testing.assert_allclose(single["std_error"], np.std([1, 4, 5]) / sqrt(3), rtol=1e-12)


def test_shares_by_length_are_half_open() -> None:
    days = [10, 89, 90, 90, 179, 180, 364, 365, 365, 900]
    df = pd.DataFrame({"time": days, "event": 1})
    found = km(df).shares()
    assert found["start"].tolist() == [0, 90, 180, 365]
    assert found["end"].tolist() == [90, 180, 365, inf]
    np.testing.assert_allclose(found["estimate"], [0.2, 0.3, 0.2, 0.3], rtol=1e-12)
    # Without censoring the standard error is that of a proportion.
    p = found["estimate"]
    np.testing.assert_allclose(found["std_error"], np.sqrt(p * (1 - p) / 10), rtol=1e-12)
    assert ((found["conf_low"] < p) & (p < found["conf_high"])).all()
    censored = km(df.assign(event=[1, 1, 1, 0, 1, 1, 0, 1, 1, 0]))
    np.testing.assert_allclose(censored.shares()["estimate"].sum(), 1, rtol=1e-14)
    assert censored.shares([900])["estimate"].notna().all()
    assert censored.shares([90, 901])["estimate"].isna().tolist() == [False, True, True]
    first, last = censored.shares([90]).itertuples()
    curve = censored.at(89)
    np.testing.assert_allclose(last.conf_low, curve["conf_low"])
    np.testing.assert_allclose(first.conf_high, 1 - curve["conf_low"])


def test_conditional_survival_forgets_what_came_before() -> None:
    whole, later = km(), km().conditional(2)
    ratio = whole.at(5)["survival"].item() / whole.at(2)["survival"].item()
    np.testing.assert_allclose(later.at(5)["survival"], ratio, rtol=1e-14)
    np.testing.assert_allclose(later.at(5)["std_error"], ratio * sqrt(2 / 3), rtol=1e-14)
    assert later.to_frame()["time"].tolist() == [5, 8]
    assert np.isnan(later.at(1.5)["survival"].item())
    assert later.at(2)["survival"].item() == 1
    assert repr(later).startswith("Survival P(T > t | T > 2)\n")


EMPTYING = pd.DataFrame({"start": [0, 1, 3, 4], "time": [2, 2, 6, 7], "event": [1, 1, 1, 0]})


def test_a_risk_set_that_empties_early_is_warned_of() -> None:
    with pytest.warns(EmptyRiskSetWarning, match=r"at risk at 2 have the event.*although 2 are"):
        curve = km(EMPTYING, entry="start")
    assert curve.at([2, 6])["survival"].tolist() == [0, 0]
    assert curve.conditional(2).at([3, 6])["survival"].tolist() == [1, 0.5]
    df = EMPTYING.assign(event=[1, 0, 1, 0], arm="x")
    with pytest.warns(EmptyRiskSetWarning, match=r"after 2 in arm = x, although 2 are.*\(2\)"):
        curve = km(df, entry="start", by="arm")
    assert curve.at([2, 6])["survival"].tolist() == [0.5, 0.25]


def test_groups_and_their_keys(lung: pd.DataFrame) -> None:
    df = lung.assign(old=lung["age"] >= 65)
    both = km(df, by=["sex", "old"]).to_frame()
    assert both.columns[:3].tolist() == ["sex", "old", "time"]
    single = km(df[(df["sex"] == 2) & df["old"]]).to_frame()
    part = both[(both["sex"] == 2) & both["old"]].drop(columns=["sex", "old"])
    pd.testing.assert_frame_equal(part.reset_index(drop=True), single)


@pytest.mark.parametrize("ci", ["log-log", "log", "plain", "arcsine"])
def test_limits_hold_the_estimate_and_stay_within_0_and_1(lung: pd.DataFrame, ci: str) -> None:
    frame = km(lung, by="sex", ci=ci).to_frame().query("survival > 0")
    assert frame["conf_low"].between(0, frame["survival"]).all()
    assert frame["conf_high"].between(frame["survival"], 1).all()


def test_a_result_prints_pickles_and_cannot_be_changed(lung: pd.DataFrame) -> None:
    curve = km(lung.assign(time=[np.nan, *lung["time"][1:]]), by="sex")
    lines = repr(curve).splitlines()
    assert lines[:3] == [
        "Survival P(T > t) by sex",
        "Kaplan-Meier, Greenwood's variance, log-log scale; 95 % intervals",
        "n: 227 used, 1 dropped (missing time: 1)",
    ]
    assert lines[3].split() == ["sex", "n", "events", "median", "conf_low", "conf_high"]
    assert curve._repr_html_().startswith("<table>")
    again = pickle.loads(pickle.dumps(curve))
    pd.testing.assert_frame_equal(again.to_frame(), curve.to_frame())
    with pytest.raises(dataclasses.FrozenInstanceError):
        curve.level = 0.5  # type: ignore[misc]
    copy = curve.to_frame()
    copy["survival"] = 0
    assert curve.to_frame()["survival"].max() > 0


def test_a_curve_is_drawn(lung: pd.DataFrame) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    assert len(km(lung, by="sex").plot().lines) > 0
    assert len(km(lung).plot(lang="en").lines) > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: km(ci="wald"), "ci: must be one of 'log-log'"),
        (lambda: km(level=95), "level: must be a number strictly between 0 and 1"),
        (lambda: kaplan_meier(SIX, duration="time"), "event: .*got None. Only counts"),
        (lambda: km(weights_kind="sampling"), "weights: must be a column where weights_kind"),
        (lambda: km(by="time").to_frame(), "by: must be other names .*got 'time'. Rename"),
        (lambda: km().rmst(9), r"tau: must be within the time observed; got 9 \(at all: 0 to 8\)"),
        (lambda: km().rmst(0), "tau: must be positive and finite; got 0"),
        (lambda: km().rmst("90"), "tau: must be a number or a flat sequence of them; got '90'"),
        (lambda: km().at(None), "times: must be a number"),
        (lambda: km().at([1, np.nan]), "times: must be numbers; got a missing value"),
        (lambda: km().at([]), "times: must be a number"),
        (lambda: km().quantile(1), "q: must be a number strictly between 0 and 1"),
        (lambda: km().shares([90, 90]), "breaks: must be positive and increasing"),
        (lambda: km().conditional(8), r"time: must be before .*got 8 \(at all: observed to 8\)"),
        (lambda: km().conditional(-1), "time: must be finite and at least 0"),
        (lambda: life_table(SIX, duration="time", event="event", breaks=[0]), "breaks: must be"),
        (
            lambda: nelson_aalen(
                SIX, duration="time", event="event", cluster="time", ties="fleming-harrington"
            ),
            "ties: must be 'aalen' for a robust variance",
        ),
    ],
)
def test_what_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_all_censored_and_all_ended() -> None:
    censored = km(SIX.assign(event=0))
    assert censored.to_frame()["survival"].tolist() == [1, 1, 1, 1]
    assert censored.quantile()["estimate"].isna().all()
    assert censored.rmst(8)["estimate"].item() == 8
    assert censored.rmst(8)["std_error"].item() == 0
    one = km(SIX[:1])
    assert one.to_frame()["survival"].tolist() == [0]
    assert one.rmst(5)["estimate"].item() == 0


def test_nelson_aalen_by_hand() -> None:
    frame = nelson_aalen(SIX, duration="time", event="event", ci="plain").to_frame()
    columns = "time at_risk events censored cumulative_hazard std_error conf_low conf_high"
    assert frame.columns.tolist() == columns.split()
    hazard = np.cumsum([1 / 6, 1 / 5, 2 / 3, 0])
    error = np.sqrt(np.cumsum([1 / 36, 1 / 25, 2 / 9, 0]))
    np.testing.assert_allclose(frame["cumulative_hazard"], hazard, rtol=1e-14)
    np.testing.assert_allclose(frame["std_error"], error, rtol=1e-14)
    np.testing.assert_allclose(frame["conf_low"], np.maximum(hazard - Z * error, 0), rtol=1e-12)
    tied = nelson_aalen(SIX, duration="time", event="event", ties="fleming-harrington")
    hazard = [1 / 6, 1 / 6 + 1 / 5, 1 / 6 + 1 / 5 + 1 / 3 + 1 / 2]
    found = tied.at([0, 2, 5, 9])
    np.testing.assert_allclose(found["cumulative_hazard"], [*hazard, np.nan], rtol=1e-14)
    variance = [1 / 36, 1 / 36 + 1 / 25, 1 / 36 + 1 / 25 + 1 / 9 + 1 / 4]
    np.testing.assert_allclose(found["std_error"][:3], np.sqrt(variance), rtol=1e-14)
    low = hazard[1] * exp(-Z * sqrt(variance[1]) / hazard[1])
    np.testing.assert_allclose(found["conf_low"][1], low, rtol=1e-12)
    assert repr(tied).splitlines()[1].startswith("Fleming-Harrington, variance of counts, log")
    assert nelson_aalen(SIX, duration="time", event="event", by="event")._repr_html_()


SPELLS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.integers(1, 9),
        st.booleans(),
        st.integers(1, 3),
        st.sampled_from("abc"),
        st.integers(0, 4),
    ),
    min_size=2,
    max_size=30,
).map(
    lambda rows: pd.DataFrame(
        [
            {
                "start": start,
                "time": start + length,
                "event": int(event),
                "copies": copies,
                "arm": arm,
                "office": office,
            }
            for start, length, event, copies, arm, office in rows
        ]
    )
)
IGNORED = pytest.mark.filterwarnings("ignore::evalkit.core.sample.EmptyRiskSetWarning")
OPTIONS = [
    {},
    {"entry": "start"},
    {"weights": "copies", "by": "arm"},
    {"weights": "copies", "weights_kind": "sampling"},
    {"entry": "start", "cluster": "office"},
]


def equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Check that two frames hold the same."""
    pd.testing.assert_frame_equal(one, other, rtol=1e-11, atol=1e-11)


@IGNORED
@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=15)
@given(df=SPELLS, seed=st.integers(0, 99))
def test_order_of_rows_does_not_matter(df: pd.DataFrame, options: dict, seed: int) -> None:
    shuffled = df.sample(frac=1, random_state=seed)
    equal(km(df, **options).to_frame(), km(shuffled, **options).to_frame())


@IGNORED
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("unit", [1e12, 1e-12, 1 / 7])
@settings(max_examples=10)
@given(df=SPELLS)
def test_unit_of_time_does_not_matter(df: pd.DataFrame, options: dict, unit: float) -> None:
    scaled = df.assign(time=df["time"] * unit, start=df["start"] * unit)
    one, other = km(df, **options), km(scaled, **options)
    for name in ("to_frame", "quantile"):
        expected, found = getattr(one, name)(), getattr(other, name)()
        for column in {"time", "estimate", "conf_low", "conf_high"} & set(found.columns):
            if name == "quantile" or column == "time":
                found[column] /= unit
        equal(found, expected)
    tau = df["time"].min()
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(
            other.rmst(tau * unit)[column] / unit, one.rmst(tau)[column], rtol=1e-10, atol=1e-12
        )


@IGNORED
@settings(max_examples=20)
@given(df=SPELLS)
def test_case_weights_stand_for_copies(df: pd.DataFrame) -> None:
    copied = df.loc[df.index.repeat(df["copies"])]
    for options in ({}, {"entry": "start"}, {"by": "arm"}):
        weighted = km(df, weights="copies", **options)
        equal(weighted.to_frame(), km(copied, **options).to_frame())
        tau = df["time"].min()
        equal(weighted.rmst(tau), km(copied, **options).rmst(tau))
        hazards = [
            nelson_aalen(d, duration="time", event="event", ties="fleming-harrington", **extra)
            for d, extra in ((df, {"weights": "copies", **options}), (copied, options))
        ]
        equal(hazards[0].to_frame(), hazards[1].to_frame())


@IGNORED
@settings(max_examples=20)
@given(df=SPELLS, cut=st.floats(0.5, 15))
def test_cutting_rows_in_two_changes_nothing(df: pd.DataFrame, cut: float) -> None:
    df = df.assign(id=range(len(df)))
    across = df[(df["start"] < cut) & (df["time"] > cut)]
    rest = df.drop(across.index)
    parts = [rest, across.assign(time=cut, event=0), across.assign(start=cut)]
    split = pd.concat(parts, ignore_index=True)
    columns = ["time", "events", "survival", "std_error", "conf_low", "conf_high"]
    for options in ({}, {"cluster": "id"}, {"cluster": "office"}):
        whole = km(df, entry="start", **options).to_frame()[columns]
        cut_up = km(split, entry="start", **options).to_frame()
        cut_up = cut_up[cut_up["time"].isin(whole["time"])][columns]
        equal(cut_up.reset_index(drop=True), whole)


@IGNORED
@settings(max_examples=20)
@given(df=SPELLS)
def test_counts_give_the_same_as_rows(df: pd.DataFrame) -> None:
    for entry in (None, "start"):
        counts = Counts.from_rows(
            df, duration="time", event="event", entry=entry, groups=["arm", "office"]
        )
        for by in (None, "arm"):
            rows, cells = km(df, entry=entry, by=by), kaplan_meier(counts, by=by)
            assert cells.n_used == len(df)
            pd.testing.assert_frame_equal(
                cells.to_frame(), rows.to_frame(), rtol=1e-12, check_dtype=False
            )
            if entry is None:
                tau = df["time"].min()
                pd.testing.assert_frame_equal(cells.rmst(tau), rows.rmst(tau), rtol=1e-12)
    flat = Counts.from_rows(df, duration="time", event="event", groups="arm")
    tables = [
        life_table(flat, breaks=[3, 9]),
        life_table(df, duration="time", event="event", breaks=[3, 9]),
    ]
    equal(tables[0].to_frame(), tables[1].to_frame())
    with pytest.raises(InputError, match="cluster: must be left out with Counts"):
        kaplan_meier(flat, cluster="office")


@settings(max_examples=20)
@given(df=SPELLS)
def test_single_rows_as_clusters_give_greenwoods_variance(df: pd.DataFrame) -> None:
    df = df.assign(id=range(len(df)))
    robust, plain = km(df, cluster="id"), km(df)
    tau = df["time"].min()
    for got, wanted in (
        (robust.to_frame(), plain.to_frame()),
        (robust.rmst(tau), plain.rmst(tau)),
        (robust.shares([tau]), plain.shares([tau])),
    ):
        limits = ["conf_low", "conf_high"]  # of Student's t
        equal(got.drop(columns=limits), wanted.drop(columns=limits))


def test_limits_with_clusters_are_of_students_t(lung: pd.DataFrame) -> None:
    df = lung.assign(office=np.arange(len(lung)) % 10)
    fit = km(df, cluster="office", ci="plain")
    t = scipy.stats.t.ppf(0.975, 9)
    for frame, name in ((fit.at(300), "survival"), (fit.rmst(300), "estimate")):
        high = frame[name] + t * frame["std_error"]
        np.testing.assert_allclose(frame["conf_high"], high, rtol=1e-10)
    hazard = nelson_aalen(df, duration="time", event="event", cluster="office", ci="plain").at(300)
    high = hazard["cumulative_hazard"] + t * hazard["std_error"]
    np.testing.assert_allclose(hazard["conf_high"], high, rtol=1e-10)
    share = fit.shares([90]).iloc[-1]
    assert share["conf_high"] == pytest.approx(share["estimate"] + t * share["std_error"])
    # clusters are counted in the group; a cluster without weight is none
    few = df.assign(w=(df["office"] < 4).astype(float))
    by_office = km(few, cluster="office", weights="w", ci="plain").rmst(300)
    half = scipy.stats.t.ppf(0.975, 3) * by_office["std_error"]
    np.testing.assert_allclose(by_office["conf_high"], by_office["estimate"] + half, rtol=1e-10)


def test_one_cluster_has_no_variance(lung: pd.DataFrame) -> None:
    fit = km(lung.assign(office=1), cluster="office")
    for frame in (fit.to_frame(), fit.rmst(300), fit.shares([90])):
        assert frame[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    hazard = nelson_aalen(
        lung.assign(office=1), duration="time", event="event", cluster="office"
    ).to_frame()
    assert hazard[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)


@settings(max_examples=20)
@given(df=SPELLS)
def test_relabelled_groups_keep_their_curves(df: pd.DataFrame) -> None:
    names = {"a": "z", "b": "y", "c": "x"}
    one = km(df, by="arm").to_frame()
    other = km(df.assign(arm=df["arm"].map(names)), by="arm").to_frame()
    for old, new in names.items():
        parts = [one[one["arm"] == old], other[other["arm"] == new]]
        equal(*(part.drop(columns="arm").reset_index(drop=True) for part in parts))


def test_counts_with_entries_have_no_life_table() -> None:
    counts = Counts.from_rows(EMPTYING, duration="time", event="event", entry="start")
    with pytest.raises(InputError, match="df: must be without delayed entry"):
        life_table(counts)


def test_a_life_table_prints(lung: pd.DataFrame) -> None:
    table = life_table(lung, duration="time", event="event", by="sex")
    assert repr(table).startswith("Life table: survival at the end of each interval\nActuarial")
    assert table._repr_html_().startswith("<table>")
    frame = table.to_frame()
    np.testing.assert_allclose(
        frame.groupby("sex")["share"].sum() + frame.groupby("sex")["survival"].last(), 1
    )


def test_a_life_table_says_nothing_where_nobody_is_left() -> None:
    df = pd.DataFrame({"time": [1, 2, 2, 9], "event": [1, 1, 0, 0], "arm": [0, 0, 0, 0]})
    frame = life_table(df, duration="time", event="event", breaks=[5, 20, 30]).to_frame()
    assert frame["at_risk"].tolist() == [4, 1, 0, 0]
    assert frame["survival"].isna().tolist() == [False, False, True, True]
    assert frame["share"].isna().tolist() == [False, False, True, True]
    assert not np.signbit(frame["share"][:2]).any()
    gone = life_table(df.assign(event=1), duration="time", event="event", breaks=[20]).to_frame()
    assert gone["survival"].tolist() == [0, 0]
    assert gone["share"].tolist() == [1, 0]


def test_warnings_point_at_the_caller() -> None:
    late = pd.DataFrame(
        {"time": [1, 5, 6, 7], "event": 1, "late": [0, 3, 3, 0], "arm": [0, 0, 0, 1]}
    )
    names: dict[str, Any] = {"duration": "time", "event": "event", "entry": "late", "by": "arm"}
    for call in (
        lambda: kaplan_meier(late, **names),
        lambda: nelson_aalen(late, **names),
        lambda: rmst_difference(late, reference=1, tau=4, **names),
        lambda: survival_difference(late, reference=1, times=4, **names),
    ):
        with pytest.warns(EmptyRiskSetWarning) as told:
            call()
        assert told[0].filename == __file__


def test_a_group_without_weight_is_refused(lung: pd.DataFrame) -> None:
    df = lung.assign(w=(lung["sex"] == 2).astype(float))
    for kind in ("case", "sampling"):
        with pytest.raises(InputError, match=r"weights: .*every group .* only zeros \(at 1\)"):
            km(df, weights="w", by="sex", weights_kind=kind)
    assert km(df, weights="w").to_frame()["at_risk"][0] == df["w"].sum()


def test_warnings_can_be_imported_from_the_package() -> None:
    assert survival.EmptyRiskSetWarning is EmptyRiskSetWarning
    assert issubclass(EmptyRiskSetWarning, survival.SurvivalWarning)
    assert {"EmptyRiskSetWarning", "SurvivalWarning"} <= set(survival.__all__)
