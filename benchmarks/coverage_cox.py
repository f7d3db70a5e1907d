"""How often the 95 % intervals of Cox regression hold the truth, by simulation.

    python benchmarks/coverage_cox.py [--replications 2000] [--out benchmarks/coverage_cox.csv]

Rows: exponential times, hazard ratio e^0.5 of a treatment and e^0.3 of a covariate, uniform
censoring to a given share. Clusters: a positive stable frailty of index 0.7 shared by the twenty
rows of a cluster, because hazards are then proportional at the margin too, with the coefficient
times 0.7; the treatment is given to rows or to whole clusters. The intervals of survival are
log-log, those at n = 100 with a penalty by profile likelihood.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.survival.cox_regression import CoxModel, cox

EFFECT, SLOPE, INDEX = 0.5, 0.3, 0.7
DAY = 0.2
WHO = pd.DataFrame({"treated": [1.0], "x": [0.5]})
NAMES: dict[str, Any] = {"duration": "time", "event": "event"}


def censored(rng: np.random.Generator, time: Any, x: dict[str, Any], share: float) -> pd.DataFrame:
    """Censor by a uniform time whose range gives about the share wanted."""
    low, high = 1e-3, 1e3
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        expected = np.mean(np.minimum(time / middle, 1.0))
        low, high = (low, middle) if expected < share else (middle, high)
    limit = rng.uniform(0, middle, len(time))
    frame = {"time": np.minimum(time, limit), "event": (time <= limit).astype(int)}
    return pd.DataFrame({**frame, **x})


def rows(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Draw independent rows."""
    treated, x = rng.integers(0, 2, n).astype(float), rng.normal(size=n)
    time = rng.exponential(size=n) / np.exp(EFFECT * treated + SLOPE * x)
    return censored(rng, time, {"treated": treated, "x": x}, share)


def stable(rng: np.random.Generator, size: int) -> Any:
    """Draw positive stable variables with Laplace transform exp(-s^0.7)."""
    angle, e = rng.uniform(0, np.pi, size), rng.exponential(size=size)
    part = np.sin(INDEX * angle) / np.sin(angle) ** (1 / INDEX)
    return part * (np.sin((1 - INDEX) * angle) / e) ** ((1 - INDEX) / INDEX)


def clustered(rng: np.random.Generator, groups: int, by_cluster: bool) -> pd.DataFrame:
    """Draw clusters of twenty rows that share a frailty, half of them censored."""
    cluster = np.repeat(np.arange(groups), 20)
    treated = rng.integers(0, 2, len(cluster)).astype(float)
    if by_cluster:
        treated = rng.permutation(np.arange(groups) % 2)[cluster].astype(float)
    x = rng.normal(size=len(cluster))
    rate = stable(rng, groups)[cluster] * np.exp(EFFECT * treated + SLOPE * x)
    time = rng.exponential(size=len(cluster)) / rate
    return censored(rng, time, {"treated": treated, "x": x, "cluster": cluster}, 0.5)


def holds(fit: CoxModel, truth: float) -> bool:
    """Say whether the interval of the treatment's coefficient holds the truth."""
    first = fit.coefficients.data.iloc[0]
    return bool(first["conf_low"] <= truth <= first["conf_high"])


def survival_holds(fit: CoxModel) -> bool:
    """Say whether the interval of survival holds the truth."""
    truth = np.exp(-DAY * np.exp(EFFECT * WHO["treated"][0] + SLOPE * WHO["x"][0]))
    row = fit.survival(WHO, [DAY]).iloc[0]
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def cells(rng: np.random.Generator, replications: int) -> Iterator[dict[str, object]]:
    """Simulate every cell of the table."""
    formula = "treated + x"
    for n in (100, 500, 2000):
        for share in (0.3, 0.5, 0.7):
            hits: dict[str, list[bool]] = {"log hazard ratio": [], "survival": []}
            if n == 100:
                hits["log hazard ratio, Firth"] = []
            for _ in range(replications):
                df = rows(rng, n, share)
                fit = cox(formula, df, **NAMES)
                hits["log hazard ratio"].append(holds(fit, EFFECT))
                if df["time"].max() > DAY:
                    hits["survival"].append(survival_holds(fit))
                if n == 100:
                    firth = cox(formula, df, penalty="firth", **NAMES)
                    hits["log hazard ratio, Firth"].append(holds(firth, EFFECT))
            for estimand, found in hits.items():
                yield line(estimand, f"n = {n}", share, found)
    for by_cluster in (False, True):
        for groups in (10, 20, 50, 100):
            robust, plain = [], []
            for _ in range(replications):
                df = clustered(rng, groups, by_cluster)
                robust.append(holds(cox(formula, df, cluster="cluster", **NAMES), INDEX * EFFECT))
                plain.append(holds(cox(formula, df, **NAMES), INDEX * EFFECT))
            by = "clusters" if by_cluster else "rows"
            yield line(f"treatment of {by}, robust", f"{groups} clusters", 0.5, robust)
            yield line(f"treatment of {by}, model-based", f"{groups} clusters", 0.5, plain)


def line(estimand: str, size: str, share: float, found: list[bool]) -> dict[str, object]:
    """Sum up one cell."""
    coverage = float(np.mean(found))
    return {
        "estimand": estimand,
        "size": size,
        "censored": share,
        "coverage": round(coverage, 4),
        "mc_error": round(float(np.sqrt(coverage * (1 - coverage) / len(found))), 4),
        "replications": len(found),
    }


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("coverage_cox.csv"))
    chosen = parser.parse_args()
    rng = np.random.default_rng(20)
    table = pd.DataFrame(list(cells(rng, chosen.replications)))
    table.to_csv(chosen.out, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
