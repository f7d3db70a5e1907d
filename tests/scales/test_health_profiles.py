"""RAND-36 and EQ-5D: the examples that were published, and whole forms worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.scales import instrument, score

NA = None
NO = float("nan")
RAND = list(instrument("RAND-36").items)

BEST = [
    1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,  # 1-12
    2, 2, 2, 2, 2, 2, 2,  # 13-19
    1, 1, 1,  # 20-22
    1, 6, 6, 1, 1, 6, 6, 1, 6,  # 23-31
    5, 5, 1, 5, 1,  # 32-36
]  # fmt: skip
WORST = [
    5, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1,
    5, 6, 5,
    6, 1, 1, 6, 6, 1, 1, 6, 1,
    1, 1, 5, 1, 5,
]  # fmt: skip
FORM = [
    2, 3, 1, 2, 3, 2, 3, 3, 1, 2, 2, 3,
    1, 2, 2, 2, 1, 1, 2,
    2, 3, 2,
    3, 5, 4, 3, 4, 4, 5, 2, 5,
    4, 2, 3, 2, 2,
]  # fmt: skip
GAPS = [
    2, NA, NA, 2, 3, 2, 3, 3, 1, 2, 2, 3,  # 2 is in no scale
    NA, 2, 2, 2, NA, NA, NA,
    2, 3, NA,
    3, NA, 4, NA, 4, 4, 5, 2, NA,
    NA, NA, 3, 2, 2,
]  # fmt: skip

# Points by RAND's table of recoded values; a scale is the mean of those answered.
EXPECTED = [
    # physical: (0 + 50 + 100 + 50 + 100 + 100 + 0 + 50 + 50 + 100) / 10; without the first 600 / 9
    ("physical_functioning", 60.0, 66.66666666666667, 9),
    # role, physical: (0 + 100 + 100 + 100) / 4; without the first 300 / 3
    ("role_physical", 75.0, 100.0, 3),
    # role, emotional: (0 + 0 + 100) / 3; none is answered
    ("role_emotional", 33.333333333333336, NO, 0),
    # energy: 23 = 3, 27 = 4, 29 = 5, 31 = 5: (60 + 40 + 80 + 80) / 4; without 31 180 / 3
    ("energy", 65.0, 60.0, 3),
    # 24 = 5, 25 = 4, 26 = 3, 28 = 4, 30 = 2: (80 + 60 + 60 + 60 + 80) / 5; without 24, 26 200 / 3
    ("emotional_well_being", 68.0, 66.66666666666667, 3),
    # social: 20 = 2, 32 = 4: (75 + 75) / 2; without 32 75
    ("social_functioning", 75.0, 75.0, 1),
    # pain: 21 = 3, 22 = 2: (60 + 75) / 2; without 22 60
    ("pain", 67.5, 60.0, 1),
    # general: 1, 33, 34, 35, 36: (75 + 25 + 50 + 25 + 75) / 5; without 33 225 / 4
    ("general_health", 50.0, 56.25, 4),
]


def test_rand_36_by_hand() -> None:
    df = pd.DataFrame([BEST, WORST, FORM, GAPS], columns=RAND, dtype=float)
    frame = score(df, "RAND-36").to_frame()
    assert frame["scale"].unique().tolist() == [name for name, *_ in EXPECTED]
    for name, whole, gaps, answered in EXPECTED:
        found = frame[frame["scale"] == name]
        np.testing.assert_allclose(found["score"], [100, 0, whole, gaps], rtol=1e-14)
        assert found["n_answered"].iloc[3] == answered
        rescued = 0 < answered < found["n_answered"].iloc[0]
        assert found["rescued"].tolist() == [False, False, False, rescued]


def test_rand_36_published_example_of_energy() -> None:
    """Published by RAND: 23 = 4, 27 = 3, 29 = 3, 31 blank gives 46.7."""
    df = pd.DataFrame({"q23": [4], "q27": [3], "q29": [3], "q31": [np.nan]})
    scores = score(df, "RAND-36", subscales=["energy"])
    assert scores.score.iloc[0] == pytest.approx((40 + 60 + 40) / 3, rel=1e-14)
    assert round(scores.score.iloc[0], 1) == 46.7
    assert scores.n_rescued == {"energy": 1}


def test_rand_36_is_never_called_sf_36() -> None:
    texts = repr(score(pd.DataFrame([FORM], columns=RAND), "RAND-36"))
    assert "RAND-36" in texts
    assert "SF-36" not in texts
    assert "not to be called SF-36" in instrument("RAND-36").notes


@pytest.mark.parametrize(
    ("name", "value_set", "state", "expected"),
    [
        # Published: examples and tests of RCStat, the R package of Registercentrum Västra Götaland
        ("EQ-5D-3L", "Sweden 2014", 11111, 0.9694),
        ("EQ-5D-3L", "Sweden 2014", 12233, 0.4992),
        ("EQ-5D-3L", "Sweden 2014", 21311, 0.7240),
        ("EQ-5D-5L", "Sweden 2020", 34543, 0.5031),
        # Published: the range that Sun and others (2022) give, -0.31 to 1
        ("EQ-5D-5L", "Sweden 2022", 11111, 1.0),
        ("EQ-5D-5L", "Sweden 2022", 55555, -0.314),  # 1 -.132-.159-.187-.442-.394
        # Worked out by hand
        ("EQ-5D-3L", "Sweden 2014", 33333, 0.3402),  # .9694 -.1247-.0276-.1355-.0904-.2077 -.0433
        ("EQ-5D-3L", "Sweden 2014", 21223, 0.5161),  # .9694 -.0666-0-.1012-.0345-.2077 -.0433
        ("EQ-5D-3L", "Sweden 2014", 22222, 0.6843),  # .9694 -.0666-.0276-.1012-.0345-.0552
        ("EQ-5D-5L", "Sweden 2020", 11111, 0.9755),
        ("EQ-5D-5L", "Sweden 2020", 55555, 0.2433),  # .9755 -.0523-.0824-.1639-.1974-.2339 -.0023
        ("EQ-5D-5L", "Sweden 2020", 12345, 0.4972),  # .9755 -0-.0254-.1143-.1024-.2339 -.0023
        ("EQ-5D-5L", "Sweden 2022", 12345, 0.22),  # 1 -0-.019-.048-.319-.394
    ],
)
def test_eq_5d(name: str, value_set: str, state: int, expected: float) -> None:
    scale = instrument(name)
    answers = [int(digit) for digit in str(state)]
    gaps = [[None if i == j else x for j, x in enumerate(answers)] for i in range(5)]
    df = pd.DataFrame([answers, *gaps], columns=list(scale.items), dtype=float)
    frame = score(df, name, value_set=value_set).to_frame()
    np.testing.assert_allclose(frame["score"], [expected] + [np.nan] * 5, rtol=1e-12)
    assert frame["n_answered"].tolist() == [5, 4, 4, 4, 4, 4]
    assert not frame["rescued"].any()
