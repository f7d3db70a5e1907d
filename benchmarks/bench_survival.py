"""Time evalkit's own calls with pytest-benchmark, to follow them from one change to the next.

    python -m pytest benchmarks/bench_survival.py --benchmark-autosave

needs pytest-benchmark. The peers are timed by ``beside.py``, each in its own environment.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytest_benchmark")

HERE = Path(__file__).parent
BESIDE: dict[str, Any] = runpy.run_path(str(HERE / "beside.py"))
WORKER: dict[str, Any] = runpy.run_path(str(HERE / "worker.py"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


@pytest.mark.parametrize("work", BESIDE["WORKS"], ids=lambda work: work.task)
def test_speed(benchmark: Any, work: Any, folder: Path) -> None:
    data = folder / f"{work.n}.bin"
    if not data.exists():
        BESIDE["write_data"](data, work.n)
    benchmark.extra_info["n"] = work.n
    call = WORKER["evalkit"](work.task, WORKER["read"](data))
    benchmark.pedantic(call, rounds=3, warmup_rounds=1)
