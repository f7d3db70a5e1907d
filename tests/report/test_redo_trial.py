"""The report of the synthetic trial: published counts equal, all else said to be invented."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup

from evalkit.report.runner import Reproduction, notebooks, reproduce

NAME = "redo_trial"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reproduction]:
    folder = tmp_path_factory.mktemp("reports")
    return {lang: reproduce([NAME], out=folder / lang, lang=lang) for lang in ("sv", "en")}


@pytest.fixture(params=["sv", "en"])
def page(request: pytest.FixtureRequest, outcomes: dict[str, Reproduction]) -> tuple[str, str]:
    path = outcomes[request.param].runs[0].page
    assert path is not None, outcomes[request.param]
    return request.param, path.read_text(encoding="utf-8")


def test_every_published_count_is_equal(outcomes) -> None:
    for outcome in outcomes.values():
        run = outcome.check().runs[0]
        assert (run.n_cells, run.n_equal, run.n_corrected) == (7, 7, 0)
        assert run.n_inconsistencies == 1  # six to eight in a group, but 54 in ten


def test_every_table_and_figure_says_where_its_numbers_come_from(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    word = "yntetiska data" if lang == "sv" else "ynthetic data"
    computed = ("Beräkning", "Computation")
    found = html.find_all("figure")
    assert len(found) == 16
    for figure in found:
        said = figure.get_text()
        assert word in said or any(name in said for name in computed) or "ICH E9(R1)" in said
    head = html.find(class_="ek-title").get_text()
    assert word in head or "Synthetic" in head
    assert re.search("säger ingenting om ReDO|say nothing about ReDO", head)


def test_the_flow_shows_the_published_numbers(page) -> None:
    lang, text = page
    drawing = BeautifulSoup(text, "html.parser").find("svg")
    shown = drawing.get_text().replace("\u00a0", " ")
    words = {
        "sv": ["Påbörjade programmet (n = 54)", "Fullföljde (n = 31)", "Avbröt (n = 23)",
               "i 10 grupper", "Exkluderade (n = 0)", "Fick ändå ReDO (n = 0)"],
        "en": ["Started the programme (n = 54)", "Completed (n = 31)", "Broke off (n = 23)",
               "in 10 groups", "Excluded (n = 0)", "Had ReDO nevertheless (n = 0)"],
    }[lang]  # fmt: skip
    assert all(word in shown for word in words)


def test_all_that_a_trial_report_needs_is_there(page) -> None:
    lang, text = page
    headings = [h.get_text() for h in BeautifulSoup(text, "html.parser").find_all("h2")]
    wanted = {
        "sv": ["Flöde", "Armarna vid start", "Primärt utfall", "Sekundära utfall", "Följsamhet",
               "Bortfall", "Känslighet", "Vad försöket kunde ha upptäckt", "Facit",
               "punkt för punkt"],
        "en": ["Flow", "The arms at the start", "Primary outcome", "Secondary outcomes",
               "Adherence", "Missing outcomes", "Sensitivity", "What the trial could have found",
               "The true answers", "item by item"],
    }[lang]  # fmt: skip
    assert all(any(word in heading for heading in headings) for word in wanted)


def test_the_title_says_that_the_trial_is_randomised(page) -> None:
    lang, text = page
    title = BeautifulSoup(text, "html.parser").h1.get_text()
    assert {"sv": "randomiserade försöket", "en": "randomised trial"}[lang] in title


def test_harms_are_said_not_to_be_known(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    word = {"sv": "Oönskade händelser", "en": "Harms"}[lang]
    (heading,) = (h for h in html.find_all("h3") if word in h.get_text())
    said = heading.find_next("p").get_text()
    assert {"sv": "finns inte för någon av armarna", "en": "no information on harms"}[lang] in said


def test_every_item_of_consort_2025_is_answered(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    (table,) = (t for t in html.find_all("table") if re.match("Tabell B|Table B", t.caption.text))
    items: list[int] = []
    answers = {"sv": {"Ja", "Delvis", "Nej"}, "en": {"Yes", "In part", "No"}}[lang]
    for row in table.find_all("tr"):
        cells = [cell.get_text() for cell in row.find_all(["th", "td"])]
        if found := re.match(r"(\d+)(?:–(\d+))?\. ", cells[0]):
            items += range(int(found[1]), int(found[2] or found[1]) + 1)
            assert cells[1] in answers
            assert cells[2]
    assert items == list(range(1, 31))


def test_sections_that_are_referred_to_exist(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    headings = [h.get_text() for h in html.find_all(["h2", "h3"])]
    said = html.main.get_text(" ").replace("\u00a0", " ")
    word = {"sv": "[Aa]vsnitt", "en": "[Ss]ections?"}[lang]
    numbers = set(re.findall(rf"{word} (\d+(?:\.\d)?)", said))
    assert len(numbers) > 8
    for number in numbers:
        assert any(re.match(rf"{re.escape(number)}\.? ", heading) for heading in headings), number


def test_the_counts_are_ascribed_to_the_document_that_prints_them(page) -> None:
    """Pages 56 and 57 are in the handbook; the final report begins on page 131."""
    lang, text = page
    figures = BeautifulSoup(text, "html.parser").find_all("figure")
    sources = " ".join(figure.get_text() for figure in figures)
    assert {"sv": "Metodhandboken s. 57", "en": "Handbook, p. 57"}[lang] in sources
    assert not re.search("(?i)slutrapport|final report", sources)


def test_secondary_outcomes_give_the_persons_of_each_arm(page) -> None:
    _, text = page
    html = BeautifulSoup(text, "html.parser")
    (table,) = (t for t in html.find_all("table") if re.match("Tabell 5|Table 5", t.caption.text))
    last = [row.find_all("td")[-1].get_text() for row in table.find_all("tr") if row.find("td")]
    persons = [text.replace("\u00a0", " ") for text in last if "+" in text]
    assert len(persons) == 8
    assert {"50 + 49", "60 + 60"} <= set(persons)


def test_no_p_values_at_baseline(page) -> None:
    _, text = page
    html = BeautifulSoup(text, "html.parser")
    (baseline,) = (table for table in html.find_all("table") if table.find("th", string="SMD"))
    assert not re.search(r"p.value|p.värde", baseline.get_text())


def test_the_page_needs_nothing_but_itself(page) -> None:
    _, text = page
    assert "<script" not in text.lower()
    references = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]*)""", text)
    assert references
    assert all(reference.startswith(("#", "data:")) for reference in references)
    assert "://" not in text
    visible = BeautifulSoup(text, "html.parser").main.get_text()
    assert not re.search(r"\bnan\b|\bNaN\b|\{\w|import |In \[|Warning", visible)


def test_the_page_can_be_read_aloud(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    assert html.html["lang"] == lang
    drawings = html.find_all("svg")
    assert len(drawings) == 5
    assert all(len(drawing.title.get_text()) > 100 for drawing in drawings)
    assert all(table.caption for table in html.find_all("table"))
    assert all(th.get("scope") and th.get_text().strip() for th in html.find_all("th"))
    levels = [int(heading.name[1]) for heading in html.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [tag["id"] for tag in html.find_all(id=True)]
    assert len(ids) == len(set(ids))


def test_tables_and_figures_are_numbered_and_mentioned(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    prose = " ".join(p.get_text() for p in html.find_all(["p", "li"])).replace("\u00a0", " ")
    words = {"sv": ("Tabell", "Diagram"), "en": ("Table", "Figure")}[lang]
    captions = " ".join(c.get_text() for c in html.find_all(["caption", "figcaption"]))
    for word in words:
        numbers = re.findall(rf"\b{word} (\w+)\.", captions)
        assert len(numbers) == len(set(numbers)) >= 5
        for number in numbers:
            assert re.search(rf"(?i)\b{word} {number}\b", prose), (word, number)


def test_numbers_are_set_in_the_language(page) -> None:
    lang, text = page
    prose = " ".join(p.get_text() for p in BeautifulSoup(text, "html.parser").find_all(["p", "li"]))
    assert ("0,053" if lang == "sv" else "0.053") in prose
    assert not re.search(r"\d %|\d procent", prose), "a breakable space before the unit"
    assert not re.search(r"(?<![\w–-])-\d", prose), "a hyphen for a minus"
    if lang == "en":
        tables = BeautifulSoup(text, "html.parser").find_all("table")
        words = " ".join(c.get_text() for t in tables for c in t.find_all(["th", "td", "caption"]))
        assert not re.search(r"[åäöÅÄÖ]", words)


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(notebooks()[NAME].read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    assert all(cell.get("execution_count") is None for cell in notebook["cells"])
