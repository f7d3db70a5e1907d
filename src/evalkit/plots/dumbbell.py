"""Dumbbell charts: before and after as two points with a line, for each statement or scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.plots.axes import GRID
from evalkit.plots.dumbbell_rows import DumbbellRows, DumbbellWords
from evalkit.plots.statement_text import (
    LINE_CM,
    STATEMENT_SIZE,
    break_text,
    narrower_room,
    row_height,
    statement_room,
    widest_piece,
    width_cm,
    width_of,
    write_statements,
)
from evalkit.plots.style import ACCENT, INK, MUTED, canvas, in_house_style, write_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DumbbellRows", "draw_dumbbell", "dumbbell_alt"]

_WIDTH_CM, _EDGE_CM, _TICKS_CM = 16.0, 0.106, 0.55
_GAP, _NARROWEST, _WISHED, _AIR, _KEY_CM = 0.3, 2.5, 4.5, 0.16, 0.42
_TO_NAME = 0.36  # from the left of a point of the key to its name
_TICK_CM = 0.5  # half of the widest number of the axis
_RADIUS, _TO_NUMBER = 0.12, 0.24  # of a point; from its middle to its number, in centimetres
_NUMBER_SIZE, _HEAD_SIZE = 8.0, 7.8
_LEAST_SPAN = 0.5  # of scores, which are shown with one decimal
_DOWN = "#a5620e"
_MARKS = {1: (">", ACCENT), -1: ("<", _DOWN), 0: ("o", MUTED)}


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where everything stands across, in centimetres, and what the axis shows there.

    `begin` and `end` are the ends of the axis, whose values are `low` and `high`; `rights` are the
    right edges of the columns of numbers.
    """

    width: float
    statements: float
    begin: float
    end: float
    low: float
    high: float
    ticks: tuple[float, ...]
    rights: tuple[float, float]
    headings: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def scale(self) -> float:
        """Values for each centimetre."""
        return (self.high - self.low) / (self.end - self.begin)

    def x(self, place: float) -> float:
        """Turn centimetres from the left edge into values."""
        return self.low + (place - self.begin) * self.scale


@in_house_style
def draw_dumbbell(
    rows: DumbbellRows, *, sort: bool = True, lang: Lang = "sv", ax: Axes | None = None
) -> Axes:
    """Draw values before and after as two points with a line, one row for each statement.

    Parameters
    ----------
    rows : DumbbellRows
        The values.
    sort : bool, default True
        Whether rows are sorted by the value after, the largest first; rows with the same value
        keep their order, and rows without one stand last. Leave it off where charts are to be
        compared row by row.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and headings.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out. Text keeps its size,
        so that axes of one's own need about the same height.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: shares or scores across, centimetres down. Before is a ring; after is an
        arrowhead that points right where it is higher and left where it is lower, or a disc in
        the ring where nothing changed. The change stands to the right, computed from the values
        and not from their rounded forms, and then the number of people. Percentages have a
        decimal if at least a hundred are in every row; scores always have one.

    Raises
    ------
    evalkit.errors.InputError
        If the axes are too narrow.

    Examples
    --------
    >>> import numpy as np
    >>> before, after = np.array([0.32]), np.array([0.61])
    >>> rows = DumbbellRows(("Delaktighet",), before, after, (54,), "2012", "2013")
    >>> [text.get_text() for text in draw_dumbbell(rows).texts][-2:]
    ['+29', '54']
    """
    words, order = DumbbellWords(rows, lang), rows.order(sort)
    width = _WIDTH_CM - 2 * _EDGE_CM if ax is None else width_of(ax)
    frame = _frame(words, width, grow=ax is None)
    room = frame.statements + 1e-6
    labels = [break_text(rows.labels[row], room, STATEMENT_SIZE) for row in order]
    key = _key(words, frame.statements + _GAP, frame.end)
    key_cm = _KEY_CM * (key[-1].line + len(key[-1].lines))
    head = max(LINE_CM * max(map(len, frame.headings)), key_cm) + _AIR
    edges = head + np.concatenate([[0.0], np.cumsum([row_height(len(part)) for part in labels])])
    places = ((edges[:-1] + edges[1:]) / 2).tolist()
    tall = float(edges[-1])
    size = (frame.width + 2 * _EDGE_CM, tall + _TICKS_CM + 2 * _EDGE_CM)
    axes = cast("Any", canvas(*size) if ax is None else ax)
    axes.vlines(frame.ticks, head, tall, color=GRID, linewidth=0.6, zorder=0)
    for name in key:
        middle = head - _AIR - key_cm + _KEY_CM * (name.line + 0.5)
        _point(axes, name.direction, frame.x(name.place + _RADIUS), middle)
        for i, text in enumerate(name.lines):
            axes.text(frame.x(name.place + _TO_NAME), middle + i * _KEY_CM, text,
                      va="center_baseline", fontsize=_HEAD_SIZE)  # fmt: skip
    for place, row in zip(places, order, strict=True):
        _pair(axes, words, row, place, frame.scale)
    _columns(axes, words, frame, order, places, head - _AIR)
    axes.set_xlim(frame.x(0.0), frame.x(frame.width))
    axes.set_ylim(tall, 0)
    axes.set_xticks(frame.ticks, _tick_texts(words, frame.ticks))
    axes.tick_params(axis="x", length=0, labelsize=_HEAD_SIZE, labelcolor=MUTED)
    write_statements(axes, places, labels)
    axes.spines[:].set_visible(False)
    return cast("Axes", axes)


def dumbbell_alt(rows: DumbbellRows, *, sort: bool = True, lang: Lang = "sv") -> str:
    """Tell a dumbbell chart in words, for those who cannot see it.

    Parameters
    ----------
    rows : DumbbellRows
        The values.
    sort, lang : object
        As in :func:`draw_dumbbell`.

    Returns
    -------
    str
        The values, the change and the number of people of each row, in the order of the figure.
        It is the numbers; the finding is for the author to say first.

    Examples
    --------
    >>> import numpy as np
    >>> before, after = np.array([0.32]), np.array([0.61])
    >>> rows = DumbbellRows(("Shared",), before, after, (54,), "2012", "2013")
    >>> dumbbell_alt(rows, lang="en").replace("\\xa0", " ")
    'Shared: from 32% (2012) to 61% (2013), +29 percentage points (n = 54).'
    """
    return DumbbellWords(rows, lang).alternative(rows.order(sort))


def _frame(words: DumbbellWords, width: float, *, grow: bool) -> _Frame:
    """Decide where everything stands across."""
    rows = words.rows
    every = range(len(rows.labels))
    texts = ([words.change(row) for row in every], [words.n(row) for row in every])
    wide = [
        max(widest_piece(heading, _HEAD_SIZE), *(width_cm(t, _NUMBER_SIZE, bold=True) for t in own))
        for heading, own in zip(words.headings(), texts, strict=True)
    ]
    ticks, taken = _ticks(words), sum(wide) + 3 * _GAP
    limits = (ticks[0], ticks[-1])
    whole = statement_room(rows.labels, width)
    room = width - taken - whole
    short = _WISHED - room + sum(_beside(words, limits, room))
    statements = narrower_room(rows.labels, whole, short)
    width += max(short - whole + statements, 0.0) if grow else 0.0
    room = width - taken - statements
    before, after = _beside(words, limits, room)
    if room - before - after < _NARROWEST:
        least = width + _NARROWEST - room + before + after
        raise InputError.of(
            "ax", required=f"axes at least {least:.1f} cm wide", got=f"{width:.1f} cm",
            remedy="Draw on a wider figure, or shorten the longest words.",
        )  # fmt: skip
    begin = statements + _GAP + before
    end = begin - before + room - after
    headings = [
        tuple(break_text(heading, room + 1e-6, _HEAD_SIZE))
        for heading, room in zip(words.headings(), wide, strict=True)
    ]
    return _Frame(
        width, statements, begin, end, ticks[0], ticks[-1], ticks,
        (width - wide[1] - _GAP, width), (headings[0], headings[1]),
    )  # fmt: skip


def _beside(words: DumbbellWords, limits: tuple[float, float], room: float) -> tuple[float, float]:
    """Return the room that values outside their points need beyond both ends of the axis."""
    rows, reach = words.rows, limits[1] - limits[0]
    places, wide = [0.5], [0.0]
    for value in (float(one) for one in (*rows.before, *rows.after) if np.isfinite(one)):
        places.append((value - limits[0]) / reach)
        wide.append(_TO_NUMBER + 0.1 + width_cm(words.value(value), _NUMBER_SIZE, bold=True))
    most = max(wide)
    inner = room - 2 * max(most, _TICK_CM)  # no wider than the axis will be
    before = max(w - inner * at for w, at in zip(wide, places, strict=True))
    after = max(w - inner * (1 - at) for w, at in zip(wide, places, strict=True))
    return max(before, _TICK_CM), max(after, _TICK_CM)


def _ticks(words: DumbbellWords) -> tuple[float, ...]:
    """Return the numbers of the axis: all percentages, or the scores that there are."""
    from matplotlib.ticker import MaxNLocator

    rows = words.rows
    if rows.unit == "percent":
        return (0.0, 0.25, 0.5, 0.75, 1.0)
    values = np.concatenate([rows.before, rows.after])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if high - low < _LEAST_SPAN:
        low, high = (low + high - _LEAST_SPAN) / 2, (low + high + _LEAST_SPAN) / 2
    ticks: tuple[float, ...] = (low, high)
    for most in (5, 4, 3, 2, 1):
        place = cast("Any", MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))
        ticks = tuple(float(tick) for tick in place.tick_values(low, high))
        room = max(width_cm(text, _HEAD_SIZE) for text in _tick_texts(words, ticks)) + 0.25
        if room * (len(ticks) - 1) <= _WISHED:
            break
    return ticks


def _tick_texts(words: DumbbellWords, ticks: Sequence[float]) -> list[str]:
    """Set the numbers of the axis, with as many decimals as they need."""
    decimals = next((d for d in range(9) if np.allclose(np.round(ticks, d), ticks)), 9)
    return [words.tick(tick, decimals) for tick in ticks]


@dataclass(frozen=True, slots=True)
class _Name:
    """A point of the key with its name: where it stands across, and in which line."""

    direction: int | None
    lines: tuple[str, ...]
    place: float
    line: int


def _key(words: DumbbellWords, begin: float, end: float) -> list[_Name]:
    """Put the names of the points that occur after one another, on as many lines as they need."""
    change = words.rows.change()
    there = [int(one) for one in (1, -1, 0) if (np.sign(change) == one).any()]
    if not there and np.isfinite(words.rows.after).any():
        there = [0]
    named: list[tuple[int | None, str]] = [(None, words.rows.before_label)]
    named += [(one, words.key(one)) for one in there]
    names: list[_Name] = []
    at, line = begin, 0
    for direction, whole in named:
        lines = break_text(whole, end - begin - _TO_NAME, _HEAD_SIZE)
        wide = _TO_NAME + max(width_cm(text, _HEAD_SIZE) for text in lines)
        if at > begin and at + wide > end:
            at, line = begin, line + 1
        names.append(_Name(direction, tuple(lines), at, line))
        line += len(lines) - 1
        at += wide + 0.4
    return names


def _point(axes: Any, direction: int | None, x: float, y: float) -> None:
    """Draw a point: before as a ring, after by the direction of its change."""
    if direction is None:
        axes.plot([x], [y], marker="o", markersize=7, markerfacecolor="white", zorder=3,
                  markeredgecolor=MUTED, markeredgewidth=1.2, linestyle="none")  # fmt: skip
        return
    marker, colour = _MARKS[direction]
    axes.plot([x], [y], marker=marker, markersize=7.5 if direction else 4.2, color=colour,
              markeredgewidth=0, zorder=4, linestyle="none")  # fmt: skip


def _pair(axes: Any, words: DumbbellWords, row: int, y: float, scale: float) -> None:
    """Draw the points of a row, the line between them, and their values on their outer sides."""
    before, after = float(words.rows.before[row]), float(words.rows.after[row])
    change = float(words.rows.change()[row])
    direction = 0 if np.isnan(change) else int(np.sign(change))
    if direction:
        axes.plot([before, after], [y, y], color=_MARKS[direction][1], linewidth=2.2, alpha=0.55,
                  zorder=2, solid_capstyle="butt")  # fmt: skip
    for value, mark, outer in ((before, None, -1), (after, direction, 1)):
        if np.isnan(value):
            continue
        _point(axes, mark, value, y)
        side = outer * (direction or 1)
        axes.text(
            value + side * _TO_NUMBER * scale, y, words.value(value), va="center_baseline",
            ha="left" if side > 0 else "right", fontsize=_NUMBER_SIZE,
            color=MUTED if mark is None else INK, fontweight="normal" if mark is None else "bold",
        )  # fmt: skip


def _columns(
    axes: Any,
    words: DumbbellWords,
    frame: _Frame,
    order: Sequence[int],
    places: Sequence[float],
    lowest: float,
) -> None:
    """Write the change and the number of people of each row, under their headings."""
    for heading, right in zip(frame.headings, frame.rights, strict=True):
        write_lines(axes, "\n".join(heading), (frame.x(right), lowest), shift=(0, 0), ha="right",
                    va="bottom", fontsize=_HEAD_SIZE, color=MUTED)  # fmt: skip
    for place, row in zip(places, order, strict=True):
        axes.text(frame.x(frame.rights[0]), place, words.change(row), ha="right", color=INK,
                  va="center_baseline", fontsize=_NUMBER_SIZE, fontweight="bold")  # fmt: skip
        axes.text(frame.x(frame.rights[1]), place, words.n(row), ha="right", color=MUTED,
                  va="center_baseline", fontsize=_NUMBER_SIZE)  # fmt: skip
