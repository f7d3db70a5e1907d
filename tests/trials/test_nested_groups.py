"""Groups in one arm: who counts as what, what is refused, and what the result says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.trials.nested_groups import partially_nested
from evalkit.trials.trial_sample import TrialWarning


def trial(seed: int = 1, sizes: tuple[int, ...] = (5, 6, 4, 5, 6), alone: int = 0) -> pd.DataFrame:
    """Return a trial with groups in one arm, persons who never started, and 30 controls."""
    rng = np.random.default_rng(seed)
    rows = [("ReDO", f"g{g}", u) for g, m in enumerate(sizes) for u in [rng.normal()] * m]
    rows += [("ReDO", None, rng.normal()) for _ in range(alone)] + [("CAU", None, 0.0)] * 30
    df = pd.DataFrame(rows, columns=["arm", "group", "shared"])
    df["age"] = rng.integers(25, 60, len(df))
    df["mastery"] = 20 + df.pop("shared") + 0.05 * df["age"] + rng.normal(size=len(df))
    df["started"] = df["group"].notna().astype(int)
    df["id"] = np.arange(len(df))
    return df


def nested(df: pd.DataFrame, **options):
    base = {"outcome": "mastery", "arm": "arm", "control": "CAU", "group": "group"}
    return partially_nested(df, **(base | options))


def test_what_the_result_says() -> None:
    result = nested(trial(alone=3), started="started", higher="better", covariates="age")
    text = str(result)
    assert text.startswith("Difference in means, ReDO - CAU, higher = better\n")
    assert "Analysed of randomised: ReDO 29 of 29, CAU 30 of 30" in text
    assert "5 groups of 4 to 6 analysed" in text
    assert "3 in ReDO never started: each stands alone." in text
    assert "nested model, adjusted, REML, variance by arm, Satterthwaite df; 95" in text
    assert len(text.splitlines()) <= 15
    frame = result.to_frame()
    assert frame["term"].tolist() == ["difference", "difference_cr2"]
    assert frame.columns[-3:].tolist() == ["icc", "icc_low", "icc_high"]
    assert frame["icc_low"][0] <= result.icc <= frame["icc_high"][0]
    assert result.attributes.treatments == "ReDO - CAU, as randomised"
    assert result.variances["component"].tolist() == [
        "residual, CAU",
        "residual, ReDO",
        "between groups",
    ]


def test_the_boundary_is_said() -> None:
    df = trial()
    inside = df["arm"] == "ReDO"
    df.loc[inside, "mastery"] -= df[inside].groupby("group")["mastery"].transform("mean") - 22
    result = nested(df)
    assert result.icc == 0
    assert "ICC = 0 at the boundary" in str(result)
    assert result.variances["at_boundary"].tolist() == [False, False, True]
    assert result.to_frame()[["estimate", "std_error", "df"]].notna().all(axis=None)


def test_missing_outcomes_are_counted_and_groups_shrink() -> None:
    df = trial(sizes=(5, 6, 4, 5, 6, 3))
    df.loc[df["group"] == "g2", "mastery"] = None
    result = nested(df)
    assert dict(result.n_dropped) == {"missing mastery": 4}
    assert result.groups == "5 groups of 3 to 6 analysed"
    assert result.arms == (("ReDO", 29, 25), ("CAU", 30, 30))


# Who has a group -----------------------------------------------------------------------------


def test_never_started_and_unknown_are_told_apart() -> None:
    df = trial(alone=4)
    with pytest.warns(TrialWarning, match=r"missing for 4 of 30 in 'ReDO'.*never started, each al"):
        quiet = nested(df)
    said = nested(df, started="started")
    pd.testing.assert_frame_equal(quiet.to_frame(), said.to_frame())
    df.loc[df.index[26:28], "started"] = 1
    with pytest.raises(
        InputError, match=r"2 who started with an unknown group \(at row 26, row 27"
    ):
        nested(df, started="started")


def test_a_listed_person_who_never_started_stands_alone() -> None:
    df = trial()
    df.loc[0, "started"] = 0
    result = nested(df, started="started")
    assert "1 listed in a group never started: they stand alone." in result.notes
    df.loc[0, "group"] = None
    pd.testing.assert_frame_equal(result.to_frame(), nested(df, started="started").to_frame())


def test_started_must_be_known_in_the_arm() -> None:
    df = trial()
    df["started"] = df["started"].astype(float)
    df.loc[3, "started"] = None
    with pytest.raises(InputError, match=r"0 or 1 for everybody in 'ReDO'.*at row 3"):
        nested(df, started="started")


def test_controls_in_the_arms_groups_are_refused() -> None:
    df = trial()
    df.loc[df.index[-2:], "group"] = "g1"
    with pytest.raises(InputError, match=r"2 controls in 1 groups \(at 'g1'\).*see cace"):
        nested(df)


def test_one_label_for_all_controls_is_refused_with_its_remedy() -> None:
    df = trial()
    df.loc[df["arm"] == "CAU", "group"] = "none"
    with pytest.raises(InputError, match=r"30 controls in 1 groups.*stands for no group, make it"):
        nested(df)


def test_groups_in_both_arms_are_another_design() -> None:
    df = trial()
    df.loc[df["arm"] == "CAU", "group"] = ["c1", "c2", "c3"] * 10
    with pytest.raises(InputError, match=r"controls in 3 groups.*effect\(\.\.\., cluster="):
        nested(df)


def test_a_group_of_its_own_for_each_control_is_no_group() -> None:
    df = trial()
    plain = nested(df)
    df.loc[df["arm"] == "CAU", "group"] = [f"own{i}" for i in range(30)]
    pd.testing.assert_frame_equal(plain.to_frame(), nested(df).to_frame())


def test_one_group_does_not_identify_the_variance() -> None:
    with pytest.raises(InputError, match="between-group variance not identified"):
        nested(trial(sizes=(9,)))
    with pytest.raises(InputError, match="5 groups of one person"):
        nested(trial(sizes=(1, 1, 1, 1, 1)))


def test_few_groups_are_warned_of() -> None:
    with pytest.warns(TrialWarning, match=r"only 3 groups in 'ReDO'.*2 degrees of freedom"):
        nested(trial(sizes=(6, 7, 5)))


# Other bad input -----------------------------------------------------------------------------


def test_three_arms_are_refused() -> None:
    df = trial()
    df.loc[df.index[-5:], "arm"] = "other"
    with pytest.raises(InputError, match="of two arms"):
        nested(df)


def test_no_spread_is_refused() -> None:
    df = trial()
    df.loc[df["arm"] == "CAU", "mastery"] = 20.0
    with pytest.raises(InputError, match="residual spread in the control arm"):
        nested(df)
    df = trial()
    df.loc[df["arm"] == "ReDO", "mastery"] = df["group"].str[1:].astype(float)
    with pytest.raises(InputError, match=r"\(at the groups\)"):
        nested(df)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "grupp"}, "Did you mean 'group'"),
        ({"control": "kontroll"}, "control: must be one of the arms"),
        ({"variances": "equal"}, "variances: must be one of"),
        ({"small_sample": "kr"}, "small_sample: must be one of"),
        ({"never_started": "drop"}, "never_started: must be one of"),
        ({"level": 95}, "level"),
        ({"covariates": ["age", "copy"]}, "copy"),
    ],
)
def test_bad_arguments(options, message: str) -> None:
    df = trial()
    df["copy"] = 2 * df["age"] + 1
    with pytest.raises(InputError, match=message):
        nested(df, **options)


def test_duplicate_persons_are_refused() -> None:
    df = trial()
    df.loc[1, "id"] = 0
    with pytest.raises(InputError, match="stand in several rows"):
        nested(df, unit="id")


# Options -------------------------------------------------------------------------------------


def test_never_started_without_group_effect_is_another_model() -> None:
    df = trial(alone=6)
    own = nested(df, started="started")
    none = nested(df, started="started", never_started="no group effect")
    assert own.icc > 0
    a, b = own.to_frame(), none.to_frame()
    assert a["estimate"][0] != pytest.approx(b["estimate"][0], abs=1e-6)
    assert a.loc[1, "std_error"] == b.loc[1, "std_error"]  # CR2 has no model to change
    everybody = nested(df[df["group"].notna() | (df["arm"] == "CAU")])
    assert none.variances["variance"][2] != pytest.approx(everybody.variances["variance"][2])


def test_leaders_join_groups() -> None:
    df = trial(sizes=(5, 6, 4, 5, 6, 5, 4))
    leader = {"g0": "A", "g1": "A", "g2": "B", "g3": "B", "g4": "C", "g5": "C", "g6": "D"}
    df["leader"] = df["group"].map(leader)
    result = nested(df, leader="leader")
    assert result.variances["component"].tolist()[-1] == "between leader"
    assert np.isnan(result.icc_interval).all()
    assert "of group and leader together" in str(result) or "boundary" in str(result)
    simple = nested(df)
    assert result.loglik >= simple.loglik - 1e-8
    cr2 = [frame.to_frame()["std_error"][1] for frame in (result, simple)]
    assert cr2[0] != pytest.approx(cr2[1])  # clusters of leaders, clusters of groups
    df["wave"] = df["group"].map(dict(zip(leader, [1, 2, 1, 2, 1, 2, 1], strict=True)))
    crossed = nested(df, leader=["leader", "wave"])
    assert np.isnan(crossed.to_frame()["std_error"][1])  # all groups are linked: no CR2


def test_leaders_must_be_shared_and_belong_to_groups() -> None:
    df = trial()
    df["leader"] = df["group"]
    with pytest.raises(InputError, match="5 levels in 5 groups"):
        nested(df, leader="leader")
    df["leader"] = np.where(df["arm"] == "ReDO", "A", None)
    df.loc[0, "leader"] = "B"
    with pytest.raises(InputError, match=r"one level for every group.*group 'g0'"):
        nested(df, leader="leader")


def test_kenward_roger_is_wider() -> None:
    df = trial(sizes=(2, 8, 5, 3, 7, 4, 6, 2))
    plain, adjusted = nested(df), nested(df, small_sample="kenward-roger")
    assert plain.to_frame()["estimate"][0] == adjusted.to_frame()["estimate"][0]
    assert adjusted.to_frame()["std_error"][0] >= plain.to_frame()["std_error"][0]
    assert "Kenward-Roger" in adjusted.method


# Invariances ---------------------------------------------------------------------------------

few_df_may_be_warned_of = pytest.mark.filterwarnings(
    "ignore:Fewer than 5 degrees:evalkit.trials.trial_sample.TrialWarning"
)

NUMBERS = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high", "icc"]


@few_df_may_be_warned_of
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_row_order_and_labels_do_not_matter(seed: int) -> None:
    df = trial(seed)
    base = nested(df).to_frame()[NUMBERS]
    moved = df.sample(frac=1, random_state=seed).copy()
    moved["group"] = moved["group"].map({f"g{i}": 90 - i for i in range(5)})
    np.testing.assert_allclose(nested(moved).to_frame()[NUMBERS], base, rtol=1e-6, atol=1e-9)


@few_df_may_be_warned_of
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1e-3, 60.0]), st.sampled_from([0.0, 500.0]))
def test_units_change_the_effect_and_nothing_else(seed: int, unit: float, shift: float) -> None:
    df = trial(seed)
    base = nested(df).to_frame()
    df["mastery"] = shift + unit * df["mastery"]
    found = nested(df).to_frame()
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(found[name], unit * base[name], rtol=1e-5, atol=1e-7 * unit)
    for name in ("df", "p_value", "icc"):
        np.testing.assert_allclose(found[name], base[name], rtol=1e-5, atol=1e-7)


def test_exchanging_the_outcomes_sign_exchanges_the_interval() -> None:
    df = trial()
    base = nested(df).to_frame()
    df["mastery"] *= -1
    found = nested(df).to_frame()
    np.testing.assert_allclose(found["estimate"], -base["estimate"], rtol=1e-9)
    np.testing.assert_allclose(found["conf_low"], -base["conf_high"], rtol=1e-9)


def test_the_frame_is_left_as_it_was() -> None:
    df = trial()
    copy = df.copy()
    nested(df, covariates="age")
    pd.testing.assert_frame_equal(df, copy)


def test_a_leader_named_twice_is_refused() -> None:
    df = trial()
    df["leader"] = df["group"].map({"g0": "a", "g1": "a", "g2": "b", "g3": "b", "g4": "b"})
    with pytest.raises(InputError, match="leader: must be columns named once each"):
        nested(df, leader=["leader", "leader"])


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    df = trial()
    names = ["estimate", "std_error", "df"]
    moved = df.assign(mastery=df["mastery"] + 1e8)
    np.testing.assert_allclose(
        nested(moved).to_frame()[names], nested(df).to_frame()[names], rtol=1e-5
    )
