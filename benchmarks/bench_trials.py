"""Time evalkit's analyses of trials beside their peers: in turn, in one run, on the same data.

    RSCRIPT=Rscript python benchmarks/bench_trials.py [--tasks ...] [--rounds 2] [--out FILE]

Every tool runs in a process of its own: evalkit and scipy by this file with ``--worker``, R by
``worker_trials.R`` (coin, estimatr). The table has the fastest of the rounds, of whole calls: from
a data frame to numbers. With ``--out`` it is written into a page between two marks.
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
BEGIN, END = "<!-- measured trials: begin -->\n", "<!-- measured trials: end -->\n"
DRAWS, CLUSTER_DRAWS = 10_000, 100_000
WHOLE = ["arm", "site", "cluster", "cluster_arm", "work"]


@dataclass(frozen=True)
class Work:
    """A task, its size, what it must reach, and how near the tools' numbers must be."""

    task: str
    title: str
    n: int
    clusters: int
    times: tuple[tuple[str, float], ...] = ()  # so many times faster than a peer
    seconds: float = np.inf  # and no slower than this
    near: float = 0.0


WORKS = (
    Work(
        "permutations", "Randomisation test, 10 000 draws", 10_000, 400,
        (("coin", 5.0), ("scipy", 5.0)), near=0.02,
    ),
    Work("studentised", "the same, studentised", 10_000, 400, near=0.02),
    Work("strata", "the same, within five strata", 10_000, 400, near=0.03),
    Work("binary", "the same, outcome 0 and 1", 10_000, 400, (("coin", 5.0),), near=0.02),
    Work(
        "clusters", "Randomisation test of 400 clusters, 100 000 draws", 10_000, 400, (), 1.0, 0.02,
    ),
    Work(
        "cr2", "CR2, Satterthwaite, 400 clusters", 20_000, 400, (("estimatr", 1.0),), near=1e-9,
    ),
    Work("cr2_large", "the same, 100 000 clusters", 1_000_000, 100_000, (), 10.0, 1e-9),
)  # fmt: skip


def write_data(path: Path, n: int, clusters: int, *, seed: int = 12) -> None:
    """Write a trial without effect, persons in clusters and sites, one column after the other."""
    source = np.random.default_rng(seed)
    cluster = np.sort(source.integers(0, clusters, n))
    cluster_arm = source.permutation(np.arange(clusters) % 2)[cluster]
    shared = source.standard_normal(clusters)[cluster] / 4
    age = source.normal(42, 10, n)
    columns = {
        "arm": source.permutation(np.arange(n) % 2),
        "site": source.integers(0, 5, n),
        "cluster": cluster,
        "cluster_arm": cluster_arm,
        "work": source.random(n) < 0.4,
        "mastery": 21 + shared + (age - 42) / 20 + source.normal(0, 3, n),
        "age": age,
    }
    layout = {"n": n, "columns": list(columns)}
    path.with_suffix(".json").write_text(json.dumps(layout), "utf-8")
    with path.open("wb") as target:
        for values in columns.values():
            np.asarray(values, dtype="<f8").tofile(target)


def read(path: Path) -> pd.DataFrame:
    """Read the columns into a frame with whole numbers where they are."""
    layout = json.loads(path.with_suffix(".json").read_text("utf-8"))
    values = np.fromfile(path, dtype="<f8").reshape(len(layout["columns"]), layout["n"])
    frame = pd.DataFrame(dict(zip(layout["columns"], values, strict=True)))
    return frame.astype(dict.fromkeys(WHOLE, "int64"))


def evalkit(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by evalkit; a p-value, or a standard error."""
    if task.startswith("cr2"):
        from evalkit.trials.effect_measures import effect

        def robust() -> float:
            done = effect(
                df, outcome="mastery", arm="cluster_arm", control=0, covariates="age",
                adjustment="ancova", cluster="cluster", vcov="CR2",
            )  # fmt: skip
            return float(done.to_frame()["std_error"].iloc[0])

        return robust
    from evalkit.trials.randomisation_tests import randomisation_test

    options: dict[str, Any] = {
        "studentised": {"statistic": "studentised"},
        "strata": {"strata": "site"},
        "binary": {"outcome": "work"},
        "clusters": {
            "arm": "cluster_arm", "cluster": "cluster", "n_permutations": CLUSTER_DRAWS,
        },
    }.get(task, {})  # fmt: skip
    known = {"outcome": "mastery", "arm": "arm", "control": 0, "n_permutations": DRAWS, "rng": 1}
    return lambda: float(randomisation_test(df, **(known | options)).to_frame()["p_value"].iloc[0])


def scipy(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by scipy.stats.permutation_test."""
    from scipy import stats

    outcome = {"permutations": "mastery", "binary": "work"}[task]
    parts = [df.loc[df["arm"] == k, outcome].to_numpy() for k in (1, 0)]

    def difference(x: Any, y: Any, axis: int) -> Any:
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    def test() -> float:
        done = stats.permutation_test(
            parts, difference, n_resamples=DRAWS, vectorized=True, batch=500,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        return float(done.pvalue)

    return test


def worker(tool: str, task: str, data: str, repeats: str) -> None:
    """Time the calls and print what came out as a line of JSON."""
    warnings.simplefilter("ignore")
    call = {"evalkit": evalkit, "scipy": scipy}[tool](task, read(Path(data)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds: list[float] = []
    value = float("nan")
    for _ in range(int(repeats)):
        start = perf_counter()
        value = call()
        seconds.append(perf_counter() - start)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(json.dumps({"seconds": seconds, "value": value, "grown": grown}))


def tools() -> dict[str, list[str]]:
    """Return the command that begins each tool's worker, for the tools that are there."""
    mine = [sys.executable, str(Path(__file__).resolve()), "--worker"]
    found = {"evalkit": [*mine, "evalkit"], "scipy": [*mine, "scipy"]}
    rscript = shutil.which(os.environ.get("RSCRIPT", "Rscript"))
    for package in ("coin", "estimatr") if rscript else ():
        code = f"quit(status = !requireNamespace('{package}', quietly = TRUE))"
        asked = subprocess.run([str(rscript), "-e", code], capture_output=True, check=False)
        if asked.returncode == 0:
            found[package] = [str(rscript), str(HERE / "worker_trials.R"), package]
    return found


def compare(found: dict[str, list[str]], works: list[Work], rounds: int, folder: Path) -> list[str]:
    """Run every work with every tool, round by round, and lay out the table."""
    beside = runpy.run_path(str(HERE / "beside.py"))
    in_turn, shown = beside["in_turn"], beside["_seconds"]
    peers = [name for name in found if name != "evalkit"]
    lines = [
        f"| Work | n | evalkit | {' | '.join(peers)} | Required | Reached |",
        "|---|---:|---:|" + "---:|" * len(peers) + "---|---|",
    ]
    for work in works:
        data = folder / f"{work.n}-{work.clusters}.bin"
        if not data.exists():
            write_data(data, work.n, work.clusters)
        best, last, problems = in_turn(found, work.task, data, rounds)
        values = {name: float(answer["value"]) for name, answer in last.items()}
        mine = best.get("evalkit", np.nan)
        cells = [shown(mine) if "evalkit" in best else problems.get("evalkit", "")]
        for name in peers:
            if name not in best:
                cells.append(problems.get(name, ""))
                continue
            other = "" if _agree(values, name, work) else ", other value"
            cells.append(f"{shown(best[name])} ({best[name] / mine:.3g} x){other}")
        goals, reached = _goals(work, best, mine)
        lines.append(
            f"| {work.title} | {work.n:,} | {' | '.join(cells)} | {goals} | {reached} |".replace(
                ",000", " 000"
            )
        )
    return lines


def _agree(values: dict[str, float], name: str, work: Work) -> bool:
    """Say whether a peer found the same; p-values of random draws differ a little."""
    return abs(values[name] - values.get("evalkit", np.nan)) <= work.near


def _goals(work: Work, best: dict[str, float], mine: float) -> tuple[str, str]:
    """Say what is required, and whether it was reached."""
    goals = [f"{times:g} x {peer}" for peer, times in work.times]
    reached = [
        "not measured" if peer not in best else "yes" if best[peer] >= times * mine else "no"
        for peer, times in work.times
    ]
    if np.isfinite(work.seconds):
        goals.append(f"{work.seconds:g} s")
        reached.append("yes" if mine <= work.seconds else "no")
    return ", ".join(goals), ", ".join(reached)


def main() -> None:
    """Measure what was asked for, print it, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--tasks", nargs="*", default=[work.task for work in WORKS])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    works = [work for work in WORKS if work.task in options.tasks]
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
