"""A cheap version of benchmarks/coverage_standardise.py: the same draws each time."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/coverage_standardise.py"))


@pytest.mark.parametrize(("cells", "ratio"), [(8, 1.0), (8, 3.0), (40, 3.0)])
def test_intervals_from_own_strata_hold_where_the_null_variance_does_not(cells, ratio) -> None:
    rng = np.random.default_rng(cells)
    samples = (TOOL["one"](rng, cells, 100, ratio) for _ in range(250))
    found = TOOL["simulate"](samples, cells=cells, n=100, ratio=ratio).set_index("estimand")
    held = found["coverage"].astype(float)
    assert held["indirect ratio, strata"] >= 0.93
    assert held["indirect ratio, binomial"] >= held["indirect ratio, strata"]
    assert held["indirect ratio, riket uncertain"] >= 0.91
    if ratio == 1:
        assert float(found.loc["indirect ratio, strata", "rejections"]) <= 0.07
    else:
        assert held["indirect ratio, null variance"] <= 0.92
        assert held["indirect ratio, poisson"] >= 0.98  # too wide


def test_raked_shares() -> None:
    rng = np.random.default_rng(0)
    samples = (TOOL["raked"](rng, 200) for _ in range(100))
    found = TOOL["simulate"](samples, cells=4, n=200, ratio="")
    assert 0.9 <= float(found["coverage"].iloc[0]) <= 1


def test_clusters_within_cells() -> None:
    rng = np.random.default_rng(1)
    samples = (TOOL["clustered"](rng, 40, 400) for _ in range(80))
    found = TOOL["simulate"](samples, cells=4, n=400, ratio="")
    assert (found["coverage"].astype(float).between(0.87, 0.995)).all()
