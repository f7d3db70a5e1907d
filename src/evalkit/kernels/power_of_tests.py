"""Power of tests that compare two arms, from the law of their statistic."""

from __future__ import annotations

import numpy as np
from scipy import special

from evalkit.kernels.proportion_differences import score_statistic
from evalkit.typing import FloatArray

__all__ = ["arms_df", "exact_power", "normal_power", "student_power"]


def normal_power(
    shift: FloatArray, null_error: FloatArray, error: FloatArray, alpha: float, sides: int
) -> FloatArray:
    """Return the power of a normal test whose standard error may differ under the null.

    Parameters
    ----------
    shift : ndarray of float, shape (k,)
        True effect minus the effect under the null hypothesis.
    null_error, error : ndarray of float, shape (k,)
        Standard error with which the test is made, and the estimate's true one.
    alpha : float
        Size of the test, both sides together.
    sides : {1, 2}
        Whether only large values reject, or small ones as well.

    Returns
    -------
    ndarray of float, shape (k,)
        The probability of rejecting, on either side if ``sides`` is 2.
    """
    limit = -special.ndtri(alpha / sides) * null_error
    power = special.ndtr((shift - limit) / error)
    return power + special.ndtr((-shift - limit) / error) if sides == 2 else power


def student_power(
    shift: FloatArray, error: FloatArray, df: FloatArray, alpha: float, sides: int
) -> FloatArray:
    """Return the power of a t test, from the noncentral t distribution.

    Parameters
    ----------
    shift, error : ndarray of float, shape (k,)
        True effect minus that under the null hypothesis, and its standard error.
    df : ndarray of float, shape (k,)
        Degrees of freedom.
    alpha : float
        Size of the test, both sides together.
    sides : {1, 2}
        Whether only large values reject, or small ones as well.

    Returns
    -------
    ndarray of float, shape (k,)
        The probability of rejecting. R: ``power.t.test(strict = TRUE)``.
    """
    from scipy.stats import nct

    limit = special.stdtrit(df, 1 - alpha / sides)
    centre = shift / error
    # By symmetry both tails are upper tails, in which the distribution keeps its digits.
    power: FloatArray = np.asarray(nct.sf(limit, df, centre), dtype=np.float64)
    return power + np.asarray(nct.sf(limit, df, -centre)) if sides == 2 else power


def arms_df(
    variance: tuple[FloatArray, FloatArray], df: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return Satterthwaite's degrees of freedom of a difference of two independent means.

    Parameters
    ----------
    variance : tuple of ndarray of float
        Variance of the mean in each arm.
    df : tuple of ndarray of float
        Degrees of freedom of each variance.

    Returns
    -------
    ndarray of float
        The degrees of freedom of the sum.
    """
    total = variance[0] + variance[1]
    return total**2 / (variance[0] ** 2 / df[0] + variance[1] ** 2 / df[1])


def exact_power(
    p1: float, n1: int, p0: float, n0: int, *, delta: float, alpha: float, sides: int
) -> float:
    """Return the power of Miettinen and Nurminen's test, by adding up all possible outcomes.

    Parameters
    ----------
    p1, p0 : float
        True risks.
    n1, n0 : int
        Persons in each arm.
    delta : float
        Difference under the null hypothesis.
    alpha : float
        Nominal size of the test, both sides together.
    sides : {1, 2}
        Whether only large differences reject, or small ones as well.

    Returns
    -------
    float
        The probability of rejecting. Memory and time grow as ``n1 * n0``.
    """
    x1, x0 = np.arange(n1 + 1.0), np.arange(n0 + 1.0)
    z = score_statistic(x1[:, None], n1, x0[None, :], n0, delta)
    limit = -float(special.ndtri(alpha / sides))
    rejects = (np.abs(z) if sides == 2 else z) >= limit
    return float(_binomial(x1, n1, p1) @ rejects @ _binomial(x0, n0, p0))


def _binomial(x: FloatArray, n: int, p: float) -> FloatArray:
    """Return binomial probabilities, also where p is 0 or 1."""
    log_ways = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
    return np.exp(log_ways + special.xlogy(x, p) + special.xlog1py(n - x, -p))
