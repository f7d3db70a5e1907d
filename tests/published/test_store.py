"""The shipped tables: complete, well formed, each with relations."""

from __future__ import annotations

import pandas as pd
import pytest

from evalkit import published
from evalkit.errors import InputError
from evalkit.published.store import MEASURES, sources

TABLES = published.tables()
EXPECTED = {
    *(f"000.t{i}" for i in range(1, 9)), "000.inflow", "000.claims",
    "001.t1", "001.t2", "001.t3", "001.t4a", "001.t4b", "001.t5", "001.t6a", "001.t6b",
    "001.t7a", "001.t7b", "001.t8", "001.t9", "001.alternativa", "001.claims",
    "002.claims",
    *(f"003.t{i}" for i in range(1, 5)), "003.claims",
    "004.redo", "004.riket", "004.enrolment", "004.brochure", "004.claims",
    "004.survey_participants", "004.survey_close", "004.survey_caseworkers", "004.survey_steering",
}  # fmt: skip


def test_every_listed_table_is_shipped() -> None:
    assert set(TABLES["table_id"]) >= EXPECTED
    assert list(TABLES.columns) == ["table_id", "source", "title", "page", "n_cells"]
    assert set(TABLES["source"]) == {"000", "001", "002", "003", "004"}
    assert TABLES["n_cells"].min() > 0


@pytest.mark.parametrize("table_id", TABLES["table_id"])
def test_each_table_is_tidy_and_has_relations(table_id: str) -> None:
    frame = published.load(table_id).to_frame()
    assert list(frame.columns) == [
        "table_id", "row_group", "row", "column_group", "column", "measure", "value", "text",
    ]  # fmt: skip
    assert set(frame["measure"]) <= set(MEASURES)
    assert not frame.duplicated(["row_group", "row", "column_group", "column", "measure"]).any()
    assert (frame["row"] != "").all()
    assert published.audit(table_id).results, f"{table_id} is in no relation"


def test_every_csv_is_listed_and_every_table_has_a_csv() -> None:
    from evalkit.core.resources import data_dir

    files = {path.name[:-4] for path in data_dir("published").iterdir() if path.suffix == ".csv"}
    assert files == set(TABLES["table_id"])


def test_value_is_the_text_read() -> None:
    frame = published.load("000.t4").to_frame().set_index(["row", "column", "measure"])
    assert frame.loc[("Totalt", "Starta eget", "percent"), ["value", "text"]].tolist() == [
        0.3,
        "0,3%",
    ]


def test_figures_that_the_source_does_not_print_are_nan_with_their_text() -> None:
    frames = [published.load(table_id).to_frame() for table_id in TABLES["table_id"]]
    frame = pd.concat(frames)
    silent = frame[frame["value"].isna()]
    assert not silent.empty
    assert silent["text"].str.strip().isin(["", "-", "\u2013", "..", "."]).all()


def test_what_is_announced_but_missing_is_listed() -> None:
    missing = published.not_available()
    assert set(missing["source"]) >= {"000", "002", "003", "004"}
    assert (missing["why"].str.len() > 10).all()


def test_sources_carry_their_metadata() -> None:
    for name, source in sources().items():
        if name != "cross":
            assert {"title", "publisher", "date", "document"} <= set(source.meta), name


def test_unknown_table_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Nearest: ") as caught:
        published.load("000.t33")
    assert "000.t3" in str(caught.value)


def test_html_has_the_caption() -> None:
    html = published.load("003.t1")._repr_html_()
    assert "<caption>Tabell 1" in html
    assert "7 187" in html
