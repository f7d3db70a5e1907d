"""Audit published tables: whether all printed figures can be true at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, cast

from evalkit.errors import InputError
from evalkit.published.checks import Check
from evalkit.published.declared import (
    ShippedGrids,
    checks_beside,
    checks_touching,
    is_shipped,
    shipped_checks,
)
from evalkit.published.findings import (
    Finding,
    describe,
    find,
    severity,
    show_allowed,
    show_check,
)  # fmt: skip
from evalkit.published.guess import guess_relations
from evalkit.published.phrases import Lang
from evalkit.published.relations import expand
from evalkit.published.selectors import Grid
from evalkit.published.store import Cell, PublishedTable, cells_of_frame, load
from evalkit.published.verdicts import Rule, Verdict, infer_rules, judge

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AuditReport", "audit", "audit_all"]

_PLACE = ["table_id", "row_group", "row", "column_group", "column", "measure"]
_COLUMNS = [*_PLACE, "check", "published", "possible", "verdict", "message"]
_LINES = 15

Relations = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class AuditReport:
    """Outcome of an audit.

    Attributes
    ----------
    results : tuple of (Check, verdict)
        Every check with its verdict.
    entries : tuple of Finding
        The deviations, worst first; one entry may account for several failing checks.
    rules : mapping
        Rounding rule inferred for each source.
    guessed : tuple of str
        Relations that were guessed from labels, in words.
    """

    results: tuple[tuple[Check, Verdict], ...] = field(repr=False)
    entries: tuple[Finding, ...] = field(repr=False)
    rules: Mapping[str, Rule]
    guessed: tuple[str, ...] = ()

    @property
    def n_checked(self) -> int:
        """Number of checks that could be tested."""
        return sum(verdict != "untestable" for _, verdict in self.results)

    @property
    def n_inconsistent(self) -> int:
        """Number of findings worse than rounding."""
        return sum(entry.verdict in ("impossible", "base-mismatch") for entry in self.entries)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """Deviations only; see :meth:`findings_in` for Swedish messages."""
        return self.findings_in("en")

    def findings_in(self, lang: Lang) -> pd.DataFrame:
        """Give the deviations with messages in a language.

        Parameters
        ----------
        lang : {"en", "sv"}
            Language of the messages.

        Returns
        -------
        DataFrame
            Columns ``table_id, row_group, row, column_group, column, measure, check, published,
            possible, verdict, message``, worst first.
        """
        return _frame(
            (*e.key, e.checks[0].name, e.published, e.possible, e.verdict, describe(e, lang))
            for e in self.entries
        )

    @cached_property
    def checks(self) -> pd.DataFrame:
        """All checks, in the order of the relations, with the columns of `findings`."""
        return _frame(_check_row(check, verdict) for check, verdict in self.results)

    def __str__(self) -> str:
        """Summarise in at most fifteen lines."""
        worse = f"{self.n_inconsistent} worse than rounding"
        lines = [f"{self.n_checked} checks, {len(self.entries)} findings, {worse}"]
        lines += [f"guessed: {guess}" for guess in self.guessed][: _LINES // 2]
        room = _LINES - 1 - len(lines)
        for entry in self.entries[:room]:
            place = f"{entry.key.table} {entry.key.place}"
            lines.append(f"[{entry.verdict}] {place} ({entry.key.measure}): {describe(entry)}")
        if len(self.entries) > room:
            lines.append(f"... and {len(self.entries) - room} more; see .findings")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{escape(f'{e.key.table} {e.key.place}')}</th>"
            f"<td>{escape(e.published)}</td><td>{escape(e.possible)}</td>"
            f"<td>{e.verdict}</td><td style='text-align:left'>{escape(describe(e))}</td></tr>"
            for e in self.entries
        )
        names = ("figure", "printed", "possible", "verdict", "message")
        head = "".join(f"<th scope='col'>{name}</th>" for name in names)
        caption = f"{self.n_checked} checks, {len(self.entries)} findings"
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )


def _frame(rows: Iterable[tuple[object, ...]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(list(rows), columns=_COLUMNS)


def _check_row(check: Check, verdict: Verdict) -> tuple[object, ...]:
    place, term = next((i, t) for i, t in enumerate(check.terms) if t.cell is not None)
    cell = cast("Cell", term.cell)
    if verdict == "untestable":
        message = "not printed: " + "; ".join(check.missing or ("the base is 0",))
        return (*cell.key, check.name, cell.figure.text, "", verdict, message)
    possible = show_allowed(check, place, cell)
    return (*cell.key, check.name, cell.figure.text, possible, verdict, show_check(check))


def _report(
    checks: Sequence[Check],
    background: Sequence[Check] = (),
    guessed: tuple[str, ...] = (),
    own: frozenset[str] = frozenset(),
) -> AuditReport:
    """Judge the checks.

    The background helps to tell which figure is wrong, and is not reported. Findings in the
    caller's own tables come first; a slip that is certainly in another table is left to its audit.
    """
    together = [*checks, *background]
    rules = infer_rules(together)
    verdicts: list[Verdict] = [judge(check, rules) for check in together]
    ours = {id(check) for check in checks}
    entries = [
        entry
        for entry in find(together, verdicts)
        if any(id(check) in ours for check in entry.checks)
        and not (own and entry.located and own.isdisjoint(_places(entry)))
    ]
    entries.sort(key=lambda entry: (severity(entry.verdict), entry.key.table not in own))
    results = zip(checks, verdicts[: len(checks)], strict=True)
    return AuditReport(tuple(results), tuple(entries), rules, guessed)


def _places(entry: Finding) -> set[str]:
    """Tables in which the slip of a finding can be."""
    return {entry.key.table, *(key.table for key in entry.alternatives)}


def audit(
    table: str | PublishedTable | pd.DataFrame, relations: Relations | None = None
) -> AuditReport:
    """Check whether the figures of a table can all be true at once.

    Answers: do parts add up to totals, do percentages come from their counts, do groups average to
    their whole, is a quantity printed alike wherever it is printed; and where not, which figure is
    the likely slip. All arithmetic is exact; a printed figure stands for every value that rounds
    to it.

    Parameters
    ----------
    table : str, PublishedTable or DataFrame
        A shipped table's id, a loaded table, or a tidy frame with the columns of
        :meth:`PublishedTable.to_frame` (several tables may be stacked). In a frame the figure
        audited is `value`; `text` tells how many decimals were printed.
    relations : sequence of mapping, optional
        Relations as in the YAML files. Without them a shipped table is audited against every
        shipped relation that touches it, across tables and sources, and any other table against
        relations guessed from its labels (``AuditReport.guessed`` says which). A slip that lies
        in another table for certain is reported by the audit of that one.

    Returns
    -------
    AuditReport
        With ``.findings``, ``.checks`` and ``.n_checked``.

    Raises
    ------
    InputError
        If the table is unknown, the frame lacks a column, or a relation names what does not exist.

    Notes
    -----
    A count k of n is consistent with a printed percent P (half unit h) if
    \\|100 k / n - P\\| <= h. The rounding rule (half-up, half-even, truncation) is inferred per
    source. Nothing is assumed about figures that the source does not print: checks that need them
    are ``untestable``. R's scrutiny and statcheck do this for means and tests, not for tables.

    Examples
    --------
    >>> from evalkit import published
    >>> report = published.audit("001.t7a")
    >>> wrong = report.findings.query("row == 'Totalt' and measure == 'count'").iloc[0]
    >>> wrong["published"], wrong["possible"].replace(chr(160), " ")
    ('2759', '5 759')
    """
    import pandas as pd

    if isinstance(table, str):
        table = load(table)
    elif not isinstance(cast("object", table), PublishedTable | pd.DataFrame):
        raise InputError.of(
            "table", required="a shipped id, a PublishedTable or a tidy frame",
            got=type(table).__name__,
        )  # fmt: skip
    cells = table.cells if isinstance(table, PublishedTable) else cells_of_frame(table)
    by_table: dict[str, list[Cell]] = {}
    for cell in cells:
        by_table.setdefault(cell.key.table, []).append(cell)
    grids = {name: Grid(name, tuple(members)) for name, members in by_table.items()}
    if relations is not None:
        home = next(iter(grids), None)
        return _report(expand(relations, ShippedGrids(grids), home=home))
    touched = frozenset(name for name in grids if is_shipped(name))
    checks = checks_touching(touched, grids)
    guessed: list[str] = []
    for name in [name for name in grids if name not in touched]:
        made, words = guess_relations(grids[name])
        guessed += words
        checks += expand(made, grids, home=name)
    return _report(checks, _background(checks, touched), tuple(guessed), frozenset(grids))


def _background(checks: Sequence[Check], touched: frozenset[str]) -> list[Check]:
    """Shipped checks that share a figure with a failing one but do not touch the tables."""
    rules = infer_rules(checks)
    beside: list[Check] = []
    failing = [check for check in checks if judge(check, rules) == "impossible"]
    while True:
        near = {
            term.cell.key for check in failing for term in check.members if term.cell is not None
        }
        found = checks_beside(near, touched)
        if len(found) == len(beside):
            return found
        # A slip beside may itself be near another one: go on until no failing check is new.
        beside = found
        failing += [check for check in found if judge(check, rules) == "impossible"]


def audit_all() -> AuditReport:
    """Audit every shipped table and text claim, within and across tables and sources.

    Returns
    -------
    AuditReport
        One report over everything.

    Examples
    --------
    >>> from evalkit import published
    >>> published.audit_all().n_checked > 1000
    True
    """
    return _report([check for shipped in shipped_checks() for check in shipped.checks])
