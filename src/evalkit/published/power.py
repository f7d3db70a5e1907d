"""How many slips would the audit find? Change every printed figure and see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.published.checks import Check, substitute
from evalkit.published.declared import shipped_checks
from evalkit.published.store import Cell, Key, load
from evalkit.published.verdicts import VERDICTS, Rule, Verdict, infer_rules, judge

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["audit_power"]

_CHANGES = {"count": (-10, -1, 1, 10), "percent": (-1, 1)}


@dataclass(frozen=True, slots=True)
class _Use:
    """A check that a figure takes part in."""

    check: Check
    verdict: Verdict


def audit_power(table_ids: Sequence[str] | None = None) -> pd.DataFrame:
    """Measure how many slips in published figures the audit would find.

    Answers: when the audit is silent about a table, how much is that worth? Every printed count is
    changed by 1 and by 10, every percent without decimals by 1, each way; a change is found if a
    check that held no longer does.

    Parameters
    ----------
    table_ids : sequence of str, optional
        Shipped tables; all of them by default.

    Returns
    -------
    DataFrame
        Columns ``table_id, measure, change, n, found, share``, one row per table, measure and size
        of change. A change that would make a figure negative is not made.

    Raises
    ------
    InputError
        If a table is not shipped.

    Examples
    --------
    >>> from evalkit import published
    >>> power = published.audit_power(["000.t3"])
    >>> bool(power.query("measure == 'count'")["share"].min() > 0.95)
    True
    """
    import pandas as pd

    checks = [check for declared in shipped_checks() for check in declared.checks]
    rules = infer_rules(checks)
    uses: dict[Key, list[_Use]] = defaultdict(list)
    wanted = {check.terms[0].cell.key.table for check in checks if check.terms[0].cell is not None}
    chosen = sorted(wanted) if table_ids is None else [load(t).table_id for t in table_ids]
    for check in checks:
        keys = {term.cell.key for term in check.members if term.cell is not None}
        if any(key.table in chosen for key in keys):
            use = _Use(check, judge(check, rules))
            for key in keys:
                uses[key].append(use)
    rows: list[tuple[object, ...]] = []
    for table_id in chosen:
        tally: dict[tuple[str, int], list[bool]] = defaultdict(list)
        for cell in load(table_id).cells:
            for change, mutant in _mutants(cell):
                found = any(_worse(use, mutant, rules) for use in uses[cell.key])
                tally[cell.key.measure, abs(change)].append(found)
        rows += [
            (table_id, measure, size, len(hits), sum(hits), sum(hits) / len(hits))
            for (measure, size), hits in sorted(tally.items())
        ]
    columns = ["table_id", "measure", "change", "n", "found", "share"]
    return pd.DataFrame.from_records(rows, columns=columns)


def _mutants(cell: Cell) -> Iterator[tuple[int, Cell]]:
    figure = cell.figure
    if figure.value is None or figure.vague or figure.decimals:
        return
    for change in _CHANGES.get(cell.key.measure, ()):
        value = figure.value + change
        if value >= 0:
            changed = replace(figure, text=str(value), value=value, low=value, high=value)
            yield change, Cell(cell.key, changed)


def _worse(use: _Use, mutant: Cell, rules: dict[str, Rule]) -> bool:
    """Whether a check that held fails once the figure is changed."""
    changed = substitute(use.check, mutant)
    order = VERDICTS.index
    verdict = judge(changed, rules)
    return verdict != "untestable" and order(verdict) > order(use.verdict)
