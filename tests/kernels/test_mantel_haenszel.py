"""Stratified tables against R: every value of strata_expected.csv, which strata.R wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.kernels.mantel_haenszel import (
    Tables,
    breslow_day,
    mantel_haenszel_test,
    pooled_difference,
    pooled_odds_ratio,
    pooled_ratio,
    stratified_score,
)
from evalkit.kernels.numeric import normal_quantile
from evalkit.kernels.proportion_differences import score_difference

HERE = Path(__file__).parents[1] / "reference" / "trials"
TABLES = pd.read_csv(HERE / "strata_tables.csv")
EXPECTED = pd.read_csv(HERE / "strata_expected.csv")


def tables(case: str) -> Tables:
    rows = TABLES[TABLES["case"] == case]
    return Tables(*(rows[name].to_numpy(dtype=float) for name in ("x1", "n1", "x0", "n0")))


@pytest.mark.parametrize("case", ["usual", "sparse", "large"])
def test_equals_r(case: str) -> None:
    t = tables(case)
    difference, ratio, odds = pooled_difference(t), pooled_ratio(t), pooled_odds_ratio(t)
    score, homogeneity = stratified_score(t), breslow_day(t)
    test, corrected = mantel_haenszel_test(t), mantel_haenszel_test(t, corrected=True)
    found: dict[str, float] = {
        "RD_estimate": difference.estimate,
        "RD_std_error": difference.std_error,
        "RR_estimate": np.log(ratio.estimate),
        "RR_std_error": ratio.std_error,
        "OR_estimate": np.log(odds.estimate),
        "OR_std_error": odds.std_error,
        "greenland_robins_difference": pooled_difference(t, variance="greenland-robins").std_error,
        "test": test[0],
        "test_p": test[1],
        "corrected_test": corrected[0],
        "corrected_test_p": corrected[1],
        "score_low": score.low,
        "score_high": score.high,
        "tarone": homogeneity.statistic,
        "tarone_p": homogeneity.p_value,
    }
    z = normal_quantile(0.95)
    for name, pooled in (("RD", difference), ("RR", ratio), ("OR", odds)):
        middle = found[f"{name}_estimate"]
        found[f"{name}_conf_low"] = middle - z * pooled.std_error
        found[f"{name}_conf_high"] = middle + z * pooled.std_error
    compared = 0
    for quantity, value in EXPECTED[EXPECTED["case"] == case][["quantity", "value"]].to_numpy():
        if quantity in found:
            np.testing.assert_allclose(found[quantity], value, rtol=1e-8, err_msg=quantity)
            compared += 1
    assert compared >= 16


def test_one_stratum_is_the_plain_score_interval() -> None:
    one = Tables(*(np.array([value]) for value in (56.0, 70.0, 48.0, 80.0)))
    score, plain = stratified_score(one), score_difference(56, 70, 48, 80)
    np.testing.assert_allclose([score.low, score.high], [plain.low, plain.high], rtol=1e-12)
    np.testing.assert_allclose(score.p_value, plain.p_value, rtol=1e-12)


def test_the_score_test_is_the_mantel_haenszel_test() -> None:
    t = tables("usual")
    assert stratified_score(t).statistic ** 2 == pytest.approx(mantel_haenszel_test(t)[0])


def test_strata_without_both_arms_weigh_nothing() -> None:
    t = tables("usual")
    more = Tables(
        *(np.append(x, v) for x, v in zip((t.x1, t.n1, t.x0, t.n0), (3, 5, 0, 0), strict=True))
    )
    assert pooled_difference(more) == pooled_difference(t)
    assert pooled_odds_ratio(more) == pooled_odds_ratio(t)


def test_relabelled_strata_and_exchanged_arms() -> None:
    t = tables("sparse")
    back = Tables(t.x1[::-1], t.n1[::-1], t.x0[::-1], t.n0[::-1])
    swapped = Tables(t.x0, t.n0, t.x1, t.n1)
    assert pooled_difference(back).estimate == pytest.approx(pooled_difference(t).estimate)
    assert pooled_difference(swapped).estimate == pytest.approx(-pooled_difference(t).estimate)
    assert pooled_difference(swapped).std_error == pytest.approx(pooled_difference(t).std_error)
    assert pooled_odds_ratio(swapped).estimate == pytest.approx(1 / pooled_odds_ratio(t).estimate)
    assert stratified_score(swapped).low == pytest.approx(-stratified_score(t).high)


def test_nobody_succeeded() -> None:
    t = Tables(np.zeros(2), np.array([5.0, 8]), np.zeros(2), np.array([6.0, 7]))
    score = stratified_score(t)
    assert -1 < score.low < 0 < score.high < 1
    assert np.isnan(pooled_ratio(t).estimate)
    assert np.isnan(mantel_haenszel_test(t)[1])
    assert np.isnan(breslow_day(t).p_value)
