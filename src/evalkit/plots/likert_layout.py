"""Where everything stands in a Likert chart: bars, columns of numbers, headings, rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import InputError
from evalkit.plots.likert_rows import LikertRows, LikertWords
from evalkit.plots.statement_text import (
    break_text,
    narrower_room,
    statement_room,
    widest_piece,
    width_cm,
)

__all__ = [
    "BAR_SIZE", "GAP_CM", "HEAD_SIZE", "NUMBER_SIZE", "Center", "Column", "Kind", "Plan", "bars",
    "bars_room", "fit", "in_bar", "number", "plan",
]  # fmt: skip

Kind = Literal["diverging", "stacked"]
Center = Literal["split", "separate", "none"]
Shown = Literal["negative", "positive", "neutral", "outside", "n"]

HEAD_SIZE, NUMBER_SIZE, BAR_SIZE = 7.8, 8.0, 7.2
GAP_CM, _NEAR = 0.3, 0.14  # between columns; between a bar and its ends' numbers
_APART_NUMBER = 1.0  # after bars of neutral answers drawn apart, for their numbers
_NARROWEST, _WISHED = 2.5, 3.5  # bars, in centimetres
_LEAST_SHARE = 5.0  # percent: narrower parts of a bar have no number


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers: its right edge in centimetres, its heading and what it shows."""

    right: float
    heading: tuple[str, ...]
    shows: Shown
    which: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything stands, in centimetres from the left edge.

    `main` and `apart` are (begin, end) of the bars and of neutral answers drawn apart, `low` the
    percentage at the beginning of the bars, and `scale` percentage points for each centimetre.
    """

    width: float
    labels: float
    main: tuple[float, float]
    apart: tuple[float, float] | None
    low: float
    scale: float
    columns: tuple[Column, ...]
    apart_heading: tuple[str, ...] = ()

    def x(self, place: float) -> float:
        """Turn centimetres from the left edge into the axis' percentage points."""
        return self.low + (place - self.main[0]) * self.scale

    def limits(self) -> tuple[float, float]:
        """Return the limits of the axis."""
        return self.x(0.0), self.x(self.width)

    def zero(self, neutral: bool) -> float:
        """Return where bars have their 0, those of neutral answers drawn apart or the others."""
        if neutral and self.apart is not None:
            return self.apart[0]
        return self.main[0] - self.low / self.scale


def bars(
    rows: LikertRows, kind: Kind, center: Center
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the parts of the bars begin, and how wide they are.

    Parameters
    ----------
    rows : LikertRows
        The answers.
    kind : {"diverging", "stacked"}
        Whether negative answers go to the left of 0.
    center : {"split", "separate", "none"}
        Where neutral answers are: half on each side, apart (their parts begin at 0), or not drawn
        (their width is 0).

    Returns
    -------
    tuple of two ndarrays of float, shape (rows, categories)
        Beginnings and widths, in percent of the row.
    """
    widths = rows.shares()
    neutral = np.array(rows.sides) == 0
    if kind == "stacked":
        return np.cumsum(widths, axis=1) - widths, widths
    if center == "split":
        left = widths[:, np.array(rows.sides) < 0].sum(axis=1)
        left = left + widths[:, neutral].sum(axis=1) / 2
        return np.cumsum(widths, axis=1) - widths - left[:, None], widths
    sided, middle = np.where(neutral, 0.0, widths), np.where(neutral, widths, 0.0)
    left = sided[:, np.array(rows.sides) < 0].sum(axis=1)
    begin = np.cumsum(sided, axis=1) - sided - left[:, None]
    begin = np.where(neutral, np.cumsum(middle, axis=1) - middle, begin)
    return begin, sided if center == "none" else widths


def plan(
    panels: Sequence[LikertWords],
    *,
    kind: Kind,
    center: Center,
    width: float,
    labels: float,
) -> Plan:
    """Decide where everything stands, alike for all panels.

    Parameters
    ----------
    panels : sequence of LikertWords
        The answers of each panel.
    kind, center : str
        As in :func:`bars`.
    width, labels : float
        Width of the axes and, in it, of the statements' column, in centimetres.

    Returns
    -------
    Plan
        The plan.

    Raises
    ------
    evalkit.errors.InputError
        If the axes are too narrow for bars, or neutral answers are all there is to draw.
    """
    head = panels[0].rows
    if center != "split" and not any(head.sides):
        raise InputError.of(
            "center", required="'split' where all categories are neutral", got=repr(center)
        )
    low, high, middle = _limits(panels, kind, center)
    left, right = _columns(panels, kind, center)
    before = sum(room for room, *_ in left)
    begin = labels + before + (_NEAR if left else 0.0)
    room, apart_room, drawn = bars_room(panels, kind, center, width - labels)
    if drawn < _NARROWEST:
        short = _NARROWEST - drawn
        raise InputError.of(
            "ax", required=f"axes at least {width + short:.1f} cm wide", got=f"{width:.1f} cm",
            remedy="Draw on a wider figure, or shorten the longest words.",
        )  # fmt: skip
    main = (begin, begin + room)
    scale = (high - low) / (main[1] - main[0])
    columns, place = [_placed(left[0], labels + before)] if left else [], main[1] + _NEAR
    apart, before_apart = None, int(1 in head.sides)
    for i, column in enumerate(right):
        if middle and i == before_apart:
            apart = (place + GAP_CM, place + GAP_CM + apart_room + _APART_NUMBER)
            place = apart[1] + _NEAR
        place += column[0]
        columns.append(_placed(column, place))
    heading, names = (), ", ".join(_neutral(head))
    if apart and widest_piece(names, HEAD_SIZE) <= apart[1] - apart[0]:
        heading = tuple(break_text(names, apart[1] - apart[0] + 1e-6, HEAD_SIZE))
    return Plan(width, labels, main, apart, low, scale, tuple(columns), heading)


def fit(
    panels: Sequence[LikertWords], *, kind: Kind, center: Center, width: float, grow: bool
) -> tuple[float, float]:
    """Leave the bars room to be read in: by narrower statements, then by a wider figure.

    Parameters
    ----------
    panels : sequence of LikertWords
        The answers of each panel.
    kind, center : str
        As in :func:`bars`.
    width : float
        Width that is wished for, in centimetres.
    grow : bool
        Whether the figure may be wider.

    Returns
    -------
    tuple of two float
        Width of the axes, and of the statements without the gap after them.
    """
    labels = [label for words in panels for label in words.rows.labels]
    whole = statement_room(labels, width)
    short = _WISHED - bars_room(panels, kind, center, width - whole - GAP_CM)[2]
    room = narrower_room(labels, whole, short)
    short -= whole - room
    return width + (max(short, 0.0) if grow else 0.0), room


def bars_room(
    panels: Sequence[LikertWords], kind: Kind, center: Center, width: float
) -> tuple[float, float, float]:
    """Return the room that the columns of numbers leave for bars.

    Parameters
    ----------
    panels : sequence of LikertWords
        The answers of each panel.
    kind, center : str
        As in :func:`bars`.
    width : float
        Width without that of the statements, in centimetres.

    Returns
    -------
    tuple of three float
        Centimetres for the bars; for those of neutral answers drawn apart, where their name may
        need more than they do; and for all bars together, as long as they are drawn.
    """
    left, right = _columns(panels, kind, center)
    low, high, middle = _limits(panels, kind, center)
    taken = sum(room for room, *_ in (*left, *right)) + _NEAR * (1 + bool(left))
    room = width - taken
    if not middle:
        return room, 0.0, room
    room -= GAP_CM + _NEAR + _APART_NUMBER
    head = panels[0].rows
    need = sum(min(widest_piece(name, HEAD_SIZE) + 0.2, 2.2) for name in _neutral(head))
    apart = max(room * middle / (high - low + middle), need - _APART_NUMBER)
    room -= apart
    return room, apart, room + min(apart, room * middle / (high - low))


def _neutral(rows: LikertRows) -> list[str]:
    """Return the names of the neutral categories."""
    return [name for name, side in zip(rows.categories, rows.sides, strict=True) if side == 0]


def _limits(
    panels: Sequence[LikertWords], kind: Kind, center: Center
) -> tuple[float, float, float]:
    """Return the limits of the bars, and the widest bar of neutral answers drawn apart."""
    if kind == "stacked":
        return 0.0, 100.0, 0.0
    low = high = middle = 0.0
    for words in panels:
        begin, wide = bars(words.rows, kind, center)
        neutral = np.array(words.rows.sides) == 0
        sided = np.ones_like(neutral) if center == "split" else ~neutral
        low = min(low, float(begin[:, sided].min(initial=0.0)))
        high = max(high, float((begin + wide)[:, sided].max(initial=0.0)))
        if center == "separate" and neutral.any():
            middle = max(middle, 5.0, float(wide[:, neutral].sum(axis=1).max()))
    low, high = -5.0 * ceil(-low / 5 - 1e-9), 5.0 * ceil(high / 5 - 1e-9)
    return (low, high, middle) if high > low else (-50.0, 50.0, middle)


_Wanted = tuple[float, tuple[str, ...], Shown, int]


def _columns(
    panels: Sequence[LikertWords], kind: Kind, center: Center
) -> tuple[list[_Wanted], list[_Wanted]]:
    """Return the columns to the left and to the right of the bars, with the room they need."""
    head, words = panels[0].rows, panels[0]
    left: list[_Wanted] = []
    right: list[_Wanted] = []
    pair = head.sides == (-1, 1)  # such as no and yes, which are neither negative nor positive
    if -1 in head.sides:
        heading = head.categories[0] if pair else words.word("negative")
        left.append(_wanted(panels, heading, "negative", 0, 0.0))
    if 1 in head.sides:
        heading = head.categories[1] if pair else words.word("positive")
        right.append(_wanted(panels, heading, "positive", 0, 0.0))
    if kind == "diverging" and center == "none":
        right += [
            _wanted(panels, name, "neutral", i, GAP_CM)
            for i, (name, side) in enumerate(zip(head.categories, head.sides, strict=True))
            if side == 0
        ]
    right += [
        _wanted(panels, name, "outside", i, GAP_CM) for i, (name, _) in enumerate(head.outside)
    ]
    right.append(_wanted(panels, words.word("n"), "n", 0, GAP_CM))
    return left, right


def _wanted(
    panels: Sequence[LikertWords],
    heading: str,
    shows: Shown,
    which: int,
    gap: float,
) -> _Wanted:
    """Return a column with the room that its heading and its numbers need."""
    texts = [
        number(words, row, shows, which)
        for words in panels
        for row in range(len(words.rows.labels))
    ]
    room = max(width_cm(text, NUMBER_SIZE, bold=shows != "n") for text in texts)
    room = max(room, widest_piece(heading, HEAD_SIZE), min(width_cm(heading, HEAD_SIZE), 1.2))
    return room + gap, tuple(break_text(heading, room + 0.01, HEAD_SIZE)), shows, which


def _placed(column: _Wanted, right: float) -> Column:
    """Return a column with its right edge."""
    return Column(right, column[1], column[2], column[3])


def number(words: LikertWords, row: int, shows: str, which: int) -> str:
    """Return what a column shows in a row."""
    rows = words.rows
    if shows == "n":
        return words.n(row)
    if shows == "outside":
        return words.beside(row, float(rows.outside[which][1][row]))
    if shows == "neutral":
        return words.part(row, float(rows.counts[row, which]))
    side = 1 if shows == "positive" else -1
    return words.part(row, float(rows.on_side(side)[row]))


def in_bar(text: str, share: float, made: Plan) -> bool:
    """Say whether a number can stand in its part of a bar."""
    return share >= _LEAST_SHARE and width_cm(text, BAR_SIZE) + 0.12 <= share / made.scale
