"""Riket as single published figures, each with what it counts and of whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np

from evalkit.errors import InputError
from evalkit.matching.margin_targets import is_mapping, said_briefly

__all__ = ["Figure", "Figures", "NationalFigure", "read_figures", "share_bounds"]

_SHORT = 40  # characters of what is shown of a wrong argument


@dataclass(frozen=True)
class NationalFigure:
    """A published share of riket.

    Parameters
    ----------
    share : float or tuple of float
        The share, 0-1; two numbers for one that is known within bounds ("about 70 percent").
    n : int, optional
        Persons that it is the share of.
    counts : str
        What it counts as success, in words.
    people : str
        Whom it is the share of, in words.
    source : str
        Where it stands.

    Examples
    --------
    >>> NationalFigure(0.44, counts="further towards work", source="p. 176").share
    0.44
    """

    share: float | tuple[float, float]
    n: int | None = None
    counts: str = ""
    people: str = ""
    source: str = ""

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest that the share can be."""
        return self.share if isinstance(self.share, tuple) else (self.share, self.share)

    @property
    def middle(self) -> float:
        """The share, or the middle of its bounds."""
        return sum(self.bounds) / 2

    def variance(self, share: float) -> float:
        """Return the variance of a share of the figure's n persons; 0 without n.

        Parameters
        ----------
        share : float
            The share.

        Returns
        -------
        float
            share (1 - share) / n.
        """
        return 0.0 if self.n is None else share * (1 - share) / self.n

    def without(self, successes: tuple[float, float], persons: float) -> NationalFigure:
        """Return the figure of the others, once participants are removed.

        Parameters
        ----------
        successes : tuple of float
            Least and greatest number of successes among the participants.
        persons : float
            Participants.

        Returns
        -------
        NationalFigure
            The figure :math:`(N r - x) / (N - n)`, with its bounds.

        Raises
        ------
        evalkit.errors.InputError
            If riket holds no more people, or fewer successes, than the participants.
        """
        if self.n is None or self.n <= persons:
            raise InputError.of(
                "includes_participants",
                required="True only where every figure has n, above the number of participants",
                got="a figure without n" if self.n is None else f"n = {self.n} for {persons:g}",
            )
        rest = self.n - persons
        ends = (
            (self.n * self.bounds[0] - successes[1]) / rest,
            (self.n * self.bounds[1] - successes[0]) / rest,
        )
        if ends[1] < 0 or ends[0] > 1:
            raise InputError.of(
                "includes_participants",
                required="True only where riket holds at least the participants' successes and "
                "failures",
                got=f"{self.n * self.middle:.1f} successes of {self.n}",
                remedy="Riket does not include the participants, or counts something else.",
            )
        low, high = float(np.clip(ends[0], 0, 1)), float(np.clip(ends[1], 0, 1))
        return replace(self, share=low if low == high else (low, high), n=round(rest))


Figure: TypeAlias = float | tuple[float, float] | NationalFigure
"""One national figure."""

Figures: TypeAlias = Figure | Mapping[str, Figure]
"""One national figure, or several by label."""


def read_figures(figures: Figures | None) -> dict[str, NationalFigure]:
    """Read and check national figures.

    Parameters
    ----------
    figures : float, tuple, NationalFigure, mapping or None
        One figure, or several by label.

    Returns
    -------
    dict
        The figures by label; a single one is called "riket".

    Raises
    ------
    evalkit.errors.InputError
        If one is no share (58 for 0.58), or its n is no number of persons.
    """
    if figures is None:
        return {}
    if hasattr(figures, "items") and not is_mapping(figures):
        raise InputError.of("figures", required="at least one figure", got=said_briefly(figures))
    given: dict[str, Any] = (
        {str(label): one for label, one in cast("Mapping[Any, Any]", figures).items()}
        if is_mapping(figures)
        else {"riket": figures}
    )
    return {label: _figure(label, one) for label, one in given.items()}


def share_bounds(what: str, given: object) -> tuple[float, float]:
    """Return the bounds of a share that is known, or known within bounds.

    Parameters
    ----------
    what : str
        The caller's argument.
    given : float or tuple of float
        The share, or its bounds.

    Returns
    -------
    tuple of float
        The bounds; the same if the share is known.

    Raises
    ------
    evalkit.errors.InputError
        If it is neither, or a percentage.
    """
    parts: list[Any] = (
        [*cast("Sequence[Any]", given)] if isinstance(given, (tuple, list)) else [given]
    )
    shown = ", ".join(repr(part) for part in parts)
    numeric = all(
        isinstance(part, (int, float, np.number)) and not isinstance(part, bool) for part in parts
    )
    ends = [float(part) for part in parts] if numeric else []
    if len(ends) not in (1, 2) or (len(ends) == 2 and not ends[0] <= ends[1]):
        raise InputError.of(
            what, required="a share, or the bounds of one",
            got=shown if len(shown) <= _SHORT else said_briefly(cast("object", given)),
        )  # fmt: skip
    if not all(0 <= end <= 1 for end in ends):
        percent = all(0 <= end <= 100 for end in ends)
        raise InputError.of(
            what, required="a share from 0 to 1", got=shown,
            remedy="This looks like a percentage: divide by 100 (58 % is 0.58)." if percent else "",
        )  # fmt: skip
    return ends[0], ends[-1]


def _figure(label: str, given: Any) -> NationalFigure:
    """Return one figure, checked."""
    figure = given if isinstance(given, NationalFigure) else NationalFigure(given)
    what = f"figures[{label!r}]"
    ends = share_bounds(what, figure.share)
    n: Any = figure.n
    if n is not None and (isinstance(n, bool) or not float(n).is_integer() or n < 1):
        raise InputError.of(what, required="with n a whole number of persons", got=repr(n))
    return replace(
        figure, share=ends[0] if ends[0] == ends[1] else ends, n=None if n is None else int(n)
    )
