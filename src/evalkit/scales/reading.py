"""Survey files: CSV, Excel, SPSS and Stata, with value labels and codes of missing answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

from evalkit.core.columns import check_known
from evalkit.errors import InputError
from evalkit.scales.missing_codes import MissingCodes, check_missing_codes
from evalkit.scales.survey_data import SurveyData

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_survey", "survey_with_ranges"]

_READERS = {".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por", ".dta": "read_dta"}
_TABLES = (".csv", ".xlsx")


def read_survey(
    path: str | Path,
    *,
    missing_codes: MissingCodes = (),
    columns: Sequence[str] | None = None,
    sep: str = ",",
    decimal: str = ".",
    encoding: str | None = None,
    sheet: str | int = 0,
) -> SurveyData:
    """Read a survey file, with codes, labels and kinds of missing apart.

    Which answers are there, what do their codes mean, and which of the missing are "vet ej",
    which "ej aktuellt" and which were left empty? Codes that SPSS or Stata declare as missing
    are kept apart by their value labels.

    Parameters
    ----------
    path : str or pathlib.Path
        A file ending in .csv, .xlsx, .sav, .zsav, .por or .dta. The last four need the optional
        package pyreadstat.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        More codes that stand for missing answers; a mapping names the kinds. Where a CSV file has
        texts such as NA among numbers, declare them here, and the others are numbers again.
    columns : sequence of str, optional
        Columns in which ``missing_codes`` count; all by default.
    sep, decimal : str
        Separator and decimal sign of a CSV file; ``sep=";", decimal=","`` for Swedish Excel.
    encoding : str, optional
        Encoding, where the file does not say; UTF-8 for CSV by default. A .por file has its own.
    sheet : str or int, default 0
        Sheet of an Excel file.

    Returns
    -------
    SurveyData
        The survey. Only empty cells of CSV and Excel files are missing; texts such as NA stay.

    Raises
    ------
    evalkit.errors.InputError
        If there is no such file, its kind is not known, pyreadstat is not installed, it has no such
        sheet, or a CSV file has another separator or encoding.

    Notes
    -----
    pyreadstat does not tell which codes a .por file declares as missing: declare them here too, or
    save the file as .sav.

    In R, ``haven::read_sav(path, user_na = TRUE)`` and ``haven::read_dta(path)``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "answers.csv"
    >>> _ = file.write_text("id,q1\\n1,4\\n2,98\\n3,\\n")
    >>> survey = read_survey(file, missing_codes={98: "vet ej"}, columns=["q1"])
    >>> survey.missing_table()[["kind", "n"]].values.tolist()
    [['vet ej', 1], ['not answered', 1]]
    """
    file = Path(path)
    ending = file.suffix.lower()
    if ending not in (*_READERS, *_TABLES):
        raise InputError.of(
            "path", required=f"a file ending in {', '.join((*_TABLES, *_READERS))}", got=file.name
        )
    if not file.is_file():
        raise InputError.of("path", required="a file that exists", got=str(file))
    if ending in _READERS:
        survey = _read_labelled(file, _READERS[ending], encoding)
    else:
        survey = SurveyData(_read_table(file, sep, decimal, encoding, sheet), {})
    survey = replace(survey, source=file.name)
    declared, _ = check_missing_codes(missing_codes)
    texts: dict[float | str, str] = {
        code: kind for code, kind in declared.items() if isinstance(code, str)
    }
    if declared:
        check_known(survey.codes, columns=columns)
        for name in list(survey.codes.columns) if columns is None else columns:
            if ending == ".csv" and texts:
                survey = _numbers_again(survey.with_missing(name, texts), name, decimal)
            survey = survey.with_missing(name, declared)
    return survey.with_blanks()


def _numbers_again(survey: SurveyData, name: str, decimal: str) -> SurveyData:
    """Make a column of texts one of numbers, if no other text is left in it."""
    import pandas as pd

    column = survey.codes[name]
    if name not in survey.kinds or not pd.api.types.is_string_dtype(column.dtype):
        return survey
    plain = column.astype("str").str.replace(decimal, ".", regex=False)
    numbers = pd.to_numeric(plain, errors="coerce")
    if not numbers.notna().equals(column.notna()):
        return survey
    return replace(survey, codes=survey.codes.assign(**{name: numbers}))


def _read_table(
    file: Path, sep: str, decimal: str, encoding: str | None, sheet: str | int
) -> pd.DataFrame:
    """Read a CSV or Excel file, in which only empty cells are missing."""
    import pandas as pd

    if file.suffix.lower() != ".csv":
        return _read_sheet(file, sheet)
    try:
        frame = pd.read_csv(
            file, sep=sep, decimal=decimal, encoding=encoding or "utf-8-sig", keep_default_na=False,
            na_values=[""],
        )  # fmt: skip
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError.of(
            "encoding", required="that of the file", got=f"{encoding or 'utf-8'!r}: {error}",
            remedy="Older Swedish files often have encoding='cp1252'.",
        ) from error  # fmt: skip
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError.of(
            "path", required="a table with a line of names, and as many cells in every line",
            got=f"{file.name}: {str(error).strip()}",
        ) from error  # fmt: skip
    head = str(frame.columns[0])
    if len(frame.columns) == 1 and any(mark in head for mark in (";", "\t", ",")):
        raise InputError.of(
            "sep", required="the separator of the file", got=f"{sep!r}; the first line is {head!r}",
            remedy="Swedish Excel writes sep=';', decimal=','.",
        )  # fmt: skip
    return frame


def _read_sheet(file: Path, sheet: str | int) -> pd.DataFrame:
    """Read a sheet of an Excel file; what its first line holds are names, numbers too."""
    import pandas as pd

    try:
        book = cast("Any", pd).ExcelFile(file)
    except (BadZipFile, ValueError) as error:
        raise InputError.of(
            "path", required="an Excel file (.xlsx)", got=f"{file.name}, which is none"
        ) from error
    with book:
        names: list[str] = book.sheet_names
        if sheet not in names and sheet not in range(len(names)):
            raise InputError.of(
                "sheet", required=f"a sheet of {file.name}: {', '.join(map(repr, names))}",
                got=repr(sheet),
            )  # fmt: skip
        read = cast("Any", pd).read_excel
        frame = read(book, sheet_name=sheet, keep_default_na=False, na_values=[""])
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def _read_labelled(file: Path, reader: str, encoding: str | None) -> SurveyData:
    """Read an SPSS or Stata file."""
    try:
        pyreadstat = cast("Any", import_module("pyreadstat"))
    except ImportError as error:
        raise InputError.of(
            "path", required="a file that installed packages can read", got=file.name,
            remedy="SPSS and Stata files need pyreadstat: install evalkit[spss].",
        ) from error  # fmt: skip
    options: dict[str, Any] = {}
    if reader != "read_por":  # which has neither option
        options = {"user_missing": True, "encoding": encoding}
    elif encoding is not None:
        raise InputError.of("encoding", required="None for a .por file", got=repr(encoding))
    try:
        frame, meta = getattr(pyreadstat, reader)(str(file), **options)
    except pyreadstat.ReadstatError as error:
        raise InputError.of(
            "path", required="a file that pyreadstat can read", got=f"{file.name}: {error}",
            remedy="If it is about texts, give encoding=, such as 'cp1252'.",
        ) from error  # fmt: skip
    return survey_with_ranges(
        frame,
        labels=meta.variable_value_labels,
        questions={name: text for name, text in meta.column_names_to_labels.items() if text},
        ranges=getattr(meta, "missing_ranges", None) or {},
        tags=getattr(meta, "missing_user_values", None) or {},
    )


def survey_with_ranges(
    frame: pd.DataFrame,
    *,
    labels: Mapping[str, Mapping[Any, str]],
    questions: Mapping[str, str],
    ranges: Mapping[str, Sequence[Mapping[str, Any]]],
    tags: Mapping[str, Sequence[str]],
) -> SurveyData:
    """Take apart what an SPSS or Stata file declares as missing.

    Parameters
    ----------
    frame : pandas.DataFrame
        The answers, codes of missing ones included.
    labels : mapping of str to mapping
        By column, labels of the codes.
    questions : mapping of str to str
        By column, its label.
    ranges : mapping of str to sequence of mapping
        By column, SPSS's ranges of missing codes, with ``lo`` and ``hi``.
    tags : mapping of str to sequence of str
        By column, Stata's letters of extended missing values.

    Returns
    -------
    SurveyData
        The survey; a kind is named by the label of its code, or as ``code 99``.

    Examples
    --------
    >>> import pandas as pd
    >>> survey = survey_with_ranges(
    ...     pd.DataFrame({"q1": [1.0, 98.0, 99.0]}),
    ...     labels={"q1": {1.0: "Ja", 98.0: "Vet ej"}},
    ...     questions={},
    ...     ranges={"q1": [{"lo": 98.0, "hi": 99.0}]},
    ...     tags={},
    ... )
    >>> survey.missing_table()["kind"].tolist()
    ['Vet ej', 'code 99']
    """
    survey = SurveyData(
        frame, {}, {name: dict(texts) for name, texts in labels.items()}, dict(questions)
    )
    for name in frame.columns:
        declared: dict[float | str, str] = {}
        texts = labels.get(name, {})
        for code in _codes_within([*frame[name].dropna().unique(), *texts], ranges.get(name, ())):
            own = code if isinstance(code, str) else f"code {code:g}"
            declared[code] = str(texts.get(code, own))
        numeric = any(not isinstance(code, str) for code in texts)
        for tag in [
            *tags.get(name, ()),
            *(code for code in texts if isinstance(code, str) and numeric),
        ]:
            declared[tag] = str(texts.get(tag, f"code .{tag}"))
        if declared:
            survey = survey.with_missing(str(name), declared)
    return survey


def _codes_within(
    values: Sequence[object], ranges: Sequence[Mapping[str, Any]]
) -> list[float | str]:
    """Return the codes that lie within ranges of missing codes: found, or with a label only."""
    found: list[float | str] = []
    for value in values if ranges else ():
        code: float | str = value if isinstance(value, str) else float(cast("float", value))
        for span in ranges:
            low, high = span["lo"], span["hi"]
            alike = isinstance(low, str) == isinstance(code, str)
            if alike and low <= code <= high:
                found.append(code)
                break
    return sorted(found, key=lambda code: (isinstance(code, str), code))
