"""How often the 95 % intervals of competing risks regression and standardisation hold the truth.

    python benchmarks/coverage_regression.py [--replications 1000] [--out ...csv]

Fine-Gray rows: a treatment (0.5) and a covariate (-0.5) act on the log subdistribution hazard of
the first of two causes, half of all would have it in the end; exponential censoring to a given
share, entry uniform on (0, 0.5) where it is delayed. Clusters: twenty rows share a positive stable
frailty of index 0.7 of that hazard, so that it is proportional at the margin too, with the
coefficient times 0.7. Standardised rows: exponential rates of two causes, a treatment that depends
on a covariate which matters for both; differences with and without the treatment, averaged over
the covariate, that the truth gives by numerical integration. Intervals of incidence are log-log.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.survival.cause_specific import cause_specific_cox
from evalkit.survival.fine_gray_regression import fine_gray
from evalkit.survival.standardised import standardised_survival

EFFECT, SLOPE, EVER, INDEX = 0.5, -0.5, 0.5, 0.7
DAY = 0.8
WHO = pd.DataFrame({"treated": [1], "x": [0.3]})
COLUMNS: dict[str, Any] = {"duration": "time", "cause": "cause"}


def stable(rng: np.random.Generator, size: int) -> Any:
    """Draw positive stable variables with Laplace transform exp(-s^0.7)."""
    angle, e = rng.uniform(0, np.pi, size), rng.exponential(size=size)
    part = np.sin(INDEX * angle) / np.sin(angle) ** (1 / INDEX)
    return part * (np.sin((1 - INDEX) * angle) / e) ** ((1 - INDEX) / INDEX)


def censor(
    rng: np.random.Generator, time: Any, cause: Any, share: float, columns: dict[str, Any]
) -> pd.DataFrame:
    """Censor at an exponential time whose rate gives about the share wanted."""
    low, high = 1e-4, 1e4
    for _ in range(50):
        rate = float(np.sqrt(low * high))
        low, high = (rate, high) if np.mean(1 - np.exp(-rate * time)) < share else (low, rate)
    limit = rng.exponential(1 / rate, len(time))
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
    df = censor(rng, time, cause, share, {"treated": treated, "x": x})
    if not late:
        return df
    df["entry"] = rng.uniform(0, 0.5, m) * (rng.random(m) < 0.7)
    return df[df["time"] > df["entry"]].iloc[:n]


def clustered(rng: np.random.Generator, groups: int) -> pd.DataFrame:
    """Draw clusters of twenty rows that share a frailty, 40 % of them censored."""
    cluster = np.repeat(np.arange(groups), 20)
    treated, x = rng.integers(0, 2, len(cluster)), rng.normal(size=len(cluster))
    time, cause = subdistribution(rng, treated, x, stable(rng, groups)[cluster])
    return censor(rng, time, cause, 0.4, {"treated": treated, "x": x, "cluster": cluster})


def two_rates(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Draw two causes with exponential rates, and a treatment that depends on a covariate."""
    x = rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(-0.7 * x))).astype(int)
    one = rng.exponential(np.exp(-0.5 * x + 0.4 * treated))
    two = rng.exponential(2 * np.exp(0.3 * x))
    columns = {"treated": treated, "x": x}
    df = censor(rng, np.minimum(one, two), np.where(one < two, 1, 2), share, columns)
    return df.assign(event=(df["cause"] > 0).astype(int))


def averages() -> dict[str, float]:
    """Differences with less without treatment, averaged over the covariate."""
    grid, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()
    found = []
    for treated in (0, 1):
        one, two = np.exp(0.5 * grid - 0.4 * treated), np.exp(-0.3 * grid) / 2
        total = one + two
        gone = 1 - np.exp(-DAY * total)
        found.append([weight @ (one / total * gone), weight @ (gone / total)])
    incidence, mean = (b - a for a, b in zip(*found, strict=True))
    return {"cumulative_incidence": float(incidence), "rmst": float(mean)}


def holds(frame: pd.DataFrame, truth: float) -> bool:
    """Say whether the interval in the first row holds the truth."""
    return bool(frame["conf_low"].iloc[0] <= truth <= frame["conf_high"].iloc[0])


def cells(rng: np.random.Generator, replications: int) -> Iterator[dict[str, object]]:
    """Simulate every cell of the table."""
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
            yield line(estimand, f"n = {n}", share, found)
    found = []
    for _ in range(replications):
        fit = fine_gray("treated + x", rows(rng, 500, 0.4, True), entry="entry", **options)
        found.append(holds(fit.to_frame(), EFFECT))
    yield line("Fine-Gray, delayed entry", "n = 500", 0.4, found)
    for groups in (10, 20, 50, 100):
        found = []
        for _ in range(replications):
            fit = fine_gray("treated + x", clustered(rng, groups), cluster="cluster", **options)
            found.append(holds(fit.to_frame(), INDEX * EFFECT))
        yield line("Fine-Gray, clusters", f"{groups} clusters", 0.4, found)
    yield from standardised(rng, replications)


def standardised(rng: np.random.Generator, replications: int) -> Iterator[dict[str, object]]:
    """Simulate the cells of standardised differences and cause-specific predictions."""
    truth = averages()
    one, two = np.exp(0.5 * 0.3 - 0.4), np.exp(-0.3 * 0.3) / 2
    predicted = float(one / (one + two) * (1 - np.exp(-DAY * (one + two))))
    asked: dict[str, Any] = {"treatment": "treated", "times": DAY, "tau": DAY}
    for n, share in ((100, 0.3), (500, 0.3), (500, 0.6)):
        hits: dict[str, list[bool]] = {"incidence of one person": []}
        for _ in range(replications // 2):
            df = two_rates(rng, n, share)
            if df["time"].max() <= DAY:
                continue
            models = cause_specific_cox("treated + x", df, **COLUMNS)
            at = models.cumulative_incidence(WHO, DAY)
            hits["incidence of one person"].append(holds(at, predicted))
            frame = standardised_survival(models, df, **asked).to_frame()
            for name, value in truth.items():
                own = (frame["cause"] == 1) if name == "cumulative_incidence" else True
                row = frame[(frame["term"] == f"{name}_difference") & own]
                hits.setdefault(f"difference in {name}", []).append(holds(row, value))
        for estimand, found in hits.items():
            yield line(f"standardised: {estimand}", f"n = {n}", share, found)


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
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("coverage_regression.csv")
    )
    chosen = parser.parse_args()
    rng = np.random.default_rng(24)
    table = pd.DataFrame(list(cells(rng, chosen.replications)))
    table.to_csv(chosen.out, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
