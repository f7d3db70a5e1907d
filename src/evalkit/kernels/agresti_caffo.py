"""The difference of two proportions by Agresti and Caffo: Wald's, with four pretended persons.

References
----------
.. [1] Agresti A, Caffo B (2000). Simple and effective confidence intervals for proportions and
   differences of proportions result from adding two successes and two failures.
   Am Stat 54:280-288. doi:10.1080/00031305.2000.10474560
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evalkit.kernels.numeric import floats, normal_quantile
from evalkit.kernels.proportion_differences import ProportionDifference

__all__ = ["agresti_caffo"]


def agresti_caffo(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    level: float = 0.95,
) -> ProportionDifference:
    r"""Agresti and Caffo's interval [1]_: one success and one failure are added to each group.

    With :math:`\tilde p_i = (x_i + 1)/(n_i + 2)` the interval is
    :math:`\tilde p_1 - \tilde p_0 \pm z \sqrt{\sum_i \tilde p_i(1-\tilde p_i)/(n_i + 2)}`, cut
    off at -1 and 1. The estimate given is the plain difference.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    ProportionDifference
        Estimates and limits; ``std_error`` is the plain difference's, and the method has no test.

    Examples
    --------
    >>> result = agresti_caffo(10, 10, 0, 10)
    >>> round(result.low.item(), 4), round(result.high.item(), 4)
    (0.6122, 1.0)
    """
    x1, n1, x0, n0 = floats(x1, n1, x0, n0)
    p1, p0 = x1 / n1, x0 / n0
    more1, more0 = (x1 + 1) / (n1 + 2), (x0 + 1) / (n0 + 2)
    spread = np.sqrt(more1 * (1 - more1) / (n1 + 2) + more0 * (1 - more0) / (n0 + 2))
    half = normal_quantile(level) * spread
    no_test = np.full_like(p1, np.nan)
    return ProportionDifference(
        p1 - p0,
        np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0),
        np.maximum(more1 - more0 - half, -1.0),
        np.minimum(more1 - more0 + half, 1.0),
        no_test,
        no_test.copy(),
    )
