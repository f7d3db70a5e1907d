"""Strangers' tables from CSV and Excel, and every way in which they can be broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from evalkit.errors import InputError
from evalkit.published import audit_file, load, read_table

WIDE = """\
;Kvinnor;;Män;;Totalt;
;Antal;Andel;Antal;Andel;Antal;Andel
Totalt;60;60%;40;40%;100;100%
Ålder;;;;;;
18-29 år;20;50%;20;50%;40;100%
30-64 år;40;67%;20;33%;60;100%
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str, name: str = "tabell.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return _write


def test_wide_table_with_two_header_rows(write) -> None:
    report = audit_file(write(WIDE))
    assert report.findings.empty
    assert report.guessed == (
        "rows 18-29 år + 30-64 år = Totalt",
        "columns Kvinnor + Män = Totalt",
        "percentages are of the row's Totalt",
    )
    assert report.n_checked == 15


def test_a_slip_is_located_by_its_row_and_column(write) -> None:
    report = audit_file(write(WIDE.replace("60;100%", "80;100%")))
    finding = report.findings.iloc[0]
    assert (finding["row"], finding["column"], finding["possible"]) == ("30-64 år", "Totalt", "60")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_encodings_and_delimiters(write, encoding: str, delimiter: str) -> None:
    path = write(WIDE.replace(";", delimiter), encoding=encoding)
    assert len(read_table(path).cells) == 18


def test_percent_of_the_column_total_is_guessed(write) -> None:
    text = "Kön,Antal,Andel\nKvinnor,12,57%\nMän,9,43%\nTotalt,21,100%\n"
    report = audit_file(write(text))
    assert "percentages are of the column's Totalt" in report.guessed
    assert report.findings.empty


def test_tidy_file_is_read_as_it_stands(write) -> None:
    lines = ["row_group,row,column_group,column,measure,text"]
    lines += [
        f"{c.key.row_group},{c.key.row},,{c.key.column},{c.key.measure},{c.figure.text}"
        for c in load("000.t1").cells
    ]
    path = write("\n".join(lines) + "\n", name="eget.csv")
    frame = read_table(path).to_frame()
    assert frame["value"].tolist() == load("000.t1").to_frame()["value"].tolist()


def test_excel_percent_formats_are_kept(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("Kön", "Antal", "Andel"),
        ("Kvinnor", 12, 4 / 7),
        ("Män", 9, 3 / 7),
        ("Totalt", 21, 1),
    ):
        sheet.append(row)
    for cell in sheet["C"][1:]:
        cell.number_format = "0%"
    path = tmp_path / "tabell.xlsx"
    book.save(path)
    frame = read_table(path).to_frame()
    assert frame.loc[frame["measure"] == "percent", "text"].tolist() == ["57%", "43%", "100%"]
    assert audit_file(path).findings.empty


def test_relations_from_a_file(write) -> None:
    table = write("Rad,2009,2010,Skillnad\nAlla,16034,12517,3517\n")
    parts = '[{column: "2010"}, {column: Skillnad}]'
    text = f'relations:\n  - sum: {{total: {{column: "2009"}}, parts: {parts}}}\n'
    relations = write(text, name="r.yaml")
    assert audit_file(table, relations).n_checked == 1
    assert audit_file(table, relations).findings.empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Kön,Antal\nKvinnor,12,3\nMän,9\n", "line 2 (3)"),
        ("Kön,Antal\nKvinnor,tolv stycken\nTotalt,12\n", "'tolv stycken'"),
        ("Kön,Antal\n", "a header and at least one row"),
        ("Kön,Antal\nKvinnor,12\nKvinnor,9\n", "repeated labels"),
        ("Kön,Antal\nKvinnor,12\nMän,9\n", "--relations"),
        ('Kön,Antal\n"Kvinnor,12\n', "well-formed CSV"),
        (
            "row_group,row,column_group,column,measure,text\n,Alla,,Antal,styck,3\n",
            "measure in count",
        ),
        (
            "row_group,row,column_group,column,measure,text\n,Alla,,Antal,count,tre stycken\n",
            "line 2",
        ),
        (
            "row_group,row,column_group,column,measure,text\n,A,,N,count,3\n,A,,N,count,4\n",
            "each cell once",
        ),
    ],
)
def test_broken_files_say_what_where_and_what_to_do(write, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        audit_file(write(text))
    assert said in str(caught.value)


def test_unknown_encoding_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("Kön,Antal\nKvinnor,12\nMän,9\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8") as caught:
        audit_file(path)
    assert "line 1" in str(caught.value)


def test_files_of_another_kind(write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="existing file"):
        audit_file(tmp_path / "saknas.csv")
    with pytest.raises(InputError, match=r"\.csv or \.xlsx"):
        audit_file(write("x", name="tabell.docx"))
    with pytest.raises(InputError, match="Excel workbook"):
        audit_file(write("inte excel", name="tabell.xlsx"))
    with pytest.raises(InputError, match="valid YAML"):
        audit_file(write(WIDE), write("a: [1", name="r.yaml"))
    with pytest.raises(InputError, match="list of relations"):
        audit_file(write(WIDE), write("a: 1", name="r2.yaml"))
