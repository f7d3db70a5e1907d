"""How often the 95 % intervals of matched and weighted comparisons hold the truth, by simulation.

    python benchmarks/coverage_matching.py [--replications 2000] [--out FILE.csv]

600 people with two normal covariates and a binary one, of whom about 30 % take part. With good
overlap the logit of taking part has standard deviation 0.6, with poor overlap 1.9. With none, those
high on the first covariate always take part and those low on it never do, so that six in ten
participants have nobody like them. The outcome is linear in the covariates, or curved in the first
one, while every regression and every balanced mean is of the covariates as they are: then
regression alone is wrong, and the logit of the score is still right (but not without overlap). The
effect grows with the first covariate.

Bias is against the effect on those who took part (ATT), for overlap weights against their own
estimand, for the caliper against the ATT too, although it leaves participants out. Both stand
beside the spread of the estimates (SD) and the mean standard error. Samples that a method refuses,
such as those whose means no weights can balance, are counted and not used.

With good overlap the methods whose assumptions hold cover as they should; pairs without a
regression after them, and stable weights, have standard errors that are too large. With poor
overlap few people carry the weights, and intervals after weighting cover too seldom. Without
overlap nothing but leaving participants out, or weights that give up the ATT, comes near, and most
methods do not notice.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from scipy import special
from simulation import Cell, main

from evalkit import matching
from evalkit.errors import InputError

SIZE, LARGE = 600, 2_000_000
COVARIATES = "x + v + woman"
FORMULA = f"took ~ {COVARIATES}"
STRENGTH = {"good": 0.6, "poor": 1.9, "none": 0.6}
CUT = 0.7  # beyond it everybody or nobody takes part, where there is no overlap
CHUNKS = 20  # parts of a cell that run side by side, each with a stream of its own


def sample(rng: np.random.Generator, n: int, overlap: str, *, curved: bool) -> pd.DataFrame:
    """Draw people with their chance of taking part, their effect and their outcome."""
    x, v, woman = rng.normal(size=n), rng.normal(size=n), (rng.random(n) < 0.5).astype(float)
    index = (0.7 * x - 0.6 * v + 0.8 * (woman - 0.5)) * STRENGTH[overlap]
    chance = special.expit(index - 1 - 0.4 * (overlap == "poor"))
    if overlap == "none":
        chance = np.where(x > CUT, 1.0, np.where(x < -CUT, 0.0, chance))
    took = (rng.random(n) < chance).astype(int)
    effect = 0.5 + 0.3 * x
    y = x + 0.5 * v + 0.3 * woman + curved * 0.5 * x**2 + took * effect + rng.normal(size=n)
    return pd.DataFrame(
        {"took": took, "x": x, "v": v, "woman": woman, "y": y, "chance": chance, "effect": effect}
    )


def truths(overlap: str) -> dict[str, float]:
    """Return the mean effect on those who took part, and the mean by overlap weights."""
    df = sample(np.random.default_rng(6), LARGE, overlap, curved=False)
    chance, effect = df["chance"].to_numpy(), df["effect"].to_numpy()
    either = chance * (1 - chance)
    return {
        "ATT": float(chance @ effect / chance.sum()),
        "ATO": float(either @ effect / either.sum()),
    }


def analyses() -> dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]]:
    """Return the analyses by name, each with what it estimates."""

    def weighted(formula: str, covariates: str | None = None, **call: Any) -> Any:
        return lambda df: matching.weight(formula, df, **call).effect("y", covariates).to_frame()

    def matched(covariates: str | None = None, **call: Any) -> Any:
        return lambda df: matching.match(FORMULA, df, **call).effect("y", covariates).to_frame()

    def replaced(**call: Any) -> Any:
        return lambda df: matching.matching_estimator(FORMULA, df, outcome="y", **call).to_frame()

    def robust(**call: Any) -> Any:
        return lambda df: matching.aipw(FORMULA, df, outcome="y", **call).to_frame()

    return {
        "unadjusted": ("ATT", weighted("took ~ 1")),
        "regression alone": ("ATT", weighted("took ~ 1", COVARIATES)),
        "nearest": ("ATT", matched()),
        "nearest, regression": ("ATT", matched(COVARIATES)),
        "nearest, caliper 0.2": ("ATT", matched(caliper=0.2)),
        "with replacement, Abadie-Imbens": ("ATT", replaced()),
        "with replacement, bias-adjusted": ("ATT", replaced(bias_adjusted=True)),
        "with replacement, score": ("ATT", replaced(distance="propensity")),
        "inverse probability": ("ATT", weighted(FORMULA)),
        "inverse probability, regression": ("ATT", weighted(FORMULA, COVARIATES)),
        "overlap weights (ATO)": ("ATO", weighted(FORMULA, method="overlap")),
        "entropy balancing": ("ATT", weighted(FORMULA, method="entropy")),
        "covariate balancing score": ("ATT", weighted(FORMULA, method="cbps")),
        "stable weights": ("ATT", weighted(FORMULA, method="stable")),
        "AIPW": ("ATT", robust()),
        "AIPW, cross-fitted": ("ATT", robust(folds=5, rng=1)),
        "TMLE": ("ATT", robust(method="tmle")),
    }


Found = dict[str, list[tuple[float, float, bool] | None]]


def chunk(task: tuple[np.random.Generator, str, bool, dict[str, float], int]) -> Found:
    """Analyse some samples: the error of the estimate, its standard error, was the truth held."""
    rng, overlap, curved, true, replications = task
    warnings.simplefilter("ignore", matching.MatchingWarning)  # some samples are as bad as that
    found: Found = {}
    methods = analyses()
    for _ in range(replications):
        df = sample(rng, SIZE, overlap, curved=curved)
        for name, (what, analyse) in methods.items():
            hits = found.setdefault(name, [])
            try:
                row = analyse(df).iloc[0]
            except InputError:  # refused, such as where no weights balance the means
                hits.append(None)
                continue
            held = bool(row["conf_low"] <= true[what] <= row["conf_high"])
            hits.append((float(row["estimate"]) - true[what], float(row["std_error"]), held))
    return found


def cells(rng: np.random.Generator, replications: int) -> Iterator[Cell]:
    """Simulate every cell of the table, on all cores."""
    size = max(replications // CHUNKS, 1)
    with ProcessPoolExecutor() as pool:
        for overlap in STRENGTH:
            true = truths(overlap)
            for curved in (False, True):
                tasks = [(child, overlap, curved, true, size) for child in rng.spawn(CHUNKS)]
                together: Found = {}
                for found in pool.map(chunk, tasks):
                    for name, hits in found.items():
                        together.setdefault(name, []).extend(hits)
                for name, hits in together.items():
                    yield _line(name, overlap, "curved" if curved else "linear", hits)


def _line(
    name: str, overlap: str, outcome: str, hits: list[tuple[float, float, bool] | None]
) -> Cell:
    """Sum up one cell."""
    used = np.array([hit for hit in hits if hit is not None], dtype=float).reshape(-1, 3)
    cell: Cell = {"method": name, "overlap": overlap, "outcome": outcome}
    for column in ("bias", "SD", "mean std_error", "coverage", "mc_error"):
        cell[column] = ""
    if len(used):
        coverage = float(used[:, 2].mean())
        cell |= {
            "bias": round(float(used[:, 0].mean()), 4),
            "SD": round(float(used[:, 0].std()), 4),
            "mean std_error": round(float(used[:, 1].mean()), 4),
            "coverage": round(coverage, 4),
            "mc_error": round(float(np.sqrt(coverage * (1 - coverage) / len(used))), 4),
        }
    return {**cell, "refused": len(hits) - len(used), "replications": len(hits)}


if __name__ == "__main__":
    main(cells, __file__, __doc__ or "", seed=2016)
