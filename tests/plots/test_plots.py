"""Figures show the numbers they are given, in the house style, and leave no trace."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from evalkit.errors import InputError
from evalkit.plots import difference_forest, stacked_shares
from evalkit.plots.style import SERIES, text_on

COUNTS = pd.DataFrame(
    {"Arbete": [968, 85, 0], "Program": [1192, 68, 0], "Övriga": [1580, 123, 0]},
    index=pd.MultiIndex.from_tuples([("", "Totalt"), ("Ålder", "18-24 år"), ("Ålder", ">64")]),
)
DIFFERENCES = pd.DataFrame(
    {
        "label": ["a", "b"],
        "estimate": [0.02, -0.1],
        "conf_low": [-0.01, -0.2],
        "conf_high": [0.05, 0],
    }
)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_bars_make_up_a_hundred_percent() -> None:
    ax = stacked_shares(COUNTS, goal=35, goal_label="Mål 35 %")
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(3, 3)
    np.testing.assert_allclose(widths.sum(axis=0), [100, 100, 0])
    np.testing.assert_allclose(widths[0, 0], 100 * 968 / 3740)
    assert {"26\u00a0%", "32\u00a0%", "n\u00a0=\u00a03\u00a0740", "Ålder", "Mål 35 %"} <= set(
        texts(ax)
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Totalt", "18-24 år", ">64"]


def test_labels_that_would_not_fit_are_left_out() -> None:
    ax = stacked_shares(pd.DataFrame({"Stor": [98], "Liten": [2]}, index=["a"]), lang="en")
    assert "98%" in texts(ax)
    assert "2%" not in texts(ax)


def test_forest_in_percentage_points() -> None:
    ax = difference_forest(DIFFERENCES, sides=("färre", "fler"))
    assert {"+2,0  (−1,0\u00a0till\u00a05,0)", "a", "b", "← färre", "fler →"} <= set(texts(ax))
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [2, -10])
    assert ax.xaxis.get_major_formatter()(-5, 0) == "−5"


def test_a_given_place_is_used() -> None:
    ax = Figure().subplots()
    assert stacked_shares(COUNTS, ax=ax) is ax
    ax = Figure().subplots()
    assert difference_forest(DIFFERENCES, ax=ax) is ax


def test_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    stacked_shares(COUNTS)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    "counts", [COUNTS.iloc[:0], COUNTS.iloc[:, :0], pd.concat([COUNTS] * 2, axis=1)]
)
def test_refuses_what_cannot_be_read(counts: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="one to 4 columns"):
        stacked_shares(counts)


def test_refuses_differences_without_their_columns() -> None:
    with pytest.raises(InputError, match="conf_low"):
        difference_forest(DIFFERENCES.drop(columns="conf_low"))
    with pytest.raises(InputError, match="at least one row"):
        difference_forest(DIFFERENCES.iloc[:0])


# Viénot, Brettel and Mollon's matrices for red- and green-blindness, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}


def luminance(colour: np.ndarray) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ colour)


@pytest.mark.parametrize("name", DEFICIENCIES)
def test_neighbouring_series_differ_for_every_colour_vision(name: str) -> None:
    linear = [((np.array(to_rgb(colour)) + 0.055) / 1.055) ** 2.4 for colour in SERIES]
    seen = [luminance(DEFICIENCIES[name] @ colour) for colour in linear]
    contrasts = [(max(a, b) + 0.05) / (min(a, b) + 0.05) for a, b in pairwise(seen)]
    assert min(contrasts) > 1.3


@pytest.mark.parametrize("colour", SERIES)
def test_text_on_a_series_can_be_read(colour: str) -> None:
    pair = [((np.array(to_rgb(c)) + 0.055) / 1.055) ** 2.4 for c in (colour, text_on(colour))]
    light, dark = sorted((luminance(c) for c in pair), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 4.5
