"""The loops of greedy matching: plain Python, which numba compiles where there is enough to do.

A state is a tuple of arrays, or of memoryviews on them, which Python reads faster; both give the
same pairs. ``left`` and ``right`` are disjoint-set forests over the places of the sorted
candidates: followed up to its root, place i leads to the next free candidate to that side. Forests
shorten their paths while they are followed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

__all__ = [
    "best",
    "compiled_loops",
    "compiled_plain",
    "exhaust",
    "greedy_loops",
    "plain_sweep",
    "python_loops",
]


def best(state: Any, t: int) -> tuple[float, int]:
    """Find the nearest candidate that a unit may still take.

    Parameters
    ----------
    state : tuple
        Scores of units and of sorted candidates, first and last place of the unit's stratum, the
        unit's place, first place of the same score, positions, the forests to the left (shifted by
        one) and to the right, codes that must differ and values with their widths (units,
        candidates), the caliper, the places chosen so far and their number, and the sizes.
    t : int
        The unit.

    Returns
    -------
    distance : float
        Its distance.
    place : int
        Its place; -1 if there is none.
    """
    (
        focal, score, first, last, place, block, position, left, right, apart_t, apart_c,
        window_t, window_c, width, caliper, chosen, filled, sizes,
    ) = state  # fmt: skip
    n1, n0, most = sizes[0], sizes[1], sizes[2]
    s, low, high, widest = focal[t], first[t], last[t], caliper[0]
    n_apart, n_window, mine = len(apart_t) // max(n1, 1), len(width), filled[t]
    found_right, found_left = -1, -1
    distance_right, distance_left = np.inf, np.inf
    # Two passes with one body: to the right of the place, then block by block to the left.
    for side in range(2):
        edge = place[t]
        e = edge
        limit = high
        while True:
            if side == 0:
                c = edge
            else:
                e = edge
                while left[e] != e:
                    left[e] = left[left[e]]
                    e = left[e]
                e -= 1  # the last free candidate before the edge
                if e < low:
                    break
                distance = s - score[e]
                if distance > widest or distance > distance_right:
                    break
                c = block[e]
                limit = e + 1
            got = -1
            while True:
                while right[c] != c:
                    right[c] = right[right[c]]
                    c = right[c]
                if c >= limit:
                    break
                if side == 0:
                    distance = score[c] - s
                    if distance > widest:
                        break
                allowed = True
                for k in range(mine):
                    if chosen[t * most + k] == c:
                        allowed = False
                for k in range(n_apart):
                    if apart_t[k * n1 + t] == apart_c[k * n0 + c]:
                        allowed = False
                for k in range(n_window):
                    if abs(window_c[k * n0 + c] - window_t[k * n1 + t]) > width[k]:
                        allowed = False
                if allowed:
                    got = c
                    break
                c += 1
            if side == 0:
                if got >= 0:
                    found_right, distance_right = got, score[got] - s
                break
            if got >= 0:
                found_left, distance_left = got, s - score[got]
                break
            edge = block[e]
    if found_left >= 0 and (
        distance_left < distance_right
        or (distance_left == distance_right and position[found_left] < position[found_right])
    ):
        return distance_left, found_left
    return distance_right, found_right


def plain_sweep(
    state: Any, order: Any, quota: Any, chosen: Any, filled: Any, used: Any, reuse: int, most: int
) -> None:  # fmt: skip
    """Match in a given order where every free candidate is allowed: the same, with less to do.

    Parameters
    ----------
    state : tuple
        As for :func:`best`.
    order : sequence of int
        Units in their order.
    quota : sequence of int
        How many candidates each unit is to get.
    chosen, filled, used : sequence of int
        Places chosen, their number for each unit, and how often each place was; changed here.
    reuse : int
        How often a candidate may be taken: once.
    most : int
        The largest quota.
    """
    focal, score, first, last, place, block, position, left, right = state[:9]
    widest = state[14][0]
    for turn in range(most):
        for t in order:
            if quota[t] <= turn or filled[t] < turn:
                continue
            s = focal[t]
            c = p = place[t]
            while right[c] != c:
                right[c] = right[right[c]]
                c = right[c]
            distance = np.inf
            if c < last[t]:
                distance = score[c] - s
            e = p
            while left[e] != e:
                left[e] = left[left[e]]
                e = left[e]
            e -= 1
            if e >= first[t]:
                below = s - score[e]
                if below <= distance:
                    e = block[e]
                    while right[e] != e:
                        right[e] = right[right[e]]
                        e = right[e]
                    if below < distance or position[e] < position[c]:
                        distance, c = below, e
            if distance <= widest and distance != np.inf:
                chosen[t * most + turn] = c
                filled[t] = turn + 1
                used[c] += 1
                if used[c] == reuse:
                    left[c + 1] = c
                    right[c] = c + 1


def exhaust(state: Any, c: int) -> None:
    """Take a candidate out of the two forests.

    Parameters
    ----------
    state : tuple
        As for :func:`best`.
    c : int
        The candidate's place.
    """
    state[7][c + 1] = c
    state[8][c] = c + 1


def greedy_loops(best: Any, exhaust: Any, wrap: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Build the two loops around a search for the nearest candidate.

    Parameters
    ----------
    best : callable
        Takes the state and a unit, and returns the distance and the candidate, -1 for none.
    exhaust : callable
        Takes the state and a candidate that can be taken no more.
    wrap : callable
        What is done to each loop, such as compiling it.

    Returns
    -------
    tuple of callable
        The loop in a given order, and the loop that takes the closest pair at every step.
    """

    def sweep(
        state: Any, order: Any, quota: Any, chosen: Any, filled: Any, used: Any, reuse: int,
        most: int,
    ) -> None:  # fmt: skip
        for turn in range(most):
            for i in range(len(order)):
                t = order[i]
                if quota[t] <= turn or filled[t] < turn:
                    continue
                c = best(state, t)[1]
                if c < 0:
                    continue
                chosen[t * most + turn] = c
                filled[t] = turn + 1
                used[c] += 1
                if used[c] == reuse:
                    exhaust(state, c)

    def closest(
        state: Any, quota: Any, chosen: Any, filled: Any, used: Any, reuse: int, most: int
    ) -> None:
        for turn in range(most):
            heap = [(0.0, 0, 0)]
            heap.pop()
            for t in range(len(quota)):
                if quota[t] > turn and filled[t] == turn:
                    distance, c = best(state, t)
                    if c >= 0:
                        heap.append((distance, t, c))
            heapq.heapify(heap)
            while len(heap) > 0:
                distance, t, c = heapq.heappop(heap)
                if reuse > 0 and used[c] >= reuse:
                    distance, c = best(state, t)
                    if c >= 0:
                        heapq.heappush(heap, (distance, t, c))
                    continue
                chosen[t * most + turn] = c
                filled[t] = turn + 1
                used[c] += 1
                if used[c] == reuse:
                    exhaust(state, c)

    return wrap(sweep), wrap(closest)


@cache
def python_loops() -> tuple[Any, Any]:
    """Return the loops as they are.

    Returns
    -------
    tuple of callable
        As :func:`greedy_loops`.
    """
    return greedy_loops(best, exhaust, lambda loop: loop)


@cache
def compiled_plain() -> Any:
    """Return the plain loop compiled by numba.

    Returns
    -------
    callable
        The loop.
    """
    from numba import njit

    return njit(plain_sweep)


@cache
def compiled_loops() -> tuple[Any, Any]:
    """Return the loops compiled by numba; each is compiled when it is first called.

    Returns
    -------
    tuple of callable
        As :func:`greedy_loops`.
    """
    from numba import njit

    return greedy_loops(njit(best), njit(exhaust), njit)
