"""Records matched at random within groups, some pairs kept apart.

Randomness comes from raw 64-bit words sorted stably, never from the permutation or sampling
methods of a numpy Generator: those may change between numpy versions, raw words and stable sorts
do not. All else is whole numbers, so the same seed gives the same records on every platform.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from evalkit.errors import InputError
from evalkit.typing import BoolArray, IntArray

__all__ = ["Matching", "match_records", "random_order"]


@dataclass(frozen=True, slots=True)
class Matching:
    """Partners found for records.

    Attributes
    ----------
    partner : ndarray of int, shape (n,)
        Index of the right-hand record for each left-hand record.
    unplaced : dict of int to int
        Records that no allowed partner is left for, by group; empty when all are placed.
    """

    partner: IntArray
    unplaced: dict[int, int]


def random_order(n: int, bits: np.random.BitGenerator) -> IntArray:
    """Give a random order of `n` records that no numpy version changes.

    Parameters
    ----------
    n : int
        Number of records.
    bits : numpy.random.BitGenerator
        Source of raw words; its state advances.

    Returns
    -------
    ndarray of int, shape (n,)
        A permutation of ``range(n)``.

    Examples
    --------
    >>> sorted(random_order(4, np.random.PCG64(1)).tolist())
    [0, 1, 2, 3]
    """
    return np.argsort(bits.random_raw(n), kind="stable")


def match_records(
    left_group: IntArray,
    right_group: IntArray,
    bits: np.random.BitGenerator,
    *,
    left_kind: IntArray | None = None,
    right_kind: IntArray | None = None,
    allowed: BoolArray | None = None,
) -> Matching:
    """Match records at random within groups, keeping forbidden pairs apart.

    Parameters
    ----------
    left_group, right_group : ndarray of int, shape (n,)
        Separator cell of each record; every cell must be as frequent on both sides.
    bits : numpy.random.BitGenerator
        Source of raw words.
    left_kind, right_kind : ndarray of int, shape (n,), optional
        Kind of each record, where some kinds may not meet.
    allowed : ndarray of bool, shape (n_left_kinds, n_right_kinds), optional
        Which kinds may meet; all of them by default.

    Returns
    -------
    Matching
        A uniformly random matching where everything is allowed. Where it is not, pairs that must
        not meet are re-matched along augmenting paths, which finds a way whenever there is one.

    Raises
    ------
    InputError
        If the separator cells of the two sides differ in size.
    """
    if left_group.size != right_group.size or not np.array_equal(
        np.sort(left_group), np.sort(right_group)
    ):
        raise InputError.of(
            "right_group",
            required="as many records in every separator cell as left_group has",
            got=f"{right_group.size} records beside {left_group.size}",
        )
    left = np.lexsort((bits.random_raw(left_group.size), left_group))
    right = np.lexsort((bits.random_raw(right_group.size), right_group))
    unplaced: dict[int, int] = {}
    if left_kind is not None and right_kind is not None and allowed is not None:
        kinds, partners = left_kind[left], right_kind[right]
        groups, starts = np.unique(left_group[left], return_index=True)
        for group, start, stop in zip(groups, starts, [*starts[1:], left.size], strict=True):
            part = slice(start, stop)
            if allowed[kinds[part], partners[part]].all():
                continue
            order, short = _keep_apart(kinds[part], partners[part], allowed)
            right[part] = right[part][order]
            if short:
                unplaced[int(group)] = short
    partner = np.empty(left.size, dtype=np.int64)
    partner[left] = right
    return Matching(partner, unplaced)


def _keep_apart(left: IntArray, right: IntArray, allowed: BoolArray) -> tuple[IntArray, int]:
    """Order the right-hand records so that no forbidden kinds meet; and how many do not fit."""
    meet = allowed[left, right]
    flow = np.zeros(allowed.shape, dtype=np.int64)
    np.add.at(flow, (left[meet], right[meet]), 1)
    supply = np.bincount(left[~meet], minlength=allowed.shape[0])
    demand = np.bincount(right[~meet], minlength=allowed.shape[1])
    while supply.any() and (path := _augmenting_path(flow, supply, demand, allowed)):
        room = [int(supply[path[0]]), int(demand[path[-1]])]
        room += [int(flow[path[k + 1], path[k]]) for k in range(1, len(path) - 1, 2)]
        step = min(room)
        for k in range(0, len(path) - 1, 2):
            flow[path[k], path[k + 1]] += step
        for k in range(1, len(path) - 1, 2):
            flow[path[k + 1], path[k]] -= step
        supply[path[0]] -= step
        demand[path[-1]] -= step
    short = int(supply.sum())
    if short:
        return np.arange(left.size), short
    every = np.arange(allowed.shape[1], dtype=np.int64)
    kinds = np.concatenate([np.repeat(every, row) for row in flow])
    order = np.empty(left.size, dtype=np.int64)
    by_left = np.argsort(left, kind="stable")
    order[by_left[np.argsort(kinds, kind="stable")]] = np.argsort(right, kind="stable")
    return order, 0


def _augmenting_path(
    flow: IntArray, supply: IntArray, demand: IntArray, allowed: BoolArray
) -> list[int]:
    """Shortest path left, right, left, ..., right that places one more record; empty if none."""
    came: dict[tuple[bool, int], tuple[bool, int] | None] = {}
    queue: deque[tuple[bool, int]] = deque()
    for kind in np.flatnonzero(supply):
        came[True, int(kind)] = None
        queue.append((True, int(kind)))
    while queue:
        side, kind = node = queue.popleft()
        if not side and demand[kind]:
            path = [kind]
            while (node := came[node]) is not None:
                path.append(node[1])
            return path[::-1]
        reach = np.flatnonzero(allowed[kind]) if side else np.flatnonzero(flow[:, kind])
        for other in reach:
            step = (not side, int(other))
            if step not in came:
                came[step] = node
                queue.append(step)
    return []
