"""Numbers as they are set in Swedish and English reports.

One small formatter serves the tables, the charts and the running text, so that the same figure
looks the same everywhere: no-break thousands space, decimal comma, true minus, half-up rounding
and a no-break space before "%" and "procent" in Swedish.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import isinf, isnan
from typing import Literal, SupportsIndex

from evalkit.errors import InputError
from evalkit.kernels.rounding import percent_half_up

__all__ = ["EN_DASH", "MINUS", "NBSP", "Lang", "Typography", "bind_units"]

NBSP = "\u00a0"
MINUS = "\u2212"
EN_DASH = "\u2013"

Lang = Literal["sv", "en"]

_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "thousands": NBSP,
        "point": ",",
        "percent": f"{NBSP}%",
        "percent word": f"{NBSP}procent",
        "points": f"{NBSP}procentenheter",
        "one point": f"{NBSP}procentenhet",
        "to": "till",
        "and": "och",
    },
    "en": {
        "thousands": ",",
        "point": ".",
        "percent": "%",
        "percent word": f"{NBSP}per cent",
        "points": f"{NBSP}percentage points",
        "one point": f"{NBSP}percentage point",
        "to": "to",
        "and": "and",
    },
}


_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|procent|per cent|percentage point)")


def bind_units(text: str) -> str:
    """Keep numbers on the line of their unit, in a text that was written by hand.

    Parameters
    ----------
    text : str
        For instance ``minst 35 procent``, with an ordinary space.

    Returns
    -------
    str
        The text with no-break spaces between numbers and "%", "procent" and the like.
    """
    return _BEFORE_UNIT.sub(NBSP, text)


@dataclass(frozen=True, slots=True)
class Typography:
    """The formatter of one language.

    Parameters
    ----------
    lang : {"sv", "en"}, default "sv"
        Language of the report.

    Raises
    ------
    InputError
        If the language is another one.

    Examples
    --------
    >>> t = Typography("sv")
    >>> t.integer(3740), t.share(968, 3740), t.points(-1.8)
    ('3\\xa0740', '26\\xa0%', '−1,8\\xa0procentenheter')
    """

    lang: Lang = "sv"

    def __post_init__(self) -> None:
        if self.lang not in _WORDS:
            raise InputError.of("lang", required="'sv' or 'en'", got=repr(self.lang))

    def integer(self, value: SupportsIndex, *, group: bool = True) -> str:
        """Set a whole number.

        Parameters
        ----------
        value : int
            The number.
        group : bool, default True
            Group thousands; leave off for years and identifiers.

        Returns
        -------
        str
            For instance ``3 740``, with a no-break space.
        """
        return self._scaled(value.__index__(), 0, group=group)

    def number(
        self, value: float | Decimal, decimals: int = 1, *, sign: bool = False, group: bool = True
    ) -> str:
        """Set a decimal number, rounded half up on its shortest decimal form.

        Parameters
        ----------
        value : float or Decimal
            The number; a missing one becomes an en dash.
        decimals : int, default 1
            Decimals shown, trailing zeros kept.
        sign : bool, default False
            Put a plus before positive numbers.
        group : bool, default True
            Group thousands.

        Returns
        -------
        str
            For instance ``−2,5``.
        """
        if isnan(value):
            return EN_DASH
        if isinf(value):
            return f"{MINUS}∞" if value < 0 else "∞"
        exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
        scaled = exact.scaleb(decimals).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return self._scaled(int(scaled), decimals, sign=sign, group=group)

    def percent(self, value: float | Decimal, decimals: int = 0, *, words: bool = False) -> str:
        """Set a percentage that is already computed.

        Parameters
        ----------
        value : float or Decimal
            The percentage (26.0, not 0.26).
        decimals : int, default 0
            Decimals shown.
        words : bool, default False
            Write "procent" (running text) for "%" (tables and charts).

        Returns
        -------
        str
            For instance ``26 %``, or ``26 procent``.
        """
        number = self.number(value, decimals)
        return number if number == EN_DASH else number + self._percent_unit(words)

    def share(
        self, count: SupportsIndex, base: SupportsIndex, decimals: int = 0, *, words: bool = False
    ) -> str:
        """Set the percentage that a count is of its base, rounded exactly.

        Parameters
        ----------
        count, base : int
            The part and the whole; an empty whole gives an en dash.
        decimals : int, default 0
            Decimals shown.
        words : bool, default False
            Write "procent" (running text) for "%" (tables and charts).

        Returns
        -------
        str
            For instance ``26 %``, or ``26 procent``.
        """
        if base.__index__() == 0:
            return EN_DASH
        scaled = percent_half_up(count, base, decimals)
        return self._scaled(scaled, decimals) + self._percent_unit(words)

    def points(
        self, value: float | Decimal, decimals: int = 1, *, sign: bool = True, unit: bool = True
    ) -> str:
        """Set a difference between percentages.

        Parameters
        ----------
        value : float or Decimal
            The difference in percentage points.
        decimals : int, default 1
            Decimals shown.
        sign : bool, default True
            Put a plus before positive differences.
        unit : bool, default True
            Add "procentenheter".

        Returns
        -------
        str
            For instance ``+2,2 procentenheter``.
        """
        number = self.number(value, decimals, sign=sign)
        if not unit or number == EN_DASH:
            return number
        one = number.lstrip(f"+{MINUS}") == "1"
        return number + _WORDS[self.lang]["one point" if one else "points"]

    def interval(
        self,
        low: float | Decimal,
        high: float | Decimal,
        decimals: int = 1,
        *,
        dash: bool = False,
        sign: bool = False,
    ) -> str:
        """Set the two ends of an interval.

        Parameters
        ----------
        low, high : float or Decimal
            The ends.
        decimals : int, default 1
            Decimals shown.
        dash : bool, default False
            Join by an en dash, which is used only where neither end carries a sign.
        sign : bool, default False
            Put a plus before positive ends.

        Returns
        -------
        str
            For instance ``3,1 till 5,2`` or ``3,1–5,2``.
        """
        ends = [self.number(end, decimals, sign=sign) for end in (low, high)]
        if dash and not any(end[0] in f"+{MINUS}" for end in ends):
            return EN_DASH.join(ends)
        return f"{ends[0]}{NBSP}{_WORDS[self.lang]['to']}{NBSP}{ends[1]}"

    def p_value(self, value: float, *, symbol: bool = True) -> str:
        """Set a p-value with three decimals, the smallest as ``p < 0,001``.

        Parameters
        ----------
        value : float
            Between 0 and 1; a missing one becomes an en dash.
        symbol : bool, default True
            Begin with "p" and the sign.

        Returns
        -------
        str
            For instance ``p = 0,032``.
        """
        if isnan(value):
            return EN_DASH
        small = value < 0.001
        number = self.number(0.001 if small else value, 3)
        if not symbol:
            return f"<{NBSP}{number}" if small else number
        return f"p{NBSP}{'<' if small else '='}{NBSP}{number}"

    def join(self, items: Sequence[str]) -> str:
        """Join words into a list with "och" before the last.

        Parameters
        ----------
        items : sequence of str
            The words.

        Returns
        -------
        str
            For instance ``a, b och c``.
        """
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {_WORDS[self.lang]['and']} {items[-1]}"

    def _percent_unit(self, words: bool) -> str:
        return _WORDS[self.lang]["percent word" if words else "percent"]

    def _scaled(self, scaled: int, decimals: int, *, sign: bool = False, group: bool = True) -> str:
        whole, part = divmod(abs(scaled), 10**decimals)
        words = _WORDS[self.lang]
        text = f"{whole:,}".replace(",", words["thousands"]) if group else str(whole)
        if decimals:
            text += f"{words['point']}{part:0{decimals}d}"
        if scaled < 0:
            return MINUS + text
        return f"+{text}" if sign and scaled else text
