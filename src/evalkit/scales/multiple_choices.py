"""Multi-select questions: the share of respondents, and of answers, that chose each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_counts, check_level
from evalkit.core.columns import check_known, rows_where
from evalkit.errors import InputError
from evalkit.kernels.survey_shares import finite_correction, survey_shares
from evalkit.scales.missing_codes import MissingCodes
from evalkit.scales.multiple_choice_result import MultipleChoice
from evalkit.scales.survey_data import NOT_ASKED, SurveyData
from evalkit.scales.survey_respondents import (
    Population,
    Respondents,
    WeightsKind,
    as_survey,
    named_items,
    read_respondents,
)
from evalkit.scales.ticked_options import (
    NOT_TICKED,
    TICKED,
    Empty,
    TickedOptions,
    read_marks,
    read_ticks,
    split_options,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["multiple_choice"]


def multiple_choice(
    df: pd.DataFrame | SurveyData,
    items: str | Sequence[str] | Mapping[str, str],
    *,
    ticked: object = TICKED,
    not_ticked: object = NOT_TICKED,
    empty: Empty | None = None,
    asked: str | None = None,
    exclusive: str | None = None,
    sep: str | None = None,
    options: Sequence[str] | Mapping[str, str] | None = None,
    missing_codes: MissingCodes = (),
    by: str | None = None,
    total: str | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    population: Population = None,
    small: int = 20,
    level: float = 0.95,
) -> MultipleChoice:
    """Tabulate a question to which several options may be ticked.

    How many of those who answered chose each option, and how do all the ticks divide? Those who
    ticked nothing, those who were not asked and those who did not answer are three different
    groups; only the first belongs to the base.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each respondent. It is not changed.
    items : str, sequence of str, or mapping of str to str
        One column for each option, or their labels by column. With `sep`, the one column that
        holds all options.
    ticked, not_ticked : object or collection
        Marks of options that are ticked and that are not: codes, or the labels that a survey has
        for them; 1 and 0, True and False by default. A
        column that holds one text only, a text of its own, is ticked where the text stands.
    empty : {"not ticked", "missing"}, optional
        What an empty cell means. By default it is a missing answer where the columns also have
        marks of options that are not ticked. Where there are ticks and empty cells only, an empty
        cell beside a tick is not ticked, and a row without any tick must be explained by `empty`
        or by `asked`.
    asked : str, optional
        Column with true or 1 for those to whom the question was put. They are in the base even if
        they ticked nothing.
    exclusive : str, optional
        The column that rules out the others, such as "none of these".
    sep : str, optional
        What stands between the options in one column, such as ";".
    options : sequence of str, or mapping of str to str, optional
        With `sep`, every option of the form, chosen by anybody or not, or labels by option.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        Codes of missing answers; a mapping names the kinds.
    by, total, weights, weights_kind, population : optional
        Groups, weights and the population, as for :func:`evalkit.scales.likert_table`.
    small : int, default 20
        Rows with fewer respondents are shown as counts in place of percentages.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    MultipleChoice
        ``to_frame()`` the shares by option with intervals; ``respondents`` who ticked something,
        who nothing, and who is in no base; ``table()`` the texts of a report; ``plot()``.

    Raises
    ------
    evalkit.errors.InputError
        If a mark is unknown, someone not asked has answered, the exclusive option is ticked with
        others, or those who ticked nothing cannot be told from those who did not answer.

    Notes
    -----
    Shares of respondents have Wilson's interval, with the effective number of respondents and the
    finite population as in :func:`evalkit.scales.likert_table`. Shares of answers are shares of all
    ticks; ticks of one respondent are not independent, and there is no interval.

    In R: ``colMeans(x)`` and ``prop.test(sum(x), n, correct = FALSE)`` for each column.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"a": [1, 1, 0, 0, None], "b": [1, 0, 1, 0, None]})
    >>> result = multiple_choice(rows, {"a": "Arbetsprövning", "b": "Friskvård"})
    >>> result.to_frame()[["share", "share_of_answers", "n"]].to_dict("list")
    {'share': [0.5, 0.5], 'share_of_answers': [0.5, 0.5], 'n': [4, 4]}
    >>> result.respondents["kind"].tolist()
    ['ticked', 'ticked nothing', 'not answered']
    """
    level = check_level(level)
    fewest = int(check_counts("small", small)[0])
    marks = read_marks(ticked, not_ticked)
    if sep is None:
        if options is not None:
            raise InputError.of("options", required="left out without sep", got=repr(options))
        named = named_items(items, df)
        survey = as_survey(df, list(named), missing_codes)
    else:
        for argument, given, default in (
            ("ticked", ticked, TICKED), ("not_ticked", not_ticked, NOT_TICKED)
        ):  # fmt: skip
            if given is not default:
                raise InputError.of(argument, required="left out with sep: options are ticked "
                                    "where they are named", got=repr(given))  # fmt: skip
        survey, named = _split(df, items, sep, options, missing_codes)
    ticks = read_ticks(survey, list(named), marks, asked=asked, empty=empty)
    _check_exclusive(survey.codes, ticks, list(named), exclusive)
    who = read_respondents(
        survey, by=by, total=total, weights=weights, weights_kind=weights_kind,
        population=population,
    )  # fmt: skip
    return _tabulate(ticks, named, who, total, fewest, level)


def _split(
    df: pd.DataFrame | SurveyData,
    items: str | Sequence[str] | Mapping[str, str],
    sep: str,
    options: Sequence[str] | Mapping[str, str] | None,
    missing_codes: MissingCodes,
) -> tuple[SurveyData, dict[str, str]]:
    """Split the one column that holds all options."""
    if not isinstance(items, str):
        raise InputError.of("items", required="one column, with sep", got=repr(items))
    if options is None or not sep:
        raise InputError.of(
            "options", required="given with sep: every option of the form", got="None",
            remedy="Options that nobody chose are part of the table too.",
        )  # fmt: skip
    return split_options(as_survey(df, [items], missing_codes), items, sep, options)


def _check_exclusive(
    df: pd.DataFrame, ticks: TickedOptions, columns: Sequence[str], exclusive: str | None
) -> None:
    """Refuse the exclusive option together with others."""
    if exclusive is None:
        return
    if exclusive not in columns:
        check_known(df, exclusive=exclusive)
        raise InputError.of("exclusive", required="one of the options", got=repr(exclusive))
    place = columns.index(exclusive)
    wrong = ticks.ticked[:, place] & (ticks.ticked.sum(axis=1) > 1)
    if wrong.any():
        raise InputError.of(
            "exclusive", required=f"ticked alone ({exclusive!r})",
            got=f"{int(wrong.sum())} who ticked others too",
            where=rows_where(df, wrong), remedy="Correct the rows, or leave out exclusive=.",
        )  # fmt: skip


def _tabulate(
    ticks: TickedOptions,
    named: Mapping[str, str],
    who: Respondents,
    total: str | None,
    small: int,
    level: float,
) -> MultipleChoice:
    """Count ticks by group and option."""
    import pandas as pd

    parts: list[pd.DataFrame] = []
    people: list[dict[str, object]] = []
    spoke = ticks.known.any(axis=1)
    some = ticks.ticked.any(axis=1)
    kinds = {"ticked": some, "ticked nothing": spoke & ~some, **ticks.kinds}
    for group, members, size in zip(who.groups, who.members, who.population, strict=True):
        key: dict[str, object] = {} if who.by is None else {who.by: group}
        x, base = (
            np.array([who.sums(members & rows[:, i]) for i in range(len(named))])
            for rows in (ticks.ticked, ticks.known)
        )
        answered = who.sums(members & spoke)[0]
        if answered > size:
            raise InputError.of(
                "population", required=f"at least the {answered:g} who answered", got=f"{size:g}",
                where=[] if group is None else [group],
            )  # fmt: skip
        found = survey_shares(
            x[:, 1], x[:, 2], base[:, 1], base[:, 2], level=level,
            correction=finite_correction(base[:, 0], size),
        )  # fmt: skip
        answers = float(x[:, 1].sum())
        n = np.asarray(np.round(base[:, 0]), dtype=np.int64)
        columns: dict[str, object] = {name: [value] * len(named) for name, value in key.items()}
        columns |= {
            "item": list(named),
            "option": list(named.values()),
            "count": np.asarray(np.round(x[:, 0]), dtype=np.int64),
            "weighted": x[:, 1],
            "share": found.estimate,
            "conf_low": found.low,
            "conf_high": found.high,
            "n": n,
            "share_of_answers": x[:, 1] / answers if answers else np.full(len(named), np.nan),
            "small": n < small,
        }
        parts.append(pd.DataFrame(columns))
        people.extend(
            key | {"kind": kind, "n": int(who.sums(members & rows)[0])}
            for kind, rows in kinds.items()
        )
    sampled = who.weights is not None and who.weights_kind == "sampling"
    method = "Wilson" + (" with the effective n" if sampled else "")
    if not np.isnan(who.population).all():
        method += ", finite population"
    notes = list(ticks.notes)
    if NOT_ASKED in ticks.kinds:
        notes.append("Those not asked are in no base.")
    n_used = int(who.sums(np.logical_or.reduce(who.members))[0])
    return MultipleChoice(
        pd.concat(parts, ignore_index=True), pd.DataFrame(people), who.by, total, method, level,
        small, sampled, n_used, who.n_dropped, tuple(notes),
    )  # fmt: skip
