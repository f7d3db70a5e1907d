"""Tables as accessible HTML, from texts that are already set.

One shape serves every table of a report: caption above, one or two header rows, blocks of rows
with an optional heading each, notes and source below. Nothing here computes or formats a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from evalkit.core.typography import Lang, bind_units
from evalkit.errors import InputError

__all__ = ["Block", "Head", "Line", "check_texts", "stylesheet", "table_html"]

_NUMBER = re.compile(r"(Tabell|Table) \w{1,4}\.")
_NARROW = 5  # columns that would drift apart over the full width
_NOTE = {"sv": "Anm.", "en": "Note"}
_SOURCE = {"sv": "Källa", "en": "Source"}


@dataclass(frozen=True, slots=True)
class Head:
    """A cell of a header row.

    Attributes
    ----------
    text : str
        What it says; empty over the row labels, where it is no header to be read aloud.
    colspan, rowspan : int
        Columns and header rows it covers.
    numeric : bool
        Whether numbers stand under it, so that it is set to the right.
    """

    text: str
    colspan: int = 1
    rowspan: int = 1
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the body.

    Attributes
    ----------
    label : str
        The row's heading.
    cells : tuple of str
        The set figures.
    total : bool
        Whether the row is a total, which is set bold.
    """

    label: str
    cells: tuple[str, ...]
    total: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that belong together.

    Attributes
    ----------
    heading : str
        Heading above the rows; empty for none.
    lines : tuple of Line
        The rows.
    """

    heading: str
    lines: tuple[Line, ...]


@cache
def stylesheet(name: str) -> str:
    """Read a style sheet of the package.

    Parameters
    ----------
    name : str
        File name in the folder ``templates``.

    Returns
    -------
    str
        Its text.
    """
    return (files("evalkit.report") / "templates" / name).read_text(encoding="utf-8")


def check_texts(argument: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Check that an argument is several texts, not one that would fall apart into letters.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    texts : sequence of str
        The texts.

    Returns
    -------
    tuple of str
        The texts.

    Raises
    ------
    InputError
        If it is a single text.
    """
    if isinstance(texts, str):
        raise InputError.of(
            argument, required="a sequence of texts", got=repr(texts), remedy="Put it in a list."
        )
    return tuple(texts)


def table_html(
    *,
    caption: str,
    header: Sequence[Sequence[Head]],
    blocks: Sequence[Block],
    notes: Sequence[str] = (),
    source: str = "",
    lang: Lang = "sv",
    text_columns: Sequence[int] = (),
) -> str:
    """Write a table with its caption, notes and source.

    Parameters
    ----------
    caption : str
        Stands above the table and names the region that scrolls on a narrow screen.
    header : sequence of sequence of Head
        One or two header rows; the first cell heads the row labels.
    blocks : sequence of Block
        The body.
    notes : sequence of str, optional
        Remarks below the table.
    source : str, optional
        Where the figures come from.
    lang : {"sv", "en"}, default "sv"
        Language of "Anm." and "Källa".
    text_columns : sequence of int, optional
        Positions of cells (0 is the first after the row label) that hold words and are set to
        the left.

    Returns
    -------
    str
        A ``figure`` element.

    Raises
    ------
    InputError
        If the notes are a single text.
    """
    check_texts("notes", notes)
    width = max(sum(head.colspan for head in row) for row in header)
    region = f'tabindex="0" role="region" aria-label="{escape(caption, quote=True)}"'
    shape = "ek-words" if text_columns else "ek-pairs" if len(header) > 1 else ""
    shape = shape or ("ek-narrow" if width <= _NARROW else "")
    parts = [f'<figure class="ek-table {shape}"><div class="ek-scroll" {region}><table>']
    if caption:
        parts.append(f"<caption><span>{_caption(caption)}</span></caption>")
    parts.append("<thead>")
    parts += [_header_row(row) for row in header]
    parts.append("</thead>")
    parts += [_block(block, width, frozenset(text_columns)) for block in blocks]
    parts.append("</table></div>")
    below = [f"<p>{_NOTE[lang]}: {escape(bind_units(' '.join(notes)))}</p>"] if notes else []
    if source:
        below.append(f"<p>{_SOURCE[lang]}: {escape(source)}</p>")
    if below:
        parts.append(f"<figcaption>{''.join(below)}</figcaption>")
    parts.append("</figure>")
    return "".join(parts)


def _caption(caption: str) -> str:
    """Set the number ("Tabell 3.") apart from what the table shows."""
    caption = bind_units(caption)
    number = _NUMBER.match(caption)
    if number is None:
        return escape(caption)
    return f"<b>{escape(number.group())}</b>{escape(caption[number.end() :])}"


def _header_row(row: Sequence[Head]) -> str:
    cells: list[str] = []
    for head in row:
        span = f' colspan="{head.colspan}"' if head.colspan > 1 else ""
        span += f' rowspan="{head.rowspan}"' if head.rowspan > 1 else ""
        scope = "colgroup" if head.colspan > 1 else "col"
        kind = "n" if head.numeric else "t"
        if head.text:
            cells.append(f'<th scope="{scope}" class="{kind}"{span}>{escape(head.text)}</th>')
        else:
            cells.append(f'<td class="{kind}"{span}></td>')
    return f"<tr>{''.join(cells)}</tr>"


def _block(block: Block, width: int, words: frozenset[int]) -> str:
    rows: list[str] = []
    if block.heading:
        heading = f"<span>{escape(block.heading)}</span>"
        cell = f'<th scope="rowgroup" colspan="{width}">{heading}</th>'
        rows.append(f'<tr class="ek-heading">{cell}</tr>')
    for line in block.lines:
        cells = "".join(
            f'<td class="t">{escape(cell)}</td>' if place in words else f"<td>{escape(cell)}</td>"
            for place, cell in enumerate(line.cells)
        )
        total = ' class="ek-total"' if line.total else ""
        rows.append(f'<tr{total}><th scope="row">{escape(line.label)}</th>{cells}</tr>')
    return f"<tbody>{''.join(rows)}</tbody>"
