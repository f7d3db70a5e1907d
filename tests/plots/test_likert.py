"""Likert charts: the shares that are drawn, where they stand, and what can be read."""

from __future__ import annotations

import pickle

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evalkit.errors import InputError
from evalkit.plots.likert import LikertRows, draw_likert, draw_likert_panels, likert_alt

FIVE = ("Instämmer inte alls", "Instämmer i liten grad", "Varken eller", "Instämmer i hög grad",
        "Instämmer helt")  # fmt: skip
SIDES = (-1, -1, 0, 1, 1)
WHOLE = (
    "Arbetssättet har gjort deltagarna mer delaktiga, aktiva och ansvarstagande i sin egen "
    "rehabiliteringsplanering än vad som annars hade varit möjligt"
)
LONG = (
    WHOLE,
    "Samverkan har förbättrats",
    "Arbetsmarknadspolitiska insatser har getts inom 90 dagar",
)
COUNTS = np.array([[10, 20, 30, 25, 15], [5, 5, 10, 50, 30], [40, 30, 10, 12, 8.0]])
ROWS = LikertRows(LONG, FIVE, SIDES, COUNTS, (100, 100, 100))
ASIDE = LikertRows(LONG, FIVE, SIDES, COUNTS, (100,) * 3, (("Vet ej", np.array([25, 0, 100.0])),))


def random_rows(n: tuple[int, ...], sides: tuple[int, ...], names: tuple[str, ...], seed: int = 1):
    """Return rows with random answers."""
    rng = np.random.default_rng(seed)
    counts = np.array([rng.multinomial(k, rng.dirichlet(np.ones(len(sides)))) for k in n])
    labels = tuple(LONG[i % 3] for i in range(len(n)))
    return LikertRows(labels, names, sides, counts.astype(float), n)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def statements(ax) -> list[str]:
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def ends_of_bars(ax) -> tuple[np.ndarray, np.ndarray]:
    """Return beginnings and widths, rows x categories."""
    left = np.array([[bar.get_x() for bar in bars] for bars in ax.containers]).T
    return left, np.array([[bar.get_width() for bar in bars] for bars in ax.containers]).T


@pytest.mark.parametrize("kind", ["diverging", "stacked"])
def test_bars_make_up_a_hundred_percent_without_gaps(kind: str) -> None:
    left, width = ends_of_bars(draw_likert(ROWS, kind=kind, sort=False))
    np.testing.assert_allclose(width, COUNTS, atol=1e-12)
    np.testing.assert_allclose(width.sum(axis=1), 100)
    np.testing.assert_allclose(left[:, 1:], (left + width)[:, :-1], atol=1e-12)
    np.testing.assert_allclose(left[:, 0], 0 if kind == "stacked" else [-45, -15, -75], atol=1e-12)


def test_negative_is_left_of_zero_and_positive_right() -> None:
    left, width = ends_of_bars(draw_likert(ROWS, sort=False))
    assert (left[:, 3:] >= 0).all()
    assert ((left + width)[:, :2] <= 0).all()
    np.testing.assert_allclose((left + width / 2)[:, 2], 0, atol=1e-12)


def test_neutral_answers_apart_begin_at_their_own_line() -> None:
    ax = draw_likert(ROWS, center="separate", sort=False)
    left, width = ends_of_bars(ax)
    np.testing.assert_allclose(width.sum(axis=1), 100)
    np.testing.assert_allclose((left + width)[:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(left[:, 3], 0, atol=1e-12)
    np.testing.assert_allclose(left[:, 2], left[0, 2])
    assert left[0, 2] > (left + width)[:, 4].max()
    assert {"30\u00a0%", "10\u00a0%"} <= set(texts(ax))


def test_neutral_answers_left_out_stand_in_a_column() -> None:
    rows = LikertRows(LONG[:1], FIVE, SIDES, np.array([[11, 22, 17, 27, 23.0]]), (100,))
    ax = draw_likert(rows, center="none")
    _, width = ends_of_bars(ax)
    np.testing.assert_allclose(width, [[11, 22, 0, 27, 23]])
    assert "17\u00a0%" in texts(ax)
    assert "50\u00a0%" in texts(ax)  # of all answers, also the neutral


def test_ends_n_headings_and_statements_are_shown() -> None:
    ax = draw_likert(ROWS, sort=False)
    shown = texts(ax)
    assert statements(ax) == [label.replace("90 d", "90\u00a0d") for label in LONG]
    for heading in ("Negativa", "Positiva", "n", "Varken eller"):
        assert heading in shown
    negative = ax.texts[[t.get_text() for t in ax.texts].index("70\u00a0%")].get_position()
    assert negative[0] < ax.containers[0][2].get_x()
    positive = [t for t in ax.texts if t.get_text() == "80\u00a0%"]
    bars = ax.containers[-1]
    assert positive[0].get_position()[0] > bars[1].get_x() + bars[1].get_width()
    assert shown.count("100") == 3
    assert "70%" in texts(draw_likert(ROWS, lang="en"))


def test_rows_are_sorted_by_the_positive_share_and_ties_keep_their_order() -> None:
    counts = np.array([[6, 0, 3.0], [1, 1, 1], [0, 0, 0], [4, 4, 4], [0, 0, 5]])
    names = ("a", "b", "c", "d", "e")
    rows = LikertRows(names, ("Nej", "-", "Ja"), (-1, 0, 1), counts, (9, 3, 0, 12, 5))
    assert statements(draw_likert(rows)) == ["e", "a", "b", "d", "c"]
    assert statements(draw_likert(rows, sort=False)) == list(names)
    heights = [bar.get_y() for bar in draw_likert(rows).containers[0]]
    assert heights == sorted(heights)


def test_answers_outside_are_never_in_the_bars() -> None:
    left, width = ends_of_bars(draw_likert(ASIDE, sort=False))
    np.testing.assert_array_equal((left, width), ends_of_bars(draw_likert(ROWS, sort=False)))
    ax = draw_likert(ASIDE, sort=False)
    shown = [t for t in ax.texts if t.get_text() in ("20\u00a0%", "0\u00a0%", "50\u00a0%")]
    aside = [t for t in shown if t.get_ha() == "right" and t.get_position()[0] > 100]
    assert [t.get_text() for t in aside[-3:]] == ["20\u00a0%", "0\u00a0%", "50\u00a0%"]
    assert all(t.get_position()[0] > (left + width).max() for t in aside)
    assert "Vet ej" in texts(ax)
    assert any(t.startswith("Vet ej: andel av alla") for t in texts(ax))


def test_unused_categories_stay_in_the_heading() -> None:
    counts = np.array([[0, 30, 0, 70, 0.0]])
    ax = draw_likert(LikertRows(LONG[1:2], FIVE, SIDES, counts, (100,)))
    assert len(ax.containers) == 5
    heading = " ".join(texts(ax))
    for word in ("inte alls", "liten grad", "Varken", "hög grad", "helt"):
        assert word in heading


def test_few_answers_are_told_in_counts() -> None:
    rows = LikertRows(("a", "b"), ("Nej", "Ja"), (-1, 1), np.array([[1, 2.0], [10, 10]]), (3, 20))
    ax = draw_likert(rows, sort=False)
    assert {"1", "2", "3", "50\u00a0%", "20"} <= set(texts(ax))
    assert "67\u00a0%" not in texts(ax)
    assert "Antal i stället för procent där färre än 20 har svarat." in texts(ax)
    assert "67\u00a0%" in texts(draw_likert(rows, small=0))
    weighted = LikertRows(("a",), ("Nej", "Ja"), (-1, 1), np.array([[1.25, 2]]), (3,))
    assert "1,3" in texts(draw_likert(weighted))


def test_no_number_stands_in_a_part_that_is_too_small_for_it() -> None:
    counts = np.array([[4, 46, 9, 38, 3.0]]) * 10
    ax = draw_likert(LikertRows(("Nytta",), FIVE, SIDES, counts, (1000,)))
    inside = [t.get_text() for t in ax.texts if t.get_ha() == "center" and "%" in t.get_text()]
    assert inside == ["46\u00a0%", "9\u00a0%", "38\u00a0%"]


def test_percentages_of_weighted_answers_are_rounded_half_up() -> None:
    rows = LikertRows(("a",), ("Nej", "Ja"), (-1, 1), np.array([[87.5, 12.5]]), (100,))
    assert {"88\u00a0%", "13\u00a0%"} <= set(texts(draw_likert(rows)))


def test_numbers_stand_within_their_parts() -> None:
    ax = draw_likert(random_rows((320, 54, 99), SIDES, FIVE))
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    boxes = [bar.get_window_extent() for bars in ax.containers for bar in bars]
    inside = [t for t in ax.texts if t.get_ha() == "center" and "%" in t.get_text()]
    assert inside
    for text in inside:
        own = text.get_window_extent(canvas.get_renderer())
        assert any(box.x0 <= own.x0 and own.x1 <= box.x1 and box.y0 <= own.y0 and own.y1 <= box.y1
                   for box in boxes)  # fmt: skip


TEN = tuple(str(i) for i in range(1, 11))
TEN_NAMED = ("1 Inte alls", *TEN[1:9], "10 I mycket hög grad")
LENGTHY = tuple(f"{name} eller i vart fall nästan så" for name in FIVE)
CASES = {
    "one": random_rows((320,), SIDES, FIVE),
    "twelve": random_rows((54,) * 5 + (12, 3, 1320, 20, 19, 54, 1), SIDES, FIVE),
    "ten": random_rows((180, 181, 18), (-1,) * 4 + (0,) * 3 + (1,) * 3, TEN),
    "ten named": random_rows((180, 181, 18), (-1,) * 5 + (1,) * 5, TEN_NAMED),
    "lengthy": random_rows((100, 50, 30), SIDES, LENGTHY),
    "three": random_rows((18, 18, 17), (-1, 0, 1), ("1–4", "5–7", "8–10")),
    "aside": LikertRows(
        LONG, FIVE, SIDES, COUNTS, (100, 1320, 3),
        (("Vet ej", np.array([25, 0, 100.0])), ("Ej aktuellt", np.array([1200, 0, 3.0]))),
    ),
    "many outside": LikertRows(
        LONG, FIVE, SIDES, COUNTS, (100, 1320, 3),
        tuple((name, np.arange(3.0)) for name in ("Vet ej", "Ej aktuellt", "Obesvarad", "Avböjt",
                                                  "Oläsligt", "Uteslutet")),
    ),
    "wide middle": random_rows(
        (320, 1), (-1, -1, 0, 0, 1, 1),
        ("Nej", "Knappast", "Rehabiliteringskedjan", "Arbetsmarknadspolitiskt", "Nästan", "Ja"),
    ),
    "zeros": LikertRows(LONG, FIVE, SIDES, np.diag([0.0, 200, 3, 0, 0])[:3], (0, 200, 3)),
    "all zero": LikertRows(LONG, FIVE, SIDES, np.zeros((3, 5)), (0, 0, 0)),
    "only negative": random_rows((50, 40), (-1, -1, 0), ("Aldrig", "Sällan", "Ibland")),
    "only positive": random_rows((50, 40), (0, 1), ("Nej", "Ja")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("kind", "center"),
    [
        ("diverging", "split"),
        ("diverging", "separate"),
        ("diverging", "none"),
        ("stacked", "split"),
    ],
)
def test_no_texts_overlap(name: str, kind: str, center: str, clashes) -> None:
    assert clashes(draw_likert(CASES[name], kind=kind, center=center).figure) == []


def test_neutral_categories_alone_are_drawn_but_cannot_be_moved() -> None:
    rows = random_rows((50,), (0, 0, 0), ("Buss", "Tåg", "Bil"))
    _, width = ends_of_bars(draw_likert(rows))
    np.testing.assert_allclose(width.sum(), 100)
    with pytest.raises(InputError, match="'split' where all categories are neutral"):
        draw_likert(rows, center="none")


def test_a_figure_grows_with_its_rows() -> None:
    heights = [draw_likert(random_rows((50,) * k, SIDES, FIVE)).figure.get_figheight()
               for k in (1, 4, 12)]  # fmt: skip
    assert heights[0] < heights[1] < heights[2]


def test_a_given_place_is_used_and_settings_left_alone(clashes) -> None:
    before = dict(mpl.rcParams)
    figure = Figure(figsize=(7, 4))
    ax = figure.subplots()
    assert draw_likert(ROWS, ax=ax) is ax
    assert dict(mpl.rcParams) == before
    assert clashes(figure) == []
    with pytest.raises(InputError, match=r"ax: must be axes at least \d+\.\d cm wide; got"):
        draw_likert(ROWS, ax=Figure(figsize=(3, 3)).subplots())


PANELS = {
    name: LikertRows(LONG, FIVE, SIDES, random_rows((n,) * 3, SIDES, FIVE, seed).counts, (n,) * 3)
    for seed, (name, n) in enumerate({"Nord": 88, "Syd": 53, "Väst": 82, "Öst": 18}.items())
}


def test_panels_share_limits_heading_and_order(clashes) -> None:
    figure = draw_likert_panels(PANELS)
    assert len(figure.axes) == 4
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert len({tuple(statements(ax)) for ax in figure.axes}) == 1
    everything = [text for ax in figure.axes for text in texts(ax)]
    assert everything.count("Positiva") == 1
    assert [name for name in PANELS if name in everything] == list(PANELS)
    tops = [ax.get_position().y1 for ax in figure.axes]
    assert tops == sorted(tops, reverse=True)
    pooled = sum(rows.counts for rows in PANELS.values())
    shares = pooled[:, 3:].sum(axis=1) / pooled.sum(axis=1)
    first = LONG[int(shares.argmax())].split(" ")[0]
    assert statements(figure.axes[0])[0].startswith(first)
    assert clashes(figure) == []
    reach = [ends_of_bars(ax) for ax in figure.axes]
    low, high = figure.axes[0].get_xlim()
    assert all((left > low).all() and (left + wide < high).all() for left, wide in reach)


def test_panels_stand_beside_each_other_where_they_fit(clashes) -> None:
    rows = LikertRows(("Nytta", "Hälsa"), ("Nej", "Ja"), (-1, 1), np.array([[30.0, 40], [9, 61]]),
                      (70, 70))  # fmt: skip
    figure = draw_likert_panels({"Nord": rows, "Syd": rows})
    one, other = (ax.get_position() for ax in figure.axes)
    assert (one.y0, one.y1, one.width) == pytest.approx((other.y0, other.y1, other.width))
    assert one.x1 < other.x0
    assert statements(figure.axes[0]) == ["Hälsa", "Nytta"]
    assert statements(figure.axes[1]) == []
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    for ax in figure.axes:  # no and yes are neither negative nor positive
        assert texts(ax).count("Nej") == texts(ax).count("Ja") == 2
        assert "Positiva" not in texts(ax)
    assert clashes(figure) == []


@pytest.mark.parametrize("center", ["split", "separate", "none"])
def test_panels_with_statements_of_their_own_are_sorted_by_themselves(center: str, clashes) -> None:
    other = LikertRows(("Kort", "Lång"), FIVE, SIDES, COUNTS[[2, 0]], (100, 15))
    figure = draw_likert_panels({"A": ROWS, "B": other}, center=center)
    assert statements(figure.axes[1]) == ["Lång", "Kort"]
    assert clashes(figure) == []


def test_panels_must_have_the_same_categories() -> None:
    with pytest.raises(InputError, match="panels: must be at least one panel"):
        draw_likert_panels({})
    for other in (ASIDE, CASES["ten"]):
        with pytest.raises(InputError, match="of 'Nord' in all; got others"):
            draw_likert_panels({"Nord": ROWS, "Syd": other})


def test_figures_are_told_in_words() -> None:
    told = likert_alt(ASIDE).replace("\u00a0", " ")
    assert told.startswith("Positiva svar: Samverkan har förbättrats: 80 % (n = 100); ")
    assert "Negativa svar: Samverkan har förbättrats: 10 % (n = 100)" in told
    few = LikertRows(("a", "b"), ("Nej", "Ja"), (-1, 1), np.array([[1.0, 2], [0, 0]]), (3, 0))
    told = likert_alt(few, lang="en").replace("\u00a0", " ")
    assert told == "Positive answers: a: 2 of 3; b: no answers. Negative answers: a: 1 of 3; b: no answers."  # noqa: E501  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ()}, "labels: must be at least one row"),
        ({"labels": "Nytta"}, "labels: must be a tuple of texts"),
        ({"labels": (1, 2, 3)}, "labels: must be texts"),
        ({"categories": ("Ja",)}, "categories: must be two or more"),
        ({"categories": ("a", "b", "c", "d", "a")}, "names that differ; got repeats"),
        ({"sides": (-1, 0, 1)}, "sides: must be 5 of -1, 0 and 1"),
        ({"sides": (1, 1, 0, -1, -1)}, "from the negative to the positive"),
        ({"sides": (-2, -1, 0, 1, 2)}, "sides: must be 5 of -1, 0 and 1"),
        ({"counts": COUNTS[:2]}, r"counts: must be counts of shape \(3, 5\); got \(2, 5\)"),
        ({"counts": -COUNTS}, "finite counts of at least 0; got -10"),
        ({"counts": np.full((3, 5), np.nan)}, "finite counts of at least 0; got nan"),
        ({"n": (100, 100)}, "n: must be 3 whole numbers"),
        ({"n": (100, 100, 2.5)}, "n: must be whole numbers"),
        ({"n": (100, 0, 100)}, "at least 1 where there are answers; got 0 .*Samverkan"),
        ({"outside": (("Vet ej", np.ones(2)),)}, r"outside 'Vet ej': must be counts of shape"),
        ({"outside": (("Varken eller", np.ones(3)),)}, "either on the scale or outside it"),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(change: dict[str, object], message: str) -> None:
    arguments = {"labels": LONG, "categories": FIVE, "sides": SIDES, "counts": COUNTS,
                 "n": (100,) * 3}  # fmt: skip
    with pytest.raises(InputError, match=message):
        LikertRows(**(arguments | change))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "pie"}, "kind: must be one of 'diverging', 'stacked'"),
        ({"center": "left"}, "center: must be one of"),
        ({"kind": "stacked", "center": "none"}, "'split' in a stacked chart"),
        ({"small": -1}, "small: must be a whole number of at least 0"),
        ({"lang": "no"}, "lang: must be 'sv' or 'en'"),
    ],
)
def test_options_that_do_not_exist_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_likert(ROWS, **options)
    with pytest.raises(InputError, match=message):
        draw_likert_panels({"a": ROWS}, **options)


def test_rows_are_copied_and_can_be_kept() -> None:
    counts = COUNTS.copy()
    rows = LikertRows(LONG, FIVE, SIDES, counts, (100,) * 3)
    counts[0, 0] = 99
    assert rows.counts[0, 0] == 10
    with pytest.raises(ValueError, match="read-only"):
        rows.counts[0, 0] = 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows)).counts, COUNTS)


@given(st.lists(st.lists(st.integers(0, 40), min_size=5, max_size=5), min_size=1, max_size=4))
def test_every_row_with_answers_sums_to_a_hundred(counts: list[list[int]]) -> None:
    array = np.array(counts, dtype=float)
    n = tuple(int(total) for total in array.sum(axis=1))
    rows = LikertRows(tuple(map(str, n)), FIVE, SIDES, array, n)
    total = rows.shares().sum(axis=1)
    np.testing.assert_allclose(total, np.where(np.array(n) > 0, 100, 0))
    order = rows.order(sort=True)
    assert sorted(order) == list(range(len(n)))
    share = [rows.on_side(1)[i] / n[i] if n[i] else -1 for i in order]
    assert share == sorted(share, reverse=True)
