"""Concordance of a Cox model's predicted risks with the order of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evalkit.core.sample import Sample
from evalkit.kernels.concordance import Concordance, concordance
from evalkit.kernels.cox import CoxFit
from evalkit.survival.cox_input import Clusters
from evalkit.typing import IntArray

__all__ = ["model_concordance"]


def model_concordance(fit: CoxFit, sample: Sample, clusters: Sequence[Clusters]) -> Concordance:
    """Compare the linear predictors of a fit with the order of events.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    sample : Sample
        Its rows.
    clusters : sequence of Clusters
        None, one or two ways in which rows are dependent.

    Returns
    -------
    Concordance
        The pairs. With two ways of clustering the variance is the sum of both less that of their
        cells, and its root NaN where that is negative.
    """
    rows = fit.risk.rows  # others are at risk at no event, and comparable with nobody
    score = fit.coefficients @ fit.data.x
    if fit.data.offset is not None:
        score = score + fit.data.offset

    def pairs(codes: IntArray | None) -> Concordance:
        return concordance(
            sample.time[rows],
            sample.event[rows],
            score,
            entry=None if sample.entry is None else sample.entry[rows],
            strata=None if sample.strata is None else sample.strata[rows],
            weights=fit.risk.weights,
            cluster=None if codes is None else codes[rows],
        )

    if len(clusters) < 2:
        return pairs(clusters[0].codes if clusters else None)
    one, two = clusters
    cells = np.unique(one.codes * two.count + two.codes, return_inverse=True)[1]
    first, second, both = (pairs(codes) for codes in (one.codes, two.codes, cells))
    variance = first.std_error**2 + second.std_error**2 - both.std_error**2
    return replace(first, std_error=float(np.sqrt(variance)) if variance >= 0 else np.nan)
