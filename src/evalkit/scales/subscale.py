"""One score of a questionnaire: its items, its formula, and how many must be answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.scales.cut_offs import Cutoffs
from evalkit.scales.finite_numbers import is_finite_number, numbers_of

__all__ = [
    "FORMULAS",
    "Formula",
    "Subscale",
    "checked_least",
    "checked_names",
    "checked_range",
]

Formula: TypeAlias = Literal["sum", "mean", "value set", "s-UMS"]

FORMULAS = ("sum", "mean", "value set", "s-UMS")
_ADDED = ("sum", "mean")


def checked_names(argument: str, given: object) -> tuple[str, ...]:
    """Return names as a tuple of strings, refusing repeats.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    given : object
        What the caller gave.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    evalkit.errors.InputError
        If it is no list of names that differ.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError.of(argument, required="a list of item names", got=repr(given))
    names = tuple(cast("Iterable[object]", given))
    if any(not isinstance(name, str) for name in names):
        raise InputError.of(
            argument, required="a list of item names", got=repr(names), remedy="Names are strings."
        )
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise InputError.of(argument, required="names that differ", got="repeats", where=twice)
    return cast("tuple[str, ...]", names)


def checked_least(argument: str, given: object, k: int) -> int:
    """Return the fewest items to be answered; all of them for None.

    Parameters
    ----------
    argument : str
        Name of the argument, for the message.
    given : object
        What the caller gave.
    k : int
        Number of items.

    Returns
    -------
    int
        The number.

    Raises
    ------
    evalkit.errors.InputError
        If it is no whole number from 1 to ``k``.
    """
    if given is None:
        return k
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= k:
        raise InputError.of(
            argument,
            required=f"None or a whole number from 1 to {k}, the number of items",
            got=repr(given),
        )
    return given


def checked_range(
    given: object, *, argument: str = "range", where: Iterable[object] = ()
) -> tuple[float, float]:
    """Return the lowest and the highest code of an answer.

    Parameters
    ----------
    given : object
        What the caller gave.
    argument : str, default "range"
        Name of the argument, for the message.
    where : iterable, optional
        The items, for the message.

    Returns
    -------
    tuple of float
        The two codes.

    Raises
    ------
    evalkit.errors.InputError
        If it is no pair of numbers in ascending order.
    """
    ends = numbers_of(given)
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise InputError.of(
            argument, required="(lowest, highest) with lowest < highest", got=repr(given),
            where=where,
        )  # fmt: skip
    return ends[0], ends[1]


@dataclass(frozen=True)
class Subscale:
    """One score of a questionnaire that gives several.

    Parameters
    ----------
    name : str
        Name of the score.
    items : sequence of str
        Names of its items, all of them items of the scale.
    formula : {"sum", "mean"}, default "sum"
        How the points make a score.
    multiplier : float, default 1
        What the sum or the mean is multiplied by.
    min_answered : int, optional
        Fewest items that must be answered; all by default.
    cutoffs : sequence of Cutoffs, default ()
        Bands of the score.

    Raises
    ------
    evalkit.errors.InputError
        If an item stands twice, or the missing rule does not fit.

    Examples
    --------
    >>> Subscale("trust", ["q1", "q2"], formula="mean").min_answered
    2
    """

    name: str
    items: tuple[str, ...]
    formula: Formula = "sum"
    multiplier: float = 1.0
    min_answered: int | None = None
    cutoffs: tuple[Cutoffs, ...] = ()

    def __post_init__(self) -> None:
        """Check the parts, and keep lists as tuples."""
        items = checked_names("items", self.items)
        if not items:
            raise InputError.of("items", required="at least one item", got="none")
        check_choice("formula", self.formula, FORMULAS)
        least = checked_least("min_answered", self.min_answered, len(items))
        if self.formula not in _ADDED and least < len(items):
            raise InputError.of(
                "min_answered", required=f"None: {self.formula} needs every item", got=repr(least)
            )
        times = self.multiplier
        if not is_finite_number(times) or times <= 0:
            raise InputError.of("multiplier", required="a positive number", got=repr(times))
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "multiplier", float(times))
        object.__setattr__(self, "min_answered", least)
        object.__setattr__(self, "cutoffs", tuple(self.cutoffs))

    @property
    def needed(self) -> int:
        """Fewest items that must be answered."""
        return len(self.items) if self.min_answered is None else self.min_answered
