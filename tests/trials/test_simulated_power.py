"""Power by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.trials.planning import power
from evalkit.trials.proportions import proportion_difference
from evalkit.trials.simulated_power import simulate_power


def draw(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({"x1": [rng.binomial(60, 0.6)], "x0": [rng.binomial(60, 0.4)]})


def analyse(df: pd.DataFrame) -> object:
    return proportion_difference(df["x1"].item(), 60, df["x0"].item(), 60)


def test_agrees_with_exact_power_and_reports_coverage() -> None:
    found = simulate_power(draw, analyse, n_simulations=800, truth=0.2, rng=3)
    exact = power(n=60, effect=0.2, measure="risk_difference", control=0.4, method="exact").power
    table = found.to_frame().set_index("quantity")
    assert table.loc["power", "conf_low"] <= exact <= table.loc["power", "conf_high"]
    assert table.loc["coverage", "conf_low"] <= 0.95 <= table.loc["coverage", "conf_high"] + 0.01
    assert table.loc["bias", "conf_low"] <= 0 <= table.loc["bias", "conf_high"]
    assert len(repr(found).splitlines()) <= 15


def test_seed_gives_the_same_draws_and_a_longer_run_begins_with_them() -> None:
    short = simulate_power(draw, analyse, n_simulations=20, rng=3).draws
    long = simulate_power(draw, analyse, n_simulations=40, rng=3).draws
    pd.testing.assert_frame_equal(short, long.head(20))


def test_failures_count_as_not_rejecting_and_are_told() -> None:
    def sometimes(df: pd.DataFrame) -> float:
        if df["x1"].item() > 38:
            raise InputError("nobody is left")
        return 0.01

    found = simulate_power(draw, sometimes, n_simulations=100, rng=1)
    failed = int(found.draws["p_value"].isna().sum())
    assert 0 < failed < 100
    assert found.power == pytest.approx(1 - failed / 100)
    assert "nobody is left" in repr(found)


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(InputError, match="analyse: must be returning an effect table"):
        simulate_power(draw, lambda _: "p = 0.03", n_simulations=5, rng=1)

    def never(_: pd.DataFrame) -> float:
        raise InputError("no data")

    with pytest.raises(InputError, match="able to test some"):
        simulate_power(draw, never, n_simulations=5, rng=1)


def test_what_analyses_return_is_read_and_checked() -> None:
    def nothing(_: np.random.Generator) -> pd.DataFrame:
        return pd.DataFrame({"y": [0.0]})

    frames = iter([0.01, pd.NA, 0.5, 0.02])
    found = simulate_power(
        nothing, lambda _: pd.DataFrame({"p_value": [next(frames)]}), n_simulations=4, rng=1
    )
    assert found.power == 0.5
    assert found.draws["p_value"].isna().sum() == 1
    with pytest.raises(InputError, match="analyse: must be a p-value from 0 to 1"):
        simulate_power(nothing, lambda _: 5.0, n_simulations=2, rng=1)
    with pytest.raises(InputError, match="truth: must be a number"):
        simulate_power(nothing, lambda _: 0.5, n_simulations=2, rng=1, truth="a")  # type: ignore[arg-type]
