"""Response rates: rows and counts agree, small groups are counts, and what cannot be is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.response_rates import response_rate

COUNTS = pd.DataFrame(
    {
        "wave": [2012] * 3 + [2013] * 3,
        "project": ["Nord", "Syd", "Öst"] * 2,
        "x": [30, 7, 21, 28, 6, 20],
        "n": [40, 11, 26, 38, 8, 25],
        "all": [40, 15, 26, 60, 20, 25],
    }
)


def people() -> pd.DataFrame:
    """Return the counts as one row for each person asked."""
    parts = [
        pd.DataFrame(
            {
                "wave": row.wave,
                "project": row.project,
                "answered": [1] * row.x + [0] * (row.n - row.x),
                "id": range(row.n),
            }
        )
        for row in COUNTS.itertuples()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(id=frame["project"] + frame["id"].astype(str))


def test_published_case_workers() -> None:
    # The report: 54 answers, 72 percent, so that 75 had been asked.
    found = response_rate(answered=54, sent=75)
    assert found.table()["Svarsfrekvens"].tolist() == ["72\u00a0%"]
    assert found.to_frame()["answered"].item() == 54


def test_rows_and_counts_agree() -> None:
    keys = {"wave": "wave", "by": "project"}
    counted = response_rate(COUNTS, answered="x", sent="n", **keys)
    rows = response_rate(people(), answered="answered", id="id", **keys)
    pd.testing.assert_frame_equal(rows.to_frame(), counted.to_frame())
    assert counted.keys == ("wave", "project")
    whole = response_rate(COUNTS, answered="x", sent="n").to_frame()
    assert whole["estimate"].item() == pytest.approx(112 / 148)
    flags = people().assign(answered=people()["answered"] == 1)
    again = response_rate(flags, answered="answered", **keys)
    pd.testing.assert_frame_equal(again.to_frame(), rows.to_frame())


def test_small_groups_are_counts() -> None:
    found = response_rate(COUNTS, answered="x", sent="n", wave="wave", by=["project"])
    assert found.table()["Svarsfrekvens"].tolist()[:2] == ["75\u00a0%", "7 av 11"]
    assert found.table(lang="en")["Response rate"].tolist()[4] == "6 of 8"
    assert found.to_frame()["estimate"].notna().all()
    every = response_rate(COUNTS, answered="x", sent="n", by="project", small=0)
    assert not every.table()["Svarsfrekvens"].str.contains("av").any()


def test_finite_population() -> None:
    keys = {"wave": "wave", "by": "project"}
    endless = response_rate(COUNTS, answered="x", sent="n", **keys).to_frame()
    found = response_rate(COUNTS, answered="x", sent="n", population="all", **keys)
    frame = found.to_frame()
    asked_all = (frame["population"] == frame["sent"]).to_numpy()
    width = (frame["conf_high"] - frame["conf_low"]).to_numpy()
    assert (width[asked_all] == 0).all()
    other = (endless["conf_high"] - endless["conf_low"]).to_numpy()
    assert (width[~asked_all] < other[~asked_all]).all()
    assert "Where everybody was asked" in found.rates.notes[0]
    one = response_rate(answered=54, sent=75, population=75).to_frame()
    assert one["conf_low"].item() == one["conf_high"].item() == 0.72


@settings(max_examples=40)
@given(st.integers(1, 60), st.data())
def test_the_correction_only_shortens(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    extra = data.draw(st.integers(0, 100))
    plain = response_rate(answered=x, sent=n).to_frame().iloc[0]
    finite = response_rate(answered=x, sent=n, population=n + extra).to_frame().iloc[0]
    assert plain["conf_low"] - 1e-12 <= finite["conf_low"] <= x / n
    assert x / n <= finite["conf_high"] <= plain["conf_high"] + 1e-12


def test_missing_groups_are_counted_in_people() -> None:
    frame = COUNTS.assign(project=["Nord", None, "Öst"] * 2)
    found = response_rate(frame, answered="x", sent="n", by="project")
    assert found.rates.n_dropped == {"project missing": 19}
    assert "19 dropped" in repr(found)


def test_prints_pickles_and_draws() -> None:
    found = response_rate(COUNTS, answered="x", sent="n", wave="wave", by="project")
    assert len(repr(found).splitlines()) <= 15
    assert "<table" in found._repr_html_()
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).to_frame(), found.to_frame())
    axes = found.plot(title="Svarsfrekvens")
    texts = [text.get_text() for text in axes.texts]
    assert "7 av 11" in texts
    assert "75\u00a0%" in texts
    drawn = axes.lines[0].get_xdata()
    assert np.isnan(drawn[1])
    assert drawn[0] == 0.75


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (COUNTS.assign(x=60), (r"^answered: must be at most as many as were asked; got 6 groups"
         r".*\(at 2012, Nord: 60 and 40 asked")),
        (COUNTS.assign(x=[30, 7, 21, 28, 6, 20.5]), r"^answered: must be whole numbers"),
        (COUNTS.assign(n=[40, 11, 26, 38, -8, 25]), r"^sent: must be whole numbers.*row 4"),
        (COUNTS.assign(n=[40, 11, 26, 38, np.nan, 25]), r"^sent: must be whole numbers.*row 4"),
        (COUNTS.assign(x=0, n=[40, 11, 26, 38, 0, 25]),
         r"^sent: must be groups in which somebody was asked.*2013, Syd"),
        (COUNTS.assign(project=None), r"^by: must be columns with values"),
        (COUNTS.head(0), r"^df: must be at least one row"),
    ],
)  # fmt: skip
def test_counts_that_cannot_be(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        response_rate(frame, answered="x", sent="n", wave="wave", by="project")


def test_rows_that_cannot_be() -> None:
    rows = people()
    with pytest.raises(InputError, match=r"^answered: must be 0 or 1.*notna.*name sent="):
        response_rate(rows.assign(answered=4), answered="answered")
    with pytest.raises(InputError, match=r"^answered: must be known in every row.*notna\(\)"):
        response_rate(rows.assign(answered=np.nan), answered="answered")
    twice = pd.concat([rows, rows.head(1)], ignore_index=True)
    with pytest.raises(InputError, match=r"^id: must be one row for each person and wave.*remind"):
        response_rate(twice, answered="answered", id="id", wave="wave")
    with pytest.raises(InputError, match=r"^id: must be one row for each person \('id'\)"):
        response_rate(rows, answered="answered", id="id")
    with pytest.raises(InputError, match=r"^id: must be known in every row"):
        response_rate(rows.assign(id=None), answered="answered", id="id")
    with pytest.raises(InputError, match=r"^id: must be given for rows of people only"):
        response_rate(COUNTS, answered="x", sent="n", id="project")


def test_populations_that_cannot_be() -> None:
    keys = {"answered": "x", "sent": "n", "wave": "wave", "by": "project"}
    with pytest.raises(InputError, match=r"^population: must be at least as many.*Öst: 20 and 26"):
        response_rate(COUNTS.assign(all=20), population="all", **keys)
    with pytest.raises(InputError, match=r"^population: must be a mapping by group"):
        response_rate(COUNTS, population=500, **keys)
    with pytest.raises(InputError, match=r"^population: must be the same in all rows of a group"):
        response_rate(COUNTS, answered="x", sent="n", by="project", population="all")
    with pytest.raises(InputError, match=r"^population: must be whole numbers of at least 1"):
        response_rate(COUNTS.assign(all=60.5), population="all", **keys)
    with pytest.raises(InputError, match=r"^population: must be at least as many as were asked"):
        response_rate(answered=54, sent=75, population=60)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"^df: must be a frame with the columns"):
        response_rate(answered="x")
    with pytest.raises(InputError, match=r"^df: must be a frame with the columns"):
        response_rate(answered=54, sent=75, by="project")
    with pytest.raises(InputError, match=r"^answered, sent: must be columns of df"):
        response_rate(COUNTS, answered=54, sent=75)
    with pytest.raises(InputError, match=r"^answered: must be at most as many as were asked"):
        response_rate(answered=80, sent=75)
    with pytest.raises(InputError, match=r"^sent: must be a column of df; got 'm'"):
        response_rate(COUNTS, answered="x", sent="m")
    with pytest.raises(InputError, match=r"^level: must be"):
        response_rate(answered=54, sent=75, level=95)


def test_a_row_for_all_groups_and_populations_by_group() -> None:
    groups = pd.DataFrame({"project": ["Nord", "Syd"], "x": [40, 7], "n": [50, 11]})
    sizes = {"Nord": 80, "Syd": 11}
    given = {"answered": "x", "sent": "n", "by": "project"}
    found = response_rate(groups, total="Samtliga", population=sizes, **given)
    column = response_rate(groups.assign(all=groups["project"].map(sizes)), total="Samtliga",
                           population="all", **given)  # fmt: skip
    pd.testing.assert_frame_equal(found.to_frame(), column.to_frame())
    alone = response_rate(answered=47, sent=61, population=91).to_frame()
    limits = ["estimate", "conf_low", "conf_high", "population"]
    pd.testing.assert_frame_equal(
        found.to_frame()[limits].tail(1).reset_index(drop=True), alone[limits]
    )
    assert found.rates.n_used == 61
    assert found.table().iloc[-1].tolist() == ["Samtliga", "47", "61", "77\u00a0%"]
    waves = COUNTS.assign(all=60)
    sizes_of_both = dict.fromkeys(zip(COUNTS["wave"], COUNTS["project"], strict=True), 60)
    both = response_rate(waves, answered="x", sent="n", wave="wave", by="project", total="Alla",
                         population=sizes_of_both)  # fmt: skip
    rows = both.to_frame()
    for wave, part in rows.groupby("wave"):
        assert part["project"].iloc[-1] == "Alla", wave
        assert part["sent"].iloc[-1] == part["sent"].iloc[:-1].sum()
        assert part["population"].iloc[-1] == part["population"].iloc[:-1].sum()


def test_names_that_the_table_has() -> None:
    groups = pd.DataFrame({"sent": ["Nord", "Syd"], "x": [40, 7], "n": [50, 11]})
    with pytest.raises(InputError, match="by: must be a column with a name of its own; got 'sent'"):
        response_rate(groups, answered="x", sent="n", by="sent")
    named = groups.rename(columns={"sent": "Svarsfrekvens"})
    table = response_rate(named, answered="x", sent="n", by="Svarsfrekvens").table()
    assert list(table) == ["Svarsfrekvens", "Svarat", "Tillfrågade", "Andel svar"]
    assert table["Andel svar"].tolist() == ["80\u00a0%", "7 av 11"]
    with pytest.raises(InputError, match="by: must be other columns than the wave"):
        response_rate(named, answered="x", sent="n", by="Svarsfrekvens", wave="Svarsfrekvens")
    with pytest.raises(InputError, match="total: must be left out without groups"):
        response_rate(named, answered="x", sent="n", total="Samtliga")
    with pytest.raises(InputError, match="total: must be a name that no group has"):
        response_rate(named, answered="x", sent="n", by="Svarsfrekvens", total="Syd")
