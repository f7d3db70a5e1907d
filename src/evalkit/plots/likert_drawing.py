"""Bars, numbers, statements and headings of a Likert chart, drawn where its plan puts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.plots.answer_colours import answer_colours
from evalkit.plots.likert_key import CHIP_CM, Key
from evalkit.plots.likert_layout import (
    BAR_SIZE,
    HEAD_SIZE,
    NUMBER_SIZE,
    Center,
    Kind,
    Plan,
    bars,
    in_bar,
    number,
)
from evalkit.plots.likert_rows import LikertWords
from evalkit.plots.statement_text import (
    LINE_CM,
    STATEMENT_SIZE,
    break_text,
    row_height,
    write_statements,
)
from evalkit.plots.style import INK, MUTED, text_on, write_lines

__all__ = ["Block", "block", "draw_block", "draw_notes", "head_cm", "note_lines", "notes_cm"]

_BAR_CM, _TITLE_CM, _STRIP_CM, _AIR = 0.46, 0.62, 0.14, 0.12
_RUNNING_CM = 0.44
_NOTE_SIZE = 7.5


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one panel: their order, their statements in lines, and their heights."""

    words: LikertWords
    order: tuple[int, ...]
    labels: tuple[tuple[str, ...], ...]
    heights: tuple[float, ...]
    title: str = ""

    @property
    def height(self) -> float:
        """Height in centimetres, with the title."""
        return sum(self.heights) + (_TITLE_CM if self.title else 0.0)


def block(words: LikertWords, order: Sequence[int], room: float, title: str = "") -> Block:
    """Break the statements of a panel into lines, and give each row the height that it needs."""
    lines = [break_text(words.rows.labels[row], room + 1e-6, STATEMENT_SIZE) for row in order]
    heights = tuple(row_height(len(parts)) for parts in lines)
    return Block(words, tuple(order), tuple(map(tuple, lines)), heights, title)


def head_cm(made: Plan, key: Key) -> float:
    """Return the height of the headings in centimetres."""
    lines = max(len(made.apart_heading), *(len(column.heading) for column in made.columns))
    if key.form in ("direct", "strip"):
        lines = max(lines, key.lines())
    return _tier_cm(key) + lines * LINE_CM + _below_cm(key)


def _tier_cm(key: Key) -> float:
    """Return the height of what stands above the headings of the columns."""
    if key.form == "running":
        return _RUNNING_CM * key.lines() + 0.12
    return key.lines() * LINE_CM + 0.06 + _STRIP_CM + 0.2 if key.form == "band" else 0.0


def _below_cm(key: Key) -> float:
    """Return the height of what stands between the headings of the columns and the rows."""
    return _AIR + (_STRIP_CM + 0.06 if key.form == "strip" else 0.0)


def draw_block(
    axes: Any,
    made: Plan,
    panel: Block,
    *,
    kind: Kind,
    center: Center,
    head: Key | None,
    named: bool = True,
    title_first: bool = False,
    top: float,
    pad: float = 0.0,
) -> float:
    """Draw a panel.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw, in centimetres from the top and percentage points across.
    made : Plan
        Where everything stands.
    panel : Block
        The rows.
    kind, center : str
        As in :func:`evalkit.plots.likert_layout.bars`.
    head : Key or None
        The categories' names; no headings if None.
    named : bool, default True
        Whether the headings name the categories.
    title_first : bool, default False
        Whether the title stands above the headings of the columns.
    top : float
        Where the panel begins.
    pad : float, default 0.0
        How far to the left of the axes the statements begin, in centimetres.

    Returns
    -------
    float
        Where the panel ends.
    """
    title = top + (_tier_cm(head) if head is not None and title_first else 0.0)
    if head is not None:
        begin = top
        top += head_cm(made, head) + (_TITLE_CM if title_first and panel.title else 0.0)
        _head(axes, made, panel.words, head, (begin, top), named)
    if panel.title:
        if head is None or not title_first:
            title, top = top, top + _TITLE_CM
        axes.text(made.x(0.0), title + 0.36, panel.title, fontweight="bold", fontsize=9, color=INK,
                  va="center_baseline")  # fmt: skip
    edges = top + np.concatenate([[0.0], np.cumsum(panel.heights)])
    places = (edges[:-1] + edges[1:]) / 2
    _bars(axes, made, panel, places, kind, center)
    _numbers(axes, made, panel, places)
    ends = (places[0] - _BAR_CM / 2 - 0.06, places[-1] + _BAR_CM / 2 + 0.06)
    zeros = [made.zero(False)] + ([made.apart[0]] if made.apart else [])
    for zero in zeros:  # behind the bars, so that it crosses no number
        axes.plot([made.x(zero)] * 2, ends, color=MUTED, linewidth=0.7, zorder=0.5)
    axes.set_xlim(*made.limits())
    axes.set_xticks([])
    write_statements(axes, places.tolist(), panel.labels, pad)
    axes.spines[:].set_visible(False)
    return float(edges[-1])


def _bars(
    axes: Any, made: Plan, panel: Block, places: NDArray[np.float64], kind: Kind, center: Center
) -> None:
    """Draw the bars, one container for each category, with the numbers that they have room for."""
    rows, words, order = panel.words.rows, panel.words, list(panel.order)
    begin, wide = (part[order] for part in bars(rows, kind, center))
    for i, colour in enumerate(answer_colours(rows.sides)):
        away = rows.sides[i] == 0 and made.apart is not None
        start = begin[:, i] + (made.x(made.apart[0]) if away and made.apart else 0.0)
        edges = np.where(wide[:, i] > 0, 0.7, 0.0)  # no white line where there is no answer
        axes.barh(places, wide[:, i], left=start, height=_BAR_CM, color=colour, edgecolor="white",
                  linewidth=edges, label=rows.categories[i])  # fmt: skip
        for at, row in enumerate(order):
            text = words.part(row, float(rows.counts[row, i]))
            if away and rows.sides.count(0) == 1:
                end = start[at] + wide[at, i] + 0.08 * made.scale
                axes.text(end, places[at], text, va="center_baseline", fontsize=BAR_SIZE,
                          color=INK)  # fmt: skip
            elif in_bar(text, float(wide[at, i]), made):
                axes.text(
                    start[at] + wide[at, i] / 2, places[at], text, ha="center",
                    va="center_baseline", fontsize=BAR_SIZE, color=text_on(colour),
                )  # fmt: skip


def _numbers(axes: Any, made: Plan, panel: Block, places: NDArray[np.float64]) -> None:
    """Write the columns of numbers."""
    for column in made.columns:
        ends = column.shows in ("negative", "positive")
        for place, row in zip(places, panel.order, strict=True):
            axes.text(
                made.x(column.right), place, number(panel.words, row, column.shows, column.which),
                ha="right", va="center_baseline", fontsize=NUMBER_SIZE,
                color=INK if ends else MUTED, fontweight="bold" if ends else "normal",
            )  # fmt: skip


def _head(
    axes: Any, made: Plan, words: LikertWords, key: Key, ends: tuple[float, float], named: bool
) -> None:
    """Write the headings of the columns and, if they are to be named, those of the categories."""
    top, lowest = ends[0], ends[1] - _below_cm(key)
    for column in made.columns:
        write_lines(axes, "\n".join(column.heading), (made.x(column.right), lowest), shift=(0, 0),
                    ha="right", va="bottom", fontsize=HEAD_SIZE, color=MUTED)  # fmt: skip
    if made.apart_heading and key.form in ("band", "running"):
        write_lines(axes, "\n".join(made.apart_heading), (made.x(made.zero(True)), lowest),
                    shift=(0, 0), ha="left", va="bottom", fontsize=HEAD_SIZE,
                    color=MUTED)  # fmt: skip
    if not named:
        return
    colours = answer_colours(words.rows.sides)
    if key.form == "band":
        lowest = top + key.lines() * LINE_CM
    for name in key.names:
        begin, end = made.x(name.begin), made.x(name.end)
        if key.form == "running":
            middle = top + _RUNNING_CM * (name.line + 0.5)
            for i, line in enumerate(name.lines):
                axes.text(made.x(name.end + 0.1), middle + i * _RUNNING_CM, line, ha="left",
                          va="center_baseline", fontsize=HEAD_SIZE, color=INK)  # fmt: skip
            _chip(axes, colours[name.which], (begin, end), middle - CHIP_CM * 0.4, CHIP_CM * 0.8)
            continue
        write_lines(axes, "\n".join(name.lines), ((begin + end) / 2, lowest), shift=(0, 0),
                    ha="center", va="bottom", fontsize=HEAD_SIZE, color=INK)  # fmt: skip
        if key.form != "direct":
            _chip(axes, colours[name.which], (begin, end), lowest + 0.06, _STRIP_CM)


def _chip(axes: Any, colour: str, ends: tuple[float, float], top: float, tall: float) -> None:
    """Draw a patch of a category's colour."""
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((ends[0], top), ends[1] - ends[0], tall, facecolor=colour, edgecolor="white",
                  linewidth=0.7, clip_on=False)
    )  # fmt: skip


def note_lines(notes: Sequence[str], width: float) -> list[str]:
    """Break the notes below the rows into lines.

    Parameters
    ----------
    notes : sequence of str
        Sentences.
    width : float
        Width of the figure, in centimetres.

    Returns
    -------
    list of str
        Lines.
    """
    return [line for note in notes for line in break_text(note, width - 0.1, _NOTE_SIZE)]


def notes_cm(lines: Sequence[str]) -> float:
    """Return the height of the notes below the rows, in centimetres."""
    return 0.12 + LINE_CM * len(lines) if lines else 0.0


def draw_notes(axes: Any, made: Plan, lines: Sequence[str], top: float, left: float = 0.0) -> None:
    """Write the notes below the rows, which end at `top`, from `left` centimetres on."""
    for i, line in enumerate(lines):
        axes.text(made.x(left), top + 0.12 + LINE_CM * (i + 0.5), line, va="center_baseline",
                  fontsize=_NOTE_SIZE, color=MUTED)  # fmt: skip
