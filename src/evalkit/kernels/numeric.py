"""Small numerical tools that several kernels share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from evalkit.typing import BoolArray, FloatArray

__all__ = ["bisect", "floats", "normal_quantile"]

_HALVINGS = 60  # a bracket of width 1 shrinks below 1e-18


def floats(*values: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Broadcast the arguments to float arrays of one shape."""
    return tuple(np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values)))


def normal_quantile(level: float) -> float:
    """Return the z that has probability ``level`` between -z and z."""
    return -float(special.ndtri((1 - level) / 2))


def bisect(
    root_is_above: Callable[[FloatArray], BoolArray], low: npt.ArrayLike, high: npt.ArrayLike
) -> FloatArray:
    """Halve every bracket [low, high] towards its root.

    Parameters
    ----------
    root_is_above : callable
        Says for an array of points, one in each bracket, whether the root lies above them.
    low, high : array_like
        Ends of the brackets.

    Returns
    -------
    ndarray of float64
        The roots.
    """
    lower, upper = floats(low, high)
    for _ in range(_HALVINGS):
        middle = (lower + upper) / 2
        above = root_is_above(middle)
        lower, upper = np.where(above, middle, lower), np.where(above, upper, middle)
    return (lower + upper) / 2
