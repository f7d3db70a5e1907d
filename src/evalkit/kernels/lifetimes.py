"""Log density and log survival of standardised log times, with first and second derivatives.

A lifetime T has log T = location + scale * w, where w follows one of the families here. Every
function works elementwise on arrays of one shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels import generalised_gamma
from evalkit.typing import FloatArray

__all__ = ["FAMILIES", "Family", "Pieces"]

_LARGEST = 600.0


@dataclass(frozen=True, slots=True)
class Pieces:
    """A function of w and of the shape Q, and its derivatives; without a shape, q's are None.

    Attributes
    ----------
    value, w, ww : ndarray of float, shape (n,)
        The function and its derivatives in w.
    q, wq, qq : ndarray of float, shape (n,), or None
        Its derivatives with the shape.
    """

    value: FloatArray
    w: FloatArray
    ww: FloatArray
    q: FloatArray | None = None
    wq: FloatArray | None = None
    qq: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """A family of standardised log times.

    Attributes
    ----------
    density, survival : callable
        Take w of shape (n,) and the shape Q, and return :class:`Pieces` of the log.
    inverse : callable
        Takes survival probabilities and Q, and returns w.
    free_scale : bool
        Whether the scale is estimated; else it is 1.
    has_shape : bool
        Whether there is a shape Q.
    """

    density: Callable[[FloatArray, float], Pieces]
    survival: Callable[[FloatArray, float], Pieces]
    inverse: Callable[[FloatArray, float], FloatArray]
    free_scale: bool = True
    has_shape: bool = False


def _extreme_density(w: FloatArray, _: float) -> Pieces:
    """Minimum extreme value: f = exp(w - e^w); T is Weibull."""
    grown = np.exp(np.minimum(w, _LARGEST))
    return Pieces(w - grown, 1 - grown, -grown)


def _extreme_survival(w: FloatArray, _: float) -> Pieces:
    grown = np.exp(np.minimum(w, _LARGEST))
    return Pieces(-grown, -grown, -grown)


def _extreme_inverse(s: FloatArray, _: float) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log(-np.log(s))


def _logistic_density(w: FloatArray, _: float) -> Pieces:
    """Logistic: S = 1 / (1 + e^w); T is log-logistic."""
    above = special.expit(w)
    return Pieces(w - 2 * np.logaddexp(0, w), 1 - 2 * above, -2 * above * special.expit(-w))


def _logistic_survival(w: FloatArray, _: float) -> Pieces:
    above = special.expit(w)
    return Pieces(-np.logaddexp(0, w), -above, -above * special.expit(-w))


def _logistic_inverse(s: FloatArray, _: float) -> FloatArray:
    return -special.logit(s)


def _normal_density(w: FloatArray, _: float) -> Pieces:
    """Normal; T is log-normal."""
    return Pieces(-w * w / 2 - 0.5 * np.log(2 * np.pi), -w, np.full_like(w, -1.0))


def _normal_survival(w: FloatArray, _: float) -> Pieces:
    log_s = special.log_ndtr(-w)
    hazard = np.exp(-w * w / 2 - 0.5 * np.log(2 * np.pi) - log_s)
    return Pieces(log_s, -hazard, -hazard * (hazard - w))


def _normal_inverse(s: FloatArray, _: float) -> FloatArray:
    return -special.ndtri(s)


def _gamma_density(w: FloatArray, Q: float) -> Pieces:
    """Prentice's generalised gamma; see :mod:`evalkit.kernels.generalised_gamma`."""
    value, in_w, in_ww, in_q, in_wq, in_qq = generalised_gamma.log_density(w, Q)
    return Pieces(value, in_w, in_ww, in_q, in_wq, in_qq)


def _gamma_survival(w: FloatArray, Q: float) -> Pieces:
    density = _gamma_density(w, Q)
    value, in_q, in_qq = generalised_gamma.shape_derivatives(w, Q)
    hazard = np.exp(density.value - value)
    assert density.q is not None  # the density has a shape
    return Pieces(
        value,
        -hazard,
        -hazard * (density.w + hazard),
        in_q,
        -hazard * (density.q - in_q),
        in_qq,
    )


FAMILIES: Mapping[str, Family] = {
    "exponential": Family(_extreme_density, _extreme_survival, _extreme_inverse, free_scale=False),
    "weibull": Family(_extreme_density, _extreme_survival, _extreme_inverse),
    "log-logistic": Family(_logistic_density, _logistic_survival, _logistic_inverse),
    "log-normal": Family(_normal_density, _normal_survival, _normal_inverse),
    "generalised-gamma": Family(
        _gamma_density, _gamma_survival, generalised_gamma.inverse_survival, has_shape=True
    ),
}
"""The families by the name of the distribution of T."""
