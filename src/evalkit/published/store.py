"""The shipped published tables: one CSV per table, one YAML file per source.

The CSV holds what was printed, figure by figure; the YAML holds the title, the page, footnotes and
the relations that should hold between the figures. Nothing is corrected on the way in.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsFloat, cast

import yaml

from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.published.numbers import Figure, parse_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "Cell", "Key", "PublishedTable", "load", "not_available", "tables"]

MEASURES = ("count", "percent", "amount", "days", "mean", "median", "ratio")
_MOST_DECIMALS = 6
_COLUMNS = ("row_group", "row", "column_group", "column", "measure", "text")

# The C loader is ten times faster and reads the same; it is absent from some builds of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Key(NamedTuple):
    """Where a figure stands: table, row and column (each with its group), measure."""

    table: str
    row_group: str
    row: str
    column_group: str
    column: str
    measure: str

    @property
    def place(self) -> str:
        """Row and column in words, for messages."""
        row = " > ".join(part for part in (self.row_group, self.row) if part)
        column = " > ".join(part for part in (self.column_group, self.column) if part)
        return f"{row} / {column}" if column else row


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed figure and where it stands."""

    key: Key
    figure: Figure


@dataclass(frozen=True)
class PublishedTable:
    """A published table as it was printed.

    Attributes
    ----------
    table_id : str
        For example ``"000.t3"``.
    source : str
        The source document, ``"000"`` to ``"004"``.
    spec : mapping
        The table's entry in the source's YAML file: title, page, footnotes, relations.
    cells : tuple of Cell
        Every printed figure, in printed order.
    """

    table_id: str
    source: str
    spec: Mapping[str, Any] = field(repr=False)
    cells: tuple[Cell, ...] = field(repr=False)

    @property
    def title(self) -> str:
        """Caption as published."""
        return str(self.spec.get("title", self.table_id))

    def to_frame(self) -> pd.DataFrame:
        """Give the table in tidy form, one row per printed figure.

        Returns
        -------
        DataFrame
            Columns ``table_id, row_group, row, column_group, column, measure, value, text``;
            `value` is NaN, and `text` kept, where the source prints no figure.

        Examples
        --------
        >>> from evalkit import published
        >>> frame = published.load("000.t1").to_frame()
        >>> frame.loc[0, "row"], float(frame.loc[0, "value"])
        ('Totalt', 3625.0)
        """
        import pandas as pd

        rows = [
            (*cell.key, float("nan") if cell.figure.value is None else float(cell.figure.value),
             cell.figure.text)
            for cell in self.cells
        ]  # fmt: skip
        columns = ["table_id", *_COLUMNS[:-1], "value", "text"]
        frame = pd.DataFrame.from_records(rows, columns=columns)
        return frame.astype({"value": float})

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><th scope='row'>{escape(cell.key.place)}</th><td>{escape(cell.key.measure)}</td>"
            f"<td style='text-align:right'>{escape(cell.figure.text)}</td></tr>"
            for cell in self.cells
        )
        head = "<tr><th scope='col'>cell</th><th scope='col'>measure</th><th scope='col'>text</th>"
        return (
            f"<table><caption>{escape(self.title)}</caption><thead>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


@dataclass(frozen=True)
class Source:
    """One source document: metadata, tables, and the relations across its tables."""

    source: str
    meta: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    relations: tuple[Mapping[str, Any], ...]
    not_available: tuple[Mapping[str, str], ...]


@lru_cache(maxsize=1)
def sources() -> Mapping[str, Source]:
    """Read every YAML file of the published data; ``cross`` holds relations across sources."""
    merged: dict[str, dict[str, Any]] = {}
    for entry in sorted(data_dir("published").iterdir(), key=lambda path: path.name):
        if not entry.name.endswith(".yaml"):
            continue
        content: Any = yaml.load(entry.read_text(encoding="utf-8"), Loader=_Loader)
        name = str(content.get("source", "cross"))
        into = merged.setdefault(
            name, {"tables": {}, "relations": [], "not_available": [], "meta": {}}
        )
        for key, value in content.items():
            if key == "tables":
                into["tables"].update(value)
            elif key in ("relations", "not_available"):
                into[key].extend(value or ())
            else:
                into["meta"][key] = value
    return {
        name: Source(
            name,
            parts["meta"],
            parts["tables"],
            tuple(parts["relations"]),
            tuple(parts["not_available"]),
        )
        for name, parts in merged.items()
    }


def source_of(table_id: object) -> Source:
    """Find the source of a table; an unknown table is an error that names the nearest ids."""
    from difflib import get_close_matches

    if not isinstance(table_id, str):
        raise InputError.of("table_id", required="a table's id", got=repr(table_id))
    known = {table: source for source in sources().values() for table in source.tables}
    if table_id not in known:
        near = get_close_matches(str(table_id), known, n=5, cutoff=0.3)
        raise InputError.of(
            "table_id",
            required="the id of a shipped table",
            got=repr(table_id),
            remedy=f"Nearest: {', '.join(near) or 'none'}; tables() lists all {len(known)}.",
        )
    return known[table_id]


def read_cells(lines: Iterable[str], table_id: str, where: str) -> tuple[Cell, ...]:
    """Read the tidy CSV of one table; every fault names the file and the line."""
    reader = csv.reader(lines, strict=True)
    header = tuple(next(reader, ()))
    if header != _COLUMNS:
        raise InputError.of(
            where, required=f"a header line {','.join(_COLUMNS)}", got=",".join(header)
        )
    cells: list[Cell] = []
    seen: dict[Key, int] = {}
    for number, row in enumerate(reader, start=2):
        if len(row) != len(_COLUMNS):
            raise InputError.of(
                where, required=f"{len(_COLUMNS)} fields a line", got=f"{len(row)}",
                where=[f"line {number}"], remedy="Quote fields that hold a comma.",
            )  # fmt: skip
        key = Key(table_id, row[0], row[1], row[2], row[3], row[4])
        if key.measure not in MEASURES:
            raise InputError.of(
                where, required=f"measure in {', '.join(MEASURES)}", got=repr(key.measure),
                where=[f"line {number}"],
            )  # fmt: skip
        if key in seen:
            raise InputError.of(
                where, required="each cell once", got=f"{key.place} ({key.measure}) twice",
                where=[f"line {seen[key]}", f"line {number}"],
            )  # fmt: skip
        seen[key] = number
        try:
            cells.append(Cell(key, parse_figure(row[5])))
        except InputError as error:
            raise InputError(f"{where}, line {number}: {error}") from error
    return tuple(cells)


@lru_cache(maxsize=1024)
def load(table_id: str) -> PublishedTable:
    """Load one published table.

    Parameters
    ----------
    table_id : str
        An id of :func:`tables`, for example ``"000.t3"`` or ``"004.claims"``.

    Returns
    -------
    PublishedTable
        With :meth:`PublishedTable.to_frame` for the tidy frame.

    Raises
    ------
    InputError
        If no such table is shipped.

    Examples
    --------
    >>> from evalkit import published
    >>> published.load("000.t3").title[:9]
    'Tabell 3.'
    """
    source = source_of(table_id)
    name = f"{table_id}.csv"
    text = data_dir("published").joinpath(name).read_text(encoding="utf-8")
    cells = read_cells(text.splitlines(), table_id, f"data/published/{name}")
    return PublishedTable(table_id, source.source, source.tables[table_id], cells)


def tables() -> pd.DataFrame:
    """List every published table that is shipped.

    Returns
    -------
    DataFrame
        Columns ``table_id, source, title, page, n_cells``; claims in running text are tables
        too (``"000.claims"``).

    Examples
    --------
    >>> from evalkit import published
    >>> "000.t3" in set(published.tables()["table_id"])
    True
    """
    import pandas as pd

    rows = [
        (table_id, source.source, str(spec.get("title", "")), spec.get("page"),
         len(load(table_id).cells))
        for source in sources().values()
        for table_id, spec in source.tables.items()
    ]  # fmt: skip
    frame = pd.DataFrame.from_records(
        rows, columns=["table_id", "source", "title", "page", "n_cells"]
    )
    frame["page"] = frame["page"].astype("Int64")
    return frame.sort_values("table_id", ignore_index=True)


def not_available() -> pd.DataFrame:
    """List what the sources announce but do not contain.

    Returns
    -------
    DataFrame
        Columns ``source, what, why``.

    Examples
    --------
    >>> from evalkit import published
    >>> list(published.not_available().columns)
    ['source', 'what', 'why']
    """
    import pandas as pd

    rows = [
        (source.source, entry["what"], entry["why"])
        for source in sources().values()
        for entry in source.not_available
    ]
    return pd.DataFrame.from_records(rows, columns=["source", "what", "why"])


def cells_of_frame(frame: pd.DataFrame) -> tuple[Cell, ...]:
    """Turn a tidy frame (as :meth:`PublishedTable.to_frame` gives) into cells.

    The figure is `value`; `text` tells its printed decimals and vague words where the two agree,
    and is the figure itself where there is no `value` column. Where they disagree, the one that
    differs from the shipped table has been changed and counts; in other tables that is an error.
    """
    required = ("table_id", "row", "column", "measure")
    absent = [name for name in required if name not in frame.columns]
    if absent or not {"value", "text"} & set(frame.columns):
        raise InputError.of(
            "table", required="a tidy frame with table_id, row, column, measure, value and text",
            got=f"columns {', '.join(map(str, frame.columns))}",
            remedy="load(table_id).to_frame() shows the form.",
        )  # fmt: skip
    cells: dict[Key, Cell] = {}
    shipped: dict[str, dict[Key, Cell]] = {}
    for record in cast("list[dict[str, Any]]", frame.to_dict("records")):
        key = Key(
            str(record["table_id"]), _label(record.get("row_group")), _label(record["row"]),
            _label(record.get("column_group")), _label(record["column"]), str(record["measure"]),
        )  # fmt: skip
        if key.measure not in MEASURES:
            raise InputError.of(
                "table", required=f"measure in {', '.join(MEASURES)}", got=repr(key.measure),
                where=[key.place],
            )  # fmt: skip
        if key in cells:
            raise InputError.of(
                "table", required="each cell once", got=f"{key.place} ({key.measure}) twice"
            )
        if key.table not in shipped:
            known = any(key.table in source.tables for source in sources().values())
            shipped[key.table] = {c.key: c for c in load(key.table).cells} if known else {}
        same = shipped[key.table].get(key)
        cells[key] = Cell(key, _figure(record, key, None if same is None else same.figure))
    return tuple(cells.values())


def _label(value: object) -> str:
    """Label of a frame's row; missing values are empty."""
    return str(value) if isinstance(value, str) or _is_number(value) else ""


def _is_number(value: object) -> bool:
    """Whether a value is a number and not missing (NaN, NA and None are)."""
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        return False
    return not math.isnan(float(value))


def _figure(record: Mapping[str, Any], key: Key, shipped: Figure | None) -> Figure:
    """Figure of a frame's row."""
    text = record.get("text")
    printed = parse_figure(text) if isinstance(text, str) else None
    if "value" not in record:
        return printed or Figure("", None)
    value = record["value"]
    if isinstance(value, str | bool):
        raise InputError.of("value", required="a number", got=repr(value), where=[key.place])
    if not _is_number(value):
        # No value: what is left of the text is a dash, or a figure that is suppressed.
        return printed if printed is not None and printed.value is None else Figure("", None)
    number = float(value)
    if math.isinf(number):
        raise InputError.of("value", required="a finite number", got=number, where=[key.place])
    for candidate in (printed, shipped):
        if candidate is not None and _is(candidate, number):
            if candidate is shipped and printed is not None and printed.value is not None:
                return printed  # only the text was changed
            return candidate
    if printed is not None and printed.value is not None and shipped is None:
        raise InputError.of(
            "text", required="the printed form of value", got=f"{text!r} beside {number:g}",
            where=[key.place], remedy="Drop the column text, or correct one of the two.",
        )  # fmt: skip
    model = printed if printed is not None else shipped
    decimals = model.decimals if model is not None else 0
    if round(number, decimals) == number:
        return parse_figure(f"{number:.{decimals}f}".replace(".", ","))
    # Computed values carry noise in their last bits: six decimals are more than anyone prints.
    return parse_figure(f"{number:.{_MOST_DECIMALS}f}".rstrip("0").rstrip(".").replace(".", ","))


def _is(figure: Figure, number: float) -> bool:
    return figure.value is not None and float(figure.value) == number
