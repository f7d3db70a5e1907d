"""Random allocation: what each method guarantees, its log, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.assignment import minimise
from evalkit.trials.allocation import randomise
from evalkit.trials.allocation_log import Allocation

METHODS = ("simple", "complete", "blocks", "minimisation")


@pytest.fixture
def units() -> pd.DataFrame:
    source = np.random.default_rng(1)
    n = 97
    return pd.DataFrame(
        {
            "site": source.choice(["Nord", "Syd", "Väst"], n),
            "sex": source.choice(["kvinna", "man"], n),
            "age": source.integers(20, 64, n),
        },
        index=[f"p{i:03d}" for i in range(n)],
    )


def drawn(units: pd.DataFrame, method: str, rng: int = 3, **options) -> Allocation:
    strata = {"simple": None}.get(method, ["site", "sex"])
    return randomise(
        units, arms=["ReDO", "kontroll"], method=method, strata=strata, rng=rng, **options
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_and_the_log_reproduce_the_allocation(units, method: str) -> None:
    one, again = drawn(units, method), drawn(units, method)
    pd.testing.assert_frame_equal(one.to_frame(), again.to_frame())
    assert one.settings["seed"] == 3
    log = one.to_frame()
    assert log["order"].tolist() == list(range(1, 98))
    assert log["unit"].tolist() == units.index.tolist()
    assert (one.arm.loc[log["unit"]].to_numpy() == log["arm"].to_numpy()).all()
    assert not one.arm.equals(drawn(units, method, rng=4).arm)
    assert "seed 3" in repr(one)
    assert "<table>" in one._repr_html_()


def test_complete_randomisation_splits_every_stratum(units) -> None:
    log = drawn(units, "complete").to_frame()
    counts = log.groupby(["site", "sex", "arm"]).size().unstack()
    assert (counts["ReDO"] - counts["kontroll"]).abs().max() <= 1


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), seed=st.integers(0, 999), ratio=st.tuples(*[st.integers(1, 3)] * 2))
def test_blocks_hold_the_arms_in_their_ratio(n: int, seed: int, ratio: tuple[int, int]) -> None:
    frame = pd.DataFrame({"site": np.arange(n) % 2})
    arms = {"ReDO": ratio[0], "kontroll": ratio[1]}
    log = randomise(frame, arms=arms, strata="site", rng=seed).to_frame()
    total = sum(ratio)
    last = log.groupby("site")["block"].transform("max")
    for (block, is_last), part in log.groupby([log["block"], log["block"] == last]):
        sizes = part["arm"].value_counts()
        if not is_last:
            assert len(part) in (2 * total, 3 * total), block
            assert sizes["ReDO"] * ratio[1] == sizes["kontroll"] * ratio[0]
        assert part["site"].nunique() == 1


def test_block_sizes_are_drawn() -> None:
    frame = pd.DataFrame(index=range(600))
    log = randomise(frame, arms=["a", "b"], block_sizes=[2, 8], rng=1).to_frame()
    sizes = log.groupby("block").size()
    assert set(sizes[:-1]) == {2, 8}
    # Both sizes are as likely.
    assert 0.3 < (sizes == 2).mean() < 0.7


def test_simple_randomisation_keeps_the_ratio_on_average() -> None:
    frame = pd.DataFrame(index=range(20_000))
    arm = randomise(frame, arms={"a": 3, "b": 1}, method="simple", rng=1).arm
    assert (arm == "a").mean() == pytest.approx(0.75, abs=0.012)


def test_minimisation_balances_factors_better_than_a_coin(units) -> None:
    def spread(method: str, seed: int) -> int:
        options = {"rng": seed, "arms": ["a", "b"], "method": method}
        if method == "minimisation":
            options["strata"] = ["site", "sex"]
        arm = randomise(units, **options).arm
        tables = [pd.crosstab(units[name], arm) for name in ("site", "sex")]
        return sum(int((table["a"] - table["b"]).abs().sum()) for table in tables)

    minimised = [spread("minimisation", seed) for seed in range(20)]
    tossed = [spread("simple", seed) for seed in range(20)]
    assert np.mean(minimised) < np.mean(tossed) / 2
    assert max(minimised) > 0  # it has a random element


def test_minimisation_goes_where_the_imbalance_is_smallest() -> None:
    # By hand: after the first in an arm, one alike goes to the other with probability 0.8, and
    # one with nothing in common has no better arm.
    factors = np.array([[0, 0], [0, 0], [1, 1]])
    runs = minimise(factors, 2, 0.8, 4000, np.random.default_rng(1))
    assert (runs[:, 0] != runs[:, 1]).mean() == pytest.approx(0.8, abs=0.025)
    assert runs[:, [0, 2]].mean(axis=0) == pytest.approx(0.5, abs=0.03)
    three = minimise(factors, 3, 0.8, 4000, np.random.default_rng(2))
    alike = (three[:, 0] == three[:, 1]).mean()  # the other two share 0.8
    assert alike == pytest.approx(0.2, abs=0.025)


def test_three_arms(units) -> None:
    for method in METHODS:
        strata = None if method == "simple" else "site"
        arm = randomise(units, arms=["a", "b", "c"], method=method, strata=strata, rng=1).arm
        assert set(arm) == {"a", "b", "c"}
    arm = randomise(units, arms=[0, 1, 2], rng=1).arm
    assert arm.dtype.kind == "i"


def test_clusters_are_allocated_whole(units) -> None:
    units["group"] = np.arange(97) // 7
    units["county"] = np.where(units["group"] < 6, "A", "B")
    result = randomise(units, arms=["a", "b"], cluster="group", strata="county", rng=2)
    assert units.assign(arm=result.arm).groupby("group")["arm"].nunique().eq(1).all()
    assert result.to_frame()["unit"].tolist() == list(range(14))
    assert "14 clusters (group)" in repr(result)


def test_balance_describes_without_testing(units) -> None:
    units.loc[units.index[:3], "age"] = np.nan
    result = drawn(units, "blocks")
    table = result.balance(units, ["age", "site"])
    assert list(table.columns) == ["variable", "level", "arm", "n", "missing", "value", "smd"]
    ages = table[table["variable"] == "age"].set_index("arm")
    groups = units.groupby(result.arm)["age"]
    expected = groups.mean()["kontroll"] - groups.mean()["ReDO"]
    expected /= np.sqrt(groups.var().mean())
    assert ages["smd"]["kontroll"] == pytest.approx(expected, rel=1e-12)
    assert ages["missing"].sum() == 3
    shares = table[table["variable"] == "site"].groupby("arm")["value"].sum()
    assert shares.to_numpy() == pytest.approx(1)
    with pytest.raises(
        InputError, match=r"rows that were allocated; got 1 others \(at row 'new'\)"
    ):
        result.balance(units.rename(index={"p004": "new"}), "age")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": ["a"]}, "at least two labels, all different; got 'a'"),
        ({"arms": ["a", "a"]}, "all different"),
        ({"arms": "ab"}, "at least two labels; got 'ab'"),
        ({"arms": {"a": 0, "b": 1}}, "whole numbers of at least 1"),
        ({"rng": None}, "rng: must be a seed or a generator"),
        ({"method": "coin"}, "'simple', 'complete', 'blocks', 'minimisation'"),
        ({"method": "simple", "strata": "site"}, "left out with method='simple'"),
        ({"method": "minimisation"}, "the factors to balance"),
        ({"method": "minimisation", "strata": "site", "arms": {"a": 2, "b": 1}}, "2:1"),
        ({"method": "minimisation", "strata": "site", "certainty": 1.0}, "certainty"),
        ({"method": "minimisation", "strata": "site", "certainty": 0.4}, "at least 1/2, chance"),
        ({"certainty": 0.8}, "certainty: must be left out with method='blocks'"),
        ({"arms": ["a", None]}, "arms: must be labels .*, none of them missing; got 'a', None"),
        ({"arms": [np.nan, "b"]}, "none of them missing"),
        ({"arms": ["a", ["b"]]}, "labels that can stand in a column"),
        ({"strata": "block"}, "strata: must be named otherwise .*; got 'block'"),
        ({"block_sizes": [4, 5]}, "multiples of 2, the sum of the ratio; got 5"),
        ({"block_sizes": [4], "method": "complete"}, "left out with method='complete'"),
        ({"strata": "sites"}, "Did you mean 'site'"),
        ({"cluster": "sex", "strata": "site"}, "the same in all rows of a cluster"),
    ],
)
def test_what_is_refused(units, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        randomise(units.assign(block=1), **({"arms": ["a", "b"], "rng": 1} | options))


def test_nothing_is_said_of_no_settings(units) -> None:
    drawn = randomise(units, arms=["a", "b"], method="simple", rng=np.random.default_rng(1))
    assert "Settings" not in repr(drawn)


def test_repeated_units_and_missing_strata_are_named(units) -> None:
    twice = units.rename(index={"p007": "p006"})
    with pytest.raises(InputError, match=r"1 labels that stand for several rows \(at 'p006'\)"):
        randomise(twice, arms=["a", "b"], rng=1)
    units.loc["p005", "site"] = None
    for argument in ("strata", "cluster"):
        with pytest.raises(InputError, match=r"1 rows where it is missing \(at row 'p005'\)"):
            randomise(units, arms=["a", "b"], rng=1, **{argument: "site"})
    with pytest.raises(InputError, match="at least one row"):
        randomise(units[:0], arms=["a", "b"], rng=1)
