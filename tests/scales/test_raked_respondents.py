"""Non-response weights: they meet the margins, cost what they say, and refuse what cannot be."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.raked_respondents import nonresponse_weights
from evalkit.scales.suspicion import ScaleWarning

FRAME = pd.DataFrame(
    {
        "project": ["Nord"] * 30 + ["Syd"] * 10 + ["Öst"] * 20,
        "sex": ["K", "K", "M"] * 20,
        "glad": [1, 0, 0, 1, 1] * 12,
        "score": np.arange(60) % 7 + 1.0,
    },
    index=[f"p{k}" for k in range(60)],
)
COUNTS = {"project": {"Nord": 100, "Syd": 90, "Öst": 110}, "sex": {"K": 160, "M": 140}}


def test_margins_are_met() -> None:
    found = nonresponse_weights(FRAME, COUNTS)
    assert found.weights.index.equals(FRAME.index)
    assert found.population == 300
    assert found.weights.sum() == pytest.approx(300)
    for name, levels in COUNTS.items():
        sums = found.weights.groupby(FRAME[name]).sum()
        assert sums.to_dict() == pytest.approx(levels, rel=1e-8)
    frame = found.to_frame()
    assert frame["share_after"].to_numpy() == pytest.approx(frame["share_wanted"].to_numpy())
    assert frame["respondents"].tolist() == [30, 10, 20, 40, 20]
    w = found.weights.to_numpy()
    assert found.ess == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert found.design_effect == pytest.approx(60 / found.ess)
    assert found.largest == pytest.approx(w.max() / w.mean())
    assert found.largest_gap < 1e-9


def test_shares_and_counts_give_the_same_but_for_the_size() -> None:
    shares = {
        name: {level: n / 300 for level, n in levels.items()} for name, levels in COUNTS.items()
    }
    counted, shared = nonresponse_weights(FRAME, COUNTS), nonresponse_weights(FRAME, shares)
    assert np.isnan(shared.population)
    assert shared.weights.sum() == pytest.approx(60)
    np.testing.assert_allclose(shared.weights * 5, counted.weights, rtol=1e-8)
    mixed = nonresponse_weights(FRAME, COUNTS | {"sex": shares["sex"]})
    np.testing.assert_allclose(mixed.weights, counted.weights, rtol=1e-8)
    endless = shared.share(FRAME, "glad").to_frame()
    finite = counted.share(FRAME, "glad").to_frame()
    assert endless["estimate"].tolist() == pytest.approx(finite["estimate"].tolist())
    ratio = finite["std_error"] / endless["std_error"]
    assert ratio.tolist() == pytest.approx([np.sqrt(0.8)] * 2)


def test_those_who_were_asked_are_the_population() -> None:
    asked = pd.concat([FRAME.assign(there=1), FRAME.head(45).assign(there=0, glad=np.nan)])
    asked.index = pd.RangeIndex(len(asked))
    found = nonresponse_weights(asked, ["project", "sex"], answered="there")
    assert found.n == 60
    assert found.population == 105
    assert found.weights.isna().sum() == 45
    everybody = asked["project"].value_counts()
    sums = found.weights.groupby(asked["project"]).sum()
    assert sums.to_dict() == pytest.approx(everybody.to_dict())
    assert found.share(asked, "glad").n_used == 60


def test_answers_missing_to_one_question_are_counted() -> None:
    found = nonresponse_weights(FRAME, COUNTS)
    frame = FRAME.assign(glad=FRAME["glad"].where(np.arange(60) % 10 != 0))
    table = found.share(frame, "glad")
    assert table.n_used == 54
    assert table.n_dropped == {"glad missing": 6}
    kept = frame["glad"].notna()
    wanted = np.average(frame.loc[kept, "glad"], weights=found.weights[kept])
    assert table.to_frame()["estimate"].iloc[0] == pytest.approx(wanted)


def test_answers_by_name_and_means() -> None:
    found = nonresponse_weights(FRAME, COUNTS)
    words = FRAME.assign(glad=FRAME["glad"].map({1: "ja", 0: "nej"}))
    pd.testing.assert_frame_equal(
        found.share(words, "glad", ["ja"]).to_frame(), found.share(FRAME, "glad").to_frame()
    )
    mean = found.mean(FRAME, "score").to_frame()
    assert mean["estimate"].iloc[0] == pytest.approx(
        np.average(FRAME["score"], weights=found.weights)
    )
    assert mean["estimate"].iloc[1] == pytest.approx(FRAME["score"].mean())
    assert (mean["df"] == 59).all()


def test_everybody_has_answered() -> None:
    margins = {"sex": {"K": 40, "M": 20}}
    found = nonresponse_weights(FRAME, margins)
    assert found.weights.to_numpy() == pytest.approx(np.ones(60))
    assert found.design_effect == pytest.approx(1)
    share = found.share(FRAME, "glad").to_frame()
    assert share["std_error"].tolist() == [0, 0]
    assert share["conf_low"].tolist() == share["conf_high"].tolist()


@settings(max_examples=40)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=3), st.integers(1, 50))
def test_weights_do_not_know_units(parts: list[int], times: int) -> None:
    scaled = [60 * part * times for part in parts]
    one = nonresponse_weights(FRAME, {"project": dict(zip(COUNTS["project"], scaled, strict=True))})
    whole = sum(parts)
    two = nonresponse_weights(
        FRAME,
        {"project": {k: p / whole for k, p in zip(COUNTS["project"], parts, strict=True)}},
    )
    assert one.ess == pytest.approx(two.ess, rel=1e-8)
    assert 1 <= one.ess <= 60 + 1e-9


def test_large_weights_are_remarked() -> None:
    rare = FRAME.assign(sex=["M"] + ["K"] * 59)
    found = nonresponse_weights(rare, {"sex": {"K": 150, "M": 150}})
    text = repr(found)
    assert len(text.splitlines()) <= 15
    assert "One respondent counts for 30.0 average ones" in text
    assert "The weights cost" in text
    assert "<table" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


PROJECTS = COUNTS["project"]


@pytest.mark.parametrize(
    ("margins", "message"),
    [
        ({"project": PROJECTS | {"Väst": 120}},
         (r"^margins\['project'\]: must be levels in which somebody has answered; got levels"
         r" without respondents \(at 'Väst' \(population 120\)\)\. Weights cannot speak")),
        ({"project": {"Nord": 100, "Syd": 90}},
         r"^margins\['project'\]: must be levels with a part.*\(at 'Öst' \(20 respondents\)\)"),
        ({"project": PROJECTS | {"Öst": 0}}, r"levels with a part.*'Öst' \(20 respondents\)"),
        ({"sex": {"K": 30, "M": 20}}, (r"^margins: must be of at least the 60 people.*got 50 "
         r"\(at sex\)\. Shares must add up to 1: divide percentages by 100")),
        ({"project": PROJECTS, "sex": {"K": 150, "M": 140}},
         r"^margins: must be of one population.*300 \(project\) and 290 \(sex\)"),
        ({"project": PROJECTS | {"Öst": -1}}, r"numbers or shares of at least 0.*got -1 \(at Öst"),
        ({"project": PROJECTS | {"Öst": True}}, r"numbers or shares of at least 0.*got True"),
        ({"project": PROJECTS | {"Öst": np.nan}}, r"numbers or shares of at least 0.*got nan"),
        ({"project": dict.fromkeys(PROJECTS, 0)}, r"parts that are not all 0"),
        ({"project": [1, 2]}, r"^margins\['project'\]: must be numbers or shares.*got \[1, 2\]"),
        ({"projekt": PROJECTS}, r"^margins: must be a column of df.*Did you mean 'project'"),
        ({}, r"^margins: must be at least one column"),
        ("project", r"^margins: must be at least one column"),
        (["project"], r"^margins: must be a mapping with the population's numbers.*answered="),
    ],
)  # fmt: skip
def test_margins_that_cannot_be(margins: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        nonresponse_weights(FRAME, margins)  # type: ignore[arg-type]


def test_percentages_are_suspected() -> None:
    margins = {"project": {"Nord": 33, "Syd": 30, "Öst": 37}}
    with pytest.warns(ScaleWarning, match=r"exactly 100, and are taken as 100 people"):
        assert nonresponse_weights(FRAME, margins).population == 100


def test_missing_margins_are_refused() -> None:
    holes = FRAME.assign(sex=FRAME["sex"].where(np.arange(60) != 3))
    with pytest.raises(InputError, match=r"^margins: must be known for all respondents.*'p3'"):
        nonresponse_weights(holes, COUNTS)
    asked = holes.assign(there=(np.arange(60) != 3).astype(int))
    nonresponse_weights(asked, COUNTS, answered="there")
    with pytest.raises(InputError, match=r"^margins: must be known for everybody asked.*'p3'"):
        nonresponse_weights(asked, ["sex"], answered="there")


def test_margins_that_cannot_be_met_together() -> None:
    tied = FRAME.assign(sex=FRAME["project"].map({"Nord": "K", "Syd": "M", "Öst": "M"}))
    with pytest.raises(InputError, match=r"^margins: must be margins that can be met together.*is "
                       r"wanted\. Some levels never occur together"):  # fmt: skip
        nonresponse_weights(tied, COUNTS)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"^answered: must be 0 or 1.*'p2'.*notna"):
        nonresponse_weights(FRAME.assign(there=[1, 1, 7] + [1] * 57), COUNTS, answered="there")
    with pytest.raises(InputError, match=r"^df: must be somebody who has answered"):
        nonresponse_weights(FRAME.assign(there=0), COUNTS, answered="there")
    with pytest.raises(InputError, match=r"^weights: must be positive.*such as 0"):
        nonresponse_weights(FRAME.assign(w=0.0), COUNTS, weights="w")
    found = nonresponse_weights(FRAME, COUNTS)
    with pytest.raises(InputError, match=r"^df: must be the frame that the weights were made for"):
        found.share(FRAME[::-1], "glad")
    with pytest.raises(InputError, match=r"^answer: must be 0 or 1.*success="):
        found.share(FRAME, "score")
    with pytest.raises(InputError, match=r"^success: must be answers that occur in 'score'; got 9"):
        found.share(FRAME, "score", [9])
    with pytest.raises(InputError, match=r"^success: must be a collection"):
        found.share(FRAME, "score", "ja")
    with pytest.raises(InputError, match=r"^answer: must be at least two answers"):
        found.share(FRAME.assign(glad=np.nan), "glad")
    with pytest.raises(InputError, match=r"^score: must be a column of df"):
        found.mean(FRAME, "scor")
    with pytest.raises(InputError, match=r"^score: must be finite"):
        found.mean(FRAME.assign(score=np.inf), "score")


def test_margins_as_a_series_and_as_printed_percentages() -> None:
    register = pd.Series(["K"] * 160 + ["M"] * 140).value_counts()
    found = nonresponse_weights(FRAME, {"sex": register})
    same = nonresponse_weights(FRAME, {"sex": {"K": 160, "M": 140}})
    pd.testing.assert_series_equal(found.weights, same.weights)
    rounded = nonresponse_weights(FRAME, {"sex": {"K": 0.66, "M": 0.33}})
    assert rounded.to_frame()["share_after"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert "Taken as rounded, and divided by their sum: shares adding up to 0.99 (sex)." in repr(
        rounded
    )
    assert "rounded" not in repr(nonresponse_weights(FRAME, {"sex": {"K": 0.5, "M": 0.5}}))
    assert "raked in 1 round\n" in repr(found)
    twice = pd.Series([100, 60, 140], index=["K", "K", "M"])
    with pytest.raises(InputError, match=r"margins\['sex'\]: must be each level once.*at 'K'|K"):
        nonresponse_weights(FRAME, {"sex": twice})


def test_missing_answers_add_to_the_uncertainty_that_margins_had_removed() -> None:
    # Where the margin says all, only the missing answers leave anything unknown.
    margins = {"project": {"Nord": 0.2, "Syd": 0.5, "Öst": 0.3}}
    frame = FRAME.assign(glad=(FRAME["project"] == "Syd").astype(float))
    found = nonresponse_weights(frame, margins)
    assert found.share(frame, "glad").to_frame()["std_error"].iloc[0] == pytest.approx(0, abs=1e-9)
    frame.loc[np.arange(60) % 3 == 0, "glad"] = np.nan
    assert found.share(frame, "glad").to_frame()["std_error"].iloc[0] > 0.03
