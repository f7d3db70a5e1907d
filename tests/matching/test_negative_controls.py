"""Negative controls: verdicts, after weighting and matching, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.matching.matched_comparison import match
from evalkit.matching.negative_controls import negative_control
from evalkit.matching.weighting import weight


def people(n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    x, hidden = rng.normal(size=n), rng.normal(size=n)
    took = (rng.random(n) < 1 / (1 + np.exp(1 - x - 0.8 * hidden))).astype(int)
    return pd.DataFrame({
        "took": took, "x": x, "touched_not": x + rng.normal(size=n),
        "before": x + hidden + rng.normal(size=n), "few": rng.normal(size=n) * 30,
    })  # fmt: skip


@pytest.mark.parametrize("how", [weight, match])
def test_verdicts(how: Any):
    compared = how("took ~ x", people())
    found = negative_control(compared, ["touched_not", "before", "few"], margin=0.4)
    table = found.to_frame().set_index("term")
    assert table["verdict"].to_dict() == {
        "touched_not": "alike", "before": "differs", "few": "unclear"
    }  # fmt: skip
    assert not found.passed
    assert "differs: the groups differ in what the programme cannot have touched" in repr(found)
    assert len(repr(found).splitlines()) <= 15
    assert "<table" in found._repr_html_()
    one = negative_control(compared, "touched_not")
    assert one.passed
    assert one.to_frame()["verdict"].item() == "unclear"  # without a margin never alike
    direct = compared.effect("touched_not").to_frame()
    assert one.to_frame()["estimate"].item() == direct["estimate"].item()
    assert pickle.loads(pickle.dumps(one)).passed


def test_options_reach_the_effect():
    compared = weight("took ~ x", people(400))
    by = negative_control(compared, "touched_not", covariates="x", level=0.9)
    assert "regression on x" in by.method
    assert by.level == 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"outcomes": "x"}, "were not adjusted for; got 'x'.*alike by design"),
        ({"outcomes": "took"}, "columns that are not the treatment.*got 'took'"),
        ({"margin": "0.4"}, "margin: must be a positive difference; got '0.4'"),
        ({"outcomes": []}, "outcomes: must be at least one column"),
        ({"margin": 0.0}, "margin: must be a positive difference"),
        ({"measure": "ratio"}, "measure: must be 'difference'"),
        ({"level": 95}, "level: must be a number strictly between 0 and 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    compared = weight("took ~ x", people(300))
    with pytest.raises(InputError, match=message):
        negative_control(compared, **{"outcomes": "few", **call})
    frame: Any = people(300)
    with pytest.raises(InputError, match=r"compared: must be the result of match.*a DataFrame"):
        negative_control(frame, "few")
    assert len(negative_control(compared, ["few", "few"]).to_frame()) == 1
    three = people(300).assign(took=np.arange(300) % 3)
    with pytest.raises(InputError, match="compared: must be two groups"):
        negative_control(weight("took ~ x", three, estimand="ATE"), "few")


def test_what_was_left_out_is_said():
    df = people()
    df.loc[:4, "before"] = np.nan
    df.loc[5, "x"] = np.nan
    compared = match("took ~ x", df, caliper=0.01)
    found = negative_control(compared, ["before", "few"])
    assert found.n_dropped["missing x"] == 1
    assert found.n_used == int((compared.weights > 0).sum())
    assert "dropped (missing x: 1" in repr(found)
    assert compared.target in found.notes
