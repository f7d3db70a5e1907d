"""Strata of people who are alike, exactly or coarsened, and the weights that make groups alike.

Matching on strata keeps those strata that have members of both groups. Within them the weights
give the other group the focal group's distribution over strata, or both that of everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "Target",
    "both_groups",
    "combine_codes",
    "equal_cuts",
    "interval_codes",
    "kish_ess",
    "pair_weights",
    "quantile_codes",
    "stratum_weights",
    "sturges",
]

Target: TypeAlias = Literal["ATT", "ATC", "ATE"]
"""Whose distribution the weights aim at: the treated's, the controls', everybody's."""


def sturges(n: int) -> int:
    """Return Sturges's number of bins for n values.

    Parameters
    ----------
    n : int
        Number of values.

    Returns
    -------
    int
        The number of bins. R: ``nclass.Sturges``.

    Examples
    --------
    >>> sturges(614)
    11
    """
    return int(np.ceil(np.log2(max(n, 1)) + 1))


def equal_cuts(values: FloatArray, bins: int) -> FloatArray:
    """Return the inner cut points of bins of one width.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The values.
    bins : int
        Number of bins.

    Returns
    -------
    ndarray of float, shape (bins - 1,)
        The cut points.
    """
    return np.linspace(float(values.min()), float(values.max()), bins + 1)[1:-1]


def interval_codes(values: FloatArray, cuts: FloatArray) -> IntArray:
    """Code values by the interval that they fall into.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The values.
    cuts : ndarray of float, shape (k,)
        Cut points in increasing order; a value at a cut belongs to the interval above it.

    Returns
    -------
    ndarray of int, shape (n,)
        0 below the first cut, up to k. R: ``findInterval``.

    Examples
    --------
    >>> interval_codes(np.array([19.0, 20, 64, 65]), np.array([20.0, 65])).tolist()
    [0, 1, 1, 2]
    """
    return np.searchsorted(cuts, values, "right").astype(np.int64, copy=False)


def combine_codes(columns: Sequence[IntArray]) -> IntArray:
    """Number the combinations of several codes that occur.

    Parameters
    ----------
    columns : sequence of ndarray of int, shape (n,)
        At least one column of codes of at least 0.

    Returns
    -------
    ndarray of int, shape (n,)
        0, 1, ... in the sorted order of the combinations.

    Examples
    --------
    >>> combine_codes([np.array([1, 0, 1]), np.array([5, 7, 5])]).tolist()
    [1, 0, 1]
    """
    codes = np.unique(columns[0], return_inverse=True)[1]
    for column in columns[1:]:
        levels, inverse = np.unique(column, return_inverse=True)
        codes = np.unique(codes * len(levels) + inverse, return_inverse=True)[1]
    return codes.astype(np.int64, copy=False)


def both_groups(codes: IntArray, treated: BoolArray) -> IntArray:
    """Renumber the strata that have members of both groups.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Stratum of each row; -1 for none.
    treated : ndarray of bool, shape (n,)
        The two groups.

    Returns
    -------
    ndarray of int, shape (n,)
        0, 1, ... in the same order; -1 in strata of one group only.
    """
    inside = codes >= 0
    size = int(codes.max(initial=-1)) + 1
    ones = np.bincount(codes[inside & treated], minlength=size)
    zeros = np.bincount(codes[inside & ~treated], minlength=size)
    kept = (ones > 0) & (zeros > 0)
    new = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    return new[codes].astype(np.int64, copy=False)


def quantile_codes(score: FloatArray, treated: BoolArray, bins: int, target: Target) -> IntArray:
    """Cut a score at the quantiles of the group that the estimand is about.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        The score.
    treated : ndarray of bool, shape (n,)
        The two groups.
    bins : int
        Number of subclasses.
    target : {"ATT", "ATC", "ATE"}
        Whose quantiles: the treated's, the controls', everybody's.

    Returns
    -------
    ndarray of int, shape (n,)
        Subclass of each row. One that lacks a group is joined with its lower neighbour, the
        lowest with its upper one. R: ``matchit(method = "subclass")``, which instead moves single
        rows between subclasses.
    """
    whose = {"ATT": treated, "ATC": ~treated, "ATE": np.ones(len(treated), dtype=np.bool_)}[target]
    cuts = np.quantile(score[whose], np.linspace(0, 1, bins + 1)[1:-1])
    codes = interval_codes(score, cuts)
    codes = np.unique(codes, return_inverse=True)[1]
    size = int(codes.max(initial=0)) + 1
    counts = np.stack([
        np.bincount(codes[treated], minlength=size), np.bincount(codes[~treated], minlength=size)
    ])  # fmt: skip
    joined = np.zeros(size, dtype=np.int64)
    current, have = 0, counts[:, 0].copy()
    for k in range(1, size):
        if (have > 0).all() and (counts[:, k] > 0).all():
            current, have = current + 1, counts[:, k].copy()
        else:
            have += counts[:, k]
        joined[k] = current
    return joined[codes].astype(np.int64, copy=False)


def stratum_weights(
    stratum: IntArray, treated: BoolArray, target: Target, weights: FloatArray | None = None
) -> FloatArray:
    r"""Return weights that give both groups one distribution over strata.

    Parameters
    ----------
    stratum : ndarray of int, shape (n,)
        Stratum of each row; -1 for those who are in none, who get 0. Every other stratum has
        members of both groups.
    treated : ndarray of bool, shape (n,)
        The two groups.
    target : {"ATT", "ATC", "ATE"}
        Whose distribution.
    weights : ndarray of float, shape (n,), optional
        Survey weights; the result is multiplied by them.

    Returns
    -------
    ndarray of float, shape (n,)
        With :math:`n_{1s}` treated and :math:`n_{0s}` controls in stratum s: for the ATT 1 for
        treated and :math:`n_{1s} / n_{0s}` for controls, the reverse for the ATC, and
        :math:`n_s / n_{1s}` and :math:`n_s / n_{0s}` for the ATE. The weights of a group that is
        weighted add up to its number of matched rows (its survey weights), as in MatchIt.

    Examples
    --------
    >>> w = stratum_weights(np.zeros(3, dtype=int), np.array([True, False, False]), "ATT")
    >>> w.tolist()
    [1.0, 1.0, 1.0]
    """
    survey = np.ones(len(stratum)) if weights is None else weights
    inside = stratum >= 0
    size = int(stratum.max(initial=-1)) + 1
    out = np.where(inside, survey, 0.0)
    sums = {
        group: np.bincount(stratum[inside & mask], survey[inside & mask], minlength=size)
        for group, mask in ((True, treated), (False, ~treated))
    }
    aim = {"ATT": sums[True], "ATC": sums[False], "ATE": sums[True] + sums[False]}[target]
    for group, mask in ((True, treated), (False, ~treated)):
        if (target == "ATT") == group and target != "ATE":
            continue
        here = inside & mask
        total = float(out[here].sum())
        there = sums[group][stratum[here]]
        out[here] *= aim[stratum[here]] / np.where(there > 0, there, 1.0)
        now = float(out[here].sum())
        if now > 0:
            out[here] *= total / now
    return out


def pair_weights(
    focal: IntArray,
    other: IntArray,
    n_focal: int,
    n_other: int,
    survey: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return the weights of people who were matched in pairs.

    Parameters
    ----------
    focal, other : ndarray of int, shape (m,)
        Members of each pair.
    n_focal, n_other : int
        Sizes of the groups.
    survey : tuple of ndarray of float, shapes (n1,) and (n0,), optional
        Survey weights of the two groups.

    Returns
    -------
    tuple of ndarray of float, shapes (n1,) and (n0,)
        1 for every focal unit in a pair (its survey weight); for a candidate the sum over its
        units of one over the number of their candidates, scaled to add up to the number of
        candidates used, as in MatchIt. With survey weights a unit's weight is divided among its
        candidates in proportion to theirs.

    Examples
    --------
    >>> pair_weights(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, 3)[1].round(4).tolist()
    [0.5, 1.5, 0.0]
    """
    mine = np.zeros(n_focal)
    one, zero = (np.ones(n_focal), np.ones(n_other)) if survey is None else survey
    mine[focal] = one[focal]
    shared = np.bincount(focal, zero[other], minlength=n_focal)
    part = one[focal] * zero[other] / np.where(shared[focal] > 0, shared[focal], 1.0)
    theirs = np.bincount(other, part, minlength=n_other).astype(np.float64, copy=False)
    used = np.zeros(n_other, dtype=np.bool_)
    used[other] = True
    total = float(theirs.sum())
    if total > 0:
        theirs *= float(zero[used].sum()) / total
    return mine, theirs


def kish_ess(weights: FloatArray) -> float:
    """Return the effective sample size of weights: the square of their sum over that of squares.

    Parameters
    ----------
    weights : ndarray of float, shape (n,)
        The weights.

    Returns
    -------
    float
        The size; 0 without weights.

    Examples
    --------
    >>> kish_ess(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
