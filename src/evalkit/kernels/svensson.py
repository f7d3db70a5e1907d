r"""Paired ordered answers after Svensson: change of the group, and change of single people.

The answers are counted in a square table of before by after. With marginal shares and
cumulative shares of before (X) and after (Y):

- Relative position, :math:`RP = P(X < Y) - P(Y < X)` for two people drawn independently: above 0
  if the group moved up.
- Relative concentration, :math:`RC = \{P(X_1 < Y < X_2) - P(Y_1 < X < Y_2)\} / M` with
  :math:`M = \min(p_0 - p_0^2, p_1 - p_1^2)`, where :math:`p_0 = P(X < Y)` and
  :math:`p_1 = P(Y < X)`: above 0 if the answers moved to the middle.
- Relative rank variance, :math:`RV = 6 n^{-3} \sum_{ij} n_{ij} (R^X_{ij} - R^Y_{ij})^2`, with
  ranks that break the ties of one answer by the other: 0 if everybody followed the group, 1 on
  average if the answers have nothing to do with each other.

Standard errors are jackknifed over people.

References
----------
.. [1] Svensson E (1997). A coefficient of agreement adjusted for bias in paired ordered categorical
   data. Biom J 39:643-657. doi:10.1002/bimj.4710390602
.. [2] Svensson E, Starmark JE (2002). Evaluation of individual and group changes in social outcome
   after aneurysmal subarachnoid haemorrhage: a long-term follow-up study.
   J Rehabil Med 34:251-259. doi:10.1080/165019702760390338
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import FloatArray, IntArray

__all__ = ["PairedOrdinal", "paired_ordinal"]


@dataclass(frozen=True, slots=True)
class PairedOrdinal:
    """Measures of change in paired ordered answers.

    Attributes
    ----------
    n : int
        Pairs.
    position, concentration, rank_variance : float
        RP, RC and RV; RC is NaN where M is 0.
    position_error, concentration_error, rank_variance_error : float
        Their jackknifed standard errors; NaN for fewer than two pairs, or where a measure is
        undefined when one person is left out.
    agreement : float
        Share of pairs with the same answer twice.
    up, down : float
        Shares of pairs whose second answer is higher, and lower.
    """

    n: int
    position: float
    concentration: float
    rank_variance: float
    position_error: float
    concentration_error: float
    rank_variance_error: float
    agreement: float
    up: float
    down: float


def paired_ordinal(table: IntArray) -> PairedOrdinal:
    """Compute Svensson's measures of a square table.

    Parameters
    ----------
    table : ndarray of int, shape (k, k)
        Pairs by answer before (rows) and after (columns), both from lowest to highest.

    Returns
    -------
    PairedOrdinal
        The measures; NaN without pairs.
    """
    counts = table.astype(np.float64)
    n, nan = int(table.sum()), float("nan")
    if n == 0:
        return PairedOrdinal(0, nan, nan, nan, nan, nan, nan, nan, nan, nan)
    measures = _measures(counts)
    rows, columns = np.nonzero(table)
    error = np.full(3, np.nan)
    if n > 1:
        without = np.empty((len(rows), 3))
        for place, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            counts[i, j] -= 1
            without[place] = _measures(counts)
            counts[i, j] += 1
        times = counts[rows, columns]
        off = without - times @ without / n
        error = np.sqrt((n - 1) / n * (times @ off**2))
    share = counts / n
    return PairedOrdinal(
        n,
        measures[0],
        measures[1],
        measures[2],
        float(error[0]),
        float(error[1]),
        float(error[2]),
        float(np.trace(share)),
        float(np.triu(share, 1).sum()),
        float(np.tril(share, -1).sum()),
    )


def _measures(counts: FloatArray) -> tuple[float, float, float]:
    """Return RP, RC and RV of a table of counts."""
    n = float(counts.sum())
    x, y = counts.sum(axis=1), counts.sum(axis=0)
    up_to_x, up_to_y = np.cumsum(x), np.cumsum(y)
    before_x, before_y = up_to_x - x, up_to_y - y
    above, below = float(y @ before_x) / n**2, float(x @ before_y) / n**2
    between = float(y @ (before_x * (n - up_to_x))) - float(x @ (before_y * (n - up_to_y)))
    largest = min(above - above**2, below - below**2)
    concentration = between / n**3 / largest if largest > 1e-14 else float("nan")
    # R of X in a cell: those lower before, those equal before and lower after, half of its own.
    middle = (1 + counts) / 2
    rank_x = before_x[:, None] + np.cumsum(counts, axis=1) - counts + middle
    rank_y = before_y[None, :] + np.cumsum(counts, axis=0) - counts + middle
    variance = 6 * float((counts * (rank_x - rank_y) ** 2).sum()) / n**3
    return above - below, concentration, float(variance)
