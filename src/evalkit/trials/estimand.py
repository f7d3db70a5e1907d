"""What a trial estimates, in the five attributes of ICH E9(R1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalkit.core.checks import check_choice
from evalkit.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STRATEGIES", "Estimand", "Strategy"]

Strategy: TypeAlias = Literal[
    "treatment policy", "hypothetical", "composite", "while on treatment", "principal stratum"
]
"""How an intercurrent event is dealt with."""

STRATEGIES: tuple[Strategy, ...] = (
    "treatment policy",
    "hypothetical",
    "composite",
    "while on treatment",
    "principal stratum",
)


@dataclass(frozen=True)
class Estimand:
    """What is estimated: for whom, of what against what, in which variable, and how summed up.

    Parameters
    ----------
    population : str
        The persons that the effect is of, such as "all randomised".
    treatments : str
        What is compared, such as "ReDO - kontroll, as randomised".
    variable : str
        The outcome, with its time where it has one.
    summary : str
        The measure, such as "difference in means".
    intercurrent : mapping of str to str
        What happens after randomisation that changes the outcome's meaning or existence, each
        with the strategy that deals with it: "treatment policy", "hypothetical", "composite",
        "while on treatment" or "principal stratum". Missing values are no intercurrent event:
        how they are dealt with belongs to the method.

    Raises
    ------
    evalkit.errors.InputError
        If a strategy is none of the five.

    References
    ----------
    .. [1] ICH (2019). E9(R1) Addendum on estimands and sensitivity analysis in clinical trials.

    Examples
    --------
    >>> Estimand(
    ...     "all randomised",
    ...     "ReDO - kontroll, as randomised",
    ...     "mastery after 16 weeks",
    ...     "difference in means",
    ...     {"breaking off": "treatment policy"},
    ... )
    Population: all randomised
    Treatments: ReDO - kontroll, as randomised
    Variable: mastery after 16 weeks
    Intercurrent events: breaking off (treatment policy)
    Summary: difference in means
    """

    population: str
    treatments: str
    variable: str
    summary: str
    intercurrent: Mapping[str, Strategy] = field(default_factory=dict[str, Strategy])

    def __post_init__(self) -> None:
        """Check the strategies, and keep a copy of the mapping."""
        for event, strategy in self.intercurrent.items():
            check_choice(f"intercurrent[{event!r}]", strategy, STRATEGIES)
        for name in ("population", "treatments", "variable", "summary"):
            if not str(getattr(self, name)).strip():
                raise InputError.of(name, required="said in words", got="an empty text")
        object.__setattr__(self, "intercurrent", dict(self.intercurrent))

    def with_changes(self, **attributes: object) -> Estimand:
        """Return the estimand with some of its attributes changed.

        Parameters
        ----------
        **attributes : object
            New values by attribute.

        Returns
        -------
        Estimand
            The changed copy.
        """
        return replace(self, **attributes)  # pyright: ignore[reportArgumentType]

    def to_frame(self) -> pd.DataFrame:
        """Return the attributes as a frame.

        Returns
        -------
        pandas.DataFrame
            Columns ``attribute`` and ``value``, one row for each attribute.
        """
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=["attribute", "value"])

    def _rows(self) -> list[tuple[str, str]]:
        """Return names and texts of the five attributes."""
        events = "; ".join(f"{event} ({how})" for event, how in self.intercurrent.items())
        return [
            ("Population", self.population),
            ("Treatments", self.treatments),
            ("Variable", self.variable),
            ("Intercurrent events", events or "none named"),
            ("Summary", self.summary),
        ]

    def __repr__(self) -> str:
        """Show one attribute a line."""
        return "\n".join(f"{name}: {text}" for name, text in self._rows())

    def _repr_html_(self) -> str:
        """Show the attributes as a table in a notebook."""
        return self.to_frame().to_html(index=False)
