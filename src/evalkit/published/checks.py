"""What a relation demands of a handful of printed figures, in exact arithmetic.

Every figure is an interval: a count is itself, a rounded figure is within half a unit of its last
digit, a vague one is what its words allow. A check is met when its figures can all be true at once.
:func:`allowed` answers both questions an auditor asks: can this be, and if not, what should the
figure have been, given the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import cast

from evalkit.published.numbers import Bound
from evalkit.published.store import Cell
from evalkit.published.terms import (
    EVERYTHING,
    Interval,
    Term,
    divide,
    minus,
    overlap,
    plus,
    term_of,
    times,
)  # fmt: skip

__all__ = ["Check", "allowed", "feasible", "substitute", "values_agree", "whole_shares"]

_HUNDRED = Fraction(100)
# A base known only to lie in a wide interval gives any percent; beyond this width no search.
_WIDEST_SEARCH = 2000


@dataclass(frozen=True)
class Check:
    """One instance of a relation.

    Attributes
    ----------
    kind : str
        ``sum``, ``share``, ``mean``, ``equal``, ``whole``, ``change``, ``order`` or ``product``.
    name : str
        The relation in words.
    terms : tuple of Term
        The leading figure first: the total of a sum, the percent of a share.
    weights : tuple
        For ``mean``: a weight (or None, unknown) per part; empty when none is known.
    explained : str
        The source's own explanation of a deviation, if it gives one.
    assumes : str
        What the relation takes for granted that the source does not say.
    missing : tuple of str
        Figures that the relation needs and the source does not print.
    """

    kind: str
    name: str
    terms: tuple[Term, ...]
    weights: tuple[Term | None, ...] = ()
    explained: str = ""
    missing: tuple[str, ...] = ()
    assumes: str = ""

    @property
    def members(self) -> tuple[Term, ...]:
        """All terms, the known weights included."""
        return self.terms + tuple(weight for weight in self.weights if weight is not None)

    @cached_property
    def parts_total(self) -> Interval:
        """Sum of all terms but the first."""
        return _total(self.terms[1:])


def _total(terms: Sequence[Term]) -> Interval:
    result: Interval = (Fraction(0), Fraction(0))
    for term in terms:
        result = plus(result, term.interval)
    return result


def _allowed_sum(check: Check, index: int) -> Interval:
    if index == 0:
        return check.parts_total
    low, high = check.parts_total
    own = check.terms[index]
    if isinstance(low, float) or isinstance(high, float):
        others = _total([part for i, part in enumerate(check.terms) if i not in (0, index)])
    else:
        others = (low - own.low, high - own.high)
    return minus(check.terms[0].interval, others)


def _allowed_share(check: Check, index: int) -> Interval:
    percent, base = check.terms[0], check.terms[-1]
    if len(check.terms) == 2:
        return EVERYTHING  # the possible percents are no interval: see whole_shares
    count = check.terms[1]
    if index == 0:
        if base.interval == (0, 0):
            return EVERYTHING
        half = _half(percent)
        low, high = divide(times(count.interval, (_HUNDRED, _HUNDRED)), base.interval)
        return low - half, high + half
    if index == 1:
        return times(percent.interval, (base.low / 100, base.high / 100))
    if percent.low <= 0:
        # A percent printed as 0 only says that the base is large.
        ends = divide((_HUNDRED * count.low, math.inf), (percent.high, percent.high))
        return (ends[0], math.inf) if percent.high > 0 else EVERYTHING
    return divide(times(count.interval, (_HUNDRED, _HUNDRED)), percent.interval)


def _half(percent: Term) -> Fraction:
    """Half a unit of the printed percent (zero for an exact or vague one: its ends already say)."""
    if percent.certain or percent.vague or percent.cell is None:
        return Fraction(0)
    return percent.cell.figure.half * abs(percent.factor)


def whole_shares(percent: Term, base: Term) -> tuple[Fraction, ...]:
    """Shares in percent that whole numbers of a base give, nearest below and above a printed one.

    Parameters
    ----------
    percent, base : Term
        The printed percent and its base.

    Returns
    -------
    tuple of Fraction
        One share if it agrees with the printed percent; else the nearest on each side. Empty where
        the base is too loosely known to say.
    """
    low, high = percent.interval
    ends = (low, high, base.low, base.high)
    if any(isinstance(end, float) for end in ends):
        return ()
    first, last = math.ceil(base.low), math.floor(base.high)
    if first < 1 or last - first > _WIDEST_SEARCH:
        return ()
    below, above = Fraction(0), Fraction(100)
    for size in range(first, last + 1):
        count = math.ceil(low * size / 100)
        share = Fraction(100 * count, size)
        if share <= high:
            return (share,)
        above = min(above, share)
        below = max(below, Fraction(100 * (count - 1), size))
    return below, above


def _allowed_mean(check: Check, index: int) -> Interval:
    count = len(check.terms) - 1
    if index == 0:
        low = _extreme_mean(check, highest=False)
        return low, _extreme_mean(check, highest=True)
    if index > count:
        return _allowed_weight(check, index)
    known = [weight for weight in check.weights if weight is not None and weight.certain]
    if len(known) == count:
        weights = [cast("Fraction", weight.low) for weight in known]
        own = weights[index - 1]
        if own == 0:
            return EVERYTHING
        rest: Interval = (Fraction(0), Fraction(0))
        for i, (part, weight) in enumerate(zip(check.terms[1:], weights, strict=True), start=1):
            if i != index:
                rest = plus(rest, times(part.interval, (weight, weight)))
        whole = sum(weights, Fraction(0))
        total = times(check.terms[0].interval, (whole, whole))
        return divide(minus(total, rest), (own, own))
    low, high = _allowed_mean(check, 0)
    total = check.terms[0]
    if total.low > high:
        return total.low, math.inf
    return (-math.inf, total.high) if total.high < low else EVERYTHING


def _allowed_weight(check: Check, index: int) -> Interval:
    """Weight of one group that brings the mean to the printed total, given the other weights."""
    total, parts = check.terms[0], check.terms[1:]
    own = check.members[index]
    rest: Interval = (Fraction(0), Fraction(0))
    pull: Interval | None = None
    for part, weight in zip(parts, check.weights, strict=True):
        if weight is own:
            pull = minus(part.interval, total.interval)
        elif weight is None:
            return EVERYTHING
        else:
            gap = minus(total.interval, part.interval)
            rest = plus(rest, times(gap, weight.interval))
    return EVERYTHING if pull is None else divide(rest, pull)


def _extreme_mean(check: Check, *, highest: bool) -> Bound:
    """Largest (smallest) weighted mean: the upper weights go to the largest (smallest) parts."""
    ends = [part.high if highest else part.low for part in check.terms[1:]]
    if not check.weights:
        return max(ends) if highest else min(ends)
    spans = [(Fraction(0), math.inf) if w is None else w.interval for w in check.weights]
    order = sorted(range(len(ends)), key=lambda i: ends[i], reverse=highest)
    best: Bound | None = None
    for cut in range(len(order) + 1):
        weights = [spans[i][1] if place < cut else spans[i][0] for place, i in enumerate(order)]
        infinite = [ends[i] for i, weight in zip(order, weights, strict=True) if weight == math.inf]
        if infinite:
            mean: Bound = max(infinite) if highest else min(infinite)
        else:
            whole = sum(weights, Fraction(0))
            if whole == 0:
                continue
            mean = sum((ends[i] * w for i, w in zip(order, weights, strict=True)), Fraction(0))
            mean = mean / whole
        if best is None or (mean > best if highest else mean < best):
            best = mean
    return best if best is not None else (math.inf if highest else -math.inf)


def _allowed_equal(check: Check, index: int) -> Interval:
    return check.terms[1 - index].interval


def _allowed_whole(check: Check, index: int) -> Interval:
    """Whole counts behind exhaustive percents: together they make up the base."""
    base = check.terms[0]
    if not base.certain or base.low == 0:
        return EVERYTHING
    size, low, high = base.low, 0, 0
    for place, percent in enumerate(check.terms[1:], start=1):
        if place != index:
            low += max(0, math.ceil(percent.low * size / 100))
            high += math.floor(percent.high * size / 100)
    if index == 0:
        return Fraction(low), Fraction(high)
    half = _half(check.terms[index])
    return 100 * (size - high) / size - half, 100 * (size - low) / size + half


def _allowed_change(check: Check, index: int) -> Interval:
    percent, before, after = check.terms
    growth = (1 + percent.low / 100, 1 + percent.high / 100)
    if index == 0:
        low, high = divide(times(after.interval, (_HUNDRED, _HUNDRED)), before.interval)
        return low - 100, high - 100
    if index == 1:
        return divide(after.interval, growth)
    return times(before.interval, growth)


def _allowed_order(check: Check, index: int) -> Interval:
    smaller, larger = check.terms
    return (-math.inf, larger.high) if index == 0 else (smaller.low, math.inf)


def _allowed_product(check: Check, index: int) -> Interval:
    others: Interval = (Fraction(1), Fraction(1))
    for i, term in enumerate(check.terms[1:], start=1):
        if i != index:
            others = times(others, term.interval)
    return others if index == 0 else divide(check.terms[0].interval, others)


_ALLOWED: Mapping[str, Callable[[Check, int], Interval]] = {
    "sum": _allowed_sum,
    "share": _allowed_share,
    "mean": _allowed_mean,
    "equal": _allowed_equal,
    "whole": _allowed_whole,
    "change": _allowed_change,
    "order": _allowed_order,
    "product": _allowed_product,
}


def allowed(check: Check, index: int) -> Interval:
    """Interval that a term of a check must touch, given what the others may be.

    Parameters
    ----------
    check : Check
        The check.
    index : int
        Place of the term in ``check.members``.

    Returns
    -------
    tuple
        Low and high end, in the term's own unit (after its factor). For a percent printed to a
        unit the interval is of printable values: half a unit is added at both ends.
    """
    return _ALLOWED[check.kind](check, index)


def feasible(check: Check) -> bool:
    """Whether the figures of a check can all be true at once."""
    lead = check.terms[0]
    if check.kind == "share" and len(check.terms) == 2:
        return len(whole_shares(lead, check.terms[1])) != 2
    span = allowed(check, 0)
    if check.kind == "share" and lead.value is not None and not lead.vague:
        # The printed percent itself must lie within half a unit of a possible one.
        return overlap((lead.value, lead.value), span)
    # Rounded figures that only share an end would need the truth to be exactly there, and then
    # one of them would have been rounded the other way.
    strict = check.kind != "order" and not lead.certain and span[0] < span[1]
    return overlap(lead.interval, span, strict=strict)


def substitute(check: Check, cell: Cell) -> Check:
    """Put another figure in the place of a printed one, wherever it stands in a check.

    Parameters
    ----------
    check : Check
        The check.
    cell : Cell
        The other figure, with the address of the printed one.

    Returns
    -------
    Check
        The check as it would be.
    """

    def swap(term: Term) -> Term:
        if term.cell is None or term.cell.key != cell.key:
            return term
        return term_of(cell, term.factor, term.exact) or term

    return replace(
        check,
        terms=tuple(swap(term) for term in check.terms),
        weights=tuple(None if weight is None else swap(weight) for weight in check.weights),
    )


def values_agree(check: Check) -> bool:
    """Whether the printed values satisfy a sum to the letter, no rounding needed."""
    values = [term.value for term in check.terms]
    if check.kind != "sum" or any(value is None for value in values):
        return True
    known = cast("list[Fraction]", values)
    return known[0] == sum(known[1:], Fraction(0))
