"""What a report notebook writes with: parallel texts, tables, figures, comparisons, the result.

A notebook makes one :class:`Document`, shows its parts through it, and ends with
:meth:`Document.finish`, which hands the result over to whoever runs the notebook.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, cast

from evalkit.core.typography import Lang, Typography, bind_units
from evalkit.report.figures import svg_html
from evalkit.report.tables import Listing, ReportTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from evalkit.published import Comparison

__all__ = ["CONTENTS_MARK", "REPORT_MIME", "Agreement", "Document"]

REPORT_MIME = "application/vnd.evalkit.report+json"
"""MIME type of the output by which a notebook hands over its result."""

CONTENTS_MARK = "<!--ek-contents-->"

_LISTED = 20
_KEY = ("table_id", "row_group", "row", "column_group", "column", "measure")
_OUTCOME = {
    "sv": {
        "equal": "Samtliga {cells} celler är lika de publicerade.",
        "unequal": "{equal} av {cells} celler är lika de publicerade; se bilagan.",
    },
    "en": {
        "equal": "All {cells} cells equal the published ones.",
        "unequal": "{equal} of {cells} cells equal the published ones; see the appendix.",
    },
}


@dataclass(frozen=True)
class Agreement:
    """How a rebuilt table agrees with the published one.

    Attributes
    ----------
    comparison : Comparison
        The comparison, cell by cell.
    corrected : tuple of bool
        For each cell that differs, whether the rest of the publication contradicts the published
        figure and supports the computed one.
    """

    comparison: Comparison
    corrected: tuple[bool, ...]

    @property
    def n_cells(self) -> int:
        """Cells compared."""
        return self.comparison.n_cells

    @property
    def n_equal(self) -> int:
        """Cells that are equal."""
        return self.comparison.n_equal

    @property
    def n_corrected(self) -> int:
        """Cells where the published figure is contradicted by the publication itself."""
        return sum(self.corrected)

    @property
    def equal(self) -> bool:
        """Whether every cell is equal."""
        return self.n_equal == self.n_cells

    def unexplained(self) -> list[str]:
        """Describe the cells that should be equal and are not.

        Returns
        -------
        list of str
            One line per cell.
        """
        records = self.comparison.differences.to_dict("records")
        return [
            f"{record['table_id']} {record['row']} / {record['column']} ({record['measure']}): "
            f"published {record['text']}, computed {record['computed']:g}"
            for record, corrected in zip(records, self.corrected, strict=True)
            if not corrected
        ]


class Document:
    """The report that a notebook is writing.

    Texts come in both languages side by side; only those in the report's language are shown.

    Parameters
    ----------
    lang : {"sv", "en"}, default "sv"
        Language of the report.
    title, subtitle : str
        Title and the sentence below it, in the report's language.
    kind : str, optional
        What sort of publication it is, above the title.
    facts : sequence of (str, str), optional
        Author, source and the like, as they stand in the title block; the date comes last.

    Attributes
    ----------
    set_in : Typography
        Formatter of the report's language.
    comparisons : dict
        Comparisons made so far, by id of the published table.
    """

    def __init__(
        self,
        lang: Lang = "sv",
        *,
        title: str,
        subtitle: str = "",
        kind: str = "",
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.set_in = Typography(lang)
        self.comparisons: dict[str, Agreement] = {}
        dated = (*facts, (self.pick(sv="Datum", en="Date"), _today()))
        self._head = {"title": title, "subtitle": subtitle, "kind": kind, "facts": dated}
        self._n_figures = 0

    @property
    def lang(self) -> Lang:
        """Language of the report."""
        return self.set_in.lang

    def pick(self, *, sv: str, en: str) -> str:
        """Choose between parallel texts.

        Parameters
        ----------
        sv, en : str
            The text in Swedish and in English.

        Returns
        -------
        str
            The one in the report's language.
        """
        return sv if self.lang == "sv" else en

    def text(self, *, sv: str, en: str, role: str = "") -> None:
        """Show a text.

        Parameters
        ----------
        sv, en : str
            The text in Swedish and in English, as Markdown.
        role : {"", "summary", "appendix"}
            Set it as the summary's box, or begin an appendix with it.
        """
        text = bind_units(self.pick(sv=sv, en=en))
        _display({"text/markdown": text}, {"evalkit": role} if role else {})

    def contents(self) -> None:
        """Put the table of contents here; the page fills it in."""
        _display({"text/html": CONTENTS_MARK})

    def table(self, table: ReportTable | Listing, *, published: str = "") -> None:
        """Show a table, and below it how it compares with the published one.

        Parameters
        ----------
        table : ReportTable or Listing
            The table, in the report's language.
        published : str, optional
            Id of the published table that a :class:`ReportTable` rebuilds.
        """
        if published and isinstance(table, ReportTable):
            outcome = _OUTCOME[self.lang]
            agreement = self.compare(table, published)
            note = outcome["equal"] if agreement.equal else outcome["unequal"]
            cells = self.set_in.integer(agreement.n_cells)
            note = note.format(cells=cells, equal=self.set_in.integer(agreement.n_equal))
            table = replace(table, notes=(*table.notes, note))
        _display({"text/html": table.to_html()})

    def figure(
        self,
        ax: Axes,
        *,
        caption: str,
        subtitle: str = "",
        alt: str,
        notes: str = "",
        source: str = "",
    ) -> None:
        """Show a figure.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Any axes of the figure.
        caption : str
            The finding, after the number.
        subtitle : str, optional
            What is shown: quantity, unit, population, time.
        alt : str
            The finding with its numbers, for those who cannot see the figure.
        notes, source : str, optional
            Stand below the figure.
        """
        self._n_figures += 1
        word = self.pick(sv="Diagram", en="Figure")
        top = f"<b>{word} {self._n_figures}.</b> {escape(bind_units(caption))}"
        if subtitle:
            top += f"<small>{escape(bind_units(subtitle))}</small>"
        svg = svg_html(ax.figure, alt=alt, name=f"ek{self._n_figures}")
        below = [
            (self.pick(sv="Anm.", en="Note"), notes),
            (self.pick(sv="Källa", en="Source"), source),
        ]
        remarks = "".join(
            f"<p>{word}: {escape(bind_units(text))}</p>" for word, text in below if text
        )
        html = (
            f'<figure class="ek-figure"><figcaption>{top}</figcaption>'
            f'<div class="ek-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
            f"{svg}</div>{remarks}</figure>"
        )
        _display({"text/html": html})

    def compare(self, table: ReportTable, table_id: str) -> Agreement:
        """Compare a table with the published one, cell by cell, and remember the outcome.

        Parameters
        ----------
        table : ReportTable
            The rebuilt table.
        table_id : str
            Id of the published table.

        Returns
        -------
        Agreement
            Cells compared, equal, and corrected.
        """
        from evalkit.published import compare
        from evalkit.published.microdata import layout

        comparison = compare(table.to_tidy(), table_id)
        read = {
            (*meaning.cell.key, float(meaning.figure.value))
            for meaning in layout(table_id).meanings
            if meaning.figure is not meaning.cell.figure and meaning.figure.value is not None
        }
        corrected = [
            (*(record[name] for name in _KEY), record["computed"]) in read
            for record in comparison.differences.to_dict("records")
        ]
        self.comparisons[table_id] = agreement = Agreement(comparison, tuple(corrected))
        return agreement

    def finish(self, *, inconsistencies: int, explained: int = 0) -> None:
        """Hand the result over to whoever runs the notebook.

        Parameters
        ----------
        inconsistencies : int
            Number of inconsistencies found in the published source that it does not explain.
        explained : int, default 0
            Number of deviations that the source explains itself.
        """
        compared = list(self.comparisons.values())
        result: dict[str, Any] = {
            **self._head,
            "lang": self.lang,
            "n_cells": sum(one.n_cells for one in compared),
            "n_equal": sum(one.n_equal for one in compared),
            "n_corrected": sum(one.n_corrected for one in compared),
            "n_inconsistencies": inconsistencies,
            "n_explained": explained,
            "differences": [line for one in compared for line in one.unexplained()][:_LISTED],
        }
        _display({REPORT_MIME: result})


def _today() -> str:
    """Date of the report: today, or what SOURCE_DATE_EPOCH says, so that it can be repeated."""
    stamp = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(stamp), tz=UTC) if stamp else datetime.now().astimezone()
    return now.date().isoformat()


def _display(bundle: dict[str, Any], metadata: dict[str, str] | None = None) -> None:
    """Show something in a notebook, in the forms given by MIME type."""
    import IPython.display as ipython

    cast("Any", ipython).display(bundle, metadata=metadata or {}, raw=True)
