"""Tipping points: where the conclusion changes, the map, and the figure."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.plots.tipping import tipping_map
from evalkit.trials.imputation import multiple_imputation
from evalkit.trials.tipping import tipping_point

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
OPTIONS: dict[str, Any] = {"arm": "arm", "control": "CAU", "covariates": "x + site", "rng": 1}


@cache
def shipped() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "missing_trial.csv").set_index("id")


def test_the_interval_ends_at_zero_at_the_tipping_point() -> None:
    df = shipped()
    result = tipping_point(df, outcome="y2", deltas=np.linspace(-5, 3, 9), **OPTIONS)
    tips = result.tips.set_index("direction")
    assert tips.loc["down", "conclusion"] == "higher"
    assert tips.loc["down", "conclusion_beyond"] == "inconclusive"
    delta = float(tips.loc["down", "tipping_delta"])
    at = multiple_imputation(df, outcome="y2", delta=delta, **OPTIONS).to_frame().iloc[0]
    assert at["conf_low"] == pytest.approx(0, abs=1e-9)
    assert at["p_value"] == pytest.approx(0.05, abs=1e-9)
    assert np.isnan(tips.loc["up", "tipping_delta"])
    assert tips.loc["up", "conclusion_beyond"] == ""


def test_the_map_equals_shifted_imputation() -> None:
    df = shipped()
    result = tipping_point(df, outcome="y2", deltas=[-2, 0, 2], control_deltas=[-1, 1], **OPTIONS)
    frame = result.to_frame()
    assert len(frame) == 6
    for row in frame.to_dict("records"):
        delta = {"ReDO": row["delta_arm"], "CAU": row["delta_control"]}
        one = multiple_imputation(df, outcome="y2", delta=delta, **OPTIONS).to_frame().iloc[0]
        for name in ("estimate", "std_error", "df", "p_value", "conf_low", "conf_high"):
            assert row[name] == pytest.approx(one[name], rel=1e-10)


def test_levels_tip_at_a_shift_tried() -> None:
    df = shipped()
    options = OPTIONS | {"covariates": "x"}
    result = tipping_point(df, outcome="b", kind="binary", **options)
    frame = result.to_frame()
    assert len(frame) == 17
    assert (np.diff(frame["estimate"]) >= 0).all()
    tip = result.tips.set_index("direction").loc["up", "tipping_delta"]
    assert tip in frame["delta_arm"].to_numpy()
    scored = tipping_point(df, outcome="o", kind="ordinal", deltas=[-60, 60], **options)
    low, high = scored.to_frame()["estimate"]
    gone = df.loc[df["arm"] == "ReDO", "o"].isna().mean()
    assert high - low == pytest.approx(3 * gone, rel=0.2)


def test_reference_based_draws_can_be_shifted() -> None:
    options = OPTIONS | {"earlier": "y1", "method": "jump to reference", "cluster": "g"}
    result = tipping_point(shipped(), outcome="y2", deltas=[-1, 0], higher="better", **options)
    text = repr(result)
    assert "Tipping points: Difference in means, ReDO - CAU, higher = better" in text
    assert "by jump to reference; 50 imputations; CR2; Rubin's rules" in text
    assert "shifts of imputed outcomes in the unit of y2" in text
    assert "<table>" in result._repr_html_()


def test_row_order_does_not_matter() -> None:
    df = shipped()
    one, other = (
        tipping_point(part, outcome="y2", deltas=[-1, 1], **OPTIONS)
        for part in (df, df.sample(frac=1, random_state=1))
    )
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.tips, other.tips, check_exact=True)


def test_what_is_refused() -> None:
    df = shipped()
    with pytest.raises(InputError, match="outcome: must be missing for somebody"):
        tipping_point(df.dropna(subset="y2"), outcome="y2", **OPTIONS)
    for deltas in ([np.nan], "abc", [], ["1"]):
        with pytest.raises(InputError, match="deltas: must be finite numbers"):
            tipping_point(df, outcome="y2", deltas=deltas, **OPTIONS)
    with pytest.raises(InputError, match="measure: must be 'difference' or 'risk_difference'"):
        tipping_point(df, outcome="b", kind="binary", measure="odds_ratio", **OPTIONS)
    three = df.copy()
    three.loc[three.index[::4], "arm"] = "SE"
    with pytest.raises(InputError, match="df: must be two arms; got 3"):
        tipping_point(three, outcome="y2", **OPTIONS)


@pytest.mark.parametrize("lang", ["sv", "en"])
def test_figures(lang: Any) -> None:
    df = shipped()
    line = tipping_point(df, outcome="y2", deltas=range(-3, 4), **OPTIONS).plot(lang=lang)
    assert "ReDO" in line.get_xlabel()
    result = tipping_point(
        df, outcome="y2", deltas=range(-3, 4), control_deltas=range(-3, 4), **OPTIONS
    )
    axes = result.plot(lang=lang)
    words = {"sv": "Ej säkerställt", "en": "Inconclusive"}
    legend = axes.get_legend()
    assert legend is not None
    assert words[lang] in [text.get_text() for text in legend.get_texts()]
    assert "CAU" in axes.get_ylabel()
    assert len(axes.texts) == 49
    axes.figure.canvas.draw()


def test_short_names_of_arms_and_maps_without_zero() -> None:
    result = tipping_point(
        shipped(), outcome="y2", deltas=[-2, -1], control_deltas=[1, 2], **OPTIONS
    )
    axes = tipping_map(result.to_frame(), arm="i", control="k")
    assert axes.get_ylabel() == "Förskjutning av saknade utfall i k"
    assert axes.get_xlim() == (-2.5, -0.5)
    assert axes.get_ylim() == (0.5, 2.5)


def test_the_estimand_names_what_the_rule_assumes() -> None:
    options = OPTIONS | {"earlier": "y1", "method": "jump to reference", "deltas": [-1]}
    events = tipping_point(shipped(), outcome="y2", **options).attributes.intercurrent
    assert list(events.values()) == ["treatment policy", "hypothetical"]


def test_a_map_needs_every_pair() -> None:
    frame = tipping_point(
        shipped(), outcome="y2", deltas=[-1, 1], control_deltas=[0, 1], **OPTIONS
    ).to_frame()
    with pytest.raises(InputError, match="one row for every pair"):
        tipping_map(frame.iloc[1:])
    with pytest.raises(InputError, match="at least one row"):
        tipping_map(frame.iloc[:0])
