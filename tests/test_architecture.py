"""The architecture page lists every module once, with the purpose that the module states."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROW = re.compile(r"\| `(?P<module>evalkit[\w.]*)` \| (?P<purpose>.+) \|")
LONGEST = 400


def modules(root: Path) -> dict[str, Path]:
    """Return each module of the package with its file."""
    found: dict[str, Path] = {}
    for path in (root / "src").rglob("*.py"):
        name = path.relative_to(root / "src").with_suffix("").as_posix().replace("/", ".")
        found[name.removesuffix(".__init__")] = path
    return found


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs/ARCHITECTURE.md").read_text("utf-8")


def test_every_module_is_listed_once(root: Path, page: str) -> None:
    listed = [match["module"] for match in ROW.finditer(page)]
    assert listed == sorted(modules(root)), "run make inventory"


def test_purposes_are_the_modules_own(root: Path, page: str) -> None:
    listed = {match["module"]: match["purpose"] for match in ROW.finditer(page)}
    for name, path in modules(root).items():
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        assert docstring, f"{name} has no docstring"
        assert listed[name] == docstring.splitlines()[0], f"{name}: run make inventory"


def test_modules_stay_short(root: Path) -> None:
    lengths = {
        name: len(path.read_text("utf-8").splitlines()) for name, path in modules(root).items()
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


def test_the_page_names_every_layer(root: Path, page: str) -> None:
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    drawn = page.split("## Layers")[1].split("```")[1]
    positions = [[drawn.index(name) for name in layer] for layer in layers]
    assert positions == sorted(positions)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md"])
def test_commands_and_links_in_the_documents_exist(root: Path, document: str) -> None:
    text = (root / document).read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", text):
        assert (root / document).parent.joinpath(link).exists(), link
