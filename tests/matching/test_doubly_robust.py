"""Doubly robust effects: reference values, what each row moves, and what learners need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching.doubly_robust import aipw

HERE = Path(__file__).parents[1] / "reference" / "matching"
LALONDE = pd.read_csv(HERE / "balance_rows.csv").set_index("id")
FULL = "treat ~ age + educ + race + married + nodegree + re74 + re75"


def first(*args: Any, **kwargs: Any) -> pd.Series[Any]:
    return aipw(*args, **kwargs).to_frame().iloc[0]


def people(seed: int = 3, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), (rng.random(n) < 0.4).astype(float)
    took = (rng.random(n) < 1 / (1 + np.exp(-0.6 * x + 0.3 * z))).astype(int)
    y = 6 + x - z + took * (1 + 0.5 * z) + rng.normal(size=n)
    return pd.DataFrame({
        "took": took, "x": x, "z": z, "y": y, "won": (y > 5.8 + rng.normal(size=n)).astype(float),
        "s": rng.uniform(0.5, 2.0, n), "office": rng.integers(0, 9, n),
    })  # fmt: skip


def test_reference_values_of_lalonde():
    # Computed in R 4.2.2 (MatchIt's lalonde): by the formula, the logit and lm on the controls.
    assert first(FULL, LALONDE, outcome="re78")["estimate"] == pytest.approx(1231.0443, abs=5e-5)
    plain = first(FULL, LALONDE, outcome="re78", normalise=False)
    assert plain["estimate"] == pytest.approx(1226.5437, abs=5e-5)


def test_the_formulas_in_r():
    # From glm and lm in R 4.2.2: doubly_robust.R.
    calls: dict[str, dict[str, Any]] = {
        "aipw": {}, "unnormalised": {"normalise": False}, "tmle": {"method": "tmle"},
    }  # fmt: skip
    for row in pd.read_csv(HERE / "doubly_robust_expected.csv").to_dict("records"):
        survey = "s" if row["survey"] == "yes" else None
        found = first(
            FULL, LALONDE, outcome="re78", estimand=row["estimand"], survey_weights=survey,
            **calls[row["case"]],
        )  # fmt: skip
        assert found["mean_treated"] == pytest.approx(row["treated"], rel=1e-7)
        assert found["mean_control"] == pytest.approx(row["control"], rel=1e-7)


@pytest.mark.parametrize("estimand", ["ATT", "ATE", "ATC"])
@pytest.mark.parametrize(
    "call",
    [{}, {"normalise": False}, {"method": "tmle"}, {"trim": 0.3}, {"measure": "ratio"},
     {"method": "tmle", "trim": 0.3, "outcome_formula": "x"},
     {"outcome": "won", "model": "logit", "measure": "odds_ratio"},
     {"outcome": "won", "method": "tmle"}, {"by": "z", "outcome_formula": "x"},
     {"by": "z", "outcome_formula": "x", "method": "tmle"}],
    ids=str,
)  # fmt: skip
def test_the_variance_is_what_each_row_moves(estimand: Any, call: dict[str, Any]):
    # A row's influence is the derivative of the estimate in its survey weight, found here by
    # weighting the row up and down and fitting everything anew.
    df = people(n=44)
    options = {"outcome": "y", **call}
    ratio = "measure" in options

    def estimates(frame: pd.DataFrame) -> Any:
        found = aipw("took ~ x + z", frame, survey_weights="s", estimand=estimand, **options)
        values = found.to_frame()["estimate"].to_numpy()
        return np.log(values) if ratio else values

    step, moved = 1e-4, list[Any]()
    for row in range(len(df)):
        ends: list[Any] = []
        for factor in (1 + step, 1 - step):
            frame = df.copy()
            frame["s"] = df["s"].where(df.index != row, df["s"] * factor)
            ends.append(estimates(frame))
        moved.append((ends[0] - ends[1]) / (2 * step))
    found = aipw("took ~ x + z", df, survey_weights="s", estimand=estimand, **options).to_frame()
    wanted = np.sqrt(np.square(np.array(moved)).sum(axis=0))
    np.testing.assert_allclose(found["std_error"], wanted, rtol=2e-5)


def test_saturated_models_are_standardisation():
    # With one binary covariate every doubly robust estimate is the mean of cell differences.
    df = people(n=300)
    cells = df.groupby(["z", "took"])["y"].mean().unstack()
    gap = cells[1] - cells[0]
    share = {
        "ATT": df[df["took"] == 1]["z"].mean(),
        "ATE": df["z"].mean(),
        "ATC": df[df["took"] == 0]["z"].mean(),
    }
    for estimand, s in share.items():
        wanted = (1 - s) * gap[0.0] + s * gap[1.0]
        for method in ("aipw", "tmle"):
            found = first("took ~ z", df, outcome="y", estimand=estimand, method=method)
            assert found["estimate"] == pytest.approx(wanted, rel=1e-8)


def test_right_if_either_model_is():
    rng = np.random.default_rng(8)
    n = 40_000
    x = rng.normal(size=n)
    took = (rng.random(n) < 1 / (1 + np.exp(1 - x))).astype(int)
    y = x**2 + took + rng.normal(size=n)
    df = pd.DataFrame({"took": took, "x": x, "y": y})
    for method in ("aipw", "tmle"):
        for call in ({"outcome_formula": "x"}, {"outcome_formula": "x + I(x**2)"}):
            row = first("took ~ x", df, outcome="y", method=method, **call)
            assert abs(row["estimate"] - 1) < 4 * row["std_error"]
        wrong_score = first("took ~ I(x**2)", df, outcome="y", method=method)
        assert abs(wrong_score["estimate"] - 1) < 4 * wrong_score["std_error"]


def test_targeted_means_stay_in_range_and_do_not_depend_on_units():
    df = people(n=200)
    for method in ("aipw", "tmle"):
        one = first("took ~ x + z", df, outcome="y", method=method)
        moved = df.assign(y=lambda d: 100 * d["y"] - 7)
        other = first("took ~ x + z", moved, outcome="y", method=method)
        assert other["estimate"] == pytest.approx(100 * one["estimate"], rel=1e-8)
        assert other["std_error"] == pytest.approx(100 * one["std_error"], rel=1e-8)
    row = first("took ~ x + z", df, outcome="won", method="tmle")
    assert 0 < row["mean_control"] < 1


def test_swapped_groups_change_the_sign():
    df = people(n=120)
    swapped = df.assign(took=1 - df["took"])
    for method in ("aipw", "tmle"):
        att = first("took ~ x + z", df, outcome="y", method=method)
        atc = first("took ~ x + z", swapped, outcome="y", method=method, estimand="ATC")
        assert atc["estimate"] == pytest.approx(-att["estimate"], rel=1e-8)
        assert atc["std_error"] == pytest.approx(att["std_error"], rel=1e-8)


class Memory:
    """A learner that predicts the mean of its own group of rows, and says what it saw."""

    seen: list[int]

    def fit(self, x: Any, y: Any, sample_weight: Any = None) -> Memory:
        self.mean = float(np.average(y, weights=sample_weight))
        Memory.seen.append(len(x))
        return self

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.mean)


def test_cross_fitting_leaves_each_row_out():
    df = people(n=100)
    Memory.seen = []
    options: dict[str, Any] = {"outcome": "y", "folds": 4, "rng": 1}
    aipw("took ~ x + z", df, outcome_learner=Memory(), **options)
    assert len(Memory.seen) == 4  # the mean of those who took part needs no model
    Memory.seen = []
    options["estimand"] = "ATE"
    table = aipw("took ~ x + z", df, outcome_learner=Memory(), **options)
    assert "outcome Memory, cross-fitted in 4 folds" in table.method
    counts = df["took"].value_counts()
    assert sum(Memory.seen[:4]) == 3 * counts[0]
    assert sum(Memory.seen[4:]) == 3 * counts[1]
    again = aipw(
        "took ~ x + z", df.sample(frac=1, random_state=2), outcome_learner=Memory(), **options
    )
    assert again.to_frame()["estimate"].item() == pytest.approx(
        table.to_frame()["estimate"].item(), rel=1e-10
    )
    by_office = aipw(
        "took ~ x + z", df, outcome="y", folds=3, rng=1, cluster="office", survey_weights="s"
    ).to_frame()
    assert by_office["df"].item() == df["office"].nunique() - 1


@pytest.mark.parametrize("estimand", ["ATT", "ATE", "ATC"])
@pytest.mark.parametrize("method", ["aipw", "tmle"])
def test_cross_fitted_regressions_agree_with_plain_ones_in_large_samples(
    method: Any, estimand: Any
):
    df = people(n=5000)
    plain = first("took ~ x + z", df, outcome="y", method=method, estimand=estimand)
    crossed = first(
        "took ~ x + z", df, outcome="y", method=method, estimand=estimand, folds=5, rng=1
    )
    assert crossed["estimate"] == pytest.approx(plain["estimate"], abs=0.1 * plain["std_error"])
    assert crossed["std_error"] == pytest.approx(plain["std_error"], rel=0.02)


def test_scikit_learn_estimators():
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline

    df = people(n=600)
    same = first("took ~ x + z", df, outcome="y", folds=5, rng=1)
    score: Any = LogisticRegression(C=1e9, max_iter=1000, tol=1e-10)
    linear: Any = LinearRegression()
    learned = first(
        "took ~ x + z", df, outcome="y", rng=1, propensity_learner=score, outcome_learner=linear
    )
    assert learned["estimate"] == pytest.approx(same["estimate"], rel=1e-4)
    assert learned["std_error"] == pytest.approx(same["std_error"], rel=1e-4)
    boosted: Any = GradientBoostingRegressor(n_estimators=30, subsample=0.5)
    options: dict[str, Any] = {"outcome": "y", "outcome_learner": boosted, "survey_weights": "s"}
    one = first("took ~ x + z", df, rng=4, method="tmle", **options)
    two = first("took ~ x + z", df, rng=4, method="tmle", **options)
    assert one["estimate"] == two["estimate"]  # rng seeds the learner too
    assert abs(one["estimate"] - 1.2) < 4 * one["std_error"]
    forest: Any = RandomForestClassifier(n_estimators=5)
    with pytest.raises(InputError, match=r"strictly between 0 and 1.*trim=0.01"):
        aipw("took ~ x + z", df, outcome="y", propensity_learner=forest, rng=1)
    cut = aipw("took ~ x + z", df, outcome="y", propensity_learner=forest, rng=1, trim=0.05)
    assert any("set to these bounds" in note for note in cut.notes)
    with pytest.raises(InputError, match="a regressor for an outcome that is not 0 or 1"):
        aipw("took ~ x + z", df, outcome="y", outcome_learner=score)
    shares = first("took ~ x + z", df, outcome="won", outcome_learner=score, rng=1)
    assert 0 < shares["mean_control"] < 1
    piped: Any = make_pipeline(LinearRegression())
    with pytest.raises(InputError, match="fit takes sample_weight"):
        aipw("took ~ x", df, outcome="y", outcome_learner=piped, survey_weights="s")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"estimand": "ATO"}, "estimand: must be one of"),
        ({"method": "dml"}, "method: must be one of"),
        ({"model": "linear", "method": "tmle"}, "model: must be left out with method='tmle'"),
        ({"model": "logit"}, "outcome: must be 0 or 1 for odds"),
        ({"normalise": False, "method": "tmle"}, "normalise: must be left out"),
        ({"rng": 1}, "rng: must be left out without folds"),
        ({"folds": 1}, "folds: must be a whole number of at least 2"),
        ({"folds": 1, "outcome_learner": Memory()}, "Learners need cross-fitting"),
        ({"folds": 40}, "folds: must be at most"),
        ({"folds": 20, "cluster": "office"}, "the number of clusters"),
        ({"outcome_learner": Memory}, "got the class Memory"),
        ({"propensity_learner": Memory()}, "methods fit and predict_proba"),
        ({"trim": 0.5}, "trim: must be a share above 0 and below 0.5"),
        ({"outcome_formula": "took + x"}, "outcome_formula: must be covariates only"),
        ({"outcome_formula": "x + I(2 * x)"}, r"cannot be told from others.*at I\(2 \* x\)"),
        ({"outcome_formula": "nope"}, "outcome_formula: must be written with columns"),
        ({"survey_weights": "minus"}, "survey_weights: must be finite and at least 0"),
        ({"outcome": "took"}, "neither the treatment nor adjusted for; got 'took', the treatment"),
        ({"outcome": "x"}, "got 'x', one of the covariates"),
        ({"outcome_formula": "x + y"}, "got 'y', one of the covariates"),
        ({"trim": "0.1"}, "trim: must be a number"),
        ({"by": "took"}, "nobody in 1 where by is 0"),
        ({"outcome": "one", "method": "tmle"}, "outcome that varies"),
        ({"outcome": "never", "method": "tmle"}, "fitted within each group"),
        ({"by": "only"}, "nobody in"),
        ({"outcome": "why"}, "Columns available|Did you mean"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    df = people().assign(
        one=1.0,
        minus=-1.0,
        never=lambda d: d["took"].astype(float),
        only=lambda d: np.where(d["took"] == 1, "a", "b"),
    )
    with pytest.raises(InputError, match=message):
        aipw("took ~ x + z", df, **{"outcome": "y", **call})


def test_few_who_took_part_need_no_regression():
    df = people().query("took == 0 or index < 12")
    df = pd.concat([df[df["took"] == 1].head(2), df[df["took"] == 0]])
    row = first("took ~ x + z", df, outcome="y")
    assert row["mean_treated"] == pytest.approx(df[df["took"] == 1]["y"].mean(), rel=1e-12)
    assert row["std_error"] > 0
    with pytest.raises(InputError, match="fitted within each group"):
        aipw("took ~ x + z", df, outcome="y", estimand="ATE")
    one = aipw("took ~ x", df.iloc[1:], outcome="y")
    assert np.isnan(one.to_frame()["std_error"].item())
    assert "No standard error: 1 person in 1 shows no spread." in one.notes


def test_levels_with_one_person_or_cluster_have_no_standard_error():
    df = people().assign(part=lambda d: np.where(d.index < 50, "a", "b"))
    last = df.index[(df["took"] == 1) & (df["part"] == "b")][1:]
    few = aipw("took ~ x", df.drop(index=last), outcome="y", by="part")
    assert np.isnan(few.to_frame()["std_error"]).tolist() == [False, True]
    assert "No standard error: 1 person in 1 where part is b shows no spread." in few.notes
    together = df.assign(office=df["office"].where(df["part"] == "a", 99))
    table = aipw("took ~ x", together, outcome="y", by="part", cluster="office")
    assert np.isnan(table.to_frame()["std_error"]).tolist() == [False, True]
    assert table.to_frame()["df"].tolist() == [8.0, 0.0]
    assert any("in one cluster" in note for note in table.notes)


def test_a_linear_regression_may_leave_no_odds():
    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    took = (rng.random(200) < 1 / (1 + np.exp(2 - 2 * x))).astype(int)
    df = pd.DataFrame({"took": took, "x": x, "won": (x > -0.2).astype(float)})
    table = aipw("took ~ x", df, outcome="won", measure="odds_ratio")
    row = table.to_frame().iloc[0]
    assert row["mean_control"] > 1
    assert np.isnan([row["estimate"], row["std_error"]]).all()
    assert any("share is not above 0 and below 1 the odds ratio" in note for note in table.notes)


def test_equal_outcomes_show_no_effect_and_no_spread():
    table = aipw("took ~ x + z", people().assign(y=0.1), outcome="y")
    row = table.to_frame().iloc[0]
    assert (row["estimate"], row["std_error"]) == (0.0, 0.0)
    assert np.isnan(row["p_value"])
    assert sum("has the same y" in note for note in table.notes) == 2


@pytest.mark.parametrize("backend", ["pyarrow", "numpy_nullable"])
def test_kinds_of_columns_and_later_changes(backend: Any):
    if backend == "pyarrow":
        pytest.importorskip("pyarrow")
    df = people()
    options: dict[str, Any] = {
        "outcome": "won", "survey_weights": "s", "cluster": "office", "treated": "amia",
    }  # fmt: skip
    df["took"] = np.where(df["took"] == 1, "amia", "riket")
    wanted = aipw("took ~ x + C(z)", df, **options).to_frame()
    other = df.convert_dtypes(dtype_backend=backend)
    table = aipw("took ~ x + C(z)", other, **options)
    other["won"] = 0
    np.testing.assert_allclose(table.to_frame()["conf_low"], wanted["conf_low"], rtol=1e-12)
    assert table.to_frame()["contrast"].item() == "amia - riket"


def test_separation_and_missing_values_are_named():
    df = people().assign(never=lambda d: ((d["took"] == 0) & (d["x"] > 0.3)).astype(int))
    with pytest.raises(InputError, match="separation by never"):
        aipw("took ~ x + never", df, outcome="y")
    with pytest.raises(InputError, match="logistic regression can be fitted without each fold"):
        aipw("took ~ x + never", df, outcome="y", folds=2, rng=1)
    df.loc[[3, 5], "y"] = np.nan
    df.loc[7, "z"] = np.nan
    table = aipw("took ~ x + z", df, outcome="y", trim=0.01)
    assert dict(table.n_dropped) == {"missing z": 1, "missing y": 2}
    assert table.n_used == len(df) - 3
    assert any(note.startswith("0 scores outside [0.01, 0.99]") for note in table.notes)
    assert len(repr(table).splitlines()) <= 15


def test_one_person_who_decides_is_said():
    rng = np.random.default_rng(2)
    x = np.append(rng.normal(size=199), 5.0)
    took = np.append((x[:199] > rng.normal(size=199) * 0.7).astype(int), 0)
    df = pd.DataFrame({"took": took, "x": x, "y": rng.normal(size=200)})
    notes = aipw("took ~ x", df, outcome="y").notes
    assert any("of the weight of 0: there is little overlap" in note for note in notes)
