r"""The largest of several t statistics that share their variance: Dunnett's and Tukey's tests.

The statistics are :math:`T = Lz/s` with standard normal z of r dimensions, rows of L of length 1,
and :math:`\nu s^2` chi-squared with :math:`\nu` degrees of freedom. Given the direction u of z, its
length over s has an F distribution, so that

.. math:: P(\max_j |T_j| > t) = E_u\, P\{F_{r,\nu} > t^2 / (r \max_j (l_j'u)^2)\}

is a mean over directions only. For r = 2 (two comparisons, or all of three arms) it is an integral
over an angle, smooth between known breaks. Where correlations are products
:math:`\lambda_i\lambda_j`, as for comparisons with one control arm, a condition on the common
factor leaves a double integral of any number of comparisons. Both are accurate to about 1e-12;
otherwise the mean is taken over a fixed quasi-random set of directions, to better than 1e-4.

References
----------
.. [1] Dunnett CW (1955). A multiple comparison procedure for comparing several treatments with a
   control. J Am Stat Assoc 50:1096-1121. doi:10.1080/01621459.1955.10501294
.. [2] Genz A, Bretz F (2009). Computation of multivariate normal and t probabilities. Springer.
   doi:10.1007/978-3-642-01689-9
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, special

from evalkit.kernels.student import student_quantile, student_tail
from evalkit.typing import FloatArray

__all__ = ["MaxT"]

_SAME = 1e-9
_ANGLES = 48  # Gauss-Legendre nodes between breaks
_FACTOR = 161  # trapezoid nodes of the common factor
_SPREAD = 241  # trapezoid nodes of the logarithm of the common standard deviation
_DIRECTIONS = 2**17


class MaxT:
    """Distribution of the largest absolute value of correlated t statistics.

    Parameters
    ----------
    correlation : ndarray of float, shape (m, m)
        Correlations; may be singular.
    df : float
        Degrees of freedom of the common variance; infinite for normal statistics.

    Attributes
    ----------
    exact : bool
        Whether tails come from integrals, and not from quasi-random directions.
    """

    def __init__(self, correlation: FloatArray, df: float) -> None:
        """Choose the way to integrate."""
        values, vectors = np.linalg.eigh(correlation)
        kept = values > _SAME * float(values[-1])
        rows = vectors[:, kept] * np.sqrt(values[kept])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        self.df = df
        self.m = len(correlation)
        factor = _one_factor(correlation) if rows.shape[1] > 2 else None
        self.exact = rows.shape[1] <= 2 or factor is not None
        self._tail: Callable[[float], float]
        if rows.shape[1] == 1:
            self._tail = lambda t: 2 * float(student_tail(t, df))
        elif rows.shape[1] == 2:
            self._tail = _planar(rows, df)
        elif factor is not None:
            self._tail = _factored(factor, df)
        else:
            self._tail = _sampled(rows, df)

    def tail(self, t: FloatArray) -> FloatArray:
        """Return P(max |T| > t).

        Parameters
        ----------
        t : ndarray of float
            Points of at least 0; NaN gives NaN.

        Returns
        -------
        ndarray of float
            Probabilities.
        """
        given = np.atleast_1d(np.asarray(t, dtype=np.float64))
        found = [self._tail(float(one)) if one == one else np.nan for one in given]
        return np.minimum(np.array(found), 1.0)

    def quantile(self, level: float) -> float:
        """Return the t that the largest statistic stays below with a probability.

        Parameters
        ----------
        level : float
            Probability, strictly between 0 and 1.

        Returns
        -------
        float
            The quantile, which makes intervals simultaneous.
        """
        low = float(student_quantile(level, self.df))
        high = float(student_quantile(1 - (1 - level) / self.m, self.df))
        if self._tail(low * (1 + 1e-12)) <= 1 - level:
            return low
        root = optimize.brentq(
            lambda t: self._tail(t) - (1 - level), low, high * (1 + 1e-6), xtol=1e-12, rtol=1e-14
        )
        return float(root)


def _planar(rows: FloatArray, df: float) -> Callable[[float], float]:
    """Integrate over the angle of z, between the angles where another statistic is the largest."""
    angles = np.arctan2(rows[:, 1], rows[:, 0])
    i, j = np.triu_indices(len(angles), 1)
    middles = (angles[i] + angles[j]) / 2
    breaks = np.unique(np.concatenate([middles, middles + np.pi / 2, [0.0]]) % np.pi)
    ends = np.append(breaks, breaks[0] + np.pi)
    nodes, weights = np.polynomial.legendre.leggauss(_ANGLES)
    half = np.diff(ends) / 2
    at = (ends[:-1] + half)[:, None] + half[:, None] * nodes
    weight = (half[:, None] * weights).ravel() / np.pi
    largest = np.max(np.cos(at.ravel()[:, None] - angles) ** 2, axis=1)
    return lambda t: float(weight @ _beyond(t * t / largest, 2, df))


def _sampled(rows: FloatArray, df: float) -> Callable[[float], float]:
    """Average over directions that fill the sphere evenly; the same ones every time."""
    from scipy.stats import qmc

    r = rows.shape[1]
    points = qmc.Sobol(r, scramble=True, rng=np.random.default_rng(20120301)).random(_DIRECTIONS)
    normal = special.ndtri(np.clip(points, 1e-16, 1 - 1e-16))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    largest = np.max((normal @ rows.T) ** 2, axis=1)
    return lambda t: float(np.mean(_beyond(t * t / largest, r, df)))


def _beyond(squared: FloatArray, r: int, df: float) -> FloatArray:
    """Return P(|z|^2 / s^2 > squared) for z of r dimensions."""
    if np.isinf(df):
        return np.asarray(special.gammaincc(r / 2, squared / 2), dtype=np.float64)
    return np.asarray(special.betainc(df / 2, r / 2, df / (df + squared)), dtype=np.float64)


def _factored(factor: FloatArray, df: float) -> Callable[[float], float]:
    """Integrate over the factor that all statistics share, and over their standard deviation."""
    z = np.linspace(-9.0, 9.0, _FACTOR)
    z_weight = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    s, s_weight = np.array([1.0]), np.array([1.0])
    if not np.isinf(df):
        # In log s the density is smooth for any df, and the trapezoid rule converges at once.
        low = math.log(float(special.gammaincinv(df / 2, 1e-15)) * 2 / df) / 2
        high = math.log(float(special.gammainccinv(df / 2, 1e-17)) * 2 / df) / 2
        log_s = np.linspace(low, high, _SPREAD)
        s = np.exp(log_s)
        log_density = df / 2 * math.log(df / 2) - math.lgamma(df / 2) + df * log_s - df * s * s / 2
        s_weight = 2 * np.exp(log_density) * (log_s[1] - log_s[0])
    own = np.sqrt(1 - factor**2)

    def tail(t: float) -> float:
        log_inside = np.zeros((len(s), len(z)))
        for shared, alone in zip(factor, own, strict=True):
            bound = t * s[:, None]
            below = _normal((-bound - shared * z) / alone)
            above = _normal((-bound + shared * z) / alone)
            with np.errstate(divide="ignore"):  # everything outside: the logarithm of 0
                log_inside += np.log1p(-np.minimum(below + above, 1.0))
        return float(s_weight @ -np.expm1(log_inside) @ z_weight)

    return tail


def _normal(z: FloatArray) -> FloatArray:
    """Return the normal distribution function."""
    return np.asarray(special.ndtr(z), dtype=np.float64)


def _one_factor(correlation: FloatArray) -> FloatArray | None:
    """Return loadings whose products are the correlations, if there are any below 1."""
    m = len(correlation)
    off = np.abs(correlation - np.diag(np.diag(correlation)))
    loadings = np.zeros(m)
    for i in range(m):
        others = [j for j in range(m) if j != i]
        j, k = max(((a, b) for a in others for b in others if a < b), key=lambda p: off[p])
        if off[j, k] < _SAME:
            return None
        squared = correlation[i, j] * correlation[i, k] / correlation[j, k]
        if not 0 <= squared < 1 - _SAME:
            return None
        loadings[i] = np.sqrt(squared)
    sign = np.where(correlation[0] < 0, -1.0, 1.0)
    loadings *= sign
    wrong = np.abs(correlation - np.outer(loadings, loadings))
    np.fill_diagonal(wrong, 0.0)
    return loadings if wrong.max() < 1e-8 else None
