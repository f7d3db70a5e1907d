"""Names for the types that recur in signatures."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Alternative", "BoolArray", "FloatArray", "IntArray", "RandomSource"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

RandomSource: TypeAlias = int | np.random.Generator | None
"""What every public ``rng`` argument accepts; see :func:`evalkit.core.checks.resolve_rng`."""

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]
"""Direction of the alternative hypothesis of a test."""
