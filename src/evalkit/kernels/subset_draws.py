"""Random subsets of a fixed size, and sums over them, without a loop over the members.

A subset is drawn as independent bits, of which as many are then turned over, at random, as the
size is off: given its size a set of independent bits is a uniform one, and adding or taking away
members at random leaves it uniform. Eight members share a byte, so that a sum over a subset is one
look-up for every eight members in tables of partial sums.
"""

from __future__ import annotations

from math import comb, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["all_subsets", "draw_subsets", "subset_sums"]

ByteArray: TypeAlias = npt.NDArray[np.uint8]

_WORD = 2**64 - 1
_TABLE = 1024  # with at most so many subsets, one is drawn by its number
_BYTES = 1 << 22  # of packed bits held at a time
_DIGITS = 10  # binary digits of the probability of a bit
_RECOUNT = 128  # bytes that are counted in the time in which one repeat is found
# Nanoseconds, as measured: of one class of equal members, one member, and turning a bit over.
_COST_CLASS, _COST_MEMBER, _COST_TURN = 150.0, 0.7, 25.0


def subset_sums(
    values: FloatArray, size: int, n_draws: int, rng: np.random.Generator
) -> FloatArray:
    """Sum columns over random subsets of the rows, each of one size.

    Parameters
    ----------
    values : ndarray of float, shape (n, k)
        The columns.
    size : int
        Rows in a subset, 0 to n.
    n_draws : int
        Number of independent subsets, R.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of float, shape (R, k)
        The sums.

    Notes
    -----
    How the subsets are drawn depends on the data alone: by number from the list of all of them if
    there are at most 1,024; by the multivariate hypergeometric distribution if few rows differ; as
    packed bits otherwise. The law is the same; the random numbers used are not.
    """
    n = len(values)
    if size in (0, n):
        return np.tile(values.sum(axis=0) * (size > 0), (n_draws, 1))
    if n <= _TABLE and comb(n, min(size, n - size, 5)) <= _TABLE and comb(n, size) <= _TABLE:
        table = all_subsets(n, size) @ values
        return table.take(rng.integers(0, len(table), n_draws), axis=0)
    kept, place = _different_columns(values)
    if len(kept) < values.shape[1]:
        sums = np.empty((n_draws, values.shape[1]))
        constant = np.array(place) < 0
        sums[:, constant] = values[0, constant] * size
        if kept:
            found = subset_sums(values[:, kept], size, n_draws, rng)
            sums[:, ~constant] = found[:, np.array(place)[~constant]]
        return sums
    classes = _few_classes(values)
    if classes is not None:
        rows, counts = classes
        drawn = rng.multivariate_hypergeometric(counts, size, size=n_draws, method="marginals")
        return drawn @ rows
    width = 1 << (values.shape[1] - 1).bit_length()  # rows of odd width are copied slowly
    sums = np.zeros((n_draws, width))
    tables = _byte_tables(values, width)
    for start, stop in _chunks(n, n_draws):
        part = sums[start:stop]
        packed = _draw_bits(n, size, stop - start, rng)[:, : len(tables)]
        for table, chosen in zip(tables, np.ascontiguousarray(packed.T), strict=True):
            part += table.take(chosen, axis=0)
    return sums[:, : values.shape[1]]


def draw_subsets(n: int, size: int, n_draws: int, rng: np.random.Generator) -> BoolArray:
    """Draw subsets of n members, uniform among those of one size.

    Parameters
    ----------
    n, size : int
        Members, and how many of them a subset has.
    n_draws : int
        Number of independent subsets, R.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of bool, shape (R, n)
        Whether a member is in a subset.
    """
    drawn = np.empty((n_draws, n), dtype=np.bool_)
    for start, stop in _chunks(n, n_draws):
        packed = _draw_bits(n, size, stop - start, rng)
        drawn[start:stop] = np.unpackbits(packed, axis=1, count=n, bitorder="little")
    return drawn


def all_subsets(n: int, size: int) -> BoolArray:
    """List all subsets of n members that have one size.

    Parameters
    ----------
    n, size : int
        Members, and how many of them a subset has.

    Returns
    -------
    ndarray of bool, shape (C(n, size), n)
        Whether a member is in a subset.
    """
    from itertools import chain, combinations

    if 2 * size > n:
        return ~all_subsets(n, n - size)
    count = comb(n, size)
    chosen = np.fromiter(
        chain.from_iterable(combinations(range(n), size)), dtype=np.int64, count=count * size
    )
    subsets = np.zeros((count, n), dtype=np.bool_)
    subsets[np.arange(count)[:, None], chosen.reshape(count, size)] = True
    return subsets


def _different_columns(values: FloatArray) -> tuple[list[int], list[int]]:
    """Return the columns that differ, and for each which of them it equals; -1 if constant."""
    kept: list[int] = []
    place: list[int] = []
    for j, column in enumerate(values.T):
        if (column == column[0]).all():
            place.append(-1)
            continue
        equal = (i for i, k in enumerate(kept) if np.array_equal(values[:, k], column))
        found = next(equal, len(kept))
        if found == len(kept):
            kept.append(j)
        place.append(found)
    return kept, place


def _few_classes(values: FloatArray) -> tuple[FloatArray, IntArray] | None:
    """Return the distinct rows and how many there are of each, if counting them is faster."""
    n = len(values)
    worth = int((_COST_MEMBER * n + _COST_TURN * sqrt(n)) / _COST_CLASS)
    for column in values.T:
        if len(np.unique(column)) > worth:
            return None
    rows, counts = np.unique(values, axis=0, return_counts=True)
    return (rows, counts.astype(np.int64)) if len(rows) <= worth else None


def _chunks(n: int, n_draws: int) -> list[tuple[int, int]]:
    """Cut the draws so that their packed bits fit into memory."""
    step = max(_BYTES // (n // 8 + 8), 64)
    return [(start, min(start + step, n_draws)) for start in range(0, n_draws, step)]


def _byte_tables(values: FloatArray, width: int) -> FloatArray:
    """Sum the columns over all subsets of every eight rows, shape (ceil(n / 8), 256, width)."""
    n, k = values.shape
    groups = -(-n // 8)
    padded = np.zeros((8 * groups, width))
    padded[:n, :k] = values
    eights = padded.reshape(groups, 8, width)
    tables = np.zeros((groups, 256, width))
    for j in range(8):
        tables[:, 1 << j : 2 << j] = tables[:, : 1 << j] + eights[:, j, None]
    return tables


def _draw_bits(n: int, size: int, n_draws: int, rng: np.random.Generator) -> ByteArray:
    """Draw subsets as packed bits, the lowest bit first: (n_draws, bytes), in whole words."""
    if 2 * size > n:  # the complement is a uniform subset too, and rare bits are found faster
        packed = ~_draw_bits(n, n - size, n_draws, rng)
        return _clear_padding(packed, n)
    packed = _clear_padding(_independent_bits(n, size, n_draws, rng), n)
    excess = _count(packed) - size
    while len(off := np.flatnonzero(excess)):
        if _turn_over(packed, excess, off, n, rng) * _RECOUNT > packed.size:
            excess = _count(packed) - size
    return packed


def _count(packed: ByteArray) -> IntArray:
    """Count the bits of every draw."""
    return np.bitwise_count(packed.view(np.uint64)).sum(axis=1, dtype=np.int64)


def _turn_over(
    packed: ByteArray, excess: IntArray, off: IntArray, n: int, rng: np.random.Generator
) -> int:
    """Turn bits over in the subsets ``off`` whose size is off, and return how many.

    As many members are picked as there are too many or too few, and turned over if they are of
    that kind. No member is treated unlike another, which is all that a uniform law asks for. If
    they are many, some may have been picked, and turned, twice; then ``excess`` is not brought up
    to date.
    """
    by = excess[off]
    times = np.abs(by)
    draws = np.repeat(off, times)
    place = rng.integers(0, n, len(draws))
    where = draws * packed.shape[1] + (place >> 3)
    place &= 7
    bit = np.left_shift(np.uint8(1), place.astype(np.uint8))
    flat = packed.reshape(-1)
    byte: ByteArray = flat[where]
    found: BoolArray = (byte & bit) > 0
    turned = np.flatnonzero(found == np.repeat(by > 0, times))
    if len(turned) * _RECOUNT <= packed.size:  # else counting all is faster than finding repeats
        key = where.take(turned) * 8 + place.take(turned)
        turned = turned.take(np.unique(key, return_index=True)[1])
        changed = draws.take(turned)
        np.subtract.at(excess, changed, np.sign(excess.take(changed)))
    np.bitwise_xor.at(flat, where.take(turned), bit.take(turned))
    return len(turned)


def _clear_padding(packed: ByteArray, n: int) -> ByteArray:
    """Set the bits beyond the last member to 0."""
    packed[:, -(-n // 8) :] = 0
    if n % 8:
        packed[:, n // 8] &= (1 << (n % 8)) - 1
    return packed


def _independent_bits(n: int, size: int, n_draws: int, rng: np.random.Generator) -> ByteArray:
    """Draw bits that are 1 with a probability near size / n, of few binary digits."""
    share = size / n
    near = max(8.0, sqrt(n) / 4) / n
    if share < 0.25:  # too few bits are mended faster than too many
        share = max(share - 3 * sqrt(share * (1 - share) / n), 0.0)
    digits = 0
    while digits < _DIGITS and abs(round(share * 2**digits) / 2**digits - share) > near:
        digits += 1
    numerator = round(share * 2**digits)
    words = np.zeros((n_draws, -(-n // 64)), dtype=np.uint64)
    for digit in range(digits):  # from the last: and halves the probability, or adds a half
        random = rng.integers(0, _WORD, words.shape, dtype=np.uint64, endpoint=True)
        if numerator >> digit & 1:
            words |= random
        elif words.any():
            words &= random
    return words.view(np.uint8)
