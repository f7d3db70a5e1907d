"""Student's t: tails, quantiles and the columns made of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.kernels.student import student, student_quantile, student_tail

DF = [0.3, 1.0, 2.5, 30.4138, 1e3, 1e7, np.inf]


@pytest.mark.parametrize("df", DF)
@pytest.mark.parametrize("t", [0.0, 1e-3, 0.5, 2.0, 5.0, 40.0, -2.0])
def test_tail(df: float, t: float) -> None:
    assert float(student_tail(t, df)) == pytest.approx(stats.t.sf(t, df), rel=1e-11)


@pytest.mark.parametrize("df", DF)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_quantile(df: float, level: float) -> None:
    expected = stats.t.isf((1 - level) / 2, df)
    assert float(student_quantile(level, df)) == pytest.approx(expected, rel=1e-11)


def test_p_value_and_interval_agree() -> None:
    columns = student([1.0, 2.2], [0.5, 1.0], [7.3, np.inf], 0.9)
    edge = columns["conf_low"] / columns["std_error"] - columns["statistic"]
    np.testing.assert_allclose(student_tail(-edge, columns["df"]), 0.05, rtol=1e-10)


def test_without_spread_there_is_no_test() -> None:
    columns = student([1.0, 1.0], [0.0, np.nan], [3.0, 3.0], 0.95)
    assert np.isnan(columns["p_value"]).all()
    assert np.isnan(columns["conf_low"][1])
