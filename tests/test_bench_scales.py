"""The benchmarks of survey scales still run, on little data."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def bench(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "benchmarks/bench_scales.py"))


@pytest.fixture(scope="module")
def data(bench: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("benchmarks")
    paths = {kind: folder / f"{kind}.bin" for kind in ("complete", "holes", "items", "ratings")}
    for kind, path in paths.items():
        bench["write_data"](path, kind, 300)
    return paths


def test_data_come_back_as_they_were_drawn(bench: dict[str, Any], data: dict[str, Path]) -> None:
    holes = bench["read"](data["holes"])
    assert holes.shape == (300, 36)
    assert 0.01 < holes.isna().to_numpy().mean() < 0.05
    drawn = bench["answers"]("holes", 300)
    np.testing.assert_array_equal(holes.fillna(0).to_numpy(), drawn.to_numpy())
    assert bench["read"](data["complete"]).max().tolist() == [
        bench["HIGHEST"].get(item, 5) for item in range(1, 37)
    ]


def test_every_task_runs(bench: dict[str, Any], data: dict[str, Path]) -> None:
    for work in bench["WORKS"]:
        value = bench["evalkit"](work.task, bench["read"](data[work.kind]))()
        assert np.isfinite(value), work.title


def test_tables_are_laid_out(bench: dict[str, Any], tmp_path: Path, root: Path) -> None:
    mine = [sys.executable, str(root / "benchmarks/bench_scales.py"), "--worker", "evalkit"]
    small = [bench["Work"]("alpha", "Alpha", "items", 200, 60.0)]
    table = bench["compare"]({"evalkit": mine}, small, 1, tmp_path)
    assert table[-1].startswith("| Alpha | 200 | ")
    assert table[-1].endswith("| 60 s | yes |")
    grown = bench["growth"]({"evalkit": mine}, [1_000], tmp_path)
    assert grown[-1].startswith("| 1 000 | ")
    assert grown[-1].count("|") == grown[0].count("|")


def test_what_is_required_is_said(bench: dict[str, Any]) -> None:
    score, _, alpha = bench["WORKS"][:3]
    assert bench["_goal"](score, 0.5) == ("1 s", "yes")
    assert bench["_goal"](score, 1.5) == ("1 s", "no")
    assert bench["_goal"](alpha, 1.5) == ("", "")
