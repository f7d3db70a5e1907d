"""Participants against riket's cells: riket's shares on their mix, or theirs on riket's."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.checks import check_choice, check_level
from evalkit.core.columns import Names
from evalkit.core.results import EffectTable
from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.matching.contamination import without_participants
from evalkit.matching.participant_cells import (
    ParticipantCells,
    WeightsKind,
    check_covered,
    read_participants,
)
from evalkit.matching.reference_table import ReferenceTable, read_reference
from evalkit.matching.standardised_rows import NOT_COMPARABLE, AgainstRiket, Interval, Kind
from evalkit.matching.treatment_sample import MatchingWarning

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Standardised", "standardise"]

_ESTIMANDS = {
    "indirect": "Participants against what riket's cell shares give for the participants' mix",
    "direct": "Participants' cell shares on riket's mix, against riket",
}
_INTERVALS = {
    "strata": "own cells' variance",
    "binomial": "Clopper-Pearson",
    "poisson": "Poisson",
}


@dataclass(frozen=True, eq=False, repr=False)
class Standardised(EffectTable):
    """Standardised shares against riket's, with the cells that they are made of.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes
        As :class:`evalkit.core.results.EffectTable`.
    kind : {"indirect", "direct"}
        Whose mix counts.
    cells : pandas.DataFrame
        Group, strata, ``n``, ``observed``, ``rate``, ``reference_n``, ``reference_rate`` (without
        the participants, if they were removed) and ``expected``; one row for each group and cell.
    """

    kind: Kind = field(kw_only=True)
    cells: pd.DataFrame = field(kw_only=True)

    def plot(self, ax: Axes | None = None, *, lang: Lang = "sv") -> Axes:
        """Draw each group's share with its interval, and a mark for riket's.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        lang : {"sv", "en"}, default "sv"
            Language of words and numbers.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, in percent.
        """
        import pandas as pd

        from evalkit.plots.riket import shares_against_riket

        indirect = self.kind == "indirect"
        own, riket = ("observed", "expected") if indirect else ("rate", "reference_rate")
        names = ["share", "share_low", "share_high"] if indirect else [
            "estimate", "conf_low", "conf_high",
        ]  # fmt: skip
        data = self.data[self.data["term"] == own]
        keys = data.columns[: data.columns.get_loc("term")].tolist()
        everybody = "Alla deltagare" if lang == "sv" else "all participants"
        groups = pd.DataFrame(
            {
                "group": [", ".join(map(str, row)) or everybody for row in data[keys].to_numpy()],
                **{new: data[name].to_numpy() for new, name in
                   zip(("share", "low", "high"), names, strict=True)},
                "n": data["n"].to_numpy(),
                "riket": self.data.loc[self.data["term"] == riket, names[0]].to_numpy(),
            }
        )  # fmt: skip
        mix = "participants" if indirect else "riket"
        return shares_against_riket(groups, {}, mix=mix, ax=ax, lang=lang)


def standardise(
    df: pd.DataFrame,
    *,
    outcome: str,
    reference: pd.DataFrame,
    strata: Names,
    kind: Kind = "indirect",
    n: str | None = None,
    by: Names | None = None,
    includes_participants: bool = False,
    reference_uncertainty: bool = False,
    weights: str | None = None,
    weights_kind: WeightsKind = "case",
    cluster: str | None = None,
    interval: Interval = "strata",
    level: float = 0.95,
) -> Standardised:
    r"""Compare a share among participants with riket's shares in the same cells.

    Indirect standardisation asks what riket's cell shares would give for people like the
    participants: :math:`E = \sum_j n_j r_j` against the observed O. It is about the participants,
    as an effect on the treated is. Direct standardisation asks what the participants' cell
    shares would give for people like riket: :math:`\sum_j N_j p_j / \sum_j N_j`. The two can
    differ in sign.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants: one row a person, or one row of counts if ``n`` is given.
    outcome : str
        1 for success and 0 for none; with ``n`` the number of successes.
    reference : pandas.DataFrame
        Riket as a table: the strata columns, ``rate`` (a share, 0-1) and ``n`` (persons), which
        only indirect standardisation with a known reference does without.
    strata : str or sequence of str
        Columns, in both frames, that make up the cells.
    kind : {"indirect", "direct"}
        Whose mix counts.
    n : str, optional
        Column with the number of persons that a row of counts stands for.
    by : str or sequence of str, optional
        Columns whose groups (such as delprojekt) are compared with riket one by one.
    includes_participants : bool, default False
        Whether riket's table counts the participants too. They are removed then, cell by cell:
        :math:`(N r - n p) / (N - n)`.
    reference_uncertainty : bool, default False
        Whether riket's shares are estimates from its ``n`` persons, rather than known.
    weights : str, optional
        Weights of the participants.
    weights_kind : {"case", "sampling"}
        Whether a weight repeats a person, or makes up for unequal sampling.
    cluster : str, optional
        Column that says which participants belong together (an office, a group).
    interval : {"strata", "binomial", "poisson"}
        How intervals are made: from the variance that the participants' own cell shares give;
        or, for indirect standardisation, by Clopper and Pearson from all participants as one, or
        as if the count were Poisson, as is usual for rare outcomes.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Standardised
        Terms ``observed, expected, ratio, difference`` (indirect: numbers of persons, ``share``
        and its limits per participant) or ``rate, reference_rate, difference, ratio`` (direct:
        shares). ``std_error`` of a ratio is that of its logarithm. ``.cells`` shows the cells.

    Raises
    ------
    evalkit.errors.InputError
        If participants are in levels or cells that riket's table lacks; rates are percentages;
        riket's cells hold fewer people or successes than the participants who are to be removed;
        for direct standardisation, if a cell of riket has no participants.

    Warns
    -----
    MatchingWarning
        If several groups are standardised indirectly: their ratios are not comparable with each
        other.

    Notes
    -----
    The indirect test is exact: under riket's shares the number of successes is a sum of binomial
    counts (Poisson-binomial), and the p-value adds the probabilities of all numbers no more
    probable than the one observed. That distribution is right for the test only: away from a
    ratio of 1 its variance is not that of the participants, and an interval made from it covers
    too seldom. Intervals therefore use the participants' own shares in the cells: Clopper and
    Pearson's, for as many persons as give that variance [1]_; with one cell exactly Clopper and
    Pearson's. Direct standardisation, weights that are not whole, and ``reference_uncertainty``
    are tested by a score test (normal, variance of riket's shares, or of the shares of both
    together where both are estimates). The variance between clusters is that of their sums of
    residuals, with Student's t on one degree of freedom less than clusters: from riket's share of
    the cell and the difference of all (indirect, so that offices in regions of unlike shares do
    not pass for unlike offices), or from the cell's own share (direct; R: ``svystandardize``;
    with only three clusters a cell 95 % intervals held 90 % of the time in simulation).

    Riket's shares are taken as known unless ``reference_uncertainty``; the intervals of ratio
    and difference then join both uncertainties [2]_. Rows with missing values are dropped and
    counted. In R: ``epitools::ageadjust.indirect`` and ``ageadjust.direct`` give the estimates,
    with Poisson variances.

    References
    ----------
    .. [1] Korn EL, Graubard BI (1998). Confidence intervals for proportions with small expected
       number of positive counts estimated from survey data. Survey Methodology 24:193-201.
    .. [2] Newcombe RG (2016). MOVER-R confidence intervals for ratios and products of two
       independently estimated quantities. Stat Methods Med Res 25:1774-1778.

    Examples
    --------
    >>> import pandas as pd
    >>> riket = pd.DataFrame({"age": ["-39", "40-"], "rate": [0.5, 0.4], "n": [3000, 7000]})
    >>> syd = pd.DataFrame({"age": ["-39", "40-"], "onward": [30, 28], "people": [40, 60]})
    >>> found = standardise(syd, outcome="onward", n="people", reference=riket, strata="age")
    >>> found.to_frame()[["term", "estimate"]].round(3).values.tolist()
    [['observed', 58.0], ['expected', 44.0], ['ratio', 1.318], ['difference', 14.0]]
    """
    check_choice("kind", kind, ("indirect", "direct"))
    check_choice("interval", interval, tuple(_INTERVALS))
    level = check_level(level)
    _check_interval(interval, kind, cluster, weights_kind)
    table = read_reference(reference, strata)
    people = read_participants(
        df, table, outcome=outcome, n=n, by=by, weights=weights, weights_kind=weights_kind,
        cluster=cluster,
    )  # fmt: skip
    notes = ["Riket includes the participants: they were removed, cell by cell."]
    if includes_participants:
        if weights_kind == "sampling":
            raise InputError.of(
                "includes_participants", required="False with sampling weights", got="True"
            )
        table = without_participants(table, people)
        if people.n_dropped:
            notes.append("Participants whose rows were dropped are still among riket.")
    else:
        notes = []
    if interval == "poisson":
        notes.append("Poisson intervals are too wide for outcomes that are not rare.")
    if reference_uncertainty:
        table.persons("reference_uncertainty")
    else:
        notes.append("Riket's shares are taken as known.")
    if kind == "direct":
        table.persons("direct standardisation")
        check_covered(table, people.groups, people.n)
    if len(people.groups) > 1 and kind == "indirect":
        warnings.warn(NOT_COMPARABLE, MatchingWarning, stacklevel=2)
        notes.insert(0, NOT_COMPARABLE)
    rows: list[dict[str, object]] = []
    for g, group in enumerate(people.groups):
        keys = dict(zip(people.by, group, strict=True))
        found = AgainstRiket.of(table, people, g, kind, reference_uncertainty, interval, level)
        terms = found.indirect() if kind == "indirect" else found.direct()
        rows += [keys | row | {"n": int(people.n_rows[g])} for row in terms]
    exact = kind == "indirect" and people.whole and not reference_uncertainty
    test = "exact Poisson-binomial test" if exact else "score test"
    how = _INTERVALS[interval]
    if cluster is not None:
        test, how = "t test", "variance between clusters"
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    laid = EffectTable.of(columns, estimand="", method="", level=level, n_used=0)
    return Standardised(
        laid.data,
        _ESTIMANDS[kind],
        f"{kind.capitalize()} standardisation; {test}, {how}",
        level,
        int(people.n_rows.sum()),
        people.n_dropped,
        tuple(notes),
        kind=kind,
        cells=_cell_frame(table, people),
    )


def _check_interval(
    interval: Interval, kind: Kind, cluster: str | None, weights_kind: WeightsKind
) -> None:
    """Refuse intervals that do not go with the rest."""
    if interval == "strata":
        return
    for wrong, what in (
        (kind == "direct", "direct standardisation"),
        (cluster is not None, "clusters"),
        (weights_kind == "sampling", "sampling weights"),
    ):
        if wrong:
            raise InputError.of("interval", required=f"'strata' with {what}", got=repr(interval))


def _cell_frame(table: ReferenceTable, people: ParticipantCells) -> pd.DataFrame:
    """Lay out the cells."""
    import pandas as pd

    size = len(table.cells)
    data: dict[str, object] = {
        name: [group[k] for group in people.groups for _ in range(size)]
        for k, name in enumerate(people.by)
    }
    kept = np.ones(size * len(people.groups), dtype=np.bool_)
    for k, name in enumerate(table.strata):
        levels = [cell[k] for cell in table.cells] * len(people.groups)
        if name in data:  # a stratum that is a group too: of other levels it has nobody
            kept &= [a == b for a, b in zip(levels, cast("list[object]", data[name]), strict=True)]
        data[name] = levels
    n, x = people.n.ravel(), people.successes.ravel()
    rates = np.tile(table.rate, len(people.groups))
    data |= {"n": n, "observed": x, "rate": np.divide(x, n, out=np.full(len(n), np.nan),
             where=n > 0)}  # fmt: skip
    persons = np.full(size, np.nan) if table.n is None else table.n
    data |= {"reference_n": np.tile(persons, len(people.groups)), "reference_rate": rates}
    return pd.DataFrame(data | {"expected": n * rates})[kept].reset_index(drop=True)
