"""Guess the obvious relations of a stranger's table from its labels.

Looked for: a total row or column, women + men, age bands, headed blocks of rows, and counts beside
percentages. A guess is used only if at least half of what it says holds, or misses by less than
half of the total, so that a label that merely looks like a total does no harm while a slip in the
only total is still seen; the audit says which guesses it used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from evalkit.published.checks import Check
from evalkit.published.relations import expand
from evalkit.published.selectors import Grid
from evalkit.published.verdicts import infer_rules, judge

__all__ = ["guess_relations"]

_TOTALS = frozenset(
    {
        "totalt", "total", "summa", "summa totalt", "samtliga", "alla", "hela", "riket",
        "hela riket", "båda könen", "all", "sum", "both sexes", "totalsumma",
    }
)  # fmt: skip
_WOMEN = frozenset({"kvinnor", "kvinna", "women", "woman", "flickor", "females", "female"})
_MEN = frozenset({"män", "man", "men", "pojkar", "males", "male"})
_COUNT = frozenset({"antal", "n", "count", "number"})
_SHARE = frozenset({"andel", "andel (%)", "procent", "%", "percent", "share"})
_AGE = re.compile(
    r"[<>\u2264\u2265]?\s*\d{1,3}\s*(?:[-\u2013]\s*\d{1,3}|\+|\u2013)?\s*(?:år)?(?:\s.*)?"
)
_NEEDED = 0.5
_NEAR = Fraction(1, 2)

Relation = Mapping[str, Any]
Path = tuple[str, str]


def guess_relations(grid: Grid) -> tuple[list[Relation], list[str]]:
    """Guess relations from the labels of a table.

    Parameters
    ----------
    grid : Grid
        The table.

    Returns
    -------
    relations : list of mapping
        In the form of the YAML files.
    words : list of str
        The same in words, for the reader who has to judge the guesses.
    """
    candidates = [
        *_totals(grid.rows, "row"),
        *_totals(grid.columns, "column"),
    ]
    kept = [(relation, words) for relation, words in candidates if _fit(relation, grid) >= _NEEDED]
    shares = _best_share(grid)
    if shares is not None:
        kept.append(shares)
    return [relation for relation, _ in kept], [words for _, words in kept]


def _path(path: Path) -> str:
    return f"{path[0]} > {path[1]}"


def _is(path: Path, names: frozenset[str]) -> bool:
    return path[1].strip().casefold() in names


def _totals(paths: Sequence[Path], axis: str) -> Iterable[tuple[Relation, str]]:
    """Relations between the labels of one axis and their total."""
    everywhere = [path for path in paths if _is(path, _TOTALS)]
    for group in dict.fromkeys(path[0] for path in paths):
        own = [path for path in everywhere if path[0] == group]
        total = own or [path for path in everywhere if not path[0]]
        if not total:
            continue
        members = [path for path in paths if path[0] == group and path not in everywhere]
        for parts in _families(members):
            yield _sum(axis, total[0], parts)


def _families(members: Sequence[Path]) -> Iterable[list[Path]]:
    """Sets of labels that each make up everybody: the sexes, the ages, the rest."""
    sexes = [path for path in members if _is(path, _WOMEN) or _is(path, _MEN)]
    ages = [path for path in members if _AGE.fullmatch(path[1].strip().casefold())]
    rest = [path for path in members if path not in sexes and path not in ages]
    for family in (sexes, ages, rest):
        if len(family) > 1:
            yield family


def _sum(axis: str, total: Path, parts: Sequence[Path]) -> tuple[Relation, str]:
    relation = {
        "sum": {
            "total": {axis: _path(total)},
            "parts": [{axis: [_path(part) for part in parts]}],
        }
    }
    names = " + ".join(part[1] for part in parts[:3]) + (" + ..." if len(parts) > 3 else "")
    return relation, f"{axis}s {names} = {total[1]}"


def _fit(relation: Relation, grid: Grid) -> float:
    """Share of a relation's testable checks that hold, or for a sum nearly do."""
    measures = set(grid.measures) & {"count", "amount", "percent"}
    if "sum" in relation and not measures & {"count", "amount"}:
        return 0.0
    checks = [c for c in expand([relation], {grid.table: grid}, home=grid.table) if not c.missing]
    rules = infer_rules(checks)
    held = [
        judge(check, rules) in ("exact", "rounding", "tie-rule") or _nearly(check)
        for check in checks
    ]
    return sum(held) / len(held) if held else 0.0


def _nearly(check: Check) -> bool:
    """Whether a sum misses its total by so little that a slip is likelier than a wrong guess."""
    values = [term.value for term in check.terms]
    known = [value for value in values if value is not None]
    if check.kind != "sum" or len(known) < len(values):
        return False
    return abs(sum(known[1:], Fraction(0)) - known[0]) <= _NEAR * abs(known[0])


def _best_share(grid: Grid) -> tuple[Relation, str] | None:
    """The base that most of the percentages fit, of the row's and the column's totals."""
    if not {"count", "percent"} <= set(grid.measures):
        return None
    percent, count = _pair(grid)
    columns = [path for path in grid.columns if _is(path, _TOTALS)]
    rows = [path for path in grid.rows if _is(path, _TOTALS)]
    bases: list[tuple[Relation, str]] = [
        ({"column": _path(path)}, f"percentages are of the row's {path[1]}") for path in columns
    ]
    bases += [
        ({**count, "row": _path(path)}, f"percentages are of the column's {path[1]}")
        for path in rows
    ]
    best: tuple[float, Relation, str] | None = None
    for base, words in bases:
        relation = {
            "share": {"percent": percent, "count": count, "base": base}, "optional": True
        }  # fmt: skip
        fit = _fit(relation, grid)
        if fit >= _NEEDED and (best is None or fit > best[0]):
            best = (fit, relation, words)
    return None if best is None else best[1:]


def _pair(grid: Grid) -> tuple[dict[str, str], dict[str, str]]:
    """Selectors of percent and count: two named columns, or two measures of one column."""
    count = [path for path in grid.columns if _is(path, _COUNT)]
    share = [path for path in grid.columns if _is(path, _SHARE)]
    if count and share:
        return {"column": _path(share[0])}, {"column": _path(count[0])}
    return {"measure": "percent"}, {"measure": "count"}
