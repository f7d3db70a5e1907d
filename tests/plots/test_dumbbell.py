"""Dumbbell charts: values, their direction by shape, the change, and how many people."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from evalkit.errors import InputError
from evalkit.plots.dumbbell import DumbbellRows, draw_dumbbell, dumbbell_alt

WHOLE = (
    "Deltagarna har varit delaktiga, aktiva och ansvarstagande i sin egen rehabilitering, enligt "
    "dem som har svarat"
)
NAMES = (
    WHOLE,
    "Den egna synen har förändrats",
    "Genomslag i organisationen",
    "Möjligt att införa",
)
BEFORE, AFTER = np.array([0.32, 0.30, 0.51, 0.42]), np.array([0.61, 0.42, 0.42, 0.42])
ROWS = DumbbellRows(NAMES, BEFORE, AFTER, (54,) * 4, "2012", "2013")
NAN = float("nan")


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def points(ax) -> list[tuple[str, float, float]]:
    """Return the markers that are data, not key: shape, place across and down."""
    rows = {round(float(tick), 6) for tick in ax.get_yticks()}
    found = [(line.get_marker(), float(line.get_xdata()[0]), round(float(line.get_ydata()[0]), 6))
             for line in ax.lines if line.get_linestyle() == "None"]  # fmt: skip
    return [one for one in found if one[2] in rows]


def statements(ax) -> list[str]:
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def test_points_stand_at_their_values_and_lines_between_them() -> None:
    ax = draw_dumbbell(ROWS, sort=False)
    found = points(ax)
    assert [x for _, x, _ in found[::2]] == pytest.approx(BEFORE)
    assert [x for _, x, _ in found[1::2]] == pytest.approx(AFTER)
    lines = [line.get_xdata() for line in ax.lines if line.get_linestyle() == "-"]
    np.testing.assert_allclose(lines, [(0.32, 0.61), (0.30, 0.42), (0.51, 0.42)])


def test_direction_shows_by_shape() -> None:
    shapes = [shape for shape, _, _ in points(draw_dumbbell(ROWS, sort=False))]
    assert shapes == ["o", ">", "o", ">", "o", "<", "o", "o"]
    shown = texts(draw_dumbbell(ROWS))
    assert {"2012", "2013, högre", "2013, lägre", "2013, lika"} <= set(shown)
    rising = DumbbellRows(NAMES[:2], BEFORE[:2], AFTER[:2], (54, 54), "2012", "2013")
    assert "2013, lägre" not in texts(draw_dumbbell(rising))


def test_values_stand_outside_their_points() -> None:
    ax = draw_dumbbell(ROWS, sort=False)
    by_text = {text.get_text(): text for text in ax.texts}
    assert by_text["32\u00a0%"].get_position()[0] < 0.32
    assert by_text["32\u00a0%"].get_ha() == "right"
    assert by_text["61\u00a0%"].get_position()[0] > 0.61
    assert by_text["51\u00a0%"].get_position()[0] > 0.51  # falls: before is to the right


def test_change_and_number_of_people_stand_to_the_right() -> None:
    ax = draw_dumbbell(ROWS, sort=False)
    shown = texts(ax)
    for text in ("+29", "+12", "−9", "0", "54", "Förändring,", "procentenheter", "parade"):
        assert text in shown
    places = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert 1 < places["+29"] < places["54"]
    waves = DumbbellRows(NAMES, BEFORE, AFTER, ((54, 1048),) * 4, "2012", "2013")
    shown = texts(draw_dumbbell(waves))
    assert "54\u00a0/\u00a01\u00a0048" in shown
    assert "parade" not in shown


def test_decimals_depend_on_the_number_of_people() -> None:
    many = DumbbellRows(NAMES, BEFORE, AFTER, (100, 320, 152, 110), "2012", "2013")
    assert {"32,0\u00a0%", "+29,0", "−9,0"} <= set(texts(draw_dumbbell(many)))
    assert {"32.0%", "+29.0"} <= set(texts(draw_dumbbell(many, lang="en")))
    few = DumbbellRows(NAMES, BEFORE, AFTER, ((320, 99), *((320, 320),) * 3), "2012", "2013")
    assert {"32\u00a0%", "+29"} <= set(texts(draw_dumbbell(few)))


def test_scores_have_an_axis_of_their_own() -> None:
    rows = DumbbellRows(("A", "B"), [41.2, 28.5], [55.9, 27.0], (9, 9), "Före", "Efter", "score")
    ax = draw_dumbbell(rows, sort=False)
    assert {"41,2", "55,9", "+14,7", "−1,5", "Förändring"} <= set(texts(ax))
    ticks = ax.get_xticks()
    assert ticks.min() <= 27.0
    assert ticks.max() >= 55.9
    assert "procentenheter" not in " ".join(texts(ax))
    level = DumbbellRows(("A",), [3.1], [3.1], (9,), "Före", "Efter", "score")
    assert np.ptp(draw_dumbbell(level).get_xticks()) >= 0.5
    assert [t.get_text() for t in draw_dumbbell(ROWS).get_xticklabels()][:2] == [
        "0\u00a0%",
        "25\u00a0%",
    ]


def test_rows_are_sorted_by_the_value_after_and_ties_keep_their_order() -> None:
    after = np.array([0.2, NAN, 0.7, 0.2])
    rows = DumbbellRows(("a", "b", "c", "d"), BEFORE, after, (54,) * 4, "2012", "2013")
    assert statements(draw_dumbbell(rows)) == ["c", "a", "d", "b"]
    assert statements(draw_dumbbell(rows, sort=False)) == ["a", "b", "c", "d"]
    assert draw_dumbbell(rows).yaxis_inverted()


def test_a_value_that_is_missing_leaves_one_point_and_no_change() -> None:
    rows = DumbbellRows(("a", "b", "c"), [NAN, 0.3, NAN], [0.6, NAN, NAN], (5, 6, 7), "1", "2")
    ax = draw_dumbbell(rows, sort=False)
    assert [(shape, x) for shape, x, _ in points(ax)] == [("o", 0.6), ("o", 0.3)]
    assert texts(ax).count("–") == 3
    nothing = DumbbellRows(("a",), [NAN], [NAN], (0,), "1", "2", "score")
    assert points(draw_dumbbell(nothing)) == []


CASES = {
    "plain": ROWS,
    "one": DumbbellRows(NAMES[1:2], [0.3], [0.42], (154,), "Före", "Efter"),
    "extremes": DumbbellRows(
        (*NAMES, *NAMES), [0, 1, 0, 1, 0.5, 0.5, 0.5, 0.99], [1, 0, 0, 1, 0.501, 0.499, NAN, 1],
        ((1320, 1048),) * 8, "Före insatsen, hösten 2012", "Efter insatsen, våren 2013",
    ),
    "scores": DumbbellRows(NAMES, [41.2, -28.5, 33, 3], [55.9, 33.25, 27, 3], (120,) * 4,
                           "Vid start", "Efter tolv månader i delprojektet", "score"),
    "twelve": DumbbellRows(NAMES * 3, np.tile(BEFORE, 3), np.tile(AFTER, 3), (54,) * 12, "1", "2"),
    "thousands": DumbbellRows((WHOLE,), [9123], [10950], (20,), "1", "2", "score"),
    "lengthy times": DumbbellRows(NAMES, BEFORE, AFTER, (200,) * 4,
                                  "Före rehabiliteringskedjans arbetsmarknadspolitiska delar",
                                  "Efter rehabiliteringskedjans arbetsmarknadspolitiska delar"),
    "nothing": DumbbellRows(("a",), [NAN], [NAN], (0,), "1", "2", "score"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("lang", ["sv", "en"])
def test_no_texts_overlap(name: str, lang: str, clashes) -> None:
    assert clashes(draw_dumbbell(CASES[name], lang=lang).figure) == []


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_everything_drawn_is_within_the_axes(pairs: list[tuple[float, float]]) -> None:
    before, after = np.array(pairs).T
    rows = DumbbellRows(NAMES[:1] * len(pairs), before, after, (50,) * len(pairs), "1", "2")
    ax = draw_dumbbell(rows)
    low, high = ax.get_xlim()
    assert low < 0
    assert high > 1
    assert all(low <= text.get_position()[0] <= high + 1e-9 for text in ax.texts
               if text.get_text())  # fmt: skip
    assert sorted(rows.order(sort=True)) == list(range(len(pairs)))


def test_a_figure_grows_with_its_rows_and_settings_are_left_alone(clashes) -> None:
    before = dict(mpl.rcParams)
    assert (draw_dumbbell(CASES["twelve"]).figure.get_figheight()
            > draw_dumbbell(ROWS).figure.get_figheight())  # fmt: skip
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    assert draw_dumbbell(ROWS, ax=ax) is ax
    assert clashes(figure) == []
    assert dict(mpl.rcParams) == before
    with pytest.raises(InputError, match=r"ax: must be axes at least \d+\.\d cm wide; got"):
        draw_dumbbell(ROWS, ax=Figure(figsize=(3, 3)).subplots())


def test_figures_are_told_in_words() -> None:
    told = dumbbell_alt(ROWS).replace("\u00a0", " ")
    assert "enligt dem som har svarat: från 32 % (2012) till 61 % (2013), +29" in told
    assert "+29 procentenheter (n = 54); " in told
    assert told.endswith("Genomslag i organisationen: från 51 % (2012) till 42 % (2013), −9 "
                         "procentenheter (n = 54); Möjligt att införa: från 42 % (2012) till "
                         "42 % (2013), 0 procentenheter (n = 54).")  # fmt: skip
    gap = DumbbellRows(("a",), [NAN], [0.6], ((4, 5),), "2012", "2013")
    told = dumbbell_alt(gap, lang="en").replace("\u00a0", " ")
    assert told == "a: from no figure (2012) to 60% (2013) (n = 4 / 5)."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ()}, "labels: must be a tuple of texts"),
        ({"labels": "abcd"}, "labels: must be a tuple of texts"),
        ({"before": BEFORE[:2]}, "before: must be one value for each of 4 rows"),
        ({"after": 100 * AFTER}, "after: must be shares between 0 and 1; got 61.*as 0.37"),
        ({"before": -BEFORE}, "before: must be shares between 0 and 1"),
        ({"before": np.full(4, np.inf), "unit": "score"}, "before: must be finite scores"),
        ({"unit": "share"}, "unit: must be one of 'percent', 'score'"),
        ({"n": (54,) * 3}, "n: must be 4 whole numbers, or 4 pairs"),
        ({"n": (54, 54, 54, (54, 48))}, "n: must be 4 whole numbers, or 4 pairs"),
        ({"n": ((54, 48, 40),) * 4}, "n: must be 4 whole numbers, or 4 pairs"),
        ({"n": (54, 54, 54, -1)}, "n: must be whole numbers of at least 0; got -1"),
        ({"n": (54, 54, 54, 1.5)}, "n: must be whole numbers of at least 0; got 1.5"),
        ({"before_label": 2012}, "before_label: must be a text"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(change: dict[str, object], message: str) -> None:
    arguments = {"labels": NAMES, "before": BEFORE, "after": AFTER, "n": (54,) * 4,
                 "before_label": "2012", "after_label": "2013"}  # fmt: skip
    with pytest.raises(InputError, match=message):
        DumbbellRows(**(arguments | change))


def test_rows_are_copied() -> None:
    before = BEFORE.copy()
    rows = DumbbellRows(NAMES, before, AFTER, (54,) * 4, "2012", "2013")
    before[0] = 0.9
    assert rows.before[0] == 0.32
    with pytest.raises(ValueError, match="read-only"):
        rows.before[0] = 0
    assert rows.paired
    np.testing.assert_allclose(rows.change(), AFTER - BEFORE)
