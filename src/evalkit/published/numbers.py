"""Reads printed figures exactly as Swedish agencies print them.

A printed figure is text before it is a number: ``26%`` says something else than ``26,0 %``, and
``drygt 70`` is not 70. :func:`parse_figure` keeps the text and gives the exact value, the unit of
the last printed digit and, for vague figures, the interval that the words allow.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from evalkit.errors import InputError

__all__ = ["Bound", "Figure", "parse_figure"]

Bound = Fraction | float
"""An end of an interval: a Fraction, or an infinite float."""

_ZERO = Fraction(0)

# Ordinary, no-break, narrow no-break, thin and figure spaces all occur as thousands separators.
_SPACES = " \u00a0\u202f\u2009\u2007"
_MINUS = "-\u2212\u2013"
_DASHES = frozenset({"-", "\u2013", "\u2014", "\u2212"})
_MISSING = frozenset({"", "..", "...", ".", "\u2026", "x", "X"})

_NUMBER = re.compile(
    rf"(?P<sign>[{_MINUS}+]?)"
    rf"(?P<whole>\d{{1,3}}(?:[{_SPACES}]\d{{3}})+|\d+)"
    r"(?:(?P<mark>[.,])(?P<decimals>\d+))?"
)
_UNIT = re.compile(rf"[{_SPACES}]*(%|procent|percent|procentenheter)?[{_SPACES}]*\**")
_SUPPRESSED = re.compile(rf"<[{_SPACES}]*(\d+)")

_ABOVE = ("drygt", "strax över", "något över", "lite över", "lite drygt")
_BELOW = (
    "knappt", "nästan", "närmare", "nära", "uppemot", "strax under", "inte fullt", "knappa",
)  # fmt: skip
_ABOUT = ("ca", "ca.", "c:a", "cirka", "omkring", "ungefär", "runt", "kring", "i snitt ca")
_AT_LEAST = ("minst", "över", "mer än", "fler än", "lägst")
_AT_MOST = ("högst", "längst", "under", "mindre än", "färre än", "upp till", "maximalt", "max")
_VAGUE = {
    word: kind
    for kind, words in (
        ("above", _ABOVE), ("below", _BELOW), ("about", _ABOUT),
        ("at least", _AT_LEAST), ("at most", _AT_MOST),
    )
    for word in words
}  # fmt: skip
_VAGUE_PATTERN = re.compile(
    "(" + "|".join(re.escape(w) for w in sorted(_VAGUE, key=len, reverse=True)) + r")\s+",
    re.IGNORECASE,
)

_WORDS = {
    word: value
    for value, words in enumerate(
        (
            "noll ingen", "en ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio",
            "tio", "elva", "tolv", "tretton", "fjorton", "femton", "sexton", "sjutton", "arton",
            "nitton", "tjugo",
        )
    )
    for word in words.split()
}  # fmt: skip
# Fractions in words are shares in percent, known to about five percentage points.
_SHARES = {
    "hälften": Fraction(50),
    "halva": Fraction(50),
    "en tredjedel": Fraction(100, 3),
    "en tredje del": Fraction(100, 3),
    "två tredjedelar": Fraction(200, 3),
    "en fjärdedel": Fraction(25),
    "tre fjärdedelar": Fraction(75),
    "en femtedel": Fraction(20),
    "två femtedelar": Fraction(40),
    "tre femtedelar": Fraction(60),
    "fyra femtedelar": Fraction(80),
}
_SHARE_WIDTH = Fraction(5)
_OUT_OF = re.compile(r"(\w+) av (tio|fem|fyra|tre)$")
_EVERY = re.compile(r"var (tredje|fjärde|femte|sjätte|sjunde|åttonde|nionde|tionde)$")
_EVERY_LEAST = Fraction(5, 2)
_ORDINALS = ("tredje", "fjärde", "femte", "sjätte", "sjunde", "åttonde", "nionde", "tionde")
_TENS = {
    "tio": 10, "femton": 15, "tjugo": 20, "trettio": 30, "fyrtio": 40, "femtio": 50,
    "sextio": 60, "sjuttio": 70, "åttio": 80, "nittio": 90, "hundra": 100,
}  # fmt: skip
_ROUND = re.compile(rf"ett (?:(drygt|knappt) )?({'|'.join(_TENS)})tal")
# Round numbers in words, with the half-width that the wording leaves open.
_LOOSE = {"ett par hundra": (200, 100), "några hundra": (300, 100), "ett dussin": (12, 2)}


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed figure.

    Attributes
    ----------
    text : str
        The figure as printed.
    value : Fraction or None
        The exact printed value; None where the source prints no figure.
    half : Fraction
        Half a unit of the last printed digit (1/2 for ``26``, 1/20 for ``0,3``).
    vague : bool
        Whether words make the figure an interval (``drygt 70``, ``<5``).
    low, high : Fraction or float
        Ends of that interval; equal to `value` when the figure is not vague, and infinite where
        the words leave an end open (``minst 35``).
    """

    text: str
    value: Fraction | None
    half: Fraction = _ZERO
    vague: bool = False
    low: Bound = _ZERO
    high: Bound = _ZERO

    @property
    def decimals(self) -> int:
        """Number of printed decimals."""
        count, unit = 0, 2 * self.half
        while 0 < unit < 1:
            unit, count = unit * 10, count + 1
        return count


@lru_cache(maxsize=65536)
def parse_figure(text: str) -> Figure:
    """Read a printed figure.

    Parameters
    ----------
    text : str
        For example ``1 784``, ``26%``, ``0,3 %``, ``-``, ``..``, ``<5``, ``drygt 70``,
        ``sex procent`` or ``hälften``. Groups of three digits may be parted by a space of any
        width; four digits in a row are not grouped, so years stay years.

    Returns
    -------
    Figure
        With ``value`` None for dashes, dots, suppressed figures and empty text.

    Raises
    ------
    InputError
        If the text is neither a figure nor one of the signs for "no figure", or if a point could
        be either a decimal mark or a thousands separator (``1.234``).

    Examples
    --------
    >>> parse_figure("1 784").value
    Fraction(1784, 1)
    >>> parse_figure("0,3%").half
    Fraction(1, 20)
    >>> figure = parse_figure("drygt 70")
    >>> figure.low, figure.high
    (Fraction(70, 1), Fraction(80, 1))
    """
    stripped = text.strip(_SPACES + "\t\n")
    if stripped in _DASHES or stripped in _MISSING:
        return Figure(text, None)
    if match := _SUPPRESSED.fullmatch(stripped):
        limit = int(match.group(1))
        low, high = Fraction(min(1, limit - 1)), Fraction(limit - 1)
        return Figure(text, None, vague=True, low=low, high=high)
    kind = ""
    if match := _VAGUE_PATTERN.match(stripped):
        kind = _VAGUE[match.group(1).lower()]
        stripped = stripped[match.end() :].strip(_SPACES)
    if loose := _round_in_words(stripped.lower()):
        low, middle, high = loose
        return Figure(text, middle, Fraction(1, 2), True, low, high)
    if share := _share_in_words(stripped.lower()):
        ends = _share_ends(share, stripped.lower())
        if kind in ("above", "at least"):
            ends = (share, share + 2 * _SHARE_WIDTH)
        elif kind in ("below", "at most"):
            ends = (share - 2 * _SHARE_WIDTH, share)
        return Figure(text, share, Fraction(1, 2), True, *ends)
    value, half, place = _read(stripped, text)
    if not kind:
        return Figure(text, value, half, False, value, value)
    return Figure(text, value, half, True, *_vague_ends(kind, value, half, place))


def _round_in_words(words: str) -> tuple[Fraction, Fraction, Fraction] | None:
    """Low end, value and high end of "ett tjugotal" or "ett par hundra"; None for other words."""
    side = ""
    if words in _LOOSE:
        middle, width = _LOOSE[words]
    elif match := _ROUND.fullmatch(words):
        side, middle = match.group(1) or "", _TENS[match.group(2)]
        width = 50 if middle == 100 else 3 if middle == 15 else 5
    else:
        return None
    low = middle if side == "drygt" else middle - width
    high = middle if side == "knappt" else middle + width
    return Fraction(low), Fraction(middle), Fraction(high)


def _share_in_words(words: str) -> Fraction | None:
    """Percent of "hälften" or "fyra av tio", None for anything else."""
    if words in _SHARES:
        return _SHARES[words]
    if match := _EVERY.fullmatch(words):
        return Fraction(100, 3 + _ORDINALS.index(match.group(1)))
    match = _OUT_OF.fullmatch(words)
    if match and match.group(1) in _WORDS:
        return Fraction(100 * _WORDS[match.group(1)], _WORDS[match.group(2)])
    return None


def _share_ends(share: Fraction, words: str) -> tuple[Fraction, Fraction]:
    """Ends of a share in words; "var femte" is nearer to a fifth than to a fourth or a sixth."""
    if not _EVERY.fullmatch(words):
        return share - _SHARE_WIDTH, share + _SHARE_WIDTH
    below, above = 100 / (100 / share + 1), 100 / (100 / share - 1)
    low, high = (share + below) / 2, (share + above) / 2
    return min(low, share - _EVERY_LEAST), max(high, share + _EVERY_LEAST)


def _read(stripped: str, text: str) -> tuple[Fraction, Fraction, Fraction]:
    """Value, half a unit of the last printed digit, place value of the last non-zero digit."""
    word = stripped.split(" ")[0].lower()
    if word in _WORDS and _UNIT.fullmatch(stripped[len(word) :]):
        return Fraction(_WORDS[word]), Fraction(1, 2), Fraction(1)
    match = _NUMBER.match(stripped)
    if match is None or not _UNIT.fullmatch(stripped[match.end() :]):
        raise InputError.of(
            "text",
            required="a printed figure such as '1 784', '26%', '0,3' or a dash",
            got=repr(text),
            remedy="Correct the cell, or leave it empty where the source has no figure.",
        )
    decimals = match.group("decimals") or ""
    if match.group("mark") == "." and len(decimals) == 3:
        raise InputError.of(
            "text",
            required="a figure with a decimal comma or with spaces between thousands",
            got=repr(text),
            remedy="A point before three digits may mean either: write '1 234' or '1,234'.",
        )
    digits = re.sub(rf"[{_SPACES}]", "", match.group("whole")) + decimals
    unit = Fraction(1, 10 ** len(decimals))
    value = int(digits) * unit
    if match.group("sign") not in ("", "+"):
        value = -value
    zeros = len(digits) - len(digits.rstrip("0")) if digits.strip("0") else 0
    return value, unit / 2, unit * 10**zeros


def _vague_ends(kind: str, value: Fraction, half: Fraction, place: Fraction) -> tuple[Bound, Bound]:
    """Interval that a vague word gives: one step of the figure's own coarseness."""
    if kind == "above":
        return value, value + place
    if kind == "below":
        return value - place, value
    if kind == "about":
        # "ca 65" has been rounded to fives, "ca 700" to hundreds.
        digits = abs(value) / place
        fives = digits > 10 and digits % 10 == 5
        width = max(half, place * (Fraction(5, 2) if fives else Fraction(1, 2)))
        return value - width, value + width
    return (value, math.inf) if kind == "at least" else (-math.inf, value)
