"""How often the 95 % intervals of discrete-time hazards hold the truth, by simulation.

    python benchmarks/coverage_discrete.py [--replications 2000] [--out FILE.csv]

Rows: exponential times, hazard ratio e^0.5 of a treatment and e^0.3 of a covariate, uniform
censoring to a given share, complementary log-log link. Fine intervals are thirteen, twelve
of them of length 0.1, in which a censored row counts one half; wide ones are three, with breaks at
0.4 and 1.2, whose censored rows count one half or whole: the hazard then has a bias that more rows
do not remove. Survival and its standardised difference are those at 0.4.
Clusters: a positive stable frailty of index 0.7 shared by the twenty rows of a cluster, so that the
effect at the margin is the coefficient times 0.7; the treatment is given to rows or to clusters.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from evalkit.core.sample import SurvivalWarning
from evalkit.survival.discrete import discrete_hazard
from evalkit.survival.discrete_result import DiscreteHazard

EFFECT, SLOPE, INDEX, SIZE = 0.5, 0.3, 0.7, 20
FORMULA = "treated + x"
NAMES: dict[str, Any] = {"duration": "time", "event": "event"}
WHO = pd.DataFrame({"treated": [1.0], "x": [0.5]})
POINT = 0.4  # where survival is looked at: a break of both sets of intervals
FINE, WIDE = np.arange(1, 13) / 10, np.array([0.4, 1.2])
KINDS: tuple[tuple[str, Any, Literal["half", "whole"]], ...] = (
    ("fine intervals", FINE, "half"),
    ("wide intervals, half", WIDE, "half"),
    ("wide intervals, whole", WIDE, "whole"),
)


def censor(rng: np.random.Generator, time: Any, x: dict[str, Any], share: float) -> pd.DataFrame:
    """Censor by a uniform time whose range gives about the share wanted."""
    low, high = 1e-3, 1e3
    for _ in range(40):
        limit = float(np.sqrt(low * high))
        low, high = (
            (low, limit) if np.mean(np.minimum(time / limit, 1.0)) < share else (limit, high)
        )
    end = rng.uniform(0, limit, len(time))
    return pd.DataFrame({"time": np.minimum(time, end), "event": (time <= end).astype(int), **x})


def rows(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Draw independent rows."""
    treated, x = rng.integers(0, 2, n).astype(float), rng.normal(size=n)
    time = rng.exponential(size=n) / np.exp(EFFECT * treated + SLOPE * x)
    return censor(rng, time, {"treated": treated, "x": x}, share)


def clusters(rng: np.random.Generator, groups: int, *, by_cluster: bool) -> pd.DataFrame:
    """Draw clusters of rows that share a frailty."""
    cluster = np.repeat(np.arange(groups), SIZE)
    treated = rng.integers(0, 2, len(cluster)).astype(float)
    if by_cluster:
        treated = rng.permutation(np.arange(groups) % 2)[cluster].astype(float)
    x = rng.normal(size=len(cluster))
    angle, spread = rng.uniform(0, np.pi, groups), rng.exponential(size=groups)
    one, other = np.sin(INDEX * angle), np.sin((1 - INDEX) * angle)
    frailty = one / np.sin(angle) ** (1 / INDEX) * (other / spread) ** ((1 - INDEX) / INDEX)
    time = rng.exponential(size=len(cluster)) / frailty[cluster]
    time /= np.exp(EFFECT * treated + SLOPE * x)
    return censor(rng, time, {"treated": treated, "x": x, "cluster": cluster}, 0.5)


def effect_holds(fit: DiscreteHazard, truth: float) -> bool:
    """Say whether the interval of the treatment's coefficient holds the truth."""
    row = fit.to_frame().set_index("term").loc["treated"]
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def survival_holds(fit: DiscreteHazard) -> bool:
    """Say whether the interval of one person's survival holds the truth."""
    row = fit.survival(WHO, [POINT]).iloc[0]
    truth = np.exp(-POINT * np.exp(EFFECT * WHO["treated"][0] + SLOPE * WHO["x"][0]))
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def difference_holds(fit: DiscreteHazard, df: pd.DataFrame) -> bool:
    """Say whether the interval of the standardised difference holds that of the sample."""
    row = fit.standardised("treated", times=[POINT]).to_frame().iloc[-1]
    base = POINT * np.exp(SLOPE * df["x"])
    truth = float(np.mean(np.exp(-base * np.exp(EFFECT)) - np.exp(-base)))
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def cells(rng: np.random.Generator, replications: int) -> Iterator[dict[str, object]]:
    """Simulate every cell of the table."""
    for n in (100, 500, 2000):
        for share in (0.3, 0.5, 0.7):
            hits: dict[str, list[bool]] = {}
            for _ in range(replications):
                df = rows(rng, n, share)
                for what, breaks, partial in KINDS[: 3 if share == 0.5 else 1]:
                    if df.loc[df["event"] == 1, "time"].max() <= POINT:
                        continue
                    fit = discrete_hazard(FORMULA, df, **NAMES, breaks=breaks, partial=partial)
                    found = hits.setdefault
                    found(f"log hazard ratio, {what}", []).append(effect_holds(fit, EFFECT))
                    found(f"survival, {what}", []).append(survival_holds(fit))
                    found(f"difference of survival, {what}", []).append(difference_holds(fit, df))
            for estimand, held in hits.items():
                yield line(estimand, f"n = {n}", share, held)
    for by_cluster in (False, True):
        for groups in (10, 20, 50, 100):
            robust, plain = [], []
            for _ in range(replications):
                df = clusters(rng, groups, by_cluster=by_cluster)
                options = {**NAMES, "breaks": FINE, "partial": "half"}
                fit = discrete_hazard(FORMULA, df, **options, cluster="cluster")
                robust.append(effect_holds(fit, INDEX * EFFECT))
                plain.append(effect_holds(discrete_hazard(FORMULA, df, **options), INDEX * EFFECT))
            by = "clusters" if by_cluster else "rows"
            yield line(f"treatment of {by}, robust", f"{groups} clusters", 0.5, robust)
            yield line(f"treatment of {by}, model-based", f"{groups} clusters", 0.5, plain)


def line(estimand: str, size: str, share: float, held: list[bool]) -> dict[str, object]:
    """Sum up one cell."""
    coverage = float(np.mean(held))
    return {
        "estimand": estimand,
        "size": size,
        "censored": share,
        "coverage": round(coverage, 4),
        "mc_error": round(float(np.sqrt(coverage * (1 - coverage) / len(held))), 4),
        "replications": len(held),
    }


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", SurvivalWarning)  # late intervals in which nobody leaves
    table = pd.DataFrame(list(cells(np.random.default_rng(30), chosen.replications)))
    table.to_csv(chosen.out, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
