"""What the audit found, one entry per slip, in words that can be held against the source."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, cast

from evalkit.core.typography import Typography
from evalkit.kernels.rounding import ratio_half_up
from evalkit.published.checks import Check, Interval, Term, allowed
from evalkit.published.store import Cell, Key
from evalkit.published.suspects import Suspect, explain_sum, suspects_of
from evalkit.published.verdicts import Verdict, base_mismatches, share_of

__all__ = ["Finding", "describe", "find", "show_check", "show_interval"]

Lang = Literal["en", "sv"]
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
        Whether another value of this very figure settles everything.
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
    order: dict[Verdict, int] = {"impossible": 0, "base-mismatch": 1, "tie-rule": 2, "rounding": 3}
    return sorted(findings, key=lambda finding: (order[finding.verdict], finding.key))


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
    if first.correction is not None and slip not in ("truncated", "rounded-twice", "other-base"):
        possible = (first.correction, first.correction)
    return Finding(
        first.cell.key, "impossible", tuple(checks), first.cell.figure.text,
        show_interval(possible, first.cell), slip,
        tuple(s.cell.key for s in group if s is not first), len(group) == 1,
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
        lead.key, verdict, (check,), lead.figure.text,
        show_interval(allowed(check, place), lead, check.terms[place].factor), slip,
    )  # fmt: skip


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
    words = _WORDS[lang]
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
    words = _WORDS[lang]
    check = finding.checks[0]
    parts = [
        words["printed"].format(printed=finding.published or "–", says=show_check(check, lang))
    ]
    if len(finding.checks) > 1:
        more = len(finding.checks) - 1
        parts.append(words["one more" if more == 1 else "more"].format(n=more))
    if check.explained:
        parts.append(words["explained"].format(why=check.explained))
    elif finding.verdict == "impossible":
        parts.append(_slip_words(finding, words))
    elif finding.verdict in ("rounding", "tie-rule"):
        parts.append(words[finding.verdict])
    elif finding.verdict == "base-mismatch":
        parts.append(words["other-base"].format(possible=finding.possible))
    return " ".join(part for part in parts if part)


def _slip_words(finding: Finding, words: Mapping[str, str]) -> str:
    text = words[finding.slip or ("only" if finding.located and finding.possible else "unknown")]
    text = text.format(possible=finding.possible)
    if finding.alternatives:
        places = "; ".join(key.place for key in finding.alternatives[:_MOST_ALTERNATIVES])
        more = len(finding.alternatives) - _MOST_ALTERNATIVES
        text += " " + words["or"].format(places=places + (f" (+{more})" if more > 0 else ""))
    return text


_WORDS: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "printed": "Printed {printed}: {says}.",
        "share": "{count} of {base} is {true} %",
        "whole share": "no whole number of {base} gives {percent}",
        "vague share": "{count} of {base} makes {ours} %, against {lead}",
        "sum": "{parts} make {ours}, against {lead}",
        "mean": "the groups ({parts}) allow {ours} for {lead}",
        "equal": "{lead} in {here}, {other} in {where}",
        "whole": "no whole counts of {lead} persons give {parts} percent",
        "change": "the figures give {ours} %, against {lead}",
        "order": "{lead} should not exceed {other} ({name})",
        "product": "the factors make {ours}, against {lead}",
        "one more": "One more check fails for the same reason.",
        "more": "{n} more checks fail for the same reason.",
        "explained": "The source explains it: {why}",
        "rounding": "Rounding of the parts accounts for it.",
        "tie-rule": "A tie, rounded against the source's own rule.",
        "other-base": "The percentages fit another base ({possible}).",
        "digit": "Likely one wrong digit: {possible}.",
        "transposition": "Likely two digits swapped: {possible}.",
        "lost-digit": "Likely a digit lost: {possible}.",
        "added-digit": "Likely a digit too many: {possible}.",
        "dropped-row": "The difference equals one of the parts: a row left out of the total.",
        "truncated": "Cut off rather than rounded: {possible}.",
        "rounded-twice": "Likely a rounded figure rounded again: {possible}.",
        "only": "Only {possible} agrees with the other figures.",
        "unknown": "Which figure is wrong cannot be told from the tables.",
        "or": "It could as well be: {places}.",
    },
    "sv": {
        "printed": "Tryckt {printed}: {says}.",
        "share": "{count} av {base} är {true} %",
        "whole share": "inget helt antal av {base} ger {percent}",
        "vague share": "{count} av {base} blir {ours} %, mot {lead}",
        "sum": "{parts} blir {ours}, mot {lead}",
        "mean": "grupperna ({parts}) medger {ours}, mot {lead}",
        "equal": "{lead} i {here}, {other} i {where}",
        "whole": "inga hela antal av {lead} personer ger {parts} procent",
        "change": "uppgifterna ger {ours} %, mot {lead}",
        "order": "{lead} borde inte överstiga {other} ({name})",
        "product": "faktorerna ger {ours}, mot {lead}",
        "one more": "Ytterligare en kontroll faller av samma skäl.",
        "more": "Ytterligare {n} kontroller faller av samma skäl.",
        "explained": "Källan förklarar avvikelsen: {why}",
        "rounding": "Avrundning av delarna förklarar skillnaden.",
        "tie-rule": "Ett mittvärde, avrundat mot källans egen regel.",
        "other-base": "Andelarna stämmer med en annan bas ({possible}).",
        "digit": "Troligen en felaktig siffra: {possible}.",
        "transposition": "Troligen två omkastade siffror: {possible}.",
        "lost-digit": "Troligen en tappad siffra: {possible}.",
        "added-digit": "Troligen en siffra för mycket: {possible}.",
        "dropped-row": "Skillnaden är lika med en av delarna: en rad saknas i summan.",
        "truncated": "Avhugget i stället för avrundat: {possible}.",
        "rounded-twice": "Troligen ett avrundat tal som avrundats en gång till: {possible}.",
        "only": "Endast {possible} stämmer med övriga uppgifter.",
        "unknown": "Vilken uppgift som är fel går inte att avgöra av tabellerna.",
        "or": "Det kan lika gärna vara: {places}.",
    },
}
