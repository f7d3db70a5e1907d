"""From what each row adds to estimates to their covariance, by the units that are independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.core.sample import Sample
from evalkit.kernels.numeric import add_by
from evalkit.survival.cox_input import Clusters
from evalkit.typing import FloatArray, IntArray

__all__ = ["Ways", "covariance", "degrees_of_freedom"]


@dataclass(frozen=True, slots=True)
class Ways:
    """How rows add up to independent units.

    Attributes
    ----------
    codes : tuple of ndarray of int, shape (n,)
        Clusters of the rows: none, one or two ways.
    divisor : ndarray of float, shape (n,), or None
        Square roots of case weights. A row of case weight w stands for w independent rows: what it
        adds, w times what one of them adds, is then divided by the root of w.
    df : float
        Degrees of freedom of intervals: the clusters less one (of the way that has fewer), infinite
        without clusters.
    """

    codes: tuple[IntArray, ...]
    divisor: FloatArray | None
    df: float = float("inf")

    @classmethod
    def of(cls, sample: Sample, clusters: Sequence[Clusters]) -> Ways:
        """Read them off a sample and its clusters.

        Parameters
        ----------
        sample : Sample
            The rows.
        clusters : sequence of Clusters
            None, one or two ways in which rows are dependent.

        Returns
        -------
        Ways
            The units.
        """
        weights = sample.weights
        if weights is None or clusters or sample.weights_kind == "sampling":
            return cls(tuple(one.codes for one in clusters), None, degrees_of_freedom(clusters))
        return cls((), np.sqrt(weights))


def degrees_of_freedom(clusters: Sequence[Clusters]) -> float:
    """Return the degrees of freedom that clusters leave to intervals and tests.

    Parameters
    ----------
    clusters : sequence of Clusters
        None, one or two ways in which rows are dependent.

    Returns
    -------
    float
        The clusters less one, of the way that has fewer; infinite without clusters.
    """
    return min((one.df for one in clusters), default=float("inf"))


def covariance(added: FloatArray, ways: Ways) -> FloatArray:
    """Sum the products of what independent units add.

    Parameters
    ----------
    added : ndarray of float, shape (n, m)
        What each row adds to m estimates, weights included.
    ways : Ways
        The units.

    Returns
    -------
    ndarray of float, shape (m, m)
        The covariance: with two ways of clustering, the sum of both less that of their cells.
    """
    if ways.divisor is not None:
        added = np.divide(
            added, ways.divisor[:, None], out=np.zeros_like(added), where=ways.divisor[:, None] > 0
        )
    total = np.zeros((added.shape[1], added.shape[1]))
    for codes in ways.codes or (None,):
        sums = add_by(codes, added)
        total += sums.T @ sums
    if len(ways.codes) == 2:
        one, two = ways.codes
        cells = np.unique(one * (int(two.max()) + 1) + two, return_inverse=True)[1]
        sums = add_by(cells, added)
        total -= sums.T @ sums
    return total
