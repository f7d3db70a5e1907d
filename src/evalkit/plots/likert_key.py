"""The names of the categories above the bars of a Likert chart, in place of a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalkit.plots.likert_layout import HEAD_SIZE, Center, Kind, Plan, bars
from evalkit.plots.likert_rows import LikertRows
from evalkit.plots.statement_text import break_text, widest_piece, width_cm

__all__ = ["CHIP_CM", "Key", "Name", "name_categories"]

CHIP_CM, _TO_TEXT, _BETWEEN = 0.32, 0.1, 0.45  # of a key that runs over the figure
_AIR = 0.2  # between names that stand side by side
_MOST_LINES = 3


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a category: its lines, and where it stands.

    Attributes
    ----------
    which : int
        Position of the category.
    lines : tuple of str
        The name.
    begin, end : float
        Ends of what it names, in centimetres: its part of the first bar, of the strip above the
        bars, or the chip before it in a running key.
    line : int
        The line of a running key, from the top.
    """

    which: int
    lines: tuple[str, ...]
    begin: float
    end: float
    line: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """How the categories are named.

    Attributes
    ----------
    form : {"direct", "strip", "band", "running"}
        Above their parts of the first bar; above a strip of their colours that is as wide as the
        bars; above a wider one over the headings of the columns; or after chips of their colours,
        in lines over the figure.
    names : tuple of Name
        The categories that are drawn.
    """

    form: Literal["direct", "strip", "band", "running"]
    names: tuple[Name, ...]

    def lines(self) -> int:
        """Return how many lines the names need.

        Returns
        -------
        int
            The lines of the longest name, or those of the running key.
        """
        if self.form == "running":
            return 1 + max(name.line for name in self.names)
        return max(len(name.lines) for name in self.names)


def name_categories(
    rows: LikertRows,
    made: Plan,
    *,
    kind: Kind,
    center: Center,
    first: int | None,
    begin: float,
    end: float,
) -> Key:
    """Name the categories in the most direct way for which there is room.

    Parameters
    ----------
    rows : LikertRows
        The answers.
    made : Plan
        Where the bars stand.
    kind, center : str
        As in :func:`evalkit.plots.likert_layout.bars`.
    first : int or None
        The uppermost row; None if names must not depend on it.
    begin, end : float
        Between what places a key may run over the figure, in centimetres.

    Returns
    -------
    Key
        The names.
    """
    drawn = [
        i for i, side in enumerate(rows.sides) if side or kind == "stacked" or center != "none"
    ]
    apart = {i for i in drawn if rows.sides[i] == 0 and made.apart is not None}
    if first is not None:
        starts, widths = bars(rows, kind, center)
        cells: list[tuple[float, float]] = []
        for i in drawn:
            at = made.zero(i in apart) + float(starts[first, i]) / made.scale
            cells.append((at, at + float(widths[first, i]) / made.scale))
        if names := _over(rows, drawn, cells, _MOST_LINES):
            return Key("direct", names)
    inner = _strip(rows, [i for i in drawn if i not in apart], made.main)
    outer = _strip(rows, sorted(apart), made.apart or made.main)
    if inner is not None and outer is not None:
        cells = [(inner | outer)[i] for i in drawn]
        if names := _over(rows, drawn, cells, _MOST_LINES):
            return Key("strip", names)
    band = _strip(rows, drawn, (begin, end))
    if band is not None and (names := _over(rows, drawn, [band[i] for i in drawn], _MOST_LINES)):
        return Key("band", names)
    return Key("running", _running(rows, drawn, begin, end))


def _over(
    rows: LikertRows, drawn: Sequence[int], cells: Sequence[tuple[float, float]], most: int
) -> tuple[Name, ...]:
    """Break every name to the width of its cell; none if one does not fit."""
    names: list[Name] = []
    for i, (begin, end) in zip(drawn, cells, strict=True):
        room = end - begin - _AIR
        if room + 1e-9 < widest_piece(rows.categories[i], HEAD_SIZE):
            return ()
        lines = break_text(rows.categories[i], room + 1e-9, HEAD_SIZE)
        if len(lines) > most:
            return ()
        names.append(Name(i, tuple(lines), begin, end))
    return tuple(names)


def _strip(
    rows: LikertRows, which: Sequence[int], zone: tuple[float, float]
) -> dict[int, tuple[float, float]] | None:
    """Divide a zone between categories: evenly if their words fit, else by their words."""
    if not which:
        return {}
    needs = [widest_piece(rows.categories[i], HEAD_SIZE) + _AIR for i in which]
    room = zone[1] - zone[0]
    if sum(needs) > room + 1e-9:
        return None
    even = room / len(which)
    extra = (room - sum(needs)) / len(which)
    widths = [even if max(needs) <= even else need + extra for need in needs]
    cells: dict[int, tuple[float, float]] = {}
    at = zone[0]
    for i, width in zip(which, widths, strict=True):
        cells[i] = (at, at + width)
        at += width
    return cells


def _running(rows: LikertRows, drawn: Sequence[int], begin: float, end: float) -> tuple[Name, ...]:
    """Put the names after one another, on as many lines as they need."""
    names: list[Name] = []
    at, line = begin, 0
    for i in drawn:
        room = end - begin - CHIP_CM - _TO_TEXT
        text = break_text(rows.categories[i], room, HEAD_SIZE)
        wide = CHIP_CM + _TO_TEXT + max(width_cm(part, HEAD_SIZE) for part in text)
        if at > begin and at + wide > end:
            at, line = begin, line + 1
        names.append(Name(i, tuple(text), at, at + CHIP_CM, line))
        line += len(text) - 1
        at += wide + _BETWEEN
    return tuple(names)
