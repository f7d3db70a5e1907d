"""What a row contributes to a parametric model's log-likelihood, with exact derivatives.

First and second derivatives are taken with regard to the location, the log scale, the shape and the
logit of the cured share of each row; how these depend on covariates is the fit's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.kernels.lifetimes import FAMILIES, Pieces
from evalkit.typing import FloatArray

__all__ = [
    "CURE",
    "LOCATION",
    "SCALE",
    "SHAPE",
    "Local",
    "LogTerms",
    "Model",
    "local_terms",
    "log_terms",
]

LOCATION, SCALE, SHAPE, CURE = range(4)
"""Kinds of parameter."""


@dataclass(frozen=True, slots=True)
class Model:
    """Which distribution, and where its parameters stand.

    Attributes
    ----------
    distribution : str
        One of ``lifetimes.FAMILIES``.
    n_location : int
        Columns of X, the intercept among them: parameters 0..p-1.
    n_cure : int
        Columns of Z, the intercept among them; 0 without a cured share. They come last, after the
        log scale and the shape if these are free.
    """

    distribution: str
    n_location: int
    n_cure: int = 0

    @property
    def blocks(self) -> Mapping[int, slice]:
        """Parameters of the location, the log scale, the shape and the cured share, if there."""
        family, at = FAMILIES[self.distribution], self.n_location
        found = {LOCATION: slice(0, at)}
        for kind, there in ((SCALE, family.free_scale), (SHAPE, family.has_shape)):
            if there:
                found[kind] = slice(at, at + 1)
                at += 1
        if self.n_cure:
            found[CURE] = slice(at, at + self.n_cure)
        return found

    @property
    def n_parameters(self) -> int:
        """Number of parameters, P."""
        return max(block.stop for block in self.blocks.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters between the location's and the cured share's."""
        named = {SCALE: "log(scale)", SHAPE: "Q"}
        return tuple(named[kind] for kind in self.blocks if kind in named)


@dataclass(slots=True)
class Local:
    """A term and its derivatives in the four kinds of parameter."""

    value: FloatArray
    first: dict[int, FloatArray]
    second: dict[tuple[int, int], FloatArray]


def local_terms(
    theta: FloatArray,
    model: Model,
    y: FloatArray,
    designs: Mapping[int, FloatArray],
    *,
    is_event: bool,
) -> Local:
    """Return the log density, or log survival, at log times y, with its derivatives."""
    family, blocks = FAMILIES[model.distribution], model.blocks
    tau = float(theta[blocks[SCALE]][0]) if SCALE in blocks else 0.0
    shape = float(theta[blocks[SHAPE]][0]) if SHAPE in blocks else 0.0
    w = (y - designs[LOCATION] @ theta[blocks[LOCATION]]) * np.exp(-tau)
    pieces = (family.density if is_event else family.survival)(w, shape)
    local = _through_location(pieces, w, np.exp(-tau), with_scale=SCALE in blocks)
    if is_event:
        local.value -= tau + y
        if SCALE in blocks:
            local.first[SCALE] -= 1.0
    if CURE not in blocks:
        return local
    zeta = designs[CURE] @ theta[blocks[CURE]]
    cured = special.expit(zeta)
    if is_event:
        local.value -= np.logaddexp(0, zeta)
        local.first[CURE] = -cured
        local.second[CURE, CURE] = -cured * (1 - cured)
        return local
    return _mix(local, zeta, cured)


def _through_location(pieces: Pieces, w: FloatArray, rate: float, *, with_scale: bool) -> Local:
    """Turn derivatives in w = (y - location) / scale into those of location and log scale."""
    first = {LOCATION: -rate * pieces.w}
    second = {(LOCATION, LOCATION): rate**2 * pieces.ww}
    if with_scale:
        first[SCALE] = -w * pieces.w
        second[LOCATION, SCALE] = rate * (w * pieces.ww + pieces.w)
        second[SCALE, SCALE] = w * (w * pieces.ww + pieces.w)
    if pieces.q is not None and pieces.wq is not None and pieces.qq is not None:
        first[SHAPE] = pieces.q
        second[LOCATION, SHAPE] = -rate * pieces.wq
        second[SHAPE, SHAPE] = pieces.qq
        if with_scale:
            second[SCALE, SHAPE] = -w * pieces.wq
    return Local(pieces.value.copy(), first, second)


def _mix(local: Local, zeta: FloatArray, cured: FloatArray) -> Local:
    """Add the cured share to a log survival: log(e^zeta + S) - log(1 + e^zeta)."""
    staying = special.expit(zeta - local.value)  # probability of being cured, given survival
    leaving = 1 - staying
    both = staying * leaving
    value = np.logaddexp(zeta, local.value) - np.logaddexp(0, zeta)
    second: dict[tuple[int, int], FloatArray] = {}
    for (one, other), curve in local.second.items():
        second[one, other] = leaving * curve + both * local.first[one] * local.first[other]
    for kind, slope in local.first.items():
        second[kind, CURE] = -both * slope
    second[CURE, CURE] = both - cured * (1 - cured)
    first = {kind: leaving * slope for kind, slope in local.first.items()}
    first[CURE] = staying - cured
    return Local(value, first, second)


@dataclass(frozen=True, slots=True)
class LogTerms:
    """Log survival and log density at given times, and their gradients.

    Attributes
    ----------
    survival, density : ndarray of float, shape (m,)
        Logs of S(t) and f(t), the cured share included.
    survival_gradient, density_gradient : ndarray of float, shape (m, P)
        Their derivatives in the parameters.
    """

    survival: FloatArray
    density: FloatArray
    survival_gradient: FloatArray
    density_gradient: FloatArray


def log_terms(
    model: Model,
    theta: FloatArray,
    time: FloatArray,
    X: FloatArray,
    Z: FloatArray | None = None,
) -> LogTerms:
    """Evaluate a model at times, one for each row of covariates.

    Parameters
    ----------
    model : Model
        The model.
    theta : ndarray of float, shape (P,)
        Its parameters.
    time : ndarray of float, shape (m,)
        Times of at least 0. At 0 the density is given as its limit from nearby.
    X : ndarray of float, shape (m, p)
        Covariates of the location.
    Z : ndarray of float, shape (m, r), or None
        Covariates of the cured share.

    Returns
    -------
    LogTerms
        Logs of survival and density.
    """
    y = np.log(np.maximum(time, np.finfo(np.float64).tiny))
    designs = {LOCATION: X}
    if Z is not None:
        designs[CURE] = Z
    gradients: list[FloatArray] = []
    values: list[FloatArray] = []
    for is_event in (False, True):
        local = local_terms(theta, model, y, designs, is_event=is_event)
        gradient = np.zeros((len(y), len(theta)))
        for kind, first in local.first.items():
            design, each = designs.get(kind), first[:, None]
            gradient[:, model.blocks[kind]] = each if design is None else each * design
        values.append(local.value)
        gradients.append(gradient)
    at_zero = time <= 0
    values[0][at_zero] = 0.0
    gradients[0][at_zero] = 0.0
    return LogTerms(values[0], values[1], gradients[0], gradients[1])
