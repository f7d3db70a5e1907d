"""Cumulative incidence, time lost and state occupation against R.

The script, its inputs and its output are in tests/reference/survival; ``source`` says which
function gave a value. Everything is closed form: rtol 1e-10, and 1e-15 absolute for what is 0 up to
rounding. Difference quotients ("derivative") hold to 1e-6, and to 1e-12 where they are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.survival.incidence import CumulativeIncidence, cumulative_incidence
from evalkit.survival.states import state_occupation
from evalkit.survival.time_lost import days_lost

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
EXPECTED = pd.read_csv(REFERENCE / "incidence_expected.csv", keep_default_na=False)
EXPECTED = EXPECTED[~EXPECTED["value"].isin(["NA", "NaN"])]  # R has no limits at incidences of 0
COLUMN = {"estimate": "cumulative_incidence", "std_error": "std_error", "variance": "std_error"}
OPTIONS: dict[str, dict[str, str]] = {
    "plain": {},
    "by": {"by": "group"},
    "km": {},
    "aalen": {"variance": "aalen"},
    "greenwood": {"variance": "greenwood", "entry": "entry"},
    "late": {"entry": "entry"},
    "sampling": {"weights": "weight", "weights_kind": "sampling"},
    "late sampling": {"weights": "weight", "weights_kind": "sampling", "entry": "entry"},
    "cluster": {"cluster": "cluster"},
    "late sampling cluster": {
        "weights": "weight",
        "weights_kind": "sampling",
        "entry": "entry",
        "cluster": "cluster",
    },
    "case": {"weights": "copies"},
    "late case": {"weights": "copies", "entry": "entry"},
}


def data(name: str) -> pd.DataFrame:
    """Return the input of some cases."""
    if name == "mgus2":
        return pd.read_csv(REFERENCE / "incidence_mgus2.csv")
    spells = pd.read_csv(REFERENCE / "incidence_spells.csv")
    return spells[spells["set"] == name]


def cases(*, lost: bool) -> list[tuple[str, str]]:
    """List data and case of the values."""
    rows = EXPECTED[EXPECTED["data"] != "stays"]
    if lost:
        rows = rows[rows["quantity"].str.startswith("time_lost")]
    return list(dict.fromkeys(zip(rows["data"], rows["case"], strict=True)))


def agree(
    got: list[float], expected: pd.DataFrame, *, rtol: float = 1e-10, atol: float = 1e-15
) -> None:
    values = expected["value"].to_numpy(dtype=float)
    np.testing.assert_allclose(got, values, rtol=rtol, atol=atol)


def look_up(
    found: Callable[[float], pd.DataFrame], expected: pd.DataFrame, column: Callable[[str], str]
) -> list[float]:
    """Find the values that R gives in our frames."""
    frames = {t: found(float(t)) for t in expected["time"].unique()}
    got: list[float] = []
    for row in expected.itertuples():
        frame = frames[row.time]
        frame = frame[frame["cause"].astype(str) == str(row.cause)]
        if row.group:
            frame = frame[frame["group"] == row.group]
        (value,) = frame[column(str(row.quantity))]
        got.append(value**2 if row.quantity == "variance" else value)
    return got


@pytest.mark.parametrize(("name", "case"), cases(lost=False))
def test_incidence(name: str, case: str) -> None:
    expected = EXPECTED[(EXPECTED["data"] == name) & (EXPECTED["case"] == case)]
    expected = expected[expected["quantity"].isin(COLUMN)]
    frame = data(name)
    if case == "km":
        frame = frame.assign(cause=(frame["cause"] > 0).astype(int))
    made = cumulative_incidence(frame, duration="time", cause="cause", **OPTIONS[case])
    agree(look_up(made.at, expected, COLUMN.__getitem__), expected)


@pytest.mark.parametrize("name", ["mgus2", "ties", "fine"])
@pytest.mark.parametrize("scale", ["log", "plain", "arcsin", "log-log"])
def test_limits(name: str, scale: str) -> None:
    expected = EXPECTED[
        (EXPECTED["data"] == name) & EXPECTED["quantity"].isin([f"low_{scale}", f"high_{scale}"])
    ]
    assert len(expected)
    frame = data(name)
    if scale == "log-log":
        frame = frame.assign(cause=(frame["cause"] > 0).astype(int))
    made: CumulativeIncidence = cumulative_incidence(
        frame,
        duration="time",
        cause="cause",
        ci="arcsine" if scale == "arcsin" else scale,
        level=0.95 if scale == "log-log" else 0.9,
    )
    got = look_up(made.at, expected, lambda name: f"conf_{name.split('_')[0]}")
    agree(got, expected)


@pytest.mark.parametrize(("name", "case"), cases(lost=True))
def test_time_lost(name: str, case: str) -> None:
    expected = EXPECTED[(EXPECTED["data"] == name) & (EXPECTED["case"] == case)]
    expected = expected[expected["quantity"].str.startswith("time_lost")]
    frame = data(name)

    def found(tau: float) -> pd.DataFrame:
        return days_lost(frame, duration="time", cause="cause", tau=tau, **OPTIONS[case]).to_frame()

    columns = {"time_lost": "estimate", "time_lost_se": "std_error"}
    agree(look_up(found, expected, columns.__getitem__), expected)


@pytest.mark.parametrize("name", ["late", "mixed"])
@pytest.mark.parametrize("source", ["survfit", "derivative"])
def test_state_occupation(name: str, source: str) -> None:
    stays = pd.read_csv(REFERENCE / "incidence_stays.csv", dtype={"to": str})
    made = state_occupation(
        stays[stays["set"] == name],
        duration="time",
        cause="to",
        state="state",
        entry="entry",
        id="id",
    )
    expected = EXPECTED[
        (EXPECTED["data"] == "stays") & (EXPECTED["case"] == name) & (EXPECTED["source"] == source)
    ]
    got = look_up(
        lambda t: made.at(t).rename(columns={"state": "cause", "probability": "estimate"}),
        expected,
        str,
    )
    if source == "derivative":
        agree(got, expected, rtol=1e-6, atol=1e-12)
    else:
        agree(got, expected)


def test_published_values_of_mgus2() -> None:
    made = cumulative_incidence(data("mgus2"), duration="time", cause="cause").at([60, 120, 240])
    malignancy = made[made["cause"] == 1]
    rounded = malignancy[["cumulative_incidence", "std_error"]].round(7).to_numpy().T.tolist()
    assert rounded == [[0.0341037, 0.0637222, 0.0998137], [0.0048893, 0.0067968, 0.0097848]]
    by_cmprsk = cumulative_incidence(
        data("mgus2"), duration="time", cause="cause", variance="aalen"
    ).at([60, 120, 240])
    errors = by_cmprsk[by_cmprsk["cause"] == 1]["std_error"].round(7)
    assert errors.tolist() == [0.0048908, 0.0067994, 0.0098061]
