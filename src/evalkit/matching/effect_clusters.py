"""Rows that belong together, for variances that add up what they contribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.columns import check_known, labels
from evalkit.errors import InputError
from evalkit.matching.contrast_tables import Sums
from evalkit.typing import BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["broken_pairs", "check_compared", "cluster_codes", "cluster_sums"]


def broken_pairs(lost: int) -> list[str]:
    """Say what follows where some of the matched lack what is needed.

    Parameters
    ----------
    lost : int
        How many do.

    Returns
    -------
    list of str
        A sentence; none if nobody does.
    """
    if not lost:
        return []
    note = f"{lost} of the matched lack a value; their partners count as before: "
    return [f"{note}the groups may be less alike than the balance table shows."]


def check_compared(compared: object) -> None:
    """Check that something is a comparison.

    Parameters
    ----------
    compared : object
        What is to be a Weighted or Matched.

    Raises
    ------
    evalkit.errors.InputError
        If it is not.
    """
    from evalkit.matching.matched_result import Matched
    from evalkit.matching.weighted_result import Weighted

    if not isinstance(compared, Weighted | Matched):
        raise InputError.of(
            "compared",
            required="the result of match() or weight()",
            got=f"a {type(compared).__name__}",
        )


def cluster_codes(frame: pd.DataFrame, cluster: str) -> IntArray:
    """Code a column of clusters; a row without one is a cluster of its own.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows.
    cluster : str
        The column.

    Returns
    -------
    ndarray of int, shape (n,)
        The codes.

    Raises
    ------
    evalkit.errors.InputError
        If the column does not exist, or all rows are in one cluster.
    """
    check_known(frame, cluster=cluster)
    codes = labels(frame[cluster], ordered=False).codes.astype(np.int64)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(len(alone))
    if (codes == codes[0]).all():
        raise InputError.of(
            "cluster", required=f"a column with at least two clusters ({cluster!r})", got="one"
        )
    return codes


def cluster_sums(cluster: IntArray | None, used: BoolArray, n_coefficients: int) -> Sums | None:
    """Return the clusters among the rows used, with the factor that sandwich and Stata use.

    Parameters
    ----------
    cluster : ndarray of int, shape (n,), or None
        The clusters.
    used : ndarray of bool, shape (n,)
        Rows with an outcome and a weight.
    n_coefficients : int
        Coefficients that were estimated.

    Returns
    -------
    Sums or None
        The clusters; None without any. A single one shows no variance: its factor is NaN.
    """
    if cluster is None:
        return None
    found = np.unique(cluster[used])
    # Rows that are not used move the weights, and with them the estimate: with their cluster.
    codes: IntArray = np.minimum(np.searchsorted(found, cluster), len(found) - 1)
    codes = np.where(found[codes] == cluster, codes, -1)
    n, n_clusters = int(used.sum()), len(found)
    if n_clusters < 2:
        return Sums(codes, n_clusters, float("nan"))
    factor = n_clusters / (n_clusters - 1) * (n - 1) / max(n - n_coefficients, 1)
    return Sums(codes, n_clusters, factor)
