"""How often the 95 % intervals of Cox regression hold the truth, by simulation.

    python benchmarks/coverage_cox.py [--replications 2000] [--out benchmarks/coverage_cox.csv]

Rows: exponential times, hazard ratio e^0.5 of a treatment and e^0.3 of a covariate, uniform
censoring to a given share. Clusters: a positive stable frailty of index 0.7 shared by the twenty
rows of a cluster, because hazards are then proportional at the margin too, with the coefficient
times 0.7; the treatment is given to rows or to whole clusters, and robust intervals take Student's
t. The intervals of survival are log-log, those at n = 100 with a penalty by profile likelihood.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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

from evalkit.survival.cox_regression import CoxModel, cox

EFFECT, SLOPE = 0.5, 0.3
TRUTH = {"effect": EFFECT, "slope": SLOPE}
DAY = 0.2
WHO = pd.DataFrame({"treated": [1.0], "x": [0.5]})
NAMES: dict[str, Any] = {"duration": "time", "event": "event"}


def survival_holds(fit: CoxModel) -> bool:
    """Say whether the interval of survival holds the truth."""
    truth = np.exp(-DAY * np.exp(EFFECT * WHO["treated"][0] + SLOPE * WHO["x"][0]))
    return holds(fit.survival(WHO, [DAY]), truth)


def cells(rng: np.random.Generator, replications: int) -> Iterator[Cell]:
    """Simulate every cell of the table."""
    formula = "treated + x"
    for n in (100, 500, 2000):
        for share in (0.3, 0.5, 0.7):
            hits: dict[str, list[bool]] = {"log hazard ratio": [], "survival": []}
            if n == 100:
                hits["log hazard ratio, Firth"] = []
            for _ in range(replications):
                df = two_covariates(rng, n, share, **TRUTH)
                fit = cox(formula, df, **NAMES)
                hits["log hazard ratio"].append(holds(fit.to_frame(), EFFECT))
                if df["time"].max() > DAY:
                    hits["survival"].append(survival_holds(fit))
                if n == 100:
                    firth = cox(formula, df, penalty="firth", **NAMES)
                    hits["log hazard ratio, Firth"].append(holds(firth.to_frame(), EFFECT))
            for estimand, found in hits.items():
                yield line(estimand, f"n = {n}", share, found)
    for by_cluster in (False, True):
        for groups in (10, 20, 50, 100):
            robust, plain = [], []
            for _ in range(replications):
                df = clusters_of_two_covariates(rng, groups, by_cluster=by_cluster, **TRUTH)
                fit = cox(formula, df, cluster="cluster", **NAMES)
                robust.append(holds(fit.to_frame(), INDEX * EFFECT))
                plain.append(holds(cox(formula, df, **NAMES).to_frame(), INDEX * EFFECT))
            by = "clusters" if by_cluster else "rows"
            yield line(f"treatment of {by}, robust", f"{groups} clusters", 0.5, robust)
            yield line(f"treatment of {by}, model-based", f"{groups} clusters", 0.5, plain)


if __name__ == "__main__":
    main(cells, __file__, __doc__, seed=20)
