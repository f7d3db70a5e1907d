"""A test that needs a browser skips where there is none, and fails where there must be one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MARKED = """
    import pytest

    @pytest.mark.needs("chromium")
    def test_page():
        pass
"""


@pytest.fixture
def marked(pytester: pytest.Pytester, root: Path, monkeypatch: pytest.MonkeyPatch):
    pytester.makeconftest((root / "tests/conftest.py").read_text("utf-8"))
    pytester.makepyfile(MARKED)
    pytester.makeini("[pytest]\nmarkers = needs(tool)")
    monkeypatch.delenv("EVALKIT_REQUIRE_TOOLS", raising=False)
    return pytester


def test_skips_with_a_message(marked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = marked.runpytest_inprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*chromium is not installed*"])


def test_fails_where_tools_are_required(
    marked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("EVALKIT_REQUIRE_TOOLS", "1")
    result = marked.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*chromium is not installed*"])


def test_runs_where_the_tool_is_there(
    marked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = marked.path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(marked.path))
    marked.runpytest_inprocess().assert_outcomes(passed=1)
