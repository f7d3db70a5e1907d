"""Shipped files are found in the checkout, and a folder that is absent is a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.core import resources
from evalkit.core.resources import data_dir
from evalkit.errors import InputError


def test_a_checkout_reads_the_files_that_people_edit(root: Path) -> None:
    assert data_dir("published") == root / "data/published"
    assert data_dir("synthetic") == root / "data/synthetic"
    assert data_dir("notebooks") == root / "notebooks"


def test_an_installed_package_prefers_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "src" / "evalkit"
    for folder in ("src/evalkit/_data/published", "data/published", "data/synthetic"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(resources, "files", lambda _: package)
    assert data_dir("published") == package / "_data" / "published"
    assert data_dir("synthetic") == tmp_path / "data" / "synthetic"


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"kind: must be one of .*'published'.* got 'tables'"):
        data_dir("tables")  # type: ignore[arg-type]


def test_missing_files_say_where_they_were_sought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "files", lambda _: tmp_path / "site-packages" / "evalkit")
    with pytest.raises(InputError, match=r"shipped data \(synthetic\).*_data.*wheel"):
        data_dir("synthetic")
