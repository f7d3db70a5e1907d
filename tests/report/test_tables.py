"""Tables as HTML: structure that a screen reader follows, in both languages."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from evalkit.errors import InputError
from evalkit.report.counting import frequency_table
from evalkit.report.html import Block, Line
from evalkit.report.tables import Listing, ReportTable

PEOPLE = pd.DataFrame(
    {
        "kön": ["Kvinnor"] * 1200 + ["Män"] * 800,
        "status": (["Arbete"] * 3 + ["<Program>"]) * 500,
    }
)


@pytest.fixture
def table() -> ReportTable:
    return frequency_table(
        PEOPLE,
        rows={"kön": "Kön"},
        columns="status",
        levels={"status": ["Arbete", "<Program>"]},
        caption="Tabell 3. Status & annat",
        notes=["En fotnot."],
        source="Arbetsförmedlingen",
        labels={"Män": "Män (alla)"},
    )


def test_structure(table: ReportTable) -> None:
    page = BeautifulSoup(table.to_html(), "html.parser")
    assert page.caption.get_text() == "Tabell 3. Status & annat"
    assert page.caption.b.get_text() == "Tabell 3."
    first, second = page.thead.find_all("tr")
    assert (first.td["rowspan"], first.td.get_text()) == ("2", "")  # no header without words
    assert [
        (th["scope"], th.get("colspan"), th.get_text()) for th in first.find_all("th")
    ] == [
        ("colgroup", "2", "Arbete"),
        ("colgroup", "2", "<Program>"),
        ("colgroup", "2", "Summa"),
    ]  # fmt: skip
    assert [th.get_text() for th in second.find_all("th")] == ["Antal", "Andel"] * 3
    total, group = page.find_all("tbody")
    assert total.tr["class"] == ["ek-total"]
    assert [cell.get_text() for cell in total.tr] == [
        "Totalt", "1\u00a0500", "75\u00a0%", "500", "25\u00a0%", "2\u00a0000", "100\u00a0%",
    ]  # fmt: skip
    assert group.find("th", scope="rowgroup").get_text() == "Kön"
    assert [th.get_text() for th in group.find_all("th", scope="row")] == ["Kvinnor", "Män (alla)"]
    assert [p.get_text() for p in page.figcaption.find_all("p")] == [
        "Anm.: En fotnot.",
        "Källa: Arbetsförmedlingen",
    ]
    region = page.find(role="region")
    assert (region["tabindex"], region["aria-label"]) == ("0", "Tabell 3. Status & annat")


def test_english(table: ReportTable) -> None:
    page = BeautifulSoup(table.to_html("en", labels={"Kvinnor": "Women"}), "html.parser")
    words = [cell.get_text() for cell in page.find_all(["th", "td"])]
    assert {"Total", "Number", "Share", "Women", "1,500", "75%"} <= set(words)
    assert page.figcaption.p.get_text() == "Note: En fotnot."
    assert not {"Totalt", "Summa", "Antal", "Andel", "Kvinnor"} & set(words)


def test_labels_change_what_is_shown_and_not_what_is_compared(table: ReportTable) -> None:
    assert "Män" in table.to_tidy()["row"].tolist()
    assert "Män (alla)" not in table.to_tidy()["row"].tolist()


def test_in_jupyter_it_brings_its_style(table: ReportTable) -> None:
    assert table._repr_html_().startswith("<style>")
    assert str(table) == "Tabell 3. Status & annat (3 rows; Arbete, <Program>, Summa)"


def test_it_cannot_be_changed(table: ReportTable) -> None:
    with pytest.raises(FrozenInstanceError):
        table.decimals = 1  # type: ignore[misc]


@pytest.mark.parametrize("argument", ["header", "notes", "words"])
def test_one_text_is_not_several(argument: str) -> None:
    given = {"header": ("A", "B"), "blocks": (), argument: "abc"}
    with pytest.raises(InputError, match=f"{argument}: must be a sequence"):
        Listing(**given)


def test_a_table_of_words() -> None:
    listing = Listing(
        header=("Uppgift", "Antal", "Bedömning"),
        blocks=(Block("", (Line("a<b", ("3", "fel"), total=True),)),),
        words=("Bedömning",),
        lang="en",
        source="X",
    )
    page = BeautifulSoup(listing.to_html(), "html.parser")
    assert page.caption is None
    assert [th["class"] for th in page.thead.find_all("th")] == [["t"], ["n"], ["t"]]
    assert [td.get("class") for td in page.find_all("td")] == [None, ["t"]]
    assert page.find("th", scope="row").get_text() == "a<b"
    assert page.figcaption.get_text() == "Source: X"
    assert listing._repr_html_().endswith(listing.to_html())
