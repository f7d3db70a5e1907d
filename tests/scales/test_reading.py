"""Survey files: what is read, what their labels say, and which answers are missing and why."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from evalkit.errors import InputError
from evalkit.scales import Scale, SurveyData, read_survey, score
from evalkit.scales.reading import survey_with_ranges

REFERENCE = Path(__file__).parents[1] / "reference/scales"
EXPECTED = pd.read_csv(REFERENCE / "scale_files_expected.csv", dtype=str, keep_default_na=False)


def compare_with_haven(survey: SurveyData, file: str) -> None:
    """Check each answer's code, kind of missing and label against what haven read."""
    for row in EXPECTED[EXPECTED["file"] == file].to_dict("records"):
        at = int(row["id"]) - 1
        column = row["column"]
        answer = survey.codes[column].iloc[at]
        assert pd.isna(answer) == (row["missing"] == "TRUE"), row
        kinds = [kind for kind, where in survey.kinds.get(column, {}).items() if where[at]]
        if row["missing"] == "FALSE":
            assert kinds == []
            assert float(answer) == float(row["code"])
            assert survey.labels[column].get(answer, "") == row["label"]
        else:
            own = f"code .{row['code']}" if row["code"].isalpha() else f"code {row['code']}"
            expected = "not answered" if not row["code"] else row["label"] or own
            assert kinds == [expected], row


@pytest.mark.parametrize("ending", ["sav", "dta"])
def test_spss_and_stata_files_as_haven_reads_them(ending: str) -> None:
    survey = read_survey(REFERENCE / f"scale_files.{ending}")
    compare_with_haven(survey, ending)
    assert survey.source == f"scale_files.{ending}"
    if ending == "sav":
        assert survey.questions == {"q1": "Question 1"}
    assert survey.labelled(["q1"])["q1"].cat.categories.tolist() == ["Nej", "Delvis", "Ja"]


def test_ranges_of_missing_codes_without_pyreadstat() -> None:
    frame = pd.read_csv(REFERENCE / "scale_files_answers.csv").astype(float)
    labels = {1.0: "Nej", 2.0: "Delvis", 3.0: "Ja", 98.0: "Vet ej"}
    survey = survey_with_ranges(
        frame,
        labels={"q1": {**labels, 99.0: "Ej aktuellt"}, "q2": labels},
        questions={},
        ranges={"q1": [{"lo": 98.0, "hi": 98.0}, {"lo": 99.0, "hi": 99.0}],
                "q2": [{"lo": 90.0, "hi": 99.0}]},
        tags={},
    ).with_blanks()  # fmt: skip
    compare_with_haven(survey, "sav")


def test_letters_of_missing_without_pyreadstat() -> None:
    frame = pd.DataFrame({"q1": pd.Series([1.0, "a", 3.0, np.nan, "b"], dtype=object)})
    survey = survey_with_ranges(
        frame, labels={"q1": {1: "Nej", "a": "Vet ej"}}, questions={}, ranges={},
        tags={"q1": ["a", "b"]},
    ).with_blanks()  # fmt: skip
    assert survey.missing_table()[["kind", "n"]].values.tolist() == [
        ["Vet ej", 1], ["code .b", 1], ["not answered", 1],
    ]  # fmt: skip
    assert survey.codes["q1"].dtype == np.float64


def test_without_pyreadstat_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("evalkit.scales.reading.import_module", absent)
    file = tmp_path / "x.sav"
    file.write_bytes(b"")
    with pytest.raises(InputError, match=r"install evalkit\[spss\]"):
        read_survey(file)


def test_csv_of_swedish_excel(tmp_path: Path) -> None:
    file = tmp_path / "svar.csv"
    file.write_text("id;q1;q2\n1;3;2,5\n2;98;\n3;NA;1\n", "utf-8")
    with pytest.raises(InputError, match="Swedish Excel writes sep=';'"):
        read_survey(file)
    survey = read_survey(
        file, sep=";", decimal=",", missing_codes={"98": "vet ej", "NA": "NA"}, columns=["q1"]
    )
    assert survey.codes["q2"].tolist()[::2] == [2.5, 1.0]
    assert survey.missing_table().values.tolist() == [
        ["q1", "vet ej", 1], ["q1", "NA", 1], ["q2", "not answered", 1],
    ]  # fmt: skip


def test_texts_among_numbers_of_a_csv(tmp_path: Path) -> None:
    file = tmp_path / "svar.csv"
    file.write_text("q1;q2;q3\n3;2,5;a\n98;NA;NA\nNA;1,0;3\n;;\n", "utf-8")
    kinds = {"NA": "NA", 98: "vet ej"}
    survey = read_survey(file, sep=";", decimal=",", missing_codes=kinds)
    np.testing.assert_array_equal(survey.codes["q1"], [3, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(survey.codes["q2"], [2.5, np.nan, 1, np.nan])
    assert survey.codes["q3"].tolist()[::2] == ["a", "3"]  # a text is left, so texts they are
    assert survey.missing_table().values.tolist() == [
        ["q1", "NA", 1], ["q1", "vet ej", 1], ["q1", "not answered", 1],
        ["q2", "NA", 1], ["q2", "not answered", 1],
        ["q3", "NA", 1], ["q3", "not answered", 1],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("q1;å\n1;2\n".encode("cp1252"), {"sep": ";"}, r"often have encoding='cp1252'"),
        (b"q1;q2\n1;2\n", {"encoding": "none-such"}, r"encoding: must be that of the file"),
        (b"", {}, r"path: must be a table with a line of names.*x\.csv: No columns"),
        (b"a,b\n1,2\n1,2,3\n", {}, r"as many cells in every line.*line 3, saw 3"),
    ],
)
def test_csv_files_that_cannot_be_read(
    tmp_path: Path, content: bytes, options: dict, message: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_survey(file, **options)


def test_csv_of_an_older_program(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes("fråga;svar\n1;Nöjd\n".encode("cp1252"))
    survey = read_survey(file, sep=";", encoding="cp1252")
    assert survey.codes.to_dict("list") == {"fråga": [1], "svar": ["Nöjd"]}


def test_excel_sheets_and_names(tmp_path: Path) -> None:
    file = tmp_path / "svar.xlsx"
    pd.DataFrame([[1, 98], [2, 4]], columns=[1, 2]).to_excel(file, index=False, sheet_name="Svar")
    for sheet in (0, "Svar"):
        survey = read_survey(file, missing_codes=98, columns=["2"], sheet=sheet)
        assert survey.missing_table().values.tolist() == [["2", "code 98", 1]]
        assert score(survey, Scale("Two", ["1", "2"], (1, 5))).score.tolist()[1] == 6
    for sheet in (1, "Blad1"):
        with pytest.raises(InputError, match=r"sheet: must be a sheet of svar\.xlsx: 'Svar'; got"):
            read_survey(file, sheet=sheet)
    file.write_text("not a workbook")
    with pytest.raises(InputError, match=r"svar\.xlsx, which is none"):
        read_survey(file)


def test_spss_files_of_many_kinds(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "q1": [1.0, 2, 98, 99, np.nan], "q2": [-9.0, 1, 2, 99, 2], "s": ["a", "b", "XX", "", "c"],
    })  # fmt: skip
    labels = {1: "Nej", 2: "Ja", 97: "Vägrar", 98: "Vet ej", 99: "Ej aktuellt"}
    file = tmp_path / "svar.sav"
    pyreadstat.write_sav(
        frame, str(file),
        column_labels={"q1": "Är du nöjd?"},
        variable_value_labels={"q1": labels},
        missing_ranges={"q1": [97, 98, 99], "q2": [{"lo": -99, "hi": -1}, 99], "s": ["XX"]},
    )  # fmt: skip
    survey = read_survey(file)
    assert survey.missing_table().values.tolist() == [
        ["q1", "Vet ej", 1], ["q1", "Ej aktuellt", 1], ["q1", "not answered", 1],
        ["q2", "code -9", 1], ["q2", "code 99", 1], ["s", "XX", 1],
    ]  # fmt: skip
    assert survey.labels == {"q1": {1: "Nej", 2: "Ja"}}  # 97 too, which nobody chose
    assert survey.labelled()["q1"].cat.categories.tolist() == ["Nej", "Ja"]
    assert survey.questions == {"q1": "Är du nöjd?"}
    frame = score(survey, Scale("Two", ["q1", "q2"], (1, 2), min_answered=1)).to_frame()
    assert frame["missing_kinds"].tolist() == [
        "code -9: 1", "", "Vet ej: 1", "Ej aktuellt: 1, code 99: 1", "not answered: 1",
    ]  # fmt: skip
    np.testing.assert_array_equal(frame["score"], [2, 3, 4, np.nan, 4])


def test_stata_letters_with_a_label_that_nobody_has(tmp_path: Path) -> None:
    frame = pd.DataFrame({"q1": pd.Series([1, 2, "a", "b"], dtype=object)})
    file = tmp_path / "svar.dta"
    pyreadstat.write_dta(
        frame, str(file),
        variable_value_labels={"q1": {1: "Nej", 2: "Ja", "a": "Vet ej", "c": "Vägrar"}},
        missing_user_values={"q1": ["a", "b", "c"]},
    )  # fmt: skip
    survey = read_survey(file)
    assert survey.missing_table()[["kind", "n"]].values.tolist() == [["Vet ej", 1], ["code .b", 1]]
    assert survey.labelled()["q1"].cat.categories.tolist() == ["Nej", "Ja"]


def test_portable_files(tmp_path: Path) -> None:
    file = tmp_path / "svar.por"
    pyreadstat.write_por(pd.DataFrame({"Q1": [1.0, 98, np.nan]}), str(file))
    survey = read_survey(file, missing_codes={98: "vet ej"})
    assert survey.missing_table()[["kind", "n"]].values.tolist() == [
        ["vet ej", 1], ["not answered", 1],
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"encoding: must be None for a \.por file"):
        read_survey(file, encoding="cp1252")


@pytest.mark.parametrize("ending", ["sav", "dta", "por"])
def test_broken_files(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"x.{ending}"
    file.write_text("nothing of the kind")
    with pytest.raises(InputError, match=rf"a file that pyreadstat can read; got x\.{ending}"):
        read_survey(file)


def test_excel(tmp_path: Path) -> None:
    file = tmp_path / "svar.xlsx"
    answers = {"id": [1, 2, 3], "q1": [1, 98, None], "q2": ["Ja", "NA", None]}
    pd.DataFrame(answers).to_excel(file, index=False)
    survey = read_survey(file, missing_codes={98: "vet ej"})
    assert survey.missing_table()[["column", "kind"]].values.tolist() == [
        ["q1", "vet ej"], ["q1", "not answered"], ["q2", "not answered"],
    ]  # fmt: skip
    assert survey.codes["q2"].tolist()[1] == "NA"


@pytest.mark.parametrize(("name", "message"), [("x.doc", "ending in .csv"), ("x.csv", "exists")])
def test_files_that_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_survey(tmp_path / name)


def test_questions_that_were_not_put_are_a_kind_of_their_own() -> None:
    df = pd.DataFrame({"q1": [1, 0, 0, 1], "q2": [3.0, np.nan, np.nan, np.nan]})
    gate = (df["q1"] == 0).to_numpy()
    survey = SurveyData.from_frame(df, not_asked={"q2": gate})
    assert survey.missing_table().values.tolist() == [
        ["q2", "not asked", 2], ["q2", "not answered", 1],
    ]  # fmt: skip
    scale = Scale("One", ["q2"], (1, 5))
    frame = score(survey, scale).to_frame()
    assert frame["missing_kinds"].tolist() == [
        "", "not asked: 1", "not asked: 1", "not answered: 1",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"rows without an answer; got 1 answers \(at q2, row 0"):
        SurveyData.from_frame(df, not_asked={"q2": [True, False, False, False]})
    with pytest.raises(InputError, match="4 times True or False"):
        SurveyData.from_frame(df, not_asked={"q2": [1, 0, 0, 0]})
    again = survey.with_blanks().with_not_asked("q2", gate)
    assert again.missing_table().values.tolist() == survey.missing_table().values.tolist()


def test_codes_count_only_in_the_columns_named() -> None:
    df = pd.DataFrame({"age": [99, 40], "q1": [99, 2]})
    before = df.copy(deep=True)
    survey = SurveyData.from_frame(df, missing_codes=99, columns=["q1"])
    assert survey.codes["age"].tolist() == [99, 40]
    assert survey.missing_table().values.tolist() == [["q1", "code 99", 1]]
    pd.testing.assert_frame_equal(df, before)
    with pytest.raises(InputError, match="a column of df"):
        SurveyData.from_frame(df, missing_codes=99, columns=["q9"])


def test_labels_keep_levels_that_nobody_chose() -> None:
    df = pd.DataFrame({"q1": [1, 3, 98]})
    labels = {"q1": {1: "Nej", 2: "Delvis", 3: "Ja", 98: "Vet ej"}}
    survey = SurveyData.from_frame(df, missing_codes={98: "Vet ej"}, labels=labels)
    column = survey.labelled()["q1"]
    assert column.cat.categories.tolist() == ["Nej", "Delvis", "Ja"]
    assert column.cat.ordered
    assert column.tolist()[:2] == ["Nej", "Ja"]
    with pytest.raises(InputError, match="q1 with codes that have none"):
        SurveyData.from_frame(df, labels={"q1": {1: "Nej"}}).labelled()
    # A code that means missing is no level, whatever its kind is called and whoever chose it.
    for frame, kind in [(df, "don't know"), (df[df["q1"] < 4], "Vet ej")]:
        survey = SurveyData.from_frame(frame, missing_codes={98: kind}, labels=labels)
        assert survey.labelled()["q1"].cat.categories.tolist() == ["Nej", "Delvis", "Ja"]
    assert list(labels["q1"]) == [1, 2, 3, 98]  # not changed


def test_the_survey_prints_briefly_and_pickles() -> None:
    df = pd.DataFrame({f"q{i}": [np.nan, 1] for i in range(40)})
    survey = SurveyData.from_frame(df)
    assert len(repr(survey).splitlines()) <= 15
    assert "<table>" in survey._repr_html_()
    assert "No answer is missing." in repr(SurveyData.from_frame(df[1:]))
    assert len(survey) == 2
    again = pickle.loads(pickle.dumps(survey))
    pd.testing.assert_frame_equal(again.to_frame(), df)
