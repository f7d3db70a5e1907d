"""Write the module inventory in ARCHITECTURE.md anew from the modules' own first lines."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- inventory: begin -->\n", "<!-- inventory: end -->\n"


def purpose(path: Path) -> str:
    """Return the first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    if not docstring:
        raise SystemExit(f"{path.relative_to(ROOT)} has no docstring: say in one line what it does")
    return docstring.splitlines()[0]


def inventory() -> str:
    """Return the table of all modules, in the order of their names."""
    source = ROOT / "src"
    rows: list[tuple[str, str]] = []
    for path in source.rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        rows.append((name, purpose(path)))
    lines = [f"| `{name}` | {text} |" for name, text in sorted(rows)]
    return "\n".join(["| Module | Purpose |", "|---|---|", *lines, ""])


def main() -> None:
    """Replace what stands between the two marks of the page."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{inventory()}\n{END}{tail}", "utf-8")
    print(f"{PAGE.relative_to(ROOT)}: inventory written")


if __name__ == "__main__":
    main()
