"""Non-inferiority and equivalence: tests and intervals say the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.trials.effect_measures import effect
from evalkit.trials.margins import equivalence, non_inferiority
from evalkit.trials.trial_result import TrialEffect


def trial(shift: float = 0.3) -> TrialEffect:
    rng = np.random.default_rng(2)
    df = pd.DataFrame({"arm": np.repeat(["g", "i"], 60), "y": rng.normal(size=120)})
    df.loc[df["arm"] == "g", "y"] += shift
    return effect(df, outcome="y", arm="arm", control="i")


def ratio(low: float, high: float, level: float = 0.95) -> EffectTable:
    z = stats.norm.isf((1 - level) / 2)
    error = np.log(high / low) / (2 * z)
    return EffectTable.of(
        {"estimate": np.sqrt(low * high), "std_error": error, "conf_low": low, "conf_high": high,
         "scale": "ratio"},
        estimand="Hazard ratio", method="Cox", level=level, n_used=100,
    )  # fmt: skip


def test_non_inferiority_is_a_shifted_t_test() -> None:
    result = trial()
    row = non_inferiority(result, margin=0.5, higher="better").to_frame().iloc[0]
    t = (row["estimate"] + 0.5) / row["std_error"]
    assert row["margin_statistic"] == pytest.approx(t)
    assert row["p_margin"] == pytest.approx(stats.t.sf(t, row["df"]))
    assert row["conclusion"] == "non-inferior"
    assert row["p_value"] == result.to_frame()["p_value"].item()


@pytest.mark.parametrize("shift", [-1.0, -0.4, 0.0, 0.4])
@pytest.mark.parametrize("margin", [0.05, 0.3, 0.8])
def test_the_interval_says_the_same(shift: float, margin: float) -> None:
    result = trial(shift)
    row = result.to_frame().iloc[0]
    better = non_inferiority(result, margin=margin, higher="better").to_frame()
    assert (better["conclusion"].item() == "non-inferior") == (row["conf_low"] > -margin)
    worse = non_inferiority(result, margin=margin, higher="worse").to_frame()
    assert (worse["conclusion"].item() == "non-inferior") == (row["conf_high"] < margin)
    both = equivalence(result, margin=margin, alpha=0.025).to_frame()
    inside = row["conf_low"] > -margin and row["conf_high"] < margin
    assert (both["conclusion"].item() == "equivalent") == inside


def test_equivalence_by_unequal_margins() -> None:
    row = equivalence(trial(), margin=(-0.2, 0.9)).to_frame().iloc[0]
    low = stats.t.sf((row["estimate"] + 0.2) / row["std_error"], row["df"])
    high = stats.t.cdf((row["estimate"] - 0.9) / row["std_error"], row["df"])
    assert row["p_margin"] == pytest.approx(max(low, high))
    assert (row["margin_low"], row["margin_high"]) == (-0.2, 0.9)


def test_ratios_are_compared_on_the_log_scale() -> None:
    """A hazard ratio of 0.86 to 1.21: not worse than 1.25, and within 0.8 to 1.25."""
    result = ratio(0.86, 1.21)
    row = non_inferiority(result, margin=1.25, higher="worse").to_frame().iloc[0]
    z = (np.log(1.25) - np.log(row["estimate"])) / row["std_error"]
    assert row["p_margin"] == pytest.approx(stats.norm.sf(z))
    assert row["conclusion"] == "non-inferior"
    assert equivalence(result, margin=1.25).to_frame()["conclusion"].item() == "equivalent"
    with pytest.raises(InputError, match="margin: must be a ratio below 1"):
        non_inferiority(result, margin=1.25, higher="better")


def test_score_intervals_decide_by_themselves() -> None:
    made = ratio(0.9, 1.2)
    odd = EffectTable.of(
        {"estimate": 1.0, "std_error": 0.3, "conf_low": 0.9, "conf_high": 1.2, "scale": "ratio"},
        estimand="Risk ratio", method="score", level=0.95, n_used=100,
    )  # fmt: skip
    frame = non_inferiority(odd, margin=0.8, higher="better").to_frame()
    assert frame["conclusion"].item() == "non-inferior"
    assert np.isnan(frame["p_margin"].item())
    with pytest.raises(InputError, match=r"made with level=0\.9"):
        non_inferiority(odd, margin=0.8, higher="better", alpha=0.05)
    assert not np.isnan(equivalence(made, margin=1.3).to_frame()["p_margin"].item())


@pytest.mark.parametrize("margin", [0.0, -0.5, np.nan, "big"])
def test_margins_on_the_wrong_side(margin: object) -> None:
    with pytest.raises(InputError, match="margin: must be a difference above 0"):
        non_inferiority(trial(), margin=margin, higher="better")  # pyright: ignore
    with pytest.raises(InputError, match="margin: must be "):
        equivalence(trial(), margin=margin)  # pyright: ignore


def test_what_came_in_is_kept_and_said() -> None:
    result = non_inferiority(trial(), margin=0.5, higher="better")
    assert isinstance(result, TrialEffect)
    assert result.notes[-1] == (
        "Non-inferiority, margin 0.5, higher = better, one-sided level 0.025: shown."
    )
    assert "conclusion" not in trial().to_frame()


def test_several_arms_are_named() -> None:
    rng = np.random.default_rng(2)
    df = pd.DataFrame({"arm": np.repeat(["a", "b", "c"], 40), "y": rng.normal(size=120)})
    df.loc[df["arm"] == "b", "y"] -= 3
    result = effect(df, outcome="y", arm="arm", control="c")
    note = non_inferiority(result, margin=1.0, higher="better").notes[-1]
    assert note.endswith("shown for a - c.")


def test_mixed_scales() -> None:
    both = EffectTable.of(
        {"estimate": [1.0, 2.0], "std_error": 0.1, "conf_low": 0.8, "conf_high": 2.2,
         "scale": ["ratio", "difference"]},
        estimand="x", method="y", level=0.95, n_used=9,
    )  # fmt: skip
    with pytest.raises(InputError, match="all differences, ratios or probabilities"):
        equivalence(both, margin=2.0)


def test_probabilities_are_compared_with_one_half() -> None:
    index = EffectTable.of(
        {"estimate": 0.52, "std_error": 0.03, "df": 80.0, "conf_low": 0.4603, "conf_high": 0.5797,
         "scale": "probability"},
        estimand="Probabilistic index", method="Brunner-Munzel", level=0.95, n_used=82,
    )  # fmt: skip
    row = non_inferiority(index, margin=0.42, higher="better").to_frame().iloc[0]
    assert row["p_margin"] == pytest.approx(stats.t.sf(0.1 / 0.03, 80))
    both = equivalence(index, margin=0.6).to_frame().iloc[0]
    assert (both["margin_low"], both["conclusion"]) == (0.4, "equivalent")
    with pytest.raises(InputError, match="a probability below one half"):
        non_inferiority(index, margin=0.6, higher="better")


@pytest.mark.parametrize("margin", [(0.2,), (-1.0, "b"), "wide"])
def test_margins_that_are_no_numbers(margin: object) -> None:
    with pytest.raises(InputError, match="margin: must be a number or two of them"):
        equivalence(trial(), margin=margin)  # pyright: ignore
