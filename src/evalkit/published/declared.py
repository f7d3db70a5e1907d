"""The relations declared for the shipped tables, expanded to checks once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from evalkit.published.checks import Check
from evalkit.published.relations import expand
from evalkit.published.selectors import Grid
from evalkit.published.store import Key, load, sources

__all__ = [
    "Declared",
    "ShippedGrids",
    "checks_beside",
    "checks_touching",
    "is_shipped",
    "shipped_checks",
]


@dataclass(frozen=True)
class Declared:
    """One shipped relation.

    Attributes
    ----------
    home : str or None
        The table it was declared for; None for a relation across tables or sources.
    raw : mapping
        As in the YAML file.
    tables : frozenset of str
        The tables it speaks about.
    checks : tuple of Check
        What it demands of the shipped figures.
    """

    home: str | None
    raw: Mapping[str, Any]
    tables: frozenset[str]
    checks: tuple[Check, ...]


class ShippedGrids(Mapping[str, Grid]):
    """Tables by id: the caller's own, and the shipped ones, which are read when asked for."""

    def __init__(self, replaced: Mapping[str, Grid]) -> None:
        self._replaced = replaced

    def __getitem__(self, table_id: str) -> Grid:
        """Give the caller's table of that id, else the shipped one."""
        return self._replaced.get(table_id) or _shipped_grid(table_id)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the ids."""
        return iter({*self._replaced, *(t for s in sources().values() for t in s.tables)})

    def __len__(self) -> int:
        """Count the tables."""
        return sum(1 for _ in self)

    def __contains__(self, table_id: object) -> bool:
        """Whether a table of that id exists."""
        return table_id in self._replaced or is_shipped(table_id)


def is_shipped(table_id: object) -> bool:
    """Whether a table of that id is shipped."""
    return any(table_id in source.tables for source in sources().values())


@lru_cache(maxsize=1024)
def _shipped_grid(table_id: str) -> Grid:
    return Grid(table_id, load(table_id).cells)


@lru_cache(maxsize=1)
def shipped_checks() -> tuple[Declared, ...]:
    """Expand every shipped relation, table by table, then across tables and sources."""
    grids = ShippedGrids({})

    def read(home: str | None, relations: Iterable[Mapping[str, Any]]) -> Iterator[Declared]:
        for raw in relations:
            tables = {*_mentions(raw), *((home,) if home else ())}
            checks = expand([raw], grids, home=home)
            yield Declared(home, raw, frozenset(tables), tuple(checks))

    found: list[Declared] = []
    for source in sources().values():
        for table_id, spec in source.tables.items():
            found += read(table_id, cast("Sequence[Any]", spec.get("relations") or ()))
        found += read(None, source.relations)
    return tuple(found)


def _mentions(raw: object) -> Iterable[str]:
    """Tables named anywhere in a relation."""
    if isinstance(raw, Mapping):
        for key, value in cast("Mapping[str, object]", raw).items():
            if key == "table":
                yield str(value)
            else:
                yield from _mentions(value)
    elif isinstance(raw, list):
        for value in cast("list[object]", raw):
            yield from _mentions(value)


def checks_touching(tables: frozenset[str], grids: Mapping[str, Grid]) -> list[Check]:
    """Find the checks of every shipped relation that speaks about some tables.

    Parameters
    ----------
    tables : frozenset of str
        Shipped ids.
    grids : mapping
        The caller's version of these tables.

    Returns
    -------
    list of Check
        Expanded anew unless all figures are as shipped.
    """
    own = {table for table in tables if grids[table].cells != load(table).cells}
    available = ShippedGrids(grids)
    checks: list[Check] = []
    for declared in shipped_checks():
        if declared.tables & own:
            checks += expand([declared.raw], available, home=declared.home)
        elif declared.tables & tables:
            checks += declared.checks
    return checks


def checks_beside(keys: Iterable[Key], tables: frozenset[str]) -> list[Check]:
    """Find shipped checks of some figures among the relations that do not touch some tables."""
    index = _by_key()
    found = {number: check for key in keys for number, check in index.get(key, ())}
    outside = [declared.tables.isdisjoint(tables) for declared in shipped_checks()]
    return [found[number] for number in sorted(found) if outside[number[0]]]


@lru_cache(maxsize=1)
def _by_key() -> Mapping[Key, list[tuple[tuple[int, int], Check]]]:
    """Shipped checks by the figures they speak about, each with its relation's number."""
    index: dict[Key, list[tuple[tuple[int, int], Check]]] = defaultdict(list)
    for number, declared in enumerate(shipped_checks()):
        for place, check in enumerate(declared.checks):
            for key in {term.cell.key for term in check.members if term.cell is not None}:
                index[key].append(((number, place), check))
    return index
