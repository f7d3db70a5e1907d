"""Person-level microdata whose tabulations equal published tables exactly.

The figures of the tables become statements "so many persons meet this condition". Their variables
form a graph whose cliques each get a whole-number table: directly where the figures leave no
choice, by integer programming where they form a cycle or are rounded percentages. The persons of
the cliques are then matched at random within the separators. What was not published together is
therefore independent given the separators: nothing may be concluded from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import resolve_rng
from evalkit.errors import InputError
from evalkit.kernels.integer_margins import find_clash, integer_table
from evalkit.kernels.margins import JunctionTree, forced_cells, junction_tree, proportional_seed
from evalkit.kernels.record_matching import match_records, random_order
from evalkit.published.facts import Fact, Model, read_model, shared_population
from evalkit.published.microdata import Layout, Zero, layout
from evalkit.typing import BoolArray, IntArray, RandomSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["reconstruct", "reconstruct_layouts"]


_MOST_CELLS = 20_000
_MOST_PAIRS = 1_000_000


def reconstruct(
    table_ids: str | Sequence[str],
    *,
    rng: RandomSource,
    population: str | None = None,
) -> pd.DataFrame:
    """Rebuild persons whose tabulations equal published tables.

    Parameters
    ----------
    table_ids : str or sequence of str
        Shipped tables that describe the same people.
    rng : int, numpy.random.Generator or None
        Decides which of the possible microdata is drawn. The same seed gives the same persons in
        the same order on every platform and numpy version, except where an integer program must
        choose a table (margins in a cycle, rounded percentages).
    population : str, optional
        Name of the population; needed only where the tables leave a choice, such as a table with
        one row per year.

    Returns
    -------
    DataFrame
        One row per person in random order, one column per variable, the published labels as
        values; missing where a variable does not apply or nothing was published.

    Raises
    ------
    InputError
        If a table is unknown or does not describe persons, if the tables describe different
        people, if a percentage has a base that none of them prints (the message names the table to
        add), or if their margins cannot hold together; the message then names the figures to
        suspect and by how much they are off.

    Notes
    -----
    The data are synthetic. Every count and percentage of the tables holds exactly (a figure that
    the table itself contradicts follows the ``reading`` in the table's YAML file); a crossing that
    was not published is random, and no conclusion may be drawn from it.

    Examples
    --------
    >>> from evalkit import published
    >>> people = published.reconstruct(["000.t3", "000.t4"], rng=1)
    >>> len(people), int((people["outcome"] == "Arbete med stöd").sum())
    (3740, 581)
    """
    names = [table_ids] if isinstance(table_ids, str) else list(dict.fromkeys(table_ids))
    if not names:
        raise InputError.of("table_ids", required="at least one table", got="none")
    return reconstruct_layouts([layout(name) for name in names], rng=rng, population=population)


def reconstruct_layouts(
    layouts: Sequence[Layout],
    *,
    rng: RandomSource,
    population: str | None = None,
) -> pd.DataFrame:
    """Rebuild persons from tables that are already read; see :func:`reconstruct`."""
    import pandas as pd

    generator = resolve_rng(rng)
    # A seed means PCG64, whatever numpy's default generator may become.
    bits = generator.bit_generator if rng is generator else np.random.PCG64(cast("Any", rng))
    model = read_model(layouts, shared_population(layouts, population))
    tree = junction_tree([model.scope(fact.condition) for fact in model.facts])
    domains = [_domain(model, clique) for clique in tree.cliques]
    tables = _tables(model, tree, domains)
    people = _people(model, tree, domains, tables, bits)
    people = people[random_order(len(people), bits)]
    columns: dict[str, list[str | float]] = {}
    for index, name in enumerate(model.variables):
        labels = [float("nan") if level is None else level for level in model.levels[index]]
        columns[name] = [labels[code] for code in people[:, index]]
    return pd.DataFrame(columns)


def _domain(model: Model, clique: Sequence[int]) -> IntArray:
    """Every combination of levels that can occur, one row each."""
    sizes = [len(model.levels[variable]) for variable in clique]
    if np.prod(sizes, dtype=float) > _MOST_CELLS:
        names = ", ".join(model.variables[variable] for variable in clique)
        raise InputError.of(
            "table_ids", required=f"at most {_MOST_CELLS} cells in each set of linked variables",
            got=f"{np.prod(sizes, dtype=float):.0f}", where=[names],
        )  # fmt: skip
    codes = np.indices(sizes, dtype=np.int64).reshape(len(clique), -1).T
    possible = np.ones(len(codes), dtype=np.bool_)
    for child, parent in model.nested.items():
        scope = {child, parent} & set(model.variables)
        if len(scope) == 2 and model.scope(dict.fromkeys(scope, ())) <= set(clique):
            possible &= _nested(model, clique, codes, child, parent)
    for zero in model.zeros:
        if model.scope(zero.condition) <= set(clique):
            possible &= ~model.meets(zero.condition, clique, codes)
    return codes[possible]


def _nested(
    model: Model, clique: Sequence[int], codes: IntArray, child: str, parent: str
) -> BoolArray:
    """Which cells give the child a level only beside the parent levels it is printed with."""
    inner, outer = model.variables.index(child), model.variables.index(parent)
    meet = np.zeros((len(model.levels[outer]), len(model.levels[inner])), dtype=np.bool_)
    for fact in model.facts:
        if child in fact.condition and parent in fact.condition:
            rows = model.codes_of(outer, fact.condition[parent])
            meet[np.ix_(rows, model.codes_of(inner, fact.condition[child]))] = True
    meet[~meet.any(axis=1), model.levels[inner].index(None)] = True
    meet[:, model.codes_of(inner, model.rest.get(child, ()))] = True
    found: BoolArray = meet[codes[:, clique.index(outer)], codes[:, clique.index(inner)]]
    return found


def _tables(model: Model, tree: JunctionTree, domains: Sequence[IntArray]) -> list[IntArray]:
    """Whole-number table of each clique, agreeing on the separators."""
    scopes = [model.scope(fact.condition) for fact in model.facts]
    within = [
        [i for i, scope in enumerate(scopes) if scope <= set(clique)] for clique in tree.cliques
    ]
    low = np.array([fact.low for fact in model.facts], dtype=np.int64)
    high = np.array([fact.high for fact in model.facts], dtype=np.int64)
    blocks = [
        np.array([model.meets(model.facts[i].condition, clique, codes) for i in facts]).astype(int)
        for clique, codes, facts in zip(tree.cliques, domains, within, strict=True)
    ]
    links = _links(model, tree, domains)
    forced = [
        forced_cells(A, low[facts], high[facts]) for A, facts in zip(blocks, within, strict=True)
    ]
    whole = np.concatenate([part.table for part in forced])
    splits = np.cumsum([len(codes) for codes in domains])[:-1]
    possible = all(part.consistent for part in forced)
    if possible and whole.min(initial=0) >= 0 and not (links @ whole).any():
        return np.split(whole, splits)
    # Each fact speaks once, in the first clique that holds its variables; links carry it on.
    starts = [0, *splits]
    joint = np.zeros((len(model.facts), whole.size), dtype=np.int64)
    spoken: set[int] = set()
    for A, facts, start in zip(blocks, within, starts, strict=True):
        for row, i in zip(A, facts, strict=True):
            if i not in spoken:
                joint[i, start : start + row.size] = row
                spoken.add(i)
    found = None
    if possible:
        seeds = [
            proportional_seed(A, low[facts], high[facts])
            for A, facts in zip(blocks, within, strict=True)
        ]
        found = integer_table(joint, low, high, seed=np.concatenate(seeds), links=links)
    if found is None:
        raise _impossible(model.facts, joint, low, high, links)
    return np.split(found.table, splits)


def _links(model: Model, tree: JunctionTree, domains: Sequence[IntArray]) -> IntArray:
    """Rows that must sum to zero for cliques to agree on the separators between them."""
    starts = np.cumsum([0, *(len(codes) for codes in domains)])
    rows: list[IntArray] = []
    for child, (parent, separator) in enumerate(zip(tree.parents, tree.separators, strict=True)):
        if parent < 0:
            continue
        cells = [
            _mixed(model, separator, tree.cliques[part], domains[part]) for part in (child, parent)
        ]
        for value in np.unique(np.concatenate(cells)):
            row = np.zeros(starts[-1], dtype=np.int64)
            row[starts[child] : starts[child + 1]] = cells[0] == value
            row[starts[parent] : starts[parent + 1]] -= cells[1] == value
            rows.append(row)
    return np.array(rows, dtype=np.int64).reshape(len(rows), starts[-1])


def _mixed(model: Model, wanted: Sequence[int], scope: Sequence[int], codes: IntArray) -> IntArray:
    """One number for the codes of several variables."""
    number = np.zeros(len(codes), dtype=np.int64)
    for variable in wanted:
        number = number * len(model.levels[variable]) + codes[:, scope.index(variable)]
    return number


def _impossible(
    facts: Sequence[Fact], A: IntArray, low: IntArray, high: IntArray, links: IntArray
) -> InputError:
    clash = find_clash(A, low, high, links=links)
    if clash is None:
        return InputError.of(
            "table_ids", required="margins that can hold together", got="margins that cannot"
        )
    where = [
        f"{facts[row].place}: {facts[row].text}, where the other figures give "
        f"{low[row] - excess if excess > 0 else high[row] - excess}"
        for row, excess in zip(clash.rows, clash.excess, strict=True)
    ]
    if not clash.alternatives:
        remedy = "No single figure explains it: these must give way together."
    elif len(where) == 1:
        remedy = "The other figures outvote this one."
    else:
        remedy = "Any one of these may be wrong: nothing outvotes either side."
    return InputError.of(
        "table_ids", required="margins that can hold together",
        got=f"figures that are off by {max(abs(excess) for excess in clash.excess)}",
        where=where, remedy=f"{remedy} Correct the table, or give its microdata a reading.",
    )  # fmt: skip


def _people(
    model: Model,
    tree: JunctionTree,
    domains: Sequence[IntArray],
    tables: Sequence[IntArray],
    bits: np.random.BitGenerator,
) -> IntArray:
    """Expand the tables and match their records within the separators."""
    people = np.zeros((int(tables[0].sum()), len(model.variables)), dtype=np.int64)
    everything = list(range(len(model.variables)))
    known: list[int] = []
    for clique, separator, codes, table in zip(
        tree.cliques, tree.separators, domains, tables, strict=True
    ):
        records = np.repeat(codes, table, axis=0)
        new = [variable for variable in clique if variable not in separator]
        zeros = [
            zero
            for zero in model.zeros
            if model.scope(zero.condition) <= {*known, *clique}
            and model.scope(zero.condition) & {*new}
            and not model.scope(zero.condition) <= set(clique)
        ]
        left, right, allowed = _kinds(model, zeros, known, people, clique, records)
        matched = match_records(
            _mixed(model, separator, everything, people),
            _mixed(model, separator, clique, records),
            bits,
            left_kind=left,
            right_kind=right,
            allowed=allowed,
        )
        if matched.unplaced:
            raise InputError.of(
                "table_ids", required="margins that leave room for the structural zeros",
                got=f"{sum(matched.unplaced.values())} persons who fit nowhere",
                where=[str(dict(zero.condition)) for zero in zeros],
            )  # fmt: skip
        people[:, new] = records[matched.partner][:, [clique.index(v) for v in new]]
        known.extend(new)
    return people


def _kinds(
    model: Model,
    zeros: Sequence[Zero],
    known: Sequence[int],
    people: IntArray,
    clique: Sequence[int],
    records: IntArray,
) -> tuple[IntArray, IntArray, BoolArray]:
    """Kinds of persons and of records as far as the zeros tell them apart, and who may meet.

    A kind says of which zeros the own part is met; the same zero met on both sides is a zero. Only
    kinds that occur are numbered, so that their number does not grow with the zeros alone.
    """
    left = np.zeros((len(people), len(zeros)), dtype=np.int64)
    right = np.zeros((len(records), len(zeros)), dtype=np.int64)
    everything = list(range(len(model.variables)))
    # The last zero stands first: it decides the order of the kinds.
    for place, zero in enumerate(reversed(zeros)):
        parts = {name: model.variables.index(name) for name in zero.condition}
        mine = {name: v for name, v in zero.condition.items() if parts[name] in known}
        theirs = {name: v for name, v in zero.condition.items() if parts[name] not in known}
        left[:, place] = model.meets(mine, everything, people)
        right[:, place] = model.meets(theirs, clique, records)
    if not zeros:
        return left.sum(axis=1), right.sum(axis=1), np.ones((1, 1), dtype=np.bool_)
    left_kinds, left_kind = np.unique(left, axis=0, return_inverse=True)
    right_kinds, right_kind = np.unique(right, axis=0, return_inverse=True)
    if len(left_kinds) * len(right_kinds) > _MOST_PAIRS:
        raise InputError.of(
            "table_ids", required=f"structural zeros that make at most {_MOST_PAIRS} pairs of "
            "kinds of persons", got=f"{len(left_kinds)} times {len(right_kinds)} kinds",
            where=[str(dict(zero.condition)) for zero in zeros],
            remedy="Reconstruct fewer tables at a time, or state fewer zeros.",
        )  # fmt: skip
    return left_kind.ravel(), right_kind.ravel(), left_kinds @ right_kinds.T == 0
