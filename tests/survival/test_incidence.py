"""Cumulative incidence: hand-derived values, invariants, counts, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.core.counts import Counts
from evalkit.core.sample import EmptyRiskSetWarning
from evalkit.errors import InputError
from evalkit.survival.curves import kaplan_meier
from evalkit.survival.differences import survival_difference
from evalkit.survival.incidence import cumulative_incidence
from evalkit.survival.incidence_differences import incidence_difference
from evalkit.survival.pseudo import pseudo_values
from evalkit.survival.time_lost import days_lost, days_lost_difference

FEW = settings(max_examples=30)
VALUES = ["cumulative_incidence", "std_error", "conf_low", "conf_high"]
LIMITS = ["conf_low", "conf_high"]  # of Student's t where there are clusters


@st.composite
def spells(draw: st.DrawFn, *, n_causes: int = 3) -> pd.DataFrame:
    """Draw spells with ties, late entry that leaves no gap, groups, weights and clusters."""
    n = draw(st.integers(4, 30))

    def column(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=n, max_size=n))

    days = np.array(column(1, 12), dtype=float)
    frame = pd.DataFrame(
        {
            "days": days,
            "exit": column(0, n_causes),
            "late": np.minimum(days - 1, column(0, 6)),
            "arm": column(0, 1),
            "copies": column(1, 3),
            "team": column(0, 4),
        }
    )
    # One row that stays from the beginning to the end, so that no risk set empties early.
    stays = {"days": 20.0, "exit": 0, "late": 0, "arm": 0, "copies": 1, "team": 0}
    leaves = {"days": 1.0, "exit": 1, "late": 0, "arm": 1, "copies": 1, "team": 0}
    other = stays | {"arm": 1}
    return pd.concat([frame, pd.DataFrame([stays, leaves, other])], ignore_index=True)


def values(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """Return a curve's frame."""
    return cumulative_incidence(frame, duration="days", cause="exit", **options).to_frame()


def same(one: pd.DataFrame, two: pd.DataFrame, *, rtol: float = 1e-10) -> None:
    pd.testing.assert_frame_equal(one, two, rtol=rtol, atol=1e-12, check_dtype=False)


def test_by_hand_with_ties_time_zero_and_censoring() -> None:
    frame = pd.DataFrame(
        {
            "days": [0, 2, 2, 2, 5, 5, 7],
            "exit": ["work", "work", "work", "pension", 0, "pension", 0],
        }
    )
    # Seven at risk at 0, one to work; six at 2, of whom two to work and one to pension; three at
    # 5, of whom one to pension (before the one who is censored then); one at 7.
    made = cumulative_incidence(frame, duration="days", cause="exit").to_frame()
    work = made[made["cause"] == "work"].set_index("time")["cumulative_incidence"]
    pension = made[made["cause"] == "pension"].set_index("time")["cumulative_incidence"]
    after = 6 / 7
    np.testing.assert_allclose(work, [1 / 7, 3 / 7, 3 / 7, 3 / 7], rtol=1e-14)
    np.testing.assert_allclose(
        pension, [0, after / 6, after / 6 + after / 2 / 3, after / 6 + after / 2 / 3], rtol=1e-14
    )


def test_by_hand_with_late_entry() -> None:
    frame = pd.DataFrame({"days": [3, 4, 6, 8], "exit": [1, 2, 1, 0], "late": [0, 3, 2, 0]})
    # At 3: who entered at 0, 2 and 0 (not at 3: entries come after exits), so 1 of 3. At 4: three
    # at risk. At 6: two.
    made = cumulative_incidence(frame, duration="days", cause="exit", entry="late")
    at = made.at([3, 4, 6])["cumulative_incidence"].to_numpy()
    np.testing.assert_allclose(at[:3], [1 / 3, 1 / 3, 1 / 3 + 4 / 9 / 2], rtol=1e-14)
    np.testing.assert_allclose(at[3:], [0, 2 / 9, 2 / 9], rtol=1e-14)
    assert made.at_risk([3, 3.5, 4, 8, 9])["at_risk"].tolist() == [3, 3, 3, 1, 0]


def test_values_outside_what_is_known() -> None:
    frame = pd.DataFrame({"days": [3, 4, 6], "exit": [1, 2, 0], "late": [1, 1, 2]})
    made = cumulative_incidence(frame, duration="days", cause="exit", entry="late")
    first = made.at([0.5, 1, 2.9, 3, 6, 6.1]).query("cause == 1")["cumulative_incidence"]
    np.testing.assert_allclose(first, [np.nan, 0, 0, 1 / 3, 1 / 3, np.nan])
    ended = pd.DataFrame({"days": [3, 4], "exit": [1, 2]})
    made = cumulative_incidence(ended, duration="days", cause="exit")
    assert made.at(100)["cumulative_incidence"].tolist() == [0.5, 0.5]


@FEW
@given(spells(), st.booleans())
def test_incidences_and_survival_sum_to_one(frame: pd.DataFrame, late: bool) -> None:
    options: dict[str, Any] = {"entry": "late"} if late else {}
    made = values(frame, **options)
    anything = frame.assign(any=(frame["exit"] > 0).astype(int))
    stay = kaplan_meier(anything, duration="days", event="any", **options).to_frame()
    total = made.groupby("time")["cumulative_incidence"].sum().to_numpy()
    np.testing.assert_allclose(total, 1 - stay["survival"], atol=1e-12)
    assert ((made["conf_low"] <= made["cumulative_incidence"]) | (made["std_error"] == 0)).all()


@FEW
@given(spells(n_causes=1))
def test_one_cause_is_one_minus_kaplan_meier(frame: pd.DataFrame) -> None:
    made = values(frame)
    stay = kaplan_meier(frame, duration="days", event="exit").to_frame()
    np.testing.assert_allclose(made["cumulative_incidence"], 1 - stay["survival"], atol=1e-12)
    np.testing.assert_allclose(made["std_error"], stay["std_error"], atol=1e-12)
    inside = (stay["survival"] < 1) & (stay["survival"] > 0)
    np.testing.assert_allclose(made["conf_low"][inside], 1 - stay["conf_high"][inside], atol=1e-12)


@FEW
@given(spells(), st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_order_of_rows_does_not_matter(
    frame: pd.DataFrame, random: Any, late: bool, clustered: bool
) -> None:
    options: dict[str, Any] = {"by": "arm"}
    options |= {"entry": "late"} if late else {}
    options |= {"cluster": "team"} if clustered else {}
    order = list(frame.index)
    random.shuffle(order)
    one, other = values(frame, **options), values(frame.loc[order], **options)
    same(one.drop(columns="std_error"), other.drop(columns="std_error"), rtol=1e-8)
    np.testing.assert_allclose(one["std_error"] ** 2, other["std_error"] ** 2, atol=1e-15)


@FEW
@given(spells(), st.sampled_from([1e-12, 1 / 365.25, 7.0, 1e12]), st.booleans())
def test_unit_of_time_does_not_matter(frame: pd.DataFrame, unit: float, late: bool) -> None:
    options: dict[str, Any] = {"entry": "late"} if late else {}
    scaled = frame.assign(days=frame["days"] * unit, late=frame["late"] * unit)
    one, other = values(frame, **options), values(scaled, **options)
    np.testing.assert_allclose(one[VALUES], other[VALUES], rtol=1e-9, atol=1e-12)


@FEW
@given(spells(), st.booleans(), st.sampled_from(["jackknife", "greenwood", "aalen"]))
def test_case_weights_are_repetitions(frame: pd.DataFrame, late: bool, variance: Any) -> None:
    options: dict[str, Any] = {"variance": variance} | ({"entry": "late"} if late else {})
    repeated = frame.loc[frame.index.repeat(frame["copies"])]
    same(values(frame, weights="copies", **options), values(repeated, **options), rtol=1e-8)


@FEW
@given(spells())
def test_scaled_sampling_weights_change_nothing(frame: pd.DataFrame) -> None:
    options = {"weights": "copies", "weights_kind": "sampling", "entry": "late"}
    scaled = frame.assign(copies=frame["copies"] * 0.37)
    same(values(frame, **options), values(scaled, **options), rtol=1e-8)


@FEW
@given(spells())
def test_rows_as_clusters_change_nothing(frame: pd.DataFrame) -> None:
    options = {"entry": "late"}
    named = frame.assign(row=np.arange(len(frame))[::-1])
    rows, clusters = values(frame, **options), values(named, cluster="row", **options)
    same(rows.drop(columns=LIMITS), clusters.drop(columns=LIMITS), rtol=1e-8)


@FEW
@given(spells(), st.integers(1, 12))
def test_rows_cut_in_two_give_the_same_with_their_cluster(frame: pd.DataFrame, cut: int) -> None:
    frame = frame.assign(person=np.arange(len(frame)))
    across = frame[(frame["late"] < cut) & (frame["days"] > cut)]
    pieces = pd.concat(
        [
            frame.drop(across.index),
            across.assign(days=float(cut), exit=0),
            across.assign(late=float(cut)),
        ]
    )
    times = sorted(frame["days"].unique())
    whole = cumulative_incidence(frame, duration="days", cause="exit", entry="late").at(times)
    cut_up = cumulative_incidence(
        pieces, duration="days", cause="exit", entry="late", cluster="person"
    ).at(times)
    same(whole.drop(columns=LIMITS), cut_up.drop(columns=LIMITS), rtol=1e-8)


@FEW
@given(spells(), st.booleans())
def test_counts_give_the_same(frame: pd.DataFrame, late: bool) -> None:
    options: dict[str, Any] = {"entry": "late"} if late else {}
    counts = Counts.from_rows(frame, duration="days", cause="exit", groups=["arm"], **options)
    by_rows = values(frame, by="arm", variance="greenwood", **options)
    same(by_rows, cumulative_incidence(counts, by="arm").to_frame(), rtol=1e-12)
    tau = float(frame["days"].max())
    rows = days_lost(frame, duration="days", cause="exit", tau=tau, by="arm",
                     variance="greenwood", **options).to_frame()  # fmt: skip
    same(rows, days_lost(counts, tau=tau, by="arm").to_frame(), rtol=1e-12)


@FEW
@given(spells(), st.floats(0.5, 20), st.booleans())
def test_time_lost_and_time_in_the_spell_sum_to_the_horizon(
    frame: pd.DataFrame, tau: float, late: bool
) -> None:
    options: dict[str, Any] = {"entry": "late"} if late else {}
    parts = days_lost(frame, duration="days", cause="exit", tau=tau, **options).to_frame()
    assert parts["estimate"].sum() == pytest.approx(tau, rel=1e-12)
    anything = frame.assign(any=(frame["exit"] > 0).astype(int))
    mean = kaplan_meier(anything, duration="days", event="any", **options).rmst(tau)
    stay = parts[parts["term"] == "restricted_mean"]
    assert stay["estimate"].item() == pytest.approx(mean["estimate"].item(), rel=1e-10)
    if not late:
        assert stay["std_error"].item() == pytest.approx(mean["std_error"].item(), abs=1e-10)


@FEW
@given(spells(), st.booleans())
def test_differences_turn_round(frame: pd.DataFrame, clustered: bool) -> None:
    options: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm"}
    options |= {"cluster": "team"} if clustered else {}
    there = incidence_difference(frame, reference=0, times=[3, 9], **options).to_frame()
    back = incidence_difference(frame, reference=1, times=[3, 9], **options).to_frame()
    np.testing.assert_allclose(there["estimate"], -back["estimate"], atol=1e-12)
    np.testing.assert_allclose(there["conf_low"], -back["conf_high"], atol=1e-9)
    np.testing.assert_allclose(there["std_error"], back["std_error"], atol=1e-10)
    lost = days_lost_difference(frame, reference=0, tau=9, **options).to_frame()
    assert abs(lost["estimate"].sum()) < 1e-10
    np.testing.assert_allclose(
        lost["estimate"],
        -days_lost_difference(frame, reference=1, tau=9, **options).to_frame()["estimate"],
        atol=1e-10,
    )


def test_clusters_across_groups_count_in_a_difference() -> None:
    rng = np.random.default_rng(3)
    pairs = rng.exponential(30, 200)
    frame = pd.DataFrame(
        {
            "days": np.concatenate([pairs, pairs + rng.normal(0, 1, 200)]).clip(0.1).round(1),
            "exit": 1 + np.tile(rng.integers(0, 2, 200), 2),
            "arm": np.repeat(["a", "b"], 200),
            "pair": np.tile(np.arange(200), 2),
        }
    )
    options: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm", "reference": "a"}
    alone = incidence_difference(frame, times=30, **options).to_frame()
    paired = incidence_difference(frame, times=30, cluster="pair", **options).to_frame()
    # In pairs nearly alike the difference is known much better than between strangers, and its
    # variance is that of the mean of the pairs' own differences (there is no censoring).
    assert (paired["std_error"] < 0.5 * alone["std_error"]).all()
    gone = ((frame["days"] <= 30) & (frame["exit"] == 1)).to_numpy().astype(float)
    own = gone[200:] - gone[:200]
    expected = np.sqrt(((own - own.mean()) ** 2).sum()) / 200
    assert paired["std_error"].iloc[0] == pytest.approx(expected, rel=1e-10)
    assert np.sign(paired["conf_low"].iloc[0]) == (1 if paired["p_value"].iloc[0] < 0.05 else -1)


def test_interval_and_test_of_a_difference_agree() -> None:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "days": rng.integers(1, 40, 300),
            "exit": rng.integers(0, 3, 300),
            "arm": rng.integers(0, 3, 300),
        }
    )
    made = incidence_difference(
        frame, duration="days", cause="exit", by="arm", reference=0, times=range(1, 40)
    ).to_frame()
    outside = (made["conf_low"] > 0) | (made["conf_high"] < 0)
    clear = (made["p_value"] - 0.05).abs() > 1e-9
    assert (outside == (made["p_value"] < 0.05))[clear].all()


def test_a_group_without_exits_is_not_taken_as_certain() -> None:
    frame = pd.DataFrame(
        {
            "days": 10,
            "exit": [1, 1] + [2] * 48 + [2] * 50,
            "arm": ["a"] * 50 + ["b"] * 50,
            "ten": np.arange(100) // 10,
        }
    )
    names: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "arm", "reference": "b"}
    made = incidence_difference(frame, times=10, **names).to_frame().iloc[0]
    # Newcombe's upper limit of 0 of 50 is 3.84/53.84; two of fifty are no sign of a difference.
    assert made["estimate"] == pytest.approx(0.04)
    assert made["conf_low"] < 0 < made["conf_high"]
    assert 0.1 < made["p_value"] < 0.6
    z = 1.959963984540054
    alone = cumulative_incidence(frame[:50], duration="days", cause="exit").at(10).iloc[0]
    side = np.hypot(0.04 - alone["conf_low"], z**2 / (50 + z**2))
    assert made["conf_low"] == pytest.approx(0.04 - side, rel=1e-9)
    clustered = incidence_difference(frame, times=10, cluster="ten", **names).to_frame().iloc[0]
    assert clustered["conf_low"] < made["conf_low"]
    weighed = incidence_difference(
        frame.assign(w=2.5), times=10, weights="w", weights_kind="sampling", **names
    ).to_frame().iloc[0]  # fmt: skip
    assert weighed["conf_low"] == pytest.approx(made["conf_low"], rel=1e-9)


def test_no_jitter_no_order_no_change_of_the_input() -> None:
    frame = pd.DataFrame({"days": [5] * 6, "exit": ["b", "a", "a", 0, "b", "a"]})
    before = frame.copy()
    made = values(frame)
    assert made["cumulative_incidence"].tolist() == [0.5, pytest.approx(1 / 3)]
    pd.testing.assert_frame_equal(frame, before)
    same(made, values(frame))


def test_results_print_pickle_and_say_what_they_are() -> None:
    frame = pd.DataFrame({"days": [1, 2, 3, None], "exit": [1, 2, 0, 1], "sex": list("mfmf")})
    made = cumulative_incidence(frame, duration="days", cause="exit", by="sex")
    text = repr(made)
    assert "2 causes by sex" in text
    assert "n: 3 used, 1 dropped (missing days: 1)" in text
    assert len(text.splitlines()) <= 15
    assert "<table>" in made._repr_html_()
    again = pickle.loads(pickle.dumps(made))
    same(made.to_frame(), again.to_frame())
    assert list(made.to_frame()) == ["sex", "cause", "time", *VALUES]
    assert made.causes == (1, 2)


def test_a_list_of_groups_makes_key_columns() -> None:
    frame = pd.DataFrame({
        "days": range(1, 9), "exit": [1, 2] * 4, "a": [0, 0, 1, 1] * 2, "b": ["x"] * 4 + ["y"] * 4,
    })  # fmt: skip
    made = cumulative_incidence(frame, duration="days", cause="exit", by=["a", "b"])
    assert list(made.to_frame())[:3] == ["a", "b", "cause"]
    table = incidence_difference(
        frame, duration="days", cause="exit", by=["a", "b"], reference=(0, "x"), times=3
    ).to_frame()
    assert table["contrast"].unique().tolist() == ["0, y - 0, x", "1, x - 0, x", "1, y - 0, x"]


def test_an_emptied_risk_set_is_said() -> None:
    frame = pd.DataFrame({"days": [2, 5, 6], "exit": [1, 1, 2], "late": [0, 3, 3]})
    names: dict[str, Any] = {"duration": "days", "cause": "exit", "entry": "late"}
    with pytest.warns(EmptyRiskSetWarning, match="All who are at risk at 2 have an event") as told:
        made = cumulative_incidence(frame, **names)
    assert told[0].filename == __file__
    assert made.at(6)["cumulative_incidence"].tolist() == [1, 0]
    with pytest.warns(EmptyRiskSetWarning) as told:
        days_lost(frame, tau=4, **names)
    assert told[0].filename == __file__
    gap = frame.assign(exit=[0, 1, 2], sex="f")
    with pytest.warns(EmptyRiskSetWarning, match="Nobody is at risk just after 2 in group 'f'"):
        made = cumulative_incidence(gap, by="sex", **names)
    assert made.at(6)["cumulative_incidence"].tolist() == [0.5, 0.5]
    with pytest.warns(EmptyRiskSetWarning, match="just after 2") as told:
        pseudo_values(gap, times=5, **names)
    assert told[0].filename == __file__


def test_limits_with_clusters_are_of_students_t() -> None:
    source = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"days": source.integers(1, 30, 300), "exit": source.integers(0, 3, 300), "team": 1}
    ).assign(team=source.integers(0, 8, 300), arm=source.integers(0, 2, 300))
    options: dict[str, Any] = {"duration": "days", "cause": "exit", "cluster": "team"}
    t = scipy.stats.t.ppf(0.975, 7)
    made = cumulative_incidence(frame, ci="plain", **options).at(9)
    high = made["cumulative_incidence"] + t * made["std_error"]
    np.testing.assert_allclose(made["conf_high"], high, rtol=1e-10)
    lost = days_lost(frame, tau=9, **options).to_frame()
    assert lost["df"].eq(7).all()
    np.testing.assert_allclose(
        lost["conf_high"], lost["estimate"] + t * lost["std_error"], rtol=1e-10
    )
    # the eight teams reach across the arms
    compared: dict[str, Any] = options | {"by": "arm", "reference": 0}
    for table in (
        days_lost_difference(frame, tau=9, **compared).to_frame(),
        incidence_difference(frame, times=9, ci="plain", **compared).to_frame(),
    ):
        assert table["df"].le(7).all()
        assert table["df"].gt(6).all()
        t_of = scipy.stats.t.ppf(0.975, table["df"])
        np.testing.assert_allclose(
            table["conf_high"], table["estimate"] + t_of * table["std_error"], rtol=1e-8
        )
        p = 2 * scipy.stats.t.sf(table["statistic"].abs(), table["df"])
        np.testing.assert_allclose(table["p_value"], p, rtol=1e-8)
    # teams within the arms: Welch and Satterthwaite
    apart = frame.assign(team=frame["team"] + 8 * frame["arm"])
    apart = apart[~apart["team"].isin([1, 2, 3, 4, 5])]
    table = days_lost_difference(apart, tau=9, **compared).to_frame()
    errors = days_lost(apart, tau=9, by="arm", **options).to_frame().set_index("arm")["std_error"]
    v0, v1 = (errors.loc[arm].to_numpy() ** 2 for arm in (0, 1))
    np.testing.assert_allclose(table["df"], (v0 + v1) ** 2 / (v0**2 / 2 + v1**2 / 7), rtol=1e-9)


def test_one_cluster_has_no_variance() -> None:
    frame = pd.DataFrame({
        "days": [1, 2, 3, 4, 5, 6], "exit": [1, 2, 0, 1, 1, 2], "sex": list("aaabbb"),
        "team": [1, 1, 2, 3, 3, 3],
    })  # fmt: skip
    options: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "sex", "cluster": "team"}
    made = cumulative_incidence(frame, **options).to_frame().set_index("sex")
    assert made.loc["b", ["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert made.loc["a", "std_error"].notna().all()
    lost = days_lost(frame, tau=3, **options).to_frame().set_index("sex")
    assert lost.loc["b", "std_error"].isna().all()
    table = incidence_difference(frame, reference="a", times=4, **options).to_frame()
    assert table[["std_error", "p_value", "conf_low"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cause": "never"}, "all censored"),
        ({"cause": "exits"}, "Did you mean 'exit'"),
        ({"cause": "holes"}, "there for every row"),
        ({"variance": "delta"}, "one of 'jackknife', 'greenwood', 'aalen'"),
        ({"variance": "greenwood", "cluster": "team"}, "'jackknife' with clusters"),
        ({"ci": "wald"}, "one of 'log-log'"),
        ({"level": 95}, "between 0 and 1"),
        ({"weights_kind": "sampling"}, "a column where weights_kind"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame({
        "days": [1, 2, 3], "exit": [1, 0, 2], "never": 0, "holes": [1, None, 0], "team": [1, 1, 2],
    })  # fmt: skip
    with pytest.raises(InputError, match=message):
        cumulative_incidence(frame, **{"duration": "days", "cause": "exit"} | options)


def test_what_counts_and_horizons_refuse() -> None:
    frame = pd.DataFrame(
        {"days": [1, 2, 3], "exit": [1, 0, 2], "late": [0, 0, 1], "sex": [0, 0, 1]}
    )
    counts = Counts.from_rows(frame, duration="days", cause="exit", entry="late")
    with pytest.raises(InputError, match="delayed entry"):
        cumulative_incidence(counts, variance="jackknife")
    with pytest.raises(InputError, match="left out with Counts"):
        cumulative_incidence(counts, cause="exit")
    options: dict[str, Any] = {"duration": "days", "cause": "exit", "by": "sex"}
    with pytest.raises(InputError, match="at most 2"):
        days_lost(frame, tau=3, **options)
    with pytest.raises(InputError, match="positive"):
        days_lost(frame, tau=[1, 0], **options)
    with pytest.raises(InputError, match="for time lost"):
        days_lost(frame, tau=1, variance="aalen", **options)
    with pytest.raises(InputError, match="Groups: 0, 1"):
        incidence_difference(frame, reference="f", times=1, **options)
    with pytest.raises(InputError, match="at least two groups"):
        incidence_difference(frame[:2], reference=0, times=1, **options)
    with pytest.raises(InputError, match="times"):
        cumulative_incidence(frame, duration="days", cause="exit").at([None])


def test_what_cannot_vary_has_no_standard_error() -> None:
    frame = pd.DataFrame(
        {"days": [0, 0, 0, 3, 4, 5], "exit": [1, 1, 2, 1, 0, 2], "arm": list("aaabbb")}
    )
    table = days_lost_difference(
        frame, duration="days", cause="exit", by="arm", reference="a", tau=3
    ).to_frame()
    assert table["std_error"][0] == 0
    assert np.isnan(table["p_value"][0])


def test_those_censored_on_the_day_count_for_it() -> None:
    """Everybody is followed to day 365: all of them tell that nobody has left for the cause."""
    frame = pd.DataFrame({"days": 365, "exit": 0, "arm": ["a"] * 50 + ["b"] * 50})
    frame.loc[50:59, ["days", "exit"]] = [100, 1]
    names: dict[str, Any] = {"duration": "days", "by": "arm", "reference": "b"}
    z = 1.959963984540054
    room = z**2 / (50 + z**2)
    for table, high in (
        (incidence_difference(frame, cause="exit", times=365, **names), "conf_high"),
        (survival_difference(frame, event="exit", times=365, **names), "conf_low"),
    ):
        row = table.to_frame().iloc[0]
        alone = cumulative_incidence(frame[50:], duration="days", cause="exit").at(365).iloc[0]
        side = np.hypot(room, 0.2 - alone["conf_low"])
        assert abs(row[high] - row["estimate"]) == pytest.approx(side, rel=1e-9)
