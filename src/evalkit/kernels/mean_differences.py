r"""Differences in means that assume nothing of the variances: Welch's, and by stratum.

References
----------
.. [1] Welch BL (1947). The generalization of 'Student's' problem when several different
   population variances are involved. Biometrika 34:28-35. doi:10.1093/biomet/34.1-2.28
.. [2] Pashley NE, Miratrix LW (2021). Insights on variance estimation for blocked and matched
   pairs designs. J Educ Behav Stat 46:271-296. doi:10.3102/1076998620946272
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["CellMoments", "MeanDifference", "cell_moments", "stratified_difference", "welch"]

_ROUNDING = 4 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class CellMoments:
    """Numbers, means and variances by cell; arrays of shape (cells,).

    Attributes
    ----------
    n : ndarray of float
        Sum of the case weights.
    mean : ndarray of float
        Mean; NaN without rows.
    variance : ndarray of float
        Sum of squares over n - 1; NaN for n <= 1.
    """

    n: FloatArray
    mean: FloatArray
    variance: FloatArray

    def reshape(self, *shape: int) -> CellMoments:
        """Return the same cells in another shape.

        Parameters
        ----------
        *shape : int
            The shape.

        Returns
        -------
        CellMoments
            The cells.
        """
        return CellMoments(
            self.n.reshape(shape), self.mean.reshape(shape), self.variance.reshape(shape)
        )


@dataclass(frozen=True, eq=False)
class MeanDifference:
    """Differences in means with what they rest on; arrays of shape (contrasts,).

    Attributes
    ----------
    estimate, std_error, df : ndarray of float
        Differences, standard errors and Satterthwaite's degrees of freedom.
    pooled : ndarray of bool, shape (strata,)
        Strata whose variance comes from the spread between strata, because an arm has one person
        in them. If the standard error is then NaN, they are too few or too unequal.
    """

    estimate: FloatArray
    std_error: FloatArray
    df: FloatArray
    pooled: BoolArray


def cell_moments(
    y: FloatArray, cell: IntArray, n_cells: int, weights: FloatArray | None = None
) -> CellMoments:
    """Compute numbers, means and variances by cell in two passes.

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        Values.
    cell : ndarray of int, shape (n,)
        Codes from 0 to ``n_cells - 1``.
    n_cells : int
        Number of cells.
    weights : ndarray of float, shape (n,), optional
        Case weights.

    Returns
    -------
    CellMoments
        The moments; cells without rows have NaN.
    """
    n = np.bincount(cell, weights=weights, minlength=n_cells).astype(np.float64)
    values = y if weights is None else y * weights
    there = np.where(n > 0, n, np.nan)
    mean = np.bincount(cell, weights=values, minlength=n_cells) / there
    off = y - mean[cell]
    # A second pass takes rounding out of the mean, so that equal values have no variance at all.
    mean += np.bincount(cell, weights=off if weights is None else off * weights,
                        minlength=n_cells) / there  # fmt: skip
    off = y - mean[cell]
    off[np.abs(off) <= _ROUNDING * np.abs(mean[cell])] = 0.0
    squares = off**2 if weights is None else off**2 * weights
    left = np.where(n > 1, n - 1, np.nan)
    return CellMoments(n, mean, np.bincount(cell, weights=squares, minlength=n_cells) / left)


def welch(arms: CellMoments) -> MeanDifference:
    r"""Compare every other arm with the first, each with its own variance.

    .. math:: \nu = \frac{(s_1^2/n_1 + s_0^2/n_0)^2}
        {(s_1^2/n_1)^2/(n_1-1) + (s_0^2/n_0)^2/(n_0-1)}

    Parameters
    ----------
    arms : CellMoments, shape (arms,)
        The arms, the control arm first.

    Returns
    -------
    MeanDifference
        One contrast for each other arm. R: ``t.test(y ~ arm)``.
    """
    parts = arms.variance / arms.n
    squares = parts**2 / (arms.n - 1)
    total, below = parts[1:] + parts[0], squares[1:] + squares[0]
    return MeanDifference(
        arms.mean[1:] - arms.mean[0], np.sqrt(total), _ratio(total**2, below), np.empty(0, np.bool_)
    )


def stratified_difference(cells: CellMoments) -> MeanDifference:
    r"""Average the strata's differences by stratum size.

    The estimate is :math:`\sum_s (n_s/n)(\bar y_{1s} - \bar y_{0s})`, an average effect in the
    trial's persons; its variance is :math:`\sum_s (n_s/n)^2 (s_{1s}^2/n_{1s} + s_{0s}^2/n_{0s})`.
    Where an arm has a single person in a stratum, as in every stratum of a paired trial, no
    variance can be had within: those strata together get the variance of Pashley and Miratrix
    [2]_ from the spread of their differences,

    .. math:: \sum_j c_j (\hat\tau_j - \hat\tau)^2, \qquad
        c_j = \frac{n_j^2}{(m - 2n_j)(m + \sum_i n_i^2/(m - 2n_i))}

    with m their number of persons, which is the usual variance of paired differences for pairs
    and otherwise too large if effects differ between strata.

    Parameters
    ----------
    cells : CellMoments, shape (strata, arms)
        The cells, the control arm first. An arm is compared in the strata that have it and the
        control arm.

    Returns
    -------
    MeanDifference
        One contrast for each other arm.
    """
    n_arms = cells.n.shape[1]
    size = cells.n.sum(axis=1)
    estimate, error, df = (np.full(n_arms - 1, np.nan) for _ in range(3))
    pooled = np.zeros(len(size), dtype=np.bool_)
    for arm in range(1, n_arms):
        pair = [arm, 0]
        used = (cells.n[:, pair] > 0).all(axis=1)
        weight = size[used] / size[used].sum()
        difference = cells.mean[used, arm] - cells.mean[used, 0]
        estimate[arm - 1] = weight @ difference
        n, variance = cells.n[used][:, pair], cells.variance[used][:, pair]
        within = (n > 1).all(axis=1)
        parts = weight[within, None] ** 2 * variance[within] / n[within]
        total, below = parts.sum(), (parts**2 / (n[within] - 1)).sum()
        if not within.all():
            pooled[np.flatnonzero(used)[~within]] = True
            part = _between(difference[~within], size[used][~within])
            part *= weight[~within].sum() ** 2
            total, below = total + part, below + part**2 / max((~within).sum() - 1, 1)
        error[arm - 1] = np.sqrt(total)
        df[arm - 1] = _ratio(np.array([total**2]), np.array([below]))[0]
    return MeanDifference(estimate, error, df, pooled)


def _between(difference: FloatArray, size: FloatArray) -> float:
    """Return the variance of the strata's weighted mean difference from their spread."""
    total = size.sum()
    mean = float(size @ difference / total)
    count = len(size)
    if count >= 2 and np.ptp(size) == 0:
        return float(((difference - mean) ** 2).sum() / (count * (count - 1)))
    rest = total - 2 * size
    if (rest <= 0).any():
        return float("nan")
    shares = size**2 / rest
    return float((shares * (difference - mean) ** 2).sum() / (total + shares.sum()))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; NaN where there is no spread."""
    there = below > 0
    return np.where(there, above / np.where(there, below, 1.0), np.nan)
