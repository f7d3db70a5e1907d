"""Count and percent tables in the layout of Swedish agency reports, from microdata.

:func:`frequency_table` counts, and returns a frozen :class:`ReportTable` that keeps the whole
numbers behind every percentage: rounding is exact, and the table can be compared cell by cell
with a published one (``evalkit.published.compare(table.to_tidy(), "000.t3")``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from numbers import Integral
from typing import Literal

import pandas as pd

from evalkit.core.typography import EN_DASH, Lang, Typography
from evalkit.errors import InputError
from evalkit.kernels.rounding import percent_half_up
from evalkit.report.html import Block, Head, Line, check_texts, stylesheet, table_html

__all__ = ["MISSING", "Listing", "Remark", "ReportTable", "Row"]

MISSING = "Uppgift saknas"
TIDY_COLUMNS = ("row_group", "row", "column_group", "column", "measure", "value", "text")

_ENGLISH = {
    "Totalt": "Total",
    "Summa": "Total",
    "Antal": "Number",
    "Andel": "Share",
    MISSING: "Not known",
}
_REMARKS = {
    "all in row": {
        "sv": "Andelarna är av samtliga i raden, också dem som ingen kolumn visar.",
        "en": "Shares are of everybody in the row, including those whom no column shows.",
    },
    "left out": {
        "sv": "Antal personer utan uppgift om {name}, som inte ingår: {n}.",
        "en": "Persons without information on {name}, who are not included: {n}.",
    },
    "left out together": {
        "sv": "Sammanlagt {n} personer saknar någon av uppgifterna och ingår inte i någon rad.",
        "en": "In all, {n} persons lack some of this information and are in none of the rows.",
    },
    "shown": {
        "sv": "Antal personer utan uppgift om {name}, som redovisas särskilt: {n}.",
        "en": "Persons without information on {name}, who are shown apart: {n}.",
    },
    "rounding": {
        "sv": "På grund av avrundning summerar andelarna inte alltid till 100 procent.",
        "en": "Because of rounding, shares do not always add up to 100 per cent.",
    },
}


_MOST_DECIMALS = 10


def check_decimals(argument: str, value: object) -> None:
    """Check a number of decimals.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    value : object
        What the caller gave.

    Raises
    ------
    InputError
        If it is not a whole number from 0 to 10.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, Integral)
        or value not in range(_MOST_DECIMALS + 1)
    ):
        raise InputError.of(
            argument, required=f"a whole number from 0 to {_MOST_DECIMALS}", got=repr(value)
        )


def _check_differ(argument: str, labels: Sequence[str]) -> None:
    twice = [label for label, times in Counter(labels).items() if times > 1]
    if twice:
        raise InputError.of(
            argument, required="such that no two have the same labels", got="repeated labels",
            where=twice, remedy="Rename the levels, or give each block a heading of its own.",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A row of whole numbers.

    Attributes
    ----------
    group : str
        Heading of the block that the row stands in, or empty.
    label : str
        The row's label.
    counts : tuple of int
        One count per column.
    bases : tuple of int
        What each count is a share of.
    total : bool
        Whether the row is a total.
    """

    group: str
    label: str
    counts: tuple[int, ...]
    bases: tuple[int, ...]
    total: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """A note that follows from the data and must be said, in either language.

    Attributes
    ----------
    kind : {"all in row", "left out", "left out together", "shown", "rounding"}
        What there is to say.
    name : str
        The variable it is about.
    n : int
        The number of persons it is about.
    """

    kind: Literal["all in row", "left out", "left out together", "shown", "rounding"]
    name: str = ""
    n: int = 0

    def text(self, lang: Lang, labels: Mapping[str, str]) -> str:
        """Say it.

        Parameters
        ----------
        lang : {"sv", "en"}
            Language.
        labels : mapping
            Display labels.

        Returns
        -------
        str
            A sentence.
        """
        name = labels.get(self.name, self.name)
        return _REMARKS[self.kind][lang].format(n=Typography(lang).integer(self.n), name=name)


@dataclass(frozen=True)
class ReportTable:
    """Counts and percentages, ready to be printed or compared.

    Row and column labels stay as published, in Swedish; `labels` only changes what is displayed.

    Attributes
    ----------
    rows : tuple of Row
        The whole numbers, in printed order.
    columns : tuple of str
        Column headers; empty when the table has only Antal and Andel.
    decimals : int
        Decimals of the percentages.
    decimals_below_one : int or None
        Decimals of percentages between 0 and 1, where they differ.
    caption, source : str
        Text above and below the table.
    notes : tuple of str
        Notes below the table, before the remarks.
    lang : {"sv", "en"}
        Language of what is displayed.
    labels : mapping
        Display labels by published label.
    remarks : tuple of Remark
        What follows from the data and must be said.
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    decimals: int = 0
    decimals_below_one: int | None = None
    caption: str = ""
    notes: tuple[str, ...] = ()
    source: str = ""
    lang: Lang = "sv"
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could only be printed wrong or not at all."""
        Typography(self.lang)
        check_texts("notes", self.notes)
        check_decimals("decimals", self.decimals)
        if self.decimals_below_one is not None:
            check_decimals("decimals_below_one", self.decimals_below_one)
        _check_differ("columns", self.columns)
        _check_differ("rows", [f"{row.group} > {row.label}".strip(" >") for row in self.rows])

    @property
    def counts(self) -> pd.DataFrame:
        """Counts, one row per table row, indexed by block and label."""
        return self._frame([row.counts for row in self.rows])

    @property
    def base(self) -> pd.DataFrame:
        """What each count is a share of."""
        return self._frame([row.bases for row in self.rows])

    @property
    def percents(self) -> pd.DataFrame:
        """Percentages as printed; missing where the base is empty."""
        return self._frame([[value for _, value, _ in self._cells(row)] for row in self.rows])

    def to_tidy(self) -> pd.DataFrame:
        """Return one row per printed figure, with labels as published.

        Returns
        -------
        pandas.DataFrame
            Columns ``row_group, row, column_group, column, measure, value, text``, row by row in
            printed order.
        """
        set_in = Typography("sv")
        names = [(name, name) for name in self.columns] or [("Antal", "Andel")]
        records: list[tuple[str, str, str, str, str, float, str]] = []
        for row in self.rows:
            for (for_count, for_share), (count, value, share) in zip(
                names, self._cells(row), strict=True
            ):
                where = (row.group, row.label, "")
                records.append((*where, for_count, "count", count, set_in.integer(count)))
                records.append((*where, for_share, "percent", value, share))
        return pd.DataFrame(records, columns=list(TIDY_COLUMNS))

    def to_html(self, lang: Lang | None = None, labels: Mapping[str, str] | None = None) -> str:
        """Write the table as HTML.

        Parameters
        ----------
        lang : {"sv", "en"}, optional
            Another language than the table's own, for numbers and built-in words.
        labels : mapping, optional
            Other display labels.

        Returns
        -------
        str
            A ``figure`` element with caption, notes and source.
        """
        lang = lang or self.lang
        show = {**(_ENGLISH if lang == "en" else {}), **(self.labels if labels is None else labels)}
        number, share = show.get("Antal", "Antal"), show.get("Andel", "Andel")
        if self.columns:
            header = [
                [Head("", rowspan=2, numeric=False)]
                + [Head(show.get(name, name), colspan=2) for name in self.columns],
                [Head(text) for _ in self.columns for text in (number, share)],
            ]
        else:
            header = [[Head("", numeric=False), Head(number), Head(share)]]
        blocks = [
            Block(
                show.get(group, group),
                tuple(
                    Line(show.get(row.label, row.label), self._texts(row, lang), row.total)
                    for row in rows
                ),
            )
            for group, rows in groupby(self.rows, key=lambda row: row.group)
        ]
        return table_html(
            caption=self.caption,
            header=header,
            blocks=blocks,
            notes=[*self.notes, *(remark.text(lang, show) for remark in self.remarks)],
            source=self.source,
            lang=lang,
        )

    def _repr_html_(self) -> str:
        return f"<style>{stylesheet('table.css')}</style>{self.to_html()}"

    def __str__(self) -> str:
        """Say what the table shows in one line."""
        heads = ", ".join(self.columns) or "Antal, Andel"
        return f"{self.caption or 'Table'} ({len(self.rows)} rows; {heads})"

    def _frame(self, values: Sequence[Sequence[float]]) -> pd.DataFrame:
        index = pd.MultiIndex.from_tuples(
            [(row.group, row.label) for row in self.rows], names=["row_group", "row"]
        )
        return pd.DataFrame(values, index=index, columns=list(self.columns) or ["Antal"])

    def _cells(self, row: Row, lang: Lang = "sv") -> Iterator[tuple[int, float, str]]:
        """Count, rounded percentage and the percentage's text, column by column."""
        set_in = Typography(lang)
        for count, base in zip(row.counts, row.bases, strict=True):
            decimals = self.decimals
            if self.decimals_below_one is not None and 0 < 100 * count < base:
                decimals = self.decimals_below_one
            if base == 0:
                yield count, float("nan"), EN_DASH
            else:
                value = percent_half_up(count, base, decimals) / 10**decimals
                yield count, value, set_in.share(count, base, decimals)

    def _texts(self, row: Row, lang: Lang) -> tuple[str, ...]:
        set_in = Typography(lang)
        cells = self._cells(row, lang)
        return tuple(text for n, _, share in cells for text in (set_in.integer(n), share))


@dataclass(frozen=True)
class Listing:
    """A table of texts that are already set, in the style of the report's other tables.

    Attributes
    ----------
    header : tuple of str
        Column headers; the first heads the row labels.
    blocks : tuple of Block
        The rows.
    caption, source : str
        Text above and below the table.
    notes : tuple of str
        Notes below the table.
    lang : {"sv", "en"}
        Language of "Anm." and "Källa".
    words : tuple of str
        Headers of columns that hold words and are set to the left.
    """

    header: tuple[str, ...]
    blocks: tuple[Block, ...]
    caption: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    lang: Lang = "sv"
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a single text where there should be several."""
        for argument in ("header", "notes", "words"):
            check_texts(argument, getattr(self, argument))

    def to_html(self) -> str:
        """Write the table as HTML.

        Returns
        -------
        str
            A ``figure`` element with caption, notes and source.
        """
        left = [place for place, name in enumerate(self.header[1:]) if name in self.words]
        first, *others = self.header
        return table_html(
            caption=self.caption,
            header=[[Head(first, numeric=False),
                     *(Head(name, numeric=name not in self.words) for name in others)]],
            blocks=self.blocks,
            notes=self.notes,
            source=self.source,
            lang=self.lang,
            text_columns=left,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return f"<style>{stylesheet('table.css')}</style>{self.to_html()}"
