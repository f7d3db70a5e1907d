"""What a published table says about persons.

The ``microdata`` entry of a table in its source's YAML file says which people the table counts and
what each row and column means for them, so that the table can be tabulated from microdata and
microdata be rebuilt from the table:

.. code-block:: yaml

    microdata:
      population: followed_up_2012          # whom the table counts
      rows:                                 # row path -> meaning; the first key that fits decides
        Totalt: {}                          # everybody
        Kvinnor: {sex: Kvinnor}             # persons with this value
        "Ålder > *": age_group              # the variable, with the row's label as value
        "Ålder": null                       # says nothing about persons
      columns:
        Summa: {}
        "*": {outcome: "*"}                 # "*": the label as value; a list means any of these
      where: {status_day_365: Till arbete}  # holds for every count of the table
      given: [sex, age_group]               # what the base of a percentage is restricted to
      nested: {outcome: status_day_365}     # outcome only occurs with the status it is printed with
      rest: {target_group: PILA}            # value of persons in no printed row (null: missing)
      zeros: [{target_group: Ung, age_group: [35-44 år], why: ...}]   # cannot occur together
      reading:                              # where the table contradicts itself
        - {row: Totalt, column: Män, measure: count, text: "5759", why: ...}

``population`` may also stand in the meaning of a row or column, where a table counts several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from evalkit.errors import InputError
from evalkit.published.numbers import Figure, parse_figure
from evalkit.published.store import Cell, Key, PublishedTable, load

__all__ = ["Condition", "Layout", "Meaning", "Reading", "Zero", "layout", "read_layout"]

Condition = Mapping[str, tuple[str, ...]]
"""Persons whose value of each variable is one of those listed."""

_KEYS = frozenset(
    {"population", "rows", "columns", "where", "given", "nested", "rest", "zeros", "reading"}
)
_POPULATION = "population"
_OWN_LABEL = "*"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A printed figure and the persons it speaks of.

    Attributes
    ----------
    cell : Cell
        The figure as printed.
    figure : Figure
        The figure to follow: as printed, or as the table's reading corrects it.
    population : str
        Name of the population.
    condition : mapping of str to tuple of str
        The persons counted.
    base : mapping of str to tuple of str
        The persons that a percentage is of.
    """

    cell: Cell
    figure: Figure
    population: str
    condition: Condition
    base: Condition


@dataclass(frozen=True, slots=True)
class Reading:
    """A place where a table contradicts itself, and how it is read.

    Attributes
    ----------
    table_id : str
        The table.
    row, column, measure : str
        The place, as written in the YAML file.
    text : str or None
        The figure that the other figures support; None where no single cell is corrected.
    why : str
        The reason.
    """

    table_id: str
    row: str
    column: str
    measure: str
    text: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Zero:
    """Values that cannot occur together.

    Attributes
    ----------
    condition : mapping of str to tuple of str
        The impossible combination.
    why : str
        The reason.
    """

    condition: Condition
    why: str


@dataclass(frozen=True)
class Layout:
    """A table as statements about persons.

    Attributes
    ----------
    table_id : str
        The table.
    meanings : tuple of Meaning
        Every count and percentage that speaks of persons, in printed order.
    row_variables, column_variables : tuple of str
        Variables in the order of rows and columns.
    nested : mapping of str to str
        Variables that occur only with the values of another that they are printed with.
    rest : mapping of str to (str or None)
        Value of persons in no printed row.
    zeros : tuple of Zero
        Combinations that cannot occur.
    readings : tuple of Reading
        How contradictions are read.
    """

    table_id: str
    meanings: tuple[Meaning, ...] = field(repr=False)
    row_variables: tuple[str, ...]
    column_variables: tuple[str, ...]
    nested: Mapping[str, str]
    rest: Mapping[str, str | None]
    zeros: tuple[Zero, ...]
    readings: tuple[Reading, ...]

    @property
    def populations(self) -> tuple[str, ...]:
        """Populations that the table counts."""
        return tuple(dict.fromkeys(meaning.population for meaning in self.meanings))


@lru_cache(maxsize=256)
def layout(table_id: str) -> Layout:
    """Read what a shipped table says about persons; an error if nothing is known about it."""
    return read_layout(load(table_id))


def read_layout(table: PublishedTable) -> Layout:
    """Read the ``microdata`` entry of a table's YAML."""
    spec = table.spec.get("microdata")
    if not isinstance(spec, Mapping):
        raise InputError.of(
            "table_id",
            required="a table that counts persons and has a microdata entry in its YAML file",
            got=table.table_id,
            remedy="published_sets() of evalkit.synthetic lists tables that have one.",
        )
    return _Reader(table, cast("Mapping[str, Any]", spec)).layout()


class _Reader:
    """Reads one ``microdata`` entry, naming the table in every complaint."""

    def __init__(self, table: PublishedTable, spec: Mapping[str, Any]) -> None:
        self.table, self.spec = table, spec
        unknown = sorted(set(spec) - _KEYS)
        if unknown:
            raise self._error(f"keys among {', '.join(sorted(_KEYS))}", ", ".join(unknown))
        self.rows: Mapping[str, Any] = spec.get("rows", {_OWN_LABEL: {}})
        self.columns: Mapping[str, Any] = spec.get("columns", {_OWN_LABEL: {}})
        self.where = self._values(spec.get("where", {}), "")
        self.given = tuple(str(name) for name in spec.get("given", ()))

    def layout(self) -> Layout:
        """Put the parts together."""
        readings = tuple(self._reading(entry) for entry in self.spec.get("reading", ()))
        corrected = self._corrected(readings)
        row_variables: dict[str, None] = {}
        column_variables: dict[str, None] = dict.fromkeys(self.where)
        meanings: list[Meaning] = []
        for cell in self.table.cells:
            if cell.key.measure not in ("count", "percent"):
                continue
            row = self._meaning(self.rows, cell.key.row_group, cell.key.row)
            column = self._meaning(self.columns, cell.key.column_group, cell.key.column)
            if row is None or column is None:
                continue
            row_variables.update(dict.fromkeys(row))
            column_variables.update(dict.fromkeys(column))
            meanings.append(self._joined(cell, row, column, corrected.get(cell.key, cell.figure)))
        for names in (row_variables, column_variables):
            names.pop(_POPULATION, None)
        rest: Mapping[str, str | None] = self.spec.get("rest", {})
        nested: Mapping[str, str] = self.spec.get("nested", {})
        strange = sorted({*nested, *nested.values(), *self.given, *rest}
                         - {*row_variables, *column_variables})  # fmt: skip
        if strange:
            raise self._error("variables of its rows and columns", ", ".join(strange))
        return Layout(
            self.table.table_id,
            tuple(meanings),
            tuple(row_variables),
            tuple(name for name in column_variables if name not in row_variables),
            nested,
            rest,
            tuple(self._zero(entry) for entry in self.spec.get("zeros", ())),
            readings,
        )

    def _joined(self, cell: Cell, row: Condition, column: Condition, figure: Figure) -> Meaning:
        shown: dict[str, tuple[str, ...]] = dict(row)
        for name, values in column.items():
            both = tuple(value for value in shown.get(name, values) if value in values)
            if not both:
                raise self._error(f"rows and columns that agree on {name}", cell.key.place)
            shown[name] = both
        population = shown.pop(_POPULATION, (str(self.spec.get(_POPULATION, "")),))[0]
        if not population:
            raise self._error("a population for every figure", cell.key.place)
        base = {name: values for name, values in shown.items() if name in self.given}
        return Meaning(cell, figure, population, {**shown, **self.where}, base)

    def _meaning(self, meanings: Mapping[str, Any], group: str, label: str) -> Condition | None:
        for path, meaning in meanings.items():
            if _fits(str(path), group, label):
                if meaning is None:
                    return None
                return self._values({meaning: _OWN_LABEL} if isinstance(meaning, str) else meaning,
                                    label)  # fmt: skip
        raise self._error("a meaning (or null) for every row and column", f"{group} > {label}")

    def _values(self, raw: Any, label: str) -> Condition:
        if not isinstance(raw, Mapping):
            raise self._error("a variable, a mapping of variables to values, or null", repr(raw))
        entries = cast("Mapping[str, Any]", raw)
        return {str(name): _labels(value, label) for name, value in entries.items()}

    def _reading(self, entry: Mapping[str, Any]) -> Reading:
        text = entry.get("text")
        return Reading(
            self.table.table_id,
            str(entry.get("row", "")),
            str(entry.get("column", "")),
            str(entry.get("measure", "")),
            None if text is None else str(text),
            str(entry["why"]),
        )

    def _corrected(self, readings: Sequence[Reading]) -> dict[Key, Figure]:
        corrected: dict[Key, Figure] = {}
        for reading in readings:
            if reading.text is None:
                continue
            found = [
                cell.key
                for cell in self.table.cells
                if cell.key.measure == reading.measure
                and _fits(reading.row, cell.key.row_group, cell.key.row)
                and _fits(reading.column, cell.key.column_group, cell.key.column)
            ]
            if len(found) != 1:
                raise self._error("a reading of exactly one cell", f"{len(found)} for {reading}")
            corrected[found[0]] = parse_figure(reading.text)
        return corrected

    def _zero(self, entry: Mapping[str, Any]) -> Zero:
        values = {name: value for name, value in entry.items() if name != "why"}
        return Zero(self._values(values, ""), str(entry.get("why", "")))

    def _error(self, required: str, got: str) -> InputError:
        return InputError.of(f"microdata of {self.table.table_id}", required=required, got=got)


def _labels(value: object, label: str) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(str(entry) for entry in cast("Sequence[object]", value))
    return (label if value == _OWN_LABEL else str(value),)


def _fits(path: str, group: str, label: str) -> bool:
    """Whether a path such as ``Ålder > *``, ``Totalt`` or ``*`` is this row or column."""
    if path in (label, _OWN_LABEL):
        return True
    wanted_group, mark, wanted_label = path.partition(" > ")
    if not mark:
        return False
    return wanted_group.strip() in (group, _OWN_LABEL) and wanted_label in (label, _OWN_LABEL)
