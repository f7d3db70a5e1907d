"""Selectors: how a relation says which printed figures it speaks about.

A selector is a mapping with any of ``table``, ``row``, ``column`` and ``measure``. What the first
selector of a relation leaves out is free (the relation holds for every such cell); what the others
leave out is inherited from the cell of the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

from evalkit.errors import InputError
from evalkit.published.store import MEASURES, Cell, Key

__all__ = ["Grid", "Selector", "read_selector"]

Path = tuple[str, str]
"""A row or column address: (group, label)."""

_SEPARATOR = ">"
_KNOWN = frozenset({"table", "row", "column", "measure", "times", "exact"})


@dataclass(frozen=True)
class Grid:
    """The cells of one table, findable by row, column and measure."""

    table: str
    cells: tuple[Cell, ...]

    @cached_property
    def by_key(self) -> Mapping[Key, Cell]:
        """Cells by their full address."""
        return {cell.key: cell for cell in self.cells}

    @cached_property
    def rows(self) -> tuple[Path, ...]:
        """Row addresses in printed order."""
        return tuple(dict.fromkeys((c.key.row_group, c.key.row) for c in self.cells))

    @cached_property
    def columns(self) -> tuple[Path, ...]:
        """Column addresses in printed order."""
        return tuple(dict.fromkeys((c.key.column_group, c.key.column) for c in self.cells))

    @cached_property
    def labelled(self) -> Mapping[str, Mapping[str, list[Path]]]:
        """Row and column addresses by their label."""
        index: dict[str, dict[str, list[Path]]] = {"row": {}, "column": {}}
        for axis, paths in (("row", self.rows), ("column", self.columns)):
            for path in paths:
                index[axis].setdefault(path[1], []).append(path)
        return index

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """Measures that occur."""
        return tuple(dict.fromkeys(c.key.measure for c in self.cells))


@dataclass(frozen=True)
class Selector:
    """One parsed selector; a bare number has only `constant`."""

    table: str | None = None
    row: tuple[str, ...] | None = None
    column: tuple[str, ...] | None = None
    measure: str | None = None
    times: Fraction = Fraction(1)
    exact: bool = False
    constant: Fraction | None = None

    def driving(self, grid: Grid, measures: Sequence[str]) -> list[Cell]:
        """Find every cell this selector matches when it drives a relation."""
        rows = grid.rows if self.row is None else _find(grid, "row", self.row, None)
        columns = grid.columns if self.column is None else _find(grid, "column", self.column, None)
        kinds = (self.measure,) if self.measure else measures
        cells = [
            grid.by_key[key]
            for row in rows
            for column in columns
            for kind in kinds
            if (key := Key(grid.table, *row, *column, kind)) in grid.by_key
        ]
        if not cells:
            raise InputError.of(
                "relations", required=f"a selector that matches a figure of {grid.table}",
                got=str(self), remedy=f"Measures of the table: {', '.join(grid.measures)}.",
            )  # fmt: skip
        return cells

    def following(self, grid: Grid, driver: Key, measure: str) -> list[Cell | None]:
        """Find the cells that go with a driving cell; None where the table has no such figure."""
        rows = (
            _inherit(grid, "row", (driver.row_group, driver.row))
            if self.row is None
            else _find(grid, "row", self.row, (driver.row_group, driver.row))
        )
        columns = (
            _inherit(grid, "column", (driver.column_group, driver.column))
            if self.column is None
            else _find(grid, "column", self.column, (driver.column_group, driver.column))
        )
        cells = [self._at(grid, row, column, driver, measure) for row in rows for column in columns]
        return cells or [None]

    def _at(self, grid: Grid, row: Path, column: Path, driver: Key, measure: str) -> Cell | None:
        """The figure at a place; where only one of another kind stands there, that one.

        Claims in running text have one figure to a place, so a relation between a percent and an
        amount need not say which measure it means.
        """
        cell = grid.by_key.get(Key(grid.table, *row, *column, self.measure or measure))
        if cell is not None or self.measure is not None:
            return cell
        others = [
            other
            for kind in grid.measures
            if (other := grid.by_key.get(Key(grid.table, *row, *column, kind))) is not None
            and other.key != driver
            and not (measure == "count" and kind == "percent")
        ]
        return others[0] if len(others) == 1 else None


def read_selector(raw: object, where: str) -> Selector:
    """Parse one selector of the YAML; `where` names the relation in errors."""
    if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
        return Selector(constant=Fraction(str(raw)), exact=True)
    if not isinstance(raw, Mapping):
        raise InputError.of(
            "relations", required="a selector (a mapping) or a number", got=repr(raw), where=[where]
        )
    entry = cast("Mapping[str, Any]", raw)
    unknown = sorted(set(entry) - _KNOWN)
    if unknown:
        raise InputError.of(
            "relations", required=f"selector keys among {', '.join(sorted(_KNOWN))}",
            got=", ".join(unknown), where=[where],
        )  # fmt: skip
    measure = entry.get("measure")
    if measure is not None and measure not in MEASURES:
        raise InputError.of(
            "relations", required=f"measure in {', '.join(MEASURES)}", got=repr(measure),
            where=[where],
        )  # fmt: skip
    return Selector(
        table=entry.get("table"),
        row=_labels(entry.get("row")),
        column=_labels(entry.get("column")),
        measure=measure,
        times=_factor(entry.get("times", 1), where),
        exact=bool(entry.get("exact", False)),
    )


def _factor(raw: object, where: str) -> Fraction:
    try:
        factor = Fraction(str(raw))
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if factor == 0 or isinstance(raw, bool):
        raise InputError.of(
            "relations", required="times: a number other than 0", got=repr(raw), where=[where]
        )
    return factor


def _labels(raw: object) -> tuple[str, ...] | None:
    if raw is None:
        return None
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        return tuple(str(label) for label in cast("Sequence[object]", raw))
    return (str(raw),)


def _inherit(grid: Grid, axis: str, wanted: Path) -> list[Path]:
    """Find the same address in another table, whose group may be named otherwise."""
    same = grid.labelled[axis].get(wanted[1], [])
    if wanted in same:
        return [wanted]
    return same if len(same) == 1 else []


def _find(grid: Grid, axis: str, labels: tuple[str, ...], driver: Path | None) -> list[Path]:
    """Resolve path texts such as ``Ålder > *`` against the table's rows or columns."""
    paths = grid.rows if axis == "row" else grid.columns
    found: list[Path] = []
    for text in labels:
        matches = _match(grid, axis, text, driver)
        if not matches or (len(matches) > 1 and "*" not in text):
            near = [" > ".join(part for part in path if part) for path in paths]
            raise InputError.of(
                "relations",
                required=f"a {axis} of table {grid.table}" + (" (unique)" if matches else ""),
                got=repr(text),
                remedy=f"The {axis}s are: {'; '.join(near)}.",
            )
        found.extend(matches)
    return found


def _match(grid: Grid, axis: str, text: str, driver: Path | None) -> list[Path]:
    exact = grid.labelled[axis].get(text, [])
    if len(exact) == 1:
        return exact
    if _SEPARATOR not in text:
        # The same label in several groups: the driver's own group decides.
        own = [path for path in exact if driver is not None and path[0] == driver[0]]
        return own or exact
    group, label = (part.strip() for part in text.split(_SEPARATOR, 1))
    if driver is not None:
        group = driver[0] if group == "=" else group
        label = driver[1] if label == "=" else label
    if "*" not in label:
        paths = grid.labelled[axis].get(label, [])
    else:
        paths = grid.rows if axis == "row" else grid.columns
    return [
        path
        for path in paths
        if group in ("*", path[0]) and label in ("*", path[1])
    ]  # fmt: skip
