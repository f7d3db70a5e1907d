"""Which figure is the likely slip, when checks fail.

A figure is a suspect when another value for it would satisfy checks that fail without breaking any
that hold. The suspect that settles most failures wins; among equals, one whose correction is a
known kind of slip (a digit, two digits swapped). If several remain, the audit says so.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from evalkit.published.checks import Check, allowed, feasible, substitute
from evalkit.published.store import Cell, Key
from evalkit.published.terms import EVERYTHING, Interval

__all__ = ["Suspect", "digit_slip", "explain_sum", "suspects_of"]

# Beyond this many values a repaired figure is too uncertain to be worth a search for slips.
_MOST_CANDIDATES = 200
# Among ten values or more some differ from the printed one by a single digit for no reason.
_FEW = 10
_LONG = 50


@dataclass(frozen=True)
class Suspect:
    """A figure whose correction settles failing checks.

    Attributes
    ----------
    cell : Cell
        The printed figure.
    possible : tuple
        Values that would do, as an interval.
    settles : frozenset of int
        Indices of the failing checks that it would settle.
    slip : str
        ``digit``, ``transposition``, ``added-digit``, ``lost-digit`` or empty.
    correction : Fraction or None
        The value that the slip points to, or the only possible one.
    """

    cell: Cell
    possible: Interval
    settles: frozenset[int]
    slip: str
    correction: Fraction | None

    @property
    def rank(self) -> tuple[int, int]:
        """Order of preference: failures settled, then a known kind of slip."""
        return len(self.settles), int(bool(self.slip))


def suspects_of(checks: Sequence[Check], failing: Sequence[int]) -> list[tuple[Suspect, ...]]:
    """Explain failing checks by as few wrong figures as possible.

    Parameters
    ----------
    checks : sequence of Check
        All testable checks.
    failing : sequence of int
        Indices of those that do not hold.

    Returns
    -------
    list of tuple of Suspect
        One tuple per slip: equally good suspects, best first. Failing checks that no single
        figure can settle appear in none.
    """
    involved: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    numbers: dict[Key, list[int]] = defaultdict(list)
    cells: dict[Key, Cell] = {}
    for number, check in enumerate(checks):
        places: dict[Key, list[int]] = defaultdict(list)
        for place, term in enumerate(check.members):
            if term.cell is not None:
                places[term.cell.key].append(place)
                cells[term.cell.key] = term.cell
        for key, own in places.items():
            numbers[key].append(number)
            # A total that is also its own base (100 %) is not pinned by that.
            if len(own) == 1:
                involved[key].append((number, own[0]))
    wrong = set(failing)
    near = {t.cell.key for i in wrong for t in checks[i].members if t.cell is not None}
    # In a long sum, figures that nothing else speaks about are all equally suspect: no use in
    # trying each of them.
    long = [checks[i] for i in wrong if len(checks[i].terms) > _LONG]
    alone = {
        t.cell.key
        for check in long
        for t in check.terms[1:]
        if t.cell is not None and len(numbers[t.cell.key]) == 1
    }
    found: list[Suspect] = []
    for key in sorted(near - alone):
        uses = _pins(involved[key], checks, near, wrong)
        suspect = _suspect(cells[key], uses, numbers[key], checks, wrong)
        if suspect is not None:
            found.append(suspect)
    groups: list[tuple[Suspect, ...]] = []
    open_ = set(wrong)
    while True:
        live = [(s, s.settles & open_) for s in found if s.settles & open_]
        if not live:
            return groups
        best = max((len(left), s.rank) for s, left in live)
        equals = [(s, left) for s, left in live if (len(left), s.rank) == best]
        chosen = equals[0][1]
        groups.append(tuple(s for s, left in equals if left == chosen))
        open_ -= chosen


def _pins(
    uses: Iterable[tuple[int, int]], checks: Sequence[Check], near: set[Key], wrong: set[int]
) -> list[tuple[int, int]]:
    """Uses of a figure that speak for or against it.

    A slip is often copied: that the same figure stands elsewhere says nothing when the other one
    fails too.
    """
    return [
        (number, place)
        for number, place in uses
        if checks[number].kind != "equal"
        or number in wrong
        or not all(t.cell is not None and t.cell.key in near for t in checks[number].terms)
    ]


def _suspect(
    cell: Cell,
    uses: Iterable[tuple[int, int]],
    numbers: Iterable[int],
    checks: Sequence[Check],
    wrong: set[int],
) -> Suspect | None:
    """Values of one figure that keep what holds and settle most of what fails.

    Intervals narrow the search; each value left is then tried in the checks themselves.
    """
    uses = list(uses)
    spans = _spans(cell, uses, checks, wrong)
    values = sorted({value for span in spans for value in _printable(cell, span)})
    holding = [checks[number] for number, _ in uses if number not in wrong]
    failing = [number for number in numbers if number in wrong]
    best: frozenset[int] = frozenset()
    good: list[Fraction] = []
    for value in values:
        other = Cell(
            cell.key, replace(cell.figure, value=value, vague=False, low=value, high=value)
        )
        if value == cell.figure.value or not all(
            feasible(substitute(check, other)) for check in holding
        ):
            continue
        settled = frozenset(n for n in failing if feasible(substitute(checks[n], other)))
        if len(settled) > len(best):
            best, good = settled, [value]
        elif settled and settled == best:
            good.append(value)
    if not good:
        return None
    slip, correction = digit_slip(cell, good)
    return Suspect(cell, (good[0], good[-1]), best, slip, correction)


def _spans(
    cell: Cell, uses: Sequence[tuple[int, int]], checks: Sequence[Check], wrong: set[int]
) -> list[Interval]:
    """Intervals, one per failing check, outside of which no value can settle it."""
    kept: Interval = (
        (Fraction(0), math.inf) if cell.key.measure in ("count", "percent") else EVERYTHING
    )
    wishes: list[Interval] = []
    for number, place in uses:
        check, term = checks[number], checks[number].members[place]
        low, high = allowed(check, place)
        if term.factor != 1:
            ends = [end / term.factor for end in (low, high)]
            low, high = min(ends), max(ends)
        printable = check.kind == "whole" or (check.kind == "share" and place == 0)
        if cell.key.measure != "count" and not printable:
            low, high = low - cell.figure.half, high + cell.figure.half
        if number not in wrong:
            kept = max(kept[0], low), min(kept[1], high)
        elif not (math.isinf(low) and math.isinf(high)):
            wishes.append((low, high))
    spans = [(max(kept[0], low), min(kept[1], high)) for low, high in wishes]
    return [span for span in spans if span[0] <= span[1]]


def _printable(cell: Cell, span: Interval) -> list[Fraction]:
    """Values in an interval that can be printed with the figure's decimals, unless too many."""
    if math.isinf(span[0]) or math.isinf(span[1]):
        return []
    unit = 2 * cell.figure.half if cell.figure.half else Fraction(1)
    first, last = math.ceil(span[0] / unit), math.floor(span[1] / unit)
    if last - first > _MOST_CANDIDATES:
        return []
    return [step * unit for step in range(first, last + 1)]


def digit_slip(cell: Cell, values: Sequence[Fraction]) -> tuple[str, Fraction | None]:
    """Name the slip of the pen that would turn a possible value into the printed one.

    Parameters
    ----------
    cell : Cell
        The printed figure.
    values : sequence of Fraction
        Values that would be right.

    Returns
    -------
    tuple
        Kind of slip (empty if none is recognised) and the value it points to; with a single
        possible value that value is given even when no slip is recognised.
    """
    only = values[0] if len(values) == 1 else None
    if cell.figure.value is None or cell.figure.vague or values[0] < 0:
        return "", only
    unit = 2 * cell.figure.half if cell.figure.half else Fraction(1)
    printed = str(int(abs(cell.figure.value) / unit))
    matches: dict[str, list[Fraction]] = defaultdict(list)
    for value in values:
        matches[_slip_between(str(int(value / unit)), printed)].append(value)
    for kind in ("transposition", "digit", "lost-digit", "added-digit"):
        if len(matches[kind]) == 1 and (kind != "digit" or len(values) < _FEW):
            return kind, matches[kind][0]
    return "", only


def _slip_between(right: str, printed: str) -> str:
    """Kind of slip that turns the right digits into the printed ones."""
    if right == printed or abs(int(right) - int(printed)) == 1:
        return ""  # one off is as likely a miscount or a rounding as a slip of the pen
    if len(right) == len(printed):
        differ = [i for i, (a, b) in enumerate(zip(right, printed, strict=True)) if a != b]
        if len(differ) == 1:
            return "digit" if len(right) > 1 else ""
        swapped = len(differ) == 2 and differ[1] == differ[0] + 1
        if swapped and right[differ[0]] == printed[differ[1]] and right[differ[1]] == printed[
            differ[0]
        ]:  # fmt: skip
            return "transposition"
        return ""
    longer, shorter = (right, printed) if len(right) > len(printed) else (printed, right)
    if len(shorter) > 1 and _is_without_one(longer, shorter):
        return "lost-digit" if longer is right else "added-digit"
    return ""


def _is_without_one(longer: str, shorter: str) -> bool:
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def explain_sum(check: Check) -> str:
    """Say what the residual of a failing sum looks like, if like anything.

    Parameters
    ----------
    check : Check
        A failing check of kind ``sum``.

    Returns
    -------
    str
        ``dropped-row`` if the residual is one of the parts, else empty.
    """
    values = [term.value for term in check.terms]
    if check.kind != "sum" or any(value is None for value in values):
        return ""
    total, *parts = [value for value in values if value is not None]
    residual = sum(parts, Fraction(0)) - total
    return "dropped-row" if residual in parts and residual > 0 else ""
