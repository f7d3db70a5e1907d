"""The methods that compare two proportions: their names, and the one call that all go through."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.core.checks import check_successes
from evalkit.errors import InputError
from evalkit.kernels.agresti_caffo import agresti_caffo
from evalkit.kernels.conditional_exact import conditional_odds_ratio
from evalkit.kernels.numeric import floats
from evalkit.kernels.proportion_differences import ProportionDifference, newcombe, score_difference
from evalkit.kernels.proportion_ratios import ProportionRatio, score_odds_ratio, score_ratio
from evalkit.kernels.unconditional_exact import LARGEST_TABLES, exact_difference, exact_ratio
from evalkit.typing import FloatArray, IntArray

__all__ = [
    "Comparison",
    "Groups",
    "compare_proportions",
    "methods_of",
    "read_groups",
    "refuse_large_groups",
]

Comparison: TypeAlias = ProportionDifference | ProportionRatio
"""Estimates, standard errors, limits and tests; both kinds have the same fields."""

_SCORE = "Miettinen-Nurminen score interval and score test"
_UNCONDITIONAL = {
    "exact": "Exact unconditional interval and test, ordered by the score",
    "mid-p": "Mid-p unconditional interval and test, ordered by the score",
}
_DIFFERENCES = {
    "miettinen-nurminen": _SCORE,
    "mee": "Mee score interval and score test",
    "newcombe": "Newcombe hybrid score interval (no test)",
    "agresti-caffo": "Agresti-Caffo interval (no test)",
    **_UNCONDITIONAL,
}
_RATIOS = {
    "miettinen-nurminen": _SCORE,
    "koopman": "Koopman score interval and score test",
    **_UNCONDITIONAL,
}
_ODDS_RATIOS = {
    "miettinen-nurminen": _SCORE,
    "cornfield": "Cornfield score interval and score test",
    "exact": "Conditional maximum likelihood, exact central interval and test",
    "mid-p": "Conditional maximum likelihood, mid-p interval and test",
}


class Groups(NamedTuple):
    """Successes and persons of two groups, one position for each comparison.

    Attributes
    ----------
    x1, n1, x0, n0 : ndarray of int, shape (k,)
        Successes and persons in the arm, and in the control group.
    n_used : int
        Persons in all; a control group that every comparison shares counts once.
    """

    x1: IntArray
    n1: IntArray
    x0: IntArray
    n0: IntArray
    n_used: int


def methods_of(measure: str) -> dict[str, str]:
    """Return what each method of a measure is called, the default first.

    Parameters
    ----------
    measure : {"risk_difference", "nnt", "risk_ratio", "odds_ratio"}
        The measure; numbers needed to treat have the methods of differences.

    Returns
    -------
    dict of str to str
        The methods, in words.
    """
    return {"risk_ratio": _RATIOS, "odds_ratio": _ODDS_RATIOS}.get(measure, _DIFFERENCES)


def read_groups(
    x1: npt.ArrayLike, n1: npt.ArrayLike, x0: npt.ArrayLike, n0: npt.ArrayLike
) -> Groups:
    """Check counts that a caller gave, and bring them to one length.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and persons of the two groups.

    Returns
    -------
    Groups
        The counts.

    Raises
    ------
    evalkit.errors.InputError
        If a count is not whole, negative or larger than its group, a group is empty, or lengths
        differ.
    """
    one, total1 = check_successes(x1, n1, names=("x1", "n1"))
    zero, total0 = check_successes(x0, n0, names=("x0", "n0"))
    if len(one) != len(zero) and 1 not in (len(one), len(zero)):
        raise InputError.of("x0", required=f"as long as x1 ({len(one)})", got=f"{len(zero)} values")
    n_used = int(total1.sum() + total0.sum())
    same = np.broadcast_arrays(one, total1, zero, total0)
    return Groups(same[0], same[1], same[2], same[3], n_used)


def refuse_large_groups(argument: str, measure: str, n1: npt.ArrayLike, n0: npt.ArrayLike) -> None:
    """Refuse an exact method where there are too many tables to go through.

    Parameters
    ----------
    argument : str
        The argument that asked for the method, for the message.
    measure : str
        The measure; the exact method of odds ratios has no limit.
    n1, n0 : array_like
        Persons in the groups.

    Raises
    ------
    evalkit.errors.InputError
        If any comparison has more possible tables than ``LARGEST_TABLES``.
    """
    tables = (np.asarray(n1, dtype=np.float64) + 1) * (np.asarray(n0, dtype=np.float64) + 1)
    if measure != "odds_ratio" and (tables > LARGEST_TABLES).any():
        raise InputError.of(
            argument,
            required=f"an approximate method beyond {LARGEST_TABLES} possible tables",
            got=f"an exact one with {tables.max():.0f}",
            remedy="'miettinen-nurminen' is as good as exact in groups of this size.",
        )


def compare_proportions(
    measure: str, method: str, counts: tuple[npt.ArrayLike, ...], level: float
) -> Comparison:
    """Compare two proportions by the method named.

    Parameters
    ----------
    measure : {"risk_difference", "nnt", "risk_ratio", "odds_ratio"}
        The measure; "nnt" gives the difference.
    method : str
        One of :func:`methods_of` the measure.
    counts : tuple of array_like, shape (k,) each
        x1, n1, x0 and n0; whole numbers for the exact methods, checked by
        :func:`refuse_large_groups`.
    level : float
        Confidence level.

    Returns
    -------
    ProportionDifference or ProportionRatio
        One position for each comparison.
    """
    x1, n1, x0, n0 = counts
    exact, mid_p = method in ("exact", "mid-p"), method == "mid-p"
    if measure == "odds_ratio":
        if exact:
            return conditional_odds_ratio(x1, n1, x0, n0, level, mid_p=mid_p)
        return score_odds_ratio(x1, n1, x0, n0, level, corrected=method != "cornfield")
    if measure == "risk_ratio":
        ratio = score_ratio(x1, n1, x0, n0, level, corrected=method != "koopman")
        if not exact:
            return ratio
        return ProportionRatio(
            ratio.estimate, ratio.std_error, *_exact(measure, counts, level, mid_p=mid_p)
        )
    if method == "newcombe":
        return newcombe(x1, n1, x0, n0, level)
    if method == "agresti-caffo":
        return agresti_caffo(x1, n1, x0, n0, level)
    difference = score_difference(x1, n1, x0, n0, level, corrected=method != "mee")
    if not exact:
        return difference
    return ProportionDifference(
        difference.estimate, difference.std_error, *_exact(measure, counts, level, mid_p=mid_p)
    )


def _exact(
    measure: str, counts: tuple[npt.ArrayLike, ...], level: float, *, mid_p: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return lower limits, upper limits, no statistics, and p-values."""
    function = exact_ratio if measure == "risk_ratio" else exact_difference
    x1, n1, x0, n0 = (np.rint(count).astype(np.int64) for count in floats(*counts))
    found = [
        function(int(a), int(b), int(c), int(d), level, mid_p=mid_p)
        for a, b, c, d in zip(x1.flat, n1.flat, x0.flat, n0.flat, strict=True)
    ]
    low = np.array([one.low for one in found]).reshape(x1.shape)
    high = np.array([one.high for one in found]).reshape(x1.shape)
    p_value = np.array([one.p_value for one in found]).reshape(x1.shape)
    return low, high, np.full(x1.shape, np.nan), p_value
