"""From the relations of a YAML file to checks on printed figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from evalkit.errors import InputError
from evalkit.published.checks import Check
from evalkit.published.numbers import Figure
from evalkit.published.relation_forms import (
    Relation,
    listed,
    read_relation,
    role_of,
    roles,
    selectors_of,
)  # fmt: skip
from evalkit.published.selectors import Grid, Selector, read_selector
from evalkit.published.store import Cell, Key
from evalkit.published.terms import Term, term_of

__all__ = ["KINDS", "expand"]

_ADDITIVE = ("count", "amount")
_SUMMARIES = ("percent", "mean", "median", "days", "ratio")

Grids = Mapping[str, Grid]


@dataclass(frozen=True)
class _Found:
    """Terms of one role, and what the source does not print of it."""

    terms: tuple[Term, ...]
    missing: tuple[str, ...]


def expand(
    relations: Sequence[Mapping[str, Any]], grids: Grids, *, home: str | None = None
) -> list[Check]:
    """Turn relations into checks.

    Parameters
    ----------
    relations : sequence of mapping
        As in the YAML files: one kind (`sum`, `share`, ...) per mapping, with optional `name`,
        `explained` and `optional`.
    grids : mapping
        The tables, by id.
    home : str, optional
        The table that selectors without ``table`` speak about.

    Returns
    -------
    list of Check
        One for every cell that a relation's first selector matches.

    Raises
    ------
    InputError
        If a relation is not of a known form, or names a table, row or column that does not exist.
    """
    checks: list[Check] = []
    for number, raw in enumerate(relations, start=1):
        relation = read_relation(raw, number, home)
        made = KINDS[relation.kind](relation, grids)
        checks += [check for check in made if not (check.missing and relation.optional)]
    return checks


def _grid(selector: Selector, default: str | None, grids: Grids, where: str) -> Grid:
    table = selector.table or default
    if table is None or table not in grids:
        raise InputError.of(
            "relations", required="a table that exists", got=repr(table), where=[where],
            remedy="Name it by `table:` in the selector.",
        )  # fmt: skip
    return grids[table]


def _constant(value: Fraction) -> Term:
    return Term(None, value, value, value)


def _drive(
    relation: Relation, selector: Selector, grids: Grids, measures: Sequence[str]
) -> Iterator[tuple[Key, Term | None]]:
    """Every cell that the first selector matches, with its term."""
    grid = _grid(selector, relation.home, grids, relation.where)
    for cell in selector.driving(grid, measures):
        yield cell.key, term_of(cell, selector.times, selector.exact)


def _follow(
    relation: Relation, selector: Selector, grids: Grids, driver: Key, measure: str, role: str
) -> _Found:
    """Terms that go with a driving cell."""
    if selector.constant is not None:
        return _Found((_constant(selector.constant),), ())
    grid = _grid(selector, driver.table, grids, relation.where)
    terms: list[Term] = []
    missing: list[str] = []
    for cell in selector.following(grid, driver, measure):
        term = None if cell is None else term_of(cell, selector.times, selector.exact)
        if term is None:
            missing.append(_absent(cell, role, grid))
        else:
            terms.append(term)
    return _Found(tuple(terms), tuple(missing))


def _absent(cell: Cell | None, role: str, grid: Grid) -> str:
    if cell is None:
        return f"{grid.table} prints no {role} here"
    return f"{cell.key.table}: {cell.key.place} ({cell.figure.text or 'empty'})"


def _check(
    relation: Relation, kind: str, lead: tuple[Key, Term | None], default_name: str,
    *found: _Found, weights: tuple[Term | None, ...] = (),
) -> Check:  # fmt: skip
    """Assemble one check; a term that the source does not print makes it untestable."""
    key, term = lead
    missing = tuple(gap for each in found for gap in each.missing)
    if term is None:
        missing = (f"{key.table}: {key.place}", *missing)
        term = Term(Cell(key, Figure("", None)), None, Fraction(0), Fraction(0))
    terms = (term, *(part for each in found for part in each.terms))
    arity = {"order": 2, "change": 3}.get(kind)
    if arity is not None and not missing and len(terms) != arity:
        raise InputError.of(
            "relations", required=f"one figure for each role of {kind}", got=len(terms),
            where=[relation.where],
        )  # fmt: skip
    return Check(
        kind, relation.name or default_name, terms, weights, relation.explained, missing,
        relation.assumes,
    )  # fmt: skip


def _driver_selector(relation: Relation, raw: object) -> Selector:
    selector = read_selector(raw, relation.where)
    if selector.constant is not None:
        raise InputError.of(
            "relations", required="a printed figure first", got=str(raw), where=[relation.where]
        )
    return selector


def _simple(
    relation: Relation, grids: Grids, *, lead: str, followers: Mapping[str, str | None],
    kind: str, name: str, measures: Sequence[str], merge: bool = False,
) -> Iterator[Check]:  # fmt: skip
    """Kinds with one leading figure and named roles; a role's measure None is the driver's.

    With `merge` the figures of a role are added into one: a share may be of a difference of tables.
    """
    driver = _driver_selector(relation, role_of(relation, lead))
    for key, term in _drive(relation, driver, grids, measures):
        found: list[_Found] = []
        for role, measure in followers.items():
            raw = roles(relation).get(role)
            selectors = [] if raw is None else selectors_of(raw, relation.where)
            own = [
                _follow(relation, selector, grids, key, measure or key.measure, role)
                for selector in selectors
                if selector is not None
            ]
            found += [_merged(own)] if merge and len(own) > 1 else own
        yield _check(relation, kind, (key, term), name, *found)


def _merged(found: Sequence[_Found]) -> _Found:
    """Several figures as one: their sum, which no single printed cell carries."""
    terms = [term for each in found for term in each.terms]
    values = [term.value for term in terms]
    known = [value for value in values if value is not None]
    value = sum(known, Fraction(0)) if len(known) == len(values) else None
    low = sum((term.low for term in terms), Fraction(0))
    high = sum((term.high for term in terms), Fraction(0))
    label = " + ".join(_printed(term) for term in terms).replace("+ \u2212", "\u2212 ")
    one = Term(None, value, low, high, vague=any(term.vague for term in terms), label=label)
    return _Found((one,), tuple(gap for each in found for gap in each.missing))


def _printed(term: Term) -> str:
    """A figure as printed, with the sign and share that it enters a sum with."""
    text = "" if term.cell is None else term.cell.figure.text.strip()
    size = abs(term.factor)
    return ("\u2212" if term.factor < 0 else "") + (
        text if size == 1 else f"{float(size):g} · {text}"
    )


def _sum(relation: Relation, grids: Grids) -> Iterator[Check]:
    body = roles(relation)
    total = body.get("total")
    if isinstance(total, int | float) and not isinstance(total, bool):
        measure = str(body.get("measure", "percent"))
        yield from _to_constant(relation, grids, Fraction(str(total)), measure, None)
        return
    measures = (str(body["measure"]),) if "measure" in body else _ADDITIVE
    driver = _driver_selector(relation, role_of(relation, "total"))
    home = _grid(driver, relation.home, grids, relation.where)
    if driver.measure is None and not set(measures) & set(home.measures):
        measures = home.measures
    for check in _simple(
        relation, grids, lead="total", followers={"parts": None}, kind="sum",
        name="parts add up to the total", measures=measures,
    ):  # fmt: skip
        yield _without_lead(check)


def _exhaustive(relation: Relation, grids: Grids) -> Iterator[Check]:
    base = roles(relation).get("base")
    yield from _to_constant(relation, grids, Fraction(100), "percent", base)


def _to_constant(
    relation: Relation, grids: Grids, total: Fraction, measure: str, base: object
) -> Iterator[Check]:
    """Parts that make up a constant: one check per cell of what the first part leaves free."""
    parts = [s for s in selectors_of(role_of(relation, "parts"), relation.where) if s is not None]
    first = parts[0]
    grid = _grid(first, relation.home, grids, relation.where)
    representatives: dict[tuple[object, ...], Key] = {}
    for cell in first.driving(grid, (measure,)):
        key = cell.key
        free_row = (key.row_group, key.row) if first.row is None else None
        free_column = (key.column_group, key.column) if first.column is None else None
        representatives.setdefault((free_row, free_column), key)
    for key in representatives.values():
        found = [_follow(relation, part, grids, key, measure, "parts") for part in parts]
        terms = [term for each in found for term in each.terms]
        gaps = tuple(gap for each in found for gap in each.missing)
        name = relation.name or f"the classes make up {total}"
        yield Check(
            "sum", name, (_constant(total), *terms), (), relation.explained, gaps, relation.assumes
        )
        if base is not None and not gaps:
            selector = read_selector(base, relation.where)
            size = _follow(relation, selector, grids, key, "count", "base").terms
            if size and size[0].certain:
                name = relation.name or "whole counts of the classes make up the base"
                yield Check(
                    "whole", name, (size[0], *terms), (), relation.explained, (), relation.assumes
                )


def _without_lead(check: Check) -> Check:
    """A wildcard among the parts may match the total itself: it is no part of itself."""
    lead = check.terms[0].cell
    parts = tuple(part for part in check.terms[1:] if part.cell is None or part.cell is not lead)
    return replace(check, terms=(check.terms[0], *parts))


def _mean(relation: Relation, grids: Grids) -> Iterator[Check]:
    driver = _driver_selector(relation, role_of(relation, "total"))
    parts = selectors_of(role_of(relation, "parts"), relation.where)
    raw_weights = roles(relation).get("weights")
    weights = None if raw_weights is None else selectors_of(raw_weights, relation.where)
    for key, term in _drive(relation, driver, grids, _SUMMARIES):
        found = [
            _follow(relation, part, grids, key, key.measure, "parts")
            for part in parts if part is not None
        ]  # fmt: skip
        resolved: list[Term | None] = []
        for weight in weights or ():
            own = None if weight is None else _follow(relation, weight, grids, key, "count", "w")
            resolved.extend([None] if own is None else (own.terms or (None,) * len(own.missing)))
        check = _without_lead(
            _check(relation, "mean", (key, term), "the total is a mean of the groups", *found)
        )
        if resolved and len(resolved) != len(check.terms) - 1 and not check.missing:
            raise InputError.of(
                "relations", required=f"one weight for each of {len(check.terms) - 1} parts",
                got=str(len(resolved)), where=[relation.where],
            )  # fmt: skip
        yield replace(check, weights=tuple(resolved))


def _equal(relation: Relation, grids: Grids) -> Iterator[Check]:
    same = listed(relation.body)
    if len(same) < 2:
        raise InputError.of(
            "relations", required="a list of at least two selectors in equal",
            got=repr(relation.body), where=[relation.where],
        )  # fmt: skip
    first, *others = same
    driver = _driver_selector(relation, first)
    grid = _grid(driver, relation.home, grids, relation.where)
    for key, term in _drive(relation, driver, grids, grid.measures):
        for raw in others:
            other = read_selector(raw, relation.where)
            found = _follow(relation, other, grids, key, key.measure, "equal figure")
            yield _check(relation, "equal", (key, term), "the same quantity printed twice", found)


def _order(relation: Relation, grids: Grids) -> Iterator[Check]:
    driver = _driver_selector(relation, role_of(relation, "smaller"))
    measures = _grid(driver, relation.home, grids, relation.where).measures
    yield from _simple(
        relation, grids, lead="smaller", followers={"larger": None}, kind="order",
        name="not larger than", measures=measures,
    )  # fmt: skip


def _product(relation: Relation, grids: Grids) -> Iterator[Check]:
    driver = _driver_selector(relation, role_of(relation, "total"))
    measures = _grid(driver, relation.home, grids, relation.where).measures
    yield from _simple(
        relation, grids, lead="total", followers={"factors": None}, kind="product",
        name="product of its factors", measures=measures,
    )  # fmt: skip


_share = partial(
    _simple, lead="percent", followers={"count": "count", "base": "count"}, kind="share",
    name="percent of the base", measures=("percent",), merge=True,
)  # fmt: skip
_change = partial(
    _simple, lead="percent", followers={"from": "count", "to": "count"}, kind="change",
    name="percent change", measures=("percent",),
)  # fmt: skip

KINDS: Mapping[str, Callable[[Relation, Grids], Iterator[Check]]] = {
    "sum": _sum,
    "share": _share,
    "mean": _mean,
    "equal": _equal,
    "exhaustive": _exhaustive,
    "change": _change,
    "order": _order,
    "product": _product,
}
