"""E-values: published examples, their algebra, and what is refused."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.matching.confounding_strength import e_value


def test_published_examples():
    # VanderWeele and Ding (2017), Ann Intern Med 167:268-274: formula feeding and death by
    # respiratory infection, 3.9 (1.8 to 8.7): 7.2 and 3.0.
    milk = e_value(3.9, 1.8, 8.7)
    assert (round(milk.estimate, 2), round(milk.limit, 1)) == (7.26, 3.0)
    # Protective: 0.80 (0.71 to 0.91): 1.8 and 1.43.
    less = e_value(0.8, 0.71, 0.91)
    assert (round(less.estimate, 2), round(less.limit, 2)) == (1.81, 1.43)


@given(st.floats(1.001, 50))
def test_the_joint_bound_is_met(ratio: float):
    # Ding and VanderWeele's bounding factor of two equal strengths is the risk ratio again.
    e = e_value(ratio).estimate
    assert e * e / (2 * e - 1) == pytest.approx(ratio, rel=1e-9)
    assert e_value(1 / ratio).estimate == pytest.approx(e, rel=1e-9)


def test_other_measures_become_risk_ratios():
    assert e_value(4.0, measure="odds_ratio", rare=False).risk_ratio == 2.0
    assert e_value(4.0, measure="odds_ratio", rare=True).risk_ratio == 4.0
    assert e_value(2.0, measure="hazard_ratio", rare=True).risk_ratio == 2.0
    hazard = e_value(2.0, measure="hazard_ratio", rare=False).risk_ratio
    wanted = (1 - 0.5 ** math.sqrt(2)) / (1 - 0.5 ** math.sqrt(0.5))
    assert hazard == pytest.approx(wanted, rel=1e-12)
    found = e_value(10.0, 2.0, 18.0, measure="difference", sd=20.0)
    assert found.risk_ratio == pytest.approx(math.exp(0.91 * 0.5), rel=1e-12)
    low = math.exp(0.91 * 0.1)
    assert found.limit == pytest.approx(low + math.sqrt(low * (low - 1)), rel=1e-12)


def test_limits_and_other_values():
    assert e_value(1.5, 0.9, 2.4).limit == 1.0
    assert math.isnan(e_value(1.5).limit)
    assert e_value(3.0, null=1.5).estimate == pytest.approx(e_value(2.0).estimate)
    moved = e_value(10.0, measure="difference", sd=20.0, null=4.0)
    assert moved.risk_ratio == pytest.approx(math.exp(0.91 * 0.3))
    assert e_value(1.2, 1.1, 1.4, null=1.3).limit == 1.0
    shown = e_value(3.9, 1.8, 8.7)
    assert "7.26-fold" in repr(shown)
    assert len(repr(shown).splitlines()) <= 15
    assert "<table" in shown._repr_html_()
    assert pickle.loads(pickle.dumps(shown)).estimate == shown.estimate
    assert list(shown.to_frame()) == ["risk_ratio", "e_value", "e_value_limit"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"estimate": -0.4}, "a positive ratio.*Exponentiate"),
        ({"estimate": 2.0, "conf_low": 1.0}, "given together with conf_high"),
        ({"estimate": 2.0, "conf_low": 2.5, "conf_high": 3.0}, "between its limits"),
        ({"estimate": 2.0, "rare": True}, "rare: must be True or False for odds"),
        ({"estimate": 2.0, "measure": "odds_ratio"}, "rare=True if fewer than 15 in 100"),
        ({"estimate": 2.0, "sd": 3.0}, "sd: must be the outcome's standard deviation"),
        ({"estimate": 2.0, "measure": "difference"}, "sd: must be the outcome's"),
        ({"estimate": 2.0, "measure": "difference", "sd": 0.0}, "sd: must be positive"),
        ({"estimate": 2.0, "measure": "risk"}, "measure: must be one of"),
        ({"estimate": "2"}, "estimate: must be a number"),
        ({"estimate": 2.0, "conf_low": "1", "conf_high": 3.0}, "conf_low: must be a number"),
        ({"estimate": 2.0, "null": True}, "null: must be a number; got True"),
        ({"estimate": 2.0, "measure": "odds_ratio", "rare": "yes"}, "rare: must be True or False"),
        ({"estimate": 4e4, "measure": "difference", "sd": 1.0}, "Is sd that of the outcome"),
        ({"estimate": math.inf, "measure": "difference", "sd": 1.0}, "a finite number"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        e_value(**call)
