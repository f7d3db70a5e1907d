"""Phrases in which findings are told, in English and Swedish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["WORDS", "Lang"]

Lang = Literal["en", "sv"]

WORDS: Mapping[Lang, Mapping[str, str]] = {
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
        "assumes": "Another base or definition may explain it; assumed: {what}.",
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
        "assumes": "En annan bas eller definition kan förklara det; antaget: {what}.",
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
