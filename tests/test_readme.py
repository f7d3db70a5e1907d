"""The lines of Python that the README shows do run, and say what it claims."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def blocks(root: Path) -> list[str]:
    readme = (root / "README.md").read_text("utf-8")
    found = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(found) == 4
    return found


@pytest.mark.parametrize("place", range(4))
def test_the_lines_run_as_they_stand(blocks: list[str], place: int) -> None:
    exec(blocks[place], {})


def test_every_cell_is_equal_as_claimed(blocks: list[str]) -> None:
    scope: dict[str, object] = {}
    for line in filter(None, blocks[0].splitlines()):
        code, _, comment = line.partition("#")
        if "cells equal" in comment:
            assert comment.strip() in str(eval(code, scope))
            return
        exec(code, scope)
    pytest.fail("the README makes no claim about cells")
