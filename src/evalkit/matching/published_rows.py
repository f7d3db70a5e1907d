"""Shares of participants against national figures as they stand: rows with exact tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.numeric import two_sided_p
from evalkit.kernels.poisson_binomial import poisson_binomial_test
from evalkit.kernels.standardised_shares import (
    difference_interval,
    effective_interval,
    ratio_interval,
)
from evalkit.matching.national_figures import NationalFigure
from evalkit.matching.participant_shares import GroupShare

__all__ = ["ComparisonRow", "against_figure"]

_MANY = 200  # possible numbers of successes beyond which only some are looked at


@dataclass(frozen=True)
class ComparisonRow:
    """One comparison of one group with riket.

    Parameters
    ----------
    group, comparison, figure : str
        Who is compared, how, and with which figure.
    share : tuple of float
        The participants' share and its limits, as this comparison takes it.
    riket : tuple of float
        Riket's share and its bounds, as this comparison takes it.
    estimate, low, high : float
        Difference of shares and its limits.
    ratio : tuple of float
        Ratio of shares and its limits.
    bounds : tuple of float
        Least and greatest difference that rounding or suppression allow; both the estimate where
        nothing is rounded.
    std_error, p_value : float
        Of the difference.
    n : float
        Participants; NaN if unknown.
    test : str
        Which test.
    assumed : str
        What was assumed.
    """

    group: str
    comparison: str
    figure: str
    share: tuple[float, float, float]
    riket: tuple[float, float, float]
    estimate: float
    low: float
    high: float
    ratio: tuple[float, float, float]
    bounds: tuple[float, float]
    std_error: float
    p_value: float
    n: float
    test: str
    assumed: str


def against_figure(
    group: GroupShare, label: str, figure: NationalFigure, *, uncertain: bool, level: float
) -> ComparisonRow:
    """Compare a share with a national figure.

    Parameters
    ----------
    group : GroupShare
        The participants.
    label : str
        Name of the figure.
    figure : NationalFigure
        Riket.
    uncertain : bool
        Whether the figure is an estimate from its n persons.
    level : float
        Confidence level.

    Returns
    -------
    ComparisonRow
        The comparison. Where several numbers of successes, or figures within bounds, are
        possible, the interval holds for all of them and the p-value is the largest.
    """
    lowest, highest = figure.bounds
    least, greatest = group.bounds
    estimate = group.share - figure.middle
    bounds = (least - highest, greatest - lowest)
    assumed = ["who takes part makes no difference"]
    if group.n is None:
        return ComparisonRow(
            group.group, "as published", label, (group.share, math.nan, math.nan),
            (figure.middle, lowest, highest), estimate, math.nan, math.nan,
            (_over(group.share, figure.middle), math.nan, math.nan), bounds, math.nan, math.nan,
            math.nan, "none: number of participants unknown", "; ".join(assumed),
        )  # fmt: skip
    counts: Sequence[int] = range(group.least, group.greatest + 1)
    if len(counts) > _MANY:  # the ends, and those nearest to riket's share
        near = {math.floor(lowest * group.n), math.ceil(highest * group.n)}
        counts = [group.least, group.greatest]
        counts += [min(max(x, group.least), group.greatest) for x in near]
    ends = [effective_interval(x / group.n, group.n, level) for x in (group.least, group.greatest)]
    low = difference_interval(
        (least, ends[0][0], ends[0][1]), highest, _spread(figure, highest, uncertain), level
    )[0]
    high = difference_interval(
        (greatest, ends[1][0], ends[1][1]), lowest, _spread(figure, lowest, uncertain), level
    )[1]
    p_value = max(_p_value(x, group.n, figure, uncertain) for x in counts)
    variance = group.share * (1 - group.share) / group.n + _spread(figure, figure.middle, uncertain)
    ratio = (_over(group.share, figure.middle), math.nan, math.nan)
    if lowest > 0:
        share = (least, *ends[0]), (greatest, *ends[1])
        ratio = (
            ratio[0],
            ratio_interval(share[0], highest, _spread(figure, highest, uncertain), level)[0],
            ratio_interval(share[1], lowest, _spread(figure, lowest, uncertain), level)[1],
        )
    if group.least < group.greatest:
        assumed.append(f"successes {group.least}-{group.greatest}, as the rounded share allows")
    if not uncertain:
        assumed.append("riket's share is known")
    return ComparisonRow(
        group.group, "as published", label, (group.share, ends[0][0], ends[1][1]),
        (figure.middle, lowest, highest), estimate, low, high, ratio, bounds,
        math.sqrt(variance), p_value, group.n,
        "score test of two shares" if uncertain else "exact binomial test", "; ".join(assumed),
    )  # fmt: skip


def _spread(figure: NationalFigure, share: float, uncertain: bool) -> float:
    """Return the variance of riket's share."""
    return figure.variance(share) if uncertain else 0.0


def _p_value(x: int, n: int, figure: NationalFigure, uncertain: bool) -> float:
    """Return the largest p-value over the figures that are possible."""
    lowest, highest = figure.bounds
    nearest = min(max(x / n, lowest), highest)
    if uncertain and figure.n is not None:
        pooled = (x + figure.n * nearest) / (n + figure.n)
        error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / figure.n))
        return float(two_sided_p((x / n - nearest) / error)) if error > 0 else 1.0
    if lowest < highest and nearest == x / n:
        return 1.0
    return poisson_binomial_test(x, np.array([n]), np.array([nearest]))


def _over(value: float, by: float) -> float:
    """Divide; NaN where there is nothing to divide by."""
    return value / by if by > 0 else math.nan
