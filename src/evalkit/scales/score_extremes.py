"""Floor and ceiling: how many people a scale cannot tell apart at its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.checks import check_level, check_share
from evalkit.core.columns import check_known, numbers, refuse_rows
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.proportions import wilson

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["floor_ceiling"]


def floor_ceiling(
    df: pd.DataFrame,
    score: str,
    *,
    low: float,
    high: float,
    threshold: float = 0.15,
    level: float = 0.95,
) -> EffectTable:
    """Estimate the shares of people with the lowest and the highest possible score.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person. It is not changed.
    score : str
        Column with the score.
    low, high : float
        Lowest and highest score that the scale allows, not those that were seen.
    threshold : float, default 0.15
        Share above which the note speaks of a floor or ceiling effect [1]_.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    EffectTable
        Terms ``floor`` and ``ceiling`` with Wilson intervals, and ``count``.

    Raises
    ------
    evalkit.errors.InputError
        If the column does not exist, a score lies outside the range, or nobody has a score.

    Notes
    -----
    Rows without a score are dropped and counted. R: ``mean(x == low)`` and ``prop.test``.

    References
    ----------
    .. [1] Terwee CB, Bot SDM, de Boer MR, and others (2007). Quality criteria were proposed for
       measurement properties of health status questionnaires. J Clin Epidemiol 60:34-42.
       doi:10.1016/j.jclinepi.2006.03.012

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"who5": [0, 0, 24, 52, 76, 100, None]})
    >>> floor_ceiling(scores, "who5", low=0, high=100).to_frame()["estimate"].round(3).tolist()
    [0.333, 0.167]
    """
    level, threshold = check_level(level), check_share("threshold", threshold)
    check_known(df, score=score)
    if not low < high:
        raise InputError.of("low", required="below high", got=f"{low:g} and {high:g}")
    values = numbers(df, score, "score")
    there = ~np.isnan(values)
    outside = there & ((values < low) | (values > high))
    refuse_rows(df, outside, "score", score, f"from {low:g} to {high:g}", values)
    n = int(there.sum())
    if n == 0:
        raise InputError.of("score", required="a column with scores", got="none")
    counts = np.array([int((values == end).sum()) for end in (low, high)])
    found = wilson(counts, n, level)
    notes = [
        f"{name.capitalize()} effect: more than {100 * threshold:g} % have the {word} score."
        for name, word, share in zip(
            ("floor", "ceiling"), ("lowest", "highest"), found.estimate, strict=True
        )
        if share > threshold
    ]
    return EffectTable.of(
        {
            "term": ["floor", "ceiling"],
            "estimate": found.estimate,
            "conf_low": found.low,
            "conf_high": found.high,
            "n": n,
            "count": counts,
        },
        estimand=f"Share with {score} at {low:g}, and at {high:g}",
        method="Wilson score interval",
        level=level,
        n_used=n,
        n_dropped={} if there.all() else {f"{score} missing": int((~there).sum())},
        notes=notes,
    )
