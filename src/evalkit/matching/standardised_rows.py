"""One group of participants against riket's cells: estimates, intervals and tests as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from evalkit.kernels.numeric import two_sided_p
from evalkit.kernels.poisson_binomial import poisson_binomial_test
from evalkit.kernels.standardised_shares import (
    StandardisedShare,
    difference_interval,
    effective_interval,
    poisson_interval,
    ratio_interval,
    standardised_share,
)
from evalkit.matching.participant_cells import ParticipantCells
from evalkit.matching.reference_table import ReferenceTable
from evalkit.typing import FloatArray

__all__ = ["NOT_COMPARABLE", "AgainstRiket", "Interval", "Kind"]

NOT_COMPARABLE = (
    "Ratios of different groups, indirectly standardised, are not comparable with each other: each "
    'is for its own mix. Compare groups with kind="direct".'
)
"""What is said wherever several groups are standardised indirectly."""

Kind: TypeAlias = Literal["indirect", "direct"]
"""Whose mix of cells counts: the participants' (indirect) or riket's (direct)."""

Interval: TypeAlias = Literal["strata", "binomial", "poisson"]
"""How intervals are made; see :func:`evalkit.matching.standardise`."""


@dataclass(frozen=True, eq=False)
class AgainstRiket:
    """One group against riket.

    Parameters
    ----------
    persons : float
        Participants, weighted.
    own : StandardisedShare
        The group's share.
    reference, variance : float
        Riket's share, and its variance, 0 if it is known.
    p_value, statistic : float
        The test that they are the same; an exact test has no statistic.
    level : float
        Confidence level.
    """

    persons: float
    own: StandardisedShare
    reference: float
    variance: float
    p_value: float
    statistic: float
    level: float

    @classmethod
    def of(
        cls,
        table: ReferenceTable,
        people: ParticipantCells,
        group: int,
        kind: Kind,
        uncertain: bool,
        interval: Interval,
        level: float,
    ) -> AgainstRiket:
        """Compute everything of one group.

        Parameters
        ----------
        table : ReferenceTable
            Riket, without the participants.
        people : ParticipantCells
            The participants.
        group : int
            Which group.
        kind : {"indirect", "direct"}
            Whose mix counts.
        uncertain : bool
            Whether riket's shares are estimates.
        interval : {"strata", "binomial", "poisson"}
            How intervals are made.
        level : float
            Confidence level.

        Returns
        -------
        AgainstRiket
            The comparison.
        """
        n, x, size = people.n[group], people.successes[group], people.size[group]
        persons = float(n.sum())
        weight = n / persons
        if kind == "direct":
            riket = table.persons("direct standardisation")
            weight = riket / riket.sum()
        share = np.divide(x, n, out=np.zeros_like(n), where=n > 0)
        sums = None
        if people.cluster is not None:
            sums = _cluster_sums(people, group, share, table.rate, n, weight, kind)
        own = standardised_share(
            share, size, weight, level, residual_sums=sums,
            at_least=persons if kind == "indirect" and people.whole and sums is None else 0.0,
        )  # fmt: skip
        own = _as_one(own, persons, interval, level)
        reference, variance = float(weight @ table.rate), 0.0
        null, parts = table.rate, np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        if uncertain:
            riket = table.persons("reference_uncertainty")
            variance = float(weight**2 @ (table.rate * (1 - table.rate) / riket))
            # Where both are estimates the shares that are the same in both are best estimated
            # from both.
            null = (size * share + riket * table.rate) / (size + riket)
            parts = parts + 1 / riket
        spread = float(weight**2 @ (null * (1 - null) * parts))
        if sums is not None:
            spread = own.variance + variance
        apart = own.share - reference
        statistic = _ratio(apart, np.sqrt(spread))
        if kind == "indirect" and people.whole and not uncertain and sums is None:
            counts, count = n.astype(np.int64), round(float(x.sum()))
            p_value, statistic = poisson_binomial_test(count, counts, table.rate), np.nan
        elif spread == 0 and sums is None:  # all 0 or 1: nothing else can be
            p_value = float(abs(apart) < 1e-12)
        else:
            p_value = float(two_sided_p(statistic, own.df))
        return cls(persons, own, reference, variance, p_value, statistic, level)

    def difference(self) -> dict[str, object]:
        """Return the row of the difference of shares."""
        share = (self.own.share, self.own.low, self.own.high)
        low, high = difference_interval(share, self.reference, self.variance, self.level)
        error = float(np.sqrt(self.own.variance + self.variance))
        return self._row("difference", share[0] - self.reference, low, high, error, tested=True)

    def ratio(self) -> dict[str, object]:
        """Return the row of the ratio, whose standard error is that of its logarithm."""
        share = (self.own.share, self.own.low, self.own.high)
        if self.reference == 0:
            return self._row("ratio", np.nan, np.nan, np.nan, np.nan, tested=True)
        low, high = ratio_interval(share, self.reference, self.variance, self.level)
        squares = _ratio(self.own.variance, share[0] ** 2) + self.variance / self.reference**2
        return self._row("ratio", share[0] / self.reference, low, high,
                         float(np.sqrt(squares)), tested=True)  # fmt: skip

    def indirect(self) -> list[dict[str, object]]:
        """Return observed, expected, ratio and difference, the counts with shares beside them."""
        share, low, high = self.own.share, self.own.low, self.own.high
        error = float(np.sqrt(self.variance)) if self.variance else np.nan
        rows = [
            self._row("observed", share, low, high, float(np.sqrt(self.own.variance))),
            self._row("expected", self.reference, np.nan, np.nan, error),
            self.ratio() | {"share": np.nan, "share_low": np.nan, "share_high": np.nan},
            self.difference(),
        ]
        for i in (0, 1, 3):
            row = rows[i]
            names = {"estimate": "share", "conf_low": "share_low", "conf_high": "share_high"}
            per_person = {new: row[name] for name, new in names.items()}
            counts = {name: _times(self.persons, row[name]) for name in (*names, "std_error")}
            rows[i] = row | counts | per_person | {"scale": "difference" if i == 3 else "count"}
        return rows

    def direct(self) -> list[dict[str, object]]:
        """Return both shares, their difference and their ratio."""
        share, low, high = self.own.share, self.own.low, self.own.high
        error = float(np.sqrt(self.variance)) if self.variance else np.nan
        return [
            self._row("rate", share, low, high, float(np.sqrt(self.own.variance))),
            self._row("reference_rate", self.reference, np.nan, np.nan, error),
            self.difference(),
            self.ratio(),
        ]

    def _row(
        self, term: str, estimate: float, low: float, high: float, error: float,
        *, tested: bool = False,
    ) -> dict[str, object]:  # fmt: skip
        """Lay out one row."""
        return {
            "term": term,
            "contrast": "participants / riket" if term == "ratio" else
            "participants - riket" if term == "difference" else "",
            "estimate": float(estimate),
            "std_error": error,
            "statistic": float(self.statistic) if tested else np.nan,
            "df": self.own.df if tested and np.isfinite(self.own.df) else np.nan,
            "p_value": self.p_value if tested else np.nan,
            "conf_low": float(low),
            "conf_high": float(high),
            "scale": term if term in ("ratio", "difference") else "share",
        }  # fmt: skip


def _cluster_sums(
    people: ParticipantCells,
    group: int,
    share: FloatArray,
    rate: FloatArray,
    n: FloatArray,
    weight: FloatArray,
    kind: Kind,
) -> FloatArray:
    """Return what each cluster of a group adds to the share.

    Indirect: a person's residual is from riket's share of the cell plus the difference of all.
    Where clusters lie in one cell each, as offices do in regions, one from the group's own share
    would take the mix for differences between clusters.
    """
    assert people.cluster is not None  # asked for
    groups, cells, y, w = people.rows
    own = groups == group
    cell = cells[own]
    middle = share if kind == "direct" else rate + float(weight @ (share - rate))
    each = w[own] * (y[own] - middle[cell]) * (weight / np.where(n > 0, n, 1.0))[cell]
    codes = np.unique(people.cluster[own], return_inverse=True)[1].ravel()
    return np.bincount(codes, each).astype(np.float64, copy=False)


def _as_one(
    own: StandardisedShare, persons: float, interval: Interval, level: float
) -> StandardisedShare:
    """Take all participants as one stratum, or as a Poisson count, if the interval asks for it."""
    if interval == "strata":
        return own
    if interval == "binomial":
        variance = own.share * (1 - own.share) / persons
        return StandardisedShare(
            own.share, variance, own.df, *effective_interval(own.share, persons, level)
        )
    low, high = poisson_interval(persons * own.share, level)
    return StandardisedShare(own.share, own.share / persons, own.df, low / persons, high / persons)


def _ratio(value: float, over: float) -> float:
    """Divide; NaN where there is nothing to divide by."""
    return float(value / over) if over > 0 else float("nan")


def _times(factor: float, value: object) -> float:
    """Multiply a cell of a row."""
    return factor * value if isinstance(value, float) else float("nan")
