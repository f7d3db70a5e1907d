"""What each published figure of the AMiA surveys counts, in the columns of the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evalkit.published import load
from evalkit.synthetic.amia_counts import DEGREES, FOOTNOTE, GRADES

__all__ = [
    "READINGS",
    "Key",
    "Meaning",
    "Points",
    "Response",
    "Rows",
    "Share",
    "Waves",
    "Where",
    "meanings",
]

Where = Mapping[str, tuple[str, ...]]

_AGREE, _DISAGREE, _MUCH, _LITTLE, _NOT_LITTLE = (
    DEGREES[3:], DEGREES[:2], GRADES[2:], GRADES[:1], GRADES[1:],
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """A share of those who answered, in percent, or their number."""

    question: str
    answers: tuple[str, ...]
    where: Where = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True)
class Rows:
    """The number of respondents."""

    where: Where = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True)
class Points:
    """The difference of two shares, in percentage points."""

    one: Share
    other: Share


@dataclass(frozen=True)
class Waves:
    """The number of waves."""


@dataclass(frozen=True)
class Response:
    """The response rate, of the number sent that alone gives the printed one."""


Meaning = Share | Rows | Points | Waves | Response
Key = tuple[str, str, str, str, str]
"""Survey, table, row group, row, column; what is empty is free."""


def _in(*names: str) -> Where:
    return {"delprojekt": names}


def _participants() -> Iterator[tuple[Key, Meaning]]:
    def at(table: str, row: str, column: str = "", group: str = "") -> Key:
        return "participants", f"004.{table}", group, row, column

    everybody: Where = {}
    counted: Where = {FOOTNOTE: ("ja",)}
    attitude, meaning = "attitude", "meaningful"
    for words, answer in (("Positiv", "positiv"), ("Negativ", "negativ"), ("Neutral", "neutral")):
        row = f"{words} inställning till att delta"
        for more in ("", " (i ord)") if words != "Neutral" else ("",):
            yield at("survey_participants", row + more, "Totalt"), Share(attitude, (answer,))
    for column, where in (
        ("Totalt", everybody), ("Delprojekt Nord", _in("Nord")),
        ("Övriga delprojekt", _in("Syd", "Väst", "Öst")),
    ):  # fmt: skip
        key = at("survey_participants", "Meningsfullt att delta", column)
        yield key, Share(meaning, _MUCH, where)
    row = "Upplever att det var meningsfullt att delta"
    yield at("survey_participants", row, "Totalt"), Share(meaning, _MUCH)
    for row in (
        "Negativ uppfattning om meningsfullheten", "Inte upplevt insatsen som meningsfull",
    ):  # fmt: skip
        yield at("survey_participants", row, "Totalt"), Share(meaning, _LITTLE)
    closer = "Positivt svar om närmande till arbete och insatser hos Af"
    best, others = _in("Nord", "Öst"), _in("Syd", "Väst")
    yes = [Share("closer_to_work", _MUCH, where) for where in (best, others)]
    yield at("survey_participants", closer, "Delprojekt Nord och Öst"), yes[0]
    yield at("survey_participants", closer, "Övriga delprojekt"), yes[1]
    row = "Tror att projektet stärkt möjligheterna eller bidragit"
    yield at("survey_participants", row, "Totalt"), Share("closer_to_work", _MUCH)
    row = "Anser sig ha närmat sig arbetsmarknaden, högre än övriga"
    yield at("survey_participants", row, "Delprojekt Nord och Öst"), Points(*yes)
    health = "Erbjudits aktiviteter som rör friskvård och hälsa"
    trial = "Erbjudits arbetsprövning eller praktik"
    for row, meaning_of in (
        (trial, Share("offered_work_trial", ("ja",))),
        (health, Share("offered_health", ("ja",))),
        (f"{health}, i ord", Share("offered_health", ("ja",))),
        ("Besvarat enkäten enligt fotnot 20", Rows(counted)),
        ("Svarande i diagram 2", Rows()),
        ("Svarande på frågorna om samverkan", Rows()),
        ("Svarande i diagram 3", Rows()),
        (
            "Kontakterna med handläggare har i hög grad underlättats",
            Share("contacts_eased", _MUCH),
        ),
        ("Samverkan mellan myndigheterna har förbättrats", Share("agencies_cooperate", _MUCH)),
        ("Märkt av samverkan med vården", Share("care_cooperates", _MUCH)),
        ("Märkt av samverkan med vården, i ord", Share("care_cooperates", _MUCH)),
        ("Upplever i hög grad att det känns meningsfullt att delta", Share(meaning, _MUCH)),
    ):
        yield at("survey_chapter4", row), meaning_of
    yield at("methods", "Deltagare som besvarat enkäten vid avslut"), Rows()
    row = "Enkätsvar som inte gått att härleda till ett delprojekt"
    yield at("methods", row), Rows({"delprojekt": ("",), **counted})
    for table, name in (("syd", "Syd"), ("vast", "Väst"), ("ost", "Öst"), ("nord", "Nord")):
        yield at(table, "Svarande i deltagarenkäten"), Rows(_in(name))
    row = "Erbjudits aktiviteter inom hälsa/friskvård"
    yield at("syd", row), Share("offered_health", ("ja",), _in("Syd"))
    yield at("vast", trial), Share("offered_work_trial", ("ja",), _in("Väst"))
    for table, name, row in (
        ("vast", "Väst", "AMiA stärker möjligheterna (mycket eller varken eller)"),
        ("ost", "Öst", "Insatsen stärker möjligheterna (mycket eller neutral)"),
    ):
        yield at(table, row), Share("closer_to_work", _NOT_LITTLE, _in(name))
    both = [Share(name, _NOT_LITTLE, _in("Väst")) for name in (meaning, "closer_to_work")]
    yield at("vast", "Meningsfullt att delta, högre än föregående"), Points(*both)
    row = "I liten grad vidare i insatser med inriktning mot arbete"
    yield at("nord", row), Share("onward_to_af", _LITTLE, _in("Nord"))
    row = "Tror inte att projektet stärker möjligheterna"
    yield at("nord", row), Share("closer_to_work", _LITTLE, _in("Nord"))


def _closing() -> Iterator[tuple[Key, Meaning]]:
    def at(row: str, table: str = "survey_close") -> Key:
        return "closing", f"004.{table}", "", row, ""

    for row in ("Deltagare som besvarat frågorna", "Samtliga svarande", "Analyserade enkäter"):
        yield at(row), Rows()
    yield at("Deltagare i projektledningens korta enkät", "methods"), Rows()
    for row, answer in (
        ("Ja", "ja"), ("Nej", "nej"), ("Inte tagit ställning", "inte tagit ställning"),
    ):  # fmt: skip
        yield at(row), Share("work_ability", (answer,))
    for row, comment in (
        ("Övervägande positiva kommentarer", "positiv"),
        ("Ingen eller neutrala kommentarer", "neutral eller ingen"),
        ("Kommentarer av negativ karaktär", "negativ"),
    ):
        yield at(row), Share("comment", (comment,))
    both = Share("comment", ("positiv",), {"work_ability": ("nej",)})
    yield at("Nej på frågan men positiv kommentar"), both


def _case_workers() -> Iterator[tuple[Key, Meaning]]:
    def at(table: str, group: str, row: str, column: str = "") -> Key:
        return "case_workers", f"004.{table}", group, row, column

    later: Where = {"wave": ("2013",)}
    main = "survey_caseworkers"
    yield at(main, "s. 167", "Svarande handläggare"), Rows(later)
    yield at(main, "s. 167", "Enkätens tillfällen"), Waves()
    yield at(main, "s. 167", "Svarsfrekvens"), Response()
    yield at("methods", "", "Handläggarenkätens tillfällen"), Waves()
    yield at("methods", "", "Handläggarenkäten besvarats av"), Rows(later)
    yield at("methods", "", "Handläggarenkätens svarsfrekvens"), Response()
    rows = {
        "participants_active": "Deltagarna delaktiga, aktiva och ansvarstagande",
        "own_view": "Den egna synen har förändrats",
        "impact": "Tydligt genomslag i den egna organisationen",
        "implementable": "Möjligt att implementera i ordinarie verksamhet",
        "quality": "Kvaliteten på det som erbjuds är mycket god",
    }
    printed = load(f"004.{main}").to_frame()
    for record in printed[printed["column"].isin(["2012", "2013"])].to_dict("records"):
        row, negative, _ = str(record["row"]).partition(", negativt inställda")
        name = next(key for key, label in rows.items() if label == row)
        where: dict[str, tuple[str, ...]] = {"wave": (str(record["column"]),)}
        agency = {"Arbetsförmedlingen": "Af", "Försäkringskassan": "Fk"}.get(
            str(record["column_group"])
        )
        if agency:
            where["agency"] = (agency,)
        said = Share(name, _DISAGREE if negative else _AGREE, where)
        path = f"{record['column_group']}>{record['column']}"
        yield at(main, str(record["row_group"]), str(record["row"]), path), said
    for table, name, rows_of in (
        ("nord", "Nord", ("Handläggare som besvarat enkäten", "Svarande")),
        ("vast", "Väst", ("Handläggare som besvarat enkäten", "Svarande")),
        ("ost", "Öst", ("Handläggare som besvarat enkäten", "Handläggare som svarat på enkäten")),
    ):
        for row in rows_of:
            yield at(table, "", row), Rows({**later, **_in(name)})
    developed, care = "developed", "care_forms"
    forms = "Formerna för att involvera vården"
    no_impact = "Inte fått tydligt genomslag i den lokala organisationen"
    for table, name, row, question, answers in (
        ("nord", "Nord", "Samverkan utvecklades, i hög grad eller helt", developed, _AGREE),
        ("nord", "Nord", "Samverkan utvecklades, delvis", developed, DEGREES[2:3]),
        ("ost", "Öst", "Samverkan utvecklades, endast delvis", developed, DEGREES[2:3]),
        ("ost", "Öst", f"{forms}, inte alls lyckats", care, DEGREES[:1]),
        ("ost", "Öst", f"{forms}, mer positiva", care, DEGREES[1:]),
        ("ost", "Öst", no_impact, "impact", _DISAGREE),
        ("vast", "Väst", f"{forms}, i liten grad eller inte alls", care, _DISAGREE),
    ):
        yield at(table, "", row), Share(question, answers, {**later, **_in(name)})


def _steering() -> Iterator[tuple[Key, Meaning]]:
    def at(row: str, column: str = "", table: str = "survey_steering") -> Key:
        return "steering_groups", f"004.{table}", "", row, column

    yield at("Svarande från styrgrupperna"), Rows()
    yield at("Fullföljt enkäten", table="methods"), Rows()
    for row, name in (
        ("Företräder Försäkringskassan", "Försäkringskassan"),
        ("Företräder Arbetsförmedlingen", "Arbetsförmedlingen"),
        ("Företräder övriga samverkansparter", "övriga"),
    ):
        yield at(row, table="methods"), Rows({"organisation_of": (name,)})
    high, neutral = ("8", "9", "10"), ("5", "6", "7")
    for row, column, question, points in (
        ("samverkan på organisationsnivå?", "i hög grad", "organisation", high),
        ("samverkan med vården i individärenden?", "i hög grad", "care", high),
        ("individers återgång i arbete?", "varken låg eller hög grad", "return_to_work", neutral),
        ("individers återgång i arbete?", "i hög grad", "return_to_work", high),
    ):
        yield at(row, column), Share(question, points)


_BEFORE = "pages 167 and 168 print another figure for the same statement, which the answers follow"
_AFTER = "s. 168 Diagram 11"
_MAIN = "004.survey_caseworkers"
READINGS: Mapping[tuple[str, str, str, str], str] = {
    ("004.survey_participants", "s. 180", "Inte upplevt insatsen som meningsfull", "Totalt"): (
        "page 164 prints var femte for the same answers, which they follow"
    ),
    (_MAIN, _AFTER, "Den egna synen har förändrats", "2012"): _BEFORE,
    (_MAIN, _AFTER, "Den egna synen har förändrats", "2013"): _BEFORE,
    (_MAIN, _AFTER, "Deltagarna delaktiga, aktiva och ansvarstagande", "2012"): _BEFORE,
    (_MAIN, _AFTER, "Deltagarna delaktiga, aktiva och ansvarstagande", "2013"): _BEFORE,
    (_MAIN, _AFTER, "Tydligt genomslag i den egna organisationen", "2013"): _BEFORE,
    (
        "004.survey_steering", "s. 163 Diagram 5", "individers återgång i arbete?",
        "varken låg eller hög grad",
    ): "no count of 18 gives 64 percent; 17, 64 and 17 percent are nearest to 3, 12 and 3 persons",
}  # fmt: skip
"""Printed figures that the answers do not follow, by table, row group, row and column, and why."""


def meanings() -> Iterator[tuple[Key, Meaning]]:
    """Go through the published figures of all four surveys.

    Yields
    ------
    tuple of Key and Meaning
        Where the figure stands, and what it counts.
    """
    for source in (_participants, _closing, _case_workers, _steering):
        yield from source()
