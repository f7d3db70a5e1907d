"""Known margins of a population, read and checked against those who have answered."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from evalkit.core.columns import check_known, labels, refuse_rows
from evalkit.errors import InputError
from evalkit.scales.given_numbers import by_level
from evalkit.scales.suspicion import ScaleWarning
from evalkit.typing import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Margins", "Target", "read_targets"]

Margins: TypeAlias = "Mapping[str, Mapping[Any, float] | pd.Series[Any]] | Sequence[str]"
"""By column the number or share of each level in the population; or columns known for all asked."""

_EQUAL = 1e-6
_ROUNDED = 0.02  # shares printed in whole percent add up to 1 within this
_PERCENT = 100.0


@dataclass(frozen=True)
class Target:
    """One margin of the population beside the same of those who have answered.

    Attributes
    ----------
    column : str
        The column.
    levels : tuple
        Its levels, those with a part of the population.
    codes : ndarray of int, shape (n,)
        Level of each respondent.
    shares : ndarray of float, shape (levels,)
        Share of each level in the population.
    given : float
        What the parts added up to.
    """

    column: str
    levels: tuple[object, ...]
    codes: IntArray
    shares: FloatArray
    given: float

    @property
    def total(self) -> float:
        """Size of the population; NaN if only shares are known."""
        return math.nan if abs(self.given - 1) <= _ROUNDED else self.given

    @property
    def is_exact(self) -> bool:
        """Whether shares added up to 1."""
        return abs(self.given - 1) <= _EQUAL


def read_targets(df: pd.DataFrame, margins: Margins, answered: BoolArray) -> list[Target]:
    """Read the margins.

    Parameters
    ----------
    df : pandas.DataFrame
        The people.
    margins : mapping or sequence of str
        By column, the number or share of each level; or columns that are known for everybody
        asked, whose margins are those of `df`.
    answered : ndarray of bool, shape (n,)
        Who has answered.

    Returns
    -------
    list of Target
        The margins.

    Raises
    ------
    evalkit.errors.InputError
        If margins contradict each other, or levels of respondents and population do not match.

    Warns
    -----
    evalkit.scales.ScaleWarning
        If a margin adds up to exactly 100.
    """
    if isinstance(margins, str) or not margins:
        raise InputError.of("margins", required="at least one column with its levels, or a list "
                            "of columns", got=repr(margins))  # fmt: skip
    check_known(df, margins=list(margins))
    if isinstance(margins, Mapping):
        wanted = {name: _wanted(name, levels) for name, levels in margins.items()}
    else:
        if answered.all():
            raise InputError.of(
                "margins", required="a mapping with the population's numbers by level",
                got="columns alone, in a frame where everybody has answered",
                remedy="Give {column: {level: number}}; or keep those who have not answered in "
                "df, and say who has in answered=.",
            )  # fmt: skip
        wanted = {name: _known_for_all(df, name) for name in margins}
    targets = [_target(df, name, levels, answered) for name, levels in wanted.items()]
    _refuse_contradictions(targets, int(answered.sum()))
    return targets


def _wanted(name: str, margin: object) -> dict[object, float]:
    """Return the parts of a margin by level."""
    parts = by_level(f"margins[{name!r}]", margin) or {}
    wrong = [level for level, part in parts.items() if not _is_part(part)]
    if not parts or wrong:
        raise InputError.of(
            f"margins[{name!r}]", required="numbers or shares of at least 0, by level",
            got=repr(parts[wrong[0]]) if wrong else repr(margin), where=wrong,
        )  # fmt: skip
    found = {level: float(cast("float", part)) for level, part in parts.items()}
    if sum(found.values()) <= 0:
        raise InputError.of(f"margins[{name!r}]", required="parts that are not all 0", got="0")
    return found


def _is_part(value: object) -> bool:
    """Say whether a value is a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return 0 <= float(value) < math.inf


def _known_for_all(df: pd.DataFrame, name: str) -> dict[object, float]:
    """Return the margin of everybody asked."""
    coded = labels(df[name])
    missing = coded.codes < 0
    refuse_rows(df, missing, "margins", name, "known for everybody asked",
                remedy="Make missing a level of its own, or give numbers.")  # fmt: skip
    counts = np.bincount(coded.codes, minlength=len(coded.levels))
    return {level: float(n) for level, n in zip(coded.levels, counts, strict=True) if n}


def _target(
    df: pd.DataFrame, name: str, wanted: Mapping[object, float], answered: BoolArray
) -> Target:
    """Set a margin beside the respondents' levels."""
    coded = labels(df[name])
    refuse_rows(df, answered & (coded.codes < 0), "margins", name, "known for all respondents",
                remedy="Make missing a level of its own, or leave these rows out.")  # fmt: skip
    codes = coded.codes[answered]
    counts = np.bincount(codes, minlength=len(coded.levels))
    met = {level: int(n) for level, n in zip(coded.levels, counts, strict=True) if n}
    unknown = [f"{level!r} ({n} respondents)" for level, n in met.items()
               if not wanted.get(level, 0.0)]  # fmt: skip
    if unknown:
        raise InputError.of(
            f"margins[{name!r}]", required="levels with a part for every respondent",
            got="no part for some", where=unknown,
            remedy=f"Levels given: {', '.join(repr(one) for one in wanted)}.",
        )  # fmt: skip
    levels = tuple(level for level, part in wanted.items() if part > 0)
    alone = [f"{level!r} (population {wanted[level]:g})" for level in levels if level not in met]
    if alone:
        raise InputError.of(
            f"margins[{name!r}]", required="levels in which somebody has answered",
            got="levels without respondents", where=alone,
            remedy="Weights cannot speak for them: merge each with a level that resembles it, or "
            "say that the results hold for the others only.",
        )  # fmt: skip
    place = {level: i for i, level in enumerate(levels)}
    order = np.array([place.get(level, -1) for level in coded.levels], dtype=np.int64)
    parts = np.array([wanted[level] for level in levels])
    total = float(parts.sum())
    return Target(name, levels, order[codes], parts / total, total)


def _refuse_contradictions(targets: Sequence[Target], n: int) -> None:
    """Refuse margins of different populations, or of one smaller than those who have answered."""
    sizes = {one.column: one.total for one in targets if not math.isnan(one.total)}
    if not sizes:
        return
    if any(total == _PERCENT for total in sizes.values()):
        warnings.warn(
            "margins add up to exactly 100, and are taken as 100 people. If they are percentages, "
            "divide by 100.",
            ScaleWarning,
            stacklevel=4,
        )
    small = {name: total for name, total in sizes.items() if total < n * (1 - _EQUAL)}
    if small:
        raise InputError.of(
            "margins", required=f"of at least the {n} people who have answered",
            got=", ".join(f"{total:g}" for total in small.values()), where=small,
            remedy="Shares must add up to 1: divide percentages by 100.",
        )  # fmt: skip
    if max(sizes.values()) - min(sizes.values()) > _EQUAL * max(sizes.values()):
        raise InputError.of(
            "margins", required="of one population, with the same total",
            got=" and ".join(f"{total:g} ({name})" for name, total in sizes.items()),
            remedy="Give shares where totals differ for a reason, such as missing values.",
        )  # fmt: skip
