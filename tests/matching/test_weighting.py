"""Weights: reference values, what they balance, and variances against what each row moves."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from evalkit.errors import InputError
from evalkit.kernels.entropy_balancing import entropy_fit
from evalkit.kernels.stable_weights import stable_fit
from evalkit.matching.weighting import weight
from evalkit.plots.effects import effect_plot

LALONDE = pd.read_csv(
    Path(__file__).parents[1] / "reference" / "matching" / "balance_rows.csv"
).set_index("id")
FULL = "treat ~ age + educ + race + married + nodegree + re74 + re75"


MINIMISE: Any = optimize.minimize


def effect(weighted: Any, *args: Any, **kwargs: Any) -> pd.Series[Any]:
    return weighted.effect("re78", *args, **kwargs).to_frame().iloc[0]


def test_reference_values_of_lalonde():
    # Computed in R 4.2.2 (MatchIt's lalonde): WeightIt's estimates, ESS and M-estimation.
    att = weight(FULL, LALONDE)
    assert effect(att)["estimate"] == pytest.approx(1214.0712, abs=5e-5)
    assert effect(att)["std_error"] == pytest.approx(798.1546, abs=5e-5)
    assert att.ess[0] == pytest.approx(99.8154, abs=5e-5)
    overlap = weight(FULL, LALONDE, method="overlap")
    assert overlap.estimand == "ATO"
    assert effect(overlap)["estimate"] == pytest.approx(1242.2006, abs=5e-5)
    ebal = weight("treat ~ age + educ + married + nodegree + re74", LALONDE, method="entropy")
    assert ebal.ess[0] == pytest.approx(252.1206, abs=5e-5)
    others = ebal.weights[LALONDE["treat"] == 0]
    assert others.min() == pytest.approx(0.0398, abs=5e-5)
    assert others.max() == pytest.approx(5.2466, abs=5e-5)


def test_fixed_weights_give_the_larger_robust_error_of_lm():
    # sandwich: vcovHC(lm(re78 ~ treat, weights = w), "HC0") in R 4.2.2.
    weighted = weight(FULL, LALONDE)
    w, treated = weighted.fit.weights, weighted.sample.treated
    y = LALONDE["re78"].to_numpy(dtype=float)
    square = 0.0
    for inside in (treated, ~treated):
        mean = w[inside] @ y[inside] / w[inside].sum()
        square += float(np.sum((w[inside] * (y[inside] - mean)) ** 2) / w[inside].sum() ** 2)
    assert np.sqrt(square) == pytest.approx(824.0517, abs=5e-5)


def small(seed: int = 11, n: int = 70, groups: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), (rng.random(n) < 0.4).astype(float)
    eta = np.column_stack([np.zeros(n), *[0.4 * k * x - 0.5 * z for k in range(1, groups)]])
    share = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    group = (rng.random(n)[:, None] > share.cumsum(axis=1)).sum(axis=1)
    y = 3 + x + group * (1 + 0.5 * z) + rng.normal(size=n)
    return pd.DataFrame({
        "took": group, "x": x, "z": z, "y": y, "won": (y > y.mean()).astype(float),
        "s": rng.uniform(0.5, 2.0, n), "office": rng.integers(0, 12, n),
    })  # fmt: skip


def moved(frame: pd.DataFrame, estimate: Any, step: float = 1e-4) -> Any:
    """How much each row moves an estimate: the derivative in its survey weight."""
    found: list[Any] = []
    for row in range(len(frame)):
        up, down = frame.copy(), frame.copy()
        up.loc[row, "s"] = frame.loc[row, "s"] * (1 + step)  # pyright: ignore[reportOperatorIssue]
        down.loc[row, "s"] = frame.loc[row, "s"] * (1 - step)  # pyright: ignore[reportOperatorIssue]
        found.append((estimate(up) - estimate(down)) / (2 * step))
    return np.array(found)


CALLS: list[dict[str, Any]] = [
    *({"estimand": e, **m} for e in ("ATT", "ATE", "ATC")
      for m in ({}, {"method": "entropy"}, {"method": "cbps"}, {"link": "probit"},
                {"link": "cloglog"})),
    {"method": "overlap"},
    {"estimand": "ATE", "stabilise": True},
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize(
    "after",
    [{}, {"covariates": "x + z"}, {"measure": "ratio"},
     {"outcome": "won", "covariates": "x", "model": "logit", "measure": "odds_ratio"}],
    ids=str,
)  # fmt: skip
def test_the_variance_is_what_each_row_moves(call: dict[str, Any], after: dict[str, Any]):
    # A row's influence is the derivative of the estimate in its survey weight, found here by
    # weighting the row up and down and fitting everything anew.
    df = small(n=32 if "model" not in after else 56)
    options = dict(after)
    outcome = options.pop("outcome", "y")

    def estimate(frame: pd.DataFrame) -> float:
        fitted = weight("took ~ x + z", frame, survey_weights="s", **call)
        value = fitted.effect(outcome, **options).to_frame()["estimate"].item()
        return float(np.log(value)) if "measure" in options else float(value)

    influence = moved(df, estimate)
    found = weight("took ~ x + z", df, survey_weights="s", **call).effect(outcome, **options)
    error = found.to_frame()["std_error"].item()
    assert error == pytest.approx(np.sqrt(np.sum(np.square(influence))), rel=2e-5)


@pytest.mark.parametrize("estimand", ["ATT", "ATE", "ATO"])
def test_the_variance_with_three_groups(estimand: str):
    df = small(groups=3, n=45)
    method = "overlap" if estimand == "ATO" else "ipw"
    call: dict[str, Any] = {"method": method, "estimand": estimand, "survey_weights": "s"}
    if estimand == "ATT":
        call["focal"] = 2

    def estimates(frame: pd.DataFrame) -> Any:
        return weight("took ~ x + z", frame, **call).effect("y").to_frame()["estimate"].to_numpy()

    influence = moved(df, estimates)
    found = weight("took ~ x + z", df, **call).effect("y").to_frame()
    assert found["contrast"].tolist() == ["1 - 0", "2 - 0"]
    np.testing.assert_allclose(
        found["std_error"], np.sqrt(np.square(influence).sum(axis=0)), rtol=2e-5
    )


def test_entropy_balancing_of_three_groups_moves_as_its_variance_says():
    df = small(groups=3, n=45)

    def estimates(frame: pd.DataFrame) -> Any:
        made = weight("took ~ x + z", frame, method="entropy", estimand="ATE", survey_weights="s")
        return made.effect("y").to_frame()

    influence = moved(df, lambda frame: estimates(frame)["estimate"].to_numpy())
    np.testing.assert_allclose(
        estimates(df)["std_error"], np.sqrt(np.square(influence).sum(axis=0)), rtol=2e-5
    )


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE"])
@pytest.mark.parametrize("method", ["entropy", "cbps", "stable"])
def test_the_means_agree(method: Any, estimand: Any):
    if (method, estimand) == ("cbps", "ATE"):
        return  # balances the groups with each other, not with the mean of all: below
    weighted = weight("took ~ x + z", small(), method=method, estimand=estimand, survey_weights="s")
    table = weighted.balance().to_frame()
    assert table["smd_adjusted"].abs().max() < 1e-9
    w, sample = weighted.fit.weights, weighted.sample
    assert sample.weights is not None
    chosen = {"ATT": sample.treated, "ATC": ~sample.treated}.get(estimand, sample.group >= 0)
    target = sample.weights[chosen] @ sample.matrix[chosen] / sample.weights[chosen].sum()
    for inside in (sample.treated, ~sample.treated):
        mean = w[inside] @ sample.matrix[inside] / w[inside].sum()
        np.testing.assert_allclose(mean, target, atol=1e-9)


def test_cbps_for_all_balances_the_groups_with_each_other():
    table = weight("took ~ x + z", small(), method="cbps", estimand="ATE").balance().to_frame()
    assert table["smd_adjusted"].abs().max() < 1e-9


def test_cbps_over_the_participants_is_entropy_balancing():
    one = weight("took ~ x + z", small(), method="cbps").weights
    other = weight("took ~ x + z", small(), method="entropy").weights
    ratio = (one / other)[small()["took"] == 0]
    np.testing.assert_allclose(ratio, ratio.iloc[0], rtol=1e-8)


def test_entropy_balancing_is_the_nearest_to_equal():
    df = small(n=24)
    inside = df["took"].to_numpy() == 0
    matrix = df[["x", "z"]].to_numpy()
    target = matrix[~inside].mean(axis=0)
    found = entropy_fit(matrix, inside, target).weights[inside]
    x = matrix[inside]
    solved = MINIMISE(
        lambda w: float(np.sum(w * np.log(w))), np.full(len(x), 1 / len(x)),
        jac=lambda w: np.log(w) + 1, bounds=[(1e-12, 1)] * len(x), method="SLSQP",
        constraints=[{"type": "eq", "fun": lambda w: np.append(w @ x - target, w.sum() - 1)}],
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    np.testing.assert_allclose(found, solved.x, atol=2e-6)


def test_beginning_on_some_of_the_rows_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    df = small(n=300)
    whole = weight("took ~ x + z", df, method="entropy", estimand="ATE")
    monkeypatch.setattr("evalkit.kernels.entropy_balancing._PART", 10)
    part = weight("took ~ x + z", df, method="entropy", estimand="ATE")
    np.testing.assert_allclose(part.weights, whole.weights, rtol=1e-9)


@pytest.mark.parametrize("tolerance", [0.0, 0.02, 0.2, 5.0])
@pytest.mark.parametrize("seed", range(4))
def test_stable_weights_are_the_least_variable(seed: int, tolerance: float):
    df = small(seed, n=26)
    inside = df["took"].to_numpy() == 0
    matrix = df[["x", "z"]].to_numpy()
    target = matrix[~inside].mean(axis=0)
    base = df["s"].to_numpy()
    delta = np.full(2, tolerance)
    found = stable_fit(matrix, inside, target, delta, base)
    x, s = matrix[inside], base[inside] / base[inside].sum()
    solved = MINIMISE(
        lambda w: float(np.sum(w**2 / s)), s, jac=lambda w: 2 * w / s, bounds=[(0, 1)] * len(x),
        method="SLSQP", options={"ftol": 1e-15, "maxiter": 1000},
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1},
            {"type": "ineq", "fun": lambda w: tolerance - (w @ x - target)},
            {"type": "ineq", "fun": lambda w: tolerance + (w @ x - target)},
        ],
    )  # fmt: skip
    assert found.reached
    own = found.weights[inside]
    assert np.sum(own**2 / s) <= solved.fun * (1 + 1e-7)
    np.testing.assert_allclose(own, solved.x, atol=5e-5)
    assert (np.abs(found.gap) <= delta + 1e-9).all()


def test_several_groups_are_scored_together():
    df = small(groups=3, n=300)
    binary = weight("took ~ x + z", df[df["took"] < 2], estimand="ATE")
    assert binary.ess.index.tolist() == [0, 1]
    three = weight("took ~ x + z", df, estimand="ATE")
    assert three.ess.index.tolist() == [0, 1, 2]
    table = three.balance().to_frame()
    assert table["contrast"].unique().tolist() == ["1 - 0", "2 - 0", "2 - 1"]
    assert table["smd_adjusted"].abs().max() < table["smd"].abs().max() / 2


def test_trimming_cuts_and_says_so():
    plain = weight(FULL, LALONDE)
    cut = weight(FULL, LALONDE, trim=0.98)
    others = LALONDE["treat"] == 0
    assert cut.weights[others].max() == pytest.approx(plain.weights[others].quantile(0.98))
    assert cut.fit.n_capped == int((plain.weights[others] > cut.weights[others].max()).sum()) == 9
    assert any("9 weights were cut at the 98th percentile" in note for note in cut.notes)


def test_clusters_and_subgroups():
    df = small(n=200)
    weighted = weight("took ~ x + z", df)
    alone = weighted.effect("y").to_frame().iloc[0]
    rows = weighted.effect("y", cluster="office").to_frame().iloc[0]
    assert rows["estimate"] == pytest.approx(alone["estimate"])
    assert rows["df"] == df["office"].nunique() - 1
    each = df.assign(own=np.arange(200))
    same = weight("took ~ x + z", each).effect("y", cluster="own").to_frame().iloc[0]
    factor = np.sqrt(200 / 199 * 199 / 198)
    assert same["std_error"] == pytest.approx(alone["std_error"] * factor)
    by = weighted.effect("y", by="z").to_frame()
    assert by["z"].tolist() == [0, 1]
    inside = weighted.data[df["z"] == 1]
    means = [np.average(p["y"], weights=p["weights"]) for _, p in inside.groupby("took")]
    assert by["estimate"][1] == pytest.approx(means[1] - means[0])


@pytest.mark.parametrize("covariates", [None, "x"])
@pytest.mark.parametrize("method", ["ipw", "entropy", "overlap"])
def test_the_variance_with_missing_outcomes_clusters_and_subgroups(method: Any, covariates: Any):
    # Who lacks the outcome, or is in another subgroup, moves the weights and so the estimate.
    df = small(n=60)
    df["y"] = df["y"].where(df.index % 5 > 0)

    def estimate(frame: pd.DataFrame, **options: Any) -> Any:
        fitted = weight("took ~ x + z", frame, method=method, survey_weights="s")
        return fitted.effect("y", covariates, **options).to_frame()

    influence = moved(df, lambda frame: estimate(frame)["estimate"].item())
    assert estimate(df)["std_error"].item() == pytest.approx(
        np.sqrt(influence @ influence), rel=2e-5
    )
    sums = np.bincount(df["office"], weights=influence)
    n, n_clusters = int(df["y"].notna().sum()), df["office"].nunique()
    k = 2 if covariates is None else 4
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    assert estimate(df, cluster="office")["std_error"].item() == pytest.approx(
        np.sqrt(factor * (sums @ sums)), rel=2e-5
    )
    each = moved(df, lambda frame: estimate(frame, by="z")["estimate"].to_numpy())
    np.testing.assert_allclose(
        estimate(df, by="z")["std_error"], np.sqrt(np.square(each).sum(axis=0)), rtol=2e-5
    )


def test_clusters_are_counted_where_by_is():
    df = small(n=200)
    df["z"] = (df["office"] < 3).astype(float)
    both = weight("took ~ x", df).effect("y", cluster="office", by="z").to_frame()
    assert both["df"].tolist() == [8, 2]


def test_equal_outcomes_have_exactly_no_effect():
    df = small().assign(y=2.1)
    calls: list[dict[str, Any]] = [{"estimand": "ATE"}, {"method": "entropy"}]
    for call in calls:
        for covariates in (None, "x + z"):
            result = weight("took ~ x + z", df, **call).effect("y", covariates)
            row = result.to_frame().iloc[0]
            assert row["estimate"] == row["std_error"] == 0.0
            assert np.isnan(row["p_value"])
            assert (
                "Everybody in 1 has the same y: the standard error holds only" in result.notes[-1]
            )


def test_a_group_without_events_says_what_is_not_known():
    df = small()
    df["won"] = df["won"] * df["took"]
    weighted = weight("took ~ x + z", df)
    plain = weighted.effect("won")
    assert any(note.startswith("Everybody in 0 has the same won") for note in plain.notes)
    for measure, word in (("ratio", "ratio"), ("odds_ratio", "odds ratio")):
        found = weighted.effect("won", measure=measure)  # pyright: ignore[reportArgumentType]
        assert found.to_frame()["estimate"].item() == np.inf
        assert f"the {word} has no standard error: see the difference" in found.notes[-1]


def test_one_person_has_no_standard_error():
    df = small()
    df = df[(df["took"] == 0) | (df.index == df.index[(df["took"] == 1) & (df["z"] == 0)][0])]
    result = weight("took ~ x", df, method="stable", tolerance=0.5).effect("y")
    assert np.isnan(result.to_frame()["std_error"].item())
    assert "No standard error: 1 person in 1 shows no spread." in result.notes


def test_by_must_not_be_called_as_a_column_of_the_result():
    df = small().assign(n=lambda d: d["z"], value=lambda d: d["z"])
    weighted = weight("took ~ x", df)
    with pytest.raises(InputError, match=r"by: must be columns that are not called.*got 'n'"):
        weighted.effect("y", by="n")
    assert weighted.effect("y", by="value").to_frame()["value"].tolist() == [0, 1]
    with pytest.raises(InputError, match="got nobody in 1 where took is 0"):
        weighted.effect("y", by="took")


def test_a_regression_that_cannot_be_fitted_names_columns_and_group():
    df = small().assign(only=lambda d: d["z"] * d["took"])
    weighted = weight("took ~ x + z", df)
    with pytest.raises(InputError, match=r"cannot be told from the others, in 0 \(at only\)"):
        weighted.effect("y", "x + only")
    df["won"] = df["won"] * df["took"]
    with pytest.raises(InputError, match=r"or separate the outcomes, in 0 \(at x\)"):
        weight("took ~ x + z", df).effect("won", "x", model="logit")


def test_ratios_can_be_drawn():
    table = weight("took ~ x + z", small()).effect("y", measure="ratio", by="z").to_frame()
    assert set(table["scale"]) == {"ratio"}
    assert effect_plot(table, lang="en").get_xlabel().startswith("Ratio")


def test_survey_weights_are_said():
    weighted = weight("took ~ x + z", small(), survey_weights="s")
    assert "Survey weights (s) enter the fit and multiply the weights." in weighted.notes


def test_balance_of_several_groups_is_in_the_focal_groups_units():
    df = small(groups=3, n=120)
    table = weight("took ~ x", df, focal=1).balance()
    shown = table.to_frame()
    means = df.groupby("took")["x"].mean()
    assert shown["smd"][1] == pytest.approx((means[2] - means[0]) / df["x"][df["took"] == 1].std())
    assert "SD in 1, before" in repr(table)


def test_missing_outcomes_are_counted():
    df = small()
    df.loc[[0, 5, 9], "y"] = np.nan
    result = weight("took ~ x + z", df).effect("y")
    assert result.n_used == 67
    assert dict(result.n_dropped) == {"missing y": 3}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"method": "overlap", "estimand": "ATT"}, "'ATO' for overlap weights, and only for them"),
        ({"estimand": "ATO"}, "'ATO' for overlap weights, and only for them"),
        ({"method": "entropy", "link": "probit"}, "link: must be left out unless method is 'ipw'"),
        ({"method": "cbps", "firth": True}, "firth: must be left out"),
        ({"tolerance": 0.1}, "tolerance: must be left out unless method is 'stable'"),
        ({"method": "stable", "tolerance": -1.0}, "tolerance: must be a number of at least 0"),
        ({"trim": 1.5}, "quantile of at least 0.5"),
        ({"trim": "a"}, "quantile of at least 0.5"),
        ({"method": "stable", "tolerance": "a"}, "tolerance: must be a number of at least 0"),
        ({"survey_weights": "ss"}, "survey_weights: must be a column of df"),
        ({"stabilise": True}, "used with estimand='ATE'"),
        ({"focal": 1}, "focal: must be left out"),
        ({"method": "ipw2"}, "method"),
        ({"link": "probit", "firth": True}, "firth: must be used with link='logit'"),
    ],
)
def test_arguments_that_do_not_belong_are_refused(call: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        weight("took ~ x + z", small(), **call)


def test_separation_names_the_covariate():
    df = small().assign(never=lambda d: (d["took"] == 0) & (d["x"] > 1))
    df["never"] = df["never"].astype(int)
    one = r"tends to 0 or 1 \(at never: 0 has 0 to 1, \d+ of \d+ beyond the others; 1 has 0 to 0\)"
    with pytest.raises(InputError, match=one + r".*firth=True"):
        weight("took ~ x + never", df)
    fitted = weight("took ~ x + never", df, firth=True)
    assert np.isfinite(fitted.weights).all()
    three = df.assign(took=small(groups=3, n=70)["took"].where(df["never"] == 0, 0))
    with pytest.raises(InputError, match=r"tends to 0 or 1 \(at never: 0 has"):
        weight("took ~ x + never", three, estimand="ATE")


@pytest.mark.parametrize("method", ["entropy", "stable", "cbps"])
def test_a_target_out_of_reach_names_the_covariate(method: Any):
    df = small()
    df.loc[df["took"] == 1, "z"] = 1.0
    df.loc[df["took"] == 0, "z"] = 0.0
    with pytest.raises(
        InputError, match=r"no weights of .* that meet.*\(at z: 0 has 0 to 0, .*too little over"
    ):
        weight("took ~ x + z", df, method=method)


def test_printed_pickled_and_drawn():
    weighted = weight(FULL, LALONDE)
    lines = repr(weighted).splitlines()
    assert len(lines) <= 15
    assert lines[0] == "Weights for ATT: effects over those who took part"
    assert lines[1] == "Inverse probability weights, logit"
    again = pickle.loads(pickle.dumps(weighted))
    assert effect(again)["std_error"] == effect(weighted)["std_error"]
    assert "<table>" in weighted._repr_html_()
    assert weighted.plot().get_xlim()[0] == 0
    assert len(weighted.plot_overlap().patches) == 60
    assert weighted.extreme(3).index.tolist()[3:] == (
        weighted.weights[LALONDE["treat"] == 0].nlargest(3).index.tolist()
    )
    with pytest.raises(InputError, match="n: must be"):
        weighted.extreme(-1)
    with pytest.raises(InputError, match="a method with a propensity score"):
        weight(FULL, LALONDE, method="entropy").plot_overlap()


def test_quantiles_are_drawn_before_and_after():
    weighted = weight("took ~ x + z", small(), survey_weights="s")
    after, before = weighted.plot_quantiles("x"), weighted.plot_quantiles("x", weighted=False)
    shown = [np.asarray(axes.lines[1].get_xdata(), dtype=float) for axes in (before, after)]
    df = small()
    mean = float(df["x"].to_numpy()[df["took"].to_numpy() == 1].mean())
    assert abs(shown[1].mean() - mean) < abs(shown[0].mean() - mean)
    assert after.get_xlabel() == "x, took: 0"
    with pytest.raises(InputError, match="plot_quantiles: must be two groups; got 3"):
        weight("took ~ x", small(groups=3), estimand="ATE").plot_quantiles("x")
    with pytest.raises(InputError, match="lang"):
        weighted.plot_overlap(lang="de")  # pyright: ignore[reportArgumentType]


def test_survey_weights_are_repetitions_of_people():
    df = small(n=40)
    counts = np.arange(40) % 3 + 1
    calls: list[dict[str, Any]] = [
        {}, {"method": "entropy"}, {"method": "cbps", "estimand": "ATE"}, {"method": "stable"},
    ]  # fmt: skip
    for call in calls:
        weighted = weight("took ~ x + z", df.assign(s=counts), survey_weights="s", **call)
        repeated = df.loc[df.index.repeat(counts)].reset_index(drop=True)
        plain = weight("took ~ x + z", repeated, **call)
        assert weighted.effect("y").to_frame()["estimate"].item() == pytest.approx(
            plain.effect("y").to_frame()["estimate"].item(), rel=1e-8
        )


def test_units_and_order_change_nothing():
    df = small(n=60)
    mixed = df.sample(frac=1, random_state=4).assign(x=lambda d: 1000 * d["x"] - 7)
    calls: list[dict[str, Any]] = [
        {}, {"method": "entropy"}, {"method": "cbps", "estimand": "ATE"}, {"method": "overlap"},
        {"method": "stable", "tolerance": 0.05}, {"estimand": "ATE"},
    ]  # fmt: skip
    far = df.assign(x=lambda d: d["x"] + 1e7)
    tiny = df.assign(x=lambda d: 1e-9 * d["x"])
    for call in calls:
        one, other = weight("took ~ x + z", df, **call), weight("took ~ x + z", mixed, **call)
        np.testing.assert_allclose(other.weights[df.index], one.weights, rtol=1e-6, atol=1e-9)
        for frame in (mixed, far, tiny):
            again = weight("took ~ x + z", frame, **call).effect("y").to_frame().iloc[0]
            first = one.effect("y").to_frame().iloc[0]
            for name in ("estimate", "std_error"):
                assert again[name] == pytest.approx(first[name], rel=1e-6)
