"""Cell-by-cell comparison with the published tables."""

from __future__ import annotations

import pytest

from evalkit.errors import InputError
from evalkit.published import compare, load


def test_a_table_equals_itself() -> None:
    comparison = compare(load("000.t3").to_frame(), "000.t3")
    assert comparison.equal
    assert comparison.differences.empty
    assert comparison.n_cells == len(load("000.t3").cells)


def test_a_changed_cell_is_named() -> None:
    frame = load("000.t3").to_frame().drop(columns="text")
    frame.loc[4, "value"] += 1
    comparison = compare(frame, "000.t3")
    assert comparison.n_equal == comparison.n_cells - 1
    difference = comparison.differences.iloc[0]
    assert difference["computed"] == difference["published"] + 1


def test_unrounded_percentages_are_equal_if_they_round_to_the_printed_digit() -> None:
    frame = load("000.t1").to_frame().drop(columns="text")
    share = frame["measure"] == "percent"
    counts = frame.loc[frame["measure"] == "count", "value"].to_numpy()
    frame.loc[share, "value"] = 100 * counts / 3625
    assert compare(frame, "000.t1").equal
    frame.loc[frame.index[share][0], "value"] = 100.5
    assert compare(frame, "000.t1").n_equal == len(frame) - 1


def test_missing_cells_are_differences() -> None:
    frame = load("000.t1").to_frame().iloc[2:]
    comparison = compare(frame, "000.t1")
    assert comparison.n_cells - comparison.n_equal == 2
    assert comparison.differences["computed"].isna().all()


def test_strange_cells_are_errors() -> None:
    frame = load("000.t1").to_frame()
    frame.loc[0, "row"] = "Alla"
    with pytest.raises(InputError, match="only cells that") as caught:
        compare(frame, "000.t1")
    assert "Alla" in str(caught.value)
    with pytest.raises(InputError, match="tidy frame"):
        compare(frame.drop(columns="measure"), "000.t1")
