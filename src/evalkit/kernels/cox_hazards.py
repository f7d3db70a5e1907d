r"""The score test of proportional hazards.

The alternative is that coefficient j changes with time as :math:`\beta_j + \theta_j \varphi(t)`.
The score of :math:`\theta` at 0 is the sum of :math:`\varphi` times the Schoenfeld residuals, and
its information, beside that of :math:`\beta`, the sum of the risk sets' variances times
:math:`\varphi` and :math:`\varphi^2`: the test needs no approximation of the variances by their
mean, and no second fit.

References
----------
.. [1] Grambsch PM, Therneau TM (1994). Proportional hazards tests and diagnostics based on
   weighted residuals. Biometrika 81:515-526. doi:10.1093/biomet/81.3.515
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.kernels.cox import CoxFit, solve_spd
from evalkit.kernels.cox_likelihood import information
from evalkit.typing import FloatArray, IntArray

__all__ = ["HazardsTest", "proportional_hazards_test"]


@dataclass(frozen=True, slots=True)
class HazardsTest:
    """Score tests of proportional hazards.

    Attributes
    ----------
    statistic : ndarray of float, shape (T + 1,)
        For each group of coefficients, and for all of them: chi-squared.
    df : ndarray of int, shape (T + 1,)
        Degrees of freedom.
    slope : ndarray of float, shape (p,)
        First step towards the maximum: by how much each coefficient changes as the transform of
        time goes up by one, all taken together.
    """

    statistic: FloatArray
    df: IntArray
    slope: FloatArray


def proportional_hazards_test(
    fit: CoxFit, transform: FloatArray, groups: Sequence[Sequence[int]]
) -> HazardsTest:
    """Test whether coefficients change with a transform of time.

    Parameters
    ----------
    fit : CoxFit
        The fit.
    transform : ndarray of float, shape (G,)
        The transform at each event time.
    groups : sequence of sequence of int
        Coefficients tested together, such as those of one term.

    Returns
    -------
    HazardsTest
        One test for each group, and the global one last.
    """
    data, risk, at = fit.data, fit.risk, fit.at
    p = len(fit.coefficients)
    middle = np.average(transform, weights=risk.deaths)
    phi = transform - middle
    spread = float(np.sqrt(np.average(phi**2, weights=risk.deaths)))
    if not spread > 0:
        blank = np.full(len(groups) + 1, np.nan)
        return HazardsTest(blank, np.array([*map(len, groups), p]), np.full(p, np.nan))
    phi = phi / spread
    dead = phi[risk.exit] * risk.died
    if risk.weights is not None:
        dead *= risk.weights
    u = data.x @ dead - at.s1 @ (phi * data.mean_weight * at.a1)
    if data.efron:
        u += at.d1 @ (phi * data.mean_weight * at.a1f)
    whole = np.empty((2 * p, 2 * p))
    whole[:p, :p] = fit.information
    whole[:p, p:] = whole[p:, :p] = information(data, at, phi)
    whole[p:, p:] = information(data, at, phi**2)
    tests: list[float] = []
    slope = np.full(p, np.nan)
    for columns in (*groups, range(p)):
        chosen = np.array([*range(p), *(p + j for j in columns)])
        right = np.concatenate([np.zeros(p), u[list(columns)]])
        solved = solve_spd(whole[np.ix_(chosen, chosen)], right)
        tests.append(np.nan if solved is None else float(right @ solved))
        if solved is not None and len(columns) == p:
            slope[list(columns)] = solved[p:] / spread
    return HazardsTest(np.array(tests), np.array([*map(len, groups), p]), slope)
