"""Counts of survey answers by group, question and level, and the shares that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.errors import InputError
from evalkit.kernels.survey_shares import (
    SurveyShares,
    finite_correction,
    share_balance,
    survey_shares,
)
from evalkit.scales.answer_levels import Levels, place_levels
from evalkit.scales.missing_codes import BLANK
from evalkit.scales.survey_data import SurveyData
from evalkit.scales.survey_headings import refuse_taken
from evalkit.scales.survey_respondents import Respondents
from evalkit.typing import FloatArray, IntArray

__all__ = ["BASES", "AnswerCounts", "Base", "count_answers", "notes_of"]

Base: TypeAlias = Literal["decided", "all"]

BASES: tuple[Base, Base] = ("decided", "all")
"""Bases of percentages: answers on the scale, and those together with answers beside it."""


@dataclass(frozen=True)
class AnswerCounts:
    """Counts by group, question and level; levels on the scale first, then those outside.

    Attributes
    ----------
    by : str or None
        Name of the column with the groups.
    groups, items, statements : tuple
        The groups, the columns of the questions, and their texts.
    levels : Levels
        The levels.
    count : ndarray of int, shape (groups, items, levels)
        Persons by their answer.
    weighted, squared : ndarray of float, shape (groups, items, levels)
        Sums of weights and of squared weights; without weights both are the count.
    missing : mapping of str to ndarray of int, shape (groups, items)
        Persons without an answer, by kind.
    population : ndarray of float, shape (groups,)
        Persons in the population; NaN where it has no end.
    n_used : int
        Persons in the groups.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    is_weighted : bool
        Whether there are sampling weights.
    """

    by: str | None
    groups: tuple[object, ...]
    items: tuple[str, ...]
    statements: tuple[str, ...]
    levels: Levels
    count: IntArray
    weighted: FloatArray
    squared: FloatArray
    missing: Mapping[str, IntArray]
    population: FloatArray
    n_used: int
    n_dropped: Mapping[str, int]
    is_weighted: bool

    def n(self, base: Base) -> IntArray:
        """Count the persons of a base, by group and question."""
        return self.count[:, :, : self._width(base)].sum(axis=2)

    def _width(self, base: Base) -> int:
        """Say how many levels a base has."""
        return len(self.levels.labels) if base == "decided" else len(self.levels.all_labels)

    def _base(self, base: Base) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return sums over a base and its correction, each of shape (groups, items)."""
        width = self._width(base)
        n, answered = self.n(base).astype(np.float64), self.n("all").astype(np.float64)
        # The population of the base is taken to be as large a part as it is among the answers.
        size = self.population[:, None] * n / np.maximum(answered, 1)
        return (
            self.weighted[:, :, :width].sum(axis=2),
            self.squared[:, :, :width].sum(axis=2),
            finite_correction(n, size),
        )

    def shares(self, base: Base, level: float) -> SurveyShares:
        """Estimate the share of every level, of shape (groups, items, levels of the base)."""
        width = self._width(base)
        total, squares, factor = (part[:, :, None] for part in self._base(base))
        return survey_shares(
            self.weighted[:, :, :width], self.squared[:, :, :width], total, squares,
            level=level, correction=factor,
        )  # fmt: skip

    def side(self, places: Sequence[int], base: Base, level: float) -> SurveyShares:
        """Estimate the share of several levels together, of shape (groups, items)."""
        total, squares, factor = self._base(base)
        chosen = list(places)
        return survey_shares(
            self.weighted[:, :, chosen].sum(axis=2), self.squared[:, :, chosen].sum(axis=2),
            total, squares, level=level, correction=factor,
        )  # fmt: skip

    def balance(
        self, positive: Sequence[int], negative: Sequence[int], base: Base, level: float
    ) -> SurveyShares:
        """Estimate the share of some levels minus that of others, of shape (groups, items)."""
        total, squares, factor = self._base(base)
        up, down = (
            (self.weighted[:, :, side].sum(axis=2), self.squared[:, :, side].sum(axis=2))
            for side in (list(positive), list(negative))
        )
        return share_balance(up, down, total, squares, level=level, correction=factor)


def count_answers(
    survey: SurveyData, items: Mapping[str, str], levels: Levels, who: Respondents
) -> AnswerCounts:
    """Count answers by group, question and level.

    Parameters
    ----------
    survey : SurveyData
        The answers.
    items : mapping of str to str
        Statements by column.
    levels : Levels
        The levels.
    who : Respondents
        Groups, weights and populations.

    Returns
    -------
    AnswerCounts
        The counts.

    Raises
    ------
    evalkit.errors.InputError
        If an answer is no level, the column of groups is called like one, or more have answered
        than there are in the population.
    """
    if who.by is not None:
        refuse_taken("by", [who.by], levels.all_labels)
    shape = len(who.groups), len(items), len(levels.all_labels)
    sums = np.zeros((3, *shape))
    missing: dict[str, IntArray] = {}
    for i, column in enumerate(items):
        codes = place_levels(survey, column, levels)
        unknown = codes < 0
        kinds = dict(survey.kinds.get(column, {}))
        named = np.zeros(len(codes), dtype=np.bool_)
        for rows in kinds.values():
            named |= rows
        kinds[BLANK] = kinds.get(BLANK, np.zeros_like(named)) | (unknown & ~named)
        for g, members in enumerate(who.members):
            for place in range(shape[2]):
                sums[:, g, i, place] = who.sums(members & (codes == place))
            for kind, rows in kinds.items():
                gone = who.sums(members & unknown & rows)[0]
                if gone:
                    table = missing.setdefault(kind, np.zeros(shape[:2], dtype=np.int64))
                    table[g, i] = int(gone)
    counts = AnswerCounts(
        who.by, who.groups, tuple(items), tuple(items.values()), levels,
        np.asarray(np.round(sums[0]), dtype=np.int64), sums[1], sums[2], missing, who.population,
        int(who.sums(np.logical_or.reduce(who.members))[0]), who.n_dropped,
        who.weights is not None and who.weights_kind == "sampling",
    )  # fmt: skip
    most = counts.n("all").max(axis=1)
    for group, n, size in zip(who.groups, most, who.population, strict=True):
        if n > size:
            raise InputError.of(
                "population", required=f"at least the {n} who answered", got=f"{size:g}",
                where=[] if group is None else [group],
            )  # fmt: skip
    return counts


def notes_of(counts: AnswerCounts, total: str | None) -> list[str]:
    """Say how many answered beside the scale, and how many did not, by kind.

    Parameters
    ----------
    counts : AnswerCounts
        The counts.
    total : str or None
        Name of the last group, if it holds all others.

    Returns
    -------
    list of str
        At most two sentences; the numbers are sums over the questions.
    """
    notes: list[str] = []
    once = slice(None) if total is None else slice(len(counts.groups) - 1, None)
    if counts.levels.outside:
        beside = counts.count[once, :, len(counts.levels.labels) :].sum(axis=(0, 1))
        told = ", ".join(
            f"{label} {n}" for label, n in zip(counts.levels.outside, beside, strict=True)
        )
        notes.append(f"Beside the scale, in the base 'all' only: {told}.")
    if counts.missing:
        told = ", ".join(f"{kind} {int(n[once].sum())}" for kind, n in counts.missing.items())
        notes.append(f"Without an answer, in no base: {told}.")
    return notes
