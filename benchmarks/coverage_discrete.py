"""How often the 95 % intervals of discrete-time hazards hold the truth, by simulation.

    python benchmarks/coverage_discrete.py [--replications 2000] [--out FILE.csv]

Rows: exponential times, hazard ratio e^0.5 of a treatment and e^0.3 of a covariate, uniform
censoring to a given share, complementary log-log link. Fine intervals are thirteen, twelve
of them of length 0.1, in which a censored row counts one half; wide ones are three, with breaks at
0.4 and 1.2, whose censored rows count one half or whole: the hazard then has a bias that more rows
do not remove. Survival and its standardised difference are those at 0.4.
Clusters: a positive stable frailty of index 0.7 shared by the twenty rows of a cluster, so that the
effect at the margin is the coefficient times 0.7; the treatment is given to rows or to clusters,
and robust intervals take Student's t.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from simulation import (
    INDEX,
    Cell,
    clusters_of_two_covariates,
    holds,
    line,
    main,
    two_covariates,
)

from evalkit.survival.discrete import discrete_hazard
from evalkit.survival.discrete_result import DiscreteHazard

EFFECT, SLOPE = 0.5, 0.3
TRUTH = {"effect": EFFECT, "slope": SLOPE}
FORMULA = "treated + x"
NAMES: dict[str, Any] = {"duration": "time", "event": "event"}
WHO = pd.DataFrame({"treated": [1.0], "x": [0.5]})
FEW = [(by_cluster, groups) for by_cluster in (False, True) for groups in (10, 20, 50, 100)]
POINT = 0.4  # where survival is looked at: a break of both sets of intervals
FINE, WIDE = np.arange(1, 13) / 10, np.array([0.4, 1.2])
KINDS: tuple[tuple[str, Any, Literal["half", "whole"]], ...] = (
    ("fine intervals", FINE, "half"),
    ("wide intervals, half", WIDE, "half"),
    ("wide intervals, whole", WIDE, "whole"),
)


def effect_holds(fit: DiscreteHazard, truth: float) -> bool:
    """Say whether the interval of the treatment's coefficient holds the truth."""
    return holds(fit.to_frame().set_index("term").loc["treated"], truth)


def survival_holds(fit: DiscreteHazard) -> bool:
    """Say whether the interval of one person's survival holds the truth."""
    truth = np.exp(-POINT * np.exp(EFFECT * WHO["treated"][0] + SLOPE * WHO["x"][0]))
    return holds(fit.survival(WHO, [POINT]), truth)


def difference_holds(fit: DiscreteHazard, df: pd.DataFrame) -> bool:
    """Say whether the interval of the standardised difference holds that of the sample."""
    row = fit.standardised("treated", times=[POINT]).to_frame().iloc[-1]
    base = POINT * np.exp(SLOPE * df["x"])
    truth = float(np.mean(np.exp(-base * np.exp(EFFECT)) - np.exp(-base)))
    return holds(row, truth)


def cells(rng: np.random.Generator, replications: int) -> Iterator[Cell]:
    """Simulate every cell of the table."""
    for n in (100, 500, 2000):
        for share in (0.3, 0.5, 0.7):
            hits: dict[str, list[bool]] = {}
            for _ in range(replications):
                df = two_covariates(rng, n, share, **TRUTH)
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
    for source, (by_cluster, groups) in zip(rng.spawn(len(FEW)), FEW, strict=True):
        yield from few_clusters(source, replications, by_cluster, groups)


def few_clusters(
    rng: np.random.Generator, replications: int, by_cluster: bool, groups: int
) -> Iterator[Cell]:
    """Simulate the cells of one kind and number of clusters."""
    robust, plain = [], []
    options: dict[str, Any] = {**NAMES, "breaks": FINE, "partial": "half"}
    for _ in range(replications):
        df = clusters_of_two_covariates(rng, groups, by_cluster=by_cluster, **TRUTH)
        fit = discrete_hazard(FORMULA, df, **options, cluster="cluster")
        robust.append(effect_holds(fit, INDEX * EFFECT))
        plain.append(effect_holds(discrete_hazard(FORMULA, df, **options), INDEX * EFFECT))
    by = "clusters" if by_cluster else "rows"
    yield line(f"treatment of {by}, robust", f"{groups} clusters", 0.5, robust)
    yield line(f"treatment of {by}, model-based", f"{groups} clusters", 0.5, plain)


if __name__ == "__main__":
    main(cells, __file__, __doc__, seed=30)
