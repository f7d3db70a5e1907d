"""How results look as plain text and as HTML; the numbers themselves are in their frames."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Integral, Real
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cell_text", "html_table", "sample_line", "text_block"]

_LINES = 15
_WIDTH = 96
_LABEL_WIDTH = 30
_HTML_ROWS = 50
_WHOLE = frozenset({
    "df", "statistic", "n", "time", "tau", "start", "end", "day", "at_risk", "events", "censored",
    "entered", "observed", "count",
})  # fmt: skip
_SPARED_FIRST = ("df", "statistic", "std_error", "contrast", "term")
_NAMES = ("term", "contrast")
_KEPT = ("estimate", "p_value", "conf_low", "conf_high", "n")


def sample_line(n_used: int, n_dropped: Mapping[str, int]) -> str:
    """Say how many observations were used and dropped, and why."""
    dropped = sum(n_dropped.values())
    line = f"n: {n_used} used, {dropped} dropped"
    if dropped:
        line += f" ({', '.join(f'{reason}: {n}' for reason, n in n_dropped.items() if n)})"
    return line


def cell_text(column: str, value: object) -> str:
    """Write one value: four decimals, whole times and counts as such, small p-values as a bound."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    if isinstance(value, Integral):
        return str(int(value))
    if number != number:
        return ""
    if column == "p_value" and number < 0.0001:
        return "<0.0001"
    if number in (float("inf"), float("-inf")):
        return str(number)
    if number.is_integer() and column in _WHOLE:
        return str(int(number))
    return f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e6 else f"{number:.3e}"


def text_block(head: Sequence[str], data: pd.DataFrame, notes: Sequence[str]) -> str:
    """Set a result as plain text of at most fifteen lines.

    Parameters
    ----------
    head : sequence of str
        Lines above the table.
    data : pandas.DataFrame
        The numbers. Empty columns are left out, and others where the line would be too long.
    notes : sequence of str
        Sentences below the table.

    Returns
    -------
    str
        The text.
    """
    above = [textwrap.shorten(line, _WIDTH, placeholder=" ...") for line in head]
    below = [line for note in notes for line in textwrap.wrap(note, _WIDTH)]
    room = _LINES - len(above) - 1  # for the rows, what is left out, and the notes
    if len(below) > room - 3:
        below = [*below[: max(room - 4, 0)], "... (see .notes)"]
    room -= len(below)
    shown = len(data) if len(data) <= room else room - 1
    table = _columns_of_text(data.head(shown))
    if shown < len(data):
        table.append(f"... and {len(data) - shown} more rows: to_frame() has them all")
    return "\n".join([*above, *table, *below])


def _columns_of_text(data: pd.DataFrame) -> list[str]:
    """Align the cells under their headers, labels to the left and numbers to the right."""
    columns: dict[str, list[str]] = {}
    for name in data.columns:
        cells = _cells(data, name)
        if any(cells):
            width = max(len(cell) for cell in (name, *cells))
            left = not _is_number(data, name)
            columns[name] = [
                cell.ljust(width) if left else cell.rjust(width) for cell in (name, *cells)
            ]
    # What tells the rows apart goes last: a contrast that all share stands above the table.
    telling = [name for name in _NAMES if len(set(columns.get(name, [""])[1:])) > 1]
    spared = [*_SPARED_FIRST, *(name for name in [*columns][:0:-1] if name not in _KEPT)]
    dispensable = [*(name for name in spared if name not in telling), *telling]
    for name in dispensable:
        if sum(len(cells[0]) + 2 for cells in columns.values()) - 2 <= _WIDTH:
            break
        columns.pop(name, None)
    return ["  ".join(line).rstrip() for line in zip(*columns.values(), strict=True)]


def _cells(data: pd.DataFrame, name: str) -> list[str]:
    """Write the cells of one column, each short enough for a line."""
    texts = (cell_text(name, value) for value in cast("list[object]", data[name].tolist()))
    return [
        text if len(text) <= _LABEL_WIDTH else text[: _LABEL_WIDTH - 3] + "..." for text in texts
    ]


def _is_number(data: pd.DataFrame, name: str) -> bool:
    """Say whether a column holds numbers."""
    return data[name].dtype.kind in "iuf"


def html_table(head: Sequence[str], data: pd.DataFrame, notes: Sequence[str]) -> str:
    """Set a result as an HTML table.

    Parameters
    ----------
    head : sequence of str
        The caption: its first line is set in bold.
    data : pandas.DataFrame
        The numbers; empty columns are left out and at most fifty rows shown.
    notes : sequence of str
        Sentences below the table.

    Returns
    -------
    str
        A ``table`` element followed by a ``p`` for each note.
    """
    shown = data.head(_HTML_ROWS)
    cells = {name: [cell_text(name, v) for v in data[name].tolist()] for name in data.columns}
    names = [name for name in cells if any(cells[name])]
    right = ' style="text-align: right"'
    style = {name: right if _is_number(data, name) else "" for name in names}
    title, *rest = (escape(line) for line in head)
    caption = "<br>".join([f"<strong>{title}</strong>", *rest])
    header = "".join(f'<th scope="col"{style[name]}>{escape(name)}</th>' for name in names)
    rows = [
        "<tr>"
        + "".join(f"<td{style[name]}>{escape(cells[name][i])}</td>" for name in names)
        + "</tr>"
        for i in range(len(shown))
    ]
    if len(data) > len(shown):
        notes = [*notes, f"The first {len(shown)} of {len(data)} rows; to_frame() has them all."]
    return (
        f'<table><caption style="text-align: left">{caption}</caption>'
        f"<thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        + "".join(f"<p>{escape(note)}</p>" for note in notes)
    )
