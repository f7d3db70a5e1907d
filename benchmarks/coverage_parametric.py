"""How often the 95 % intervals of parametric survival models hold the truth, by simulation.

    python benchmarks/coverage_parametric.py [--replications 2000] [--out FILE.csv]

Rows: Weibull times of shape 1.25, time ratio e^-0.4 of a treatment, uniform censoring to a given
share; three in ten enter late. The mean is restricted to the median time of the reference. The
generalised gamma is fitted to the same Weibull times. Cured share: 30 %, with a follow-up of two to
four times the mean of those who leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import special
from simulation import Cell, holds, line, main, uniform_limit

from evalkit.errors import InputError
from evalkit.survival.parametric_models import parametric

EFFECT, SHAPE, CURED = -0.4, 1.25, 0.3
MEDIAN = float(np.log(2) ** (1 / SHAPE))
WHO = pd.DataFrame({"treated": [0.0]})
NAMES: dict[str, Any] = {"duration": "time", "event": "event"}


def rows(rng: np.random.Generator, n: int, share: float) -> pd.DataFrame:
    """Draw rows of which some enter late; who has left before they would enter is not seen."""
    size = 2 * n
    treated = rng.integers(0, 2, size).astype(float)
    time = rng.weibull(SHAPE, size) * np.exp(EFFECT * treated)
    end = rng.uniform(0, uniform_limit(time, share), size)
    entry = np.where(rng.random(size) < 0.3, rng.uniform(0, 0.5, size), 0.0)
    seen = np.flatnonzero(np.minimum(time, end) > entry)[:n]
    return pd.DataFrame(
        {
            "time": np.minimum(time, end)[seen],
            "event": (time <= end)[seen].astype(int),
            "entry": entry[seen],
            "treated": treated[seen],
        }
    )


def cells(rng: np.random.Generator, replications: int) -> Iterator[Cell]:
    """Simulate every cell of the table."""
    mean = float(special.gamma(1 / SHAPE) * special.gammainc(1 / SHAPE, MEDIAN**SHAPE) / SHAPE)
    for n in (100, 500, 2000):
        for share in (0.3, 0.5, 0.7):
            hits: dict[str, list[bool]] = {}
            for _ in range(replications):
                df = rows(rng, n, share)
                fit = parametric("treated", df, **NAMES, entry="entry")
                found = hits.setdefault
                found("log time ratio, Weibull", []).append(holds(fit.to_frame().iloc[1], EFFECT))
                found("median, Weibull", []).append(holds(fit.quantile(WHO).iloc[0], MEDIAN))
                found("restricted mean, Weibull", []).append(
                    holds(fit.rmst(WHO, MEDIAN).iloc[0], mean)
                )
                if n > 100:
                    name = "generalised-gamma"
                    try:
                        fit = parametric("treated", df, **NAMES, entry="entry", distribution=name)
                    except InputError:  # no maximum of the likelihood: the shape runs away
                        continue
                    row = fit.to_frame().iloc[1]
                    found("log time ratio, generalised gamma", []).append(holds(row, EFFECT))
            for estimand, held in hits.items():
                yield line(estimand, f"n = {n}", share, held)
    for n in (100, 500, 2000):
        held = []
        for _ in range(replications):
            time = np.where(rng.random(n) < CURED, np.inf, rng.weibull(SHAPE, n))
            end = rng.uniform(2, 4, n)
            df = pd.DataFrame({"time": np.minimum(time, end), "event": (time <= end).astype(int)})
            fit = parametric("1", df, **NAMES, cure=True)
            held.append(holds(fit.cured(df.head(1)).iloc[0], CURED))
        yield line("cured share, Weibull", f"n = {n}", CURED, held)


if __name__ == "__main__":
    main(cells, __file__, __doc__, seed=31)
