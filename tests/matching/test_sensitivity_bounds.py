"""Rosenbaum's bounds of matched pairs: from matchings and differences, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching.matched_comparison import match
from evalkit.matching.sensitivity_bounds import rosenbaum_bounds


def people(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    took = (np.arange(n) % 3 == 0).astype(int)
    x = rng.normal(size=n) + 0.3 * took
    return pd.DataFrame({"took": took, "x": x, "y": x + 1.2 * took + rng.normal(size=n)})


def test_pairs_and_their_differences_say_the_same():
    df = people()
    matched = match("took ~ x", df)
    pairs = matched.pairs
    differences = (
        df.loc[pairs["treated"], "y"].to_numpy() - df.loc[pairs["control"], "y"].to_numpy()
    )
    one = rosenbaum_bounds(matched, "y").to_frame()
    other = rosenbaum_bounds(differences).to_frame()
    pd.testing.assert_frame_equal(one, other)
    first = one.iloc[0]
    assert first["p_low"] == first["p_high"]
    assert first["estimate_low"] == first["estimate_high"]
    assert one["p_high"].is_monotonic_increasing
    assert one["conf_low"].is_monotonic_decreasing


def test_directions():
    d = np.array([22, 5, 23, -6, 18, 26, 13, 47, 15, 16, 6], dtype=float)
    for test in ("signed_rank", "sign"):
        call: dict[str, Any] = {"test": test, "gammas": [1.0, 1.7]}
        greater = rosenbaum_bounds(d, alternative="greater", **call).to_frame()
        less = rosenbaum_bounds(-d, alternative="less", **call).to_frame()
        both = rosenbaum_bounds(d, **call).to_frame()
        np.testing.assert_allclose(greater["p_high"], less["p_high"])
        np.testing.assert_allclose(both["p_high"], 2 * greater["p_high"])
    assert list(rosenbaum_bounds(d, test="sign").to_frame()) == ["gamma", "p_low", "p_high"]


def test_the_bias_that_is_borne():
    found = rosenbaum_bounds([3.0, 2, 5, 4, -1, 6, 7, 2, 9], alternative="greater")
    limit = found.gamma_at(0.05)
    at = rosenbaum_bounds(found.differences, gammas=[limit], alternative="greater")
    assert at.to_frame()["p_high"].item() == pytest.approx(0.05, abs=1e-6)
    assert f"gamma = {limit:.3g}" in repr(found)
    assert len(repr(found).splitlines()) <= 15
    assert "<table" in found._repr_html_()
    assert pickle.loads(pickle.dumps(found)).gamma_at(0.05) == limit
    nothing = rosenbaum_bounds([1.0, -1, 2, -2])
    assert np.isnan(nothing.gamma_at())
    assert "Even without hidden bias" in repr(nothing)


def test_missing_outcomes_are_dropped_and_counted():
    df = people()
    matched = match("took ~ x", df)
    df.loc[matched.pairs["treated"].iloc[0], "y"] = np.nan
    found = rosenbaum_bounds(match("took ~ x", df), "y")
    assert dict(found.n_dropped) == {"missing outcome": 1}
    assert "pairs: 39 used, 1 dropped (missing outcome: 1)" in repr(found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"gammas": [0.5]}, "gammas: must be odds ratios of at least 1; got 0.5"),
        ({"gammas": []}, "gammas: must be"),
        ({"test": "t"}, "test: must be one of"),
        ({"alternative": "higher"}, "alternative: must be one of"),
        ({"outcome": "y"}, "outcome: must be left out unless pairs come from match"),
        ({"pairs": [[1.0, 2.0]]}, "one difference a pair"),
        ({"pairs": [np.nan]}, "at least one difference"),
        ({"pairs": [np.inf]}, "infinite ones"),
        ({"pairs": ["a", "b"]}, "pairs: must be numbers; got a list"),
        ({"gammas": "two"}, "gammas: must be numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        rosenbaum_bounds(**{"pairs": [1.0, 2.0], **call})


def test_only_one_to_one_pairs():
    df = people()
    with pytest.raises(InputError, match=r"one-to-one pairs.*replace=False"):
        rosenbaum_bounds(match("took ~ x", df, ratio=2), "y")
    with pytest.raises(InputError, match="outcome: must be the name of a column"):
        rosenbaum_bounds(match("took ~ x", df))
    cells = df.assign(z=(df["x"] > 0).astype(int))
    with pytest.raises(InputError, match="a matching in pairs"):
        rosenbaum_bounds(match("took ~ z", cells, method="exact"), "y")
