"""What a scale is: its items and their range, what is reversed, its formula and missing rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from evalkit.core.checks import check_choice
from evalkit.errors import InputError
from evalkit.kernels.scale_scores import WIDEST
from evalkit.scales.cut_offs import Cutoffs
from evalkit.scales.subscale import (
    FORMULAS,
    Formula,
    Subscale,
    checked_least,
    checked_names,
    checked_range,
)
from evalkit.scales.value_sets import ValueSet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scale"]

_FEW = 9


@dataclass(frozen=True, repr=False)
class Scale:
    """A questionnaire as data: what is needed to score it, and where that was read.

    Reversal uses the declared range, never the answers that happened to come: an item from 1 to 5
    is reversed as 6 - x also where nobody chose 5.

    Parameters
    ----------
    name : str
        Name of the scale.
    items : sequence of str
        Names of the items, in the order of the form.
    range : tuple of float, or mapping of str to tuple
        Lowest and highest code of an answer; a mapping gives them item by item.
    reversed : sequence of str, default ()
        Items that are turned around: lowest + highest - x.
    formula : {"sum", "mean", "value set", "s-UMS"}, default "sum"
        How the points make a score. The last two are the algorithms of EQ-5D and s-UMS.
    multiplier : float, default 1
        What the sum or the mean is multiplied by.
    min_answered : int, optional
        Fewest items that must be answered for a score; all by default. With items missing a mean
        is that of the items answered, and a sum is that mean times the number of items.
    recode : mapping of str to mapping, optional
        Points by code, for items whose points are not their codes.
    subscales : sequence of Subscale, default ()
        The scores, where there are several; they have formulas and missing rules of their own.
    fractions : bool, default False
        Whether answers such as 3.5 are allowed.
    cutoffs : sequence of Cutoffs, default ()
        Bands of the score, of this version of the scale.
    value_sets : sequence of ValueSet, default ()
        Value sets, for the formula of that name.
    version : str, default ""
        Which version of the questionnaire, where there are several.
    title, anchors, direction, missing_rule, source, licence, notes : str, default ""
        The full name; what the lowest and the highest code mean; what a high score means; the
        missing rule in words; where all this was read; what the licence allows; what else must be
        known, such as cut-offs that are in use but not given here.

    Raises
    ------
    evalkit.errors.InputError
        If an item, range, formula or cut-off does not fit the others.

    Examples
    --------
    A scale of one's own:

    >>> trust = Scale(
    ...     "Trust",
    ...     items=["t1", "t2", "t3", "t4"],
    ...     range=(1, 5),
    ...     reversed=["t2"],
    ...     formula="mean",
    ...     min_answered=3,
    ...     anchors="1 = do not agree at all, 5 = agree completely",
    ...     direction="high = more trust",
    ... )
    >>> trust
    Trust: 4 items 1-5, 1 reversed; mean, 1 to 5; needs 3 of 4 answered
    >>> trust.to_frame()["reversed"].tolist()
    [False, True, False, False]
    """

    name: str
    items: tuple[str, ...]
    range: tuple[float, float] | Mapping[str, tuple[float, float]]
    reversed: tuple[str, ...] = ()
    formula: Formula = "sum"
    multiplier: float = 1.0
    min_answered: int | None = None
    recode: Mapping[str, Mapping[float, float]] = field(
        default_factory=dict[str, Mapping[float, float]]
    )
    subscales: tuple[Subscale, ...] = ()
    fractions: bool = False
    cutoffs: tuple[Cutoffs, ...] = ()
    value_sets: tuple[ValueSet, ...] = ()
    version: str = ""
    title: str = ""
    anchors: str = ""
    direction: str = ""
    missing_rule: str = ""
    source: str = ""
    licence: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        """Check that the parts belong together, and keep lists as tuples."""
        put = object.__setattr__
        put(self, "items", checked_names("items", self.items))
        put(self, "reversed", checked_names("reversed", self.reversed))
        put(self, "subscales", tuple(self.subscales))
        put(self, "cutoffs", tuple(self.cutoffs))
        put(self, "value_sets", tuple(self.value_sets))
        put(self, "recode", {item: dict(points) for item, points in dict(self.recode).items()})
        if not isinstance(cast("object", self.name), str) or not self.name:
            raise InputError.of("name", required="a name", got=repr(self.name))
        if not self.items:
            raise InputError.of("items", required="at least one item", got="none")
        check_choice("formula", self.formula, FORMULAS)
        if not isinstance(cast("object", self.fractions), bool):
            raise InputError.of("fractions", required="True or False", got=repr(self.fractions))
        put(self, "range", self._checked_ranges())
        self._check_known("reversed", self.reversed)
        self._check_known("recode", self.recode)
        both = [item for item in self.reversed if item in self.recode]
        if both:
            raise InputError.of(
                "recode", required="apart from reversed", got="items in both", where=both,
                remedy="Write the reversal into the points.",
            )  # fmt: skip
        self._check_recode()
        for part in self.subscales:
            self._check_known(f"subscale {part.name}", part.items)
        checked_names("subscales", [part.name for part in self.subscales])
        beside = self.formula != "sum" or self.multiplier != 1 or self.min_answered or self.cutoffs
        if self.subscales and beside:
            raise InputError.of(
                "subscales",
                required="the only place of formula, multiplier, min_answered and cutoffs",
                got="one of them beside subscales",
                remedy="Give them to each Subscale.",
            )
        if not self.subscales:
            put(
                self,
                "min_answered",
                checked_least("min_answered", self.min_answered, len(self.items)),
            )
        for part in self.parts:
            for cutoff in part.cutoffs:
                cutoff.check_belongs(self.name, part.name, self.version)
            self._check_algorithm(part)

    def _check_algorithm(self, part: Subscale) -> None:
        """Check that the items are those that the algorithm of EQ-5D or of s-UMS is for."""
        limits = [self.limits(item) for item in part.items]
        if part.formula == "value set":
            for values in self.value_sets:
                values.check_fits(part.items, limits)
        elif part.formula == "s-UMS" and (limits[:-1] != [(0, 1)] * 8 or limits[-1] != (0, 2)):
            raise InputError.of(
                "formula", required="'s-UMS' of eight items 0-1 and one 0-2",
                got=", ".join(f"{low:g}-{high:g}" for low, high in limits[:_FEW]),
            )  # fmt: skip
        if self.fractions and part.formula in ("value set", "s-UMS"):
            raise InputError.of("fractions", required=f"False for {part.formula}", got="True")

    def _checked_ranges(self) -> dict[str, tuple[float, float]]:
        """Return the range of every item."""
        given = self.range
        if isinstance(given, Mapping):
            absent = [item for item in self.items if item not in given]
            self._check_known("range", given)
            if absent:
                raise InputError.of("range", required="given for every item", got="none for some",
                                    where=absent)  # fmt: skip
            pairs = {item: given[item] for item in self.items}
        else:
            pairs = dict.fromkeys(self.items, given)
        ranges: dict[str, tuple[float, float]] = {}
        for item, pair in pairs.items():
            low, high = checked_range(pair, where=[item] if isinstance(given, Mapping) else ())
            whole = low.is_integer() and high.is_integer() and high - low <= WIDEST
            if not self.fractions and not whole:
                raise InputError.of(
                    "range",
                    required=f"whole numbers at most {WIDEST} apart",
                    got=repr((low, high)),
                    where=[item],
                    remedy="With fractions=True it may be wider.",
                )
            ranges[item] = (low, high)
        return ranges

    def _check_known(self, argument: str, names: Iterable[str]) -> None:
        """Check that names are items of the scale."""
        unknown = [name for name in names if name not in self.items]
        if unknown:
            raise InputError.of(
                argument, required="items of the scale", got="others", where=unknown,
                remedy=f"The items are {', '.join(self.items[:8])}"
                + (" ..." if len(self.items) > 8 else "."),
            )  # fmt: skip

    def _check_recode(self) -> None:
        """Check that points are given for every code of an item."""
        for item, points in self.recode.items():
            low, high = self.limits(item)
            codes = {low + step for step in range(int(high - low) + 1)}
            if self.fractions or {float(code) for code in points} != codes:
                raise InputError.of(
                    "recode",
                    required=f"points for each code from {low:g} to {high:g} of {item}",
                    got=", ".join(f"{code:g}" for code in points),
                )

    def limits(self, item: str) -> tuple[float, float]:
        """Return the lowest and the highest code of an item.

        Parameters
        ----------
        item : str
            Name of the item.

        Returns
        -------
        tuple of float
            The two codes.
        """
        return cast("dict[str, tuple[float, float]]", self.range)[item]

    @property
    def parts(self) -> tuple[Subscale, ...]:
        """The scores of the scale: its subscales, or the one score under the scale's name."""
        if self.subscales:
            return self.subscales
        return (
            Subscale(self.name, self.items, self.formula, self.multiplier, self.min_answered,
                     self.cutoffs),
        )  # fmt: skip

    def part(self, name: str) -> Subscale:
        """Return one of the scores by its name.

        Parameters
        ----------
        name : str
            Name of the subscale; that of the scale if it has none.

        Returns
        -------
        Subscale
            The score.

        Raises
        ------
        evalkit.errors.InputError
            If there is none of that name.
        """
        check_choice("subscales", name, [part.name for part in self.parts])
        return next(part for part in self.parts if part.name == name)

    def points(self, item: str) -> dict[float, float]:
        """Return what each code of an item is worth, reversal and recoding included.

        Parameters
        ----------
        item : str
            Name of an item with whole codes.

        Returns
        -------
        dict of float to float
            Points by code, from the lowest code up.
        """
        low, high = self.limits(item)
        codes = [low + step for step in range(int(high - low) + 1)]
        if item in self.recode:
            given = {float(code): float(points) for code, points in self.recode[item].items()}
            return {code: given[code] for code in codes}
        return {code: low + high - code if item in self.reversed else code for code in codes}

    def score_range(self, part: Subscale | None = None) -> tuple[float, float]:
        """Return the lowest and the highest score that the formula can give.

        Parameters
        ----------
        part : Subscale, optional
            The score; the first by default.

        Returns
        -------
        tuple of float
            The two scores; NaN for a value set, whose range depends on the set.
        """
        chosen = self.parts[0] if part is None else part
        if chosen.formula == "value set":
            return float("nan"), float("nan")
        if chosen.formula == "s-UMS":
            return 0.0, self.limits(chosen.items[-1])[1]
        ends: list[tuple[float, float]] = []
        for item in chosen.items:
            worth = self.points(item).values() if item in self.recode else self.limits(item)
            ends.append((min(worth), max(worth)))
        shrink = len(ends) if chosen.formula == "mean" else 1
        low = sum(end[0] for end in ends) * chosen.multiplier / shrink
        high = sum(end[1] for end in ends) * chosen.multiplier / shrink
        return low, high

    def with_cutoffs(self, *cutoffs: Cutoffs) -> Scale:
        """Return the scale with other bands.

        Parameters
        ----------
        *cutoffs : Cutoffs
            The bands; those of another scale or another version are refused.

        Returns
        -------
        Scale
            A new scale; this one does not change.
        """
        return replace(self, cutoffs=cutoffs)

    def to_frame(self) -> pd.DataFrame:
        """Return the items, one row for each item of each score.

        Returns
        -------
        pandas.DataFrame
            Columns ``scale, item, low, high, reversed, recoded``.
        """
        import pandas as pd

        rows = [
            (part.name, item, *self.limits(item), item in self.reversed, item in self.recode)
            for part in self.parts
            for item in part.items
        ]
        return pd.DataFrame.from_records(
            rows, columns=["scale", "item", "low", "high", "reversed", "recoded"]
        )

    def __repr__(self) -> str:
        """Describe the scale in a line, and a line for each of several scores."""
        ranges = sorted({self.limits(item) for item in self.items})
        spans = ", ".join(f"{low:g}-{high:g}" for low, high in ranges)
        version = f" ({self.version})" if self.version else ""
        head = f"{self.name}{version}: {_items(len(self.items))} {spans}"
        head += f", {len(self.reversed)} reversed" if self.reversed else ""
        if not self.subscales:
            return f"{head}; {self._words(self.parts[0])}"
        lines = [f"  {part.name}: {_items(len(part.items))}; {self._words(part)}"
                 for part in self.subscales]  # fmt: skip
        shown = lines if len(lines) <= 14 else [*lines[:13], f"  ... and {len(lines) - 13} more"]
        return "\n".join([head, *shown])

    def _words(self, part: Subscale) -> str:
        """Describe one score."""
        if part.formula == "value set":
            return "index by a value set that the caller names; needs every item"
        low, high = self.score_range(part)
        times = f" x {part.multiplier:g}" if part.multiplier != 1 else ""
        k = len(part.items)
        needs = "every item" if part.needed == k else f"{part.needed} of {k}"
        return f"{part.formula}{times}, {low:g} to {high:g}; needs {needs} answered"


def _items(number: int) -> str:
    """Say how many items there are."""
    return "1 item" if number == 1 else f"{number} items"
