"""What published tables say about one population, as counts of persons under conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, isinf

import numpy as np

from evalkit.errors import InputError
from evalkit.published.microdata import Condition, Layout, Meaning, Zero, layout
from evalkit.published.numbers import Figure
from evalkit.published.store import load, tables
from evalkit.typing import BoolArray, IntArray

__all__ = ["Fact", "Model", "read_model", "shared_population"]

_Frozen = frozenset[tuple[str, tuple[str, ...]]]


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
    """Gather what the tables say about one population.

    A percentage of a count that is printed says nothing new, if its base is known too: printed
    as a count, or the sum of counts that are printed for every level of some variable, of which the
    percentage is then one. Any other base is an error, as people who give the counts need not
    give the percentages.
    """
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
    _check_bases(meanings, dict(zip(variables, levels, strict=True)), population)
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
    exact = _exact(counts)
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


def _exact(meanings: Iterable[Meaning]) -> dict[_Frozen, Figure]:
    """The counts that are printed without reservation."""
    return {
        _frozen(m.condition): m.figure
        for m in meanings
        if m.cell.key.measure == "count" and m.figure.value is not None and not m.figure.vague
    }


def _check_bases(
    meanings: Sequence[Meaning], levels: Mapping[str, Sequence[str | None]], population: str
) -> None:
    """Refuse percentages whose base the tables leave open."""
    exact = _exact(meanings)

    def known(m: Meaning) -> bool:
        count = exact.get(_frozen(m.condition))
        if _frozen(m.base) in exact or count is None or count.value is None:
            return _frozen(m.base) in exact
        for name in levels.keys() - m.base.keys():
            parts = [
                exact.get(_frozen({**m.base, name: (level,)})) if level is not None else None
                for level in levels[name]
            ]
            sizes = [part.value for part in parts if part is not None and part.value is not None]
            low, high = _range(m.figure, sum(sizes, Fraction(0)))
            if len(sizes) == len(parts) and low <= count.value <= high:
                return True
        return False

    lacking = [
        m
        for m in meanings
        if m.cell.key.measure == "percent"
        and m.figure.value is not None
        and m.condition != m.base
        and not known(m)
    ]
    if not lacking:
        return
    places = list(dict.fromkeys(_place(m) for m in lacking))
    helpful = _tables_with({_frozen(m.base) for m in lacking}, population)
    raise InputError.of(
        "table_ids", required="percentages whose base is printed as a count",
        got=f"{len(places)} without one", where=places,
        remedy=f"Add {' and '.join(helpful) or 'the table that prints the base'}.",
    )  # fmt: skip


def _tables_with(bases: set[_Frozen], population: str) -> list[str]:
    """Few shipped tables that together print these counts of a population; none if they cannot."""
    printed: dict[str, set[_Frozen]] = {}
    for table_id in tables()["table_id"]:
        if "microdata" in load(table_id).spec:
            meanings = [m for m in layout(table_id).meanings if m.population == population]
            printed[table_id] = bases & _exact(meanings).keys()
    found: list[str] = []
    while bases:
        best = max(printed, key=lambda table_id: len(printed[table_id] & bases))
        if not printed[best] & bases:
            return []
        found.append(best)
        bases = bases - printed[best]
    return sorted(found)


def _frozen(condition: Condition) -> _Frozen:
    return frozenset(condition.items())


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
    low, high = _range(figure, base.value)
    if low > high and not figure.vague:
        raise InputError.of(
            "table_ids", required="percentages that some whole number of the base gives",
            got=f"{figure.text} of {base.text}", where=[place],
        )  # fmt: skip
    return Fact(place, figure.text, meaning.condition, low, high)


def _range(percent: Figure, base: Fraction) -> tuple[int, int]:
    """Fewest and most persons whose share of the base is as printed, rounded half up."""
    n = base / 100
    if percent.vague or percent.value is None:
        return ceil(max(percent.low, 0) * n), floor(min(percent.high, 100) * n)
    return (
        ceil(max(percent.value - percent.half, 0) * n),
        ceil((percent.value + percent.half) * n) - 1,
    )


def _place(meaning: Meaning) -> str:
    key = meaning.cell.key
    unit = "" if key.measure == "count" else f" ({key.measure})"
    return f"{key.table} {key.place}{unit}"
