"""The lines of Python that the README shows do run, and say what it claims."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def statements(root: Path) -> list[str]:
    readme = (root / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    return [line for line in block.splitlines() if line]


def test_the_lines_run_as_they_stand(statements: list[str]) -> None:
    exec("\n".join(statements), {})


def test_every_cell_is_equal_as_claimed(statements: list[str]) -> None:
    scope: dict[str, object] = {}
    for line in statements:
        code, _, comment = line.partition("#")
        if "cells equal" in comment:
            assert comment.strip() in str(eval(code, scope))
            return
        exec(code, scope)
    pytest.fail("the README makes no claim about cells")
