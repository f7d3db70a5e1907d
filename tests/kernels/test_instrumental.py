"""Ratios of effects, their sets, and bounds: against grids, direct formulas and linear programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from evalkit.kernels.instrument_bounds import balke_pearl
from evalkit.kernels.instrumental import ratio_set, reduced_form

FINITE = st.floats(-5, 5, allow_nan=False).map(lambda v: round(v, 3))


@given(FINITE, FINITE, FINITE)
def test_the_set_is_where_the_quadratic_is_not_positive(a: float, b: float, c: float) -> None:
    parts = ratio_set(a, b, c)
    for x in np.linspace(-20, 20, 401):
        value = a * x * x - 2 * b * x + c
        inside = any(low <= x <= high for low, high in parts)
        if abs(value) > 1e-6:
            assert inside is bool(value < 0), x
    assert list(parts) == sorted(parts)


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [
        ((1, 2, 3), ((1, 3),)),
        ((-1, -2, -3), ((-np.inf, 1), (3, np.inf))),
        ((-1, 0, -1), ((-np.inf, np.inf),)),
        ((1, 0, 1), ()),
        ((0, 1, 4), ((2, np.inf),)),
        ((0, -1, 4), ((-np.inf, -2),)),
        ((0, 0, -1), ((-np.inf, np.inf),)),
        ((0, 0, 1), ()),
        ((1, 0, 0), ((0, 0),)),
    ],
)
def test_every_form_of_set(coefficients, expected) -> None:
    assert ratio_set(*coefficients) == expected


def test_nearly_equal_roots_keep_their_digits() -> None:
    ((low, high),) = ratio_set(1e-9, 1.0, 1e-9)
    assert low == pytest.approx(5e-10, rel=1e-12)
    assert high == pytest.approx(2e9, rel=1e-12)


def test_reduced_form_without_covariates_is_two_welch_variances() -> None:
    rng = np.random.default_rng(3)
    z = np.repeat([0.0, 1.0], [30, 40])
    d = (rng.random(70) < 0.1 + 0.6 * z) + 0.0
    y = 3 + d + rng.normal(size=70)
    found = reduced_form(np.ones((70, 1)), z, d, y, None)
    joint = np.vstack([y, d])
    expected = np.cov(joint[:, z == 1]) / 40 + np.cov(joint[:, z == 0]) / 30
    np.testing.assert_allclose(found.variance, expected, rtol=1e-10)
    assert found.outcome == pytest.approx(y[z == 1].mean() - y[z == 0].mean(), rel=1e-12)
    df = (1 / 40 + 1 / 30) ** 2 / (1 / (40**2 * 39) + 1 / (30**2 * 29))
    assert found.df == pytest.approx(df, rel=1e-9)
    # Fieller by hand.
    t2 = stats.t.ppf(0.975, df) ** 2
    a, b = found.outcome, found.received
    roots = np.roots(
        [
            b * b - t2 * expected[1, 1],
            -2 * (a * b - t2 * expected[0, 1]),
            a * a - t2 * expected[0, 0],
        ]
    )
    assert found.anderson_rubin(0.95) == (pytest.approx(tuple(sorted(roots)), rel=1e-9),)


def test_perfect_adherence_has_an_infinite_first_stage() -> None:
    z = np.repeat([0.0, 1.0], 10)
    y = np.arange(20.0) % 7
    found = reduced_form(np.ones((20, 1)), z, z, y, None)
    assert found.first_stage_f == np.inf
    ((low, high),) = found.anderson_rubin(0.95)
    t = stats.t.ppf(0.975, 18)
    half = t * np.sqrt(y[:10].var(ddof=1) / 10 + y[10:].var(ddof=1) / 10)
    assert (low, high) == pytest.approx((found.outcome - half, found.outcome + half), rel=1e-8)


def programme() -> tuple[np.ndarray, np.ndarray]:
    """Return shares by assignment, outcome and treatment of the 16 types, and their effects."""
    take, react = [(0, 0), (0, 1), (1, 0), (1, 1)], [(0, 0), (0, 1), (1, 0), (1, 1)]
    shares, effects = np.zeros((8, 16)), np.zeros(16)
    for i, by_z in enumerate(take):
        for j, by_d in enumerate(react):
            effects[4 * i + j] = by_d[1] - by_d[0]
            for z in range(2):
                d = by_z[z]
                shares[4 * z + 2 * by_d[d] + d, 4 * i + j] = 1
    return shares, effects


@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.3, 1.0]))
def test_bounds_solve_the_linear_programmes(seed: int, concentration: float) -> None:
    shares, effects = programme()
    types = np.random.default_rng(seed).dirichlet(np.full(16, concentration))
    observed = shares @ types
    found = balke_pearl(observed.reshape(2, 2, 2) * 1000, 0.95)
    for sign, bound in ((1, found.lower), (-1, found.upper)):
        best = optimize.linprog(sign * effects, A_eq=shares, b_eq=observed, bounds=(0, 1))
        assert sign * best.fun == pytest.approx(bound, abs=1e-7)
    assert found.lower - 1e-12 <= effects @ types <= found.upper + 1e-12
    assert found.violation < 1e-12
    assert found.conf_low <= found.lower
    assert found.conf_high >= found.upper


def test_limits_hold_the_effect() -> None:
    shares, effects = programme()
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(300):
        types = rng.dirichlet(np.full(16, 0.3))
        p = (shares @ types).reshape(2, 4)
        counts = np.array([rng.multinomial(60, row / row.sum()) for row in p]).reshape(2, 2, 2)
        found = balke_pearl(counts.astype(float), 0.9)
        held += found.conf_low <= effects @ types <= found.conf_high
    assert held >= 0.9 * 300


def test_the_instrumental_inequality_can_fail() -> None:
    counts = np.zeros((2, 2, 2))
    counts[0, 1, 0] = counts[1, 0, 0] = (
        10  # all untreated; all succeed in one arm, none in the other
    )
    assert balke_pearl(counts, 0.95).violation == pytest.approx(1.0)
