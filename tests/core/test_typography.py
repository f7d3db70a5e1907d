"""Swedish and English figures, character by character."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.core.typography import MINUS, NBSP, Typography, bind_units
from evalkit.errors import InputError

SV = Typography("sv")
EN = Typography("en")


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (SV.integer(3740), "3\u00a0740"),
        (SV.integer(-1234567), "\u22121\u00a0234\u00a0567"),
        (SV.integer(2012, group=False), "2012"),
        (SV.number(2.5, 0), "3"),  # half up, not to even
        (SV.number(0.125, 2), "0,13"),
        (SV.number(1.005, 2), "1,01"),  # by its shortest decimal form
        (SV.number(Decimal("-0.04"), 1), "0,0"),  # no negative zero
        (SV.number(-2.45, 1), "\u22122,5"),
        (SV.number(2.0, 1, sign=True), "+2,0"),
        (SV.number(float("nan")), "\u2013"),
        (SV.number(float("-inf")), "\u2212∞"),
        (SV.percent(26), "26\u00a0%"),
        (SV.percent(26.04, 1, words=True), "26,0\u00a0procent"),
        (SV.percent(float("nan")), "\u2013"),
        (SV.share(1, 8), "13\u00a0%"),
        (SV.share(12, 3740, 1), "0,3\u00a0%"),
        (SV.share(0, 0), "\u2013"),
        (SV.points(-1.85), "\u22121,9\u00a0procentenheter"),
        (SV.points(1, 0), "+1\u00a0procentenhet"),
        (SV.points(1.04), "+1,0\u00a0procentenheter"),
        (SV.points(2.2, unit=False), "+2,2"),
        (SV.interval(3.1, 5.2), "3,1\u00a0till\u00a05,2"),
        (SV.interval(3.1, 5.2, dash=True), "3,1\u20135,2"),
        (SV.interval(-3.1, 5.2, dash=True), "\u22123,1\u00a0till\u00a05,2"),
        (SV.p_value(0.0316), "p\u00a0=\u00a00,032"),
        (SV.p_value(0.0000316), "p\u00a0<\u00a00,001"),
        (SV.p_value(1e-9, symbol=False), "<\u00a00,001"),
        (SV.p_value(float("nan")), "\u2013"),
        (SV.join(["a", "b", "c"]), "a, b och c"),
        (SV.join(["a"]), "a"),
        (SV.join([]), ""),
        (EN.integer(3740), "3,740"),
        (EN.number(1234.5), "1,234.5"),
        (EN.percent(26), "26%"),
        (EN.percent(26, words=True), "26\u00a0per cent"),
        (EN.points(-1.0, 0), "\u22121\u00a0percentage point"),
        (EN.interval(3.1, 5.2), "3.1\u00a0to\u00a05.2"),
        (EN.join(["a", "b"]), "a and b"),
    ],
)
def test_character_by_character(got: str, expected: str) -> None:
    assert got == expected


@given(st.integers(-(10**15), 10**15))
def test_whole_numbers_come_back(value: int) -> None:
    assert int(SV.integer(value).replace(NBSP, "").replace(MINUS, "-")) == value


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 3))
def test_a_breakable_space_never_occurs(count: int, base: int, decimals: int) -> None:
    texts = [SV.share(count, base, decimals, words=True), SV.interval(count, base, decimals)]
    assert not any(" " in text for text in texts)


def test_units_stay_with_their_numbers() -> None:
    written = "minst 35 procent, 26 % av 10 personer, 3 percentage points"
    assert bind_units(written) == (
        "minst 35\u00a0procent, 26\u00a0% av 10 personer, 3\u00a0percentage points"
    )


def test_refuses_other_languages() -> None:
    with pytest.raises(InputError, match="'sv' or 'en'"):
        Typography("de")  # type: ignore[arg-type]
