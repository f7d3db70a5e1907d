r"""What a confounder that was left out could do to a regression coefficient, in partial R².

A confounder Z that explains the shares :math:`R^2_Y` of the outcome's residual variance (given the
treatment and covariates) and :math:`R^2_D` of the treatment's (given the covariates) moves the
coefficient by exactly [1]_

.. math:: |bias| = se \sqrt{\frac{R^2_Y R^2_D}{1 - R^2_D} df}, \qquad
   se_Z = se \sqrt{\frac{1 - R^2_Y}{1 - R^2_D} \frac{df}{df - 1}}.

The robustness value is the common share of both that takes away a share q of the estimate.

References
----------
.. [1] Cinelli C, Hazlett C (2020). Making sense of sensitivity: extending omitted variable bias.
   J R Stat Soc B 82:39-67. doi:10.1111/rssb.12348
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.typing import FloatArray

__all__ = ["Adjusted", "adjusted", "benchmark_bounds", "partial_r2", "robustness_value"]


@dataclass(frozen=True, eq=False)
class Adjusted:
    """A coefficient after a confounder, that pulls it towards 0 or beyond, is allowed for.

    Attributes
    ----------
    estimate, std_error : ndarray of float
        The coefficient and its standard error, of the shape of the shares.
    """

    estimate: FloatArray
    std_error: FloatArray


def adjusted(
    estimate: float,
    std_error: float,
    df: float,
    r2_outcome: npt.ArrayLike,
    r2_treatment: npt.ArrayLike,
) -> Adjusted:
    """Allow for a confounder of given strength.

    Parameters
    ----------
    estimate, std_error : float
        The coefficient without it.
    df : float
        Residual degrees of freedom without it, above 1.
    r2_outcome : array_like
        Share of the outcome's residual variance that it explains, 0 to 1.
    r2_treatment : array_like
        Share of the treatment's residual variance that it explains, at least 0 and below 1.

    Returns
    -------
    Adjusted
        What it would have been with it. R: ``sensemakr::adjusted_estimate``.
    """
    ry, rd = np.asarray(r2_outcome, dtype=np.float64), np.asarray(r2_treatment, dtype=np.float64)
    bias = std_error * np.sqrt(ry * rd / (1 - rd) * df)
    sign = -1.0 if estimate < 0 else 1.0
    spread = std_error * np.sqrt((1 - ry) / (1 - rd) * df / (df - 1))
    return Adjusted(np.asarray(estimate - sign * bias), np.asarray(spread))


def robustness_value(t: float, df: float, *, q: float = 1.0, critical: float = 0.0) -> float:
    r"""Return how strong a confounder must be, with both, to take away a share of the estimate.

    Parameters
    ----------
    t : float
        The coefficient over its standard error.
    df : float
        Residual degrees of freedom, above 1.
    q : float, default 1
        The share; 1 takes all of it away.
    critical : float, default 0
        Quantile of Student's t on df - 1 degrees of freedom, to ask instead from which strength
        on the interval includes what is left.

    Returns
    -------
    float
        The common partial R². R: ``sensemakr::robustness_value``.

    Examples
    --------
    >>> round(robustness_value(4.18445, 783), 4)
    0.1388
    """
    f = q * abs(t) / np.sqrt(df)
    beyond = critical / np.sqrt(df - 1)
    if f <= beyond:
        return 0.0
    if beyond > 0 and f > 1 / beyond:  # then a confounder of the treatment alone suffices
        return float((f**2 - beyond**2) / (1 + f**2))
    g = f - beyond
    return float((np.sqrt(g**4 + 4 * g**2) - g**2) / 2)


def partial_r2(y: FloatArray, without: FloatArray, extra: FloatArray) -> float:
    """Return the share of the residual variance of a regression that further columns explain.

    Parameters
    ----------
    y : ndarray of float, shape (n,)
        The variable explained.
    without : ndarray of float, shape (n, k)
        Columns already there, an intercept among them.
    extra : ndarray of float, shape (n, m)
        The further columns.

    Returns
    -------
    float
        The partial R².
    """
    basis = np.linalg.qr(without)[0]
    rest = y - basis @ (basis.T @ y)
    columns = extra - basis @ (basis.T @ extra)
    explained = np.linalg.lstsq(columns, rest)[0]
    left = rest - columns @ explained
    return 1 - float(left @ left) / float(rest @ rest)


def benchmark_bounds(
    r2_treatment: float, r2_outcome: float, k: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Bound a confounder that is k times as strong as a covariate.

    Parameters
    ----------
    r2_treatment : float
        Partial R² of the covariate with the treatment, given the other covariates.
    r2_outcome : float
        Partial R² of the covariate with the outcome, given the treatment and the others.
    k : array_like
        How many times as strong, with the treatment and with the outcome.

    Returns
    -------
    treatment : ndarray of float
        Partial R² of the confounder with the treatment; 1 or more where none is so strong.
    outcome : ndarray of float
        The largest partial R² that it can then have with the outcome, at most 1; NaN where the
        confounder is impossible. R: ``sensemakr::ovb_bounds``.
    """
    times = np.asarray(k, dtype=np.float64)
    treatment = times * r2_treatment / (1 - r2_treatment)
    shared = times * r2_treatment**2 / ((1 - times * r2_treatment) * (1 - r2_treatment))
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = ((np.sqrt(times) + np.sqrt(shared)) / np.sqrt(1 - shared)) ** 2
    outcome = np.minimum(factor * r2_outcome / (1 - r2_outcome), 1.0)
    return treatment, np.where(treatment < 1, outcome, np.nan)
