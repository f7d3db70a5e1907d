"""The benchmarks of trials still run, on little data."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def bench(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "benchmarks/bench_trials.py"))


@pytest.fixture(scope="module")
def data(bench: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benchmarks") / "600.bin"
    bench["write_data"](path, 600, 40)
    return path


def test_data_come_back_as_they_were_written(bench: dict[str, Any], data: Path) -> None:
    df = bench["read"](data)
    assert df.shape == (600, 7)
    assert df.groupby("cluster")["cluster_arm"].nunique().eq(1).all()
    assert df.dtypes.eq("int64").sum() == 5


def test_every_task_runs(bench: dict[str, Any], data: Path) -> None:
    df = bench["read"](data)
    for work in bench["WORKS"]:
        assert np.isfinite(bench["evalkit"](work.task, df)()), work.task


def test_what_is_required_is_said(bench: dict[str, Any]) -> None:
    first, clusters = bench["WORKS"][0], bench["WORKS"][4]
    assert bench["_goals"](first, {"coin": 1.0}, 0.1) == (
        "5 x coin, 5 x scipy",
        "yes, not measured",
    )
    assert bench["_goals"](clusters, {}, 2.0) == ("1 s", "no")
