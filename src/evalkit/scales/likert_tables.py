"""From raw answers to the table of a report: statements, levels, shares and the balance."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.core.checks import check_counts, check_labels, check_level
from evalkit.errors import InputError
from evalkit.scales.answer_levels import levels_of, read_sides
from evalkit.scales.cut_points import Cuts, read_cuts
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

__all__ = ["likert_table"]

NO_SIDES = (
    "No level is said to be positive, so there is no positive share and no balance: pass "
    "neutral=[...] or positive=[...]."
)


def likert_table(
    df: pd.DataFrame | SurveyData,
    items: str | Sequence[str] | Mapping[str, str],
    *,
    levels: Sequence[object] | Mapping[Any, str] | None = None,
    positive: Collection[object] | None = None,
    neutral: Collection[object] | None = None,
    negative: Collection[object] | None = None,
    outside: Sequence[object] | Mapping[Any, str] = (),
    cuts: Cuts | None = None,
    item_range: tuple[float, float] | None = None,
    missing_codes: MissingCodes = (),
    by: str | None = None,
    total: str | None = None,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    population: Population = None,
    small: int = 20,
    level: float = 0.95,
) -> LikertTable:
    r"""Tabulate how people answered statements on one scale.

    How many agree, how many do not, how many did not take a stand, and how sure is that? One call
    goes from the raw answers to the table of a report and its chart.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each respondent. It is not changed.
    items : str, sequence of str, or mapping of str to str
        Columns with the answers, or the statements to print by column.
    levels : sequence or mapping, optional
        Every level of the form, from the negative to the positive end, chosen by anybody or not:
        answers as they stand in the data, or their labels by answer. May be left out if the
        columns are ordered categories, or the survey has value labels. With `cuts`, the labels of
        the groups.
    positive, neutral, negative : collection, optional
        Levels on either side. ``neutral`` alone has those before it negative and those after it
        positive; of two that are given the rest is the third. Nothing is guessed: if none is
        given, there are shares but no positive share, and no balance.
    outside : sequence or mapping, default ()
        Answers beside the scale, such as ``["Vet ej"]``: answers, labels by answer, or kinds of
        missing answers. They are counted apart, and belong to the base "all" only.
    cuts : str or sequence, optional
        Cut points that merge a long scale, as for :func:`evalkit.scales.collapse`; they are printed
        behind the labels.
    item_range : tuple of (float, float), optional
        Lowest and highest answer of the form, for `cuts`.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        Codes of missing answers; a mapping names the kinds.
    by : str, optional
        Column with groups. Rows without one are dropped and counted.
    total : str, optional
        Name of a last group that holds all groups together, such as "Samtliga".
    weights : str, optional
        Column with weights. Rows without one are dropped and counted.
    weights_kind : {"case", "sampling"}
        A case weight is the number of respondents that a row stands for, and must be whole. A
        sampling weight, such as one against non-response, makes the respondents stand for others.
    population : int or mapping of group to int, optional
        Persons in the population where nearly all were asked: the intervals shrink with what
        remains unknown. Groups of which nobody has answered belong to the `total`.
    small : int, default 20
        Rows with fewer answers are shown as counts in place of percentages.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    LikertTable
        ``to_frame()`` tidy counts, shares and intervals on both bases; ``summary()`` the positive
        and negative shares and the balance; ``missing_frame()`` the kinds of missing;
        ``table()`` the texts of a report; ``plot()``.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist, an answer is no level, nobody says in which order the levels
        stand or the sides contradict it, weights or populations are none.

    Notes
    -----
    Shares are given with Wilson's interval [1]_. With sampling weights the number of answers in it
    is the one that has the same variance without weights, at most Kish's
    :math:`(\sum w)^2 / \sum w^2`. Of a population of N the variance is multiplied by
    :math:`(N - n)/(N - 1)`; the population of the base "decided" is taken to be the same part of N
    as it is of the answers. The limits of the balance, positive minus negative, are put together
    from those of the two shares and their correlation [2]_.

    Missing answers are in no base, and are counted by kind.

    In R: ``prop.test(x, n, correct = FALSE)``; ``survey::svymean`` for weighted shares.

    References
    ----------
    .. [1] Wilson EB (1927). Probable inference, the law of succession, and statistical inference.
       J Am Stat Assoc 22:209-212. doi:10.1080/01621459.1927.10502953
    .. [2] Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a
       general approach. Stat Med 27:1693-1702. doi:10.1002/sim.3095

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"q1": [1, 2, 4, 5, 5, 9, None] * 4})
    >>> result = likert_table(
    ...     answers,
    ...     {"q1": "Kontakterna har underlättats"},
    ...     levels=range(1, 6),
    ...     neutral=[3],
    ...     outside={9: "Vet ej"},
    ... )
    >>> result.to_frame().query("base == 'decided'")["count"].tolist()
    [4, 4, 0, 4, 8]
    >>> result.summary().to_frame().query("term == 'positive'")["estimate"].tolist()
    [0.6, 0.5]
    """
    level = check_level(level)
    fewest = int(check_counts("small", small)[0])
    named = named_items(items, df)
    survey = as_survey(df, list(named), missing_codes)
    groups = None
    if cuts is not None:
        if levels is None or isinstance(levels, Mapping):
            raise InputError.of("levels", required="the labels of the groups, with cuts",
                                got=repr(levels))  # fmt: skip
        names = check_labels("levels", levels, length=len(levels))
        groups = read_cuts(cuts, len(names), item_range=item_range)
        if not groups.declared:
            raise InputError.of(
                "item_range", required="given with such cuts", got="None",
                remedy="Or write the cuts as '1-4/5-7/8-10'.",
            )  # fmt: skip
        levels = names
    elif item_range is not None:
        raise InputError.of("item_range", required="left out without cuts", got=repr(item_range))
    known = levels_of(survey, list(named), levels, outside, groups)
    sides = read_sides(known, positive, neutral, negative)
    who = read_respondents(
        survey, by=by, total=total, weights=weights, weights_kind=weights_kind,
        population=population,
    )  # fmt: skip
    counts = count_answers(survey, named, known, who)
    notes = notes_of(counts, total)
    if sides is None:
        notes.append(NO_SIDES)
    return LikertTable(counts, sides, level, fewest, tuple(notes))
