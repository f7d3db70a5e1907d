"""The public randomisation test: its law, its invariants, its words, and what it refuses."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.core.results import STANDARD_COLUMNS
from evalkit.errors import InputError
from evalkit.trials.allocation import randomise
from evalkit.trials.randomisation_tests import randomisation_test
from evalkit.trials.trial_sample import TrialWarning

NUMBERS = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]


def run(df: pd.DataFrame, **options):
    known = {"outcome": "y", "arm": "arm", "control": "CAU", "rng": 1}
    return randomisation_test(df, **(known | options))


def trial(n: int = 80, seed: int = 1) -> pd.DataFrame:
    source = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "arm": source.permutation(np.where(np.arange(n) % 2, "ReDO", "CAU")),
            "site": source.integers(0, 3, n),
            "age": source.integers(20, 64, n),
            "group": np.arange(n) // 4,
        }
    )
    frame["y"] = source.normal(20, 4, n).round(1) + (frame["arm"] == "ReDO") + frame["age"] / 10
    frame["work"] = source.integers(0, 2, n)
    by_group = frame.groupby("group")["arm"].transform("first")
    frame["group_arm"] = by_group
    return frame


WAYS = [
    {},
    {"statistic": "studentised"},
    {"strata": "site"},
    {"strata": "site", "statistic": "studentised"},
    {"covariates": "age"},
    {"covariates": ["age", "work"], "strata": "site"},
    {"covariates": "age", "statistic": "studentised", "n_permutations": 300},
    {"cluster": "group", "arm": "group_arm"},
    {"cluster": "group", "arm": "group_arm", "statistic": "studentised"},
    {"cluster": "group", "arm": "group_arm", "covariates": "age", "statistic": "studentised"},
    {"outcome": "work"},
    {"outcome": ["y", "work", "age"]},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_the_order_of_rows_does_not_matter(options) -> None:
    df = trial()
    options = {"n_permutations": 800} | options
    one = run(df, **options).to_frame()
    other = run(df.sample(frac=1, random_state=3), **options).to_frame()
    np.testing.assert_allclose(one[NUMBERS], other[NUMBERS], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_other_units_of_the_outcome_change_nothing_but_the_units(options) -> None:
    df = trial()
    options = {"n_permutations": 800} | options
    if isinstance(options.get("outcome", "y"), list):
        pytest.skip("one outcome is enough")
    name = str(options.get("outcome", "y"))
    one = run(df, **options).to_frame().iloc[0]
    other = run(df.assign(**{name: 100 - 7.0 * df[name]}), **options).to_frame().iloc[0]
    # The order of units turns round with the outcome: another stream, the same law.
    assert other["estimate"] == pytest.approx(-7 * one["estimate"], rel=1e-9)
    assert other["p_value"] == pytest.approx(one["p_value"], abs=0.08)
    scaled = run(df.assign(**{name: 3 + 7.0 * df[name]}), **options).to_frame().iloc[0]
    assert scaled["p_value"] == one["p_value"]
    ends = ["conf_low", "conf_high"]
    np.testing.assert_allclose(
        scaled[ends].astype(float), 7 * one[ends].astype(float), rtol=1e-6, atol=1e-6
    )


@settings(max_examples=25, deadline=None)
@given(
    y=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    studentised=st.booleans(),
    stratified=st.booleans(),
)
def test_exchanged_arms_and_relabelled_strata(
    y: list[int], studentised: bool, stratified: bool
) -> None:
    df = pd.DataFrame({"y": y, "arm": ["CAU", "ReDO"] * 4, "site": [0] * 4 + [1] * 4})
    spread = df.groupby(["site", "arm"] if stratified else "arm")["y"].var().sum()
    options = {
        "statistic": "studentised" if studentised and spread > 0 else "difference",
        "strata": "site" if stratified else None,
    }
    one = run(df, **options).to_frame().iloc[0]
    other = run(df, **options, control="ReDO").to_frame().iloc[0]
    assert other["estimate"] == pytest.approx(-one["estimate"], abs=1e-12)
    assert other["p_value"] == one["p_value"]
    assert other["conf_low"] == pytest.approx(-one["conf_high"], abs=1e-6)
    named = df.assign(site=df["site"].map({0: "Syd", 1: "Nord"}))
    again = run(named, **options).to_frame().iloc[0]
    assert again["p_value"] == one["p_value"]


def by_hand(df: pd.DataFrame, shift: float) -> float:
    """Adjusted p-value of a shift, from a regression for every assignment."""
    z = (df["arm"] == "ReDO").to_numpy()
    y = df["y"].to_numpy() - shift * z

    def coefficient(k: np.ndarray) -> float:
        return np.linalg.lstsq(np.column_stack([k, np.ones(len(y)), df["x"]]), y)[0][0]

    seen = abs(coefficient(z * 1.0))
    far = [
        abs(coefficient(np.isin(np.arange(len(y)), chosen) * 1.0))
        for chosen in combinations(range(len(y)), int(z.sum()))
    ]
    return float(np.mean(np.array(far) >= seen - 1e-9))


def test_a_set_in_pieces_is_said_and_listed() -> None:
    df = pd.DataFrame(
        {
            "y": [14, 10, 14, 18, 5, 16],
            "x": [4, 2, 2, 4, 1, 3],
            "arm": ["CAU", "CAU", "ReDO", "CAU", "ReDO", "ReDO"],
        }
    )
    result = run(df, covariates="x", level=0.9)
    assert "the confidence set is not an interval: [-inf, -22.57] and [-3.473, inf]" in repr(result)
    pieces = result.confidence_sets()
    assert list(pieces.columns) == ["outcome", "contrast", "conf_low", "conf_high"]
    assert len(pieces) == 2
    first, second = pieces["conf_high"][0], pieces["conf_low"][1]
    for shift in (first - 1e-6, second + 1e-6, first - 9, second + 40):
        assert by_hand(df, shift) > 0.1
    for shift in (first + 1e-6, second - 1e-6, (first + second) / 2):
        assert by_hand(df, shift) <= 0.1
    assert result.to_frame()["p_value"].item() == pytest.approx(by_hand(df, 0), abs=1e-12)


def test_the_table_and_its_words() -> None:
    result = run(trial(), strata="site", higher="better", n_permutations=500)
    assert tuple(result.to_frame().columns) == STANDARD_COLUMNS
    text = repr(result)
    assert "Difference in means, ReDO - CAU, higher = better" in text
    assert "labels permuted within strata: 500 draws, seed 1" in text
    assert "Analysed of randomised: ReDO 40 of 40, CAU 40 of 40" in text
    assert result.attributes.summary == "difference in means"
    assert len(result.confidence_sets()) == 1


def test_missing_outcomes_are_dropped_and_counted() -> None:
    df = trial()
    df.loc[:4, "y"] = np.nan
    result = run(df, n_permutations=200)
    assert result.n_dropped == {"missing y": 5}
    assert result.to_frame()["n"].item() == 75


def test_several_outcomes_share_their_assignments() -> None:
    df = trial()
    df.loc[:4, "y"] = np.nan
    df.loc[2:6, "work"] = np.nan
    result = run(df, outcome=["y", "work"], statistic="studentised", n_permutations=999)
    frame = result.to_frame()
    assert frame.columns[0] == "outcome"
    assert frame["n"].tolist() == [75, 75]
    assert result.n_dropped == {"missing all outcomes": 3}
    assert (frame["p_adjusted"] >= frame["p_value"]).all()
    copies = df.assign(again=df["y"])
    twice = run(copies, outcome=["y", "again"], n_permutations=999).to_frame()
    # One outcome under two names is not adjusted for.
    np.testing.assert_allclose(twice["p_adjusted"], twice["p_value"])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"statistic": "studentised"},
        {"strata": "site"},
        {"covariates": "age"},
        {"covariates": "age", "statistic": "studentised"},
        {"cluster": "pair"},
        {"cluster": "pair", "strata": "site", "statistic": "difference"},
        {"blocks": "site", "covariates": "age"},
    ],
    ids=str,
)
def test_p_values_are_exact_whatever_the_statistic(options) -> None:
    """P(p <= a) = a at the attainable levels, over every assignment of a small trial."""
    source = np.random.default_rng(6)
    within = "strata" in options or "blocks" in options
    persons = pd.DataFrame({"site": [0] * 4 + [1] * 4, "age": [3, 1, 4, 1, 5, 9, 2, 6]})
    persons["y"] = source.integers(0, 9, 8)
    if "cluster" in options:  # of unequal size
        persons = persons.loc[[0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 6, 7]]
        persons["pair"] = persons.index
        persons["y"] = source.integers(0, 9, 12)
    values = []
    for chosen in combinations(range(8), 4):
        if within and sum(k < 4 for k in chosen) != 2:
            continue
        df = persons.assign(arm=np.where(persons.index.isin(chosen), "ReDO", "CAU"))
        values.append(run(df.reset_index(drop=True), **options).to_frame()["p_value"].item())
    found = np.array(values)
    assert len(found) == (36 if within else 70)
    for level in np.unique(found):
        assert np.mean(found <= level + 1e-12) == pytest.approx(level, abs=1e-12)


def test_studentised_tests_means_where_arms_vary_unequally() -> None:
    """The difference alone rejects too often if the small arm varies more; studentised hardly."""
    source = np.random.default_rng(1)
    small = {"difference": 0, "studentised": 0}
    for seed in range(150):
        z = np.arange(100) < 25
        df = pd.DataFrame({"arm": np.where(z, "ReDO", "CAU")})
        df["y"] = source.normal(0, np.where(z, 4, 1))
        for statistic in small:
            row = run(df, statistic=statistic, n_permutations=199, rng=seed).to_frame().iloc[0]
            small[statistic] += row["p_value"] <= 0.05
    assert small["difference"] > 0.12 * 150
    assert small["studentised"] < 0.1 * 150


def test_step_down_keeps_the_family_error() -> None:
    """Over every assignment: the least adjusted p-value is below a level no more often."""
    source = np.random.default_rng(3)
    base = source.integers(0, 9, (7, 3)) + source.integers(0, 9, (7, 1))
    least = []
    for chosen in combinations(range(7), 3):
        df = pd.DataFrame(base, columns=["a", "b", "c"])
        df["arm"] = np.where(np.isin(np.arange(7), chosen), "ReDO", "CAU")
        least.append(run(df, outcome=["a", "b", "c"]).to_frame()["p_adjusted"].min())
    found = np.array(least)
    for level in np.unique(found):
        assert np.mean(found <= level + 1e-12) <= level + 1e-12


def test_several_arms_are_each_compared_with_control() -> None:
    df = trial()
    df.loc[::3, "arm"] = "ReDO+"
    frame = run(df, n_permutations=400).to_frame()
    assert frame["contrast"].tolist() == ["ReDO - CAU", "ReDO+ - CAU"]
    pair = df[df["arm"] != "ReDO+"]
    alone = run(pair, n_permutations=400).to_frame()
    assert frame["p_value"][0] == alone["p_value"][0]


def test_random_and_listed_assignments_agree() -> None:
    df = trial(14, 5)
    listed = run(df).to_frame().iloc[0]
    drawn = run(df, exact=False, n_permutations=40_000).to_frame().iloc[0]
    assert drawn["p_value"] == pytest.approx(listed["p_value"], abs=0.012)
    assert drawn["std_error"] == pytest.approx(listed["std_error"], rel=0.02)
    assert drawn["conf_low"] == pytest.approx(listed["conf_low"], abs=0.3)
    few = run(df, n_permutations=100)
    assert "100 draws" in few.method
    assert "all 3 432 assignments" in run(df, exact=True, n_permutations=100).method


def test_strata_without_all_arms_are_named_and_dropped() -> None:
    df = trial(24)
    df.loc[df["site"] == 2, "arm"] = "CAU"
    n = int((df["site"] == 2).sum())
    with pytest.warns(TrialWarning, match=f"strata: 1 without both arms, {n} rows left out: 2"):
        result = run(df, strata="site", n_permutations=100)
    assert result.n_dropped == {"stratum without both arms": n}
    with pytest.raises(InputError, match="the control arm and another arm have outcomes"):
        run(pd.DataFrame({"y": [1, 2], "arm": ["CAU", "ReDO"], "s": [0, 1]}), strata="s")


def test_a_stratum_without_a_third_arm_still_tells_of_the_second() -> None:
    df = trial(90)
    df.loc[df.index[::3], "arm"] = "SE"
    df.loc[(df["site"] == 2) & (df["arm"] == "SE"), "arm"] = "CAU"
    gone = int(((df["site"] == 2) & (df["arm"] == "CAU")).sum())
    with pytest.warns(TrialWarning, match=f"{gone} rows left out of SE - CAU, .* arms: 2"):
        both = run(df, strata="site", n_permutations=100)
    alone = run(df[df["arm"] != "SE"], strata="site", n_permutations=100)
    found = both.to_frame().set_index("contrast")
    assert both.n_dropped == {}
    assert found.loc["ReDO - CAU", NUMBERS].tolist() == alone.to_frame()[NUMBERS].iloc[0].tolist()
    assert found.loc["SE - CAU", "n"] == int(df["arm"].isin(["SE", "CAU"]).sum()) - gone


def test_seeds_of_numpy_are_told() -> None:
    assert "100 draws, seed 7" in run(trial(), rng=np.int64(7), n_permutations=100).method


def test_blocks_keep_labels_within_but_not_the_estimate() -> None:
    units = pd.DataFrame(index=[f"p{i}" for i in range(60)])
    drawn = randomise(units, arms=["CAU", "ReDO"], rng=5)
    source = np.random.default_rng(2)
    # A drift over time is taken out by blocks, since they keep the arms alike.
    df = pd.DataFrame({"arm": drawn.arm, "y": np.arange(60) / 5 + source.normal(size=60)})
    plain, blocked = run(df), run(df, design=drawn)
    column = df.assign(block=drawn.to_frame()["block"].to_numpy())
    named = run(column, blocks="block")
    assert blocked.to_frame()["std_error"].item() < plain.to_frame()["std_error"].item() / 2
    assert blocked.to_frame()["p_value"].item() == named.to_frame()["p_value"].item()
    assert "labels permuted within blocks" in blocked.method
    lost = run(df.drop(index=["p3", "p40"]), design=drawn)
    assert lost.n_used == 58


def test_every_method_of_allocation_keeps_the_level() -> None:
    """Under no effect the p-value is uniform, whichever way the trial was randomised."""
    source = np.random.default_rng(8)
    n = 24
    units = pd.DataFrame({"site": np.arange(n) % 3, "group": np.arange(n) // 3})
    y = source.normal(size=n) + units["site"] + np.arange(n) / 8
    for options in (
        {"method": "simple"},
        {"method": "complete", "strata": "site"},
        {"method": "blocks"},
        {"method": "blocks", "cluster": "group"},
        {"method": "minimisation", "strata": ["site"]},
    ):
        small, runs = 0, 40
        for seed in range(runs):
            drawn = randomise(units, arms=["CAU", "ReDO"], rng=seed, **options)
            df = units.assign(arm=drawn.arm, y=y)
            result = run(df, design=drawn, n_permutations=39, rng=seed + 1000)
            small += result.to_frame()["p_value"].item() <= 0.2
        assert small <= 0.2 * runs + 3.5 * np.sqrt(0.16 * runs), options


def test_minimisation_is_run_anew() -> None:
    source = np.random.default_rng(3)
    units = pd.DataFrame(
        {"sex": source.integers(0, 2, 70), "site": source.integers(0, 3, 70)},
        index=[f"p{i}" for i in range(70)],
    )
    drawn = randomise(
        units, arms=["ReDO", "CAU"], method="minimisation", strata=["sex", "site"], rng=4
    )
    df = units.assign(arm=drawn.arm, y=3 * units["sex"] + source.normal(size=70))
    anew, plain = run(df, design=drawn, n_permutations=2000), run(df, n_permutations=2000)
    assert "minimisation run anew: 2000 draws, seed 1" in anew.method
    assert anew.to_frame()["std_error"].item() < 0.7 * plain.to_frame()["std_error"].item()
    with pytest.raises(InputError, match="not equally likely"):
        run(df, design=drawn, exact=True)
    wrong = df.copy()
    wrong.loc["p9", "arm"] = "CAU" if df.loc["p9", "arm"] == "ReDO" else "ReDO"
    with pytest.raises(InputError, match=r"in the arm of the allocation.*\(at row 'p9'\)"):
        run(wrong, design=drawn)
    with pytest.raises(InputError, match=r"of units that were allocated.*\(at row 'x'\)"):
        run(df.rename(index={"p9": "x"}), design=drawn)
    by_id = df.reset_index(names="id")
    assert run(by_id, design=drawn, unit="id", n_permutations=200).n_used == 70


def test_too_small_for_the_level_is_said() -> None:
    df = pd.DataFrame({"y": [1, 2, 3, 5], "arm": ["CAU", "CAU", "ReDO", "ReDO"]})
    result = run(df)
    assert "with 6 assignments no p-value is below 0.167" in repr(result)
    assert result.to_frame()[["conf_low", "conf_high"]].to_numpy().tolist() == [[-np.inf, np.inf]]


def test_zero_cells_have_an_exact_p_value() -> None:
    # Two of the C(12, 6) = 924 assignments are as extreme.
    df = pd.DataFrame({"y": [1] * 6 + [0] * 6, "arm": ["ReDO"] * 6 + ["CAU"] * 6})
    row = run(df).to_frame().iloc[0]
    assert row["p_value"] == pytest.approx(2 / 924, rel=1e-12)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((1, 1), abs=1e-12)
    with pytest.raises(InputError, match="'difference' where outcomes do not vary within the arms"):
        run(df, statistic="studentised")


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    run(trial(), strata="site", n_permutations=50, progress=True)
    assert "assignments" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outcome": []}, "one column or several different ones"),
        ({"outcome": ["y", "y"]}, "one column or several different ones"),
        ({"control": "kontroll"}, "one of the arms in 'arm': 'CAU', 'ReDO'; got 'kontroll'"),
        ({"statistic": "t"}, "'difference', 'studentised'"),
        ({"n_permutations": 0}, "at least 1"),
        ({"level": 95}, "level"),
        ({"rng": "seed"}, "rng"),
        ({"exact": True}, "with so many assignments as about 10\\^23"),
        ({"cluster": "group"}, "arm: must be the same in all rows of a cluster"),
        ({"covariates": "dummy"}, "such that they do not determine the arm"),
    ],
)
def test_what_is_refused(options: dict[str, object], message: str) -> None:
    df = trial()
    df["dummy"] = (df["arm"] == "ReDO") * 1
    with pytest.raises(InputError, match=message):
        run(df, **options)


def test_one_cluster_in_an_arm_has_no_variance() -> None:
    df = trial(40)
    df["group_arm"] = np.where(df["group"] == 3, "ReDO", "CAU")
    options = {"cluster": "group", "arm": "group_arm"}
    with pytest.raises(InputError, match="an arm has fewer than two units in a stratum"):
        run(df, statistic="studentised", **options)
    row = run(df, **options).to_frame().iloc[0]
    assert row["p_value"] >= 0.1  # of ten assignments


def test_design_and_its_arguments_must_agree() -> None:
    units = pd.DataFrame({"g": np.arange(12) // 2})
    drawn = randomise(units, arms=["CAU", "ReDO"], cluster="g", rng=1)
    df = units.assign(arm=drawn.arm, y=np.arange(12.0), other=0)
    assert run(df, design=drawn).to_frame()["p_value"].item() > 0
    with pytest.raises(InputError, match="what was allocated \\('g'\\)"):
        run(df, design=drawn, cluster="other")
    with pytest.raises(InputError, match="left out with design"):
        run(df, design=drawn, blocks="other")
    three = randomise(units, arms=["CAU", "a", "b"], method="minimisation", strata="g", rng=1)
    with pytest.raises(InputError, match="of two arms if it was by minimisation"):
        run(units.assign(arm=three.arm, y=1.0), design=three)
