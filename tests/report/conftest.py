"""Small notebooks that stand in for reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from evalkit.report import runner

_PREAMBLE = """
import pandas as pd
from evalkit import published
from evalkit.report import Document, frequency_table
doc = Document(lang, title={"sv": "En rapport", "en": "A report"}[lang], facts=[("Källa", "A & B")])
doc.text(role="summary", sv="## Sammanfattning\\n\\n- Kort.", en="## Summary\\n\\n- Short.")
doc.contents()
doc.text(sv="## Resultat", en="## Results")
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a report where the runner looks for them: a document, the given cells, its end."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(runner, "data_dir", lambda _: folder)
    # The kernel imports what this process imports.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))

    def put(
        name: str,
        *cells: str,
        tag: str = "parameters",
        end: str = "doc.finish(inconsistencies=1)",
    ) -> None:
        first = nbformat.v4.new_code_cell("lang = 'sv'", metadata={"tags": [tag]})
        hidden = nbformat.v4.new_markdown_cell("Not for the page.", metadata={"tags": ["hide"]})
        rest = [nbformat.v4.new_code_cell(cell) for cell in (_PREAMBLE, *cells, end)]
        notebook = nbformat.v4.new_notebook(cells=[hidden, first, *rest])
        nbformat.write(notebook, folder / f"{name}.ipynb")

    return put
