"""Means over measurements: every mean, its interval and its number of persons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.plots.visit_means import visit_means

MEANS = pd.DataFrame(
    [
        ("Start", "ReDO", 18.8, 17.8, 19.9, 60),
        ("Start", "Kontroll", 18.0, 17.0, 19.0, 60),
        ("16 veckor", "ReDO", 21.1, 19.8, 22.4, 50),
        ("16 veckor", "Kontroll", 18.9, 17.9, 19.8, 1049),
    ],
    columns=["visit", "arm", "mean", "conf_low", "conf_high", "n"],
)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_means_intervals_and_persons_are_shown() -> None:
    ax = visit_means(MEANS, label="Mastery, medelvärde")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [18.8, 21.1])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [18.0, 18.9])
    ends = np.array([segment[:, 1] for segment in ax.collections[1].get_segments()])
    np.testing.assert_allclose(ends, [[17.0, 19.0], [17.9, 19.8]])
    assert {"60", "50", "1\u00a0049", "n, ReDO", "ReDO", "Kontroll"} <= set(texts(ax))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Start", "16 veckor"]
    assert ax.get_title(loc="left") == "Mastery,\u00a0medelvärde"


def test_only_ticks_beside_the_data_are_shown() -> None:
    ax = visit_means(MEANS)
    assert min(ax.get_yticks()) >= 16.5
    assert max(ax.get_yticks()) <= 23
    small = MEANS.assign(mean=MEANS["mean"] / 50, conf_low=MEANS["conf_low"] / 50,
                         conf_high=MEANS["conf_high"] / 50)  # fmt: skip
    assert "," in visit_means(small).get_yticklabels()[0].get_text()


def test_names_at_equal_ends_stand_apart() -> None:
    level = MEANS.assign(mean=18.0)
    names = [t for t in visit_means(level).texts if t.get_text() in ("ReDO", "Kontroll")]
    places = sorted(text.get_position()[1] for text in names)
    assert places[1] - places[0] > 0.2


def test_a_given_place_is_used_and_bad_input_refused() -> None:
    ax = visit_means(MEANS)
    assert visit_means(MEANS, ax=ax) is ax
    with pytest.raises(InputError, match="conf_low"):
        visit_means(MEANS.drop(columns="conf_low"))
    with pytest.raises(InputError, match="one to 4 arms"):
        visit_means(pd.concat([MEANS.assign(arm=str(i)) for i in range(5)]))
    with pytest.raises(InputError, match="one to 4 arms"):
        visit_means(MEANS.head(0))


def test_names_of_measurements_stand_on_one_line() -> None:
    rows = [(name, "A", 1.0, 0.5, 1.5, 3) for name in ("16 veckor", "6 månader")]
    ax = visit_means(
        pd.DataFrame(rows, columns=["visit", "arm", "mean", "conf_low", "conf_high", "n"])
    )
    assert {name.get_verticalalignment() for name in ax.get_xticklabels()} == {"baseline"}
