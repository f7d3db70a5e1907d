"""Discrete-time hazards against R's glm on person-period rows that are written out.

Reference values are made by tests/reference/survival/discrete.R. Iterative results agree to 1e-6;
what is only counted (numbers at risk) is exact. Standard errors of vcovCL are those of glm's last
iteration, one step from ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.kernels.numeric import two_sided_p
from evalkit.survival.discrete import discrete_hazard

REFERENCE = Path(__file__).parents[1] / "reference" / "survival"
BREAKS = (90, 180, 365, 914)
MAIN = "treated + age + region"


def rows(*, entry: bool = False) -> pd.DataFrame:
    df = pd.read_csv(REFERENCE / "discrete_rows.csv")
    return df if entry else df.assign(start=0)


def episodes() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "discrete_episodes.csv")


def expected(case: str) -> dict[str, pd.Series]:
    table = pd.read_csv(REFERENCE / "discrete_expected.csv", keep_default_na=False)
    chosen = table[table["case"] == case].astype({"value": float})
    assert len(chosen), case
    return {q: part.set_index("term")["value"] for q, part in chosen.groupby("quantity")}


def r_names(fit) -> list[str]:
    """Translate our terms to R's."""
    names = []
    intervals = fit.intervals["interval"].tolist()
    for term in fit.to_frame()["term"]:
        if term.startswith("interval "):
            number = intervals.index(term.removeprefix("interval ")) + 1
            names.append(f"factor(interval){number}")
        elif " in [" in term:
            column, _, label = term.partition(" in ")
            names.append(f"factor(interval){intervals.index(label) + 1}:{column}")
        else:
            names.append(term.replace("[T.", "").replace("]", ""))
    return names


def check(fit, case: str, *, rtol: float = 1e-6) -> None:
    want = expected(case)
    frame = fit.to_frame()
    names = r_names(fit)
    assert sorted(names) == sorted(want["estimate"].index)
    np.testing.assert_allclose(frame["estimate"], want["estimate"][names], rtol=rtol)
    np.testing.assert_allclose(frame["std_error"], want["std_error"][names], rtol=rtol)
    if "loglik" in want:
        np.testing.assert_allclose(fit.loglik, want["loglik"].item(), rtol=1e-10)


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("entry", [False, True])
@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_right_closed_equals_survsplit_and_glm(link, entry, weights) -> None:
    fit = discrete_hazard(
        MAIN,
        rows(entry=entry),
        duration="stop",
        event="left",
        entry="start" if entry else None,
        breaks=BREAKS,
        link=link,
        closed="right",
        weights=weights,
    )
    check(fit, f"right {link} {'entry' if entry else 'all'} {'weights' if weights else 'plain'}")


@pytest.mark.parametrize("partial", ["whole", "half"])
@pytest.mark.parametrize("late", ["same", "next"])
@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_left_closed_with_late_entries_and_partial_intervals(link, late, partial) -> None:
    fit = discrete_hazard(
        MAIN,
        rows(entry=True),
        duration="stop",
        event="left",
        entry="start",
        breaks=BREAKS,
        link=link,
        late_entry=late,
        partial=partial,
    )
    check(fit, f"left {link} {late} {partial}")


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_cluster_robust_errors_equal_vcovcl(link, weights) -> None:
    fit = discrete_hazard(
        MAIN,
        rows(),
        duration="stop",
        event="left",
        breaks=BREAKS,
        link=link,
        cluster="cluster",
        weights=weights,
    )
    check(fit, f"cluster {link} {'weights' if weights else 'plain'}")


def test_sampling_weights_have_robust_errors_by_person() -> None:
    fit = discrete_hazard(
        MAIN,
        rows(),
        duration="stop",
        event="left",
        breaks=BREAKS,
        weights="weight",
        weights_kind="sampling",
    )
    check(fit, "sampling")


def test_effects_by_interval() -> None:
    fit = discrete_hazard(
        "treated + age",
        rows(),
        duration="stop",
        event="left",
        breaks=BREAKS[:3],
        by_interval=["treated"],
    )
    check(fit, "by interval")
    test = fit.test_constant_effect("treated")
    np.testing.assert_allclose(test.statistic, expected("by interval")["wald"].item(), rtol=1e-6)
    assert test.df == 3
    with pytest.raises(InputError, match="one of by_interval"):
        fit.test_constant_effect("age")


@pytest.mark.parametrize(
    ("shape", "df"), [("constant", 3), ("log", 3), ("polynomial", 2), ("spline", 3)]
)
def test_smooth_baselines(shape, df) -> None:
    fit = discrete_hazard(
        "treated",
        rows(),
        duration="stop",
        event="left",
        breaks=range(30, 901, 30),
        baseline=shape,
        baseline_df=df,
    )
    want, frame = expected(f"baseline {shape}"), fit.to_frame()
    np.testing.assert_allclose(fit.loglik, want["loglik"].item(), rtol=1e-10)
    last = frame[frame["term"] == "treated"]
    np.testing.assert_allclose(last["estimate"], want["estimate"], rtol=1e-6)
    np.testing.assert_allclose(last["std_error"], want["std_error"], rtol=1e-6)
    if "baseline" in want:
        np.testing.assert_allclose(frame["estimate"], want["baseline"], rtol=1e-6)
    hazard = fit.hazard(pd.DataFrame({"treated": [0]})).iloc[[0, 4, 19, 30]]
    link = np.log(-np.log1p(-hazard["hazard"]))
    np.testing.assert_allclose(link, want["link"], rtol=1e-6)
    wide = np.log(-np.log1p(-hazard["conf_high"])) - link
    np.testing.assert_allclose(wide / 1.959963984540054, want["link_error"], rtol=1e-6)


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_predicted_and_standardised_survival(link, robust) -> None:
    fit = discrete_hazard(
        MAIN,
        rows(),
        duration="stop",
        event="left",
        breaks=BREAKS,
        link=link,
        cluster="cluster" if robust else None,
    )
    want = expected(f"predicted {link} {'robust' if robust else 'model'}")
    person = pd.DataFrame({"treated": [1], "age": [50], "region": ["C"]}, index=["somebody"])
    level = 1 - float(two_sided_p(1.959963984540054, fit.df))  # of the normal quantiles in R
    survival = fit.survival(person, level=level)
    assert survival["row"].tolist() == ["somebody"] * 4
    for column, quantity in (
        ("survival", "survival"),
        ("std_error", "survival_error"),
        ("conf_low", "survival_low"),
        ("conf_high", "survival_high"),
    ):
        np.testing.assert_allclose(survival[column], want[quantity], rtol=1e-6)
    hazard = fit.hazard(person, level=level)
    for column, quantity in (
        ("hazard", "hazard"),
        ("conf_low", "hazard_low"),
        ("conf_high", "hazard_high"),
    ):
        np.testing.assert_allclose(hazard[column], want[quantity], rtol=1e-6)
    table = fit.standardised("treated").to_frame()
    for value in "01":
        mine = table[(table["term"] == "survival") & (table["contrast"] == value)]
        np.testing.assert_allclose(mine["estimate"], want[f"standardised{value}"], rtol=1e-6)
        np.testing.assert_allclose(mine["std_error"], want[f"standardised_error{value}"], rtol=1e-6)
    apart = table[table["term"] == "survival_difference"]
    assert (apart["contrast"] == "1 - 0").all()
    np.testing.assert_allclose(apart["estimate"], want["difference"], rtol=1e-6)
    np.testing.assert_allclose(apart["std_error"], want["difference_error"], rtol=1e-6)


def test_changing_covariates_row_by_row() -> None:
    fit = discrete_hazard(
        "treated + degree",
        episodes(),
        duration="stop",
        event="left",
        entry="start",
        breaks=BREAKS[:3],
        closed="right",
    )
    check(fit, "episodes rows")


def test_changing_covariates_by_person() -> None:
    fit = discrete_hazard(
        "treated + degree",
        episodes(),
        duration="stop",
        event="left",
        entry="start",
        id="id",
        breaks=BREAKS[:3],
    )
    want = expected("episodes persons")
    check(fit, "episodes persons")
    assert fit.intervals["at_risk"].tolist() == want["at_risk"].tolist()
    assert fit.intervals["events"].sum() == episodes()["left"].sum()
    with pytest.raises(InputError, match="covariates that change within persons"):
        fit.standardised("treated")


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_firth_under_separation(link) -> None:
    df = rows()
    df.loc[df["region"] == "C", "left"] = 0
    with pytest.raises(InputError, match=r"infinity \(at region\[T.C\]\)"):
        discrete_hazard(
            "treated + region", df, duration="stop", event="left", breaks=BREAKS[:3], link=link
        )
    fit = discrete_hazard(
        "treated + region",
        df,
        duration="stop",
        event="left",
        breaks=BREAKS,
        link=link,
        penalty="firth",
    )
    check(fit, f"firth {link}", rtol=2e-6)  # R's optimum rests on numerical derivatives
