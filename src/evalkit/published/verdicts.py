"""The verdict on one check: exact, rounding, tie-rule, base-mismatch, impossible or untestable."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

from evalkit.published.checks import Check, feasible, values_agree
from evalkit.published.store import Key

__all__ = ["VERDICTS", "Rule", "Share", "Verdict", "base_mismatches", "infer_rules", "judge"]

Verdict = Literal["exact", "rounding", "tie-rule", "base-mismatch", "impossible", "untestable"]
VERDICTS: tuple[Verdict, ...] = (
    "exact", "rounding", "tie-rule", "base-mismatch", "impossible", "untestable",
)  # fmt: skip

Rule = Literal["half-up", "half-even", "truncation"]
_EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class Share:
    """A share with exact count and base, to be held against its printed percent.

    Attributes
    ----------
    percent, half : Fraction
        The printed percent and half a unit of its last digit.
    count, base : Fraction
        Both whole numbers.
    """

    percent: Fraction
    half: Fraction
    count: Fraction
    base: Fraction

    @property
    def excess(self) -> Fraction:
        """Printed minus true percent, in units of its last digit."""
        return (self.percent - 100 * self.count / self.base) / (2 * self.half)

    @property
    def tie(self) -> bool:
        """Whether the true percent lies halfway between two printable ones."""
        return (100 * self.count / self.base / (2 * self.half)) % 1 == Fraction(1, 2)

    def printed_as(self, rule: Rule) -> Fraction:
        """Percent that a rounding rule prints."""
        unit = 2 * self.half
        steps = 100 * self.count / self.base / unit
        floor = math.floor(steps)
        if rule == "truncation":
            return floor * unit
        up = steps - floor > Fraction(1, 2) or (
            steps - floor == Fraction(1, 2) and (rule == "half-up" or floor % 2 == 1)
        )
        return (floor + up) * unit

    @property
    def rounded_twice(self) -> bool:
        """Whether rounding a figure with one more decimal gives the printed percent."""
        finer = Share(self.percent, self.half / 10, self.count, self.base).printed_as("half-up")
        again = Share(self.percent, self.half, finer, Fraction(100))
        return again.printed_as("half-up") == self.percent


def share_of(check: Check) -> Share | None:
    """Integers behind a share check; None unless count and base are exact."""
    if check.kind != "share" or len(check.terms) != 3 or check.missing:
        return None
    percent, count, base = check.terms
    if percent.cell is None or percent.value is None or percent.vague or percent.certain:
        return None
    if not (count.certain and base.certain) or base.low <= 0:
        return None
    half = percent.cell.figure.half * abs(percent.factor)
    return Share(percent.value, half, cast("Fraction", count.low), cast("Fraction", base.low))


def infer_rules(checks: Iterable[Check]) -> dict[str, Rule]:
    """Find the rounding rule of each source from the percents that tell rules apart.

    Parameters
    ----------
    checks : iterable of Check
        All checks.

    Returns
    -------
    dict
        Source to rule: half-up unless another rule fits at least three percents more, so that
        a slip or two is not taken for a rule.
    """
    fits: dict[str, Counter[Rule]] = defaultdict(Counter)
    rules: tuple[Rule, ...] = ("half-up", "half-even", "truncation")
    for check in checks:
        share = share_of(check)
        if share is not None and check.terms[0].cell is not None:
            source = source_name(check.terms[0].cell.key)
            fits[source].update(r for r in rules if share.printed_as(r) == share.percent)
    found: dict[str, Rule] = {}
    for source, fit in fits.items():
        best = max(rules, key=lambda rule: fit[rule])
        found[source] = best if fit[best] >= fit["half-up"] + _EVIDENCE else "half-up"
    return found


def source_name(key: Key) -> str:
    """Source of a figure: what stands before the point of its table's id."""
    return key.table.split(".", 1)[0]


def judge(check: Check, rules: Mapping[str, Rule]) -> Verdict:
    """Judge one check.

    Parameters
    ----------
    check : Check
        The check.
    rules : mapping
        Rounding rule per source.

    Returns
    -------
    str
        One of :data:`VERDICTS`; whether a failing share has another base is decided over many
        checks by :func:`base_mismatches`.
    """
    if check.missing:
        return "untestable"
    share = share_of(check)
    if share is not None and check.terms[0].cell is not None:
        rule = rules.get(source_name(check.terms[0].cell.key), "half-up")
        if share.printed_as(rule) == share.percent:
            return "exact"
        if share.tie and abs(share.excess) == Fraction(1, 2):
            return "tie-rule"
        verdict: Verdict = "impossible"
    elif check.kind == "share" and check.terms[-1].interval == (0, 0):
        return "untestable"
    elif not feasible(check):
        verdict = "impossible"
    elif check.kind == "sum" and not values_agree(check):
        verdict = "exact" if any(term.vague for term in check.terms) else "rounding"
    else:
        verdict = "exact"
    excused = check.explained or check.assumes
    return "base-mismatch" if verdict == "impossible" and excused else verdict


def base_mismatches(
    checks: Sequence[Check], verdicts: Sequence[Verdict]
) -> dict[int, tuple[int, int]]:
    """Find shares that fail together because they were taken of another base.

    Parameters
    ----------
    checks : sequence of Check
        All checks.
    verdicts : sequence of str
        Their verdicts.

    Returns
    -------
    dict
        Index of a failing share to the range of bases that would satisfy all shares of its printed
        base. A base that at least two shares, and half of all, contradict is taken to be another
        one only if some whole number fits every one of them.
    """
    by_base: dict[Key, list[int]] = defaultdict(list)
    for number, check in enumerate(checks):
        base = check.terms[-1].cell
        if share_of(check) is not None and base is not None:
            by_base[base.key].append(number)
    found: dict[int, tuple[int, int]] = {}
    for members in by_base.values():
        failing = [i for i in members if verdicts[i] == "impossible"]
        # The same share printed several times is one piece of evidence.
        counts = {cast("Share", share_of(checks[i])).count for i in failing}
        if len(counts) < 2 or 2 * len(failing) < len(members):
            continue
        low, high = 0, 10**12
        for i in members:
            share = cast("Share", share_of(checks[i]))
            ends = (share.percent - share.half, share.percent + share.half)
            low = max(low, math.ceil(100 * share.count / ends[1]))
            if ends[0] > 0:
                high = min(high, math.floor(100 * share.count / ends[0]))
        if low <= high < 10**12:
            found.update(dict.fromkeys(failing, (low, high)))
    return found
