"""Synthetic spells: the same for the same seed, said to be synthetic, and true to their truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit import synthetic
from evalkit.errors import InputError
from evalkit.synthetic.spells import CAUSES

COLUMNS = ["person", "sex", "age", "diagnosis", "benefit", "office", "arm", "start", "entry"]
COLUMNS += ["duration", "event", "cause", "exit"]
DAYS = [90, 180, 365, 700]


@pytest.fixture(scope="module")
def truth() -> synthetic.SpellTruth:
    return synthetic.spell_truth(office_sd=0.3, rng=7)


@pytest.fixture(scope="module")
def inflow(truth: synthetic.SpellTruth) -> pd.DataFrame:
    return synthetic.synthetic_spells(40_000, rng=1, truth=truth)


def test_columns_and_values(inflow: pd.DataFrame) -> None:
    assert inflow.columns.tolist() == COLUMNS
    assert inflow["person"].is_unique
    assert not inflow.isna().any().any()
    assert set(inflow["cause"]) == {0, *CAUSES}
    assert (inflow["event"] == (inflow["cause"] > 0)).all()
    assert inflow.loc[inflow["cause"] == 1, "exit"].unique().tolist() == ["arbete"]
    assert (inflow["entry"] == 0).all()
    assert (inflow["duration"] >= 1).all()
    assert "Syntetiska" in inflow.attrs["notice"]


def test_the_window_closes_on_one_day_for_all(inflow: pd.DataFrame) -> None:
    ongoing = inflow[inflow["event"] == 0]
    assert (ongoing["start"] + ongoing["duration"] == 1461).all()
    assert (inflow["start"] + inflow["duration"] <= 1461).all()


def test_shares_are_those_of_the_truth(inflow: pd.DataFrame, truth: synthetic.SpellTruth) -> None:
    # Nobody is censored before day 731, so that shares of the sample estimate the truth.
    survival = truth.survival(inflow, DAYS)
    observed = np.array([(inflow["duration"] > day).mean() for day in DAYS])
    assert np.abs(observed - survival).max() < 4 * 0.5 / np.sqrt(len(inflow))
    incidence = truth.cumulative_incidence(inflow, DAYS)
    assert incidence.sum(axis=1) + survival == pytest.approx(1, rel=1e-12)
    for row, day in enumerate(DAYS):
        for column, cause in enumerate(CAUSES):
            share = ((inflow["duration"] <= day) & (inflow["cause"] == cause)).mean()
            assert share == pytest.approx(incidence[row, column], abs=4 * 0.5 / 200)


def test_the_mean_up_to_a_horizon_is_that_of_whole_days(
    inflow: pd.DataFrame, truth: synthetic.SpellTruth
) -> None:
    few = inflow.head(4000)
    mean = few["duration"].clip(upper=365).mean()
    assert mean == pytest.approx(truth.rmst(few, 365), abs=4 * 150 / np.sqrt(4000))


def test_the_stock_is_long_and_entry_makes_up_for_it(truth: synthetic.SpellTruth) -> None:
    stock = synthetic.synthetic_spells(20_000, rng=2, truth=truth, sample="stock")
    assert (stock["entry"] < stock["duration"]).all()
    assert (stock["start"] + stock["entry"] == 0).all()
    observed = stock[stock["event"] == 1]["duration"].median()
    inflow = synthetic.synthetic_spells(20_000, rng=3, truth=truth)
    assert observed > 2 * inflow.loc[inflow["event"] == 1, "duration"].median()
    # People of the inflow at risk in (180, 365] and of the stock leave equally fast.
    rates = []
    for sample in (inflow, stock):
        days = (sample["duration"].clip(180, 365) - sample["entry"].clip(180, 365)).sum()
        exits = ((sample["event"] == 1) & sample["duration"].between(181, 365)).sum()
        rates.append(exits / days)
    assert rates[1] == pytest.approx(rates[0], rel=0.1)


def test_the_seed_decides() -> None:
    first, again, other = (
        synthetic.synthetic_spells(300, rng=rng, sample="both") for rng in (5, 5, 6)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert ((first["entry"] > 0).sum()) == 150


def test_confounding_makes_the_arms_differ() -> None:
    spells = synthetic.synthetic_spells(20_000, rng=4, confounding=0.5)
    ages = spells.groupby("arm", observed=True)["age"].mean()
    assert ages["samverkan"] - ages["ordinarie"] > 3
    trial = synthetic.synthetic_spells(20_000, rng=4)
    ages = trial.groupby("arm", observed=True)["age"].mean()
    assert abs(ages["samverkan"] - ages["ordinarie"]) < 1


def test_the_truth_is_known_on_whole_days() -> None:
    truth, people = synthetic.spell_truth(), synthetic.synthetic_spells(5, rng=1)
    for times in (2.5, -1, "2"):
        with pytest.raises(InputError, match="times: must be whole numbers"):
            truth.survival(people, times)
    with pytest.raises(InputError, match="tau: must be whole numbers"):
        truth.rmst(people, 2.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n: must be whole numbers of at least 1"),
        ({"n": 2.5}, "n: must be whole numbers of at least 1"),
        ({"window": 90.5}, "window: must be whole numbers"),
        ({"confounding": float("nan")}, "confounding: must be finite"),
        ({"sample": "all"}, "sample: must be 'inflow', 'stock' or 'both'"),
        ({"window": 2000}, "window: must be at least 1 day"),
        ({"rng": -1}, "rng: must be a whole number"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        synthetic.synthetic_spells(**{"n": 10, "rng": 1} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_offices": 0}, "n_offices: must be whole numbers of at least 1"),
        ({"effect": float("nan")}, "effect: must be finite"),
        ({"office_sd": -1.0}, "office_sd: must be at least 0"),
        ({"effect": [1.0, 2.0]}, "effect: must be one or 4 numbers"),
    ],
)
def test_bad_truths(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        synthetic.spell_truth(**arguments)


def test_unknown_columns_are_named() -> None:
    with pytest.raises(InputError, match="'office'"):
        synthetic.spell_truth().survival(pd.DataFrame({"sex": []}), [1])
