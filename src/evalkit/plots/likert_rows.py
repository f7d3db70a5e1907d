"""Answers to several statements on one scale: what a Likert chart draws, and its shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.core.checks import check_counts
from evalkit.core.typography import EN_DASH, NBSP, Lang, Typography
from evalkit.errors import InputError

__all__ = ["LikertRows", "LikertWords"]

_WORDS: dict[str, dict[str, str]] = {
    "sv": {
        "negative": "Negativa", "positive": "Positiva", "of": "av", "n": "n",
        "small": "Antal i stället för procent där färre än {small} har svarat.",
        "outside": "{names}: andel av alla som har svarat; staplarna visar övriga svar.",
        "alt": "Positiva svar: {rows}.", "alt negative": "Negativa svar: {rows}.",
        "nobody": "inga svar",
    },
    "en": {
        "negative": "Negative", "positive": "Positive", "of": "of", "n": "n",
        "small": "Counts in place of percentages where fewer than {small} answered.",
        "outside": "{names}: share of all who answered; the bars show the other answers.",
        "alt": "Positive answers: {rows}.", "alt negative": "Negative answers: {rows}.",
        "nobody": "no answers",
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LikertRows:
    """Answers to several statements on one scale, as a Likert chart draws them.

    Parameters
    ----------
    labels : tuple of str
        The statements, one for each row, as they are to be read.
    categories : tuple of str
        The answers, from the negative to the positive end; those that nobody used are kept.
    sides : tuple of int
        For each category -1 (negative), 0 (neutral) or 1 (positive), never falling.
    counts : ndarray of float, shape (rows, categories)
        Answers by row and category; weighted counts are allowed.
    n : tuple of int
        How many answered each row on the scale, unweighted.
    outside : tuple of (str, ndarray of float, shape (rows,)), optional
        Answers that are not on the scale, such as "vet ej", with their counts in each row. They
        are never part of a bar.

    Raises
    ------
    evalkit.errors.InputError
        If lengths differ, there are no rows, fewer than two categories, a category twice, sides
        that fall or are others than -1, 0 and 1, or counts that are missing, negative or infinite,
        or there are answers in a row whose ``n`` is 0.

    Examples
    --------
    >>> import numpy as np
    >>> rows = LikertRows(("Projektet",), ("Nej", "Ja"), (-1, 1), np.array([[90, 55]]), (145,))
    >>> rows.counts.shape
    (1, 2)
    """

    labels: tuple[str, ...]
    categories: tuple[str, ...]
    sides: tuple[int, ...]
    counts: NDArray[np.float64]
    n: tuple[int, ...]
    outside: tuple[tuple[str, NDArray[np.float64]], ...] = ()

    def __post_init__(self) -> None:
        labels = _texts("labels", self.labels)
        categories = _texts("categories", self.categories)
        if not labels:
            raise InputError.of("labels", required="at least one row", got="none")
        if len(categories) < 2:
            raise InputError.of("categories", required="two or more", got=str(len(categories)))
        _check_sides(self.sides, len(categories))
        counts = _counts("counts", self.counts, (len(labels), len(categories)))
        n = _whole("n", self.n, len(labels))
        wrong = [labels[i] for i in range(len(labels)) if not n[i] and counts[i].sum() > 0]
        if wrong:
            raise InputError.of(
                "n", required="at least 1 where there are answers", got="0", where=wrong
            )
        names = _texts("outside", [name for name, _ in self.outside])
        twice = [name for name, times in Counter((*categories, *names)).items() if times > 1]
        if twice:
            raise InputError.of(
                "categories and outside", required="names that differ", got="repeats", where=twice,
                remedy="An answer such as 'vet ej' is either on the scale or outside it.",
            )  # fmt: skip
        parts = [_counts(f"outside {name!r}", part, (len(labels),)) for name, part in self.outside]
        for name, value in (
            ("labels", labels), ("categories", categories), ("n", n), ("counts", counts),
            ("sides", tuple(int(side) for side in self.sides)),
            ("outside", tuple(zip(names, parts, strict=True))),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    def shares(self) -> NDArray[np.float64]:
        """Return the percentage of each category among the answers of its row.

        Returns
        -------
        ndarray of float, shape (rows, categories)
            Percentages that make up 100 in each row; 0 in rows without answers.
        """
        totals = self.counts.sum(axis=1, keepdims=True)
        return 100 * self.counts / np.where(totals > 0, totals, 1.0)

    def on_side(self, side: int) -> NDArray[np.float64]:
        """Return how many answers of each row are on a side.

        Parameters
        ----------
        side : {-1, 0, 1}
            The side.

        Returns
        -------
        ndarray of float, shape (rows,)
            Counts.
        """
        return self.counts[:, np.array(self.sides) == side].sum(axis=1)

    def order(self, sort: bool) -> list[int]:
        """Return the rows from the top down.

        Parameters
        ----------
        sort : bool
            Whether the row with the largest positive share stands first; rows with the same share
            keep their order, and rows without answers stand last.

        Returns
        -------
        list of int
            Positions of the rows.
        """
        if not sort:
            return list(range(len(self.labels)))
        totals = self.counts.sum(axis=1)
        share = np.where(totals > 0, self.on_side(1) / np.where(totals > 0, totals, 1), -1.0)
        return [int(row) for row in np.argsort(-share, kind="stable")]


class LikertWords:
    """The numbers and words of a Likert chart, as they are set.

    Parameters
    ----------
    rows : LikertRows
        The answers.
    small : int
        Rows in which fewer answered are told in counts.
    lang : {"sv", "en"}
        Language.
    """

    def __init__(self, rows: LikertRows, small: int, lang: Lang) -> None:
        self.rows, self._small, self._lang = rows, small, lang
        self._set_in = Typography(lang)
        self._totals = rows.counts.sum(axis=1)

    def word(self, key: Literal["negative", "positive", "n"]) -> str:
        """Return a heading.

        Parameters
        ----------
        key : {"negative", "positive", "n"}
            Which.

        Returns
        -------
        str
            The word.
        """
        return _WORDS[self._lang][key]

    def in_counts(self, row: int) -> bool:
        """Say whether a row is told in counts.

        Parameters
        ----------
        row : int
            Position of the row.

        Returns
        -------
        bool
            Whether it is.
        """
        return self.rows.n[row] < self._small

    def part(self, row: int, count: float, *, of: bool = False) -> str:
        """Set a part of a row's answers, as a percentage or as a count.

        Parameters
        ----------
        row : int
            Position of the row.
        count : float
            How many.
        of : bool, default False
            Whether a count names its base.

        Returns
        -------
        str
            For instance ``37 %``, ``3`` or ``3 av 11``; a dash in rows without answers.
        """
        return self._share(row, count, float(self._totals[row]), of=of)

    def beside(self, row: int, count: float) -> str:
        """Set how many answered outside the scale, among all who answered.

        Parameters
        ----------
        row : int
            Position of the row.
        count : float
            How many.

        Returns
        -------
        str
            For instance ``8 %``, or a count.
        """
        base = self._totals[row] + sum(part[row] for _, part in self.rows.outside)
        if self.in_counts(row):
            return self._count(count)
        return self._share(row, count, float(base), of=False)

    def n(self, row: int) -> str:
        """Set the number of answers of a row.

        Parameters
        ----------
        row : int
            Position of the row.

        Returns
        -------
        str
            The number.
        """
        return self._set_in.integer(self.rows.n[row])

    def notes(self) -> list[str]:
        """Return what the figure has to say below its rows.

        Returns
        -------
        list of str
            Sentences, none if there is nothing to say.
        """
        words = _WORDS[self._lang]
        notes: list[str] = []
        if any(map(self.in_counts, range(len(self.rows.n)))):
            notes.append(words["small"].format(small=self._set_in.integer(self._small)))
        if self.rows.outside:
            names = self._set_in.join([name for name, _ in self.rows.outside])
            notes.append(words["outside"].format(names=names[:1].upper() + names[1:]))
        return notes

    def alternative(self, order: Sequence[int]) -> str:
        """Tell the figure in words.

        Parameters
        ----------
        order : sequence of int
            The rows, from the top down.

        Returns
        -------
        str
            Sentences with the shares and the number of answers of every row.
        """
        words = _WORDS[self._lang]
        told: list[str] = []
        for key, side in (("alt", 1), ("alt negative", -1)):
            if side not in self.rows.sides:
                continue
            counts = self.rows.on_side(side)
            parts: list[str] = []
            for row in order:
                number = self.part(row, float(counts[row]), of=True)
                label = self.rows.labels[row].replace("\u00ad", "").rstrip(" .")
                number = words["nobody"] if number == EN_DASH else number
                base = "" if self.in_counts(row) else f" (n{NBSP}={NBSP}{self.n(row)})"
                parts.append(f"{label}: {number}{base}")
            told.append(words[key].format(rows="; ".join(parts)))
        return " ".join(told)

    def _share(self, row: int, count: float, base: float, *, of: bool) -> str:
        """Set a count, or the percentage that it is of its base."""
        if base == 0:
            return EN_DASH
        if self.in_counts(row):
            own = self._count(count)
            return f"{own}{NBSP}{_WORDS[self._lang]['of']}{NBSP}{self._count(base)}" if of else own
        if float(count).is_integer() and base.is_integer():
            return self._set_in.share(int(count), int(base))
        return self._set_in.percent(100 * count / base)

    def _count(self, count: float) -> str:
        """Set a count, with a decimal where weights give it one."""
        return self._set_in.number(count, 0 if float(count).is_integer() else 1)


def _texts(argument: str, values: Any) -> tuple[str, ...]:
    """Check that an argument is a sequence of texts."""
    if isinstance(values, str):
        raise InputError.of(
            argument, required="a tuple of texts", got=repr(values), remedy="Put it in a tuple."
        )
    texts: tuple[Any, ...] = tuple(values)
    wrong = [text for text in texts if not isinstance(text, str)]
    if wrong:
        raise InputError.of(argument, required="texts", got=", ".join(map(repr, wrong[:3])))
    return texts


def _check_sides(sides: Sequence[int], length: int) -> None:
    """Check that every category has a side, from the negative to the positive."""
    got = tuple(sides)
    if len(got) != length or not set(got) <= {-1, 0, 1} or list(got) != sorted(got):
        raise InputError.of(
            "sides", required=f"{length} of -1, 0 and 1, one for each category, never falling",
            got=repr(got), remedy="Put the categories in order, from the negative to the positive.",
        )  # fmt: skip


def _counts(argument: str, values: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Check counts, and return them as an array that nobody changes."""
    counts = np.array(values, dtype=np.float64)
    if counts.shape != shape:
        raise InputError.of(argument, required=f"counts of shape {shape}", got=f"{counts.shape}")
    wrong = np.argwhere(~np.isfinite(counts) | (counts < 0))
    if len(wrong):
        raise InputError.of(
            argument, required="finite counts of at least 0",
            got=", ".join(f"{counts[tuple(at)]:g}" for at in wrong[:3]),
            where=("row " + ", column ".join(map(str, at)) for at in wrong),
        )  # fmt: skip
    counts.setflags(write=False)
    return counts


def _whole(argument: str, values: Sequence[int], length: int) -> tuple[int, ...]:
    """Check whole numbers of at least 0, one for each row."""
    counts = check_counts(argument, np.array(tuple(values), dtype=object))
    if len(counts) != length:
        raise InputError.of(
            argument, required=f"{length} whole numbers, one for each row", got=str(len(counts))
        )
    return tuple(int(count) for count in counts)
