"""Guess the obvious relations of a stranger's table from its labels.

Looked for: a total row or column, women + men, age bands, headed blocks of rows, and counts beside
percentages. A guess is used only if at least half of what it says holds, so that a label that
merely looks like a total does no harm. A near miss counts too (a slip of the pen or a twentieth;
anything up to a half where women and men or age bands are all there is), so that a slip in the only
total is still seen. The audit says which guesses it used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from evalkit.published.checks import Check
from evalkit.published.relations import expand
from evalkit.published.selectors import Grid
from evalkit.published.suspects import digit_slip
from evalkit.published.verdicts import infer_rules, judge

__all__ = ["guess_relations"]

_TOTALS = frozenset(
    {
        "totalt", "total", "summa", "summa totalt", "samtliga", "alla", "hela", "riket",
        "hela riket", "båda könen", "all", "sum", "both sexes", "totalsumma", "totalt antal",
        "antal totalt", "total antal",
    }
)  # fmt: skip
_WOMEN = frozenset({"kvinnor", "kvinna", "women", "woman", "flickor", "females", "female"})
_MEN = frozenset({"män", "man", "men", "pojkar", "males", "male"})
_COUNT = re.compile(r"(antal|number|count|n)\b", re.IGNORECASE)
_OF_WHICH = re.compile(r"(varav|därav|of which)\b", re.IGNORECASE)
_AGE = re.compile(
    r"(?P<under>(?:under|yngre än|-|\u2013|<)\s*)?(?P<low>\d{1,3})\s*"
    r"(?:[-\u2013]\s*(?P<high>\d{1,3})|(?P<over>\+|\u2013|-|år och äldre|år eller äldre))?"
    r"\s*(?:år)?(?:\s.*)?"
)
_OVER = re.compile(r"(?:över|äldre än|>|\u2265)\s*(\d{1,3})\s*(?:år)?")
_NEEDED = 0.5
_NEAR = Fraction(1, 20)
_FAR = Fraction(1, 2)

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
    kept: list[tuple[Relation, str]] = []
    for axis, paths in (("row", grid.rows), ("column", grid.columns)):
        for alternatives, certain in _totals(paths, axis):
            near = _FAR if certain else _NEAR
            fits = [
                (_fit(relation, grid, near), relation, words) for relation, words in alternatives
            ]
            fit, relation, words = max(fits, key=lambda entry: entry[0])
            if fit >= _NEEDED:
                kept.append((relation, words))
    shares = _best_share(grid)
    if shares is not None:
        kept.append(shares)
    return [relation for relation, _ in kept], [words for _, words in kept]


def _path(path: Path) -> str:
    return f"{path[0]} > {path[1]}"


def _plain(label: str) -> str:
    """Label without marks, brackets and case, for recognising totals."""
    return re.sub(r"\([^)]*\)|[:*]", "", label).strip().casefold()


def _is(path: Path, names: frozenset[str]) -> bool:
    return _plain(path[1]) in names


def _totals(paths: Sequence[Path], axis: str) -> Iterable[tuple[list[tuple[Relation, str]], bool]]:
    """Alternative relations between the labels of one axis and their total.

    With each comes whether the labels leave no doubt: women and men, or age bands, and nobody else.
    """
    everywhere = [path for path in paths if _is(path, _TOTALS)]
    only = everywhere if len(everywhere) == 1 else []
    for group in dict.fromkeys(path[0] for path in paths):
        own = [path for path in everywhere if path[0] == group]
        total = own or [path for path in everywhere if not path[0]] or only
        if not total:
            continue
        members = [path for path in paths if path[0] == group and path not in everywhere]
        for alternatives in _families(members):
            certain = len(alternatives) == 1 and _age_or_sex(alternatives[0][0])
            yield [_sum(axis, total[0], parts) for parts in alternatives], certain


def _families(members: Sequence[Path]) -> Iterable[list[list[Path]]]:
    """Sets of labels that may each make up everybody: the sexes, the ages, the rest.

    Each comes with alternatives: women and men, or women, men and those of whom it is not known.
    """
    members = [path for path in members if not _OF_WHICH.match(path[1].strip())]
    sexes = [path for path in members if _is(path, _WOMEN) or _is(path, _MEN)]
    ages = [path for path in members if _age_band(path[1]) is not None]
    rest = [path for path in members if path not in sexes and path not in ages]
    if len(ages) > 1 and _overlapping([_age_band(path[1]) for path in ages]):
        ages = []
    families = [family for family in (sexes, ages) if len(family) > 1]
    for family in families:
        yield [family, family + rest] if rest else [family]
    if len(rest) > 1:
        yield [rest]


def _age_or_sex(path: Path) -> bool:
    return _is(path, _WOMEN) or _is(path, _MEN) or _age_band(path[1]) is not None


def _age_band(label: str) -> tuple[float, float] | None:
    """Youngest and oldest age of a band such as 18-24 år, under 25 or 65+; None for no band."""
    text = label.strip().casefold()
    if over := _OVER.fullmatch(text):
        return int(over.group(1)) + 1, math.inf
    match = _AGE.fullmatch(text)
    if match is None:
        return None
    low = int(match["low"])
    if match["under"]:
        return -math.inf, low - 1
    if match["over"]:
        return low, math.inf
    return (low, int(match["high"])) if match["high"] else (low, low)


def _overlapping(bands: Sequence[tuple[float, float] | None]) -> bool:
    ordered = sorted(band for band in bands if band is not None)
    return any(b[0] <= a[1] for a, b in pairwise(ordered))


def _sum(axis: str, total: Path, parts: Sequence[Path]) -> tuple[Relation, str]:
    relation = {
        "sum": {
            "total": {axis: _path(total)},
            "parts": [{axis: [_path(part) for part in parts]}],
        }
    }
    names = " + ".join(part[1] for part in parts[:3]) + (" + ..." if len(parts) > 3 else "")
    return relation, f"{axis}s {names} = {total[1]}"


def _fit(relation: Relation, grid: Grid, near: Fraction = _NEAR) -> float:
    """Share of a relation's testable checks that hold, or for a sum nearly do."""
    if "sum" in relation and not {"count", "amount"} & set(grid.measures):
        return 0.0
    checks = [c for c in expand([relation], {grid.table: grid}, home=grid.table) if not c.missing]
    rules = infer_rules(checks)
    # A near miss speaks for a relation, but less than a sum that holds.
    held = [
        1.0
        if judge(check, rules) in ("exact", "rounding", "tie-rule")
        else 0.75 * _nearly(check, near)
        for check in checks
    ]
    return sum(held) / len(held) if held else 0.0


def _nearly(check: Check, near: Fraction) -> bool:
    """Whether a sum misses its total so slightly that a slip is likelier than a wrong guess."""
    values = [term.value for term in check.terms]
    known = [value for value in values if value is not None]
    if check.kind != "sum" or len(known) < len(values):
        return False
    total = sum(known[1:], Fraction(0))
    lead = check.terms[0].cell
    if lead is not None and digit_slip(lead, [total])[0]:
        return True
    return abs(total - known[0]) <= near * abs(known[0])


def _best_share(grid: Grid) -> tuple[Relation, str] | None:
    """The base that most of the percentages fit, of the row's and the column's totals."""
    pair = _pair(grid)
    if pair is None:
        return None
    percent, count = pair
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


def _pair(grid: Grid) -> tuple[dict[str, str], dict[str, str]] | None:
    """Selectors of percent and count: two measures of one column, or one column of each."""
    if not {"count", "percent"} <= set(grid.measures):
        return None
    by_measure = {
        measure: list(
            dict.fromkeys(
                (c.key.column_group, c.key.column) for c in grid.cells if c.key.measure == measure
            )
        )
        for measure in ("count", "percent")
    }
    if set(by_measure["count"]) & set(by_measure["percent"]):
        return {"measure": "percent"}, {"measure": "count"}
    counts = [path for path in by_measure["count"] if _COUNT.match(path[1])] or by_measure["count"]
    if len(counts) == 1 and len(by_measure["percent"]) == 1:
        return {"column": _path(by_measure["percent"][0])}, {"column": _path(counts[0])}
    return None
