"""Whether a goal was reached is counted exactly; whether by chance is tested exactly."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evalkit.core.results import STANDARD_COLUMNS
from evalkit.errors import InputError
from evalkit.matching import goal_attainment


def row(table, place: int = 0) -> dict[str, object]:
    return table.to_frame().iloc[place].to_dict()


def test_columns() -> None:
    frame = goal_attainment([70, 48], [200, 150], 0.35, labels=["Kvinnor", "Män"]).to_frame()
    others = ["difference", "reached", "shortfall", "goal"]
    assert list(frame.columns) == ["group", *STANDARD_COLUMNS, *others]
    assert frame["group"].tolist() == ["Kvinnor", "Män"]
    assert frame["reached"].dtype == bool
    assert frame["reached"].tolist() == [True, False]
    assert frame["shortfall"].tolist() == [0, 5]
    assert frame["goal"].tolist() == [0.35, 0.35]
    assert frame["difference"].tolist() == [0.0, -0.03]
    assert frame["n"].tolist() == [200, 150]
    assert goal_attainment([1, 2], 3, 0.5).to_frame()["group"].tolist() == ["1", "2"]


def test_a_rounded_percentage_does_not_decide() -> None:
    # 1,308 of 3,740 is 34.97 %, printed 35 %: one short of the goal.
    short = row(goal_attainment(1308, 3740, 0.35))
    assert (short["reached"], short["shortfall"]) == (False, 1)
    exact = row(goal_attainment(1309, 3740, 0.35))
    assert (exact["reached"], exact["shortfall"]) == (True, 0)


def test_the_goal_is_the_decimal_number_and_not_its_binary_neighbour() -> None:
    # 0.07 * 100 is 7.000000000000001 in floating point.
    assert 7 < 0.07 * 100
    assert row(goal_attainment(7, 100, 0.07))["reached"]
    assert row(goal_attainment(29, 100, 0.29))["reached"]


@pytest.mark.parametrize(
    "goal",
    [0.35, "0.35", "0,35", "35%", "35 %", " 35\u00a0% ", "7/20", Decimal("0.35"), Fraction(7, 20),
     np.float64(0.35), np.float32(0.35)],
)  # fmt: skip
def test_ways_to_write_a_goal(goal) -> None:
    table = goal_attainment([7, 6], 20, goal)
    assert table.to_frame()["reached"].tolist() == [True, False]
    assert "at least 35 %" in table.estimand


def test_a_goal_that_is_no_short_decimal_is_shown_as_a_fraction() -> None:
    table = goal_attainment([1, 2], 6, Fraction(1, 3))
    assert "at least 1/3" in table.estimand
    assert table.to_frame()["reached"].tolist() == [False, True]


@given(n=st.integers(1, 10**6), data=st.data(), percent=st.decimals(1, 99, places=1))
def test_shortfall_is_the_fewest_that_would_do(n: int, data, percent: Decimal) -> None:
    x = data.draw(st.integers(0, n))
    found = row(goal_attainment(x, n, f"{percent} %"))
    needed = x + found["shortfall"]
    assert 1000 * needed >= int(10 * percent) * n
    assert found["reached"] == (1000 * x >= int(10 * percent) * n)
    if not found["reached"]:
        assert 1000 * (needed - 1) < int(10 * percent) * n


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_interval_and_test_are_the_exact_binomial_ones(alternative) -> None:
    x, n = [0, 23, 54, 455], [10, 31, 54, 700]
    frame = goal_attainment(x, n, 0.65, alternative=alternative, level=0.9).to_frame()
    for place, (count, size) in enumerate(zip(x, n, strict=True)):
        other = binomtest(count, size, 0.65, alternative=alternative)
        limits = binomtest(count, size).proportion_ci(0.9, method="exact")
        assert frame["p_value"][place] == pytest.approx(other.pvalue, rel=1e-10)
        assert frame["conf_low"][place] == pytest.approx(limits.low, rel=1e-10)
        assert frame["conf_high"][place] == pytest.approx(limits.high, rel=1e-10)
        share = count / size
        assert frame["std_error"][place] == pytest.approx(math.sqrt(share * (1 - share) / size))


def test_all_groups_together() -> None:
    arguments = ([70, 48, 30], [200, 150, 60], 0.35)
    each = goal_attainment(*arguments).to_frame()
    for alternative, joint in (
        ("greater", lambda p: p.max()),
        ("less", lambda p: min(1, 3 * p.min())),
        ("two-sided", lambda p: min(1, 3 * p.min())),
    ):
        table = goal_attainment(*arguments, alternative=alternative, require_all=True)
        frame = table.to_frame()
        last = frame.iloc[-1]
        assert last["group"] == "all groups"
        assert last["p_value"] == pytest.approx(joint(frame["p_value"][:-1]))
        assert last["n"] == 410
        assert not last["reached"]
        assert last["shortfall"] == 5
        assert np.isnan(last["estimate"])
        assert frame["shortfall"][:-1].tolist() == each["shortfall"].tolist()
    everyone = goal_attainment([70, 60], [200, 150], 0.35, require_all=True)
    assert row(everyone, -1)["reached"]
    assert row(everyone, -1)["shortfall"] == 0


def test_the_joint_test_holds_its_level_by_complete_enumeration() -> None:
    # "Every group above the goal" at the worst null: one group at the goal, the other far above.
    # "Some group below it" with both at the goal.
    n, goal = 25, 0.35
    pmf = [binomtest(x, n, goal) and math.comb(n, x) * goal**x * (1 - goal) ** (n - x)
           for x in range(n + 1)]  # fmt: skip
    above = [row(goal_attainment([x, n], n, goal, alternative="greater", require_all=True), -1)
             for x in range(n + 1)]  # fmt: skip
    size = sum(p for p, joint in zip(pmf, above, strict=True) if joint["p_value"] <= 0.05)
    assert 0.01 < size <= 0.05
    alone = goal_attainment(range(n + 1), n, goal, alternative="less").to_frame()["p_value"]
    p1, p2 = np.meshgrid(alone, alone)
    rejects = 2 * np.minimum(p1, p2) <= 0.05
    assert 0.005 < (np.outer(pmf, pmf) * rejects).sum() <= 0.05


def test_words() -> None:
    some = goal_attainment([70, 48], [200, 150], 0.35, labels=["Kvinnor", "Män"])
    assert some.notes[0] == "Reached by 1 of 2 groups; missed by Män (by 5)."
    assert some.notes[1] == "p-values: whether the true share differs from the goal."
    every = goal_attainment([70, 60], [200, 150], 0.35)
    assert every.notes[0] == "Reached by every group (2 of 2)."
    greater = goal_attainment([70, 60], 150, 0.35, require_all=True, alternative="greater")
    assert "intersection-union" in greater.notes[2]
    assert len(str(greater).splitlines()) <= 15


@pytest.mark.parametrize(
    "goal", [0, 1, 35, -0.1, 1.2, "35", "120 %", "en tredjedel", "1/0", "", float("nan"),
             float("inf"), None, True],
)  # fmt: skip
def test_what_is_no_goal(goal) -> None:
    with pytest.raises(InputError, match=r"^goal: .*Write 35 % as 0\.35 or '35 %'\.$"):
        goal_attainment(1, 2, goal)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 2, 0.5), {}, "^successes: must be at most n; got 3 of 2"),
        ((0, 0, 0.5), {}, "^n: must be whole numbers of at least 1; got 0"),
        ((1, 2, 0.5), {"alternative": "above"}, "^alternative: must be one of"),
        ((1, 2, 0.5), {"level": 1}, "^level: must be a number strictly between"),
        (([1, 1], 2, 0.5), {"labels": ["a", "a"]}, "^labels: must be labels that differ"),
        ((1, 2, 0.5), {"labels": ["all groups"], "require_all": True}, "^labels: .*'all groups'"),
    ],
)
def test_bad_input(arguments, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        goal_attainment(*arguments, **options)
