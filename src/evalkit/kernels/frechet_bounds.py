r"""What two margins allow of the table behind them: Frechet's bounds, and agreement within them.

Of n people a are in a category by one measurement and b by another. Then between
:math:`\max(0, a + b - n)` and :math:`\min(a, b)` are in it by both [1]_, and every number between
is possible. With k categories the number on which the two agree is at most
:math:`\sum_i \min(a_i, b_i)` and at least :math:`\max\{0, \max_i (a_i + b_i - n)\}`: people can be
placed off the diagonal as long as, for each category, those in it by one measurement find room
among those outside it by the other (Hall's condition), and at most one category can lack room.
Given the margins kappa rises linearly with the agreement, so that its bounds are at the same ends.

References
----------
.. [1] Frechet M (1951). Sur les tableaux de correlation dont les marges sont donnees. Annales de
   l'Universite de Lyon, Section A 14:53-77.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.typing import FloatArray

__all__ = ["MarginBounds", "margin_bounds"]


@dataclass(frozen=True, slots=True)
class MarginBounds:
    """Sharp bounds, as pairs (low, high); NaN where the margins leave nothing to bound.

    Attributes
    ----------
    joint : tuple of ndarray of float, shape (k,)
        Share of people who are in each category by both.
    agreement : tuple of float
        Share on whom the two agree.
    kappa : tuple of float
        Cohen's kappa.
    """

    joint: tuple[FloatArray, FloatArray]
    agreement: tuple[float, float]
    kappa: tuple[float, float]


def margin_bounds(a: FloatArray, b: FloatArray) -> MarginBounds:
    """Bound the table of two measurements of the same people by its margins.

    Parameters
    ----------
    a, b : ndarray of float, shape (k,)
        Counts of each category by each measurement, with the same positive sum; k >= 2.

    Returns
    -------
    MarginBounds
        The bounds.

    Examples
    --------
    >>> bounds = margin_bounds(np.array([60.0, 40.0]), np.array([70.0, 30.0]))
    >>> [one.tolist() for one in bounds.joint]
    [[0.3, 0.0], [0.6, 0.3]]
    >>> [round(one, 4) for one in bounds.agreement + bounds.kappa]
    [0.3, 0.9, -0.5217, 0.7826]
    """
    n = float(a.sum())
    low = np.maximum(a + b - n, 0.0) / n
    high = np.minimum(a, b) / n
    agreement = float(low.max()), float(high.sum())
    expected = float(a @ b) / n**2
    if expected >= 1 - 1e-12:
        kappa = math.nan, math.nan
    else:
        kappa = tuple((end - expected) / (1 - expected) for end in agreement)
    return MarginBounds((low, high), agreement, (kappa[0], kappa[1]))
