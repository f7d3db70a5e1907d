"""Mutation test: change every printed figure, and see whether the audit notices."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.published import audit, audit_power, load

FULL_MARGINS = [
    "000.t1", "000.t2", "000.t3", "000.t4", "000.t5", "000.t6",
    "001.t4a", "001.t4b", "001.t7a", "001.t7b", "003.t1", "003.t2",
]  # fmt: skip


def test_power_where_margins_are_full(record_property) -> None:
    power = audit_power(FULL_MARGINS)
    counts = power[power["measure"] == "count"]
    found, tried = int(counts["found"].sum()), int(counts["n"].sum())
    record_property("counts changed by 1 or 10, found", f"{found} of {tried}")
    assert found / tried >= 0.95
    assert set(power["table_id"]) == set(FULL_MARGINS)


def test_power_over_all_tables_is_reported(record_property) -> None:
    power = audit_power().groupby("measure")[["found", "n"]].sum()
    for measure, found, tried in power.itertuples():
        record_property(f"{measure} changes found", f"{found} of {tried}")
    assert set(power.index) == {"count", "percent"}
    assert (power["found"] <= power["n"]).all()


@pytest.mark.parametrize("table_id", ["000.t3", "001.t7b", "003.t1"])
def test_power_agrees_with_a_real_audit(table_id: str) -> None:
    frame = load(table_id).to_frame()
    before = len(audit(frame).findings)
    rng = np.random.default_rng(20121)
    for place in rng.choice(np.flatnonzero(frame["measure"] == "count"), 8, replace=False):
        changed = frame.drop(columns="text")
        changed.loc[place, "value"] += 1
        assert len(audit(changed).findings) > before
