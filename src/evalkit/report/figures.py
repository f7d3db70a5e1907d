"""Figures as inline SVG that a screen reader can tell."""

from __future__ import annotations

import re
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

from evalkit.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

__all__ = ["svg_html"]

_SIZE = re.compile(r'<svg[^>]*?viewBox="([^"]*)"[^>]*>', re.DOTALL)
_FONT = re.compile(r"font-family:[^;\"]*(;\s*)?")
_FONTS = "'Source Sans 3', 'Segoe UI', 'Liberation Sans', Arial, Helvetica, sans-serif"


def svg_html(figure: Figure | SubFigure, *, alt: str, name: str) -> str:
    """Draw a figure as an SVG element for a page.

    Text stays text, in the page's own font; identifiers are made unique to the figure; the file
    header, with its references, is left out.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    alt : str
        The finding, for those who cannot see it.
    name : str
        Prefix of the identifiers, unique on the page.

    Returns
    -------
    str
        An ``svg`` element.

    Raises
    ------
    InputError
        If the alternative text is empty.
    """
    import matplotlib as mpl

    if not alt.strip():
        raise InputError.of(
            "alt", required="a sentence with the finding", got="nothing",
            remedy="Write what a reader is meant to see.",
        )  # fmt: skip
    drawn = StringIO()
    absent = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with cast("Any", mpl).rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        cast("Any", figure.canvas.figure).savefig(drawn, format="svg", metadata=absent)
    text = drawn.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    found = _SIZE.search(text)
    if found is None:  # pragma: no cover - every SVG of matplotlib has one
        raise InputError.of("figure", required="a figure that draws as SVG", got="something else")
    body = text[found.end() :]
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    body = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', body)
    body = _FONT.sub("", body)
    head = (
        f'<svg viewBox="{found.group(1)}" role="img" aria-labelledby="{name}-title" '
        f'style="font-family: {_FONTS}">'
    )
    return f'{head}<title id="{name}-title">{escape(alt)}</title>{body.strip()}'
