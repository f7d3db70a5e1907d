"""P-values adjusted for their number.

References
----------
.. [1] Holm S (1979). A simple sequentially rejective multiple test procedure.
   Scand J Stat 6:65-70.
.. [2] Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and
   powerful approach to multiple testing. J R Stat Soc B 57:289-300.
   doi:10.1111/j.2517-6161.1995.tb02031.x
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from evalkit.typing import FloatArray

__all__ = ["Adjustment", "adjust"]

Adjustment: TypeAlias = Literal["holm", "bonferroni", "bh", "none"]


def adjust(p_values: npt.ArrayLike, method: Adjustment) -> FloatArray:
    """Adjust p-values for their number.

    Parameters
    ----------
    p_values : array_like, shape (m,)
        The p-values; missing ones stay missing and are not counted.
    method : {"holm", "bonferroni", "bh", "none"}
        Holm's step-down, Bonferroni, or Benjamini and Hochberg's false discovery rate.

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
    if method == "bonferroni":
        adjusted = given * m
    elif method == "holm":
        adjusted[order] = np.maximum.accumulate(given[order] * np.arange(m, 0, -1))
    elif method == "bh":
        falling = given[order] * m / np.arange(1, m + 1)
        adjusted[order] = np.minimum.accumulate(falling[::-1])[::-1]
    return np.minimum(adjusted, 1.0)
