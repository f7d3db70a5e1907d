"""The intervals of incidences hold the truth as often as they say: part of the full table."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coverage_incidence.py"
REPLICATIONS = 40


@pytest.fixture(scope="module")
def simulation() -> Iterator[ModuleType]:
    """Return the script that writes the full table."""
    spec = importlib.util.spec_from_file_location("coverage_incidence", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)
        spec.loader.exec_module(module)
        yield module


@pytest.mark.parametrize(("draw", "size"), [("one", 500), ("one_clustered", 50)])
def test_the_level_is_reached(simulation: ModuleType, draw: str, size: int) -> None:
    coverage = importlib.import_module("simulation").coverage
    table = coverage(getattr(simulation, draw), size, 0.5, REPLICATIONS)
    assert (table["coverage"] > 0.95 - 4 * sqrt(0.95 * 0.05 / REPLICATIONS)).all()
