"""Paired shares: McNemar's test, Tango's interval, and that the two agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.kernels.paired_shares import mcnemar, symmetry, tango

counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60)).filter(
    lambda cells: sum(cells) > 0
)


@given(counts)
def test_interval_and_test_agree(cells: tuple[int, int, int]) -> None:
    b, c, rest = cells
    n = b + c + rest
    found = tango(b, c, n)
    low, high = float(found.low), float(found.high)
    assert -1 <= low <= (b - c) / n <= high <= 1
    if b + c:
        chi2 = (b - c) ** 2 / (b + c)
        if abs(chi2 - 3.841458820694124) > 1e-6:
            assert (low > 0 or high < 0) == (chi2 > 3.841458820694124)
    exchanged = tango(c, b, n)
    assert float(exchanged.low) == pytest.approx(-high, abs=1e-12)


def test_limits_where_no_pair_differs() -> None:
    # the score interval of (0, 0, n) is -z^2 / (n + z^2) to z^2 / (n + z^2)
    z2 = 1.959963984540054**2
    found = tango(0, 0, 25)
    assert float(found.high) == pytest.approx(z2 / (25 + z2), rel=1e-10)
    assert float(found.low) == pytest.approx(-z2 / (25 + z2), rel=1e-10)


def test_limits_where_all_pairs_differ() -> None:
    found = tango([12, 0], [0, 12], [12, 12])
    assert found.high[0] == 1
    assert found.low[1] == -1
    assert found.std_error.tolist() == [0, 0]
    assert 0.4 < found.low[0] < 1


def test_mcnemar_without_differing_pairs() -> None:
    test = mcnemar(0, 0)
    assert test.p_exact == test.p_mid == 1
    assert np.isnan([test.chi2, test.p_value, test.chi2_corrected, test.p_corrected]).all()


def test_continuity_correction_stops_at_zero() -> None:
    assert mcnemar(3, 3).chi2_corrected == 0
    assert mcnemar(3, 3).p_corrected == 1
    assert mcnemar(3, 3).p_exact == 1


def test_symmetry_counts_pairs_of_cells_that_are_not_empty() -> None:
    table = np.array([[5, 3, 0], [1, 5, 0], [0, 0, 5.0]])
    assert symmetry(table).df == 1
    assert symmetry(table).chi2 == pytest.approx(1)
    none = symmetry(np.diag([1.0, 2.0, 3.0]))
    assert none.df == 0
    assert np.isnan(none.p_value)


@given(st.integers(0, 50), st.integers(0, 50))
def test_symmetry_of_two_categories_is_mcnemar(b: int, c: int) -> None:
    table = np.array([[4, c], [b, 4.0]])
    assert symmetry(table).p_value == pytest.approx(mcnemar(b, c).p_value, nan_ok=True)
