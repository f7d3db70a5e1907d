"""Statements and headings broken into lines by their drawn width, as Swedish is typeset."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from evalkit.core.typography import EN_DASH, NBSP, bind_units
from evalkit.plots.style import INK

__all__ = [
    "LINE_CM",
    "STATEMENT_SIZE",
    "break_text",
    "narrower_room",
    "pieces_of",
    "row_height",
    "statement_room",
    "widest_piece",
    "width_cm",
    "width_of",
    "write_statements",
]

STATEMENT_SIZE = 8.5
LINE_CM = 0.353  # from line to line of a heading
_STATEMENT_LINE_CM, _BAR_CM, _AROUND = 0.37, 0.46, 0.24
_SHARE = 0.34  # of a figure's width: what statements may take
_LEAST_CM = 3.6  # what they keep where others need room
_CM_PER_POINT = 2.54 / 72

_SOFT = "\u00ad"
_UNITS = (
    "%|‰|procent|procentenheter|kr|kronor|tkr|mkr|år|månader?|mån|veckor?|dagar?|dygn|timmar?|tim|"
    "minuter|min|poäng|personer|svar|per cent|percentage points?|years?|months?|weeks?|days?|hours?"
)
_BEFORE_UNIT = re.compile(rf"(?<=\d) (?=(?:{_UNITS})(?!\w))")
_AFTER_CODE = re.compile(r"^(\d+) ")
_IN_NUMBER = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_BEFORE_DASH = re.compile(rf" (?=[{EN_DASH}—] )")
_AFTER_HYPHEN = re.compile(r"(?<=[^\W\d_]{2}-)(?=[^\W\d_]{2})")


def width_cm(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line of text is drawn.

    Parameters
    ----------
    text : str
        The line.
    size : float
        Its size, in points.
    bold : bool, default False
        Whether it is bold.

    Returns
    -------
    float
        The width in centimetres, in the font that matplotlib draws with.
    """
    import matplotlib as mpl

    family = cast("Any", mpl).rcParams["font.family"]
    return _measured(
        text, float(size), bold, tuple([family] if isinstance(family, str) else family)
    )


@lru_cache(maxsize=4096)
def _measured(text: str, size: float, bold: bool, family: tuple[str, ...]) -> float:
    """Measure a line, once for each font."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    if not text:
        return 0.0
    font = FontProperties(family=list(family), size=size, weight="bold" if bold else "normal")
    width, _, _ = cast("Any", text_to_path).get_text_width_height_descent(text, font, False)
    return float(width) * _CM_PER_POINT


def pieces_of(text: str) -> list[tuple[str, str]]:
    """Divide a text where its lines may end.

    Lines may end at spaces, after a hyphen between parts of a word (not in ``1-4`` or ``e-post``),
    and at soft hyphens. They never end between a number and its unit, within a number, after a
    number that the text begins with, or before a dash.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    list of (str, str)
        The pieces, each with what stands between it and the next on the same line: a space,
        nothing (after a hyphen), or a soft hyphen, which shows only where a line ends.
    """
    bound = bind_units(" ".join(part for part in re.split(r"[ \t\r\n]+", text) if part))
    bound = _AFTER_CODE.sub(rf"\1{NBSP}", bound)
    for pattern in (_BEFORE_UNIT, _IN_NUMBER, _BEFORE_DASH):
        bound = pattern.sub(NBSP, bound)
    pieces: list[tuple[str, str]] = []
    for word in bound.split(" "):
        syllables = [part for part in word.split(_SOFT) if part]
        for i, syllable in enumerate(syllables):
            parts = _AFTER_HYPHEN.split(syllable)
            last = _SOFT if i < len(syllables) - 1 else " "
            pieces += [(part, "") for part in parts[:-1]] + [(parts[-1], last)]
    return pieces


def widest_piece(text: str, size: float, *, bold: bool = False) -> float:
    """Return the least width that a text can be broken to.

    Parameters
    ----------
    text : str
        The text.
    size : float
        Its size, in points.
    bold : bool, default False
        Whether it is bold.

    Returns
    -------
    float
        The width in centimetres of its widest part that cannot be broken.
    """
    ends = (piece + "-" * (after == _SOFT) for piece, after in pieces_of(text))
    return max((width_cm(end, size, bold=bold) for end in ends), default=0.0)


def break_text(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text into as few lines as possible, of lengths as even as possible.

    Parameters
    ----------
    text : str
        The text, shown whole; a part that cannot be broken may stick out.
    room : float
        The width of the lines, in centimetres.
    size : float
        The text's size, in points.
    bold : bool, default False
        Whether it is bold.

    Returns
    -------
    list of str
        The lines, at least one.
    """
    pieces = pieces_of(text)
    lines = _filled(pieces, room, size, bold)
    for tenth in range(9, 3, -1):
        narrower = _filled(pieces, room * tenth / 10, size, bold)
        widest = max(width_cm(line, size, bold=bold) for line in narrower)
        if len(narrower) > len(lines) or widest > room * tenth / 10:
            break
        lines = narrower
    return lines


def _filled(pieces: list[tuple[str, str]], room: float, size: float, bold: bool) -> list[str]:
    """Put as many pieces on each line as it has room for."""
    lines: list[str] = []
    line, between = "", ""
    for piece, after in pieces:
        joint = "" if between == _SOFT else between
        longer = f"{line}{joint}{piece}"
        shown = longer + "-" * (after == _SOFT)
        if line and width_cm(shown, size, bold=bold) > room:
            lines.append(line + "-" * (between == _SOFT))
            longer = piece
        line, between = longer, after
    return [*lines, line]


def statement_room(statements: Sequence[str], width: float) -> float:
    """Return how wide the column of statements is.

    Parameters
    ----------
    statements : sequence of str
        All statements of the column.
    width : float
        Width of the figure, in centimetres.

    Returns
    -------
    float
        A third of the figure or less, but at least what the longest word needs.
    """
    whole = max(width_cm(text.replace(_SOFT, ""), STATEMENT_SIZE) for text in statements)
    word = max(widest_piece(text, STATEMENT_SIZE) for text in statements)
    return max(min(whole, _SHARE * width), word)


def narrower_room(statements: Sequence[str], room: float, short: float) -> float:
    """Return how wide the column of statements is where what stands beside them lacks room.

    Parameters
    ----------
    statements : sequence of str
        All statements of the column.
    room : float
        What :func:`statement_room` gives them.
    short : float
        What is lacking, in centimetres; nothing changes unless it is positive.

    Returns
    -------
    float
        As much less as is lacking, but not so little that words stick out or rows become towers.
    """
    word = max(widest_piece(text, STATEMENT_SIZE) for text in statements)
    return min(room, max(_LEAST_CM, word, room - max(short, 0.0)))


def row_height(lines: int) -> float:
    """Return how high a row is in centimetres.

    Parameters
    ----------
    lines : int
        Lines of its statement.

    Returns
    -------
    float
        What the lines, or a bar, need with some air.
    """
    return max(_BAR_CM, _STATEMENT_LINE_CM * lines) + _AROUND


def write_statements(
    axes: Any, places: Sequence[float], statements: Sequence[Sequence[str]], pad: float = 0.0
) -> None:
    """Write statements as the labels of the y axis, from its left edge on.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to write.
    places : sequence of float
        The middle of each row.
    statements : sequence of sequence of str
        The lines of each statement.
    pad : float, default 0.0
        How far to the left of the axes they begin, in centimetres.
    """
    axes.set_yticks(places, ["\n".join(lines) for lines in statements])
    axes.tick_params(axis="y", length=0, pad=pad / _CM_PER_POINT, labelsize=STATEMENT_SIZE)
    for label in axes.get_yticklabels():
        label.set(ha="left", va="center", linespacing=1.2, color=INK, parse_math=False)


def width_of(axes: Any) -> float:
    """Return the width of some axes in centimetres.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The axes.

    Returns
    -------
    float
        Their width as they stand now.
    """
    return float(axes.get_window_extent().width / axes.figure.dpi * 2.54)
