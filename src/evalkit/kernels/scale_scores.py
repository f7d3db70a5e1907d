"""Scores of questionnaires: answers coded as small integers, points looked up and added up.

A million respondents with 36 items are 36 million answers, so an answer takes one byte here:
its distance from the lowest code, or :data:`MISSING`. What an answer is worth stands in a table
of 256 entries, which makes reversal, recoding and plain codes one and the same look-up. Items whose
answers may be fractions are added up as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "MISSING",
    "WIDEST",
    "CodedAnswers",
    "ScaleScores",
    "add_up",
    "add_up_values",
    "code_answers",
    "points_table",
    "reverse",
    "value_index",
    "yes_no_algorithm",
]

CodeArray: TypeAlias = npt.NDArray[np.uint8]

MISSING = 255
"""The code of an answer that is missing."""

WIDEST = 250
"""Largest distance between the lowest and the highest code of an item that is coded."""

_BLOCK = 1 << 16  # rows at a time, so that a block stays in the processor's cache


@dataclass(frozen=True)
class CodedAnswers:
    """The answers to one item.

    Attributes
    ----------
    codes : ndarray of uint8, shape (n,)
        Distance from the lowest code; :data:`MISSING` where missing or not allowed.
    refused : ndarray of bool, shape (n,), or None
        Where the answer is none of the whole numbers of the range; None if nowhere.
    """

    codes: CodeArray
    refused: BoolArray | None


@dataclass(frozen=True)
class ScaleScores:
    """Scores of one scale.

    Attributes
    ----------
    score : ndarray of float, shape (n,)
        The score; NaN where too few items were answered.
    n_answered : ndarray of int, shape (n,)
        Items answered.
    rescued : ndarray of bool, shape (n,)
        Whether there is a score although an item is missing.
    """

    score: FloatArray
    n_answered: IntArray
    rescued: BoolArray


def reverse(values: npt.ArrayLike, low: float, high: float) -> FloatArray:
    """Turn answers around within their declared range: low + high - x.

    Parameters
    ----------
    values : array_like
        The answers; NaN stays NaN.
    low, high : float
        Ends of the declared range, not of the answers that happened to come.

    Returns
    -------
    ndarray of float
        The answers turned around. Turning twice gives the answers back.

    Examples
    --------
    >>> reverse([1, 2, 5], 1, 5).tolist()
    [5.0, 4.0, 1.0]
    """
    return (low + high) - np.asarray(values, dtype=np.float64)


def code_answers(
    values: npt.NDArray[np.generic], low: int, high: int, missing: BoolArray | None = None
) -> CodedAnswers:
    """Code the answers to an item by their distance from the lowest code.

    Parameters
    ----------
    values : ndarray of int or float, shape (n,)
        The answers; NaN is missing.
    low, high : int
        Ends of the declared range, at most :data:`WIDEST` apart.
    missing : ndarray of bool, shape (n,), optional
        Where a code stands for a missing answer.

    Returns
    -------
    CodedAnswers
        The codes, and which answers are not allowed.
    """
    n = len(values)
    codes = np.empty(n, dtype=np.uint8)
    refused: BoolArray | None = None
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        block: npt.NDArray[Any] = values[rows]
        if block.dtype.kind in "iu":  # the range may be wider than a short type
            block = block.astype(np.int64, copy=False)
        gone = None if missing is None else missing[rows]
        if block.dtype.kind == "f":
            nan = np.isnan(block)
            gone = nan if gone is None else gone | nan
        kept: npt.NDArray[Any] = block if gone is None else np.where(gone, low, block)
        inside = bool(kept.min() >= low) and bool(kept.max() <= high)
        whole = block.dtype.kind != "f" or bool((kept == np.floor(kept)).all())
        if not (inside and whole):
            wrong: BoolArray = (kept < low) | (kept > high) | (kept != np.floor(kept))
            if refused is None:
                refused = np.zeros(n, dtype=np.bool_)
            refused[rows] = wrong
            gone = wrong if gone is None else gone | wrong
            kept = np.where(gone, low, block)
        part = np.subtract(kept, low).astype(np.uint8)
        if gone is not None:
            part[gone] = MISSING
        codes[rows] = part
    return CodedAnswers(codes, refused)


def points_table(points: npt.ArrayLike) -> FloatArray:
    """Lay out what each code is worth.

    Parameters
    ----------
    points : array_like, shape (k,)
        Points of the codes from the lowest to the highest; NaN for a code that does not exist.

    Returns
    -------
    ndarray of float, shape (256,)
        The points by code; NaN elsewhere, so also for :data:`MISSING`.
    """
    table = np.full(256, np.nan)
    given = np.asarray(points, dtype=np.float64)
    table[: len(given)] = given
    return table


def add_up(
    items: Sequence[CodeArray],
    tables: Sequence[FloatArray],
    *,
    mean: bool,
    multiplier: float,
    min_answered: int,
) -> ScaleScores:
    """Score a scale from coded answers.

    With A the items answered and k the number of items, the mean is the sum over A divided by the
    size of A, and a sum is that mean times k: where nothing is missing, the plain sum.

    Parameters
    ----------
    items : sequence of ndarray of uint8, shape (n,)
        The coded answers, item by item.
    tables : sequence of ndarray of float, shape (256,)
        What the codes of each item are worth; see :func:`points_table`.
    mean : bool
        Whether the score is the mean of the points rather than their sum.
    multiplier : float
        What the mean or the sum is multiplied by.
    min_answered : int
        Fewest items that must be answered for a score.

    Returns
    -------
    ScaleScores
        The scores.
    """
    n = len(items[0])
    total = np.zeros(n)
    answered = np.zeros(n, dtype=np.int64)
    worth = [np.nan_to_num(table, nan=0.0) for table in tables]
    counted = [(~np.isnan(table)).astype(np.int8) for table in tables]
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        sums = total[rows]
        counts = np.zeros(len(sums), dtype=np.int16)
        for codes, points, counts_as in zip(items, worth, counted, strict=True):
            where = codes[rows].astype(np.intp)
            sums += points.take(where)
            counts += counts_as.take(where)
        answered[rows] = counts
    return _finish(total, answered, len(items), mean, multiplier, min_answered)


def add_up_values(
    items: Sequence[FloatArray], *, mean: bool, multiplier: float, min_answered: int
) -> ScaleScores:
    """Score a scale from points as they are, NaN where missing.

    Parameters
    ----------
    items : sequence of ndarray of float, shape (n,)
        The points, item by item.
    mean, multiplier, min_answered
        As for :func:`add_up`.

    Returns
    -------
    ScaleScores
        The scores.
    """
    total = np.zeros(len(items[0]))
    answered = np.zeros(len(items[0]), dtype=np.int64)
    for points in items:
        present = ~np.isnan(points)
        total += np.where(present, points, 0.0)
        answered += present
    return _finish(total, answered, len(items), mean, multiplier, min_answered)


def _finish(
    total: FloatArray,
    answered: IntArray,
    k: int,
    mean: bool,
    multiplier: float,
    min_answered: int,
) -> ScaleScores:
    """Turn sums of what was answered into scores."""
    complete = answered == k
    enough = answered >= max(min_answered, 1)
    size = np.where(answered == 0, 1, answered)
    # A complete sum stays exact.
    score = total / size if mean else np.where(complete, total, total * k / size)
    if multiplier != 1:
        score *= multiplier
    score[~enough] = np.nan
    return ScaleScores(score, answered, enough & ~complete)


def value_index(
    dimensions: Sequence[CodeArray],
    start: float,
    decrements: npt.ArrayLike,
    worst: float,
) -> ScaleScores:
    """Value health states: a start less a decrement for each dimension's level.

    Parameters
    ----------
    dimensions : sequence of ndarray of uint8, shape (n,)
        The levels of each dimension, coded from 0 (no problem).
    start : float
        Value of the state without problems.
    decrements : array_like, shape (dimensions, levels)
        What each level takes away; 0 for the first.
    worst : float
        What is taken away once if any dimension is at its last level.

    Returns
    -------
    ScaleScores
        The index, NaN where a dimension is missing; nothing is ever rescued.
    """
    table = np.asarray(decrements, dtype=np.float64)
    last = table.shape[1] - 1
    n = len(dimensions[0])
    index = np.full(n, float(start))
    answered = np.zeros(n, dtype=np.int64)
    at_last = np.zeros(n, dtype=np.bool_)
    for codes, taken in zip(dimensions, table, strict=True):
        index -= points_table(taken)[codes]
        answered += codes != MISSING
        at_last |= codes == last
    index -= np.where(at_last, worst, 0.0)
    return ScaleScores(index, answered, np.zeros(n, dtype=np.bool_))


def yes_no_algorithm(
    required: Sequence[CodeArray],
    listed: Sequence[CodeArray],
    graded: CodeArray,
    fewest: int,
) -> ScaleScores:
    """Judge criteria: all of some, at least so many of others, and a graded one that says how much.

    Parameters
    ----------
    required : sequence of ndarray of uint8, shape (n,)
        Criteria (0 no, 1 yes) that must all be met.
    listed : sequence of ndarray of uint8, shape (n,)
        Criteria of which at least ``fewest`` must be met.
    graded : ndarray of uint8, shape (n,)
        A criterion with grades from 0, which is not met, up.
    fewest : int
        How many of the listed must be met.

    Returns
    -------
    ScaleScores
        The grade where all criteria are met and 0 where one is not; NaN where any is missing.
    """
    every = [*required, *listed, graded]
    answered = np.zeros(len(graded), dtype=np.int64)
    for codes in every:
        answered += codes != MISSING
    met = np.ones(len(graded), dtype=np.bool_)
    for codes in required:
        met &= codes == 1
    count = np.zeros(len(graded), dtype=np.int64)
    for codes in listed:
        count += codes == 1
    met &= count >= fewest
    score = np.where(met, graded, 0).astype(np.float64)
    score[answered < len(every)] = np.nan
    return ScaleScores(score, answered, np.zeros(len(graded), dtype=np.bool_))
