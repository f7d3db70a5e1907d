"""Every published figure of the AMiA surveys beside what the synthetic answers give."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.published import load
from evalkit.published.numbers import Figure, parse_figure
from evalkit.synthetic.amia_meanings import (
    READINGS,
    Meaning,
    Points,
    Response,
    Rows,
    Share,
    Waves,
    Where,
    meanings,
)
from evalkit.typing import BoolArray

__all__ = ["figures_of", "number_sent"]

_COLUMNS = (
    "survey", "table_id", "row_group", "row", "column_group", "column", "measure", "text", "value",
    "count", "answers", "respondents", "computed", "possible", "nearest", "nearest_percent",
    "verdict", "holds", "as_read",
)  # fmt: skip


@cache
def _printed(table_id: str) -> pd.DataFrame:
    return load(table_id).to_frame()


def figures_of(surveys: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Set every published figure of the given surveys beside what the answers give.

    Parameters
    ----------
    surveys : mapping of str to DataFrame
        Answers by name of the survey.

    Returns
    -------
    DataFrame
        The columns that :func:`evalkit.synthetic.amia_figures` explains.
    """
    rows: list[tuple[object, ...]] = []
    for (survey, table, group, row, column), meaning in meanings():
        if survey not in surveys:
            continue
        printed = _printed(table)
        above, _, label = column.rpartition(">")
        here = printed["row"] == row
        if group:
            here &= printed["row_group"] == group
        if column:
            here &= printed["column"] == label
        if above:
            here &= printed["column_group"] == above
        if not here.any():
            raise InputError.of(table, required="a figure", got="none", where=[row])
        for cell in printed[here].to_dict("records"):
            key = [cell[name] for name in _COLUMNS[1:9]]
            figure = parse_figure(str(cell["text"]))
            if figure.value is not None:
                read = (table, str(cell["row_group"]), row, str(cell["column"])) in READINGS
                measure = str(cell["measure"])
                told = _computed(meaning, surveys[survey], figure, measure, read=read)
                rows.append((survey, *key, *told))
    frame = pd.DataFrame.from_records(rows, columns=list(_COLUMNS))
    whole = ["count", "answers", "respondents", "possible", "nearest"]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def _chosen(people: pd.DataFrame, where: Where) -> pd.DataFrame:
    keep: BoolArray = np.ones(len(people), dtype=np.bool_)
    for name, values in where.items():
        said = people[name].astype(object).where(people[name].notna(), "")
        keep &= said.isin(values).to_numpy(dtype=np.bool_)
    return people[keep]


def _counted(share: Share, people: pd.DataFrame) -> tuple[int, int, int]:
    """Count those who gave the answers, those who answered, and those who were there to answer."""
    there = _chosen(people, share.where)
    said = there[share.question]
    answered = said.notna()
    count = int(said[answered].astype(str).isin(share.answers).sum())
    return count, int(answered.sum()), len(there)


def _computed(
    meaning: Meaning, people: pd.DataFrame, figure: Figure, measure: str, *, read: bool
) -> tuple[object, ...]:
    """Compute one figure, what whole persons could give, and whether the printed one holds."""
    sizes: tuple[int | None, int | None, int | None]
    stated = 0  # the number of respondents that a share must be possible for, if one is printed
    if isinstance(meaning, Points):
        one, other = (
            Fraction(100 * count, max(n, 1))
            for count, n, _ in (_counted(share, people) for share in (meaning.one, meaning.other))
        )
        sizes, value = (None, None, None), one - other
    elif isinstance(meaning, Rows | Waves):
        waves = isinstance(meaning, Waves)
        n = people["wave"].nunique() if waves else len(_chosen(people, meaning.where))
        sizes, value = (n, None, None), Fraction(n)
    elif isinstance(meaning, Response):
        count, sent = len(_chosen(people, {"wave": ("2013",)})), number_sent()
        sizes, value = (count, sent, sent), Fraction(100 * count, sent)
    else:
        count, answers, respondents = sizes = _counted(meaning, people)
        value = Fraction(count)
        if measure == "percent":
            value = Fraction(100 * count, max(answers, 1))
            # How many answered from each agency is not printed.
            stated = 0 if "agency" in meaning.where else respondents
    fits = [
        k for k in range(stated + 1) if stated and _agrees(figure, Fraction(100 * k, stated), "")
    ]
    holds = _agrees(figure, value, measure)
    if holds:
        said = "equal" if fits or not stated else "fewer answered"
    elif read:
        said = "contradicted" if fits else "impossible"
    else:
        said = "different"
    possible = nearest = None
    percent = float("nan")
    if stated:
        printed = figure.value or Fraction(0)
        nearest = min(range(stated + 1), key=lambda k: abs(Fraction(100 * k, stated) - printed))
        percent = float(Fraction(100 * nearest, stated))
        possible = min(fits, key=lambda k: abs(k - nearest), default=None)
    return *sizes, float(value), possible, nearest, percent, said, holds, read and not holds


def _agrees(figure: Figure, value: Fraction, measure: str) -> bool:
    """Whether a number rounds to a printed figure, or lies where its words allow."""
    if figure.value is None:
        return False
    if figure.vague:
        # A share on the border of two phrases belongs to the higher one; a count may be the border.
        above = value <= figure.high if measure == "count" else value < figure.high
        return figure.low <= value and (above or figure.low == figure.high)
    if measure == "count":
        return value == figure.value
    return figure.value - figure.half <= value < figure.value + figure.half


@cache
def number_sent() -> int:
    """Return how many case workers were asked: the one number of which 54 are 72 percent.

    Returns
    -------
    int
        The number asked.
    """
    printed = _printed("004.survey_caseworkers").set_index("row")["text"]
    figure = parse_figure(str(printed["Svarsfrekvens"]))
    answered = int(str(printed["Svarande handläggare"]))
    (sent,) = (
        n for n in range(answered, 3 * answered + 1)
        if _agrees(figure, Fraction(100 * answered, n), "percent")
    )  # fmt: skip
    return sent
