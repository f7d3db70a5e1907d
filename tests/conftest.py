"""Shared by all tests: programs that are not Python, and reproducible random examples."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# Each tool that a test may ask for, and the names under which a machine may have it.
TOOLS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "chrome"),
    "node": ("node",),
}

settings.register_profile("evalkit", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("evalkit")


def find_tool(name: str) -> str:
    """Return the path of a tool; where it is absent, skip the test, or fail it in CI."""
    for program in TOOLS[name]:
        if path := shutil.which(program):
            return path
    message = f"{name} is not installed (looked for {', '.join(TOOLS[name])})"
    if os.environ.get("EVALKIT_REQUIRE_TOOLS"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the tools that the test is marked to need, before anything of it runs."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            find_tool(name)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the source checkout."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the browser."""
    return find_tool("chromium")
