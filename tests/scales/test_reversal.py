"""Items turned around: by the declared range, in a new frame, and once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.scales import already_reversed, reverse_items


def frame() -> pd.DataFrame:
    return pd.DataFrame({"q1": [2, 3, 99], "q2": [4.0, np.nan, 1.0]})


def test_the_declared_range_counts_not_the_answers() -> None:
    df = frame()
    turned = reverse_items(df, ["q1", "q2"], range=(1, 5), missing_codes=99)
    np.testing.assert_array_equal(turned["q1"], [4, 3, np.nan])
    np.testing.assert_array_equal(turned["q2"], [2, np.nan, 5])
    assert already_reversed(turned) == ("q1", "q2")
    pd.testing.assert_frame_equal(df, frame())
    assert already_reversed(df) == ()


def test_twice_is_an_error() -> None:
    once = reverse_items(frame(), ["q2"], range=(1, 5))
    with pytest.raises(InputError, match=r"not reversed yet.*\(at q2\)"):
        reverse_items(once, ["q2"], range=(1, 5))
    both = reverse_items(once, ["q1"], range=(1, 5), missing_codes=[99])
    assert already_reversed(both[["q1"]]) == ("q2", "q1")


def test_values_outside_the_range_are_told() -> None:
    with pytest.raises(InputError, match=r"q1: 1 value outside 1-5 \(99 x 1\)"):
        reverse_items(frame(), ["q1"], range=(1, 5))
    with pytest.raises(InputError, match=r"q1: 1 value outside 0-1.5"):
        reverse_items(pd.DataFrame({"q1": [1.0, 2.0]}), ["q1"], range=(0, 1.5))
    with pytest.raises(InputError, match="range"):
        reverse_items(frame(), ["q1"], range=(5, 1))
    with pytest.raises(InputError, match="items"):
        reverse_items(frame(), ["q9"], range=(1, 5))
