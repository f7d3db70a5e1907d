"""P-values adjusted for their number, singly and along a graph of hypotheses.

References
----------
.. [1] Holm S (1979). A simple sequentially rejective multiple test procedure.
   Scand J Stat 6:65-70.
.. [2] Hochberg Y (1988). A sharper Bonferroni procedure for multiple tests of significance.
   Biometrika 75:800-802. doi:10.1093/biomet/75.4.800
.. [3] Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and
   powerful approach to multiple testing. J R Stat Soc B 57:289-300.
   doi:10.1111/j.2517-6161.1995.tb02031.x
.. [4] Benjamini Y, Yekutieli D (2001). The control of the false discovery rate in multiple
   testing under dependency. Ann Stat 29:1165-1188. doi:10.1214/aos/1013699998
.. [5] Bretz F, Maurer W, Brannath W, Posch M (2009). A graphical approach to sequentially
   rejective multiple test procedures. Stat Med 28:586-604. doi:10.1002/sim.3495
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.typing import FloatArray

__all__ = ["Adjustment", "adjust", "adjust_along_graph"]

Adjustment: TypeAlias = Literal["holm", "hochberg", "bonferroni", "bh", "by", "none"]


def adjust(p_values: npt.ArrayLike, method: Adjustment) -> FloatArray:
    """Adjust p-values for their number.

    Parameters
    ----------
    p_values : array_like, shape (m,)
        The p-values; missing ones stay missing and are not counted.
    method : {"holm", "hochberg", "bonferroni", "bh", "by", "none"}
        Holm's step-down, Hochberg's step-up, Bonferroni, or the false discovery rate of Benjamini
        and Hochberg, or of Benjamini and Yekutieli.

    Returns
    -------
    ndarray of float, shape (m,)
        Adjusted p-values, at most 1. R: ``p.adjust``.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03], "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = given.copy()
    known = np.flatnonzero(~np.isnan(given))
    m = len(known)
    order = known[np.argsort(given[known], kind="stable")]
    falling = np.arange(m, 0, -1)
    if method == "bonferroni":
        adjusted = given * m
    elif method == "holm":
        adjusted[order] = np.maximum.accumulate(given[order] * falling)
    elif method == "hochberg":
        adjusted[order] = np.minimum.accumulate((given[order] * falling)[::-1])[::-1]
    elif method in ("bh", "by"):
        dependence = 1.0 if method == "bh" else float((1 / np.arange(1, m + 1)).sum())
        scaled = given[order] * (dependence * m / np.arange(1, m + 1))
        adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(adjusted, 1.0)


def adjust_along_graph(
    p_values: FloatArray, weights: FloatArray, transitions: FloatArray
) -> FloatArray:
    """Adjust p-values by a graph that hands the level of what is rejected on.

    Hypothesis j may be rejected at its weight times the level. Once it is, its weight goes to the
    others by row j of the transitions, and the graph closes over the gap [5]_.

    Parameters
    ----------
    p_values : ndarray of float, shape (m,)
        The p-values, none missing.
    weights : ndarray of float, shape (m,)
        Shares of the level, with sum at most 1.
    transitions : ndarray of float, shape (m, m)
        Row j says how the weight of j is handed on: zero diagonal, sums at most 1.

    Returns
    -------
    ndarray of float, shape (m,)
        The smallest level at which each hypothesis is rejected, at most 1.
    """
    w, g = weights.astype(np.float64), transitions.astype(np.float64)
    adjusted = np.ones(len(p_values))
    left = list(range(len(p_values)))
    reached = 0.0
    while left:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(w[left] > 0, p_values[left] / w[left], np.inf)
        j = left[int(np.argmin(ratio))]
        if not np.isfinite(ratio.min()):
            break  # nothing that is left has any level: it cannot be rejected
        reached = max(reached, float(ratio.min()))
        adjusted[j] = min(reached, 1.0)
        left.remove(j)
        w, g = _without(j, left, w, g)
    return adjusted


def _without(
    j: int, left: list[int], w: FloatArray, g: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Hand the weight of a rejected hypothesis on, and close the graph over it."""
    new_w, new_g = np.zeros_like(w), np.zeros_like(g)
    for a in left:
        new_w[a] = w[a] + w[j] * g[j, a]
        loop = g[a, j] * g[j, a]
        if loop < 1:
            for b in left:
                if b != a:
                    new_g[a, b] = (g[a, b] + g[a, j] * g[j, b]) / (1 - loop)
    return new_w, new_g
