"""Tutorial notebooks run from the first cell to the last, and are kept without outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from evalkit.core.resources import data_dir
from evalkit.report.runner import _execute

TUTORIALS = sorted(data_dir("notebooks").glob("tutorial_*.ipynb"))
each_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[Any]:
    """Return the notebook's code cells."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_tutorials() -> None:
    assert TUTORIALS


@each_tutorial
def test_outputs_are_stripped(path: Path) -> None:
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(path))


@each_tutorial
def test_the_notebook_runs_and_says_nothing_on_the_side(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    ran: list[int] = []
    _execute(notebook, lambda: ran.append(1))
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert len(ran) == len(cells)
    assert [output.text for output in outputs if output.output_type == "stream"] == []
    pages = [output.get("data", {}).get("text/html", "") for output in outputs]
    figures = [page for page in pages if "<svg" in page]
    shown = [cell for cell in cells if "\nshow(" in cell.source]
    for page in figures:
        (told,) = re.findall(r'<svg [^>]*role="img" [^>]*><title [^>]*>([^<]*)</title>', page)
        assert len(told) > 60, "a figure says what it shows"
    assert not any("image/" in kind for output in outputs for kind in output.get("data", {}))
    assert len(figures) == len(shown) > 0
