"""Wald intervals and tests from estimates and standard errors."""

from __future__ import annotations

import numpy as np
from scipy import special

from evalkit.kernels.numeric import normal_quantile
from evalkit.typing import FloatArray

__all__ = ["wald"]


def wald(estimate: FloatArray, std_error: FloatArray, level: float) -> dict[str, FloatArray]:
    """Return the columns of a Wald interval and test that a difference is 0.

    Parameters
    ----------
    estimate, std_error : ndarray of float, shape (k,)
        Estimates and standard errors; without spread there is no test.
    level : float
        Confidence level.

    Returns
    -------
    dict
        Columns of an effect table, ``estimate`` to ``conf_high``.
    """
    spread = np.where(std_error > 0, std_error, np.nan)
    statistic = estimate / spread
    half = normal_quantile(level) * std_error
    return {
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": 2 * special.ndtr(-np.abs(statistic)),
        "conf_low": estimate - half,
        "conf_high": estimate + half,
    }
