"""Read a stranger's table from CSV or Excel, and audit it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import yaml

from evalkit.errors import InputError
from evalkit.kernels.rounding import ratio_half_up
from evalkit.published.audit import AuditReport, audit
from evalkit.published.numbers import Figure, parse_figure
from evalkit.published.store import Cell, Key, PublishedTable, cells_of_frame

__all__ = ["audit_file", "read_relations", "read_table"]

_PERCENT = re.compile(r"\b(andel|procent|percent|share)\b|%", re.IGNORECASE)
_COUNT = re.compile(r"\b(antal|number|count)\b", re.IGNORECASE)
_MEAN = re.compile(r"medel|genomsnitt|snitt|mean|average", re.IGNORECASE)
_MEDIAN = re.compile(r"median", re.IGNORECASE)
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
    declared = read_relations(relations) if isinstance(relations, str | Path) else relations
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
        Its id is the file's name.

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
        rows = _excel_rows(file)
    elif kind in (".csv", ".tsv", ".txt"):
        rows = _csv_rows(_decode(file), file.name)
    else:
        raise InputError.of(
            "file", required="a .csv or .xlsx file", got=file.name,
            remedy="Save the table as CSV (UTF-8).",
        )  # fmt: skip
    header = {text.strip() for text in rows[0][1]}
    if {"row", "column", "measure"} <= header and header & {"text", "value"}:
        cells = _tidy_cells(rows, file.name)
    else:
        cells = _wide_cells(rows, file.name)
    return PublishedTable(file.name, "file", {"title": file.stem}, cells)


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


Line = tuple[int, list[str]]
"""A row with its number in the file."""


def _csv_rows(text: str, name: str) -> list[Line]:
    delimiter = max("\t;,", key=lambda mark: max(line.count(mark) for line in [*text.split("\n")]))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled: list[Line] = []
    try:
        filled += [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise InputError.of(name, required="well-formed CSV", got=str(error)) from error
    filled = _without_titles(filled)
    if len(filled) < 2:
        raise InputError.of(name, required="a header and at least one row", got=f"{len(filled)}")
    width = len(filled[0][1])
    ragged = [f"line {number} ({len(row)})" for number, row in filled if len(row) != width]
    if ragged:
        raise InputError.of(
            name, required=f"{width} fields in every row, as in the header", got="ragged rows",
            where=ragged, remedy='Quote figures that hold the separator, e.g. "0,3".',
        )  # fmt: skip
    return filled


def _without_titles(rows: list[Line]) -> list[Line]:
    """Leave out rows above the header that hold one text only: the table's title."""
    first = 0
    while first < len(rows) and rows[first][1][0].strip() and not any(
        field.strip() for field in rows[first][1][1:]
    ):  # fmt: skip
        first += 1
    # A table of one column has headers of one field: then there is no title to leave out.
    return rows[first:] if first < len(rows) else rows


def _excel_rows(file: Path) -> list[Line]:
    from xml.etree.ElementTree import ParseError
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        shown = load_workbook(file, data_only=True).worksheets
        written = load_workbook(file).worksheets
    except (BadZipFile, KeyError, OSError, ValueError, ParseError) as error:
        raise InputError.of(file.name, required="an Excel workbook", got=str(error)) from error
    if not shown:
        raise InputError.of(file.name, required="a workbook with a sheet of cells", got="none")
    unknown = [
        formula.coordinate
        for row, formulas in zip(shown[0].iter_rows(), written[0].iter_rows(), strict=True)
        for cell, formula in zip(row, formulas, strict=True)
        if cell.value is None and formula.value is not None
    ]
    if unknown:
        raise InputError.of(
            file.name, required="figures, or formulas with their results", got="formulas only",
            where=unknown, remedy="Open the workbook in Excel and save it.",
        )  # fmt: skip
    rows = [
        (number, [_excel_text(cell) for cell in row])
        for number, row in enumerate(shown[0].iter_rows(), start=1)
    ]
    rows = _without_titles([line for line in rows if any(line[1])])
    if len(rows) < 2:
        raise InputError.of(file.name, required="a header and at least one row", got=f"{len(rows)}")
    return rows


def _excel_text(cell: Any) -> str:
    """Text of an Excel cell as the sheet shows it: percent formats and decimals kept."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).strip()
    shown = str(cell.number_format).split(";")[0]
    exact = Fraction(repr(value))
    if "%" in shown:
        return _half_up(100 * exact, _decimals(shown.split("%")[0])) + "%"
    if any(mark in shown for mark in "0#") and "General" not in shown:
        return _half_up(exact, _decimals(shown))
    return str(int(value)) if exact.denominator == 1 else repr(float(value)).replace(".", ",")


def _decimals(number_format: str) -> int:
    """Decimals of a number format such as ``#,##0.0``."""
    return sum(mark in "0#" for mark in number_format.partition(".")[2])


def _half_up(value: Fraction, decimals: int) -> str:
    """Text of a value as a sheet shows it."""
    scaled = ratio_half_up(value.numerator, value.denominator, decimals)
    whole, part = divmod(abs(scaled), 10**decimals)
    text = f"{whole},{part:0{decimals}d}" if decimals else str(whole)
    return f"-{text}" if scaled < 0 else text


def _tidy_cells(rows: list[Line], name: str) -> tuple[Cell, ...]:
    """Read rows in the form of the shipped CSV files, or of a saved tidy frame."""
    import pandas as pd

    header = [text.strip() for text in rows[0][1]]
    frame = pd.DataFrame([row for _, row in rows[1:]], columns=header, dtype=str)
    frame["table_id"] = name
    faults: list[str] = []
    if "text" not in header:
        frame["text"] = frame["value"].str.replace(".", ",", regex=False).str.removesuffix(",0")
    for (number, _), text in zip(rows[1:], frame["text"], strict=True):
        if _figure(text) is None:
            faults.append(f"line {number}: {text!r}")
    if faults:
        raise InputError.of(name, required="a figure or a dash in text", got="text", where=faults)
    return cells_of_frame(frame.drop(columns="value", errors="ignore"))


def _wide_cells(rows: list[Line], name: str) -> tuple[Cell, ...]:
    (_, header), body = rows[0], rows[1:]
    groups = [""] * len(header)
    if len(body) > 1 and _is_subheader(header, body[0][1]):
        groups, header, body = _filled(header), body[0][1], body[1:]
    columns = [
        _column(groups[i], header[i], [row[i] for _, row in body]) for i in range(1, len(header))
    ]
    cells: list[Cell] = []
    wrong: list[str] = []
    row_group = ""
    for number, row in body:
        label = row[0].strip()
        if label and not any(text.strip() for text in row[1:]):
            row_group = label
            continue
        for (group, column, measure), text in zip(columns, row[1:], strict=True):
            figure = _figure(text)
            if figure is None:
                wrong.append(f"row {number} column {column!r}: {text!r}")
            else:
                cells.append(Cell(Key(name, row_group, label, group, column, measure), figure))
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


def _is_subheader(header: list[str], row: list[str]) -> bool:
    """Whether the second row is a header too: no figures, and one of the two has no row label."""
    texts = [text for text in row[1:] if text.strip()]
    unlabelled = not header[0].strip() or not row[0].strip()
    return bool(texts) and unlabelled and not any(_figure(text) is not None for text in texts)


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


def _column(group: str, label: str, texts: list[str]) -> tuple[str, str, str]:
    """Column group, label and measure; 'Antal'/'Andel' tell measures of one column apart."""
    label = " ".join(label.split())
    percent = bool(_PERCENT.search(label)) or any("%" in text for text in texts)
    bare = re.sub(r"[\s,():]+", " ", (_PERCENT if percent else _COUNT).sub("", label)).strip()
    values = [figure for text in texts if (figure := _figure(text)) and figure.value is not None]
    if _MEDIAN.search(label) or _MEAN.search(label):
        return group, label, "median" if _MEDIAN.search(label) else "mean"
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


def read_relations(path: str | Path) -> list[Mapping[str, Any]]:
    """Read relations from a YAML file: a list, or a mapping with the key ``relations``."""
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
