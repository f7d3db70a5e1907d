"""The rows of a table of agreement: overall, of two categories, and of each of several."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evalkit.kernels.frechet_bounds import margin_bounds
from evalkit.kernels.kappa import Kappa
from evalkit.kernels.numeric import two_sided_p
from evalkit.kernels.paired_shares import tango
from evalkit.kernels.proportions import wilson
from evalkit.typing import FloatArray

__all__ = ["category_rows", "overall_rows", "two_by_two_rows"]

_NAN = math.nan


def _row(
    term: str,
    estimate: float,
    n: float,
    *,
    low: float = _NAN,
    high: float = _NAN,
    error: float = _NAN,
    statistic: float = _NAN,
    category: object = "",
    contrast: str = "",
) -> dict[str, object]:
    """Lay out one row."""
    p_value = float(two_sided_p(statistic)) if statistic == statistic else _NAN
    return {
        "category": category, "term": term, "contrast": contrast, "estimate": estimate,
        "std_error": error, "statistic": statistic, "p_value": p_value,
        "conf_low": low, "conf_high": high, "n": int(n),
    }  # fmt: skip


def _share(
    term: str, x: float, n: float, level: float, *, category: object = ""
) -> dict[str, object]:
    """Lay out a share with Wilson's interval; of nobody there is none."""
    if n == 0:
        return _row(term, _NAN, 0, category=category)
    found = wilson(x, n, level)
    return _row(term, float(found.estimate), n, low=float(found.low), high=float(found.high),
                category=category)  # fmt: skip


def _difference(
    counts: FloatArray, place: int, contrast: str, level: float, category: object
) -> dict[str, object]:
    """Lay out the difference of the two shares of one category."""
    b = float(counts[place].sum() - counts[place, place])
    c = float(counts[:, place].sum() - counts[place, place])
    n = float(counts.sum())
    found = tango(b, c, n, level)
    statistic = (b - c) / math.sqrt(b + c) if b + c > 0 else _NAN
    return _row(
        "marginal_difference", float(found.estimate), n, low=float(found.low),
        high=float(found.high), error=float(found.std_error), statistic=statistic,
        category=category, contrast=contrast,
    )  # fmt: skip


def overall_rows(
    counts: FloatArray, found: Kappa, near: str, level: float
) -> list[dict[str, object]]:
    """Lay out what concerns all categories together.

    Parameters
    ----------
    counts : ndarray of float, shape (k, k)
        People.
    found : Kappa
        Kappa.
    near : str
        Whether near misses count; then neither the largest kappa nor PABAK is given.
    level : float
        Confidence level.

    Returns
    -------
    list of dict
        The rows.
    """
    n = float(counts.sum())
    rows = [
        _share("observed_agreement", float(np.trace(counts)), n, level)
        if near == "none"
        else _row("observed_agreement", found.observed, n),
        _row("expected_agreement", found.expected, n),
        _row("kappa", found.estimate, n, low=found.low, high=found.high, error=found.std_error),
    ]
    if near == "none":
        k = len(counts)
        agreeing = wilson(float(np.trace(counts)), n, level)
        estimate, low, high = (
            (k * float(one) - 1) / (k - 1)
            for one in (agreeing.estimate, agreeing.low, agreeing.high)
        )
        largest = margin_bounds(counts.sum(axis=1), counts.sum(axis=0)).kappa[1]
        rows += [_row("kappa_max", largest, n), _row("pabak", estimate, n, low=low, high=high)]
    return rows


def two_by_two_rows(counts: FloatArray, contrast: str, level: float) -> list[dict[str, object]]:
    """Lay out what concerns two categories, the second of them positive.

    Parameters
    ----------
    counts : ndarray of float, shape (2, 2)
        People.
    contrast : str
        Words for the first measurement minus the second.
    level : float
        Confidence level.

    Returns
    -------
    list of dict
        The rows.
    """
    n = float(counts.sum())
    neither, only_b, only_a, both = (float(one) for one in counts.ravel())
    apart = only_a + only_b
    alike = [
        _row(term, 2 * x / (2 * x + apart) if x + apart > 0 else _NAN, n)
        for term, x in (("positive_agreement", both), ("negative_agreement", neither))
    ]
    return [
        _row("prevalence_index", (both - neither) / n, n),
        _row("bias_index", (only_a - only_b) / n, n),
        *alike,
        _share("share_a", both + only_a, n, level),
        _share("share_b", both + only_b, n, level),
        _difference(counts, 1, contrast, level, ""),
        _share("sensitivity", both, both + only_b, level),
        _share("specificity", neither, neither + only_a, level),
        _share("ppv", both, both + only_a, level),
        _share("npv", neither, neither + only_b, level),
    ]


def category_rows(
    counts: FloatArray, categories: Sequence[object], contrast: str, level: float
) -> list[dict[str, object]]:
    """Lay out each of several categories against all others.

    Parameters
    ----------
    counts : ndarray of float, shape (k, k)
        People.
    categories : sequence
        The categories.
    contrast : str
        Words for the first measurement minus the second.
    level : float
        Confidence level.

    Returns
    -------
    list of dict
        The rows.
    """
    n = float(counts.sum())
    rows: list[dict[str, object]] = []
    for i, category in enumerate(categories):
        by_a, by_b, both = (
            float(one) for one in (counts[i].sum(), counts[:, i].sum(), counts[i, i])
        )
        rows += [
            _share("share_a", by_a, n, level, category=category),
            _share("share_b", by_b, n, level, category=category),
            _difference(counts, i, contrast, level, category),
            _share("sensitivity", both, by_b, level, category=category),
            _share("ppv", both, by_a, level, category=category),
        ]
    return rows
