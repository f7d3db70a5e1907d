"""Mutation test: change every printed figure, and see whether the audit notices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.published import audit, audit_power, load

DOCUMENT = Path(__file__).parents[2] / "docs" / "RELATIONS.md"
FULL_MARGINS = [
    "000.t1", "000.t2", "000.t3", "000.t4", "000.t5", "000.t6",
    "001.t4a", "001.t4b", "001.t7a", "001.t7b", "003.t1", "003.t2",
]  # fmt: skip


@pytest.fixture(scope="module")
def power() -> pd.DataFrame:
    return audit_power()


def totals(power: pd.DataFrame, measure: str) -> tuple[int, int]:
    rows = power[power["measure"] == measure]
    return int(rows["n"].sum()), int(rows["found"].sum())


def test_nearly_every_slip_is_found_where_margins_are_full(power: pd.DataFrame) -> None:
    full = power[power["table_id"].isin(FULL_MARGINS)]
    assert set(full["table_id"]) == set(FULL_MARGINS)
    for measure in ("count", "percent"):
        tried, found = totals(full, measure)
        assert found >= 0.95 * tried


def test_the_document_reports_the_shares_found(power: pd.DataFrame) -> None:
    full = power[power["table_id"].isin(FULL_MARGINS)]
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, rows, measure in [
        ("counts, twelve tables with full margins", full, "count"),
        ("percentages, the same tables", full, "percent"),
        ("counts, everywhere", power, "count"),
        ("percentages, everywhere", power, "percent"),
    ]:
        tried, found = totals(rows, measure)
        assert f"| {name} | {tried} | {found} |" in text


@pytest.mark.parametrize("table_id", ["000.t3", "001.t7b", "003.t1"])
def test_power_agrees_with_a_real_audit(table_id: str) -> None:
    frame = load(table_id).to_frame()
    before = set(audit(frame).findings["message"])
    rng = np.random.default_rng(20121)
    counts = np.flatnonzero(frame["measure"] == "count")
    for place in rng.choice(counts, 8, replace=False):
        changed = frame.drop(columns="text")
        changed.loc[place, "value"] += 1
        after = audit(changed).findings
        assert set(after["message"]) - before
        assert (after["table_id"] == table_id).any()
