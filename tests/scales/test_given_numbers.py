"""Numbers that callers give beside their data."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import InputError
from evalkit.scales.given_numbers import check_codes, check_finite, check_mean_and_sd, check_truth


def test_what_is_accepted() -> None:
    assert check_finite("x", np.int64(3)) == 3.0
    assert check_mean_and_sd("norm", [10, np.float64(2)]) == (10.0, 2.0)
    assert check_truth("flag", np.bool_(True)) is True
    assert check_codes("missing_codes", 99) == [99.0]
    assert check_codes("missing_codes", {98: "vet ej", 99: "ej aktuellt"}) == [98.0, 99.0]
    assert check_codes("missing_codes", ()) == []


@pytest.mark.parametrize("value", [True, np.bool_(False), "3", None, float("nan"), float("inf")])
def test_what_is_no_finite_number(value: object) -> None:
    with pytest.raises(InputError, match=r"^x: must be a finite number; got "):
        check_finite("x", value)


@pytest.mark.parametrize("value", [(1,), (1, 2, 3), (1, 0), (1, "2"), 5, "12"])
def test_what_is_no_mean_and_standard_deviation(value: object) -> None:
    with pytest.raises(InputError, match=r"^norm: must be a mean and a standard deviation above 0"):
        check_mean_and_sd("norm", value)
