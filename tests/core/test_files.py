"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evalkit.core.files import write_whole


def test_text_and_bytes_as_they_are(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "new" / "a.txt", "å\r\n\n")
    assert path.read_bytes() == "å\r\n\n".encode()
    assert write_whole(path, b"\x00").read_bytes() == b"\x00"


@pytest.mark.skipif(os.name == "nt", reason="permissions are the system's own there")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("")
    assert write_whole(tmp_path / "a", "").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch) -> None:
    path = write_whole(tmp_path / "a", "old")

    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]
