"""Clusters as a robust variance sees them: eigenvalues, directions and adjusted scores.

The notation is that of :mod:`evalkit.kernels.sandwich`. Clusters come in blocks, so that memory
does not grow with their number times the square of the number of coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.least_squares import LeastSquares
from evalkit.typing import FloatArray, IntArray

__all__ = ["DECIDED", "SandwichUnits", "grouped", "standing_alone"]

_POWER = {"HC2": -0.5, "HC3": -1.0, "CR2": -0.5, "CR3": -1.0}
DECIDED = 1e-12
"""A cluster that leaves less than this share of a direction to the others decides it alone."""

_BLOCK = 2_000_000  # numbers in a block of clusters' k x k matrices, which bounds the memory


@dataclass(frozen=True, eq=False)
class SandwichUnits:
    """Clusters of one sort: eigenvalues and directions of T_g, and what each contributes.

    Attributes
    ----------
    t, f : ndarray of float, shape (m, r)
        Eigenvalues of T_g that can differ from 0, and f of them.
    directions : ndarray of float, shape (m, k, r)
        Their eigenvectors.
    scores : ndarray of float, shape (m, k)
        Adjusted scores f(T_g) u_g.
    copies : ndarray of float, shape (m,), or None
        How many units each entry stands for; None for one.
    """

    t: FloatArray
    f: FloatArray
    directions: FloatArray
    scores: FloatArray
    copies: FloatArray | None


def _adjustment(kind: str, t: FloatArray) -> FloatArray:
    """Return f of eigenvalues."""
    if kind not in _POWER:
        return np.ones_like(t)
    left = 1 - t
    there = left > DECIDED
    return np.where(there, np.where(there, left, 1.0) ** _POWER[kind], 0.0)


def _rank_one(kind: str, rows: FloatArray, residuals: FloatArray) -> SandwichUnits:
    """Describe units of one row each, in closed form."""
    t = np.einsum("ij,ij->i", rows, rows)
    f = _adjustment(kind, t)
    length = np.sqrt(np.where(t > 0, t, 1.0))
    scores = rows * (f * residuals)[:, None]
    return SandwichUnits(t[:, None], f[:, None], (rows / length[:, None])[:, :, None], scores, None)


def standing_alone(fit: LeastSquares, kind: str) -> Iterator[SandwichUnits]:
    """Describe rows that stand alone, in blocks.

    Parameters
    ----------
    fit : LeastSquares
        The fit.
    kind : str
        "HC0", "HC1", "HC2" or "HC3".

    Yields
    ------
    SandwichUnits
        A block of rows.
    """
    step = max(_BLOCK // fit.k, 1)
    for first in range(0, len(fit.residuals), step):
        part = slice(first, first + step)
        rows, residuals = fit.basis[part], fit.residuals[part]
        if fit.weights is None:
            yield _rank_one(kind, rows, residuals)
            continue
        weights = fit.weights[part]
        root = np.sqrt(weights)
        if fit.weights_kind == "sampling":
            yield _rank_one(kind, rows, residuals * root)
            continue
        alike = rows / np.where(root > 0, root, 1.0)[:, None]  # each of the copies
        one = _rank_one(kind, alike, residuals)
        yield SandwichUnits(one.t, one.f, one.directions, one.scores, weights)


def grouped(
    fit: LeastSquares, kind: str, cluster: IntArray, n_clusters: int
) -> Iterator[SandwichUnits]:
    """Describe clusters: those of one row in closed form, the others by eigenvalues, in blocks.

    Parameters
    ----------
    fit : LeastSquares
        The fit.
    kind : str
        "CR0", "CR1", "CR1S", "CR2" or "CR3".
    cluster : ndarray of int, shape (n,)
        Cluster codes.
    n_clusters : int
        Number of clusters.

    Yields
    ------
    SandwichUnits
        A block of clusters.
    """
    residuals = fit.residuals if fit.weights is None else fit.residuals * np.sqrt(fit.weights)
    sizes = np.bincount(cluster, minlength=n_clusters)
    alone = np.flatnonzero(sizes[cluster] == 1)
    step = max(_BLOCK // fit.k, 1)
    for first in range(0, len(alone), step):
        chosen = alone[first : first + step]
        yield _rank_one(kind, fit.basis[chosen], residuals[chosen])
    if len(alone) == len(cluster):
        return
    several = sizes > 1
    if several.sum() * fit.k**2 <= _BLOCK:  # one block: sums by code, without sorting
        compact = np.cumsum(several) - 1
        if not len(alone):
            yield _eigen(kind, fit.basis, residuals, compact[cluster], int(several.sum()))
            return
        chosen = np.flatnonzero(several[cluster])
        codes = compact[cluster[chosen]]
        yield _eigen(kind, fit.basis[chosen], residuals[chosen], codes, int(several.sum()))
        return
    order = np.argsort(cluster, kind="stable")
    if len(alone):
        order = order[several[cluster[order]]]
    sizes = sizes[several]
    ends = np.cumsum(sizes)
    per_block = max(_BLOCK // fit.k**2, 1)
    for first in range(0, len(sizes), per_block):
        here = sizes[first : first + per_block]
        end = int(ends[first + len(here) - 1])
        chosen = order[end - int(here.sum()) : end]
        codes = np.repeat(np.arange(len(here)), here)
        yield _eigen(kind, fit.basis[chosen], residuals[chosen], codes, len(here))


def _eigen(
    kind: str, rows: FloatArray, residuals: FloatArray, codes: IntArray, count: int
) -> SandwichUnits:
    """Describe clusters of several rows, given the code of each row's cluster."""
    k = rows.shape[1]
    columns = [np.ascontiguousarray(rows[:, i]) for i in range(k)]
    inner = np.empty((count, k, k))
    scores = np.empty((count, k))
    for i in range(k):
        for j in range(i + 1):
            sums = np.bincount(codes, weights=columns[i] * columns[j], minlength=count)
            inner[:, i, j] = sums
            inner[:, j, i] = sums
        scores[:, i] = np.bincount(codes, weights=columns[i] * residuals, minlength=count)
    t, directions = np.linalg.eigh(inner)
    t = np.clip(t, 0.0, 1.0)
    f = _adjustment(kind, t)
    turned = np.matmul(scores[:, None, :], directions)[:, 0, :] * f
    adjusted = np.matmul(directions, turned[:, :, None])[:, :, 0]
    return SandwichUnits(t, f, directions, adjusted, None)
