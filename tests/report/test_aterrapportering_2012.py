"""The shipped report: every cell, a page that needs nothing but itself, both languages."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from evalkit.report.runner import Reproduction, notebooks, reproduce

NAME = "aterrapportering_2012"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reproduction]:
    folder = tmp_path_factory.mktemp("reports")
    return {lang: reproduce([NAME], out=folder / lang, lang=lang) for lang in ("sv", "en")}


@pytest.fixture(params=["sv", "en"])
def page(request: pytest.FixtureRequest, outcomes: dict[str, Reproduction]) -> tuple[str, str]:
    path = outcomes[request.param].runs[0].page
    assert path is not None, outcomes[request.param]
    return request.param, path.read_text(encoding="utf-8")


def test_every_cell_is_as_published_but_for_the_misprint(outcomes) -> None:
    for outcome in outcomes.values():
        run = outcome.check().runs[0]
        assert (run.n_cells, run.n_equal, run.n_corrected) == (576, 575, 1)
        assert (run.n_inconsistencies, run.n_explained) == (4, 2)


def test_what_the_source_explains_stands_apart(page) -> None:
    lang, text = page
    last = BeautifulSoup(text, "html.parser").find_all("table")[-1]
    blocks = last.find_all("tbody")
    word = "Källan förklarar" if lang == "sv" else "The source explains it"
    explained = [[word in row.get_text() for row in block.find_all("tr")[1:]] for block in blocks]
    assert explained == [[False] * 4, [True] * 2]
    assert all(cell.get_text().strip() for cell in last.find_all("td")[1:]), "a dash, not nothing"


def test_the_page_needs_nothing_but_itself(page) -> None:
    _, text = page
    assert "<script" not in text.lower()
    references = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]*)""", text)
    assert references
    assert all(reference.startswith(("#", "data:")) for reference in references)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "://" not in text


def test_the_page_shows_no_trace_of_the_notebook(page) -> None:
    _, text = page
    assert "In [" not in text
    assert "Out[" not in text
    assert "stderr" not in text
    visible = BeautifulSoup(text, "html.parser").main.get_text()
    assert not re.search(r"\bnan\b|\bNaN\b|\{\w|import |\bNone\b(?! of)", visible)


def test_the_page_can_be_read_aloud(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    assert html.html["lang"] == lang
    assert all(image.get("alt") for image in html.find_all("img"))
    drawings = html.find_all("svg")
    assert len(drawings) == 2
    assert all(len(drawing.title.get_text()) > 100 for drawing in drawings)
    tables = html.find_all("table")
    assert len(tables) == 11
    assert all(table.caption for table in tables)
    assert all(th.get("scope") and th.get_text().strip() for th in html.find_all("th"))
    levels = [int(heading.name[1]) for heading in html.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [tag["id"] for tag in html.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {link["href"].removeprefix("#") for link in html.nav.find_all("a")} <= set(ids)


def test_the_languages_are_not_mixed(outcomes) -> None:
    english = BeautifulSoup(outcomes["en"].runs[0].page.read_text(encoding="utf-8"), "html.parser")
    for table in english.find_all("table")[:10]:  # the last quotes the source
        words = " ".join(cell.get_text() for cell in table.find_all(["th", "caption"]))
        assert not re.search(r"[åäöÅÄÖ]", words), words


def test_numbers_are_set_in_the_language(page) -> None:
    lang, text = page
    prose = " ".join(p.get_text() for p in BeautifulSoup(text, "html.parser").find_all(["p", "li"]))
    assert ("3\u00a0740" if lang == "sv" else "3,740") in prose
    assert not re.search(r"\d %|\d procent", prose), "a breakable space before the unit"
    assert not re.search(r"(?<![\w–-])-\d", prose), "a hyphen for a minus"


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(notebooks()[NAME].read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    assert all(cell.get("execution_count") is None for cell in notebook["cells"])


@pytest.mark.needs("chromium")
def test_nothing_is_wider_than_a_phone(page, chromium: str, tmp_path: Path) -> None:
    _, text = page
    measured = tmp_path / "page.html"
    measured.write_text(text, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        '<body><iframe src="page.html" style="width:390px;height:800px;border:0"></iframe><script>'
        "const frame = document.querySelector('iframe'); frame.onload = () => {"
        " const page = frame.contentDocument.documentElement;"
        " document.body.dataset.extra = page.scrollWidth - page.clientWidth; };</script></body>",
        encoding="utf-8",
    )
    dom = browse(chromium, tmp_path, "--allow-file-access-from-files", "--dump-dom", frame.as_uri())
    assert re.search(r'data-extra="(\d+)"', dom).group(1) == "0"


@pytest.mark.needs("chromium")
def test_it_prints_on_a4(page, chromium: str, tmp_path: Path) -> None:
    _, text = page
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    pdf = tmp_path / "page.pdf"
    browse(
        chromium, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}",
        (tmp_path / "page.html").as_uri(),
    )  # fmt: skip
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf.read_bytes())
    assert boxes
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}
    assert len(boxes) <= 15


def browse(chromium: str, home: Path, *arguments: str) -> str:
    """Run the browser without a window, and return what it prints."""
    settings = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={home / 'profile'}",
    ]
    done = subprocess.run(
        [chromium, *settings, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout
