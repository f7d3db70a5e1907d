"""Weights to riket's means: closed cases, the hull by brute force, and what is refused."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from evalkit.errors import InputError
from evalkit.matching.aggregate_matching import maic
from evalkit.matching.aggregate_targets import _gaps
from evalkit.matching.raking_margins import rake


def people(seed: int = 0, n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({
        "sex": rng.choice(["w", "m"], n, p=[0.7, 0.3]), "age": rng.normal(40, 10, n),
        "child": rng.integers(0, 2, n),
    })  # fmt: skip
    rate = 1 / (1 + np.exp(-0.05 * (df["age"] - 40)))
    return df.assign(y=(rng.random(n) < rate).astype(int), w=rng.uniform(0.5, 2, n))


def test_means_spreads_and_shares_are_met() -> None:
    df = people()
    targets = {"age": (43.0, 9.0), "sex": {"w": 0.5, "m": 0.5}, "child": 0.4}
    found = maic(df, targets=targets, weights="w")
    share = found.weights / found.weights.sum()
    mean = (share * df["age"]).sum()
    assert mean == pytest.approx(43, rel=1e-9)
    assert np.sqrt((share * (df["age"] - mean) ** 2).sum()) == pytest.approx(9, rel=1e-8)
    assert share[df["sex"] == "w"].sum() == pytest.approx(0.5, rel=1e-8)
    assert (share * df["child"]).sum() == pytest.approx(0.4, rel=1e-8)
    assert found.to_frame()["after"].tolist() == pytest.approx([43, 9, 0.5, 0.5, 0.4])
    assert (found.weights > 0).all()
    # Weights over their start are exponential in the covariates.
    ratio = np.log(found.weights / df["w"])
    x = np.column_stack([np.ones(len(df)), df["age"], df["age"] ** 2, df["sex"] == "w",
                         df["child"]]).astype(float)  # fmt: skip
    assert ratio.to_numpy() - x @ np.linalg.lstsq(x, ratio, rcond=None)[0] == pytest.approx(
        np.zeros(len(df)), abs=1e-7
    )


def test_shares_alone_are_raking() -> None:
    df = people(1)
    wanted = {"sex": {"w": 0.5, "m": 0.5}, "child": {0: 0.6, 1: 0.4}}
    one, other = maic(df, targets=wanted), rake(df, wanted)
    assert one.weights.tolist() == pytest.approx(other.weights.tolist(), rel=1e-7)
    pd.testing.assert_frame_equal(
        one.mean(df["y"], reference=0.5).to_frame(), other.mean(df["y"], reference=0.5).to_frame(),
        rtol=1e-6,
    )  # fmt: skip


def test_one_binary_target_is_a_weighted_mean_of_groups() -> None:
    df = people(2)
    found = maic(df, targets={"child": 0.25}).mean(df["y"]).to_frame()
    own = df.groupby("child")["y"].mean()
    assert found["estimate"].item() == pytest.approx(0.75 * own[0] + 0.25 * own[1])


def test_units_do_not_matter() -> None:
    df = people(3)
    metres = maic(df, targets={"age": (43.0, 9.0)})
    days = maic(df.assign(age=df["age"] * 365.25 + 1e6),
                targets={"age": (43 * 365.25 + 1e6, 9 * 365.25)})  # fmt: skip
    assert days.weights.tolist() == pytest.approx(metres.weights.tolist(), rel=1e-6)


def inside(points: np.ndarray, target: np.ndarray) -> bool:
    """Whether a point of the plane is strictly inside the hull, by all triangles."""
    for corner in combinations(points, 3):
        matrix = np.vstack([np.array(corner).T, np.ones(3)])
        if abs(np.linalg.det(matrix)) < 1e-9:
            continue
        if (np.linalg.solve(matrix, np.append(target, 1)) > 1e-9).all():
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_hull_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 6, (6, 2)).astype(float)
    target = rng.uniform(0, 5, 2)
    df = pd.DataFrame(points, columns=["a", "b"])
    try:
        found = maic(df, targets={"a": target[0], "b": target[1]})
    except InputError:
        assert not inside(points, target)
    else:
        assert inside(points, target)
        assert found.weights @ points / 6 == pytest.approx(target, abs=1e-7)


def test_the_violated_margin_is_named() -> None:
    df = people(4)
    df["months"] = df["age"] * 12 + np.random.default_rng(0).normal(0, 3, len(df))
    with pytest.raises(InputError, match=r"hull.*at months 576, at most .* possible without age, "
                                         r"possible without months"):  # fmt: skip
        maic(df, targets={"age": 43, "months": 43 * 12 + 60, "child": 0.4})
    with pytest.raises(InputError, match=r"age \(sd\) 40, at most .* possible"):
        maic(df, targets={"age": (43, 40)})
    edge = pd.DataFrame({"a": [0.0, 1, 1], "b": [0.0, 0, 1]})
    with pytest.raises(InputError, match="edge of the hull"):
        maic(edge, targets={"a": 1.0, "b": 0.5})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_nearest_targets_are_those_of_the_whole_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(80, 3)).round(1)
    goal = rng.normal(size=3) * 3
    found = _gaps(matrix, goal)
    scale = matrix.std(axis=0)
    rows = np.concatenate([(matrix / scale).T, -np.eye(3), np.eye(3)], axis=1)
    rows = np.concatenate([rows, np.append(np.ones(80), np.zeros(6))[None]])
    cost = np.append(np.zeros(80), np.ones(6))
    whole = optimize.linprog(cost, A_eq=rows, b_eq=np.append(goal / scale, 1), method="highs")
    assert np.abs(found / scale).sum() == pytest.approx(whole.fun, abs=1e-7)


def test_a_level_that_riket_has_nobody_in_gets_no_weight() -> None:
    df = people(5)
    found = maic(df, targets={"sex": {"w": 1.0, "m": 0.0}, "age": 43.0})
    women = df["sex"] == "w"
    assert (found.weights[~women] == 0).all()
    alone = maic(df[women], targets={"age": 43.0}).weights
    assert found.weights[women].to_numpy() / alone.to_numpy() == pytest.approx(len(df) / len(alone))
    assert found.to_frame()["before"].iloc[1] == pytest.approx((~women).mean())


def test_nobody_whom_riket_has() -> None:
    df = pd.DataFrame({"a": [1, 2], "b": [1, 2]})
    with pytest.raises(InputError, match="targets: must be such that riket has people like some"):
        maic(df, targets={"a": {1: 1.0, 2: 0.0}, "b": {1: 0.0, 2: 1.0}})


def test_targets_as_a_series() -> None:
    df = people(5)
    wanted = {"age": 43.0, "child": 0.4}
    pd.testing.assert_series_equal(
        maic(df, targets=pd.Series(wanted)).weights, maic(df, targets=wanted).weights
    )


def test_what_is_assumed_of_several_variables() -> None:
    df = people(5)
    assert maic(df, targets={"age": (43.0, 9.0)}).notes == ()
    notes = maic(df, targets={"age": 43.0, "child": 0.4}).notes
    assert notes[0].startswith("Assumed, since riket's joint distribution is not used")


def test_extremes_and_print() -> None:
    found = maic(people(5), targets={"age": 43.0})
    assert found.extremes(3).tolist() == sorted(found.weights / found.weights.mean())[:-4:-1]
    assert ".weights: one by index label, 150 in all" in repr(found)


def test_few_effective_participants_are_said() -> None:
    df = people(5, 400)
    found = maic(df, targets={"age": 62.0})
    assert found.ess < 80
    assert any(note.startswith("Few participants are like riket") for note in found.notes)
    assert 0 < found.largest_share < 1
    assert len(repr(found).splitlines()) <= 15
    assert "<table>" in found._repr_html_()


def test_missing_values_are_dropped() -> None:
    df = people(6)
    df.loc[[1, 2], "age"] = np.nan
    found = maic(df, targets={"age": 41.0})
    assert found.n_dropped == {"missing age": 2}
    assert len(found.weights) == 148


BAD = {
    "percent": (
        {"child": 58},
        (
            r"targets\['child'\]: must be between the participants' 0 and 1; got "
            r"58. This looks like a percentage"
        ),
    ),
    "out of range": ({"age": 99.0}, r"outside their range"),
    "shares in percent": ({"sex": {"w": 58, "m": 42}}, r"shares that add up to 1; got 100. Divide"),
    "unseen in riket": (
        {"sex": {"w": 1.0}},
        (
            r"in levels that targets\['sex'\] has; got 1 levels "
            r"that it has not \(at sex='m'\)"
        ),
    ),
    "unseen here": ({"sex": {"w": 0.5, "m": 0.3, "x": 0.2}}, r"1 levels without \(at sex='x'\)"),
    "text": ({"sex": 0.5}, r"must be a column of numbers \('sex'\)"),
    "no number": ({"age": "43"}, r"a mean, a mean and a standard deviation, or shares by level"),
    "no spread": (
        {"age": (43, 0)},
        r"a mean, or a mean and a positive standard deviation; got 43, 0",
    ),
    "three": ({"age": (43, 2, 3)}, r"a mean, or a mean and a positive standard deviation"),
    "infinite": ({"age": np.inf}, r"targets\['age'\]: must be finite"),
    "none": ({}, r"targets: must be a mapping of columns to means; got an empty dict"),
    "column": ({"ages": 43}, r"Did you mean 'age'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name) -> None:
    targets, message = BAD[name]
    with pytest.raises(InputError, match=message):
        maic(people(7), targets=targets)
