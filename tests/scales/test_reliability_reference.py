"""Item analysis, factor models and intraclass correlations against psych and lavaan in R.

Closed forms agree to a relative 1e-10. lavaan stops where its own optimiser is content, which
leaves 1e-5 in single parameters; ours go on until the gradient is 1e-10.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.scales.factor_model import one_factor
from evalkit.scales.item_analysis import reliability
from evalkit.scales.rater_agreement import icc
from evalkit.scales.split_halves import split_half

HERE = Path(__file__).parents[1] / "reference" / "scales"
ANSWERS = pd.read_csv(HERE / "reliability_answers.csv")
EXPECTED = pd.read_csv(HERE / "reliability_expected.csv", dtype={"item": str})


def data(name: str) -> pd.DataFrame:
    """Return a data set as the script had it."""
    long = ANSWERS[ANSWERS["set"] == name]
    wide = long.pivot(index="row", columns="item", values="value")
    return wide[list(dict.fromkeys(long["item"]))]


def expected(name: str, quantity: str, source: str | None = None) -> np.ndarray:
    """Return what R gave, by item."""
    rows = EXPECTED[(EXPECTED["set"] == name) & (EXPECTED["quantity"] == quantity)]
    if source is not None:
        rows = rows[rows["source"] == source]
    assert len(rows), (name, quantity)
    return rows["value"].to_numpy()


@pytest.mark.parametrize("name", ["attitude", "likert", "holes"])
def test_alpha(name: str) -> None:
    result = reliability(data(name))
    assert result.alpha == pytest.approx(expected(name, "raw_alpha").item(), rel=1e-10)
    assert result.alpha_std == pytest.approx(expected(name, "std.alpha").item(), rel=1e-10)
    assert result.lambda6 == pytest.approx(expected(name, "G6(smc)").item(), rel=1e-10)
    assert result.mean_correlation == pytest.approx(expected(name, "average_r").item(), rel=1e-10)
    items = result.item_frame
    for column, quantity in {
        "alpha_if_dropped": "drop_raw",
        "alpha_std_if_dropped": "drop_std",
        "item_rest_r": "r_drop",
        "mean": "mean",
        "sd": "sd",
    }.items():
        np.testing.assert_allclose(items[column], expected(name, quantity), rtol=1e-10)


@pytest.mark.parametrize("name", ["attitude", "likert"])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_feldt(name: str, level: float) -> None:
    low, high = reliability(data(name), level=level).alpha_interval
    assert low == pytest.approx(expected(name, f"feldt_low_{level:g}").item(), rel=1e-10)
    assert high == pytest.approx(expected(name, f"feldt_high_{level:g}").item(), rel=1e-10)


@pytest.mark.parametrize("name", ["attitude", "likert"])
def test_halves(name: str) -> None:
    result = split_half(data(name), halves="all")
    for value, quantity in (
        (result.correlation, "half_r"),
        (result.spearman_brown, "half_sb"),
        (result.lambda_4, "half_l4"),
        (result.lambda_4_low, "half_l4_min"),
        (result.lambda_4_high, "half_l4_max"),
    ):
        for found in expected(name, quantity):
            assert value == pytest.approx(found, rel=1e-10)


def test_two_items() -> None:
    stepped_up = expected("two", "spearman_brown").item()
    assert split_half(data("two")).spearman_brown == pytest.approx(stepped_up, rel=1e-10)
    assert reliability(data("two")).alpha_std == pytest.approx(stepped_up, rel=1e-10)


@pytest.mark.parametrize("name", ["attitude", "likert"])
def test_one_factor(name: str) -> None:
    result = one_factor(data(name))
    frame = result.to_frame()
    for column, quantity in {
        "estimate": "loading",
        "std_error": "loading_se",
        "uniqueness": "uniqueness",
        "loading_std": "loading_std",
    }.items():
        np.testing.assert_allclose(frame[column], expected(name, quantity), rtol=2e-5)
    for ours, theirs in {
        "chi_square": "chisq",
        "df": "df",
        "p_value": "pvalue",
        "cfi": "cfi",
        "tli": "tli",
        "rmsea": "rmsea",
        "rmsea_low": "rmsea.ci.lower",
        "rmsea_high": "rmsea.ci.upper",
    }.items():
        value = getattr(result.fit, ours)
        # lavaan's search for the limits of RMSEA stops at about 1e-5
        loose = 1e-4 if "_" in ours and ours.startswith("rmsea") else 1e-6
        assert value == pytest.approx(expected(name, theirs).item(), rel=loose, abs=1e-9), ours
    assert result.fit.srmr == pytest.approx(expected(name, "srmr").item(), rel=1e-5)
    assert result.omega == pytest.approx(expected(name, "omega").item(), rel=1e-6)
    table = reliability(data(name)).to_frame().set_index("term")
    assert table.loc["omega", "estimate"] == pytest.approx(result.omega, rel=1e-8)
    assert table.loc["omega", "std_error"] == pytest.approx(
        expected(name, "omega_se").item(), rel=1e-5
    )


@pytest.mark.parametrize("name", ["shrout", "shifted", "likert"])
def test_icc(name: str) -> None:
    for level in (0.9, 0.95):
        frame = icc(data(name), level=level).to_frame()
        for column, quantity in (("conf_low", "low"), ("conf_high", "high")):
            found = expected(name, f"icc_{quantity}_{level:g}")
            np.testing.assert_allclose(frame[column], found, rtol=1e-9)
    assert frame["term"].tolist() == ["ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k"]
    np.testing.assert_allclose(frame["estimate"], expected(name, "icc"), rtol=1e-10)
    np.testing.assert_allclose(frame["statistic"], expected(name, "icc_F"), rtol=1e-10)
    # the tail of F: the mean squares' rounding is magnified in p-values of 1e-50
    np.testing.assert_allclose(frame["p_value"], expected(name, "icc_p"), rtol=1e-8)


def test_values_of_the_literature() -> None:
    frame = icc(data("shrout")).to_frame().set_index("term")["estimate"]
    known = {"ICC1": 0.165742, "ICC2": 0.289764, "ICC3": 0.714841, "ICC1k": 0.442797,
             "ICC2k": 0.620051, "ICC3k": 0.909316}  # fmt: skip
    for term, value in known.items():
        assert frame[term] == pytest.approx(value, abs=5e-7)
    result = reliability(data("attitude"))
    assert (result.alpha, result.alpha_std, result.lambda6) == pytest.approx(
        (0.843143, 0.839084, 0.875215), abs=5e-7
    )
    assert (result.omega, result.omega_std) == pytest.approx((0.85633, 0.84054), abs=5e-6)
    items = result.item_frame
    dropped = [0.8098, 0.7969, 0.8278, 0.8030, 0.7954, 0.8639, 0.8405]
    np.testing.assert_allclose(items["alpha_if_dropped"], dropped, atol=6e-5)
    rest = [0.6713, 0.7421, 0.5607, 0.7144, 0.7863, 0.2650, 0.4608]
    np.testing.assert_allclose(items["item_rest_r"], rest, atol=6e-5)
