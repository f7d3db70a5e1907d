"""What margins alone tell of the agreement of two measurements: bounds, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from evalkit.core.checks import check_counts, check_labels
from evalkit.core.printing import html_table, text_block
from evalkit.errors import InputError
from evalkit.kernels.frechet_bounds import MarginBounds, margin_bounds
from evalkit.scales.given_numbers import by_level
from evalkit.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AgreementBounds", "agreement_bounds"]

Margin: TypeAlias = "float | Mapping[Any, float] | pd.Series[Any]"
"""How many or which share are positive; or the number or share of each category."""

_DETERMINED = 1e-12
_EQUAL = 1e-6
_NOTE = (
    "Bounds, not estimates: every value between them is possible, none more than another. How many"
    " agree is seen only where both answers of each person are known."
)


@dataclass(frozen=True, eq=False, repr=False)
class AgreementBounds:
    """Bounds on the agreement of two measurements of which only the margins are known.

    Attributes
    ----------
    data : pandas.DataFrame
        The bounds.
    names : tuple of str
        The two measurements.
    n : int or None
        People, if known.
    """

    data: pd.DataFrame
    names: tuple[str, str]
    n: int | None

    def to_frame(self) -> pd.DataFrame:
        """Return the bounds.

        Returns
        -------
        pandas.DataFrame
            Columns ``term, category, low, high``.
        """
        return self.data.copy()

    def estimate(self, term: str, category: object = "") -> float:
        """Return a value if the margins determine it, and refuse otherwise.

        Parameters
        ----------
        term : str
            Such as ``kappa`` or ``sensitivity``.
        category : object, optional
            The category, where there are several.

        Returns
        -------
        float
            The one value that is possible.

        Raises
        ------
        evalkit.errors.InputError
            If the term is unknown, or more than one value is possible: margins alone give bounds.
        """
        columns = (self.data[name].tolist() for name in ("term", "category", "low", "high"))
        rows = list(zip(*columns, strict=True))
        found = [(float(row[2]), float(row[3])) for row in rows if row[:2] == (term, category)]
        if not found:
            known = (f"{row[0]}" + (f" of {row[1]!r}" if row[1] != "" else "") for row in rows)
            raise InputError.of("term", required="one of the bounds", got=repr(term),
                                where=known)  # fmt: skip
        low, high = found[0]
        if not high - low <= _DETERMINED:
            raise InputError.of(
                term, required="determined by the margins to be estimated",
                got=f"any value from {low:.3f} to {high:.3f}",
                remedy="Margins alone give bounds and nothing more: pair the answers by person, "
                "and use agreement.",
            )  # fmt: skip
        return low

    def _head(self) -> list[str]:
        """Say what is bounded."""
        people = "" if self.n is None else f", n = {self.n}"
        first, second = self.names
        return [
            f"Agreement of {first} and {second} from their margins{people}",
            f"Frechet bounds; sensitivity and the like relative to {second}",
        ]

    def __repr__(self) -> str:
        """Show the bounds in at most fifteen lines."""
        return text_block(self._head(), self.data, (_NOTE,))

    def _repr_html_(self) -> str:
        """Show the bounds in a notebook."""
        return html_table(self._head(), self.data, (_NOTE,))


def agreement_bounds(
    a: Margin,
    b: Margin,
    *,
    n: int | None = None,
    names: tuple[str, str] = ("a", "b"),
) -> AgreementBounds:
    r"""Bound the agreement of two measurements of the same people by their margins.

    Parameters
    ----------
    a, b : float, mapping of category to float, or Series
        What each measurement gives by itself. A number: with `n` how many are positive, without it
        the share. A mapping, or a Series by category such as ``value_counts()``: how many, or
        which share, each category has; both with the same categories.
    n : int, optional
        People; not given with mappings.
    names : tuple of str, default ("a", "b")
        Names of the measurements, such as self-report and register.

    Returns
    -------
    AgreementBounds
        Columns ``term, category, low, high``. Terms ``joint`` (share in the category by both),
        ``agreement``, ``kappa``, and relative to `b` ``sensitivity, specificity, ppv, npv``; from
        mappings ``joint, sensitivity, ppv`` for each category.

    Raises
    ------
    evalkit.errors.InputError
        If margins are not of the same people or categories, are not whole numbers or shares, or
        are empty.

    Notes
    -----
    With margins a and b of n people the joint cell lies between :math:`\max(0, a + b - n)` and
    :math:`\min(a, b)` [1]_; agreement, kappa and the rest follow from it, and the bounds are sharp.
    The margins must be of the same people, or of the same population: a survey's share and a
    register's share of everybody are the same population's only if those who answered are like
    the others. The bounds take the margins as they stand, without sampling error.

    References
    ----------
    .. [1] Frechet M (1951). Sur les tableaux de correlation dont les marges sont donnees. Annales
       de l'Universite de Lyon, Section A 14:53-77.

    Examples
    --------
    >>> bounds = agreement_bounds(40, 55, n=100, names=("self-report", "register"))
    >>> bounds.to_frame().round(3).iloc[:3].to_dict("list")["high"]
    [0.4, 0.85, 0.706]
    """
    named = check_labels("names", names, length=2)
    parts = by_level("a", a), by_level("b", b)
    if parts[0] is not None and parts[1] is not None:
        return _by_category(parts[0], parts[1], n, named)
    if parts[0] is not None or parts[1] is not None:
        raise InputError.of("a, b", required="both numbers, or both mappings",
                            got="one of each")  # fmt: skip
    if n is None:
        shares = [_share(argument, value) for argument, value in (("a", a), ("b", b))]
    else:
        (people,) = check_counts("n", [n], minimum=1)
        given: tuple[tuple[str, object], ...] = (("a", a), ("b", b))
        counts = [check_counts(argument, np.array([one], object))[0] for argument, one in given]
        for argument, value in zip(("a", "b"), counts, strict=True):
            if value > people:
                raise InputError.of(argument, required=f"at most n ({people})", got=f"{value}")
        shares = [float(value) / float(people) for value in counts]
    first, second = (np.array([1 - share, share]) for share in shares)
    if n is not None:  # whole numbers keep bounds that meet exactly equal
        first, second = (np.array([n - one, one]) for one in (_number(a), _number(b)))
    found = margin_bounds(first, second)
    sensitivity, ppv = _conditional(found, first, second)
    rows = [
        ("joint", found.joint[0][1], found.joint[1][1]),
        ("agreement", *found.agreement),
        ("kappa", *found.kappa),
        ("sensitivity", *sensitivity[1]),
        ("specificity", *sensitivity[0]),
        ("ppv", *ppv[1]),
        ("npv", *ppv[0]),
    ]
    return _bounds([(term, "", low, high) for term, low, high in rows], named, n)


def _by_category(
    a: Mapping[object, object], b: Mapping[object, object], n: int | None, names: Sequence[str]
) -> AgreementBounds:
    """Bound from the margins of several categories."""
    if n is not None:
        raise InputError.of("n", required="left out with mappings, which have their own sums",
                            got=repr(n))  # fmt: skip
    if {*a} != {*b} or len(a) < 2:
        raise InputError.of(
            "a, b", required="mappings with the same two or more categories",
            got=f"{list(a)} and {list(b)}",
            remedy="Name a category that does not occur in one of them with 0.",
        )  # fmt: skip
    first = np.array([_part("a", a[category]) for category in a])
    second = np.array([_part("b", b[category]) for category in a])
    totals = float(first.sum()), float(second.sum())
    if min(totals) <= 0 or abs(totals[0] - totals[1]) > _EQUAL * max(totals):
        raise InputError.of(
            "a, b", required="margins of the same people, with the same positive sum",
            got=f"{totals[0]:g} and {totals[1]:g}",
            remedy="Leave out who lacks one of the two. If only shares are known for each, and "
            "both speak for the same population, give shares.",
        )  # fmt: skip
    whole = all(float(one).is_integer() for one in (*first, *second))
    if not whole and abs(totals[0] - 1) > _EQUAL:
        raise InputError.of("a, b", required="whole numbers, or shares that add up to 1",
                            got=f"parts that add up to {totals[0]:g}",
                            remedy="Divide percentages by 100.")  # fmt: skip
    found = margin_bounds(first, second)
    sensitivity, ppv = _conditional(found, first, second)
    rows: list[tuple[str, object, float, float]] = [
        ("agreement", "", *found.agreement),
        ("kappa", "", *found.kappa),
    ]
    for i, category in enumerate(a):
        rows += [
            ("joint", category, float(found.joint[0][i]), float(found.joint[1][i])),
            ("sensitivity", category, *sensitivity[i]),
            ("ppv", category, *ppv[i]),
        ]
    return _bounds(rows, names, round(totals[0]) if whole and totals[0] > 1 else None)


def _conditional(
    found: MarginBounds, a: FloatArray, b: FloatArray
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Bound the joint cell as a share of either margin, by category; NaN where that is empty."""
    pairs: list[list[tuple[float, float]]] = []
    for margin in (b, a):
        share = margin / margin.sum()
        positive = np.where(share > 0, share, np.nan)
        low, high = (end / positive for end in found.joint)
        pairs.append([(float(x), float(y)) for x, y in zip(low, high, strict=True)])
    return pairs[0], pairs[1]


def _bounds(
    rows: list[tuple[str, object, float, float]], names: Sequence[str], n: int | None
) -> AgreementBounds:
    """Put the bounds into a frame."""
    import pandas as pd

    data = pd.DataFrame(rows, columns=["term", "category", "low", "high"])
    return AgreementBounds(data, (names[0], names[1]), None if n is None else int(n))


def _share(argument: str, value: object) -> float:
    """Return a share from 0 to 1."""
    number = _number(value)
    if 0 <= number <= 1:
        return number
    raise InputError.of(
        argument, required="a share from 0 to 1, as n is not given", got=repr(value),
        remedy="Give n= with counts; write 65 % as 0.65.",
    )  # fmt: skip


def _part(argument: str, value: object) -> float:
    """Return a part of a margin."""
    number = _number(value)
    if 0 <= number < float("inf"):
        return number
    raise InputError.of(argument, required="numbers or shares of at least 0", got=repr(value))


def _number(value: object) -> float:
    """Return a number, or NaN for what is none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        return float("nan")
    return float(value)
