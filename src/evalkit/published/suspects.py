"""Which figure is the likely slip, when checks fail.

A figure is a suspect when another value for it would satisfy checks that fail without breaking any
that hold. The suspect that settles most failures wins; among equals, one whose correction is a
known kind of slip (a digit, two digits swapped). If several remain, the audit says so.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evalkit.published.checks import Check, Interval, allowed
from evalkit.published.numbers import Bound
from evalkit.published.store import Cell, Key

__all__ = ["Suspect", "digit_slip", "explain_sum", "suspects_of"]

# Beyond this many values a repaired figure is too uncertain to be worth a search for slips.
_MOST_CANDIDATES = 200


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
    cells: dict[Key, Cell] = {}
    for number, check in enumerate(checks):
        places: dict[Key, list[int]] = defaultdict(list)
        for place, term in enumerate(check.members):
            if term.cell is not None:
                places[term.cell.key].append(place)
                cells[term.cell.key] = term.cell
        for key, own in places.items():
            # A total that is also its own base (100 %) is not pinned by that.
            if len(own) == 1:
                involved[key].append((number, own[0]))
    wrong = set(failing)
    near = {t.cell.key for i in wrong for t in checks[i].members if t.cell is not None}
    found = [
        suspect
        for key in sorted(near)
        if (
            suspect := _suspect(
                cells[key], _pins(involved[key], checks, near, wrong), checks, wrong
            )
        )
        is not None
    ]
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
    cell: Cell, uses: Iterable[tuple[int, int]], checks: Sequence[Check], wrong: set[int]
) -> Suspect | None:
    """Values of one figure that keep what holds and settle most of what fails."""
    kept: Interval = (-math.inf, math.inf)
    if cell.key.measure in ("count", "percent"):
        kept = (Fraction(0), math.inf)
    wishes: list[tuple[int, Interval]] = []
    for number, place in uses:
        term = checks[number].members[place]
        low, high = allowed(checks[number], place)
        if term.factor != 1:
            ends = [end / term.factor for end in (low, high)]
            low, high = min(ends), max(ends)
        if number in wrong:
            if not (math.isinf(low) and math.isinf(high)):
                wishes.append((number, (low, high)))
        else:
            kept = max(kept[0], low), min(kept[1], high)
    best: tuple[int, Interval, frozenset[int]] | None = None
    for _, start in wishes:
        span = _printable(cell, (max(kept[0], start[0]), min(kept[1], start[1])))
        settled: set[int] = set()
        for number, wish in wishes:
            narrowed = _printable(cell, (max(span[0], wish[0]), min(span[1], wish[1])))
            if narrowed[0] <= narrowed[1]:
                span = narrowed
                settled.add(number)
        if settled and (best is None or len(settled) > best[0]):
            best = (len(settled), span, frozenset(settled))
    if best is None or math.isinf(best[1][0]) or math.isinf(best[1][1]):
        return None
    if cell.figure.value is not None and best[1][0] <= cell.figure.value <= best[1][1]:
        return None
    slip, correction = digit_slip(cell, best[1])
    return Suspect(cell, best[1], best[2], slip, correction)


def _printable(cell: Cell, span: Interval) -> Interval:
    """Narrow an interval to values that can be printed with the figure's decimals."""
    unit = 2 * cell.figure.half if cell.figure.half else Fraction(1)

    def snap(end: Bound, up: bool) -> Bound:
        if isinstance(end, float):
            return end
        steps = end / unit
        return unit * (math.ceil(steps) if up else math.floor(steps))

    return snap(span[0], True), snap(span[1], False)


def digit_slip(cell: Cell, span: Interval) -> tuple[str, Fraction | None]:
    """Name the slip of the pen that would turn a possible value into the printed one.

    Parameters
    ----------
    cell : Cell
        The printed figure.
    span : tuple
        Values that would be right.

    Returns
    -------
    tuple
        Kind of slip (empty if none is recognised) and the value it points to; with a single
        possible value that value is given even when no slip is recognised.
    """
    low, high = span
    if cell.figure.value is None or isinstance(low, float) or isinstance(high, float):
        return "", None
    unit = 2 * cell.figure.half if cell.figure.half else Fraction(1)
    low, high = Fraction(low), Fraction(high)
    printed = str(int(abs(cell.figure.value) / unit))
    steps = int((high - low) / unit)
    only = low if low == high else None
    if steps > _MOST_CANDIDATES or low < 0:
        return "", only
    matches: dict[str, list[Fraction]] = defaultdict(list)
    for step in range(steps + 1):
        value = low + step * unit
        kind = _slip_between(str(int(value / unit)), printed)
        if kind:
            matches[kind].append(value)
    for kind in ("transposition", "digit", "lost-digit", "added-digit"):
        if len(matches[kind]) == 1 and (only is not None or kind != "digit" or steps < 10):
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
