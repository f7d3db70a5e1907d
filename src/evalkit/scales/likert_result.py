"""Tables of Likert answers: counts, shares, the positive share and the balance, on two bases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.core.printing import html_table, sample_line, text_block
from evalkit.core.results import EffectTable
from evalkit.core.typography import EN_DASH, Lang, Typography
from evalkit.errors import InputError
from evalkit.scales.survey_counts import BASES, AnswerCounts, Base
from evalkit.scales.survey_data import NOT_ASKED
from evalkit.scales.survey_headings import free_headings
from evalkit.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.plots.likert import LikertRows

__all__ = ["LikertTable"]

_SIDE = {-1: "negative", 0: "neutral", 1: "positive"}
_WORDS = {
    "sv": {"statement": ("Påstående", "Fråga"), "n": ("n", "Antal svar"),
           "missing": ("Svar saknas", "Inget svar"), "positive": ("Positiva", "Positiva svar"),
           "net": ("Balans", "Positiva minus negativa")},
    "en": {"statement": ("Statement", "Question"), "n": ("n", "Number of answers"),
           "missing": ("No answer", "Answer missing"), "positive": ("Positive", "Positive answers"),
           "net": ("Net", "Positive minus negative")},
}  # fmt: skip
_OF = {"sv": "av", "en": "of"}
_CELL, _ROOM = (
    4,
    48,
)  # in print: characters of a level's column, and of all before they are numbered


@dataclass(frozen=True, eq=False, repr=False)
class LikertTable:
    """How the answers to statements divide over the levels of one scale.

    Attributes
    ----------
    counts : AnswerCounts
        The counts by group, statement and level.
    sides : tuple of int or None
        -1, 0 or 1 by level of the scale; None if nobody has said which levels are positive.
    level : float
        Confidence level.
    small : int
        Rows with fewer answers are shown as counts.
    notes : tuple of str
        Sentences that belong with the numbers.
    """

    counts: AnswerCounts
    sides: tuple[int, ...] | None
    level: float
    small: int
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """How the intervals are made."""
        counts = self.counts
        method = "Wilson"
        if counts.is_weighted:
            method += " with the effective n"
        if not np.isnan(counts.population).all():
            method += ", finite population"
        return method

    def to_frame(self) -> pd.DataFrame:
        """Return counts and shares of every level.

        Returns
        -------
        pandas.DataFrame
            One row for each group, statement, base and level, unused levels too: the group's
            column, ``item, statement, base, category, side, count, weighted, share, conf_low,
            conf_high, n, small``. ``base`` is "decided" (answers on the scale) or "all" (those
            beside it too); ``n`` is the persons in the base, ``weighted`` the sum of sampling
            weights (without them the count), ``small`` whether `n` is below the limit.
        """
        import pandas as pd

        counts, width = self.counts, len(self.counts.levels.labels)
        sides = [""] * width if self.sides is None else [_SIDE[side] for side in self.sides]
        sides = [*sides, *(["outside"] * len(counts.levels.outside))]
        parts: list[pd.DataFrame] = []
        order: list[IntArray] = []
        for base in BASES:
            found, n = counts.shares(base, self.level), counts.n(base)
            size = found.estimate.shape[2]
            columns = self._keys(size) | {
                "base": base,
                "category": list(counts.levels.all_labels[:size]) * n.size,
                "side": sides[:size] * n.size,
                "count": counts.count[:, :, :size].ravel(),
                "weighted": counts.weighted[:, :, :size].ravel(),
                "share": found.estimate.ravel(),
                "conf_low": found.low.ravel(),
                "conf_high": found.high.ravel(),
                "n": np.repeat(n.ravel(), size),
                "small": np.repeat(n.ravel() < self.small, size),
            }
            parts.append(pd.DataFrame(columns))
            order.append(np.repeat(np.arange(n.size), size))
        together = np.argsort(np.concatenate(order), kind="stable")  # the bases side by side
        return pd.concat(parts, ignore_index=True).iloc[together].reset_index(drop=True)

    def _keys(self, size: int) -> dict[str, Any]:
        """Return the columns that name rows of so many levels each."""
        counts = self.counts
        columns: dict[str, Any] = {}
        if counts.by is not None:
            columns[counts.by] = [
                group for group in counts.groups for _ in range(len(counts.items) * size)
            ]
        for name, texts in (("item", counts.items), ("statement", counts.statements)):
            columns[name] = [text for text in texts for _ in range(size)] * len(counts.groups)
        return columns

    def summary(self) -> EffectTable:
        """Return the positive and the negative share and their difference, on both bases.

        Returns
        -------
        EffectTable
            Terms ``positive, negative, net`` for each group, statement and base, with intervals.

        Raises
        ------
        evalkit.errors.InputError
            If nobody has said which levels are positive.
        """
        up, down = self._sides()
        counts, bases = self.counts, len(BASES)
        found = [
            part
            for base in BASES
            for part in (
                counts.side(up, base, self.level),
                counts.side(down, base, self.level),
                counts.balance(up, down, base, self.level),
            )
        ]

        rows = counts.count.shape[0] * counts.count.shape[1]
        size = np.stack([counts.n(base).ravel() for base in BASES], axis=1)
        columns = self._keys(bases * 3) | {
            "base": [base for base in BASES for _ in range(3)] * rows,
            "term": ["positive", "negative", "net"] * (rows * bases),
            "estimate": _interleaved([part.estimate for part in found]),
            "conf_low": _interleaved([part.low for part in found]),
            "conf_high": _interleaved([part.high for part in found]),
            "n": np.repeat(size.ravel(), 3),
        }
        return EffectTable.of(
            columns, estimand="Shares of answers, positive minus negative", method=self.method,
            level=self.level, n_used=counts.n_used, n_dropped=counts.n_dropped, notes=self.notes,
        )  # fmt: skip

    def missing_frame(self) -> pd.DataFrame:
        """Count those without an answer, by kind.

        Returns
        -------
        pandas.DataFrame
            The group's column, ``item, statement, kind, n``; kinds that occur.
        """
        import pandas as pd

        kinds = list(self.counts.missing)
        n = [self.counts.missing[kind].ravel() for kind in kinds]
        columns = self._keys(len(kinds)) | {
            "kind": kinds * int(np.prod(self.counts.count.shape[:2])),
            "n": np.stack(n, axis=1).ravel() if n else np.zeros(0, dtype=np.int64),
        }
        return pd.DataFrame(columns)

    def table(
        self, *, base: Base = "decided", lang: Lang = "sv", decimals: int = 0
    ) -> pd.DataFrame:
        """Set the table as a report prints it.

        Parameters
        ----------
        base : {"decided", "all"}
            Percentages of the answers on the scale, or also of those beside it.
        lang : {"sv", "en"}, default "sv"
            Language of headings and numbers.
        decimals : int, default 0
            Decimals of percentages.

        Returns
        -------
        pandas.DataFrame
            Texts, one row for each group and statement: a percentage by level, ``n``, the numbers
            beside the scale and without an answer although asked, the positive share (of more
            than two levels), and the balance in percentage points. Rows with fewer than ``small``
            answers have counts, "5 av 12"; with sampling weights too these are persons, unweighted.
        """
        import pandas as pd

        t, counts = Typography(lang), self.counts
        words, between = self._headings(lang), _OF[lang]
        shares, n = counts.shares(base, self.level).estimate, counts.n(base)
        kinds = [table for kind, table in counts.missing.items() if kind != NOT_ASKED]
        gone = sum(kinds, np.zeros(n.shape, dtype=np.int64))
        labels = counts.levels.all_labels[: shares.shape[2]]
        outer = [] if base == "all" else list(enumerate(counts.levels.outside, start=len(labels)))
        rows: list[dict[str, object]] = []
        for g, i in np.ndindex(*n.shape):
            answers = int(n[g, i])
            few = answers < self.small

            def cell(part: int, share: float, of: int = answers, counted: bool = few) -> str:
                if not of:
                    return EN_DASH
                if counted:
                    return f"{t.integer(part)} {between} {t.integer(of)}"
                if counts.is_weighted:
                    return t.percent(100 * share, decimals)
                return t.share(part, of, decimals)

            row: dict[str, object] = {} if counts.by is None else {counts.by: counts.groups[g]}
            row[words["statement"]] = counts.statements[i]
            for place, label in enumerate(labels):
                row[label] = cell(int(counts.count[g, i, place]), float(shares[g, i, place]))
            row[words["n"]] = t.integer(answers)
            for place, label in outer:
                row[label] = t.integer(int(counts.count[g, i, place]))
            row[words["missing"]] = t.integer(int(gone[g, i]))
            if self.sides is not None:
                up, down = self._sides()
                more, less = (int(counts.count[g, i, side].sum()) for side in (up, down))
                share = float(shares[g, i, up].sum())
                if len(self.sides) > 2:  # of two, the second has a column already
                    row[words["positive"]] = cell(more, share)
                net = share - float(shares[g, i, down].sum())
                text = f"{more - less:+d}".replace("-", "\u2212").replace("+0", "0")
                row[words["net"]] = (
                    EN_DASH if not answers else text + f" {between} {t.integer(answers)}"
                    if few else t.points(round(100 * net, 9), decimals, unit=False)
                )  # fmt: skip
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Literal["diverging", "stacked"] | None = None,
        center: Literal["split", "separate", "none"] = "split",
        sort: bool = True,
        lang: Lang = "sv",
    ) -> Axes | Figure:
        """Draw one bar for each statement; with groups one panel for each.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; not with groups.
        kind : {"diverging", "stacked"}, optional
            Bars around a middle, or of 100 percent; by default the former for more than three
            levels whose sides are known.
        center : {"split", "separate", "none"}, default "split"
            What happens to neutral answers.
        sort : bool, default True
            Sort by the positive share; False keeps the order of the statements.
        lang : {"sv", "en"}, default "sv"
            Language of numbers and words.

        Returns
        -------
        matplotlib.axes.Axes or matplotlib.figure.Figure
            The axes, or the figure with a panel for each group.

        Raises
        ------
        evalkit.errors.InputError
            If a diverging chart is asked for and nobody has said which levels are positive, or
            axes are given for several panels.
        """
        from evalkit.plots.likert import draw_likert, draw_likert_panels

        if kind is None:
            wide = self.sides is not None and len(self.sides) > 3
            kind = "diverging" if wide else "stacked"
        if kind == "diverging":
            self._sides()
        style: dict[str, Any] = {
            "kind": kind, "center": center, "sort": sort, "small": self.small, "lang": lang,
        }  # fmt: skip
        if self.counts.by is None:
            return draw_likert(self.chart_rows(), ax=ax, **style)
        if ax is not None:
            raise InputError.of("ax", required="left out with groups", got="axes",
                                remedy="Each group gets a panel of one figure.")  # fmt: skip
        panels = {str(group): self.chart_rows(g) for g, group in enumerate(self.counts.groups)}
        return draw_likert_panels(panels, **style)

    def chart_rows(self, group: int = 0, *, labels: tuple[str, ...] | None = None) -> LikertRows:
        """Return what a chart of one group shows.

        Parameters
        ----------
        group : int, default 0
            Position of the group.
        labels : tuple of str, optional
            Other names for the levels of the scale.

        Returns
        -------
        LikertRows
            Statements, levels, counts and numbers of answers.
        """
        from evalkit.plots.likert import LikertRows

        counts, width = self.counts, len(self.counts.levels.labels)
        n = counts.n("decided")[group]
        few = (n < self.small)[:, None]  # shown as numbers of persons, whatever their weights
        persons = np.asarray(counts.count[group], dtype=np.float64)
        answers: FloatArray = np.where(few, persons, counts.weighted[group])
        return LikertRows(
            labels=counts.statements,
            categories=counts.levels.labels if labels is None else labels,
            sides=(0,) * width if self.sides is None else self.sides,
            counts=answers[:, :width],
            n=tuple(int(number) for number in n),
            outside=tuple(
                (label, answers[:, place])
                for place, label in enumerate(counts.levels.outside, start=width)
            ),
        )

    def _headings(self, lang: Lang) -> dict[str, str]:
        """Return the headings that are not the caller's."""
        return free_headings(_WORDS[lang], (self.counts.by, *self.counts.levels.all_labels))

    def _sides(self) -> tuple[list[int], list[int]]:
        """Return the positions of the positive and of the negative levels."""
        if self.sides is None:
            raise InputError.of(
                "positive", required="given to likert_table: which levels are positive?",
                got="None", where=self.counts.levels.labels,
                remedy="A scale has no midpoint by itself: pass neutral=[...] or positive=[...].",
            )  # fmt: skip
        return tuple([i for i, side in enumerate(self.sides) if side == s] for s in (1, -1))  # pyright: ignore[reportReturnType]

    def _shown(self, *, room: int) -> tuple[list[str], pd.DataFrame]:
        """Return the lines above the printed table, and the table; long levels as numbers."""
        counts, labels = self.counts, self.counts.levels.labels
        groups = "" if counts.by is None else f", {len(counts.groups)} groups by {counts.by}"
        data, words = self.table(lang="en"), self._headings("en")
        first = [words[name] for name in ("statement", "n", "positive", "net")]
        first = [name for name in (counts.by, *first) if name in data]
        data = data[[*first, *(name for name in data if name not in first)]]
        if sum(max(len(label), _CELL) for label in labels) > room:
            data = data.rename(columns={label: f"{i}." for i, label in enumerate(labels, start=1)})
            labels = [f"{i}. {label}" for i, label in enumerate(labels, start=1)]
        statements = "1 statement" if len(counts.items) == 1 else f"{len(counts.items)} statements"
        head = [
            f"Likert table: {statements}{groups}; levels {', '.join(labels)}",
            f"Percent of answers on the scale; {self.method}; counts below n = {self.small}",
            sample_line(counts.n_used, counts.n_dropped),
        ]
        return head, data

    def __repr__(self) -> str:
        """Show the table in at most fifteen lines."""
        head, data = self._shown(room=_ROOM)
        return text_block(head, data, self.notes)

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        head, data = self._shown(room=10_000)
        return html_table(head, data, self.notes)


def _interleaved(parts: Sequence[FloatArray]) -> FloatArray:
    """Lay arrays out one beside the other, element by element."""
    return np.stack([part.ravel() for part in parts], axis=1).ravel()
