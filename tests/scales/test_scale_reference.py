"""Scores beside those of R: psych's, and eq5d's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.scales import instrument, score

REFERENCE = Path(__file__).parents[1] / "reference/scales"
ANSWERS = pd.read_csv(REFERENCE / "scale_scores_psych_answers.csv")
MEANS = pd.read_csv(REFERENCE / "scale_scores_psych_expected.csv")
STATES = pd.read_csv(REFERENCE / "scale_scores_eq5d_states.csv", dtype={"state": str})
INDICES = pd.read_csv(REFERENCE / "scale_scores_eq5d_expected.csv", dtype={"state": str})

PAIRS = list(MEANS[["instrument", "scale"]].drop_duplicates().itertuples(index=False, name=None))


@pytest.mark.parametrize(("name", "part"), PAIRS)
def test_means_of_the_answered_points_are_those_of_psych(name: str, part: str) -> None:
    scale = instrument(name)
    given = ANSWERS[ANSWERS["instrument"] == name]
    wide = given.pivot(index="id", columns="item", values="code")
    frame = score(wide.set_axis(list(scale.items), axis=1), scale).to_frame()
    if scale.subscales:
        frame = frame[frame["scale"] == part]
    chosen = scale.part(part)
    expected = MEANS[(MEANS["instrument"] == name) & (MEANS["scale"] == part)].set_index("id")
    found = frame.loc[expected.index]
    assert found["n_answered"].tolist() == expected["answered"].tolist()
    k = len(chosen.items)
    times = chosen.multiplier * (1 if chosen.formula == "mean" else k)
    enough = (expected["answered"] >= chosen.needed).to_numpy()
    np.testing.assert_allclose(
        found["score"].to_numpy()[enough] / times, expected["mean"].to_numpy()[enough], rtol=1e-10
    )
    assert found["score"].isna().to_numpy().tolist() == (~enough).tolist()
    assert enough.sum() >= 12


@pytest.mark.parametrize("value_set", ["Sweden 2014", "Sweden 2020", "Sweden 2022"])
def test_indices_are_those_of_eq5d(value_set: str) -> None:
    expected = INDICES[INDICES["value_set"] == value_set]
    (version,) = expected["version"].unique()
    states = STATES[STATES["version"] == version]
    assert states["state"].tolist() == expected["state"].tolist()
    items = ["MO", "SC", "UA", "PD", "AD"]
    found = score(states, f"EQ-5D-{version}", items=items, value_set=value_set).score
    np.testing.assert_allclose(found, expected["index"], rtol=1e-10, atol=1e-12)
