"""The synthetic AMiA surveys: every published figure, honest readings and labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evalkit import published, synthetic
from evalkit.core.resources import data_dir
from evalkit.errors import InputError
from evalkit.synthetic.amia_counts import DEGREES, SURVEYS, nearest_counts
from evalkit.synthetic.amia_published import number_sent

NAMES = ["participants", "closing", "case_workers", "steering_groups"]
TABLES = ["participants", "chapter4", "close", "caseworkers", "steering"]


@pytest.fixture(scope="module")
def surveys() -> dict[str, pd.DataFrame]:
    return {name: synthetic.load_amia_survey(name) for name in NAMES}


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    return synthetic.amia_figures()


@pytest.fixture
def people(surveys: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return surveys["participants"]


def percent(answers: pd.Series, *wanted: str, digits: int = 0) -> float:
    """Percent of those who answered, rounded half up."""
    answered = answers.dropna()
    return int(100 * answered.isin(wanted).mean() * 10**digits + 0.5) / 10**digits


def test_every_printed_figure_of_the_survey_tables_is_computed(figures: pd.DataFrame) -> None:
    key = ["row_group", "row", "column_group", "column", "measure"]
    for name in TABLES:
        table = published.load(f"004.survey_{name}").to_frame()
        printed = table[table["value"].notna()]
        ours = figures[figures["table_id"] == f"004.survey_{name}"]
        assert set(map(tuple, ours[key].to_numpy())) == set(map(tuple, printed[key].to_numpy()))
        assert not ours.duplicated(key).any()


def test_they_hold_or_the_source_contradicts_itself(figures: pd.DataFrame) -> None:
    assert (figures["holds"] | figures["as_read"]).all()
    assert figures["verdict"].value_counts().to_dict() == {
        "equal": 91, "fewer answered": 6, "contradicted": 5, "impossible": 2,
    }  # fmt: skip
    read = figures[figures["as_read"]]
    assert read[["text", "verdict"]].to_numpy().tolist() == [
        ["Var fjärde", "contradicted"],
        ["ca 20", "contradicted"],
        ["30 procent", "contradicted"],
        ["30", "contradicted"],
        ["60 procent", "impossible"],
        ["knappt 45 procent", "contradicted"],
        ["64 procent", "impossible"],
    ]


def test_the_audit_finds_the_same_contradictions(figures: pd.DataFrame) -> None:
    """What the answers cannot follow is what the relations between the figures say as well."""
    found = pd.concat([published.audit(f"004.survey_{name}").findings for name in TABLES])
    wrong = found[found["verdict"] == "impossible"]
    for record in figures[figures["as_read"]].to_dict("records"):
        assert record["row"] in wrong["row"].tolist() or record["text"] == "Var fjärde"


def test_the_participants_of_the_issue(people: pd.DataFrame) -> None:
    assert len(people) == 320
    assert (people["in_footnote_20"] == "ja").sum() == 310
    assert percent(people["contacts_eased"], "mycket") == 60
    assert percent(people["agencies_cooperate"], "mycket") == 56
    assert percent(people["care_cooperates"], "mycket") == 32
    assert [percent(people["attitude"], x) for x in ("positiv", "neutral", "negativ")] == [
        56,
        32,
        12,
    ]
    assert percent(people["offered_health"], "ja") == 47
    assert percent(people["offered_work_trial"], "ja") == 40
    within = people[people["in_footnote_20"] == "ja"]
    assert percent(within["offered_health"], "ja") == 47
    assert percent(within["contacts_eased"], "mycket") == 60


def test_a_third_thinks_one_or_the_other(people: pd.DataFrame) -> None:
    """The text joins two questions with 'or': each of them, and both together, are a third."""
    either = (people["closer_to_work"] == "mycket") | (people["onward_to_af"] == "mycket")
    for share in (
        either.mean(), (people["closer_to_work"] == "mycket").mean(),
        (people["onward_to_af"] == "mycket").mean(),
    ):  # fmt: skip
        assert 0.283 < share < 0.383


def test_delprojekt_are_as_the_prose_says(people: pd.DataFrame) -> None:
    def share(question: str, *answers: str) -> pd.Series:
        answered = people[people[question].notna()]
        return answered[question].isin(answers).groupby(answered["delprojekt"]).mean()

    assert people["delprojekt"].value_counts().to_dict() == {
        "Väst": 82, "Nord": 70, "Öst": 69, "Syd": 53,
    }  # fmt: skip
    best = ["attitude", "agencies_cooperate", "care_cooperates", "meaningful"]
    for question in best:
        top = "positiv" if question == "attitude" else "mycket"
        assert share(question, top).idxmax() == "Nord"
    for question in ("agencies_cooperate", "care_cooperates"):
        assert share(question, "lite/inte alls").idxmax() == "Syd"
    for question in ("closer_to_work", "onward_to_af"):
        found = share(question, "mycket")
        assert found[["Nord", "Öst"]].min() > found[["Väst", "Syd"]].max()
    west = people[people["delprojekt"] == "Väst"].filter(like="offered").eq("ja").sum()
    assert 0 < west["offered_work_trial"] - west["offered_health"] <= 4
    assert west["offered_motivation"] < west["offered_health"]
    south = people[people["delprojekt"] == "Syd"].filter(like="offered").eq("ja").sum()
    assert max(south["offered_motivation"], south["offered_work_trial"]) < south["offered_health"]
    nord = people[people["delprojekt"] == "Nord"]
    assert 0.5 < nord["closer_to_work"].dropna().ne("lite/inte alls").mean() < 0.78


def test_the_152(surveys: dict[str, pd.DataFrame]) -> None:
    people = surveys["closing"]
    assert len(people) == 152
    assert people["work_ability"].value_counts().to_dict() == {
        "nej": 90, "ja": 55, "inte tagit ställning": 7,
    }  # fmt: skip
    crossed = pd.crosstab(people["work_ability"], people["comment"])
    assert crossed.sum().to_dict() == {"negativ": 19, "neutral eller ingen": 71, "positiv": 62}
    assert crossed.loc["nej", "positiv"] == 23
    sizes = people["delprojekt"].value_counts()
    assert sizes[["Väst", "Nord"]].min() > sizes[["Syd", "Öst"]].max()
    yes = people["work_ability"].eq("ja").groupby(people["delprojekt"]).mean()
    assert yes[["Nord", "Öst"]].min() > yes[["Syd", "Väst"]].max()


def test_case_workers_in_two_waves(surveys: dict[str, pd.DataFrame]) -> None:
    workers = surveys["case_workers"]
    assert "respondent" not in workers.columns
    waves = dict(list(workers.groupby("wave")))
    assert [len(waves[year]) for year in ("2012", "2013")] == [54, 54]
    agree = DEGREES[3:]
    expected = {
        "own_view": (30, 42), "impact": (51, 42), "participants_active": (32, 61),
        "implementable": (70, 74), "quality": (41, 65),
    }  # fmt: skip
    for question, printed in expected.items():
        found = tuple(percent(waves[y][question], *agree) for y in ("2012", "2013"))
        assert found == printed
    negative = {y: waves[y]["own_view"].dropna().isin(DEGREES[:2]).mean() for y in waves}
    assert negative["2013"] == pytest.approx(negative["2012"] / 2, abs=0.01)
    active = {y: waves[y]["participants_active"].value_counts() for y in waves}
    more = active["2013"] - active["2012"]
    assert more["stämmer i hög grad"] > 3 * more["stämmer helt"] > 0
    fully = {y: waves[y]["implementable"].dropna().eq("stämmer helt").mean() for y in waves}
    assert fully["2013"] > fully["2012"]


def test_case_workers_by_agency_and_delprojekt(surveys: dict[str, pd.DataFrame]) -> None:
    later = surveys["case_workers"].query("wave == '2013'")

    def agree(question: str, by: str) -> pd.Series:
        answered = later[later[question].notna()]
        return answered[question].isin(DEGREES[3:]).groupby(answered[by]).mean()

    view = agree("own_view", "agency")
    assert view["Fk"] > view["Af"]
    by_place = agree("own_view", "delprojekt")
    assert by_place[["Öst", "Nord"]].min() > by_place[["Väst", "Syd"]].max()
    active = agree("participants_active", "delprojekt")
    assert (active.idxmax(), active.idxmin()) == ("Öst", "Väst")
    impact = agree("impact", "delprojekt")
    assert impact["Syd"] > impact.drop("Syd").max() + 0.2
    possible = agree("implementable", "delprojekt")
    assert (possible.idxmax(), possible.idxmin()) == ("Öst", "Väst")
    quality, fully = agree("quality", "agency"), later["quality"].eq("stämmer helt")
    assert abs(quality["Fk"] - quality["Af"]) < 0.03
    assert fully[later["agency"] == "Fk"].mean() > fully[later["agency"] == "Af"].mean()
    best = agree("quality", "delprojekt")
    assert best[["Nord", "Syd"]].min() > best[["Öst", "Väst"]].max()
    for place in ("Nord", "Väst"):  # "samtliga"
        there = later[later["delprojekt"] == place]
        assert not there["developed"].isin(DEGREES[:2]).any()
    north, west = (later[later["delprojekt"] == place] for place in ("Nord", "Väst"))
    assert not north["care_forms"].isin(DEGREES[:2]).any()
    assert not west["implementable"].isin(DEGREES[:2]).any()
    assert west["implementable"].eq("stämmer delvis").sum() > 1


def test_ten_points_in_three_categories(surveys: dict[str, pd.DataFrame]) -> None:
    boards = surveys["steering_groups"]
    assert len(boards) == 18
    items = ["cases", "organisation", "care", "return_to_work"]
    assert boards[items].stack().between(1, 10).all()
    counts = {
        name: pd.cut(boards[name], [0, 4, 7, 10]).value_counts(sort=False).tolist()
        for name in items
    }
    assert counts["return_to_work"] == [3, 12, 3]
    assert counts["organisation"][2] == 6
    assert counts["care"][2] == 3
    assert counts["cases"][2] > 9


def test_64_17_17_of_18_cannot_be(figures: pd.DataFrame) -> None:
    row = figures.set_index("text").loc["64 procent"]
    assert row["verdict"] == "impossible"
    assert pd.isna(row["possible"])
    assert (row["nearest"], row["nearest_percent"]) == (12, pytest.approx(200 / 3))
    assert not any(64 <= 100 * k / 18 + 0.5 < 65 for k in range(19))
    assert nearest_counts((17, 64, 17), 18) == (3, 12, 3)


def test_42_percent_of_54_needs_somebody_to_leave_it_blank(figures: pd.DataFrame) -> None:
    row = figures[(figures["text"] == "42 procent") & (figures["row_group"] == "s. 168")]
    assert row["verdict"].tolist() == ["fewer answered"] * 2
    assert row["answers"].tolist() == [53, 53]
    assert row["nearest"].tolist() == [23, 23]
    assert row["nearest_percent"].round(1).tolist() == [42.6, 42.6]


def test_the_number_sent_follows_from_the_response_rate() -> None:
    assert number_sent() == 75


@given(st.lists(st.integers(0, 60), min_size=3, max_size=3), st.integers(0, 1))
def test_true_counts_are_their_own_nearest(parts: list[int], more: int) -> None:
    counts = [*parts[:2], parts[2] + 1 + more]
    n = sum(counts)
    assert nearest_counts([100 * k / n for k in counts], n) == tuple(counts)


def test_nearest_counts_refuses_what_is_no_division() -> None:
    with pytest.raises(InputError, match="two to five percentages"):
        nearest_counts([100], 18)
    with pytest.raises(InputError, match="about 100 together"):
        nearest_counts([10, 10], 1000)


def test_another_seed_gives_other_respondents_with_the_same_figures(tmp_path: Path) -> None:
    synthetic.write_published_sets(tmp_path, seed=7)
    for name in NAMES:
        file = f"amia_surveys/{name}.csv"
        assert (tmp_path / file).read_bytes() != (data_dir("synthetic") / file).read_bytes()
    checked = synthetic.check_published_sets(tmp_path).set_index("name")
    assert checked.loc[[f"amia_surveys/{name}" for name in NAMES], "ok"].all()


def test_answers_of_one_respondent_go_together(people: pd.DataFrame) -> None:
    codes = people[["meaningful", "closer_to_work", "contacts_eased"]].apply(lambda c: c.cat.codes)
    assert (codes.corr().to_numpy() > 0.3).all()


def test_levels_are_whole_and_in_order(surveys: dict[str, pd.DataFrame]) -> None:
    for survey in SURVEYS:
        answers = surveys[survey.name]
        labels = synthetic.amia_questions(survey.name)
        assert list(labels) == [question.name for question in survey.questions]
        assert (answers["synthetic"] == 1).all()
        for question in survey.questions:
            if not question.band:
                said = answers[question.name].cat
                assert said.ordered
                assert list(said.categories) == list(question.levels)


def test_they_say_that_they_are_synthetic(surveys: dict[str, pd.DataFrame]) -> None:
    for answers in surveys.values():
        assert answers.attrs["notice"] == synthetic.AMIA_NOTICE
    for words in ("Syntetiska data", "Published", "Invented"):
        assert words in synthetic.AMIA_NOTICE
    manifest = yaml.safe_load((data_dir("synthetic") / "manifest.yaml").read_text("utf-8"))
    told = manifest["surveys"]["amia_surveys"]
    assert told["notice"] == synthetic.AMIA_NOTICE
    assert [entry["n"] for entry in told["files"].values()] == [320, 152, 108, 18]
    assert len(told["files"]["case_workers"]["readings"]) == 5


def test_a_deviation_is_found(surveys: dict[str, pd.DataFrame]) -> None:
    changed = surveys["closing"].copy()
    person = changed.index[changed["comment"] == "positiv"][0]
    changed.loc[person, "comment"] = "negativ"
    found = synthetic.amia_figures({"closing": changed})
    wrong = found[~found["holds"]]
    assert set(wrong["verdict"]) == {"different"}
    assert not wrong["as_read"].any()
    assert {"62", "19"} <= set(wrong["text"])
    with pytest.raises(InputError, match="comment"):
        synthetic.amia_figures({"closing": changed.drop(columns="comment")})


def test_damage_is_said(tmp_path: Path) -> None:
    synthetic.write_published_sets(tmp_path)
    file, manifest = tmp_path / "amia_surveys" / "closing.csv", tmp_path / "manifest.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace(",positiv,", ",negativ,", 1), "utf-8")
    checked = synthetic.check_published_sets(tmp_path).set_index("name")
    row = checked.loc["amia_surveys/closing"]
    assert (row["hash_equal"], row["ok"]) == (False, False)
    assert row["n_equal"] < row["n_cells"]
    file.write_text(text.replace(",positiv,", ",toppen,", 1), "utf-8")
    with pytest.raises(InputError, match=r"comment: must be negativ, .*toppen"):
        synthetic.check_published_sets(tmp_path)
    file.write_text(text.replace("comment", "remark", 1), "utf-8")
    with pytest.raises(InputError, match=r"every column.*comment"):
        synthetic.check_published_sets(tmp_path)
    file.write_bytes(b"")
    with pytest.raises(InputError, match="must be CSV in UTF-8"):
        synthetic.check_published_sets(tmp_path)
    file.unlink()
    with pytest.raises(InputError, match=r"no .*closing\.csv"):
        synthetic.check_published_sets(tmp_path)
    manifest.write_text(manifest.read_text("utf-8").replace("      closing:", "      other:"))
    with pytest.raises(InputError, match=r"surveys: amia_surveys: files.*closing"):
        synthetic.check_published_sets(tmp_path)


def test_an_unknown_survey_is_refused() -> None:
    with pytest.raises(InputError, match="participants, closing, case_workers, steering_groups"):
        synthetic.load_amia_survey("riket")
