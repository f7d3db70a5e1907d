"""An index that repeats labels: rows keep it and their place; only pairs need names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching import aipw, match, weight


@pytest.fixture
def df() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    x = rng.normal(size=120)
    took = (rng.random(120) < 1 / (1 + np.exp(0.5 - x))).astype(int)
    return pd.DataFrame({"took": took, "x": x, "y": x + took + rng.normal(size=120)})


def test_weights_stay_in_the_rows_place(df: pd.DataFrame) -> None:
    again = df.set_axis(np.arange(120) % 7)
    plain, found = weight("took ~ x", df), weight("took ~ x", again)
    assert found.weights.index.equals(again.index)
    np.testing.assert_allclose(found.weights.to_numpy(), plain.weights.to_numpy(), rtol=1e-10)
    one, other = (
        aipw("took ~ x", frame, outcome="y").to_frame()["estimate"].item() for frame in (df, again)
    )
    assert one == pytest.approx(other, rel=1e-10)


def test_pairs_need_names(df: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="names each row once; got 120 rows"):
        match("took ~ x", df.set_axis(np.arange(120) % 7))
