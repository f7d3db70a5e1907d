"""Exact half-up rounding, against fractions and by hand."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.rounding import percent_half_up, ratio_half_up


@pytest.mark.parametrize(
    ("count", "base", "decimals", "expected"),
    [
        (1, 8, 0, 13),  # 12.5, where round() gives 12
        (575, 1000, 0, 58),  # 57.5, where 0.575 * 100 is 57.49999
        (12, 3740, 1, 3),  # printed as 0,3%
        (1, 436, 1, 2),
        (0, 7, 0, 0),
        (7, 7, 1, 1000),
        (-1, 8, 0, -13),
        (10**30, 3 * 10**30, 4, 333333),
    ],
)
def test_percent_by_hand(count: int, base: int, decimals: int, expected: int) -> None:
    assert percent_half_up(count, base, decimals) == expected


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 6))
def test_agrees_with_fractions(count: int, base: int, decimals: int) -> None:
    exact = Fraction(100 * count, base) * 10**decimals
    assert percent_half_up(count, base, decimals) == floor(exact + Fraction(1, 2))


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**9), st.integers(0, 4))
def test_a_sign_only_mirrors(top: int, bottom: int, decimals: int) -> None:
    assert ratio_half_up(-top, bottom, decimals) == -ratio_half_up(top, bottom, decimals)


def test_takes_numpy_integers_without_overflow() -> None:
    assert percent_half_up(np.int32(2_000_000_000), np.int32(2_000_000_000), 5) == 100 * 10**5


@pytest.mark.parametrize(("base", "decimals"), [(0, 0), (-3, 0), (3, -1)])
def test_refuses(base: int, decimals: int) -> None:
    with pytest.raises(InputError):
        percent_half_up(1, base, decimals)
