"""Values before and after: what a dumbbell chart draws, and its numbers in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from evalkit.core.checks import check_choice, check_counts
from evalkit.core.typography import EN_DASH, NBSP, Lang, Typography
from evalkit.errors import InputError

__all__ = ["DumbbellRows", "DumbbellWords"]

_FEW = 100  # where fewer are in a row, percentages have no decimals
_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "score": "Förändring", "percent": "Förändring, procentenheter", "paired": "n, parade",
        "two": "n, före / efter",
        "1": "{after}, högre", "-1": "{after}, lägre", "0": "{after}, lika",
        "alt": "{label}: från {before} till {after}, {change}", "nothing": "uppgift saknas",
    },
    "en": {
        "score": "Change", "percent": "Change, percentage points", "paired": "n, paired",
        "two": "n, before / after",
        "1": "{after}, higher", "-1": "{after}, lower", "0": "{after}, equal",
        "alt": "{label}: from {before} to {after}, {change}", "nothing": "no figure",
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class DumbbellRows:
    """Values before and after, as a dumbbell chart draws them.

    Parameters
    ----------
    labels : tuple of str
        The statements or scales, one for each row.
    before, after : ndarray of float, shape (rows,)
        Shares between 0 and 1, or scores; NaN where there is none.
    n : tuple of int, or tuple of (int, int)
        How many are in each row: those who answered both times if the values are paired, or how
        many answered before and how many after.
    before_label, after_label : str
        What the two times are called, such as "2012" and "2013".
    unit : {"percent", "score"}, default "percent"
        What the values are.

    Raises
    ------
    evalkit.errors.InputError
        If lengths differ, there are no rows, a share is not between 0 and 1, a score is infinite,
        or ``n`` is neither whole numbers nor pairs of them.

    Examples
    --------
    >>> import numpy as np
    >>> before, after = np.array([0.32]), np.array([0.61])
    >>> DumbbellRows(("Delaktighet",), before, after, ((48, 54),), "2012", "2013").paired
    False
    """

    labels: tuple[str, ...]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    n: tuple[int, ...] | tuple[tuple[int, int], ...]
    before_label: str
    after_label: str
    unit: Literal["percent", "score"] = "percent"

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, ("percent", "score"))
        labels = () if isinstance(self.labels, str) else tuple(cast("Any", self.labels))
        if not labels or not all(isinstance(label, str) for label in labels):
            raise InputError.of("labels", required="a tuple of texts", got=repr(self.labels))
        for name in ("before_label", "after_label"):
            if not isinstance(getattr(self, name), str):
                raise InputError.of(name, required="a text", got=repr(getattr(self, name)))
        object.__setattr__(self, "labels", labels)
        for name in ("before", "after"):
            object.__setattr__(self, name, self._values(name))
        object.__setattr__(self, "n", _sizes(self.n, len(labels)))

    @property
    def paired(self) -> bool:
        """Whether the values are of the same people.

        Returns
        -------
        bool
            Whether ``n`` has one number for each row.
        """
        return not isinstance(self.n[0], tuple)

    def change(self) -> NDArray[np.float64]:
        """Return after minus before.

        Returns
        -------
        ndarray of float, shape (rows,)
            Differences, free of the noise of floating point; NaN where a value is missing.
        """
        return np.round(self.after - self.before, 12)

    def order(self, sort: bool) -> list[int]:
        """Return the rows from the top down.

        Parameters
        ----------
        sort : bool
            Whether the row with the largest value after stands first; equal ones keep their
            order, and rows without one stand last.

        Returns
        -------
        list of int
            Positions of the rows.
        """
        if not sort:
            return list(range(len(self.labels)))
        return [int(row) for row in np.argsort(-self.after, kind="stable")]

    def _values(self, name: str) -> NDArray[np.float64]:
        """Check one of the two columns of values."""
        values = np.array(getattr(self, name), dtype=np.float64)
        if values.shape != (len(self.labels),):
            raise InputError.of(
                name, required=f"one value for each of {len(self.labels)} rows",
                got=f"shape {values.shape}",
            )  # fmt: skip
        percent = self.unit == "percent"
        wrong = np.isinf(values) | (percent & ((values < 0) | (values > 1)))
        if wrong.any():
            raise InputError.of(
                name, required="shares between 0 and 1" if percent else "finite scores",
                got=", ".join(f"{value:g}" for value in values[wrong][:3]),
                where=[self.labels[int(i)] for i in np.flatnonzero(wrong)],
                remedy="Write 37 % as 0.37, or use unit='score' for scores." if percent else "",
            )  # fmt: skip
        values.setflags(write=False)
        return values


class DumbbellWords:
    """The numbers and words of a dumbbell chart, as they are set.

    Parameters
    ----------
    rows : DumbbellRows
        The values.
    lang : {"sv", "en"}
        Language.
    """

    def __init__(self, rows: DumbbellRows, lang: Lang) -> None:
        self.rows, self._set_in, self._words = rows, Typography(lang), _WORDS[lang]
        least = min(min(n) if isinstance(n, tuple) else n for n in rows.n)
        self._decimals = 0 if rows.unit == "percent" and least < _FEW else 1
        self._change = rows.change()

    def headings(self) -> tuple[str, str]:
        """Return the headings of the columns.

        Returns
        -------
        tuple of two str
            That of the change and that of the numbers of people.
        """
        return self._words[self.rows.unit], self._words["paired" if self.rows.paired else "two"]

    def value(self, value: float) -> str:
        """Set a value.

        Parameters
        ----------
        value : float
            A share or a score.

        Returns
        -------
        str
            For instance ``37 %``; a dash if it is missing.
        """
        if self.rows.unit == "percent":
            return self._set_in.percent(100 * value, self._decimals)
        return self._set_in.number(value, self._decimals)

    def tick(self, value: float, decimals: int) -> str:
        """Set a number of the axis.

        Parameters
        ----------
        value : float
            A share or a score.
        decimals : int
            Decimals of a score.

        Returns
        -------
        str
            The number.
        """
        if self.rows.unit == "percent":
            return self._set_in.percent(100 * value)
        return self._set_in.number(value, decimals)

    def change(self, row: int, *, unit: bool = False) -> str:
        """Set the change of a row.

        Parameters
        ----------
        row : int
            Position of the row.
        unit : bool, default False
            Whether percentage points are named.

        Returns
        -------
        str
            For instance ``+29``; a dash if a value is missing.
        """
        change = float(self._change[row])
        if self.rows.unit == "percent":
            return self._set_in.points(round(100 * change, 10), self._decimals, unit=unit)
        return self._set_in.number(change, self._decimals, sign=True)

    def n(self, row: int) -> str:
        """Set the number of people of a row.

        Parameters
        ----------
        row : int
            Position of the row.

        Returns
        -------
        str
            One number, or two with a slash between.
        """
        n = self.rows.n[row]
        sizes = n if isinstance(n, tuple) else (n,)
        return f"{NBSP}/{NBSP}".join(self._set_in.integer(size) for size in sizes)

    def key(self, direction: int) -> str:
        """Name a point after.

        Parameters
        ----------
        direction : {-1, 0, 1}
            Whether it is lower than the point before, equal or higher.

        Returns
        -------
        str
            For instance ``2013, högre``.
        """
        return self._words[str(direction)].format(after=self.rows.after_label)

    def alternative(self, order: Sequence[int]) -> str:
        """Tell the figure in words.

        Parameters
        ----------
        order : sequence of int
            The rows, from the top down.

        Returns
        -------
        str
            One sentence, with the values, the change and the number of people of each row.
        """
        parts: list[str] = []
        for row in order:
            values = [self.value(float(v[row])) for v in (self.rows.before, self.rows.after)]
            values = [self._words["nothing"] if v == EN_DASH else v for v in values]
            times = zip(values, (self.rows.before_label, self.rows.after_label), strict=True)
            before, after = (f"{value} ({time})" for value, time in times)
            label = self.rows.labels[row].replace("\u00ad", "").rstrip(" .")
            change = self.change(row, unit=True)
            told = self._words["alt"].format(label=label, before=before, after=after, change=change)
            told = told.removesuffix(f", {EN_DASH}")
            parts.append(f"{told} (n{NBSP}={NBSP}{self.n(row)})")
        return "; ".join(parts) + "."


def _sizes(n: Any, length: int) -> tuple[Any, ...]:
    """Check the numbers of people: whole numbers, or pairs of them, one for each row."""
    given: tuple[Any, ...] = tuple(n)
    pairs = [isinstance(one, (tuple, list)) for one in given]
    paired = not any(pairs)
    if len(given) != length or not (paired or (all(pairs) and all(len(one) == 2 for one in given))):
        raise InputError.of(
            "n", required=f"{length} whole numbers, or {length} pairs of them, one for each row",
            got=repr(n), remedy="Give one number where the same people answered both times.",
        )  # fmt: skip
    flat = [int(size) for size in check_counts("n", np.array(given, dtype=object).ravel())]
    return tuple(flat) if paired else tuple(zip(flat[::2], flat[1::2], strict=True))
