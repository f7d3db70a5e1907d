"""Merges the same answers by several cut points, and says where the conclusion changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_counts, check_labels, check_level
from evalkit.errors import InputError
from evalkit.scales.answer_levels import Levels, levels_of, place_levels
from evalkit.scales.collapse_result import CollapseTable
from evalkit.scales.cut_points import CutPoints, Cuts, read_cuts
from evalkit.scales.likert_result import LikertTable
from evalkit.scales.missing_codes import MissingCodes
from evalkit.scales.survey_counts import count_answers
from evalkit.scales.survey_data import SurveyData
from evalkit.scales.survey_respondents import (
    Population,
    WeightsKind,
    as_survey,
    named_items,
    read_respondents,
)
from evalkit.typing import IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["collapse_table"]


def collapse_table(
    df: pd.DataFrame | SurveyData,
    items: str | Sequence[str] | Mapping[str, str],
    cuts: Sequence[Cuts] | Mapping[str, Cuts],
    labels: Sequence[str],
    *,
    item_range: tuple[float, float] | None = None,
    missing_codes: MissingCodes = (),
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    population: Population = None,
    small: int = 20,
    level: float = 0.95,
) -> CollapseTable:
    """Merge the same answers by several cut points, side by side.

    Does the conclusion hang on where a ten-point scale was cut? Where the cut is not the form's
    own, the choice belongs into the report, and an alternative beside it.

    Parameters
    ----------
    df : pandas.DataFrame or SurveyData
        One row for each respondent. It is not changed.
    items : str, sequence of str, or mapping of str to str
        Columns with the answers, or the statements to print by column.
    cuts : sequence or mapping
        At least two cuts, each as for :func:`evalkit.scales.collapse`, such as
        ``["1-4/5-7/8-10", "1-3/4-7/8-10"]``; a mapping names them. The first is the one that the
        others are compared with.
    labels : sequence of str
        Names of the groups, from the negative to the positive end.
    item_range : tuple of (float, float), optional
        Lowest and highest answer on the form, if the cuts do not state it.
    missing_codes : number, str, iterable of them, or mapping of them to str, default ()
        Codes of missing answers.
    weights : str, optional
        Column with weights.
    weights_kind : {"case", "sampling"}
        As for :func:`evalkit.scales.likert_table`.
    population : int, optional
        Persons in the population.
    small : int, default 20
        Statements with fewer answers are shown as counts.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    CollapseTable
        ``to_frame()`` shares, n and intervals by cut; ``conclusions()`` what each would lead to;
        ``changes`` sentences that say where it differs; ``plot()``.

    Raises
    ------
    evalkit.errors.InputError
        If there are fewer than two cuts, they have different numbers of groups or different ends,
        or an answer is in no group.

    Notes
    -----
    A conclusion is which group is the largest, whether the last group is a majority (by its Wilson
    interval), and whether the last group outweighs the first (by the interval of the balance, as
    in :func:`evalkit.scales.likert_table`). The intervals allow for chance in who answered, not for
    the choice of the cut.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"q": [2, 3, 4, 4, 4, 5, 6, 7, 8, 9] * 3})
    >>> result = collapse_table(
    ...     answers, "q", ["1-4/5-7/8-10", "1-3/4-7/8-10"], ["låg", "varken", "hög"]
    ... )
    >>> result.conclusions()["largest"].tolist()
    ['låg', 'varken']
    """
    level = check_level(level)
    fewest = int(check_counts("small", small)[0])
    if isinstance(labels, str):
        check_labels("labels", labels, length=1)
    names = tuple(check_labels("labels", labels, length=len(labels)))
    chosen = _cuts(cuts, len(names), item_range)
    named = named_items(items, df)
    survey = as_survey(df, list(named), missing_codes)
    who = read_respondents(
        survey, by=None, total=None, weights=weights, weights_kind=weights_kind,
        population=population,
    )  # fmt: skip
    sides = (-1, *([0] * (len(names) - 2)), 1)
    tables: list[LikertTable] = []
    moved = np.zeros((len(chosen), len(named)), dtype=np.int64)
    places: list[list[IntArray]] = []
    for c, cut in enumerate(chosen.values()):
        levels: Levels = levels_of(survey, list(named), names, (), cut)
        counts = count_answers(survey, named, levels, who)
        tables.append(LikertTable(counts, sides, level, fewest))
        places.append([place_levels(survey, column, levels) for column in named])
        for i in range(len(named)):
            differ = who.members[0] & (places[c][i] != places[0][i])
            moved[c, i] = int(who.sums(differ)[0])
    return CollapseTable(tuple(chosen), tuple(chosen.values()), names, tuple(tables), moved)


def _cuts(
    cuts: object, n_groups: int, item_range: tuple[float, float] | None
) -> dict[str, CutPoints]:
    """Read several cuts, with their names."""
    if isinstance(cuts, Mapping):
        given = {str(name): cut for name, cut in cast("Mapping[str, object]", cuts).items()}
        read = {
            name: read_cuts(cut, n_groups, item_range=item_range, argument=f"cuts[{name!r}]")
            for name, cut in given.items()
        }
    elif isinstance(cuts, str) or not isinstance(cuts, Sequence):
        raise InputError.of("cuts", required="at least two cuts, in a list", got=repr(cuts))
    else:
        several = [
            read_cuts(cut, n_groups, item_range=item_range, argument=f"cuts[{i}]")
            for i, cut in enumerate(cast("Sequence[Any]", cuts))
        ]
        read = {str(cut): cut for cut in several}
        if len(read) < len(several):
            raise InputError.of("cuts", required="cuts that differ", got="repeats")
    if len(read) < 2:
        raise InputError.of("cuts", required="at least two cuts, in a list",
                            got=f"{len(read)}")  # fmt: skip
    ends = {
        name: (min(low for low, _ in cut.groups), max(high for _, high in cut.groups))
        for name, cut in read.items()
    }
    if not all(cut.declared for cut in read.values()):
        raise InputError.of("item_range", required="given with such cuts", got="None",
                            remedy="Or write the cuts as '1-4/5-7/8-10'.")  # fmt: skip
    if len(set(ends.values())) > 1:
        raise InputError.of(
            "cuts", required="cuts of one scale, with the same ends", got="different ends",
            where=(f"{name}: {low:g} to {high:g}" for name, (low, high) in ends.items()),
        )  # fmt: skip
    return read
