"""An executed notebook as one HTML page that needs nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.report.document import CONTENTS_MARK, REPORT_MIME
from evalkit.report.html import stylesheet

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["INJECTED_TAG", "index_page", "numbered_cells", "read_result", "render_page"]

INJECTED_TAG = "injected-parameters"
"""Tag of the cell by which the runner sets the parameters."""

_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_CONTENTS = {"sv": "Innehåll", "en": "Contents"}
_INDEX = {
    "sv": (
        "Återskapade rapporter",
        "Publicerade rapporter som har räknats om ur data och jämförts cell för cell.",
    ),
    "en": (
        "Reproduced reports",
        "Published reports recomputed from data and compared cell by cell.",
    ),
}
_FAILED = ' class="ek-failed"'
_COLOPHON = {
    "sv": "Sidan är framställd ur anteckningsboken {name} med evalkit {version}.",
    "en": "This page was made from the notebook {name} with evalkit {version}.",
}


def read_result(notebook: NotebookNode) -> dict[str, Any]:
    """Find the result that an executed notebook hands over.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The executed notebook.

    Returns
    -------
    dict
        What :meth:`evalkit.report.Document.finish` published.

    Raises
    ------
    InputError
        If the notebook hands over none, or several.
    """
    found = [
        output["data"][REPORT_MIME]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if REPORT_MIME in output.get("data", {})
    ]
    if len(found) != 1:
        raise InputError.of(
            "notebook", required="one result", got=f"{len(found)}",
            remedy="End the notebook with document.finish(...).",
        )  # fmt: skip
    return found[0]


def numbered_cells(notebook: NotebookNode) -> Iterator[tuple[int, Any]]:
    """Number the cells as in the notebook's file, without the one that the runner put in.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook as it was run.

    Yields
    ------
    number : int
        The cell's number, from 1.
    cell : nbformat.NotebookNode
        The cell.
    """
    cells = [
        cell for cell in notebook["cells"] if INJECTED_TAG not in cell["metadata"].get("tags", [])
    ]
    yield from enumerate(cells, 1)


def render_page(notebook: NotebookNode, *, name: str) -> str:
    """Turn an executed notebook into a page.

    Only what the cells display is shown: texts, tables, figures. The page holds its style sheet
    and its figures, no script, and no reference to any other file.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The executed notebook, which ends with :meth:`evalkit.report.Document.finish`.
    name : str
        Name of the notebook, for the colophon.

    Returns
    -------
    str
        The page.

    Raises
    ------
    InputError
        If the notebook hands over no result, or displays an image without a text for those who
        cannot see it.
    """
    from evalkit import __version__

    result = read_result(notebook)
    for number, cell in numbered_cells(notebook):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}) and not output["metadata"].get("alt"):
                raise InputError.of(
                    "notebook", required="figures with an alternative text", got="a bare image",
                    where=[f"cell {number}"], remedy="Show it by document.figure(ax, alt=...).",
                )  # fmt: skip
    colophon = _COLOPHON[result["lang"]].format(name=name, version=__version__)
    notebook["metadata"]["evalkit"] = {**result, "colophon": colophon}
    css = f"{stylesheet('table.css')}{stylesheet('page.css')}"
    page, _ = _exporter().from_notebook_node(notebook, resources={"evalkit_css": css})
    return _with_contents(page, result["lang"])


def index_page(lines: Sequence[tuple[str, str, str, bool]], lang: Lang) -> str:
    """Write the page that links to the reports.

    Parameters
    ----------
    lines : sequence of (str, str, str, bool)
        Title, file name (empty if there is no page), outcome, and whether all is well.
    lang : {"sv", "en"}
        Language.

    Returns
    -------
    str
        The page.
    """
    title, lead = _INDEX[lang]
    items = "".join(
        f"<li>{_link(name, file)}<p{'' if ok else _FAILED}>{escape(outcome)}</p></li>"
        for name, file, outcome, ok in lines
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{stylesheet('page.css')}</style>\n</head>\n<body>\n"
        f'<main>\n<header class="ek-title"><h1>{title}</h1><p class="ek-subtitle">{lead}</p>'
        f'</header>\n<ul class="ek-index">{items}</ul>\n</main>\n</body>\n</html>\n'
    )


def _link(name: str, file: str) -> str:
    text = escape(name)
    return f'<a href="{escape(file)}">{text}</a>' if file else f"<span>{text}</span>"


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter

    with as_file(files("evalkit.report") / "templates") as folder:
        return HTMLExporter(
            template_name="evalkit",
            extra_template_basedirs=[str(folder)],
            exclude_anchor_links=True,
        )


def _with_contents(page: str, lang: Lang) -> str:
    """Number the anchors of the main headings and list those after the mark at the mark."""
    entries: list[str] = []
    start = page.find(CONTENTS_MARK)

    def anchored(match: re.Match[str]) -> str:
        text, ident = match.group(1), f"ek-{len(entries) + 1}"
        if match.start() < start:
            return match.group()
        entries.append(f'<li><a href="#{ident}">{_TAG.sub("", text)}</a></li>')
        return f'<h2 id="{ident}">{text}</h2>'

    page = _HEADING.sub(anchored, page)
    listed = f"<nav><h2>{_CONTENTS[lang]}</h2><ol>{''.join(entries)}</ol></nav>"
    return page.replace(CONTENTS_MARK, listed)
