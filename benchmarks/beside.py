"""Time evalkit beside its peers: in turn, in one run, on the same data.

    PEERS=/path/to/python RSCRIPT=Rscript python benchmarks/beside.py [--tasks km cox] [--out FILE]

Each tool runs in an interpreter of its own (``worker.py``, ``worker.R``): lifelines and others need
packages that evalkit's environment does not have. ``PEERS`` is a Python that has them, or ``none``.
A round calls every tool once on the same file; the table has the fastest of the rounds. With
``--out`` the tables are written into a page between two marks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import evalkit

HERE = Path(__file__).parent
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
PYTHON_PEERS = {
    "lifelines": "lifelines", "scikit-survival": "sksurv", "statsmodels": "statsmodels",
}  # fmt: skip
SECONDS = 120  # after which a tool is stopped


@dataclass(frozen=True)
class Work:
    """A task, its size, and how much faster than which peer it must be."""

    task: str
    title: str
    n: int
    goals: tuple[tuple[str, float], ...]
    rtol: float


WORKS = (
    Work("km", "Kaplan-Meier, intervals", 1_000_000, (("lifelines", 10.0),), 1e-9),
    Work("logrank", "Log-rank, two groups", 1_000_000, (("lifelines", 10.0),), 1e-9),
    Work("aj", "Aalen-Johansen, two causes, intervals", 20_000, (("lifelines", 100.0),), 1e-9),
    Work(
        "cox", "Cox, Efron, 10 covariates", 1_000_000, (("R survival", 12.0), ("lifelines", 6.0)),
        1e-6,
    ),
    Work(
        "cox_cluster", "the same, robust, 100 000 clusters", 1_000_000,
        (("evalkit cox", 0.5),), 1e-6,
    ),
)  # fmt: skip


def write_data(path: Path, n: int, *, seed: int = 11) -> None:
    """Write spells in whole days with ten covariates, one column after the other."""
    source = np.random.default_rng(seed)
    x = source.standard_normal((n, 10))
    x[:, :3] = x[:, :3] > 0
    rate = np.exp(-6.2 + x @ np.linspace(-0.3, 0.3, 10)) * np.exp(
        0.3 * source.standard_normal(max(n // 10, 1))[np.arange(n) % max(n // 10, 1)]
    )
    time = np.ceil(source.standard_exponential(n) / rate)
    ends = np.ceil(source.uniform(100, 1461, n))
    ended = time <= ends
    columns = {
        "days": np.minimum(time, ends),
        "ended": ended,
        "cause": np.where(ended, 1 + (source.random(n) < 0.3), 0),
        "group": x[:, 0],
        "cluster": np.arange(n) % max(n // 10, 1),
        **{f"x{k}": x[:, k - 1] for k in range(1, 11)},
    }
    whole = ["days", "ended", "cause", "group", "cluster"]
    layout = {"n": n, "columns": list(columns), "whole": whole}
    path.with_suffix(".json").write_text(json.dumps(layout), "utf-8")
    with path.open("wb") as target:
        for values in columns.values():
            np.asarray(values, dtype="<f8").tofile(target)


def run(command: list[str], limit: float = SECONDS) -> dict[str, Any]:
    """Run a worker and read its line; say why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"problem": f"over {limit:.0f} s"}
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        lines = [line for line in said if line != "Execution halted"] or ["failed"]
        return {"problem": "n/a" if "KeyError" in lines[-1] else lines[-1][:80]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def in_turn(
    found: dict[str, list[str]], task: str, data: Path, rounds: int, *, mine: int = 3
) -> tuple[dict[str, float], dict[str, dict[str, Any]], dict[str, str]]:
    """Run a task with every tool, round by round, evalkit ``mine`` times in each.

    Returns
    -------
    best : dict
        Fewest seconds of each tool.
    last : dict
        Its last answer.
    problems : dict
        Why a tool has none.
    """
    best: dict[str, float] = {}
    last: dict[str, dict[str, Any]] = {}
    problems: dict[str, str] = {}
    for _ in range(rounds):
        for name, command in found.items():
            if name in problems:
                continue
            repeats = str(mine if name == "evalkit" else 1)
            answer = run([*command, task, str(data), repeats])
            if "problem" in answer:
                problems[name] = str(answer["problem"])
                continue
            fastest = min(answer["seconds"])
            best[name] = min(best.get(name, np.inf), fastest)
            last[name] = answer
            print(f"{task:14} {name:9} {fastest:9.4f} s  {answer['value']:.10g}", flush=True)
    return best, last, problems


def tools() -> dict[str, list[str]]:
    """Return the command that begins each tool's worker, for the tools that are there."""
    worker = str(HERE / "worker.py")
    found = {"evalkit": [sys.executable, worker, "evalkit"]}
    peers = os.environ.get("PEERS", "none")
    if peers != "none":
        for name, module in PYTHON_PEERS.items():
            there = subprocess.run(
                [peers, "-c", f"import {module}"], capture_output=True, check=False
            )
            if there.returncode == 0:
                found[name] = [peers, worker, name]
    rscript = shutil.which(os.environ.get("RSCRIPT", "Rscript"))
    if rscript:
        found["R survival"] = [rscript, str(HERE / "worker.R")]
    return found


def versions(found: dict[str, list[str]]) -> str:
    """Say which versions were compared, on what."""
    said = [f"evalkit {evalkit.__version__} with Python {platform.python_version()}"]
    said[0] += f", numpy {version('numpy')} and numba {version('numba')}"
    for name in found:
        code = f"from importlib.metadata import version; print(version({name!r}))"
        if name == "R survival":
            code = 'cat(as.character(packageVersion("survival")), "in R", format(getRversion()))'
            command = [found[name][0], "-e", code]
        elif name != "evalkit":
            command = [found[name][0], "-c", code]
        else:
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        said.append(f"{name} {done.stdout.strip()}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{'; '.join(said)}. {cores} cores, {platform.system()} on {platform.machine()}."


def compare(found: dict[str, list[str]], works: list[Work], rounds: int, folder: Path) -> list[str]:
    """Run every work with every tool, round by round, and lay out the table."""
    names = [name for name in found if name != "evalkit"]
    lines = [
        f"| Work | n | evalkit | {' | '.join(names)} | Required | Reached |",
        "|---|---:|---:|" + "---:|" * len(names) + "---|---|",
    ]
    plain: dict[str, float] = {}
    for work in works:
        data = folder / f"{work.n}.bin"
        if not data.exists():
            write_data(data, work.n)
        best: dict[str, float] = {}
        problems: dict[str, str] = {}
        values: dict[str, float] = {}
        for _ in range(rounds):
            for name, command in found.items():
                if name in problems:
                    continue
                repeats = "3" if name == "evalkit" else "1"
                answer = run([*command, work.task, str(data), repeats])
                if "problem" in answer:
                    problems[name] = str(answer["problem"])
                    continue
                fastest = min(answer["seconds"])  # type: ignore[call-overload]
                best[name] = min(best.get(name, np.inf), fastest)
                values[name] = float(answer["value"])  # type: ignore[arg-type]
                print(f"{work.task:12} {name:16} {fastest:9.4f} s  {values[name]:.10g}", flush=True)
        mine = best.get("evalkit", np.nan)
        plain[f"evalkit {work.task}"] = mine
        cells = [_cell(name, best, problems, values, mine, work.rtol) for name in names]
        goals, reached = [], []
        for peer, times in work.goals:
            other = best.get(peer, plain.get(peer, np.nan))
            goals.append(f"{times:g} x {peer}")
            ok = "yes" if other / mine >= times else "no"
            reached.append("not measured" if np.isnan(other / mine) else ok)
        shown = _seconds(mine) if "evalkit" in best else problems.get("evalkit", "")
        lines.append(
            f"| {work.title} | {work.n:,} | {shown} | {' | '.join(cells)} | {', '.join(goals)} | "
            f"{', '.join(reached)} |".replace(",000", " 000")
        )
    return lines


def _seconds(value: float) -> str:
    """Write a time."""
    return f"{1000 * value:.2g} ms" if value < 0.1 else f"{value:.3g} s"


def _cell(
    name: str,
    best: dict[str, float],
    problems: dict[str, str],
    values: dict[str, float],
    mine: float,
    rtol: float,
) -> str:
    """Write a peer's time, how many times evalkit's it is, and whether the numbers differ."""
    if name not in best:
        return problems.get(name, "")
    text = f"{_seconds(best[name])} ({best[name] / mine:.3g} x)"
    same = abs(values[name] - values.get("evalkit", np.nan)) <= rtol * abs(values[name])
    return text if same else f"{text}, other value"


def growth(found: dict[str, list[str]], sizes: list[int], folder: Path) -> list[str]:
    """Time evalkit on growing data, and measure the memory of Cox beside its design matrix."""
    lines = [
        "| n | Kaplan-Meier | per row | Cox, 10 covariates | per row | Memory, times the matrix |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for n in sizes:
        data = folder / f"{n}.bin"
        if not data.exists():
            write_data(data, n)
        row = [f"{n:,}".replace(",", " ")]
        grown = np.nan
        for task in ("km", "cox"):
            answer = run([*found["evalkit"], task, str(data), "1" if n > 2_000_000 else "3"])
            if "problem" in answer:
                row += [str(answer["problem"]), ""]
                continue
            fastest = min(answer["seconds"])  # type: ignore[call-overload]
            row += [_seconds(fastest), f"{1e9 * fastest / n:.3g} ns"]
            grown = float(answer["grown"]) / (8 * 10 * n)  # type: ignore[arg-type]
        row.append(f"{grown:.2g}" if n >= 1_000_000 else "")
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
    return lines


FIRST = """
import time
import numpy as np, pandas as pd, scipy
source = np.random.default_rng(1)
df = pd.DataFrame({"days": source.integers(1, 700, 1000), "ended": source.integers(0, 2, 1000),
                   "age": source.integers(20, 65, 1000)})
start = time.perf_counter()
from evalkit import survival
survival.CALL
print('{"seconds": [%f]}' % (time.perf_counter() - start))
"""
CALLS = {
    "Kaplan-Meier": 'kaplan_meier(df, duration="days", event="ended").to_frame()',
    "Log-rank": 'logrank(df.assign(g=df["age"] > 40), duration="days", event="ended", by="g")',
    "Cox": 'cox("age", df, duration="days", event="ended").to_frame()',
}


def first_calls() -> list[str]:
    """Time the first small fit of a fresh interpreter, after pandas and scipy."""
    lines = ["| First call, n = 1 000 | Beyond `import pandas, scipy` |", "|---|---:|"]
    for name, call in CALLS.items():
        answers = [run([sys.executable, "-c", FIRST.replace("CALL", call)]) for _ in range(3)]
        seconds = [min(a["seconds"]) for a in answers if "problem" not in a]  # type: ignore[call-overload]
        shown = _seconds(min(seconds)) if seconds else str(answers[0]["problem"])
        lines.append(f"| {name} | {shown} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure what was asked for, print it, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--tasks", nargs="*", default=[work.task for work in WORKS])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = tools()
    works = [work for work in WORKS if work.task in options.tasks]
    with tempfile.TemporaryDirectory() as folder:
        blocks = [
            [versions(found), f"Measured {datetime.now(UTC):%Y-%m-%d}."],
            compare(found, works, options.rounds, Path(folder)),
            growth(found, options.sizes, Path(folder)) if options.sizes else [],
            first_calls(),
        ]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    print(f"\n{text}")
    if options.out:
        head, _, rest = options.out.read_text("utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        options.out.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()
