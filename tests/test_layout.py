"""A wheel is complete: modules, marker, licence, and the data that evalkit ships."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

SHIPPED = {
    "published": "data/published",
    "synthetic": "data/synthetic",
    "notebooks": "notebooks",
}


def build(root: Path, target: str, folder: Path) -> Path:
    """Build a distribution of the checkout, with nothing taken from the network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target]
    done = subprocess.run(
        [*command, "--directory", str(folder)], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


def relative_files(folder: Path) -> set[str]:
    """Return the paths of the files in a folder, relative to it."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    made = {"__pycache__", ".ipynb_checkpoints"}
    return {path.as_posix() for path in found if not made.intersection(path.parts)}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build(root, "wheel", tmp_path_factory.mktemp("wheel")))


@pytest.mark.parametrize("kind", SHIPPED)
def test_shipped_files_are_in_the_wheel(root: Path, wheel: zipfile.ZipFile, kind: str) -> None:
    prefix = f"evalkit/_data/{kind}/"
    packed = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}
    assert packed
    assert packed == relative_files(root / SHIPPED[kind])


def test_the_wheel_has_modules_marker_licence_and_command(
    root: Path, wheel: zipfile.ZipFile
) -> None:
    names = set(wheel.namelist())
    assert {f"evalkit/{name}" for name in relative_files(root / "src/evalkit")} <= names
    assert "evalkit/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "evalkit = evalkit.cli:main" in wheel.read(entry_points).decode()


def test_the_wheel_has_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {"evalkit"}


def test_an_installed_wheel_reads_its_own_files(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from evalkit.core.resources import data_dir\n"
        "for kind in sys.argv[2:]: print(data_dir(kind))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *SHIPPED],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    expected = [str(tmp_path / "evalkit" / "_data" / kind) for kind in SHIPPED]
    assert done.stdout.split("\n")[:-1] == expected


def test_the_source_distribution_can_be_built_and_tested(root: Path, tmp_path: Path) -> None:
    with tarfile.open(build(root, "sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "Makefile", "requirements.lock", "README.md", "LICENSE"}
    assert wanted <= names
    assert {name.split("/")[0] for name in names} >= {"src", "data", "notebooks", "tests", "docs"}
