"""Who answered a survey: groups, weights, and how many there are in the population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from evalkit.core.checks import check_choice
from evalkit.core.columns import check_known, labels, numbers, plain, refuse_rows
from evalkit.core.results import STANDARD_COLUMNS
from evalkit.errors import InputError
from evalkit.scales.missing_codes import MissingCodes, check_missing_codes
from evalkit.scales.survey_data import SurveyData
from evalkit.scales.survey_headings import refuse_taken
from evalkit.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Population",
    "Respondents",
    "WeightsKind",
    "as_survey",
    "named_items",
    "population_sizes",
    "read_respondents",
]

WeightsKind: TypeAlias = Literal["case", "sampling"]
Population: TypeAlias = float | Mapping[object, float] | None

_RESERVED = {
    *STANDARD_COLUMNS, "item", "statement", "base", "category", "side", "count", "weighted",
    "share", "small", "kind", "option", "share_of_answers",
}  # fmt: skip


@dataclass(frozen=True)
class Respondents:
    """Who answered: their groups, their weights, and how many there are in all.

    Attributes
    ----------
    by : str or None
        Name of the column with the groups.
    groups : tuple
        The groups; one that is None without groups.
    members : tuple of ndarray of bool, shape (n,)
        Who is in each group.
    weights : ndarray of float, shape (n,), or None
        Weights.
    weights_kind : {"case", "sampling"}
        What they are.
    population : ndarray of float, shape (groups,)
        Persons in the population of each group; NaN where it has no end.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    """

    by: str | None
    groups: tuple[object, ...]
    members: tuple[BoolArray, ...]
    weights: FloatArray | None
    weights_kind: WeightsKind
    population: FloatArray
    n_dropped: Mapping[str, int]

    def sums(self, rows: BoolArray) -> tuple[float, float, float]:
        """Return how many persons rows are, and the sums of their weights and squared weights."""
        number = float(rows.sum())
        if self.weights is None:
            return number, number, number
        total = float(self.weights[rows].sum())
        if self.weights_kind == "case":
            return total, total, total
        return number, total, float((self.weights[rows] ** 2).sum())


def as_survey(
    data: pd.DataFrame | SurveyData, columns: Sequence[str], missing_codes: MissingCodes
) -> SurveyData:
    """Return data as a survey whose kinds of missing are apart.

    Parameters
    ----------
    data : pandas.DataFrame or SurveyData
        The data; not changed.
    columns : sequence of str
        The questions, for which the codes count.
    missing_codes : number, str, iterable of them, or mapping of them to str
        Codes of missing answers.

    Returns
    -------
    SurveyData
        The survey.
    """
    if not isinstance(data, SurveyData):
        check_known(data, items=columns)
        return SurveyData.from_frame(data, missing_codes=missing_codes, columns=columns)
    check_known(data.codes, items=columns)
    declared, _ = check_missing_codes(missing_codes)
    for column in columns:
        data = data.with_missing(column, declared)
    return data.with_blanks()


def named_items(
    items: str | Sequence[str] | Mapping[str, str], data: pd.DataFrame | SurveyData
) -> dict[str, str]:
    """Return the statement that stands for each column of questions.

    Parameters
    ----------
    items : str, sequence of str, or mapping of str to str
        The columns, or the statements by column.
    data : pandas.DataFrame or SurveyData
        The data; a survey knows the labels of its columns.

    Returns
    -------
    dict of str to str
        Statements by column.

    Raises
    ------
    evalkit.errors.InputError
        If there are none, or a column stands twice.
    """
    if isinstance(items, Mapping):
        named = {str(column): str(text) for column, text in items.items()}
    else:
        columns = [items] if isinstance(items, str) else list(items)
        known: Mapping[str, str] = {}
        if isinstance(data, SurveyData):
            known = data.questions
        named = {column: known.get(column, str(column)) for column in columns}
        if len(named) < len(columns):
            raise InputError.of("items", required="columns that differ", got="repeats")
    if not named:
        raise InputError.of("items", required="at least one column", got="none")
    return named


def read_respondents(
    survey: SurveyData,
    *,
    by: str | None,
    total: str | None,
    weights: str | None,
    weights_kind: WeightsKind,
    population: Population,
) -> Respondents:
    """Read groups, weights and the sizes of populations.

    Parameters
    ----------
    survey : SurveyData
        The survey.
    by : str or None
        Column with the groups.
    total : str or None
        Name of a last group that holds everybody.
    weights : str or None
        Column with weights.
    weights_kind : {"case", "sampling"}
        Whether a weight says how many persons a row stands for in the data, or in the population.
    population : number, mapping or None
        Persons in the population, by group where there are groups.

    Returns
    -------
    Respondents
        Who answered.

    Raises
    ------
    evalkit.errors.InputError
        If a column does not exist, weights are none, or populations do not fit the groups.
    """
    df = survey.codes
    check_known(df, by=by, weights=weights)
    check_choice("weights_kind", weights_kind, ("case", "sampling"))
    used = np.ones(len(df), dtype=np.bool_)
    dropped: dict[str, int] = {}
    values: FloatArray | None = None
    if weights is not None:
        values = _weights(df, weights, weights_kind)
        dropped[f"{weights} missing"] = int(np.isnan(values).sum())
        used &= ~np.isnan(values)
        values = np.nan_to_num(values)
    if by is None:
        if total is not None:
            raise InputError.of("total", required="left out without groups", got=repr(total))
        members: list[BoolArray] = [used]
        groups: list[object] = [None]
        sizes, _ = population_sizes(population, [None])
    else:
        refuse_taken("by", [by], _RESERVED)
        coded = labels(df[by])
        dropped[f"{by} missing"] = int((used & (coded.codes < 0)).sum())
        used &= coded.codes >= 0
        present = [i for i in range(len(coded.levels)) if bool((coded.codes == i).any())]
        members = [used & (coded.codes == i) for i in present]
        texts = survey.labels.get(by, {})
        groups = [texts.get(coded.levels[i], coded.levels[i]) for i in present]
        sizes, everybody = population_sizes(population, groups)
        if total is not None:
            if total in groups:
                raise InputError.of("total", required="a name that no group has", got=repr(total))
            members, groups = [*members, used], [*groups, total]
            sizes = [*sizes, everybody]
    if not used.any():
        raise InputError.of("df", required="at least one respondent", got="none")
    return Respondents(
        by, tuple(groups), tuple(members), values, weights_kind,
        np.asarray(sizes, dtype=np.float64), {why: n for why, n in dropped.items() if n},
    )  # fmt: skip


def _weights(df: pd.DataFrame, name: str, kind: WeightsKind) -> FloatArray:
    """Read weights of at least 0, NaN where they are missing."""
    values = numbers(df, name, "weights")
    refuse_rows(
        df, (values < 0) | np.isinf(values), "weights", name, "finite and at least 0", values
    )
    if kind == "case":
        refuse_rows(
            df, ~np.isnan(values) & (values != np.round(values)), "weights", name,
            "whole numbers of persons, as case weights are", values,
            remedy="Weights that make respondents stand for a population, such as those against "
            'non-response, are weights_kind="sampling".',
        )  # fmt: skip
    if not np.nansum(values) > 0:
        raise InputError.of("weights", required="positive somewhere", got="only zeros")
    return values


def population_sizes(population: Population, groups: Sequence[object]) -> tuple[list[float], float]:
    """Return the size of each group's population.

    Parameters
    ----------
    population : number, mapping or None
        Persons in the population, by group where there are groups.
    groups : sequence
        The groups that occur; only None without groups.

    Returns
    -------
    sizes : list of float
        The sizes by group; NaN where the population has no end.
    everybody : float
        All together, also groups of which nobody has answered.

    Raises
    ------
    evalkit.errors.InputError
        If a size is no whole number of persons, or a group has none.
    """
    if population is None:
        return [float("nan")] * len(groups), float("nan")
    if isinstance(population, Mapping):
        if groups == [None]:
            raise InputError.of("population", required="one number without groups",
                                got="numbers by group")  # fmt: skip
        sizes = {plain(key): size for key, size in population.items()}
        absent = [group for group in groups if group not in sizes]
        if absent:
            raise InputError.of("population", required="given for every group",
                                got="none for some", where=absent)  # fmt: skip
        named = {group: sizes.pop(group) for group in groups}
        chosen, others = list(named.values()), list(sizes.values())
    else:
        if groups != [None]:
            raise InputError.of(
                "population", required="a mapping by group", got=repr(population),
                remedy="population={" + f"{groups[0]!r}: ..." + "}",
            )  # fmt: skip
        chosen, others = [population], []
    for size in [*chosen, *others]:
        if isinstance(size, bool) or not isinstance(cast("object", size), Real) or not (
            size >= 1 and float(size).is_integer()
        ):  # fmt: skip
            raise InputError.of("population", required="whole numbers of persons", got=repr(size))
    return [float(size) for size in chosen], float(sum([*chosen, *others]))
