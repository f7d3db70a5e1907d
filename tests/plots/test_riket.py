"""Shares against riket drawn: points, lines, a band, and texts that do not clash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from evalkit.errors import InputError
from evalkit.plots.riket import shares_against_riket

GROUPS = pd.DataFrame({
    "group": ["Öst", "Nord", "Väst", "Ett delprojekt med ett långt och omständligt namn"],
    "share": [0.67, 0.78, 0.43, 0.57], "low": [np.nan, 0.69, 0.37, 0.51],
    "high": [np.nan, 0.855, 0.5, 0.63], "n": [np.nan, 116, 258, 1284], "riket": 0.44,
})  # fmt: skip
FIGURES = {"Riket, vidare mot arbetsmarknaden": (0.44, 0.44), "Riket, inskrivna": (0.79, 0.81)}


def test_points_lines_and_texts(clashes) -> None:
    axes = shares_against_riket(GROUPS, FIGURES, goal=0.65)
    texts = [text.get_text() for text in axes.texts]
    assert "67\u00a0%" in texts
    assert any(text.startswith("78\u00a0%") and "n\u00a0=\u00a0116" in text for text in texts)
    assert any("n\u00a0=\u00a01\u00a0284" in text for text in texts)
    assert "Riket, vidare mot arbetsmarknaden 44\u00a0%" in texts
    assert "Riket, inskrivna 79\u00a0till\u00a081\u00a0%" in texts
    english = shares_against_riket(GROUPS, FIGURES, lang="en").texts
    assert "Riket, inskrivna 79\u00a0to\u00a081%" in [text.get_text() for text in english]
    assert "Mål 65\u00a0%" in texts
    lines = [line for line in axes.lines if len(line.get_xdata()) == len(GROUPS)]
    np.testing.assert_allclose(lines[0].get_xdata(), 100 * GROUPS["share"])
    assert axes.get_xlim() == (0, 100)
    assert clashes(axes.figure) == []


def test_marks_without_figures_and_in_english(clashes) -> None:
    own = Figure().subplots()
    axes = shares_against_riket(GROUPS, {}, ax=own, lang="en")
    assert axes is own
    assert axes.get_xlabel() == "Share, per cent (upright mark: riket)"
    assert clashes(shares_against_riket(GROUPS, {}).figure) == []


def test_bad_input() -> None:
    with pytest.raises(InputError, match="groups: must be at least one row"):
        shares_against_riket(GROUPS.iloc[:0], {})
    with pytest.raises(InputError, match="groups: must be a column of df"):
        shares_against_riket(GROUPS.drop(columns="low"), {})
