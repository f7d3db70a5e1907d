r"""The generalised gamma distribution of Prentice, accurate through its log-normal limit.

For shape Q the standardised log time w has, with :math:`k = Q^{-2}`, the density

.. math:: f(w) = \frac{|Q| k^k}{\Gamma(k)} \exp\{k (Qw - e^{Qw})\},

which is the Weibull's (extreme value) at Q = 1 and the normal at Q = 0. Both the density and the
survival function are computed so that they are smooth in Q at 0, where the textbook formulas are
differences of infinities.

References
----------
.. [1] Prentice RL (1974). A log gamma model and its maximum likelihood estimation. Biometrika
   61:539-544. doi:10.1093/biomet/61.3.539
.. [2] Temme NM (1979). The asymptotic expansion of the incomplete gamma functions. SIAM J Math
   Anal 10:757-766. doi:10.1137/0510071
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from scipy import special

from evalkit.typing import FloatArray

__all__ = ["inverse_survival", "log_density", "log_survival", "shape_derivatives"]

_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)
_SMALL_SHAPE = 0.1  # up to here k >= 100, where Temme's expansion is exact to the last bits
_ORDERS = 6
_POWERS = 26
_STEP = 3e-3  # of the five-point differences in Q
_LARGEST = 500.0
_TINY = -650.0  # log of a survival that is about to underflow


def log_density(
    w: FloatArray, Q: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    r"""Log density, :math:`-\tfrac12\log 2\pi - s(Q^{-2}) - w^2 g(Qw)`, and its derivatives.

    Here :math:`g(u) = (e^u - 1 - u)/u^2` and s is what Stirling's formula leaves out of
    :math:`\log\Gamma`.

    Parameters
    ----------
    w : ndarray of float, shape (n,)
        Standardised log times.
    Q : float
        Shape.

    Returns
    -------
    tuple of six ndarrays of float, shape (n,)
        The log density, and its derivatives in w, ww, Q, wQ and QQ.
    """
    u = np.clip(Q * w, -_LARGEST, _LARGEST)
    s, s1, s2 = _stirling(Q)
    g, g1, g2, e1, e2 = _exponential_parts(u)
    w2 = w * w
    return (
        -_LOG_ROOT_2PI - s - w2 * g,
        -w * e1,
        -np.exp(u),
        -s1 - w2 * w * g1,
        -w2 * e2,
        -s2 - w2 * w2 * g2,
    )


def _stirling(Q: float) -> tuple[float, float, float]:
    """Return log gamma minus Stirling's approximation at k = Q**-2, and two derivatives in Q."""
    if abs(Q) < 0.15:
        terms = ((2, 1 / 12), (6, -1 / 360), (10, 1 / 1260), (14, -1 / 1680))
        return (
            sum(c * Q**n for n, c in terms),
            sum(n * c * Q ** (n - 1) for n, c in terms),
            sum(n * (n - 1) * c * Q ** (n - 2) for n, c in terms),
        )
    k = Q**-2
    log_k = np.log(k)
    s = float(special.gammaln(k) - (k - 0.5) * log_k + k - _LOG_ROOT_2PI)
    in_k = float(special.digamma(k) - log_k + 0.5 / k)
    in_kk = float(special.polygamma(1, k) - 1 / k - 0.5 / k**2)
    to_k, to_kk = -2 * Q**-3, 6 * Q**-4
    return s, in_k * to_k, in_kk * to_k**2 + in_k * to_kk


def _exponential_parts(
    u: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return g, g', g'' with g = (exp(u) - 1 - u) / u**2, and e, e' with e = expm1(u) / u."""
    near = np.abs(u) < 0.5
    safe = np.where(near, 1.0, u)
    grown, less = np.exp(safe), np.expm1(safe)
    far = (
        (less - safe) / safe**2,
        (less * safe - 2 * (less - safe)) / safe**3,
        (safe**2 * grown - 4 * safe * less + 6 * (less - safe)) / safe**4,
        less / safe,
        (grown * safe - less) / safe**2,
    )
    small = np.where(near, u, 0.0)
    g, g1, g2, e, e1 = (np.zeros_like(small) for _ in range(5))
    for n in range(17, -1, -1):  # Horner: coefficients 1/(n+2)! and 1/(n+1)!
        over = 1 / special.gamma(n + 3)
        g = g * small + over
        e = e * small + over * (n + 2)
        if n >= 1:
            g1 = g1 * small + over * n
            e1 = e1 * small + over * (n + 2) * n
        if n >= 2:
            g2 = g2 * small + over * n * (n - 1)
    g_, g1_, g2_, e_, e1_ = (
        np.where(near, series, direct)
        for series, direct in zip((g, g1, g2, e, e1), far, strict=True)
    )
    return g_, g1_, g2_, e_, e1_


def log_survival(w: FloatArray, Q: float) -> FloatArray:
    """Log of the probability of exceeding w.

    Parameters
    ----------
    w : ndarray of float, shape (n,)
        Standardised log times.
    Q : float
        Shape.

    Returns
    -------
    ndarray of float, shape (n,)
        The logs, exact far into the tail.
    """
    if abs(Q) <= _SMALL_SHAPE:
        return _near_normal(w, Q)
    k, u = Q**-2, np.clip(Q * w, -_LARGEST, _LARGEST)
    x = k * np.exp(u)
    with np.errstate(divide="ignore"):
        value = np.log(special.gammaincc(k, x) if Q > 0 else special.gammainc(k, x))
    deep = value < _TINY
    if deep.any():  # first terms of the expansions of the incomplete gamma functions
        inner = x[deep]
        rest = abs(Q) * ((inner - k + 1) if Q > 0 else k * (1 - inner / (k + 1)))
        value[deep] = log_density(w[deep], Q)[0] - np.log(rest)
    return value


def _near_normal(w: FloatArray, Q: float) -> FloatArray:
    """Temme's uniform expansion, as a correction of the normal survival function."""
    u = np.clip(Q * w, -_LARGEST, _LARGEST)
    v = w * np.sqrt(2 * _exponential_parts(u)[0])
    eta = np.clip(Q * v, -2.5, 2.5)
    correction = np.zeros_like(w)
    for row in reversed(_temme()):
        correction = correction * Q**2 + np.polynomial.polynomial.polyval(eta, row)
    normal = special.log_ndtr(-v)
    mills = np.exp(-v * v / 2 - _LOG_ROOT_2PI - normal)
    return normal + np.log1p(mills * Q * correction)


@cache
def _temme() -> tuple[FloatArray, ...]:
    r"""Return the Taylor coefficients of Temme's functions :math:`c_0, c_1, \dots`.

    With :math:`\mu - \log(1+\mu) = \eta^2/2`: :math:`c_0 = 1/\mu - 1/\eta` and
    :math:`c_k = c_{k-1}'/\eta + g_k/\mu`, where :math:`g_k` removes the pole.
    """
    size = _POWERS + 2 * _ORDERS + 2
    mu = [Fraction(0), Fraction(1)]
    for n in range(2, size + 1):
        crossed = sum((mu[i] * mu[n + 1 - i] for i in range(2, n)), Fraction(0))
        mu.append((2 * mu[n - 1] / (n + 1) - crossed) / 2)
    reciprocal = [Fraction(1)]
    for n in range(1, size):
        reciprocal.append(
            -sum((mu[i + 1] * reciprocal[n - i] for i in range(1, n + 1)), Fraction(0))
        )
    first = reciprocal[1:]
    rows = [first]
    for _ in range(1, _ORDERS):
        slope = [n * c for n, c in enumerate(rows[-1])][1:]
        rows.append([s - slope[0] * c for s, c in zip(slope[1:], first, strict=False)])
    return tuple(np.array([float(c) for c in row[:_POWERS]]) for row in rows)


def shape_derivatives(w: FloatArray, Q: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log survival and its first and second derivatives in Q.

    The derivatives are five-point differences: with a step of 0.003 their truncation and rounding
    errors are below a relative 1e-9.

    Parameters
    ----------
    w : ndarray of float, shape (n,)
        Standardised log times.
    Q : float
        Shape.

    Returns
    -------
    tuple of three ndarrays of float, shape (n,)
        Value, first and second derivative.
    """
    h = _STEP
    down2, down, at, up, up2 = (log_survival(w, Q + i * h) for i in (-2, -1, 0, 1, 2))
    first = (8 * (up - down) - (up2 - down2)) / (12 * h)
    second = (16 * (up + down) - (up2 + down2) - 30 * at) / (12 * h * h)
    return at, first, second


def inverse_survival(s: FloatArray, Q: float) -> FloatArray:
    """Standardised log time that is exceeded with probability s.

    Parameters
    ----------
    s : ndarray of float
        Probabilities, 0 to 1.
    Q : float
        Shape.

    Returns
    -------
    ndarray of float
        The log times.
    """
    if abs(Q) > _SMALL_SHAPE:
        k = Q**-2
        x = special.gammainccinv(k, s) if Q > 0 else special.gammaincinv(k, s)
        with np.errstate(divide="ignore"):
            return np.log(x / k) / Q
    w = -special.ndtri(s)
    inside = np.isfinite(w)
    at, target = w[inside], np.log(s[inside])
    for _ in range(12):  # Newton's method on the log survival, from the normal quantile
        log_s = log_survival(at, Q)
        at = at + (log_s - target) * np.exp(log_s - log_density(at, Q)[0])
    w[inside] = at
    return w
