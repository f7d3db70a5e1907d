"""Running notebooks: whole pages or none, and no silence about a cell that differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.errors import InputError, ReproductionError
from evalkit.report.runner import reproduce

# The published table 1, with one count replaced.
TABLE = """
people = published.reconstruct(["000.t1"], rng=1)
table = frequency_table(
    people,
    rows={"sex": "", "age_group": "Ålder", "spell_length": "Tid i sjukfall"},
    caption="Tabell 1. T",
)
"""
BARE_IMAGE = "from IPython.display import display_png; display_png(b'x', raw=True)"
PLANTED = """
from dataclasses import replace
first, second, *rest = table.rows
table = replace(table, rows=(first, replace(second, counts=(2307,)), *rest))
"""


def test_all_equal(shelf, tmp_path: Path) -> None:
    shelf("ett", TABLE, 'doc.table(table, published="000.t1")')
    outcome = reproduce(out=tmp_path / "out")
    (run,) = outcome.runs
    assert outcome.ok
    assert (run.n_cells, run.n_equal, run.n_inconsistencies) == (26, 26, 1)
    assert run.outcome == "26 av 26 celler återskapade, 1 inkonsistens i källan"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ett.html", "index.html"]
    page = (tmp_path / "out" / "ett.html").read_text(encoding="utf-8")
    assert "Samtliga 26 celler är lika de publicerade." in page
    assert "Not for the page" not in page
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert '<a href="ett.html">En rapport</a>' in index
    assert run.outcome in index
    assert outcome.check() is outcome


@pytest.mark.parametrize(
    ("lang", "explained", "words"),
    [
        ("sv", 1, "0 av 0 celler återskapade, 4 inkonsistenser i källan, 1 förklarad av källan"),
        ("sv", 2, "0 av 0 celler återskapade, 4 inkonsistenser i källan, 2 förklarade av källan"),
        ("en", 2,
         "0 of 0 cells reproduced, 4 inconsistencies in the source, 2 explained by the source"),
    ],
)  # fmt: skip
def test_what_the_source_explains_is_told_apart(
    shelf, tmp_path: Path, lang: str, explained: int, words: str
) -> None:
    shelf("ett", end=f"doc.finish(inconsistencies=4, explained={explained})")
    (run,) = reproduce(out=tmp_path, lang=lang).runs
    assert run.outcome == words


def test_a_cell_that_differs(shelf, tmp_path: Path) -> None:
    shelf("ett", TABLE, PLANTED, 'doc.table(table, published="000.t1")')
    outcome = reproduce(out=tmp_path, lang="en")
    (run,) = outcome.runs
    assert not outcome.ok
    assert run.outcome == "25 of 26 cells reproduced, 1 inconsistency in the source"
    assert run.differences == ("000.t1 Kvinnor / Antal (count): published 2306, computed 2307",)
    with pytest.raises(ReproductionError, match="published 2306, computed 2307"):
        outcome.check()


def test_a_notebook_that_fails_leaves_no_page_and_the_others_run(shelf, tmp_path: Path) -> None:
    shelf("a", "raise KeyError('nyckel')")
    shelf("b")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.html").write_text("from an earlier run")
    outcome = reproduce(out=tmp_path / "out")
    assert [run.problem for run in outcome.runs] == ["cell 4: KeyError: 'nyckel'", ""]
    assert not outcome.ok
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.html", "index.html"]
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Kunde inte köras: cell 4: KeyError" in index
    assert "a.html" not in index


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        ("", "got 0"),
        ("doc.finish(inconsistencies=0)\n" * 2, "got 2"),
        (f"{BARE_IMAGE}\ndoc.finish(inconsistencies=0)", "a bare image (at cell 4)"),
        ("import os\nos._exit(1)", "Kernel died"),
    ],
)  # fmt: skip
def test_what_no_page_can_be_made_of(shelf, tmp_path: Path, end: str, problem: str) -> None:
    shelf("ett", end=end)
    (run,) = reproduce(out=tmp_path / "out").runs
    assert problem in run.problem
    assert not (tmp_path / "out" / "ett.html").exists()


def test_the_same_run_gives_the_same_bytes(shelf, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1339718400")
    figure = (
        "from evalkit.plots import stacked_shares\n"
        "ax = stacked_shares(pd.DataFrame({'x': [1, 2], 'y': [3, 4]}, index=['a', 'b']))\n"
        "doc.figure(ax, caption='C', alt='A')"
    )
    shelf("ett", figure)
    pages = [
        (reproduce(out=tmp_path / out).runs[0].page or Path()).read_bytes() for out in ("1", "2")
    ]
    assert pages[0] == pages[1]
    assert b"2012-06-15" in pages[0]


def test_bad_requests(shelf, tmp_path: Path) -> None:
    shelf("ett", tag="other")
    shelf("tutorial_x", "1 / 0")
    with pytest.raises(InputError, match=r"got tva, tutorial_x\. Reports: ett"):
        reproduce(["ett", "tva", "tutorial_x"], out=tmp_path / "out")
    with pytest.raises(InputError, match="one cell tagged 'parameters'"):
        reproduce(out=tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be a folder"):
        reproduce(out=tmp_path / "file")
    with pytest.raises(InputError, match="lang"):
        reproduce(out=tmp_path / "out", lang="de")  # type: ignore[arg-type]
    (tmp_path / "notebooks" / "ett.ipynb").write_text(json.dumps([1])[:-1])
    with pytest.raises(InputError, match="must be a notebook"):
        reproduce(out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
