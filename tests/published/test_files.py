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


CONSISTENT = {
    "unknown sex": "Kön;Antal\nKvinnor;10\nMän;20\nUppgift saknas;1\nTotalt;31\n",
    "open age bands": "Ålder;Antal\nUnder 25 år;5\n25–44 år;7\n45 år och äldre;8\nTotalt;20\n",
    "of which": "Stöd;Antal\nMed;30\nvarav sjukpenning;5\nUtan;12\nTotalt;42\n",
    "mean beside count": "Kön;Antal;Medelålder\nKvinnor;10;43\nMän;20;44\nTotalt;30;43\n",
    "share beside count": "Kön;Antal;Andel deltagare\nKvinnor;1;33\nMän;2;67\nTotalt;3;100\n",
    "label in second row": ";Kvinnor;;Män;\nGrupp;Antal;Andel;Antal;Andel\nA;1;25%;3;50%\n"
    "B;3;75%;3;50%\nTotalt;4;100%;6;100%\n",
    "title above": "Tabell 1. Deltagare;;\n;Antal;Andel\nKvinnor;1;25%\nMän;3;75%\nSumma:;4;100%\n",
    "title and empty rows": "Tabell 1\n\n;Antal\nKvinnor;1\nMän;3\n\nTotalt (n=4);4\n",
    "years": "Kön;Antal 2016;Andel 2016;Antal 2017;Andel 2017\nKvinnor;1;25%;2;50%\n"
    "Män;3;75%;2;50%\nTotalt;4;100%;4;100%\n",
}


@pytest.mark.parametrize("name", CONSISTENT)
def test_consistent_tables_of_many_layouts_are_not_accused(write, name: str) -> None:
    report = audit_file(write(CONSISTENT[name]))
    assert report.n_checked >= 1
    assert report.n_inconsistent == 0


def test_overlapping_bands_are_not_added_up(write) -> None:
    text = "Ålder;Antal\n18-24;3\n25-29;4\n18-29;7\n30-64;9\nTotalt;16\n"
    with pytest.raises(InputError, match="no relation"):
        audit_file(write(text))


def test_a_wrong_percent_in_an_unpaired_column_is_found(write) -> None:
    text = "Kön;Antal personer;Procent\nKvinnor;1;25\nMän;3;57\nTotalt;4;100\n"
    finding = audit_file(write(text)).findings.iloc[0]
    assert (finding["published"], finding["possible"]) == ("57", "75")


def test_a_saved_tidy_frame_can_be_audited(tmp_path: Path) -> None:
    path = tmp_path / "000.t1.csv"
    load("000.t1").to_frame().to_csv(path, index=False)
    report = audit_file(path)
    assert report.findings.query("verdict != 'rounding'").empty
    assert set(report.checks["table_id"]) == {"000.t1.csv"}


def test_excel_shows_what_its_formats_show(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in ((" ", "Antal", "Andel"), ("a", 1, 0.125), ("b", 7, 0.875), ("Totalt", 8, 1)):
        sheet.append(row)
    for cell in sheet["C"][1:]:
        cell.number_format = "0%"
    book.save(tmp_path / "t.xlsx")
    frame = read_table(tmp_path / "t.xlsx").to_frame()
    assert frame.loc[frame["measure"] == "percent", "text"].tolist() == ["13%", "88%", "100%"]


def test_excel_formulas_without_results_are_refused(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("Kön", "Antal"), ("Kvinnor", 1), ("Män", 2), ("Totalt", "=SUM(B2:B3)")):
        sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="formulas only") as caught:
        audit_file(tmp_path / "t.xlsx")
    assert "B4" in str(caught.value)


def test_empty_workbook(tmp_path: Path) -> None:
    Workbook().save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="at least one row"):
        audit_file(tmp_path / "t.xlsx")


def test_faults_are_placed_by_the_lines_of_the_file(write) -> None:
    with pytest.raises(InputError) as caught:
        audit_file(write("Kön;Antal\n;\n;\nKvinnor;abc\nTotalt;3\n"))
    assert "row 4" in str(caught.value)


def test_cost_grows_with_the_table_not_with_its_square(write) -> None:
    rows = "".join(f"g{i};1\n" for i in range(3000))
    report = audit_file(write(f"Grupp;Antal\n{rows}Totalt;3030\n"))
    assert report.n_inconsistent == 1


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
