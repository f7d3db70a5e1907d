"""Colours of answers from the negative to the positive end, for every colour vision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.plots.style import SERIES

__all__ = ["answer_colours"]

# From the end of the scale towards its middle. White or ink reads on each (4.5:1 at least), and
# ochre against petrol differ for red-, green- and blue-blind alike.
_NEGATIVE = ("#7a4a0c", "#a5620e", "#d9952f", "#f2c063", "#f8dfb0")
_POSITIVE = (SERIES[0], "#2f7385", SERIES[1], "#9cc3cd", "#cfe2e7")
_NEUTRAL = {1: ("#d3d9dc",), 2: ("#dfe4e6", "#b9c2c7"), 3: ("#e4e9eb", "#cdd4d8", "#b4bec3")}
_CHOSEN = {1: (1,), 2: (1, 3), 3: (0, 2, 3), 4: (0, 1, 2, 3), 5: (0, 1, 2, 3, 4)}


def answer_colours(sides: Sequence[int]) -> tuple[str, ...]:
    """Choose a colour for each category of a scale.

    Parameters
    ----------
    sides : sequence of int
        For each category, in order, -1 (negative), 0 (neutral) or 1 (positive).

    Returns
    -------
    tuple of str
        One colour for each: ochre for the negative, grey for the neutral and petrol for the
        positive, darkest at the ends. Beyond five categories on a side, or three in the middle,
        neighbours share a colour.

    Examples
    --------
    >>> answer_colours((-1, 0, 1))
    ('#a5620e', '#d3d9dc', '#2f7385')
    """
    n = {side: sum(one == side for one in sides) for side in (-1, 0, 1)}
    negative = _steps(_NEGATIVE, n[-1])
    greys = _NEUTRAL[min(max(n[0], 1), 3)]
    neutral = [greys[i * len(greys) // n[0]] for i in range(n[0])]
    return (*negative, *neutral, *reversed(_steps(_POSITIVE, n[1])))


def _steps(ramp: Sequence[str], n: int) -> list[str]:
    """Choose n colours of a ramp, from its beginning."""
    if n == 0:
        return []
    chosen = _CHOSEN.get(n, tuple(int(i) for i in np.arange(n) * len(ramp) // n))
    return [ramp[i] for i in chosen]
