"""Two categories of the same people, read into a square table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, cast

import numpy as np

from evalkit.core.columns import Labels, check_known, labels, numbers, plain, refuse_rows
from evalkit.errors import InputError
from evalkit.kernels.numeric import binned
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PairedCategories", "read_categories"]

_SHOWN = 6


@dataclass(frozen=True)
class PairedCategories:
    """A square table of two measurements.

    Attributes
    ----------
    counts : ndarray of float, shape (k, k)
        People; rows by the first measurement.
    categories : tuple
        The categories in order; the positive one of two stands last.
    n_dropped : mapping of str to int
        People left out, by reason.
    """

    counts: FloatArray
    categories: tuple[object, ...]
    n_dropped: Mapping[str, int]


def read_categories(
    df: pd.DataFrame,
    a: str,
    b: str,
    *,
    count: str | None,
    positive: object,
    order: Sequence[object] | None,
    near: str,
) -> PairedCategories:
    """Read two columns of categories.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    a, b : str
        The two columns.
    count : str or None
        Column with the number of people in each row.
    positive : object
        The positive one of two categories; None for 1 or True.
    order : sequence or None
        All categories in their order.
    near : str
        Whether near misses count: then categories need an order.

    Returns
    -------
    PairedCategories
        The table.

    Raises
    ------
    evalkit.errors.InputError
        If the columns do not exist, are one, share no category, or categories or their order are
        not clear.
    """
    check_known(df, a=a, b=b, count=count)
    if a == b:
        raise InputError.of("b", required="another column than a", got=repr(b))
    people = np.ones(len(df))
    if count is not None:
        people = numbers(df, count, "count")
        whole = (people >= 0) & np.isfinite(people) & (np.floor(people) == people)
        refuse_rows(df, ~whole, "count", count, "whole numbers of at least 0", people)
    first, second = labels(df[a]), labels(df[b])
    lacking = [first.codes < 0, second.codes < 0]
    reasons = {f"{a} missing": lacking[0], f"{b} missing": lacking[1] & ~lacking[0]}
    dropped = {why: int(people[rows].sum()) for why, rows in reasons.items()}
    used = ~(lacking[0] | lacking[1]) & (people > 0)
    if not used.any():
        raise InputError.of("df", required=f"people with both {a} and {b}", got="none")
    for argument, name, one in (("a", a, first), ("b", b, second)):
        endless = [i for i, level in enumerate(one.levels) if level in (math.inf, -math.inf)]
        wrong = np.isin(one.codes, endless)
        refuse_rows(df, wrong, argument, name, "finite", np.where(wrong, math.inf, 0.0))
    _refuse_nothing_shared(first, second, a, b)
    categories = _categories(df, (a, b), (first, second), order, near != "none")
    if len(categories) == 1:
        raise InputError.of(
            "order", required="given, since there is but one category in both columns",
            got=repr(categories[0]), remedy="Name all that were possible: order=['no', 'yes'].",
        )  # fmt: skip
    categories = _positive_last(categories, positive)
    k = len(categories)
    place = {category: i for i, category in enumerate(categories)}
    rows, columns = (
        np.array([place.get(level, -1) for level in one.levels])[one.codes[used]]
        for one in (first, second)
    )
    counts = binned(rows * k + columns, people[used], k * k).reshape(k, k)
    return PairedCategories(counts, categories, {why: n for why, n in dropped.items() if n})


def _refuse_nothing_shared(first: Labels, second: Labels, a: str, b: str) -> None:
    """Refuse columns that cannot be two measurements in the same categories."""
    if {*first.levels} & {*second.levels}:
        return
    raise InputError.of(
        "a, b", required="columns with the same categories, one row for each person",
        got=f"{_listed(first.levels)} in {a!r} and {_listed(second.levels)} in {b!r}",
        remedy="Write the categories alike. If these are the margins of a table, nobody can say "
        "from them who agrees: agreement_bounds gives what margins allow, and no more.",
    )  # fmt: skip


def _listed(levels: Sequence[object]) -> str:
    """Show a few levels."""
    more = ", ..." if len(levels) > _SHOWN else ""
    return ", ".join(repr(one) for one in levels[:_SHOWN]) + more


def _categories(
    df: pd.DataFrame,
    names: tuple[str, str],
    coded: tuple[Labels, Labels],
    order: Sequence[object] | None,
    needs_order: bool,
) -> tuple[object, ...]:
    """Return all categories in their order."""
    met = _met(coded)
    if order is not None:
        wanted = [plain(one) for one in order] if not isinstance(order, str) else []
        absent = [one for one in met if one not in wanted]
        if absent or len({*wanted}) < len(wanted):
            raise InputError.of(
                "order", required="all categories, once each", got=repr(order),
                where=(f"{one!r} is lacking" for one in absent),
            )  # fmt: skip
        return tuple(wanted)
    if coded[0].levels == coded[1].levels and _have_categories(df, names, needs_order):
        # Distances depend on categories that never occur too; else only what occurs matters.
        return tuple(one for one in coded[0].levels if needs_order or one in met)
    if all(isinstance(one, Integral) for one in met):
        found = sorted(cast("list[int]", met))
        gaps = found[-1] - found[0] + 1 != len(found)
        if needs_order and gaps:
            raise InputError.of(
                "order", required="given, since some numbers between never occur",
                got=_listed(found), remedy="How far apart two categories are depends on them.",
            )  # fmt: skip
        return (0, 1) if found in ([0], [1]) else tuple(found)
    if needs_order:
        raise InputError.of(
            "order", required="given, since near misses need categories with an order",
            got=_listed(met), remedy="order=[lowest, ..., highest].",
        )  # fmt: skip
    return tuple(sorted(met, key=lambda one: (type(one).__name__, str(one))))


def _met(coded: tuple[Labels, Labels]) -> list[object]:
    """Return the categories that occur in either column."""
    met: dict[object, None] = {}
    for one in coded:
        met |= {one.levels[i]: None for i in np.unique(one.codes).tolist() if i >= 0}
    return [*met]


def _have_categories(df: pd.DataFrame, names: tuple[str, str], ordered: bool) -> bool:
    """Say whether both columns have categories of their own, ordered ones if needed."""
    import pandas as pd

    kinds = [df[name].dtype for name in names]
    return all(
        isinstance(kind, pd.CategoricalDtype) and (bool(kind.ordered) or not ordered)
        for kind in kinds
    )


def _positive_last(categories: tuple[object, ...], positive: object) -> tuple[object, ...]:
    """Put the positive one of two categories last."""
    chosen = plain(positive)
    if len(categories) > 2:
        if positive is not None:
            raise InputError.of(
                "positive", required="given for two categories only",
                got=f"{positive!r} of {len(categories)}",
                where=(repr(one) for one in categories),
                remedy="Collapse the categories to two first; or see the terms of each category.",
            )  # fmt: skip
        return categories
    if positive is None:
        if {*categories} != {0, 1}:
            raise InputError.of(
                "positive", required="one of the two categories", got="None",
                where=(repr(one) for one in categories),
                remedy="It is the one that sensitivity is about.",
            )  # fmt: skip
        chosen = 1
    if chosen not in categories:
        raise InputError.of("positive", required="one of the two categories", got=repr(positive),
                            where=(repr(one) for one in categories))  # fmt: skip
    last = categories.index(chosen)
    return (categories[1 - last], categories[last])
