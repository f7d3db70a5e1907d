"""Change against R: t tests, noncentral t, Svensson's definitions person by person, ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.scales.before_after import change
from evalkit.scales.ordinal_changes import ordinal_change
from evalkit.scales.wave_comparisons import wave_difference

HERE = Path(__file__).parents[1] / "reference" / "scales"
SCORES = pd.read_csv(HERE / "change_scores.csv")
EXPECTED = pd.read_csv(HERE / "change_expected.csv").set_index(["set", "quantity"])["value"]


def data(name: str) -> pd.DataFrame:
    """Return a data set."""
    return SCORES[SCORES["set"] == name].drop(columns="set").reset_index(drop=True)


@pytest.mark.parametrize("name", ["scores", "small"])
def test_change(name: str) -> None:
    known = EXPECTED[name]
    for level in (0.9, 0.95):
        result = change(data(name), before="before", after="after", level=level)
        row = result.to_frame().set_index("term").loc["mean_change"]
        assert row["conf_low"] == pytest.approx(known[f"change_low_{level:g}"], rel=1e-10)
        assert row["conf_high"] == pytest.approx(known[f"change_high_{level:g}"], rel=1e-10)
    frame = result.to_frame().set_index("term")
    assert frame.loc["mean_change", "estimate"] == pytest.approx(known["change"], rel=1e-10)
    assert frame.loc["mean_change", "statistic"] == pytest.approx(known["change_t"], rel=1e-10)
    assert frame.loc["mean_change", "p_value"] == pytest.approx(known["change_p"], rel=1e-9)
    for term in ("srm", "d_before", "d_av", "d_rm"):
        assert frame.loc[term, "estimate"] == pytest.approx(known[term], rel=1e-10)
        corrected = known[term] * known["hedges"]
        assert frame.loc[term, "hedges"] == pytest.approx(corrected, rel=1e-10)
    assert frame.loc["srm", "conf_low"] == pytest.approx(known["srm_low"], rel=1e-6, abs=1e-8)
    assert frame.loc["srm", "conf_high"] == pytest.approx(known["srm_high"], rel=1e-6)
    for term in ("d_before", "d_av"):
        assert frame.loc[term, "std_error"] == pytest.approx(known[f"{term}_se"], rel=1e-10)
    # numerical derivatives in R
    assert frame.loc["d_rm", "std_error"] == pytest.approx(known["d_rm_se"], rel=1e-7)


@pytest.mark.parametrize("name", ["up", "middle", "small_table"])
def test_svensson(name: str) -> None:
    known = EXPECTED[name]
    result = ordinal_change(data(name), before="before", after="after", levels=[1, 2, 3, 4, 5])
    frame = result.to_frame().set_index("term")
    for term, short in (
        ("relative_position", "rp"),
        ("relative_concentration", "rc"),
        ("relative_rank_variance", "rv"),
    ):
        assert frame.loc[term, "estimate"] == pytest.approx(known[short], rel=1e-10)
        assert frame.loc[term, "std_error"] == pytest.approx(known[f"{short}_se"], rel=1e-10)


def test_waves() -> None:
    scores, ordered = data("scores"), data("up")
    means = pd.DataFrame(
        {
            "wave": [0] * 40 + [1] * 25,
            "y": np.concatenate([scores["before"], scores["after"][:25]]),
        }
    )
    result = wave_difference(means, score="y", wave="wave", before=0, after=1, people="different")
    row = result.to_frame().set_index("term").loc["difference"]
    known = EXPECTED["waves"]
    for column, quantity in (
        ("estimate", "welch"),
        ("conf_low", "welch_low"),
        ("conf_high", "welch_high"),
        ("df", "welch_df"),
        ("p_value", "welch_p"),
    ):
        assert row[column] == pytest.approx(known[quantity], rel=1e-10)
    answers = pd.DataFrame(
        {
            "wave": [0] * 35 + [1] * 28,
            "y": np.concatenate([ordered["before"], ordered["after"][:28]]),
        }
    )
    result = wave_difference(
        answers, score="y", wave="wave", before=0, after=1, measure="ordinal", people="different"
    )
    (row,) = result.to_frame().to_dict("records")
    for column, quantity in (
        ("estimate", "bm"),
        ("std_error", "bm_se"),
        ("df", "bm_df"),
        ("p_value", "bm_p"),
    ):
        assert row[column] == pytest.approx(known[quantity], rel=1e-10)
