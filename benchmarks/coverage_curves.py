"""How often the 95 % intervals of survival curves hold the truth, by simulation.

    python benchmarks/coverage_curves.py [--replications 2000] [--out FILE.csv]

Rows: exponential times with rate 1, and 0.7 in a second arm of the comparisons, under uniform
censoring of a given share. The late day asked for, which is the horizon of the means too, is half
of the longest possible censoring time; on the early day 5 % have left. Clusters: rows of one
cluster, twenty of them, share a gamma frailty of variance 0.5; variances are robust and quantiles
Student's t.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from simulation import area, main_of_draws, range_for

from evalkit.survival.curves import kaplan_meier
from evalkit.survival.differences import rmst_difference, survival_difference

RATE, OTHER, FRAILTY, SIZE = 1.0, 0.7, 0.5, 20
NAMES: dict[str, Any] = {"duration": "time", "event": "event"}
Survival = Callable[[Any], Any]


def exponential(rate: float) -> Survival:
    """Return the survival function of rows that stand alone."""
    return lambda t: np.exp(-rate * t)


def marginal(t: Any) -> Any:
    """Survival over all clusters."""
    return (1 + FRAILTY * t) ** (-1 / FRAILTY)


def rows(rng: np.random.Generator, n: int, limit: float, rate: float = RATE) -> pd.DataFrame:
    """Draw independent rows."""
    time, censoring = rng.exponential(1 / rate, n), rng.uniform(0, limit, n)
    return pd.DataFrame(
        {"time": np.minimum(time, censoring), "event": (time <= censoring).astype(int)}
    )


def clusters(rng: np.random.Generator, number: int, limit: float) -> pd.DataFrame:
    """Draw clusters of rows."""
    office = np.repeat(np.arange(number), SIZE)
    frailty = rng.gamma(1 / FRAILTY, FRAILTY, number)[office]
    time, censoring = rng.exponential(1 / frailty), rng.uniform(0, limit, len(office))
    return pd.DataFrame(
        {
            "time": np.minimum(time, censoring),
            "event": (time <= censoring).astype(int),
            "office": office,
        }
    )


def holds(frame: pd.DataFrame, truth: float) -> bool:
    """Say whether the interval of a frame of one row holds the truth.

    The missing upper limit of a quantile means that there is none. Survival that has no limits
    since it is 0, or 1 exactly, holds no other truth.
    """
    low, high = frame["conf_low"].item(), frame["conf_high"].item()
    return low <= truth and (truth <= high or ("q" in frame and np.isnan(high)))


def one(rng: np.random.Generator, n: int, share: float) -> Iterator[tuple[str, bool]]:
    """Draw one sample of rows, and one of two arms, and look at all their intervals."""
    survival, other = exponential(RATE), exponential(OTHER)
    limit = range_for(share, survival)
    day = limit / 2
    df = rows(rng, n, limit)
    early = -np.log(0.95)
    km = kaplan_meier(df, **NAMES)
    for ci in ("log-log", "log", "plain", "arcsine"):
        scaled = replace(km, ci=ci)
        yield f"early survival, {ci}", holds(scaled.at(early), 0.95)
        yield f"late survival, {ci}", holds(scaled.at(day), float(survival(day)))
    yield "quartile, log-log", holds(km.quantile(0.25), float(np.log(4 / 3)))
    yield "restricted mean", holds(km.rmst(day), area(survival, day))
    second = rows(rng, n, limit, OTHER)
    arms = pd.concat([df.assign(arm=0), second.assign(arm=1)], ignore_index=True)
    compared: dict[str, Any] = {"by": "arm", "reference": 0, **NAMES}
    difference = float(other(day) - survival(day))
    for ci in ("log-log", "plain"):
        found = survival_difference(arms, times=day, ci=ci, **compared).to_frame()
        yield f"late survival difference, {ci}", holds(found, difference)
    means = rmst_difference(arms, tau=day, **compared).to_frame()
    base, new = area(survival, day), area(other, day)
    yield "restricted mean difference", holds(means[:1], new - base)
    yield "restricted mean ratio", holds(means[1:], new / base)


def one_clustered(
    rng: np.random.Generator, number: int, share: float
) -> Iterator[tuple[str, bool]]:
    """Draw one sample of clusters."""
    limit = range_for(share, marginal)
    day = limit / 2
    df = clusters(rng, number, limit)
    km = kaplan_meier(df, cluster="office", **NAMES)
    yield "late survival, log-log, clusters", holds(km.at(day), float(marginal(day)))
    yield "restricted mean, clusters", holds(km.rmst(day), area(marginal, day))
    compared: dict[str, Any] = {"by": "arm", "reference": 0, "cluster": "office", **NAMES}
    arms = df.assign(arm=df["office"] % 2)
    means = rmst_difference(arms, tau=day, **compared).to_frame()
    yield "restricted mean difference, half of the clusters each", holds(means[:1], 0.0)


if __name__ == "__main__":
    main_of_draws(one, one_clustered, __file__, __doc__, 2000)
