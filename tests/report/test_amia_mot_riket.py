"""The report on AMiA against riket: published shares, both national figures, known effects."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from bs4 import BeautifulSoup

from evalkit import matching, published, synthetic
from evalkit.kernels.rounding import percent_half_up
from evalkit.report.runner import Reproduction, notebooks, reproduce

NAME = "amia_mot_riket"
COVARIATES = "group ~ sex + age + diagnosis + education + years + employed"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reproduction]:
    folder = tmp_path_factory.mktemp("reports")
    return {lang: reproduce([NAME], out=folder / lang, lang=lang) for lang in ("sv", "en")}


@pytest.fixture(params=["sv", "en"])
def page(request: pytest.FixtureRequest, outcomes: dict[str, Reproduction]) -> tuple[str, str]:
    path = outcomes[request.param].runs[0].page
    assert path is not None, outcomes[request.param]
    return request.param, path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def people():
    drawn = synthetic.synthetic_amia_riket(rng=1)
    return drawn.assign(group=np.where(drawn["amia"] == 1, "AMiA", "Riket"))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2060", "").replace("\u00ad", "")


def prose(text: str) -> str:
    found = BeautifulSoup(text, "html.parser").main.find_all(["p", "li"])
    return " ".join(plain(" ".join(paragraph.get_text() for paragraph in found)).split())


def table(text: str, name: str) -> list[list[str]]:
    """Rows of the table whose caption begins with a name."""
    html = BeautifulSoup(text, "html.parser")
    (one,) = (
        t for t in html.find_all("table") if re.match(rf"\w+ {name}\.", plain(t.caption.get_text()))
    )
    rows = [[c.get_text() for c in row.find_all(["th", "td"])] for row in one.find_all("tr")]
    return [[plain(c) for c in row] for row in rows]


def number(text: str) -> float:
    return float(text.replace("\u2212", "-").replace(",", ".").rstrip(" %"))


def test_every_published_cell_is_equal(outcomes) -> None:
    for outcome in outcomes.values():
        run = outcome.check().runs[0]
        assert (run.n_cells, run.n_equal, run.n_corrected) == (16, 16, 0)
        assert run.n_inconsistencies == 5


def test_every_figure_of_the_sources_is_as_printed(page) -> None:
    _, text = page
    printed = {
        plain(one)
        for name in ("riket", "summary", "enrolment", "results_claims")
        for one in published.load(f"004.{name}").to_frame()["text"].astype(str)
    } | {plain(one) for one in published.load("001.alternativa").to_frame()["text"].astype(str)}
    rows = [row for row in table(text, "A")[1:] if len(row) == 5]
    assert len(rows) == 34
    assert all(row[2] in printed for row in rows)
    assert sum(row[4] in ("Lika", "Equal") for row in rows) == 16


def test_the_summary_says_what_can_be_said_and_what_cannot(page) -> None:
    lang, text = page
    box = plain(BeautifulSoup(text, "html.parser").find(class_=re.compile("summary")).get_text(" "))
    for words in {
        "sv": ["Det här går att säga", "Det här går inte att säga", "Målet nåddes inte",
               "14 procentenheter bättre", "22 procentenheter sämre", "Om AMiA gjorde skillnad"],
        "en": ["What can be said", "What cannot be said", "The goal was not reached",
               "14 percentage points better", "22 percentage points worse",
               "Whether AMiA made a difference"],
    }[lang]:  # fmt: skip
        assert words in box


def test_delprojekt_against_the_goal_and_both_national_figures(page) -> None:
    _, text = page
    rows = {row[0]: row for row in table(text, "1")[1:]}
    amount = rows["Nord"][1], rows["Syd"][1], rows["Väst"][1]
    assert amount == ("116", "284", "258")
    assert "126" in rows["Öst"][1]
    assert [rows[name][2].rstrip(" %") for name in ("Nord", "Öst", "Syd", "Väst")] == [
        "78", "67", "57", "43",
    ]  # fmt: skip
    assert re.match("Över, kan vara slump|Above, may be chance", rows["Öst"][3])
    assert re.match(r"Över \(|Above \(", rows["Nord"][3])
    assert all(re.match("Under|Below", rows[name][3]) for name in ("Syd", "Väst"))
    whole = rows.get("Hela projektet") or rows["The whole project"]
    assert whole[4].startswith("+14 (+10")
    assert whole[5].startswith("\u221222 (\u221227")


def test_the_numbers_of_ost_that_are_possible() -> None:
    """By brute force: 67 per cent of n, and 58 of all, in whole persons."""

    def counts(n: int, share: int) -> set[int]:
        return {x for x in range(n + 1) if percent_half_up(x, n) == share}

    others = {
        a + b + c for a in counts(116, 78) for b in counts(258, 43) for c in counts(284, 57)
    }  # fmt: skip
    found = [
        n for n in range(1, 274)
        if any(percent_half_up(x + y, 658 + n) == 58 for x in counts(n, 67) for y in others)
    ]  # fmt: skip
    assert (min(found), max(found)) == (126, 273)
    least, most = (658 + n for n in (min(found), max(found)))
    assert (least, most) == (784, 931)


def test_why_the_national_figures_disagree(page) -> None:
    lang, text = page
    said = prose(text)
    for words in {
        "sv": ["Högst en av siffrorna räknar som AMiA gör", "mellan 784 och 931",
               "mellan 35 procent och 74 procent", "avaktualiserade", "första kvartalet 2012"],
        "en": ["At most one of the figures counts as AMiA does", "between 784 and 931",
               "between 35 per cent and 74 per cent", "deregistered", "first quarter of 2012"],
    }[lang]:  # fmt: skip
        assert words in said
    cells = " ".join(cell for row in table(text, "2") for cell in row)
    assert {"sv": "Anges inte (56 %)", "en": "Not said (56%)"}[lang] in cells


def test_invented_persons_are_called_so_everywhere(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    head = html.find(class_="ek-title").get_text()
    assert re.search("säger ingenting om AMiA|say nothing about AMiA", head)
    word = {"sv": "Konstruerade personer", "en": "Invented persons"}[lang]
    sources = [plain(one.get_text()) for one in html.find_all("figure")]
    assert len(sources) == 15
    invented = [one for one in sources if word in one]
    assert len(invented) == 8  # tables 3-5, figures 2-6
    assert all("Källa:" in one or "Source:" in one for one in sources)


def test_every_method_with_whom_its_answer_is_about(page) -> None:
    _, text = page
    rows = table(text, "4")[1:]
    heads = [row[0] for row in rows if len(row) == 1 or not any(row[1:])]
    methods = [row for row in rows if len(row) == 4 and row[2]]
    assert len(methods) == 9
    assert len(heads) == 4
    assert any("865" in head for head in heads)
    assert any("844" in head for head in heads)
    for row in methods:
        assert row[1]
        assert abs(number(row[2]) - number(row[3])) < 3


def test_the_true_effects_are_covered(people) -> None:
    """Where the background is taken into account, and not where it, or a part, is left out."""
    amia = people[people["amia"] == 1]
    gain = amia["chance_with"] - amia["chance_without"]
    on = {"outcome": "moved_on", "treated": "AMiA", "model": "logit"}
    found = matching.aipw(COVARIATES, people, **on).to_frame().iloc[0]
    assert found["conf_low"] < gain.mean() < found["conf_high"]
    for method in ("ipw", "entropy"):
        weighted = matching.weight(COVARIATES, people, method=method, treated="AMiA")
        one = weighted.effect("moved_on").to_frame().iloc[0]
        assert one["conf_low"] < gain.mean() < one["conf_high"]
    like = ["sex", "diagnosis", "education", "employed"]
    pairs = matching.match(COVARIATES, people, treated="AMiA", caliper=0.2, exact=like)
    kept = pairs.matched[(people["amia"] == 1).to_numpy()]
    one = pairs.effect("moved_on").to_frame().iloc[0]
    assert one["conf_low"] < gain[kept].mean() < one["conf_high"]
    assert int(kept.sum()) == 844
    less = matching.aipw(COVARIATES.replace(" + years", ""), people, **on).to_frame().iloc[0]
    assert less["conf_high"] < gain.mean()
    crude = amia["moved_on"].mean() - people.loc[people["amia"] == 0, "moved_on"].mean()
    assert crude < gain.mean() - 0.08


def test_what_registration_before_shows(page) -> None:
    _, text = page
    rows = [row for row in table(text, "5")[1:] if len(row) == 3 and row[1]]
    crude, weighted, matched, e_value, bound, robustness = (row[1] for row in rows)
    assert crude.startswith("\u22124")
    assert re.match(r"\+0[.,]9", weighted)
    assert re.match(r"\+2[.,]7", matched)
    assert number(e_value) == pytest.approx(2.7)
    assert number(bound) == pytest.approx(2.3)
    assert number(robustness) == pytest.approx(11.9)


def test_what_would_explain_alternativa_insatser(page) -> None:
    """With the shares of table 6 the obstacle alone gives 15.8 against 26 per cent."""
    _, text = page
    rows = table(text, "6")[1:]
    assert len(rows) == 3
    for times, row in zip((2, 3, 4), rows, strict=True):
        for among, cell in zip((0.0, 0.2, 0.4), row[1:], strict=True):
            if not re.match(r"\d", cell):
                continue
            loss = 1 - 1 / times
            ratio = (1 - number(cell) / 100 * loss) / (1 - among * loss)
            assert ratio == pytest.approx(15.8 / 26, abs=0.01)
    said = prose(text)
    assert re.search(r"(6[.,]7 (till|to) 13[.,]6; p < 0[.,]001)", said)
    assert re.search(r"2[.,]7", said)


def test_the_randomised_comparison_of_alternativa_insatser_is_told(page) -> None:
    """The report for 2010 awaits IFAU's evaluation, which found no difference."""
    lang, text = page
    said = prose(text)
    for words in {
        "sv": ["lottades erbjudandet", "IFAU fann ingen skillnad", "Rapport 2012:3"],
        "en": ["offer of measures was randomised", "found no difference", "Rapport 2012:3"],
    }[lang]:
        assert words in said


def test_sections_that_are_referred_to_exist(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    headings = [h.get_text() for h in html.find_all(["h2", "h3"])]
    said = plain(html.main.get_text(" "))
    word = {"sv": "[Aa]vsnitt", "en": "[Ss]ections?"}[lang]
    numbers = set(re.findall(rf"{word} (\d+(?:\.\d)?)", said))
    assert numbers >= {"2.2", "3", "3.3", "4"}
    for one in numbers:
        assert any(re.match(rf"{re.escape(one)}\.? ", heading) for heading in headings), one


def test_tables_and_figures_are_numbered_and_mentioned(page) -> None:
    lang, text = page
    html = BeautifulSoup(text, "html.parser")
    said = prose(text)
    words = {"sv": ("Tabell", "Diagram"), "en": ("Table", "Figure")}[lang]
    captions = " ".join(c.get_text() for c in html.find_all(["caption", "figcaption"]))
    for word, count in zip(words, (8, 7), strict=True):
        numbers = re.findall(rf"\b{word}[ \u00a0](\w+)\.", captions)
        assert len(numbers) == len(set(numbers)) == count
        for one in numbers:
            assert re.search(rf"(?i)\b{word} {one}\b", said), (word, one)


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
    assert len(drawings) == 7
    assert all(len(drawing.title.get_text()) > 100 for drawing in drawings)
    assert all(one.caption for one in html.find_all("table"))
    levels = [int(heading.name[1]) for heading in html.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [tag["id"] for tag in html.find_all(id=True)]
    assert len(ids) == len(set(ids))


def test_numbers_are_set_in_the_language(page) -> None:
    lang, text = page
    found = BeautifulSoup(text, "html.parser").main.find_all(["p", "li"])
    said = " ".join(paragraph.get_text() for paragraph in found)
    assert ("23,7" if lang == "sv" else "23.7") in said
    assert ("12\u00a0000" if lang == "sv" else "12,000") in said
    assert not re.search(r"\d %|\d procent|\d per cent", said), "a breakable space before the unit"
    assert not re.search(r"(?<![\w–-])-\d", said), "a hyphen for a minus"
    drawn = " ".join(svg.get_text() for svg in BeautifulSoup(text, "html.parser").find_all("svg"))
    assert not re.search(r"\d\.\d" if lang == "sv" else r"\d,\d(?!\d\d)|\d %", drawn)


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(notebooks()[NAME].read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    assert all(cell.get("execution_count") is None for cell in notebook["cells"])
