"""Matching with replacement: R's Matching, brute force, and the spread over repeated samples."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit.matching.matching_variance as module
from evalkit.errors import InputError
from evalkit.kernels.tied_neighbours import nearest_with_ties
from evalkit.matching.matching_variance import matching_estimator

HERE = Path(__file__).parents[1] / "reference" / "matching"
ROWS = pd.read_csv(HERE / "abadie_imbens_rows.csv")
EXPECTED = pd.read_csv(HERE / "abadie_imbens_expected.csv")
FULL = "treat ~ age + educ + black + hisp + married + nodegr + re74 + re75"


def first(*args: Any, **kwargs: Any) -> pd.Series[Any]:
    return matching_estimator(*args, **kwargs).to_frame().iloc[0]


def test_matching_of_r():
    # Matching 4.10-8 in R 4.2.2: abadie_imbens.R.
    for row in EXPECTED.to_dict("records"):
        call: dict[str, Any] = {
            "variance": "heteroscedastic" if row["neighbours"] else "homoscedastic",
            **({"neighbours": row["neighbours"]} if row["neighbours"] else {}),
        }
        found = first(
            FULL, ROWS, outcome="re78", distance=row["distance"], n_matches=row["m"],
            bias_adjusted=row["adjusted"], estimand=row["estimand"], **call,
        )  # fmt: skip
        assert found["estimate"] == pytest.approx(row["estimate"], rel=1e-9)
        assert found["std_error"] == pytest.approx(row["std_error"], rel=1e-9)


def test_published_values():
    # Computed in R 4.2.2 with Matching 4.10-8.
    one = first(FULL, ROWS, outcome="re78", variance="homoscedastic")
    assert round(one["estimate"], 4) == 2108.9037
    assert round(one["std_error"], 4) == 887.0187


def by_hand(y: Any, t: Any, z: Any, m: int, target: str) -> tuple[float, Any]:
    """Match everybody with everybody else by loops, in whole numbers of distance."""
    effects: list[float] = []
    uses = np.zeros(len(y))
    for i in range(len(y)):
        if target != "ATE" and t[i] != (target == "ATT"):
            continue
        others = np.flatnonzero(t != t[i])
        apart = np.abs(z[others] - z[i]).astype(float) ** 2
        apart = apart.sum(axis=1)
        near = others[apart <= np.sort(apart)[m - 1]]
        effects.append((y[i] - y[near].mean()) * (1 if t[i] else -1))
        uses[near] += 1 / len(near)
    return float(np.mean(effects)), uses


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(["ATT", "ATE", "ATC"]))
def test_brute_force(seed: int, m: int, target: Any):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(12, 40)), int(rng.integers(1, 4))
    t = np.arange(n) % int(rng.integers(2, 3)) == 0
    t = rng.permutation(t)
    if min(t.sum(), n - t.sum()) < m + 1:
        return
    z = rng.integers(0, int(rng.integers(2, 8)), size=(n, d)).astype(float)
    y = rng.integers(0, 9, n).astype(float)
    links = nearest_with_ties(z[t], z[~t], m)
    for i, row in enumerate(z[t]):
        apart = ((z[~t] - row) ** 2).sum(axis=1)
        near = apart <= np.sort(apart)[m - 1]
        assert links.size[links.point[i]] == near.sum()
        assert links.means(y[~t])[i] == pytest.approx(y[~t][near].mean(), abs=1e-12)
    if d == 1 and len(np.unique(z)) > 1:
        df = pd.DataFrame({"t": t.astype(int), "z": z[:, 0], "y": y})
        found = first("t ~ z", df, outcome="y", n_matches=m, estimand=target, neighbours=1)
        wanted, uses = by_hand(y, t, z, m, target)
        assert found["estimate"] == pytest.approx(wanted, abs=1e-10)
        assert found["largest_use"] == pytest.approx(uses.max())
        assert found["n_used_as_matches"] == (uses > 0).sum()


def draw(rng: np.random.Generator, n: int) -> pd.DataFrame:
    x = rng.normal(size=(n, 2))
    took = rng.random(n) < 1 / (1 + np.exp(0.3 - 0.5 * x[:, 0] + 0.5 * x[:, 1]))
    y = 4 * x[:, 0] + 3 * x[:, 1] + took * (1 + 2 * x[:, 1]) + 0.5 * rng.normal(size=n)
    return pd.DataFrame({"took": took.astype(int), "x": x[:, 0], "z": x[:, 1], "y": y})


@pytest.mark.parametrize("estimand", ["ATT", "ATE", "ATC"])
def test_the_error_allows_for_an_estimated_score(estimand: Any):
    # Without the correction of 2016 the errors would be 35 to 70 % too large here.
    rng = np.random.default_rng(5)
    found = pd.DataFrame(
        [
            first("took ~ x + z", draw(rng, 400), outcome="y", distance="propensity",
                  estimand=estimand)
            for _ in range(120)
        ]
    )  # fmt: skip
    error = float(np.sqrt(np.mean(found["std_error"].astype(float) ** 2)))
    assert error == pytest.approx(float(found["estimate"].astype(float).std()), rel=0.2)


def test_swapped_groups_change_the_sign_and_order_changes_nothing():
    df = draw(np.random.default_rng(1), 150)
    swapped = df.assign(took=1 - df["took"]).sample(frac=1, random_state=3)
    for distance in ("inverse_variance", "mahalanobis", "propensity"):
        one = first("took ~ x + z", df, outcome="y", distance=distance)
        other = first("took ~ x + z", swapped, outcome="y", distance=distance, estimand="ATC")
        assert other["estimate"] == pytest.approx(-one["estimate"], rel=1e-9)
        assert other["std_error"] == pytest.approx(one["std_error"], rel=1e-6)


def test_exact_matches_are_cell_means():
    rng = np.random.default_rng(4)
    df = pd.DataFrame({"took": rng.integers(0, 2, 200), "z": rng.integers(0, 3, 200)})
    df["y"] = rng.normal(size=200) + df["z"]
    means = df.groupby(["z", "took"])["y"].mean().unstack()
    share = df[df["took"] == 1]["z"].value_counts(normalize=True)
    wanted = ((means[1] - means[0]) * share).sum()
    row = first("took ~ z", df, outcome="y")
    assert row["estimate"] == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"distance": "euclid"}, "distance: must be one of"),
        ({"estimand": "ATO"}, "estimand: must be one of"),
        ({"n_matches": 0}, "n_matches: must be whole numbers of at least 1"),
        ({"n_matches": 80}, "n_matches: must be at most"),
        ({"neighbours": 80}, "neighbours: must be fewer than"),
        ({"variance": "homoscedastic", "neighbours": 2}, "neighbours: must be left out"),
        ({"distance": "propensity", "bias_adjusted": True}, "bias_adjusted: must be left out"),
        ({"distance": "propensity", "neighbours": 1}, "at least 2"),
        ({"formula": "took ~ 1"}, "at least one covariate"),
        ({"outcome": "x"}, "outcome: must be a column that is neither.*one of the covariates"),
        ({"outcome": "took"}, "got 'took', the treatment"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    df = draw(np.random.default_rng(1), 60)
    options = {"formula": "took ~ x + z", "outcome": "y", **call}
    with pytest.raises(InputError, match=message):
        matching_estimator(options.pop("formula"), df, **options)


def test_one_person_shows_no_variance():
    df = draw(np.random.default_rng(1), 60)
    df = pd.concat([df[df["took"] == 1].head(1), df[df["took"] == 0]])
    options: dict[str, Any] = {"outcome": "y", "variance": "homoscedastic"}
    with pytest.raises(InputError, match=r"at least two people over whom.*got one in 1"):
        matching_estimator("took ~ x + z", df, **options)
    assert first("took ~ x + z", df, estimand="ATC", **options)["std_error"] > 0
    with pytest.raises(InputError, match="neighbours: must be at most 1, the people in 1"):
        matching_estimator("took ~ x", df, distance="propensity", estimand="ATC", **options)


def test_a_variance_below_0_is_not_used_and_that_is_said(monkeypatch: pytest.MonkeyPatch):
    df = draw(np.random.default_rng(1), 60)
    options: dict[str, Any] = {"outcome": "y", "distance": "propensity"}
    assert any("allows for" in n for n in matching_estimator("took ~ x", df, **options).notes)
    monkeypatch.setattr(module, "estimated_score_term", lambda *_, **__: -1e9)
    table = matching_estimator("took ~ x", df, **options)
    assert any("takes the score as known" in note for note in table.notes)
    assert table.to_frame()["std_error"].item() > 0


def test_a_bias_adjustment_that_cannot_be_fitted_names_the_covariate():
    df = pd.DataFrame({
        "took": [1, 1, 1, 0, 0, 0, 0], "x": [1.0, 2, 3, 1, 2, 3, 9], "z": [0, 0, 0, 0, 0, 0, 1],
        "y": [1.0, 2, 4, 1, 1, 2, 7],
    })  # fmt: skip
    with pytest.raises(InputError, match=r"vary among the matches.*\(at z\)"):
        matching_estimator("took ~ x + z", df, outcome="y", bias_adjusted=True, neighbours=1)


def test_missing_values_and_heavy_use_are_said():
    df = draw(np.random.default_rng(1), 120)
    df.loc[4, "y"] = np.nan
    df.loc[[7, 9], "z"] = np.nan
    table = matching_estimator("took ~ x + z", df, outcome="y")
    assert dict(table.n_dropped) == {"missing z": 2, "missing y": 1}
    assert len(repr(table).splitlines()) <= 15
    far = df.assign(x=lambda d: d["x"] + 6 * d["took"], z=0.1 * df["z"])
    noted = matching_estimator("took ~ x + z", far, outcome="y")
    assert any("is the match in" in note for note in noted.notes)


def test_large_samples_take_no_square_of_time():
    rng = np.random.default_rng(2)
    n = 60_000
    df = pd.DataFrame({
        "took": (rng.random(n) < 0.1).astype(int), "age": rng.integers(18, 65, n),
        "days": rng.integers(0, 365, n), "woman": rng.integers(0, 2, n), "y": rng.normal(size=n),
    })  # fmt: skip
    start = time.perf_counter()
    matching_estimator("took ~ age + days + woman", df, outcome="y")
    assert time.perf_counter() - start < 20  # about half a second; n^2 distances take minutes
