"""Random assignment of units to arms: simple, complete, in permuted blocks, and by minimisation.

Arms are numbered 0 to K - 1; ``ratio`` says how many units each gets of every round. Units are in
the order in which they enter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evalkit.typing import FloatArray, IntArray

__all__ = ["assign_blocks", "assign_complete", "assign_simple", "minimise"]


def assign_simple(n: int, ratio: IntArray, rng: np.random.Generator) -> IntArray:
    """Assign every unit on its own, as by a coin.

    Parameters
    ----------
    n : int
        Number of units.
    ratio : ndarray of int, shape (K,)
        Parts of the arms.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (n,)
        Arm of each unit.
    """
    return np.searchsorted(np.cumsum(ratio), rng.integers(0, ratio.sum(), n), side="right")


def assign_complete(stratum: IntArray, ratio: IntArray, rng: np.random.Generator) -> IntArray:
    """Assign a fixed number to each arm in every stratum.

    Parameters
    ----------
    stratum : ndarray of int, shape (n,)
        Strata, 0 to S - 1.
    ratio : ndarray of int, shape (K,)
        Parts of the arms. Units beyond the last whole round go to a random choice from a round.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int, shape (n,)
        Arm of each unit.
    """
    arm = np.empty(len(stratum), dtype=np.int64)
    for units in _by_stratum(stratum):
        arm[units] = rng.permutation(_rounds(len(units), ratio, rng))
    return arm


def assign_blocks(
    stratum: IntArray, ratio: IntArray, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Assign in blocks that hold every arm in its ratio, of sizes drawn at random.

    Parameters
    ----------
    stratum : ndarray of int, shape (n,)
        Strata, 0 to S - 1; each has blocks of its own.
    ratio : ndarray of int, shape (K,)
        Parts of the arms.
    sizes : sequence of int
        Sizes of blocks to draw from, multiples of the sum of ``ratio``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    arm : ndarray of int, shape (n,)
        Arm of each unit.
    block : ndarray of int, shape (n,)
        Block of each unit; blocks are numbered through, and the last of a stratum may have been
        cut short.
    """
    arm = np.empty(len(stratum), dtype=np.int64)
    block = np.empty(len(stratum), dtype=np.int64)
    number = 0
    for units in _by_stratum(stratum):
        start = 0
        while start < len(units):
            size = int(rng.choice(np.asarray(sizes)))
            inside = units[start : start + size]
            labels = rng.permutation(_rounds(size, ratio, rng))
            arm[inside], block[inside] = labels[: len(inside)], number
            start, number = start + size, number + 1
    return arm, block


def minimise(
    factors: IntArray, n_arms: int, certainty: float, n_draws: int, rng: np.random.Generator
) -> npt.NDArray[np.int8]:
    """Assign by minimisation with a random element, several times over.

    Parameters
    ----------
    factors : ndarray of int, shape (n, F)
        Level of every unit in each factor, 0, 1, ...
    n_arms : int
        Number of arms, K.
    certainty : float
        Probability with which a unit goes to (one of) the arms that keep the imbalance smallest.
    n_draws : int
        Number of times the trial is run, R.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int8, shape (R, n)
        Arm of each unit in each run.

    Notes
    -----
    The imbalance is the sum over factors of the range over arms of the number of units that share
    the new unit's level (Pocock and Simon 1975, doi:10.2307/2529712). If all arms are as good,
    each has probability 1 / K; otherwise the best share ``certainty`` and the others the rest.
    """
    n, n_factors = factors.shape
    first = np.concatenate([[0], np.cumsum(factors.max(axis=0) + 1)])
    levels = factors + first[:-1]
    counts = np.zeros((n_arms, int(first[-1]), n_draws), dtype=np.int32)
    arm = np.empty((n_draws, n), dtype=np.int8)
    runs = np.arange(n_draws)
    for i in range(n):
        current = counts[:, levels[i], :]
        imbalance = np.empty((n_arms, n_draws))
        for k in range(n_arms):
            current[k] += 1
            imbalance[k] = (current.max(axis=0) - current.min(axis=0)).sum(axis=0)
            current[k] -= 1
        drawn = _choose(imbalance, certainty, rng.random(n_draws))
        arm[:, i] = drawn
        for f in range(n_factors):
            counts[drawn, levels[i, f], runs] += 1
    return arm


def _choose(imbalance: FloatArray, certainty: float, uniform: FloatArray) -> IntArray:
    """Choose arms, shape (R,), by a uniform number each; imbalance has shape (K, R)."""
    best = imbalance == imbalance.min(axis=0)
    n_best, n_arms = best.sum(axis=0), len(best)
    others = np.maximum(n_arms - n_best, 1)
    share: FloatArray = best * (certainty / n_best) + ~best * ((1 - certainty) / others)
    share[:, n_best == n_arms] = 1 / n_arms
    below = np.cumsum(share, axis=0)[:-1] <= uniform
    return below.sum(axis=0)


def _by_stratum(stratum: IntArray) -> list[IntArray]:
    """Return the units of each stratum in their order."""
    order = np.argsort(stratum, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1) if len(order) else []


def _rounds(size: int, ratio: IntArray, rng: np.random.Generator) -> IntArray:
    """Return labels of whole rounds, and a random choice from a round for what is left."""
    one = np.repeat(np.arange(len(ratio)), ratio)
    whole, left = divmod(size, len(one))
    return np.concatenate([np.tile(one, whole), rng.permutation(one)[:left]])
