"""Two-part outcomes and quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.kernels.resampled_quantiles import quantiles
from evalkit.trials.skewed_effects import quantile_effect, two_part_effect
from evalkit.trials.trial_sample import TrialWarning

NUMBERS = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]


def made(seed: int = 1, n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2)
    days = np.where(rng.uniform(size=n) < 0.35, 0, rng.gamma(1.5, 80 - 20 * arm, n))
    return pd.DataFrame(
        {
            "arm": np.where(arm == 1, "ReDO", "kontroll"),
            "days": days,
            "group": np.where(arm == 1, np.arange(n) % 8, np.nan),
            "copies": rng.integers(1, 4, n),
        }
    )


def parts(df: pd.DataFrame, **options: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"outcome": "days", "arm": "arm", "control": "kontroll", **options}
    return two_part_effect(df, **settings).to_frame().set_index("term")


def points(df: pd.DataFrame, **options: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"outcome": "days", "arm": "arm", "control": "kontroll", "rng": 4}
    return quantile_effect(df, **{**settings, **options}).to_frame()


def test_the_mean_part_is_welch() -> None:
    df = made()
    one, zero = (df.loc[df["arm"] == a, "days"] for a in ("ReDO", "kontroll"))
    peer = stats.ttest_ind(one, zero, equal_var=False)
    row = parts(df).loc["mean"]
    np.testing.assert_allclose(
        [row["statistic"], row["df"], row["p_value"]],
        [peer.statistic, peer.df, peer.pvalue],
        rtol=1e-10,
    )
    interval = peer.confidence_interval()
    np.testing.assert_allclose([row["conf_low"], row["conf_high"]], [interval.low, interval.high])


def test_the_parts_multiply_to_the_mean() -> None:
    table = parts(made())
    share = table.loc["share_above_zero"]
    ratio = share["value"] / share["value_control"]
    assert table.loc["mean_ratio", "estimate"] == pytest.approx(
        ratio * table.loc["mean_above_zero", "estimate"]
    )
    assert table.loc["mean", "value"] == pytest.approx(
        share["value"] * table.loc["mean_above_zero", "value"]
    )


def test_the_mean_above_zero_by_hand() -> None:
    df = made()
    above = df[df["days"] > 0].groupby("arm")["days"]
    row = parts(df).loc["mean_above_zero"]
    assert row["estimate"] == pytest.approx(above.mean()["ReDO"] / above.mean()["kontroll"])
    # delta method: squared residuals of those above 0, n / (n - 1) of the whole arm
    spread = sum(((y - y.mean()) ** 2).sum() / (len(y) * y.mean()) ** 2 * 40 / 39 for _, y in above)
    assert row["std_error"] == pytest.approx(np.sqrt(spread))


def test_invariances_of_the_parts() -> None:
    df = made()
    other = parts(df, control="ReDO")
    np.testing.assert_allclose(parts(df)["p_value"], other["p_value"])
    np.testing.assert_allclose(parts(df)["estimate"][["mean"]], -other["estimate"][["mean"]])
    np.testing.assert_allclose(
        parts(df.sample(frac=1, random_state=2))[NUMBERS], parts(df)[NUMBERS]
    )
    twice = df.loc[df.index.repeat(df["copies"])]
    np.testing.assert_allclose(parts(df, weights="copies")[NUMBERS], parts(twice)[NUMBERS])
    singles = parts(df.assign(person=range(80)), cluster="person")
    np.testing.assert_allclose(singles[NUMBERS], parts(df)[NUMBERS])
    grouped = parts(df, cluster="group")
    assert (grouped["estimate"] == parts(df)["estimate"]).all()
    assert (grouped["df"] < parts(df)["df"]).all()


def test_traps_of_the_parts() -> None:
    df = made()
    none = df.assign(days=np.where(df["arm"] == "ReDO", 0, df["days"]))
    with pytest.raises(InputError, match="0 for all 40 in 'ReDO'"):
        parts(none)
    with pytest.raises(InputError, match="outcome: must be at least 0"):
        parts(df.assign(days=df["days"] - 1))
    one = df.assign(group=np.where(df["arm"] == "ReDO", 1.0, np.nan))
    with pytest.raises(InputError, match="not identified"):
        parts(one, cluster="group")
    few = df.assign(group=np.where(df["arm"] == "ReDO", df.index % 3, np.nan))
    with pytest.warns(TrialWarning, match="3 clusters in 'ReDO'"):
        parts(few, cluster="group")


def test_quantiles_are_type_two() -> None:
    values = np.array([1.0, 2, 3, 4])
    found = quantiles(values, np.ones((1, 4)), np.array([0.25, 0.3, 0.5, 0.9]))
    assert found.tolist() == [[1.5, 2.0, 2.5, 4.0]]
    weighted = quantiles(values, np.array([[3.0, 0, 1, 0]]), np.array([0.5, 0.75]))
    assert weighted.tolist() == [[1.0, 2.0]]


def test_quantile_effects() -> None:
    df = made()
    table = points(df)
    medians = df.groupby("arm")["days"].median()
    assert table.loc[1, "estimate"] == pytest.approx(medians["ReDO"] - medians["kontroll"])
    assert (
        (table["conf_low"] <= table["estimate"]) & (table["estimate"] <= table["conf_high"])
    ).all()
    pd.testing.assert_frame_equal(table, points(df))
    pd.testing.assert_frame_equal(table, points(df.sample(frac=1, random_state=5)))
    grouped = points(df, cluster="group")
    pd.testing.assert_frame_equal(
        grouped, points(df.sample(frac=1, random_state=5), cluster="group")
    )
    assert (grouped["estimate"] == table["estimate"]).all()
    scaled = points(df.assign(days=df["days"] * 7))
    np.testing.assert_allclose(scaled["conf_low"], 7 * table["conf_low"])


def test_a_normal_median_has_about_its_known_spread() -> None:
    rng = np.random.default_rng(8)
    df = pd.DataFrame({"arm": ["A", "B"] * 1000, "days": rng.normal(size=2000)})
    row = points(df, arm="arm", control="B", quantiles=[0.5]).iloc[0]
    assert row["std_error"] == pytest.approx(np.sqrt(np.pi / 1000), rel=0.25)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantiles": [0.5, 1]}, "quantiles: must be a number strictly between 0 and 1"),
        ({"quantiles": []}, "quantiles: must be at least one"),
        ({"n_resamples": 10}, "n_resamples: must be at least 100"),
        ({"rng": -1}, "rng: must be"),
    ],
)
def test_traps_of_quantiles(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        points(made(), **options)


def test_one_person_has_no_quantiles_and_no_spread() -> None:
    df = pd.DataFrame({"arm": ["ReDO"] + ["kontroll"] * 8, "days": range(1, 10)})
    for function, options in ((two_part_effect, {}), (quantile_effect, {"rng": 1})):
        with pytest.raises(InputError, match=r"two persons .* in every arm; got 1 in 'ReDO'"):
            function(df, outcome="days", arm="arm", control="kontroll", **options)  # pyright: ignore[reportArgumentType]


def test_one_quantile_and_whole_resamples() -> None:
    df = pd.DataFrame({"arm": ["ReDO", "kontroll"] * 8, "days": range(16)})
    who: dict[str, Any] = {"outcome": "days", "arm": "arm", "control": "kontroll", "rng": 1}
    assert quantile_effect(df, **who, quantiles=0.5).to_frame()["q"].tolist() == [0.5]
    for wrong in (99, 200.5):
        with pytest.raises(InputError, match=r"^n_resamples: must be"):
            quantile_effect(df, **who, n_resamples=wrong)


def test_rows_of_weight_zero_are_nobody() -> None:
    df = pd.DataFrame({"arm": ["ReDO", "kontroll"] * 8, "days": range(16), "w": [1] * 12 + [0] * 4})
    who: dict[str, Any] = {"outcome": "days", "arm": "arm", "control": "kontroll", "weights": "w"}
    pd.testing.assert_frame_equal(
        two_part_effect(df, **who).to_frame(), two_part_effect(df[:12], **who).to_frame()
    )
