"""Each shipped instrument, scored by hand: its minimum, its maximum, and a form with gaps."""

from __future__ import annotations

import pandas as pd
import pytest

from evalkit.scales import instrument, instruments, score

NA = None
NO = float("nan")


def one(name: str, answers: list, part: str | None = None, **options) -> tuple[float, int]:
    """Score one form, and return the score and the number of items answered."""
    scale = instrument(name)
    df = pd.DataFrame([dict(zip(scale.items, answers, strict=True))], dtype=float)
    frame = score(df, name, **options).to_frame()
    if part is not None:
        frame = frame[frame["scale"] == part]
    return float(frame["score"].iloc[0]), int(frame["n_answered"].iloc[0])


# Name, score, answers, expected: of each score its minimum, its maximum, a whole form, and one with
# items missing. Worked out by hand; the points, reversed where they are, stand beside.
CASES = [
    # 4, 5, 7, 8 reversed: 4 - x
    ("PSS-10", None, [0, 0, 0, 4, 4, 0, 4, 4, 0, 0], 0),
    ("PSS-10", None, [4, 4, 4, 0, 0, 4, 0, 0, 4, 4], 40),
    ("PSS-10", None, [1, 2, 3, 1, 0, 2, 3, 4, 0, 1], 17),  # 1+2+3+3+4 +2+1+0+0+1
    ("PSS-10", None, [1, 2, 3, 1, 0, 2, 3, 4, 0, NA], NO),  # all ten are needed
    # 4, 5, 6, 7, 9, 10, 13 reversed: 4 - x
    ("PSS-14", None, [0, 0, 0, 4, 4, 4, 4, 0, 4, 4, 0, 0, 4, 0], 0),
    ("PSS-14", None, [4, 4, 4, 0, 0, 0, 0, 4, 0, 0, 4, 4, 0, 4], 56),
    # 1+2+3+0+4+3+2 +3+0+4+1+2+1+4
    ("PSS-14", None, [1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4], 30),
    ("PSS-14", None, [NA, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4], NO),
    # 1, 2, 3, 7, 10 reversed: 8 - x
    ("SOC-13", None, [7, 7, 7, 1, 1, 1, 7, 1, 1, 7, 1, 1, 1], 13),
    ("SOC-13", None, [1, 1, 1, 7, 7, 7, 1, 7, 7, 1, 7, 7, 7], 91),
    ("SOC-13", None, [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6], 57),  # 7+6+5+4+5+6+1 +1+2+5+4+5+6
    ("SOC-13", None, [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, NA, 6], NO),
    # 3, 5, 8, 9, 10 reversed: 3 - x
    ("RSES", None, [0, 0, 3, 0, 3, 0, 0, 3, 3, 3], 0),
    ("RSES", None, [3, 3, 0, 3, 0, 3, 3, 0, 0, 0], 30),
    ("RSES", None, [3, 2, 1, 0, 3, 2, 1, 0, 1, 2], 16),  # 3+2+2+0+0 +2+1+3+2+1
    ("RSES", None, [3, 2, 1, 0, 3, 2, 1, 0, 1, NA], NO),  # published: one missing, no score
    # the same people coded the other way: 1, 2, 4, 6, 7 reversed
    ("RSES agree = 0", None, [3, 3, 0, 3, 0, 3, 3, 0, 0, 0], 0),
    ("RSES agree = 0", None, [0, 0, 3, 0, 3, 0, 0, 3, 3, 3], 30),
    ("RSES agree = 0", None, [0, 1, 2, 3, 0, 1, 2, 3, 2, 1], 16),  # 3+2+2+0+0 +2+1+3+2+1
    ("RSES agree = 0", None, [0, 1, 2, 3, 0, 1, 2, 3, 2, NA], NO),
    # 1, 2, 3, 5, 7 reversed: 5 - x
    ("Pearlin Mastery", None, [4, 4, 4, 1, 4, 1, 4], 7),
    ("Pearlin Mastery", None, [1, 1, 1, 4, 1, 4, 1], 28),
    ("Pearlin Mastery", None, [2, 1, 3, 3, 2, 4, 1], 23),  # 3+4+2+3+3+4+4
    ("Pearlin Mastery", None, [2, 1, 3, NA, 2, 4, 1], NO),
    # at most three may be missing
    ("GSE", None, [1] * 10, 10),
    ("GSE", None, [4] * 10, 40),
    ("GSE", None, [1, 2, 3, 4, 1, 2, 3, 4, 2, 3], 25),  # 1+2+3+4+1 +2+3+4+2+3
    ("GSE", None, [1, 2, 3, 4, 1, 2, 3, NA, NA, NA], 22.857142857142858),  # 16 / 7 x 10
    ("GSE", None, [1, 2, 3, 4, 1, 2, NA, NA, NA, NA], NO),
    ("WHO-5", None, [0] * 5, 0),
    ("WHO-5", None, [5] * 5, 100),
    ("WHO-5", None, [3, 2, 4, 1, 3], 52),  # 13 x 4
    ("WHO-5", None, [3, 2, NA, 1, 3], NO),
    ("KEDS", None, [0] * 9, 0),
    ("KEDS", None, [6] * 9, 54),
    ("KEDS", None, [0, 1, 2, 3, 4, 5, 6, 1, 2], 24),  # 21 + 3
    ("KEDS", None, [0, 1, 2, 3, NA, 5, 6, 1, 2], NO),
    ("K10", None, [1] * 10, 10),
    ("K10", None, [5] * 10, 50),
    ("K10", None, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 30),  # 15 + 15
    ("K10", None, [1, 2, 3, 4, NA, 1, 2, 3, 4, 5], NO),
    ("K10 0-4", None, [0] * 10, 0),
    ("K10 0-4", None, [4] * 10, 40),
    ("K10 0-4", None, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4], 20),  # 10 + 10, and 10 below K10
    ("K10 0-4", None, [0, 1, 2, 3, NA, 0, 1, 2, 3, 4], NO),
    ("PHQ-9", None, [0] * 9, 0),
    ("PHQ-9", None, [3] * 9, 27),
    ("PHQ-9", None, [1, 2, 3, 0, 1, 2, 3, 0, 1], 13),  # 6+0+6+0+1
    ("PHQ-9", None, [1, 2, 3, 0, 1, 2, 3, 0, NA], NO),  # no prorating
    ("GAD-7", None, [0] * 7, 0),
    ("GAD-7", None, [3] * 7, 21),
    ("GAD-7", None, [1, 2, 3, 0, 1, 2, 3], 12),  # 6+0+6
    ("GAD-7", None, [1, 2, 3, NA, 1, 2, 3], NO),  # no prorating
    ("WHODAS-12", None, [1] * 12, 12),
    ("WHODAS-12", None, [5] * 12, 60),
    ("WHODAS-12", None, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2], 33),  # 15 + 15 + 3
    ("WHODAS-12", None, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, NA], NO),
    ("WHODAS-12 0-4", None, [0] * 12, 0),
    ("WHODAS-12 0-4", None, [4] * 12, 48),
    ("WHODAS-12 0-4", None, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1], 21),  # 10 + 10 + 1
    ("WHODAS-12 0-4", None, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, NA], NO),
    ("WAS", None, [0], 0),
    ("WAS", None, [10], 10),
    ("WAS", None, [7], 7),
    ("WAS", None, [NA], NO),
    ("EQ-VAS", None, [0], 0),
    ("EQ-VAS", None, [100], 100),
    ("EQ-VAS", None, [99], 99),  # an answer, not a code
    ("EQ-VAS", None, [NA], NO),
    # 0 and 1 give nothing, 2 and 3 a point
    ("GHQ-12 0-0-1-1", None, [0, 1] * 6, 0),
    ("GHQ-12 0-0-1-1", None, [2, 3] * 6, 12),
    ("GHQ-12 0-0-1-1", None, [0, 1, 2, 3, 3, 3, 0, 1, 0, 2, 1, 0], 5),  # 2, 3, 3, 3, 2
    ("GHQ-12 0-0-1-1", None, [0, 1, 2, 3, 3, 3, 0, 1, 0, 2, 1, NA], NO),
    ("GHQ-12 0-1-2-3", None, [0] * 12, 0),
    ("GHQ-12 0-1-2-3", None, [3] * 12, 36),
    ("GHQ-12 0-1-2-3", None, [0, 1, 2, 3, 3, 3, 0, 1, 0, 2, 1, 0], 16),  # 12 + 4
    ("GHQ-12 0-1-2-3", None, [0, 1, 2, 3, 3, 3, 0, 1, 0, 2, 1, NA], NO),
    # odd items are anxiety, even ones depression
    ("HADS", "anxiety", [0, 3] * 7, 0),
    ("HADS", "anxiety", [3, 0] * 7, 21),
    ("HADS", "anxiety", [1, 0, 2, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, NA], 12),  # 1+2+3+0+1+2+3
    ("HADS", "anxiety", [1, 0, 2, 0, 3, 0, NA, 0, 1, 0, 2, 0, 3, 1], NO),
    ("HADS", "depression", [3, 0] * 7, 0),
    ("HADS", "depression", [0, 3] * 7, 21),
    ("HADS", "depression", [NA, 0, 2, 1, 3, 2, 0, 3, 1, 0, 2, 1, 3, 1], 8),  # 0+1+2+3+0+1+1
    ("HADS", "depression", [1, 0, 2, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, NA], NO),
    # exhaustion 2, 4, 5, 8, 10, 12, 14, 16, of which 2, 4, 8, 12 reversed: 5 - x
    ("OLBI", "exhaustion", [1, 4, 1, 4, 1, 1, 1, 4, 1, 1, 1, 4, 1, 1, 1, 1], 8),
    ("OLBI", "exhaustion", [1, 1, 1, 1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 4, 1, 4], 32),
    # 3+1+4+4+3+1+2+1
    ("OLBI", "exhaustion", [1, 2, 3, 4, 4, 3, 2, 1, 2, 3, 1, 4, 3, 2, 4, 1], 19),
    ("OLBI", "exhaustion", [1, 2, 3, 4, 4, 3, 2, 1, 2, 3, 1, 4, 3, 2, 4, NA], NO),
    # disengagement 1, 3, 6, 7, 9, 11, 13, 15, of which 3, 6, 9, 11 reversed
    ("OLBI", "disengagement", [1, 1, 4, 1, 1, 4, 1, 1, 4, 1, 4, 1, 1, 1, 1, 1], 8),
    ("OLBI", "disengagement", [4, 1, 1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 4, 1, 4, 1], 32),
    # 1+2+2+2+3+4+3+4; the gap is in the other scale
    ("OLBI", "disengagement", [1, 2, 3, 4, 4, 3, 2, 1, 2, 3, 1, 4, 3, 2, 4, NA], 21),
    ("OLBI", "disengagement", [1, 2, 3, 4, 4, 3, 2, 1, 2, 3, 1, 4, 3, 2, NA, 1], NO),
    # two questions, six of which four, one with grades
    ("s-UMS", None, [1, 1, 1, 1, 1, 1, 0, 0, 1], 1),
    ("s-UMS", None, [1, 1, 1, 1, 1, 1, 1, 1, 2], 2),
    ("s-UMS", None, [1, 1, 1, 1, 1, 0, 0, 0, 2], 0),  # three of six
    ("s-UMS", None, [0, 1, 1, 1, 1, 1, 1, 1, 2], 0),
    ("s-UMS", None, [1, 0, 1, 1, 1, 1, 1, 1, 2], 0),
    ("s-UMS", None, [1, 1, 1, 1, 1, 1, 1, 1, 0], 0),
    ("s-UMS", None, [0, NA, 1, 1, 1, 1, 1, 1, 2], NO),  # undetermined, whatever the others say
]


@pytest.mark.parametrize(("name", "part", "answers", "expected"), CASES)
def test_by_hand(name: str, part: str | None, answers: list, expected: float) -> None:
    found, _ = one(name, answers, part)
    assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_every_instrument_has_its_examples() -> None:
    apart = {"RAND-36", "EQ-5D-3L", "EQ-5D-5L"}  # in test_health_profiles.py
    assert set(instruments()["name"]) == {case[0] for case in CASES} | apart
    for name in set(instruments()["name"]) - apart:
        scale = instrument(name)
        for part in scale.parts:
            cases = [case for case in CASES if case[0] == name and case[1] in (None, part.name)]
            found = {case[3] for case in cases if case[3] == case[3]}
            assert {*scale.score_range(part)} <= found, name
            gaps = [case for case in cases if NA in case[2]]
            assert gaps, name


@pytest.mark.parametrize("name", sorted(set(instruments()["name"]) - {"EQ-5D-3L", "EQ-5D-5L"}))
def test_examples_reach_what_the_formula_can_give(name: str) -> None:
    scale = instrument(name)
    for part in scale.parts:
        low, high = scale.score_range(part)
        worth = {item: scale.points(item) for item in scale.items}
        lowest = {item: min(points, key=points.__getitem__) for item, points in worth.items()}
        highest = {item: max(points, key=points.__getitem__) for item, points in worth.items()}
        frame = score(pd.DataFrame([lowest, highest]), scale).to_frame()
        if scale.subscales:
            frame = frame[frame["scale"] == part.name]
        assert frame["score"].tolist() == [low, high]


@pytest.mark.parametrize(
    ("name", "value", "band"),
    [
        ("KEDS", [2] * 9, "below 19"),
        ("KEDS", [2] * 8 + [3], "19 or more"),
        ("WHO-5", [1, 1, 1, 2, 2], "28 or less"),
        ("WHO-5", [2, 2, 2, 2, 2], "29-50"),
        ("WHO-5", [3, 3, 3, 2, 2], "above 50"),
        ("WAS", [5], "poor (0-5)"),
        ("WAS", [6], "moderate (6-7)"),
        ("WAS", [10], "excellent (10)"),
        ("PHQ-9", [1] * 9, "5-9"),
        ("PHQ-9", [3, 3, 3, 3, 3, 0, 0, 0, 0], "15-19"),
        ("GAD-7", [1, 1, 1, 1, 1, 0, 0], "5-9"),
        ("K10", [2, 2, 2, 2, 2, 2, 1, 1, 1, 1], "16-21"),
        ("s-UMS", [1, 1, 1, 1, 1, 1, 0, 0, 2], "pronounced"),
    ],
)
def test_bands(name: str, value: list[int], band: str) -> None:
    df = pd.DataFrame([value], columns=list(instrument(name).items))
    assert score(df, name).bands()["band"].tolist() == [band]
