r"""Exact inference on an odds ratio, given both margins of a two-by-two table.

Given the numbers in the groups and the number m of successes, the successes in the arm follow the
noncentral hypergeometric distribution, :math:`P(X = k) \propto \binom{n_1}{k}\binom{n_0}{m-k}
\psi^k`, which depends on the odds ratio alone. Limits put (1 - level) / 2 of probability beyond
the observed count, all of its own (exact) or half of it (mid-p); the two-sided p-value is twice
the smaller tail, so that interval and test agree.

References
----------
.. [1] Fisher RA (1935). The logic of inductive inference. J R Stat Soc 98:39-82.
   doi:10.2307/2342435
.. [2] Lancaster HO (1961). Significance tests in discrete distributions.
   J Am Stat Assoc 56:223-234. doi:10.1080/01621459.1961.10482105
.. [3] Fay MP (2010). Confidence intervals that match Fisher's exact or Blaker's exact tests.
   Biostatistics 11:373-374. doi:10.1093/biostatistics/kxp050
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.kernels.numeric import bisect, floats
from evalkit.kernels.proportion_ratios import ProportionRatio
from evalkit.typing import BoolArray, FloatArray

__all__ = ["conditional_odds_ratio"]

_FARTHEST = 60.0


@dataclass(frozen=True, slots=True)
class _Table:
    """The distribution of the arm's successes on its support, at an odds ratio of 1."""

    count: FloatArray
    log_ways: FloatArray
    observed: int  # position in the support

    def mean_below(self, at: FloatArray) -> BoolArray:
        """Say where the expected count falls short of the observed one, at log odds ratios."""
        return self._shares(at) @ self.count < self.count[self.observed]

    def upper(self, at: FloatArray, own: float) -> FloatArray:
        """Probability of more than was observed, and a share of that of just as many."""
        shares = self._shares(at)
        return shares[..., self.observed + 1 :].sum(axis=-1) + own * shares[..., self.observed]

    def lower(self, at: FloatArray, own: float) -> FloatArray:
        """Probability of less than was observed, and a share of that of just as many."""
        shares = self._shares(at)
        return shares[..., : self.observed].sum(axis=-1) + own * shares[..., self.observed]

    def _shares(self, at: FloatArray) -> FloatArray:
        """Probabilities of the support, at log odds ratios."""
        log = self.log_ways + np.asarray(at)[..., None] * self.count
        weight = np.exp(log - log.max(axis=-1, keepdims=True))
        return weight / weight.sum(axis=-1, keepdims=True)


def conditional_odds_ratio(
    x1: npt.ArrayLike,
    n1: npt.ArrayLike,
    x0: npt.ArrayLike,
    n0: npt.ArrayLike,
    level: float = 0.95,
    *,
    mid_p: bool = False,
) -> ProportionRatio:
    """Conditional maximum likelihood estimate of an odds ratio, with an exact interval and test.

    R: ``fisher.test(matrix(c(x1, x0, n1 - x1, n0 - x0), 2))`` gives the estimate and, without
    ``mid_p``, the interval; its two-sided p-value adds the probabilities of all less likely
    tables instead, and may contradict the interval [3]_.

    Parameters
    ----------
    x1, n1, x0, n0 : array_like
        Successes and trials of the two groups, whole numbers.
    level : float, default 0.95
        Confidence level. The exact interval's coverage is never below it.
    mid_p : bool, default False
        Count half of the observed table's probability [2]_: shorter, with a coverage near the
        level on average, at times below it.

    Returns
    -------
    ProportionRatio
        Estimates, limits and tests; ``statistic`` is NaN, for there is none. Where nobody or
        everybody succeeded the estimate is NaN and the interval from 0 to infinity.

    Examples
    --------
    >>> result = conditional_odds_ratio(7, 34, 1, 34)
    >>> round(result.estimate.item(), 3), round(result.p_value.item(), 4)
    (8.329, 0.0544)
    """
    counts = floats(x1, n1, x0, n0)
    own, tail = (0.5 if mid_p else 1.0), (1 - level) / 2
    shape = counts[0].shape
    estimate, low, high, p_value = (np.full(shape, np.nan) for _ in range(4))
    for i in np.ndindex(shape):
        table = _table(*(float(c[i]) for c in counts))
        last = len(table.count) - 1
        low[i], high[i], p_value[i] = 0.0, np.inf, 1.0
        if last == 0:
            continue
        end = np.array([_FARTHEST])
        if table.observed == 0:
            estimate[i] = 0.0
        elif table.observed == last:
            estimate[i] = np.inf
        else:
            found = bisect(lambda at, t=table: t.mean_below(at), -end, end)
            estimate[i] = np.exp(found[0])
        if table.observed > 0:
            low[i] = np.exp(bisect(lambda at, t=table: t.upper(at, own) < tail, -end, end)[0])
        if table.observed < last:
            high[i] = np.exp(bisect(lambda at, t=table: t.lower(at, own) > tail, -end, end)[0])
        null = np.zeros(1)
        smaller = min(float(table.upper(null, own)[0]), float(table.lower(null, own)[0]))
        p_value[i] = min(1.0, 2 * smaller)
    x1, n1, x0, n0 = counts
    with np.errstate(divide="ignore"):
        std_error = np.sqrt(1 / x1 + 1 / (n1 - x1) + 1 / x0 + 1 / (n0 - x0))
    std_error = np.where(np.isfinite(std_error), std_error, np.nan)
    return ProportionRatio(estimate, std_error, low, high, np.full(shape, np.nan), p_value)


def _table(x1: float, n1: float, x0: float, n0: float) -> _Table:
    """Lay out the support of the arm's successes."""
    m = x1 + x0
    first = max(0.0, m - n0)
    count = np.arange(first, min(n1, m) + 1)
    ways = -special.gammaln(count + 1) - special.gammaln(n1 - count + 1)
    ways = ways - special.gammaln(m - count + 1) - special.gammaln(n0 - m + count + 1)
    return _Table(count, ways - ways.max(), round(x1 - first))
