"""Signs that an item has been reversed twice, or never."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from evalkit.kernels.reliability import item_rest_correlations
from evalkit.typing import FloatArray

__all__ = ["ScaleWarning", "warn_of_reversals"]

_SAMPLED = 20_000  # rows that the sign is looked for in
_FEWEST = 10
_CLEARLY = -4.0  # standard errors below zero, on Fisher's scale
_NEGLIGIBLE = -0.1


class ScaleWarning(UserWarning):
    """Scores that can be computed but look wrong."""


def rows_to_look_at(n: int) -> slice:
    """Return evenly spaced rows, at most about 20,000."""
    return slice(None, None, max(1, n // _SAMPLED))


def warn_of_reversals(
    points: Mapping[str, FloatArray], parts: Mapping[str, Sequence[str]]
) -> list[str]:
    """Warn of items that run against the rest of their scale.

    Parameters
    ----------
    points : mapping of str to ndarray of float, shape (n,)
        Points of each item of some rows, NaN where missing.
    parts : mapping of str to sequence of str
        Items of each scale.

    Returns
    -------
    list of str
        The warnings; they are also issued. An item is named if its correlation with the sum of
        the others is below -0.1, and below zero by more than four standard errors.
    """
    messages: list[str] = []
    for name, items in parts.items():
        if len(items) < 2:
            continue
        table = np.column_stack([points[item] for item in items])
        table = table[~np.isnan(table).any(axis=1)]
        if len(table) < _FEWEST:
            continue
        r = item_rest_correlations(np.cov(table, rowvar=False))
        bounded = np.clip(np.nan_to_num(r, nan=0.0), -1 + 1e-12, 1 - 1e-12)
        errors = np.arctanh(bounded) * np.sqrt(len(table) - 3)
        clear = (errors < _CLEARLY) & (bounded < _NEGLIGIBLE)
        if clear.any():
            named = ", ".join(
                f"{item} (r = {value:.2f})"
                for item, value, wrong in zip(items, r, clear, strict=True)
                if wrong
            )
            messages.append(
                f"{name}: {named} {'runs' if clear.sum() == 1 else 'run'} against the sum of the "
                "other items. Reversed twice, or never? Nothing was changed."
            )
    for message in messages:
        warnings.warn(message, ScaleWarning, stacklevel=3)
    return messages
