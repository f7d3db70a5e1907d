"""Effects on binary outcomes: measures, traps, and what must not change them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.kernels.proportion_differences import newcombe, score_difference
from evalkit.trials.effect_measures import effect
from evalkit.trials.ratios import proportion_odds_ratio, proportion_ratio
from evalkit.trials.trial_sample import TrialWarning


def trial(x1: int, n1: int, x0: int, n0: int, **columns: Any) -> pd.DataFrame:
    df = pd.DataFrame(
        {
            "arm": ["ReDO"] * n1 + ["kontroll"] * n0,
            "work": [1] * x1 + [0] * (n1 - x1) + [1] * x0 + [0] * (n0 - x0),
        }
    )
    return df.assign(**columns)


def made(seed: int = 1, n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2)
    age = rng.normal(45, 9, n)
    work = rng.uniform(size=n) < 1 / (1 + np.exp(0.5 - 0.8 * arm - 0.05 * (age - 45)))
    return pd.DataFrame(
        {
            "arm": np.where(arm == 1, "ReDO", "kontroll"),
            "work": work.astype(int),
            "age": age,
            "region": rng.choice(["a", "b", "c"], n),
            "group": np.where(arm == 1, np.arange(n) % 9, np.nan),
            "copies": rng.integers(1, 4, n),
        }
    )


def of(df: pd.DataFrame, measure: str = "risk_difference", **options: Any) -> pd.DataFrame:
    settings: dict[str, Any] = {"outcome": "work", "arm": "arm", "control": "kontroll"}
    return effect(df, measure=measure, **{**settings, **options}).to_frame()  # pyright: ignore[reportArgumentType]


NUMBERS = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
WAYS: list[dict[str, Any]] = [
    {},
    {"strata": "region"},
    {"cluster": "group"},
    {"covariates": "age + region", "adjustment": "standardised"},
    {"covariates": "age + region", "adjustment": "standardised", "cluster": "group"},
    {"covariates": "age", "adjustment": "lin", "strata": "region"},
]
NAMES = ["plain", "strata", "cluster", "standardised", "standardised-cluster", "lin"]
each_way = pytest.mark.parametrize("options", WAYS, ids=NAMES)


@pytest.mark.parametrize(
    ("cells", "mn"),
    [
        ((56, 70, 48, 80), (0.0528, 0.3382)),
        ((7, 34, 1, 34), (0.0270, 0.3453)),
        ((0, 10, 0, 20), (-0.1658, 0.2844)),
        ((10, 10, 0, 10), (0.6636, 1.0)),
    ],
)
def test_reference_values(cells: tuple[int, int, int, int], mn: tuple[float, float]) -> None:
    row = of(trial(*cells)).iloc[0]
    np.testing.assert_allclose([row["conf_low"], row["conf_high"]], mn, atol=5e-5)
    other = of(trial(*cells), vcov="newcombe").iloc[0]
    np.testing.assert_allclose(other["conf_low"], newcombe(*cells).low)
    mee = of(trial(*cells), vcov="mee").iloc[0]
    np.testing.assert_allclose(mee["conf_high"], score_difference(*cells, corrected=False).high)


def test_the_tables_of_counts_say_the_same() -> None:
    df = trial(7, 34, 1, 34)
    for measure, table in (
        ("risk_ratio", proportion_ratio(7, 34, 1, 34)),
        ("odds_ratio", proportion_odds_ratio(7, 34, 1, 34)),
    ):
        pd.testing.assert_frame_equal(
            of(df, measure)[NUMBERS], table.to_frame()[NUMBERS], check_dtype=False
        )
    for measure, function in (
        ("risk_ratio", proportion_ratio),
        ("odds_ratio", proportion_odds_ratio),
    ):
        for method in ("exact", "mid-p"):
            ours = of(df, measure, vcov=method)[NUMBERS]
            table = function(7, 34, 1, 34, method=method)
            pd.testing.assert_frame_equal(ours, table.to_frame()[NUMBERS], check_dtype=False)


def test_several_rows_of_counts() -> None:
    table = proportion_ratio([7, 0], 34, 1, 34, labels=["women", "men"], method="exact")
    assert table.to_frame()["group"].to_list() == ["women", "men"]
    assert table.to_frame()["conf_low"].to_list()[1] == 0
    with pytest.raises(InputError, match=r"^method: must be an approximate method beyond"):
        proportion_ratio(50, 300, 40, 300, method="mid-p")
    with pytest.raises(InputError, match="x0: must be as long as x1"):
        proportion_odds_ratio([1, 2], 10, [1, 2, 3], 10)


def test_number_needed_to_treat() -> None:
    row = of(trial(56, 70, 48, 80), "nnt").iloc[0]
    difference = of(trial(56, 70, 48, 80)).iloc[0]
    assert row["estimate"] == pytest.approx(5)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        (1 / difference["conf_high"], 1 / difference["conf_low"])
    )
    assert row["conf_set"] == "between"
    through = of(trial(20, 40, 18, 40), "nnt").iloc[0]
    assert through["conf_set"] == "outside"
    assert through["conf_low"] < 0 < through["conf_high"]
    none = of(trial(20, 40, 20, 40), "nnt").iloc[0]
    assert none["estimate"] == np.inf


@pytest.mark.parametrize(
    ("cells", "measure", "side", "bound"),
    [
        ((4, 10, 0, 10), "risk_ratio", "upper", np.inf),
        ((0, 10, 4, 10), "risk_ratio", "lower", 0),
        ((10, 10, 4, 10), "odds_ratio", "upper", np.inf),
        ((4, 10, 10, 10), "odds_ratio", "lower", 0),
    ],
)
def test_zero_cells_are_named(
    cells: tuple[int, int, int, int], measure: str, side: str, bound: float
) -> None:
    with pytest.warns(TrialWarning, match=f"for all 10 in '(ReDO|kontroll)'.*no {side} bound"):
        row = of(trial(*cells), measure).iloc[0]
    assert row["conf_high" if side == "upper" else "conf_low"] == bound
    assert np.isnan(row["std_error"])


@each_way
@pytest.mark.parametrize("measure", ["risk_difference", "risk_ratio", "odds_ratio"])
def test_exchanging_the_arms_turns_the_sign(measure: str, options: dict[str, Any]) -> None:
    df = made()
    one, other = of(df, measure, **options), of(df, measure, **{**options, "control": "ReDO"})
    if measure == "risk_difference":
        np.testing.assert_allclose(one["estimate"], -other["estimate"])
        np.testing.assert_allclose(one["conf_low"], -other["conf_high"], atol=1e-12)
    else:
        np.testing.assert_allclose(one["estimate"], 1 / other["estimate"])
        np.testing.assert_allclose(one["conf_low"], 1 / other["conf_high"])
    np.testing.assert_allclose(one["p_value"], other["p_value"])


@each_way
def test_order_of_rows_and_names_do_not_matter(options: dict[str, Any]) -> None:
    df = made()
    moved = df.sample(frac=1, random_state=3).assign(
        region=lambda d: d["region"].map({"a": "x", "b": "z", "c": "y"}),
        age=lambda d: d["age"] * 12,
    )
    for measure in ("risk_difference", "odds_ratio"):
        np.testing.assert_allclose(
            of(moved, measure, **options)[NUMBERS].to_numpy(dtype=float),
            of(df, measure, **options)[NUMBERS].to_numpy(dtype=float),
            rtol=1e-7,
        )


@each_way
def test_a_weight_of_two_is_two_rows(options: dict[str, Any]) -> None:
    df = made()
    twice = df.loc[df.index.repeat(df["copies"])].assign(person=lambda d: d.index)
    if "cluster" in options:  # the copies of one person stand in one cluster
        df = df.assign(group=lambda d: d["group"].fillna(100 + pd.Series(d.index, d.index)))
        twice = twice.assign(group=lambda d: d["group"].fillna(100 + d["person"]))
    for measure in ("risk_difference", "risk_ratio"):
        np.testing.assert_allclose(
            of(df, measure, weights="copies", **options)[NUMBERS].to_numpy(dtype=float),
            of(twice, measure, **options)[NUMBERS].to_numpy(dtype=float),
            rtol=1e-7,
        )


def test_saturated_standardisation_is_the_plain_difference_within_strata() -> None:
    df = made()
    row = of(df, strata="region", adjustment="lin").iloc[0]
    cells = df.groupby(["region", "arm"])["work"].mean().unstack()
    share = df["region"].value_counts(normalize=True)
    assert row["estimate"] == pytest.approx(((cells["ReDO"] - cells["kontroll"]) * share).sum())


def test_several_arms() -> None:
    df = made(n=150)
    df.loc[df.index[:50], "arm"] = "halv"
    table = of(df)
    assert table["contrast"].to_list() == ["ReDO - kontroll", "halv - kontroll"]
    pair = of(df[df["arm"] != "halv"])
    np.testing.assert_allclose(table.loc[:0, NUMBERS], pair[NUMBERS])
    assert len(of(df, adjustment="standardised", covariates="age")) == 2


def test_separation_names_the_cell() -> None:
    df = made().assign(exempt=lambda d: (d["region"] == "c").astype(int))
    df.loc[df["exempt"] == 1, "work"] = 0
    n = int(df["exempt"].sum())
    for options in (
        {"adjustment": "ancova", "measure": "odds_ratio"},
        {"adjustment": "standardised", "measure": "risk_difference"},
    ):
        with pytest.raises(InputError, match=f"exempt = 1: work is 0 for all {n}"):
            of(df, covariates="age + exempt", **options)


def test_an_arm_with_one_outcome_only() -> None:
    df = made().assign(work=lambda d: np.where(d["arm"] == "ReDO", 1, d["work"]))
    with pytest.raises(InputError, match="work = 1 for all 45 in 'ReDO'"):
        of(df, covariates="age", adjustment="standardised")
    assert of(df)["conf_high"].item() < 1  # the unadjusted interval exists


def test_one_cluster_in_an_arm_is_refused() -> None:
    df = made().assign(group=lambda d: np.where(d["arm"] == "ReDO", 1.0, np.nan))
    for options in ({}, {"covariates": "age", "adjustment": "standardised"}):
        with pytest.raises(InputError, match=r"one in 'ReDO'.*not identified"):
            of(df, cluster="group", **options)


def test_few_clusters_are_said() -> None:
    df = made().assign(group=lambda d: np.where(d["arm"] == "ReDO", d.index % 3, np.nan))
    with pytest.warns(TrialWarning, match="3 clusters in 'ReDO'"):
        of(df, cluster="group")


def test_a_stratum_without_both_arms_is_left_out() -> None:
    df = made()
    df.loc[df.index[:6], ["region", "arm"]] = ["far", "ReDO"]
    with pytest.warns(TrialWarning, match="6 rows left out: 'far'"):
        result = effect(
            df, outcome="work", arm="arm", control="kontroll", measure="risk_difference",
            strata="region", higher="better",
        )  # fmt: skip
    assert result.n_dropped == {"stratum without both arms": 6}
    plain = of(df[df["region"] != "far"], strata="region")
    np.testing.assert_allclose(result.to_frame()[NUMBERS], plain[NUMBERS])


def test_strata_without_successes_leave_a_ratio_without_interval() -> None:
    df = made().assign(work=lambda d: np.where(d["arm"] == "kontroll", 0, d["work"]))
    with pytest.warns(TrialWarning, match="an empty cell in every stratum"):
        row = of(df, "risk_ratio", strata="region").iloc[0]
    assert row["estimate"] == np.inf
    assert np.isfinite(of(df, strata="region")["conf_low"].item())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covariates": "age"}, "covariates: must be"),
        ({"adjustment": "lin"}, "covariates: must be given"),
        ({"adjustment": "ancova", "covariates": "age"}, 'measure="difference"'),
        ({"vcov": "HC3"}, "vcov: must be one of 'miettinen-nurminen'.*measure=.difference"),
        ({"vcov": "CR2"}, "vcov: .*Name the column with the clusters in `cluster`"),
        ({"vcov": "HC2", "cluster": "group"}, "vcov: .*persons of a cluster as independent"),
        ({"vcov": "exact", "weights": "half"}, "whole numbers"),
        ({"cluster": "region"}, "clusters that lie in one arm"),
        ({"cluster": "group", "strata": "region"}, "cluster: must be None"),
        (
            {"adjustment": "standardised", "covariates": "age + age2"},
            "do not determine",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], message: str) -> None:
    df = made().assign(half=0.5, age2=lambda d: 2 * d["age"])
    with pytest.raises(InputError, match=message):
        of(df, **options)


def test_exact_methods_refuse_large_groups() -> None:
    df = pd.concat([made(n=300), made(2, n=300)])
    with pytest.raises(InputError, match="approximate method beyond"):
        of(df, vcov="exact")
    assert np.isfinite(of(df, "odds_ratio", vcov="exact")["conf_low"].item())


def test_the_print_out_names_everything() -> None:
    result = effect(
        made(), outcome="work", arm="arm", control="kontroll", measure="risk_difference",
        covariates="age", adjustment="standardised", cluster="group", higher="better",
    )  # fmt: skip
    text = repr(result)
    assert "Marginal risk difference, ReDO - kontroll, higher = better" in text
    assert "Analysed of randomised: ReDO 45 of 45, kontroll 45 of 45" in text
    assert "Clusters: ReDO 9 (" in text
    assert "Standardised over everybody" in text


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_estimates_lie_in_their_intervals(seed: int) -> None:
    df = made(seed, n=40)
    for measure in ("risk_difference", "risk_ratio", "odds_ratio"):
        for options in (WAYS[0], WAYS[1]):
            row = of(df, measure, **options).iloc[0]
            assert row["conf_low"] <= row["estimate"] <= row["conf_high"]
            assert (row["p_value"] < 0.05) == (
                not row["conf_low"] <= (measure != "risk_difference") <= row["conf_high"]
            )


@pytest.mark.parametrize("weights", [None, "copies"])
def test_hc2_is_welchs_test_of_zeros_and_ones(weights: str | None) -> None:
    df = made()
    means = of(df, "difference", weights=weights).iloc[0]
    risks = of(df, "risk_difference", vcov="HC2", weights=weights).iloc[0]
    columns = [*NUMBERS, "df"]
    np.testing.assert_allclose(
        risks[columns].to_numpy(float), means[columns].to_numpy(float), rtol=1e-12
    )


def test_hc2_ratios_are_the_delta_method_of_the_risks() -> None:
    df = trial(12, 30, 6, 25)
    p1, n1, p0, n0 = 12 / 30, 30, 6 / 25, 25
    ratio, odds = (of(df, measure, vcov="HC2").iloc[0] for measure in ("risk_ratio", "odds_ratio"))
    assert ratio["estimate"] == pytest.approx(p1 / p0, rel=1e-14)
    parts = np.array([(1 - p1) / p1 / (n1 - 1), (1 - p0) / p0 / (n0 - 1)])
    assert ratio["std_error"] == pytest.approx(np.sqrt(parts.sum()), rel=1e-12)
    assert ratio["df"] == pytest.approx(
        parts.sum() ** 2 / (parts**2 / [n1 - 1, n0 - 1]).sum(), rel=1e-12
    )
    spread = 1 / (p1 * (1 - p1) * (n1 - 1)) + 1 / (p0 * (1 - p0) * (n0 - 1))
    assert odds["std_error"] == pytest.approx(np.sqrt(spread), rel=1e-12)
    inverse = of(df.replace({"arm": {"ReDO": "kontroll", "kontroll": "ReDO"}}), "risk_ratio",
                 vcov="HC2").iloc[0]  # fmt: skip
    assert inverse["conf_low"] == pytest.approx(1 / ratio["conf_high"], rel=1e-12)


@pytest.mark.parametrize("options", [{"vcov": "HC2"}, {"cluster": "pair"}])
def test_a_variance_of_zero_is_said_and_a_ratio_refused(options: dict[str, Any]) -> None:
    df = trial(0, 20, 20, 20, pair=np.arange(40) // 2)
    with pytest.warns(TrialWarning, match="ReDO - kontroll: the outcome does not vary within"):
        row = of(df, **options).iloc[0]
    assert row["std_error"] == 0
    assert np.isnan(row["p_value"])
    with pytest.raises(InputError, match="same for all in 'ReDO'"):
        of(df, "risk_ratio", **options)


def test_one_person_has_a_score_interval_but_no_variance() -> None:
    df = trial(1, 1, 3, 9)
    assert np.isfinite(of(df)[["conf_low", "conf_high"]].to_numpy(float)).all()
    with pytest.raises(InputError, match=r"two persons .* in every arm; got 1 in 'ReDO'"):
        of(df, vcov="HC2")


@pytest.mark.parametrize("measure", ["difference", "risk_difference", "risk_ratio", "odds_ratio",
                                     "probabilistic_index", "rate_ratio"])  # fmt: skip
def test_rows_of_weight_zero_are_nobody(measure: str) -> None:
    df = made().assign(weight=lambda d: np.where(d.index % 3 == 0, 0, d["copies"]))
    without = of(df[df["weight"] > 0], measure, weights="weight")
    pd.testing.assert_frame_equal(of(df, measure, weights="weight"), without)
    nobody = df.assign(weight=lambda d: (d["arm"] == "kontroll").astype(int))
    with pytest.raises(InputError, match=r"in every arm; got none in 'ReDO' \(at weight 0: 45"):
        of(nobody, measure, weights="weight")


def test_warnings_point_at_the_line_that_asked() -> None:
    df = made().assign(group=lambda d: np.where(d["arm"] == "ReDO", d.index % 3, np.nan))
    for options in ({"measure": "difference"}, {"measure": "risk_difference"}):
        with pytest.warns(TrialWarning, match="3 clusters in 'ReDO'") as caught:
            of(df, cluster="group", **options)
        assert [one.filename for one in caught] == [__file__]
    with pytest.warns(TrialWarning, match="no lower bound") as caught:
        of(trial(0, 9, 3, 9), "risk_ratio")
    assert [one.filename for one in caught] == [__file__]
