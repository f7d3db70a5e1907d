"""Participants weighted to riket's published means: matching-adjusted indirect comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import check_known
from evalkit.core.results import EffectTable
from evalkit.errors import InputError
from evalkit.kernels.calibration import calibrate_weights
from evalkit.kernels.raked_means import effective_number
from evalkit.matching.aggregate_targets import (
    AggregateTargets,
    Targets,
    outside_hull,
    read_targets,
)
from evalkit.matching.participant_cells import read_weights
from evalkit.matching.weighted_mean import WeightedParticipants, mean_table
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AggregateMatched", "maic"]

_FEW = 0.2  # share of the participants below which the effective sample size is remarked on


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AggregateMatched(WeightedParticipants):
    """Weights that give the participants riket's means.

    Parameters
    ----------
    weights, ess, largest_share, n_used, n_dropped, notes, found
        Weights by index label, as many in all as rows, and what they and the assumptions are like.
    targets : pandas.DataFrame
        ``variable, target, before, after``: riket's value, and the participants' before and after
        weighting.
    read : AggregateTargets
        The targets as they were read.
    """

    targets: pd.DataFrame
    read: AggregateTargets = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the targets, and the participants before and after.

        Returns
        -------
        pandas.DataFrame
            Columns ``variable, target, before, after``.
        """
        return self.targets.copy()

    def mean(
        self, outcome: pd.Series[Any], *, reference: float | None = None, level: float = 0.95
    ) -> EffectTable:
        """Estimate the mean (or share) of an outcome, had the participants riket's means.

        Parameters
        ----------
        outcome : pandas.Series
            The outcome by index label; all rows that have a weight must have a value.
        reference : float, optional
            Riket's mean, to compare with.
        level : float, default 0.95
            Confidence level.

        Returns
        -------
        EffectTable
            Term ``mean``, and with a reference ``reference`` and ``difference``.

        Notes
        -----
        The standard error is robust and takes account of the weights being estimated (riket's
        means are taken as known); n / (n - 1) makes up for the estimated mean. Intervals are
        Student's t; of an outcome that is 0 or 1 Clopper and Pearson's with as many persons as
        give that standard error, or as the weights leave where all outcomes are alike.
        """
        x, totals = _columns(self.read)
        return mean_table(
            self.weights, self.found, x, totals * self.found.weights.sum(), outcome, None,
            reference=reference, level=check_level(level), n_dropped=self.n_dropped,
            estimand="Mean of the participants, weighted to riket's means",
            method="matching-adjusted indirect comparison; robust standard error",
            notes=self.notes,
        )  # fmt: skip

    def _what(self) -> str:
        """Say what was done."""
        return "Participants weighted to riket's means (matching-adjusted indirect comparison)"


def maic(df: pd.DataFrame, *, targets: Targets, weights: str | None = None) -> AggregateMatched:
    r"""Weight participants so that their means are those published for riket.

    What would the participants' outcome be if they were on average like riket? Of all weights
    that give them riket's means (and standard deviations), these are the ones nearest to equal
    ones in entropy, :math:`w_i = e^{x_i'\lambda}` [1]_.

    Parameters
    ----------
    df : pandas.DataFrame
        The participants, one row a person. Rows with missing values in the columns of the
        targets are dropped and counted.
    targets : mapping
        For each column a mean, a tuple of mean and standard deviation, or shares by level:
        ``{"age": (41.2, 10.5), "sex": {"woman": 0.58, "man": 0.42}}``.
    weights : str, optional
        Weights to start from, such as survey weights; else all are equal.

    Returns
    -------
    AggregateMatched
        ``.weights`` (a Series), the means before and after, ``.ess``, ``.largest_share``,
        ``.notes``; ``.mean(outcome)`` estimates with a standard error.

    Raises
    ------
    evalkit.errors.InputError
        If no weights meet the targets: the message names those that cannot be met (found by
        linear programming), and without which variable the others could be.

    Notes
    -----
    A standard deviation is matched through the mean of squares, with divisor n. Only what the
    targets describe is matched; the result answers for riket's mix if nothing else decides the
    outcome. R: ``maicplus::estimate_weights``, or ``survey::calibrate(calfun = "raking")``.

    References
    ----------
    .. [1] Signorovitch JE, Wu EQ, Yu AP et al. (2010). Comparative effectiveness without
       head-to-head trials: a method for matching-adjusted indirect comparisons applied to
       psoriasis treatment with adalimumab or etanercept. PharmacoEconomics 28:935-945.
       doi:10.2165/11538370-000000000-00000

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"age": [30.0, 40.0, 50.0, 60.0]})
    >>> found = maic(people, targets={"age": 40.0})
    >>> found.weights.round(3).tolist(), round(found.ess, 2)
    ([1.685, 1.108, 0.728, 0.479], 3.31)
    """
    check_known(df, weights=weights)
    read = read_targets(df, targets)
    before = read_weights(df, weights)[read.rows]
    start = np.where(read.absent, 0.0, before)
    if not start.any():
        if not before.any():
            raise InputError.of("weights", required="positive somewhere", got="only zeros")
        raise InputError.of(
            "targets", required="such that riket has people like some of the participants",
            got="a share of 0 for each of them in some variable",
        )  # fmt: skip
    start = start * (len(start) / start.sum())
    x, totals = _columns(read)
    found = calibrate_weights(start, x, totals * len(start))
    if not found.converged:
        _refuse(read)
    w = found.weights
    ess = effective_number(w)
    notes = list(read.notes)
    if ess < _FEW * len(w):
        notes.append(
            f"Few participants are like riket: their weights leave {ess:.1f} of {len(w)}, and "
            "the estimate rests on these."
        )
    if len(set(read.variables)) > 1:
        notes.append(
            "Assumed, since riket's joint distribution is not used: the variables go together as "
            "they do among the participants."
        )
    import pandas as pd

    return AggregateMatched(
        weights=pd.Series(w, index=df.index[read.rows], name="weight"),
        ess=ess,
        largest_share=float(w.max() / w.sum()),
        n_used=len(w),
        n_dropped=read.n_dropped,
        notes=tuple(notes),
        found=found,
        targets=pd.DataFrame({
            "variable": read.names,
            "target": read.values,
            "before": read.attained(before),
            "after": read.attained(w),
        }),
        read=read,
    )  # fmt: skip


def _columns(read: AggregateTargets) -> tuple[FloatArray, FloatArray]:
    """Return the columns after one of ones, and their wanted means."""
    ones = np.ones((len(read.matrix), 1))
    return np.concatenate([ones, read.matrix], axis=1), np.append(1.0, read.goal)


def _refuse(read: AggregateTargets) -> None:
    """Say which targets cannot be met."""
    said = outside_hull(read)
    raise InputError.of(
        "targets",
        required="within what weights of the participants can reach",
        got="targets outside the hull of their values" if said else
        "targets on the edge of the hull of their values, where weights rest on few people",
        where=said,
        remedy="Leave out the target that is named, or merge levels: nobody among the "
        "participants, or too few, stands for such people.",
    )  # fmt: skip
