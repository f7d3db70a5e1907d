"""Coded comments beside what the same people answered to another question."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from evalkit.core.checks import check_level
from evalkit.core.columns import check_known, labels, plain, refuse_rows
from evalkit.core.results import EffectTable
from evalkit.core.typography import Lang
from evalkit.errors import InputError
from evalkit.kernels.survey_shares import survey_shares
from evalkit.scales.coded_comments import check_codes, read_codes
from evalkit.typing import BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["CommentTable", "comment_table"]

_NO_CODE = "no code"


@dataclass(frozen=True, eq=False, repr=False)
class CommentTable:
    """How comments are coded, by answer to another question.

    Attributes
    ----------
    table : EffectTable
        Keys ``answer, code``, term ``share``, and ``count``.
    answers, codes : tuple
        The answers and the codes in their order.
    counts : ndarray of int, shape (answers, codes)
        Comments.
    n : ndarray of int, shape (answers,)
        People.
    sides : tuple of int or None
        -1, 0 or 1 for each code; None if not said.
    n_several : int
        Comments with several codes.
    """

    table: EffectTable
    answers: tuple[object, ...]
    codes: tuple[object, ...]
    counts: IntArray
    n: IntArray
    sides: tuple[int, ...] | None
    n_several: int

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers.

        Returns
        -------
        pandas.DataFrame
            Columns ``answer, code``, those of an effect table, and ``count``; ``n`` are the
            people with the answer.
        """
        return self.table.to_frame()

    def cross_table(self) -> pd.DataFrame:
        """Return the counts, with totals.

        Returns
        -------
        pandas.DataFrame
            One row for each answer and ``all``; one column for each code, and ``n`` with the
            people, of whom some may have several codes.
        """
        import pandas as pd

        whole = np.column_stack([self.counts, self.n])
        return pd.DataFrame(
            np.vstack([whole, whole.sum(axis=0)]),
            index=pd.Index([*self.answers, "all"], name="answer"),
            columns=pd.Index([*self.codes, "n"], name="code"),
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Literal["stacked", "diverging"] = "stacked",
        small: int = 20,
        lang: Lang = "sv",
    ) -> Axes:
        """Draw one bar of 100 percent for each answer, divided by code.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if left out.
        kind : {"stacked", "diverging"}
            Bars that begin at the same place, or at the middle.
        small : int, default 20
            Answers that fewer people gave are shown with counts.
        lang : {"sv", "en"}, default "sv"
            Language of numbers.

        Returns
        -------
        matplotlib.axes.Axes
            The axes; answers in their order.

        Raises
        ------
        evalkit.errors.InputError
            If comments have several codes, which make no bar of 100 percent, or `codes` did not
            say which are positive and negative.
        """
        from evalkit.plots.likert import LikertRows, draw_likert

        if self.n_several:
            raise InputError.of(
                "code", required="one for each comment, to be parts of 100 percent",
                got=f"{self.n_several} comments with several", remedy="See cross_table().",
            )  # fmt: skip
        if self.sides is None:
            raise InputError.of(
                "codes", required="a mapping with -1, 0 or 1 for each code", got="no sides",
                remedy="comment_table(..., codes={'negative': -1, 'neutral': 0, 'positive': 1}).",
            )  # fmt: skip
        sides, k = self.sides, len(self.sides)
        order = sorted(range(k), key=lambda i: sides[i])
        inside = self.counts[:, order]
        outside = tuple(
            (str(code), self.counts[:, k + i].astype(np.float64))
            for i, code in enumerate(self.codes[k:])
        )
        rows = LikertRows(
            tuple(str(one) for one in self.answers),
            tuple(str(self.codes[i]) for i in order),
            tuple(sides[i] for i in order),
            inside.astype(np.float64),
            tuple(int(one) for one in inside.sum(axis=1)),
            outside,
        )
        return draw_likert(rows, kind=kind, sort=False, small=small, lang=lang, ax=ax)

    def __repr__(self) -> str:
        """Show the shares in at most fifteen lines."""
        return repr(self.table)

    def _repr_html_(self) -> str:
        """Show the shares in a notebook."""
        return self.table._repr_html_()  # pyright: ignore[reportPrivateUsage]


def comment_table(
    df: pd.DataFrame,
    *,
    code: str,
    answer: str,
    codes: Collection[object] | Mapping[object, int] | None = None,
    answers: Sequence[object] | None = None,
    uncoded: str | None = None,
    separator: str | None = None,
    level: float = 0.95,
) -> CommentTable:
    """Count how comments are coded, by what the same people answered to another question.

    Parameters
    ----------
    df : pandas.DataFrame
        One row for each person. It is not changed.
    code : str
        Column with the code that somebody gave to the comment: one, or a list of several. An
        empty list says that none of the codes fits, or that there is no comment.
    answer : str
        Column with the answer.
    codes : collection or mapping of code to int, optional
        All codes in their order, with -1, 0 and 1 for negative, neutral and positive ones if the
        table is to be drawn. Those that occur, sorted, if left out.
    answers : sequence, optional
        All answers in their order. Those that occur, sorted or in the order of the column's
        categories, if left out.
    uncoded : str, optional
        What to count people without a code as: a name of its own, or one of the codes, as where
        no comment counts as neutral. Without it no code may be missing, and empty lists are
        counted as "no code".
    separator : str, optional
        What stands between the codes of a text, as ";" in "positive;negative".
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    CommentTable
        Of the people with each answer the share whose comment has each code, with Wilson
        intervals, and the ``count``.

    Raises
    ------
    evalkit.errors.InputError
        If columns do not exist, a code or answer is not among those given, or a code is missing
        and `uncoded` does not say what that means.

    Notes
    -----
    The codes come from people who have read the comments; nothing is read from texts here. See
    :func:`evalkit.scales.coder_agreement` for how far two of them agree. People with several codes
    count once for each, so that shares may add up to more than 100 percent. Rows without an answer
    are dropped and counted.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({
    ...     "better": ["yes", "yes", "no", "no"],
    ...     "comment": ["positive", "positive", "positive", None],
    ... })
    >>> found = comment_table(
    ...     people, code="comment", answer="better", uncoded="neutral",
    ...     codes={"negative": -1, "neutral": 0, "positive": 1},
    ... )
    >>> found.cross_table().loc["no"].tolist()
    [0, 1, 1, 2]
    """
    level = check_level(level)
    check_known(df, code=code, answer=answer)
    allowed = check_codes(codes)
    sides = _sides(codes)
    (read,) = read_codes(df, [code], codes=allowed, separator=separator, argument="code")
    used, places, order, dropped = _answers(df, answer, answers)
    if uncoded is None:
        refuse_rows(
            df, used & ~read.known, "code", code, "given in every row",
            remedy="Say what no code means: uncoded='neutral', or a name of its own.",
        )  # fmt: skip
    member, names = read.member, read.codes
    bare = ~member.any(axis=1)
    if (used & bare).any():
        called = _NO_CODE if uncoded is None else uncoded
        if called in names:
            member = member.copy()
            member[bare, names.index(called)] = True
        else:
            member, names = np.column_stack([member, bare]), (*names, called)
    k, rows = len(names), len(order)
    counts = np.zeros((rows, k), dtype=np.int64)
    np.add.at(counts, places[used], member[used])
    n = np.bincount(places[used], minlength=rows)
    several = int((used & read.several).sum())
    shares = survey_shares(counts, counts, n[:, None], n[:, None], level=level)
    notes = [f"Comments with several codes, which count once for each: {several}."][: several > 0]
    table = EffectTable.of(
        {
            "answer": [one for one in order for _ in names],
            "code": [*names] * rows,
            "term": "share",
            "estimate": shares.estimate,
            "conf_low": shares.low,
            "conf_high": shares.high,
            "n": np.repeat(n, k),
            "count": counts,
        },
        estimand=f"Share of those with each answer to {answer} whose comment has the code",
        method="Wilson",
        level=level,
        n_used=int(n.sum()),
        n_dropped=dropped,
        notes=notes,
    )
    return CommentTable(table, order, names, counts, n, sides, several)


def _sides(codes: Collection[object] | Mapping[object, int] | None) -> tuple[int, ...] | None:
    """Return which codes are negative, neutral and positive, if that is said."""
    if not isinstance(codes, Mapping):
        return None
    given = cast("Mapping[object, object]", codes)
    found = [plain(one) for one in given.values()]
    if any(isinstance(one, bool) or one not in (-1, 0, 1) for one in found):
        raise InputError.of("codes", required="a mapping to -1, 0 or 1", got=repr(given))
    return tuple(cast("list[int]", found))


def _answers(
    df: pd.DataFrame, answer: str, answers: Sequence[object] | None
) -> tuple[BoolArray, IntArray, tuple[object, ...], dict[str, int]]:
    """Return which rows have an answer, which it is, all answers, and what was dropped."""
    coded = labels(df[answer])
    used = coded.codes >= 0
    if not used.any():
        raise InputError.of("answer", required="a column with answers", got="none")
    met = {coded.levels[i] for i in np.unique(coded.codes[used]).tolist()}
    order = tuple(one for one in coded.levels if one in met)
    if answers is not None:
        order = tuple(plain(one) for one in answers) if not isinstance(answers, str) else ()
        absent = [repr(one) for one in coded.levels if one in met and one not in order]
        if absent or len({*order}) < len(order):
            raise InputError.of("answers", required="all answers that occur, once each",
                                got=repr(answers), where=absent)  # fmt: skip
    place = {one: i for i, one in enumerate(order)}
    position = np.array([place.get(one, -1) for one in coded.levels], dtype=np.int64)
    places = np.where(used, position[coded.codes], -1)
    missing = int((~used).sum())
    return used, places, order, {f"{answer} missing": missing} if missing else {}
