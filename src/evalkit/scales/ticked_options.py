"""Which options of a multi-select question are ticked, and who was asked and left it empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import check_known, numbers, refuse_rows, rows_where
from evalkit.errors import InputError
from evalkit.scales.answer_levels import answer_key, read_levels
from evalkit.scales.missing_codes import BLANK
from evalkit.scales.survey_data import NOT_ASKED, SurveyData
from evalkit.typing import BoolArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NOT_TICKED",
    "TICKED",
    "Empty",
    "TickedOptions",
    "read_marks",
    "read_ticks",
    "split_options",
]

Empty: TypeAlias = Literal["not ticked", "missing"]

TICKED, NOT_TICKED = (1, True), (0, False)
"""Marks of options that are ticked, and that are not, unless the caller names others."""

_FEW = 8


@dataclass(frozen=True)
class TickedOptions:
    """Ticks, by respondent and option.

    Attributes
    ----------
    ticked : ndarray of bool, shape (n, options)
        Whether the option is ticked.
    known : ndarray of bool, shape (n, options)
        Whether that is known.
    kinds : mapping of str to ndarray of bool, shape (n,)
        Respondents of whom nothing is known, by reason.
    notes : tuple of str
        What was taken for granted.
    """

    ticked: BoolArray
    known: BoolArray
    kinds: Mapping[str, BoolArray]
    notes: tuple[str, ...]


def read_marks(ticked: object, not_ticked: object) -> dict[object, bool]:
    """Return what each mark means.

    Parameters
    ----------
    ticked, not_ticked : object or collection
        Marks of ticked options, and of those that are not.

    Returns
    -------
    dict
        True or False by mark.

    Raises
    ------
    evalkit.errors.InputError
        If a mark means both.
    """
    marks: dict[object, bool] = {}
    for name, given, meaning in (("ticked", ticked, True), ("not_ticked", not_ticked, False)):
        for key in _keys(given):
            if marks.get(key, meaning) != meaning:
                raise InputError.of(name, required="other marks than those of ticked options",
                                    got=repr(given))  # fmt: skip
            marks[key] = meaning
    return marks


def _keys(given: object) -> list[object]:
    """Return what one mark, or several, are known by."""
    if isinstance(given, (str, bool, Real)) or type(given) is np.bool_:
        return [answer_key(given)]
    return [answer_key(one) for one in cast("Collection[object]", given)]


def read_ticks(
    survey: SurveyData,
    columns: Sequence[str],
    marks: Mapping[object, bool],
    *,
    asked: str | None,
    empty: Empty | None,
) -> TickedOptions:
    """Read one column for each option.

    Parameters
    ----------
    survey : SurveyData
        The answers.
    columns : sequence of str
        The options.
    marks : mapping
        What each mark means.
    asked : str or None
        Column that says to whom the question was put.
    empty : {"not ticked", "missing"} or None
        What an empty cell means.

    Returns
    -------
    TickedOptions
        The ticks.

    Raises
    ------
    evalkit.errors.InputError
        If a mark is unknown, someone who was not asked has ticked, or nobody can tell those who
        ticked nothing from those who did not answer.
    """
    if empty is not None:
        check_choice("empty", empty, ("not ticked", "missing"))
    df = survey.codes
    ticked = np.zeros((len(df), len(columns)), dtype=np.bool_)
    blank = np.zeros_like(ticked)
    own = _own_texts(df, columns, marks)
    for i, column in enumerate(columns):
        meant = _by_label(survey.labels.get(column, {}), marks) | dict(marks)
        ticked[:, i], blank[:, i] = _marks(df[column], column, meant | own.get(column, {}))
    declared: dict[str, BoolArray] = {}
    for kind in dict.fromkeys(kind for column in columns for kind in survey.kinds.get(column, {})):
        if kind != BLANK:
            here = [
                survey.kinds.get(column, {}).get(kind, np.zeros(len(df), dtype=np.bool_))
                for column in columns
            ]
            declared[kind] = np.column_stack(here)
    gone = np.zeros_like(ticked)
    for here in declared.values():
        gone |= here
    blank &= ~gone
    put = _asked(df, asked, ticked | ~(blank | gone))
    return _settled(ticked, blank, declared, put, empty)


def _settled(
    ticked: BoolArray,
    blank: BoolArray,
    declared: Mapping[str, BoolArray],
    put: BoolArray | None,
    empty: Empty | None,
) -> TickedOptions:
    """Decide what empty cells mean, and who said nothing."""
    gone = np.zeros_like(blank)
    for here in declared.values():
        gone |= here
    known: BoolArray = ~(blank | gone)
    silent = ~_some(~blank)
    if put is not None:
        silent &= put
    only_ticks = not (known & ~ticked).any()
    notes: list[str] = []
    if only_ticks:
        if silent.any() and empty is None and put is None:
            raise InputError.of(
                "empty", required='given ("not ticked" or "missing"), or asked=, a column that '
                "says to whom the question was put",
                got=f"columns with ticks and empty cells only, and {int(silent.sum())} respondents "
                "without any tick",
                remedy="Nobody can tell those who ticked nothing from those who did not answer.",
            )  # fmt: skip
        fill = blank & _some(ticked)[:, None]  # beside a tick an empty cell is no tick
        if empty != "missing":
            fill |= blank & silent[:, None]
            if silent.any():
                notes.append(f"Without any tick, taken to have ticked nothing: {silent.sum()}.")
        known |= fill
    elif empty == "not ticked":
        fill = blank if put is None else blank & put[:, None]
        known |= fill
        if fill.any():
            notes.append(f"Empty cells, taken as not ticked: {fill.sum()}.")
    rest = ~_some(known)
    kinds: dict[str, BoolArray] = {}
    if put is not None:
        kinds[NOT_ASKED] = ~put
        rest &= put
    for kind, here in declared.items():
        rows = rest & _some(here)
        if rows.any():
            kinds[kind] = kinds.get(kind, np.zeros_like(rows)) | rows
            rest &= ~rows
    if rest.any():
        kinds[BLANK] = rest
    partly = _some(known) & _some(~known)
    if partly.any():
        notes.append(f"Answered some options only, so that n differs: {partly.sum()}.")
    return TickedOptions(ticked, known, kinds, tuple(notes))


def _some(cells: BoolArray) -> BoolArray:
    """Say in which rows any cell is true."""
    return np.asarray(cells.any(axis=1), dtype=np.bool_)


def _asked(df: pd.DataFrame, asked: str | None, answered: BoolArray) -> BoolArray | None:
    """Return to whom the question was put."""
    if asked is None:
        return None
    check_known(df, asked=asked)
    values = numbers(df, asked, "asked")
    refuse_rows(df, ~np.isin(values, (0, 1)), "asked", asked, "1 or 0, true or false", values)
    put: BoolArray = values == 1
    wrong = ~put & _some(answered)
    if wrong.any():
        raise InputError.of(
            "asked", required="true where the question has an answer",
            got=f"{int(wrong.sum())} who were not asked and answered", where=rows_where(df, wrong),
        )  # fmt: skip
    return put


def _by_label(labels: Mapping[Any, str], marks: Mapping[object, bool]) -> dict[object, bool]:
    """Return what codes mean whose labels are marks."""
    return {
        answer_key(code): marks[text] for code, text in labels.items() if text in marks
    }  # fmt: skip


def _own_texts(
    df: pd.DataFrame, columns: Sequence[str], marks: Mapping[object, bool]
) -> dict[str, dict[object, bool]]:
    """Find columns whose only value is the text of their own option, as forms export it."""
    texts: dict[str, object] = {}
    for column in columns:
        found = [answer_key(value) for value in df[column].dropna().unique().tolist()]
        if len(found) == 1 and isinstance(found[0], str) and found[0] not in marks:
            texts[column] = found[0]
    values = list(texts.values())
    return {
        column: {text: True}
        for column, text in texts.items()
        if values.count(text) == 1 and len(columns) > 1
    }


def _marks(
    series: pd.Series[Any], column: str, marks: Mapping[object, bool]
) -> tuple[BoolArray, BoolArray]:
    """Return where a column is ticked, and where it is empty."""
    import pandas as pd

    where, uniques = pd.factorize(series, use_na_sentinel=True)
    found = np.asarray(cast("Any", where), dtype=np.int64)
    answers: list[object] = list(cast("Iterable[object]", uniques))
    strange = [value for value in answers if answer_key(value) not in marks]
    if strange:
        times = [int((found == answers.index(value)).sum()) for value in strange[:_FEW]]
        shown = ", ".join(f"{value!r} x {n}" for value, n in zip(strange, times, strict=False))
        raise InputError.of(
            column, required="ticks, and marks of options that are not ticked", got=shown,
            remedy="Name them: ticked=, not_ticked=, or missing_codes=.",
        )  # fmt: skip
    meaning = np.array([*(marks[answer_key(value)] for value in answers), False], dtype=np.bool_)
    return meaning[found], found < 0


def split_options(
    survey: SurveyData, column: str, sep: str, options: Sequence[str] | Mapping[str, str]
) -> tuple[SurveyData, dict[str, str]]:
    """Split a column of joined options into one column for each.

    Parameters
    ----------
    survey : SurveyData
        The survey; not changed.
    column : str
        The column.
    sep : str
        What stands between the options.
    options : sequence of str, or mapping of str to str
        Every option of the form, or labels by option.

    Returns
    -------
    survey : SurveyData
        The other columns, and a column of 1 and empty cells for each option; why an answer is
        missing is kept.
    labels : dict of str to str
        Labels by option.

    Raises
    ------
    evalkit.errors.InputError
        If an option is unknown, or called like another column.
    """
    df = survey.codes
    known = read_levels("options", options)
    labels = {str(key): label for key, label in known.items()}
    taken = [name for name in labels if name in df.columns and name != column]
    if taken:
        raise InputError.of("options", required="names that no column of df has", got="repeats",
                            where=taken)  # fmt: skip
    columns = {name: np.full(len(df), np.nan) for name in labels}
    strange: Counter[str] = Counter()
    texts = cast("Iterable[object]", df[column].tolist())
    for row, (text, gone) in enumerate(zip(texts, df[column].isna(), strict=True)):
        if gone:
            continue
        parts = [part.strip() for part in text.split(sep)] if isinstance(text, str) else [text]
        for part in parts:
            if part in columns:
                columns[cast("str", part)][row] = 1.0
            elif part != "":
                strange[repr(part)] += 1
    if strange:
        told = ", ".join(f"{text} x {n}" for text, n in strange.most_common(_FEW))
        raise InputError.of(
            column, required=f"options joined by {sep!r}", got=told,
            remedy=f"The options are {', '.join(map(repr, labels))}. Codes of missing answers are "
            "declared in missing_codes=.",
        )  # fmt: skip
    kinds = {name: of for name, of in survey.kinds.items() if name != column}
    why = {kind: rows for kind, rows in survey.kinds.get(column, {}).items() if kind != BLANK}
    split = replace(
        survey, codes=df.drop(columns=column).assign(**columns),
        kinds={**kinds, **dict.fromkeys(columns, why)},
    )  # fmt: skip
    return split.with_blanks(), labels
