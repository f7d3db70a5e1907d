"""The sentences that explain comparisons with riket, in English and Swedish."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.core.typography import Lang

__all__ = ["SENTENCES"]

SENTENCES: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "as published": "as published: the participants as they are minus riket as it is, whoever "
        "takes part.",
        "indirect": "indirect: the participants minus what riket's cells give for the "
        "participants' mix.",
        "direct": "direct: the participants' cell shares on riket's mix, minus riket.",
        "margins": "margins: the participants weighted to riket's margins, minus riket.",
        "means": "means: the participants weighted to riket's means, minus riket.",
        "everybody": "all participants",
        "disagree": "The national figures disagree on {group}{others}: {signs}. At most one of "
        "them counts the same outcome of the same people as the participants' share does; the "
        "sign is that of the definition, not of the project.",
        "others": " (and {count} more groups)",
        "sign": "{points} points against {figure}",
        "figure": "{label} {share}: {what}.",
        "counts": "counts {text}",
        "people": "among {text}",
        "mix": "Of the {points} points of {group} against {figure}, {shift} are the mix of people: "
        "riket's cells give {share} for the participants' mix. {left} are left.",
        "mix if": "Of the {points} points of {group} against {figure}, {shift} are the mix of "
        "people, if {figure} is the total of riket's cells: they give {share} for the "
        "participants' mix. {left} are left.",
        "mix and other": "Of the {points} points of {group} against {figure}, {other} are that "
        "riket's cells add up to {total} instead, and {shift} the mix of people: the cells give "
        "{share} for the participants' mix. {left} are left.",
        "known": "{group} ({n} whose cell is known)",
        "signs": "Indirect and direct standardisation differ in sign for {groups}: the difference "
        "is not the same in all cells, and the one weighs cells as the participants are "
        "distributed, the other as riket is.",
        "own mix": "Ratios and differences of different groups by indirect standardisation are not "
        "comparable with each other: each is for its own mix.",
        "totals": "Riket's cells add up to {share}, not {figures}: these count other people, or "
        "another outcome.",
        "base": "Counted are only those who {base}: selected after they were included, by what "
        "the project may itself affect. Riket must be selected alike, and even then this is no "
        "effect on all who were included.",
    },
    "sv": {
        "as published": "Som publicerat: deltagarna som de är minus riket som det är, vilka som än "
        "deltar.",
        "indirect": "Indirekt standardiserat: deltagarna minus det som rikets andelar i samma "
        "celler ger för deltagarnas sammansättning.",
        "direct": "Direkt standardiserat: deltagarnas andelar i cellerna på rikets sammansättning, "
        "minus riket.",
        "margins": "Viktat till rikets marginaler: deltagarna med rikets fördelning på varje "
        "variabel för sig, minus riket.",
        "means": "Viktat till rikets medelvärden: deltagarna med rikets medelvärden, minus riket.",
        "everybody": "alla deltagare",
        "disagree": "De nationella siffrorna går isär för {group}{others}: {signs}. Högst en av "
        "dem räknar samma utfall bland samma personer som deltagarnas andel gör; tecknet är "
        "definitionens, inte projektets.",
        "others": " (och {count} grupper till)",
        "sign": "{points} procentenheter mot {figure}",
        "figure": "{label} {share}: {what}.",
        "counts": "räknar {text}",
        "people": "bland {text}",
        "mix": "Av de {points} procentenheterna för {group} mot {figure} är {shift} "
        "sammansättningen: rikets celler ger {share} för deltagarnas sammansättning. Kvar är "
        "{left}.",
        "mix if": "Av de {points} procentenheterna för {group} mot {figure} är {shift} "
        "sammansättningen, om {figure} är summan av rikets celler: de ger {share} för deltagarnas "
        "sammansättning. Kvar är {left}.",
        "mix and other": "Av de {points} procentenheterna för {group} mot {figure} är {other} att "
        "rikets celler i stället ger {total} tillsammans, och {shift} sammansättningen: cellerna "
        "ger {share} för deltagarnas sammansättning. Kvar är {left}.",
        "known": "{group} ({n} vars cell är känd)",
        "signs": "Indirekt och direkt standardisering har olika tecken för {groups}: skillnaden är "
        "inte densamma i alla celler, och den ena väger cellerna som deltagarna är fördelade, den "
        "andra som riket är.",
        "own mix": "Indirekt standardiserade kvoter och skillnader för olika grupper kan inte "
        "jämföras med varandra: var och en gäller gruppens egen sammansättning.",
        "totals": "Rikets celler ger tillsammans {share}, inte {figures}: de räknar andra "
        "personer, eller ett annat utfall.",
        "base": "Räknade är bara de som {base}: ett urval efter att de skrevs in, genom något som "
        "projektet självt kan påverka. Riket måste vara valt på samma sätt, och inte ens då är "
        "skillnaden en effekt för alla som skrevs in.",
    },
}
"""Sentences by language and key; what stands in braces is filled in."""
