"""Pseudo-values and regressions on them against R's survival::pseudo and geepack::geese.

Pseudo-values are closed form (1e-10; R's cancel a little where they are near 0, hence 1e-12
absolute). Regressions are iterative: 1e-6.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.survival.pseudo import pseudo_values
from evalkit.survival.pseudo_models import pseudo_regression

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
VALUES = pd.read_csv(REFERENCE / "pseudo_values_expected.csv")
FITS = pd.read_csv(REFERENCE / "pseudo_regression_expected.csv", dtype={"times": str})
KEYS = ["data", "measure", "link", "times", "weighted", "cluster"]
OF_A_CAUSE = ("cumulative_incidence", "days_lost")


def data(name: str) -> pd.DataFrame:
    """Return the input of some cases."""
    if name == "mgus2":
        frame = pd.read_csv(REFERENCE / "incidence_mgus2.csv")
        return frame.assign(
            x=frame["age"],
            cluster=frame["id"] % 60,
            weight=0.5 + (frame["id"] % 7) / 5,
        )
    spells = pd.read_csv(REFERENCE / "incidence_spells.csv")
    return spells[spells["set"] == name]


@pytest.mark.parametrize("case", list(VALUES.groupby(["data", "measure", "late"]).groups), ids=str)
def test_pseudo_values(case: tuple[str, str, int]) -> None:
    name, measure, late = case
    rows = VALUES.set_index(["data", "measure", "late"]).loc[[case]]
    expected = rows.pivot(index="row", columns="time", values="value")
    made = pseudo_values(
        data(name).reset_index(drop=True),
        duration="time",
        cause="cause",
        measure=measure,
        times=expected.columns.to_numpy(dtype=float),
        event_of_interest=1 if measure in OF_A_CAUSE else None,
        entry="entry" if late else None,
    ).to_frame()
    np.testing.assert_allclose(made.loc[expected.index], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", list(FITS.groupby(KEYS).groups), ids=str)
def test_pseudo_regression(case: tuple[str, str, str, str, int, int]) -> None:
    name, measure, link, times, weighted, cluster = case
    expected = FITS.set_index(KEYS).loc[[case]]
    horizons = [float(time) for time in times.split()]
    made = pseudo_regression(
        "x + group",
        data(name),
        duration="time",
        cause="cause",
        measure=measure,
        link=link,
        times=horizons,
        event_of_interest=1 if measure in OF_A_CAUSE else None,
        weights="weight" if weighted else None,
        cluster="cluster" if cluster else None,
    ).to_frame()
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(made[column], expected[column], rtol=1e-6)
