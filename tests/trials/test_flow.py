"""The flow of a trial: counts that add up, and rows that contradict themselves refused."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import synthetic
from evalkit.errors import InputError
from evalkit.trials.flow import Flow, consort

TIMES = ("16w", "6m", "12m")
ALL = {
    "arm": "arm",
    "control": "kontroll",
    "excluded": "excluded",
    "started": "started",
    "not_started": "not_started",
    "completed": "completed",
    "broke_off": "broke_off",
    "group": "group",
    "follow_up": {time: [f"mastery_{time}", f"pss_{time}"] for time in TIMES},
    "lost": {time: f"no_answer_{time}" for time in TIMES},
    "analysed": "mastery_16w",
    "not_analysed": "no_answer_16w",
    "unit": "person",
}


@pytest.fixture
def trial() -> pd.DataFrame:
    return synthetic.load_redo_trial().assign(excluded=None)


@pytest.fixture
def flow(trial: pd.DataFrame) -> Flow:
    return consort(trial, **ALL, reasons={"excluded": ["avböjde", "annat skäl"]})


def test_the_published_numbers_of_redo(flow: Flow) -> None:
    counts = [
        ("started", 54), ("completed", 31), ("broke off", 23), ("groups", 10),
        ("smallest group", 5), ("largest group", 6), ("not started", 6), ("randomised", 60),
    ]  # fmt: skip
    assert [flow.n(stage, "ReDO") for stage, _ in counts] == [n for _, n in counts]
    assert flow.n("randomised") == flow.n("assessed") == 120


def test_zero_is_shown(flow: Flow) -> None:
    assert flow.n("excluded") == 0
    assert flow.n("excluded", reason="annat skäl") == 0
    assert flow.n("crossed over", "kontroll") == 0


def test_numbers_come_from_assessment_to_analysis(flow: Flow) -> None:
    frame = flow.to_frame()
    assert list(frame.columns) == ["stage", "time", "arm", "reason", "n"]
    assert list(dict.fromkeys(frame["stage"])) == [
        "assessed", "excluded", "randomised", "started", "not started", "crossed over", "groups",
        "smallest group", "largest group", "completed", "broke off", "followed up", "lost",
        "analysed", "not analysed",
    ]  # fmt: skip
    later = frame[frame["stage"].isin(["followed up", "lost"])]
    assert list(dict.fromkeys(later["time"])) == list(TIMES)
    assert flow.arms == ("ReDO", "kontroll")


def test_counted_by_hand(trial: pd.DataFrame, flow: Flow) -> None:
    for arm in flow.arms:
        own = trial[trial["arm"] == arm]
        for time in TIMES:
            assert flow.n("followed up", arm, time=time) == own[f"pss_{time}"].notna().sum()
            why = own[f"no_answer_{time}"].value_counts()
            assert {r: flow.n("lost", arm, time=time, reason=r) for r in why.index} == why.to_dict()
        assert flow.n("analysed", arm) == own["mastery_16w"].notna().sum()


def test_a_reason_of_one_arm_is_shown_in_the_others(trial: pd.DataFrame) -> None:
    nobody = (trial["arm"] == "ReDO") & (trial["no_answer_16w"] == "avböjde")
    trial.loc[nobody, "no_answer_16w"] = "svarade inte"
    options = {**ALL, "analysed": None, "not_analysed": None}
    assert consort(trial, **options).n("lost", "ReDO", time="16w", reason="avböjde") == 0


def test_it_prints_in_a_few_lines(flow: Flow) -> None:
    text = repr(flow)
    assert len(text.splitlines()) <= 15
    assert re.search(r"started\s+54 \(6 not started\)", text)
    assert re.search(r"completed\s+31 \(23 broke off\)", text)
    assert re.search(r"randomised\s+120 \(0 excluded\)\s+60\s+60", text)
    assert "54 (6 not started)" in flow._repr_html_()


def test_numbers_known_from_elsewhere_are_held_against_the_data(trial: pd.DataFrame) -> None:
    lost = int((trial.loc[trial["arm"] == "ReDO", "pss_6m"]).isna().sum())
    right = {("started", "ReDO"): 54, ("lost", "ReDO", "6m"): lost, ("randomised",): 120}
    consort(trial, **ALL, expected=right)
    message = r"expected: must be what the data give, 31 \(completed / ReDO\); got 32"
    with pytest.raises(InputError, match=message):
        consort(trial, **ALL, expected={("completed", "ReDO"): 32})
    with pytest.raises(InputError, match="stage: must be a number of the flow"):
        consort(trial, **ALL, expected={("finished", "ReDO"): 32})


def test_unknown_is_not_never(trial: pd.DataFrame) -> None:
    trial["started"] = trial["started"].astype(float)
    trial["completed"] = trial["completed"].astype(float)
    never = trial.index[trial["not_started"].notna()][:2]
    trial.loc[never, ["started", "not_started"]] = [np.nan, None]
    broke = trial.index[trial["broke_off"].notna()][0]
    trial.loc[broke, ["completed", "broke_off"]] = [np.nan, None]
    flow = consort(trial, **ALL)
    assert flow.n("start not known", "ReDO") == 2
    assert flow.n("not started", "ReDO") == 4
    assert flow.n("completion not known", "ReDO") == 1
    assert flow.n("broke off", "ReDO") == 22


def test_a_missing_reason_is_counted(trial: pd.DataFrame) -> None:
    row = trial.index[trial["broke_off"].notna()][0]
    trial.loc[row, "broke_off"] = None
    assert consort(trial, **ALL).n("broke off", "ReDO", reason="not stated") == 1


def test_reasons_of_any_type_are_counted(trial: pd.DataFrame) -> None:
    wanted = consort(trial, **ALL).to_frame()
    unused = [*trial["broke_off"].dropna().unique(), "never given"]
    category = pd.Categorical(trial["broke_off"], unused)
    as_category = consort(trial.assign(broke_off=category), **ALL).to_frame()
    assert set(map(tuple, as_category.to_numpy())) == set(map(tuple, wanted.to_numpy()))
    numbers = trial["broke_off"].map({reason: k for k, reason in enumerate(unused, 9)})
    reasons = consort(trial.assign(broke_off=numbers), **ALL).to_frame()
    own = reasons.query("stage == 'broke off' and reason != ''")
    assert own["reason"].tolist() == ["9", "10", "11"]  # not "9.0", and not sorted as text
    arrow = consort(trial.convert_dtypes(dtype_backend="pyarrow").assign(excluded=None), **ALL)
    pd.testing.assert_frame_equal(arrow.to_frame(), wanted)


def test_groups_that_nobody_is_in_do_not_count(trial: pd.DataFrame) -> None:
    names = [*sorted(trial["group"].dropna().unique()), "G11", "G12"]
    flow = consort(trial.assign(group=pd.Categorical(trial["group"], names)), **ALL)
    assert [flow.n(s, "ReDO") for s in ("groups", "smallest group", "largest group")] == [10, 5, 6]


def test_arms_keep_the_names_that_they_have_in_the_data() -> None:
    df = pd.DataFrame({"arm": [0, 0, 1, 1], "y": [1, 2, None, 3]})
    for control in (0, 0.0, False, np.int64(0)):
        assert consort(df, arm="arm", control=control, analysed="y").arms == ("1", "0")
    mixed = df.assign(arm=np.array([0, "1", 1, 1], dtype=object))
    with pytest.raises(InputError, match="arm: must be arms that can be told apart"):
        consort(mixed, arm="arm", control=0)


def test_a_label_is_not_taken_for_a_stage() -> None:
    df = pd.DataFrame(
        {"arm": list("AABB"), "y": [1, None, 2, 3], "why": [None, "lost", None, None]}
    )
    df["arm"] = df["arm"].map({"A": "programme", "B": "to"})
    flow = consort(df, arm="arm", control="to", analysed="y", not_analysed="why")
    shown = texts(flow.plot(lang="en"))
    assert "Randomised to programme (n = 2)" in shown
    assert "lost (n = 1)" in shown


def test_a_follow_up_without_a_name_is_drawn() -> None:
    rows = [("followed up", "", arm, "", n) for arm, n in (("A", 5), ("B", 4))]
    flow = Flow.of_counts(counted(*BASE, *rows, ("lost", "", "B", "", 1)), arms=["A", "B"])
    assert "Uppföljda (n = 4)" in texts(flow.plot())


def test_a_loss_without_its_stage_is_printed() -> None:
    flow = Flow.of_counts(counted(("lost", "6m", "A", "", 7)), arms=["A"])
    assert re.search(r"lost 6m\s+7", repr(flow))


def test_exclusions_are_counted(trial: pd.DataFrame) -> None:
    extra = pd.DataFrame({"excluded": ["avböjde", "avböjde", "annat"], "person": [901, 902, 903]})
    flow = consort(pd.concat([trial, extra], ignore_index=True), **ALL)
    assert (flow.n("assessed"), flow.n("excluded"), flow.n("randomised")) == (123, 3, 120)
    assert flow.n("excluded", reason="avböjde") == 2


def test_nobody_starts_without_being_randomised(trial: pd.DataFrame) -> None:
    extra = pd.DataFrame({"excluded": ["avböjde"], "person": [901], "started": [1]})
    with pytest.raises(InputError, match=r"started: must be 0 or missing for those who.*row 120"):
        consort(pd.concat([trial, extra], ignore_index=True), **ALL)


def test_crossing_over_is_counted(trial: pd.DataFrame) -> None:
    row = trial.index[trial["arm"] == "kontroll"][0]
    trial.loc[row, "started"] = 1
    trial.loc[row, "group"] = "G01"
    flow = consort(trial, **ALL)
    assert flow.n("crossed over", "kontroll") == 1
    assert flow.n("largest group", "ReDO") == 6


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random) -> None:
    trial = synthetic.synthetic_redo(rng=1).assign(excluded=None)
    order = list(trial.index)
    random.shuffle(order)
    one, other = consort(trial, **ALL), consort(trial.loc[order], **ALL)
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


def at(trial: pd.DataFrame, where: str) -> object:
    return trial.query(where, engine="python").index[0]


@pytest.mark.parametrize(
    ("where", "column", "value", "message"),
    [
        ("arm == 'ReDO'", "arm", None, r"arm: must be known for all who were not excluded"),
        ("arm == 'ReDO'", "excluded", "avböjde", r"excluded: must be missing for those who were"),
        ("started == 0 and arm == 'ReDO'", "completed", 1, r"completed: must be 1 only for those"),
        ("started == 0 and arm == 'ReDO'", "group", "G01", r"group: must be missing for those who"),
        ("arm == 'kontroll'", "group", "G01", r"Nor has the control arm groups"),
        ("started == 1", "group", None, r"A missing group means never started"),
        ("completed == 1", "broke_off", "slutade", r"broke_off: must be missing for those who are"),
        ("started == 1", "not_started", "nej", r"not_started: must be missing"),
        ("started == 1", "started", 2, r"started: must be 0, 1 or missing.*such as 2"),
        ("pss_6m > 0", "no_answer_6m", "avböjde", r"not lost at 6m"),
        ("arm == 'kontroll'", "not_started", "nej", r"not_started: must be missing for the contr"),
        ("arm == 'kontroll'", "broke_off", "nej", r"broke_off: must be missing for those who did"),
        ("completed == 1", "broke_off", "  ", r"broke_off: must be"),
        ("broke_off == broke_off", "broke_off", " ", r"broke_off: must be a reason, or missing"),
        ("person == 3", "person", 2, r"unit: must be one row a person.*\(at 2\).*row 1, row 2"),
        ("person == 3", "person", None, r"unit: must be known for everybody"),
    ],
)
def test_rows_that_contradict_themselves_are_named(
    trial: pd.DataFrame, where: str, column: str, value: object, message: str
) -> None:
    row = at(trial, where)
    if value is None:
        trial[column] = trial[column].astype(object)
    trial.loc[row, column] = value
    with pytest.raises(InputError, match=message) as raised:
        consort(trial, **ALL)
    if column != "person":
        assert f"row {row}" in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": "CAU"}, r"control: must be one of at least two arms.*'ReDO', 'kontroll'"),
        ({"started": None}, r"left out without started"),
        ({"analysed": None}, r"not_analysed: must be left out without analysed"),
        ({"follow_up": {"16w": "pss_16w"}}, r"lost: must be left out without follow_up\['6m'\]"),
        ({"group": "groups"}, r"group: must be a column of df; got 'groups'. Did you mean 'group'"),
        ({"reasons": {"lost": ["a"]}}, r"reasons: must be reasons by column of df; got 'lost'"),
        (
            {"reasons": {"broke_off": ["annat behov"]}},
            r"every reason of 'broke_off'.*återinsjuknade",
        ),
    ],
)
def test_bad_requests_are_refused(trial: pd.DataFrame, change, message: str) -> None:
    with pytest.raises(InputError, match=message):
        consort(trial, **{**ALL, **change})


def counted(*rows: tuple[str, str, str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["stage", "time", "arm", "reason", "n"])


BASE = [
    ("assessed", "", "", "", 12), ("excluded", "", "", "", 2), ("randomised", "", "", "", 10),
    ("randomised", "", "A", "", 5), ("randomised", "", "B", "", 5),
]  # fmt: skip


def test_published_counts_make_a_flow() -> None:
    flow = Flow.of_counts(counted(*BASE), arms=["A", "B"])
    assert flow.n("randomised", "B") == 5


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("started", "", "A", "", 4), "5 randomised, but 4 started"),
        (("followed up", "6m", "A", "", 6), "5 randomised, but 6 followed up .A, 6m."),
        (("excluded", "", "", "declined", 1), "2 excluded, but 1 by reason"),
        (("lost", "6m", "A", "moved", 1), r"reasons without a number of lost \(A, 6m\)"),
        (("randomised", "", "A", "", 5), "every number once"),
        (("begun", "", "A", "", 5), "stage: must be one of"),
        (("started", "", "C", "", 5), "arm: must be one of A, B"),
        (("started", "", "A", "", -1), "n: must be whole numbers of at least 0"),
        (("crossed over", "", "B", "", 6), "5 randomised, but 6 crossed over"),
    ],
)
def test_numbers_that_do_not_add_up_are_refused(row, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Flow.of_counts(counted(*BASE, row), arms=["A", "B"])


def test_arms_and_exclusions_make_up_the_whole() -> None:
    wrong = [(*row[:4], 6) if row[:3] == ("randomised", "", "B") else row for row in BASE]
    with pytest.raises(InputError, match=r"10 randomised, but 5 \+ 6 in the arms"):
        Flow.of_counts(counted(*wrong), arms=["A", "B"])
    wrong = [("assessed", "", "", "", 13), *BASE[1:]]
    with pytest.raises(InputError, match=r"13 assessed, but 2 excluded \+ 10 randomised"):
        Flow.of_counts(counted(*wrong), arms=["A", "B"])
    with pytest.raises(InputError, match="data: must be a column of df; got 'n'"):
        Flow.of_counts(counted(*BASE).drop(columns="n"), arms=["A", "B"])


def test_every_number_can_be_changed_by_one_and_is_found(flow: Flow) -> None:
    """Any count that is part of a sum betrays itself when it is changed."""
    frame = flow.to_frame()
    alone = {"groups", "smallest group", "largest group", "crossed over"}
    checked = frame.index[~frame["stage"].isin(alone)]
    assert len(checked) > 40
    for row in checked:
        changed = frame.copy()
        changed.loc[row, "n"] += 1
        with pytest.raises(InputError, match="add up"):
            Flow.of_counts(changed, arms=flow.arms)


def texts(ax) -> list[str]:
    return [text.get_text().replace("\u00a0", " ") for text in ax.texts]


def test_the_figure_shows_every_number(flow: Flow) -> None:
    shown = " ".join(texts(flow.plot()))
    for words in (
        "Bedömda för deltagande (n = 120)", "Exkluderade (n = 0)", "avböjde (n = 0)",
        "Randomiserade till ReDO (n = 60)", "Påbörjade programmet (n = 54)",
        "i 10 grupper om 5–6 personer", "Fullföljde (n = 31)", "Avbröt (n = 23)",
        "Fick ändå programmet (n = 0)", "Uppföljning", "Analys",
    ):  # fmt: skip
        assert words in shown, words
    numbers = re.findall(r"n = (\d+)", shown)
    frame = flow.to_frame()
    beside = frame["stage"].isin(["groups", "smallest group", "largest group"])
    assert sorted(map(int, numbers)) == sorted(frame.loc[~beside, "n"].tolist())


def test_the_figure_in_english_with_other_words(flow: Flow) -> None:
    ax = flow.plot(lang="en", names={"16w": "after 16 weeks", "kontroll": "control"}, heading="H")
    assert {"H", "Enrolment"} <= set(texts(ax))
    shown = " ".join(texts(ax))
    assert "Randomised to control (n = 60)" in shown
    assert "Followed up after 16 weeks" in shown
    assert not re.search("Randomiserade|Analyserade", shown)


def test_boxes_do_not_overlap_and_lie_in_the_figure(flow: Flow) -> None:
    from matplotlib.patches import Rectangle

    ax = flow.plot(
        names={"annat behov": "hälsoskäl som gjorde det svårt att vara med i gruppen alls"}
    )
    boxes = [p.get_bbox() for p in ax.patches if isinstance(p, Rectangle)]
    high, low = ax.get_ylim()
    for place, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= ax.get_xlim()[1]
        assert min(low, high) <= box.y0 < box.y1 <= max(low, high)
        for other in boxes[place + 1 :]:
            apart = box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0
            assert apart or other.y1 <= box.y0


def test_three_arms_and_few_stages() -> None:
    df = pd.DataFrame({"arm": list("AABBCC"), "y": [1, None, 2, 3, 4, 5]})
    flow = consort(df, arm="arm", control="B", analysed="y")
    assert flow.arms == ("A", "C", "B")
    assert flow.n("not analysed", "A") == 1
    assert "Randomiserade till C (n = 2)" in " ".join(texts(flow.plot()))


def test_svg_is_text_and_stays_the_same(flow: Flow) -> None:
    svg = flow.to_svg(lang="en")
    assert svg == flow.to_svg(lang="en")
    assert svg.lstrip().startswith("<?xml")
    assert "Enrolment" in svg
    assert "<script" not in svg
