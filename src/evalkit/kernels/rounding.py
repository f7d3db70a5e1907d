"""Exact rounding of ratios of whole numbers, without a float on the way.

Published percentages are rounded half up: 12.5 becomes 13, where the built-in ``round`` gives
12 and where ``0.575 * 100`` is 57.49999. Results are *scaled integers*: 2.7 with one decimal is
27.
"""

from __future__ import annotations

from operator import index
from typing import SupportsIndex

from evalkit.errors import InputError

__all__ = ["percent_half_up", "ratio_half_up"]


def ratio_half_up(numerator: SupportsIndex, denominator: SupportsIndex, decimals: int = 0) -> int:
    """Round ``numerator / denominator``, a tie going away from zero.

    Parameters
    ----------
    numerator : int
        Any whole number.
    denominator : int
        A positive whole number.
    decimals : int, default 0
        Decimals to keep, at least 0.

    Returns
    -------
    int
        The rounded ratio times ``10**decimals``.

    Raises
    ------
    InputError
        If the denominator is not positive, or decimals are negative.

    Examples
    --------
    >>> ratio_half_up(1, 8, 2), ratio_half_up(-1, 8, 2)
    (13, -13)
    """
    top, bottom = index(numerator), index(denominator)
    if bottom <= 0:
        raise InputError.of("denominator", required="a positive whole number", got=bottom)
    if decimals < 0:
        raise InputError.of("decimals", required="0 or more", got=decimals)
    magnitude = (2 * abs(top) * 10**decimals + bottom) // (2 * bottom)
    return magnitude if top >= 0 else -magnitude


def percent_half_up(count: SupportsIndex, base: SupportsIndex, decimals: int = 0) -> int:
    """Round the percentage that `count` is of `base`, a tie going away from zero.

    Parameters
    ----------
    count : int
        The part.
    base : int
        The whole, positive.
    decimals : int, default 0
        Decimals to keep, at least 0.

    Returns
    -------
    int
        The rounded percentage times ``10**decimals``.

    Raises
    ------
    InputError
        If the base is not positive, or decimals are negative.

    Examples
    --------
    >>> percent_half_up(1, 8), percent_half_up(12, 3740, 1)
    (13, 3)
    """
    return ratio_half_up(100 * index(count), base, decimals)
