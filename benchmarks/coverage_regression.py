"""How often the 95 % intervals of competing risks regression and standardisation hold the truth.

    python benchmarks/coverage_regression.py [--replications 2000] [--out ...csv]

Fine-Gray rows: a treatment (0.5) and a covariate (-0.5) act on the log subdistribution hazard of
the first of two causes, half of all would have it in the end; exponential censoring to a given
share, entry uniform on (0, 0.5) where it is delayed. Clusters: twenty rows share a positive stable
frailty of index 0.7 of that hazard, so that it is proportional at the margin too, with the
coefficient times 0.7. Standardised rows: exponential rates of two causes, a treatment that depends
on a covariate, normal but rounded to halves, which matters for both; differences with and without
the treatment, averaged over the covariate, that the truth gives by numerical integration. Their
clusters of twenty rows share such a frailty of the rate of the first cause, and the treatment is
drawn for rows or for whole clusters; 40 % are censored. Intervals of incidence are log-log; those
with clusters take Student's t.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr
from simulation import INDEX, SIZE, Cell, exponential_rate, holds, line, main, stable

from evalkit.survival.cause_specific import cause_specific_cox
from evalkit.survival.fine_gray_regression import fine_gray
from evalkit.survival.standardised import standardised_survival

Key = tuple[str, str, float]
BATCH = 100
EFFECT, SLOPE, EVER, RATE = 0.5, -0.5, 0.5, -0.4
DAY = 0.8
WHO = pd.DataFrame({"treated": [1], "x": [0.3]})
COLUMNS: dict[str, Any] = {"duration": "time", "cause": "cause"}


def causes_censored(
    rng: np.random.Generator, time: Any, cause: Any, share: float, columns: dict[str, Any]
) -> pd.DataFrame:
    """Censor at an exponential time whose rate gives about the share wanted."""
    limit = rng.exponential(1 / exponential_rate(time, share), len(time))
    found = {"time": np.minimum(time, limit), "cause": np.where(time <= limit, cause, 0)}
    return pd.DataFrame({**found, **columns})


def subdistribution(rng: np.random.Generator, treated: Any, x: Any, frailty: Any) -> Any:
    """Draw times and causes: P(cause 1 by t) = 1 - {1 - EVER (1 - e^-t)}^ratio."""
    ratio = frailty * np.exp(EFFECT * treated + SLOPE * x)
    ever = 1 - (1 - EVER) ** ratio
    first = rng.random(len(x)) < ever
    gone = 1 - (1 - rng.random(len(x)) * ever) ** (1 / ratio)
    one = -np.log1p(-np.minimum(gone / EVER, 1 - 1e-15))
    return np.where(first, one, rng.exponential(size=len(x))), np.where(first, 1, 2)


def rows(rng: np.random.Generator, n: int, share: float, late: bool = False) -> pd.DataFrame:
    """Draw independent rows of a Fine-Gray model; with late entry until n are left."""
    m = 3 * n if late else n
    treated, x = rng.integers(0, 2, m), rng.normal(size=m)
    time, cause = subdistribution(rng, treated, x, 1.0)
    df = causes_censored(rng, time, cause, share, {"treated": treated, "x": x})
    if not late:
        return df
    df["entry"] = rng.uniform(0, 0.5, m) * (rng.random(m) < 0.7)
    return df[df["time"] > df["entry"]].iloc[:n]


def clustered(rng: np.random.Generator, groups: int) -> pd.DataFrame:
    """Draw clusters of rows that share a frailty, 40 % of them censored."""
    cluster = np.repeat(np.arange(groups), SIZE)
    treated, x = rng.integers(0, 2, len(cluster)), rng.normal(size=len(cluster))
    time, cause = subdistribution(rng, treated, x, stable(rng, groups)[cluster])
    return causes_censored(rng, time, cause, 0.4, {"treated": treated, "x": x, "cluster": cluster})


def halves(rng: np.random.Generator, n: int) -> Any:
    """Draw a covariate with few values, so that averages over it cost little."""
    return np.round(2 * rng.normal(size=n)) / 2


def values() -> tuple[Any, Any]:
    """Return the values of that covariate, and their probabilities."""
    grid = np.arange(-16, 17) / 2
    return grid, ndtr(grid + 0.25) - ndtr(grid - 0.25)


def two_rates(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Draw two causes with exponential rates, and a treatment that depends on a covariate."""
    x = halves(rng, n)
    treated = (rng.random(n) < 1 / (1 + np.exp(-0.7 * x))).astype(int)
    one = rng.exponential(np.exp(-0.5 * x + 0.4 * treated))
    two = rng.exponential(2 * np.exp(0.3 * x))
    columns = {"treated": treated, "x": x}
    df = causes_censored(rng, np.minimum(one, two), np.where(one < two, 1, 2), share, columns)
    return df.assign(event=(df["cause"] > 0).astype(int))


def averages() -> dict[str, float]:
    """Differences with less without treatment, averaged over the covariate."""
    grid, weight = values()
    found = []
    for treated in (0, 1):
        one, two = np.exp(0.5 * grid - 0.4 * treated), np.exp(-0.3 * grid) / 2
        total = one + two
        gone = 1 - np.exp(-DAY * total)
        found.append([weight @ (one / total * gone), weight @ (gone / total)])
    incidence, mean = (b - a for a, b in zip(*found, strict=True))
    return {"cumulative_incidence": float(incidence), "rmst": float(mean)}


def clustered_rates(rng: np.random.Generator, groups: int, by_cluster: bool) -> pd.DataFrame:
    """Draw two causes, of the first of which the rows of a cluster share a frailty."""
    cluster = np.repeat(np.arange(groups), SIZE)
    treated = rng.integers(0, 2, len(cluster))
    if by_cluster:
        treated = rng.permutation(np.arange(groups) % 2)[cluster]
    x = halves(rng, len(cluster))
    rate = stable(rng, groups)[cluster] * np.exp(0.5 * x + RATE * treated)
    one = rng.exponential(size=len(cluster)) / rate
    two = rng.exponential(2 * np.exp(0.3 * x))
    columns = {"treated": treated, "x": x, "cluster": cluster}
    return causes_censored(rng, np.minimum(one, two), np.where(one < two, 1, 2), 0.4, columns)


def marginal(x: Any, treated: int) -> tuple[Any, Any]:
    """Incidence of the first cause by the day, and mean time until then, over the frailty.

    The cumulative hazard of the first cause is then (t e^(0.5 x - 0.4 treated))^0.7.
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    end = DAY**INDEX
    v, mass = end * (nodes + 1) / 2, weights * end / 2  # v = t^0.7, in which all is smooth
    one = np.exp(INDEX * (0.5 * np.asarray(x)[..., None] + RATE * treated))
    two = np.exp(-0.3 * np.asarray(x)[..., None]) / 2
    stay = np.exp(-one * v - two * v ** (1 / INDEX))
    return (one * stay) @ mass, (stay * v ** (1 / INDEX - 1) / INDEX) @ mass


def marginal_averages() -> dict[str, float]:
    """Differences with less without treatment, averaged over the covariate and the frailty."""
    grid, weight = values()
    found = [[weight @ part for part in marginal(grid, a)] for a in (0, 1)]
    incidence, mean = (b - a for a, b in zip(*found, strict=True))
    return {"cumulative_incidence": float(incidence), "rmst": float(mean)}


def cells(rng: np.random.Generator, replications: int) -> Iterator[Cell]:
    """Simulate every cell of the table, in batches with random numbers of their own."""
    held: dict[Key, list[bool]] = {}
    for source in rng.spawn(max(1, replications // BATCH)):
        one, other = source.spawn(2)
        size = min(BATCH, replications)
        for key, found in (*subdistributions(one, size), *standardised(other, size)):
            held.setdefault(key, []).extend(found)
    for key, found in held.items():
        yield line(*key, found)


def subdistributions(
    rng: np.random.Generator, replications: int
) -> Iterator[tuple[Key, list[bool]]]:
    """Simulate the cells of Fine-Gray models."""
    part = np.exp(EFFECT + SLOPE * 0.3)
    truth = float(1 - (1 - EVER * (1 - np.exp(-DAY))) ** part)
    options: dict[str, Any] = {**COLUMNS, "event_of_interest": 1}
    for n, share in [(100, 0.3), *((n, s) for n in (500, 2000) for s in (0.3, 0.5, 0.7))]:
        hits: dict[str, list[bool]] = {}
        for _ in range(replications if n < 2000 else replications // 2):
            df = rows(rng, n, share)
            for vcov in ("robust", "fine-gray"):
                fit = fine_gray("treated + x", df, vcov=vcov, **options)
                hits.setdefault(f"Fine-Gray, {vcov}", []).append(holds(fit.to_frame(), EFFECT))
                if df["time"].max() > DAY:
                    at = fit.cumulative_incidence(WHO, DAY)
                    hits.setdefault(f"its incidence, {vcov}", []).append(holds(at, truth))
        for estimand, found in hits.items():
            yield (estimand, f"n = {n}", share), found
    found = []
    for _ in range(replications):
        fit = fine_gray("treated + x", rows(rng, 500, 0.4, True), entry="entry", **options)
        found.append(holds(fit.to_frame(), EFFECT))
    yield ("Fine-Gray, delayed entry", "n = 500", 0.4), found
    for groups in (10, 20, 50, 100):
        found = []
        for _ in range(replications):
            fit = fine_gray("treated + x", clustered(rng, groups), cluster="cluster", **options)
            found.append(holds(fit.to_frame(), INDEX * EFFECT))
        yield ("Fine-Gray, clusters", f"{groups} clusters", 0.4), found


def standardised(rng: np.random.Generator, replications: int) -> Iterator[tuple[Key, list[bool]]]:
    """Simulate the cells of standardised differences and cause-specific predictions."""
    truth = averages()
    one, two = np.exp(0.5 * 0.3 - 0.4), np.exp(-0.3 * 0.3) / 2
    predicted = float(one / (one + two) * (1 - np.exp(-DAY * (one + two))))
    for n, share in ((100, 0.3), (500, 0.3), (500, 0.6)):
        hits: dict[str, list[bool]] = {}
        for _ in range(replications // 2):
            df = two_rates(rng, n, share)
            if df["time"].max() <= DAY:
                continue
            models = cause_specific_cox("treated + x", df, **COLUMNS)
            at = models.cumulative_incidence(WHO, DAY)
            hits.setdefault("incidence of one person", []).append(holds(at, predicted))
            frame = standardised_survival(models, df, treatment="treated", times=DAY, tau=DAY)
            for name, held in differences_hold(frame.to_frame(), truth).items():
                hits.setdefault(name, []).append(held)
        for estimand, found in hits.items():
            yield (f"standardised: {estimand}", f"n = {n}", share), found
    for by_cluster in (False, True):
        for groups in (10, 20, 50, 100):
            yield from few_clusters(rng, groups, by_cluster, replications)


def differences_hold(frame: pd.DataFrame, truth: dict[str, float]) -> dict[str, bool]:
    """Say which standardised differences have intervals that hold the truth."""
    found: dict[str, bool] = {}
    for name, value in truth.items():
        own = (frame["cause"] == 1) if name == "cumulative_incidence" else True
        row = frame[(frame["term"] == f"{name}_difference") & own]
        found[f"difference in {name}"] = holds(row, value)
    return found


def few_clusters(
    rng: np.random.Generator, groups: int, by_cluster: bool, replications: int
) -> Iterator[tuple[Key, list[bool]]]:
    """Simulate the cells of cause-specific models, and of what follows, with clusters."""
    truth, hits = marginal_averages(), dict[str, list[bool]]()
    predicted = marginal(float(WHO["x"][0]), 1)[0]
    for _ in range(replications // 2):
        df = clustered_rates(rng, groups, by_cluster)
        models = cause_specific_cox("treated + x", df, cluster="cluster", **COLUMNS)
        held = {"log hazard ratio": holds(models.to_frame(), INDEX * RATE)}
        held["incidence of one person"] = holds(models.cumulative_incidence(WHO, DAY), predicted)
        frame = standardised_survival(models, df, treatment="treated", times=DAY, tau=DAY)
        for name, one in {**held, **differences_hold(frame.to_frame(), truth)}.items():
            hits.setdefault(name, []).append(one)
    by = "clusters" if by_cluster else "rows"
    for estimand, found in hits.items():
        yield (f"treatment of {by}: {estimand}", f"{groups} clusters", 0.4), found


if __name__ == "__main__":
    main(cells, __file__, __doc__, seed=24)
