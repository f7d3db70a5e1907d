"""Omitted confounders: published values, and regressions with one that was made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.kernels.least_squares import least_squares
from evalkit.kernels.omitted_bias import (
    adjusted,
    benchmark_bounds,
    partial_r2,
    robustness_value,
)
from evalkit.kernels.student import student_quantile

ESTIMATE, ERROR, DF = 0.09731582, 0.02325654, 783  # Darfur, as sensemakr's documentation prints


def test_published_values_of_darfur():
    # Cinelli and Hazlett (2020), Table 1 and section 4: R2 2.2 %, RV 13.9 %, RV(5 %) 7.6 %.
    t = ESTIMATE / ERROR
    assert round(100 * t**2 / (t**2 + DF), 1) == 2.2
    assert round(100 * robustness_value(t, DF), 1) == 13.9
    critical = float(student_quantile(0.95, DF - 1))
    assert round(100 * robustness_value(t, DF, critical=critical), 1) == 7.6
    # A confounder as strong as the covariate female, from sensemakr's own tests.
    with_it = adjusted(
        0.09731581928496, 0.02325653780981, DF, 0.12464092303637, 0.00916428667504862
    )
    assert float(with_it.estimate) == pytest.approx(0.0752202712144491, rel=1e-12)
    assert float(with_it.std_error) == pytest.approx(0.0218733277437572, rel=1e-12)


def made(seed: int, ry: float, rd: float, p: int = 3, n: int = 40):
    """Make a regression and a confounder with given partial R2, pulling the estimate up."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p))])
    d = x @ rng.normal(size=p + 1) + rng.normal(size=n)
    y = x @ rng.normal(size=p + 1) + 0.7 * d + rng.normal(size=n)
    basis = np.linalg.qr(x)[0]
    rest_d = d - basis @ (basis.T @ d)
    fit = least_squares(np.column_stack([x, d]), y)
    rest_y, rest_d = fit.residuals, rest_d / np.linalg.norm(rest_d)
    rest_y = rest_y / np.linalg.norm(rest_y)
    other = rng.normal(size=n)
    for one in [*basis.T, rest_d, rest_y]:
        other -= one * (one @ other)
    other /= np.linalg.norm(other)
    # Given d, z is what is left without rest_d: sqrt(1 - rd) long, and sqrt(ry) of that with y.
    sign = 1.0 if fit.coefficients[-1] > 0 else -1.0
    left = np.sqrt(1 - rd)
    z = np.sqrt(rd) * rest_d + sign * left * (np.sqrt(ry) * rest_y + np.sqrt(1 - ry) * other)
    return x, d, y, z, fit


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.95), st.floats(0, 0.9))
def test_exact_for_a_confounder_that_was_made(seed: int, ry: float, rd: float):
    x, d, y, z, fit = made(seed, ry, rd)
    own = d - np.linalg.qr(x)[0] @ (np.linalg.qr(x)[0].T @ d)
    error = np.sqrt(fit.residual_variance() / (own @ own))
    full = least_squares(np.column_stack([x, z, d]), y)
    both = np.column_stack([x, z])
    left = d - np.linalg.qr(both)[0] @ (np.linalg.qr(both)[0].T @ d)
    full_error = np.sqrt(full.residual_variance() / (left @ left))
    found = adjusted(float(fit.coefficients[-1]), float(error), fit.df_residual, ry, rd)
    assert float(found.estimate) == pytest.approx(float(full.coefficients[-1]), abs=1e-8)
    assert float(found.std_error) == pytest.approx(float(full_error), rel=1e-7)
    assert partial_r2(d, x, z[:, None]) == pytest.approx(rd, abs=1e-9)
    assert partial_r2(y, np.column_stack([x, d]), z[:, None]) == pytest.approx(ry, abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.floats(0.05, 40), st.integers(3, 2000), st.sampled_from([0.25, 0.5, 1.0, 1.5]))
def test_at_the_robustness_value_the_share_is_gone(t: float, df: int, q: float):
    value = robustness_value(t, df, q=q)
    assert 0 < value < 1
    left = adjusted(t, 1.0, df, value, value)
    assert float(left.estimate) == pytest.approx((1 - q) * t, abs=1e-7 * t + 1e-9)
    critical = float(student_quantile(0.95, df - 1))
    limit = robustness_value(t, df, q=q, critical=critical)
    assert 0 <= limit <= value + 1e-12
    if q == 1 and 0 < limit < 0.95 and t / np.sqrt(df) < np.sqrt(df - 1) / critical:
        at = adjusted(t, 1.0, df, limit, limit)
        assert float(at.estimate / at.std_error) == pytest.approx(critical, rel=1e-6)


def test_a_benchmark_as_strong_as_a_covariate():
    # sensemakr: r2dz.x = kd r2/(1 - r2); here for one covariate by its own algebra.
    treatment, outcome = benchmark_bounds(0.02, 0.1, [1.0, 2.0, 60.0])
    assert treatment[0] == pytest.approx(0.02 / 0.98, rel=1e-12)
    assert treatment[2] > 1
    assert np.isnan(outcome[2])
    shared = 0.02**2 / (0.98 * 0.98)
    wanted = ((1 + np.sqrt(shared)) / np.sqrt(1 - shared)) ** 2 * 0.1 / 0.9
    assert outcome[0] == pytest.approx(wanted, rel=1e-12)
    assert benchmark_bounds(0.02, 0.9, 1.0)[1] == 1.0
