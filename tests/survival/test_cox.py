"""Cox regression: invariances, what it refuses, what it says, and what results can do."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.survival.cox_estimation import ConvergenceWarning
from evalkit.survival.cox_regression import SeparationWarning, cox
from evalkit.survival.cox_result import CoxModel
from evalkit.survival.splitting import split_rows
from evalkit.survival.tests import logrank

HERE = Path(__file__).parents[1] / "reference" / "survival"
SPELLS = pd.read_csv(HERE / "cox_spells.csv")
SEPARATED = pd.read_csv(HERE / "cox_separated.csv")
LONG: dict[str, Any] = {"duration": "days", "event": "ended", "entry": "entry"}
PLAIN: dict[str, Any] = {"duration": "days", "event": "ended"}
FORMULA = "x + z + g"


def numbers(fit: CoxModel) -> Any:
    """Everything that must not change: estimates, errors, likelihoods, concordance, hazard."""
    frame = fit.to_frame()
    return np.concatenate([
        frame["estimate"], frame["std_error"], [fit.loglik, fit.loglik_null],
        [fit.concordance, fit.concordance_std_error], fit.baseline()["cumulative_hazard"],
        fit.test_proportional_hazards().table["statistic"],
    ])  # fmt: skip


def draw(seed: int, n: int = 80, last: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    entry = np.where(rng.random(n) < 0.5, 0, rng.integers(0, last // 2, n))
    return pd.DataFrame(
        {
            "entry": entry,
            "days": entry + rng.integers(1, last, n),
            "ended": (rng.random(n) < 0.7).astype(int),
            "x": rng.normal(size=n).round(2),
            "z": rng.integers(0, 2, n),
            "g": rng.choice(list("abc"), n),
            "w": rng.integers(1, 4, n),
            "person": np.arange(n),
        }
    )


seeds = st.integers(0, 2**31)
fewer = settings(max_examples=15)


@fewer
@given(seeds)
def test_order_and_index_of_rows_do_not_matter(seed: int) -> None:
    df = draw(seed)
    mixed = df.sample(frac=1, random_state=seed % 1000).reset_index(drop=True)
    one, two = cox(FORMULA, df, **LONG), cox(FORMULA, mixed[sorted(df.columns)], **LONG)
    np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-8)


@fewer
@given(seeds, st.sampled_from([1e-12, 1 / 7, 365.25, 1e12]))
def test_unit_of_time_does_not_matter(seed: int, unit: float) -> None:
    df = draw(seed)
    scaled = df.assign(days=df["days"] * unit, entry=df["entry"] * unit)
    np.testing.assert_allclose(
        numbers(cox(FORMULA, df, **LONG)), numbers(cox(FORMULA, scaled, **LONG)), rtol=1e-9
    )


@fewer
@given(seeds)
def test_names_of_groups_do_not_matter(seed: int) -> None:
    df = draw(seed)
    named = df.assign(g=df["g"].map({"a": "z", "b": "y", "c": "x"}))
    one = cox("x + g", df, **LONG)
    two = cox('x + C(g, contr.treatment(base="z"))', named, **LONG)
    np.testing.assert_allclose(
        one.to_frame()["estimate"], two.to_frame()["estimate"][[0, 2, 1]], rtol=1e-8
    )
    assert one.loglik == pytest.approx(two.loglik, rel=1e-12)
    other = cox("x + g", named, **LONG)
    assert other.loglik == pytest.approx(one.loglik, rel=1e-12)


@fewer
@given(seeds, st.sampled_from(["efron", "breslow"]), st.lists(st.integers(1, 15), min_size=1))
def test_splitting_rows_changes_nothing_but_robust_errors(
    seed: int, ties: Any, times: list[int]
) -> None:
    df = draw(seed)
    split = split_rows(df, **LONG, at=sorted(set(times)))
    one, two = cox(FORMULA, df, ties=ties, **LONG), cox(FORMULA, split, ties=ties, **LONG)
    same = np.delete(np.arange(len(numbers(one))), 11)  # concordance has a robust error
    np.testing.assert_allclose(numbers(one)[same], numbers(two)[same], rtol=1e-8)
    one = cox(FORMULA, df, ties=ties, id="person", **LONG)
    two = cox(FORMULA, split, ties=ties, id="person", **LONG)
    np.testing.assert_allclose(one.vcov, two.vcov, rtol=1e-8)
    assert one.concordance_std_error == pytest.approx(two.concordance_std_error, rel=1e-9)


@fewer
@given(seeds)
def test_case_weights_are_repetitions_with_breslow(seed: int) -> None:
    df = draw(seed)
    repeated = df.loc[df.index.repeat(df["w"])]
    one = cox(FORMULA, df, weights="w", ties="breslow", **LONG)
    two = cox(FORMULA, repeated, ties="breslow", **LONG)
    np.testing.assert_allclose(one.to_frame()["estimate"], two.to_frame()["estimate"], rtol=1e-8)
    np.testing.assert_allclose(one.vcov, two.vcov, rtol=1e-8)
    np.testing.assert_allclose([one.loglik, one.concordance], [two.loglik, two.concordance])
    hazards = [fit.baseline()["cumulative_hazard"] for fit in (one, two)]
    np.testing.assert_allclose(*hazards, rtol=1e-8)


def test_case_weights_are_not_repetitions_with_efron_or_robust_errors() -> None:
    df = draw(3)
    repeated = df.loc[df.index.repeat(df["w"])]
    one, two = cox("x", df, weights="w", **LONG), cox("x", repeated, **LONG)
    assert one.to_frame()["estimate"][0] != pytest.approx(two.to_frame()["estimate"][0], rel=1e-6)
    common: dict[str, Any] = {"ties": "breslow", **LONG}
    one = cox("x", df, weights="w", weights_kind="sampling", **common)
    two = cox("x", repeated.assign(one=1.0), weights="one", weights_kind="sampling", **common)
    assert one.to_frame()["estimate"][0] == pytest.approx(two.to_frame()["estimate"][0])
    assert one.to_frame()["std_error"][0] > 1.1 * two.to_frame()["std_error"][0]


@fewer
@given(seeds, st.booleans())
def test_score_test_is_the_logrank_test_without_ties(seed: int, entry: bool) -> None:
    df = draw(seed)
    df["days"] = df["days"] + np.random.default_rng(seed).random(len(df)) / 2
    more = {"entry": "entry"} if entry else {}
    score = cox("g", df, **PLAIN, **more).tests().set_index("test")["statistic"]["score"]
    test = logrank(df, by="g", **PLAIN, **more)
    assert score == pytest.approx(test.statistic, rel=1e-9)


def test_weights_only_matter_up_to_a_factor_for_estimates() -> None:
    one = cox(FORMULA, SPELLS, weights="w", **LONG)
    two = cox(FORMULA, SPELLS.assign(w=SPELLS["w"] * 7), weights="w", **LONG)
    np.testing.assert_allclose(one.to_frame()["estimate"], two.to_frame()["estimate"], rtol=1e-9)
    np.testing.assert_allclose(one.vcov, 7 * two.vcov, rtol=1e-8)


def test_rows_of_weight_0_are_left_out_and_counted() -> None:
    df = SPELLS.assign(w=SPELLS["w"].where(SPELLS.index > 9, 0.0))
    fit = cox(FORMULA, df, weights="w", strata="region", cluster="office", **LONG)
    rest = cox(FORMULA, df.iloc[10:], weights="w", strata="region", cluster="office", **LONG)
    np.testing.assert_allclose(fit.vcov, rest.vcov)
    assert fit.coefficients.n_dropped == {"weight 0": 10}
    assert fit.residuals("martingale").index[0] == 10


def test_events_at_time_0_count_without_entry() -> None:
    df = pd.DataFrame({"days": [0, 0, 1, 2, 3, 3], "ended": [1, 0, 1, 1, 1, 0],
                       "x": [0.0, 1, 1, 0, 1, 0]})  # fmt: skip
    shifted = df.assign(days=df["days"] + 1)
    np.testing.assert_allclose(
        cox("x", df, **PLAIN).to_frame()["estimate"],
        cox("x", shifted, **PLAIN).to_frame()["estimate"],
    )


def test_one_cluster_a_row_is_the_same_as_sampling_weights() -> None:
    df = SPELLS.assign(row=range(len(SPELLS)))
    one = cox("x", df, weights="w", weights_kind="sampling", **PLAIN)
    two = cox("x", df, weights="w", cluster="row", **PLAIN)
    three = cox("x", df, weights="w", cluster="row", id="row", **PLAIN)
    np.testing.assert_allclose(one.vcov, two.vcov)
    np.testing.assert_allclose(one.vcov, three.vcov)


def test_nested_ways_of_clustering_are_the_wider_one() -> None:
    df = SPELLS.assign(person=SPELLS["office"] * 1000 + SPELLS["person"])
    both = cox("x + z", df, cluster="office", id="person", **LONG)
    np.testing.assert_allclose(both.vcov, cox("x + z", df, cluster="office", **LONG).vcov)


def test_hazard_ratios() -> None:
    log, ratio = cox(FORMULA, SPELLS, **LONG), cox(FORMULA, SPELLS, exponentiate=True, **LONG)
    ours, theirs = ratio.to_frame(), log.to_frame()
    np.testing.assert_allclose(ours["estimate"], np.exp(theirs["estimate"]))
    np.testing.assert_allclose(ours["conf_high"], np.exp(theirs["conf_high"]))
    np.testing.assert_allclose(ours["std_error"], theirs["std_error"])
    pd.testing.assert_frame_equal(log.to_frame(exponentiate=True), ours)
    pd.testing.assert_frame_equal(ratio.to_frame(exponentiate=False), theirs)
    assert set(ours["scale"]) == {"hazard ratio (std_error of its logarithm)"}
    assert theirs["contrast"].tolist() == ["", "", "b - a", "c - a"]


class TestSurvival:
    """Predictions."""

    who = pd.DataFrame({"x": [0.0, 1.0], "z": [0, 1], "region": ["West", "North"]}, index=[7, 8])

    def test_shape_and_ends(self) -> None:
        late = SPELLS[SPELLS["entry"] >= 2]
        fit = cox("x + z", late, strata="region", **LONG)
        found = fit.survival(self.who, [0, 3, 30, 500])
        assert list(found.columns) == [
            "row", "time", "survival", "std_error", "conf_low", "conf_high", "cumulative_hazard",
        ]  # fmt: skip
        assert found["row"].tolist() == [7, 7, 7, 7, 8, 8, 8, 8]
        assert np.isnan(found["survival"][[0, 3, 4, 7]]).all()  # before anybody, after everybody
        assert found["survival"][[1, 2, 5, 6]].between(0, 1).all()

    def test_before_the_first_event(self) -> None:
        late = SPELLS.assign(days=SPELLS["days"] + 5)
        found = cox("x + z", late, **PLAIN).survival(self.who, [2])
        assert found["survival"].tolist() == [1, 1]
        assert found["std_error"].tolist() == [0, 0]
        assert found["conf_low"].tolist() == [1, 1]

    def test_baseline_is_at_covariates_0(self) -> None:
        fit = cox("x + z", SPELLS, **LONG)
        base = fit.baseline()
        found = fit.survival(self.who.iloc[:1], base["time"])
        np.testing.assert_allclose(found["survival"], base["survival"])
        np.testing.assert_allclose(found["cumulative_hazard"], base["cumulative_hazard"])
        np.testing.assert_allclose(found["std_error"], base["std_error"] * base["survival"])

    def test_baseline_far_from_the_data_is_right(self) -> None:
        fit = cox("year", SPELLS.assign(year=2000 + 3 * SPELLS["z"]), **LONG)
        near = cox("year", SPELLS.assign(year=3 * SPELLS["z"]), **LONG)
        who = [pd.DataFrame({"year": [start + 3]}) for start in (2000, 0)]
        one, two = fit.survival(who[0], [10, 20]), near.survival(who[1], [10, 20])
        np.testing.assert_allclose(one.iloc[:, 1:], two.iloc[:, 1:], rtol=1e-9)

    def test_offset(self) -> None:
        fit = cox("x", SPELLS, offset="off", **PLAIN)
        found = fit.survival(pd.DataFrame({"x": [0, 0], "off": [0, np.log(2)]}), [9])
        hazards = found["cumulative_hazard"]
        assert hazards[1] == pytest.approx(2 * hazards[0])
        with pytest.raises(InputError, match="with the offset 'off'"):
            fit.survival(pd.DataFrame({"x": [0]}), [9])

    @pytest.mark.parametrize(
        ("who", "times", "words"),
        [
            (who.drop(columns="z"), [1], "variables of the formula; got one without 'z'"),
            (who.drop(columns="region"), [1], "newdata: must be a frame with the strata region"),
            (who.assign(region="Mars"), [1], "1 more|row 7"),
            (who, [-1], "at least 0"),
        ],
    )
    def test_errors(self, who: pd.DataFrame, times: list[float], words: str) -> None:
        fit = cox("x + z", SPELLS, strata="region", **LONG)
        with pytest.raises(InputError, match=words):
            fit.survival(who, times)


def test_separation_names_the_variable_and_the_remedy() -> None:
    with pytest.warns(SeparationWarning, match=r"along 'arm'.*penalty=\"firth\"") as caught:
        fit = cox("arm + age", SEPARATED, **PLAIN)
    assert caught[0].filename == __file__
    frame = fit.to_frame()
    assert frame["estimate"][0] == -np.inf
    assert frame["std_error"].isna().tolist() == [True, False]
    assert "Infinite" in repr(fit)
    assert fit.to_frame(exponentiate=True)["estimate"][0] == 0
    with pytest.raises(InputError, match="infinite estimates"):
        fit.test_proportional_hazards()
    without = SEPARATED[SEPARATED["arm"] == 0]
    assert frame["estimate"][1] == pytest.approx(
        cox("age", without, **PLAIN).to_frame()["estimate"][0], rel=1e-5
    )
    with pytest.warns(SeparationWarning):
        limits = cox("arm + age", SEPARATED, ci="profile", **PLAIN).to_frame()
    assert limits["conf_low"][0] == -np.inf
    assert -5 < limits["conf_high"][0] < 0


def test_separation_by_the_reference_level_names_all_levels() -> None:
    df = SPELLS.assign(ended=SPELLS["ended"].where(SPELLS["g"] != "a", 0))
    with pytest.warns(SeparationWarning, match=r"'g\[T.b\]', 'g\[T.c\]'"):
        fit = cox("x + g", df, **LONG)
    assert fit.fit.infinite.tolist() == [False, True, True]


def test_iterations_that_end_too_soon_are_said() -> None:
    with pytest.warns(ConvergenceWarning, match="not reached in 1 iterations"):
        fit = cox(FORMULA, SPELLS, max_iterations=1, **LONG)
    assert "did not converge" in " ".join(fit.coefficients.notes)


def few(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"days": [1.0, 2, 3, 4], "ended": [1, 1, 1, 0], "x": [0.0, 1, 0, 1], **columns}
    )


@pytest.mark.parametrize(
    ("df", "formula", "more", "words"),
    [
        (few(x=1.0), "x", {}, "got 'x', the same for everybody"),
        (few(y=[1.0, 3, 1, 3]), "x + y", {}, "'y', which 'x' determine"),
        (few(ended=0), "x", {}, "all 4 rows censored"),
        (few(days=[-1.0, 2, 3, 4]), "x", {}, "duration: .*such as -1"),
        (few(days=[np.inf, 2, 3, 4]), "x", {}, "duration: must be finite"),
        (few(entry=[0, 5, 0, 0]), "x", {"entry": "entry"}, r"entry: must be before.*row 1"),
        (few(entry=[0, None, 0, 0]), "x", {"entry": "entry"}, "entry: must be there for every"),
        (few(ended=[1, 2, 1, 2]), "x", {}, "1 for an event and 0 for censoring"),
        (few(w=[1, -1, 1, 1]), "x", {"weights": "w"}, "weights"),
        (few(), "y", {}, "got 'y'"),
        (few(), "1", {}, "at least one covariate.*nelson_aalen"),
        (few(), "x", {"ties": "exact"}, "'efron', 'breslow'"),
        (few(), "x", {"penalty": "lasso"}, "'firth'"),
        (few(), "x", {"penalty": "firth", "cluster": "x"}, "left out with cluster"),
        (few(), "x", {"ci": "profile", "id": "x"}, "left out with cluster"),
        (few(), "x", {"strata": "regio"}, "regio"),
        (few(), "x", {"offset": "of"}, "of"),
        (few(), "x", {"level": 95}, "level"),
        (few(o=[np.inf, 0, 0, 0]), "x", {"offset": "o"}, "offset: must be finite"),
        (few(s=list("aabb"), y=[0, 0, 1, 1]), "y", {"strata": "s"}, "what strata share"),
        (few(t=[1.0] * 4), "x", {"known_from": {"y": "t"}}, "variables of the formula"),
    ],
)
def test_bad_input(df: pd.DataFrame, formula: str, more: dict[str, Any], words: str) -> None:
    before = df.copy(deep=True)
    with pytest.raises(InputError, match=words):
        cox(formula, df, **PLAIN, **more)
    pd.testing.assert_frame_equal(df, before)


class TestImmortalTime:
    """Treatments that begin during the spell."""

    df = pd.read_csv(HERE / "cox_jasa.csv").rename(columns={"wait.time": "wait"})
    # who leaves on day 0, or is treated on the last day, is given half a day
    df["futime"] = df["futime"].where(df["futime"] > 0, 0.5)
    df["wait"] = df["wait"].where(df["wait"] != df["futime"], df["wait"] - 0.5)
    common: ClassVar[dict[str, Any]] = {"duration": "futime", "event": "fustat"}

    def test_refused_where_it_is_known_that_the_covariate_is_not(self) -> None:
        with pytest.raises(InputError, match=r"67 rows that use it before.*split_rows"):
            cox("transplant", self.df, known_from={"transplant": "wait"}, **self.common)

    def test_split_rows_are_the_remedy(self) -> None:
        split = split_rows(self.df, at="wait", indicator="treated", **self.common)
        fit = cox("treated + age + surgery", split, entry="entry",
                  known_from={"treated": "wait"}, **self.common)  # fmt: skip
        naive = cox("transplant + age + surgery", self.df, **self.common)
        assert naive.to_frame()["estimate"][0] < -1.6
        assert fit.to_frame()["estimate"][0] == pytest.approx(0.016, abs=0.01)


def test_model_can_be_stored_and_shown() -> None:
    fit = cox(FORMULA, SPELLS, cluster="office", strata="region", **LONG)
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.to_frame(), fit.to_frame())
    assert again.concordance == fit.concordance
    assert len(repr(fit).splitlines()) <= 15
    assert "robust standard errors by office (40)" in repr(fit)
    assert "Only 40 clusters" in " ".join(fit.coefficients.notes)
    assert fit._repr_html_().startswith("<table>")
    test = fit.test_proportional_hazards()
    assert len(repr(test).splitlines()) <= 15
    assert test._repr_html_().startswith("<table>")
    assert list(test.to_frame()) == ["term", "statistic", "df", "p_value"]
    residuals = test.residuals
    assert set(residuals["term"]) == set(fit.coding.names)
    assert len(residuals) == 4 * fit.n_events
    assert len(test.plot("x").lines) >= 4
    with pytest.raises(InputError, match="one of the coefficients"):
        test.plot()


def test_input_is_not_changed() -> None:
    before = SPELLS.copy(deep=True)
    fit = cox(FORMULA, SPELLS, weights="w", **LONG)
    fit.residuals("dfbeta")
    pd.testing.assert_frame_equal(SPELLS, before)


def test_dfbeta_is_about_what_leaving_a_row_out_does() -> None:
    fit = cox("x + z", SPELLS, **LONG)
    row = int(np.abs(fit.residuals("dfbeta")["x"]).idxmax())
    without = cox("x + z", SPELLS.drop(index=row), **LONG)
    change = fit.to_frame()["estimate"] - without.to_frame()["estimate"]
    assert fit.residuals("dfbeta")["x"][row] == pytest.approx(change[0], rel=0.15)


def test_log_transform_refuses_events_at_0() -> None:
    fit = cox("x", few(days=[0, 1.0, 2, 3]), **PLAIN)
    with pytest.raises(InputError, match="other than 'log'"):
        fit.test_proportional_hazards("log")


def test_rows_at_risk_at_no_event_change_nothing() -> None:
    more = pd.concat([SPELLS, SPELLS.iloc[:1].assign(entry=900, days=999, ended=0)])
    one, two = cox("x + z", SPELLS, **LONG), cox("x + z", more, **LONG)
    np.testing.assert_allclose(one.vcov, two.vcov)
    assert one.concordance == two.concordance
    assert two.residuals("martingale").iloc[-1] == 0
    assert len(two.residuals("score")) == len(more)


def large(n: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(rng.normal(size=(n, 10)), columns=[f"x{j}" for j in range(10)])
    days = rng.integers(1, 1500, n)
    entry = (days * rng.random(n)).astype(int)
    return df.assign(days=days, entry=entry, ended=rng.integers(0, 2, n), group=days % 997)


@pytest.mark.parametrize("more", [{}, {"entry": "entry", "cluster": "group"}])
def test_memory_is_at_most_three_times_the_design_matrix(more: dict[str, str]) -> None:
    df = large(100_000)
    formula = " + ".join(f"x{j}" for j in range(10))
    cox(formula, df.head(1000), **PLAIN)  # imports are not counted
    tracemalloc.start()
    try:
        cox(formula, df, **PLAIN, **more)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 8 * 10 * len(df)


def test_small_fits_import_nothing_heavy() -> None:
    code = (
        "import sys, pandas as pd\n"
        "from evalkit.survival.cox_regression import cox\n"
        "df = pd.DataFrame({'t': [1, 2, 3, 4], 'e': 1, 'x': [1, 0, 1, 0], 'g': list('abba')})\n"
        "cox('x + g', df, duration='t', event='e', ties='breslow').survival(df, [2])\n"
        "heavy = ('numba', 'formulaic', 'scipy.stats', 'scipy.linalg', 'matplotlib')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("seed", [1])
def test_intervals_cover_with_clusters(seed: int) -> None:
    # benchmarks/coverage_cox.py has the whole table. 60 clusters share a positive stable frailty,
    # under which hazards stay proportional, with the coefficient times the frailty's index.
    rng = np.random.default_rng(seed)
    replications, groups, index, effect = 200, 60, 0.7, 0.5
    hits = 0
    for _ in range(replications):
        angle, e = rng.uniform(0, np.pi, groups), rng.exponential(size=groups)
        frailty = np.sin(index * angle) / np.sin(angle) ** (1 / index)
        frailty *= (np.sin((1 - index) * angle) / e) ** ((1 - index) / index)
        cluster = np.repeat(np.arange(groups), 10)
        x = rng.normal(size=len(cluster))
        time = rng.exponential(size=len(x)) / (frailty[cluster] * np.exp(effect * x))
        limit = rng.exponential(size=len(x)) * np.quantile(time, 0.6)
        df = pd.DataFrame({"days": np.minimum(time, limit), "ended": (time <= limit) * 1, "x": x,
                           "cluster": cluster})  # fmt: skip
        row = cox("x", df, cluster="cluster", **PLAIN).coefficients.data.iloc[0]
        hits += bool(row["conf_low"] <= index * effect <= row["conf_high"])
    error = np.sqrt(0.95 * 0.05 / replications)
    assert hits / replications == pytest.approx(0.95, abs=3 * error)


@pytest.mark.parametrize("wrong", [0, -1, True, 2.5, "many"])
def test_iterations_are_a_whole_number(wrong: Any) -> None:
    with pytest.raises(InputError, match="max_iterations: must be whole numbers of at least 1"):
        cox("x", SPELLS, **PLAIN, max_iterations=wrong)


def test_times_to_predict_at_are_numbers() -> None:
    fit = cox("x", SPELLS, **PLAIN)
    for wrong in ("5", ["a"], [], None, [[1, 2]], pd.Timestamp("2020-01-01")):
        with pytest.raises(InputError, match="times: must be"):
            fit.survival(SPELLS.head(1), wrong)  # type: ignore[arg-type]


def test_iterations_end_with_a_penalty_too() -> None:
    with pytest.warns(ConvergenceWarning, match="in 1 iterations"):
        cox("x + z", SPELLS, **PLAIN, penalty="firth", ci="wald", max_iterations=1)


def test_a_penalty_is_not_suggested_to_who_has_it() -> None:
    few = SPELLS.assign(ended=SPELLS["ended"].where(SPELLS["ended"].cumsum() < 6, 0))
    assert any('penalty="firth"' in note for note in cox("x", few, **PLAIN).coefficients.notes)
    again = cox("x", few, **PLAIN, penalty="firth")
    assert not any("penalty" in note for note in again.coefficients.notes)
