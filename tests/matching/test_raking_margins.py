"""Weights to riket's margins: what they meet, how they are explained, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.matching.raking_margins import rake
from evalkit.matching.standardisation import standardise

MARGINS = {"sex": {"w": 0.5, "m": 0.5}, "age": {1: 0.2, 2: 0.3, 3: 0.5}}


def people(seed: int = 0, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "sex": rng.choice(["w", "m"], n, p=[0.7, 0.3]), "age": rng.choice([1, 2, 3], n),
        "y": rng.integers(0, 2, n), "w": rng.uniform(0.5, 2, n),
    }, index=[f"p{i:03}" for i in range(n)])  # fmt: skip


@pytest.mark.parametrize(
    "how", [{}, {"method": "linear"}, {"method": "logit", "bounds": (0.1, 5)}, {"bounds": (0.1, 5)}]
)
def test_margins_are_met(how) -> None:
    df = people()
    found = rake(df, MARGINS, weights="w", **how)
    weights = found.weights
    assert weights.index.tolist() == df.index.tolist()
    for name, wanted in MARGINS.items():
        shares = weights.groupby(df[name]).sum() / weights.sum()
        assert shares.to_dict() == pytest.approx(wanted, rel=1e-7)
    assert weights.sum() == pytest.approx(df["w"].sum())
    assert found.ess == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert found.to_frame()["after"].tolist() == pytest.approx([0.5, 0.5, 0.2, 0.3, 0.5], rel=1e-7)


def test_one_margin_is_poststratification() -> None:
    df = people(1)
    found = rake(df, {"sex": {"w": 600, "m": 400}})
    each = {"w": 600 / (df["sex"] == "w").sum(), "m": 400 / (df["sex"] == "m").sum()}
    assert found.weights.tolist() == pytest.approx(df["sex"].map(each).tolist())
    # The standard error is that of poststratification: the strata's own variances.
    table = found.mean(df["y"]).to_frame()
    own = df.groupby("sex")["y"].agg(["mean", "var", "size"])
    share = pd.Series({"w": 0.6, "m": 0.4})
    variance = (share**2 * own["var"] * (own["size"] - 1) / own["size"] ** 2).sum()
    assert table["estimate"].item() == pytest.approx((share * own["mean"]).sum())
    assert table["std_error"].item() == pytest.approx(np.sqrt(variance * 200 / 199))


@pytest.mark.parametrize(
    "how", [{}, {"method": "linear"}, {"method": "logit", "bounds": (0.1, 5)}, {"bounds": (0.1, 5)}]
)
def test_a_level_that_riket_has_nobody_in_gets_no_weight(how) -> None:
    df = people(9)
    found = rake(df, {"sex": {"w": 0.5, "m": 0.5}, "age": {1: 0.4, 2: 0.6, 3: 0.0}}, **how)
    assert (found.weights[df["age"] == 3] == 0).all()
    kept = df[df["age"] < 3]
    alone = rake(kept, {"sex": {"w": 0.5, "m": 0.5}, "age": {1: 0.4, 2: 0.6}}, **how,
                 total=len(df)).weights  # fmt: skip
    assert found.weights[df["age"] < 3].tolist() == pytest.approx(alone.tolist(), rel=1e-8)
    assert not any("negative" in note for note in found.notes)


def test_nobody_whom_riket_has() -> None:
    df = pd.DataFrame({"a": [1, 2], "b": [1, 2]})
    with pytest.raises(InputError, match="margins: must be such that riket has people like some"):
        rake(df, {"a": {1: 1.0, 2: 0.0}, "b": {1: 0.0, 2: 1.0}})


def test_the_print_says_where_the_weights_are() -> None:
    text = repr(rake(people(), MARGINS))
    assert ".weights: one by index label, 200 in all" in text
    assert len(text.splitlines()) <= 15


def test_what_is_no_mapping_is_named_briefly() -> None:
    with pytest.raises(InputError, match="shares by level; got a DataFrame"):
        rake(people(), pd.DataFrame({"sex": {"w": 0.5, "m": 0.5}}))
    with pytest.raises(InputError, match="shares by level; got an empty dict"):
        rake(people(), {})


def test_missing_interactions_are_named() -> None:
    found = rake(people(2), MARGINS)
    assert "sex x age go together as they do among the participants" in " ".join(found.notes)
    joint = {("sex", "age"): {(s, a): 1 / 6 for s in "wm" for a in (1, 2, 3)}}
    assert rake(people(2), joint).notes == ()
    assert rake(people(2), joint).to_frame()["level"].tolist()[0] == "w, 1"


def test_rounded_shares_are_divided_by_their_sum() -> None:
    found = rake(people(3), {"age": {1: 0.2, 2: 0.3, 3: 0.51}})
    assert found.to_frame()["target"].tolist() == pytest.approx(
        [0.2 / 1.01, 0.3 / 1.01, 0.51 / 1.01]
    )
    assert "Shares that add up to 1.01 (age)" in found.notes[0]


def test_a_series_is_a_margin_too() -> None:
    df = people(4)
    one = rake(df, {"age": pd.Series({1: 0.2, 2: 0.3, 3: 0.5})})
    other = rake(df, {"age": MARGINS["age"]})
    assert one.weights.tolist() == other.weights.tolist()


def test_mean_against_a_reference() -> None:
    df = people(5)
    found = rake(df, MARGINS).mean(df["y"], reference=0.44).to_frame().set_index("term")
    assert found.index.tolist() == ["mean", "reference", "difference"]
    assert found.loc["difference", "estimate"] == pytest.approx(
        found.loc["mean", "estimate"] - 0.44
    )
    shuffled = rake(df, MARGINS).mean(df["y"].sample(frac=1, random_state=1), reference=0.44)
    pd.testing.assert_frame_equal(shuffled.to_frame().set_index("term"), found)
    numeric = rake(df, MARGINS).mean(df["w"]).to_frame()
    assert numeric["conf_low"].item() < numeric["estimate"].item() < numeric["conf_high"].item()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rows_repeated_are_weights(seed: int) -> None:
    df = people(seed, 60)
    df["w"] = np.random.default_rng(seed).integers(1, 4, 60)
    try:
        once = rake(df, MARGINS, weights="w", total=100)
    except InputError:
        return  # a level without people
    long = df.loc[df.index.repeat(df["w"])].reset_index()
    again = rake(long, MARGINS, total=100)
    sums = again.weights.groupby(long["index"]).sum()
    assert once.weights.sort_index().tolist() == pytest.approx(sums.sort_index().tolist())


def test_a_joint_margin_is_direct_standardisation() -> None:
    df = people(9)
    riket = df.groupby(["sex", "age"]).size().rename("n").reset_index()
    riket["n"] = np.arange(1, 7) * 1000
    riket["rate"] = 0.4
    raked = rake(df, {("sex", "age"): riket.set_index(["sex", "age"])["n"]})
    assert raked.weights.sum() == pytest.approx(21_000)
    mean = raked.mean(df["y"]).to_frame().iloc[0]
    direct = standardise(df, outcome="y", reference=riket, strata=["sex", "age"], kind="direct")
    rate = direct.to_frame().iloc[0]
    assert mean["estimate"] == pytest.approx(rate["estimate"])
    assert mean["std_error"] == pytest.approx(rate["std_error"], rel=0.03)


def test_missing_values_and_extremes() -> None:
    df = people(6)
    df.loc["p003", "sex"] = None
    found = rake(df, MARGINS)
    assert found.n_dropped == {"missing sex": 1}
    assert "p003" not in found.weights.index
    assert found.extremes(2).index.tolist() == sorted(found.extremes(2).index)
    assert found.extremes().iloc[0] == pytest.approx(found.weights.max() / found.weights.mean())
    assert len(repr(found).splitlines()) <= 15
    assert "<table>" in found._repr_html_()


def test_negative_weights_are_said() -> None:
    df = pd.DataFrame({"a": [0] * 9 + [1], "b": [0] * 5 + [1] * 4 + [0]})
    wanted = {"a": {0: 0.2, 1: 0.8}, "b": {0: 0.55, 1: 0.45}}
    with pytest.raises(InputError, match="such that weights of the participants meet them all"):
        rake(df, wanted)
    found = rake(df, wanted, method="linear")
    assert "5 weights are negative" in found.notes[-1]


BAD = {
    "percentages": (
        {"margins": {"sex": {"w": 58, "m": 42}}},
        (
            r"margins: must be shares from 0 to 1"
            r".*add up to 100 \(at sex: 100\). Divide percentages by 100"
        ),
    ),
    "unseen in riket": (
        {"margins": {"age": {1: 0.5, 2: 0.5}}},
        (
            r"df: must be in levels that the "
            r"margins have; got 1 levels that they have not \(at age=3\)"
        ),
    ),
    "unseen here": (
        {"margins": {"age": {1: 0.2, 2: 0.3, 3: 0.3, 4: 0.2}}},
        r"df: must be people in every level .* 1 levels without \(at age=4\)",
    ),
    "contradicting": (
        {"margins": {"sex": {"w": 5, "m": 5}, "age": {1: 1, 2: 2, 3: 3}}},
        r"add up to different totals \(at sex: 10, age: 6\)",
    ),
    "no margins": ({"margins": {}}, r"margins: must be a mapping of columns"),
    "no mapping": ({"margins": {"sex": 0.5}}, r"margins\['sex'\]: must be a mapping or a Series"),
    "negative": (
        {"margins": {"sex": {"w": -0.5, "m": 1.5}}},
        (
            r"numbers of at least 0 by level; "
            r"got -0.5 \(at sex=w\)"
        ),
    ),
    "total with counts": (
        {"margins": {"sex": {"w": 5, "m": 5}}, "total": 10},
        r"total: must be left out where margins are counts",
    ),
    "logit without bounds": ({"method": "logit"}, r"bounds: must be given with method 'logit'"),
    "bounds": ({"bounds": (1.2, 3)}, r"bounds: must be two numbers, the first from 0 to below 1"),
    "narrow bounds": (
        {"bounds": (0.99, 1.01)},
        (
            r"weights within the bounds of the participants "
            r"meet them all"
        ),
    ),
    "column": (
        {"margins": {"gender": {"w": 1.0}}},
        r"margins: must be a column of df; got 'gender'",
    ),
    "key": ({"margins": {("sex", "sex"): {}}}, r"margins: must be keyed by columns"),
    "keys of a joint margin": (
        {"margins": {("sex", "age"): {"w": 1.0}}},
        r"must be keyed by tuples of 2 levels; got \('w',\)",
    ),
    "method": ({"method": "entropy"}, r"method: must be one of 'raking', 'linear', 'logit'"),
    "weights": ({"weights": "sex"}, r"weights: must be a column of numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name) -> None:
    change, message = BAD[name]
    with pytest.raises(InputError, match=message):
        rake(people(7), **({"margins": MARGINS} | change))


@pytest.mark.parametrize("all_alike", [0, 1])
def test_outcomes_that_are_all_alike(all_alike) -> None:
    """No variance is seen: the interval and the test are those of as many as the weights leave."""
    df = people(4)
    found = rake(df, MARGINS)
    table = found.mean(df["y"] * 0 + all_alike, reference=0.05 if all_alike == 0 else 0.95)
    first, _, last = (row for _, row in table.to_frame().iterrows())
    end = 1 - 0.025 ** (1 / found.ess)
    assert first[["conf_low", "conf_high"]].tolist() == pytest.approx(
        [0, end] if all_alike == 0 else [1 - end, 1]
    )
    z = 0.05 / np.sqrt(0.05 * 0.95 / found.ess)
    assert abs(last["statistic"]) == pytest.approx(z)
    assert 0 < last["p_value"] < 0.05


def test_bad_outcomes() -> None:
    df = people(8)
    found = rake(df, MARGINS)
    with pytest.raises(InputError, match=r"outcome: must be finite .*2 rows where it is not"):
        found.mean(df["w"].where(df["w"].rank() > 2, np.inf))
    with pytest.raises(InputError, match="a Series by index label"):
        found.mean(df["y"].to_numpy())
    with pytest.raises(InputError, match=r"there for every row that has a weight; got 1 missing"):
        found.mean(df["y"].iloc[1:])
    with pytest.raises(InputError, match=r"reference: must be a share from 0 to 1.*divide|Divide"):
        found.mean(df["y"], reference=44)
