"""Trials with several looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.kernels.group_sequential import exits
from evalkit.trials.sequential_boundaries import sequential_design
from evalkit.trials.sequential_looks import sequential_analysis

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_crossing_probabilities_equal_r() -> None:
    expected = pd.read_csv(REFERENCE / "planning_looks_expected.csv")
    for (_, _), case in expected.groupby(["case", "drift"]):
        upper = case["boundary"].to_numpy()
        lower = -upper if case["sides"].iloc[0] == 2 else np.full(len(upper), -np.inf)
        up, _ = exits(case["information"].to_numpy(), upper, lower, case["drift"].iloc[0])
        # Miwa's algorithm, with which R computed these, is good for about 1e-6.
        np.testing.assert_allclose(up, case["upper"], rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize(
    ("spending", "expected"),
    [
        # Published tables of two-sided boundaries at 5 %, five equal looks (Reboussin et al.,
        # Control Clin Trials 2000;21:190-207).
        ("obrien-fleming", [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_boundaries_equal_published_ones(spending: str, expected: list[float]) -> None:
    found = sequential_design(FIFTHS, spending=spending).to_frame()  # type: ignore[arg-type]
    np.testing.assert_allclose(found["boundary"], expected, atol=6e-4)
    assert found["spent"].iloc[-1] == pytest.approx(0.05)


def test_one_look_is_the_usual_test() -> None:
    found = sequential_design([1.0]).to_frame().iloc[0]
    assert found["boundary"] == pytest.approx(stats.norm.ppf(0.975), abs=1e-10)
    assert sequential_design([1.0]).inflation() == pytest.approx(1, abs=1e-9)
    table = sequential_analysis([1.0], [0.4]).to_frame()
    final = table[table["term"] == "final"].iloc[0]
    assert final["estimate"] == pytest.approx(1.0, abs=1e-9)
    assert final["conf_low"] == pytest.approx(1 - 0.4 * stats.norm.ppf(0.975), abs=1e-9)
    assert final["p_value"] == pytest.approx(2 * stats.norm.sf(2.5), rel=1e-9)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(
    ("spending", "parameter"), [("power", 2.0), ("hwang-shih-decani", -4.0), ("pocock", None)]
)
def test_type_one_error_is_spent_exactly(
    spending: str, parameter: float | None, sides: int
) -> None:
    design = sequential_design(
        [0.3, 0.55, 1.0], spending=spending, parameter=parameter, sides=sides
    )  # type: ignore[arg-type]
    assert design.power(0.0) == pytest.approx(0.05 if sides == 2 else 0.025, abs=2e-5)
    stops = design.exit_probabilities(0.0)
    frame = design.to_frame()
    np.testing.assert_allclose((stops["upper"].cumsum() * sides), frame["spent"], rtol=1e-8)
    assert design.power(3.0) > 0.7
    assert design.inflation(0.8) > 1


def test_stagewise_interval_covers_and_median_is_unbiased() -> None:
    source = np.random.default_rng(5)
    effect, draws, share = 1.2, 400, np.array([0.5, 1.0])
    information = share * 9.0
    covered, above = 0, 0
    for _ in range(draws):
        steps = source.normal(effect * np.diff(information, prepend=0), np.sqrt([4.5, 4.5]))
        path = np.cumsum(steps) / information
        errors = 1 / np.sqrt(information)
        bound = 2.9626  # at half of the information
        looks = 1 if abs(path[0] / errors[0]) >= bound else 2
        table = sequential_analysis(
            path[:looks], errors[:looks], planned_information=9.0
        ).to_frame()
        final = table[table["term"] == "final"].iloc[0]
        covered += final["conf_low"] <= effect <= final["conf_high"]
        above += final["estimate"] > effect
    assert stats.binomtest(covered, draws, 0.95).pvalue > 0.01
    assert stats.binomtest(above, draws, 0.5).pvalue > 0.01


def test_before_the_end_there_is_no_final_row() -> None:
    table = sequential_analysis([0.5], [0.5], planned_information=16.0, n=40)
    assert table.to_frame()["term"].tolist() == ["interim"]
    assert table.n_used == 40


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequential_design([0.5, 0.4]), "information: must be shares above 0"),
        (lambda: sequential_design([0.5, 1.2]), "at most 1"),
        (lambda: sequential_design([1.0], spending="power"), "parameter: must be a number"),
        (lambda: sequential_design([1.0], parameter=2.0), "parameter: must be left out"),
        (lambda: sequential_design([1.0], sides=3), "sides: must be 1 or 2"),  # type: ignore[arg-type]
        (lambda: sequential_analysis([1, 2], [1]), "std_error: must be as long"),
        (lambda: sequential_analysis([1, 2], [1, 1]), "falling from look to look"),
        (lambda: sequential_analysis([9, 2], [1, 0.5]), "look 1 stopped it"),
        (lambda: sequential_analysis([1, 1, 1], [1, 0.5, 0.4], planned_information=3),
         "not reached before the last look"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]


def test_looks_that_are_near_each_other_keep_their_digits() -> None:
    # With as many nodes as for far looks the last boundary came out as 2.1895.
    found = sequential_design([0.5, 0.5001, 1.0], spending="pocock").to_frame()["boundary"]
    np.testing.assert_allclose(found, [2.15699922, 2.18869534, 2.20104377], atol=1e-8)
    upper = found.to_numpy()
    up, down = exits(np.array([0.5, 0.5001, 1.0]), upper, -upper, 0.0)
    assert up.sum() + down.sum() == pytest.approx(0.05, abs=1e-9)
    with pytest.raises(InputError, match="Looks as close as that are one look"):
        sequential_design([0.5, 0.50001, 1.0])


def test_more_information_than_planned_keeps_the_level() -> None:
    # The estimate lies on the last boundary, so that the final p-value is the whole alpha.
    information = 1 / np.array([0.5, 0.36]) ** 2
    table = sequential_analysis([0.1, 0.1], [0.5, 0.36], planned_information=5.0).to_frame()
    bound = table["boundary"].iloc[-1]
    upper = table["boundary"].to_numpy()[:2]
    up, down = exits(information, upper, -upper, 0.0)
    assert up.sum() + down.sum() == pytest.approx(0.05, abs=1e-9)
    last = sequential_analysis(
        [0.1, bound * 0.36], [0.5, 0.36], planned_information=5.0
    ).to_frame()  # fmt: skip
    assert last["p_value"].iloc[-1] == pytest.approx(0.05, abs=1e-6)


def test_sequential_input_is_checked() -> None:
    for wrong in ("a", -800.0, np.inf, np.nan):
        with pytest.raises(InputError, match="parameter"):
            sequential_design([0.5, 1], spending="hwang-shih-decani", parameter=wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="information: must be numbers"):
        sequential_design(["a", 1])  # type: ignore[list-item]
    with pytest.raises(InputError, match="n: must be one number, or one for each of 2 looks"):
        sequential_analysis([1.0, 1.0], [0.5, 0.36], n=[1, 2, 3])
    with pytest.raises(InputError, match="planned_information: must be a finite number"):
        sequential_analysis([1.0], [0.5], planned_information=np.inf)
    assert "n= was not given" in str(sequential_analysis([1.0], [0.5]))
    assert "n= was not given" not in str(sequential_analysis([1.0], [0.5], n=80))
