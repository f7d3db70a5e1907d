"""Item-rest correlations, against numpy's correlation of each item with the sum of the others."""

from __future__ import annotations

import numpy as np

from evalkit.kernels.reliability import item_rest_correlations
from evalkit.typing import FloatArray


def item_rest(points: FloatArray) -> FloatArray:
    return item_rest_correlations(np.cov(points, rowvar=False))


def test_equals_the_correlation_with_the_others() -> None:
    points = np.random.default_rng(1).normal(size=(50, 5)) + np.arange(5)
    expected = [
        np.corrcoef(points[:, j], np.delete(points, j, axis=1).sum(axis=1))[0, 1] for j in range(5)
    ]
    np.testing.assert_allclose(item_rest(points), expected, rtol=1e-10)


def test_a_constant_item_has_none() -> None:
    points = np.array([[1.0, 2.0, 3.0], [1.0, 4.0, 3.0], [1.0, 5.0, 7.0]])
    r = item_rest(points)
    assert np.isnan(r[0])
    np.testing.assert_allclose(r[1:], np.corrcoef(points[:, 1], points[:, 2])[0, 1], rtol=1e-12)


def test_constants_everywhere() -> None:
    assert np.isnan(item_rest(np.ones((4, 3)))).all()
    assert np.isnan(item_rest(np.full((4, 2), 0.1))).all()
