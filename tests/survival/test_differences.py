"""Differences between curves: against their parts, and tests that agree with their intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from evalkit.core.counts import Counts
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.survival.curves import kaplan_meier
from evalkit.survival.differences import rmst_difference, survival_difference
from evalkit.survival.incidence_differences import incidence_difference

USUAL = {"duration": "time", "event": "event"}

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    """Return survival::lung with 1 for a death."""
    return pd.read_csv(REFERENCE / "curves_lung.csv").rename(columns={"status": "event"})


def rmst(df: Any, **options: Any) -> EffectTable:
    """Compare restricted means of lung by sex."""
    return rmst_difference(df, **({**USUAL, "by": "sex", "reference": 1, "tau": 365} | options))


def shares(df: Any, **options: Any) -> EffectTable:
    """Compare survival of lung by sex."""
    return survival_difference(
        df, **({**USUAL, "by": "sex", "reference": 1, "times": [180, 365]} | options)
    )


def test_restricted_means_of_lung(lung: pd.DataFrame) -> None:
    table = rmst(lung)
    frame = table.to_frame()
    assert frame["term"].tolist() == ["rmst_difference", "rmst_ratio"]
    assert frame["contrast"].tolist() == ["2 - 1", "2 / 1"]
    assert frame["tau"].tolist() == [365, 365]
    parts = kaplan_meier(lung, by="sex", **USUAL).rmst(365)
    (m1, m2), (s1, s2) = parts["estimate"], parts["std_error"]
    np.testing.assert_allclose(frame["estimate"], [m2 - m1, m2 / m1], rtol=1e-14)
    errors = [np.hypot(s1, s2), np.hypot(s1 / m1, s2 / m2)]
    np.testing.assert_allclose(frame["std_error"], errors, rtol=1e-13)
    statistic = [(m2 - m1) / errors[0], np.log(m2 / m1) / errors[1]]
    np.testing.assert_allclose(frame["statistic"], statistic, rtol=1e-12)
    np.testing.assert_allclose(frame["p_value"], 2 * ndtr(-np.abs(statistic)), rtol=1e-12)
    ratio = frame.iloc[1]
    np.testing.assert_allclose(ratio["conf_low"] * ratio["conf_high"], ratio["estimate"] ** 2)
    assert "logarithm" in ratio["scale"]
    assert (table.n_used, frame["n"].tolist()) == (228, [228, 228])
    assert repr(table).startswith("Restricted mean time up to tau, against 1\n")


def test_exchanging_the_groups_exchanges_the_sign(lung: pd.DataFrame) -> None:
    one, other = (rmst(lung, reference=sex).to_frame() for sex in (1, 2))
    np.testing.assert_allclose(one["estimate"][0], -other["estimate"][0])
    np.testing.assert_allclose(one["estimate"][1], 1 / other["estimate"][1])
    np.testing.assert_allclose(one["p_value"], other["p_value"], rtol=1e-12)
    for ci in ("log-log", "log", "plain", "arcsine"):
        one, other = (shares(lung, reference=sex, ci=ci).to_frame() for sex in (1, 2))
        np.testing.assert_allclose(one["conf_low"], -other["conf_high"], rtol=1e-12)
        np.testing.assert_allclose(one["p_value"], other["p_value"], rtol=1e-9)


def test_plain_intervals_are_walds(lung: pd.DataFrame) -> None:
    frame = shares(lung, ci="plain").to_frame()
    parts = kaplan_meier(lung, by="sex", **USUAL).at([180, 365]).groupby("sex")
    first, second = (part.reset_index() for _, part in parts)
    difference = second["survival"] - first["survival"]
    error = np.hypot(first["std_error"], second["std_error"])
    np.testing.assert_allclose(frame["estimate"], difference, rtol=1e-14)
    np.testing.assert_allclose(frame["std_error"], error, rtol=1e-13)
    np.testing.assert_allclose(frame["statistic"], difference / error, rtol=1e-10)
    np.testing.assert_allclose(
        frame["conf_low"], difference - 1.959963984540054 * error, rtol=1e-12
    )


def test_log_log_intervals_combine_those_of_the_curves(lung: pd.DataFrame) -> None:
    frame = shares(lung).to_frame()
    parts = kaplan_meier(lung, by="sex", **USUAL).at([180, 365]).groupby("sex")
    s0, s1 = (part.reset_index() for _, part in parts)
    low = np.hypot(s1["survival"] - s1["conf_low"], s0["conf_high"] - s0["survival"])
    np.testing.assert_allclose(frame["conf_low"], frame["estimate"] - low, rtol=1e-12)


TWO = st.lists(
    st.tuples(st.integers(1, 20), st.booleans(), st.integers(0, 1)), min_size=6, max_size=40
).map(lambda rows: pd.DataFrame(rows, columns=["time", "event", "arm"]))


@settings(max_examples=60)
@given(df=TWO, level=st.sampled_from([0.5, 0.8, 0.95]))
def test_the_test_rejects_where_the_interval_leaves_out_0(df: pd.DataFrame, level: float) -> None:
    assume(df["arm"].nunique() == 2)
    frame = survival_difference(
        df, by="arm", reference=0, times=[3, 7, 12], level=level, **USUAL
    ).to_frame()
    frame = frame[frame["estimate"].notna() & ((frame["p_value"] - 1 + level).abs() > 1e-9)]
    outside = (frame["conf_low"] > 0) | (frame["conf_high"] < 0)
    assert outside.tolist() == (frame["p_value"] < 1 - level).tolist()


def test_groups_without_events_have_wilsons_limit(lung: pd.DataFrame) -> None:
    df = pd.DataFrame(
        {"time": [1, 2, 9, 9, 9, 9], "event": [1, 1, 0, 0, 0, 0], "sex": [1, 1, 1, 2, 2, 2]}
    )
    frame = shares(df, times=[0.5, 2, 20]).to_frame()
    z = 1.959963984540054
    room = z**2 / (3 + z**2)  # Newcombe's interval of 3 of 3 against 3 of 3, as prop.test's kin
    before = frame.iloc[0]
    assert (before["estimate"], before["statistic"], before["p_value"]) == (0, 0, 1)
    assert [before["conf_low"], before["conf_high"]] == pytest.approx([-room, room])
    # at 2, one of three against three of three
    one = kaplan_meier(df[df["sex"] == 1], **USUAL).at(2).iloc[0]
    low = 2 / 3 - np.hypot(room, one["conf_high"] - 1 / 3)
    np.testing.assert_allclose(frame["conf_low"][1], low, rtol=1e-10)
    np.testing.assert_allclose(frame["conf_high"][1], 2 / 3 + (1 / 3 - one["conf_low"]), rtol=1e-10)
    assert frame.iloc[2][["estimate", "conf_low", "p_value"]].isna().all()
    # nobody against everybody
    ended = shares(df.assign(event=[1, 1, 1, 0, 0, 0]), times=9).to_frame().iloc[0]
    assert ended["estimate"] == 1
    np.testing.assert_allclose(ended["conf_low"], 1 - np.hypot(room, room), rtol=1e-10)
    reached = 3 * np.sqrt(0.5) / (1 - np.sqrt(0.5))  # z^2 at which hypot(room, room) is 1
    np.testing.assert_allclose(ended["statistic"], np.sqrt(reached), rtol=1e-10)
    # what stays is one less what leaves
    options: dict[str, Any] = {"by": "sex", "reference": 2, "times": [6, 300]}
    stay = survival_difference(lung, **USUAL, **options).to_frame()
    leave = incidence_difference(lung, duration="time", cause="event", **options).to_frame()
    np.testing.assert_allclose(stay["conf_low"], -leave["conf_high"], rtol=1e-9)
    np.testing.assert_allclose(stay["conf_high"], -leave["conf_low"], rtol=1e-9)
    np.testing.assert_allclose(stay["p_value"], leave["p_value"], rtol=1e-9)


def test_clusters_make_the_quantile_one_of_students_t(lung: pd.DataFrame) -> None:
    df = lung.assign(office=np.arange(len(lung)) % 7)
    apart = df.assign(office=df["office"] + 7 * df["sex"])
    few = apart[~apart["office"].isin([8, 9, 10])]
    for data, most in ((df, 6), (apart, 12), (few, 9)):
        means = rmst(data, cluster="office").to_frame()
        found = shares(data, cluster="office", ci="plain").to_frame()
        for frame in (means[:1], found):
            df_ = frame["df"].to_numpy(dtype=float)
            assert (df_ > most / 2).all()
            assert (df_ <= most + 1e-9).all()
            half = scipy.stats.t.ppf(0.975, df_) * frame["std_error"]
            np.testing.assert_allclose(frame["conf_high"], frame["estimate"] + half, rtol=1e-9)
            p = 2 * scipy.stats.t.sf(frame["statistic"].abs(), df_)
            np.testing.assert_allclose(frame["p_value"], p, rtol=1e-8)
    parts = kaplan_meier(few, by="sex", cluster="office", **USUAL).rmst(365)["std_error"] ** 2
    welch = parts.sum() ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 6)
    np.testing.assert_allclose(rmst(few, cluster="office").to_frame()["df"][0], welch, rtol=1e-9)
    assert rmst(df).to_frame()["df"].isna().all()


def test_one_cluster_in_a_group_has_no_difference(lung: pd.DataFrame) -> None:
    df = lung.assign(office=np.where(lung["sex"] == 1, 1, np.arange(len(lung))))
    for table in (rmst(df, cluster="office"), shares(df, cluster="office")):
        frame = table.to_frame()
        assert frame["estimate"].notna().all()
        assert frame[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)


def test_clusters_across_groups_covary(lung: pd.DataFrame) -> None:
    rows = lung[["time", "event"]].assign(office=np.arange(len(lung)) % 20)
    copies = pd.concat([rows.assign(sex=1), rows.assign(sex=2)], ignore_index=True)
    difference = rmst(copies, cluster="office").to_frame()
    np.testing.assert_allclose(difference["estimate"], [0, 1], atol=1e-12)
    np.testing.assert_allclose(difference["std_error"], 0, atol=1e-6)
    frame = shares(copies, cluster="office").to_frame()
    np.testing.assert_allclose(frame["std_error"], 0, atol=1e-8)
    apart = copies.assign(office=copies["office"] + 20 * copies["sex"])
    single = kaplan_meier(rows, cluster="office", **USUAL).rmst(365)["std_error"].item()
    np.testing.assert_allclose(
        rmst(apart, cluster="office").to_frame()["std_error"][0], np.sqrt(2) * single, rtol=1e-12
    )


def test_counts_give_the_same(lung: pd.DataFrame) -> None:
    counts = Counts.from_rows(lung, groups="sex", **USUAL)
    own = {"duration": None, "event": None}
    pd.testing.assert_frame_equal(rmst(counts, **own).to_frame(), rmst(lung).to_frame())
    pd.testing.assert_frame_equal(shares(counts, **own).to_frame(), shares(lung).to_frame())


def test_several_groups_and_columns(lung: pd.DataFrame) -> None:
    df = lung.assign(old=lung["age"] >= 65)
    frame = rmst(df, by=["sex", "old"], reference=(1, False), tau=[180, 365]).to_frame()
    assert len(frame) == 2 * 3 * 2
    assert frame["contrast"].tolist()[:2] == ["1, True - 1, False", "1, True / 1, False"]
    frame = shares(df, by=["sex", "old"], reference=(1, False)).to_frame()
    assert frame["time"].tolist() == [180, 365] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"reference": 3},
            r"reference: must be one of at least two groups of sex; got 3 \(at 1, 2",
        ),
        ({"reference": "1"}, "reference: must be one of"),
        ({"tau": 5000}, r"tau: must be within the time observed; got 5000 \(at sex = 1: 0 to 1022"),
    ],
)
def test_what_is_refused(lung: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rmst(lung, **options)


def test_a_mean_of_zero_makes_no_ratio() -> None:
    df = pd.DataFrame({"time": [0, 0, 3, 4], "event": 1, "sex": [1, 1, 2, 2]})
    for reference in (1, 2):
        frame = rmst(df, tau=3, reference=reference).to_frame()
        assert frame["estimate"][0] == (3 if reference == 1 else -3)
        assert frame.loc[1, ["estimate", "std_error", "p_value", "conf_low"]].isna().all()
