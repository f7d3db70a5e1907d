"""How many gave which answer in the synthetic AMiA surveys: published where printed, else invented.

Every table here is a choice among the whole numbers that agree with the figures of the published
report (Sweco Eurofutures, final report in Metodhandbok AMiA, Försäkringskassan 2013). That they do
is not taken on trust: :func:`evalkit.synthetic.amia_figures` computes every published figure from
the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from evalkit.errors import InputError

__all__ = [
    "AMIA_NOTICE",
    "DEGREES",
    "FOOTNOTE",
    "GRADES",
    "SURVEYS",
    "Question",
    "Survey",
    "nearest_counts",
]

AMIA_NOTICE = (
    "Syntetiska data. No respondent exists. Published, and kept as far as whole persons can give "
    "it: every figure of the four surveys in the report's running text. Invented: all answers that "
    "no figure was printed for, which answers the same respondent gave together, who left a "
    "question blank, how many answered from each agency, and from each delprojekt among the 152. "
    "That 54 case workers answered in 2012 too is a reading. No conclusion may be drawn from them."
)

GRADES = ("lite/inte alls", "varken lite eller mycket", "mycket")
DEGREES = (
    "stämmer inte alls", "stämmer i liten grad", "stämmer delvis", "stämmer i hög grad",
    "stämmer helt",
)  # fmt: skip
FOOTNOTE = "in_footnote_20"
"""The column that says who is among the 310 of footnote 20 and of the appendices."""

Cell = tuple[str, ...]
"""The values of the grouping columns, or of the first of them."""


@dataclass(frozen=True)
class Question:
    """One question of a survey, and how many gave each answer.

    Attributes
    ----------
    name : str
        The column.
    label : str
        What it is about, in Swedish; not the wording of the questionnaire.
    levels : tuple of str
        The answers, from the negative to the positive end.
    cells : mapping of tuple of str to tuple of int
        By values of `by`, how many gave each answer, and last how many gave none.
    by : tuple of str
        The columns that the cells are made of.
    band : tuple of (int, int)
        For a scale of points: first and last point of each level; empty for words.
    link : int
        How closely the answers follow the respondent's general leaning, 0 to 9.
    """

    name: str
    label: str
    levels: tuple[str, ...]
    cells: Mapping[Cell, tuple[int, ...]]
    by: tuple[str, ...]
    band: tuple[tuple[int, int], ...] = ()
    link: int = 6


@dataclass(frozen=True)
class Survey:
    """One survey: who answered, and what.

    Attributes
    ----------
    name : str
        Name of the survey and of its file.
    title : str
        Who answered, when.
    groups : mapping of tuple of str to int
        How many there are of each combination of the background columns.
    background : tuple of str
        The background columns.
    questions : tuple of Question
        The questions, in the order of the columns.
    tables : tuple of str
        The published tables that have figures of it.
    """

    name: str
    title: str
    groups: Mapping[Cell, int]
    background: tuple[str, ...]
    questions: tuple[Question, ...]
    tables: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of respondents."""
        return sum(self.groups.values())


def nearest_counts(percents: Sequence[float], n: int) -> tuple[int, ...]:
    """Return the whole numbers that make up n and whose percentages are nearest to printed ones.

    Answers: 17, 64 and 17 percent of 18 persons were printed; how many can they have been?

    Parameters
    ----------
    percents : sequence of float
        The printed percentages of answers that exclude each other and leave nobody out.
    n : int
        Number of persons.

    Returns
    -------
    tuple of int
        The counts with the least sum of squared differences in percent; among equals the first in
        ascending order.

    Raises
    ------
    InputError
        If there are fewer than two or more than five percentages, or nobody.

    Examples
    --------
    >>> nearest_counts([17, 64, 17], 18)
    (3, 12, 3)
    """
    if not 2 <= len(percents) <= 5 or n < 1:
        raise InputError.of(
            "percents", required="two to five percentages of at least one person",
            got=f"{len(percents)} of {n}",
        )  # fmt: skip
    around = [
        range(max(0, int(p * n / 100) - 2), min(n, int(p * n / 100) + 3) + 1) for p in percents
    ]
    fits = [counts for counts in product(*around) if sum(counts) == n]
    if not fits:
        raise InputError.of("percents", required="about 100 together", got=sum(percents))
    return min(
        fits,
        key=lambda counts: sum(
            (100 * k / n - p) ** 2 for k, p in zip(counts, percents, strict=True)
        ),
    )


def _read(
    table: str, columns: Sequence[Cell], levels: int
) -> dict[str, dict[Cell, tuple[int, ...]]]:
    """Read rows of counts, written n/n/n, or with those who did not answer n/n/n+n."""
    read: dict[str, dict[Cell, tuple[int, ...]]] = {}
    for line in table.strip().splitlines():
        name, *texts = line.split()
        cells: dict[Cell, tuple[int, ...]] = {}
        for column, text in zip(columns, texts, strict=True):
            counts, _, blank = text.partition("+")
            answered = tuple(int(count) for count in counts.split("/"))
            if len(answered) != levels:
                raise InputError.of(name, required=f"{levels} counts", got=text)
            cells[column] = (*answered, int(blank or 0))
        read[name] = cells
    return read


# Participants who left: 53, 82, 69 and 70 by delprojekt (appendices), 36 who could not be told
# apart (page 142), which is 310; the last ten are those by which 320 exceeds footnote 20.
_LEAVERS: dict[Cell, int] = {
    ("Syd", "ja"): 53, ("Väst", "ja"): 82, ("Öst", "ja"): 69, ("Nord", "ja"): 70,
    ("", "ja"): 36, ("", "nej"): 10,
}  # fmt: skip
_GRADED = """
attitude               9/18/26  11/30/41  8/22/39   4/16/50    5/13/18  2/3/5
contacts_eased        13/12/28  14/21/47  9/16/44   6/14/50    9/10/17  2/2/6
agencies_cooperate    16/13/24  17/23/42 11/20/38   5/12/53    8/11/17  2/3/5
care_cooperates       30/11/12  38/23/21 27/19/23  16/20/34   17/10/9   4/3/3
meaningful            15/13/25  22/21/39 17/19/33   6/12/52    9/19/8   2/6/2
closer_to_work        20/18/15  30/27/25 26/12/31  24/21/24+1 14/14/8   4/3/3
onward_to_af          20/17/16  31/27/24 24/17/28  21/22/27   14/14/8   4/3/3
"""
_OFFERED = """
offered_health      37/16 44/38 33/36 24/46 26/10 6/4
offered_work_trial  39/14 41/41 42/27 41/29 23/13 6/4
offered_motivation  39/14 49/33 41/28 40/30 26/10 7/3
offered_job_search  42/11 65/17 54/15 56/14 30/6  8/2
offered_other       44/9  69/13 57/12 57/13 31/5  8/2
"""
_LABELS = {
    "attitude": "Inställning till att delta",
    "contacts_eased": "Kontakterna med handläggare har underlättats",
    "agencies_cooperate": "Samverkan mellan Fk och Af har förbättrats",
    "care_cooperates": "Har märkt av samverkan med vården",
    "meaningful": "Meningsfullt att delta",
    "closer_to_work": "Stärker möjligheterna att närma sig arbetsmarknaden",
    "onward_to_af": "Bidrar till insatser eller program hos Af",
    "offered_health": "Hälsa/friskvård",
    "offered_work_trial": "Arbetsprövning/praktik",
    "offered_motivation": "Motivation, försörjning, yrkesvägledning",
    "offered_job_search": "Att söka jobb",
    "offered_other": "Annat",
    "work_ability": "Möjligheterna att återfå arbetsförmågan har ökat",
    "comment": "Öppen kommentar",
    "own_view": "Den egna synen på arbetet har förändrats",
    "participants_active": "Deltagarna görs delaktiga, aktiva och ansvarstagande",
    "impact": "Tydligt genomslag i den egna organisationen",
    "implementable": "Möjligt att implementera i ordinarie verksamhet",
    "quality": "Kvaliteten på det som erbjuds är mycket god",
    "developed": "Samverkan mellan Af och Fk har utvecklats",
    "care_forms": "Formerna för att involvera vården har stärkts",
    "cases": "Samverkan mellan Af och Fk i individärenden",
    "organisation": "Samverkan på organisationsnivå",
    "care": "Samverkan med vården i individärenden",
    "return_to_work": "Individers återgång i arbete",
}
_ATTITUDES = ("negativ", "neutral", "positiv")


def _questions(
    table: str, columns: Sequence[Cell], levels: tuple[str, ...], by: tuple[str, ...], link: int = 6
) -> tuple[Question, ...]:
    read = _read(table, columns, len(levels))
    return tuple(
        Question(name, _LABELS[name], levels, cells, by, link=link) for name, cells in read.items()
    )


def _leavers() -> Survey:
    by, columns = ("delprojekt", FOOTNOTE), tuple(_LEAVERS)
    first, *graded = _questions(_GRADED, columns, GRADES, by, link=8)
    attitude = Question(first.name, first.label, _ATTITUDES, first.cells, by)
    offered = _questions(_OFFERED, columns, ("nej", "ja"), by, link=2)
    tables = tuple(
        f"004.{t}"
        for t in ("survey_participants", "survey_chapter4", "methods", "syd", "vast", "ost", "nord")
    )
    return Survey(
        "participants", "Participants who left the project, 2011 to 2013", _LEAVERS, by,
        (attitude, *graded, *offered), tables,
    )  # fmt: skip


# Of the 152, only the answers and the comments are printed; diagram 7 has no values in the text.
_CLOSING: dict[Cell, int] = {("Syd",): 20, ("Väst",): 56, ("Öst",): 25, ("Nord",): 51}
_WORK_ABILITY = "work_ability 14/1/5 38/2/16 13/1/11 25/3/23"
_COMMENTS = "comment 16/51/23 1/3/3 2/17/36"


def _closing() -> Survey:
    answers = ("nej", "inte tagit ställning", "ja")
    asked = _questions(_WORK_ABILITY, tuple(_CLOSING), answers, ("delprojekt",))
    comments = ("negativ", "neutral eller ingen", "positiv")
    columns = tuple((answer,) for answer in answers)
    said = _questions(_COMMENTS, columns, comments, ("work_ability",))
    return Survey(
        "closing", "Participants who left in 2013: the project's own short survey", _CLOSING,
        ("delprojekt",), (*asked, *said), ("004.survey_close", "004.methods"),
    )  # fmt: skip


# By wave, agency and delprojekt. In 2013: 7 in Nord, 8 in Öst, 17 in Väst (appendices), 22 left.
_WORKERS: dict[Cell, int] = {
    ("2012", "Af", "Nord"): 3, ("2012", "Fk", "Nord"): 3, ("2012", "Af", "Öst"): 4,
    ("2012", "Fk", "Öst"): 4, ("2012", "Af", "Väst"): 9, ("2012", "Fk", "Väst"): 8,
    ("2012", "Af", "Syd"): 11, ("2012", "Fk", "Syd"): 12,
    ("2013", "Af", "Nord"): 4, ("2013", "Fk", "Nord"): 3, ("2013", "Af", "Öst"): 4,
    ("2013", "Fk", "Öst"): 4, ("2013", "Af", "Väst"): 8, ("2013", "Fk", "Väst"): 9,
    ("2013", "Af", "Syd"): 10, ("2013", "Fk", "Syd"): 12,
}  # fmt: skip
_FIRST_WAVE = """
own_view             4/10/24/12/4
participants_active  2/9/25/12/5+1
impact               1/4/20/20/6+3
implementable        0/3/13/27/11
quality              1/6/25/18/4
"""
_SECOND_WAVE = """
own_view      0/0/2/2/0 0/0/1/1/1 0/1/1/1/1 0/0/1/2/1 0/2/4/2/0 0/1/5/2/1 1/1/4/3/0+1 0/1/6/3/2
participants_active 0/0/1/2/1 0/0/1/2/0 0/0/0/3/1 0/0/1/3/0 0/1/3/3/1 1/1/4/3/0 0/0/3/6/1 0/1/4/5/2
impact        0/0/2/2/0 0/2/1/0/0 0/1/1/2/0 1/1/1/1/0 0/2/3/2/1 1/3/4/1/0 0/0/2/5/2+1 0/2/4/5/1
implementable 0/0/1/2/1 0/0/1/1/1 0/0/0/2/2 0/0/0/3/1 0/0/3/4/1 0/0/5/3/1 0/0/1/5/4 0/1/1/3/3+4
quality       0/0/1/2/1 0/0/0/1/2 0/0/2/2/0 0/0/2/1/1 0/1/3/4/0 0/1/3/4/1 0/0/2/7/1 0/1/3/5/3
developed     0/0/1/2/1 0/0/1/1/1 0/0/0/2/2 0/0/1/2/1 0/0/3/4/1 0/0/3/4/2 0/1/3/4/2 0/1/4/5/2
care_forms    0/0/1/2/1 0/0/1/1/1 0/0/1/2/1 1/0/1/2/0 1/2/3/2/0 1/2/4/2/0 0/1/4/4/1 0/2/5/4/1
"""


def _case_workers() -> Survey:
    by = ("wave", "agency", "delprojekt")
    later = tuple(cell for cell in _WORKERS if cell[0] == "2013")
    n_first = sum(n for cell, n in _WORKERS.items() if cell[0] == "2012")
    first = _read(_FIRST_WAVE, (("2012",),), len(DEGREES))
    second = _read(_SECOND_WAVE, later, len(DEGREES))
    # What the appendices say of co-operation has no wave; it is read as that of 2013.
    unknown: dict[Cell, tuple[int, ...]] = {("2012",): (0, 0, 0, 0, 0, n_first)}
    questions = tuple(
        Question(name, _LABELS[name], DEGREES, {**first.get(name, unknown), **cells}, by)
        for name, cells in second.items()
    )
    tables = tuple(
        f"004.{table}" for table in ("survey_caseworkers", "methods", "vast", "ost", "nord")
    )
    return Survey(
        "case_workers", "Case workers, in early 2012 and early 2013, without ids", _WORKERS, by,
        questions, tables,
    )  # fmt: skip


_BOARDS: dict[Cell, int] = {("Försäkringskassan",): 11, ("Arbetsförmedlingen",): 5, ("övriga",): 2}
_BANDS = ((1, 4), (5, 7), (8, 10))
_IN_BANDS = ("i låg grad", "varken låg eller hög grad", "i hög grad")


def _steering() -> Survey:
    n = sum(_BOARDS.values())
    counts = {
        "cases": (1, 4, 13),  # "en tydlig majoritet" has no figure
        "organisation": (4, 8, 6),
        "care": (7, 8, 3),
        # 64 percent cannot be had of 18: the counts are those nearest to the printed percentages.
        "return_to_work": nearest_counts((17, 64, 17), n),
    }
    questions = tuple(
        Question(name, _LABELS[name], _IN_BANDS, {(): (*three, 0)}, (), band=_BANDS)
        for name, three in counts.items()
    )
    return Survey(
        "steering_groups", "Steering groups, June 2013, on ten-point items", _BOARDS,
        ("organisation_of",), questions, ("004.survey_steering", "004.methods"),
    )  # fmt: skip


SURVEYS = (_leavers(), _closing(), _case_workers(), _steering())
"""The four surveys."""
