"""Command line: run the reports, audit a table, rebuild the synthetic data.

Exit codes: 0 all is well; 1 something is not (a cell differs, a notebook failed, the audit found
something worse than rounding); 2 the input cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evalkit import __version__
from evalkit.errors import EvalkitError, InputError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of the command line if left out.

    Returns
    -------
    int
        Exit code.
    """
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.run(chosen)
    except EvalkitError as error:
        print(f"evalkit: {error}", file=sys.stderr)
    except OSError as error:
        print(f"evalkit: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evalkit", description="Evaluation reports whose every number can be checked."
    )
    parser.add_argument("--version", action="version", version=f"evalkit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    reproduce = commands.add_parser(
        "reproduce", help="run report notebooks, write their pages and compare every cell"
    )
    reproduce.add_argument("names", nargs="*", metavar="NAME", help="reports; all if left out")
    reproduce.add_argument("--out", default="reports", help="folder for the pages (reports)")
    reproduce.add_argument("--lang", default="sv", choices=("sv", "en"), help="language (sv)")
    reproduce.set_defaults(run=_reproduce)

    audit = commands.add_parser("audit", help="check whether the figures of a table agree")
    audit.add_argument("file", metavar="FILE", help="table as .csv or .xlsx, or a shipped id")
    audit.add_argument("--relations", metavar="FILE", help="relations as .yaml; else guessed")
    audit.set_defaults(run=_audit)

    synth = commands.add_parser("synth", help="rebuild the synthetic microdata, or check them")
    synth.add_argument("--out", metavar="DIR", help="folder (data/synthetic)")
    synth.add_argument(
        "--seed", type=int, metavar="N", help="seed of the draw (that of the shipped files)"
    )
    synth.add_argument(
        "--check", action="store_true", help="check files and figures instead of writing"
    )
    synth.set_defaults(run=_synth)
    return parser


def _reproduce(chosen: argparse.Namespace) -> int:
    from evalkit.report.runner import reproduce

    outcome = reproduce(chosen.names, out=chosen.out, lang=chosen.lang)
    print(outcome)
    return 0 if outcome.ok else 1


def _audit(chosen: argparse.Namespace) -> int:
    from evalkit import published
    from evalkit.published.files import read_relations

    if chosen.file in set(published.tables()["table_id"]):
        declared = None if chosen.relations is None else read_relations(chosen.relations)
        report = published.audit(chosen.file, declared)
    else:
        report = published.audit_file(Path(chosen.file), relations=chosen.relations)
    print(report)
    return 1 if report.n_inconsistent else 0


def _synth(chosen: argparse.Namespace) -> int:
    from evalkit import synthetic
    from evalkit.synthetic.from_published import DEFAULT_SEED

    if chosen.check:
        if chosen.seed is not None:
            raise InputError.of(
                "--seed", required="left out with --check", got=chosen.seed,
                remedy="The check compares with the manifest, whatever the seed was.",
            )  # fmt: skip
        checked = synthetic.check_published_sets(chosen.out)
        print(checked.to_string(index=False))
        return 0 if checked["ok"].all() else 1
    seed = DEFAULT_SEED if chosen.seed is None else chosen.seed
    for path in synthetic.write_published_sets(chosen.out or "data/synthetic", seed=seed):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
