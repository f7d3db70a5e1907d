"""Likert charts: how people answered several statements on one scale, singly and in panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.plots.likert_drawing import (
    block,
    draw_block,
    draw_notes,
    head_cm,
    note_lines,
    notes_cm,
)
from evalkit.plots.likert_key import name_categories
from evalkit.plots.likert_layout import GAP_CM, Center, Kind, bars_room, fit, plan
from evalkit.plots.likert_rows import LikertRows, LikertWords
from evalkit.plots.statement_text import width_of
from evalkit.plots.style import canvas, in_house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LikertRows", "draw_likert", "draw_likert_panels", "likert_alt"]

_WIDTH_CM, _EDGE_CM = 16.0, 0.106
_PANEL_GAP, _LEAST_BARS = 0.5, 3.4  # between panels side by side; their bars, in centimetres


@in_house_style
def draw_likert(
    rows: LikertRows,
    *,
    kind: Kind = "diverging",
    center: Center = "split",
    sort: bool = True,
    small: int = 20,
    lang: Lang = "sv",
    ax: Axes | None = None,
) -> Axes:
    """Draw how people answered several statements, one bar of 100 percent for each.

    Parameters
    ----------
    rows : LikertRows
        The answers.
    kind : {"diverging", "stacked"}, default "diverging"
        Bars that go to both sides of the middle of the scale, or that begin at the same place.
        Stacked bars are read well with at most three categories.
    center : {"split", "separate", "none"}, default "split"
        Where neutral answers stand in a diverging chart: half on each side of the middle; in bars
        of their own to the right; or not drawn, with their share in a column. Shares are always
        of all answers on the scale.
    sort : bool, default True
        Whether rows are sorted by the share of positive answers, the largest first; rows with the
        same share keep their order. Leave it off where charts are to be compared row by row.
    small : int, default 20
        Rows with fewer answers show counts in place of percentages.
    lang : {"sv", "en"}, default "sv"
        Language of numbers and headings.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure, as high as the rows need, if left out. Text keeps its size,
        so that axes of one's own need about the same height.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: percentage points across, 0 in the middle of the scale (or at the beginning of
        stacked bars), and centimetres down. ``axes.containers`` has the bars of one category
        each, in their order, from the top row down. Statements are the labels of the y axis; the
        negative and positive shares stand left and right of the bars, answers outside the scale
        and the number of answers further to the right.

    Raises
    ------
    evalkit.errors.InputError
        If an option is unknown, a stacked chart is asked to move its neutral answers, or the axes
        are too narrow.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[10.0, 20, 70], [30, 30, 40]])
    >>> rows = LikertRows(("Stöd", "Nytta"), ("Låg", "-", "Hög"), (-1, 0, 1), counts, (100, 100))
    >>> [label.get_text() for label in draw_likert(rows).get_yticklabels()]
    ['Stöd', 'Nytta']
    """
    _check(kind, center, small)
    words = LikertWords(rows, small, lang)
    order = rows.order(sort)
    width = _WIDTH_CM - 2 * _EDGE_CM if ax is None else width_of(ax)
    width, room = fit([words], kind=kind, center=center, width=width, grow=ax is None)
    labels = room + GAP_CM
    made = plan([words], kind=kind, center=center, width=width, labels=labels)
    key = name_categories(rows, made, kind=kind, center=center, first=order[0],
                          begin=labels, end=width)  # fmt: skip
    panel, head, notes = block(words, order, room), head_cm(made, key), words.notes()
    lines = note_lines(notes, width)
    height = head + panel.height + notes_cm(lines)
    axes = cast("Any", canvas(width + 2 * _EDGE_CM, height + 2 * _EDGE_CM) if ax is None else ax)
    end = draw_block(axes, made, panel, kind=kind, center=center, head=key, top=0.0)
    draw_notes(axes, made, lines, end)
    axes.set_ylim(height, 0)
    return cast("Axes", axes)


@in_house_style
def draw_likert_panels(
    panels: Mapping[str, LikertRows],
    *,
    kind: Kind = "diverging",
    center: Center = "split",
    sort: bool = True,
    small: int = 20,
    lang: Lang = "sv",
) -> Figure:
    """Draw Likert charts of several groups, such as delprojekt, with the same limits and headings.

    Parameters
    ----------
    panels : mapping of str to LikertRows
        Each group's answers, by its name; the categories, sides and answers outside the scale are
        the same in all.
    kind, center, sort, small, lang : object
        As in :func:`draw_likert`. If all panels have the same statements, in the same order, they
        are sorted alike: by the positive share in all panels together.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with one axes for each panel: side by side if they have the same statements
        and there is room for bars that can be read, else below each other.

    Raises
    ------
    evalkit.errors.InputError
        If there are no panels, or their categories, sides or answers outside the scale differ; as
        :func:`draw_likert` else.

    Examples
    --------
    >>> import numpy as np
    >>> rows = LikertRows(("Nytta",), ("Nej", "Ja"), (-1, 1), np.array([[20.0, 40]]), (60,))
    >>> len(draw_likert_panels({"Nord": rows, "Syd": rows}).axes)
    2
    """
    from matplotlib.figure import Figure

    _check(kind, center, small)
    named = _alike(panels)
    every = list(named.values())
    words = [LikertWords(rows, small, lang) for rows in every]
    same = all(rows.labels == every[0].labels for rows in every)
    order = _pooled(every).order(sort) if same else []
    width = _WIDTH_CM - 2 * _EDGE_CM
    width, text = fit(words, kind=kind, center=center, width=width, grow=True)
    blocks = [
        block(one, order or one.rows.order(sort), text, name)
        for name, one in zip(named, words, strict=True)
    ]
    labels = text + GAP_CM
    beside = (width - labels - _PANEL_GAP * (len(every) - 1)) / len(every)
    fits = bars_room(words, kind, center, beside)[2] >= _LEAST_BARS
    columns = same and len(every) > 1 and fits
    own, inner = (beside, 0.0) if columns else (width, labels)
    made = plan(words, kind=kind, center=center, width=own, labels=inner)
    key = name_categories(every[0], made, kind=kind, center=center, first=None, begin=inner,
                          end=width - labels + inner)  # fmt: skip
    notes = list(dict.fromkeys(note for one in words for note in one.notes()))
    lines, head = note_lines(notes, width), head_cm(made, key)
    heights = [one.height + (head if columns or i == 0 else 0.0) for i, one in enumerate(blocks)]
    high = max(heights) if columns else sum(heights)
    total = high + notes_cm(lines) + 2 * _EDGE_CM
    wide = width + 2 * _EDGE_CM
    figure = cast("Any", Figure(figsize=(wide / 2.54, total / 2.54)))
    left = top = _EDGE_CM
    for i, (one, height) in enumerate(zip(blocks, heights, strict=True)):
        begin = left + (labels if columns else 0.0)
        box = (begin / wide, 1 - (top + height) / total, own / wide, height / total)
        axes = figure.add_axes(box)
        end = draw_block(axes, made, one, kind=kind, center=center, top=0.0,
                         head=key if columns or i == 0 else None,
                         named=i == 0 or key.form not in ("band", "running"), title_first=columns,
                         pad=labels if columns else 0.0)  # fmt: skip
        axes.set_ylim(height, 0)
        if columns and i:
            axes.set_yticks([])
        if (i == 0) if columns else (i == len(blocks) - 1):
            draw_notes(axes, made, lines, end, -labels if columns else 0.0)
        left, top = (left + beside + _PANEL_GAP, top) if columns else (left, top + height)
    return cast("Figure", figure)


def likert_alt(rows: LikertRows, *, sort: bool = True, small: int = 20, lang: Lang = "sv") -> str:
    """Tell a Likert chart in words, for those who cannot see it.

    Parameters
    ----------
    rows : LikertRows
        The answers.
    sort, small, lang : object
        As in :func:`draw_likert`.

    Returns
    -------
    str
        The positive, then the negative share of each row with its number of answers, in the
        order of the figure. It is the numbers; the finding is for the author to say first.

    Examples
    --------
    >>> import numpy as np
    >>> rows = LikertRows(("Nytta",), ("Nej", "Ja"), (-1, 1), np.array([[20.0, 30]]), (50,))
    >>> likert_alt(rows, lang="en").replace("\xa0", " ")
    'Positive answers: Nytta: 60% (n = 50). Negative answers: Nytta: 40% (n = 50).'
    """
    return LikertWords(rows, small, lang).alternative(rows.order(sort))


def _check(kind: str, center: str, small: int) -> None:
    """Check the options that both charts share."""
    check_choice("kind", kind, ("diverging", "stacked"))
    check_choice("center", center, ("split", "separate", "none"))
    if isinstance(small, bool) or small < 0:
        raise InputError.of("small", required="a whole number of at least 0", got=repr(small))
    if kind == "stacked" and center != "split":
        raise InputError.of(
            "center", required="'split' in a stacked chart, whose bars hold all answers",
            got=repr(center), remedy="Use kind='diverging' to move neutral answers.",
        )  # fmt: skip


def _alike(panels: Mapping[str, LikertRows]) -> dict[str, LikertRows]:
    """Check that panels can share limits and headings."""
    if not panels:
        raise InputError.of("panels", required="at least one panel", got="none")
    first, *others = panels.items()

    def header(rows: LikertRows) -> tuple[object, ...]:
        return rows.categories, rows.sides, tuple(name for name, _ in rows.outside)

    wrong = [name for name, rows in others if header(rows) != header(first[1])]
    if wrong:
        raise InputError.of(
            "panels", required=f"the categories, sides and answers outside of {first[0]!r} in all",
            got="others", where=wrong, remedy="Keep categories that a group did not use, with 0.",
        )  # fmt: skip
    return dict(panels)


def _pooled(panels: Sequence[LikertRows]) -> LikertRows:
    """Add the answers of panels that have the same statements."""
    counts = np.sum([rows.counts for rows in panels], axis=0)
    n = tuple(int(total) for total in np.sum([rows.n for rows in panels], axis=0))
    return replace(panels[0], counts=counts, n=n, outside=())
