"""Time evalkit's survey scales beside their peers: in turn, in one run, on the same data.

    PEERS=/path/to/python RSCRIPT=Rscript python benchmarks/bench_scales.py [--out FILE]

Every tool runs in a process of its own: evalkit and pingouin by this file with ``--worker``, R by
``worker_scales.R`` (psych). ``PEERS`` is a Python that has pingouin, or ``none``. The table has the
fastest of the rounds, of whole calls: from a data frame of answers to numbers. With ``--out`` the
tables are written into a page between two marks.
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

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
BEGIN, END = "<!-- measured scales: begin -->\n", "<!-- measured scales: end -->\n"
SECTION = """## Survey scales

`benchmarks/bench_scales.py` times whole calls on answers to questionnaires: psych in R, pingouin in
the Python that `PEERS` names. evalkit's scores come with their missing rule, the number of answers
and the reason where there is no score; its alpha comes with omega, lambda 6 and the items one by
one. psych's `scoreItems` also computes alpha and correlations of the subscales. pingouin has no
scores, and its bootstrap is a loop around its alpha.
"""
DRAWS = 1_000

# Answers to each item of RAND-36; the form has questions with two, three, five and six.
LEVELS = {3: range(3, 13), 2: range(13, 20), 6: (21, *range(23, 32))}
HIGHEST = {item: high for high, items in LEVELS.items() for item in items}


@dataclass(frozen=True)
class Work:
    """A task, its data, what it must reach, and how near the tools' numbers must be."""

    task: str
    title: str
    kind: str
    n: int
    seconds: float = np.inf  # no slower than this
    near: float = 1e-9


WORKS = (
    Work("score", "RAND-36, eight scores, answers complete", "complete", 1_000_000, 1.0),
    Work("score", "the same, 3 % of the answers missing", "holes", 1_000_000, 1.0),
    Work("alpha", "Alpha of 20 items, with its interval", "items", 10_000),
    Work("bootstrap", "the same, 1 000 bootstrap draws", "items", 10_000, 2.0),
    Work("icc", "ICC, six forms, four raters", "ratings", 1_000),
    Work("icc", "the same", "ratings", 1_000_000),
)


def answers(kind: str, n: int, seed: int = 13) -> pd.DataFrame:
    """Draw answers as whole numbers; 0 is a missing one."""
    source = np.random.default_rng(seed)
    if kind in ("complete", "holes"):
        columns = {
            f"q{item}": source.integers(1, HIGHEST.get(item, 5) + 1, n, dtype=np.int8)
            for item in range(1, 37)
        }
        if kind == "holes":
            for column in columns.values():
                column[source.random(n) < 0.03] = 0
        return pd.DataFrame(columns)
    shared = source.standard_normal(n)
    k, middle, width, top = (20, 3.0, 1.0, 5) if kind == "items" else (4, 50.0, 12.0, 100)
    raw = (middle + width * (shared + source.standard_normal(n)) for _ in range(k))
    columns = {
        f"q{place}": np.clip(np.rint(one), 1, top).astype(np.int8)
        for place, one in enumerate(raw, 1)
    }
    return pd.DataFrame(columns)


def write_data(path: Path, kind: str, n: int) -> None:
    """Write the answers, one byte each, one column after the other."""
    frame = answers(kind, n)
    path.with_suffix(".json").write_text(
        json.dumps({"n": n, "columns": list(frame.columns)}), "utf-8"
    )
    with path.open("wb") as target:
        for name in frame:
            frame[name].to_numpy().tofile(target)


def read(path: Path) -> pd.DataFrame:
    """Read the answers as files of SPSS give them: numbers, NaN where missing."""
    layout = json.loads(path.with_suffix(".json").read_text("utf-8"))
    codes = np.fromfile(path, dtype=np.int8).reshape(len(layout["columns"]), layout["n"])
    columns = {
        name: np.where(one == 0, np.nan, one.astype(np.float64))
        for name, one in zip(layout["columns"], codes, strict=True)
    }
    return pd.DataFrame(columns)


def evalkit(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by evalkit."""
    from evalkit import scales

    def score() -> float:
        return float(scales.score(df, "RAND-36").to_wide()["energy"].mean())

    def icc() -> float:
        return float(scales.icc(df).to_frame()["estimate"].iloc[1])

    draws = DRAWS if task == "bootstrap" else 0

    def alpha() -> float:
        return scales.reliability(df, n_bootstrap=draws, rng=1).alpha

    return {"score": score, "alpha": alpha, "bootstrap": alpha, "icc": icc}[task]


def pingouin(task: str, df: pd.DataFrame) -> Callable[[], float]:
    """Return the task done by pingouin, which has no scores, and no bootstrap of its own."""
    import pingouin as pg

    def alpha() -> float:
        return float(pg.cronbach_alpha(df)[0])

    def bootstrap() -> float:
        source = np.random.default_rng(1)
        drawn = [
            pg.cronbach_alpha(df.iloc[source.integers(0, len(df), len(df))])[0]
            for _ in range(DRAWS)
        ]
        np.quantile(drawn, [0.025, 0.975])
        return alpha()

    def icc() -> float:
        long = df.rename_axis("person").reset_index().melt("person", var_name="rater")
        found = pg.intraclass_corr(long, targets="person", raters="rater", ratings="value")
        return float(found["ICC"].iloc[1])

    return {"alpha": alpha, "bootstrap": bootstrap, "icc": icc}[task]


def worker(tool: str, task: str, data: str, repeats: str) -> None:
    """Time the calls and print what came out as a line of JSON."""
    warnings.simplefilter("ignore")
    call = {"evalkit": evalkit, "pingouin": pingouin}[tool](task, read(Path(data)))
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
    mine = str(Path(__file__).resolve())
    found = {"evalkit": [sys.executable, mine, "--worker", "evalkit"]}
    peers = os.environ.get("PEERS", "none")
    rscript = shutil.which(os.environ.get("RSCRIPT", "Rscript"))
    asked = {
        "pingouin": [peers, "-c", "import pingouin"] if peers != "none" else [],
        "psych": [str(rscript), "-e", "library(psych)"] if rscript else [],
    }
    begins = {
        "pingouin": [peers, mine, "--worker", "pingouin"],
        "psych": [str(rscript), str(HERE / "worker_scales.R"), "psych"],
    }
    for name, command in asked.items():
        if command and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            found[name] = begins[name]
    return found


def versions(found: dict[str, list[str]]) -> str:
    """Say which versions of the peers were compared."""
    said: list[str] = []
    for name, command in found.items():
        code = {
            "pingouin": "from importlib.metadata import version; print(version('pingouin'))",
            "psych": 'cat(as.character(packageVersion("psych")), "in R", format(getRversion()))',
        }.get(name)
        if code:
            option = "-c" if name == "pingouin" else "-e"
            done = subprocess.run(
                [command[0], option, code], capture_output=True, text=True, check=True
            )
            said.append(f"{name} {done.stdout.strip()}")
    return "Peers: " + ("; ".join(said) or "none") + "."


def compare(found: dict[str, list[str]], works: list[Work], rounds: int, folder: Path) -> list[str]:
    """Run every work with every tool, round by round, and lay out the table."""
    beside = runpy.run_path(str(HERE / "beside.py"))
    in_turn, shown = beside["in_turn"], beside["_seconds"]
    peers = [name for name in found if name != "evalkit"]
    lines = [
        f"| {' | '.join(['Work', 'n', 'evalkit', *peers, 'Required', 'Reached'])} |",
        "|---|---:|---:|" + "---:|" * len(peers) + "---|---|",
    ]
    for work in works:
        data = folder / f"{work.kind}-{work.n}.bin"
        if not data.exists():
            write_data(data, work.kind, work.n)
        best, last, problems = in_turn(found, work.task, data, rounds)
        values = {name: float(answer["value"]) for name, answer in last.items()}
        mine = best.get("evalkit", np.nan)
        cells = [shown(mine) if "evalkit" in best else problems.get("evalkit", "")]
        for name in peers:
            if name not in best:
                cells.append(problems.get(name, ""))
                continue
            same = abs(values[name] - values.get("evalkit", np.nan)) <= work.near
            other = "" if same else ", other value"
            cells.append(f"{shown(best[name])} ({best[name] / mine:.3g} x){other}")
        required, reached = _goal(work, mine)
        lines.append(
            f"| {work.title} | {work.n:,} | {' | '.join(cells)} | {required} | {reached} |".replace(
                ",000", " 000"
            )
        )
    return lines


def _goal(work: Work, mine: float) -> tuple[str, str]:
    """Say what is required, and whether it was reached."""
    if not np.isfinite(work.seconds):
        return "", ""
    return f"{work.seconds:g} s", "yes" if mine <= work.seconds else "no"


def growth(found: dict[str, list[str]], sizes: list[int], folder: Path) -> list[str]:
    """Time the scores of growing data, and measure their memory beside the answers."""
    beside = runpy.run_path(str(HERE / "beside.py"))
    run, shown = beside["run"], beside["_seconds"]
    lines = [
        "| n | RAND-36, 3 % missing | per respondent | Memory, times the answers |",
        "|---:|---:|---:|---:|",
    ]
    for n in sizes:
        data = folder / f"holes-{n}.bin"
        if not data.exists():
            write_data(data, "holes", n)
        row = [f"{n:,}".replace(",", " ")]
        answer = run([*found["evalkit"], "score", str(data), "1" if n > 2_000_000 else "3"])
        if "problem" in answer:
            row += [str(answer["problem"]), "", ""]
        else:
            fastest = min(answer["seconds"])
            grown = float(answer["grown"]) / (8 * 36 * n)
            row += [shown(fastest), f"{1e9 * fastest / n:.3g} ns"]
            row.append(f"{grown:.2g}" if n >= 1_000_000 else "")
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
        data.unlink()
    return lines


def main() -> None:
    """Measure what was asked for, print it, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--tasks", nargs="*", default=[work.task for work in WORKS])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--most", type=int, default=10**9, help="leave larger data out")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000, 3_000_000])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    works = [work for work in WORKS if work.task in options.tasks and work.n <= options.most]
    found = tools()
    with tempfile.TemporaryDirectory() as folder:
        blocks = [
            [SECTION + "\n" + versions(found)],
            compare(found, works, options.rounds, Path(folder)),
            growth(found, options.sizes, Path(folder)) if options.sizes else [],
        ]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    print(f"\n{text}")
    if options.out:
        page = options.out.read_text("utf-8")
        head, _, rest = page.partition(BEGIN) if BEGIN in page else (f"{page}\n", "", "")
        tail = rest.partition(END)[2]
        options.out.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
