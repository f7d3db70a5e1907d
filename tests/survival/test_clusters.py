"""Few clusters: intervals and tests of regression take Student's t, of one less than clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.survival import (
    cause_specific_cox,
    cox,
    discrete_hazard,
    fine_gray,
    parametric,
    standardised_survival,
)

N, OFFICES = 200, 8
WHO = pd.DataFrame({"treated": [1], "x": [0.5]})
EXIT: dict[str, Any] = {"duration": "days", "event": "left"}
CAUSE: dict[str, Any] = {"duration": "days", "cause": "cause"}
FORMULA = "treated + x"


def spells() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    days = rng.exponential(100, N).round() + 1
    cause = rng.integers(0, 3, N)
    return pd.DataFrame(
        {
            "days": days,
            "cause": cause,
            "left": (cause > 0).astype(int),
            "treated": rng.integers(0, 2, N),
            "x": rng.normal(size=N),
            "office": rng.integers(0, OFFICES, N),
            "team": rng.integers(0, 30, N),
            "w": rng.uniform(1, 2, N),
        }
    )


FITS: dict[str, Callable[..., Any]] = {
    "cox": lambda df, **k: cox(FORMULA, df, **EXIT, **k),
    "cause-specific": lambda df, **k: cause_specific_cox(FORMULA, df, **CAUSE, **k),
    "fine-gray": lambda df, **k: fine_gray(FORMULA, df, **CAUSE, event_of_interest=1, **k),
    "discrete": lambda df, **k: discrete_hazard(FORMULA, df, **EXIT, breaks=(50, 100), **k),
    "parametric": lambda df, **k: parametric(FORMULA, df, **EXIT, **k),
}
PREDICT: dict[str, Callable[[Any], pd.DataFrame]] = {
    "cox": lambda fit: fit.survival(WHO, [50]),
    "cause-specific": lambda fit: fit.cumulative_incidence(WHO, [50]),
    "fine-gray": lambda fit: fit.cumulative_incidence(WHO, [50]),
    "discrete": lambda fit: fit.survival(WHO, [50]),
    "parametric": lambda fit: fit.survival(WHO, [50]),
}


def check_t(frame: pd.DataFrame, df: float) -> None:
    spread = stats.t(df) if np.isfinite(df) else stats.norm()
    assert (frame["df"] == df).all() or (frame["df"].isna().all() and np.isinf(df))
    half = spread.ppf(0.975) * frame["std_error"]
    np.testing.assert_allclose(frame["conf_low"], frame["estimate"] - half, rtol=1e-9)
    np.testing.assert_allclose(frame["conf_high"], frame["estimate"] + half, rtol=1e-9)
    p = 2 * spread.sf(frame["statistic"].abs())
    np.testing.assert_allclose(frame["p_value"], p, rtol=1e-9)


def width(frame: pd.DataFrame, complement: bool) -> float:
    """Half the width on the log-log scale, in standard errors."""
    name = "cumulative_incidence" if complement else "survival"
    row = frame.iloc[0]
    stay = 1 - row[["conf_low", "conf_high", name]] if complement else row[
        ["conf_low", "conf_high", name]
    ]  # fmt: skip
    low, high, middle = np.log(-np.log(stay.astype(float)))
    error = row["std_error"] / (stay[name] * -np.log(stay[name]))
    assert low + high == pytest.approx(2 * middle, rel=1e-9)
    return abs(high - low) / 2 / error


@pytest.mark.parametrize("model", FITS)
def test_intervals_take_t(model: str) -> None:
    fit = FITS[model](spells(), cluster="office")
    check_t(fit.to_frame(), OFFICES - 1)
    spread = width(PREDICT[model](fit), model in ("cause-specific", "fine-gray"))
    assert spread == pytest.approx(stats.t(OFFICES - 1).ppf(0.975), rel=1e-6)


@pytest.mark.parametrize("model", FITS)
def test_without_clusters_they_are_normal(model: str) -> None:
    check_t(FITS[model](spells()).to_frame(), np.inf)
    sampled = FITS[model](spells(), weights="w", weights_kind="sampling")
    check_t(sampled.to_frame(), np.inf)
    spread = width(PREDICT[model](sampled), model in ("cause-specific", "fine-gray"))
    assert spread == pytest.approx(stats.norm.ppf(0.975), rel=1e-6)


@pytest.mark.parametrize("model", FITS)
def test_clusters_without_weight_do_not_count(model: str) -> None:
    df = spells().assign(w=lambda d: np.where(d["office"] == 3, 0.0, d["w"]))
    fit = FITS[model](df, cluster="office", weights="w")
    check_t(fit.to_frame(), OFFICES - 2)
    rest = FITS[model](df[df["office"] != 3], cluster="office", weights="w")
    pd.testing.assert_frame_equal(fit.to_frame(), rest.to_frame())


def test_two_ways_take_the_fewer() -> None:
    check_t(cox(FORMULA, spells(), **EXIT, cluster="team", id="office").to_frame(), OFFICES - 1)
    models = cause_specific_cox(FORMULA, spells(), **CAUSE, cluster="team", id="office")
    check_t(models.to_frame(), OFFICES - 1)


@pytest.mark.parametrize("model", ["cox", "cause-specific", "fine-gray"])
def test_standardised_differences_take_t(model: str) -> None:
    df = spells()
    fit = FITS[model](df, cluster="office")
    frame = standardised_survival(fit, df, treatment="treated", times=50, tau=80).to_frame()
    assert (frame["df"] == OFFICES - 1).all()
    check_t(frame[frame["term"].str.endswith("_difference")], OFFICES - 1)
    name = "survival" if model != "fine-gray" else "cumulative_incidence"
    one = frame[frame["term"] == name].rename(columns={"estimate": name})
    spread = stats.t(OFFICES - 1).ppf(0.975)
    assert width(one, model == "fine-gray") == pytest.approx(spread, rel=1e-6)
    plain = standardised_survival(FITS[model](df), df, treatment="treated", times=50).to_frame()
    assert plain["df"].isna().all()


def test_standardised_discrete_hazards_take_t() -> None:
    frame = FITS["discrete"](spells(), cluster="office").standardised("treated").to_frame()
    check_t(frame[frame["term"] == "survival_difference"], OFFICES - 1)
    share = frame[frame["term"] == "survival"].rename(columns={"estimate": "survival"})
    assert width(share, False) == pytest.approx(stats.t(OFFICES - 1).ppf(0.975), rel=1e-6)


def test_concordance_of_two_ways() -> None:
    df = spells().assign(cell=lambda d: 100 * d["office"] + d["team"])
    two = cox(FORMULA, df, **EXIT, cluster="team", id="office")
    parts = [cox(FORMULA, df, **EXIT, cluster=c) for c in ("team", "office", "cell")]
    one, other, both = (fit.concordance_std_error**2 for fit in parts)
    assert two.concordance == parts[0].concordance
    assert two.concordance_std_error == pytest.approx(np.sqrt(one + other - both), rel=1e-12)


@pytest.mark.parametrize("model", FITS)
def test_one_cluster_is_refused(model: str) -> None:
    with pytest.raises(InputError, match="cluster: must be of at least two clusters"):
        FITS[model](spells().assign(office=1), cluster="office")


@pytest.mark.parametrize("model", ["cox", "cause-specific", "fine-gray"])
def test_one_person_is_refused(model: str) -> None:
    df = spells().assign(person=1, start=np.arange(N) * 1000.0)
    df["days"] = df["start"] + 1000
    for name in ("left", "cause"):
        df[name] = df[name].where(df.index == N - 1, 0)
    df.loc[N - 1, ["left", "cause"]] = 1
    with pytest.raises(InputError, match="id: must be of at least two clusters"):
        FITS[model](df, id="person", entry="start")


def test_causes_say_how_few_clusters_there_are() -> None:
    fit = FITS["cause-specific"](spells(), cluster="office")
    assert repr(fit).count("Only 8 clusters") == 1


def test_weights_that_are_not_whole() -> None:
    notes = FITS["cox"](spells(), weights="w").coefficients.notes
    assert any('weights_kind="sampling"' in note for note in notes)
    for how in ({"weights_kind": "sampling"}, {"cluster": "office"}):
        notes = FITS["cox"](spells(), weights="w", **how).coefficients.notes
        assert not any('weights_kind="sampling"' in note for note in notes)
    whole = FITS["cox"](spells().assign(w=2.0), weights="w").coefficients.notes
    assert not any('weights_kind="sampling"' in note for note in whole)
