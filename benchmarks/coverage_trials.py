"""How the analyses of a trial like ReDO keep their level: groups in one arm, drop-out, few persons.

    python benchmarks/coverage_trials.py [--replications 2000] [--out FILE.csv]

58 are randomised to ReDO, of whom 54 start in ten groups of five or six and about 57 % of these
complete; 54 are controls. The outcome has variance 1 and a correlation of 0.5 with a baseline
value; those who start share what their group has in common, with the intraclass correlation (ICC)
of the table. The effect of starting is 0 (type I error) or 0.3 (coverage of the interval: of the
effect as randomised or, for cace, of starting). Of each sample 7 to 33 % are lost to follow-up,
the more of those with low baseline values.

Binary outcomes are the sign of the outcome, ordered ones its four quarters, times exponential with
the outcome as the logarithm of their rate. Their effects as randomised have no simple value, so
that ordered and time outcomes are checked for type I error only. Analyses marked "groups ignored"
are what is usually done, and do not keep their level once groups matter. Samples that an analysis
refuses, such as those in which the baseline tells perfectly who is lost, are not counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats
from simulation import Cell, main

from evalkit import trials
from evalkit.errors import InputError

SIZES = (6, 5, 5, 6, 5, 6, 5, 5, 6, 5)
NEVER, CONTROLS, COMPLETING, SLOPE, EFFECT = 4, 54, 0.57, 0.5, 0.3
ARMS: dict[str, Any] = {"arm": "arm", "control": "CAU"}
GROUP: dict[str, Any] = {"cluster": "group"}
FEW = 4  # only every fourth sample is imputed, which takes longest
CHUNKS = 20  # parts of a cell that run side by side, each with a stream of its own


def sample(rng: np.random.Generator, icc: float, effect: float) -> pd.DataFrame:
    """Draw one trial."""
    group = np.concatenate([np.repeat(np.arange(len(SIZES)), SIZES), np.full(NEVER + CONTROLS, -1)])
    n, started = len(group), group >= 0
    x = rng.normal(size=n)
    shared = np.sqrt(icc) * rng.normal(size=len(SIZES))
    own = rng.normal(size=n) * np.sqrt(1 - SLOPE**2 - np.where(started, icc, 0.0))
    y = SLOPE * x + own + np.where(started, shared[group] + effect, 0.0)
    time = rng.exponential(size=n) / np.exp(y)
    end = rng.uniform(0.5, 4, n)
    lost = rng.uniform(0.07, 0.33)
    # Chances of being lost that average to the share drawn, higher where the baseline is low.
    seen = rng.random(n) > np.clip(lost * np.exp(-0.4 * x - 0.08), 0, 0.9)
    df = pd.DataFrame(
        {
            "arm": np.where(np.arange(n) < n - CONTROLS, "ReDO", "CAU"),
            "group": np.where(started, "g" + pd.Series(group).astype(str), None),
            "started": started.astype(int),
            "completed": (started & (rng.random(n) < COMPLETING)).astype(int),
            "before": x,
            "after": np.where(seen, y, np.nan),
            "better": np.where(seen, (y > 0).astype(float), np.nan),
            "quarter": np.where(seen, np.digitize(y, [-0.67, 0, 0.67]), np.nan),
            "days": np.minimum(time, end),
            "left": (time <= end).astype(int),
        }
    )
    return df.sample(frac=1, random_state=int(rng.integers(2**31)))


def truths(effect: float) -> dict[str, float]:
    """Return the true value of each effect, where it has a simple one."""
    started = sum(SIZES) / (sum(SIZES) + NEVER)
    return {
        "mean": effect * started,
        "risk": started * float(special.ndtr(effect) - 0.5),
        "cace": effect,
        "none": float("nan"),
    }


def analyses() -> dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]]:
    """Return the analyses by name, each with what it estimates."""

    def effect(**call: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda df: trials.effect(df, **ARMS, **call).to_frame()

    mean: dict[str, Any] = {"outcome": "after"}
    adjusted = {"covariates": "before", "adjustment": "ancova"}
    share: dict[str, Any] = {"outcome": "better", "measure": "risk_difference"}
    ordered: dict[str, Any] = {"outcome": "quarter"}
    time: dict[str, Any] = {"outcome": "days", "event": "left"}
    received: dict[str, Any] = {"assigned": "arm", "control": "CAU", "outcome": "after", **GROUP}
    nested = {"group": "group", "started": "started", "outcome": "after"}
    return {
        "means, t test, groups ignored": ("mean", effect(**mean)),
        "means, CR2": ("mean", effect(**mean, **GROUP)),
        "means, covariance analysis, CR2": ("mean", effect(**mean, **GROUP, **adjusted)),
        "means, partially nested model": (
            "mean",
            lambda df: trials.partially_nested(df, **ARMS, **nested).to_frame(),
        ),
        "means, partially nested model, adjusted": (
            "mean",
            lambda df: trials.partially_nested(
                df, **ARMS, **nested, covariates="before"
            ).to_frame(),
        ),
        "means, randomisation test, groups ignored": (
            "none",
            lambda df: trials.randomisation_test(
                df.dropna(subset=["after"]), **ARMS, **mean, n_permutations=499, rng=1
            ).to_frame(),
        ),
        "means, weighted for drop-out, by groups": (
            "mean",
            lambda df: trials.attrition_weights(
                df, **ARMS, **mean, response="before", **GROUP
            ).to_frame(),
        ),
        "means, multiple imputation, CR2": (
            "mean",
            lambda df: trials.multiple_imputation(
                df, **ARMS, **mean, **GROUP, covariates="before", n_imputations=20, rng=1
            ).to_frame(),
        ),
        "risks, Miettinen-Nurminen, groups ignored": ("risk", effect(**share)),
        "risks, by groups": ("risk", effect(**share, **GROUP)),
        "risks, standardised, by groups": (
            "risk",
            effect(**share, **GROUP, covariates="before", adjustment="standardised"),
        ),
        "ordered, probabilistic index, by groups": (
            "none",
            effect(**ordered, **GROUP, measure="probabilistic_index"),
        ),
        "ordered, proportional odds, by groups": (
            "none",
            effect(**ordered, **GROUP, measure="proportional_odds"),
        ),
        "times, hazard ratio, by groups": ("none", effect(**time, **GROUP, measure="hazard_ratio")),
        "times, restricted mean, by groups": (
            "none",
            effect(**time, **GROUP, measure="rmst_difference", tau=1.5),
        ),
        "cace, two-stage least squares, CR2": (
            "cace",
            lambda df: trials.cace(df, received="started", **received).to_frame(),
        ),
        "cace, Anderson-Rubin, CR2": (
            "cace",
            lambda df: _anderson_rubin(trials.cace(df, received="started", **received).to_frame()),
        ),
    }


def _anderson_rubin(table: pd.DataFrame) -> pd.DataFrame:
    """Return the Anderson-Rubin set as if it were the interval."""
    first = table.iloc[[0]].copy()
    first["conf_low"], first["conf_high"] = first["ar_low"], first["ar_high"]
    outside = (first["conf_low"] > 0) | (first["conf_high"] < 0)
    first["p_value"] = np.where(outside, 0.0, 1.0)
    return first


def chunk(task: tuple[np.random.Generator, float, float, int]) -> dict[str, list[bool]]:
    """Analyse some samples: was no effect rejected, or the true one held."""
    rng, icc, effect, replications = task
    warnings.simplefilter("ignore", trials.TrialWarning)  # some samples have few groups
    true, found = truths(effect), dict[str, list[bool]]()
    methods = analyses()
    for k in range(replications):
        df = sample(rng, icc, effect)
        for name, (what, analyse) in methods.items():
            if ("imputation" in name and k % FEW) or (effect and what == "none"):
                continue
            try:
                row = analyse(df).iloc[0]
            except InputError:  # refused, such as where the baseline tells perfectly who is lost
                continue
            hit = (
                row["conf_low"] <= true[what] <= row["conf_high"]
                if effect
                else row["p_value"] < 0.05
            )
            found.setdefault(name, []).append(bool(hit))
    return found


def cells(rng: np.random.Generator, replications: int) -> Iterator[Cell]:
    """Simulate every cell of the table, on all cores."""
    plan = [(icc, effect) for icc in (0.0, 0.05, 0.15) for effect in (0.0, EFFECT)]
    size = max(replications // CHUNKS, 1)
    tasks = [(child, icc, effect, size) for icc, effect in plan for child in rng.spawn(CHUNKS)]
    results: dict[tuple[float, float], dict[str, list[bool]]] = {key: {} for key in plan}
    with ProcessPoolExecutor() as pool:
        for (_, icc, effect, _), found in zip(tasks, pool.map(chunk, tasks), strict=True):
            for name, hits in found.items():
                results[icc, effect].setdefault(name, []).extend(hits)
    for icc in dict.fromkeys(icc for icc, _ in plan):
        for name in analyses():
            yield _line(name, icc, results[icc, 0.0][name], results[icc, EFFECT].get(name, []))


def _line(name: str, icc: float, rejected: list[bool], held: list[bool]) -> Cell:
    """Sum up one cell."""
    error = float(np.mean(rejected))
    ends = stats.binomtest(int(np.sum(rejected)), len(rejected)).proportion_ci(method="wilson")
    return {
        "analysis": name,
        "ICC": icc,
        "type I error": round(error, 4),
        "95 % interval of it": f"{ends.low:.3f}-{ends.high:.3f}",
        "coverage": f"{np.mean(held):.4f}" if held else "",
        "replications": len(rejected),
    }


if __name__ == "__main__":
    main(cells, __file__, __doc__ or "", seed=2012)
