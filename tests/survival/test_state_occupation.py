"""State occupation: competing risks as a special case, hand-derived returns, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.survival.incidence import cumulative_incidence
from evalkit.survival.states import state_occupation

STAYS: dict[str, Any] = {
    "duration": "end",
    "cause": "to",
    "state": "state",
    "entry": "start",
    "id": "person",
}


def stays() -> pd.DataFrame:
    """Return three persons, one of whom comes back."""
    return pd.DataFrame(
        {
            "person": [1, 1, 1, 2, 3, 3],
            "start": [0, 30, 60, 0, 0, 45],
            "end": [30, 60, 100, 80, 45, 90],
            "state": ["sick", "work", "sick", "sick", "sick", "work"],
            "to": ["work", "sick", 0, "work", "work", 0],
        }
    )


def test_without_censoring_shares_are_counted() -> None:
    made = state_occupation(stays(), **STAYS).at([0, 29, 30, 45, 60, 80])
    sick = made[made["state"] == "sick"].set_index("time")
    np.testing.assert_allclose(sick["probability"], [1, 1, 2 / 3, 1 / 3, 2 / 3, 1 / 3], rtol=1e-12)
    share = sick["probability"]
    np.testing.assert_allclose(sick["std_error"], np.sqrt(share * (1 - share) / 3), atol=1e-12)


def test_competing_risks_are_a_special_case() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "days": rng.integers(1, 30, 200),
            "exit": rng.choice(["0", "work", "studies"], 200),
            "sex": rng.integers(0, 2, 200),
        }
    )
    frame["late"] = np.minimum(frame["days"] - 1, rng.integers(0, 5, 200))
    names: dict[str, Any] = {"duration": "days", "cause": "exit", "entry": "late", "by": "sex"}
    made = state_occupation(frame, **names).at([5, 10, 20])
    curve = cumulative_incidence(frame, **names).at([5, 10, 20])
    for state in ("work", "studies"):
        one = made[made["state"] == state].reset_index(drop=True)
        two = curve[curve["cause"] == state].reset_index(drop=True)
        np.testing.assert_allclose(one["probability"], two["cumulative_incidence"], rtol=1e-12)
        np.testing.assert_allclose(one["std_error"], two["std_error"], rtol=1e-10)
        np.testing.assert_allclose(one["conf_low"], two["conf_low"], rtol=1e-10)
    total = made.groupby(["sex", "time"])["probability"].sum()
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def test_order_and_cuts_do_not_matter() -> None:
    whole = state_occupation(stays(), **STAYS).at([20, 50, 70])
    pieces = pd.concat([stays(), pd.DataFrame([[2, 0, 33, "sick", 0]], columns=list(stays()))])
    pieces.iloc[3, 1] = 33
    cut = state_occupation(pieces.sample(frac=1, random_state=2), **STAYS).at([20, 50, 70])
    pd.testing.assert_frame_equal(whole, cut, rtol=1e-12)


def test_shares_beyond_the_last_time() -> None:
    made = state_occupation(stays(), **STAYS).at(101)
    assert made["probability"].isna().all()
    assert made["conf_low"].isna().all()
    out = stays().assign(to=["work", "sick", "dead", "dead", "work", "dead"])
    made = state_occupation(out, **STAYS).at(500)
    np.testing.assert_allclose(made["probability"], [0, 0, 1], atol=1e-12)


def test_result_prints_pickles_and_has_all_times() -> None:
    made = state_occupation(stays().assign(sex="f"), by="sex", **STAYS)
    assert "2 states by sex" in repr(made)
    assert "3 persons" in repr(made)
    assert len(repr(made).splitlines()) <= 15
    assert "<table>" in made._repr_html_()
    frame = made.to_frame()
    assert list(frame) == ["sex", "state", "time", "probability"]
    assert sorted(frame["time"].unique()) == [30, 45, 60, 80, 90, 100]
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(made)).to_frame(), frame)


def test_stays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"follow each other.*row 1"):
        state_occupation(stays().assign(start=[0, 20, 60, 0, 0, 45]), **STAYS)
    with pytest.raises(InputError, match=r"begin in the state moved to.*row 2"):
        state_occupation(
            stays().assign(state=["sick", "work", "work", "sick", "sick", "work"]), **STAYS
        )
    with pytest.raises(InputError, match="Did you mean 'state'"):
        state_occupation(stays(), **STAYS | {"state": "states"})
    with pytest.raises(InputError, match="one of 'log-log'"):
        state_occupation(stays(), ci="wald", **STAYS)
