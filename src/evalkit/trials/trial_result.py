"""What every analysis of a trial hands back: effects with their estimand and who was analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from evalkit.core.results import EffectTable
from evalkit.trials.estimand import Estimand, Strategy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from evalkit.trials.trial_sample import TrialSample

__all__ = ["Higher", "TrialEffect", "as_randomised", "direction"]

Higher: TypeAlias = Literal["better", "worse"]
"""Whether a higher outcome is good or bad for the person."""


@dataclass(frozen=True, eq=False, repr=False)
class TrialEffect(EffectTable):
    """Effects of a trial, arm minus control, with the estimand that they answer to.

    Build one with :meth:`from_sample`. Printed, it names the contrast and its direction, the
    method, and how many of those randomised were analysed in each arm.

    Parameters
    ----------
    data, estimand, method, level, n_used, n_dropped, notes
        As :class:`evalkit.core.results.EffectTable`.
    attributes : Estimand
        Population, treatments, variable, intercurrent events and summary measure.
    arms : tuple of (object, int, int)
        Label, number randomised and number analysed of each arm, the control arm last.
    """

    attributes: Estimand = field(kw_only=True)
    arms: tuple[tuple[object, int, int], ...] = field(kw_only=True)

    @classmethod
    def from_sample(
        cls,
        columns: Mapping[str, object],
        sample: TrialSample,
        *,
        attributes: Estimand,
        higher: Higher | None,
        method: str,
        level: float,
        notes: Sequence[str] = (),
    ) -> TrialEffect:
        """Lay out the effects of a trial.

        Parameters
        ----------
        columns : mapping of str to sequence or scalar
            As :meth:`evalkit.core.results.EffectTable.of`.
        sample : TrialSample
            The rows that the effects rest on.
        attributes : Estimand
            What is estimated.
        higher : {"better", "worse"} or None
            What a higher outcome means; said in the first line.
        method : str
            How the estimates, intervals and p-values were computed.
        level : float
            Confidence level.
        notes : sequence of str, optional
            Sentences that belong with the numbers.

        Returns
        -------
        TrialEffect
            The table.
        """
        order = [*range(1, len(sample.arm_levels)), 0]
        return cls.from_arms(
            columns,
            [(sample.arm_levels[i], sample.n_randomised[i], sample.n_analysed[i]) for i in order],
            attributes=attributes,
            contrasts=direction(sample, higher),
            method=method,
            level=level,
            n_dropped=sample.n_dropped,
            notes=notes,
        )

    @classmethod
    def from_arms(
        cls,
        columns: Mapping[str, object],
        arms: Sequence[tuple[object, int, int]],
        *,
        attributes: Estimand,
        contrasts: str,
        method: str,
        level: float,
        n_dropped: Mapping[str, int],
        notes: Sequence[str] = (),
        **more: Any,
    ) -> Self:
        """Lay out effects whose rows are not persons, such as visits.

        Parameters
        ----------
        columns : mapping of str to sequence or scalar
            As :meth:`evalkit.core.results.EffectTable.of`.
        arms : sequence of (object, int, int)
            Label, number randomised and number analysed of each arm, the control arm last.
        attributes : Estimand
            What is estimated.
        contrasts : str
            The contrasts with their direction, as :func:`direction` writes them.
        method : str
            How the estimates, intervals and p-values were computed.
        level : float
            Confidence level.
        n_dropped : mapping of str to int
            What was left out, by reason.
        notes : sequence of str, optional
            Sentences that belong with the numbers.
        **more : object
            Fields of a subclass.

        Returns
        -------
        TrialEffect
            The table.
        """
        summary = attributes.summary[:1].upper() + attributes.summary[1:]
        table = EffectTable.of(
            columns,
            estimand=f"{summary}, {contrasts}",
            method=method,
            level=level,
            n_used=sum(analysed for _, _, analysed in arms),
            n_dropped=n_dropped,
            notes=notes,
        )
        fields: dict[str, Any] = {name: getattr(table, name) for name in table.__dataclass_fields__}
        return cls(**fields, **more, attributes=attributes, arms=tuple(arms))

    def _head(self) -> list[str]:
        """Say what was estimated, how, and how many of those randomised were analysed."""
        first, second, _ = super()._head()
        parts = [f"{label} {analysed} of {total}" for label, total, analysed in self.arms]
        lost = ", ".join(f"{reason}: {n}" for reason, n in self.n_dropped.items() if n)
        line = f"Analysed of randomised: {', '.join(parts)}"
        if lost:
            line += f"; {sum(self.n_dropped.values())} dropped ({lost})"
        return [first, second, line]

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the effects with their intervals, one line each.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        **options : object
            Passed on to :func:`evalkit.plots.effects.effect_plot`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        from evalkit.plots.effects import effect_plot

        return effect_plot(self.data, level=self.level, title=self.estimand, ax=ax, **options)


def direction(sample: TrialSample, higher: Higher | None) -> str:
    """Write the contrasts out, with what a higher outcome means.

    Parameters
    ----------
    sample : TrialSample
        The trial.
    higher : {"better", "worse"} or None
        What a higher outcome means.

    Returns
    -------
    str
        For instance "ReDO - kontroll, higher = better".
    """
    contrasts = "; ".join(sample.contrasts)
    return contrasts if higher is None else f"{contrasts}, higher = {higher}"


def as_randomised(
    sample: TrialSample,
    *,
    outcome: str,
    summary: str,
    intercurrent: Mapping[str, Strategy] | None = None,
    population: str = "all randomised",
) -> Estimand:
    """Return the estimand of comparing the arms as they were randomised.

    Parameters
    ----------
    sample : TrialSample
        The trial.
    outcome : str
        The outcome.
    summary : str
        The measure, such as "difference in means".
    intercurrent : mapping of str to str, optional
        Intercurrent events and their strategies. By default whatever happens after
        randomisation is left as it was: treatment policy.
    population : str, default "all randomised"
        Whom the effect is of.

    Returns
    -------
    Estimand
        The estimand.
    """
    events: Mapping[str, Strategy] = (
        {"any departure from the assigned arm": "treatment policy"}
        if intercurrent is None
        else intercurrent
    )
    treatments = f"{'; '.join(sample.contrasts)}, as randomised"
    return Estimand(population, treatments, outcome, summary, events)
