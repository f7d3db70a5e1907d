"""Reference values come from scripts that are here, on inputs that are here, and have not drifted.

``make reference`` runs the scripts anew and records the hashes.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

HERE = Path(__file__).parent
TOOL: dict[str, Any] = runpy.run_path(str(HERE / "regenerate.py"))
SCRIPTS: list[Path] = TOOL["scripts"]()
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


@each_script
def test_scripts_and_their_files_are_here(script: Path) -> None:
    files = TOOL["named"](script)
    assert files, "the script must name the files that it reads and writes"
    assert {name for name in files if not (script.parent / name).exists()} == set()


def test_every_table_belongs_to_a_script() -> None:
    tables = {path for path in HERE.rglob("*.csv") if path.name != TOOL["MANIFEST"]}
    named = {script.parent / name for script in SCRIPTS for name in TOOL["named"](script)}
    assert {path.name for path in tables - named} == set()


def test_nothing_has_changed_since_the_scripts_ran() -> None:
    recorded, present = TOOL["recorded"](), TOOL["present"]()
    changed = {name for name in recorded | present if recorded.get(name) != present.get(name)}
    assert changed == set(), "run make reference"


def has(packages: set[str]) -> bool:
    """Say whether R has some packages."""
    asked = ", ".join(f"requireNamespace('{name}', quietly = TRUE)" for name in packages)
    code = f"quit(status = !all({asked}))" if packages else "quit(status = 0)"
    return subprocess.run(["Rscript", "-e", code], capture_output=True, check=False).returncode == 0


@each_script
def test_scripts_give_the_same_again(script: Path, tmp_path: Path) -> None:
    if not os.environ.get("EVALKIT_REFERENCE"):
        pytest.skip("EVALKIT_REFERENCE is not set")
    if shutil.which("Rscript") is None or not has(TOOL["packages"](script)):
        pytest.skip("needs R with the script's packages")
    for path in script.parent.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    TOOL["run"](tmp_path / script.name)
    for name in sorted(TOOL["named"](script)):
        before, after = (pd.read_csv(folder / name) for folder in (script.parent, tmp_path))
        pd.testing.assert_frame_equal(after, before, rtol=1e-9, atol=1e-12)
