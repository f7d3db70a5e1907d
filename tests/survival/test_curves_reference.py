"""Kaplan-Meier, Nelson-Aalen and what is read off them equal R's survival and KMsurv.

Everything here is a closed form: relative tolerance 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.numeric import normal_quantile, two_sided_p
from evalkit.survival.curve_results import KaplanMeier
from evalkit.survival.curves import kaplan_meier
from evalkit.survival.hazards import nelson_aalen
from evalkit.survival.life_tables import life_table

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
CASES = pd.read_csv(REFERENCE / "curves_cases.csv").replace({np.nan: None})
CURVES = pd.read_csv(REFERENCE / "curves_expected.csv", dtype={"group": str})
READINGS = pd.read_csv(REFERENCE / "curves_read_expected.csv", dtype={"group": str})
LIFE_TABLES = pd.read_csv(REFERENCE / "curves_life_table_expected.csv")
RTOL = 1e-10
CLASSES = [40, 90, 150]


def table(name: str) -> pd.DataFrame:
    """Return the data of a case."""
    if name == "lung":
        return pd.read_csv(REFERENCE / "curves_lung.csv").rename(columns={"status": "event"})
    spells = pd.read_csv(REFERENCE / "curves_spells.csv")
    return spells[spells["start"] < spells["time"]] if name == "late" else spells


def arguments(case: pd.Series) -> dict[str, object]:
    """Return the arguments of a case that all functions share."""
    names = {"entry": "entry", "by": "by", "weights": "weights", "cluster": "cluster"}
    return {
        "duration": "time",
        "event": "event",
        "weights_kind": case["kind"],
        "level": case["level"],
        **{argument: case[column] for argument, column in names.items()},
    }


def fitted(case: pd.Series) -> KaplanMeier:
    """Fit a case."""
    return kaplan_meier(table(case["data"]), ci=case["ci"], **arguments(case))


def as_r(km: KaplanMeier, read: Callable[[KaplanMeier], pd.DataFrame]) -> pd.DataFrame:
    """Read every curve at the level at which its quantile is R's.

    With clusters evalkit takes quantiles of Student's t, R normal ones.
    """
    z = normal_quantile(km.level)
    parts = [
        replace(km, curves=(curve,), level=1 - float(two_sided_p(z, curve.df)))
        for curve in km.curves
    ]
    return pd.concat([read(part) for part in parts], ignore_index=True)


def groups(frame: pd.DataFrame, case: pd.Series) -> pd.Series:
    """Return the group of each row as R's files name it."""
    if case["by"] is None:
        return pd.Series("all", index=frame.index)
    return frame[case["by"]].astype(str)


def close(found: pd.Series | np.ndarray, expected: pd.Series | np.ndarray) -> None:
    """Check equality to the tolerance, missing values included."""
    np.testing.assert_allclose(
        np.asarray(found, dtype=float), np.asarray(expected, dtype=float), rtol=RTOL, atol=1e-14
    )


@pytest.fixture(params=range(len(CASES)), ids=CASES["case"].tolist())
def case(request: pytest.FixtureRequest) -> pd.Series:
    return CASES.iloc[request.param]


def read(case: pd.Series, what: str) -> pd.DataFrame:
    """Return R's readings of one kind."""
    return READINGS[(READINGS["case"] == case["case"]) & (READINGS["what"] == what)]


def test_the_curve(case: pd.Series) -> None:
    expected = CURVES[CURVES["case"] == case["case"]]
    found = as_r(fitted(case), KaplanMeier.to_frame)
    assert groups(found, case).tolist() == expected["group"].tolist()
    for name in ("time", "at_risk", "events", "censored", "survival"):
        close(found[name], expected[name])
    # R has 0 for the robust error of a survival of 0, and no log-log limits of a survival of 1.
    inside = (expected["survival"] > 0).to_numpy()
    close(found["std_error"][inside], expected["std_error"][inside])
    assert found["std_error"][~inside].isna().all()
    certain = (expected["survival"] == 1).to_numpy()
    for name in ("conf_low", "conf_high"):
        close(found[name][inside & ~certain], expected[name][inside & ~certain])
        assert (found[name][certain] == 1).all()
        assert found[name][~inside].isna().all()


def test_the_cumulative_hazard(case: pd.Series) -> None:
    expected = CURVES[CURVES["case"] == case["case"]]
    found = nelson_aalen(table(case["data"]), **arguments(case)).to_frame()
    close(found["cumulative_hazard"], expected["cumulative_hazard"])
    close(found["std_error"], expected["hazard_std_error"])


def test_quantiles(case: pd.Series) -> None:
    expected = read(case, "quantile")
    found = as_r(fitted(case), lambda km: km.quantile([0.1, 0.25, 0.5, 0.75]))
    if case["kind"] == "sampling" and case["ci"] == "plain":
        # Where survival is 0, R has a robust error of 0, and so a last limit that evalkit lacks.
        none = found["conf_high"].isna().to_numpy()
        assert none.sum() == 1
        expected = expected.assign(conf_high=expected["conf_high"].mask(none))
    for name in ("estimate", "conf_low", "conf_high"):
        close(found[name], expected[name])


def test_restricted_means(case: pd.Series) -> None:
    km = fitted(case)
    expected = read(case, "rmst").set_index(["group", "x"])
    for curve in km.curves:
        group = str(curve.keys[case["by"]]) if case["by"] else "all"
        for tau in (60, 180.5):
            if tau > curve.limit.end:
                continue  # R takes the curve to stay level; evalkit refuses
            found = replace(km, curves=(curve,)).rmst(tau)
            close(found["estimate"], expected.loc[(group, tau), ["estimate"]])
            close(found["std_error"], expected.loc[(group, tau), ["std_error"]])


@pytest.mark.parametrize("what", ["survival", "conditional"])
def test_survival_at_days(case: pd.Series, what: str) -> None:
    expected = read(case, what)
    km = fitted(case)
    km = km if what == "survival" else km.conditional(44.5)
    found = as_r(km, lambda km: km.at([60, 180.5]))
    found["group"] = groups(found, case)
    merged = expected.merge(found, left_on=["group", "x"], right_on=["group", "time"], how="outer")
    known = merged["estimate"].notna()  # R leaves out days beyond the last observed one
    assert merged.loc[~known, "survival"].fillna(0).eq(0).all()
    merged = merged[known & (merged["estimate"] > 0)]
    close(merged["survival"], merged["estimate"])
    for name in ("std_error", "conf_low", "conf_high"):
        close(merged[f"{name}_y"], merged[f"{name}_x"])


@pytest.mark.parametrize("what", ["at_risk", "events"])
def test_counts_at_days(case: pd.Series, what: str) -> None:
    if what == "at_risk" and case["entry"]:
        pytest.skip("between two exits R does not count those who enter")
    found = fitted(case).at([60, 180.5])
    found["group"] = groups(found, case)
    expected = read(case, what)
    merged = expected.merge(found, left_on=["group", "x"], right_on=["group", "time"])
    close(merged[what], merged["estimate"])


def test_shares_by_length(case: pd.Series) -> None:
    expected = read(case, "share")
    found = fitted(case).shares(CLASSES)
    if expected.empty:
        assert case["kind"] == "case"
        return
    known = found["estimate"].notna().to_numpy()
    close(found["estimate"][known], expected["estimate"][known])
    close(found["std_error"][known], expected["std_error"][known])


@pytest.mark.parametrize("name", ["lung", "spells"])
def test_life_tables(name: str) -> None:
    expected = LIFE_TABLES[LIFE_TABLES["data"] == name]
    found = life_table(table(name), duration="time", event="event", breaks=[90, 180, 365])
    frame = found.to_frame()
    for ours, theirs in {
        "at_risk": "nsubs",
        "exposed": "nrisk",
        "events": "nevent",
        "censored": "nlost",
        "hazard": "hazard",
        "hazard_std_error": "se.hazard",
    }.items():
        close(frame[ours], expected[theirs])
    # KMsurv states survival at the start of the interval.
    close(frame["survival"][:-1], expected["surv"][1:])
    close(frame["std_error"][:-1], expected["se.surv"][1:])
