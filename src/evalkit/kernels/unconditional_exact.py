r"""Unconditional exact intervals for the difference and the ratio of two proportions.

A difference or ratio stays in the interval if neither one-sided test rejects it at
(1 - level) / 2. The tables are ordered by the score statistic, and the tail probability is the
largest that any value of the nuisance parameter gives (Chan and Zhang [1]_). The mid-p version
counts half the probability of the tables that are as extreme as the one observed.

Tail probabilities need not be monotone in the effect. Of the effects that are not rejected, the
outermost are taken as ends, found on a grid and then by bisection, so that the interval holds
them all.

References
----------
.. [1] Chan ISF, Zhang Z (1999). Test-based exact confidence intervals for the difference of two
   binomial proportions. Biometrics 55:1202-1209. doi:10.1111/j.0006-341X.1999.01202.x
.. [2] Agresti A, Min Y (2001). On small-sample confidence intervals for parameters in discrete
   distributions. Biometrics 57:963-971. doi:10.1111/j.0006-341X.2001.00963.x
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from evalkit.kernels.proportion_differences import score_statistic
from evalkit.kernels.proportion_ratios import ratio_statistic
from evalkit.typing import FloatArray

__all__ = ["LARGEST_TABLES", "ExactInterval", "exact_difference", "exact_ratio"]

LARGEST_TABLES = 40_000
"""Number of possible tables, (n1 + 1)(n0 + 1), beyond which the exact methods are too slow."""

_TIE = 1e-9
_NUISANCE = 129
_REFINED = 17
_EFFECTS = 65
_HALVINGS = 40

_Nuisance: TypeAlias = tuple[float, float]
_Statistic: TypeAlias = Callable[[FloatArray, FloatArray, float], FloatArray]


@dataclass(frozen=True, slots=True)
class ExactInterval:
    """An exact interval and test.

    Attributes
    ----------
    low, high : float
        Ends of the interval.
    p_value : float
        Two-sided: twice the smaller of the one-sided p-values of no effect, at most 1.
    """

    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class _Problem:
    """One table, and the family of effects in question on a scale u where bisection is fair."""

    x1: int
    n1: int
    x0: int
    n0: int
    statistic: _Statistic
    p1_of: Callable[[FloatArray, float], FloatArray]  # of p0 and u
    p0_range: Callable[[float], _Nuisance]
    own: float

    def tail(self, u: float, side: int) -> float:
        """Largest probability of a statistic at least (1), or at most (-1), the one observed."""
        x1, x0 = np.arange(self.n1 + 1.0)[:, None], np.arange(self.n0 + 1.0)[None, :]
        z = self.statistic(x1, x0, u)
        seen = z[self.x1, self.x0]
        with np.errstate(invalid="ignore"):
            gap = np.where(z == seen, 0.0, z - seen) * side
        tie = np.abs(gap) <= _TIE * (1 + np.abs(seen)) if np.isfinite(seen) else gap == 0
        return self._largest(u, ((gap > 0) & ~tie) + self.own * tie)

    def _largest(self, u: float, weight: FloatArray) -> float:
        """Search the nuisance parameter on a grid, then on ever finer ones about its best."""
        low, high = self.p0_range(u)
        best, points = 0.0, _NUISANCE
        for _ in range(4):
            grid = np.linspace(low, high, points)
            arm = _binomial(self.n1, self.p1_of(grid, u))
            chance = ((arm @ weight) * _binomial(self.n0, grid)).sum(axis=1)
            at = int(np.argmax(chance))
            best = max(best, float(chance[at]))
            low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, points - 1)])
            points = _REFINED
        return min(best, 1.0)

    def p_value(self, u: float) -> float:
        """Twice the smaller tail."""
        return min(1.0, 2 * min(self.tail(u, 1), self.tail(u, -1)))


def _binomial(n: int, p: FloatArray) -> FloatArray:
    """Binomial probabilities, one row for each p."""
    k = np.arange(n + 1.0)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    p = p[:, None]
    return np.exp(ways + special.xlogy(k, p) + special.xlog1py(n - k, -p))


def exact_difference(
    x1: int, n1: int, x0: int, n0: int, level: float = 0.95, *, mid_p: bool = False
) -> ExactInterval:
    """Exact interval and test for p1 - p0.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Successes and trials of the two groups; see ``LARGEST_TABLES``.
    level : float, default 0.95
        Confidence level; without ``mid_p`` the coverage is never below it.
    mid_p : bool, default False
        Whether to count half the probability of ties with the observed table.

    Returns
    -------
    ExactInterval
        The interval and test.

    Examples
    --------
    >>> result = exact_difference(3, 4, 0, 4)
    >>> round(result.low, 3), round(result.high, 3)
    (-0.053, 0.994)
    """
    problem = _Problem(
        x1,
        n1,
        x0,
        n0,
        lambda a, b, delta: score_statistic(a, n1, b, n0, delta, corrected=False),
        lambda p0, delta: np.clip(p0 + delta, 0.0, 1.0),
        lambda delta: (max(0.0, -delta), min(1.0, 1 - delta)),
        0.5 if mid_p else 1.0,
    )
    estimate = x1 / n1 - x0 / n0
    tail = (1 - level) / 2
    low = _end(lambda u: problem.tail(u, 1) > tail, -1.0, estimate)
    high = _end(lambda u: problem.tail(u, -1) > tail, 1.0, estimate)
    return ExactInterval(low, high, problem.p_value(0.0))


def exact_ratio(
    x1: int, n1: int, x0: int, n0: int, level: float = 0.95, *, mid_p: bool = False
) -> ExactInterval:
    """Exact interval and test for p1 / p0.

    Parameters
    ----------
    x1, n1, x0, n0 : int
        Successes and trials of the two groups; see ``LARGEST_TABLES``.
    level : float, default 0.95
        Confidence level; without ``mid_p`` the coverage is never below it.
    mid_p : bool, default False
        Whether to count half the probability of ties with the observed table.

    Returns
    -------
    ExactInterval
        The interval, 0 to infinity where nobody succeeded, and the test.

    Examples
    --------
    >>> result = exact_ratio(4, 6, 0, 5)
    >>> round(result.low, 2), result.high
    (1.17, inf)
    """

    def statistic(a: FloatArray, b: FloatArray, u: float) -> FloatArray:
        return ratio_statistic(a, n1, b, n0, u / (1 - u), corrected=False)

    problem = _Problem(
        x1,
        n1,
        x0,
        n0,
        statistic,
        lambda p0, u: np.clip(p0 * (u / (1 - u)), 0.0, 1.0),
        lambda u: (0.0, min(1.0, (1 - u) / u)),
        0.5 if mid_p else 1.0,
    )
    tail = (1 - level) / 2
    edge = 1e-12
    if x1 + x0 == 0:
        return ExactInterval(0.0, np.inf, 1.0)
    share = (x1 / n1) / (x1 / n1 + x0 / n0)
    low, high = 0.0, np.inf
    if x1 > 0:
        u = _end(lambda u: problem.tail(u, 1) > tail, edge, min(share, 1 - edge))
        low = u / (1 - u)
    if x0 > 0:
        u = _end(lambda u: problem.tail(u, -1) > tail, 1 - edge, max(share, edge))
        high = u / (1 - u)
    return ExactInterval(low, high, problem.p_value(0.5))


def _end(kept: Callable[[float], bool], outside: float, inside: float) -> float:
    """Find the outermost effect that is kept, coming from outside."""
    if kept(outside):
        return outside
    grid = np.linspace(outside, inside, _EFFECTS).tolist()
    out = next((i for i, u in enumerate(grid) if i > 0 and kept(u)), len(grid) - 1)
    far, near = grid[out - 1], grid[out]
    for _ in range(_HALVINGS):
        middle = (far + near) / 2
        far, near = (far, middle) if kept(middle) else (middle, near)
    return (far + near) / 2
