"""The lock names what is installed, byte for byte, and no place to get it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PINNED = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.+))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def normal(requirement: str) -> str:
    """Return the normalised name of the package that a requirement asks for."""
    match = NAME.match(requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


@pytest.fixture(scope="module")
def lock(root: Path) -> str:
    return (root / "requirements.lock").read_text("utf-8")


@pytest.fixture(scope="module")
def entries(lock: str) -> list[list[str]]:
    """Return each entry of the lock as its requirement followed by its options."""
    lines = lock.replace("\\\n", "\x00").splitlines()
    return [[part.strip() for part in line.split("\x00")] for line in lines]


def test_no_address(lock: str) -> None:
    assert "://" not in lock
    assert "index-url" not in lock
    assert "find-links" not in lock


def test_every_requirement_is_pinned_and_hashed(entries: list[list[str]]) -> None:
    assert entries
    for requirement, *options in entries:
        assert PINNED.fullmatch(requirement), requirement
        assert options, requirement
        assert all(HASH.fullmatch(option) for option in options), requirement


def test_each_package_has_one_version(entries: list[list[str]]) -> None:
    names = [requirement.split("==")[0] for requirement, *_ in entries]
    assert sorted(names) == sorted(set(names))


def test_the_lock_covers_the_project(root: Path, entries: list[list[str]]) -> None:
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    asked = [
        *settings["build-system"]["requires"],
        *settings["project"]["dependencies"],
        *settings["dependency-groups"]["test"],
        *settings["dependency-groups"]["build"],
    ]
    locked = {requirement.split("==")[0] for requirement, *_ in entries}
    assert {normal(requirement) for requirement in asked} <= locked


def test_no_heavy_package_slips_in(entries: list[list[str]]) -> None:
    locked = {requirement.split("==")[0] for requirement, *_ in entries}
    assert not locked & {"torch", "tensorflow", "jax", "pyspark", "jupyterlab", "notebook"}
