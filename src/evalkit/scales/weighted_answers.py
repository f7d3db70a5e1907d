"""Shares and means of survey answers with raked weights, beside those without."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import labels, numbers, plain, refuse_rows
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.numeric import critical_value
from evalkit.kernels.raked_means import effective_number, raked_mean, raked_share_limits
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["successes", "weighted_table"]

_ONLY = "Weights remove differences in the margins, and what goes with them, and no others."


def successes(
    df: pd.DataFrame, answer: str, success: Collection[object] | None, used: BoolArray
) -> FloatArray:
    """Return 1 for answers that count, and 0 for others.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    answer : str
        Column with the answer.
    success : collection or None
        Answers that count; None where they are 1, or True.
    used : ndarray of bool, shape (n,)
        Rows that matter.

    Returns
    -------
    ndarray of float, shape (n,)
        The answers; NaN may stand in rows that do not matter.

    Raises
    ------
    evalkit.errors.InputError
        If an answer is neither 0 nor 1, or none of `success` occurs.
    """
    if success is None:
        y = numbers(df, answer, "answer")
        refuse_rows(df, used & (y != 0) & (y != 1), "answer", answer, "0 or 1", y,
                    remedy="Name the answers that count in success=.")  # fmt: skip
        return y
    if isinstance(success, str):
        raise InputError.of("success", required="a collection of answers", got=repr(success),
                            remedy="Put it in a list.")  # fmt: skip
    wanted = {plain(one) for one in success}
    levels = labels(df[answer]).levels
    if not wanted & {*levels}:
        raise InputError.of(
            "success", required=f"answers that occur in {answer!r}",
            got=", ".join(repr(one) for one in wanted) or "none",
            remedy=f"Answers: {', '.join(repr(one) for one in levels[:10])}.",
        )  # fmt: skip
    return df[answer].isin(list(success)).to_numpy().astype(np.float64)


def weighted_table(
    y: FloatArray,
    weights: FloatArray,
    start: FloatArray,
    margins: Sequence[tuple[IntArray, int]],
    population: float,
    column: str,
    answered: BoolArray,
    level: float,
    *,
    is_share: bool,
) -> EffectTable:
    """Estimate a share or a mean with raked weights and without.

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        Answers of all respondents; NaN where there is none.
    weights, start : ndarray of float, shape (n,)
        Weights after and before raking.
    margins : sequence of tuple
        Level of each respondent, and number of levels, of each margin.
    population : float
        People in the population; NaN if not known.
    column : str
        Name of the answer.
    answered : ndarray of bool, shape (n,)
        Who has answered the question, two or more.
    level : float
        Confidence level.
    is_share : bool
        Whether answers are 0 and 1.

    Returns
    -------
    EffectTable
        Terms ``weighted`` and ``unweighted``.
    """
    n = int(answered.sum())
    people = math.inf if math.isnan(population) else max(population, float(n))
    codes, sizes = [code for code, _ in margins], [size for _, size in margins]
    alike, one_level = np.ones(n), np.zeros(n, dtype=np.int64)
    found = [
        raked_mean(y, weights, start, codes, sizes, people, answered),
        raked_mean(y[answered], alike, alike, [one_level], [1], people),
    ]
    if is_share:
        ends = [
            raked_share_limits(one, effective_number(used), 1 - n / people, level)
            for one, used in zip(found, (weights[answered], alike), strict=True)
        ]
    else:
        half = [critical_value(level, n - 1) * one.std_error for one in found]
        ends = [
            (one.estimate - width, one.estimate + width)
            for one, width in zip(found, half, strict=True)
        ]
    finite = "" if math.isinf(people) else f", {people:g} people in all"
    return EffectTable.of(
        {
            "term": ["weighted", "unweighted"],
            "estimate": [one.estimate for one in found],
            "std_error": [one.std_error for one in found],
            "df": math.nan if is_share else float(n - 1),
            "conf_low": [low for low, _ in ends],
            "conf_high": [high for _, high in ends],
            "n": n,
        },
        estimand=f"{'Share' if is_share else 'Mean'} of {column} in the population",
        method=f"Raked weights, linearised variance{finite}; {'Wilson' if is_share else 't'}",
        level=level,
        n_used=n,
        n_dropped={} if answered.all() else {f"{column} missing": int((~answered).sum())},
        notes=[_ONLY],
    )
