"""Counting microdata into the tables of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evalkit.core.checks import check_choice, check_columns
from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.report.tables import MISSING, Remark, ReportTable, Row
from evalkit.typing import BoolArray, IntArray

__all__ = ["frequency_table"]

MissingRule = Literal["level", "drop", "error"]
_TINY = 1e-6  # percentages have far fewer decimals


@dataclass(frozen=True)
class _Variable:
    """A variable as level numbers: -1 is missing and -2 a level that is not shown."""

    name: str
    labels: tuple[str, ...]
    codes: IntArray
    n_missing: int

    def known(self) -> _Variable:
        return replace(self, codes=self.codes[self.codes != -1])


def frequency_table(
    df: pd.DataFrame,
    *,
    rows: Mapping[str, str] | Sequence[str],
    columns: str | None = None,
    percent: Literal["row", "column"] = "row",
    total: bool = True,
    missing: MissingRule = "level",
    levels: Mapping[str, Sequence[str]] | None = None,
    decimals: int = 0,
    decimals_below_one: int | None = None,
    caption: str = "",
    notes: Sequence[str] = (),
    source: str = "",
    lang: Lang = "sv",
    labels: Mapping[str, str] | None = None,
) -> ReportTable:
    """Count persons by one or several row variables, stacked, and at most one column variable.

    Parameters
    ----------
    df : pandas.DataFrame
        One row per person.
    rows : mapping or sequence of str
        Row variables, one block each; a mapping gives the block's heading, which may be empty.
    columns : str, optional
        Column variable. Without it the table has the columns Antal and Andel.
    percent : {"row", "column"}, default "row"
        Percent of everybody in the row, or of everybody in the column. A table without a column
        variable has percent of everybody.
    total : bool, default True
        Begin with the row "Totalt" and end with the column "Summa".
    missing : {"level", "drop", "error"}, default "level"
        Missing values are a level of their own ("Uppgift saknas"), are left out, or are an error.
        The first two are said below the table.
    levels : mapping, optional
        Order of a variable's levels. Levels that are not listed are not shown, but those who have
        them still count in the base. Otherwise all levels appear: those of a categorical in its
        order, also the empty ones, and others sorted.
    decimals : int, default 0
        Decimals of the percentages, which are rounded half up, exactly.
    decimals_below_one : int, optional
        Decimals of percentages between 0 and 1, as in "0,2 %" beside "26 %".
    caption : str, optional
        Text above the table.
    notes : sequence of str, optional
        Notes below the table.
    source : str, optional
        Where the figures come from.
    lang : {"sv", "en"}, default "sv"
        Language of what is displayed.
    labels : mapping, optional
        Display labels by level, heading or variable.

    Returns
    -------
    ReportTable
        The table; an empty base shows a dash.

    Raises
    ------
    InputError
        If a variable is not a column, there is no row variable, or values are missing against the
        rule "error".

    Examples
    --------
    >>> people = pd.DataFrame({"kön": ["Kvinnor", "Kvinnor", "Män"], "arbete": ["Ja", "Nej", "Ja"]})
    >>> table = frequency_table(people, rows={"kön": ""}, columns="arbete")
    >>> table.percents.loc[("", "Kvinnor"), "Ja"]
    np.float64(50.0)
    """
    headings = dict(rows) if isinstance(rows, Mapping) else {name: name for name in rows}
    if not headings:
        raise InputError.of("rows", required="at least one column of df", got="none")
    check_choice("missing", missing, get_args(MissingRule))
    check_choice("percent", percent, ("row", "column"))
    check_columns(df, rows=headings, columns=columns)
    chosen = levels or {}
    remarks: list[Remark] = []
    across: _Variable | None = None
    if columns is not None:
        across = _variable(df, columns, chosen.get(columns), missing)
        remarks += _said(across, missing)
        df = df.take(np.flatnonzero(across.codes != -1))
        across = across.known()
        if percent == "row" and (across.codes == -2).any():
            remarks.append(Remark("all in row"))
    everybody = np.ones(len(df), dtype=np.bool_)
    table_rows: list[Row] = []
    if total:
        table_rows.append(_row("", "Totalt", everybody, everybody, across, percent, total))
    for name, heading in headings.items():
        variable = _variable(df, name, chosen.get(name), missing)
        remarks += _said(variable, missing)
        for code, label in enumerate(variable.labels):
            here, known = variable.codes == code, variable.codes != -1
            table_rows.append(_row(heading, label, here, known, across, percent, total))
    table = ReportTable(
        rows=tuple(table_rows),
        columns=() if across is None else (*across.labels, *["Summa"] * total),
        decimals=decimals,
        decimals_below_one=decimals_below_one,
        caption=caption,
        notes=tuple(notes),
        source=source,
        lang=lang,
        labels=labels or {},
    )
    if _uneven(table, by_column=across is None or percent == "column"):
        remarks.append(Remark("rounding"))
    return replace(table, remarks=tuple(remarks))


def _row(
    heading: str,
    label: str,
    here: BoolArray,
    known: BoolArray,
    across: _Variable | None,
    percent: Literal["row", "column"],
    total: bool,
) -> Row:
    """Count the persons `here`; column percent is of all those `known`."""
    counts = _counts(here, across, total)
    if across is not None and percent == "row":
        bases = (int(here.sum()),) * len(counts)
    else:
        bases = _counts(known, across, total)
    return Row(heading, label, counts, bases, total=label == "Totalt")


def _counts(here: BoolArray, across: _Variable | None, total: bool) -> tuple[int, ...]:
    if across is None:
        return (int(here.sum()),)
    codes = across.codes[here & (across.codes >= 0)]
    counts = tuple(int(n) for n in np.bincount(codes, minlength=len(across.labels)))
    return (*counts, sum(counts)) if total else counts


def _said(variable: _Variable, missing: MissingRule) -> list[Remark]:
    if not variable.n_missing:
        return []
    kind = "shown" if missing == "level" else "left out"
    return [Remark(kind, variable.name, variable.n_missing)]


def _uneven(table: ReportTable, *, by_column: bool) -> bool:
    """Whether printed shares that make up a whole fail to add up to 100."""
    counts, base, percents = (
        frame.drop(columns="Summa", errors="ignore")
        for frame in (table.counts, table.base, table.percents)
    )
    if by_column:
        parts = [not row.total for row in table.rows]
        block = [row.group for row in table.rows if not row.total]
        sums, whole = counts[parts].groupby(block).sum(), base[parts].groupby(block).max()
        printed = percents[parts].groupby(block).sum()
    elif counts.columns.empty:
        return False
    else:
        sums, whole, printed = counts.sum(axis=1), base.iloc[:, 0], percents.sum(axis=1)
    uneven = (sums == whole) & (whole > 0) & ((printed - 100).abs() > _TINY)
    return bool(np.any(uneven))


def _variable(
    df: pd.DataFrame, name: str, chosen: Sequence[str] | None, missing: MissingRule
) -> _Variable:
    column = df[name]
    absent = column.isna()
    if missing == "error" and absent.any():
        raise InputError.of(
            name, required="known for everybody", got=f"{int(absent.sum())} missing",
            where=df.index[absent].tolist(), remedy="Choose missing='level' or 'drop'.",
        )  # fmt: skip
    if chosen is None:
        known = column.cat.categories if column.dtype == "category" else column.dropna().unique()
        names = [str(level) for level in known]
        chosen = names if column.dtype == "category" else sorted(names)
    labels = [str(level) for level in chosen]
    places = {label: place for place, label in enumerate(labels)}
    codes = column.astype(object).map(lambda level: places.get(str(level), -2))
    if missing == "level" and absent.any():
        places[MISSING] = len(labels)
        labels.append(MISSING)
    codes = np.asarray(codes.where(~absent, places.get(MISSING, -1)), dtype=np.int64)
    return _Variable(name, tuple(labels), codes, int(absent.sum()))
