"""``match``: what it guarantees, what it says, and what it refuses."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching import Matched, match
from evalkit.matching.common_support import crump_limit, discarded_rows

FORM = "took ~ age + income + woman"


def drawn(n: int = 300, seed: int = 1) -> pd.DataFrame:
    """Draw people of whom a third took part, with an effect of 2."""
    r = np.random.default_rng(seed)
    df = pd.DataFrame({
        "age": r.integers(20, 65, n),
        "income": r.normal(25, 6, n).round(1),
        "woman": r.integers(0, 2, n),
        "region": r.choice(["Nord", "Syd", "Väst"], n),
    })  # fmt: skip
    p = 1 / (
        1 + np.exp(1 - 0.03 * (df["age"] - 42) + 0.06 * (df["income"] - 25) - 0.5 * df["woman"])
    )
    df["took"] = (r.random(n) < p).astype(int)
    df["outcome"] = df["age"] / 10 + 2 * df["took"] + r.normal(0, 1, n)
    return df.set_index(pd.Index([f"p{k:04d}" for k in r.permutation(n)], name="id"))


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    return drawn()


METHODS: dict[str, dict[str, Any]] = {
    "nearest": {},
    "caliper": {"caliper": 0.1},
    "covariate calipers": {"caliper": {"age": 0.3, "income": 0.5, "propensity": 0.4}},
    "own units": {"caliper": {"age": 3}, "std_caliper": False},
    "exact": {"exact": ["region", "woman"], "caliper": 0.2},
    "antiexact": {"antiexact": "region"},
    "ratio": {"ratio": 2, "caliper": 0.2},
    "variable": {"ratio": 1.5, "ratio_limits": (1, 3)},
    "replace": {"replace": True, "ratio": 2},
    "reuse": {"replace": True, "reuse_max": 2},
    "closest": {"order": "closest", "caliper": 0.2},
    "smallest": {"order": "smallest"},
    "mahalanobis": {"distance": "mahalanobis", "caliper": 1},
    "mahalanobis and score": {"distance": "mahalanobis", "caliper": {"propensity": 0.2}},
    "robust": {"distance": "robust_mahalanobis", "exact": "woman"},
    "linear": {"distance": "linear_propensity", "link": "probit", "caliper": 0.2},
    "controls": {"estimand": "ATC", "replace": True},
    "optimal": {"method": "optimal", "caliper": 0.1},
    "optimal 1:2": {"method": "optimal", "ratio": 2, "distance": "mahalanobis"},
    "full": {"method": "full", "caliper": 0.3},
    "full, limits": {"method": "full", "ratio_limits": (1 / 6, 9), "estimand": "ATE"},
    "cem": {"method": "cem", "cutpoints": {"age": 4, "income": [20, 30]}},
    "subclass": {"method": "subclass", "subclasses": 6, "estimand": "ATE"},
    "cardinality": {"method": "cardinality", "seconds": 2},
    "profile": {"method": "profile", "tolerance": {"age": 0.02}, "seconds": 2},
    "crump": {"discard": "crump"},
    "limits": {"discard": (0.2, 0.8)},
    "both": {"discard": "both", "firth": True},
}
SAME_FOR_ANY_ORDER = [name for name in METHODS if name not in ("cardinality", "profile")]


@pytest.fixture(scope="module")
def results(df: pd.DataFrame) -> dict[str, Matched]:
    return {name: match(FORM, df, **options) for name, options in METHODS.items()}


@pytest.mark.parametrize("name", METHODS)
def test_what_every_result_holds(df: pd.DataFrame, results: dict[str, Matched], name: str) -> None:
    found, options = results[name], METHODS[name]
    weights, n = found.weights, found.n
    assert weights.index.equals(df.index)
    took = df["took"] == 1
    assert n.loc["matched", "treated"] == (weights[took] > 0).sum()
    assert (n.loc[["matched", "unmatched", "discarded"]].sum() == n.loc["all"]).all()
    data = found.data
    assert data.index.equals(df.index[weights > 0])
    np.testing.assert_array_equal(data["weights"], weights[weights > 0])
    for group in (took, ~took):
        assert weights[group].sum() == pytest.approx((weights[group] > 0).sum())
        w = weights[group]
        assert found.ess[int(group.eq(took).all())] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    pairs = found.pairs
    if len(pairs):
        assert set(pairs["treated"]) == set(data.index[data["took"] == 1])
        assert set(pairs["control"]) == set(data.index[data["took"] == 0])
        assert not pairs.duplicated(["treated", "control"]).any()
        if not options.get("replace"):
            for side in ("treated", "control"):
                np.testing.assert_array_equal(
                    data.loc[pairs[side], "subclass"].astype(int), pairs["subclass"]
                )
    again = pickle.loads(pickle.dumps(found))
    assert repr(again) == repr(found)
    assert len(repr(found).splitlines()) <= 15
    assert "Estimand" in repr(found)
    assert "<table" in found._repr_html_()
    pd.testing.assert_frame_equal(found.to_frame(), data)
    lost = found.unmatched
    focal = {"ATT": took, "ATC": ~took}.get(found.estimand, took | ~took)
    assert set(lost.index) == set(df.index[focal & (weights == 0)])
    assert (len(lost) > 0) == ("unmatched" in found.target)
    assert (len(found.unmatched_profile()) > 0) == (len(lost) > 0)


@pytest.mark.parametrize("name", METHODS)
def test_calipers_strata_and_reuse_hold_for_every_pair(
    df: pd.DataFrame, results: dict[str, Matched], name: str
) -> None:
    found, options = results[name], METHODS[name]
    pairs = found.pairs
    one, zero = df.loc[pairs["treated"]], df.loc[pairs["control"]]
    exact = options.get("exact", [])
    for column in [exact] if isinstance(exact, str) else exact:
        assert (one[column].to_numpy() == zero[column].to_numpy()).all()
    if "antiexact" in options:
        assert (one["region"].to_numpy() != zero["region"].to_numpy()).all()
    if "replace" not in options and found.method in ("nearest", "optimal"):
        assert pairs["control"].is_unique
    if "reuse_max" in options:
        assert pairs["control"].value_counts().max() <= options["reuse_max"]
    caliper = options.get("caliper", {})
    named = caliper if isinstance(caliper, dict) else {"distance": caliper}
    score = None if found.score is None else pd.Series(found.score, index=df.index)
    for column, size in named.items():
        if column == "distance" and str(options.get("distance", "")).startswith("mahalanobis"):
            assert (pairs["distance"] <= size).all()
            continue
        values: Any = score if column in ("distance", "propensity") else df[column]
        width = size * (values.std() if options.get("std_caliper", True) else 1)
        away = np.abs(values[pairs["treated"]].to_numpy() - values[pairs["control"]].to_numpy())
        assert (away <= width).all()
    if found.method in ("nearest", "optimal"):
        focal = "control" if options.get("estimand") == "ATC" else "treated"
        most = options.get("ratio_limits", (0, options.get("ratio", 1)))[1]
        assert pairs[focal].value_counts().max() <= most


@pytest.mark.parametrize("name", SAME_FOR_ANY_ORDER)
def test_the_order_of_rows_does_not_matter(
    df: pd.DataFrame, results: dict[str, Matched], name: str
) -> None:
    mixed = df.sample(frac=1, random_state=3)
    again = match(FORM, mixed, **METHODS[name])
    np.testing.assert_allclose(again.weights[df.index], results[name].weights, rtol=1e-6)
    key = ["treated", "control"]
    first = results[name].pairs.sort_values(key)[key].to_numpy().tolist()
    assert again.pairs.sort_values(key)[key].to_numpy().tolist() == first


@pytest.mark.parametrize("name", ["nearest", "caliper", "mahalanobis", "robust", "closest", "full"])
def test_rows_sorted_by_label_give_the_same(
    df: pd.DataFrame, results: dict[str, Matched], name: str
) -> None:
    again = match(FORM, df.sort_index(), **METHODS[name])
    key = ["treated", "control"]
    first = results[name].pairs.sort_values(key)[key].to_numpy().tolist()
    assert again.pairs.sort_values(key)[key].to_numpy().tolist() == first


@pytest.mark.parametrize("name", ["nearest", "ratio", "mahalanobis", "full", "optimal", "cem"])
def test_swapping_the_groups_swaps_the_estimand(df: pd.DataFrame, name: str) -> None:
    options = METHODS[name] | {"method": METHODS[name].get("method", "nearest")}
    swapped = df.assign(took=1 - df["took"])
    one = match(FORM, df, estimand="ATT", **options)
    other = match(FORM, swapped, estimand="ATC", **options)
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-6)


def test_order_data_goes_by_the_rows(df: pd.DataFrame) -> None:
    same = df.assign(took=[1, 0, 0] * 100, woman=[0, 0, 1, 1, 1, 0] * 50)
    first = match("took ~ woman", same, order="data", exact="woman").pairs.iloc[0]
    assert (first["treated"], first["control"]) == (same.index[0], same.index[1])
    by_label = match("took ~ woman", same, order="largest", exact="woman").pairs["control"]
    zero = same[(same["took"] == 0) & (same["woman"] == 0)].index
    mine = set(by_label) & set(zero)
    assert mine == set(sorted(zero)[: len(mine)])


def test_a_random_order_can_be_repeated(df: pd.DataFrame) -> None:
    one, two, three = (match(FORM, df, order="random", rng=s).pairs for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(three)


def test_distances_may_be_given(df: pd.DataFrame) -> None:
    fitted = match(FORM, df, caliper=0.2)
    score = pd.Series(fitted.score, index=df.index).sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(match(FORM, df, distance=score, caliper=0.2).pairs, fitted.pairs)
    took = df["took"] == 1
    table = pd.DataFrame(
        np.abs(score[df.index[took]].to_numpy()[:, None] - score[df.index[~took]].to_numpy()),
        index=df.index[took], columns=df.index[~took],
    )  # fmt: skip
    for method in ("nearest", "optimal", "full"):
        order: Any = {"order": "closest"} if method == "nearest" else {}
        by_table = match(FORM, df, method=method, distance=table.iloc[::-1], **order)
        by_score = match(FORM, df, method=method, distance=score, **order)
        assert by_table.pairs["distance"].sum() == pytest.approx(by_score.pairs["distance"].sum())

    def city_block(x: Any, y: Any) -> Any:
        return np.abs(x[:, None] - y).sum(axis=2)

    found = match(FORM, df, distance=city_block, estimand="ATC", replace=True)
    assert "city_block" in found.description
    pair = found.pairs.iloc[0]
    columns = ["age", "income", "woman"]
    away = (df.loc[pair["treated"], columns] - df.loc[pair["control"], columns]).abs().sum()
    assert pair["distance"] == pytest.approx(away)


def test_survey_weights_multiply(df: pd.DataFrame) -> None:
    weighted = df.assign(w=1.0 + np.arange(len(df)) % 3)
    found = match(FORM, weighted, survey_weights="w", ratio=2)
    assert "survey weights" in " ".join(found.notes)
    took = df["took"] == 1
    pd.testing.assert_series_equal(
        found.weights[took & (found.weights > 0)],
        weighted["w"][took & (found.weights > 0)],
        check_names=False,
    )
    strata = match("took ~ woman + region", weighted, method="exact", survey_weights="w")
    repeated = weighted.loc[weighted.index.repeat(weighted["w"].astype(int))]
    again = match("took ~ woman + region", repeated.reset_index(), method="exact")
    sums = again.weights.groupby(repeated.index.to_numpy()).sum()
    np.testing.assert_allclose(strata.weights.sort_index(), sums.sort_index(), rtol=1e-10)


def test_balance_and_effect_follow(results: dict[str, Matched]) -> None:
    for name in ("nearest", "full", "cem", "replace", "cardinality"):
        found = results[name]
        assert np.isfinite(found.balance().largest)
        effect = found.effect("outcome", covariates="age").to_frame().iloc[0]
        assert effect["estimate"] == pytest.approx(2, abs=5 * effect["std_error"])
    data = results["caliper"].data
    plain = data.groupby("took")["outcome"].mean()
    effect = results["caliper"].effect("outcome")
    assert effect.to_frame()["estimate"].item() == pytest.approx(plain[1] - plain[0])
    assert any("no longer ATT" in note for note in effect.notes)
    assert any("used again" in note for note in results["replace"].effect("outcome").notes)


def test_effects_for_controls_are_averaged_over_them(df: pd.DataFrame) -> None:
    varied = df.assign(outcome=df["took"] * df["age"] + 3 * df["income"])
    for estimand in ("ATT", "ATC", "ATE"):
        found = match("took ~ woman", varied, method="exact", estimand=estimand)
        effect = found.effect("outcome", covariates="age + income").to_frame()
        whom = {"ATT": df["took"] == 1, "ATC": df["took"] == 0}.get(estimand, df["age"] > 0)
        assert effect["estimate"].item() == pytest.approx(df.loc[whom, "age"].mean())


def test_clusters_may_be_a_column(df: pd.DataFrame) -> None:
    found = match(FORM, df, exact="region")
    effect = found.effect("outcome", cluster="region")
    assert any("Clusters are those of region" in note for note in effect.notes)
    estimate = found.effect("outcome").to_frame()["estimate"].item()
    assert effect.to_frame()["estimate"].item() == pytest.approx(estimate)
    with pytest.raises(InputError, match="rows are in no sets, or in several"):
        match(FORM, df, replace=True).effect("outcome", cluster="subclass")


def test_fewer_candidates_than_asked_for_are_told(df: pd.DataFrame) -> None:
    found = match(FORM, df, ratio=4)
    few = (found.pairs["treated"].value_counts() < 4).sum()
    assert any(note.startswith(f"{few} of ") for note in found.notes)


def test_samples_chosen_for_their_means_are_balanced(results: dict[str, Matched]) -> None:
    table = results["cardinality"].balance().to_frame()
    assert table["smd_adjusted"].abs().max() <= 0.05
    table = results["profile"].balance().to_frame().set_index("variable")
    assert table["smd_adjusted"].abs()["age"] <= 0.02


def test_profile_matching_for_everybody(df: pd.DataFrame) -> None:
    found = match(FORM, df, method="profile", estimand="ATE", tolerance=0.1, seconds=5)
    data = found.data
    for _, part in data.groupby("took"):
        spread = np.sqrt((df[df["took"] == 1]["age"].var() + df[df["took"] == 0]["age"].var()) / 2)
        assert abs(part["age"].mean() - df["age"].mean()) <= 0.1 * spread


def test_a_plot_can_be_drawn(results: dict[str, Matched]) -> None:
    import matplotlib.pyplot as plt

    axes = results["nearest"].plot()
    assert axes.get_figure() is not None
    plt.close("all")


# What can go wrong, and what is said then.


def test_participants_whom_the_caliper_drops_change_the_estimand() -> None:
    df = drawn(120, seed=5)
    df.loc[df["took"] == 1, "age"] += 25
    found = match("took ~ age", df, caliper=0.05)
    lost, n = len(found.unmatched), int((df["took"] == 1).sum())
    assert found.target.startswith(
        f"{lost} of {n} participants unmatched: the estimand is no longer ATT"
    )
    profile = found.unmatched_profile()
    assert profile["variable"].tolist()[0] == "age"
    assert profile["difference"].tolist()[0] > 0


def test_no_overlap_tells_the_ranges() -> None:
    df = pd.DataFrame({"took": [1, 1, 1, 0, 0, 0], "s": [9.0, 8, 7, 3, 2, 1], "x": range(6)})
    with pytest.raises(
        InputError, match=r"no common support: scores of 3 participants from 7 to 9"
    ):
        match("took ~ x", df, distance=df["s"])


def test_covariates_that_do_not_overlap_are_named(df: pd.DataFrame) -> None:
    far = df.assign(age=df["age"] + 100 * df["took"])
    found = match(FORM, far, distance="mahalanobis")
    assert any(note.startswith("The groups do not overlap: age: part") for note in found.notes)
    assert not match(FORM, df, distance="mahalanobis").notes


def test_separation_names_the_covariate(df: pd.DataFrame) -> None:
    sure = df.assign(applied=df["took"] * (df["age"] > 40))
    with pytest.raises(InputError, match=r"separation by applied .*firth=True"):
        match(FORM + " + applied", sure)
    found = match(FORM + " + applied", sure, firth=True)
    assert np.isfinite(found.score if found.score is not None else np.nan).all()


def test_strata_with_fewer_controls_are_listed(df: pd.DataFrame) -> None:
    few = df[(df["region"] != "Syd") | (df["took"] == 1) | (df["age"] > 60)]
    found = match(FORM, few, exact="region")
    n0 = int(((few["region"] == "Syd") & (few["took"] == 0)).sum())
    n1 = int(((few["region"] == "Syd") & (few["took"] == 1)).sum())
    assert any(f"in 1 stratum: region Syd ({n0} for {n1})" in note for note in found.notes)
    assert not match(FORM, few, exact="region", replace=True).target.count("unmatched")
    crowded = df.drop(df.index[(df["took"] == 0)][40:])
    assert any("Fewer controls (40)" in note for note in match(FORM, crowded).notes)


def test_reuse_is_told(results: dict[str, Matched]) -> None:
    assert any("bootstrap does not hold" in note for note in results["replace"].notes)


def test_a_large_weight_is_told() -> None:
    df = pd.DataFrame({"took": [1] * 60 + [0] * 60, "x": [1] * 50 + [0] * 10 + [1] + [0] * 59})
    found = match("took ~ x", df, method="exact")
    assert any("One control has 83 % of the weight" in note for note in found.notes)


def test_missing_values_are_counted_where_they_matter(df: pd.DataFrame) -> None:
    holes = df.astype({"age": float})
    holes.iloc[0, holes.columns.get_loc("age")] = np.nan  # type: ignore[index]
    holes.iloc[1, holes.columns.get_loc("region")] = None  # type: ignore[index]
    holes.iloc[2, holes.columns.get_loc("outcome")] = np.nan  # type: ignore[index]
    assert dict(match(FORM, holes).sample.n_dropped) == {"missing age": 1}
    found = match(FORM, holes, exact="region")
    assert dict(found.sample.n_dropped) == {"missing age": 1, "missing region": 1}


def test_covariates_that_tell_nothing_are_named(df: pd.DataFrame) -> None:
    more = df.assign(one=1, months=df["age"] * 12)
    notes = " ".join(match(FORM + " + one + months", more).notes)
    assert "one is left out" in notes
    assert "months is left out" in notes


def test_the_same_person_twice_is_refused(df: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="same person in both groups"):
        match(FORM, pd.concat([df, df.iloc[:2]]))


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"method": "cem", "caliper": 0.2}, "caliper"),
        ({"method": "exact", "distance": "mahalanobis"}, "distance"),
        ({"method": "optimal", "replace": True}, "replace"),
        ({"method": "optimal", "order": "data"}, "order"),
        ({"method": "full", "ratio": 2}, "ratio"),
        ({"method": "subclass", "exact": "region"}, "exact"),
        ({"method": "profile", "ratio": 2}, "ratio"),
        ({"method": "cardinality", "survey_weights": "age"}, "survey_weights"),
        ({"subclasses": 5}, "subclasses"),
        ({"cutpoints": 3}, "cutpoints"),
        ({"tolerance": 0.1}, "tolerance"),
        ({"reuse_max": 2}, "reuse_max"),
        ({"std_caliper": False}, "std_caliper"),
        ({"method": "subclass", "distance": "mahalanobis", "discard": "both"}, "distance"),
        ({"rng": 1}, "rng"),
        ({"distance": "mahalanobis", "link": "probit"}, "link"),
        ({"distance": "mahalanobis", "firth": True}, "firth"),
        ({"method": "cem", "discard": "both"}, "discard"),
    ],
)
def test_arguments_that_would_be_ignored_are_refused(
    df: pd.DataFrame, options: dict[str, Any], argument: str
) -> None:
    with pytest.raises(InputError, match=f"^{argument}: "):
        match(FORM, df, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "nearst"}, "method: must be one of"),
        ({"estimand": "ATE"}, "estimand: must be 'ATT' or 'ATC'"),
        ({"ratio": 0}, "ratio: must be a whole number of at least 1"),
        ({"ratio": 1.5}, "ratio: must be a whole number"),
        ({"ratio": 3, "ratio_limits": (1, 2)}, "ratio_limits: must be .fewest, most. around ratio"),
        ({"ratio_limits": 3}, "ratio_limits: must be a pair"),
        ({"ratio_limits": (1, 3)}, "ratio_limits: must be .fewest, most. around ratio; got .1, 3"),
        ({"caliper": -0.1}, "caliper: must be a number of at least 0"),
        ({"caliper": {"agee": 0.2}}, "Did you mean 'age'"),
        ({"caliper": {"region": 0.2}}, "caliper: must be a column of numbers"),
        ({"caliper": {"distance": 0.1, "propensity": 0.1}}, "caliper: must be one caliper"),
        (
            {"caliper": {"income": 0}, "antiexact": "income"},
            "df: must be at least one pair within the calipers and strata; got none; scores of",
        ),
        ({"exact": "regio"}, "Did you mean 'region'"),
        ({"exact": "region", "antiexact": "region"}, "antiexact: must be other columns than exact"),
        ({"order": "first"}, "order: must be one of"),
        ({"order": "largest", "distance": "mahalanobis"}, "order: must be used with a score"),
        ({"distance": "euclidean"}, "distance: must be one of"),
        ({"distance": "age"}, "A column of scores is given as df"),
        ({"distance": np.zeros(300)}, "distance: must be one of"),
        ({"discard": "some"}, "discard: must be one of"),
        ({"discard": (0.9, 0.1)}, "discard: must be one of"),
        ({"discard": (0.98, 0.99)}, r"discard: must be a rule that leaves.*got \(0.98, 0.99\);"),
        ({"link": "log"}, "link: must be one of"),
        ({"firth": True, "link": "probit"}, "firth: must be False unless"),
        ({"method": "subclass", "distance": "mahalanobis"}, "distance: must be a score"),
        ({"method": "cem", "cutpoints": {"age": [30, 20]}}, "cutpoints: must be a number of bins"),
        ({"method": "cem", "cutpoints": {"height": 3}}, "cutpoints: must be for variables"),
        ({"method": "cardinality", "tolerance": -1}, "tolerance: must be a number of at least 0"),
        ({"method": "cardinality", "tolerance": {"x": 1}}, "tolerance: must be for covariates"),
        ({"method": "cardinality", "seconds": 0}, "seconds: must be a positive number"),
        ({"method": "full", "ratio_limits": (1, 2)}, "ratio_limits: must be limits that everybody"),
        ({"method": "full", "ratio_limits": (0.4, 2)}, "ratio_limits: must be whole numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(df: pd.DataFrame, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        match(FORM, df, **options)


def test_given_distances_are_checked(df: pd.DataFrame) -> None:
    score = pd.Series(np.linspace(0, 1, len(df)), index=df.index)
    with pytest.raises(InputError, match="none for 1 rows"):
        match(FORM, df, distance=score.iloc[1:])
    with pytest.raises(InputError, match="a finite score for every row; got 1"):
        match(FORM, df, distance=score.mask(score == 0))
    took = df["took"] == 1
    table = pd.DataFrame(1.0, index=df.index[took], columns=df.index[~took])
    with pytest.raises(InputError, match="whose rows are the index labels of the participants"):
        match(FORM, df, distance=table.T)
    with pytest.raises(InputError, match="distances of at least 0"):
        match(FORM, df, distance=-table)
    with pytest.raises(InputError, match="their caliper is in their own units"):
        match(FORM, df, distance=table, caliper=1)
    with pytest.raises(InputError, match="distances of shape"):
        match(FORM, df, distance=lambda x, y: x @ y.T @ y)


def test_distances_that_are_no_numbers_are_refused(df: pd.DataFrame) -> None:
    took = df["took"] == 1
    table = pd.DataFrame("far", index=df.index[took], columns=df.index[~took])
    with pytest.raises(InputError, match="distance: must be a column of numbers"):
        match(FORM, df, distance=df["region"])
    for distance in (table, lambda *_: [["far"]]):
        with pytest.raises(InputError, match="distance: must be a table of numbers"):
            match(FORM, df, distance=distance)


def test_without_covariates_there_is_nothing_to_be_near_in(df: pd.DataFrame) -> None:
    for distance in ("propensity", "mahalanobis"):
        with pytest.raises(InputError, match=r"at least one covariate.*method='exact'"):
            match("took ~ 1", df, exact="region", distance=distance)


def test_numbers_of_any_storage_are_coarsened(df: pd.DataFrame) -> None:
    found = match("took ~ age + region", df, method="cem")
    for other in (df.astype(object), df.convert_dtypes(dtype_backend="pyarrow")):
        again = match("took ~ age + region", other, method="cem")
        np.testing.assert_array_equal(again.weights, found.weights)


def test_what_is_printed_says_all_sizes_and_fits(df: pd.DataFrame) -> None:
    found = match(
        FORM,
        df.assign(one=1, some=df["income"] * 2, w=1 + df["age"] % 3),
        exact="region",
        caliper={"distance": 0.3, "age": 0.9, "income": 0.9},
        ratio=4,
        replace=True,
        reuse_max=2,
        survey_weights="w",
        discard="both",
        order="smallest",
    )
    lines = repr(found).splitlines()
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 100
    n = found.n
    for group in ("treated", "control"):
        (line,) = (line for line in lines if line.startswith(group))
        sizes = n.loc[(n > 0).any(axis=1), group]
        np.testing.assert_allclose([float(v) for v in line.split()[1:]], sizes, atol=0.05)
    weights = found.weights
    weights[:] = 0.0
    assert found.weights.sum() > 0


def test_a_caliper_that_could_mean_two_things_is_refused(df: pd.DataFrame) -> None:
    for name in ("distance", "propensity"):
        with pytest.raises(InputError, match=f"'{name}', which is a column of df too"):
            match(FORM, df.assign(**{name: df["age"]}), caliper={name: 0.2})
    match(FORM, df.assign(distance=1), caliper=0.2)


def test_one_participant(df: pd.DataFrame) -> None:
    one = df[(df["took"] == 0) | (df.index == df.index[df["took"] == 1][0])]
    found = match("took ~ age", one, ratio=4, distance="mahalanobis")
    assert found.target == "ATT, the effect on one participant"
    table = found.effect("outcome")
    assert np.isfinite(table.to_frame()["estimate"].item())
    assert np.isnan(table.to_frame()["std_error"].item())
    assert any("1 person in 1" in note for note in table.notes)


def test_a_level_with_one_pair_has_no_standard_error(df: pd.DataFrame) -> None:
    found = match(FORM, df, caliper=0.5)
    first = found.pairs.iloc[0]
    alone = df.index.isin([first["treated"], first["control"]])
    found = match(FORM, df.assign(part=np.where(alone, "one", "rest")), caliper=0.5)
    table = found.effect("outcome", by="part").to_frame().set_index("part")
    assert table["std_error"].isna().tolist() == [True, False]


def test_clusters_within_a_level(df: pd.DataFrame) -> None:
    found = match(FORM, df)
    table = found.effect("outcome", cluster="region", by="region")
    assert table.to_frame()["std_error"].isna().all()
    assert "No standard error where everybody is in one cluster." in table.notes
    with pytest.raises(InputError, match="cluster: must be a column with at least two clusters"):
        match(FORM, df.assign(office=1)).effect("outcome", cluster="office")


def test_broken_pairs_are_told(df: pd.DataFrame) -> None:
    some = match(FORM, df).pairs["control"][:3]
    df = df.assign(outcome=df["outcome"].mask(df.index.isin(some)))
    table = match(FORM, df).effect("outcome")
    assert dict(table.n_dropped)["missing outcome"] == 3
    assert any(note.startswith("3 of the matched lack a value; their") for note in table.notes)
    assert not any("lack a value" in note for note in match(FORM, df).effect("income").notes)


def test_exact_matching_needs_values_in_common() -> None:
    df = pd.DataFrame({"took": [1, 1, 0, 0], "x": list("aabb")})
    with pytest.raises(InputError, match="some combination occurs in both groups"):
        match("took ~ x", df, method="exact")


def test_names_of_the_result_may_not_be_taken(df: pd.DataFrame) -> None:
    found = match(FORM, df.assign(weights=1))
    with pytest.raises(InputError, match="without columns named distance, weights, subclass"):
        _ = found.data
    with pytest.raises(InputError, match="without columns named reason"):
        _ = match(FORM, df.assign(reason=1)).unmatched


def test_the_rule_of_crump_minimises_what_it_should() -> None:
    r = np.random.default_rng(9)
    e = r.beta(0.3, 0.6, 400).clip(1e-4, 1 - 1e-4)
    limit = crump_limit(e)
    assert 0 < limit < 0.5
    g = 1 / (e * (1 - e))

    def variance(a: float) -> float:
        kept = (e >= a) & (e <= 1 - a)
        return float(g[kept].sum() / kept.sum() ** 2)

    assert variance(limit) == pytest.approx(
        min(variance(a) for a in np.linspace(0, 0.3, 3001)), rel=1e-3
    )
    out, words = discarded_rows("crump", None, e, e, np.arange(400) < 200)
    assert out.sum() == ((e < limit) | (e > 1 - limit)).sum() > 0
    assert "Crump" in words
