"""Bounds where cells are rounded or suppressed: every possible table, by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.matching.cell_bounds import standardise_bounds
from evalkit.matching.cell_texts import count_intervals
from evalkit.matching.standardisation import standardise

RIKET = pd.DataFrame({"c": ["a", "b", "d"], "rate": [0.5, 0.4, 0.1], "n": [40, 60, 20]})
PEOPLE = pd.DataFrame({"c": ["a", "b", "d"], "x": [12, 9, 3], "n": [20, 20, 5]})


def bounds(df, reference, **more):
    found = standardise_bounds(df, outcome="x", n="n", reference=reference, strata="c", **more)
    return found.to_frame().set_index("term")


def test_no_width_is_standardisation() -> None:
    exact = RIKET.drop(columns="rate").assign(rate_low=RIKET["rate"], rate_high=RIKET["rate"])
    for kind in ("indirect", "direct"):
        found = bounds(PEOPLE, exact, kind=kind)
        plain = standardise(PEOPLE, outcome="x", n="n", reference=RIKET, strata="c", kind=kind,
                            interval="binomial" if kind == "indirect" else "strata",
                            ).to_frame().set_index("term")  # fmt: skip
        for name in ("lower", "upper"):
            assert found[name].to_dict() == pytest.approx(plain["estimate"].to_dict())
        ends = ["conf_low", "conf_high"]
        assert found.loc["ratio", ends].tolist() == pytest.approx(plain.loc["ratio", ends].tolist())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["indirect", "direct"]))
def test_every_possible_table_is_inside(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 8, 3)
    shown = [str(c) if c >= 5 else "<5" for c in counts]
    n = rng.integers(8, 40, 3)
    riket = pd.DataFrame({"c": list("abd"), "count": shown, "n": n})
    own = rng.integers(0, 7, 3)
    people = pd.DataFrame(
        {"c": list("abd"), "n": 9, "x": [int(x) if x >= 3 else "<3" for x in own]}
    )
    found = bounds(people, riket, kind=kind)
    possible = [range(5) if text == "<5" else [int(text)] for text in shown]
    mine = [range(3) if x < 3 else [x] for x in own]
    ends: dict[str, list[float]] = {"ratio": [], "difference": []}
    for table in product(*possible):
        for row in product(*mine):
            share = np.array([1, 1, 1]) / 3 if kind == "indirect" else n / n.sum()
            p, r = share @ (np.array(row) / 9), share @ (np.array(table) / n)
            factor = 27 if kind == "indirect" else 1
            ends["difference"].append(factor * (p - r))
            ends["ratio"].append(p / r if r > 0 else np.inf if p > 0 else np.nan)
    for term, values in ends.items():
        known = [v for v in values if not np.isnan(v)]
        if term == "difference" or len(known) == len(values):
            assert found.loc[term, "lower"] == pytest.approx(min(known))
            assert found.loc[term, "upper"] == pytest.approx(max(known))


def test_rounded_rates() -> None:
    found = bounds(PEOPLE, RIKET, rounding=0.02)
    assert found.loc["expected", ["lower", "upper"]].tolist() == pytest.approx([18.05, 18.95])


def test_the_total_narrows_suppressed_cells() -> None:
    riket = pd.DataFrame({"c": ["a", "b", "d"], "count": [20, "<5", "<5"], "n": [40, 60, 20]})
    wide = bounds(PEOPLE, riket).loc["expected"]
    total = 22 / 120
    found = bounds(PEOPLE, riket, overall=(total, total)).loc["expected"]
    possible = [10 + 20 * b / 60 + 5 * d / 20 for b in range(5) for d in range(5) if b + d == 2]
    assert found["lower"] == pytest.approx(min(possible))
    assert found["upper"] == pytest.approx(max(possible))
    assert wide["lower"] < found["lower"] < found["upper"] < wide["upper"]
    with pytest.raises(InputError, match=r"overall: must be bounds that meet what the cells allow"):
        bounds(PEOPLE, riket, overall=(0.9, 0.95))


def test_groups_and_rows_of_persons() -> None:
    long = PEOPLE.loc[PEOPLE.index.repeat(PEOPLE["n"])].reset_index(drop=True)
    long["y"] = [int(i < x) for x, n in zip(PEOPLE["x"], PEOPLE["n"], strict=True)
                 for i in range(n)]  # fmt: skip
    both = pd.concat([long.assign(p="A"), long.assign(p="B")])
    found = standardise_bounds(both, outcome="y", reference=RIKET, strata="c", by="p",
                               rounding=0.01)  # fmt: skip
    alone = bounds(PEOPLE, RIKET, rounding=0.01).reset_index()
    assert found.notes[0].startswith("Ratios of different groups, indirectly standardised")
    part = found.to_frame().query("p == 'B'").drop(columns="p").reset_index(drop=True)
    pd.testing.assert_frame_equal(part, alone[part.columns.tolist()])
    assert len(repr(found).splitlines()) <= 15
    assert "<table>" in found._repr_html_()


def test_suppressed_from_needs_counts() -> None:
    people = pd.DataFrame({"c": ["a", "b", "d"], "y": [1, 0, 1]})
    with pytest.raises(InputError, match="suppressed_from: must be 0 where no table has counts"):
        standardise_bounds(people, outcome="y", reference=RIKET, strata="c", rounding=0.01,
                           suppressed_from=1)  # fmt: skip


def test_texts_of_counts() -> None:
    cells = ["<5", "<= 4", "1-4", "1\u20134", "12", "1 234", "..", 7, 3.0]
    df = pd.DataFrame({"x": cells})
    low, high = count_intervals(df, "x", np.full(9, 2000.0), "outcome", 1)
    assert low.tolist() == [1, 1, 1, 1, 12, 1234, 1, 7, 3]
    assert high.tolist() == [4, 4, 4, 4, 12, 1234, 2000, 7, 3]
    for bad in ("few", None, -1, 2.5, True, "<1"):
        with pytest.raises(InputError, match=r"numbers, '<5', '1-4' or '..' \('x'\)"):
            count_intervals(pd.DataFrame({"x": [bad]}), "x", np.array([9.0]), "outcome", 1)
    with pytest.raises(InputError, match="at most the number of persons"):
        count_intervals(pd.DataFrame({"x": [10]}), "x", np.array([9.0]), "outcome", 0)


def test_a_known_share_of_all_cells() -> None:
    """Two cells and their total: the suppressed one is what is left."""
    riket = pd.DataFrame({"c": ["a", "b"], "count": ["..", 30], "n": [20, 80]})
    people = pd.DataFrame({"c": ["a", "b"], "x": [4, 3], "n": [10, 10]})
    found = bounds(people, riket, overall=0.35)
    assert found.loc["expected", ["lower", "upper"]].tolist() == pytest.approx(
        [10 * 0.25 + 10 * 0.375] * 2
    )


BAD = {
    "no form": (
        {"reference": RIKET.drop(columns="rate")},
        (
            r"reference: must be a table with rate_low and rate_high, or rate, or count; got one"
            r" with none"
        ),
    ),
    "two forms": (
        {"reference": RIKET.assign(count=1), "rounding": 0.01},
        (
            r"got one with rate and "
            r"count"
        ),
    ),
    "no rounding": ({}, r"rounding: must be given where riket has one 'rate', and only there"),
    "rounding in percent": ({"rounding": 1}, r"rounding: must be between 0 and 1; got 1"),
    "rounding of counts": (
        {"reference": RIKET.drop(columns="rate").assign(count=1), "rounding": 0.01},
        r"rounding: must be given where",
    ),
    "count without n": (
        {"reference": pd.DataFrame({"c": ["a", "b", "d"], "count": [1, 2, 3]})},
        r"a table with 'n' beside 'count'",
    ),
    "reversed": (
        {"reference": RIKET.drop(columns="rate").assign(rate_low=[0.5, 0.1, 0.2], rate_high=0.4)},
        r"rate_low is at most rate_high; got 1 cells in which it is not \(at c=a\)",
    ),
    "percent": (
        {"reference": RIKET.assign(rate=[50, 40, 10]), "rounding": 0.01},
        r"look like percentages: divide by 100",
    ),
    "overall in percent": (
        {"rounding": 0.01, "overall": (30, 31)},
        r"overall: must be a share from 0 to 1; got 30, 31. This looks like a percentage",
    ),
    "overall in words": ({"rounding": 0.01, "overall": "0.3"}, r"overall: must be a share, or the"),
    "overall reversed": ({"rounding": 0.01, "overall": (0.4, 0.3)}, r"overall: must be a share, "),
    "suppressed_from": (
        {"rounding": 0.01, "suppressed_from": -1},
        (
            r"suppressed_from: must be at "
            r"least 0; got -1"
        ),
    ),
    "cells without people": (
        {"df": PEOPLE.iloc[:2], "rounding": 0.01, "kind": "direct"},
        r"in every cell of riket for direct standardisation; got 1 cells without \(at c=d\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name) -> None:
    change, message = BAD[name]
    call = {"df": PEOPLE, "reference": RIKET} | change
    with pytest.raises(InputError, match=message):
        bounds(call.pop("df"), call.pop("reference"), **call)
