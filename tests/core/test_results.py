"""Results are frozen, lay out one set of columns, and print in a few plain lines."""

from __future__ import annotations

import pickle
import re
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from evalkit.core.printing import cell_text
from evalkit.core.results import STANDARD_COLUMNS, EffectTable, TestResult
from evalkit.errors import InputError


def table(rows: int = 2, **changes: object) -> EffectTable:
    arguments: dict[str, object] = {
        "estimand": "Difference in means, ReDO - CAU",
        "method": "Welch",
        "level": 0.9,
        "n_used": 97,
        "n_dropped": {"outcome missing": 3, "arm missing": 1},
    }
    columns = {
        "group": [f"g{i}" for i in range(rows)],
        "term": "age",
        "contrast": "ReDO - CAU",
        "estimate": np.linspace(-1, 1, rows),
        "p_value": 0.00001,
        "n": 97,
        "scale": "difference",
    }
    return EffectTable.of(columns, **(arguments | changes))  # type: ignore[arg-type]


def test_columns_are_keys_then_standard_then_others() -> None:
    frame = table().to_frame()
    assert list(frame.columns) == ["group", *STANDARD_COLUMNS, "scale"]
    assert frame["estimate"].tolist() == [-1, 1]
    assert frame["df"].isna().all()
    assert frame["n"].tolist() == [97, 97]
    assert frame["n"].dtype == np.int64


def test_one_row_from_scalars_alone() -> None:
    frame = EffectTable.of(
        {"estimate": np.array(0.5)}, estimand="e", method="m", level=0.95, n_used=1
    ).to_frame()
    assert tuple(frame.columns) == STANDARD_COLUMNS
    assert frame["estimate"].tolist() == [0.5]
    assert frame["term"].tolist() == [""]


def test_no_rows() -> None:
    empty = table(0)
    assert len(empty) == 0
    assert list(empty.to_frame().columns) == ["group", *STANDARD_COLUMNS, "scale"]
    assert len(str(empty).splitlines()) <= 15


def test_columns_must_fit_together() -> None:
    with pytest.raises(InputError, match=r"of one length; got 2 and 3 \(at term: 2, estimate: 3"):
        EffectTable.of(
            {"term": ["a", "b"], "estimate": [1, 2, 3]},
            estimand="e",
            method="m",
            level=0.95,
            n_used=1,
        )
    with pytest.raises(InputError, match="'estimate'; got term"):
        EffectTable.of({"term": "a"}, estimand="e", method="m", level=0.95, n_used=1)


def test_the_table_cannot_be_changed() -> None:
    result = table()
    frame = result.to_frame()
    frame.loc[0, "estimate"] = 99
    assert result.to_frame()["estimate"].tolist() == [-1, 1]
    with pytest.raises(FrozenInstanceError):
        result.level = 0.5  # type: ignore[misc]


@pytest.mark.parametrize("rows", [1, 2, 10, 11, 12, 500])
@pytest.mark.parametrize("notes", [0, 1, 3, 40])
def test_print_is_short_plain_and_says_what_is_left_out(rows: int, notes: int) -> None:
    result = table(rows, notes=["a sentence that belongs with the numbers " * 3] * notes)
    lines = str(result).splitlines()
    assert len(lines) <= 15
    assert all(len(line) <= 96 and line.isascii() for line in lines)
    assert lines[:3] == [
        "Difference in means, ReDO - CAU",
        "Welch; 90 % intervals",
        "n: 97 used, 4 dropped (outcome missing: 3, arm missing: 1)",
    ]
    shown = sum(bool(re.match(r"g\d+ ", line)) for line in lines)
    assert shown >= min(rows, 1)
    if shown < rows:
        assert f"... and {rows - shown} more rows: to_frame() has them all" in lines
    assert "df" not in lines[3].split()


def test_wide_tables_and_long_labels_still_fit() -> None:
    result = EffectTable.of(
        {
            "group": "a label that goes on and on and never seems to end",
            "horizon": 365,
            **dict.fromkeys(STANDARD_COLUMNS, 0.123456),
            "term": "term",
            "contrast": "one arm - another arm",
            **{f"other_{i}": 1.0 for i in range(9)},
        },
        estimand="e " * 100,
        method="m",
        level=0.95,
        n_used=1,
    )
    lines = str(result).splitlines()
    assert all(len(line) <= 96 for line in lines)
    assert "a label that goes on and on..." in lines[4]
    assert {"estimate", "conf_low", "conf_high", "p_value", "other_0"} <= set(lines[3].split())


def test_html_is_an_escaped_table_with_scopes() -> None:
    page = table(notes=["a < b"], estimand="x < y")._repr_html_()
    assert page.count("<table>") == 1
    assert page.count('scope="col"') == 7
    assert "<strong>x &lt; y</strong>" in page
    assert "<p>a &lt; b</p>" in page
    assert ">-1.0000</td>" in page
    assert "The first 50 of 60 rows" in table(60)._repr_html_()


def test_results_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(table()))
    pd.testing.assert_frame_equal(copy.to_frame(), table().to_frame())


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("estimate", 0.2, "0.2000"),
        ("estimate", -0.00001, "-1.000e-05"),
        ("estimate", 12345678.9, "1.235e+07"),
        ("estimate", float("inf"), "inf"),
        ("estimate", float("nan"), ""),
        ("estimate", 0.0, "0.0000"),
        ("p_value", 0.00002, "<0.0001"),
        ("p_value", 0.0, "<0.0001"),
        ("df", 3.0, "3"),
        ("df", 3.25, "3.2500"),
        ("n", 12, "12"),
        ("reached", True, "True"),
        ("term", "age", "age"),
    ],
)
def test_cells(column: str, value: object, text: str) -> None:
    assert cell_text(column, value) == text


def test_a_test_result() -> None:
    result = TestResult("no difference in survival", "Log-rank test", 5.25, 2, 0.0724, 97)
    assert str(result).splitlines() == [
        "Log-rank test",
        "Null hypothesis: no difference in survival",
        "n: 97 used, 0 dropped",
        "statistic  df  p_value   n",
        "   5.2500   2   0.0724  97",
    ]
    frame = result.to_frame()
    assert list(frame.columns) == ["method", "statistic", "df", "p_value", "n"]
    assert frame.iloc[0].tolist() == ["Log-rank test", 5.25, 2, 0.0724, 97]
    assert "<strong>Log-rank test</strong>" in result._repr_html_()
    with pytest.raises(FrozenInstanceError):
        result.p_value = 0.0  # type: ignore[misc]


def test_a_test_with_two_or_no_degrees_of_freedom() -> None:
    frame = TestResult("h", "F test", 2.0, (3, 90.5), 0.1, 97).to_frame()
    assert frame[["df", "df_denominator"]].to_numpy().tolist() == [[3, 90.5]]
    assert TestResult("h", "z test", 2.0, None, 0.1, 97).to_frame()["df"].isna().all()
