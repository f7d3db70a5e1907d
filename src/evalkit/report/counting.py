"""Counting microdata into the tables of a report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evalkit.core.checks import check_choice, check_columns
from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.report.html import check_texts
from evalkit.report.tables import MISSING, Remark, ReportTable, Row
from evalkit.typing import BoolArray, IntArray

__all__ = ["frequency_table"]

MissingRule = Literal["level", "drop", "error"]
_TINY = 1e-6  # percentages have far fewer decimals
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True)
class _Variable:
    """A variable as level numbers: -1 is left out as missing, -2 a level that is not shown."""

    name: str
    labels: tuple[str, ...]
    codes: IntArray
    n_missing: int

    def of(self, persons: BoolArray) -> _Variable:
        return replace(self, codes=self.codes[persons])


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
        Missing values are a level of their own ("Uppgift saknas"), leave the person out of the
        whole table, its total included, whichever of the variables is missing, or are an error.
        The first two are said below the table.
    levels : mapping, optional
        Order of a variable's levels, by column of `df`. Levels that are not listed are not shown,
        but those who have them still count in the base; a listed level that nobody has is taken
        for a misspelling as soon as another is not listed, unless it is one of a categorical's.
        Otherwise all levels appear: those of a categorical in its order, also the empty ones, and
        others sorted, as numbers where they are numbers.
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
        If a variable is not a column, there is no row variable, values are missing against the
        rule "error", levels are misspelt or cannot be told apart, or an argument is of the wrong
        kind.

    Examples
    --------
    >>> people = pd.DataFrame({"kön": ["Kvinnor", "Kvinnor", "Män"], "arbete": ["Ja", "Nej", "Ja"]})
    >>> table = frequency_table(people, rows={"kön": ""}, columns="arbete")
    >>> table.percents.loc[("", "Kvinnor"), "Ja"]
    np.float64(50.0)
    """
    headings = _headings(rows)
    check_choice("missing", missing, get_args(MissingRule))
    check_choice("percent", percent, ("row", "column"))
    chosen = levels or {}
    check_columns(df, levels=chosen)
    names = check_columns(df, columns=columns, rows=headings)
    if columns is not None and columns not in names:
        raise InputError.of("columns", required="the name of one column of df", got=repr(columns))
    variables = {name: _variable(df, name, chosen.get(name), missing) for name in names}
    kept = np.ones(len(df), dtype=np.bool_)
    for variable in variables.values():
        kept &= variable.codes != -1
    remarks = _said(list(variables.values()), missing, int((~kept).sum()))
    variables = {name: variable.of(kept) for name, variable in variables.items()}
    across = None if columns is None else variables[columns]
    if across is not None and percent == "row" and (across.codes == -2).any():
        remarks.append(Remark("all in row"))
    everybody = np.ones(int(kept.sum()), dtype=np.bool_)
    bases = None if across is not None and percent == "row" else everybody
    table_rows: list[Row] = []
    if total:
        table_rows.append(_row("", "Totalt", everybody, bases, across, total, is_total=True))
    for name, heading in headings.items():
        for code, label in enumerate(variables[name].labels):
            here = variables[name].codes == code
            table_rows.append(_row(heading, label, here, bases, across, total))
    table = ReportTable(
        rows=tuple(table_rows),
        columns=() if across is None else (*across.labels, *["Summa"] * total),
        decimals=decimals,
        decimals_below_one=decimals_below_one,
        caption=caption,
        notes=check_texts("notes", notes),
        source=source,
        lang=lang,
        labels=labels or {},
    )
    if _uneven(table, by_column=across is None or percent == "column"):
        remarks.append(Remark("rounding"))
    return replace(table, remarks=tuple(remarks))


def _headings(rows: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Heading of each row variable."""
    if isinstance(rows, str):
        raise InputError.of(
            "rows", required="a sequence of columns, or a mapping of columns to headings",
            got=repr(rows), remedy="Put it in a list.",
        )  # fmt: skip
    headings = dict(rows) if isinstance(rows, Mapping) else {name: name for name in rows}
    if not headings:
        raise InputError.of("rows", required="at least one column of df", got="none")
    if len(headings) < len(rows):
        raise InputError.of("rows", required="each column once", got="repeats", where=rows)
    return headings


def _row(
    heading: str,
    label: str,
    here: BoolArray,
    everybody: BoolArray | None,
    across: _Variable | None,
    total: bool,
    *,
    is_total: bool = False,
) -> Row:
    """Count the persons `here`; shares are of `everybody`, or else of all those here."""
    counts = _counts(here, across, total)
    if everybody is None:
        bases = (int(here.sum()),) * len(counts)
    else:
        bases = _counts(everybody, across, total)
    return Row(heading, label, counts, bases, total=is_total)


def _counts(here: BoolArray, across: _Variable | None, total: bool) -> tuple[int, ...]:
    if across is None:
        return (int(here.sum()),)
    codes = across.codes[here & (across.codes >= 0)]
    counts = tuple(int(n) for n in np.bincount(codes, minlength=len(across.labels)))
    return (*counts, sum(counts)) if total else counts


def _said(variables: Sequence[_Variable], missing: MissingRule, n_left_out: int) -> list[Remark]:
    """Say how many miss each variable, and how many that makes if they are left out."""
    kind = "shown" if missing == "level" else "left out"
    lacking = [variable for variable in variables if variable.n_missing]
    remarks = [Remark(kind, variable.name, variable.n_missing) for variable in lacking]
    if kind == "left out" and len(lacking) > 1:
        remarks.append(Remark("left out together", n=n_left_out))
    return remarks


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
    ordered = column.dtype == "category"
    if ordered:
        found_codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        found_codes, values = pd.factorize(column)
    numbers: IntArray = np.asarray(found_codes, dtype=np.int64)
    found = [_text(value) for value in values]
    if len(set(found)) < len(found):
        raise InputError.of(
            name, required="levels that are written differently", got="levels that look alike",
            where=[repr(value) for value in values if found.count(_text(value)) > 1],
        )  # fmt: skip
    own_level = missing == "level" and bool(absent.any())
    if own_level and MISSING in found:
        raise InputError.of(
            "missing", required=f"'drop' or 'error' where {name} has a level {MISSING!r}",
            got=f"'level', and {int(absent.sum())} missing",
            remedy="Or give the level and the missing values one form.",
        )  # fmt: skip
    if chosen is not None:
        occurs = np.bincount(numbers[numbers >= 0], minlength=len(found)) > 0
        occurring = [text for text, n in zip(found, occurs, strict=True) if n]
        labels = _chosen(name, chosen, found, occurring)
    else:
        labels = found if ordered else _sorted(found)
    if own_level and MISSING not in labels:
        labels = [*labels, MISSING]
    places = {label: place for place, label in enumerate(labels)}
    absence = places[MISSING] if own_level else -1
    # The last entry is for number -1, which stands for missing.
    place_of = np.array([*(places.get(text, -2) for text in found), absence], dtype=np.int64)
    return _Variable(name, tuple(labels), place_of[numbers], int(absent.sum()))


def _chosen(
    name: str, chosen: Sequence[str], found: Sequence[str], occurring: Sequence[str]
) -> list[str]:
    """Check the levels that the caller lists for a variable."""
    if isinstance(chosen, str):
        raise InputError.of(
            "levels", required=f"a sequence of levels of {name}", got=repr(chosen),
            remedy="Put it in a list.",
        )  # fmt: skip
    labels = [_text(level) for level in chosen]
    twice = [label for label, times in Counter(labels).items() if times > 1]
    if twice:
        raise InputError.of(
            "levels", required=f"each level of {name} once", got="repeats", where=twice
        )
    strange = [label for label in labels if label not in found and label != MISSING]
    hidden = [label for label in occurring if label not in labels]
    if strange and hidden:
        raise InputError.of(
            "levels", required=f"levels that {name} has", got=", ".join(map(repr, strange)),
            remedy=f"Levels that are not listed: {', '.join(hidden)}. To show a level that nobody "
            "has beside others that are hidden, make the column a categorical.",
        )  # fmt: skip
    return labels


def _text(level: object) -> str:
    """Write a level; whole numbers without decimals, which missing values give them."""
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return str(level)


def _sorted(levels: list[str]) -> list[str]:
    if all(_NUMBER.fullmatch(level) for level in levels):
        return sorted(levels, key=lambda level: (float(level.replace(",", ".")), level))
    return sorted(levels)
