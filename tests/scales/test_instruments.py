"""Each shipped instrument, scored by hand: its minimum, its maximum, and a form with gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.scales import instrument, instruments, score

NA = None


def one(name: str, answers: list, part: str | None = None, **options) -> tuple[float, int]:
    """Score one form, and return the score and the number of items answered."""
    scale = instrument(name)
    df = pd.DataFrame([dict(zip(scale.items, answers, strict=True))], dtype=float)
    frame = score(df, name, **options).to_frame()
    if part is not None:
        frame = frame[frame["scale"] == part]
    return float(frame["score"].iloc[0]), int(frame["n_answered"].iloc[0])


# Name, score, answers, expected. Worked out by hand: the reversed items stand in the comments.
CASES = [
    # 4, 5, 7, 8 reversed: lowest where these are 4 and the others 0
    ("PSS-10", None, [0, 0, 0, 4, 4, 0, 4, 4, 0, 0], 0),
    ("PSS-10", None, [4, 4, 4, 0, 0, 4, 0, 0, 4, 4], 40),
    ("PSS-10", None, [1, 2, 3, 1, 0, 2, 3, 4, 0, 1], 17),  # 1+2+3+3+4+2+1+0+0+1
    ("PSS-10", None, [1, 2, 3, 1, 0, 2, 3, 4, 0, NA], np.nan),
    # 4, 5, 6, 7, 9, 10, 13 reversed
    ("PSS-14", None, [0, 0, 0, 4, 4, 4, 4, 0, 4, 4, 0, 0, 4, 0], 0),
    ("PSS-14", None, [4, 4, 4, 0, 0, 0, 0, 4, 0, 0, 4, 4, 0, 4], 56),
    ("PSS-14", None, [1] * 14, 28),  # seven ones and seven threes
    ("PSS-14", None, [1] * 13 + [NA], np.nan),
    # 1, 2, 3, 7, 10 reversed
    ("SOC-13", None, [7, 7, 7, 1, 1, 1, 7, 1, 1, 7, 1, 1, 1], 13),
    ("SOC-13", None, [1, 1, 1, 7, 7, 7, 1, 7, 7, 1, 7, 7, 7], 91),
    ("SOC-13", None, [2] * 13, 46),  # 5 x 6 + 8 x 2
    ("SOC-13", None, [NA] + [2] * 12, np.nan),
    # 3, 5, 8, 9, 10 reversed
    ("RSES", None, [0, 0, 3, 0, 3, 0, 0, 3, 3, 3], 0),
    ("RSES", None, [3, 3, 0, 3, 0, 3, 3, 0, 0, 0], 30),
    ("RSES", None, [2] * 10, 15),  # 5 x 2 + 5 x 1
    ("RSES", None, [2] * 9 + [NA], np.nan),
    # 1, 2, 3, 5, 7 reversed
    ("Pearlin Mastery", None, [4, 4, 4, 1, 4, 1, 4], 7),
    ("Pearlin Mastery", None, [1, 1, 1, 4, 1, 4, 1], 28),
    ("Pearlin Mastery", None, [2, 1, 3, 3, 2, 4, 1], 23),  # 3+4+2+3+3+4+4
    ("Pearlin Mastery", None, [2, 1, 3, NA, 2, 4, 1], np.nan),
    ("GSE", None, [1] * 10, 10),
    ("GSE", None, [4] * 10, 40),
    ("GSE", None, [1, 2, 3, 4, 1, 2, 3, NA, NA, NA], 10 * 16 / 7),
    ("GSE", None, [1, 2, 3, 4, 1, 2, NA, NA, NA, NA], np.nan),
    ("WHO-5", None, [0] * 5, 0),
    ("WHO-5", None, [5] * 5, 100),
    ("WHO-5", None, [3, 2, 4, 1, 3], 52),  # 13 x 4
    ("WHO-5", None, [3, 2, NA, 1, 3], np.nan),
    ("KEDS", None, [0] * 9, 0),
    ("KEDS", None, [6] * 9, 54),
    ("KEDS", None, [2, 2, 2, 2, 2, 2, 2, 2, 3], 19),
    ("KEDS", None, [2, 2, 2, 2, NA, 2, 2, 2, 3], np.nan),
    ("K10", None, [1] * 10, 10),
    ("K10", None, [5] * 10, 50),
    ("K10", None, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 30),
    ("K10", None, [1, 2, 3, 4, NA, 1, 2, 3, 4, 5], np.nan),
    ("PHQ-9", None, [0] * 9, 0),
    ("PHQ-9", None, [3] * 9, 27),
    ("PHQ-9", None, [1, 2, 3, 0, 1, 2, 3, 0, 1], 13),
    ("PHQ-9", None, [1, 2, 3, 0, 1, 2, 3, 0, NA], np.nan),
    ("GAD-7", None, [0] * 7, 0),
    ("GAD-7", None, [3] * 7, 21),
    ("GAD-7", None, [1, 2, 3, 0, 1, 2, 3], 12),
    ("GAD-7", None, [1, 2, 3, NA, 1, 2, 3], np.nan),
    ("WHODAS-12", None, [1] * 12, 12),
    ("WHODAS-12", None, [5] * 12, 60),
    ("WHODAS-12", None, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2], 33),
    ("WHODAS-12", None, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, NA], np.nan),
    ("WAS", None, [0], 0),
    ("WAS", None, [10], 10),
    ("WAS", None, [7], 7),
    ("WAS", None, [NA], np.nan),
    ("EQ-VAS", None, [0], 0),
    ("EQ-VAS", None, [100], 100),
    ("EQ-VAS", None, [99], 99),
    ("EQ-VAS", None, [NA], np.nan),
    ("GHQ-12 0-0-1-1", None, [0, 1] * 6, 0),
    ("GHQ-12 0-0-1-1", None, [2, 3] * 6, 12),
    ("GHQ-12 0-0-1-1", None, [0, 1, 2, 3] * 3, 6),
    ("GHQ-12 0-0-1-1", None, [0, 1, 2, 3] * 2 + [0, 1, 2, NA], np.nan),
    ("GHQ-12 0-1-2-3", None, [0] * 12, 0),
    ("GHQ-12 0-1-2-3", None, [3] * 12, 36),
    ("GHQ-12 0-1-2-3", None, [0, 1, 2, 3] * 3, 18),
    ("GHQ-12 0-1-2-3", None, [NA] * 12, np.nan),
    # odd items are anxiety, even ones depression
    ("HADS", "anxiety", [0, 3] * 7, 0),
    ("HADS", "depression", [0, 3] * 7, 21),
    ("HADS", "anxiety", [3, 0] * 7, 21),
    ("HADS", "anxiety", [1, 0, 2, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, NA], 12),
    ("HADS", "depression", [1, 0, 2, 0, 3, 0, 0, 0, 1, 0, 2, 0, 3, NA], np.nan),
    # exhaustion 2, 4, 5, 8, 10, 12, 14, 16, of which 2, 4, 8, 12 reversed
    ("OLBI", "exhaustion", [1, 4, 1, 4, 1, 1, 1, 4, 1, 1, 1, 4, 1, 1, 1, 1], 8),
    ("OLBI", "exhaustion", [1, 1, 1, 1, 4, 1, 1, 1, 1, 4, 1, 1, 1, 4, 1, 4], 32),
    # disengagement 1, 3, 6, 7, 9, 11, 13, 15, of which 3, 6, 9, 11 reversed
    ("OLBI", "disengagement", [1, 1, 4, 1, 1, 4, 1, 1, 4, 1, 4, 1, 1, 1, 1, 1], 8),
    ("OLBI", "disengagement", [2] * 16, 20),  # 4 x 2 + 4 x 3
    ("OLBI", "disengagement", [2] * 15 + [NA], 20),  # the gap is in the other scale
    ("OLBI", "exhaustion", [2] * 15 + [NA], np.nan),
    # two questions, six of which four, one with grades
    ("s-UMS", None, [1, 1, 1, 1, 1, 1, 0, 0, 1], 1),
    ("s-UMS", None, [1, 1, 1, 1, 1, 1, 1, 1, 2], 2),
    ("s-UMS", None, [1, 1, 1, 1, 1, 0, 0, 0, 2], 0),
    ("s-UMS", None, [1, 0, 1, 1, 1, 1, 1, 1, 2], 0),
    ("s-UMS", None, [1, 1, 1, 1, 1, 1, 1, 1, 0], 0),
    ("s-UMS", None, [0, NA, 1, 1, 1, 1, 1, 1, 2], np.nan),
]


@pytest.mark.parametrize(("name", "part", "answers", "expected"), CASES)
def test_by_hand(name: str, part: str | None, answers: list, expected: float) -> None:
    found, _ = one(name, answers, part)
    assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_every_instrument_has_an_example() -> None:
    apart = {"RAND-36", "EQ-5D-3L", "EQ-5D-5L"}
    assert set(instruments()["name"]) == {case[0] for case in CASES} | apart


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


def rand_form(best: bool) -> list[int]:
    """Answers to RAND-36 that give 100 in every scale, or 0."""
    first_best = {1, 2, 20, 22, 34, 36, 21, 23, 26, 27, 30}
    scale = instrument("RAND-36")
    form = []
    for number, item in enumerate(scale.items, 1):
        low, high = scale.limits(item)
        form.append(low if (number in first_best) == best else high)
    return [int(x) for x in form]


@pytest.mark.parametrize(("best", "expected"), [(True, 100.0), (False, 0.0)])
def test_rand_36_ends(best: bool, expected: float) -> None:
    scale = instrument("RAND-36")
    df = pd.DataFrame([rand_form(best)], columns=list(scale.items))
    frame = score(df, "RAND-36").to_frame()
    assert frame["score"].tolist() == [expected] * 8
    assert frame["n_answered"].tolist() == [10, 4, 3, 4, 5, 2, 2, 5]


def test_rand_36_published_example_of_energy() -> None:
    """Published by RAND: 23 = 4, 27 = 3, 29 = 3, 31 blank gives 46.7."""
    df = pd.DataFrame({"q23": [4], "q27": [3], "q29": [3], "q31": [np.nan]})
    scores = score(df, "RAND-36", subscales=["energy"])
    assert scores.score.iloc[0] == pytest.approx((40 + 60 + 40) / 3, rel=1e-14)
    assert round(scores.score.iloc[0], 1) == 46.7
    assert scores.n_rescued == {"energy": 1}


def test_rand_36_a_whole_form() -> None:
    """A form worked out by hand from RAND's table of recoded values."""
    form = [2, 3, 1, 2, 3, 2, 3, 3, 1, 2, 2, 3, 1, 2, 2, 2, 1, 1, 2, 2, 3, 2, 3, 5, 4, 3, 4, 4,
            5, 2, 5, 4, 2, 3, 2, 2]  # fmt: skip
    df = pd.DataFrame([form], columns=list(instrument("RAND-36").items))
    wide = score(df, "RAND-36").to_wide().iloc[0]
    assert wide["physical_functioning"] == (0 + 50 + 100 + 50 + 100 + 100 + 0 + 50 + 50 + 100) / 10
    assert wide["role_physical"] == (0 + 100 + 100 + 100) / 4
    assert wide["role_emotional"] == pytest.approx((0 + 0 + 100) / 3)
    assert wide["energy"] == (60 + 40 + 80 + 80) / 4
    assert wide["emotional_well_being"] == (80 + 60 + 60 + 60 + 80) / 5
    assert wide["social_functioning"] == (75 + 75) / 2
    assert wide["pain"] == (60 + 75) / 2
    assert wide["general_health"] == (75 + 25 + 50 + 25 + 75) / 5


@pytest.mark.parametrize(
    ("name", "value_set", "state", "expected"),
    [
        ("EQ-5D-3L", "Sweden 2014", 11111, 0.9694),
        ("EQ-5D-3L", "Sweden 2014", 33333, 0.3402),
        ("EQ-5D-3L", "Sweden 2014", 21223, 0.9694 - 0.0666 - 0.1012 - 0.0345 - 0.2077 - 0.0433),
        ("EQ-5D-5L", "Sweden 2020", 11111, 0.9755),
        ("EQ-5D-5L", "Sweden 2020", 55555, 0.2433),
        ("EQ-5D-5L", "Sweden 2020", 12345, 0.9755 - 0.0254 - 0.1143 - 0.1024 - 0.2339 - 0.0023),
        ("EQ-5D-5L", "Sweden 2022", 11111, 1.0),
        ("EQ-5D-5L", "Sweden 2022", 55555, -0.314),
        ("EQ-5D-5L", "Sweden 2022", 12345, 1 - 0.019 - 0.048 - 0.319 - 0.394),
    ],
)
def test_eq_5d(name: str, value_set: str, state: int, expected: float) -> None:
    answers = [int(digit) for digit in str(state)]
    found, answered = one(name, answers, value_set=value_set)
    assert found == pytest.approx(expected, rel=1e-12)
    assert answered == 5
    gap, answered = one(name, [*answers[:4], NA], value_set=value_set)
    assert np.isnan(gap)
    assert answered == 4


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
