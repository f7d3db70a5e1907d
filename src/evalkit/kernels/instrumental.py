"""One instrument for one received treatment: robust variances and Anderson-Rubin sets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evalkit.kernels.least_squares import LeastSquares, least_squares
from evalkit.kernels.sandwich import Sandwich, sandwich
from evalkit.kernels.student import student_quantile
from evalkit.typing import FloatArray, IntArray

__all__ = ["ReducedForm", "ratio_set", "reduced_form", "structural_sandwich"]

_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class ReducedForm:
    """Effects of the assignment on outcome and received treatment, with their joint variance.

    Attributes
    ----------
    outcome, received : float
        The two effects, a and b.
    variance : ndarray of float, shape (2, 2)
        Their variance.
    df : float
        Its Satterthwaite degrees of freedom: they depend on the design alone, and are the same
        for every combination of the two.
    """

    outcome: float
    received: float
    variance: FloatArray
    df: float

    @property
    def first_stage_f(self) -> float:
        """Squared t statistic of the effect on the received treatment; infinite if exact."""
        spread = float(self.variance[1, 1])
        if spread > _NOTHING * self.received**2:
            return self.received**2 / spread
        return np.inf if self.received else np.nan

    def anderson_rubin(self, level: float) -> tuple[tuple[float, float], ...]:
        r"""Return the ratios of the effects that the data do not reject.

        Parameters
        ----------
        level : float
            Confidence level.

        Returns
        -------
        tuple of (float, float)
            Intervals, in rising order: one, or two rays, or the whole line.

        Notes
        -----
        A ratio :math:`\delta` stands if :math:`(a - \delta b)^2 \le t^2 (V_{aa} - 2\delta V_{ab} +
        \delta^2 V_{bb})`: the t test, at its own degrees of freedom, that the assignment has no
        effect on :math:`y - \delta d`. Its size does not depend on how strong b is.

        References
        ----------
        .. [1] Anderson TW, Rubin H (1949). Estimation of the parameters of a single equation in
           a complete system of stochastic equations. Ann Math Stat 20:46-63.
           doi:10.1214/aoms/1177730090
        """
        critical = float(student_quantile(level, self.df)) ** 2
        a, b, v = self.outcome, self.received, self.variance
        return ratio_set(
            b * b - critical * float(v[1, 1]),
            a * b - critical * float(v[0, 1]),
            a * a - critical * float(v[0, 0]),
        )


def ratio_set(square: float, half: float, constant: float) -> tuple[tuple[float, float], ...]:
    r"""Solve :math:`A x^2 - 2 B x + C \le 0`.

    Parameters
    ----------
    square, half, constant : float
        A, B and C.

    Returns
    -------
    tuple of (float, float)
        The solutions as closed intervals, infinite where they are rays; none if there are none.
    """
    infinite = float("inf")
    gap = half * half - square * constant
    if square == 0:
        if half == 0:
            return ((-infinite, infinite),) if constant <= 0 else ()
        edge = constant / (2 * half)
        return ((edge, infinite),) if half > 0 else ((-infinite, edge),)
    if gap < 0:
        return () if square > 0 else ((-infinite, infinite),)
    # The root with the larger size first: the difference of near numbers is never taken.
    far = half + float(np.copysign(np.sqrt(gap), half))
    roots = sorted((far / square, constant / far)) if far else [0.0, 0.0]
    low, high = roots
    return ((low, high),) if square > 0 else ((-infinite, low), (high, infinite))


def reduced_form(
    X: FloatArray,
    instrument: FloatArray,
    received: FloatArray,
    y: FloatArray,
    cluster: IntArray | None,
) -> ReducedForm:
    """Estimate both effects of the assignment by least squares, with HC2 or CR2 variance.

    Parameters
    ----------
    X : ndarray of float, shape (n, k)
        Intercept and covariates.
    instrument, received, y : ndarray of float, shape (n,)
        Assignment, received treatment and outcome.
    cluster : ndarray of int, shape (n,), or None
        Cluster codes from 0 up.

    Returns
    -------
    ReducedForm
        The effects.
    """
    kind = "HC2" if cluster is None else "CR2"
    design = np.column_stack([X, instrument])
    pick = np.eye(design.shape[1])[-1:]
    sizes = [float(np.std(values)) or 1.0 for values in (y, received)]
    # The variance is a quadratic form in the outcome: that of a sum gives the covariance.
    columns = [y / sizes[0], received / sizes[1]]
    found = [
        sandwich(least_squares(design, column), kind, cluster=cluster, contrasts=pick)
        for column in (*columns, columns[0] + columns[1])
    ]
    own = [float(one.variance[0, 0]) for one in found]
    shared = (own[2] - own[0] - own[1]) / 2
    variance = np.array([[own[0], shared], [shared, own[1]]]) * np.outer(sizes, sizes)
    return ReducedForm(
        float(found[0].estimate[0]) * sizes[0],
        float(found[1].estimate[0]) * sizes[1],
        variance,
        float(found[0].df[0]),
    )


def structural_sandwich(
    X: FloatArray,
    instrument: FloatArray,
    received: FloatArray,
    y: FloatArray,
    coefficients: FloatArray,
    *,
    kind: str,
    cluster: IntArray | None,
) -> Sandwich:
    """Return the robust variance of a two-stage fit, from the design with fitted treatment.

    Parameters
    ----------
    X : ndarray of float, shape (n, k)
        Intercept and covariates.
    instrument, received, y : ndarray of float, shape (n,)
        Assignment, received treatment and outcome.
    coefficients : ndarray of float, shape (k + 1,)
        Of X, then of the received treatment.
    kind : str
        As :func:`evalkit.kernels.sandwich.sandwich`.
    cluster : ndarray of int, shape (n,), or None
        Cluster codes from 0 up.

    Returns
    -------
    Sandwich
        Variance and degrees of freedom of the coefficient of the received treatment. R:
        ``estimatr::iv_robust``, with Satterthwaite's degrees of freedom for HC2 too.
    """
    first: LeastSquares = least_squares(np.column_stack([X, instrument]), received)
    fitted = np.column_stack([X, received - first.residuals])
    second = least_squares(fitted, y)
    residuals = y - np.column_stack([X, received]) @ coefficients
    second = replace(second, coefficients=coefficients, residuals=residuals)
    pick = np.eye(fitted.shape[1])[-1:]
    return sandwich(second, kind, cluster=cluster, contrasts=pick)
