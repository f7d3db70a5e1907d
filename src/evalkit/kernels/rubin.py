"""Rubin's rules: estimates from several completed data sets as one, with its degrees of freedom.

References
----------
.. [1] Rubin DB (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
   doi:10.1002/9780470316696
.. [2] Barnard J, Rubin DB (1999). Small-sample degrees of freedom with multiple imputation.
   Biometrika 86:948-955. doi:10.1093/biomet/86.4.948
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evalkit.typing import FloatArray

__all__ = ["Pooled", "pool"]


_ROUNDING = 1e-20  # of variances: what equal estimates differ by
_EQUAL = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Pooled:
    """Estimates pooled over imputations; arrays have one entry for each of the c estimates.

    Attributes
    ----------
    estimate : ndarray of float, shape (c,)
        Mean over the imputations.
    within, between, total : ndarray of float, shape (c,)
        Mean of the variances, variance of the estimates, and the variance of ``estimate`` as an
        estimate: within + (1 + 1/m) between.
    df : ndarray of float, shape (c,)
        Degrees of freedom of Barnard and Rubin.
    relative_increase : ndarray of float, shape (c,)
        (1 + 1/m) between / within.
    missing_information : ndarray of float, shape (c,)
        The share of the information about the estimate that the missing values take with them.
    monte_carlo_error : ndarray of float, shape (c,)
        Standard deviation of ``estimate`` over repeated imputation of the same data.
    """

    estimate: FloatArray
    within: FloatArray
    between: FloatArray
    total: FloatArray
    df: FloatArray
    relative_increase: FloatArray
    missing_information: FloatArray
    monte_carlo_error: FloatArray


def pool(
    estimates: FloatArray, variances: FloatArray, df_complete: npt.ArrayLike = np.inf
) -> Pooled:
    r"""Pool by Rubin's rules [1]_, with degrees of freedom that a small sample can bear [2]_.

    With :math:`\lambda = (1 + 1/m) B / T`, :math:`\nu_m = (m - 1) / \lambda^2` and
    :math:`\nu_o = (1 - \lambda)\, \nu (\nu + 1) / (\nu + 3)`, where :math:`\nu` are the degrees
    of freedom of complete data, there are :math:`1 / (1 / \nu_m + 1 / \nu_o)`.

    Parameters
    ----------
    estimates, variances : ndarray of float, shape (c, m)
        Estimates and their squared standard errors, one column for each imputation, m >= 2.
    df_complete : array_like, shape (c,), optional
        Degrees of freedom that the estimates would have without missing values.

    Returns
    -------
    Pooled
        The pooled estimates. As R's ``mice::pool``, except that mice takes a
        :math:`\lambda` below 0.0001 for 0.0001.
    """
    m = estimates.shape[1]
    estimate, within = estimates.mean(axis=1), variances.mean(axis=1)
    between = estimates.var(axis=1, ddof=1)
    # Imputations that differ by rounding alone do not differ.
    reach = _EQUAL * np.abs(estimates).max(axis=1)
    between = np.where(np.ptp(estimates, axis=1) <= reach, 0.0, between)
    extra = (1 + 1 / m) * between
    total = within + extra
    df = np.broadcast_to(np.asarray(df_complete, dtype=np.float64), estimate.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, extra / total, 0.0)
        ratio = (df + 1) / (df + 3)
        observed = np.where(np.isinf(df), np.inf, np.where(np.isinf(df), 1.0, ratio) * df)
        observed = observed * (1 - share)
        pooled_df = 1 / (share**2 / (m - 1) + 1 / observed)
        increase = np.where(extra > 0, extra / within, 0.0)
    information = np.where(
        np.isinf(increase), 1.0, (increase + 2 / (pooled_df + 3)) / (increase + 1)
    )
    return Pooled(
        estimate,
        within,
        between,
        total,
        pooled_df,
        increase,
        np.where(share > _ROUNDING, information, 0.0),
        np.sqrt(between / m),
    )
