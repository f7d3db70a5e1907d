r"""Intraclass correlations: how far several measurements of the same people agree.

With n people measured k times, and the mean squares between people :math:`B`, between
measurements (raters, occasions) :math:`J`, within people :math:`W` and of the residual :math:`E`:

.. math:: \mathrm{ICC1} = \frac{B - W}{B + (k-1)W}, \quad
    \mathrm{ICC2} = \frac{B - E}{B + (k-1)E + k(J - E)/n}, \quad
    \mathrm{ICC3} = \frac{B - E}{B + (k-1)E}

and, for the mean of the k measurements, :math:`(B-W)/B`, :math:`(B-E)/\{B + (J-E)/n\}` and
:math:`(B-E)/B`.

References
----------
.. [1] Shrout PE, Fleiss JL (1979). Intraclass correlations: uses in assessing rater reliability.
   Psychol Bull 86:420-428. doi:10.1037/0033-2909.86.2.420
.. [2] McGraw KO, Wong SP (1996). Forming inferences about some intraclass correlation
   coefficients. Psychol Methods 1:30-46. doi:10.1037/1082-989X.1.1.30
.. [3] de Vet HCW, Terwee CB, Knol DL, Bouter LM (2006). When to use agreement versus reliability
   measures. J Clin Epidemiol 59:1033-1039. doi:10.1016/j.jclinepi.2005.10.015
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.typing import FloatArray

__all__ = ["FORMS", "Intraclass", "MeanSquares", "intraclass", "mean_squares"]

FORMS = ("ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k")
"""The six coefficients, in the order of every array here."""

_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Two-way analysis of variance with one observation in each cell.

    Attributes
    ----------
    n, k : int
        People, and measurements of each.
    between : float
        Mean square between people, n - 1 degrees of freedom.
    raters : float
        Mean square between measurements, k - 1 degrees of freedom.
    within : float
        Mean square within people, n (k - 1) degrees of freedom.
    error : float
        Residual mean square, (n - 1)(k - 1) degrees of freedom.
    """

    n: int
    k: int
    between: float
    raters: float
    within: float
    error: float

    @property
    def sem_consistency(self) -> float:
        """Standard error of measurement without systematic differences between occasions."""
        return float(np.sqrt(self.error))

    @property
    def sem_agreement(self) -> float:
        """Standard error of measurement with systematic differences between occasions [3]_."""
        return float(np.sqrt(self.error + (self.raters - self.error) / self.n))


@dataclass(frozen=True, eq=False)
class Intraclass:
    """The six coefficients; arrays of shape (6,), in the order of ``FORMS``.

    Attributes
    ----------
    estimate : ndarray of float
        The coefficients; NaN where nothing varies.
    statistic, df, df_denominator, p_value : ndarray of float
        F test that the coefficient is 0; one-sided, as only agreement counts against it.
    low, high : ndarray of float
        Confidence limits.
    """

    estimate: FloatArray
    statistic: FloatArray
    df: FloatArray
    df_denominator: FloatArray
    p_value: FloatArray
    low: FloatArray
    high: FloatArray


def mean_squares(ratings: FloatArray) -> MeanSquares:
    """Compute the mean squares of a complete table.

    Parameters
    ----------
    ratings : ndarray of float, shape (n, k)
        One row for each person, one column for each measurement; n and k at least 2.

    Returns
    -------
    MeanSquares
        The mean squares; those that are nothing but rounding are 0.
    """
    n, k = ratings.shape
    centred = ratings - ratings.mean()
    person, rater = centred.mean(axis=1), centred.mean(axis=0)
    residual = centred - person[:, None] - rater
    floor = _ROUNDING**2 * ratings.size * max(float(np.abs(ratings).max()) ** 2, 1e-300)
    sums = (
        k * float(person @ person),
        n * float(rater @ rater),
        float(np.sum((centred - person[:, None]) ** 2)),
        float(np.sum(residual**2)),
    )
    df = (n - 1, k - 1, n * (k - 1), (n - 1) * (k - 1))
    squares = (s / d if s > floor else 0.0 for s, d in zip(sums, df, strict=True))
    return MeanSquares(n, k, *squares)


def intraclass(squares: MeanSquares, level: float) -> Intraclass:
    """Compute the six coefficients with their F intervals.

    Parameters
    ----------
    squares : MeanSquares
        The mean squares.
    level : float
        Confidence level.

    Returns
    -------
    Intraclass
        The coefficients. R: ``psych::ICC(x, lmer = FALSE, alpha = 1 - level)``.
    """
    n, k = squares.n, squares.k
    b, j, w, e = (squares.between, squares.raters, squares.within, squares.error)
    estimate = np.array(
        [
            _over(b - w, b + (k - 1) * w),
            _over(b - e, b + (k - 1) * e + k * (j - e) / n),
            _over(b - e, b + (k - 1) * e),
            _over(b - w, b),
            _over(b - e, b + (j - e) / n),
            _over(b - e, b),
        ]
    )
    df = np.full(6, float(n - 1))
    below = np.array([n * (k - 1), (n - 1) * (k - 1), (n - 1) * (k - 1)] * 2, dtype=np.float64)
    f = np.array([_over(b, w), _over(b, e), _over(b, e)] * 2)
    low, high = np.full(6, np.nan), np.full(6, np.nan)
    top = (1 + level) / 2
    for place in (0, 2):
        lower = float(f[place]) / _f_quantile(n - 1, float(below[place]), top)
        upper = float(f[place]) * _f_quantile(float(below[place]), n - 1, top)
        for at, limit in ((low, lower), (high, upper)):
            at[place] = _over(limit - 1, limit + k - 1)
            at[place + 3] = 1 - _over(1.0, limit)
    low[1], high[1] = _agreement_limits(squares, float(estimate[1]), top)
    for at in (low, high):
        at[4] = k * at[1] / (1 + (k - 1) * at[1])
    p_value = np.asarray(special.fdtrc(df, below, f), dtype=np.float64)
    return Intraclass(estimate, f, df, below, p_value, low, high)


def _agreement_limits(squares: MeanSquares, icc2: float, top: float) -> tuple[float, float]:
    """Limits of ICC2 with Satterthwaite's degrees of freedom, as in [1]_."""
    n, k = squares.n, squares.k
    b, j, e = squares.between, squares.raters, squares.error
    if icc2 != icc2 or e <= 0:
        return float("nan"), float("nan")
    f = j / e
    rest = n * (1 + (k - 1) * icc2) - k * icc2
    above = (k - 1) * (n - 1) * (k * icc2 * f + rest) ** 2
    df = above / ((n - 1) * k**2 * icc2**2 * f**2 + rest**2)
    upper = _f_quantile(n - 1, df, top)
    lower = _f_quantile(df, n - 1, top)
    spread = k * j + (k * n - k - n) * e
    return n * (b - upper * e) / (upper * spread + n * b), n * (lower * b - e) / (
        spread + n * lower * b
    )


def _f_quantile(df: float, df_denominator: float, p: float) -> float:
    """Quantile of the F distribution."""
    return float(special.fdtri(df, df_denominator, p))


def _over(above: float, below: float) -> float:
    """Divide; NaN where there is nothing to divide by."""
    return above / below if below != 0 else float("nan")
