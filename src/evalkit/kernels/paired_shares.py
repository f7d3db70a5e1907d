r"""Two shares of the same people: McNemar's test, Bowker's, and Tango's interval of the difference.

Only pairs that differ tell the shares apart: b of n are counted by the first measurement alone and
c by the second alone. McNemar's test [1]_ asks whether b and c are equally probable; Tango's
interval [2]_ of :math:`(b - c)/n` contains all differences that the score test does not reject, and
leaves out 0 exactly where McNemar's test without continuity correction does.

References
----------
.. [1] McNemar Q (1947). Note on the sampling error of the difference between correlated
   proportions or percentages. Psychometrika 12:153-157. doi:10.1007/BF02295996
.. [2] Tango T (1998). Equivalence test and confidence interval for the difference in proportions
   for the paired-sample design. Stat Med 17:891-908.
   doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B
.. [3] Bowker AH (1948). A test for symmetry in contingency tables. J Am Stat Assoc 43:572-574.
   doi:10.1080/01621459.1948.10483284
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.kernels.numeric import bisect, chi_square_tail, floats, normal_quantile
from evalkit.kernels.proportions import binomial_test, mid_p_test
from evalkit.typing import FloatArray

__all__ = ["McNemar", "PairedDifference", "Symmetry", "mcnemar", "symmetry", "tango"]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Differences of paired shares, arrays of the counts' common shape.

    ``std_error`` is the unrestricted one; the limits are not built from it.
    """

    estimate: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test in four forms.

    Attributes
    ----------
    chi2, p_value : float
        Without continuity correction; NaN if no pair differs.
    chi2_corrected, p_corrected : float
        With it.
    p_exact, p_mid : float
        From the binomial distribution, and with half the probability of what was observed. Both
        are 1 if no pair differs.
    """

    chi2: float
    p_value: float
    chi2_corrected: float
    p_corrected: float
    p_exact: float
    p_mid: float


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Bowker's test that a square table is symmetric; NaN if no pair differs."""

    chi2: float
    df: int
    p_value: float


def tango(
    b: npt.ArrayLike, c: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95
) -> PairedDifference:
    """Return the difference of two paired shares with its score interval.

    Parameters
    ----------
    b, c : array_like
        People counted by the first measurement alone, and by the second alone.
    n : array_like
        All people, at least 1.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    PairedDifference
        (b - c) / n and its limits. R: ``PropCIs::scoreci.mp``.

    Examples
    --------
    >>> found = tango(40, 20, 160)
    >>> float(found.estimate), float(found.low.round(4)), float(found.high.round(4))
    (0.125, 0.0309, 0.2181)
    """
    first, second, total = floats(b, c, n)
    z = normal_quantile(level)
    estimate = (first - second) / total
    spread = (first + second) / total**2 - (first - second) ** 2 / total**3

    def far(delta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance of the estimate from a difference, and z times its standard error there."""
        middle = (2 * total - first + second) * delta - first - second
        root = np.sqrt(np.maximum(middle**2 + 8 * total * second * delta * (1 - delta), 0.0))
        only_second = np.maximum((root - middle) / (4 * total), 0.0)
        variance = np.maximum(2 * only_second + delta * (1 - delta), 0.0)
        return estimate - delta, z * np.sqrt(variance / total)

    def too_low(delta: FloatArray) -> npt.NDArray[np.bool_]:
        distance, allowed = far(delta)
        return distance > allowed

    def not_too_high(delta: FloatArray) -> npt.NDArray[np.bool_]:
        distance, allowed = far(delta)
        return -distance <= allowed

    low = np.where(second == total, -1.0, bisect(too_low, -1.0, estimate))
    high = np.where(first == total, 1.0, bisect(not_too_high, estimate, 1.0))
    return PairedDifference(estimate, np.sqrt(np.maximum(spread, 0.0)), low, high)


def mcnemar(b: int, c: int) -> McNemar:
    """Test whether two measurements count equally many of the same people.

    Parameters
    ----------
    b, c : int
        People counted by the first alone, and by the second alone.

    Returns
    -------
    McNemar
        The test, asymptotic and exact. R: ``mcnemar.test(table)`` and
        ``binom.test(b, b + c)``.

    Examples
    --------
    >>> test = mcnemar(15, 5)
    >>> test.chi2, round(test.p_value, 4), round(test.p_exact, 4)
    (5.0, 0.0253, 0.0414)
    """
    differing = b + c
    if differing == 0:
        return McNemar(math.nan, math.nan, math.nan, math.nan, 1.0, 1.0)
    plain = (b - c) ** 2 / differing
    corrected = max(abs(b - c) - 1, 0) ** 2 / differing
    return McNemar(
        plain,
        float(chi_square_tail(plain, 1)),
        corrected,
        float(chi_square_tail(corrected, 1)),
        float(binomial_test(b, differing, 0.5)),
        float(mid_p_test(b, differing, 0.5)),
    )


def symmetry(table: FloatArray) -> Symmetry:
    """Test whether a square table is symmetric.

    Parameters
    ----------
    table : ndarray of float, shape (k, k)
        Counts.

    Returns
    -------
    Symmetry
        Bowker's test [3]_; pairs of cells that are both empty have no degree of freedom. R:
        ``mcnemar.test(table)`` where no such pair is empty.
    """
    upper = np.triu_indices(len(table), 1)
    b, c = table[upper], table.T[upper]
    some = b + c > 0
    df = int(some.sum())
    if df == 0:
        return Symmetry(math.nan, 0, math.nan)
    chi2 = float(((b - c)[some] ** 2 / (b + c)[some]).sum())
    return Symmetry(chi2, df, float(chi_square_tail(chi2, df)))
