"""Standardisation and weights against R: survey, epitools, binom.test, poisson.test, dbinom.

Tolerances: 1e-10 for closed forms and exact tests, 1e-6 for weights that are found by iteration.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.matching.aggregate_matching import maic
from evalkit.matching.raking_margins import rake
from evalkit.matching.standardisation import standardise

HERE = Path(__file__).parents[1] / "reference" / "matching"
PEOPLE = pd.read_csv(HERE / "riket_people.csv").assign(one=1.0)
CELLS = pd.read_csv(HERE / "riket_cells.csv")
MARGINS = {"sex": {"m": 0.52, "w": 0.48}, "age": {"-39": 0.3, "40-49": 0.3, "50-": 0.4}}
HOW = {
    "rake": {}, "raking": {}, "linear": {"method": "linear"},
    "linear 0.4 3": {"method": "linear", "bounds": (0.4, 3)},
    "logit 0.3 3": {"method": "logit", "bounds": (0.3, 3)},
}  # fmt: skip


def expected(name: str) -> dict[str, dict[str, float]]:
    """The values of a file, by case and quantity."""
    frame = pd.read_csv(HERE / name)
    return {
        str(case): dict(zip(own["quantity"], own["value"].astype(float), strict=True))
        for case, own in frame.groupby("case")
    }


WEIGHTS, TESTS = expected("riket_weights_expected.csv"), expected("riket_cells_expected.csv")
WEIGHTED = [case for case in WEIGHTS if not case.startswith("clusters")]


@pytest.mark.parametrize("case", WEIGHTED)
def test_weights_and_means(case: str) -> None:
    start, how = case.split(", ")
    want = WEIGHTS[case]
    if how == "means":
        targets = {"years": (46.0, 8.5), "sex": {"m": 0.5, "w": 0.5}}
        found = maic(PEOPLE, targets=targets, weights=start)
    else:
        found = rake(PEOPLE, MARGINS, weights=start, **HOW[how])
    factor = PEOPLE[start].sum() / found.weights.sum()  # maic's weights add up to the rows
    assert how == "means" or factor == pytest.approx(1, rel=1e-12)
    weights = factor * found.weights
    first = {f"weight{i}": weights.iloc[i - 1] for i in range(1, 11)}
    mine = {**first, "smallest": weights.min(), "largest": weights.max(), "total": weights.sum()}
    tolerance = 1e-10 if how == "linear" else 1e-6
    assert mine == pytest.approx({name: want[name] for name in mine}, rel=tolerance)
    for name in ("y", "earnings"):
        row = found.mean(PEOPLE[name]).to_frame().iloc[0]
        assert row["estimate"] == pytest.approx(want[f"{name}_mean"], rel=tolerance)
        if f"{name}_std_error" in want:
            assert row["std_error"] == pytest.approx(want[f"{name}_std_error"], rel=1e-10)
    if "y_low" in want:
        row = found.mean(PEOPLE["y"]).to_frame().iloc[0]
        assert [row["conf_low"], row["conf_high"]] == pytest.approx(
            [want["y_low"], want["y_high"]], rel=1e-9
        )


@pytest.mark.parametrize("kind", ["indirect", "direct"])
def test_clusters(kind: str) -> None:
    cells = [(s, a, 0.4, 1e4 * p * q) for s, p in MARGINS["sex"].items()
             for a, q in MARGINS["age"].items()]  # fmt: skip
    riket = pd.DataFrame(cells, columns=["sex", "age", "rate", "n"])
    found = standardise(PEOPLE, outcome="y", reference=riket, strata=["sex", "age"], kind=kind,
                        cluster="site").to_frame().iloc[0]  # fmt: skip
    factor = len(PEOPLE) if kind == "indirect" else 1
    names = {"estimate": "y_mean", "std_error": "y_std_error", "conf_low": "y_low",
             "conf_high": "y_high"}  # fmt: skip
    want = WEIGHTS[f"clusters, {kind}"]
    assert {new: found[name] / factor for name, new in names.items()} == pytest.approx(
        want, rel=1e-9
    )


@pytest.mark.parametrize("case", TESTS)
def test_cells(case: str) -> None:
    want = TESTS[case]
    own = CELLS[CELLS["case"] == case].astype({"cell": str})
    riket = own[["cell", "rate", "N"]].rename(columns={"N": "n"})

    def terms(**more) -> pd.DataFrame:
        found = standardise(own, outcome="x", n="n", reference=riket, strata="cell", **more)
        return found.to_frame().set_index("term")

    found = terms()
    assert found.loc["ratio", "p_value"] == pytest.approx(want["exact_p"], rel=1e-10)
    if "exp" in want:
        assert found["estimate"][["observed", "expected", "ratio"]].tolist() == pytest.approx(
            [want["observed"], want["exp"], want["sir"]], rel=1e-12
        )
    else:
        assert found.loc["ratio", "p_value"] == pytest.approx(want["binom.test"], rel=1e-10)
        ends = found.loc["observed", ["conf_low", "conf_high"]].tolist()
        assert ends == pytest.approx([want["binomial_low"], want["binomial_high"]], rel=1e-10)
    for interval in ("binomial", "poisson"):
        ends = terms(interval=interval).loc["observed", ["conf_low", "conf_high"]].tolist()
        assert ends == pytest.approx([want[f"{interval}_low"], want[f"{interval}_high"]], rel=1e-10)
    direct = terms(kind="direct")
    assert direct["estimate"][["rate", "reference_rate"]].tolist() == pytest.approx(
        [want["adj.rate"], want["reference_rate"]], rel=1e-12
    )
    assert direct.loc["difference", "p_value"] == pytest.approx(want["direct_p"], rel=1e-10)


def test_the_references_are_all_used() -> None:
    assert len(WEIGHTED) == 12
    assert len(TESTS) == 6
    assert np.isfinite([v for one in WEIGHTS.values() for v in one.values()]).all()
