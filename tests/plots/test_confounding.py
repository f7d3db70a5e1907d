"""Contours of omitted confounders: which are drawn, the benchmarks, and texts that do not clash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evalkit.errors import InputError
from evalkit.kernels.omitted_bias import adjusted
from evalkit.plots.confounding import confounding_contours

SHARES = np.linspace(0, 0.4, 41)
ACROSS, UP = np.meshgrid(SHARES, SHARES)


@pytest.mark.parametrize(("estimate", "error"), [(2.0, 0.4), (-1500.0, 320.0), (0.004, 0.001)])
def test_the_contours(estimate: float, error: float, clashes: Callable[[Any], list[str]]):
    height = adjusted(estimate, error, 200, UP, ACROSS).estimate
    points = [("1x age", 0.05, 0.1), ("2x age", 0.1, 0.2), ("1x sex", 0.33, 0.3)]
    axes = confounding_contours(SHARES, SHARES, height, points=points)
    texts = [text.get_text() for text in axes.texts]
    assert {"1x age", "2x age", "1x sex"} <= set(texts)
    assert any("▲ utan: " in text for text in texts)
    assert axes.get_xlim() == (0, 0.4)
    thick = axes.collections[-1]
    path = np.concatenate([p.vertices for p in thick.get_paths()])
    inside = adjusted(estimate, error, 200, path[:, 1], path[:, 0]).estimate
    assert np.abs(inside).max() < 0.01 * abs(estimate)  # the thick line is where nothing is left
    assert [clash for clash in clashes(axes.figure) if "age" in clash and "sex" in clash] == []


def test_english_and_shapes():
    height = adjusted(2.0, 0.4, 200, UP, ACROSS).estimate
    axes = confounding_contours(SHARES, SHARES, height, lang="en", value="statistic", critical=1.97)
    assert any("critical value" in text.get_text() for text in axes.texts)
    with pytest.raises(InputError, match="height: must be of shape"):
        confounding_contours(SHARES, SHARES, height[:5])
    flat = confounding_contours(SHARES, SHARES, np.zeros_like(height) + ACROSS * 1e-9, critical=5.0)
    assert flat.texts
