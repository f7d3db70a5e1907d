"""Change: pairing by id, who is counted, classes of reliable change, and ordered answers."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.scales.before_after import change
from evalkit.scales.ordinal_changes import ordinal_change
from evalkit.scales.reliable_changes import reliable_change

LONG = pd.DataFrame(
    {
        "who": ["a", "b", "c", "d", "a", "b", "c", "e", "f"],
        "wave": [1, 1, 1, 1, 2, 2, 2, 2, 2],
        "y": [20.0, 25, 31, 40, 26, 25, 35, 33, np.nan],
    }
)
NAMED = {"id": "who", "wave": "wave", "score": "y", "before": 1, "after": 2}


def test_pairs_by_id() -> None:
    result = change(LONG.sample(frac=1, random_state=3), **NAMED)
    assert (result.n_before, result.n_after, result.n_paired) == (4, 4, 3)
    assert result.mean_change == pytest.approx(10 / 3)
    assert result.table.n_dropped == {
        "no score after": 1, "no score before": 1, "no score at all": 1,
    }  # fmt: skip
    assert "4 before, 4 after, 3 paired" in str(result)
    assert (
        "The 1 without a score after had a mean of 40.00 before, the paired 25.33"
        in (result.table.notes[0])
    )
    wide = LONG.pivot(index="who", columns="wave", values="y").rename(columns={1: "t1", 2: "t2"})
    again = change(wide.reset_index(), before="t1", after="t2", id="who")
    np.testing.assert_allclose(
        again.to_frame()["estimate"], result.to_frame()["estimate"], rtol=1e-12
    )
    assert result.to_frame()["term"].tolist() == [
        "mean_before", "mean_after", "mean_change", "srm", "d_before", "d_av", "d_rm",
    ]  # fmt: skip
    assert result.to_frame()["contrast"].iloc[2] == "2 - 1"
    moved = np.array([6, 0, 4])
    assert result.srm == pytest.approx(moved.mean() / moved.std(ddof=1))
    assert len(str(result).splitlines()) <= 15
    assert "<table>" in result._repr_html_()
    assert pickle.loads(pickle.dumps(result)).srm == result.srm


@given(st.integers(0, 1000))
def test_swapping_the_waves_changes_the_sign(seed: int) -> None:
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({"x": rng.normal(size=15), "y": rng.normal(size=15)})
    there = change(df, before="x", after="y")
    back = change(df, before="y", after="x")
    assert there.mean_change == pytest.approx(-back.mean_change, abs=1e-12)
    assert there.srm == pytest.approx(-back.srm, abs=1e-12)


def test_no_spread_is_said() -> None:
    df = pd.DataFrame({"x": [1, 1, 1], "y": [2, 3, 4]})
    result = change(df, before="x", after="y")
    assert np.isnan(result.srm)
    assert np.isnan(result.correlation)
    assert "zero variance before or after" in str(result)


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (LONG, {"id": None}, r"^id: must be a column with the person; got None\. Without ids"),
        (LONG, {"score": None}, "^wave, score: must be given together; got only wave"),
        (LONG, {"after": 3}, r"^after: must be a value of 'wave'; got 3\. Values: 1, 2\."),
        (LONG, {"after": 1}, "^after: must be another wave than before"),
        (LONG.assign(who="a"), {}, "^id: must be each person once in a wave"),
        (LONG.assign(who=[None, *LONG["who"][1:]]), {}, "^id: must be there in every row"),
        (LONG.assign(who=list("abcdefghi")), {}, "^df: must be two people with both scores; got 0"),
        (LONG.assign(y="high"), {}, "^score: must be a column of numbers"),
        (LONG.assign(y=np.inf), {}, r"^score: must be finite \('y'\)"),
        (LONG, {"wave": None, "score": None}, "^before, after: must be names of columns"),
    ],
)
def test_bad_pairs(frame: pd.DataFrame, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        change(frame, **(NAMED | arguments))  # type: ignore[arg-type]


def test_bad_wide_pairs() -> None:
    df = pd.DataFrame({"id": [1, 1, 2], "x": [1, 2, 3], "y": [2, 3, 4]})
    with pytest.raises(InputError, match=r"^id: must be each person once \('id'\); got 1 more"):
        change(df, before="x", after="y", id="id")
    with pytest.raises(InputError, match=r"^after: must be another column"):
        change(df, before="x", after="x")


def test_reliable_change_by_hand() -> None:
    df = pd.DataFrame({"x": [30, 28, 33, 25, 31, 10], "y": [22, 27, 15, 34, 29, None]})
    options = {"before": "x", "after": "y", "reliability": 0.85, "sd": 7.5}
    result = reliable_change(df, **options, higher_is_better=False, cut_off=18)
    error = 7.5 * np.sqrt(2 * 0.15)
    assert result.threshold == pytest.approx(1.959963984540054 * error)
    people = result.people
    assert people["change_class"].tolist() == [
        "unchanged", "unchanged", "recovered", "deteriorated", "unchanged",
    ]  # fmt: skip
    assert people["rci"].tolist() == pytest.approx(list(people["change"] / error))
    frame = result.to_frame()
    assert frame["term"].tolist() == ["recovered", "improved", "unchanged", "deteriorated"]
    assert frame["count"].sum() == 5
    assert result.table.n_dropped == {"no score after": 1}
    assert "Cut-off 18.00 (given); 0 of 5 were beyond it already" in result.table.notes[2]
    turned = reliable_change(df, **options, higher_is_better=True)
    assert turned.to_frame()["term"].tolist() == ["improved", "unchanged", "deteriorated"]
    assert turned.to_frame()["count"].tolist() == [1, 3, 1]
    assert turned.cut_off is None
    assert len(str(result).splitlines()) <= 15
    assert "<table>" in result._repr_html_()
    assert pickle.loads(pickle.dumps(result)).threshold == result.threshold


def test_cut_off_c() -> None:
    df = pd.DataFrame({"x": [30, 28, 33, 25, 31], "y": [22, 27, 15, 34, 29]})
    options = {"before": "x", "after": "y", "reliability": 0.85, "higher_is_better": False}
    result = reliable_change(df, **options, norm=(10, 5), patients=(30, 10))
    assert result.cut_off == pytest.approx((5 * 30 + 10 * 10) / 15)
    own = reliable_change(df, **options, norm=(10, 5))
    spread = df["x"].std()
    assert own.cut_off == pytest.approx((5 * df["x"].mean() + spread * 10) / (5 + spread))
    for arguments, message in (
        ({"norm": (40, 5)}, "^norm: must be a mean below that of those before"),
        ({"norm": (10, 0)}, "^norm: must be a mean and a standard deviation above 0"),
        ({"norm": (10, 5), "cut_off": 3}, "^cut_off: must be given without norm"),
        ({"patients": (10, 5)}, "^patients: must be given with norm"),
        ({"sd": 0}, "^sd: must be above 0"),
        ({"reliability": 1}, "^reliability: must be a number from 0 to below 1"),
        ({"reliability": float("nan")}, "^reliability: "),
    ):
        with pytest.raises(InputError, match=message):
            reliable_change(df, **(options | arguments))


def test_ordered_answers() -> None:
    order = ["inte alls", "delvis", "helt"]
    df = pd.DataFrame(
        {
            "who": [1, 2, 3, 4, 1, 2, 3, 5],
            "wave": ["före"] * 4 + ["efter"] * 4,
            "svar": ["inte alls", "delvis", "helt", "delvis", "delvis", "helt", "delvis", "helt"],
        }
    )
    named = {"id": "who", "wave": "wave", "score": "svar", "before": "före", "after": "efter"}
    result = ordinal_change(df, **named, levels=order)
    assert result.n_paired == 3
    assert list(result.counts.index) == order
    assert result.counts.loc["helt", "delvis"] == 1
    frame = result.to_frame().set_index("term")
    assert frame.loc[["same", "higher", "lower"], "count"].tolist() == [0, 2, 1]
    category = df.assign(svar=pd.Categorical(df["svar"], order, ordered=True))
    again = ordinal_change(category, **named)
    pd.testing.assert_frame_equal(again.to_frame(), result.to_frame())
    assert len(str(result).splitlines()) <= 15
    assert "<table>" in result._repr_html_()
    assert pickle.loads(pickle.dumps(result)).n_paired == 3
    with pytest.raises(
        InputError, match=r"^levels: must be given for answers that are not numbers"
    ):
        ordinal_change(df, **named)
    with pytest.raises(
        InputError, match=r"^levels: must be all answers in 'svar'; got none for 'h"
    ):
        ordinal_change(df, **named, levels=order[:2])
    with pytest.raises(InputError, match=r"^levels: must be at least two answers that differ"):
        ordinal_change(df, **named, levels=["helt", "helt"])


def test_ordered_numbers_and_no_overlap() -> None:
    df = pd.DataFrame({"x": [1, 1, 2, 2], "y": [3, 4, 4, None]})
    result = ordinal_change(df, before="x", after="y")
    frame = result.to_frame().set_index("term")
    assert frame.loc["relative_position", "estimate"] == 1
    assert np.isnan(frame.loc["relative_concentration", "estimate"])
    assert "Relative concentration is undefined" in str(result)
    with pytest.raises(InputError, match=r"^before, after: must be names of columns"):
        ordinal_change(df, before=1, after=2)
    with pytest.raises(InputError, match=r"^wave, score: must be given together"):
        ordinal_change(df, before=1, after=2, wave="x")
    with pytest.raises(InputError, match=r"^df: must be two people with both answers"):
        ordinal_change(df.tail(2), before="x", after="y")


def test_undefined_changes_are_named() -> None:
    df = pd.DataFrame({"x": [3.1, 3.2, 3.35, 3.7, 4.9]})
    alike = change(df.assign(y=df["x"] + 1.7), before="x", after="y")
    assert alike.table.notes[1] == "Undefined: srm, d_rm; all change alike."
    row = alike.to_frame().set_index("term").loc["mean_change"]
    assert row["std_error"] == 0
    assert np.isnan(row["p_value"])
    twice = change(df.assign(y=df["x"] * 2), before="x", after="y")
    assert twice.table.notes[1] == "Undefined: d_rm; the two scores correlate perfectly."
    constant = change(df.assign(x=0.1, y=df["x"]), before="x", after="y")
    assert "zero variance before or after" in constant.table.notes[1]
    assert constant.to_frame()["estimate"].abs().max() < 10


def test_a_row_without_a_wave_is_refused() -> None:
    unknown = LONG.assign(wave=[1, None, *LONG["wave"][2:]])
    for call in (change, ordinal_change):
        with pytest.raises(
            InputError, match=r"^wave: must be there in every row \('wave'\).*row 1"
        ):
            call(unknown, **NAMED)


def test_arguments_of_reliable_change_are_what_they_must_be() -> None:
    df = pd.DataFrame({"x": [30, 28, 33, 25, 31], "y": [22, 27, 15, 34, 29]})
    options = {"before": "x", "after": "y", "reliability": 0.85, "higher_is_better": False}
    for arguments, message in (
        ({"higher_is_better": "no"}, "^higher_is_better: must be True or False; got 'no'"),
        ({"cut_off": float("nan")}, "^cut_off: must be a finite number; got nan"),
        ({"norm": (float("nan"), 5)}, "^norm: must be a mean and a standard deviation above 0"),
        ({"norm": 5}, "^norm: must be a mean and a standard deviation above 0; got 5"),
        ({"norm": (10, 5), "patients": (30, float("inf"))}, "^patients: must be a mean"),
        ({"reliability": "0.8"}, "^reliability: must be a number from 0 to below 1; got '0.8'"),
        ({"sd": True}, "^sd: must be a finite number; got True"),
    ):
        with pytest.raises(InputError, match=message):
            reliable_change(df, **(options | arguments))
    with pytest.raises(InputError, match=r"^sd: must be above 0; got 0"):
        reliable_change(df.assign(x=[0.1] * 5), **options)


def test_a_change_is_drawn_as_a_dumbbell() -> None:
    result = change(LONG, **NAMED)
    texts = [text.get_text() for text in result.plot().texts]
    assert texts[-2:] == ["+3,3", "3"]
    labels = [text.get_text() for text in result.plot().get_yticklabels()]
    assert "y" in " ".join([*texts, *labels])
    named = result.plot(label="Arbetsförmåga", lang="en")
    assert [text.get_text() for text in named.texts][-2] == "+3.3"
