"""The number parser reads what Swedish agencies print."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.published.numbers import parse_figure


@pytest.mark.parametrize(
    ("text", "value", "half"),
    [
        ("3625", 3625, Fraction(1, 2)),
        ("1 784", 1784, Fraction(1, 2)),
        ("1\u00a0784", 1784, Fraction(1, 2)),
        ("1\u202f784", 1784, Fraction(1, 2)),
        ("1\u2009784", 1784, Fraction(1, 2)),
        ("1 234 567", 1234567, Fraction(1, 2)),
        ("2010", 2010, Fraction(1, 2)),
        ("45%", 45, Fraction(1, 2)),
        ("45 %", 45, Fraction(1, 2)),
        ("45\u00a0%", 45, Fraction(1, 2)),
        ("26 procent", 26, Fraction(1, 2)),
        ("0,3%", Fraction(3, 10), Fraction(1, 20)),
        ("7,0 %", 7, Fraction(1, 20)),
        ("15,8", Fraction(158, 10), Fraction(1, 20)),
        ("12.5", Fraction(25, 2), Fraction(1, 20)),
        ("-2,5", Fraction(-5, 2), Fraction(1, 20)),
        ("\u22122,5", Fraction(-5, 2), Fraction(1, 20)),
        ("0", 0, Fraction(1, 2)),
        ("12*", 12, Fraction(1, 2)),
        ("sex procent", 6, Fraction(1, 2)),
        ("Sjutton", 17, Fraction(1, 2)),
        (" 12 517 ", 12517, Fraction(1, 2)),
    ],
)
def test_printed_figures(text: str, value: Fraction | int, half: Fraction) -> None:
    figure = parse_figure(text)
    assert figure.value == value
    assert figure.half == half
    assert figure.text == text
    assert not figure.vague
    assert figure.low == figure.high == value


@pytest.mark.parametrize("text", ["-", "\u2013", "\u2212", "..", ".", "", "  ", "x"])
def test_signs_for_no_figure(text: str) -> None:
    figure = parse_figure(text)
    assert figure.value is None
    assert not figure.vague


def test_suppressed_count_is_an_interval() -> None:
    figure = parse_figure("<5")
    assert figure.value is None
    assert (figure.low, figure.high) == (1, 4)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("drygt 70", 70, 80),
        ("Drygt 70 procent", 70, 80),
        ("drygt 85 000", 85000, 86000),
        ("knappt 677", 676, 677),
        ("nästan 3 000", 2000, 3000),
        ("nära 235", 234, 235),
        ("ca 40", 35, 45),
        ("ca 700", 650, 750),
        ("ca 65 procent", Fraction(125, 2), Fraction(135, 2)),
        ("cirka 61 procent", Fraction(121, 2), Fraction(123, 2)),
        ("minst 35", 35, math.inf),
        ("högst 230", -math.inf, 230),
        ("hälften", 45, 55),
        ("drygt hälften", 50, 60),
        ("var femte", Fraction(35, 2), Fraction(45, 2)),
        ("var fjärde", Fraction(45, 2), Fraction(175, 6)),
        ("knappt var femte", 10, 20),
        ("en av tio", 5, 15),
        ("fyra av tio", 35, 45),
        ("ett tjugotal", 15, 25),
        ("ett drygt femtiotal", 50, 55),
        ("ett par hundra", 100, 300),
    ],
)
def test_words_make_intervals(text: str, low: Fraction, high: Fraction) -> None:
    figure = parse_figure(text)
    assert figure.vague
    assert (figure.low, figure.high) == (low, high)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tjugofem stycken", "tjugofem stycken"),
        ("12 34", "12 34"),
        ("2010 200", "2010 200"),
        ("12,", "12,"),
        ("1,2,3", "1,2,3"),
        ("n/a", "n/a"),
        ("1.234", "thousands"),
    ],
)
def test_text_that_is_no_figure_is_an_error(text: str, said: str) -> None:
    with pytest.raises(InputError, match="text: must be") as caught:
        parse_figure(text)
    assert said in str(caught.value)


@given(
    value=st.integers(0, 10**9),
    space=st.sampled_from([" ", "\u00a0", "\u202f", "\u2009"]),
    suffix=st.sampled_from(["", "%", " %", " procent"]),
)
def test_grouped_integers_round_trip(value: int, space: str, suffix: str) -> None:
    printed = f"{value:,}".replace(",", space) + suffix
    assert parse_figure(printed).value == value


@given(scaled=st.integers(0, 10**6), decimals=st.integers(1, 3))
def test_decimals_are_exact(scaled: int, decimals: int) -> None:
    whole, part = divmod(scaled, 10**decimals)
    figure = parse_figure(f"{whole},{part:0{decimals}d}")
    assert figure.value == Fraction(scaled, 10**decimals)
    assert figure.decimals == decimals
