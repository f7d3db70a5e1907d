"""Waves that cannot be paired: shares, means, order, and the warning about the same people."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.scales.wave_comparisons import (
    AnonymousWavesWarning,
    share_change,
    wave_difference,
)

CASE_WORKERS = pd.DataFrame(
    {
        "wave": [1] * 50 + [2] * 54 + [3] * 4,
        "useful": [1] * 16 + [0] * 34 + [1] * 33 + [0] * 21 + [1] * 4,
    }
)
NAMED = {"score": "useful", "wave": "wave", "before": 1, "after": 2}


def test_shares_and_counts_agree() -> None:
    result = wave_difference(CASE_WORKERS, **NAMED, measure="share", people="different")
    frame = result.to_frame()
    assert frame["term"].tolist() == ["before", "after", "difference"]
    assert frame["estimate"].tolist() == pytest.approx([0.32, 33 / 54, 33 / 54 - 0.32])
    # R: prop.test(c(33, 16), c(54, 50), correct = FALSE)$statistic, which lacks (N - 1) / N
    assert frame["statistic"].iloc[2] ** 2 * 104 / 103 == pytest.approx(8.829902288, rel=1e-9)
    assert result.n_dropped == {"another wave": 4}
    assert result.notes == ()
    counts = share_change(16, 50, 33, 54, people="different", before="1", after="2")
    pd.testing.assert_frame_equal(counts.to_frame(), frame)
    words = CASE_WORKERS.assign(useful=CASE_WORKERS["useful"].map({0: "nej", 1: "ja"}))
    named = wave_difference(words, **NAMED, measure="share", success=["ja"], people="different")
    pd.testing.assert_frame_equal(named.to_frame(), frame)


@pytest.mark.parametrize("people", ["same", "unknown"])
@pytest.mark.parametrize("measure", ["share", "mean", "ordinal"])
def test_same_people_are_warned_about(people: str, measure: str) -> None:
    verb = "answered" if people == "same" else "may have answered"
    with pytest.warns(AnonymousWavesWarning, match=f"The same people {verb} twice, without ids"):
        result = wave_difference(CASE_WORKERS, **NAMED, measure=measure, people=people)  # type: ignore[arg-type]
    assert "how single people changed cannot be known" in result.notes[0]


def test_unknown_is_the_default() -> None:
    with pytest.warns(AnonymousWavesWarning):
        share_change(16, 50, 33, 54)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        share_change(16, 50, 33, 54, people="different")


def test_order_alone_counts() -> None:
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"wave": [1] * 30 + [2] * 20, "y": rng.integers(1, 6, 50)})
    named = NAMED | {"score": "y", "measure": "ordinal", "people": "different"}
    first = wave_difference(df, **named).to_frame()
    again = wave_difference(df.assign(y=df["y"] ** 3), **named).to_frame()
    pd.testing.assert_frame_equal(again, first)
    back = wave_difference(df, **(named | {"before": 2, "after": 1})).to_frame()
    assert back["estimate"].item() == pytest.approx(1 - first["estimate"].item())
    apart = wave_difference(df.assign(y=df["wave"]), **named).to_frame()
    assert apart["estimate"].item() == 1
    assert np.isnan(apart["p_value"].item())


def test_missing_answers_are_counted() -> None:
    df = CASE_WORKERS.astype(float).assign(useful=[np.nan] + [1.0] * 107)
    df.loc[5, "wave"] = np.nan
    result = wave_difference(df, **NAMED, measure="share", people="different")
    assert result.n_dropped == {"another wave": 4, "wave missing": 1, "useful missing": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"measure": "median"}, "^measure: must be one of"),
        ({"people": "others"}, "^people: must be one of 'different', 'same', 'unknown'"),
        ({"before": 7}, "^before: must be a value of 'wave'; got 7"),
        ({"after": 1}, "^after: must be another wave"),
        ({"success": [1]}, "^success: must be given for shares only"),
        ({"measure": "share", "success": [5]}, "^success: must be answers that occur in 'useful'"),
        ({"measure": "share", "success": "ja"}, "^success: must be a collection"),
        ({"score": "x"}, "^score: must be a column of df"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        wave_difference(CASE_WORKERS, **(NAMED | {"people": "different"} | arguments))  # type: ignore[arg-type]


def test_bad_answers() -> None:
    codes = CASE_WORKERS.assign(useful=CASE_WORKERS["useful"] + 1)
    with pytest.raises(InputError, match=r"^score: must be 0 or 1.*Name the answers that count"):
        wave_difference(codes, **NAMED, measure="share", people="different")
    few = pd.DataFrame({"wave": [1, 2, 2], "useful": [1, 2, 3]})
    with pytest.raises(InputError, match=r"^wave: must be at least two answers in each wave"):
        wave_difference(few, **NAMED, people="different")
    none = few.assign(useful=[np.nan, 2, 3])
    with pytest.raises(InputError, match=r"^wave: must be answers in both waves; got none in 1"):
        wave_difference(none, **NAMED, people="different")
    with pytest.raises(InputError, match=r"^x_before: must be at most n_before"):
        share_change(51, 50, 33, 54, people="different")
    with pytest.raises(InputError, match=r"^x_before, x_after: must be one count each"):
        share_change([1, 2], 50, 33, 54, people="different")  # type: ignore[arg-type]


@pytest.mark.parametrize("measure", ["share", "mean", "ordinal"])
def test_the_warning_points_to_the_caller(measure: str) -> None:
    with pytest.warns(AnonymousWavesWarning) as caught:
        wave_difference(CASE_WORKERS, **NAMED, measure=measure)  # type: ignore[arg-type]
    assert caught[0].filename == __file__
    with pytest.warns(AnonymousWavesWarning) as caught:
        share_change(16, 50, 33, 54)
    assert caught[0].filename == __file__
