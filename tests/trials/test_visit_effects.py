"""Repeated measurements: MMRM and the constrained longitudinal analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evalkit.errors import InputError
from evalkit.trials.visit_effects import repeated_measures

REFERENCE = Path(__file__).parents[1] / "reference" / "trials"
VISITS = ["baseline", "after", "6 months", "12 months"]
CALL: dict[str, Any] = {
    "outcome": "mastery", "arm": "arm", "control": "CAU", "unit": "person", "visit": "visit",
    "visits": VISITS,
}  # fmt: skip


def rows() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "visits_rows.csv")


def expected(model: str) -> pd.DataFrame:
    table = pd.read_csv(REFERENCE / "visits_expected.csv")
    return table[table["model"] == model].set_index("term")


@pytest.mark.parametrize(
    ("model", "more"),
    [("unstructured", {}), ("constrained", {"baseline": "baseline"})],
)
def test_estimates_equal_gls_in_r(model: str, more: dict[str, Any]) -> None:
    found = repeated_measures(rows(), **CALL, covariates="age", **more).to_frame()
    r = expected(model).drop(index="loglik")
    assert found["visit"].tolist() == r.index.tolist()
    # gls stops when its likelihood stands still, which leaves estimates good for 1e-6.
    np.testing.assert_allclose(found["estimate"], r["estimate"], rtol=1e-6)
    # Kenward and Roger's standard errors are larger than gls's, which take the covariance as known.
    assert (found["std_error"].to_numpy() > r["std_error"].to_numpy()).all()


def test_kenward_roger_equals_pbkrtest() -> None:
    result = repeated_measures(rows(), **CALL, covariates="age", covariance="compound")
    found, r = result.to_frame(), expected("compound")
    np.testing.assert_allclose(found["estimate"], r.loc[VISITS, "estimate"], rtol=1e-6)
    np.testing.assert_allclose(found["std_error"], r.loc[VISITS, "std_error"], rtol=1e-6)
    np.testing.assert_allclose(found["df"], r.loc[VISITS, "df"], rtol=1e-6)
    assert isinstance(result.joint.df, tuple)
    assert result.joint.df[0] == 4
    assert result.joint.df[1] == pytest.approx(r.loc["joint", "df"], rel=1e-6)
    assert result.joint.statistic == pytest.approx(r.loc["joint", "estimate"], rel=1e-6)


def complete() -> pd.DataFrame:
    source = np.random.default_rng(4)
    n = 30
    person = np.repeat(np.arange(n), 3)
    y = np.repeat(source.normal(20, 3, n), 3) + source.normal(0, 2, 3 * n)
    arm = np.where(person < 14, "ReDO", "CAU")
    return pd.DataFrame({"person": person, "arm": arm, "visit": np.tile([0, 1, 2], n),
                         "mastery": y})  # fmt: skip


def test_complete_data_give_the_t_test_of_each_visit() -> None:
    df = complete()
    call = {**CALL, "visits": None}
    found = repeated_measures(df, **call).to_frame()
    for row in found.itertuples():
        here = df[df["visit"] == row.visit]
        one = here.loc[here["arm"] == "ReDO", "mastery"]
        other = here.loc[here["arm"] == "CAU", "mastery"]
        t = stats.ttest_ind(one, other)
        assert row.estimate == pytest.approx(one.mean() - other.mean(), rel=1e-9)
        assert row.statistic == pytest.approx(t.statistic, rel=1e-6)
        assert row.df == pytest.approx(28, rel=1e-6)


def test_complete_data_with_baseline_give_the_slope_of_ancova() -> None:
    # With two visits the constrained analysis estimates what covariance analysis does.
    df = complete()
    df = df[df["visit"] < 2]
    found = repeated_measures(df, **{**CALL, "visits": None}, baseline=0)
    wide = df.pivot(index="person", columns="visit", values="mastery")
    redo = (df.drop_duplicates("person")["arm"] == "ReDO").to_numpy(dtype=float)
    x = np.column_stack([np.ones(30), wide[0] - wide[0].mean(), redo])
    after = x[:, 2] == 1
    slope = found.covariance.loc[0, 1] / found.covariance.loc[0, 0]
    gap = wide[1][after].mean() - wide[1][~after].mean()
    before = wide[0][after].mean() - wide[0][~after].mean()
    assert found.to_frame()["estimate"].item() == pytest.approx(gap - slope * before, rel=1e-6)


@settings(max_examples=20)
@given(shift=st.floats(-50, 50), factor=st.floats(0.1, 20), seed=st.integers(0, 5))
def test_unit_and_row_order_do_not_matter(shift: float, factor: float, seed: int) -> None:
    plain = repeated_measures(rows(), **CALL).to_frame()
    df = rows().sample(frac=1, random_state=seed)
    moved = repeated_measures(df.assign(mastery=shift + factor * df["mastery"]), **CALL).to_frame()
    np.testing.assert_allclose(moved["estimate"], factor * plain["estimate"], rtol=2e-5)
    np.testing.assert_allclose(moved["std_error"], factor * plain["std_error"], rtol=2e-5)


def test_arms_swapped_change_the_sign() -> None:
    one = repeated_measures(rows(), **CALL, baseline="baseline").to_frame()
    other = repeated_measures(rows(), **{**CALL, "control": "ReDO"}, baseline="baseline").to_frame()
    np.testing.assert_allclose(one["estimate"], -other["estimate"], rtol=1e-6)
    np.testing.assert_allclose(one["df"], other["df"], rtol=1e-5)


def test_result_says_who_was_analysed() -> None:
    df = rows()
    df.loc[df["person"] == 3, "mastery"] = np.nan
    result = repeated_measures(df, **CALL, baseline="baseline", higher="better")
    text = repr(result)
    assert len(text.splitlines()) <= 15
    assert "ReDO - CAU, higher = better" in text
    assert "ReDO 23 of 24, CAU 20 of 20" in text
    assert result.n_used == 43


def test_covariates_may_have_slopes_by_visit() -> None:
    plain = repeated_measures(rows(), **CALL, covariates="age").to_frame()
    free = repeated_measures(rows(), **CALL, covariates="age", covariates_by_visit=True).to_frame()
    assert not np.allclose(plain["estimate"], free["estimate"])


def test_intervals_cover() -> None:
    source = np.random.default_rng(8)
    root = np.linalg.cholesky(np.array([[9, 6, 4], [6, 12, 8], [4, 8, 16.0]]))
    covered, draws = 0, 200
    for _ in range(draws):
        y = source.normal(size=(24, 3)) @ root.T
        y[12:, 1:] += 2
        # The more unwell stay away more often: missing at random, given what was measured.
        y[:, 2] = np.where((y[:, 1] > 3) & (source.random(24) < 0.6), np.nan, y[:, 2])
        df = pd.DataFrame({
            "person": np.repeat(np.arange(24), 3), "visit": np.tile([0, 1, 2], 24),
            "arm": np.repeat(np.where(np.arange(24) < 12, "CAU", "ReDO"), 3),
            "mastery": y.ravel(),
        })  # fmt: skip
        found = repeated_measures(df, **{**CALL, "visits": None}, baseline=0).to_frame().iloc[1]
        covered += found["conf_low"] <= 2 <= found["conf_high"]
    assert stats.binomtest(covered, draws, 0.95).pvalue > 0.01


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({}, {"visits": None}, "visits: must be given where 'visit' holds texts"),
        ({}, {"visits": VISITS[:3]}, "visits: must be all visits in 'visit'"),
        ({}, {"baseline": "after"}, "baseline: must be the first visit in 'visit', 'baseline'"),
        ({"visit": "after"}, {}, "at least two visits|rows that repeat"),
        ({"person": 1}, {}, "persons in two arms"),
        ({}, {"covariates": "C(visit)"}, "covariates: must be that none is a combination"),
        ({}, {"covariance": "ar1"}, "covariance: must be one of"),
        ({}, {"unit": "persn"}, "Did you mean 'person'"),
        ({"mastery": np.nan}, {}, "there for somebody in every arm at every visit"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        repeated_measures(rows().assign(**change), **{**CALL, **more})


def test_too_few_persons_are_refused() -> None:
    few = rows()
    few = few[few["person"].isin([1, 2, 25, 26])]
    with pytest.raises(InputError, match=r"more measurements than|every arm at every visit"):
        repeated_measures(few, **CALL)


def test_a_person_twice_at_a_visit_is_refused() -> None:
    twice = pd.concat([rows(), rows().head(1)], ignore_index=True)
    with pytest.raises(InputError, match="1 rows that repeat a visit"):
        repeated_measures(twice, **CALL)


@pytest.mark.parametrize("by_visit", [False, True])
def test_a_mean_far_from_zero_costs_no_digits(by_visit: bool) -> None:
    df = rows()
    moved = df.assign(mastery=df["mastery"] + 1e6, age=df["age"] + 1e6)
    options = CALL | {"covariates": "age", "covariates_by_visit": by_visit}
    names = ["estimate", "std_error", "df"]
    here = repeated_measures(df, **options).to_frame()[names]
    np.testing.assert_allclose(
        repeated_measures(moved, **options).to_frame()[names], here, rtol=1e-7
    )


def test_covariances_that_are_not_identified_are_refused() -> None:
    df = rows()
    odd = df["person"].rank(method="dense") % 2 == 1
    gone = ((df["visit"] == "after") & odd) | ((df["visit"] == "12 months") & ~odd)
    apart = df.assign(mastery=df["mastery"].mask(gone))
    with pytest.raises(InputError, match=r"nobody has both \(at 'after' and '12 months'\)"):
        repeated_measures(apart, **CALL)
    assert len(repeated_measures(apart, **CALL, covariance="compound")) == 4
    with pytest.raises(InputError, match="outcomes without spread"):
        repeated_measures(df.assign(mastery=1.0), **CALL, covariance="compound")
    flat = df.assign(mastery=df["mastery"].where(df["visit"] != "after", 20.0))
    with pytest.raises(InputError, match=r"without spread.*at visit 'after'"):
        repeated_measures(flat, **CALL)
    wide = df.pivot(index="person", columns="visit", values="mastery")
    copied = df.assign(
        mastery=df["mastery"].where(df["visit"] != "12 months", df["person"].map(wide["6 months"]))
    )
    with pytest.raises(InputError, match="a covariance between visits that is singular"):
        repeated_measures(copied, **CALL)
