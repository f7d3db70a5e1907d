"""What a notebook hands over, and figures that can be read aloud."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from evalkit import published
from evalkit.errors import InputError
from evalkit.plots import stacked_shares
from evalkit.report import Document, document, frequency_table
from evalkit.report.document import REPORT_MIME


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Collect what the document displays."""
    bundles: list[dict] = []
    monkeypatch.setattr(document, "_display", lambda bundle, _=None: bundles.append(bundle))
    return bundles


def table_2():
    people = published.reconstruct(["000.t2"], rng=1)
    groups = {
        "sex": "", "age_group": "Ålder", "birth_country": "Födelseland",
        "disability": "Funktionsnedsättning", "education": "Utbildningsnivå",
    }  # fmt: skip
    return frequency_table(people, rows=groups, columns="target_group", decimals_below_one=1)


def test_a_figure_that_the_source_contradicts_is_told_from_other_differences(shown) -> None:
    doc = Document("en", title="T")
    table = table_2()
    agreement = doc.compare(table, "000.t2")
    assert (agreement.n_cells, agreement.n_equal, agreement.n_corrected) == (150, 149, 1)
    assert not agreement.equal
    assert agreement.unexplained() == []
    first, *rest = table.rows
    wrong = replace(first, counts=(744, *first.counts[1:]))
    doc.compare(replace(table, rows=(wrong, *rest)), "000.t2")
    doc.finish(inconsistencies=3, explained=2)
    result = shown[-1][REPORT_MIME]
    assert (result["n_cells"], result["n_equal"], result["n_corrected"]) == (150, 148, 1)
    assert (result["n_inconsistencies"], result["n_explained"]) == (3, 2)
    assert result["differences"] == [
        "000.t2 Totalt / Anställd sjukskriven/se (count): published 743, computed 744"
    ]


def test_texts_in_both_languages(shown) -> None:
    Document("sv", title="T").text(sv="ett", en="one")
    Document("en", title="T").text(sv="ett", en="one")
    assert [bundle["text/markdown"] for bundle in shown] == ["ett", "one"]


def test_a_figure_is_inline_and_can_be_read_aloud(shown) -> None:
    counts = pd.DataFrame({"Ja": [1, 2], "Nej": [3, 4]}, index=["a", "b"])
    doc = Document("sv", title="T")
    for _ in range(2):
        doc.figure(
            stacked_shares(counts), caption="A < B", alt='Andelen är 25 % & "låg"', source="X"
        )
    first, second = (bundle["text/html"] for bundle in shown)
    assert "<title" in first
    assert "Andelen är 25 % &amp; &quot;låg&quot;</title>" in first
    assert 'role="img" aria-labelledby="ek1-title"' in first
    assert "<b>Diagram 1.</b> A &lt; B" in first
    assert "Källa: X" in first
    assert not re.search(r"https?:|<\?xml|<!DOCTYPE|<metadata", first)
    ids = [set(re.findall(r'\bid="([^"]+)"', html)) for html in (first, second)]
    assert not ids[0] & ids[1]
    for html, known in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)) <= known


def test_a_figure_needs_its_finding_in_words() -> None:
    ax = stacked_shares(pd.DataFrame({"Ja": [1]}, index=["a"]))
    with pytest.raises(InputError, match="alt"):
        Document("sv", title="T").figure(ax, caption="C", alt=" ")
