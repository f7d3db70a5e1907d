"""What the simulations of coverage share: draws, censoring, and the table of what they found.

Each ``coverage_<what>.py`` yields the cells of its table; :func:`main` reads the command line, runs
them and writes ``coverage_<what>.csv``.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.core.sample import SurvivalWarning

Cell = dict[str, object]
INDEX, SIZE = 0.7, 20  # of the positive stable frailty; rows in a cluster


def stable(rng: np.random.Generator, size: int) -> Any:
    """Draw positive stable variables with Laplace transform exp(-s^0.7).

    As a frailty of the rate they leave rates proportional, with coefficients times 0.7.
    """
    angle, e = rng.uniform(0, np.pi, size), rng.exponential(size=size)
    part = np.sin(INDEX * angle) / np.sin(angle) ** (1 / INDEX)
    return part * (np.sin((1 - INDEX) * angle) / e) ** ((1 - INDEX) / INDEX)


def bisected(too_low: Callable[[float], bool], steps: int = 60) -> float:
    """Halve the logarithms between 1e-4 and 1e4 towards the number at which an answer changes."""
    low, high = 1e-4, 1e4
    for _ in range(steps):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return middle


def uniform_limit(time: Any, share: float) -> float:
    """Find the range of uniform censoring that gives about the share wanted of these times."""
    return bisected(lambda limit: float(np.mean(np.minimum(time / limit, 1.0))) > share)


def exponential_rate(time: Any, share: float) -> float:
    """Find the rate of exponential censoring that gives about the share wanted of these times."""
    return bisected(lambda rate: float(np.mean(1 - np.exp(-rate * time))) < share)


def range_for(share: float, survival: Callable[[Any], Any]) -> float:
    """Find the range of uniform censoring that gives a share: that with such a mean survival."""
    return bisected(lambda end: float(np.mean(survival(np.linspace(0, end, 2001)))) > share)


def area(curve: Callable[[Any], Any], tau: float) -> float:
    """Integrate a curve up to a time by Simpson's rule."""
    weights = np.where(np.arange(2001) % 2 == 1, 4.0, 2.0)
    weights[[0, -1]] = 1
    return float((weights * curve(np.linspace(0, tau, 2001))).sum() * tau / 6000)


def censored(
    rng: np.random.Generator, time: Any, share: float, columns: dict[str, Any]
) -> pd.DataFrame:
    """Censor by a uniform time whose range gives about the share wanted."""
    limit = rng.uniform(0, uniform_limit(time, share), len(time))
    frame = {"time": np.minimum(time, limit), "event": (time <= limit).astype(int)}
    return pd.DataFrame({**frame, **columns})


def two_covariates(
    rng: np.random.Generator, n: int, share: float, *, effect: float, slope: float
) -> pd.DataFrame:
    """Draw exponential times whose rate a treatment and a covariate change, and censor them."""
    treated, x = rng.integers(0, 2, n).astype(float), rng.normal(size=n)
    time = rng.exponential(size=n) / np.exp(effect * treated + slope * x)
    return censored(rng, time, share, {"treated": treated, "x": x})


def clusters_of_two_covariates(
    rng: np.random.Generator, groups: int, *, by_cluster: bool, effect: float, slope: float
) -> pd.DataFrame:
    """Draw clusters of rows that share a frailty, half of them censored."""
    cluster = np.repeat(np.arange(groups), SIZE)
    treated = rng.integers(0, 2, len(cluster)).astype(float)
    if by_cluster:
        treated = rng.permutation(np.arange(groups) % 2)[cluster].astype(float)
    x = rng.normal(size=len(cluster))
    rate = stable(rng, groups)[cluster] * np.exp(effect * treated + slope * x)
    time = rng.exponential(size=len(cluster)) / rate
    return censored(rng, time, 0.5, {"treated": treated, "x": x, "cluster": cluster})


def holds(found: Any, truth: float) -> bool:
    """Say whether the interval of a row, or of a frame's first row, holds the truth."""
    row = found.iloc[0] if isinstance(found, pd.DataFrame) else found
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def line(estimand: str, size: str, share: float, held: list[bool]) -> Cell:
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


def main(
    cells: Callable[[np.random.Generator, int], Iterator[Cell]], script: str, about: str, seed: int
) -> None:
    """Read the command line, simulate, and write the table beside the script."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(script).with_suffix(".csv"))
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", SurvivalWarning)  # some samples are as bad as that
    found: list[Cell] = []
    for cell in cells(np.random.default_rng(seed), chosen.replications):
        found.append(cell)
        pd.DataFrame(found).to_csv(chosen.out, index=False)  # cell by cell: it may take hours
    table = pd.DataFrame(found)
    print(table.to_string(index=False))


Draw = Callable[[np.random.Generator, int, float], Iterator[tuple[str, bool]]]


def coverage(draw: Draw, size: int, share: float, replications: int) -> pd.DataFrame:
    """Count how often each interval of a kind of sample holds the truth."""
    rng = np.random.default_rng([size, int(100 * share), replications])
    held: dict[str, list[bool]] = {}
    for _ in range(replications):
        for name, inside in draw(rng, size, share):
            held.setdefault(name, []).append(inside)
    return pd.DataFrame(
        {
            "quantity": list(held),
            "size": size,
            "censored": share,
            "coverage": [float(np.mean(values)) for values in held.values()],
            "replications": replications,
        }
    )


def main_of_draws(one: Draw, one_clustered: Draw, script: str, about: str, default: int) -> None:
    """Do as :func:`main` for samples of rows, and of clusters, that yield all their intervals."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--replications", type=int, default=default)
    parser.add_argument("--out", type=Path, default=Path(script).with_suffix(".csv"))
    options = parser.parse_args()
    cells = [(one, n, share) for n in (100, 500) for share in (0.3, 0.5, 0.7)]
    cells += [(one_clustered, number, 0.5) for number in (10, 20, 50, 100)]
    parts: list[pd.DataFrame] = []
    for draw, size, share in cells:
        parts.append(coverage(draw, size, share, options.replications))
        pd.concat(parts, ignore_index=True).to_csv(options.out, index=False)
    print(pd.concat(parts, ignore_index=True).to_string(index=False))
