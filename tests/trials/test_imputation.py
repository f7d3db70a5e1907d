"""Multiple imputation: its law, what it keeps, what it refuses, and what it says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from evalkit.errors import InputError
from evalkit.kernels.outcome_draws import draw_outcomes
from evalkit.trials.effect_measures import effect
from evalkit.trials.imputation import multiple_imputation
from evalkit.trials.imputation_analysis import LinearEffects
from evalkit.trials.imputation_data import read_incomplete
from evalkit.trials.imputation_resampling import expected_effects, jackknife
from evalkit.trials.trial_sample import TrialWarning

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
TRIAL: dict[str, Any] = {"arm": "arm", "control": "CAU"}
RULES = ("mar", "jump to reference", "copy increments", "copy reference")


@cache
def shipped() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "missing_trial.csv").set_index("id")


def rows() -> pd.DataFrame:
    return shipped().copy()


def impute(df: pd.DataFrame, outcome: str = "y2", **options: Any) -> Any:
    return multiple_imputation(df, outcome=outcome, **TRIAL | {"rng": 1} | options)


def first(result: Any) -> pd.Series:
    return result.to_frame().iloc[0]


def trial(df: pd.DataFrame, outcome: str = "y2", **options: Any) -> Any:
    usual: dict[str, Any] = dict.fromkeys(
        ("covariates", "auxiliary", "earlier", "reference", "after", "cluster", "unit")
    )
    return read_incomplete(
        df, outcome=outcome, **TRIAL, **usual | {"kind": "number", "rule": "mar"} | options
    )


def test_at_random_without_covariates_follows_the_closed_form() -> None:
    """Estimates vary between imputations as parameters and draws of both arms do."""
    df = rows()
    made = trial(df)
    m = 20_000
    draws = draw_outcomes(made.data, m, np.random.default_rng(1))
    estimates = LinearEffects.of(made, draws).at(np.zeros(len(made.data.missing)))[0][0]
    expected, spread = [], 0.0
    for label in ("ReDO", "CAU"):
        y = df.loc[df["arm"] == label, "y2"]
        seen, n, gone = y.dropna(), len(y), int(y.isna().sum())
        sigma2 = seen.var() * (len(seen) - 1) / (len(seen) - 3)
        spread += sigma2 * (gone**2 / len(seen) + gone) / n**2
        expected.append(seen.mean())
    wanted = expected[0] - expected[1]
    assert estimates.mean() == pytest.approx(wanted, abs=4 * np.sqrt(spread / m))
    assert estimates.var() == pytest.approx(spread, rel=0.04)


@pytest.mark.parametrize("rule", RULES)
def test_draws_centre_on_the_conditional_means(rule: str) -> None:
    made = trial(rows(), rule=rule, covariates="x + site", earlier="y1")
    m = 5000
    draws = draw_outcomes(made.data, m, np.random.default_rng(2))
    shift = np.zeros(len(made.data.missing))
    estimates = LinearEffects.of(made, draws).at(shift)[0][0]
    error = estimates.std() / np.sqrt(m)
    assert estimates.mean() == pytest.approx(expected_effects(made, shift)[0], abs=4 * error)


def test_jump_to_reference_draws_from_the_reference_arm() -> None:
    """Without covariates, the imputed of both arms have the controls' predictive distribution."""
    df = rows()
    made = trial(df, rule="jump to reference")
    values = draw_outcomes(made.data, 8000, np.random.default_rng(3)).values()
    control = df.loc[df["arm"] == "CAU", "y2"].dropna()
    n = len(control)
    predictive = stats.t(n - 1, control.mean(), control.std() * np.sqrt(1 + 1 / n))
    treated = values[made.data.arm[made.data.missing] == 1]
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert (treated < predictive.ppf(share)).mean() == pytest.approx(share, abs=0.005)


def test_binary_draws_follow_their_posterior() -> None:
    df = rows()
    made = trial(df, "b", kind="binary", rule="jump to reference")
    values = draw_outcomes(made.data, 20_000, np.random.default_rng(4)).values()
    control = df.loc[df["arm"] == "CAU", "b"].dropna()
    successes, n = control.sum() + 0.5, len(control) + 1
    mode, error = special.logit(successes / n), np.sqrt(n / (successes * (n - successes)))
    wanted = integrate.quad(
        lambda z: special.expit(z) * stats.norm.pdf(z, mode, error), mode - 9, mode + 9
    )[0]
    assert values[made.data.arm[made.data.missing] == 1].mean() == pytest.approx(wanted, abs=0.004)


@pytest.mark.parametrize("kind", ["binary", "ordinal"])
def test_levels_at_random_recover_the_arms(kind: str) -> None:
    column = {"binary": "b", "ordinal": "o"}[kind]
    made = trial(rows(), column, kind=kind)
    values = draw_outcomes(made.data, 4000, np.random.default_rng(5)).values()
    assert set(np.unique(values)) == set(range(made.data.n_levels))
    for arm, label in enumerate(("CAU", "ReDO")):
        seen = made.data.outcome[(made.data.arm == arm) & ~np.isnan(made.data.outcome)]
        drawn = values[made.data.arm[made.data.missing] == arm]
        for level in range(made.data.n_levels):
            share = (seen == level).mean()
            assert (drawn == level).mean() == pytest.approx(share, abs=0.03), (label, level)


def test_shift_moves_the_estimate_by_the_share_missing() -> None:
    df = rows()
    plain, moved = (first(impute(df, delta=delta)) for delta in (0.0, -2.0))
    share = df.loc[df["arm"] == "ReDO", "y2"].isna().mean()
    assert moved["estimate"] - plain["estimate"] == pytest.approx(-2 * share)
    both = first(impute(df, delta={"ReDO": -2.0, "CAU": 1.0}))
    other = df.loc[df["arm"] == "CAU", "y2"].isna().mean()
    assert both["estimate"] - plain["estimate"] == pytest.approx(-2 * share - other)


def test_shift_of_log_odds() -> None:
    df = rows()
    low, high = (first(impute(df, "b", kind="binary", delta=d))["estimate"] for d in (-60, 60))
    share = df.loc[df["arm"] == "ReDO", "b"].isna().mean()
    assert high - low == pytest.approx(share)
    levels = impute(df, "o", kind="ordinal", measure="difference", delta=-60).completed(0)
    gone = df["o"].isna() & (df["arm"] == "ReDO")
    assert (levels.loc[gone, "o"] == 1).all()


def test_only_those_marked_follow_the_rule() -> None:
    df = rows()
    options: dict[str, Any] = {"covariates": "x", "inference": "jackknife"}
    mar = first(impute(df, method="mar", **options))["estimate"]
    jump = first(impute(df, method="jump to reference", **options))["estimate"]
    df["none"], df["all"] = False, True
    ruled = options | {"method": "jump to reference"}
    assert first(impute(df, after="none", **ruled))["estimate"] == pytest.approx(mar, rel=1e-12)
    assert first(impute(df, after="all", **ruled))["estimate"] == pytest.approx(jump, rel=1e-12)
    df["half"] = np.where(df["y2"].isna(), df.index % 2 == 0, None)
    between = first(impute(df, after="half", **ruled))["estimate"]
    assert min(mar, jump) < between < max(mar, jump)


@pytest.mark.parametrize(
    "options",
    [
        {"covariates": "x + site", "earlier": "y1", "method": "copy increments"},
        {"outcome": "b", "kind": "binary", "covariates": "x", "earlier": "y1", "n_cycles": 2},
        {"outcome": "o", "kind": "ordinal", "covariates": "x", "measure": "difference"},
        {"inference": "bootstrap", "covariates": "x", "n_bootstrap": 20, "cluster": "g"},
    ],
)
def test_neither_order_nor_chance_matters(options: dict[str, Any]) -> None:
    df = rows()
    options = {"n_imputations": 4} | options
    one = impute(df, **options)
    other = impute(df.sample(frac=1, random_state=3), **options)
    again = impute(df.reset_index().sample(frac=1, random_state=4), unit="id", **options)
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(one.to_frame(), again.to_frame(), check_exact=True)
    if one.n_imputations:
        pd.testing.assert_frame_equal(one.completed(1).loc[df.index], one.completed(1))
        pd.testing.assert_frame_equal(other.completed(1).loc[df.index], one.completed(1))


def test_completed_data_keep_what_was_seen() -> None:
    df = rows()
    df.loc[df.index[::9], "x"] = np.nan
    df["grade"] = pd.Categorical.from_codes(df["o"].fillna(0).astype(int) - 1, list("abcd"), True)
    df["sex"] = (df.index % 3 == 0) * 1.0
    df.loc[df.index[::7], "sex"] = np.nan
    result = impute(
        df, "grade", kind="ordinal", covariates="x + sex", measure="proportional_odds",
        n_imputations=2, n_cycles=2,
    )  # fmt: skip
    done = result.completed(1)
    assert done["grade"].dtype == df["grade"].dtype
    assert not done[["grade", "x", "sex"]].isna().any().any()
    assert set(done["sex"].unique()) == {0.0, 1.0}
    for name in df:
        there = df[name].notna()
        pd.testing.assert_series_equal(done.loc[there, name], df.loc[there, name])
    assert first(result)["scale"] == "ratio"
    assert any("x, sex" in note for note in result.notes)
    with pytest.raises(InputError, match="number: must be from 0 to 1"):
        result.completed(2)


def test_another_analysis_is_pooled() -> None:
    df = rows()
    for options in ({"covariates": "x + site"}, {"covariates": "x", "cluster": "g"}):
        result = impute(df, n_imputations=5, **options)

        def analyse(frame: pd.DataFrame, more: dict[str, Any] = options) -> Any:
            return effect(frame, outcome="y2", **TRIAL, adjustment="ancova", **more)

        pooled = result.pool(analyse).to_frame()
        columns = ["estimate", "std_error", "df", "conf_low", "missing_information"]
        np.testing.assert_allclose(pooled[columns], result.to_frame()[columns], rtol=1e-9)


def test_ratios_are_pooled_as_logarithms() -> None:
    frames = iter([1.0, 4.0])

    def analyse(_: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {"term": ["odds_ratio"], "estimate": [next(frames)], "std_error": [0.5],
             "scale": ["ratio"]}
        )  # fmt: skip

    pooled = first(impute(rows(), n_imputations=2).pool(analyse))
    assert pooled["estimate"] == pytest.approx(2)
    between = np.log(2) ** 2 * 2
    assert pooled["std_error"] == pytest.approx(np.sqrt(0.25 + 1.5 * between))
    assert pooled["conf_low"] < 2 < pooled["conf_high"]


@pytest.mark.parametrize(
    ("column", "kind", "measure"),
    [("b", "binary", "odds_ratio"), ("o", "ordinal", "proportional_odds")],
)
def test_other_measures(column: str, kind: str, measure: str) -> None:
    row = first(impute(rows(), column, kind=kind, measure=measure, n_imputations=5))
    assert row["term"] == measure
    assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"]
    assert 0 < row["missing_information"] < 1


def test_a_probability_is_tested_against_one_half() -> None:
    options: dict[str, Any] = {"kind": "ordinal", "measure": "probabilistic_index"}
    row = first(impute(rows(), "o", auxiliary="x", n_imputations=5, **options))
    assert 0.4 < row["estimate"] < 0.7
    assert row["statistic"] == pytest.approx((row["estimate"] - 0.5) / row["std_error"])
    assert (row["p_value"] < 0.05) == (row["conf_low"] > 0.5)
    with pytest.raises(InputError, match="covariates: must be left out with measure"):
        impute(rows(), "o", covariates="x", **options)


def test_nothing_missing_gives_the_analysis_of_complete_data() -> None:
    df = rows().dropna(subset="y2")
    found = impute(df, covariates="x")
    wanted = effect(df, outcome="y2", **TRIAL, covariates="x", adjustment="ancova")
    columns = ["estimate", "std_error"]
    np.testing.assert_allclose(found.to_frame()[columns], wanted.to_frame()[columns], rtol=1e-10)
    assert first(found)["missing_information"] == 0
    pd.testing.assert_frame_equal(found.completed(0), df)


def test_three_arms() -> None:
    df = rows()
    df.loc[df.index[::4], "arm"] = "SE"
    result = impute(df, covariates="x", method="jump to reference")
    assert result.to_frame()["contrast"].tolist() == ["ReDO - CAU", "SE - CAU"]
    one = first(impute(df, method="jump to reference", reference="SE", inference="jackknife"))
    other = first(impute(df, method="jump to reference", inference="jackknife"))
    assert one["estimate"] != pytest.approx(other["estimate"])


@settings(max_examples=15)
@given(st.floats(-100, 100), st.sampled_from([-3.0, 0.01, 2.5, 1000.0]))
def test_units_do_not_matter(shift: float, factor: float) -> None:
    df = rows()
    df["z"] = shift + factor * df["y2"]
    plain, other = (
        first(impute(df, name, covariates="x", n_imputations=5, rng=3)) for name in ("y2", "z")
    )
    if factor > 0:  # noise is symmetric only in law
        assert other["estimate"] == pytest.approx(factor * plain["estimate"], rel=1e-6)
        assert other["std_error"] == pytest.approx(factor * plain["std_error"], rel=1e-6)
        assert other["p_value"] == pytest.approx(plain["p_value"], rel=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_exchange_of_the_arms_changes_the_sign(seed: int) -> None:
    df = rows().sample(60, random_state=seed)
    options: dict[str, Any] = {"arm": "arm", "covariates": "x", "inference": "jackknife"}
    one, other = (
        first(multiple_imputation(df, outcome="y2", control=control, **options))
        for control in ("CAU", "ReDO")
    )
    assert one["estimate"] == pytest.approx(-other["estimate"], abs=1e-9)
    assert one["std_error"] == pytest.approx(other["std_error"], rel=1e-8)


def test_rubin_is_conservative_for_reference_based_imputation_and_the_jackknife_is_not() -> None:
    rng = np.random.default_rng(8)
    n, found, jackknives = 60, [], []
    for i in range(120):
        df = pd.DataFrame({"arm": np.repeat(["ReDO", "CAU"], n // 2), "x": rng.normal(size=n)})
        df["y"] = df["x"] + rng.normal(size=n) + (df["arm"] == "ReDO")
        df.loc[(df["arm"] == "ReDO") & (rng.random(n) < 0.4), "y"] = np.nan
        made = trial(df, "y", rule="jump to reference", covariates="x")
        shift = np.zeros(len(made.data.missing))
        effects = LinearEffects.of(made, draw_outcomes(made.data, 10, rng))
        found.append([effects.pooled(shift).total[0], expected_effects(made, shift)[0]])
        if i < 10:
            jackknives.append(jackknife(made, shift, progress=False)[1][0] ** 2)
    table = np.array(found)
    truth = table[:, 1].var()
    assert table[:, 0].mean() > 1.5 * truth
    assert np.mean(jackknives) == pytest.approx(truth, rel=0.3)


def test_bootstrap_agrees_with_the_jackknife() -> None:
    options: dict[str, Any] = {"covariates": "x", "earlier": "y1", "method": "copy increments"}
    boot = first(impute(rows(), inference="bootstrap", n_bootstrap=300, **options))
    jack = first(impute(rows(), inference="jackknife", **options))
    assert boot["estimate"] == jack["estimate"]
    assert boot["std_error"] == pytest.approx(jack["std_error"], rel=0.15)
    assert boot["conf_low"] < boot["estimate"] < boot["conf_high"]


def test_what_is_said() -> None:
    result = impute(
        rows(), covariates="x", method="jump to reference", cluster="g", higher="better",
        delta=-1, n_imputations=3,
    )  # fmt: skip
    text = repr(result)
    assert "Difference in means, ReDO - CAU, higher = better" in text
    assert "Missing outcomes by jump to reference, shifted (-1); 3 imputations; CR2" in text
    assert "Imputed outcomes: ReDO 25 of 64, CAU 18 of 56." in text
    notes = " ".join(result.notes)
    assert "imputation models ignore the clusters" in notes
    assert "conservative for reference-based imputation" in notes
    assert result.attributes.population == "all randomised"
    assert not any("conservative" in note for note in impute(rows(), n_imputations=2).notes)
    with pytest.raises(InputError, match="nothing was drawn"):
        impute(rows(), inference="jackknife").completed(0)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "reference": ({"reference": "CAU"}, "reference: must be left out with method='mar'"),
    "after": ({"after": "g"}, "after: must be left out with method='mar'"),
    "increments": ({"method": "copy increments"}, "earlier: must be the earlier measurements"),
    "levels": (
        {"outcome": "b", "kind": "binary", "method": "copy reference", "earlier": "y1"},
        "method: must be 'mar' or 'jump to reference' for a binary outcome",
    ),
    "method": ({"method": "locf"}, "method: must be one of 'mar'"),
    "measure": ({"measure": "risk_difference"}, "measure: must be for a number outcome"),
    "conditional ratio": (
        {"outcome": "b", "kind": "binary", "measure": "odds_ratio", "inference": "jackknife"},
        "inference: must be 'rubin' with measure='odds_ratio'",
    ),
    "outcome as covariate": ({"covariates": "y2"}, "covariates: must be variables from before"),
    "reference arm": (
        {"method": "jump to reference", "reference": "SE"}, "reference: must be one of the arms",
    ),
    "delta": ({"delta": {"SE": 1}}, "delta: must be keyed by arms"),
    "infinite": ({"delta": np.inf}, "delta: must be finite"),
    "no number": ({"delta": "much"}, "delta: must be finite: a number, or numbers by arm"),
    "no number of an arm": ({"delta": {"ReDO": "much"}}, "delta: must be finite"),
    "series": ({"delta": pd.Series({"ReDO": 1.0})}, "delta: must be finite"),
    "imputations": ({"n_imputations": 1}, "n_imputations: must be whole numbers of at least 2"),
    "dependent": ({"covariates": "x + I(2 * x)"}, "covariates: must be columns that do not"),
    "control": ({"control": "kontroll"}, "control: must be one of the arms"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    options, message = REFUSED[case]
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        impute(rows(), **options)


def test_an_arm_without_outcomes_is_refused() -> None:
    df = rows()
    df.loc[df["arm"] == "ReDO", "y2"] = np.nan
    with pytest.raises(InputError, match="missing for all 64 randomised to 'ReDO'"):
        impute(df)


def test_too_few_outcomes_are_refused() -> None:
    df = rows()
    df.loc[df.index[df["arm"] == "ReDO"][5:], "y2"] = np.nan
    with pytest.raises(InputError, match=r"'y2' in 'ReDO': \d rows, 7 needed"):
        impute(df, covariates="x + site")


def test_rows_that_cannot_be_told_apart_are_refused() -> None:
    df = rows()
    twice = pd.concat([df, df.iloc[:2]])
    with pytest.raises(InputError, match="index that tells the rows apart; got 2 labels"):
        impute(twice)
    with pytest.raises(InputError, match="unit: must be different"):
        impute(twice.reset_index(), unit="id")


def test_gaps_and_incomplete_baseline_need_draws() -> None:
    df = rows()
    df.loc[df["y2"].notna() & (df["x"] > 24), "y1"] = np.nan
    result = impute(df, covariates="x", earlier="y1", method="copy increments", n_imputations=4)
    assert np.isfinite(first(result)["estimate"])
    with pytest.raises(InputError, match="gaps in earlier"):
        impute(df, covariates="x", earlier="y1", inference="jackknife")
    df.loc[df.index[:5], "x"] = np.nan
    with pytest.raises(InputError, match="missing x"):
        impute(df, covariates="x", inference="bootstrap")


def test_one_cluster_in_an_arm_is_refused() -> None:
    df = rows()
    df["g"] = np.where(df["arm"] == "ReDO", 1.0, np.nan)
    with pytest.raises(InputError, match="between-group variance not identified"):
        impute(df, cluster="g")


def test_few_clusters_are_warned_of() -> None:
    df = rows()
    df["g"] = df["site"] + df["arm"]
    with pytest.warns(TrialWarning, match="Fewer than 5 degrees of freedom"):
        impute(df, cluster="g", n_imputations=2)


def test_unordered_categories_with_gaps_are_refused() -> None:
    df = rows()
    df["site"] = df["site"].where(df.index % 5 > 0).astype("category")
    with pytest.raises(InputError, match="3 categories without an order"):
        impute(df, covariates="site")


def test_auxiliary_variables_impute_and_do_not_adjust() -> None:
    df = rows()
    with_it = impute(df, auxiliary="x", n_imputations=200)
    without = impute(df, n_imputations=200)
    assert first(with_it)["missing_information"] < first(without)["missing_information"]
    gone = df["y2"].isna() & (df["arm"] == "ReDO")
    drawn = np.mean([with_it.completed(i).loc[gone, "y2"] for i in range(50)], axis=0)
    assert np.corrcoef(drawn, df.loc[gone, "x"])[0, 1] > 0.8


@pytest.mark.parametrize("rule", RULES)
def test_the_estimand_names_what_the_rule_assumes(rule: str) -> None:
    options = {"earlier": "y1", "method": rule, "n_imputations": 2}
    events = impute(rows(), **options).attributes.intercurrent
    if rule == "mar":
        assert events == {"any departure from the assigned arm": "treatment policy"}
        return
    assert list(events.values()) == ["treatment policy", "hypothetical"]
    seen, missing = events
    assert seen == "any departure from the assigned arm, outcome seen"
    assert missing.startswith("outcome missing in other arms than CAU, taken to ")
    df = rows().assign(broke_off=True)
    other = impute(df, **options, after="broke_off", reference="ReDO").attributes.intercurrent
    assert "outcome missing where broke_off is true, taken to" in [*other][1]
    assert "as ReDO" in [*other][1]


def test_equal_outcomes_show_no_precision() -> None:
    """What rounding leaves is neither an effect nor a standard error."""
    df = rows()
    for inference in ("rubin", "jackknife", "bootstrap"):
        for gain in (0.0, 1.7):
            equal = df.assign(y2=df["y2"] * 0 + 5.1 + gain * (df["arm"] == "ReDO"))
            row = first(impute(equal, n_bootstrap=20, inference=inference))
            assert row["estimate"] == pytest.approx(gain, abs=1e-12)
            assert row["std_error"] == 0
            assert np.isnan(row["p_value"])


def test_infinite_ratios_are_not_pooled() -> None:
    df = rows()
    df["b"] = df["b"].where(df["arm"] == "ReDO", df["b"] * 0)
    for measure in ("risk_ratio", "odds_ratio"):
        with pytest.raises(InputError, match="measure: must be finite, with a standard error"):
            impute(df, "b", kind="binary", measure=measure, n_imputations=5)
    pooled = impute(df, n_imputations=2)
    wrong = pd.DataFrame({"estimate": [np.nan], "std_error": [1.0]})
    with pytest.raises(InputError, match="standard error that is not in 2 of 2"):
        pooled.pool(lambda _: wrong)


def test_warnings_of_the_analysis_are_said_once() -> None:
    df = rows()
    df["team"] = df["arm"] + (np.arange(len(df)) % 3).astype(str)
    with pytest.warns(TrialWarning, match="In 3 of 3 imputations, for instance: ") as caught:
        impute(df, "b", kind="binary", measure="odds_ratio", cluster="team", n_imputations=3)
    assert len(caught) == 1


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_two_valued_texts_are_imputed(dtype: str) -> None:
    """A category's unused levels do not count."""
    df = rows()
    sex = pd.Series(np.where(np.arange(len(df)) % 3, "f", "m"), index=df.index, dtype="object")
    sex.iloc[[4, 11, 70]] = None
    kind = pd.CategoricalDtype(["x", "m", "f"]) if dtype == "category" else dtype
    result = impute(df.assign(sex=sex.astype(kind)), covariates="sex", n_imputations=4)
    filled = [result.completed(i)["sex"] for i in range(4)]
    assert {value for one in filled for value in one.iloc[[4, 11, 70]]} <= {"f", "m"}
    assert all(one.notna().all() for one in filled)
    number = (sex == "m").where(sex.notna()).astype(float)
    same = impute(df.assign(sex=number), covariates="sex", n_imputations=4)
    if dtype != "category":
        assert first(result)["std_error"] == pytest.approx(first(same)["std_error"], rel=1e-9)


def test_three_arms_are_told_apart_in_print() -> None:
    df = rows()
    df.loc[df.index[::4], "arm"] = "SE"
    text = repr(impute(df, n_imputations=2))
    assert "difference  ReDO - CAU" in text
    assert "difference  SE - CAU" in text
    assert "monte_carlo_error" not in text


def test_one_person_of_an_arm_gives_no_interval() -> None:
    df = rows()
    lone = pd.concat([df[df["arm"] == "CAU"], df[df["arm"] == "ReDO"].dropna(subset="y2")[:1]])
    with pytest.raises(InputError, match="at least two persons in every arm; got 1 in 'ReDO'"):
        impute(lone)
