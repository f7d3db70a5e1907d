"""What published tables say about one population, as counts of persons under conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isinf

import numpy as np

from evalkit.errors import InputError
from evalkit.published.microdata import Condition, Layout, Meaning, Zero
from evalkit.published.numbers import Figure
from evalkit.typing import BoolArray, IntArray

__all__ = ["Fact", "Model", "read_model", "shared_population"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Between `low` and `high` persons meet the condition."""

    place: str
    text: str
    condition: Condition
    low: int
    high: int


@dataclass(frozen=True)
class Model:
    """Variables, their levels (None: missing), and everything said about the persons."""

    variables: tuple[str, ...]
    levels: tuple[tuple[str | None, ...], ...]
    facts: tuple[Fact, ...]
    nested: Mapping[str, str]
    rest: Mapping[str, tuple[str | None, ...]]
    zeros: tuple[Zero, ...]

    def codes_of(self, variable: int, values: Iterable[str | None]) -> list[int]:
        """Codes of some levels; levels that nobody has are left out."""
        levels = self.levels[variable]
        return [levels.index(value) for value in values if value in levels]

    def meets(self, condition: Condition, scope: Sequence[int], codes: IntArray) -> BoolArray:
        """Which cells (rows of codes, columns as in scope) meet a condition."""
        met = np.ones(len(codes), dtype=np.bool_)
        for name, values in condition.items():
            variable = self.variables.index(name)
            met &= np.isin(codes[:, scope.index(variable)], self.codes_of(variable, values))
        return met

    def scope(self, condition: Condition) -> set[int]:
        """Indices of the variables in a condition."""
        return {self.variables.index(name) for name in condition}


def shared_population(layouts: Sequence[Layout], wanted: str | None) -> str:
    """Name the population that all tables describe; an error if there is none or a choice."""
    shared = [
        name
        for name in layouts[0].populations
        if all(name in other.populations for other in layouts) and wanted in (None, name)
    ]
    if len(shared) == 1:
        return shared[0]
    described = [f"{other.table_id}: {', '.join(other.populations)}" for other in layouts]
    if shared:
        raise InputError.of(
            "population", required="named, as the tables describe several populations",
            got="none", where=described,
        )  # fmt: skip
    raise InputError.of(
        "table_ids", required=f"tables that describe the same people ({wanted or 'any'})",
        got="different populations", where=described,
        remedy="Reconstruct each population by itself.",
    )  # fmt: skip


def read_model(layouts: Sequence[Layout], population: str) -> Model:
    """Gather what the tables say about one population."""
    meanings = [m for one in layouts for m in one.meanings if m.population == population]
    nested = {child: parent for one in layouts for child, parent in one.nested.items()}
    rest: dict[str, tuple[str | None, ...]] = {}
    for one in layouts:
        for name, value in one.rest.items():
            rest[name] = (*rest.get(name, ()), value)
    used = {name for meaning in meanings for name in meaning.condition}
    order = [*(name for one in layouts for name in one.row_variables),
             *(name for one in layouts for name in one.column_variables)]  # fmt: skip
    variables = tuple(name for name in dict.fromkeys(order) if name in used)
    levels: list[tuple[str | None, ...]] = []
    for name in variables:
        printed = dict.fromkeys(v for m in meanings for v in m.condition.get(name, ()))
        known: list[str | None] = [*printed, *(v for v in rest.get(name, ()) if v not in printed)]
        if name in nested and None not in known:
            known.append(None)
        levels.append(tuple(dict.fromkeys(known)))
    return Model(
        variables,
        tuple(levels),
        _facts(meanings),
        nested,
        rest,
        tuple(zero for one in layouts for zero in one.zeros if set(zero.condition) <= used),
    )


def _facts(meanings: Sequence[Meaning]) -> tuple[Fact, ...]:
    """Counts, and percentages of counts that were not printed."""
    counts = [m for m in meanings if m.cell.key.measure == "count"]
    exact = {_frozen(m.condition): m.figure for m in counts if _is_exact(m.figure)}
    facts = [_count_fact(m) for m in counts if m.figure.value is not None or m.figure.vague]
    facts += [
        _percent_fact(m, exact.get(_frozen(m.base)))
        for m in meanings
        if m.cell.key.measure == "percent"
        and m.figure.value is not None
        and m.condition != m.base
        and _frozen(m.condition) not in exact
    ]
    if not facts:
        raise InputError.of("table_ids", required="tables with counts", got="none")
    # An open upper end means no more than all the persons printed anywhere.
    most = sum(fact.high for fact in facts if fact.high >= 0)
    return tuple(
        fact if fact.high >= 0 else Fact(fact.place, fact.text, fact.condition, fact.low, most)
        for fact in facts
    )


def _frozen(condition: Condition) -> frozenset[tuple[str, tuple[str, ...]]]:
    return frozenset(condition.items())


def _is_exact(figure: Figure) -> bool:
    return figure.value is not None and not figure.vague


def _count_fact(meaning: Meaning) -> Fact:
    figure, place = meaning.figure, _place(meaning)
    if figure.vague:
        high = -1 if isinf(figure.high) else floor(figure.high)
        low = 0 if isinf(figure.low) else max(ceil(figure.low), 0)
    else:
        if figure.value is None or figure.value.denominator != 1 or figure.value < 0:
            raise InputError.of(
                "table_ids", required="counts that are whole numbers", got=figure.text,
                where=[place],
            )  # fmt: skip
        low = high = int(figure.value)
    return Fact(place, figure.text, meaning.condition, low, high)


def _percent_fact(meaning: Meaning, base: Figure | None) -> Fact:
    """Give the counts whose share of the base rounds (half up) to the printed percentage."""
    figure, place = meaning.figure, _place(meaning)
    if base is None or base.value is None or figure.value is None:
        raise InputError.of(
            "table_ids", required="percentages whose base is printed as a count",
            got=f"{figure.text} without one", where=[place],
            remedy="Add the table that prints the base.",
        )  # fmt: skip
    n = base.value / 100
    if figure.vague:
        low, high = ceil(max(figure.low, 0) * n), floor(min(figure.high, 100) * n)
        return Fact(place, figure.text, meaning.condition, low, high)
    low, high = (
        ceil(max(figure.value - figure.half, 0) * n),
        ceil((figure.value + figure.half) * n) - 1,
    )
    if low > high:
        raise InputError.of(
            "table_ids", required="percentages that some whole number of the base gives",
            got=f"{figure.text} of {base.text}", where=[place],
        )  # fmt: skip
    return Fact(place, figure.text, meaning.condition, low, high)


def _place(meaning: Meaning) -> str:
    key = meaning.cell.key
    unit = "" if key.measure == "count" else f" ({key.measure})"
    return f"{key.table} {key.place}{unit}"
