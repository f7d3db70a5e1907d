"""How often the options of a multi-select question are ticked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.typography import EN_DASH, Lang, Typography
from evalkit.errors import InputError
from evalkit.scales.survey_headings import free_headings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["MultipleChoice"]

_WORDS = {
    "sv": {"option": ("Svarsalternativ", "Alternativ"), "share": ("Andel av svarande",),
           "answers": ("Andel av svaren",)},
    "en": {"option": ("Option", "Answer"), "share": ("Share of respondents",),
           "answers": ("Share of answers",)},
}  # fmt: skip
_OF = {"sv": "av", "en": "of"}
_AXIS = {"sv": "Andel av de svarande", "en": "Share of respondents"}


@dataclass(frozen=True, eq=False, repr=False)
class MultipleChoice:
    """Shares of respondents, and of answers, by option.

    Attributes
    ----------
    data : pandas.DataFrame
        The numbers, as :meth:`to_frame` gives them.
    respondents : pandas.DataFrame
        Columns, after the group's: ``kind, n``. Kinds "ticked", "ticked nothing", and the kinds
        of those in no base, such as "not asked" and "not answered".
    by : str or None
        Name of the column with the groups.
    total : str or None
        Name of the group that holds all others.
    method : str
        How the intervals are made.
    level : float
        Confidence level.
    small : int
        Rows with fewer respondents are shown as counts.
    is_weighted : bool
        Whether there are sampling weights.
    n_used : int
        Persons in the groups.
    n_dropped : mapping of str to int
        Rows left out, by reason.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    data: pd.DataFrame
    respondents: pd.DataFrame
    by: str | None
    total: str | None
    method: str
    level: float
    small: int
    is_weighted: bool
    n_used: int
    n_dropped: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return counts and shares by option.

        Returns
        -------
        pandas.DataFrame
            The group's column, ``item, option, count, weighted, share, conf_low, conf_high, n,
            share_of_answers, small``. ``n`` is who answered, those who ticked nothing included;
            ``share`` their share that ticked the option, so that shares add up to more than 1 as
            soon as people tick several; ``share_of_answers`` add up to 1.
        """
        return self.data.copy()

    def table(self, *, lang: Lang = "sv", decimals: int = 0, sort: bool = True) -> pd.DataFrame:
        """Set the table as a report prints it.

        Parameters
        ----------
        lang : {"sv", "en"}, default "sv"
            Language of headings and numbers.
        decimals : int, default 0
            Decimals of percentages.
        sort : bool, default True
            The most frequent options first, within the group; False keeps the order of the form.

        Returns
        -------
        pandas.DataFrame
            Texts: option, share of respondents, share of answers, n. Rows with fewer than
            ``small`` respondents have counts, "5 av 12".
        """
        import pandas as pd

        t, words = Typography(lang), free_headings(_WORDS[lang], (self.by,))
        rows: list[dict[str, object]] = []
        for one in self._ordered(sort).to_dict("records"):
            count, n = int(one["count"]), int(one["n"])
            share = self._share_text(count, n, float(one["share"]), t, decimals)
            row: dict[str, object] = {} if self.by is None else {self.by: one[self.by]}
            row[words["option"]] = one["option"]
            row[words["share"]] = share
            row[words["answers"]] = (
                "" if one["small"] else t.percent(100 * float(one["share_of_answers"]), decimals)
            )
            row["n"] = t.integer(n)
            rows.append(row)
        return pd.DataFrame(rows)

    def _share_text(self, count: int, n: int, share: float, t: Typography, decimals: int) -> str:
        """Write one share; a count if few answered."""
        if not n:
            return EN_DASH
        if n < self.small:
            return f"{t.integer(count)} {_OF[t.lang]} {t.integer(n)}"
        return t.percent(100 * share, decimals) if self.is_weighted else t.share(count, n, decimals)

    def _ordered(self, sort: bool) -> pd.DataFrame:
        """Return the rows, sorted within their group if asked for."""
        if not sort:
            return self.data
        group = np.arange(len(self.data)) // self.data["item"].nunique()
        return self.data.iloc[np.lexsort((-self.data["share"].to_numpy(), group))]

    def plot(
        self,
        ax: Axes | None = None,
        *,
        group: object = None,
        sort: bool = True,
        lang: Lang = "sv",
    ) -> Axes:
        """Draw the share of respondents by option, with intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw.
        group : object, optional
            The group to draw, where there are groups; that of all together if there is one.
        sort : bool, default True
            The most frequent options first.
        lang : {"sv", "en"}, default "sv"
            Language of numbers and words.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        evalkit.errors.InputError
            If there are groups and none, or one that does not exist, is named.
        """
        from evalkit.plots.rates import draw_rates

        data = self._ordered(sort)
        group = self.total if group is None else group
        if self.by is not None:
            groups = list(dict.fromkeys(data[self.by].tolist()))
            if group not in groups:
                raise InputError.of(
                    "group", required=f"one of the groups by {self.by}", got=repr(group),
                    remedy="Groups: " + ", ".join(map(repr, groups)) + ".",
                )  # fmt: skip
            data = data[data[self.by] == group]
        elif group is not None:
            raise InputError.of("group", required="left out without groups", got=repr(group))
        t = Typography(lang)
        points = data[["share", "conf_low", "conf_high"]].to_numpy(dtype=np.float64).copy()
        points[data["small"].to_numpy(dtype=np.bool_)] = np.nan
        beside = [
            self._share_text(int(count), int(n), float(share), t, 0)
            + ("" if n < self.small else f", n\u00a0=\u00a0{t.integer(int(n))}")
            for count, n, share in zip(data["count"], data["n"], data["share"], strict=True)
        ]
        axes = draw_rates(
            [str(option) for option in data["option"]], points, beside,
            level=self.level, ax=ax, lang=lang,
        )  # fmt: skip
        axes.xaxis.label.set_text(f"{_AXIS[lang]}, {axes.get_xlabel().split(', ', 1)[1]}")
        return axes

    def _head(self) -> list[str]:
        """Say what is counted, and on whom."""
        people = self.respondents
        if self.by is not None and self.total is not None:
            people = people[people[self.by] == self.total]
        who = people.groupby("kind", sort=False)["n"].sum()
        return [
            f"Multi-select question: {self.data['item'].nunique()} options; {self.method}",
            "Respondents: " + ", ".join(f"{kind} {n}" for kind, n in who.items()),
            sample_line(self.n_used, self.n_dropped),
        ]

    def __repr__(self) -> str:
        """Show the options in at most fifteen lines."""
        return text_block(self._head(), self.table(lang="en", sort=False), self.notes)

    def _repr_html_(self) -> str:
        """Show the options in a notebook."""
        return html_table(self._head(), self.table(lang="en", sort=False), self.notes)
