"""Synthetic participants beside a synthetic riket: the published shares, and the known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.published import load
from evalkit.synthetic.riket import RIKET_NOTICE, synthetic_amia_riket

PEOPLE = synthetic_amia_riket(rng=4, n_riket=4000)


def test_the_published_shares_hold():
    published = load("004.riket").to_frame().drop_duplicates("row").set_index("row")["value"]
    amia = PEOPLE[PEOPLE["amia"] == 1]
    shares = 100 * amia.groupby("delprojekt")["moved_on"].mean()
    for name in ("Öst", "Nord", "Väst", "Syd"):
        assert round(shares[name]) == published[name]
    assert round(100 * amia["moved_on"].mean()) == published["Projektet som helhet"]
    riket = 100 * PEOPLE.loc[PEOPLE["amia"] == 0, "moved_on"].mean()
    assert riket == published["Riket, vidare mot arbetsmarknaden"]


def test_the_published_numbers_with_90_days_hold():
    enrolled = load("004.enrolment").to_frame()
    reached = enrolled[
        (enrolled["column"] == "Uppnått 90 dagar") & (enrolled["measure"] == "count")
    ]
    counts = PEOPLE.groupby("delprojekt").size()
    for _, row in reached.iterrows():
        assert counts[row["row"]] == row["value"]


def test_the_same_seed_gives_the_same_people():
    pd.testing.assert_frame_equal(synthetic_amia_riket(rng=4, n_riket=4000), PEOPLE)
    assert not synthetic_amia_riket(rng=5, n_riket=4000)["age"].equals(PEOPLE["age"])
    assert PEOPLE.attrs["notice"] == RIKET_NOTICE
    assert "Syntetiska data" in RIKET_NOTICE


def test_outcomes_follow_the_chances():
    riket = PEOPLE[PEOPLE["amia"] == 0]
    score = (riket["moved_on"] - riket["chance_without"]).to_numpy()
    for part in (riket["age"] > 50, riket["employed"] == 1, riket["years"] > 5):
        inside = part.to_numpy()
        spread = np.sqrt((riket["chance_without"] * (1 - riket["chance_without"]))[part].sum())
        assert abs(score[inside].sum()) < 4 * spread
    amia = PEOPLE[PEOPLE["amia"] == 1]
    assert amia["chance_with"].sum() == pytest.approx(amia["moved_on"].sum(), abs=1e-6)
    assert riket["chance_with"].isna().all()


def test_participants_would_have_done_worse_than_riket_without_amia():
    amia = PEOPLE[PEOPLE["amia"] == 1]
    assert amia["chance_without"].mean() < PEOPLE.loc[PEOPLE["amia"] == 0, "moved_on"].mean() - 0.05


@pytest.mark.parametrize("n", [10, 1500.5, "many"])
def test_too_small_a_riket_is_refused(n: object):
    with pytest.raises(InputError, match="n_riket"):
        synthetic_amia_riket(rng=1, n_riket=n)  # pyright: ignore[reportArgumentType]
