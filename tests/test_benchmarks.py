"""The benchmarks still run, on little data, and their page has the tables that they write."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

N = 2000


@pytest.fixture(scope="module")
def beside(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "benchmarks/beside.py"))


@pytest.fixture(scope="module")
def worker(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "benchmarks/worker.py"))


@pytest.fixture(scope="module")
def data(beside: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benchmarks") / f"{N}.bin"
    beside["write_data"](path, N)
    return path


def test_data_come_back_as_they_were_written(worker: dict[str, Any], data: Path) -> None:
    df = worker["read"](data)
    assert df.shape == (N, 15)
    assert df["days"].between(1, 1461).all()
    assert set(df["cause"]) == {0, 1, 2}
    assert (df["ended"] == (df["cause"] > 0)).all()
    assert df.dtypes.eq("int64").sum() == 5


def test_every_task_runs(beside: dict[str, Any], worker: dict[str, Any], data: Path) -> None:
    df = worker["read"](data)
    for work in beside["WORKS"]:
        assert np.isfinite(worker["evalkit"](work.task, df)()), work.task


def test_a_tool_that_fails_says_why(beside: dict[str, Any]) -> None:
    import sys

    assert beside["run"]([sys.executable, "-c", "1 / 0"]) == {
        "problem": "ZeroDivisionError: division by zero"
    }
    assert beside["run"]([sys.executable, "-c", "import time; time.sleep(9)"], 0.2) == {
        "problem": "over 0 s"
    }


def test_the_page_has_a_place_for_the_tables(beside: dict[str, Any], root: Path) -> None:
    page = (root / "docs/benchmarks.md").read_text("utf-8")
    assert page.count(beside["BEGIN"]) == page.count(beside["END"]) == 1
    assert page.index(beside["BEGIN"]) < page.index(beside["END"])
    for work in beside["WORKS"]:
        assert f"| {work.title} |" in page, "run make bench"
