"""Yes, no and undecided: shares of everybody who answered, and of those who decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_counts, check_level
from evalkit.errors import InputError
from evalkit.scales.answer_levels import Levels, answer_key, read_levels
from evalkit.scales.likert_result import LikertTable
from evalkit.scales.missing_codes import MissingCodes
from evalkit.scales.survey_counts import count_answers, notes_of
from evalkit.scales.survey_data import SurveyData
from evalkit.scales.survey_respondents import (
    Population,
    WeightsKind,
    as_survey,
    named_items,
    read_respondents,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["yes_no"]


def yes_no(
    df: pd.DataFrame | pd.Series[Any] | SurveyData,
    items: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    yes: object = "Ja",
    no: object = "Nej",
    undecided: object = (),
    missing_codes: MissingCodes = (),
    by: str | None = None,
    total: str | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    population: Population = None,
    small: int = 20,
    level: float = 0.95,
) -> LikertTable:
    """Tabulate questions that are answered with yes or no, or with neither.

    How many said yes: of all who answered, and of those who took a stand? The two differ as soon
    as some are undecided, and a report gives both.

    Parameters
    ----------
    df : pandas.DataFrame, pandas.Series or SurveyData
        One row for each respondent, or the answers to one question. It is not changed.
    items : str, sequence of str, or mapping of str to str, optional
        Columns with the answers, or the questions to print by column; left out for a series.
    yes, no : object, sequence or mapping, default "Ja" and "Nej"
        The answers that mean yes and no. A code or True is printed as "Ja" or "Nej"; a mapping
        such as ``{1: "Yes"}`` names its own label.
    undecided : object, sequence or mapping, default ()
        Answers that are neither, such as "Inte tagit ställning"; also kinds of missing answers.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        Codes of missing answers; a mapping names the kinds.
    by, total, weights, weights_kind, population : optional
        Groups, weights and the population, as for :func:`evalkit.scales.likert_table`.
    small : int, default 20
        Rows with fewer answers are shown as counts in place of percentages.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    LikertTable
        A table with the levels no and yes, and the undecided beside them: base "all" has all who
        answered, base "decided" those with yes or no. In ``summary()`` the term ``positive`` is
        yes, and ``net`` yes minus no.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist, or an answer is none of those named.

    Notes
    -----
    Wilson's intervals; see :func:`evalkit.scales.likert_table`. Missing answers are in no base.

    In R: ``prop.test(x, n, correct = FALSE)``.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.Series(["Ja"] * 55 + ["Nej"] * 90 + ["Inte tagit ställning"] * 7, name="q")
    >>> result = yes_no(answers, undecided="Inte tagit ställning")
    >>> result.summary().to_frame().query("term == 'positive'")["estimate"].round(3).tolist()
    [0.379, 0.362]
    """
    import pandas as pd

    level = check_level(level)
    fewest = int(check_counts("small", small)[0])
    if isinstance(df, pd.Series):
        if items is not None:
            raise InputError.of("items", required="left out for a series", got=repr(items))
        name = "answer" if df.name is None else str(df.name)
        df, items = df.to_frame(name), name
    if items is None:
        raise InputError.of("items", required="the columns with the answers", got="None")
    named = named_items(items, df)
    survey = as_survey(df, list(named), missing_codes)
    levels = _levels(yes, no, undecided)
    who = read_respondents(
        survey, by=by, total=total, weights=weights, weights_kind=weights_kind,
        population=population,
    )  # fmt: skip
    counts = count_answers(survey, named, levels, who)
    notes = notes_of(counts, total)
    return LikertTable(counts, (-1, 1), level, fewest, tuple(notes))


def _levels(yes: object, no: object, undecided: object) -> Levels:
    """Return the levels: no, yes, and beside them what is neither."""
    positions: dict[object, int] = {}
    labels: list[str] = []
    for argument, given, default in (("no", no, "Nej"), ("yes", yes, "Ja")):
        answers = _several(argument, given)
        if not answers:
            raise InputError.of(argument, required="at least one answer", got="none")
        first = next(iter(answers))
        own = isinstance(given, Mapping) or isinstance(first, str)
        labels.append(answers[first] if own and len(answers) == 1 else default)
        _add(positions, answers, [len(labels) - 1] * len(answers), argument)
    outer = _several("undecided", undecided)
    _add(positions, outer, range(2, 2 + len(outer)), "undecided")
    for place, label in enumerate((*labels, *outer.values())):
        positions.setdefault(label, place)
    if len({*labels, *outer.values()}) < 2 + len(outer):
        raise InputError.of("undecided", required="labels other than those of yes and no",
                            got=", ".join(outer.values()))  # fmt: skip
    return Levels(tuple(labels), tuple(outer.values()), positions, arguments="yes, no or undecided")


def _several(argument: str, given: object) -> dict[object, str]:
    """Return the labels of one answer, or of several."""
    if isinstance(given, (str, bool, Real)) or type(given) is np.bool_:
        return {answer_key(given): str(given)}
    return read_levels(argument, cast("Any", given))


def _add(
    positions: dict[object, int], answers: Mapping[object, str], places: Sequence[int], name: str
) -> None:
    """Give answers their positions."""
    for key, place in zip(answers, places, strict=True):
        if key in positions:
            raise InputError.of(name, required="answers that mean one thing only",
                                got=f"{answers[key]!r} twice")  # fmt: skip
        positions[key] = place
