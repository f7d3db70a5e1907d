"""Run the R scripts beside this file anew, and record what their results rest on.

    python tests/reference/regenerate.py

Every script reads and writes CSV files in its own folder, and names them. ``manifest.csv`` holds
the hash of each script and CSV file as it was when the scripts last ran, so that a test notices
when one of them has changed since. Needs R with the packages that the scripts load.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MANIFEST = "manifest.csv"
_CSV = re.compile(r"(?<![\w.])(?!read\.|write\.)[A-Za-z0-9][\w-]*\.csv\b")
_PACKAGE = re.compile(r"library\((\w+)\)")


def scripts(folder: Path = HERE) -> list[Path]:
    """Return the scripts, those in sub-folders too."""
    return sorted(folder.rglob("*.R"))


def named(script: Path) -> set[str]:
    """Return the names of the CSV files that a script mentions."""
    return set(_CSV.findall(script.read_text("utf-8")))


def packages(script: Path) -> set[str]:
    """Return the packages that a script loads."""
    return set(_PACKAGE.findall(script.read_text("utf-8")))


def recorded(folder: Path = HERE) -> dict[str, str]:
    """Return the hashes in the manifest, by path."""
    lines = (folder / MANIFEST).read_text("utf-8").splitlines()[1:]
    return dict(line.rsplit(",", 1) for line in lines)


def present(folder: Path = HERE) -> dict[str, str]:
    """Return the hashes of the files as they are, by path."""
    files = [path for path in folder.rglob("*") if path.suffix in (".R", ".csv")]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(files)
        if path.name != MANIFEST
    }


def run(script: Path) -> None:
    """Run one script; a failure says why."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        sys.exit("regenerate.py: Rscript is not installed")
    done = subprocess.run(
        [rscript, script.name], cwd=script.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{script.name} failed:\n{done.stderr}")


def absent(names: set[str]) -> set[str]:
    """Return the R packages that are not installed."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        sys.exit("regenerate.py: Rscript is not installed")
    asked = ", ".join(f'"{name}"' for name in sorted(names))
    code = f"for (p in c({asked})) if (!requireNamespace(p, quietly = TRUE)) cat(p, '')"
    done = subprocess.run([rscript, "-e", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def main() -> None:
    """Run every script whose packages are there, and write the manifest."""
    missing = absent(set().union(*(packages(script) for script in scripts())))
    for script in scripts():
        lacking = packages(script) & missing
        if lacking:
            sys.stderr.write(f"{script.name}: not run, R lacks {', '.join(sorted(lacking))}\n")
        else:
            run(script)
    lines = ["file,sha256", *(f"{name},{value}" for name, value in present().items())]
    (HERE / MANIFEST).write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
