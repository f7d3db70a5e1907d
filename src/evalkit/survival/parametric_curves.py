"""What predictions need of a parametric model: survival, density, quantiles, the cured share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from evalkit.kernels.lifetimes import FAMILIES
from evalkit.kernels.parametric_terms import (
    CURE,
    LOCATION,
    SCALE,
    SHAPE,
    LogTerms,
    Model,
    log_terms,
)
from evalkit.kernels.piecewise_exponential import piecewise_quantile, piecewise_terms
from evalkit.typing import FloatArray, IntArray

__all__ = ["AcceleratedTime", "Curve", "PiecewiseHazard"]


class Curve(Protocol):
    """What predictions need of a model."""

    def terms(self, theta: FloatArray, time: FloatArray, X: FloatArray, Z: FloatArray) -> LogTerms:
        """Logs of survival and density at one time a row, with gradients."""
        ...

    def quantile(
        self, theta: FloatArray, s: FloatArray, X: FloatArray, Z: FloatArray
    ) -> FloatArray:
        """Times at which survival falls to s."""
        ...

    def cured(self, theta: FloatArray, Z: FloatArray) -> FloatArray | None:
        """Share that never leaves; None without one."""
        ...


@dataclass(frozen=True, slots=True)
class AcceleratedTime:
    """Predictions of the models of log time."""

    model: Model

    def terms(self, theta: FloatArray, time: FloatArray, X: FloatArray, Z: FloatArray) -> LogTerms:
        """Logs of survival and density at one time a row, with gradients."""
        return log_terms(self.model, theta, time, X, Z if self.model.n_cure else None)

    def quantile(
        self, theta: FloatArray, s: FloatArray, X: FloatArray, Z: FloatArray
    ) -> FloatArray:
        """Times at which survival falls to s; infinity where it never does."""
        cured = self.cured(theta, Z)
        if cured is not None:
            s = np.clip((s - cured) / (1 - cured), 0.0, 1.0)
        blocks = self.model.blocks
        scale = np.exp(theta[blocks[SCALE]][0]) if SCALE in blocks else 1.0
        shape = float(theta[blocks[SHAPE]][0]) if SHAPE in blocks else 0.0
        w = FAMILIES[self.model.distribution].inverse(s, shape)
        return np.exp(X @ theta[blocks[LOCATION]] + scale * w)

    def cured(self, theta: FloatArray, Z: FloatArray) -> FloatArray | None:
        """Share that never leaves; None without one."""
        if not self.model.n_cure:
            return None
        share: FloatArray = special.expit(Z @ theta[self.model.blocks[CURE]])
        return share


@dataclass(frozen=True, slots=True)
class PiecewiseHazard:
    """Predictions of the piecewise exponential model."""

    intervals: IntArray
    inner: FloatArray

    def terms(self, theta: FloatArray, time: FloatArray, X: FloatArray, Z: FloatArray) -> LogTerms:
        """Logs of survival and density at one time a row, with gradients."""
        del Z
        return piecewise_terms(theta, self.intervals, self.inner, time, X)

    def quantile(
        self, theta: FloatArray, s: FloatArray, X: FloatArray, Z: FloatArray
    ) -> FloatArray:
        """Times at which survival falls to s; infinity where it never does."""
        del Z
        return piecewise_quantile(theta, self.intervals, self.inner, s, X)

    def cured(self, theta: FloatArray, Z: FloatArray) -> FloatArray | None:
        """Give no share: the model has none."""
        del theta, Z
        return None
