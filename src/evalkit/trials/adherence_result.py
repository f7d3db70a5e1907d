"""Effects of the received treatment: the table, and the Anderson-Rubin set beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evalkit.trials.trial_result import TrialEffect

__all__ = ["AdherenceEffect", "AndersonRubinSet", "SetForm"]

SetForm: TypeAlias = Literal["interval", "ray", "two rays", "whole line", "empty"]
"""What an Anderson-Rubin set looks like."""


@dataclass(frozen=True)
class AndersonRubinSet:
    """The effects that the data do not reject, whatever the strength of the first stage.

    Parameters
    ----------
    intervals : tuple of (float, float)
        Its parts in rising order; infinite ends for rays.
    level : float
        Confidence level.
    df : float
        Degrees of freedom of its t test.

    Examples
    --------
    >>> weak = AndersonRubinSet(((float("-inf"), -3.0), (0.5, float("inf"))), 0.95, 40.0)
    >>> weak
    two rays: below -3.0000 or above 0.5000
    >>> weak.contains(0.0), weak.form
    (False, 'two rays')
    """

    intervals: tuple[tuple[float, float], ...]
    level: float
    df: float

    @property
    def form(self) -> SetForm:
        """What it looks like: an interval, a ray, two rays, the whole line, or nothing."""
        if not self.intervals:
            return "empty"
        if len(self.intervals) == 2:
            return "two rays"
        infinite = [abs(end) == float("inf") for end in self.intervals[0]]
        return "whole line" if all(infinite) else "ray" if any(infinite) else "interval"

    @property
    def bounded(self) -> bool:
        """Whether it is an interval with two finite ends."""
        return self.form == "interval"

    def contains(self, effect: float) -> bool:
        """Say whether an effect belongs to it.

        Parameters
        ----------
        effect : float
            The effect.

        Returns
        -------
        bool
            True if the data do not reject it.
        """
        return any(low <= effect <= high for low, high in self.intervals)

    def __repr__(self) -> str:
        """Write it out."""
        if self.form in ("empty", "whole line"):
            text = {"empty": "no effect fits", "whole line": "every effect fits"}
            return f"{self.form}: {text[self.form]}"
        if self.form == "two rays":
            (_, below), (above, _) = self.intervals
            return f"two rays: below {below:.4f} or above {above:.4f}"
        low, high = self.intervals[0]
        if self.form == "ray":
            return f"ray: above {low:.4f}" if high == float("inf") else f"ray: below {high:.4f}"
        return f"{low:.4f} to {high:.4f}"


@dataclass(frozen=True, eq=False, repr=False)
class AdherenceEffect(TrialEffect):
    """An effect of the received treatment, with its Anderson-Rubin set and first stage.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes, attributes, arms
        As :class:`evalkit.trials.trial_result.TrialEffect`.
    anderson_rubin : AndersonRubinSet
        Effects that the data do not reject.
    first_stage_f : float
        Squared t statistic of the assignment's effect on the received treatment.
    """

    anderson_rubin: AndersonRubinSet = field(kw_only=True)
    first_stage_f: float = field(kw_only=True)
