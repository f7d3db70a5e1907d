"""Intervals and tests from estimates, standard errors and degrees of freedom."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.kernels.numeric import floats
from evalkit.typing import FloatArray

__all__ = ["student", "student_quantile", "student_tail"]


def student_tail(statistic: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Return P(T > statistic) for Student's t; the normal distribution where df is infinite.

    Parameters
    ----------
    statistic : array_like
        Points.
    df : array_like
        Degrees of freedom, positive, whole or not.

    Returns
    -------
    ndarray of float
        Upper tail probabilities, small ones with their relative precision.
    """
    t, nu = floats(statistic, df)
    finite = np.where(np.isinf(nu), 1.0, nu)
    # For large df the argument of the incomplete beta function is near 1: use its complement.
    share = t * t / (finite + t * t)
    tail = special.betainc(finite / 2, 0.5, finite / (finite + t * t)) / 2
    near = special.betaincc(0.5, finite / 2, share) / 2
    tail = np.where(share < 0.5, near, tail)
    return np.where(np.isinf(nu), special.ndtr(-t), np.where(t >= 0, tail, 1 - tail))


def student_quantile(level: float, df: npt.ArrayLike) -> FloatArray:
    """Return the t that has probability ``level`` between -t and t.

    Parameters
    ----------
    level : float
        Probability, strictly between 0 and 1.
    df : array_like
        Degrees of freedom; infinite ones give the normal quantile.

    Returns
    -------
    ndarray of float
        The quantiles. R: ``qt((1 + level) / 2, df)``.
    """
    (nu,) = floats(df)
    finite = np.where(np.isinf(nu), 1.0, nu)
    inner = special.betaincinv(0.5, finite / 2, level)  # t^2 / (df + t^2)
    outer = special.betaincinv(finite / 2, 0.5, 1 - level)  # df / (df + t^2)
    near = np.minimum(inner, 0.5)
    far = np.clip(outer, np.finfo(float).tiny, 1.0)
    ratio = np.where(inner < 0.5, near / (1 - near), (1 - far) / far)
    return np.where(np.isinf(nu), -special.ndtri((1 - level) / 2), np.sqrt(finite * ratio))


def student(
    estimate: npt.ArrayLike, std_error: npt.ArrayLike, df: npt.ArrayLike, level: float
) -> dict[str, FloatArray]:
    """Return the columns of a t interval and of the test that a difference is 0.

    Parameters
    ----------
    estimate, std_error, df : array_like, shape (k,)
        Estimates, standard errors and degrees of freedom; infinite ones stand for the normal
        distribution. Where a standard error is 0 there is no test; where it or the degrees of
        freedom are NaN there is no interval either.
    level : float
        Confidence level.

    Returns
    -------
    dict
        Columns of an effect table, ``estimate`` to ``conf_high``.
    """
    value, spread, nu = floats(estimate, std_error, df)
    positive = np.where(spread > 0, spread, np.nan)
    statistic = value / positive
    half = student_quantile(level, nu) * spread
    return {
        "estimate": value,
        "std_error": spread,
        "statistic": statistic,
        "df": nu,
        "p_value": 2 * student_tail(np.abs(statistic), nu),
        "conf_low": value - half,
        "conf_high": value + half,
    }
