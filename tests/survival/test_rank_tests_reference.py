"""Log-rank tests, their family and Gray's test against R, to 1e-10; sources are in the script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.gray import gray_scores
from evalkit.survival.gray import gray_test
from evalkit.survival.risk_tables import read_compared
from evalkit.survival.tests import logrank, logrank_pairwise, logrank_trend

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
EXPECTED = pd.read_csv(REFERENCE / "rank_tests_expected.csv", keep_default_na=False)
KEYS = ["data", "test", "strata", "rho", "gamma", "source"]
CASES = list(EXPECTED[EXPECTED["source"] != "finegray"].groupby(KEYS, sort=False).groups)


def data(name: str) -> pd.DataFrame:
    """Return the input of some cases."""
    if name == "lung":
        lung = pd.read_csv(REFERENCE / "curves_lung.csv")
        return lung.assign(event=lung["status"], group=lung["sex"])
    if name == "mgus2":
        frame = pd.read_csv(REFERENCE / "incidence_mgus2.csv")
        frame["stratum"] = (frame["age"] > 70).astype(int)
    else:
        frame = pd.read_csv(REFERENCE / "incidence_spells.csv")
        frame = frame[frame["set"] == name]
    return frame.assign(event=(frame["cause"] > 0).astype(int))


def close(got: Any, expected: pd.Series, *, atol: float = 0.0) -> None:
    np.testing.assert_allclose(got, expected.to_numpy(dtype=float), rtol=1e-10, atol=atol)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(str(part) for part in case))
def test_against_r(case: tuple[str, str, str, float, float, str]) -> None:
    name, test, strata, rho, gamma, _ = case
    rows = EXPECTED.set_index(KEYS).loc[[case]].set_index("quantity")
    options: dict[str, Any] = {"by": "group", "strata": strata or None, "rho": rho}
    if test == "gray":
        gray = gray_test(data(name), duration="time", cause="cause", **options).to_frame()
        for quantity in ("statistic", "df"):
            close(gray[quantity], rows.loc[quantity, "value"])
        close(gray["p_value"], rows.loc["p_value", "value"], atol=1e-15)  # cuminc's is 1 - cdf
        assert gray["cause"].astype(str).tolist() == rows.loc["df", "cause"].tolist()
        return
    options |= {"duration": "time", "event": "event", "gamma": gamma}
    if test == "pairwise":
        for quantity in set(rows.index):
            method = "none" if quantity == "statistic" else quantity
            pairs = logrank_pairwise(data(name), adjustment=method, **options).to_frame()
            assert (pairs["group"] + " v " + pairs["reference"]).tolist() == rows.loc[
                quantity, "cause"
            ].tolist()
            column = "statistic" if quantity == "statistic" else "p_adjusted"
            close(pairs[column], rows.loc[quantity, "value"])
        return
    if test == "case":
        options["weights"] = "copies"
    if test.startswith("late"):
        options["entry"] = "entry"
    made = (logrank_trend if test.endswith("trend") else logrank)(data(name), **options)
    close([made.statistic], rows.loc[["statistic"], "value"])
    if "df" in rows.index:
        close([made.df], rows.loc[["df"], "value"])
        close([made.p_value], rows.loc[["p_value"], "value"])
        close(made.groups["observed"], rows.loc["observed", "value"])
        close(made.groups["expected"], rows.loc["expected", "value"])


@pytest.mark.parametrize("cause", [1, 2])
def test_grays_scores_with_delayed_entry(cause: int) -> None:
    frame = pd.read_csv(REFERENCE / "rank_tests_late.csv")
    found = read_compared(frame, duration="time", cause="exit", by="group", entry="entry")
    scores = gray_scores(found.tables, cause - 1)
    rows = EXPECTED[EXPECTED["test"] == f"gray late {cause}"].set_index("quantity")
    assert list(found.levels) == rows.loc["observed", "cause"].tolist()
    close(scores.observed, rows.loc["observed", "value"])
    close(scores.expected, rows.loc["expected", "value"])
