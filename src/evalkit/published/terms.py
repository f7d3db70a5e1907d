"""Printed figures as intervals, and the arithmetic of intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from evalkit.published.numbers import Bound
from evalkit.published.store import Cell

__all__ = [
    "EVERYTHING",
    "Interval",
    "Term",
    "divide",
    "minus",
    "overlap",
    "plus",
    "term_of",
    "times",
]

Interval = tuple[Bound, Bound]
EVERYTHING: Interval = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Term:
    """One figure in a check, after its unit change.

    Attributes
    ----------
    cell : Cell or None
        The printed figure; None for a constant.
    value : Fraction or None
        Its printed value times `factor`; None for a figure that is only an interval.
    low, high : Fraction or float
        The interval it stands for.
    factor : Fraction
        The unit change.
    vague : bool
        Whether words, not digits, make the interval.
    exact : bool
        Whether a rounded figure is to be taken as it stands (a goal, a definition).
    label : str
        How a figure made of several printed ones is written, such as ``3 940 - 2 879``.
    """

    cell: Cell | None
    value: Fraction | None
    low: Bound
    high: Bound
    factor: Fraction = Fraction(1)
    vague: bool = False
    exact: bool = False
    label: str = ""

    @property
    def interval(self) -> Interval:
        """Ends of what the figure may be."""
        return self.low, self.high

    @property
    def certain(self) -> bool:
        """Whether the figure is one exact number."""
        return self.low == self.high


def term_of(cell: Cell, factor: Fraction, exact: bool) -> Term | None:
    """Make the term of a cell, None where the source prints no figure."""
    figure = cell.figure
    if figure.value is None and not figure.vague:
        return None
    if exact and figure.value is not None:
        low: Bound = figure.value
        high: Bound = figure.value
    elif figure.vague:
        low, high = figure.low, figure.high
    elif figure.value is not None and cell.key.measure != "count":
        low, high = figure.value - figure.half, figure.value + figure.half
    else:
        low, high = figure.low, figure.high
    low, high = times((low, high), (factor, factor)) if factor != 1 else (low, high)
    value = None if figure.value is None else figure.value * factor
    return Term(cell, value, low, high, factor, figure.vague and not exact, exact)


def plus(a: Interval, b: Interval) -> Interval:
    """Add two intervals."""
    return a[0] + b[0], a[1] + b[1]


def minus(a: Interval, b: Interval) -> Interval:
    """Subtract an interval from another."""
    return a[0] - b[1], a[1] - b[0]


def _product(x: Bound, y: Bound) -> Bound:
    """Product in which zero times an open end is zero."""
    return Fraction(0) if 0 in (x, y) else x * y


def times(a: Interval, b: Interval) -> Interval:
    """Multiply two intervals."""
    ends = [_product(x, y) for x in a for y in b]
    return min(ends), max(ends)


def _quotient(x: Bound, y: Bound) -> Bound:
    if isinstance(y, float):
        return Fraction(0)
    return x / y


def divide(a: Interval, b: Interval) -> Interval:
    """Quotient of intervals; anything at all when the divisor may be zero."""
    if b[0] <= 0 <= b[1]:
        return EVERYTHING
    ends = [_quotient(x, y) for x in a for y in b]
    return min(ends), max(ends)


def overlap(a: Interval, b: Interval, *, strict: bool = False) -> bool:
    """Whether two intervals meet; `strict` asks for more than a common end."""
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return low < high if strict else low <= high
