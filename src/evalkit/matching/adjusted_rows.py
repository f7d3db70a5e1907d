"""Participants against riket with the mix of people allowed for: rows by cells, margins, means."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evalkit.core.columns import Names, as_names, cross, labels
from evalkit.errors import InputError
from evalkit.kernels.numeric import two_sided_p
from evalkit.kernels.standardised_shares import difference_interval, ratio_interval
from evalkit.matching.aggregate_matching import maic
from evalkit.matching.aggregate_targets import Targets
from evalkit.matching.cell_bounds import standardise_bounds
from evalkit.matching.margin_targets import Margins
from evalkit.matching.national_figures import NationalFigure
from evalkit.matching.participant_shares import EVERYBODY
from evalkit.matching.published_rows import ComparisonRow
from evalkit.matching.raking_margins import rake
from evalkit.matching.standardisation import standardise
from evalkit.matching.standardised_rows import Kind
from evalkit.matching.treatment_sample import MatchingWarning
from evalkit.matching.weighted_mean import WeightedParticipants

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RiketCells", "adjusted_rows"]


@dataclass(frozen=True, eq=False)
class RiketCells:
    """Riket as a table.

    Parameters
    ----------
    table : pandas.DataFrame
        The cells.
    strata : str or sequence of str
        Columns that make them up.
    includes_participants, reference_uncertainty : bool
        As for :func:`evalkit.matching.standardise`.
    """

    table: pd.DataFrame
    strata: Names
    includes_participants: bool
    reference_uncertainty: bool

    @property
    def is_bounded(self) -> bool:
        """Whether cells are rounded or suppressed."""
        return "rate" not in self.table.columns


def adjusted_rows(
    df: pd.DataFrame,
    *,
    outcome: str | None,
    n: str | None,
    by: Names | None,
    cells: RiketCells | None,
    margins: Margins | None,
    means: Targets | None,
    figures: Mapping[str, NationalFigure],
    uncertain: bool,
    level: float,
) -> tuple[list[ComparisonRow], list[str], list[str]]:
    """Compare with riket in the ways that allow for who takes part.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants.
    outcome, n, by
        As for :func:`evalkit.matching.compare_to_riket`.
    cells : RiketCells, optional
        Riket as a table.
    margins, means : mapping, optional
        Riket's margins and means.
    figures : mapping of str to NationalFigure
        National figures.
    uncertain : bool
        Whether they are estimates from their n persons.
    level : float
        Confidence level.

    Returns
    -------
    rows : list of ComparisonRow
        The comparisons.
    not_done : list of str
        Those that the data do not allow, and why.
    left_out : list of str
        How many people they leave out whom the published shares count, and why.
    """
    rows: list[ComparisonRow] = []
    not_done: list[str] = []
    left_out: list[str] = []
    if outcome is None:
        return rows, not_done, left_out
    df = _counted(df, outcome, by)
    if cells is not None:
        kinds: tuple[Kind, ...] = ("indirect", "direct")
        for kind in kinds:
            for names in [None] if by is None else [by, None]:
                try:
                    more, dropped = _by_cells(df, outcome, n, names, cells, kind, level)
                except InputError as error:
                    if kind == "indirect":
                        raise
                    if names is None or cells.includes_participants:
                        not_done.append(f"direct, {names or EVERYBODY}: {error}")
                        continue
                    more, refused = _one_by_one(df, outcome, n, names, cells, level)
                    dropped = dict[str, int]()
                    not_done += refused
                rows += more
                if names is None:
                    left_out += _left_out(kind, dropped)
    asked: list[tuple[str, Any]] = [("margins", margins), ("means", means)]
    for kind, targets in asked:
        if targets is None:
            continue
        for group, own in _parts(df, by):
            try:
                found = rake(own, targets) if kind == "margins" else maic(own, targets=targets)
            except InputError as error:
                if group == EVERYBODY:
                    raise
                not_done.append(f"{kind}, {group}: {error}")
                continue
            rows += [
                _against(found, own[outcome], group, kind, label, figure, uncertain, level)
                for label, figure in figures.items()
            ]
            if group == EVERYBODY:
                left_out += _left_out(kind, found.n_dropped)
    return rows, not_done, left_out


def _counted(df: pd.DataFrame, outcome: str, by: Names | None) -> pd.DataFrame:
    """Keep the rows that the published shares count: those with an outcome and a group."""
    kept = df[outcome].notna().to_numpy(dtype=bool).copy()
    for name in as_names(by):
        kept &= labels(df[name]).codes >= 0
    return df.iloc[np.flatnonzero(kept)]


def _left_out(kind: str, dropped: Mapping[str, int]) -> list[str]:
    """Say whom a comparison leaves out."""
    reasons = ", ".join(f"{reason}: {count}" for reason, count in dropped.items() if count)
    return [f"{kind} leaves out {sum(dropped.values())} ({reasons})."] if reasons else []


def _by_cells(
    df: pd.DataFrame,
    outcome: str,
    n: str | None,
    by: Names | None,
    cells: RiketCells,
    kind: Kind,
    level: float,
) -> tuple[list[ComparisonRow], Mapping[str, int]]:
    """Standardise every group; say how many rows were dropped."""
    names = as_names(by)
    if cells.is_bounded:
        for name in ("includes_participants", "reference_uncertainty"):
            if getattr(cells, name):
                raise InputError.of(
                    name, required="False where riket's cells are rounded or suppressed", got="True"
                )
        bounds = standardise_bounds(
            df, outcome=outcome, reference=cells.table, strata=cells.strata, kind=kind, n=n, by=by,
            level=level,
        )  # fmt: skip
        rows = [_bounded(group, own, kind) for group, own in _groups(bounds.data, names)]
        return rows, bounds.n_dropped
    with warnings.catch_warnings():
        # The notes of the comparison say the same of ratios of different groups.
        warnings.simplefilter("ignore", MatchingWarning)
        found = standardise(
            df, outcome=outcome, reference=cells.table, strata=cells.strata, kind=kind, n=n, by=by,
            includes_participants=cells.includes_participants,
            reference_uncertainty=cells.reference_uncertainty, level=level,
        )  # fmt: skip
    exact = kind == "indirect" and not cells.reference_uncertainty
    test = "exact Poisson-binomial test" if exact else "score test"
    assumed = "nothing but the cells decides the outcome"
    if not cells.reference_uncertainty:
        assumed += "; riket's shares are known"
    rows = [
        _standardised(group, own, kind, test, assumed) for group, own in _groups(found.data, names)
    ]
    return rows, found.n_dropped


def _one_by_one(
    df: pd.DataFrame,
    outcome: str,
    n: str | None,
    by: Names,
    cells: RiketCells,
    level: float,
) -> tuple[list[ComparisonRow], list[str]]:
    """Standardise directly the groups that have people in every cell; say which have not."""
    rows: list[ComparisonRow] = []
    refused: list[str] = []
    for group, own in _parts(df, by):
        if group == EVERYBODY:
            continue
        try:
            rows += _by_cells(own, outcome, n, by, cells, "direct", level)[0]
        except InputError as error:
            refused.append(f"direct, {group}: {error}")
    return rows, refused


def _groups(
    data: pd.DataFrame, names: Sequence[str]
) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Give the rows of each group by term."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in cast("list[dict[str, Any]]", data.to_dict("records")):
        group = ", ".join(str(row[name]) for name in names) or EVERYBODY
        found.setdefault(group, {})[str(row["term"])] = row
    yield from found.items()


def _standardised(
    group: str, own: dict[str, dict[str, Any]], kind: Kind, test: str, assumed: str
) -> ComparisonRow:
    """Turn the terms of one group into a row."""
    indirect = kind == "indirect"
    ends = ("share", "share_low", "share_high") if indirect else (
        "estimate", "conf_low", "conf_high"
    )  # fmt: skip
    first, second = ("observed", "expected") if indirect else ("rate", "reference_rate")
    difference, ratio = own["difference"], own["ratio"]
    estimate, low, high = (float(difference[name]) for name in ends)
    riket = float(own[second][ends[0]])
    factor = float(difference["n"]) if indirect else 1.0  # counts, of so many persons
    return ComparisonRow(
        group, kind, "cells",
        (float(own[first][ends[0]]), float(own[first][ends[1]]), float(own[first][ends[2]])),
        (riket, riket, riket), estimate, low, high,
        (float(ratio["estimate"]), float(ratio["conf_low"]), float(ratio["conf_high"])),
        (estimate, estimate), float(difference["std_error"]) / factor,
        float(difference["p_value"]), float(difference["n"]), test, assumed,
    )  # fmt: skip


def _bounded(group: str, own: dict[str, dict[str, Any]], kind: Kind) -> ComparisonRow:
    """Turn the bounds of one group into a row."""
    indirect = kind == "indirect"
    persons = float(own["difference"]["n"]) if indirect else 1.0
    first, second = ("observed", "expected") if indirect else ("rate", "reference_rate")

    def part(term: str, name: str) -> float:
        return float(own[term][name]) / persons

    ends = (part(second, "lower"), part(second, "upper"))
    share = (part(first, "lower") + part(first, "upper")) / 2
    ratio = own["ratio"]
    return ComparisonRow(
        group, kind, "cells", (share, part(first, "conf_low"), part(first, "conf_high")),
        (sum(ends) / 2, *ends), math.nan, part("difference", "conf_low"),
        part("difference", "conf_high"),
        (math.nan, float(ratio["conf_low"]), float(ratio["conf_high"])),
        (part("difference", "lower"), part("difference", "upper")), math.nan, math.nan,
        float(own["difference"]["n"]), "none: interval for all possible tables",
        "nothing but the cells decides the outcome; riket's shares are known within their bounds",
    )  # fmt: skip


def _parts(df: pd.DataFrame, by: Names | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the rows of each group, and all of them."""
    codes, levels = cross([labels(df[name]) for name in as_names(by)], slice(None), single=False)
    if codes is not None:
        for i, level in enumerate(cast("tuple[tuple[object, ...], ...]", levels)):
            yield ", ".join(str(part) for part in level), df.iloc[np.flatnonzero(codes == i)]
    yield EVERYBODY, df


def _against(
    found: WeightedParticipants,
    outcome: pd.Series[Any],
    group: str,
    kind: str,
    label: str,
    figure: NationalFigure,
    uncertain: bool,
    level: float,
) -> ComparisonRow:
    """Compare a weighted share with a national figure."""
    row = cast("dict[str, Any]", found.mean(outcome, level=level).data.iloc[0].to_dict())
    share = (float(row["estimate"]), float(row["conf_low"]), float(row["conf_high"]))
    lowest, highest = figure.bounds
    most, least = (figure.variance(end) if uncertain else 0.0 for end in (highest, lowest))
    low = difference_interval(share, highest, most, level)[0]
    high = difference_interval(share, lowest, least, level)[1]
    nearest = min(max(share[0], lowest), highest)
    own = float(row["std_error"]) ** 2
    error = math.sqrt(own + (figure.variance(nearest) if uncertain else 0.0))
    if lowest < highest and nearest == share[0]:
        p_value = 1.0
    elif not uncertain:
        p_value = float(found.mean(outcome, reference=nearest, level=level).data["p_value"].iloc[2])
    else:
        statistic = (share[0] - nearest) / error if error > 0 else math.nan
        p_value = float(two_sided_p(statistic, float(row["df"])))
    ratio = (math.nan, math.nan, math.nan)
    if lowest > 0:
        ends = (
            ratio_interval(share, highest, most, level)[0],
            ratio_interval(share, lowest, least, level)[1],
        )
        ratio = (share[0] / figure.middle, *ends)
    assumed = ["nothing else decides the outcome"]
    if not uncertain:
        assumed.append("riket's share is known")
    assumed += [note for note in found.notes if note.startswith("Assumed")]
    return ComparisonRow(
        group, kind, label, share, (figure.middle, lowest, highest), share[0] - figure.middle, low,
        high, ratio, (share[0] - highest, share[0] - lowest), error, p_value, float(row["n"]),
        "t test, robust standard error", "; ".join(assumed),
    )  # fmt: skip
