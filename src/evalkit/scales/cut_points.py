"""Cut points that merge the answers of a scale into groups: written, checked and applied."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import TypeAlias, cast

import numpy as np

from evalkit.core.typography import EN_DASH
from evalkit.errors import InputError
from evalkit.typing import BoolArray, FloatArray, IntArray

__all__ = ["CutPoints", "Cuts", "read_cuts", "refuse_values"]

Cuts: TypeAlias = str | Sequence[float] | Sequence[tuple[float, float]]
"""Cut points: ``"1-4/5-7/8-10"``, ``[(1, 4), (5, 7), (8, 10)]``, or single numbers."""

_GROUP = re.compile(r"(-?\d+(?:[.,]\d+)?)(?:\s*[-\u2013]\s*(-?\d+(?:[.,]\d+)?))?")
_FEW = 8
_FORMS = "Write '1-4/5-7/8-10' or [(1, 4), (5, 7), (8, 10)]."


@dataclass(frozen=True)
class CutPoints:
    """Groups of answers, from the negative to the positive end.

    Attributes
    ----------
    groups : tuple of (float, float)
        Lowest and highest answer of each group.
    declared : bool
        Whether the ends of the scale are declared; if not, the outer groups have no end.
    """

    groups: tuple[tuple[float, float], ...]
    declared: bool = True

    def __str__(self) -> str:
        """Write the groups as they are printed: 1-4/5-7/8-10."""
        return "/".join(self.names())

    def names(self, dash: str = "-") -> tuple[str, ...]:
        """Write the answers of each group."""
        return tuple(_name(low, high, dash) for low, high in self.groups)

    def labelled(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Write the answers of each group behind its label."""
        spans = self.names(EN_DASH)
        return tuple(f"{label} ({span})" for label, span in zip(labels, spans, strict=True))

    def place(self, values: FloatArray) -> IntArray:
        """Find the group of each answer.

        Parameters
        ----------
        values : ndarray of float, shape (n,)
            Answers; NaN where missing.

        Returns
        -------
        ndarray of int, shape (n,)
            Positions of the groups; -1 where the answer is missing or in none.
        """
        found = np.full(len(values), -1, dtype=np.int64)
        for i, (low, high) in enumerate(self.groups):
            found[np.isfinite(values) & (values >= low) & (values <= high)] = i
        return found


def _name(low: float, high: float, dash: str) -> str:
    """Write the answers of a group."""
    if np.isinf(low):
        return f"to {high:g}"
    if np.isinf(high):
        return f"from {low:g}"
    return f"{low:g}" if low == high else f"{low:g}{dash}{high:g}"


def read_cuts(
    cuts: object,
    n_groups: int,
    *,
    item_range: tuple[float, float] | None = None,
    argument: str = "cuts",
) -> CutPoints:
    """Read cut points as the caller wrote them.

    Parameters
    ----------
    cuts : str or sequence
        ``"1-4/5-7/8-10"``; pairs of lowest and highest answer; the last answer of every group but
        the last, as ``[4, 7]``; or the lowest answer and the last of every group, as
        ``[1, 4, 7, 10]``.
    n_groups : int
        Number of groups, that of the labels.
    item_range : tuple of (float, float), optional
        Lowest and highest answer that the scale has.
    argument : str, default "cuts"
        Name of the caller's argument, for messages.

    Returns
    -------
    CutPoints
        The groups.

    Raises
    ------
    evalkit.errors.InputError
        If the cut points are none, are not as many as the labels, leave a gap or overlap, or do
        not reach the ends of ``item_range``.
    """
    limits = None if item_range is None else _range(item_range)
    if isinstance(cuts, CutPoints):
        groups, declared = cuts.groups, cuts.declared
    elif isinstance(cuts, str):
        groups, declared = _from_text(cuts, argument), True
    else:
        groups, declared = _from_numbers(cuts, n_groups, limits, argument)
    if len(groups) != n_groups:
        raise InputError.of(
            argument, required=f"{n_groups} groups, one for each label", got=f"{len(groups)}",
            remedy=_FORMS,
        )  # fmt: skip
    _check_order(groups, argument)
    if limits is not None:
        ends = min(low for low, _ in groups), max(high for _, high in groups)
        if declared and ends != limits:
            raise InputError.of(
                argument, required=f"groups from {limits[0]:g} to {limits[1]:g}, as item_range is",
                got=f"groups from {ends[0]:g} to {ends[1]:g}",
            )  # fmt: skip
    return CutPoints(groups, declared)


def _range(item_range: tuple[float, float]) -> tuple[float, float]:
    """Check the ends of a scale."""
    ends = list(item_range)
    if len(ends) != 2 or not all(_is_number(end) for end in ends) or not ends[0] < ends[1]:
        raise InputError.of("item_range", required="two numbers, the lower first, such as (1, 10)",
                            got=repr(item_range))  # fmt: skip
    return float(ends[0]), float(ends[1])


def _is_number(value: object) -> bool:
    """Say whether a value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return bool(np.isfinite(float(value)))


def _from_text(text: str, argument: str) -> tuple[tuple[float, float], ...]:
    """Read groups such as 1-4/5-7/8-10."""
    groups: list[tuple[float, float]] = []
    for part in text.split("/"):
        found = _GROUP.fullmatch(part.strip())
        if found is None:
            raise InputError.of(argument, required="groups such as '1-4/5-7/8-10'", got=repr(text))
        low = float(found[1].replace(",", "."))
        groups.append((low, low if found[2] is None else float(found[2].replace(",", "."))))
    return tuple(groups)


def _from_numbers(
    cuts: object, n_groups: int, limits: tuple[float, float] | None, argument: str
) -> tuple[tuple[tuple[float, float], ...], bool]:
    """Read pairs, or single cut points; say also whether the ends are declared."""
    try:
        given = list(cast("Sequence[object]", cuts))
    except TypeError:
        given = [cuts]
    if given and all(isinstance(one, str) for one in given):
        return _from_text("/".join(cast("Sequence[str]", given)), argument), True
    if given and all(isinstance(one, (Sequence, np.ndarray)) for one in given):
        pairs = [tuple(cast("Sequence[object]", pair)) for pair in given]
        wrong = [pair for pair in pairs if len(pair) != 2 or not all(map(_is_number, pair))]
        if wrong:
            raise InputError.of(argument, required="pairs of two numbers", got=repr(wrong[0]))
        return tuple((float(cast("float", a)), float(cast("float", b))) for a, b in pairs), True
    if not given or not all(_is_number(one) for one in given):
        raise InputError.of(argument, required="explicit cut points", got=repr(cuts),
                            remedy=_FORMS)  # fmt: skip
    ends = [float(cast("float", one)) for one in given]
    if len(ends) not in (n_groups - 1, n_groups + 1):
        raise InputError.of(
            argument,
            required=f"{n_groups - 1} numbers (the last answer of every group but the last) or "
            f"{n_groups + 1} (the lowest answer, then the last of every group)",
            got=repr(given), remedy=_FORMS,
        )  # fmt: skip
    single = len(ends) == n_groups + 1 and ends[0] == ends[1]  # the first group is one answer
    if any(b <= a for a, b in pairwise(ends[1:] if single else ends)):
        raise InputError.of(argument, required="numbers that rise", got=repr(given))
    if any(not end.is_integer() for end in ends):
        raise InputError.of(
            argument, required="whole numbers, or pairs", got=repr(given),
            remedy="With fractions say where each group begins: [(7, 27.5), (28, 49)].",
        )  # fmt: skip
    declared = True
    if len(ends) == n_groups + 1:
        low, *last = ends
    elif limits is not None:
        low, last = limits[0], [*ends, limits[1]]
    else:
        low, last, declared = -np.inf, [*ends, np.inf], False
    starts = [low, *(end + 1 for end in last[:-1])]
    return tuple(zip(starts, last, strict=True)), declared


def _check_order(groups: Sequence[tuple[float, float]], argument: str) -> None:
    """Check that groups follow on each other, upwards or downwards."""
    written = "/".join(_name(low, high, "-") for low, high in groups)
    if any(low > high for low, high in groups):
        raise InputError.of(argument, required="groups with the lowest answer first", got=written)
    ordered = list(groups) if groups[0][0] <= groups[-1][0] else list(groups)[::-1]
    whole = all(float(end).is_integer() for pair in groups for end in pair if np.isfinite(end))
    for (_, before), (after, _) in pairwise(ordered):
        if after <= before or (whole and after != before + 1):
            raise InputError.of(
                argument, required="groups that follow on each other, each answer in one",
                got=written, where=[f"between {before:g} and {after:g}"],
            )  # fmt: skip


def refuse_values(
    column: str, values: FloatArray, wrong: BoolArray, cuts: CutPoints, *, coded: bool = True
) -> None:
    """Raise an error that names the answers in no group, if there are any.

    Parameters
    ----------
    column : str
        Name of the column.
    values : ndarray of float, shape (n,)
        The answers.
    wrong : ndarray of bool, shape (n,)
        Those in no group.
    cuts : CutPoints
        The groups.
    coded : bool, default True
        Whether the caller can declare codes of missing answers.

    Raises
    ------
    evalkit.errors.InputError
        If there are any.
    """
    found: list[float] = values[wrong].tolist()
    if not found:
        return
    counts = Counter(found).most_common()
    shown = ", ".join(f"{value:g} x {times}" for value, times in counts[:_FEW])
    more = f" and {len(counts) - _FEW} other values" if len(counts) > _FEW else ""
    so_many = "1 value" if len(found) == 1 else f"{len(found)} values"
    codes = ", ".join(f"{value:g}" for value, _ in counts[:_FEW])
    low, high = min(g[0] for g in cuts.groups), max(g[1] for g in cuts.groups)
    inside = all(low < value < high for value in found)
    name = f"between the groups of {cuts}" if inside else f"outside {_name(low, high, '-')}"
    remedy = f"Declare missing_codes={{{codes}}}, or fix the cuts." if coded else "Fix the cuts."
    raise InputError(f"{column}: {so_many} {name} ({shown}{more}). {remedy}")
