"""Write the tables of docs/coverage.md from what the simulations beside this file found.

    python benchmarks/coverage_page.py

Each ``coverage_<what>.py`` writes ``coverage_<what>.csv``; its docstring says what was simulated.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "coverage.md"
BEGIN, END = "<!-- simulated: begin -->\n", "<!-- simulated: end -->\n"


def simulations(folder: Path = HERE) -> list[Path]:
    """Return the simulations: the scripts that have written a table."""
    return [
        path for path in sorted(folder.glob("coverage_*.py")) if path.with_suffix(".csv").exists()
    ]


def about(script: Path) -> tuple[str, str]:
    """Return what a script says of itself: its first line, and the rest without the command."""
    docstring = ast.get_docstring(ast.parse(script.read_text("utf-8"))) or script.stem
    first, *paragraphs = docstring.split("\n\n")
    told = [" ".join(p.split()) for p in paragraphs if not p.lstrip().startswith("python ")]
    title = " ".join(first.split()).rstrip(".")
    named = re.fullmatch(r"How often the 95 % intervals of (.*?) hold the truth.*", title)
    title = named[1][0].upper() + named[1][1:] if named else title
    return title, "\n\n".join(told)


def table(path: Path) -> str:
    """Lay out a CSV file as a table."""
    found = pd.read_csv(path, dtype=str, keep_default_na=False)
    numeric = [
        pd.to_numeric(found[name].replace("", "0"), errors="coerce").notna().all()
        for name in found.columns
    ]
    rows = [
        list(found.columns),
        ["---:" if right else "---" for right in numeric],
        *found.to_numpy().tolist(),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def page() -> str:
    """Return all tables with their titles."""
    parts: list[str] = []
    for script in simulations():
        title, text = about(script)
        parts += [f"## {title}", text, table(script.with_suffix(".csv"))]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Replace what stands between the two marks of the page."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{page()}\n\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()
