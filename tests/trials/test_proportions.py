"""The public difference of proportions: its frame, its words, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.core.results import STANDARD_COLUMNS, EffectTable
from evalkit.errors import InputError
from evalkit.kernels.unconditional_exact import exact_difference
from evalkit.trials import proportion_difference, proportion_odds_ratio, proportion_ratio


@pytest.mark.parametrize(
    ("method", "low", "high", "p_value"),
    [
        ("miettinen-nurminen", 0.0528, 0.3382, 0.00826),
        ("mee", 0.0533, 0.3377, 0.00805),  # R: prop.test(c(56, 48), c(70, 80), correct = FALSE)
        ("newcombe", 0.0524, 0.3339, np.nan),
        ("agresti-caffo", 0.0525, 0.3358, np.nan),  # (57/72 - 49/82) -+ z sqrt(...), by hand
    ],
)
def test_one_comparison(method, low: float, high: float, p_value: float) -> None:
    result = proportion_difference(56, 70, 48, 80, method=method)
    assert isinstance(result, EffectTable)
    frame = result.to_frame()
    assert tuple(frame.columns) == STANDARD_COLUMNS
    (row,) = frame.to_dict("records")
    assert (row["term"], row["contrast"], row["n"]) == ("risk_difference", "arm - control", 150)
    assert row["estimate"] == pytest.approx(0.2, abs=1e-15)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((low, high), abs=5e-5)
    assert row["p_value"] == pytest.approx(p_value, abs=5e-6, nan_ok=True)
    assert result.n_used == 150


def test_level_reaches_the_interval() -> None:
    wide = proportion_difference(56, 70, 48, 80, level=0.99).to_frame()
    assert wide["conf_low"].item() < 0.0528 < 0.3382 < wide["conf_high"].item()
    assert "99 % intervals" in str(proportion_difference(56, 70, 48, 80, level=0.99))


def test_several_comparisons_with_one_control_group() -> None:
    result = proportion_difference(
        [78, 111, 162], [116, 258, 284], 440, 1000,
        arm="delprojekt", control="riket", labels=["Nord", "Väst", "Syd"],
    )  # fmt: skip
    frame = result.to_frame()
    assert list(frame.columns) == ["group", *STANDARD_COLUMNS]
    assert frame["group"].tolist() == ["Nord", "Väst", "Syd"]
    assert frame["contrast"].unique().tolist() == ["delprojekt - riket"]
    assert frame["n"].tolist() == [1116, 1258, 1284]
    assert result.n_used == 116 + 258 + 284 + 1000
    alone = proportion_difference(111, 258, 440, 1000).to_frame()
    assert frame["conf_low"][1] == alone["conf_low"][0]


def test_empty_and_full_cells_are_finite() -> None:
    for x1, x0 in ((0, 0), (0, 10), (10, 0), (10, 10)):
        for method in ("miettinen-nurminen", "newcombe", "mee", "agresti-caffo", "exact", "mid-p"):
            frame = proportion_difference(x1, 10, x0, 10, method=method).to_frame()
            limits = frame[["conf_low", "conf_high"]].to_numpy()
            assert np.isfinite(limits).all()
            assert (np.abs(limits) <= 1).all()
    assert proportion_difference(0, 10, 0, 20).to_frame()["p_value"].item() == 1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((11, 10, 0, 10), {}, "^x1: must be at most n1; got 11 of 10"),
        ((1, 10, 0, 0), {}, "^n0: must be whole numbers of at least 1; got 0"),
        ((1.5, 10, 0, 10), {}, "^x1: must be whole numbers"),
        (([1, 2], 10, [1, 2, 3], 10), {}, r"^x0: must be as long as x1 \(2\); got 3 values"),
        ((1, 10, 0, 10), {"method": "wald"}, "^method: must be one of 'miettinen-nurminen'"),
        ((1, 10, 0, 10), {"level": 95}, "^level: .*0.95 for 95 %"),
        ((1, 10, 0, 10), {"labels": ["a", "b"]}, "^labels: must be 1 labels"),
    ],
)
def test_bad_input(arguments, options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        proportion_difference(*arguments, **options)


@pytest.mark.parametrize("method", ["exact", "mid-p"])
def test_exact_methods_give_limits_and_test_but_no_statistic(method: str) -> None:
    frame = proportion_difference([7, 3], [34, 4], [1, 0], [34, 4], method=method).to_frame()
    for row, counts in zip(frame.to_dict("records"), [(7, 34, 1, 34), (3, 4, 0, 4)], strict=True):
        alone = exact_difference(*counts, 0.95, mid_p=method == "mid-p")
        found = (row["conf_low"], row["conf_high"], row["p_value"])
        assert found == (alone.low, alone.high, alone.p_value)
        assert np.isnan(row["statistic"])
        assert row["estimate"] == counts[0] / counts[1] - counts[2] / counts[3]
        assert row["conf_low"] <= row["estimate"] <= row["conf_high"]
    assert (frame["std_error"] > 0).all()


def test_exact_intervals_hold_the_mid_p_ones_and_have_their_level() -> None:
    exact = proportion_difference(7, 34, 1, 34, method="exact", level=0.9).to_frame()
    mid_p = proportion_difference(7, 34, 1, 34, method="mid-p", level=0.9).to_frame()
    wider = proportion_difference(7, 34, 1, 34, method="exact", level=0.99).to_frame()
    low = [frame["conf_low"].item() for frame in (wider, exact, mid_p)]
    high = [frame["conf_high"].item() for frame in (wider, exact, mid_p)]
    assert low == sorted(low)
    assert high == sorted(high, reverse=True)
    assert mid_p["p_value"].item() < exact["p_value"].item() < 0.1


def test_exact_methods_are_refused_in_large_groups_and_say_what_to_use() -> None:
    for function in (proportion_difference, proportion_ratio):
        with pytest.raises(
            InputError, match=r"^method: .*40000 possible tables; got .* 90601.*'mi"
        ):
            function(5, 300, 5, 300, method="exact")


def test_a_control_group_that_is_shared_counts_once_in_every_measure() -> None:
    for function in (proportion_difference, proportion_ratio, proportion_odds_ratio):
        assert function([7, 3], [34, 20], 5, 30).n_used == 34 + 20 + 30
