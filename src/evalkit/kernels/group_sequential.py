r"""Boundaries of tests that look at the data more than once, by recursive integration.

The statistics at K looks with information :math:`I_1 < \dots < I_K` have the law
:math:`Z_k = B(I_k)/\sqrt{I_k}`, B a Brownian motion with drift. The density of B at look k, among
the paths that have crossed no boundary before, follows from that at look k - 1 by a convolution
with a normal density, done here by Gauss-Legendre quadrature between the boundaries.

References
----------
.. [1] Armitage P, McPherson CK, Rowe BC (1969). Repeated significance tests on accumulating data.
   J R Stat Soc A 132:235-244. doi:10.2307/2343787
.. [2] Lan KKG, DeMets DL (1983). Discrete sequential boundaries for clinical trials.
   Biometrika 70:659-663. doi:10.1093/biomet/70.3.659
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

from evalkit.typing import FloatArray

__all__ = ["Exits", "boundary", "exits", "spend"]

_NODES = 96  # the integrands are normal densities cut off: 96 nodes leave errors below 1e-10
_PER_STEP = 2.0  # ... unless looks are so near that a density is narrow: nodes to each of its SD
_MOST_NODES = 2048
_FAR = 9.0  # standard deviations beyond which nothing is left
_HALVINGS = 70

Exits = tuple[FloatArray, FloatArray]
"""Probabilities of first crossing the upper and the lower boundary at each look."""


def spend(share: FloatArray, alpha: float, kind: str, parameter: float) -> FloatArray:
    """Return how much of alpha may be spent when a share of the information is there.

    Parameters
    ----------
    share : ndarray of float, shape (K,)
        Shares of the information, up to 1.
    alpha : float
        What is spent in all.
    kind : {"obrien-fleming", "pocock", "power", "hwang-shih-decani"}
        The spending function.
    parameter : float
        Exponent of "power", gamma of "hwang-shih-decani"; not used by the others.

    Returns
    -------
    ndarray of float, shape (K,)
        Alpha spent so far.
    """
    t = np.minimum(share, 1.0)
    if kind == "obrien-fleming":
        return 2 * special.ndtr(special.ndtri(alpha / 2) / np.sqrt(t))
    if kind == "pocock":
        return alpha * np.log1p((np.e - 1) * t)
    if kind == "power":
        return alpha * t**parameter
    if parameter == 0:
        return alpha * t
    return alpha * np.expm1(-parameter * t) / np.expm1(-parameter)


def exits(information: FloatArray, upper: FloatArray, lower: FloatArray, drift: float) -> Exits:
    """Return the probabilities of first leaving between the boundaries at each look.

    Parameters
    ----------
    information : ndarray of float, shape (K,)
        Information at the looks, increasing.
    upper, lower : ndarray of float, shape (K,)
        Boundaries of Z; infinite where there is none.
    drift : float
        Mean of Z per square root of information.

    Returns
    -------
    tuple of ndarray of float, shape (K,)
        Probabilities of crossing the upper and the lower boundary first at each look.
    """
    up, down = np.zeros(len(information)), np.zeros(len(information))
    places, mass = np.zeros(1), np.ones(1)
    before = 0.0
    for k, now in enumerate(information):
        step = np.sqrt(now - before)
        mean = places + drift * (now - before)
        high, low = upper[k] * np.sqrt(now), lower[k] * np.sqrt(now)
        up[k] = mass @ special.ndtr((mean - high) / step)
        down[k] = mass @ special.ndtr((low - mean) / step)
        if k + 1 < len(information):
            narrowest = min(step, np.sqrt(information[k + 1] - now))
            places, mass = _carry(mass, mean, step, low, high, narrowest)
        before = now
    return up, down


def _carry(
    mass: FloatArray,
    mean: FloatArray,
    step: float,
    low: float,
    high: float,
    narrowest: float,
) -> tuple[FloatArray, FloatArray]:
    """Move the mass that has crossed nothing to nodes between the boundaries of this look."""
    start = max(low, float(mean.min()) - _FAR * step)
    end = min(high, float(mean.max()) + _FAR * step)
    if end <= start:
        return np.zeros(1), np.zeros(1)
    needed = _PER_STEP * (end - start) / narrowest
    size = _NODES
    while size < min(needed, _MOST_NODES):
        size *= 2
    node, weight = _legendre(size)
    new = (start + end) / 2 + (end - start) / 2 * node
    density = np.exp(-0.5 * ((new[:, None] - mean[None, :]) / step) ** 2)
    density /= step * np.sqrt(2 * np.pi)
    return new, weight * (end - start) / 2 * (density @ mass)


@lru_cache(maxsize=8)
def _legendre(size: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [-1, 1]."""
    node, weight = np.polynomial.legendre.leggauss(size)
    return node, weight


def boundary(information: FloatArray, spent: FloatArray, *, sides: int) -> FloatArray:
    """Return the boundaries of Z at which the alpha spent so far is what was planned.

    Parameters
    ----------
    information : ndarray of float, shape (K,)
        Information at the looks, increasing.
    spent : ndarray of float, shape (K,)
        Alpha spent up to each look at the upper boundary alone.
    sides : {1, 2}
        Whether a lower boundary, the mirror of the upper one, ends the trial as well.

    Returns
    -------
    ndarray of float, shape (K,)
        The upper boundaries; infinite where nothing is spent.
    """
    upper = np.full(len(information), np.inf)
    steps = np.diff(spent, prepend=0.0)
    places, mass = np.zeros(1), np.ones(1)
    before = 0.0
    for k, now in enumerate(information):
        root, step = np.sqrt(now), np.sqrt(now - before)
        if steps[k] > 0:
            low, high = -_FAR, _FAR
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                beyond = np.asarray(special.ndtr((places - middle * root) / step), np.float64)
                low, high = (middle, high) if mass @ beyond > steps[k] else (low, middle)
            upper[k] = (low + high) / 2
        if k + 1 < len(information):
            lower = -upper[k] * root if sides == 2 else -np.inf
            narrowest = min(step, np.sqrt(information[k + 1] - now))
            places, mass = _carry(mass, places, step, lower, upper[k] * root, narrowest)
        before = now
    return upper
