"""The report on the AMiA surveys: every figure of the prose, honest verdicts, both languages."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup

from evalkit import synthetic
from evalkit.report.runner import Reproduction, notebooks, reproduce

NAME = "amia_enkater"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reproduction]:
    folder = tmp_path_factory.mktemp("reports")
    return {lang: reproduce([NAME], out=folder / lang, lang=lang) for lang in ("sv", "en")}


@pytest.fixture(params=["sv", "en"])
def page(request: pytest.FixtureRequest, outcomes: dict[str, Reproduction]) -> tuple[str, str]:
    path = outcomes[request.param].runs[0].page
    assert path is not None, outcomes[request.param]
    return request.param, path.read_text(encoding="utf-8")


def prose(text: str) -> str:
    found = BeautifulSoup(text, "html.parser").main.find_all(["p", "li"])
    words = " ".join(paragraph.get_text() for paragraph in found)
    return " ".join(words.replace("\u2060", "").split())


def table(text: str, name: str) -> list[list[str]]:
    """Rows of the table whose caption begins with a name."""
    html = BeautifulSoup(text, "html.parser")
    (one,) = (t for t in html.find_all("table") if re.match(rf"\w+ {name}\.", t.caption.get_text()))
    rows = [[c.get_text() for c in row.find_all(["th", "td"])] for row in one.find_all("tr")]
    return [[c.replace("\u00a0", " ").replace("\u2060", "") for c in row] for row in rows]


def test_every_figure_holds_or_is_wrong_in_the_source(outcomes) -> None:
    for outcome in outcomes.values():
        run = outcome.check().runs[0]
        assert (run.n_cells, run.n_equal, run.n_corrected) == (104, 97, 7)
        assert run.n_inconsistencies == 11
    assert "7 felaktiga i källan" in outcomes["sv"].runs[0].outcome


def test_every_figure_of_the_prose_is_in_the_appendix(page) -> None:
    lang, text = page
    rows = [row for row in table(text, "A") if len(row) == 5][1:]
    figures = synthetic.amia_figures()
    assert len(rows) == len(figures) == 104
    assert [row[1] for row in rows] == figures["text"].tolist()
    verdicts = [row[4] for row in rows]
    agrees = {"sv": "Går ihop", "en": "Agrees"}[lang]
    assert verdicts.count(agrees) == 91
    none = {
        "sv": "Inget antal av 18; närmast 12 (66,7 %)",
        "en": "No number of 18; nearest 12 (66.7%)",
    }
    assert verdicts.count(none[lang]) == 1
    blank = {"sv": "Inte med 54 svar, men med 53", "en": "Not of 54 answers, but of 53"}[lang]
    assert verdicts.count(blank) == 3


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("60 procent", r"60 (procent|per cent) .*kontakterna|60 per cent thought"),
        ("56", r"56 (procent|per cent)"),
        ("47", r"47 (procent|per cent)"),
        ("36", r"36 (procent|per cent)"),
        ("32 to 61", r"32 (procent|per cent).* 61 (procent|per cent)"),
        ("64", r"64, 17 (och|and) 17 (procent|per cent)"),
    ],
)
def test_the_published_shares_stand_in_the_text(page, printed: str, said: str) -> None:
    _, text = page
    assert re.search(said, prose(text)), printed


def test_every_diagram_that_has_figures_is_redrawn(page) -> None:
    """Diagrams 7 and 16 of the source are not: no figure of theirs is in the prose."""
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    captions = [c.get_text().replace("\u00a0", " ") for c in html.find_all("figcaption")]
    subtitles = " ".join(captions)
    word = {"sv": r"Källans diagram ([\d och]+)", "en": r"Diagrams? ([\d and]+) of the source"}[
        lang
    ]
    found = {int(n) for group in re.findall(word, subtitles) for n in re.findall(r"\d+", group)}
    assert found == {2, 3, 4, 5, 6, 8, 9, 10, 11}


def test_what_is_invented_is_said(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    word = {"sv": "yntetiska", "en": "ynthetic"}[lang]
    head = html.find(class_="ek-title").get_text()
    assert word in head
    assert re.search("säger ingenting om AMiA|says nothing about AMiA", head)
    figures = [figure for figure in html.find_all("figure") if figure.find("svg")]
    assert len(figures) == 9
    assert all(word in figure.get_text() for figure in figures)


def test_anonymous_waves_are_warned_of(page) -> None:
    lang, text = page
    said = prose(text)
    assert {"sv": "utan id", "en": "without ids"}[lang] in said
    assert {"sv": "intervallen för breda", "en": "intervals are too wide"}[lang] in said


def test_ten_points_are_cut_in_three_ways(page) -> None:
    _, text = page
    head, *rows = table(text, "8")
    assert head[1:] == ["1–4, 5–7, 8–10", "1–3, 4–7, 8–10", "1–4, 5–6, 7–10"]
    assert rows[-1][1] == "3 / 12 / 3"
    for row in rows:
        assert all(sum(map(int, cell.split(" / "))) == 18 for cell in row[1:])


def test_margins_give_bounds_only(page) -> None:
    lang, text = page
    rows = {row[0]: row for row in table(text, "9")}
    to = {"sv": "till", "en": "to"}[lang]
    assert rows["Öst"][4:6] == [f"29 {to} 62", f"29 {to} 95"]
    assert {"sv": "samma personer", "en": "the same persons"}[lang] in prose(text)


def test_few_answers_are_shown_as_counts(page) -> None:
    lang, text = page
    of = {"sv": "av", "en": "of"}[lang]
    cells = [cell for row in table(text, "6")[1:] for cell in row[1:]]
    assert len(cells) == 20
    assert all(re.fullmatch(rf"\d+ {of} \d+", cell) for cell in cells)


def test_the_page_needs_nothing_but_itself(page) -> None:
    _, text = page
    assert "<script" not in text.lower()
    references = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]*)""", text)
    assert references
    assert all(reference.startswith(("#", "data:")) for reference in references)
    assert "://" not in text
    visible = BeautifulSoup(text, "html.parser").main.get_text()
    assert not re.search(r"\bnan\b|\bNaN\b|<NA>|\{\w|import |In \[|Warning|004\.", visible)


def test_the_page_can_be_read_aloud(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    assert html.html["lang"] == lang
    assert all(len(drawing.title.get_text()) > 60 for drawing in html.find_all("svg"))
    assert all(one.caption for one in html.find_all("table"))
    levels = [int(heading.name[1]) for heading in html.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [tag["id"] for tag in html.find_all(id=True)]
    assert len(ids) == len(set(ids))


def test_tables_and_figures_are_numbered_and_mentioned(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    words = {"sv": ("Tabell", "Diagram"), "en": ("Table", "Figure")}[lang]
    captions = " ".join(c.get_text() for c in html.find_all(["caption", "figcaption"]))
    for word in words:
        numbers = re.findall(rf"\b{word} (\w+)\.", captions)
        assert len(numbers) == len(set(numbers)) >= 9
        for number in numbers:
            assert re.search(rf"(?i)\b{word} {number}\b", prose(text)), (word, number)


def test_numbers_are_set_in_the_language(page) -> None:
    lang, text = page
    found = BeautifulSoup(text, "html.parser").find_all(["p", "li"])
    words = " ".join(paragraph.get_text() for paragraph in found)
    assert ("0,051" if lang == "sv" else "0.051") in words
    assert not re.search(r"\d %|\d procent", words), "a breakable space before the unit"
    assert not re.search(r"(?<![\w–-])-\d", words), "a hyphen for a minus"


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(notebooks()[NAME].read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    assert all(cell.get("execution_count") is None for cell in notebook["cells"])
