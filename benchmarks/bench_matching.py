"""Time evalkit's matching beside MatchIt: in turn, in one run, on the same data.

    RSCRIPT=Rscript python benchmarks/bench_matching.py [--tasks ...] [--rounds 2] [--out FILE]

Every tool runs in a process of its own: evalkit by this file with ``--worker``, R by
``worker_matching.R``. The table has the fastest of the rounds, of whole calls: from a data frame,
propensity score included, to who was matched with whom. The value that is compared is the number
of participants matched; MatchIt before 4.5.4 does not honour a caliper on a propensity score, and
so matches more. With ``--out`` the table is written into a page between two marks.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import runpy
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
BEGIN, END = "<!-- measured matching: begin -->\n", "<!-- measured matching: end -->\n"
WHOLE = ["took", "woman", "region"]
_WIDE = {"balance": 30, "balance after": 30, "entropy": 20}  # covariates
FORMULA = "took ~ age + days + income + woman"


@dataclass(frozen=True)
class Work:
    """A task, its sizes, what it must reach, and whether R is asked too."""

    task: str
    title: str
    n_treated: int
    n_control: int
    times: tuple[tuple[str, float], ...] = ()  # so many times faster than a peer
    seconds: float = np.inf  # and no slower than this
    memory: float = np.inf  # and no more than so many times the data
    peers: bool = True


WORKS = (
    Work("nearest", "Nearest, 1:1", 7_000, 110_000),
    Work(
        "exact", "Nearest, caliper, exact strata", 7_000, 110_000, (("MatchIt", 10.0),),
    ),
    Work("mahalanobis", "Nearest, Mahalanobis, exact strata", 2_000, 20_000),
    Work("optimal", "Optimal pairs, caliper", 2_000, 20_000, seconds=10.0, peers=False),
    Work("full", "Optimal full matching, caliper", 2_000, 20_000, peers=False),
    Work(
        "exact", "Nearest, caliper, exact strata", 100_000, 1_000_000, seconds=3.0, memory=4.0,
        peers=False,
    ),
    Work("balance", "Balance of 30 covariates", 100_000, 900_000, seconds=1.0, memory=4.0,
         peers=False),
    Work("balance after", "the same, before and after weighting", 100_000, 900_000, peers=False),
    Work("entropy", "Entropy balancing, 20 covariates", 100_000, 900_000, seconds=5.0, memory=4.0,
         peers=False),
    Work(
        "exact", "Nearest, caliper, exact strata", 100_000, 10_000_000, seconds=30.0, memory=4.0,
        peers=False,
    ),
)  # fmt: skip


def write_data(path: Path, n_treated: int, n_control: int, *, seed: int = 13) -> None:
    """Write participants and others who are older and better paid, one column after the other."""
    source = np.random.default_rng(seed)
    n = n_treated + n_control
    took = source.permutation(np.arange(n) < n_treated)
    columns = {
        "took": took,
        "age": np.clip(source.normal(45 - 4 * took, 11).round(), 18, 66),
        "days": source.exponential(100 + 60 * took).round(),
        "income": source.normal(25 - 3 * took, 8).round(2),
        "woman": source.random(n) < 0.5 + 0.15 * took,
        "region": source.integers(0, 20, n),
    }
    layout = {"n": n, "columns": list(columns)}
    path.with_suffix(".json").write_text(json.dumps(layout), "utf-8")
    with path.open("wb") as target:
        for values in columns.values():
            np.asarray(values, dtype="<f8").tofile(target)


def read(path: Path) -> pd.DataFrame:
    """Read the columns into a frame with whole numbers where they are."""
    layout = json.loads(path.with_suffix(".json").read_text("utf-8"))
    n = layout["n"]
    frame = pd.DataFrame({
        name: np.fromfile(path, dtype="<f8", count=n, offset=8 * n * k)
        for k, name in enumerate(layout["columns"])
    })  # fmt: skip
    return frame.astype(dict.fromkeys(WHOLE, "int64"))


def widened(df: pd.DataFrame, n_columns: int, *, seed: int = 31) -> pd.DataFrame:
    """Return who took part with as many covariates: a third continuous, the others whole."""
    source = np.random.default_rng(seed)
    took = df["took"].to_numpy()
    columns = {
        f"x{k}": source.normal(0.1 * took) if k % 3 == 0 else source.poisson(2 + 0.1 * took)
        for k in range(n_columns)
    }
    return pd.DataFrame({"took": took, **columns, "w": np.where(took, 1.0, source.random(len(df)))})


def prepared(task: str, df: pd.DataFrame) -> pd.DataFrame:
    """Return the data of a task: some need more covariates than the file has."""
    return widened(df, _WIDE[task]) if task in _WIDE else df


def evalkit(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by evalkit; how many participants were matched or compared."""
    from evalkit.matching.balance_table import balance
    from evalkit.matching.matched_comparison import match
    from evalkit.matching.weighting import weight

    names = [name for name in df.columns if name.startswith("x")]
    if task.startswith("balance"):
        after = "w" if task == "balance after" else None
        return lambda: float(
            balance(df, treatment="took", variables=names, weights=after).sizes["n"].iloc[0]
        )
    if task == "entropy":
        formula = "took ~ " + " + ".join(names)
        return lambda: float(weight(formula, df, method="entropy").weights[df["took"] == 1].sum())

    options: dict[str, Any] = {
        "nearest": {},
        "exact": {"caliper": 0.2, "exact": ["woman", "region"]},
        "mahalanobis": {"distance": "mahalanobis", "order": "data", "exact": "region"},
        "optimal": {"method": "optimal", "caliper": 0.2},
        "full": {"method": "full", "caliper": 0.2},
    }[task]

    def matched() -> float:
        found = match(FORMULA, df, **options)
        return float(found.pairs["treated"].nunique())

    return matched


def worker(task: str, data: str, repeats: str) -> None:
    """Time the calls and print what came out as a line of JSON."""
    warnings.simplefilter("ignore")
    df = prepared(task, read(Path(data)))
    call = evalkit(task, df)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: list[float] = []
    value = float("nan")
    for _ in range(int(repeats)):
        start = perf_counter()
        value = call()
        seconds.append(perf_counter() - start)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    times = grown / float(df.memory_usage().sum())
    print(json.dumps({"seconds": seconds, "value": value, "grown": times}))


def tools() -> dict[str, list[str]]:
    """Return the command that begins each tool's worker, for the tools that are there."""
    found = {"evalkit": [sys.executable, str(Path(__file__).resolve()), "--worker"]}
    rscript = shutil.which(os.environ.get("RSCRIPT", "Rscript"))
    if rscript:
        code = "quit(status = !requireNamespace('MatchIt', quietly = TRUE))"
        asked = subprocess.run([str(rscript), "-e", code], capture_output=True, check=False)
        if asked.returncode == 0:
            found["MatchIt"] = [str(rscript), str(HERE / "worker_matching.R")]
    return found


def compare(found: dict[str, list[str]], works: list[Work], rounds: int, folder: Path) -> list[str]:
    """Run every work with every tool, round by round, and lay out the table."""
    beside = runpy.run_path(str(HERE / "beside.py"))
    in_turn, shown = beside["in_turn"], beside["_seconds"]
    peers = [name for name in found if name != "evalkit"]
    heads = ["Work", "participants", "others", "evalkit", *peers, "Memory, times the data"]
    lines = [
        f"| {' | '.join([*heads, 'Required', 'Reached'])} |",
        "|---|---:|---:|---:|" + "---:|" * len(peers) + "---:|---|---|",
    ]
    for work in works:
        data = folder / f"{work.n_treated}-{work.n_control}.bin"
        if not data.exists():
            write_data(data, work.n_treated, work.n_control)
        large = work.n_treated + work.n_control > 2_000_000
        asked = found if work.peers else {"evalkit": found["evalkit"]}
        best, last, problems = in_turn(
            asked, work.task, data, 1 if large else rounds, mine=1 if large else 3
        )
        values = {name: float(answer["value"]) for name, answer in last.items()}
        memory = float(last["evalkit"]["grown"]) if "evalkit" in last else np.nan
        mine = best.get("evalkit", np.nan)
        cells = [shown(mine) if "evalkit" in best else problems.get("evalkit", "")]
        for name in peers:
            if name not in best:
                cells.append(problems.get(name, ""))
                continue
            other = "" if values[name] == values.get("evalkit") else f", matched {values[name]:.0f}"
            cells.append(f"{shown(best[name])} ({best[name] / mine:.3g} x){other}")
        goals, reached = _goals(work, best, mine, memory)
        sizes = f"{work.n_treated:,} | {work.n_control:,}".replace(",", " ")
        held = f"{memory:.2g}" if work.n_treated + work.n_control > 500_000 else ""
        lines.append(
            f"| {work.title} | {sizes} | {' | '.join(cells)} | {held} | {goals} | {reached} |"
        )
    return lines


def _goals(work: Work, best: dict[str, float], mine: float, memory: float) -> tuple[str, str]:
    """Say what is required, and whether it was reached."""
    goals = [f"{times:g} x {peer}" for peer, times in work.times]
    reached = [
        "not measured" if peer not in best else "yes" if best[peer] >= times * mine else "no"
        for peer, times in work.times
    ]
    if np.isfinite(work.seconds):
        goals.append(f"{work.seconds:g} s")
        reached.append("yes" if mine <= work.seconds else "no")
    if np.isfinite(work.memory):
        goals.append(f"{work.memory:g} times the data")
        reached.append("yes" if memory <= work.memory else "no")
    return ", ".join(goals), ", ".join(reached)


def main() -> None:
    """Measure what was asked for, print it, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--tasks", nargs="*", default=sorted({work.task for work in WORKS}))
    parser.add_argument("--most", type=int, default=20_000_000, help="largest data to measure")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    works = [
        work
        for work in WORKS
        if work.task in options.tasks and work.n_treated + work.n_control <= options.most
    ]
    with tempfile.TemporaryDirectory() as folder:
        table = compare(tools(), works, options.rounds, Path(folder))
    text = "\n".join(table) + "\n"
    print(f"\n{text}")
    if options.out:
        head, _, rest = options.out.read_text("utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        options.out.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
