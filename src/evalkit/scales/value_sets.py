"""Value sets: what a state of health is worth, by dimension and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalkit.errors import InputError
from evalkit.scales.finite_numbers import is_finite_number

__all__ = ["ValueSet"]


@dataclass(frozen=True)
class ValueSet:
    """A value set of EQ-5D: a start, and what each level of each dimension takes away.

    Parameters
    ----------
    name : str
        Name that the caller gives to :func:`evalkit.scales.score`.
    start : float
        Value of the state without problems.
    decrements : mapping of str to sequence of float
        By dimension, in the order of the form, what level 2, level 3 and so on take away.
    worst : float, default 0
        What is taken away once if any dimension is at its last level.
    source : str, default ""
        Where it was read.

    Raises
    ------
    evalkit.errors.InputError
        If the dimensions do not have as many levels.

    Examples
    --------
    >>> made_up = ValueSet("mine", 1, {"mobility": [0.1, 0.4], "pain": [0.2, 0.5]})
    >>> made_up.levels, made_up.table
    (3, ((0.0, 0.1, 0.4), (0.0, 0.2, 0.5)))
    """

    name: str
    start: float
    decrements: Mapping[str, tuple[float, ...]]
    worst: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        """Check that every dimension has as many levels."""
        given = {name: tuple(levels) for name, levels in dict(self.decrements).items()}
        if not given or len({len(levels) for levels in given.values()}) != 1:
            raise InputError.of(
                "decrements",
                required="as many levels for every dimension",
                got={name: len(levels) for name, levels in given.items()},
            )
        taken = [taken for levels in given.values() for taken in levels]
        wrong = [value for value in (self.start, self.worst, *taken) if not is_finite_number(value)]
        if wrong or not taken:
            raise InputError.of(
                "decrements", required="numbers, as start and worst", got=f"{wrong or 'none'}"
            )
        numbers = {name: tuple(map(float, levels)) for name, levels in given.items()}
        object.__setattr__(self, "decrements", numbers)

    def check_fits(self, items: Sequence[str], limits: Sequence[tuple[float, float]]) -> None:
        """Refuse the value set of another questionnaire.

        Parameters
        ----------
        items : sequence of str
            The dimensions of the questionnaire, in the order of the form.
        limits : sequence of tuple of float
            Lowest and highest code of each.

        Raises
        ------
        evalkit.errors.InputError
            If the dimensions or their levels are others.
        """
        levels = {int(high - low) + 1 for low, high in limits}
        if levels != {self.levels} or list(self.decrements) != list(items):
            raise InputError.of(
                "value_set",
                required=f"of the dimensions {', '.join(items)} with "
                f"{' or '.join(map(str, sorted(levels)))} levels",
                got=f"{', '.join(self.decrements)} with {self.levels} levels",
            )

    @property
    def levels(self) -> int:
        """Number of levels, the one without problems included."""
        return len(next(iter(self.decrements.values()))) + 1

    @property
    def table(self) -> tuple[tuple[float, ...], ...]:
        """What each level takes away, by dimension; nothing for the first."""
        return tuple((0.0, *levels) for levels in self.decrements.values())
