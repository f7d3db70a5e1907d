r"""Concordance of a risk score with the order of events, and its standard error, in O(n log n).

A pair is comparable if one of the two has an event while the other is at risk and has not its
event at the same time; it is concordant if the one with the event has the higher score, and counts
half if the scores are equal. Which scores are how much lower is asked of a wavelet matrix: the
scores' ranks in order of time, split by one bit after the other, so that every question about a
window of time is answered for all rows at once by prefix sums.

References
----------
.. [1] Therneau TM, Watson DA (2015). The concordance statistic and the Cox model.
   Mayo Clinic, Department of Health Science Research, Technical Report 85.
.. [2] Claude F, Navarro G, Ordonez A (2015). The wavelet matrix: an efficient wavelet tree for
   large alphabets. Inf Syst 47:15-32. doi:10.1016/j.is.2014.06.002
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.kernels.time_index import index_times
from evalkit.typing import FloatArray, IntArray

__all__ = ["Concordance", "concordance", "ranks", "window_sums"]

_SAME = 1e-12  # of the scores' range: rounding errors of equal scores


@dataclass(frozen=True, slots=True)
class Concordance:
    """Pairs by how they compare, as sums of the product of their weights.

    Attributes
    ----------
    estimate : float
        Share of the comparable pairs that are concordant, equal scores counting half; NaN if
        there are none.
    std_error : float
        Its standard error, by the infinitesimal jackknife.
    concordant, discordant, tied_score : float
        Comparable pairs.
    """

    estimate: float
    std_error: float
    concordant: float
    discordant: float
    tied_score: float


def ranks(score: FloatArray) -> tuple[IntArray, int]:
    """Rank scores densely from 0, those that differ by a rounding error alike.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        The scores.

    Returns
    -------
    tuple of (ndarray of int, shape (n,), and int)
        The ranks, and how many different ones there are.
    """
    if len(score) == 0:
        return np.zeros(0, dtype=np.int64), 0
    order = np.argsort(score)
    ordered = score[order]
    new = np.diff(ordered, prepend=ordered[0]) > _SAME * (ordered[-1] - ordered[0])
    out = np.empty(len(score), dtype=np.int64)
    out[order] = np.cumsum(new)
    return out, int(new.sum()) + 1


def window_sums(
    rank: IntArray,
    weight: FloatArray | None,
    n_ranks: int,
    asked: IntArray,
    low: IntArray,
    high: IntArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum the weights of lower, equal and higher ranks within windows of a sequence.

    Parameters
    ----------
    rank : ndarray of int, shape (m,)
        The sequence.
    weight : ndarray of float, shape (m,), or None
        Weights; None counts.
    n_ranks : int
        All ranks are below it.
    asked : ndarray of int, shape (q,)
        What to compare with, one rank for each window.
    low, high : ndarray of int, shape (q,)
        The windows: positions from ``low`` up to, not including, ``high``.

    Returns
    -------
    tuple of three ndarrays of float, shape (q,)
        Sums of the lower, the equal and the higher ranks.

    Examples
    --------
    >>> one = np.array([2]), np.array([1]), np.array([4])
    >>> [s.item() for s in window_sums(np.array([0, 3, 2, 1]), None, 4, *one)]
    [1.0, 1.0, 1.0]
    """
    high = np.maximum(low, high)
    below = np.zeros(len(asked))
    if weight is None:
        everything = (high - low).astype(np.float64)
    else:
        prefix = np.concatenate([[0.0], np.cumsum(weight)])
        everything = prefix[high] - prefix[low]
    current, carried = rank, weight
    left, right = low, high
    zeros = np.zeros(len(rank) + 1, dtype=np.int64)
    for bit in range(max(n_ranks - 1, 0).bit_length() - 1, -1, -1):
        upper = (current >> bit & 1).astype(np.bool_)
        np.cumsum(~upper, out=zeros[1:])
        wants = (asked >> bit & 1).astype(np.bool_)
        zero_left, zero_right = zeros[left], zeros[right]
        if carried is None:
            below += np.where(wants, zero_right - zero_left, 0)
        else:
            prefix = np.concatenate([[0.0], np.cumsum(np.where(upper, 0.0, carried))])
            below += np.where(wants, prefix[right] - prefix[left], 0.0)
        n_zeros = int(zeros[-1])
        left = np.where(wants, n_zeros + left - zero_left, zero_left)
        right = np.where(wants, n_zeros + right - zero_right, zero_right)
        order = np.concatenate([np.flatnonzero(~upper), np.flatnonzero(upper)])
        current = current[order]
        carried = None if carried is None else carried[order]
    if carried is None:
        equal = (right - left).astype(np.float64)
    else:
        prefix = np.concatenate([[0.0], np.cumsum(carried)])
        equal = prefix[right] - prefix[left]
    return below, equal, everything - below - equal


def concordance(
    time: FloatArray,
    event: IntArray,
    score: FloatArray,
    *,
    entry: FloatArray | None = None,
    strata: IntArray | None = None,
    weights: FloatArray | None = None,
    cluster: IntArray | None = None,
) -> Concordance:
    """Compare a risk score with the order of events.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Exit times.
    event : ndarray of int, shape (n,)
        1 for an event at the exit.
    score : ndarray of float, shape (n,)
        Higher for those who are expected to have the event sooner.
    entry : ndarray of float, shape (n,), optional
        Entry times.
    strata : ndarray of int, shape (n,), optional
        Only rows of one stratum are compared.
    weights : ndarray of float, shape (n,), optional
        Positive weights.
    cluster : ndarray of int, shape (n,), optional
        Cluster of each row, for the standard error.

    Returns
    -------
    Concordance
        The concordance and what it is made of.
    """
    n = len(time)
    rank, n_ranks = ranks(score)
    grid = index_times(time, entry)
    k = len(grid.times)
    base = np.zeros(n, dtype=np.int64) if strata is None else strata * (k + 1)
    leaves = base + grid.index
    enters = base if grid.entered is None else base + grid.entered
    died = event > 0
    v = np.ones(n) if weights is None else weights
    # What each row is compared with while it is at risk: the events in its window of time, before
    # its own event if it has one.
    cells, codes = np.unique(np.concatenate([leaves, enters]), return_inverse=True)
    last, first = codes[:n], codes[n:]
    events = np.flatnonzero(died)
    events = events[np.argsort(last[events], kind="stable")]
    up_to = np.concatenate([[0], np.cumsum(np.bincount(last[events], minlength=len(cells)))])
    lower, tied, higher = window_sums(
        rank[events],
        None if weights is None else v[events],
        n_ranks,
        rank,
        up_to[first],
        up_to[last + ~died],
    )
    concordant, discordant, tied_score = (float(v @ part) for part in (higher, lower, tied))
    pairs = concordant + discordant + tied_score
    if not pairs > 0:
        return Concordance(np.nan, np.nan, 0.0, 0.0, 0.0)
    # And what each event is compared with: those who leave later, or at its time without event,
    # less those who have not yet entered.
    beyond = np.searchsorted(cells, base[events] + k + 1)  # where the next stratum begins
    key = 2 * last + ~died
    below, equal, above = _from(
        key, 2 * last[events] + 1, 2 * beyond, rank, weights, n_ranks, rank[events]
    )
    if entry is not None:
        parts = _from(first, last[events] + 1, beyond, rank, weights, n_ranks, rank[events])
        below, equal, above = below - parts[0], equal - parts[1], above - parts[2]
    agree, against, even = higher, lower, tied
    agree[events] += below
    against[events] += above
    even[events] += equal
    difference = (concordant - discordant) / pairs
    influence = v * (agree - against - difference * (agree + against + even)) / pairs
    if cluster is not None:
        influence = np.bincount(cluster, influence)
    return Concordance(
        estimate=(difference + 1) / 2,
        std_error=float(np.sqrt(influence @ influence) / 2),
        concordant=concordant,
        discordant=discordant,
        tied_score=tied_score,
    )


def _from(
    key: IntArray,
    low: IntArray,
    high: IntArray,
    rank: IntArray,
    weights: FloatArray | None,
    n_ranks: int,
    asked: IntArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum lower, equal and higher ranks of the rows whose key lies from ``low`` to ``high``."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    return window_sums(
        rank[order],
        None if weights is None else weights[order],
        n_ranks,
        asked,
        np.searchsorted(ordered, low),
        np.searchsorted(ordered, high),
    )
