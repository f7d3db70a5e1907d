"""What the audit found, one entry per slip, in words that can be held against the source."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import cast

from evalkit.core.typography import Typography
from evalkit.kernels.rounding import ratio_half_up
from evalkit.published.checks import Check, allowed, whole_shares
from evalkit.published.phrases import WORDS, Lang
from evalkit.published.store import Cell, Key
from evalkit.published.suspects import Suspect, explain_sum, suspects_of
from evalkit.published.terms import Interval, Term
from evalkit.published.verdicts import Verdict, base_mismatches, share_of

__all__ = ["Finding", "describe", "find", "severity", "show_allowed", "show_check"]

_MOST_ALTERNATIVES = 3
_MOST_DECIMALS = 6
# Figures in findings are set as the Swedish sources set them, whatever the language around them.
_SWEDISH = Typography("sv")


@dataclass(frozen=True)
class Finding:
    """One deviation.

    Attributes
    ----------
    key : Key
        The figure most likely to be wrong, or the leading figure of the check.
    verdict : str
        As in :data:`evalkit.published.verdicts.VERDICTS`.
    checks : tuple of Check
        The checks that fail because of it.
    published : str
        The figure as printed.
    possible : str
        What it could have been, given everything else.
    slip : str
        ``digit``, ``transposition``, ``lost-digit``, ``added-digit``, ``dropped-row``,
        ``truncated``, ``rounded-twice``, ``other-base`` or empty (cannot tell).
    alternatives : tuple of Key
        Other figures that could be the wrong one instead.
    located : bool
        Whether another value of this figure, or of an alternative, settles everything.
    """

    key: Key
    verdict: Verdict
    checks: tuple[Check, ...]
    published: str
    possible: str
    slip: str = ""
    alternatives: tuple[Key, ...] = ()
    located: bool = False


def find(checks: Sequence[Check], verdicts: list[Verdict]) -> list[Finding]:
    """Gather failing checks into findings; `verdicts` gains the base mismatches.

    Parameters
    ----------
    checks : sequence of Check
        All checks.
    verdicts : list of str
        Their verdicts; entries of shares that have another base are changed in place.

    Returns
    -------
    list of Finding
        Worst first, then in the order of the checks.
    """
    failing = [i for i, verdict in enumerate(verdicts) if verdict == "impossible"]
    testable = [i for i, check in enumerate(checks) if not check.missing]
    index = {i: place for place, i in enumerate(testable)}
    constraints = [checks[i] for i in testable]
    lawful = [i for i in testable if verdicts[i] in ("base-mismatch", "tie-rule")]
    groups = suspects_of(
        [c if testable[n] not in lawful else _free(c) for n, c in enumerate(constraints)],
        [index[i] for i in failing],
    )
    findings: list[Finding] = []
    settled: set[int] = set()
    bases = base_mismatches(checks, verdicts)
    strong = {testable[n] for g in groups if len(g[0].settles) > 1 for n in g[0].settles}
    for number, (low, high) in bases.items():
        if number not in strong:
            verdicts[number] = "base-mismatch"
            settled.add(number)
            findings.append(_other_base(checks[number], low, high))
    for group in groups:
        numbers = {testable[n] for n in group[0].settles} - settled
        if numbers:
            settled |= numbers
            findings.append(_located(group, [checks[i] for i in sorted(numbers)]))
    for number, verdict in enumerate(verdicts):
        if verdict not in ("exact", "untestable") and number not in settled:
            findings.append(_plain(checks[number], verdict))
    return sorted(findings, key=lambda finding: (severity(finding.verdict), finding.key))


def severity(verdict: Verdict) -> int:
    """Rank a verdict, the worst first."""
    return ("impossible", "base-mismatch", "tie-rule", "rounding").index(verdict)


def _free(check: Check) -> Check:
    """A check whose deviation is accounted for does not pin its figures."""
    return Check("order", check.name, (check.terms[0], _ANYTHING))


_ANYTHING = Term(None, None, math.inf, math.inf)


def _located(group: tuple[Suspect, ...], checks: list[Check]) -> Finding:
    leads = [check.terms[0].cell.key for check in checks if check.terms[0].cell is not None]
    first = next((s for s in group if s.cell.key in leads), group[0])
    share = share_of(checks[0]) if len(checks) == 1 else None
    slip = first.slip
    if share is not None and checks[0].terms[0].cell is first.cell:
        slip = _percent_slip(checks[0]) or slip
    elif not slip and len(checks) == 1:
        slip = explain_sum(checks[0])
    possible = first.possible
    if first.correction is not None and slip not in ("truncated", "rounded-twice"):
        possible = (first.correction, first.correction)
    # With several suspects no one value is "the" possible one.
    shown = "" if len(group) > 1 else show_interval(possible, first.cell)
    return Finding(
        first.cell.key, "impossible", tuple(checks), first.cell.figure.text, shown, slip,
        tuple(s.cell.key for s in group if s is not first), True,
    )  # fmt: skip


def _percent_slip(check: Check) -> str:
    """Truncated, rounded twice, or of another base in the same table."""
    share = share_of(check)
    if share is None:
        return ""
    if share.printed_as("truncation") == share.percent:
        return "truncated"
    return "rounded-twice" if share.rounded_twice else ""


def _other_base(check: Check, low: int, high: int) -> Finding:
    cell = cast("Cell", check.terms[-1].cell)
    lead = cast("Cell", check.terms[0].cell)
    possible = show_interval((Fraction(low), Fraction(high)), cell)
    return Finding(
        lead.key, "base-mismatch", (check,), lead.figure.text, f"base {possible}", "other-base"
    )


def _plain(check: Check, verdict: Verdict) -> Finding:
    lead = next(term.cell for term in check.terms if term.cell is not None)
    place = next(i for i, term in enumerate(check.terms) if term.cell is lead)
    slip = (explain_sum(check) or _percent_slip(check)) if verdict == "impossible" else ""
    return Finding(
        lead.key,
        verdict,
        (check,),
        lead.figure.text,
        show_allowed(check, place, lead),
        slip,
        located=bool(check.assumes),
    )


def show_allowed(check: Check, place: int, cell: Cell) -> str:
    """Write what a figure of a check could be, given the others.

    Parameters
    ----------
    check : Check
        The check.
    place : int
        Place of the figure in ``check.members``.
    cell : Cell
        The figure.

    Returns
    -------
    str
        A number, a range, or two numbers where only these are possible.
    """
    if check.kind == "share" and len(check.terms) == 2 and place == 0:
        shares = whole_shares(check.terms[0], check.terms[1])
        return ", ".join(dict.fromkeys(_number(share, 2 * cell.figure.half) for share in shares))
    return show_interval(allowed(check, place), cell, check.terms[place].factor)


def show_interval(span: Interval, cell: Cell, factor: Fraction = Fraction(1)) -> str:
    """Write an interval with the decimals of a printed figure; one number if the ends agree."""
    unit = 2 * cell.figure.half if cell.figure.half else Fraction(1)
    low, high = (end if isinstance(end, float) else end / factor for end in span)
    if cell.key.measure in ("count", "percent"):
        low = max(low, Fraction(0))
    snapped = (
        low if isinstance(low, float) else unit * math.ceil(low / unit),
        high if isinstance(high, float) else unit * math.floor(high / unit),
    )
    if snapped[0] > snapped[1]:
        return _number(low, unit / 10)
    if snapped[0] == snapped[1]:
        return _number(snapped[0], unit)
    if math.isinf(snapped[0]) or math.isinf(snapped[1]):
        if math.isinf(snapped[0]) and math.isinf(snapped[1]):
            return ""
        sign, end = ("<= ", snapped[1]) if math.isinf(snapped[0]) else (">= ", snapped[0])
        return sign + _number(end, unit)
    return f"{_number(snapped[0], unit)}\u2013{_number(snapped[1], unit)}"


def _number(value: Fraction | float, unit: Fraction) -> str:
    """Set a number with as many decimals as its unit has, as Swedish tables do."""
    decimals = 0
    while unit < 1 and decimals < _MOST_DECIMALS:
        unit, decimals = unit * 10, decimals + 1
    exact = Fraction(value)
    scaled = ratio_half_up(exact.numerator, exact.denominator, decimals)
    return _SWEDISH.number(Decimal(scaled).scaleb(-decimals), decimals)


def show_check(check: Check, lang: Lang = "en") -> str:
    """Write what the figures of a check say against each other.

    Parameters
    ----------
    check : Check
        The check.
    lang : {"en", "sv"}
        Language.

    Returns
    -------
    str
        For example ``4 801 of 12 517 is 38,4 %``.
    """
    words = WORDS[lang]
    texts = [_text(term) for term in check.terms]
    share = share_of(check)
    if share is not None:
        true = _number(100 * share.count / share.base, share.half / 5)
        return words["share"].format(count=texts[1], base=texts[2], true=true)
    if check.kind == "share" and len(check.terms) == 2:
        return words["whole share"].format(percent=texts[0], base=texts[1])
    lead = check.terms[0]
    span = allowed(check, 0)
    if check.kind == "share":
        ours = show_interval(span, cast("Cell", lead.cell or check.terms[1].cell), lead.factor)
        return words["vague share"].format(count=texts[1], base=texts[2], ours=ours, lead=texts[0])
    cell = lead.cell or next(term.cell for term in check.terms if term.cell is not None)
    ours = show_interval(span, cell, lead.factor) or "?"
    last = check.terms[-1].cell
    parts = " + ".join(texts[1:4]) + (" + …" if len(texts) > 4 else "")
    here, where = (
        "" if end is None else f"{end.key.table} ({end.key.place})" for end in (lead.cell, last)
    )
    return words[check.kind].format(
        lead=texts[0],
        parts=parts,
        other=texts[-1],
        ours=ours,
        here=here,
        where=where,
        name=check.name,
    )


def _text(term: Term) -> str:
    if term.label:
        return term.label
    if term.cell is None:
        return "" if term.value is None else _number(term.value, Fraction(1))
    text = term.cell.figure.text.strip() or "–"
    return text if term.factor == 1 else f"{text} × {float(term.factor):g}"


def describe(finding: Finding, lang: Lang = "en") -> str:
    """Say in one or two sentences what a finding is.

    Parameters
    ----------
    finding : Finding
        The finding.
    lang : {"en", "sv"}
        Language.

    Returns
    -------
    str
        What was printed, what the other figures say, and the likeliest slip or that it cannot be
        told.

    Examples
    --------
    >>> from evalkit import published
    >>> report = published.audit("001.t7a")
    >>> any("5" in message for message in report.findings["message"])
    True
    """
    words = WORDS[lang]
    check = finding.checks[0]
    parts = [
        words["printed"].format(printed=finding.published or "–", says=show_check(check, lang))
    ]
    if len(finding.checks) > 1:
        more = len(finding.checks) - 1
        parts.append(words["one more" if more == 1 else "more"].format(n=more))
    if check.explained:
        parts.append(words["explained"].format(why=check.explained))
    elif check.assumes and finding.verdict == "base-mismatch":
        parts.append(words["assumes"].format(what=check.assumes))
    elif finding.verdict == "impossible":
        parts.append(_slip_words(finding, words))
    elif finding.verdict in ("rounding", "tie-rule"):
        parts.append(words[finding.verdict])
    elif finding.verdict == "base-mismatch":
        parts.append(words["other-base"].format(possible=finding.possible))
    return " ".join(part for part in parts if part)


def _slip_words(finding: Finding, words: Mapping[str, str]) -> str:
    slip = "unknown" if finding.alternatives else finding.slip
    text = words[slip or ("only" if finding.located and finding.possible else "unknown")]
    text = text.format(possible=finding.possible)
    if finding.alternatives:
        places = "; ".join(key.place for key in finding.alternatives[:_MOST_ALTERNATIVES])
        more = len(finding.alternatives) - _MOST_ALTERNATIVES
        text += " " + words["or"].format(places=places + (f" (+{more})" if more > 0 else ""))
    return text
