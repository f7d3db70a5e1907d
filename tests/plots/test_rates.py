"""Response rates drawn: points, intervals, texts beside, and lines without a point."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from evalkit.errors import InputError
from evalkit.plots.rates import draw_rates

POINTS = np.array([[0.72, 0.61, 0.81], [np.nan, np.nan, np.nan], [1.0, 0.9, 1.0]])
LABELS = ["2012, Nord", "2012, Syd", "Ett delprojekt med ett mycket långt och omständligt namn"]
BESIDE = ["72 %", "7 av 11", "100 %"]


def test_lines_texts_and_axis() -> None:
    axes = draw_rates(LABELS, POINTS, BESIDE, title="Svarsfrekvens per våg")
    assert axes.get_xlim() == (0, 1)
    drawn = [text.get_text() for text in axes.texts]
    assert drawn[:3] == BESIDE
    assert drawn[3] == "Svarsfrekvens per våg"
    assert "\n" in axes.get_yticklabels()[2].get_text()
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), POINTS[:, 0])
    assert [label.get_text() for label in axes.get_xticklabels()][2] == "50\u00a0%"
    assert axes.get_xlabel() == "Svarsfrekvens, 95\u00a0% konfidensintervall"


def test_own_axes_language_and_level() -> None:
    axes = Figure().subplots()
    assert draw_rates(LABELS, POINTS, BESIDE, ax=axes, lang="en", level=0.995) is axes
    assert axes.get_xlabel() == "Response rate, 99.5% confidence interval"


@pytest.mark.parametrize(
    ("labels", "points", "beside"),
    [([], POINTS[:0], []), (LABELS, POINTS[:2], BESIDE), (LABELS, POINTS, BESIDE[:1])],
)
def test_unequal_lengths_are_refused(
    labels: list[str], points: np.ndarray, beside: list[str]
) -> None:
    with pytest.raises(InputError, match=r"^points: must be one row of three numbers"):
        draw_rates(labels, points, beside)
