"""What each comparison with riket answers, and why comparisons differ, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalkit.core.typography import Lang, Typography
from evalkit.matching.national_figures import NationalFigure
from evalkit.matching.participant_shares import EVERYBODY
from evalkit.matching.published_rows import ComparisonRow
from evalkit.matching.riket_sentences import SENTENCES

__all__ = ["ESTIMANDS", "Explained", "explain"]

_KINDS = ("as published", "indirect", "direct", "margins", "means")
ESTIMANDS: Mapping[str, str] = {
    kind: SENTENCES["en"][kind].split(": ", 1)[1].rstrip(".") for kind in _KINDS
}
"""What each comparison estimates."""

_ROUNDED = 0.005  # of a figure in whole percent


@dataclass(frozen=True, eq=False)
class Explained:
    """What explanations are made of.

    Parameters
    ----------
    rows : tuple of ComparisonRow
        The comparisons.
    figures : mapping of str to NationalFigure
        National figures by label, as they were given.
    total : float or None
        Share that riket's cells add up to, if they are known.
    base : str or None
        Condition that the participants had met to be counted.
    """

    rows: tuple[ComparisonRow, ...]
    figures: Mapping[str, NationalFigure]
    total: float | None
    base: str | None


def explain(given: Explained, lang: Lang = "en") -> list[str]:
    """Say what each comparison answers, and why they differ.

    Parameters
    ----------
    given : Explained
        The comparisons and the figures.
    lang : {"en", "sv"}
        Language of the sentences.

    Returns
    -------
    list of str
        Sentences, those on estimands first.
    """
    words = _Words(lang)
    kinds = list(dict.fromkeys(row.comparison for row in given.rows))
    said = [words.say(kind) for kind in kinds]
    said += _opposite(given, words)
    said += _mix(given, words)
    said += _own_or_rikets_mix(given.rows, words)
    if len({row.group for row in given.rows if row.comparison == "indirect"} - {EVERYBODY}) > 1:
        said.append(words.say("own mix"))
    said += _other_totals(given, words)
    if given.base is not None:
        said.append(words.say("base", base=given.base))
    return said


class _Words:
    """Sentences and numbers of one language."""

    def __init__(self, lang: Lang) -> None:
        self._sentences = SENTENCES[lang]
        self._set_in = Typography(lang)

    def say(self, key: str, **filled: object) -> str:
        """Return a sentence."""
        return self._sentences[key].format(**filled)

    def points(self, share: float) -> str:
        """Write a difference of shares in percentage points."""
        return self._set_in.points(100 * share, unit=False)

    def percent(self, share: float, decimals: int = 1) -> str:
        """Write a share as a percentage."""
        return self._set_in.percent(100 * share, decimals)

    def figure(self, figure: NationalFigure) -> str:
        """Write a national figure as a percentage."""
        low, high = figure.bounds
        whole = all(abs(100 * end - round(100 * end)) < 1e-9 for end in (low, high))
        decimals = 0 if whole else 1
        if low == high:
            return self.percent(low, decimals)
        unit = self.percent(0, 0).removeprefix("0")
        return self._set_in.interval(100 * low, 100 * high, decimals=decimals) + unit

    def group(self, name: str) -> str:
        """Name a group."""
        return self._sentences["everybody"] if name == EVERYBODY else name


def _opposite(given: Explained, words: _Words) -> list[str]:
    """Explain national figures on both sides of the participants."""
    by_group: dict[str, list[ComparisonRow]] = {}
    for row in given.rows:
        if row.comparison == "as published":
            by_group.setdefault(row.group, []).append(row)
    both = [
        group
        for group, own in by_group.items()
        if min(row.estimate for row in own) < 0 < max(row.estimate for row in own)
    ]
    if not both:
        return []

    def size(group: str) -> float:
        n = by_group[group][0].n
        return 0.0 if n != n else n

    shown = max(both, key=size)
    signs = ", ".join(
        words.say("sign", points=words.points(row.estimate), figure=row.figure)
        for row in by_group[shown]
    )
    others = words.say("others", count=len(both) - 1) if len(both) > 1 else ""
    said = [words.say("disagree", group=words.group(shown), others=others, signs=signs)]
    for label, figure in given.figures.items():
        what = [
            words.say(key, text=text)
            for key, text in (("counts", figure.counts), ("people", figure.people))
            if text
        ]
        what += [f"({figure.source})"] if figure.source else []
        if what:
            share = words.figure(figure)
            said.append(words.say("figure", label=label, share=share, what=" ".join(what)))
    return said


def _mix(given: Explained, words: _Words) -> list[str]:
    """Say how much of a published difference is the mix of people, for the first group."""
    for row in given.rows:
        if row.comparison != "indirect" or row.estimate != row.estimate:
            continue  # without an estimate there are bounds only
        others = [
            other for other in given.rows
            if other.comparison == "as published" and other.group == row.group
        ]  # fmt: skip
        if others:
            # Of figures that are the total of riket's cells the mix explains all that is not left.
            chosen = [one for one in others if _is_total(given, one.figure)]
            return [_mix_against(given, row, (chosen or others)[0], words)]
    return []


def _mix_against(given: Explained, row: ComparisonRow, other: ComparisonRow, words: _Words) -> str:
    """Split the difference from a figure into mix, other cells than the figure's, and the rest."""
    key, total = "mix", given.total
    shift, apart = row.riket[0] - other.riket[0], 0.0
    if total is None:
        key = "mix if"
    elif not _is_total(given, other.figure):
        key, apart = "mix and other", total - given.figures[other.figure].middle
    group = words.group(row.group)
    if row.n != other.n:
        group = words.say("known", group=group, n=round(row.n))
    return words.say(
        key,
        points=words.points(row.share[0] - other.riket[0]),
        group=group,
        figure=other.figure,
        shift=words.points(shift - apart),
        share=words.percent(row.riket[0]),
        left=words.points(row.estimate),
        other=words.points(apart),
        total="" if total is None else words.percent(total),
    )


def _is_total(given: Explained, label: str) -> bool:
    """Say whether riket's cells add up to a figure, as far as is known."""
    low, high = given.figures[label].bounds
    return given.total is None or low - _ROUNDED <= given.total <= high + _ROUNDED


def _own_or_rikets_mix(rows: Sequence[ComparisonRow], words: _Words) -> list[str]:
    """Explain indirect and direct results that differ in sign."""
    found = {(row.comparison, row.group): row.estimate for row in rows}
    differ = [
        words.group(group)
        for (kind, group), estimate in found.items()
        if kind == "indirect" and estimate * found.get(("direct", group), 0.0) < 0
    ]
    return [words.say("signs", groups=", ".join(differ))] if differ else []


def _other_totals(given: Explained, words: _Words) -> list[str]:
    """Say which figures are not the total of riket's cells."""
    total = given.total
    if total is None:
        return []
    other = [
        f"{label} ({words.figure(figure)})"
        for label, figure in given.figures.items()
        if not _is_total(given, label)
    ]
    if not other:
        return []
    return [words.say("totals", share=words.percent(total), figures=", ".join(other))]
