"""Arguments are checked once, with messages that name the argument, the value and the remedy."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from evalkit.core import checks
from evalkit.errors import InputError

FRAME = pd.DataFrame({"outcome": [1], "arm": ["ReDO"], "age": [40]})


def test_columns_come_back_in_order_and_once() -> None:
    names = checks.check_columns(FRAME, outcome="age", strata=["arm", "age"], cluster=None)
    assert names == ["age", "arm"]


def test_an_absent_column_is_named_with_those_available() -> None:
    with pytest.raises(InputError) as caught:
        checks.check_columns(FRAME, outcome="outcom")
    assert str(caught.value) == (
        "outcome: must be a column of df; got 'outcom'. Columns available: outcome, arm, age."
    )


def test_many_columns_are_not_all_listed() -> None:
    wide = pd.DataFrame(columns=[f"x{i}" for i in range(30)])
    with pytest.raises(InputError, match=r"x19 and 10 more\.$"):
        checks.check_columns(wide, outcome="y")
    with pytest.raises(InputError, match=r"available: none"):
        checks.check_columns(pd.DataFrame(), outcome="y")


def test_a_name_of_two_columns_is_refused() -> None:
    doubled = pd.DataFrame([[1, 2]], columns=["y", "y"])
    with pytest.raises(InputError, match="'y', the name of 2 columns"):
        checks.check_columns(doubled, outcome="y")


@pytest.mark.parametrize(
    "values", [3, 3.0, [3], (3,), np.array([3]), np.float64(3), pd.Series([3]), pd.array([3])]
)
def test_counts_of_many_kinds(values: object) -> None:
    counts = checks.check_counts("n", values)
    assert counts.tolist() == [3]
    assert counts.dtype == np.int64


@pytest.mark.parametrize(
    "value",
    [-1, 2.5, True, np.True_, "3", None, float("nan"), float("inf"), pd.NA, 1e300, 3j, [1]],
)
def test_what_is_no_count(value: object) -> None:
    with pytest.raises(InputError, match=r"^n: must be whole numbers of at least 0; got") as caught:
        checks.check_counts("n", [5, value])
    assert "(at position 1)" in str(caught.value)


def test_counts_must_be_flat_and_large_enough() -> None:
    with pytest.raises(InputError, match=r"flat sequence; got shape \(1, 2\)"):
        checks.check_counts("n", [[1, 2]])
    with pytest.raises(InputError, match="at least 1; got 0"):
        checks.check_counts("n", 0, minimum=1)


def test_successes_are_repeated_to_the_length_of_n() -> None:
    x, n = checks.check_successes(2, [3, 4])
    assert x.tolist() == [2, 2]
    assert n.tolist() == [3, 4]


def test_successes_must_fit_n() -> None:
    with pytest.raises(InputError, match=r"^x1: must be at most n1; got 5 of 4 \(at position 1\)"):
        checks.check_successes([1, 5], 4, names=("x1", "n1"))
    with pytest.raises(InputError, match=r"as long as n \(2\); got 3 values"):
        checks.check_successes([1, 2, 3], [4, 4])
    with pytest.raises(InputError, match=r"^n: must be whole numbers of at least 1; got 0"):
        checks.check_successes(0, 0)


@pytest.mark.parametrize("value", [0.95, np.float32(0.5), np.float64(0.5)])
def test_a_share(value: float) -> None:
    assert checks.check_share("share", value) == value
    assert type(checks.check_level(value)) is float


@pytest.mark.parametrize(
    "value", [0, 1, 95, -0.1, float("nan"), "0.95", None, True, Decimal("0.5")]
)
def test_no_share(value: object) -> None:
    with pytest.raises(InputError, match=r"^level: .* 0\.95 for 95 %\.$"):
        checks.check_level(value)


def test_choice() -> None:
    assert checks.check_choice("method", "mee", ("mee", "newcombe")) == "mee"
    for value in ("Mee", None, 3):
        with pytest.raises(InputError, match="one of 'mee', 'newcombe'; got"):
            checks.check_choice("method", value, ("mee", "newcombe"))


def test_labels() -> None:
    assert checks.check_labels("labels", [2011, "2012"], length=2) == ["2011", "2012"]
    with pytest.raises(InputError, match="2 labels, one a group; got 1"):
        checks.check_labels("labels", ["a"], length=2)
    with pytest.raises(InputError, match=r"labels that differ; got repeats \(at 1\)"):
        checks.check_labels("labels", [1, "1"], length=2)
    with pytest.raises(InputError, match=r"a sequence of labels; got 'ab'\. Put it in a list"):
        checks.check_labels("labels", "ab", length=2)


def test_rng_is_resolved() -> None:
    generator = np.random.default_rng(3)
    assert checks.resolve_rng(generator) is generator
    assert checks.resolve_rng(7).integers(10**9) == np.random.default_rng(7).integers(10**9)
    assert checks.resolve_rng(np.int64(7)).integers(9) == checks.resolve_rng(7).integers(9)
    assert isinstance(checks.resolve_rng(None), np.random.Generator)


@pytest.mark.parametrize("rng", [-1, 1.5, "7", True, np.random.RandomState(1)])
def test_what_is_no_rng(rng: object) -> None:
    with pytest.raises(InputError, match=r"^rng: must be a whole number of at least 0"):
        checks.resolve_rng(rng)  # type: ignore[arg-type]
