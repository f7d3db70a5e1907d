"""Read a stranger's table from CSV or Excel, and audit it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from evalkit.errors import InputError
from evalkit.published.audit import AuditReport, audit
from evalkit.published.numbers import Figure, parse_figure
from evalkit.published.store import Cell, Key, PublishedTable, read_cells

__all__ = ["audit_file", "read_table"]

_TIDY = "row_group,row,column_group,column,measure,text"
_PERCENT = re.compile(r"[\s,(]*(andel|procent|percent|share|%)[\s)]*(\(%\)|%)?\s*$", re.IGNORECASE)
_COUNT = re.compile(r"[\s,(]*(antal|number|count)[\s)]*$", re.IGNORECASE)
_AMOUNT = re.compile(r"\b(kr|tkr|mkr|kronor|belopp|kostnad\w*|utfall|sek)\b", re.IGNORECASE)


def audit_file(
    path: str | Path, relations: str | Path | Sequence[Mapping[str, Any]] | None = None
) -> AuditReport:
    """Audit a table from a file.

    Answers: do the figures of this table agree with each other? Made for tables that somebody
    sends, before their numbers are used.

    Parameters
    ----------
    path : str or Path
        A CSV file (UTF-8; comma, semicolon or tab) or an Excel workbook (its first sheet). Either
        wide, with row labels in the first column and one or two header rows, or tidy with the
        columns ``row_group,row,column_group,column,measure,text``. A row with a label and no
        figures is the heading of the rows below it.
    relations : str, Path or sequence of mapping, optional
        A YAML file with a list of relations (or a mapping with the key ``relations``), or the
        relations themselves. Without it the obvious ones are guessed and listed in
        ``AuditReport.guessed``.

    Returns
    -------
    AuditReport
        As from :func:`audit`.

    Raises
    ------
    InputError
        If the file cannot be read: wrong encoding, ragged rows, text where a figure should be;
        or if no relation is given and none can be guessed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = file.write_text("Kön,Antal\\nKvinnor,12\\nMän,9\\nTotalt,31\\n", encoding="utf-8")
    >>> audit_file(file).n_inconsistent
    1
    """
    table = read_table(path)
    declared = _read_relations(relations) if isinstance(relations, str | Path) else relations
    report = audit(table.to_frame(), declared)
    if not report.results:
        raise InputError.of(
            str(path), required="a table with relations to check", got="no relation between rows "
            "or columns that the labels give away",
            remedy="Name the total row or column 'Totalt', or give --relations FILE.yaml.",
        )  # fmt: skip
    return report


def read_table(path: str | Path) -> PublishedTable:
    """Read a table from CSV or Excel into the form of the shipped ones.

    Parameters
    ----------
    path : str or Path
        As for :func:`audit_file`.

    Returns
    -------
    PublishedTable
        Its id is the file's name without ending.

    Raises
    ------
    InputError
        If the file is missing, of an unknown kind, or not a table of figures.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError.of("file", required="an existing file", got=str(path))
    kind = file.suffix.lower()
    if kind in (".xlsx", ".xlsm"):
        rows, decoded = _excel_rows(file), ""
    elif kind in (".csv", ".tsv", ".txt"):
        decoded = _decode(file)
        rows = _csv_rows(decoded, file.name)
    else:
        raise InputError.of(
            "file", required="a .csv or .xlsx file", got=file.name,
            remedy="Save the table as CSV (UTF-8).",
        )  # fmt: skip
    if rows and ",".join(rows[0]) == _TIDY:
        cells = read_cells(decoded.splitlines(), file.stem, file.name)
    else:
        cells = _wide_cells(rows, file.stem, file.name)
    return PublishedTable(file.stem, "file", {"title": file.stem}, cells)


def _decode(file: Path) -> str:
    raw = file.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError.of(
            file.name, required="text in UTF-8", got=f"byte 0x{raw[error.start]:02x}",
            where=[f"line {line}"],
            remedy="Save it as 'CSV UTF-8'; the encoding cannot be guessed safely.",
        ) from None  # fmt: skip


def _csv_rows(text: str, name: str) -> list[list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError.of(name, required="well-formed CSV", got=str(error)) from error
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    if len(filled) < 2:
        raise InputError.of(name, required="a header and at least one row", got=f"{len(filled)}")
    width = len(filled[0][1])
    ragged = [f"line {number} ({len(row)})" for number, row in filled if len(row) != width]
    if ragged:
        raise InputError.of(
            name, required=f"{width} fields in every row, as in the header", got="ragged rows",
            where=ragged, remedy="Quote figures that hold the separator, e.g. \"0,3\".",
        )  # fmt: skip
    return [row for _, row in filled]


def _excel_rows(file: Path) -> list[list[str]]:
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        sheet = load_workbook(file, read_only=False, data_only=True).worksheets[0]
    except (BadZipFile, KeyError, OSError) as error:
        raise InputError.of(file.name, required="an Excel workbook", got=str(error)) from error
    rows = [[_excel_text(cell) for cell in row] for row in sheet.iter_rows()]
    return [row for row in rows if any(row)]


def _excel_text(cell: Any) -> str:
    """Text of an Excel cell as the sheet shows it: percent formats and decimals kept."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).strip()
    shown = str(cell.number_format)
    if "%" in shown:
        decimals = len(shown.split("%")[0].partition(".")[2].strip())
        return f"{100 * value:.{decimals}f}%".replace(".", ",")
    if float(value).is_integer():
        return str(int(value))
    return repr(float(value)).replace(".", ",")


def _wide_cells(rows: list[list[str]], table: str, name: str) -> tuple[Cell, ...]:
    header, body, first_line = rows[0], rows[1:], 2
    groups = [""] * len(header)
    if len(body) > 1 and not body[0][0].strip() and not any(_is_figure(t) for t in body[0][1:]):
        groups, header, body, first_line = _filled(header), body[0], body[1:], 3
    columns = [
        _column(groups[i], header[i], [row[i] for row in body]) for i in range(1, len(header))
    ]
    cells: list[Cell] = []
    wrong: list[str] = []
    row_group = ""
    for number, row in enumerate(body, start=first_line):
        label = row[0].strip()
        if label and not any(text.strip() for text in row[1:]):
            row_group = label
            continue
        for (group, column, measure), text in zip(columns, row[1:], strict=True):
            figure = _figure(text)
            if figure is None:
                wrong.append(f"row {number} column {column!r}: {text!r}")
            else:
                cells.append(Cell(Key(table, row_group, label, group, column, measure), figure))
    if wrong:
        raise InputError.of(
            name, required="a figure, a dash or nothing in every cell but the first column",
            got="text", where=wrong, remedy="Move notes to a row of their own outside the table.",
        )  # fmt: skip
    counts = Counter(cell.key for cell in cells)
    twice = [key.place for key, times in counts.items() if times > 1]
    if twice:
        raise InputError.of(
            name, required="each row and column label once (within its heading)",
            got="repeated labels", where=twice,
            remedy="Give the rows a heading row of their own, or rename them.",
        )  # fmt: skip
    return tuple(cells)


def _filled(header: list[str]) -> list[str]:
    """Merged header cells come as one text and blanks: carry the text on."""
    current, filled = "", list[str]()
    for text in header:
        current = text.strip() or current
        filled.append(current)
    return filled


def _figure(text: str) -> Figure | None:
    try:
        return parse_figure(text)
    except InputError:
        return None


def _is_figure(text: str) -> bool:
    figure = _figure(text)
    return figure is not None and figure.value is not None


def _column(group: str, label: str, texts: list[str]) -> tuple[str, str, str]:
    """Column group, label and measure; 'Antal'/'Andel' tell measures of one column apart."""
    label = label.strip()
    percent = bool(_PERCENT.search(label)) or any("%" in text for text in texts)
    bare = _PERCENT.sub("", label) if percent else _COUNT.sub("", label)
    values = [figure for text in texts if (figure := _figure(text)) and figure.value is not None]
    if percent:
        measure = "percent"
    elif _AMOUNT.search(label) or _AMOUNT.search(group):
        measure = "amount"
    elif any(figure.decimals for figure in values):
        measure = "ratio"
    else:
        measure = "count"
    if bare:
        return group, bare, measure
    return ("", group, measure) if group else ("", label, measure)


def _read_relations(path: str | Path) -> list[Mapping[str, Any]]:
    file = Path(path)
    if not file.is_file():
        raise InputError.of("relations", required="an existing YAML file", got=str(path))
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError.of(file.name, required="valid YAML in UTF-8", got=str(error)) from error
    if isinstance(content, dict):
        content = cast("dict[str, Any]", content).get("relations")
    entries = cast("list[Any]", content) if isinstance(content, list) else []
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise InputError.of(
            file.name, required="a list of relations, or a mapping with the key 'relations'",
            got="something else",
        )  # fmt: skip
    return entries
