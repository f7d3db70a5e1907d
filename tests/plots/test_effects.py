"""The forest plot of effects: what names the rows, which axis, which words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.plots.effects import effect_plot


def table(**columns: object) -> pd.DataFrame:
    made = pd.DataFrame({
        "contrast": ["ReDO - kontroll", "samtal - kontroll"],
        "estimate": [1.4, 0.8], "conf_low": [1.1, 0.5], "conf_high": [1.9, 1.2], "n": [97, 90],
    })  # fmt: skip
    return made.assign(**columns)


def names(axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


def test_differences_stand_around_zero() -> None:
    axes = effect_plot(table(scale="difference"), title="Behärskning", lang="sv")
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel() == "Skillnad, 95\u00a0% konfidensintervall"
    assert names(axes) == ["ReDO - kontroll", "samtal - kontroll"]
    assert "Behärskning" in [text.get_text() for text in axes.texts]


def test_ratios_stand_on_a_logarithmic_axis() -> None:
    axes = effect_plot(table(scale="ratio"), level=0.9, lang="en")
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "Ratio, log scale, 90% confidence interval"


def test_probabilities_stand_around_one_half() -> None:
    near = table(scale="probability", estimate=0.55, conf_low=0.48, conf_high=0.61)
    axes = effect_plot(near, lang="en")
    assert axes.get_xlabel() == "Probability, 95% confidence interval"
    assert list(axes.lines[0].get_xdata()) == [0.5, 0.5]
    assert axes.get_xlim()[0] > 0.4


def test_keys_and_terms_tell_rows_apart() -> None:
    keyed = table(contrast="ReDO - kontroll")
    keyed.insert(0, "outcome", ["mastery", "stress"])
    assert names(effect_plot(keyed, names={"mastery": "behärskning"})) == ["behärskning", "stress"]
    terms = table(contrast="a - b", term=["risk_difference", "difference"])
    assert names(effect_plot(terms[["term", *terms.columns[:-1]]])) == [
        "risk_difference", "difference",
    ]  # fmt: skip


def test_rows_without_contrast_are_numbered() -> None:
    assert names(effect_plot(table().drop(columns="contrast"))) == ["1", "2"]


def test_given_axes_are_used() -> None:
    first = effect_plot(table())
    assert effect_plot(table(), ax=first, label="x") is first


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (np.inf, "∞"), (np.nan, "?")])
def test_ratios_without_a_place_on_the_axis_are_named_beneath_it(value: float, shown: str) -> None:
    axes = effect_plot(table(scale="ratio", estimate=[1.4, value]), lang="en")
    assert names(axes) == ["ReDO - kontroll"]
    assert axes.get_xlabel().endswith(f"\nNot drawn: samtal - kontroll ({shown})")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table(scale=["ratio", "difference"]), "effects on one scale"),
        (table(scale="number"), "pass through infinity"),
        (table().drop(columns="conf_low"), "conf_low"),
        (table(estimate=float("nan")), "at least one row with an estimate that has a place"),
        (table(scale="ratio", estimate=-1.0), "positive ratios"),
        (table(scale="ratio", estimate=0.0), "place on the axis; got 0, 0. Where a cell is empty"),
    ],
)
def test_refusals(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        effect_plot(frame)
