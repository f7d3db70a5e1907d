"""The benchmarks of matching still run, on little data."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def bench(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "benchmarks/bench_matching.py"))


@pytest.fixture(scope="module")
def data(bench: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benchmarks") / "900.bin"
    bench["write_data"](path, 100, 800)
    return path


def test_data_come_back_as_they_were_written(bench: dict[str, Any], data: Path) -> None:
    df = bench["read"](data)
    assert df.shape == (900, 6)
    assert df["took"].sum() == 100
    assert df.dtypes.eq("int64").sum() == 3


def test_every_task_runs(bench: dict[str, Any], data: Path) -> None:
    df = bench["read"](data)
    for task in {work.task for work in bench["WORKS"]}:
        assert 50 < bench["evalkit"](task, bench["prepared"](task, df))() <= 100, task


def test_what_is_required_is_said(bench: dict[str, Any]) -> None:
    exact, large = bench["WORKS"][1], bench["WORKS"][5]
    assert bench["_goals"](exact, {"MatchIt": 1.0}, 0.05, 1.0) == ("10 x MatchIt", "yes")
    assert bench["_goals"](exact, {}, 0.05, 1.0) == ("10 x MatchIt", "not measured")
    assert bench["_goals"](large, {}, 4.0, 3.0) == ("3 s, 4 times the data", "no, yes")
