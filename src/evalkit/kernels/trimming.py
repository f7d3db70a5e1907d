r"""Bounds of the effect on those whose outcome would be seen in either arm, by trimming.

If the arm that a person is in can only raise, or only lower, the chance that the outcome is
observed, then the observed outcomes of the arm with the lower rate are those of the always
observed, and a known share of the other arm's are. The bounds let these be the lowest or the
highest [1]_.

References
----------
.. [1] Lee DS (2009). Training, wages, and sample selection: estimating sharp bounds on treatment
   effects. Rev Econ Stud 76:1071-1102. doi:10.1111/j.1467-937X.2009.00536.x
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["TrimmedBounds", "lower_tail_mean", "trimmed_bounds"]


@dataclass(frozen=True, slots=True)
class TrimmedBounds:
    """Lee's bounds, and what each row contributes to them.

    Attributes
    ----------
    lower, upper : float
        The bounds.
    lower_influence, upper_influence : ndarray of float, shape (n,)
        First-order effect of each row on the bounds; they sum to 0, and their squares to the
        variance. Rows of one cluster are summed before squaring.
    trims_arm : bool
        Whether the arm is trimmed, not the control arm.
    share : ndarray of float, shape (C,)
        Share of the observed outcomes trimmed, in each cell.
    weight : ndarray of float, shape (C,)
        Weight of each cell: its share of the always observed.
    """

    lower: float
    upper: float
    lower_influence: FloatArray
    upper_influence: FloatArray
    trims_arm: bool
    share: FloatArray
    weight: FloatArray


def lower_tail_mean(values: FloatArray, share: float) -> tuple[float, float]:
    r"""Return the mean of the lowest share of values, and the value where it ends.

    The mean is :math:`\frac1s \int_0^s \hat F^{-1}(u)\,du`: where s n is no whole number, the
    value at the end counts for the fraction, so that neither ties nor their order matter.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The values.
    share : float
        s, in (0, 1].

    Returns
    -------
    mean : float
        The mean.
    end : float
        The quantile of s.
    """
    ordered = np.sort(values)
    kept = share * len(ordered)
    # Rounding must not let a whole number of values become one and a trifle.
    whole = round(kept) if abs(kept - round(kept)) < 1e-9 * len(ordered) else int(np.floor(kept))
    fraction = max(kept - whole, 0.0) if whole < len(ordered) else 0.0
    total = float(ordered[:whole].sum())
    if fraction < 1e-9 * len(ordered):
        return total / whole, float(ordered[whole - 1])
    return (total + fraction * float(ordered[whole])) / kept, float(ordered[whole])


def trimmed_bounds(
    outcome: FloatArray,
    treated: BoolArray,
    cell: IntArray,
    *,
    trims_arm: bool,
) -> TrimmedBounds:
    r"""Compute Lee's bounds of the mean difference, arm minus control, with their influence.

    In each cell, with observation rates :math:`p_a \ge p_b`, the share
    :math:`1 - p_b / p_a` of the observed outcomes of arm a is trimmed, from above or from below,
    by fractions of an outcome if need be. Cells count by their size times :math:`p_b`, so that
    it does not matter how the arms were shared out in them.

    With :math:`s = p_b / p_a`, trimmed mean m and quantile Q, the influence of the trimmed mean
    is that of :math:`\min(Y, Q) / s` among the observed, plus :math:`Q - m` times that of
    :math:`\log s`; the variance then is Lee's.

    Parameters
    ----------
    outcome : ndarray of float, shape (n,)
        Outcomes, NaN where not observed. Every cell has observed ones in both arms.
    treated : ndarray of bool, shape (n,)
        Whether a row is in the arm.
    cell : ndarray of int, shape (n,)
        Cells 0, 1, ...
    trims_arm : bool
        Whether a is the arm or the control arm; it has the higher rate in every cell.

    Returns
    -------
    TrimmedBounds
        The bounds.
    """
    n, n_cells = len(outcome), int(cell.max()) + 1
    sign = 1.0 if trims_arm else -1.0
    observed = ~np.isnan(outcome)
    in_a = treated if trims_arm else ~treated
    size = np.bincount(cell, minlength=n_cells)
    in_b = np.bincount(cell[~in_a], minlength=n_cells)
    rate = np.bincount(cell[observed & ~in_a], minlength=n_cells) / in_b
    always = size * rate
    weight = always / always.sum()
    means = np.zeros((2, n_cells))
    influence = np.zeros((2, n))
    shares = np.zeros(n_cells)
    for c in range(n_cells):
        a, b = (cell == c) & in_a, (cell == c) & ~in_a
        rate_a, rate_b = float(observed[a].mean()), float(observed[b].mean())
        kept = min(rate_b / rate_a, 1.0)
        shares[c] = 1 - kept
        seen_a, seen_b = a & observed, b & observed
        other = float(outcome[seen_b].mean())
        for side, flip in enumerate((1.0, -1.0)):
            values = flip * outcome[seen_a]
            mean, end = lower_tail_mean(values, kept)
            means[side, c] = flip * mean - other
            effect = np.zeros(n)
            capped = np.minimum(values, end)
            effect[seen_a] = flip * (capped - capped.mean()) / (kept * seen_a.sum())
            effect[seen_b] -= (outcome[seen_b] - other) / seen_b.sum()
            slope = flip * (end - mean)
            effect[a] -= slope * (observed[a] - rate_a) / (rate_a * a.sum())
            effect[b] += slope * (observed[b] - rate_b) / (rate_b * b.sum())
            influence[side] += weight[c] * effect
    overall = means @ weight
    # The cells' weights are estimated too.
    own = rate[cell] + ~in_a * (size / in_b)[cell] * (observed - rate[cell])
    influence += (means[:, cell] - overall[:, None]) * own / always.sum()
    overall, influence = sign * overall + 0.0, sign * influence  # + 0.0: no negative zeros
    first, second = (0, 1) if trims_arm else (1, 0)
    return TrimmedBounds(
        float(overall[first]),
        float(overall[second]),
        influence[first],
        influence[second],
        trims_arm,
        shares,
        weight,
    )
