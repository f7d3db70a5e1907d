"""How often the 95 % intervals of shares standardised to riket hold the truth, by simulation.

    python benchmarks/coverage_standardise.py [--replications 2000] [--out FILE.csv]

Participants: n people spread over cells of riket as chance has it (a Dirichlet mix drawn anew
each time), whose chances of success are riket's (0.08 to 0.3) times the ratio. "null variance" is
the normal interval with the variance that riket's shares give, which is right for a test and not
for an interval. With an uncertain riket its shares are drawn from 20 people a cell. Raked: chances
that depend on two margins, where the participants' mix is not riket's; samples that no weights
give riket's margins are left out. Clusters: offices whose own chances vary by 0.1 around riket's
plus 0.05, each in one of four regions, which are the cells, with chances of 0.15 to 0.6.

Samples with a cell of riket without participants have no direct standardisation. Rejections are
those of the test at the 5 % level where the ratio is 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.matching.participant_cells import ParticipantCells
from evalkit.matching.raking_margins import rake
from evalkit.matching.reference_table import ReferenceTable
from evalkit.matching.standardisation import standardise
from evalkit.matching.standardised_rows import AgainstRiket, Kind

CELLS, SIZES, RATIOS, PEOPLE = (1, 8, 40), (50, 400), (0.5, 1.0, 3.0), 20
Z = 1.959964
Held = Iterator[tuple[str, bool, float]]


def draw(
    rng: np.random.Generator, cells: int, n: int, ratio: float
) -> tuple[ReferenceTable, ParticipantCells, Any]:
    """Draw riket's table and the participants, and return their true chances too."""
    rate = rng.uniform(0.08, 0.3, cells)
    counts = rng.multinomial(n, rng.dirichlet(np.full(cells, 2.0))).astype(float)
    chance = rate * ratio
    successes = rng.binomial(counts.astype(int), chance).astype(float)
    table = ReferenceTable(("c",), tuple((i,) for i in range(cells)), rate, np.full(cells, 1e4))
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    people = ParticipantCells(
        (), ((),), counts[None], successes[None], counts[None], True, np.array([n]), None, nothing
    )
    return table, people, chance


def one(rng: np.random.Generator, cells: int, n: int, ratio: float) -> Held:
    """Draw one sample, and look at all its intervals; the p-value is NaN where there is no test."""
    table, people, chance = draw(rng, cells, n, ratio)
    counts = people.n[0]
    truth = float(counts @ chance / (counts @ table.rate))
    for interval in ("strata", "binomial", "poisson"):
        found = AgainstRiket.of(table, people, 0, "indirect", False, interval, 0.95)
        row: dict[str, Any] = found.ratio()
        p = found.p_value if interval == "strata" else np.nan
        yield f"indirect ratio, {interval}", row["conf_low"] <= truth <= row["conf_high"], p
    expected = float(counts @ table.rate)
    half = Z * np.sqrt(counts @ (table.rate * (1 - table.rate))) / expected
    estimate = float(people.successes.sum()) / expected
    yield "indirect ratio, null variance", abs(estimate - truth) <= half, np.nan
    if (counts > 0).all():
        found = AgainstRiket.of(table, people, 0, "direct", False, "strata", 0.95)
        row = found.difference()
        mean = float(chance.mean() - table.rate.mean())
        yield "direct difference", row["conf_low"] <= mean <= row["conf_high"], found.p_value
    seen = rng.binomial(PEOPLE, table.rate) / PEOPLE
    rough = ReferenceTable(table.strata, table.cells, seen, np.full(cells, float(PEOPLE)))
    if counts @ seen > 0:
        found = AgainstRiket.of(rough, people, 0, "indirect", True, "strata", 0.95)
        row = found.ratio()
        yield ("indirect ratio, riket uncertain",
               row["conf_low"] <= truth <= row["conf_high"], found.p_value)  # fmt: skip


def raked(rng: np.random.Generator, n: int) -> Held:
    """Draw participants whose mix is not riket's, and weight them to riket's margins."""
    woman, young = rng.random(n) < 0.7, rng.random(n) < 0.6
    y = rng.random(n) < 0.2 + 0.25 * woman + 0.15 * young
    df = pd.DataFrame({"woman": woman.astype(int), "young": young.astype(int), "y": y.astype(int)})
    margins = {"woman": {0: 0.5, 1: 0.5}, "young": {0: 0.65, 1: 0.35}}
    try:
        row = rake(df, margins).mean(df["y"]).to_frame().iloc[0]
    except InputError:  # in small samples a cell may be empty without which they cannot be met
        return
    truth = 0.2 + 0.25 * 0.5 + 0.15 * 0.35
    yield "raked share", row["conf_low"] <= truth <= row["conf_high"], np.nan


def clustered(rng: np.random.Generator, offices: int, n: int) -> Held:
    """Draw participants of offices that lie in one cell each."""
    rate = np.linspace(0.15, 0.6, 4)
    office = rng.integers(0, offices, n)
    chance = np.clip(rate[office % 4] + 0.05 + rng.normal(0, 0.1, offices)[office], 0, 1)
    df = pd.DataFrame({
        "region": office % 4, "office": office, "y": (rng.random(n) < chance).astype(int)
    })  # fmt: skip
    riket = pd.DataFrame({"region": range(4), "rate": rate, "n": 1000})
    kinds: tuple[tuple[Kind, str], ...] = (("indirect", "share"), ("direct", "conf"))
    for kind, estimate in kinds:
        found = standardise(
            df, outcome="y", reference=riket, strata="region", kind=kind, cluster="office"
        )
        row = found.to_frame().set_index("term").loc["difference"]
        inside = bool(row[f"{estimate}_low"] <= 0.05 <= row[f"{estimate}_high"])
        yield f"{kind} difference, {offices} clusters", inside, np.nan


def summary(held: dict[str, list[bool]], p: dict[str, list[float]], **size: object) -> pd.DataFrame:
    """Sum up a cell."""
    rows = [
        {
            "estimand": name, **size, "coverage": f"{np.mean(own):.4f}",
            "rejections": f"{np.mean(np.array(p[name]) <= 0.05):.4f}"
            if size["ratio"] == 1.0 and np.isfinite(p[name]).all() else "",
            "replications": len(own),
        }
        for name, own in held.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def simulate(found: Iterator[Held], **size: object) -> pd.DataFrame:
    """Collect what the samples of a cell hold."""
    held: dict[str, list[bool]] = {}
    p: dict[str, list[float]] = {}
    for sample in found:
        for name, inside, value in sample:
            held.setdefault(name, []).append(bool(inside))
            p.setdefault(name, []).append(value)
    return summary(held, p, **size)


def main() -> None:
    """Run everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    parts: list[pd.DataFrame] = []
    for number, (cells, n, ratio) in enumerate(
        (cells, n, ratio) for cells in CELLS for n in SIZES for ratio in RATIOS
    ):
        rng = np.random.default_rng([20130415, number])
        samples = (one(rng, cells, n, ratio) for _ in range(options.replications))
        parts.append(simulate(samples, cells=cells, n=n, ratio=ratio))
    for n in SIZES:
        rng = np.random.default_rng([20130416, n])
        samples = (raked(rng, n) for _ in range(options.replications))
        parts.append(simulate(samples, cells=4, n=n, ratio=""))
    for offices, n in ((12, 120), (40, 400)):
        rng = np.random.default_rng([20130417, n])
        samples = (clustered(rng, offices, n) for _ in range(options.replications))
        parts.append(simulate(samples, cells=4, n=n, ratio=""))
    table = pd.concat(parts, ignore_index=True)
    table.to_csv(options.out, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
