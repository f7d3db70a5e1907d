r"""Every person in the arm against every control: who has the higher outcome.

With pairs of one person from each arm, the probabilistic index is
:math:`\theta = P(Y_1 > Y_0) + P(Y_1 = Y_0)/2`, the win ratio :math:`P(Y_1 > Y_0) / P(Y_1 < Y_0)`
and the win odds :math:`\theta / (1 - \theta)`. Wins, ties and losses are counted from the sorted
outcomes, O(n log n). What each person contributes is a placement: the share of the other arm that
he or she beats. The variance of a two-sample U-statistic is the sum over the arms of the variance
of the placements over the number of persons, estimated without assuming equal distributions
(Brunner and Munzel [1]_), and adds over strata.

References
----------
.. [1] Brunner E, Munzel U (2000). The nonparametric Behrens-Fisher problem: asymptotic theory and a
   small-sample approximation. Biom J 42:17-25.
   doi:10.1002/(SICI)1521-4036(200001)42:1<17::AID-BIMJ17>3.0.CO;2-U
.. [2] Pocock SJ, Ariti CA, Collier TJ, Wang D (2012). The win ratio: a new approach to the analysis
   of composite endpoints in clinical trials based on clinical priorities. Eur Heart J 33:176-182.
   doi:10.1093/eurheartj/ehr352
.. [3] Dong G, Qiu J, Wang D, Vandemeulebroecke M (2018). The stratified win ratio.
   J Biopharm Stat 28:778-796. doi:10.1080/10543406.2017.1397007
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["Placements", "placements"]


@dataclass(frozen=True, slots=True)
class Placements:
    """Wins and losses of an arm against the control, pooled over strata.

    A stratum with n1 and n0 persons weighs :math:`n_1 n_0 / (n_1 + n_0)`, as in a
    Mantel-Haenszel estimate; a stratum without both arms weighs nothing.

    Attributes
    ----------
    wins, losses : float
        Weighted means over the strata of P(Y1 > Y0) and P(Y1 < Y0).
    variance : ndarray of float, shape (2, 2)
        Covariance matrix of ``wins`` and ``losses``.
    influence : ndarray of float, shape (n, 2)
        What each row adds to the two; the sum over the rows of one arm and stratum is 0.
    parts : ndarray of float, shape (m, 2, 2)
        The terms of ``variance``, one for each arm in each stratum.
    part_df : ndarray of float, shape (m,)
        Their degrees of freedom, persons less one.
    used : ndarray of bool, shape (n,)
        Rows in strata that have both arms.
    """

    wins: float
    losses: float
    variance: FloatArray
    influence: FloatArray
    parts: FloatArray
    part_df: FloatArray
    used: BoolArray

    def spread(self, gradient: FloatArray) -> tuple[float, float]:
        """Return the variance of a linear combination, and its degrees of freedom.

        Parameters
        ----------
        gradient : ndarray of float, shape (2,)
            Weights of ``wins`` and ``losses``.

        Returns
        -------
        tuple of float
            The variance, and Satterthwaite's degrees of freedom: the squared variance over the
            sum of the squared parts, each over its own. Infinite if there is no variance.
        """
        parts = np.einsum("i,mij,j->m", gradient, self.parts, gradient)
        total = float(parts.sum())
        below = float((parts**2 / np.maximum(self.part_df, 1e-300)).sum())
        return total, (total**2 / below if below > 0 else np.inf)


def placements(
    outcome: FloatArray,
    arm: BoolArray,
    *,
    strata: IntArray | None = None,
    weights: FloatArray | None = None,
) -> Placements:
    """Compare every person in the arm with every control of the same stratum.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        Numbers of which only the order counts.
    arm : ndarray of bool, shape (n,)
        Whether the row is in the arm; the others are controls.
    strata : ndarray of int, shape (n,), optional
        Codes of the strata, 0, 1, ...
    weights : ndarray of float, shape (n,), optional
        Case weights: a row of weight 2 is two rows.

    Returns
    -------
    Placements
        Wins, losses and their variance, NaN where an arm has one person in a stratum. R:
        ``brunner.munzel.test`` of the package lawstat for theta.

    Examples
    --------
    >>> out = placements(np.array([3.0, 5, 1, 3]), np.array([True, True, False, False]))
    >>> out.wins, out.losses
    (0.75, 0.0)
    """
    n = len(outcome)
    w = np.ones(n) if weights is None else weights
    codes = np.zeros(n, dtype=np.int64) if strata is None else strata
    own = np.zeros((n, 2))
    used = np.zeros(n, dtype=np.bool_)
    pieces: list[tuple[float, FloatArray, list[tuple[IntArray, float]]]] = []
    for rows in _rows_by_stratum(codes):
        one, zero = rows[arm[rows]], rows[~arm[rows]]
        n1, n0 = float(w[one].sum()), float(w[zero].sum())
        if n1 == 0 or n0 == 0:
            continue
        used[rows] = True
        below, above = _beaten(outcome[one], outcome[zero], w[zero])
        own[one] = np.column_stack([below, above]) / n0
        below, above = _beaten(outcome[zero], outcome[one], w[one])
        own[zero] = np.column_stack([above, below]) / n1  # the arm wins where it is above
        means = w[one] @ own[one] / n1
        pieces.append((n1 * n0 / (n1 + n0), means, [(one, n1), (zero, n0)]))
    total = sum(piece[0] for piece in pieces)
    mean = np.full(2, np.nan)
    if total > 0:
        mean = np.sum([weight * means for weight, means, _ in pieces], axis=0) / total
    influence = np.zeros((n, 2))
    parts: list[FloatArray] = []
    df: list[float] = []
    for weight, means, groups in pieces:
        for rows, size in groups:
            centred = own[rows] - means
            factor = weight / total / size
            influence[rows] = factor * w[rows, None] * centred
            square = factor**2 * (centred * w[rows, None]).T @ centred
            parts.append(square * (size / (size - 1) if size > 1 else np.nan))
            df.append(size - 1)
    stacked = np.array(parts).reshape(-1, 2, 2)
    return Placements(
        float(mean[0]),
        float(mean[1]),
        stacked.sum(axis=0),
        influence,
        stacked,
        np.array(df),
        used,
    )


def _rows_by_stratum(codes: IntArray) -> list[IntArray]:
    """Return the positions of the rows of each stratum."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    return [part.astype(np.int64) for part in np.split(order, starts) if len(part)]


def _beaten(
    mine: FloatArray, theirs: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weight of the others strictly below, and strictly above, each of mine."""
    order = np.argsort(theirs, kind="stable")
    sorted_theirs = theirs[order]
    up_to = np.concatenate([[0.0], np.cumsum(weight[order])])
    below = up_to[np.searchsorted(sorted_theirs, mine, side="left")]
    above = up_to[-1] - up_to[np.searchsorted(sorted_theirs, mine, side="right")]
    return below, above
