"""The page on coverage has the tables that the simulations wrote."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def tool(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "benchmarks/coverage_page.py"))


def test_every_simulation_has_a_table(tool: dict[str, Any], root: Path) -> None:
    scripts = set((root / "benchmarks").glob("coverage_*.py")) - {
        root / "benchmarks/coverage_page.py"
    }
    assert {path.stem for path in scripts} == {path.stem for path in tool["simulations"]()}


def test_the_page_is_what_the_simulations_found(tool: dict[str, Any], root: Path) -> None:
    text = (root / "docs/coverage.md").read_text("utf-8")
    assert tool["page"]() in text, "run python benchmarks/coverage_page.py"


def test_tables_are_laid_out(tool: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "coverage_x.csv"
    pd.DataFrame({"estimand": ["km"], "coverage": [0.95]}).to_csv(path, index=False)
    assert tool["table"](path) == "| estimand | coverage |\n| --- | ---: |\n| km | 0.95 |"
