"""Standardisation by tables whose cells are rounded or suppressed: what is possible, as bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names, as_names, check_known, numbers
from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.errors import InputError
from evalkit.kernels.standardised_shares import effective_interval, standardised_share
from evalkit.matching.cell_texts import count_intervals
from evalkit.matching.national_figures import share_bounds
from evalkit.matching.participant_cells import check_covered, read_participants
from evalkit.matching.reference_table import (
    ReferenceTable,
    cell_names,
    check_frame,
    read_reference,
)
from evalkit.matching.standardised_rows import NOT_COMPARABLE, Kind
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StandardisedBounds", "standardise_bounds"]

Pair = tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class StandardisedBounds:
    """What a standardised comparison can be, given what the tables leave open.

    Parameters
    ----------
    data : pandas.DataFrame
        Group, ``term, contrast, lower, upper, conf_low, conf_high, n, scale``: the bounds of the
        estimate, and an interval that holds whichever of the possible tables is true.
    kind : {"indirect", "direct"}
        Whose mix counts.
    level : float
        Confidence level.
    n_used : int
        Participants.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        What the bounds rest on.
    """

    data: pd.DataFrame
    kind: Kind
    level: float
    n_used: int
    n_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the bounds.

        Returns
        -------
        pandas.DataFrame
            One row for each group and term.
        """
        return self.data.copy()

    def _head(self) -> list[str]:
        """Say what was done."""
        return [
            f"Bounds of the {self.kind}ly standardised comparison with riket's cells",
            f"{100 * self.level:g} % intervals that hold for every table that is possible",
            sample_line(self.n_used, self.n_dropped),
        ]

    def __repr__(self) -> str:
        """Show the bounds in at most fifteen lines of plain text."""
        return text_block(self._head(), self.data, self.notes)

    def _repr_html_(self) -> str:
        """Show the bounds in a notebook."""
        return html_table(self._head(), self.data, self.notes)


def standardise_bounds(
    df: pd.DataFrame,
    *,
    outcome: str,
    reference: pd.DataFrame,
    strata: Names,
    kind: Kind = "indirect",
    n: str | None = None,
    by: Names | None = None,
    rounding: float | None = None,
    overall: float | tuple[float, float] | None = None,
    suppressed_from: int = 0,
    level: float = 0.95,
) -> StandardisedBounds:
    r"""Bound a standardised comparison where cells are rounded or suppressed.

    What can still be said when riket's table is in whole percent, or shows "<5" in small cells?
    Every cell lies in an interval, and so do the standardised results; what holds at both ends
    holds whatever is behind the table.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants: one row a person, or rows of counts if ``n`` is given.
    outcome : str
        1 for success and 0 for none; with ``n`` the number of successes, where ``"<5"`` stands
        for a suppressed one.
    reference : pandas.DataFrame
        Riket: the strata columns and one of ``rate_low`` and ``rate_high``; ``rate`` with
        ``rounding``; or ``count``, in which ``"<5"`` is a suppressed number, with ``n``.
    strata : str or sequence of str
        Columns, in both frames, that make up the cells.
    kind : {"indirect", "direct"}
        Whose mix counts; direct needs ``n`` in riket's table.
    n : str, optional
        Column of ``df`` with the number of persons that a row of counts stands for.
    by : str or sequence of str, optional
        Columns whose groups are compared with riket one by one.
    rounding : float, optional
        What riket's ``rate`` is rounded to: 0.01 for whole percent, so that 0.44 stands for
        0.435 to 0.445.
    overall : float or tuple of float, optional
        Riket's share over all its cells together, or its bounds, which narrow what is suppressed;
        needs ``n`` in riket's table.
    suppressed_from : int, default 0
        Smallest number that a suppressed cell can hold: 1 if zeros are shown.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    StandardisedBounds
        Terms as of :func:`standardise`, with ``lower`` and ``upper`` instead of an estimate.

    Raises
    ------
    evalkit.errors.InputError
        If the table has none or several of the three forms, or ``overall`` is out of reach.

    Notes
    -----
    Interval arithmetic: the expected number lies between :math:`\sum n_j r_j^{low}` and
    :math:`\sum n_j r_j^{high}`, or with ``overall`` between the ends of a linear programme, and
    the ratio between the observed number's least over the greatest expected, and the reverse.
    Confidence limits of the participants' share are Clopper and Pearson's (indirect), or those
    of :func:`standardise` at the lowest and the highest possible cells (direct); riket's shares
    are taken as known within their bounds.

    Examples
    --------
    >>> import pandas as pd
    >>> riket = pd.DataFrame({"age": ["-39", "40-"], "rate": [0.50, 0.40]})
    >>> syd = pd.DataFrame({"age": ["-39", "40-"], "onward": [30, 28], "people": [40, 60]})
    >>> found = standardise_bounds(
    ...     syd, outcome="onward", n="people", reference=riket, strata="age", rounding=0.01
    ... )
    >>> found.to_frame()[["term", "lower", "upper"]].round(3).values.tolist()[1:3]
    [['expected', 43.5, 44.5], ['ratio', 1.303, 1.333]]
    """
    check_choice("kind", kind, ("indirect", "direct"))
    level = check_level(level)
    check_frame("reference", reference)
    for name, value in (("rounding", rounding), ("suppressed_from", suppressed_from)):
        if value is not None and not isinstance(cast("object", value), (int, float)):
            raise InputError.of(name, required="a number", got=repr(value))
    total = None if overall is None else share_bounds("overall", overall)
    if suppressed_from < 0:
        raise InputError.of("suppressed_from", required="at least 0", got=suppressed_from)
    if suppressed_from and n is None and "count" not in reference.columns:
        raise InputError.of(
            "suppressed_from", required="0 where no table has counts", got=suppressed_from
        )
    table, low, high = _read_bounds(reference, strata, rounding, suppressed_from)
    people = _read_people(df, table, outcome, n, by, suppressed_from)
    weight = table.n / table.n.sum() if kind == "direct" and table.n is not None else None
    if kind == "direct":
        table.persons("direct standardisation")
        check_covered(table, people.groups, people.n)
    rows: list[dict[str, object]] = []
    for g, group in enumerate(people.groups):
        persons = people.n[g]
        mix = persons / persons.sum() if weight is None else weight
        riket = _reference_bounds(table, low, high, mix, total)
        share, limits = _share_bounds(persons, people.low[g], people.high[g], mix, level, kind)
        factor = float(persons.sum()) if kind == "indirect" else 1.0
        keys = dict(zip(people.by, group, strict=True)) | {"n": int(persons.sum())}
        rows += [keys | row for row in _terms(share, limits, riket, factor, kind)]
    import pandas as pd

    names = [*people.by, "term", "contrast", "lower", "upper", "conf_low", "conf_high", "n",
             "scale"]  # fmt: skip
    notes = ["Riket's shares are taken as known within their bounds."]
    if len(people.groups) > 1 and kind == "indirect":
        notes.insert(0, NOT_COMPARABLE)
    if total is not None:
        notes.append(f"Riket's share over all cells lies in {total[0]:g} to {total[1]:g}.")
    return StandardisedBounds(
        pd.DataFrame({name: [row[name] for row in rows] for name in names}),
        kind,
        level,
        int(people.n.sum()),
        people.n_dropped,
        tuple(notes),
    )


def _read_bounds(
    reference: pd.DataFrame, strata: Names, rounding: float | None, suppressed_from: int
) -> tuple[ReferenceTable, FloatArray, FloatArray]:
    """Return riket's cells with the bounds of their shares."""
    columns: set[object] = set(reference.columns)
    forms = [
        name for name, own in (
            ("rate_low and rate_high", {"rate_low", "rate_high"}), ("rate", {"rate"}),
            ("count", {"count"}),
        ) if own <= columns
    ]  # fmt: skip
    if len(forms) != 1:
        raise InputError.of(
            "reference", required="a table with rate_low and rate_high, or rate, or count",
            got="one with " + (" and ".join(forms) or "none of them"),
        )  # fmt: skip
    if (forms[0] == "rate") != (rounding is not None):
        raise InputError.of(
            "rounding", required="given where riket has one 'rate', and only there",
            got=repr(rounding),
        )  # fmt: skip
    if forms[0] == "rate":
        assert rounding is not None  # checked above
        if not 0 < rounding < 1:
            raise InputError.of(
                "rounding", required="between 0 and 1", got=repr(rounding),
                remedy="Shares in whole per cent are rounded to 0.01.",
            )  # fmt: skip
        table = read_reference(reference, strata)
        half = rounding / 2
        return table, np.maximum(table.rate - half, 0), np.minimum(table.rate + half, 1)
    if forms[0] == "count":
        if "n" not in columns:
            raise InputError.of("reference", required="a table with 'n' beside 'count'", got="none")
        whole = numbers(reference, "n", "reference")
        ends = count_intervals(reference, "count", whole, "reference", suppressed_from)
        low, high = (end / np.where(whole > 0, whole, 1.0) for end in ends)
    else:
        low, high = (numbers(reference, name, "reference") for name in ("rate_low", "rate_high"))
    tables = [read_reference(reference.assign(rate=values), strata) for values in (low, high)]
    reverse = low > high
    if reverse.any():
        raise InputError.of(
            "reference",
            required="a table in which rate_low is at most rate_high",
            got=f"{int(reverse.sum())} cells in which it is not",
            where=[
                cell_names(tables[0].strata, cell)
                for cell, bad in zip(tables[0].cells, reverse, strict=True)
                if bad
            ],
        )
    return tables[0], low, high


@dataclass(frozen=True, eq=False)
class _People:
    """Participants by group and cell, with the bounds of their successes; arrays (G, J)."""

    by: tuple[str, ...]
    groups: tuple[tuple[object, ...], ...]
    n: FloatArray
    low: FloatArray
    high: FloatArray
    n_dropped: dict[str, int]


def _read_people(
    df: pd.DataFrame,
    table: ReferenceTable,
    outcome: str,
    n: str | None,
    by: Names | None,
    suppressed_from: int,
) -> _People:
    """Count the participants; suppressed numbers become bounds."""
    if n is None:
        found = read_participants(df, table, outcome=outcome, by=by)
        return _People(found.by, found.groups, found.n, found.successes, found.successes,
                       dict(found.n_dropped))  # fmt: skip
    check_known(df, outcome=outcome, n=n, by=as_names(by))
    persons = numbers(df, n, "n")
    ends = count_intervals(df, outcome, persons, "outcome", suppressed_from)
    one, other = (
        read_participants(df.assign(**{outcome: end}), table, outcome=outcome, n=n, by=by)
        for end in ends
    )
    return _People(one.by, one.groups, one.n, one.successes, other.successes, dict(one.n_dropped))


def _reference_bounds(
    table: ReferenceTable,
    low: FloatArray,
    high: FloatArray,
    mix: FloatArray,
    overall: Pair | None,
) -> Pair:
    """Return the least and the greatest of riket's standardised share."""
    if overall is None:
        return float(mix @ low), float(mix @ high)
    persons = table.persons("overall")
    share = persons / persons.sum()
    possible = float(share @ low), float(share @ high)
    if not (overall[0] <= possible[1] + 1e-12 and possible[0] - 1e-12 <= overall[1]):
        raise InputError.of(
            "overall",
            required=f"bounds that meet what the cells allow, {possible[0]:.4f} to "
            f"{possible[1]:.4f}",
            got=f"{overall[0]:g} to {overall[1]:g}",
        )
    from scipy import optimize

    solve = cast("Any", optimize).linprog
    rows = np.stack([share, -share])
    limits = [overall[1] + 1e-12, -overall[0] + 1e-12]
    box = list(zip(low.tolist(), high.tolist(), strict=True))
    least, greatest = (
        float(solve(sign * mix, A_ub=rows, b_ub=limits, bounds=box, method="highs").fun) * sign
        for sign in (1, -1)
    )
    return least, greatest


def _share_bounds(
    n: FloatArray, low: FloatArray, high: FloatArray, mix: FloatArray, level: float, kind: Kind
) -> tuple[Pair, Pair]:
    """Return the bounds of the participants' share, and confidence limits at these."""
    rates = [np.divide(x, n, out=np.zeros_like(n), where=n > 0) for x in (low, high)]
    share = float(mix @ rates[0]), float(mix @ rates[1])
    if kind == "indirect":
        persons = float(n.sum())
        ends = [effective_interval(one, persons, level) for one in share]
    else:
        found = [standardised_share(rate, n, mix, level) for rate in rates]
        ends = [(one.low, one.high) for one in found]
    return share, (min(ends[0][0], ends[1][0]), max(ends[0][1], ends[1][1]))


def _terms(
    share: Pair, limits: Pair, riket: Pair, factor: float, kind: Kind
) -> Sequence[dict[str, object]]:
    """Lay out the rows of one group."""

    def over(value: float, by: float) -> float:
        return value / by if by > 0 else float("inf") if value > 0 else float("nan")

    def row(term: str, ends: Pair, conf: Pair, scale: str) -> dict[str, object]:
        signs = {"ratio": "participants / riket", "difference": "participants - riket"}
        return {
            "term": term, "contrast": signs.get(term, ""), "lower": ends[0], "upper": ends[1],
            "conf_low": conf[0], "conf_high": conf[1], "scale": scale,
        }  # fmt: skip

    def times(pair: Pair) -> Pair:
        return factor * pair[0], factor * pair[1]

    def minus(pair: Pair) -> Pair:
        return times((pair[0] - riket[1], pair[1] - riket[0]))

    def ratio(pair: Pair) -> Pair:
        return over(pair[0], riket[1]), over(pair[1], riket[0])

    indirect = kind == "indirect"
    unit = "count" if indirect else "share"
    unknown = (float("nan"), float("nan"))
    first = row("observed" if indirect else "rate", times(share), times(limits), unit)
    second = row("expected" if indirect else "reference_rate", times(riket), unknown, unit)
    rates = row("ratio", ratio(share), ratio(limits), "ratio")
    apart = row("difference", minus(share), minus(limits), "difference")
    return [first, second, rates, apart] if indirect else [first, second, apart, rates]
